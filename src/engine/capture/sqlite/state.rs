//! How far the capture of a database has come: a fact of the catalogue, set in the same transaction as the batches that it stands for.

use std::path::Path;
use std::sync::PoisonError;

use serde::{Deserialize, Serialize};

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::engine::capture::behind::{Behind, CaptureStatus};
use crate::engine::capture::open::id_of;
use crate::engine::store::{Tenant, Turn};
use crate::model::key::show_key;
use crate::storage::catalog::{View as Rows, Writer};
use crate::storage::source::sqlite::place::Place;

/// What the names of these facts begin with.
const FACTS: &str = "capture.sqlite.";

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
    /// How the image gets to this state; `None` where a version wrote it that did not keep count: nobody knows then what the image is of.
    #[serde(default)]
    pub redos: Option<Redos>,
    /// Which start of the machine it is of; empty where that is not known.
    #[serde(default)]
    pub boot: String,
}

/// Redos of an image, counted from the first one on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Redos {
    /// So many belong to the states until this one.
    pub written: u64,
    /// So many are in the image for certain.
    pub settled: u64,
}

impl State {
    /// What a redo of the image is called.
    pub(crate) fn redo_name(&self, number: u64) -> Digest {
        Digest::of(&[self.source.as_bytes(), b"\0redo", &number.to_be_bytes()[..]].concat())
    }

    /// The redos that bring the image to this state; `None` where no image is known to be of it.
    pub(crate) fn open_redos(&self) -> Option<Vec<(u64, Digest)>> {
        let Redos { written, settled } = self.redos.filter(|_| !self.begun && self.place.is_some())?;
        Some((settled + 1..=written).map(|number| (number, self.redo_name(number))).collect())
    }

    /// This state, with an image that is of it.
    pub(crate) fn settled(self) -> State {
        let written = self.redos.unwrap_or_default().written;
        State { redos: Some(Redos { written, settled: written }), ..self }
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

    /// The capture as whoever asks how the store is sees it.
    pub(crate) fn status(&self) -> CaptureStatus {
        CaptureStatus {
            tenant: self.tenant,
            source: self.source.clone(),
            prefix: self.prefix.clone(),
            rows: self.rows,
            behind: self.behind.clone(),
            left_out: Vec::new(),
            waits: None,
        }
    }

    /// The name that people know the database by: its prefix without the final slash.
    pub(crate) fn shown_name(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }
}

pub(crate) fn fact_name(id: &str) -> String {
    format!("{FACTS}{id}")
}

/// What is held while the capture under `prefix` is worked on: its image and its state have one writer.
pub(super) fn capturing(tenant: &Tenant, prefix: &[u8]) -> Turn {
    tenant.inner.capturing(&fact_name(&id_of(tenant, prefix)))
}

/// Holds [`capturing`].
pub(super) fn hold(turn: &Turn) -> impl Drop + use<'_> {
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
        redos: Some(Redos::default()),
        boot: String::new(),
    }
}
