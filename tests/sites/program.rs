//! The same through the program: exit codes, what the operator sees, plans in files.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::copy_dir;

struct Place {
    dir: tempfile::TempDir,
}

struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        let place = Place { dir: tempfile::tempdir().expect("dir") };
        std::fs::create_dir(place.path("usb")).expect("dir");
        place.ok("s", &["init", "--site", "clinic-17"]);
        place.ok("s", &["remote", "add", "usb", &format!("dir:{}", place.path("usb").display())]);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&self, store: &str, args: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
        command.args(["-C", store]).args(args).current_dir(self.dir.path()).env_clear();
        command.envs([("TZ", "UTC"), ("USER", "tester"), ("ANNALS_STATE", "state")]);
        let output = command.output().expect("runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Run { code: output.status.code().expect("a code"), out: text(output.stdout), err: text(output.stderr) }
    }

    fn gives(&self, code: i32, store: &str, args: &[&str]) -> Run {
        let run = self.run(store, args);
        assert_eq!(run.code, code, "{args:?}: {} {}", run.out, run.err);
        run
    }

    fn ok(&self, store: &str, args: &[&str]) -> Run {
        self.gives(0, store, args)
    }

    fn json(&self, code: i32, store: &str, args: &[&str]) -> Value {
        let run = self.gives(code, store, &[args, &["--json"]].concat());
        serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("{e}: {}", run.out))
    }

    fn put(&self, store: &str, key: &str, text: &str) {
        std::fs::write(self.path("input"), text).expect("written");
        self.ok(store, &["put", key, "input"]);
    }

    fn put_back(&self, copy: &Path, store: &str) {
        std::fs::remove_dir_all(self.path(store)).expect("removed");
        copy_dir(copy, &self.path(store));
    }
}

#[test]
fn an_older_directory_put_back_is_told_and_realigned() {
    let p = Place::new();
    p.put("s", "x", "1");
    p.ok("s", &["ship"]);
    copy_dir(&p.path("s"), &p.path("backup"));
    p.put("s", "x", "2");
    p.put("s", "y", "1");
    p.ok("s", &["ship"]);
    p.put_back(&p.path("backup"), "s");
    // Noticed before anything is shipped, without the line.
    let status = p.json(4, "s", &["status"]);
    assert_eq!((&status["safe"], &status["lineage"][0]["verdict"]), (&false.into(), &"behind".into()));
    p.put("s", "x", "own");
    let refused = p.json(14, "s", &["ship"]);
    assert_eq!((&refused["error"]["code"], &refused["error"]["exit"]), (&"lineage.behind".into(), &14.into()));
    assert!(refused["error"]["hint"].as_str().expect("hint").contains("annals realign"));
    // How things stand, for programs; nothing is changed.
    let plan = p.json(4, "s", &["realign"]);
    assert_eq!((&plan["applied"], &plan["tenants"][0]["conflicts"], &plan["tenants"][0]["recovered"]), (&false.into(), &1.into(), &1.into()));
    let screen = p.ok("s", &["realign", "-n"]);
    for line in ["have parted", "parted at     seq 1", "missing here  2 batches", "only here     1 batch", "conflicts     1", "download"] {
        assert!(screen.out.contains(line), "{line}: {}", screen.out);
    }
    p.gives(2, "s", &["realign"]);
    p.ok("s", &["realign", "--plan", "r.json"]);
    p.put("s", "z", "moved on");
    let stale = p.json(14, "s", &["apply", "r.json"]);
    assert_eq!(stale["error"]["code"], "plan.stale");
    p.ok("s", &["realign", "--plan", "r.json"]);
    let done = p.json(0, "s", &["apply", "r.json"]);
    let did = &done["done"][0];
    assert_eq!((&did["fetched"], &did["again"], &did["conflicts"][0]), (&2.into(), &2.into(), &"x".into()));
    let undo = did["undo"].as_str().expect("a mark");
    let line = did["line"].as_str().expect("a line");
    assert!(p.ok("s", &["--tenant", line, "log", "x"]).out.contains("v2"));
    assert_eq!(p.ok("s", &["get", "x@v2"]).out, "2");
    assert_eq!(p.ok("s", &["get", "x"]).out, "own");
    p.ok("s", &["rollback", "", "--to", undo, "-n"]);
    let shipped = p.ok("s", &["ship"]);
    assert!(shipped.out.contains("shipped"), "{}", shipped.out);
    assert_eq!(p.json(0, "s", &["status"])["lineage"][0]["verdict"], "well");
    p.ok("s", &["verify", "--full"]);
    p.ok("s", &["verify", "--remote", "usb"]);
    assert!(p.ok("s", &["realign"]).out.contains("In line"));
    p.ok("s", &["realign", "--release", line]);
    p.gives(5, "s", &["realign", "--release", line]);
}

#[test]
fn the_second_of_two_copies_is_refused_until_it_claims() {
    let p = Place::new();
    p.put("s", "x", "1");
    p.ok("s", &["ship"]);
    copy_dir(&p.path("s"), &p.path("copy"));
    p.put("s", "x", "2");
    p.ok("s", &["ship"]);
    p.put("copy", "x", "2 of the copy");
    let refused = p.gives(14, "copy", &["ship"]);
    assert!(refused.err.contains("is a copy of the store on") && refused.err.contains("realign --claim"), "{}", refused.err);
    p.gives(14, "copy", &["realign", "-y"]);
    let done = p.json(0, "copy", &["realign", "--claim", "-y"]);
    assert_eq!(done["done"][0]["again"], 1);
    p.ok("copy", &["ship"]);
    assert_eq!(p.ok("copy", &["get", "x@v2"]).out, "2");
}
