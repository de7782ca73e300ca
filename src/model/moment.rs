//! Moments as people write them: time expressions, zones, durations, and addresses (`KEY@WHEN`). The only door to the time zone library;
//! its types stay behind it.
//!
//! The accepted forms:
//!
//! | form | meaning |
//! |---|---|
//! | `2018-09-18T14:02:00+02:00`, `...Z` | that instant (RFC 3339; also with a blank for the `T`) |
//! | `2018-09-18 14:02`, `2018-09-18T14:02:07.5` | wall clock in the zone |
//! | `2018-09-18`, `yesterday`, `today`, `last friday` | the END of that day, 23:59:59.999999; `last friday` is the one before today |
//! | `yesterday 14:00`, `last friday 14:00` | wall clock of that day |
//! | `now` | now |
//! | `2 days ago`, `1w ago`, `3 months ago`, `1 year ago` | the same wall clock then, whatever the clocks did in between |
//! | `2h ago`, `30m ago`, `90s ago`, `1h 30m ago` | that exact duration ago |
//! | `v7`, `seq:812`, `mark:NAME` | a version, a batch, a mark |
//! | any time with `[Europe/Oslo]` behind it | read in that zone (RFC 9557) |
//! | `A..B`, `A..`, `..B` | a range, see [`MomentRange`] |
//!
//! Where a wall clock was typed it must name exactly one instant: an hour that the clocks skipped is refused with its neighbours, one that
//! came twice needs an offset (`2026-10-25 02:30 +02:00`). A wall clock that was only computed (`2 days ago`) moves forward out of a skipped
//! hour and takes the first of two. Nanoseconds are cut to microseconds; a leap second counts as the second before it.

use std::fmt;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{self, AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};
use jiff::{Span, Zoned};

use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;

use super::key;

/// Microseconds: 0000-01-02T00:00:00Z, the earliest instant whose year has four digits in every zone.
const EARLIEST: i64 = -62_167_132_800_000_000;
/// Microseconds: 9999-12-30T21:59:59.999999Z, the latest instant whose year has four digits in every zone.
const LATEST: i64 = 253_402_207_199_999_999;
/// Bytes: the longest time expression other than a mark. The longest sensible one, with the longest zone name, has 80.
const EXPRESSION_BYTES_MAX: usize = 200;
/// Seconds: the longest duration, a million days (2,737 years), so that sums with any time stay within 64 bits.
const DURATION_SECS_MAX: u64 = 86_400_000_000;

const EXAMPLES: &str = "write for example 2018-09-18, '2018-09-18 14:02', 'yesterday 14:00', '2 days ago', 2018-09-18T14:02:00+02:00, v7, \
                        mark:NAME or seq:812";

/// A point in history as a person names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// An instant: what was there then.
    Instant(Timestamp),
    /// The n-th version of a document, from 1.
    Version(u64),
    /// A named position.
    Mark(String),
    /// After the batch with this sequence number; 0 is before the first.
    Seq(u64),
}

impl fmt::Display for Moment {
    /// In a form that [`parse`] reads back.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Moment::Instant(ts) => f.write_str(&rfc3339_utc(*ts)),
            Moment::Version(n) => write!(f, "v{n}"),
            Moment::Mark(name) => write!(f, "mark:{name}"),
            Moment::Seq(n) => write!(f, "seq:{n}"),
        }
    }
}

/// What changed after the state at `from`, up to and with the state at `until`. A missing side is the beginning or the present.
/// A bare date is the end of its day on both sides: `2018-09-17..2018-09-18` is all of the 18th.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MomentRange {
    /// Exclusive start; `None` is before the first batch.
    pub from: Option<Moment>,
    /// Inclusive end; `None` is the newest state.
    pub until: Option<Moment>,
}

/// Reads one time expression (see the module's table). `zone` is where wall clocks without a zone of their own are read.
///
/// Every failure is of kind [`Kind::Usage`](crate::base::error::Kind::Usage) with a code `time.*` and a correct example as its hint.
pub fn parse(text: &str, now: Timestamp, zone: &Zone) -> Result<Moment> {
    let text = text.trim();
    match shape(text) {
        Some(shape) => shape.resolve(text, now, zone),
        None => Err(not_understood(text)),
    }
}

/// Reads `A..B`, `A..`, `..B` or `..`. The sides are divided at the first `..`, so a mark whose name holds two dots cannot stand here.
pub fn parse_range(text: &str, now: Timestamp, zone: &Zone) -> Result<MomentRange> {
    let hint = "write A..B, for example 2018-09-01..2018-09-18, yesterday.. or v3..v7";
    let Some((from, until)) = text.split_once("..") else {
        return Err(Error::usage("time.range", format!("not a range: {}", quoted(text))).hint(hint));
    };
    if until.starts_with('.') || until.contains("..") {
        return Err(Error::usage("time.range", format!("a range has one pair of dots: {}", quoted(text))).hint(hint));
    }
    let side = |part: &str| if part.trim().is_empty() { Ok(None) } else { parse(part, now, zone).map(Some) };
    let range = MomentRange { from: side(from)?, until: side(until)? };
    let empty = match (&range.from, &range.until) {
        (Some(Moment::Instant(a)), Some(Moment::Instant(b))) => a >= b,
        (Some(Moment::Version(a)), Some(Moment::Version(b))) | (Some(Moment::Seq(a)), Some(Moment::Seq(b))) => a >= b,
        _ => false,
    };
    if empty {
        return Err(Error::usage("time.order", format!("nothing lies in this range, its end is not after its start: {}", quoted(text)))
            .hint("put the older moment first; a bare date is the end of its day, so all of 18 September is 2018-09-17..2018-09-18"));
    }
    Ok(range)
}

/// Reads an RFC 3339 time with its offset, and nothing else: the form of JSON and of metadata.
pub fn parse_rfc3339(text: &str) -> Result<Timestamp> {
    let bad = || {
        Error::usage("time.rfc3339", format!("not an RFC 3339 time: {}", quoted(text)))
            .hint("write for example 2018-09-18T14:02:00Z or 2018-09-18T14:02:00+02:00")
    };
    match shape(text) {
        Some(shape @ Shape::Day { day: Day::Date { .. }, clock: Some(Clock { seconds: true, .. }), offset: Some(_), zone: None }) => {
            match shape.resolve(text, Timestamp::default(), &Zone::utc())? {
                Moment::Instant(ts) => Ok(ts),
                _ => Err(bad()),
            }
        }
        _ => Err(bad()),
    }
}

/// A time zone with its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

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

/// `2018-09-18 23:59:59 +02:00 (Europe/Oslo)`. Fractions of a second are not shown; [`parse`] reads this form back.
/// Times outside the years 0 to 9999, which no clock of a store gives, are shown as the nearest end.
pub fn show(ts: Timestamp, zone: &Zone) -> String {
    let at = zoned(ts, zone);
    let offset = offset_text(at.offset());
    let (date, time) = (at.date(), at.time());
    let text = format!("{} {:02}:{:02}:{:02} {offset}", date_text(date), time.hour(), time.minute(), time.second());
    match zone.0.iana_name() {
        Some(name) => format!("{text} ({name})"),
        None => text,
    }
}

/// `18 Sep 2018 14:02 +02:00`, for tables.
pub fn show_short(ts: Timestamp, zone: &Zone) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = zoned(ts, zone);
    let month = MONTHS.get(at.month() as usize - 1).copied().unwrap_or("?");
    format!("{} {month} {:04} {:02}:{:02} {}", at.day(), at.year(), at.hour(), at.minute(), offset_text(at.offset()))
}

/// `2018-09-18T21:59:59Z`, with six digits of a second where they are not zero: the form of JSON.
pub fn rfc3339_utc(ts: Timestamp) -> String {
    let at = zoned(ts, &Zone::utc()).datetime();
    let micros = ts.0.clamp(EARLIEST, LATEST).rem_euclid(1_000_000);
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    format!("{}T{:02}:{:02}:{:02}{fraction}Z", date_text(at.date()), at.hour(), at.minute(), at.second())
}

/// A length of time in one unit for people: `45 seconds`, `3 days`, `2 years`; `in 3 days` where it is negative (the future).
/// Rounded down; months and years are 30.44 and 365.25 days.
pub fn age(seconds: i64) -> String {
    let secs = seconds.unsigned_abs();
    let (n, unit) = match secs {
        0..120 => (secs, "second"),
        120..7_200 => (secs / 60, "minute"),
        7_200..172_800 => (secs / 3_600, "hour"),
        172_800..5_184_000 => (secs / 86_400, "day"),
        5_184_000..63_115_200 => (secs / 2_630_016, "month"),
        _ => (secs / 31_557_600, "year"),
    };
    let plural = if n == 1 { "" } else { "s" };
    let before = if seconds < 0 { "in " } else { "" };
    format!("{before}{n} {unit}{plural}")
}

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

/// What a command line names: a document or prefix, and perhaps a moment.
///
/// The text is divided at the LAST `@` whose right side has the shape of a time expression, so mail addresses and `@scope/name` are keys
/// as they are: `kari@example.no`, `kari@example.no@yesterday`. Doubling an `@` means nothing special: `a@@v7` is version 7 of `a@`. Where a
/// key itself ends in something like `@v7`, write its `@` as `\x40`, as [`Address::show`] does.
/// A slash date counts as a time expression here, so that it is refused with its reason and not looked for as a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The document key or prefix. Empty only for the whole store at a moment: `@mark:NAME`.
    pub key: Vec<u8>,
    /// The time expression as it was typed, for [`parse`].
    pub when: Option<String>,
}

impl Address {
    /// Reads `KEY`, `KEY@WHEN` or `@WHEN`. The key may hold escapes, see [`key::parse_key`].
    pub fn parse(text: &str) -> Result<Self> {
        let split = text.rmatch_indices('@').find(|(at, _)| shape(text[at + 1..].trim()).is_some());
        let (name, when) = match split {
            Some((at, _)) => (&text[..at], Some(text[at + 1..].trim())),
            None => (text, None),
        };
        let key = key::parse_key(name);
        match when {
            Some(when) if key.is_empty() => {
                if matches!(shape(when), Some(Shape::Version(_))) {
                    return Err(Error::usage("time.address", format!("a version belongs to a document: {}", quoted(text)))
                        .hint(format!("put the document before it, for example letter.txt@{when}")));
                }
            }
            _ => key::check_key(&key)?,
        }
        Ok(Address { key, when: when.map(str::to_owned) })
    }

    /// The text that [`Address::parse`] reads back as this key and moment. An `@` of the key is escaped only where it would be misread.
    pub fn show(key: &[u8], when: Option<&str>) -> String {
        let join = |name: String| match when {
            Some(when) => format!("{name}@{when}"),
            None => name,
        };
        let plain = join(key::show_key(key));
        match Address::parse(&plain) {
            Ok(address) if address.key == key && address.when.as_deref() == when => plain,
            _ => join(key::show_key(key).replace('@', "\\x40")),
        }
    }
}

/// What an expression looks like, before it is known whether such a day, hour or zone exists. Addresses are divided by shape alone, so that
/// `letter@2018-02-30` is refused as a date and not looked for as a document.
enum Shape<'a> {
    Mark(&'a str),
    Seq(&'a str),
    Version(&'a str),
    Slash,
    Now,
    Ago { parts: Vec<(u64, Unit)>, zone: Option<&'a str> },
    Day { day: Day, clock: Option<Clock>, offset: Option<OffsetText>, zone: Option<&'a str> },
}

#[derive(Clone, Copy)]
enum Day {
    Date { year: i16, month: i8, day: i8 },
    Today,
    Yesterday,
    Last(Weekday),
}

/// A time of day as typed; out of range until checked.
#[derive(Clone, Copy)]
struct Clock {
    hour: i8,
    minute: i8,
    second: i8,
    micros: i32,
    /// Whether seconds were written.
    seconds: bool,
}

/// An offset as typed.
#[derive(Clone, Copy)]
enum OffsetText {
    /// `Z` and `-00:00`: the instant is known, the local offset is not (RFC 9557), so a zone beside it cannot contradict.
    Utc,
    Secs(i32),
}

impl OffsetText {
    fn offset(self) -> Result<Offset> {
        match self {
            OffsetText::Utc => Ok(Offset::UTC),
            OffsetText::Secs(secs) => Offset::from_seconds(secs).map_err(|_| out_of_range("an offset")),
        }
    }
}

/// Recognises a trimmed expression. `None`: not a time expression at all.
fn shape(text: &str) -> Option<Shape<'_>> {
    if let Some(name) = text.strip_prefix("mark:") {
        return Some(Shape::Mark(name));
    }
    if text.len() > EXPRESSION_BYTES_MAX || !text.is_ascii() {
        return None;
    }
    if let Some(digits) = text.strip_prefix("seq:") {
        return Some(Shape::Seq(digits));
    }
    if let Some(digits) = text.strip_prefix('v').filter(|d| is_digits(d)) {
        return Some(Shape::Version(digits));
    }
    if slash_date(text).is_some() {
        return Some(Shape::Slash);
    }
    let (body, zone, parenthesised) = split_zone(text);
    let lower = body.to_ascii_lowercase();
    if lower == "now" {
        return (!parenthesised).then_some(Shape::Now);
    }
    if let Some(length) = lower.strip_suffix("ago") {
        return parts(length).filter(|_| !parenthesised).map(|parts| Shape::Ago { parts, zone });
    }
    let (day, rest) = day_shape(&lower)?;
    let (clock, offset) = clock_and_offset(rest)?;
    // Parentheses are read only where our own output has them, after an offset; elsewhere they belong to a name: "list@2018-09-18 (copy)".
    (!parenthesised || offset.is_some()).then_some(Shape::Day { day, clock, offset, zone })
}

/// Splits `[Europe/Oslo]` or `(Europe/Oslo)` off the end; the third part says that it was in parentheses.
fn split_zone(text: &str) -> (&str, Option<&str>, bool) {
    for (open, close) in [('[', ']'), ('(', ')')] {
        let inner = text.strip_suffix(close).and_then(|t| t.rsplit_once(open));
        if let Some((body, zone)) = inner.filter(|(_, zone)| is_zone_name(zone) || parse_offset(zone).is_some()) {
            return (body.trim_end(), Some(zone), open == '(');
        }
    }
    (text, None, false)
}

/// The day at the start of a lowercase expression, and what follows it.
fn day_shape(lower: &str) -> Option<(Day, &str)> {
    let (word, rest) = lower.split_once(char::is_whitespace).unwrap_or((lower, ""));
    match word {
        "today" => return Some((Day::Today, rest)),
        "yesterday" => return Some((Day::Yesterday, rest)),
        "last" => {
            let rest = rest.trim_start();
            let (word, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            return Some((Day::Last(weekday(word)?), rest));
        }
        _ => {}
    }
    let (date, rest) = lower.split_at_checked(10)?;
    let mut fields = date.split('-');
    let (year, month, day) = (fields.next()?, fields.next()?, fields.next()?);
    if (year.len(), month.len(), day.len()) != (4, 2, 2) || ![year, month, day].into_iter().all(is_digits) {
        return None;
    }
    let rest = match rest.strip_prefix('t') {
        Some(clock) if clock.starts_with(|c: char| c.is_ascii_digit()) => clock,
        Some(_) => return None,
        // A clock must not touch the date: 2018-09-1814:02.
        None if rest.starts_with(|c: char| c.is_ascii_digit()) => return None,
        None => rest,
    };
    Some((Day::Date { year: year.parse().ok()?, month: month.parse().ok()?, day: day.parse().ok()? }, rest))
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" | "mon" => Weekday::Monday,
        "tuesday" | "tue" => Weekday::Tuesday,
        "wednesday" | "wed" => Weekday::Wednesday,
        "thursday" | "thu" => Weekday::Thursday,
        "friday" | "fri" => Weekday::Friday,
        "saturday" | "sat" => Weekday::Saturday,
        "sunday" | "sun" => Weekday::Sunday,
        _ => return None,
    })
}

/// `[HH:MM[:SS[.fraction]]] [offset]`, all of it.
fn clock_and_offset(rest: &str) -> Option<(Option<Clock>, Option<OffsetText>)> {
    let rest = rest.trim();
    let (clock, rest) = if rest.starts_with(|c: char| c.is_ascii_digit()) {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(rest.len());
        (Some(parse_clock(&rest[..end])?), rest[end..].trim_start())
    } else {
        (None, rest)
    };
    let offset = if rest.is_empty() { None } else { Some(parse_offset(rest)?) };
    Some((clock, offset))
}

fn parse_clock(text: &str) -> Option<Clock> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if is_digits(fraction) && fraction.len() <= 9 => (whole, fraction),
        Some(_) => return None,
        None => (text, ""),
    };
    let mut fields = whole.split(':');
    let (hour, minute, second) = (fields.next()?, fields.next()?, fields.next());
    if fields.next().is_some() || !(1..=2).contains(&hour.len()) || minute.len() != 2 || second.is_some_and(|s| s.len() != 2) {
        return None;
    }
    if second.is_none() && !fraction.is_empty() {
        return None;
    }
    let micros = format!("{fraction:0<6}");
    Some(Clock {
        hour: hour.parse().ok()?,
        minute: minute.parse().ok()?,
        second: second.unwrap_or("0").parse().ok()?,
        micros: micros[..6].parse().ok()?,
        seconds: second.is_some(),
    })
}

/// `z`, `+02`, `+0200`, `+02:00`; also `+00:19:32`, which old local times have and [`show`] prints.
fn parse_offset(lower: &str) -> Option<OffsetText> {
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Unit {
    fn of(word: &str) -> Option<Unit> {
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
    fn secs(self) -> Option<u64> {
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
fn parts(lower: &str) -> Option<Vec<(u64, Unit)>> {
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

impl Shape<'_> {
    fn resolve(self, text: &str, now: Timestamp, zone: &Zone) -> Result<Moment> {
        let number = |digits: &str, example: &str, what: &str| match digits.parse::<u64>() {
            Ok(n) if is_digits(digits) => Ok(n),
            _ => Err(Error::usage("time.number", format!("not a {what}: {}", quoted(text))).hint(format!("write for example {example}"))),
        };
        let zone_of = |suffix: Option<&str>| suffix.map_or_else(|| Ok(zone.clone()), Zone::parse);
        let instant = match self {
            Shape::Mark(name) => return mark(name),
            Shape::Seq(digits) => return number(digits, "seq:812", "sequence number").map(Moment::Seq),
            Shape::Version(digits) => {
                return match number(digits, "v7", "version number")? {
                    0 => Err(Error::usage("time.number", "versions are counted from 1: v0").hint("the first version is v1")),
                    n => Ok(Moment::Version(n)),
                };
            }
            Shape::Slash => return Err(slash_refused(text)),
            Shape::Now => now,
            Shape::Ago { parts, zone } => ago(&parts, now, &zone_of(zone)?).ok_or_else(|| out_of_range(text))?,
            Shape::Day { day, clock, offset, zone: suffix } => {
                let zone = zone_of(suffix)?;
                let date = day.resolve(now, &zone, text)?;
                let clock = clock.map(|c| c.resolve(date, text)).transpose()?;
                let at = match (clock, offset) {
                    (Some(clock), None) => from_wall_clock(date.to_datetime(clock), &zone, text)?,
                    (None, None) => end_of_day(date, &zone, text)?,
                    (clock, Some(offset)) => {
                        let wall = date.to_datetime(clock.unwrap_or(END_OF_DAY));
                        from_offset(wall, offset, suffix.map(|_| &zone), text)?
                    }
                };
                micros(at)
            }
        };
        if (EARLIEST..=LATEST).contains(&instant.0) { Ok(Moment::Instant(instant)) } else { Err(out_of_range(text)) }
    }
}

impl Day {
    fn resolve(self, now: Timestamp, zone: &Zone, text: &str) -> Result<Date> {
        let today = zoned(now, zone).date();
        let earlier = |date: Result<Date, jiff::Error>| date.map_err(|_| out_of_range(text));
        match self {
            Day::Today => Ok(today),
            Day::Yesterday => earlier(today.yesterday()),
            Day::Last(weekday) => earlier(today.nth_weekday(-1, weekday)),
            Day::Date { year, month, day } => Date::new(year, month, day).map_err(|_| {
                let error = Error::usage("time.date", format!("no such day in the calendar: {}", quoted(text)));
                match Date::new(year, month, 1) {
                    Ok(first) => error.hint(format!("the last day of that month is {}", date_text(first.last_of_month()))),
                    Err(_) => error.hint("write year-month-day, for example 2018-09-18"),
                }
            }),
        }
    }
}

impl Clock {
    fn resolve(self, date: Date, text: &str) -> Result<Time> {
        if (self.hour, self.minute, self.second) == (24, 0, 0) {
            let error = Error::usage("time.clock", format!("a day ends at 23:59:59, there is no 24:00: {}", quoted(text)));
            return Err(match date.tomorrow() {
                Ok(next) => error.hint(format!("write '{} 00:00'", date_text(next))),
                Err(_) => error.hint("write 23:59:59"),
            });
        }
        let second = if self.second == 60 { 59 } else { self.second };
        Time::new(self.hour, self.minute, second, self.micros * 1_000).map_err(|_| {
            Error::usage("time.clock", format!("no such time of day: {}", quoted(text))).hint("hours go from 00 to 23, minutes to 59: 14:02")
        })
    }
}

const END_OF_DAY: Time = Time::constant(23, 59, 59, 999_999_000);

/// The last microsecond of a local day, also where the clocks are turned at midnight.
fn end_of_day(date: Date, zone: &Zone, text: &str) -> Result<jiff::Timestamp> {
    let wall = date.to_datetime(END_OF_DAY);
    let ambiguous = zone.0.to_ambiguous_timestamp(wall);
    match ambiguous.offset() {
        AmbiguousOffset::Gap { before, after } => {
            let turn = turn_of(wall, after, zone, text)?;
            let last = turn.checked_sub(Span::new().microseconds(1)).map_err(|_| out_of_range(text))?;
            if before.to_datetime(last).date() == date { Ok(last) } else { Err(skipped(&date_text(date), turn, before, after, zone)) }
        }
        _ => ambiguous.later().map_err(|_| out_of_range(text)),
    }
}

/// The one instant at which the clocks in `zone` showed `wall`.
fn from_wall_clock(wall: DateTime, zone: &Zone, text: &str) -> Result<jiff::Timestamp> {
    let ambiguous = zone.0.to_ambiguous_timestamp(wall);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => ambiguous.unambiguous().map_err(|_| out_of_range(text)),
        AmbiguousOffset::Gap { before, after } => {
            let turn = turn_of(wall, after, zone, text)?;
            Err(skipped(&wall_text(wall), turn, before, after, zone))
        }
        AmbiguousOffset::Fold { before, after } => {
            let (wall, before, after) = (wall_text(wall), offset_text(before), offset_text(after));
            Err(Error::usage("time.twice", format!("{wall} came twice in {zone}, first at {before} and then at {after}"))
                .hint(format!("write '{wall} {before}' or '{wall} {after}'")))
        }
    }
}

fn from_offset(wall: DateTime, offset: OffsetText, zone: Option<&Zone>, text: &str) -> Result<jiff::Timestamp> {
    let given = offset.offset()?;
    let at = given.to_timestamp(wall).map_err(|_| out_of_range(text))?;
    if let (OffsetText::Secs(_), Some(zone)) = (offset, zone) {
        let real = zone.0.to_offset(at);
        if real != given {
            let message = format!("{zone} is at {} then, not at {}: {}", offset_text(real), offset_text(given), quoted(text));
            return Err(Error::usage("time.offset", message).hint(format!("write '{} {}'", wall_text(wall), offset_text(real))));
        }
    }
    Ok(at)
}

/// The instant at which the clocks skipped `wall` and went over to the offset `after`.
fn turn_of(wall: DateTime, after: Offset, zone: &Zone, text: &str) -> Result<jiff::Timestamp> {
    // Read with the later offset, a skipped wall clock lies before the turn.
    let before = after.to_timestamp(wall).map_err(|_| out_of_range(text))?;
    let turn = zone.0.following(before).find(|turn| turn.offset() == after);
    turn.map(|t| t.timestamp()).ok_or_else(|| out_of_range(text))
}

fn skipped(what: &str, turn: jiff::Timestamp, before: Offset, after: Offset, zone: &Zone) -> Error {
    let (from, to) = (before.to_datetime(turn), after.to_datetime(turn));
    let minute_before = from.saturating_sub(Span::new().minutes(1));
    let (from, to, minute_before) = (wall_text(from), wall_text(to), wall_text(minute_before));
    Error::usage("time.gap", format!("{what} does not exist in {zone}: the clocks went from {from} straight to {to}"))
        .hint(format!("write '{minute_before}' or '{to}'"))
}

/// Calendar units first, with the wall clock kept; then the exact ones. `None` outside the range of times.
fn ago(parts: &[(u64, Unit)], now: Timestamp, zone: &Zone) -> Option<Timestamp> {
    let total = |wanted: Unit| -> Option<i64> {
        let mut sum = 0u64;
        for (n, _) in parts.iter().filter(|(_, unit)| *unit == wanted) {
            sum = sum.checked_add(*n)?;
        }
        i64::try_from(sum).ok()
    };
    let span = Span::new().try_years(total(Unit::Year)?).ok()?.try_months(total(Unit::Month)?).ok()?;
    let span = span.try_weeks(total(Unit::Week)?).ok()?.try_days(total(Unit::Day)?).ok()?;
    let span = span.try_hours(total(Unit::Hour)?).ok()?.try_minutes(total(Unit::Minute)?).ok()?;
    let span = span.try_seconds(total(Unit::Second)?).ok()?;
    let then = zoned(now, zone).checked_sub(span).ok()?;
    Some(micros(then.timestamp()))
}

fn mark(name: &str) -> Result<Moment> {
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Error::usage("time.mark", format!("not the name of a mark: {}", quoted(name))).hint("write for example mark:before-import"));
    }
    key::check_text("mark", name)?;
    Ok(Moment::Mark(name.to_owned()))
}

/// The date part of `18/09/2018` or `2018/09/18`, perhaps with a time of day behind it.
fn slash_date(text: &str) -> Option<[&str; 3]> {
    let word = text.split_whitespace().next()?;
    let mut fields = word.split('/');
    let date = [fields.next()?, fields.next()?, fields.next()?];
    let sound = fields.next().is_none() && date.iter().all(|f| f.len() <= 4 && is_digits(f));
    let rest = text[word.len()..].trim();
    (sound && (rest.is_empty() || parse_clock(rest).is_some())).then_some(date)
}

fn slash_refused(text: &str) -> Error {
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

fn out_of_range(text: &str) -> Error {
    Error::usage("time.outside", format!("outside the years 0 to 9999: {}", quoted(text))).hint("write a time between, for example 1997-05-31")
}

/// The refusal of something that is no time expression, with the nearest thing that is one.
fn not_understood(text: &str) -> Error {
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

/// The zone whose name, or whose last part (the city), is most like `lower`.
fn nearest_zone(lower: &str) -> Option<String> {
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
fn is_zone_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'+' | b'-'))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn zoned(ts: Timestamp, zone: &Zone) -> Zoned {
    let at = jiff::Timestamp::from_microsecond(ts.0.clamp(EARLIEST, LATEST)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.to_zoned(zone.0.clone())
}

fn micros(at: jiff::Timestamp) -> Timestamp {
    // Rounded down also before 1970, where the library rounds towards zero.
    Timestamp(at.as_nanosecond().div_euclid(1_000) as i64)
}

fn date_text(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

fn wall_text(wall: DateTime) -> String {
    let seconds = if wall.second() == 0 { String::new() } else { format!(":{:02}", wall.second()) };
    format!("{} {:02}:{:02}{seconds}", date_text(wall.date()), wall.hour(), wall.minute())
}

fn offset_text(offset: Offset) -> String {
    let (sign, secs) = (if offset.seconds() < 0 { '-' } else { '+' }, offset.seconds().unsigned_abs());
    let seconds = if secs % 60 == 0 { String::new() } else { format!(":{:02}", secs % 60) };
    format!("{sign}{:02}:{:02}{seconds}", secs / 3_600, secs / 60 % 60)
}

/// What was typed, for messages: on one line and not longer than a line.
fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 80;
    let shown: String = text.chars().take(CHARS_MAX).flat_map(char::escape_debug).collect();
    if text.chars().nth(CHARS_MAX).is_some() { format!("{shown}...") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Kind;
    use proptest::prelude::*;

    fn oslo() -> Zone {
        Zone::parse("Europe/Oslo").expect("zone")
    }

    /// Wednesday 2026-11-25 10:30:15.25 in Oslo (+01:00).
    const NOW: Timestamp = Timestamp(1_795_599_015_250_000);

    fn utc(text: &str, now: Timestamp, zone: &Zone) -> String {
        match parse(text, now, zone) {
            Ok(Moment::Instant(ts)) => rfc3339_utc(ts),
            other => panic!("{text:?} gave {other:?}"),
        }
    }

    fn at(text: &str) -> String {
        utc(text, NOW, &oslo())
    }

    /// The code and the hint of the refusal.
    fn refused(text: &str) -> (&'static str, String) {
        let e = parse(text, NOW, &oslo()).expect_err(text);
        assert_eq!(e.kind(), Kind::Usage, "{text}");
        assert!(e.code().starts_with("time."), "{text}: {}", e.code());
        (e.code(), e.what_next().unwrap_or_else(|| panic!("{text} has no hint")).to_owned())
    }

    #[test]
    fn rfc3339_and_local_wall_clocks() {
        assert_eq!(rfc3339_utc(NOW), "2026-11-25T09:30:15.250000Z");
        assert_eq!(at("2018-09-18T14:02:00Z"), "2018-09-18T14:02:00Z");
        assert_eq!(at("2018-09-18t14:02:00.5z"), "2018-09-18T14:02:00.500000Z");
        assert_eq!(at("2018-09-18T14:02:00+02:00"), "2018-09-18T12:02:00Z");
        assert_eq!(at("2018-09-18T14:02:00-0330"), "2018-09-18T17:32:00Z");
        assert_eq!(at("2018-09-18 14:02:00.123456789 +02"), "2018-09-18T12:02:00.123456Z");
        assert_eq!(at("2016-12-31T23:59:60Z"), "2016-12-31T23:59:59Z");
        assert_eq!(at("2018-09-18 14:02"), "2018-09-18T12:02:00Z");
        assert_eq!(at("  2018-09-18   14:02:07 "), "2018-09-18T12:02:07Z");
        assert_eq!(at("2018-09-18T14:02"), "2018-09-18T12:02:00Z");
        assert_eq!(at("2018-12-18 9:02"), "2018-12-18T08:02:00Z");
    }

    #[test]
    fn times_before_1970_and_old_local_times() {
        assert_eq!(at("1969-12-31T23:59:59.9999995Z"), "1969-12-31T23:59:59.999999Z");
        assert_eq!(at("1850-01-01 12:00"), "1850-01-01T11:17:00Z");
        let amsterdam = Zone::parse("Europe/Amsterdam").expect("zone");
        let old = parse("1905-03-01 12:00", NOW, &amsterdam).expect("old");
        let Moment::Instant(ts) = old else { panic!("{old:?}") };
        let shown = show(ts, &amsterdam);
        assert_eq!(parse(&shown, NOW, &Zone::utc()).expect("shown"), old, "{shown}");
        assert_eq!(at("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00Z");
    }

    #[test]
    fn a_bare_day_is_its_end() {
        assert_eq!(at("2018-09-18"), "2018-09-18T21:59:59.999999Z");
        assert_eq!(at("2018-09-18Z"), "2018-09-18T23:59:59.999999Z");
        assert_eq!(at("2018-09-18 -05:00"), "2018-09-19T04:59:59.999999Z");
        assert_eq!(at("today"), "2026-11-25T22:59:59.999999Z");
        assert_eq!(at("Yesterday"), "2026-11-24T22:59:59.999999Z");
        assert_eq!(at("yesterday 14:00"), "2026-11-24T13:00:00Z");
        assert_eq!(at("today 08:15:30"), "2026-11-25T07:15:30Z");
        assert_eq!(at("now"), "2026-11-25T09:30:15.250000Z");
    }

    #[test]
    fn the_day_is_that_of_the_zone() {
        let tokyo = Zone::parse("Asia/Tokyo").expect("zone");
        let late = parse_rfc3339("2026-11-25T16:00:00Z").expect("time");
        assert_eq!(utc("today", late, &tokyo), "2026-11-26T14:59:59.999999Z");
        assert_eq!(utc("today [Asia/Tokyo]", late, &oslo()), "2026-11-26T14:59:59.999999Z");
        assert_eq!(utc("today", late, &oslo()), "2026-11-25T22:59:59.999999Z");
    }

    #[test]
    fn last_weekday_is_before_today() {
        assert_eq!(at("last friday"), "2026-11-20T22:59:59.999999Z");
        assert_eq!(at("last Fri 14:00"), "2026-11-20T13:00:00Z");
        assert_eq!(at("last tuesday"), "2026-11-24T22:59:59.999999Z");
        // Today is a Wednesday.
        assert_eq!(at("last wednesday"), "2026-11-18T22:59:59.999999Z");
    }

    #[test]
    fn calendar_lengths_keep_the_wall_clock_and_exact_ones_do_not() {
        // Monday after the clocks went back: 12:00 +01:00.
        let monday = parse_rfc3339("2026-10-26T11:00:00Z").expect("time");
        assert_eq!(utc("2 days ago", monday, &oslo()), "2026-10-24T10:00:00Z");
        assert_eq!(utc("48h ago", monday, &oslo()), "2026-10-24T11:00:00Z");
        assert_eq!(utc("1w ago", monday, &oslo()), "2026-10-19T10:00:00Z");
        assert_eq!(utc("3 months ago", monday, &oslo()), "2026-07-26T10:00:00Z");
        assert_eq!(utc("1 year ago", monday, &oslo()), "2025-10-26T11:00:00Z");
        assert_eq!(utc("2 days ago [UTC]", monday, &oslo()), "2026-10-24T11:00:00Z");
        assert_eq!(at("2h ago"), "2026-11-25T07:30:15.250000Z");
        assert_eq!(at("30 minutes ago"), "2026-11-25T09:00:15.250000Z");
        assert_eq!(at("90s ago"), "2026-11-25T09:28:45.250000Z");
        assert_eq!(at("1h 30m ago"), at("90m ago"));
        assert_eq!(at("1d2h ago"), "2026-11-24T07:30:15.250000Z");
        // The 31st of a shorter month is its last day.
        let march = parse_rfc3339("2026-03-31T10:00:00Z").expect("time");
        assert_eq!(utc("1 month ago", march, &oslo()), "2026-02-28T11:00:00Z");
    }

    #[test]
    fn computed_wall_clocks_leave_skipped_hours_forwards_and_take_the_first_of_two() {
        let after_spring = parse_rfc3339("2026-03-30T02:30:00+02:00").expect("time");
        assert_eq!(utc("1 day ago", after_spring, &oslo()), "2026-03-29T01:30:00Z");
        let after_autumn = parse_rfc3339("2026-10-26T02:30:00+01:00").expect("time");
        assert_eq!(utc("1 day ago", after_autumn, &oslo()), "2026-10-25T00:30:00Z");
    }

    #[test]
    fn a_skipped_hour_is_refused_with_its_neighbours() {
        for text in ["2026-03-29 02:30", "2026-03-29T02:00:00", "2026-03-29 02:59:59.9"] {
            let e = parse(text, NOW, &oslo()).expect_err(text);
            assert_eq!(e.code(), "time.gap");
            assert!(e.to_string().contains("from 2026-03-29 02:00 straight to 2026-03-29 03:00"), "{e}");
            assert_eq!(e.what_next(), Some("write '2026-03-29 01:59' or '2026-03-29 03:00'"));
        }
        assert_eq!(at("2026-03-29 01:59"), "2026-03-29T00:59:00Z");
        assert_eq!(at("2026-03-29 03:00"), "2026-03-29T01:00:00Z");
        assert_eq!(at("2026-03-29"), "2026-03-29T21:59:59.999999Z");
        let next_day = parse_rfc3339("2026-03-30T08:00:00Z").expect("time");
        assert_eq!(parse("yesterday 02:30", next_day, &oslo()).expect_err("typed").code(), "time.gap");
        assert_eq!(at("2026-03-29 02:30 [UTC]"), "2026-03-29T02:30:00Z");
    }

    #[test]
    fn an_hour_that_came_twice_needs_an_offset() {
        let e = parse("2026-10-25 02:30", NOW, &oslo()).expect_err("twice");
        assert_eq!(e.code(), "time.twice");
        assert_eq!(e.to_string(), "2026-10-25 02:30 came twice in Europe/Oslo, first at +02:00 and then at +01:00");
        assert_eq!(e.what_next(), Some("write '2026-10-25 02:30 +02:00' or '2026-10-25 02:30 +01:00'"));
        assert_eq!(at("2026-10-25 02:30 +02:00"), "2026-10-25T00:30:00Z");
        assert_eq!(at("2026-10-25 02:30 +01:00"), "2026-10-25T01:30:00Z");
        assert_eq!(at("2026-10-25T02:30:00+01:00[Europe/Oslo]"), "2026-10-25T01:30:00Z");
        assert_eq!(at("2026-10-25 03:00"), "2026-10-25T02:00:00Z");
        let next_day = parse_rfc3339("2026-10-26T08:00:00Z").expect("time");
        assert_eq!(utc("yesterday 02:30 +01:00", next_day, &oslo()), "2026-10-25T01:30:00Z");
    }

    #[test]
    fn days_end_where_the_clocks_turn_at_midnight() {
        let zone = |name: &str| Zone::parse(name).expect(name);
        // 2018-11-04 00:00 did not exist in Sao Paulo; the day before ends as always.
        assert_eq!(utc("2018-11-03", NOW, &zone("America/Sao_Paulo")), "2018-11-04T02:59:59.999999Z");
        // 2018-02-17 23:00 to 24:00 came twice; the day ends with the second.
        assert_eq!(utc("2018-02-17", NOW, &zone("America/Sao_Paulo")), "2018-02-18T02:59:59.999999Z");
        // Samoa had no 30 December 2011.
        let e = parse("2011-12-30", NOW, &zone("Pacific/Apia")).expect_err("skipped day");
        assert_eq!(e.code(), "time.gap");
        assert_eq!(e.what_next(), Some("write '2011-12-29 23:59' or '2011-12-31 00:00'"));
    }

    #[test]
    fn zone_suffixes() {
        assert_eq!(at("2018-09-18 14:02 [America/New_York]"), "2018-09-18T18:02:00Z");
        assert_eq!(at("2018-09-18 14:02[+05:30]"), "2018-09-18T08:32:00Z");
        assert_eq!(at("2018-09-18T14:02:00Z[Europe/Oslo]"), "2018-09-18T14:02:00Z");
        assert_eq!(at("2018-09-18 23:59:59 +02:00 (Europe/Oslo)"), "2018-09-18T21:59:59Z");
        let wrong = refused("2018-12-18T14:02:00+02:00[Europe/Oslo]");
        assert_eq!(wrong, ("time.offset", "write '2018-12-18 14:02 +01:00'".to_owned()));
        assert_eq!(refused("2018-09-18 14:02 [Europe/Olso]"), ("time.zone", "did you mean Europe/Oslo?".to_owned()));
    }

    #[test]
    fn versions_marks_and_batches() {
        let moment = |text: &str| parse(text, NOW, &oslo()).expect(text);
        assert_eq!(moment("v7"), Moment::Version(7));
        assert_eq!(moment("seq:812"), Moment::Seq(812));
        assert_eq!(moment("mark:Before import [2]"), Moment::Mark("Before import [2]".to_owned()));
        for m in [moment("v7"), moment("seq:0"), moment("mark:x"), moment("2018-09-18")] {
            assert_eq!(moment(&m.to_string()), m);
        }
        assert_eq!(refused("v0").1, "the first version is v1");
        assert_eq!(refused("seq:4,118").0, "time.number");
        assert_eq!(refused("seq:99999999999999999999").0, "time.number");
        assert_eq!(refused("v99999999999999999999").0, "time.number");
        assert_eq!(refused("mark:").0, "time.mark");
        assert_eq!(refused("mark:a\u{7}b").0, "time.mark");
    }

    #[test]
    fn slash_dates_are_refused_with_both_readings() {
        assert_eq!(refused("03/09/2018"), ("time.slash", "write '2018-09-03' or '2018-03-09'".to_owned()));
        assert_eq!(refused("18/09/2018 14:02").1, "write '2018-09-18 14:02'");
        assert_eq!(refused("9/18/2018").1, "write '2018-09-18'");
        assert_eq!(refused("2018/09/18").1, "write '2018-09-18'");
        assert_eq!(refused("3/9/18").1, "write year-month-day, for example 2018-09-18");
        assert_eq!(refused("5/5/2018").1, "write '2018-05-05'");
    }

    #[test]
    fn refusals_say_what_to_write() {
        assert_eq!(refused("2018-02-30"), ("time.date", "the last day of that month is 2018-02-28".to_owned()));
        assert_eq!(refused("2018-13-01").0, "time.date");
        assert_eq!(refused("2018-09-18 25:00").0, "time.clock");
        assert_eq!(refused("2018-12-31 24:00"), ("time.clock", "write '2019-01-01 00:00'".to_owned()));
        assert_eq!(refused("14:02").1, "write 'today 14:02' or 'yesterday 14:02'");
        assert_eq!(refused("friday").1, "write 'last friday'");
        assert_eq!(refused("last week").1, "write '1 week ago'");
        assert_eq!(refused("2 days").1, "write '2 days ago'");
        assert_eq!(refused("yesterdy 14:00").1, "write 'yesterday 14:00'");
        assert_eq!(refused("18.09.2018").1, "write dates as year-month-day: 2018-09-18, times of day as 14:02");
        assert_eq!(refused("2018-9-8 14:02").1, "write dates as year-month-day: 2018-09-08, times of day as 14:02");
        assert_eq!(refused("2018-09-18 2:00 pm").1, "write the time of day with 24 hours: '2018-09-18 14:02'");
        assert_eq!(refused("2018-09-18..2018-09-20").0, "time.unknown");
        assert_eq!(refused("99999 years ago").0, "time.outside");
        assert_eq!(refused("18446744073709551615s ago").0, "time.outside");
        assert_eq!(refused("9999-12-31").0, "time.outside");
        for text in
            ["", "2018", "2018-09-1814:02", "2018-09-18Tx", "2018-09-18 14:02 Europe/Oslo", "-1 days ago", "2018-09-18 14:02.5", "æøå", "now 12:00"]
        {
            assert_eq!(refused(text).0, "time.unknown", "{text}");
        }
        let long = refused(&"x".repeat(10_000));
        assert_eq!(long.0, "time.unknown");
        let e = parse(&"x\n".repeat(5_000), NOW, &oslo()).expect_err("long");
        assert!(e.to_string().len() < 400 && !e.to_string().contains('\n'), "{e}");
    }

    #[test]
    fn ranges() {
        let range = |text: &str| parse_range(text, NOW, &oslo()).expect(text);
        let moment = |text: &str| Some(parse(text, NOW, &oslo()).expect(text));
        assert_eq!(range("2018-09-17..2018-09-18"), MomentRange { from: moment("2018-09-17"), until: moment("2018-09-18") });
        assert_eq!(range("yesterday 14:00 .. now"), MomentRange { from: moment("yesterday 14:00"), until: moment("now") });
        assert_eq!(range("v3.."), MomentRange { from: Some(Moment::Version(3)), until: None });
        assert_eq!(range("..mark:a.b"), MomentRange { from: None, until: Some(Moment::Mark("a.b".to_owned())) });
        assert_eq!(range(".."), MomentRange::default());
        assert_eq!(range("v3..2018-09-18").until, moment("2018-09-18"));
        let code = |text: &str| {
            let e = parse_range(text, NOW, &oslo()).expect_err(text);
            assert!(e.what_next().is_some() && e.kind() == Kind::Usage);
            e.code()
        };
        assert_eq!(code("2018-09-18..2018-09-18"), "time.order");
        assert_eq!(code("v7..v3"), "time.order");
        assert_eq!(code("seq:9..seq:8"), "time.order");
        assert_eq!(code("2018-09-18"), "time.range");
        assert_eq!(code("v1...v2"), "time.range");
        assert_eq!(code("v1..v2..v3"), "time.range");
        assert_eq!(code("v1..18/09/2018"), "time.slash");
    }

    #[test]
    fn zones_by_name_and_nearest_name() {
        assert_eq!(oslo().name(), "Europe/Oslo");
        assert_eq!(Zone::parse("utc").expect("utc"), Zone::utc());
        assert_eq!(Zone::utc().name(), "UTC");
        assert_eq!(Zone::parse("-03:30").expect("fixed").name(), "-03:30");
        let hint = |name: &str| Zone::parse(name).expect_err(name).what_next().expect("hint").to_owned();
        assert_eq!(hint("Europe/Olso"), "did you mean Europe/Oslo?");
        assert_eq!(hint("Oslo"), "did you mean Europe/Oslo?");
        assert_eq!(hint("new york"), "did you mean America/New_York?");
        assert_eq!(hint("0000"), "use a name such as Europe/Oslo, or UTC");
        for bad in ["", "../../etc/passwd", "/etc/localtime", "Europe/Oslo\0"] {
            assert_eq!(Zone::parse(bad).expect_err(bad).code(), "time.zone");
        }
        assert!(!Zone::system().name().is_empty());
    }

    #[test]
    fn forms_for_people_and_machines() {
        let Moment::Instant(end) = parse("2018-09-18", NOW, &oslo()).expect("day") else { panic!("an instant") };
        assert_eq!(show(end, &oslo()), "2018-09-18 23:59:59 +02:00 (Europe/Oslo)");
        assert_eq!(show(end, &Zone::utc()), "2018-09-18 21:59:59 +00:00 (UTC)");
        assert_eq!(show(end, &Zone::parse("+05:30").expect("fixed")), "2018-09-19 03:29:59 +05:30");
        assert_eq!(show_short(end, &oslo()), "18 Sep 2018 23:59 +02:00");
        assert_eq!(rfc3339_utc(end), "2018-09-18T21:59:59.999999Z");
        assert_eq!(rfc3339_utc(Timestamp(-1)), "1969-12-31T23:59:59.999999Z");
        assert_eq!(rfc3339_utc(Timestamp(1_000)), "1970-01-01T00:00:00.001000Z");
        assert_eq!(rfc3339_utc(Timestamp(i64::MIN)), "0000-01-02T00:00:00Z");
        assert_eq!(rfc3339_utc(Timestamp(i64::MAX)), "9999-12-30T21:59:59.999999Z");
        let clock = local(end, &oslo());
        assert_eq!((clock.year, clock.month, clock.day, clock.hour, clock.minute, clock.second, clock.weekday), (2018, 9, 18, 23, 59, 59, 2));
    }

    #[test]
    fn rfc3339_alone_is_strict() {
        assert_eq!(parse_rfc3339("1970-01-01T00:00:00.000001Z").expect("time"), Timestamp(1));
        for bad in ["2018-09-18", "2018-09-18T14:02:00", "2018-09-18T14:02Z", "now", "2018-09-18T14:02:00Z[UTC]", "v7", "", " 2018-09-18T14:02:00"] {
            assert_eq!(parse_rfc3339(bad).expect_err(bad).code(), "time.rfc3339");
        }
        assert_eq!(parse_rfc3339("2018-02-30T00:00:00Z").expect_err("day").code(), "time.date");
    }

    #[test]
    fn ages() {
        let shown: Vec<String> = [0, 1, 90, 119, 120, 7_199, 7_200, 90_000, 259_200, 6_000_000, 40_000_000, 70_000_000, -259_200].map(age).into();
        let want = [
            "0 seconds",
            "1 second",
            "90 seconds",
            "119 seconds",
            "2 minutes",
            "119 minutes",
            "2 hours",
            "25 hours",
            "3 days",
            "2 months",
            "15 months",
            "2 years",
            "in 3 days",
        ];
        assert_eq!(shown, want);
        assert!(age(i64::MIN).starts_with("in "));
    }

    #[test]
    fn durations() {
        let secs = |text: &str| parse_duration(text).expect(text);
        assert_eq!(secs("every 2h"), 7_200);
        assert_eq!(secs("7d"), 604_800);
        assert_eq!(secs("90 days"), 7_776_000);
        assert_eq!(secs("1h 30m"), 5_400);
        assert_eq!(secs("Every Day"), 86_400);
        assert_eq!(secs("weekly"), 604_800);
        assert_eq!(secs("monthly"), 2_678_400);
        assert_eq!(secs("0s"), 0);
        for bad in ["", "every", "30", "2 fortnights", "1 month", "1 year", "-2h", "1.5h", "day", "2000000 days", "99999999999999999999s", "every2h"]
        {
            let e = parse_duration(bad).expect_err(bad);
            assert_eq!((e.kind(), e.code()), (Kind::Usage, "time.duration"), "{bad}");
            assert!(e.what_next().is_some());
        }
    }

    fn address(text: &str) -> (String, Option<String>) {
        let a = Address::parse(text).expect(text);
        (key::show_key(&a.key), a.when)
    }

    #[test]
    fn addresses_split_only_before_a_moment() {
        let with = |key: &str, when: &str| (key.to_owned(), Some(when.to_owned()));
        let alone = |key: &str| (key.to_owned(), None);
        assert_eq!(address("sak/2018-163"), alone("sak/2018-163"));
        assert_eq!(address("sak/2018-163@v7"), with("sak/2018-163", "v7"));
        assert_eq!(address("sak/2018-163@2 days ago"), with("sak/2018-163", "2 days ago"));
        assert_eq!(address("sak/@yesterday 14:00"), with("sak/", "yesterday 14:00"));
        assert_eq!(address("a@2018-09-18T14:02:00+02:00[Europe/Oslo]"), with("a", "2018-09-18T14:02:00+02:00[Europe/Oslo]"));
        assert_eq!(address("kari@example.no"), alone("kari@example.no"));
        assert_eq!(address("kari@example.no@yesterday"), with("kari@example.no", "yesterday"));
        assert_eq!(address("kari@v7@example.no"), alone("kari@v7@example.no"));
        assert_eq!(address("@scope/package@seq:12"), with("@scope/package", "seq:12"));
        assert_eq!(address("list@2018-09-18 (copy)"), alone("list@2018-09-18 (copy)"));
        assert_eq!(address("user@"), alone("user@"));
        assert_eq!(address("a@@v7"), with("a@", "v7"));
        assert_eq!(address("a@v7@v3"), with("a@v7", "v3"));
        assert_eq!(address("\\x40now"), alone("@now"));
        assert_eq!(address("a\\x40v7"), alone("a@v7"));
        assert_eq!(address("@mark:Before import"), with("", "mark:Before import"));
        assert_eq!(address("x@mark:r@2024"), with("x", "mark:r@2024"));
        // A moment that is refused later is still a moment.
        assert_eq!(address("a@2018-02-30"), with("a", "2018-02-30"));
        assert_eq!(address("a@18/09/2018"), with("a", "18/09/2018"));
        assert_eq!(address("a@v0"), with("a", "v0"));
        assert_eq!(Address::parse("@v7").expect_err("no document").code(), "time.address");
        assert_eq!(Address::parse("").expect_err("empty").code(), "key.empty");
        assert_eq!(Address::parse("a\\x00b").expect_err("nul").code(), "key.nul");
    }

    #[test]
    fn addresses_escape_only_where_they_must() {
        assert_eq!(Address::show(b"kari@example.no", None), "kari@example.no");
        assert_eq!(Address::show(b"kari@example.no", Some("v2")), "kari@example.no@v2");
        assert_eq!(Address::show(b"notes@v7", None), "notes\\x40v7");
        assert_eq!(Address::show(b"notes@v7", Some("v2")), "notes@v7@v2");
        assert_eq!(Address::show(b"\xff", None), "\\xff");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,40}", zone in prop::sample::select(vec!["UTC", "Europe/Oslo", "Pacific/Apia"]), now: i64) {
            let zone = Zone::parse(zone).expect("zone");
            let _ = parse(&text, Timestamp(now), &zone);
            let _ = parse_range(&text, Timestamp(now), &zone);
            let _ = parse_duration(&text);
            let _ = parse_rfc3339(&text);
            let _ = Address::parse(&text);
            let _ = Zone::parse(&text);
        }

        #[test]
        fn near_expressions_are_read_without_panic(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "2018-09-18", "0000-01-01", "9999-12-30", "T", " ", "14:02", "23:59:60", ":", "+02:00", "-23:59:59", "Z", "[Europe/Oslo]", "(UTC)",
                    "yesterday", "today", "last", "friday", "2", "9999999999", "days", "months", "h", "ago", "now", "/", "..", "@", "v7", "mark:", "seq:",
                ]),
                0..7,
            ),
            now: i64,
        ) {
            let text = words.concat();
            if let Err(e) = parse(&text, Timestamp(now), &oslo()) {
                prop_assert!(e.code().starts_with("time."));
                prop_assert!(e.what_next().is_some(), "{} has no hint", text);
            }
            let _ = parse_range(&text, Timestamp(now), &oslo());
            let _ = Address::parse(&text);
        }

        #[test]
        fn shown_times_are_read_back(micros in EARLIEST..=LATEST, zone in prop::sample::select(vec!["UTC", "Europe/Oslo", "America/St_Johns", "Asia/Kolkata"])) {
            let ts = Timestamp(micros);
            prop_assert_eq!(parse_rfc3339(&rfc3339_utc(ts)).expect("rfc3339"), ts);
            let zone = Zone::parse(zone).expect("zone");
            let shown = show(ts, &zone);
            let second = Timestamp(micros.div_euclid(1_000_000) * 1_000_000);
            if second.0 >= EARLIEST {
                prop_assert_eq!(parse(&shown, Timestamp(0), &Zone::utc()).expect("shown"), Moment::Instant(second), "{}", shown);
            }
        }

        #[test]
        fn duration_texts_are_read_back(secs in 0..=DURATION_SECS_MAX) {
            prop_assert_eq!(parse_duration(&duration_text(secs)).expect("duration"), secs);
        }

        #[test]
        fn addresses_survive(
            key in prop::collection::vec(prop_oneof![Just(b'@'), Just(b'v'), Just(b'7'), Just(b'\\'), Just(b'/'), 1u8..=255], 1..12),
            when in prop::option::of(prop::sample::select(vec!["v7", "yesterday", "2018-09-18 14:02", "mark:a b", "2h ago"])),
        ) {
            let shown = Address::show(&key, when);
            let back = Address::parse(&shown).expect("address");
            prop_assert_eq!(back, Address { key, when: when.map(str::to_owned) }, "{}", shown);
        }
    }
}
