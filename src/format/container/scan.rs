//! Finds the deflate streams of zip, PDF, PNG and gzip by rules that never change, because what they find is what a base looks like to
//! the compressor. Every scan is one walk forwards: its cost grows with the length of the content, and what it inflates is limited.

use std::ops::Range;

use super::ascii85::{self, Armour};
use super::zlib::{self, Inflated};
use crate::base::limits::{CONTAINER_BYTES_MAX, INFLATE_BYTES_MAX, INFLATE_RATIO_MAX};

/// One deflate stream of a container.
#[derive(Debug)]
pub(super) struct Stream {
    /// Where its bytes stand, in order; more than one piece only where a PNG splits it.
    pub pieces: Vec<Range<usize>>,
    /// What it inflates to.
    pub plain: Vec<u8>,
    /// Base-2 logarithm of the window that the zlib header announces; 15 without such a header.
    pub window_bits: u8,
    /// Bytes of the zip local header that stands directly before it, 0 in other containers.
    pub header: usize,
    /// How its bytes are written as text, where they are.
    pub armour: Option<Armour>,
}

impl Stream {
    /// Where its first byte stands.
    pub fn start(&self) -> usize {
        self.pieces.first().map_or(0, |p| p.start)
    }

    /// Where the content goes on after it.
    pub fn end(&self) -> usize {
        self.pieces.last().map_or(0, |p| p.end)
    }

    /// Its bytes without what stands between the pieces.
    pub fn bytes<'a>(&self, content: &'a [u8]) -> std::borrow::Cow<'a, [u8]> {
        match &self.pieces[..] {
            [one] => content[one.clone()].into(),
            many => many.iter().flat_map(|p| &content[p.clone()]).copied().collect::<Vec<u8>>().into(),
        }
    }

    /// The deflate stream that `bytes`, its own, stand for.
    pub fn deflated<'a>(&self, bytes: &'a [u8]) -> Option<std::borrow::Cow<'a, [u8]>> {
        match self.armour {
            None => Some(bytes.into()),
            Some(_) => {
                let (zlib, _) = ascii85::decode(bytes)?;
                Some(Armour::deflated(&zlib)?.to_vec().into())
            }
        }
    }
}

/// What a scan found.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The streams in order of their position; they do not overlap.
    pub streams: Vec<Stream>,
    /// Where the central directory of a zip starts and how many entries it has.
    pub directory: Option<(usize, usize)>,
}

/// Whether the first bytes of a content are those of a container that is opened: zip, PDF, PNG, gzip. Eight bytes are enough.
pub fn looks_like_container(head: &[u8]) -> bool {
    [ZIP_LOCAL, PDF, PNG, GZIP].iter().any(|magic| head.starts_with(magic))
}

const ZIP_LOCAL: &[u8] = b"PK\x03\x04";
const ZIP_CENTRAL: &[u8] = b"PK\x01\x02";
const ZIP_END: &[u8] = b"PK\x05\x06";
const ZIP64_END: &[u8] = b"PK\x06\x06";
const ZIP64_LOCATOR: &[u8] = b"PK\x06\x07";
const PDF: &[u8] = b"%PDF";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const GZIP: &[u8] = b"\x1f\x8b\x08";
/// Bytes of a zip local header before its name.
pub(super) const ZIP_LOCAL_BYTES: usize = 30;
/// Bytes of a central directory entry before its name.
pub(super) const ZIP_CENTRAL_BYTES: usize = 46;
const ZIP_END_BYTES: usize = 22;

/// Scans `content`. None when it is no container, has no stream, or is refused by a limit.
pub(super) fn scan(content: &[u8]) -> Option<Scan> {
    if content.len() > CONTAINER_BYTES_MAX {
        return None;
    }
    let mut finder = Finder { content, left: INFLATE_BYTES_MAX.min(content.len().saturating_mul(INFLATE_RATIO_MAX)), found: Scan::default() };
    if content.starts_with(ZIP_LOCAL) {
        finder.zip()?;
    } else if content.starts_with(PDF) {
        finder.pdf()?;
    } else if content.starts_with(PNG) {
        finder.png()?;
    } else if content.starts_with(GZIP) {
        finder.gzip()?;
    }
    Some(finder.found).filter(|found| !found.streams.is_empty())
}

/// The `N` bytes at `at`.
fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// The little-endian 16-bit number at `at`.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    array(bytes, at).map(|b| usize::from(u16::from_le_bytes(b)))
}

/// The little-endian 32-bit number at `at`.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(array(bytes, at)?)).ok()
}

/// The first `needle` in `bytes` at or after `from`.
fn find(bytes: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let (&first, rest) = needle.split_first()?;
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|&b| b == first)?;
        if bytes[at + 1..].starts_with(rest) {
            return Some(at);
        }
        at += 1;
    }
}

/// The window that a zlib header (RFC 1950) announces, None where there is none or where it wants a dictionary.
fn zlib_header(bytes: &[u8]) -> Option<u8> {
    let [cmf, flags] = array(bytes, 0)?;
    let good = cmf & 15 == 8 && cmf >> 4 <= 7 && flags & 0x20 == 0 && (u16::from(cmf) << 8 | u16::from(flags)).is_multiple_of(31);
    good.then_some((cmf >> 4) + 8)
}

struct Finder<'a> {
    content: &'a [u8],
    /// Bytes that may still be inflated.
    left: usize,
    found: Scan,
}

impl Finder<'_> {
    /// Inflates the stream at the start of `content[range]`. The outer None ends the scan: a limit was reached. The inner None is no stream.
    /// What a broken stream yields before it fails counts against the limit too.
    #[expect(clippy::option_option, reason = "the two Nones mean different things and `?` passes on the outer one")]
    fn inflate(&mut self, range: Range<usize>) -> Option<Option<(Vec<u8>, usize)>> {
        self.inflate_bytes(self.content.get(range).unwrap_or_default())
    }

    /// The same for bytes that do not stand in the content as they are.
    #[expect(clippy::option_option, reason = "as above")]
    fn inflate_bytes(&mut self, bytes: &[u8]) -> Option<Option<(Vec<u8>, usize)>> {
        match zlib::inflate(bytes, self.left) {
            Inflated::Whole(plain, used) => {
                self.left -= plain.len();
                Some(Some((plain, used)))
            }
            Inflated::Broken(spent) => {
                self.left -= spent;
                Some(None)
            }
            Inflated::TooLarge => None,
        }
    }

    /// Zip (PKWARE APPNOTE 6.3): the entries that the central directory names, deflated and not encrypted. Its sizes count, since local
    /// headers of streamed entries have none.
    fn zip(&mut self) -> Option<()> {
        let content = self.content;
        let tail = content.len().saturating_sub(ZIP_END_BYTES + usize::from(u16::MAX));
        let end = (tail..=content.len().checked_sub(ZIP_END_BYTES)?)
            .rev()
            .find(|&at| content[at..].starts_with(ZIP_END) && u16_at(content, at + 20).is_some_and(|n| at + ZIP_END_BYTES + n <= content.len()))?;
        let mut count = u16_at(content, end + 10)?;
        let mut size = u32_at(content, end + 12)? as usize;
        let mut offset = u32_at(content, end + 16)? as usize;
        let mut after = end;
        if let Some(locator) = end.checked_sub(20).filter(|&at| content[at..].starts_with(ZIP64_LOCATOR)) {
            let record = locator.checked_sub(56).filter(|&at| content[at..].starts_with(ZIP64_END))?;
            (count, size, offset, after) = (u64_at(content, record + 32)?, u64_at(content, record + 40)?, u64_at(content, record + 48)?, record);
        }
        // Bytes put before an archive shift everything; the directory still ends where the end record begins.
        let directory = after.checked_sub(size)?;
        let shift = directory.checked_sub(offset)?;
        let mut entries = Vec::new();
        let mut at = directory;
        let mut seen = 0;
        while seen < count && at < after && content[at..].starts_with(ZIP_CENTRAL) {
            let Some(next) = central_end(content, at).filter(|&next| next <= after) else { break };
            entries.extend(self.zip_entry(at, shift, directory));
            at = next;
            seen += 1;
        }
        // Fields are predicted from offsets as they are written, so a shifted archive keeps its directory as it is.
        self.found.directory = (shift == 0).then_some((directory, seen));
        entries.sort_by_key(|(header, data): &(usize, Range<usize>)| (data.start, *header));
        let mut free = 0;
        for (header, data) in entries {
            // Entries that overlap are how a zip bomb names the same bytes often.
            if data.start - header < free {
                continue;
            }
            free = data.end;
            if let Some((plain, used)) = self.inflate(data.clone())?
                && used == data.len()
            {
                self.found.streams.push(Stream { pieces: vec![data], plain, window_bits: 15, header, armour: None });
            }
        }
        Some(())
    }

    /// The bytes of the local header and the range of the data of the directory entry at `at`; None where it is not one to open.
    fn zip_entry(&self, at: usize, shift: usize, directory: usize) -> Option<(usize, Range<usize>)> {
        let content = self.content;
        let encrypted = u16_at(content, at + 8)? & 0x2041 != 0;
        if encrypted || u16_at(content, at + 10)? != 8 {
            return None;
        }
        let mut size = u32_at(content, at + 20)? as usize;
        let mut offset = u32_at(content, at + 42)? as usize;
        let name = u16_at(content, at + 28)?;
        let extra = at + ZIP_CENTRAL_BYTES + name;
        let mut extra = content.get(extra..extra + u16_at(content, at + 30)?)?;
        while let (Some(id), Some(len)) = (u16_at(extra, 0), u16_at(extra, 2)) {
            if id == 1 {
                // Zip64: only the fields that overflowed are here, plain size first.
                let mut field = 4 + if u32_at(content, at + 24)? == u32::MAX { 8 } else { 0 };
                if size == u32::MAX as usize {
                    size = u64_at(extra, field)?;
                    field += 8;
                }
                if offset == u32::MAX as usize {
                    offset = u64_at(extra, field)?;
                }
                break;
            }
            extra = extra.get(4 + len..)?;
        }
        let local = offset.checked_add(shift).filter(|&l| l < directory && content[l..].starts_with(ZIP_LOCAL))?;
        let header = local_bytes(content, local)?;
        let start = local.checked_add(header)?;
        let end = start.checked_add(size).filter(|&end| end <= directory)?;
        Some((header, start..end))
    }

    /// PDF (ISO 32000): what stands between `stream` and `endstream` and starts like a zlib stream, or is the ASCII85 of one. Whether the
    /// object says so does not matter, since every stream is proven by inflating it.
    fn pdf(&mut self) -> Option<()> {
        let content = self.content;
        let mut from = 0;
        while let Some(word) = find(content, b"stream", from) {
            from = word + 6;
            let line = match content.get(from..) {
                Some([b'\r', b'\n', ..]) => 2,
                Some([b'\n', ..]) => 1,
                _ => continue,
            };
            if content[..word].ends_with(b"end") {
                continue;
            }
            let start = from + line;
            let Some(end) = find(content, b"endstream", start) else { break };
            from = end + 9;
            if let Some(window_bits) = zlib_header(&content[start..end])
                && let Some((plain, used)) = self.inflate(start + 2..end)?
            {
                let data = start + 2..start + 2 + used;
                self.found.streams.push(Stream { pieces: vec![data], plain, window_bits, header: 0, armour: None });
            } else if let Some((bytes, len)) = ascii85::decode(&content[start..end])
                && let Some(window_bits) = zlib_header(&bytes)
                && let Some((plain, used)) = self.inflate_bytes(&bytes[2..])?
                && Armour::ends(&bytes, used, &plain)
            {
                let data = start..start + len;
                let armour = Some(Armour { width: ascii85::width_of(&content[data.clone()]), head: [bytes[0], bytes[1]] });
                self.found.streams.push(Stream { pieces: vec![data], plain, window_bits, header: 0, armour });
            }
        }
        Some(())
    }

    /// PNG (W3C): one zlib stream, cut into the first run of IDAT chunks.
    fn png(&mut self) -> Option<()> {
        let content = self.content;
        let mut at = PNG.len();
        let mut data: Vec<Range<usize>> = Vec::new();
        while let (Some(length), Some(kind)) = (array(content, at).map(u32::from_be_bytes), array::<4>(content, at + 4)) {
            let end = (at + 8).checked_add(length as usize).filter(|&end| end <= content.len());
            match (&kind == b"IDAT", end) {
                (true, Some(end)) => data.push(at + 8..end),
                (false, Some(_)) if data.is_empty() => {}
                _ => break,
            }
            at += 12 + length as usize;
        }
        let whole: Vec<u8> = data.iter().flat_map(|range| &content[range.clone()]).copied().collect();
        let Some(window_bits) = zlib_header(&whole) else { return Some(()) };
        let Inflated::Whole(plain, used) = zlib::inflate(&whole[2..], self.left) else { return Some(()) };
        // The zlib header and what follows the stream stay outside: cut both off the ranges.
        let (mut skip, mut left) = (2, used);
        let mut pieces = Vec::with_capacity(data.len());
        for range in data {
            let start = range.start + range.len().min(skip);
            skip -= start - range.start;
            let end = start + (range.end - start).min(left);
            left -= end - start;
            if end > start {
                pieces.push(start..end);
            }
        }
        self.found.streams.push(Stream { pieces, plain, window_bits, header: 0, armour: None });
        Some(())
    }

    /// gzip (RFC 1952): member after member.
    fn gzip(&mut self) -> Option<()> {
        let content = self.content;
        let mut at = 0;
        while let Some(start) = gzip_header_end(content, at) {
            let Some((plain, used)) = self.inflate(start..content.len())? else { break };
            at = start + used + 8;
            let data = start..start + used;
            self.found.streams.push(Stream { pieces: vec![data], plain, window_bits: 15, header: 0, armour: None });
        }
        Some(())
    }
}

/// Where the directory entry at `at` ends.
pub(super) fn central_end(content: &[u8], at: usize) -> Option<usize> {
    let end = at + ZIP_CENTRAL_BYTES + u16_at(content, at + 28)? + u16_at(content, at + 30)? + u16_at(content, at + 32)?;
    (end <= content.len() && content[at..].starts_with(ZIP_CENTRAL)).then_some(end)
}

/// How many bytes the local header at `at` has.
pub(super) fn local_bytes(content: &[u8], at: usize) -> Option<usize> {
    content.get(at..)?.starts_with(ZIP_LOCAL).then_some(())?;
    Some(ZIP_LOCAL_BYTES + u16_at(content, at + 26)? + u16_at(content, at + 28)?)
}

/// Where the deflate stream of the gzip member at `at` starts.
fn gzip_header_end(content: &[u8], at: usize) -> Option<usize> {
    let member = content.get(at..).filter(|m| m.starts_with(GZIP))?;
    let flags = *member.get(3)?;
    let mut end = 10;
    if flags & 4 != 0 {
        end += 2 + u16_at(member, end)?;
    }
    for text in [8, 16] {
        if flags & text != 0 {
            end += member.get(end..)?.iter().position(|&b| b == 0)? + 1;
        }
    }
    if flags & 2 != 0 {
        end += 2;
    }
    (end < member.len()).then_some(at + end)
}
