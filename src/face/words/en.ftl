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
keys-title = Keys
keys-search = Search
keys-rows = Up and down the rows
keys-enter = Open the row
keys-steps = Earlier and later
keys-compare = Compare
keys-plan = Plan: put back or take back
keys-undo = Undo what was done last
keys-now = Back to now
keys-help = These keys
keys-back = Close, or go back
