//! References: ids of things in outside systems (a delivery, an archive number). Never rolled back, shown in every plan.

use crate::base::time::Timestamp;

/// Id and state of something in an outside system that belongs to a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The outside system: "svarut", "archive".
    pub system: String,
    /// The id that the outside system gave.
    pub id: String,
    /// Its state there in that system's words: "delivered".
    pub state: String,
    /// Whether it can no longer be recalled.
    pub irrevocable: bool,
    /// When it ceases to exist there, if it does.
    pub expires: Option<Timestamp>,
}
