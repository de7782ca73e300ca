//! A captured database that went back in time: what is known of it, and what is refused until it is realigned.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Kind, Result};
use crate::storage::catalog::{Catalog, View as Rows, Writer};

/// What the names of facts begin with that say which batches a capture has to look at; then come tenant and prefix.
const REPLAYED: &str = "replayed.";

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

/// Batches that came from elsewhere since the last look at a database: from a remote, after the store went back in time or was a copy. The database
/// may have gone back together with the store, and so lack what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Replayed {
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
}

impl Replayed {
    /// What a capture has to look at. Kept beside its state, which whoever captures just now is about to write.
    pub(super) fn find(rows: &Rows<'_>, of: &CaptureStatus) -> Result<Option<Replayed>> {
        // One that cannot be read is as good as none: it is only a reason to look.
        Ok(rows.fact(&fact(of))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Keeps it for a capture, together with what is kept already.
    pub(super) fn note(self, w: &Writer<'_>, of: &CaptureStatus) -> Result<()> {
        let all = Replayed::find(w, of)?.map_or(self, |e| Replayed { first: self.first.min(e.first), last: self.last.max(e.last) });
        let bytes = serde_json::to_vec(&all).map_err(|e| Error::new(Kind::Failed, "capture.state", format!("a note cannot be written: {e}")))?;
        w.set_fact(&fact(of), &bytes)
    }

    /// It was looked at, unless more came meanwhile.
    pub(super) fn forget(self, catalog: &Catalog, of: &CaptureStatus) -> Result<()> {
        catalog.write(|w| if Replayed::find(w, of)? == Some(self) { w.remove_fact(&fact(of)) } else { Ok(()) })
    }
}

fn fact(of: &CaptureStatus) -> String {
    format!("{REPLAYED}{}.{}", of.tenant, of.prefix)
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
            .hint("put the newer one back, or bring both together with annals realign; nothing was recorded, and nothing is shipped until then")
            .at_seq(self.seq)
    }
}

/// A captured database, or one of the configuration that could not be captured yet, for whoever asks how the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureStatus {
    /// The tenant's number.
    pub(crate) tenant: i64,
    /// Where it is: the file, or host and database.
    pub source: String,
    /// What its documents' keys begin with.
    pub prefix: String,
    /// Rows as of the last captured commit.
    pub rows: u64,
    /// Set where it went back in time: its history has what it lacks.
    pub behind: Option<Behind>,
    /// Tables that are wanted and not captured, with the reason and what helps, as of the last look.
    pub left_out: Vec<(String, String)>,
    /// Why nothing was ever recorded of it, where the last try failed.
    pub waits: Option<String>,
}

impl CaptureStatus {
    /// What is wrong, in a sentence.
    pub fn trouble(&self) -> Option<String> {
        let behind = self.behind.as_ref().map(|behind| behind.sentence(self.prefix.trim_end_matches('/')));
        behind.or_else(|| Some(format!("nothing recorded yet: {}", self.waits.as_ref()?)))
    }
}
