//! Which page belongs to which table. Page types cannot be told from the pages: overflow and free pages hold arbitrary bytes.

use super::schema::Schema;
use super::tree::{DEPTH_MAX, Database};
use crate::base::error::{Error, Result};

/// What a page is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Use {
    /// An index, free, or SQLite's own: nothing that rows are read from.
    #[default]
    Other,
    /// An interior page of a table.
    Interior,
    /// A leaf of a table.
    Leaf,
    /// Part of a row that does not fit on its page.
    Overflow,
}

/// The map from pages to tables. Five bytes a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owners {
    /// By page number minus one; pages behind the end are [`Use::Other`].
    uses: Vec<Use>,
    /// The page above; 0 for a root. Above an overflow page is the one before it in its chain, above the first the page with the cell.
    parents: Vec<u32>,
}

impl Owners {
    /// Builds the map by walking all tables. Fails where a page is used twice.
    pub fn read(database: &Database<'_>, schema: &Schema) -> Result<Owners> {
        let mut owners = Owners::default();
        for table in schema.tables.iter().filter(|t| t.root != 0) {
            database.walk(table.root, &mut |page, parent| {
                let role = if page.kind().is_leaf() { Use::Leaf } else { Use::Interior };
                owners.claim(page.number(), role, parent)?;
                for index in 0..page.cells() {
                    let cell = page.cell(index)?;
                    if cell.overflow.is_some() {
                        owners.claim_chain(&database.chain(&cell)?, page.number())?;
                    }
                }
                Ok(())
            })?;
        }
        Ok(owners)
    }

    /// What a page is used for.
    pub fn usage(&self, page: u32) -> Use {
        page.checked_sub(1).and_then(|i| self.uses.get(i as usize)).copied().unwrap_or_default()
    }

    /// Whether rows are read from a page, so that an image must keep it: page 1, and the pages of tables.
    pub fn keeps(&self, page: u32) -> bool {
        page == 1 || self.usage(page) != Use::Other
    }

    /// The page above; 0 for a root and for pages that are not owned.
    pub fn parent(&self, page: u32) -> u32 {
        page.checked_sub(1).and_then(|i| self.parents.get(i as usize)).copied().unwrap_or_default()
    }

    /// The root of the table that a leaf or interior page belongs to; `None` for other pages.
    pub fn root_of(&self, page: u32) -> Option<u32> {
        let mut at = page;
        for _ in 0..=DEPTH_MAX {
            match (self.usage(at), self.parent(at)) {
                (Use::Leaf | Use::Interior, 0) => return Some(at),
                (Use::Leaf | Use::Interior, parent) => at = parent,
                _ => return None,
            }
        }
        None
    }

    /// Sets the use of a page whatever it was.
    pub(super) fn set(&mut self, page: u32, usage: Use, parent: u32) {
        let Some(index) = page.checked_sub(1).map(|i| i as usize) else { return };
        if index >= self.uses.len() {
            if usage == Use::Other {
                return;
            }
            self.uses.resize(index + 1, Use::Other);
            self.parents.resize(index + 1, 0);
        }
        (self.uses[index], self.parents[index]) = (usage, parent);
    }

    /// Takes a page that nothing owns.
    pub(super) fn claim(&mut self, page: u32, usage: Use, parent: u32) -> Result<()> {
        if self.usage(page) != Use::Other {
            return Err(Error::damaged(format!("a SQLite database that uses page {page} twice")));
        }
        self.set(page, usage, parent);
        Ok(())
    }

    pub(super) fn claim_chain(&mut self, chain: &[u32], page: u32) -> Result<()> {
        let mut above = page;
        for link in chain {
            self.claim(*link, Use::Overflow, above)?;
            above = *link;
        }
        Ok(())
    }

    /// Forgets pages behind the end.
    pub(super) fn truncate(&mut self, count: u32) {
        let used = self.uses.iter().rposition(|u| *u != Use::Other).map_or(0, |i| i + 1).min(count as usize);
        self.uses.truncate(used);
        self.parents.truncate(used);
    }
}
