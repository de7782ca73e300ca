//! Work that is cut: each case prepares a directory and does one thing there that may be cut anywhere and done again.

use std::fs;
use std::path::{Path, PathBuf};

use annals::base::disk;
use annals::base::monitor::Silent;
use annals::base::random::OsRandom;
use annals::engine::capture::FolderCapture;
use annals::engine::plans::By;
use annals::engine::store::{KEY_FILE, read_key_file};
use annals::format::keyfile::Unlock;
use annals::model::change::{FileKind, Meta};
use annals::model::plan::OnConflict;
use annals::model::reference::Reference;
use annals::storage::source::folder::Rules;
use annals::storage::tree::TreeWriter;
use annals::{Result, Store};

use crate::support::{copy_tree, folder_remote, noise, options, quick, rebuild, shapes, sound};

/// One thing that may be cut.
pub struct Case {
    pub name: &'static str,
    /// Prepares the directory.
    pub prepare: fn(&Path),
    /// Does the work; done again after a cut, it ends in the same state.
    pub act: fn(&Work) -> Result<()>,
    /// Looks at the directory after a cut, before the work is done again.
    pub after_cut: fn(&Work),
    /// Looks at the directory after the work was done.
    pub done: fn(&Work),
}

/// A directory with the store in it, open where there is one.
pub struct Work {
    pub root: PathBuf,
    store: Option<Store>,
}

impl Work {
    pub fn open(root: &Path) -> Self {
        let dir = root.join("store");
        let store = dir.join("annals.store").exists().then(|| options().open(&dir).expect("the store opens"));
        Work { root: root.to_owned(), store }
    }

    pub fn store(&self) -> &Store {
        self.store.as_ref().expect("there is a store")
    }

    pub fn has_store(&self) -> bool {
        self.store.is_some()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

const NOTHING: fn(&Work) = |_| {};

pub const CASES: &[Case] = &[
    Case { name: "init", prepare: |_| {}, act: init, after_cut: NOTHING, done: NOTHING },
    Case { name: "put of a small document", prepare: filled, act: put_small, after_cut: NOTHING, done: NOTHING },
    Case { name: "put of a large document", prepare: filled, act: put_large, after_cut: NOTHING, done: NOTHING },
    Case { name: "batch of everything", prepare: filled, act: batch, after_cut: NOTHING, done: NOTHING },
    Case { name: "draft, collected and committed", prepare: filled, act: draft, after_cut: NOTHING, done: NOTHING },
    Case { name: "rollback", prepare: filled, act: rollback, after_cut: NOTHING, done: NOTHING },
    Case { name: "capture of a folder", prepare: with_folder, act: capture, after_cut: NOTHING, done: NOTHING },
    Case { name: "a new tenant", prepare: filled, act: add_tenant, after_cut: NOTHING, done: NOTHING },
    Case { name: "seal", prepare: filled, act: seal, after_cut: NOTHING, done: whole_outbox },
    Case { name: "ship", prepare: half_shipped, act: ship, after_cut: remote_is_readable, done: remote_is_all },
    Case { name: "first shipment", prepare: filled, act: ship, after_cut: NOTHING, done: remote_is_all },
    Case { name: "garbage collection", prepare: littered, act: gc, after_cut: NOTHING, done: NOTHING },
    Case { name: "forgetting", prepare: may_forget, act: forget, after_cut: remote_says_the_same, done: remote_says_the_same },
    Case { name: "compaction", prepare: forgotten, act: compact, after_cut: remote_says_the_same, done: remote_is_all },
    Case { name: "erasure", prepare: may_erase, act: erase, after_cut: erased_or_not_begun, done: erased },
    Case { name: "rebuild", prepare: shipped, act: rebuild_beside, after_cut: NOTHING, done: rebuilt },
    Case { name: "fetch", prepare: follower, act: fetch, after_cut: NOTHING, done: NOTHING },
    Case { name: "restore of a tree", prepare: filled, act: restore, after_cut: nothing_half_restored, done: nothing_half_restored },
    Case { name: "passphrase of the key file", prepare: filled, act: passphrase, after_cut: key_opens, done: key_opens },
];

fn init(work: &Work) -> Result<()> {
    match options().init(&work.path("store"), "test") {
        Err(e) if e.code() == "store.exists" => Ok(()),
        other => other.map(drop),
    }
}

/// Some documents, small and large, some history.
pub fn filled(root: &Path) {
    let store = options().init(&root.join("store"), "test").expect("init");
    for round in 0..3u64 {
        let mut batch = store.batch("fill").actor("806");
        for i in 0..8 {
            batch.put(format!("case/{i}"), &mut format!("{{\"id\": {i}, \"round\": {round}}}\n").as_bytes()).expect("put");
        }
        batch.put("large/one", &mut &noise(round, 30_000)[..]).expect("put");
        batch.put("large/two", &mut &noise(7, 60_000 + round as usize)[..]).expect("put");
        batch.commit().expect("commit");
    }
    store.remove("case/7").expect("remove");
    store.mark("filled").expect("mark");
    let modes = Meta { mode: Some(0o640), mtime_ns: Some(1_700_000_000_000_000_001), ..Meta::default() };
    let mut batch = store.batch("tree");
    batch.put_with("tree/dir/file", &mut &b"in a directory"[..], modes).expect("put");
    batch.put_with("tree/link", &mut &b"dir/file"[..], Meta { kind: FileKind::Link, ..Meta::default() }).expect("put");
    batch.put_with("tree/empty/", &mut &b""[..], Meta { kind: FileKind::Directory, ..Meta::default() }).expect("put");
    batch.put("tree/large", &mut &noise(7, 60_000)[..]).expect("put");
    batch.commit().expect("commit");
}

fn put_small(work: &Work) -> Result<()> {
    let mut batch = work.store().batch("").request_id("put 1");
    batch.put("case/1", &mut &b"another small one"[..])?;
    batch.commit().map(drop)
}

fn put_large(work: &Work) -> Result<()> {
    let mut batch = work.store().batch("").request_id("put 2");
    batch.put("large/three", &mut &noise(99, 900_000)[..])?;
    batch.commit().map(drop)
}

fn batch(work: &Work) -> Result<()> {
    let mut batch = work.store().batch("all kinds").request_id("batch 1");
    for i in 0..20 {
        batch.put(format!("batch/{i}"), &mut format!("number {i}").as_bytes())?;
    }
    batch.put("batch/large", &mut &noise(100, 200_000)[..])?;
    batch.put("large/one", &mut &noise(101, 100_000)[..])?;
    batch.remove("case/2")?;
    batch.add_ref("case/3", Reference { system: "svarut".into(), id: "1".into(), state: "sent".into(), irrevocable: true, expires: None })?;
    batch.mark("in the batch")?;
    batch.commit().map(drop)
}

fn draft(work: &Work) -> Result<()> {
    let store = work.store();
    if store.get("draft/large").is_ok() {
        return Ok(());
    }
    let id = store.begin_draft("806", "collected")?;
    store.add_to_draft(id, b"draft/small", Some(&mut &b"small"[..]), Meta::default())?;
    store.add_to_draft(id, b"draft/large", Some(&mut &noise(102, 90_000)[..]), Meta::default())?;
    store.add_to_draft(id, b"case/4", None, Meta::default())?;
    store.commit_draft(id, "").map(drop)
}

fn rollback(work: &Work) -> Result<()> {
    let plan = work.store().rollback(b"", &annals::model::moment::Moment::Seq(1))?;
    work.store().apply(&plan, OnConflict::Skip, &By::default()).map(drop)
}

fn with_folder(root: &Path) {
    filled(root);
    let folder = root.join("folder");
    fs::create_dir_all(folder.join("sub/empty")).expect("create");
    for i in 0..12 {
        fs::write(folder.join(format!("sub/{i}.txt")), noise(i, 100 + 2000 * i as usize)).expect("write");
    }
    std::os::unix::fs::symlink("sub/1.txt", folder.join("link")).expect("link");
}

fn capture(work: &Work) -> Result<()> {
    let what = FolderCapture { folder: work.path("folder"), prefix: b"folder/".to_vec(), rules: Rules::default(), allow_empty: false };
    let captured = work.store().capture_folder(&what, None, &By { reason: "capture".into(), ..By::default() }, &Silent)?;
    assert!(captured.skipped.is_empty(), "{:?}", captured.skipped);
    Ok(())
}

fn add_tenant(work: &Work) -> Result<()> {
    match work.store().add_tenant("b") {
        Err(e) if e.code() == "tenant.exists" => Ok(()),
        other => other.map(drop),
    }
}

fn seal(work: &Work) -> Result<()> {
    work.store().seal(&quick().seal, &Silent).map(drop)
}

/// What is in the outbox is what is sealed, and not a file more.
fn whole_outbox(work: &Work) {
    let names = crate::support::files(&work.path("store/outbox"));
    assert!(!names.is_empty() && names.iter().all(|n| !n.to_string_lossy().ends_with(".partial")), "{names:?}");
    ship(work).expect("ship");
    remote_is_all(work);
}

fn ship(work: &Work) -> Result<()> {
    work.store().ship(&folder_remote(&work.path("remote")), &quick(), &Silent)?.whole().map(drop)
}

fn half_shipped(root: &Path) {
    filled(root);
    let work = Work::open(root);
    ship(&work).expect("ship");
    put_large(&work).expect("put");
    batch(&work).expect("batch");
}

fn shipped(root: &Path) {
    half_shipped(root);
    ship(&Work::open(root)).expect("ship");
}

/// Whatever became of the last shipment, the one before can be read.
fn remote_is_readable(work: &Work) {
    let into = tempfile::tempdir().expect("dir");
    let (again, _) = rebuild(&work.path("store"), &[folder_remote(&work.path("remote"))], &into.path().join("again")).expect("rebuild");
    let position = again.position().expect("position");
    assert!(position.seq >= 6, "only {} batches came back", position.seq);
    let ours = work.store().batches(position.seq, position.seq, 1).expect("batches");
    assert_eq!(ours[0].digest, position.digest);
    sound(&again);
}

fn remote_is_all(work: &Work) {
    let into = tempfile::tempdir().expect("dir");
    let remote = [folder_remote(&work.path("remote"))];
    let (again, report) = rebuild(&work.path("store"), &remote, &into.path().join("again")).expect("rebuild");
    assert!(report.gaps.is_empty() && report.bridged.is_empty(), "{report:?}");
    assert_eq!(shapes(&again), shapes(work.store()));
    let report = work.store().verify_remote(&remote[0], true, &Silent).expect("verify");
    assert!(report.problems.is_empty() && report.contents > 0, "{report:?}");
    let left = crate::support::files(&work.path("remote"));
    let in_a_folder = |name: &&PathBuf| name.components().count() > 1;
    assert!(left.iter().filter(in_a_folder).all(|n| !n.to_string_lossy().ends_with(".partial")), "{left:?}");
}

fn littered(root: &Path) {
    filled(root);
    let work = Work::open(root);
    let mut batch = work.store().batch("abandoned");
    batch.put_if_version("refused", &mut &noise(200, 400_000)[..], Meta::default(), 7).expect("put");
    batch.commit().expect_err("there is no such version, but the chunks are there");
}

fn gc(work: &Work) -> Result<()> {
    work.store().gc(false, &Silent)?;
    assert_eq!(work.store().gc(true, &Silent)?.orphans, 0);
    Ok(())
}

/// Several shipments, so that versions lean on those of other slices.
fn may_forget(root: &Path) {
    drop(options().init(&root.join("store"), "test").expect("init"));
    let config = root.join("store/annals.toml");
    let text = fs::read_to_string(&config).expect("read") + "[[remote]]\nname = \"usb\"\ndirectory = \"/nowhere\"\n";
    fs::write(config, text).expect("write");
    let work = Work::open(root);
    for round in 0..3u64 {
        let mut batch = work.store().batch("more");
        for i in 0..2 {
            batch.put(format!("case/{i}"), &mut format!("{{\"id\": {i}, \"round\": {round}}}\n").as_bytes()).expect("put");
        }
        batch.put("large/one", &mut &noise(round, 9_000)[..]).expect("put");
        batch.commit().expect("commit");
        ship(&work).expect("ship");
    }
}

fn forget(work: &Work) -> Result<()> {
    let rules = annals::model::retention::Rules { last: Some(1), ..Default::default() };
    let plan = work.store().plan_forget("", &rules, &Silent)?;
    if plan.contents > 0 {
        work.store().forget(&plan, &By::default(), &Silent)?;
    }
    work.store().gc(false, &Silent).map(drop)
}

fn forgotten(root: &Path) {
    may_forget(root);
    let work = Work::open(root);
    forget(&work).expect("forget");
    ship(&work).expect("ship");
}

fn compact(work: &Work) -> Result<()> {
    let options = annals::engine::compact::CompactOptions { grace_secs: 0, all: true, seal: quick().seal, ..Default::default() };
    // The second one removes what the first one replaced.
    (0..2).try_for_each(|_| work.store().compact(&folder_remote(&work.path("remote")), &options, &Silent).map(drop))
}

/// What is offsite can be read, and what was not forgotten by then is there.
fn remote_says_the_same(work: &Work) {
    let into = tempfile::tempdir().expect("dir");
    let remote = [folder_remote(&work.path("remote"))];
    let (again, report) = rebuild(&work.path("store"), &remote, &into.path().join("again")).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    sound(&again);
    let (theirs, ours) = (shapes(&again), shapes(work.store()));
    for (key, digest) in &ours["main"].versions {
        let kept = *digest != annals::Digest::ZERO;
        assert!(!kept || theirs["main"].versions.get(key) == Some(digest), "{key:?}");
    }
}

/// Two subjects with contents from before the declaration and after it, shipped and not shipped. Small ones: every scrub of the chunk store writes
/// its journal full, see [`erasing_chunks`] for that.
fn may_erase(root: &Path) {
    drop(options().init(&root.join("store"), "test").expect("init"));
    let configure = |rules: &str| {
        let config = root.join("store/annals.toml");
        let text = fs::read_to_string(&config).expect("read") + rules;
        fs::write(config, text).expect("write");
    };
    let put = |work: &Work, n: u64| {
        let mut batch = work.store().batch("life");
        for person in 1..3u64 {
            batch.put(format!("person/{person}/notes"), &mut &noise(500 + 10 * person + n, 900)[..]).expect("put");
        }
        batch.commit().expect("commit");
    };
    configure("[[remote]]\nname = \"usb\"\ndirectory = \"/nowhere\"\n");
    let work = Work::open(root);
    put(&work, 0);
    ship(&work).expect("ship");
    drop(work);
    configure("[erasable]\nprefixes = [\"person/\"]\n");
    let work = Work::open(root);
    put(&work, 1);
    ship(&work).expect("ship");
    put(&work, 2);
}

pub fn erase(work: &Work) -> Result<()> {
    let store = work.store();
    if store.graves()?.is_empty() {
        let by = By { actor: "806".into(), reason: "asked for it".into(), ..By::default() };
        let done = store.erase(&store.plan_erase("person/1")?, &by, &Silent)?;
        return match done.left_here {
            None => Ok(()),
            Some(why) => Err(annals::Error::new(annals::Kind::Failed, "erase.left", why)),
        };
    }
    store.gc(false, &Silent).map(drop)
}

/// The same with a large document of the subject, whose chunks share a group with those of others.
pub fn erasing_chunks(root: &Path) {
    may_erase(root);
    let work = Work::open(root);
    let mut batch = work.store().batch("large");
    batch.put("person/1/picture", &mut &noise(610, 9_000)[..]).expect("put");
    batch.put("person/2/picture", &mut &noise(620, 9_000)[..]).expect("put");
    batch.commit().expect("commit");
}

/// Whether a file below a directory has the first bytes of something of the subject.
fn has_secrets(dir: &Path) -> bool {
    let secrets: Vec<Vec<u8>> = (510..513).map(|n| noise(n, 900)).chain([noise(610, 9_000)]).collect();
    crate::support::files(dir).iter().any(|name| {
        let bytes = fs::read(dir.join(name)).expect("file");
        secrets.iter().any(|secret| crate::support::has(&bytes, &secret[..48]))
    })
}

/// The transaction decides: before it everything is there, after it nothing, and what lies around is known to.
pub fn erased_or_not_begun(work: &Work) {
    let store = work.store();
    let begun = !store.graves().expect("graves").is_empty();
    let history = store.history("person/1/notes").expect("history");
    assert!(history.iter().all(|version| version.forgotten.is_some() == begun), "half of it");
    assert_eq!(store.get("person/1/notes").is_ok(), !begun);
    assert!(store.get("person/2/notes").is_ok());
    if begun && !store.erasure_left_here().expect("known") {
        assert!(!has_secrets(&work.path("store")), "it was said to be gone");
    }
}

pub fn erased(work: &Work) {
    erased_or_not_begun(work);
    assert!(!work.store().erasure_left_here().expect("known") && !has_secrets(&work.path("store")));
    ship(work).expect("ship");
    remote_says_the_same(work);
}

pub fn erased_here(root: &Path) {
    may_erase(root);
    erase(&Work::open(root)).expect("erase");
}

pub fn ship_and_compact(work: &Work) -> Result<()> {
    ship(work)?;
    let options = annals::engine::compact::CompactOptions { grace_secs: 0, seal: quick().seal, ..Default::default() };
    (0..2).try_for_each(|_| work.store().compact(&folder_remote(&work.path("remote")), &options, &Silent).map(drop))
}

fn pending(work: &Work) -> annals::engine::remains::Pending {
    let remote = folder_remote(&work.path("remote"));
    work.store().erasure_pending(&remote.name).expect("pending")
}

/// What is said to be gone there is: a rebuild that reads all of it finds nothing, and the old key object is not there.
pub fn erased_there_or_pending(work: &Work) {
    let into = tempfile::tempdir().expect("dir");
    let remote = [folder_remote(&work.path("remote"))];
    let (again, report) = rebuild(&work.path("store"), &remote, &into.path().join("again")).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    sound(&again);
    if !pending(work).keys {
        assert!(again.history("person/1/notes").expect("history").iter().all(|version| version.forgotten.as_ref().is_some_and(|f| f.erased)));
        let keys = crate::support::files(&work.path("remote"));
        assert_eq!(keys.iter().filter(|name| name.to_string_lossy().contains("subjects-")).count(), 1, "{keys:?}");
    }
}

pub fn erased_there(work: &Work) {
    erased_there_or_pending(work);
    assert!(pending(work).is_none(), "{:?}", pending(work));
    remote_is_all(work);
}

fn rebuild_beside(work: &Work) -> Result<()> {
    match rebuild(&work.path("store"), &[folder_remote(&work.path("remote"))], &work.path("again")) {
        Ok((_, report)) => {
            assert!(report.gaps.is_empty(), "{report:?}");
            Ok(())
        }
        Err(e) if e.code() == "store.exists" => Ok(()),
        Err(e) => Err(e),
    }
}

fn rebuilt(work: &Work) {
    let again = options().open(&work.path("again")).expect("open");
    assert_eq!(shapes(&again), shapes(work.store()));
    sound(&again);
    let left = crate::support::files(&work.path("again"));
    assert!(left.iter().all(|n| !n.starts_with("incoming") && !n.to_string_lossy().contains("annals.new")), "{left:?}");
}

/// The store is behind its remote: an older copy of its directory.
fn follower(root: &Path) {
    filled(root);
    ship(&Work::open(root)).expect("ship");
    copy_tree(&root.join("store"), &root.join("older"));
    let work = Work::open(root);
    put_large(&work).expect("put");
    batch(&work).expect("batch");
    ship(&work).expect("ship");
    drop(work);
    fs::remove_dir_all(root.join("store")).expect("remove");
    fs::rename(root.join("older"), root.join("store")).expect("rename");
}

fn fetch(work: &Work) -> Result<()> {
    let report = work.store().fetch(&[folder_remote(&work.path("remote"))], &Silent)?;
    assert!(report.gaps.is_empty(), "what could not be fetched because of this disk is no gap of the remote's: {report:?}");
    Ok(())
}

fn restore(work: &Work) -> Result<()> {
    let mut tree = match TreeWriter::begin(&work.path("restored/target")) {
        Err(e) if e.code() == "restore.exists" => return Ok(()),
        other => other?,
    };
    write_tree(work.store(), b"tree/", &mut tree)?;
    tree.commit().map(drop)
}

/// Writes all documents under a prefix; keys that cannot be paths are left out and given back.
pub fn write_tree(store: &Store, prefix: &[u8], tree: &mut TreeWriter) -> Result<Vec<Vec<u8>>> {
    let mut refused = Vec::new();
    for version in store.list(prefix) {
        let version = version?;
        let key = &version.key[prefix.len()..];
        let mut reader = store.open(&version)?;
        let written = match version.meta.kind {
            FileKind::Directory => tree.directory(key, &version.meta),
            FileKind::Link => tree.link(key, &reader.bytes(4096)?, &version.meta),
            FileKind::File => tree.file(key, &version.meta).and_then(|mut file| {
                loop {
                    let run = reader.next_run()?;
                    if run.is_empty() {
                        return file.finish(version.digest);
                    }
                    file.append(run)?;
                }
            }),
        };
        match written {
            Err(e) if e.code() == "restore.path" => refused.push(version.key),
            other => other?,
        }
    }
    Ok(refused)
}

/// The target is all there or not there.
fn nothing_half_restored(work: &Work) {
    let target = work.path("restored/target");
    if !target.exists() {
        return;
    }
    assert_eq!(fs::read(target.join("dir/file")).expect("file"), b"in a directory");
    assert_eq!(fs::read_link(target.join("link")).expect("link"), Path::new("dir/file"));
    assert_eq!(fs::read(target.join("large")).expect("large"), noise(7, 60_000));
    assert!(target.join("empty").is_dir());
    assert_eq!(fs::read_dir(work.path("restored")).expect("list").count(), 1, "nothing is left beside the target");
}

const PASSPHRASE: &str = "blå bær";

fn passphrase(work: &Work) -> Result<()> {
    let path = work.path("store").join(KEY_FILE);
    let mut key_file = read_key_file(&path)?;
    if key_file.has_passphrase() {
        return Ok(());
    }
    let secret = key_file.open(&Unlock::default())?;
    key_file.set_passphrase(&secret, Some(PASSPHRASE), &OsRandom)?;
    disk::write_file(&path, key_file.to_text().as_bytes(), 0o600)
}

fn key_opens(work: &Work) {
    let key_file = read_key_file(&work.path("store").join(KEY_FILE)).expect("the key file is whole");
    key_file.open(&Unlock { passphrase: Some(PASSPHRASE), identity: None }).expect("the key opens");
}
