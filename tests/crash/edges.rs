//! Two owners, newer formats, wrong keys, odd names, hostile trees, many small things.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::time::Instant;

use annals::base::error::Kind;
use annals::base::monitor::Silent;
use annals::engine::store::{KEY_FILE, MARKER};
use annals::model::change::{FileKind, Meta};
use annals::model::moment::Moment;
use annals::storage::tree::TreeWriter;
use annals::{Batch, Result, Store};

use crate::cases::{filled, write_tree};
use crate::kills::spawn;
use crate::support::{digests, files, folder_remote, noise, number, options, quick, rebuild, shapes, sound};

#[test]
fn two_processes_never_own_one_store() {
    let dir = tempfile::tempdir().expect("dir");
    filled(dir.path());
    let exit = || spawn("open", dir.path(), None).wait().expect("wait").code();
    let store = options().open(&dir.path().join("store")).expect("open");
    assert_eq!(exit(), Some(11));
    assert_eq!(Store::open(dir.path().join("store")).err().expect("locked").kind(), Kind::Locked, "nor does this one twice");
    let clone = store.clone();
    drop(store);
    assert_eq!(exit(), Some(11), "a clone holds it still");
    drop(clone);
    assert_eq!(exit(), Some(0));
}

#[test]
fn a_newer_store_is_refused_untouched() {
    let dir = tempfile::tempdir().expect("dir");
    filled(dir.path());
    let store = dir.path().join("store");
    let refused = |what: &str| {
        let before = digests(&store);
        let error = options().open(&store).err().expect(what);
        assert_eq!((error.kind(), error.kind().exit()), (Kind::Newer, 16), "{what}");
        assert!(error.what_next().is_some_and(|hint| hint.contains("newer annals")));
        assert_eq!(spawn("open", dir.path(), None).wait().expect("wait").code(), Some(16));
        assert_eq!(digests(&store), before, "{what}: it was touched");
    };
    let marker = fs::read_to_string(store.join(MARKER)).expect("marker");
    fs::write(store.join(MARKER), marker.replace("format 1", "format 2")).expect("write");
    refused("the marker");
    fs::write(store.join(MARKER), marker).expect("write");
    // Bytes 60 to 63 of a SQLite file are its user version.
    let mut catalog = fs::read(store.join("catalog.db")).expect("catalog");
    catalog[63] = 2;
    fs::write(store.join("catalog.db"), &catalog).expect("write");
    refused("the catalogue");
}

#[test]
fn a_wrong_key_opens_nothing() {
    let (one, two) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
    filled(one.path());
    filled(two.path());
    let remote = folder_remote(&one.path().join("remote"));
    options().open(&one.path().join("store")).expect("open").ship(&remote, &quick(), &Silent).expect("ship");
    let error = rebuild(&two.path().join("store"), std::slice::from_ref(&remote), &one.path().join("again")).err().expect("another site's key");
    assert_eq!((error.kind(), error.code()), (Kind::Denied, "key.wrong"));
    assert!(error.to_string().contains("nothing that was shipped there opens"), "{error}");
    assert!(!one.path().join("again").join(MARKER).exists());
    fs::copy(two.path().join("store").join(KEY_FILE), one.path().join("store").join(KEY_FILE)).expect("copy");
    let store = options().open(&one.path().join("store")).expect("reading needs no key");
    store.put("x", &b"nor does recording"[..]).expect("put");
    let error = store.ship(&remote, &quick(), &Silent).expect_err("another site's key");
    assert_eq!((error.kind(), error.code()), (Kind::Denied, "key.wrong"));
    fs::remove_file(one.path().join("store").join(KEY_FILE)).expect("remove");
    assert_eq!(store.ship(&remote, &quick(), &Silent).expect_err("no key").code(), "key.missing");
}

/// Keys that are names, and how they come back.
fn odd_keys() -> Vec<Vec<u8>> {
    let mut keys: Vec<Vec<u8>> =
        ["..", "../up", "/root", "a//b", "a/./b", "a/../../b", "dots..", " ", "\n", "a\nb\r", "-rf", "~", "$(x)", "\u{202e}", "å/ø"]
            .iter()
            .map(|k| k.as_bytes().to_vec())
            .collect();
    keys.push(vec![b'k'; 4096]);
    keys.push(vec![0xff, 0xfe, 0x80]);
    keys.push(b"a/".repeat(2048));
    keys
}

#[test]
fn odd_keys_are_names_and_come_back_from_a_remote() {
    let dir = tempfile::tempdir().expect("dir");
    let store = options().init(&dir.path().join("store"), "test").expect("init");
    for key in odd_keys() {
        store.put(&key, &key[..]).expect("put");
    }
    for (bad, code) in [(&b""[..], "key.empty"), (b"a\0b", "key.nul"), (&[b'k'; 4097], "key.long")] {
        let error = store.put(bad, &b""[..]).expect_err("refused");
        assert!(error.code() == code && error.what_next().is_some() && error.kind() == Kind::Usage, "{error:?}");
    }
    let remote = folder_remote(&dir.path().join("remote"));
    store.ship(&remote, &quick(), &Silent).expect("ship");
    let (again, _) = rebuild(&dir.path().join("store"), &[remote], &dir.path().join("again")).expect("rebuild");
    assert_eq!(shapes(&again), shapes(&store));
    for key in odd_keys() {
        assert_eq!(again.get(&key).expect("get").bytes(8192).expect("bytes"), key);
    }
}

#[test]
fn a_restored_tree_never_leaves_its_target() {
    let dir = tempfile::tempdir().expect("dir");
    let outside = dir.path().join("outside");
    fs::create_dir(&outside).expect("create");
    fs::write(outside.join("mine"), b"precious").expect("write");
    let store = options().init(&dir.path().join("store"), "test").expect("init");
    let link = |target: &Path| (Meta { kind: FileKind::Link, ..Meta::default() }, target.to_string_lossy().into_owned().into_bytes());
    let mut batch = store.batch("hostile");
    for (name, target) in
        [("a-link", outside.clone()), ("b-link", "../outside".into()), ("dir/c-link", "..".into()), ("d-link", outside.join("mine"))]
    {
        let (meta, bytes) = link(&target);
        batch.put_with(name, &mut &bytes[..], meta).expect("put");
    }
    // Through the links, over the links, beside the target, above it.
    for key in ["a-link/mine", "b-link/new", "dir/c-link/up", "d-link/x", "../outside/mine", "/../outside/mine", "dir/../../outside/mine", "fine"] {
        batch.put(key, &mut &b"hostile"[..]).expect("put");
    }
    batch.commit().expect("commit");
    for key in odd_keys() {
        store.put(&key, &b"odd"[..]).expect("put");
    }
    let before = digests(&outside);
    let target = dir.path().join("into/target");
    let mut tree = TreeWriter::begin(&target).expect("begin");
    let refused = write_tree(&store, b"", &mut tree).expect("everything else is written");
    tree.commit().expect("commit");
    assert_eq!(digests(&outside), before, "nothing outside was touched");
    assert_eq!(fs::read(target.join("fine")).expect("fine"), b"hostile");
    let hostile = ["a-link/mine", "b-link/new", "dir/c-link/up", "d-link/x", "../outside/mine", "dir/../../outside/mine"];
    assert!(hostile.iter().all(|key| refused.contains(&key.as_bytes().to_vec())), "{refused:?}");
    let beside: Vec<_> = fs::read_dir(dir.path().join("into")).expect("list").collect();
    assert_eq!(beside.len(), 1);
    // A target that is a link, or has one swapped in while the restore runs.
    symlink(&outside, dir.path().join("into/alias")).expect("link");
    let error = TreeWriter::begin(&dir.path().join("into/alias")).and_then(|tree| tree.commit().map(drop)).expect_err("not empty");
    assert_eq!(error.kind(), Kind::Refused);
    let swapped = dir.path().join("into/swapped");
    let mut tree = TreeWriter::begin(&swapped).expect("begin");
    symlink(&outside, &swapped).expect("link");
    write_tree(&store, b"fine", &mut tree).map(drop).unwrap_or_default();
    assert!(tree.commit().is_err(), "a link that appeared at the target is not followed");
    assert_eq!(digests(&outside), before);
}

/// Bytes that a directory takes on disk; holes do not count.
fn disk_bytes(dir: &Path) -> u64 {
    files(dir).iter().map(|path| fs::metadata(dir.join(path)).expect("metadata").blocks() * 512).sum()
}

fn in_threads(store: &Store, total: u64, work: impl Fn(&Store, u64) -> Result<()> + Sync) {
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (store, work) = (store.clone(), &work);
            scope.spawn(move || (thread..total).step_by(8).for_each(|i| work(&store, i).expect("recorded")));
        }
    });
}

#[test]
fn ten_thousand_tiny_batches_stay_small() {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("store");
    let store = options().init(&path, "test").expect("init");
    let empty = disk_bytes(&path);
    let started = Instant::now();
    in_threads(&store, 10_000, |store, i| store.put(format!("n/{}", i % 1000), format!("tiny {i}").as_bytes()).map(drop));
    let seconds = started.elapsed().as_secs_f64();
    assert_eq!(store.position().expect("position").seq, 10_000);
    drop(store);
    let grown = disk_bytes(&path) - empty;
    let store = options().open(&path).expect("open");
    let remote = folder_remote(&dir.path().join("remote"));
    let report = store.ship(&remote, &quick(), &Silent).expect("ship");
    println!(
        "10,000 tiny batches: {seconds:.1} s, {} bytes a batch on disk, {} bytes shipped in {} objects",
        grown / 10_000,
        report.bytes,
        report.objects
    );
    assert!(grown / 10_000 <= 1000, "{} bytes a batch", grown / 10_000);
    assert!(report.bytes <= 10_000 * 60 && report.objects <= 4, "{report:?}");
    let (again, _) = rebuild(&path, &[remote], &dir.path().join("again")).expect("rebuild");
    assert_eq!(again.position().expect("end"), store.position().expect("end"));
}

#[test]
fn one_document_with_many_versions() {
    let versions = number("ANNALS_VERSIONS", 100_000);
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("store");
    let store = options().init(&path, "test").expect("init");
    let content = |i: u64| format!("{{\"text\": \"{}\", \"i\": {i}}}", "the same words again and again ".repeat(10));
    // Each is a batch of its own; a sync for each would take a minute and show nothing more.
    for first in (0..versions).step_by(2000) {
        let batch = |i| {
            let mut batch = store.batch("");
            batch.put("doc", content(i).as_bytes()).map(|()| batch)
        };
        let batches = (first..versions.min(first + 2000)).map(batch).collect::<Result<Vec<_>>>().expect("put");
        Batch::commit_all(batches).expect("commit");
    }
    store.put("last", &noise(1, 20_000)[..]).expect("put");
    let history = store.history("doc").expect("history");
    assert_eq!(history.len() as u64, versions);
    assert!(history.iter().enumerate().all(|(i, v)| v.number == i as u64 + 1));
    assert!(history.windows(2).all(|pair| pair[0].until.as_ref().map(|e| e.seq) == Some(pair[1].from.seq)));
    let middle = store.at(&Moment::Seq(versions / 2)).expect("at").version(b"doc").expect("version");
    assert_eq!(middle.number, versions / 2);
    let remote = folder_remote(&dir.path().join("remote"));
    let report = store.ship(&remote, &quick(), &Silent).expect("ship");
    println!("{versions} versions of one document of 330 bytes: {} bytes shipped", report.bytes);
    let (again, _) = rebuild(&path, &[remote], &dir.path().join("again")).expect("rebuild");
    assert_eq!(again.position().expect("end"), store.position().expect("end"));
    sound(&again);
}

/// A disk that is really full: a small file system in memory. Needs the right to mount one; says so where that is missing.
#[test]
fn a_full_disk_refuses_and_keeps_what_was_recorded() {
    let dir = tempfile::tempdir().expect("dir");
    let disk = dir.path().join("disk");
    fs::create_dir(&disk).expect("create");
    let mount = |words: &[&str]| std::process::Command::new(words[0]).args(&words[1..]).arg(&disk).stderr(std::process::Stdio::null()).status();
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=24m", "annals-test"]).is_ok_and(|status| status.success()) {
        println!("skipped: a_full_disk_refuses_and_keeps_what_was_recorded: no right to mount a file system in memory");
        return;
    }
    let outcome = std::panic::catch_unwind(|| fill_up(&disk));
    mount(&["umount", "-l"]).expect("umount");
    outcome.expect("the disk fills up and is emptied again");
}

fn fill_up(disk: &Path) {
    let path = disk.join("store");
    let store = options().init(&path, "test").expect("init");
    fs::write(disk.join("filler"), noise(0, 6 << 20)).expect("write");
    let mut recorded = 0u64;
    let error = (0..1000u64)
        .find_map(|i| match store.put(format!("k/{i}"), &noise(i, 150_000)[..]) {
            Ok(_) => {
                recorded = i + 1;
                None
            }
            Err(e) => Some(e),
        })
        .expect("24 MiB are soon full");
    assert!(recorded > 10 && error.kind() == Kind::Space && error.what_next().is_some(), "after {recorded}: {error:?}");
    assert_eq!(error.kind().exit(), 15);
    let small = store.put("small", &b"also refused, or not, but never half"[..]).is_ok();
    drop(store);
    fs::remove_file(disk.join("filler")).expect("remove");
    let store = options().open(&path).expect("open");
    assert_eq!(store.position().expect("position").seq, recorded + u64::from(small));
    for i in 0..recorded {
        assert!(store.get(format!("k/{i}")).expect("get").bytes(1 << 20).expect("bytes") == noise(i, 150_000), "k/{i}");
    }
    store.put("after", &noise(5000, 150_000)[..]).expect("there is room again");
    sound(&store);
}
