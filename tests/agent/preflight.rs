//! Before a planned event: each gate is green when it should be and red when it should not, and only where none is red there is a mark.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use annals::agent::daemon::Stepwise;
use annals::agent::preflight::{Cleared, Light, Wanted, preflight};
use annals::agent::proof::{Depth, note_verify};
use annals::agent::site::{Opener, Troubles};
use annals::engine::plans::By;
use annals::engine::verify::VerifyReport;
use annals::model::job::Task;
use annals::storage::remote::{Fault, Verb};
use annals::{Level, Silent, Store};

use crate::support::{DAY, HOUR, Site, from_memory, memory};

const ONE: &str = "[schedule]\nship = \"every 2h\"\n[alert]\nstale_after = \"4h\"\n[[remote]]\nname = \"a\"\nrclone = \"a:x\"\n";

fn look(store: &Store, opener: &Opener, urgent: bool) -> Cleared {
    let by = By { actor: "806".into(), reason: if urgent { "fire" } else { "" }.into(), origin: "test".into() };
    let wanted = Wanted { urgent, mark: "before".into(), by, patience: Duration::from_millis(200) };
    preflight(store, opener, &Troubles::default(), &wanted, &Silent).expect("looked")
}

fn not_green(cleared: &Cleared) -> Vec<&str> {
    cleared.gates.iter().filter(|g| g.light != Light::Green).map(|g| g.name.as_str()).collect()
}

fn work(agent: &Stepwise) {
    agent.tick().expect("tick");
    agent.run().expect("run");
}

#[test]
fn all_gates_are_green_once_everything_is_proven_and_then_there_is_a_mark() {
    let site = Site::new(&ONE.replace("[alert]", "drill = \"every 180d\"\n[alert]"));
    let opener = from_memory(vec![("a", memory())]);
    let agent = Stepwise::new(site.open(), Some(opener.clone())).expect("agent");
    let store = agent.store();
    store.put("one", &b"1"[..]).expect("put");
    site.clock.advance(5 * HOUR);
    let red = look(&store, &opener, false);
    assert_eq!(not_green(&red), ["freshness", "verify", "drill", "copies"]);
    assert!(red.gates.iter().all(|g| (g.light == Light::Red) != g.hint.is_empty()), "what is red has a hint: {red:#?}");
    assert_eq!((store.marks().expect("marks").len(), red.marks.len()), (0, 0), "nothing is marked");
    work(&agent);
    work(&agent);
    let clear = look(&store, &opener, false);
    assert_eq!(not_green(&clear), Vec::<&str>::new(), "{clear:#?}");
    assert_eq!((store.marks().expect("marks"), clear.marks[0].1.seq), (vec![("before".to_owned(), 1)], 1));
    // Each proof grows old.
    site.clock.advance(8 * DAY);
    assert_eq!(not_green(&look(&store, &opener, false)), ["freshness", "verify", "copies"], "the mark itself waits to be shipped");
    work(&agent);
    assert_eq!(not_green(&look(&store, &opener, false)), Vec::<&str>::new());
    site.clock.advance(300 * DAY);
    store.verify(Level::Quick, &Silent).and_then(|report| note_verify(&store, Depth::Quick, &report)).expect("verified");
    store.add_job(&Task::Ship("a".into())).expect("add");
    agent.run().expect("run");
    assert_eq!(not_green(&look(&store, &opener, false)), ["drill"]);
    let mut wrong = VerifyReport::default();
    wrong.problems.push(annals::engine::verify::Problem { tenant: "main".into(), what: "gone".into(), seq: None, documents: vec![] });
    note_verify(&store, Depth::Full, &wrong).expect("noted");
    let red = look(&store, &opener, false);
    assert_eq!(not_green(&red), ["verify", "drill"]);
    assert!(red.gates.iter().any(|g| g.said.contains("found 1 problems: main: gone")), "{red:#?}");
}

#[test]
fn what_is_urgent_waives_everything_but_freshness_and_says_why() {
    let site = Site::new(ONE);
    let place = memory();
    let opener = from_memory(vec![("a", place.clone())]);
    let agent = Stepwise::new(site.open(), Some(opener.clone())).expect("agent");
    let store = agent.store();
    store.put("one", &b"1"[..]).expect("put");
    site.clock.advance(5 * HOUR);
    let red = look(&store, &opener, true);
    assert!(!red.is_clear() && red.gates[0].light == Light::Red && red.gates[0].name == "freshness", "{red:#?}");
    assert_eq!((store.marks().expect("marks").len(), not_green(&red).len()), (0, 4));
    store.add_job(&Task::Ship("a".into())).expect("add");
    agent.run().expect("run");
    // Also a remote that does not answer now, when what is there is fresh.
    place.inject(Verb::Verify, 0, u64::MAX, Fault::Drop);
    let waived = look(&store, &opener, true);
    let lights: Vec<_> = waived.gates.iter().filter(|g| g.light == Light::Waived).map(|g| g.name.as_str()).collect();
    assert_eq!(lights, ["verify", "drill", "remote a"], "{waived:#?}");
    assert_eq!(store.batches(2, 2, 1).expect("batch")[0].event.reason, "fire");
    let by = By { reason: " ".into(), ..By::default() };
    let wanted = Wanted { urgent: true, mark: "x".into(), by, patience: Duration::ZERO };
    let refused = preflight(&store, &opener, &Troubles::default(), &wanted, &Silent).expect_err("no reason");
    assert_eq!(refused.code(), "preflight.reason");
}

#[test]
fn what_hangs_is_red_after_its_time_and_what_others_check_counts() {
    let checks = "[[preflight]]\nname = \"hangs\"\ncommand = [\"sleep\", \"600\"]\ntimeout = \"1s\"\n\
        [[preflight]]\nname = \"says\"\ncommand = [\"sh\", \"-c\", \"echo on battery >&2; exit 3\"]\n\
        [[preflight]]\nname = \"well\"\ncommand = [\"sh\", \"-c\", \"echo $ANNALS_SITE is up\"]\n\
        [[preflight]]\nname = \"none\"\ncommand = [\"/no/such/program\"]\n\
        [[capture]]\nname = \"letters\"\nfolder = \"DIR/letters\"\n";
    let site = Site::new(&format!("{ONE}{checks}"));
    let (hold, held) = channel::<()>();
    let held = std::sync::Mutex::new(held);
    // A remote that takes the question and never answers while the test runs.
    let opener: Opener = Arc::new(move |_, _, _| {
        let _ = held.lock().expect("lock").recv();
        Err(annals::Error::new(annals::Kind::Remote, "remote.unreachable", "gone"))
    });
    let store = site.open();
    let cleared = look(&store, &opener, false);
    let said = |name: &str| cleared.gates.iter().find(|g| g.name == name).map(|g| (g.light, g.said.clone())).expect("a gate");
    assert_eq!(said("remote a"), (Light::Red, "no answer within 0 s".into()));
    assert_eq!(said("check hangs"), (Light::Red, "no answer within 1 s".into()));
    assert_eq!(said("check says"), (Light::Red, "on battery (exit code 3)".into()));
    assert_eq!(said("check well"), (Light::Green, "test is up".into()));
    assert_eq!(said("check none").0, Light::Red);
    assert_eq!(said("capture letters"), (Light::Red, "was never captured".into()));
    drop(hold);
}

#[test]
fn copies_count_by_what_fails_together() {
    let remotes = "[tenant.main]\ncopies_min = 2\n[[remote]]\nname = \"a\"\nrclone = \"a:x\"\ndomain = \"cellar\"\n\
        [[remote]]\nname = \"b\"\nrclone = \"b:x\"\ndomain = \"cellar\"\n[[remote]]\nname = \"here\"\ndirectory = \"DIR/here\"\n";
    let site = Site::new(remotes);
    std::fs::create_dir(site.path("here")).expect("a directory");
    let opener: Opener = Arc::new(|store, name, rate| match name {
        "here" => store.remote(name, rate),
        name => Ok(annals::OpenRemote::new(name, memory())),
    });
    let agent = Stepwise::new(site.open(), Some(opener.clone())).expect("agent");
    let store = agent.store();
    store.put("one", &b"1"[..]).expect("put");
    for name in ["a", "b", "here"] {
        store.add_job(&Task::Ship(name.into())).expect("add");
    }
    agent.run().expect("run");
    let copies = |store: &Store| look(store, &opener, false).gates.into_iter().find(|g| g.name == "copies").expect("a gate");
    let red = copies(&store);
    assert_eq!((red.light, red.said.contains("main has 1 of 2")), (Light::Red, true), "two in one cellar and one on the store's own disk: {red:?}");
    site.configure(&remotes.replacen("cellar", "attic", 1));
    assert_eq!(copies(&agent.store()).light, Light::Green);
}
