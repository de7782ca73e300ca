//! Server and capture die at any moment: no version of a row is lost, none is there twice.
//!
//! A few rounds by default; `ANNALS_KILLS=100 cargo test --test postgres kills -- --nocapture` for a long run.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use postgres::{Client, NoTls};

use crate::server::{Server, Site};

const COUNTER: &str =
    "CREATE TABLE counter (id int PRIMARY KEY, n int); INSERT INTO counter VALUES (1, 0); CREATE TABLE entry (n int PRIMARY KEY, t text)";

/// How far a writer may be ahead of what is captured. It writes several times as fast as history can be recorded by a program that is not
/// optimised: without an end to it, each look would have more to record than the one before, and none would end. More than what a slot may be moved
/// late by.
const AHEAD_BYTES_MAX: i64 = 2 << 20;

/// Counts up, each step a transaction, until told to stop, and no further ahead of the capture than it may. The server may go away meanwhile.
fn count_up(url: &str, stop: &AtomicBool) {
    let step = "BEGIN; UPDATE counter SET n = n + 1; INSERT INTO entry SELECT n, repeat('e', 100) FROM counter; COMMIT";
    let ahead = "SELECT (pg_current_wal_lsn() - confirmed_flush_lsn)::int8 FROM pg_replication_slots";
    let write = |client: &mut Client| -> Result<(), postgres::Error> {
        if client.query_opt(ahead, &[])?.is_some_and(|row| row.get::<_, i64>(0) > AHEAD_BYTES_MAX) {
            std::thread::yield_now();
            return Ok(());
        }
        (0..20).try_for_each(|_| client.batch_execute(step))
    };
    while !stop.load(Ordering::SeqCst) {
        std::thread::yield_now();
        let Ok(mut client) = Client::connect(url, NoTls) else { continue };
        while !stop.load(Ordering::SeqCst) && write(&mut client).is_ok() {}
    }
}

/// Every step is a version, each once and in order, and is the state of the database at the end.
fn check(site: &Site, db: &mut Client) -> u64 {
    let n: i32 = db.query_one("SELECT n FROM counter", &[]).expect("row").get(0);
    let versions = site.store.history("shop/counter/1").expect("history");
    let texts: Vec<String> =
        versions.iter().map(|v| String::from_utf8(site.store.open(v).and_then(|r| r.bytes(99)).expect("row")).expect("text")).collect();
    for (at, text) in texts.iter().enumerate() {
        assert_eq!(*text, format!(r#"{{"id":1,"n":{at}}}"#), "version {at} of {}", texts.len());
    }
    assert_eq!(texts.len(), n as usize + 1);
    assert_eq!(site.keys("shop/entry/").len(), n as usize);
    n as u64
}

#[test]
fn kills_of_the_server_lose_and_double_nothing() {
    let Some(mut server) = Server::start() else { return };
    server.database(COUNTER);
    let site = Site::new(&server);
    site.capture();
    let stop = AtomicBool::new(false);
    let url = server.url("shop");
    std::thread::scope(|scope| {
        scope.spawn(|| count_up(&url, &stop));
        for _ in 0..rounds(4) {
            let before = site.store.position().expect("position").seq;
            // Some transactions are captured, then the server dies in the middle of others.
            while site.store.position().expect("position").seq < before + 20 {
                site.capture();
            }
            server.kill();
            assert!(site.try_capture().is_err());
            server.run();
        }
        stop.store(true, Ordering::SeqCst);
    });
    let done = site.capture();
    assert_eq!(done.merged_intervals, 0);
    assert!(check(&site, &mut server.client("shop")) >= 80);
}

fn rounds(default: u64) -> u64 {
    std::env::var("ANNALS_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn server_and_capture_are_killed_while_the_other_is_at_work() {
    let Some(mut server) = Server::start() else { return };
    server.database(COUNTER);
    let site = Site::new(&server);
    site.capture();
    let Site { store, what, dir, clock } = site;
    drop(store);
    let path = dir.path().join("store");
    let (url, stop) = (server.url("shop"), AtomicBool::new(false));
    let watch = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
        command.arg("-C").arg(&path).args(["capture", "postgres", &what.url, "--name", "shop", "--watch", "--json=lines"]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        (child, lines)
    };
    let kills = rounds(3);
    std::thread::scope(|scope| {
        scope.spawn(|| count_up(&url, &stop));
        let (mut child, mut lines) = watch();
        for round in 0..kills {
            // After so many looks that recorded something, somebody dies in the middle of the next.
            for _ in 0..=round % 4 {
                // One that ends by itself found the server still busy with its predecessor: its supervisor starts it again.
                while lines.next().is_none() {
                    child.wait().expect("gone");
                    (child, lines) = watch();
                }
            }
            if round % 3 != 1 {
                server.kill();
            }
            if round % 3 != 0 {
                child.kill().expect("killed");
            }
            if round % 3 != 1 {
                server.run();
            }
            // One that was only left alone by its server waits for it and goes on.
            if round % 3 != 0 {
                child.wait().expect("gone");
                (child, lines) = watch();
            }
        }
        stop.store(true, Ordering::SeqCst);
        child.kill().expect("killed");
        child.wait().expect("gone");
    });
    let site = Site { store: annals::Store::open(&path).expect("open"), what, dir, clock };
    assert_eq!(site.capture().merged_intervals, 0);
    let n = check(&site, &mut server.client("shop"));
    println!("{kills} kills: {n} transactions, each once");
    assert!(n > 0);
}

#[test]
fn kills_of_the_capture_lose_and_double_nothing() {
    let Some(server) = Server::start() else { return };
    server.database(COUNTER);
    let site = Site::new(&server);
    let Site { store, what, dir, clock } = site;
    drop(store);
    let path = dir.path().join("store");
    let run = |fault: &str| {
        let args = ["-C", path.to_str().expect("text"), "capture", "postgres", &what.url, "--name", "shop", "--once", "--json"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
        command.args(args).env("ANNALS_FAULT", fault).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().expect("it runs").success()
    };
    // The base dies at each of its steps before it comes through.
    let mut killed = 0;
    for n in 0.. {
        if run(&format!("*:{n}")) {
            break;
        }
        killed += 1;
    }
    assert!(killed >= 3, "the places were passed");
    let url = server.url("shop");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| count_up(&url, &stop));
        for round in 0..12 {
            let place = ["catalog.commit", "catalog.committed", "postgres.advance"][round % 3];
            run(&format!("{place}:{}", round / 6));
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert!(run(""));
    let site = Site { store: annals::Store::open(&path).expect("open"), what, dir, clock };
    assert_eq!(site.capture().merged_intervals, 0);
    assert!(check(&site, &mut server.client("shop")) > 0);
}
