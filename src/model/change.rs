//! Batches and changes: what the log is made of.

use crate::base::digest::Digest;
use crate::base::time::Timestamp;

use super::reference::Reference;

/// What a version is, where it came from a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileKind {
    /// A document or a regular file.
    #[default]
    File,
    /// A symbolic link; the content is its target.
    Link,
    /// A directory that must exist by itself (empty, or with a mode of its own); the content is empty and the key ends in `/`.
    Directory,
}

/// What is kept beside the content of one version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meta {
    /// File, link or directory.
    pub kind: FileKind,
    /// Media type, empty where unknown.
    pub media: String,
    /// Unix permission bits (0o7777), where it came from a file.
    pub mode: Option<u32>,
    /// Modification time in nanoseconds since 1970, where it came from a file.
    pub mtime_ns: Option<i64>,
    /// Business-valid period: since when the content is true in the world.
    pub valid_from: Option<Timestamp>,
    /// Business-valid period: until when, exclusively.
    pub valid_until: Option<Timestamp>,
}

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new version of a document.
    Put {
        /// The document.
        key: Vec<u8>,
        /// BLAKE3 of the whole content.
        content: Digest,
        /// Length of the content in bytes.
        size: u64,
        /// What is kept beside it.
        meta: Meta,
    },
    /// The document ceases to exist; its versions stay.
    Remove {
        /// The document.
        key: Vec<u8>,
    },
    /// A reference was added, or its state changed (same system and id).
    Refer {
        /// The document it belongs to.
        key: Vec<u8>,
        /// The reference as it is from now on.
        reference: Reference,
    },
    /// The position just before this batch gets a name.
    Mark {
        /// The name; a later mark of the same name replaces it.
        name: String,
    },
    /// Nothing of the documents in a scope may be forgotten from now on.
    Hold {
        /// The name; a later hold of the same name replaces it.
        name: String,
        /// Everything where it is empty, all below it where it ends in `/`, otherwise the one document of that name and what is below it.
        prefix: Vec<u8>,
        /// It ends by itself then; by being lifted only where absent.
        until: Option<Timestamp>,
    },
    /// A hold ends.
    Lift {
        /// Its name.
        name: String,
    },
    /// The bytes of contents were given up. What is recorded of them stays.
    Forget {
        /// By which rules.
        rule: String,
        /// Their numbers within the tenant, ascending.
        contents: Vec<u64>,
    },
    /// What becomes of the tenant as a whole.
    Tenant(Tenancy),
    /// An earlier position gets a name.
    MarkAt {
        /// The name; a later mark of the same name replaces it.
        name: String,
        /// The last batch that the mark includes; one before the batch that says so.
        seq: u64,
    },
    /// A subject was erased: the key of its contents was destroyed, and their bytes were given up. A tombstone.
    Erase {
        /// A keyed digest of the subject's name: the name itself may say who it was.
        subject: Digest,
        /// Names the key that was destroyed.
        key: KeyId,
        /// The numbers of the contents that went, ascending.
        contents: Vec<u64>,
    },
}

/// Whether a tenant is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tenancy {
    /// It was dropped: nothing is recorded any more, and its bytes are given up some time after this moment unless it is brought back.
    Dropped {
        /// Until then it can be brought back for sure.
        until: Timestamp,
    },
    /// It was brought back.
    Back,
    /// Its bytes were given up; what is recorded of them stays.
    Gone,
}

/// Names the key of a subject without telling it.
pub type KeyId = [u8; 8];

impl Change {
    /// The document that is changed, where it is a change of one.
    pub fn key(&self) -> Option<&[u8]> {
        match self {
            Change::Put { key, .. } | Change::Remove { key } | Change::Refer { key, .. } => Some(key),
            Change::Mark { .. } | Change::Hold { .. } | Change::Lift { .. } | Change::Forget { .. } => None,
            Change::Erase { .. } | Change::Tenant(_) | Change::MarkAt { .. } => None,
        }
    }
}

/// Why a batch exists, where it was computed from older ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cause {
    /// People or programs recorded it.
    #[default]
    Recorded,
    /// It takes back the batch with this sequence number.
    Undo(u64),
    /// It brings a prefix back to the state after this sequence number.
    Rollback(u64),
    /// It puts single documents back.
    Restore,
    /// It brings two lines of history into one that parted after this sequence number: of the store, or of a captured database.
    Realign(u64),
}

/// Everything of a batch but its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchHead {
    /// Place in the tenant's log, from 1.
    pub seq: u64,
    /// Digest of the batch before, [`Digest::ZERO`] for the first.
    pub prev: Digest,
    /// Hybrid time: the clock's time, but never before the previous batch's.
    pub time: Timestamp,
    /// What the clock really said minus `time`, in microseconds: zero, or negative where the clock had stepped back.
    pub clock_behind: i64,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// From where: program, host, source.
    pub origin: String,
    /// The caller's id of this request, empty where none: the same id is recorded once.
    pub request: String,
    /// Why it exists.
    pub cause: Cause,
}
