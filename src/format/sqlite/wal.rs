//! The write-ahead log (file format section 4): which pages each commit wrote, without a lock.
//!
//! A frame counts if its salts are those of the header and the checksum over everything up to it is right; frames behind the last commit are of a
//! transaction that goes on or was rolled back. When a writer starts the log again from its beginning, with new salts, the end of the old cycle stays
//! readable until it is overwritten, so a reader that comes late can still finish it.

use super::header::PAGE_BYTES;
use crate::base::error::{Error, Kind, Result};

/// Bytes: the header of the log.
pub(crate) const WAL_HEADER_BYTES: u64 = 32;
/// Bytes: the header of a frame, before its page.
pub(crate) const FRAME_HEADER_BYTES: u64 = 24;
/// The first four bytes; the last bit says in which byte order checksums are computed.
const MAGIC: u32 = 0x377f_0682;
/// The only version there is.
const VERSION: u32 = 3_007_000;

/// Where the bytes of a log come from.
pub trait Source {
    /// Fills `buffer` from `offset` on, as far as the file goes; gives the number of bytes. Fewer than asked means the end of the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize>;
}

impl Source for [u8] {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
}

/// What the header of a log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalHeader {
    /// Bytes of a page.
    pub page_size: u32,
    /// How often the log was started again.
    pub checkpoint_seq: u32,
    /// Random numbers of this cycle.
    pub salts: [u32; 2],
    /// Checksum of the header, with which that of the frames begins.
    pub checksum: [u32; 2],
    /// Whether checksums are computed over words with the high byte first.
    pub big_endian: bool,
}

/// A place behind a commit, from which reading can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalPosition {
    /// Bytes of a page.
    pub page_size: u32,
    /// The cycle that it is in.
    pub checkpoint_seq: u32,
    /// Salts of the cycle.
    pub salts: [u32; 2],
    /// Bytes: where the next frame begins.
    pub offset: u64,
    /// Checksum of everything before it.
    pub checksum: [u32; 2],
    /// Whether checksums are computed over words with the high byte first.
    pub big_endian: bool,
}

impl WalPosition {
    fn frame_bytes(&self) -> u64 {
        FRAME_HEADER_BYTES + u64::from(self.page_size)
    }

    /// Whether the frame before this place is the one that was read. It carries the checksum of all before it, so where it does not, the log was
    /// cut before this place, or written anew up to it: SQLite does that after a power cut that took the end of the log.
    pub fn is_behind_its_frame(&self, source: &(impl Source + ?Sized)) -> Result<bool> {
        let Some(at) = self.offset.checked_sub(self.frame_bytes()).filter(|at| *at >= WAL_HEADER_BYTES) else {
            return Ok(self.offset == WAL_HEADER_BYTES);
        };
        let mut front = [0; FRAME_HEADER_BYTES as usize];
        let whole = source.read_at(at, &mut front)? == front.len();
        let (salts, checksum) = ([u32_at(&front, 8), u32_at(&front, 12)], [u32_at(&front, 16), u32_at(&front, 20)]);
        Ok(whole && salts == self.salts && checksum == self.checksum)
    }

    /// Whether the log goes from its beginning to this place, frame by frame. Reads all of it until there.
    pub fn is_reached(&self, source: &(impl Source + ?Sized)) -> Result<bool> {
        let Some(start) = WalHeader::read(source)?.map(|header| header.start()) else { return Ok(false) };
        let mut commits = Commits::from(source, WalPosition { offset: start.offset, checksum: start.checksum, ..*self });
        while commits.position().offset < self.offset {
            if commits.next()?.is_none() {
                return Ok(false);
            }
        }
        Ok(commits.position() == *self)
    }
}

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Each page that it wrote, by number, with the byte in the log where the page begins. In the order of the numbers, each once.
    pub pages: Vec<(u32, u64)>,
    /// Pages of the database from then on.
    pub page_count: u32,
    /// Behind it.
    pub end: WalPosition,
}

/// Why there is no further commit now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Everything was read; more may be appended.
    Current,
    /// Everything was read, and what follows is a frame of this cycle with a wrong checksum: it is being written now, or was when the power went.
    Torn,
    /// Everything of this cycle was read, and the log was started again: go on from here.
    Reset(WalPosition),
    /// The log is another one: started again more than once, over frames that were not read, or removed. Commits may be missing; compare the pages.
    Overtaken,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Goes on with a checksum over `bytes`, whose length is a multiple of eight.
fn checksum(big_endian: bool, seed: [u32; 2], bytes: &[u8]) -> [u32; 2] {
    let [mut s0, mut s1] = seed;
    let word = if big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
    let (pairs, _) = bytes.as_chunks::<8>();
    for &[a, b, c, d, e, f, g, h] in pairs {
        s0 = s0.wrapping_add(word([a, b, c, d])).wrapping_add(s1);
        s1 = s1.wrapping_add(word([e, f, g, h])).wrapping_add(s0);
    }
    [s0, s1]
}

impl WalHeader {
    /// Reads the header; `None` for a log that is empty, or whose header is not written yet. Fails for what is no log.
    pub fn read(source: &(impl Source + ?Sized)) -> Result<Option<WalHeader>> {
        let mut bytes = [0; WAL_HEADER_BYTES as usize];
        if source.read_at(0, &mut bytes)? < bytes.len() || bytes.iter().all(|b| *b == 0) {
            return Ok(None);
        }
        let magic = u32_at(&bytes, 0);
        if magic & !1 != MAGIC {
            return Err(Error::damaged("the header of a SQLite write-ahead log"));
        }
        if u32_at(&bytes, 4) != VERSION {
            return Err(Error::new(Kind::Newer, "sqlite.newer", format!("a SQLite write-ahead log of version {}", u32_at(&bytes, 4)))
                .hint("export the database with the program that wrote it, and capture the copy"));
        }
        let (page_size, big_endian) = (u32_at(&bytes, 8), magic & 1 == 1);
        let sums = checksum(big_endian, [0, 0], &bytes[..24]);
        if sums != [u32_at(&bytes, 24), u32_at(&bytes, 28)] {
            // SQLite ignores such a log as well: its header was being written.
            return Ok(None);
        }
        if !page_size.is_power_of_two() || !(PAGE_BYTES.0..=PAGE_BYTES.1).contains(&page_size) {
            return Err(Error::damaged("the header of a SQLite write-ahead log (page size)"));
        }
        let (checkpoint_seq, salts) = (u32_at(&bytes, 12), [u32_at(&bytes, 16), u32_at(&bytes, 20)]);
        Ok(Some(WalHeader { page_size, checkpoint_seq, salts, checksum: sums, big_endian }))
    }

    /// The place before the first frame.
    pub fn start(&self) -> WalPosition {
        WalPosition {
            page_size: self.page_size,
            checkpoint_seq: self.checkpoint_seq,
            salts: self.salts,
            offset: WAL_HEADER_BYTES,
            checksum: self.checksum,
            big_endian: self.big_endian,
        }
    }
}

/// What is at the place of a frame.
enum Frame {
    /// A frame of this cycle.
    Good { page: u32, page_count: u32, checksum: [u32; 2] },
    /// The end of the file, or a frame of another cycle.
    Other,
    /// A frame of this cycle whose checksum is wrong.
    Torn,
    /// The file ends within it.
    Cut,
}

/// Reads commits from a position on, as long as there are any.
pub struct Commits<'s, S: Source + ?Sized> {
    source: &'s S,
    position: WalPosition,
    /// What stood behind the last frame of this cycle.
    stopped: Frame,
}

impl<'s, S: Source + ?Sized> Commits<'s, S> {
    /// Reads from `position` on. It need not be known whether the log still has that cycle; [`Commits::end`] tells.
    pub fn from(source: &'s S, position: WalPosition) -> Self {
        Commits { source, position, stopped: Frame::Other }
    }

    /// Behind the last commit that was given.
    pub fn position(&self) -> WalPosition {
        self.position
    }

    /// The next commit; `None` where no whole one follows now.
    #[expect(clippy::should_implement_trait, reason = "it can be asked again when more was appended, and it can fail")]
    pub fn next(&mut self) -> Result<Option<Commit>> {
        let mut pages = Vec::new();
        let mut at = self.position;
        let mut buffer = vec![0; (FRAME_HEADER_BYTES + u64::from(at.page_size)) as usize];
        loop {
            match self.frame(&at, &mut buffer)? {
                Frame::Good { page, page_count, checksum } => {
                    pages.push((page, at.offset + FRAME_HEADER_BYTES));
                    at.offset += buffer.len() as u64;
                    at.checksum = checksum;
                    if page_count > 0 {
                        self.position = at;
                        return Ok(Some(Commit { pages: last_of_each(pages, page_count), page_count, end: at }));
                    }
                }
                stopped => {
                    self.stopped = stopped;
                    return Ok(None);
                }
            }
        }
    }

    fn frame(&self, at: &WalPosition, buffer: &mut [u8]) -> Result<Frame> {
        let n = self.source.read_at(at.offset, buffer)?;
        if n == 0 {
            return Ok(Frame::Other);
        }
        if n < buffer.len() {
            return Ok(Frame::Cut);
        }
        if [u32_at(buffer, 8), u32_at(buffer, 12)] != at.salts {
            return Ok(Frame::Other);
        }
        let sums = checksum(at.big_endian, at.checksum, &buffer[..8]);
        let sums = checksum(at.big_endian, sums, &buffer[FRAME_HEADER_BYTES as usize..]);
        let page = u32_at(buffer, 0);
        if sums != [u32_at(buffer, 16), u32_at(buffer, 20)] || page == 0 {
            return Ok(Frame::Torn);
        }
        Ok(Frame::Good { page, page_count: u32_at(buffer, 4), checksum: sums })
    }

    /// Says why [`Commits::next`] gave `None`. Looks at the header now, so it also sees a log that was started again while it was read.
    pub fn end(&self) -> Result<End> {
        let mine = &self.position;
        let Some(header) = WalHeader::read(self.source)? else { return Ok(End::Overtaken) };
        let same = header.salts == mine.salts && header.page_size == mine.page_size && header.big_endian == mine.big_endian;
        if same && header.checkpoint_seq == mine.checkpoint_seq {
            return Ok(if matches!(self.stopped, Frame::Torn | Frame::Cut) { End::Torn } else { End::Current });
        }
        // The writer adds one to the first salt when it starts again, so another log's header is not taken for the next cycle.
        let follows = header.checkpoint_seq == mine.checkpoint_seq.wrapping_add(1) && header.salts[0] == mine.salts[0].wrapping_add(1);
        if !follows || header.page_size != mine.page_size || matches!(self.stopped, Frame::Cut) {
            // A log is never cut within a frame but by a limit on its size (journal_size_limit): frames that were not read may be gone.
            return Ok(End::Overtaken);
        }
        // A writer writes the header of a frame before its page: a page that was overwritten while it was read shows the new salts now.
        let frame_bytes = FRAME_HEADER_BYTES + u64::from(mine.page_size);
        let overtaken = match self.salts_at(mine.offset)? {
            Some(salts) => salts == header.salts,
            // The file ends here. Either nothing was ever written behind, or the log was cut, which only the frame before can tell.
            None if mine.offset == WAL_HEADER_BYTES => true,
            None => self.salts_at(mine.offset - frame_bytes)?.is_none_or(|salts| salts == header.salts),
        };
        // Commits that cannot be read are commits that may be missing.
        Ok(if overtaken || self.is_damaged()? { End::Overtaken } else { End::Reset(header.start()) })
    }

    /// Whether the log is damaged where reading stopped: behind a frame whose checksum is wrong there is a commit of the same cycle. What a
    /// transaction that was rolled back leaves behind has none.
    pub fn is_damaged(&self) -> Result<bool> {
        if !matches!(self.stopped, Frame::Torn) {
            return Ok(false);
        }
        let mut at = self.position.offset;
        let mut front = [0; FRAME_HEADER_BYTES as usize];
        while self.source.read_at(at, &mut front)? == front.len() && [u32_at(&front, 8), u32_at(&front, 12)] == self.position.salts {
            if u32_at(&front, 4) > 0 {
                return Ok(true);
            }
            at += FRAME_HEADER_BYTES + u64::from(self.position.page_size);
        }
        Ok(false)
    }

    /// The salts of the frame at `offset`; `None` where the file ends before.
    fn salts_at(&self, offset: u64) -> Result<Option<[u32; 2]>> {
        let mut front = [0; FRAME_HEADER_BYTES as usize];
        let n = self.source.read_at(offset, &mut front)?;
        Ok((n == front.len()).then(|| [u32_at(&front, 8), u32_at(&front, 12)]))
    }
}

/// Keeps the last frame of each page, in the order of the numbers, without pages that the commit cut off.
fn last_of_each(mut pages: Vec<(u32, u64)>, page_count: u32) -> Vec<(u32, u64)> {
    pages.retain(|(page, _)| *page <= page_count);
    pages.sort_unstable();
    let mut out: Vec<(u32, u64)> = Vec::with_capacity(pages.len());
    for entry in pages {
        match out.last_mut() {
            Some(last) if last.0 == entry.0 => *last = entry,
            _ => out.push(entry),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Writes logs as SQLite does.
    struct Writer {
        bytes: Vec<u8>,
        at: WalPosition,
    }

    const PAGE: usize = 512;

    impl Writer {
        fn new(big_endian: bool) -> Writer {
            let at = WalPosition { page_size: PAGE as u32, checkpoint_seq: 3, salts: [7, 99], offset: 0, checksum: [0, 0], big_endian };
            let mut writer = Writer { bytes: Vec::new(), at };
            writer.begin();
            writer
        }

        fn put(&mut self, bytes: &[u8]) {
            let at = self.at.offset as usize;
            self.bytes.resize(self.bytes.len().max(at + bytes.len()), 0);
            self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
            self.at.offset += bytes.len() as u64;
        }

        fn begin(&mut self) {
            self.at.offset = 0;
            let words = [MAGIC | u32::from(self.at.big_endian), VERSION, PAGE as u32, self.at.checkpoint_seq, self.at.salts[0], self.at.salts[1]];
            let mut header: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
            self.at.checksum = checksum(self.at.big_endian, [0, 0], &header);
            header.extend(self.at.checksum.iter().flat_map(|w| w.to_be_bytes()));
            self.put(&header);
        }

        fn restart(&mut self) {
            self.at.checkpoint_seq += 1;
            self.at.salts = [self.at.salts[0] + 1, self.at.salts[1] * 31];
            self.begin();
        }

        fn frame(&mut self, page: u32, count: u32) {
            let body = vec![page as u8; PAGE];
            let mut frame: Vec<u8> = [page, count].iter().flat_map(|w| w.to_be_bytes()).collect();
            let sums = checksum(self.at.big_endian, self.at.checksum, &frame);
            self.at.checksum = checksum(self.at.big_endian, sums, &body);
            frame.extend(self.at.salts.iter().chain(&self.at.checksum).flat_map(|w| w.to_be_bytes()));
            frame.extend(body);
            self.put(&frame);
        }
    }

    fn start(wal: &[u8]) -> WalPosition {
        WalHeader::read(wal).expect("readable").expect("a header").start()
    }

    /// Page numbers of each commit from a position on, where reading ended, and why.
    fn read(wal: &[u8], from: WalPosition) -> (Vec<Vec<u32>>, WalPosition, End) {
        let mut commits = Commits::from(wal, from);
        let mut found = Vec::new();
        while let Some(commit) = commits.next().expect("readable") {
            assert!(commit.pages.iter().all(|(page, at)| wal[*at as usize] == *page as u8));
            found.push(commit.pages.into_iter().map(|(page, _)| page).collect());
        }
        (found, commits.position(), commits.end().expect("readable"))
    }

    #[test]
    fn commits_are_read_in_both_byte_orders_and_reading_goes_on_where_it_ended() {
        for big_endian in [false, true] {
            let mut writer = Writer::new(big_endian);
            [(2, 0), (5, 0), (2, 0), (9, 5)].into_iter().for_each(|(page, count)| writer.frame(page, count));
            writer.frame(3, 4);
            let (found, position, end) = read(&writer.bytes, start(&writer.bytes));
            // A page that was written twice counts once, and one that was cut off not at all.
            assert_eq!((found, end), (vec![vec![2, 5], vec![3]], End::Current));
            assert_eq!(position, writer.at);
            writer.frame(1, 4);
            writer.frame(8, 0);
            let (found, again, end) = read(&writer.bytes, position);
            assert_eq!((found, end), (vec![vec![1]], End::Current));
            assert_eq!(again.offset + 24 + PAGE as u64, writer.at.offset);
        }
    }

    #[test]
    fn what_a_rollback_left_is_no_commit() {
        let mut writer = Writer::new(false);
        writer.frame(1, 2);
        let committed = writer.at;
        (2..6).for_each(|page| writer.frame(page, 0));
        writer.at = committed;
        writer.frame(7, 9);
        let (found, position, end) = read(&writer.bytes, start(&writer.bytes));
        assert_eq!((found, end), (vec![vec![1], vec![7]], End::Torn));
        assert_eq!(position, writer.at);
    }

    #[test]
    fn a_damaged_frame_with_commits_behind_it_is_told_from_what_a_rollback_left() {
        let mut writer = Writer::new(false);
        writer.frame(1, 9);
        let from = writer.at;
        (2..4).for_each(|page| writer.frame(page, 9));
        let last = writer.at;
        (4..6).for_each(|page| writer.frame(page, 0));
        let read = |wal: &[u8]| {
            let mut commits = Commits::from(wal, from);
            while commits.next().expect("readable").is_some() {}
            (commits.is_damaged().expect("readable"), commits.end().expect("readable"))
        };
        assert_eq!(read(&writer.bytes), (false, End::Current));
        writer.bytes[last.offset as usize + 30] ^= 1;
        assert_eq!(read(&writer.bytes), (false, End::Torn), "no commit is behind it");
        let damage = from.offset as usize + 30;
        writer.bytes[damage] ^= 1;
        assert_eq!(read(&writer.bytes), (true, End::Torn));
        // Started again, what could not be read may be missing; without the damage it is finished first.
        writer.restart();
        writer.frame(8, 9);
        assert_eq!(read(&writer.bytes), (true, End::Overtaken));
        writer.bytes[damage] ^= 1;
        assert_eq!(read(&writer.bytes), (false, End::Reset(start(&writer.bytes))));
    }

    #[test]
    fn a_log_that_was_started_again_is_finished_first() {
        let mut writer = Writer::new(false);
        (1..4).for_each(|page| writer.frame(page, 9));
        let middle = writer.at;
        (4..6).for_each(|page| writer.frame(page, 9));
        let last = writer.at;
        writer.restart();
        writer.frame(8, 9);
        let next = start(&writer.bytes);
        let (found, _, end) = read(&writer.bytes, middle);
        assert_eq!((found, end), (vec![vec![4], vec![5]], End::Reset(next)));
        assert_eq!(read(&writer.bytes, last).2, End::Reset(next));
        assert_eq!(read(&writer.bytes, next).0, [[8]]);
        // The new cycle has come to where we were, then beyond.
        writer.frame(8, 9);
        writer.frame(8, 9);
        assert_eq!(read(&writer.bytes, middle).2, End::Reset(next));
        writer.frame(8, 9);
        assert_eq!(read(&writer.bytes, middle).2, End::Overtaken);
        writer.restart();
        assert_eq!(read(&writer.bytes, last).2, End::Overtaken);
    }

    #[test]
    fn a_log_that_was_cut_or_is_another_one_is_told() {
        let mut writer = Writer::new(false);
        (1..4).for_each(|page| writer.frame(page, 9));
        let position = writer.at;
        assert_eq!(read(&[], position).2, End::Overtaken);
        assert_eq!(read(&Writer::new(true).bytes, position).2, End::Overtaken);
        writer.restart();
        writer.frame(1, 9);
        let cut = &writer.bytes[..writer.at.offset as usize];
        assert_eq!(read(cut, position).2, End::Overtaken);
        // Cut by a limit that is not at the end of a frame.
        let mut longer = writer.bytes.clone();
        longer.extend_from_slice(&[0; 100]);
        assert_eq!(read(&longer, position).2, End::Overtaken);
        assert!(WalHeader::read(&b"not a log, but more than 32 bytes"[..]).is_err());
        assert_eq!(WalHeader::read(&[0u8; 32][..]).expect("readable"), None);
    }

    proptest! {
        #[test]
        fn a_changed_byte_ends_the_reading_before_its_frame(frames in 1..9u32, at in any::<prop::sample::Index>(), with in 1..=255u8) {
            let mut writer = Writer::new(true);
            (1..=frames).for_each(|page| writer.frame(page, 99));
            let mut wal = writer.bytes;
            let from = start(&wal);
            let at = 32 + at.index(wal.len() - 32);
            wal[at] ^= with;
            let whole = (at - 32) / (24 + PAGE);
            let mut commits = Commits::from(&wal[..], from);
            let mut found = 0;
            while commits.next().expect("readable").is_some() {
                found += 1;
            }
            prop_assert_eq!(found, whole);
        }
    }
}
