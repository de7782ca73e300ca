//! The blocks of a deflate stream (RFC 1951) as zlib's `trees.c` builds them: the same Huffman codes for the same symbols, the same choice
//! between stored, fixed and dynamic blocks, the same description of the codes. Follows zlib 1.2.11 to 1.3, which agree here.

const LENGTHS: usize = 29;
const DISTANCES: usize = 30;
const END_OF_BLOCK: usize = 256;
/// Codes of literals and lengths; 286 and 287 exist only in the fixed code.
const LITERALS: usize = END_OF_BLOCK + 1 + LENGTHS;
const LITERALS_FIXED: usize = LITERALS + 2;
const CODE_BITS_MAX: usize = 15;
/// The order in which the lengths of the code-length code are sent.
const BIT_LENGTH_ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Extra bits of length code `code` (0 to 28).
fn length_extra(code: usize) -> u32 {
    if code == LENGTHS - 1 { 0 } else { (code as u32 / 4).saturating_sub(1) }
}

/// Extra bits of distance code `code` (0 to 29).
fn distance_extra(code: usize) -> u32 {
    (code as u32 / 2).saturating_sub(1)
}

/// Code, extra bits and their value for `value`, counted from the smallest one, where each further pair (`step` 1) or four (`step` 2) of
/// codes has one extra bit more.
fn split(value: usize, step: u32) -> (usize, u32, usize) {
    let small = 2usize << step;
    if value < small {
        return (value, 0, 0);
    }
    let top = usize::BITS - 1 - value.leading_zeros();
    let extra = top - step;
    let code = (((extra + 1) as usize) << step) + (value >> extra) - (1 << step);
    (code, extra, value & ((1 << extra) - 1))
}

fn length_code(length: usize) -> (usize, u32, usize) {
    if length == 258 { (LENGTHS - 1, 0, 0) } else { split(length - 3, 2) }
}

fn distance_code(distance: usize) -> (usize, u32, usize) {
    split(distance - 1, 1)
}

/// A literal (distance 0) or a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Symbol {
    /// 0 for a literal.
    pub distance: u16,
    /// The literal, or the length of the match.
    pub value: u16,
}

/// Bits, least significant first.
#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    bits: u64,
    count: u32,
}

impl BitWriter {
    fn put(&mut self, value: usize, count: u32) {
        self.bits |= (value as u64) << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.bits as u8);
            self.bits >>= 8;
            self.count -= 8;
        }
    }

    fn align(&mut self) {
        self.put(0, self.count.wrapping_neg() & 7);
    }
}

/// A Huffman code: bits and bit-reversed code word of every symbol.
struct Code {
    lens: Vec<u8>,
    words: Vec<u16>,
}

impl Code {
    /// The canonical code with these lengths.
    fn of_lens(lens: Vec<u8>) -> Self {
        let mut counts = [0u32; CODE_BITS_MAX + 1];
        lens.iter().filter(|&&len| len > 0).for_each(|&len| counts[usize::from(len)] += 1);
        let mut next = [0u32; CODE_BITS_MAX + 1];
        for bits in 1..=CODE_BITS_MAX {
            next[bits] = (next[bits - 1] + counts[bits - 1]) << 1;
        }
        let words = lens
            .iter()
            .map(|&len| {
                if len == 0 {
                    return 0;
                }
                let word = next[usize::from(len)];
                next[usize::from(len)] += 1;
                (word as u16).reverse_bits() >> (16 - u32::from(len))
            })
            .collect();
        Code { lens, words }
    }

    fn fixed_literals() -> Self {
        let lens = (0..LITERALS_FIXED).map(|n| {
            if n < 144 {
                8
            } else if n < 256 {
                9
            } else if n < 280 {
                7
            } else {
                8
            }
        });
        Code::of_lens(lens.collect())
    }

    fn fixed_distances() -> Self {
        Code::of_lens(vec![5; DISTANCES])
    }

    fn send(&self, out: &mut BitWriter, symbol: usize) {
        out.put(usize::from(self.words[symbol]), u32::from(self.lens[symbol]));
    }

    /// Bits that symbols with these frequencies take, `extra` bits included.
    fn cost(&self, freqs: &[u32], extra: impl Fn(usize) -> u32) -> u64 {
        freqs.iter().enumerate().map(|(n, &freq)| u64::from(freq) * u64::from(u32::from(self.lens[n]) + extra(n))).sum()
    }
}

/// A binary heap of tree nodes, ordered by frequency, then by depth, as zlib orders them: ties decide code lengths.
struct Heap {
    nodes: Vec<usize>,
    freqs: Vec<u32>,
    depths: Vec<u8>,
}

impl Heap {
    fn before(&self, a: usize, b: usize) -> bool {
        (self.freqs[a], self.depths[a]) <= (self.freqs[b], self.depths[b])
    }

    /// Lets the node at `at` (from 1) sink to its place.
    fn sink(&mut self, mut at: usize) {
        let node = self.nodes[at - 1];
        let mut child = at * 2;
        while child <= self.nodes.len() {
            if child < self.nodes.len() && self.before(self.nodes[child], self.nodes[child - 1]) {
                child += 1;
            }
            if self.before(node, self.nodes[child - 1]) {
                break;
            }
            self.nodes[at - 1] = self.nodes[child - 1];
            at = child;
            child *= 2;
        }
        self.nodes[at - 1] = node;
    }

    fn replace_first(&mut self, node: usize) {
        self.nodes[0] = node;
        self.sink(1);
    }
}

/// What `build_tree` makes of frequencies.
struct Tree {
    code: Code,
    /// The largest symbol that has a code.
    last: usize,
    /// The frequencies, those that the builder had to invent included at zero.
    freqs: Vec<u32>,
}

/// The length-limited Huffman code of `freqs` as zlib builds it.
fn build_tree(freqs: &[u32], bits_max: usize) -> Tree {
    let leaves = freqs.len();
    let mut heap = Heap { nodes: Vec::new(), freqs: freqs.to_vec(), depths: vec![0; leaves] };
    heap.nodes.extend((0..leaves).filter(|&n| freqs[n] > 0));
    let mut last = heap.nodes.last().copied();
    // A decoder wants at least two codes.
    while heap.nodes.len() < 2 {
        let node = match last {
            None => 0,
            Some(n) if n < 2 => n + 1,
            Some(_) => 0,
        };
        if last.is_none_or(|n| n < 2) {
            last = Some(node);
        }
        heap.nodes.push(node);
        heap.freqs[node] = 1;
    }
    let last = last.unwrap_or(0);
    for at in (1..=heap.nodes.len() / 2).rev() {
        heap.sink(at);
    }
    let mut parents = vec![0; leaves];
    let mut order = Vec::with_capacity(2 * leaves);
    while heap.nodes.len() >= 2 {
        let a = heap.nodes[0];
        let tail = heap.nodes.pop().unwrap_or(a);
        heap.replace_first(tail);
        let b = heap.nodes[0];
        order.extend([a, b]);
        let node = heap.freqs.len();
        heap.freqs.push(heap.freqs[a] + heap.freqs[b]);
        heap.depths.push(heap.depths[a].max(heap.depths[b]) + 1);
        parents.push(0);
        (parents[a], parents[b]) = (node, node);
        heap.replace_first(node);
    }
    order.push(heap.nodes[0]);
    let lens = code_lens(&order, &parents, leaves, last, bits_max);
    Tree { code: Code::of_lens(lens), last, freqs: freqs.to_vec() }
}

/// The lengths of the leaves' codes, at most `bits_max`; `order` holds all nodes, the root last.
fn code_lens(order: &[usize], parents: &[usize], leaves: usize, last: usize, bits_max: usize) -> Vec<u8> {
    let mut lens = vec![0usize; parents.len()];
    let mut counts = vec![0usize; bits_max + 2];
    let mut overflow = 0isize;
    for &node in order.iter().rev().skip(1) {
        let mut bits = lens[parents[node]] + 1;
        if bits > bits_max {
            bits = bits_max;
            overflow += 1;
        }
        lens[node] = bits;
        if node <= last {
            counts[bits] += 1;
        }
    }
    if overflow > 0 {
        while overflow > 0 {
            let mut bits = bits_max - 1;
            while counts[bits] == 0 {
                bits -= 1;
            }
            counts[bits] -= 1;
            counts[bits + 1] += 2;
            counts[bits_max] -= 1;
            overflow -= 2;
        }
        // The rarest leaves get the longest codes.
        let mut rarest = order.iter().filter(|&&node| node <= last);
        for bits in (1..=bits_max).rev() {
            for &node in rarest.by_ref().take(counts[bits]) {
                lens[node] = bits;
            }
        }
    }
    lens[..leaves].iter().map(|&len| len as u8).collect()
}

/// The lengths of a code as symbols of the code-length code: symbol, extra bits, their value.
fn run_lengths(tree: &Tree) -> Vec<(usize, u32, usize)> {
    let lens = &tree.code.lens[..=tree.last];
    let mut out = Vec::new();
    let (mut count, mut before) = (0, None);
    let limits = |len: u8, repeated: bool| {
        if len == 0 {
            (138, 3)
        } else if repeated {
            (6, 3)
        } else {
            (7, 4)
        }
    };
    let (mut most, mut least) = limits(lens[0], false);
    for (n, &len) in lens.iter().enumerate() {
        let next = lens.get(n + 1).copied();
        count += 1;
        if count < most && next == Some(len) {
            continue;
        }
        if count < least {
            out.extend((0..count).map(|_| (usize::from(len), 0, 0)));
        } else if len != 0 {
            if before != Some(len) {
                out.push((usize::from(len), 0, 0));
                count -= 1;
            }
            out.push((16, 2, count - 3));
        } else if count <= 10 {
            out.push((17, 3, count - 3));
        } else {
            out.push((18, 7, count - 11));
        }
        count = 0;
        before = Some(len);
        (most, least) = limits(next.unwrap_or(u8::MAX), next == Some(len));
    }
    out
}

/// Writes blocks.
#[derive(Default)]
pub(super) struct BlockWriter {
    out: BitWriter,
}

impl BlockWriter {
    /// Whole bytes written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out.bytes)
    }

    /// An empty stored block: what a flush leaves.
    pub fn marker(&mut self) {
        self.stored(&[], false);
    }

    /// Ends the stream after its last block.
    pub fn finish(&mut self) {
        self.out.align();
    }

    fn stored(&mut self, plain: &[u8], last: bool) {
        self.out.put(usize::from(last), 3);
        self.out.align();
        self.out.put(plain.len(), 16);
        self.out.put(!plain.len() & 0xffff, 16);
        plain.iter().for_each(|&byte| self.out.put(usize::from(byte), 8));
    }

    /// One block of `symbols`, which stand for `plain`.
    pub fn block(&mut self, symbols: &[Symbol], plain: &[u8], last: bool) {
        let (mut literal_freqs, mut distance_freqs) = (vec![0u32; LITERALS], vec![0u32; DISTANCES]);
        literal_freqs[END_OF_BLOCK] = 1;
        for symbol in symbols {
            if symbol.distance == 0 {
                literal_freqs[usize::from(symbol.value)] += 1;
            } else {
                literal_freqs[END_OF_BLOCK + 1 + length_code(usize::from(symbol.value)).0] += 1;
                distance_freqs[distance_code(usize::from(symbol.distance)).0] += 1;
            }
        }
        let literals = build_tree(&literal_freqs, CODE_BITS_MAX);
        let distances = build_tree(&distance_freqs, CODE_BITS_MAX);
        let runs = [run_lengths(&literals), run_lengths(&distances)].concat();
        let mut run_freqs = vec![0u32; BIT_LENGTH_ORDER.len()];
        runs.iter().for_each(|run| run_freqs[run.0] += 1);
        let described = build_tree(&run_freqs, 7);
        let ranks = BIT_LENGTH_ORDER.iter().rposition(|&n| described.code.lens[n] > 0).unwrap_or(0).max(3) + 1;

        let literal_extra = |n: usize| n.checked_sub(END_OF_BLOCK + 1).map_or(0, length_extra);
        let run_extra = |n: usize| [2, 3, 7][n.saturating_sub(16)] * u32::from(n >= 16);
        let dynamic_bits = literals.code.cost(&literals.freqs, literal_extra)
            + distances.code.cost(&distances.freqs, distance_extra)
            + described.code.cost(&described.freqs, run_extra)
            + 3 * ranks as u64
            + 14;
        let (fixed_literals, fixed_distances) = (Code::fixed_literals(), Code::fixed_distances());
        let fixed_bits = fixed_literals.cost(&literals.freqs, literal_extra) + fixed_distances.cost(&distances.freqs, distance_extra);
        let (dynamic_bytes, fixed_bytes) = ((dynamic_bits + 10) >> 3, (fixed_bits + 10) >> 3);
        let coded_bytes = dynamic_bytes.min(fixed_bytes);
        if plain.len() as u64 + 4 <= coded_bytes && plain.len() <= usize::from(u16::MAX) {
            self.stored(plain, last);
        } else if fixed_bytes == coded_bytes {
            self.out.put(2 + usize::from(last), 3);
            self.symbols(symbols, &fixed_literals, &fixed_distances);
        } else {
            self.out.put(4 + usize::from(last), 3);
            self.out.put(literals.last + 1 - 257, 5);
            self.out.put(distances.last, 5);
            self.out.put(ranks - 4, 4);
            BIT_LENGTH_ORDER[..ranks].iter().for_each(|&n| self.out.put(usize::from(described.code.lens[n]), 3));
            for (symbol, extra, value) in runs {
                described.code.send(&mut self.out, symbol);
                self.out.put(value, extra);
            }
            self.symbols(symbols, &literals.code, &distances.code);
        }
    }

    fn symbols(&mut self, symbols: &[Symbol], literals: &Code, distances: &Code) {
        for symbol in symbols {
            let value = usize::from(symbol.value);
            if symbol.distance == 0 {
                literals.send(&mut self.out, value);
            } else {
                let (code, extra, rest) = length_code(value);
                literals.send(&mut self.out, END_OF_BLOCK + 1 + code);
                self.out.put(rest, extra);
                let (code, extra, rest) = distance_code(usize::from(symbol.distance));
                distances.send(&mut self.out, code);
                self.out.put(rest, extra);
            }
        }
        literals.send(&mut self.out, END_OF_BLOCK);
    }
}

#[cfg(test)]
mod tests {
    use super::super::zlib::{Setting, replay};
    use super::*;

    /// Without a repeated run of three bytes there is nothing to match: then only the codes decide the bytes, and they must be zlib's.
    #[test]
    fn codes_are_those_of_zlib() {
        let mut state = 7u64;
        for (bytes, kinds) in [(0, 1), (1, 1), (2, 2), (30, 50), (300, 100), (3000, 250), (8000, 256), (16_000, 200)] {
            let mut plain = Vec::new();
            let mut seen = std::collections::HashSet::new();
            while plain.len() < bytes {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // To the sixth power, so that some bytes are far rarer than others and code lengths run into their limit.
                let r = (state >> 40) as f64 / f64::from(1 << 24);
                plain.push((r.powi(6) * f64::from(kinds)) as u8);
                if plain.len() >= 3 && !seen.insert([plain[plain.len() - 3], plain[plain.len() - 2], plain[plain.len() - 1]]) {
                    plain.pop();
                    plain.push((state >> 33) as u8);
                    if !seen.insert([plain[plain.len() - 3], plain[plain.len() - 2], plain[plain.len() - 1]]) {
                        plain.pop();
                    }
                }
            }
            let stream = replay(&plain, Setting::new(1, 15).expect("setting"), usize::MAX).expect("stream");
            let symbols: Vec<Symbol> = plain.iter().map(|&byte| Symbol { distance: 0, value: u16::from(byte) }).collect();
            let mut writer = BlockWriter::default();
            writer.block(&symbols, &plain, true);
            writer.finish();
            assert!(writer.take() == stream, "{bytes} bytes of {kinds} kinds");
        }
    }

    #[test]
    fn every_length_and_distance_has_its_code() {
        let mut next = 3;
        for (code, extra) in (0..LENGTHS).map(|code| (code, length_extra(code))) {
            let values: Vec<_> = (next..next + (1 << extra)).filter(|&length| length < 258 || code == 28).collect();
            for (rest, &length) in values.iter().enumerate() {
                assert_eq!(length_code(length), (code, extra, rest), "length {length}");
            }
            next += values.len();
        }
        assert_eq!(next, 259);
        let mut next = 1;
        for (code, extra) in (0..DISTANCES).map(|code| (code, distance_extra(code))) {
            for rest in 0..1 << extra {
                assert_eq!(distance_code(next), (code, extra, rest), "distance {next}");
                next += 1;
            }
        }
        assert_eq!(next, (1 << 15) + 1);
    }
}
