//! A database that an application uses: its transactions become history, a mistake is taken back in the live database, and the whole database
//! comes back as it was.

use annals::engine::capture::sqlite::SqliteCapture;
use annals::{By, Moment, OnConflict, Silent, Store};

/// Run with `cargo run --example capture_sqlite`.
pub fn main() -> annals::Result<()> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (file, old) = (dir.path().join("stock.db"), dir.path().join("old.db"));
    // The application. It knows nothing of Annals.
    let app = rusqlite::Connection::open(&file).expect("a database");
    app.execute_batch(
        "PRAGMA journal_mode = WAL; CREATE TABLE item (id TEXT PRIMARY KEY, price INT); INSERT INTO item VALUES ('apple', 10), ('pear', 12)",
    )
    .expect("tables");

    let store = Store::init(dir.path().join("history"), "shop")?;
    let what = SqliteCapture::new(&file, b"stock");
    let first = store.capture_sqlite(&what, &By::default(), &Silent)?;
    assert_eq!(first.added, 2);

    // Two transactions, two batches; `watch_sqlite` follows them as they are committed.
    app.execute_batch("UPDATE item SET price = price * 100; INSERT INTO item VALUES ('plum', 15)").expect("a mistake");
    let seen = store.capture_sqlite(&what, &By::default(), &Silent)?;
    assert_eq!((seen.transactions, seen.merged_intervals), (2, 0));
    assert_eq!(store.get("stock/item/apple")?.bytes(1024)?, br#"{"id":"apple","price":1000}"#);

    // The mistake is taken back where it was made; what came later stays.
    let plan = store.undo(2)?;
    let applied = store.apply_to_source(&plan, OnConflict::Skip, &By { actor: "806".into(), ..By::default() }, &Silent)?;
    assert_eq!((applied.done, applied.pending.len()), (2, 0));
    let total: i64 = app.query_row("SELECT sum(price) FROM item", [], |r| r.get(0)).expect("a sum");
    assert_eq!(total, 10 + 12 + 15);

    // The database as it was with the mistake in it.
    let then = store.at(&Moment::Seq(2))?;
    assert_eq!(then.restore_database(b"stock/", &old, false, &Silent)?.rows, 2);
    Ok(())
}
