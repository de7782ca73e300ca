//! The golden remote of format 1, and a fresh one, read by both readers.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use annals::Store;
use annals::base::monitor::Silent;
use annals::base::random::SeededRandom;
use annals::engine::store::read_key_file;
use annals::engine::verify::Level;
use annals::format::block::Effort;
use annals::format::keyfile::{Unlock, sheet};

use crate::site::{directory, fixtures, live, new_site, rebuild, ship};
use crate::{facts, python};

/// The passphrase of the golden key file.
const PASSPHRASE: &str = "fire ulike ord";

fn expected() -> BTreeSet<String> {
    facts::of_lines(&std::fs::read_to_string(fixtures().join("formats/v1/expected.jsonl")).expect("expected.jsonl"))
}

/// Shows what differs instead of two long sets.
pub fn assert_same(found: &BTreeSet<String>, wanted: &BTreeSet<String>) {
    let (extra, missing): (Vec<_>, Vec<_>) = (found.difference(wanted).take(5).collect(), wanted.difference(found).take(5).collect());
    assert!(extra.is_empty() && missing.is_empty(), "not expected: {extra:#?}\nmissing: {missing:#?}");
}

#[test]
fn the_golden_remote_is_rebuilt_digest_for_digest() {
    let golden = fixtures().join("formats/v1");
    let dir = tempfile::tempdir().expect("dir");
    for (key, passphrase, into) in [("annals.key", None, "a"), ("passphrase.key", Some(PASSPHRASE), "b")] {
        let (store, report) = rebuild(&golden.join("remote"), &golden.join(key), passphrase, &dir.path().join(into)).expect("rebuild");
        assert!(report.gaps.is_empty() && report.bridged.is_empty(), "{report:?}");
        assert_same(&facts::of_store(&store), &expected());
        let verified = store.verify(Level::Full, &Silent).expect("verify");
        assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    }
}

#[test]
fn the_golden_sheet_says_what_the_golden_key_file_says() {
    let golden = fixtures().join("formats/v1");
    let key_file = read_key_file(&golden.join("annals.key")).expect("key file");
    let (site, secret) = sheet::parse(&std::fs::read_to_string(golden.join("sheet.txt")).expect("sheet.txt")).expect("sheet");
    assert_eq!(site, key_file.site());
    assert_eq!(secret, key_file.open(&Unlock::default()).expect("plain"));
}

#[test]
fn a_rebuilt_golden_site_goes_on_and_ships() {
    let golden = fixtures().join("formats/v1");
    let dir = tempfile::tempdir().expect("dir");
    let copy = dir.path().join("remote");
    copy_tree(&golden.join("remote"), &copy);
    let (store, _) = rebuild(&copy, &golden.join("annals.key"), None, &dir.path().join("one")).expect("rebuild");
    let before = store.position().expect("position");
    store.put("sak/7", &b"{\"id\":7}\n"[..]).expect("put");
    ship(&store, &directory(&copy), Effort::Best);
    let (again, report) = rebuild(&copy, &golden.join("annals.key"), None, &dir.path().join("two")).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(again.position().expect("position").seq, before.seq + 1);
    assert_same(&facts::of_store(&again), &facts::of_store(&store));
}

#[test]
fn the_independent_reader_reads_the_golden_remote() {
    let golden = fixtures().join("formats/v1");
    let path = |name: &str| golden.join(name).to_string_lossy().into_owned();
    let (key, closed, sheet) = (path("annals.key"), path("passphrase.key"), path("sheet.txt"));
    for (unlock, passphrase) in [(["--key", &key], None), (["--key", &closed], Some(PASSPHRASE)), (["--sheet", &sheet], None)] {
        let Some(read) = python::read(&golden.join("remote"), &unlock, passphrase, &["--list", "--versions", "--json"]) else { return };
        assert_eq!((read.exit, read.complaints.as_str()), (0, ""));
        assert_same(&facts::of_lines(&read.out), &expected());
    }
    let wrong = python::read(&golden.join("remote"), &["--key", &closed], Some("fire like ord"), &["--verify"]).expect("as before");
    assert_eq!(wrong.exit, 12, "{}", wrong.complaints);
    // The fixture is worth little if it does not have a bit of everything.
    let verified = python::read(&golden.join("remote"), &["--key", &key], None, &["--verify"]).expect("as before");
    for met in ["contents with a base", "part objects", "slices with boxes", "spliced contents", "streams of method 1", "streams of method 3"] {
        assert!(verified.out.contains(met), "no {met} in the golden remote: {}", verified.out);
    }
}

#[test]
fn the_independent_reader_reads_what_is_shipped_today() {
    let dir = tempfile::tempdir().expect("dir");
    for (name, effort) in [("best", Effort::Best), ("quick", Effort::Quick(3))] {
        let remote = dir.path().join(name).join("remote");
        let (store, clock) = new_site(&dir.path().join(name), None);
        let offsite = directory(&remote);
        live(&store, &clock, 100, &|| ship(&store, &offsite, effort));
        let key = store.dir().join("annals.key").to_string_lossy().into_owned();
        let Some(read) = python::read(&remote, &["--key", &key], None, &["--list", "--versions", "--json"]) else { return };
        assert_eq!((read.exit, read.complaints.as_str()), (0, ""));
        assert_same(&facts::of_lines(&read.out), &facts::of_store(&store));
        let verified = python::read(&remote, &["--key", &key], None, &["--verify"]).expect("as before");
        assert!(verified.out.contains("streams written as text"), "{}", verified.out);
        extracted_files_are_the_documents(&store, &remote, &key, &dir.path().join(name).join("files"));
    }
}

#[test]
fn the_independent_reader_checks_what_a_site_says_of_itself() {
    let golden = fixtures().join("formats/v1");
    let dir = tempfile::tempdir().expect("dir");
    let (store, _) = rebuild(&golden.join("remote"), &golden.join("annals.key"), None, &dir.path().join("one")).expect("rebuild");
    let held = dir.path().join("held.json");
    let text = store.attest().expect("attest");
    let key = golden.join("annals.key").to_string_lossy().into_owned();
    let check = |text: &str| {
        std::fs::write(&held, text).expect("written");
        python::read(&golden.join("remote"), &["--key", &key], None, &["--attestation", &held.to_string_lossy()])
    };
    let Some(read) = check(&text) else { return };
    assert_eq!(read.exit, 0, "{}", read.complaints);
    let digest = store.position().expect("position").digest.to_hex();
    assert!(read.out.contains(&digest) && text.contains(read.out.trim_end()), "{}", read.out);
    let forged = check(&text.replace(&digest, &digest.chars().rev().collect::<String>())).expect("as before");
    assert_eq!(forged.exit, 4, "{}", forged.complaints);
}

fn extracted_files_are_the_documents(store: &Store, remote: &Path, key: &str, into: &Path) {
    use std::os::unix::ffi::OsStrExt;
    let read = python::read(remote, &["--key", key], None, &["--extract", &into.to_string_lossy()]).expect("as before");
    assert_eq!((read.exit, read.complaints.as_str()), (0, ""));
    let mut files = 0;
    let dropped = store.dropped().expect("dropped");
    let gone = |name: &str| dropped.iter().any(|d| d.tenant == name && d.gone.is_some());
    assert!(gone("kommune-d") && !into.join("kommune-d").exists());
    for tenant in store.tenants().expect("tenants").iter().filter(|tenant| !gone(tenant.name())) {
        for version in tenant.list("") {
            let version = version.expect("row");
            let path = into.join(tenant.name()).join(std::ffi::OsStr::from_bytes(&version.key));
            let wanted = tenant.open(&version).expect("open").bytes(64 << 20).expect("bytes");
            let kind = path.symlink_metadata().unwrap_or_else(|e| panic!("{}: {e}", path.display())).file_type();
            if kind.is_symlink() {
                assert_eq!(path.read_link().expect("link").as_os_str().as_bytes(), wanted);
            } else if kind.is_file() {
                assert!(std::fs::read(&path).expect("file") == wanted, "{}", path.display());
                files += 1;
            }
        }
    }
    assert!(files > 40, "{files}");
}

/// Copies a tree of directories and files.
pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in from.read_dir().expect("entries") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type").is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("copy");
        }
    }
}

/// Writes `fixtures/formats/v1` where there is none. The same bytes every time, as long as the encoders write the same.
#[test]
#[ignore = "writes the fixtures; see the head of main.rs"]
fn regenerate() {
    let golden = fixtures().join("formats/v1");
    assert!(!golden.exists(), "{} is there and frozen: what was written once must be read for ever", golden.display());
    std::fs::create_dir_all(&golden).expect("a directory");
    let dir = tempfile::tempdir().expect("dir");
    let random = Arc::new(SeededRandom::new(2018));
    let (store, clock) = new_site(dir.path(), Some(random.clone()));
    let offsite = directory(&golden.join("remote"));
    live(&store, &clock, 1, &|| ship(&store, &offsite, Effort::Best));
    let mut lines = facts::of_store(&store).into_iter().collect::<Vec<_>>().join("\n");
    lines.push('\n');
    std::fs::write(golden.join("expected.jsonl"), lines).expect("expected.jsonl");
    let mut key_file = read_key_file(&store.dir().join("annals.key")).expect("key file");
    std::fs::write(golden.join("annals.key"), key_file.to_text().as_bytes()).expect("annals.key");
    let secret = key_file.open(&Unlock::default()).expect("plain");
    let page = sheet::render(&secret, key_file.site(), "clinic-17", &["dir:/media/backup/hist".to_owned()], "2026-11-20");
    std::fs::write(golden.join("sheet.txt"), page).expect("sheet.txt");
    key_file.set_passphrase(&secret, Some(PASSPHRASE), &*random).expect("passphrase");
    std::fs::write(golden.join("passphrase.key"), key_file.to_text().as_bytes()).expect("passphrase.key");
}
