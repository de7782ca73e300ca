use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::*;
use crate::base::monitor::Silent;
use crate::format::segment::{ObjectRead, Tail};

/// Objects in the outbox.
struct Outbox(PathBuf);

impl ObjectRead for Outbox {
    fn read(&self, object: &ObjectName, offset: u64, len: u64) -> Result<Vec<u8>> {
        let bytes = disk::read_file(&self.0.join(object.to_string()), limits::SEGMENT_BYTES_MAX)?;
        Ok(bytes[offset as usize..(offset + len) as usize].to_vec())
    }
}

/// What each content is packed against, in every sealing of its slice that lies in the outbox.
fn bases(tenant: &Tenant) -> BTreeMap<u64, BTreeSet<Option<u64>>> {
    let (inner, key) = (&*tenant.inner, tenant.key().expect("key"));
    let mut found: BTreeMap<u64, BTreeSet<Option<u64>>> = BTreeMap::new();
    for entry in tenant.outbox().read_dir().expect("outbox").flatten() {
        let name = ObjectName::parse(&entry.file_name().to_string_lossy()).expect("an object");
        let numbered = inner.catalog.read(|rows| rows.batch(catalog::id(tenant.id, name.first - 1))).expect("batch");
        let contents = numbered.map_or(0, |b| b.numbered.1);
        let before = Before { inner, tenant: tenant.id, first_seq: name.first, contents };
        let tail = Tail::read(&key, tenant.public, &name, &Outbox(tenant.outbox())).expect("tail");
        let slice = tail.decode(tenant.public, &before).expect("records").into_slice();
        for (content, ordinal) in slice.contents.iter().zip(contents..) {
            found.entry(ordinal).or_default().insert(content.base);
        }
    }
    found
}

/// The longest chain that a reader meets who takes the worst sealing of everything.
fn longest(bases: &BTreeMap<u64, BTreeSet<Option<u64>>>) -> u32 {
    let mut depths: BTreeMap<u64, u32> = BTreeMap::new();
    for (content, bases) in bases {
        let depth = bases.iter().map(|base| base.map_or(0, |base| depths[&base] + 1)).max().unwrap_or(0);
        depths.insert(*content, depth);
    }
    depths.into_values().max().unwrap_or(0)
}

/// A first version that is packed against another document, and sealed again is not, moves the place where the chain of its document is cut.
/// Readers who take one slice from one remote and the next from another must not follow both pieces.
#[test]
fn chains_stay_bounded_whichever_sealing_is_read() {
    let dir = tempfile::tempdir().expect("dir");
    let store = Store::init(dir.path().join("store"), "test").expect("init");
    let options = SealOptions { effort: Effort::Quick(3), ..SealOptions::default() };
    let text: String = (0..600u32).map(|i| format!("{:08x}\n", i.wrapping_mul(2_654_435_761))).collect();
    store.put("template", text.as_bytes()).expect("put");
    store.seal(&options, &Silent).expect("seal");
    // Two versions a slice: the base of the second one lies in the same slice.
    for version in 0..140 {
        store.put("letter", format!("{text}version {version}\n").as_bytes()).expect("put");
        if version % 2 == 1 {
            store.seal(&options, &Silent).expect("seal");
        }
    }
    let once = bases(&store);
    assert_eq!(longest(&once), limits::BASE_CHAIN_MAX, "the chain was cut where it became too long");
    // A rebuilt store knows no resemblance with what it has not sealed itself.
    store.inner.catalog.write(|w| w.run("DELETE FROM sketch", ())).expect("forget");
    for slice in store.inner.catalog.read(|rows| rows.slices(store.id)).expect("slices").into_iter().skip(1) {
        store.seal_again(&slice, &options, &Silent).expect("seal again");
    }
    let twice = bases(&store);
    assert!(twice.values().any(|bases| bases.len() > 1), "some contents were packed differently");
    assert!(longest(&twice) <= limits::BASE_CHAIN_MAX, "{} deltas one upon the other", longest(&twice));
}

/// Depths are noted before a slice is recorded: what a sealing that was cut noted of contents is not true of the one that comes after it.
#[test]
fn what_a_cut_sealing_noted_of_contents_is_said_anew_by_the_next() {
    let dir = tempfile::tempdir().expect("dir");
    let store = Store::init(dir.path().join("store"), "test").expect("init");
    store.put("letter", &b"sealed whole"[..]).expect("put");
    let depth = || store.inner.catalog.read(|rows| rows.chain(catalog::id(store.id, 0))).expect("depth");
    store.inner.catalog.write(|w| w.set_chain(catalog::id(store.id, 0), 7)).expect("a sealing that was cut");
    assert_eq!(depth(), 7);
    store.seal(&SealOptions::default(), &Silent).expect("seal");
    assert_eq!(depth(), 0);
}
