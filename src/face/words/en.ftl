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
home-no-limit = Nobody said how long that may be: set stale_after in the settings.
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
home-jobs-wait =
    { $n ->
        [one] { $count } job waits
       *[other] { $count } jobs wait
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
left-title = You have left
left-text = Nobody can use these pages in this browser any more. The command annals ui lets you in again.
