//! What becomes of what is written into an application's own database.

use crate::base::error::Error;

/// What became of one row, or of all of them together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it should be.
    Done,
    /// A rule of the database forbids it, in the database's words.
    Forbidden(String),
}

/// A statement of the configuration that cannot be run.
pub(super) fn refused(text: &str, why: &dyn std::fmt::Display) -> Error {
    Error::usage("realign.sql", format!("a statement of annals.toml cannot be run: {why}: {text}"))
        .hint("correct it in annals.toml; nothing was changed. recompute takes single statements that change rows, invariants ask")
}
