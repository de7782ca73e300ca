use serde_json::json;

use crate::support::{Site, keys, site};

/// Five hundred cases, closed by batch 2; two edited later in another field, one in the same.
fn bulk() -> Site {
    let s = site();
    let lines = |status: &str| -> String {
        (0..500)
            .map(|i| format!("{{\"op\":\"put\",\"key\":\"case/{i:03}\",\"json\":{{\"id\":{i},\"status\":\"{status}\",\"note\":\"\"}}}}\n"))
            .collect()
    };
    assert_eq!(s.batch(&lines("new"), &[]).exit, 0);
    assert_eq!(s.batch(&lines("closed"), &["--reason", "bulk close"]).exit, 0);
    s.put("case/001", "{\"id\":1,\"status\":\"closed\",\"note\":\"called\"}");
    s.put("case/002", "{\"id\":2,\"status\":\"closed\",\"note\":\"moved\"}");
    s.put("case/003", "{\"id\":3,\"status\":\"archived\",\"note\":\"\"}");
    s
}

#[test]
fn a_bulk_change_is_undone_by_a_plan_and_the_undo_undone() {
    let s = bulk();
    let refused = s.fails(2, &["undo", "B2"]);
    assert!(refused.err.contains("499") || refused.err.contains("500"), "{refused:?}");
    assert!(refused.err.contains("-y") && refused.err.contains("--plan"), "{refused:?}");
    let shown = s.ok(&["undo", "B2", "-n"]);
    assert!(shown.out.contains("497 put back, 2 merged field by field, 1 conflict"), "{shown:?}");
    assert!(shown.out.contains("\"new\"") && shown.out.contains("\"closed\"") && shown.out.contains("\"archived\""), "three values: {shown:?}");
    let saved = s.json(&["undo", "B2", "--plan", "u.json"]);
    assert_eq!((&saved["applied"], &saved["saved"], &saved["summary"]["conflicts"]), (&json!(false), &json!("u.json"), &json!(1)));
    assert_eq!(s.rows(&["log"]).len(), 5, "a saved plan changes nothing");

    let applied = s.fails(3, &["apply", "u.json", "--json"]).json();
    assert_eq!((&applied["done"], &applied["skipped"], &applied["batch"]), (&json!(499), &json!(["case/003"]), &json!(6)));
    assert_eq!(s.get("case/000"), "{\"id\":0,\"status\":\"new\",\"note\":\"\"}");
    assert_eq!(s.get("case/001"), "{\"id\":1,\"status\":\"new\",\"note\":\"called\"}");
    assert_eq!(s.get("case/003"), "{\"id\":3,\"status\":\"archived\",\"note\":\"\"}");
    let stale = s.fails(14, &["apply", "u.json"]);
    assert!(stale.err.contains("annals undo B2 --plan"), "{stale:?}");

    s.ok(&["redo", "-y"]);
    assert_eq!(s.get("case/001"), "{\"id\":1,\"status\":\"closed\",\"note\":\"called\"}");
    assert_eq!(s.rows(&["log", "--limit", "1"])[0]["cause"], json!({ "undo": 6 }));
}

#[test]
fn conflicts_are_decided_by_a_flag() {
    for (how, code, status) in [("skip", 3, "archived"), ("override", 0, "new"), ("merge", 0, "archived")] {
        let s = bulk();
        s.fails(code, &["undo", "2", "-y", "--on-conflict", how]);
        assert_eq!(s.get("case/003"), format!("{{\"id\":3,\"status\":\"{status}\",\"note\":\"\"}}"), "{how}");
    }
}

#[test]
fn undo_of_one_document_asks_nobody() {
    let s = site();
    s.put("a", "1");
    let seq = s.put("a", "2");
    let done = s.json(&["undo", &format!("B{seq}")]);
    assert_eq!((&done["schema"], &done["done"]), (&json!("annals.undo/1"), &json!(1)));
    assert_eq!(s.get("a"), "1");
    s.fails(5, &["undo", "B99"]);
    s.fails(2, &["undo", "last"]);
    s.fails(2, &["apply", "none.json"]);
    s.write("bad.json", "{}");
    assert_eq!(s.fails(2, &["apply", "bad.json", "--json"]).json()["error"]["code"], "plan.bad");
}

#[test]
fn rollback_to_a_mark_leaves_the_rest_alone_and_can_be_undone() {
    let s = site();
    s.put("case/1", "1");
    s.put("case/10", "1");
    s.put("letter/1", "1");
    assert_eq!(s.json(&["mark", "release-7"])["marked_seq"], 3);
    assert_eq!(s.rows(&["mark"])[0]["mark"], "release-7");
    s.put("case/1", "2");
    s.put("case/10", "2");
    s.put("case/2", "late");
    s.put("letter/1", "2");
    s.fails(2, &["rollback", "case/", "--to", "mark:release-7"]);
    let done = s.json(&["rollback", "case/", "--to", "mark:release-7", "-y"]);
    assert_eq!((&done["summary"]["put"], &done["summary"]["remove"], &done["done"]), (&json!(2), &json!(1), &json!(3)));
    assert_eq!((s.get("case/1"), s.get("letter/1")), ("1".into(), "2".into()));
    s.fails(5, &["get", "case/2"]);
    s.ok(&["undo", &format!("B{}", done["batch"]), "-y"]);
    assert_eq!((s.get("case/1"), s.get("case/2")), ("2".into(), "late".into()));
    s.ok(&["rollback", "case/1", "--to", "mark:release-7"]);
    assert_eq!((s.get("case/1"), s.get("case/10")), ("1".into(), "2".into()), "case/1 is not a prefix of case/10");
    let early = s.fails(5, &["rollback", "--to", "2001-01-01"]);
    assert!(early.err.contains("earliest"), "{early:?}");
    s.fails(5, &["rollback", "cases/", "--to", "seq:1"]);
    s.fails(5, &["rollback", "--to", "mark:release-8"]);
}

#[test]
fn references_outside_stay_and_are_shown() {
    let s = site();
    s.put("brev/1", "draft");
    let sent = s.put("brev/1", "final");
    {
        let store = annals::Store::open(s.path("store")).expect("open");
        let reference = annals::model::reference::Reference {
            system: "svarut".into(),
            id: "77".into(),
            state: "delivered".into(),
            irrevocable: true,
            expires: None,
        };
        store.add_ref("brev/1", reference).expect("reference");
    }
    assert_eq!(keys(&s.rows(&["find", "--ref", "svarut:77"])), ["brev/1"]);
    assert_eq!(s.json(&["show", "brev/1"])["references"][0]["state"], "delivered");
    let shown = s.ok(&["undo", &format!("B{sent}"), "-n"]);
    assert!(shown.out.contains("1 item stays delivered, cannot be recalled") && shown.out.contains("svarut 77 of brev/1"), "{shown:?}");
    let done = s.json(&["rollback", "--to", "seq:1"]);
    assert_eq!((&done["summary"]["references"], &done["summary"]["irrevocable"]), (&json!(1), &json!(1)));
    assert_eq!(s.json(&["show", "brev/1"])["references"][0]["id"], "77");
}
