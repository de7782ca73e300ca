//! Method 3: what Microsoft Office writes. Its deflate encoder is a zlib with settings that the vendored one cannot be told through a safe
//! interface (memory level 7, other limits of the search) and with flushes between the parts of a sheet. This encoder follows zlib's
//! `deflate_fast` and `deflate_slow` symbol by symbol; like the vendored zlib it may never change, and the tests pin it.

use flate2::{Decompress, FlushDecompress};

use super::trees::{BlockWriter, Symbol};

const MATCH_MIN: usize = 3;
const MATCH_MAX: usize = 258;
const WINDOW: usize = 1 << 15;
/// The farthest that a match may reach back.
const DISTANCE_MAX: usize = WINDOW - (MATCH_MAX + MATCH_MIN + 1);
/// Lazy search does not look for a match longer than this one; greedy search remembers every position only inside matches up to this length.
const LAZY_MAX: usize = 4;
/// Lazy search drops a match of the shortest length that is farther away.
const TOO_FAR: usize = 4096;
/// Symbols of one block and bits of the hash at memory level 7.
const BLOCK_SYMBOLS: usize = (1 << 13) - 1;
const HASH_BITS: u32 = 14;
const HASH_SHIFT: u32 = HASH_BITS.div_ceil(3);
/// Segments of one stream. Office flushes a sheet two or three times.
const SEGMENTS_MAX: usize = 64;
/// What an empty stored block ends with.
const MARKER: [u8; 4] = [0, 0, 0xff, 0xff];

/// How matches are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rules {
    /// Look for a longer match one byte on before taking one.
    lazy: bool,
    /// Candidates looked at.
    chain_max: usize,
}

/// The rules a form can name, by number. Found by trying settings on real documents: together they write all 815 different
/// streams of the Excel and PowerPoint files at hand. No document of Word or of Excel for Windows was among them.
const RULES: [Rules; 2] = [
    // Excel 16 for Mac.
    Rules { lazy: false, chain_max: 16 },
    // PowerPoint 16, for Mac and others.
    Rules { lazy: true, chain_max: 4096 },
];

/// A part of a stream that was written without knowledge of the parts before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// Plain bytes.
    pub plain_len: usize,
    /// Empty stored blocks after it: flushes. None after the last segment, which ends the stream instead.
    pub markers: usize,
}

/// All that has to be known to write a stream again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Script {
    /// Number of the rules.
    pub rules: u8,
    /// The last one has no markers, all others have some.
    pub segments: Vec<Segment>,
}

impl Script {
    /// The script, if there are such rules and the segments make one stream of `plain_len` bytes.
    pub fn new(rules: u8, segments: Vec<Segment>, plain_len: usize) -> Option<Self> {
        let (last, others) = segments.split_last()?;
        let total = segments.iter().try_fold(0usize, |sum, segment| sum.checked_add(segment.plain_len))?;
        let good = usize::from(rules) < RULES.len()
            && segments.len() <= SEGMENTS_MAX
            && last.markers == 0
            && others.iter().all(|segment| (1..=SEGMENTS_MAX).contains(&segment.markers))
            && total == plain_len;
        good.then_some(Script { rules, segments })
    }
}

/// The script that makes exactly `stream` of `plain`.
pub(super) fn find_script(plain: &[u8], stream: &[u8]) -> Option<Script> {
    let segments = segments_of(stream, plain.len())?;
    (0..RULES.len() as u8).filter_map(|rules| Script::new(rules, segments.clone(), plain.len())).find(|script| {
        let mut at = 0;
        let whole = write(plain, script, |piece| {
            let same = stream.get(at..at + piece.len()) == Some(piece);
            at += piece.len();
            same
        });
        whole && at == stream.len()
    })
}

/// Writes the stream of `script` again; None when it would be longer than `bytes_max`.
pub(super) fn replay(plain: &[u8], script: &Script, bytes_max: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let whole = write(plain, script, |piece| {
        let fits = out.len() + piece.len() <= bytes_max;
        if fits {
            out.extend_from_slice(piece);
        }
        fits
    });
    whole.then_some(out)
}

/// Finds the flushes of a stream by the bytes that they leave. Where the bytes stand by chance, the script will not fit, and that is all.
fn segments_of(stream: &[u8], plain_len: usize) -> Option<Vec<Segment>> {
    let mut decoder = Decompress::new(false);
    let mut segments: Vec<Segment> = Vec::new();
    let mut done = 0;
    let mut sink = [0; 16 * 1024];
    let ends = stream.windows(MARKER.len()).enumerate().filter(|(_, bytes)| *bytes == MARKER).map(|(at, _)| at + MARKER.len());
    for end in ends {
        loop {
            let before = (decoder.total_in(), decoder.total_out());
            decoder.decompress(stream.get(before.0 as usize..end)?, &mut sink, FlushDecompress::None).ok()?;
            if (decoder.total_in(), decoder.total_out()) == before || (decoder.total_in() as usize == end && decoder.total_out() == before.1) {
                break;
            }
        }
        let here = decoder.total_out() as usize;
        match segments.last_mut() {
            Some(segment) if here == done => segment.markers += 1,
            _ => segments.push(Segment { plain_len: here - done, markers: 1 }),
        }
        done = here;
        if segments.len() > SEGMENTS_MAX {
            return None;
        }
    }
    segments.push(Segment { plain_len: plain_len.checked_sub(done)?, markers: 0 });
    Some(segments)
}

/// Writes the stream, handing each piece to `take` until that says no. True when all was taken.
fn write(plain: &[u8], script: &Script, mut take: impl FnMut(&[u8]) -> bool) -> bool {
    let Some(&rules) = RULES.get(usize::from(script.rules)) else { return false };
    let mut search = Search {
        plain: &[],
        start: 0,
        rules,
        head: vec![0; 1 << HASH_BITS],
        chain: vec![0; WINDOW],
        symbols: Vec::new(),
        block_start: 0,
        stopped: false,
    };
    let mut out = BlockWriter::default();
    let mut done = 0;
    for segment in &script.segments {
        let last = segment.markers == 0;
        let end = plain.len().min(done + segment.plain_len);
        (search.plain, search.start, search.block_start) = (&plain[..end], done, done);
        done = end;
        let full = |symbols: &[Symbol], bytes: &[u8]| {
            out.block(symbols, bytes, false);
            take(&out.take())
        };
        if rules.lazy {
            search.lazily(full)
        } else {
            search.greedily(full)
        }
        if search.stopped {
            return false;
        }
        if last || !search.symbols.is_empty() {
            out.block(&search.symbols, &search.plain[search.block_start..], last);
            search.symbols.clear();
        }
        (0..segment.markers).for_each(|_| out.marker());
        if last {
            out.finish();
        }
        if !take(&out.take()) {
            return false;
        }
    }
    true
}

/// The search through one segment after the other. The first position of a segment is never matched; what stands before it is history of
/// another segment and ends a chain, so the tables need no clearing between segments.
struct Search<'a> {
    /// The plain bytes up to the end of the segment.
    plain: &'a [u8],
    /// Where the segment starts.
    start: usize,
    rules: Rules,
    /// The latest position with a hash.
    head: Vec<u32>,
    /// The position with the same hash before a position.
    chain: Vec<u32>,
    symbols: Vec<Symbol>,
    /// Where the block begins whose symbols are being gathered.
    block_start: usize,
    stopped: bool,
}

impl Search<'_> {
    /// Remembers the position and returns the one before it with the same hash, `start` or less for none.
    fn insert(&mut self, at: usize) -> usize {
        let Some([a, b, c]) = self.plain.get(at..at + MATCH_MIN).and_then(|bytes| <[u8; 3]>::try_from(bytes).ok()) else { return 0 };
        let hash = (u32::from(a) << (2 * HASH_SHIFT) ^ u32::from(b) << HASH_SHIFT ^ u32::from(c)) & ((1 << HASH_BITS) - 1);
        let before = std::mem::replace(&mut self.head[hash as usize], at as u32);
        self.chain[at % WINDOW] = before;
        before as usize
    }

    /// The longest match at `at` among the candidates from `candidate` on that is longer than `length`: its length and where it starts.
    fn longest(&self, at: usize, candidate: usize, length: usize) -> Option<(usize, usize)> {
        if candidate <= self.start || at - candidate > DISTANCE_MAX {
            return None;
        }
        let ahead = &self.plain[at..self.plain.len().min(at + MATCH_MAX)];
        let mut tries = self.rules.chain_max;
        let limit = at.saturating_sub(DISTANCE_MAX).max(self.start);
        let (mut best, mut start, mut candidate) = (length, None, candidate);
        loop {
            // The byte that a longer match needs is the likeliest to differ.
            if ahead.get(best) == self.plain.get(candidate + best) {
                let same = ahead.iter().zip(&self.plain[candidate..]).take_while(|(a, b)| a == b).count();
                if same > best {
                    (best, start) = (same, Some(candidate));
                    if same == ahead.len() {
                        break;
                    }
                }
            }
            candidate = self.chain[candidate % WINDOW] as usize;
            tries -= 1;
            if candidate <= limit || tries == 0 {
                break;
            }
        }
        start.map(|start| (best, start))
    }

    /// Adds a symbol. `end` is where the block ends if this symbol fills it.
    fn push(&mut self, symbol: Symbol, end: usize, full: &mut impl FnMut(&[Symbol], &[u8]) -> bool) {
        self.symbols.push(symbol);
        if self.symbols.len() == BLOCK_SYMBOLS {
            self.stopped |= !full(&self.symbols, &self.plain[self.block_start..end]);
            self.symbols.clear();
            self.block_start = end;
        }
    }

    fn literal(&mut self, at: usize, end: usize, full: &mut impl FnMut(&[Symbol], &[u8]) -> bool) {
        self.push(Symbol { distance: 0, value: u16::from(self.plain[at]) }, end, full);
    }

    fn reference(&mut self, at: usize, start: usize, length: usize, end: usize, full: &mut impl FnMut(&[Symbol], &[u8]) -> bool) {
        self.push(Symbol { distance: (at - start) as u16, value: length as u16 }, end, full);
    }

    /// zlib's `deflate_fast`: takes the first match it finds.
    fn greedily(&mut self, mut full: impl FnMut(&[Symbol], &[u8]) -> bool) {
        let len = self.plain.len();
        let mut at = self.start;
        while at < len && !self.stopped {
            let candidate = self.insert(at);
            let Some((length, start)) = self.longest(at, candidate, MATCH_MIN - 1) else {
                self.literal(at, at + 1, &mut full);
                at += 1;
                continue;
            };
            let end = at + length;
            if length <= LAZY_MAX && len - end >= MATCH_MIN {
                (at + 1..end).for_each(|inside| {
                    self.insert(inside);
                });
            }
            self.reference(at, start, length, end, &mut full);
            at = end;
        }
    }

    /// zlib's `deflate_slow`: takes a match only if the next byte does not start a longer one.
    fn lazily(&mut self, mut full: impl FnMut(&[Symbol], &[u8]) -> bool) {
        let len = self.plain.len();
        let mut at = self.start;
        // The match that starts one byte before, and whether that byte is still to be written.
        let (mut before, mut pending) = ((MATCH_MIN - 1, 0), false);
        while at < len && !self.stopped {
            let candidate = self.insert(at);
            let mut found = (MATCH_MIN - 1, 0);
            if before.0 < LAZY_MAX
                && let Some(longer) = self.longest(at, candidate, before.0)
                && !(longer.0 == MATCH_MIN && at - longer.1 > TOO_FAR)
            {
                found = longer;
            }
            if before.0 >= MATCH_MIN && found.0 <= before.0 {
                let end = at - 1 + before.0;
                (at + 1..end).for_each(|inside| {
                    self.insert(inside);
                });
                self.reference(at - 1, before.1, before.0, end, &mut full);
                at = end;
                (before, pending) = ((MATCH_MIN - 1, 0), false);
            } else {
                if pending {
                    self.literal(at - 1, at, &mut full);
                }
                (before, pending) = (found, true);
                at += 1;
            }
        }
        if pending && !self.stopped {
            self.literal(len - 1, len, &mut full);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::zlib::{Inflated, inflate};
    use super::*;
    use crate::base::digest::Digest;

    fn sheet(rows: u32) -> Vec<u8> {
        let cell = |row: u32| row.wrapping_mul(2_654_435_761) >> 19;
        let rows = (0..rows).map(|r| format!("<row r=\"{r}\" spans=\"1:2\"><c r=\"A{r}\" t=\"s\"><v>{}</v></c><c r=\"B{r}\"/></row>", cell(r)));
        rows.collect::<String>().into_bytes()
    }

    /// As Excel does it: the head of a sheet, its rows and its end, flushed twice each, then the end of the stream.
    fn flushes(plain: &[u8]) -> Vec<Segment> {
        let front = plain.len() / 10;
        let segment = |plain_len, markers| Segment { plain_len, markers };
        vec![segment(front, 2), segment(plain.len() - 2 * front, 2), segment(front, 1), segment(0, 0)]
    }

    /// Another encoder would not read what this one shipped: a change needs new rules with a new number, not new digests here.
    #[test]
    fn the_encoder_writes_what_it_always_wrote() {
        let plain = sheet(4000);
        let digests = [0, 1].map(|rules| {
            let script = Script::new(rules, flushes(&plain), plain.len()).expect("script");
            let stream = replay(&plain, &script, usize::MAX).expect("stream");
            assert_eq!(inflate(&stream, plain.len()), Inflated::Whole(plain.clone(), stream.len()));
            assert_eq!(find_script(&plain, &stream), Some(script.clone()));
            assert_eq!(replay(&plain, &script, stream.len() - 1), None);
            let mut other = stream.clone();
            let middle = other.len() / 2;
            other[middle] ^= 1;
            assert_eq!(find_script(&plain, &other), None);
            Digest::of(&stream).short(16)
        });
        assert_eq!(digests, ["c408ce8500b7aecd", "671a88d54aa6c7df"]);
    }

    #[test]
    fn scripts_are_checked() {
        let segment = |plain_len, markers| Segment { plain_len, markers };
        assert!(Script::new(0, vec![segment(3, 1), segment(0, 0)], 3).is_some());
        assert_eq!(Script::new(2, vec![segment(3, 0)], 3), None, "no such rules");
        assert_eq!(Script::new(0, vec![segment(2, 0)], 3), None, "too short");
        assert_eq!(Script::new(0, vec![segment(1, 0), segment(2, 0)], 3), None, "the stream ends once");
        assert_eq!(Script::new(0, vec![segment(3, 1)], 3), None, "the stream ends");
        assert_eq!(Script::new(0, vec![segment(usize::MAX, 1), segment(4, 0)], 3), None, "lengths that overflow");
        assert_eq!(Script::new(0, Vec::new(), 0), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Few different bytes make long matches and lopsided codes, many make stored blocks, long ones several blocks.
        #[test]
        fn any_plain_bytes_come_back(
            seed in proptest::collection::vec(any::<u8>(), 0..400),
            kinds in 1u8..=255,
            times in 1usize..80,
            rules in 0u8..2,
        ) {
            let mut plain = Vec::new();
            for round in 0..times {
                plain.extend(seed.iter().map(|b| b.wrapping_mul(round as u8 | 1) % kinds));
            }
            let script = Script::new(rules, flushes(&plain), plain.len()).expect("script");
            let stream = replay(&plain, &script, usize::MAX).expect("stream");
            prop_assert_eq!(inflate(&stream, plain.len()), Inflated::Whole(plain, stream.len()));
        }
    }
}
