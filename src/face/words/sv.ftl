# Sidornas ord på svenska.

## Överallt
app-name = Annals
nav-home = Hem
nav-find = Sök
nav-activity = Aktivitet
nav-batches = Ändringssatser
nav-deleted = Borttaget
nav-transfers = Överföringar
nav-copies = Kopior
nav-references = Referenser
nav-proof = Bevis
nav-recover = Återställ
nav-settings = Inställningar
nav-label = Sidor
skip-to-content = Gå till innehållet
moment-now = Du ser hur det är nu
moment-then = Du ser hur det var { $when }.
back-to-now = Tillbaka till nu
search-label = Sök
search-button = Sök
language-label = Språk
count-changes =
    { $n ->
        [one] { $n } ändring
       *[other] { $n } ändringar
    }

## Omdöme
safe = Säkert
not-safe = Inte säkert

## Fel
error-title = Det gick inte
error-next = Vad du kan göra

## Hem
home-title = Är vi säkra?

## Ram
nav-browse = Tillbaka i tiden
nav-plan = Ångra
nav-realign = Justera
menu-documents = Dokument
menu-changes = Ändringar
menu-safety = Säkerhet
menu-open = Meny
search-hint = Ett dokuments namn
tenant-label = Verksamhet
tenant-more =
    { $n ->
        [one] och { $count } till
       *[other] och { $count } till
    }
you-are = Du är
moment-calm = Inget ändras av att du tittar.
moment-other = Titta på en annan tidpunkt
moment-label = Tidpunkt
moment-go = Visa den tidpunkten
moment-forms = Till exempel 2018-09-18 eller 2018-09-18 14:02
error-home = Gå till startsidan
live-slow = Agenten svarar inte. Det du ser kan vara gammalt.

## Delar
months = jan. feb. mars apr. maj juni juli aug. sep. okt. nov. dec.
time-short = { $day } { $month } { $year } { $clock }
span-ago = för { $span } sedan
span-second =
    { $n ->
        [one] { $count } sekund
       *[other] { $count } sekunder
    }
span-minute =
    { $n ->
        [one] { $count } minut
       *[other] { $count } minuter
    }
span-hour =
    { $n ->
        [one] { $count } timme
       *[other] { $count } timmar
    }
span-day =
    { $n ->
        [one] { $count } dag
       *[other] { $count } dagar
    }
span-month =
    { $n ->
        [one] { $count } månad
       *[other] { $count } månader
    }
span-year =
    { $n ->
        [one] { $count } år
       *[other] { $count } år
    }
size-bytes =
    { $n ->
        [one] { $count } byte
       *[other] { $count } byte
    }
who-nobody = ingen angiven
cause-undo = Ångrad: ändring { $batch }
cause-rollback = Tillbaka till hur det var efter ändring { $batch }
cause-restore = Återställt
column-acts = Vad du kan göra
pager-label = Mer av listan
toast-recorded =
    { $n ->
        [one] { $count } ändring är sparad, som nummer { $batch }.
       *[other] { $count } ändringar är sparade tillsammans, som nummer { $batch }.
    }
toast-restored =
    { $n ->
        [one] { $count } dokument är återställt, som ändring { $batch }.
       *[other] { $count } dokument är återställda, som ändring { $batch }.
    }
toast-undone =
    { $n ->
        [one] { $count } ändring är ångrad, som ändring { $batch }.
       *[other] { $count } ändringar är ångrade, som ändring { $batch }.
    }
toast-undo = Ångra
toast-redo = Gör om det
toast-close = Stäng
keys-title = Tangenter
undo-last = Ångra den senaste ändringen, { $n }
keys-search = Sök
keys-rows = Upp och ned bland raderna
keys-enter = Öppna raden
keys-steps = Tidigare och senare
keys-compare = Jämför
keys-plan = Plan: återställ eller ångra
keys-undo = Ångra det som gjordes senast
keys-now = Tillbaka till nu
keys-help = De här tangenterna
keys-back = Stäng, eller gå tillbaka

## Listor
column-document = Dokument
column-version = Version
column-when = När
column-when-who = När och vem
column-who = Vem
column-why = Varför
column-size = Storlek
column-state = Tillstånd
column-since = Sedan
column-field = Fält
column-value = Värde
column-old = Gammalt värde
column-new = Nytt värde
column-old-line = Gammal rad
column-new-line = Ny rad
column-line = Text
column-fact = Vad
column-system = System
column-id = Nummer där
column-removed = Borttaget
column-choose = Välj
column-change = Ändring
column-what = Vad
column-copy = Kopia
column-received = Senast mottaget
column-lacks = Saknar
by = av
change-count =
    { $n ->
        [one] { $count } ändring
       *[other] { $count } ändringar
    }
versions-newest = Nyaste
versions-older = Äldre
trail-label = Var det ligger
trail-all = Alla dokument

## Värden
value-empty = tomt
value-null = inget värde
value-absent = finns inte
value-true = ja
value-false = nej
value-was = före:
value-is = nu:
field-whole = hela dokumentet

## Dokument
document-versions =
    { $n ->
        [one] { $count } version
       *[other] { $count } versioner
    }
document-references =
    { $n ->
        [one] { $count } referens
       *[other] { $count } referenser
    }
document-current = Gällande
document-hold = Spärrat för gallring:
document-version-of = Version { $n } av { $all }
document-removed = Borttaget
document-not-yet = Fanns inte ännu
document-never = Det har aldrig haft någon version.
document-fields = Fältens historik
document-group = Med allt som hör till
document-open = Öppna
document-put-back = Återställ
put-back-current = Gör gällande igen
put-back-copy = Återställ som kopia
compare-current = Jämför med gällande
compare-before = Jämför med föregående version
removed-when = Det togs bort
removed-back = Inget är förlorat: den sista versionen, v{ $n }, kan återställas, och det kan ångras.
exists-since = Det finns sedan
versions-title = Versioner
step-removed = Borttaget
time-label = Dokumentet i tiden
time-earlier = Tidigare
time-later = Senare
stop-one = v{ $n } · { $when }
stop-many = v{ $first } till v{ $last } · { $when }
stop-removed = Borttaget · { $when }
meta-title = Uppgifter om versionen
meta-size = Storlek
meta-media = Typ
meta-modified = Filen ändrad
meta-mode = Filens rättigheter
meta-valid-from = Gäller från
meta-valid-until = Gäller till
meta-digest = Fingeravtryck
content-fields = Fält
content-text = Text med radnummer
content-empty = Ett tomt dokument
content-directory = En mapp
content-link = En länk till
content-binary = Kan inte visas här; Öppna laddar ned det
content-more-fields =
    { $n ->
        [one] { $count } fält till; Öppna laddar ned allt
       *[other] { $count } fält till; Öppna laddar ned allt
    }
content-more-text = Det här är början. Öppna laddar ned allt, { $size }.
picture-of = Bild av { $version }
references-title = Referenser i andra system
references-more =
    { $n ->
        [one] och { $count } till
       *[other] och { $count } till
    }
reference-fixed = Kan inte återkallas
reference-expires = upphör

## Jämför
compare-title = Jämför
compare-of = Jämför { $name }
compare-document = Tillbaka till dokumentet
compare-old = Äldre version
compare-new = Nyare version
compare-button = Jämför dessa
compare-swap = Byt plats
compare-earlier = De två före
compare-later = De två efter
compare-same = De två versionerna är lika
compare-same-words = Byte för byte.
compare-layout = Inget fält har ändrats
compare-layout-words = Bara mellanrum eller fältens ordning skiljer sig.
compare-table = Vad som skiljer de två versionerna
compare-text = Skillnader rad för rad
compare-binary = Jämförda efter storlek och fingeravtryck
compare-fields-changed =
    { $n ->
        [one] { $count } fält skiljer sig
       *[other] { $count } fält skiljer sig
    }
compare-fields-same =
    { $n ->
        [one] { $count } är lika
       *[other] { $count } är lika
    }
compare-lines-added =
    { $n ->
        [one] { $count } rad tillagd
       *[other] { $count } rader tillagda
    }
compare-lines-removed =
    { $n ->
        [one] { $count } rad borttagen
       *[other] { $count } rader borttagna
    }
compare-more-lines =
    { $n ->
        [one] och { $count } rad till
       *[other] och { $count } rader till
    }
compare-all =
    { $n ->
        [one] Visa även det { $count } fält som är lika
       *[other] Visa även de { $count } fält som är lika
    }
compare-changed-only = Visa bara det som skiljer sig
compare-first = De första fälten
compare-next =
    { $n ->
        [one] { $count } fält till
       *[other] { $count } fält till
    }
fields-title = Fältens historik för
fields-of = Fält i { $name }
fields-table = Vad varje version gjorde med fälten, nyaste först
fields-only = Bara detta fält
fields-hint = status
fields-button = Visa historiken
fields-all = Visa alla fält
fields-none = Ingen fältändring här
fields-none-here = Ingen bland dessa versioner; äldre kan ha några.
fields-none-ever = Dokumentet har inga fält, eller inget av dem har ändrats.
fields-passed-over = Denna version har inga fält

## Sök
find-title = Sök dokument
find-name = Namn
find-name-hint = Början, eller med * för vad som helst: fall/*brev*
find-field = Vad ett fält säger
find-field-hint = fält=värde, till exempel status=öppen
find-ref = Nummer i ett annat system
find-ref-hint = system:nummer, till exempel svarut:77
find-by = Vem som sparade eller tog bort det
find-by-hint = Namnet som det står i historiken
find-at = Som det var
find-at-hint = En dag eller en tidpunkt, till exempel 2018-09-18; nu om tomt
find-living = Utelämna det som tagits bort
find-button = Sök dokument
find-results = Dokument som hittats
find-by-reference = Dokument med detta nummer i ett annat system
find-none = Inga dokument hittades
find-none-words = Alla dokument har gåtts igenom, även de borttagna.
find-not-yet = Inget hittat än så länge
find-not-yet-words = Det finns fler dokument att gå igenom.
find-on = Sök vidare
find-next = Nästa sida
find-first = Första sidan
find-anywhere = Sök efter ”{ $name }” var som helst i namnen
find-empty = Vad söker du?
find-empty-words = Fyll i ett eller flera fält; alla måste stämma. Även det som tagits bort hittas.

## Tillbaka i tiden
browse-title = Alla dokument
browse-words = Som de var vid tidpunkten du tittar på. Piltangenterna leder till ändringen före och efter.
browse-folder = mapp
browse-group = Se det samlat
browse-deleted = Vad som tagits bort här
browse-back-to = Gör en plan för att återställa allt till denna tidpunkt
browse-empty = Inget här
browse-empty-words = Inga dokument ligger här nu. Det som tagits bort kan återställas.
browse-empty-then = Inga dokument låg här vid den tidpunkten.
steps-label = Från ändring till ändring
steps-earlier = Föregående ändring
steps-later = Nästa ändring
steps-change = Efter ändring { $n }
steps-nothing = Före den första ändringen
group-title = med allt som hör till
group-table = Det som hör ihop, vid denna tidpunkt
group-existing =
    { $n ->
        [one] { $count } dokument fanns
       *[other] { $count } dokument fanns
    }
group-members =
    { $n ->
        [one] { $count } genom tiderna
       *[other] { $count } genom tiderna
    }
group-more =
    { $n ->
        [one] och { $count } till
       *[other] och { $count } till
    }
group-changed = Vad denna ändring gjorde
group-not-yet = Vid denna tidpunkt fanns inget av det. Nästa ändring visar när det började.
group-none = Inga dokument hör hit
group-none-words = Det har aldrig funnits ett dokument med detta namn eller under det.
group-cut =
    { $n ->
        [one] Bara en del visas: högst { $count } dokument ses samlat.
       *[other] Bara en del visas: högst { $count } dokument ses samlat.
    }
group-with = Vad mer som hör till
group-with-label = Namn, ett på varje rad
group-with-hint = Med * för vad som helst och, efter ett ?, ett fält som måste säga det: fall/*?klient=38754
group-with-button = Se allt samlat
state-exists = Fanns

## Borttaget
deleted-title = Borttagna dokument
deleted-words = De nyaste först. Inget är förlorat: alla kan återställas, och det kan ångras.
deleted-below = Bara namn som börjar med
deleted-filter = Visa dessa
deleted-all = Visa alla
deleted-choose = Välj { $name }
deleted-choose-all = Välj alla på denna sida
deleted-put-back-one = Återställ { $name }
deleted-plan = Gör en plan för att återställa de valda
deleted-older = Borttagna tidigare
deleted-none = Inget är borttaget
deleted-none-words = Dokument som tas bort listas här, med vem, när och varför.
deleted-none-here = Inga bland dessa; det finns äldre att gå igenom.

## Omdömet och vad det vilar på
home-safe = Ja, vi är säkra
home-not-safe = Nej, inte nu
verdict-damaged = Något som sparats är skadat här. Bevis visar vad, och hur det hämtas tillbaka från en kopia.
verdict-behind = { $tenant } är äldre här än { $witness } känner den. Justera visar vad som saknas; inget skickas under tiden.
verdict-amnesia = { $tenant } har glömt det som { $witness } känner. Justera hämtar tillbaka det; inget skickas under tiden.
verdict-forked = { $tenant } har skilts från { $witness }: båda har gått vidare var för sig. Justera för dem samman; inget skickas under tiden.
verdict-clone = { $tenant } är en kopia av ett annat lager som { $witness } känner. Justera avgör vilket som går vidare; inget skickas under tiden.
verdict-foreign = { $witness } har { $tenant } från en annan plats. Ange rätt plats i inställningarna; inget skickas.
verdict-database = Databasen { $names } har gått tillbaka i tiden. Justera visar båda sidor; inget av den sparas eller skickas under tiden.
verdict-only-copy = Det här är den enda kopian: ingen plats för en till är inställd.
verdict-empty = Inget är sparat ännu, så inget kan gå förlorat.
verdict-offsite = Varje ändring finns även någon annanstans: { $remotes }.
verdict-offsite-later = Varje ändring finns även någon annanstans; { $remotes } följer efter.
verdict-waiting =
    { $n ->
        [one] { $count } ändring väntar på att skickas till { $remotes }, sedan { $age }; upp till { $limit } är tillåtet.
       *[other] { $count } ändringar väntar på att skickas till { $remotes }, den äldsta sedan { $age }; upp till { $limit } är tillåtet.
    }
verdict-late =
    { $n ->
        [one] { $count } ändring finns bara här, sedan { $age }; bara { $limit } är tillåtet. { $remotes } borde ha den.
       *[other] { $count } ändringar finns bara här, den äldsta sedan { $age }; bara { $limit } är tillåtet. { $remotes } borde ha dem.
    }
verdict-late-unlimited =
    { $n ->
        [one] { $count } ändring finns bara här, sedan { $age }. { $remotes } borde ha den.
       *[other] { $count } ändringar finns bara här, den äldsta sedan { $age }. { $remotes } borde ha dem.
    }
verdict-late-nowhere =
    { $n ->
        [one] { $count } ändring finns bara här, sedan { $age }; ingen kopia får ha den.
       *[other] { $count } ändringar finns bara här, den äldsta sedan { $age }; ingen kopia får ha dem.
    }
home-problems =
    { $n ->
        [one] { $count } sak behöver dig
       *[other] { $count } saker behöver dig
    }
problem-details = Vad som hände, i detalj
problem-space = Det finns inget utrymme kvar på disken
problem-space-do = Inget sparas förrän något är ledigt.
problem-config = Inställningarna kan inte användas
problem-config-do = De senaste som fungerade gäller fortfarande. Rätta annals.toml.
problem-damage = Något som sparats är skadat
problem-damage-do = Det kan hämtas tillbaka från en kopia.
problem-lineage = { $about } och dess kopior stämmer inte överens
problem-lineage-do = Inget skickas förrän båda sidor förts samman.
problem-database = Databasen { $about } har gått tillbaka i tiden
problem-database-do = Avgör vad som gäller, historiken eller det den säger nu.
problem-stale = Ändringar har funnits bara här för länge
problem-stale-do = Se vad överföringarna väntar på.
problem-remote = Kopian { $about } är inte som den ska
problem-remote-do = Se om den finns och svarar.
problem-drill = Återuppbyggnad från { $about } prövades och misslyckades
problem-drill-do = Se vad som var fel, rätta det och pröva igen.
problem-capture = Det som sparas från { $about } står stilla
problem-capture-do = Se vad det väntar på.
problem-job = Ett jobb misslyckades för många gånger: { $about }
problem-job-do = Åtgärda orsaken och låt det försöka igen.
home-offsite = De nyaste ändringarna
home-waiting =
    { $n ->
        [one] { $count } ändring finns än så länge bara här
       *[other] { $count } ändringar finns än så länge bara här
    }
home-allowed = Upp till { $limit } är tillåtet.
home-no-limit = Ingen har sagt hur länge det får vara: sätt stale_after i inställningarna.
home-meter = Ålder mot det som är tillåtet
home-nothing-waits = Inget väntar
home-all-offsite = Det som sparats finns även någon annanstans.
home-nothing-yet = Inget ännu
home-nothing-yet-words = Ändringar visas här så snart det finns några.
home-unknown = Skickas inte
home-see-above = Skälet står ovan.
home-proven = Senast bevisade återställning
home-rebuilt = Återuppbyggt från { $remote } på { $span }, och allt stämde.
home-never = Aldrig
home-never-words = En kopia som aldrig återuppbyggts är en förhoppning. Agenten övar enligt schema.
home-proof = Alla bevis
home-now = Vad som pågår nu
home-idle = Inget
home-progress = Hur långt det kommit
home-more-jobs =
    { $n ->
        [one] och { $count } till
       *[other] och { $count } till
    }
home-jobs-wait =
    { $n ->
        [one] { $count } jobb väntar
       *[other] { $count } jobb väntar
    }
home-transfers = Alla överföringar
doing-capture = Sparar { $subject }
doing-seal = Förseglar nya ändringar { $subject }
doing-ship = Skickar till { $subject }
doing-verify = Kontrollerar det som finns här { $subject }
doing-drill = Övar återuppbyggnad från { $subject }
doing-gc = Städar { $subject }
home-copies = Kopior
home-all-copies = Alla kopior och platser
home-no-copies = Det finns bara den här
home-no-copies-words = En kopia till på en annan plats gör det säkert.
copy-never = aldrig
copy-nothing = inget
copy-lacks =
    { $n ->
        [one] { $count } ändring
       *[other] { $count } ändringar
    }
health-good = Bra
health-waiting = Väntar
health-stale = För gammal
health-broken = Fungerar inte
home-changes = Senaste ändringar
home-all-changes = All aktivitet

## Coming in
stranger-title = Du är inte inne än
stranger-text = Öppna adressen som kommandot annals ui skriver ut. Den släpper in dig en gång.
code-used-title = Den här adressen har redan använts
code-used-text = Den släpper in en person en gång, inom tio minuter. Kommandot annals ui skriver ut en ny.
welcome-title = Du är inne
welcome-text = Startsidan öppnas av sig själv. <a href="/">Gå till startsidan</a>
left-title = Du har gått ut
left-text = Ingen kan använda sidorna i den här webbläsaren längre. Kommandot annals ui släpper in dig igen.
