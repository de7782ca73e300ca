//! Messages over a real mail server and a real web server, made here: what arrives, what does not, and what is tried again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use annals::agent::daemon::Stepwise;
use annals::agent::telling::{self, Channel};
use base64::Engine;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::{HOUR, MINUTE, Site};

/// What a server took, and whether it takes anything.
#[derive(Clone, Default)]
struct Taken {
    messages: Arc<Mutex<Vec<String>>>,
    down: Arc<AtomicBool>,
    /// Encrypted from the beginning.
    wraps: Arc<AtomicBool>,
    /// The certificate of the server.
    encryption: Option<Arc<ServerConfig>>,
}

impl Taken {
    fn all(&self) -> Vec<String> {
        self.messages.lock().expect("lock").clone()
    }
}

/// Serves each connection on a loopback port; the port.
fn serve(taken: &Taken, each: fn(TcpStream, &Taken)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let taken = taken.clone();
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| each(stream, &taken)));
    port
}

/// A way in both directions.
trait Way: Read + Write {}

impl<T: Read + Write> Way for T {}

/// Enough of RFC 5321 and RFC 4954 for one mail in a connection.
fn smtp(stream: TcpStream, taken: &Taken) {
    talk(&mut BufReader::new(&mut Box::new(stream) as &mut dyn Way), taken, true, None);
}

/// As [`smtp`], encrypted from the beginning or after STARTTLS.
fn smtp_encrypted(stream: TcpStream, taken: &Taken) {
    let config = taken.encryption.clone().expect("a certificate");
    let encrypted = |stream: TcpStream, greets: bool| {
        let session = ServerConnection::new(config.clone()).expect("a session");
        talk(&mut BufReader::new(&mut StreamOwned::new(session, stream) as &mut dyn Way), taken, greets, None);
    };
    if taken.wraps.load(Ordering::SeqCst) {
        return encrypted(stream, true);
    }
    let mut open = stream.try_clone().expect("a stream");
    if talk(&mut BufReader::new(&mut open as &mut dyn Way), taken, true, Some("STARTTLS")) {
        encrypted(stream, false);
    }
}

/// Talks to the end, or until the client says `until`: then true. Whatever is said before that is not taken.
fn talk(way: &mut BufReader<&mut dyn Way>, taken: &Taken, greets: bool, until: Option<&str>) -> bool {
    fn say(way: &mut BufReader<&mut dyn Way>, line: &str) -> bool {
        way.get_mut().write_all(format!("{line}\r\n").as_bytes()).and_then(|()| way.get_mut().flush()).is_ok()
    }
    if taken.down.load(Ordering::SeqCst) {
        say(way, "421 down for maintenance, hunter2 or not");
        return false;
    }
    if greets && !say(way, "220 test ESMTP") {
        return false;
    }
    let (mut heard, mut is_data) = (String::new(), false);
    loop {
        let mut line = String::new();
        if !matches!(way.read_line(&mut line), Ok(1..)) {
            return false;
        }
        let line = line.trim_end_matches(['\r', '\n']);
        if is_data && line != "." {
            heard.push_str(&format!("{line}\n"));
            continue;
        }
        if std::mem::take(&mut is_data) {
            taken.messages.lock().expect("lock").push(heard.clone());
            say(way, "250 taken");
            continue;
        }
        heard.push_str(&format!("{line}\n"));
        let verb = line.split(' ').next().unwrap_or_default().to_uppercase();
        if until == Some(&verb) {
            return say(way, "220 go on");
        }
        let well = match verb.as_str() {
            "EHLO" if until.is_some() => say(way, "250-test") && say(way, "250 STARTTLS"),
            "EHLO" => say(way, "250-test") && say(way, "250 AUTH PLAIN"),
            _ if until.is_some() => {
                taken.messages.lock().expect("lock").push(format!("in the open: {line}"));
                say(way, "530 not in the open")
            }
            "AUTH" => say(way, "235 welcome"),
            "DATA" => {
                is_data = true;
                say(way, "354 go on")
            }
            "QUIT" => {
                say(way, "221 bye");
                return false;
            }
            _ => say(way, "250 well"),
        };
        if !well {
            return false;
        }
    }
}

/// One request in a connection.
fn http(stream: TcpStream, taken: &Taken) {
    let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) <= 2 {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    let mut out = stream;
    if taken.down.load(Ordering::SeqCst) {
        let _ = out.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        return;
    }
    taken.messages.lock().expect("lock").push(format!("{head}\n{}", String::from_utf8(body).expect("text")));
    let _ = out.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
}

struct World {
    site: Site,
    agent: Stepwise,
    mails: Taken,
    notes: Taken,
}

fn world() -> World {
    let (mails, notes) = (Taken::default(), Taken::default());
    let (mail, web) = (serve(&mails, smtp), serve(&notes, http));
    let site = Site::new(&format!(
        "[[remote]]\nname = \"a\"\nrclone = \"a:x\"\n[alert]\nstale_after = \"4h\"\nwebhook = \"http://127.0.0.1:{web}/hook/s3cret\"\n\
         webhook_secret_file = \"DIR/token\"\n[alert.email]\nto = [\"a@example.org\", \"b@example.org\"]\nserver = \"smtp://127.0.0.1:{mail}\"\n\
         user = \"site\"\npassword_file = \"DIR/password\"\n"
    ));
    for (name, secret) in [("token", "t0ken\n"), ("password", "hunter2\n")] {
        std::fs::write(site.path(name), secret).expect("written");
        std::fs::set_permissions(site.path(name), std::fs::Permissions::from_mode(0o600)).expect("mode");
    }
    let agent = site.stepwise();
    World { site, agent, mails, notes }
}

#[test]
fn each_problem_is_told_once_and_once_that_it_is_over() {
    let w = world();
    assert_eq!(w.agent.tell().expect("tell"), 0, "that all is well is told to nobody");
    w.agent.store().put("a", &b"1"[..]).expect("put");
    w.site.clock.advance(5 * HOUR);
    assert_eq!(w.agent.problems().expect("problems").iter().map(|p| p.key.as_str()).collect::<Vec<_>>(), ["stale", "remote a"]);
    assert_eq!((w.agent.tell().expect("tell"), w.agent.tell().expect("tell")), (4, 0), "two problems over two channels, once");
    let (mails, notes) = (w.mails.all(), w.notes.all());
    assert_eq!((mails.len(), notes.len()), (2, 2));
    let login = base64::engine::general_purpose::STANDARD.encode("\0site\0hunter2");
    let mail = &mails[0];
    for wanted in [
        "RCPT TO:<a@example.org>",
        "RCPT TO:<b@example.org>",
        "Subject: [test] stale\n",
        "From: a@example.org\n",
        "1 change exists only here",
        &format!("AUTH PLAIN {login}\n"),
    ] {
        assert!(mail.contains(wanted), "{wanted}: {mail}");
    }
    let note = &notes[0];
    assert!(note.starts_with("POST /hook/s3cret HTTP/1.1") && note.to_lowercase().contains("authorization: bearer t0ken\r\n"), "{note}");
    let body: serde_json::Value = serde_json::from_str(note.split("\n\n").last().expect("a body").trim()).expect("json");
    assert_eq!((&body["event"], &body["problem"], &body["site"]), (&"problem".into(), &"stale".into(), &"test".into()));
    assert!(body["text"].as_str().is_some_and(|t| t.starts_with("test: 1 change exists only here")), "{body}");
    // Another process goes on where this one was; the limit is lifted: it is over, and told once.
    let text = std::fs::read_to_string(w.site.path("store/annals.toml")).expect("read");
    std::fs::write(w.site.path("store/annals.toml"), text.replace("stale_after = \"4h\"\n", "")).expect("written");
    assert_eq!((w.agent.tell().expect("tell"), w.agent.tell().expect("tell")), (4, 0));
    assert!(w.mails.all()[2].contains("Subject: [test] over: "), "{}", w.mails.all()[2]);
    assert!(w.notes.all().iter().filter(|note| note.contains("\"event\":\"over\"")).count() == 2);
}

#[test]
fn what_cannot_be_delivered_is_tried_again_further_and_further_apart() {
    let w = world();
    w.agent.store().put("a", &b"1"[..]).expect("put");
    w.site.clock.advance(5 * HOUR);
    w.mails.down.store(true, Ordering::SeqCst);
    assert_eq!(w.agent.tell().expect("tell"), 2, "the web hook hears of it, whatever the mail server does");
    assert_eq!(w.agent.handle().tally().told, (2, 1));
    // A day of looks once a minute: attempts grow rare.
    for _ in 0..24 * 60 {
        w.site.clock.advance(MINUTE);
        assert_eq!(w.agent.tell().expect("tell"), 0);
    }
    let attempts = w.agent.handle().tally().told.1;
    assert!((20..60).contains(&attempts), "{attempts}");
    w.mails.down.store(false, Ordering::SeqCst);
    w.site.clock.advance(HOUR);
    assert_eq!(w.agent.tell().expect("tell"), 2);
    assert_eq!((w.mails.all().len(), w.notes.all().len()), (2, 2), "nothing twice");
    // A clock that is put back by a year holds nothing up.
    w.notes.down.store(true, Ordering::SeqCst);
    let text = std::fs::read_to_string(w.site.path("store/annals.toml")).expect("read");
    std::fs::write(w.site.path("store/annals.toml"), text.replace("stale_after = \"4h\"\n", "")).expect("written");
    w.agent.tell().expect("tell");
    w.notes.down.store(false, Ordering::SeqCst);
    w.site.clock.advance(-365 * 24 * HOUR);
    assert_eq!(w.agent.tell().expect("tell"), 2);
}

#[test]
fn a_test_goes_over_every_channel_and_no_error_tells_a_secret() {
    let w = world();
    let words = |sent: &[(Channel, annals::Result<()>)]| sent.iter().map(|(c, done)| (c.word(), done.is_ok())).collect::<Vec<_>>();
    let store = w.agent.store();
    assert_eq!(words(&telling::test(&store)), [("email", true), ("webhook", true)]);
    assert!(w.notes.all()[0].contains("\"event\":\"test\"") && w.mails.all()[0].contains("Subject: [test] test\n"));
    w.mails.down.store(true, Ordering::SeqCst);
    w.notes.down.store(true, Ordering::SeqCst);
    let sent = telling::test(&store);
    assert_eq!(words(&sent), [("email", false), ("webhook", false)]);
    for (_, done) in &sent {
        let e = done.as_ref().expect_err("down");
        let all = format!("{e} {e:?} {:?}", e.what_next());
        assert!(["hunter2", "t0ken", "s3cret"].iter().all(|secret| !all.contains(secret)), "{all}");
        assert!(all.contains("127.0.0.1"), "{all}");
    }
    // A secret that others may read is none: nothing is sent.
    std::fs::set_permissions(w.site.path("token"), std::fs::Permissions::from_mode(0o644)).expect("mode");
    let sent = telling::test(&store);
    assert_eq!(sent[1].1.as_ref().expect_err("refused").code(), "secret.open");
}

fn openssl(dir: &Path, words: &str) {
    let done = Command::new("openssl").args(words.split_whitespace()).current_dir(dir).stdout(Stdio::null()).output().expect("openssl runs");
    assert!(done.status.success(), "{words}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Two authorities, `ca` and `other`, and the certificate of localhost that the first signed.
fn certificate(dir: &Path) -> Arc<ServerConfig> {
    for name in ["ca", "other"] {
        openssl(dir, &format!("req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.crt -days 30 -subj /CN={name}"));
    }
    openssl(dir, "req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost");
    std::fs::write(dir.join("names"), "subjectAltName = DNS:localhost\nbasicConstraints = CA:FALSE\n").expect("names");
    openssl(dir, "x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -extfile names -out server.crt");
    let chain = vec![CertificateDer::from_pem_file(dir.join("server.crt")).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(dir.join("server.key")).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().expect("versions");
    Arc::new(config.with_no_client_auth().with_single_cert(chain, key).expect("they fit"))
}

#[test]
fn mails_go_encrypted_to_servers_that_are_proven_and_a_refusal_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let mails = Taken { encryption: Some(certificate(dir.path())), ..Taken::default() };
    let port = serve(&mails, smtp_encrypted);
    let site = Site::new("");
    std::fs::write(site.path("password"), "hunter2\n").expect("written");
    std::fs::set_permissions(site.path("password"), std::fs::Permissions::from_mode(0o600)).expect("mode");
    let configure = |scheme: &str, host: &str, ca: &str| {
        let ca = if ca.is_empty() { String::new() } else { format!("ca_file = \"{}\"\n", dir.path().join(ca).display()) };
        site.configure(&format!(
            "[alert.email]\nto = [\"a@example.org\"]\nserver = \"{scheme}://{host}:{port}\"\nuser = \"site\"\npassword_file = \"DIR/password\"\n{ca}"
        ));
    };
    let test = || {
        let mut sent = telling::test(&site.open());
        assert_eq!(sent.len(), 1);
        sent.remove(0).1
    };
    for (scheme, wraps) in [("smtps", true), ("smtp", false)] {
        mails.wraps.store(wraps, Ordering::SeqCst);
        let before = mails.all().len();
        configure(scheme, "localhost", "ca.crt");
        test().expect("a proven server takes it");
        let all = mails.all();
        assert!(all.len() == before + 1 && all[before].contains("AUTH PLAIN") && all[before].contains("Subject: [test] test\n"), "{all:?}");
        // Another authority, none of our own, the name of another server, nothing that is a certificate.
        for (host, ca, said, hint) in [
            ("localhost", "other.crt", "UnknownIssuer", "other.crt must hold"),
            ("localhost", "names", "no certificates in", "PEM"),
            ("127.0.0.1", "ca.crt", "certificate", "for 127.0.0.1"),
        ] {
            configure(scheme, host, ca);
            let e = test().expect_err("not proven");
            let (text, next) = (e.to_string(), e.what_next().unwrap_or_default().to_owned());
            assert!(
                text.contains(said) && next.contains(hint) && !format!("{text}{next}").contains("hunter2"),
                "{scheme} {host} {ca}: {text}; {next}"
            );
        }
    }
    configure("smtps", "localhost", "");
    mails.wraps.store(true, Ordering::SeqCst);
    let e = test().expect_err("not one that browsers trust");
    assert_eq!((e.code(), e.what_next().is_some_and(|hint| hint.contains("ca_file"))), ("alert.certificate", true), "{e}");
    assert_eq!(mails.all().len(), 2, "nothing else was said to anybody: {:?}", mails.all());
}

#[test]
fn why_nobody_is_told_is_remembered_until_it_is_delivered() {
    let w = world();
    w.agent.store().put("a", &b"1"[..]).expect("put");
    w.site.clock.advance(5 * HOUR);
    w.mails.down.store(true, Ordering::SeqCst);
    w.agent.tell().expect("tell");
    let kept = telling::undelivered(&w.agent.store()).expect("read");
    let [(Channel::Email, why)] = &kept[..] else { panic!("{kept:?}") };
    assert!(why.said.contains("was not taken: ") && why.hint.is_some() && !why.said.contains("hunter2"), "{why:?}");
    w.mails.down.store(false, Ordering::SeqCst);
    w.site.clock.advance(2 * HOUR);
    w.agent.tell().expect("tell");
    assert_eq!(telling::undelivered(&w.agent.store()).expect("read"), []);
}

#[test]
#[cfg(debug_assertions)]
fn on_a_full_disk_every_channel_is_told_once() {
    use annals::base::fault::{Fault as Cut, arm};
    let taken = Taken::default();
    let port = serve(&taken, http);
    let site = Site::new(&format!(
        "[schedule]\nship = \"every 1h\"\n[[remote]]\nname = \"a\"\ndirectory = \"DIR/a\"\n[alert]\ncommand = [\"DIR/told\"]\nwebhook = \"http://127.0.0.1:{port}/\"\n"
    ));
    let told = site.path("told.txt");
    std::fs::write(site.path("told"), format!("#!/bin/sh\necho \"$1\" >> '{}'\n", told.display())).expect("written");
    std::fs::set_permissions(site.path("told"), std::fs::Permissions::from_mode(0o755)).expect("executable");
    let agent = site.stepwise();
    std::fs::create_dir(site.path("a")).expect("dir");
    agent.store().put("one", &b"1"[..]).expect("put");
    let lines = || std::fs::read_to_string(&told).unwrap_or_default().lines().count();
    drop(arm(0, Cut::Full, || agent.tick()));
    assert_eq!(agent.problems().expect("problems").len(), 1);
    for _ in 0..3 {
        // From its first place on every write finds no space.
        arm(0, Cut::Full, || agent.tell()).expect("told all the same");
        assert_eq!((lines(), taken.all().len()), (1, 1));
    }
    // With space again it is known for good, and a new agent does not tell it again.
    agent.tell().expect("told");
    let again = Stepwise::new(agent.store(), None).expect("agent");
    drop(arm(0, Cut::Full, || again.tick()));
    again.tell().expect("told");
    assert_eq!((lines(), taken.all().len()), (1, 1));
}
