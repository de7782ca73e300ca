//! Shipments that people pause, and servers that say nothing any more.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annals::agent::daemon::{Agent, Stepwise};
use annals::base::time::ManualClock;
use annals::model::job::{Job, State, Task};
use annals::storage::remote::Rclone;
use annals::{OpenRemote, Store, Timestamp};

use super::proxy::Proxy;
use super::{Options, Place, bytes, rclones, webdav};

/// Bytes a second that the line may carry in the pause test.
const RATE: u64 = 64 << 10;

fn ship_job(store: &Store, remote: &str) -> Option<Job> {
    let jobs = store.jobs(100).expect("jobs").into_iter();
    jobs.filter(|job| job.task == Task::Ship(remote.into())).max_by_key(|job| job.id)
}

/// Waits until a job is as it should be.
fn until(store: &Store, remote: &str, what: &str, is: impl Fn(&Job) -> bool) -> Job {
    let started = Instant::now();
    loop {
        if let Some(job) = ship_job(store, remote).filter(&is) {
            return job;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{what}: {:?}", ship_job(store, remote));
        std::thread::yield_now();
    }
}

#[test]
fn after_a_pause_no_more_bytes_go_out() {
    for (program, version) in rclones("after_a_pause_no_more_bytes_go_out") {
        let server = webdav(&program);
        let proxy = Proxy::to(server.port);
        let place = Place::new("hist/", &server.section("good", proxy.port), Some(server.child), server.dir);
        let dir = tempfile::tempdir().expect("dir");
        drop(Store::init(dir.path().join("store"), "test").expect("init"));
        let config = "[store]\nsite = \"test\"\n[schedule]\nship = \"every 1h\"\nwindow = [\"00:00-24:00 64 KiB/s\"]\n[[remote]]\nname = \"a\"\nrclone = \"good:hist\"\n";
        fs::write(dir.path().join("store/annals.toml"), config).expect("written");
        let store = Store::open(dir.path().join("store")).expect("open");
        store.put("large", &bytes(1, 6 << 20)[..]).expect("put");
        let (url, options) = (place.url("good", ""), place.options(&program));
        let opener = Arc::new(move |_: &Store, name: &str, limit_rate: Option<u64>| {
            Ok(OpenRemote::new(name, Arc::new(Rclone::new(&url, &Options { limit_rate, ..options.clone() })?)))
        });
        let agent = Agent::start_with(store.clone(), opener).expect("agent");
        // The large object is on its way.
        proxy.until_sent(RATE);
        let job = until(&store, "a", "it runs", |job| job.state == State::Running);
        let asked = Instant::now();
        let before = proxy.sent();
        store.pause_job(job.id).expect("paused");
        agent.poke();
        until(&store, "a", "it pauses", |job| job.state == State::Paused);
        assert!(store.unshipped().expect("unshipped").batches > 0, "it was paused in the middle");
        proxy.until_nothing_is_put();
        proxy.take_requests();
        let (sent, last) = (proxy.sent(), proxy.last().expect("sent").saturating_duration_since(asked));
        println!("{version}: {} bytes went out after the pause was asked for, the last after {:.1} s", sent - before, last.as_secs_f64());
        assert!(sent - before <= 10 * RATE, "{} bytes after the pause", sent - before);
        // The agent goes on with other work, and nothing of this one goes out.
        store.add_job(&Task::Gc).expect("asked");
        agent.poke();
        let started = Instant::now();
        while !store.jobs(100).expect("jobs").iter().any(|job| job.task == Task::Gc && job.state == State::Done) {
            assert!(started.elapsed() < Duration::from_secs(120), "other work stands still");
            std::thread::yield_now();
        }
        agent.stop();
        assert_eq!((proxy.sent(), proxy.take_requests()), (sent, vec![]), "{version}");
    }
}

#[test]
fn a_server_that_says_nothing_any_more_keeps_no_other_waiting() {
    for (program, version) in rclones("a_server_that_says_nothing_any_more_keeps_no_other_waiting") {
        let server = webdav(&program);
        let proxy = Proxy::to(server.port);
        let place = Place::new("hist/", &server.section("good", proxy.port), Some(server.child), server.dir);
        let dir = tempfile::tempdir().expect("dir");
        let clock = Arc::new(ManualClock::new(Timestamp(1_795_176_000_000_000)));
        let builder = || Store::builder().clock(clock.clone());
        drop(builder().init(&dir.path().join("store"), "test").expect("init"));
        fs::create_dir(dir.path().join("usb")).expect("created");
        let config = format!(
            "[store]\nsite = \"test\"\n[schedule]\nship = \"every 1m\"\n[[remote]]\nname = \"a\"\nrclone = \"good:hist\"\n[[remote]]\nname = \"b\"\ndirectory = \"{}\"\n",
            dir.path().join("usb").display()
        );
        fs::write(dir.path().join("store/annals.toml"), config).expect("written");
        let (url, options) = (place.url("good", ""), place.options(&program));
        let opener = Arc::new(move |store: &Store, name: &str, limit_rate: Option<u64>| {
            if name == "b" {
                return store.remote(name, limit_rate);
            }
            let options = Options { limit_rate, stall_timeout: Duration::from_millis(500), ..options.clone() };
            Ok(OpenRemote::new(name, Arc::new(Rclone::new(&url, &options)?)))
        });
        let agent = Stepwise::new(builder().open(&dir.path().join("store")).expect("open"), Some(opener)).expect("agent");
        let store = agent.store();
        let ship = |key: &str| {
            store.put(key, &bytes(2, 50_000)[..]).expect("put");
            clock.advance(20 * 60_000_000);
            agent.tick().expect("tick");
            agent.run().expect("run");
            ["a", "b"].map(|remote| ship_job(&store, remote).map(|job| (job.state, job.said.contains("in time"))).expect("a job"))
        };
        let well = || (State::Done, false);
        assert_eq!(ship("one"), [well(), well()], "{version}");
        proxy.stand_still(true);
        assert_eq!(ship("two"), [(State::Waiting, true), well()], "{version}: {:?}", ship_job(&store, "a").map(|job| job.said));
        proxy.stand_still(false);
        assert_eq!(ship("three"), [well(), well()], "{version}");
        assert_eq!(store.unshipped().expect("unshipped").batches, 0);
    }
}
