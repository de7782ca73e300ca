//! What time expressions look like: the grammar, without a calendar.

use jiff::civil::Weekday;

use super::duration::{Unit, parts};
use super::words::is_digits;
use super::zone::{OffsetText, is_zone_name, parse_offset};

/// Bytes: the longest time expression other than a mark. The longest sensible one, with the longest zone name, has 80.
pub(super) const EXPRESSION_BYTES_MAX: usize = 200;

/// What an expression looks like, before it is known whether such a day, hour or zone exists. Addresses are divided by shape alone, so that
/// `letter@2018-02-30` is refused as a date and not looked for as a document.
pub(super) enum Shape<'a> {
    Mark(&'a str),
    Seq(&'a str),
    Version(&'a str),
    Slash,
    Now(Option<&'a str>),
    Ago { parts: Vec<(u64, Unit)>, zone: Option<&'a str> },
    Day { day: Day, clock: Option<Clock>, offset: Option<OffsetText>, zone: Option<&'a str> },
}

#[derive(Clone, Copy)]
pub(super) enum Day {
    Date { year: i16, month: i8, day: i8 },
    Today,
    Yesterday,
    Last(Weekday),
}

/// A time of day as typed; out of range until checked.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) hour: i8,
    pub(super) minute: i8,
    pub(super) second: i8,
    pub(super) micros: i32,
    /// Whether seconds were written.
    pub(super) seconds: bool,
}

/// Recognises a trimmed expression. `None`: not a time expression at all.
pub(super) fn shape(text: &str) -> Option<Shape<'_>> {
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
        return (!parenthesised).then_some(Shape::Now(zone));
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
pub(super) fn split_zone(text: &str) -> (&str, Option<&str>, bool) {
    for (open, close) in [('[', ']'), ('(', ')')] {
        let inner = text.strip_suffix(close).and_then(|t| t.rsplit_once(open));
        if let Some((body, zone)) = inner.filter(|(_, zone)| is_zone_name(zone) || parse_offset(zone).is_some()) {
            return (body.trim_end(), Some(zone), open == '(');
        }
    }
    (text, None, false)
}

/// The day at the start of a lowercase expression, and what follows it.
pub(super) fn day_shape(lower: &str) -> Option<(Day, &str)> {
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

pub(super) fn weekday(word: &str) -> Option<Weekday> {
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
pub(super) fn clock_and_offset(rest: &str) -> Option<(Option<Clock>, Option<OffsetText>)> {
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

pub(super) fn parse_clock(text: &str) -> Option<Clock> {
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

/// The date part of `18/09/2018` or `2018/09/18`, perhaps with a time of day behind it.
pub(super) fn slash_date(text: &str) -> Option<[&str; 3]> {
    let word = text.split_whitespace().next()?;
    let mut fields = word.split('/');
    let date = [fields.next()?, fields.next()?, fields.next()?];
    let sound = fields.next().is_none() && date.iter().all(|f| f.len() <= 4 && is_digits(f));
    let rest = text[word.len()..].trim();
    (sound && (rest.is_empty() || parse_clock(rest).is_some())).then_some(date)
}
