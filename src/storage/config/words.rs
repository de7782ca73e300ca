//! Words for messages, and the nearest known word.

/// Bytes: the longest name of a remote or a capture. It is a column of tables and part of file names.
pub(super) const NAME_BYTES_MAX: usize = 64;

/// The candidate that a person most likely meant: a few letters off, or cut short.
pub(super) fn nearest<'a>(typed: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if typed.len() > NAME_BYTES_MAX {
        return None;
    }
    let lower = typed.to_lowercase();
    let far = (lower.chars().count() / 3).max(1);
    let scored = candidates.map(|c| if lower.len() >= 3 && c.starts_with(&lower) { (0, c) } else { (strsim::damerau_levenshtein(&lower, c), c) });
    scored.filter(|(distance, _)| *distance <= far).min().map(|(_, candidate)| candidate)
}

/// A value for a message: in quotes, on one line, and not longer than a line.
pub(super) fn shown(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let start: String = text.chars().take(CHARS_MAX).collect();
    if text.chars().nth(CHARS_MAX).is_some() { format!("{start:?}...") } else { format!("{start:?}") }
}
