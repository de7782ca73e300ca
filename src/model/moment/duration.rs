//! Lengths of time.

use crate::base::error::{Error, Result};

use super::words::quoted;

/// Seconds: the longest duration, a million days (2,737 years), so that sums with any time stay within 64 bits.
pub(super) const DURATION_SECS_MAX: u64 = 86_400_000_000;

/// Reads a length of time in seconds: `90s`, `2h`, `1h 30m`, `7d`, `90 days`, `2 weeks`, with or without `every` before it; also `every day`,
/// `hourly`, `daily`, `weekly` and `monthly` (31 days, so that a monthly visit is never late in a long month). Months and years have no
/// fixed length and are refused.
pub fn parse_duration(text: &str) -> Result<u64> {
    let bad = |why: &str, hint: &str| Err(Error::usage("time.duration", format!("{why}: {}", quoted(text))).hint(hint));
    let lower = text.trim().to_ascii_lowercase();
    match lower.as_str() {
        "hourly" => return Ok(3_600),
        "daily" => return Ok(86_400),
        "weekly" => return Ok(7 * 86_400),
        "monthly" => return Ok(31 * 86_400),
        _ => {}
    }
    let every = lower.strip_prefix("every").filter(|rest| rest.starts_with(char::is_whitespace)).map(str::trim);
    let length = every.unwrap_or(&lower);
    if !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) {
        return bad("a duration without a unit", "say which unit: 90s, 30m, 2h, 7d");
    }
    let parts = match (Unit::of(length), parts(length)) {
        (Some(unit), _) if every.is_some() => vec![(1, unit)],
        (_, Some(parts)) => parts,
        _ => return bad("not a duration", "write for example 90s, 30m, 2h, 7d or 'every 2h'"),
    };
    let mut total = 0u64;
    for (n, unit) in parts {
        let Some(secs) = unit.secs() else {
            return bad("a month or a year has no fixed length", "give days: 30d, 90d, 365d");
        };
        total = total.saturating_add(n.saturating_mul(secs));
    }
    if total > DURATION_SECS_MAX {
        return bad("a duration of more than a million days", "give a shorter one, for example 3650d");
    }
    Ok(total)
}

/// The shortest form that [`parse_duration`] reads back as the same number of seconds: `7d`, `90m`, `61s`.
pub fn duration_text(seconds: u64) -> String {
    match seconds {
        0 => "0s".to_owned(),
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3_600 == 0 => format!("{}h", s / 3_600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    pub(super) fn of(word: &str) -> Option<Unit> {
        Some(match word {
            "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
            "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
            "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
            "d" | "day" | "days" => Unit::Day,
            "w" | "week" | "weeks" => Unit::Week,
            "mo" | "month" | "months" => Unit::Month,
            "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
            _ => return None,
        })
    }

    /// Its length, where it has one.
    pub(super) fn secs(self) -> Option<u64> {
        match self {
            Unit::Second => Some(1),
            Unit::Minute => Some(60),
            Unit::Hour => Some(3_600),
            Unit::Day => Some(86_400),
            Unit::Week => Some(7 * 86_400),
            Unit::Month | Unit::Year => None,
        }
    }
}

/// Numbers with units, one after the other: `2 days`, `1h30m`. At least one; `None` for anything else.
pub(super) fn parts(lower: &str) -> Option<Vec<(u64, Unit)>> {
    let mut rest = lower.trim();
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let n = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        parts.push((n, Unit::of(&rest[..letters])?));
        rest = rest[letters..].trim_start();
    }
    (!parts.is_empty()).then_some(parts)
}
