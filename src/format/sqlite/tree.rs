//! B-tree pages, their cells, and payloads that overflow into chains of pages (file format section 1.6).

use std::borrow::Cow;

use super::header::Header;
use super::pages::Pages;
use super::record::varint;
use crate::base::error::{Error, Result};

/// Levels: SQLite refuses deeper trees.
pub(crate) const DEPTH_MAX: usize = 20;
/// Bytes: the largest row that SQLite can be built for.
const PAYLOAD_BYTES_MAX: u64 = 0x7fff_ffff;

/// What a b-tree page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PageKind {
    /// Rows of a table with rowids.
    TableLeaf,
    /// Children of a table with rowids.
    TableInterior,
    /// Entries of an index or of a table without rowids.
    IndexLeaf,
    /// Entries and children of an index or of a table without rowids.
    IndexInterior,
}

impl PageKind {
    /// Whether it has no children.
    pub fn is_leaf(self) -> bool {
        matches!(self, PageKind::TableLeaf | PageKind::IndexLeaf)
    }

    /// Whether it belongs to a table with rowids.
    pub fn has_rowids(self) -> bool {
        matches!(self, PageKind::TableLeaf | PageKind::TableInterior)
    }
}

/// A b-tree page whose front has been read and checked.
pub struct Page<'a> {
    number: u32,
    bytes: Cow<'a, [u8]>,
    usable: usize,
    /// Where the cell pointers begin.
    pointers: usize,
    kind: PageKind,
    cells: usize,
    right: Option<u32>,
}

/// One cell of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'p> {
    /// The child to its left, on interior pages.
    pub child: Option<u32>,
    /// The rowid, or on interior pages of a table the largest rowid below the child; 0 on index pages.
    pub rowid: i64,
    /// Bytes of the whole payload; 0 on interior pages of a table.
    pub payload_bytes: u64,
    /// What of the payload is on this page.
    pub local: &'p [u8],
    /// The first overflow page, which has the rest.
    pub overflow: Option<u32>,
}

impl<'a> Page<'a> {
    /// Reads the front of page `number`.
    pub fn parse(number: u32, bytes: Cow<'a, [u8]>, usable: usize) -> Result<Page<'a>> {
        let damaged = || Error::damaged(format!("page {number} of a SQLite database"));
        let start = if number == 1 { super::header::HEADER_BYTES } else { 0 };
        let front = bytes.get(start..start + 12).filter(|_| bytes.len() >= usable).ok_or_else(damaged)?;
        let kind = match front[0] {
            2 => PageKind::IndexInterior,
            5 => PageKind::TableInterior,
            10 => PageKind::IndexLeaf,
            13 => PageKind::TableLeaf,
            _ => return Err(damaged()),
        };
        let cells = usize::from(u16::from_be_bytes([front[3], front[4]]));
        let right = (!kind.is_leaf()).then(|| u32::from_be_bytes([front[8], front[9], front[10], front[11]]));
        let pointers = start + if kind.is_leaf() { 8 } else { 12 };
        if pointers + 2 * cells > usable {
            return Err(damaged());
        }
        Ok(Page { number, bytes, usable, pointers, kind, cells, right })
    }

    /// The number of the page.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What it is.
    pub fn kind(&self) -> PageKind {
        self.kind
    }

    /// Cells on it.
    pub fn cells(&self) -> usize {
        self.cells
    }

    fn damaged(&self) -> Error {
        Error::damaged(format!("a cell of page {} of a SQLite database", self.number))
    }

    /// The cell with this index, from 0 in key order. Fails for one that reaches beyond the page.
    pub fn cell(&self, index: usize) -> Result<Cell<'_>> {
        self.cell_at(index).ok_or_else(|| self.damaged())
    }

    fn cell_at(&self, index: usize) -> Option<Cell<'_>> {
        if index >= self.cells {
            return None;
        }
        let pointer = self.pointers + 2 * index;
        let at = usize::from(u16::from_be_bytes([self.bytes[pointer], self.bytes[pointer + 1]]));
        let mut rest = self.bytes[..self.usable].get(at..).filter(|_| at >= self.pointers)?;
        let mut cell = Cell { child: None, rowid: 0, payload_bytes: 0, local: &[], overflow: None };
        if !self.kind.is_leaf() {
            let (child, after) = rest.split_first_chunk::<4>()?;
            cell.child = Some(u32::from_be_bytes(*child));
            rest = after;
        }
        if self.kind != PageKind::TableInterior {
            let (bytes, len) = varint(rest)?;
            cell.payload_bytes = Some(bytes).filter(|n| *n <= PAYLOAD_BYTES_MAX)?;
            rest = &rest[len..];
        }
        if self.kind.has_rowids() {
            let (rowid, len) = varint(rest)?;
            cell.rowid = rowid as i64;
            rest = &rest[len..];
        }
        let local = local_bytes(self.kind, self.usable, cell.payload_bytes as usize);
        cell.local = rest.get(..local)?;
        if (local as u64) < cell.payload_bytes {
            let (next, _) = rest[local..].split_first_chunk::<4>()?;
            cell.overflow = Some(u32::from_be_bytes(*next));
        }
        Some(cell)
    }

    /// The pages below it, in key order; none for a leaf.
    pub fn children(&self) -> Result<Vec<u32>> {
        let Some(right) = self.right else { return Ok(Vec::new()) };
        let mut out = Vec::with_capacity(self.cells + 1);
        for index in 0..self.cells {
            // Only the child, which stands first: an interior page is read much more often for its children than for its keys.
            let pointer = self.pointers + 2 * index;
            let at = usize::from(u16::from_be_bytes([self.bytes[pointer], self.bytes[pointer + 1]]));
            let child = self.bytes[..self.usable].get(at..at + 4).filter(|_| at >= self.pointers).ok_or_else(|| self.damaged())?;
            out.push(u32::from_be_bytes([child[0], child[1], child[2], child[3]]));
        }
        out.push(right);
        Ok(out)
    }
}

/// Bytes of a payload that stay on the page (file format section 1.6, "cell payload overflow pages").
fn local_bytes(kind: PageKind, usable: usize, payload: usize) -> usize {
    let index = |part: usize| (usable - 12) * part / 255 - 23;
    let most = if kind == PageKind::TableLeaf { usable - 35 } else { index(64) };
    if payload <= most {
        return payload;
    }
    let least = index(32);
    let even = least + (payload - least) % (usable - 4);
    if even <= most { even } else { least }
}

/// One state of a database: its pages and what its header says.
pub struct Database<'a> {
    pages: &'a dyn Pages,
    header: Header,
}

impl<'a> Database<'a> {
    /// Reads the header from page 1.
    pub fn open(pages: &'a dyn Pages) -> Result<Self> {
        let header = Header::parse(&pages.page(1)?)?;
        Ok(Database { pages, header })
    }

    /// The header of this state.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Pages of the database in this state.
    pub fn count(&self) -> u32 {
        self.pages.count()
    }

    /// The bytes of a page.
    pub fn bytes(&self, number: u32) -> Result<Cow<'a, [u8]>> {
        let bytes = self.pages.page(number)?;
        if bytes.len() != self.header.page_size as usize {
            return Err(Error::damaged(format!("page {number} of a SQLite database (its size)")));
        }
        Ok(bytes)
    }

    /// A page of a b-tree.
    pub fn page(&self, number: u32) -> Result<Page<'a>> {
        Page::parse(number, self.bytes(number)?, self.header.usable())
    }

    /// Gives every overflow page of a payload with what it holds of it, in order. A chain that is longer or shorter than the payload is damage.
    fn overflow(&self, cell: &Cell<'_>, each: &mut dyn FnMut(u32, &[u8])) -> Result<()> {
        let mut left = cell.payload_bytes - cell.local.len() as u64;
        let room = self.header.usable() - 4;
        let mut next = cell.overflow.unwrap_or(0);
        // More pages than the database has would be a circle.
        if left.div_ceil(room as u64) > u64::from(self.count()) {
            return Err(Error::damaged(format!("an overflow chain of a SQLite database at page {next}")));
        }
        while left > 0 {
            let bytes = self.bytes(next)?;
            let n = left.min(room as u64) as usize;
            each(next, &bytes[4..4 + n]);
            left -= n as u64;
            next = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        Ok(())
    }

    /// The whole payload of a cell.
    pub fn payload<'c>(&self, cell: &Cell<'c>) -> Result<Cow<'c, [u8]>> {
        if cell.overflow.is_none() {
            return Ok(Cow::Borrowed(cell.local));
        }
        let mut out = cell.local.to_vec();
        self.overflow(cell, &mut |_, part| out.extend_from_slice(part))?;
        Ok(Cow::Owned(out))
    }

    /// The overflow pages of a cell, in order.
    pub fn chain(&self, cell: &Cell<'_>) -> Result<Vec<u32>> {
        let mut out = Vec::new();
        self.overflow(cell, &mut |number, _| out.push(number))?;
        Ok(out)
    }

    /// Gives every page of the tree at `root`, parents before their children, children in key order: page, parent (0 for the root). Fails where
    /// the tree is deeper than `DEPTH_MAX`, names a page twice, or mixes pages of tables and indexes.
    pub fn walk(&self, root: u32, each: &mut dyn FnMut(&Page<'a>, u32) -> Result<()>) -> Result<()> {
        let mut seen = std::collections::HashSet::new();
        let mut stack = vec![(root, 0u32, 0usize)];
        let mut rowids = None;
        while let Some((number, parent, depth)) = stack.pop() {
            let page = self.page(number)?;
            let same = *rowids.get_or_insert(page.kind().has_rowids()) == page.kind().has_rowids();
            if depth > DEPTH_MAX || !same || !seen.insert(number) {
                return Err(Error::damaged(format!("the tree at page {root} of a SQLite database, at page {number}")));
            }
            each(&page, parent)?;
            stack.extend(page.children()?.into_iter().rev().map(|child| (child, number, depth + 1)));
        }
        Ok(())
    }
}
