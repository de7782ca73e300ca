//! Matching of two sequences: the one door to the crate `similar`.
//!
//! The algorithm is Myers' with the search limit of git (`similar::Algorithm::Myers`). On long sequences of few different items even that takes
//! minutes, so sequences above a limit are first cut at the items that occur once on both sides (the anchors of Bram Cohen's patience
//! diff), and a piece that is still above it counts as replaced. The work is bounded by the input and never by a clock, so the same two sequences
//! always match in the same way; the result may be longer than the shortest possible.

use crate::base::limits::FIELD_SEARCH_ITEMS_MAX;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// A stretch of two sequences: equal items, or the items of one that stand where the items of the other stood (either may be empty).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Whether the items are equal, one by one.
    pub equal: bool,
    /// Items of the old sequence.
    pub old: Range<usize>,
    /// Items of the new sequence.
    pub new: Range<usize>,
}

/// Cuts two sequences into stretches, in order, without gaps, equal and unequal ones in turn. Equal numbers are equal items.
pub fn stretches(old: &[u32], new: &[u32]) -> Vec<Stretch> {
    let mut cutter = Cutter { old, new, cut: Vec::new() };
    if old.len() + new.len() <= FIELD_SEARCH_ITEMS_MAX {
        cutter.search(0..old.len(), 0..new.len());
        return cutter.cut;
    }
    let (mut i, mut j) = (0, 0);
    for (at, to) in anchors(old, new).into_iter().chain([(old.len(), new.len())]) {
        cutter.trim(i..at, j..to);
        (i, j) = (at, to);
    }
    cutter.cut
}

struct Cutter<'s> {
    old: &'s [u32],
    new: &'s [u32],
    cut: Vec<Stretch>,
}

impl Cutter<'_> {
    /// Sets aside what is equal at both ends, and searches the rest if it is small enough.
    fn trim(&mut self, old: Range<usize>, new: Range<usize>) {
        let (o, n) = (&self.old[old.clone()], &self.new[new.clone()]);
        let head = o.iter().zip(n).take_while(|(a, b)| a == b).count();
        let tail = o[head..].iter().rev().zip(n[head..].iter().rev()).take_while(|(a, b)| a == b).count();
        let (old_mid, new_mid) = (old.start + head..old.end - tail, new.start + head..new.end - tail);
        self.push(true, old.start..old_mid.start, new.start..new_mid.start);
        if old_mid.len() + new_mid.len() <= FIELD_SEARCH_ITEMS_MAX {
            self.search(old_mid.clone(), new_mid.clone());
        } else {
            self.push(false, old_mid.clone(), new_mid.clone());
        }
        self.push(true, old_mid.end..old.end, new_mid.end..new.end);
    }

    fn search(&mut self, old: Range<usize>, new: Range<usize>) {
        let shift = |range: Range<usize>, by: usize| range.start + by..range.end + by;
        for op in capture_diff_slices(Algorithm::Myers, &self.old[old.clone()], &self.new[new.clone()]) {
            self.push(matches!(op, DiffOp::Equal { .. }), shift(op.old_range(), old.start), shift(op.new_range(), new.start));
        }
    }

    fn push(&mut self, equal: bool, old: Range<usize>, new: Range<usize>) {
        match self.cut.last_mut() {
            _ if old.is_empty() && new.is_empty() => {}
            Some(last) if last.equal == equal => (last.old.end, last.new.end) = (old.end, new.end),
            _ => self.cut.push(Stretch { equal, old, new }),
        }
    }
}

/// Places of items that occur once in both sequences, as many as stand in the same order in both.
fn anchors(old: &[u32], new: &[u32]) -> Vec<(usize, usize)> {
    let once = |items: &[u32]| -> HashMap<u32, Option<usize>> {
        let mut places = HashMap::with_capacity(items.len());
        for (i, &item) in items.iter().enumerate() {
            places.entry(item).and_modify(|place| *place = None).or_insert(Some(i));
        }
        places
    };
    let (olds, news) = (once(old), once(new));
    let place = |i: usize, item: &u32| Some(((*olds.get(item)?)?, (*news.get(item)?)?)).filter(|(at, _)| *at == i);
    let both: Vec<(usize, usize)> = old.iter().enumerate().filter_map(|(i, item)| place(i, item)).collect();
    rising(&both)
}

/// The longest part of the pairs, which rise in the first place, that rises in the second too (patience sorting).
fn rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // The pair that ends the best run of each length, and for every pair the one before it in its run.
    let (mut ends, mut before): (Vec<usize>, Vec<Option<usize>>) = (Vec::new(), Vec::with_capacity(pairs.len()));
    for (i, &(_, to)) in pairs.iter().enumerate() {
        let len = ends.partition_point(|&end| pairs[end].1 < to);
        before.push(len.checked_sub(1).map(|len| ends[len]));
        match ends.get_mut(len) {
            Some(end) => *end = i,
            None => ends.push(i),
        }
    }
    let mut run: Vec<_> = std::iter::successors(ends.last().copied(), |&i| before[i]).map(|i| pairs[i]).collect();
    run.reverse();
    run
}

/// The elements of two arrays that belong together, in the order of the new one with what is gone at its old place.
///
/// With `identified`, equal numbers are the same element and all others are gone or new (also one that moved across another). Without, what
/// is left between two equal stretches is paired in order, as elements that changed.
pub(super) fn pairs(old: &[u32], new: &[u32], identified: bool) -> Vec<(Option<usize>, Option<usize>)> {
    let mut out = Vec::with_capacity(old.len().max(new.len()));
    for stretch in stretches(old, new) {
        let (mut olds, mut news) = (stretch.old, stretch.new);
        if stretch.equal || !identified {
            let both = olds.len().min(news.len());
            out.extend(olds.by_ref().take(both).map(Some).zip(news.by_ref().take(both).map(Some)));
        }
        out.extend(olds.map(|i| (Some(i), None)));
        out.extend(news.map(|i| (None, Some(i))));
    }
    out
}

/// All items of `primary` in order, and those that only `secondary` has after the item that they follow there.
pub(super) fn weave(primary: &[u32], secondary: &[u32]) -> Vec<u32> {
    let known: HashSet<u32> = primary.iter().copied().collect();
    let mut first = Vec::new();
    let mut after: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut anchor = None;
    for &item in secondary {
        match anchor {
            _ if known.contains(&item) => anchor = Some(item),
            None => first.push(item),
            Some(anchor) => after.entry(anchor).or_default().push(item),
        }
    }
    for &item in primary {
        first.push(item);
        first.extend(after.remove(&item).unwrap_or_default());
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_insertion_at_the_front_matches_the_rest() {
        assert_eq!(pairs(&[1, 2], &[9, 1, 2], false), [(None, Some(0)), (Some(0), Some(1)), (Some(1), Some(2))]);
        assert_eq!(pairs(&[1, 2, 3], &[1, 9, 3], false)[1], (Some(1), Some(1)));
        assert_eq!(pairs(&[1, 2, 3], &[1, 9, 3], true)[1..3], [(Some(1), None), (None, Some(1))]);
    }

    #[test]
    fn woven_items_keep_their_neighbours() {
        assert_eq!(weave(&[1, 2, 3], &[7, 1, 8, 3, 9]), [7, 1, 8, 2, 3, 9]);
        assert_eq!(weave(&[], &[1, 2]), [1, 2]);
    }

    fn check(old: &[u32], new: &[u32]) -> usize {
        let (mut i, mut j, mut equal) = (0, 0, None);
        let mut matched = 0;
        for s in stretches(old, new) {
            assert_eq!((s.old.start, s.new.start), (i, j), "no gaps");
            assert_ne!(equal, Some(s.equal), "in turn");
            assert!(s.old.len() + s.new.len() > 0);
            if s.equal {
                assert_eq!(&old[s.old.clone()], &new[s.new.clone()]);
                matched += s.old.len();
            }
            (i, j, equal) = (s.old.end, s.new.end, Some(s.equal));
        }
        assert_eq!((i, j), (old.len(), new.len()));
        matched
    }

    #[test]
    fn long_sequences_are_cut_at_items_that_occur_once() {
        let old: Vec<u32> = (0..100_000).map(|i| if i % 2 == 0 { i } else { 1 }).collect();
        let mut new = old.clone();
        new.remove(70_000);
        new.insert(10, 7);
        new[90_000] = 3;
        assert!(check(&old, &new) >= old.len() - 2);
        assert_eq!(check(&old, &old), old.len());
        let few = |by: u32| -> Vec<u32> { (0..100_000u32).map(|i| (i.wrapping_mul(by) >> 7) % 2).collect() };
        check(&few(2_654_435_761), &few(2_246_822_519));
    }

    proptest! {
        #[test]
        fn stretches_cover_both_sides(old in proptest::collection::vec(0u32..5, 0..60), new in proptest::collection::vec(0u32..5, 0..60)) {
            check(&old, &new);
        }

        #[test]
        fn anchors_rise_on_both_sides(old in proptest::collection::vec(0u32..40, 0..40), new in proptest::collection::vec(0u32..40, 0..40)) {
            let found = anchors(&old, &new);
            prop_assert!(found.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 < w[1].1));
            prop_assert!(found.iter().all(|&(i, j)| old[i] == new[j]));
        }
    }

    #[test]
    fn the_longest_rise() {
        assert_eq!(rising(&[(0, 5), (1, 1), (2, 2), (3, 0), (4, 3)]), [(1, 1), (2, 2), (4, 3)]);
        assert_eq!(rising(&[]), []);
    }
}
