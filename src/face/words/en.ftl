# The words of the pages, in English. A message that is added here is added in nb.ftl, sv.ftl and it.ftl as well; a test compares them.
# Style: full sentences on buttons, no jargon, no exclamation marks.

## Everywhere
app-name = Annals
nav-home = Home
nav-find = Find
nav-activity = Activity
nav-batches = Batches
nav-deleted = Deleted
nav-transfers = Transfers
nav-copies = Copies
nav-references = References
nav-proof = Proof
nav-recover = Recover
nav-settings = Settings
nav-label = Pages
skip-to-content = Skip to content
moment-now = You see how things are now
moment-then = You look at { $when }.
back-to-now = Back to now
search-label = Search
search-button = Search
language-label = Language
count-changes =
    { $n ->
        [one] { $n } change
       *[other] { $n } changes
    }

## Verdict
safe = Safe
not-safe = Not safe

## Errors
error-title = That did not work
error-next = What you can do

## Home
home-title = Are we safe?

## Frame
nav-browse = Back in time
nav-plan = Take back
nav-realign = Realign
menu-documents = Documents
menu-changes = Changes
menu-safety = Safety
menu-open = Menu
search-hint = Name of a document
tenant-label = Tenant
tenant-more =
    { $n ->
        [one] and { $count } more
       *[other] and { $count } more
    }
you-are = You are
moment-calm = Looking changes nothing.
moment-other = Look at another moment
moment-label = Moment
moment-go = Show that moment
moment-forms = For example 2018-09-18, 2018-09-18 14:02, 2 days ago, yesterday 14:00
error-home = Go to the home page
live-slow = The agent does not answer. What you see may be old.

## Parts
months = Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec
time-short = { $day } { $month } { $year } { $clock }
span-ago = { $span } ago
span-second =
    { $n ->
        [one] { $count } second
       *[other] { $count } seconds
    }
span-minute =
    { $n ->
        [one] { $count } minute
       *[other] { $count } minutes
    }
span-hour =
    { $n ->
        [one] { $count } hour
       *[other] { $count } hours
    }
span-day =
    { $n ->
        [one] { $count } day
       *[other] { $count } days
    }
span-month =
    { $n ->
        [one] { $count } month
       *[other] { $count } months
    }
span-year =
    { $n ->
        [one] { $count } year
       *[other] { $count } years
    }
size-bytes =
    { $n ->
        [one] { $count } byte
       *[other] { $count } bytes
    }
who-nobody = nobody named
cause-undo = Taken back: change { $batch }
cause-rollback = Back to how it was after change { $batch }
cause-restore = Put back
cause-realign = Brought into line: parted after change { $batch }
column-acts = What you can do
pager-label = More of the list
toast-recorded =
    { $n ->
        [one] { $count } change is recorded, as number { $batch }.
       *[other] { $count } changes are recorded together, as number { $batch }.
    }
toast-restored =
    { $n ->
        [one] { $count } document is put back, as change { $batch }.
       *[other] { $count } documents are put back, as change { $batch }.
    }
toast-undone =
    { $n ->
        [one] { $count } change is taken back, as change { $batch }.
       *[other] { $count } changes are taken back, as change { $batch }.
    }
toast-undo = Undo
toast-redo = Do it again
toast-close = Close
keys-title = Keyboard
undo-last = Take back the last change, { $n }
keys-search = Search
keys-rows = Up and down the rows
keys-enter = Open the row
keys-steps = Earlier and later
keys-compare = Compare
keys-plan = Plan: put back or take back
keys-undo = Take back what was done last
keys-now = Back to now
keys-help = These keys
keys-back = Close, or go back

## Lists
column-document = Document
column-version = Version
column-when = When
column-when-who = When and who
column-who = Who
column-why = Why
column-size = Size
column-state = State
column-since = Since
column-field = Field
column-value = Value
column-old = Old value
column-new = New value
column-old-line = Old line
column-new-line = New line
column-line = Text
column-fact = What
column-system = System
column-id = Number there
column-removed = Removed
column-choose = Choose
column-change = Change
column-what = What
column-copy = Copy
column-received = Last received
column-lacks = Lacks
by = by
change-count =
    { $n ->
        [one] { $count } change
       *[other] { $count } changes
    }
versions-hint = Choose an earlier version to look at it and to put it back.
versions-newest = Newest
versions-older = Older
trail-label = Where it lies
trail-all = All documents

## Values
value-empty = empty
value-null = no value
value-absent = not there
value-true = yes
value-false = no
value-was = before:
value-is = now:
field-whole = the whole document

## Document
document-versions =
    { $n ->
        [one] { $count } version
       *[other] { $count } versions
    }
document-references =
    { $n ->
        [one] { $count } reference
       *[other] { $count } references
    }
document-current = Current
document-hold = Hold:
document-version-of = Version { $n } of { $all }
document-removed = Removed
document-not-yet = Did not exist yet
document-never = It never had a version.
document-fields = History of its fields
document-group = With everything attached
document-open = Open
document-put-back = Put back
put-back-current = Put back as current
put-back-copy = Put back as a copy
compare-current = Compare with current
compare-before = Compare with the version before
removed-when = It was removed
removed-back = Nothing is lost: its last version, v{ $n }, can be put back, and that can be undone.
exists-since = It exists since
versions-title = Versions
step-removed = Removed
time-label = The document in time
time-earlier = Earlier
time-later = Later
stop-one = v{ $n } · { $when }
stop-many = v{ $first } to v{ $last } · { $when }
stop-removed = Removed · { $when }
meta-title = What is kept beside it
meta-size = Size
meta-media = Kind
meta-modified = Modified as a file
meta-mode = Rights of the file
meta-valid-from = Holds from
meta-valid-until = Holds until
meta-digest = Fingerprint
content-fields = Fields
content-text = Text with line numbers
content-empty = An empty document
content-erased = Erased by law: nobody has it any more
content-forgotten = Its bytes were forgotten
content-directory = A folder
content-link = A link to
content-binary = Cannot be shown here; Open downloads it
content-more-fields =
    { $n ->
        [one] { $count } more field; Open downloads all of it
       *[other] { $count } more fields; Open downloads all of it
    }
content-more-text = This is the beginning. Open downloads all { $size }.
picture-of = Picture of { $version }
references-title = References in other systems
references-more =
    { $n ->
        [one] and { $count } more
       *[other] and { $count } more
    }
reference-fixed = Cannot be recalled
reference-expires = expires

## Compare
compare-title = Compare
compare-of = Compare { $name }
compare-document = Back to the document
compare-old = Older version
compare-new = Newer version
compare-button = Compare these
compare-swap = Swap them
compare-earlier = The two before
compare-later = The two after
compare-same = The two versions are the same
compare-same-words = Byte for byte.
compare-layout = No field changed
compare-layout-words = Only blanks or the order of the fields differ.
compare-table = What differs between the two versions
compare-text = Differences line by line
compare-binary = Compared by size and fingerprint
compare-fields-changed =
    { $n ->
        [one] { $count } field differs
       *[other] { $count } fields differ
    }
compare-fields-same =
    { $n ->
        [one] { $count } is the same
       *[other] { $count } are the same
    }
compare-lines-added =
    { $n ->
        [one] { $count } line added
       *[other] { $count } lines added
    }
compare-lines-removed =
    { $n ->
        [one] { $count } line removed
       *[other] { $count } lines removed
    }
compare-more-lines =
    { $n ->
        [one] and { $count } more line
       *[other] and { $count } more lines
    }
compare-all =
    { $n ->
        [one] Show also the { $count } field that is the same
       *[other] Show also the { $count } fields that are the same
    }
compare-changed-only = Show only what differs
compare-first = The first fields
compare-next =
    { $n ->
        [one] { $count } more field
       *[other] { $count } more fields
    }
fields-title = History of the fields of
fields-of = Fields of { $name }
fields-table = What each version did to the fields, newest first
fields-only = Only this field
fields-hint = status
fields-button = Show its history
fields-all = Show all fields
fields-none = No change of a field here
fields-none-here = None among these versions; older ones may have some.
fields-none-ever = The document has no fields, or none of them changed.
fields-passed-over = This version has no fields

## Find
find-title = Find documents
find-name = Name
find-name-hint = Its beginning, or with * for anything: case/*letter*
find-field = What a field says
find-field-hint = field=value, for example status=open
find-ref = Number in another system
find-ref-hint = system:number, for example svarut:77
find-by = Who recorded or removed it
find-by-hint = The name as it stands in the history
find-at = As it was at
find-at-hint = A day or a time, for example 2018-09-18; now where empty
find-living = Leave out what was removed
find-button = Find documents
find-results = Documents found
find-by-reference = Documents with this number in another system
find-none = No document found
find-none-words = All documents were looked at, those that were removed as well.
find-not-yet = Nothing found so far
find-not-yet-words = There are more documents to look at.
find-on = Look further
find-next = Next page
find-first = First page
find-anywhere = Look for “{ $name }” anywhere in the names
find-empty = What are you looking for?
find-empty-words = Fill in one field or several; all of them must fit. What was removed is found too.

## Back in time
browse-title = All documents
browse-words = As they were at the moment you look at. The arrow keys lead to the change before and after.
browse-folder = folder
browse-group = Look at it as one
browse-deleted = What was removed here
browse-back-to = Plan to put all of it back to this moment
browse-empty = Nothing is here
browse-empty-words = No document lies here now. What was removed can be put back.
browse-empty-then = No document lay here at that moment.
steps-label = From change to change
steps-earlier = Change before
steps-later = Change after
steps-change = After change { $n }
steps-nothing = Before the first change
group-title = with everything attached
group-table = What belongs together, at this moment
group-existing =
    { $n ->
        [one] { $count } document existed
       *[other] { $count } documents existed
    }
group-members =
    { $n ->
        [one] { $count } in all times
       *[other] { $count } in all times
    }
group-more =
    { $n ->
        [one] and { $count } more
       *[other] and { $count } more
    }
group-changed = What this change did
group-not-yet = At this moment none of it existed. The change after shows when it began.
group-none = No document belongs to this
group-none-words = There never was a document of this name or below it.
group-cut =
    { $n ->
        [one] Only a part is shown: at most { $count } document is looked at as one.
       *[other] Only a part is shown: at most { $count } documents are looked at as one.
    }
group-with = What else belongs to it
group-with-label = Names, one on each line
group-with-hint = With * for anything and, behind a ?, a field that must say so: case/*?client=38754
group-with-button = Look at all of it
state-exists = Existed

## Deleted
deleted-title = Deleted documents
deleted-words = The newest first. Nothing here is lost: every one can be put back, and that can be undone.
deleted-below = Only names that begin with
deleted-filter = Show these
deleted-all = Show all
deleted-choose = Choose { $name }
deleted-choose-all = Choose all on this page
deleted-put-back-one = Put back { $name }
deleted-plan = Plan to put back the chosen ones
deleted-older = Removed earlier
deleted-none = Nothing is deleted
deleted-none-words = Documents that are removed are listed here, with who, when and why.
deleted-none-here = None among these; there are older ones to look at.

## The verdict and what it rests on
home-safe = Yes, we are safe
home-not-safe = No, not now
verdict-damaged = Something that was recorded is damaged here. Proof shows what, and how to bring it back from a copy.
verdict-behind = { $tenant } is older here than { $witness } knows it. Realign shows what is missing; nothing is shipped meanwhile.
verdict-amnesia = { $tenant } has forgotten what { $witness } knows. Realign brings it back; nothing is shipped meanwhile.
verdict-forked = { $tenant } has parted from { $witness }: both went on by themselves. Realign brings them together; nothing is shipped meanwhile.
verdict-clone = { $tenant } is a copy of another store that { $witness } knows. Realign settles which one goes on; nothing is shipped meanwhile.
verdict-foreign = { $witness } holds { $tenant } of another site. Name the place of this site in the settings; nothing is shipped.
verdict-database = The database { $names } went back in time. Realign shows both sides; nothing of it is recorded or shipped meanwhile.
verdict-only-copy = This is the only copy: no place for another one is set up.
verdict-empty = Nothing is recorded yet, so nothing can be lost.
verdict-offsite = Every change is also somewhere else: { $remotes }.
verdict-offsite-later = Every change is also somewhere else; { $remotes } will follow.
verdict-waiting =
    { $n ->
        [one] { $count } change waits to be sent to { $remotes }, for { $age }; up to { $limit } is allowed.
       *[other] { $count } changes wait to be sent to { $remotes }, the oldest for { $age }; up to { $limit } is allowed.
    }
verdict-late =
    { $n ->
        [one] { $count } change exists only here, for { $age }; only { $limit } is allowed. { $remotes } should have it.
       *[other] { $count } changes exist only here, the oldest for { $age }; only { $limit } is allowed. { $remotes } should have them.
    }
verdict-late-unlimited =
    { $n ->
        [one] { $count } change exists only here, for { $age }. { $remotes } should have it.
       *[other] { $count } changes exist only here, the oldest for { $age }. { $remotes } should have them.
    }
verdict-late-nowhere =
    { $n ->
        [one] { $count } change exists only here, for { $age }; no copy may have it.
       *[other] { $count } changes exist only here, the oldest for { $age }; no copy may have them.
    }
verdict-problems =
    { $n ->
        [one] { $count } problem needs somebody.
       *[other] { $count } problems need somebody.
    }
verdict-paused = Sending to { $remotes } is paused; it goes on when somebody presses Go on under Transfers.
home-problems =
    { $n ->
        [one] { $count } thing needs you
       *[other] { $count } things need you
    }
problem-details = What exactly happened
problem-space = There is no space left on the disk
problem-space-do = Nothing is recorded until some is free.
problem-config = The settings cannot be used
problem-config-do = The last good ones stay in force. Correct annals.toml.
problem-damage = Something that was recorded is damaged
problem-damage-do = It can be brought back from a copy.
problem-lineage = { $about } and its copies do not agree
problem-lineage-do = Nothing is shipped until both sides are brought together.
problem-database = The database { $about } went back in time
problem-database-do = Decide what holds, its history or what it says now.
problem-stale = Changes exist only here for too long
problem-stale-do = See what the transfers wait for.
problem-remote = The copy { $about } is not as it should be
problem-remote-do = See whether it is there and answers.
problem-drill = Rebuilding from { $about } was rehearsed and failed
problem-drill-do = See what was wrong, mend it and rehearse again.
problem-capture = What is recorded from { $about } stands still
problem-capture-do = See what it waits for.
problem-job = A job failed too often: { $about }
problem-job-do = Mend the cause, then let it try again.
home-offsite = Newest changes
home-waiting =
    { $n ->
        [one] { $count } change is only here so far
       *[other] { $count } changes are only here so far
    }
home-allowed = Up to { $limit } is allowed.
home-no-limit = Nobody said how long that may be: say it in the settings, under “A change may wait”.
home-meter = Age against what is allowed
home-nothing-waits = Nothing waits
home-all-offsite = What was recorded is also somewhere else.
home-nothing-yet = Nothing yet
home-nothing-yet-words = Changes are listed here as soon as there are some.
home-unknown = Not shipped
home-see-above = The reason stands above.
home-proven = Last proven restore
home-rebuilt = Rebuilt from { $remote } in { $span }, and everything was right.
home-never = Never
home-never-words = A copy that was never rebuilt is a hope. The agent rehearses on schedule.
home-proof = All proofs
home-now = What runs now
home-idle = Nothing
home-progress = How far it is
home-more-jobs =
    { $n ->
        [one] and { $count } more
       *[other] and { $count } more
    }
home-transfers = All transfers
doing-capture = Recording { $subject }
doing-seal = Sealing new changes { $subject }
doing-ship = Sending to { $subject }
doing-verify = Checking what is here { $subject }
doing-drill = Rehearsing a rebuild from { $subject }
doing-gc = Tidying up { $subject }
home-copies = Copies
home-all-copies = All copies and places
home-no-copies = There is only this one
home-no-copies-words = A second copy at another place makes it safe.
copy-never = never
copy-nothing = nothing
copy-lacks =
    { $n ->
        [one] { $count } change
       *[other] { $count } changes
    }
health-good = Good
health-waiting = Waits
health-stale = Too old
health-broken = Broken
home-changes = Last changes
home-all-changes = All activity

## Coming in
stranger-title = You are not in yet
stranger-text = Open the address that the command annals ui prints. It lets you in once.
code-used-title = This address was used already
code-used-text = It lets one person in once, within ten minutes. The command annals ui prints a new one.
welcome-title = You are in
welcome-text = The first page opens by itself. <a href="/">Go to the first page</a>
leave = Sign out
left-title = You have left
left-text = Nobody can use these pages in this browser any more. The command annals ui lets you in again.

## Plan
plan-title = Take back, put back
plan-lead = Every way back begins as a plan: you see what will change, decide what must be decided, and then press one button. Nothing is lost by it, and it can be taken back itself.
plan-undo = Take change { $batch } back
plan-rollback = Bring { $what } back to { $when }
plan-rollback-start = Bring { $what } back to before anything was recorded
plan-restore = Put back { $what }
plan-everything = everything
plan-made = Made when the newest change was number { $seq }
plan-file = Save the plan as a file
plan-forget = Discard this plan
plan-gone = This plan is not kept any more.
plan-gone-hint = A plan is kept for an hour after it was last looked at. Make it again; nothing was changed.
plan-stale = Something was recorded since this plan was made:
plan-stale-what = So that nothing of it is overwritten unseen, the plan is made anew. Your decisions are kept where they still fit.
plan-anew = Make the plan anew
plan-database = These are rows of a live database. They are written into { $file } in one transaction, and the history follows.
plan-count-put =
    { $n ->
        [one] get an earlier version
       *[other] get an earlier version
    }
plan-count-back =
    { $n ->
        [one] is brought back
       *[other] are brought back
    }
plan-count-remove =
    { $n ->
        [one] is removed
       *[other] are removed
    }
plan-count-merge =
    { $n ->
        [one] is merged field by field
       *[other] are merged field by field
    }
plan-count-open =
    { $n ->
        [one] needs your decision
       *[other] need your decision
    }
plan-count-skip =
    { $n ->
        [one] stays as it is
       *[other] stay as they are
    }
plan-count-already =
    { $n ->
        [one] is right already
       *[other] are right already
    }
plan-count-outside =
    { $n ->
        [one] outside reference stays
       *[other] outside references stay
    }
plan-fetch = To fetch
plan-fetch-nothing = nothing: all earlier versions are on this machine
plan-write = To write
plan-time = Time
plan-time-moment = a moment
plan-history = History
plan-history-kept = stays whole: what is replaced remains as earlier versions
plan-nothing = Nothing to do
plan-nothing-what = Everything is already as this plan would make it.
plan-decide =
    { $n ->
        [one] { $count } document needs your decision
       *[other] { $count } documents need your decision
    }
plan-decide-what = They were changed again since, in the same place. Whatever you do not decide stays as it is now.
plan-all = For all of them:
plan-all-skip = Leave as they are now
plan-all-merge = Put back what nobody changed since
plan-all-override = Put all of it back
plan-decide-keep = Keep these decisions
plan-decide-kept-too = The button at the end keeps them too.
plan-undecided = undecided
plan-decided = decided
plan-gone-since = was removed since
plan-choice-skip = Leave it as it is now
plan-choice-merge = Put back what nobody changed since, and decide the rest field by field
plan-choice-override = Put all of it back as it was, over what was changed since
plan-choice-remove = Remove it: it did not exist before
plan-fields-of = Fields of { $key } that were changed since
plan-field-name = Field
plan-field-before = Before
plan-field-after = Made of it by the change
plan-field-now = Now
plan-field-take = Keep
plan-take-of = What becomes of { $field }
plan-take-now = as it is now
plan-take-before = as before
plan-outside =
    { $n ->
        [one] { $count } reference to outside systems
       *[other] { $count } references to outside systems
    }
plan-outside-stays =
    { $n ->
        [one] { $count } stays delivered and cannot be recalled.
       *[other] { $count } stay delivered and cannot be recalled.
    }
plan-outside-what = What lies in another system is not touched from here. If it must follow, tell whoever runs that system.
plan-outside-table = References that stay
plan-cannot-recall = cannot be recalled
plan-later = added after that moment
plan-changes =
    { $n ->
        [one] What happens to { $count } document
       *[other] What happens to { $count } documents
    }
plan-column-what = What happens
plan-column-values = Now → then
plan-none = none
plan-fate-skip = stays as it is
plan-fate-lost = stays: its earlier bytes were forgotten
plan-fate-nothing = is right already
plan-fate-remove = is removed
plan-fate-back = is brought back
plan-fate-put = gets an earlier version
plan-fate-merge = is merged
plan-confirm = Do it
plan-reason-label = Why
plan-reason-what = Stands in the history beside your name. A sentence is made up where it is empty.
plan-confirm-type = To confirm, type: { $name }
plan-confirm-wrong = That was not the name. Nothing was changed.
plan-confirm-why = More than { $n } documents change at once.
plan-do-undo =
    { $n ->
        [one] Take this { $count } change back
       *[other] Take these { $count } changes back
    }
plan-do-rollback =
    { $n ->
        [one] Bring { $count } document back
       *[other] Bring { $count } documents back
    }
plan-do-restore =
    { $n ->
        [one] Put back { $count } document
       *[other] Put back { $count } documents
    }
plan-nothing-decided = As it is decided now, nothing would change.
plan-open-left =
    { $n ->
        [one] { $count } undecided document stays as it is.
       *[other] { $count } undecided documents stay as they are.
    }
plan-can-undo = This becomes a change of its own in the history and can be taken back like any other.
plan-done =
    { $n ->
        [one] { $count } document was changed.
       *[other] { $count } documents were changed.
    }
plan-done-what = What stood there before remains in the history of each document.
plan-done-nothing = There was nothing to do: everything was already as it should be.
plan-done-undo = Undo this
plan-done-activity = See it in the activity
plan-skipped =
    { $n ->
        [one] { $count } document was left as it is
       *[other] { $count } documents were left as they are
    }
plan-pending =
    { $n ->
        [one] { $count } row that the database does not allow
       *[other] { $count } rows that the database does not allow
    }
plan-position = The history now ends at change { $seq }.
plan-open = Plans that you have open
plan-open-done = carried out
plan-open-waits =
    { $n ->
        [one] { $count } document would change
       *[other] { $count } documents would change
    }
plan-start-rollback = Bring back to a moment
plan-start-rollback-what = Everything, or what lies under one name, becomes what it was then: what came later goes, what was removed returns.
plan-start-prefix = Only under
plan-start-prefix-what = The beginning of names, like sak/. Empty: everything.
plan-start-undo = Take one change back
plan-start-undo-what = A change may hold thousands of documents that were recorded together.
plan-start-number = Number of the change
plan-start-batches = Find it among the changes that were recorded together
plan-start-redo = Do again what change { $batch } took back
plan-start-restore = Put documents back
plan-start-restore-what = One document or a folder as it was at a moment. What came later stays.
plan-start-key = Document, or folder with / at the end
plan-start-when = As it was at
plan-start-when-what = Empty: the last version of what was removed.
plan-start-show = Show what would change
col-number = Number
col-when = When
col-who = Who
col-why = Why
col-changes = Changes
col-document = Document
col-state = State
col-versions = Versions
col-old-new = Old value → new value
col-reference = Reference
turn-before = Before
turn-after = Next
turn-first = From the beginning
turn-newest = Newest
turn-older = Older
rows-more =
    { $n ->
        [one] and { $count } more
       *[other] and { $count } more
    }
look-further = Nothing was found so far. Older holds what was not looked at yet.
inline-same = no difference
inline-layout = only the layout differs
inline-more-fields =
    { $n ->
        [one] and { $count } more field
       *[other] and { $count } more fields
    }
inline-lines = { $added } lines added, { $removed } removed
inline-whole = the whole
inline-was = was
inline-is = is now
inline-nothing = not there
inline-empty = empty text

## Batches
batches-title = Changes recorded together
batches-lead = An import, an update of many rows, a day's folder: recorded as one change, and taken back as one.
batches-which = Which changes
batches-bulk = { $n } or more
batches-all = All
batches-none = No changes here
batches-none-what = Nothing that large was recorded yet.
batch-word = change
batch-number = Change { $batch }
batch-undo =
    { $n ->
        [one] Take this { $count } change back
       *[other] Take these { $count } changes back
    }
batch-in-effect = in effect
batch-undone = taken back
batch-undone-by = by change { $batch }
batch-before = Bring everything back to before this
batch-origin = from
batch-clock = the clock was behind the history
batch-changes = What was changed
batch-empty = This change holds nothing.
batch-around = Changes before and after
batch-proof = Proof
batch-digest = Digest of the history up to here
batch-request = Request
count-of-changes =
    { $n ->
        [one] { $count } change
       *[other] { $count } changes
    }
did-added = added
did-returned = brought back
did-changed = changed
did-removed = removed
did-referred = reference
did-marked = mark
did-held = hold
did-lifted = hold lifted
did-forgotten = bytes forgotten
did-erased = erased by law
did-undo = taken back
did-rollback = brought back to a moment
did-restore = put back

## Activity
activity-title = Activity
activity-csv = Save as CSV
activity-ndjson = Save as NDJSON
activity-none = Nothing here
activity-none-what = Nothing that was recorded fits what you look for.
activity-rest = See the rest of this change
activity-filter-who = Who
activity-filter-kind = What was done
activity-filter-any = anything
activity-filter-prefix = Document or folder
activity-filter-from = From
activity-filter-until = Until
activity-filter-show = Show
activity-filter-clear = Show everything

## Transfers
transfers-title = Transfers and other work
transfer-what = What
transfer-done = Done
transfer-rate = Rate
transfer-left = Time left
transfer-which = Which work
transfer-show-open = Not over
transfer-show-running = Running
transfer-show-waiting = Waiting
transfer-show-trouble = In trouble
transfer-show-over = Over
transfer-find = Only what is called
transfer-none = Nothing to do
transfer-none-what = Work appears here when something is to be shipped, verified or rehearsed.
transfer-pause-all = Pause everything
transfer-resume-all = Let everything go on
transfer-n-running =
    { $n ->
        [one] { $count } running
       *[other] { $count } running
    }
transfer-n-waiting =
    { $n ->
        [one] { $count } waiting
       *[other] { $count } waiting
    }
transfer-n-paused =
    { $n ->
        [one] { $count } paused
       *[other] { $count } paused
    }
transfer-n-trouble =
    { $n ->
        [one] { $count } in trouble
       *[other] { $count } in trouble
    }
transfer-rate-all = { $rate }/s together
transfer-next = On schedule
rate = { $rate }/s
line-closed = The line is not used now
line-rate = At most { $rate }/s now
line-changes = until
line-left = { $bytes } left of the allowance until
task-capture = Record
task-seal = Seal what is new
task-ship = Ship to
task-verify = Read back what lies here
task-drill = Rehearse a rebuild from
task-gc = Tidy up what nothing needs
task-forget = Give up what no rule keeps
task-compact = Take what was forgotten off
task-apply = Carry out what was decided
phase-uploading = uploading
phase-sealing = sealing
phase-reading-back = reading back
phase-fetching = fetching
phase-scanning = looking through
phase-checking-contents = checking contents
phase-checking-records = checking records
phase-comparing = comparing
phase-reading = reading
phase-rebuilding = rebuilding
phase-writing = writing
phase-writing-rows = writing rows
phase-looking-for-garbage = looking for what nothing needs
phase-applying = recording
job-running = running
job-pausing = stopping at the next safe place
job-cancelling = giving up at the next safe place
job-moved = last progress
job-waiting = waits
job-outside = waits for the outside
job-paused = paused
job-failed = failed, try { $n } of { $of } is next
job-dead = gave up, waits for you
job-done = done
job-cancelled = cancelled
job-next = next at
job-advice = What helps:
job-do-pause = Pause
job-do-resume = Go on
job-do-cancel = Cancel
job-do-retry = Try now
job-do-pause-this = Pause { $what }, number { $id }
job-do-resume-this = Go on with { $what }, number { $id }
job-do-cancel-this = Cancel { $what }, number { $id }
job-do-retry-this = Try now: { $what }, number { $id }
why-remote-absent = The disk or folder is not there.
why-remote-unreachable = The place does not answer.
why-remote-timeout = The place was too slow.
why-remote-rclone-missing = The program rclone is not installed.
why-drill-failed = The rehearsal did not succeed.
why-verify-damage = Something that was recorded is damaged.
why-source-missing = What is to be recorded is not there.
advice-plug-in = plug the disk in or mount the folder; it goes on by itself.
advice-rclone = install rclone, then try now.
advice-realign = go to Realign; nothing is shipped until then.
advice-space = make room on the disk.
advice-source = see whether the folder or database is where the settings say.
advice-remote = check the line and the place under Settings.
advice-verify = look at Proof, then ship again.
advice-retry = read why, mend it, and try now.

## Realign
realign-title = Bring history and copies into line
realign-lead = When an older copy of a store or of a database was put back, or when two machines went on from the same backup, there are two histories. Nothing is shipped until somebody chose; recording goes on meanwhile.
realign-well = Everything is in line.
realign-well-what = Nothing here speaks against this store being the newest. Looking at both sides asks the copies themselves.
realign-in-line = In line: every copy holds what is recorded here, or less of the same.
realign-behind = { $tenant } is older than what this site already sent to { $other }
realign-amnesia = { $tenant } is empty here, and { $other } holds its history
realign-forked = { $tenant } and { $other } have parted: both went on after the last change that they share
realign-clone = { $tenant }: another copy of this store writes the same history ({ $other })
realign-foreign = { $other } holds { $tenant } of another site
realign-equal = { $tenant } is in line with { $other }
realign-database = The database { $name } is older than its history
realign-database-forked = The database { $name } is older than its history, and was written to since
realign-here = Here
realign-witness-machine = The other machine
realign-witness-file = What this machine remembers
realign-common = Last change that both have
realign-place = Written on
realign-fenced = Recording goes on. Nothing is shipped until this is decided.
realign-file = File
realign-missing = Missing here
realign-only-here = Only here
realign-transactions =
    { $n ->
        [one] { $count } transaction
       *[other] { $count } transactions
    }
realign-rows =
    { $n ->
        [one] { $count } row
       *[other] { $count } rows
    }
realign-documents =
    { $n ->
        [one] { $count } document
       *[other] { $count } documents
    }
realign-time-unknown = time unknown
realign-look = Look at both sides
realign-look-anyway = Compare with the copies all the same
realign-look-what = Asks the copies, changes nothing.
realign-claim = This directory is a copy of a store
realign-claim-what = If the other one is gone, or goes on as another site, this one can be the site from now on. If both go on as one site, their histories part.
realign-claim-do = This copy is the site from now on
realign-lines = Lines of history that were left
realign-lines-what = They can be read like everything else, and stay until somebody removes them.
realign-ways = Four ways
realign-recommended = recommended
realign-shown = shown below
realign-show-this = Show what this would do
realign-keep-both = Bring back what is missing, keep what is new
realign-keep-both-what = What the other side has is fetched; what was done here since is recorded again after it. Of a document that both changed, both states are kept.
realign-keep-ours = This copy is the truth
realign-keep-ours-what = The rest stays at the copy as a line of its own that can be read.
realign-keep-theirs = Drop what is only here
realign-keep-theirs-what = What was done here since stays readable as a line of its own, but is not in effect any more.
realign-keep-look = Only look, for now
realign-keep-look-what = Everything stays as it is. Nothing is shipped until somebody chose.
realign-browse = Look around
realign-do-both = Bring both together
realign-do-ours = Take this copy as the truth
realign-do-theirs = Take what the copy has
realign-can-undo = Nothing is destroyed: what is left behind stays readable, and what was recorded again can be taken back.
realign-does-not-fit = As it is, the database would not be right afterwards. Decide differently above, or look at what the settings say of its tables.
realign-conflicts = Changed on both sides
realign-resurrected = Removed on one side, changed on the other: exists again
realign-lost = Lost
realign-lost-what = Changes { $first } to { $last } are known to have been, and are nowhere whole.
realign-outside =
    { $n ->
        [one] { $count } reference to outside systems at risk
       *[other] { $count } references to outside systems at risk
    }
realign-database-now = The database
realign-history = Its history
realign-same = The same on both sides
realign-recompute = Computed anew
realign-renumber = Numbers that two rows have
realign-invariants = What must hold
realign-invariant = Rule
realign-must = Must be
realign-now = Now
realign-then = Afterwards
realign-holds = holds
realign-broken = is broken
realign-tables = Tables
realign-table = Table
realign-policy = Who decides
realign-default = (by default)
realign-differ = Rows that differ
policy-append = both sides' rows are kept
policy-derived = computed anew
policy-authority = the history
policy-site = the database
policy-field = field by field
policy-serial = both, with new numbers
policy-external = the history, because others outside know it
policy-documents = both as versions
realign-open =
    { $n ->
        [one] { $count } row needs your decision
       *[other] { $count } rows need your decision
    }
realign-open-left = Nobody decided, now as in the history
realign-forbidden = The database does not allow this
realign-take-history = As in the history
realign-take-here = As in the database
realign-done = { $tenant } is in line at change { $seq }.
realign-done-fetched =
    { $n ->
        [one] { $count } change was fetched.
       *[other] { $count } changes were fetched.
    }
realign-done-again =
    { $n ->
        [one] { $count } of ours was recorded again.
       *[other] { $count } of ours were recorded again.
    }
realign-done-written =
    { $n ->
        [one] { $count } row was written into the database.
       *[other] { $count } rows were written into the database.
    }
realign-both-kept = Both versions kept of
realign-undo-again = Take back what was recorded again
realign-see-line = See the line that was left
realign-as-found = See the database as it was found
realign-again = Look again
work-asked = Asked for by
work-goes-on = This goes on when you close the page or the program ends. What comes of it will stand here and among the transfers.
work-not-done = What was decided was not carried out.
work-nothing-changed = Nothing was changed by it.
work-anew = Make a new plan

## Copies
copies-title = Copies and places
copies-lead = Where the history lies besides here, and whether each customer's rules are kept.
copies-add = Add a place for copies
copies-none = There is no copy anywhere else
copies-none-what = If this machine is lost, everything is lost. Add a place for copies under Settings.
place-current = holds everything
place-behind = something waits for it
place-unused = nothing shipped yet
place-waiting = is waited for
place-stale = too old
place-broken = broken
copies-address = Address
copies-region = Region
copies-not-said = not said
copies-operator = Law of the operator
copies-encryption = Encryption
copies-encryption-what = sealed here before it leaves (XChaCha20-Poly1305)
copies-shipped = Last shipped
copies-never = never
copies-waits = Waits
copies-objects = Objects
copies-rate = Measured line
copies-verified = Verified
copies-drilled = Rehearsed
copies-ship = Ship now
copies-tenants = Who is where
copies-verdict = Rules
copies-rule-regions = only in
copies-rule-min =
    { $n ->
        [one] at least { $count } copy
       *[other] at least { $count } copies
    }
copies-not-allowed = may not go here
copies-nothing = nothing yet
copies-behind =
    { $n ->
        [one] { $count } change behind
       *[other] { $count } changes behind
    }
copies-empty = nothing to hold yet
copies-all = holds everything
copies-kept =
    { $n ->
        [one] kept: { $count } whole copy
       *[other] kept: { $count } whole copies
    }
copies-missing = { $n } of { $wanted } whole copies
copies-too-few-places = may go to { $n } places, needs { $wanted }

## Proof
proof-title = Proof
proof-lead = A backup that was never restored is a hope. Here stands what was read back and rebuilt, and how long it took.
proof-local = What lies here
proof-local-what = Every day a part is read back and compared, so that all of it is seen about once a month.
proof-do-verify = Read back the next part now
proof-do-drill = Rehearse a rebuild now
proof-never = never
proof-well = all is well
proof-not-well = something is wrong
proof-rto = Time to restore
proof-rpo = Would have been lost
proof-seconds = { $n } seconds
proof-nothing-lost = nothing
proof-lost = changes of { $span }
proof-none = Nothing was proved yet
proof-none-what = The first verification runs within a day; a rehearsal can be started above.
proof-history = What was proved
proof-what = What
proof-found = Found
proof-read = Read
proof-sample = in part
proof-quick = records and names, not every byte
proof-kind-verify = This store verified
proof-kind-patrol = A part of this store read back
proof-kind-remote = Copy verified:
proof-kind-drill = Rebuild rehearsed from
proof-terms = Time to restore is what others call RTO, what would have been lost RPO. Both are measured, not promised.

## References
ledger-title = References to outside systems
references-lead = What was delivered, archived or sent under an id of another system, and what became of it.
references-which = Which references
references-show-all = All
references-show-removed = Document removed
references-show-expired = Expired
references-show-irrevocable = Cannot be recalled
references-system = System
references-id = Id there
references-expires = Expires
references-expired = expired
references-soon = soon
references-removed = removed here, still there
references-none = No references here
references-none-what = Programs add them when they deliver or archive a document.
references-compare = Compare with a list from outside
references-compare-what = Paste the list that the other system gives out (CSV, first line with the names id, and maybe system and state). What hangs in the air on either side is shown; nothing is changed.
references-compare-system = Empty: as the list says.
references-file = File
references-list = List
references-compare-do = Compare
references-compared =
    { $n ->
        [one] Compared with { $count } line
       *[other] Compared with { $count } lines
    }
references-same =
    { $n ->
        [one] { $count } is the same on both sides.
       *[other] { $count } are the same on both sides.
    }
references-expired-too =
    { $n ->
        [one] { $count } has expired there by now.
       *[other] { $count } have expired there by now.
    }
references-no-difference = no difference
references-differences = What differs
references-difference = Difference
references-there = There
references-missing-here = only there
references-missing-there = only here
references-differs = other state
references-line = line { $line }

## Recover
recover-title = If this machine is lost
recover-lead = Which copy would be taken, why, and what would be missing.
recover-card-show = Recovery card to print
recover-none = Nothing could be brought back.
recover-none-what = Nothing was shipped to any place that answers.
recover-best = { $name } would be taken:
recover-best-all = it holds everything that is recorded here.
recover-best-most = it holds more than the others.
recover-nothing-lost = Nothing would be lost.
recover-would-lose =
    { $n ->
        [one] { $count } change would be lost,
       *[other] { $count } changes would be lost,
    }
recover-since = from
recover-not-asked = This is what the store remembers. Ask the copies to be sure.
recover-check = Ask all copies now
recover-check-what = Lists what lies there, changes nothing.
recover-asked = Asked at
recover-copies = Copies, the newest first
recover-copy = Copy
recover-reached = Reached
recover-shipped = Last shipped
recover-lost = Would be missing
recover-proved = Rehearsed
recover-newest = newest
recover-unknown = not asked
recover-answers = answers
recover-silent = does not answer
recover-steps = What to do then
recover-step-machine = Take any machine and install annals
recover-step-machine-what = Nothing of the old one is needed.
recover-step-sheet = Type the recovery sheet into a file, sheet.txt
recover-step-sheet-what = A line with a typing error is named. The key file works as well.
recover-step-browse = Look first
recover-step-browse-what = Build it into a directory of its own, at the moment you want, and look around.
recover-step-full = Then all of it
recover-step-full-what = Every digest is compared; what is missing is named.
recover-step-go-on = Go on
recover-step-go-on-what = The rebuilt store is the site from now on. Its first shipment says so to the copies.
card-title = Recovery card
card-lead = Print it and keep it where contracts are kept. It says where the copies are and what to do, and holds no secret.
card-print = Print this page
card-heading = How to bring { $site } back
card-site = Site
card-fingerprint = Fingerprint of the key
card-date = As of
card-key = Key file
card-key-plain = opens by itself: whoever has it can read everything
card-key-closed = closed with a passphrase
card-copies = Where the copies are
card-shipped = last shipped
card-write = To fill in by hand
card-sheet-lies = The recovery sheet lies
card-passwords-lie = Passwords of the places
card-call = Whom to call
card-sheet = Recovery sheet
card-with-sheet = With the recovery sheet
card-with-sheet-what = Whoever holds the sheet can read the whole history. Show it only where nobody looks over your shoulder.
card-with-sheet-do = Show the card with the sheet
card-wrong = That was not the name.
card-secret-warning = This page shows the secret of the site. Print it and close it.

## Settings
settings-title = Settings
settings-lead = Everything stands in one file; comments and all else in it stay as they are:
settings-saved = Saved. It is in force from now on.
settings-bad = The file cannot be used. The last good one stays in force.
settings-when = When, and over which line
settings-site = Name of this site
settings-site-what = What people call it.
settings-zone = Time zone
settings-zone-what = In which clocks are read here.
settings-ship = Ship
settings-ship-what = every 2h, every 30m. Empty: by the calendar beside, or only when asked.
settings-cron = Ship by the calendar
settings-cron-what = Minute, hour, day, month, weekday: 0 */4 * * *. Only one of the two.
settings-window = When the line may be used, and how fast
settings-window-what = A line for each part of the day: 19:00-06:00 10 MiB/s. Empty: always, at full speed.
settings-allowance = Allowance
settings-allowance-what = 5 GB / month; the period is day, week or month. Of all places together.
settings-drill = Rehearse a rebuild
settings-drill-what = every 180d. Empty: only when asked.
settings-stale-after = A change may wait
settings-stale-after-what = How old the oldest change that is only here may grow before somebody is told: 4h.
settings-save = Save these settings
settings-save-what = A value that cannot be is refused, and nothing is written.
settings-runs = The next runs
settings-next = At
settings-places = Places for copies
settings-name = Name
settings-name-what = Small letters, digits and hyphens.
settings-address-what = dir:/path for a disk or a share, rclone:REMOTE:PATH for everything else.
settings-region-what = Where the bytes lie. Customers with rules go only where this is said.
settings-country-what = Two letters: under whose law the operator is.
settings-check = Check it
settings-checked = can be used: written, read back, removed
settings-remove = Take it off the list
settings-add-place = Add a place for copies
settings-add-do = Add this place
settings-captures = What is recorded by itself
settings-captures-none = Nothing. Programs and people record here by themselves.
settings-captures-how = A folder or a database is added by lines like these in the file:
settings-keep = What is kept
settings-keep-all = Everything, for ever.
settings-keep-floor = Never forgotten before
settings-keep-within = Everything within
settings-keep-daily = Days with their last version
settings-keep-monthly = Months with their last version
settings-keep-tenant = A dropped customer's history
settings-you = You
settings-session = This session
settings-session-what = ends twelve hours after it was last used; annals ui opens a new one.
settings-leave = End this session

## First run
first-title = Nothing is kept here yet
first-lead = Begin something new, or bring a site back from a copy. It will lie in
first-steps = Steps
first-step-make = Begin
first-step-sheet = Keep the sheet
first-step-confirm = Show that you have it
first-step-ready = Ready
first-make = Begin a new site
first-make-what = From now on every version of every document is kept here.
first-make-do = Begin this site
first-rebuild = Bring a site back from a copy
first-rebuild-what = You need the address of a copy and the recovery sheet.
first-from = Where the copy is
first-from-what = dir:/path or rclone:REMOTE:PATH, as on the recovery card.
first-sheet = The six lines of the recovery sheet
first-sheet-what = Capitals, hyphens and blanks do not matter.
first-until = Only until
first-until-what = Empty: everything. Or a moment, like 2026-11-19 08:00.
first-rebuild-do = Bring it back
first-rebuilding = Being brought back:
first-rebuilt =
    { $n ->
        [one] { $count } change was brought back and compared, digest for digest.
       *[other] { $count } changes were brought back and compared, digest for digest.
    }
first-go-on = Go on
first-try-again = Try again
first-keep = Print this sheet and keep it elsewhere
first-keep-what = It is the only way back when this machine is lost. Nobody can make it again, we included.
first-keep-where = Not on this machine, and not in a mailbox: where contracts and cash are kept.
first-kept = I have it on paper
first-confirm = Show that you have the sheet
first-confirm-what = Take the paper and type three groups of letters from it.
first-confirm-wrong = At least one group is not as on the sheet. Nothing is lost: compare and type it again.
first-group = Line { $line }, group { $group }
first-confirm-do = This is what the sheet says
first-again = Show the sheet again
first-ready = The site is ready
first-ready-what = It keeps what is recorded from now on. Three things make it safe:
first-next-place = A copy somewhere else
first-next-place-what = Without one, everything is lost with this machine.
first-next-record = Something to record
first-next-record-what = A folder or a database that is followed by itself, or programs that record here.
first-next-card = A recovery card
first-next-card-what = So that somebody else can bring it back without you.

# End of plans and safety

## How things fail, and what helps
fail-failed = This failed.
fail-usage = What was asked for makes no sense like this.
fail-missing = There is no such thing here.
fail-locked = Somebody else is at work here just now.
fail-denied = This is not allowed.
fail-remote = The place offsite cannot be reached.
fail-refused = A rule forbids this. Nothing was changed.
fail-space = There is no space left.
fail-newer = This was written by a newer program.
fail-found = Something was found that is not as it should be.
why-document = There never was such a document.
why-document-removed = The document is deleted at this moment.
why-document-not-yet = The document did not exist yet at this moment.
why-version = The document has no such version.
why-content-forgotten = The content of this version was given up by a rule.
why-batch = There is no such change.
why-tenant = There is no such tenant.
why-job = There is no such job, or nothing like that can be done with it now.
why-order = What was asked for here is not kept any more.
why-plan-stale = Something was recorded since this was planned.
why-plan = This plan cannot be used.
why-redo = Nothing was undone, so there is nothing to do again.
why-time = This is not a moment that can be understood.
why-time-gap = This time was skipped when the clocks were put forward.
why-time-twice = This time was twice, when the clocks were put back.
why-moment = There is nothing at this moment.
why-mark = There is no mark of this name.
why-find = This cannot be searched for.
why-path = This is not the name of a field.
why-key = No document is named, or not like this.
why-key-wrong = This key opens nothing here.
why-sheet = The recovery sheet was not read right.
why-remote = The place offsite is not named right, or is not as it should be.
why-remote-exists = There is a place of this name already.
why-remote-unknown = There is no place of this name.
why-config = This setting cannot be used. Nothing was changed.
why-lineage = The history here and at a copy, or of a database, are not one any more.
why-rule-residency = The rules of this tenant do not let its data go there.
why-source = The folder or database cannot be used.
why-capture-source = This is a row of a database that goes on by itself.
why-disk-full = There is no space left on the disk.
why-store-locked = Another program has this store open.
why-cron = This is not a schedule.
help-document = Search for it under Find, deleted ones included.
help-time = Write it like 2018-09-18, 2018-09-18 14:02, yesterday 14:00 or 2 days ago.
help-plan = Make the plan again and look at it again.
help-sheet = Compare it with the paper, group by group.
help-remote = Look at it under Settings: dir:/path, or rclone:NAME:PATH.
help-lineage = See both sides under Realign; nothing is lost.
help-disk = Free some space; nothing was half-written.
help-back = Go back, correct it and try again.
error-exactly = Exactly
note-foreign-title = Another site asked for this
note-foreign-text = Nothing was changed. Open the page itself and do it there.
note-form-title = This form is not one of ours, or too old
note-form-text = Nothing was changed. Go back, load the page again and repeat it.
note-long-title = This form is too long
note-long-text = A form has at most 1 MiB. Nothing was changed.
note-slow-title = This form did not arrive in time
note-slow-text = Nothing was changed. Try it again.
note-nowhere-title = There is no such page
note-nowhere-text = The address may be mistyped. The first page leads everywhere.
note-failed-title = The program failed at this
note-failed-text = Nothing was half-written.
note-many-title = Too many wrong secrets of late
note-many-text = Wait a minute and try again.
moment-words = now=now
doing-forget = Giving up what no rule keeps { $subject }
doing-compact = Taking what was forgotten off { $subject }
doing-apply = Carrying out what was decided
column-left = Can be put back
deleted-stays = as long as you like
deleted-held = held by
deleted-gone = bytes given up
deleted-any-day = until the rules are looked at next
deleted-days =
    { $n ->
        [one] { $count } day
       *[other] { $count } days
    }
proof-attest = A statement to hand over
proof-attest-what = What is held, where the copies are and how old they are, signed by this site. Whoever has it can hold the site to it later.
proof-attest-do = Download the statement
proof-attest-later = Checked later, with the copies, by
deleted-tenants = Dropped tenants
deleted-tenant-back = Bring { $name } back
problem-brake = Most documents of { $about } were changed or removed at once
problem-brake-do = Nothing is given up or taken off the copies until somebody has looked. Recording and shipping go on, and the state before has a mark.
brake-back = Plan the way back
brake-reason = Why it was meant
brake-lift = It was meant: let the rules work again
problem-policy = A rule about where the data of { $about } may lie is not kept
problem-policy-do = See which place, and what the rule says.
problem-nowhere = Too few places may have the data of { $about }
problem-nowhere-do = See which place may have them, and add one or change the rule.
problem-erasure = What was erased by law is still at { $about }
problem-erasure-do = Ship to it; where it is away, bring it back.
first-interrupted = A rebuild did not come to its end
first-interrupted-what = { $n ->
    [one] The program or the machine ended while the site was brought back. { $count } change is back so far.
   *[other] The program or the machine ended while the site was brought back. { $count } changes are back so far.
}
first-interrupted-lost = Nothing is lost: what was brought back is whole, and the copy still has everything. It lies in
first-resume = Go on
first-resume-what = What is there stays; only the rest is fetched.
first-resume-do = Go on where it was
first-anew = Begin anew
first-anew-what = What was brought back here is removed. The copy elsewhere is not touched.
first-anew-sure = Remove what is here of it
first-anew-do = Begin anew
