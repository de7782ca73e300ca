//! What cannot be captured, or not one by one: it is said, and nothing goes missing without a word.

use std::fs;
use std::os::unix::fs::FileExt;

use annals::Kind;
use rusqlite::Connection;

use crate::support::{Site, dump, open, site};

const SETUP: &str = "PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY, b)";

/// Turns a bit of a file in use.
fn turn(site: &Site, name: &str, at: u64) {
    let file = fs::File::options().read(true).write(true).open(site.path(name)).expect("open");
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).expect("read");
    file.write_all_at(&[byte[0] ^ 1], at).expect("written");
}

fn log_bytes(site: &Site) -> u64 {
    fs::metadata(site.path("app.db-wal")).expect("a log").len()
}

#[test]
fn a_damaged_log_is_told_and_what_was_in_it_is_bridged() {
    let site = site();
    let app = site.app(SETUP);
    site.capture();
    app.execute_batch("INSERT INTO t VALUES (1, 'whole')").expect("insert");
    // In the checksum of the first frame of the second transaction; SQLite looks at those only when it opens a log that nobody has open.
    let damage = log_bytes(&site) + 18;
    app.execute_batch("INSERT INTO t VALUES (2, 'damaged'); INSERT INTO t VALUES (3, 'behind')").expect("insert");
    turn(&site, "app.db-wal", damage);
    let told = site.try_capture().expect_err("damaged");
    assert_eq!((told.kind(), told.code()), (Kind::Failed, "source.log_damaged"));
    assert!(told.to_string().contains("app.db") && told.what_next().is_some_and(|hint| hint.contains("wal_checkpoint")), "{told:?}");
    assert_eq!(site.text("app/t/1"), r#"{"a":1,"b":"whole"}"#, "what comes before it is recorded");
    assert_eq!(site.try_capture().expect_err("still").code(), "source.log_damaged");
    app.execute_batch("INSERT INTO t VALUES (4, 'on'); PRAGMA wal_checkpoint(RESTART); INSERT INTO t VALUES (5, 'next')").expect("on");
    let seen = site.capture();
    assert_eq!((seen.added, seen.merged_intervals), (4, 1));
    assert_eq!(site.restored(), dump(&app));
    app.execute_batch("INSERT INTO t VALUES (6, 'one by one')").expect("on");
    assert_eq!((site.capture().transactions, site.restored()), (1, dump(&app)));
}

#[test]
fn a_log_whose_header_is_damaged_is_no_log() {
    let site = site();
    let app = site.app(SETUP);
    app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("checkpoint");
    site.capture();
    app.execute_batch("INSERT INTO t VALUES (1, 1); INSERT INTO t VALUES (2, 2)").expect("insert");
    assert_eq!(site.capture().transactions, 2);
    turn(&site, "app.db-wal", 25);
    // Whoever opened the database now would see what was before it, and so do we: that is told, and nothing is recorded on top.
    let position = site.store.position().expect("position");
    let told = site.try_capture().expect_err("older");
    assert_eq!((told.code(), site.store.position().expect("position")), ("lineage.behind", position));
    app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("checkpoint");
    let seen = site.capture();
    assert_eq!((seen.receipt, site.restored()), (None, dump(&app)));
    app.execute_batch("INSERT INTO t VALUES (3, 3)").expect("on");
    assert_eq!((site.capture().added, site.restored()), (1, dump(&app)));
}

#[test]
fn a_database_that_its_application_holds_for_itself() {
    let site = site();
    let app = site.app(SETUP);
    site.capture();
    // As long as its log goes on, that is read all the same.
    app.execute_batch("PRAGMA locking_mode = EXCLUSIVE; INSERT INTO t VALUES (1, 1); INSERT INTO t VALUES (2, 2)").expect("held");
    let seen = site.capture();
    assert_eq!((seen.added, seen.transactions, seen.merged_intervals), (2, 2, 0));
    // Where pages have to be compared we need to be let in.
    app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO t VALUES (3, 3)").expect("on");
    let told = site.try_capture().expect_err("locked");
    assert_eq!((told.kind(), told.code()), (Kind::Locked, "source.locked"));
    assert!(told.what_next().is_some_and(|hint| hint.contains("EXCLUSIVE")), "{told:?}");
    app.execute_batch("PRAGMA locking_mode = NORMAL; INSERT INTO t VALUES (4, 4)").expect("let go");
    let seen = site.capture();
    assert_eq!((seen.added, seen.merged_intervals, site.restored()), (2, 1, dump(&app)));
}

#[test]
fn a_transaction_that_was_cut_short_is_left_to_the_application() {
    let site = site();
    let app = site.app("PRAGMA cache_size = 2; CREATE TABLE t (a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 'whole')");
    app.execute_batch(
        "BEGIN; WITH RECURSIVE n(i) AS (VALUES (2) UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT i, zeroblob(900) FROM n",
    )
    .expect("half");
    // What a machine leaves that lost its power now.
    fs::create_dir(site.path("left")).expect("folder");
    for name in ["app.db", "app.db-journal"] {
        fs::copy(site.path(name), site.path("left").join(name)).expect("copy");
    }
    let left = annals::engine::capture::sqlite::SqliteCapture::new(site.path("left/app.db"), b"left");
    let take = || site.store.capture_sqlite(&left, &Default::default(), &annals::Silent);
    let told = take().expect_err("unfinished");
    assert_eq!((told.kind(), told.code()), (Kind::Failed, "source.unfinished"));
    assert!(told.what_next().is_some_and(|hint| hint.contains("start the application")), "{told:?}");
    let repaired = open(&site.path("left/app.db"));
    assert_eq!(repaired.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)).expect("repaired"), 1);
    assert_eq!(take().expect("captured").added, 1);
}

/// Writes a definition into the schema that SQLite would not have written.
fn define(app: &Connection, sql: &str) {
    app.execute_batch(&format!("PRAGMA writable_schema = ON; {sql}; PRAGMA writable_schema = RESET")).expect("defined");
}

#[test]
fn a_schema_that_cannot_be_read_is_named() {
    let site = site();
    let app = site.app(&format!("{SETUP}; CREATE TABLE odd (x); INSERT INTO t VALUES (1, 1)"));
    site.capture();
    app.execute_batch("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = 'CREATE TABLE odd (x INT, (' WHERE name = 'odd'").expect("odd");
    app.execute_batch("INSERT INTO t VALUES (2, 2)").expect("insert");
    let position = site.store.position().expect("position");
    let told = site.try_capture().expect_err("a schema");
    assert!(told.to_string().contains("odd"), "{told:?}");
    assert!(told.what_next().is_some(), "{told:?}");
    assert!(site.store.position().expect("position").seq <= position.seq + 1, "nothing is recorded that was not understood");
    app.execute_batch("UPDATE sqlite_schema SET sql = 'CREATE TABLE odd (x)' WHERE name = 'odd'; PRAGMA writable_schema = RESET").expect("mended");
    site.capture();
    assert_eq!(site.restored(), dump(&app), "and nothing is missing afterwards");
}

#[test]
fn a_virtual_table_whose_module_is_unknown_is_left_out() {
    let site = site();
    let app = site.app(&format!("{SETUP}; INSERT INTO t VALUES (1, 1)"));
    define(&app, "INSERT INTO sqlite_schema VALUES ('table', 'far', 'far', 0, 'CREATE VIRTUAL TABLE far USING nowhere(a, b)')");
    assert_eq!(site.capture().added, 1);
    app.execute_batch("INSERT INTO t VALUES (2, 2)").expect("insert");
    assert_eq!(site.capture().added, 1);
    let report = site.store.now().restore_database(b"app/", &site.path("again.db"), true, &annals::Silent).expect("restore");
    assert!(report.missing.iter().any(|what| what.contains("far")), "{report:?}");
    let rows: i64 = open(&site.path("again.db")).query_row("SELECT count(*) FROM t", [], |row| row.get(0)).expect("rows");
    assert_eq!(rows, 2);
}

#[test]
fn a_vacuum_gives_rows_without_a_key_new_names() {
    let site = site();
    let app = site.app("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES ('x'), ('y'), ('x'), ('z')");
    site.capture();
    app.execute_batch("DELETE FROM t WHERE rowid IN (1, 2)").expect("deleted");
    site.capture();
    app.execute_batch("VACUUM").expect("vacuum");
    let seen = site.capture();
    assert_eq!((seen.added, seen.removed, seen.merged_intervals), (2, 2, 0), "{seen:?}");
    assert_eq!((site.text("app/t/rowid:1"), site.restored()), (r#"{"a":"x"}"#.to_owned(), dump(&app)));
}
