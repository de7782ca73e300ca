//! A remote that takes connections and never answers, and the real program that has to end all the same.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::rclones;

/// How long something that is on its way may take on a slow machine; less than anybody waits for an answer by default.
const PATIENCE: Duration = Duration::from_secs(120);

struct Site {
    dir: tempfile::TempDir,
    rclone: std::path::PathBuf,
    silent: TcpListener,
    /// Connections that were taken.
    taken: Vec<TcpStream>,
}

/// An agent that ends with the test.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Site {
    fn new(rclone: &Path) -> Self {
        let silent = TcpListener::bind(("127.0.0.1", 0)).expect("bind");
        silent.set_nonblocking(true).expect("set");
        let site = Site { dir: tempfile::tempdir().expect("dir"), rclone: rclone.to_owned(), silent, taken: Vec::new() };
        site.ok(&["init", "--site", "test"]);
        let port = site.silent.local_addr().expect("address").port();
        let config = format!(
            "[store]\nsite = \"test\"\nzone = \"UTC\"\n[schedule]\nship = \"every 1m\"\n[[remote]]\nname = \"far\"\nrclone = \":webdav,url='http://127.0.0.1:{port}':x\"\n"
        );
        fs::write(site.dir.path().join("store/annals.toml"), config).expect("written");
        fs::write(site.dir.path().join("a"), "1").expect("written");
        site.ok(&["put", "a", "a"]);
        site
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
        command.args(args).current_dir(self.dir.path()).env_clear().env("ANNALS_RCLONE", &self.rclone).env("ANNALS_STORE", "store");
        command.env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.command(args).output().expect("runs");
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).expect("text")
    }

    fn shipment(&self) -> Value {
        let all = self.ok(&["jobs", "ls", "--json"]);
        let all: Value = serde_json::from_str(&all).expect("json");
        let jobs = all["jobs"].as_array().or(all["rows"].as_array()).unwrap_or_else(|| panic!("{all}"));
        jobs.iter().find(|job| job["kind"] == "ship").cloned().unwrap_or_default()
    }

    /// Waits until one more connection was taken: somebody waits for an answer.
    fn until_asked(&mut self) {
        let started = Instant::now();
        loop {
            match self.silent.accept() {
                Ok((stream, _)) => return self.taken.push(stream),
                Err(_) => assert!(started.elapsed() < PATIENCE, "nobody asks: {}", self.shipment()),
            }
        }
    }

    fn until(&self, state: &str) {
        let started = Instant::now();
        while self.shipment()["state"] != state {
            assert!(started.elapsed() < PATIENCE, "not {state}: {}", self.shipment());
        }
    }

    /// Waits until those who asked have hung up.
    fn until_left(&mut self) {
        while let Ok((stream, _)) = self.silent.accept() {
            self.taken.push(stream);
        }
        for mut stream in self.taken.drain(..) {
            stream.set_nonblocking(false).and_then(|()| stream.set_read_timeout(Some(PATIENCE))).expect("set");
            let mut said = Vec::new();
            // A reset is as good as an end.
            if let Err(e) = stream.read_to_end(&mut said) {
                assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset, "somebody still waits: {}", String::from_utf8_lossy(&said));
            }
        }
    }
}

#[test]
fn who_waits_for_a_silent_remote_can_be_stopped() {
    for (program, version) in rclones("who_waits_for_a_silent_remote_can_be_stopped") {
        let mut site = Site::new(&program);
        let mut agent = Agent(site.command(&["agent", "run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts"));
        site.until_asked();
        site.until("running");
        let job = site.shipment()["job"].to_string();
        let said = site.ok(&["jobs", "cancel", &job]);
        assert!(said.contains("is running; it is to be given up"), "{version}: {said}");
        site.until("cancelled");
        // Others go on, and it can be asked for again; then the agent is stopped.
        site.ok(&["jobs", "retry", &job]);
        site.until_asked();
        site.until("running");
        site.ok(&["agent", "stop"]);
        let started = Instant::now();
        while agent.0.try_wait().expect("wait").is_none() {
            assert!(started.elapsed() < PATIENCE, "{version}: the agent does not end");
        }
        assert_eq!(site.shipment()["state"], "waiting", "{version}");
        site.until_left();
    }
}
