//! A database that went back in time and its history become one again.

use annals::engine::capture::DatabaseRealigned;
use annals::engine::plans::By;
use annals::model::lineage::{Fate, Resolution};
use annals::model::realign::{DatabaseRealign, Keep};
use annals::{Kind, OnConflict, Reference, Silent, Store};
use rusqlite::Connection;

use crate::support::{Site, dump, open, site};

/// What `annals.toml` says of the ledger.
const RULES: &str = r#"
[[capture]]
name = "app"
sqlite = "/nowhere/app.db"
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

const LEDGER: &str = "PRAGMA journal_mode = WAL; CREATE TABLE stock_line (id TEXT PRIMARY KEY, quantity INT, note TEXT); \
    CREATE TABLE movement (id INTEGER PRIMARY KEY, line TEXT, change INT); INSERT INTO stock_line VALUES ('a', 0, '')";

fn by() -> By {
    By { actor: "806".into(), reason: String::new(), origin: "test".into() }
}

/// The site with more in its configuration.
pub fn with_rules(site: Site, rules: &str) -> Site {
    let Site { dir, store } = site;
    drop(store);
    let config = dir.path().join("store/annals.toml");
    let text = std::fs::read_to_string(&config).expect("config") + rules;
    std::fs::write(&config, text).expect("config");
    reopened(dir)
}

/// The site with its store opened again.
fn reopened(dir: tempfile::TempDir) -> Site {
    // A child that another test starts this very moment may hold the lock until it is another program.
    let store = loop {
        match Store::open(dir.path().join("store")) {
            Err(e) if e.kind() == Kind::Locked => std::thread::yield_now(),
            store => break store.expect("open"),
        }
    };
    Site { dir, store }
}

/// Runs each text as a transaction and captures it; then an older copy is put back, from before the last `lost` of them.
pub fn put_back(site: &Site, setup: &str, transactions: &[&str], lost: usize) -> Connection {
    let app = site.app(setup);
    site.capture();
    for (i, text) in transactions.iter().enumerate() {
        if i == transactions.len() - lost {
            app.execute_batch(&format!("VACUUM INTO '{}'", site.path("old.db").display())).expect("copy");
        }
        app.execute_batch(&format!("BEGIN; {text}; COMMIT")).expect("transaction");
        site.capture();
    }
    drop(app);
    older(site)
}

/// Puts the older copy back, which is noticed.
fn older(site: &Site) -> Connection {
    for name in ["app.db", "app.db-wal", "app.db-shm"] {
        let _ = std::fs::remove_file(site.path(name));
    }
    std::fs::copy(site.path("old.db"), site.path("app.db")).expect("restored");
    assert_eq!(site.try_capture().expect_err("noticed").code(), "lineage.behind");
    open(&site.path("app.db"))
}

fn moved(change: i64) -> String {
    format!("INSERT INTO movement (line, change) VALUES ('a', {change}); UPDATE stock_line SET quantity = quantity + {change} WHERE id = 'a'")
}

fn ledger() -> (Site, Connection) {
    let site = with_rules(site(), RULES);
    let (in_15, out_2, out_3) = (moved(15), moved(-2), moved(-3));
    let app = put_back(&site, LEDGER, &[&in_15, &out_2, &out_3], 1);
    (site, app)
}

fn plan(site: &Site, keep: Keep) -> DatabaseRealign {
    site.store.plan_realign_database(b"app/", keep, &by(), &Silent).expect("plan").expect("out of line")
}

fn realign(site: &Site, plan: &DatabaseRealign) -> DatabaseRealigned {
    site.store.realign_database(plan, &by(), &Silent).expect("realign")
}

fn number(app: &Connection, text: &str) -> i64 {
    app.query_row(text, [], |row| row.get(0)).expect(text)
}

const QUANTITY: &str = "SELECT quantity FROM stock_line WHERE id = 'a'";

#[test]
fn the_stock_line_of_the_field_comes_to_ten_on_both_sides() {
    let (site, app) = ledger();
    assert_eq!(number(&app, QUANTITY), 13);
    assert_eq!(site.try_capture().expect_err("noticed").code(), "lineage.behind");
    assert_eq!(site.store.seal(&Default::default(), &Silent).expect_err("nothing ships on top").code(), "lineage.behind");
    // Somebody goes on working: one more comes in. Nothing of that may be shipped as the truth either.
    app.execute_batch(&moved(1)).expect("moved");
    assert_eq!((number(&app, QUANTITY), site.try_capture().expect_err("still").code()), (14, "lineage.forked"));
    app.execute_batch("DELETE FROM movement WHERE id = 3; UPDATE stock_line SET quantity = 13").expect("taken back");
    let before = dump(&app);
    let planned = plan(&site, Keep::Both);
    assert_eq!(dump(&app), before, "a plan changes nothing");
    assert_eq!((planned.common, planned.head, planned.transactions), (3, 4, 1));
    assert_eq!((planned.count(Fate::Recovered), planned.count(Fate::Kept), planned.count(Fate::Conflict)), (2, 0, 0));
    assert_eq!((planned.invariants[0].now.as_str(), planned.invariants[0].then.as_str(), planned.fits()), ("0", "0", true));
    let done = realign(&site, &planned);
    assert_eq!((number(&app, QUANTITY), number(&app, "SELECT count(*) FROM movement")), (10, 3));
    assert!(site.text("app/stock_line/a").contains("\"quantity\":10"));
    assert_eq!((done.found, done.batch, done.open.len()), (Some(5), Some(6), 0));
    assert_eq!(site.restored(), dump(&app), "both sides");
    assert_eq!(site.capture().receipt, None, "in line");
    site.store.seal(&Default::default(), &Silent).expect("ships again");
    // What was found stays to be read, and the realignment is undone as any bulk change.
    let found = site.store.at(&annals::Moment::Seq(5)).expect("view").get("app/stock_line/a").expect("row").bytes(1000).expect("bytes");
    assert!(String::from_utf8_lossy(&found).contains("\"quantity\":13"));
    let undo = site.store.undo(6).expect("undo");
    site.store.apply_to_source(&undo, OnConflict::Skip, &by(), &Silent).expect("undone");
    assert_eq!((dump(&app), site.restored()), (before.clone(), before));
}

#[test]
fn what_is_new_in_the_database_is_united_and_what_is_derived_is_computed() {
    let (site, app) = ledger();
    app.execute_batch("INSERT INTO movement VALUES (9, 'a', 4); UPDATE stock_line SET quantity = quantity + 4, note = 'counted'").expect("moved");
    assert_eq!(site.try_capture().expect_err("noticed").code(), "lineage.forked");
    let planned = plan(&site, Keep::Both);
    assert_eq!((planned.count(Fate::Kept), planned.count(Fate::Conflict)), (1, 1));
    let done = realign(&site, &planned);
    assert_eq!((number(&app, QUANTITY), number(&app, "SELECT count(*) FROM movement")), (14, 4), "15 - 2 - 3 + 4");
    assert_eq!((site.restored(), done.position), (dump(&app), site.store.position().expect("position")));
    assert_eq!(site.capture().receipt, None);
}

#[test]
fn fields_are_merged_and_the_same_field_waits_for_a_person() {
    let site = site();
    let setup = "PRAGMA journal_mode = WAL; CREATE TABLE item (id INTEGER PRIMARY KEY, price INT, name TEXT); \
        INSERT INTO item VALUES (1, 10, 'apple'), (2, 20, 'pear'), (3, 30, 'plum')";
    let lost = ["UPDATE item SET price = 11 WHERE id = 1", "UPDATE item SET price = 21 WHERE id = 2; DELETE FROM item WHERE id = 3"];
    let all = ["UPDATE item SET name = 'Apple' WHERE id = 1", lost[0], lost[1]];
    let app = put_back(&site, setup, &all, 2);
    app.execute_batch("UPDATE item SET name = 'Cox' WHERE id = 1; UPDATE item SET price = 99 WHERE id = 2").expect("work");
    assert_eq!(site.try_capture().expect_err("noticed").code(), "lineage.forked");
    let mut planned = plan(&site, Keep::Both);
    assert!(planned.tables[0].default && planned.tables[0].policy.word() == "field");
    assert_eq!(planned.open().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["app/item/2"]);
    assert_eq!(planned.items[1].fields[0].here.as_deref(), Some("99"));
    let text = serde_json::to_string(&planned).expect("JSON");
    planned = serde_json::from_str(&text).expect("plan");
    planned.items[1].resolution = Resolution::Ours;
    let done = realign(&site, &planned);
    assert_eq!(done.open, Vec::<String>::new());
    let rows = dump(&app).into_iter().filter(|line| line.starts_with("item(")).collect::<Vec<_>>();
    assert_eq!(rows, ["item(1, 11, \"Cox\")", "item(2, 99, \"pear\")"], "the third was removed, and nobody changed it here");
    assert_eq!(site.restored(), dump(&app));
}

#[test]
fn a_number_given_twice_is_given_anew_with_what_refers_to_it() {
    let rules = "[[capture]]\nname = \"app\"\nsqlite = \"/nowhere\"\n[capture.table.invoice]\npolicy = \"serial\"\n";
    let site = with_rules(site(), rules);
    let setup = "PRAGMA journal_mode = WAL; CREATE TABLE invoice (id INTEGER PRIMARY KEY, who TEXT); \
        CREATE TABLE part (id TEXT PRIMARY KEY, invoice INT REFERENCES invoice (id)); INSERT INTO invoice VALUES (100, 'x')";
    let lost = "INSERT INTO invoice VALUES (101, 'lost'); INSERT INTO part VALUES ('l', 101)";
    let app = put_back(&site, setup, &["UPDATE invoice SET who = 'y'", lost], 1);
    app.execute_batch("INSERT INTO invoice VALUES (101, 'new'); INSERT INTO part VALUES ('n', 101)").expect("work");
    site.try_capture().expect_err("still");
    let planned = plan(&site, Keep::Both);
    assert_eq!((planned.renumbered[0].old, planned.renumbered[0].new), (101, 102));
    let done = realign(&site, &planned);
    assert_eq!(done.renumbered, planned.renumbered);
    assert_eq!(number(&app, "SELECT count(*) FROM invoice WHERE (id, who) IN (VALUES (100, 'y'), (101, 'lost'), (102, 'new'))"), 3);
    assert_eq!(number(&app, "SELECT count(*) FROM part WHERE (id, invoice) IN (VALUES ('l', 101), ('n', 102))"), 2);
    assert_eq!((site.restored(), site.capture().receipt), (dump(&app), None));
}

/// A table of this policy whose rows changed on both lines, through the program: planned, realigned, and what became of rows 1 (changed on both),
/// 2 (removed here, changed in the history), 3 (the other way round), 6 (only in the history) and 7 (only here).
fn realigned_as(policy: &str, meaning: &str) -> (Site, Vec<String>) {
    let site = with_rules(site(), &format!("[[capture]]\nname = \"app\"\nsqlite = \"/nowhere\"\n[capture.table.t]\npolicy = \"{policy}\"\n"));
    let setup =
        "PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, n TEXT); INSERT INTO t VALUES (1, 'base'), (2, 'base'), (3, 'base')";
    let lost = "UPDATE t SET n = 'history' WHERE id < 3; DELETE FROM t WHERE id = 3; INSERT INTO t VALUES (6, 'history')";
    let app = put_back(&site, setup, &[lost], 1);
    app.execute_batch("UPDATE t SET n = 'here' WHERE id IN (1, 3); DELETE FROM t WHERE id = 2; INSERT INTO t VALUES (7, 'here')").expect("work");
    let Site { dir, store } = site;
    drop(store);
    let run = |words: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_annals"));
        let set = [("ANNALS_STORE", "store"), ("USER", "tester"), ("HOME", "/nowhere")];
        let done = command.args(words.split(' ')).current_dir(dir.path()).env_clear().envs(set).output().expect("runs");
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr))
    };
    assert_eq!(run("capture sqlite app.db").0, Some(14), "two lines");
    let (code, text) = run("realign app/ -n");
    assert!(code == Some(0) && text.contains(policy) && text.contains(meaning), "{text}");
    let (code, text) = run("realign app/ -y");
    assert_eq!(code, Some(0), "nobody is asked: {text}");
    let (code, text) = run("capture sqlite app.db");
    assert!(code == Some(0) && text.contains("nothing changed"), "in line: {text}");
    assert_eq!(run("seal").0, Some(0), "ships again");
    let site = reopened(dir);
    assert_eq!(site.restored(), dump(&app), "both sides");
    (site, dump(&app).into_iter().filter(|line| line.starts_with("t(")).collect())
}

/// What a row was, from its first version on.
fn told(site: &Site, key: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut versions = site.store.history(key).expect("history");
    versions.sort_by_key(|version| version.number);
    for version in versions {
        let text = String::from_utf8(site.store.open(&version).expect("version").bytes(1000).expect("bytes")).expect("text");
        out.push(text.split('"').rev().nth(1).expect("its text").to_owned());
        out.extend(version.removed.then(|| "removed".to_owned()));
    }
    out
}

#[test]
fn under_authority_the_history_decides_about_what_both_changed() {
    let (site, rows) = realigned_as("authority", "the history decides");
    assert_eq!(rows, ["t(1, \"history\")", "t(2, \"history\")", "t(6, \"history\")", "t(7, \"here\")"]);
    assert_eq!(told(&site, "app/t/1"), ["base", "history", "here", "history"]);
    assert_eq!(told(&site, "app/t/3"), ["base", "removed", "here", "removed"]);
}

#[test]
fn under_external_what_is_in_the_history_happened_and_what_went_out_is_named() {
    let (site, rows) = realigned_as("external", "what is in the history really happened");
    assert_eq!(rows, ["t(1, \"history\")", "t(2, \"history\")", "t(6, \"history\")", "t(7, \"here\")"]);
    assert_eq!(told(&site, "app/t/2"), ["base", "history", "removed", "history"]);

    // Two letters went out after the copy was made, one as an answer to what the copy has.
    let site =
        with_rules(crate::support::site(), "[[capture]]\nname = \"app\"\nsqlite = \"/nowhere\"\n[capture.table.letter]\npolicy = \"external\"\n");
    let app = site.app("PRAGMA journal_mode = WAL; CREATE TABLE letter (id INTEGER PRIMARY KEY, state TEXT); INSERT INTO letter VALUES (1, 'draft')");
    site.capture();
    app.execute_batch(&format!("VACUUM INTO '{}'", site.path("old.db").display())).expect("copy");
    app.execute_batch("BEGIN; UPDATE letter SET state = 'sent'; INSERT INTO letter VALUES (2, 'sent'); COMMIT").expect("sent");
    site.capture();
    let sent = |id: &str| Reference::new("svarut", id).state("delivered").irrevocable();
    site.store.add_ref("app/letter/1", sent("s-1")).expect("ref");
    site.store.add_ref("app/letter/2", sent("s-2")).expect("ref");
    drop(app);
    let app = older(&site);
    app.execute_batch("UPDATE letter SET state = 'thrown away'; INSERT INTO letter VALUES (3, 'draft')").expect("work");
    site.try_capture().expect_err("two lines");
    let planned = plan(&site, Keep::Both);
    let named: Vec<_> = planned.references.iter().map(|r| (r.key.as_str(), r.id.as_str(), r.irrevocable, r.later)).collect();
    assert_eq!(named, [("app/letter/1", "s-1", true, false), ("app/letter/2", "s-2", true, true)]);
    let done = realign(&site, &planned);
    assert_eq!(done.open.len(), 0, "nobody is asked about what happened outside: {done:?}");
    let rows: Vec<String> = dump(&app).into_iter().filter(|line| line.starts_with("letter(")).collect();
    assert_eq!(rows, ["letter(1, \"sent\")", "letter(2, \"sent\")", "letter(3, \"draft\")"]);
    assert_eq!(told(&site, "app/letter/1"), ["draft", "sent", "thrown away", "sent"]);
    assert_eq!(site.store.refs("app/letter/2").expect("refs").len(), 1);
    assert_eq!((site.restored(), site.capture().receipt), (dump(&app), None));
}

#[test]
fn under_site_the_database_decides_about_what_both_changed() {
    let (site, rows) = realigned_as("site", "the database decides");
    assert_eq!(rows, ["t(1, \"here\")", "t(3, \"here\")", "t(6, \"history\")", "t(7, \"here\")"]);
    assert_eq!(told(&site, "app/t/1"), ["base", "history", "here"]);
    assert_eq!(told(&site, "app/t/2"), ["base", "history", "removed"]);
}

#[test]
fn of_documents_both_are_versions_and_none_is_removed() {
    let (site, rows) = realigned_as("documents", "both are versions");
    let stay = ["t(1, \"here\")", "t(2, \"history\")", "t(3, \"here\")", "t(6, \"history\")", "t(7, \"here\")"];
    assert_eq!(rows, stay);
    assert_eq!(told(&site, "app/t/1"), ["base", "history", "here"]);
    assert_eq!(told(&site, "app/t/2"), ["base", "history", "removed", "history"]);
}

#[test]
fn a_side_can_be_kept_alone_and_nothing_of_the_other_is_lost() {
    let (site, app) = ledger();
    app.execute_batch("INSERT INTO movement VALUES (9, 'a', 4)").expect("moved");
    site.try_capture().expect_err("still");
    let here = dump(&app);
    let done = realign(&site, &plan(&site, Keep::Ours));
    assert_eq!((done.batch, done.found, dump(&app), site.restored()), (None, Some(5), here.clone(), here));
    assert!(site.store.at(&annals::Moment::Seq(4)).expect("view").get("app/movement/3").is_ok());
    assert_eq!(site.capture().receipt, None);
}

#[test]
fn what_is_only_in_the_database_can_be_dropped_and_stays_readable() {
    let (site, app) = ledger();
    app.execute_batch("INSERT INTO movement VALUES (9, 'a', 4)").expect("moved");
    site.try_capture().expect_err("still");
    let done = realign(&site, &plan(&site, Keep::Theirs));
    assert_eq!((done.batch, number(&app, QUANTITY), number(&app, "SELECT count(*) FROM movement")), (Some(6), 10, 3));
    assert!(site.store.at(&annals::Moment::Seq(5)).expect("view").get("app/movement/9").is_ok());
    assert_eq!((site.restored(), site.capture().receipt), (dump(&app), None));
}

#[test]
fn a_plan_is_refused_when_the_database_moved_or_an_invariant_would_break() {
    let (site, app) = ledger();
    site.try_capture().expect_err("still");
    let old = plan(&site, Keep::Both);
    app.execute_batch("INSERT INTO movement VALUES (9, 'a', 4)").expect("moved");
    let here = dump(&app);
    assert_eq!(site.store.realign_database(&old, &by(), &Silent).expect_err("stale").code(), "plan.stale");
    let site = with_rules(site, "[[capture.invariant]]\nname = \"few\"\nsql = \"SELECT count(*) FROM movement\"\nexpect = \"2\"\n");
    let planned = plan(&site, Keep::Both);
    assert_eq!((planned.invariants[1].now.as_str(), planned.invariants[1].then.as_str(), planned.fits()), ("3", "4", false));
    let refused = site.store.realign_database(&planned, &by(), &Silent).expect_err("broken");
    assert_eq!((refused.kind(), refused.code()), (Kind::Refused, "invariant.broken"));
    assert_eq!((dump(&app), site.try_capture().expect_err("as before").code()), (here, "lineage.forked"));
}

#[test]
fn tables_that_are_defined_otherwise_are_refused() {
    let site = site();
    let lost = ["INSERT INTO t VALUES (2, 2)", "ALTER TABLE t ADD COLUMN c", "UPDATE t SET b = 5"];
    let app = put_back(&site, "PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 1)", &lost, 2);
    site.try_capture().expect_err("still");
    let refused = site.store.plan_realign_database(b"app/", Keep::Both, &by(), &Silent).expect_err("schema");
    assert_eq!(refused.code(), "realign.schema");
    app.execute_batch("ALTER TABLE t ADD COLUMN c").expect("the application's migration");
    let done = realign(&site, &plan(&site, Keep::Both));
    assert_eq!((site.restored(), done.batch.is_some()), (dump(&app), true));
}

#[test]
fn a_realignment_is_cut_at_every_place() {
    let (site, app) = ledger();
    app.execute_batch("INSERT INTO movement VALUES (9, 'a', 4); UPDATE stock_line SET quantity = quantity + 4").expect("moved");
    let before = dump(&app);
    drop(app);
    let Site { dir, store } = site;
    drop(store);
    let (work, kept) = (dir.path().to_owned(), tempfile::tempdir().expect("dir"));
    copy(&work, kept.path());
    let run = |words: &str, fault: Option<usize>| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_annals"));
        command.args(words.split(' ')).current_dir(&work).env_clear().envs([("ANNALS_STORE", "store"), ("USER", "tester")]);
        if let Some(n) = fault {
            command.env("ANNALS_FAULT", format!("*:{n}"));
        }
        let done = command.output().expect("runs");
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr))
    };
    let (mut afters, mut befores) = (0, 0);
    for n in 0.. {
        for entry in work.read_dir().expect("folder").flatten() {
            let path = entry.path();
            if path.is_dir() { std::fs::remove_dir_all(path).expect("clear") } else { std::fs::remove_file(path).expect("clear") }
        }
        copy(kept.path(), &work);
        let ended = run("realign app/ -y", Some(n)).0 == Some(0);
        let now = dump(&open(&work.join("app.db")));
        let is_before = now == before;
        let (code, text) = run("capture sqlite app.db", None);
        match is_before {
            true => assert_eq!(code, Some(14), "nothing happened at {n}: {text}"),
            false => assert_eq!(code, Some(0), "it is recorded after {n}: {text}"),
        }
        *if is_before { &mut befores } else { &mut afters } += 1;
        assert_eq!(run("realign app/ -y", None).0, Some(0), "after dying at {n}");
        let app = open(&work.join("app.db"));
        assert_eq!((number(&app, QUANTITY), number(&app, "SELECT count(*) FROM movement")), (14, 4), "after dying at {n}");
        let log = run("log --json=lines", None).1;
        assert_eq!(log.lines().count(), 6, "as found, and realigned, after dying at {n}: {log}");
        assert_eq!(run("restore app/ --into again.db", None).0, Some(0));
        assert_eq!(dump(&open(&work.join("again.db"))), dump(&app), "after dying at {n}");
        assert_eq!(run("seal", None).0, Some(0), "after dying at {n}");
        if ended {
            break;
        }
    }
    assert!(befores > 2 && afters > 2, "{befores} {afters}");
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("folder");
    for entry in from.read_dir().expect("folder").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() { copy(&from, &to) } else { std::fs::copy(&from, &to).map(|_| ()).expect("copy") }
    }
}
