//! A store in a temporary directory, the real program on it, and what it says.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The words of a command: a text divided by blanks, or one by one.
pub trait Words {
    fn words(&self) -> Vec<&str>;
}

impl Words for str {
    fn words(&self) -> Vec<&str> {
        self.split_whitespace().collect()
    }
}

impl Words for String {
    fn words(&self) -> Vec<&str> {
        self.as_str().words()
    }
}

impl Words for [&str] {
    fn words(&self) -> Vec<&str> {
        self.to_vec()
    }
}

impl<const N: usize> Words for [&str; N] {
    fn words(&self) -> Vec<&str> {
        self.to_vec()
    }
}

impl Words for Vec<&str> {
    fn words(&self) -> Vec<&str> {
        self.clone()
    }
}

/// What one run gave.
#[derive(Debug)]
pub struct Run {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Runs it with these bytes on its standard input.
    fn of(mut command: Command, input: &[u8]) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_vec();
        // A command that does not read its input may be gone by now: that is no failure of the test.
        let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("the program ends");
        feeder.join().expect("fed");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Run { exit: output.status.code().expect("an exit code"), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Fails the test unless the exit code is this one.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.exit, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// The one object on stdout.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("not one JSON object ({e}): {self:?}"))
    }

    /// The one object on stdout, which must have this schema.
    #[track_caller]
    pub fn object(&self, schema: &str) -> Value {
        let value = self.json();
        assert_eq!(value["schema"], schema);
        value
    }

    /// The objects on stdout, one a line.
    #[track_caller]
    pub fn rows(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("not JSON ({e}): {line}"))).collect()
    }

    /// The code of the error on stdout; it must have a hint.
    #[track_caller]
    pub fn error_code(&self) -> String {
        let value = self.json();
        assert!(value["error"]["hint"].is_string(), "{}", self.out);
        value["error"]["code"].as_str().expect("a code").to_owned()
    }
}

/// The program without what the environment of whoever runs the tests says to it.
pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
    for name in ["ANNALS_STORE", "ANNALS_TENANT", "ANNALS_KEYFILE", "ANNALS_PASSPHRASE", "ANNALS_NEW_PASSPHRASE", "ANNALS_IDENTITY", "COLUMNS"] {
        command.env_remove(name);
    }
    command.envs([("TZ", "UTC"), ("USER", "tester"), ("HOSTNAME", "here")]);
    command
}

/// Runs the program without a store.
pub fn annals(words: &(impl Words + ?Sized)) -> Run {
    let mut command = binary();
    command.args(words.words());
    Run::of(command, b"")
}

/// A store in a temporary directory, which is also the working directory of what runs on it.
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

    /// The program on this store, with nobody at the terminal.
    pub fn command(&self, words: &(impl Words + ?Sized)) -> Command {
        let mut command = binary();
        command.args(words.words()).env("ANNALS_STORE", self.store()).current_dir(self.dir.path());
        command
    }

    pub fn run(&self, words: &(impl Words + ?Sized)) -> Run {
        Run::of(self.command(words), b"")
    }

    /// Runs with more variables in the environment.
    pub fn run_with(&self, variables: &[(&str, &str)], words: &(impl Words + ?Sized)) -> Run {
        let mut command = self.command(words);
        command.envs(variables.iter().copied());
        Run::of(command, b"")
    }

    /// Runs with these bytes on standard input.
    pub fn feed(&self, input: impl AsRef<[u8]>, words: &(impl Words + ?Sized)) -> Run {
        Run::of(self.command(words), input.as_ref())
    }

    /// Runs it and expects exit code 0.
    #[track_caller]
    pub fn ok(&self, words: &(impl Words + ?Sized)) -> Run {
        self.run(words).exits(0)
    }

    /// Runs it and expects this exit code.
    #[track_caller]
    pub fn fails(&self, code: i32, words: &(impl Words + ?Sized)) -> Run {
        self.run(words).exits(code)
    }

    /// The one object of a command that succeeds.
    #[track_caller]
    pub fn json(&self, words: &(impl Words + ?Sized)) -> Value {
        self.ok(&[words.words(), vec!["--json"]].concat()).json()
    }

    /// The rows of a command that succeeds.
    #[track_caller]
    pub fn rows(&self, words: &(impl Words + ?Sized)) -> Vec<Value> {
        self.ok(&[words.words(), vec!["--json=lines"]].concat()).rows()
    }

    /// Writes a file beside the store.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(&path, bytes).expect("written");
        path
    }

    /// Records a document and gives the sequence number.
    #[track_caller]
    pub fn put(&self, key: &str, text: &str) -> u64 {
        self.feed(text, &["put", key, "-", "--json"]).exits(0).json()["seq"].as_u64().expect("seq")
    }

    /// Records lines as one batch.
    pub fn batch(&self, lines: &str, more: &[&str]) -> Run {
        self.feed(lines, &[&["batch", "--from", "-", "--json"], more].concat())
    }

    #[track_caller]
    pub fn get(&self, address: &str) -> String {
        self.ok(&["get", address]).out
    }

    /// Adds lines to annals.toml.
    pub fn configure(&self, lines: &str) {
        let path = self.store().join("annals.toml");
        let text = std::fs::read_to_string(&path).expect("read");
        std::fs::write(&path, text + lines).expect("write");
    }

    /// Changes one row of the catalogue behind the program's back.
    #[track_caller]
    pub fn tamper(&self, sql: &str) {
        tamper(&self.store(), sql);
    }
}

/// Changes one row of the catalogue of a store behind the program's back.
#[track_caller]
pub fn tamper(store: &Path, sql: &str) {
    let catalog = rusqlite::Connection::open(store.join("catalog.db")).expect("open");
    assert_eq!(catalog.execute(sql, []).expect("change"), 1);
}

/// The keys of rows.
pub fn keys(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["key"].as_str().expect("a key")).collect()
}

pub fn mode_of(path: &Path) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&path.metadata().expect("a file").permissions()) & 0o777
}
