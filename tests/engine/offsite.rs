use annals::Store;
use annals::base::monitor::Silent;
use annals::engine::offsite::ShipOptions;
use annals::engine::seal::SealOptions;
use annals::engine::verify::Level;
use annals::model::change::Meta;
use annals::model::moment::Moment;
use annals::model::reference::Reference;
use annals::storage::remote::{Memory, Remote};

use crate::support::{Site, memory, read, rebuild, site};

/// A little of everything that a log can hold.
fn fill(s: &Site) {
    let big: Vec<u8> = (0..3_000_000u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()).collect();
    for round in 0..5u32 {
        s.minute();
        let mut b = s.store.batch(&format!("round {round}")).actor("806").request_id(&format!("r{round}"));
        for i in 0..50 {
            b.put(
                format!("case/{i}"),
                &mut format!("{{\"id\": {i}, \"round\": {round}, \"text\": \"the same for all rounds of {i}\"}}\n").as_bytes(),
            )
            .expect("put");
        }
        let mut changed = big.clone();
        changed[5_000_000 + round as usize * 1000] ^= 0xff;
        b.put_with(
            "big",
            &mut &changed[..],
            Meta { mode: Some(0o640), mtime_ns: Some(1_700_000_000_123_456_789 + i64::from(round)), ..Meta::default() },
        )
        .expect("put");
        b.put("empty", &mut &b""[..]).expect("put");
        b.commit().expect("commit");
    }
    s.minute();
    s.store.add_ref("case/1", Reference::new("svarut", "7").state("sent").irrevocable()).expect("ref");
    s.store.mark("release-7").expect("mark");
    s.store.remove("case/2").expect("remove");
    s.store.put("copy of big", &big[..]).expect("put");
    let other = s.store.add_tenant("b").expect("tenant");
    other.put("x", &b"tenant b"[..]).expect("put");
}

fn same(a: &Store, b: &Store) {
    for tenant in a.tenants().expect("tenants") {
        let again = b.tenant(tenant.name()).expect("the tenant is there");
        assert_eq!(tenant.position().expect("position"), again.position().expect("position"), "{}", tenant.name());
        let versions = |t: &annals::Tenant| t.list("").map(|v| v.expect("row")).map(|v| (v.key, v.number, v.digest, v.meta)).collect::<Vec<_>>();
        assert_eq!(versions(&tenant), versions(&again));
    }
    let report = b.verify(Level::Full, &Silent).expect("verify");
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[test]
fn a_rebuilt_site_is_the_same_digest_for_digest() {
    let s = site();
    fill(&s);
    let (_, remote) = memory("offsite");
    let shipped = s.store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship");
    assert!(shipped.objects >= 3 && shipped.bytes > 0);
    let (again, report) = rebuild(&s, std::slice::from_ref(&remote), "again", None).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    same(&s.store, &again);
    assert_eq!(again.refs("case/1").expect("refs").len(), 1);
    assert_eq!(again.marks().expect("marks"), s.store.marks().expect("marks"));
    // What is recorded from now on ships as a small delta, and the rebuilt site can fetch it.
    s.store.put("case/3", &b"{\"id\": 3, \"round\": 9, \"text\": \"the same for all rounds of 3\"}\n"[..]).expect("put");
    let small = s.store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship");
    assert!(small.objects == 1 && small.bytes <= 300, "{small:?}");
    assert_eq!(s.store.ship(&remote, &ShipOptions::default(), &Silent).expect("nothing to do").objects, 0);
    again.fetch(&[remote], &Silent).expect("fetch");
    same(&s.store, &again);
}

#[test]
fn a_rebuild_to_a_moment_has_what_was_there_then() {
    let s = site();
    let first = s.store.put("x", &b"1"[..]).expect("put");
    s.minute();
    s.store.put("x", &b"2"[..]).expect("put");
    s.store.put("y", &b"later"[..]).expect("put");
    let (_, remote) = memory("offsite");
    s.store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship");
    let (then, _) = rebuild(&s, &[remote], "then", Some(first.time)).expect("rebuild");
    assert_eq!(read(then.get("x").expect("x")), "1");
    assert!(then.get("y").is_err());
    let position = then.position().expect("position");
    assert_eq!((position.seq, position.digest), (1, first.position.digest));
    assert_ne!(position.timeline, first.position.timeline, "a line of history of its own");
}

#[test]
fn damage_on_one_remote_is_bridged_and_damage_on_all_is_told() {
    let s = site();
    s.store.put("a", &b"first"[..]).expect("put");
    let (one, remote_one) = memory("one");
    let (two, remote_two) = memory("two");
    let both = [remote_one.clone(), remote_two.clone()];
    // The second remote is a copy of the first, so that both have the same objects under the same names.
    let ship = || {
        s.store.ship(&remote_one, &ShipOptions::default(), &Silent).expect("ship");
        one.names().iter().for_each(|name| two.put(name, &one.bytes(name).expect("there")));
        s.store.ship(&remote_two, &ShipOptions::default(), &Silent).expect("what is there is adopted");
    };
    ship();
    s.store.put("letters/hit", &b"second"[..]).expect("put");
    ship();
    s.store.put("c", &b"third"[..]).expect("put");
    ship();
    let second = |memory: &Memory| memory.names().into_iter().filter(|n| n.ends_with(".seg")).nth(1).expect("a second segment");
    let flip = |bytes: &mut Vec<u8>| {
        let i = bytes.len() / 2;
        bytes[i] ^= 1;
    };
    assert!(one.damage(&second(&one), flip));
    let (bridged, report) = rebuild(&s, &both, "bridged", None).expect("rebuild");
    assert!(report.gaps.is_empty() && !report.bridged.is_empty());
    same(&s.store, &bridged);
    assert!(two.damage(&second(&two), |bytes| bytes.truncate(40)));
    let (partly, report) = rebuild(&s, &both, "partly", None).expect("what is there is rebuilt");
    assert_eq!((report.gaps[0].first, report.gaps[0].last), (2, 3));
    assert_eq!(read(partly.get("a").expect("before the gap")), "first");
    let found = s.store.verify_remote(&remote_two, true, &Silent).expect("verify");
    assert_eq!(found.problems.len(), 1);
    assert_eq!(found.problems[0].documents, ["letters/hit"]);
    s.store.ship(&remote_two, &ShipOptions::default(), &Silent).expect("what verification found is shipped again");
    let (healed, report) = rebuild(&s, &both, "healed", None).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    same(&s.store, &healed);
}

#[test]
fn the_wrong_key_opens_nothing() {
    let s = site();
    s.store.put("a", &b"first"[..]).expect("put");
    let (_, remote) = memory("one");
    s.store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship");
    let other = site();
    let error = rebuild(&other, &[remote], "stolen", None).err().expect("refused");
    assert_eq!(error.kind(), annals::Kind::Denied);
    assert!(!other.dir.path().join("stolen").exists());
}

#[test]
fn names_of_versions_stay_readable_after_a_rebuild() {
    let s = site();
    for i in 0..70 {
        s.minute();
        s.store.put("doc", format!("version {i} of a document that changes a little each time\n").as_bytes()).expect("put");
        if i % 10 == 0 {
            let (_, remote) = memory(&format!("r{i}"));
            s.store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship");
        }
    }
    let (_, remote) = memory("last");
    // Objects that other remotes took are gone from the outbox: they are sealed again for the new one.
    s.store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship");
    let (again, report) = rebuild(&s, &[remote], "again", None).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(again.history("doc").expect("history").len(), 70);
    let v30 = again.find_version("doc", Some(&Moment::Version(31))).expect("v31");
    assert_eq!(read(again.open(&v30).expect("open")), "version 30 of a document that changes a little each time\n");
}

#[test]
fn a_store_is_rebuilt_from_the_library_s_front_door() {
    let s = site();
    fill(&s);
    let (_, remote) = memory("offsite");
    let sealed = s.store.seal(&SealOptions::default(), &Silent).expect("seal");
    assert_eq!(sealed.batches, s.store.position().expect("position").seq + 1, "all tenants, not only the default one");
    let report = s.store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship");
    assert_eq!(report.objects, sealed.objects + 2, "and the keys of two tenants");
    let key = s.store.dir().join("annals.key");
    let (again, report) = Store::rebuild(std::slice::from_ref(&remote), &key, s.dir.path().join("again"), None).expect("rebuild");
    assert!(report.gaps.is_empty() && report.bridged.is_empty(), "{report:?}");
    same(&s.store, &again);
    let refused = Store::rebuild(&[remote], &key, s.dir.path().join("again"), None).err().expect("locked by this process");
    assert_eq!(refused.kind(), annals::Kind::Locked);
}

#[test]
fn no_text_key_or_name_leaves_the_site() {
    let s = site();
    let words = ["kari-nordmann", "diagnosis-of-the-heart", "case-2018-163", "caseworker-806", "because-she-asked", "tenant-of-oslo"];
    let [name, text, key, actor, reason, tenant] = words;
    let tenant = s.store.add_tenant(tenant).expect("tenant");
    for t in [&*s.store, &tenant] {
        let mut batch = t.batch(reason).actor(actor);
        batch.put(key, format!("{name}: {text}").as_bytes()).expect("put");
        batch.put("large", format!("{name}: {text}\n").repeat(5000).as_bytes()).expect("put");
        batch.commit().expect("commit");
        t.mark(name).expect("mark");
    }
    let (memory, remote) = memory("offsite");
    s.store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship");
    let objects = memory.list("", &Silent).expect("list");
    assert_eq!(objects.len(), 4, "a key and a segment of each tenant");
    let secret = std::fs::read_to_string(s.store.dir().join("annals.key")).expect("key file");
    let secret = secret.lines().find_map(|l| l.split_once("secret=")).expect("a plain key").1.to_owned();
    let secret: Vec<u8> = (0..32).map(|i| u8::from_str_radix(&secret[2 * i..2 * i + 2], 16).expect("hex")).collect();
    for object in objects {
        let bytes = memory.read(&object.name, 0, object.size, &Silent).expect("read");
        let shows = |what: &[u8]| bytes.windows(what.len()).any(|w| w == what) || object.name.as_bytes().windows(what.len()).any(|w| w == what);
        for word in words {
            assert!(!shows(word.as_bytes()), "{} shows {word}", object.name);
        }
        assert!(!shows(&secret), "{} shows the secret", object.name);
    }
}

#[test]
fn a_tenant_goes_only_where_its_rules_allow() {
    let s = site();
    s.store.add_tenant("agency-x").expect("tenant").put("x", &b"1"[..]).expect("put");
    s.store.put("y", &b"1"[..]).expect("put");
    let dir = s.store.dir().to_owned();
    let ruled = s.store.tenant("agency-x").expect("tenant").public_id().to_hex();
    let text = std::fs::read_to_string(dir.join("annals.toml")).expect("configuration");
    std::fs::write(dir.join("annals.toml"), format!("{text}\n[tenant.agency-x]\nregions = [\"se\"]\n")).expect("write");
    drop(s.store);
    let store = Store::open(&dir).expect("open");
    let (memory, mut remote) = memory("nowhere in particular");
    let report = store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship");
    assert_eq!(report.kept_away, ["agency-x"]);
    let objects = memory.list("", &Silent).expect("list");
    assert!(!objects.is_empty() && objects.iter().all(|o| !o.name.starts_with(&ruled)), "{objects:?}");
    remote.region = Some("se".into());
    assert!(store.ship(&remote, &ShipOptions::default(), &Silent).expect("ship").kept_away.is_empty());
    assert!(memory.list("", &Silent).expect("list").iter().any(|o| o.name.starts_with(&ruled)));
}

#[test]
fn a_first_shipment_to_many_remotes_at_once_is_one_to_each() {
    let dir = tempfile::tempdir().expect("dir");
    drop(Store::init(dir.path().join("store"), "test").expect("init"));
    // What is sealed stays until every remote of the configuration has it.
    let names: Vec<String> = (0..32).map(|n| format!("r{n}")).collect();
    let sections = names.iter().map(|name| format!("[[remote]]\nname = \"{name}\"\ndirectory = \"/nowhere/{name}\"\n")).collect::<String>();
    std::fs::write(dir.path().join("store/annals.toml"), format!("[store]\nsite = \"test\"\n{sections}")).expect("written");
    let store = Store::open(dir.path().join("store")).expect("open");
    store.put("a", &b"1"[..]).expect("put");
    // Sealed before, so that they meet where each makes what it needs for itself.
    store.seal(&Default::default(), &Silent).expect("seal");
    let remotes: Vec<_> = names.iter().map(|name| memory(name).1).collect();
    let start = std::sync::Barrier::new(remotes.len());
    std::thread::scope(|threads| {
        let ship = |remote| {
            start.wait();
            store.ship(remote, &ShipOptions::default(), &Silent)
        };
        let all: Vec<_> = remotes.iter().map(|remote| threads.spawn(move || ship(remote))).collect();
        for one in all {
            one.join().expect("no panic").expect("shipped");
        }
    });
    assert_eq!(store.unshipped().expect("unshipped").batches, 0);
    for remote in &remotes {
        assert_eq!(remote.device().list("", &Silent).expect("list").len(), 2, "the key and the slice");
    }
}
