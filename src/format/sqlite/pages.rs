//! Where pages come from. Page numbers begin at 1, as in SQLite.

use std::borrow::Cow;
use std::collections::HashMap;

use super::header::Header;
use crate::base::error::{Error, Result};

/// The pages of one state of a database.
pub trait Pages {
    /// The whole page with this number, from 1 to [`Pages::count`]. Fails for other numbers and where the page cannot be read.
    fn page(&self, number: u32) -> Result<Cow<'_, [u8]>>;

    /// Pages of the database in this state.
    fn count(&self) -> u32;
}

/// The first byte of those that SQLite locks, in a page that it never uses.
const LOCKED: usize = 1 << 30;

/// The number of the page that SQLite never uses, however large a database is.
pub fn lock_page(page_size: usize) -> u32 {
    u32::try_from(LOCKED / page_size + 1).unwrap_or(u32::MAX)
}

/// The error for a page number that the database does not have.
pub fn no_such_page(number: u32) -> Error {
    Error::damaged(format!("a SQLite database that names page {number}, which it does not have"))
}

/// A whole database in memory.
pub struct Bytes<'a> {
    bytes: &'a [u8],
    page_size: usize,
}

impl<'a> Bytes<'a> {
    /// Takes the bytes of a database file. Fails where the header is not one.
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        let header = Header::parse(bytes)?;
        Ok(Bytes { bytes, page_size: header.page_size as usize })
    }
}

impl Pages for Bytes<'_> {
    fn page(&self, number: u32) -> Result<Cow<'_, [u8]>> {
        let start = (number as usize).checked_sub(1).map(|n| n * self.page_size).ok_or_else(|| no_such_page(number))?;
        self.bytes.get(start..start + self.page_size).map(Cow::Borrowed).ok_or_else(|| no_such_page(number))
    }

    fn count(&self) -> u32 {
        u32::try_from(self.bytes.len() / self.page_size).unwrap_or(u32::MAX)
    }
}

/// An older state with newer pages above it: the state after a commit.
pub struct Overlay<'a> {
    base: &'a dyn Pages,
    newer: HashMap<u32, Cow<'a, [u8]>>,
    count: u32,
}

impl<'a> Overlay<'a> {
    /// The state that `base` was, with `count` pages from now on.
    pub fn new(base: &'a dyn Pages, count: u32) -> Self {
        Overlay { base, newer: HashMap::new(), count }
    }

    /// Puts a newer page above an older one.
    pub fn put(&mut self, number: u32, page: impl Into<Cow<'a, [u8]>>) {
        self.newer.insert(number, page.into());
    }
}

impl Pages for Overlay<'_> {
    fn page(&self, number: u32) -> Result<Cow<'_, [u8]>> {
        if number == 0 || number > self.count {
            return Err(no_such_page(number));
        }
        match self.newer.get(&number) {
            Some(page) => Ok(Cow::Borrowed(page)),
            None => self.base.page(number),
        }
    }

    fn count(&self) -> u32 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Blank(u32);

    impl Pages for Blank {
        fn page(&self, number: u32) -> Result<Cow<'_, [u8]>> {
            if (1..=self.0).contains(&number) { Ok(Cow::Owned(vec![number as u8; 4])) } else { Err(no_such_page(number)) }
        }

        fn count(&self) -> u32 {
            self.0
        }
    }

    #[test]
    fn the_page_that_is_never_used_begins_at_one_gib() {
        assert_eq!([512, 4096, 65_536].map(lock_page), [2_097_153, 262_145, 16_385]);
    }

    #[test]
    fn an_overlay_shows_the_newer_page_and_its_own_end() {
        let base = Blank(5);
        let mut over = Overlay::new(&base, 4);
        over.put(2, vec![9; 4]);
        assert_eq!(over.page(2).expect("newer").as_ref(), [9; 4]);
        assert_eq!(over.page(3).expect("older").as_ref(), [3; 4]);
        assert!(over.page(5).is_err() && over.page(0).is_err());
        assert_eq!(over.count(), 4);
    }
}
