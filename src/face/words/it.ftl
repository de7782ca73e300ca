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
moment-forms = Per esempio 2018-09-18, 2018-09-18 14:02, 2 giorni fa, ieri 14:00
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
cause-realign = Riallineato: separati dopo la modifica { $batch }
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
versions-hint = Scegli una versione precedente per guardarla e ripristinarla.
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
content-erased = Cancellato per legge: nessuno lo ha più
content-forgotten = Il contenuto è stato dimenticato
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
verdict-problems =
    { $n ->
        [one] { $count } problema richiede qualcuno.
       *[other] { $count } problemi richiedono qualcuno.
    }
verdict-paused = L'invio a { $remotes } è sospeso; continua quando qualcuno preme Riprendere in Trasferimenti.
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
home-no-limit = Nessuno ha detto per quanto tempo va bene: dillo nelle impostazioni, alla voce «Una modifica può attendere».
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
leave = Esci
left-title = Sei uscito
left-text = Nessuno può più usare le pagine in questo browser. Il comando annals ui permette di rientrare.

## Plan
plan-title = Annullare e ripristinare
plan-lead = Ogni ritorno comincia come un piano: vedi che cosa cambierà, decidi ciò che va deciso e premi un solo pulsante. Nulla va perso, e anche questo si può annullare.
plan-undo = Annullare la modifica { $batch }
plan-rollback = Riportare { $what } al { $when }
plan-rollback-start = Riportare { $what } a prima di ogni registrazione
plan-restore = Ripristinare { $what }
plan-everything = tutto
plan-made = Fatto quando la modifica più recente era la numero { $seq }
plan-file = Salvare il piano in un file
plan-forget = Scartare questo piano
plan-gone = Questo piano non è più conservato.
plan-gone-hint = Un piano si conserva per un'ora dopo l'ultima consultazione. Rifallo: nulla è stato modificato.
plan-stale = Qualcosa è stato registrato dopo questo piano:
plan-stale-what = Il piano va rifatto, così nulla viene sovrascritto senza essere visto. Le tue decisioni restano dove valgono ancora.
plan-anew = Rifare il piano
plan-database = Sono righe di un database in uso. Vengono scritte in { $file } in una sola transazione, e la cronologia segue.
plan-count-put =
    { $n ->
        [one] torna a una versione precedente
       *[other] tornano a una versione precedente
    }
plan-count-back =
    { $n ->
        [one] viene recuperato
       *[other] vengono recuperati
    }
plan-count-remove =
    { $n ->
        [one] viene rimosso
       *[other] vengono rimossi
    }
plan-count-merge =
    { $n ->
        [one] unito campo per campo
       *[other] uniti campo per campo
    }
plan-count-open =
    { $n ->
        [one] attende una tua decisione
       *[other] attendono una tua decisione
    }
plan-count-skip =
    { $n ->
        [one] resta com'è
       *[other] restano come sono
    }
plan-count-already =
    { $n ->
        [one] è già a posto
       *[other] sono già a posto
    }
plan-count-outside =
    { $n ->
        [one] riferimento esterno resta
       *[other] riferimenti esterni restano
    }
plan-fetch = Da scaricare
plan-fetch-nothing = nulla: tutte le versioni precedenti sono su questa macchina
plan-write = Da scrivere
plan-time = Tempo
plan-time-moment = un istante
plan-history = Cronologia
plan-history-kept = resta intera: ciò che viene sostituito rimane come versione precedente
plan-nothing = Nulla da fare
plan-nothing-what = Tutto è già come questo piano lo renderebbe.
plan-decide =
    { $n ->
        [one] { $count } documento attende una tua decisione
       *[other] { $count } documenti attendono una tua decisione
    }
plan-decide-what = Sono stati modificati di nuovo, nello stesso punto. Ciò che non decidi resta com'è ora.
plan-all = Per tutti:
plan-all-skip = Lasciarli come sono ora
plan-all-merge = Ripristinare ciò che nessuno ha più toccato
plan-all-override = Ripristinare tutto
plan-decide-keep = Conservare queste decisioni
plan-decide-kept-too = Anche il pulsante in fondo le conserva.
plan-undecided = da decidere
plan-decided = deciso
plan-gone-since = rimosso nel frattempo
plan-choice-skip = Lasciarlo com'è ora
plan-choice-merge = Ripristinare ciò che nessuno ha più toccato e decidere il resto campo per campo
plan-choice-override = Ripristinarlo per intero com'era, anche sopra le modifiche successive
plan-choice-remove = Rimuoverlo: prima non esisteva
plan-fields-of = Campi di { $key } modificati nel frattempo
plan-field-name = Campo
plan-field-before = Prima
plan-field-after = Dopo la modifica
plan-field-now = Ora
plan-field-take = Tenere
plan-take-of = Che cosa diventa { $field }
plan-take-now = com'è ora
plan-take-before = com'era prima
plan-outside =
    { $n ->
        [one] { $count } riferimento a sistemi esterni
       *[other] { $count } riferimenti a sistemi esterni
    }
plan-outside-stays =
    { $n ->
        [one] { $count } resta consegnato e non si può richiamare.
       *[other] { $count } restano consegnati e non si possono richiamare.
    }
plan-outside-what = Ciò che sta in un altro sistema non viene toccato da qui. Se deve seguire, avvisa chi gestisce quel sistema.
plan-outside-table = Riferimenti che restano
plan-cannot-recall = non si può richiamare
plan-later = aggiunto dopo quel momento
plan-changes =
    { $n ->
        [one] Che cosa succede a { $count } documento
       *[other] Che cosa succede a { $count } documenti
    }
plan-column-what = Che cosa succede
plan-column-values = Ora → poi
plan-none = nessuna
plan-fate-skip = resta com'è
plan-fate-lost = resta: i dati precedenti sono stati dimenticati
plan-fate-nothing = è già a posto
plan-fate-remove = viene rimosso
plan-fate-back = viene recuperato
plan-fate-put = torna a una versione precedente
plan-fate-merge = viene unito
plan-confirm = Eseguire
plan-reason-label = Perché
plan-reason-what = Resta nella cronologia accanto al tuo nome. Se è vuoto viene scritta una frase.
plan-confirm-type = Per confermare, scrivi: { $name }
plan-confirm-wrong = Non era il nome. Nulla è stato modificato.
plan-confirm-why = Più di { $n } documenti cambiano in una volta.
plan-do-undo =
    { $n ->
        [one] Annullare questa { $count } modifica
       *[other] Annullare queste { $count } modifiche
    }
plan-do-rollback =
    { $n ->
        [one] Riportare indietro { $count } documento
       *[other] Riportare indietro { $count } documenti
    }
plan-do-restore =
    { $n ->
        [one] Ripristinare { $count } documento
       *[other] Ripristinare { $count } documenti
    }
plan-nothing-decided = Con le decisioni attuali non cambierebbe nulla.
plan-open-left =
    { $n ->
        [one] { $count } documento non deciso resta com'è.
       *[other] { $count } documenti non decisi restano come sono.
    }
plan-can-undo = Diventa una modifica a sé nella cronologia e si può annullare come le altre.
plan-done =
    { $n ->
        [one] { $count } documento è stato modificato.
       *[other] { $count } documenti sono stati modificati.
    }
plan-done-what = Ciò che c'era prima resta nella cronologia di ogni documento.
plan-done-nothing = Non c'era nulla da fare: tutto era già come doveva.
plan-done-undo = Annullare questa operazione
plan-done-activity = Vederlo nelle attività
plan-skipped =
    { $n ->
        [one] { $count } documento è rimasto com'è
       *[other] { $count } documenti sono rimasti come sono
    }
plan-pending =
    { $n ->
        [one] { $count } riga che il database non ammette
       *[other] { $count } righe che il database non ammette
    }
plan-position = La cronologia ora termina alla modifica { $seq }.
plan-open = Piani aperti
plan-open-done = eseguito
plan-open-waits =
    { $n ->
        [one] { $count } documento cambierebbe
       *[other] { $count } documenti cambierebbero
    }
plan-start-rollback = Riportare a un momento
plan-start-rollback-what = Tutto, o ciò che sta sotto un nome, torna com'era: ciò che è venuto dopo sparisce, ciò che fu rimosso ritorna.
plan-start-prefix = Solo sotto
plan-start-prefix-what = L'inizio dei nomi, come sak/. Vuoto: tutto.
plan-start-undo = Annullare una modifica
plan-start-undo-what = Una modifica può contenere migliaia di documenti registrati insieme.
plan-start-number = Numero della modifica
plan-start-batches = Cercarla tra i gruppi di modifiche
plan-start-redo = Rifare ciò che la modifica { $batch } ha annullato
plan-start-restore = Ripristinare documenti
plan-start-restore-what = Un documento o una cartella com'era in un momento. Ciò che è venuto dopo resta.
plan-start-key = Documento, o cartella con / alla fine
plan-start-when = Com'era al
plan-start-when-what = Vuoto: l'ultima versione di ciò che fu rimosso.
plan-start-show = Mostrare che cosa cambierebbe
col-number = Numero
col-when = Quando
col-who = Chi
col-why = Perché
col-changes = Modifiche
col-document = Documento
col-state = Stato
col-versions = Versioni
col-old-new = Valore vecchio → nuovo
col-reference = Riferimento
turn-before = Precedenti
turn-after = Successivi
turn-first = Dall'inizio
turn-newest = I più recenti
turn-older = Meno recenti
rows-more =
    { $n ->
        [one] e un altro ({ $count })
       *[other] e altri { $count }
    }
look-further = Finora nulla. Ciò che non è stato ancora esaminato sta sotto Meno recenti.
inline-same = nessuna differenza
inline-layout = cambia solo l'impaginazione
inline-more-fields =
    { $n ->
        [one] e un altro campo ({ $count })
       *[other] e altri { $count } campi
    }
inline-lines = { $added } righe aggiunte, { $removed } rimosse
inline-whole = tutto
inline-was = era
inline-is = ora è
inline-nothing = non c'è
inline-empty = testo vuoto

## Batches
batches-title = Modifiche registrate insieme
batches-lead = Un'importazione, un aggiornamento di molte righe, la cartella di un giorno: registrati e annullati come una cosa sola.
batches-which = Quali modifiche
batches-bulk = { $n } o più
batches-all = Tutte
batches-none = Nessuna modifica qui
batches-none-what = Nulla di così grande è stato ancora registrato.
batch-word = modifica
batch-number = Modifica { $batch }
batch-undo =
    { $n ->
        [one] Annullare questa { $count } modifica
       *[other] Annullare queste { $count } modifiche
    }
batch-in-effect = in vigore
batch-undone = annullata
batch-undone-by = dalla modifica { $batch }
batch-before = Riportare tutto a prima di questa
batch-origin = da
batch-clock = l'orologio era indietro rispetto alla cronologia
batch-changes = Che cosa è stato modificato
batch-empty = Questa modifica è vuota.
batch-around = Modifiche prima e dopo
batch-proof = Prova
batch-digest = Impronta della cronologia fin qui
batch-request = Richiesta
count-of-changes =
    { $n ->
        [one] { $count } modifica
       *[other] { $count } modifiche
    }
did-added = aggiunto
did-returned = recuperato
did-changed = modificato
did-removed = rimosso
did-referred = riferimento
did-marked = segno
did-held = blocco
did-lifted = blocco tolto
did-forgotten = dati dimenticati
did-erased = cancellato per legge
did-undo = annullato
did-rollback = riportato nel tempo
did-restore = ripristinato

## Activity
activity-title = Attività
activity-csv = Salvare in CSV
activity-ndjson = Salvare in NDJSON
activity-none = Nulla qui
activity-none-what = Nulla di registrato corrisponde a ciò che cerchi.
activity-rest = Vedere il resto di questa modifica
activity-filter-who = Chi
activity-filter-kind = Che cosa è stato fatto
activity-filter-any = qualsiasi cosa
activity-filter-prefix = Documento o cartella
activity-filter-from = Dal
activity-filter-until = Al
activity-filter-show = Mostrare
activity-filter-clear = Mostrare tutto

## Transfers
transfers-title = Trasferimenti e altri lavori
transfer-what = Che cosa
transfer-done = Fatto
transfer-rate = Velocità
transfer-left = Tempo restante
transfer-which = Quali lavori
transfer-show-open = In corso
transfer-show-running = In esecuzione
transfer-show-waiting = In attesa
transfer-show-trouble = Con problemi
transfer-show-over = Finiti
transfer-find = Solo ciò che si chiama
transfer-none = Nulla da fare
transfer-none-what = Qui appaiono i lavori quando c'è qualcosa da inviare, verificare o provare.
transfer-pause-all = Sospendere tutto
transfer-resume-all = Riprendere tutto
transfer-n-running =
    { $n ->
        [one] { $count } in esecuzione
       *[other] { $count } in esecuzione
    }
transfer-n-waiting =
    { $n ->
        [one] { $count } in attesa
       *[other] { $count } in attesa
    }
transfer-n-paused =
    { $n ->
        [one] { $count } sospeso
       *[other] { $count } sospesi
    }
transfer-n-trouble =
    { $n ->
        [one] { $count } con problemi
       *[other] { $count } con problemi
    }
transfer-rate-all = { $rate }/s in tutto
transfer-next = In programma
rate = { $rate }/s
line-closed = La linea ora non si usa
line-rate = Al massimo { $rate }/s ora
line-changes = fino a
line-left = { $bytes } rimasti del credito fino a
task-capture = Registrare
task-seal = Sigillare il nuovo
task-ship = Inviare a
task-verify = Rileggere ciò che è qui
task-drill = Provare una ricostruzione da
task-gc = Ripulire ciò che non serve
task-forget = Lasciare ciò che nessuna regola conserva
task-compact = Togliere ciò che è stato dimenticato da
task-apply = Eseguire ciò che è stato deciso
phase-uploading = caricamento
phase-sealing = sigillatura
phase-reading-back = rilettura
phase-fetching = scaricamento
phase-scanning = esame
phase-checking-contents = verifica dei contenuti
phase-checking-records = verifica delle registrazioni
phase-comparing = confronto
phase-reading = lettura
phase-rebuilding = ricostruzione
phase-writing = scrittura
phase-writing-rows = scrittura di righe
phase-looking-for-garbage = ricerca di ciò che non serve
phase-applying = registrazione
job-running = in esecuzione
job-pausing = si ferma al prossimo punto sicuro
job-cancelling = si interrompe al prossimo punto sicuro
job-moved = ultimo progresso
job-waiting = attende
job-outside = attende l'esterno
job-paused = sospeso
job-failed = fallito, segue il tentativo { $n } di { $of }
job-dead = rinunciato, attende te
job-done = finito
job-cancelled = annullato
job-next = prossimo
job-advice = Che cosa aiuta:
job-do-pause = Sospendere
job-do-resume = Riprendere
job-do-cancel = Annullare
job-do-retry = Provare ora
job-do-pause-this = Sospendere { $what }, numero { $id }
job-do-resume-this = Riprendere { $what }, numero { $id }
job-do-cancel-this = Annullare { $what }, numero { $id }
job-do-retry-this = Provare ora { $what }, numero { $id }
why-remote-absent = Il disco o la cartella non c'è.
why-remote-unreachable = Il luogo non risponde.
why-remote-timeout = Il luogo era troppo lento.
why-remote-rclone-missing = Il programma rclone non è installato.
why-drill-failed = La prova non è riuscita.
why-verify-damage = Qualcosa di registrato è danneggiato.
why-source-missing = Ciò che va registrato non c'è.
advice-plug-in = collega il disco o monta la cartella: riprende da solo.
advice-rclone = installa rclone e riprova ora.
advice-realign = vai a Riallinea; fino ad allora non si invia nulla.
advice-space = libera spazio sul disco.
advice-source = controlla che la cartella o il database sia dove dicono le impostazioni.
advice-remote = controlla la linea e il luogo nelle Impostazioni.
advice-verify = guarda in Prove, poi invia di nuovo.
advice-retry = leggi il motivo, rimedia e prova ora.

## Realign
realign-title = Riallineare cronologia e copie
realign-lead = Quando si rimette una copia più vecchia di un archivio o di un database, o due macchine ripartono dallo stesso backup, esistono due cronologie. Nulla viene inviato finché qualcuno non sceglie; intanto si continua a registrare.
realign-well = Tutto è allineato.
realign-well-what = Nulla qui indica che questo archivio non sia il più recente. Guardare i due lati interroga le copie stesse.
realign-in-line = Allineato: ogni copia contiene ciò che è registrato qui, o una parte.
realign-behind = { $tenant } è più vecchio di ciò che questa sede ha già inviato a { $other }
realign-amnesia = { $tenant } qui è vuoto, e { $other } ne conserva la cronologia
realign-forked = { $tenant } e { $other } si sono separati: entrambi sono andati avanti dopo l'ultima modifica comune
realign-clone = { $tenant }: un'altra copia di questo archivio scrive la stessa cronologia ({ $other })
realign-foreign = { $other } contiene { $tenant } di un'altra sede
realign-equal = { $tenant } è allineato con { $other }
realign-database = Il database { $name } è più vecchio della sua cronologia
realign-database-forked = Il database { $name } è più vecchio della sua cronologia, e da allora vi si è scritto
realign-here = Qui
realign-witness-machine = L'altra macchina
realign-witness-file = Ciò che questa macchina ricorda
realign-common = Ultima modifica comune
realign-place = Scritto su
realign-fenced = Si continua a registrare. Nulla viene inviato finché non si decide.
realign-file = File
realign-missing = Manca qui
realign-only-here = Solo qui
realign-transactions =
    { $n ->
        [one] { $count } transazione
       *[other] { $count } transazioni
    }
realign-rows =
    { $n ->
        [one] { $count } riga
       *[other] { $count } righe
    }
realign-documents =
    { $n ->
        [one] { $count } documento
       *[other] { $count } documenti
    }
realign-time-unknown = momento ignoto
realign-look = Guardare i due lati
realign-look-anyway = Confrontare comunque con le copie
realign-look-what = Interroga le copie, non cambia nulla.
realign-claim = Questa cartella è la copia di un archivio
realign-claim-what = Se l'altra non c'è più, o prosegue come altra sede, questa può essere la sede d'ora in poi. Se entrambe proseguono come una sola sede, le cronologie si separano.
realign-claim-do = Questa copia è la sede d'ora in poi
realign-lines = Linee di cronologia abbandonate
realign-lines-what = Si leggono come tutto il resto, e restano finché qualcuno non le rimuove.
realign-ways = Quattro vie
realign-recommended = consigliato
realign-shown = mostrato sotto
realign-show-this = Mostrare che cosa farebbe
realign-keep-both = Recuperare ciò che manca, tenere il nuovo
realign-keep-both-what = Si recupera ciò che ha l'altro lato; ciò che è stato fatto qui viene registrato di nuovo dopo. Di un documento modificato da entrambi si tengono i due stati.
realign-keep-ours = Questa copia è la verità
realign-keep-ours-what = Il resto rimane presso la copia come una linea a sé, leggibile.
realign-keep-theirs = Lasciare ciò che è solo qui
realign-keep-theirs-what = Ciò che è stato fatto qui resta leggibile come linea a sé, ma non vale più.
realign-keep-look = Per ora, solo guardare
realign-keep-look-what = Tutto resta com'è. Nulla viene inviato finché qualcuno non sceglie.
realign-browse = Dare un'occhiata
realign-do-both = Riunire i due lati
realign-do-ours = Prendere questa copia come verità
realign-do-theirs = Prendere ciò che ha la copia
realign-can-undo = Nulla va distrutto: ciò che si lascia resta leggibile, e ciò che è registrato di nuovo si può annullare.
realign-does-not-fit = Così com'è, il database dopo non sarebbe corretto. Decidi diversamente qui sopra, o guarda che cosa dicono le impostazioni delle tabelle.
realign-conflicts = Modificato da entrambi
realign-resurrected = Rimosso da un lato, modificato dall'altro: esiste di nuovo
realign-lost = Perduto
realign-lost-what = Le modifiche da { $first } a { $last } sono esistite, ma non sono intere da nessuna parte.
realign-outside =
    { $n ->
        [one] { $count } riferimento a sistemi esterni a rischio
       *[other] { $count } riferimenti a sistemi esterni a rischio
    }
realign-database-now = Il database
realign-history = La sua cronologia
realign-same = Uguali sui due lati
realign-recompute = Ricalcolato
realign-renumber = Numeri che due righe hanno
realign-invariants = Ciò che deve valere
realign-invariant = Regola
realign-must = Deve essere
realign-now = Ora
realign-then = Dopo
realign-holds = vale
realign-broken = non vale
realign-tables = Tabelle
realign-table = Tabella
realign-policy = Chi decide
realign-default = (predefinito)
realign-differ = Righe diverse
policy-append = si tengono le righe di entrambi
policy-derived = ricalcolato
policy-authority = la cronologia
policy-site = il database
policy-field = campo per campo
policy-serial = entrambi, con numeri nuovi
policy-external = la cronologia, perché altri fuori la conoscono
policy-documents = entrambi come versioni
realign-open =
    { $n ->
        [one] { $count } riga attende una tua decisione
       *[other] { $count } righe attendono una tua decisione
    }
realign-open-left = Non deciso, ora come nella cronologia
realign-forbidden = Il database non lo ammette
realign-take-history = Come nella cronologia
realign-take-here = Come nel database
realign-done = { $tenant } è allineato alla modifica { $seq }.
realign-done-fetched =
    { $n ->
        [one] { $count } modifica recuperata.
       *[other] { $count } modifiche recuperate.
    }
realign-done-again =
    { $n ->
        [one] { $count } delle nostre registrata di nuovo.
       *[other] { $count } delle nostre registrate di nuovo.
    }
realign-done-written =
    { $n ->
        [one] { $count } riga scritta nel database.
       *[other] { $count } righe scritte nel database.
    }
realign-both-kept = Tenute entrambe le versioni di
realign-undo-again = Annullare ciò che è stato registrato di nuovo
realign-see-line = Vedere la linea lasciata
realign-as-found = Vedere il database com'è stato trovato
realign-again = Guardare di nuovo
work-asked = Richiesto da
work-goes-on = Continua anche se chiudi la pagina o se il programma termina. Il risultato si troverà qui e tra i trasferimenti.
work-not-done = Ciò che era stato deciso non è stato eseguito.
work-nothing-changed = Non ha modificato nulla.
work-anew = Fai un nuovo piano

## Copies
copies-title = Copie e luoghi
copies-lead = Dove si trova la cronologia oltre che qui, e se le regole di ogni organizzazione sono rispettate.
copies-add = Aggiungere un luogo per le copie
copies-none = Non esiste alcuna copia altrove
copies-none-what = Se questa macchina va perduta, tutto va perduto. Aggiungi un luogo per le copie nelle Impostazioni.
place-current = contiene tutto
place-behind = c'è qualcosa da inviare
place-unused = nulla inviato finora
place-waiting = in attesa
place-stale = troppo vecchia
place-broken = non funziona
copies-address = Indirizzo
copies-region = Regione
copies-not-said = non indicata
copies-operator = Legge del gestore
copies-encryption = Cifratura
copies-encryption-what = sigillato qui prima di partire (XChaCha20-Poly1305)
copies-shipped = Ultimo invio
copies-never = mai
copies-waits = In attesa
copies-objects = Oggetti
copies-rate = Linea misurata
copies-verified = Verificata
copies-drilled = Provata
copies-ship = Inviare ora
copies-tenants = Chi sta dove
copies-verdict = Regole
copies-rule-regions = solo in
copies-rule-min =
    { $n ->
        [one] almeno { $count } copia
       *[other] almeno { $count } copie
    }
copies-not-allowed = qui non può andare
copies-nothing = ancora nulla
copies-behind =
    { $n ->
        [one] indietro di { $count } modifica
       *[other] indietro di { $count } modifiche
    }
copies-empty = ancora nulla da conservare
copies-all = contiene tutto
copies-kept =
    { $n ->
        [one] rispettate: { $count } copia intera
       *[other] rispettate: { $count } copie intere
    }
copies-missing = { $n } di { $wanted } copie intere
copies-too-few-places = può andare in { $n } luoghi, ne servono { $wanted }

## Proof
proof-title = Prove
proof-lead = Un backup mai ripristinato è una speranza. Qui sta ciò che è stato riletto e ricostruito, e quanto è durato.
proof-local = Ciò che è qui
proof-local-what = Ogni giorno se ne rilegge e confronta una parte, così tutto viene visto circa una volta al mese.
proof-do-verify = Rileggere ora la prossima parte
proof-do-drill = Provare ora una ricostruzione
proof-never = mai
proof-well = tutto bene
proof-not-well = qualcosa non va
proof-rto = Tempo di ripristino
proof-rpo = Sarebbe andato perso
proof-seconds = { $n } secondi
proof-nothing-lost = nulla
proof-lost = modifiche di { $span }
proof-none = Ancora nulla di provato
proof-none-what = La prima verifica avviene entro un giorno; una prova si può avviare qui sopra.
proof-history = Che cosa è stato provato
proof-what = Che cosa
proof-found = Esito
proof-read = Letto
proof-sample = in parte
proof-quick = registrazioni e nomi, non ogni byte
proof-kind-verify = Archivio verificato
proof-kind-patrol = Riletta una parte dell'archivio
proof-kind-remote = Copia verificata:
proof-kind-drill = Provata la ricostruzione da
proof-terms = Il tempo di ripristino si chiama anche RTO, ciò che sarebbe andato perso RPO. Entrambi sono misurati, non promessi.

## References
ledger-title = Riferimenti a sistemi esterni
references-lead = Ciò che è stato consegnato, archiviato o inviato con un identificativo di un altro sistema, e che cosa ne è stato.
references-which = Quali riferimenti
references-show-all = Tutti
references-show-removed = Documento rimosso
references-show-expired = Scaduti
references-show-irrevocable = Non richiamabili
references-system = Sistema
references-id = Identificativo
references-expires = Scadenza
references-expired = scaduto
references-soon = presto
references-removed = rimosso qui, ancora là
references-none = Nessun riferimento qui
references-none-what = I programmi li aggiungono quando consegnano o archiviano un documento.
references-compare = Confrontare con un elenco esterno
references-compare-what = Incolla l'elenco dell'altro sistema (CSV, prima riga con i nomi id, ed eventualmente system e state). Si mostra ciò che resta in sospeso da una parte o dall'altra; nulla viene modificato.
references-compare-system = Vuoto: come dice l'elenco.
references-file = File
references-list = Elenco
references-compare-do = Confrontare
references-compared =
    { $n ->
        [one] Confrontato con { $count } riga
       *[other] Confrontato con { $count } righe
    }
references-same =
    { $n ->
        [one] { $count } è uguale sui due lati.
       *[other] { $count } sono uguali sui due lati.
    }
references-expired-too =
    { $n ->
        [one] { $count } là è ormai scaduto.
       *[other] { $count } là sono ormai scaduti.
    }
references-no-difference = nessuna differenza
references-differences = Che cosa differisce
references-difference = Differenza
references-there = Là
references-missing-here = solo là
references-missing-there = solo qui
references-differs = stato diverso
references-line = riga { $line }

## Recover
recover-title = Se questa macchina va perduta
recover-lead = Quale copia si userebbe, perché, e che cosa mancherebbe.
recover-card-show = Scheda di ripristino da stampare
recover-none = Nulla si potrebbe recuperare.
recover-none-what = Nulla è stato inviato a un luogo che risponde.
recover-best = Si userebbe { $name }:
recover-best-all = contiene tutto ciò che è registrato qui.
recover-best-most = contiene più delle altre.
recover-nothing-lost = Nulla andrebbe perso.
recover-would-lose =
    { $n ->
        [one] Andrebbe persa { $count } modifica,
       *[other] Andrebbero perse { $count } modifiche,
    }
recover-since = dal
recover-not-asked = Questo è ciò che l'archivio ricorda. Interroga le copie per esserne certo.
recover-check = Interrogare ora tutte le copie
recover-check-what = Elenca ciò che c'è, non cambia nulla.
recover-asked = Interrogate il
recover-copies = Copie, la più recente per prima
recover-copy = Copia
recover-reached = Raggiungibile
recover-shipped = Ultimo invio
recover-lost = Mancherebbe
recover-proved = Provata
recover-newest = la più recente
recover-unknown = non interrogata
recover-answers = risponde
recover-silent = non risponde
recover-steps = Che cosa fare allora
recover-step-machine = Prendi una macchina qualsiasi e installa annals
recover-step-machine-what = Non serve nulla di quella vecchia.
recover-step-sheet = Copia il foglio di ripristino in un file, sheet.txt
recover-step-sheet-what = Una riga con un errore viene indicata. Va bene anche il file della chiave.
recover-step-browse = Prima guardare
recover-step-browse-what = Ricostruisci in una cartella a parte, al momento che vuoi, e guarda.
recover-step-full = Poi tutto
recover-step-full-what = Ogni impronta viene confrontata; ciò che manca viene indicato.
recover-step-go-on = Proseguire
recover-step-go-on-what = L'archivio ricostruito è la sede d'ora in poi. Il primo invio lo dice alle copie.
card-title = Scheda di ripristino
card-lead = Stampala e conservala dove stanno i contratti. Dice dove sono le copie e che cosa fare, e non contiene segreti.
card-print = Stampare questa pagina
card-heading = Come recuperare { $site }
card-site = Sede
card-fingerprint = Impronta della chiave
card-date = Al
card-key = File della chiave
card-key-plain = si apre da sé: chi lo ha può leggere tutto
card-key-closed = chiuso con una frase segreta
card-copies = Dove sono le copie
card-shipped = ultimo invio
card-write = Da compilare a mano
card-sheet-lies = Il foglio di ripristino si trova
card-passwords-lie = Password dei luoghi
card-call = Chi chiamare
card-sheet = Foglio di ripristino
card-with-sheet = Con il foglio di ripristino
card-with-sheet-what = Chi ha il foglio può leggere tutta la cronologia. Mostralo solo dove nessuno ti guarda alle spalle.
card-with-sheet-do = Mostrare la scheda con il foglio
card-wrong = Non era il nome.
card-secret-warning = Questa pagina mostra il segreto della sede. Stampala e chiudila.

## Settings
settings-title = Impostazioni
settings-lead = Tutto sta in un solo file; i commenti e il resto rimangono come sono:
settings-saved = Salvato. Vale da ora.
settings-bad = Il file non è utilizzabile. Resta in vigore l'ultimo valido.
settings-when = Quando, e su quale linea
settings-site = Nome della sede
settings-site-what = Come la chiamano le persone.
settings-zone = Fuso orario
settings-zone-what = In cui si leggono gli orologi qui.
settings-ship = Inviare
settings-ship-what = every 2h, every 30m. Vuoto: secondo il calendario accanto, o solo su richiesta.
settings-cron = Inviare secondo il calendario
settings-cron-what = Minuto, ora, giorno, mese, giorno della settimana: 0 */4 * * *. Solo uno dei due.
settings-window = Quando si può usare la linea, e a che velocità
settings-window-what = Una riga per ogni parte del giorno: 19:00-06:00 10 MiB/s. Vuoto: sempre, alla massima velocità.
settings-allowance = Credito di dati
settings-allowance-what = 5 GB / month; il periodo è day, week o month. Per tutti i luoghi insieme.
settings-drill = Provare una ricostruzione
settings-drill-what = every 180d. Vuoto: solo su richiesta.
settings-stale-after = Una modifica può attendere
settings-stale-after-what = Quanto può invecchiare la modifica più vecchia che esiste solo qui prima di avvisare qualcuno: 4h.
settings-save = Salvare le impostazioni
settings-save-what = Un valore impossibile viene rifiutato, e non si scrive nulla.
settings-runs = Le prossime esecuzioni
settings-next = Quando
settings-places = Luoghi per le copie
settings-name = Nome
settings-name-what = Minuscole, cifre e trattini.
settings-address-what = dir:/path per un disco o una condivisione, rclone:REMOTE:PATH per tutto il resto.
settings-region-what = Dove stanno i dati. Le organizzazioni con regole vanno solo dove è indicato.
settings-country-what = Due lettere: a quale legge è soggetto il gestore.
settings-check = Controllare
settings-checked = utilizzabile: scritto, riletto, rimosso
settings-remove = Togliere dall'elenco
settings-add-place = Aggiungere un luogo per le copie
settings-add-do = Aggiungere questo luogo
settings-captures = Che cosa si registra da sé
settings-captures-none = Nulla. Programmi e persone registrano qui da sé.
settings-captures-how = Una cartella o un database si aggiungono con righe come queste nel file:
settings-keep = Che cosa si conserva
settings-keep-all = Tutto, per sempre.
settings-keep-floor = Mai dimenticato prima di
settings-keep-within = Tutto entro
settings-keep-daily = Giorni con l'ultima versione
settings-keep-monthly = Mesi con l'ultima versione
settings-keep-tenant = Cronologia di un'organizzazione chiusa
settings-you = Tu
settings-session = Questa sessione
settings-session-what = termina dodici ore dopo l'ultimo uso; annals ui ne apre una nuova.
settings-leave = Terminare questa sessione

## First run
first-title = Qui non c'è ancora nulla
first-lead = Comincia da capo, o recupera una sede da una copia. Starà in
first-steps = Passi
first-step-make = Iniziare
first-step-sheet = Conservare il foglio
first-step-confirm = Mostrare di averlo
first-step-ready = Pronto
first-make = Iniziare una nuova sede
first-make-what = D'ora in poi qui si conserva ogni versione di ogni documento.
first-make-do = Iniziare questa sede
first-rebuild = Recuperare una sede da una copia
first-rebuild-what = Servono l'indirizzo di una copia e il foglio di ripristino.
first-from = Dove si trova la copia
first-from-what = dir:/path o rclone:REMOTE:PATH, come sulla scheda di ripristino.
first-sheet = Le sei righe del foglio di ripristino
first-sheet-what = Maiuscole, trattini e spazi non contano.
first-until = Solo fino a
first-until-what = Vuoto: tutto. O un momento, come 2026-11-19 08:00.
first-rebuild-do = Recuperarla
first-rebuilding = In recupero:
first-rebuilt =
    { $n ->
        [one] { $count } modifica recuperata e confrontata, impronta per impronta.
       *[other] { $count } modifiche recuperate e confrontate, impronta per impronta.
    }
first-go-on = Proseguire
first-try-again = Riprovare
first-keep = Stampa questo foglio e conservalo altrove
first-keep-what = È l'unica via di ritorno se questa macchina va perduta. Nessuno può rifarlo, nemmeno noi.
first-keep-where = Non su questa macchina né nella posta: dove si tengono contratti e contanti.
first-kept = Ce l'ho su carta
first-confirm = Mostra che hai il foglio
first-confirm-what = Prendi il foglio e scrivi tre gruppi di lettere.
first-confirm-wrong = Almeno un gruppo non è come sul foglio. Nulla è perso: confronta e riscrivi.
first-group = Riga { $line }, gruppo { $group }
first-confirm-do = Questo dice il foglio
first-again = Mostrare di nuovo il foglio
first-ready = La sede è pronta
first-ready-what = Conserva ciò che si registra d'ora in poi. Tre cose la rendono sicura:
first-next-place = Una copia altrove
first-next-place-what = Senza, tutto va perso con questa macchina.
first-next-record = Qualcosa da registrare
first-next-record-what = Una cartella o un database seguiti da soli, o programmi che registrano qui.
first-next-card = Una scheda di ripristino
first-next-card-what = Perché qualcun altro possa recuperarla senza di te.

# End of plans and safety

## Come qualcosa non riesce, e che cosa aiuta
fail-failed = Operazione non riuscita.
fail-usage = La richiesta, così com’è, non ha senso.
fail-missing = Qui non c’è nulla del genere.
fail-locked = In questo momento qualcun altro sta lavorando qui.
fail-denied = Non è consentito.
fail-remote = Il luogo esterno non è raggiungibile.
fail-refused = Una regola lo vieta. Non è stato modificato nulla.
fail-space = Non c’è più spazio.
fail-newer = È stato scritto da un programma più recente.
fail-found = È stato trovato qualcosa che non è come dovrebbe.
why-document = Un documento simile non è mai esistito.
why-document-removed = In questo momento il documento è eliminato.
why-document-not-yet = In quel momento il documento non esisteva ancora.
why-version = Il documento non ha questa versione.
why-content-forgotten = Il contenuto di questa versione è stato abbandonato per una regola.
why-batch = Questa modifica non esiste.
why-tenant = Questo ente non esiste.
why-job = Questo lavoro non esiste, o ora non si può fare questo con esso.
why-order = Ciò che era stato richiesto qui non è più conservato.
why-plan-stale = Dopo la pianificazione è stato registrato qualcosa.
why-plan = Questo piano non è utilizzabile.
why-redo = Non è stato annullato nulla, quindi non c’è nulla da ripetere.
why-time = Questo non è un momento comprensibile.
why-time-gap = Quest’ora è stata saltata quando gli orologi sono stati portati avanti.
why-time-twice = Quest’ora si è ripetuta quando gli orologi sono stati portati indietro.
why-moment = In quel momento non c’è nulla.
why-mark = Non esiste un segno con questo nome.
why-find = Non è possibile cercare questo.
why-path = Questo non è il nome di un campo.
why-key = Non è indicato alcun documento, o non in questo modo.
why-key-wrong = Questa chiave non apre nulla qui.
why-sheet = Il foglio di recupero non è stato letto correttamente.
why-remote = Il luogo esterno non è indicato correttamente, o non è come dovrebbe.
why-remote-exists = Esiste già un luogo con questo nome.
why-remote-unknown = Non esiste un luogo con questo nome.
why-config = Questa impostazione non è utilizzabile. Non è stato modificato nulla.
why-lineage = La storia qui e quella di una copia, o di una banca dati, non sono più la stessa.
why-rule-residency = Le regole di questo ente non permettono che i dati vadano lì.
why-source = La cartella o la banca dati non è utilizzabile.
why-capture-source = Questa è una riga di una banca dati che prosegue per conto proprio.
why-disk-full = Non c’è più spazio sul disco.
why-store-locked = Un altro programma ha aperto questo archivio.
why-cron = Questa non è una pianificazione.
help-document = Cercalo in Trova, anche tra quelli eliminati.
help-time = Scrivilo come 2018-09-18, 2018-09-18 14:02, ieri 14:00 oppure 2 giorni fa.
help-plan = Rifai il piano e guardalo di nuovo.
help-sheet = Confrontalo con la carta, gruppo per gruppo.
help-remote = Controllalo in Impostazioni: dir:/percorso, oppure rclone:NOME:PERCORSO.
help-lineage = Guarda le due parti in Allinea; nulla è perduto.
help-disk = Libera spazio; nulla è stato scritto a metà.
help-back = Torna indietro, correggi e riprova.
error-exactly = Nel dettaglio
note-foreign-title = Lo ha chiesto un altro sito
note-foreign-text = Non è stato modificato nulla. Apri la pagina e fallo da lì.
note-form-title = Questo modulo non è nostro, o è troppo vecchio
note-form-text = Non è stato modificato nulla. Torna indietro, ricarica la pagina e ripeti.
note-long-title = Questo modulo è troppo lungo
note-long-text = Un modulo ha al massimo 1 MiB. Non è stato modificato nulla.
note-slow-title = Questo modulo non è arrivato in tempo
note-slow-text = Non è stato modificato nulla. Riprova.
note-nowhere-title = Questa pagina non esiste
note-nowhere-text = L’indirizzo potrebbe essere sbagliato. La pagina iniziale porta ovunque.
note-failed-title = Il programma non ci è riuscito
note-failed-text = Nulla è stato scritto a metà.
note-many-title = Troppi segreti sbagliati di recente
note-many-text = Aspetta un minuto e riprova.
moment-words = adesso=now, ora=now, oggi=today, ieri=yesterday, alle=, alle ore=, ore=hours, fa=ago, lunedì scorso=last monday, martedì scorso=last tuesday, mercoledì scorso=last wednesday, giovedì scorso=last thursday, venerdì scorso=last friday, sabato scorso=last saturday, domenica scorsa=last sunday, secondo=seconds, secondi=seconds, minuto=minutes, minuti=minutes, un’ora=1 hours, un'ora=1 hours, giorno=days, giorni=days, settimana=weeks, settimane=weeks, mese=months, mesi=months, anno=years, anni=years, un=1, una=1, due=2, tre=3
doing-forget = Abbandono di ciò che nessuna regola conserva { $subject }
doing-compact = Rimozione di ciò che è stato dimenticato da { $subject }
doing-apply = Esecuzione di ciò che è stato deciso
column-left = Si può rimettere
deleted-stays = finché vuoi
deleted-held = trattenuto da
deleted-gone = contenuto abbandonato
deleted-any-day = fino alla prossima applicazione delle regole
deleted-days =
    { $n ->
        [one] { $count } giorno
       *[other] { $count } giorni
    }
proof-attest = Una dichiarazione da consegnare
proof-attest-what = Che cosa è conservato, dove sono le copie e quanto sono vecchie, firmato da questo sito. Chi la possiede può chiederne conto più tardi.
proof-attest-do = Scarica la dichiarazione
proof-attest-later = Si verifica più tardi, insieme alle copie, con
deleted-tenants = Enti rimossi
deleted-tenant-back = Riporta { $name }
problem-brake = La maggior parte dei documenti di { $about } è stata modificata o rimossa in una volta
problem-brake-do = Nulla viene abbandonato o tolto dalle copie finché qualcuno non ha guardato. La registrazione e la spedizione continuano, e lo stato precedente ha un segno.
brake-back = Pianifica il ritorno
brake-reason = Perché era voluto
brake-lift = Era voluto: riattiva le regole
problem-policy = Una regola su dove possono stare i dati di { $about } non è rispettata
problem-policy-do = Guarda quale luogo, e che cosa dice la regola.
problem-nowhere = Troppo pochi luoghi possono avere i dati di { $about }
problem-nowhere-do = Guarda quali luoghi possono averli, e aggiungine uno o cambia la regola.
problem-erasure = Ciò che è stato cancellato per legge è ancora in { $about }
problem-erasure-do = Invia a quel luogo; se manca, ricollegalo.
first-interrupted = Una ricostruzione non è arrivata alla fine
first-interrupted-what = { $n ->
    [one] Il programma o il computer si è fermato mentre la sede veniva ripristinata. Finora è tornata { $count } modifica.
   *[other] Il programma o il computer si è fermato mentre la sede veniva ripristinata. Finora sono tornate { $count } modifiche.
}
first-interrupted-lost = Nulla è perduto: ciò che è tornato è intero, e la copia ha ancora tutto. Si trova in
first-resume = Continua
first-resume-what = Ciò che c'è resta; si prende solo il resto.
first-resume-do = Continua da dov'era
first-anew = Ricomincia
first-anew-what = Ciò che è tornato qui viene rimosso. La copia altrove non viene toccata.
first-anew-sure = Rimuovi ciò che ne è rimasto qui
first-anew-do = Ricomincia
