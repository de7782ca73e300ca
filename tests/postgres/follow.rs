//! Looks that go on over the same connections: cheap for the server, and as exact as the first.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use annals::engine::capture::postgres::{PgCaptured, PgFollower};
use annals::{By, Monitor, Progress, Silent};
use postgres::Client;

use crate::server::{Server, Site};

const ITEM: &str = "CREATE TABLE item (id int PRIMARY KEY, n int); INSERT INTO item VALUES (1, 0), (2, 0)";

/// One value, as text.
fn value(db: &mut Client, sql: &str) -> String {
    db.query_one(&format!("SELECT coalesce(({sql})::text, 'none')"), &[]).expect("a value").get(0)
}

/// How far the slot is moved.
const CONFIRMED: &str = "SELECT confirmed_flush_lsn FROM pg_replication_slots";
/// The process that sends it; none where it is not sent.
const SENDER: &str = "SELECT active_pid FROM pg_replication_slots";

/// Waits until the server says so.
fn until(db: &mut Client, what: &str, sql: &str) {
    let start = Instant::now();
    while value(db, sql) != "true" {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: {sql}");
        std::thread::yield_now();
    }
}

/// Runs a transaction and looks.
fn after(db: &mut Client, follower: &mut PgFollower<'_>, sql: &str) -> PgCaptured {
    db.batch_execute(sql).expect("a transaction");
    follower.look().expect("a look")
}

fn versions(site: &Site, key: &str) -> Vec<String> {
    let versions = site.store.history(key).expect("history");
    versions.iter().map(|v| String::from_utf8(site.store.open(v).and_then(|r| r.bytes(99)).expect("row")).expect("text")).collect()
}

/// The numbers that the row 1 had, in their order.
fn numbers(range: std::ops::RangeInclusive<i32>) -> Vec<String> {
    range.map(|n| format!(r#"{{"id":1,"n":{n}}}"#)).collect()
}

const NEXT: &str = "UPDATE item SET n = n + 1 WHERE id = 1";

#[test]
fn what_is_sent_is_let_go_at_once_and_nothing_comes_twice() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(ITEM);
    let (site, by) = (Site::new(&server), By::default());
    {
        let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("a follower");
        assert_eq!(follower.look().expect("the base").added, 2);
        // What came while the base was read is told apart by where the slot stands, so the stream begins with the next look.
        assert_eq!(after(&mut db, &mut follower, NEXT).transactions, 1);
        let sender = value(&mut db, SENDER);
        assert_ne!(sender, "none", "the server sends");
        for n in 2..5 {
            let before = value(&mut db, CONFIRMED);
            assert_eq!(after(&mut db, &mut follower, NEXT).transactions, 1);
            assert_eq!(versions(&site, "shop/item/1"), numbers(0..=n));
            until(&mut db, "the slot moves", &format!("({CONFIRMED}) > '{before}'"));
        }
        // The server writes a little of its own now and then; in between nothing is read.
        assert!((0..100).any(|_| follower.look().expect("a look").bytes_read == 0), "the log stands still");
        // What is temporary is nothing new, and neither is what concerns other databases.
        assert_eq!(
            after(&mut db, &mut follower, "CREATE TEMP TABLE x (n int); ANALYZE item; UPDATE item SET n = n + 1 WHERE id = 1").transactions,
            1
        );
        assert_eq!(value(&mut db, SENDER), sender, "still the same");
        // Many transactions, and one that is large: the server may be asked from then on.
        let many = "DO $$ BEGIN FOR i IN 1..700 LOOP UPDATE item SET n = n + 1 WHERE id = 1; COMMIT; END LOOP; END $$";
        assert_eq!(after(&mut db, &mut follower, many).transactions, 700);
        let large = "INSERT INTO item SELECT i, 0 FROM generate_series(10, 20009) i; UPDATE item SET n = n + 1 WHERE id >= 10";
        assert_eq!(after(&mut db, &mut follower, large).added, 20_000);
        assert_eq!(after(&mut db, &mut follower, "DELETE FROM item WHERE id >= 10").removed, 20_000);
    }
    assert_eq!(value(&mut db, SENDER), "none", "who leaves ends it");
    db.batch_execute(NEXT).expect("update");
    let done = site.capture();
    assert_eq!((done.transactions, done.merged_intervals), (1, 0));
    assert_eq!(versions(&site, "shop/item/1"), numbers(0..=706));
}

#[test]
fn who_comes_in_between_reads_the_slot_and_a_sender_that_is_lost_is_made_again() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(ITEM);
    let (site, by) = (Site::new(&server), By::default());
    let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("a follower");
    follower.look().expect("the base");
    for round in 0..3 {
        assert_eq!(after(&mut db, &mut follower, NEXT).transactions, 1, "round {round}");
        let sender = value(&mut db, SENDER);
        assert_ne!(sender, "none");
        // A person looks meanwhile.
        db.batch_execute(NEXT).expect("update");
        assert_eq!(site.capture().transactions, 1);
        assert_eq!(value(&mut db, SENDER), "none", "it was ended for that");
        assert_eq!(after(&mut db, &mut follower, NEXT).transactions, 1);
        // An administrator, or a line that is cut, ends the connection before what was sent is recorded.
        let sender = value(&mut db, SENDER);
        db.batch_execute(NEXT).expect("update");
        db.batch_execute(&format!("SELECT pg_terminate_backend({sender})")).expect("ended");
        assert_eq!(after(&mut db, &mut follower, NEXT).transactions, 2);
        assert_ne!(value(&mut db, SENDER), sender);
    }
    assert_eq!(versions(&site, "shop/item/1"), numbers(0..=15));
}

#[test]
fn it_is_sent_to_who_proves_to_be_who_it_says() {
    let Some(mut server) = Server::start() else { return };
    let mut db = server.database(ITEM);
    db.batch_execute("CREATE ROLE scram LOGIN SUPERUSER PASSWORD 'right'; CREATE ROLE plain LOGIN SUPERUSER PASSWORD 'right'").expect("roles");
    db.batch_execute("SET password_encryption = md5; CREATE ROLE old LOGIN SUPERUSER PASSWORD 'right'").expect("roles");
    drop(db);
    server.run_with(&[], "local all scram scram-sha-256\nlocal all plain password\nlocal all old md5\nlocal all all trust\n");
    let (mut db, mut site, by, mut n) = (server.client("shop"), Site::new(&server), By::default(), 0);
    let url = site.what.url.clone();
    for role in ["scram", "plain", "old"] {
        site.what.url = format!("{} password=right", url.replace("user=postgres", &format!("user={role}")));
        let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("a follower");
        follower.look().expect("the base");
        for _ in 0..2 {
            n += 1;
            assert_eq!(after(&mut db, &mut follower, NEXT).transactions, 1);
        }
        assert_eq!(value(&mut db, "SELECT usename FROM pg_stat_replication"), role, "it is sent");
    }
    assert_eq!(versions(&site, "shop/item/1"), numbers(0..=n));
}

#[test]
fn a_server_that_does_not_send_is_asked() {
    let Some(mut server) = Server::start() else { return };
    server.run_with(&["max_wal_senders=0"], "local all all trust");
    let mut db = server.database(ITEM);
    let (site, by, notes) = (Site::new(&server), By::default(), Notes::default());
    let mut follower = site.store.follow_postgres(&site.what, &by, &notes).expect("a follower");
    follower.look().expect("the base");
    for n in 1..4 {
        assert_eq!(after(&mut db, &mut follower, NEXT).transactions, 1);
        assert_eq!(versions(&site, "shop/item/1"), numbers(0..=n));
        assert_eq!(value(&mut db, SENDER), "none");
    }
    let notes = notes.0.lock().expect("no panic");
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("the server does not send what is committed, so it is asked for it: "), "{notes:?}");
}

#[test]
fn a_server_with_many_commits_is_asked_until_it_is_quiet_again() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(ITEM);
    let (site, by) = (Site::new(&server), By::default());
    let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("a follower");
    follower.look().expect("the base");
    assert_eq!(after(&mut db, &mut follower, NEXT).transactions, 1);
    let (start, mut count) = (Instant::now(), 1);
    let sends = |db: &mut Client| value(db, SENDER) != "none";
    while sends(&mut db) {
        let many = "DO $$ BEGIN FOR i IN 1..400 LOOP UPDATE item SET n = n + 1 WHERE id = 1; COMMIT; END LOOP; END $$";
        assert_eq!(after(&mut db, &mut follower, many).transactions, 400);
        count += 400;
        assert!(start.elapsed() < Duration::from_secs(60), "it is asked");
    }
    // It is not moved each time: what comes again is known.
    let (mut moved, start) = (0, Instant::now());
    let mut last = value(&mut db, CONFIRMED);
    let mut looks = 0;
    while !sends(&mut db) {
        assert_eq!(after(&mut db, &mut follower, NEXT).transactions, 1);
        (count, looks) = (count + 1, looks + 1);
        let now = value(&mut db, CONFIRMED);
        moved += u32::from(now != last);
        last = now;
        // At the pace of whoever follows: a commit for each look without a rest would be many.
        std::thread::sleep(follower.rest());
        assert!(start.elapsed() < Duration::from_secs(90), "it sends again");
    }
    assert!(looks > 4 && moved * 2 < looks, "{moved} of {looks}");
    assert_eq!(after(&mut db, &mut follower, NEXT).transactions, 1);
    assert_eq!(versions(&site, "shop/item/1"), numbers(0..=count + 1));
}

/// From where the log is read to show what is in the slot.
const READ_FROM: &str = "SELECT restart_lsn FROM pg_replication_slots";
/// A commit that a megabyte of log comes with.
const LARGE: &str = "UPDATE item SET n = n + 1 WHERE id = 1; DO $$ BEGIN PERFORM pg_logical_emit_message(false, 'x', repeat('x', 1 << 20)); END $$";

/// A process that stands still until this is dropped.
struct Still(rustix::process::Pid);

impl Still {
    fn of(db: &mut Client, kind: &str) -> Still {
        let pid = value(db, &format!("SELECT pid FROM pg_stat_activity WHERE backend_type = '{kind}'")).parse().expect("a process");
        let pid = rustix::process::Pid::from_raw(pid).expect("a process");
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).expect("stopped");
        Still(pid)
    }
}

impl Drop for Still {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(self.0, rustix::process::Signal::CONT);
    }
}

#[test]
fn a_busy_server_that_is_asked_does_not_read_its_log_from_ever_farther_back() {
    let Some(mut server) = Server::start() else { return };
    server.run_with(&["max_wal_senders=0", "max_wal_size=4GB"], "local all all trust");
    let mut db = server.database(ITEM);
    let (site, by) = (Site::new(&server), By::default());
    let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("a follower");
    follower.look().expect("the base");
    // Which moves that place every 15 seconds.
    let _still = Still::of(&mut db, "background writer");
    let (start, mut count, mut moves) = (Instant::now(), 0, 0);
    let mut from = value(&mut db, READ_FROM);
    while moves < 3 {
        assert_eq!(after(&mut db, &mut follower, LARGE).transactions, 1);
        count += 1;
        let now = value(&mut db, READ_FROM);
        moves += u32::from(now != from);
        from = now;
        assert!(start.elapsed() < Duration::from_secs(60), "moved {moves} times in {count} looks");
    }
    assert_eq!(value(&mut db, "SELECT count(*) FROM pg_replication_slots"), "1", "what was made for it is gone");
    // That would wait for a transaction that is open for long, in whichever database.
    let mut long = server.client("postgres");
    long.batch_execute("BEGIN; SELECT txid_current()").expect("open");
    for _ in 0..200 {
        db.batch_execute(NEXT).expect("update");
    }
    assert_eq!(follower.look().expect("a look").transactions, 200);
    // What was noted before that takes effect when the slot is moved.
    for _ in 0..2 {
        assert_eq!(after(&mut db, &mut follower, LARGE).transactions, 1);
    }
    let from = value(&mut db, READ_FROM);
    for _ in 0..20 {
        assert_eq!(after(&mut db, &mut follower, LARGE).transactions, 1);
    }
    assert_eq!(value(&mut db, READ_FROM), from);
    assert_eq!(versions(&site, "shop/item/1"), numbers(0..=count + 222));
}

#[test]
fn a_server_without_a_slot_to_spare_is_asked_all_the_same() {
    let Some(mut server) = Server::start() else { return };
    server.run_with(&["max_wal_senders=0", "max_replication_slots=1", "max_wal_size=4GB"], "local all all trust");
    let mut db = server.database(ITEM);
    let (site, by) = (Site::new(&server), By::default());
    let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("a follower");
    follower.look().expect("the base");
    let _still = Still::of(&mut db, "background writer");
    let (start, from, mut count) = (Instant::now(), value(&mut db, READ_FROM), 0);
    // Longer than it takes until the place would be noted.
    while count < 20 || start.elapsed() < Duration::from_secs(1) {
        assert_eq!(after(&mut db, &mut follower, LARGE).transactions, 1);
        count += 1;
    }
    assert_eq!(versions(&site, "shop/item/1"), numbers(0..=count));
    assert_eq!(value(&mut db, READ_FROM), from, "it cannot be noted");
}

/// Commits whenever it is asked whether to stop, and counts that.
struct Restless(Mutex<(Client, i32)>);

impl Monitor for Restless {
    fn progress(&self, _: &Progress) {}
    fn note(&self, _: &str) {}
    fn stopped(&self) -> bool {
        let (client, count) = &mut *self.0.lock().expect("no panic");
        client.batch_execute(NEXT).expect("update");
        *count += 1;
        false
    }
}

#[test]
fn a_look_ends_beside_a_writer_that_does_not_rest() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(ITEM);
    let (site, by) = (Site::new(&server), By::default());
    let restless = Restless(Mutex::new((server.client("shop"), 0)));
    {
        let mut follower = site.store.follow_postgres(&site.what, &by, &restless).expect("a follower");
        follower.look().expect("the base");
        let (mut transactions, mut sent) = (0, 0);
        for _ in 0..6 {
            transactions += follower.look().expect("a look").transactions;
            sent += u32::from(value(&mut db, SENDER) != "none");
        }
        assert!(transactions > 6 && sent > 0, "{transactions} transactions, {sent} looks at what was sent");
    }
    site.capture();
    let count = restless.0.into_inner().expect("no panic").1;
    let found = versions(&site, "shop/item/1");
    assert_eq!(found, numbers(count + 1 - found.len() as i32..=count), "from the base on, each");
}

#[test]
fn a_server_that_stops_does_not_wait_for_who_follows_it() {
    let Some(mut server) = Server::start() else { return };
    let mut db = server.database(ITEM);
    let (site, by, over) = (Site::new(&server), By::default(), Over::default());
    std::thread::scope(|scope| {
        // Ends the watch also where the test fails.
        let _ends = Ends(&over);
        let watch = scope.spawn(|| site.store.watch_postgres(&site.what, &by, &over, &mut |_| Ok(())));
        for n in 1..3 {
            until_recorded(&site, n - 1);
            db.batch_execute(NEXT).expect("update");
            until_recorded(&site, n);
            until(&mut db, "it is sent", &format!("({SENDER}) IS NOT NULL"));
            let began = Instant::now();
            server.stop();
            // It would wait a minute, until it counts a follower that says nothing as lost.
            assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
            server.run();
            db = server.client("shop");
        }
        db.batch_execute(NEXT).expect("update");
        until_recorded(&site, 3);
        over.0.store(true, Ordering::SeqCst);
        watch.join().expect("no panic").expect("an orderly end");
    });
    assert_eq!(versions(&site, "shop/item/1"), numbers(0..=3));
}

/// Waits until the row 1 has so many versions after its first.
fn until_recorded(site: &Site, more: usize) {
    let start = Instant::now();
    while site.store.history("shop/item/1").map_or(0, |versions| versions.len()) != more + 1 {
        assert!(start.elapsed() < Duration::from_secs(60), "{more} versions more: {:?}", versions(site, "shop/item/1"));
        std::thread::yield_now();
    }
}

/// Keeps what is noted.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Monitor for Notes {
    fn progress(&self, _: &Progress) {}
    fn note(&self, text: &str) {
        self.0.lock().expect("no panic").push(text.to_owned());
    }
    fn stopped(&self) -> bool {
        false
    }
}

/// Stops when it is told to.
#[derive(Default)]
struct Over(AtomicBool);

impl Monitor for Over {
    fn progress(&self, _: &Progress) {}
    fn note(&self, _: &str) {}
    fn stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

struct Ends<'a>(&'a Over);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::SeqCst);
    }
}

/// Does it with a server that sends and with one that is asked, side by side: most of it is waiting.
fn both(does: fn(&Server)) {
    std::thread::scope(|scope| {
        for sends in [true, false] {
            scope.spawn(move || {
                let Some(mut server) = Server::start() else { return };
                if !sends {
                    server.run_with(&["max_wal_senders=0"], "local all all trust");
                }
                does(&server);
            });
        }
    });
}

/// Makes changes of tables between looks, and looks until the history has each as it says.
fn follows(server: &Server, changes: &[(&str, Shows)]) {
    let mut db = server.database(ITEM);
    let (site, by) = (Site::new(server), By::default());
    let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("a follower");
    follower.look().expect("the base");
    for (change, shows) in changes {
        // What the first look after a change found holds for the second.
        for change in ["", change] {
            db.batch_execute(&format!("INSERT INTO item (id) SELECT max(id) + 1 FROM item; {change}")).expect("changes");
            follower.look().expect("a look");
        }
        // What no row shows is looked for every five seconds.
        let start = Instant::now();
        while !shows(&site.text("shop/.schema"), &site.keys("shop/")) {
            follower.look().expect("a look");
            assert!(start.elapsed() < Duration::from_secs(60), "{change}: {} {:?}", site.text("shop/.schema"), site.keys("shop/"));
        }
        site.compare(&mut db, "public.item", "item", &["id"]);
    }
}

/// Whether a schema and the keys show a change.
type Shows = fn(&str, &[String]) -> bool;

fn has(keys: &[String], key: &str) -> bool {
    keys.iter().any(|k| k == key)
}

#[test]
fn columns_that_change_between_looks_are_followed() {
    both(|server| {
        let added = "ALTER TABLE item ADD COLUMN b int DEFAULT 7; UPDATE item SET b = id";
        follows(
            server,
            &[
                (added, |schema, _| schema.contains(r#""b""#)),
                ("ALTER TABLE item RENAME COLUMN b TO c", |schema, _| schema.contains(r#""c""#)),
                ("ALTER TABLE item DROP COLUMN c", |schema, _| !schema.contains(r#""c""#)),
                ("ALTER TABLE item ALTER n SET DEFAULT 12345", |schema, _| schema.contains("12345")),
            ],
        );
    });
}

#[test]
fn constraints_indexes_and_types_that_change_between_looks_are_followed() {
    both(|server| {
        follows(
            server,
            &[
                ("ALTER TABLE item ADD CONSTRAINT positive CHECK (id > 0)", |schema, _| schema.contains("positive")),
                ("CREATE INDEX item_n ON item (n)", |schema, _| schema.contains("item_n")),
                ("CREATE TYPE mood AS ENUM ('glad')", |schema, _| schema.contains("glad")),
                ("ALTER TYPE mood RENAME VALUE 'glad' TO 'merry'", |schema, _| schema.contains("merry")),
            ],
        );
    });
}

#[test]
fn tables_that_come_move_and_go_between_looks_are_followed() {
    both(|server| {
        let more = "CREATE TABLE more (id int PRIMARY KEY); INSERT INTO more VALUES (5)";
        follows(
            server,
            &[
                (more, |_, keys| has(keys, "shop/more/5")),
                ("ALTER TABLE more RENAME TO other", |_, keys| has(keys, "shop/other/5")),
                ("CREATE SCHEMA s; ALTER TABLE other SET SCHEMA s", |_, keys| has(keys, "shop/s.other/5")),
                ("ALTER SCHEMA s RENAME TO t", |_, keys| has(keys, "shop/t.other/5")),
                ("DROP SCHEMA t CASCADE", |_, keys| !has(keys, "shop/t.other/5")),
            ],
        );
    });
}

#[test]
fn no_row_is_recorded_before_the_schema_that_it_follows() {
    both(schema_before_rows);
}

fn schema_before_rows(server: &Server) {
    let mut db = server.database(ITEM);
    let (site, by) = (Site::new(server), By::default());
    let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("a follower");
    follower.look().expect("the base");
    after(&mut db, &mut follower, NEXT);
    for n in 0..6 {
        let sql = format!("ALTER TABLE item ADD COLUMN c{n} int");
        db.batch_execute(&sql).expect("another column");
        after(&mut db, &mut follower, &format!("UPDATE item SET c{n} = 1 WHERE id = 1"));
        let column = format!(r#""c{n}""#);
        assert!(site.text("shop/item/1").contains(&column) && site.text("shop/.schema").contains(&column), "{column}");
        // What follows it is sent again, or shown.
        assert_eq!(after(&mut db, &mut follower, NEXT).transactions, 1);
    }
}

/// Runs a statement in the middle of a look: when it is asked for the second time since it was armed whether to stop, and the server has shown
/// what there was.
struct Meanwhile(Mutex<(Client, Option<(u32, String)>)>);

impl Monitor for Meanwhile {
    fn progress(&self, _: &Progress) {}
    fn note(&self, _: &str) {}
    fn stopped(&self) -> bool {
        let (client, armed) = &mut *self.0.lock().expect("no panic");
        match armed.take() {
            Some((0, sql)) => client.batch_execute(&sql).expect("meanwhile"),
            Some((more, sql)) => *armed = Some((more - 1, sql)),
            None => {}
        }
        false
    }
}

#[test]
fn what_a_scan_saw_is_not_recorded_again_by_a_later_look() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(ITEM);
    let (site, by) = (Site::new(&server), By::default());
    let meanwhile = Meanwhile(Mutex::new((server.client("shop"), None)));
    let mut follower = site.store.follow_postgres(&site.what, &by, &meanwhile).expect("a follower");
    follower.look().expect("the base");
    // A table is new, so it is read whole; both transactions come after what the stream showed and before that.
    let both = "DO $$ BEGIN FOR i IN 1..2 LOOP UPDATE more SET n = n + 1; COMMIT; END LOOP; END $$".to_owned();
    meanwhile.0.lock().expect("no panic").1 = Some((1, both));
    let new = "CREATE TABLE more (id int PRIMARY KEY, n int); INSERT INTO more VALUES (1, 0); UPDATE item SET n = 1 WHERE id = 2";
    assert_eq!(after(&mut db, &mut follower, new).merged_intervals, 1);
    assert!(meanwhile.0.lock().expect("no panic").1.is_none(), "it ran");
    assert_eq!(versions(&site, "shop/more/1"), numbers(2..=2));
    for n in 2..5 {
        after(&mut db, &mut follower, &format!("UPDATE item SET n = {n} WHERE id = 2"));
    }
    assert_eq!(versions(&site, "shop/more/1"), numbers(2..=2), "both are in what was read whole");
    assert_eq!(versions(&site, "shop/item/2").len(), 5);
}
