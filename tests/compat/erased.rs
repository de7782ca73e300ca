//! Remotes on which something was forgotten and a subject was erased, kept and fresh, read by both readers.

use std::path::Path;
use std::sync::Arc;

use annals::Store;
use annals::base::monitor::Silent;
use annals::base::random::{Random, SeededRandom};
use annals::base::time::{ManualClock, Timestamp};
use annals::engine::compact::CompactOptions;
use annals::engine::offsite::{OpenRemote, ShipOptions};
use annals::engine::plans::By;
use annals::engine::seal::SealOptions;
use annals::engine::store::Options;
use annals::engine::verify::Level;
use annals::format::block::Effort;
use annals::model::retention::Rules;
use annals::storage::remote::{self, Directory};

use crate::golden::{assert_same, copy_tree};
use crate::site::{fixtures, rebuild};
use crate::{facts, python};

/// 2026-03-01T12:00:00Z.
const NOON: i64 = 1_772_366_400_000_000;
const FIXTURE: &str = "formats/v1-erased";

fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    SeededRandom::new(seed).fill(&mut out);
    out
}

fn text(person: u64, round: u64) -> String {
    format!("{{\"id\":{person},\"name\":\"Kari Nordmann {person}\",\"round\":{round},\"note\":\"the same in all rounds of person {person}\"}}\n")
}

/// A life with persons before and after their prefix was declared, with forgetting, an erasure and shipments, in `dir/store` and `dir/remote`. The
/// remote is as it is then; `compacted` beside it is as compaction leaves it.
fn live(dir: &Path, random: Option<Arc<dyn Random>>) -> Store {
    let clock = Arc::new(ManualClock::new(Timestamp(NOON)));
    let options = || {
        let options = Options::new().clock(clock.clone());
        match &random {
            Some(random) => options.random(random.clone()),
            None => options,
        }
    };
    let at = dir.join("store");
    drop(options().init(&at, "clinic-17").expect("init"));
    let configure = |rules: &str| {
        let path = at.join("annals.toml");
        let before = std::fs::read_to_string(&path).expect("read");
        std::fs::write(&path, before + rules).expect("write");
    };
    configure("[[remote]]\nname = \"usb\"\ndirectory = \"/nowhere\"\n");
    std::fs::create_dir_all(dir.join("remote")).expect("a directory");
    let remote = OpenRemote::new("usb", Arc::new(Directory::new(dir.join("remote"), &remote::Options::default())));
    let seal = SealOptions { object_bytes_max: 64 * 1024, effort: Effort::Best, ..SealOptions::default() };
    let round = |store: &Store, n: u64| {
        let mut batch = store.batch(&format!("round {n}")).actor("806");
        for person in 1..5 {
            batch.put(format!("person/{person}/notes"), text(person, n).as_bytes()).expect("put");
        }
        // Large enough for parts, before the declaration and after it.
        if n.is_multiple_of(3) {
            batch.put("person/1/picture", &noise(10 + n, 67_000)[..]).expect("put");
        }
        batch.put("person/2/picture", &noise(20 + n, 5_000)[..]).expect("put");
        batch.put("person/2/empty", &b""[..]).expect("put");
        batch.put("letters/a", format!("letter {n}, and more of the same letter").as_bytes()).expect("put");
        batch.put("letters/form", text(1, 1).as_bytes()).expect("put");
        batch.commit().expect("commit");
        clock.advance(3_600_000_000);
        store.ship(&remote, &ShipOptions { seal, ..ShipOptions::default() }, &Silent).expect("ship");
    };
    let store = options().open(&at).expect("open");
    (0..2).for_each(|n| round(&store, n));
    drop(store);
    configure("[erasable]\nprefixes = [\"person/\"]\n");
    let store = options().open(&at).expect("open");
    (2..5).for_each(|n| round(&store, n));
    let by = By { actor: "leder".into(), reason: "asked for it".into(), ..By::default() };
    let rules = Rules { last: Some(2), ..Rules::default() };
    let plan = store.plan_forget("letters/", &rules, &Silent).expect("plan");
    store.forget(&plan, &by, &Silent).expect("forget");
    let plan = store.plan_erase("person/1").expect("plan");
    assert!(plan.bare > 0 && plan.contents > plan.bare, "{plan:?}");
    assert_eq!(store.erase(&plan, &by, &Silent).expect("erase").left_here, None);
    round(&store, 7);
    copy_tree(&dir.join("remote"), &dir.join("before"));
    let options = CompactOptions { grace_secs: 0, all: true, seal, ..CompactOptions::default() };
    (0..2).for_each(|_| drop(store.compact(&remote, &options, &Silent).expect("compact")));
    std::fs::rename(dir.join("remote"), dir.join("compacted")).expect("rename");
    std::fs::rename(dir.join("before"), dir.join("remote")).expect("rename");
    assert!(store.erasure_pending("usb").expect("pending").is_none());
    store
}

/// What both readers read of both remotes below `top` is what the lines say.
fn read_by_both(top: &Path, lines: &str) {
    let wanted = facts::of_lines(lines);
    assert!(wanted.iter().filter(|line| line.contains("\"forgotten\":true")).count() > 8);
    let key = top.join("annals.key");
    let dir = tempfile::tempdir().expect("dir");
    for name in ["remote", "compacted"] {
        let (store, report) = rebuild(&top.join(name), &key, None, &dir.path().join(name)).expect("rebuild");
        assert!(report.gaps.is_empty(), "{name}: {report:?}");
        assert_same(&facts::of_store(&store), &wanted);
        let verified = store.verify(Level::Full, &Silent).expect("verify");
        assert!(verified.problems.is_empty(), "{name}: {:?}", verified.problems);
        let erased = store.history("person/1/picture").expect("history");
        assert!(erased.len() == 2 && erased.iter().all(|version| version.forgotten.as_ref().is_some_and(|f| f.erased)), "{name}");
        let unlock = ["--key", &key.to_string_lossy()];
        let Some(read) = python::read(&top.join(name), &unlock, None, &["--list", "--versions", "--json"]) else { return };
        assert_eq!((read.exit, read.complaints.as_str()), (0, ""), "{name}");
        assert_same(&facts::of_lines(&read.out), &wanted);
        let verified = python::read(&top.join(name), &unlock, None, &["--verify"]).expect("as before");
        assert_eq!((verified.exit, verified.complaints.as_str()), (0, ""), "{name}");
        assert!(verified.out.contains("contents in boxes"), "{name}: {}", verified.out);
        let met = if name == "remote" { "contents in closed boxes" } else { "contents without bytes" };
        assert!(verified.out.contains(met), "no {met} in {name}: {}", verified.out);
    }
}

#[test]
fn the_golden_remote_with_an_erasure_is_read_by_both() {
    let top = fixtures().join(FIXTURE);
    read_by_both(&top, &std::fs::read_to_string(top.join("expected.jsonl")).expect("expected.jsonl"));
}

#[test]
fn what_is_erased_and_compacted_today_is_read_by_both() {
    let dir = tempfile::tempdir().expect("dir");
    let store = live(dir.path(), None);
    let lines: Vec<String> = facts::of_store(&store).into_iter().collect();
    std::fs::copy(dir.path().join("store/annals.key"), dir.path().join("annals.key")).expect("copy");
    read_by_both(dir.path(), &lines.join("\n"));
}

/// Writes `fixtures/formats/v1-erased` where there is none.
#[test]
#[ignore = "writes the fixtures; see the head of main.rs"]
fn regenerate_erased() {
    let golden = fixtures().join(FIXTURE);
    assert!(!golden.exists(), "{} is there and frozen: what was written once must be read for ever", golden.display());
    let dir = tempfile::tempdir().expect("dir");
    let store = live(dir.path(), Some(Arc::new(SeededRandom::new(2026))));
    std::fs::create_dir_all(&golden).expect("a directory");
    for name in ["remote", "compacted"] {
        copy_tree(&dir.path().join(name), &golden.join(name));
    }
    let mut lines = facts::of_store(&store).into_iter().collect::<Vec<_>>().join("\n");
    lines.push('\n');
    std::fs::write(golden.join("expected.jsonl"), lines).expect("expected.jsonl");
    std::fs::copy(store.dir().join("annals.key"), golden.join("annals.key")).expect("annals.key");
}
