//! Segments: a slice as sealed objects for a remote. Specified in `FORMAT.md`, section "Segment objects".
//!
//! ```text
//! tail object   magic version | boxes of blocks | filler | tail box | key id, salt, length of the tail box, version
//! part object   magic version | boxes of blocks | filler
//! ```
//! One object is the normal case. A large slice has parts before the tail object; the tail lists their sizes and digests, and is written last.
//! Everything that a reader needs first is at the end, so one read of the end gives the records without the contents.

mod name;
mod pad;
mod write;
mod read;
#[cfg(test)]
mod tests;

pub use name::ObjectName;
pub use pad::padded_size;
pub use read::{Extent, ObjectRead, SliceReader, Tail, check_object};
pub use write::{SliceWriter, Written};

use crate::base::digest;
use crate::base::error::Result;
use crate::base::id::TenantId;

use super::cipher::{NONCE_BYTES, SecretKey, SegmentCipher};
use super::version;
use super::wire::TimelinePrefix;

/// First bytes of every object.
pub const MAGIC: [u8; 4] = *b"anns";
/// Bytes before the first box: magic and version.
pub const FRONT_BYTES: usize = 5;
/// Bytes after the tail box: key id, salt, length of the tail box, version.
pub const TRAILER_BYTES: usize = 4 + NONCE_BYTES + 4 + 1;
/// Bytes: frames that are smaller than this together travel inside the tail box, which saves their tags and hides their sizes.
pub const INLINE_FRAMES_BYTES: usize = 64 * 1024;
/// Bytes: how much of the end of an object is read at first. Holds the tails of nearly all segments.
pub const TAIL_GUESS_BYTES: u64 = 64 * 1024;
/// The box with the tail.
const TAIL_BOX: u64 = u64::MAX;
/// Filler of part p is keystream of box `FILLER_BOX - p`.
const FILLER_BOX: u64 = u64::MAX - 1;

/// Tail flag: the columns are a zstd frame.
const COLUMNS_PACKED: u8 = 1;
/// Tail flag: the frames of all blocks follow the columns.
const FRAMES_INLINE: u8 = 1 << 1;
/// Tail flag: sizes and digests of parts are listed.
const HAS_PARTS: u8 = 1 << 2;

/// Names a tenant's key without telling it: a reader with another key finds out before it tries.
pub fn key_id(tenant_key: &SecretKey) -> [u8; 4] {
    let id = digest::derive_key("annals 2026-11 segment key id v1", tenant_key.expose());
    [id[0], id[1], id[2], id[3]]
}

/// The cipher of a slice, and what its boxes are bound to.
struct Sealer {
    cipher: SegmentCipher,
    salt: [u8; NONCE_BYTES],
    bound: Vec<u8>,
}

impl Sealer {
    fn new(tenant_key: &SecretKey, salt: &[u8; NONCE_BYTES], tenant: TenantId, timeline: TimelinePrefix) -> Self {
        let mut bound = front();
        bound.extend_from_slice(&key_id(tenant_key));
        bound.extend_from_slice(salt);
        bound.extend_from_slice(tenant.as_bytes());
        bound.extend_from_slice(&timeline);
        Sealer { cipher: SegmentCipher::new(tenant_key, salt), salt: *salt, bound }
    }

    fn seal(&self, number: u64, plain: &[u8]) -> Vec<u8> {
        self.cipher.seal(number, &self.bound, plain)
    }

    /// Seals the frame of block `number` under the key of the subject whose contents it holds.
    fn seal_for(&self, subject_key: &SecretKey, number: u64, frame: &[u8]) -> Vec<u8> {
        SegmentCipher::of_subject(subject_key, &self.salt).seal(number, &self.bound, frame)
    }

    /// Opens what [`Sealer::seal_for`] made.
    fn open_for(&self, subject_key: &SecretKey, number: u64, sealed: &[u8]) -> Result<Vec<u8>> {
        SegmentCipher::of_subject(subject_key, &self.salt).open(number, &self.bound, sealed)
    }
}

fn front() -> Vec<u8> {
    let mut front = MAGIC.to_vec();
    front.push(version::SEGMENT);
    front
}
