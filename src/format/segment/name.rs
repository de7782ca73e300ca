//! Names of objects. The names alone are the chain, and a listing shows a truncated upload by its size.

use std::fmt;

use crate::base::digest::Digest;
use crate::format::wire::TimelinePrefix;

/// Sequence numbers have ten hexadecimal digits in names, so that a listing sorts by them.
const SEQ_MAX: u64 = (1 << 40) - 1;
/// Part numbers have four.
const PART_MAX: u32 = u16::MAX as u32;

/// What the name of an object says: `TIMELINE-FIRST-LAST-KPART-SIZE-DIGEST.seg`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The first 8 bytes of the timeline id.
    pub timeline: TimelinePrefix,
    /// Sequence number of the slice's first batch.
    pub first: u64,
    /// Sequence number of its last batch.
    pub last: u64,
    /// Whether this is the object with the tail (`t`), or a part before it (`p`).
    pub is_tail: bool,
    /// Number of the object in the slice, from 0. For the tail object this is how many parts there are before it.
    pub part: u32,
    /// Size of the object in bytes.
    pub size: u64,
    /// The first 16 bytes of the BLAKE3 digest of the object.
    pub digest: [u8; 16],
}

impl ObjectName {
    /// Reads a name. Anything that [`fmt::Display`] would not write is `None`: other files, `.partial` ones, copies that a program renamed.
    pub fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.strip_suffix(".seg")?.split('-').collect();
        let [timeline, first, last, part, size, digest] = fields[..] else { return None };
        let is_tail = part.starts_with('t');
        let name = ObjectName {
            timeline: u64::from_str_radix(timeline, 16).ok()?.to_be_bytes(),
            first: u64::from_str_radix(first, 16).ok()?,
            last: u64::from_str_radix(last, 16).ok()?,
            is_tail,
            part: u32::from_str_radix(part.strip_prefix(if is_tail { 't' } else { 'p' })?, 16).ok()?,
            size: size.parse().ok()?,
            digest: u128::from_str_radix(digest, 16).ok()?.to_be_bytes(),
        };
        (name.is_possible() && name.to_string() == text).then_some(name)
    }

    /// Whether the numbers fit a name.
    pub fn is_possible(&self) -> bool {
        1 <= self.first && self.first <= self.last && self.last <= SEQ_MAX && self.part <= PART_MAX && self.size > 0
    }

    /// Sets size and digest from the object's bytes.
    pub(super) fn with_bytes(self, bytes: &[u8]) -> Self {
        ObjectName { size: bytes.len() as u64, digest: object_digest(bytes), ..self }
    }
}

/// The first half of the BLAKE3 digest of an object.
pub(super) fn object_digest(bytes: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&Digest::of(bytes).as_bytes()[..16]);
    half
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (timeline, digest) = (u64::from_be_bytes(self.timeline), u128::from_be_bytes(self.digest));
        let kind = if self.is_tail { 't' } else { 'p' };
        write!(f, "{timeline:016x}-{:010x}-{:010x}-{kind}{:04x}-{}-{digest:032x}.seg", self.first, self.last, self.part, self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn names_round_trip(
            timeline: [u8; 8],
            (first, more) in (1..=SEQ_MAX, 0..100u64),
            (is_tail, part) in (any::<bool>(), 0..=PART_MAX),
            size in 1..u64::MAX,
            digest: [u8; 16],
        ) {
            let name = ObjectName { timeline, first, last: first.saturating_add(more).min(SEQ_MAX), is_tail, part, size, digest };
            prop_assert_eq!(ObjectName::parse(&name.to_string()), Some(name));
        }

        #[test]
        fn other_names_are_none(at in 0..90usize, byte in 32..127u8) {
            let good = "0123456789abcdef-0000000001-000000000a-t0000-1234-00112233445566778899aabbccddeeff.seg";
            let mut text = good.as_bytes().to_vec();
            if at < text.len() {
                text[at] = byte;
            } else {
                text.push(byte);
            }
            let text = String::from_utf8(text).expect("ascii");
            prop_assert!(ObjectName::parse(&text).is_none_or(|name| name.to_string() == text));
        }
    }

    #[test]
    fn near_misses_are_refused() {
        let good = "0123456789abcdef-0000000001-000000000a-t0000-1234-00112233445566778899aabbccddeeff.seg";
        assert!(ObjectName::parse(good).is_some());
        for bad in [
            good.to_uppercase(),
            format!("{good}.partial"),
            good.replace("-1234-", "-01234-"),
            good.replace("-1234-", "-+1234-"),
            good.replace("-1234-", "-0-"),
            good.replace("t0000", "x0000"),
            good.replace("-0000000001-", "-000000000b-"),
            good.replace("-0000000001-", "-0000000000-"),
            good.replace("-0000000001-", "-1-"),
            format!("a/{good}"),
            String::new(),
        ] {
            assert_eq!(ObjectName::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn a_listing_sorts_by_sequence_with_the_tail_last() {
        let name = |first, is_tail, part| ObjectName { timeline: [0; 8], first, last: first + 5, is_tail, part, size: 1, digest: [0; 16] };
        let names = [name(9, false, 0), name(9, false, 1), name(9, true, 2), name(16, true, 0), name(4096, true, 0)].map(|n| n.to_string());
        assert!(names.is_sorted());
    }
}
