use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use annals::Kind;
use annals::base::monitor::Silent;
use annals::engine::verify::Level;
use annals::model::change::Meta;

use crate::support::site;

/// Bytes that no other round has, in a few chunks.
fn bytes(round: u64) -> Vec<u8> {
    let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..60_000).map(next).collect()
}

/// Each round leaves chunks that nothing names, then names the same chunks, which it finds present. Whoever removes them in between would
/// take the bytes of a document.
#[test]
fn garbage_collection_never_takes_what_a_writer_is_about_to_name() {
    let s = site();
    let (ended, removed) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|threads| {
        threads.spawn(|| {
            while !ended.load(Ordering::SeqCst) {
                match s.store.gc(false, &Silent) {
                    Ok(report) => removed.fetch_add(report.orphans, Ordering::SeqCst),
                    Err(e) => panic!("{e}"),
                };
            }
        });
        for round in 0..60 {
            let content = bytes(round);
            let mut refused = s.store.batch("");
            refused.put_if_version("never", &mut &content[..], Meta::default(), 7).expect("put");
            refused.commit().expect_err("there is no such version");
            if round.is_multiple_of(2) {
                std::thread::yield_now();
            }
            let mut batch = s.store.batch("");
            batch.put(format!("doc/{round}"), &content[..]).expect("put");
            std::thread::yield_now();
            batch.commit().expect("commit");
        }
        ended.store(true, Ordering::SeqCst);
    });
    let report = s.store.verify(Level::Full, &Silent).expect("verify");
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    for round in 0..60 {
        assert_eq!(s.store.get(format!("doc/{round}")).expect("there").bytes(1 << 20).expect("whole"), bytes(round));
    }
    assert_eq!(s.store.get("never").err().expect("nothing happened").kind(), Kind::Missing);
    assert_eq!(s.store.gc(false, &Silent).expect("gc").orphans, 0, "{} were removed meanwhile", removed.into_inner());
}

#[test]
fn what_is_removed_gives_its_space_back_before_the_report_says_so() {
    let s = site();
    let mut refused = s.store.batch("");
    for round in 0..100 {
        refused.put_if_version(format!("never/{round}"), &mut &bytes(round)[..], Meta::default(), 7).expect("put");
    }
    refused.commit().expect_err("there is no such version");
    let report = s.store.gc(false, &Silent).expect("gc");
    assert!(report.orphans > 100 && report.removed, "{report:?}");
    assert!(report.bytes_before > 6_000_000 && report.bytes_after < 1_000_000, "{report:?}");
}
