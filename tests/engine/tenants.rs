//! Tenants that are dropped: complete until their day, gone after it, here and in every rebuilt store.

use annals::base::monitor::{Monitor, Progress, Silent};
use annals::engine::compact::CompactOptions;
use annals::engine::plans::By;
use annals::model::retention::Rules;
use annals::{Kind, Store, Timestamp};

use crate::forget::{everything, large, plan, ship, site_with, sound};
use crate::support::{NOON, memory, rebuild};

const DAY: i64 = 86_400_000_000;

fn by(reason: &str) -> By {
    By { actor: "806".into(), reason: reason.into(), ..By::default() }
}

/// The code of the refusal to open a tenant.
fn refused(store: &Store, name: &str) -> &'static str {
    store.tenant(name).err().expect("it is not in use").code()
}

#[test]
fn a_dropped_tenant_is_complete_on_day_29_and_gone_on_day_31() {
    let s = site_with(&["a"], "[keep]\nfloor = \"7d\"\nafter_tenant_drop = \"30d\"\n");
    let (_, a) = memory("a");
    let b = s.store.add_tenant("kommune-b").expect("tenant");
    b.put("case/1", &b"one"[..]).expect("put");
    b.put("case/1", &b"two"[..]).expect("put");
    b.put("scan", &large(1)[..]).expect("put");
    b.put("removed", &large(2)[..]).expect("put");
    b.remove("removed").expect("remove");
    s.store.put("twin", &large(1)[..]).expect("put");
    ship(&s, &a);
    let before = everything(&b);
    let drop = |keep| s.store.drop_tenant("kommune-b", keep, &by("contract ended"));
    assert_eq!(drop(Some(86_400)).expect_err("below the floor").code(), "rule.floor");
    assert_eq!(s.store.drop_tenant("kommune-b", None, &By::default()).expect_err("no reason").kind(), Kind::Usage);
    assert_eq!(s.store.drop_tenant("main", None, &by("x")).expect_err("the default one").code(), "tenant.main");
    assert_eq!(s.store.undrop_tenant("kommune-b", &by("")).expect_err("in use").code(), "tenant.in_use");
    let (_, until) = drop(None).expect("dropped");
    assert_eq!(until, Timestamp(NOON + 30 * DAY));
    // Nobody reads it or records to it, and everybody is told what brings it back.
    let error = s.store.tenant("kommune-b").err().expect("dropped");
    assert_eq!((error.kind(), error.code()), (Kind::Missing, "tenant.dropped"));
    assert!(error.to_string().contains("by 806 (contract ended); it is kept until 31 Mar 2026"), "{error}");
    assert!(error.what_next().expect("hint").contains("annals tenant undrop kommune-b"), "{error:?}");
    let error = b.put("case/2", &b"more"[..]).expect_err("nothing is recorded");
    assert_eq!((error.kind(), error.code()), (Kind::Refused, "tenant.dropped"));
    ship(&s, &a);
    s.clock.advance(29 * DAY);
    assert_eq!(s.store.let_go(&Silent).expect("look"), annals::engine::tenancy::LetGo::default());
    s.store.undrop_tenant("kommune-b", &by("they stay")).expect("back");
    assert_eq!(everything(&s.store.tenant("kommune-b").expect("in use")), before, "day 29: complete");
    b.put("case/1", &b"three"[..]).expect("it is in use");
    let before = everything(&b);
    drop(None).expect("dropped again");
    s.clock.advance(31 * DAY);
    // A rebuild must not bring it back as one in use: the remote is told first.
    let waits = s.store.let_go(&Silent).expect("look");
    assert_eq!(waits.waiting, [("kommune-b".to_owned(), "a was not told yet that it was dropped".to_owned())]);
    assert_eq!(everything(&b), before);
    ship(&s, &a);
    let gone = s.store.let_go(&Silent).expect("let go");
    assert_eq!((gone.tenants, gone.contents), (vec!["kommune-b".to_owned()], 5));
    assert!(s.store.gc(false, &Silent).expect("gc").orphans > 0);
    assert!(everything(&b).values().all(Option::is_none), "day 31: gone");
    assert!(b.history("case/1").expect("what was recorded stays").iter().all(|version| version.forgotten.is_some()));
    assert_eq!((refused(&s.store, "kommune-b"), s.store.dropped().expect("list")[0].gone.is_some()), ("tenant.gone", true));
    assert_eq!(s.store.undrop_tenant("kommune-b", &by("too late")).expect_err("gone").code(), "tenant.gone");
    assert_eq!(s.store.let_go(&Silent).expect("again").tenants, Vec::<String>::new());
    // Another tenant's document with the same bytes is untouched, and nothing of it is damage.
    assert!(s.store.get("twin").expect("get").bytes(1 << 20).expect("bytes") == large(1));
    sound(&s.store);
    // Remotes are rid of it like of everything that was forgotten, and a rebuilt store comes to the same.
    ship(&s, &a);
    let compacted = s.store.compact(&a, &CompactOptions { grace_secs: 0, ..CompactOptions::default() }, &Silent).expect("compact");
    assert!(compacted.replaced_bytes > 100_000 && compacted.bytes < 10_000, "{compacted:?}");
    let (again, report) = rebuild(&s, std::slice::from_ref(&a), "again", None).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(refused(&again, "kommune-b"), "tenant.gone");
    assert!(again.get("twin").expect("get").bytes(1 << 20).expect("bytes") == large(1));
    sound(&again);
}

#[test]
fn a_rebuilt_store_knows_what_was_dropped_and_can_bring_it_back() {
    let s = site_with(&["a"], "");
    let (_, a) = memory("a");
    let b = s.store.add_tenant("kommune-b").expect("tenant");
    b.put("case/1", &b"one"[..]).expect("put");
    let before = everything(&b);
    s.store.drop_tenant("kommune-b", Some(5 * 86_400), &by("contract ended")).expect("dropped");
    ship(&s, &a);
    let (again, _) = rebuild(&s, std::slice::from_ref(&a), "again", None).expect("rebuild");
    assert_eq!(refused(&again, "kommune-b"), "tenant.dropped");
    assert_eq!(again.dropped().expect("list")[0].until, Timestamp(NOON + 5 * DAY));
    again.undrop_tenant("kommune-b", &by("they stay")).expect("back");
    assert_eq!(everything(&again.tenant("kommune-b").expect("in use")), before);
}

#[test]
fn a_hold_keeps_a_tenant_whatever_was_decided() {
    let s = site_with(&[], "");
    let b = s.store.add_tenant("kommune-b").expect("tenant");
    b.put("case/1", &b"one"[..]).expect("put");
    b.hold("court", "case/", None, &by("case 17-2")).expect("hold");
    let refused = s.store.drop_tenant("kommune-b", None, &by("contract ended")).expect_err("held");
    assert_eq!((refused.kind(), refused.code()), (Kind::Refused, "rule.hold"));
    assert!(s.store.tenant("kommune-b").is_ok(), "nothing was changed");
    b.lift("court", &by("over")).expect("lift");
    s.store.drop_tenant("kommune-b", None, &by("contract ended")).expect("dropped");
    // One that comes while it is still there wins too.
    b.hold("audit", "", None, &by("tax audit")).expect("a hold on a dropped tenant");
    s.clock.advance(40 * DAY);
    assert_eq!(s.store.let_go(&Silent).expect("look").waiting, [("kommune-b".to_owned(), "hold audit".to_owned())]);
    assert_eq!(s.store.dropped().expect("list")[0].waits.as_deref(), Some("hold audit"));
    b.lift("audit", &by("closed")).expect("lift");
    assert_eq!(s.store.let_go(&Silent).expect("let go").tenants, ["kommune-b"]);
}

/// Stops when it was asked so often.
struct Impatient(std::sync::atomic::AtomicU64);

impl Monitor for Impatient {
    fn progress(&self, _: &Progress) {}

    fn note(&self, _: &str) {}

    fn stopped(&self) -> bool {
        self.0.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) == 0
    }
}

#[test]
fn giving_up_that_is_cut_is_never_half_a_tenant_and_goes_on() {
    let s = site_with(&[], "");
    let b = s.store.add_tenant("kommune-b").expect("tenant");
    let mut batch = b.batch("many");
    (0..400).for_each(|n| batch.put(format!("case/{n}"), format!("state of {n}").as_bytes()).expect("put"));
    batch.commit().expect("commit");
    s.store.drop_tenant("kommune-b", Some(0), &by("contract ended")).expect("dropped");
    let cut = s.store.let_go(&Impatient(1.into())).expect_err("stopped");
    assert_eq!(cut.kind(), Kind::Interrupted);
    let left = || b.list("").filter(|version| version.as_ref().expect("row").forgotten.is_none()).count();
    assert_eq!(left(), 150);
    assert_eq!(
        (refused(&s.store, "kommune-b"), s.store.undrop_tenant("kommune-b", &by("x")).expect_err("gone").code()),
        ("tenant.gone", "tenant.gone")
    );
    sound(&s.store);
    assert_eq!(s.store.let_go(&Silent).expect("goes on").contents, 150);
    assert_eq!((left(), s.store.let_go(&Silent).expect("nothing is left").contents), (0, 0));
    sound(&s.store);
}

#[test]
fn a_floor_that_was_raised_keeps_a_dropped_tenant() {
    let s = site_with(&[], "");
    s.store.add_tenant("kommune-b").expect("tenant").put("case/1", &b"one"[..]).expect("put");
    s.store.drop_tenant("kommune-b", Some(86_400), &by("contract ended")).expect("dropped");
    let path = s.store.dir().join("annals.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, text + "[keep]\nfloor = \"7d\"\n").expect("write");
    let store = s.store.reread().expect("reread");
    s.clock.advance(6 * DAY);
    assert_eq!(store.let_go(&Silent).expect("look").waiting, [("kommune-b".to_owned(), "younger than the floor of 7d".to_owned())]);
    s.clock.advance(2 * DAY);
    assert_eq!(store.let_go(&Silent).expect("let go").tenants, ["kommune-b"]);
}

#[test]
fn a_removed_document_is_complete_on_day_29_and_gone_on_day_31() {
    let s = site_with(&["a"], "");
    let (_, a) = memory("a");
    s.store.put("letter", &b"dear"[..]).expect("put");
    s.store.remove("letter").expect("remove");
    ship(&s, &a);
    let rules = Rules { within_secs: Some(30 * 86_400), ..Rules::default() };
    s.clock.advance(29 * DAY);
    assert_eq!(plan(&s.store, "", &rules).contents, 0);
    let back = s.store.restore_removed("letter").expect("a plan by name");
    assert_eq!(back.items.len(), 1);
    s.clock.advance(2 * DAY);
    assert_eq!(plan(&s.store, "", &rules).contents, 1);
    s.store.forget(&plan(&s.store, "", &rules), &By::default(), &Silent).expect("forget");
    assert!(everything(&s.store).values().all(Option::is_none));
}
