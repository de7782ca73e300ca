//! Words for messages.

use crate::base::error::Error;

pub(super) const EXAMPLES: &str = "write for example 2018-09-18, '2018-09-18 14:02', 'yesterday 14:00', '2 days ago', 2018-09-18T14:02:00+02:00, v7, \
                        mark:NAME or seq:812";

pub(super) fn out_of_range(text: &str) -> Error {
    Error::usage("time.outside", format!("outside the years 0 to 9999: {}", quoted(text))).hint("write a time between, for example 1997-05-31")
}

pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// What was typed, for messages: on one line and not longer than a line.
pub(super) fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let shown: String = text.chars().take(CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(CHARS_MAX).is_some() { format!("{shown}...") } else { shown }
}
