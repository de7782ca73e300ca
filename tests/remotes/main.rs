//! One conformance suite for all places offsite: what holds for memory must hold for a directory and for rclone on every protocol.
//!
//! The suites with rclone run for each program in `ANNALS_TEST_RCLONES` (separated by colons; `rclone` by default) and say why when they do not
//! run. The S3 suite needs one that has `rclone serve s3` (1.65 or newer), the sftp suite an OpenSSH server program.
//!
//! `cutting` ships through a line that is cut 20 times, `kept` over one that stands, `paused` stops in the middle.

mod cutting;
mod kept;
mod paused;
mod proxy;
mod silent;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use annals::base::digest::Digest;
use annals::base::error::{Kind, Result};
use annals::base::monitor::{Monitor, Progress, Silent};
use annals::base::process::{Child, Command};
use annals::base::random::{Random, SeededRandom};
use annals::storage::remote::{Check, Directory, Memory, Object, Options, Policy, Rclone, Remote, RemoteUrl, Retrying, Stored, Upload, open};

/// A place to test, and how to reach it in ways that must fail.
struct Site {
    dir: tempfile::TempDir,
    remote: Arc<dyn Remote>,
    /// A second way to the same place, as after a restart.
    again: Arc<dyn Remote>,
}

impl Site {
    fn file(&self, name: &str, bytes: &[u8]) -> Upload {
        let path = self.dir.path().join("outbox");
        fs::create_dir_all(&path).expect("outbox");
        let path = path.join(Digest::of(bytes).short(32));
        fs::write(&path, bytes).expect("write");
        Upload::new(name, path, bytes.len() as u64)
    }
}

fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    SeededRandom::new(seed).fill(&mut out);
    out
}

fn stored(remote: &dyn Remote, uploads: &[Upload]) -> Vec<Stored> {
    let outcomes = remote.store(uploads, &Silent).expect("store");
    assert_eq!(outcomes.len(), uploads.len());
    outcomes.into_iter().map(|outcome| outcome.expect("stored")).collect()
}

fn conformance(site: &Site) {
    let remote = &*site.remote;
    assert_eq!(remote.list("", &Silent).expect("a new remote"), []);

    // Many objects in one go, in two folders.
    let contents: Vec<(String, Vec<u8>)> = (0..9).map(|i| (format!("t{}/seg/{i:04}-a_b.annals", i % 2), bytes(i, 1 + i as usize * 4001))).collect();
    let uploads: Vec<Upload> = contents.iter().map(|(name, content)| site.file(name, content)).collect();
    assert_eq!(stored(remote, &uploads), [Stored::Written; 9]);

    let mut all: Vec<Object> = contents.iter().map(|(name, content)| Object { name: name.clone(), size: content.len() as u64 }).collect();
    all.sort();
    assert_eq!(remote.list("", &Silent).expect("list"), all);
    let of = |prefix: &str| all.iter().filter(|o| o.name.starts_with(prefix)).cloned().collect::<Vec<_>>();
    for prefix in ["t0/", "t1/seg/", "t1/seg/0003", "t", "t0/seg/0002-a_b.annals"] {
        assert_eq!(remote.list(prefix, &Silent).expect(prefix), of(prefix), "{prefix}");
    }
    for prefix in ["none/", "t0/none/", "zzz"] {
        assert_eq!(remote.list(prefix, &Silent).expect(prefix), [], "{prefix}");
    }

    // Ranges, exact or an error.
    let (name, content) = &contents[8];
    let size = content.len() as u64;
    for (offset, len) in [(0, 1), (0, size), (size - 1, 1), (1000, 70), (size, 0), (17, size - 17)] {
        assert_eq!(remote.read(name, offset, len, &Silent).expect("read"), &content[offset as usize..(offset + len) as usize]);
    }
    for (offset, len) in [(0, size + 1), (size - 10, 11), (size, 1), (size + 1000, 5)] {
        let e = remote.read(name, offset, len, &Silent).expect_err("past the end");
        assert_eq!(e.code(), "remote.object_short", "{offset} {len}: {e}");
    }

    // Whole objects.
    let into = site.dir.path().join("fetched");
    remote.fetch(name, &into, size, &Silent).expect("fetch");
    assert_eq!(&fs::read(&into).expect("fetched"), content);
    fs::remove_file(&into).expect("remove");
    for wrong in [size - 1, size + 1] {
        assert_eq!(remote.fetch(name, &into, wrong, &Silent).expect_err("another size").code(), "remote.object_short");
    }
    assert!(!into.exists());

    // Checks tell what is wrong.
    let right = Digest::of(content);
    assert_eq!(remote.verify(name, size, None, &Silent).expect("verify"), Check::Right);
    assert_eq!(remote.verify(name, size, Some(right), &Silent).expect("verify"), Check::Right);
    assert_eq!(remote.verify(name, size + 1, Some(right), &Silent).expect("verify"), Check::Size(size));
    assert_eq!(remote.verify(name, size, Some(Digest::ZERO), &Silent).expect("verify"), Check::Bytes(right));

    // What is not there.
    for missing in ["t0/seg/none", "none/none", "none"] {
        assert_eq!(remote.verify(missing, 1, None, &Silent).expect("verify"), Check::Missing);
        for e in
            [remote.read(missing, 0, 1, &Silent).map(drop), remote.read(missing, 9, 5, &Silent).map(drop), remote.fetch(missing, &into, 1, &Silent)]
        {
            let e = e.expect_err(missing);
            assert_eq!((e.kind(), e.code()), (Kind::Missing, "remote.object_missing"));
        }
    }
    assert_eq!(remote.read("../x", 0, 1, &Silent).expect_err("a bad name").kind(), Kind::Usage);

    // Storing again, from this session and from another one, writes nothing; a cut upload of before is repaired.
    assert_eq!(stored(remote, &uploads[..2]), [Stored::Existed; 2]);
    let again: Vec<Upload> = uploads.iter().cloned().map(Upload::again).collect();
    assert_eq!(stored(&*site.again, &again[7..]), [Stored::Existed; 2]);
    let cut = bytes(3, 777);
    let longer = bytes(4, 9_000);
    for wrong in [&cut, &longer, &vec![7; content.len()]] {
        remote.remove(std::slice::from_ref(name), &Silent).expect("remove");
        stored(remote, &[site.file(name, wrong)]);
        assert_ne!(remote.verify(name, size, Some(right), &Silent).expect("verify"), Check::Right);
        assert_eq!(stored(&*site.again, &again[8..]), [Stored::Repaired]);
        assert_eq!(remote.verify(name, size, Some(right), &Silent).expect("verify"), Check::Right);
    }

    // Removing.
    let names = [name.clone(), "t0/none".to_owned(), contents[0].0.clone()];
    remote.remove(&names, &Silent).expect("remove");
    remote.remove(&names, &Silent).expect("remove again");
    assert_eq!(remote.list("", &Silent).expect("list").len(), 7);
    assert_eq!(remote.verify(name, size, None, &Silent).expect("verify"), Check::Missing);

    interruption(site);
    assert!(remote.requests() > 0);
    assert!(!remote.describe().is_empty());
}

/// Stops the work, or does something else, when the first bytes have moved.
struct AtFirstBytes<F: Fn()> {
    act: F,
    acted: AtomicBool,
    stop: bool,
    last: AtomicU64,
}

impl<F: Fn()> AtFirstBytes<F> {
    fn new(stop: bool, act: F) -> Self {
        AtFirstBytes { act, acted: AtomicBool::new(false), stop, last: AtomicU64::new(0) }
    }
}

impl<F: Fn() + Send + Sync> Monitor for AtFirstBytes<F> {
    fn progress(&self, progress: &Progress) {
        self.last.store(progress.bytes, Ordering::SeqCst);
        assert!(progress.bytes <= progress.bytes_total && progress.items <= progress.items_total, "{progress:?}");
        if progress.bytes > 0 && !self.acted.swap(true, Ordering::SeqCst) {
            (self.act)();
        }
    }

    fn note(&self, _: &str) {}

    fn stopped(&self) -> bool {
        self.stop && self.acted.load(Ordering::SeqCst)
    }
}

fn interruption(site: &Site) {
    let remote = &*site.remote;
    let content = bytes(50, 6 << 20);
    let (first, second) = (site.file("slow/1", &content), site.file("slow/2", &content[1..]));
    remote.limit(Some(1 << 20)).expect("limit");
    let monitor = AtFirstBytes::new(true, || ());
    let outcomes = remote.store(&[first.clone(), second.clone()], &monitor).expect("store");
    let kinds: Vec<_> = outcomes.iter().map(|o| o.as_ref().err().map(|e| e.kind())).collect();
    // Memory takes an object at once; everything else is stopped within the first one.
    assert!(kinds == [Some(Kind::Interrupted); 2] || kinds == [None, Some(Kind::Interrupted)], "{kinds:?}");
    remote.limit(None).expect("limit");
    stored(&*site.again, &[first.again(), second.again()]);
    assert_eq!(remote.verify("slow/1", content.len() as u64, Some(Digest::of(&content)), &Silent).expect("verify"), Check::Right);

    let into = site.dir.path().join("interrupted");
    let stopped = AtFirstBytes::new(true, || ());
    stopped.acted.store(true, Ordering::SeqCst);
    assert_eq!(remote.fetch("slow/1", &into, content.len() as u64, &stopped).expect_err("stopped").kind(), Kind::Interrupted);
    assert!(!into.exists());
}

fn quick() -> Options {
    Options { retry: Policy { attempts: 3, first: Duration::from_millis(5), longest: Duration::from_millis(20) }, ..Options::default() }
}

#[test]
fn memory() {
    let remote = Arc::new(Memory::new());
    conformance(&Site { dir: tempfile::tempdir().expect("dir"), remote: remote.clone(), again: remote });
}

#[test]
fn directory() {
    let dir = tempfile::tempdir().expect("dir");
    let root = dir.path().join("root");
    fs::create_dir(&root).expect("root");
    let again = open(&RemoteUrl::Directory(root.clone()), &quick()).expect("open");
    conformance(&Site { remote: Arc::new(Directory::new(&root, &quick())), again: again.into(), dir });
}

// ---- rclone -----------------------------------------------------------------------------------------------------------------------------

fn output(command: Command) -> Option<String> {
    let out = command.timeout(Duration::from_secs(60)).run(&Silent).ok().filter(|out| out.exit.success())?;
    Some(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// The rclone programs to test with their versions; says so when there is none.
fn rclones(test: &str) -> Vec<(PathBuf, String)> {
    let listed = std::env::var("ANNALS_TEST_RCLONES").unwrap_or_else(|_| "rclone".to_owned());
    let version = |program: &Path| output(Command::new(program).arg("version")).and_then(|text| Some(text.lines().next()?.to_owned()));
    let found: Vec<_> = listed.split(':').map(PathBuf::from).filter_map(|p| version(&p).map(|v| (p, v))).collect();
    if found.is_empty() {
        println!("skipped: {test}: no rclone program (install rclone, or set ANNALS_TEST_RCLONES)");
    }
    found
}

/// Where nobody listens. A port that was free a moment ago may be another test's server by now; this one takes a right that tests do not need.
const NOBODY: u16 = 1;

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).expect("a free port").port()
}

/// Waits until something listens.
fn listening(port: u16, server: &mut Child) {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(server.exited().expect("server").is_none(), "the server ended: {}", server.stderr());
        assert!(start.elapsed() < Duration::from_secs(30), "the server does not listen: {}", server.stderr());
        std::thread::yield_now();
    }
}

/// A server, rclone's configuration for it, and names of remotes in it: `good`, `bad` (wrong credentials) and `gone` (nobody listens).
struct Place {
    dir: tempfile::TempDir,
    config: PathBuf,
    path: String,
    server: Option<Child>,
}

impl Place {
    fn new(path: &str, sections: &str, server: Option<Child>, dir: tempfile::TempDir) -> Self {
        let config = dir.path().join("rclone.conf");
        fs::write(&config, sections).expect("config");
        Place { dir, config, path: path.to_owned(), server }
    }

    fn options(&self, program: &Path) -> Options {
        Options { rclone_program: program.to_owned(), rclone_config: Some(self.config.clone()), ..quick() }
    }

    fn url(&self, remote: &str, below: &str) -> RemoteUrl {
        RemoteUrl::parse(&format!("rclone:{remote}:{}{below}", self.path)).expect("url")
    }

    fn rclone(&self, program: &Path, remote: &str, below: &str) -> Rclone {
        Rclone::new(&self.url(remote, below), &self.options(program)).expect("rclone")
    }

    /// The whole suite with one rclone. `requests` are those of an upload with its check, once the folder is there.
    fn suite(&self, program: &Path, below: &str, requests: u64) {
        let rclone = Arc::new(self.rclone(program, "good", below));
        let policy = self.options(program).retry;
        let remote = Retrying::new(rclone.clone(), policy, Arc::new(SeededRandom::new(1)), self.options(program).sleeper);
        let again = open(&self.url("good", below), &self.options(program)).expect("open");
        let site = Site { dir: tempfile::tempdir().expect("dir"), remote: Arc::new(remote), again: again.into() };

        // A new remote whose folder is not there yet is made by the first upload.
        let count = || rclone.requests();
        stored(&*rclone, &[site.file("t0/seg/first", b"first")]);
        let before = count();
        stored(&*rclone, &[site.file("t0/seg/second", &bytes(1, 100_000))]);
        let spent = count() - before;
        println!("{}: requests for one upload and its check: {spent}", program.display());
        assert_eq!(spent, requests);
        rclone.remove(&["t0/seg/first".into(), "t0/seg/second".into()], &Silent).expect("remove");
        // Also by one that looks first, as the second remote of an old store gets it.
        let fresh = self.rclone(program, "good", &format!("{below}fresh"));
        assert_eq!(stored(&fresh, &[site.file("t0/seg/first", b"first").again()]), [Stored::Written]);
        fresh.remove(&["t0/seg/first".into()], &Silent).expect("remove");

        conformance(&site);
        self.killed(&rclone, &site);
        self.rate(&rclone, &site);
    }

    /// rclone dies in the middle of a transfer; the next verb starts another.
    fn killed(&self, rclone: &Rclone, site: &Site) {
        let content = bytes(60, 5 << 20);
        let upload = site.file("killed/1", &content);
        let right = Some(Digest::of(&content));
        rclone.limit(Some(1 << 20)).expect("limit");
        let kill = || {
            let group = rclone.process().expect("running");
            output(Command::new("sh").args(["-c", &format!("kill -s KILL -- -{group}")])).expect("kill");
        };
        let before = rclone.requests();
        let monitor = AtFirstBytes::new(false, kill);
        let outcome = rclone.store(std::slice::from_ref(&upload), &monitor).expect("store").remove(0);
        assert_eq!(outcome.expect_err("killed").code(), "remote.rclone_died");
        rclone.limit(None).expect("limit");
        let stored = stored(rclone, std::slice::from_ref(&upload))[0];
        assert!(matches!(stored, Stored::Written | Stored::Repaired), "{stored:?}");
        assert_eq!(rclone.verify("killed/1", upload.size, right, &Silent).expect("verify"), Check::Right);
        assert!(rclone.requests() > before);

        // In the middle of a fetch: it goes on where it was.
        rclone.limit(Some(1 << 20)).expect("limit");
        let into = site.dir.path().join("killed");
        let faster = || {
            kill();
            rclone.limit(None).expect("limit");
        };
        rclone.fetch("killed/1", &into, upload.size, &AtFirstBytes::new(false, faster)).expect("fetch");
        assert_eq!(Digest::of(&fs::read(&into).expect("fetched")), Digest::of(&content));
    }

    fn rate(&self, rclone: &Rclone, site: &Site) {
        let content = bytes(61, 1 << 20);
        rclone.limit(Some(512 << 10)).expect("limit");
        let start = Instant::now();
        stored(rclone, &[site.file("rate/1", &content)]);
        assert!(start.elapsed() > Duration::from_millis(900), "{:?}", start.elapsed());
        rclone.limit(None).expect("limit");
    }

    /// On HTTP rclone slows down with every refused connection, by seconds in the end, so only one verb is tried.
    fn nobody_listens(&self, program: &Path) {
        let e = self.rclone(program, "gone", "").verify("a", 1, None, &Silent).expect_err("nobody listens");
        assert_eq!((e.kind(), e.code()), (Kind::Remote, "remote.unreachable"));
    }

    /// Every verb fails with `kind` and `code`; none may say that something is missing or empty.
    fn refusal(&self, remote: &dyn Remote, kind: Kind, codes: &[&str]) {
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("f");
        fs::write(&file, b"bytes").expect("write");
        let one = |outcomes: Vec<Result<Stored>>| outcomes.into_iter().next().expect("one").map(drop);
        let failures = [
            remote.list("", &Silent).map(drop),
            remote.list("t0/", &Silent).map(drop),
            remote.read("a", 0, 1, &Silent).map(drop),
            remote.verify("a", 1, None, &Silent).map(drop),
            remote.fetch("a", &dir.path().join("into"), 1, &Silent),
            remote.store(&[Upload::new("a", &file, 5)], &Silent).and_then(one),
            remote.store(&[Upload::new("b", &file, 5).again()], &Silent).and_then(one),
            remote.remove(&["a".into()], &Silent),
        ];
        for (verb, failure) in failures.into_iter().enumerate() {
            let e = failure.expect_err("refused");
            assert!(e.kind() == kind && codes.contains(&e.code()), "verb {verb}: {:?} {}: {e}", e.kind(), e.code());
            assert!(e.what_next().is_some() && !e.to_string().contains("WRONG"), "{e}");
        }
    }
}

#[test]
fn rclone_on_a_local_folder() {
    for (program, version) in rclones("rclone_on_a_local_folder") {
        println!("with {version}");
        let dir = tempfile::tempdir().expect("dir");
        let root = dir.path().join("root");
        let place = Place::new(&format!("{}/", root.display()), "[good]\ntype = local\n", None, dir);
        let absent = place.rclone(&program, "good", "never/made");
        for failure in [absent.list("", &Silent).map(drop), absent.list("a/", &Silent).map(drop), absent.verify("a", 1, None, &Silent).map(drop)] {
            assert_eq!(failure.expect_err("absent").code(), "remote.absent");
        }
        place.suite(&program, "", 2);
        let unknown = Rclone::new(&RemoteUrl::parse("rclone:nobody:x").expect("url"), &place.options(&program)).expect("new");
        place.refusal(&unknown, Kind::Remote, &["remote.config"]);
    }
}

/// An OpenSSH server on the loopback interface that opens to the key `user` in its directory.
struct Sftp {
    dir: tempfile::TempDir,
    port: u16,
    server: Child,
}

impl Sftp {
    /// Starts one; says why where that cannot be.
    fn start(test: &str) -> Option<Sftp> {
        let sshd = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].map(Path::new).into_iter().find(|p| p.exists());
        let Some(sshd) = sshd else {
            println!("skipped: {test}: no sshd program (install openssh-server)");
            return None;
        };
        let dir = tempfile::tempdir().expect("dir");
        let at = |name: &str| dir.path().join(name).display().to_string();
        for key in ["host", "user", "other"] {
            let made = output(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &at(key)]));
            made.expect("ssh-keygen");
        }
        if let Err(e) = fs::create_dir_all("/run/sshd") {
            println!("note: sshd may miss its folder for privilege separation: {e}");
        }
        let port = free_port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nUsePAM no\nStrictModes no\n\
             PasswordAuthentication no\nMaxStartups 100\nSubsystem sftp internal-sftp\n",
            at("host"),
            at("user.pub")
        );
        fs::write(dir.path().join("sshd_config"), config).expect("config");
        let mut server = Command::new(sshd).args(["-D", "-e", "-f", &at("sshd_config")]).spawn().expect("sshd");
        listening(port, &mut server);
        Some(Sftp { dir, port, server })
    }

    /// rclone's configuration of a remote that reaches it at `port` with the key called `key`.
    fn section(&self, name: &str, port: u16, key: &str) -> String {
        let user = output(Command::new("id").arg("-un")).expect("id").trim().to_owned();
        let key = self.dir.path().join(key).display().to_string();
        format!("[{name}]\ntype = sftp\nhost = 127.0.0.1\nport = {port}\nuser = {user}\nkey_file = {key}\n")
    }
}

#[test]
fn rclone_on_openssh_sftp() {
    for (program, version) in rclones("rclone_on_openssh_sftp") {
        println!("with {version}");
        let Some(sftp) = Sftp::start("rclone_on_openssh_sftp") else { return };
        let (port, nobody) = (sftp.port, NOBODY);
        let section = |name: &str, port: u16, key: &str| sftp.section(name, port, key);
        let known = fs::read_to_string(sftp.dir.path().join("other.pub")).expect("key");
        fs::write(sftp.dir.path().join("known"), format!("[127.0.0.1]:{port} {known}")).expect("known hosts");
        let sections = section("good", port, "user") + &section("bad", port, "other") + &section("gone", nobody, "user");
        let twisted = section("twisted", port, "user") + &format!("known_hosts_file = {}\n", sftp.dir.path().join("known").display());
        let path = sftp.dir.path().join("root").display().to_string();
        let place = Place::new(&format!("{path}/"), &(sections + &twisted), Some(sftp.server), sftp.dir);
        let before = fs::read(&place.config).expect("config");
        place.suite(&program, "", 1);
        assert_eq!(fs::read(&place.config).expect("config"), before, "rclone changed the user's configuration");
        place.refusal(&place.rclone(&program, "bad", ""), Kind::Denied, &["remote.denied"]);
        place.refusal(&place.rclone(&program, "gone", ""), Kind::Remote, &["remote.unreachable"]);
        place.refusal(&place.rclone(&program, "twisted", ""), Kind::Denied, &["remote.host_key"]);
    }
}

/// A server of rclone's own on the loopback interface, which keeps what it is given in `root`.
struct Server {
    dir: tempfile::TempDir,
    port: u16,
    child: Child,
    /// rclone's configuration of a remote that reaches it, but for its name and its port.
    words: String,
}

impl Server {
    fn start(program: &Path, args: &[&str], environment: &[(&str, &str)], words: String) -> Server {
        let dir = tempfile::tempdir().expect("dir");
        let root = dir.path().join("root");
        // S3 wants its bucket to be there.
        fs::create_dir_all(root.join("bucket")).expect("root");
        let port = free_port();
        let mut serve = Command::new(program).args(args).args(["--addr", &format!("127.0.0.1:{port}"), "--config", ""]);
        for (name, value) in environment {
            serve = serve.env(name, value);
        }
        let mut child = serve.arg(&root).spawn().expect("serve");
        listening(port, &mut child);
        Server { dir, port, child, words }
    }

    fn section(&self, name: &str, port: u16) -> String {
        format!("[{name}]\n{}", self.words.replace("PORT", &port.to_string()))
    }

    /// The same with another password.
    fn wrong(&self, name: &str, right: &str, wrong: &str) -> String {
        self.section(name, self.port).replace(right, wrong)
    }
}

fn obscured(program: &Path, text: &str) -> String {
    output(Command::new(program).args(["obscure", text])).expect("obscure").trim().to_owned()
}

/// A WebDAV server.
fn webdav(program: &Path) -> Server {
    let words = format!("type = webdav\nvendor = other\nurl = http://127.0.0.1:PORT\nuser = u\npass = {}\n", obscured(program, "p"));
    Server::start(program, &["serve", "webdav"], &[("RCLONE_USER", "u"), ("RCLONE_PASS", "p")], words)
}

/// An S3 server; says why where there is none.
fn s3(test: &str) -> Option<Server> {
    let serves = |program: &PathBuf| output(Command::new(program).args(["serve", "s3", "--help"])).is_some_and(|text| text.contains("--auth-key"));
    let Some((program, _)) = rclones(test).into_iter().find(|(program, _)| serves(program)) else {
        println!("skipped: {test}: no rclone with `serve s3` among ANNALS_TEST_RCLONES");
        return None;
    };
    let words = "type = s3\nprovider = Other\naccess_key_id = KEYID\nsecret_access_key = SECRET\nendpoint = http://127.0.0.1:PORT\n";
    Some(Server::start(&program, &["serve", "s3", "--auth-key", "KEYID,SECRET"], &[], words.to_owned()))
}

#[test]
fn rclone_on_webdav() {
    for (program, version) in rclones("rclone_on_webdav") {
        println!("with {version}");
        let server = webdav(&program);
        let password = server.words.rsplit("pass = ").next().expect("a password").trim().to_owned();
        let bad = server.wrong("bad", &password, &obscured(&program, "WRONG"));
        let sections = server.section("good", server.port) + &bad + &server.section("gone", NOBODY);
        let place = Place::new("hist/", &sections, Some(server.child), server.dir);
        place.suite(&program, "", 2);
        place.refusal(&place.rclone(&program, "bad", ""), Kind::Denied, &["remote.denied"]);
        place.nobody_listens(&program);
    }
}

#[test]
fn rclone_on_s3() {
    for (program, version) in &rclones("rclone_on_s3") {
        let Some(server) = s3("rclone_on_s3") else { return };
        println!("with {version}");
        let port = server.port;
        let sections = server.section("good", port) + &server.wrong("bad", "SECRET", "WRONG") + &server.section("gone", NOBODY);
        let mut place = Place::new("bucket/", &sections, Some(server.child), server.dir);
        place.suite(program, "hist", 2);
        place.refusal(&place.rclone(program, "bad", ""), Kind::Denied, &["remote.denied"]);
        place.path = "nobucket/".into();
        let mut nowhere = place.options(program);
        nowhere.retry = Policy::ONCE;
        place.refusal(&Rclone::new(&place.url("good", ""), &nowhere).expect("new"), Kind::Remote, &["remote.absent"]);
        place.nobody_listens(program);

        // A connection string with credentials in the address, and no configuration at all.
        let secret =
            format!("rclone::s3,provider=Other,access_key_id=KEYID,secret_access_key=SECRET,endpoint=\"http://127.0.0.1:{port}\":bucket/hist");
        let url = RemoteUrl::parse(&secret).expect("url");
        let options = Options { rclone_config: Some(place.dir.path().join("none.conf")), ..place.options(program) };
        let inline = Rclone::new(&url, &options).expect("new");
        assert!(inline.list("", &Silent).expect("list").len() > 3);
        assert!(!inline.describe().contains("SECRET"));
        drop(place.server.take());
        let e = inline.verify("t0/x", 1, None, &Silent).expect_err("the server is gone");
        assert!(e.kind() == Kind::Remote && !e.to_string().contains("SECRET"), "{e}");
    }
}
