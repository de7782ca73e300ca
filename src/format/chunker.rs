//! Where a content is cut into chunks: content-defined (FastCDC 2020, Xia et al., "The Design of Fast Content-Defined Chunking for Data
//! Deduplication Based Storage Systems", IEEE TPDS 2020) or at fixed page borders for databases.
//!
//! Cut points decide only what is deduplicated, never what is read back: a list names its chunks by digest and length.

use std::io::Read;

use crate::base::limits;

/// How one content is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Content-defined, sizes of [`limits::CHUNK_SMALL`].
    Small,
    /// Content-defined, sizes of [`limits::CHUNK_LARGE`].
    Large,
    /// Fixed pieces of [`PAGE_CUT_BYTES`], for SQLite databases.
    Pages,
}

/// Bytes of a fixed piece: two pages of the usual SQLite page size. Smaller finds more, larger keeps the index small.
pub const PAGE_CUT_BYTES: usize = 8192;

impl Cut {
    /// The cut for a content whose first bytes are `head` and whose size is `size` where known.
    pub fn choose(head: &[u8], size: Option<u64>) -> Cut {
        if head.starts_with(b"SQLite format 3\0") {
            Cut::Pages
        } else if size.is_some_and(|s| s >= limits::LARGE_CONTENT_BYTES) {
            Cut::Large
        } else {
            Cut::Small
        }
    }

    /// The longest chunk of this cut, in bytes.
    pub fn chunk_bytes_max(self) -> usize {
        match self {
            Cut::Small => limits::CHUNK_SMALL.2 as usize,
            Cut::Large => limits::CHUNK_LARGE.2 as usize,
            Cut::Pages => PAGE_CUT_BYTES,
        }
    }

    /// Length of the first chunk of `bytes`, which must hold at least [`Cut::chunk_bytes_max`] bytes or be the rest of the content.
    fn first(self, bytes: &[u8]) -> usize {
        let (min, avg, max) = match self {
            Cut::Small => limits::CHUNK_SMALL,
            Cut::Large => limits::CHUNK_LARGE,
            Cut::Pages => return bytes.len().min(PAGE_CUT_BYTES),
        };
        let (min, avg, max) = (min as usize, avg as usize, max as usize);
        if bytes.len() <= min {
            return bytes.len();
        }
        fastcdc::v2020::FastCDC::new(&bytes[..bytes.len().min(max)], min, avg, max).next().map_or(bytes.len(), |c| c.length)
    }
}

/// Bytes read ahead of the chunker: enough for several of the largest chunks.
const WINDOW_BYTES: usize = 1 << 20;

/// Reads a content to its end and hands out its chunks in order.
pub struct Chunker<R> {
    reader: R,
    cut: Cut,
    buffer: Vec<u8>,
    start: usize,
    ended: bool,
}

impl<R: Read> Chunker<R> {
    /// Cuts what `reader` gives; `head` are bytes already read from it.
    pub fn new(reader: R, head: Vec<u8>, cut: Cut) -> Self {
        Chunker { reader, cut, buffer: head, start: 0, ended: false }
    }

    fn fill(&mut self) -> std::io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let have = self.buffer.len();
        if have < WINDOW_BYTES {
            let want = (WINDOW_BYTES - have) as u64;
            let got = (&mut self.reader).take(want).read_to_end(&mut self.buffer)?;
            self.ended = (got as u64) < want;
        }
        Ok(())
    }

    /// The next chunk and whether it is the last one, `None` at the end.
    pub fn next_chunk(&mut self) -> std::io::Result<Option<(&[u8], bool)>> {
        if !self.ended && self.buffer.len() - self.start < self.cut.chunk_bytes_max() {
            self.fill()?;
        }
        let rest = &self.buffer[self.start..];
        if rest.is_empty() {
            return Ok(None);
        }
        let len = self.cut.first(rest);
        let last = self.ended && len == rest.len();
        let from = self.start;
        self.start += len;
        Ok(Some((&self.buffer[from..from + len], last)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::Hasher;
    use crate::base::random::{Random, SeededRandom};

    fn cut(bytes: &[u8], cut: Cut, head: usize) -> Vec<usize> {
        let mut chunker = Chunker::new(&bytes[head..], bytes[..head].to_vec(), cut);
        let mut all = Hasher::new();
        let mut lens = Vec::new();
        let mut ended = false;
        while let Some((chunk, last)) = chunker.next_chunk().expect("memory") {
            assert!(!ended, "nothing follows the last chunk");
            ended = last;
            all.update(chunk);
            lens.push(chunk.len());
        }
        assert_eq!(all.finish(), crate::base::digest::Digest::of(bytes), "chunks in order are the content");
        lens
    }

    #[test]
    fn cut_points_are_frozen_and_do_not_depend_on_reads() {
        let mut bytes = vec![0; 3 << 20];
        SeededRandom::new(9).fill(&mut bytes);
        let lens = cut(&bytes, Cut::Small, 0);
        assert_eq!(lens, cut(&bytes, Cut::Small, 777));
        assert_eq!(&lens[..6], &[9900, 11951, 4278, 11349, 4721, 9493], "a new fastcdc moved the cut points: dedup against old stores would break");
        assert!(lens.iter().all(|&l| l <= limits::CHUNK_SMALL.2 as usize));
        assert!(cut(&bytes, Cut::Pages, 16).iter().rev().skip(1).all(|&l| l == PAGE_CUT_BYTES));
        assert_eq!(cut(b"", Cut::Large, 0), Vec::<usize>::new());
    }

    #[test]
    fn an_insertion_moves_few_cut_points() {
        let mut bytes = vec![0; 1 << 20];
        SeededRandom::new(3).fill(&mut bytes);
        let before = cut(&bytes, Cut::Small, 0);
        bytes.splice(1000..1000, *b"inserted");
        let after = cut(&bytes, Cut::Small, 0);
        let same_tail = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
        assert!(same_tail >= before.len() - 3, "{same_tail} of {}", before.len());
    }
}
