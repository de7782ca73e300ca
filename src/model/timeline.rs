//! Positions: provable places in a history.

use crate::base::digest::Digest;
use crate::base::id::TimelineId;

/// A place in one tenant's log that two parties can compare: which line of history, how far, and the digest of all up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The line of history.
    pub timeline: TimelineId,
    /// Sequence number of the last batch, 0 for an empty log.
    pub seq: u64,
    /// Digest of that batch, [`Digest::ZERO`] for an empty log.
    pub digest: Digest,
}
