//! A slice to bytes. Every rule that a slice must keep is checked here; the reader encodes what it decoded and so checks the same rules.

use std::collections::{HashMap, HashSet};

use crate::base::codec::{put_bytes, put_varint, put_zigzag};
use crate::base::error::Result;
use crate::base::limits::{BATCH_CHANGES_MAX, BLOCK_PLAIN_BYTES_MAX, KEY_BYTES_MAX, SEGMENT_BYTES_MAX, TAIL_BYTES_MAX, TEXT_BYTES_MAX};
use crate::format::record::{cause_parts, encode_change, put_ascending};
use crate::model::change::{Cause, Change, FileKind, KeyId, Meta};

use super::bits::BitWriter;
use super::predict::{Predictor, without_time};
use super::{BlockEntry, Form, Known, NewContent, ORDINAL_MAX, Run, Slice, Wire, WireBatch, WireChange, damaged};

/// Kinds of changes in the runs of kinds.
pub(super) const PUT: u8 = 0;
pub(super) const REMOVE: u8 = 1;
pub(super) const REFER: u8 = 2;
pub(super) const MARK: u8 = 3;
pub(super) const OTHER: u8 = 4;

/// Flags of a slice: it names the parent of its timeline.
pub(super) const HAS_PARENT: u8 = 1;
/// One batch: no count of batches.
pub(super) const ONE_BATCH: u8 = 1 << 1;
/// No new document: no count of keys.
pub(super) const NO_KEYS: u8 = 1 << 2;
/// One block, in part 0: no count of blocks, no column of parts.
pub(super) const ONE_BLOCK: u8 = 1 << 3;
/// No clock was behind: no column of clocks.
pub(super) const NO_CLOCKS: u8 = 1 << 4;
/// Every batch was recorded: no columns of causes.
pub(super) const NO_CAUSES: u8 = 1 << 5;
/// Every text is empty and there are no marks: no table of texts, no columns of texts.
pub(super) const NO_TEXTS: u8 = 1 << 6;

/// A byte of further flags follows.
pub(super) const FURTHER: u8 = 1 << 7;

/// Further flags: there are contents without bytes, so a column says which, and the noise has their digests.
pub(super) const HAS_ABSENT: u8 = 1;
/// There are rarer changes: kinds take three bits, and a column has the changes.
pub(super) const HAS_OTHERS: u8 = 1 << 1;
/// Contents are in boxes of subjects: a column says which, and the noise names keys and has the digests of those contents.
pub(super) const HAS_BOXES: u8 = 1 << 2;

/// Flags of a metadata entry; the kind of file is in the lowest two bits.
pub(super) const HAS_MODE: u8 = 1 << 2;
pub(super) const HAS_MTIME: u8 = 1 << 3;
pub(super) const HAS_FROM: u8 = 1 << 4;
pub(super) const HAS_UNTIL: u8 = 1 << 5;

/// Units of modification times in nanoseconds: what file systems and archives keep. The coarsest that loses nothing is used.
pub(super) const MTIME_UNITS: [i64; 5] = [1_000_000_000, 1_000_000, 1_000, 100, 1];

/// The bytes of a slice. A slice that breaks a rule of the format is [`Error::damaged`](crate::base::error::Error::damaged).
pub fn encode(slice: &Slice, known: &dyn Known) -> Result<Wire> {
    check_ranges(slice)?;
    let (flags, further) = flags_of(slice);
    let mut texts = Texts { absent: flags & NO_TEXTS != 0, ..Texts::default() };
    let batches = encode_batches(slice, flags, &mut texts)?;
    let changes = encode_changes(slice, known, further, &mut texts)?;
    let contents = encode_contents(slice, known, &changes.predicted_bases)?;
    let keys = encode_keys(&slice.new_keys)?;
    let blocks = encode_blocks(slice, flags)?;

    let mut columns = vec![flags];
    columns.extend((flags & FURTHER != 0).then_some(further));
    for number in [slice.first_seq, slice.documents_before, slice.contents_before] {
        put_varint(&mut columns, number);
    }
    let counts = [(ONE_BATCH, slice.batches.len()), (NO_KEYS, slice.new_keys.len()), (0, slice.contents.len()), (ONE_BLOCK, slice.blocks.len())];
    for (_, count) in counts.into_iter().filter(|(implied, _)| flags & implied == 0) {
        put_varint(&mut columns, count as u64);
    }
    if further & HAS_ABSENT != 0 {
        let places: Vec<u64> = (0..).zip(&slice.contents).filter(|(_, c)| matches!(c.form, Form::Absent { .. })).map(|(i, _)| i).collect();
        put_ascending(&places, &mut columns);
    }
    if further & HAS_BOXES != 0 {
        let keys = box_keys(slice);
        let places: HashMap<KeyId, u64> = keys.iter().copied().zip(1..).collect();
        let place = |content: &NewContent| content.key().and_then(|key| places.get(&key)).copied().unwrap_or(0);
        slice.contents.iter().for_each(|content| put_varint(&mut columns, place(content)));
    }
    texts.encode_table(&mut columns);
    for column in [batches, changes.columns, contents, keys, blocks] {
        columns.extend_from_slice(&column);
    }
    if columns.len() > TAIL_BYTES_MAX {
        return Err(damaged("more records than a segment holds"));
    }
    Ok(Wire { noise: encode_noise(slice, &changes.times), columns })
}

fn encode_noise(slice: &Slice, times: &[u8]) -> Vec<u8> {
    let mut noise = slice.prev.as_bytes().to_vec();
    noise.extend_from_slice(slice.head.as_bytes());
    noise.extend_from_slice(&slice.timeline.as_bytes()[8..]);
    if let Some(parent) = &slice.parent {
        noise.extend_from_slice(parent.timeline.as_bytes());
        noise.extend_from_slice(&parent.seq.to_le_bytes());
        noise.extend_from_slice(parent.digest.as_bytes());
    }
    for content in &slice.contents {
        if let Form::Absent { digest } = &content.form {
            noise.extend_from_slice(digest.as_bytes());
        }
    }
    box_keys(slice).iter().for_each(|key| noise.extend_from_slice(key));
    for boxed in slice.contents.iter().filter_map(|content| content.boxed) {
        noise.extend_from_slice(boxed.digest.as_bytes());
    }
    noise.extend_from_slice(times);
    noise
}

/// The keys of the boxes in the order of their first use.
fn box_keys(slice: &Slice) -> Vec<KeyId> {
    let mut seen = HashSet::new();
    slice.contents.iter().filter_map(NewContent::key).filter(|key| seen.insert(*key)).collect()
}

/// The flags of a slice, and the further ones.
fn flags_of(slice: &Slice) -> (u8, u8) {
    let batches = &slice.batches;
    let wordless = |change: &WireChange| match change {
        WireChange::Put { meta, .. } => meta.media.is_empty(),
        WireChange::Remove { .. } | WireChange::Other(_) => true,
        WireChange::Refer { reference: r, .. } => r.system.is_empty() && r.id.is_empty() && r.state.is_empty(),
        WireChange::Mark { .. } => false,
    };
    let silent = |b: &WireBatch| [&b.actor, &b.reason, &b.origin, &b.request].iter().all(|text| text.is_empty()) && b.changes.iter().all(wordless);
    let fold = |flags: &[(u8, bool)]| flags.iter().filter(|(_, set)| *set).fold(0, |all, (flag, _)| all | flag);
    let others = batches.iter().any(|b| b.changes.iter().any(|c| matches!(c, WireChange::Other(_))));
    let absent = slice.contents.iter().any(|c| matches!(c.form, Form::Absent { .. }));
    let boxes = slice.contents.iter().any(|c| c.boxed.is_some());
    let further = fold(&[(HAS_ABSENT, absent), (HAS_OTHERS, others), (HAS_BOXES, boxes)]);
    let flags = [
        (FURTHER, further != 0),
        (HAS_PARENT, slice.parent.is_some()),
        (ONE_BATCH, batches.len() == 1),
        (NO_KEYS, slice.new_keys.is_empty()),
        (ONE_BLOCK, matches!(slice.blocks[..], [BlockEntry { part: 0, .. }])),
        (NO_CLOCKS, batches.iter().all(|b| b.clock_behind == 0)),
        (NO_CAUSES, batches.iter().all(|b| b.cause == Cause::Recorded)),
        (NO_TEXTS, batches.iter().all(silent)),
    ];
    (fold(&flags), further)
}

fn check_ranges(slice: &Slice) -> Result<()> {
    let last = slice.first_seq.checked_add(slice.batches.len() as u64);
    if slice.batches.is_empty() || slice.first_seq == 0 || last.is_none() {
        return Err(damaged("impossible sequence numbers"));
    }
    if slice.documents_before > ORDINAL_MAX || slice.contents_before > ORDINAL_MAX {
        return Err(damaged("impossible ordinals"));
    }
    Ok(())
}

/// Distinct texts in the order of their first use.
#[derive(Default)]
struct Texts<'a> {
    absent: bool,
    table: Vec<&'a str>,
    numbers: HashMap<&'a str, u64>,
}

impl<'a> Texts<'a> {
    /// Appends the code of `text` to a column whose text before was `previous`: 0 the same, 1 the next new one of the table, else its number
    /// there plus 2.
    fn put(&mut self, out: &mut Vec<u8>, previous: &mut &'a str, text: &'a str) -> Result<()> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(damaged("a text that is too long"));
        }
        if *previous == text {
            out.push(0);
        } else if let Some(number) = self.numbers.get(text) {
            put_varint(out, number + 2);
        } else {
            out.push(1);
            self.numbers.insert(text, self.table.len() as u64);
            self.table.push(text);
        }
        *previous = text;
        Ok(())
    }

    /// A whole column.
    fn column(&mut self, out: &mut Vec<u8>, texts: impl Iterator<Item = &'a str>) -> Result<()> {
        if self.absent {
            return Ok(());
        }
        let mut previous = "";
        texts.into_iter().try_for_each(|text| self.put(out, &mut previous, text))
    }

    /// The table: how many, their lengths, their bytes.
    fn encode_table(&self, out: &mut Vec<u8>) {
        if self.absent {
            return;
        }
        put_varint(out, self.table.len() as u64);
        for text in &self.table {
            put_varint(out, text.len() as u64);
        }
        for text in &self.table {
            out.extend_from_slice(text.as_bytes());
        }
    }
}

fn encode_batches<'a>(slice: &'a Slice, flags: u8, texts: &mut Texts<'a>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let batches = &slice.batches;
    let mut time = 0;
    for batch in batches {
        put_zigzag(&mut out, batch.time.micros().wrapping_sub(time));
        time = batch.time.micros();
    }
    if flags & NO_CLOCKS == 0 {
        batches.iter().for_each(|batch| put_zigzag(&mut out, batch.clock_behind));
    }
    texts.column(&mut out, batches.iter().map(|b| b.actor.as_str()))?;
    texts.column(&mut out, batches.iter().map(|b| b.reason.as_str()))?;
    texts.column(&mut out, batches.iter().map(|b| b.origin.as_str()))?;
    texts.column(&mut out, batches.iter().map(|b| b.request.as_str()))?;
    if flags & NO_CAUSES == 0 {
        out.extend(batches.iter().map(|batch| cause_parts(batch.cause).0));
    }
    for (seq, batch) in (slice.first_seq..).zip(batches) {
        let (kind, target) = cause_parts(batch.cause);
        if names_target(kind) {
            put_zigzag(&mut out, seq.wrapping_sub(target) as i64);
        }
    }
    for batch in batches {
        if batch.changes.len() > BATCH_CHANGES_MAX {
            return Err(damaged("a batch of too many changes"));
        }
        put_varint(&mut out, batch.changes.len() as u64);
    }
    Ok(out)
}

/// Whether a cause of this kind names a sequence number.
pub(super) fn names_target(kind: u8) -> bool {
    matches!(kind, 1 | 2 | 4)
}

struct Changes {
    columns: Vec<u8>,
    times: Vec<u8>,
    /// For each new content: what the document that first puts it had before.
    predicted_bases: Vec<Option<u64>>,
}

fn kind_of(change: &WireChange) -> u8 {
    match change {
        WireChange::Put { .. } => PUT,
        WireChange::Remove { .. } => REMOVE,
        WireChange::Refer { .. } => REFER,
        WireChange::Mark { .. } => MARK,
        WireChange::Other(_) => OTHER,
    }
}

/// Bits of a kind in the runs of kinds.
pub(super) fn kind_bits(further: u8) -> u32 {
    if further & HAS_OTHERS != 0 { 3 } else { 2 }
}

fn encode_changes<'a>(slice: &'a Slice, known: &dyn Known, further: u8, texts: &mut Texts<'a>) -> Result<Changes> {
    let all = || slice.batches.iter().flat_map(|b| b.changes.iter().map(move |c| (b.time, c)));
    let mut out = encode_kinds(all().map(|(_, c)| kind_of(c)), kind_bits(further));
    let mut predictor = Predictor::new(known, slice.documents_before, slice.contents_before);
    let (mut contents, mut metas, mut times) = (Vec::new(), Metas::default(), Times::new(slice));
    let mut predicted_bases = Vec::with_capacity(slice.contents.len());
    let mut document_before = slice.documents_before;
    for (time, change) in all() {
        let document = match change {
            WireChange::Put { document, .. } | WireChange::Remove { document } | WireChange::Refer { document, .. } => *document,
            WireChange::Mark { .. } => continue,
            WireChange::Other(change) => {
                check_other(change, predictor.next_content())?;
                continue;
            }
        };
        if predictor.name_document(document)? {
            out.push(0);
        } else {
            put_document(&mut out, document_before, document);
        }
        document_before = document;
        if let WireChange::Put { content, meta, .. } = change {
            let (current, next) = (predictor.content_of(document)?, predictor.next_content());
            match next.checked_sub(*content) {
                Some(0) => contents.push(0),
                Some(_) if current == Some(*content) => contents.push(1),
                Some(distance) => put_varint(&mut contents, distance + 1),
                None => return Err(damaged("a content out of order")),
            }
            let constant = metas.put(&predictor, document, meta)?;
            if predictor.put(document, *content, constant)? {
                predicted_bases.push(current);
            }
            if let Some(mtime) = meta.mtime_ns {
                times.put(time.micros(), mtime);
            }
        }
    }
    let counted = predictor.next_document() - slice.documents_before;
    if counted != slice.new_keys.len() as u64 || predicted_bases.len() != slice.contents.len() {
        return Err(damaged("keys or contents that no change names"));
    }
    out.extend_from_slice(&contents);
    out.extend_from_slice(&metas.codes);
    metas.encode_table(&mut out, texts)?;
    let times = times.finish(&mut out);
    encode_references(slice, &mut out, texts)?;
    let marks = all().filter_map(|(_, c)| if let WireChange::Mark { name } = c { Some(name.as_str()) } else { None });
    texts.column(&mut out, marks)?;
    for (_, change) in all() {
        if let WireChange::Other(change) = change {
            encode_change(change, &mut out);
        }
    }
    Ok(Changes { columns: out, times, predicted_bases })
}

/// The rarer changes stand here as in the record. `contents` are numbered so far.
fn check_other(change: &Change, contents: u64) -> Result<()> {
    match change {
        Change::Hold { .. } | Change::Lift { .. } | Change::Tenant(_) | Change::MarkAt { .. } => Ok(()),
        Change::Forget { contents: gone, .. } | Change::Erase { contents: gone, .. } => {
            let ascending = gone.windows(2).all(|pair| pair[0] < pair[1]);
            // A subject may be erased of which nothing is left.
            let there = gone.last().map_or(matches!(change, Change::Erase { .. }), |last| *last < contents);
            if ascending && there { Ok(()) } else { Err(damaged("contents given up that are not there")) }
        }
        _ => Err(damaged("a change of another kind")),
    }
}

/// Runs of equal kinds: (length - 1) * 2^bits + kind.
fn encode_kinds(kinds: impl Iterator<Item = u8>, bits: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut run: Option<(u8, u64)> = None;
    for kind in kinds {
        run = match run {
            Some((same, n)) if same == kind => Some((kind, n + 1)),
            _ => {
                flush_kinds(&mut out, run, bits);
                Some((kind, 1))
            }
        };
    }
    flush_kinds(&mut out, run, bits);
    out
}

fn flush_kinds(out: &mut Vec<u8>, run: Option<(u8, u64)>, bits: u32) {
    if let Some((kind, n)) = run {
        put_varint(out, (n - 1) << bits | u64::from(kind));
    }
}

/// 1 plus the zigzag distance from the document before.
fn put_document(out: &mut Vec<u8>, before: u64, document: u64) {
    let step = document as i64 - before as i64;
    put_varint(out, ((step << 1) ^ (step >> 63)) as u64 + 1);
}

/// Distinct metadata without times.
#[derive(Default)]
struct Metas<'a> {
    codes: Vec<u8>,
    table: Vec<&'a Meta>,
    numbers: HashMap<Vec<u8>, u64>,
}

impl<'a> Metas<'a> {
    /// Appends the code of `meta`: 0 as the document had it, 1 as the put before had it, else its number in the table plus 2. Returns it
    /// without time.
    fn put(&mut self, predictor: &Predictor<'_>, document: u64, meta: &'a Meta) -> Result<Meta> {
        let constant = without_time(meta);
        if predictor.meta_of(document)?.as_ref() == Some(&constant) {
            self.codes.push(0);
        } else if predictor.previous_put() == Some(&constant) {
            self.codes.push(1);
        } else {
            let next = self.table.len() as u64;
            let number = *self.numbers.entry(meta_identity(&constant)).or_insert(next);
            if number == next {
                self.table.push(meta);
            }
            put_varint(&mut self.codes, number + 2);
        }
        Ok(constant)
    }

    /// The entries: flags, modes, periods, media types, each as a column.
    fn encode_table(&self, out: &mut Vec<u8>, texts: &mut Texts<'a>) -> Result<()> {
        out.extend(self.table.iter().map(|meta| meta_flags(meta)));
        for mode in self.table.iter().filter_map(|meta| meta.mode) {
            if mode > 0o7777 {
                return Err(damaged("an impossible mode"));
            }
            put_varint(out, u64::from(mode));
        }
        for at in self.table.iter().flat_map(|meta| [meta.valid_from, meta.valid_until]).flatten() {
            put_zigzag(out, at.micros());
        }
        texts.column(out, self.table.iter().map(|meta| meta.media.as_str()))
    }
}

fn meta_flags(meta: &Meta) -> u8 {
    let kind = match meta.kind {
        FileKind::File => 0,
        FileKind::Link => 1,
        FileKind::Directory => 2,
    };
    let present = |yes: bool, bit: u8| if yes { bit } else { 0 };
    kind | present(meta.mode.is_some(), HAS_MODE)
        | present(meta.mtime_ns.is_some(), HAS_MTIME)
        | present(meta.valid_from.is_some(), HAS_FROM)
        | present(meta.valid_until.is_some(), HAS_UNTIL)
}

fn meta_identity(meta: &Meta) -> Vec<u8> {
    let mut out = Vec::new();
    crate::format::record::encode_meta(meta, &mut out);
    out
}

/// Modification times as steps from the one before, in the coarsest unit that loses nothing.
struct Times {
    unit: usize,
    before: Option<i64>,
    classes: Vec<u8>,
    bits: BitWriter,
}

impl Times {
    fn new(slice: &Slice) -> Self {
        let puts = slice.batches.iter().flat_map(|b| &b.changes);
        let unit = puts.fold(0, |mut unit, change| {
            if let WireChange::Put { meta: Meta { mtime_ns: Some(ns), .. }, .. } = change {
                while ns % MTIME_UNITS[unit] != 0 {
                    unit += 1;
                }
            }
            unit
        });
        Times { unit, before: None, classes: Vec::new(), bits: BitWriter::default() }
    }

    fn put(&mut self, batch_micros: i64, mtime_ns: i64) {
        let unit = MTIME_UNITS[self.unit];
        let before = self.before.unwrap_or_else(|| first_mtime(batch_micros, unit));
        let value = mtime_ns / unit;
        self.classes.push(self.bits.put(value.wrapping_sub(before)));
        self.before = Some(value);
    }

    fn finish(self, out: &mut Vec<u8>) -> Vec<u8> {
        if !self.classes.is_empty() {
            out.push(self.unit as u8);
            out.extend_from_slice(&self.classes);
        }
        self.bits.finish()
    }
}

/// What the first modification time is a step from: the time of its batch in units, rounded down.
pub(super) fn first_mtime(batch_micros: i64, unit: i64) -> i64 {
    batch_micros.saturating_mul(1000).div_euclid(unit)
}

fn encode_references<'a>(slice: &'a Slice, out: &mut Vec<u8>, texts: &mut Texts<'a>) -> Result<()> {
    let all = || {
        slice.batches.iter().flat_map(|b| {
            b.changes.iter().filter_map(move |c| if let WireChange::Refer { reference, .. } = c { Some((b.time, reference)) } else { None })
        })
    };
    texts.column(out, all().map(|(_, r)| r.system.as_str()))?;
    texts.column(out, all().map(|(_, r)| r.id.as_str()))?;
    texts.column(out, all().map(|(_, r)| r.state.as_str()))?;
    out.extend(all().map(|(_, r)| u8::from(r.irrevocable) | u8::from(r.expires.is_some()) << 1));
    for (time, reference) in all() {
        if let Some(expires) = reference.expires {
            put_zigzag(out, expires.micros().wrapping_sub(time.micros()));
        }
    }
    Ok(())
}

fn encode_contents(slice: &Slice, known: &dyn Known, predicted: &[Option<u64>]) -> Result<Vec<u8>> {
    let (mut out, mut shapes, mut sizes, mut forms, mut lens, mut places) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for ((own, content), predicted) in (slice.contents_before..).zip(&slice.contents).zip(predicted) {
        let base_size = match content.base {
            None => {
                out.push(0);
                put_varint(&mut sizes, content.size);
                0
            }
            Some(base) if base < own && slice.has_bytes(base) && slice.shares_box(content, base) && !is_absent(content) => {
                put_varint(&mut out, if *predicted == Some(base) { 1 } else { own - base + 1 });
                let size = slice.content_size(base, known)?;
                put_zigzag(&mut sizes, content.size.wrapping_sub(size) as i64);
                size
            }
            Some(_) => return Err(damaged("a base that is not earlier")),
        };
        if is_absent(content) && content.boxed.is_some() {
            return Err(damaged("a box of nothing"));
        }
        check_splice(content, base_size)?;
        match content.form {
            Form::Container { form_len } => {
                shapes.push(1);
                put_zigzag(&mut forms, form_len.wrapping_sub(content.size) as i64);
            }
            Form::Absent { .. } => shapes.push(0),
            Form::Plain if content.splice.is_empty() => shapes.push(0),
            Form::Plain => put_varint(&mut shapes, content.splice.len() as u64 + 1),
        }
        let mut copied = 0u64;
        for run in &content.splice {
            match *run {
                Run::Data { len } => put_varint(&mut lens, len << 1),
                Run::Copy { at, len } => {
                    put_varint(&mut lens, len << 1 | 1);
                    put_zigzag(&mut places, at.wrapping_sub(copied) as i64);
                    copied = at + len;
                }
            }
        }
    }
    for column in [shapes, sizes, forms, lens, places] {
        out.extend_from_slice(&column);
    }
    Ok(out)
}

fn is_absent(content: &NewContent) -> bool {
    matches!(content.form, Form::Absent { .. })
}

fn check_splice(content: &NewContent, base_size: u64) -> Result<()> {
    let (mut sum, mut after_data) = (0u64, false);
    for run in &content.splice {
        let (len, inside, is_data) = match *run {
            Run::Data { len } => (len, true, true),
            Run::Copy { at, len } => (len, at.checked_add(len).is_some_and(|end| end <= base_size), false),
        };
        // Two stretches of data in a row would be one written in two ways.
        if len == 0 || len > u64::MAX >> 1 || !inside || is_data && after_data {
            return Err(damaged("an impossible splice"));
        }
        after_data = is_data;
        sum = sum.checked_add(len).ok_or_else(|| damaged("an impossible splice"))?;
    }
    let spliced = !content.splice.is_empty();
    if spliced && (sum != content.size || content.base.is_none() || content.form != Form::Plain) {
        return Err(damaged("an impossible splice"));
    }
    Ok(())
}

/// Front coding: bytes shared with the key before, then the rest.
fn encode_keys(keys: &[Vec<u8>]) -> Result<Vec<u8>> {
    let (mut out, mut rests) = (Vec::new(), Vec::new());
    let mut before: &[u8] = &[];
    for key in keys {
        if key.is_empty() || key.len() > KEY_BYTES_MAX || key.contains(&0) {
            return Err(damaged("an impossible key"));
        }
        let shared = before.iter().zip(key).take_while(|(a, b)| a == b).count();
        put_varint(&mut out, shared as u64);
        put_bytes(&mut rests, &key[shared..]);
        before = key;
    }
    out.extend_from_slice(&rests);
    Ok(out)
}

fn encode_blocks(slice: &Slice, flags: u8) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut left = slice.data_len()?;
    for (i, block) in slice.blocks.iter().enumerate() {
        let last = i + 1 == slice.blocks.len();
        if block.plain_len == 0 || block.plain_len > BLOCK_PLAIN_BYTES_MAX as u64 || block.frame_len == 0 || block.frame_len > SEGMENT_BYTES_MAX {
            return Err(damaged("a block of impossible size"));
        }
        left = left.checked_sub(block.plain_len).ok_or_else(|| damaged("blocks that do not add up"))?;
        if !last {
            put_varint(&mut out, block.plain_len);
        }
    }
    if left != 0 {
        return Err(damaged("blocks that do not add up"));
    }
    for block in &slice.blocks {
        put_varint(&mut out, block.frame_len);
    }
    let mut part = 0;
    for block in &slice.blocks {
        let step = block.part.checked_sub(part).ok_or_else(|| damaged("blocks out of order"))?;
        if flags & ONE_BLOCK == 0 {
            put_varint(&mut out, u64::from(step));
        }
        part = block.part;
    }
    Ok(out)
}
