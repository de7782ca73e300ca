//! The database of any moment made again: base images byte for byte, every captured transaction row for row.

use annals::{Moment, Silent};
use rusqlite::Connection;

use crate::rows::reserve;
use crate::support::{Site, dump, open, site};

/// Captures with the base image while some pages are only in the log, and compares it with the file once they are in there.
fn image_is_the_file(site: &Site, app: &Connection) {
    let seen = site.store.capture_sqlite(&site.what().image(true), &Default::default(), &Silent).expect("capture");
    assert_eq!(seen.transactions, 1);
    app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("checkpoint");
    let file = std::fs::read(site.path("app.db")).expect("the file");
    app.execute_batch("UPDATE t SET b = 'later'").expect("update");
    site.capture();
    let report = site.store.at(&Moment::Seq(1)).expect("view").restore_database(b"app/", &site.path("old.db"), true, &Silent).expect("restore");
    assert!(report.exact, "{report:?}");
    assert!(std::fs::read(site.path("old.db")).expect("restored") == file, "byte for byte");
    assert_eq!(site.restored(), dump(app));
}

const TABLE: &str = "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c BLOB); CREATE INDEX i ON t (b)";
const FILL: &str =
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t SELECT i, 'ø ' || i, randomblob(i * 7 % 900) FROM n";

#[test]
fn base_images_are_the_pages_byte_for_byte() {
    for size in [512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536] {
        for more in ["", "PRAGMA encoding = 'UTF-16le';", "PRAGMA auto_vacuum = FULL;"] {
            let site = site();
            let app = site.app(&format!("PRAGMA page_size = {size}; {more} PRAGMA journal_mode = WAL; {TABLE}"));
            app.execute_batch(&format!("{FILL}; DELETE FROM t WHERE a % 5 = 0")).expect("rows");
            image_is_the_file(&site, &app);
        }
    }
}

#[test]
fn reserved_bytes_stay_where_they_are() {
    let site = site();
    let app = reserve(open(&site.path("app.db")), &site.path("app.db"), &mut Vec::new());
    app.execute_batch(&format!("PRAGMA journal_mode = WAL; {TABLE}; {FILL}")).expect("tables");
    assert_eq!(std::fs::read(site.path("app.db")).expect("the file")[20], 32);
    image_is_the_file(&site, &app);
    app.execute_batch("DELETE FROM t WHERE a % 3 = 0; INSERT INTO t VALUES (1000, 'new', zeroblob(70000))").expect("changes");
    let seen = site.capture();
    assert_eq!((seen.transactions, seen.merged_intervals, seen.removed, seen.added), (2, 0, 100, 1));
    assert_eq!(site.restored(), dump(&app));
}

#[test]
fn every_captured_transaction_can_be_made_again() {
    let site = site();
    let app = site.app(&format!("PRAGMA journal_mode = WAL; {TABLE}; CREATE TABLE w (p, q, PRIMARY KEY (q, p)) WITHOUT ROWID"));
    let mut then = Vec::new();
    let mut keep = |site: &Site, app: &Connection| {
        let seen = site.capture();
        assert_eq!(seen.merged_intervals, 0);
        then.extend(seen.receipt.map(|receipt| (receipt.position.seq, dump(app))));
    };
    keep(&site, &app);
    for step in [
        FILL,
        "UPDATE t SET b = b || '!' WHERE a % 7 = 0",
        "INSERT INTO w SELECT a % 5, a FROM t",
        "ALTER TABLE t ADD COLUMN d INT DEFAULT 7",
        "INSERT INTO t VALUES (1000, 'with d', zeroblob(9000), 8)",
        "DELETE FROM w WHERE q % 2 = 0",
        "PRAGMA wal_checkpoint(RESTART)",
        "ALTER TABLE t RENAME COLUMN b TO name",
        "UPDATE t SET d = a WHERE a > 250",
        "DROP TABLE w",
        "VACUUM",
        "CREATE TABLE other (k TEXT PRIMARY KEY) WITHOUT ROWID",
        "INSERT INTO other VALUES ('æ'), ('ø')",
        "ALTER TABLE t DROP COLUMN c",
        "DELETE FROM t",
    ] {
        app.execute_batch(step).unwrap_or_else(|e| panic!("{step}: {e}"));
        keep(&site, &app);
    }
    assert!(then.len() > 12, "{} states", then.len());
    for (seq, wanted) in &then {
        let target = site.path(&format!("at {seq}.db"));
        site.store.at(&Moment::Seq(*seq)).expect("view").restore_database(b"app/", &target, false, &Silent).expect("restore");
        let made = open(&target);
        assert_eq!(made.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).expect("checked"), "ok", "at {seq}");
        assert_eq!(dump(&made), *wanted, "at {seq}");
    }
}

#[test]
fn attached_databases_each_have_their_history() {
    let site = site();
    let app = site.app("PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY)");
    let beside = site.path("beside.db");
    app.execute_batch(&format!(
        "ATTACH '{}' AS beside; PRAGMA beside.journal_mode = WAL; CREATE TABLE beside.u (b INTEGER PRIMARY KEY); CREATE TEMP TABLE v (c)",
        beside.display()
    ))
    .expect("attached");
    let other = annals::engine::capture::sqlite::SqliteCapture::new(&beside, b"beside");
    let take = || (site.capture(), site.store.capture_sqlite(&other, &Default::default(), &Silent).expect("capture"));
    take();
    app.execute_batch("BEGIN; INSERT INTO t VALUES (1), (2); INSERT INTO u VALUES (7); INSERT INTO v VALUES (0); COMMIT; INSERT INTO u VALUES (8)")
        .expect("transactions");
    let (here, there) = take();
    assert_eq!((here.transactions, here.added, here.merged_intervals), (1, 2, 0));
    assert_eq!((there.transactions, there.added, there.merged_intervals), (2, 2, 0));
    assert_eq!(site.restored(), dump(&open(&site.path("app.db"))));
    site.store.now().restore_database(b"beside/", &site.path("beside again.db"), false, &Silent).expect("restore");
    assert_eq!(dump(&open(&site.path("beside again.db"))), dump(&open(&beside)));
    assert!(site.store.get("app/v/rowid:1").is_err(), "what is temporary is not recorded");
}

#[test]
fn pages_of_another_size_are_another_file_and_the_same_rows() {
    let site = site();
    let app = site.app(&format!("PRAGMA page_size = 1024; {TABLE}; {FILL}"));
    site.capture();
    app.execute_batch("PRAGMA page_size = 8192; VACUUM").expect("vacuum");
    let seen = site.capture();
    assert_eq!((seen.added, seen.changed, seen.removed, seen.unchanged), (0, 0, 0, 300));
    assert_eq!(site.restored(), dump(&app));
    app.execute_batch("PRAGMA journal_mode = WAL").expect("mode");
    site.capture();
    app.execute_batch("DELETE FROM t WHERE a = 1; DELETE FROM t WHERE a = 2").expect("changes");
    assert_eq!((site.capture().transactions, site.restored()), (2, dump(&app)));
}
