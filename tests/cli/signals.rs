//! SIGTERM in the middle of long work: exit code 143, nothing half done, and the same command goes on.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Site, keys, site};

/// Bytes that do not compress.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    use annals::base::random::{Random, SeededRandom};
    let mut bytes = vec![0; len];
    SeededRandom::new(seed).fill(&mut bytes);
    bytes
}

fn start(site: &Site, args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_annals"))
        .args(args)
        .args(["--progress", "json"])
        .current_dir(site.path("."))
        .env_clear()
        .envs([("TZ", "UTC"), ("ANNALS_STORE", "store")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Sends SIGTERM when it tells of `phase`, and gives the exit code and what it said afterwards.
fn terminated(mut child: Child, phase: &str) -> (Option<i32>, String) {
    let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while said.read_line(&mut line).expect("a line") > 0 && !line.contains(phase) {
        line.clear();
    }
    // It may have come to its end by itself.
    let _ = kill_process(Pid::from_child(&child), Signal::TERM);
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("text");
    (child.wait().expect("wait").code(), rest)
}

#[test]
fn a_terminated_shipment_leaves_a_readable_remote_and_goes_on() {
    let site = site();
    site.ok(&["remote", "add", "usb", "dir:usb"]);
    std::fs::create_dir_all(site.path("usb")).expect("create");
    site.put("first", "first");
    site.ok(&["ship"]);
    site.write("large", noise(1, 4 << 20));
    site.ok(&["put", "large", "large"]);
    let (code, said) = terminated(start(&site, &["ship", "--limit-rate", "256 KiB/s"]), "\"uploading\"");
    assert_eq!(code, Some(143), "{said}");
    assert!(said.contains("same command again"), "{said}");
    let status = site.run(&["status", "--json"]);
    assert_eq!(status.json()["unshipped"]["batches"].as_u64().or(status.json()["tenants"][0]["unshipped"]["batches"].as_u64()), Some(1));
    site.ok(&["rebuild", "--from", "dir:usb", "--into", "beginning", "--key", "store/annals.key"]);
    assert_eq!(keys(&site.rows(&["-C", "beginning", "ls"])), ["first"]);
    site.ok(&["ship"]);
    site.ok(&["verify", "--remote", "usb", "--full"]);
}

#[test]
fn a_terminated_rebuild_is_no_store_and_goes_on() {
    let site = site();
    site.ok(&["remote", "add", "usb", "dir:usb"]);
    std::fs::create_dir_all(site.path("usb")).expect("create");
    site.write("large", noise(2, 4 << 20));
    site.ok(&["put", "large", "large"]);
    site.ok(&["ship"]);
    let words = ["rebuild", "--from", "dir:usb", "--into", "again", "--key", "store/annals.key"];
    let (code, said) = terminated(start(&site, &[&words[..], &["--limit-rate", "256 KiB/s"]].concat()), "\"fetching\"");
    assert_eq!(code, Some(143), "{said}");
    let refused = site.fails(14, &["-C", "again", "ls", "--json"]);
    assert!(refused.out.contains("rebuild.unfinished") && refused.out.contains("goes on where it was"), "{refused:?}");
    site.ok(&words);
    assert_eq!(keys(&site.rows(&["-C", "again", "ls"])), ["large"]);
    site.ok(&["-C", "again", "verify", "--full"]);
}

#[test]
fn a_terminated_restore_leaves_all_or_nothing() {
    let site = site();
    let lines: String = (0..3000).map(|i| format!("{{\"op\":\"put\",\"key\":\"many/{i}\",\"text\":\"number {i}\"}}\n")).collect();
    assert_eq!(site.batch(&lines, &[]).exit, 0);
    let mut stopped = 0;
    for attempt in 0..10 {
        let into = format!("into-{attempt}");
        let (code, said) = terminated(start(&site, &["restore", "many/", "--into", &into]), "phase");
        let there = site.path(&into).read_dir().map_or(0, Iterator::count);
        match code {
            Some(143) => assert_eq!(there, 0, "it was stopped and left a part: {said}"),
            // The signal came after the last safe place.
            Some(0) => assert_eq!(there, 3000),
            other => panic!("it ended with {other:?}: {said}"),
        }
        let beside: Vec<_> = site.path(".").read_dir().expect("list").map(|e| e.expect("entry").file_name()).collect();
        assert!(!beside.iter().any(|name| name.to_string_lossy().contains("partial")), "{beside:?}");
        stopped += usize::from(code == Some(143));
        if stopped > 2 {
            break;
        }
    }
    assert!(stopped > 0, "it was never stopped in the middle");
}
