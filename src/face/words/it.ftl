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
undo-last = Annulla l'ultima modifica, { $n }
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

## Elenchi
column-document = Documento
column-version = Versione
column-when = Quando
column-when-who = Quando e chi
column-who = Chi
column-why = Perché
column-size = Dimensione
column-state = Stato
column-since = Da quando
column-field = Campo
column-value = Valore
column-old = Valore vecchio
column-new = Valore nuovo
column-old-line = Riga vecchia
column-new-line = Riga nuova
column-line = Testo
column-fact = Che cosa
column-system = Sistema
column-id = Numero lì
column-removed = Eliminato
column-choose = Scegli
column-change = Modifica
column-what = Che cosa
column-copy = Copia
column-received = Ultima ricezione
column-lacks = Manca
by = da
change-count =
    { $n ->
        [one] { $count } modifica
       *[other] { $count } modifiche
    }
versions-newest = I più recenti
versions-older = Meno recenti
trail-label = Dove si trova
trail-all = Tutti i documenti

## Valori
value-empty = vuoto
value-null = nessun valore
value-absent = non c'è
value-true = sì
value-false = no
value-was = prima:
value-is = ora:
field-whole = tutto il documento

## Documento
document-versions =
    { $n ->
        [one] { $count } versione
       *[other] { $count } versioni
    }
document-references =
    { $n ->
        [one] { $count } riferimento
       *[other] { $count } riferimenti
    }
document-current = Attuale
document-hold = Bloccato:
document-version-of = Versione { $n } di { $all }
document-removed = Eliminato
document-not-yet = Non esisteva ancora
document-never = Non ha mai avuto una versione.
document-fields = Storia dei campi
document-group = Con tutto ciò che vi appartiene
document-open = Apri
document-put-back = Ripristina
put-back-current = Rendi di nuovo attuale
put-back-copy = Ripristina come copia
compare-current = Confronta con l'attuale
compare-before = Confronta con la versione precedente
removed-when = È stato eliminato
removed-back = Nulla è perduto: l'ultima versione, v{ $n }, può essere ripristinata, e anche questo si può annullare.
exists-since = Esiste dal
versions-title = Versioni
step-removed = Eliminato
time-label = Il documento nel tempo
time-earlier = Prima
time-later = Dopo
stop-one = v{ $n } · { $when }
stop-many = da v{ $first } a v{ $last } · { $when }
stop-removed = Eliminato · { $when }
meta-title = Dati della versione
meta-size = Dimensione
meta-media = Tipo
meta-modified = File modificato
meta-mode = Permessi del file
meta-valid-from = Vale dal
meta-valid-until = Vale fino al
meta-digest = Impronta
content-fields = Campi
content-text = Testo con numeri di riga
content-empty = Un documento vuoto
content-directory = Una cartella
content-link = Un collegamento a
content-binary = Non si può mostrare qui; Apri lo scarica
content-more-fields =
    { $n ->
        [one] un altro campo ({ $count }); Apri scarica tutto
       *[other] altri { $count } campi; Apri scarica tutto
    }
content-more-text = Questo è l'inizio. Apri scarica tutto, { $size }.
picture-of = Immagine di { $version }
references-title = Riferimenti in altri sistemi
references-more =
    { $n ->
        [one] e un altro ({ $count })
       *[other] e altri { $count }
    }
reference-fixed = Non si può richiamare
reference-expires = scade

## Confronta
compare-title = Confronta
compare-of = Confronta { $name }
compare-document = Torna al documento
compare-old = Versione precedente
compare-new = Versione successiva
compare-button = Confronta queste
compare-swap = Scambiale
compare-earlier = Le due precedenti
compare-later = Le due successive
compare-same = Le due versioni sono uguali
compare-same-words = Byte per byte.
compare-layout = Nessun campo è cambiato
compare-layout-words = Cambiano solo gli spazi o l'ordine dei campi.
compare-table = Che cosa cambia tra le due versioni
compare-text = Differenze riga per riga
compare-binary = Confrontate per dimensione e impronta
compare-fields-changed =
    { $n ->
        [one] { $count } campo diverso
       *[other] { $count } campi diversi
    }
compare-fields-same =
    { $n ->
        [one] { $count } uguale
       *[other] { $count } uguali
    }
compare-lines-added =
    { $n ->
        [one] { $count } riga aggiunta
       *[other] { $count } righe aggiunte
    }
compare-lines-removed =
    { $n ->
        [one] { $count } riga tolta
       *[other] { $count } righe tolte
    }
compare-more-lines =
    { $n ->
        [one] e un'altra riga ({ $count })
       *[other] e altre { $count } righe
    }
compare-all =
    { $n ->
        [one] Mostra anche il campo uguale ({ $count })
       *[other] Mostra anche i { $count } campi uguali
    }
compare-changed-only = Mostra solo ciò che cambia
compare-first = I primi campi
compare-next =
    { $n ->
        [one] un altro campo ({ $count })
       *[other] altri { $count } campi
    }
fields-title = Storia dei campi di
fields-of = Campi di { $name }
fields-table = Che cosa ha cambiato ogni versione, dalla più recente
fields-only = Solo questo campo
fields-hint = stato
fields-button = Mostra la storia
fields-all = Mostra tutti i campi
fields-none = Nessuna modifica di campi qui
fields-none-here = Nessuna tra queste versioni; le meno recenti possono averne.
fields-none-ever = Il documento non ha campi, o nessuno è cambiato.
fields-passed-over = Questa versione non ha campi

## Cerca
find-title = Cerca documenti
find-name = Nome
find-name-hint = L'inizio, o con * per qualunque cosa: caso/*lettera*
find-field = Che cosa dice un campo
find-field-hint = campo=valore, per esempio stato=aperto
find-ref = Numero in un altro sistema
find-ref-hint = sistema:numero, per esempio svarut:77
find-by = Chi l'ha registrato o eliminato
find-by-hint = Il nome come sta nella storia
find-at = Com'era
find-at-hint = Un giorno o un'ora, per esempio 2018-09-18; adesso se vuoto
find-living = Tralascia ciò che è stato eliminato
find-button = Cerca documenti
find-results = Documenti trovati
find-by-reference = Documenti con questo numero in un altro sistema
find-none = Nessun documento trovato
find-none-words = Sono stati guardati tutti i documenti, anche quelli eliminati.
find-not-yet = Finora nulla
find-not-yet-words = Ci sono altri documenti da guardare.
find-on = Cerca ancora
find-next = Pagina successiva
find-first = Prima pagina
find-anywhere = Cerca «{ $name }» in qualunque punto dei nomi
find-empty = Che cosa cerchi?
find-empty-words = Compila uno o più campi; devono valere tutti. Si trova anche ciò che è stato eliminato.

## Indietro nel tempo
browse-title = Tutti i documenti
browse-words = Com'erano nel momento che guardi. Le frecce portano alla modifica prima e dopo.
browse-folder = cartella
browse-group = Guardalo come un tutto
browse-deleted = Che cosa è stato eliminato qui
browse-back-to = Prepara un piano per riportare tutto a questo momento
browse-empty = Qui non c'è nulla
browse-empty-words = Ora qui non c'è nessun documento. Ciò che è stato eliminato può essere ripristinato.
browse-empty-then = In quel momento qui non c'era nessun documento.
steps-label = Di modifica in modifica
steps-earlier = Modifica precedente
steps-later = Modifica successiva
steps-change = Dopo la modifica { $n }
steps-nothing = Prima della prima modifica
group-title = con tutto ciò che vi appartiene
group-table = Ciò che sta insieme, in questo momento
group-existing =
    { $n ->
        [one] { $count } documento esisteva
       *[other] { $count } documenti esistevano
    }
group-members =
    { $n ->
        [one] { $count } in tutti i tempi
       *[other] { $count } in tutti i tempi
    }
group-more =
    { $n ->
        [one] e un altro ({ $count })
       *[other] e altri { $count }
    }
group-changed = Che cosa ha cambiato questa modifica
group-not-yet = In questo momento non esisteva ancora nulla. La modifica successiva mostra quando è cominciato.
group-none = Nessun documento appartiene a questo
group-none-words = Non c'è mai stato un documento con questo nome o sotto di esso.
group-cut =
    { $n ->
        [one] Se ne mostra solo una parte: al massimo { $count } documento.
       *[other] Se ne mostra solo una parte: al massimo { $count } documenti.
    }
group-with = Che altro vi appartiene
group-with-label = Nomi, uno per riga
group-with-hint = Con * per qualunque cosa e, dopo un ?, un campo che lo deve dire: caso/*?cliente=38754
group-with-button = Guarda tutto insieme
state-exists = Esisteva

## Eliminati
deleted-title = Documenti eliminati
deleted-words = Prima i più recenti. Nulla è perduto: ognuno può essere ripristinato, e anche questo si può annullare.
deleted-below = Solo nomi che cominciano con
deleted-filter = Mostra questi
deleted-all = Mostra tutti
deleted-choose = Scegli { $name }
deleted-choose-all = Scegli tutti in questa pagina
deleted-put-back-one = Ripristina { $name }
deleted-plan = Prepara un piano per ripristinare quelli scelti
deleted-older = Eliminati prima
deleted-none = Non è stato eliminato nulla
deleted-none-words = Qui si trovano i documenti eliminati, con chi, quando e perché.
deleted-none-here = Nessuno tra questi; ce ne sono di meno recenti.

## Il verdetto e su che cosa si basa
home-safe = Sì, siamo al sicuro
home-not-safe = No, non adesso
verdict-damaged = Qualcosa che era registrato qui è danneggiato. Prove mostra che cosa, e come recuperarlo da una copia.
verdict-behind = { $tenant } qui è più vecchio di come lo conosce { $witness }. Riallinea mostra che cosa manca; intanto non si spedisce nulla.
verdict-amnesia = { $tenant } ha dimenticato ciò che { $witness } conosce. Riallinea lo recupera; intanto non si spedisce nulla.
verdict-forked = { $tenant } si è separato da { $witness }: ognuno è andato avanti da solo. Riallinea li riunisce; intanto non si spedisce nulla.
verdict-clone = { $tenant } è la copia di un altro archivio che { $witness } conosce. Riallinea decide quale va avanti; intanto non si spedisce nulla.
verdict-foreign = { $witness } contiene { $tenant } di un altro sito. Indica nelle impostazioni il posto di questo sito; non si spedisce nulla.
verdict-database = La base di dati { $names } è tornata indietro nel tempo. Riallinea mostra i due lati; intanto non se ne registra né spedisce nulla.
verdict-only-copy = Questa è l'unica copia: non è impostato nessun posto per un'altra.
verdict-empty = Non è ancora registrato nulla, quindi nulla può andare perduto.
verdict-offsite = Ogni modifica è anche altrove: { $remotes }.
verdict-offsite-later = Ogni modifica è anche altrove; { $remotes } seguirà.
verdict-waiting =
    { $n ->
        [one] { $count } modifica aspetta di essere spedita a { $remotes }, da { $age }; sono ammessi al massimo { $limit }.
       *[other] { $count } modifiche aspettano di essere spedite a { $remotes }, la più vecchia da { $age }; sono ammessi al massimo { $limit }.
    }
verdict-late =
    { $n ->
        [one] { $count } modifica esiste solo qui, da { $age }; sono ammessi solo { $limit }. { $remotes } dovrebbe averla.
       *[other] { $count } modifiche esistono solo qui, la più vecchia da { $age }; sono ammessi solo { $limit }. { $remotes } dovrebbe averle.
    }
verdict-late-unlimited =
    { $n ->
        [one] { $count } modifica esiste solo qui, da { $age }. { $remotes } dovrebbe averla.
       *[other] { $count } modifiche esistono solo qui, la più vecchia da { $age }. { $remotes } dovrebbe averle.
    }
verdict-late-nowhere =
    { $n ->
        [one] { $count } modifica esiste solo qui, da { $age }; nessuna copia può averla.
       *[other] { $count } modifiche esistono solo qui, la più vecchia da { $age }; nessuna copia può averle.
    }
home-problems =
    { $n ->
        [one] { $count } cosa ha bisogno di te
       *[other] { $count } cose hanno bisogno di te
    }
problem-details = Che cosa è successo di preciso
problem-space = Non c'è più spazio sul disco
problem-space-do = Non si registra nulla finché non se ne libera.
problem-config = Le impostazioni non si possono usare
problem-config-do = Restano valide le ultime buone. Correggi annals.toml.
problem-damage = Qualcosa che era registrato è danneggiato
problem-damage-do = Si può recuperare da una copia.
problem-lineage = { $about } e le sue copie non concordano
problem-lineage-do = Non si spedisce nulla finché i due lati non sono riuniti.
problem-database = La base di dati { $about } è tornata indietro nel tempo
problem-database-do = Decidi che cosa vale, la sua storia o ciò che dice ora.
problem-stale = Ci sono modifiche solo qui da troppo tempo
problem-stale-do = Guarda che cosa aspettano i trasferimenti.
problem-remote = La copia { $about } non è come dovrebbe
problem-remote-do = Guarda se c'è e risponde.
problem-drill = La ricostruzione da { $about } è stata provata e non è riuscita
problem-drill-do = Guarda che cosa non andava, rimedia e riprova.
problem-capture = Ciò che si registra da { $about } è fermo
problem-capture-do = Guarda che cosa aspetta.
problem-job = Un lavoro è fallito troppe volte: { $about }
problem-job-do = Rimedia alla causa, poi fallo riprovare.
home-offsite = Le modifiche più recenti
home-waiting =
    { $n ->
        [one] { $count } modifica è per ora solo qui
       *[other] { $count } modifiche sono per ora solo qui
    }
home-allowed = Sono ammessi al massimo { $limit }.
home-no-limit = Nessuno ha detto per quanto tempo va bene: imposta stale_after.
home-meter = Età rispetto al limite
home-nothing-waits = Nulla aspetta
home-all-offsite = Ciò che è registrato è anche altrove.
home-nothing-yet = Ancora nulla
home-nothing-yet-words = Le modifiche si vedono qui appena ce ne sono.
home-unknown = Non spedite
home-see-above = Il motivo è qui sopra.
home-proven = Ultimo ripristino provato
home-rebuilt = Ricostruito da { $remote } in { $span }, e tutto era giusto.
home-never = Mai
home-never-words = Una copia mai ricostruita è una speranza. L'agente fa le prove secondo il programma.
home-proof = Tutte le prove
home-now = Che cosa succede ora
home-idle = Nulla
home-progress = A che punto è
home-more-jobs =
    { $n ->
        [one] e un altro ({ $count })
       *[other] e altri { $count }
    }
home-jobs-wait =
    { $n ->
        [one] { $count } lavoro aspetta
       *[other] { $count } lavori aspettano
    }
home-transfers = Tutti i trasferimenti
doing-capture = Registrazione di { $subject }
doing-seal = Sigillo delle nuove modifiche { $subject }
doing-ship = Spedizione a { $subject }
doing-verify = Controllo di ciò che è qui { $subject }
doing-drill = Prova di ricostruzione da { $subject }
doing-gc = Pulizia { $subject }
home-copies = Copie
home-all-copies = Tutte le copie e i posti
home-no-copies = C'è solo questa
home-no-copies-words = Una seconda copia in un altro posto la mette al sicuro.
copy-never = mai
copy-nothing = nulla
copy-lacks =
    { $n ->
        [one] { $count } modifica
       *[other] { $count } modifiche
    }
health-good = Bene
health-waiting = Aspetta
health-stale = Troppo vecchia
health-broken = Guasta
home-changes = Ultime modifiche
home-all-changes = Tutta l'attività

## Coming in
stranger-title = Non sei ancora entrato
stranger-text = Apri l'indirizzo stampato dal comando annals ui. Permette di entrare una volta.
code-used-title = Questo indirizzo è già stato usato
code-used-text = Permette a una persona di entrare una volta, entro dieci minuti. Il comando annals ui ne stampa uno nuovo.
welcome-title = Sei entrato
welcome-text = La prima pagina si apre da sola. <a href="/">Vai alla prima pagina</a>
left-title = Sei uscito
left-text = Nessuno può più usare le pagine in questo browser. Il comando annals ui permette di rientrare.
