//! Objects to a slice: the records from the end of the tail object, blocks one by one where they are wanted.

use crate::base::codec::Reader;
use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::TenantId;
use crate::base::limits::{SEGMENT_BYTES_MAX, TAIL_BYTES_MAX};
use crate::format::block::unpack;
use crate::format::cipher::{NONCE_BYTES, SecretKey, TAG_BYTES};
use crate::format::version;
use crate::format::wire::{Known, Slice, Wire, decode};

use super::name::{ObjectName, object_digest};
use super::{COLUMNS_PACKED, FRAMES_INLINE, FRONT_BYTES, HAS_PARTS, MAGIC, Sealer, TAIL_BOX, TAIL_GUESS_BYTES, TRAILER_BYTES, key_id};

const WHAT: &str = "the tail of a segment";

/// Reads stretches of objects, wherever they are.
pub trait ObjectRead {
    /// The `len` bytes at `offset` of an object.
    fn read(&self, object: &ObjectName, offset: u64, len: u64) -> Result<Vec<u8>>;
}

/// Checks a whole object against its name: size, digest, magic, version. What a remote returned is an object only after this.
pub fn check_object(name: &ObjectName, bytes: &[u8]) -> Result<()> {
    if bytes.len() as u64 != name.size {
        return Err(changed(name, &format!("has {} bytes, its name says {}", bytes.len(), name.size)));
    }
    if object_digest(bytes) != name.digest {
        return Err(changed(name, "has other bytes than its name says"));
    }
    check_front(name, bytes)
}

fn check_front(name: &ObjectName, bytes: &[u8]) -> Result<()> {
    match bytes.get(..FRONT_BYTES) {
        Some([magic @ .., found]) if *magic == MAGIC => version::check(&format!("segment {name}"), u32::from(*found), version::SEGMENT.into()),
        _ => Err(changed(name, "does not begin like a segment")),
    }
}

fn changed(name: &ObjectName, how: &str) -> Error {
    Error::new(Kind::Failed, "segment.damaged", format!("the object {how}: {name}"))
        .hint("fetch it again, or take it from another remote; the site that wrote it can ship it again")
}

/// The opened tail of a slice: the records, still without a log to read them against.
pub struct Tail {
    sealer: Sealer,
    name: ObjectName,
    wire: Wire,
    inline: Option<Vec<u8>>,
    parts: Vec<ObjectName>,
    tail_start: u64,
}

impl Tail {
    /// Reads the tail of the object called `name` with one read of its end, and a second one only where the tail is large.
    ///
    /// Errors: [`Kind::Denied`] when the slice was sealed with another key, [`Kind::Newer`] when a newer program wrote it, [`Kind::Failed`]
    /// when it is damaged or belongs to another tenant or timeline.
    pub fn read(tenant_key: &SecretKey, tenant: TenantId, name: &ObjectName, source: &dyn ObjectRead) -> Result<Tail> {
        let least = (FRONT_BYTES + TAG_BYTES + TRAILER_BYTES) as u64;
        if !name.is_tail || name.size > SEGMENT_BYTES_MAX || name.size < least {
            return Err(changed(name, "cannot be the last object of a segment"));
        }
        let guess = name.size.min(TAIL_GUESS_BYTES);
        let mut end = read_exactly(source, name, name.size - guess, guess)?;
        if guess == name.size {
            check_front(name, &end)?;
        }
        let trailer = end.split_off(end.len() - TRAILER_BYTES);
        let mut r = Reader::new(&trailer, WHAT);
        let sealed_with: [u8; 4] = r.array()?;
        let salt: [u8; NONCE_BYTES] = r.array()?;
        let sealed_len = u64::from(u32::from_le_bytes(r.array()?));
        version::check(&format!("segment {name}"), u32::from(r.byte()?), version::SEGMENT.into())?;
        if sealed_with != key_id(tenant_key) {
            return Err(Error::new(Kind::Denied, "key.wrong", format!("the segment was sealed with another key: {name}"))
                .hint("use the key file or recovery sheet of the site that wrote it"));
        }
        let most = name.size - (FRONT_BYTES + TRAILER_BYTES) as u64;
        if sealed_len > most || sealed_len < TAG_BYTES as u64 {
            return Err(changed(name, "names an impossible tail"));
        }
        let tail_start = FRONT_BYTES as u64 + most - sealed_len;
        let sealed = match (end.len() as u64).checked_sub(sealed_len) {
            Some(before) => end.split_off(before as usize),
            None => read_exactly(source, name, tail_start, sealed_len)?,
        };
        let sealer = Sealer::new(tenant_key, &salt, tenant, name.timeline);
        let plain = open(&sealer, name, TAIL_BOX, &sealed)?;
        parse(sealer, name, &plain, tail_start)
    }

    /// The parts before the tail object, under the names that they are stored with.
    pub fn parts(&self) -> &[ObjectName] {
        &self.parts
    }

    /// The digest of the batch before the slice and that of its last batch, without reading the records: which slices follow one another.
    pub fn links(&self) -> Result<(Digest, Digest)> {
        let mut noise = Reader::new(&self.wire.noise, WHAT);
        Ok((Digest::from_bytes(noise.array()?), Digest::from_bytes(noise.array()?)))
    }

    /// Reads the records against the log before the slice.
    pub fn decode(self, tenant: TenantId, known: &dyn Known) -> Result<SliceReader> {
        let slice = decode(&self.wire, tenant, self.name.timeline, known)?;
        if (slice.first_seq, slice.last_seq()) != (self.name.first, self.name.last) {
            return Err(changed(&self.name, "holds other batches than its name says"));
        }
        let extents = self.extents(&slice)?;
        Ok(SliceReader { slice, extents, sealer: self.sealer, inline: self.inline })
    }

    /// Where the sealed frames are. Checked here, so that reading a block later cannot reach outside.
    fn extents(&self, slice: &Slice) -> Result<Vec<Extent>> {
        let tag = if self.inline.is_some() { 0 } else { TAG_BYTES as u64 };
        let (mut part, mut offset) = (0, if self.inline.is_some() { 0 } else { FRONT_BYTES as u64 });
        let mut extents = Vec::with_capacity(slice.blocks.len());
        for block in &slice.blocks {
            if block.part != part {
                (part, offset) = (block.part, FRONT_BYTES as u64);
            }
            let object = match self.parts.get(part as usize) {
                Some(object) => *object,
                None if part as usize == self.parts.len() => self.name,
                None => return Err(changed(&self.name, "names a part that it does not list")),
            };
            let len = block.frame_len.saturating_add(tag);
            let end = offset.saturating_add(len);
            let end_max = match &self.inline {
                Some(frames) => frames.len() as u64,
                None if object.is_tail => self.tail_start,
                None => object.size,
            };
            if end > end_max || self.inline.is_some() && part != 0 {
                return Err(changed(&self.name, "names a block that is not there"));
            }
            extents.push(Extent { object, offset, len });
            offset = end;
        }
        Ok(extents)
    }
}

/// Where a sealed block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// The object that holds it.
    pub object: ObjectName,
    /// Offset in the object.
    pub offset: u64,
    /// Bytes, with the tag.
    pub len: u64,
}

/// A slice whose records are read and whose blocks can be.
pub struct SliceReader {
    slice: Slice,
    extents: Vec<Extent>,
    sealer: Sealer,
    inline: Option<Vec<u8>>,
}

impl SliceReader {
    /// The records and the directory of blocks.
    pub fn slice(&self) -> &Slice {
        &self.slice
    }

    /// Gives up the ability to read blocks.
    pub fn into_slice(self) -> Slice {
        self.slice
    }

    /// Where block `i` is; `None` where its frame came with the tail and needs no read. Lets a caller read neighbours at once.
    pub fn extent(&self, i: usize) -> Option<Extent> {
        if self.inline.is_some() { None } else { self.extents.get(i).copied() }
    }

    /// The frame of block `i`, to be unpacked with its prefix.
    pub fn frame(&self, i: usize, source: &dyn ObjectRead) -> Result<Vec<u8>> {
        let extent = self.extents.get(i).ok_or_else(|| Error::damaged("a block that a segment does not have"))?;
        match &self.inline {
            Some(frames) => Ok(frames[extent.offset as usize..(extent.offset + extent.len) as usize].to_vec()),
            None => self.open_frame(i, &read_exactly(source, &extent.object, extent.offset, extent.len)?),
        }
    }

    /// The frame of block `i` out of the box of the subject whose contents it holds.
    pub fn unbox(&self, i: usize, sealed: &[u8], subject_key: &SecretKey) -> Result<Vec<u8>> {
        let opened = self.sealer.open_for(subject_key, i as u64, sealed);
        opened.map_err(|_| Error::damaged("a subject's box in a segment").hint("take the segment from another remote"))
    }

    /// Opens the sealed bytes of block `i`, read from its [`Extent`].
    pub fn open_frame(&self, i: usize, sealed: &[u8]) -> Result<Vec<u8>> {
        let extent = self.extents.get(i).ok_or_else(|| Error::damaged("a block that a segment does not have"))?;
        open(&self.sealer, &extent.object, i as u64, sealed)
    }
}

/// The key id matched, so a box that does not open was changed, or stands in the place of another tenant or timeline.
fn open(sealer: &Sealer, name: &ObjectName, number: u64, sealed: &[u8]) -> Result<Vec<u8>> {
    sealer.cipher.open(number, &sealer.bound, sealed).map_err(|_| changed(name, "was changed, or put in the place of another"))
}

fn read_exactly(source: &dyn ObjectRead, name: &ObjectName, offset: u64, len: u64) -> Result<Vec<u8>> {
    let bytes = source.read(name, offset, len)?;
    if bytes.len() as u64 == len { Ok(bytes) } else { Err(changed(name, &format!("gave {} of {len} bytes", bytes.len()))) }
}

fn parse(sealer: Sealer, name: &ObjectName, plain: &[u8], tail_start: u64) -> Result<Tail> {
    let mut r = Reader::new(plain, WHAT);
    let flags = r.byte()?;
    if flags & !(COLUMNS_PACKED | FRAMES_INLINE | HAS_PARTS) != 0 {
        return Err(changed(name, "has a tail with unknown flags"));
    }
    let noise_len = r.count()?;
    let columns_len = r.varint_max(TAIL_BYTES_MAX as u64)? as usize;
    let packed_len = if flags & COLUMNS_PACKED != 0 { Some(r.count()?) } else { None };
    let count = if flags & HAS_PARTS != 0 { r.count()? } else { 0 };
    if count != name.part as usize {
        return Err(changed(name, "lists other parts than its name says"));
    }
    let mut parts = Vec::with_capacity(count);
    for part in 0..name.part {
        let object = ObjectName { is_tail: false, part, size: r.varint_max(SEGMENT_BYTES_MAX)?, digest: r.array()?, ..*name };
        parts.push(object);
    }
    let noise = r.take(noise_len)?.to_vec();
    let columns = match packed_len {
        Some(len) => unpack(&[], r.take(len)?, columns_len)?,
        None => r.take(columns_len)?.to_vec(),
    };
    // The frames are followed by padding; where they end is known when the records are decoded.
    let inline = if flags & FRAMES_INLINE != 0 { Some(r.take(r.remaining())?.to_vec()) } else { None };
    Ok(Tail { sealer, name: *name, wire: Wire { noise, columns }, inline, parts, tail_start })
}
