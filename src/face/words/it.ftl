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
moment-then = Stai guardando com'era il { $when }.
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

## Cornice
nav-browse = Indietro nel tempo
nav-plan = Annulla
nav-realign = Riallinea
menu-documents = Documenti
menu-changes = Modifiche
menu-safety = Sicurezza
menu-open = Menu
search-hint = Nome di un documento
tenant-label = Organizzazione
tenant-more =
    { $n ->
        [one] e un'altra ({ $count })
       *[other] e altre { $count }
    }
you-are = Sei
moment-calm = Guardare non cambia nulla.
moment-other = Guarda un altro momento
moment-label = Momento
moment-go = Mostra quel momento
moment-forms = Per esempio 2018-09-18 oppure 2018-09-18 14:02
error-home = Vai alla pagina iniziale
live-slow = L'agente non risponde. Quello che vedi può essere vecchio.

## Parti
months = gen feb mar apr mag giu lug ago set ott nov dic
time-short = { $day } { $month } { $year } { $clock }
span-ago = { $span } fa
span-second =
    { $n ->
        [one] { $count } secondo
       *[other] { $count } secondi
    }
span-minute =
    { $n ->
        [one] { $count } minuto
       *[other] { $count } minuti
    }
span-hour =
    { $n ->
        [one] { $count } ora
       *[other] { $count } ore
    }
span-day =
    { $n ->
        [one] { $count } giorno
       *[other] { $count } giorni
    }
span-month =
    { $n ->
        [one] { $count } mese
       *[other] { $count } mesi
    }
span-year =
    { $n ->
        [one] { $count } anno
       *[other] { $count } anni
    }
size-bytes =
    { $n ->
        [one] { $count } byte
       *[other] { $count } byte
    }
who-nobody = nessuno indicato
cause-undo = Annullata: modifica { $batch }
cause-rollback = Com'era dopo la modifica { $batch }
cause-restore = Ripristinato
column-acts = Che cosa puoi fare
pager-label = Altre voci dell'elenco
toast-recorded =
    { $n ->
        [one] { $count } modifica è registrata, con il numero { $batch }.
       *[other] { $count } modifiche sono registrate insieme, con il numero { $batch }.
    }
toast-restored =
    { $n ->
        [one] { $count } documento è ripristinato, con la modifica { $batch }.
       *[other] { $count } documenti sono ripristinati, con la modifica { $batch }.
    }
toast-undone =
    { $n ->
        [one] { $count } modifica è annullata, con la modifica { $batch }.
       *[other] { $count } modifiche sono annullate, con la modifica { $batch }.
    }
toast-undo = Annulla
toast-redo = Rifai
toast-close = Chiudi
keys-title = Tasti
keys-search = Cerca
keys-rows = Su e giù tra le righe
keys-enter = Apri la riga
keys-steps = Prima e dopo
keys-compare = Confronta
keys-plan = Piano: ripristina o annulla
keys-undo = Annulla l'ultima cosa fatta
keys-now = Torna ad adesso
keys-help = Questi tasti
keys-back = Chiudi, o torna indietro
