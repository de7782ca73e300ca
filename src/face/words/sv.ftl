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
nav-realign = Samordna
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
moment-forms = Till exempel 2018-09-18, 2018-09-18 14:02, för 2 dagar sedan, i går 14:00
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
cause-realign = Förda samman: skildes efter ändring { $batch }
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
versions-hint = Välj en tidigare version för att se på den och återställa den.
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
content-erased = Raderat enligt lag: ingen har det längre
content-forgotten = Innehållet är glömt
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
verdict-behind = { $tenant } är äldre här än { $witness } känner den. Samordna visar vad som saknas; inget skickas under tiden.
verdict-amnesia = { $tenant } har glömt det som { $witness } känner. Samordna hämtar tillbaka det; inget skickas under tiden.
verdict-forked = { $tenant } har skilts från { $witness }: båda har gått vidare var för sig. Samordna för dem samman; inget skickas under tiden.
verdict-clone = { $tenant } är en kopia av ett annat lager som { $witness } känner. Samordna avgör vilket som går vidare; inget skickas under tiden.
verdict-foreign = { $witness } har { $tenant } från en annan plats. Ange rätt plats i inställningarna; inget skickas.
verdict-database = Databasen { $names } har gått tillbaka i tiden. Samordna visar båda sidor; inget av den sparas eller skickas under tiden.
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
verdict-problems =
    { $n ->
        [one] { $count } problem behöver någon.
       *[other] { $count } problem behöver någon.
    }
verdict-paused = Sändningen till { $remotes } är pausad; den fortsätter när någon trycker Fortsätt under Överföringar.
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
home-no-limit = Ingen har sagt hur länge det får vara: säg det i inställningarna, under ”En ändring får vänta”.
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
leave = Logga ut
left-title = Du har gått ut
left-text = Ingen kan använda sidorna i den här webbläsaren längre. Kommandot annals ui släpper in dig igen.

## Plan
plan-title = Ångra och återställ
plan-lead = Varje väg tillbaka börjar som en plan: du ser vad som ändras, avgör det som måste avgöras och trycker på en knapp. Ingenting går förlorat, och även detta kan ångras.
plan-undo = Ångra ändring { $batch }
plan-rollback = För tillbaka { $what } till { $when }
plan-rollback-start = För tillbaka { $what } till innan något sparats
plan-restore = Återställ { $what }
plan-everything = allt
plan-made = Gjord när den nyaste ändringen var nummer { $seq }
plan-file = Spara planen som fil
plan-forget = Kasta den här planen
plan-gone = Den här planen finns inte kvar.
plan-gone-hint = En plan sparas i en timme efter att någon tittat på den. Gör den på nytt; ingenting är ändrat.
plan-stale = Något har sparats sedan den här planen gjordes:
plan-stale-what = Planen görs på nytt så att inget av det skrivs över osett. Dina beslut behålls där de fortfarande passar.
plan-anew = Gör planen på nytt
plan-database = Detta är rader i en databas i drift. De skrivs till { $file } i en transaktion, och historiken följer med.
plan-count-put =
    { $n ->
        [one] får en tidigare version
       *[other] får en tidigare version
    }
plan-count-back =
    { $n ->
        [one] hämtas tillbaka
       *[other] hämtas tillbaka
    }
plan-count-remove =
    { $n ->
        [one] tas bort
       *[other] tas bort
    }
plan-count-merge =
    { $n ->
        [one] sammanfogas fält för fält
       *[other] sammanfogas fält för fält
    }
plan-count-open =
    { $n ->
        [one] kräver ditt beslut
       *[other] kräver ditt beslut
    }
plan-count-skip =
    { $n ->
        [one] förblir som det är
       *[other] förblir som de är
    }
plan-count-already =
    { $n ->
        [one] är redan rätt
       *[other] är redan rätt
    }
plan-count-outside =
    { $n ->
        [one] extern referens står kvar
       *[other] externa referenser står kvar
    }
plan-fetch = Att hämta
plan-fetch-nothing = ingenting: alla tidigare versioner finns på den här maskinen
plan-write = Att skriva
plan-time = Tid
plan-time-moment = ett ögonblick
plan-history = Historik
plan-history-kept = förblir hel: det som ersätts finns kvar som tidigare versioner
plan-nothing = Inget att göra
plan-nothing-what = Allt är redan som den här planen skulle göra det.
plan-decide =
    { $n ->
        [one] { $count } dokument kräver ditt beslut
       *[other] { $count } dokument kräver ditt beslut
    }
plan-decide-what = De har ändrats igen sedan dess, på samma ställe. Det du inte avgör förblir som det är nu.
plan-all = För alla:
plan-all-skip = Låt dem vara som nu
plan-all-merge = Återställ det som ingen ändrat sedan dess
plan-all-override = Återställ allt
plan-decide-keep = Behåll dessa beslut
plan-decide-kept-too = Knappen längst ned tar också med dem.
plan-undecided = inte avgjort
plan-decided = avgjort
plan-gone-since = togs bort sedan dess
plan-choice-skip = Låt det vara som nu
plan-choice-merge = Återställ det som ingen ändrat sedan dess, och avgör resten fält för fält
plan-choice-override = Återställ allt som det var, även över det som ändrats sedan dess
plan-choice-remove = Ta bort det: det fanns inte tidigare
plan-fields-of = Fält i { $key } som ändrats sedan dess
plan-field-name = Fält
plan-field-before = Före
plan-field-after = Efter ändringen
plan-field-now = Nu
plan-field-take = Behåll
plan-take-of = Vad { $field } ska vara
plan-take-now = som nu
plan-take-before = som förut
plan-outside =
    { $n ->
        [one] { $count } referens till externa system
       *[other] { $count } referenser till externa system
    }
plan-outside-stays =
    { $n ->
        [one] { $count } är levererad och kan inte återkallas.
       *[other] { $count } är levererade och kan inte återkallas.
    }
plan-outside-what = Det som finns i ett annat system rörs inte härifrån. Ska det följa med, säg till den som driver systemet.
plan-outside-table = Referenser som står kvar
plan-cannot-recall = kan inte återkallas
plan-later = tillkom efter den tidpunkten
plan-changes =
    { $n ->
        [one] Vad som händer med { $count } dokument
       *[other] Vad som händer med { $count } dokument
    }
plan-column-what = Vad som händer
plan-column-values = Nu → sedan
plan-none = ingen
plan-fate-skip = förblir som det är
plan-fate-lost = står kvar: de tidigare data är glömda
plan-fate-nothing = är redan rätt
plan-fate-remove = tas bort
plan-fate-back = hämtas tillbaka
plan-fate-put = får en tidigare version
plan-fate-merge = sammanfogas
plan-confirm = Gör det
plan-reason-label = Varför
plan-reason-what = Står i historiken bredvid ditt namn. Lämnas det tomt skrivs en mening åt dig.
plan-confirm-type = Bekräfta genom att skriva: { $name }
plan-confirm-wrong = Det var inte namnet. Ingenting är ändrat.
plan-confirm-why = Fler än { $n } dokument ändras på en gång.
plan-do-undo =
    { $n ->
        [one] Ångra denna { $count } ändring
       *[other] Ångra dessa { $count } ändringar
    }
plan-do-rollback =
    { $n ->
        [one] För tillbaka { $count } dokument
       *[other] För tillbaka { $count } dokument
    }
plan-do-restore =
    { $n ->
        [one] Återställ { $count } dokument
       *[other] Återställ { $count } dokument
    }
plan-nothing-decided = Som det är avgjort nu ändras ingenting.
plan-open-left =
    { $n ->
        [one] { $count } oavgjort dokument förblir som det är.
       *[other] { $count } oavgjorda dokument förblir som de är.
    }
plan-can-undo = Detta blir en egen ändring i historiken och kan ångras som alla andra.
plan-done =
    { $n ->
        [one] { $count } dokument ändrades.
       *[other] { $count } dokument ändrades.
    }
plan-done-what = Det som stod där förut finns kvar i varje dokuments historik.
plan-done-nothing = Det fanns inget att göra: allt var redan som det skulle.
plan-done-undo = Ångra detta
plan-done-activity = Se det i aktiviteten
plan-skipped =
    { $n ->
        [one] { $count } dokument lämnades som det är
       *[other] { $count } dokument lämnades som de är
    }
plan-pending =
    { $n ->
        [one] { $count } rad som databasen inte tillåter
       *[other] { $count } rader som databasen inte tillåter
    }
plan-position = Historiken slutar nu vid ändring { $seq }.
plan-open = Planer som du har öppna
plan-open-done = utförd
plan-open-waits =
    { $n ->
        [one] { $count } dokument skulle ändras
       *[other] { $count } dokument skulle ändras
    }
plan-start-rollback = För tillbaka till en tidpunkt
plan-start-rollback-what = Allt, eller det som finns under ett namn, blir som det var då: det som kom senare går bort, det som togs bort kommer tillbaka.
plan-start-prefix = Bara under
plan-start-prefix-what = Början på namn, som sak/. Tomt: allt.
plan-start-undo = Ångra en ändring
plan-start-undo-what = En ändring kan gälla tusentals dokument som sparades tillsammans.
plan-start-number = Ändringens nummer
plan-start-batches = Hitta den bland ändringsgrupperna
plan-start-redo = Gör om det som ändring { $batch } ångrade
plan-start-restore = Återställ dokument
plan-start-restore-what = Ett dokument eller en mapp som det var vid en tidpunkt. Det som kom senare står kvar.
plan-start-key = Dokument, eller mapp med / på slutet
plan-start-when = Som det var
plan-start-when-what = Tomt: den sista versionen av det som tagits bort.
plan-start-show = Visa vad som skulle ändras
col-number = Nummer
col-when = När
col-who = Vem
col-why = Varför
col-changes = Ändringar
col-document = Dokument
col-state = Tillstånd
col-versions = Versioner
col-old-new = Gammalt värde → nytt värde
col-reference = Referens
turn-before = Föregående
turn-after = Nästa
turn-first = Från början
turn-newest = Nyaste
turn-older = Äldre
rows-more =
    { $n ->
        [one] och { $count } till
       *[other] och { $count } till
    }
look-further = Inget har hittats hittills. Det som inte setts igenom finns under Äldre.
inline-same = ingen skillnad
inline-layout = bara uppställningen skiljer sig
inline-more-fields =
    { $n ->
        [one] och { $count } fält till
       *[other] och { $count } fält till
    }
inline-lines = { $added } rader tillagda, { $removed } borttagna
inline-whole = hela
inline-was = var
inline-is = är nu
inline-nothing = finns inte
inline-empty = tom text

## Batches
batches-title = Ändringsgrupper
batches-lead = En import, en uppdatering av många rader, en dags mapp: sparat som en ändring, och ångrat som en.
batches-which = Vilka ändringar
batches-bulk = { $n } eller fler
batches-all = Alla
batches-none = Inga ändringar här
batches-none-what = Något så stort har inte sparats ännu.
batch-word = ändring
batch-number = Ändring { $batch }
batch-undo =
    { $n ->
        [one] Ångra denna { $count } ändring
       *[other] Ångra dessa { $count } ändringar
    }
batch-in-effect = gäller
batch-undone = ångrad
batch-undone-by = av ändring { $batch }
batch-before = För tillbaka allt till före detta
batch-origin = från
batch-clock = klockan gick efter historiken
batch-changes = Vad som ändrades
batch-empty = Den här ändringen är tom.
batch-around = Ändringar före och efter
batch-proof = Bevis
batch-digest = Kontrollsumma för historiken hit
batch-request = Begäran
count-of-changes =
    { $n ->
        [one] { $count } ändring
       *[other] { $count } ändringar
    }
did-added = tillagt
did-returned = hämtat tillbaka
did-changed = ändrat
did-removed = borttaget
did-referred = referens
did-marked = märke
did-held = spärr
did-lifted = spärr hävd
did-forgotten = data glömda
did-erased = raderat enligt lag
did-undo = ångrat
did-rollback = återfört i tid
did-restore = återställt

## Activity
activity-title = Aktivitet
activity-csv = Spara som CSV
activity-ndjson = Spara som NDJSON
activity-none = Inget här
activity-none-what = Inget som sparats passar det du söker.
activity-rest = Se resten av den här ändringen
activity-filter-who = Vem
activity-filter-kind = Vad som gjordes
activity-filter-any = vad som helst
activity-filter-prefix = Dokument eller mapp
activity-filter-from = Från
activity-filter-until = Till
activity-filter-show = Visa
activity-filter-clear = Visa allt

## Transfers
transfers-title = Överföringar och annat arbete
transfer-what = Vad
transfer-done = Klart
transfer-rate = Hastighet
transfer-left = Tid kvar
transfer-which = Vilket arbete
transfer-show-open = Inte klart
transfer-show-running = Pågår
transfer-show-waiting = Väntar
transfer-show-trouble = Har problem
transfer-show-over = Klart
transfer-find = Bara det som heter
transfer-none = Inget att göra
transfer-none-what = Arbete visas här när något ska skickas, kontrolleras eller övas.
transfer-pause-all = Pausa allt
transfer-resume-all = Låt allt fortsätta
transfer-n-running =
    { $n ->
        [one] { $count } pågår
       *[other] { $count } pågår
    }
transfer-n-waiting =
    { $n ->
        [one] { $count } väntar
       *[other] { $count } väntar
    }
transfer-n-paused =
    { $n ->
        [one] { $count } pausad
       *[other] { $count } pausade
    }
transfer-n-trouble =
    { $n ->
        [one] { $count } har problem
       *[other] { $count } har problem
    }
transfer-rate-all = { $rate }/s tillsammans
transfer-next = På schemat
rate = { $rate }/s
line-closed = Linjen används inte nu
line-rate = Högst { $rate }/s nu
line-changes = till
line-left = { $bytes } kvar av kvoten till
task-capture = Spela in
task-seal = Försegla det nya
task-ship = Skicka till
task-verify = Läs tillbaka det som finns här
task-drill = Öva återuppbyggnad från
task-gc = Städa det som inget behöver
task-forget = Släpp det som ingen regel behåller
task-compact = Ta bort det som är glömt från
task-apply = Genomför det som har bestämts
phase-uploading = laddar upp
phase-sealing = förseglar
phase-reading-back = läser tillbaka
phase-fetching = hämtar
phase-scanning = söker igenom
phase-checking-contents = kontrollerar innehåll
phase-checking-records = kontrollerar poster
phase-comparing = jämför
phase-reading = läser
phase-rebuilding = bygger upp igen
phase-writing = skriver
phase-writing-rows = skriver rader
phase-looking-for-garbage = letar efter det som inget behöver
phase-applying = registrerar
job-running = pågår
job-pausing = stannar på nästa säkra ställe
job-cancelling = avbryter på nästa säkra ställe
job-moved = senaste framsteg
job-waiting = väntar
job-outside = väntar på något utanför
job-paused = pausad
job-failed = misslyckades, försök { $n } av { $of } är nästa
job-dead = gav upp, väntar på dig
job-done = klart
job-cancelled = avbrutet
job-next = nästa
job-advice = Vad som hjälper:
job-do-pause = Pausa
job-do-resume = Fortsätt
job-do-cancel = Avbryt
job-do-retry = Försök nu
job-do-pause-this = Pausa { $what }, nummer { $id }
job-do-resume-this = Fortsätt { $what }, nummer { $id }
job-do-cancel-this = Avbryt { $what }, nummer { $id }
job-do-retry-this = Försök nu: { $what }, nummer { $id }
why-remote-absent = Disken eller mappen finns inte där.
why-remote-unreachable = Platsen svarar inte.
why-remote-timeout = Platsen var för långsam.
why-remote-rclone-missing = Programmet rclone är inte installerat.
why-drill-failed = Övningen lyckades inte.
why-verify-damage = Något som sparats är skadat.
why-source-missing = Det som ska spelas in finns inte där.
advice-plug-in = anslut disken eller montera mappen, så fortsätter det av sig självt.
advice-rclone = installera rclone och försök nu.
advice-realign = gå till Samordna; inget skickas innan dess.
advice-space = frigör plats på disken.
advice-source = se om mappen eller databasen finns där inställningarna säger.
advice-remote = kontrollera linjen och platsen under Inställningar.
advice-verify = se under Bevis och skicka igen.
advice-retry = läs varför, åtgärda det och försök nu.

## Realign
realign-title = Samordna historik och kopior
realign-lead = När en äldre kopia av ett lager eller en databas har lagts tillbaka, eller två maskiner har gått vidare från samma säkerhetskopia, finns det två historiker. Inget skickas förrän någon har valt; sparandet fortsätter under tiden.
realign-well = Allt stämmer.
realign-well-what = Inget här talar emot att detta lager är det nyaste. Att titta på båda sidor frågar kopiorna själva.
realign-in-line = Stämmer: varje kopia har det som sparats här, eller mindre av samma.
realign-behind = { $tenant } är äldre än det som denna plats redan skickat till { $other }
realign-amnesia = { $tenant } är tom här, och { $other } har historiken
realign-forked = { $tenant } och { $other } har skilts åt: båda har gått vidare efter den sista gemensamma ändringen
realign-clone = { $tenant }: en annan kopia av detta lager skriver samma historik ({ $other })
realign-foreign = { $other } har { $tenant } från en annan plats
realign-equal = { $tenant } stämmer med { $other }
realign-database = Databasen { $name } är äldre än sin historik
realign-database-forked = Databasen { $name } är äldre än sin historik, och har skrivits till sedan dess
realign-here = Här
realign-witness-machine = Den andra maskinen
realign-witness-file = Det denna maskin minns
realign-common = Sista ändringen som båda har
realign-place = Skrivet på
realign-fenced = Sparandet fortsätter. Inget skickas förrän detta är avgjort.
realign-file = Fil
realign-missing = Saknas här
realign-only-here = Bara här
realign-transactions =
    { $n ->
        [one] { $count } transaktion
       *[other] { $count } transaktioner
    }
realign-rows =
    { $n ->
        [one] { $count } rad
       *[other] { $count } rader
    }
realign-documents =
    { $n ->
        [one] { $count } dokument
       *[other] { $count } dokument
    }
realign-time-unknown = okänd tidpunkt
realign-look = Titta på båda sidor
realign-look-anyway = Jämför med kopiorna ändå
realign-look-what = Frågar kopiorna, ändrar inget.
realign-claim = Den här mappen är en kopia av ett lager
realign-claim-what = Om den andra är borta, eller fortsätter som en annan plats, kan denna vara platsen från och med nu. Om båda fortsätter som en plats skils historikerna åt.
realign-claim-do = Denna kopia är platsen från och med nu
realign-lines = Historik som lämnats
realign-lines-what = De kan läsas som allt annat, och finns kvar tills någon tar bort dem.
realign-ways = Fyra vägar
realign-recommended = rekommenderas
realign-shown = visas nedan
realign-show-this = Visa vad detta skulle göra
realign-keep-both = Hämta tillbaka det som saknas, behåll det nya
realign-keep-both-what = Det den andra sidan har hämtas; det som gjorts här sedan dess sparas igen efter det. Av ett dokument som båda ändrat behålls båda tillstånden.
realign-keep-ours = Denna kopia är sanningen
realign-keep-ours-what = Resten ligger kvar hos kopian som en egen linje som kan läsas.
realign-keep-theirs = Släpp det som bara finns här
realign-keep-theirs-what = Det som gjorts här sedan dess kan läsas som en egen linje, men gäller inte längre.
realign-keep-look = Bara titta, tills vidare
realign-keep-look-what = Allt förblir som det är. Inget skickas förrän någon har valt.
realign-browse = Se dig omkring
realign-do-both = För ihop båda
realign-do-ours = Ta denna kopia som sanningen
realign-do-theirs = Ta det kopian har
realign-can-undo = Inget förstörs: det som lämnas kan fortfarande läsas, och det som sparas igen kan ångras.
realign-does-not-fit = Som det är nu skulle databasen inte bli rätt efteråt. Avgör annorlunda ovan, eller se vad inställningarna säger om tabellerna.
realign-conflicts = Ändrat på båda sidor
realign-resurrected = Borttaget på ena sidan, ändrat på den andra: finns igen
realign-lost = Förlorat
realign-lost-what = Ändringarna { $first } till { $last } har funnits men finns inte hela någonstans.
realign-outside =
    { $n ->
        [one] { $count } referens till externa system berörs
       *[other] { $count } referenser till externa system berörs
    }
realign-database-now = Databasen
realign-history = Historiken
realign-same = Lika på båda sidor
realign-recompute = Räknat på nytt
realign-renumber = Nummer som två rader har
realign-invariants = Det som måste stämma
realign-invariant = Regel
realign-must = Ska vara
realign-now = Nu
realign-then = Efteråt
realign-holds = stämmer
realign-broken = stämmer inte
realign-tables = Tabeller
realign-table = Tabell
realign-policy = Vem avgör
realign-default = (som standard)
realign-differ = Rader som skiljer sig
policy-append = båda sidors rader behålls
policy-derived = räknas på nytt
policy-authority = historiken
policy-site = databasen
policy-field = fält för fält
policy-serial = båda, med nya nummer
policy-external = historiken, eftersom andra utanför känner till den
policy-documents = båda som versioner
realign-open =
    { $n ->
        [one] { $count } rad kräver ditt beslut
       *[other] { $count } rader kräver ditt beslut
    }
realign-open-left = Inte avgjort, nu som i historiken
realign-forbidden = Databasen tillåter inte detta
realign-take-history = Som i historiken
realign-take-here = Som i databasen
realign-done = { $tenant } stämmer vid ändring { $seq }.
realign-done-fetched =
    { $n ->
        [one] { $count } ändring hämtades.
       *[other] { $count } ändringar hämtades.
    }
realign-done-again =
    { $n ->
        [one] { $count } av våra sparades igen.
       *[other] { $count } av våra sparades igen.
    }
realign-done-written =
    { $n ->
        [one] { $count } rad skrevs till databasen.
       *[other] { $count } rader skrevs till databasen.
    }
realign-both-kept = Båda versionerna behållna av
realign-undo-again = Ångra det som sparades igen
realign-see-line = Se historiken som lämnades
realign-as-found = Se databasen som den hittades
realign-again = Titta igen
work-asked = Beställt av
work-goes-on = Detta fortsätter när du stänger sidan och när programmet avslutas. Vad som kommer ut av det står här och bland överföringarna.
work-not-done = Det som bestämdes genomfördes inte.
work-nothing-changed = Ingenting ändrades av det.
work-anew = Gör en ny plan

## Copies
copies-title = Kopior och platser
copies-lead = Var historiken finns förutom här, och om varje verksamhets regler följs.
copies-add = Lägg till en plats för kopior
copies-none = Det finns ingen kopia någon annanstans
copies-none-what = Om denna maskin går förlorad går allt förlorat. Lägg till en plats för kopior under Inställningar.
place-current = har allt
place-behind = något väntar på att skickas
place-unused = inget skickat ännu
place-waiting = inväntas
place-stale = för gammal
place-broken = fungerar inte
copies-address = Adress
copies-region = Region
copies-not-said = inte angiven
copies-operator = Driftbolagets land
copies-encryption = Kryptering
copies-encryption-what = förseglat här innan det skickas (XChaCha20-Poly1305)
copies-shipped = Senast skickat
copies-never = aldrig
copies-waits = Väntar
copies-objects = Objekt
copies-rate = Uppmätt linje
copies-verified = Kontrollerad
copies-drilled = Övad
copies-ship = Skicka nu
copies-tenants = Vem finns var
copies-verdict = Regler
copies-rule-regions = bara i
copies-rule-min =
    { $n ->
        [one] minst { $count } kopia
       *[other] minst { $count } kopior
    }
copies-not-allowed = får inte hit
copies-nothing = inget ännu
copies-behind =
    { $n ->
        [one] { $count } ändring efter
       *[other] { $count } ändringar efter
    }
copies-empty = inget att ta vara på ännu
copies-all = har allt
copies-kept =
    { $n ->
        [one] följs: { $count } hel kopia
       *[other] följs: { $count } hela kopior
    }
copies-missing = { $n } av { $wanted } hela kopior
copies-too-few-places = får gå till { $n } platser, behöver { $wanted }

## Proof
proof-title = Bevis
proof-lead = En säkerhetskopia som aldrig återställts är en förhoppning. Här står vad som lästs tillbaka och byggts upp igen, och hur lång tid det tog.
proof-local = Det som finns här
proof-local-what = Varje dag läses en del tillbaka och jämförs, så att allt ses ungefär en gång i månaden.
proof-do-verify = Läs tillbaka nästa del nu
proof-do-drill = Öva återuppbyggnad nu
proof-never = aldrig
proof-well = allt är bra
proof-not-well = något är fel
proof-rto = Tid till återställning
proof-rpo = Skulle ha förlorats
proof-seconds = { $n } sekunder
proof-nothing-lost = inget
proof-lost = ändringar från { $span }
proof-none = Inget är bevisat ännu
proof-none-what = Den första kontrollen körs inom ett dygn; en övning kan startas ovan.
proof-history = Vad som bevisats
proof-what = Vad
proof-found = Hittat
proof-read = Läst
proof-sample = delvis
proof-quick = poster och namn, inte varje byte
proof-kind-verify = Detta lager kontrollerat
proof-kind-patrol = En del av lagret läst tillbaka
proof-kind-remote = Kopia kontrollerad:
proof-kind-drill = Återuppbyggnad övad från
proof-terms = Tid till återställning kallas också RTO, det som skulle ha förlorats RPO. Båda är uppmätta, inte utlovade.

## References
ledger-title = Referenser till externa system
references-lead = Det som levererats, arkiverats eller skickats med ett id från ett annat system, och vad som blev av det.
references-which = Vilka referenser
references-show-all = Alla
references-show-removed = Dokumentet borttaget
references-show-expired = Utgångna
references-show-irrevocable = Kan inte återkallas
references-system = System
references-id = Id där
references-expires = Går ut
references-expired = utgången
references-soon = snart
references-removed = borttaget här, finns kvar där
references-none = Inga referenser här
references-none-what = Program lägger till dem när de levererar eller arkiverar ett dokument.
references-compare = Jämför med en lista utifrån
references-compare-what = Klistra in listan från det andra systemet (CSV, första raden med namnen id, och eventuellt system och state). Det som hänger i luften på någon sida visas; inget ändras.
references-compare-system = Tomt: som listan säger.
references-file = Fil
references-list = Lista
references-compare-do = Jämför
references-compared =
    { $n ->
        [one] Jämfört med { $count } rad
       *[other] Jämfört med { $count } rader
    }
references-same =
    { $n ->
        [one] { $count } är lika på båda sidor.
       *[other] { $count } är lika på båda sidor.
    }
references-expired-too =
    { $n ->
        [one] { $count } har gått ut där.
       *[other] { $count } har gått ut där.
    }
references-no-difference = ingen skillnad
references-differences = Vad som skiljer sig
references-difference = Skillnad
references-there = Där
references-missing-here = bara där
references-missing-there = bara här
references-differs = annat tillstånd
references-line = rad { $line }

## Recover
recover-title = Om denna maskin går förlorad
recover-lead = Vilken kopia som skulle användas, varför, och vad som skulle saknas.
recover-card-show = Återställningskort för utskrift
recover-none = Inget skulle kunna hämtas tillbaka.
recover-none-what = Inget har skickats till någon plats som svarar.
recover-best = { $name } skulle användas:
recover-best-all = den har allt som sparats här.
recover-best-most = den har mer än de andra.
recover-nothing-lost = Inget skulle gå förlorat.
recover-would-lose =
    { $n ->
        [one] { $count } ändring skulle gå förlorad,
       *[other] { $count } ändringar skulle gå förlorade,
    }
recover-since = från
recover-not-asked = Detta är vad lagret minns. Fråga kopiorna för att vara säker.
recover-check = Fråga alla kopior nu
recover-check-what = Listar det som finns där, ändrar inget.
recover-asked = Frågat
recover-copies = Kopior, den nyaste först
recover-copy = Kopia
recover-reached = Nådd
recover-shipped = Senast skickat
recover-lost = Skulle saknas
recover-proved = Övad
recover-newest = nyast
recover-unknown = inte frågad
recover-answers = svarar
recover-silent = svarar inte
recover-steps = Vad man gör då
recover-step-machine = Ta vilken maskin som helst och installera annals
recover-step-machine-what = Inget från den gamla behövs.
recover-step-sheet = Skriv in återställningsbladet i en fil, sheet.txt
recover-step-sheet-what = En rad med skrivfel pekas ut. Nyckelfilen fungerar också.
recover-step-browse = Titta först
recover-step-browse-what = Bygg upp det i en egen mapp, vid den tidpunkt du vill, och se dig omkring.
recover-step-full = Sedan allt
recover-step-full-what = Varje kontrollsumma jämförs; det som saknas pekas ut.
recover-step-go-on = Fortsätt
recover-step-go-on-what = Det återuppbyggda lagret är platsen från och med nu. Den första sändningen säger det till kopiorna.
card-title = Återställningskort
card-lead = Skriv ut det och förvara det där avtal förvaras. Det säger var kopiorna finns och vad man gör, och innehåller ingen hemlighet.
card-print = Skriv ut den här sidan
card-heading = Så hämtas { $site } tillbaka
card-site = Plats
card-fingerprint = Nyckelns fingeravtryck
card-date = Per
card-key = Nyckelfil
card-key-plain = öppnar sig själv: den som har den kan läsa allt
card-key-closed = stängd med lösenfras
card-copies = Var kopiorna finns
card-shipped = senast skickat
card-write = Fylls i för hand
card-sheet-lies = Återställningsbladet finns
card-passwords-lie = Lösenord till platserna
card-call = Vem man ringer
card-sheet = Återställningsblad
card-with-sheet = Med återställningsbladet
card-with-sheet-what = Den som har bladet kan läsa hela historiken. Visa det bara där ingen ser över axeln.
card-with-sheet-do = Visa kortet med bladet
card-wrong = Det var inte namnet.
card-secret-warning = Den här sidan visar platsens hemlighet. Skriv ut den och stäng den.

## Settings
settings-title = Inställningar
settings-lead = Allt står i en fil; kommentarer och allt annat i den förblir som det är:
settings-saved = Sparat. Det gäller från och med nu.
settings-bad = Filen kan inte användas. Den senaste fungerande gäller fortfarande.
settings-when = När, och över vilken linje
settings-site = Platsens namn
settings-site-what = Det som folk kallar den.
settings-zone = Tidszon
settings-zone-what = Klockorna här följer den.
settings-ship = Skicka
settings-ship-what = every 2h, every 30m. Tomt: efter kalendern bredvid, eller bara på begäran.
settings-cron = Skicka efter kalendern
settings-cron-what = Minut, timme, dag, månad, veckodag: 0 */4 * * *. Bara en av de två.
settings-window = När linjen får användas, och hur snabbt
settings-window-what = En rad för varje del av dygnet: 19:00-06:00 10 MiB/s. Tomt: alltid, i full fart.
settings-allowance = Kvot
settings-allowance-what = 5 GB / month; perioden är day, week eller month. För alla platser tillsammans.
settings-drill = Öva återuppbyggnad
settings-drill-what = every 180d. Tomt: bara på begäran.
settings-stale-after = En ändring får vänta
settings-stale-after-what = Hur gammal den äldsta ändringen som bara finns här får bli innan någon får veta: 4h.
settings-save = Spara inställningarna
settings-save-what = Ett värde som inte går an avvisas, och inget skrivs.
settings-runs = De nästa körningarna
settings-next = Tidpunkt
settings-places = Platser för kopior
settings-name = Namn
settings-name-what = Små bokstäver, siffror och bindestreck.
settings-address-what = dir:/path för en disk eller en utdelning, rclone:REMOTE:PATH för allt annat.
settings-region-what = Var data finns. Verksamheter med regler skickas bara dit detta är angivet.
settings-country-what = Två bokstäver: vilket lands lag driftbolaget lyder under.
settings-check = Kontrollera
settings-checked = kan användas: skrivet, läst tillbaka, borttaget
settings-remove = Ta bort från listan
settings-add-place = Lägg till en plats för kopior
settings-add-do = Lägg till den här platsen
settings-captures = Vad som spelas in av sig självt
settings-captures-none = Inget. Program och människor sparar själva här.
settings-captures-how = En mapp eller en databas läggs till med rader som dessa i filen:
settings-keep = Vad som behålls
settings-keep-all = Allt, för alltid.
settings-keep-floor = Aldrig glömt före
settings-keep-within = Allt inom
settings-keep-daily = Dagar med sin sista version
settings-keep-monthly = Månader med sin sista version
settings-keep-tenant = En avslutad verksamhets historik
settings-you = Du
settings-session = Den här sessionen
settings-session-what = slutar tolv timmar efter senaste användning; annals ui öppnar en ny.
settings-leave = Avsluta den här sessionen

## First run
first-title = Här finns inget ännu
first-lead = Börja något nytt, eller hämta tillbaka en plats från en kopia. Det kommer att finnas i
first-steps = Steg
first-step-make = Börja
first-step-sheet = Förvara bladet
first-step-confirm = Visa att du har det
first-step-ready = Klart
first-make = Börja en ny plats
first-make-what = Från och med nu sparas varje version av varje dokument här.
first-make-do = Börja den här platsen
first-rebuild = Hämta tillbaka en plats från en kopia
first-rebuild-what = Du behöver adressen till en kopia och återställningsbladet.
first-from = Var kopian finns
first-from-what = dir:/path eller rclone:REMOTE:PATH, som på återställningskortet.
first-sheet = De sex raderna på återställningsbladet
first-sheet-what = Versaler, bindestreck och mellanslag spelar ingen roll.
first-until = Bara till
first-until-what = Tomt: allt. Eller en tidpunkt, som 2026-11-19 08:00.
first-rebuild-do = Hämta tillbaka den
first-rebuilding = Hämtas tillbaka:
first-rebuilt =
    { $n ->
        [one] { $count } ändring hämtades tillbaka och jämfördes, kontrollsumma för kontrollsumma.
       *[other] { $count } ändringar hämtades tillbaka och jämfördes, kontrollsumma för kontrollsumma.
    }
first-go-on = Fortsätt
first-try-again = Försök igen
first-keep = Skriv ut det här bladet och förvara det någon annanstans
first-keep-what = Det är enda vägen tillbaka om denna maskin går förlorad. Ingen kan göra det på nytt, inte heller vi.
first-keep-where = Inte på denna maskin och inte i en brevlåda: där avtal och kontanter förvaras.
first-kept = Jag har det på papper
first-confirm = Visa att du har bladet
first-confirm-what = Ta papperet och skriv tre bokstavsgrupper från det.
first-confirm-wrong = Minst en grupp är inte som på bladet. Inget är förlorat: jämför och skriv igen.
first-group = Rad { $line }, grupp { $group }
first-confirm-do = Det här står på bladet
first-again = Visa bladet igen
first-ready = Platsen är klar
first-ready-what = Den sparar det som registreras från och med nu. Tre saker gör den trygg:
first-next-place = En kopia någon annanstans
first-next-place-what = Utan den går allt förlorat med maskinen.
first-next-record = Något att spela in
first-next-record-what = En mapp eller en databas som följs av sig själv, eller program som sparar här.
first-next-card = Ett återställningskort
first-next-card-what = Så att någon annan kan hämta tillbaka allt utan dig.

# End of plans and safety

## Hur något misslyckas, och vad som hjälper
fail-failed = Detta misslyckades.
fail-usage = Det som efterfrågades är inte begripligt så här.
fail-missing = Något sådant finns inte här.
fail-locked = Någon annan arbetar här just nu.
fail-denied = Detta är inte tillåtet.
fail-remote = Platsen utanför huset kan inte nås.
fail-refused = En regel förbjuder detta. Inget ändrades.
fail-space = Det finns inget utrymme kvar.
fail-newer = Detta har skrivits av ett nyare program.
fail-found = Något som hittades är inte som det ska vara.
why-document = Ett sådant dokument har aldrig funnits.
why-document-removed = Dokumentet är raderat vid denna tidpunkt.
why-document-not-yet = Dokumentet fanns inte än vid denna tidpunkt.
why-version = Dokumentet har ingen sådan version.
why-content-forgotten = Innehållet i denna version har getts upp enligt en regel.
why-batch = En sådan ändring finns inte.
why-tenant = En sådan verksamhet finns inte.
why-job = Ett sådant jobb finns inte, eller så kan detta inte göras med det nu.
why-order = Det som beställdes här finns inte kvar längre.
why-plan-stale = Något har registrerats efter att detta planerades.
why-plan = Den här planen kan inte användas.
why-redo = Inget har ångrats, så det finns inget att göra om.
why-time = Detta är inte en tidpunkt som går att förstå.
why-time-gap = Det klockslaget hoppades över när klockan ställdes fram.
why-time-twice = Det klockslaget inträffade två gånger, när klockan ställdes tillbaka.
why-moment = Det finns inget vid denna tidpunkt.
why-mark = Det finns inget märke med det namnet.
why-find = Detta går inte att söka efter.
why-path = Detta är inte namnet på ett fält.
why-key = Inget dokument har angetts, eller inte så här.
why-key-wrong = Den här nyckeln öppnar inget här.
why-sheet = Återställningsbladet lästes inte rätt.
why-remote = Platsen utanför huset är inte rätt angiven, eller är inte som den ska vara.
why-remote-exists = Det finns redan en plats med det namnet.
why-remote-unknown = Det finns ingen plats med det namnet.
why-config = Den här inställningen kan inte användas. Inget ändrades.
why-lineage = Historiken här och hos en kopia, eller i en databas, är inte längre densamma.
why-rule-residency = Reglerna för den här verksamheten låter inte dess data gå dit.
why-source = Mappen eller databasen kan inte användas.
why-capture-source = Detta är en rad i en databas som lever vidare för sig själv.
why-disk-full = Det finns inget utrymme kvar på disken.
why-store-locked = Ett annat program har detta lager öppet.
why-cron = Detta är inget schema.
help-document = Sök efter det under Sök, även bland de raderade.
help-time = Skriv den som 2018-09-18, 2018-09-18 14:02, i går 14:00 eller för 2 dagar sedan.
help-plan = Gör planen på nytt och titta på den igen.
help-sheet = Jämför med pappret, grupp för grupp.
help-remote = Titta på den under Inställningar: dir:/sökväg, eller rclone:NAMN:SÖKVÄG.
help-lineage = Se båda sidorna under Anpassa; inget är förlorat.
help-disk = Frigör utrymme; inget skrevs till hälften.
help-back = Gå tillbaka, rätta det och försök igen.
error-exactly = Exakt
note-foreign-title = En annan webbplats bad om detta
note-foreign-text = Inget ändrades. Öppna själva sidan och gör det där.
note-form-title = Det här formuläret är inte vårt, eller för gammalt
note-form-text = Inget ändrades. Gå tillbaka, ladda om sidan och upprepa det.
note-long-title = Det här formuläret är för långt
note-long-text = Ett formulär har högst 1 MiB. Inget ändrades.
note-slow-title = Det här formuläret kom inte fram i tid
note-slow-text = Inget ändrades. Försök igen.
note-nowhere-title = En sådan sida finns inte
note-nowhere-text = Adressen kan vara felskriven. Startsidan leder överallt.
note-failed-title = Programmet misslyckades med detta
note-failed-text = Inget skrevs till hälften.
note-many-title = För många felaktiga hemligheter på sistone
note-many-text = Vänta en minut och försök igen.
moment-words = nu=now, i dag=today, idag=today, i går=yesterday, igår=yesterday, förra=last, senaste=last, kl.=, kl=, klockan=, för=, sedan=ago, måndag=monday, tisdag=tuesday, onsdag=wednesday, torsdag=thursday, fredag=friday, lördag=saturday, söndag=sunday, måndagen=monday, tisdagen=tuesday, onsdagen=wednesday, torsdagen=thursday, fredagen=friday, lördagen=saturday, söndagen=sunday, sekund=seconds, sekunder=seconds, minut=minutes, minuter=minutes, timme=hours, timmar=hours, dag=days, dagar=days, vecka=weeks, veckor=weeks, månad=months, månader=months, år=years, en=1, ett=1, två=2, tre=3
doing-forget = Ger upp det som ingen regel behåller { $subject }
doing-compact = Tar bort det glömda från { $subject }
doing-apply = Genomför det som har bestämts
column-left = Kan läggas tillbaka
deleted-stays = så länge du vill
deleted-held = hålls av
deleted-gone = innehållet har getts upp
deleted-any-day = tills reglerna gås igenom nästa gång
deleted-days =
    { $n ->
        [one] { $count } dag
       *[other] { $count } dagar
    }
proof-attest = Ett intyg att lämna ut
proof-attest-what = Vad som hålls, var kopiorna finns och hur gamla de är, signerat av den här platsen. Den som har det kan hålla platsen till det senare.
proof-attest-do = Ladda ner intyget
proof-attest-later = Kontrolleras senare, tillsammans med kopiorna, med
deleted-tenants = Verksamheter som har tagits bort
deleted-tenant-back = Hämta tillbaka { $name }
problem-brake = De flesta dokument i { $about } ändrades eller togs bort på en gång
problem-brake-do = Inget ges upp eller tas bort från kopiorna förrän någon har tittat. Registrering och sändning fortsätter, och läget före har ett märke.
brake-back = Planera vägen tillbaka
brake-reason = Varför det var avsett
brake-lift = Det var avsett: låt reglerna gälla igen
problem-policy = En regel om var data för { $about } får ligga följs inte
problem-policy-do = Se vilken plats, och vad regeln säger.
problem-nowhere = För få platser får ha data för { $about }
problem-nowhere-do = Se vilka platser som får ha dem, och lägg till en eller ändra regeln.
problem-erasure = Det som raderats enligt lag finns kvar hos { $about }
problem-erasure-do = Skicka till den; är den borta, hämta tillbaka den.
first-interrupted = En återuppbyggnad kom inte till sitt slut
first-interrupted-what = { $n ->
    [one] Programmet eller datorn stannade medan verksamheten hämtades tillbaka. { $count } ändring är tillbaka hittills.
   *[other] Programmet eller datorn stannade medan verksamheten hämtades tillbaka. { $count } ändringar är tillbaka hittills.
}
first-interrupted-lost = Inget är förlorat: det som hämtats tillbaka är helt, och kopian har fortfarande allt. Det ligger i
first-resume = Fortsätt
first-resume-what = Det som finns här blir kvar; bara resten hämtas.
first-resume-do = Fortsätt där den var
first-anew = Börja om
first-anew-what = Det som hämtats tillbaka hit tas bort. Kopian på annat håll rörs inte.
first-anew-sure = Ta bort det som finns här av den
first-anew-do = Börja om
