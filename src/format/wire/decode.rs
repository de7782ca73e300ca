//! Bytes to a slice.

use crate::base::codec::Reader;
use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::{TenantId, TimelineId};
use crate::base::limits::{BATCH_CHANGES_MAX, KEY_BYTES_MAX, TAIL_BYTES_MAX, TEXT_BYTES_MAX};
use crate::base::time::Timestamp;
use crate::format::record::{cause_from, decode_change, read_ascending};
use crate::model::change::{FileKind, KeyId, Meta};
use crate::model::reference::Reference;
use crate::model::timeline::Position;

use super::bits::BitReader;
use super::encode::{
    FURTHER, HAS_ABSENT, HAS_BOXES, HAS_FROM, HAS_MODE, HAS_MTIME, HAS_OTHERS, HAS_PARENT, HAS_UNTIL, MARK, MTIME_UNITS, NO_CAUSES, NO_CLOCKS,
    NO_KEYS, NO_TEXTS, ONE_BATCH, ONE_BLOCK, OTHER, PUT, REFER, encode, first_mtime, kind_bits, names_target,
};
use super::predict::{Memo, Predictor};
use super::{BlockEntry, Boxed, Form, Known, NewContent, ORDINAL_MAX, Run, Slice, TimelinePrefix, Wire, WireBatch, WireChange, damaged};

const WHAT: &str = "the records of a segment";

/// Reads a slice. `tenant` and `timeline` are what the object's place and name say; `known` is the log before the slice.
///
/// Only the bytes that [`encode`] gives for the slice are accepted, so equal slices have equal bytes; all others are [`Error::damaged`].
pub fn decode(wire: &Wire, tenant: TenantId, timeline: TimelinePrefix, known: &dyn Known) -> Result<Slice> {
    let known = Memo::new(known);
    let slice = parse(wire, tenant, timeline, &known)?;
    if encode(&slice, &known)? != *wire {
        return Err(damaged("bytes that no writer makes"));
    }
    Ok(slice)
}

fn parse(wire: &Wire, tenant: TenantId, timeline: TimelinePrefix, known: &dyn Known) -> Result<Slice> {
    let mut r = Reader::new(&wire.columns, WHAT);
    let mut noise = Reader::new(&wire.noise, WHAT);
    let flags = r.byte()?;
    let further = if flags & FURTHER != 0 { r.byte()? } else { 0 };
    if further & !(HAS_ABSENT | HAS_OTHERS | HAS_BOXES) != 0 {
        return Err(Error::new(Kind::Newer, "format.newer", "a newer program wrote this segment: it has flags that are not known here")
            .hint("update annals and run the same command again"));
    }
    let first_seq = r.varint()?;
    let documents_before = r.varint_max(ORDINAL_MAX)?;
    let contents_before = r.varint_max(ORDINAL_MAX)?;
    let mut count = |implied_by: u8, implied: usize| if flags & implied_by != 0 { Ok(implied) } else { r.count() };
    let (batch_count, key_count, content_count, block_count) = (count(ONE_BATCH, 1)?, count(NO_KEYS, 0)?, count(0, 0)?, count(ONE_BLOCK, 1)?);
    let absent = if further & HAS_ABSENT != 0 { read_ascending(&mut r)? } else { Vec::new() };
    let boxes = if further & HAS_BOXES != 0 { column(content_count, || r.varint())? } else { Vec::new() };
    let mut texts = Texts::read(&mut r, flags & NO_TEXTS != 0)?;

    let prev = Digest::from_bytes(noise.array()?);
    let head = Digest::from_bytes(noise.array()?);
    let timeline = read_timeline(timeline, noise.array()?);
    let parent = if flags & HAS_PARENT != 0 { Some(read_parent(&mut noise)?) } else { None };
    let digests = absent.iter().map(|_| Ok(Digest::from_bytes(noise.array()?))).collect::<Result<Vec<_>>>()?;
    // Keys are numbered in the order of their first use, so the highest place counts them; each has 8 bytes.
    let box_keys = boxes.iter().copied().max().unwrap_or(0);
    if box_keys > (noise.remaining() / size_of::<KeyId>()) as u64 {
        return Err(damaged("more keys than bytes"));
    }
    let keys = column(box_keys as usize, || noise.array::<8>())?;
    let boxes = boxes.into_iter().map(|place| {
        let key = place.checked_sub(1).and_then(|place| keys.get(place as usize));
        key.map(|key| Ok(Boxed { key: *key, digest: Digest::from_bytes(noise.array()?) })).transpose()
    });
    let boxes = boxes.collect::<Result<Vec<_>>>()?;
    let mut times = BitReader::new(noise.take(noise.remaining())?);

    let (mut batches, counts) = read_batches(&mut r, flags, first_seq, batch_count, &mut texts)?;
    let mut predictor = Predictor::new(known, documents_before, contents_before);
    let predicted = read_changes(&mut r, &mut predictor, &mut batches, (&counts, further), &mut texts, &mut times)?;
    times.finish()?;
    let mut contents = read_contents(&mut r, contents_before, content_count, &predicted, known)?;
    for (place, digest) in absent.into_iter().zip(digests) {
        contents.get_mut(place as usize).ok_or_else(|| damaged("an absent content that no change names"))?.form = Form::Absent { digest };
    }
    for (content, boxed) in contents.iter_mut().zip(boxes) {
        content.boxed = boxed;
    }
    let new_keys = read_keys(&mut r, key_count)?;
    let mut slice =
        Slice { tenant, timeline, parent, first_seq, prev, head, documents_before, contents_before, new_keys, batches, contents, blocks: Vec::new() };
    slice.blocks = read_blocks(&mut r, flags, block_count, slice.data_len()?)?;
    r.finish()?;
    Ok(slice)
}

fn read_timeline(prefix: TimelinePrefix, rest: [u8; 8]) -> TimelineId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&prefix);
    bytes[8..].copy_from_slice(&rest);
    TimelineId::from_bytes(bytes)
}

fn read_parent(noise: &mut Reader<'_>) -> Result<Position> {
    Ok(Position {
        timeline: TimelineId::from_bytes(noise.array()?),
        seq: u64::from_le_bytes(noise.array()?),
        digest: Digest::from_bytes(noise.array()?),
    })
}

/// The table of distinct texts, and how many of them were used.
struct Texts<'a> {
    absent: bool,
    table: Vec<&'a str>,
    used: usize,
}

impl<'a> Texts<'a> {
    fn read(r: &mut Reader<'a>, absent: bool) -> Result<Self> {
        let count = if absent { 0 } else { r.count()? };
        let lens = (0..count).map(|_| r.varint_max(TEXT_BYTES_MAX as u64)).collect::<Result<Vec<_>>>()?;
        let table = lens
            .into_iter()
            .map(|len| std::str::from_utf8(r.take(len as usize)?).map_err(|_| damaged("a text that is not UTF-8")))
            .collect::<Result<_>>()?;
        Ok(Texts { absent, table, used: 0 })
    }

    fn column(&mut self, r: &mut Reader<'_>, count: usize) -> Result<Vec<String>> {
        if self.absent {
            return Ok(vec![String::new(); count]);
        }
        let mut previous = "";
        let mut out = Vec::with_capacity(count.min(r.remaining()));
        for _ in 0..count {
            match r.varint()? {
                0 => {}
                1 => {
                    previous = self.table.get(self.used).ok_or_else(|| damaged("an unknown text"))?;
                    self.used += 1;
                }
                code => previous = usize::try_from(code - 2).ok().and_then(|i| self.table.get(i)).ok_or_else(|| damaged("an unknown text"))?,
            }
            out.push(previous.to_owned());
        }
        Ok(out)
    }
}

fn column<T>(count: usize, mut read: impl FnMut() -> Result<T>) -> Result<Vec<T>> {
    (0..count).map(|_| read()).collect()
}

fn read_batches(r: &mut Reader<'_>, flags: u8, first_seq: u64, count: usize, texts: &mut Texts<'_>) -> Result<(Vec<WireBatch>, Vec<u64>)> {
    let mut time = 0i64;
    let times = column(count, || {
        time = time.wrapping_add(r.zigzag()?);
        Ok(Timestamp(time))
    })?;
    let clocks = column(count, || if flags & NO_CLOCKS != 0 { Ok(0) } else { r.zigzag() })?;
    let mut text = || texts.column(r, count);
    let (actors, reasons, origins, requests) = (text()?, text()?, text()?, text()?);
    let kinds = column(count, || if flags & NO_CAUSES != 0 { Ok(0) } else { r.byte() })?;
    let mut seq = first_seq;
    let causes = kinds
        .into_iter()
        .map(|kind| {
            let target = if names_target(kind) { seq.wrapping_sub(r.zigzag()? as u64) } else { 0 };
            seq = seq.wrapping_add(1);
            cause_from(kind, target)
        })
        .collect::<Result<Vec<_>>>()?;
    let counts = column(count, || r.varint_max(BATCH_CHANGES_MAX as u64))?;
    let heads = times.into_iter().zip(clocks).zip(actors).zip(reasons).zip(origins).zip(requests).zip(causes);
    let batches = heads
        .map(|((((((time, clock_behind), actor), reason), origin), request), cause)| WireBatch {
            time,
            clock_behind,
            actor,
            reason,
            origin,
            request,
            cause,
            changes: Vec::new(),
        })
        .collect();
    Ok((batches, counts))
}

/// Fills the batches with their changes. Returns, for each new content, what its document had before.
fn read_changes(
    r: &mut Reader<'_>,
    predictor: &mut Predictor<'_>,
    batches: &mut [WireBatch],
    (counts, further): (&[u64], u8),
    texts: &mut Texts<'_>,
    times: &mut BitReader<'_>,
) -> Result<Vec<Option<u64>>> {
    // Every change has at least one byte in a column still to come, so the sum is bounded by what is left.
    let total = counts.iter().try_fold(0u64, |sum, n| sum.checked_add(*n)).filter(|n| *n <= r.remaining() as u64);
    let total = total.ok_or_else(|| damaged("more changes than bytes"))? as usize;
    let kinds = read_kinds(r, total, kind_bits(further))?;
    let count_of = |wanted: u8| kinds.iter().filter(|kind| **kind == wanted).count();
    let (puts, refers, marks, others) = (count_of(PUT), count_of(REFER), count_of(MARK), count_of(OTHER));

    let document_codes = column(total - marks - others, || r.varint())?;
    let content_codes = column(puts, || r.varint())?;
    let meta_codes = column(puts, || r.varint())?;
    let table = read_metas(r, &meta_codes, texts)?;
    let mut before = predictor.next_document();
    let mut documents = document_codes.into_iter();
    let mut codes = content_codes.into_iter().zip(meta_codes);
    let mut predicted = Vec::new();
    let mut named = Vec::with_capacity(kinds.len());
    for kind in &kinds {
        if matches!(*kind, MARK | OTHER) {
            named.push((0, None));
            continue;
        }
        let code = documents.next().ok_or_else(|| damaged("too few documents"))?;
        let document = read_document(predictor, before, code)?;
        before = document;
        let put = match (*kind == PUT).then(|| codes.next()).flatten() {
            None => None,
            Some((content_code, meta_code)) => {
                let current = predictor.content_of(document)?;
                let content = read_content(predictor.next_content(), current, content_code)?;
                let meta = read_meta(predictor, document, meta_code, &table)?;
                if predictor.put(document, content, meta.clone())? {
                    predicted.push(current);
                }
                Some((content, meta))
            }
        };
        named.push((document, put));
    }
    read_times(r, times, batches, counts, &mut named)?;

    let (systems, ids, states) = (texts.column(r, refers)?, texts.column(r, refers)?, texts.column(r, refers)?);
    let flags = column(refers, || r.byte())?;
    let mut parts = systems.into_iter().zip(ids).zip(states).zip(flags);
    let named_kinds = kinds.clone();
    let mut changes = kinds.into_iter().zip(named);
    let mut fill = Vec::with_capacity(batches.len());
    for (batch, count) in batches.iter().zip(counts) {
        let mut list = Vec::with_capacity(*count as usize);
        for (kind, (document, put)) in changes.by_ref().take(*count as usize) {
            list.push(match (kind, put) {
                (_, Some((content, meta))) => WireChange::Put { document, content, meta },
                (REFER, _) => {
                    let (((system, id), state), flags) = parts.next().ok_or_else(|| damaged("too few references"))?;
                    let expires = if flags & 2 != 0 { Some(Timestamp(batch.time.micros().wrapping_add(r.zigzag()?))) } else { None };
                    WireChange::Refer { document, reference: Reference { system, id, state, irrevocable: flags & 1 != 0, expires } }
                }
                (MARK | OTHER, _) => WireChange::Mark { name: String::new() },
                _ => WireChange::Remove { document },
            });
        }
        fill.push(list);
    }
    let mut names = texts.column(r, marks)?.into_iter();
    let mut rare = column(others, || decode_change(r))?.into_iter();
    let mut kinds = named_kinds.into_iter();
    for (batch, mut list) in batches.iter_mut().zip(fill) {
        for change in &mut list {
            match kinds.next() {
                Some(MARK) => *change = WireChange::Mark { name: names.next().ok_or_else(|| damaged("too few marks"))? },
                Some(OTHER) => *change = WireChange::Other(rare.next().ok_or_else(|| damaged("too few changes"))?),
                _ => {}
            }
        }
        batch.changes = list;
    }
    Ok(predicted)
}

fn read_kinds(r: &mut Reader<'_>, total: usize, bits: u32) -> Result<Vec<u8>> {
    let mut kinds = Vec::with_capacity(total);
    while kinds.len() < total {
        let run = r.varint()?;
        let (n, kind) = ((run >> bits) + 1, (run & ((1 << bits) - 1)) as u8);
        if n > (total - kinds.len()) as u64 {
            return Err(damaged("more changes than counted"));
        }
        if kind > OTHER {
            return Err(damaged("a change of unknown kind"));
        }
        kinds.resize(kinds.len() + n as usize, kind);
    }
    Ok(kinds)
}

fn read_document(predictor: &mut Predictor<'_>, before: u64, code: u64) -> Result<u64> {
    let document = match code.checked_sub(1) {
        None => predictor.next_document(),
        Some(folded) => before.wrapping_add(((folded >> 1) as i64 ^ -((folded & 1) as i64)) as u64),
    };
    predictor.name_document(document)?;
    Ok(document)
}

fn read_content(next: u64, current: Option<u64>, code: u64) -> Result<u64> {
    match code {
        0 => Some(next),
        1 => current,
        _ => next.checked_sub(code - 1),
    }
    .ok_or_else(|| damaged("an unknown content"))
}

fn read_metas(r: &mut Reader<'_>, codes: &[u64], texts: &mut Texts<'_>) -> Result<Vec<Meta>> {
    // Entries are numbered in the order of their first use, so the highest code counts them; each was used, so there are at most `codes`.
    let count = codes.iter().map(|code| code.saturating_sub(1)).max().unwrap_or(0);
    if count > codes.len() as u64 {
        return Err(damaged("an unknown entry of metadata"));
    }
    let mut metas = column(count as usize, || Ok((r.byte()?, Meta::default())))?;
    for (flags, meta) in &mut metas {
        meta.kind = match *flags & 3 {
            0 => FileKind::File,
            1 => FileKind::Link,
            2 => FileKind::Directory,
            _ => return Err(damaged("an unknown kind of file")),
        };
        meta.mtime_ns = if *flags & HAS_MTIME != 0 { Some(0) } else { None };
    }
    for (flags, meta) in &mut metas {
        meta.mode = if *flags & HAS_MODE != 0 { Some(r.varint_max(0o7777)? as u32) } else { None };
    }
    for (flags, meta) in &mut metas {
        meta.valid_from = if *flags & HAS_FROM != 0 { Some(Timestamp(r.zigzag()?)) } else { None };
        meta.valid_until = if *flags & HAS_UNTIL != 0 { Some(Timestamp(r.zigzag()?)) } else { None };
    }
    let media = texts.column(r, metas.len())?;
    Ok(metas.into_iter().zip(media).map(|((_, meta), media)| Meta { media, ..meta }).collect())
}

fn read_meta(predictor: &Predictor<'_>, document: u64, code: u64, table: &[Meta]) -> Result<Meta> {
    match code {
        0 => predictor.meta_of(document)?,
        1 => predictor.previous_put().cloned(),
        _ => table.get((code - 2) as usize).cloned(),
    }
    .ok_or_else(|| damaged("unknown metadata"))
}

/// A change as far as it is known before the times: its document, and for a put the content and metadata.
type Named = (u64, Option<(u64, Meta)>);

fn read_times(r: &mut Reader<'_>, times: &mut BitReader<'_>, batches: &[WireBatch], counts: &[u64], named: &mut [Named]) -> Result<()> {
    let mut unit = None;
    let mut before = None;
    let mut rest = named;
    let timed = |put: &Named| put.1.as_ref().is_some_and(|(_, meta)| meta.mtime_ns.is_some());
    if rest.iter().any(timed) {
        unit = MTIME_UNITS.get(usize::from(r.byte()?)).copied();
    }
    for (batch, count) in batches.iter().zip(counts) {
        let (own, others) = rest.split_at_mut((*count as usize).min(rest.len()));
        rest = others;
        for (_, meta) in own.iter_mut().filter_map(|(_, put)| put.as_mut()) {
            if meta.mtime_ns.is_some() {
                let unit = unit.ok_or_else(|| damaged("an unknown unit of time"))?;
                let start = before.unwrap_or_else(|| first_mtime(batch.time.micros(), unit));
                let value: i64 = start.wrapping_add(times.get(r.byte()?)?);
                before = Some(value);
                meta.mtime_ns = Some(value.checked_mul(unit).ok_or_else(|| damaged("an impossible time"))?);
            }
        }
    }
    Ok(())
}

fn read_contents(r: &mut Reader<'_>, contents_before: u64, count: usize, predicted: &[Option<u64>], known: &dyn Known) -> Result<Vec<NewContent>> {
    if predicted.len() != count {
        return Err(damaged("contents that no change names"));
    }
    let mut own = contents_before;
    let bases = predicted
        .iter()
        .map(|predicted| {
            let base = match r.varint()? {
                0 => None,
                1 => Some(predicted.ok_or_else(|| damaged("an unknown base"))?),
                code => Some(own.checked_sub(code - 1).ok_or_else(|| damaged("an unknown base"))?),
            };
            own += 1;
            Ok(base)
        })
        .collect::<Result<Vec<_>>>()?;
    let shapes = column(count, || r.varint())?;
    let mut contents: Vec<NewContent> = Vec::with_capacity(count);
    for base in bases {
        let size = match base {
            None => r.varint()?,
            Some(base) => {
                let base_size = match base.checked_sub(contents_before) {
                    None => known.content_size(base)?,
                    Some(index) => contents.get(index as usize).ok_or_else(|| damaged("an unknown base"))?.size,
                };
                base_size.wrapping_add(r.zigzag()? as u64)
            }
        };
        contents.push(NewContent { size, form: Form::Plain, base, splice: Vec::new(), boxed: None });
    }
    for (content, shape) in contents.iter_mut().zip(&shapes) {
        if *shape == 1 {
            content.form = Form::Container { form_len: content.size.wrapping_add(r.zigzag()? as u64) };
        }
    }
    for (content, shape) in contents.iter_mut().zip(&shapes) {
        let runs = shape.saturating_sub(1);
        if runs > r.remaining() as u64 {
            return Err(damaged("more runs than bytes"));
        }
        content.splice = column(runs as usize, || {
            let code = r.varint()?;
            Ok(if code & 1 == 0 { Run::Data { len: code >> 1 } } else { Run::Copy { at: 0, len: code >> 1 } })
        })?;
    }
    for content in &mut contents {
        let mut copied = 0u64;
        for run in &mut content.splice {
            if let Run::Copy { at, len } = run {
                *at = copied.wrapping_add(r.zigzag()? as u64);
                copied = at.wrapping_add(*len);
            }
        }
    }
    Ok(contents)
}

fn read_keys(r: &mut Reader<'_>, count: usize) -> Result<Vec<Vec<u8>>> {
    let shared = column(count, || r.varint_max(KEY_BYTES_MAX as u64))?;
    let mut keys: Vec<Vec<u8>> = Vec::with_capacity(count);
    let mut total = 0usize;
    for shared in shared {
        let before = keys.last().map_or(&[][..], |key| key);
        let mut key = before.get(..shared as usize).ok_or_else(|| damaged("an impossible key"))?.to_vec();
        key.extend_from_slice(r.bytes(KEY_BYTES_MAX)?);
        // Front coding could blow a small tail up to any size.
        total += key.len();
        if total > TAIL_BYTES_MAX {
            return Err(damaged("more keys than a segment holds"));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn read_blocks(r: &mut Reader<'_>, flags: u8, count: usize, data_len: u64) -> Result<Vec<BlockEntry>> {
    let mut left = data_len;
    let mut lens = column(count.saturating_sub(1), || {
        let len = r.varint()?;
        left = left.checked_sub(len).ok_or_else(|| damaged("blocks that do not add up"))?;
        Ok(len)
    })?;
    if count > 0 {
        lens.push(left);
    }
    let frames = column(count, || r.varint())?;
    let mut part = 0u32;
    lens.into_iter()
        .zip(frames)
        .map(|(plain_len, frame_len)| {
            let step = if flags & ONE_BLOCK != 0 { 0 } else { r.varint()? };
            part = u32::try_from(step).ok().and_then(|step| part.checked_add(step)).ok_or_else(|| Error::damaged("too many parts"))?;
            Ok(BlockEntry { part, plain_len, frame_len })
        })
        .collect()
}
