//! The capture dies at every place that it passes, and both it and the writer at any moment: no transaction is lost, none is recorded twice.
//!
//! 12 rounds of kills by default; `ANNALS_KILLS=500 cargo test --test sqlite kills -- --nocapture` for a long run, `ANNALS_SEED=n` for another one.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rusqlite::Connection;
use serde_json::Value;

use crate::rows::Dice;
use crate::support::{dump, open};

fn annals(dir: &Path, words: &[&str], fault: Option<usize>) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
    command.args(words).current_dir(dir).env_clear().envs([("ANNALS_STORE", "store"), ("USER", "tester")]);
    if let Some(n) = fault {
        command.env("ANNALS_FAULT", format!("*:{n}"));
    }
    let done = command.output().expect("runs");
    (done.status.success(), String::from_utf8(done.stdout).expect("text"))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("folder");
    for entry in from.read_dir().expect("folder").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() { copy(&from, &to) } else { std::fs::copy(&from, &to).map(|_| ()).expect("copy") }
    }
}

/// Kills a capture at its n-th place, for every n that `step` apart; the database is made by `prepare`, the first capture came before `later`.
fn die_everywhere(prepare: &str, later: &[&str], captured_before: bool, step: usize) {
    let dir = tempfile::tempdir().expect("dir");
    let (work, kept) = (dir.path().join("work"), dir.path().join("kept"));
    std::fs::create_dir(&work).expect("folder");
    let capture = ["capture", "sqlite", "app.db", "--json"];
    assert!(annals(&work, &["init", "--site", "t"], None).0);
    let app = open(&work.join("app.db"));
    app.execute_batch(prepare).expect("prepare");
    if captured_before {
        assert!(annals(&work, &capture, None).0);
    }
    for text in later {
        app.execute_batch(text).expect("later");
    }
    let wanted = dump(&app);
    copy(&work, &kept);
    // Closing it would fold its log away; it is kept open beside the copies, which are what is captured.
    let holder: Connection = app;
    let mut died = 0;
    for n in (0..).step_by(step) {
        std::fs::remove_dir_all(&work).expect("clear");
        copy(&kept, &work);
        let ended = annals(&work, &capture, Some(n)).0;
        let (whole, text) = annals(&work, &capture, None);
        assert!(whole, "after dying at {n}: {text}");
        let (again, text) = annals(&work, &capture, None);
        let seen: Value = serde_json::from_str(&text).expect("JSON");
        assert!(again && seen["seq"].is_null(), "nothing is left after {n}: {text}");
        let log = annals(&work, &["log", "--json=lines"], None).1;
        assert_eq!(log.lines().count(), 1 + if captured_before { later.len() } else { 0 }, "batches after dying at {n}: {log}");
        assert!(annals(&work, &["restore", "app/", "--into", "again.db"], None).0);
        assert_eq!(dump(&open(&work.join("again.db"))), wanted, "after dying at {n}");
        if ended {
            break;
        }
        died += 1;
    }
    drop(holder);
    assert!(died * step > 7, "{died} places");
}

const PREPARE: &str = "PRAGMA journal_mode = WAL; CREATE TABLE t (a INTEGER PRIMARY KEY, b); INSERT INTO t VALUES (1, 1), (2, 2)";

#[test]
fn at_every_place_of_a_capture_of_transactions() {
    die_everywhere(PREPARE, &["INSERT INTO t VALUES (3, zeroblob(9000))", "UPDATE t SET b = 9", "DELETE FROM t WHERE a = 1"], true, 1);
}

#[test]
fn at_every_place_of_the_first_capture() {
    die_everywhere(PREPARE, &["INSERT INTO t VALUES (3, zeroblob(9000))"], false, 1);
}

/// Where the writer's database is, for the process that is the writer.
const WRITER: &str = "ANNALS_SQLITE_WRITER";

/// Not a test: the application of the next one, which counts up, for each line that it is told so many steps. Each step is a transaction; some are
/// large, some are taken back.
#[test]
fn writer() {
    let Ok(path) = std::env::var(WRITER) else { return };
    let app = open(Path::new(&path));
    app.busy_timeout(std::time::Duration::from_secs(60)).expect("patience");
    let mut out = std::io::stdout();
    let told = std::io::stdin().lines().map(|line| line.expect("a line").parse::<u64>().expect("a number"));
    for step in told.flat_map(|steps| 0..steps) {
        let text = match step {
            7 | 70 => "BEGIN; INSERT INTO entry SELECT n + 1000000, zeroblob(50000) FROM counter; ROLLBACK",
            150 => "PRAGMA wal_checkpoint(RESTART)",
            _ => "BEGIN; UPDATE counter SET n = n + 1; INSERT INTO entry SELECT n, zeroblob(n % 50 * 20) FROM counter; COMMIT",
        };
        app.execute_batch(text).expect("a step");
        writeln!(out, "step").and_then(|()| out.flush()).expect("told");
    }
}

/// A process, and the lines that it says. They are taken from it at once: one that is not heard must not wait for that.
struct Talker {
    child: Child,
    input: std::process::ChildStdin,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Talker {
    fn start(mut command: Command) -> Talker {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let input = child.stdin.take().expect("a pipe");
        let said = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let (send, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || said.map_while(Result::ok).try_for_each(|line| send.send(line)));
        Talker { child, input, lines }
    }

    /// Tells a writer to do so many steps.
    fn go(&mut self, steps: u64) {
        writeln!(self.input, "{steps}").and_then(|()| self.input.flush()).expect("told");
    }

    /// Waits for so many lines that contain `word`.
    fn hear(&mut self, word: &str, count: u64) {
        let mut heard = 0;
        while heard < count {
            heard += u64::from(self.lines.recv().expect("it goes on").contains(word));
        }
    }

    fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }
}

fn writing(path: &Path) -> Talker {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "kills::writer", "--nocapture", "--test-threads=1"]).env(WRITER, path);
    Talker::start(command)
}

fn watching(dir: &Path) -> Talker {
    let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
    command.args(["capture", "sqlite", "app.db", "--watch", "--json=lines"]).current_dir(dir).env_clear();
    command.envs([("ANNALS_STORE", "store"), ("USER", "tester")]);
    Talker::start(command)
}

#[test]
fn writer_and_capture_are_killed_at_any_moment() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (rounds, seed) = (number("ANNALS_KILLS").unwrap_or(12), number("ANNALS_SEED").unwrap_or(1));
    let mut dice = Dice::new(seed);
    let dir = tempfile::tempdir().expect("dir");
    let (dir, path) = (dir.path(), dir.path().join("app.db"));
    assert!(annals(dir, &["init", "--site", "t"], None).0);
    // Open all the while, as a second process of the application would be; it never writes again.
    let app = open(&path);
    app.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE counter (id INTEGER PRIMARY KEY, n INT); INSERT INTO counter VALUES (1, 0); CREATE TABLE entry (n INTEGER PRIMARY KEY, b)")
        .expect("tables");
    assert!(annals(dir, &["capture", "sqlite", "app.db"], None).0);
    let (mut writer, mut capture) = (writing(&path), watching(dir));
    for _ in 0..rounds {
        // Who is killed, and after how much, is drawn; what either of them is at then is left to chance.
        match dice.below(3) {
            0 => {
                writer.go(200);
                writer.hear("step", 5 + dice.below(60));
                writer.kill();
                writer = writing(&path);
            }
            1 => {
                writer.go(60);
                capture.hear("transactions", 1);
                writer.go(200);
                writer.hear("step", dice.below(100));
                capture.kill();
                writer.hear("step", dice.below(40));
                capture = watching(dir);
            }
            _ => {
                writer.go(200);
                writer.hear("step", dice.below(90));
                writer.kill();
                capture.kill();
                (writer, capture) = (writing(&path), watching(dir));
            }
        }
        writer.go(1);
        writer.hear("step", 1);
    }
    writer.kill();
    capture.kill();
    assert!(annals(dir, &["capture", "sqlite", "app.db"], None).0);
    let n = app.query_row("SELECT n FROM counter", [], |row| row.get::<_, i64>(0)).expect("count") as u64;
    let store = annals::Store::open(dir.join("store")).expect("open");
    let versions = store.history("app/counter/1").expect("history");
    let (mut last, mut merged) = (None, 0);
    for version in &versions {
        let row: Value = serde_json::from_slice(&store.open(version).and_then(|r| r.bytes(99)).expect("row")).expect("JSON");
        let now = row["n"].as_u64().expect("a number");
        let expected = last.map_or(0, |last| last + 1);
        assert!(now >= expected, "{now} comes after {last:?}: twice, or back");
        if now > expected {
            let batch = store.batches(version.from.seq, version.from.seq, 1).expect("batch").remove(0);
            assert!(batch.event.reason.starts_with("merged interval"), "{expected} to {now} are missing without a word: {batch:?}");
            merged += 1;
        }
        last = Some(now);
    }
    assert_eq!(last, Some(n));
    drop(store);
    assert!(annals(dir, &["restore", "app/", "--into", "again.db"], None).0);
    assert_eq!(dump(&open(&dir.join("again.db"))), dump(&app));
    println!(
        "{rounds} rounds of kills (seed {seed}): {n} transactions, {} versions, {merged} merged intervals, nothing lost or doubled",
        versions.len()
    );
    assert!(n > rounds, "it wrote");
}
