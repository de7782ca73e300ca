//! status, verify, gc.

use crate::support::site;

#[test]
fn status_says_first_whether_it_is_safe() {
    let site = site();
    site.put("a", "12345");
    let done = site.run("status").exits(0);
    assert!(done.out.starts_with("Not safe: no remote is set up"), "{}", done.out);
    let value = site.run("status --json").exits(0).object("annals.status/1");
    assert_eq!((&value["site"], &value["safe"], &value["documents"]), (&"clinic-17".into(), &false.into(), &1.into()));
    assert_eq!((&value["unshipped"]["batches"], &value["unshipped"]["changes"], &value["unshipped"]["bytes"]), (&1.into(), &1.into(), &5.into()));
    assert_eq!(value["position"]["seq"], 1);
    assert_eq!(value["position"]["digest"].as_str().map(str::len), Some(64));
    assert!(value["unshipped"]["oldest"].as_str().expect("a time").ends_with('Z'));
    assert!(value["unshipped"]["age_secs"].is_u64() && value["disk_bytes"].as_u64() > Some(1000));
    assert_eq!(value["remotes"], serde_json::json!([]));
}

#[test]
fn status_counts_what_waits_for_a_remote_and_alarms_past_the_limit() {
    let site = site();
    site.run("remote add usb dir:usb").exits(0);
    assert!(site.run("status").exits(0).out.starts_with("Safe: nothing is recorded yet"));
    site.put("a", "1");
    site.configure("[alert]\nstale_after = \"4h\"\n");
    let done = site.run("status").exits(0);
    assert!(done.out.starts_with("Safe: 1 change in 1 batch waits for usb"), "{}", done.out);
    let value = site.run("status --json").exits(0).object("annals.status/1");
    let remote = &value["remotes"][0];
    assert_eq!(
        (&remote["name"], &remote["state"], &remote["held_seq"], &remote["behind_batches"]),
        (&"usb".into(), &"unused".into(), &0.into(), &1.into())
    );
    assert!(remote["last_shipped"].is_null() && remote["url"].as_str().expect("url").starts_with("dir:/"));
    site.tamper("UPDATE batch SET time = 1000000");
    let done = site.run("status").exits(4);
    assert!(done.out.starts_with("Not safe: 1 change in 1 batch exists only here") && done.out.contains("usb should have them"), "{}", done.out);
    let value = site.run("status --json").exits(4).object("annals.status/1");
    assert_eq!(value["stale"], true);
}

#[test]
fn an_edited_record_is_found_and_named_with_its_document() {
    let site = site();
    for n in 1..=3 {
        site.put(&format!("case/{n}"), "text");
    }
    assert_eq!(site.run("verify --json").exits(0).object("annals.verify/1")["ok"], true);
    site.tamper("UPDATE batch SET actor = 'somebody else' WHERE id = 2");
    for words in ["verify", "check --full"] {
        let done = site.run(words).exits(4);
        assert!(done.out.contains("batch 2 does not match its digest") && done.out.contains("case/2"), "{}", done.out);
        assert!(!done.out.contains("case/1"));
    }
    let value = site.run("verify --json").exits(4).object("annals.verify/1");
    assert_eq!(value["problems"].as_array().map(Vec::len), Some(1));
    let problem = &value["problems"][0];
    assert_eq!((&problem["seq"], &problem["documents"], &problem["tenant"]), (&2.into(), &serde_json::json!(["case/2"]), &"main".into()));
}

#[test]
fn a_version_that_was_swapped_is_found() {
    let site = site();
    site.put("a", "one");
    site.put("b", "two");
    site.tamper("UPDATE version SET content = 0 WHERE batch = 2");
    let value = site.run("verify --json").exits(4).object("annals.verify/1");
    assert_eq!((&value["problems"][0]["seq"], &value["problems"][0]["documents"][0]), (&2.into(), &"b".into()));
}

#[test]
fn bytes_that_were_changed_are_found_by_full_verification() {
    let site = site();
    site.put("a", "one");
    site.put("b", "two");
    site.tamper("UPDATE content SET body = (SELECT body FROM content WHERE id = 0) WHERE id = 1");
    let value = site.run("verify --full --json").exits(4).object("annals.verify/1");
    assert_eq!((&value["level"], &value["problems"][0]["documents"]), (&"full".into(), &serde_json::json!(["b"])));
}

#[test]
fn gc_of_a_clean_store_removes_nothing() {
    let site = site();
    site.put("a", &"x".repeat(20_000));
    assert!(site.run("gc -n").exits(0).out.starts_with("Nothing to remove"));
    let value = site.run("gc --json").exits(0).object("annals.gc/1");
    assert_eq!((&value["orphans"], &value["removed"], &value["dry_run"]), (&0.into(), &false.into(), &false.into()));
    assert_eq!(site.run("get a").exits(0).out.len(), 20_000);
}

#[test]
fn gc_removes_what_a_refused_put_left() {
    let site = site();
    site.put("a", "1");
    let noise: String = (0..4000).map(|n: u32| n.wrapping_mul(2_654_435_761).to_string()).collect();
    site.write("input", &noise);
    site.run("put a input --if-version 7").exits(14);
    let orphans = |words: &str| site.run(words).exits(0).object("annals.gc/1")["orphans"].as_u64().expect("a number");
    let found = orphans("gc -n --json");
    assert!(found > 0);
    assert_eq!(orphans("gc -n --json"), found, "a dry run changes nothing");
    assert_eq!((orphans("gc --json"), orphans("gc --json")), (found, 0));
    site.run("verify --full").exits(0);
}

#[test]
fn what_is_damaged_is_healed_from_a_remote_and_told_in_documents() {
    let site = site();
    site.run("remote add usb dir:usb").exits(0);
    site.put("a", "one");
    site.put("b", "two");
    site.run("ship").exits(0);
    assert_eq!(site.run("verify --heal --json").exits(0).object("annals.verify.heal/1")["found"], serde_json::json!([]));
    assert!(site.run("verify --heal").exits(0).out.contains("nothing needed healing"));
    site.tamper("UPDATE content SET body = (SELECT body FROM content WHERE id = 0) WHERE id = 1");
    let done = site.run("verify --full").exits(4);
    assert!(done.out.contains("annals verify --heal"), "{}", done.out);
    let value = site.run("verify --heal --json").exits(0).object("annals.verify.heal/1");
    let told = (&value["ok"], &value["contents_damaged"], &value["contents_healed"], &value["lost"]);
    assert_eq!(told, (&true.into(), &1.into(), &1.into(), &serde_json::json!([])), "{value}");
    assert_eq!(value["found"][0]["documents"], serde_json::json!(["b"]), "{value}");
    assert_eq!(value["from"], serde_json::json!([{ "place": "usb", "objects": 1 }]), "{value}");
    assert_eq!(site.run("get b").exits(0).out, "two");
    site.run("verify --full").exits(0);
    site.tamper("UPDATE content SET body = x'00' WHERE id = 0");
    let done = site.run("verify --heal").exits(0);
    assert!(done.out.contains("Healed: 1 content and 0 batches whole again, from usb (1 object)") && done.out.contains("    a\n"), "{}", done.out);
    site.run("-n verify --heal").exits(2);
}

#[test]
fn what_waits_in_the_outbox_heals_and_what_no_copy_has_is_named_as_lost() {
    let site = site();
    site.put("a", "one");
    site.run("seal").exits(0);
    site.put("b", "two");
    for id in [0, 1] {
        site.tamper(&format!("UPDATE content SET body = x'00' WHERE id = {id}"));
    }
    let value = site.run("verify --heal --json").exits(4).object("annals.verify.heal/1");
    assert_eq!((&value["ok"], &value["contents_damaged"], &value["contents_healed"]), (&false.into(), &2.into(), &1.into()), "{value}");
    assert_eq!((&value["from"][0]["place"], &value["lost"]), (&"the outbox".into(), &serde_json::json!(["b"])), "{value}");
    assert_eq!(site.run("get a").exits(0).out, "one");
    // A remote that is away is told, and keeps nothing from being healed.
    site.run("remote add usb dir:usb").exits(0);
    std::fs::remove_dir_all(site.path("usb")).expect("unplug");
    site.tamper("UPDATE content SET body = x'00' WHERE id = 0");
    let done = site.run("verify --heal").exits(4);
    assert!(done.out.contains("not usable") && done.out.contains("usb"), "{}", done.out);
    assert!(done.out.contains("Healed: 1 content") && done.out.contains("Not healed: 1 problem") && done.out.contains("    b\n"), "{}", done.out);
    // Records are no contents: they are told, and what to do.
    site.tamper("UPDATE batch SET actor = 'somebody else' WHERE id = 1");
    let done = site.run("verify --heal").exits(4);
    assert!(done.out.contains("batch 1 does not match its digest") && done.out.contains("annals rebuild"), "{}", done.out);
}
