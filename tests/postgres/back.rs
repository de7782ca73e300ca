//! Servers that went back in time, or whose store was lost, at the size and length of real sites.

use std::sync::Arc;

use annals::engine::feed::{FeedEvent, FeedKind, Start};
use annals::engine::store::read_key_file;
use annals::format::keyfile::Unlock;
use annals::model::lineage::Fate;
use annals::model::realign::Keep;
use annals::storage::remote::{Fault, Memory, Recording, Verb};
use annals::{Moment, OpenRemote, Rebuild, ShipOptions, Silent, Store};
use postgres::Client;

use crate::realign::{history, plan, put_back, realign};
use crate::server::{Server, Site};

const TABLES: &str = "CREATE TABLE item (id int PRIMARY KEY, n int, note text); CREATE TABLE entry (id text PRIMARY KEY, text text)";
const DAY: i64 = 86_400_000_000;

fn number(db: &mut Client, sql: &str) -> i64 {
    db.query_one(sql, &[]).expect(sql).get(0)
}

fn offsite() -> OpenRemote {
    OpenRemote::new("offsite", Arc::new(Memory::new()))
}

/// The server and its history say the same, and go on so, transaction by transaction.
fn in_line(site: &Site, db: &mut Client) {
    let same = |db: &mut Client| ["item", "entry"].map(|table| site.compare(db, &format!("public.{table}"), table, &["id"]));
    assert_eq!(site.capture().receipt, None, "in line");
    same(db);
    db.batch_execute("INSERT INTO entry VALUES ('in line ' || (SELECT count(*) FROM entry), 'x')").expect("on");
    let done = site.capture();
    assert_eq!((done.transactions, done.merged_intervals), (1, 0));
    same(db);
}

/// The store is lost with its directory, and made again from the remote.
fn rebuilt(site: Site, offsite: &OpenRemote) -> Site {
    let Site { dir, store, what, clock } = site;
    drop(store);
    let path = dir.path().join("store");
    let key_file = read_key_file(&path.join("annals.key")).expect("key");
    let secret = key_file.open(&Unlock::default()).expect("open");
    std::fs::remove_dir_all(&path).expect("lost");
    let rebuild = Rebuild { remotes: std::slice::from_ref(offsite), into: &path, key_file, secret, site_name: "test", at: None };
    let (store, report) = rebuild.run(Store::builder().clock(clock.clone()).state_dir(None), &Silent).expect("rebuilt");
    assert!(report.gaps.is_empty(), "{report:?}");
    Site { store, clock, what, dir }
}

#[test]
fn one_row_in_a_hundred_in_conflict() {
    let setup = format!("{TABLES}; INSERT INTO item SELECT g, 0, 'base' FROM generate_series(1, 2000) g");
    let mut dump = |server: &mut Server| server.tool("pg_dump", "shop", &["-Fc", "-f", "older.dump"]);
    let lost = ["UPDATE item SET n = 1 WHERE id <= 1020"];
    let Some((server, site)) = history(&setup, "", &lost, 1, &mut dump) else { return };
    server.tool("pg_restore", "shop", &["--clean", "--if-exists", "older.dump"]);
    let mut db = server.client("shop");
    db.batch_execute("UPDATE item SET n = 2 WHERE id > 1000").expect("work");
    assert_eq!(site.try_capture().expect_err("noticed").code(), "lineage.forked");
    let planned = plan(&site, Keep::Both);
    assert_eq!([Fate::Conflict, Fate::Recovered, Fate::Kept].map(|fate| planned.count(fate)), [20, 1000, 980]);
    let done = realign(&site, &planned);
    // The same field of both sides: the history's stays, each such row is named, and the other value is in the batch of the server as it was found.
    assert_eq!((planned.open().count(), done.open.len()), (20, 20));
    assert_eq!([1, 2].map(|n| number(&mut db, &format!("SELECT count(*) FROM item WHERE n = {n}"))), [1020, 980]);
    let found = site.store.at(&Moment::Seq(done.found.expect("as found"))).expect("view").get("shop/item/1010").expect("row");
    assert!(String::from_utf8_lossy(&found.bytes(100).expect("bytes")).contains("\"n\":2"));
    in_line(&site, &mut db);
}

#[test]
fn a_lost_store_is_rebuilt_and_the_server_is_gone_on_with() {
    let setup = format!("{TABLES}; INSERT INTO item SELECT g, g * g, md5(g::text) FROM generate_series(1, 3000) g");
    let mut dump = |server: &mut Server| server.tool("pg_dump", "shop", &["-Fc", "-f", "older.dump"]);
    let Some((server, site)) = history(&setup, "", &["UPDATE item SET n = -1 WHERE id <= 40"], 1, &mut dump) else { return };
    let offsite = offsite();
    site.store.ship(&offsite, &Default::default(), &Silent).expect("shipped");
    let mut db = server.client("shop");
    db.batch_execute("UPDATE item SET n = -2 WHERE id = 7; DELETE FROM item WHERE id = 8; INSERT INTO entry VALUES ('since', 'x')").expect("work");
    let site = rebuilt(site, &offsite);
    // What was recorded is not recorded again: rows are compared, and what differs is one batch.
    let seen = site.capture();
    assert_eq!((seen.added, seen.changed, seen.removed, seen.merged_intervals), (1, 1, 1, 1));
    let shipped = site.store.ship(&offsite, &Default::default(), &Silent).expect("ship");
    assert!(shipped.bytes < 20_000, "no full upload: {shipped:?}");
    in_line(&site, &mut db);
    site.store.ship(&offsite, &Default::default(), &Silent).expect("ship");
    // The store and then an older dump: noticed all the same, from the rows alone.
    let site = rebuilt(site, &offsite);
    server.tool("pg_restore", "shop", &["--clean", "--if-exists", "older.dump"]);
    assert_eq!(site.try_capture().expect_err("older").code(), "lineage.behind");
    realign(&site, &plan(&site, Keep::Both));
    assert_eq!(number(&mut db, "SELECT n::int8 FROM item WHERE id = 7"), -2);
    in_line(&site, &mut db);
}

#[test]
fn thirty_days_of_work_on_an_older_server() {
    let Some(mut server) = Server::start() else { return };
    server.database(&format!("{TABLES}; INSERT INTO item VALUES (1, 0, 'base')"));
    let (site, offsite) = (Site::new(&server), offsite());
    site.capture();
    server.stop();
    server.copy("data", "older");
    server.run();
    let mut db = server.client("shop");
    for day in 0..30 {
        site.clock.advance(DAY);
        db.batch_execute(&format!("BEGIN; INSERT INTO entry VALUES ('recorded {day:02}', 'x'); UPDATE item SET n = {day}; COMMIT")).expect("work");
        assert_eq!(site.capture().transactions, 1, "day {day}");
        site.store.ship(&offsite, &Default::default(), &Silent).expect("shipped");
    }
    drop(db);
    put_back(&mut server, "older");
    let mut db = server.client("shop");
    for day in 0..30 {
        site.clock.advance(DAY);
        db.batch_execute(&format!("BEGIN; INSERT INTO entry VALUES ('here {day:02}', 'y'); UPDATE item SET note = 'day {day}'; COMMIT"))
            .expect("work");
        assert_eq!(site.try_capture().expect_err("refused").code(), "lineage.forked", "day {day}");
        let shipped = site.store.ship(&offsite, &Default::default(), &Silent);
        assert_eq!(shipped.expect_err("refused").code(), "lineage.forked", "nothing is shipped on day {day}");
    }
    let planned = plan(&site, Keep::Both);
    assert_eq!((planned.common, planned.transactions), (1, 30));
    assert_eq!([Fate::Recovered, Fate::Kept, Fate::Conflict].map(|fate| planned.count(fate)), [30, 30, 1]);
    let done = realign(&site, &planned);
    assert!(done.open.is_empty(), "one side changed the number, the other the note: {done:?}");
    assert_eq!(number(&mut db, "SELECT count(*) FROM entry"), 60);
    assert_eq!(number(&mut db, "SELECT count(*) FROM item WHERE n = 29 AND note = 'day 29'"), 1);
    in_line(&site, &mut db);
    site.store.ship(&offsite, &Default::default(), &Silent).expect("ships again");
}

#[test]
fn clocks_that_are_set_back_decide_nothing() {
    let Some(mut server) = Server::start() else { return };
    server.database(TABLES);
    let (site, offsite) = (Site::new(&server), offsite());
    site.capture();
    server.stop();
    server.copy("data", "older");
    server.run();
    let work = |days: i64| {
        site.clock.advance(days * DAY);
        server.client("shop").batch_execute(&format!("INSERT INTO entry VALUES ('after {days}', 'x')")).expect("work");
        assert_eq!(site.capture().transactions, 1, "set back without any rollback, it stops nothing");
    };
    work(1);
    work(-400);
    site.store.ship(&offsite, &Default::default(), &Silent).expect("shipped");
    put_back(&mut server, "older");
    for days in [-400, 4000] {
        site.clock.advance(days * DAY);
        let refused = site.try_capture().expect_err("noticed");
        assert_eq!((refused.code(), refused.at().seq), ("lineage.behind", Some(1)), "{days}");
    }
    realign(&site, &plan(&site, Keep::Both));
    let mut db = server.client("shop");
    assert_eq!(number(&mut db, "SELECT count(*) FROM entry"), 2);
    in_line(&site, &mut db);
    site.store.ship(&offsite, &Default::default(), &Silent).expect("ships again");
}

#[test]
fn an_older_dump_is_restored_in_the_middle_of_a_shipment() {
    let mut dump = |server: &mut Server| server.tool("pg_dump", "shop", &["-Fc", "-f", "older.dump"]);
    // Many parts, and the line breaks before the last of them.
    let bulk =
        "INSERT INTO entry SELECT g, (SELECT string_agg(md5(g || ' ' || i), '') FROM generate_series(1, 900) i) FROM generate_series(1, 100) g";
    let Some((server, site)) = history(TABLES, "", &[bulk], 1, &mut dump) else { return };
    let memory = Arc::new(Recording::new(Memory::new()));
    let offsite = OpenRemote::new("offsite", memory.clone());
    let mut parts = ShipOptions::default();
    parts.seal.object_bytes_max = 100_000;
    memory.inject(Verb::Store, 3, 100, Fault::Drop);
    site.store.ship(&offsite, &parts, &Silent).expect_err("the line broke");
    memory.heal();
    let there = memory.inner().names().len();
    server.tool("pg_restore", "shop", &["--clean", "--if-exists", "older.dump"]);
    let mut db = server.client("shop");
    db.batch_execute("INSERT INTO entry VALUES ('here', 'y')").expect("work");
    site.try_capture().expect_err("noticed");
    let refused = site.store.ship(&offsite, &parts, &Silent).expect_err("what is under way waits as well");
    assert_eq!((refused.code(), memory.inner().names().len()), ("lineage.forked", there));
    assert!(there > 0);
    let done = realign(&site, &plan(&site, Keep::Both));
    assert_eq!((done.open.len(), number(&mut db, "SELECT count(*) FROM entry")), (0, 101));
    in_line(&site, &mut db);
    site.store.ship(&offsite, &parts, &Silent).expect("ships again");
    in_line(&rebuilt(site, &offsite), &mut db);
}

/// Takes what a central database is given: each event's rows as they were then.
fn take(site: &Site, central: &mut Client, events: &[FeedEvent]) {
    for event in events {
        match &event.kind {
            FeedKind::Put { key, .. } if key.starts_with(b"shop/entry/") => {
                let row = site.store.at(&Moment::Seq(event.event.seq)).expect("view").get(key).expect("row").bytes(1000).expect("bytes");
                let row = String::from_utf8(row).expect("text");
                let text = "INSERT INTO entry SELECT * FROM json_populate_record(NULL::entry, $1::text::json) ON CONFLICT (id) DO UPDATE SET text = excluded.text";
                central.execute(text, &[&row]).expect("taken");
            }
            FeedKind::Delete { key, .. } if key.starts_with(b"shop/entry/") => {
                let id = String::from_utf8_lossy(&key[b"shop/entry/".len()..]).into_owned();
                assert_eq!(central.execute("DELETE FROM entry WHERE id = $1", &[&id]).expect("removed"), 1, "{id}");
            }
            _ => {}
        }
    }
}

#[test]
fn a_central_that_was_restored_is_given_again_what_a_captured_server_did() {
    let Some(server) = Server::start() else { return };
    let mut db = server.database(TABLES);
    let site = Site::new(&server);
    server.client("postgres").batch_execute("CREATE DATABASE central").expect("a database");
    let mut central = server.client("central");
    central.batch_execute("CREATE TABLE entry (id text PRIMARY KEY, text text)").expect("table");
    site.capture();
    let mut work = |n: i64, sql: &str| {
        let who = format!("SELECT pg_logical_emit_message(true, 'annals', '{{\"actor\":\"{n}\",\"reason\":\"work {n}\"}}')");
        db.batch_execute(&format!("BEGIN; {who}; {sql}; COMMIT")).expect("work");
        assert_eq!(site.capture().transactions, 1);
    };
    work(1, "INSERT INTO entry VALUES ('a', '1'), ('b', '1')");
    let fed = |from: Option<u64>| -> Vec<FeedEvent> {
        let feed = match from {
            None => site.store.feed("central"),
            Some(seq) => site.store.feed_from("central", Start::Seq(seq)),
        };
        feed.expect("feed").map(|event| event.expect("event")).collect()
    };
    let first = fed(None);
    take(&site, &mut central, &first);
    let known = first.last().expect("events").event.seq;
    site.store.ack("central", known).expect("acknowledged");
    server.tool("pg_dump", "central", &["-Fc", "-f", "central.dump"]);
    work(2, "UPDATE entry SET text = '2' WHERE id = 'a'");
    work(3, "DELETE FROM entry WHERE id = 'b'; INSERT INTO entry VALUES ('c', '3')");
    work(4, "UPDATE entry SET text = '4'");
    let second = fed(None);
    take(&site, &mut central, &second);
    site.store.ack("central", second.last().expect("events").event.seq).expect("acknowledged");
    let all =
        |db: &mut Client| -> String { db.query_one("SELECT string_agg(id || ' ' || text, ', ' ORDER BY id) FROM entry", &[]).expect("rows").get(0) };
    assert_eq!(all(&mut central), "a 4, c 4");

    // Central goes back to what it had acknowledged first. The site knows what it acknowledged since, and gives that again: in order, in the name of
    // who did it. The captured server is not asked, and nothing of it is captured anew.
    server.tool("pg_restore", "central", &["--clean", "--if-exists", "central.dump"]);
    assert_eq!(all(&mut central), "a 1, b 1");
    let head = site.store.position().expect("position").seq;
    site.store.remove_consumer("central", None).expect("put back");
    let again = fed(Some(known + 1));
    assert_eq!(again, second);
    let actors: Vec<&str> = again.iter().filter(|event| matches!(event.kind, FeedKind::Put { .. })).map(|event| event.event.actor.as_str()).collect();
    assert_eq!(actors, ["2", "3", "4", "4"]);
    take(&site, &mut central, &again);
    assert_eq!(all(&mut central), "a 4, c 4");
    assert_eq!((site.capture().receipt, site.store.position().expect("position").seq), (None, head));
}
