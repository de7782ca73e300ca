# Sidenes ord på bokmål.

## Overalt
app-name = Annals
nav-home = Hjem
nav-find = Finn
nav-activity = Aktivitet
nav-batches = Endringssett
nav-deleted = Slettet
nav-transfers = Overføringer
nav-copies = Kopier
nav-references = Referanser
nav-proof = Bevis
nav-recover = Gjenopprett
nav-settings = Innstillinger
nav-label = Sider
skip-to-content = Gå til innholdet
moment-now = Du ser hvordan det er nå
moment-then = Du ser hvordan det var { $when }.
back-to-now = Tilbake til nå
search-label = Søk
search-button = Søk
language-label = Språk
count-changes =
    { $n ->
        [one] { $n } endring
       *[other] { $n } endringer
    }

## Dom
safe = Trygt
not-safe = Ikke trygt

## Feil
error-title = Det gikk ikke
error-next = Hva du kan gjøre

## Hjem
home-title = Er vi trygge?

## Ramme
nav-browse = Tilbake i tid
nav-plan = Angre
nav-realign = Tilpass
menu-documents = Dokumenter
menu-changes = Endringer
menu-safety = Sikkerhet
menu-open = Meny
search-hint = Navnet på et dokument
tenant-label = Virksomhet
tenant-more =
    { $n ->
        [one] og { $count } til
       *[other] og { $count } til
    }
you-are = Du er
moment-calm = Ingenting endres av at du ser.
moment-other = Se på et annet tidspunkt
moment-label = Tidspunkt
moment-go = Vis dette tidspunktet
moment-forms = For eksempel 2018-09-18 eller 2018-09-18 14:02
error-home = Gå til forsiden
live-slow = Agenten svarer ikke. Det du ser, kan være gammelt.

## Deler
months = jan. feb. mars apr. mai juni juli aug. sep. okt. nov. des.
time-short = { $day }. { $month } { $year } { $clock }
span-ago = for { $span } siden
span-second =
    { $n ->
        [one] { $count } sekund
       *[other] { $count } sekunder
    }
span-minute =
    { $n ->
        [one] { $count } minutt
       *[other] { $count } minutter
    }
span-hour =
    { $n ->
        [one] { $count } time
       *[other] { $count } timer
    }
span-day =
    { $n ->
        [one] { $count } dag
       *[other] { $count } dager
    }
span-month =
    { $n ->
        [one] { $count } måned
       *[other] { $count } måneder
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
who-nobody = ingen oppgitt
cause-undo = Angret: endring { $batch }
cause-rollback = Tilbake til slik det var etter endring { $batch }
cause-restore = Lagt tilbake
column-acts = Hva du kan gjøre
pager-label = Mer av listen
toast-recorded =
    { $n ->
        [one] { $count } endring er lagret, som nummer { $batch }.
       *[other] { $count } endringer er lagret samlet, som nummer { $batch }.
    }
toast-restored =
    { $n ->
        [one] { $count } dokument er lagt tilbake, som endring { $batch }.
       *[other] { $count } dokumenter er lagt tilbake, som endring { $batch }.
    }
toast-undone =
    { $n ->
        [one] { $count } endring er angret, som endring { $batch }.
       *[other] { $count } endringer er angret, som endring { $batch }.
    }
toast-undo = Angre
toast-redo = Gjør det igjen
toast-close = Lukk
keys-title = Tastatur
undo-last = Angre den siste endringen, { $n }
keys-search = Søk
keys-rows = Opp og ned i radene
keys-enter = Åpne raden
keys-steps = Tidligere og senere
keys-compare = Sammenlign
keys-plan = Plan: legg tilbake eller angre
keys-undo = Angre det siste som ble gjort
keys-now = Tilbake til nå
keys-help = Disse tastene
keys-back = Lukk, eller gå tilbake

## Lister
column-document = Dokument
column-version = Versjon
column-when = Når
column-when-who = Når og hvem
column-who = Hvem
column-why = Hvorfor
column-size = Størrelse
column-state = Tilstand
column-since = Siden
column-field = Felt
column-value = Verdi
column-old = Gammel verdi
column-new = Ny verdi
column-old-line = Gammel linje
column-new-line = Ny linje
column-line = Tekst
column-fact = Hva
column-system = System
column-id = Nummer der
column-removed = Slettet
column-choose = Velg
column-change = Endring
column-what = Hva
column-copy = Kopi
column-received = Sist mottatt
column-lacks = Mangler
by = av
change-count =
    { $n ->
        [one] { $count } endring
       *[other] { $count } endringer
    }
versions-newest = Nyeste
versions-older = Eldre
trail-label = Hvor det ligger
trail-all = Alle dokumenter

## Verdier
value-empty = tomt
value-null = ingen verdi
value-absent = finnes ikke
value-true = ja
value-false = nei
value-was = før:
value-is = nå:
field-whole = hele dokumentet

## Dokument
document-versions =
    { $n ->
        [one] { $count } versjon
       *[other] { $count } versjoner
    }
document-references =
    { $n ->
        [one] { $count } referanse
       *[other] { $count } referanser
    }
document-current = Gjeldende
document-hold = Sperret for sletting:
document-version-of = Versjon { $n } av { $all }
document-removed = Slettet
document-not-yet = Fantes ikke ennå
document-never = Det har aldri hatt noen versjon.
document-fields = Feltenes historikk
document-group = Med alt som hører til
document-open = Åpne
document-put-back = Legg tilbake
put-back-current = Gjør til gjeldende igjen
put-back-copy = Legg tilbake som kopi
compare-current = Sammenlign med gjeldende
compare-before = Sammenlign med forrige versjon
removed-when = Det ble slettet
removed-back = Ingenting er tapt: den siste versjonen, v{ $n }, kan legges tilbake, og det kan angres.
exists-since = Det finnes fra
versions-title = Versjoner
step-removed = Slettet
time-label = Dokumentet i tid
time-earlier = Tidligere
time-later = Senere
stop-one = v{ $n } · { $when }
stop-many = v{ $first } til v{ $last } · { $when }
stop-removed = Slettet · { $when }
meta-title = Opplysninger om versjonen
meta-size = Størrelse
meta-media = Type
meta-modified = Filen endret
meta-mode = Filens rettigheter
meta-valid-from = Gjelder fra
meta-valid-until = Gjelder til
meta-digest = Fingeravtrykk
content-fields = Felter
content-text = Tekst med linjenumre
content-empty = Et tomt dokument
content-directory = En mappe
content-link = En lenke til
content-binary = Kan ikke vises her; Åpne laster det ned
content-more-fields =
    { $n ->
        [one] { $count } felt til; Åpne laster ned hele
       *[other] { $count } felter til; Åpne laster ned hele
    }
content-more-text = Dette er begynnelsen. Åpne laster ned alt, { $size }.
picture-of = Bilde av { $version }
references-title = Referanser i andre systemer
references-more =
    { $n ->
        [one] og { $count } til
       *[other] og { $count } til
    }
reference-fixed = Kan ikke trekkes tilbake
reference-expires = utløper

## Sammenlign
compare-title = Sammenlign
compare-of = Sammenlign { $name }
compare-document = Tilbake til dokumentet
compare-old = Eldre versjon
compare-new = Nyere versjon
compare-button = Sammenlign disse
compare-swap = Bytt om
compare-earlier = De to før
compare-later = De to etter
compare-same = De to versjonene er like
compare-same-words = Byte for byte.
compare-layout = Ingen felter er endret
compare-layout-words = Bare mellomrom eller feltenes rekkefølge er ulike.
compare-table = Hva som er ulikt i de to versjonene
compare-text = Forskjeller linje for linje
compare-binary = Sammenlignet etter størrelse og fingeravtrykk
compare-fields-changed =
    { $n ->
        [one] { $count } felt er ulikt
       *[other] { $count } felter er ulike
    }
compare-fields-same =
    { $n ->
        [one] { $count } er likt
       *[other] { $count } er like
    }
compare-lines-added =
    { $n ->
        [one] { $count } linje lagt til
       *[other] { $count } linjer lagt til
    }
compare-lines-removed =
    { $n ->
        [one] { $count } linje fjernet
       *[other] { $count } linjer fjernet
    }
compare-more-lines =
    { $n ->
        [one] og { $count } linje til
       *[other] og { $count } linjer til
    }
compare-all =
    { $n ->
        [one] Vis også det { $count } feltet som er likt
       *[other] Vis også de { $count } feltene som er like
    }
compare-changed-only = Vis bare det som er ulikt
compare-first = De første feltene
compare-next =
    { $n ->
        [one] { $count } felt til
       *[other] { $count } felter til
    }
fields-title = Feltenes historikk for
fields-of = Felter i { $name }
fields-table = Hva hver versjon gjorde med feltene, nyeste først
fields-only = Bare dette feltet
fields-hint = status
fields-button = Vis historikken
fields-all = Vis alle felter
fields-none = Ingen feltendring her
fields-none-here = Ingen blant disse versjonene; eldre kan ha noen.
fields-none-ever = Dokumentet har ingen felter, eller ingen av dem er endret.
fields-passed-over = Denne versjonen har ingen felter

## Finn
find-title = Finn dokumenter
find-name = Navn
find-name-hint = Begynnelsen, eller med * for hva som helst: sak/*brev*
find-field = Hva et felt sier
find-field-hint = felt=verdi, for eksempel status=åpen
find-ref = Nummer i et annet system
find-ref-hint = system:nummer, for eksempel svarut:77
find-by = Hvem som lagret eller slettet det
find-by-hint = Navnet slik det står i historikken
find-at = Slik det var
find-at-hint = En dag eller et tidspunkt, for eksempel 2018-09-18; nå når tomt
find-living = Ta ikke med det som er slettet
find-button = Finn dokumenter
find-results = Dokumenter funnet
find-by-reference = Dokumenter med dette nummeret i et annet system
find-none = Ingen dokumenter funnet
find-none-words = Alle dokumenter er sett på, også de som er slettet.
find-not-yet = Ingenting funnet så langt
find-not-yet-words = Det er flere dokumenter å se på.
find-on = Let videre
find-next = Neste side
find-first = Første side
find-anywhere = Let etter «{ $name }» hvor som helst i navnene
find-empty = Hva leter du etter?
find-empty-words = Fyll ut ett felt eller flere; alle må passe. Det som er slettet, blir også funnet.

## Tilbake i tid
browse-title = Alle dokumenter
browse-words = Slik de var på tidspunktet du ser på. Piltastene fører til endringen før og etter.
browse-folder = mappe
browse-group = Se det samlet
browse-deleted = Hva som er slettet her
browse-back-to = Lag en plan for å sette alt tilbake til dette tidspunktet
browse-empty = Ingenting her
browse-empty-words = Ingen dokumenter ligger her nå. Det som er slettet, kan legges tilbake.
browse-empty-then = Ingen dokumenter lå her på det tidspunktet.
steps-label = Fra endring til endring
steps-earlier = Forrige endring
steps-later = Neste endring
steps-change = Etter endring { $n }
steps-nothing = Før den første endringen
group-title = med alt som hører til
group-table = Det som hører sammen, på dette tidspunktet
group-existing =
    { $n ->
        [one] { $count } dokument fantes
       *[other] { $count } dokumenter fantes
    }
group-members =
    { $n ->
        [one] { $count } til alle tider
       *[other] { $count } til alle tider
    }
group-more =
    { $n ->
        [one] og { $count } til
       *[other] og { $count } til
    }
group-changed = Hva denne endringen gjorde
group-not-yet = På dette tidspunktet fantes ingenting av det. Neste endring viser når det begynte.
group-none = Ingen dokumenter hører til her
group-none-words = Det har aldri vært et dokument med dette navnet eller under det.
group-cut =
    { $n ->
        [one] Bare en del vises: høyst { $count } dokument ses samlet.
       *[other] Bare en del vises: høyst { $count } dokumenter ses samlet.
    }
group-with = Hva annet som hører til
group-with-label = Navn, ett på hver linje
group-with-hint = Med * for hva som helst og, etter et ?, et felt som må si det: sak/*?klient=38754
group-with-button = Se alt samlet
state-exists = Fantes

## Slettet
deleted-title = Slettede dokumenter
deleted-words = De nyeste først. Ingenting er tapt: alle kan legges tilbake, og det kan angres.
deleted-below = Bare navn som begynner med
deleted-filter = Vis disse
deleted-all = Vis alle
deleted-choose = Velg { $name }
deleted-choose-all = Velg alle på denne siden
deleted-put-back-one = Legg tilbake { $name }
deleted-plan = Lag en plan for å legge tilbake de valgte
deleted-older = Slettet tidligere
deleted-none = Ingenting er slettet
deleted-none-words = Dokumenter som slettes, står her, med hvem, når og hvorfor.
deleted-none-here = Ingen blant disse; det er eldre å se på.

## Dommen og hva den bygger på
home-safe = Ja, vi er trygge
home-not-safe = Nei, ikke nå
verdict-damaged = Noe som er lagret, er skadet her. Bevis viser hva, og hvordan det hentes tilbake fra en kopi.
verdict-behind = { $tenant } er eldre her enn { $witness } kjenner den. Tilpass viser hva som mangler; ingenting sendes i mellomtiden.
verdict-amnesia = { $tenant } har glemt det { $witness } kjenner. Tilpass henter det tilbake; ingenting sendes i mellomtiden.
verdict-forked = { $tenant } har skilt lag med { $witness }: begge har gått videre hver for seg. Tilpass fører dem sammen; ingenting sendes i mellomtiden.
verdict-clone = { $tenant } er en kopi av et annet lager som { $witness } kjenner. Tilpass avgjør hvilket som går videre; ingenting sendes i mellomtiden.
verdict-foreign = { $witness } har { $tenant } fra et annet sted. Oppgi dette stedets plass i innstillingene; ingenting sendes.
verdict-database = Databasen { $names } har gått tilbake i tid. Tilpass viser begge sider; ingenting av den lagres eller sendes i mellomtiden.
verdict-only-copy = Dette er den eneste kopien: det er ikke satt opp noe sted for en til.
verdict-empty = Ingenting er lagret ennå, så ingenting kan gå tapt.
verdict-offsite = Hver endring finnes også et annet sted: { $remotes }.
verdict-offsite-later = Hver endring finnes også et annet sted; { $remotes } følger etter.
verdict-waiting =
    { $n ->
        [one] { $count } endring venter på å sendes til { $remotes }, i { $age }; inntil { $limit } er greit.
       *[other] { $count } endringer venter på å sendes til { $remotes }, den eldste i { $age }; inntil { $limit } er greit.
    }
verdict-late =
    { $n ->
        [one] { $count } endring finnes bare her, i { $age }; bare { $limit } er greit. { $remotes } skulle hatt den.
       *[other] { $count } endringer finnes bare her, den eldste i { $age }; bare { $limit } er greit. { $remotes } skulle hatt dem.
    }
verdict-late-unlimited =
    { $n ->
        [one] { $count } endring finnes bare her, i { $age }. { $remotes } skulle hatt den.
       *[other] { $count } endringer finnes bare her, den eldste i { $age }. { $remotes } skulle hatt dem.
    }
verdict-late-nowhere =
    { $n ->
        [one] { $count } endring finnes bare her, i { $age }; ingen kopi har lov til å ha den.
       *[other] { $count } endringer finnes bare her, den eldste i { $age }; ingen kopi har lov til å ha dem.
    }
home-problems =
    { $n ->
        [one] { $count } ting trenger deg
       *[other] { $count } ting trenger deg
    }
problem-details = Hva som skjedde, i detalj
problem-space = Det er ikke mer plass på disken
problem-space-do = Ingenting lagres før noe er ledig.
problem-config = Innstillingene kan ikke brukes
problem-config-do = De siste som virket, gjelder fortsatt. Rett annals.toml.
problem-damage = Noe som er lagret, er skadet
problem-damage-do = Det kan hentes tilbake fra en kopi.
problem-lineage = { $about } og kopiene stemmer ikke overens
problem-lineage-do = Ingenting sendes før begge sider er ført sammen.
problem-database = Databasen { $about } har gått tilbake i tid
problem-database-do = Avgjør hva som gjelder, historikken eller det den sier nå.
problem-stale = Endringer har vært bare her for lenge
problem-stale-do = Se hva overføringene venter på.
problem-remote = Kopien { $about } er ikke som den skal være
problem-remote-do = Se om den er der og svarer.
problem-drill = Gjenoppbygging fra { $about } ble prøvd og mislyktes
problem-drill-do = Se hva som var galt, rett det og prøv igjen.
problem-capture = Det som lagres fra { $about }, står stille
problem-capture-do = Se hva det venter på.
problem-job = En jobb mislyktes for mange ganger: { $about }
problem-job-do = Rett årsaken, og la den prøve igjen.
home-offsite = De nyeste endringene
home-waiting =
    { $n ->
        [one] { $count } endring er foreløpig bare her
       *[other] { $count } endringer er foreløpig bare her
    }
home-allowed = Inntil { $limit } er greit.
home-no-limit = Ingen har sagt hvor lenge det er greit: sett stale_after i innstillingene.
home-meter = Alder mot det som er greit
home-nothing-waits = Ingenting venter
home-all-offsite = Det som er lagret, finnes også et annet sted.
home-nothing-yet = Ingenting ennå
home-nothing-yet-words = Endringer vises her så snart det er noen.
home-unknown = Sendes ikke
home-see-above = Grunnen står over.
home-proven = Sist bevist gjenoppretting
home-rebuilt = Bygd opp igjen fra { $remote } på { $span }, og alt stemte.
home-never = Aldri
home-never-words = En kopi som aldri er bygd opp igjen, er et håp. Agenten øver etter tidsplan.
home-proof = Alle bevis
home-now = Hva som skjer nå
home-idle = Ingenting
home-progress = Hvor langt det er kommet
home-more-jobs =
    { $n ->
        [one] og { $count } til
       *[other] og { $count } til
    }
home-jobs-wait =
    { $n ->
        [one] { $count } jobb venter
       *[other] { $count } jobber venter
    }
home-transfers = Alle overføringer
doing-capture = Lagrer { $subject }
doing-seal = Forsegler nye endringer { $subject }
doing-ship = Sender til { $subject }
doing-verify = Kontrollerer det som er her { $subject }
doing-drill = Øver på å bygge opp igjen fra { $subject }
doing-gc = Rydder { $subject }
home-copies = Kopier
home-all-copies = Alle kopier og steder
home-no-copies = Det finnes bare denne
home-no-copies-words = En kopi til et annet sted gjør det trygt.
copy-never = aldri
copy-nothing = ingenting
copy-lacks =
    { $n ->
        [one] { $count } endring
       *[other] { $count } endringer
    }
health-good = Bra
health-waiting = Venter
health-stale = For gammel
health-broken = Virker ikke
home-changes = Siste endringer
home-all-changes = All aktivitet

## Coming in
stranger-title = Du er ikke inne ennå
stranger-text = Åpne adressen som kommandoen annals ui skriver ut. Den slipper deg inn én gang.
code-used-title = Denne adressen er allerede brukt
code-used-text = Den slipper én person inn én gang, innen ti minutter. Kommandoen annals ui skriver ut en ny.
welcome-title = Du er inne
welcome-text = Forsiden åpner seg av seg selv. <a href="/">Gå til forsiden</a>
left-title = Du har gått ut
left-text = Ingen kan bruke sidene i denne nettleseren lenger. Kommandoen annals ui slipper deg inn igjen.
