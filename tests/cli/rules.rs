//! What is kept and what may go, as people and scripts ask for it.

use crate::support::{Site, site};

/// A site with a remote, and three versions of two documents that are there.
fn shipped() -> Site {
    let s = site();
    s.ok(&["remote", "add", "usb", &format!("dir:{}", s.path("usb").display())]);
    for n in 1..4 {
        s.put("case/1", &format!("state {n} of the first case"));
        s.put("case/2", &format!("state {n} of the second case"));
    }
    s.ok("ship");
    s
}

#[test]
fn everything_stays_until_somebody_says_otherwise() {
    let s = shipped();
    let plan = s.ok("forget -y --json").object("annals.forget/1");
    assert_eq!(
        (&plan["applied"], &plan["contents"], &plan["rules"]["words"], &plan["kept"]["everything"]["versions"]),
        (&false.into(), &0.into(), &"everything".into(), &4.into())
    );
    assert_eq!(s.fails(2, "forget --keep-last 1 --json").error_code(), "plan.unconfirmed");
    assert_eq!(s.fails(2, "forget --keep-within soon --json").error_code(), "time.duration");
    for none in ["forget --keep-last 0 -y", "forget --keep-daily 0 -y", "policy simulate --keep-last 0 --keep-yearly 1"] {
        assert!(s.fails(2, none).err.contains("is at least 1"), "{none}");
    }
    assert_eq!(s.fails(5, "forget nowhere/ --keep-last 1 --json").error_code(), "document.missing");
    s.configure("\n[keep]\nfloor = \"7d\"\n");
    assert_eq!(s.fails(14, "forget --keep-within 1d -y --json").error_code(), "rule.floor");
    let young = s.json("forget --keep-last 1 -y");
    assert_eq!((&young["contents"], &young["kept"]["floor"]["versions"]), (&0.into(), &4.into()), "{young}");
    assert_eq!(s.get("case/1@v1"), "state 1 of the first case");
}

#[test]
fn what_goes_is_shown_first_and_told_for_ever_after() {
    let s = shipped();
    let dry = s.ok("forget case/1 --keep-last 1 -n");
    assert!(
        dry.out.contains("Rules: last 1")
            && dry.out.contains("may go     2 versions of 1 document")
            && dry.out.contains("current    keeps 1 version"),
        "{}",
        dry.out
    );
    let rows = s.rows("policy simulate case/1 --keep-last 2");
    let said: Vec<_> = rows
        .iter()
        .map(|row| (row["version"].as_u64().expect("a number"), row["goes"].as_bool().expect("yes or no"), row["kept_by"].as_str()))
        .collect();
    assert_eq!(said, [(1, true, None), (2, false, Some("last")), (3, false, Some("current"))]);
    assert!(s.ok("policy simulate case/ --keep-last 1").out.contains("no rule keeps it"));
    assert_eq!(s.get("case/1@v1"), "state 1 of the first case", "nothing was changed so far");
    let done = s.ok("forget case/1 --keep-last 1 -y --as 806 --json").object("annals.forget/1");
    assert_eq!((&done["applied"], &done["outcome"]["contents"], &done["gc"]["removed"]), (&true.into(), &2.into(), &false.into()), "{done}");
    let gone = s.fails(5, "get case/1@v1 --json");
    assert_eq!(gone.error_code(), "content.forgotten");
    assert!(gone.err.contains("case/1 v1 were forgotten at 20") && gone.err.contains("last 1") && gone.err.contains("there are v3"), "{}", gone.err);
    let log = s.rows("log case/1");
    let v1 = log.iter().find(|row| row["version"] == 1).expect("still listed");
    assert_eq!((&v1["forgotten"]["rule"], &v1["forgotten"]["actor"], &v1["size"]), (&"last 1".into(), &"806".into(), &25.into()), "{v1}");
    assert!(s.ok("log case/1").out.contains("forgotten"));
    assert_eq!((s.get("case/1"), s.get("case/2@v1")), ("state 3 of the first case".into(), "state 1 of the second case".into()));
    let verified = s.json("verify --full");
    assert_eq!((&verified["ok"], &verified["forgotten"]), (&true.into(), &2.into()));
    assert_eq!(s.fails(5, "restore case/1@v1 -y --json").error_code(), "content.forgotten");
    // It is a batch like any other, with what it did.
    let batch = s.json(&["batch", "show", &format!("B{}", done["outcome"]["batches"][0]["seq"])]);
    assert_eq!((&batch["items"][0]["op"], &batch["items"][0]["contents"]), (&"forget".into(), &2.into()), "{batch}");
    let feed = s.rows("feed reader --ack manual");
    assert!(feed.iter().any(|event| event["kind"] == "forget" && event["contents"] == 2), "{feed:?}");
    s.ok("ship");
}

#[test]
fn a_hold_is_set_with_a_reason_and_keeps() {
    let s = shipped();
    assert_eq!(s.fails(2, "hold case/1 --json").error_code(), "hold.reason");
    assert_eq!(s.fails(2, "hold --reason x --json").error_code(), "hold.scope");
    assert_eq!(s.fails(2, "hold case/1 --reason x --until 2001-01-01 --json").error_code(), "hold.past");
    let held = s.ok(&["hold", "case/1", "--reason", "before the court", "--until", "2199-06-30", "--json"]).object("annals.hold/1");
    assert_eq!((&held["hold"]["name"], &held["documents"]), (&"case/1".into(), &1.into()));
    s.ok(&["hold", "--all", "--name", "merger", "--reason", "merger"]);
    let holds = s.rows("hold ls");
    let names: Vec<_> = holds.iter().map(|hold| (hold["name"].as_str().expect("name"), hold["in_force"] == true, &hold["set"]["reason"])).collect();
    assert_eq!(names, [("case/1", true, &"before the court".into()), ("merger", true, &"merger".into())]);
    s.ok("ship");
    assert_eq!(s.json("forget --keep-last 1 -y")["kept"]["hold"]["versions"], 4);
    assert_eq!(s.fails(5, "hold lift nothing --json").error_code(), "hold.missing");
    s.ok(&["hold", "lift", "merger", "--reason", "done"]);
    s.ok("ship");
    let plan = s.json("forget --keep-last 1 -y");
    assert_eq!((&plan["kept"]["hold"]["versions"], &plan["versions"]), (&2.into(), &2.into()), "{plan}");
    assert_eq!(s.get("case/1@v1"), "state 1 of the first case");
    s.fails(5, "get case/2@v1");
}

#[test]
fn what_was_forgotten_leaves_the_remote_too() {
    let s = site();
    s.ok(&["remote", "add", "usb", &format!("dir:{}", s.path("usb").display())]);
    for n in 0..3u8 {
        let mut state = 0x9e37_79b9_7f4a_7c15 ^ u64::from(n);
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        let noise: Vec<u8> = (0..40_000).map(next).collect();
        s.write("scan", noise);
        s.ok("put scan scan");
        s.ok("ship");
    }
    assert!(s.ok("compact").out.contains("usb: nothing that was forgotten lies there"));
    s.ok("forget --keep-last 1 -y");
    let dry = &s.rows("compact -n")[0];
    assert!(dry["slices"].as_u64() >= Some(2) && dry["objects"] == 0, "{dry}");
    let short = s.fails(3, "compact --allowance 10B --json=lines").rows();
    // The batch that says so goes first, whatever the allowance.
    assert!(short[0]["beyond_allowance"].as_u64() > Some(0) && short[0]["objects"] == 1 && short[0]["slices"] == 0, "{short:?}");
    let done = &s.rows("compact")[0];
    assert!(done["objects"].as_u64() >= Some(2) && done["removed"] == 0 && done["waiting"].as_u64() >= Some(2), "{done}");
    let gone = &s.rows("compact --grace 0s")[0];
    assert_eq!((&gone["removed"], &gone["waiting"]), (&done["waiting"], &0.into()), "{gone}");
    s.ok("ship");
    s.ok("verify --remote usb --full");
    s.ok(&["rebuild", "--from", &format!("dir:{}", s.path("usb").display()), "--into", "again", "--key", "store/annals.key"]);
    s.fails(5, &["-C", "again", "get", "scan@v1"]);
    assert_eq!(s.fails(2, "compact --allowance much --json").error_code(), "size.bad");
    assert_eq!(s.fails(5, "compact --remote nowhere --json").error_code(), "remote.unknown");
}
