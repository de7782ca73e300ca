use annals::base::error::Kind;
use annals::engine::plans::By;
use annals::model::moment::Moment;
use annals::model::plan::{Action, OnConflict, Plan};
use annals::model::reference::Reference;

use crate::support::{Site, site};

fn put_all(s: &Site, reason: &str, docs: &[(String, String)]) -> u64 {
    s.minute();
    let mut b = s.store.batch(reason);
    for (key, text) in docs {
        b.put(key, &mut text.as_bytes()).expect("put");
    }
    b.commit().expect("commit").position.seq
}

fn case(i: usize, status: &str, note: &str) -> (String, String) {
    (format!("case/{i:03}"), format!("{{\n  \"id\": {i},\n  \"status\": \"{status}\",\n  \"note\": \"{note}\"\n}}\n"))
}

#[test]
fn undo_of_a_bulk_batch_merges_fields_and_shows_conflicts() {
    let s = site();
    let all = |status: &str| (0..500).map(|i| case(i, status, "")).collect::<Vec<_>>();
    put_all(&s, "import", &all("new"));
    let bulk = put_all(&s, "bulk close", &all("closed"));
    // Two edits touch another field, one touches the same.
    put_all(&s, "edit", &[case(1, "closed", "called back"), case(2, "closed", "moved"), case(3, "archived", "")]);
    let plan = s.store.undo(bulk).expect("plan");
    let sum = plan.summary();
    assert_eq!((sum.put, sum.merge, sum.conflicts, sum.remove), (497, 2, 1, 0));
    let conflict = plan.items.iter().find(|i| i.action == Action::Conflict).expect("one");
    assert_eq!(conflict.key, "case/003");
    let field = &conflict.conflicts[0];
    let text = |v: &Option<Box<serde_json::value::RawValue>>| v.as_ref().map(|v| v.get().to_owned());
    assert_eq!(field.path, "status");
    assert_eq!(
        (text(&field.before), text(&field.after), text(&field.current)),
        (Some("\"new\"".into()), Some("\"closed\"".into()), Some("\"archived\"".into()))
    );

    let saved = s.dir.path().join("undo.json");
    plan.save(&saved).expect("save");
    let plan = Plan::load(&saved).expect("load");
    assert_eq!(Plan::load(s.dir.path().join("none.json")).expect_err("no file").code(), "file.unreadable");
    let applied = s.store.apply(&plan, OnConflict::Skip, &By::default()).expect("apply");
    assert_eq!((applied.done, applied.skipped.len()), (499, 1));
    assert_eq!(s.text("case/000"), case(0, "new", "").1);
    assert_eq!(s.text("case/001"), case(1, "new", "called back").1);
    assert_eq!(s.text("case/003"), case(3, "archived", "").1);
    assert_eq!(s.store.apply(&plan, OnConflict::Skip, &By::default()).expect_err("moved").kind(), Kind::Refused);

    // The undo of the undo restores the state before it.
    let redo = s.store.last_undo().expect("an undo");
    let plan = s.store.undo(redo).expect("plan");
    s.store.apply(&plan, OnConflict::Skip, &By::default()).expect("redo");
    assert_eq!(s.text("case/000"), case(0, "closed", "").1);
    assert_eq!(s.text("case/001"), case(1, "closed", "called back").1);
    assert_eq!(s.store.last_undo().expect("the redo is an undo too"), redo + 1);
}

#[test]
fn conflicts_can_be_overridden_or_left() {
    for (choice, expected) in [(OnConflict::Override, "new"), (OnConflict::Merge, "archived"), (OnConflict::Skip, "archived")] {
        let s = site();
        put_all(&s, "import", &[case(1, "new", "")]);
        let bulk = put_all(&s, "bulk", &[case(1, "closed", "bulk note")]);
        put_all(&s, "edit", &[case(1, "archived", "bulk note")]);
        let plan = s.store.undo(bulk).expect("plan");
        s.store.apply(&plan, choice, &By::default()).expect("apply");
        let note = if choice == OnConflict::Skip { "bulk note" } else { "" };
        assert_eq!(s.text("case/001"), case(1, expected, note).1, "{choice:?}");
    }
}

#[test]
fn undo_removes_what_a_batch_made_and_returns_what_it_removed() {
    let s = site();
    put_all(&s, "", &[("a".into(), "1".into()), ("b".into(), "1".into())]);
    let mut batch = s.store.batch("mistake");
    batch.remove("a").expect("remove");
    batch.put("c", &mut &b"new"[..]).expect("put");
    batch.put("b", &mut &b"2"[..]).expect("put");
    let seq = batch.commit().expect("commit").position.seq;
    let plan = s.store.undo(seq).expect("plan");
    s.store.apply(&plan, OnConflict::Skip, &By::default()).expect("apply");
    assert_eq!((s.text("a"), s.text("b")), ("1".into(), "1".into()));
    assert!(s.store.get("c").is_err());
    assert!(s.store.undo(seq).expect("again").items.is_empty(), "an undone batch needs no undo");
}

#[test]
fn rollback_touches_one_tenant_and_one_prefix_and_keeps_references() {
    let s = site();
    let b = s.store.add_tenant("b").expect("tenant");
    b.put("case/1", &b"other tenant"[..]).expect("put");
    let other = b.position().expect("position");
    let before = put_all(&s, "", &[case(1, "new", ""), case(2, "new", ""), ("letter/1".into(), "x".into())]);
    put_all(&s, "", &[case(1, "closed", ""), case(9, "late", ""), ("letter/1".into(), "y".into())]);
    s.store.add_ref("case/001", Reference::new("svarut", "5").state("delivered").irrevocable()).expect("ref");
    let mut batch = s.store.batch("");
    batch.remove("case/002").expect("remove");
    batch.commit().expect("commit");

    let plan = s.store.rollback("case/", &Moment::Seq(before)).expect("plan");
    let sum = plan.summary();
    assert_eq!((sum.put, sum.remove, sum.references, sum.irrevocable), (2, 1, 1, 1));
    let done = s.store.apply(&plan, OnConflict::Skip, &By::default()).expect("apply").receipt.expect("a batch");
    assert_eq!(s.text("case/001"), case(1, "new", "").1);
    assert_eq!(s.text("case/002"), case(2, "new", "").1);
    assert!(s.store.get("case/009").is_err());
    assert_eq!(s.text("letter/1"), "y");
    assert_eq!(s.store.refs("case/001").expect("refs").len(), 1, "references are never rolled back");
    assert_eq!(b.position().expect("position"), other, "the other tenant is unchanged");

    let undo = s.store.undo(done.position.seq).expect("plan");
    s.store.apply(&undo, OnConflict::Skip, &By::default()).expect("apply");
    assert_eq!(s.text("case/001"), case(1, "closed", "").1);
    assert!(s.store.get("case/002").is_err());
    assert_eq!(s.text("case/009"), case(9, "late", "").1);
}

#[test]
fn restore_puts_back_without_removing_what_came_later() {
    let s = site();
    let before = put_all(&s, "", &[("p/a".into(), "1".into()), ("p/b".into(), "1".into())]);
    put_all(&s, "", &[("p/a".into(), "2".into()), ("p/c".into(), "late".into())]);
    s.store.remove("p/b").expect("remove");
    let plan = s.store.restore_at("p/", &Moment::Seq(before)).expect("plan");
    s.store.apply(&plan, OnConflict::Skip, &By::default()).expect("apply");
    assert_eq!((s.text("p/a"), s.text("p/b"), s.text("p/c")), ("1".into(), "1".into(), "late".into()));
    s.store.remove("p/b").expect("remove");
    let now = s.store.position().expect("position").seq;
    let plan = s.store.restore_at("p/b", &Moment::Seq(now)).expect("the last version comes back");
    s.store.apply(&plan, OnConflict::Skip, &By::default()).expect("apply");
    assert_eq!(s.text("p/b"), "1");
    assert_eq!(s.store.restore_at("q/", &Moment::Seq(before)).expect_err("nothing there").kind(), Kind::Missing);
}

#[test]
fn a_plan_under_a_request_id_is_applied_once_whoever_asks_again() {
    let s = site();
    let all = |status: &str| (0..300).map(|i| case(i, status, "")).collect::<Vec<_>>();
    put_all(&s, "import", &all("new"));
    let bulk = put_all(&s, "bulk close", &all("closed"));
    put_all(&s, "edit", &[case(1, "closed", "called back")]);
    let plan = s.store.undo(bulk).expect("plan");
    let once = |id: &str| s.store.apply_once(&plan, OnConflict::Skip, &By::default(), id, &annals::Silent);
    let first = once("order 1").expect("apply");
    let receipt = first.receipt.clone().expect("a batch");
    assert_eq!((first.done, receipt.repeated), (300, false));
    // Nobody knows whether it was done, and life went on since.
    put_all(&s, "later", &[case(2, "archived", "")]);
    let again = once("order 1").expect("the same");
    let repeated = again.receipt.expect("the same batch");
    assert_eq!((repeated.position, repeated.repeated, again.done), (receipt.position, true, 300));
    assert_eq!(s.text("case/002"), case(2, "archived", "").1, "nothing is done twice");
    for id in ["order 2", ""] {
        assert_eq!(once(id).expect_err("another request").code(), "plan.stale", "{id:?}");
    }
}

/// Stops at the first look.
struct Stopping(std::sync::atomic::AtomicBool);

impl annals::Monitor for Stopping {
    fn progress(&self, progress: &annals::Progress) {
        assert_eq!((progress.phase, progress.items_total), ("applying", 300));
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
    fn note(&self, _: &str) {}
    fn stopped(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[test]
fn a_plan_that_is_stopped_on_its_way_changes_nothing() {
    let s = site();
    put_all(&s, "import", &(0..300).map(|i| case(i, "new", "")).collect::<Vec<_>>());
    let bulk = put_all(&s, "bulk close", &(0..300).map(|i| case(i, "closed", "")).collect::<Vec<_>>());
    let plan = s.store.undo(bulk).expect("plan");
    let stopped = s.store.apply_once(&plan, OnConflict::Skip, &By::default(), "order 1", &Stopping(false.into()));
    assert_eq!(stopped.expect_err("stopped").kind(), Kind::Interrupted);
    assert_eq!((s.store.position().expect("position").seq, s.text("case/000")), (bulk, case(0, "closed", "").1));
    s.store.apply_once(&plan, OnConflict::Skip, &By::default(), "order 1", &annals::Silent).expect("later");
    assert_eq!(s.text("case/000"), case(0, "new", "").1);
}
