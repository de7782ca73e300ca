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
moment-then = Du ser på { $when }. Ingenting endres av at du ser.
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
