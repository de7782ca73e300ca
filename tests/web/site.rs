//! A store in a temporary directory, an agent that serves its pages, and the program on it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::browser::Browser;
use super::client::Client;

/// A store and the agent on it. The agent ends when this is dropped.
pub struct Site {
    dir: tempfile::TempDir,
    agent: Option<Child>,
    said: Arc<Mutex<String>>,
}

/// What one run of the program gave.
#[derive(Debug)]
pub struct Run {
    pub exit: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.exit, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("not one JSON object ({e}): {self:?}"))
    }
}

/// A fresh store called clinic-17 in Europe/Oslo, with an agent.
pub fn site() -> Site {
    let mut site = without_agent();
    site.start();
    site
}

/// A fresh store without an agent.
pub fn without_agent() -> Site {
    let site = empty();
    site.run(&["init", "--site", "clinic-17"]).exits(0);
    // Any free port: suites run at the same time.
    site.configure("[web]\nlisten = \"127.0.0.1:0\"\n");
    let path = site.store().join("annals.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, text.replacen("[store]\n", "[store]\nzone = \"Europe/Oslo\"\n", 1)).expect("written");
    site
}

/// A directory without a store.
pub fn empty() -> Site {
    Site { dir: tempfile::tempdir().expect("a temporary directory"), agent: None, said: Arc::default() }
}

/// A site with documents of every kind that pages show: versions by several people, a removed document, a bulk change, texts, bytes,
/// references, a mark, a second tenant. Made by the program itself, as people would.
pub fn seeded() -> Site {
    let mut site = without_agent();
    site.seed();
    site.start();
    site
}

impl Site {
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// Adds lines to annals.toml.
    pub fn configure(&self, lines: &str) {
        let path = self.store().join("annals.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(&path, format!("{text}\n{lines}")).expect("written");
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
        command.args(words).current_dir(self.dir.path()).env_clear();
        command.envs([("TZ", "UTC"), ("USER", "tester"), ("PATH", "/usr/bin:/bin"), ("ANNALS_STATE", "")]);
        command.env("ANNALS_STORE", self.store()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program with these bytes on its standard input.
    pub fn feed(&self, input: &[u8], words: &[&str]) -> Run {
        let mut child = self.command(words).spawn().expect("starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_vec();
        let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("ends");
        feeder.join().expect("fed");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Run { exit: output.status.code().expect("a code"), out: text(output.stdout), err: text(output.stderr) }
    }

    pub fn run(&self, words: &[&str]) -> Run {
        self.feed(b"", words)
    }

    /// The one object that a command prints.
    #[track_caller]
    pub fn json(&self, words: &[&str]) -> Value {
        self.run(&[words, &["--json"]].concat()).exits(0).json()
    }

    /// Records a document.
    #[track_caller]
    pub fn put(&self, key: &str, text: &str, actor: &str, reason: &str) -> u64 {
        let run = self.feed(text.as_bytes(), &["put", key, "-", "--as", actor, "--reason", reason, "--json"]).exits(0);
        run.json()["seq"].as_u64().expect("a number")
    }

    /// Records lines as one batch.
    #[track_caller]
    pub fn batch(&self, lines: &str, actor: &str, reason: &str) -> u64 {
        let run = self.feed(lines.as_bytes(), &["batch", "--from", "-", "--as", actor, "--reason", reason, "--json"]).exits(0);
        run.json()["seq"].as_u64().expect("a number")
    }

    /// Rewrites most documents of a tenant at once, long after they were made. Its history is not the one that was recorded any more.
    pub fn mass_change(&self, tenant: &str) {
        let write = |state: u32| {
            let lines = (1..=120).map(|n| format!("{{\"op\":\"put\",\"key\":\"k/{n}\",\"json\":{state}}}\n")).collect::<String>();
            self.feed(lines.as_bytes(), &["--tenant", tenant, "batch", "--from", "-", "--as", "import"]).exits(0);
        };
        write(1);
        let catalog = rusqlite::Connection::open(self.store().join("catalog.db")).expect("open");
        assert!(catalog.execute("UPDATE batch SET time = time - 7200000000", []).expect("changed") > 0);
        drop(catalog);
        write(2);
    }

    fn seed(&self) {
        let case = |status: &str, by: &str| {
            format!("{{\n  \"title\": \"Klientmappe\",\n  \"status\": \"{status}\",\n  \"handler\": \"{by}\",\n  \"amount\": 1250.50\n}}\n")
        };
        self.put("sak/2018-163", &case("new", "806"), "806", "ny henvisning");
        self.put("sak/2018-163", &case("open", "I. Dahl"), "I. Dahl", "tildelt");
        self.put("sak/2018-163", &case("closed", "I. Dahl"), "I. Dahl", "ferdig");
        self.put("klient/38754", "{\"name\": \"Kari Nordmann\", \"phone\": \"22 33 44 55\"}\n", "806", "registered");
        self.put("notat/møte.txt", "Saker:\n- budsjett\n- ferie\n", "I. Dahl", "");
        self.put("notat/møte.txt", "Saker:\n- budsjett 2019\n- ferie\n- eventuelt\n", "I. Dahl", "eventuelt");
        self.feed(&[0x89, b'P', b'N', b'G', 0, 1, 2, 3], &["put", "bilde/røntgen.png", "-", "--media", "image/png", "--as", "806"]).exits(0);
        let lines = |price: &str| {
            (1..=40).map(|n| format!("{{\"op\":\"put\",\"key\":\"pris/{n:02}\",\"json\":{{\"item\":{n},\"nok\":{price}}}}}\n")).collect::<String>()
        };
        self.batch(&lines("10"), "import", "priser 2018");
        self.run(&["mark", "før-prisendring"]).exits(0);
        self.batch(&lines("11"), "import", "priser 2019");
        self.put("pris/07", "{\"item\":7,\"nok\":9}", "806", "tilbud");
        self.run(&["rm", "klient/38754", "--as", "I. Dahl", "--reason", "entered twice"]).exits(0);
        self.run(&["refs", "add", "sak/2018-163", "svarut", "9f2c", "--state", "levert", "--irrevocable"]).exits(0);
        self.run(&["tenant", "add", "kommune-b"]).exits(0);
        self.feed(b"{\"hemmelig\": true}", &["--tenant", "kommune-b", "put", "sak/1", "-"]).exits(0);
    }

    /// Starts the agent and waits until it says that it serves.
    pub fn start(&mut self) {
        let mut child = self.command(&["agent", "run"]).spawn().expect("starts");
        let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        assert!(line.starts_with("agent runs on "), "{line}");
        let kept = self.said.clone();
        std::thread::spawn(move || said.lines().map_while(Result::ok).for_each(|line| *kept.lock().expect("kept") += &line));
        self.agent = Some(child);
    }

    /// What the agent said on standard error since.
    pub fn said(&self) -> String {
        self.said.lock().expect("kept").clone()
    }

    /// The process of the agent.
    pub fn agent_id(&self) -> u32 {
        self.agent.as_ref().expect("an agent runs").id()
    }

    /// Ends the agent as a supervisor would; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        let mut agent = self.agent.take().expect("an agent runs");
        let done = Command::new("kill").args(["-TERM", &agent.id().to_string()]).status().expect("kill");
        assert!(done.success());
        agent.wait().expect("ends").code()
    }

    /// Ends the agent as a power cut would.
    pub fn kill(&mut self) {
        let mut agent = self.agent.take().expect("an agent runs");
        agent.kill().expect("killed");
        agent.wait().expect("ends");
    }

    /// An address that lets one person in, once, as `annals ui` prints it.
    pub fn invitation(&self) -> String {
        self.json(&["ui", "--no-open", "--as", "806"])["address"].as_str().expect("an address").to_owned()
    }

    /// `http://127.0.0.1:PORT`
    pub fn base(&self) -> String {
        let address = self.invitation();
        address.split("/enter/").next().expect("a part").to_owned()
    }

    /// The token of programs.
    pub fn token(&self) -> String {
        std::fs::read_to_string(self.store().join("web.token")).expect("a token").trim().to_owned()
    }

    /// A program with the token.
    pub fn program(&self) -> Client {
        Client::program(&self.base(), &self.token())
    }

    /// Both, for tests that need the site only to live.
    pub fn program_of(self) -> (Site, Client) {
        let program = self.program();
        (self, program)
    }

    /// A person who came in with the address that `annals ui` prints, without a browser.
    pub fn person(&self) -> Client {
        Client::person(&self.invitation())
    }

    /// A browser in which a person came in; `None` where the machine has none.
    pub fn browser(&self) -> Option<Browser> {
        self.browser_in("en")
    }

    /// The same, of somebody who reads this language.
    pub fn browser_in(&self, language: &str) -> Option<Browser> {
        let browser = Browser::open(language)?;
        browser.go(&self.invitation());
        Some(browser.at(&self.base()))
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }
}
