use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::support::site;

#[test]
fn an_older_version_becomes_current_or_a_file() {
    let s = site();
    s.put("letters/a.txt", "one");
    s.put("letters/a.txt", "two");
    s.ok(&["restore", "letters/a.txt@v1", "--out", "old.txt"]);
    assert_eq!(std::fs::read(s.path("old.txt")).expect("file"), b"one");
    s.fails(14, &["restore", "letters/a.txt@v1", "--out", "old.txt"]);
    s.ok(&["restore", "letters/a.txt", "--out", "old.txt", "--force"]);
    assert_eq!(std::fs::read(s.path("old.txt")).expect("file"), b"two");
    let into = s.json(&["restore", "letters/a.txt@v1", "--into", "made/here"]);
    assert_eq!((&into["version"], &into["path"]), (&json!(1), &json!("made/here/a.txt")));
    assert_eq!(std::fs::read(s.path("made/here/a.txt")).expect("file"), b"one");
    assert!(s.ok(&["restore", "letters/a.txt@v1", "-n"]).out.contains("put back"));
    assert_eq!(s.get("letters/a.txt"), "two");
    let back = s.json(&["restore", "letters/a.txt@seq:1"]);
    assert_eq!((&back["schema"], &back["done"]), (&json!("annals.restore/1"), &json!(1)));
    assert_eq!(s.get("letters/a.txt"), "one");
    s.ok(&["rm", "letters/a.txt"]);
    s.ok(&["restore", "letters/a.txt", "--out", "last.txt"]);
    assert_eq!(std::fs::read(s.path("last.txt")).expect("file"), b"one");
    s.fails(5, &["restore", "letters/b.txt"]);
    s.fails(2, &["restore"]);
}

#[test]
fn a_tree_as_it_was_with_what_cannot_be_a_path_named() {
    let s = site();
    let lines = "{\"op\":\"put\",\"key\":\"p/a/f\",\"text\":\"one\",\"meta\":{\"mode\":\"0640\",\"mtime\":\"2018-09-18T14:02:00Z\"}}\n\
                 {\"op\":\"put\",\"key\":\"p/l\",\"text\":\"a/f\",\"meta\":{\"kind\":\"link\"}}\n\
                 {\"op\":\"put\",\"key\":\"p/e/\",\"text\":\"\",\"meta\":{\"kind\":\"directory\"}}\n\
                 {\"op\":\"put\",\"key\":\"q\",\"text\":\"other\"}";
    assert_eq!(s.batch(lines, &[]).exit, 0);
    s.put("p/a/f", "two");
    s.put("p/late", "x");
    let done = s.json(&["restore", "p/", "--at", "seq:1", "--into", "out"]);
    assert_eq!((&done["files"], &done["links"], &done["directories"], &done["not_restored"]), (&json!(1), &json!(1), &json!(1), &json!(0)));
    assert_eq!(std::fs::read(s.path("out/l")).expect("through the link"), b"one");
    assert!(s.path("out/e").is_dir() && !s.path("out/late").exists());
    let about = std::fs::metadata(s.path("out/a/f")).expect("file");
    assert_eq!(about.permissions().mode() & 0o777, 0o640);
    assert_eq!(about.modified().expect("mtime").duration_since(std::time::UNIX_EPOCH).expect("after").as_secs(), 1_537_279_320);
    s.fails(14, &["restore", "p/", "--into", "out"]);
    s.ok(&["restore", "p", "--into", "without-slash"]);
    assert_eq!(std::fs::read(s.path("without-slash/a/f")).expect("file"), b"two");
    s.ok(&["restore", "--into", "all"]);
    assert!(s.path("all/p/late").exists() && s.path("all/q").exists());

    s.put("p/../x", "no path");
    let partial = s.fails(3, &["restore", "p/", "--into", "some"]);
    assert!(partial.out.contains("p/../x") || partial.out.contains("../x"), "{partial:?}");
    assert!(s.path("some/late").exists());
    let gone = s.fails(5, &["restore", "p/late/", "--into", "none"]);
    assert!(gone.err.contains("nothing existed under p/late/") && !s.path("none").exists(), "{gone:?}");
}

#[test]
fn removed_documents_under_a_prefix_come_back_together() {
    let s = site();
    for key in ["d/1", "d/2", "d/3"] {
        s.put(key, key);
    }
    s.fails(2, &["rm", "d/"]);
    s.fails(2, &["rm", "-r", "d/"]);
    assert_eq!(s.json(&["rm", "-r", "d/", "-y"])["removed"], 3);
    s.put("d/2", "again");
    s.fails(2, &["restore", "d/"]);
    assert_eq!(s.json(&["restore", "d/", "-y"])["done"], 2);
    assert_eq!((s.get("d/1"), s.get("d/2")), ("d/1".into(), "again".into()));
    let then = s.json(&["restore", "d/", "--at", "seq:3", "--plan", "p.json"]);
    assert_eq!(then["summary"]["put"], 1);
    assert_eq!(s.json(&["apply", "p.json"])["done"], 1);
    assert_eq!(s.get("d/2"), "d/2");
}

/// A log that another program filled with names that lead out of any directory, and with links to go through.
#[test]
fn a_hostile_log_cannot_write_outside_its_target() {
    let site = site();
    std::fs::create_dir(site.path("outside")).expect("create");
    site.write("outside/mine", "precious");
    let outside = site.path("outside").display().to_string();
    let link = |key: &str, target: &str| format!("{{\"op\":\"put\",\"key\":\"{key}\",\"text\":\"{target}\",\"meta\":{{\"kind\":\"link\"}}}}\n");
    let file = |key: &str| format!("{{\"op\":\"put\",\"key\":\"{key}\",\"text\":\"hostile\"}}\n");
    let links = link("h/link", &outside) + &link("h/up", "../outside") + &link("h/file", &format!("{outside}/mine"));
    let through = ["h/link/mine", "h/link/new", "h/up/mine", "h/file/x", "h/../../outside/mine", "h/../outside/new", "h/a/../../../outside/new"];
    let lines = links + &through.map(file).concat() + &file(&format!("h/{outside}/absolute")) + &file("h/fine");
    assert_eq!(site.batch(&lines, &[]).exit, 0);
    let run = site.run(&["restore", "h/", "--into", "into", "--json"]);
    assert_eq!(run.exit, 3, "some of it cannot be a path: {run:?}");
    assert_eq!(std::fs::read_to_string(site.path("into/fine")).expect("the rest is there"), "hostile");
    let there: Vec<_> = std::fs::read_dir(site.path("outside")).expect("list").map(|e| e.expect("entry").file_name()).collect();
    assert_eq!(there, ["mine"]);
    assert_eq!(std::fs::read_to_string(site.path("outside/mine")).expect("mine"), "precious");
    // One document by its name, into a directory.
    let run = site.run(&["restore", "h/../../outside/mine", "--into", "one", "--json"]);
    assert_eq!(std::fs::read_to_string(site.path("outside/mine")).expect("mine"), "precious", "{run:?}");
}
