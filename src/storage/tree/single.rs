//! One file by itself: `get` and `restore` with a file name to write to.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, fchmod, futimens};
use tempfile::{Builder, NamedTempFile};

use crate::base::digest::{Digest, Hasher};
use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::fault;
use crate::model::change::Meta;

use super::{SET_ID, into_io, parent_of, times};

/// A file being written beside its final name. Dropped without [`SingleWriter::finish`], it leaves nothing.
pub struct SingleWriter {
    file: NamedTempFile,
    target: PathBuf,
    replace: bool,
    mode: Option<u32>,
    mtime_ns: Option<i64>,
    hasher: Hasher,
    bytes: u64,
}

/// Starts a file that will appear at `target`, whose directory must exist. Where something is there already it is refused with code
/// `restore.exists`, or replaced when `replace` is set; a directory is never replaced.
pub fn write_single(target: &Path, meta: &Meta, replace: bool) -> Result<SingleWriter> {
    let Some(name) = target.file_name() else {
        return Err(Error::usage("restore.target", format!("not a name for a file: {}", target.display())).hint("name the file to write"));
    };
    match fs::symlink_metadata(target) {
        Ok(m) if m.is_dir() => {
            return Err(Error::usage("restore.target", format!("is a directory: {}", target.display())).hint("name a file in it"));
        }
        Ok(_) if !replace => return Err(exists(target)),
        _ => {}
    }
    let mut prefix = std::ffi::OsString::from(".");
    // A name that leaves no room for more is left out of the temporary name.
    prefix.push(if name.len() <= 200 { name } else { "annals".as_ref() });
    fault::point("tree.create")?;
    let mut builder = Builder::new();
    builder.prefix(&prefix).suffix(".annals-partial");
    if meta.mode.is_none() {
        // The umask decides, as for any new file; where there is a mode, the file is private until it gets that.
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let file = builder.tempfile_in(parent_of(target)).map_err(|e| Error::io(format_args!("create {}", target.display()), e))?;
    Ok(SingleWriter { file, target: target.to_owned(), replace, mode: meta.mode, mtime_ns: meta.mtime_ns, hasher: Hasher::new(), bytes: 0 })
}

impl SingleWriter {
    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        fault::point("tree.write")?;
        self.file.as_file_mut().write_all(bytes).map_err(|e| Error::io(format_args!("write {}", self.target.display()), e))?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Checks that what was written is what was meant (code `restore.content` otherwise), sets mode and time, syncs, and gives the file its
    /// name. Returns the number of bytes.
    pub fn finish(self, expected: Digest) -> Result<u64> {
        if self.hasher.finish() != expected {
            return Err(Error::new(Kind::Failed, "restore.content", format!("the content is not what was recorded: {}", self.target.display()))
                .hint("run annals verify --full; annals verify --remote NAME shows whether a remote holds it whole"));
        }
        let io = |what: &str, e: std::io::Error| Error::io(format_args!("{what} {}", self.target.display()), e);
        fault::point("tree.finish")?;
        if let Some(mode) = self.mode {
            let dropped = if rustix::process::geteuid().is_root() { SET_ID } else { 0 };
            fchmod(self.file.as_file(), Mode::from_raw_mode(mode & 0o7777 & !dropped)).map_err(|e| io("set the mode of", e.into()))?;
        }
        if let Some(mtime_ns) = self.mtime_ns {
            futimens(self.file.as_file(), &times(mtime_ns)).map_err(|e| io("set the time of", e.into()))?;
        }
        fault::point("tree.sync")?;
        self.file.as_file().sync_all().map_err(|e| io("sync", e))?;
        fault::point("tree.rename")?;
        let named = if self.replace { self.file.persist(&self.target) } else { self.file.persist_noclobber(&self.target) };
        named.map_err(|e| match e.error.kind() {
            std::io::ErrorKind::AlreadyExists => exists(&self.target),
            _ => Error::io(format_args!("rename to {}", self.target.display()), e.error),
        })?;
        disk::sync_dir(parent_of(&self.target))?;
        Ok(self.bytes)
    }
}

impl Write for SingleWriter {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.append(buf).map_err(into_io)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn exists(target: &Path) -> Error {
    Error::new(Kind::Refused, "restore.exists", format!("there is a file already, and nothing is overwritten: {}", target.display()))
        .hint("name a file that does not exist, or allow it to be replaced")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn write(target: &Path, bytes: &[u8], digest: Digest, replace: bool) -> Result<u64> {
        let meta = Meta { mode: Some(0o604), mtime_ns: Some(1_000_000_000_000_000_007), ..Meta::default() };
        let mut file = write_single(target, &meta, replace)?;
        file.append(bytes)?;
        file.finish(digest)
    }

    #[test]
    fn a_file_appears_whole_with_mode_and_time_and_is_not_replaced_unasked() {
        let dir = tempfile::tempdir().expect("dir");
        let target = dir.path().join("f");
        assert_eq!(write(&target, b"one", Digest::of(b"one"), false).expect("write"), 3);
        let meta = fs::metadata(&target).expect("file");
        assert_eq!((meta.mode() & 0o7777, meta.mtime(), meta.mtime_nsec()), (0o604, 1_000_000_000, 7));
        let e = write(&target, b"two", Digest::of(b"two"), false).expect_err("refused");
        assert_eq!((e.code(), e.kind()), ("restore.exists", Kind::Refused));
        assert_eq!(write(&target, b"bad", Digest::of(b"two"), true).expect_err("found out").code(), "restore.content");
        assert_eq!(fs::read(&target).expect("read"), b"one");
        write(&target, b"two", Digest::of(b"two"), true).expect("replace");
        assert_eq!(fs::read(&target).expect("read"), b"two");
        assert_eq!(write(dir.path(), b"", Digest::of(b""), true).expect_err("a directory").code(), "restore.target");
        assert_eq!(fs::read_dir(dir.path()).expect("list").count(), 1, "nothing is left beside it");
        let long = dir.path().join("n".repeat(255));
        write(&long, b"", Digest::of(b""), false).expect("the longest name");
        fs::remove_file(&long).expect("remove");
    }

    #[test]
    fn one_that_appears_meanwhile_is_not_replaced() {
        let dir = tempfile::tempdir().expect("dir");
        let target = dir.path().join("f");
        let file = write_single(&target, &Meta::default(), false).expect("begin");
        fs::write(&target, b"somebody's").expect("write");
        assert_eq!(file.finish(Digest::of(b"")).expect_err("refused").code(), "restore.exists");
        assert_eq!((fs::read(&target).expect("read"), fs::read_dir(dir.path()).expect("list").count()), (b"somebody's".to_vec(), 1));
    }
}
