//! What a zip says twice or could compute: CRC, sizes and offsets change with every small edit and do not compress. Each such field is
//! XORed with its prediction, so a right one becomes zeros and a wrong one costs what it did before. The same walk folds and unfolds.

use super::scan::{self, ZIP_CENTRAL_BYTES, ZIP_LOCAL_BYTES};

const ZIP_DESCRIPTOR: &[u8] = b"PK\x07\x08";
const ZIP_END: &[u8] = b"PK\x05\x06";
/// Bytes of a data descriptor that has its signature.
const DESCRIPTOR_BYTES: usize = 16;
/// Flag bit 3: the local header has zeros, a data descriptor follows the data.
const STREAMED: usize = 8;

/// CRC, deflated size and plain size, in the order in which all three zip structures hold them.
type Fields = [u32; 3];

/// A deflated zip entry whose plain bytes are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Where the local header starts, the data starts and the data ends.
    pub header: usize,
    pub start: usize,
    pub end: usize,
    pub fields: Fields,
}

impl Entry {
    /// The entry with `plain` bytes whose local header of `header` bytes ends where the data `start..end` begins.
    pub fn new(plain: &[u8], header: usize, start: usize, end: usize) -> Self {
        let mut crc = flate2::Crc::new();
        crc.update(plain);
        Entry { header: start.saturating_sub(header), start, end, fields: [crc.sum(), (end - start) as u32, plain.len() as u32] }
    }
}

/// Whether entries of the directory come out of predictions or go into them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Fold,
    Unfold,
}

/// Folds `content`: the directory first, since it is predicted from local headers as they are.
pub(super) fn fold(content: &mut [u8], entries: &[Entry], directory: Option<(usize, usize)>) {
    if let Some((at, count)) = directory {
        let whole = walk_directory(content, entries, at, count, Way::Fold);
        debug_assert!(whole.is_some(), "the scan walked this directory");
    }
    swap_local(content, entries);
}

/// Undoes [`fold`]; None when there is no such directory.
pub(super) fn unfold(content: &mut [u8], entries: &[Entry], directory: Option<(usize, usize)>) -> Option<()> {
    swap_local(content, entries);
    match directory {
        Some((at, count)) => walk_directory(content, entries, at, count, Way::Unfold),
        None => Some(()),
    }
}

/// XORs the number at `at`.
fn swap(content: &mut [u8], at: usize, with: u32) {
    if let Some(field) = content.get_mut(at..at + 4) {
        field.iter_mut().zip(with.to_le_bytes()).for_each(|(byte, with)| *byte ^= with);
    }
}

fn swap_fields(content: &mut [u8], at: usize, with: Fields) {
    for (i, value) in with.into_iter().enumerate() {
        swap(content, at + 4 * i, value);
    }
}

/// Folds or unfolds the local headers, or the data descriptors of streamed entries. Looks only at bytes that no fold changes.
fn swap_local(content: &mut [u8], entries: &[Entry]) {
    for (i, entry) in entries.iter().enumerate() {
        if scan::local_bytes(content, entry.header) != Some(entry.start - entry.header) {
            continue;
        }
        let streamed = scan::u16_at(content, entry.header + 6).is_some_and(|flags| flags & STREAMED != 0);
        if !streamed {
            swap_fields(content, entry.header + 14, entry.fields);
        } else {
            let room = entries.get(i + 1).map_or(content.len(), |next| next.header).saturating_sub(entry.end);
            if room >= DESCRIPTOR_BYTES && content[entry.end..].starts_with(ZIP_DESCRIPTOR) {
                swap_fields(content, entry.end + 4, entry.fields);
            }
        }
    }
}

/// Folds or unfolds the directory of `count` entries at `at`, which stands behind all local headers, and the end record after it.
fn walk_directory(content: &mut [u8], entries: &[Entry], at: usize, count: usize, way: Way) -> Option<()> {
    let directory = at;
    let mut at = at;
    let mut expected = 0;
    for _ in 0..count {
        let next = scan::central_end(content, at)?;
        let stored = scan::u32_at(content, at + 42)?;
        swap(content, at + 42, expected as u32);
        let header = (if way == Way::Fold { stored } else { stored ^ expected as u32 }) as usize;
        let known = entries.binary_search_by_key(&header, |entry| entry.header).ok().and_then(|i| entries.get(i));
        let local = scan::local_bytes(content, header).filter(|bytes| header + bytes <= directory);
        let streamed = scan::u16_at(content, header + 6).is_some_and(|flags| flags & STREAMED != 0);
        let predicted = match (known, local) {
            (Some(entry), _) => entry.fields,
            (None, Some(_)) if !streamed => [14, 18, 22].map(|field| scan::u32_at(content, header + field).unwrap_or(0)),
            _ => [0; 3],
        };
        let stored = scan::u32_at(content, at + 20)?;
        swap_fields(content, at + 16, predicted);
        let size = (if way == Way::Fold { stored } else { stored ^ predicted[1] }) as usize;
        let end = header + local.unwrap_or(ZIP_LOCAL_BYTES) + size;
        expected = end + if streamed { DESCRIPTOR_BYTES } else { 0 };
        at = next;
    }
    if content.get(at..).is_some_and(|end| end.starts_with(ZIP_END) && end.len() >= 22) {
        swap(content, at + 12, (at - directory) as u32);
        swap(content, at + 16, directory as u32);
    }
    Some(())
}

const _: () = assert!(ZIP_CENTRAL_BYTES >= 46, "the fields above lie inside an entry");
