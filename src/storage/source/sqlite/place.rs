//! Where a capture has come to: a place in the life of a database that the next look goes on from.

use std::os::unix::fs::MetadataExt;

use crate::base::codec::{Reader, put_varint};
use crate::base::error::{Error, Result};
use crate::format::sqlite::wal::WalPosition;

use super::Source;

/// The file as the file system sees it: equal stamps, equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    device: u64,
    inode: u64,
    pub(super) bytes: u64,
    mtime_ns: i64,
}

/// A place in the life of a database: what was captured last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Behind the last commit in the write-ahead log; `None` where there was no log, or nothing in it.
    pub wal: Option<WalPosition>,
    /// The file.
    pub stamp: Stamp,
    /// Whether the database had a write-ahead log.
    pub is_wal: bool,
    /// Counts transactions; see the change counter of `format::sqlite::header`.
    pub change_counter: u32,
    /// Counts changes of the schema.
    pub schema_cookie: u32,
    /// Pages.
    pub page_count: u32,
}

impl Place {
    /// The place as bytes, for the state that is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut put = |n: u64| put_varint(&mut out, n);
        let s = &self.stamp;
        for n in [s.device, s.inode, s.bytes, s.mtime_ns as u64, self.is_wal.into()] {
            put(n);
        }
        for n in [self.change_counter, self.schema_cookie, self.page_count] {
            put(n.into());
        }
        if let Some(w) = &self.wal {
            for n in [w.page_size, w.checkpoint_seq, w.salts[0], w.salts[1], w.checksum[0], w.checksum[1], w.big_endian.into()] {
                put(n.into());
            }
            put(w.offset);
        }
        out
    }

    /// The inverse of [`Place::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Place> {
        let mut r = Reader::new(bytes, "the place that a capture has come to");
        let stamp = Stamp { device: r.varint()?, inode: r.varint()?, bytes: r.varint()?, mtime_ns: r.varint()? as i64 };
        let is_wal = r.varint_max(1)? == 1;
        let mut short = || r.varint_max(u32::MAX.into()).map(|n| n as u32);
        let (change_counter, schema_cookie, page_count) = (short()?, short()?, short()?);
        let wal = match r.is_empty() {
            true => None,
            false => {
                let mut short = || r.varint_max(u32::MAX.into()).map(|n| n as u32);
                let (page_size, checkpoint_seq, salts, checksum) = (short()?, short()?, [short()?, short()?], [short()?, short()?]);
                let big_endian = short()? == 1;
                Some(WalPosition { page_size, checkpoint_seq, salts, checksum, big_endian, offset: r.varint()? })
            }
        };
        r.finish()?;
        Ok(Place { wal, stamp, is_wal, change_counter, schema_cookie, page_count })
    }
}

impl Source {
    /// The file as it looks now.
    pub fn stamp(&self) -> Result<Stamp> {
        let seen = std::fs::metadata(&self.path).map_err(|e| Error::io(format_args!("read {}", self.path.display()), e))?;
        let mtime_ns = seen.mtime().wrapping_mul(1_000_000_000).wrapping_add(seen.mtime_nsec());
        Ok(Stamp { device: seen.dev(), inode: seen.ino(), bytes: seen.len(), mtime_ns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_survive_being_kept() {
        let stamp = Stamp { device: 1 << 40, inode: 7, bytes: 8192, mtime_ns: -5 };
        let bare = Place { wal: None, stamp, is_wal: false, change_counter: 9, schema_cookie: 2, page_count: u32::MAX };
        let wal = WalPosition { page_size: 4096, checkpoint_seq: 3, salts: [u32::MAX, 0], offset: 1 << 33, checksum: [1, 2], big_endian: true };
        for place in [bare, Place { wal: Some(wal), is_wal: true, ..bare }] {
            let bytes = place.to_bytes();
            assert_eq!(Place::from_bytes(&bytes).expect("place"), place);
            assert!(Place::from_bytes(&bytes[..bytes.len() - 1]).is_err() || place.wal.is_none());
        }
        assert!(Place::from_bytes(&[]).is_err());
    }
}
