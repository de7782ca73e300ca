//! The bytes of a database file, read beside SQLite.
//!
//! POSIX locks belong to the process, not to the descriptor: closing any descriptor of a file drops all locks that the process holds on it,
//! also those of SQLite (<https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>). An
//! application that embeds this library may have its database open, and so have we. So a database file is opened here once for each process
//! and never closed.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use rustix::fs::statfs;

use crate::base::error::{Error, Kind, Result};

/// Kinds of file systems (`f_type` of statfs) that several machines share: NFS, SMB, SMB2, CIFS, AFS, Ceph, 9P, Lustre.
const NETWORK: [u32; 8] = [0x6969, 0x517b, 0xfe53_4d42, 0xff53_4d42, 0x5346_414f, 0x00c3_6400, 0x0102_1997, 0x0bd0_0bd0];

/// A database file that stays open until the process ends.
#[derive(Clone)]
pub struct Device {
    file: Arc<File>,
    path: PathBuf,
    id: (u64, u64),
}

impl Device {
    /// The file at `path`, which must be whole in the sense of [`std::fs::canonicalize`].
    pub fn open(path: &Path) -> Result<Device> {
        type Opened = Mutex<HashMap<(u64, u64), Arc<File>>>;
        static OPENED: OnceLock<Opened> = OnceLock::new();
        let fail = |e| Error::io(format_args!("read {}", path.display()), e);
        let mut opened = OPENED.get_or_init(Mutex::default).lock().unwrap_or_else(|e| e.into_inner());
        let id = identity(path).map_err(fail)?;
        if let Some(file) = opened.get(&id) {
            return Ok(Device { file: file.clone(), path: path.to_owned(), id });
        }
        let file = Arc::new(File::open(path).map_err(fail)?);
        let seen = file.metadata().map_err(fail)?;
        let id = (seen.dev(), seen.ino());
        // Exchanged between the two looks: what was just opened may be open already, and must not be closed either.
        if let Some(known) = opened.get(&id) {
            std::mem::forget(file);
            return Ok(Device { file: known.clone(), path: path.to_owned(), id });
        }
        opened.insert(id, file.clone());
        Ok(Device { file, path: path.to_owned(), id })
    }

    /// Whether the path still leads to this file, and not to another that was put in its place.
    pub fn is_current(&self) -> bool {
        identity(&self.path).is_ok_and(|id| id == self.id)
    }

    /// Length in bytes.
    pub fn bytes(&self) -> Result<u64> {
        Ok(self.file.metadata().map_err(|e| Error::io(format_args!("read {}", self.path.display()), e))?.len())
    }

    /// Fills `buffer` from `offset`; what lies behind the end of the file is an error.
    pub fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        self.file.read_exact_at(buffer, offset).map_err(|e| Error::io(format_args!("read {}", self.path.display()), e))
    }

    /// The path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses files on network shares: locks and memory that SQLite relies on are not shared between machines.
    pub fn refuse_network(&self) -> Result<()> {
        statfs(&self.path).map_or(Ok(()), |system| refuse(system.f_type as u32, &self.path))
    }
}

fn refuse(system: u32, path: &Path) -> Result<()> {
    if NETWORK.contains(&system) {
        return Err(Error::new(Kind::Refused, "source.network", format!("the database is on a network share: {}", path.display()))
            .hint("run the capture on the machine that has the disk; over a network, neither its locks nor its log can be relied on"));
    }
    Ok(())
}

fn identity(path: &Path) -> std::io::Result<(u64, u64)> {
    let seen = std::fs::metadata(path)?;
    Ok((seen.dev(), seen.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_on_network_shares_are_refused_and_others_are_not() {
        let path = Path::new("/mnt/share/stock.db");
        // NFS, SMB2, CIFS, Ceph.
        for system in [0x6969, 0xfe53_4d42, 0xff53_4d42, 0x00c3_6400] {
            let refused = refuse(system, path).expect_err("a share");
            assert_eq!((refused.kind(), refused.code()), (Kind::Refused, "source.network"));
            assert!(refused.to_string().contains("/mnt/share/stock.db") && refused.what_next().is_some_and(|hint| hint.contains("machine")));
        }
        // ext4, xfs, btrfs, tmpfs, overlay.
        [0xef53, 0x5846_5342, 0x9123_683e, 0x0102_1994, 0x794c_7630].iter().for_each(|system| refuse(*system, path).expect("a disk"));
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("a.db");
        std::fs::write(&file, b"x").expect("write");
        Device::open(&file).expect("open").refuse_network().expect("this disk");
    }

    #[test]
    fn a_file_is_opened_once_and_another_in_its_place_is_noticed() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("a.db");
        std::fs::write(&path, b"12345").expect("write");
        let (first, second) = (Device::open(&path).expect("open"), Device::open(&path).expect("again"));
        assert!(Arc::ptr_eq(&first.file, &second.file));
        let mut two = [0; 2];
        first.read_at(3, &mut two).expect("read");
        assert_eq!((&two, first.bytes().expect("bytes")), (b"45", 5));
        assert!(first.read_at(4, &mut two).is_err() && first.is_current());
        std::fs::write(dir.path().join("b"), b"x").expect("write");
        std::fs::rename(dir.path().join("b"), &path).expect("rename");
        assert!(!first.is_current());
        assert_eq!(Device::open(&path).expect("other").bytes().expect("bytes"), 1);
    }
}
