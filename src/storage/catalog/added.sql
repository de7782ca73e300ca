-- Tables and indexes that came to format 1 after the first stores were made. A store without them gets them when it is opened; a program
-- that does not know them leaves them alone.

-- How far consumers of the change feed are. One row for each partition of a consumer (or of a group that shares the work).
CREATE TABLE IF NOT EXISTS cursor (
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    team TEXT NOT NULL,                  -- the group, '' where none
    partition INTEGER NOT NULL,          -- from 0
    partitions INTEGER NOT NULL,
    seq INTEGER NOT NULL,                -- the last batch that is done
    digest BLOB NOT NULL,                -- of that batch, so that another line of history is noticed
    within INTEGER NOT NULL,             -- how many changes of the batch after it are done
    member TEXT NOT NULL,                -- of the group, who works on it; '' where nobody
    until INTEGER NOT NULL,              -- when that member's lease ends, microseconds
    moved INTEGER NOT NULL,              -- when the cursor moved last, microseconds
    PRIMARY KEY (tenant, name, team, partition)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS cursor_member (
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    team TEXT NOT NULL,
    member TEXT NOT NULL,
    until INTEGER NOT NULL,              -- counts as gone from then on, microseconds
    PRIMARY KEY (tenant, name, team, member)
) WITHOUT ROWID;

-- Work of the agent: what it has to do, does, and did.
CREATE TABLE IF NOT EXISTS job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,                  -- capture, seal, ship, verify, drill, gc, forget, compact, apply
    subject TEXT NOT NULL,               -- which remote, capture or order
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

-- Removals, so that what is gone is listed without looking at what is there.
CREATE INDEX IF NOT EXISTS version_removed ON version (batch, place) WHERE content IS NULL;

-- Derived from remarks: holds that were not lifted. Nothing under one is forgotten.
CREATE TABLE IF NOT EXISTS hold (
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    prefix BLOB NOT NULL,
    until INTEGER,                       -- ends by itself then, microseconds; NULL: when it is lifted
    batch INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) WITHOUT ROWID;

-- Derived from remarks: tenants that were dropped and not brought back.
CREATE TABLE IF NOT EXISTS dropped (
    tenant INTEGER PRIMARY KEY,
    until INTEGER NOT NULL,              -- microseconds: until then nothing of it goes
    batch INTEGER NOT NULL,              -- the batch that dropped it
    gone INTEGER                         -- the batch from which on all of its bytes are given up; NULL: they are there
);

-- What a sealing of a slice lacks and leans on. A slice without a row was noted by a program that did not know this table: its tail tells.
CREATE TABLE IF NOT EXISTS sealing (
    slice INTEGER PRIMARY KEY,
    absent INTEGER NOT NULL,             -- contents that it was sealed without
    bases BLOB NOT NULL                  -- numbers of the contents of earlier slices that its own are packed against, ascending
);

-- Objects that a remote holds and that nobody needs, because it holds the slice in another sealing. They go after a while.
CREATE TABLE IF NOT EXISTS retired (
    remote TEXT NOT NULL,
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    since INTEGER NOT NULL,              -- microseconds
    going INTEGER NOT NULL,              -- its removal was begun
    PRIMARY KEY (remote, tenant, name)
) WITHOUT ROWID;

-- What was proved of the local store and of each remote, the newest of each kind and subject.
CREATE TABLE IF NOT EXISTS proof (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,                  -- verify, patrol, remote, drill
    subject TEXT NOT NULL,               -- which remote; '' for the local store
    deep INTEGER NOT NULL,               -- everything was read, not only looked at
    well INTEGER NOT NULL,
    items INTEGER NOT NULL,              -- contents, objects or batches
    bytes INTEGER NOT NULL,              -- read back
    rto REAL,                            -- of a drill, seconds until the rebuilt store could be used
    rpo INTEGER,                         -- of a drill, seconds of changes that would have been lost
    said TEXT NOT NULL                   -- what was wrong, '' where nothing was
);
CREATE INDEX IF NOT EXISTS proof_of ON proof (kind, subject, id);

-- Subjects whose contents can be erased, and what is left of those that were.
CREATE TABLE IF NOT EXISTS subject (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    place INTEGER NOT NULL,              -- from 0: 64 neighbours share a key object
    name BLOB,                           -- the part of keys of documents that names it; NULL once it was erased
    key_id BLOB,                         -- names its key; NULL until its contents are sealed for the first time
    key BLOB,                            -- its key; NULL until then, and once it was erased
    tombstone BLOB,                      -- NULL until it was erased
    UNIQUE (tenant, place)
);
CREATE INDEX IF NOT EXISTS subject_name ON subject (tenant, name) WHERE name IS NOT NULL;
CREATE INDEX IF NOT EXISTS subject_key ON subject (tenant, key_id) WHERE key_id IS NOT NULL;

-- Contents that belong to a subject: those that came to documents under a prefix that was declared erasable.
CREATE TABLE IF NOT EXISTS content_subject (content INTEGER PRIMARY KEY, subject INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS content_subject_of ON content_subject (subject, content);

-- The key object of each group of subjects as it was made last. Absent where the group has changed since.
CREATE TABLE IF NOT EXISTS key_object (
    tenant INTEGER NOT NULL,
    place INTEGER NOT NULL,              -- of its subjects, divided by 64
    name TEXT NOT NULL,
    object BLOB NOT NULL,
    PRIMARY KEY (tenant, place)
) WITHOUT ROWID;

-- Key objects that may lie at a remote: a row comes before the object is sent, and goes after it was seen to be gone.
CREATE TABLE IF NOT EXISTS key_held (
    remote TEXT NOT NULL,
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    stored INTEGER NOT NULL,             -- it was read back
    PRIMARY KEY (remote, tenant, name)
) WITHOUT ROWID;

-- What was wrong in a proof that failed, in its order, as far as it is kept.
CREATE TABLE IF NOT EXISTS proof_problem (
    proof INTEGER NOT NULL,
    n INTEGER NOT NULL,                  -- from 0 on
    said TEXT NOT NULL,
    PRIMARY KEY (proof, n)
) WITHOUT ROWID;
