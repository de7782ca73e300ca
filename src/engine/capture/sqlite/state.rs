//! How far the capture of a database has come: a fact of the catalogue, set in the same transaction as the batches that it stands for.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::engine::store::{Inner, Tenant};
use crate::model::key::show_key;
use crate::storage::catalog::{View as Rows, Writer};
use crate::storage::source::sqlite::place::Place;

/// Name of the directory of the store where shadow images are.
const CAPTURES: &str = "captures";
/// What the names of these facts begin with.
const FACTS: &str = "capture.sqlite.";

/// What the last look at a database that went back in time said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// The last batch whose state the database has.
    pub seq: u64,
    /// The last batch of the log.
    pub head: u64,
    /// Transactions that the history has and the database lacks.
    pub transactions: u64,
    /// Rows that the history has otherwise than the database.
    pub rows: u64,
    /// Rows that only the database has so: it was written to after it went back. Zero: it is only behind.
    pub only_here: u64,
    /// When it was noticed, in microseconds since 1970.
    pub noticed: i64,
}

impl Behind {
    /// Whether both have moved on since.
    pub fn is_forked(&self) -> bool {
        self.only_here > 0
    }

    /// In a sentence, about the database called `name`.
    pub fn sentence(&self, name: &str) -> String {
        let transactions = if self.transactions == 1 { "1 transaction".to_owned() } else { format!("{} transactions", self.transactions) };
        let own = match self.only_here {
            0 => String::new(),
            1 => ", and has 1 row that is only there".to_owned(),
            n => format!(", and has {n} rows that are only there"),
        };
        format!("{name} is behind its history by {transactions}{own}")
    }

    /// The refusal to record or ship on top of it.
    pub fn refusal(&self, name: &str) -> Error {
        let code = if self.is_forked() { "lineage.forked" } else { "lineage.behind" };
        Error::new(Kind::Refused, code, self.sentence(name))
            .hint("put the newer file back, or bring both together with annals realign; nothing was recorded, and nothing is shipped until then")
            .at_seq(self.seq)
    }
}

/// The captured state of one database.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    /// The file.
    pub source: String,
    /// The tenant's number.
    pub tenant: i64,
    /// What its documents' keys begin with, as people read it.
    pub prefix: String,
    /// Which tables; all where empty.
    pub tables: Vec<String>,
    /// Grows with every state, so that no two states have one name.
    pub step: u64,
    /// The log ended here before the first batch of this capture.
    pub since: u64,
    /// Rows that exist.
    pub rows: u64,
    /// The first batch is not complete yet: a row may be missing here that is in the database.
    pub begun: bool,
    /// The place in the database and its log that was captured last, as [`Place::to_bytes`] makes it; `None` while the image is another one's.
    pub place: Option<Vec<u8>>,
    /// Set while the database is behind.
    pub behind: Option<Behind>,
}

impl State {
    /// What the image calls this state.
    pub(crate) fn name(&self) -> Digest {
        Digest::of(&[self.source.as_bytes(), &self.step.to_be_bytes()[..]].concat())
    }

    pub(crate) fn place(&self) -> Result<Option<Place>> {
        self.place.as_deref().map(Place::from_bytes).transpose()
    }

    /// The next state, at `place`.
    pub(crate) fn moved(&self, place: Option<&Place>) -> State {
        State { step: self.step + 1, place: place.map(Place::to_bytes), ..self.clone() }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|e| Error::new(Kind::Failed, "capture.state", format!("the state of a capture cannot be written: {e}")))
    }

    fn from_bytes(bytes: &[u8]) -> Result<State> {
        serde_json::from_slice(bytes).map_err(|e| Error::damaged(format_args!("the state of a capture: {e}")))
    }

    /// The name that people know the database by: its prefix without the final slash.
    pub(crate) fn shown_name(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }
}

/// Name of the fact of the capture under `prefix`, and of its directory.
pub(crate) fn id_of(tenant: &Tenant, prefix: &[u8]) -> String {
    Digest::of(&[tenant.public.as_bytes(), prefix].concat()).short(32)
}

pub(crate) fn fact_name(id: &str) -> String {
    format!("{FACTS}{id}")
}

/// The directory of a capture's shadow image.
pub(crate) fn directory(inner: &Inner, id: &str) -> PathBuf {
    inner.dir.join(CAPTURES).join(id)
}

/// What is held while the capture under `prefix` is worked on: its image and its state have one writer.
pub(super) fn capturing(tenant: &Tenant, prefix: &[u8]) -> Arc<Mutex<()>> {
    tenant.inner.capturing(&fact_name(&id_of(tenant, prefix)))
}

/// Holds [`capturing`].
pub(super) fn hold(turn: &Mutex<()>) -> MutexGuard<'_, ()> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The capture under `prefix`, if there is one.
pub(crate) fn load(tenant: &Tenant, prefix: &[u8]) -> Result<Option<State>> {
    let fact = tenant.inner.catalog.read(|rows| rows.fact(&fact_name(&id_of(tenant, prefix))))?;
    fact.map(|bytes| State::from_bytes(&bytes)).transpose()
}

/// Sets the state without a batch.
pub(crate) fn save(tenant: &Tenant, prefix: &[u8], state: &State) -> Result<()> {
    let (name, value) = (fact_name(&id_of(tenant, prefix)), state.to_bytes()?);
    tenant.inner.catalog.write(|w: &Writer<'_>| w.set_fact(&name, &value))
}

/// All captures of databases of the store.
pub(crate) fn all(rows: &Rows<'_>) -> Result<Vec<State>> {
    rows.facts(FACTS)?.iter().map(|(_, bytes)| State::from_bytes(bytes)).collect()
}

/// A captured database, for whoever asks how the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureStatus {
    /// The tenant's number.
    pub(crate) tenant: i64,
    /// The database file.
    pub source: PathBuf,
    /// What its documents' keys begin with.
    pub prefix: String,
    /// Rows as of the last captured commit.
    pub rows: u64,
    /// Set where it went back in time: its history has what it lacks.
    pub behind: Option<Behind>,
}

impl CaptureStatus {
    /// What is wrong, in a sentence.
    pub fn trouble(&self) -> Option<String> {
        self.behind.as_ref().map(|behind| behind.sentence(self.prefix.trim_end_matches('/')))
    }
}

pub(crate) fn statuses(rows: &Rows<'_>) -> Result<Vec<CaptureStatus>> {
    let status = |s: State| CaptureStatus { tenant: s.tenant, source: s.source.into(), prefix: s.prefix, rows: s.rows, behind: s.behind };
    Ok(all(rows)?.into_iter().map(status).collect())
}

impl Tenant {
    /// Refuses to go on while a captured database of this tenant is behind its history: what is sealed now would be history on top of a mistake.
    ///
    /// # Errors
    /// [`Kind::Refused`], code `lineage.behind` or `lineage.forked`.
    pub(crate) fn refuse_behind(&self) -> Result<()> {
        let states = self.inner.catalog.read(all)?;
        let found = states.iter().filter(|s| s.tenant == self.id).find_map(|s| Some((s, s.behind.as_ref()?)));
        found.map_or(Ok(()), |(state, behind)| Err(behind.refusal(state.shown_name())))
    }
}

/// A new state for the database at `source`.
pub(crate) fn fresh(tenant: &Tenant, source: &Path, prefix: &[u8], tables: &[String], since: u64) -> State {
    State {
        source: source.display().to_string(),
        tenant: tenant.id,
        prefix: show_key(prefix),
        tables: tables.to_vec(),
        step: 0,
        since,
        rows: 0,
        begun: true,
        place: None,
        behind: None,
    }
}
