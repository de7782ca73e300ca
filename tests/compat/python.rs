//! The reader in Python, in an environment of its own below `target`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What the reader imports, pinned.
const PACKAGES: [&str; 3] = ["blake3==1.0.11", "PyNaCl==1.6.2", "zstandard==0.25.0"];

/// The interpreter, or `None` where it cannot be had here: the reason is printed once, and with `ANNALS_TEST_PYTHON=require` it is a failure.
fn interpreter() -> Option<&'static Path> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match MADE.get_or_init(environment) {
        Ok(python) => Some(python),
        Err(why) => {
            assert!(std::env::var_os("ANNALS_TEST_PYTHON").is_none_or(|v| v != "require"), "no Python for the independent reader: {why}");
            eprintln!("skipped, no Python for the independent reader: {why}");
            None
        }
    }
}

fn environment() -> Result<PathBuf, String> {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reader-python");
    let python = dir.join("bin/python");
    let made = dir.join("packages");
    let wanted = PACKAGES.join("\n");
    if std::fs::read_to_string(&made).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&dir))?;
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES))?;
    std::fs::write(&made, wanted).map_err(|e| e.to_string())?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{:?}: {e}", command.get_program()))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()) }
}

/// What the reader did.
pub struct Read {
    /// Its exit code.
    pub exit: i32,
    /// What it printed.
    pub out: String,
    /// What it complained about.
    pub complaints: String,
}

/// Runs the reader on a remote. `unlock` says with what, `what` says what it shall do. `None` where there is no Python.
pub fn read(remote: &Path, unlock: &[&str], passphrase: Option<&str>, what: &[&str]) -> Option<Read> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat/reader.py");
    let mut command = Command::new(interpreter()?);
    command.arg("-B").arg(script).arg(remote).args(unlock).args(what).env_remove("ANNALS_PASSPHRASE");
    if let Some(passphrase) = passphrase {
        command.env("ANNALS_PASSPHRASE", passphrase);
    }
    let Output { status, stdout, stderr } = command.output().expect("the interpreter runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Some(Read { exit: status.code().unwrap_or(-1), out: text(stdout), complaints: text(stderr) })
}
