//! A look at SQLite's write-ahead log before SQLite reads it (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>).
//!
//! SQLite takes the log as far as its checksums hold and drops the rest, because that is what a crash in the middle of a commit looks like.
//! Damage looks the same to it, and then commits that were acknowledged vanish without a word. The two can be told apart: every commit is
//! synced before the next one is written, so after a crash at most one commit lies beyond the last good frame, and nothing follows it.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
/// Magic of a log whose checksums are computed over little-endian words; the other one ends in 83.
const MAGIC_LITTLE: u32 = 0x377f_0682;

/// The log that belongs to the database at `path`.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// The two running sums of the format, over words of the byte order that the log's magic names.
struct Sum {
    big_endian: bool,
    sums: (u32, u32),
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        let word = |b: &[u8]| {
            let b = [b[0], b[1], b[2], b[3]];
            if self.big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) }
        };
        for pair in bytes.chunks_exact(8) {
            self.sums.0 = self.sums.0.wrapping_add(word(&pair[..4])).wrapping_add(self.sums.1);
            self.sums.1 = self.sums.1.wrapping_add(word(&pair[4..])).wrapping_add(self.sums.0);
        }
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// Fills `buffer`; `false` at the end of the file.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

/// Whether the log at `path` holds commits that SQLite is going to drop although they were synced. No log is a whole log.
pub(super) fn is_cut(path: &Path) -> Result<bool> {
    let file = match File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        opened => opened.map_err(|e| Error::io(format_args!("read {}", path.display()), e))?,
    };
    scan(&mut BufReader::new(file)).map_err(|e| Error::io(format_args!("read {}", path.display()), e))
}

fn scan(reader: &mut impl Read) -> std::io::Result<bool> {
    let mut header = [0; HEADER_BYTES];
    if !fill(reader, &mut header)? {
        return Ok(false);
    }
    let page_bytes = number(&header, 8) as usize;
    let magic = number(&header, 0);
    let mut sum = Sum { big_endian: magic == MAGIC_LITTLE | 1, sums: (0, 0) };
    sum.add(&header[..24]);
    let whole = magic & !1 == MAGIC_LITTLE && sum.sums == (number(&header, 24), number(&header, 28));
    if !whole || !page_bytes.is_power_of_two() || !(512..=65536).contains(&page_bytes) {
        // Fits in one sector, so no crash writes half of it. A log of nothing but zeros is one that was never begun.
        return Ok(header.iter().any(|b| *b != 0));
    }
    let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes];
    let (mut good, mut commits_beyond) = (true, 0);
    while fill(reader, &mut frame)? {
        // Frames with other salts are left over from before the log was begun anew.
        if frame[8..16] != header[16..24] {
            good = false;
            continue;
        }
        if good {
            sum.add(&frame[..8]);
            sum.add(&frame[FRAME_HEADER_BYTES..]);
            good = number(&frame, 0) != 0 && sum.sums == (number(&frame, 16), number(&frame, 20));
        }
        if !good {
            if commits_beyond > 0 {
                return Ok(true);
            }
            commits_beyond += u32::from(number(&frame, 4) != 0);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    /// The log of a database after some commits, and where its frames begin.
    fn log(commits: u32) -> (Vec<u8>, Vec<usize>) {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("d");
        let sql = Connection::open(&path).expect("open");
        sql.pragma_update(None, "journal_mode", "WAL").expect("wal");
        sql.execute_batch("CREATE TABLE t (a)").expect("table");
        for _ in 0..commits {
            sql.execute_batch("INSERT INTO t VALUES (randomblob(100))").expect("insert");
        }
        let bytes = std::fs::read(path_of(&path)).expect("log");
        let frame = FRAME_HEADER_BYTES + number(&bytes, 8) as usize;
        let frames = (HEADER_BYTES..bytes.len()).step_by(frame).collect();
        (bytes, frames)
    }

    fn cut(bytes: &[u8]) -> bool {
        scan(&mut &bytes[..]).expect("scan")
    }

    #[test]
    fn what_a_crash_leaves_is_whole() {
        let (bytes, frames) = log(5);
        assert!(!cut(&bytes) && !cut(b"") && !cut(&[0; 5000]));
        // Cut at any byte, and a last commit of which not all bytes arrived.
        for end in (0..bytes.len()).step_by(97).filter(|end| *end != 0) {
            assert!(!cut(&bytes[..end]), "{end}");
        }
        let mut torn = bytes.clone();
        torn[frames[frames.len() - 1] + 40] ^= 1;
        assert!(!cut(&torn));
    }

    #[test]
    fn a_damaged_commit_before_others_is_found() {
        let (bytes, frames) = log(5);
        for &frame in &frames[..frames.len() - 2] {
            for at in [frame, frame + 17, frame + 1000] {
                let mut bad = bytes.clone();
                bad[at] ^= 4;
                assert!(cut(&bad), "{at}");
            }
        }
        let mut bad = bytes;
        bad[17] ^= 1;
        assert!(cut(&bad), "the header");
    }
}
