//! Sketches: three numbers that two similar contents are likely to share, so that a renamed, copied or similar new document finds a base.
//!
//! Super-features after Odess (Zou, Deng, Xia, et al.: "Odess: Speeding up Resemblance Detection for Redundancy Elimination by Fast
//! Content-Defined Sampling", ICDE 2021): a rolling gear hash runs over the content, positions are sampled by the hash itself, each of 12
//! features is the largest value of one linear function over the samples, and four features together make a super-feature. Two contents that
//! agree in most of their samples agree in some super-feature with high probability, unrelated ones practically never.
//!
//! Contents up to 16 KiB use a window of 16 bytes and many samples, so that a changed field in a document of 300 bytes leaves most samples
//! alone; larger ones a window of 64 bytes and one sample in 128. The tables are frozen: sketches are kept in the catalogue.

use std::sync::OnceLock;

use crate::base::digest::Digest;

/// Bytes: shorter contents have no sketch. A delta cannot save more than it costs to name.
pub const SKETCH_BYTES_MIN: u64 = 64;
/// Bytes: contents up to this size are sampled finely.
const FINE_BYTES_MAX: u64 = 16 * 1024;
/// One position in 4 is sampled finely, one in 128 coarsely. Taken from the high bits, which the whole window decides.
const FINE_MASK: u32 = 0b11 << 30;
const COARSE_MASK: u64 = 0x7f << 57;
const FEATURES: usize = 12;
const SUPER_FEATURES: usize = 3;
const GROUP: usize = FEATURES / SUPER_FEATURES;

/// What similar contents share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sketch(pub [u64; SUPER_FEATURES]);

impl Sketch {
    /// The sketch of `bytes`; `None` for tiny contents and for those without a single sample.
    pub fn of(bytes: &[u8]) -> Option<Sketch> {
        let mut sketcher = Sketcher::new();
        sketcher.update(bytes);
        sketcher.finish()
    }

    /// Whether the contents are likely to be similar: some super-feature is equal.
    pub fn resembles(&self, other: &Sketch) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a == b)
    }
}

/// Frozen random numbers: one per byte value for the hash, and factor and summand of each feature.
struct Tables {
    gear: [u64; 256],
    linear: [(u64, u64); FEATURES],
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let number = |name: &str, i: usize| {
            let digest = Digest::of(format!("annals sketch v1 {name} {i}").as_bytes());
            digest.as_bytes()[..8].iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte))
        };
        Tables { gear: std::array::from_fn(|i| number("gear", i)), linear: std::array::from_fn(|i| (number("factor", i) | 1, number("summand", i))) }
    })
}

#[derive(Default)]
struct Features {
    largest: [u64; FEATURES],
    samples: u64,
}

impl Features {
    fn sample(&mut self, hash: u64, linear: &[(u64, u64); FEATURES]) {
        self.samples += 1;
        for (largest, (factor, summand)) in self.largest.iter_mut().zip(linear) {
            *largest = (*largest).max(hash.wrapping_mul(*factor).wrapping_add(*summand));
        }
    }
}

/// Takes a content piece by piece; how it is cut does not matter.
pub struct Sketcher {
    tables: &'static Tables,
    /// Moves by two bits a byte, and so sees 16 bytes.
    fine_hash: u32,
    /// Moves by one bit a byte, and so sees 64 bytes.
    hash: u64,
    seen: u64,
    fine: Features,
    coarse: Features,
}

impl Default for Sketcher {
    fn default() -> Self {
        Self::new()
    }
}

impl Sketcher {
    /// A sketcher that has seen nothing.
    pub fn new() -> Self {
        Sketcher { tables: tables(), fine_hash: 0, hash: 0, seen: 0, fine: Features::default(), coarse: Features::default() }
    }

    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        let fine_left = FINE_BYTES_MAX.saturating_sub(self.seen).min(bytes.len() as u64) as usize;
        let (first, rest) = bytes.split_at(fine_left);
        let Tables { gear, linear } = self.tables;
        let mut hash = self.hash;
        for byte in first {
            hash = (hash << 1).wrapping_add(gear[usize::from(*byte)]);
            self.fine_hash = (self.fine_hash << 2).wrapping_add(gear[usize::from(*byte)] as u32);
            if self.fine_hash & FINE_MASK == 0 {
                // Spread over all bits, since the features compare the highest.
                self.fine.sample(u64::from(self.fine_hash).wrapping_mul(0x9e37_79b9_7f4a_7c15), linear);
            }
            if hash & COARSE_MASK == 0 {
                self.coarse.sample(hash, linear);
            }
        }
        for byte in rest {
            hash = (hash << 1).wrapping_add(gear[usize::from(*byte)]);
            if hash & COARSE_MASK == 0 {
                self.coarse.sample(hash, linear);
            }
        }
        self.hash = hash;
        self.seen += bytes.len() as u64;
    }

    /// The sketch of all bytes taken.
    pub fn finish(&self) -> Option<Sketch> {
        let (features, scale) = if self.seen <= FINE_BYTES_MAX { (&self.fine, 0u8) } else { (&self.coarse, 1) };
        if self.seen < SKETCH_BYTES_MIN || features.samples == 0 {
            return None;
        }
        Some(Sketch(std::array::from_fn(|group| {
            let mut bytes = vec![scale];
            features.largest[group * GROUP..][..GROUP].iter().for_each(|feature| bytes.extend_from_slice(&feature.to_le_bytes()));
            Digest::of(&bytes).as_bytes()[..8].iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte))
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::model::document_pair;
    use super::*;
    use crate::base::random::{Random, SeededRandom};
    use proptest::prelude::*;

    fn noise(len: usize, seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; len];
        SeededRandom::new(seed).fill(&mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn how_the_content_is_cut_does_not_matter(len in 0..40_000usize, at: prop::sample::Index) {
            let bytes = noise(len, 1);
            let mut sketcher = Sketcher::new();
            let (a, b) = bytes.split_at(at.index(len + 1));
            sketcher.update(a);
            sketcher.update(b);
            prop_assert_eq!(sketcher.finish(), Sketch::of(&bytes));
        }
    }

    #[test]
    fn the_sketch_is_frozen() {
        let text = b"It is a truth universally acknowledged, that a single man in possession of a good fortune".repeat(400);
        assert_eq!(Sketch::of(&text[..90]).map(|s| format!("{:016x}", s.0[0])).as_deref(), Some("91422d3907e3ad6c"));
        assert_eq!(Sketch::of(&text).map(|s| format!("{:016x}", s.0[2])).as_deref(), Some("4fec28887df1fd1b"));
        assert_eq!(Sketch::of(&text[..63]), None);
    }

    #[test]
    fn small_documents_with_one_changed_field_resemble_each_other_and_others_do_not() {
        let random = SeededRandom::new(9);
        let pairs: Vec<_> = (0..300).map(|_| document_pair(&random)).map(|(a, b)| (Sketch::of(&a).expect("a"), Sketch::of(&b).expect("b"))).collect();
        let found = pairs.iter().filter(|(a, b)| a.resembles(b)).count();
        assert!(found >= 255, "{found}");
        let noise: Vec<_> = (0..200).map(|seed| Sketch::of(&noise(300, seed)).expect("noise")).collect();
        let wrong = (1..noise.len()).filter(|i| noise[*i].resembles(&noise[i - 1])).count();
        assert_eq!(wrong, 0);
    }

    #[test]
    fn large_contents_with_edits_and_insertions_resemble_each_other() {
        let found = (0..50u64).filter(|seed| {
            let original = noise(300_000, *seed);
            let mut edited = original.clone();
            edited.splice(5000..5000, noise(900, seed + 1000));
            (0..20).for_each(|i| edited[i * 14_000 + 77] ^= 1);
            Sketch::of(&original).zip(Sketch::of(&edited)).is_some_and(|(a, b)| a.resembles(&b))
        });
        assert!(found.count() >= 48);
    }
}
