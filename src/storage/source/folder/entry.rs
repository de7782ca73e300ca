//! What a scan finds.

use rustix::fs::{FileType, Mode, Stat};

use crate::base::codec::{Reader, put_varint, put_zigzag};
use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::model::change::FileKind;

/// Nanoseconds: how old a change must be before equal attributes prove equal content. The coarsest clock of a file system in use (FAT) has
/// steps of two seconds.
const RACY_NS: i64 = 2_000_000_000;

/// A file, a symbolic link, or a directory that must be recorded by itself: an empty one, or one whose mode is not `0o755`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path in the folder; that of a directory ends in `/`.
    pub path: Vec<u8>,
    /// File, link or directory.
    pub kind: FileKind,
    /// Bytes: of the content, or of the target of a link; 0 for a directory.
    pub size: u64,
    /// Unix permission bits (`0o7777`).
    pub mode: u32,
    /// When the content changed last, in nanoseconds since 1970. Anyone may set it.
    pub mtime_ns: i64,
    /// When content or attributes changed last, in nanoseconds since 1970. Only the system sets it.
    pub ctime_ns: i64,
    /// Number of the file on its device.
    pub inode: u64,
    /// Number of the device. May differ after a restart of the machine.
    pub device: u64,
    /// Target of a link, empty otherwise.
    pub target: Vec<u8>,
}

impl Entry {
    /// What tells this state of the file from another.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint { size: self.size, mtime_ns: self.mtime_ns, ctime_ns: self.ctime_ns, inode: self.inode }
    }

    /// Whether the system says the same of it now.
    pub(super) fn is_still(&self, stat: &Stat) -> bool {
        Entry::from_stat(Vec::new(), stat).is_some_and(|now| {
            let attributes = |e: &Entry| (e.kind, e.size, e.mode, e.mtime_ns, e.ctime_ns, e.inode, e.device);
            attributes(&now) == attributes(self)
        })
    }

    /// From what the system says; `None` for what is neither file, link nor directory.
    pub(super) fn from_stat(path: Vec<u8>, stat: &Stat) -> Option<Self> {
        let kind = kind_of(FileType::from_raw_mode(stat.st_mode))?;
        Some(Entry {
            path,
            kind,
            size: if kind == FileKind::Directory { 0 } else { stat.st_size as u64 },
            mode: Mode::from_raw_mode(stat.st_mode).as_raw_mode(),
            mtime_ns: nanos(stat.st_mtime, stat.st_mtime_nsec as i64),
            ctime_ns: nanos(stat.st_ctime, stat.st_ctime_nsec as i64),
            inode: stat.st_ino,
            device: stat.st_dev,
            target: Vec::new(),
        })
    }
}

fn nanos(secs: i64, nanos: i64) -> i64 {
    secs.saturating_mul(1_000_000_000).saturating_add(nanos)
}

/// The kind of what is captured; `None` for sockets, pipes, devices and what is not known yet.
pub(super) fn kind_of(kind: FileType) -> Option<FileKind> {
    match kind {
        FileType::RegularFile => Some(FileKind::File),
        FileType::Symlink => Some(FileKind::Link),
        FileType::Directory => Some(FileKind::Directory),
        _ => None,
    }
}

/// What a scan yields: entries in path order; what was skipped comes no later than the entries of its directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Something to record.
    Entry(Entry),
    /// Something that is there and cannot be recorded.
    Skipped(Skipped),
}

/// Something that a scan could not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where; the path of a directory ends in `/`.
    pub path: Vec<u8>,
    /// What sort of trouble it is.
    pub skip: Skip,
    /// Why, as a lowercase sentence.
    pub reason: String,
}

/// Why something was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// It could not be read. What is recorded at this path, and below it where it is a directory, must be kept as it is: not seen is not gone.
    Unreadable,
    /// It is a socket, a pipe or a device, which has no content.
    Special,
    /// A line or the whole of a rules file is not understood; its files are captured as if that line were not there.
    Rule,
}

/// The attributes that tell one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Bytes.
    pub size: u64,
    /// Modification time in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Change time in nanoseconds since 1970.
    pub ctime_ns: i64,
    /// Number of the file on its device.
    pub inode: u64,
}

impl Fingerprint {
    /// 12 to 25 bytes: varint size, zigzag mtime, zigzag ctime minus mtime, varint inode.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(25);
        put_varint(&mut out, self.size);
        put_zigzag(&mut out, self.mtime_ns);
        put_zigzag(&mut out, self.ctime_ns.wrapping_sub(self.mtime_ns));
        put_varint(&mut out, self.inode);
        out
    }

    /// Reads what [`Fingerprint::to_bytes`] wrote; code `format.damaged` otherwise.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes, "fingerprint of a file");
        let (size, mtime_ns) = (r.varint()?, r.zigzag()?);
        let ctime_ns = r.zigzag()?.wrapping_add(mtime_ns);
        let inode = r.varint()?;
        r.finish()?;
        Ok(Fingerprint { size, mtime_ns, ctime_ns, inode })
    }

    /// Whether the file may have been written again after it was read at `read_at` without a trace in the attributes, because its last change
    /// was so recent that the file system's clock may not have moved on. Such a file must be read again next time.
    ///
    /// A ctime after `read_at` means that clocks disagree, which proves nothing. An mtime far in the future was set by someone on purpose.
    pub fn is_racy(&self, read_at: Timestamp) -> bool {
        let read_at_ns = read_at.micros().saturating_mul(1000);
        let safe = read_at_ns.saturating_sub(RACY_NS);
        self.ctime_ns >= safe || (self.mtime_ns >= safe && self.mtime_ns <= read_at_ns.saturating_add(RACY_NS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fingerprints_round_trip(size in any::<u64>(), mtime_ns in any::<i64>(), ctime_ns in any::<i64>(), inode in any::<u64>()) {
            let f = Fingerprint { size, mtime_ns, ctime_ns, inode };
            prop_assert_eq!(Fingerprint::from_bytes(&f.to_bytes()).expect("read"), f);
        }

        #[test]
        fn any_bytes_are_a_fingerprint_or_damage(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(f) = Fingerprint::from_bytes(&bytes) {
                prop_assert_eq!(f.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn a_recent_change_is_not_trusted() {
        let at = |mtime_s: i64, ctime_s: i64| Fingerprint { size: 1, mtime_ns: mtime_s * 1_000_000_000, ctime_ns: ctime_s * 1_000_000_000, inode: 1 };
        let read_at = Timestamp(100_000_000);
        assert!(!at(90, 97).is_racy(read_at));
        assert!(at(90, 98).is_racy(read_at), "changed in the last two seconds");
        assert!(at(99, 50).is_racy(read_at), "a file system that keeps no change time");
        assert!(at(90, 500).is_racy(read_at), "the clocks disagree");
        assert!(!at(500, 90).is_racy(read_at), "somebody set the modification time on purpose");
    }
}
