//! The power goes at every write, sync, rename and commit, and the disk fills up at each of them.

use std::path::Path;

use annals::Kind;
use annals::base::fault::{self, Fault};

use crate::cases::ship_and_compact;
use crate::cases::{CASES, Case, Work, erase, erased, erased_here, erased_or_not_begun, erased_there, erased_there_or_pending, erasing_chunks};
use crate::support::{copy_tree, shapes, sound};

/// Cuts the case at its `n`-th place and looks at what is left; then does the work again.
fn cut(case: &Case, template: &Path, n: u64, fault: Fault, place: &str) {
    let about = format!("{}, {fault:?} at place {n} ({place})", case.name);
    let dir = tempfile::tempdir().expect("dir");
    let root = dir.path();
    copy_tree(template, root);
    let work = Work::open(root);
    let before = work.has_store().then(|| shapes(work.store()));
    let result = fault::arm(n, fault, || (case.act)(&work));
    drop(work);
    let acknowledged = result.is_ok();
    if let Err(e) = result
        && fault == Fault::Full
    {
        assert!(e.kind() == Kind::Space || e.kind() == Kind::Failed, "{about}: {e:?}");
        assert!(e.kind() != Kind::Space || e.what_next().is_some(), "{about}: {e:?}");
    }
    let work = Work::open(root);
    let left = work.has_store().then(|| shapes(work.store()));
    if work.has_store() {
        sound(work.store());
    }
    (case.after_cut)(&work);
    (case.act)(&work).unwrap_or_else(|e| panic!("{about}: done again: {e:?}"));
    drop(work);
    let work = Work::open(root);
    let after = shapes(work.store());
    sound(work.store());
    (case.done)(&work);
    let half = left != before && left.as_ref() != Some(&after);
    assert!(!half || grows(&before, &left, &after), "{about}: neither before nor after");
    assert!(!acknowledged || left == Some(after), "{about}: it was said to be done");
}

type Shapes = Option<std::collections::BTreeMap<String, crate::support::Shape>>;

/// What is done slice by slice may stand between: every log reaches as far as before or further, and none further than after.
fn grows(before: &Shapes, left: &Shapes, after: &std::collections::BTreeMap<String, crate::support::Shape>) -> bool {
    let (Some(before), Some(left)) = (before, left) else { return left.is_some() };
    left.iter().all(|(name, shape)| {
        let known = |shapes: &std::collections::BTreeMap<String, crate::support::Shape>| shapes.get(name).map_or(0, |s| s.seq);
        known(before) <= shape.seq && shape.seq <= known(after) && shape.versions.iter().all(|v| after[name].versions.get(v.0) == Some(v.1))
    })
}

fn places(case: &Case, template: &Path) -> Vec<&'static str> {
    let dir = tempfile::tempdir().expect("dir");
    copy_tree(template, dir.path());
    let work = Work::open(dir.path());
    let (result, seen) = fault::count(|| (case.act)(&work));
    result.unwrap_or_else(|e| panic!("{} without a cut: {e:?}", case.name));
    drop(work);
    (case.done)(&Work::open(dir.path()));
    seen
}

fn enumerate(name: &str) {
    let case = CASES.iter().find(|c| c.name == name).expect("a case");
    let template = tempfile::tempdir().expect("dir");
    (case.prepare)(template.path());
    let seen = places(case, template.path());
    assert!(!seen.is_empty(), "{name} passes no place");
    println!("| {name} | {} |", seen.len());
    for (n, place) in seen.iter().enumerate() {
        cut(case, template.path(), n as u64, Fault::Error, place);
        cut(case, template.path(), n as u64, Fault::Full, place);
    }
}

/// Erasing what has chunks: each kind of place is cut once, because every scrub of the chunk store writes its journal full.
#[test]
fn an_erasure_of_chunks_is_cut() {
    let case = Case { name: "erasure of chunks", prepare: erasing_chunks, act: erase, after_cut: erased_or_not_begun, done: erased };
    let template = tempfile::tempdir().expect("dir");
    (case.prepare)(template.path());
    let seen = places(&case, template.path());
    let mut known = std::collections::BTreeSet::new();
    for (n, place) in seen.iter().enumerate().filter(|(_, place)| known.insert(**place)) {
        cut(&case, template.path(), n as u64, Fault::Error, place);
    }
    for place in ["chunks.remove", "chunks.regroup", "chunks.rewrite", "chunks.flush", "chunks.compact", "catalog.scrub"] {
        assert!(known.contains(place), "{place} is not passed: {known:?}");
    }
}

/// Shipping an erasure and compacting what has it in no box: every fifth place, because each look at the remote is a rebuild.
#[test]
fn an_erasure_at_a_remote_is_cut() {
    let name = "erasure at a remote";
    let case = Case { name, prepare: erased_here, act: ship_and_compact, after_cut: erased_there_or_pending, done: erased_there };
    let template = tempfile::tempdir().expect("dir");
    (case.prepare)(template.path());
    let seen = places(&case, template.path());
    for (n, place) in seen.iter().enumerate().step_by(5) {
        cut(&case, template.path(), n as u64, Fault::Error, place);
    }
    println!("| {name} | {} |", seen.len());
}

macro_rules! cases {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            enumerate($name);
        })*

        #[test]
        fn every_case_is_cut() {
            let cut = [$($name),*];
            assert!(CASES.iter().all(|c| cut.contains(&c.name)) && cut.len() == CASES.len());
        }
    };
}

cases! {
    init_is_cut: "init",
    a_small_put_is_cut: "put of a small document",
    a_large_put_is_cut: "put of a large document",
    a_batch_is_cut: "batch of everything",
    a_draft_is_cut: "draft, collected and committed",
    a_rollback_is_cut: "rollback",
    a_capture_is_cut: "capture of a folder",
    a_new_tenant_is_cut: "a new tenant",
    a_seal_is_cut: "seal",
    a_shipment_is_cut: "ship",
    a_first_shipment_is_cut: "first shipment",
    garbage_collection_is_cut: "garbage collection",
    forgetting_is_cut: "forgetting",
    a_compaction_is_cut: "compaction",
    an_erasure_is_cut: "erasure",
    a_rebuild_is_cut: "rebuild",
    a_fetch_is_cut: "fetch",
    a_restore_is_cut: "restore of a tree",
    a_passphrase_is_cut: "passphrase of the key file",
}
