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
moment-then = You look at { $when }. Nothing here can be changed by looking.
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
