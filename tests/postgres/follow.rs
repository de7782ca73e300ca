//! Looks that go on over the same connections: cheap for the server, and as exact as the first.

use std::sync::Mutex;

use annals::engine::capture::postgres::{PgCaptured, PgFollower};
use annals::{By, Monitor, Progress, Silent};
use postgres::Client;

use crate::server::{Server, Site};

const ITEM: &str = "CREATE TABLE item (id int PRIMARY KEY, n int); INSERT INTO item VALUES (1, 0), (2, 0)";

/// How far the slot is moved.
fn confirmed(db: &mut Client) -> String {
    db.query_one("SELECT confirmed_flush_lsn::text FROM pg_replication_slots", &[]).expect("the slot").get(0)
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

#[test]
fn the_slot_is_moved_once_for_several_looks_and_nothing_comes_twice() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(ITEM);
    let (site, by) = (Site::new(&server), By::default());
    let next = "UPDATE item SET n = n + 1 WHERE id = 1";
    {
        let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("a follower");
        assert_eq!(follower.look().expect("the base").added, 2);
        // What came while the base was read is told apart by where the slot stands, so it is moved.
        let base = confirmed(&mut db);
        assert_eq!(after(&mut db, &mut follower, next).transactions, 1);
        let moved = confirmed(&mut db);
        assert_ne!(moved, base);
        assert_eq!(after(&mut db, &mut follower, next).transactions, 1);
        assert_eq!(confirmed(&mut db), moved, "later");
        assert_eq!(after(&mut db, &mut follower, next).transactions, 1);
        assert_eq!(versions(&site, "shop/item/1"), numbers(0..=3));
        // The server writes a little of its own now and then; in between nothing is read.
        assert!((0..100).any(|_| follower.look().expect("a look").bytes_read == 0), "the log stands still");
        assert_eq!(confirmed(&mut db), moved);
    }
    // Whoever comes next is shown it all again.
    db.batch_execute(next).expect("update");
    let late = confirmed(&mut db);
    let done = site.capture();
    assert_eq!((done.transactions, done.merged_intervals), (1, 0));
    assert_ne!(confirmed(&mut db), late, "one that ends leaves nothing behind");
    assert_eq!(versions(&site, "shop/item/1"), numbers(0..=4));

    // Many transactions, or much log that is none of ours, are let go at once.
    let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("a follower");
    follower.look().expect("a look");
    let before = confirmed(&mut db);
    let many = "DO $$ BEGIN FOR i IN 1..700 LOOP UPDATE item SET n = n + 1 WHERE id = 1; COMMIT; END LOOP; END $$";
    assert_eq!(after(&mut db, &mut follower, many).transactions, 700);
    let moved = confirmed(&mut db);
    assert_ne!(moved, before);
    let much = "CREATE TEMP TABLE x (n int); SELECT pg_logical_emit_message(false, 'other', repeat('x', 2000000))";
    assert_eq!(after(&mut db, &mut follower, much).transactions, 0);
    assert_ne!(confirmed(&mut db), moved);
    assert_eq!(versions(&site, "shop/item/1"), numbers(0..=704));
}

#[test]
fn tables_that_change_between_looks_are_followed_from_the_next() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(ITEM);
    let (site, by) = (Site::new(&server), By::default());
    let mut follower = site.store.follow_postgres(&site.what, &by, &Silent).expect("a follower");
    follower.look().expect("the base");
    let mut looks = |sql: &str| {
        // What the first look after a change found holds for the second.
        for id in 0..2 {
            let sql = format!("INSERT INTO item (id) SELECT max(id) + 1 FROM item; {}", if id == 1 { sql } else { "" });
            db.batch_execute(&sql).expect("changes");
            follower.look().expect("a look");
            site.compare(&mut db, "public.item", "item", &["id"]);
        }
        (site.text("shop/.schema"), site.keys("shop/"))
    };
    assert!(looks("ALTER TABLE item ADD COLUMN b int DEFAULT 7; UPDATE item SET b = id").0.contains(r#""b""#));
    assert!(looks("ALTER TABLE item RENAME COLUMN b TO c").0.contains(r#""c""#));
    assert!(!looks("ALTER TABLE item DROP COLUMN c").0.contains(r#""c""#));
    assert!(looks("ALTER TABLE item ADD CONSTRAINT positive CHECK (id > 0)").0.contains("positive"));
    assert!(looks("CREATE INDEX item_n ON item (n)").0.contains("item_n"));
    assert!(looks("ALTER TABLE item ALTER n SET DEFAULT 12345").0.contains("12345"));
    assert!(looks("CREATE TYPE mood AS ENUM ('glad')").0.contains("glad"));
    assert!(looks("ALTER TYPE mood RENAME VALUE 'glad' TO 'merry'").0.contains("merry"));
    assert!(looks("CREATE TABLE more (id int PRIMARY KEY); INSERT INTO more VALUES (5)").1.contains(&"shop/more/5".to_owned()));
    assert!(looks("ALTER TABLE more RENAME TO other").1.contains(&"shop/other/5".to_owned()));
    assert!(looks("CREATE SCHEMA s; ALTER TABLE other SET SCHEMA s").1.contains(&"shop/s.other/5".to_owned()));
    assert!(looks("ALTER SCHEMA s RENAME TO t").1.contains(&"shop/t.other/5".to_owned()));
    assert!(!looks("DROP SCHEMA t CASCADE").1.contains(&"shop/t.other/5".to_owned()));
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
