-- The catalogue, format 1. Ids carry their tenant: id = tenant << 40 | number within the tenant, so the rows of a tenant lie together
-- and a single-tenant store (tenant 0) has small ids. Documents, contents and batches are numbered in the order of the log; every reader
-- of the log arrives at the same numbers, and segments use them.

CREATE TABLE fact (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE tenant (
    id INTEGER PRIMARY KEY,
    public BLOB NOT NULL UNIQUE,         -- TenantId, the name of its folder offsite
    name TEXT NOT NULL UNIQUE,
    keyring BLOB NOT NULL,               -- its key, sealed under the site secret
    timeline BLOB NOT NULL,
    parent BLOB,                         -- Position that the timeline starts from: timeline, seq, digest
    seq INTEGER NOT NULL,                -- of the last batch
    digest BLOB NOT NULL,                -- of the last batch
    time INTEGER NOT NULL,               -- of the last batch
    documents INTEGER NOT NULL,          -- how many are numbered
    contents INTEGER NOT NULL            -- how many are numbered
);

CREATE TABLE document (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    key BLOB NOT NULL,
    versions INTEGER NOT NULL,           -- how many there have been
    latest INTEGER,                      -- batch of the last put or removal
    content INTEGER,                     -- of the current version, NULL while removed
    last_content INTEGER,                -- of the last put, also when removed since
    seen BLOB,                           -- what capture saw last, so that an unchanged file is not read again
    UNIQUE (tenant, key)
);

CREATE TABLE content (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    form INTEGER NOT NULL,               -- 0 the bytes (compressed), 1 root node of its chunk list, 2 place in a pack
    body BLOB NOT NULL
);
-- The first 8 bytes of the digest: random 32-byte index keys cost twice the writes.
CREATE INDEX content_digest ON content (substr(digest, 1, 8));

-- Small contents that were added together, compressed together. Numbered like the first content in it.
CREATE TABLE pack (id INTEGER PRIMARY KEY, body BLOB NOT NULL);

CREATE TABLE batch (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    time INTEGER NOT NULL,               -- microseconds, never before the batch before
    clock_behind INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    origin TEXT NOT NULL,
    request TEXT NOT NULL,
    cause INTEGER NOT NULL,
    cause_seq INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    digest BLOB NOT NULL,
    documents INTEGER NOT NULL,          -- numbered so far, with this batch
    contents INTEGER NOT NULL            -- numbered so far, with this batch
);
CREATE INDEX batch_time ON batch (tenant, time);
CREATE UNIQUE INDEX batch_request ON batch (tenant, request) WHERE request <> '';
CREATE INDEX batch_cause ON batch (tenant, cause_seq) WHERE cause_seq <> 0;

-- Puts and removals. The existence of a version ends where the next row of its document begins.
CREATE TABLE version (
    document INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    place INTEGER NOT NULL,              -- within the batch, from 0
    number INTEGER NOT NULL,             -- of the version, from 1; a removal carries the number it ends
    content INTEGER,                     -- NULL: a removal
    meta BLOB,                           -- NULL: none
    PRIMARY KEY (document, batch)
) WITHOUT ROWID;
CREATE INDEX version_batch ON version (batch, place);

-- Changes that are neither put nor removal, as their canonical bytes.
CREATE TABLE remark (
    batch INTEGER NOT NULL,
    place INTEGER NOT NULL,
    document INTEGER,
    body BLOB NOT NULL,
    PRIMARY KEY (batch, place)
) WITHOUT ROWID;

-- Derived from remarks: the newest state of each reference, the newest meaning of each mark.
CREATE TABLE reference (
    tenant INTEGER NOT NULL,
    system TEXT NOT NULL,
    external TEXT NOT NULL,
    document INTEGER NOT NULL,
    state TEXT NOT NULL,
    irrevocable INTEGER NOT NULL,
    expires INTEGER,
    batch INTEGER NOT NULL,
    PRIMARY KEY (tenant, system, external, document)
) WITHOUT ROWID;
CREATE INDEX reference_document ON reference (document);

CREATE TABLE mark (
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    seq INTEGER NOT NULL,                -- the last batch that the mark includes
    PRIMARY KEY (tenant, name)
) WITHOUT ROWID;

-- Batches that are being collected over several commands.
CREATE TABLE draft (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    started INTEGER NOT NULL,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE TABLE draft_change (
    draft INTEGER NOT NULL,
    key BLOB NOT NULL,
    digest BLOB,                         -- NULL: a removal
    size INTEGER NOT NULL,
    form INTEGER NOT NULL,
    body BLOB NOT NULL,
    meta BLOB NOT NULL,
    PRIMARY KEY (draft, key)
) WITHOUT ROWID;

-- Sealed slices of the log and the objects they travel as. A slice that was sealed again, because its objects were not at hand for
-- another remote, has a second row with the same batches; the newest is the one to ship.
CREATE TABLE slice (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL
);
CREATE INDEX slice_first ON slice (tenant, first);
CREATE TABLE object (
    name TEXT NOT NULL,                  -- within the tenant's folder
    slice INTEGER NOT NULL,
    part INTEGER NOT NULL,
    size INTEGER NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (slice, part)
) WITHOUT ROWID;

-- Which remote holds which object, known because it was read back.
CREATE TABLE held (
    remote TEXT NOT NULL,
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (remote, tenant, name)
) WITHOUT ROWID;

-- How many deltas lie below a content as it was sent. Absent: sent whole.
CREATE TABLE chain (content INTEGER PRIMARY KEY, depth INTEGER NOT NULL);

-- Resemblance features of contents, to find a base for new documents that are like known ones.
CREATE TABLE sketch (
    tenant INTEGER NOT NULL,
    feature INTEGER NOT NULL,
    content INTEGER NOT NULL,
    PRIMARY KEY (tenant, feature, content)
) WITHOUT ROWID;

-- Measured on each remote: what the line carries.
CREATE TABLE line (remote TEXT PRIMARY KEY, bytes_per_sec REAL NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
