//! Server and capture die at any moment: no version of a row is lost, none is there twice.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use postgres::{Client, NoTls};

use crate::server::{Server, Site};

const COUNTER: &str =
    "CREATE TABLE counter (id int PRIMARY KEY, n int); INSERT INTO counter VALUES (1, 0); CREATE TABLE entry (n int PRIMARY KEY, t text)";

/// Counts up, each step a transaction, until told to stop; what was acknowledged last. The server may go away meanwhile.
fn count_up(url: &str, stop: &AtomicBool) {
    while !stop.load(Ordering::SeqCst) {
        let Ok(mut client) = Client::connect(url, NoTls) else { continue };
        while !stop.load(Ordering::SeqCst) {
            let text = "BEGIN; UPDATE counter SET n = n + 1; INSERT INTO entry SELECT n, repeat('e', 100) FROM counter; COMMIT";
            if client.batch_execute(text).is_err() {
                break;
            }
        }
    }
}

/// Every step is a version, each once and in order, and is the state of the database at the end.
fn check(site: &Site, db: &mut Client) -> u64 {
    let n: i32 = db.query_one("SELECT n FROM counter", &[]).expect("row").get(0);
    let versions = site.store.history("shop/counter/1").expect("history");
    let texts: Vec<String> =
        versions.iter().map(|v| String::from_utf8(site.store.open(v).and_then(|r| r.bytes(99)).expect("row")).expect("text")).collect();
    let expected: Vec<String> = (0..=n).map(|n| format!(r#"{{"id":1,"n":{n}}}"#)).collect();
    assert_eq!(texts, expected);
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
        for _ in 0..4 {
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

#[test]
fn kills_of_the_capture_lose_and_double_nothing() {
    let Some(server) = Server::start() else { return };
    server.database(COUNTER);
    let site = Site::new(&server);
    let Site { store, what, dir } = site;
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
    let site = Site { store: annals::Store::open(&path).expect("open"), what, dir };
    assert_eq!(site.capture().merged_intervals, 0);
    assert!(check(&site, &mut server.client("shop")) > 0);
}
