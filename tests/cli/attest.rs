//! Statements that a site signs, and what becomes of them.

use serde_json::Value;

use crate::support::{Site, site};

/// A site that shipped three cases to two places, and said so.
fn attested() -> Site {
    let s = site();
    for name in ["usb", "nas"] {
        s.ok(&["remote", "add", name, &format!("dir:{}", s.path(name).display()), "--region", "se"]);
    }
    for n in 1..4 {
        s.put(&format!("case/{n}"), &format!("state of case {n}"));
        s.ok("ship");
    }
    s.ok("verify --remote usb --json");
    s.ok("verify --full --attest held.json --json");
    s
}

/// The objects at a remote that hold something of the log, by name.
fn segments(s: &Site, remote: &str) -> Vec<std::path::PathBuf> {
    fn below(dir: &std::path::Path, into: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(dir).expect("a directory").map(|e| e.expect("an entry").path()) {
            if entry.is_dir() { below(&entry, into) } else { into.push(entry) }
        }
    }
    let mut all = Vec::new();
    below(&s.path(remote), &mut all);
    all.retain(|path| path.extension().is_some_and(|ending| ending == "seg"));
    all.sort();
    all
}

fn unprovable(value: &Value) -> Vec<String> {
    value["unprovable"].as_array().expect("a list").iter().map(|text| text.as_str().expect("text").to_owned()).collect()
}

#[test]
fn a_statement_says_what_is_held_where_and_how_old_and_is_proved_later() {
    let s = attested();
    let file: Value = serde_json::from_str(&std::fs::read_to_string(s.path("held.json")).expect("read")).expect("JSON");
    let said = &file["statement"];
    assert_eq!((&file["schema"], file["signature"].as_str().map(str::len)), (&"annals.attestation/1".into(), Some(128)));
    assert_eq!((&said["tenants"][0]["seq"], &said["tenants"][0]["documents"]), (&3.into(), &3.into()), "{said}");
    assert_eq!((&said["verified"]["kind"], &said["verified"]["deep"], &said["verified"]["well"]), (&"verify".into(), &true.into(), &true.into()));
    let usb = said["copies"].as_array().expect("copies").iter().find(|c| c["remote"] == "usb").expect("usb");
    assert_eq!((&usb["region"], &usb["tenants"][0]["seq"], &usb["checked"]["well"]), (&"se".into(), &3.into(), &true.into()), "{usb}");
    assert_eq!(usb["tenants"][0]["newest"], said["tenants"][0]["newest"]);
    // Life goes on, and what was said holds all the same.
    s.put("case/1", "another state");
    s.ok("ship");
    let checked = s.ok("verify --check held.json --full --json").object("annals.attestation.check/1");
    assert_eq!((&checked["proved"], unprovable(&checked).len()), (&true.into(), 0), "{checked}");
    assert!(s.ok("verify --check held.json").out.starts_with("Proved: said "), "in words");
}

#[test]
fn what_cannot_be_proved_any_more_is_named() {
    let s = attested();
    std::fs::remove_file(&segments(&s, "usb")[1]).expect("removed");
    let checked = s.fails(4, "verify --check held.json --json").object("annals.attestation.check/1");
    let what = unprovable(&checked);
    assert!(checked["proved"] == false && what.iter().any(|text| text.contains("usb: main") && text.contains("case/2")), "{what:?}");
    assert!(!what.iter().any(|text| text.starts_with("nas")), "{what:?}");
    let words = s.fails(4, "verify --check held.json");
    assert!(words.out.starts_with("Not all of it can be proved") && words.out.contains("usb"), "{}", words.out);
    // Sent again, it can.
    s.ok("ship");
    s.ok("verify --check held.json");
    // A place that is away, and one that is not used any more.
    std::fs::rename(s.path("nas"), s.path("away")).expect("moved");
    assert!(
        unprovable(&s.fails(4, "verify --check held.json --json").object("annals.attestation.check/1"))[0].starts_with("nas: it cannot be asked")
    );
    s.ok("remote rm nas");
    assert!(unprovable(&s.fails(4, "verify --check held.json --json").object("annals.attestation.check/1"))[0].contains("not in the configuration"));
}

#[test]
fn a_statement_that_was_changed_or_is_anothers_proves_nothing() {
    let s = attested();
    let text = std::fs::read_to_string(s.path("held.json")).expect("read");
    s.write("forged.json", text.replace("\"seq\":3", "\"seq\":2"));
    assert_eq!(s.fails(4, "verify --check forged.json --json").error_code(), "attestation.signature");
    let other = site();
    other.write("held.json", &text);
    assert_eq!(other.fails(4, "verify --check held.json --json").error_code(), "attestation.other");
    s.write("none.json", "{\"schema\":\"annals.plan/1\"}");
    assert_eq!(s.fails(2, "verify --check none.json --json").error_code(), "attestation.bad");
    s.fails(2, "verify --check held.json --attest again.json");
    // A history that is another one from some batch on.
    s.tamper("UPDATE batch SET digest = x'0000000000000000000000000000000000000000000000000000000000000000' WHERE id = 3");
    let checked = s.fails(4, "verify --check held.json --json").object("annals.attestation.check/1");
    assert!(unprovable(&checked).iter().any(|text| text.contains("the log up to batch 3 is not the one of then")), "{checked}");
}

#[test]
fn a_rebuilt_site_proves_what_the_lost_one_said() {
    let s = attested();
    let usb = s.path("usb").display().to_string();
    let rebuilt = s.path("again").display().to_string();
    let key = s.path("store/annals.key").display().to_string();
    s.ok(&["rebuild", "--from", &format!("dir:{usb}"), "--into", &rebuilt, "--key", &key]);
    let place = format!("dir:{usb}");
    s.run(&["-C", &rebuilt, "remote", "add", "usb", &place]);
    let check = || unprovable(&s.run(&["-C", &rebuilt, "verify", "--check", "held.json", "--json"]).object("annals.attestation.check/1"));
    assert!(check().iter().all(|text| text.contains("what it holds is not known here") || text.starts_with("nas: ")), "the log is the one of then");
    s.ok(&["-C", &rebuilt, "ship"]);
    assert_eq!(check(), ["nas: it is not in the configuration any more"]);
}

#[test]
fn a_dropped_tenant_is_still_held_and_said_to_be() {
    let s = attested();
    s.ok("tenant add kommune-b");
    s.feed("x", "--tenant kommune-b put a -").exits(0);
    s.ok("ship");
    s.ok("tenant drop kommune-b --reason avsluttet -y");
    s.ok("verify --attest held.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(s.path("held.json")).expect("read")).expect("JSON");
    assert!(file["statement"]["tenants"].as_array().expect("tenants").iter().any(|t| t["tenant"] == "kommune-b"), "{file}");
    s.ok("ship");
    assert_eq!(s.ok("verify --check held.json --json").object("annals.attestation.check/1")["proved"], true);
}
