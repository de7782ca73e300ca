//! For tests: a log known before a slice, slices that keep the rules, and the documents that the byte targets are measured on.

use proptest::prelude::*;

use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::id::{TenantId, TimelineId};
use crate::base::random::{Random, SeededRandom};
use crate::base::time::Timestamp;
use crate::model::change::{Cause, Change, FileKind, Meta, Tenancy};
use crate::model::reference::Reference;
use crate::model::timeline::Position;

use super::{BlockEntry, Boxed, Form, Known, NewContent, Run, Slice, TimelinePrefix, WireBatch, WireChange};

/// A log as plain lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) documents: Vec<Option<(u64, Meta)>>,
    pub(crate) sizes: Vec<u64>,
}

impl Known for Model {
    fn content_of(&self, document: u64) -> Result<Option<u64>> {
        Ok(self.documents.get(document as usize).and_then(|d| d.as_ref()).map(|(content, _)| *content))
    }

    fn content_size(&self, content: u64) -> Result<u64> {
        self.sizes.get(content as usize).copied().ok_or_else(|| Error::damaged("an unknown content"))
    }

    fn meta_of(&self, document: u64) -> Result<Option<Meta>> {
        Ok(self.documents.get(document as usize).and_then(|d| d.as_ref()).map(|(_, meta)| meta.clone()))
    }
}

pub(crate) fn tenant() -> TenantId {
    TenantId::from_bytes([3; 16])
}

pub(crate) fn timeline() -> TimelineId {
    TimelineId::from_bytes(*b"timeline01234567")
}

pub(crate) fn prefix_of(timeline: TimelineId) -> TimelinePrefix {
    timeline.prefix()
}

fn metas() -> impl Strategy<Value = Meta> {
    let mtimes = prop_oneof![Just(None), (1_700_000_000i64..1_700_000_100).prop_map(|s| Some(s * 1_000_000_000)), any::<Option<i64>>()];
    (0..3usize, prop_oneof![Just(""), Just("text/plain")], prop_oneof![Just(None), Just(Some(0o644))], mtimes, any::<Option<i32>>()).prop_map(
        |(kind, media, mode, mtime_ns, valid)| Meta {
            kind: [FileKind::File, FileKind::Link, FileKind::Directory][kind],
            media: media.into(),
            mode,
            mtime_ns,
            valid_from: valid.map(|v| Timestamp(v.into())),
            valid_until: None,
        },
    )
}

prop_compose! {
    fn models()(
        metas in proptest::collection::vec(proptest::option::of(metas()), 0..6),
        sizes in proptest::collection::vec(0u64..5000, 1..6),
    ) -> Model {
        let documents = metas.into_iter().enumerate().map(|(i, meta)| meta.map(|meta| ((i % sizes.len()) as u64, meta))).collect();
        Model { documents, sizes }
    }
}

/// What one change is made from; ordinals are taken modulo what exists.
type Seed = (u8, u16, u16, Meta, (u16, u8, u16));

fn seeds() -> impl Strategy<Value = Vec<Vec<Seed>>> {
    let seed = (0..10u8, any::<u16>(), any::<u16>(), metas(), (0..5000u16, any::<u8>(), any::<u16>()));
    proptest::collection::vec(proptest::collection::vec(seed, 0..8), 1..4)
}

/// A slice that keeps the rules, and the log before it.
pub(crate) fn slices() -> impl Strategy<Value = (Model, Slice)> {
    (models(), seeds(), any::<i64>(), "[a-z]{0,4}", any::<bool>(), 1..1000u64).prop_map(|(model, seeds, time, text, parent, block)| {
        let slice = build(&model, &seeds, time, &text, parent, block);
        (model, slice)
    })
}

fn build(model: &Model, seeds: &[Vec<Seed>], time: i64, text: &str, parent: bool, block: u64) -> Slice {
    let digest = Digest::of(text.as_bytes());
    let mut slice = Slice {
        tenant: tenant(),
        timeline: timeline(),
        parent: parent.then_some(Position { timeline: TimelineId::from_bytes([9; 16]), seq: 7, digest }),
        first_seq: 8,
        prev: digest,
        head: Digest::of(digest.as_bytes()),
        documents_before: model.documents.len() as u64,
        contents_before: model.sizes.len() as u64,
        new_keys: Vec::new(),
        batches: Vec::new(),
        contents: Vec::new(),
        blocks: Vec::new(),
    };
    for (i, seeds) in seeds.iter().enumerate() {
        let changes = seeds.iter().map(|seed| change(&mut slice, seed)).collect();
        slice.batches.push(WireBatch {
            time: Timestamp(time.wrapping_add(i as i64)),
            clock_behind: -(i as i64),
            actor: text.into(),
            reason: format!("{text}{}", i / 2),
            origin: String::new(),
            request: format!("r{i}"),
            cause: [Cause::Recorded, Cause::Undo(3), Cause::Rollback(9), Cause::Restore, Cause::Realign(1)][seeds.len() % 5],
            changes,
        });
    }
    let mut left = slice.data_len().expect("small");
    while left > 0 {
        let plain_len = left.min(block * 10);
        let part = (slice.blocks.len() / 3) as u32;
        slice.blocks.push(BlockEntry { part, plain_len, frame_len: plain_len / 2 + 1 });
        left -= plain_len;
    }
    slice
}

fn change(slice: &mut Slice, (kind, a, b, meta, new): &Seed) -> WireChange {
    if *kind == 7 {
        return WireChange::Mark { name: format!("mark {a}") };
    }
    let contents = slice.contents_before + slice.contents.len() as u64;
    if *kind == 8 {
        return WireChange::Other(Change::Hold { name: format!("{a}"), prefix: b"folder/".to_vec(), until: (b % 2 == 0).then_some(Timestamp(7)) });
    }
    if *kind == 9 && contents > 0 {
        let some: std::collections::BTreeSet<u64> = [u64::from(*a), u64::from(*b)].iter().map(|n| n % contents).collect();
        return WireChange::Other(match b % 8 {
            5 => Change::Tenant(Tenancy::Dropped { until: Timestamp(i64::from(*a)) }),
            6 => Change::Tenant(if a % 2 == 0 { Tenancy::Back } else { Tenancy::Gone }),
            7 => Change::MarkAt { name: "before".into(), seq: u64::from(*b) },
            0 => Change::Lift { name: "x".into() },
            1 => Change::Erase { subject: Digest::of(b"x"), key: [7; 8], contents: some.into_iter().collect() },
            _ => Change::Forget { rule: "within 90d".into(), contents: some.into_iter().collect() },
        });
    }
    let next = slice.documents_before + slice.new_keys.len() as u64;
    let document = u64::from(*a) % (next + 1);
    if document == next {
        slice.new_keys.push(format!("folder/{}/{b}", a % 3).into_bytes());
    }
    match kind {
        6 => WireChange::Remove { document },
        5 => WireChange::Refer {
            document,
            reference: Reference {
                system: "svarut".into(),
                id: format!("{b}"),
                state: String::new(),
                irrevocable: a % 2 == 0,
                expires: (b % 2 == 0).then_some(Timestamp(5)),
            },
        },
        _ => WireChange::Put { document, content: content(slice, *kind, *b, *new), meta: meta.clone() },
    }
}

fn content(slice: &mut Slice, kind: u8, b: u16, (size, shape, at): (u16, u8, u16)) -> u64 {
    let next = slice.contents_before + slice.contents.len() as u64;
    if kind == 0 {
        return u64::from(b) % next;
    }
    let size = u64::from(size);
    if shape % 7 == 6 {
        let form = Form::Absent { digest: Digest::of(&b.to_le_bytes()) };
        slice.contents.push(NewContent { size, form, base: None, splice: Vec::new(), boxed: None });
        return next;
    }
    let boxed = (b % 3 == 1).then(|| Boxed { key: [(b % 2) as u8; 8], digest: Digest::of(&b.to_le_bytes()) });
    let plain = NewContent { size, form: Form::Plain, base: None, splice: Vec::new(), boxed };
    let base = (kind != 1).then(|| u64::from(b) % next).filter(|base| slice.has_bytes(*base) && slice.shares_box(&plain, *base));
    let base_size = |slice: &Slice, base: u64| slice.contents.get(base.wrapping_sub(slice.contents_before) as usize).map_or(0, |c| c.size);
    let mut new = NewContent { base, ..plain };
    match (shape % 3, base) {
        (1, _) => new.form = Form::Container { form_len: size * 2 + 1 },
        (2, Some(base)) if base_size(slice, base) > 0 => {
            let whole = base_size(slice, base);
            let at = u64::from(at) % whole;
            new.splice = vec![Run::Copy { at, len: whole - at }, Run::Data { len: 3 }, Run::Copy { at: 0, len: at.max(1) }];
            new.size = whole - at + 3 + at.max(1);
        }
        _ => {}
    }
    slice.contents.push(new);
    next
}

/// A JSON document of about 300 bytes, and the same with another amount.
pub(crate) fn document_pair(random: &SeededRandom) -> (Vec<u8>, Vec<u8>) {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let text = |amount: u32| {
        format!(
            "{{\"id\":\"{}\",\"name\":\"Person {}\",\"status\":\"open\",\"department\":\"child welfare\",\"city\":\"Oslo\",\"amount\":{amount},\
             \"contact\":{{\"mail\":\"{}@example.org\",\"phone\":\"+47 {}\"}},\"notes\":[\"first visit\",\"second visit\",\"{}\"]}}",
            &hex[..8],
            &hex[8..12],
            &hex[12..18],
            &hex[18..24],
            &hex[24..]
        )
        .into_bytes()
    };
    (text(u32::from(bytes[0]) * 40), text(u32::from(bytes[1]) * 40 + 1))
}

/// `changed` of `total` known JSON documents get one field changed in one batch. Modification times are random nanoseconds: of files written
/// one after the other within a few milliseconds each, or spread over two hours.
pub(crate) fn changed_documents(total: u64, changed: u64, spread: bool) -> (Model, Slice, Vec<u8>, Vec<u8>) {
    let random = SeededRandom::new(changed);
    let draw = |max: u64| {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        u64::from_le_bytes(bytes) % max
    };
    let now = 1_790_000_000_123_456i64;
    let meta = |mtime_ns: i64| Meta { mode: Some(0o644), mtime_ns: Some(mtime_ns), ..Meta::default() };
    let (old, new): (Vec<_>, Vec<_>) = (0..changed).map(|_| document_pair(&random)).unzip();
    let mut model = Model::default();
    let mut places: Vec<u64> = Vec::new();
    while places.len() < changed as usize {
        places.push(draw(total));
        places.sort_unstable();
        places.dedup();
    }
    for document in 0..total {
        let size = places.binary_search(&document).map_or(300, |i| old[i].len() as u64);
        model.sizes.push(size);
        model.documents.push(Some((document, meta(1_780_000_000_000_000_000))));
    }
    let mut clock = now * 1000 - 30_000_000_000;
    let changes = places.iter().enumerate().map(|(i, document)| {
        clock += draw(4_000_000) as i64;
        let mtime = if spread { now * 1000 - draw(7_200_000_000_000) as i64 } else { clock };
        WireChange::Put { document: *document, content: total + i as u64, meta: meta(mtime) }
    });
    let contents: Vec<_> = places
        .iter()
        .zip(&new)
        .map(|(document, new)| NewContent { size: new.len() as u64, form: Form::Plain, base: Some(*document), splice: Vec::new(), boxed: None })
        .collect();
    let plain_len = contents.iter().map(|c| c.size).sum();
    let slice = Slice {
        tenant: tenant(),
        timeline: timeline(),
        parent: None,
        first_seq: 4711,
        prev: Digest::of(b"prev"),
        head: Digest::of(b"head"),
        documents_before: total,
        contents_before: total,
        new_keys: Vec::new(),
        batches: vec![WireBatch {
            time: Timestamp(now),
            clock_behind: 0,
            actor: String::new(),
            reason: String::new(),
            origin: String::new(),
            request: String::new(),
            cause: Cause::Recorded,
            changes: changes.collect(),
        }],
        contents,
        blocks: vec![BlockEntry { part: 0, plain_len, frame_len: 1 }],
    };
    (model, slice, old.concat(), new.concat())
}
