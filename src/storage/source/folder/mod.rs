//! A folder as a source: what is in it, read while others write to it.
//!
//! The scan is the truth, the watcher only says when to scan. A file is taken as unchanged when its [`Fingerprint`] is the same as when it
//! was read and that fingerprint was old enough at that time to be trusted ([`Fingerprint::is_racy`], the rule of git's index:
//! <https://git-scm.com/docs/racy-git>). A file that changes while it is read is noticed by [`StableFile::finish`].
//!
//! Paths are bytes relative to the folder, names separated by `/`; names need not be UTF-8.

mod entry;
mod rules;
mod scan;
mod stable;
mod watch;

pub use entry::{Entry, Fingerprint, Found, Skip, Skipped};
pub use rules::{RULES_FILE, Rules};
pub use scan::{PathSet, Scan};
pub use stable::{Stability, StableFile};
pub use watch::{Dirty, Wake, Watcher};

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, fstat, openat};

use crate::base::error::{Error, Result};
use crate::base::monitor::Monitor;

/// An open folder. Everything is opened relative to it, so renaming the folder meanwhile does no harm.
#[derive(Debug)]
pub struct Folder {
    root: OwnedFd,
    path: PathBuf,
}

impl Folder {
    /// Opens the folder at `path`, which may be a symbolic link to one. [`Kind::Missing`](crate::base::error::Kind::Missing) with code
    /// `source.missing` when there is nothing, `source.not_folder` when it is something else.
    pub fn open(path: &Path) -> Result<Self> {
        let meta = fs::metadata(path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Error::missing("source.missing", format!("no such folder: {}", path.display()))
                .hint("check the path, and that the disk it is on is mounted; nothing was recorded"),
            _ => Error::io(format_args!("open {}", path.display()), e),
        })?;
        if !meta.is_dir() {
            return Err(Error::usage("source.not_folder", format!("not a folder: {}", path.display()))
                .hint("name a directory; `annals put` records a single file"));
        }
        let failed = |e: std::io::Error| Error::io(format_args!("open {}", path.display()), e);
        let path = fs::canonicalize(path).map_err(failed)?;
        let root = openat(CWD, &path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(|e| failed(e.into()))?;
        Ok(Folder { root, path })
    }

    /// The absolute path, symbolic links resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still leads to this folder: it was not moved, removed, or hidden under a mount.
    pub fn is_in_place(&self) -> bool {
        let named = fs::metadata(&self.path).map(|m| (m.dev(), m.ino()));
        let open = fstat(&self.root).map(|s| (s.st_dev, s.st_ino));
        matches!((named, open), (Ok(named), Ok(open)) if named == open)
    }

    /// Everything in the folder that `rules` let through, in the byte order of the paths. Holds one directory's names and attributes for each
    /// level of nesting in memory, never the tree.
    pub fn scan<'a>(&self, rules: &'a Rules, monitor: &'a dyn Monitor) -> Result<Scan<'a>> {
        Scan::start(self, rules, None, monitor)
    }

    /// The part of [`Folder::scan`] that `only` covers, see [`PathSet::covers`]. What it covers and the scan does not find is gone.
    pub fn scan_only<'a>(&self, only: &'a PathSet, rules: &'a Rules, monitor: &'a dyn Monitor) -> Result<Scan<'a>> {
        Scan::start(self, rules, Some(only), monitor)
    }

    /// Opens a file that a scan found. It may have changed since: [`StableFile::entry`] is what it is now. Code `source.vanished` when there
    /// is no regular file of that name any more.
    pub fn read(&self, entry: &Entry) -> Result<StableFile<'_>> {
        StableFile::open(self, &entry.path)
    }
    /// The bytes of a file that is as the scan saw it and stays so while they are read. `None` where [`Folder::read`] must find out more.
    pub fn read_unchanged(&self, entry: &Entry) -> Option<Vec<u8>> {
        stable::read_unchanged(self, entry)
    }
}
