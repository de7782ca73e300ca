//! What a commit changed, as rows: compares the pages that it wrote, and those that left or joined a table, before and after.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::owners::Owners;
use super::pages::Pages;
use super::row::{Key, Row};
use super::schema::{Schema, Table};
use super::tree::Database;
use crate::base::error::Result;

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
    /// Its table as it is after the commit; as it was before, if the commit dropped it.
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
    let _ = changed;
    let (old, new) = (Database::open(before)?, Database::open(after)?);
    let next = State::read(after)?;
    let mut rows: BTreeMap<(String, String), RowChange> = BTreeMap::new();
    for table in state.schema.tables.iter().filter(|t| wanted(t)) {
        table.rows(&old, &mut |key, row| {
            let name = (table.name.to_string(), key.text(table, usize::MAX));
            rows.insert(name, RowChange { table: table.clone(), key, before: Some(row), after: None });
            Ok(())
        })?;
    }
    for table in next.schema.tables.iter().filter(|t| wanted(t)) {
        table.rows(&new, &mut |key, row| {
            let name = (table.name.to_string(), key.text(table, usize::MAX));
            let before = rows.remove(&name).and_then(|change| change.before);
            rows.insert(name, RowChange { table: table.clone(), key, before, after: Some(row) });
            Ok(())
        })?;
    }
    for change in rows.into_values().filter(|change| change.before != change.after) {
        each(change)?;
    }
    let schema = (next.schema.objects != state.schema.objects).then(|| next.schema.clone());
    *state = next;
    Ok(schema)
}
