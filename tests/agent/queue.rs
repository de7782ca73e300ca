//! Many workers on one queue.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use annals::agent::queue::{End, Leases, Queue};
use annals::base::random::OsRandom;
use annals::base::time::SystemClock;
use annals::model::job::{Advance, State, Task};
use annals::storage::catalog::Catalog;
use annals::{Clock, Timestamp};

const JOBS: usize = 1_000;
/// Environment of a process of this test binary that is one of the workers.
const WORKER: &str = "ANNALS_TEST_WORKER";
const CATALOG: &str = "ANNALS_TEST_CATALOG";

/// A worker process: says that it is ready, does jobs from the first line of its standard input on, and tells each before it ends it and after.
#[test]
fn a_worker_for_the_test_below() {
    let (Ok(name), Some(path)) = (std::env::var(WORKER), std::env::var_os(CATALOG)) else { return };
    let catalog = Catalog::open(Path::new(&path)).expect("open");
    let queue = Queue::new(&catalog, &SystemClock, &OsRandom, &name);
    let out = std::io::stdout();
    let _ = writeln!(out.lock(), "\nready");
    std::io::stdin().read_line(&mut String::new()).expect("the word to begin");
    while let Some(job) = queue.claim("").expect("claim") {
        queue.beat(&job, &Advance::default()).expect("beat");
        let _ = writeln!(out.lock(), "\nbegun {}", job.id);
        if queue.end(&job, &End::Done(name.clone())).expect("end") {
            let _ = writeln!(out.lock(), "\nended {}", job.id);
        }
    }
}

fn worker(name: &str, catalog: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "queue::a_worker_for_the_test_below", "--nocapture", "--test-threads=1"]);
    command.env(WORKER, name).env(CATALOG, catalog).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a worker")
}

/// What a worker says from when it is ready on.
fn lines(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "ready"), "a worker does not start");
    lines
}

#[test]
fn three_workers_do_each_of_a_thousand_jobs_once_and_one_is_killed() {
    let dir = tempfile::tempdir().expect("dir");
    let path: PathBuf = dir.path().join("catalog.db");
    let catalog = Catalog::create(&path).expect("create");
    let queue = Queue::new(&catalog, &SystemClock, &OsRandom, "overseer");
    let now = SystemClock.now();
    catalog.write(|w| (0..JOBS).try_for_each(|n| w.add_job(&Task::Ship(format!("r{n}")), now, now).map(drop))).expect("jobs");
    let mut victim = worker("victim", &path);
    let (mut a, mut b) = (worker("a", &path), worker("b", &path));
    let (said, of_a, of_b) = (lines(&mut victim), lines(&mut a), lines(&mut b));
    for child in [&mut victim, &mut a, &mut b] {
        child.stdin.take().expect("a pipe").write_all(b"begin\n").expect("told");
    }
    let mut victims = Vec::new();
    for line in said {
        victims.push(line.clone());
        // Killed in the middle of a job, now and for good.
        if line.starts_with("begun") && victims.len() > 60 {
            victim.kill().expect("killed");
            break;
        }
    }
    victim.wait().expect("gone");
    let others: Vec<String> = of_a.chain(of_b).collect();
    assert!(a.wait().expect("a").success() && b.wait().expect("b").success());
    // What the victim held is taken away when nothing was heard of it for the time of the lease.
    let leases = Leases::default();
    assert_eq!(leases.reclaim(&queue, Duration::ZERO).expect("look"), 0);
    let left = leases.reclaim(&queue, Duration::from_secs(60)).expect("reclaim");
    assert!(left <= 1, "{left}");
    while let Some(job) = queue.claim("").expect("claim") {
        assert!(queue.end(&job, &End::Done("overseer".into())).expect("end"));
    }
    let jobs = catalog.read(|v| v.ended_jobs(usize::MAX >> 1)).expect("jobs");
    assert_eq!((jobs.len(), jobs.iter().filter(|j| j.state == State::Done).count()), (JOBS, JOBS));
    let mut ended: BTreeMap<&str, usize> = BTreeMap::new();
    for line in others.iter().chain(&victims).filter_map(|l| l.strip_prefix("ended ")) {
        *ended.entry(line).or_default() += 1;
    }
    assert!(ended.values().all(|times| *times == 1), "a job was done twice");
    let by = |name: &str| jobs.iter().filter(|j| j.said == name).count();
    assert!(by("a") > 0 && by("b") > 0 && by("victim") > 0, "all three worked");
    assert!(catalog.read(|v| v.open_jobs()).expect("open").is_empty());
    assert!(now > Timestamp(0));
}
