//! Where transactions cannot be seen one by one: nothing is missed, and what is merged says so.

use annals::engine::plans::By;
use annals::{Kind, Silent};
use rusqlite::Connection;

use crate::support::{Site, dump, open, site};

const SETUP: &str = "PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY, b)";

fn add(app: &Connection, from: u64, to: u64) {
    for i in from..to {
        app.execute("INSERT INTO t VALUES (?, randomblob(300))", [i as i64]).expect("insert");
    }
}

fn counts(site: &Site, app: &Connection) -> (u64, u64, u64) {
    let seen = site.capture();
    assert_eq!(site.restored(), dump(app));
    (seen.added, seen.transactions, seen.merged_intervals)
}

#[test]
fn checkpoints_of_the_application_lose_nothing() {
    let site = site();
    let app = site.app(SETUP);
    counts(&site, &app);
    add(&app, 0, 10);
    assert_eq!(counts(&site, &app), (10, 10, 0));
    add(&app, 10, 13);
    app.execute_batch("PRAGMA wal_checkpoint(PASSIVE)").expect("checkpoint");
    add(&app, 13, 15);
    assert_eq!(counts(&site, &app), (5, 5, 0), "the log was started again, and its old end was still there");
    add(&app, 20, 23);
    app.execute_batch("PRAGMA wal_checkpoint(RESTART)").expect("checkpoint");
    assert_eq!(counts(&site, &app), (3, 3, 0));
    app.execute_batch("PRAGMA wal_checkpoint(RESTART)").expect("checkpoint");
    add(&app, 30, 31);
    assert_eq!(counts(&site, &app), (1, 1, 0));
}

#[test]
fn a_log_that_was_overtaken_is_one_merged_interval() {
    let site = site();
    let app = site.app(SETUP);
    counts(&site, &app);
    for round in 0..3 {
        add(&app, round * 10, round * 10 + 8);
        app.execute_batch("PRAGMA wal_checkpoint(RESTART)").expect("checkpoint");
    }
    add(&app, 100, 101);
    assert_eq!(counts(&site, &app), (25, 0, 1));
    let batch = site.store.batches(0, 0, 9).expect("batches").pop().expect("a batch");
    assert!(batch.event.reason.starts_with("merged interval") && batch.event.origin.ends_with("(merged interval)"), "{batch:?}");
    add(&app, 200, 203);
    assert_eq!(counts(&site, &app), (3, 3, 0), "from there on one by one again");
}

#[test]
fn a_log_that_is_cut_or_removed_is_bridged() {
    let site = site();
    let app = site.app(SETUP);
    counts(&site, &app);
    add(&app, 0, 4);
    app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("checkpoint");
    assert_eq!(counts(&site, &app), (4, 0, 1));
    app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("checkpoint");
    assert_eq!(site.capture().receipt, None, "nothing changed, so nothing is recorded");
    add(&app, 10, 12);
    drop(app);
    let app = open(&site.path("app.db"));
    assert_eq!(counts(&site, &app).0, 2, "the last connection removed the log");
    assert_eq!(site.capture().receipt, None);
}

#[test]
fn without_a_log_every_look_is_a_comparison() {
    let site = site();
    let app = site.app("CREATE TABLE t (a INTEGER PRIMARY KEY, b)");
    assert_eq!(counts(&site, &app), (0, 1, 0));
    add(&app, 0, 1);
    assert_eq!(counts(&site, &app), (1, 1, 0), "the header counts: it was one transaction");
    add(&app, 1, 4);
    assert_eq!(counts(&site, &app), (3, 0, 1));
    assert_eq!((site.capture().bytes_read, site.capture().receipt), (0, None), "a file that was not touched is not read");
    app.execute_batch("PRAGMA journal_mode = WAL").expect("mode");
    site.capture();
    add(&app, 10, 12);
    assert_eq!(counts(&site, &app), (2, 2, 0));
    app.execute_batch("PRAGMA journal_mode = DELETE").expect("mode");
    add(&app, 20, 22);
    assert_eq!(counts(&site, &app).0, 2);
    for mode in ["TRUNCATE", "PERSIST", "MEMORY"] {
        app.execute_batch(&format!("PRAGMA journal_mode = {mode}")).expect("mode");
        app.execute_batch("UPDATE t SET b = randomblob(10) WHERE a = 20").expect("update");
        let seen = site.capture();
        assert_eq!((seen.changed, site.restored()), (1, dump(&app)), "{mode}");
    }
}

#[test]
fn a_lost_image_costs_a_comparison_of_rows() {
    let site = site();
    let app = site.app(SETUP);
    add(&app, 0, 50);
    counts(&site, &app);
    std::fs::remove_dir_all(site.path("store/captures")).expect("remove");
    app.execute_batch("DELETE FROM t WHERE a = 7; UPDATE t SET b = 1 WHERE a = 8; INSERT INTO t VALUES (99, 2)").expect("changes");
    let seen = site.capture();
    assert_eq!((seen.added, seen.changed, seen.removed, seen.unchanged), (1, 1, 1, 48));
    assert_eq!(site.restored(), dump(&app));
    add(&app, 200, 202);
    assert_eq!(counts(&site, &app), (2, 2, 0));
}

#[test]
fn many_transactions_are_one_durable_commit_each_its_own_batch() {
    let site = site();
    let app = site.app(SETUP);
    counts(&site, &app);
    add(&app, 0, 500);
    app.execute_batch("UPDATE t SET b = 0 WHERE a = 3; UPDATE t SET b = 1 WHERE a = 3; DELETE FROM t WHERE a = 3; INSERT INTO t VALUES (3, 2)")
        .expect("changes");
    let seen = site.capture();
    assert_eq!((seen.transactions, seen.merged_intervals), (504, 0));
    let history = site.store.history("app/t/3").expect("history");
    let values: Vec<u64> = history.iter().map(|v| v.number).collect();
    assert_eq!(values, [1, 2, 3, 4]);
    assert!(history[2].removed && history[3].until.is_none());
    assert_eq!(site.restored(), dump(&app));
}

#[test]
fn what_is_no_database_or_not_to_be_had_is_told() {
    let site = site();
    assert_eq!(site.try_capture().expect_err("missing").code(), "source.missing");
    std::fs::write(site.path("app.db"), b"").expect("write");
    assert_eq!(site.try_capture().expect_err("empty").code(), "source.empty");
    std::fs::write(site.path("app.db"), [0xa7; 8192]).expect("write");
    let foreign = site.try_capture().expect_err("encrypted");
    assert_eq!((foreign.kind(), foreign.code()), (Kind::Usage, "source.not_sqlite"));
    assert!(foreign.what_next().is_some_and(|hint| hint.contains("encrypted")), "{foreign:?}");
    std::fs::remove_file(site.path("app.db")).expect("remove");
    std::fs::create_dir(site.path("app.db")).expect("folder");
    assert_eq!(site.try_capture().expect_err("folder").code(), "source.not_file");
}

#[test]
fn nothing_is_written_to_the_files_of_the_application() {
    for mode in ["WAL", "DELETE"] {
        let site = site();
        let app = site.app(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE t (a INTEGER PRIMARY KEY, b)"));
        let files = || {
            let mut names: Vec<_> = site.dir.path().read_dir().expect("folder").flatten().map(|entry| entry.file_name()).collect();
            names.retain(|name| name.to_string_lossy().starts_with("app.db") && !name.to_string_lossy().ends_with("-shm"));
            names.sort();
            names.into_iter().map(|name| (std::fs::read(site.dir.path().join(&name)).expect("read"), name)).collect::<Vec<_>>()
        };
        for round in 0..4 {
            add(&app, round * 10, round * 10 + 5);
            if round == 2 {
                // Where pages have to be compared, too.
                app.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("checkpoint");
            }
            let before = files();
            assert_eq!(site.capture().added, 5, "{mode}");
            assert!(files() == before, "{mode}, round {round}: the database or its log was written to");
        }
        assert_eq!(site.restored(), dump(&app));
    }
}

#[test]
fn the_writer_is_never_kept_waiting() {
    let site = site();
    let app = site.app(SETUP);
    app.busy_timeout(std::time::Duration::ZERO).expect("no patience");
    add(&app, 0, 2000);
    let (store, what) = (site.store.clone(), site.what());
    let capture = std::thread::spawn(move || store.capture_sqlite(&what, &Default::default(), &annals::Silent).map(|_| ()));
    let mut next = 10_000;
    while !capture.is_finished() {
        add(&app, next, next + 1);
        next += 1;
    }
    capture.join().expect("thread").expect("capture");
    site.capture();
    assert_eq!(site.restored(), dump(&app));
}

/// What a power cut leaves of an image: what was written to it since its last sync is not there.
#[test]
fn what_an_image_lost_with_the_power_comes_back_and_stays_one_by_one() {
    let site = site();
    let app = site.app(SETUP);
    counts(&site, &app);
    let captured = std::fs::read_dir(site.path("store/captures")).expect("captures").next().expect("one").expect("entry").path();
    let image = captured.join("image");
    let mut next = 0;
    let mut one_more = || {
        // All on one page, so that a redo left out would be made good by none of the later ones.
        app.execute("INSERT INTO t VALUES (?, zeroblob(1500))", [next]).expect("insert");
        next += 1;
    };
    for looks in [1, 16, 17, 40] {
        let what = site.what();
        let by = By::default();
        let mut follower = site.store.follow_sqlite(&what, &by, &Silent).expect("follow");
        let mut synced = std::fs::read(&image).expect("image");
        for look in 1..=looks {
            // The one before is synced on the way into the one after.
            if look > 1 && (look - 1) % 16 == 0 {
                synced = std::fs::read(&image).expect("image");
            }
            one_more();
            assert_eq!(follower.look().expect("look").transactions, 1);
        }
        drop(follower);
        std::fs::write(&image, &synced).expect("lost");
        one_more();
        assert_eq!(counts(&site, &app), (1, 1, 0), "after {looks} looks");
    }
    app.execute("INSERT INTO t VALUES (1000, zeroblob(3000000))", []).expect("long");
    assert_eq!(counts(&site, &app), (1, 1, 0));
    assert!(!captured.join("redo-long").exists(), "it needs no space any more");
    // Without the redos nobody knows what the image is of.
    one_more();
    counts(&site, &app);
    for entry in captured.read_dir().expect("directory").flatten().filter(|e| e.file_name() != "image") {
        std::fs::remove_file(entry.path()).expect("remove");
    }
    one_more();
    assert_eq!(counts(&site, &app), (1, 0, 1));
}
