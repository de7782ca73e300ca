//! The canonical bytes of a batch, and its digest: `blake3(previous digest || record)`.
//!
//! These bytes are hashed, not stored: the catalogue keeps the same facts as rows, a segment keeps them as columns, and both prove with the
//! digest that they say the same. Specified in `FORMAT.md`, section "Records".

use crate::base::codec::{Reader, put_bytes, put_varint, put_zigzag};
use crate::base::digest::{Digest, Hasher};
use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::base::time::Timestamp;
use crate::model::change::{BatchHead, Cause, Change, FileKind, Meta, Tenancy};
use crate::model::reference::Reference;

/// First byte of every record.
const RECORD_VERSION: u8 = 1;

const PUT: u8 = 1;
const REMOVE: u8 = 2;
const REFER: u8 = 3;
const MARK: u8 = 4;
const HOLD: u8 = 5;
const LIFT: u8 = 6;
const FORGET: u8 = 7;
const ERASE: u8 = 8;
const TENANT: u8 = 9;
const MARK_AT: u8 = 10;

/// Computes the digest of one batch from its parts, without holding it.
pub struct RecordHasher {
    hasher: Hasher,
    scratch: Vec<u8>,
}

impl RecordHasher {
    /// Starts the record of a batch with `changes` changes.
    pub fn new(head: &BatchHead, changes: u64) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(head.prev.as_bytes());
        let mut out = vec![RECORD_VERSION];
        put_varint(&mut out, head.seq);
        put_zigzag(&mut out, head.time.micros());
        put_zigzag(&mut out, head.clock_behind);
        for text in [&head.actor, &head.reason, &head.origin, &head.request] {
            put_bytes(&mut out, text.as_bytes());
        }
        let (cause, seq) = cause_parts(head.cause);
        out.push(cause);
        put_varint(&mut out, seq);
        put_varint(&mut out, changes);
        hasher.update(&out);
        RecordHasher { hasher, scratch: out }
    }

    /// Adds the next change.
    pub fn push(&mut self, change: &Change) {
        self.scratch.clear();
        encode_change(change, &mut self.scratch);
        self.hasher.update(&self.scratch);
    }

    /// Adds a put as the next change, without a [`Change`] made for it.
    pub fn push_put(&mut self, key: &[u8], content: &Digest, size: u64, meta: &Meta) {
        self.scratch.clear();
        encode_put(key, content, size, meta, &mut self.scratch);
        self.hasher.update(&self.scratch);
    }

    /// The digest of the batch.
    pub fn finish(&self) -> Digest {
        self.hasher.finish()
    }
}

/// A cause as a byte and a sequence number (0 where it names none).
pub fn cause_parts(cause: Cause) -> (u8, u64) {
    match cause {
        Cause::Recorded => (0, 0),
        Cause::Undo(seq) => (1, seq),
        Cause::Rollback(seq) => (2, seq),
        Cause::Restore => (3, 0),
        Cause::Realign(seq) => (4, seq),
    }
}

/// The inverse of [`cause_parts`].
pub fn cause_from(kind: u8, seq: u64) -> Result<Cause> {
    match kind {
        0 => Ok(Cause::Recorded),
        1 => Ok(Cause::Undo(seq)),
        2 => Ok(Cause::Rollback(seq)),
        3 => Ok(Cause::Restore),
        4 => Ok(Cause::Realign(seq)),
        _ => Err(Error::damaged("a batch's cause")),
    }
}

/// Appends the bytes of one change.
pub fn encode_change(change: &Change, out: &mut Vec<u8>) {
    match change {
        Change::Put { key, content, size, meta } => encode_put(key, content, *size, meta, out),
        Change::Remove { key } => {
            out.push(REMOVE);
            put_bytes(out, key);
        }
        Change::Refer { key, reference } => {
            out.push(REFER);
            put_bytes(out, key);
            for text in [&reference.system, &reference.id, &reference.state] {
                put_bytes(out, text.as_bytes());
            }
            out.push(u8::from(reference.irrevocable) | u8::from(reference.expires.is_some()) << 1);
            if let Some(at) = reference.expires {
                put_zigzag(out, at.micros());
            }
        }
        Change::Mark { name } => {
            out.push(MARK);
            put_bytes(out, name.as_bytes());
        }
        Change::Hold { name, prefix, until } => {
            out.push(HOLD);
            put_bytes(out, name.as_bytes());
            put_bytes(out, prefix);
            out.push(u8::from(until.is_some()));
            if let Some(at) = until {
                put_zigzag(out, at.micros());
            }
        }
        Change::Lift { name } => {
            out.push(LIFT);
            put_bytes(out, name.as_bytes());
        }
        Change::Forget { rule, contents } => {
            out.push(FORGET);
            put_bytes(out, rule.as_bytes());
            put_ascending(contents, out);
        }
        Change::Tenant(tenancy) => {
            out.push(TENANT);
            match tenancy {
                Tenancy::Back => out.push(0),
                Tenancy::Dropped { until } => {
                    out.push(1);
                    put_zigzag(out, until.micros());
                }
                Tenancy::Gone => out.push(2),
            }
        }
        Change::MarkAt { name, seq } => {
            out.push(MARK_AT);
            put_bytes(out, name.as_bytes());
            put_varint(out, *seq);
        }
        Change::Erase { subject, key, contents } => {
            out.push(ERASE);
            out.extend_from_slice(subject.as_bytes());
            out.extend_from_slice(key);
            put_ascending(contents, out);
        }
    }
}

/// Appends ascending numbers: how many, the first, then what lies between each and the one before.
pub fn put_ascending(numbers: &[u64], out: &mut Vec<u8>) {
    put_varint(out, numbers.len() as u64);
    let mut next = 0;
    for number in numbers {
        put_varint(out, number.saturating_sub(next));
        next = number.saturating_add(1);
    }
}

/// Reads what [`put_ascending`] wrote.
pub fn read_ascending(r: &mut Reader<'_>) -> Result<Vec<u64>> {
    let mut next = 0u64;
    (0..r.count()?)
        .map(|_| {
            let number = next.checked_add(r.varint()?).filter(|n| *n < limits::ORDINAL_MAX).ok_or_else(|| Error::damaged("numbers of contents"))?;
            next = number + 1;
            Ok(number)
        })
        .collect()
}

fn encode_put(key: &[u8], content: &Digest, size: u64, meta: &Meta, out: &mut Vec<u8>) {
    out.push(PUT);
    put_bytes(out, key);
    out.extend_from_slice(content.as_bytes());
    put_varint(out, size);
    encode_meta(meta, out);
}

/// Reads one change.
pub fn decode_change(r: &mut Reader<'_>) -> Result<Change> {
    let kind = r.byte()?;
    let mut name = || r.text(limits::TEXT_BYTES_MAX).map(str::to_owned);
    match kind {
        MARK => return Ok(Change::Mark { name: name()? }),
        LIFT => return Ok(Change::Lift { name: name()? }),
        FORGET => return Ok(Change::Forget { rule: name()?, contents: read_ascending(r)? }),
        ERASE => return Ok(Change::Erase { subject: Digest::from_bytes(r.array()?), key: r.array()?, contents: read_ascending(r)? }),
        MARK_AT => return Ok(Change::MarkAt { name: name()?, seq: r.varint()? }),
        TENANT => {
            return Ok(Change::Tenant(match r.byte()? {
                0 => Tenancy::Back,
                1 => Tenancy::Dropped { until: Timestamp(r.zigzag()?) },
                2 => Tenancy::Gone,
                _ => return Err(Error::damaged("what becomes of a tenant")),
            }));
        }
        HOLD => {
            let (name, prefix) = (name()?, r.bytes(limits::KEY_BYTES_MAX)?.to_vec());
            let until = match r.byte()? {
                0 => None,
                1 => Some(Timestamp(r.zigzag()?)),
                _ => return Err(Error::damaged("a hold")),
            };
            return Ok(Change::Hold { name, prefix, until });
        }
        _ => {}
    }
    let key = r.bytes(limits::KEY_BYTES_MAX)?.to_vec();
    match kind {
        PUT => Ok(Change::Put { key, content: Digest::from_bytes(r.array()?), size: r.varint()?, meta: decode_meta(r)? }),
        REMOVE => Ok(Change::Remove { key }),
        REFER => {
            let mut text = || r.text(limits::TEXT_BYTES_MAX).map(str::to_owned);
            let (system, id, state) = (text()?, text()?, text()?);
            let flags = r.byte()?;
            if flags > 3 {
                return Err(Error::damaged("a reference"));
            }
            let expires = if flags & 2 != 0 { Some(Timestamp(r.zigzag()?)) } else { None };
            Ok(Change::Refer { key, reference: Reference { system, id, state, irrevocable: flags & 1 != 0, expires } })
        }
        _ => Err(Error::damaged("a change of unknown kind")),
    }
}

const HAS_MEDIA: u8 = 1 << 2;
const HAS_MODE: u8 = 1 << 3;
const HAS_MTIME: u8 = 1 << 4;
const HAS_FROM: u8 = 1 << 5;
const HAS_UNTIL: u8 = 1 << 6;

/// Appends metadata: a flag byte (kind in the lowest two bits), then the present fields in declaration order.
pub fn encode_meta(meta: &Meta, out: &mut Vec<u8>) {
    let kind = match meta.kind {
        FileKind::File => 0,
        FileKind::Link => 1,
        FileKind::Directory => 2,
    };
    let present = |yes: bool, bit: u8| if yes { bit } else { 0 };
    out.push(
        kind | present(!meta.media.is_empty(), HAS_MEDIA)
            | present(meta.mode.is_some(), HAS_MODE)
            | present(meta.mtime_ns.is_some(), HAS_MTIME)
            | present(meta.valid_from.is_some(), HAS_FROM)
            | present(meta.valid_until.is_some(), HAS_UNTIL),
    );
    if !meta.media.is_empty() {
        put_bytes(out, meta.media.as_bytes());
    }
    if let Some(mode) = meta.mode {
        put_varint(out, u64::from(mode));
    }
    if let Some(ns) = meta.mtime_ns {
        put_zigzag(out, ns);
    }
    for at in [meta.valid_from, meta.valid_until].into_iter().flatten() {
        put_zigzag(out, at.micros());
    }
}

/// Reads what [`encode_meta`] wrote.
pub fn decode_meta(r: &mut Reader<'_>) -> Result<Meta> {
    let flags = r.byte()?;
    let kind = match flags & 3 {
        0 => FileKind::File,
        1 => FileKind::Link,
        2 => FileKind::Directory,
        _ => return Err(Error::damaged("metadata")),
    };
    if flags & 0x80 != 0 {
        return Err(Error::damaged("metadata"));
    }
    let media = if flags & HAS_MEDIA != 0 { r.text(limits::TEXT_BYTES_MAX)?.to_owned() } else { String::new() };
    let mode = if flags & HAS_MODE != 0 { Some(r.varint_max(0o7777)? as u32) } else { None };
    let mtime_ns = if flags & HAS_MTIME != 0 { Some(r.zigzag()?) } else { None };
    let valid_from = if flags & HAS_FROM != 0 { Some(Timestamp(r.zigzag()?)) } else { None };
    let valid_until = if flags & HAS_UNTIL != 0 { Some(Timestamp(r.zigzag()?)) } else { None };
    Ok(Meta { kind, media, mode, mtime_ns, valid_from, valid_until })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn meta() -> impl Strategy<Value = Meta> {
        (0..3u8, "[a-z/]{0,8}", proptest::option::of(0u32..0o7777), any::<Option<i64>>(), any::<Option<i64>>(), any::<Option<i64>>()).prop_map(
            |(k, media, mode, mtime_ns, f, u)| Meta {
                kind: [FileKind::File, FileKind::Link, FileKind::Directory][k as usize],
                media,
                mode,
                mtime_ns,
                valid_from: f.map(Timestamp),
                valid_until: u.map(Timestamp),
            },
        )
    }

    fn change() -> impl Strategy<Value = Change> {
        let key = proptest::collection::vec(1u8.., 1..20);
        prop_oneof![
            (key.clone(), any::<[u8; 32]>(), any::<u64>(), meta()).prop_map(|(key, d, size, meta)| Change::Put {
                key,
                content: Digest::from_bytes(d),
                size,
                meta
            }),
            key.clone().prop_map(|key| Change::Remove { key }),
            (key, "[a-z]{1,5}", "[a-z]{1,5}", "[a-z]{0,5}", any::<bool>(), any::<Option<i64>>()).prop_map(
                |(key, system, id, state, irrevocable, e)| {
                    Change::Refer { key, reference: Reference { system, id, state, irrevocable, expires: e.map(Timestamp) } }
                }
            ),
            "[a-z]{1,9}".prop_map(|name| Change::Mark { name }),
            ("[a-z]{1,9}", "[a-z/]{0,9}", any::<Option<i64>>()).prop_map(|(name, prefix, until)| Change::Hold {
                name,
                prefix: prefix.into_bytes(),
                until: until.map(Timestamp)
            }),
            "[a-z]{1,9}".prop_map(|name| Change::Lift { name }),
            ("[a-z]{1,9}", proptest::collection::btree_set(0..limits::ORDINAL_MAX, 0..9))
                .prop_map(|(rule, contents)| Change::Forget { rule, contents: contents.into_iter().collect() }),
            any::<i64>().prop_map(|until| Change::Tenant(Tenancy::Dropped { until: Timestamp(until) })),
            prop_oneof![Just(Tenancy::Back), Just(Tenancy::Gone)].prop_map(Change::Tenant),
            ("[a-z]{1,9}", any::<u64>()).prop_map(|(name, seq)| Change::MarkAt { name, seq }),
            (any::<[u8; 32]>(), any::<[u8; 8]>(), proptest::collection::btree_set(0..limits::ORDINAL_MAX, 0..9)).prop_map(
                |(subject, key, contents)| Change::Erase { subject: Digest::from_bytes(subject), key, contents: contents.into_iter().collect() }
            ),
        ]
    }

    proptest! {
        #[test]
        fn changes_round_trip(change in change()) {
            let mut out = Vec::new();
            encode_change(&change, &mut out);
            let mut r = Reader::new(&out, "change");
            prop_assert_eq!(decode_change(&mut r).expect("decode"), change);
            prop_assert!(r.finish().is_ok());
        }

        #[test]
        fn any_bytes_decode_or_fail(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut r = Reader::new(&bytes, "change");
            while decode_change(&mut r).is_ok() {}
        }
    }

    #[test]
    fn the_digest_of_a_known_batch_is_frozen() {
        let head = BatchHead {
            seq: 1,
            prev: Digest::ZERO,
            time: Timestamp(1_537_279_320_000_000),
            clock_behind: 0,
            actor: "806".into(),
            reason: "ny henvisning".into(),
            origin: String::new(),
            request: String::new(),
            cause: Cause::Recorded,
        };
        let mut hasher = RecordHasher::new(&head, 1);
        hasher.push(&Change::Put { key: b"sak/2018-163".to_vec(), content: Digest::of(b"{}"), size: 2, meta: Meta::default() });
        assert_eq!(hasher.finish().to_hex(), "8bb4fdc84bbd7e255b9e8e166e6ce66c366fac3f190971ab7f53a94cb7a74643");
    }
}
