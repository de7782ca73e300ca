//! Shipping, fetching and rebuilding through the real binary.

use std::fs;
use std::path::Path;

use crate::support::{Site, site, tamper};

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A site with a directory remote called `offsite`, and the remote's address.
fn with_remote() -> (Site, String) {
    let s = site();
    let far = s.path("far");
    fs::create_dir(&far).expect("a place");
    let url = format!("dir:{}", text(&far));
    s.ok(&["remote", "add", "offsite", &url]);
    (s, url)
}

fn segments(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for folder in fs::read_dir(dir).expect("the remote").flatten().filter(|e| e.path().is_dir()) {
        found
            .extend(fs::read_dir(folder.path()).expect("a folder").flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "seg")));
    }
    found.sort();
    found
}

#[test]
fn a_small_change_ships_as_one_small_object_and_a_rebuild_is_the_same() {
    let (s, url) = with_remote();
    for i in 0..50 {
        s.put(&format!("case/{i}"), &format!("{{\"id\": {i}, \"status\": \"new\", \"name\": \"person number {i}\"}}\n"));
    }
    let first = s.json(&["ship"]);
    assert!(first["objects"].as_u64().expect("objects") >= 2, "{first}");
    s.put("case/7", "{\"id\": 7, \"status\": \"closed\", \"name\": \"person number 7\"}\n");
    let dry = s.json(&["ship", "-n"]);
    assert_eq!((dry["dry_run"].as_bool(), dry["objects"].as_u64()), (Some(true), Some(1)));
    let small = s.json(&["ship"]);
    assert_eq!((small["objects"].as_u64(), small["bytes"].as_u64()), (Some(1), dry["bytes"].as_u64()));
    assert!(small["bytes"].as_u64().expect("bytes") <= 300, "{small}");
    assert_eq!(s.json(&["ship"])["objects"], 0);

    let (again, sheet) = (s.path("again"), s.path("sheet.txt"));
    fs::write(&sheet, s.ok(&["key", "show", "--sheet"]).out).expect("the sheet");
    let rebuilt = s.run(&["rebuild", "--from", &url, "--into", &text(&again), "--sheet", &text(&sheet), "--json"]);
    assert_eq!(rebuilt.exit, 0, "{}", rebuilt.err);
    assert_eq!(rebuilt.json()["position"], s.json(&["status"])["position"]);
    let rows = |dir: &Path| s.run(&["-C", &text(dir), "ls", "--json=lines"]).out;
    let both = [rows(&s.path("store")), rows(&again)].map(|out| out.lines().filter(|l| !l.is_empty()).count());
    assert_eq!(both, [50, 50]);
    let checked = s.run(&["-C", &text(&again), "verify", "--full"]);
    assert_eq!(checked.exit, 0, "{}", checked.out);
    let occupied = s.run(&["rebuild", "--from", &url, "--into", &text(&again), "--sheet", &text(&sheet)]);
    assert_eq!(occupied.exit, 14, "{}", occupied.err);
}

#[test]
fn damage_offsite_is_told_in_documents_and_mended_by_the_next_shipment() {
    let (s, _) = with_remote();
    s.put("letters/1", "first");
    s.ok(&["ship"]);
    s.put("letters/2", "second");
    s.ok(&["ship"]);
    let hit = segments(&s.path("far")).pop().expect("a segment");
    let whole = fs::read(&hit).expect("read");
    fs::write(&hit, &whole[..whole.len() / 2]).expect("cut");
    let found = s.fails(4, &["verify", "--remote", "offsite", "--json"]).json();
    assert_eq!(found["problems"][0]["documents"][0], "letters/2", "{found}");
    s.ok(&["ship"]);
    assert_eq!(s.ok(&["verify", "--remote", "offsite", "--full", "--json"]).json()["problems"].as_array().map(Vec::len), Some(0));
}

#[test]
fn wrong_keys_and_absent_places_have_their_own_exit_codes() {
    let (s, url) = with_remote();
    s.put("a", "1");
    s.ok(&["ship"]);
    let other = site();
    let key = text(&other.path("store").join("annals.key"));
    let stolen = other.run(&["rebuild", "--from", &url, "--into", &text(&other.path("stolen")), "--key", &key]);
    assert_eq!(stolen.exit, 12, "{}", stolen.err);
    assert!(!other.path("stolen").exists());
    fs::rename(s.path("far"), s.path("unplugged")).expect("unplug");
    s.put("b", "2");
    s.fails(13, &["ship"]);
    fs::rename(s.path("unplugged"), s.path("far")).expect("plug in");
    assert_eq!(s.json(&["ship"])["objects"], 1);
    s.fails(5, &["ship", "--to", "nowhere"]);
}

#[test]
fn the_demonstration_ends_well() {
    let s = site();
    let folder = s.path("letters");
    fs::create_dir(&folder).expect("folder");
    for i in 0..12 {
        fs::write(folder.join(format!("letter {i}.txt")), format!("Dear reader,\nthis is letter {i}.\n").repeat(20)).expect("letter");
    }
    let shown = s.run(&["demo", &text(&folder), "--json"]);
    assert_eq!(shown.exit, 0, "{}", shown.err);
    let shown = shown.json();
    assert_eq!((shown["same"].as_bool(), shown["files"].as_u64()), (Some(true), Some(12)));
    assert!(shown["second_shipment_bytes"].as_u64() < shown["first_shipment_bytes"].as_u64());
    assert_eq!(fs::read_dir(&folder).expect("untouched").count(), 12);
}

#[test]
fn a_dry_run_says_at_which_rate_it_reckons() {
    let (s, _) = with_remote();
    // Bytes that nothing makes smaller: enough for a measurement.
    let noise: String = (0u64..12_000).map(|n| format!("{:x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (n << 40))).collect();
    s.put("a", &noise);
    let rate = |words: &str, says: &str, from: &str| {
        let said = s.ok(words).out;
        assert!(said.contains("would ship") && said.contains(says), "{said}");
        let value = s.json(words);
        assert_eq!(value["rate"]["from"], from, "{value}");
        let (bytes, rate) = (value["bytes"].as_f64().expect("bytes"), value["rate"]["bytes_per_sec"].as_f64().expect("a rate"));
        assert!((value["seconds"].as_f64().expect("seconds") - bytes / rate).abs() < 1e-6, "{value}");
        rate
    };
    assert_eq!(rate("ship -n", " s at 8.0 kB/s, assumed until this line is measured", "assumed"), 8_000.0);
    assert_eq!(rate("ship -n --limit-rate 1KiB/s", " s at 1.0 kB/s, the limit", "limit"), 1_024.0);
    assert!(s.json("ship")["rate"].is_null());
    s.put("b", "2");
    rate("ship -n", "/s as measured", "measured");
}

#[test]
fn a_tenant_that_cannot_be_shipped_does_not_keep_the_others_at_home() {
    let (s, _) = with_remote();
    s.ok("tenant add kommune-b");
    s.put("a", "1");
    s.feed("2", "--tenant kommune-b put b -").exits(0);
    s.tamper("UPDATE batch SET actor = 'somebody else' WHERE tenant = 0");
    let run = s.fails(3, "ship --json");
    let value = run.object("annals.ship/1");
    let failed = &value["failed"][0];
    assert_eq!((&failed["remote"], &failed["tenant"], &failed["code"]), (&"offsite".into(), &"main".into(), &"seal.damaged".into()), "{value}");
    assert!(failed["hint"].as_str().is_some_and(|hint| hint.contains("verify")), "{value}");
    assert_eq!(value["positions"].as_array().map(Vec::len), Some(1), "{value}");
    assert_eq!((&value["positions"][0]["tenant"], &value["objects"]), (&"kommune-b".into(), &2.into()), "its key and its segment: {value}");
    // Nothing is left that could be done: now the error speaks for itself.
    let run = s.fails(1, "ship --json");
    assert_eq!(run.error_code(), "seal.damaged");
    s.feed("3", "--tenant kommune-b put c -").exits(0);
    let text = s.fails(3, "ship").out;
    assert!(text.contains("shipped") && text.contains("not shipped: tenant main"), "{text}");
}

#[test]
fn a_rebuild_whose_check_finds_something_says_so_in_its_one_object() {
    let (s, url) = with_remote();
    s.put("a", "1");
    s.ok("ship");
    s.put("b", "2");
    s.ok("ship");
    // The second segment is away, so the rebuild does not end; what it has so far is tampered with before it goes on.
    let second = segments(&s.path("far")).pop().expect("a segment");
    let aside = s.path("aside");
    fs::rename(&second, &aside).expect("away");
    let (again, key) = (s.path("again"), text(&s.path("store").join("annals.key")));
    let rebuild = |code| s.fails(code, &["rebuild", "--from", &url, "--into", &text(&again), "--key", &key, "--json"]);
    let cut = &rebuild(0).json();
    assert_eq!(cut["objects"], 2, "a segment and the tenant's key: {cut}");
    fs::remove_dir_all(&again).expect("anew");
    fs::write(&second, b"cut").expect("cut");
    assert_eq!(rebuild(3).json()["gaps"].as_array().map(Vec::len), Some(1));
    fs::rename(&aside, &second).expect("back");
    tamper(&again, "UPDATE batch SET actor = 'somebody else'");
    let run = rebuild(4);
    let value = run.object("annals.rebuild/1");
    assert_eq!((&value["error"]["code"], &value["error"]["exit"], &value["batches"]), (&"rebuild.unsound".into(), &4.into(), &1.into()), "{value}");
    assert!(run.err.contains("the rebuilt store has 1 problem") && run.err.contains("verify --full"), "{}", run.err);
}
