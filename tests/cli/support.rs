//! Runs the program and reads what it says.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// A store in a temporary directory that also is the working directory.
pub struct Site {
    dir: tempfile::TempDir,
}

/// What one run gave.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn site() -> Site {
    let site = Site { dir: tempfile::tempdir().expect("a temporary directory") };
    site.ok(&["init", "--site", "test"]);
    site
}

/// Runs the program in `dir` with nobody at the terminal.
pub fn annals(dir: &Path, args: &[&str], input: &[u8]) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_annals"))
        .args(args)
        .current_dir(dir)
        .env_clear()
        .envs([("TZ", "UTC"), ("USER", "tester"), ("ANNALS_STORE", "store"), ("HOSTNAME", "here")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    // A command that does not read its input may be gone by now: that is no failure of the test.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("the program ends");
    feeder.join().expect("fed");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Run { code: output.status.code().expect("an exit code"), out: text(output.stdout), err: text(output.stderr) }
}

impl Run {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("not one JSON object ({e}): {self:?}"))
    }

    pub fn rows(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("not JSON ({e}): {line}"))).collect()
    }
}

impl Site {
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), bytes).expect("written");
    }

    pub fn run(&self, args: &[&str]) -> Run {
        annals(self.dir.path(), args, b"")
    }

    /// Runs it and expects exit code 0.
    pub fn ok(&self, args: &[&str]) -> Run {
        self.fails(0, args)
    }

    /// Runs it and expects this exit code.
    pub fn fails(&self, code: i32, args: &[&str]) -> Run {
        let run = self.run(args);
        assert_eq!(run.code, code, "{args:?}: {run:?}");
        run
    }

    pub fn json(&self, args: &[&str]) -> Value {
        self.ok(&[args, &["--json"]].concat()).json()
    }

    pub fn rows(&self, args: &[&str]) -> Vec<Value> {
        self.ok(&[args, &["--json=lines"]].concat()).rows()
    }

    /// Records a document and gives the sequence number.
    pub fn put(&self, key: &str, text: &str) -> u64 {
        let run = annals(self.dir.path(), &["put", key, "-", "--json"], text.as_bytes());
        assert_eq!(run.code, 0, "{run:?}");
        run.json()["seq"].as_u64().expect("seq")
    }

    /// Records lines as one batch.
    pub fn batch(&self, lines: &str, more: &[&str]) -> Run {
        annals(self.dir.path(), &[&["batch", "--from", "-", "--json"], more].concat(), lines.as_bytes())
    }

    pub fn get(&self, address: &str) -> String {
        self.ok(&["get", address]).out
    }
}

/// The keys of rows.
pub fn keys(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["key"].as_str().expect("a key")).collect()
}
