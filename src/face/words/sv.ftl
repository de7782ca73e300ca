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
