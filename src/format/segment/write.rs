//! A slice to objects. Memory stays bounded by one object.

use crate::base::codec::put_varint;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::{TenantId, TimelineId};
use crate::base::limits::{BLOCK_PLAIN_BYTES_MAX, SEGMENT_BYTES_MAX};
use crate::base::random::Random;
use crate::format::block::{Effort, pack};
use crate::format::cipher::{NONCE_BYTES, SecretKey, TAG_BYTES};
use crate::format::version;
use crate::format::wire::{BlockEntry, Known, Slice, encode};

use super::name::ObjectName;
use super::pad::{padded_size, padme};
use super::{COLUMNS_PACKED, FILLER_BOX, FRAMES_INLINE, FRONT_BYTES, HAS_PARTS, INLINE_FRAMES_BYTES, Sealer, TAIL_BOX, TRAILER_BYTES, front, key_id};

/// What became of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The objects in the order in which they were written: parts, then the tail object.
    pub objects: Vec<ObjectName>,
    /// Where each block went.
    pub blocks: Vec<BlockEntry>,
}

/// Seals a slice: blocks as they come, the records last. Each object is handed over as soon as it is complete.
pub struct SliceWriter<'a> {
    sealer: Sealer,
    key_id: [u8; 4],
    salt: [u8; NONCE_BYTES],
    name: ObjectName,
    tenant: TenantId,
    timeline: TimelineId,
    part_bytes_max: u64,
    sink: &'a mut dyn FnMut(&ObjectName, &[u8]) -> Result<()>,
    object: Vec<u8>,
    /// Frames that are not sealed yet, because they may still fit into the tail box; `None` once they did not.
    inline: Option<Vec<u8>>,
    boxes: u64,
    blocks: Vec<BlockEntry>,
    objects: Vec<ObjectName>,
}

impl<'a> SliceWriter<'a> {
    /// Starts a slice from batch `first` to batch `last` with a fresh salt. `sink` takes finished objects. An object grows beyond
    /// `part_bytes_max` bytes only where one block or the records alone are larger.
    pub fn new(
        tenant_key: &SecretKey,
        tenant: TenantId,
        timeline: TimelineId,
        (first, last): (u64, u64),
        part_bytes_max: u64,
        random: &dyn Random,
        sink: &'a mut dyn FnMut(&ObjectName, &[u8]) -> Result<()>,
    ) -> Self {
        let mut salt = [0; NONCE_BYTES];
        random.fill(&mut salt);
        let prefix = timeline.prefix();
        SliceWriter {
            sealer: Sealer::new(tenant_key, &salt, tenant, prefix),
            key_id: key_id(tenant_key),
            salt,
            name: ObjectName { timeline: prefix, first, last, is_tail: false, part: 0, size: 0, digest: [0; 16] },
            tenant,
            timeline,
            part_bytes_max,
            sink,
            object: front(),
            inline: Some(Vec::new()),
            boxes: 0,
            blocks: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// Objects grow up to so many bytes from now on.
    pub fn resize(&mut self, part_bytes_max: u64) {
        self.part_bytes_max = part_bytes_max;
    }

    /// Adds the next block: a frame of [`pack`] that unpacks to `plain_len` bytes.
    pub fn block(&mut self, plain_len: u64, frame: &[u8]) -> Result<()> {
        if plain_len > BLOCK_PLAIN_BYTES_MAX as u64 {
            return Err(Error::usage("segment.block", format!("a block of {plain_len} bytes is larger than a reader accepts"))
                .hint(format!("cut it into blocks of at most {BLOCK_PLAIN_BYTES_MAX} bytes")));
        }
        self.blocks.push(BlockEntry { part: 0, plain_len, frame_len: frame.len() as u64 });
        match &mut self.inline {
            Some(waiting) if waiting.len() + frame.len() < INLINE_FRAMES_BYTES => {
                waiting.extend_from_slice(frame);
                Ok(())
            }
            Some(_) => self.seal_waiting(frame),
            None => self.seal_frame(frame),
        }
    }

    /// Adds the next block like [`SliceWriter::block`], its frame sealed once more under the key of the subject whose contents it holds.
    pub fn boxed_block(&mut self, plain_len: u64, frame: &[u8], subject_key: &SecretKey) -> Result<()> {
        let sealed = self.sealer.seal_for(subject_key, self.blocks.len() as u64, frame);
        self.block(plain_len, &sealed)
    }

    /// The frames outgrew the tail box: they get boxes of their own.
    fn seal_waiting(&mut self, newest: &[u8]) -> Result<()> {
        let waiting = self.inline.take().unwrap_or_default();
        let mut rest = &waiting[..];
        for i in 0..self.blocks.len() - 1 {
            let (frame, others) = rest.split_at(self.blocks[i].frame_len as usize);
            rest = others;
            self.seal_frame(frame)?;
        }
        self.seal_frame(newest)
    }

    fn seal_frame(&mut self, frame: &[u8]) -> Result<()> {
        let size = (self.object.len() + frame.len() + TAG_BYTES) as u64;
        if self.object.len() > FRONT_BYTES && padded_size(size) > self.part_bytes_max {
            self.finish_part()?;
        }
        let sealed = self.sealer.seal(self.boxes, frame);
        self.object.extend_from_slice(&sealed);
        self.blocks[self.boxes as usize].part = self.name.part;
        self.boxes += 1;
        Ok(())
    }

    fn finish_part(&mut self) -> Result<()> {
        let size = padded_size(self.object.len() as u64);
        self.fill(size as usize - self.object.len());
        self.emit()?;
        self.name.part += 1;
        Ok(())
    }

    /// Appends filler that cannot be told from boxes.
    fn fill(&mut self, len: usize) {
        let stream = self.sealer.seal(FILLER_BOX - u64::from(self.name.part), &vec![0; len]);
        self.object.extend_from_slice(&stream[..len]);
    }

    fn emit(&mut self) -> Result<()> {
        let bytes = std::mem::replace(&mut self.object, front());
        let name = self.name.with_bytes(&bytes);
        if name.size > SEGMENT_BYTES_MAX || !name.is_possible() {
            return Err(Error::new(Kind::Failed, "segment.large", format!("a segment object of {} bytes, part {}", name.size, name.part))
                .hint("seal fewer batches at once; nothing was shipped"));
        }
        (self.sink)(&name, &bytes)?;
        self.objects.push(name);
        Ok(())
    }

    /// Writes the records and the tail object. The blocks of `slice` are those that were added; what it says about blocks is not read.
    pub fn finish(mut self, mut slice: Slice, known: &dyn Known) -> Result<Written> {
        if (slice.tenant, slice.timeline, slice.first_seq, slice.last_seq()) != (self.tenant, self.timeline, self.name.first, self.name.last) {
            return Err(Error::new(Kind::Failed, "segment.mixed", "the records belong to another slice than the blocks"));
        }
        slice.blocks.clone_from(&self.blocks);
        let mut tail = self.tail(&slice, known)?;
        let around = FRONT_BYTES + TAG_BYTES + TRAILER_BYTES;
        if self.object.len() == FRONT_BYTES {
            let size = (tail.len() + around) as u64;
            tail.resize(padded_size(size) as usize - around, 0);
        } else {
            tail.resize(padme(tail.len() as u64) as usize, 0);
            let size = padded_size((self.object.len() + tail.len() + TAG_BYTES + TRAILER_BYTES) as u64);
            if size > self.part_bytes_max {
                self.finish_part()?;
                // The list of parts is one longer now.
                tail = self.tail(&slice, known)?;
                tail.resize(padded_size((tail.len() + around) as u64) as usize - around, 0);
            } else {
                self.fill(size as usize - self.object.len() - tail.len() - TAG_BYTES - TRAILER_BYTES);
            }
        }
        let sealed = self.sealer.seal(TAIL_BOX, &tail);
        let sealed_len = u32::try_from(sealed.len()).map_err(|_| Error::new(Kind::Failed, "segment.large", "more records than a segment holds"))?;
        self.object.extend_from_slice(&sealed);
        self.object.extend_from_slice(&self.key_id);
        self.object.extend_from_slice(&self.salt);
        self.object.extend_from_slice(&sealed_len.to_le_bytes());
        self.object.push(version::SEGMENT);
        self.name.is_tail = true;
        self.emit()?;
        Ok(Written { objects: self.objects, blocks: self.blocks })
    }

    fn tail(&self, slice: &Slice, known: &dyn Known) -> Result<Vec<u8>> {
        let wire = encode(slice, known)?;
        let packed = pack(&[], &wire.columns, Effort::Best)?;
        let mut flags = 0;
        let mut lens = vec![wire.noise.len(), wire.columns.len()];
        let columns = if packed.len() + 2 < wire.columns.len() {
            flags |= COLUMNS_PACKED;
            lens.push(packed.len());
            &packed
        } else {
            &wire.columns
        };
        if self.inline.is_some() {
            flags |= FRAMES_INLINE;
        }
        if !self.objects.is_empty() {
            flags |= HAS_PARTS;
        }
        let mut out = vec![flags];
        lens.into_iter().for_each(|len| put_varint(&mut out, len as u64));
        if !self.objects.is_empty() {
            put_varint(&mut out, self.objects.len() as u64);
        }
        for part in &self.objects {
            put_varint(&mut out, part.size);
            out.extend_from_slice(&part.digest);
        }
        out.extend_from_slice(&wire.noise);
        out.extend_from_slice(columns);
        out.extend_from_slice(self.inline.as_deref().unwrap_or_default());
        Ok(out)
    }
}
