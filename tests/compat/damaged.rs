//! The golden remote with one thing wrong: both readers say what, and give what is left.

use std::path::{Path, PathBuf};

use annals::Kind;
use annals::base::digest::Digest;

use crate::golden::copy_tree;
use crate::python;
use crate::site::{fixtures, rebuild};

/// Batches of the main tenant, and of the other one.
const WHOLE: (u64, u64) = (13, 2);

struct Remote {
    dir: tempfile::TempDir,
}

impl Remote {
    fn golden() -> Self {
        let dir = tempfile::tempdir().expect("dir");
        copy_tree(&fixtures().join("formats/v1/remote"), &dir.path().join("remote"));
        Remote { dir }
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("remote")
    }

    /// The folder of the tenant whose log has more objects, or of the other one.
    fn folder(&self, main: bool) -> PathBuf {
        let mut folders: Vec<PathBuf> = self.root().read_dir().expect("remote").map(|e| e.expect("entry").path()).filter(|p| p.is_dir()).collect();
        folders.sort_by_key(|p| p.read_dir().expect("folder").count());
        folders.remove(usize::from(main))
    }

    /// The object of a tenant that has `part` in its name.
    fn object(&self, main: bool, part: &str) -> PathBuf {
        let mut entries = self.folder(main).read_dir().expect("folder").map(|e| e.expect("entry").path());
        entries.find(|p| name(p).contains(part)).unwrap_or_else(|| panic!("no object with {part}"))
    }

    fn harm(&self, main: bool, part: &str, harm: impl FnOnce(&mut Vec<u8>)) {
        let path = self.object(main, part);
        let mut bytes = std::fs::read(&path).expect("object");
        harm(&mut bytes);
        std::fs::write(path, bytes).expect("write");
    }

    /// Stores bytes under a name that fits them, for other batches than they hold.
    fn store_as(&self, main: bool, timeline: &str, batches: &str, bytes: &[u8]) {
        let name = format!("{timeline}-{batches}-t0000-{}-{}.seg", bytes.len(), Digest::of(bytes).short(32));
        std::fs::write(self.folder(main).join(name), bytes).expect("write");
    }

    /// Both readers: how many batches of both tenants they could read, and whether one of their complaints has `words`.
    fn check(&self, left: (u64, u64), rust_says: &str, python_says: &str) {
        let key = fixtures().join("formats/v1/annals.key");
        let (store, report) = rebuild(&self.root(), &key, None, &self.dir.path().join("again")).expect("what is left is rebuilt");
        let seq = |name: &str| store.tenant(name).map_or(0, |t| t.position().expect("position").seq);
        let told = format!("{report:?}");
        assert_eq!((seq("main"), seq("kommune-b")), left, "{told}");
        assert!(told.contains(rust_says), "{told}");
        assert_eq!(report.gaps.is_empty(), left == WHOLE, "{told}");
        let Some(read) = python::read(&self.root(), &["--key", &key.to_string_lossy()], None, &["--list", "--versions", "--json"]) else { return };
        assert_eq!(read.exit, 4, "{}", read.complaints);
        assert!(read.complaints.contains(python_says), "{}", read.complaints);
        let reached = |tenant: &str| {
            let of = |line: &str| {
                let fact: serde_json::Value = serde_json::from_str(line).expect("JSON");
                (fact["tenant"] == tenant).then(|| fact["position"]["seq"].as_u64()).flatten()
            };
            read.out.lines().find_map(of).unwrap_or(0)
        };
        assert_eq!((reached("main"), reached("kommune-b")), left, "{}", read.complaints);
    }
}

fn name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
}

#[test]
fn a_cut_upload() {
    let remote = Remote::golden();
    remote.harm(true, "-0000000003-", |bytes| bytes.truncate(bytes.len() / 2));
    remote.check((2, 2), "a cut upload", "a cut upload");
}

#[test]
fn a_flipped_bit_in_a_tail_object() {
    let remote = Remote::golden();
    remote.harm(true, "-0000000008-", |bytes| flip(bytes));
    remote.check((7, 2), "has other bytes than its name says", "has other bytes than its name says");
}

#[test]
fn a_flipped_bit_in_a_part() {
    let remote = Remote::golden();
    remote.harm(true, "-p0001-", |bytes| flip(bytes));
    remote.check((0, 2), "has other bytes than its name says", "has other bytes than its name says");
}

#[test]
fn a_missing_slice() {
    let remote = Remote::golden();
    std::fs::remove_file(remote.object(true, "-0000000008-")).expect("remove");
    remote.check((7, 2), "batch 8", "batches 8 to 13 could not be read");
}

#[test]
fn a_missing_part() {
    let remote = Remote::golden();
    std::fs::remove_file(remote.object(true, "-p0000-")).expect("remove");
    remote.check((0, 2), "no remote has", "is not there");
}

#[test]
fn a_slice_in_the_place_of_another() {
    let remote = Remote::golden();
    let eighth = remote.object(true, "-0000000008-");
    let last = std::fs::read(remote.object(true, "-0000000009-")).expect("object");
    std::fs::remove_file(&eighth).expect("remove");
    remote.store_as(true, &name(&eighth)[..16], "0000000008-000000000c", &last);
    remote.check((7, 2), "bytes that no writer makes", "what comes before them is missing");
}

#[test]
fn a_slice_of_another_tenant() {
    let remote = Remote::golden();
    let foreign = remote.object(false, "-0000000002-");
    let bytes = std::fs::read(&foreign).expect("object");
    remote.store_as(true, &name(&foreign)[..16], "0000000003-000000000d", &bytes);
    remote.check(WHOLE, "sealed with another key", "sealed with the key of another tenant");
}

#[test]
fn a_changed_key_object() {
    let remote = Remote::golden();
    remote.harm(false, "key-", |bytes| flip(bytes));
    remote.check((13, 0), "does not open with this key, or was changed", "has other bytes than its name says");
}

#[test]
fn a_key_object_of_another_tenant() {
    let remote = Remote::golden();
    let own = remote.object(false, "key-");
    std::fs::remove_file(&own).expect("remove");
    std::fs::copy(remote.object(true, "key-"), own.with_file_name(name(&remote.object(true, "key-")))).expect("copy");
    remote.check((13, 0), "belongs to another tenant or site", "stands in another tenant's folder");
}

#[test]
fn a_missing_key_object() {
    let remote = Remote::golden();
    std::fs::remove_file(remote.object(false, "key-")).expect("remove");
    remote.check((13, 0), "its sealed key is on no remote", "no whole key object");
}

#[test]
fn a_newer_format() {
    let remote = Remote::golden();
    let old = remote.object(true, "-0000000008-");
    let mut bytes = std::fs::read(&old).expect("object");
    std::fs::remove_file(&old).expect("remove");
    let end = bytes.len() - 1;
    (bytes[4], bytes[end]) = (2, 2);
    remote.store_as(true, &name(&old)[..16], "0000000008-0000000008", &bytes);
    let key = fixtures().join("formats/v1/annals.key");
    let error = rebuild(&remote.root(), &key, None, &remote.dir.path().join("again")).err().expect("refused");
    assert_eq!(error.kind(), Kind::Newer);
    let Some(read) = python::read(&remote.root(), &["--key", &key.to_string_lossy()], None, &["--verify"]) else { return };
    assert_eq!(read.exit, 16, "{}", read.complaints);
}

#[cfg(feature = "msoffice")]
#[test]
fn a_container_that_only_one_reader_can_write_again() {
    use crate::site::{directory, new_site, ship};
    let dir = tempfile::tempdir().expect("dir");
    let (store, _) = new_site(dir.path(), None);
    store.put("plain", &b"to be read by all\n"[..]).expect("put");
    let other = std::fs::read(fixtures().join("sources/other.v1.docx")).expect("source");
    store.put("other", &other[..]).expect("put");
    let remote = dir.path().join("remote");
    ship(&store, &directory(&remote), annals::format::block::Effort::Best);
    let key = store.dir().join("annals.key");
    let (again, _) = rebuild(&remote, &key, None, &dir.path().join("again")).expect("rebuild");
    assert!(again.get("other").expect("get").bytes(1 << 20).expect("bytes") == other);
    let key = key.to_string_lossy().into_owned();
    let Some(read) = python::read(&remote, &["--key", &key], None, &["--get", "plain"]) else { return };
    assert_eq!((read.exit, read.out.as_str()), (4, "to be read by all\n"), "{}", read.complaints);
    assert!(read.complaints.contains("container method 2") && read.complaints.contains("cannot be proven"), "{}", read.complaints);
}

#[test]
fn another_site_on_the_same_remote_is_no_damage() {
    use crate::site::{directory, new_site, ship};
    let remote = Remote::golden();
    let (store, _) = new_site(&remote.dir.path().join("other"), None);
    store.put("a", &b"of another site\n"[..]).expect("put");
    ship(&store, &directory(&remote.root()), annals::format::block::Effort::Best);
    let key = fixtures().join("formats/v1/annals.key");
    let (again, report) = rebuild(&remote.root(), &key, None, &remote.dir.path().join("again")).expect("rebuild");
    assert!(report.gaps.is_empty(), "{report:?}");
    assert_eq!(again.tenants().expect("tenants").len(), 2);
    let Some(read) = python::read(&remote.root(), &["--key", &key.to_string_lossy()], None, &["--verify"]) else { return };
    assert_eq!((read.exit, read.complaints.as_str()), (0, ""));
}
