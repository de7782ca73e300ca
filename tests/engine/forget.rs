//! What may go goes, what may not stays, and everybody who reads afterwards knows the difference from damage.

use std::collections::BTreeMap;

use annals::base::monitor::{Monitor, Progress, Silent};
use annals::base::time::Timestamp;
use annals::engine::compact::{CompactOptions, CompactReport};
use annals::engine::forget::ForgetPlan;
use annals::engine::offsite::{OpenRemote, ShipOptions};
use annals::engine::plans::By;
use annals::engine::verify::Level;
use annals::model::key::show_key;
use annals::model::moment::Moment;
use annals::model::plan::{Action, OnConflict};
use annals::model::reference::Reference;
use annals::model::retention::Rules;
use annals::storage::remote::{Fault, Memory, Recording, Remote, Verb};
use annals::{Digest, Kind, Store, Tenant};

use crate::support::{NOON, Site, memory, read, rebuild, site};

const DAY: i64 = 86_400_000_000;

/// A site whose configuration knows remotes of these names.
pub fn site_with(remotes: &[&str], more: &str) -> Site {
    let s = site();
    let path = s.store.dir().join("annals.toml");
    let places: String = remotes.iter().map(|name| format!("[[remote]]\nname = \"{name}\"\ndirectory = \"/nowhere/{name}\"\n")).collect();
    let text = std::fs::read_to_string(&path).expect("read") + &places + more;
    std::fs::write(&path, text).expect("write");
    let Site { store, clock, dir } = s;
    let at = store.dir().to_owned();
    drop(store);
    let store = Store::builder().clock(clock.clone()).open(&at).expect("open");
    Site { store, clock, dir }
}

pub fn ship(s: &Site, to: &OpenRemote) {
    s.store.ship(to, &ShipOptions::default(), &Silent).expect("ship");
}

/// Bytes of about 60 kB that no other number has.
pub fn large(n: u64) -> Vec<u8> {
    let mut state = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..60_000).map(next).collect()
}

pub fn last(n: u32) -> Rules {
    Rules { last: Some(n), ..Rules::default() }
}

pub fn plan(tenant: &Tenant, prefix: &str, rules: &Rules) -> ForgetPlan {
    tenant.plan_forget(prefix, rules, &Silent).expect("plan")
}

pub fn forget(tenant: &Tenant, rules: &Rules) -> u64 {
    tenant.forget(&plan(tenant, "", rules), &By::default(), &Silent).expect("forget").contents
}

/// Every version of every document: what its bytes are, or nothing where they were forgotten.
pub fn everything(tenant: &Tenant) -> BTreeMap<(String, u64), Option<Digest>> {
    let mut out = BTreeMap::new();
    let keys = tenant.list("").chain(tenant.now().list_removed("")).map(|v| v.expect("row").key);
    for key in keys {
        for version in tenant.history(&key).expect("history") {
            let bytes = match tenant.open(&version) {
                Ok(reader) => Some(Digest::of(&reader.bytes(1 << 20).expect("bytes"))),
                Err(e) => {
                    assert_eq!((e.kind(), e.code(), version.forgotten.is_some()), (Kind::Missing, "content.forgotten", true), "{e}");
                    None
                }
            };
            out.insert((show_key(&key), version.number), bytes);
        }
    }
    out
}

#[track_caller]
pub fn sound(store: &Store) {
    let report = store.verify(Level::Full, &Silent).expect("verify");
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

/// Five versions of a small and of a large document, a day apart, another document that has the first small one now, and a removed one.
pub fn five_days(s: &Site) {
    for n in 0..5u64 {
        let mut batch = s.store.batch(&format!("day {n}"));
        batch.put("small", format!("{{\"day\": {n}, \"text\": \"the same every day\"}}").as_bytes()).expect("put");
        batch.put("large", &large(n)[..]).expect("put");
        batch.commit().expect("commit");
        s.clock.advance(DAY);
    }
    s.store.put("twin", &b"{\"day\": 0, \"text\": \"the same every day\"}"[..]).expect("put");
    s.store.put("gone", &b"was here"[..]).expect("put");
    s.store.remove("gone").expect("remove");
}

#[test]
fn what_no_rule_keeps_goes_and_everybody_knows() {
    let s = site_with(&["a"], "");
    let (_, a) = memory("a");
    five_days(&s);
    let before = everything(&s.store);
    s.minute();
    // Nothing is offsite, so nothing goes.
    let early = plan(&s.store, "", &last(1));
    assert_eq!((early.contents, early.kept["unshipped"].versions), (0, 9));
    ship(&s, &a);
    assert_eq!(plan(&s.store, "", &Rules::default()).contents, 0, "without rules everything stays");
    let found = plan(&s.store, "", &last(2));
    // Four versions of each but the last two; the first small one is what `twin` is now.
    assert_eq!((found.goes.versions, found.contents, found.documents), (5, 5, 2), "{found:?}");
    assert_eq!((found.kept["shared"].versions, found.kept["last"].versions, found.kept["current"].versions), (1, 3, 2), "{found:?}");
    let forgot = s.store.forget(&found, &By { actor: "806".into(), ..By::default() }, &Silent).expect("forget");
    assert_eq!(forgot.contents, 5);
    let seq = forgot.receipts[0].position.seq;
    let now = everything(&s.store);
    for ((key, number), bytes) in &now {
        let goes = matches!((key.as_str(), number), ("small", 2 | 3) | ("large", 1..=3));
        assert_eq!(*bytes, before[&(key.clone(), *number)].filter(|_| !goes), "{number}");
    }
    let version = s.store.find_version("large", Some(&Moment::Version(2))).expect("still listed");
    let forgotten = version.forgotten.clone().expect("forgotten");
    let by = forgotten.by.expect("the log says so");
    assert_eq!((by.seq, by.actor.as_str(), forgotten.rule.as_str(), version.size), (seq, "806", "last 2", 60_000));
    let error = s.store.open(&version).err().expect("no bytes");
    assert!(error.to_string().contains("large v2 were forgotten at 2026-03-06T") && error.to_string().contains("last 2"), "{error}");
    assert!(error.what_next().expect("hint").contains("there are v5, v4"), "{error:?}");
    // It is not damage, and its space comes back.
    sound(&s.store);
    assert_eq!(s.store.verify(Level::Quick, &Silent).expect("verify").forgotten, 5);
    let removed = s.store.gc(false, &Silent).expect("gc").orphans;
    assert!(removed > 3, "{removed} chunks of three large contents");
    assert_eq!(s.store.heal(std::slice::from_ref(&a), &Silent).expect("heal").damaged, 0);
    assert_eq!(everything(&s.store), now);
    // Nothing more to do, and a plan of before is stale.
    assert_eq!(plan(&s.store, "", &last(2)).contents, 0);
    assert_eq!(s.store.forget(&found, &By::default(), &Silent).expect_err("stale").code(), "plan.stale");
    // A rebuild from segments that still have the bytes comes to the same.
    ship(&s, &a);
    let (again, report) = rebuild(&s, std::slice::from_ref(&a), "again", None).expect("rebuild");
    assert!(report.gaps.is_empty() && report.bridged.is_empty(), "{report:?}");
    assert_eq!((everything(&again), again.position().expect("position")), (now, s.store.position().expect("position")));
    sound(&again);
    // A rebuild to a moment before it was forgotten has what the segments have.
    let (old, _) = rebuild(&s, &[a], "old", Some(Timestamp(NOON + 5 * DAY))).expect("rebuild");
    assert_eq!(everything(&old), before);
}

/// Does something once, when it is told of progress first.
struct Once<F>(std::sync::Mutex<Option<F>>);

impl<F: FnOnce() + Send> Monitor for Once<F> {
    fn progress(&self, _: &Progress) {
        if let Some(work) = self.0.lock().expect("work").take() {
            work();
        }
    }

    fn note(&self, _: &str) {}

    fn stopped(&self) -> bool {
        false
    }
}

#[test]
fn between_two_batches_of_a_forgetting_others_record() {
    let s = site_with(&["a"], "");
    let (_, a) = memory("a");
    let round = |n: u64| {
        let mut batch = s.store.batch("");
        for i in 0..300 {
            batch.put(format!("{i}"), format!("{i} {n}").as_bytes()).expect("put");
        }
        batch.commit().expect("commit");
    };
    let tenant = &*s.store;
    let meanwhile = |work: fn(&Tenant)| Once(std::sync::Mutex::new(Some(move || work(tenant))));
    round(1);
    round(2);
    ship(&s, &a);
    let found = plan(&s.store, "", &last(1));
    let between = meanwhile(|tenant| {
        tenant.put("other", &b"other"[..]).expect("put");
    });
    let forgot = s.store.forget(&found, &By::default(), &between).expect("forget");
    assert_eq!((forgot.contents, forgot.receipts.len()), (300, 2));
    assert_eq!(forgot.receipts[1].position.seq, forgot.receipts[0].position.seq + 2, "there was one between");
    round(3);
    ship(&s, &a);
    let found = plan(&s.store, "", &last(1));
    let between = meanwhile(|tenant| {
        tenant.mark("release").expect("mark");
    });
    let error = s.store.forget(&found, &By::default(), &between).expect_err("stale");
    assert_eq!(error.code(), "plan.stale");
    assert!(error.what_next().expect("hint").starts_with("250 of 300 contents were forgotten before that"), "{error:?}");
    assert_eq!(plan(&s.store, "", &last(1)).contents, 50);
    sound(&s.store);
}

#[test]
fn others_may_record_meanwhile_but_nothing_that_bears_on_the_plan() {
    let s = site_with(&["a"], "");
    let (_, a) = memory("a");
    for n in 0..4 {
        s.store.put("large", &large(n)[..]).expect("put");
    }
    ship(&s, &a);
    let stale = |found: &ForgetPlan| {
        let before = (everything(&s.store), s.store.position().expect("position"));
        let error = s.store.forget(found, &By::default(), &Silent).expect_err("stale");
        assert_eq!((error.code(), everything(&s.store), s.store.position().expect("position")), ("plan.stale", before.0, before.1), "{error}");
    };
    let by = By { reason: "a case".into(), ..By::default() };
    let found = plan(&s.store, "", &last(1));
    assert_eq!(found.contents, 3);
    // A version that has again what would go, a mark, a hold: each might be a reason to keep it.
    s.store.put("again", &large(1)[..]).expect("put");
    stale(&found);
    let found = plan(&s.store, "", &last(1));
    assert_eq!(found.contents, 2, "the current one shares its bytes");
    s.store.mark("release").expect("mark");
    stale(&found);
    let found = plan(&s.store, "", &last(1));
    s.store.hold("court", "other/", None, &by).expect("hold");
    stale(&found);
    // Other versions, removals and references are none.
    let found = plan(&s.store, "", &last(1));
    assert_eq!(found.contents, 2);
    s.store.put("large", &large(9)[..]).expect("put");
    s.store.put("more", &b"more"[..]).expect("put");
    s.store.remove("more").expect("remove");
    s.store.add_ref("large", Reference::new("case", "17")).expect("reference");
    assert_eq!(s.store.forget(&found, &By::default(), &Silent).expect("forget").contents, 2);
    assert_eq!(s.store.get("large").expect("get").bytes(1 << 20).expect("bytes"), large(9));
    sound(&s.store);
    stale(&found);
}

#[test]
fn bytes_that_come_again_are_a_new_content_here_and_offsite() {
    let s = site_with(&["a"], "");
    let (_, a) = memory("a");
    five_days(&s);
    ship(&s, &a);
    forget(&s.store, &last(1));
    s.store.gc(false, &Silent).expect("gc");
    s.store.put("small", &b"{\"day\": 2, \"text\": \"the same every day\"}"[..]).expect("put");
    s.store.put("large", &large(1)[..]).expect("put");
    assert_eq!(s.store.get("large").expect("there").bytes(1 << 20).expect("bytes"), large(1));
    assert_eq!(s.store.open(&s.store.find_version("large", Some(&Moment::Version(2))).expect("v2")).err().expect("gone").code(), "content.forgotten");
    ship(&s, &a);
    sound(&s.store);
    let (again, report) = rebuild(&s, &[a], "again", None).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(everything(&again), everything(&s.store));
    sound(&again);
    again.put("small", &b"goes on"[..]).expect("put");
}

#[test]
fn a_remote_that_comes_later_gets_what_is_left() {
    let s = site_with(&["a", "b"], "");
    let ((_, a), (_, b)) = (memory("a"), memory("b"));
    five_days(&s);
    ship(&s, &a);
    forget(&s.store, &last(1));
    s.store.gc(false, &Silent).expect("gc");
    std::fs::remove_dir_all(s.store.dir().join("outbox")).expect("what was sealed before is not at hand");
    // A version that was packed against what is gone is sealed whole.
    ship(&s, &b);
    let (again, report) = rebuild(&s, std::slice::from_ref(&b), "again", None).expect("rebuild");
    assert!(report.gaps.is_empty() && report.bridged.is_empty(), "{report:?}");
    assert_eq!((everything(&again), again.position().expect("position")), (everything(&s.store), s.store.position().expect("position")));
    sound(&again);
    // To a moment before it was forgotten: the records are there, and what nobody has says so.
    let (old, report) = rebuild(&s, std::slice::from_ref(&b), "old", Some(Timestamp(NOON + 4 * DAY))).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    let version = old.find_version("large", Some(&Moment::Version(2))).expect("listed");
    assert!(version.forgotten.as_ref().is_some_and(|f| f.by.is_none()), "{version:?}");
    assert!(old.open(&version).err().expect("no bytes").to_string().contains("come without them"));
    sound(&old);
    // It goes on, and the same bytes are a content of its own there.
    old.put("large", &large(0)[..]).expect("put");
    assert_eq!(old.get("large").expect("there").bytes(1 << 20).expect("bytes"), large(0));
    old.ship(&b, &ShipOptions::default(), &Silent).expect("ship");
    // Both together: whatever sealing is taken, the end is the same.
    let (both, report) = rebuild(&s, &[a], "both", None).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(everything(&both).len(), everything(&s.store).len());
}

#[test]
fn holds_and_marks_keep_and_survive_a_rebuild() {
    let s = site_with(&["a"], "[keep]\nfloor = \"7d\"\n");
    let (_, a) = memory("a");
    let by = By { actor: "806".into(), reason: "before the court".into(), ..By::default() };
    five_days(&s);
    let third = s.store.history("small").expect("history")[2].from.seq;
    ship(&s, &a);
    // Everything is younger than seven days, then nothing is.
    let young = plan(&s.store, "", &last(1));
    assert_eq!((young.contents, young.kept["floor"].versions), (0, 9));
    let low = s.store.plan_forget("", &Rules { within_secs: Some(86_400), ..Rules::default() }, &Silent).expect_err("below the floor");
    assert_eq!((low.kind(), low.code()), (Kind::Refused, "rule.floor"));
    s.clock.advance(30 * DAY);
    assert_eq!(s.store.hold("x", "", None, &By::default()).expect_err("no reason").code(), "hold.reason");
    assert_eq!(s.store.hold("x", "", Some(Timestamp(NOON)), &by).expect_err("past").code(), "hold.past");
    s.store.hold("court", "large", Some(Timestamp(NOON + 60 * DAY)), &by).expect("hold");
    ship(&s, &a);
    let held = plan(&s.store, "", &last(1));
    assert_eq!((held.kept["hold"].versions, held.kept.get("floor")), (4, None), "{held:?}");
    assert!(held.goes.versions > 0);
    let (again, _) = rebuild(&s, std::slice::from_ref(&a), "again", None).expect("rebuild");
    let holds = again.holds().expect("holds");
    assert_eq!(holds, s.store.holds().expect("holds"));
    assert_eq!((holds[0].name.as_str(), holds[0].set.reason.as_str(), holds[0].in_force), ("court", "before the court", true));
    assert_eq!(again.lift("court-18", &by).expect_err("no such").kind(), Kind::Missing);
    // A hold ends when its time comes, or when it is lifted.
    s.clock.advance(40 * DAY);
    assert!(!s.store.holds().expect("holds")[0].in_force);
    assert_eq!(plan(&s.store, "", &last(1)).kept.get("hold"), None);
    s.store.hold("court", "", None, &by).expect("hold everything");
    assert_eq!(plan(&s.store, "", &last(1)).contents, 0);
    s.store.lift("court", &by).expect("lift");
    assert!(s.store.holds().expect("holds").is_empty());
    // A mark keeps what was so then.
    let mut batch = s.store.batch("");
    batch.mark("today").expect("mark");
    batch.commit().expect("commit");
    let back = s.store.restore_at("small", &Moment::Seq(third)).expect("plan");
    s.store.apply(&back, OnConflict::Skip, &by).expect("apply");
    s.clock.advance(30 * DAY);
    ship(&s, &a);
    let marked = plan(&s.store, "small", &last(1));
    assert_eq!(marked.kept["mark"].versions, 1, "{marked:?}");
}

#[test]
fn plans_that_go_back_leave_alone_what_has_no_bytes() {
    let s = site_with(&["a"], "");
    let (_, a) = memory("a");
    five_days(&s);
    ship(&s, &a);
    s.clock.advance(DAY);
    forget(&s.store, &Rules { within_secs: Some(1), ..Rules::default() });
    let by = By::default();
    let error = s.store.restore("large", 2).expect_err("no bytes");
    assert_eq!((error.kind(), error.code()), (Kind::Missing, "content.forgotten"));
    let plan = s.store.rollback("", &Moment::Seq(2)).expect("plan");
    let action = |key: &str| plan.items.iter().find(|item| item.key == key).expect("an item").action;
    assert_eq!((action("large"), action("small"), action("twin")), (Action::Lost, Action::Lost, Action::Remove));
    assert_eq!(plan.summary().lost, 2);
    let applied = s.store.apply(&plan, OnConflict::Override, &by).expect("apply");
    assert_eq!((applied.done, applied.skipped), (1, vec![b"large".to_vec(), b"small".to_vec()]));
    assert_eq!(s.store.get("large").expect("as before").bytes(1 << 20).expect("bytes"), large(4));
    let undo = s.store.undo(5).expect("plan");
    assert!(undo.items.iter().all(|item| item.action == Action::Lost), "{undo:?}");
    // A removed document whose last version is gone cannot be brought back, and is said so.
    let removed = s.store.restore_removed("gone").expect("plan");
    assert_eq!(removed.items[0].action, Action::Lost);
    // A tree of then has what there is, and names the rest.
    let view = s.store.at(&Moment::Seq(2)).expect("at");
    let restored = view.restore_tree(b"", &s.dir.path().join("tree"), &Silent).expect("restore");
    assert_eq!((restored.written.files, restored.refused_count, restored.refused[0].1.code), (0, 2, "content.forgotten"));
    // What was compared with it is passed over.
    let steps: Vec<String> =
        s.store.fields("small", None).expect("fields").map(|step| format!("{:?}", step.expect("step").rows.map(|rows| rows.len()))).collect();
    assert!(steps[1].contains("Forgotten"), "{steps:?}");
    assert_eq!(read(s.store.get("small").expect("there")).len(), 40);
}

#[test]
fn the_simulator_explains_every_version() {
    let s = site_with(&["a"], "");
    let (_, a) = memory("a");
    five_days(&s);
    ship(&s, &a);
    let mut said = Vec::new();
    let rules = Rules { within_secs: Some(86_400), daily: Some(3), ..Rules::default() };
    let found = s.store.simulate("small", &rules, &Silent, &mut |judged| {
        said.push((judged.version.number, judged.keeps.map(|keeps| keeps.why())));
        Ok(())
    });
    assert_eq!(found.expect("plan").rules.words(), "within 1d, daily 3");
    let why = |text: &str| Some(text.to_owned());
    let want = [
        (1, why("a version that is kept has the same bytes")),
        (2, None),
        (3, why("daily: it was so at the end of 2026-03-03")),
        (4, why("daily: it was so at the end of 2026-03-04")),
        (5, why("the document is this now")),
    ];
    assert_eq!(said, want);
}

fn names(memory: &Memory) -> Vec<String> {
    memory.names()
}

fn stored(memory: &Memory) -> u64 {
    memory.list("", &Silent).expect("list").into_iter().map(|o| o.size).sum()
}

/// Each day a shipment of its own, so that each version is packed against the one before it in another slice.
fn days(s: &Site, to: &OpenRemote, days: u64) {
    for n in 0..days {
        let mut batch = s.store.batch(&format!("day {n}"));
        batch.put("small", format!("{{\"day\": {n}, \"text\": \"{}\"}}", "the same every day ".repeat(40)).as_bytes()).expect("put");
        batch.put("large", &large(n)[..]).expect("put");
        batch.commit().expect("commit");
        ship(s, to);
        s.clock.advance(DAY);
    }
}

fn compact(s: &Site, from: &OpenRemote, options: &CompactOptions) -> CompactReport {
    s.store.compact(from, options, &Silent).expect("compact")
}

#[test]
fn what_was_forgotten_leaves_the_remote_after_the_grace_period() {
    let s = site_with(&["a"], "");
    let (memory, a) = memory("a");
    days(&s, &a, 8);
    assert_eq!(compact(&s, &a, &CompactOptions::default()), CompactReport { remote: "a".into(), ..CompactReport::default() });
    let seven = s.store.history("large").expect("history")[5].from.seq;
    forget(&s.store, &last(2));
    s.store.gc(false, &Silent).expect("gc");
    ship(&s, &a);
    let (before, all) = (names(&memory), stored(&memory));
    let dry = compact(&s, &a, &CompactOptions { dry_run: true, ..CompactOptions::default() });
    assert!(dry.slices >= 6 && dry.objects == 0 && names(&memory) == before, "{dry:?}");
    let want = everything(&s.store);
    let none = compact(&s, &a, &CompactOptions { allowance_bytes: Some(0), ..CompactOptions::default() });
    assert!(none.objects == 0 && none.beyond_allowance > 0 && names(&memory) == before, "{none:?}");
    let done = compact(&s, &a, &CompactOptions::default());
    assert!(done.slices >= 6 && done.removed == 0 && done.waiting >= 6 && done.replaced_bytes > 6 * 60_000, "{done:?}");
    assert!(names(&memory).len() > before.len() && before.iter().all(|name| names(&memory).contains(name)), "nothing goes at once");
    // With both sealings there, and with the new ones alone, the site is rebuilt as it is.
    let rebuilt = |into: &str| {
        let (again, report) = rebuild(&s, std::slice::from_ref(&a), into, None).expect("rebuild");
        assert!(report.gaps.is_empty() && report.bridged.is_empty(), "{report:?}");
        assert_eq!((everything(&again), again.position().expect("position")), (want.clone(), s.store.position().expect("position")));
        sound(&again);
    };
    rebuilt("both");
    assert_eq!(compact(&s, &a, &CompactOptions::default()).objects, 0, "nothing is left to do");
    s.clock.advance(8 * DAY);
    let gone = compact(&s, &a, &CompactOptions::default());
    assert_eq!((gone.removed, gone.waiting, gone.objects), (done.waiting, 0, 0), "{gone:?}");
    assert!(stored(&memory) < all - 5 * 60_000, "{} of {all}", stored(&memory));
    rebuilt("new");
    // What is known of the remote is true.
    assert!(s.store.verify_remote(&a, true, &Silent).expect("verify").problems.is_empty());
    assert_eq!(s.store.heal(std::slice::from_ref(&a), &Silent).expect("heal").damaged, 0);
    // A moment from before has what is left, and says what is not.
    let (old, report) =
        rebuild(&s, std::slice::from_ref(&a), "old", s.store.batches(seven, seven, 1).expect("batch").first().map(|b| b.event.time)).expect("old");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert!(old.get("large").err().is_none_or(|e| e.code() == "content.forgotten"));
    // It goes on.
    s.store.put("large", &large(99)[..]).expect("put");
    ship(&s, &a);
    let (again, _) = rebuild(&s, &[a], "on", None).expect("rebuild");
    assert_eq!(everything(&again), everything(&s.store));
}

#[test]
fn a_slice_that_waits_is_sealed_again_without_what_it_leaned_on() {
    let s = site_with(&["a", "b"], "");
    let ((_, a), (_, b)) = (memory("a"), memory("b"));
    days(&s, &a, 3);
    // What waits for the second remote was sealed before; its bases go.
    forget(&s.store, &last(1));
    s.store.gc(false, &Silent).expect("gc");
    ship(&s, &b);
    let (again, report) = rebuild(&s, &[b], "again", None).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(everything(&again), everything(&s.store));
    sound(&again);
}

#[test]
fn a_compaction_that_is_cut_anywhere_leaves_a_readable_remote_and_goes_on() {
    let s = site_with(&["a"], "");
    let memory = std::sync::Arc::new(Recording::new(Memory::new()));
    let a = OpenRemote::new("a", memory.clone());
    days(&s, &a, 5);
    forget(&s.store, &last(1));
    s.store.gc(false, &Silent).expect("gc");
    ship(&s, &a);
    let want = everything(&s.store);
    // Old objects go as soon as they may, so that everything that can be cut is cut.
    let options = CompactOptions { grace_secs: 0, ..CompactOptions::default() };
    let faults = [(Verb::Store, Fault::Drop), (Verb::Store, Fault::DropAfter), (Verb::Store, Fault::Truncate(20)), (Verb::Verify, Fault::Drop)];
    let faults = faults.into_iter().chain([(Verb::Remove, Fault::Drop), (Verb::Remove, Fault::DropAfter)]);
    let mut cut = 0;
    for (round, (verb, fault)) in faults.cycle().take(30).enumerate() {
        // One call goes through, the next one does not.
        memory.inject(verb, 1, 1, fault);
        let ended = (0..2).all(|_| s.store.compact(&a, &options, &Silent).inspect_err(|_| cut += 1).is_ok());
        memory.heal();
        if round % 3 == 0 || ended {
            let (again, report) = rebuild(&s, std::slice::from_ref(&a), &format!("r{round}"), None).expect("rebuild");
            assert!(report.gaps.is_empty(), "{round}: {report:?}");
            assert_eq!(everything(&again), want, "{round}");
        }
    }
    assert!(cut >= 5, "{cut} cuts");
    let done = s.store.compact(&a, &options, &Silent).expect("the end");
    assert_eq!((done.objects, done.waiting), (0, 0), "{done:?}");
    assert!(s.store.verify_remote(&a, true, &Silent).expect("verify").problems.is_empty());
    let names = memory.inner().names();
    assert!(names.len() < 14, "{names:#?}");
}
