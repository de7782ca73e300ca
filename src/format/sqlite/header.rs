//! The first 100 bytes of a database: page size, text encoding, counters (file format section 1.3).

use crate::base::error::{Error, Kind, Result};

/// Bytes: the header at the front of page 1.
pub(crate) const HEADER_BYTES: usize = 100;
/// Bytes: the smallest and the largest page that SQLite makes.
pub(crate) const PAGE_BYTES: (u32, u32) = (512, 65_536);
/// Bytes: fewer usable bytes a page are refused by SQLite too.
const USABLE_BYTES_MIN: u32 = 480;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How text is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// One to four bytes a character.
    Utf8,
    /// Two-byte units, low byte first.
    Utf16le,
    /// Two-byte units, high byte first.
    Utf16be,
}

impl Encoding {
    /// The name that `PRAGMA encoding` uses.
    pub fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Utf16le => "UTF-16le",
            Encoding::Utf16be => "UTF-16be",
        }
    }
}

/// Whether the file shrinks by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AutoVacuum {
    /// Freed pages stay in the file.
    None,
    /// Freed pages are cut off at each commit.
    Full,
    /// Freed pages are cut off when the application asks for it.
    Incremental,
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Bytes of a page: a power of two from 512 to 65536.
    pub page_size: u32,
    /// Bytes at the end of each page that SQLite leaves alone.
    pub reserved: u8,
    /// Pages of the database as its last writer counted them; 0 from very old writers.
    pub page_count: u32,
    /// How text is stored. UTF-8 for a database that has no table yet.
    pub encoding: Encoding,
    /// Whether the file shrinks by itself.
    pub auto_vacuum: AutoVacuum,
    /// Counts transactions outside WAL mode; inside, only those that write page 1.
    pub change_counter: u32,
    /// Counts changes of the schema.
    pub schema_cookie: u32,
    /// `PRAGMA user_version`.
    pub user_version: i32,
    /// `PRAGMA application_id`.
    pub application_id: i32,
    /// 1: rollback journal; 2: write-ahead log.
    pub write_version: u8,
    /// As [`Header::write_version`], for readers.
    pub read_version: u8,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |n, b| n << 8 | u32::from(*b))
}

impl Header {
    /// Reads the header at the front of `bytes`. Fails for what is no SQLite database: `sqlite.empty` without a byte, `sqlite.foreign` for an unknown
    /// beginning (another kind of file, or an encrypted database), `format.damaged` for values that SQLite refuses too.
    pub fn parse(bytes: &[u8]) -> Result<Header> {
        if bytes.is_empty() {
            return Err(Error::new(Kind::Failed, "sqlite.empty", "the database is empty: it has no table yet")
                .hint("let the application create its tables, then run the same command again"));
        }
        if bytes.len() < HEADER_BYTES {
            return Err(Error::damaged("a SQLite database that ends within its header"));
        }
        if &bytes[..16] != MAGIC {
            return Err(foreign(bytes));
        }
        let page_size = match u32::from(bytes[16]) << 8 | u32::from(bytes[17]) {
            1 => PAGE_BYTES.1,
            size => size,
        };
        let reserved = bytes[20];
        let fractions_ok = bytes[21..24] == [64, 32, 32];
        if !page_size.is_power_of_two() || !(PAGE_BYTES.0..=PAGE_BYTES.1).contains(&page_size) || !fractions_ok {
            return Err(Error::damaged("the header of a SQLite database (page size)"));
        }
        if page_size - u32::from(reserved) < USABLE_BYTES_MIN {
            return Err(Error::damaged("the header of a SQLite database (reserved bytes)"));
        }
        let encoding = match u32_at(bytes, 56) {
            0 | 1 => Encoding::Utf8,
            2 => Encoding::Utf16le,
            3 => Encoding::Utf16be,
            other => return Err(Error::damaged(format!("the header of a SQLite database (text encoding {other})"))),
        };
        let (write_version, read_version) = (bytes[18], bytes[19]);
        if !(1..=2).contains(&read_version) {
            return Err(Error::new(Kind::Newer, "sqlite.newer", format!("the database needs a newer SQLite: its read version is {read_version}"))
                .hint("export it with the program that wrote it, and capture the copy"));
        }
        let auto_vacuum = match (u32_at(bytes, 52), u32_at(bytes, 64)) {
            (0, _) => AutoVacuum::None,
            (_, 0) => AutoVacuum::Full,
            _ => AutoVacuum::Incremental,
        };
        Ok(Header {
            page_size,
            reserved,
            page_count: u32_at(bytes, 28),
            encoding,
            auto_vacuum,
            change_counter: u32_at(bytes, 24),
            schema_cookie: u32_at(bytes, 40),
            user_version: u32_at(bytes, 60) as i32,
            application_id: u32_at(bytes, 68) as i32,
            write_version,
            read_version,
        })
    }

    /// Bytes of a page that hold data.
    pub fn usable(&self) -> usize {
        (self.page_size - u32::from(self.reserved)) as usize
    }

    /// Whether the database is in WAL mode, so that its newest pages may be in the `-wal` file.
    pub fn is_wal(&self) -> bool {
        self.write_version == 2
    }
}

/// Says what a file that does not begin as a SQLite database may be.
fn foreign(bytes: &[u8]) -> Error {
    let text = bytes[..16].iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace());
    if text || bytes[..16].iter().all(|b| *b == 0) {
        return Error::new(Kind::Failed, "sqlite.foreign", "this is not a SQLite database")
            .hint("name the file that the application opens with SQLite");
    }
    Error::new(Kind::Failed, "sqlite.foreign", "this is not a SQLite database, or it is encrypted")
        .hint("an encrypted database (SQLCipher, SEE) cannot be read from outside: let the application export it, or capture the export")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid() -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..24].copy_from_slice(&[16, 0, 2, 2, 0, 64, 32, 32]);
        bytes[28..32].copy_from_slice(&7u32.to_be_bytes());
        bytes[56..60].copy_from_slice(&3u32.to_be_bytes());
        bytes
    }

    #[test]
    fn the_fields_are_where_the_specification_puts_them() {
        let mut bytes = valid();
        bytes[20] = 32;
        bytes[40..44].copy_from_slice(&9u32.to_be_bytes());
        bytes[52..56].copy_from_slice(&5u32.to_be_bytes());
        bytes[60..64].copy_from_slice(&(-4i32).to_be_bytes());
        let header = Header::parse(&bytes).expect("a header");
        assert_eq!((header.page_size, header.usable(), header.page_count), (4096, 4064, 7));
        assert_eq!((header.encoding, header.auto_vacuum, header.is_wal()), (Encoding::Utf16be, AutoVacuum::Full, true));
        assert_eq!((header.schema_cookie, header.user_version), (9, -4));
        bytes[16..18].copy_from_slice(&[0, 1]);
        bytes[64] = 1;
        let header = Header::parse(&bytes).expect("a header");
        assert_eq!((header.page_size, header.auto_vacuum), (65_536, AutoVacuum::Incremental));
    }

    #[test]
    fn what_is_no_database_is_told_apart() {
        let code = |bytes: &[u8]| Header::parse(bytes).expect_err("refused").code();
        assert_eq!(code(b""), "sqlite.empty");
        assert_eq!(code(b"SQLite format 3\0"), "format.damaged");
        assert_eq!(code(&[b'x'; 200]), "sqlite.foreign");
        let encrypted: Vec<u8> = (0..200u32).map(|i| ((i * 7919) >> 3) as u8).collect();
        let e = Header::parse(&encrypted).expect_err("refused");
        assert!(e.what_next().is_some_and(|hint| hint.contains("encrypted")), "{e:?}");
        for (at, value) in [(16, 3), (17, 9), (20, 255), (21, 0), (59, 4), (19, 3), (19, 0)] {
            let mut bytes = valid();
            bytes[16] = 2;
            bytes[at] = value;
            assert!(Header::parse(&bytes).is_err(), "byte {at} = {value}");
        }
    }
}
