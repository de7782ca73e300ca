//! A database that went back in time: noticed before anything is recorded on top of it.

use std::fs;

use annals::{Kind, Silent};
use rusqlite::Connection;

use crate::support::{Site, dump, open, site};

/// A stock ledger: 15 came in, 2 and 3 went out. The copy was made before the last.
fn ledger() -> (Site, Connection) {
    let site = site();
    let app = site.app(
        "PRAGMA journal_mode = WAL; CREATE TABLE stock_line (id TEXT PRIMARY KEY, quantity INT); \
         CREATE TABLE movement (id INTEGER PRIMARY KEY, line TEXT, change INT); INSERT INTO stock_line VALUES ('a', 0)",
    );
    site.capture();
    moved(&app, 15);
    site.capture();
    moved(&app, -2);
    site.capture();
    app.execute_batch(&format!("VACUUM INTO '{}'", site.path("old.db").display())).expect("copy");
    moved(&app, -3);
    site.capture();
    (site, app)
}

fn moved(app: &Connection, change: i64) {
    let text = format!(
        "BEGIN; INSERT INTO movement (line, change) VALUES ('a', {change}); UPDATE stock_line SET quantity = quantity + {change} WHERE id = 'a'; COMMIT"
    );
    app.execute_batch(&text).expect("moved");
}

fn put_back(site: &Site, app: Connection) {
    drop(app);
    for name in ["app.db", "app.db-wal", "app.db-shm"] {
        let _ = fs::remove_file(site.path(name));
    }
    fs::copy(site.path("old.db"), site.path("app.db")).expect("restored");
}

#[test]
fn an_older_copy_is_noticed_and_nothing_is_recorded_on_top() {
    let (site, app) = ledger();
    let before = site.store.position().expect("position");
    put_back(&site, app);
    let refused = site.try_capture().expect_err("behind");
    assert_eq!((refused.kind(), refused.code()), (Kind::Refused, "lineage.behind"));
    assert_eq!(refused.to_string(), "app is behind its history by 1 transaction");
    assert!(refused.what_next().is_some_and(|hint| hint.contains("annals realign")));
    assert_eq!(site.store.position().expect("position"), before);
    let status = site.store.status().expect("status");
    let behind = status.captures[0].behind.clone().expect("behind");
    assert_eq!((behind.seq, behind.head, behind.transactions, behind.rows, behind.only_here), (3, 4, 1, 2, 0));
    assert_eq!(site.store.seal(&Default::default(), &Silent).expect_err("fenced").code(), "lineage.behind");
    assert_eq!(site.try_capture().expect_err("still").code(), "lineage.behind");
    assert!(site.text("app/stock_line/a").contains("10"), "the history is as it was");
    let differing = site.store.compare_database(b"app/", &Silent).expect("compare");
    let text = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|b| String::from_utf8_lossy(b).into_owned());
    let rows: Vec<_> = differing.iter().map(|d| (d.key.as_slice(), text(&d.recorded), text(&d.there))).collect();
    assert_eq!(rows[0], (&b"app/movement/3"[..], Some(r#"{"id":3,"line":"a","change":-3}"#.into()), None));
    assert_eq!(rows[1], (&b"app/stock_line/a"[..], Some(r#"{"id":"a","quantity":10}"#.into()), Some(r#"{"id":"a","quantity":13}"#.into())));
}

#[test]
fn what_is_written_after_it_went_back_is_counted() {
    let (site, app) = ledger();
    put_back(&site, app);
    let app = open(&site.path("app.db"));
    app.execute_batch("INSERT INTO stock_line VALUES ('b', 7)").expect("insert");
    let refused = site.try_capture().expect_err("forked");
    assert_eq!((refused.kind(), refused.code()), (Kind::Refused, "lineage.forked"));
    let behind = site.store.status().expect("status").captures[0].behind.clone().expect("behind");
    assert_eq!((behind.seq, behind.transactions, behind.only_here), (3, 1, 1));
}

#[test]
fn several_transactions_back_is_found_as_far_as_it_is() {
    let (site, app) = ledger();
    for change in [1, 2, 3, 4] {
        moved(&app, change);
        site.capture();
    }
    put_back(&site, app);
    site.try_capture().expect_err("behind");
    let behind = site.store.status().expect("status").captures[0].behind.clone().expect("behind");
    assert_eq!((behind.seq, behind.transactions, behind.only_here), (3, 5, 0));
}

#[test]
fn the_right_database_put_back_ends_it() {
    let (site, app) = ledger();
    app.execute_batch(&format!("VACUUM INTO '{}'", site.path("new.db").display())).expect("copy");
    put_back(&site, app);
    site.try_capture().expect_err("behind");
    fs::copy(site.path("new.db"), site.path("app.db")).expect("the right one");
    let seen = site.capture();
    assert_eq!((seen.receipt, seen.merged_intervals), (None, 0));
    assert_eq!(site.store.status().expect("status").captures[0].behind, None);
    let app = open(&site.path("app.db"));
    app.execute_batch("PRAGMA journal_mode = WAL").expect("mode");
    site.capture();
    moved(&app, 5);
    assert_eq!((site.capture().transactions, site.restored()), (1, dump(&app)));
}

#[test]
fn a_database_that_moved_on_unseen_is_no_older_one() {
    let (site, app) = ledger();
    for change in [1, 2, 3] {
        moved(&app, change);
    }
    app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("checkpoint");
    let seen = site.capture();
    assert_eq!((seen.merged_intervals, seen.added, seen.changed), (1, 3, 1));
    assert_eq!(site.restored(), dump(&app));
}
