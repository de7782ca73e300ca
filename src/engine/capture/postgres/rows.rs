//! The rows of a server as documents, and which documents were met among them.

use std::collections::HashMap;

use crate::base::error::Result;
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::format::pgrow::{self, Cell};
use crate::storage::catalog::number;
use crate::storage::source::postgres::{Server, Table};

use super::Target;
use super::stream::content_name;

/// Which documents were met: one bit for each that the tenant ever had.
#[derive(Default)]
pub(super) struct Met(Vec<u64>);

impl Met {
    pub(super) fn set(&mut self, document: i64) {
        let (word, bit) = (number(document) as usize / 64, number(document) % 64);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    pub(super) fn has(&self, document: i64) -> bool {
        self.0.get(number(document) as usize / 64).is_some_and(|word| word & 1 << (number(document) % 64) != 0)
    }
}

/// Calls `each` with the key and the JSON of every row of a table.
pub(super) fn each_row(
    target: &Target<'_>,
    server: &mut Server,
    table: &Table,
    monitor: &dyn Monitor,
    each: &mut dyn FnMut(Vec<u8>, Vec<u8>) -> Result<()>,
) -> Result<()> {
    let columns: Vec<(&str, u32)> = table.stored().map(|c| (&c.name[..], c.type_oid)).collect();
    let key: Vec<usize> = table.key.iter().filter_map(|name| columns.iter().position(|(column, _)| column == name)).collect();
    // Equal rows of a table without a key, by how many of them came so far.
    let mut equal: HashMap<String, u32> = HashMap::new();
    let (mut items, mut bytes) = (0u64, 0u64);
    server.rows(table, &mut |values| {
        let cells = columns.iter().zip(&values).map(|((name, oid), value)| (*name, *oid, value.as_deref().map_or(Cell::Null, Cell::Text)));
        let row = pgrow::row_json(cells);
        bytes += row.len() as u64;
        let key = match key.is_empty() {
            true => {
                let n = equal.entry(content_name(&row, 1)).and_modify(|n| *n += 1).or_insert(1);
                target.content_key(table, &row, *n)
            }
            false => target.row_key(table, key.iter().map(|at| values.get(*at).and_then(Option::as_deref).unwrap_or_default()).collect()),
        };
        items += 1;
        if items.is_multiple_of(1024) {
            check_stop(monitor)?;
            monitor.progress(&Progress { phase: "reading", items, bytes, ..Progress::default() });
        }
        each(key, row)
    })
}
