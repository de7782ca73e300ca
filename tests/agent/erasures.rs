//! An erasure that does not reach a remote: people hear of it, once, and not while it takes as long as it may.

use std::sync::Arc;

use annals::agent::daemon::Stepwise;
use annals::base::monitor::Silent;
use annals::engine::compact::CompactOptions;
use annals::engine::offsite::ShipOptions;
use annals::engine::plans::By;
use annals::storage::remote::{Memory, Recording};
use annals::{OpenRemote, Store};

use crate::support::{DAY, HOUR, Site, from_memory, memory};

const DECLARED: &str = "[erasable]\nprefixes = [\"person/\"]\n";

/// A remote to which nothing is shipped by itself, and a command that keeps what people are told.
fn rules(more: &str) -> String {
    format!("[[remote]]\nname = \"a\"\nrclone = \"a:x\"\n{more}[alert]\ncommand = [\"/bin/sh\", \"-c\", 'echo \"$0\" >> DIR/told']\n")
}

struct World {
    site: Site,
    remote: Arc<Recording<Arc<Memory>>>,
    agent: Stepwise,
}

impl World {
    fn new(config: &str) -> Self {
        let site = Site::new(config);
        let remote = memory();
        let agent = Stepwise::new(site.open(), Some(from_memory(vec![("a", remote.clone())]))).expect("agent");
        World { site, remote, agent }
    }

    fn store(&self) -> Store {
        self.agent.store()
    }

    fn line(&self) -> OpenRemote {
        OpenRemote::new("a", self.remote.clone())
    }

    fn ship(&self) {
        self.store().ship(&self.line(), &ShipOptions::default(), &Silent).expect("shipped");
    }

    fn erase(&self, subject: &str) {
        let plan = self.store().plan_erase(subject).expect("plan");
        self.store().erase(&plan, &By::default(), &Silent).expect("erased");
    }

    /// What people were told since, after a time.
    fn told_after(&self, micros: i64) -> Vec<String> {
        self.site.clock.advance(micros);
        self.agent.tell().expect("tell");
        self.agent.tell().expect("tell");
        let file = self.site.path("told");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        std::fs::write(&file, "").expect("written");
        text.lines().map(str::to_owned).collect()
    }
}

#[test]
fn a_key_that_no_shipment_destroys_is_told_once() {
    let w = World::new(&rules(DECLARED));
    for n in 1..3 {
        w.store().put(format!("person/{n}"), &b"a name"[..]).expect("put");
    }
    w.ship();
    w.erase("person/1");
    assert_eq!(w.told_after(23 * HOUR), [] as [&str; 0]);
    let told = w.told_after(2 * HOUR);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("a still has something of a subject that was erased") && told[0].contains("annals ship"), "{told:?}");
    // Another one in the meantime is the same problem, and it is as old as the oldest.
    w.erase("person/2");
    assert_eq!(w.told_after(2 * DAY), [] as [&str; 0], "one message for a problem");
    w.ship();
    assert_eq!(w.agent.problems().expect("problems"), []);
    assert_eq!(w.told_after(30 * DAY), [] as [&str; 0], "that it is well is told to nobody");
}

#[test]
fn objects_that_no_compaction_takes_off_are_told_after_the_time_that_it_may_take() {
    let w = World::new(&rules(""));
    w.store().put("person/1", &b"a name"[..]).expect("put");
    w.ship();
    w.site.configure(&rules(DECLARED));
    assert_eq!(w.told_after(0), [] as [&str; 0]);
    w.erase("person/1");
    w.ship();
    assert_eq!(w.told_after(13 * DAY), [] as [&str; 0]);
    let told = w.told_after(2 * DAY);
    assert!(told.len() == 1 && told[0].contains("annals compact"), "{told:?}");
    let now = CompactOptions { grace_secs: 0, all: true, ..CompactOptions::default() };
    for _ in 0..2 {
        w.site.clock.advance(HOUR);
        w.store().compact(&w.line(), &now, &Silent).expect("compacted");
    }
    assert_eq!(w.agent.problems().expect("problems"), []);
}
