use serde_json::json;

use crate::support::{keys, site};

#[test]
fn lines_become_one_batch_with_contents_exactly_as_given() {
    let s = site();
    s.put("old", "x");
    s.write("file.bin", [0u8, 255, 1]);
    let lines = "{\"op\":\"put\",\"key\":\"j\",\"json\":{ \"a\" : 1.10 }}\n\
                 {\"op\":\"put\",\"key\":\"null\",\"json\":null}\n\
                 {\"op\":\"put\",\"key\":\"t\",\"text\":\"bl\\u00e5\\n\",\"media\":\"text/plain\"}\n\n\
                 {\"op\":\"put\",\"key\":\"b\",\"base64\":\"aGVp\",\"meta\":{\"mode\":\"0640\"}}\n\
                 {\"op\":\"put\",\"key\":\"f\",\"file\":\"file.bin\"}\n\
                 {\"op\":\"remove\",\"key\":\"old\"}";
    let run = s.batch(lines, &["--reason", "import", "--as", "anna"]);
    assert_eq!(run.exit, 0, "{run:?}");
    let done = run.json();
    assert_eq!(
        (&done["schema"], &done["seq"], &done["lines"], &done["put"], &done["removed"], &done["changes"]),
        (&json!("annals.batch/1"), &json!(2), &json!(6), &json!(5), &json!(1), &json!(6))
    );
    assert_eq!((s.get("j"), s.get("null"), s.get("t"), s.get("b")), ("{ \"a\" : 1.10 }".into(), "null".into(), "blå\n".into(), "hei".into()));
    assert_eq!(s.json(&["show", "f"])["size"], 3);
    assert_eq!((&s.json(&["show", "b"])["meta"], &s.json(&["show", "j"])["meta"]["media"]), (&json!({ "mode": "0640" }), &json!("application/json")));
    assert_eq!(keys(&s.rows(&["ls"])), ["b", "f", "j", "null", "t"]);
    let shown = s.json(&["batch", "show", "B2"]);
    assert_eq!((&shown["reason"], &shown["actor"], shown["items"].as_array().map(Vec::len)), (&json!("import"), &json!("anna"), Some(6)));
}

#[test]
fn one_bad_line_and_nothing_is_recorded() {
    let s = site();
    let good = "{\"op\":\"put\",\"key\":\"a\",\"text\":\"1\"}\n";
    for bad in [
        "{\"op\":\"zap\",\"key\":\"k\"}",
        "{\"op\":\"put\",\"key\":\"k\",\"text\":\"x\",\"colour\":1}",
        "{\"op\":\"put\",\"key\":\"k\"}",
        "{\"op\":\"put\",\"key\":\"\",\"text\":\"x\"}",
        "{\"op\":\"put\",\"key\":\"k\",\"file\":\"none\"}",
        "not json",
    ] {
        let run = s.batch(&format!("{good}\n{bad}\n{good}"), &[]);
        assert_eq!(run.exit, 2, "{bad}: {run:?}");
        let error = run.json();
        assert_eq!(error["error"]["code"], "batch.line", "{bad}");
        assert!(error["error"]["message"].as_str().expect("message").starts_with("line 3: "), "{error}");
    }
    assert_eq!(s.batch("", &[]).exit, 2);
    assert_eq!(s.batch("{\"op\":\"remove\",\"key\":\"never\"}", &[]).exit, 5);
    assert_eq!(s.batch(good, &["-n"]).json()["lines"], 1);
    assert!(s.rows(&["log"]).is_empty());
    assert_eq!(s.batch(good, &["--request-id", "r"]).json()["repeated"], false);
    assert_eq!(s.batch(good, &["--request-id", "r"]).json()["repeated"], true);
}

#[test]
fn an_open_batch_is_filled_over_several_commands() {
    let s = site();
    s.put("old", "x");
    s.write("f", "one");
    let open = s.ok(&["batch", "begin", "--as", "anna", "--reason", "prices"]).out;
    assert_eq!(open, "D1\n");
    s.ok(&["batch", "add", "D1", "new", "f"]);
    s.ok(&["batch", "add", "1", "old", "--remove"]);
    let listed = s.rows(&["batch", "ls"]);
    assert_eq!((&listed[0]["open"], &listed[0]["reason"]), (&json!("D1"), &json!("prices")));
    let shown = s.json(&["batch", "show", "D1"]);
    assert_eq!((&shown["changes"][0]["op"], &shown["changes"][1]["op"]), (&json!("put"), &json!("remove")));
    assert_eq!(s.get("old"), "x");
    assert_eq!(s.json(&["batch", "commit", "D1"])["changes"], 2);
    assert_eq!(s.get("new"), "one");
    s.fails(5, &["batch", "commit", "D1"]);
    s.ok(&["batch", "begin"]);
    s.ok(&["batch", "drop", "D1"]);
    assert!(s.rows(&["batch", "ls"]).is_empty());
    let gone = s.fails(5, &["batch", "add", "D7", "k", "f"]);
    assert!(gone.err.contains("batch begin"), "{gone:?}");
    s.fails(2, &["batch"]);
    s.fails(2, &["batch", "add", "x", "k", "f"]);
}
