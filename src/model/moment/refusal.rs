//! Refusals of what is no time expression, with the nearest thing that is one.

use jiff::civil::Date;

use crate::base::error::Error;

use super::duration::{Unit, parts};
use super::shape::{EXPRESSION_BYTES_MAX, parse_clock, slash_date, weekday};
use super::show::date_text;
use super::words::{EXAMPLES, quoted};

pub(super) fn slash_refused(text: &str) -> Error {
    let error = Error::usage("time.slash", format!("a date with slashes has two meanings, day first or month first: {}", quoted(text)));
    let Some([a, b, c]) = slash_date(text) else { return error.hint(EXAMPLES) };
    let rest = text.split_once(char::is_whitespace).map_or(String::new(), |(_, rest)| format!(" {}", rest.trim()));
    let iso = |year: &str, month: &str, day: &str| -> Option<String> {
        let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
        (year.len() == 4).then(|| format!("'{}{rest}'", date_text(date)))
    };
    let readings = if a.len() == 4 { [iso(a, b, c), None] } else { [iso(c, b, a), iso(c, a, b)] };
    match readings {
        [Some(one), Some(other)] if one != other => error.hint(format!("write {one} or {other}")),
        [Some(one), _] | [None, Some(one)] => error.hint(format!("write {one}")),
        [None, None] => error.hint("write year-month-day, for example 2018-09-18"),
    }
}

/// The refusal of something that is no time expression, with the nearest thing that is one.
pub(super) fn not_understood(text: &str) -> Error {
    let error = |why: &str| Error::usage("time.unknown", format!("{why}: {}", quoted(text)));
    let lower = text.to_ascii_lowercase();
    let words: Vec<&str> = lower.split_whitespace().take(8).collect();
    let fields: Vec<&str> = words.first().map_or(Vec::new(), |w| w.split(['-', '.']).take(4).collect());
    let padded = |y: &str, m: &str, d: &str| -> Option<String> {
        Date::new(y.parse().ok()?, m.parse().ok()?, d.parse().ok()?).ok().filter(|_| y.len() == 4).map(date_text)
    };
    if text.is_empty() {
        return error("an empty time expression").hint(EXAMPLES);
    }
    if text.len() > EXPRESSION_BYTES_MAX {
        return error("too long for a time expression").hint(EXAMPLES);
    }
    if text.contains("..") {
        return error("a range, where one moment is needed").hint("give one side of it, for example yesterday");
    }
    if parse_clock(&lower).is_some() {
        return error("a time of day without its day").hint(format!("write 'today {lower}' or 'yesterday {lower}'"));
    }
    if lower.ends_with("am") || lower.ends_with("pm") {
        return error("not a time expression").hint("write the time of day with 24 hours: '2018-09-18 14:02'");
    }
    if let [first, month, last] = fields[..]
        && let Some(date) = padded(first, month, last).or_else(|| padded(last, month, first))
    {
        return error("not a time expression").hint(format!("write dates as year-month-day: {date}, times of day as 14:02"));
    }
    if weekday(&lower).is_some() {
        return error("a weekday alone may be past or future").hint(format!("write 'last {lower}'"));
    }
    if let ["last", unit] = words[..]
        && Unit::of(unit).is_some()
    {
        return error("not a time expression").hint(format!("write '1 {unit} ago'"));
    }
    if parts(&lower).is_some() {
        return error("a length of time, where a moment is needed").hint(format!("write '{lower} ago'"));
    }
    let known = ["now", "today", "yesterday", "last", "ago"];
    let near = words.iter().flat_map(|w| known.iter().map(move |k| (strsim::damerau_levenshtein(w, k), *w, *k)));
    match near.filter(|(distance, _, known)| (1..=2).contains(distance) && known.len() > 3).min() {
        Some((_, typed, known)) => error("not a time expression").hint(format!("write '{}'", lower.replacen(typed, known, 1))),
        None => error("not a time expression").hint(EXAMPLES),
    }
}
