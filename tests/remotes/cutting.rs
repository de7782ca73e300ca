//! A line that is cut in the middle of uploads, again and again: a proxy between the real rclone and a real server, which counts what is sent.

use std::path::Path;
use std::time::Instant;

use annals::base::monitor::Silent;
use annals::base::random::{Random, SeededRandom};
use annals::engine::offsite::{OpenRemote, ShipOptions};
use annals::engine::rebuild::Rebuild;
use annals::engine::seal::SealOptions;
use annals::engine::store::{KEY_FILE, read_key_file};
use annals::engine::verify::Level;
use annals::format::block::Effort;
use annals::format::keyfile::Unlock;
use annals::{Kind, Store};

use super::proxy::Proxy;
use super::{Options, Place, Policy, Server, Sftp, bytes, open, rclones, s3, webdav};

/// How often the line is cut.
const CUTS: u64 = 20;
/// Objects that are put. A cut costs half an object on average, so the bar of a tenth is one of so many cuts to so many objects: here about 10
/// objects between two cuts.
const OBJECTS: u64 = 200;

/// Ships through a line that is cut again and again to what lies in `root` behind it.
fn cut(what: &str, program: &Path, place: &Place, proxy: &Proxy, root: &Path, object_bytes: u64) {
    let dir = tempfile::tempdir().expect("dir");
    let store = Store::init(dir.path().join("store"), "test").expect("init");
    let seal = SealOptions { object_bytes_max: object_bytes, effort: Effort::Quick(1), ..SealOptions::default() };
    let payload_bytes = OBJECTS * object_bytes;
    // Several slices, so that a remote that was cut holds a beginning that can be rebuilt.
    for i in 0..10 {
        store.put(format!("large/{i}"), &bytes(i, (payload_bytes / 10) as usize)[..]).expect("put");
        store.seal(&seal, &Silent).expect("seal");
    }
    // Each attempt is one: a person or a timer starts the next.
    let options = || Options { retry: Policy::ONCE, ..place.options(program) };
    let remote = || OpenRemote::new("cut", open(&place.url("good", ""), &options()).expect("open").into());
    let ship = || store.ship(&remote(), &ShipOptions { seal, ..ShipOptions::default() }, &Silent);
    let random = SeededRandom::new(20);
    let (mut rebuilt, mut standby) = (Vec::new(), None);
    let began = Instant::now();
    for cut in 0..CUTS {
        let mut four = [0; 4];
        random.fill(&mut four);
        // Somewhere between a half and one and a half of an equal share.
        let share = payload_bytes / (CUTS + 2);
        proxy.up(Some(share / 2 + u64::from(u32::from_le_bytes(four)) % share));
        let e = ship().expect_err("the line was cut");
        assert!(proxy.is_down(), "cut {cut}: {e}");
        assert!(e.kind() == Kind::Remote && e.what_next().is_some(), "cut {cut}: {e:?}");
        rebuilt.push(beginning(&store, root, &dir.path().join("again"), &mut standby));
    }
    proxy.up(None);
    ship().expect("the line is good now");
    let size = |path: std::path::PathBuf| path.metadata().expect("metadata").len();
    let folders = root.read_dir().expect("remote").map(|e| e.expect("entry").path()).filter(|p| p.is_dir());
    let payload: u64 = folders.flat_map(|folder| folder.read_dir().expect("folder").map(|e| size(e.expect("entry").path()))).sum();
    let sent = proxy.sent();
    println!(
        "{what}: cut {CUTS} times in {:.0} s, {sent} bytes sent for {payload} bytes of objects of {object_bytes}: {:.3} times; batches rebuilt \
         after each cut: {rebuilt:?}",
        began.elapsed().as_secs_f64(),
        sent as f64 / payload as f64
    );
    assert!(rebuilt.is_sorted(), "what arrived once stays: {rebuilt:?}");
    assert_eq!(beginning(&store, root, &dir.path().join("again"), &mut standby), 10);
    assert!(sent * 10 <= payload * 11, "{sent} bytes were sent for {payload}");
    let report = store.verify_remote(&remote(), false, &Silent).expect("verify");
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

/// Ships one document of 5 MB that does not pack over a line that is cut each 230 kB or so. Gives the bytes sent and those of the document.
fn one_document(place: &Place, program: &Path, proxy: &Proxy, root: &Path, sealed: Option<SealOptions>) -> (u64, u64) {
    let dir = tempfile::tempdir().expect("dir");
    let store = Store::init(dir.path().join("store"), "test").expect("init");
    let seal = SealOptions { effort: Effort::Quick(1), ..SealOptions::default() };
    let payload = 5_000_000;
    store.put("large", &bytes(1, payload)[..]).expect("put");
    if let Some(sealed) = sealed {
        assert_eq!(store.seal(&sealed, &Silent).expect("seal").objects, 1);
    }
    let options = || Options { retry: Policy::ONCE, ..place.options(program) };
    // Each attempt is a program of its own: what the line taught is remembered by the store.
    let remote = || OpenRemote::new("cut", open(&place.url("good", ""), &options()).expect("open").into());
    let ship = || store.ship(&remote(), &ShipOptions { seal, ..ShipOptions::default() }, &Silent);
    let random = SeededRandom::new(5);
    for cut in 0..CUTS {
        let mut four = [0; 4];
        random.fill(&mut four);
        let share = payload as u64 / (CUTS + 2);
        proxy.up(Some(share * 9 / 10 + u64::from(u32::from_le_bytes(four)) % (share / 5)));
        let e = ship().expect_err("the line was cut");
        assert!(proxy.is_down() && e.kind() == Kind::Remote, "cut {cut}: {e}");
    }
    proxy.up(None);
    ship().expect("the line is good now");
    let sent = proxy.sent();
    assert_eq!(beginning(&store, root, &dir.path().join("again"), &mut None), 1, "it can be rebuilt from there");
    let report = store.verify_remote(&remote(), true, &Silent).expect("verify");
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    (sent, payload as u64)
}

fn one_document_over_webdav(sealed: Option<SealOptions>, percent: u64) {
    for (program, version) in rclones("one document over WebDAV") {
        let server = webdav(&program);
        let proxy = Proxy::to(server.port);
        let root = server.dir.path().join("root").join("hist/");
        let place = Place::new("hist/", &server.section("good", proxy.port), Some(server.child), server.dir);
        let (sent, payload) = one_document(&place, &program, &proxy, &root, sealed);
        println!("{version}: {sent} bytes sent for {payload}: {:.3} times", sent as f64 / payload as f64);
        assert!(sent * 100 <= payload * percent, "{sent} bytes were sent for {payload}");
    }
}

/// The bar, with the payload that it names. Nothing is known of the line before.
#[test]
fn five_megabytes_in_one_document_that_are_cut_twenty_times_cost_a_tenth_more() {
    one_document_over_webdav(None, 110);
}

/// What was sealed as one object for a line that was taken for good could never arrive. It is sealed again once the first cut has shown that, which
/// costs what that cut threw away, here 4.5 % of the payload.
#[test]
fn an_object_that_is_too_large_for_a_cut_line_is_made_anew() {
    one_document_over_webdav(Some(SealOptions { effort: Effort::Quick(1), ..SealOptions::default() }), 118);
}

#[test]
fn sftp_that_is_cut_twenty_times_costs_a_tenth_more() {
    for (program, version) in rclones("sftp_that_is_cut_twenty_times_costs_a_tenth_more") {
        let Some(sftp) = Sftp::start("sftp_that_is_cut_twenty_times_costs_a_tenth_more") else { return };
        let proxy = Proxy::to(sftp.port);
        let root = sftp.dir.path().join("root");
        let sections = sftp.section("good", proxy.port, "user");
        let place = Place::new(&format!("{}/", root.display()), &sections, Some(sftp.server), sftp.dir);
        cut(&format!("{version}, sftp"), &program, &place, &proxy, &root, 256 << 10);
    }
}

fn cut_at(server: Server, path: &str, what: &str, program: &Path) {
    let proxy = Proxy::to(server.port);
    let root = server.dir.path().join("root").join(path);
    let place = Place::new(path, &server.section("good", proxy.port), Some(server.child), server.dir);
    cut(what, program, &place, &proxy, &root, 128 << 10);
}

#[test]
fn webdav_that_is_cut_twenty_times_costs_a_tenth_more() {
    for (program, version) in rclones("webdav_that_is_cut_twenty_times_costs_a_tenth_more") {
        cut_at(webdav(&program), "hist/", &format!("{version}, WebDAV"), &program);
    }
}

#[test]
fn s3_that_is_cut_twenty_times_costs_a_tenth_more() {
    for (program, version) in rclones("s3_that_is_cut_twenty_times_costs_a_tenth_more") {
        let Some(server) = s3("s3_that_is_cut_twenty_times_costs_a_tenth_more") else { return };
        cut_at(server, "bucket/", &format!("{version}, S3"), &program);
    }
}

/// Rebuilds from what is at the server into `standby`, or brings that up to what is there now, which proves every content, and compares: so many
/// batches are there, whole and the same.
fn beginning(store: &Store, root: &Path, into: &Path, standby: &mut Option<Store>) -> u64 {
    let remotes = [OpenRemote::at(&format!("dir:{}", root.display()), &annals::RemoteOptions::default()).expect("remote")];
    let again = match standby {
        Some(again) => {
            again.fetch(&remotes, &Silent).expect("fetched");
            again
        }
        None => {
            let key_file = read_key_file(&store.dir().join(KEY_FILE)).expect("key");
            let secret = key_file.open(&Unlock::default()).expect("plain");
            let rebuild = Rebuild { remotes: &remotes, into, key_file, secret, site_name: "test", at: None };
            match rebuild.run(Store::builder(), &Silent) {
                // What begins with nothing is another line of history than the one that goes on there.
                Ok((again, _)) if again.position().expect("position").seq == 0 => {
                    drop(again);
                    std::fs::remove_dir_all(into).expect("remove");
                    return 0;
                }
                Ok((again, _)) => standby.insert(again),
                // Not even the key of the tenant had arrived.
                Err(e) => {
                    assert!(matches!(e.code(), "rebuild.nothing" | "remote.absent"), "{e:?}");
                    return 0;
                }
            }
        }
    };
    let end = again.position().expect("position");
    if end.seq > 0 {
        assert_eq!(store.batches(end.seq, end.seq, 1).expect("batches")[0].digest, end.digest);
    }
    let report = again.verify(Level::Quick, &Silent).expect("verify");
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    end.seq
}
