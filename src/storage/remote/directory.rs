//! A directory as a remote: a second disk, a USB disk, a mounted share. Built in, needs nothing installed.
//!
//! A mount point without its disk is a directory too. So the first shipment leaves a marker file in the root, and a remote that has been used
//! before and has no marker now is absent: to be waited for, not broken, and never to be filled.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::contract::{self, Check, Object, Outcome, Remote, Stored, Upload};
use super::place::Options;
use super::throttle::Throttle;
use crate::base::digest::{Digest, Hasher};
use crate::base::disk::{self, Staged};
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress, check_stop};

/// The file that says that the disk with our objects is really there.
pub const MARKER: &str = ".annals-remote";
const MARKER_TEXT: &[u8] = b"Annals keeps its objects in this directory. Without this file it takes the disk for not mounted.\n";
/// Bytes read, passed through the throttle and written at a time.
const BLOCK_BYTES: usize = 128 * 1024;

/// See the module.
pub struct Directory {
    root: PathBuf,
    used_before: bool,
    read_back: bool,
    throttle: Throttle,
    requests: AtomicU64,
}

impl Directory {
    /// A remote in `root`. Nothing is touched before the first verb.
    pub fn new(root: impl Into<PathBuf>, options: &Options) -> Self {
        Directory {
            root: root.into(),
            used_before: options.used_before,
            read_back: options.read_back,
            throttle: Throttle::new(options.limit_rate, Arc::clone(&options.sleeper)),
            requests: AtomicU64::new(0),
        }
    }

    fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Fails with `remote.absent` unless the root is there and is the one that was used before.
    fn present(&self) -> Result<()> {
        self.count();
        let root = self.root.display();
        match fs::metadata(&self.root) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(Error::usage("remote.not_a_directory", format!("a remote must be a directory: {root}"))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(contract::absent(&self.describe()).hint(format!("connect or mount the disk; for a new remote: mkdir -p {root}")));
            }
            Err(e) => return Err(self.failed("read", &self.root, e)),
        }
        if self.used_before && !self.root.join(MARKER).exists() {
            let hint = format!("the directory is there, its disk seems not to be mounted; if all is as it should be: touch {root}/{MARKER}");
            return Err(contract::absent(&self.describe()).hint(hint));
        }
        Ok(())
    }

    /// A failure of the remote's disk, in the words of a remote.
    fn failed(&self, what: &str, path: &Path, error: std::io::Error) -> Error {
        self.in_our_words(Error::io(format_args!("{what} {}", path.display()), error))
    }

    fn in_our_words(&self, error: Error) -> Error {
        let (code, hint) = match error.kind() {
            Kind::Space => ("remote.full", "free some space on that disk, or let old objects go: annals compact"),
            Kind::Denied => ("remote.denied", "give this user the right to read and write that directory"),
            Kind::Failed => ("remote.io", "look at the disk and its cable; if it was taken away, connect it again"),
            _ => return error,
        };
        let kind = if error.kind() == Kind::Failed { Kind::Remote } else { error.kind() };
        Error::new(kind, code, error.to_string()).hint(hint).caused_by(error)
    }

    /// Opens an object; one that is not there is [`Kind::Missing`] only if the root is.
    fn open(&self, name: &str) -> Result<(File, u64)> {
        self.present()?;
        let path = self.root.join(name);
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?, file)));
        match opened {
            Ok((metadata, file)) if metadata.is_file() => Ok((file, metadata.len())),
            Err(e) if !absence(&e) => Err(self.failed("read", &path, e)),
            _ => Err(contract::object_missing(name, &self.describe())),
        }
    }

    fn digest(&self, name: &str, monitor: &dyn Monitor) -> Result<Digest> {
        let (mut file, _) = self.open(name)?;
        let mut hasher = Hasher::new();
        let mut block = vec![0; BLOCK_BYTES];
        loop {
            let n = file.read(&mut block).map_err(|e| self.failed("read", &self.root.join(name), e))?;
            if n == 0 {
                return Ok(hasher.finish());
            }
            check_stop(monitor)?;
            self.throttle.pass(n as u64, monitor)?;
            hasher.update(&block[..n]);
        }
    }

    fn store_one(&self, upload: &Upload, monitor: &dyn Monitor, moved: &mut dyn FnMut(u64)) -> Outcome {
        check_stop(monitor)?;
        self.count();
        let target = self.root.join(&upload.name);
        let stored = match self.verify(&upload.name, upload.size, None, monitor)? {
            Check::Right if self.digest(&upload.name, monitor)? == file_digest(&upload.from)? => return Ok(Stored::Existed),
            Check::Missing => Stored::Written,
            _ => Stored::Repaired,
        };
        if let Some(parent) = target.parent() {
            disk::create_dirs(parent).map_err(|e| self.in_our_words(e))?;
            if upload.tried {
                sweep(parent, &upload.name);
            }
        }
        let mut staged = Staged::create(&target, 0o644).map_err(|e| self.in_our_words(e))?;
        let mut hasher = Hasher::new();
        copy(&upload.from, |block| {
            hasher.update(block);
            check_stop(monitor)?;
            self.throttle.pass(block.len() as u64, monitor)?;
            staged.write(block).map_err(|e| self.in_our_words(e))?;
            moved(block.len() as u64);
            Ok(())
        })?;
        staged.finish().map_err(|e| self.in_our_words(e))?;
        match self.verify(&upload.name, upload.size, self.read_back.then(|| hasher.finish()), monitor)? {
            Check::Right => Ok(stored),
            _ => {
                let text = format!("an object does not read back as it was written on {}: {}", self.describe(), upload.name);
                Err(Error::new(Kind::Remote, "remote.cut", text).hint("the disk loses what is written to it; check it, or use another"))
            }
        }
    }

    /// Adds everything below `folder`, a directory that is there.
    fn walk(&self, folder: &str, into: &mut Vec<Object>, monitor: &dyn Monitor) -> Result<()> {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            check_stop(monitor)?;
            self.count();
            let path = self.root.join(&folder);
            let failed = |e| self.failed("list", &path, e);
            let entries = match fs::read_dir(&path) {
                Err(e) if absence(&e) => continue,
                entries => entries.map_err(failed)?,
            };
            for entry in entries {
                let entry = entry.map_err(failed)?;
                let Some(part) = entry.file_name().to_str().map(str::to_owned) else { continue };
                let name = if folder.is_empty() { part } else { format!("{folder}/{part}") };
                if !contract::is_name(&name) {
                    continue;
                }
                let kind = entry.file_type().map_err(failed)?;
                if kind.is_dir() {
                    folders.push(name);
                } else if kind.is_file() {
                    into.push(Object { size: entry.metadata().map_err(failed)?.len(), name });
                }
            }
        }
        Ok(())
    }
}

impl Remote for Directory {
    fn list(&self, prefix: &str, monitor: &dyn Monitor) -> Result<Vec<Object>> {
        contract::check_prefix(prefix)?;
        self.present()?;
        let mut found = Vec::new();
        self.walk(contract::folder_of(prefix), &mut found, monitor)?;
        // A disk that went away in the middle must not look like an empty one.
        self.present()?;
        found.retain(|object| object.name.starts_with(prefix));
        found.sort();
        Ok(found)
    }

    fn read(&self, name: &str, offset: u64, len: u64, monitor: &dyn Monitor) -> Result<Vec<u8>> {
        contract::check_range(name, offset, len)?;
        let (mut file, size) = self.open(name)?;
        if offset + len > size {
            return Err(contract::object_short(name, &self.describe(), offset + len, size));
        }
        let failed = |e| self.failed("read", &self.root.join(name), e);
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(offset)).map_err(failed)?;
        let mut bytes = vec![0; len as usize];
        for block in bytes.chunks_mut(BLOCK_BYTES) {
            self.throttle.pass(block.len() as u64, monitor)?;
            file.read_exact(block).map_err(failed)?;
        }
        Ok(bytes)
    }

    fn fetch(&self, name: &str, into: &Path, size: u64, monitor: &dyn Monitor) -> Result<()> {
        contract::check_name(name)?;
        let (mut file, found) = self.open(name)?;
        if found != size {
            return Err(contract::object_short(name, &self.describe(), size, found));
        }
        let mut staged = Staged::create(into, 0o600)?;
        let mut block = vec![0; BLOCK_BYTES];
        let mut progress = Progress { phase: "fetching", items: 0, items_total: 1, bytes: 0, bytes_total: size };
        while progress.bytes < size {
            check_stop(monitor)?;
            let n = file.read(&mut block).map_err(|e| self.failed("read", &self.root.join(name), e))?;
            if n == 0 || progress.bytes + n as u64 > size {
                return Err(contract::object_short(name, &self.describe(), size, progress.bytes + n as u64));
            }
            self.throttle.pass(n as u64, monitor)?;
            staged.write(&block[..n])?;
            progress.bytes += n as u64;
            monitor.progress(&progress);
        }
        staged.finish()
    }

    fn store(&self, objects: &[Upload], monitor: &dyn Monitor) -> Result<Vec<Outcome>> {
        contract::check_uploads(objects)?;
        self.present()?;
        let marker = self.root.join(MARKER);
        if !marker.exists() {
            disk::write_file(&marker, MARKER_TEXT, 0o644).map_err(|e| self.in_our_words(e))?;
        }
        let bytes_total = objects.iter().map(|o| o.size).sum();
        let mut progress = Progress { phase: "uploading", items: 0, items_total: objects.len() as u64, bytes: 0, bytes_total };
        let mut outcomes = Vec::with_capacity(objects.len());
        let mut before = 0;
        for object in objects {
            outcomes.push(self.store_one(object, monitor, &mut |bytes| {
                progress.bytes += bytes;
                monitor.progress(&progress);
            }));
            before += object.size;
            progress.items += 1;
            progress.bytes = before;
            monitor.progress(&progress);
        }
        Ok(outcomes)
    }

    fn verify(&self, name: &str, size: u64, digest: Option<Digest>, monitor: &dyn Monitor) -> Result<Check> {
        contract::check_name(name)?;
        let found = match self.open(name) {
            Err(e) if e.kind() == Kind::Missing => return Ok(Check::Missing),
            opened => opened?.1,
        };
        if found != size {
            return Ok(Check::Size(found));
        }
        let Some(right) = digest else { return Ok(Check::Right) };
        let digest = self.digest(name, monitor)?;
        Ok(if digest == right { Check::Right } else { Check::Bytes(digest) })
    }

    fn remove(&self, names: &[String], monitor: &dyn Monitor) -> Result<()> {
        names.iter().try_for_each(|name| contract::check_name(name))?;
        self.present()?;
        for name in names {
            check_stop(monitor)?;
            self.count();
            let path = self.root.join(name);
            let Some(parent) = path.parent().filter(|parent| parent.is_dir()) else { continue };
            disk::remove_file(&path).and_then(|()| disk::sync_dir(parent)).map_err(|e| self.in_our_words(e))?;
        }
        Ok(())
    }

    fn limit(&self, bytes_per_sec: Option<u64>) -> Result<()> {
        self.throttle.set(bytes_per_sec);
        Ok(())
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn describe(&self) -> String {
        format!("dir:{}", self.root.display())
    }
}

/// Whether an error says that the name, or a directory on its way, is not there.
fn absence(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn file_digest(path: &Path) -> Result<Digest> {
    let mut hasher = Hasher::new();
    copy(path, |block| {
        hasher.update(block);
        Ok(())
    })?;
    Ok(hasher.finish())
}

fn copy(path: &Path, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let failed = |e| Error::io(format_args!("read {}", path.display()), e);
    let mut file = File::open(path).map_err(failed)?;
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut block).map_err(failed)? {
            0 => return Ok(()),
            n => take(&block[..n])?,
        }
    }
}

/// Takes away what a killed process was writing under the name of this object. Best effort: it is only litter.
fn sweep(parent: &Path, name: &str) {
    let own = format!(".{}.partial", std::process::id());
    let stem = name.rsplit('/').next().unwrap_or(name);
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let Some(rest) = file.to_str().and_then(|f| f.strip_prefix(stem)) else { continue };
        let pid = rest.strip_prefix('.').and_then(|r| r.strip_suffix(".partial"));
        if rest != own && pid.is_some_and(|pid| !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit())) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::fault::{self, Fault};
    use crate::base::monitor::Silent;
    use crate::storage::remote::retry::Sleeper;
    use crate::storage::remote::retry::tests::Skipping;
    use std::time::Duration;

    struct Site {
        dir: tempfile::TempDir,
        root: PathBuf,
    }

    impl Site {
        fn new() -> Self {
            let dir = tempfile::tempdir().expect("dir");
            let root = dir.path().join("remote");
            fs::create_dir(&root).expect("root");
            Site { dir, root }
        }

        fn remote(&self) -> Directory {
            Directory::new(&self.root, &Options::default())
        }

        fn upload(&self, name: &str, bytes: &[u8]) -> Upload {
            let file = self.dir.path().join(name.replace('/', "_"));
            fs::write(&file, bytes).expect("write");
            Upload::new(name, file, bytes.len() as u64)
        }

        fn files(&self) -> Vec<String> {
            let mut all = Vec::new();
            let mut folders = vec![self.root.clone()];
            while let Some(folder) = folders.pop() {
                for entry in fs::read_dir(folder).expect("list").map(|e| e.expect("entry").path()) {
                    if entry.is_dir() { folders.push(entry) } else { all.push(entry.strip_prefix(&self.root).expect("below").display().to_string()) }
                }
            }
            all.sort();
            all
        }
    }

    #[test]
    fn a_missing_root_and_an_empty_mount_point_are_absent() {
        let site = Site::new();
        let remote = site.remote();
        let upload = site.upload("t/a", b"bytes");
        assert!(remote.list("", &Silent).expect("a new remote").is_empty());
        assert!(!site.root.join(MARKER).exists());
        assert_eq!(remote.store(std::slice::from_ref(&upload), &Silent).expect("store").remove(0).expect("stored"), Stored::Written);
        let used = Directory::new(&site.root, &Options { used_before: true, ..Options::default() });
        assert_eq!(used.list("", &Silent).expect("list").len(), 1);
        fs::rename(&site.root, site.dir.path().join("unplugged")).expect("unplug");
        fs::create_dir(&site.root).expect("mount point");
        for failed in [
            used.list("", &Silent).map(drop),
            used.store(&[upload], &Silent).map(drop),
            used.verify("t/a", 5, None, &Silent).map(drop),
            used.remove(&["t/a".into()], &Silent),
        ] {
            let e = failed.expect_err("absent");
            assert_eq!((e.kind(), e.code()), (Kind::Remote, "remote.absent"));
            assert!(e.what_next().is_some());
        }
        assert_eq!(site.files(), [""; 0]);
        fs::remove_dir(&site.root).expect("remove");
        assert_eq!(remote.read("t/a", 0, 1, &Silent).expect_err("gone").code(), "remote.absent");
    }

    #[test]
    fn a_right_object_is_not_touched_and_a_wrong_one_is_repaired() {
        let site = Site::new();
        let remote = site.remote();
        let upload = site.upload("t/a", b"bytes");
        let store = || remote.store(std::slice::from_ref(&upload), &Silent).expect("store").remove(0).expect("stored");
        assert_eq!(store(), Stored::Written);
        let before = site.root.join("t/a").metadata().expect("metadata").modified().expect("time");
        assert_eq!(store(), Stored::Existed);
        assert_eq!(site.root.join("t/a").metadata().expect("metadata").modified().expect("time"), before);
        for wrong in [&b"by"[..], b"bytez", b"", b"bytes and more"] {
            fs::write(site.root.join("t/a"), wrong).expect("damage");
            assert_eq!(store(), Stored::Repaired);
            assert_eq!(remote.read("t/a", 0, 5, &Silent).expect("read"), b"bytes");
        }
    }

    #[test]
    fn foreign_files_are_not_listed() {
        let site = Site::new();
        let remote = site.remote();
        fs::create_dir_all(site.root.join("lost+found/x")).expect("dir");
        for name in ["a", "Thumbs (1).db", "a.77.partial", ".hidden"] {
            fs::write(site.root.join(name), b"x").expect("write");
        }
        assert_eq!(remote.list("", &Silent).expect("list"), [Object { name: "a".into(), size: 1 }]);
    }

    #[test]
    fn litter_of_a_killed_process_is_swept_when_the_object_is_stored_again() {
        let site = Site::new();
        fs::create_dir(site.root.join("t")).expect("dir");
        for name in ["t/a.1.partial", "t/a.x.partial", "t/ab.1.partial"] {
            fs::write(site.root.join(name), b"x").expect("write");
        }
        let upload = site.upload("t/a", b"bytes").again();
        site.remote().store(&[upload], &Silent).expect("store").remove(0).expect("stored");
        assert_eq!(site.files(), [MARKER, "t/a", "t/a.x.partial", "t/ab.1.partial"]);
    }

    #[test]
    fn a_fault_at_any_place_leaves_the_object_whole_or_not_there_and_trying_again_heals() {
        for fault in [Fault::Error, Fault::Full] {
            let (_, places) = fault::count(|| {
                let site = Site::new();
                site.remote().store(&[site.upload("t/a", &[7; 300_000])], &Silent).map(|o| o.into_iter().for_each(|o| assert!(o.is_ok())))
            });
            assert!(places.len() > 8, "{places:?}");
            for n in 0..places.len() as u64 {
                let site = Site::new();
                let (remote, upload) = (site.remote(), site.upload("t/a", &[7; 300_000]));
                let failed = fault::arm(n, fault, || match remote.store(std::slice::from_ref(&upload), &Silent) {
                    Ok(mut outcomes) => outcomes.remove(0).expect_err("armed"),
                    Err(e) => e,
                });
                let expected = if fault == Fault::Full { (Kind::Space, "remote.full") } else { (Kind::Remote, "remote.io") };
                assert_eq!((failed.kind(), failed.code()), expected);
                let right = Some(Digest::of(&[7; 300_000]));
                let check = remote.verify("t/a", 300_000, right, &Silent).expect("verify");
                assert!(matches!(check, Check::Missing | Check::Right), "{n}: {check:?}");
                assert!(remote.store(&[upload], &Silent).expect("again")[0].is_ok());
                assert_eq!(remote.verify("t/a", 300_000, right, &Silent).expect("verify"), Check::Right);
            }
        }
    }

    #[test]
    fn the_rate_is_kept_in_both_directions() {
        let site = Site::new();
        let time = Arc::new(Skipping::default());
        let remote = Directory::new(&site.root, &Options { limit_rate: Some(100_000), sleeper: time.clone(), ..Options::default() });
        remote.store(&[site.upload("a", &[1; 500_000])], &Silent).expect("store");
        let up = time.elapsed();
        assert!(up >= Duration::from_millis(4500) && up <= Duration::from_secs(5), "{up:?}");
        remote.limit(Some(1_000_000)).expect("limit");
        assert_eq!(remote.read("a", 0, 500_000, &Silent).expect("read").len(), 500_000);
        assert!(time.elapsed() - up <= Duration::from_millis(500));
    }
}
