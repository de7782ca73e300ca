//! The store and the plain map side by side.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use annals::base::error::Kind;
use annals::base::monitor::Silent;
use annals::base::random::{Random, SeededRandom};
use annals::base::time::{Clock, ManualClock, Timestamp};
use annals::engine::compact::CompactOptions;
use annals::engine::offsite::{OpenRemote, ShipOptions};
use annals::engine::plans::By;
use annals::engine::rebuild::Rebuild;
use annals::engine::seal::SealOptions;
use annals::engine::store::{KEY_FILE, read_key_file};
use annals::engine::verify::Level;
use annals::format::block::Effort;
use annals::format::keyfile::Unlock;
use annals::model::change::Meta;
use annals::model::moment::Moment;
use annals::model::plan::{OnConflict, Plan};
use annals::model::reference::Reference;
use annals::model::retention::Rules;
use annals::storage::remote::Memory;
use annals::{Batch, Result, Store, Tenant};

use crate::ops::{Bytes, Dice, Item, Op};
use crate::plain::{Changes, Plain, Step, Use, Value};

const NOON: i64 = 1_772_366_400_000_000;
const OTHER: &str = "kommune-b";

pub struct World {
    dir: tempfile::TempDir,
    store: Option<Store>,
    here: PathBuf,
    stores: u32,
    clock: Arc<ManualClock>,
    remotes: Vec<(Arc<Memory>, OpenRemote)>,
    /// Per remote and tenant, how far it holds the log.
    held: Vec<BTreeMap<String, u64>>,
    plain: BTreeMap<String, Plain>,
    current: String,
    requests: u64,
}

fn key(n: u64) -> Vec<u8> {
    match n % 12 {
        0 => b"case/..//\n odd".to_vec(),
        1 => b"letters/\xff\xfe".to_vec(),
        n if n < 7 => format!("case/{n}").into_bytes(),
        n => format!("letters/{n}/page").into_bytes(),
    }
}

fn folder(n: u64) -> &'static [u8] {
    [&b""[..], b"case/", b"letters/", b"case/3", b"nothing/"][n as usize % 5]
}

fn reference(id: u64, key: &[u8]) -> Reference {
    let state = format!("state {}", key.len());
    Reference { system: "svarut".into(), id: format!("{id}"), state, irrevocable: id.is_multiple_of(2), expires: None }
}

fn options() -> ShipOptions {
    ShipOptions { seal: SealOptions { effort: Effort::Quick(3), ..SealOptions::default() }, ..ShipOptions::default() }
}

/// Opens a store after its configuration has come to know the remotes: only what they are known to hold may be forgotten.
fn open(here: &Path, clock: &Arc<ManualClock>) -> Store {
    let path = here.join("annals.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    if !text.contains("remote-1") {
        let places = (0..2).map(|n| format!("[[remote]]\nname = \"remote-{n}\"\ndirectory = \"/nowhere/{n}\"\n"));
        std::fs::write(&path, text + &places.collect::<String>()).expect("write");
    }
    Store::builder().clock(clock.clone()).open(here).expect("open")
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let clock = Arc::new(ManualClock::new(Timestamp(NOON)));
        let here = dir.path().join("store-0");
        drop(Store::builder().clock(clock.clone()).init(&here, "model").expect("init"));
        let store = open(&here, &clock);
        let remotes = (0..2).map(|n| {
            let memory = Arc::new(Memory::new());
            (memory.clone(), OpenRemote::new(&format!("remote-{n}"), memory))
        });
        World {
            dir,
            store: Some(store),
            here,
            stores: 1,
            clock,
            remotes: remotes.collect(),
            held: vec![BTreeMap::new(); 2],
            plain: BTreeMap::from([("main".to_owned(), Plain::new())]),
            current: "main".to_owned(),
            requests: 0,
        }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("a store is open")
    }

    fn tenant(&self) -> Tenant {
        self.store().tenant_or_dropped(&self.current).expect("the tenant exists")
    }

    fn plain(&self) -> &Plain {
        &self.plain[&self.current]
    }

    fn plain_mut(&mut self) -> &mut Plain {
        self.plain.get_mut(&self.current).expect("the tenant exists")
    }

    fn bytes(&self, key: &[u8], what: &Bytes) -> Vec<u8> {
        match *what {
            Bytes::Empty => Vec::new(),
            Bytes::Small(n) => format!("line {n} of a small document\n").repeat(1 + n as usize % 3).into_bytes(),
            Bytes::Random(len, seed) => {
                let mut bytes = vec![0; len as usize];
                SeededRandom::new(seed).fill(&mut bytes);
                bytes
            }
            Bytes::Edited(at, by) => {
                let mut bytes = self.plain().now().get(key).map_or_else(|| b"new".to_vec(), |(value, _)| value.0.to_vec());
                let place = at as usize % (bytes.len() + 1);
                bytes.splice(place..place.min(bytes.len()), [by as u8, at as u8]);
                bytes
            }
        }
    }

    fn value(&self, key: &[u8], what: &Bytes) -> Value {
        (Rc::new(self.bytes(key, what)), String::new())
    }

    /// Compares what the store said to a batch with what the map says, and lets the map follow.
    fn settle(&mut self, changes: &Changes, said: Result<annals::Receipt>) {
        let refused = self.plain().refuses(changes);
        match said {
            Ok(receipt) => {
                assert!(!refused, "should have been refused");
                assert!(!receipt.repeated);
                let now = self.clock.now().micros();
                self.plain_mut().commit(changes, now);
                assert_eq!(receipt.position.seq, self.plain().seq());
                assert_eq!(receipt.time.micros(), self.plain().times[receipt.position.seq as usize]);
            }
            Err(e) => {
                assert!(refused, "refused: {e}");
                assert!(matches!(e.kind(), Kind::Missing | Kind::Refused) && e.what_next().is_some(), "{e:?}");
            }
        }
    }

    fn collect(&self, items: &[Item], mut each: impl FnMut(&Item, &[u8], Option<&Value>)) -> Changes {
        let mut changes = Changes::default();
        for item in items {
            match item {
                Item::Put(n, bytes) => {
                    let key = key(*n);
                    let value = self.value(&key, bytes);
                    each(item, &key, Some(&value));
                    changes.documents.insert(key, Some(value));
                }
                Item::Remove(n) => {
                    each(item, &key(*n), None);
                    changes.documents.insert(key(*n), None);
                }
                Item::Refer(n, id) => {
                    each(item, &key(*n), None);
                    changes.references.push((*id, key(*n), reference(*id, &key(*n)).state));
                }
                Item::Mark(n) => {
                    each(item, &[], None);
                    changes.marks.push(*n);
                }
            }
        }
        changes
    }

    fn batch(&mut self, items: &[Item]) {
        let mut batch: Batch = self.tenant().batch("model").actor("806");
        let changes = self.collect(items, |item, key, value| match (item, value) {
            (Item::Put(..), Some(value)) => batch.put(key, &mut &value.0[..]).expect("put"),
            (Item::Refer(_, id), _) => batch.add_ref(key, reference(*id, key)).expect("refer"),
            (Item::Mark(n), _) => batch.mark(&format!("m{n}")).expect("mark"),
            _ => batch.remove(key).expect("remove"),
        });
        self.settle(&changes, batch.commit());
    }

    fn draft(&mut self, items: &[Item]) {
        let items: Vec<Item> = items.iter().filter(|i| matches!(i, Item::Put(..) | Item::Remove(_))).cloned().collect();
        let tenant = self.tenant();
        let draft = tenant.begin_draft("806", "collected").expect("begin");
        let changes = self.collect(&items, |_, key, value| {
            let mut reader = value.map(|v| &v.0[..]);
            let reader: Option<&mut dyn std::io::Read> = reader.as_mut().map(|r| r as _);
            tenant.add_to_draft(draft, key, reader, Meta::default()).expect("add");
        });
        drop(tenant);
        if self.requests.is_multiple_of(2) {
            self.reopen();
        }
        if items.is_empty() {
            assert_eq!(self.tenant().commit_draft(draft, "").expect_err("empty").code(), "batch.empty");
        } else {
            let said = self.tenant().commit_draft(draft, "");
            self.settle(&changes, said);
        }
    }

    fn request(&mut self, n: u64, bytes: &Bytes) {
        self.requests += 1;
        let id = format!("request {}", self.requests);
        let tenant = self.tenant();
        let send = |content: &[u8]| {
            let mut batch = tenant.batch("").request_id(&id);
            batch.put(key(n), &mut &content[..]).expect("put");
            batch.commit()
        };
        let value = self.value(&key(n), bytes);
        let first = send(&value.0).expect("first");
        let changes = Changes { documents: BTreeMap::from([(key(n), Some(value.clone()))]), ..Changes::default() };
        self.settle(&changes, Ok(first.clone()));
        let again = send(&value.0).expect("again");
        assert!(again.repeated && again.position == first.position);
        assert_eq!(send(b"something else entirely").expect_err("other bytes").code(), "request.differs");
    }

    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(open(&self.here, &self.clock));
        assert!(self.store().damage().expect("damage").is_none());
    }

    pub fn step(&mut self, op: &Op) {
        match op {
            Op::Put(n, bytes) => self.batch(&[Item::Put(*n, bytes.clone())]),
            Op::Remove(n) => self.batch(&[Item::Remove(*n)]),
            Op::Refer(n, id) => self.batch(&[Item::Refer(*n, *id)]),
            Op::Mark(n) => self.batch(&[Item::Mark(*n)]),
            Op::Batch(items) => self.batch(items),
            Op::Draft(items) => self.draft(items),
            Op::Request(n, bytes) => self.request(*n, bytes),
            Op::PutIfVersion(n, bytes, version) => self.put_if_version(*n, bytes, *version),
            Op::Rollback(part, n) => self.rollback(*part, folder(*n)),
            Op::Restore(part, n) => self.restore(*part, folder(*n)),
            Op::Undo(part, over) => self.undo(*part, *over),
            Op::Clock(by) => self.clock.advance(*by),
            Op::Reopen => self.reopen(),
            Op::Ship(n) => self.ship(*n as usize),
            Op::Fetch => self.fetch(),
            Op::Rebuild => self.rebuild(),
            Op::Gc => {
                // A refused batch leaves chunks that nothing names.
                let mut batch = self.tenant().batch("refused");
                let bytes = self.bytes(b"", &Bytes::Random(30_000, 1 << 40));
                batch.put_if_version("refused", &mut &bytes[..], Meta::default(), 7).expect("put");
                batch.commit().expect_err("there is no such version");
                assert!(self.store().gc(false, &Silent).expect("gc").removed);
                assert_eq!(self.store().gc(true, &Silent).expect("gc").orphans, 0);
            }
            Op::Verify => self.verify(),
            Op::Forget(last) => self.forget(*last),
            Op::Compact(n) => self.compact(*n as usize),
            Op::Hold(name, n) => self.hold(*name, folder(*n)),
            Op::Lift(name) => self.lift(*name),
            Op::Drop(days) => self.drop_other(*days),
            Op::Undrop => self.undrop_other(),
            Op::LetGo => self.let_go(),
            Op::Tenant => {
                self.current = if self.current == "main" { OTHER.to_owned() } else { "main".to_owned() };
                if self.plain.get(OTHER).is_some_and(|plain| plain.tenancy() != Use::Normal) {
                    self.current = "main".to_owned();
                }
                if !self.plain.contains_key(&self.current) {
                    self.store().add_tenant(&self.current).expect("add a tenant");
                    self.plain.insert(self.current.clone(), Plain::new());
                }
            }
        }
    }

    fn put_if_version(&mut self, n: u64, bytes: &Bytes, version: u64) {
        let key = key(n);
        let value = self.value(&key, bytes);
        let current = self.plain().now().get(&key).map_or(0, |(_, number)| *number);
        let mut batch = self.tenant().batch("");
        batch.put_if_version(&key, &mut &value.0[..], Meta::default(), version).expect("put");
        let said = batch.commit();
        if version == current {
            self.settle(&Changes { documents: BTreeMap::from([(key, Some(value))]), ..Changes::default() }, said);
        } else {
            assert_eq!(said.expect_err("the version moved").code(), "version.moved");
        }
    }

    fn moment(&self, part: u64) -> u64 {
        self.plain().seq() * part / 100
    }

    /// Saves a plan, loads and applies it.
    fn apply(&mut self, plan: &Plan, on_conflict: OnConflict, changes: &Changes) {
        let text = plan.to_json().expect("a plan is saved");
        let plan = Plan::from_json(&text).expect("a saved plan loads");
        let applied = self.tenant().apply(&plan, on_conflict, &By::default()).expect("apply");
        match applied.receipt {
            Some(receipt) => {
                assert_eq!(applied.done, changes.documents.len() as u64, "{text}\n{:?}", changes.documents.keys());
                self.settle(changes, Ok(receipt));
                let again = self.tenant().apply(&plan, on_conflict, &By::default());
                assert_eq!(again.expect_err("the log moved").code(), "plan.stale");
            }
            None => assert!(changes.documents.is_empty(), "nothing was done of {:?}", changes.documents.keys()),
        }
    }

    fn rollback(&mut self, part: u64, prefix: &[u8]) {
        let to = self.moment(part);
        let plan = self.tenant().rollback(prefix, &Moment::Seq(to)).expect("plan");
        let mut changes = Changes::default();
        let (then, now) = (&self.plain().states[to as usize], self.plain().now());
        for key in then.keys().chain(now.keys()).filter(|k| k.starts_with(prefix)) {
            let (before, after) = (then.get(key).map(|v| &v.0), now.get(key).map(|v| &v.0));
            if before != after && !self.is_lost(key, to) {
                changes.documents.insert(key.clone(), before.cloned());
            }
        }
        self.apply(&plan, OnConflict::Skip, &changes);
    }

    fn restore(&mut self, part: u64, prefix: &[u8]) {
        let at = self.moment(part);
        let plain = self.plain();
        let whole = prefix.is_empty() || prefix.ends_with(b"/");
        let mut changes = Changes::default();
        for (key, (value, _)) in plain.states[at as usize].iter().filter(|(k, _)| if whole { k.starts_with(prefix) } else { &k[..] == prefix }) {
            if plain.now().get(key).map(|v| &v.0) != Some(value) && !self.is_lost(key, at) {
                changes.documents.insert(key.clone(), Some(value.clone()));
            }
        }
        // "Bring it back", asked without a moment, means the last version of one document.
        if !whole && at == plain.seq() && !plain.now().contains_key(prefix) {
            let last = plain.histories.get(prefix).and_then(|h| h.iter().rev().find_map(|(seq, put)| Some((*seq, put.clone()?))));
            if let Some((seq, (value, _))) = last.filter(|(seq, _)| !plain.is_forgotten(plain.content_of(prefix, *seq))) {
                debug_assert!(seq > 0);
                changes.documents.insert(prefix.to_vec(), Some(value));
            }
        }
        match self.tenant().restore_at(prefix, &Moment::Seq(at)) {
            Ok(plan) => self.apply(&plan, OnConflict::Skip, &changes),
            Err(e) => assert!(e.kind() == Kind::Missing && changes.documents.is_empty(), "{e:?}"),
        }
    }

    fn undo(&mut self, part: u64, over: bool) {
        let seq = self.moment(part);
        if seq == 0 {
            assert_eq!(self.tenant().undo(0).expect_err("no such batch").kind(), Kind::Missing);
            return;
        }
        let plan = self.tenant().undo(seq).expect("plan");
        let plain = self.plain();
        let mut changes = Changes::default();
        for key in plain.histories.keys().filter(|key| plain.histories[*key].iter().any(|(at, _)| *at == seq)) {
            let (before, now) = (plain.value_at(key, seq - 1), plain.value_at(key, plain.seq()));
            let later = plain.last_change(key, plain.seq()) != seq;
            let after = plain.value_at(key, seq);
            // Of what is no JSON, a later change can be told apart only where one of the two changed nothing.
            let contents = [seq - 1, seq, plain.seq()].map(|at| plain.content_at(key, at));
            let clean = match (before, after, now) {
                _ if !later => true,
                (Some(_), Some(_), Some(_)) if contents[0] == contents[1] => continue,
                (Some(_), after, _) => after.is_some() && contents[1] == contents[2],
                _ => false,
            };
            if before != now && (over || clean) && !self.is_lost(key, seq - 1) {
                changes.documents.insert(key.clone(), before.cloned());
            }
        }
        self.apply(&plan, if over { OnConflict::Override } else { OnConflict::Skip }, &changes);
    }

    fn ship(&mut self, n: usize) {
        let report = self.store().ship(&self.remotes[n].1, &options(), &Silent).expect("ship");
        for (name, position) in &report.positions {
            assert_eq!(*position, self.store().tenant_or_dropped(name).expect("tenant").position().expect("position"), "all is shipped");
            self.held[n].insert(name.clone(), position.seq);
        }
        assert_eq!(self.store().ship(&self.remotes[n].1, &options(), &Silent).expect("ship again").objects, 0);
        let report = self.store().verify_remote(&self.remotes[n].1, true, &Silent).expect("verify the remote");
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    }

    fn fetch(&self) {
        let remotes: Vec<OpenRemote> = self.remotes.iter().map(|(_, remote)| remote.clone()).collect();
        let report = self.store().fetch(&remotes, &Silent).expect("fetch");
        assert_eq!((report.batches, &report.gaps[..]), (0, &[][..]), "the remotes have nothing new");
    }

    /// From the remotes into another directory, and on from there.
    fn rebuild(&mut self) {
        let key_file = read_key_file(&self.here.join(KEY_FILE)).expect("key file");
        let secret = key_file.open(&Unlock::default()).expect("open");
        let remotes: Vec<OpenRemote> = self.remotes.iter().map(|(_, remote)| remote.clone()).collect();
        let into = self.dir.path().join(format!("store-{}", self.stores));
        self.stores += 1;
        let rebuild = Rebuild { remotes: &remotes, into: &into, key_file, secret, site_name: "model", at: None };
        let rebuilt = rebuild.run(Store::builder().clock(self.clock.clone()), &Silent);
        let shipped = |name: &str| self.held.iter().filter_map(|held| held.get(name)).max().copied().unwrap_or(0);
        if self.plain.keys().all(|name| shipped(name) == 0) {
            assert_eq!(rebuilt.err().expect("nothing was shipped").code(), "rebuild.nothing");
            return;
        }
        let (store, report) = rebuilt.expect("rebuild");
        assert!(report.gaps.is_empty(), "{:?}", report.gaps);
        drop(store);
        let store = open(&into, &self.clock);
        let old = self.store.replace(store).expect("a store was open");
        for name in self.plain.keys().cloned().collect::<Vec<_>>() {
            let seq = shipped(&name);
            if seq == 0 && name != "main" {
                self.plain.remove(&name);
                continue;
            }
            let tenant = self.store().tenant_or_dropped(&name).expect("the tenant came back");
            let position = tenant.position().expect("position");
            let digest = old.tenant_or_dropped(&name).expect("tenant").batches(seq, seq, 1).expect("batches").first().map(|b| b.digest);
            // Not the timeline: what was recorded after an earlier rebuild and never shipped is on a line of its own.
            if seq > 0 {
                assert_eq!((position.seq, position.digest), (seq, digest.unwrap_or(position.digest)), "{name}");
            }
            self.plain.get_mut(&name).expect("known").cut(seq);
        }
        if self.plain.get(&self.current).is_none_or(|plain| plain.tenancy() != Use::Normal) {
            self.current = "main".to_owned();
        }
        drop(old);
        std::fs::remove_dir_all(&self.here).expect("the old store goes");
        self.here = into;
        self.verify();
    }

    /// Whether the bytes that a document had after batch `seq` are forgotten.
    fn is_lost(&self, key: &[u8], seq: u64) -> bool {
        self.plain().content_at(key, seq).is_some_and(|content| self.plain().is_forgotten(content))
    }

    /// Up to which batch a tenant is offsite, and whether each remote that has something of it has all.
    fn shipped(&self, name: &str) -> (u64, bool) {
        let statuses = self.store().remote_statuses().expect("remotes");
        let held = statuses.iter().flat_map(|remote| &remote.held).filter(|held| held.tenant == name).collect::<Vec<_>>();
        let seq = held.iter().map(|held| held.seq).max().unwrap_or(0);
        let known = self.held.iter().filter_map(|held| held.get(name)).max().copied().unwrap_or(0);
        assert!(seq <= known, "{name} counts as shipped up to {seq}, and was up to {known}");
        (seq, held.iter().all(|held| held.objects == 0 || held.behind == 0))
    }

    fn forget(&mut self, last: u64) {
        let rules = Rules { last: Some(last as u32), ..Rules::default() };
        let expected = self.plain().forgettable(last, self.shipped(&self.current).0, self.clock.now().micros());
        let tenant = self.tenant();
        let plan = tenant.plan_forget("", &rules, &Silent).expect("plan");
        assert_eq!(plan.contents, expected.len() as u64, "contents that may go");
        let done = tenant.forget(&plan, &By::default(), &Silent).expect("forget");
        assert_eq!((done.contents, done.receipts.len()), (expected.len() as u64, usize::from(!expected.is_empty())));
        for receipt in done.receipts {
            self.settle(&Changes { forgets: expected.clone(), ..Changes::default() }, Ok(receipt));
        }
    }

    fn compact(&mut self, n: usize) {
        let options = CompactOptions { grace_secs: 0, all: true, seal: options().seal, ..CompactOptions::default() };
        self.store().compact(&self.remotes[n].1, &options, &Silent).expect("compact");
        let report = self.store().verify_remote(&self.remotes[n].1, true, &Silent).expect("verify the remote");
        assert!(report.problems.is_empty(), "{:?}", report.problems);
        // What says that something was forgotten went there first, and all before it.
        let statuses = self.store().remote_statuses().expect("remotes");
        for held in statuses.into_iter().filter(|remote| remote.place.name == self.remotes[n].1.name).flat_map(|remote| remote.held) {
            let known = self.held[n].entry(held.tenant).or_default();
            *known = held.seq.max(*known);
        }
    }

    fn hold(&mut self, name: u64, prefix: &[u8]) {
        let by = By { reason: "model".into(), ..By::default() };
        let receipt = self.tenant().hold(&format!("h{name}"), prefix, None, &by).expect("hold");
        self.settle(&Changes { holds: vec![(name, Some(prefix.to_vec()))], ..Changes::default() }, Ok(receipt));
    }

    fn lift(&mut self, name: u64) {
        match self.tenant().lift(&format!("h{name}"), &By::default()) {
            Ok(receipt) => self.settle(&Changes { holds: vec![(name, None)], ..Changes::default() }, Ok(receipt)),
            Err(e) => assert_eq!(e.code(), "hold.missing"),
        }
    }

    /// Records in the map what was recorded of the other tenant.
    fn settle_other(&mut self, changes: Changes, receipt: annals::Receipt) {
        let current = std::mem::replace(&mut self.current, OTHER.to_owned());
        self.settle(&changes, Ok(receipt));
        self.current = current;
    }

    fn drop_other(&mut self, days: u64) {
        let by = By { reason: "model".into(), ..By::default() };
        let dropped = self.store().drop_tenant(OTHER, Some(days * 86_400), &by);
        let Some(plain) = self.plain.get(OTHER) else {
            assert_eq!(dropped.expect_err("there is none").code(), "tenant.missing");
            return;
        };
        match (dropped, plain.tenancy()) {
            (Ok((receipt, until)), Use::Normal) => {
                self.current = "main".to_owned();
                self.settle_other(Changes { tenancy: Some(Use::Dropped(until.micros())), ..Changes::default() }, receipt);
                let refused = self.store().tenant(OTHER).err().expect("nobody reads it");
                assert_eq!((refused.kind(), refused.code()), (Kind::Missing, "tenant.dropped"));
                let tenant = self.store().tenant_or_dropped(OTHER).expect("a handle of before");
                assert_eq!(tenant.put("x", &b"x"[..]).expect_err("nothing is recorded").code(), "tenant.dropped");
            }
            (Err(e), Use::Normal) => assert!(e.code() == "rule.hold" && !plain.holds[plain.holds.len() - 1].is_empty(), "{e}"),
            (Err(e), Use::Dropped(_)) => assert_eq!(e.code(), "tenant.dropped"),
            (Err(e), Use::Gone) => assert_eq!(e.code(), "tenant.gone"),
            (Ok(_), other) => panic!("dropped, and it was {other:?}"),
        }
    }

    fn undrop_other(&mut self) {
        let back = self.store().undrop_tenant(OTHER, &By::default());
        match (back, self.plain.get(OTHER).map(Plain::tenancy)) {
            (Ok(receipt), Some(Use::Dropped(_))) => self.settle_other(Changes { tenancy: Some(Use::Normal), ..Changes::default() }, receipt),
            (Err(e), None) => assert_eq!(e.code(), "tenant.missing"),
            (Err(e), Some(Use::Normal)) => assert_eq!(e.code(), "tenant.in_use"),
            (Err(e), Some(Use::Gone)) => assert_eq!(e.code(), "tenant.gone"),
            (other, tenancy) => panic!("{other:?} of a tenant that was {tenancy:?}"),
        }
    }

    fn let_go(&mut self) {
        self.clock.advance(10 * 86_400_000_000);
        let now = self.clock.now().micros();
        let over = self.plain.get(OTHER).is_some_and(|plain| matches!(plain.tenancy(), Use::Dropped(until) if until <= now));
        let told = over && self.shipped(OTHER).1;
        let kept = self.plain.get(OTHER).map(Plain::kept).unwrap_or_default();
        let done = self.store().let_go(&Silent).expect("let go");
        assert_eq!((done.tenants.len(), done.waiting.len()), (usize::from(told), usize::from(over && !told)), "{done:?}");
        if told {
            assert_eq!(done.contents, kept.len() as u64);
            let tenant = self.store().tenant_or_dropped(OTHER).expect("its record stays");
            let batch = tenant.batches(tenant.position().expect("position").seq, 0, 1).expect("batches").remove(0);
            self.plain
                .get_mut(OTHER)
                .expect("known")
                .commit(&Changes { forgets: kept, tenancy: Some(Use::Gone), ..Changes::default() }, batch.event.time.micros());
        }
    }

    fn verify(&self) {
        for level in [Level::Quick, Level::Full] {
            let report = self.store().verify(level, &Silent).expect("verify");
            assert!(report.problems.is_empty(), "{:?}", report.problems);
        }
    }

    /// The present, one moment and one document.
    pub fn compare_some(&self, dice: &mut Dice) {
        let plain = self.plain();
        assert_eq!(self.tenant().position().expect("position").seq, plain.seq());
        self.compare_state(plain.seq());
        self.compare_state(dice.below(plain.seq() + 1));
        self.compare_document(&key(dice.below(24)));
    }

    pub fn compare_all(&mut self) {
        for name in self.plain.keys().cloned().collect::<Vec<_>>() {
            self.current = name;
            (0..=self.plain().seq()).for_each(|seq| self.compare_state(seq));
            (0..24).for_each(|n| self.compare_document(&key(n)));
            self.compare_times();
            self.compare_marks_and_references();
        }
        self.verify();
    }

    fn compare_state(&self, seq: u64) {
        let view = if seq == self.plain().seq() { self.tenant().now() } else { self.tenant().at(&Moment::Seq(seq)).expect("a moment") };
        let listed: Vec<_> = view.list("").map(|v| v.expect("a row")).map(|v| (v.key, v.number, v.size)).collect();
        let state = &self.plain().states[seq as usize];
        let expected: Vec<_> = state.iter().map(|(key, (value, number))| (key.clone(), *number, value.0.len() as u64)).collect();
        assert_eq!(listed, expected, "the state after batch {seq}");
        for (key, (value, _)) in state {
            match view.get(key) {
                Ok(reader) => assert!(reader.bytes(1 << 20).expect("bytes") == *value.0, "{key:?} after batch {seq}"),
                Err(e) => assert_eq!(e.code(), "content.forgotten", "{key:?} after batch {seq}"),
            }
            assert_eq!(view.get(key).is_err(), self.is_lost(key, seq), "{key:?} after batch {seq}");
        }
    }

    fn compare_document(&self, key: &[u8]) {
        let plain = self.plain();
        let history = plain.histories.get(key).map_or(&[][..], |h| &h[..]);
        let Ok(versions) = self.tenant().history(key) else {
            assert!(history.is_empty());
            return;
        };
        let puts: Vec<(usize, &Step)> = history.iter().enumerate().filter(|(_, (_, put))| put.is_some()).collect();
        assert_eq!(versions.len(), puts.len(), "versions of {key:?}");
        for (version, (place, (seq, put))) in versions.iter().zip(puts) {
            let (value, number) = put.as_ref().expect("a put");
            let end = history.get(place + 1);
            assert_eq!((version.number, version.from.seq, version.size), (*number, *seq, value.0.len() as u64));
            assert_eq!(version.until.as_ref().map(|e| e.seq), end.map(|(at, _)| *at));
            assert_eq!(version.removed, end.is_some_and(|(_, put)| put.is_none()));
            let lost = plain.is_forgotten(plain.content_of(key, *seq));
            assert_eq!(version.forgotten.is_some(), lost, "{key:?} v{number}");
            match self.tenant().open(version) {
                Ok(reader) => assert!(!lost && reader.bytes(1 << 20).expect("bytes") == *value.0),
                Err(e) => assert!(lost && e.code() == "content.forgotten", "{e}"),
            }
        }
    }

    fn compare_times(&self) {
        let times = &self.plain().times;
        for at in 1..times.len() {
            let expected = times.iter().rposition(|t| *t <= times[at]).expect("itself") as u64;
            let resolved = self.tenant().resolve(&Moment::Instant(Timestamp(times[at]))).expect("a moment of the log");
            assert_eq!(resolved, expected);
        }
    }

    fn compare_marks_and_references(&self) {
        let plain = self.plain();
        let marks: Vec<_> = plain.marks[plain.marks.len() - 1].iter().map(|(name, seq)| (format!("m{name}"), *seq)).collect();
        assert_eq!(self.tenant().marks().expect("marks"), marks);
        for (id, (key, state)) in &plain.references[plain.references.len() - 1] {
            assert_eq!(self.tenant().find_ref("svarut", &id.to_string()).expect("find"), std::slice::from_ref(key));
            let found = self.tenant().refs(key).expect("references");
            assert!(found.iter().any(|r| r.id == id.to_string() && r.state == *state));
        }
    }
}
