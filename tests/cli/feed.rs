//! `feed`: from cursors that survive the program, followed over several processes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Site, site};

fn start(site: &Site, args: &[&str], fault: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_annals"))
        .args(args)
        .current_dir(site.path("."))
        .env_clear()
        .envs([("TZ", "UTC"), ("USER", "tester"), ("ANNALS_STORE", "store"), ("HOSTNAME", "here"), ("ANNALS_FAULT", fault)])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts")
}

fn said(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|r| format!("{}.{} {} {}", r["seq"], r["index"], r["kind"].as_str().expect("kind"), r["key"].as_str().unwrap_or("-"))).collect()
}

#[test]
fn a_feed_goes_on_where_it_was() {
    let s = site();
    s.put("a", "1");
    s.batch("{\"op\":\"put\",\"key\":\"b\",\"text\":\"2\"}\n{\"op\":\"remove\",\"key\":\"a\"}\n", &["--reason", "both"]);
    assert_eq!(said(&s.rows(&["feed", "x", "--max", "2"])), ["1.0 put a", "2.0 put b"]);
    let rest = s.rows(&["feed", "x"]);
    assert_eq!(said(&rest), ["2.1 delete a"]);
    assert_eq!((rest[0]["reason"].as_str(), rest[0]["actor"].as_str(), rest[0]["version"].as_u64()), (Some("both"), Some("tester"), Some(1)));
    assert_eq!(s.rows(&["feed", "x"]).len(), 0);
    assert_eq!(s.rows(&["feed", "late", "--from", "now"]).len(), 0);
    assert_eq!(said(&s.rows(&["feed", "second", "--from", "seq:2"])).len(), 2);
    let object = s.json(&["feed", "object"]);
    assert_eq!((object["schema"].as_str(), object["rows"].as_array().map(Vec::len)), (Some("annals.feed/1"), Some(3)));
    let text = s.ok(&["feed", "people"]).out;
    assert!(text.lines().next().is_some_and(|line| line.contains("put") && line.contains("a v1")), "{text}");
    // With manual acknowledgement it comes again until it is said to be done.
    assert_eq!(s.rows(&["feed", "m", "--ack", "manual"]).len(), 3);
    assert_eq!(s.rows(&["feed", "m", "--ack", "manual"]).len(), 3);
    s.ok(&["feed", "ack", "m", "1"]);
    assert_eq!(s.rows(&["feed", "m", "--ack", "manual"]).len(), 2);
    let listed = s.rows(&["feed", "ls"]);
    let m = listed.iter().find(|row| row["name"] == "m").expect("listed");
    assert_eq!((m["seq"].as_u64(), m["behind"].as_u64()), (Some(1), Some(1)));
    s.ok(&["feed", "rm", "m"]);
    assert!(s.fails(5, &["feed", "rm", "m"]).err.contains("nearest names"));
    assert!(s.fails(5, &["feed", "y", "--from", "seq:99"]).err.contains("the log ends at seq 2"));
    s.fails(2, &["feed", "y", "--from", "yesterday"]);
    s.fails(2, &["feed", "y", "--group", "g"]);
    s.fails(2, &["feed", "y", "--follow", "--json"]);
    assert!(s.ok(&["feed", "ls"]).out.contains("CONSUMER"));
}

#[test]
fn a_follower_sees_what_other_processes_record() {
    let s = site();
    s.put("a", "1");
    let mut follower = start(&s, &["feed", "x", "--follow", "--max", "3", "--json=lines"], "");
    let mut lines = BufReader::new(follower.stdout.take().expect("a pipe")).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().expect("a line").expect("read")).expect("JSON")["key"].clone();
    assert_eq!(next(), "a");
    s.put("b", "2");
    assert_eq!(next(), "b");
    s.put("c", "3");
    assert_eq!(next(), "c");
    assert!(follower.wait().expect("it ends").success());
}

#[test]
fn a_feed_that_is_killed_at_any_commit_loses_nothing() {
    let s = site();
    for n in 0..6 {
        s.put(&format!("k{n}"), "x");
    }
    // Each event is a page of its own; the process dies at its n-th acknowledgement.
    let mut seen: Vec<u64> = Vec::new();
    for n in 0..14 {
        let child = start(&s, &["feed", "x", "--json=lines", "--max", "1"], &format!("catalog.commit{}:{}", ["", "ted"][n % 2], n % 3));
        let out = child.wait_with_output().expect("it ends").stdout;
        let text = String::from_utf8(out).expect("text");
        seen.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["seq"].as_u64().expect("seq")));
    }
    seen.extend(s.rows(&["feed", "x"]).iter().map(|row| row["seq"].as_u64().expect("seq")));
    assert!(seen.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == pair[0] + 1), "in order, at most repeated: {seen:?}");
    let mut once = seen.clone();
    once.dedup();
    assert_eq!(once, [1, 2, 3, 4, 5, 6]);
    assert!(seen.len() > once.len(), "the kills hit something");
}

#[test]
fn two_members_share_the_keys() {
    let s = site();
    let lines: String = (0..40).map(|n| format!("{{\"op\":\"put\",\"key\":\"k{n}\",\"text\":\"{n}\"}}\n")).collect();
    s.batch(&lines, &[]);
    let member = |name| ["feed", "mail", "--group", "g", "--member", name, "--partitions", "4"];
    let all = s.rows(&member("a"));
    assert_eq!(all.len(), 40, "alone, it has all partitions");
    assert_eq!(s.rows(&member("b")).len(), 0, "a left in order, and b goes on behind it");
    let mut held = start(&s, &[&member("a")[..], &["--follow", "--json=lines"]].concat(), "");
    s.batch(&lines.replace("\"}", " again\"}"), &[]);
    let mut rows = BufReader::new(held.stdout.take().expect("a pipe")).lines();
    for _ in 0..40 {
        rows.next().expect("a row").expect("read");
    }
    held.kill().expect("killed");
    held.wait().expect("gone");
    // The dead member's lease has not ended: nothing is given to others yet.
    assert_eq!(s.rows(&member("b")).len(), 0);
    let listed = s.rows(&["feed", "ls"]);
    assert_eq!(listed.iter().filter(|row| row["member"] == "a").count(), 4);
}
