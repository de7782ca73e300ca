//! completions, help.

use crate::support::{annals, site};

#[test]
fn completions_know_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let script = annals(&format!("completions {shell}")).exits(0).out;
        assert!(script.contains("capture") && script.contains("add-recipient"), "{shell}");
    }
    annals("completions cobol").exits(2);
}

#[test]
fn the_routes_of_the_interface_for_programs_are_listed() {
    let document = annals("api openapi").exits(0).json();
    let described: usize = document["paths"].as_object().expect("paths").values().map(|methods| methods.as_object().expect("methods").len()).sum();
    let listed = annals("api routes --json").exits(0).json();
    let rows = listed["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), described);
    for row in rows {
        let (path, method) = (row["path"].as_str().expect("a path"), row["method"].as_str().expect("a method").to_lowercase());
        assert_eq!(document["paths"][path][&method]["operationId"], row["id"], "{row}");
    }
    let text = annals("api routes").exits(0).out;
    assert!(text.contains("POST    /api/v1/erase") && text.contains("DELETE  /api/v1/brakes"), "{text}");
}

#[test]
fn every_help_teaches_by_example() {
    let verbs = [
        "status",
        "verify",
        "check",
        "gc",
        "refs",
        "refs add",
        "refs ls",
        "refs find",
        "refs check",
        "capture",
        "capture folder",
        "remote",
        "remote add",
        "remote ls",
        "remote check",
        "remote rm",
        "tenant",
        "tenant add",
        "tenant ls",
        "key",
        "key show",
        "key create",
        "key add-recipient",
        "key remove-recipient",
        "key passphrase",
        "completions",
        "version",
    ];
    for verb in verbs {
        let help = annals(&format!("{verb} --help")).exits(0).out;
        assert!(help.contains("Example") && help.contains("annals "), "{verb}: {help}");
    }
}

#[test]
fn a_dry_run_is_never_ignored() {
    let site = site();
    site.put("a", "1");
    site.run("remote add usb dir:usb").exits(0);
    let position = || site.run("status --json").exits(0).object("annals.status/1")["position"].clone();
    let before =
        (position(), std::fs::read(site.store().join("annals.toml")).expect("read"), std::fs::read(site.store().join("annals.key")).expect("read"));
    for verb in [
        "remote rm usb",
        "remote add b dir:/b",
        "tenant add x",
        "refs add a s 1",
        "capture folder . --prefix p",
        "key passphrase",
        "key create --out k",
    ] {
        let done = site.run_with(&[("ANNALS_NEW_PASSPHRASE", "horse")], &format!("-n {verb} --json")).exits(2);
        assert_eq!(done.error_code(), "usage.dry_run", "{verb}");
    }
    let after =
        (position(), std::fs::read(site.store().join("annals.toml")).expect("read"), std::fs::read(site.store().join("annals.key")).expect("read"));
    assert!(before == after && !site.path("k").exists());
}

/// jemalloc tells how it is set when the program ends; the variable has this name only where it serves what is written in C too.
#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn an_agent_gives_back_what_was_freed() {
    let said = site().run_with(&[("MALLOC_CONF", "stats_print:true")], "version").exits(0).err;
    assert!(said.contains("opt.background_thread: true"), "{said}");
}
