use annals::base::error::Kind;
use annals::model::change::Meta;
use annals::model::moment::Moment;
use annals::model::reference::Reference;

use crate::support::{read, site};

#[test]
fn every_version_stays_readable_with_its_existence() {
    let s = site();
    let mut times = Vec::new();
    for text in ["one", "two", "three"] {
        s.minute();
        times.push(s.store.put("a/b", text.as_bytes()).expect("put").time);
    }
    s.minute();
    let gone = s.store.batch("cleaning").actor("806");
    let gone = {
        let mut b = gone;
        b.remove("a/b").expect("remove");
        b.commit().expect("commit")
    };
    let versions = s.store.history("a/b").expect("history");
    assert_eq!(versions.iter().map(|v| v.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(versions[0].until.as_ref().expect("ended").time, times[1]);
    assert!(versions[2].removed && versions[2].until.as_ref().expect("ended").time == gone.time);
    for (i, text) in ["one", "two", "three"].iter().enumerate() {
        let at = s.store.at(&Moment::Instant(times[i])).expect("at");
        assert_eq!(read(at.get("a/b").expect("get")), *text);
        assert_eq!(at.list("a/").count(), 1);
    }
    let error = s.store.get("a/b").err().expect("removed");
    assert_eq!((error.kind(), error.code()), (Kind::Missing, "document.removed"));
    assert!(error.to_string().contains("by 806") && error.what_next().expect("hint").contains("annals restore"));
    assert_eq!(s.store.now().list("").count(), 0);
    let removed: Vec<_> = s.store.now().list_removed("a/").map(|v| v.expect("row").number).collect();
    assert_eq!(removed, [3]);
    assert!(s.store.get("a/c").err().expect("never").what_next().expect("hint").contains("a/b"));
    let early = s.store.at(&Moment::Instant(annals::base::time::Timestamp(0))).err().expect("before all");
    assert_eq!(early.code(), "moment.early");
}

#[test]
fn large_contents_come_back_in_runs_and_are_shared() {
    let s = site();
    let mut bytes = vec![0u8; 3 << 20];
    annals::base::random::Random::fill(&annals::base::random::SeededRandom::new(4), &mut bytes);
    s.store.put("big", &bytes[..]).expect("put");
    bytes[1_500_000] ^= 1;
    s.store.put("big", &bytes[..]).expect("put");
    let v1 = s.store.find_version("big", Some(&Moment::Version(1))).expect("v1");
    assert_eq!(v1.size, 3 << 20);
    let mut back = Vec::new();
    s.store.get("big").expect("get").copy_to(&mut back).expect("copy");
    assert!(back == bytes);
    let mut again = Vec::new();
    std::io::Read::read_to_end(&mut s.store.open(&v1).expect("open"), &mut again).expect("read");
    again[1_500_000] ^= 1;
    assert!(again == bytes);
}

#[test]
fn a_batch_is_whole_or_nothing() {
    let s = site();
    let mut batch = s.store.batch("import");
    batch.put("x", &mut &b"1"[..]).expect("put");
    drop(batch);
    assert!(s.store.get("x").is_err());
    let mut batch = s.store.batch("import");
    batch.put("x", &mut &b"1"[..]).expect("put");
    batch.remove("nothing").expect("collected");
    assert_eq!(batch.commit().expect_err("no such document").kind(), Kind::Missing);
    assert!(s.store.get("x").is_err());
    assert_eq!(s.store.position().expect("position").seq, 0);
}

#[test]
fn a_request_is_recorded_once_and_versions_are_compared() {
    let s = site();
    let send = |text: &'static str| {
        let mut b = s.store.batch("").request_id("r1");
        b.put("x", &mut text.as_bytes()).expect("put");
        b.commit()
    };
    let first = send("1").expect("first");
    let again = send("1").expect("again");
    assert!(!first.repeated && again.repeated && first.position == again.position);
    assert_eq!(send("2").expect_err("other bytes").code(), "request.differs");
    let guarded = |version| {
        let mut b = s.store.batch("");
        b.put_if_version("x", &mut &b"3"[..], Meta::default(), version).expect("put");
        b.commit()
    };
    assert_eq!(guarded(7).expect_err("moved").kind(), Kind::Refused);
    guarded(1).expect("v1 is current");
    assert_eq!(s.text("x"), "3");
}

#[test]
fn a_clock_that_steps_back_is_noted_and_order_stays() {
    let s = site();
    let first = s.store.put("x", &b"1"[..]).expect("put");
    s.clock.advance(-3_600_000_000);
    let second = s.store.put("x", &b"2"[..]).expect("put");
    assert_eq!(first.time, second.time);
    let batches = s.store.batches(1, 0, 10).expect("batches");
    assert_eq!(batches[1].clock_behind, -3_600_000_000);
    assert_eq!(read(s.store.at(&Moment::Instant(first.time)).expect("at").get("x").expect("get")), "2");
}

#[test]
fn tenants_are_apart() {
    let s = site();
    let other = s.store.add_tenant("kommune-b").expect("add");
    s.store.put("x", &b"main"[..]).expect("put");
    other.put("x", &b"other"[..]).expect("put");
    other.put("x", &b"other 2"[..]).expect("put");
    assert_eq!(s.text("x"), "main");
    assert_eq!(read(other.get("x").expect("get")), "other 2");
    assert_eq!(s.store.history("x").expect("history").len(), 1);
    assert_eq!(s.store.tenant("komune-b").err().expect("typo").kind(), Kind::Missing);
    assert!(s.store.tenant("komune-b").err().expect("typo").what_next().expect("hint").contains("kommune-b"));
}

#[test]
fn references_belong_to_one_document_unless_shared() {
    let s = site();
    let reference = |state: &str| Reference { system: "svarut".into(), id: "77".into(), state: state.into(), irrevocable: true, expires: None };
    s.store.put("brev/1", &b"1"[..]).expect("put");
    s.store.add_ref("brev/1", reference("sent")).expect("ref");
    s.store.add_ref("brev/1", reference("delivered")).expect("new state");
    assert_eq!(s.store.add_ref("brev/2", reference("sent")).expect_err("taken").kind(), Kind::Refused);
    let refs = s.store.refs("brev/1").expect("refs");
    assert_eq!((refs.len(), refs[0].state.as_str()), (1, "delivered"));
    assert_eq!(s.store.find_ref("svarut", "77").expect("find"), [b"brev/1".to_vec()]);
}

#[test]
fn drafts_live_across_reopening_until_they_are_committed() {
    let s = site();
    let t = &*s.store;
    t.put("old", &b"x"[..]).expect("put");
    let draft = t.begin_draft("anna", "prices").expect("begin");
    t.add_to_draft(draft, b"new", Some(&mut &b"1"[..]), Meta::default()).expect("add");
    t.add_to_draft(draft, b"new", Some(&mut &b"2"[..]), Meta::default()).expect("replace");
    t.add_to_draft(draft, b"old", None, Meta::default()).expect("remove");
    assert!(t.get("new").is_err() && t.get("old").is_ok());
    let dir = s.dir;
    drop(s.store);
    let store = annals::Store::open(dir.path().join("store")).expect("reopen");
    let receipt = store.commit_draft(draft, "").expect("commit");
    assert_eq!(receipt.changes, 2);
    assert_eq!(read(store.get("new").expect("get")), "2");
    assert!(store.get("old").is_err());
    assert_eq!(store.commit_draft(draft, "").expect_err("gone").kind(), Kind::Missing);
    let info = &store.batches(2, 0, 1).expect("batches")[0];
    assert_eq!((info.event.actor.as_str(), info.event.reason.as_str()), ("anna", "prices"));
}

#[test]
fn threads_share_commits_and_none_is_lost() {
    let s = site();
    std::thread::scope(|scope| {
        for n in 0..8 {
            let store = s.store.clone();
            scope.spawn(move || {
                for i in 0..20 {
                    store.put(format!("t{n}/{i}"), format!("{n} {i}").as_bytes()).expect("put");
                }
            });
        }
    });
    assert_eq!(s.store.list("").count(), 160);
    assert_eq!(s.store.position().expect("position").seq, 160);
}

#[test]
fn moments_are_read_in_the_site_s_words() {
    let s = site();
    s.store.put("a", &b"1"[..]).expect("put");
    s.store.mark("one").expect("mark");
    s.minute();
    s.minute();
    s.store.put("a", &b"2"[..]).expect("put");
    let at = |text: &str| read(s.store.at(&s.store.moment(text).expect("moment")).expect("view").get("a").expect("get"));
    assert_eq!((at("mark:one"), at("1m ago"), at("now")), ("1".into(), "1".into(), "2".into()));
    assert_eq!(s.store.moment("09/18/2018").expect_err("two meanings").kind(), Kind::Usage);
}
