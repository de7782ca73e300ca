//! Messages over a real mail server and a real web server, made here: what arrives, what does not, and what is tried again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use annals::agent::daemon::Stepwise;
use annals::agent::telling::{self, Channel};
use base64::Engine;

use crate::support::{HOUR, MINUTE, Site};

/// What a server took, and whether it takes anything.
#[derive(Clone, Default)]
struct Taken {
    messages: Arc<Mutex<Vec<String>>>,
    down: Arc<AtomicBool>,
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

/// Enough of RFC 5321 and RFC 4954 for one mail in a connection.
fn smtp(stream: TcpStream, taken: &Taken) {
    let mut out = stream.try_clone().expect("a stream");
    let mut say = |line: &str| out.write_all(format!("{line}\r\n").as_bytes()).is_ok();
    let mut lines = BufReader::new(stream).lines().map_while(std::result::Result::ok);
    if taken.down.load(Ordering::SeqCst) {
        say("421 down for maintenance, hunter2 or not");
        return;
    }
    say("220 test ESMTP");
    let mut heard = String::new();
    while let Some(line) = lines.next() {
        heard.push_str(&line);
        heard.push('\n');
        let verb = line.split(' ').next().unwrap_or_default().to_uppercase();
        let well = match verb.as_str() {
            "EHLO" => say("250-test") && say("250 AUTH PLAIN"),
            "AUTH" => say("235 welcome"),
            "DATA" => {
                say("354 go on");
                for line in lines.by_ref().take_while(|line| line != ".") {
                    heard.push_str(&line);
                    heard.push('\n');
                }
                taken.messages.lock().expect("lock").push(heard.clone());
                say("250 taken")
            }
            "QUIT" => {
                say("221 bye");
                return;
            }
            _ => say("250 well"),
        };
        if !well {
            return;
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
        "1 changes exist only here",
        &format!("AUTH PLAIN {login}\n"),
    ] {
        assert!(mail.contains(wanted), "{wanted}: {mail}");
    }
    let note = &notes[0];
    assert!(note.starts_with("POST /hook/s3cret HTTP/1.1") && note.to_lowercase().contains("authorization: bearer t0ken\r\n"), "{note}");
    let body: serde_json::Value = serde_json::from_str(note.split("\n\n").last().expect("a body").trim()).expect("json");
    assert_eq!((&body["event"], &body["problem"], &body["site"]), (&"problem".into(), &"stale".into(), &"test".into()));
    assert!(body["text"].as_str().is_some_and(|t| t.starts_with("test: 1 changes exist only here")), "{body}");
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
