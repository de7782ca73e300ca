//! The numbers for monitoring systems: each of them moves when what it counts does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use annals::agent::daemon::Stepwise;
use annals::agent::site::Opener;
use annals::base::random::SeededRandom;
use annals::face::metrics;
use annals::model::job::Task;
use annals::storage::remote::{Fault, Memory, Policy, Recording, Retrying, SystemSleeper, Verb};
use annals::{Error, Kind, OpenRemote};
use rusqlite::Connection;

use crate::support::{DAY, HOUR, Site, memory};

const CONFIG: &str = "quota = \"1 GiB\"\n[schedule]\nship = \"every 2h\"\ndrill = \"every 180d\"\nallowance = \"1 MB / month\"\n\
    [alert]\nstale_after = \"1h\"\ncommand = [\"true\"]\n[[remote]]\nname = \"a\"\nrclone = \"a:x\"\n\
    [[capture]]\nname = \"stock\"\nsqlite = \"DIR/stock.db\"\n";

/// The numbers of a page, by name and labels, after its form was checked.
fn numbers(page: &str) -> BTreeMap<String, f64> {
    let (mut found, mut family) = (BTreeMap::new(), String::new());
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().expect("a name").to_owned();
            let kind = rest.split(' ').nth(1).expect("a kind");
            assert!(["gauge", "counter", "summary"].contains(&kind), "{line}");
            assert_eq!(family.ends_with("_total"), kind == "counter", "{line}");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (name, value) = line.rsplit_once(' ').expect("a number");
        assert!(name.starts_with(&family), "{line} stands below {family}");
        let twice = found.insert(name.to_owned(), value.parse().unwrap_or_else(|e| panic!("{line}: {e}")));
        assert!(twice.is_none(), "{name} twice");
    }
    found
}

fn family(name: &str) -> &str {
    name.split('{').next().expect("a name")
}

/// What was seen of all numbers in the course of a test.
#[derive(Default)]
struct Seen {
    values: BTreeMap<String, BTreeSet<String>>,
    last: BTreeMap<String, f64>,
}

impl Seen {
    fn look(&mut self, agent: &Stepwise) {
        let page = metrics::text(&agent.store(), Some(&agent.handle())).expect("a page");
        self.last = numbers(&page);
        for (name, value) in &self.last {
            // What appears has moved too: it was not there before.
            let values = self.values.entry(family(name).to_owned()).or_default();
            values.insert(format!("{name} {value}"));
        }
    }

    fn get(&self, name: &str) -> f64 {
        *self.last.get(name).unwrap_or_else(|| panic!("{name} is not in {:#?}", self.last))
    }
}

#[test]
fn every_metric_moves() {
    let site = Site::new(CONFIG);
    let place: Arc<Recording<Arc<Memory>>> = memory();
    let device = place.clone();
    let full = Arc::new(AtomicBool::new(false));
    let is_full = full.clone();
    let opener: Opener = Arc::new(move |_, name, _| {
        if is_full.load(Ordering::SeqCst) {
            return Err(Error::new(Kind::Space, "disk.full", "no space left"));
        }
        let policy = Policy { attempts: 3, first: Duration::ZERO, longest: Duration::ZERO };
        let again = Retrying::new(device.clone(), policy, Arc::new(SeededRandom::new(1)), Arc::new(SystemSleeper::default()));
        Ok(OpenRemote::new(name, Arc::new(again)))
    });
    let app = Connection::open(site.path("stock.db")).expect("open");
    app.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE item (id TEXT PRIMARY KEY, price INTEGER); INSERT INTO item VALUES ('a', 1)")
        .expect("setup");
    let agent = Stepwise::new(site.open(), Some(opener.clone())).expect("agent");
    let mut seen = Seen::default();
    seen.look(&agent);
    let work = |agent: &Stepwise| {
        agent.tick().expect("tick");
        agent.run().expect("run");
    };

    // Changes wait, are captured, shipped over a line that drops the first request, verified and rehearsed.
    agent.store().put("one", &vec![7u8; 100_000][..]).expect("put");
    site.clock.advance(2 * HOUR);
    agent.store().add_job(&Task::Capture("stock".into())).expect("add");
    seen.look(&agent);
    assert_eq!(seen.get("annals_unshipped_changes{tenant=\"main\"}"), 1.0);
    assert_eq!(seen.get("annals_unshipped_age_seconds{tenant=\"main\"}"), 7200.0);
    assert_eq!(seen.get("annals_problem{problem=\"stale\"}"), 1.0);
    assert_eq!(agent.tell().expect("tell"), 2);
    place.inject(Verb::Store, 0, 1, Fault::Drop);
    work(&agent);
    seen.look(&agent);
    assert_eq!(seen.get("annals_remote_retries_total{remote=\"a\"}"), 1.0);
    assert!(seen.get("annals_remote_requests_total{remote=\"a\"}") >= 2.0);
    assert_eq!(seen.get("annals_shipped_bytes_total{remote=\"a\"}"), 1_000_000.0 - seen.get("annals_allowance_left_bytes"));
    assert_eq!(seen.get("annals_remote_state{remote=\"a\",state=\"good\"}"), 1.0);
    assert_eq!(seen.get("annals_capture_looks_total{capture=\"stock\"}"), 1.0);
    assert_eq!(seen.get("annals_job_tries_total{kind=\"ship\",ended=\"done\"}"), 1.0);
    assert!(seen.get("annals_job_seconds_sum{kind=\"ship\"}") > 0.0);
    site.clock.advance(DAY);
    work(&agent);
    seen.look(&agent);
    assert_eq!(seen.get("annals_drill_ok{remote=\"a\"}"), 1.0);
    let names: Vec<String> = place.inner().names().into_iter().filter(|name| name.ends_with(".seg")).collect();
    let flip = || names.iter().for_each(|name| assert!(place.inner().damage(name, |bytes| bytes[9] ^= 1)));
    flip();
    agent.store().add_job(&Task::Drill("a".into())).expect("add");
    agent.store().add_job(&Task::Capture("stock".into())).expect("add");
    agent.run().expect("run");
    seen.look(&agent);
    assert_eq!(seen.get("annals_drill_ok{remote=\"a\"}"), 0.0);
    assert_eq!(seen.get("annals_capture_looks_total{capture=\"stock\"}"), 2.0);
    flip();
    site.clock.advance(HOUR);
    work(&agent);
    assert_eq!(agent.tell().expect("tell"), 0, "all is solved, and may be told again");

    // The remote is away and comes back; a message cannot be delivered; the disk is full; the configuration has a mistake.
    agent.store().put("two", &b"2"[..]).expect("put");
    agent.store().begin_draft("806", "collected").expect("begun");
    site.configure(&CONFIG.replace("\"true\"", "\"false\"").replace("1 GiB", "2 GiB").replace("1 MB", "2 MB"));
    place.inject(Verb::Store, 0, 99, Fault::Drop);
    site.clock.advance(3 * HOUR);
    work(&agent);
    assert_eq!(agent.tell().expect("tell"), 0);
    seen.look(&agent);
    assert_eq!(seen.get("annals_alerts_total{result=\"failed\"}"), 1.0, "one attempt; the rest waits");
    assert_eq!(seen.get("annals_remote_state{remote=\"a\",state=\"stale\"}"), 1.0);
    assert_eq!(seen.get("annals_remote_behind_batches{remote=\"a\"}"), 1.0);
    place.heal();
    full.store(true, Ordering::SeqCst);
    site.clock.advance(40 * DAY);
    site.configure("[schedule]\nship = 3\n");
    work(&agent);
    seen.look(&agent);
    assert_eq!((seen.get("annals_disk_full"), seen.get("annals_config_error")), (1.0, 1.0));
    full.store(false, Ordering::SeqCst);
    site.configure(CONFIG);
    site.clock.advance(200 * DAY);
    work(&agent);
    seen.look(&agent);
    assert_eq!((seen.get("annals_disk_full"), seen.get("annals_config_error")), (0.0, 0.0));
    assert!(seen.get("annals_job_retries_total{kind=\"ship\"}") >= 1.0);

    // Most of what is there is changed at once.
    for (text, micros) in [("first", HOUR), ("second", 0)] {
        let mut batch = agent.store().batch("");
        (0..120).for_each(|n| batch.put(format!("case/{n}"), format!("{text} {n}").as_bytes()).expect("put"));
        batch.commit().expect("commit");
        site.clock.advance(micros);
    }
    work(&agent);
    seen.look(&agent);
    assert_eq!(seen.get("annals_brake{tenant=\"main\"}"), 1.0);

    // The captured database goes back in time, then the whole store does, and its catalogue was cut.
    let old = site.path("old.db");
    app.execute_batch(&format!("VACUUM INTO '{}'; UPDATE item SET price = 2", old.display())).expect("rows");
    capture(&agent);
    drop((app, agent));
    copy(&site.path("store"), &site.path("old"));
    let agent = Stepwise::new(site.open(), Some(opener.clone())).expect("agent");
    agent.store().put("three", &b"3"[..]).expect("put");
    site.clock.advance(3 * HOUR);
    work(&agent);
    std::fs::rename(old, site.path("stock.db")).expect("put back");
    ["stock.db-wal", "stock.db-shm"].iter().for_each(|name| drop(std::fs::remove_file(site.path(name))));
    capture(&agent);
    seen.look(&agent);
    assert_eq!(seen.get("annals_capture_behind{prefix=\"stock/\"}"), 1.0);
    drop(agent);
    std::fs::remove_dir_all(site.path("store")).expect("gone");
    std::fs::rename(site.path("old"), site.path("store")).expect("back");
    let catalog = Connection::open(site.path("store").join("catalog.db")).expect("open");
    catalog.execute("INSERT INTO fact (name, value) VALUES ('catalog_log_cut', x'')", []).expect("noted");
    drop(catalog);
    let agent = Stepwise::new(site.open(), Some(opener)).expect("agent");
    agent.store().put("other", &b"4"[..]).expect("put");
    site.clock.advance(3 * HOUR);
    work(&agent);
    seen.look(&agent);
    assert_eq!((seen.get("annals_lineage_fenced{tenant=\"main\"}"), seen.get("annals_damaged")), (1.0, 1.0));
    let verified = agent.store().verify(annals::Level::Full, &annals::Silent).expect("verify");
    annals::agent::proof::note_verify(&agent.store(), annals::agent::proof::Depth::Full, &verified).expect("note");
    seen.look(&agent);
    assert_eq!(seen.get("annals_verify_problems"), 1.0);

    // Without an agent there are no counters, and the rest is the same.
    let alone = numbers(&metrics::text(&agent.store(), None).expect("a page"));
    assert_eq!(alone["annals_agent_up"], 0.0);
    assert!(!alone.contains_key("annals_agent_start_timestamp_seconds") && alone.contains_key("annals_problems"));
    let still: Vec<&String> = seen.values.iter().filter(|(_, values)| values.len() < 2).map(|(name, _)| name).collect();
    // Which program it is, and whether an agent runs, does not change while one does.
    assert_eq!(still, ["annals_agent_up", "annals_info"], "these never moved");
    assert!(seen.values.len() >= 48, "{}", seen.values.len());
}

fn capture(agent: &Stepwise) {
    agent.store().add_job(&Task::Capture("stock".into())).expect("add");
    agent.run().expect("run");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a directory");
    for entry in from.read_dir().expect("read").flatten() {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).expect("copied")),
        }
    }
}

#[test]
fn labels_with_any_character_keep_their_line() {
    let site = Site::new("");
    let agent = site.stepwise();
    let name = "a \"b\" \\ c";
    agent.store().add_tenant(name).expect("tenant");
    let page = metrics::text(&agent.store(), None).expect("a page");
    assert!(page.contains("annals_documents{tenant=\"a \\\"b\\\" \\\\ c\"} 0\n"), "{page}");
}
