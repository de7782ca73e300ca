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

/// A worker process: does one job for the first line of its standard input and the rest for the second. Tells each before it ends it and after.
#[test]
fn a_worker_for_the_test_below() {
    let (Ok(name), Some(path)) = (std::env::var(WORKER), std::env::var_os(CATALOG)) else { return };
    let catalog = Catalog::open(Path::new(&path)).expect("open");
    let queue = Queue::new(&catalog, &SystemClock, &OsRandom, &name);
    let say = |word: &str, n: i64| {
        let _ = writeln!(std::io::stdout().lock(), "\n{word} {n}");
    };
    let mut told = std::io::stdin().lines();
    for most in [1, JOBS] {
        say("ready", 0);
        told.next().expect("a word").expect("readable");
        for _ in 0..most {
            let Some(job) = queue.claim("").expect("claim") else { return };
            queue.beat(&job, &Advance::default()).expect("beat");
            say("begun", job.id);
            if queue.end(&job, &End::Done(name.clone())).expect("end") {
                say("ended", job.id);
            }
        }
    }
}

fn worker(name: &str, catalog: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "queue::a_worker_for_the_test_below", "--nocapture", "--test-threads=1"]);
    command.env(WORKER, name).env(CATALOG, catalog).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a worker")
}

type Said = std::io::Lines<BufReader<std::process::ChildStdout>>;

fn lines(child: &mut Child) -> Said {
    BufReader::new(child.stdout.take().expect("a pipe")).lines()
}

/// What a worker says until it is ready for the next word.
fn until_ready(said: &mut Said) -> Vec<String> {
    said.map_while(Result::ok).take_while(|line| line != "ready 0").collect()
}

fn tell(child: &mut Child) {
    child.stdin.as_mut().expect("a pipe").write_all(b"go\n").expect("told");
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
    let mut said = [lines(&mut victim), lines(&mut a), lines(&mut b)];
    // Each does a job of its own: who competes without a pause may starve the others.
    let mut others = Vec::new();
    let mut victims = Vec::new();
    for (worker, (child, said)) in [&mut victim, &mut a, &mut b].into_iter().zip(&mut said).enumerate() {
        until_ready(said);
        tell(child);
        let first = until_ready(said);
        if worker == 0 { victims.extend(first) } else { others.extend(first) }
    }
    let [said, of_a, of_b] = said;
    tell(&mut victim);
    for line in said.map_while(Result::ok) {
        victims.push(line.clone());
        // Killed in the middle of a job, now and for good, while the others begin.
        if line.starts_with("begun") && victims.len() > 60 {
            tell(&mut a);
            tell(&mut b);
            victim.kill().expect("killed");
            break;
        }
    }
    victim.wait().expect("gone");
    others.extend(of_a.chain(of_b).map_while(Result::ok));
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
