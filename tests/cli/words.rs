//! A store in a temporary directory and the real binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// What a command did.
pub struct Done {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Done { exit: output.status.code().expect("an exit code"), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Fails the test unless the exit code is this one.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.exit, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// The one object on stdout, which must have this schema.
    pub fn object(&self, schema: &str) -> Value {
        let value: Value = serde_json::from_str(&self.out).expect("one JSON object");
        assert_eq!(value["schema"], schema);
        value
    }

    /// The code of the error on stdout; it must have a hint.
    pub fn error_code(&self) -> String {
        let value: Value = serde_json::from_str(&self.out).expect("one JSON object");
        assert!(value["error"]["hint"].is_string(), "{}", self.out);
        value["error"]["code"].as_str().expect("a code").to_owned()
    }

    /// The objects on stdout, one a line.
    pub fn rows(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("a JSON object a line")).collect()
    }
}

/// The binary without the environment of whoever runs the tests.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
    for name in ["ANNALS_STORE", "ANNALS_TENANT", "ANNALS_KEYFILE", "ANNALS_PASSPHRASE", "ANNALS_NEW_PASSPHRASE", "ANNALS_IDENTITY"] {
        command.env_remove(name);
    }
    command
}

/// Runs the binary with words divided by blanks.
pub fn annals(words: &str) -> Done {
    Done::of(binary().args(words.split_whitespace()).output().expect("run"))
}

pub struct Site {
    dir: tempfile::TempDir,
}

/// A fresh store.
pub fn site() -> Site {
    let site = Site { dir: tempfile::tempdir().expect("a temporary directory") };
    site.run("init --site clinic-17").exits(0);
    site
}

impl Site {
    /// A path beside the store.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// The binary on this store, in the directory beside it.
    pub fn command(&self, words: &str) -> Command {
        let mut command = binary();
        command.arg("-C").arg(self.store()).args(words.split_whitespace()).current_dir(self.dir.path());
        command
    }

    pub fn run(&self, words: &str) -> Done {
        Done::of(self.command(words).output().expect("run"))
    }

    /// Runs with one more variable in the environment.
    pub fn run_with(&self, variables: &[(&str, &str)], words: &str) -> Done {
        Done::of(self.command(words).envs(variables.iter().copied()).output().expect("run"))
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(&path, text).expect("write");
        path
    }

    /// Records a text under a key.
    pub fn put(&self, key: &str, text: &str) {
        self.write("input", text);
        self.run(&format!("put {key} input --reason test")).exits(0);
    }

    /// Adds lines to annals.toml.
    pub fn configure(&self, lines: &str) {
        let path = self.store().join("annals.toml");
        let text = std::fs::read_to_string(&path).expect("read");
        std::fs::write(&path, text + lines).expect("write");
    }

    /// Changes the catalogue behind the program's back.
    pub fn tamper(&self, sql: &str) {
        let catalog = rusqlite::Connection::open(self.store().join("catalog.db")).expect("open");
        assert_eq!(catalog.execute(sql, []).expect("change"), 1);
    }
}

pub fn mode_of(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&path.metadata().expect("a file").permissions()) & 0o777
}
