//! A database that went back in time: noticed before anything is recorded on top of it.

use std::fs;

use annals::base::machine::Machine;
use annals::{Kind, Silent, Store};
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

/// What is in the files of a database while its application has it open, put back as a power cut leaves it: the log as `cut` makes it of what it
/// was, and no index of it.
fn power_cut(site: &Site, app: Connection, cut: impl FnOnce(&mut Vec<u8>)) -> Connection {
    let name = |ending: &str| site.path(&format!("app.db{ending}"));
    let (file, mut log) = (fs::read(name("")).expect("read"), fs::read(name("-wal")).expect("read"));
    drop(app);
    cut(&mut log);
    fs::write(name(""), file).expect("written");
    fs::write(name("-wal"), log).expect("written");
    let _ = fs::remove_file(name("-shm"));
    open(&name(""))
}

/// Bytes of a frame of the log.
const FRAME: usize = 24 + 4096;

/// 20 rows, each changed by a transaction of its own, all of it captured and none of it folded in.
fn rows() -> (Site, Connection) {
    let site = site();
    let app = site.app("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)");
    app.execute_batch("WITH RECURSIVE n (id) AS (SELECT 1 UNION SELECT id + 1 FROM n WHERE id < 20) INSERT INTO t SELECT id, 'old' FROM n")
        .expect("rows");
    site.capture();
    for id in 1..=10 {
        app.execute("UPDATE t SET a = 'new' WHERE id = ?", [id]).expect("changed");
    }
    assert_eq!(site.capture().transactions, 10);
    (site, app)
}

#[test]
fn a_power_cut_that_took_captured_commits_is_noticed() {
    // How many commits the application makes after it: none, fewer than were lost, as many, more.
    for more in [0_u32, 1, 4, 9] {
        let (site, app) = rows();
        let app = power_cut(&site, app, |log| log.truncate(log.len() - 4 * FRAME));
        for id in 11..11 + more {
            app.execute("UPDATE t SET a = 'after' WHERE id = ?", [id]).expect("changed");
        }
        let refused = site.try_capture().expect_err("behind");
        let verdict = if more == 0 { "lineage.behind" } else { "lineage.forked" };
        assert_eq!(refused.code(), verdict, "{more}: {refused}");
        let behind = site.store.status().expect("status").captures[0].behind.clone().expect("behind");
        assert_eq!((behind.transactions, behind.rows, behind.only_here), (4, 4, u64::from(more)), "{more}");
        assert_eq!(site.try_capture().expect_err("still").code(), verdict);
        assert!(site.text("app/t/10").contains("new") && site.text("app/t/11").contains("old"), "nothing was recorded on top");
    }
}

#[test]
fn a_log_that_is_damaged_within_what_was_captured_is_noticed_when_it_is_read_again() {
    let (site, app) = rows();
    // SQLite takes the log up to the damage, and writes on from there: what stands at the end is a frame that was captured, and is of no use.
    let app = power_cut(&site, app, |log| {
        let at = log.len() - 3 * FRAME + 24;
        log[at..at + 64].fill(0xa5);
    });
    app.execute("UPDATE t SET a = 'after' WHERE id = 11", []).expect("changed");
    assert_eq!(site.try_capture().expect_err("behind").code(), "lineage.forked");
    let behind = site.store.status().expect("status").captures[0].behind.clone().expect("behind");
    assert_eq!((behind.transactions, behind.rows, behind.only_here), (3, 3, 1));
}

#[test]
fn a_power_cut_that_took_nothing_that_was_captured_is_none_of_our_business() {
    let (site, app) = rows();
    // What its application did not sync, and nobody captured.
    app.execute("UPDATE t SET a = 'unseen' WHERE id = 12", []).expect("changed");
    let app = power_cut(&site, app, |log| log.truncate(log.len() - FRAME));
    app.execute("UPDATE t SET a = 'after' WHERE id = 11", []).expect("changed");
    let done = site.capture();
    assert_eq!((done.transactions, done.merged_intervals, done.changed), (1, 0, 1));
    site.restored();
}

#[test]
fn after_a_start_of_the_machine_a_log_that_began_again_proves_nothing() {
    for (boot, seen) in [("one", (1, 0)), ("two", (0, 1))] {
        let (mut site, app) = rows();
        let reopen = |site: &mut Site, boot: &str| {
            let machine = Machine { id: "0123456789ab".into(), boot: boot.into(), name: "here".into() };
            site.store = Store::init(site.path("other"), "test").expect("another, so that this one is closed");
            site.store = Store::builder().machine(machine).open(&site.path("store")).expect("open");
            fs::remove_dir_all(site.path("other")).expect("removed");
        };
        reopen(&mut site, "one");
        app.execute("UPDATE t SET a = 'seen' WHERE id = 13", []).expect("changed");
        assert_eq!(site.capture().transactions, 1);
        app.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).expect("folded in");
        app.execute("UPDATE t SET a = 'after' WHERE id = 11", []).expect("changed");
        reopen(&mut site, boot);
        let done = site.capture();
        assert_eq!((done.transactions, done.merged_intervals), seen, "{boot}");
        assert!(site.text("app/t/11").contains("after"));
        app.execute("UPDATE t SET a = 'one by one' WHERE id = 12", []).expect("changed");
        assert_eq!(site.capture().transactions, 1);
    }
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
