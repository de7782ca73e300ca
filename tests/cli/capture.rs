//! capture folder.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::support::site;

#[test]
fn a_folder_is_captured_and_counted() {
    let site = site();
    site.write("app/a.txt", "one");
    site.write("app/sub/b.txt", "two");
    site.write("app/x.tmp", "no");
    let words = "capture folder app --prefix letters --once --exclude *.tmp --json";
    let first = site.run(words).exits(0).object("annals.capture/1");
    assert_eq!(
        (&first["batch"], &first["seq"], &first["added"], &first["bytes_read"], &first["bytes_new"]),
        (&1.into(), &1.into(), &2.into(), &6.into(), &6.into())
    );
    let again = site.run(words).exits(0).object("annals.capture/1");
    assert_eq!((&again["batch"], &again["seq"], &again["unchanged"]), (&Value::Null, &Value::Null, &2.into()));
    fs::remove_file(site.path("app/a.txt")).expect("remove");
    site.write("app/sub/b.txt", "three");
    site.write("app/c.txt", "two");
    let third = site.run(words).exits(0).object("annals.capture/1");
    let counts: Vec<_> = ["added", "changed", "removed", "unchanged", "bytes_new"].iter().map(|f| third[*f].as_u64()).collect();
    assert_eq!(counts, [Some(1), Some(1), Some(1), Some(0), Some(5)], "the content of c.txt is known");
    assert_eq!(site.run("get letters/sub/b.txt").exits(0).out, "three");
    site.run("get letters/x.tmp").exits(5);
    let text = site.run("capture folder app --prefix letters/").exits(0).out;
    assert!(text.starts_with("letters/: 1 added"), "without the exclusion x.tmp comes in: {text}");
}

#[test]
fn only_what_is_included_and_never_the_store_itself() {
    let site = site();
    site.write("a.md", "x");
    site.write("a.rs", "x");
    let value = site.run("capture folder . --prefix all/ --json").exits(0).object("annals.capture/1");
    assert_eq!(value["added"], 2, "the store beside them is left out");
    site.run("capture folder . --prefix md/ --include *.md").exits(0);
    site.run("get md/a.md").exits(0);
    site.run("get md/a.rs").exits(5);
    assert_eq!(site.run("capture folder none --prefix p --json").exits(5).error_code(), "source.missing");
    assert_eq!(site.run("capture folder a.md --prefix p --json").exits(2).error_code(), "source.not_folder");
    site.run("capture folder .").exits(2);
}

#[test]
fn what_cannot_be_recorded_is_named_with_exit_3() {
    let site = site();
    site.write("app/good", "x");
    // A key that is too long, because a test that runs with all rights can read every file.
    site.write("app/longer-than-fits", "x");
    let prefix = "p".repeat(4090);
    let value = site.run(&format!("capture folder app --prefix {prefix} --json")).exits(3).object("annals.capture/1");
    let skipped = value["skipped"].as_array().expect("a list");
    assert_eq!((skipped.len(), &value["added"]), (1, &1.into()), "{value}");
    assert!(skipped[0]["path"].as_str().expect("a path").ends_with("longer-than-fits") && skipped[0]["reason"].is_string());
    let done = site.run(&format!("capture folder app --prefix {prefix}")).exits(3);
    assert!(done.err.contains("skipped") && done.out.contains("1 skipped"), "{}", done.err);
}

#[test]
fn a_watch_makes_a_batch_of_each_change_and_ends_orderly() {
    let site = site();
    site.write("app/a", "1");
    let mut child =
        site.command("capture folder app --prefix w/ --watch --json=lines").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("spawn");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON") };
    let first = next();
    assert_eq!((&first["schema"], &first["seq"], &first["added"]), (&"annals.capture/1".into(), &1.into(), &1.into()));
    site.write("app/b", "2");
    let second = next();
    assert_eq!((&second["seq"], &second["added"], &second["removed"]), (&2.into(), &1.into(), &0.into()));
    fs::remove_file(site.path("app/a")).expect("remove");
    assert_eq!(next()["removed"], 1);
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("signal");
    let done = child.wait_with_output().expect("wait");
    assert_eq!(done.status.code(), Some(143));
    assert!(!String::from_utf8_lossy(&done.stderr).contains("annals:"), "an orderly end is no error");
    assert_eq!(site.run("get w/b").exits(0).out, "2");
    site.run("verify --full").exits(0);
}

#[test]
fn a_folder_that_lost_its_files_is_refused_unless_it_is_allowed() {
    let site = site();
    site.write("app/a", "1");
    site.write("app/b", "2");
    let words = "capture folder app --prefix w/ --json";
    site.run(words).exits(0);
    // An unmounted disk: the place where it was mounted is empty, or not there at all.
    fs::rename(site.path("app"), site.path("disk")).expect("unmount");
    let gone = site.run(words).exits(14);
    assert_eq!(gone.error_code(), "source.missing");
    assert!(gone.err.contains("--allow-empty"), "{}", gone.err);
    fs::create_dir(site.path("app")).expect("mount point");
    let empty = site.run(words).exits(14);
    assert_eq!(empty.error_code(), "capture.empty");
    assert!(empty.err.contains("--allow-empty"), "{}", empty.err);
    assert_eq!(site.rows("ls w/").len(), 2, "nothing was removed");
    assert_eq!(site.run(&format!("{words} --allow-empty")).exits(0).json()["removed"], 2);
    assert_eq!(site.run(words).exits(0).json()["removed"], 0, "a prefix without documents has nothing to lose");
}

#[test]
fn most_of_many_documents_are_not_removed_without_leave() {
    let site = site();
    for i in 0..100 {
        site.write(&format!("app/{i:03}"), "x");
    }
    let words = "capture folder app --prefix w/ --json";
    site.run(words).exits(0);
    let remove = |range: std::ops::Range<u32>| range.for_each(|i| fs::remove_file(site.path(&format!("app/{i:03}"))).expect("remove"));
    remove(0..80);
    assert_eq!(site.run("capture folder app --prefix w/ --exclude 08* --json").exits(14).error_code(), "capture.most_removed");
    assert_eq!(site.run(words).exits(0).json()["removed"], 80, "four fifths are allowed");
    remove(80..99);
    assert_eq!(site.run(words).exits(0).json()["removed"], 19, "of few documents nearly all may go at once");
    for i in 0..200 {
        site.write(&format!("app/{i:03}"), "x");
    }
    site.run(words).exits(0);
    remove(0..161);
    let refused = site.run(words).exits(14);
    assert!(refused.err.contains("161 of 200 documents") && refused.err.contains("--allow-empty"), "{}", refused.err);
    assert_eq!(site.run(&format!("{words} --allow-empty")).exits(0).json()["removed"], 161);
}
