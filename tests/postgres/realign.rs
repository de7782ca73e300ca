//! Servers that went back in time are brought into line with their history: the stock ledger of the field, and what a policy says of each table.

use annals::Silent;
use annals::engine::capture::DatabaseRealigned;
use annals::model::lineage::{Fate, Resolution, Verdict};
use annals::model::realign::{DatabaseRealign, Keep};
use annals::{Moment, OnConflict, Reference};
use postgres::Client;

use crate::giving::by;
use crate::server::{Server, Site};

const RULES: &str = r#"
[capture.table.movement]
policy = "append"
[capture.table.stock_line]
policy = "derived"
recompute = ["UPDATE stock_line SET quantity = (SELECT coalesce(sum(change), 0) FROM movement WHERE line = stock_line.id)"]
[[capture.invariant]]
name = "ledger"
sql = "SELECT count(*) FROM stock_line WHERE quantity <> (SELECT coalesce(sum(change), 0) FROM movement WHERE line = stock_line.id)"
expect = "0"
"#;

const LEDGER: &str = "CREATE TABLE stock_line (id text PRIMARY KEY, quantity int, note text); \
    CREATE TABLE movement (id serial PRIMARY KEY, line text, change int); INSERT INTO stock_line VALUES ('a', 0, '')";

fn capture_of(server: &Server) -> String {
    format!("\n[[capture]]\nname = \"shop\"\npostgres = \"{}\"\n", server.url("shop"))
}

fn moved(change: i32) -> String {
    format!(
        "BEGIN; INSERT INTO movement (line, change) VALUES ('a', {change}); \
        UPDATE stock_line SET quantity = quantity + {change} WHERE id = 'a'; COMMIT"
    )
}

fn stock(db: &mut Client) -> (i32, i64) {
    let row = db.query_one("SELECT quantity, (SELECT count(*) FROM movement) FROM stock_line WHERE id = 'a'", &[]).expect("the stock line");
    (row.get(0), row.get(1))
}

/// A server and its history, with these tables and transactions; `keep` is called before the last `lost` of them.
pub fn history(setup: &str, rules: &str, transactions: &[&str], lost: usize, keep: &mut dyn FnMut(&mut Server)) -> Option<(Server, Site)> {
    let mut server = Server::start()?;
    server.database(setup);
    let site = Site::new(&server).with_rules(&(capture_of(&server) + rules));
    site.capture();
    for (i, text) in transactions.iter().enumerate() {
        if i == transactions.len() - lost {
            keep(&mut server);
        }
        server.client("shop").batch_execute(text).expect("transaction");
        site.capture();
    }
    Some((server, site))
}

/// The ledger of the field (15, 2 and 3 out), captured whole; then the server is a copy of its data from before the third.
fn rolled_back() -> Option<(Server, Site)> {
    let (in_15, out_2, out_3) = (moved(15), moved(-2), moved(-3));
    let mut copy = |server: &mut Server| {
        server.stop();
        server.copy("data", "older");
        server.run();
    };
    let (mut server, site) = history(LEDGER, RULES, &[&in_15, &out_2, &out_3], 1, &mut copy)?;
    put_back(&mut server, "older");
    Some((server, site))
}

pub fn put_back(server: &mut Server, from: &str) {
    server.stop();
    server.copy(from, "data");
    server.run();
}

pub fn plan(site: &Site, keep: Keep) -> DatabaseRealign {
    site.store.plan_realign_database(b"shop/", keep, &by(), &Silent).expect("plan").expect("out of line")
}

pub fn realign(site: &Site, plan: &DatabaseRealign) -> DatabaseRealigned {
    site.store.realign_database(plan, &by(), &Silent).expect("realign")
}

fn compare(site: &Site, db: &mut Client) {
    site.compare(db, "public.stock_line", "stock_line", &["id"]);
    site.compare(db, "public.movement", "movement", &["id"]);
}

#[test]
fn the_stock_line_comes_to_ten_after_an_older_dump_was_restored() {
    let (in_15, out_2, out_3) = (moved(15), moved(-2), moved(-3));
    let mut dump = |server: &mut Server| server.tool("pg_dump", "shop", &["-Fc", "-f", "older.dump"]);
    let Some((server, site)) = history(LEDGER, RULES, &[&in_15, &out_2, &out_3], 1, &mut dump) else { return };
    assert_eq!(stock(&mut server.client("shop")), (10, 3));
    server.tool("pg_restore", "shop", &["--clean", "--if-exists", "older.dump"]);
    let mut db = server.client("shop");
    assert_eq!(stock(&mut db), (13, 2));
    let Site { dir, store, what, .. } = site;
    drop(store);
    let run = |words: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_annals"));
        command.args(words).current_dir(dir.path()).env_clear().envs([("ANNALS_STORE", "store"), ("USER", "tester"), ("HOME", "/nowhere")]);
        let done = command.output().expect("runs");
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr))
    };
    let capture = ["capture", "postgres", &what.url, "--name", "shop"];
    let (code, text) = run(&capture);
    assert!(code == Some(14) && text.contains("shop is behind its history by 1 transaction") && text.contains("annals realign"), "{text}");
    assert_eq!(run(&["seal"]).0, Some(14), "nothing ships on top");
    let (_, status) = run(&["status"]);
    assert!(status.contains("shop is behind its history by 1 transaction"), "{status}");
    let (code, text) = run(&["realign", "shop/", "-n"]);
    assert_eq!((code, stock(&mut db)), (Some(0), (13, 2)), "{text}");
    for part in ["is older than its history", "missing here  1 transaction", "derived", "append", "ledger"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (code, text) = run(&["realign", "-y"]);
    assert_eq!((code, stock(&mut db)), (Some(0), (10, 3)), "{text}");
    let (code, text) = run(&capture);
    assert!(code == Some(0) && text.contains("nothing changed"), "{text}");
    assert_eq!(run(&["seal"]).0, Some(0), "ships again");
    // Numbers that were given out before are not given out again.
    db.batch_execute(&moved(-1)).expect("the application goes on");
    assert_eq!((run(&capture).0, stock(&mut db)), (Some(0), (9, 4)));
    let (_, log) = run(&["log", "--json=lines"]);
    let causes: Vec<String> = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON")["cause"].to_string()).collect();
    assert_eq!(causes.iter().filter(|cause| **cause == r#"{"realign":3}"#).count(), 2, "as found, and realigned: {log}");
    let (_, events) = run(&["feed", "index", "--json=lines"]);
    assert_eq!(events.matches(r#""kind":"realign""#).count(), 4, "the line back to 13 and to 10, the movement, the schema: {events}");
    // The realignment is taken back as any bulk change is: 13, with what came after it.
    let (code, text) = run(&["undo", "B6", "--to-source", "-y", "--on-conflict", "override"]);
    assert_eq!((code, stock(&mut db)), (Some(0), (13, 3)), "{text}");
}

#[test]
fn a_data_directory_that_was_rolled_back_is_united_with_what_was_done_on_it() {
    let Some((mut server, site)) = rolled_back() else { return };
    assert_eq!(site.try_capture().expect_err("noticed").code(), "lineage.behind");
    let mut db = server.client("shop");
    db.batch_execute("INSERT INTO movement VALUES (9, 'a', 4); UPDATE stock_line SET quantity = quantity + 4, note = 'counted'").expect("moved");
    assert_eq!(stock(&mut db), (17, 3));
    let e = site.try_capture().expect_err("still");
    assert_eq!((e.code(), site.store.seal(&Default::default(), &Silent).expect_err("fenced").code()), ("lineage.forked", "lineage.forked"));
    let planned = plan(&site, Keep::Both);
    assert_eq!((planned.verdict, planned.common, planned.head, planned.transactions), (Verdict::Forked, 3, 4, 1));
    assert_eq!((planned.count(Fate::Recovered), planned.count(Fate::Kept), planned.count(Fate::Conflict)), (1, 1, 1));
    assert_eq!((planned.invariants[0].now.as_str(), planned.invariants[0].then.as_str(), planned.fits()), ("0", "0", true));
    assert_eq!(stock(&mut db), (17, 3), "a plan changes nothing");
    let done = realign(&site, &planned);
    assert_eq!((stock(&mut db), done.found, done.batch, done.open.len()), ((14, 4), Some(5), Some(6), 0), "15 - 2 - 3 + 4");
    compare(&site, &mut db);
    assert_eq!(site.capture().receipt, None, "in line");
    site.store.seal(&Default::default(), &Silent).expect("ships again");
    let found = site.store.at(&Moment::Seq(5)).expect("view").get("shop/stock_line/a").expect("row").bytes(1000).expect("bytes");
    assert!(String::from_utf8_lossy(&found).contains("\"quantity\":17"), "what was found stays to be read");
    let undo = site.store.undo(6).expect("undo");
    site.store.apply_to_source(&undo, OnConflict::Skip, &by(), &Silent).expect("undone");
    assert_eq!(stock(&mut db), (17, 3));
    compare(&site, &mut db);
    // And once more from the same older state: another line, noticed again.
    drop(db);
    put_back(&mut server, "older");
    assert_eq!(site.try_capture().expect_err("again").code(), "lineage.behind");
    realign(&site, &plan(&site, Keep::Theirs));
    assert_eq!(stock(&mut server.client("shop")), (17, 3));
}

#[test]
fn a_side_can_be_kept_alone_and_the_right_server_put_back() {
    let Some((mut server, site)) = rolled_back() else { return };
    server.client("shop").batch_execute("INSERT INTO movement VALUES (9, 'a', 4)").expect("moved");
    site.try_capture().expect_err("noticed");
    let ours = plan(&site, Keep::Ours);
    // The plan is for these two sides.
    server.client("shop").batch_execute("INSERT INTO movement VALUES (10, 'a', 4)").expect("moved");
    assert_eq!(site.store.realign_database(&ours, &by(), &Silent).expect_err("stale").code(), "plan.stale");
    let done = realign(&site, &plan(&site, Keep::Ours));
    assert_eq!((done.batch, done.found, stock(&mut server.client("shop"))), (None, Some(5), (13, 4)));
    assert!(site.store.at(&Moment::Seq(4)).expect("view").get("shop/movement/3").is_ok());
    compare(&site, &mut server.client("shop"));
    server.client("shop").batch_execute(&moved(1)).expect("on");
    assert_eq!(site.capture().transactions, 1, "each transaction again");
    // An older copy by mistake, and the right one back: as if nothing had been.
    server.stop();
    server.copy("data", "right");
    server.copy("older", "data");
    server.run();
    site.try_capture().expect_err("noticed");
    put_back(&mut server, "right");
    server.client("shop").batch_execute(&moved(2)).expect("on");
    let done = site.capture();
    assert_eq!((done.transactions, done.merged_intervals), (1, 0));
    assert!(site.store.captured_databases().expect("databases")[0].behind.is_none());
    compare(&site, &mut server.client("shop"));
}

#[test]
fn numbers_are_given_anew_fields_merged_and_the_rest_asked() {
    let setup = "CREATE TABLE invoice (id serial PRIMARY KEY, who text); CREATE TABLE part (id text PRIMARY KEY, invoice int REFERENCES invoice); \
        CREATE TABLE item (id int PRIMARY KEY, price int, name text); INSERT INTO invoice (who) VALUES ('x'); INSERT INTO item VALUES (1, \
        10, 'apple'), (2, 20, 'pear')";
    let lost = ["BEGIN; INSERT INTO invoice (who) VALUES ('lost'); INSERT INTO part VALUES ('l', 2); COMMIT", "UPDATE item SET price = price + 1"];
    let rules = "[capture.table.invoice]\npolicy = \"serial\"\n";
    let mut dump = |server: &mut Server| server.tool("pg_dump", "shop", &["-Fc", "--no-publications", "-f", "older.dump"]);
    let Some((server, site)) = history(setup, rules, &["UPDATE invoice SET who = 'y'", lost[0], lost[1]], 2, &mut dump) else { return };
    // Into a database of its own, in the place of the other.
    let mut admin = server.client("postgres");
    admin.batch_execute("DROP DATABASE shop WITH (FORCE)").expect("gone");
    admin.batch_execute("CREATE DATABASE shop").expect("new");
    server.tool("pg_restore", "shop", &["older.dump"]);
    let mut db = server.client("shop");
    db.batch_execute(
        "BEGIN; INSERT INTO invoice (who) VALUES ('new'); INSERT INTO part VALUES ('n', 2); COMMIT; \
         UPDATE item SET name = 'Cox' WHERE id = 1; UPDATE item SET price = 99 WHERE id = 2",
    )
    .expect("work");
    assert_eq!(site.try_capture().expect_err("noticed").code(), "lineage.forked");
    let mut planned = plan(&site, Keep::Both);
    assert_eq!((planned.renumbered[0].old, planned.renumbered[0].new), (2, 3));
    assert_eq!(planned.open().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["shop/item/2"]);
    let at = planned.items.iter().position(|item| item.key == "shop/item/2").expect("the row");
    assert_eq!((planned.items[at].fields[0].here.as_deref(), planned.items[at].fields[0].recorded.as_deref()), (Some("99"), Some("21")));
    planned.items[at].resolution = Resolution::Ours;
    let done = realign(&site, &planned);
    let rows = |db: &mut Client, text: &str| -> Vec<String> { db.query(text, &[]).expect("rows").iter().map(|row| row.get(0)).collect() };
    let all = "SELECT t::text FROM (SELECT 1 o, i::text t FROM invoice i UNION ALL SELECT 2, p::text FROM part p UNION ALL SELECT 3, \
        m::text FROM item m) r ORDER BY o, t";
    assert_eq!(rows(&mut db, all), ["(1,y)", "(2,lost)", "(3,new)", "(l,2)", "(n,3)", "(1,11,Cox)", "(2,99,pear)"]);
    assert_eq!((done.renumbered, done.open.len()), (planned.renumbered, 0));
    assert_eq!(rows(&mut db, "INSERT INTO invoice (who) VALUES ('next') RETURNING id::text"), ["4"]);
    assert_eq!(site.capture().transactions, 1);
    for (table, key) in [("invoice", "id"), ("part", "id"), ("item", "id")] {
        site.compare(&mut db, &format!("public.{table}"), table, &[key]);
    }
}

#[test]
fn what_both_changed_is_as_the_policy_of_its_table_says() {
    let each = |sql: &str| ["authority", "site", "documents", "external"].map(|table| sql.replace('$', table)).join("; ");
    let setup = each("CREATE TABLE $ (id int PRIMARY KEY, n text); INSERT INTO $ VALUES (1, 'base'), (2, 'base'), (3, 'base')");
    let rules = each("[capture.table.$]\npolicy = \"$\"\n").replace("; ", "");
    let lost = each("UPDATE $ SET n = 'history' WHERE id < 3; DELETE FROM $ WHERE id = 3; INSERT INTO $ VALUES (6, 'history')");
    let mut dump = |server: &mut Server| server.tool("pg_dump", "shop", &["-Fc", "-f", "older.dump"]);
    let Some((server, site)) = history(&setup, &rules, &[&lost], 1, &mut dump) else { return };
    let sent = |id: &str| Reference::new("svarut", id).state("delivered").irrevocable();
    site.store.add_ref("shop/external/1", sent("s-1")).expect("ref");
    site.store.add_ref("shop/external/6", sent("s-6")).expect("ref");
    server.tool("pg_restore", "shop", &["--clean", "--if-exists", "older.dump"]);
    let mut db = server.client("shop");
    db.batch_execute(&each("UPDATE $ SET n = 'here' WHERE id IN (1, 3); DELETE FROM $ WHERE id = 2; INSERT INTO $ VALUES (7, 'here')"))
        .expect("work");
    assert_eq!(site.try_capture().expect_err("noticed").code(), "lineage.forked");
    let planned = plan(&site, Keep::Both);
    // What went out after the dump was made, and what went out of rows that it has.
    let named: Vec<_> = planned.references.iter().map(|r| (r.key.as_str(), r.id.as_str(), r.irrevocable, r.later)).collect();
    assert_eq!(named, [("shop/external/1", "s-1", true, false), ("shop/external/6", "s-6", true, true)]);
    let done = realign(&site, &planned);
    assert_eq!(done.open.len(), 0, "nobody is asked: {done:?}");
    let mut rows = |table: &str| -> String {
        db.query_one(&format!("SELECT string_agg(id || ' ' || n, ', ' ORDER BY id) FROM {table}"), &[]).expect("rows").get(0)
    };
    assert_eq!(rows("authority"), "1 history, 2 history, 6 history, 7 here");
    assert_eq!(rows("site"), "1 here, 3 here, 6 history, 7 here");
    assert_eq!(rows("documents"), "1 here, 2 history, 3 here, 6 history, 7 here");
    assert_eq!(rows("external"), rows("authority"), "what is in the history really happened");
    assert_eq!(site.store.refs("shop/external/6").expect("refs").len(), 1);
    assert_eq!(site.capture().receipt, None, "in line");
    for table in ["authority", "site", "documents", "external"] {
        site.compare(&mut db, &format!("public.{table}"), table, &["id"]);
    }
}

#[test]
fn what_the_server_or_an_invariant_forbids_leaves_both_as_they_were() {
    let Some((mut server, site)) = rolled_back() else { return };
    let mut db = server.client("shop");
    db.batch_execute("ALTER TABLE movement ADD COLUMN extra int").expect("a migration on one branch");
    site.try_capture().expect_err("noticed");
    let refused = site.store.plan_realign_database(b"shop/", Keep::Both, &by(), &Silent).expect_err("schema");
    assert!(refused.code() == "realign.schema" && refused.to_string().contains("movement"), "{refused}");
    db.batch_execute("ALTER TABLE movement DROP COLUMN extra; ALTER TABLE movement ADD CHECK (change <> -3)").expect("a rule");
    let planned = plan(&site, Keep::Both);
    assert!(planned.forbidden[0].1.contains("check constraint") && !planned.fits(), "{:?}", planned.forbidden);
    assert_eq!(site.store.realign_database(&planned, &by(), &Silent).expect_err("a rule").code(), "realign.forbidden");
    db.batch_execute("ALTER TABLE movement DROP CONSTRAINT movement_change_check").expect("no rule");
    let site = site.with_rules("[[capture.invariant]]\nname = \"few\"\nsql = \"SELECT count(*) FROM movement\"\nexpect = \"2\"\n");
    let planned = plan(&site, Keep::Both);
    assert_eq!((planned.invariants[1].now.as_str(), planned.invariants[1].then.as_str(), planned.fits()), ("2", "3", false));
    assert_eq!(site.store.realign_database(&planned, &by(), &Silent).expect_err("broken").code(), "invariant.broken");
    assert_eq!((stock(&mut db), site.store.position().expect("position").seq), ((13, 2), 4));
    for sql in ["COMMIT", "DELETE FROM movement", "SELECT 1; SELECT 2"] {
        let site = Site::new(&server)
            .with_rules(&(capture_of(&server) + &format!("[[capture.invariant]]\nname = \"bad\"\nsql = \"{sql}\"\nexpect = \"0\"\n")));
        site.try_capture().map(|_| ()).expect("a new history");
        db.batch_execute(&moved(1)).expect("moved");
        site.capture();
        db.batch_execute("DELETE FROM movement WHERE id = (SELECT max(id) FROM movement); UPDATE stock_line SET quantity = quantity - 1")
            .expect("back");
        db.batch_execute("SELECT pg_drop_replication_slot('annals_shop')").expect("unseen");
        site.try_capture().expect_err("noticed");
        let refused = site.store.plan_realign_database(b"shop/", Keep::Both, &by(), &Silent).expect_err("not a question");
        assert_eq!(refused.code(), "realign.sql", "{sql}");
        server.client("shop").batch_execute("SELECT pg_drop_replication_slot('annals_shop')").expect("for the next");
    }
    drop(db);
    server.kill();
}

#[test]
fn a_realignment_is_cut_at_every_place() {
    let (in_15, out_2, out_3) = (moved(15), moved(-2), moved(-3));
    let mut copy = |server: &mut Server| server.client("postgres").batch_execute("CREATE DATABASE kept TEMPLATE shop").expect("a copy");
    let Some((server, site)) = history(LEDGER, RULES, &[&in_15, &out_2, &out_3], 1, &mut copy) else { return };
    let Site { dir, store, what, .. } = site;
    drop(store);
    let (store, kept) = (dir.path().join("store"), dir.path().join("kept"));
    let again = |from: &std::path::Path, to: &std::path::Path| {
        let _ = std::fs::remove_dir_all(to);
        assert!(std::process::Command::new("cp").arg("-a").args([from, to]).status().expect("cp").success());
    };
    again(&store, &kept);
    let run = |words: &[&str], fault: Option<usize>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_annals"));
        command.args(words).current_dir(dir.path()).env_clear().envs([("ANNALS_STORE", "store"), ("USER", "tester")]);
        if let Some(n) = fault {
            command.env("ANNALS_FAULT", format!("*:{n}"));
        }
        let done = command.output().expect("runs");
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr))
    };
    let (mut afters, mut befores) = (0, 0);
    for n in 0.. {
        let mut admin = server.client("postgres");
        admin.batch_execute("DROP DATABASE shop WITH (FORCE)").expect("gone");
        admin.batch_execute("CREATE DATABASE shop TEMPLATE kept").expect("older");
        server
            .client("shop")
            .batch_execute(
                "INSERT INTO movement VALUES (9, 'a', 4); \
        UPDATE stock_line SET quantity = quantity + 4",
            )
            .expect("moved");
        again(&kept, &store);
        let ended = run(&["realign", "shop/", "-y"], Some(n)).0 == Some(0);
        let is_before = match stock(&mut server.client("shop")) {
            (17, 3) => true,
            (14, 4) => false,
            other => panic!("half of it after dying at {n}: {other:?}"),
        };
        let (code, text) = run(&["capture", "postgres", &what.url, "--name", "shop"], None);
        assert_eq!(code, Some(if is_before { 14 } else { 0 }), "after dying at {n}: {text}");
        *if is_before { &mut befores } else { &mut afters } += 1;
        assert_eq!(run(&["realign", "shop/", "-y"], None).0, Some(0), "after dying at {n}");
        assert_eq!(stock(&mut server.client("shop")), (14, 4), "after dying at {n}");
        let log = run(&["log", "--json=lines"], None).1;
        assert_eq!(log.lines().count(), 6, "as found, and realigned, after dying at {n}: {log}");
        assert_eq!(run(&["seal"], None).0, Some(0), "after dying at {n}");
        if ended {
            break;
        }
    }
    assert!(befores > 2 && afters > 2, "{befores} {afters}");
}

#[test]
fn a_dump_on_another_server_is_that_history_and_a_strange_server_is_not() {
    let (in_15, out_2, out_3) = (moved(15), moved(-2), moved(-3));
    let mut dump = |server: &mut Server| server.tool("pg_dump", "shop", &["--no-publications", "-f", "older.sql"]);
    let Some((server, mut site)) = history(LEDGER, RULES, &[&in_15, &out_2, &out_3], 1, &mut dump) else { return };
    let Some(other) = Server::start() else { return };
    other.database("");
    other.psql("shop", &server.dir.path().join("older.sql"));
    site.what.url = other.url("shop");
    let e = site.try_capture().expect_err("another");
    assert_eq!((e.kind().exit(), e.code()), (14, "lineage.foreign"));
    assert!(e.to_string().contains("behind its history by 1 transaction"), "{e}");
    // The configuration names the server that is right from now on.
    let config = site.dir.path().join("store/annals.toml");
    let text = std::fs::read_to_string(&config).expect("config").replace(&server.url("shop"), &other.url("shop"));
    std::fs::write(&config, text).expect("config");
    let site = site.with_rules("");
    realign(&site, &plan(&site, Keep::Both));
    let mut db = other.client("shop");
    assert_eq!(stock(&mut db), (10, 3));
    compare(&site, &mut db);
    db.batch_execute(&moved(1)).expect("on");
    assert_eq!(site.capture().transactions, 1);
}

#[test]
fn a_server_and_its_store_go_back_together() {
    // As a machine that was rolled back: both agree, and what they lack is offsite.
    let Some(mut server) = Server::start() else { return };
    server.database(LEDGER);
    let site = Site::new(&server);
    let offsite = annals::OpenRemote::new("offsite", std::sync::Arc::new(annals::storage::remote::Memory::new()));
    let ship = |site: &Site| site.store.ship(&offsite, &Default::default(), &Silent);
    server.client("shop").batch_execute(&moved(15)).expect("moved");
    site.capture();
    ship(&site).expect("shipped");
    let Site { dir, store, what, clock } = site;
    drop(store);
    let path = dir.path().join("store");
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        let _ = std::fs::remove_dir_all(to);
        assert!(std::process::Command::new("cp").arg("-a").args([from, to]).status().expect("cp").success());
    };
    let snapshot = dir.path().join("snapshot");
    copy(&path, &snapshot);
    server.stop();
    server.copy("data", "older");
    server.run();
    let open = || annals::Store::builder().state_dir(None).open(&path).expect("open");
    let site = Site { store: open(), what, dir, clock };
    for change in [-2, -3] {
        server.client("shop").batch_execute(&moved(change)).expect("moved");
        assert_eq!(site.capture().transactions, 1);
    }
    ship(&site).expect("shipped");
    let Site { dir, store, what, clock } = site;
    drop(store);
    copy(&snapshot, &path);
    put_back(&mut server, "older");
    let site = Site { store: open(), what, dir, clock };
    assert_eq!((stock(&mut server.client("shop")), site.capture().receipt), ((15, 1), None), "nothing here speaks against it");
    assert_eq!(ship(&site).expect_err("the remote notices").code(), "lineage.behind");
    let remotes = std::slice::from_ref(&offsite);
    site.store.fetch(remotes, &Silent).expect("fetched");
    let refused = site.try_capture().expect_err("the server went back too");
    assert_eq!((refused.code(), refused.at().seq), ("lineage.behind", Some(1)));
    let planned = plan(&site, Keep::Both);
    assert_eq!((planned.common, planned.transactions), (1, 2));
    realign(&site, &planned);
    let mut db = server.client("shop");
    assert_eq!(stock(&mut db), (10, 3));
    compare(&site, &mut db);
    assert_eq!(site.capture().receipt, None, "in line");
    db.batch_execute(&moved(1)).expect("on");
    assert_eq!(site.capture().transactions, 1);
    compare(&site, &mut db);
}
