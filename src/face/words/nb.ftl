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
nav-realign = Samordne
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
moment-forms = For eksempel 2018-09-18, 2018-09-18 14:02, for 2 dager siden, i går 14:00
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
cause-realign = Brakt i samsvar: skilte lag etter endring { $batch }
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
versions-hint = Velg en tidligere versjon for å se på den og legge den tilbake.
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
content-erased = Slettet etter loven: ingen har det lenger
content-forgotten = Innholdet er glemt
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
verdict-behind = { $tenant } er eldre her enn { $witness } kjenner den. Samordne viser hva som mangler; ingenting sendes i mellomtiden.
verdict-amnesia = { $tenant } har glemt det { $witness } kjenner. Samordne henter det tilbake; ingenting sendes i mellomtiden.
verdict-forked = { $tenant } har skilt lag med { $witness }: begge har gått videre hver for seg. Samordne fører dem sammen; ingenting sendes i mellomtiden.
verdict-clone = { $tenant } er en kopi av et annet lager som { $witness } kjenner. Samordne avgjør hvilket som går videre; ingenting sendes i mellomtiden.
verdict-foreign = { $witness } har { $tenant } fra et annet sted. Oppgi dette stedets plass i innstillingene; ingenting sendes.
verdict-database = Databasen { $names } har gått tilbake i tid. Samordne viser begge sider; ingenting av den lagres eller sendes i mellomtiden.
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
verdict-problems =
    { $n ->
        [one] { $count } problem trenger noen.
       *[other] { $count } problemer trenger noen.
    }
verdict-paused = Sendingen til { $remotes } er stanset; den fortsetter når noen trykker Fortsett under Overføringer.
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
home-no-limit = Ingen har sagt hvor lenge det er greit: si det i innstillingene, under «En endring kan vente».
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
leave = Logg ut
left-title = Du har gått ut
left-text = Ingen kan bruke sidene i denne nettleseren lenger. Kommandoen annals ui slipper deg inn igjen.

## Plan
plan-title = Angre og legg tilbake
plan-lead = Hver vei tilbake begynner som en plan: Du ser hva som blir endret, avgjør det som må avgjøres, og trykker på én knapp. Ingenting går tapt, og også dette kan angres.
plan-undo = Angre endring { $batch }
plan-rollback = Før { $what } tilbake til { $when }
plan-rollback-start = Før { $what } tilbake til før noe var lagret
plan-restore = Legg tilbake { $what }
plan-everything = alt
plan-made = Laget da den nyeste endringen var nummer { $seq }
plan-file = Lagre planen som fil
plan-forget = Forkast denne planen
plan-gone = Denne planen er ikke tatt vare på lenger.
plan-gone-hint = En plan blir tatt vare på i en time etter at noen så på den. Lag den på nytt; ingenting er endret.
plan-stale = Noe er lagret etter at denne planen ble laget:
plan-stale-what = Planen lages på nytt, så ingenting av det blir overskrevet usett. Avgjørelsene dine beholdes der de fortsatt passer.
plan-anew = Lag planen på nytt
plan-database = Dette er rader i en database i drift. De blir skrevet til { $file } i én transaksjon, og historikken følger med.
plan-count-put =
    { $n ->
        [one] får en tidligere versjon
       *[other] får en tidligere versjon
    }
plan-count-back =
    { $n ->
        [one] hentes tilbake
       *[other] hentes tilbake
    }
plan-count-remove =
    { $n ->
        [one] fjernes
       *[other] fjernes
    }
plan-count-merge =
    { $n ->
        [one] flettes felt for felt
       *[other] flettes felt for felt
    }
plan-count-open =
    { $n ->
        [one] trenger din avgjørelse
       *[other] trenger din avgjørelse
    }
plan-count-skip =
    { $n ->
        [one] blir som det er
       *[other] blir som de er
    }
plan-count-already =
    { $n ->
        [one] er riktig fra før
       *[other] er riktige fra før
    }
plan-count-outside =
    { $n ->
        [one] referanse utenfor blir stående
       *[other] referanser utenfor blir stående
    }
plan-fetch = Å hente
plan-fetch-nothing = ingenting: alle tidligere versjoner er på denne maskinen
plan-write = Å skrive
plan-time = Tid
plan-time-moment = et øyeblikk
plan-history = Historikk
plan-history-kept = forblir hel: det som erstattes, blir stående som tidligere versjoner
plan-nothing = Ingenting å gjøre
plan-nothing-what = Alt er allerede slik denne planen ville gjøre det.
plan-decide =
    { $n ->
        [one] { $count } dokument trenger din avgjørelse
       *[other] { $count } dokumenter trenger din avgjørelse
    }
plan-decide-what = De er endret igjen siden, på samme sted. Det du ikke avgjør, blir som det er nå.
plan-all = For alle:
plan-all-skip = La dem være som nå
plan-all-merge = Legg tilbake det ingen har endret siden
plan-all-override = Legg alt tilbake
plan-decide-keep = Behold disse avgjørelsene
plan-decide-kept-too = Knappen nederst tar dem også med.
plan-undecided = ikke avgjort
plan-decided = avgjort
plan-gone-since = er fjernet siden
plan-choice-skip = La det være som nå
plan-choice-merge = Legg tilbake det ingen har endret siden, og avgjør resten felt for felt
plan-choice-override = Legg alt tilbake slik det var, også over det som er endret siden
plan-choice-remove = Fjern det: det fantes ikke før
plan-fields-of = Felt i { $key } som er endret siden
plan-field-name = Felt
plan-field-before = Før
plan-field-after = Gjort av endringen
plan-field-now = Nå
plan-field-take = Behold
plan-take-of = Hva { $field } skal være
plan-take-now = som nå
plan-take-before = som før
plan-outside =
    { $n ->
        [one] { $count } referanse til systemer utenfor
       *[other] { $count } referanser til systemer utenfor
    }
plan-outside-stays =
    { $n ->
        [one] { $count } er levert og kan ikke trekkes tilbake.
       *[other] { $count } er levert og kan ikke trekkes tilbake.
    }
plan-outside-what = Det som ligger i et annet system, røres ikke herfra. Skal det følge med, må du si fra til den som driver systemet.
plan-outside-table = Referanser som blir stående
plan-cannot-recall = kan ikke trekkes tilbake
plan-later = kom til etter det tidspunktet
plan-changes =
    { $n ->
        [one] Hva som skjer med { $count } dokument
       *[other] Hva som skjer med { $count } dokumenter
    }
plan-column-what = Hva som skjer
plan-column-values = Nå → etterpå
plan-none = ingen
plan-fate-skip = blir som det er
plan-fate-lost = blir stående: de tidligere dataene er glemt
plan-fate-nothing = er riktig fra før
plan-fate-remove = fjernes
plan-fate-back = hentes tilbake
plan-fate-put = får en tidligere versjon
plan-fate-merge = flettes
plan-confirm = Gjør det
plan-reason-label = Hvorfor
plan-reason-what = Står i historikken ved siden av navnet ditt. Er feltet tomt, lages det en setning.
plan-confirm-type = Skriv dette for å bekrefte: { $name }
plan-confirm-wrong = Det var ikke navnet. Ingenting er endret.
plan-confirm-why = Mer enn { $n } dokumenter endres på én gang.
plan-do-undo =
    { $n ->
        [one] Angre denne { $count } endringen
       *[other] Angre disse { $count } endringene
    }
plan-do-rollback =
    { $n ->
        [one] Før { $count } dokument tilbake
       *[other] Før { $count } dokumenter tilbake
    }
plan-do-restore =
    { $n ->
        [one] Legg tilbake { $count } dokument
       *[other] Legg tilbake { $count } dokumenter
    }
plan-nothing-decided = Slik det er avgjort nå, blir ingenting endret.
plan-open-left =
    { $n ->
        [one] { $count } dokument som ikke er avgjort, blir som det er.
       *[other] { $count } dokumenter som ikke er avgjort, blir som de er.
    }
plan-can-undo = Dette blir en egen endring i historikken og kan angres som alle andre.
plan-done =
    { $n ->
        [one] { $count } dokument er endret.
       *[other] { $count } dokumenter er endret.
    }
plan-done-what = Det som sto der før, står fortsatt i historikken til hvert dokument.
plan-done-nothing = Det var ingenting å gjøre: Alt var allerede som det skulle.
plan-done-undo = Angre dette
plan-done-activity = Se det i aktiviteten
plan-skipped =
    { $n ->
        [one] { $count } dokument ble latt være
       *[other] { $count } dokumenter ble latt være
    }
plan-pending =
    { $n ->
        [one] { $count } rad som databasen ikke tillater
       *[other] { $count } rader som databasen ikke tillater
    }
plan-position = Historikken slutter nå ved endring { $seq }.
plan-open = Planer du har åpne
plan-open-done = utført
plan-open-waits =
    { $n ->
        [one] { $count } dokument ville bli endret
       *[other] { $count } dokumenter ville bli endret
    }
plan-start-rollback = Før tilbake til et tidspunkt
plan-start-rollback-what = Alt, eller det som ligger under ett navn, blir slik det var da: Det som kom senere, går ut, og det som ble fjernet, kommer tilbake.
plan-start-prefix = Bare under
plan-start-prefix-what = Begynnelsen på navn, som sak/. Tomt: alt.
plan-start-undo = Angre én endring
plan-start-undo-what = En endring kan gjelde tusenvis av dokumenter som ble lagret samlet.
plan-start-number = Nummeret på endringen
plan-start-batches = Finn den blant endringssettene
plan-start-redo = Gjør igjen det som endring { $batch } angret
plan-start-restore = Legg dokumenter tilbake
plan-start-restore-what = Ett dokument eller en mappe slik det var på et tidspunkt. Det som kom senere, blir stående.
plan-start-key = Dokument, eller mappe med / til slutt
plan-start-when = Slik det var
plan-start-when-what = Tomt: den siste versjonen av det som er fjernet.
plan-start-show = Vis hva som blir endret
col-number = Nummer
col-when = Når
col-who = Hvem
col-why = Hvorfor
col-changes = Endringer
col-document = Dokument
col-state = Tilstand
col-versions = Versjoner
col-old-new = Gammel verdi → ny verdi
col-reference = Referanse
turn-before = Forrige
turn-after = Neste
turn-first = Fra begynnelsen
turn-newest = Nyeste
turn-older = Eldre
rows-more =
    { $n ->
        [one] og { $count } til
       *[other] og { $count } til
    }
look-further = Ingenting er funnet så langt. Det som ikke er sett på ennå, ligger under Eldre.
inline-same = ingen forskjell
inline-layout = bare oppsettet er forskjellig
inline-more-fields =
    { $n ->
        [one] og { $count } felt til
       *[other] og { $count } felt til
    }
inline-lines = { $added } linjer lagt til, { $removed } fjernet
inline-whole = hele
inline-was = var
inline-is = er nå
inline-nothing = finnes ikke
inline-empty = tom tekst

## Batches
batches-title = Endringssett
batches-lead = En import, en oppdatering av mange rader, mappen fra en dag: lagret som én endring, og angret som én.
batches-which = Hvilke endringer
batches-bulk = { $n } eller flere
batches-all = Alle
batches-none = Ingen endringer her
batches-none-what = Noe så stort er ikke lagret ennå.
batch-word = endring
batch-number = Endring { $batch }
batch-undo =
    { $n ->
        [one] Angre denne { $count } endringen
       *[other] Angre disse { $count } endringene
    }
batch-in-effect = gjelder
batch-undone = angret
batch-undone-by = av endring { $batch }
batch-before = Før alt tilbake til før dette
batch-origin = fra
batch-clock = klokken gikk etter historikken
batch-changes = Hva som ble endret
batch-empty = Denne endringen er tom.
batch-around = Endringer før og etter
batch-proof = Bevis
batch-digest = Kontrollsum for historikken hit
batch-request = Forespørsel
count-of-changes =
    { $n ->
        [one] { $count } endring
       *[other] { $count } endringer
    }
did-added = lagt til
did-returned = hentet tilbake
did-changed = endret
did-removed = fjernet
did-referred = referanse
did-marked = merke
did-held = sperre
did-lifted = sperre hevet
did-forgotten = data glemt
did-erased = slettet etter loven
did-undo = angret
did-rollback = ført tilbake i tid
did-restore = lagt tilbake

## Activity
activity-title = Aktivitet
activity-csv = Lagre som CSV
activity-ndjson = Lagre som NDJSON
activity-none = Ingenting her
activity-none-what = Ingenting som er lagret, passer med det du ser etter.
activity-rest = Se resten av denne endringen
activity-filter-who = Hvem
activity-filter-kind = Hva som ble gjort
activity-filter-any = hva som helst
activity-filter-prefix = Dokument eller mappe
activity-filter-from = Fra
activity-filter-until = Til
activity-filter-show = Vis
activity-filter-clear = Vis alt

## Transfers
transfers-title = Overføringer og annet arbeid
transfer-what = Hva
transfer-done = Gjort
transfer-rate = Fart
transfer-left = Tid igjen
transfer-which = Hvilket arbeid
transfer-show-open = Ikke ferdig
transfer-show-running = I gang
transfer-show-waiting = Venter
transfer-show-trouble = Har problemer
transfer-show-over = Ferdig
transfer-find = Bare det som heter
transfer-none = Ingenting å gjøre
transfer-none-what = Arbeid dukker opp her når noe skal sendes, kontrolleres eller øves på.
transfer-pause-all = Stans alt
transfer-resume-all = La alt fortsette
transfer-n-running =
    { $n ->
        [one] { $count } i gang
       *[other] { $count } i gang
    }
transfer-n-waiting =
    { $n ->
        [one] { $count } venter
       *[other] { $count } venter
    }
transfer-n-paused =
    { $n ->
        [one] { $count } stanset
       *[other] { $count } stanset
    }
transfer-n-trouble =
    { $n ->
        [one] { $count } har problemer
       *[other] { $count } har problemer
    }
transfer-rate-all = { $rate }/s til sammen
transfer-next = På planen
rate = { $rate }/s
line-closed = Linjen brukes ikke nå
line-rate = Høyst { $rate }/s nå
line-changes = til
line-left = { $bytes } igjen av kvoten til
task-capture = Ta opp
task-seal = Forsegle det som er nytt
task-ship = Send til
task-verify = Les tilbake det som ligger her
task-drill = Øv på gjenoppbygging fra
task-gc = Rydd det ingenting trenger
task-forget = Gi slipp på det ingen regel beholder
task-compact = Fjern det som er glemt, fra
task-apply = Gjennomfør det som er bestemt
phase-uploading = laster opp
phase-sealing = forsegler
phase-reading-back = leser tilbake
phase-fetching = henter
phase-scanning = ser gjennom
phase-checking-contents = kontrollerer innhold
phase-checking-records = kontrollerer poster
phase-comparing = sammenligner
phase-reading = leser
phase-rebuilding = bygger opp igjen
phase-writing = skriver
phase-writing-rows = skriver rader
phase-looking-for-garbage = leter etter det ingenting trenger
phase-applying = lagrer
job-running = i gang
job-pausing = stanser på neste trygge sted
job-cancelling = gir opp på neste trygge sted
job-moved = sist fremgang
job-waiting = venter
job-outside = venter på noe utenfor
job-paused = stanset
job-failed = mislyktes, forsøk { $n } av { $of } er neste
job-dead = ga opp, venter på deg
job-done = ferdig
job-cancelled = avbrutt
job-next = neste
job-advice = Hva som hjelper:
job-do-pause = Stans
job-do-resume = Fortsett
job-do-cancel = Avbryt
job-do-retry = Prøv nå
job-do-pause-this = Stans { $what }, nummer { $id }
job-do-resume-this = Fortsett { $what }, nummer { $id }
job-do-cancel-this = Avbryt { $what }, nummer { $id }
job-do-retry-this = Prøv nå: { $what }, nummer { $id }
why-remote-absent = Disken eller mappen er ikke der.
why-remote-unreachable = Stedet svarer ikke.
why-remote-timeout = Stedet var for tregt.
why-remote-rclone-missing = Programmet rclone er ikke installert.
why-drill-failed = Øvelsen lyktes ikke.
why-verify-damage = Noe som er lagret, er skadet.
why-source-missing = Det som skal tas opp, er ikke der.
advice-plug-in = koble til disken eller monter mappen, så fortsetter det av seg selv.
advice-rclone = installer rclone, og prøv nå.
advice-realign = gå til Samordne; ingenting blir sendt før det.
advice-space = lag plass på disken.
advice-source = se om mappen eller databasen er der innstillingene sier.
advice-remote = kontroller linjen og stedet under Innstillinger.
advice-verify = se under Bevis, og send på nytt.
advice-retry = les hvorfor, rett det, og prøv nå.

## Realign
realign-title = Samordne historikk og kopier
realign-lead = Når en eldre kopi av et lager eller en database er lagt tilbake, eller to maskiner har gått videre fra samme sikkerhetskopi, finnes det to historikker. Ingenting blir sendt før noen har valgt; lagringen fortsetter imens.
realign-well = Alt stemmer.
realign-well-what = Ingenting her taler mot at dette lageret er det nyeste. Å se på begge sider spør kopiene selv.
realign-in-line = Stemmer: Hver kopi har det som er lagret her, eller mindre av det samme.
realign-behind = { $tenant } er eldre enn det dette stedet allerede har sendt til { $other }
realign-amnesia = { $tenant } er tom her, og { $other } har historikken
realign-forked = { $tenant } og { $other } har skilt lag: Begge har gått videre etter den siste felles endringen
realign-clone = { $tenant }: En annen kopi av dette lageret skriver den samme historikken ({ $other })
realign-foreign = { $other } har { $tenant } fra et annet sted
realign-equal = { $tenant } stemmer med { $other }
realign-database = Databasen { $name } er eldre enn historikken sin
realign-database-forked = Databasen { $name } er eldre enn historikken sin, og er skrevet til siden
realign-here = Her
realign-witness-machine = Den andre maskinen
realign-witness-file = Det denne maskinen husker
realign-common = Siste endring begge har
realign-place = Skrevet på
realign-fenced = Lagringen fortsetter. Ingenting blir sendt før dette er avgjort.
realign-file = Fil
realign-missing = Mangler her
realign-only-here = Bare her
realign-transactions =
    { $n ->
        [one] { $count } transaksjon
       *[other] { $count } transaksjoner
    }
realign-rows =
    { $n ->
        [one] { $count } rad
       *[other] { $count } rader
    }
realign-documents =
    { $n ->
        [one] { $count } dokument
       *[other] { $count } dokumenter
    }
realign-time-unknown = ukjent tidspunkt
realign-look = Se på begge sider
realign-look-anyway = Sammenlign med kopiene likevel
realign-look-what = Spør kopiene, endrer ingenting.
realign-claim = Denne mappen er en kopi av et lager
realign-claim-what = Hvis den andre er borte, eller går videre som et annet sted, kan denne være stedet fra nå av. Går begge videre som ett sted, skiller historikkene lag.
realign-claim-do = Denne kopien er stedet fra nå av
realign-lines = Historikk som ble forlatt
realign-lines-what = De kan leses som alt annet, og blir liggende til noen fjerner dem.
realign-ways = Fire veier
realign-recommended = anbefalt
realign-shown = vises nedenfor
realign-show-this = Vis hva dette ville gjøre
realign-keep-both = Hent tilbake det som mangler, behold det som er nytt
realign-keep-both-what = Det den andre siden har, hentes; det som er gjort her siden, lagres på nytt etter det. Av et dokument som begge har endret, beholdes begge tilstander.
realign-keep-ours = Denne kopien er sannheten
realign-keep-ours-what = Resten blir liggende hos kopien som en egen linje som kan leses.
realign-keep-theirs = Slipp det som bare er her
realign-keep-theirs-what = Det som er gjort her siden, kan fortsatt leses som en egen linje, men gjelder ikke lenger.
realign-keep-look = Bare se, inntil videre
realign-keep-look-what = Alt blir som det er. Ingenting blir sendt før noen har valgt.
realign-browse = Se deg om
realign-do-both = Før begge sammen
realign-do-ours = Ta denne kopien som sannheten
realign-do-theirs = Ta det kopien har
realign-can-undo = Ingenting blir ødelagt: Det som forlates, kan fortsatt leses, og det som lagres på nytt, kan angres.
realign-does-not-fit = Slik det er nå, ville databasen ikke bli riktig etterpå. Avgjør annerledes ovenfor, eller se hva innstillingene sier om tabellene.
realign-conflicts = Endret på begge sider
realign-resurrected = Fjernet på den ene siden, endret på den andre: finnes igjen
realign-lost = Tapt
realign-lost-what = Endringene { $first } til { $last } har vært der, men finnes ikke hele noe sted.
realign-outside =
    { $n ->
        [one] { $count } referanse til systemer utenfor er berørt
       *[other] { $count } referanser til systemer utenfor er berørt
    }
realign-database-now = Databasen
realign-history = Historikken
realign-same = Likt på begge sider
realign-recompute = Regnet ut på nytt
realign-renumber = Numre som to rader har
realign-invariants = Det som må stemme
realign-invariant = Regel
realign-must = Skal være
realign-now = Nå
realign-then = Etterpå
realign-holds = stemmer
realign-broken = stemmer ikke
realign-tables = Tabeller
realign-table = Tabell
realign-policy = Hvem avgjør
realign-default = (som standard)
realign-differ = Rader som er forskjellige
policy-append = radene fra begge sider beholdes
policy-derived = regnes ut på nytt
policy-authority = historikken
policy-site = databasen
policy-field = felt for felt
policy-serial = begge, med nye numre
policy-external = historikken, fordi andre utenfor kjenner den
policy-documents = begge som versjoner
realign-open =
    { $n ->
        [one] { $count } rad trenger din avgjørelse
       *[other] { $count } rader trenger din avgjørelse
    }
realign-open-left = Ikke avgjort, nå som i historikken
realign-forbidden = Databasen tillater ikke dette
realign-take-history = Som i historikken
realign-take-here = Som i databasen
realign-done = { $tenant } stemmer ved endring { $seq }.
realign-done-fetched =
    { $n ->
        [one] { $count } endring er hentet.
       *[other] { $count } endringer er hentet.
    }
realign-done-again =
    { $n ->
        [one] { $count } av våre er lagret på nytt.
       *[other] { $count } av våre er lagret på nytt.
    }
realign-done-written =
    { $n ->
        [one] { $count } rad er skrevet til databasen.
       *[other] { $count } rader er skrevet til databasen.
    }
realign-both-kept = Begge versjoner beholdt av
realign-undo-again = Angre det som ble lagret på nytt
realign-see-line = Se historikken som ble forlatt
realign-as-found = Se databasen slik den ble funnet
realign-again = Se igjen
work-asked = Bestilt av
work-goes-on = Dette fortsetter når du lukker siden, og når programmet avsluttes. Hva som kommer ut av det, står her og blant overføringene.
work-not-done = Det som ble bestemt, ble ikke gjennomført.
work-nothing-changed = Ingenting ble endret av det.
work-anew = Lag en ny plan

## Copies
copies-title = Kopier og steder
copies-lead = Hvor historikken ligger utenom her, og om reglene for hver virksomhet er holdt.
copies-add = Legg til et sted for kopier
copies-none = Det finnes ingen kopi noe annet sted
copies-none-what = Går denne maskinen tapt, går alt tapt. Legg til et sted for kopier under Innstillinger.
place-current = har alt
place-behind = noe venter på å bli sendt
place-unused = ingenting sendt ennå
place-waiting = ventes på
place-stale = for gammel
place-broken = virker ikke
copies-address = Adresse
copies-region = Region
copies-not-said = ikke oppgitt
copies-operator = Driftsselskapets land
copies-encryption = Kryptering
copies-encryption-what = forseglet her før det sendes (XChaCha20-Poly1305)
copies-shipped = Sist sendt
copies-never = aldri
copies-waits = Venter
copies-objects = Objekter
copies-rate = Målt linje
copies-verified = Kontrollert
copies-drilled = Øvd på
copies-ship = Send nå
copies-tenants = Hvem ligger hvor
copies-verdict = Regler
copies-rule-regions = bare i
copies-rule-min =
    { $n ->
        [one] minst { $count } kopi
       *[other] minst { $count } kopier
    }
copies-not-allowed = skal ikke hit
copies-nothing = ingenting ennå
copies-behind =
    { $n ->
        [one] { $count } endring bak
       *[other] { $count } endringer bak
    }
copies-empty = ingenting å ta vare på ennå
copies-all = har alt
copies-kept =
    { $n ->
        [one] holdt: { $count } hel kopi
       *[other] holdt: { $count } hele kopier
    }
copies-missing = { $n } av { $wanted } hele kopier
copies-too-few-places = kan gå til { $n } steder, trenger { $wanted }

## Proof
proof-title = Bevis
proof-lead = En sikkerhetskopi som aldri er gjenopprettet, er et håp. Her står det hva som er lest tilbake og bygd opp igjen, og hvor lang tid det tok.
proof-local = Det som ligger her
proof-local-what = Hver dag blir en del lest tilbake og sammenlignet, så alt er sett omtrent én gang i måneden.
proof-do-verify = Les tilbake neste del nå
proof-do-drill = Øv på gjenoppbygging nå
proof-never = aldri
proof-well = alt er bra
proof-not-well = noe er galt
proof-rto = Tid til gjenoppretting
proof-rpo = Ville gått tapt
proof-seconds = { $n } sekunder
proof-nothing-lost = ingenting
proof-lost = endringer fra { $span }
proof-none = Ingenting er bevist ennå
proof-none-what = Den første kontrollen går innen en dag; en øvelse kan startes ovenfor.
proof-history = Hva som er bevist
proof-what = Hva
proof-found = Funnet
proof-read = Lest
proof-sample = delvis
proof-quick = poster og navn, ikke hver byte
proof-kind-verify = Dette lageret kontrollert
proof-kind-patrol = En del av lageret lest tilbake
proof-kind-remote = Kopi kontrollert:
proof-kind-drill = Gjenoppbygging øvd fra
proof-terms = Tid til gjenoppretting kalles også RTO, det som ville gått tapt, RPO. Begge er målt, ikke lovet.

## References
ledger-title = Referanser til systemer utenfor
references-lead = Det som er levert, arkivert eller sendt med en id fra et annet system, og hva det ble av det.
references-which = Hvilke referanser
references-show-all = Alle
references-show-removed = Dokumentet er fjernet
references-show-expired = Utløpt
references-show-irrevocable = Kan ikke trekkes tilbake
references-system = System
references-id = Id der
references-expires = Utløper
references-expired = utløpt
references-soon = snart
references-removed = fjernet her, fortsatt der
references-none = Ingen referanser her
references-none-what = Programmer legger dem til når de leverer eller arkiverer et dokument.
references-compare = Sammenlign med en liste utenfra
references-compare-what = Lim inn listen fra det andre systemet (CSV, første linje med navnene id, og eventuelt system og state). Det som henger i luften på en av sidene, blir vist; ingenting endres.
references-compare-system = Tomt: som listen sier.
references-file = Fil
references-list = Liste
references-compare-do = Sammenlign
references-compared =
    { $n ->
        [one] Sammenlignet med { $count } linje
       *[other] Sammenlignet med { $count } linjer
    }
references-same =
    { $n ->
        [one] { $count } er lik på begge sider.
       *[other] { $count } er like på begge sider.
    }
references-expired-too =
    { $n ->
        [one] { $count } er utløpt der.
       *[other] { $count } er utløpt der.
    }
references-no-difference = ingen forskjell
references-differences = Hva som er forskjellig
references-difference = Forskjell
references-there = Der
references-missing-here = bare der
references-missing-there = bare her
references-differs = annen tilstand
references-line = linje { $line }

## Recover
recover-title = Hvis denne maskinen går tapt
recover-lead = Hvilken kopi som ville bli brukt, hvorfor, og hva som ville mangle.
recover-card-show = Gjenopprettingskort for utskrift
recover-none = Ingenting kunne hentes tilbake.
recover-none-what = Ingenting er sendt til noe sted som svarer.
recover-best = { $name } ville bli brukt:
recover-best-all = der ligger alt som er lagret her.
recover-best-most = der ligger mer enn på de andre.
recover-nothing-lost = Ingenting ville gått tapt.
recover-would-lose =
    { $n ->
        [one] { $count } endring ville gått tapt,
       *[other] { $count } endringer ville gått tapt,
    }
recover-since = fra
recover-not-asked = Dette er det lageret husker. Spør kopiene for å være sikker.
recover-check = Spør alle kopiene nå
recover-check-what = Lister opp det som ligger der, endrer ingenting.
recover-asked = Spurt
recover-copies = Kopier, den nyeste først
recover-copy = Kopi
recover-reached = Nådd
recover-shipped = Sist sendt
recover-lost = Ville mangle
recover-proved = Øvd på
recover-newest = nyest
recover-unknown = ikke spurt
recover-answers = svarer
recover-silent = svarer ikke
recover-steps = Hva man gjør da
recover-step-machine = Ta en hvilken som helst maskin og installer annals
recover-step-machine-what = Det trengs ingenting fra den gamle.
recover-step-sheet = Skriv gjenopprettingsarket inn i en fil, sheet.txt
recover-step-sheet-what = En linje med skrivefeil blir navngitt. Nøkkelfilen virker også.
recover-step-browse = Se først
recover-step-browse-what = Bygg det i en egen mappe, på det tidspunktet du vil, og se deg om.
recover-step-full = Så alt
recover-step-full-what = Hver kontrollsum blir sammenlignet; det som mangler, blir navngitt.
recover-step-go-on = Gå videre
recover-step-go-on-what = Det gjenoppbygde lageret er stedet fra nå av. Den første sendingen sier det til kopiene.
card-title = Gjenopprettingskort
card-lead = Skriv det ut og oppbevar det der kontrakter oppbevares. Det sier hvor kopiene er og hva man gjør, og inneholder ingen hemmelighet.
card-print = Skriv ut denne siden
card-heading = Slik hentes { $site } tilbake
card-site = Sted
card-fingerprint = Nøkkelens fingeravtrykk
card-date = Per
card-key = Nøkkelfil
card-key-plain = åpner seg selv: den som har den, kan lese alt
card-key-closed = lukket med passordfrase
card-copies = Hvor kopiene er
card-shipped = sist sendt
card-write = Fylles ut for hånd
card-sheet-lies = Gjenopprettingsarket ligger
card-passwords-lie = Passord til stedene
card-call = Hvem man ringer
card-sheet = Gjenopprettingsark
card-with-sheet = Med gjenopprettingsarket
card-with-sheet-what = Den som har arket, kan lese hele historikken. Vis det bare der ingen ser deg over skulderen.
card-with-sheet-do = Vis kortet med arket
card-wrong = Det var ikke navnet.
card-secret-warning = Denne siden viser stedets hemmelighet. Skriv den ut og lukk den.

## Settings
settings-title = Innstillinger
settings-lead = Alt står i én fil; kommentarer og alt annet i den blir som det er:
settings-saved = Lagret. Det gjelder fra nå av.
settings-bad = Filen kan ikke brukes. Den forrige gode gjelder fortsatt.
settings-when = Når, og over hvilken linje
settings-site = Navnet på stedet
settings-site-what = Det folk kaller det.
settings-zone = Tidssone
settings-zone-what = Klokkene her følger den.
settings-ship = Send
settings-ship-what = every 2h, every 30m. Tomt: etter kalenderen ved siden av, eller bare når noen ber om det.
settings-cron = Send etter kalenderen
settings-cron-what = Minutt, time, dag, måned, ukedag: 0 */4 * * *. Bare én av de to.
settings-window = Når linjen kan brukes, og hvor fort
settings-window-what = Én linje for hver del av døgnet: 19:00-06:00 10 MiB/s. Tomt: alltid, i full fart.
settings-allowance = Kvote
settings-allowance-what = 5 GB / month; perioden er day, week eller month. For alle steder til sammen.
settings-drill = Øv på gjenoppbygging
settings-drill-what = every 180d. Tomt: bare når noen ber om det.
settings-stale-after = En endring kan vente
settings-stale-after-what = Hvor gammel den eldste endringen som bare er her, kan bli før noen får beskjed: 4h.
settings-save = Lagre innstillingene
settings-save-what = En verdi som ikke går an, blir avvist, og ingenting blir skrevet.
settings-runs = De neste kjøringene
settings-next = Tidspunkt
settings-places = Steder for kopier
settings-name = Navn
settings-name-what = Små bokstaver, tall og bindestreker.
settings-address-what = dir:/path for en disk eller et nettverksområde, rclone:REMOTE:PATH for alt annet.
settings-region-what = Hvor dataene ligger. Virksomheter med regler sendes bare dit dette er oppgitt.
settings-country-what = To bokstaver: hvilket lands lov driftsselskapet er under.
settings-check = Kontroller
settings-checked = kan brukes: skrevet, lest tilbake, fjernet
settings-remove = Ta det av listen
settings-add-place = Legg til et sted for kopier
settings-add-do = Legg til dette stedet
settings-captures = Hva som tas opp av seg selv
settings-captures-none = Ingenting. Programmer og folk lagrer selv her.
settings-captures-how = En mappe eller en database legges til med linjer som disse i filen:
settings-keep = Hva som beholdes
settings-keep-all = Alt, for alltid.
settings-keep-floor = Aldri glemt før
settings-keep-within = Alt innenfor
settings-keep-daily = Dager med sin siste versjon
settings-keep-monthly = Måneder med sin siste versjon
settings-keep-tenant = En avsluttet virksomhets historikk
settings-you = Du
settings-session = Denne økten
settings-session-what = slutter tolv timer etter siste bruk; annals ui åpner en ny.
settings-leave = Avslutt denne økten

## First run
first-title = Her er det ingenting ennå
first-lead = Begynn noe nytt, eller hent et sted tilbake fra en kopi. Det blir liggende i
first-steps = Steg
first-step-make = Begynn
first-step-sheet = Ta vare på arket
first-step-confirm = Vis at du har det
first-step-ready = Klar
first-make = Begynn et nytt sted
first-make-what = Fra nå av blir hver versjon av hvert dokument tatt vare på her.
first-make-do = Begynn dette stedet
first-rebuild = Hent et sted tilbake fra en kopi
first-rebuild-what = Du trenger adressen til en kopi og gjenopprettingsarket.
first-from = Hvor kopien er
first-from-what = dir:/path eller rclone:REMOTE:PATH, som på gjenopprettingskortet.
first-sheet = De seks linjene på gjenopprettingsarket
first-sheet-what = Store bokstaver, bindestreker og mellomrom betyr ingenting.
first-until = Bare til
first-until-what = Tomt: alt. Eller et tidspunkt, som 2026-11-19 08:00.
first-rebuild-do = Hent det tilbake
first-rebuilding = Hentes tilbake:
first-rebuilt =
    { $n ->
        [one] { $count } endring er hentet tilbake og sammenlignet, kontrollsum for kontrollsum.
       *[other] { $count } endringer er hentet tilbake og sammenlignet, kontrollsum for kontrollsum.
    }
first-go-on = Gå videre
first-try-again = Prøv igjen
first-keep = Skriv ut dette arket og oppbevar det et annet sted
first-keep-what = Det er den eneste veien tilbake når denne maskinen går tapt. Ingen kan lage det på nytt, heller ikke vi.
first-keep-where = Ikke på denne maskinen, og ikke i en postboks: der kontrakter og penger oppbevares.
first-kept = Jeg har det på papir
first-confirm = Vis at du har arket
first-confirm-what = Ta papiret og skriv tre bokstavgrupper fra det.
first-confirm-wrong = Minst én gruppe er ikke som på arket. Ingenting er tapt: Sammenlign og skriv på nytt.
first-group = Linje { $line }, gruppe { $group }
first-confirm-do = Dette står på arket
first-again = Vis arket igjen
first-ready = Stedet er klart
first-ready-what = Det tar vare på det som lagres fra nå av. Tre ting gjør det trygt:
first-next-place = En kopi et annet sted
first-next-place-what = Uten den går alt tapt sammen med maskinen.
first-next-record = Noe å ta opp
first-next-record-what = En mappe eller en database som følges av seg selv, eller programmer som lagrer her.
first-next-card = Et gjenopprettingskort
first-next-card-what = Så noen andre kan hente det tilbake uten deg.

# End of plans and safety

## Hvordan noe mislykkes, og hva som hjelper
fail-failed = Dette mislyktes.
fail-usage = Det som ble bedt om, gir ingen mening slik.
fail-missing = Noe slikt finnes ikke her.
fail-locked = Noen andre arbeider her akkurat nå.
fail-denied = Dette er ikke tillatt.
fail-remote = Stedet utenfor huset kan ikke nås.
fail-refused = En regel forbyr dette. Ingenting ble endret.
fail-space = Det er ikke plass igjen.
fail-newer = Dette er skrevet av et nyere program.
fail-found = Noe som ble funnet, er ikke som det skal være.
why-document = Et slikt dokument har aldri funnes.
why-document-removed = Dokumentet er slettet på dette tidspunktet.
why-document-not-yet = Dokumentet fantes ikke ennå på dette tidspunktet.
why-version = Dokumentet har ingen slik versjon.
why-content-forgotten = Innholdet i denne versjonen er gitt opp etter en regel.
why-batch = En slik endring finnes ikke.
why-tenant = En slik virksomhet finnes ikke.
why-job = En slik jobb finnes ikke, eller dette kan ikke gjøres med den nå.
why-order = Det som ble bestilt her, er ikke tatt vare på lenger.
why-plan-stale = Noe er lagret etter at dette ble planlagt.
why-plan = Denne planen kan ikke brukes.
why-redo = Ingenting er angret, så det er ingenting å gjøre om igjen.
why-time = Dette er ikke et tidspunkt som kan forstås.
why-time-gap = Dette klokkeslettet ble hoppet over da klokken ble stilt frem.
why-time-twice = Dette klokkeslettet kom to ganger, da klokken ble stilt tilbake.
why-moment = Det er ingenting på dette tidspunktet.
why-mark = Det finnes ikke noe merke med dette navnet.
why-find = Dette kan det ikke søkes etter.
why-path = Dette er ikke navnet på et felt.
why-key = Det er ikke angitt noe dokument, eller ikke slik.
why-key-wrong = Denne nøkkelen åpner ingenting her.
why-sheet = Gjenopprettingsarket ble ikke lest riktig.
why-remote = Stedet utenfor huset er ikke riktig angitt, eller er ikke som det skal være.
why-remote-exists = Det finnes allerede et sted med dette navnet.
why-remote-unknown = Det finnes ikke noe sted med dette navnet.
why-config = Denne innstillingen kan ikke brukes. Ingenting ble endret.
why-lineage = Historien her og hos en kopi, eller i en database, er ikke lenger den samme.
why-rule-residency = Reglene for denne virksomheten lar ikke dataene gå dit.
why-source = Mappen eller databasen kan ikke brukes.
why-capture-source = Dette er en rad i en database som lever videre for seg selv.
why-disk-full = Det er ikke plass igjen på disken.
why-store-locked = Et annet program har dette lageret åpent.
why-cron = Dette er ikke en tidsplan.
help-document = Søk etter det under Finn, også blant de slettede.
help-time = Skriv det som 2018-09-18, 2018-09-18 14:02, i går 14:00 eller for 2 dager siden.
help-plan = Lag planen på nytt, og se på den igjen.
help-sheet = Sammenlign med papiret, gruppe for gruppe.
help-remote = Se på det under Innstillinger: dir:/sti, eller rclone:NAVN:STI.
help-lineage = Se begge sider under Samordne; ingenting er tapt.
help-disk = Frigjør plass; ingenting ble skrevet halvt.
help-back = Gå tilbake, rett det og prøv igjen.
error-exactly = Nøyaktig
note-foreign-title = Et annet nettsted ba om dette
note-foreign-text = Ingenting ble endret. Åpne selve siden, og gjør det der.
note-form-title = Dette skjemaet er ikke vårt, eller for gammelt
note-form-text = Ingenting ble endret. Gå tilbake, last siden på nytt og gjenta det.
note-long-title = Dette skjemaet er for langt
note-long-text = Et skjema har høyst 1 MiB. Ingenting ble endret.
note-slow-title = Dette skjemaet kom ikke frem i tide
note-slow-text = Ingenting ble endret. Prøv igjen.
note-nowhere-title = En slik side finnes ikke
note-nowhere-text = Adressen kan være feilskrevet. Forsiden fører overalt.
note-failed-title = Programmet mislyktes med dette
note-failed-text = Ingenting ble skrevet halvt.
note-many-title = For mange feil hemmeligheter i det siste
note-many-text = Vent ett minutt, og prøv igjen.
moment-words = nå=now, i dag=today, idag=today, i går=yesterday, igår=yesterday, forrige=last, sist=last, siste=last, kl.=, kl=, klokken=, for=, siden=ago, mandag=monday, tirsdag=tuesday, onsdag=wednesday, torsdag=thursday, fredag=friday, lørdag=saturday, søndag=sunday, sekund=seconds, sekunder=seconds, minutt=minutes, minutter=minutes, time=hours, timer=hours, dag=days, dager=days, uke=weeks, uker=weeks, måned=months, måneder=months, år=years, en=1, ett=1, et=1, én=1, to=2, tre=3
doing-forget = Gir opp det ingen regel tar vare på { $subject }
doing-compact = Fjerner det glemte fra { $subject }
doing-apply = Gjennomfører det som er bestemt
column-left = Kan legges tilbake
deleted-stays = så lenge du vil
deleted-held = holdt av
deleted-gone = innholdet er gitt opp
deleted-any-day = til reglene gås gjennom neste gang
deleted-days =
    { $n ->
        [one] { $count } dag
       *[other] { $count } dager
    }
proof-attest = En erklæring å gi fra seg
proof-attest-what = Hva som holdes, hvor kopiene er og hvor gamle de er, signert av dette stedet. Den som har den, kan holde stedet til det senere.
proof-attest-do = Last ned erklæringen
proof-attest-later = Kontrolleres senere, sammen med kopiene, med
deleted-tenants = Virksomheter som er fjernet
deleted-tenant-back = Hent { $name } tilbake
problem-brake = De fleste dokumentene i { $about } ble endret eller fjernet på én gang
problem-brake-do = Ingenting blir gitt opp eller fjernet fra kopiene før noen har sett på det. Lagring og sending fortsetter, og tilstanden før har et merke.
brake-back = Planlegg veien tilbake
brake-reason = Hvorfor det var ment
brake-lift = Det var ment: la reglene virke igjen
problem-policy = En regel om hvor dataene til { $about } kan ligge, er ikke overholdt
problem-policy-do = Se hvilket sted, og hva regelen sier.
problem-nowhere = For få steder kan ha dataene til { $about }
problem-nowhere-do = Se hvilke steder som kan ha dem, og legg til ett eller endre regelen.
problem-erasure = Det som er slettet etter loven, ligger fortsatt hos { $about }
problem-erasure-do = Send til den; er den borte, hent den tilbake.
first-interrupted = En gjenoppbygging ble ikke ferdig
first-interrupted-what = { $n ->
    [one] Programmet eller maskinen stanset mens virksomheten ble hentet tilbake. { $count } endring er tilbake så langt.
   *[other] Programmet eller maskinen stanset mens virksomheten ble hentet tilbake. { $count } endringer er tilbake så langt.
}
first-interrupted-lost = Ingenting er tapt: det som er hentet tilbake, er helt, og kopien har fortsatt alt. Det ligger i
first-resume = Fortsett
first-resume-what = Det som er her, blir; bare resten hentes.
first-resume-do = Fortsett der den var
first-anew = Begynn på nytt
first-anew-what = Det som er hentet tilbake hit, fjernes. Kopien et annet sted røres ikke.
first-anew-sure = Fjern det som er her av den
first-anew-do = Begynn på nytt
