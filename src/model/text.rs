//! Texts line by line, and the choice how two versions of a document are compared.
//!
//! Lines are compared as bytes with their line breaks, so `\r\n` against `\n` is a change, and text that is not UTF-8 compares as exactly as any.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::limits;

use super::field::align::{Stretch, stretches};
use super::field::{self, FieldDiff, has_fields};

/// Lines: how many equal lines people expect around a change (the default of diff and git).
pub const CONTEXT_LINES: usize = 3;

/// How two versions of a document compare, in the most telling way that their bytes allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison<'a> {
    /// The same bytes.
    Same,
    /// Two JSON objects or arrays.
    Fields(FieldDiff),
    /// Two texts.
    Text(TextDiff<'a>),
    /// Anything else, or too large to look into.
    Binary {
        /// The old bytes.
        old: Fingerprint,
        /// The new bytes.
        new: Fingerprint,
    },
}

/// What is said of bytes that cannot be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// Length in bytes.
    pub size: u64,
    /// BLAKE3.
    pub digest: Digest,
}

/// Compares two versions: as fields if both are JSON objects or arrays, else as text if both are, else by size and digest. `all` shows fields that
/// are the same as well; `context` is the number of equal lines around a change of text.
pub fn compare<'a>(old: &'a [u8], new: &'a [u8], all: bool, context: usize) -> Comparison<'a> {
    if old == new && !(all && has_fields(old)) {
        return Comparison::Same;
    }
    if has_fields(old)
        && has_fields(new)
        && let Ok(fields) = field::diff(old, new, all)
    {
        return Comparison::Fields(fields);
    }
    if old == new {
        return Comparison::Same;
    }
    if is_text(old)
        && is_text(new)
        && let Ok(text) = diff(old, new, context)
    {
        return Comparison::Text(text);
    }
    let fingerprint = |bytes: &[u8]| Fingerprint { size: bytes.len() as u64, digest: Digest::of(bytes) };
    Comparison::Binary { old: fingerprint(old), new: fingerprint(new) }
}

/// Whether bytes are shown as text: no NUL byte (as git has it), and UTF-8 or an older eight-bit encoding, which has next to no control
/// characters, while compressed data is an eighth of them. Bytes above [`limits::TEXT_DIFF_BYTES_MAX`] are never text.
pub fn is_text(bytes: &[u8]) -> bool {
    if bytes.len() > limits::TEXT_DIFF_BYTES_MAX || bytes.contains(&0) {
        return false;
    }
    let control = |b: &&u8| b.is_ascii_control() && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c);
    std::str::from_utf8(bytes).is_ok() || bytes.iter().filter(control).count() * 32 < bytes.len()
}

/// What differs between two texts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextDiff<'a> {
    /// The places that differ, in order, each with its context.
    pub hunks: Vec<Hunk<'a>>,
    /// Lines that only the new text has.
    pub added: usize,
    /// Lines that only the old text has.
    pub removed: usize,
}

/// Changes that stand near each other, with the equal lines around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk<'a> {
    /// The lines of the old text that it covers, from 0.
    pub old: Range<usize>,
    /// The lines of the new text that it covers, from 0.
    pub new: Range<usize>,
    /// The lines, removed ones before the added ones that replace them.
    pub lines: Vec<Line<'a>>,
}

/// Which text a line is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// In both.
    Same,
    /// In the old only.
    Removed,
    /// In the new only.
    Added,
}

impl Mark {
    /// The first character of the line in a unified diff.
    pub fn sign(self) -> char {
        match self {
            Mark::Same => ' ',
            Mark::Removed => '-',
            Mark::Added => '+',
        }
    }
}

/// One line of a hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Which text it is in.
    pub mark: Mark,
    /// Its bytes with its line break.
    pub bytes: &'a [u8],
}

impl<'a> Line<'a> {
    /// Whether a line break ends it; only the last line of a text may lack one.
    pub fn is_ended(&self) -> bool {
        self.bytes.ends_with(b"\n")
    }

    /// The characters without `\n` or `\r\n`; what is not UTF-8 becomes U+FFFD. May hold control characters.
    pub fn text(&self) -> Cow<'a, str> {
        let line = self.bytes.strip_suffix(b"\n").map_or(self.bytes, |line| line.strip_suffix(b"\r").unwrap_or(line));
        String::from_utf8_lossy(line)
    }
}

impl fmt::Display for Hunk<'_> {
    /// The header of a unified diff: `@@ -3,7 +3,8 @@`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A count of 1 is left out, and an empty range names the line before it (POSIX, diff -u).
        let range = |lines: &Range<usize>| match lines.len() {
            0 => format!("{},0", lines.start),
            1 => format!("{}", lines.start + 1),
            n => format!("{},{n}", lines.start + 1),
        };
        write!(f, "@@ -{} +{} @@", range(&self.old), range(&self.new))
    }
}

impl TextDiff<'_> {
    /// The unified diff as `patch` reads it, byte for byte; nothing if nothing differs. Control characters in the names are escaped.
    pub fn unified(&self, old_name: &str, new_name: &str) -> Vec<u8> {
        let mut out = Vec::new();
        if self.hunks.is_empty() {
            return out;
        }
        let name =
            |name: &str| -> String { name.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect() };
        out.extend(format!("--- {}\n+++ {}\n", name(old_name), name(new_name)).into_bytes());
        for hunk in &self.hunks {
            out.extend(format!("{hunk}\n").into_bytes());
            for line in &hunk.lines {
                out.push(line.mark.sign() as u8);
                out.extend_from_slice(line.bytes);
                if !line.is_ended() {
                    out.extend_from_slice(b"\n\\ No newline at end of file\n");
                }
            }
        }
        out
    }
}

/// Compares two texts line by line, showing `context` equal lines around a change.
///
/// Each may have [`limits::TEXT_DIFF_BYTES_MAX`] bytes; an error otherwise. The work is bounded by the texts, not by a clock, so the same
/// texts always give the same result.
pub fn diff<'a>(old: &'a [u8], new: &'a [u8], context: usize) -> Result<TextDiff<'a>> {
    let longest = old.len().max(new.len());
    if longest > limits::TEXT_DIFF_BYTES_MAX {
        let message = format!("the text has {longest} bytes, the most that is compared line by line is {}", limits::TEXT_DIFF_BYTES_MAX);
        return Err(Error::usage("text.large", message).hint("write both versions to files and compare them there"));
    }
    let mut known = HashMap::new();
    let (olds, news) = (Lines::read(old, &mut known), Lines::read(new, &mut known));
    let cut = stretches(&olds.classes, &news.classes);
    let changed = || cut.iter().filter(|s| !s.equal);
    Ok(TextDiff {
        added: changed().map(|s| s.new.len()).sum(),
        removed: changed().map(|s| s.old.len()).sum(),
        hunks: grouped(&cut, context).into_iter().map(|group| hunk(&group, &olds, &news)).collect(),
    })
}

/// A text and where its lines begin. Places rather than slices: a text of line breaks only has a line for each byte.
struct Lines<'a> {
    text: &'a [u8],
    ends: Vec<u32>,
    /// Equal lines have equal numbers.
    classes: Vec<u32>,
}

impl<'a> Lines<'a> {
    fn read(text: &'a [u8], known: &mut HashMap<&'a [u8], u32>) -> Self {
        let mut lines = Lines { text, ends: Vec::new(), classes: Vec::new() };
        let mut end = 0;
        for line in text.split_inclusive(|&b| b == b'\n') {
            end += line.len() as u32;
            let next = known.len() as u32;
            lines.ends.push(end);
            lines.classes.push(*known.entry(line).or_insert(next));
        }
        lines
    }

    fn get(&self, range: Range<usize>, mark: Mark) -> impl Iterator<Item = Line<'a>> {
        let start = |i: usize| i.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        range.map(move |i| Line { mark, bytes: &self.text[start(i)..self.ends[i] as usize] })
    }
}

/// The changed stretches with up to `context` equal items before and after, those that touch in one group.
fn grouped(cut: &[Stretch], context: usize) -> Vec<Vec<Stretch>> {
    let mut groups: Vec<Vec<Stretch>> = Vec::new();
    for (i, stretch) in cut.iter().enumerate() {
        let (first, last) = (i == 0, i + 1 == cut.len());
        if !stretch.equal {
            match groups.last_mut() {
                Some(group) => group.push(stretch.clone()),
                None => groups.push(vec![stretch.clone()]),
            }
            continue;
        }
        let len = stretch.old.len();
        let hidden = len.saturating_sub(context);
        let head = part(stretch, 0..len - hidden);
        let tail = part(stretch, hidden..len);
        match groups.last_mut() {
            _ if first && last => {}
            Some(group) if last => group.push(head),
            Some(group) if len <= context.saturating_mul(2) => group.push(stretch.clone()),
            Some(group) => {
                group.push(head);
                groups.push(vec![tail]);
            }
            None => groups.push(vec![tail]),
        }
    }
    groups
}

/// Some of the items of an equal stretch.
fn part(stretch: &Stretch, items: Range<usize>) -> Stretch {
    let shift = |range: &Range<usize>| range.start + items.start..range.start + items.end;
    Stretch { equal: true, old: shift(&stretch.old), new: shift(&stretch.new) }
}

fn hunk<'a>(group: &[Stretch], olds: &Lines<'a>, news: &Lines<'a>) -> Hunk<'a> {
    let span = |range: fn(&Stretch) -> &Range<usize>| {
        let bounds = group.first().map(range).zip(group.last().map(range));
        bounds.map_or(0..0, |(first, last)| first.start..last.end)
    };
    let mut lines = Vec::new();
    for stretch in group {
        if stretch.equal {
            lines.extend(olds.get(stretch.old.clone(), Mark::Same));
        } else {
            lines.extend(olds.get(stretch.old.clone(), Mark::Removed));
            lines.extend(news.get(stretch.new.clone(), Mark::Added));
        }
    }
    Hunk { old: span(|s| &s.old), new: span(|s| &s.new), lines }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unified(old: &str, new: &str, context: usize) -> String {
        String::from_utf8(diff(old.as_bytes(), new.as_bytes(), context).expect("text").unified("a", "b")).expect("utf-8")
    }

    #[test]
    fn a_unified_diff_as_diff_writes_it() {
        let old: String = (1..=20).map(|n| format!("{n}\n")).collect();
        let new = old.replace("\n5\n", "\nfive\n").replace("\n19\n", "\n");
        let want = "--- a\n+++ b\n@@ -3,5 +3,5 @@\n 3\n 4\n-5\n+five\n 6\n 7\n@@ -17,4 +17,3 @@\n 17\n 18\n-19\n 20\n";
        assert_eq!(unified(&old, &new, 2), want);
        assert_eq!(unified("", "x\n", 3), "--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n");
        assert_eq!(unified("x\n", "", 3), "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
        assert_eq!(unified("a\nb\nc\n", "a\nc\n", 0), "--- a\n+++ b\n@@ -2 +1,0 @@\n-b\n");
        assert_eq!(unified("a\nx", "a\ny\n", 3), "--- a\n+++ b\n@@ -1,2 +1,2 @@\n a\n-x\n\\ No newline at end of file\n+y\n");
        assert_eq!(unified("same", "same", 3), "");
        let named = diff(b"a", b"b", 3).expect("text").unified("x\n+++ y", "z");
        assert!(named.starts_with(b"--- x\\n+++ y\n+++ z\n"));
    }

    #[test]
    fn line_breaks_and_other_encodings_count() {
        let crlf = diff(b"a\r\nb\r\n", b"a\nb\r\n", 3).expect("text");
        assert_eq!((crlf.removed, crlf.added), (1, 1));
        assert_eq!((crlf.hunks[0].lines[0].bytes, crlf.hunks[0].lines[0].text().as_ref()), (&b"a\r\n"[..], "a"));
        let latin = diff(b"bl\xe5\n", b"bl\xe6\n", 3).expect("text");
        assert_eq!((latin.hunks[0].lines.len(), latin.hunks[0].lines[1].text().as_ref()), (2, "bl\u{fffd}"));
        assert!(is_text(b"bl\xe5 himmel\n") && is_text(b"") && !is_text(b"a\0b") && !is_text(b"\xff\x01\x02\x80"));
    }

    #[test]
    fn the_most_telling_comparison() {
        let of = |old: &'static [u8], new: &'static [u8]| match compare(old, new, false, CONTEXT_LINES) {
            Comparison::Same => "same",
            Comparison::Fields(_) => "fields",
            Comparison::Text(_) => "text",
            Comparison::Binary { .. } => "binary",
        };
        assert_eq!(of(b"{}", b"{}"), "same");
        assert_eq!(of(b"{}", b"{\"a\":1}"), "fields");
        assert_eq!(of(b"{}", b"{\"a\":1,\"a\":2}"), "text", "a document that cannot be seen as fields");
        assert_eq!(of(b"1", b"2"), "text", "a scalar");
        assert_eq!(of(b"{}", b"\0"), "binary");
        assert!(matches!(compare(b"{\"a\":1}", b"{\"a\":1}", true, 3), Comparison::Fields(f) if f.rows.len() == 1));
        let large = vec![b'a'; limits::TEXT_DIFF_BYTES_MAX + 1];
        assert!(matches!(compare(b"a", &large, false, 3), Comparison::Binary { new, .. } if new.size == large.len() as u64));
        assert_eq!(diff(b"a", &large, 3).expect_err("large").code(), "text.large");
    }

    /// Makes the new text out of the old one and the hunks, by line numbers alone.
    fn patched(old: &[u8], diff: &TextDiff<'_>) -> Vec<u8> {
        let lines: Vec<&[u8]> = old.split_inclusive(|&b| b == b'\n').collect();
        let (mut at, mut out) = (0, Vec::new());
        for hunk in &diff.hunks {
            out.extend(lines[at..hunk.old.start].concat());
            out.extend(hunk.lines.iter().filter(|l| l.mark != Mark::Removed).flat_map(|l| l.bytes.to_vec()));
            at = hunk.old.end;
        }
        out.extend(lines[at..].concat());
        out
    }

    proptest! {
        #[test]
        fn hunks_lead_from_old_to_new(
            old in proptest::collection::vec(proptest::sample::select(b"ab\r\n\n\n\xff".to_vec()), 0..80),
            new in proptest::collection::vec(proptest::sample::select(b"ab\r\n\n\n\xff".to_vec()), 0..80),
            context in prop_oneof![0..5usize, Just(usize::MAX)],
        ) {
            let diff = diff(&old, &new, context).expect("text");
            prop_assert_eq!(&patched(&old, &diff), &new);
            prop_assert_eq!(diff.hunks.is_empty(), old == new);
            let lines = || diff.hunks.iter().flat_map(|h| &h.lines);
            prop_assert_eq!(lines().filter(|l| l.mark == Mark::Added).count(), diff.added);
            prop_assert_eq!(lines().filter(|l| l.mark == Mark::Removed).count(), diff.removed);
            for pair in diff.hunks.windows(2) {
                prop_assert!(pair[0].old.end < pair[1].old.start, "hunks that touch are one");
            }
            for hunk in &diff.hunks {
                prop_assert_eq!(hunk.lines.iter().filter(|l| l.mark != Mark::Added).count(), hunk.old.len());
                prop_assert_eq!(hunk.lines.iter().filter(|l| l.mark != Mark::Removed).count(), hunk.new.len());
            }
        }

        #[test]
        fn any_bytes_compare(old in proptest::collection::vec(any::<u8>(), 0..60), new in proptest::collection::vec(any::<u8>(), 0..60)) {
            prop_assert_eq!(matches!(compare(&old, &new, false, 3), Comparison::Same), old == new);
        }
    }
}
