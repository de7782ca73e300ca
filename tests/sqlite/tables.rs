//! Every kind of table and every way in which pages surprise: what was captured, made again, is what the database is.

use crate::support::{dump, site};

/// Captures after `setup` and after each step, which is one transaction. Says how many rows each step changed.
fn follow(setup: &str, steps: &[&str]) -> Vec<u64> {
    let site = site();
    let app = site.app(&format!("PRAGMA journal_mode = WAL; {setup}"));
    let first = site.capture();
    assert_eq!((first.transactions, first.merged_intervals), (1, 0), "{setup}");
    assert_eq!(site.restored(), dump(&app), "{setup}");
    let mut changed = Vec::new();
    for step in steps {
        app.execute_batch(step).unwrap_or_else(|e| panic!("{step}: {e}"));
        let seen = site.capture();
        assert_eq!(seen.merged_intervals, 0, "{step}");
        assert_eq!(site.restored(), dump(&app), "{setup} ... {step}");
        changed.push(seen.added + seen.changed + seen.removed);
    }
    changed
}

const MANY: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)";

#[test]
fn tables_of_every_kind() {
    let fill = format!("{MANY} INSERT INTO t SELECT i, 'name ' || i, i * 1.5, randomblob(i % 50) FROM n;");
    let steps = [
        "UPDATE t SET b = 'other' WHERE a % 100 = 0",
        "DELETE FROM t WHERE a BETWEEN 300 AND 1200",
        "INSERT INTO t SELECT a + 5000, b, c, d FROM t",
        "INSERT OR REPLACE INTO t VALUES (5, 'again', 3.0, zeroblob(20000))",
        "UPDATE t SET d = randomblob(9000) WHERE a = 7",
        "DELETE FROM t",
        "INSERT INTO t VALUES (1, NULL, 1e300, x''), (2, '', -0.5, NULL)",
    ];
    for table in [
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c REAL, d BLOB)",
        "CREATE TABLE t (a INT PRIMARY KEY, b TEXT, c REAL, d BLOB)",
        "CREATE TABLE t (a INTEGER PRIMARY KEY DESC, b TEXT, c REAL, d BLOB)",
        "CREATE TABLE t (a INT, b TEXT, c REAL, d BLOB, PRIMARY KEY (c, a DESC)) WITHOUT ROWID",
        "CREATE TABLE t (a INTEGER, b TEXT UNIQUE ON CONFLICT REPLACE, c REAL, d BLOB, PRIMARY KEY (b, a))",
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c REAL, d BLOB) STRICT",
        "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT DEFAULT 'x', c REAL, d BLOB); CREATE INDEX i ON t (b, c)",
    ] {
        let changed = follow(&format!("{table}; {fill}"), &steps);
        // Where the text is unique, 20 rows become one under another key.
        let wanted = if table.contains("UNIQUE") { [21, 891] } else { [20, 901] };
        assert_eq!(changed[..2], wanted, "{table}");
    }
}

#[test]
fn a_table_without_a_key_is_known_by_its_rowid() {
    let changed = follow(
        "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (1, 'x'), (NULL, x'00')",
        &["DELETE FROM t WHERE rowid = 2", "UPDATE t SET b = 'y' WHERE a = 1", "INSERT INTO t VALUES (1.0, 'z')"],
    );
    assert_eq!(changed, [1, 1, 1]);
}

#[test]
fn rows_with_null_in_their_key_stay_apart() {
    let changed = follow(
        "CREATE TABLE t (a TEXT PRIMARY KEY, b)",
        &["INSERT INTO t VALUES (NULL, 1), (NULL, 2), ('null', 3), ('', 4)", "DELETE FROM t WHERE b = 2"],
    );
    assert_eq!(changed, [4, 1]);
}

#[test]
fn page_sizes_encodings_and_vacuums() {
    let table = "CREATE TABLE t (a TEXT PRIMARY KEY, b TEXT, c BLOB)";
    let fill = format!("{MANY} INSERT INTO t SELECT 'nøkkel ' || i, 'verdi 😀 ' || i, randomblob(i % 700) FROM n;");
    let steps = ["DELETE FROM t WHERE length(c) > 400", "UPDATE t SET b = b || b", "INSERT INTO t VALUES ('x', 'y', zeroblob(100000))"];
    for size in [512, 1024, 2048, 8192, 16_384, 32_768, 65_536] {
        follow(&format!("PRAGMA page_size = {size}; {table}; {fill}"), &steps);
    }
    for pragma in ["encoding = 'UTF-16le'", "encoding = 'UTF-16be'", "auto_vacuum = FULL", "auto_vacuum = INCREMENTAL"] {
        follow(&format!("PRAGMA {pragma}; PRAGMA journal_mode = WAL; {table}; {fill}"), &[&steps[..], &["PRAGMA incremental_vacuum"]].concat());
    }
}

#[test]
fn vacuum_changes_no_row() {
    let fill = format!("{MANY} INSERT INTO t SELECT 'k' || i, randomblob(100) FROM n;");
    let changed = follow(&format!("CREATE TABLE t (a TEXT PRIMARY KEY, b); {fill}"), &["DELETE FROM t WHERE a LIKE '%7'", "VACUUM"]);
    assert_eq!(changed, [200, 0]);
}

#[test]
fn the_schema_moves_with_its_rows() {
    let changed = follow(
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); INSERT INTO t VALUES (1, 'one'), (2, 'two')",
        &[
            "ALTER TABLE t ADD COLUMN c INT DEFAULT 7",
            "INSERT INTO t VALUES (3, 'three', 8)",
            "ALTER TABLE t RENAME COLUMN b TO name",
            "ALTER TABLE t DROP COLUMN c",
            "ALTER TABLE t RENAME TO u",
            "CREATE INDEX i ON u (name); CREATE VIEW v AS SELECT name FROM u; CREATE TRIGGER g AFTER DELETE ON u BEGIN SELECT 1; END",
            "BEGIN; CREATE TABLE n (a INTEGER PRIMARY KEY, name TEXT NOT NULL, d DEFAULT 'd'); INSERT INTO n SELECT a, name, 1 FROM u; \
             DROP VIEW v; DROP TABLE u; ALTER TABLE n RENAME TO u; COMMIT",
            "PRAGMA user_version = 12",
            "PRAGMA application_id = 99",
            "DROP TABLE u",
        ],
    );
    assert_eq!(changed[0], 0, "rows that were there lack the new column");
    assert_eq!(changed[7..9], [0, 0]);
}

#[test]
fn generated_columns_are_made_again() {
    follow(
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b INT, c INT AS (b * 2) VIRTUAL, d INT AS (b * 3) STORED, e TEXT); INSERT INTO t (b, e) VALUES (1, 'x')",
        &["UPDATE t SET b = 5", "INSERT INTO t (b) VALUES (9)"],
    );
}

#[test]
fn a_full_text_index_is_built_again() {
    follow(
        "CREATE VIRTUAL TABLE f USING fts5(title, body); INSERT INTO f VALUES ('one', 'some text'); \
         CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT); CREATE VIRTUAL TABLE e USING fts5(b, content='t', content_rowid='a')",
        &[
            "INSERT INTO f VALUES ('two', 'more')",
            "INSERT INTO t VALUES (1, 'outside'); INSERT INTO e(e) VALUES ('rebuild')",
            "DELETE FROM f WHERE title = 'one'",
        ],
    );
}

#[test]
fn what_was_rolled_back_never_was() {
    let site = site();
    let app = site.app("PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY, b); PRAGMA cache_size = 5");
    site.capture();
    // A transaction that outgrows its cache is in the log before it is rolled back.
    let spill = format!("BEGIN; {MANY} INSERT INTO t SELECT i, randomblob(500) FROM n; ROLLBACK");
    app.execute_batch(&spill).expect("rolled back");
    assert_eq!(site.capture().receipt, None);
    app.execute_batch("INSERT INTO t VALUES (1, 'kept')").expect("insert");
    let seen = site.capture();
    assert_eq!((seen.added, seen.transactions, site.restored()), (1, 1, dump(&app)));
}

#[test]
fn a_blob_that_is_written_in_place() {
    let site = site();
    let app = site.app("PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, zeroblob(50000))");
    site.capture();
    let mut blob = app.blob_open("main", "t", "b", 1, false).expect("blob");
    blob.write_at(b"in the middle", 30_000).expect("write");
    drop(blob);
    let seen = site.capture();
    assert_eq!((seen.changed, seen.transactions, site.restored()), (1, 1, dump(&app)));
}

#[test]
fn who_and_why_stand_in_the_batch() {
    let site = site();
    let app = site.app("PRAGMA journal_mode = WAL; CREATE TABLE annals_context (actor TEXT, reason TEXT); CREATE TABLE t (a INTEGER PRIMARY KEY)");
    site.capture();
    app.execute_batch("BEGIN; INSERT INTO annals_context VALUES ('806', 'stock count'); INSERT INTO t VALUES (1); COMMIT; INSERT INTO t VALUES (2)")
        .expect("insert");
    assert_eq!(site.capture().transactions, 2);
    let batches = site.store.batches(2, 3, 9).expect("batches");
    let said: Vec<_> = batches.iter().map(|b| (b.event.actor.as_str(), b.event.reason.as_str())).collect();
    assert_eq!(said, [("806", "stock count"), ("", "")]);
    assert!(batches[0].event.origin.starts_with("sqlite:"));
}

#[test]
fn only_some_tables_and_keys_that_look_like_others() {
    let site = site();
    let app = site.app("PRAGMA journal_mode = WAL; CREATE TABLE \"a/b\" (k TEXT PRIMARY KEY, v); CREATE TABLE other (k)");
    app.execute_batch("INSERT INTO \"a/b\" VALUES ('x/y', 1), ('x%2Fy', 2), ('', 3)").expect("insert");
    let what = site.what().tables(&["a*".into()]);
    let seen = site.store.capture_sqlite(&what, &Default::default(), &annals::Silent).expect("capture");
    assert_eq!(seen.added, 3);
    assert_eq!(site.text("app/a%2Fb/x%2Fy"), r#"{"k":"x/y","v":1}"#);
    let refused = site.try_capture().expect_err("other tables");
    assert_eq!(refused.code(), "capture.tables");
}
