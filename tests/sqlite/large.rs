//! A database that grows past 1 GiB: SQLite never uses the page at that place, in which it locks bytes.

use std::fs::File;
use std::os::unix::fs::FileExt;

use rusqlite::Connection;

use crate::support::{Site, dump, open, site};

const PAGE: u64 = 65_536;
/// The page in which the first byte after 1 GiB lies.
const LOCKED: u64 = (1 << 30) / PAGE + 1;
const SETUP: &str = "PRAGMA page_size = 65536; CREATE TABLE early (id INTEGER PRIMARY KEY, text TEXT); \
    CREATE TABLE late (id INTEGER PRIMARY KEY, text TEXT, more BLOB); INSERT INTO early VALUES (1, 'a'), (2, 'b')";

/// A database that ends just before 1 GiB, nearly all of it a hole of pages that nothing uses.
fn nearly() -> (Site, Connection) {
    let site = site();
    drop(site.app(SETUP));
    let file = File::options().write(true).open(site.path("app.db")).expect("the file");
    file.set_len((LOCKED - 1) * PAGE).expect("a hole");
    file.write_all_at(&((LOCKED - 1) as u32).to_be_bytes(), 28).expect("the header");
    drop(file);
    let app = open(&site.path("app.db"));
    (site, app)
}

/// Adds rows that need pages of their own.
fn grow(app: &Connection, from: u32) {
    for id in from..from + 4 {
        app.execute("INSERT INTO late VALUES (?1, printf('%.*c', 30000, 'x') || ?1, randomblob(100000))", [id]).expect("row");
    }
}

fn pages(app: &Connection) -> u64 {
    app.query_row("PRAGMA page_count", [], |row| row.get(0)).map(i64::unsigned_abs).expect("pages")
}

#[test]
fn rows_beyond_one_gib_are_captured_from_the_log_and_by_comparison() {
    let (site, app) = nearly();
    app.execute_batch("PRAGMA journal_mode = WAL").expect("a log");
    assert_eq!((site.capture().added, pages(&app)), (2, LOCKED - 1));
    // Across the place, in the log: the page that is never used is in no frame, and the file ends before it.
    grow(&app, 1);
    app.execute_batch("UPDATE early SET text = 'A' WHERE id = 1").expect("update");
    assert!(pages(&app) > LOCKED);
    let seen = site.capture();
    assert_eq!((seen.added, seen.changed, seen.transactions, seen.merged_intervals), (4, 1, 5, 0));
    assert_eq!(site.restored(), dump(&app));
    // The image is lost while the pages are still in the log alone: all of it is read.
    let captures = site.store.dir().join("captures");
    std::fs::remove_dir_all(&captures).expect("lost");
    assert_eq!(site.capture().receipt, None, "nothing differs");
    // Folded in, with another transaction that nobody saw, and compared page by page.
    app.execute_batch("DELETE FROM late WHERE id = 2").expect("delete");
    grow(&app, 5);
    app.execute_batch("PRAGMA journal_mode = DELETE; UPDATE early SET text = 'B' WHERE id = 2").expect("no log");
    let seen = site.capture();
    assert_eq!((seen.added, seen.changed, seen.removed, seen.merged_intervals), (4, 1, 1, 1));
    assert_eq!(site.restored(), dump(&app));
}
