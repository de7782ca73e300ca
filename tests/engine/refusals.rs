//! Requests that are repeated, and input that nobody could read back.

use annals::Kind;
use annals::model::change::Meta;
use annals::model::reference::Reference;

use crate::support::site;

#[test]
fn a_request_id_covers_removals_references_and_marks() {
    let s = site();
    for key in ["a", "b"] {
        s.store.put(key, &b"x"[..]).expect("put");
    }
    let remove = |key: &str| {
        let mut batch = s.store.batch("").request_id("r1");
        batch.remove(key).expect("collect");
        batch.commit()
    };
    let first = remove("a").expect("removed");
    assert_eq!(remove("a").expect("again").position, first.position);
    assert_eq!(remove("b").expect_err("another document").code(), "request.differs");
    assert!(s.store.get("b").is_ok(), "it was not removed, and nobody was told that it was");
    let refer = |id: &str| {
        let mut batch = s.store.batch("").request_id("r2");
        let reference = Reference { system: "svarut".into(), id: id.into(), state: "sent".into(), irrevocable: false, expires: None };
        batch.add_ref("b", reference).expect("collect");
        batch.commit()
    };
    refer("7").expect("referred");
    assert!(refer("7").expect("again").repeated);
    assert_eq!(refer("8").expect_err("another id").code(), "request.differs");
    let mark = |name: &str| {
        let mut batch = s.store.batch("").request_id("r3");
        batch.mark(name).expect("collect");
        batch.commit()
    };
    mark("one").expect("marked");
    assert_eq!(mark("two").expect_err("another mark").code(), "request.differs");
}

#[test]
fn metadata_that_nobody_could_read_back_is_refused() {
    let s = site();
    let put = |meta: Meta, version: Option<u64>| {
        let mut batch = s.store.batch("");
        match version {
            None => batch.put_with("a", &mut &b"x"[..], meta),
            Some(version) => batch.put_if_version("a", &mut &b"x"[..], meta, version),
        }
    };
    let file = Meta { mode: Some(0o100644), ..Meta::default() };
    let long = Meta { media: "x".repeat(5000), ..Meta::default() };
    for (meta, version) in [(file.clone(), None), (file.clone(), Some(0)), (long.clone(), None), (long, Some(0))] {
        assert_eq!(put(meta, version).expect_err("refused").kind(), Kind::Usage);
    }
    let draft = s.store.begin_draft("", "").expect("begin");
    assert_eq!(s.store.add_to_draft(draft, b"a", Some(&mut &b"x"[..]), file).expect_err("refused").code(), "meta.mode");
}
