//! Erasure as people and scripts ask for it.

use crate::support::{Site, site};

/// A site with a remote and a declared prefix, two persons and a letter.
fn shipped() -> Site {
    let s = site();
    s.ok(&["remote", "add", "usb", &format!("dir:{}", s.path("usb").display())]);
    s.configure("\n[erasable]\nprefixes = [\"person/\"]\n");
    for n in 1..3 {
        s.put("person/1/notes", &format!("state {n} of the first person"));
        s.put("person/2/notes", &format!("state {n} of the second person"));
    }
    s.put("letters/a", "a letter");
    s.ok("ship");
    s
}

#[test]
fn a_subject_is_shown_erased_and_told_of() {
    let s = shipped();
    let dry = s.ok("erase person/1 -n");
    assert!(dry.out.contains("2 contents of 1 document") && dry.out.contains("usb: its key goes with the next annals ship"), "{}", dry.out);
    assert_eq!(s.fails(2, "erase person/1 --json").error_code(), "plan.unconfirmed");
    assert_eq!(s.get("person/1/notes"), "state 2 of the first person", "nothing was changed so far");
    let reason = ["erase", "person/1/", "-y", "--as", "806", "--reason", "asked for it", "--json"];
    let done = s.ok(&reason).object("annals.erase/1");
    assert_eq!((&done["applied"], &done["contents"], &done["bare"], &done["existing"]), (&true.into(), &2.into(), &0.into(), &1.into()), "{done}");
    assert!(done["outcome"]["left_here"].is_null(), "{done}");
    let gone = s.fails(5, "get person/1/notes@v1 --json");
    assert_eq!(gone.error_code(), "content.erased");
    assert!(gone.err.contains("erased on 20") && gone.err.contains("by 806") && gone.err.contains("asked for it"), "{}", gone.err);
    let gone = s.fails(5, "get person/1/notes --json");
    assert_eq!(gone.error_code(), "content.erased", "also without a version");
    assert!(gone.err.contains("person/1/notes was erased on 20") && !gone.err.contains("brings it back"), "{}", gone.err);
    let log = s.ok("log person/1/notes");
    assert!(log.out.contains("erased") && !log.out.contains("damage"), "{}", log.out);
    assert_eq!(s.rows("log person/1/notes").iter().filter(|row| row["forgotten"]["erased"] == true).count(), 2);
    // Pending on the remote until it is shipped.
    let graves = s.rows("erase ls");
    assert_eq!((graves.len(), &graves[0]["actor"], &graves[0]["pending"]), (1, &"806".into(), &serde_json::json!(["usb"])), "{graves:?}");
    assert!(s.ok("status").out.contains("pending on usb"));
    assert_eq!(s.json("status")["remotes"][0]["erasure_pending"]["keys"], true);
    s.ok("ship");
    assert!(s.json("status")["remotes"][0]["erasure_pending"].is_null());
    assert_eq!(s.rows("erase ls")[0]["pending"], serde_json::json!([]));
    assert!(s.ok("erase ls").out.contains("nowhere"));
    s.ok("verify --full");
    s.ok("verify --remote usb --full");
    let events = s.rows("feed copies");
    assert!(events.iter().any(|event| event["kind"] == "erase" && event["contents"] == 2), "{events:?}");
    assert_eq!(s.get("person/2/notes"), "state 2 of the second person");
    let again = s.path("again");
    let key = s.path("store/annals.key");
    s.ok(&[
        "rebuild",
        "--from",
        &format!("dir:{}", s.path("usb").display()),
        "--into",
        &again.display().to_string(),
        "--key",
        &key.display().to_string(),
    ]);
}

#[test]
fn what_cannot_be_erased_says_what_to_do() {
    let s = shipped();
    s.ok(&["hold", "person/1/", "--name", "court", "--reason", "17-2"]);
    let held = s.fails(14, "erase person/1 -y --json");
    assert_eq!(held.error_code(), "rule.held");
    assert!(held.err.contains("court"), "{}", held.err);
    assert_eq!(s.get("person/1/notes"), "state 2 of the first person");
    let other = s.fails(14, "erase letters/a -y --json");
    assert_eq!(other.error_code(), "erase.undeclared");
    assert!(other.out.contains("prefixes") && other.out.contains("annals compact"), "{}", other.out);
    assert_eq!(s.fails(2, "erase person/2/notes -y --json").error_code(), "erase.part");
    assert_eq!(s.fails(5, "erase person/9 -y --json").error_code(), "document.missing");
    assert_eq!(s.fails(2, "erase --json").error_code(), "erase.subject");
    s.configure("[erasable]\nprefixes = [\"person\"]\n");
    let twice = s.fails(2, "ls --json");
    assert_eq!(twice.error_code(), "config.syntax");
    let path = s.store().join("annals.toml");
    let text = std::fs::read_to_string(&path).expect("read").replace("[erasable]\nprefixes = [\"person/\"]\n", "");
    std::fs::write(&path, text).expect("write");
    let wrong = s.fails(2, "ls --json");
    assert!(wrong.error_code() == "config.value" && wrong.out.contains("each ends in /"), "{}", wrong.out);
}

#[test]
fn a_saved_plan_is_carried_out_by_somebody_else_if_nothing_was_recorded_since() {
    let s = shipped();
    let plan = s.path("erase.json").display().to_string();
    let saved = s.ok(&["erase", "person/1", "--plan", &plan]);
    assert!(saved.err.contains("annals apply") || saved.out.contains("annals apply"), "{saved:?}");
    s.put("person/1/notes", "state 3");
    assert_eq!(s.fails(14, &["apply", &plan, "-y", "--json"]).error_code(), "plan.stale");
    s.ok(&["erase", "person/1", "--plan", &plan]);
    let done = s.ok(&["apply", &plan, "-y", "--json"]).object("annals.erase/1");
    assert_eq!((&done["applied"], &done["subject"]), (&true.into(), &"person/1".into()));
    s.fails(5, "get person/1/notes");
}

#[test]
fn documents_outside_with_the_same_bytes_are_named_whenever_the_prefix_was_declared() {
    let s = site();
    s.put("person/2/old", "before it was declared");
    s.put("case/8", "before it was declared");
    s.configure("\n[erasable]\nprefixes = [\"person/\"]\n");
    s.put("person/2/notes", "the same in both");
    s.put("person/3/notes", "the same in both");
    s.put("case/9", "the same in both");
    s.put("case/10", "its own");
    let plan = s.json("erase person/2 -n");
    let outside = serde_json::json!(["case/8", "case/9", "person/3/notes"]);
    assert_eq!((&plan["outside"], &plan["shared"], &plan["contents"]), (&outside, &3.into(), &1.into()), "{plan}");
    assert!(s.ok("erase person/2 -n").out.contains("case/9"));
    s.ok("erase person/2 -y --reason asked");
    for key in ["person/3/notes", "case/9"] {
        assert_eq!(s.get(key), "the same in both");
    }
    assert_eq!(s.get("case/8"), "before it was declared");
}
