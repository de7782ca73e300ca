//! A site with a little of everything that a log can hold, and its remote.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals::base::monitor::Silent;
use annals::base::random::{Random, SeededRandom};
use annals::base::time::{ManualClock, Timestamp};
use annals::engine::offsite::{FetchReport, OpenRemote, ShipOptions};
use annals::engine::plans::By;
use annals::engine::rebuild::Rebuild;
use annals::engine::seal::SealOptions;
use annals::engine::store::read_key_file;
use annals::format::block::Effort;
use annals::format::keyfile::Unlock;
use annals::model::change::{FileKind, Meta};
use annals::model::moment::Moment;
use annals::model::plan::OnConflict;
use annals::model::reference::Reference;
use annals::storage::remote;
use annals::{Result, Store, Tenant};

/// 2018-09-18T14:02:00Z.
const START: i64 = 1_537_279_320_000_000;
/// Bytes of one object: so few that a large slice has parts.
const OBJECT_BYTES: u64 = 64 * 1024;

/// The top of the fixtures.
pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// A new store with a clock that stands still until it is turned.
pub fn new_site(dir: &Path, random: Option<Arc<dyn Random>>) -> (Store, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp(START)));
    let options = Store::builder().clock(clock.clone());
    let options = match random {
        Some(random) => options.random(random),
        None => options,
    };
    (options.init(&dir.join("store"), "clinic-17").expect("init"), clock)
}

/// A remote in a directory.
pub fn directory(path: &Path) -> OpenRemote {
    std::fs::create_dir_all(path).expect("a directory");
    OpenRemote::at(&format!("dir:{}", path.display()), &remote::Options::default()).expect("remote")
}

/// Ships with small objects.
pub fn ship(store: &Store, to: &OpenRemote, effort: Effort) {
    let seal = SealOptions { object_bytes_max: OBJECT_BYTES, effort, ..SealOptions::default() };
    store.ship(to, &ShipOptions { seal, ..ShipOptions::default() }, &Silent).expect("ship");
}

/// Rebuilds what a remote holds with the key file at `key`.
pub fn rebuild(from: &Path, key: &Path, passphrase: Option<&str>, into: &Path) -> Result<(Store, FetchReport)> {
    let key_file = read_key_file(key)?;
    let secret = key_file.open(&Unlock { passphrase, identity: None })?;
    let remotes = [directory(from)];
    Rebuild { remotes: &remotes, into, key_file, secret, site_name: "again", at: None }.run(Store::builder(), &Silent)
}

/// Text that packs well and is cut into different chunks: sentences of a small vocabulary in a random order.
fn sentences(seed: u64, bytes: usize) -> Vec<u8> {
    let random = SeededRandom::new(seed);
    let mut below = {
        let (mut drawn, mut used) = ([0; 4096], 4096);
        move |n: usize| {
            if used == drawn.len() {
                random.fill(&mut drawn);
                used = 0;
            }
            used += 2;
            usize::from(u16::from_le_bytes([drawn[used - 2], drawn[used - 1]])) % n
        }
    };
    let words: Vec<String> = (0..40).map(|_| (0..3 + below(6)).map(|_| char::from(b"aeilmnorstu"[below(11)])).collect()).collect();
    let all: Vec<String> = (0..64).map(|_| (0..150).map(|_| words[below(40)].as_str()).collect::<Vec<_>>().join(" ") + ".\n").collect();
    let mut out = Vec::with_capacity(bytes + 2000);
    while out.len() < bytes {
        out.extend_from_slice(all[below(64)].as_bytes());
    }
    out
}

fn case(n: u32, round: u32) -> String {
    format!("{{\"id\":{n},\"klient\":\"Kari Nordmann {n}\",\"status\":\"runde {round}\",\"merknad\":\"den samme i alle runder av sak {n}\"}}\n")
}

fn source(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join("sources").join(name)).expect("a source of the fixtures")
}

fn file(mtime_ns: i64) -> Meta {
    Meta { mode: Some(0o640), mtime_ns: Some(mtime_ns), ..Meta::default() }
}

fn reference(id: &str, state: &str, expires: Option<Timestamp>) -> Reference {
    Reference { system: "svarut".into(), id: id.into(), state: state.into(), irrevocable: expires.is_none(), expires }
}

/// Records everything, and calls `ship` where a shipment belongs.
pub fn live(store: &Store, clock: &ManualClock, seed: u64, ship: &dyn Fn()) {
    let later = |secs: i64| clock.advance(secs * 1_000_000 + 123_456);
    let mut large = sentences(seed, 4_500_000);
    first_day(store, seed, &large);
    ship();
    later(86_400);
    second_day(store, &mut large);
    ship();
    later(60);
    store.put("sak/7", case(7, 3).as_bytes()).expect("put");
    ship();
    // The clock of the machine is set back; the log goes on.
    clock.advance(-3_600_000_000);
    let mut b = store.batch("etter at klokken ble stilt").actor("807").request_id("req-1");
    b.put("sak/8", &mut case(8, 3).as_bytes()).expect("put");
    b.put("brev/sendt", &mut &b"A letter again.\n"[..]).expect("put");
    b.commit().expect("commit");
    take_back(store, &later);
    other_tenant(store, ship);
    ship();
}

fn first_day(store: &Store, seed: u64, large: &[u8]) {
    let mut b = store.batch("import").actor("806").request_id("import-1").origin("annals 0.1 on clinic-17");
    for n in 0..40 {
        b.put_with(format!("sak/{n}"), &mut case(n, 1).as_bytes(), file(1_537_000_000_000_000_000 + i64::from(n) * 1_000_000_000)).expect("put");
    }
    b.put_with(b"arkiv/r\xe6v-\xff\\.txt", &mut &b"a name that is not UTF-8\n"[..], file(-1)).expect("put");
    b.put_with("arkiv/lenke", &mut &b"../sak/1"[..], Meta { kind: FileKind::Link, ..Meta::default() }).expect("put");
    b.put_with("arkiv/tom/", &mut &b""[..], Meta { kind: FileKind::Directory, mode: Some(0o2750), ..Meta::default() }).expect("put");
    let valid = Meta { media: "text/plain".into(), valid_from: Some(Timestamp(-5)), valid_until: Some(Timestamp(START)), ..Meta::default() };
    b.put_with("vedtak/æøå", &mut &b"valid once\n"[..], valid).expect("put");
    b.put("tom", &mut &b""[..]).expect("put");
    b.commit().expect("commit");
    let mut b = store.batch("skannet").actor("scanner");
    for (name, version) in SOURCES {
        b.put_with(format!("doc/{name}.{version}"), &mut &source(&format!("{name}.v1.{version}"))[..], file(1_537_000_000_123_456_789)).expect("put");
    }
    b.put("stor/tekst", &mut &large[..]).expect("put");
    b.put("stor/annen", &mut &sentences(seed + 1, 4_400_000)[..]).expect("put");
    let mut noise = vec![0; 70_000];
    SeededRandom::new(seed + 2).fill(&mut noise);
    b.put("stor/støy", &mut &noise[..]).expect("put");
    b.commit().expect("commit");
}

/// The containers of the fixtures, by stem and ending.
const SOURCES: [(&str, &str); 8] = [
    ("form", "pdf"),
    ("letter", "docx"),
    ("log", "gz"),
    ("office-greedy", "xlsx"),
    ("office-lazy", "xlsx"),
    ("picture", "png"),
    ("report", "pdf"),
    ("streamed", "docx"),
];

fn second_day(store: &Store, large: &mut Vec<u8>) {
    let mut b = store.batch("rettet").actor("806");
    for n in (0..40).step_by(3) {
        b.put_with(format!("sak/{n}"), &mut case(n, 2).as_bytes(), file(1_537_400_000_000_000_000 + i64::from(n) * 1_000_000)).expect("put");
    }
    for (name, version) in SOURCES {
        b.put_with(format!("doc/{name}.{version}"), &mut &source(&format!("{name}.v2.{version}"))[..], file(1_537_400_000_123_456_700)).expect("put");
    }
    // A run replaced, a run inserted, a run taken out, and an end cut off.
    large[900_000..900_040].copy_from_slice(b"0123456789012345678901234567890123456789");
    large.splice(2_000_000..2_000_000, *b"Here is a sentence that was not here before.\n");
    large.drain(3_000_000..3_200_000);
    large.truncate(4_200_000);
    b.put("stor/tekst", &mut &large[..]).expect("put");
    b.put("stor/kopi", &mut &case(1, 1).as_bytes()[..]).expect("put");
    b.remove("sak/5").expect("remove");
    b.add_ref("brev/sendt", reference("77", "sendt", None)).expect("ref");
    b.put("brev/sendt", &mut &b"A letter.\n"[..]).expect("put");
    b.commit().expect("commit");
    store.mark("versjon-2").expect("mark");
    store.add_ref("brev/sendt", reference("77", "levert", None)).expect("ref");
    store.add_ref("sak/1", reference("78", "", Some(Timestamp(START + 1)))).expect("ref");
    store.remove("brev/sendt").expect("remove");
}

/// Every cause that a batch can have.
fn take_back(store: &Store, later: &dyn Fn(i64)) {
    let by = By { actor: "leder".into(), ..By::default() };
    let apply = |tenant: &Tenant, plan| {
        tenant.apply(&plan, OnConflict::Override, &by).expect("apply").receipt.expect("something to do");
    };
    later(600);
    let end = store.position().expect("position").seq;
    apply(store, store.undo(end).expect("plan"));
    later(600);
    apply(store, store.rollback("sak/", &Moment::Seq(2)).expect("plan"));
    later(600);
    store.mark("versjon-2").expect("mark again");
    apply(store, store.restore_at("doc/", &Moment::Seq(2)).expect("plan"));
}

fn other_tenant(store: &Store, ship: &dyn Fn()) {
    let b = store.add_tenant("kommune-b").expect("tenant");
    b.put("sak/1", case(1, 1).as_bytes()).expect("put");
    ship();
    b.put("sak/1", case(1, 2).as_bytes()).expect("put");
    dropped_tenants(store, ship);
}

/// One that can be brought back, and one whose bytes are given up.
fn dropped_tenants(store: &Store, ship: &dyn Fn()) {
    let by = By { actor: "806".into(), reason: "avtalen er sagt opp".into(), ..By::default() };
    for (name, keep_secs) in [("kommune-c", 30 * 86_400), ("kommune-d", 0)] {
        let tenant = store.add_tenant(name).expect("tenant");
        tenant.put("sak/1", case(1, 1).as_bytes()).expect("put");
        tenant.put("sak/1", case(1, 2).as_bytes()).expect("put");
        let mut batch = tenant.batch("").actor("806");
        batch.mark_at("før", 1).expect("a mark");
        batch.commit().expect("commit");
        ship();
        store.drop_tenant(name, Some(keep_secs), &by).expect("dropped");
    }
    assert_eq!(store.let_go(&Silent).expect("let go").tenants, ["kommune-d"]);
}
