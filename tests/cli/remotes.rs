//! remote, tenant, init --remote.

use std::fs;

use crate::support::{binary, site};

#[test]
fn remotes_are_added_listed_checked_and_taken_away() {
    let site = site();
    let value = site.run("remote add usb dir:disk/hist --json").exits(0).object("annals.remote.add/1");
    assert_eq!(value["url"], format!("dir:{}", site.path("disk/hist").display()));
    // The parent is not there, as with a disk that is not mounted: nothing is made up.
    assert!(!site.path("disk").exists());
    let done = site.run("remote check usb --json").exits(13);
    assert_eq!(done.error_code(), "remote.absent");
    fs::create_dir_all(site.path("disk/hist")).expect("directory");
    let value = site.run("remote check usb --json").exits(0).object("annals.remote.check/1");
    assert_eq!((&value["reachable"], &value["objects"], &value["written"]), (&true.into(), &0.into(), &false.into()));
    let value = site.run("remote check usb --write --json").exits(0).object("annals.remote.check/1");
    assert_eq!(value["written"], true);
    let left: Vec<_> =
        fs::read_dir(site.path("disk/hist")).expect("list").flatten().filter(|e| !e.file_name().to_string_lossy().starts_with('.')).collect();
    assert!(left.is_empty(), "the probe was removed: {left:?}");

    assert_eq!(site.run("remote add usb dir:/elsewhere --json").exits(2).error_code(), "remote.exists");
    let rows = site.run("remote ls --json=lines").exits(0).rows();
    assert_eq!((rows.len(), &rows[0]["name"], &rows[0]["state"]), (1, &"usb".into(), &"unused".into()));
    assert!(site.run("remote ls").exits(0).out.starts_with("NAME"));
    assert_eq!(site.run("remote check ubs --json").exits(5).error_code(), "remote.unknown");
    let done = site.run("remote rm usb").exits(0);
    assert!(done.err.contains("only copy"), "{}", done.err);
    assert_eq!(site.run("remote ls --json=lines").exits(0).out, "");
    assert!(!fs::read_to_string(site.store().join("annals.toml")).expect("read").contains("[[remote]]"));
}

#[test]
fn what_a_remote_held_is_forgotten_with_it() {
    let site = site();
    site.run("remote add usb dir:usb").exits(0);
    site.put("a", "1");
    let catalog = rusqlite::Connection::open(site.store().join("catalog.db")).expect("open");
    catalog.execute("INSERT INTO held (remote, tenant, name, at) VALUES ('usb', 0, 'x', 5)", []).expect("insert");
    drop(catalog);
    let last = || site.run("remote ls --json=lines").exits(0).rows()[0]["last_shipped"].clone();
    assert_eq!(last(), "1970-01-01T00:00:00.000005Z");
    site.run("remote rm usb").exits(0);
    site.run("remote add usb dir:other").exits(0);
    assert!(last().is_null());
}

#[test]
fn addresses_that_are_none_are_refused_with_an_example() {
    let site = site();
    for (url, code) in [("s3://bucket", "remote.bad_url"), ("rclone:x", "remote.bad_url"), ("dir:store/inside", "remote.inside")] {
        let done = site.run(&format!("remote add x {url} --json")).exits(2);
        assert_eq!(done.error_code(), code, "{url}");
    }
    assert_eq!(site.run("remote add X dir:/x --json").exits(2).error_code(), "name.bad");
    assert_eq!(site.run("remote ls --json=lines").exits(0).out, "");
    let done = site.run("remote add s3 rclone::s3,secret_access_key=hunter2:b/c --region SE --operator-country se").exits(0);
    assert!(done.err.contains("passwords") && !done.out.contains("hunter2"));
    let row = &site.run("remote ls --json=lines").exits(0).rows()[0];
    assert_eq!((&row["url"], &row["region"], &row["operator_country"]), (&"rclone::s3,...:b/c".into(), &"se".into(), &"se".into()));
}

#[test]
fn init_adds_its_remote() {
    let dir = tempfile::tempdir().expect("dir");
    let run = |url: &str| {
        let mut command = binary();
        command.current_dir(dir.path()).args(["init", "-C", "s", "--site", "x", "--json", "--remote", url]);
        command.output().expect("run")
    };
    assert_eq!(run("nothing:").status.code(), Some(2));
    assert!(!dir.path().join("s").exists(), "a slip in the address leaves no store");
    assert_eq!(run("dir:remote").status.code(), Some(0));
    assert!(dir.path().join("remote").is_dir());
    let text = fs::read_to_string(dir.path().join("s/annals.toml")).expect("read");
    assert!(text.contains("name = \"offsite\""), "{text}");
}

#[test]
fn tenants_have_documents_of_their_own() {
    let site = site();
    site.put("a", "main's");
    let value = site.run("tenant add kommune-b --json").exits(0).object("annals.tenant.add/1");
    assert_eq!(value["position"]["seq"], 0);
    site.write("input", "b's");
    site.run("--tenant kommune-b put a input").exits(0);
    site.run("--tenant kommune-b put c input").exits(0);
    assert_eq!((site.run("get a").out, site.run("--tenant kommune-b get a").out), ("main's".into(), "b's".into()));
    let rows = site.run("tenant ls --json=lines").exits(0).rows();
    let seen: Vec<_> = rows.iter().map(|r| (r["tenant"].as_str().expect("name"), r["position"]["seq"].as_u64(), r["documents"].as_u64())).collect();
    assert_eq!(seen, [("main", Some(1), Some(1)), ("kommune-b", Some(2), Some(2))]);
    assert_ne!(rows[0]["id"], rows[1]["id"]);
    let status = site.run("--tenant kommune-b status --json").exits(0).object("annals.status/1");
    assert_eq!((&status["position"]["seq"], &status["documents"], &status["unshipped"]["batches"]), (&2.into(), &3.into(), &3.into()));
    assert_eq!(site.run("tenant add kommune-b --json").exits(14).error_code(), "tenant.exists");
    assert_eq!(site.run("--tenant komune-b status --json").exits(5).error_code(), "tenant.missing");
    assert_eq!(site.run("tenant add a/b --json").exits(2).error_code(), "tenant.bad");
}
