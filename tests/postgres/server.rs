//! A PostgreSQL server of our own, and a store that captures it.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::base::time::{ManualClock, Timestamp};
use annals::engine::capture::postgres::{PgCapture, PgCaptured, SLOT_BYTES_MAX};
use annals::{By, Result, Silent, Store};
use postgres::{Client, NoTls};

/// 2026-03-01T12:00:00Z.
const NOON: i64 = 1_772_366_400_000_000;

/// The programs of the server that `ANNALS_TEST_POSTGRES` names, a directory; otherwise of the newest that Debian has installed.
fn programs() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("ANNALS_TEST_POSTGRES") {
        return Some(named.into());
    }
    let mut found: Vec<PathBuf> = Path::new("/usr/lib/postgresql").read_dir().ok()?.flatten().map(|e| e.path().join("bin")).collect();
    found.retain(|bin| bin.join("postgres").exists() && bin.join("initdb").exists());
    found.sort();
    found.pop()
}

/// User and group that the server runs as, where we are root: it refuses to.
fn server_user() -> Option<(u32, u32)> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    let line = passwd.lines().find(|line| line.starts_with("postgres:"))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0)
}

pub struct Server {
    bin: PathBuf,
    pub dir: tempfile::TempDir,
    process: Option<Child>,
    /// Settings besides those that every test has.
    settings: Vec<String>,
    /// Where it listens besides its socket.
    pub port: Option<u16>,
}

impl Server {
    /// Starts a new server; `None` where there is none to start, with the reason on standard error.
    pub fn start() -> Option<Server> {
        let mut server = Server::made()?;
        server.run();
        Some(server)
    }

    /// Starts a new server that listens on the loopback interface and encrypts there, with the certificate that `prepare` makes in its directory
    /// (`server.crt`, `server.key`). Who comes over the network unencrypted is refused.
    pub fn start_encrypting(prepare: impl FnOnce(&Path)) -> Option<Server> {
        let mut server = Server::made()?;
        prepare(server.dir.path());
        if let Some((uid, gid)) = server_user().filter(|_| is_root()) {
            std::os::unix::fs::chown(server.dir.path().join("server.key"), Some(uid), Some(gid)).expect("the server's key");
        }
        let rules = "local all all trust\nhostssl all all 127.0.0.1/32 trust\nhostssl all all ::1/128 trust\n";
        std::fs::write(server.data().join("pg_hba.conf"), rules).expect("rules");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("a port").port();
        drop(free);
        server.port = Some(port);
        let file = |name: &str| server.dir.path().join(name).display().to_string();
        let of = [("listen_addresses", "localhost".to_owned()), ("port", port.to_string()), ("ssl", "on".to_owned())];
        let of = of.into_iter().chain([("ssl_cert_file", file("server.crt")), ("ssl_key_file", file("server.key"))]);
        server.settings = of.flat_map(|(name, value)| ["-c".to_owned(), format!("{name}={value}")]).collect();
        server.run();
        Some(server)
    }

    fn made() -> Option<Server> {
        let Some(bin) = programs() else {
            eprintln!("skipped: no PostgreSQL server here (apt-get install postgresql)");
            return None;
        };
        let dir = tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").expect("a temporary directory");
        if is_root() {
            let Some((uid, gid)) = server_user() else {
                eprintln!("skipped: PostgreSQL does not run as root, and there is no user postgres");
                return None;
            };
            std::os::unix::fs::chown(dir.path(), Some(uid), Some(gid)).expect("the server's directory");
        }
        let server = Server { bin, dir, process: None, settings: Vec::new(), port: None };
        let made = server
            .command("initdb")
            .args(["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C", "-D"])
            .arg(server.data())
            .output();
        let made = made.expect("initdb runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(server)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        if let Some((uid, gid)) = server_user().filter(|_| is_root()) {
            command.uid(uid).gid(gid);
        }
        command.current_dir(self.dir.path()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    /// Starts the process and waits until it answers.
    pub fn run(&mut self) {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let log = std::fs::File::create(self.dir.path().join("log")).expect("a log");
            let mut process = self
                .command("postgres")
                .arg("-D")
                .arg(self.data())
                .arg("-k")
                .arg(self.dir.path())
                .args(["-c", "listen_addresses=", "-c", "wal_level=logical", "-c", "fsync=off", "-c", "max_wal_size=64MB", "-c", "min_wal_size=32MB"])
                .args(&self.settings)
                .stderr(log)
                .spawn()
                .expect("postgres runs");
            // It ends at once where what a killed one left is not gone yet.
            while process.try_wait().expect("asked").is_none() {
                if self.try_client("postgres").is_some() {
                    self.process = Some(process);
                    return;
                }
                assert!(Instant::now() < until, "the server does not answer: {:?}", std::fs::read_to_string(self.dir.path().join("log")));
                std::thread::yield_now();
            }
            assert!(Instant::now() < until, "the server does not start: {:?}", std::fs::read_to_string(self.dir.path().join("log")));
        }
    }

    /// Stops it, and starts it with other settings and with these rules of who may come how.
    pub fn run_with(&mut self, settings: &[&str], rules: &str) {
        self.stop();
        std::fs::write(self.data().join("pg_hba.conf"), rules).expect("rules");
        self.settings = settings.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]).collect();
        self.run();
    }

    /// Kills the server: the processes die as they stand.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("killed");
            process.wait().expect("gone");
        }
    }

    /// Stops it in order.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = self.command("pg_ctl").args(["stop", "-m", "fast", "-w", "-D"]).arg(self.data()).output();
            process.wait().expect("gone");
        }
    }

    /// Copies the server's files to `to` in its directory, or back from there. It must not run.
    pub fn copy(&self, from: &str, to: &str) {
        let (from, to) = (self.dir.path().join(from), self.dir.path().join(to));
        let _ = std::fs::remove_dir_all(&to);
        let done = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs");
        assert!(done.success());
    }

    pub fn url(&self, database: &str) -> String {
        let port = self.port.map_or_else(String::new, |port| format!(" port={port}"));
        format!("host={} user=postgres dbname={database}{port}", self.dir.path().display())
    }

    fn try_client(&self, database: &str) -> Option<Client> {
        Client::connect(&self.url(database), NoTls).ok()
    }

    pub fn client(&self, database: &str) -> Client {
        self.try_client(database).expect("a connection")
    }

    /// Makes a database with these tables and connects to it.
    pub fn database(&self, sql: &str) -> Client {
        self.client("postgres").batch_execute("CREATE DATABASE shop").expect("a database");
        let mut client = self.client("shop");
        client.batch_execute(sql).expect("tables");
        client
    }

    /// Runs one of PostgreSQL's programs on a database.
    pub fn tool(&self, program: &str, database: &str, words: &[&str]) {
        let mut command = self.command(program);
        let done = command.args(words).args(["-U", "postgres", "-d", database, "-h"]).arg(self.dir.path()).output().expect("runs");
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    }

    pub fn psql(&self, database: &str, file: &Path) {
        // A server that is not Debian's may have come without; any psql tells it what to do.
        let beside = self.bin.join("psql");
        let done = Command::new(if beside.exists() { beside } else { "psql".into() })
            .args(["-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-f"])
            .arg(file)
            .arg("-h")
            .arg(self.dir.path())
            .stdout(Stdio::null())
            .output()
            .expect("psql runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A store beside the server.
pub struct Site {
    pub store: Store,
    pub clock: Arc<ManualClock>,
    pub what: PgCapture,
    pub dir: tempfile::TempDir,
}

impl Site {
    pub fn new(server: &Server) -> Site {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let clock = Arc::new(ManualClock::new(Timestamp(NOON)));
        let store = Store::builder().clock(clock.clone()).init(&dir.path().join("store"), "test").expect("init");
        Site { store, clock, what: what(server), dir }
    }

    /// The site with more in its configuration.
    pub fn with_rules(self, rules: &str) -> Site {
        let Site { store, clock, what, dir } = self;
        drop(store);
        let config = dir.path().join("store/annals.toml");
        let text = std::fs::read_to_string(&config).expect("config") + rules;
        std::fs::write(&config, text).expect("config");
        // A child that another test starts this very moment may hold the lock until it is another program.
        let store = loop {
            match Store::builder().clock(clock.clone()).open(&dir.path().join("store")) {
                Err(e) if e.kind() == annals::Kind::Locked => std::thread::yield_now(),
                store => break store.expect("open"),
            }
        };
        Site { store, clock, what, dir }
    }

    pub fn try_capture(&self) -> Result<PgCaptured> {
        self.store.capture_postgres(&self.what, &By::default(), &Silent)
    }

    pub fn capture(&self) -> PgCaptured {
        self.try_capture().expect("captured")
    }

    pub fn text(&self, key: &str) -> String {
        String::from_utf8(self.store.get(key).expect("the document").bytes(1 << 20).expect("read")).expect("text")
    }

    pub fn keys(&self, prefix: &str) -> Vec<String> {
        self.store.list(prefix).map(|v| String::from_utf8(v.expect("version").key).expect("text")).collect()
    }

    /// Compares the rows of a table with what is recorded under `name`, value by value.
    pub fn compare(&self, client: &mut Client, table: &str, name: &str, key: &[&str]) {
        let names = client.query("SELECT column_name::text FROM information_schema.columns WHERE table_schema || '.' || table_name = $1 AND is_generated = 'NEVER' ORDER BY ordinal_position", &[&table]);
        let names: Vec<String> = names.expect("columns").iter().map(|row| row.get(0)).collect();
        let list: Vec<String> = names.iter().map(|n| format!("\"{n}\"::text")).collect();
        let rows = client.query(&format!("SELECT ARRAY[{}] FROM {table}", list.join(", ")), &[]).expect("rows");
        let mut there: Vec<Vec<Option<String>>> = rows.iter().map(|row| row.get(0)).collect();
        let documents: Vec<_> = self.store.list(format!("shop/{name}/")).map(|v| v.expect("version")).collect();
        let mut here: Vec<Vec<Option<String>>> = Vec::new();
        for version in &documents {
            let bytes = self.store.open(version).and_then(|r| r.bytes(1 << 24)).expect("row");
            let row: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&bytes).expect("JSON");
            here.push(names.iter().map(|n| value_text(&row[n])).collect());
            if !key.is_empty() {
                let key: Vec<String> = key.iter().map(|k| value_text(&row[*k]).expect("no NULL")).collect();
                assert_eq!(String::from_utf8_lossy(&version.key), format!("shop/{name}/{}", key.join(",")));
            }
        }
        there.sort();
        here.sort();
        assert_eq!(here, there, "{table}");
    }
}

pub fn what(server: &Server) -> PgCapture {
    PgCapture {
        url: server.url("shop"),
        name: "shop".into(),
        prefix: b"shop/".to_vec(),
        tables: Vec::new(),
        slot_bytes_max: SLOT_BYTES_MAX,
        accept: false,
        password_file: None,
    }
}

/// A value as PostgreSQL casts it to text.
fn value_text(value: &serde_json::Value) -> Option<String> {
    use serde_json::Value;
    match value {
        Value::Null => None,
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(n) => Some(n.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Object(o) if o.contains_key("$json") => o["$json"].as_str().map(str::to_owned),
        Value::Object(o) => {
            let text = o["$blob"].as_str().expect("a blob");
            let mut out = String::from("\\x");
            let mut bits = 0u32;
            let mut held = 0;
            for c in text.bytes().filter(|c| *c != b'=') {
                let digit = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|d| *d == c).expect("base64") as u32;
                (bits, held) = (bits << 6 | digit, held + 6);
                if held >= 8 {
                    held -= 8;
                    out.push_str(&format!("{:02x}", bits >> held & 0xff));
                }
            }
            Some(out)
        }
        Value::Array(_) => panic!("no value of a row"),
    }
}
