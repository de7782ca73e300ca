//! What `-n` and `--plan` must not do.

use crate::support::site;

#[test]
fn a_verb_that_has_no_dry_run_refuses_it() {
    let s = site();
    s.put("a", "x");
    s.write("f", "y");
    for args in [
        &["put", "a", "f"][..],
        &["mark", "m"],
        &["batch", "begin"],
        &["seal"],
        &["fetch"],
        &["init", "-C", "other"],
        &["rebuild", "--from", "dir:r", "--into", "other", "--key", "store/annals.key"],
    ] {
        for flag in [&["-n"][..], &["--plan", "p.json"]] {
            let run = s.fails(2, &[args, flag].concat());
            assert!(run.err.contains("no dry run"), "{args:?}: {run:?}");
        }
    }
    let help = |words: &str| s.ok(&[&words.split(' ').collect::<Vec<_>>()[..], &["--help"]].concat()).out;
    let shown = |words: &str| ["  -n, --dry-run", "--plan <FILE>"].map(|flag| help(words).contains(flag));
    for words in [
        "put",
        "mark",
        "batch begin",
        "seal",
        "fetch",
        "init",
        "rebuild",
        "drill",
        "agent install",
        "alert test",
        "hold lift",
        "tenant drop",
        "remote rm",
    ] {
        assert_eq!(shown(words), [false, false], "{words}");
    }
    for words in ["rm", "gc", "ship", "batch", "apply", "forget", "compact"] {
        assert_eq!(shown(words), [true, false], "{words}");
    }
    for words in ["undo", "redo", "restore", "rollback", "erase", "realign"] {
        assert_eq!(shown(words), [true, true], "{words}");
    }
    for args in [&["rm", "a"][..], &["gc"], &["ship"], &["batch", "--from", "f"]] {
        assert!(s.fails(2, &[args, &["--plan", "p.json"]].concat()).err.contains("no plan"), "{args:?}");
    }
    assert_eq!(s.json(&["status"])["position"]["seq"], 1);
    assert!(!s.path("p.json").exists() && !s.path("other").exists());
}

#[test]
fn a_repeated_put_tells_of_the_version_it_made() {
    let s = site();
    s.write("f", "y");
    let first = s.json(&["put", "a", "f", "--request-id", "r"]);
    s.put("a", "later");
    s.ok(&["rm", "a"]);
    let again = s.json(&["put", "a", "f", "--request-id", "r"]);
    assert_eq!((&again["version"], &again["digest"], &again["seq"]), (&first["version"], &first["digest"], &first["seq"]));
}

#[test]
fn a_folder_is_not_put() {
    let s = site();
    assert!(s.fails(2, &["put", "a", "store"]).err.contains("is a folder"));
}
