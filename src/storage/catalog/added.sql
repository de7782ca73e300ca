-- Tables that came to format 1 after the first stores were made. A store without them gets them when it is opened; a program that does not
-- know them leaves them alone.

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
