//! What a commit changed, as rows: compares the pages that it wrote, and those that left or joined a table, before and after.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::delta::{Delta, Moves, Touch, Trees};
use super::header::{HEADER_BYTES, Header};
use super::owners::Owners;
use super::pages::Pages;
use super::record;
use super::row::{Key, Row};
use super::schema::{PrimaryKey, Schema, Table};
use super::tree::{Cell, Database, Page};
use crate::base::error::{Error, Result};

/// What must be known of the state before a commit.
#[derive(Debug, Clone)]
pub struct State {
    /// Its schema.
    pub schema: Schema,
    /// Which page belongs to which table.
    pub owners: Owners,
}

impl State {
    /// Reads the schema and walks all tables of one state of a database.
    pub fn read(pages: &dyn Pages) -> Result<State> {
        let database = Database::open(pages)?;
        let schema = Schema::read(&database)?;
        let owners = Owners::read(&database, &schema)?;
        Ok(State { schema, owners })
    }
}

/// One row that is different.
#[derive(Debug, Clone, PartialEq)]
pub struct RowChange {
    /// Its table as it is after the commit; as it was before, for a removed row.
    pub table: Arc<Table>,
    /// By what the row is known.
    pub key: Key,
    /// What it was; `None` for a new row.
    pub before: Option<Row>,
    /// What it is; `None` for a removed row.
    pub after: Option<Row>,
}

/// What a commit changed.
#[derive(Debug, Clone)]
pub struct Changes {
    /// The schema after the commit, if it changed.
    pub schema: Option<Schema>,
    /// The rows by table name, and within a table by rowid or key text.
    pub rows: Vec<RowChange>,
}

/// What a commit changed. `changed` are the numbers of the pages that it wrote, `before` and `after` the pages around it, `state` what is known of
/// `before`; it becomes that of `after`. `wanted` says of which tables rows are read. If it fails, `state` is as it was.
///
/// Tables whose statement cannot be read are an error if they are wanted, see [`Table::check`].
pub fn changes(before: &dyn Pages, after: &dyn Pages, changed: &[u32], state: &mut State, wanted: &dyn Fn(&Table) -> bool) -> Result<Changes> {
    let mut rows = Vec::new();
    let schema = each_change(before, after, changed, state, wanted, &mut |row| {
        rows.push(row);
        Ok(())
    })?;
    Ok(Changes { schema, rows })
}

/// As [`changes`], but gives each row to `each` as it is found.
pub fn each_change(
    before: &dyn Pages,
    after: &dyn Pages,
    changed: &[u32],
    state: &mut State,
    wanted: &dyn Fn(&Table) -> bool,
    each: &mut dyn FnMut(RowChange) -> Result<()>,
) -> Result<Option<Schema>> {
    let (old, new) = (Database::open(before)?, Database::open(after)?);
    let touch = Touch::of(changed, &state.owners)?;
    let next = next_schema(&old, &new, &state.schema, &touch)?;
    let schema = next.as_ref().unwrap_or(&state.schema);
    let trees = Trees { old: &old, new: &new, owners: &state.owners, touch: &touch };
    let mut moves = Moves::default();
    for pair in pairs(&state.schema, schema, &touch) {
        let delta = trees.delta(pair.before.map(|t| t.root), pair.after.map(|t| t.root), pair.anew(), &mut moves)?;
        let (before, after) = (pair.before.filter(|t| wanted(t)), pair.after.filter(|t| wanted(t)));
        if let Some(table) = after.or(before) {
            for side in [before, after].into_iter().flatten() {
                side.check()?;
            }
            let anew = pair.anew() || before.is_none() || after.is_none();
            let mut rows = Rows { trees: &trees, table, before, after, anew, pending: BTreeMap::new(), each };
            if [before, after].into_iter().flatten().all(|t| !t.without_rowid) {
                rows.by_rowid(&delta)?;
            } else {
                rows.by_content(&delta)?;
            }
        }
    }
    moves.apply(&mut state.owners, new.count())?;
    let header = new.header().clone();
    let reported = next.filter(|next| next.objects != state.schema.objects || told(&next.header) != told(&state.schema.header));
    match &reported {
        Some(next) => state.schema = next.clone(),
        None => state.schema.header = header,
    }
    Ok(reported)
}

/// What of the header is part of the schema.
fn told(header: &Header) -> impl PartialEq {
    (header.page_size, header.encoding, header.auto_vacuum, header.user_version, header.application_id)
}

/// The schema after the commit, where it may have changed. Many commits write page 1 only for the counters in its header.
fn next_schema(old: &Database<'_>, new: &Database<'_>, schema: &Schema, touch: &Touch) -> Result<Option<Schema>> {
    let same_header = new.header().schema_cookie == schema.header.schema_cookie && told(new.header()) == told(&schema.header);
    let same_tree = !touch.root(1) || (touch.root_only(1) && old.bytes(1)?[HEADER_BYTES..] == new.bytes(1)?[HEADER_BYTES..]);
    if same_header && same_tree { Ok(None) } else { Schema::read(new).map(Some) }
}

/// A table before and after a commit. One of the two is there.
struct Pair<'s> {
    before: Option<&'s Arc<Table>>,
    after: Option<&'s Arc<Table>>,
}

impl Pair<'_> {
    /// Whether all rows must be compared by what they mean: rows that were not rewritten may mean something else now.
    fn anew(&self) -> bool {
        match (self.before, self.after) {
            (Some(before), Some(after)) if Arc::ptr_eq(before, after) => false,
            (Some(before), Some(after)) => !before.reads_as(after) && (before.unclear.is_none() || before != after),
            _ => true,
        }
    }
}

/// Tables of which something may be different, by name.
fn pairs<'s>(before: &'s Schema, after: &'s Schema, touch: &Touch) -> Vec<Pair<'s>> {
    let mut by_name: BTreeMap<&str, Pair<'s>> = BTreeMap::new();
    for table in before.tables.iter().filter(|t| t.root != 0) {
        by_name.insert(&table.name, Pair { before: Some(table), after: None });
    }
    for table in after.tables.iter().filter(|t| t.root != 0) {
        by_name.entry(&table.name).or_insert(Pair { before: None, after: None }).after = Some(table);
    }
    let same_schema = std::ptr::eq(before, after);
    let touched = |pair: &Pair<'_>| match (pair.before, pair.after) {
        (Some(before), Some(after)) => touch.root(before.root) || (!same_schema && (before.root != after.root || pair.anew())),
        _ => true,
    };
    by_name.into_values().filter(touched).collect()
}

/// Compares the rows of one table.
struct Rows<'r, 'c, 'a> {
    trees: &'r Trees<'c, 'a>,
    /// What the changes are of.
    table: &'r Arc<Table>,
    before: Option<&'r Arc<Table>>,
    after: Option<&'r Arc<Table>>,
    /// Whether equal bytes may mean different rows.
    anew: bool,
    /// Rows that are known only by the text of their key, until the other side has come or the table ends.
    pending: BTreeMap<String, RowChange>,
    each: &'r mut dyn FnMut(RowChange) -> Result<()>,
}

/// The cells of some pages, page after page.
struct Cells<'d, 'a> {
    database: &'d Database<'a>,
    pages: std::vec::IntoIter<u32>,
    page: Option<Page<'a>>,
    index: usize,
    /// Whether they are of a table without rowids, in which interior pages have rows too.
    without_rowid: bool,
}

impl<'d, 'a> Cells<'d, 'a> {
    fn new(database: &'d Database<'a>, pages: Vec<u32>, without_rowid: bool) -> Result<Self> {
        let mut cells = Cells { database, pages: pages.into_iter(), page: None, index: 0, without_rowid };
        cells.settle()?;
        Ok(cells)
    }

    /// Goes to the next page that has a cell if this one has no more.
    fn settle(&mut self) -> Result<()> {
        while self.page.as_ref().is_none_or(|page| self.index >= page.cells()) {
            (self.index, self.page) = (0, None);
            let Some(number) = self.pages.next() else { return Ok(()) };
            let page = self.database.page(number)?;
            if page.kind().has_rowids() == self.without_rowid {
                return Err(Error::damaged(format!("page {number} of a SQLite database: it is of another kind than its table")));
            }
            self.page = Some(page).filter(|page| self.without_rowid || page.kind().is_leaf());
        }
        Ok(())
    }

    fn current(&self) -> Result<Option<Cell<'_>>> {
        match &self.page {
            Some(page) if self.index < page.cells() => page.cell(self.index).map(Some),
            _ => Ok(None),
        }
    }

    fn advance(&mut self) -> Result<()> {
        self.index += 1;
        self.settle()
    }
}

impl Rows<'_, '_, '_> {
    /// Tables with rowids: both sides are in the order of their rowids, so they are merged without being held.
    fn by_rowid(&mut self, delta: &Delta) -> Result<()> {
        let mut old = Cells::new(self.trees.old, in_order(self.trees.old, pages_of(self.before, &delta.before))?, false)?;
        let mut new = Cells::new(self.trees.new, in_order(self.trees.new, pages_of(self.after, &delta.after))?, false)?;
        let mut last = None;
        loop {
            let (was, is) = (old.current()?, new.current()?);
            let Some(rowid) = [&was, &is].into_iter().flatten().map(|cell| cell.rowid).min() else { break };
            if last.is_some_and(|last| last >= rowid) {
                return Err(Error::damaged(format!("the order of the rows of the SQLite table {}", self.table.name)));
            }
            last = Some(rowid);
            let (was, is) = (was.filter(|cell| cell.rowid == rowid), is.filter(|cell| cell.rowid == rowid));
            let (takes_old, takes_new) = (was.is_some(), is.is_some());
            let same = match (&was, &is) {
                (Some(was), Some(is)) => !self.anew && self.same(was, is)?,
                _ => false,
            };
            if !same {
                let before = read(self.before, self.trees.old, was)?;
                let after = read(self.after, self.trees.new, is)?;
                self.put(before, after)?;
            }
            if takes_old {
                old.advance()?;
            }
            if takes_new {
                new.advance()?;
            }
        }
        self.finish()
    }

    /// Whether two cells with the same rowid hold the same bytes.
    fn same(&self, was: &Cell<'_>, is: &Cell<'_>) -> Result<bool> {
        if was.payload_bytes != is.payload_bytes || was.local != is.local {
            return Ok(false);
        }
        match was.overflow {
            None => Ok(true),
            Some(head) if was.overflow == is.overflow && !self.trees.touch.head(head) => Ok(true),
            Some(_) => Ok(self.trees.old.payload(was)? == self.trees.new.payload(is)?),
        }
    }

    /// Tables without rowids, whose order only their collations know: both sides are read in step, and what both have is dropped at once.
    fn by_content(&mut self, delta: &Delta) -> Result<()> {
        let rowless = |table: Option<&Arc<Table>>| table.is_some_and(|t| t.without_rowid);
        let mut old = Cells::new(self.trees.old, pages_of(self.before, &delta.before), rowless(self.before))?;
        let mut new = Cells::new(self.trees.new, pages_of(self.after, &delta.after), rowless(self.after))?;
        let (mut gone, mut come): (HashSet<Vec<u8>>, HashSet<Vec<u8>>) = Default::default();
        loop {
            let (was, is) = (old.current()?, new.current()?);
            let (takes_old, takes_new) = (was.is_some(), is.is_some());
            if !takes_old && !takes_new {
                break;
            }
            if self.anew {
                self.put(read(self.before, self.trees.old, was)?, None)?;
                self.put(None, read(self.after, self.trees.new, is)?)?;
            } else {
                if let Some(cell) = &was {
                    let payload = self.trees.old.payload(cell)?;
                    if !come.remove(&*payload) {
                        gone.insert(payload.into_owned());
                    }
                }
                if let Some(cell) = &is {
                    let payload = self.trees.new.payload(cell)?;
                    if !gone.remove(&*payload) {
                        come.insert(payload.into_owned());
                    }
                }
            }
            if takes_old {
                old.advance()?;
            }
            if takes_new {
                new.advance()?;
            }
        }
        for payload in gone {
            self.put(decode(self.before, self.trees.old, &payload)?, None)?;
        }
        for payload in come {
            self.put(None, decode(self.after, self.trees.new, &payload)?)?;
        }
        self.finish()
    }

    /// Takes what a row was and is. A row whose key is its rowid is complete; others wait for the side that may come under another rowid.
    fn put(&mut self, before: Option<(Key, Row)>, after: Option<(Key, Row)>) -> Result<()> {
        let by_rowid = |table: Option<&Arc<Table>>| table.is_none_or(|t| !matches!(t.key, PrimaryKey::Columns(_)));
        if by_rowid(self.before) && by_rowid(self.after) && [self.before, self.after].into_iter().flatten().all(|t| t.key == self.table.key) {
            let key = before.as_ref().or(after.as_ref()).map(|(key, _)| key.clone());
            let (before, after) = (before.map(|(_, row)| row), after.map(|(_, row)| row));
            return match key {
                Some(key) if before != after => (self.each)(RowChange { table: self.table.clone(), key, before, after }),
                _ => Ok(()),
            };
        }
        if let (Some(table), Some((key, row))) = (self.before, before) {
            let text = key.text(table, usize::MAX);
            let change = self.pending.entry(text.clone()).or_insert_with(|| RowChange { table: table.clone(), key, before: None, after: None });
            change.before = Some(row);
            if change.before == change.after {
                self.pending.remove(&text);
            }
        }
        if let (Some(table), Some((key, row))) = (self.after, after) {
            let text = key.text(table, usize::MAX);
            let change = self.pending.remove(&text).unwrap_or(RowChange { table: table.clone(), key: key.clone(), before: None, after: None });
            if change.before.as_ref() != Some(&row) {
                self.pending.insert(text, RowChange { table: table.clone(), key, before: change.before, after: Some(row) });
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        std::mem::take(&mut self.pending).into_values().try_for_each(&mut *self.each)
    }
}

fn read(table: Option<&Arc<Table>>, database: &Database<'_>, cell: Option<Cell<'_>>) -> Result<Option<(Key, Row)>> {
    match (table, cell) {
        (Some(table), Some(cell)) => table.row_of(database, &cell).map(Some),
        _ => Ok(None),
    }
}

fn decode(table: Option<&Arc<Table>>, database: &Database<'_>, payload: &[u8]) -> Result<Option<(Key, Row)>> {
    table.map(|table| table.row(0, record::parse(payload, database.header().encoding)?)).transpose()
}

/// The pages of one side; none for a table that is not there or not wanted.
fn pages_of(table: Option<&Arc<Table>>, pages: &[u32]) -> Vec<u32> {
    if table.is_some() { pages.to_vec() } else { Vec::new() }
}

/// Leaves in the order of their rowids; within a tree the rowids of one leaf lie together.
fn in_order(database: &Database<'_>, pages: Vec<u32>) -> Result<Vec<u32>> {
    let mut firsts = Vec::with_capacity(pages.len());
    for number in pages {
        let page = database.page(number)?;
        if page.kind().is_leaf() && page.cells() > 0 {
            firsts.push((page.cell(0)?.rowid, number));
        }
    }
    firsts.sort_unstable();
    Ok(firsts.into_iter().map(|(_, number)| number).collect())
}
