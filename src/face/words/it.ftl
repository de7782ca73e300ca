# Le parole delle pagine in italiano.

## Ovunque
app-name = Annals
nav-home = Inizio
nav-find = Cerca
nav-activity = Attività
nav-batches = Lotti
nav-deleted = Eliminati
nav-transfers = Trasferimenti
nav-copies = Copie
nav-references = Riferimenti
nav-proof = Prove
nav-recover = Ripristina
nav-settings = Impostazioni
nav-label = Pagine
skip-to-content = Vai al contenuto
moment-now = Vedi la situazione di adesso
moment-then = Stai guardando { $when }. Guardare non cambia nulla.
back-to-now = Torna ad adesso
search-label = Cerca
search-button = Cerca
language-label = Lingua
count-changes =
    { $n ->
        [one] { $n } modifica
       *[other] { $n } modifiche
    }

## Verdetto
safe = Al sicuro
not-safe = Non al sicuro

## Errori
error-title = Non ha funzionato
error-next = Che cosa puoi fare

## Inizio
home-title = Siamo al sicuro?
