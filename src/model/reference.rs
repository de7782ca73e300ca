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

impl Reference {
    /// The id `id` of `system`, in no particular state, recallable, for ever.
    pub fn new(system: impl Into<String>, id: impl Into<String>) -> Self {
        Reference { system: system.into(), id: id.into(), state: String::new(), irrevocable: false, expires: None }
    }

    /// In the state `state`, in the outside system's words.
    pub fn state(mut self, state: impl Into<String>) -> Self {
        self.state = state.into();
        self
    }

    /// It can no longer be recalled.
    pub fn irrevocable(mut self) -> Self {
        self.irrevocable = true;
        self
    }

    /// It ceases to exist in the outside system then.
    pub fn expires(mut self, at: Timestamp) -> Self {
        self.expires = Some(at);
        self
    }
}
