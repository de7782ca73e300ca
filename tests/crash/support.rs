//! Stores in temporary directories, and what they say, in a form that can be compared.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annals::base::digest::Digest;
use annals::base::machine::Machine;
use annals::base::monitor::Silent;
use annals::base::random::{Random, SeededRandom};
use annals::base::time::{ManualClock, Timestamp};
use annals::engine::offsite::{FetchReport, OpenRemote, ShipOptions};
use annals::engine::rebuild::Rebuild;
use annals::engine::seal::SealOptions;
use annals::engine::store::{KEY_FILE, Options, read_key_file};
use annals::engine::verify::Level;
use annals::format::block::Effort;
use annals::format::keyfile::Unlock;
use annals::{Result, Store, Tenant};

/// 2026-03-01T12:00:00Z.
pub const NOON: i64 = 1_772_366_400_000_000;

/// The seed of everything random in these tests: `ANNALS_SEED`, 1 otherwise.
pub fn seed() -> u64 {
    number("ANNALS_SEED", 1)
}

/// Options with a clock that stands still and randomness that can be repeated, so that the same work gives the same ids and digests. They wait
/// for the lock: a process that another test is just starting has our open files for a moment. The copies that the tests make of a store are to
/// be taken for the store.
pub fn options() -> Options {
    thread_local! {
        /// How many stores this test has opened: each gets randomness of its own.
        static OPENED: Cell<u64> = const { Cell::new(0) };
    }
    let options = Store::builder().clock(Arc::new(ManualClock::new(Timestamp(NOON)))).machine(Machine::unknown());
    let options = options.lock_wait(std::time::Duration::from_secs(10));
    // A child would draw what its parent has drawn.
    if std::env::var_os(crate::kills::CHILD).is_some() {
        return options;
    }
    let opened = OPENED.replace(OPENED.get() + 1);
    options.random(Arc::new(SeededRandom::new(seed() << 32 | opened)))
}

/// Ships with little effort: what is compared here is not the bytes saved.
pub fn quick() -> ShipOptions {
    ShipOptions { seal: SealOptions { effort: Effort::Quick(1), ..SealOptions::default() }, ..ShipOptions::default() }
}

/// Bytes that do not compress.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    SeededRandom::new(seed).fill(&mut bytes);
    bytes
}

pub fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(usual)
}

/// What a tenant says: the end of its log and every version of every document, with the digest of the bytes that were
/// really read; zeros where they were forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    pub seq: u64,
    pub digest: Digest,
    pub now: Vec<(Vec<u8>, u64)>,
    pub versions: BTreeMap<(Vec<u8>, u64), Digest>,
}

pub fn shape(tenant: &Tenant) -> Shape {
    let position = tenant.position().expect("position");
    let now: Vec<_> = tenant.list("").map(|v| v.expect("a row")).map(|v| (v.key, v.number)).collect();
    let removed = tenant.now().list_removed("").map(|v| v.expect("a row").key);
    let mut versions = BTreeMap::new();
    for key in now.iter().map(|(key, _)| key.clone()).chain(removed) {
        for version in tenant.history(&key).expect("history") {
            if let Some(forgotten) = &version.forgotten {
                let code = if forgotten.erased { "content.erased" } else { "content.forgotten" };
                assert_eq!(tenant.open(&version).err().expect("no bytes").code(), code);
                versions.insert((key.clone(), version.number), Digest::ZERO);
                continue;
            }
            let mut bytes = Vec::new();
            tenant.open(&version).expect("open").copy_to(&mut bytes).expect("read");
            let digest = Digest::of(&bytes);
            assert_eq!(digest, version.digest);
            versions.insert((key.clone(), version.number), digest);
        }
    }
    Shape { seq: position.seq, digest: position.digest, now, versions }
}

pub fn shapes(store: &Store) -> BTreeMap<String, Shape> {
    store.tenants().expect("tenants").iter().map(|t| (t.name().to_owned(), shape(t))).collect()
}

/// Fails unless everything verifies and nothing is known to be damaged.
pub fn sound(store: &Store) {
    let report = store.verify(Level::Full, &Silent).expect("verify");
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    assert!(store.damage().expect("damage").is_none());
}

/// Rebuilds the site whose key is in `store_dir` from remotes.
pub fn rebuild(store_dir: &Path, remotes: &[OpenRemote], into: &Path) -> Result<(Store, FetchReport)> {
    let key_file = read_key_file(&store_dir.join(KEY_FILE))?;
    let secret = key_file.open(&Unlock::default())?;
    Rebuild { remotes, into, key_file, secret, site_name: "test", at: None }.run(options(), &Silent)
}

/// A remote in a directory.
pub fn folder_remote(dir: &Path) -> OpenRemote {
    fs::create_dir_all(dir).expect("a directory");
    let opened = annals::storage::remote::Directory::new(dir, &annals::storage::remote::Options::default());
    OpenRemote::new("usb", Arc::new(opened))
}

/// Whether these bytes are among others. Pages of zeros are passed over: a journal is mostly that.
pub fn has(bytes: &[u8], needle: &[u8]) -> bool {
    const ZEROS: [u8; 8192] = [0; 8192];
    (0..bytes.len()).step_by(4096).any(|from| {
        let page = &bytes[from..bytes.len().min(from + 4096 + needle.len())];
        page != &ZEROS[..page.len()] && page.windows(needle.len()).any(|window| window[0] == needle[0] && window == needle)
    })
}

/// Copies a tree, keeping holes: the journal of a chunk store is a sparse file.
pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("create");
    for entry in fs::read_dir(from).expect("list") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type").is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            copy_file(&entry.path(), &target);
        }
    }
}

fn copy_file(from: &Path, to: &Path) {
    let mut source = File::open(from).expect("open");
    let mut target = File::create(to).expect("create");
    let mut block = vec![0; 1 << 16];
    let mut len = 0;
    loop {
        let n = source.read(&mut block).expect("read");
        if n == 0 {
            break;
        }
        if block[..n].iter().any(|b| *b != 0) {
            target.seek(SeekFrom::Start(len)).expect("seek");
            target.write_all(&block[..n]).expect("write");
        }
        len += n as u64;
    }
    target.set_len(len).expect("length");
}

/// All files below a directory, relative to it, in order.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    fn walk(dir: &Path, below: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir.join(below)).expect("list") {
            let entry = entry.expect("entry");
            let path = below.join(entry.file_name());
            if entry.file_type().expect("type").is_dir() { walk(dir, &path, out) } else { out.push(path) }
        }
    }
    let mut out = Vec::new();
    walk(dir, Path::new(""), &mut out);
    out.sort();
    out
}

/// Every file of a directory with the digest of its bytes.
pub fn digests(dir: &Path) -> BTreeMap<PathBuf, Digest> {
    files(dir).into_iter().map(|path| (path.clone(), Digest::of(&fs::read(dir.join(&path)).expect("read")))).collect()
}
