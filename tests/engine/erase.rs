//! What was erased is gone: here, on the remotes, and for every later rebuild; everybody who looks is told so, and nobody calls it damage.

use std::path::Path;
use std::sync::Arc;

use annals::base::monitor::Silent;
use annals::base::time::Timestamp;
use annals::engine::compact::CompactOptions;
use annals::engine::erase::Erased;
use annals::engine::offsite::{OpenRemote, ShipOptions};
use annals::engine::plans::By;
use annals::engine::verify::Level;
use annals::model::moment::Moment;
use annals::storage::remote::{Fault, Memory, Recording, Remote, Verb};
use annals::{Kind, Store, Tenant};

use crate::forget::{large, ship, site_with, sound};
use crate::support::{NOON, Site, memory, read, rebuild};

const DECLARED: &str = "[erasable]\nprefixes = [\"person/\"]\n";

/// A text that nothing packs, so that it can be looked for in files as it is.
fn secret(n: u64) -> Vec<u8> {
    large(1000 + n)[..3000].to_vec()
}

fn by() -> By {
    By { actor: "806".into(), reason: "asked for it".into(), ..By::default() }
}

fn erase(tenant: &Tenant, subject: &str) -> Erased {
    let plan = tenant.plan_erase(subject).expect("plan");
    tenant.erase(&plan, &by(), &Silent).expect("erase")
}

/// Whether any file below a directory has these bytes.
fn lies_in(dir: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("entries").flatten() {
            if entry.file_type().expect("type").is_dir() {
                folders.push(entry.path());
            } else if has(&std::fs::read(entry.path()).expect("file"), needle) {
                found.push(entry.path().display().to_string());
            }
        }
    }
    found
}

/// Whether these bytes are among others. Pages of zeros are passed over: a journal is mostly that.
fn has(bytes: &[u8], needle: &[u8]) -> bool {
    const ZEROS: [u8; 8192] = [0; 8192];
    (0..bytes.len()).step_by(4096).any(|from| {
        let page = &bytes[from..bytes.len().min(from + 4096 + needle.len())];
        page != &ZEROS[..page.len()] && page.windows(needle.len()).any(|window| window[0] == needle[0] && window == needle)
    })
}

/// Two persons and a letter; one document of a person is large, one small, and there are versions.
fn lives(s: &Site) {
    for n in 0..3u64 {
        let mut batch = s.store.batch(&format!("step {n}"));
        batch.put("person/1/notes", &secret(n)[..]).expect("put");
        batch.put("person/1/picture", &large(n)[..]).expect("put");
        batch.put("person/2/notes", &secret(10 + n)[..]).expect("put");
        batch.put("letters/a", format!("letter {n}").as_bytes()).expect("put");
        batch.commit().expect("commit");
        s.minute();
    }
}

fn key_objects(place: &Memory) -> Vec<String> {
    place.names().into_iter().filter(|name| name.contains("/subjects-")).collect()
}

#[test]
fn an_erased_subject_is_gone_here_and_there_and_the_others_are_whole() {
    let s = site_with(&["a"], DECLARED);
    let (place, a) = memory("a");
    lives(&s);
    ship(&s, &a);
    let before = key_objects(&place);
    assert_eq!(before.len(), 1, "both subjects have keys in one object");
    let keys_before = place.bytes(&before[0]).expect("bytes");
    assert!(!lies_in(s.store.dir(), &secret(0)[..64]).is_empty(), "the test looks for what it can find");
    s.minute();
    let done = erase(&s.store, "person/1");
    assert_eq!((done.contents, done.left_here.as_deref()), (6, None));
    assert!(s.store.status().expect("status").remotes[0].pending.keys, "the remote has the key until the next shipment");
    assert_eq!(s.store.graves().expect("graves")[0].pending, ["a"]);
    for (n, what) in (0..3).flat_map(|n| [(n, secret(n)), (n, large(n))]) {
        for part in [&what[..64], &what[what.len() - 64..]] {
            assert_eq!(lies_in(s.store.dir(), part), Vec::<String>::new(), "step {n}");
        }
    }
    told_as_erased(&s.store, "person/1/notes", 3);
    assert!(s.store.list("person/1").next().is_none(), "its documents do not exist any more");
    sound(&s.store);
    ship(&s, &a);
    let status = s.store.status().expect("status");
    assert!(status.remotes[0].pending.is_none() && !status.erasure_left_here, "{:?}", status.remotes[0].pending);
    assert!(s.store.graves().expect("graves")[0].pending.is_empty());
    let after = key_objects(&place);
    assert!(after.len() == 1 && after != before, "{after:?}");
    assert_ne!(place.bytes(&after[0]).expect("bytes"), keys_before);
    // What is there now gives the others, and says that this one was erased.
    let (again, report) = rebuild(&s, &[a], "again", None).expect("rebuild");
    assert!(report.gaps.is_empty() && report.bridged.is_empty(), "{report:?}");
    assert_eq!(again.position().expect("position").digest, s.store.position().expect("position").digest);
    told_as_erased(&again, "person/1/notes", 3);
    assert_eq!(again.get("person/2/notes").expect("there").bytes(1 << 20).expect("bytes"), secret(12));
    sound(&again);
}

/// Every version of a document says when, by whom and why it was erased.
fn told_as_erased(store: &Store, key: &str, versions: usize) {
    let all = store.history(key).expect("history");
    assert_eq!(all.len(), versions);
    for version in &all {
        let forgotten = version.forgotten.as_ref().expect("forgotten");
        let by = forgotten.by.as_ref().expect("by");
        assert!(forgotten.erased && (by.actor.as_str(), by.reason.as_str()) == ("806", "asked for it"), "{forgotten:?}");
        let e = store.open(version).err().expect("erased");
        assert_eq!((e.kind(), e.code()), (Kind::Missing, "content.erased"));
        assert!(e.to_string().contains("by 806") && e.to_string().contains("asked for it") && e.to_string().contains("2026-03-01"), "{e}");
    }
}

#[test]
fn a_rebuild_to_an_earlier_moment_has_no_more_of_it() {
    let s = site_with(&["a"], DECLARED);
    let (_, a) = memory("a");
    lives(&s);
    ship(&s, &a);
    s.minute();
    let early = Timestamp(NOON + 90_000_000);
    let (whole, _) = rebuild(&s, std::slice::from_ref(&a), "whole", Some(early)).expect("rebuild");
    assert!(whole.get("person/1/notes").is_ok());
    erase(&s.store, "person/1");
    ship(&s, &a);
    let (then, report) = rebuild(&s, &[a], "then", Some(early)).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(then.get("person/1/notes").err().map(|e| e.code()), Some("content.erased"));
    told_as_erased(&then, "person/1/notes", 2);
    assert_eq!(lies_in(then.dir(), &secret(0)[..64]), Vec::<String>::new());
    assert_eq!(read(then.get("letters/a").expect("there")), "letter 1");
}

#[test]
fn what_was_recorded_before_the_declaration_leaves_the_remotes_with_compaction() {
    let s = site_with(&["a"], "");
    let (place, a) = memory("a");
    lives(&s);
    // A document outside that has the same bytes as one of the person: those are its own.
    s.store.put("letters/copy", &secret(2)[..]).expect("put");
    ship(&s, &a);
    let s = declare(s);
    s.store.put("person/1/notes", &secret(3)[..]).expect("put");
    ship(&s, &a);
    let plan = s.store.plan_erase("person/1").expect("plan");
    assert_eq!((plan.contents, plan.bare, plan.shared, &plan.outside[..]), (6, 5, 1, &["letters/copy".to_owned()][..]));
    assert!(plan.remotes[0].1 > 0, "{:?}", plan.remotes);
    let old: Vec<String> = place.names();
    s.minute();
    s.store.erase(&plan, &by(), &Silent).expect("erase");
    ship(&s, &a);
    let pending = s.store.status().expect("status").remotes[0].pending;
    assert!(!pending.keys && pending.objects > 0, "{pending:?}");
    // Older segments still have it: whoever rebuilds from them drops it all the same, also to a moment before.
    let early = Timestamp(NOON + 90_000_000);
    for (into, at) in [("now", None), ("then", Some(early))] {
        let (again, _) = rebuild(&s, std::slice::from_ref(&a), into, at).expect("rebuild");
        assert_eq!(again.history("person/1/notes").expect("history")[0].forgotten.as_ref().map(|f| f.erased), Some(true), "{into}");
        assert_eq!(lies_in(again.dir(), &secret(0)[..64]), Vec::<String>::new(), "{into}");
    }
    // The rules of compaction would leave it, because it costs more than it frees; the law does not.
    let options = CompactOptions { grace_secs: 0, ..CompactOptions::default() };
    assert!(s.store.compaction_waits("a", &options).expect("waits"));
    s.store.compact(&a, &options, &Silent).expect("compact");
    s.store.compact(&a, &options, &Silent).expect("compact");
    assert!(s.store.status().expect("status").remotes[0].pending.is_none());
    assert!(old.iter().filter(|name| name.ends_with(".seg")).any(|name| !place.names().contains(name)));
    let (again, report) = rebuild(&s, &[a], "clean", None).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(again.get("letters/copy").expect("there").bytes(1 << 20).expect("bytes"), secret(2));
    sound(&again);
}

/// The same site with the prefix declared.
fn declare(s: Site) -> Site {
    let path = s.store.dir().join("annals.toml");
    let text = std::fs::read_to_string(&path).expect("read") + DECLARED;
    std::fs::write(&path, text).expect("write");
    let Site { store, clock, dir } = s;
    let at = store.dir().to_owned();
    drop(store);
    let store = Store::builder().clock(clock.clone()).open(&at).expect("open");
    Site { store, clock, dir }
}

#[test]
fn holds_win_and_what_is_no_subject_is_told_what_would_be_one() {
    let s = site_with(&[], DECLARED);
    lives(&s);
    s.store.hold("court", "person/1/notes", None, &by()).expect("hold");
    let e = s.store.plan_erase("person/1").expect_err("held");
    assert_eq!((e.kind().exit(), e.code()), (14, "rule.held"), "{e}");
    s.store.lift("court", &by()).expect("lift");
    let e = s.store.plan_erase("person/1/notes").expect_err("a part");
    assert!(e.code() == "erase.part" && e.what_next().is_some_and(|hint| hint.contains("annals erase person/1")), "{e}");
    let e = s.store.plan_erase("letters/a").expect_err("undeclared");
    assert!(e.kind().exit() == 14 && e.what_next().is_some_and(|hint| hint.contains("prefixes = [\"letters/\"]")), "{e}");
    assert_eq!(s.store.plan_erase("person/7").expect_err("nobody").kind(), Kind::Missing);
    // What changed meanwhile is looked at again.
    let plan = s.store.plan_erase("person/1").expect("plan");
    s.store.put("person/1/notes", &b"more"[..]).expect("put");
    assert_eq!(s.store.erase(&plan, &by(), &Silent).expect_err("stale").code(), "plan.stale");
    assert!(s.store.get("person/1/notes").is_ok() && s.store.graves().expect("graves").is_empty());
}

#[test]
fn a_subject_that_comes_again_has_a_new_key_and_the_same_bytes_are_a_new_content() {
    let s = site_with(&["a"], DECLARED);
    let (_, a) = memory("a");
    lives(&s);
    ship(&s, &a);
    s.minute();
    erase(&s.store, "person/1");
    s.store.put("person/1/notes", &secret(2)[..]).expect("put");
    ship(&s, &a);
    assert_eq!(s.store.get("person/1/notes").expect("there").bytes(1 << 20).expect("bytes"), secret(2));
    let (again, report) = rebuild(&s, std::slice::from_ref(&a), "again", None).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(again.get("person/1/notes").expect("there").bytes(1 << 20).expect("bytes"), secret(2));
    let all = again.history("person/1/notes").expect("history");
    assert_eq!(all.iter().map(|v| v.forgotten.is_some()).collect::<Vec<_>>(), [true, true, true, false]);
    s.minute();
    erase(&s.store, "person/1");
    assert_eq!(s.store.graves().expect("graves").len(), 2);
    ship(&s, &a);
    let (last, _) = rebuild(&s, &[a], "last", None).expect("rebuild");
    assert!(last.history("person/1/notes").expect("history").iter().all(|v| v.forgotten.as_ref().is_some_and(|f| f.erased)));
}

#[test]
fn bytes_of_several_subjects_are_never_one_content() {
    let s = site_with(&["a"], DECLARED);
    let (_, a) = memory("a");
    let mut batch = s.store.batch("the same for all");
    for key in ["person/1/form", "person/2/form", "letters/form", "person/1/again"] {
        batch.put(key, &secret(5)[..]).expect("put");
    }
    batch.commit().expect("commit");
    // A copy outside, made of what the person had.
    let version = s.store.history("person/1/form").expect("history").remove(0);
    assert_eq!(version.number, 1);
    ship(&s, &a);
    let plan = s.store.plan_erase("person/1").expect("plan");
    assert_eq!((plan.contents, plan.shared, plan.existing), (1, 2, 2), "{plan:?}");
    assert_eq!(plan.outside, ["letters/form", "person/2/form"]);
    s.store.erase(&plan, &by(), &Silent).expect("erase");
    ship(&s, &a);
    let (again, report) = rebuild(&s, &[a], "again", None).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    for store in [&s.store, &again] {
        for key in ["person/2/form", "letters/form"] {
            assert_eq!(store.get(key).expect("there").bytes(1 << 20).expect("bytes"), secret(5), "{key}");
        }
        told_as_erased(store, "person/1/form", 1);
        told_as_erased(store, "person/1/again", 1);
    }
}

#[test]
fn undo_rollback_and_restore_leave_alone_what_was_erased() {
    let s = site_with(&["a"], DECLARED);
    lives(&s);
    s.minute();
    let batch = erase(&s.store, "person/1").receipt.position.seq;
    let undo = s.store.undo(batch).expect("plan");
    assert!(undo.items.iter().all(|item| item.action == annals::model::plan::Action::Lost), "{:?}", undo.items);
    let back = s.store.rollback("", &Moment::Seq(1)).expect("plan");
    let done = s.store.apply(&back, annals::model::plan::OnConflict::Skip, &by()).expect("apply");
    assert!(done.receipt.is_some());
    assert!(s.store.list("person/1").next().is_none());
    assert_eq!(s.text("letters/a"), "letter 0");
    sound(&s.store);
}

#[test]
fn open_batches_lose_what_they_have_of_it() {
    let s = site_with(&[], DECLARED);
    lives(&s);
    let draft = s.store.begin_draft("806", "later").expect("begin");
    for key in ["person/1/notes", "person/2/notes"] {
        s.store.add_to_draft(draft, key.as_bytes(), Some(&mut &secret(7)[..]), annals::Meta::default()).expect("add");
    }
    assert_eq!(s.store.plan_erase("person/1").expect("plan").drafts, 1);
    erase(&s.store, "person/1");
    let left: Vec<Vec<u8>> = s.store.open_changes(draft).expect("changes").into_iter().map(|c| c.key).collect();
    assert_eq!(left, [b"person/2/notes".to_vec()]);
}

#[test]
fn a_remote_that_was_away_gets_it_when_it_comes_back() {
    let s = site_with(&["a", "b"], DECLARED);
    let ((_, a), (far, b)) = (memory("a"), memory("b"));
    lives(&s);
    ship(&s, &a);
    ship(&s, &b);
    let keys = key_objects(&far);
    s.minute();
    erase(&s.store, "person/1");
    ship(&s, &a);
    s.store.put("letters/a", &b"later"[..]).expect("put");
    ship(&s, &a);
    assert_eq!(key_objects(&far), keys);
    let status = s.store.status().expect("status");
    assert_eq!(status.remotes.iter().map(|r| r.pending.keys).collect::<Vec<_>>(), [false, true]);
    assert_eq!(s.store.graves().expect("graves")[0].pending, ["b"]);
    ship(&s, &b);
    assert!(key_objects(&far).len() == 1 && key_objects(&far) != keys);
    assert!(s.store.status().expect("status").remotes.iter().all(|r| r.pending.is_none()));
    let (again, report) = rebuild(&s, &[b], "again", None).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    told_as_erased(&again, "person/1/notes", 3);
}

#[test]
fn a_rebuilt_site_goes_on_with_the_keys_and_the_tombstones() {
    let s = site_with(&["a"], DECLARED);
    let (place, a) = memory("a");
    lives(&s);
    ship(&s, &a);
    s.minute();
    erase(&s.store, "person/1");
    ship(&s, &a);
    let (again, _) = rebuild(&s, std::slice::from_ref(&a), "again", None).expect("rebuild");
    let dir = again.dir().to_owned();
    drop(again);
    let text = std::fs::read_to_string(dir.join("annals.toml")).expect("read");
    std::fs::write(dir.join("annals.toml"), text + DECLARED + "[[remote]]\nname = \"a\"\ndirectory = \"/nowhere\"\n").expect("write");
    let again = Store::builder().clock(s.clock.clone()).open(&dir).expect("open");
    assert_eq!(again.graves().expect("graves").len(), 1);
    again.put("person/2/notes", &secret(20)[..]).expect("put");
    again.put("person/3/notes", &secret(21)[..]).expect("put");
    again.ship(&a, &ShipOptions::default(), &Silent).expect("ship");
    s.minute();
    erase(&again, "person/2");
    again.ship(&a, &ShipOptions::default(), &Silent).expect("ship");
    assert_eq!(key_objects(&place).len(), 1);
    let (last, report) = rebuild(&s, &[a], "last", None).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert!(last.history("person/2/notes").expect("history").iter().all(|v| v.forgotten.is_some()));
    assert_eq!(last.get("person/3/notes").expect("there").bytes(1 << 20).expect("bytes"), secret(21));
    sound(&last);
}

#[test]
fn key_objects_that_nobody_knew_of_are_found_and_go() {
    let s = site_with(&["a"], DECLARED);
    let (place, a) = memory("a");
    lives(&s);
    ship(&s, &a);
    let old = key_objects(&place).remove(0);
    let bytes = place.bytes(&old).expect("bytes");
    s.minute();
    erase(&s.store, "person/1");
    ship(&s, &a);
    // A copy that came back, as from a shipment whose end nobody saw, before the next subject is erased.
    place.put(&old, &bytes);
    s.minute();
    erase(&s.store, "person/2");
    ship(&s, &a);
    assert!(!place.names().contains(&old), "{:?}", key_objects(&place));
    assert_eq!(key_objects(&place).len(), 1);
}

#[test]
fn a_shipment_of_an_erasure_that_is_cut_anywhere_is_pending_until_it_has_ended() {
    let faults = [
        (Verb::Store, Fault::Drop),
        (Verb::Store, Fault::DropAfter),
        (Verb::Store, Fault::Truncate(20)),
        (Verb::Store, Fault::TruncateSilently(20)),
        (Verb::Verify, Fault::Drop),
        (Verb::List, Fault::Drop),
        (Verb::Remove, Fault::Drop),
        (Verb::Remove, Fault::DropAfter),
        (Verb::Remove, Fault::Deny),
    ];
    for (n, (verb, fault)) in (0..3).flat_map(|n| faults.iter().map(move |fault| (n, fault.clone()))) {
        let about = format!("{verb:?} {n}: {fault:?}");
        let s = site_with(&["a"], DECLARED);
        let place = Arc::new(Recording::new(Memory::new()));
        let a = OpenRemote::new("a", place.clone());
        lives(&s);
        ship(&s, &a);
        let old = key_objects(place.inner());
        s.minute();
        erase(&s.store, "person/1");
        place.inject(verb, n, 1, fault);
        let first = s.store.ship(&a, &ShipOptions::default(), &Silent);
        let pending = s.store.status().expect("status").remotes[0].pending.keys;
        let there = key_objects(place.inner());
        assert!(pending || there.iter().all(|name| !old.contains(name)), "{about}: {there:?}");
        assert!(first.is_err() || !pending, "{about}: it was said to have ended");
        place.heal();
        ship(&s, &a);
        let there = key_objects(place.inner());
        assert!(there.len() == 1 && there != old, "{about}: {there:?}");
        assert!(s.store.status().expect("status").remotes[0].pending.is_none(), "{about}");
        let (again, report) = rebuild(&s, &[a], "again", None).expect("rebuild");
        assert!(report.gaps.is_empty(), "{about}: {report:?}");
        told_as_erased(&again, "person/1/notes", 3);
        assert_eq!(again.get("person/2/notes").expect("there").bytes(1 << 20).expect("bytes"), secret(12), "{about}");
    }
}

#[test]
fn a_lost_key_object_is_found_by_verification_and_sent_again() {
    let s = site_with(&["a"], DECLARED);
    let (place, a) = memory("a");
    lives(&s);
    ship(&s, &a);
    let names = key_objects(&place);
    place.remove(&names, &Silent).expect("remove");
    let report = s.store.verify_remote(&a, false, &Silent).expect("verify");
    assert!(report.problems.len() == 1 && report.problems[0].what.contains("keys of subjects"), "{:?}", report.problems);
    ship(&s, &a);
    assert_eq!(key_objects(&place), names);
    assert!(s.store.verify_remote(&a, true, &Silent).expect("verify").problems.is_empty());
}

#[test]
fn without_the_key_object_the_contents_are_missing_and_the_rest_is_there() {
    let s = site_with(&["a"], DECLARED);
    let (place, a) = memory("a");
    lives(&s);
    ship(&s, &a);
    let names = key_objects(&place);
    let bytes = place.bytes(&names[0]).expect("bytes");
    place.remove(&names, &Silent).expect("remove");
    let (again, report) = rebuild(&s, std::slice::from_ref(&a), "again", None).expect("rebuild");
    assert!(report.gaps.iter().any(|gap| gap.reasons[0].contains("key object")), "{report:?}");
    assert_eq!(read(again.get("letters/a").expect("there")), "letter 2");
    let e = again.get("person/2/notes").err().expect("locked");
    assert_ne!(e.code(), "content.erased", "nobody erased it: {e}");
    let found = again.verify(Level::Full, &Silent).expect("verify");
    assert!(!found.problems.is_empty(), "what a document is now and cannot be read is damage");
    // It turns up again.
    place.put(&names[0], &bytes);
    let healed = again.heal(&[a], &Silent).expect("heal");
    assert!(healed.left.is_empty() && healed.healed > 0, "{healed:?}");
    assert_eq!(again.get("person/2/notes").expect("there").bytes(1 << 20).expect("bytes"), secret(12));
    sound(&again);
}

#[test]
fn what_is_outside_is_not_packed_against_it_nor_the_other_way_round() {
    // The same large text everywhere, a little changed: worth a base wherever one may be.
    let s = site_with(&["a"], DECLARED);
    let (_, a) = memory("a");
    let text = |n: u8| {
        let mut text = large(77);
        text[usize::from(n) * 100] ^= 0xff;
        text
    };
    for (n, key) in ["letters/a", "person/1/a", "person/2/a", "letters/b", "person/1/b", "person/2/b"].iter().enumerate() {
        s.store.put(key, &text(n as u8)[..]).expect("put");
        s.minute();
        ship(&s, &a);
    }
    erase(&s.store, "person/1");
    ship(&s, &a);
    let (again, report) = rebuild(&s, &[a], "again", None).expect("rebuild");
    assert!(report.gaps.is_empty() && report.bridged.is_empty(), "{report:?}");
    for (n, key) in [(0, "letters/a"), (2, "person/2/a"), (3, "letters/b"), (5, "person/2/b")] {
        assert_eq!(again.get(key).expect("there").bytes(1 << 20).expect("bytes"), text(n), "{key}");
    }
    sound(&again);
}

#[test]
fn without_a_declaration_nothing_is_in_a_box() {
    let s = site_with(&["a"], "");
    let (place, a) = memory("a");
    lives(&s);
    ship(&s, &a);
    assert!(key_objects(&place).is_empty());
    assert_eq!(s.store.plan_erase("person/1").err().map(|e| e.code()), Some("erase.undeclared"));
}
