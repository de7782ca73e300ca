//! In which rows a server and the history differ now. Records nothing: what the search for the place starts from where they parted, and what a
//! realignment decides about.

use std::collections::HashMap;

use serde_json::Value;

use crate::base::digest::Digest;
use crate::base::error::Result;
use crate::base::monitor::Monitor;
use crate::engine::capture::written::{RowDifference, content};
use crate::storage::source::postgres::{Server, Table};

use super::Target;
use super::rows::{Met, each_row};
use super::schema;

/// Rows that differ, by key, with the digest of what the server has.
pub(super) type Differing = HashMap<Vec<u8>, Option<Digest>>;

/// How much of the server was compared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compared {
    /// Rows that are as recorded.
    pub same: u64,
}

/// Calls `each` with every row of `tables` that is not as recorded, and every recorded row that is not there; those of the tables called `gone`
/// are not there. The server must show one state all the while.
pub(super) fn each_difference(
    target: &Target<'_>,
    server: &mut Server,
    tables: &[&Table],
    gone: &[String],
    monitor: &dyn Monitor,
    each: &mut dyn FnMut(Vec<u8>, Option<Vec<u8>>) -> Result<()>,
) -> Result<Compared> {
    let (mut met, mut compared) = (Met::default(), Compared::default());
    for table in tables {
        each_row(target, server, table, monitor, &mut |key, row| {
            let known = target.tenant.inner.catalog.read(|rows| {
                let Some(document) = rows.document(target.tenant.id, &key)? else { return Ok(None) };
                Ok(Some((document.id, document.content.map(|c| rows.content_digest(c)).transpose()?.map(|(digest, _)| digest))))
            })?;
            if let Some((id, digest)) = known {
                met.set(id);
                if digest == Some(Digest::of(&row)) {
                    compared.same += 1;
                    return Ok(());
                }
            }
            each(key, Some(row))
        })?;
    }
    let names = tables.iter().map(|table| table.text()).chain(gone.iter().cloned());
    for name in names {
        let prefix = [&target.prefix[..], name.as_bytes(), b"/"].concat();
        target.each_document(&prefix, &mut |document| if met.has(document.id) { Ok(()) } else { each(document.key, None) })?;
    }
    Ok(compared)
}

/// Names of recorded tables that the server has not.
pub(super) fn gone(recorded: &Value, tables: &[&Table]) -> Vec<String> {
    schema::texts(recorded).filter(|name| !tables.iter().any(|table| table.text() == *name)).map(str::to_owned).collect()
}

/// The rows of `tables` that differ, whole, in order of key. What is recorded of tables that are not among `described` is gone.
pub(super) fn differences(
    target: &Target<'_>,
    server: &mut Server,
    tables: &[&Table],
    described: &[&Table],
    monitor: &dyn Monitor,
) -> Result<Vec<RowDifference>> {
    let (now, mut out) = (target.tenant.now(), Vec::new());
    let gone = gone(&target.schema()?, described);
    each_difference(target, server, tables, &gone, monitor, &mut |key, there| {
        let recorded = content(&now, &key)?;
        out.push(RowDifference { key, recorded, there });
        Ok(())
    })?;
    out.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(out)
}
