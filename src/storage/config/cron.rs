//! Times in the form of crontab.

use std::fmt;

use crate::base::error::{Error, Result};
use crate::model::moment::Local;

use super::words::shown;

/// Times in the form of crontab(5): minute, hour, day of month, month, day of week.
///
/// `*`, numbers, ranges `a-b`, steps `*/n` and `a-b/n`, lists with commas, months and weekdays also as `jan`, `mon`; Sunday is 0 or 7. Where
/// both days are restricted either one suffices, as in every cron since Vixie's. What follows the clock (`*` as minute or hour) comes as often
/// as the clock shows it. Other times come once a day whatever the clocks do: one in an hour that they skip comes when they do, one in an hour
/// that they show twice comes with the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
    follows_clock: bool,
}

impl Cron {
    /// Reads five fields.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |why: String| {
            let hint = "write five fields: minute hour day month weekday, for example \"0 */4 * * *\" (every four hours)";
            Error::usage("cron.bad", format!("{why}: {}", shown(text))).hint(hint)
        };
        let fields: Vec<&str> = text.split_whitespace().take(6).collect();
        let &[minute, hour, day, month, weekday] = fields.as_slice() else { return Err(bad("not five fields".to_owned())) };
        let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        let days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        let field = |text: &str, what: &str, min: u32, max: u32, names: &[&str]| {
            cron_field(text, min, max, names).ok_or_else(|| bad(format!("{} is no {what} ({min} to {max})", shown(text))))
        };
        let weekdays = field(weekday, "weekday", 0, 7, &days)?;
        let cron = Cron {
            text: fields.join(" "),
            minutes: field(minute, "minute", 0, 59, &[])?,
            hours: field(hour, "hour", 0, 23, &[])?,
            days: field(day, "day", 1, 31, &[])?,
            months: field(month, "month", 1, 12, &months)?,
            weekdays: weekdays | (weekdays >> 7),
            any_day: day.starts_with('*'),
            any_weekday: weekday.starts_with('*'),
            follows_clock: minute.starts_with('*') || hour.starts_with('*'),
        };
        let lengths = [31u64, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let comes = (1u64..).zip(lengths).any(|(month, days)| cron.months >> month & 1 == 1 && cron.days & ((2 << days) - 1) != 0);
        if !comes && cron.any_weekday {
            return Err(bad("such a day never comes".to_owned()));
        }
        Ok(cron)
    }

    /// Whether the minute that the wall clock shows is one of these times.
    pub fn matches(&self, at: &Local) -> bool {
        self.on(at.month, at.day, at.weekday) && has(self.minutes, at.minute) && has(self.hours, at.hour)
    }

    /// Whether it comes on a day: its month, its day of the month, and its weekday (0 is Sunday).
    pub fn on(&self, month: u8, day: u8, weekday: u8) -> bool {
        let (day, weekday) = (has(self.days, day), has(self.weekdays, weekday));
        let on_day = if self.any_day || self.any_weekday { day && weekday } else { day || weekday };
        on_day && has(self.months, month)
    }

    /// The minutes of a day at which it comes, 0 to 1439, in order.
    pub fn minutes_of_day(&self) -> impl Iterator<Item = u16> + '_ {
        let hours = (0..24u8).filter(|h| has(self.hours, *h));
        hours.flat_map(|h| (0..60u8).filter(|m| has(self.minutes, *m)).map(move |m| u16::from(h) * 60 + u16::from(m)))
    }

    /// Whether it comes as often as the clock shows it: it has `*` as its minute or hour.
    pub fn follows_clock(&self) -> bool {
        self.follows_clock
    }
}

fn has(set: u64, n: u8) -> bool {
    set >> n & 1 == 1
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The bits of one field. `names` stand for the numbers from `min` on.
pub(super) fn cron_field(text: &str, min: u32, max: u32, names: &[&str]) -> Option<u64> {
    let number = |text: &str| -> Option<u32> {
        let name = names.iter().position(|n| text.eq_ignore_ascii_case(n));
        let digits = || (text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten();
        name.map(|i| min + i as u32).or_else(digits).filter(|n| (min..=max).contains(n))
    };
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|n| (1..=max).contains(n))?),
            None => (part, 1),
        };
        let (from, until) = match range.split_once('-') {
            _ if range == "*" => (min, max),
            Some((from, until)) => (number(from)?, number(until)?),
            // A step needs something to step through: "5/10" means different things to different crons.
            None if step == 1 => (number(range)?, number(range)?),
            None => return None,
        };
        if from > until {
            return None;
        }
        bits |= (from..=until).step_by(step as usize).fold(0, |bits, n| bits | 1u64 << n);
    }
    Some(bits)
}
