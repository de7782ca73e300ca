//! A line that stands: what one more shipment over it asks of the server, and what becomes of the rclone behind it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use annals::agent::daemon::Stepwise;
use annals::base::monitor::Silent;
use annals::base::process::Command;
use annals::base::time::ManualClock;
use annals::model::job::State;
use annals::storage::remote::{Rclone, Remote, RemoteUrl, Upload};
use annals::{OpenRemote, Store, Timestamp};

use super::proxy::Proxy;
use super::{Options, Place, Server, bytes, output, rclones, s3, webdav};

const MINUTE: i64 = 60_000_000;

/// An agent that ships every minute through a proxy to a server.
struct Shipping {
    clock: Arc<ManualClock>,
    agent: Stepwise,
    proxy: Proxy,
    /// Every rclone remote that was opened.
    opened: Arc<Mutex<Vec<Arc<Rclone>>>>,
    place: Place,
    _dir: tempfile::TempDir,
}

impl Shipping {
    fn to(server: Server, path: &str, program: &Path) -> Self {
        let dir = tempfile::tempdir().expect("dir");
        let proxy = Proxy::to(server.port);
        let place = Place::new(path, &server.section("good", proxy.port), Some(server.child), server.dir);
        let clock = Arc::new(ManualClock::new(Timestamp(1_795_176_000_000_000)));
        let builder = || Store::builder().clock(clock.clone());
        drop(builder().init(&dir.path().join("store"), "test").expect("init"));
        let url = place.url("good", "");
        let config = format!(
            "[store]\nsite = \"test\"\nzone = \"UTC\"\n[schedule]\nship = \"every 1m\"\n[[remote]]\nname = \"a\"\nrclone = \"good:{path}\"\nrclone_config = \"{}\"\n",
            place.config.display()
        );
        fs::write(dir.path().join("store/annals.toml"), config).expect("written");
        let opened = Arc::new(Mutex::new(Vec::new()));
        let (known, options) = (opened.clone(), place.options(program));
        let opener = Arc::new(move |_: &Store, name: &str, limit_rate: Option<u64>| {
            let rclone = Arc::new(Rclone::new(&url, &Options { limit_rate, ..options.clone() })?);
            known.lock().expect("opened").push(rclone.clone());
            Ok(OpenRemote::new(name, rclone))
        });
        let agent = Stepwise::new(builder().open(&dir.path().join("store")).expect("open"), Some(opener)).expect("agent");
        Shipping { clock, agent, proxy, opened, place, _dir: dir }
    }

    /// Changes ten documents and ships them; the methods of the requests that this took.
    fn ship(&self, turn: u64) -> Vec<&'static str> {
        let store = self.agent.store();
        for i in 0..10 {
            store.put(format!("case/{i}"), &bytes(turn * 10 + i, 100)[..]).expect("put");
        }
        self.proxy.take_requests();
        self.clock.advance(MINUTE);
        self.agent.tick().expect("tick");
        self.agent.run().expect("run");
        let job = store.jobs(100).expect("jobs").into_iter().filter(|j| j.task.kind() == "ship").max_by_key(|j| j.id).expect("a job");
        assert_eq!((job.state, store.unshipped().expect("unshipped").batches), (State::Done, 0), "{}", job.said);
        self.proxy.take_requests()
    }

    fn process(&self) -> u32 {
        let opened = self.opened.lock().expect("opened");
        opened.last().and_then(|rclone| rclone.process()).expect("an rclone runs")
    }
}

fn runs(process: u32) -> bool {
    output(Command::new("kill").args(["-0".to_owned(), process.to_string()])).is_some()
}

/// What a server of one kind is asked by each shipment once the line stands.
fn stands(shipping: Shipping, version: &str, each: &[&str]) {
    println!("{version}: {:?} for the first shipment", shipping.ship(0));
    println!("{version}: {:?} for the second", shipping.ship(1));
    let (process, connections) = (shipping.process(), shipping.proxy.connections());
    for turn in 2..5 {
        assert_eq!(shipping.ship(turn), each, "{version}");
    }
    // rclone 1.60 makes a connection anew for what follows an upload.
    if !version.contains("v1.60") {
        assert_eq!(shipping.proxy.connections(), connections, "{version}: one connection carries all");
    }
    assert_eq!((shipping.process(), shipping.opened.lock().expect("opened").len()), (process, 1), "one rclone serves all");
    // It ends while nobody needs it.
    output(Command::new("sh").args(["-c", &format!("kill -s KILL -- -{process}")])).expect("killed");
    shipping.ship(5);
    let next = shipping.process();
    assert!(next != process && runs(next), "another one runs");
    assert_eq!(shipping.ship(6), each, "{version}: after a new start");
    drop(shipping.agent);
    shipping.opened.lock().expect("opened").clear();
    assert!(!runs(next) && !runs(process), "no rclone outlives its agent");
}

#[test]
fn a_shipment_by_webdav_is_two_requests() {
    for (program, version) in rclones("a_shipment_by_webdav_is_two_requests") {
        stands(Shipping::to(webdav(&program), "hist/", &program), &version, &["PUT", "PROPFIND"]);
    }
}

#[test]
fn a_shipment_by_s3_is_two_requests() {
    for (program, version) in rclones("a_shipment_by_s3_is_two_requests") {
        let Some(server) = s3("a_shipment_by_s3_is_two_requests") else { return };
        stands(Shipping::to(server, "bucket/", &program), &version, &["PUT", "HEAD"]);
    }
}

#[test]
fn a_folder_that_went_away_is_made_again() {
    for (program, version) in rclones("a_folder_that_went_away_is_made_again") {
        let shipping = Shipping::to(webdav(&program), "hist/", &program);
        shipping.ship(0);
        shipping.ship(1);
        // Through the server, which may remember what it has.
        let config = shipping.place.config.display().to_string();
        output(Command::new(&program).args(["purge", "good:hist", "--config", &config])).expect("removed");
        let asked = shipping.ship(2);
        assert!(asked.starts_with(&["PUT"]) && asked.contains(&"MKCOL"), "{version}: {asked:?}");
        assert_eq!(shipping.ship(3), ["PUT", "PROPFIND"], "{version}");
    }
}

/// A WebDAV server that says that it takes everything, and tells one byte less of it than it was given.
fn forgetful() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut from = BufReader::new(stream);
            let (mut request, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if from.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
                if !line.trim().is_empty() {
                    request.push_str(&line);
                    continue;
                }
                let took = std::io::copy(&mut (&mut from).take(length), &mut std::io::sink()).unwrap_or(0);
                let path = request.split(' ').nth(1).unwrap_or("/").to_owned();
                let body = format!(
                    "<?xml version=\"1.0\"?><D:multistatus xmlns:D=\"DAV:\"><D:response><D:href>{path}</D:href><D:propstat><D:prop>\
                     <D:getcontentlength>4</D:getcontentlength><D:resourcetype/></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>\
                     </D:response></D:multistatus>"
                );
                let (status, body) = match request.split(' ').next() {
                    Some("PROPFIND") => ("207 Multi-Status", body.as_str()),
                    Some("MKCOL") => ("405 Method Not Allowed", ""),
                    Some("PUT") if took == 5 => ("201 Created", ""),
                    _ => ("204 No Content", ""),
                };
                let head = format!("HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                if from.get_mut().write_all(head.as_bytes()).is_err() {
                    break;
                }
                (request, length) = (String::new(), 0);
            }
        }
    });
    port
}

#[test]
fn a_server_that_loses_what_it_took_is_found_out() {
    for (program, version) in rclones("a_server_that_loses_what_it_took_is_found_out") {
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("f");
        fs::write(&file, b"bytes").expect("write");
        let sections = format!("[good]\ntype = webdav\nvendor = other\nurl = http://127.0.0.1:{}\n", forgetful());
        let place = Place::new("hist/", &sections, None, dir);
        for used_before in [false, true] {
            let options = Options { used_before, ..place.options(&program) };
            let rclone = Rclone::new(&RemoteUrl::parse("rclone:good:hist").expect("url"), &options).expect("new");
            let e = rclone.store(&[Upload::new("t/a", &file, 5)], &Silent).expect("store").remove(0).expect_err("a byte is missing");
            assert_eq!(e.code(), "remote.cut", "{version}: {e}");
        }
    }
}
