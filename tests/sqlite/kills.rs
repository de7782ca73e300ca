//! The capture dies at every place that it passes: no transaction is lost, none is recorded twice.

use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use serde_json::Value;

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
