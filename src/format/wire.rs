//! A slice of one tenant's log as bytes and back: columns of small numbers, with everything that the reader can predict costing nothing.
//!
//! Documents and contents have **ordinals** per tenant: documents are numbered from 0 in the order in which the log first names them,
//! contents (distinct whole-content digests) in the order in which it first puts them. Every reader that applies the log in order keeps the
//! same numbers, so a slice names known things by number and ships no digest of a content that it carries: the reader computes it, rebuilds
//! the canonical records and compares the digest of the last batch with `head`. Specified in `FORMAT.md`, section "Wire".

mod predict;
mod bits;
mod encode;
mod decode;
#[cfg(test)]
pub(super) mod model;
#[cfg(test)]
mod tests;

pub use decode::decode;
pub use encode::encode;

use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::id::{TenantId, TimelineId};
use crate::base::time::Timestamp;
use crate::model::change::{Cause, Change, KeyId, Meta};
use crate::model::reference::Reference;
use crate::model::timeline::Position;

/// The first half of a timeline id: what names and seals of a segment carry. The slice carries the other half.
pub type TimelinePrefix = [u8; 8];

pub use crate::base::limits::ORDINAL_MAX;

/// Consecutive batches of one tenant, with the contents that they introduce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Whose log it is. Known to the reader before it reads; not part of the bytes.
    pub tenant: TenantId,
    /// The line of history.
    pub timeline: TimelineId,
    /// Where this line branched off; only on the first slice of a timeline that has a parent.
    pub parent: Option<Position>,
    /// Sequence number of the first batch.
    pub first_seq: u64,
    /// Digest of the batch before the first.
    pub prev: Digest,
    /// Digest of the last batch.
    pub head: Digest,
    /// Documents that the log named before this slice: the ordinal of the first new one.
    pub documents_before: u64,
    /// Contents that the log put before this slice: the ordinal of the first new one.
    pub contents_before: u64,
    /// Keys of the new documents, in ordinal order.
    pub new_keys: Vec<Vec<u8>>,
    /// The batches, in order; at least one.
    pub batches: Vec<WireBatch>,
    /// The new contents, in ordinal order.
    pub contents: Vec<NewContent>,
    /// The packed blocks that hold the data of the new contents.
    pub blocks: Vec<BlockEntry>,
}

impl Slice {
    /// Sequence number of the last batch.
    pub fn last_seq(&self) -> u64 {
        self.first_seq.saturating_add(self.batches.len() as u64).saturating_sub(1)
    }

    /// Size in bytes of the content with this ordinal, from the slice or from what is known.
    pub fn content_size(&self, content: u64, known: &dyn Known) -> Result<u64> {
        match content.checked_sub(self.contents_before) {
            None => known.content_size(content),
            Some(index) => self.contents.get(index as usize).map(|c| c.size).ok_or_else(|| damaged("an unknown content")),
        }
    }

    /// Whether a content has bytes in this slice, as far as it is one of its own.
    fn has_bytes(&self, content: u64) -> bool {
        let own = content.checked_sub(self.contents_before).and_then(|own| self.contents.get(own as usize));
        own.is_none_or(|own| !matches!(own.form, Form::Absent { .. }))
    }

    /// Whether a content may be packed against another as far as boxes go: nothing in the box of a subject depends on what is outside of it,
    /// nor the other way round. Of contents before the slice the writer alone knows.
    fn shares_box(&self, content: &NewContent, base: u64) -> bool {
        let own = base.checked_sub(self.contents_before).and_then(|own| self.contents.get(own as usize));
        own.is_none_or(|own| own.key() == content.key())
    }

    /// Total bytes of the data of all new contents: what the blocks hold together.
    pub fn data_len(&self) -> Result<u64> {
        self.contents.iter().try_fold(0u64, |sum, c| sum.checked_add(c.data_len())).ok_or_else(|| damaged("contents of impossible size"))
    }
}

/// One batch. Its sequence number and previous digest follow from its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireBatch {
    /// Hybrid time.
    pub time: Timestamp,
    /// What the clock said minus `time`, in microseconds.
    pub clock_behind: i64,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// From where.
    pub origin: String,
    /// The caller's request id, empty where none.
    pub request: String,
    /// Why it exists.
    pub cause: Cause,
    /// The changes, in order.
    pub changes: Vec<WireChange>,
}

/// One change, with ordinals for documents and contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireChange {
    /// A new version of a document.
    Put {
        /// Ordinal of the document.
        document: u64,
        /// Ordinal of the content.
        content: u64,
        /// What is kept beside it.
        meta: Meta,
    },
    /// The document ceases to exist.
    Remove {
        /// Ordinal of the document.
        document: u64,
    },
    /// A reference was added or changed.
    Refer {
        /// Ordinal of the document.
        document: u64,
        /// The reference as it is from now on.
        reference: Reference,
    },
    /// The position just before this batch gets a name.
    Mark {
        /// The name.
        name: String,
    },
    /// One of the rarer changes, which name no document by number: a hold, its end, or contents that were given up.
    Other(Change),
}

/// A content that the slice introduces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewContent {
    /// Length in bytes.
    pub size: u64,
    /// What its data are.
    pub form: Form,
    /// Ordinal of the earlier content that it is packed against.
    pub base: Option<u64>,
    /// How a large content is put together from its base and its data; empty where the data are the whole content.
    pub splice: Vec<Run>,
    /// The box that its blocks are in, where its subject can be erased.
    pub boxed: Option<Boxed>,
}

/// The box of a content whose subject can be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Boxed {
    /// Names the subject's key.
    pub key: KeyId,
    /// BLAKE3 of the bytes: a reader without the key cannot compute it, and has to prove the records all the same.
    pub digest: Digest,
}

impl NewContent {
    /// The key of the box that it is in.
    pub fn key(&self) -> Option<KeyId> {
        self.boxed.map(|boxed| boxed.key)
    }

    /// Bytes of this content's data in the blocks.
    pub fn data_len(&self) -> u64 {
        match self.form {
            Form::Container { form_len } => form_len,
            Form::Plain if self.splice.is_empty() => self.size,
            Form::Absent { .. } => 0,
            // Sums of checked slices cannot overflow: the runs add up to `size`.
            Form::Plain => self.splice.iter().fold(0, |sum, run| if let Run::Data { len } = run { u64::saturating_add(sum, *len) } else { sum }),
        }
    }
}

/// What the data of a content are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The bytes of the content, or of its [`Run::Data`].
    Plain,
    /// The unpacked form of a deflate container, from which the content is repacked.
    Container {
        /// Length of the form in bytes.
        form_len: u64,
    },
    /// Nothing: the bytes were given up before the slice was sealed. The reader cannot compute the digest, so the slice carries it.
    Absent {
        /// BLAKE3 of the bytes.
        digest: Digest,
    },
}

/// A stretch of a spliced content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// The same bytes as the base has at `at`.
    Copy {
        /// Offset in the base.
        at: u64,
        /// Bytes.
        len: u64,
    },
    /// The next bytes of the content's data.
    Data {
        /// Bytes.
        len: u64,
    },
}

/// One packed block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockEntry {
    /// Which object of the slice holds it, from 0.
    pub part: u32,
    /// Bytes that it unpacks to.
    pub plain_len: u64,
    /// Bytes of the frame before it is sealed.
    pub frame_len: u64,
}

/// What both sides know before a slice: the log up to the batch before `first_seq`.
pub trait Known {
    /// The content last put on a document, also where the document was removed since.
    fn content_of(&self, document: u64) -> Result<Option<u64>>;
    /// The size of a content in bytes; an unknown one is an error.
    fn content_size(&self, content: u64) -> Result<u64>;
    /// What was kept beside the content last put on a document.
    fn meta_of(&self, document: u64) -> Result<Option<Meta>>;
}

/// A slice as bytes. The two parts are kept apart because zstd packs the one better without the other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wire {
    /// Digests, ids and the low bits of times: what no packing makes smaller.
    pub noise: Vec<u8>,
    /// Everything else.
    pub columns: Vec<u8>,
}

fn damaged(what: &str) -> Error {
    Error::damaged(format_args!("a slice with {what}")).hint("fetch the segment again, or take it from another remote")
}
