//! A captured database and its store on one machine: what goes back in time together, apart, and while a shipment is under way.

use std::collections::BTreeMap;
use std::path::Path;

use annals::base::digest::Digest;
use annals::base::machine::Machine;
use annals::base::time::Timestamp;
use annals::engine::capture::DatabaseRealigned;
use annals::engine::capture::sqlite::{SqliteCapture, SqliteCaptured};
use annals::engine::feed::Start;
use annals::model::lineage::Fate;
use annals::model::realign::{DatabaseRealign, Keep};
use annals::storage::remote::{Fault, Remote, Verb};
use annals::{By, Result, Silent, Store};
use rusqlite::Connection;

use crate::support::{BEGIN, DAY, Host, World, quick, sound, standing, world};

const TABLES: &str = "PRAGMA journal_mode = WAL; CREATE TABLE item (id INTEGER PRIMARY KEY, n INT, note TEXT); \
    CREATE TABLE entry (id TEXT PRIMARY KEY, text TEXT)";

impl World {
    /// The application's database, open as the application has it.
    fn app(&self) -> Connection {
        let connection = Connection::open(self.path("app.db")).expect("open");
        connection.execute_batch("PRAGMA synchronous = OFF").expect("pragma");
        connection
    }

    fn try_take(&self, store: &Store) -> Result<SqliteCaptured> {
        self.minute();
        store.capture_sqlite(&SqliteCapture::new(self.path("app.db"), b"app"), &By::default(), &Silent)
    }

    fn take(&self, store: &Store) -> SqliteCaptured {
        self.try_take(store).expect("captured")
    }

    /// A transaction of the application, captured.
    fn does(&self, store: &Store, app: &Connection, sql: &str) {
        app.execute_batch(&format!("BEGIN; {sql}; COMMIT")).expect("transaction");
        assert_eq!(self.take(store).transactions, 1, "{sql}");
    }

    /// Copies the database, as a backup does.
    fn backup(&self, app: &Connection, name: &str) {
        app.execute_batch(&format!("VACUUM INTO '{}'", self.path(name).display())).expect("copy");
    }

    /// Puts a copy in the place of the database.
    fn put_database_back(&self, app: Connection, name: &str) -> Connection {
        drop(app);
        for name in ["app.db", "app.db-wal", "app.db-shm"] {
            let _ = std::fs::remove_file(self.path(name));
        }
        std::fs::copy(self.path(name), self.path("app.db")).expect("restored");
        self.app()
    }

    fn plan_database(&self, store: &Store) -> DatabaseRealign {
        store.plan_realign_database(b"app/", Keep::Both, &By::default(), &Silent).expect("plan").expect("out of line")
    }

    fn realign_database(&self, store: &Store) -> DatabaseRealigned {
        let plan = self.plan_database(store);
        store.realign_database(&plan, &By::default(), &Silent).expect("realigned")
    }

    /// The database and its history say the same, and go on so.
    fn in_line(&self, store: &Store, app: &Connection) {
        assert_eq!(self.take(store).receipt, None, "in line");
        assert_eq!(self.restored(store, "again.db"), rows(app));
        self.does(store, app, "INSERT OR REPLACE INTO entry VALUES ('in line', hex(randomblob(8)))");
        assert_eq!(self.restored(store, "again.db"), rows(app));
        sound(store);
    }

    fn restored(&self, store: &Store, name: &str) -> Vec<String> {
        let report = store.now().restore_database(b"app/", &self.path(name), true, &Silent).expect("restore");
        assert_eq!(report.missing, Vec::<String>::new());
        rows(&Connection::open(self.path(name)).expect("open"))
    }
}

/// Every row, as text.
fn rows(app: &Connection) -> Vec<String> {
    let text = "SELECT 'item ' || id || ' ' || n || ' ' || coalesce(note, '-') FROM item UNION ALL SELECT 'entry ' || id || ' ' || text FROM entry ORDER BY 1";
    let mut statement = app.prepare(text).expect("rows");
    statement.query_map([], |row| row.get(0)).expect("rows").map(|row| row.expect("row")).collect()
}

fn number(app: &Connection, sql: &str) -> i64 {
    app.query_row(sql, [], |row| row.get(0)).expect(sql)
}

#[test]
fn thirty_days_of_work_on_an_older_copy() {
    let w = world();
    let store = w.init(&w.host("a"), "s");
    let app = w.app();
    app.execute_batch(&format!("{TABLES}; INSERT INTO item VALUES (1, 0, 'base')")).expect("tables");
    w.take(&store);
    w.backup(&app, "old.db");
    for day in 0..30 {
        w.clock.advance(DAY);
        w.does(&store, &app, &format!("INSERT INTO entry VALUES ('recorded {day:02}', 'x'); UPDATE item SET n = {day}"));
        w.shipped(&store);
    }
    let app = w.put_database_back(app, "old.db");
    for day in 0..30 {
        w.clock.advance(DAY);
        app.execute_batch(&format!("BEGIN; INSERT INTO entry VALUES ('here {day:02}', 'y'); UPDATE item SET note = 'day {day}'; COMMIT"))
            .expect("work");
        assert_eq!(w.try_take(&store).expect_err("refused").code(), "lineage.forked", "day {day}");
        assert_eq!(w.refused(&store).code(), "lineage.forked", "nothing is shipped on day {day}");
    }
    let plan = w.plan_database(&store);
    assert_eq!((plan.common, plan.transactions), (1, 30));
    assert_eq!([Fate::Recovered, Fate::Kept, Fate::Conflict].map(|fate| plan.count(fate)), [30, 30, 1]);
    let done = store.realign_database(&plan, &By::default(), &Silent).expect("realigned");
    assert!(done.open.is_empty(), "one side changed the number, the other the note: {done:?}");
    assert_eq!(number(&app, "SELECT count(*) FROM entry"), 60);
    assert_eq!(number(&app, "SELECT count(*) FROM item WHERE n = 29 AND note = 'day 29'"), 1);
    w.in_line(&store, &app);
    w.goes_on(&store, "s");
}

#[test]
fn one_row_in_a_hundred_in_conflict() {
    let w = world();
    let store = w.init(&w.host("a"), "s");
    let app = w.app();
    let fill = "WITH RECURSIVE i(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM i WHERE n < 2000) INSERT INTO item SELECT n, 0, 'base' FROM i";
    app.execute_batch(&format!("{TABLES}; {fill}")).expect("tables");
    w.take(&store);
    w.backup(&app, "old.db");
    w.does(&store, &app, "UPDATE item SET n = 1 WHERE id <= 1020");
    let app = w.put_database_back(app, "old.db");
    w.try_take(&store).expect_err("behind");
    app.execute_batch("UPDATE item SET n = 2 WHERE id > 1000").expect("work");
    assert_eq!(w.try_take(&store).expect_err("forked").code(), "lineage.forked");
    let plan = w.plan_database(&store);
    assert_eq!([Fate::Conflict, Fate::Recovered, Fate::Kept].map(|fate| plan.count(fate)), [20, 1000, 980]);
    assert_eq!(plan.open().count(), 20);
    let done = store.realign_database(&plan, &By::default(), &Silent).expect("realigned");
    // The same field of both sides: the history's stays, each such row is named, and the other value is in the batch of the database as it was found.
    assert_eq!(done.open.len(), 20);
    assert_eq!([1, 2].map(|n| number(&app, &format!("SELECT count(*) FROM item WHERE n = {n}"))), [1020, 980]);
    let found = store.at(&annals::Moment::Seq(done.found.expect("as found"))).expect("view").get("app/item/1010").expect("row");
    assert!(String::from_utf8_lossy(&found.bytes(100).expect("bytes")).contains("\"n\":2"));
    w.in_line(&store, &app);
}

#[test]
fn a_copy_is_put_back_in_the_middle_of_a_shipment() {
    let w = world();
    let store = w.init(&w.host("a"), "s");
    let app = w.app();
    app.execute_batch(TABLES).expect("tables");
    w.take(&store);
    w.shipped(&store);
    w.backup(&app, "old.db");
    // Many parts, and the line breaks before the last of them.
    w.does(&store, &app, "INSERT INTO entry SELECT value, hex(randomblob(30000)) FROM (WITH RECURSIVE i(value) AS (VALUES (1) UNION ALL SELECT value + 1 FROM i WHERE value < 300) SELECT value FROM i)");
    let mut parts = quick();
    parts.seal.object_bytes_max = 100_000;
    w.memory.inject(Verb::Store, 3, 100, Fault::Drop);
    w.minute();
    store.ship(&w.remote, &parts, &Silent).expect_err("the line broke");
    w.memory.heal();
    let there = w.memory.inner().names().len();
    let app = w.put_database_back(app, "old.db");
    app.execute_batch("INSERT INTO entry VALUES ('here', 'y')").expect("work");
    w.try_take(&store).expect_err("noticed");
    assert_eq!(w.refused(&store).code(), "lineage.forked", "what is under way waits as well");
    assert_eq!(w.memory.inner().names().len(), there);
    let done = w.realign_database(&store);
    assert_eq!((done.open.len(), number(&app, "SELECT count(*) FROM entry")), (0, 301));
    w.in_line(&store, &app);
    w.goes_on(&store, "s");
}

#[test]
fn the_same_copy_is_put_back_twice() {
    let w = world();
    let store = w.init(&w.host("a"), "s");
    let app = w.app();
    app.execute_batch(TABLES).expect("tables");
    w.take(&store);
    w.does(&store, &app, "INSERT INTO entry VALUES ('kept', 'x')");
    w.backup(&app, "old.db");
    w.does(&store, &app, "INSERT INTO entry VALUES ('lost', 'x')");
    let mut app = w.put_database_back(app, "old.db");
    for name in ["first", "second"] {
        app.execute_batch(&format!("INSERT INTO entry VALUES ('{name}', 'y')")).expect("work");
        assert_eq!(w.try_take(&store).expect_err("noticed").code(), "lineage.forked", "{name}");
        w.realign_database(&store);
        w.in_line(&store, &app);
        w.shipped(&store);
        if name == "first" {
            app = w.put_database_back(app, "old.db");
        }
    }
    let found: Vec<String> = rows(&app).into_iter().map(|row| row.split(' ').nth(1).expect("a key").to_owned()).collect();
    assert_eq!(found, ["first", "in", "kept", "lost", "second"], "nothing of any line is lost");
    w.goes_on(&store, "s");
}

#[test]
fn clocks_that_are_set_back_decide_nothing() {
    let w = world();
    let store = w.init(&w.host("a"), "s");
    let app = w.app();
    app.execute_batch(TABLES).expect("tables");
    w.take(&store);
    w.backup(&app, "old.db");
    w.does(&store, &app, "INSERT INTO entry VALUES ('lost', 'x')");
    // Set back without any rollback, it stops nothing; and the file may be older or newer than it says.
    w.clock.set(Timestamp(BEGIN - 400 * DAY));
    w.does(&store, &app, "INSERT INTO entry VALUES ('lost too', 'x')");
    let aged = |years: i64| {
        let file = std::fs::File::options().write(true).open(w.path("app.db")).expect("open");
        let now = std::time::SystemTime::now();
        let by = std::time::Duration::from_secs(years.unsigned_abs() * 31_557_600);
        file.set_modified(if years < 0 { now - by } else { now + by }).expect("set");
    };
    for years in [-3, 3] {
        aged(years);
        assert_eq!(w.take(&store).receipt, None, "{years}");
        w.does(&store, &app, &format!("INSERT INTO entry VALUES ('{years}', 'x')"));
    }
    w.shipped(&store);
    // The older copy says that it is of the future.
    let app = w.put_database_back(app, "old.db");
    aged(5);
    let refused = w.try_take(&store).expect_err("noticed");
    assert_eq!((refused.code(), refused.at().seq), ("lineage.behind", Some(1)));
    w.realign_database(&store);
    assert_eq!(number(&app, "SELECT count(*) FROM entry"), 4);
    w.in_line(&store, &app);
    w.goes_on(&store, "s");
}

#[test]
fn a_lost_store_is_rebuilt_and_the_database_is_gone_on_with() {
    let w = world();
    let host = w.host("a");
    let store = w.init(&host, "s");
    let app = w.app();
    let fill = "WITH RECURSIVE i(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM i WHERE n < 3000) INSERT INTO item SELECT n, n * n, hex(randomblob(40)) FROM i";
    app.execute_batch(&format!("{TABLES}; {fill}")).expect("tables");
    w.take(&store);
    w.backup(&app, "old.db");
    w.does(&store, &app, "UPDATE item SET n = -1 WHERE id <= 40");
    w.shipped(&store);
    drop(store);
    w.copy("s", "key");
    std::fs::remove_dir_all(w.path("s")).expect("lost");
    app.execute_batch("UPDATE item SET n = -2 WHERE id = 7; DELETE FROM item WHERE id = 8; INSERT INTO entry VALUES ('since', 'x')").expect("work");
    let store = w.rebuild(&host, "s", "key");
    // What was recorded is not recorded again: rows are compared, and what differs is one batch.
    let seen = w.take(&store);
    assert_eq!((seen.added, seen.changed, seen.removed, seen.merged_intervals), (1, 1, 1, 1));
    w.minute();
    let shipped = store.ship(&w.remote, &quick(), &Silent).expect("ship");
    assert!(shipped.bytes < 20_000, "no full upload: {shipped:?}");
    w.in_line(&store, &app);
    w.goes_on(&store, "s");
    // The store and then an older database: noticed all the same, from the rows alone.
    drop(store);
    std::fs::remove_dir_all(w.path("s")).expect("lost");
    let app = w.put_database_back(app, "old.db");
    let store = w.rebuild(&host, "s", "key");
    assert_eq!(w.try_take(&store).expect_err("older").code(), "lineage.behind");
    w.realign_database(&store);
    assert_eq!(number(&app, "SELECT n FROM item WHERE id = 7"), -2);
    w.in_line(&store, &app);
}

/// A machine whose disk went back: store, state and database together; what was recorded after that is offsite.
fn rolled_back(w: &World, own: Option<&str>) -> (Store, Connection) {
    let host = w.host("vm");
    let store = w.init(&host, "s");
    let app = w.app();
    app.execute_batch(&format!("{TABLES}; INSERT INTO item VALUES (1, 15, 'base'), (2, 15, 'base')")).expect("tables");
    w.take(&store);
    w.shipped(&store);
    w.backup(&app, "old.db");
    drop(store);
    w.copy("s", "snapshot");
    w.copy("state of vm", "state snapshot");
    let store = w.open(&host, "s");
    w.does(&store, &app, "UPDATE item SET n = 13 WHERE id = 1; INSERT INTO entry VALUES ('a', 'x')");
    w.does(&store, &app, "UPDATE item SET n = 10 WHERE id = 1; INSERT INTO entry VALUES ('b', 'x')");
    w.shipped(&store);
    drop(store);
    w.put_back("snapshot", "s");
    w.put_back("state snapshot", "state of vm");
    let app = w.put_database_back(app, "old.db");
    let rebooted = Host { machine: Machine { boot: "second boot".into(), ..host.machine.clone() }, ..host };
    let store = w.open(&rebooted, "s");
    assert_eq!(w.take(&store).receipt, None, "store and database agree: nothing here speaks against it");
    if let Some(sql) = own {
        app.execute_batch(sql).expect("work");
        w.take(&store);
    }
    (store, app)
}

#[test]
fn a_machine_that_was_rolled_back_with_its_database() {
    let w = world();
    let (store, app) = rolled_back(&w, None);
    assert_eq!(w.refused(&store).code(), "lineage.behind", "the remote notices");
    w.realign(&store, Keep::Both);
    // The store has what happened now, and the database lacks it: nothing may be recorded on top.
    let refused = w.try_take(&store).expect_err("the database went back too");
    assert_eq!((refused.code(), refused.at().seq), ("lineage.behind", Some(1)));
    assert_eq!(w.refused(&store).code(), "lineage.behind");
    let plan = w.plan_database(&store);
    assert_eq!((plan.common, plan.transactions, plan.count(Fate::Recovered)), (1, 2, 3));
    store.realign_database(&plan, &By::default(), &Silent).expect("realigned");
    assert_eq!((number(&app, "SELECT n FROM item WHERE id = 1"), number(&app, "SELECT count(*) FROM entry")), (10, 2));
    w.in_line(&store, &app);
    w.goes_on(&store, "s");
}

#[test]
fn a_machine_that_was_rolled_back_and_worked_with() {
    for keep in [Keep::Both, Keep::Theirs] {
        let w = world();
        let own =
            "UPDATE item SET n = 99 WHERE id = 2; UPDATE item SET note = 'own' WHERE id = 1; INSERT INTO entry VALUES ('own', 'x'), ('own too', 'x')";
        let (store, app) = rolled_back(&w, Some(own));
        assert_eq!(w.refused(&store).code(), "lineage.forked");
        w.realign(&store, keep);
        let refused = w.try_take(&store).expect_err("the database went back too");
        assert_eq!(refused.at().seq, Some(1), "{refused}");
        w.realign_database(&store);
        assert_eq!(number(&app, "SELECT count(*) FROM entry"), 4, "{keep:?}");
        assert_eq!(number(&app, "SELECT n FROM item WHERE id = 2"), 99, "{keep:?}");
        w.in_line(&store, &app);
        w.goes_on(&store, "s");
    }
}

#[test]
fn a_store_that_went_back_beside_a_database_that_did_not() {
    let w = world();
    let host = w.host("a");
    let store = w.init(&host, "s");
    let app = w.app();
    app.execute_batch(&format!("{TABLES}; INSERT INTO item VALUES (1, 0, 'base')")).expect("tables");
    w.take(&store);
    w.shipped(&store);
    drop(store);
    w.copy("s", "backup");
    let store = w.open(&host, "s");
    for n in 1..=5 {
        w.does(&store, &app, &format!("UPDATE item SET n = {n}; INSERT INTO entry VALUES ('{n}', 'x')"));
    }
    w.shipped(&store);
    drop(store);
    w.put_back("backup", "s");
    app.execute_batch("UPDATE item SET n = 6").expect("work");
    let store = w.open(&host, "s");
    assert_eq!(standing(&store).fence.expect("noticed").ours, 1);
    w.realign(&store, Keep::Both);
    let seen = w.take(&store);
    assert_eq!((seen.added, seen.changed, seen.removed), (0, 1, 0), "the database has all of it, and one row more");
    w.in_line(&store, &app);
    assert_eq!(number(&app, "SELECT n FROM item"), 6);
    w.goes_on(&store, "s");
}

#[test]
fn two_clones_of_a_machine_with_its_database() {
    let w = world();
    let host = w.host("a");
    let store = w.init(&host, "s");
    let app = w.app();
    app.execute_batch(&format!("{TABLES}; INSERT INTO item VALUES (1, 0, 'base')")).expect("tables");
    w.take(&store);
    w.shipped(&store);
    drop(store);
    w.copy("s", "clone");
    w.backup(&app, "clone.db");
    let store = w.open(&host, "s");
    w.does(&store, &app, "INSERT INTO entry VALUES ('original', 'x')");
    w.shipped(&store);
    drop((store, app));
    // The clone has the same path on a machine of its own.
    for name in ["app.db", "app.db-wal", "app.db-shm"] {
        let _ = std::fs::remove_file(w.path(name));
    }
    std::fs::copy(w.path("clone.db"), w.path("app.db")).expect("the clone's database");
    let app = w.app();
    let clone = w.open(&w.host("b"), "clone");
    app.execute_batch("INSERT INTO entry VALUES ('clone', 'x')").expect("work");
    w.take(&clone);
    let refused = w.refused(&clone);
    assert!(["lineage.clone", "lineage.forked"].contains(&refused.code()), "{refused}");
    clone.claim().expect("claim");
    w.realign(&clone, Keep::Both);
    assert_eq!(w.try_take(&clone).expect_err("its database lacks what the original did").at().seq, Some(1));
    w.realign_database(&clone);
    assert_eq!(number(&app, "SELECT count(*) FROM entry WHERE id IN ('clone', 'original')"), 2);
    w.in_line(&clone, &app);
    w.goes_on(&clone, "clone");
}

#[test]
fn a_remote_that_was_restored_from_an_older_copy_gets_what_it_lost() {
    let w = world();
    let store = w.init(&w.host("a"), "s");
    w.put(&store, "x", "1");
    w.shipped(&store);
    let kept = w.memory.inner().names();
    for n in 2..=5 {
        w.put(&store, "x", &n.to_string());
        w.shipped(&store);
    }
    let all = w.memory.inner().names();
    let lost: Vec<String> = all.iter().filter(|name| !kept.contains(name)).cloned().collect();
    w.memory.inner().remove(&lost, &Silent).expect("restored");
    // Nothing of the site depends on it: the loss is found, told, and made good from here.
    let found = store.verify_remote(&w.remote, false, &Silent).expect("verify");
    assert_eq!(found.problems.len(), lost.len(), "{found:?}");
    w.shipped(&store);
    assert!(store.verify_remote(&w.remote, true, &Silent).expect("verify").problems.is_empty());
    w.goes_on(&store, "s");
}

#[test]
fn a_central_that_was_restored_is_given_again_what_it_had_acknowledged() {
    let w = world();
    let store = w.init(&w.host("a"), "s");
    let mut central: BTreeMap<Vec<u8>, Digest> = BTreeMap::new();
    let take = |feed: &mut dyn Iterator<Item = Result<annals::engine::feed::FeedEvent>>, into: &mut BTreeMap<Vec<u8>, Digest>| {
        let events: Vec<_> = feed.map(|event| event.expect("event")).collect();
        for event in &events {
            match &event.kind {
                annals::engine::feed::FeedKind::Put { key, digest, .. } => drop(into.insert(key.clone(), *digest)),
                annals::engine::feed::FeedKind::Delete { key, .. } => drop(into.remove(key)),
                _ => {}
            }
        }
        events
    };
    for n in 1..=9 {
        w.put(&store, &format!("k{}", n % 4), &format!("{n}"));
    }
    let first = take(&mut store.feed("central").expect("feed"), &mut central);
    store.ack("central", 9).expect("acknowledged");
    // Central is put back to what it was after event 5: it says so, and the site, which knows that 9 were acknowledged, gives 6 to 9 again.
    let mut restored = BTreeMap::new();
    take(&mut first[..5].iter().cloned().map(Ok), &mut restored);
    assert_ne!(restored, central);
    assert_eq!(store.cursors().expect("cursors")[0].seq, 9);
    store.remove_consumer("central", None).expect("put back");
    let again = take(&mut store.feed_from("central", Start::Seq(6)).expect("feed"), &mut restored);
    assert_eq!(again, first[5..], "in order, with the times and authors that they had");
    assert_eq!(restored, central);
    store.ack("central", 9).expect("acknowledged");
    w.put(&store, "k0", "10");
    assert_eq!(take(&mut store.feed("central").expect("feed"), &mut restored).len(), 1);
    assert!(Path::new(&w.path("s")).is_dir());
}
