//! The real program: an agent that serves commands, is stopped and is killed.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long something that is on its way may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

struct Site {
    dir: tempfile::TempDir,
}

#[derive(Debug, PartialEq)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Site {
    fn new() -> Self {
        let site = Site { dir: tempfile::tempdir().expect("dir") };
        site.ok(&["init", "--site", "test"], b"");
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_annals"));
        command.args(args).current_dir(self.dir.path()).env_clear();
        command.envs([("TZ", "UTC"), ("USER", "tester"), ("ANNALS_STORE", "store"), ("PATH", "/usr/bin:/bin")]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str], input: &[u8]) -> Run {
        let mut child = self.command(args).spawn().expect("starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_vec();
        let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("ends");
        feeder.join().expect("fed");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Run { code: output.status.code().expect("a code"), out: text(output.stdout), err: text(output.stderr) }
    }

    fn ok(&self, args: &[&str], input: &[u8]) -> Run {
        let run = self.run(args, input);
        assert_eq!(run.code, 0, "{args:?}: {run:?}");
        run
    }

    fn json(&self, args: &[&str]) -> Value {
        let run = self.run(&[args, &["--json"]].concat(), b"");
        serde_json::from_str(&run.out).unwrap_or_else(|e| panic!("{e}: {args:?}: {run:?}"))
    }

    /// Starts an agent and waits until it says that it serves.
    fn agent(&self) -> Agent {
        let mut child = self.command(&["agent", "run"]).spawn().expect("starts");
        let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        assert!(line.starts_with("agent runs on "), "{line}");
        std::thread::spawn(move || said.lines().for_each(drop));
        Agent(child)
    }

    fn until(&self, what: &str, mut is: impl FnMut() -> bool) {
        let start = Instant::now();
        while !is() {
            assert!(start.elapsed() < PATIENCE, "{what}: {:?}", self.run(&["jobs", "ls", "--json"], b""));
        }
    }
}

fn terminate(agent: &mut Agent) -> Option<i32> {
    let done = Command::new("kill").args(["-TERM", &agent.0.id().to_string()]).status().expect("kill");
    assert!(done.success());
    agent.0.wait().expect("ends").code()
}

#[test]
fn commands_print_the_same_with_and_without_an_agent() {
    let site = Site::new();
    fs::write(site.path("prices.json"), "{\"apple\": 10}").expect("write");
    site.ok(&["put", "prices", "prices.json", "--as", "806", "--reason", "spring"], b"");
    site.ok(&["put", "prices", "-"], b"{\"apple\": 100}");
    site.ok(&["put", "letters/a", "-"], b"dear");
    site.ok(&["rm", "letters/a"], b"");
    site.ok(&["remote", "add", "usb", "dir:usb"], b"");
    let looks: [&[&str]; 20] = [
        &["ls"],
        &["ls", "--json=lines"],
        &["ls", "--deleted", "--json"],
        &["log"],
        &["log", "prices"],
        &["log", "prices", "--json=lines"],
        &["get", "prices"],
        &["get", "prices@v1"],
        &["get", "prices@yesterday 14:00"],
        &["get", "letters/a"],
        &["get", "letters/a", "--json"],
        &["get", "nothing"],
        &["show", "B1"],
        &["diff", "prices@v1", "prices@v2", "--json"],
        &["fields", "prices"],
        &["remote", "ls"],
        &["tenant", "ls", "--json"],
        &["verify"],
        &["undo", "B2", "-n"],
        &["put", "x", "no-such-file"],
    ];
    let alone: Vec<Run> = looks.iter().map(|args| site.run(args, b"")).collect();
    let mut agent = site.agent();
    assert_eq!(site.json(&["agent", "status"])["running"], true);
    for (args, alone) in looks.iter().zip(alone) {
        assert_eq!(site.run(args, b""), alone, "{args:?}");
    }
    // Relative paths, standard input, plans and files mean the client's directory.
    fs::create_dir(site.path("deep")).expect("dir");
    let put = site.ok(&["put", "notes", "-"], "æøå\n".as_bytes());
    assert!(put.out.starts_with("notes v1 · 7 B"), "{put:?}");
    let got = site.ok(&["get", "notes", "--out", "deep/notes.txt"], b"");
    assert!(got.out.contains("→ deep/notes.txt"), "{got:?}");
    assert_eq!(fs::read_to_string(site.path("deep/notes.txt")).expect("read"), "æøå\n");
    site.ok(&["undo", "B2", "--plan", "undo.json"], b"");
    let applied = site.json(&["apply", "undo.json"]);
    assert_eq!(applied["applied"], true, "{applied}");
    assert_eq!(site.ok(&["get", "prices"], b"").out, "{\"apple\": 10}");
    site.ok(&["restore", "letters/a"], b"");
    site.ok(&["batch", "--from", "-"], b"{\"op\":\"put\",\"key\":\"filed\",\"file\":\"deep/notes.txt\"}\n");
    assert_eq!(site.ok(&["get", "filed"], b"").out, "æøå\n");
    site.ok(&["capture", "folder", "deep", "--prefix", "deep/", "--once"], b"");
    site.ok(&["restore", "deep/", "--into", "again"], b"");
    assert_eq!(fs::read_to_string(site.path("again/notes.txt")).expect("read"), "æøå\n");
    // A remote that is added is known to the next command.
    site.ok(&["remote", "add", "second", "dir:second"], b"");
    let shipped = site.json(&["ship", "--to", "second"]);
    assert!(shipped["objects"].as_u64() > Some(0), "{shipped}");
    let large = vec![b'x'; 5_000_000];
    site.ok(&["put", "large", "-"], &large);
    assert_eq!(site.ok(&["get", "large"], b"").out.len(), large.len());
    assert_eq!(terminate(&mut agent), Some(0));
    assert!(!site.path("store/agent.sock").exists());
    assert_eq!(site.ok(&["get", "filed"], b"").out, "æøå\n", "and without it again");
    assert_eq!(site.run(&["agent", "status"], b"").code, 4);
}

#[test]
fn an_agent_captures_and_ships_and_survives_being_killed() {
    let site = with_letters();
    fs::write(site.path("letters/one"), "1").expect("write");
    let mut agent = site.agent();
    site.until("the first letter is offsite", || {
        let status = site.json(&["status"]);
        status["unshipped"]["batches"] == 0 && status["tenants"][0]["documents"] == 1
    });
    assert_eq!(fs::metadata(site.path("store/agent.sock")).expect("socket").permissions().mode() & 0o777, 0o600);
    assert_eq!(site.json(&["agent", "status"])["running"], true);
    let second = site.run(&["agent", "run"], b"");
    assert_eq!(second.code, 11, "one agent per store: {second:?}");
    agent.0.kill().expect("killed");
    agent.0.wait().expect("gone");
    assert!(site.path("store/agent.sock").exists(), "it could not clean up");
    // Its socket is in nobody's way.
    assert_eq!(site.ok(&["get", "letters/one"], b"").out, "1");
    fs::write(site.path("letters/two"), "2").expect("write");
    let agent = site.agent();
    site.until("the second letter is recorded", || site.run(&["get", "letters/two"], b"").out == "2");
    let jobs = site.json(&["jobs", "ls"]);
    assert!(jobs["rows"].as_array().expect("rows").iter().any(|j| j["kind"] == "ship" && j["state"] == "done"), "{jobs}");
    assert_eq!(site.ok(&["drill", "--remote", "usb"], b"").code, 0);
    assert_eq!(site.json(&["agent", "stop"])["running"], true);
    let mut agent = agent;
    assert_eq!(agent.0.wait().expect("ends").code(), Some(0));
}

/// A site with a folder to capture and a disk to ship to.
fn with_letters() -> Site {
    let site = Site::new();
    for folder in ["letters", "usb"] {
        fs::create_dir(site.path(folder)).expect("dir");
    }
    let dir = site.dir.path().display();
    let config = format!(
        "[store]\nsite = \"test\"\n[schedule]\nship = \"every 1m\"\n[[remote]]\nname = \"usb\"\ndirectory = \"{dir}/usb\"\n\
         [[capture]]\nname = \"letters\"\nfolder = \"{dir}/letters\"\n"
    );
    fs::write(site.path("store/annals.toml"), config).expect("config");
    site
}

#[test]
#[cfg(debug_assertions)]
fn killed_at_any_place_it_goes_on_where_it_was() {
    let mut died = 0;
    for place in [5, 22, 41, 63, 88] {
        let site = with_letters();
        for n in 0..5 {
            fs::write(site.path(&format!("letters/{n}")), format!("letter {n} of {place}").repeat(1_000)).expect("write");
        }
        let mut command = site.command(&["agent", "run"]);
        let mut child = Agent(command.env("ANNALS_FAULT", format!("*:{place}")).stderr(Stdio::null()).spawn().expect("starts"));
        let start = Instant::now();
        // Dies by itself at that place, or has done all there is to do before it comes there.
        while start.elapsed() < PATIENCE / 12 && child.0.try_wait().expect("asked").is_none() {
            site.run(&["version"], b"");
        }
        died += usize::from(child.0.try_wait().expect("asked").is_some());
        drop(child);
        let _agent = site.agent();
        site.until("everything is offsite", || {
            let status = site.json(&["status"]);
            status["unshipped"]["batches"] == 0 && status["tenants"][0]["documents"] == 5
        });
        site.ok(&["verify", "--full"], b"");
        site.ok(&["drill"], b"");
    }
    assert!(died >= 3, "only {died} died");
}

#[test]
fn the_ninth_large_command_is_told_that_it_waits_and_goes_on_when_one_ends() {
    let site = Site::new();
    // Far more lines than pipes and sockets hold: whoever is not read does not come to an end.
    let lines = |state: u32| (0..4_000).map(|n| format!("{{\"op\":\"put\",\"key\":\"case/{n:04}\",\"json\":{state}}}\n")).collect::<String>();
    for state in 1..=2 {
        site.ok(&["batch", "--from", "-"], lines(state).as_bytes());
    }
    let _agent = site.agent();
    let all = site.ok(&["policy", "simulate", "--keep-last", "1", "--json=lines"], b"").out;
    assert!(all.len() > 1 << 20, "only {} bytes", all.len());
    let simulate = || Agent(site.command(&["policy", "simulate", "--keep-last", "1", "--json=lines"]).spawn().expect("starts"));
    let mut running: Vec<(Agent, BufReader<_>, String)> = (0..8)
        .map(|_| {
            let mut child = simulate();
            let mut out = BufReader::new(child.0.stdout.take().expect("a pipe"));
            // It writes, so it has its turn.
            let mut first = String::new();
            out.read_line(&mut first).expect("a line");
            (child, out, first)
        })
        .collect();
    let mut ninth = simulate();
    let mut told = String::new();
    BufReader::new(ninth.0.stderr.take().expect("a pipe")).read_line(&mut told).expect("a line");
    assert!(told.starts_with("waits: 8 large commands run at once"), "{told}");
    // Small ones need no turn.
    site.ok(&["put", "meanwhile", "-"], b"1");
    let (mut child, mut out, mut text) = running.pop().expect("one of them");
    out.read_to_string(&mut text).expect("the rest");
    assert!(child.0.wait().expect("ends").success());
    assert_eq!(text, all);
    let mut text = String::new();
    ninth.0.stdout.take().expect("a pipe").read_to_string(&mut text).expect("read");
    assert!(ninth.0.wait().expect("ends").success());
    assert_eq!(text, all, "what was recorded meanwhile has one version, which no rule is asked about");
}

#[test]
fn who_has_read_enough_of_a_command_goes_without_a_word_with_an_agent_as_without_one() {
    let site = Site::new();
    // Far more lines than pipes and sockets hold.
    let lines: String = (0..8_000).map(|n| format!("{{\"op\":\"put\",\"key\":\"case/{n:04}\",\"json\":{n}}}\n")).collect();
    site.ok(&["batch", "--from", "-"], lines.as_bytes());
    let head = || {
        let mut child = site.command(&["ls", "--json=lines"]).spawn().expect("starts");
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
        let ended = child.wait_with_output().expect("ends");
        (ended.status.code(), first.contains("case/0000"), String::from_utf8(ended.stderr).expect("text"))
    };
    let quietly = (Some(0), true, String::new());
    assert_eq!(head(), quietly);
    let _agent = site.agent();
    assert_eq!(head(), quietly);
}

#[test]
fn strangers_on_the_socket_do_no_harm() {
    let site = Site::new();
    let _agent = site.agent();
    let connect = || UnixStream::connect(site.path("store/agent.sock")).expect("connect");
    let first_line = |stream: UnixStream| {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("read");
        line
    };
    let mut stream = connect();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("write");
    assert_eq!(first_line(stream), "", "hung up");
    drop(connect());
    let mut stream = connect();
    let old = "{\"protocol\":1,\"program\":\"0.0.1\",\"words\":[],\"directory\":\"\",\"variables\":[],\"tenant\":null,\"zone\":\"UTC\",\"terminals\":[false,false,false],\"columns\":80}\n";
    stream.write_all(old.as_bytes()).expect("write");
    let refused = first_line(stream);
    assert!(refused.contains("refused") && refused.contains("0.0.1"), "{refused}");
    let mut stream = connect();
    stream.write_all(&vec![b'a'; 5 << 20]).ok();
    drop(stream);
    site.ok(&["put", "a", "-"], b"still here");
    assert_eq!(site.ok(&["get", "a"], b"").out, "still here");
}

#[test]
fn a_unit_is_written_and_systemctl_is_not_run() {
    let site = Site::new();
    let text = site.ok(&["agent", "install", "--print"], b"").out;
    assert!(text.contains("agent run\n") && text.contains("WantedBy=default.target"), "{text}");
    let mut command = site.command(&["agent", "install", "--json"]);
    let output = command.env("XDG_CONFIG_HOME", site.path("config")).output().expect("runs");
    let told: Value = serde_json::from_slice(&output.stdout).expect("json");
    assert_eq!(told["commands"].as_array().map(Vec::len), Some(2), "{told}");
    let unit = site.path("config/systemd/user/annals-test.service");
    assert_eq!(told["unit"], unit.display().to_string());
    assert_eq!(fs::read_to_string(unit).expect("unit"), text);
}

#[test]
fn an_agent_adds_its_counters_to_the_numbers() {
    let site = Site::new();
    site.ok(&["put", "a", "-"], b"1");
    let alone = site.ok(&["metrics"], b"").out;
    assert!(alone.contains("annals_position_seq{tenant=\"main\"} 1\n") && alone.contains("annals_agent_up 0\n"), "{alone}");
    let _agent = site.agent();
    let page = site.json(&["metrics"]);
    let text = page["text"].as_str().expect("a text");
    assert!(text.contains("annals_agent_up 1\n") && text.contains("annals_alerts_total{result=\"failed\"} 0\n"), "{text}");
}

#[test]
fn the_doctor_finds_what_is_wrong_and_says_how_to_mend_it() {
    let site = Site::new();
    let codes = |value: &Value| {
        value["findings"].as_array().expect("a list").iter().map(|f| f["code"].as_str().expect("a code").to_owned()).collect::<Vec<_>>()
    };
    let found = site.json(&["doctor"]);
    assert!(codes(&found).contains(&"remote.none".to_owned()) && found["ok"] == false, "{found}");
    let run = site.run(&["doctor"], b"");
    assert!(
        run.code == 4
            && run.out.contains("wrong: the recovery sheet was never shown\n")
            && run.out.contains("    mend  annals key show --sheet | lpr\n"),
        "{run:?}"
    );
    site.ok(&["key", "show", "--sheet"], b"");
    assert!(!codes(&site.json(&["doctor"])).contains(&"key.sheet".to_owned()));
    // rclone is needed and is not in PATH: told once.
    let config = site.path("store").join("annals.toml");
    let text = fs::read_to_string(&config).expect("read");
    fs::write(&config, format!("{text}[[remote]]\nname = \"far\"\nrclone = \"far:x\"\n")).expect("written");
    let run = site.command(&["doctor", "--json"]).env("PATH", "/nowhere").output().expect("runs");
    let found: Value = serde_json::from_slice(&run.stdout).expect("json");
    assert!(codes(&found).contains(&"rclone.missing".to_owned()), "{found}");
    fs::write(&config, "[shedule]\n").expect("written");
    let found = site.json(&["doctor"]);
    assert!(
        found["findings"][0]["code"] == "store.closed" && found["findings"][0]["mend"].as_str().is_some_and(|m| m.contains("did you mean")),
        "{found}"
    );
    assert_eq!(site.command(&["doctor"]).env("ANNALS_STORE", "none").output().expect("runs").status.code(), Some(10));
}

#[test]
fn what_tells_of_the_configuration_tells_of_its_mistakes_with_an_agent_as_without_one() {
    let site = Site::new();
    fs::create_dir(site.path("usb")).expect("a directory");
    site.ok(&["remote", "add", "usb", "dir:usb"], b"");
    let config = site.path("store").join("annals.toml");
    let good = fs::read_to_string(&config).expect("read");
    fs::write(&config, format!("{good}[alert]\ncommand = [\"true\"]\n")).expect("written");
    let agent = site.agent();
    let verbs: [&[&str]; 5] = [&["alert", "test"], &["remote", "check", "usb"], &["policy", "report"], &["policy", "simulate"], &["forget", "-n"]];
    site.ok(&["put", "a", "-"], b"1");
    for verb in verbs {
        site.ok(verb, b"");
    }
    fs::write(&config, format!("{good}[alert]\ncomand = [\"false\"]\n")).expect("written");
    let told = verbs.map(|verb| {
        let run = site.run(verb, b"");
        assert!(run.code == 2 && run.out.is_empty() && run.err.contains("comand") && run.err.contains("did you mean command"), "{verb:?}: {run:?}");
        run
    });
    // What people record and read goes on under the last good one, and the mistake is told.
    site.ok(&["put", "a", "-"], b"2");
    assert!(site.run(&["status"], b"").out.contains("annals.toml cannot be used, the last good one stays in force"));
    drop(agent);
    for (verb, told) in verbs.iter().zip(told) {
        assert_eq!(site.run(verb, b""), told, "{verb:?}");
    }
}

#[test]
fn the_doctor_tells_of_an_agent_of_another_version() {
    let site = Site::new();
    let socket = site.path("store").join("agent.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
    // An agent of the future refuses whoever is not of its version. The first who connects only looks whether it is there.
    let serving = std::thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = stream.expect("a client");
            let mut request = String::new();
            let _ = BufReader::new(&stream).read_line(&mut request);
            let answer = "{\"refused\":[\"the agent is annals 9.0.0, this command is annals 0.1.0\",\"restart it\"]}\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    let found = site.json(&["doctor"]);
    serving.join().expect("served");
    let first = &found["findings"][0];
    assert!(first["code"] == "store.closed" && first["what"].as_str().is_some_and(|w| w.contains("9.0.0")), "{found}");
}

#[test]
fn without_rclone_one_remote_waits_and_the_other_gets_its_copy() {
    let site = Site::new();
    fs::create_dir(site.path("usb")).expect("a directory");
    site.ok(&["remote", "add", "usb", "dir:usb"], b"");
    let config = site.path("store").join("annals.toml");
    let text = fs::read_to_string(&config).expect("read");
    fs::write(&config, format!("{text}[schedule]\nship = \"every 1m\"\n[[remote]]\nname = \"far\"\nrclone = \"far:x\"\n")).expect("written");
    site.ok(&["put", "a", "-"], b"1");
    let mut child = site.command(&["agent", "run"]).env("PATH", "/nowhere").spawn().expect("starts");
    let said = BufReader::new(child.stderr.take().expect("a pipe"));
    std::thread::spawn(move || said.lines().for_each(drop));
    let mut agent = Agent(child);
    let remotes = || site.json(&["status"])["remotes"].as_array().cloned().unwrap_or_default();
    site.until("the other has its copy", || remotes().iter().any(|r| r["name"] == "usb" && r["state"] == "current"));
    site.until("it is told", || {
        remotes()
            .iter()
            .any(|r| r["name"] == "far" && r["health"]["health"] == "broken" && r["health"]["said"].as_str().is_some_and(|s| s.contains("rclone")))
    });
    let jobs = site.ok(&["jobs", "ls", "--json"], b"").out;
    assert!(jobs.contains("the rclone program is missing") && !jobs.contains("\"dead\""), "{jobs}");
    assert_eq!(site.run(&["status"], b"").code, 4);
    assert_eq!(terminate(&mut agent), Some(0), "it ends in order");
    assert!(!site.path("store").join("agent.sock").exists());
}
