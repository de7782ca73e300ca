//! From an expression to a moment: the calendar, the zone and their refusals.

use std::fmt;

use jiff::Span;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset};

use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;
use crate::model::key;

use super::duration::Unit;
use super::refusal::{not_understood, slash_refused};
use super::shape::{Clock, Day, Shape, shape};
use super::show::{date_text, rfc3339_utc, wall_text};
use super::words::{is_digits, out_of_range, quoted};
use super::zone::{EARLIEST, LATEST, OffsetText, Zone, micros, offset_text, zoned};

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
/// Every failure is of kind [`Kind::Usage`](crate::base::error::Kind::Usage) with a code `time.*` and a correct example as its hint
/// (`text.long` for the name of a mark that is none).
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

impl Shape<'_> {
    pub(super) fn resolve(self, text: &str, now: Timestamp, zone: &Zone) -> Result<Moment> {
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
            Shape::Now(zone) => zone_of(zone).map(|_| now)?,
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
    pub(super) fn resolve(self, now: Timestamp, zone: &Zone, text: &str) -> Result<Date> {
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
    pub(super) fn resolve(self, date: Date, text: &str) -> Result<Time> {
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

pub(super) const END_OF_DAY: Time = Time::constant(23, 59, 59, 999_999_000);

/// The last microsecond of a local day, also where the clocks are turned at midnight.
pub(super) fn end_of_day(date: Date, zone: &Zone, text: &str) -> Result<jiff::Timestamp> {
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
pub(super) fn from_wall_clock(wall: DateTime, zone: &Zone, text: &str) -> Result<jiff::Timestamp> {
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

pub(super) fn from_offset(wall: DateTime, offset: OffsetText, zone: Option<&Zone>, text: &str) -> Result<jiff::Timestamp> {
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
pub(super) fn turn_of(wall: DateTime, after: Offset, zone: &Zone, text: &str) -> Result<jiff::Timestamp> {
    // Read with the later offset, a skipped wall clock lies before the turn.
    let before = after.to_timestamp(wall).map_err(|_| out_of_range(text))?;
    let turn = zone.0.following(before).find(|turn| turn.offset() == after);
    turn.map(|t| t.timestamp()).ok_or_else(|| out_of_range(text))
}

pub(super) fn skipped(what: &str, turn: jiff::Timestamp, before: Offset, after: Offset, zone: &Zone) -> Error {
    let (from, to) = (before.to_datetime(turn), after.to_datetime(turn));
    let minute_before = from.saturating_sub(Span::new().minutes(1));
    let (from, to, minute_before) = (wall_text(from), wall_text(to), wall_text(minute_before));
    Error::usage("time.gap", format!("{what} does not exist in {zone}: the clocks went from {from} straight to {to}"))
        .hint(format!("write '{minute_before}' or '{to}'"))
}

/// Calendar units first, with the wall clock kept; then the exact ones. `None` outside the range of times.
pub(super) fn ago(parts: &[(u64, Unit)], now: Timestamp, zone: &Zone) -> Option<Timestamp> {
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

pub(super) fn mark(name: &str) -> Result<Moment> {
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Error::usage("time.mark", format!("not the name of a mark: {}", quoted(name))).hint("write for example mark:before-import"));
    }
    key::check_text("mark", name)?;
    Ok(Moment::Mark(name.to_owned()))
}
