//! Dropping a tenant and bringing it back, as people and scripts ask for it.

use crate::support::{Site, site};

fn tenant(name: &str) -> Site {
    let s = site();
    s.ok(&["tenant", "add", name]);
    s.feed("one", &["--tenant", name, "put", "case/1", "-"]).exits(0);
    s
}

#[test]
fn a_tenant_is_dropped_and_brought_back_by_name() {
    let s = tenant("kommune-b");
    assert_eq!(s.fails(2, "tenant drop kommune-b --json").error_code(), "tenant.reason");
    assert_eq!(s.fails(5, "tenant drop kommune-c --reason x --json").error_code(), "tenant.missing");
    assert_eq!(s.fails(14, "tenant drop main --reason x --json").error_code(), "tenant.main");
    s.configure("\n[keep]\nfloor = \"7d\"\n[[capture]]\nname = \"letters\"\nfolder = \"/srv/letters\"\ntenant = \"kommune-b\"\n");
    assert_eq!(s.fails(14, "tenant drop kommune-b --reason x --json").error_code(), "tenant.captured");
    let path = s.store().join("annals.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, text.replace("tenant = \"kommune-b\"\n", "")).expect("written");
    assert_eq!(s.fails(14, "tenant drop kommune-b --keep 1d --reason x --json").error_code(), "rule.floor");
    let dropped = s.json(&["tenant", "drop", "kommune-b", "--keep", "9d", "--reason", "contract ended", "--as", "806"]);
    assert_eq!((&dropped["tenant"], dropped["kept_until"].is_string()), (&"kommune-b".into(), true), "{dropped}");
    let row = s.rows("tenant ls").into_iter().find(|row| row["tenant"] == "kommune-b").expect("listed");
    assert_eq!((&row["state"], &row["kept_until"]), (&"dropped".into(), &dropped["kept_until"]));
    assert!(s.ok("tenant ls").out.contains("dropped, gone on "));
    assert!(s.ok("status").out.contains("dropped, gone on "));
    for verb in ["ls", "get case/1", "log case/1", "show case/1", "find case", "policy simulate"] {
        let told = s.fails(5, &format!("--tenant kommune-b {verb}"));
        assert!(told.err.contains("by 806 (contract ended)") && told.err.contains("annals tenant undrop kommune-b"), "{verb}: {told:?}");
    }
    let refused = s.feed("two", &["--tenant", "kommune-b", "put", "case/1", "-", "--json"]).exits(14);
    assert_eq!(refused.error_code(), "tenant.dropped");
    assert_eq!(s.json("gc")["let_go"]["tenants"], serde_json::json!([]));
    s.ok("tenant undrop kommune-b --reason back");
    assert_eq!(s.ok("--tenant kommune-b get case/1").out, "one");
    assert_eq!(s.fails(5, "tenant undrop kommune-b --json").error_code(), "tenant.in_use");
}

#[test]
fn what_is_held_is_not_dropped_and_what_is_over_goes_with_gc() {
    let s = tenant("kommune-b");
    s.ok(&["--tenant", "kommune-b", "hold", "case/", "--name", "court", "--reason", "case 17-2"]);
    let refused = s.fails(14, "tenant drop kommune-b --reason ended --json");
    assert_eq!(refused.error_code(), "rule.hold");
    assert!(refused.err.contains("hold court keeps documents of kommune-b"), "{}", refused.err);
    s.ok(&["--tenant", "kommune-b", "hold", "lift", "court", "--reason", "over"]);
    s.ok("tenant drop kommune-b --keep 0s --reason ended");
    let text = s.ok("gc").out;
    assert!(text.contains("kommune-b was dropped and its time is over") && text.contains("1 content of them, 3 B"), "{text}");
    assert!(s.ok("tenant ls").out.contains("dropped, gone since "));
    let told = s.fails(5, "--tenant kommune-b get case/1 --json");
    assert_eq!(told.error_code(), "tenant.gone");
    assert_eq!(s.fails(5, "tenant undrop kommune-b --json").error_code(), "tenant.gone");
    assert_eq!(s.fails(14, "tenant add kommune-b --json").error_code(), "tenant.exists");
    s.ok("verify --full");
}

#[test]
fn an_earlier_moment_gets_a_name() {
    let s = site();
    s.put("a", "one");
    s.put("a", "two");
    assert_eq!(s.json("mark before --at seq:1")["marked_seq"], 1);
    assert_eq!(s.get("a@mark:before"), "one");
    assert_eq!(s.fails(5, "mark later --at seq:99 --json").json()["error"]["code"], "moment.future");
    assert!(s.ok("brake ls").out.is_empty());
    assert_eq!(s.fails(2, "brake lift --json").error_code(), "brake.reason");
    assert_eq!(s.fails(5, "brake lift --reason x --json").error_code(), "brake.missing");
}

#[test]
fn status_tells_what_the_rules_would_free() {
    let s = site();
    s.ok(&["remote", "add", "usb", &format!("dir:{}", s.path("usb").display())]);
    for n in 0..3 {
        s.put("case/1", &format!("state {n} of a case"));
    }
    s.ok("ship");
    s.configure("\n[keep]\nlast = 1\n");
    assert!(s.json("status")["would_free"].is_null(), "nobody looked yet");
    s.ok("forget case/ -n");
    assert!(s.json("status")["would_free"].is_null(), "only a part was looked at");
    s.ok("policy simulate");
    let seen = &s.json("status")["would_free"];
    assert_eq!((&seen["rules"], &seen["versions"], &seen["bytes"]), (&"last 1".into(), &2.into(), &34.into()), "{seen}");
    assert!(s.ok("status").out.contains("last 1 would free 2 versions, 34 B; annals forget"));
    s.ok("forget -y");
    assert_eq!(s.json("status")["would_free"]["versions"], 0);
    assert!(!s.ok("status").out.contains("would free"));
}
