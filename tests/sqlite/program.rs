//! The words of the program about databases.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{dump, open};

fn command(dir: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
    command.args(words).current_dir(dir).env_clear().envs([("ANNALS_STORE", "store"), ("USER", "tester"), ("TZ", "UTC")]);
    command.stdin(Stdio::null());
    command
}

fn run(dir: &Path, words: &str) -> (i32, String, String) {
    let words: Vec<&str> = words.split_whitespace().collect();
    let done = command(dir, &words).output().expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (done.status.code().expect("code"), text(done.stdout), text(done.stderr))
}

fn object(dir: &Path, words: &str) -> Value {
    let (code, out, err) = run(dir, words);
    assert_eq!(code, 0, "{words}: {out}{err}");
    serde_json::from_str(&out).expect("JSON")
}

#[test]
fn from_capture_to_restore_in_words() {
    let dir = tempfile::tempdir().expect("dir");
    let dir = dir.path();
    object(dir, "init --site t --json");
    let app = open(&dir.join("stock.db"));
    app.execute_batch("PRAGMA user_version = 3; CREATE TABLE item (id TEXT PRIMARY KEY, n INT); INSERT INTO item VALUES ('a', 1), ('b', 2)")
        .expect("made");
    let first = object(dir, "capture sqlite stock.db --image --once --json");
    for (field, value) in [("seq", 1), ("added", 2), ("transactions", 1), ("rows", 2), ("merged_intervals", 0)] {
        assert_eq!(first[field], value, "{field}: {first}");
    }
    let original = std::fs::read(dir.join("stock.db")).expect("read");
    app.execute_batch("UPDATE item SET n = 5 WHERE id = 'a'; DELETE FROM item WHERE id = 'b'").expect("changed");
    let second = object(dir, "capture sqlite stock.db --json");
    assert_eq!((&second["changed"], &second["removed"], &second["merged_intervals"]), (&1.into(), &1.into(), &1.into()));
    let restored = object(dir, "restore stock/ --at seq:1 --into old.db --json");
    assert_eq!((&restored["exact"], std::fs::read(dir.join("old.db")).expect("read") == original), (&true.into(), true));
    assert_eq!(object(dir, "restore stock --into new.db --json")["rows"], 1);
    assert_eq!(dump(&open(&dir.join("new.db"))), dump(&app));
    assert_eq!(run(dir, "restore stock/ --into new.db").0, 14, "it is there already");
    assert_eq!(run(dir, "diff stock/item/a@seq:1 stock/item/a").0, 0);
    let (_, found, _) = run(dir, "find stock/** --field n=2 --at seq:1 --json=lines");
    assert!(found.contains(r#""key":"stock/item/b""#) && found.lines().count() == 1, "{found}");
    let (_, fields, _) = run(dir, "fields stock/item/a --json=lines");
    assert!(fields.contains(r#""path":"n""#) && fields.contains(r#""old":1"#) && fields.contains(r#""new":5"#), "{fields}");
    assert_eq!(run(dir, "log stock/item/a --json=lines").1.lines().count(), 2, "each version");
    let back = object(dir, "restore stock/item/a@v1 --to-source --json");
    assert_eq!(back["done"], 1, "{back}");
    assert_eq!(run(dir, "restore stock/item/b@v1 --to-source").0, 0);
    let rows: i64 = app.query_row("SELECT sum(n) FROM item", [], |r| r.get(0)).expect("sum");
    assert_eq!(rows, 3);
    assert_eq!(run(dir, "restore stock/item/b@v1").0, 0, "nothing to do");
    let (code, _, err) = run(dir, "undo B2 -y");
    assert!(code == 0 || err.contains("--to-source"), "{code} {err}");
    let status = object(dir, "status --json");
    assert_eq!((&status["captures"][0]["prefix"], &status["captures"][0]["behind"]), (&"stock/".into(), &Value::Null));
}

#[test]
fn rows_go_back_in_words() {
    let dir = tempfile::tempdir().expect("dir");
    let dir = dir.path();
    object(dir, "init --site t --json");
    let app = open(&dir.join("stock.db"));
    app.execute_batch(
        "PRAGMA journal_mode = WAL; CREATE TABLE item (id TEXT PRIMARY KEY, org TEXT, n INT); CREATE TABLE line (id INTEGER PRIMARY KEY, item TEXT REFERENCES item (id)); \
         INSERT INTO item VALUES ('a', 'north', 1), ('b', 'north', 2), ('c', 'north', 3), ('d', 'south', 4); INSERT INTO line VALUES (1, 'd')",
    )
    .expect("made");
    object(dir, "capture sqlite stock.db --json");
    // A mistake in all of it, of which one organisation wants its rows back.
    app.execute_batch("UPDATE item SET n = 0").expect("mistake");
    object(dir, "capture sqlite stock.db --json");
    let back = object(dir, "restore stock/item/ --at seq:1 --where org=north --to-source --batch 2 -y --json");
    assert_eq!((&back["done"], &back["seq"], &back["earlier_batches"]), (&3.into(), &4.into(), &serde_json::json!([3])), "{back}");
    let sum = || app.query_row("SELECT sum(n) FROM item", [], |row| row.get::<_, i64>(0)).expect("sum");
    assert_eq!(sum(), 6);
    assert_eq!(run(dir, "undo B3 --to-source -y").0, 0);
    assert_eq!(sum(), 3, "each transaction by itself");
    // What a rule of the database forbids stays pending, with the reason.
    app.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM line; DELETE FROM item WHERE id = 'd'").expect("deleted");
    object(dir, "capture sqlite stock.db --json");
    let (code, out, _) = run(dir, "restore stock/line/1@v1 --to-source --json");
    let told: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &told["done"], &told["pending"][0]["key"]), (3, &0.into(), &"stock/line/1".into()), "{out}");
    assert!(told["pending"][0]["reason"].as_str().is_some_and(|why| why.contains("FOREIGN KEY")), "{out}");
    let (code, out, _) = run(dir, "restore stock/line/1@v1 --to-source");
    assert!(code == 3 && out.contains("1 row pending"), "{out}");
    let (code, out, _) = run(dir, "restore stock/ --to-source -y --json");
    let both: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &both["done"]), (0, &2.into()), "together they fit: {out}");
    let undo = format!("undo B{} --to-source -y", both["seq"]);
    assert_eq!((run(dir, &undo).0, app.query_row("SELECT count(*) FROM item", [], |row| row.get::<_, i64>(0)).expect("count")), (0, 3));
    assert_eq!(run(dir, "verify --full").0, 0);
}

#[test]
fn an_older_database_in_words() {
    let dir = tempfile::tempdir().expect("dir");
    let dir = dir.path();
    object(dir, "init --site t --json");
    let app = open(&dir.join("stock.db"));
    app.execute_batch("CREATE TABLE movement (id INTEGER PRIMARY KEY, n INT); INSERT INTO movement VALUES (1, 15)").expect("made");
    object(dir, "capture sqlite stock.db --json");
    app.execute_batch("INSERT INTO movement VALUES (2, -2)").expect("made");
    object(dir, "capture sqlite stock.db --json");
    let older = std::fs::read(dir.join("stock.db")).expect("read");
    app.execute_batch("INSERT INTO movement VALUES (3, -3)").expect("made");
    object(dir, "capture sqlite stock.db --json");
    drop(app);
    std::fs::write(dir.join("stock.db"), older).expect("put back");
    let (code, out, err) = run(dir, "capture sqlite stock.db --json");
    let refused: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &refused["error"]["code"]), (14, &"lineage.behind".into()), "{out}");
    assert!(err.contains("stock is behind its history by 1 transaction") && err.contains("annals realign"), "{err}");
    let (code, out, _) = run(dir, "status");
    assert!(code == 4 && out.contains("stock is behind its history by 1 transaction"), "{out}");
    assert_eq!(run(dir, "seal").0, 14);
    let told = |words: &str| {
        let (code, _, err) = run(dir, words);
        (code, err.matches("stock is behind its history by 1 transaction").count())
    };
    assert_eq!(told("undo B3 --to-source -y"), (14, 1), "the reason is said once");
    assert_eq!(told("undo B3 --to-source -n"), (0, 1), "also where only looking is asked for");
    let (code, out, _) = run(dir, "realign -n");
    assert!(code == 0 && out.contains("missing here  1 transaction, 1 row") && out.contains("field (default)"), "{out}");
    let (code, out, _) = run(dir, "realign stock/ --json");
    let plan: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &plan["applied"], &plan["databases"][0]["recovered"]), (4, &false.into(), &1.into()), "{out}");
    assert_eq!(run(dir, "realign stock --plan r.json").0, 0);
    let (code, out, err) = run(dir, "apply r.json");
    assert!(code == 0 && out.contains("annals undo B5 --to-source"), "{out}{err}");
    assert_eq!(run(dir, "apply r.json").0, 14, "it was carried out");
    let (_, events, _) = run(dir, "feed index --json=lines");
    let said = |kind: &str| events.matches(&format!(r#""kind":"{kind}""#)).count();
    assert_eq!((said("realign"), said("delete")), (1, 1), "as it was found, and what came back: {events}");
    assert_eq!((run(dir, "realign stock").0, run(dir, "seal").0), (0, 0));
    let app = open(&dir.join("stock.db"));
    assert_eq!(app.query_row("SELECT sum(n) FROM movement", [], |row| row.get::<_, i64>(0)).expect("sum"), 10);
}

#[test]
fn a_watch_follows_and_ends_orderly() {
    let dir = tempfile::tempdir().expect("dir");
    let dir = dir.path();
    object(dir, "init --site t --json");
    let app = open(&dir.join("w.db"));
    app.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY)").expect("made");
    let mut child =
        command(dir, &["capture", "sqlite", "w.db", "--watch", "--json=lines"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("spawn");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON") };
    assert_eq!(next()["seq"], 1);
    app.execute_batch("INSERT INTO t VALUES (1)").expect("insert");
    let seen = next();
    assert_eq!((&seen["added"], &seen["transactions"], &seen["merged_intervals"]), (&1.into(), &1.into(), &0.into()));
    drop(app);
    let app = open(&dir.join("w.db"));
    app.execute_batch("INSERT INTO t VALUES (2)").expect("insert");
    let seen = next();
    assert_eq!((&seen["added"], &seen["merged_intervals"]), (&1.into(), &0.into()), "the log outlives the application's connection");
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("signal");
    let done = child.wait_with_output().expect("wait");
    assert_eq!(done.status.code(), Some(143), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(run(dir, "verify --full").0, 0);
}
