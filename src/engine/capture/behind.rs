//! A captured database that went back in time: what is known of it, and what is refused until it is realigned.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Kind};

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
            .hint("put the newer one back, or bring both together with annals realign; nothing was recorded, and nothing is shipped until then")
            .at_seq(self.seq)
    }
}

/// A captured database, for whoever asks how the store is.
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
}

impl CaptureStatus {
    /// What is wrong, in a sentence.
    pub fn trouble(&self) -> Option<String> {
        self.behind.as_ref().map(|behind| behind.sentence(self.prefix.trim_end_matches('/')))
    }
}
