//! Days of the calendar and what the wall clock means on them, for schedules.

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::AmbiguousOffset;

use crate::base::time::Timestamp;

use super::zone::{Zone, micros, zoned};

/// What a reading of the wall clock means in a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wall {
    /// It comes once.
    Once(Timestamp),
    /// The clocks are put back over it: it comes twice.
    Twice(Timestamp, Timestamp),
    /// The clocks skip it; this is the moment when they do.
    Skipped(Timestamp),
}

impl Wall {
    /// The first moment at which the clock shows it, or the moment at which it is skipped.
    pub fn first(self) -> Timestamp {
        match self {
            Wall::Once(at) | Wall::Twice(at, _) | Wall::Skipped(at) => at,
        }
    }
}

/// One day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Day {
    /// The day that the calendar in `zone` shows at `ts`.
    pub fn of(ts: Timestamp, zone: &Zone) -> Self {
        Day(zoned(ts, zone).date())
    }

    /// Month, 1 to 12.
    pub fn month(self) -> u8 {
        self.0.month() as u8
    }

    /// Day of the month, from 1.
    pub fn day(self) -> u8 {
        self.0.day() as u8
    }

    /// Day of the week, 0 is Sunday.
    pub fn weekday(self) -> u8 {
        self.0.weekday().to_sunday_zero_offset() as u8
    }

    /// The day `days` later (earlier where negative). Stops at the ends of the calendar.
    pub fn plus(self, days: i32) -> Self {
        Day(self.0.saturating_add(Span::new().try_days(days).unwrap_or_default()))
    }

    /// The first day of its month.
    pub fn first_of_month(self) -> Self {
        Day(self.0.first_of_month())
    }

    /// The first day of the next month.
    pub fn next_month(self) -> Self {
        Day(self.0.last_of_month()).plus(1)
    }

    /// When the wall clock in `zone` shows this minute of the day, 0 to 1439 (later ones are taken for 23:59).
    pub fn at(self, minute: u16, zone: &Zone) -> Wall {
        let minute = minute.min(1_439);
        let wall = self.0.at((minute / 60) as i8, (minute % 60) as i8, 0, 0);
        let here = zone.0.to_ambiguous_timestamp(wall);
        let offset = here.offset();
        let (earlier, later) = (here.earlier(), zone.0.to_ambiguous_timestamp(wall).later());
        let (Ok(earlier), Ok(later)) = (earlier, later) else { return Wall::Once(Timestamp(i64::MAX)) };
        match offset {
            AmbiguousOffset::Unambiguous { .. } => Wall::Once(micros(earlier)),
            AmbiguousOffset::Fold { .. } => Wall::Twice(micros(earlier), micros(later)),
            // Read with the offset after the jump it lies before the jump, so the jump is the next thing that happens to the clocks.
            AmbiguousOffset::Gap { .. } => Wall::Skipped(micros(zone.0.following(earlier).next().map_or(later, |jump| jump.timestamp()))),
        }
    }

    /// When the day begins: at midnight, or when the clocks skip it.
    pub fn begins(self, zone: &Zone) -> Timestamp {
        self.at(0, zone).first()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::moment::{parse_rfc3339, rfc3339_utc};

    fn at(text: &str) -> Timestamp {
        parse_rfc3339(text).expect("a time")
    }

    fn said(wall: Wall) -> Vec<String> {
        match wall {
            Wall::Once(at) => vec![rfc3339_utc(at)],
            Wall::Twice(a, b) => vec![rfc3339_utc(a), rfc3339_utc(b)],
            Wall::Skipped(at) => vec!["skipped".into(), rfc3339_utc(at)],
        }
    }

    #[test]
    fn hours_that_do_not_exist_and_hours_that_come_twice() {
        let oslo = Zone::parse("Europe/Oslo").expect("zone");
        let spring = Day::of(at("2026-03-29T12:00:00Z"), &oslo);
        assert_eq!(said(spring.at(90, &oslo)), ["2026-03-29T00:30:00Z"]);
        assert_eq!(said(spring.at(150, &oslo)), ["skipped", "2026-03-29T01:00:00Z"]);
        assert_eq!(said(spring.at(180, &oslo)), ["2026-03-29T01:00:00Z"]);
        let autumn = Day::of(at("2026-10-25T12:00:00Z"), &oslo);
        assert_eq!(said(autumn.at(150, &oslo)), ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]);
        // Lord Howe puts the clocks by half an hour; Samoa skipped a whole day.
        let lord_howe = Zone::parse("Australia/Lord_Howe").expect("zone");
        assert_eq!(said(Day::of(at("2026-10-03T20:00:00Z"), &lord_howe).at(135, &lord_howe)), ["skipped", "2026-10-03T15:30:00Z"]);
        let apia = Zone::parse("Pacific/Apia").expect("zone");
        let missing = Day::of(at("2011-12-29T12:00:00Z"), &apia).plus(1);
        assert_eq!(said(missing.at(600, &apia)), ["skipped", "2011-12-30T10:00:00Z"]);
    }

    #[test]
    fn months_and_days_follow_each_other() {
        let day = Day::of(at("2028-02-28T12:00:00Z"), &Zone::utc());
        assert_eq!((day.plus(1).day(), day.plus(2).month(), day.next_month().day()), (29, 3, 1));
        assert_eq!((day.first_of_month().day(), day.weekday()), (1, 1));
        assert_eq!(day.begins(&Zone::utc()), at("2028-02-28T00:00:00Z"));
    }
}
