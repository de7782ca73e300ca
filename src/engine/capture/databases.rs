//! The captured databases of a store, whatever databases they are.

use crate::base::error::Result;
use crate::base::monitor::Monitor;
use crate::engine::plans::By;
use crate::engine::store::Tenant;
use crate::model::key::parse_key;
use crate::storage::catalog::{View as Rows, Writer};

use super::behind::{CaptureStatus, Replayed};
use super::open::{OpenDatabase, no_capture};
#[cfg(feature = "postgres")]
use super::postgres as server;
#[cfg(unix)]
use super::sqlite;
use super::written::RowDifference;

/// One captured database.
pub(super) enum Database {
    #[cfg(unix)]
    Sqlite(Box<sqlite::State>),
    #[cfg(feature = "postgres")]
    Postgres(Box<server::State>),
}

/// All captured databases of the store.
fn all(rows: &Rows<'_>) -> Result<Vec<Database>> {
    let mut out = Vec::new();
    #[cfg(unix)]
    out.extend(sqlite::all(rows)?.into_iter().map(|state| Database::Sqlite(Box::new(state))));
    #[cfg(feature = "postgres")]
    out.extend(server::all(rows)?.into_iter().map(|state| Database::Postgres(Box::new(state))));
    Ok(out)
}

/// All captured databases of the store, for whoever asks how it is.
pub(crate) fn statuses(rows: &Rows<'_>) -> Result<Vec<CaptureStatus>> {
    Ok(all(rows)?.iter().map(Database::status).collect())
}

/// Notes that batches `first` to `last` of a tenant came from elsewhere: whether its captured databases have what they say is looked at before
/// anything else is recorded of them.
pub(crate) fn note_replayed(w: &Writer<'_>, tenant: i64, first: u64, last: u64) -> Result<()> {
    let mut ours = statuses(w)?.into_iter().filter(|captured| captured.tenant == tenant);
    ours.try_for_each(|captured| Replayed { first, last }.note(w, &captured))
}

impl Database {
    pub(super) fn status(&self) -> CaptureStatus {
        match self {
            #[cfg(unix)]
            Database::Sqlite(state) => state.status(),
            #[cfg(feature = "postgres")]
            Database::Postgres(state) => state.status(),
        }
    }

    /// What the keys of its rows begin with.
    pub(super) fn prefix(&self) -> Vec<u8> {
        parse_key(match self {
            #[cfg(unix)]
            Database::Sqlite(state) => &state.prefix,
            #[cfg(feature = "postgres")]
            Database::Postgres(state) => &state.prefix,
        })
    }

    /// The file, or host and database.
    pub(super) fn source(&self) -> String {
        self.status().source
    }

    pub(super) fn catch_up(&self, tenant: &Tenant, by: &By, monitor: &dyn Monitor) -> Result<()> {
        match self {
            #[cfg(unix)]
            Database::Sqlite(state) => sqlite::catch_up(tenant, state, by, monitor),
            #[cfg(feature = "postgres")]
            Database::Postgres(state) => server::catch_up(tenant, state, by, monitor),
        }
    }

    /// Lets `act` write to it.
    pub(super) fn open<T>(&self, tenant: &Tenant, by: &By, monitor: &dyn Monitor, act: impl FnOnce(&mut dyn OpenDatabase) -> Result<T>) -> Result<T> {
        match self {
            #[cfg(unix)]
            Database::Sqlite(state) => sqlite::open(tenant, state, by, monitor, act),
            #[cfg(feature = "postgres")]
            Database::Postgres(state) => server::open(tenant, state, by, monitor, act),
        }
    }
}

impl Tenant {
    /// The captured databases of this tenant.
    pub(super) fn captured(&self) -> Result<Vec<Database>> {
        let all = self.inner.catalog.read(all)?;
        Ok(all.into_iter().filter(|captured| captured.status().tenant == self.id).collect())
    }

    /// The one that was captured under `prefix`.
    pub(super) fn captured_under(&self, prefix: &[u8]) -> Result<Database> {
        self.captured()?.into_iter().find(|captured| captured.prefix() == prefix).ok_or_else(|| no_capture(prefix))
    }

    /// Prefixes of the captured databases of this tenant.
    pub fn databases(&self) -> Result<Vec<Vec<u8>>> {
        Ok(self.captured()?.iter().map(Database::prefix).collect())
    }

    /// In which rows the database that was captured under `prefix` differs from its history, by table and key. Nothing is recorded, and nothing is
    /// asked about who is right; see [`Behind`](super::Behind) for that.
    ///
    /// # Errors
    /// [`Kind::Missing`](crate::base::error::Kind::Missing) where no database was captured there;
    /// [`Kind::Refused`](crate::base::error::Kind::Refused) where it is another database.
    pub fn compare_database(&self, prefix: &[u8], monitor: &dyn Monitor) -> Result<Vec<RowDifference>> {
        match self.captured_under(prefix)? {
            #[cfg(unix)]
            Database::Sqlite(state) => sqlite::compare(self, &state, monitor),
            #[cfg(feature = "postgres")]
            Database::Postgres(state) => server::compare_rows(self, &state, monitor),
        }
    }

    /// Refuses to go on while a captured database of this tenant is behind its history: what is sealed now would be history on top of a mistake.
    ///
    /// # Errors
    /// [`Kind::Refused`](crate::base::error::Kind::Refused), code `lineage.behind` or `lineage.forked`.
    pub(crate) fn refuse_behind(&self) -> Result<()> {
        let all = self.inner.catalog.read(statuses)?;
        let found = all.iter().filter(|s| s.tenant == self.id).find_map(|s| Some((s, s.behind.as_ref()?)));
        found.map_or(Ok(()), |(status, behind)| Err(behind.refusal(status.prefix.trim_end_matches('/'))))
    }
}
