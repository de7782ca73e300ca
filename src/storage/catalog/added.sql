-- Tables that came after format 1 was first written. Programs that do not know them leave them alone; they are made where they are missing.

-- Work of the agent: what it has to do, does, and did.
CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,                  -- capture, seal, ship, verify, drill, gc
    subject TEXT NOT NULL,               -- which remote, which capture
    lane TEXT NOT NULL,                  -- jobs of a lane are done one after the other
    priority INTEGER NOT NULL,           -- lower goes first
    state TEXT NOT NULL,
    not_before INTEGER NOT NULL,
    created INTEGER NOT NULL,
    started INTEGER,                     -- of the last try
    ended INTEGER,
    attempts INTEGER NOT NULL,           -- tries that count
    holder TEXT NOT NULL,                -- who runs it
    beat INTEGER NOT NULL,               -- grows while the holder lives
    wish TEXT NOT NULL,                  -- what a person wants of it while it runs: pause, cancel
    said TEXT NOT NULL,                  -- why it waits, what it failed of, or what it did
    code TEXT NOT NULL,                  -- the code of the error that said so
    phase TEXT NOT NULL,
    items INTEGER NOT NULL,
    items_total INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    bytes_total INTEGER NOT NULL,
    bytes_per_sec INTEGER NOT NULL,      -- over the last 30 seconds of work
    moved INTEGER                        -- when it last got further
);
CREATE INDEX IF NOT EXISTS job_ready ON job (lane, state, priority, not_before);
CREATE INDEX IF NOT EXISTS job_ended ON job (ended) WHERE ended IS NOT NULL;

-- Bytes shipped in each quarter of an hour (counted from 1970): what is left of an allowance, and how the line was used.
CREATE TABLE IF NOT EXISTS traffic (
    slot INTEGER NOT NULL,
    remote TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (slot, remote)
) WITHOUT ROWID;

-- What is known of each remote from the last attempts to use it.
CREATE TABLE IF NOT EXISTS contact (
    remote TEXT PRIMARY KEY,
    good INTEGER,                        -- when it last answered
    since INTEGER,                       -- since when it has not
    code TEXT NOT NULL,
    said TEXT NOT NULL
) WITHOUT ROWID;

-- Problems that people were told of, until they are solved.
CREATE TABLE IF NOT EXISTS told (problem TEXT PRIMARY KEY, at INTEGER NOT NULL, said TEXT NOT NULL) WITHOUT ROWID;
