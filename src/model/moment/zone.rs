//! Time zones and their offsets, and the wall clocks they show.

use std::fmt;

use jiff::Zoned;
use jiff::tz::{self, Offset, TimeZone, TimeZoneDatabase};

use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;

use super::words::{is_digits, out_of_range, quoted};

/// Microseconds: 0000-01-02T00:00:00Z, the earliest instant whose year has four digits in every zone.
pub(super) const EARLIEST: i64 = -62_167_132_800_000_000;
/// Microseconds: 9999-12-30T21:59:59.999999Z, the latest instant whose year has four digits in every zone.
pub(super) const LATEST: i64 = 253_402_207_199_999_999;

/// A time zone with its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(pub(super) TimeZone);

impl Zone {
    /// Finds a zone by its IANA name (`Europe/Oslo`), or takes a fixed offset (`+02:00`). The machine's own rules come first, since they may
    /// be newer than this program; the rules inside the program serve where the machine has none.
    pub fn parse(name: &str) -> Result<Self> {
        let name = name.trim();
        let lower = name.to_ascii_lowercase();
        if lower == "utc" || lower == "z" {
            return Ok(Zone::utc());
        }
        if let Some(offset) = parse_offset(&lower) {
            return Ok(Zone(TimeZone::fixed(offset.offset()?)));
        }
        let found = if is_zone_name(name) { tz::db().get(name).or_else(|_| TimeZoneDatabase::bundled().get(name)).ok() } else { None };
        found.map(Zone).ok_or_else(|| {
            let error = Error::usage("time.zone", format!("no such time zone: {}", quoted(name)));
            match nearest_zone(&lower) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error.hint("use a name such as Europe/Oslo, or UTC"),
            }
        })
    }

    /// The machine's zone; UTC where the machine does not say.
    pub fn system() -> Self {
        match TimeZone::try_system() {
            Ok(tz) if !tz.is_unknown() => Zone(tz),
            _ => Zone::utc(),
        }
    }

    /// UTC.
    pub fn utc() -> Self {
        Zone(TimeZone::UTC)
    }

    /// The IANA name, the offset of a fixed zone, or `local` for rules of the machine that have no name.
    pub fn name(&self) -> String {
        match (self.0.iana_name(), self.0.to_fixed_offset()) {
            (Some(name), _) => name.to_owned(),
            (None, Ok(offset)) => offset_text(offset),
            (None, Err(_)) => "local".to_owned(),
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

/// A wall clock in some zone, for schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// Year.
    pub year: i16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 59.
    pub second: u8,
    /// Day of the week, 0 is Sunday.
    pub weekday: u8,
}

/// What the wall clock in `zone` shows at `ts`.
pub fn local(ts: Timestamp, zone: &Zone) -> Local {
    let at = zoned(ts, zone);
    Local {
        year: at.year(),
        month: at.month() as u8,
        day: at.day() as u8,
        hour: at.hour() as u8,
        minute: at.minute() as u8,
        second: at.second() as u8,
        weekday: at.weekday().to_sunday_zero_offset() as u8,
    }
}

/// An offset as typed.
#[derive(Clone, Copy)]
pub(super) enum OffsetText {
    /// `Z` and `-00:00`: the instant is known, the local offset is not (RFC 9557), so a zone beside it cannot contradict.
    Utc,
    Secs(i32),
}

impl OffsetText {
    pub(super) fn offset(self) -> Result<Offset> {
        match self {
            OffsetText::Utc => Ok(Offset::UTC),
            OffsetText::Secs(secs) => Offset::from_seconds(secs).map_err(|_| out_of_range("an offset")),
        }
    }
}

/// `z`, `+02`, `+0200`, `+02:00`; also `+00:19:32`, which old local times have and [`show`] prints.
pub(super) fn parse_offset(lower: &str) -> Option<OffsetText> {
    if lower == "z" {
        return Some(OffsetText::Utc);
    }
    let (negative, digits) = match lower.split_at_checked(1)? {
        ("+", digits) => (false, digits),
        ("-", digits) => (true, digits),
        _ => return None,
    };
    let fields: Vec<&str> = match digits.len() {
        4 if is_digits(digits) => vec![&digits[..2], &digits[2..]],
        _ => digits.split(':').collect(),
    };
    if fields.is_empty() || fields.len() > 3 || !fields.iter().all(|f| f.len() == 2 && is_digits(f)) {
        return None;
    }
    let mut secs = 0i32;
    for (field, (unit, max)) in fields.iter().zip([(3_600, 23), (60, 59), (1, 59)]) {
        let n: i32 = field.parse().ok().filter(|n| *n <= max)?;
        secs += n * unit;
    }
    Some(match (negative, secs) {
        (true, 0) => OffsetText::Utc,
        (true, secs) => OffsetText::Secs(-secs),
        (false, secs) => OffsetText::Secs(secs),
    })
}

/// The zone whose name, or whose last part (the city), is most like `lower`.
pub(super) fn nearest_zone(lower: &str) -> Option<String> {
    if lower.is_empty() || lower.len() > 64 {
        return None;
    }
    let wanted = lower.replace(' ', "_");
    let bundled = TimeZoneDatabase::bundled();
    let likeness = |name: &str| {
        let name = name.to_ascii_lowercase();
        let city = name.rsplit('/').next().unwrap_or(&name);
        strsim::jaro_winkler(&name, &wanted).max(strsim::jaro_winkler(city, &wanted))
    };
    let scored = bundled.available().map(|name| (likeness(name.as_str()), name.as_str().to_owned()));
    let best = scored.max_by(|(a, one), (b, other)| a.total_cmp(b).then_with(|| other.cmp(one)));
    best.filter(|(score, _)| *score >= 0.8).map(|(_, name)| name)
}

/// Letters, digits and the marks that IANA names have; never a path out of the machine's zone directory.
pub(super) fn is_zone_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'+' | b'-'))
}

pub(super) fn zoned(ts: Timestamp, zone: &Zone) -> Zoned {
    let at = jiff::Timestamp::from_microsecond(ts.0.clamp(EARLIEST, LATEST)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned(zone.0.clone())
}

pub(super) fn micros(at: jiff::Timestamp) -> Timestamp {
    // Rounded down also before 1970, where the library rounds towards zero.
    Timestamp(at.as_nanosecond().div_euclid(1_000) as i64)
}

pub(super) fn offset_text(offset: Offset) -> String {
    let (sign, secs) = (if offset.seconds() < 0 { '-' } else { '+' }, offset.seconds().unsigned_abs());
    let seconds = if secs % 60 == 0 { String::new() } else { format!(":{:02}", secs % 60) };
    format!("{sign}{:02}:{:02}{seconds}", secs / 3_600, secs / 60 % 60)
}
