//! Where the data of a tenant may lie: what is refused, and what the report proves.

use crate::support::{Site, site};

/// A site with a tenant that has something recorded, and a remote in another country.
fn agency() -> Site {
    let s = site();
    s.ok(&["remote", "add", "ie", &format!("dir:{}", s.path("ie").display()), "--region", "ie", "--operator-country", "us"]);
    s.ok("tenant add agency-x");
    s.feed("secret", &["--tenant", "agency-x", "put", "case/1", "-"]).exits(0);
    s
}

/// Objects of stores in the directory of a remote.
fn objects(s: &Site, remote: &str) -> usize {
    let mut found = 0;
    let mut folders = vec![s.path(remote)];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().into_iter().flatten() {
            let path = entry.expect("entry").path();
            let ours = path.extension().is_some_and(|e| e == "seg" || e == "key") || path.to_string_lossy().contains("/key-");
            found += usize::from(path.is_file() && ours);
            folders.extend(path.is_dir().then_some(path));
        }
    }
    found
}

#[test]
fn a_tenant_that_must_stay_in_one_country_is_not_sent_to_another() {
    let s = agency();
    s.configure("\n[tenant.agency-x]\nregions = [\"se\"]\n");
    assert_eq!(s.fails(14, "ship --to ie --json").error_code(), "rule.residency");
    let refused = s.fails(14, "--tenant agency-x ship --json");
    assert_eq!(refused.error_code(), "rule.residency");
    assert!(refused.err.contains("it is in ie, and the data may lie only in se"), "{}", refused.err);
    assert_eq!(objects(&s, "ie"), 0, "nothing was sent");
    // Another tenant may go there, and takes nothing of this one with it.
    s.put("letter", "no secret");
    assert_eq!(s.json("ship --to ie")["kept_away"], serde_json::json!(["agency-x"]));
    assert!(objects(&s, "ie") >= 2);
    let report = s.ok("policy report --json").object("annals.policy.report/1");
    let place = &report["tenants"][1]["places"][0];
    assert_eq!(
        (&report["ok"], &place["allowed"], &place["forbidden_by"], &place["objects"]),
        (&true.into(), &false.into(), &"region".into(), &0.into())
    );
    assert_eq!((&place["refused"]["times"], place["refused"]["last"].is_string()), (&3.into(), true), "{place}");
    let remote = &report["remotes"][0];
    assert_eq!(
        (&remote["region"], &remote["operator_country"], &remote["encryption"], &remote["tenants"]),
        (&"ie".into(), &"us".into(), &"XChaCha20-Poly1305".into(), &serde_json::json!(["main"]))
    );
    let text = s.ok("policy report").out;
    assert!(text.contains("Rules kept") && text.contains("operator us") && text.contains("refused 3 times"), "{text}");
    // A remote that does not say where it is counts as forbidden.
    s.ok(&["remote", "add", "usb", &format!("dir:{}", s.path("usb").display())]);
    assert_eq!(s.fails(14, "--tenant agency-x ship --to usb --json").error_code(), "rule.residency");
    assert_eq!(s.json("policy report")["tenants"][1]["places"][1]["forbidden_by"], "no_region");
    assert_eq!(objects(&s, "usb"), 0);
}

#[test]
fn what_lies_where_it_must_not_any_more_is_named() {
    let s = agency();
    s.ok("ship");
    s.ok("policy report");
    s.configure("\n[tenant.agency-x]\nregions = [\"se\"]\ncopies_min = 1\n");
    let report = s.fails(4, "policy report --json").object("annals.policy.report/1");
    let said: Vec<&str> = report["violations"].as_array().expect("a list").iter().map(|v| v["said"].as_str().expect("text")).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("2 objects lie at ie, where they must not: it is in ie"), "{said:?}");
    assert_eq!(said[1], "copies_min is 1, and 0 of the remotes may have its data");
    assert!(s.fails(4, "policy report").out.contains("Rules broken: 2 findings"));
    assert!(s.fails(4, "status").out.contains("data of agency-x lie at ie, where its rules do not allow it (annals policy report)"));
    // It is told what to do, and that is believed only when the remote was looked at.
    let folder = report["tenants"][1]["id"].as_str().expect("an id").to_owned();
    let hint = report["violations"][0]["hint"].as_str().expect("text");
    assert!(hint.contains(&folder) && hint.contains("annals verify --remote ie"), "{hint}");
    std::fs::remove_dir_all(s.path("ie").join(&folder)).expect("removed");
    assert_eq!(s.fails(4, "policy report --json").json()["violations"].as_array().map(Vec::len), Some(2));
    s.fails(4, "verify --remote ie");
    assert_eq!(s.fails(4, "policy report --json").json()["violations"].as_array().map(Vec::len), Some(1));
    // A remote that is taken out while it holds something is not forgotten.
    s.put("letter", "no secret");
    s.ok("ship --to ie");
    s.ok("remote rm ie");
    let left = &s.fails(4, "policy report --json").json()["left"][0];
    assert_eq!((&left["name"], &left["region"], &left["tenants"][0]["tenant"]), (&"ie".into(), &"ie".into(), &"main".into()), "{left}");
}
