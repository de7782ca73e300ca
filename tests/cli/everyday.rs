use serde_json::json;

use crate::support::{keys, site};

#[test]
fn a_removed_document_is_listed_as_such_and_comes_back() {
    let s = site();
    s.put("klient/1", "one");
    s.put("klient/2", "two");
    let gone = s.json(&["rm", "klient/1", "--as", "806", "--reason", "entered twice"]);
    assert_eq!((&gone["schema"], &gone["removed"], &gone["keys"]), (&json!("annals.rm/1"), &json!(1), &json!(["klient/1"])));
    assert_eq!(keys(&s.rows(&["ls"])), ["klient/2"]);
    let removed = s.rows(&["ls", "--deleted"]);
    assert_eq!(keys(&removed), ["klient/1"]);
    assert!(removed[0]["from"].is_string() && removed[0]["until"].is_string());
    assert_eq!((&removed[0]["ended"]["actor"], &removed[0]["ended"]["reason"]), (&json!("806"), &json!("entered twice")));
    assert!(s.ok(&["ls", "--deleted"]).out.contains("removed by 806"));
    assert!(s.rows(&["ls", "--deleted", "--since", "seq:3"]).is_empty());
    let error = s.fails(5, &["get", "klient/1"]);
    assert!(error.err.contains("by 806") && error.err.contains("annals restore"), "{error:?}");
    assert_eq!(s.fails(5, &["rm", "klient/1", "--json"]).json()["error"]["code"], "document.removed");
    assert_eq!(s.get("klient/1@seq:2"), "one");
    s.ok(&["restore", "klient/1"]);
    assert_eq!(s.get("klient/1"), "one");
    assert!(s.ok(&["restore", "klient/1"]).out.contains("already"));
}

#[test]
fn lists_of_other_moments() {
    let s = site();
    s.put("a/1", "x");
    s.put("a/2", "xy");
    s.put("a/1", "xyz");
    s.put("b", "1");
    let row = &s.rows(&["ls", "a/1"])[0];
    assert_eq!((&row["version"], &row["size"], &row["until"]), (&json!(2), &json!(3), &json!(null)));
    let then = s.rows(&["ls", "a/", "--at", "seq:1"]);
    assert_eq!((keys(&then), &then[0]["version"], then[0]["until"].is_string()), (vec!["a/1"], &json!(1), true));
    assert_eq!(keys(&s.rows(&["ls", "a/1@seq:2"])), ["a/1"]);
    assert_eq!(keys(&s.rows(&["ls", "--since", "seq:2"])), ["a/1", "b"]);
    assert_eq!(s.json(&["ls", "a/"])["rows"].as_array().expect("rows").len(), 2);
    let at = s.ok(&["ls", "--at", "seq:2"]);
    assert!(at.err.contains("as of") && at.err.contains("seq 2") && at.out.lines().count() == 2, "{at:?}");
    assert!(s.ok(&["ls", "nothing/"]).err.contains("No documents under nothing/"));
    s.fails(5, &["ls", "--at", "2001-01-01"]);
    s.fails(2, &["ls", "--at", "18/09/2018"]);
    s.fails(2, &["ls", "a/1@seq:1", "--at", "seq:2"]);
}

#[test]
fn found_by_name_field_reference_and_actor() {
    let s = site();
    s.batch(
        "{\"op\":\"put\",\"key\":\"sak/1\",\"json\":{\"klient\":38754,\"status\":\"open\"}}\n\
         {\"op\":\"put\",\"key\":\"sak/2\",\"json\":{\"klient\":7,\"lines\":[{\"qty\":3}]}}\n\
         {\"op\":\"put\",\"key\":\"brev/Rapport.txt\",\"text\":\"x\"}\n",
        &["--as", "anna"],
    );
    s.ok(&["rm", "sak/1", "--as", "806"]);
    let find = |args: &[&str]| keys(&s.rows(&[&["find"], args].concat())).join(" ");
    assert_eq!(find(&["rapport"]), "brev/Rapport.txt");
    assert_eq!(find(&["sak/*"]), "sak/2");
    assert_eq!(find(&["sak/*", "--deleted"]), "sak/1 sak/2");
    assert_eq!(find(&["--field", "lines.qty=3"]), "sak/2");
    assert_eq!(find(&["--field", "klient=38754"]), "");
    assert_eq!(find(&["--field", "klient=38754", "--at", "seq:1"]), "sak/1");
    assert_eq!(find(&["--by", "anna", "--limit", "1"]), "brev/Rapport.txt");
    assert_eq!(find(&["--by", "806", "--deleted"]), "sak/1");
    assert_eq!(find(&["--ref", "svarut:1"]), "");
    assert!(s.fails(2, &["find"]).err.contains("--field"));
    s.fails(2, &["find", "--ref", "svarut"]);
    s.fails(2, &["find", "--field", "klient"]);
}

#[test]
fn the_log_of_a_document_and_of_the_store() {
    let s = site();
    s.put("a/1", "1");
    s.put("b", "1");
    s.ok(&["rm", "a/1", "--reason", "tidy"]);
    s.put("a/1", "22");
    let versions = s.rows(&["log", "a/1"]);
    assert_eq!(versions.iter().map(|v| v["version"].as_u64().expect("n")).collect::<Vec<_>>(), [2, 1], "newest first");
    assert_eq!((&versions[1]["removed"], &versions[1]["ended"]["reason"]), (&json!(true), &json!("tidy")));
    let text = s.ok(&["log", "a/1"]).out;
    assert!(text.contains("removed") && text.contains("tidy"), "{text}");
    assert_eq!(s.rows(&["log", "a/1", "--limit", "1"]).len(), 1);
    let seqs = |args: &[&str]| s.rows(args).iter().map(|b| b["seq"].as_u64().expect("seq")).collect::<Vec<_>>();
    assert_eq!(seqs(&["log"]), [4, 3, 2, 1]);
    assert_eq!(seqs(&["log", "--limit", "2"]), [4, 3]);
    assert_eq!(seqs(&["log", "--since", "seq:2"]), [4, 3]);
    assert_eq!(seqs(&["log", "a/"]), [4, 3, 1]);
    s.ok(&["undo", "B4"]);
    assert!(s.ok(&["log"]).out.contains("[undone by B5]"));
    assert_eq!(s.rows(&["log"])[1]["undone_by"], json!([5]));
    let error = s.fails(5, &["log", "a/2"]);
    assert!(error.err.contains("nearest names: a/1"), "{error:?}");
}

#[test]
fn show_one_version_and_a_group_through_time() {
    let s = site();
    s.put("person/1", "{\"name\":\"Kari\"}");
    s.put("sak/1", "{\"klient\":1}");
    s.put("sak/2", "{\"klient\":2}");
    s.put("person/1", "{\"name\":\"Kari N\"}");
    s.ok(&["rm", "sak/1", "--as", "806"]);
    let one = s.json(&["show", "person/1@v1"]);
    assert_eq!((&one["schema"], &one["version"], &one["versions"]), (&json!("annals.show/1"), &json!(1), &json!(2)));
    assert_eq!((&one["batch"]["seq"], one["references"].as_array().map(Vec::len)), (&json!(1), Some(0)));
    assert!(s.ok(&["show", "person/1"]).out.contains("blake3"));
    let group = |at: &str| s.json(&["show", "person/1", "--with", "sak/*?klient=1", "--at", at]);
    let states = |at: &str| {
        let group = group(at);
        let member = |m: &serde_json::Value| format!("{} {}", m["key"].as_str().expect("key"), m["state"].as_str().expect("state"));
        group["members"].as_array().expect("members").iter().map(member).collect::<Vec<_>>()
    };
    assert_eq!(states("seq:1"), ["person/1 exists", "sak/1 not_yet"]);
    assert_eq!(states("seq:4"), ["person/1 exists", "sak/1 exists"]);
    assert_eq!(states("seq:5"), ["person/1 exists", "sak/1 removed"]);
    assert_eq!(states("2001-01-01"), ["person/1 not_yet", "sak/1 not_yet"]);
    let steps = group("seq:3");
    assert_eq!((&steps["previous_seq"], &steps["next_seq"]), (&json!(1), &json!(4)));
    assert!(s.ok(&["show", "sak/", "--at", "2001-01-01"]).out.contains("did not exist yet"));
    s.fails(5, &["show", "none/"]);
    assert!(s.fails(5, &["show", "sak/1@seq:1"]).err.contains("did not exist yet"));
}

#[test]
fn what_changed_field_by_field_line_by_line_or_as_bytes() {
    let s = site();
    s.put("k", "{\"title\":\"a\",\"empty\":\"\",\"n\":1.10,\"big\":123456789012345678901234567890,\"same\":1}");
    s.put("k", "{\"title\":\"b\",\"n\":1.1,\"big\":123456789012345678901234567891,\"same\":1,\"null\":null}");
    let run = s.ok(&["diff", "k@v1", "k@v2", "--json"]);
    assert!(run.out.contains("\"old\":1.10,\"new\":1.1") && run.out.contains("\"new\":123456789012345678901234567891"), "as written: {}", run.out);
    let diff = run.json();
    let fields = diff["fields"].as_array().expect("fields");
    let by = |path: &str| fields.iter().find(|f| f["path"] == path).unwrap_or_else(|| panic!("{path}"));
    assert_eq!((&diff["schema"], &diff["kind"], fields.len()), (&json!("annals.diff/1"), &json!("fields"), 5));
    assert_eq!((&by("title")["old"], &by("title")["new"]), (&json!("a"), &json!("b")));
    assert_eq!((&by("empty")["old"], by("empty").get("new")), (&json!(""), None));
    assert_eq!((by("null").get("old"), by("null").get("new")), (None, Some(&json!(null))));
    assert_eq!(s.json(&["diff", "k", "--all"])["fields"].as_array().expect("fields").len(), 6);
    let table = s.ok(&["diff", "k@v1"]);
    assert!(table.out.contains("(absent)") && table.out.starts_with("FIELD"), "{table:?}");

    s.write("labels.json", "{\"title\":{\"en\":\"Title\",\"nb\":\"Tittel\"}}");
    let labelled = s.ok(&["diff", "k", "--labels", "labels.json", "--lang", "nb"]);
    assert!(
        labelled.out.contains("Tittel") && labelled.err.contains("warning: no label in nb for") && labelled.err.contains("empty"),
        "{labelled:?}"
    );
    assert_eq!(s.json(&["diff", "k", "--labels", "labels.json"])["fields"][0]["label"], "Title");
    s.fails(2, &["diff", "k", "--labels", "none.json"]);

    s.put("t", "one\ntwo\n");
    s.put("t", "one\n2\n");
    let text = s.json(&["diff", "t@v1"]);
    assert_eq!((&text["kind"], &text["text"]["added"], &text["text"]["hunks"][0]["old_start"]), (&json!("text"), &json!(1), &json!(1)));
    let unified = "--- t@v1\n+++ t@v2\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n";
    assert_eq!((s.ok(&["diff", "t"]).out.as_str(), &text["unified"]), (unified, &json!(unified)));
    s.put("t", "\0\u{1}");
    assert_eq!(s.json(&["diff", "t"])["binary"]["new"]["size"], 2);
    s.put("once", "x");
    s.fails(5, &["diff", "once"]);
}

#[test]
fn the_history_of_a_field() {
    let s = site();
    for (actor, text) in [
        ("1", "{\"status\":\"new\",\"n\":1}"),
        ("2", "not json"),
        ("3", "{\"status\":\"open\",\"n\":1}"),
        ("4", "{\"status\":\"closed\",\"n\":2.50}"),
    ] {
        s.write("f", text);
        s.ok(&["put", "k", "f", "--as", actor]);
    }
    let rows = s.rows(&["fields", "k", "--field", "status"]);
    let told = |r: &serde_json::Value| {
        format!("{} {} {} {}", r["version"], r["actor"].as_str().expect("who"), r.get("old").unwrap_or(&json!("-")), r["new"])
    };
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), ["4 4 \"open\" \"closed\"", "3 3 \"new\" \"open\"", "1 1 \"-\" \"new\""]);
    assert!(rows[0]["time"].is_string() && rows[0]["seq"] == 4 && rows[2].get("old").is_none());
    assert!(s.ok(&["fields", "k"]).err.contains("v2: not JSON"));
    assert!(s.ok(&["fields", "k", "--json=lines"]).out.contains("2.50"));
    assert_eq!(s.rows(&["fields", "k", "--range", "v3..v4"]).len(), 2);
    assert_eq!(s.rows(&["fields", "k", "--range", "..seq:1"]).len(), 2);
    s.fails(2, &["fields", "k", "--range", "v4..v3"]);
    s.fails(2, &["fields", "k", "--field", "a..b"]);
    s.fails(5, &["fields", "none"]);
}

#[test]
fn find_by_somebody_looks_at_every_version() {
    let s = site();
    s.ok("--as 806 put sak/1 - --reason new");
    s.ok("--as anna put sak/2 -");
    s.feed("changed", "--as anna put sak/1 -").exits(0);
    s.feed("again", "--as berit put sak/1 -").exits(0);
    let found = |words: &str| -> Vec<(String, u64)> {
        s.rows(words).iter().map(|row| (row["key"].as_str().expect("key").to_owned(), row["version"].as_u64().expect("version"))).collect()
    };
    assert_eq!(found("find --by 806"), [("sak/1".to_owned(), 1)], "the newest version is another's");
    assert_eq!(found("find --by anna"), [("sak/1".to_owned(), 2), ("sak/2".to_owned(), 1)]);
    assert_eq!(found("find --by berit --at seq:3"), [], "not yet");
    assert_eq!(found("find --by nobody"), []);
    s.ok("--as carl rm sak/1");
    assert_eq!(found("find --by berit"), [], "what was removed is asked for");
    assert_eq!(found("find --by berit --deleted"), [("sak/1".to_owned(), 3)]);
    assert_eq!(found("find --by carl --deleted"), [("sak/1".to_owned(), 3)]);
}

#[test]
fn a_long_list_is_one_object_that_is_printed_as_it_comes() {
    let s = site();
    let lines: String = (0..3000).map(|i| format!("{{\"op\":\"put\",\"key\":\"d/{i:05}\",\"text\":\"{i}\"}}\n")).collect();
    s.batch(&lines, &[]).exits(0);
    let rows = |run: &crate::support::Run| run.json()["rows"].as_array().map_or(0, Vec::len);
    let whole = s.ok("ls --json");
    assert_eq!((rows(&whole), whole.object("annals.ls/1")["error"].is_null()), (3000, true));
    assert_eq!(s.ok("ls none/ --json").out, "{\"schema\":\"annals.ls/1\",\"rows\":[]}\n");
    // What is wrong with a late row does not take back the rows before it: they are printed, and the error stands in the same object.
    s.tamper("UPDATE content SET digest = x'00' WHERE id = 2999");
    let cut = s.fails(1, "ls --json");
    let (shown, value) = (rows(&cut), cut.object("annals.ls/1"));
    assert!(shown > 0 && shown < 3000, "{shown} rows");
    assert_eq!((&value["error"]["code"], &value["error"]["exit"]), (&"format.damaged".into(), &1.into()));
    s.fails(1, "ls --json=lines");
}

#[test]
fn a_document_that_is_called_like_an_address_is_reached() {
    let s = site();
    s.put("key@v1", "itself");
    let read = |address: &str| s.ok(&["get", address]).out;
    let logged = |address: &str| s.rows(&["log", address]).iter().map(|v| v["key"].as_str().expect("a key").to_owned()).collect::<Vec<_>>();
    // Nothing is called key: what is called key@v1 is meant.
    assert_eq!((read("key@v1"), logged("key@v1"), read("key\\x40v1@v1")), ("itself".into(), vec!["key@v1".into()], "itself".into()));
    assert_eq!(s.json(&["show", "key@v1"])["key"], "key@v1");
    s.ok(&["rm", "key@v1"]);
    s.ok(&["restore", "key@v1"]);
    assert_eq!(s.fails(5, &["get", "other@v1"]).exit, 5);
    // Now the moment comes first, and it is said how the other one is meant.
    s.put("key", "the other");
    assert_eq!(read("key@v1"), "the other");
    assert!(s.fails(2, &["log", "key@v1"]).err.contains("key\\x40v1 means that one"));
    assert!(s.ok(&["get", "key@v1"]).err.contains("there is a document called key@v1 too: key\\x40v1 means that one"));
    assert_eq!((read("key\\x40v1"), logged("key\\x40v1").len()), ("itself".into(), 2));
}
