//! When the line may be used, how fast, and how much of it; lengths of time between bounds.

use crate::base::error::{Error, Result};
use crate::model::moment::{duration_text, parse_duration};

use super::amount::{Rate, parse_rate, parse_size};
use super::words::shown;

pub(super) const MINUTE: u64 = 60;
pub(super) const HOUR: u64 = 3_600;
pub(super) const DAY: u64 = 86_400;

/// Part of a day in which the line may be used: `"19:00-06:00 10 MiB/s"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First minute of the day, 0 to 1439.
    pub from_minute: u16,
    /// The minute after the last, 1 to 1440. Smaller than `from_minute` where the window goes over midnight.
    pub until_minute: u16,
    /// How fast.
    pub rate: Rate,
}

impl Window {
    /// Whether this minute of the day (0 to 1439) lies in the window.
    pub fn contains(&self, minute: u16) -> bool {
        if self.from_minute < self.until_minute {
            (self.from_minute..self.until_minute).contains(&minute)
        } else {
            minute >= self.from_minute || minute < self.until_minute
        }
    }
}

pub(super) fn parse_window(text: &str) -> Result<Window> {
    let bad = |why: &str| {
        Error::usage("window.bad", format!("{why}: {}", shown(text)))
            .hint("write from, until and speed: \"19:00-06:00 10 MiB/s\"; all day is 00:00-24:00")
    };
    let text = text.trim();
    let (hours, rate) = text.split_once(char::is_whitespace).unwrap_or((text, "unlimited"));
    let minute = |clock: &str| -> Option<u16> {
        let (hour, minute) = clock.split_once(':')?;
        let digits = |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse::<u16>().ok()).flatten();
        let (hour, minute) = (digits(hour)?, digits(minute)?);
        (minute < 60 && hour * 60 + minute <= 1_440).then_some(hour * 60 + minute)
    };
    let ends = hours.split_once('-').and_then(|(from, until)| Some((minute(from)?, minute(until)?)));
    let Some((from_minute, until_minute)) = ends else { return Err(bad("not a window")) };
    // 24:00 starts nothing and 00:00 ends nothing but the day before.
    let until_minute = if until_minute == 0 { 1_440 } else { until_minute };
    if from_minute == 1_440 || from_minute == until_minute {
        return Err(bad("an empty window"));
    }
    Ok(Window { from_minute, until_minute, rate: parse_rate(rate)? })
}

/// Bytes in a stretch of the calendar: `"5 GB / month"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes.
    pub bytes: u64,
    /// In which time.
    pub per: Period,
}

/// A stretch of the local calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// From midnight.
    Day,
    /// From Monday.
    Week,
    /// From the first.
    Month,
}

pub(super) fn parse_allowance(text: &str) -> Result<Allowance> {
    let hint = "write bytes and period: \"5 GB / month\"; the period is day, week or month";
    let bad = || Error::usage("allowance.bad", format!("not an allowance: {}", shown(text))).hint(hint);
    let (size, period) = text.split_once('/').ok_or_else(bad)?;
    let per = match period.trim() {
        "day" => Period::Day,
        "week" => Period::Week,
        "month" => Period::Month,
        _ => return Err(bad()),
    };
    match parse_size(size)? {
        0 => Err(bad()),
        bytes => Ok(Allowance { bytes, per }),
    }
}

pub(super) fn interval(text: &str, min: u64, max: u64) -> Result<u64> {
    let range = format!("give a length from {} to {}, for example 'every 2h' or 7d", duration_text(min), duration_text(max));
    match parse_duration(text) {
        Ok(secs) if (min..=max).contains(&secs) => Ok(secs),
        Ok(_) => Err(Error::usage("config.value", format!("outside the allowed range: {}", shown(text))).hint(range)),
        Err(e) => Err(Error::usage("config.value", e.to_string()).hint(range)),
    }
}
