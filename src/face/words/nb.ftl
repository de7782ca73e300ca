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
