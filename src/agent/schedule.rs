//! When it is time, pure: the runs of a schedule, the windows of the line, and the periods of an allowance, in the site's zone.
//!
//! A schedule remembers one thing: when its last run began. What was missed since then, however much, is one run that is due now. A last run
//! that lies in the future says that the clock was put back; it counts as now.

use crate::base::time::Timestamp;
use crate::model::moment::{Day, Wall, Zone, local};
use crate::storage::config::{Allowance, Cron, Period, Rate, Schedule, Ship};

/// Microseconds of a second, a minute.
const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
/// Days looked ahead for the next time of a cron line. The 29th of February is at most eight years away.
const DAYS_AHEAD: i32 = 8 * 366 + 1;
/// Minutes looked ahead for a change of the allowed rate. Windows repeat daily; the second day covers nights on which the clocks change.
const MINUTES_AHEAD: i64 = 2 * 1_440;

/// When the run after `last` is due; not after `now` where it should have begun already. Without a run before, an interval is due at once
/// and a cron line at its next time.
pub fn due(when: &Ship, last: Option<Timestamp>, now: Timestamp, zone: &Zone) -> Timestamp {
    let last = last.map(|last| last.min(now));
    match (when, last) {
        (Ship::EverySecs(_), None) => now,
        (Ship::EverySecs(secs), Some(last)) => plus(last, *secs),
        (Ship::Cron(cron), last) => after(cron, last.unwrap_or(now), zone),
    }
}

/// The next `count` runs from `now` on, if each begins on time.
pub fn upcoming(when: &Ship, last: Option<Timestamp>, now: Timestamp, zone: &Zone, count: usize) -> Vec<Timestamp> {
    let mut next = due(when, last, now, zone).max(now);
    let mut runs = Vec::with_capacity(count);
    while runs.len() < count {
        runs.push(next);
        next = due(when, Some(next), next, zone);
    }
    runs
}

fn plus(at: Timestamp, secs: u64) -> Timestamp {
    Timestamp(at.0.saturating_add(i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(SECOND)))
}

/// The first time of a cron line after `at`; the end of time where it never comes.
fn after(cron: &Cron, at: Timestamp, zone: &Zone) -> Timestamp {
    let today = Day::of(at, zone);
    // From yesterday on: what belongs to a day that the clocks skip comes at the beginning of the next one.
    (-1..DAYS_AHEAD)
        .map(|days| today.plus(days))
        .filter(|day| cron.on(day.month(), day.day(), day.weekday()))
        .find_map(|day| times_on(cron, day, zone).into_iter().filter(|time| *time > at).min())
        .unwrap_or(Timestamp(i64::MAX))
}

fn times_on(cron: &Cron, day: Day, zone: &Zone) -> Vec<Timestamp> {
    let mut times = Vec::new();
    for minute in cron.minutes_of_day() {
        match day.at(minute, zone) {
            Wall::Twice(first, second) if cron.follows_clock() => times.extend([first, second]),
            Wall::Skipped(_) if cron.follows_clock() => {}
            wall => times.push(wall.first()),
        }
    }
    times
}

/// How fast may be shipped at `now`; `None` is not at all.
pub fn rate_at(schedule: &Schedule, now: Timestamp, zone: &Zone) -> Option<Rate> {
    schedule.rate_at(&local(now, zone))
}

/// The next moment at which the answer of [`rate_at`] is another one; `None` where it stays.
pub fn rate_changes(schedule: &Schedule, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
    if schedule.windows.is_empty() {
        return None;
    }
    let current = rate_at(schedule, now, zone);
    let minute = now.0.div_euclid(MINUTE);
    (1..=MINUTES_AHEAD).map(|ahead| Timestamp((minute + ahead) * MINUTE)).find(|at| rate_at(schedule, *at, zone) != current)
}

/// The next moment at which anything may be shipped: now, or when the next window opens.
pub fn opens(schedule: &Schedule, now: Timestamp, zone: &Zone) -> Option<Timestamp> {
    match rate_at(schedule, now, zone) {
        Some(_) => Some(now),
        None => rate_changes(schedule, now, zone),
    }
}

/// Beginning and end of the period of an allowance that holds `now`.
pub fn period(allowance: &Allowance, now: Timestamp, zone: &Zone) -> (Timestamp, Timestamp) {
    let today = Day::of(now, zone);
    let (first, next) = match allowance.per {
        Period::Day => (today, today.plus(1)),
        Period::Week => {
            let monday = today.plus(-((i32::from(today.weekday()) + 6) % 7));
            (monday, monday.plus(7))
        }
        Period::Month => (today.first_of_month(), today.next_month()),
    };
    (first.begins(zone), next.begins(zone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::moment::{parse_rfc3339, rfc3339_utc, show};
    use crate::storage::config::Config;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        parse_rfc3339(text).expect("a time")
    }

    fn schedule(lines: &str) -> Schedule {
        Config::parse(&format!("[schedule]\n{lines}\n")).expect("a schedule").schedule
    }

    fn ship(lines: &str) -> Ship {
        schedule(lines).ship.expect("a time to ship")
    }

    /// The next runs as the wall clock shows them.
    fn runs(line: &str, zone: &str, last: Option<&str>, now: &str, count: usize) -> Vec<String> {
        let zone = Zone::parse(zone).expect("zone");
        let found = upcoming(&ship(line), last.map(at), at(now), &zone, count);
        found.into_iter().map(|t| show(t, &zone)[5..26].replace(":00 ", " ")).collect()
    }

    #[test]
    fn an_interval_counts_from_its_last_run_and_catches_up_once() {
        let every = "ship = \"every 2h\"";
        assert_eq!(runs(every, "UTC", None, "2026-11-20T10:00:00Z", 2), ["11-20 10:00 +00:00", "11-20 12:00 +00:00"]);
        let last = Some("2026-11-20T09:30:00Z");
        assert_eq!(runs(every, "UTC", last, "2026-11-20T10:00:00Z", 2), ["11-20 11:30 +00:00", "11-20 13:30 +00:00"]);
        // Days away: one run now, then the usual pace.
        assert_eq!(runs(every, "UTC", Some("2026-11-01T00:00:00Z"), "2026-11-20T10:00:00Z", 2), ["11-20 10:00 +00:00", "11-20 12:00 +00:00"]);
        // The clock was put back by a year: not a year of silence.
        assert_eq!(runs(every, "UTC", Some("2027-11-20T10:00:00Z"), "2026-11-20T10:00:00Z", 1), ["11-20 12:00 +00:00"]);
    }

    #[test]
    fn cron_lines_in_the_nights_when_the_clocks_change() {
        let cases: [(&str, &str, &str, &[&str]); 9] = [
            // A fixed time in the hour that is skipped comes when it is skipped, once; the next day as usual.
            ("30 2 * * *", "Europe/Oslo", "2026-03-28T12:00:00Z", &["03-29 03:00 +02:00", "03-30 02:30 +02:00"]),
            // A fixed time in the hour that comes twice comes with the first.
            ("30 2 * * *", "Europe/Oslo", "2026-10-24T12:00:00Z", &["10-25 02:30 +02:00", "10-26 02:30 +01:00"]),
            // Every hour follows the clock: no hour is left out, none is doubled.
            ("0 * * * *", "Europe/Oslo", "2026-03-29T00:30:00Z", &["03-29 03:00 +02:00", "03-29 04:00 +02:00"]),
            ("0 * * * *", "Europe/Oslo", "2026-10-24T23:30:00Z", &["10-25 02:00 +02:00", "10-25 02:00 +01:00", "10-25 03:00 +01:00"]),
            ("0 */4 * * *", "Europe/Oslo", "2026-10-24T21:30:00Z", &["10-25 00:00 +02:00", "10-25 04:00 +01:00"]),
            ("0 */4 * * *", "Asia/Kolkata", "2026-11-20T00:00:00Z", &["11-20 08:00 +05:30", "11-20 12:00 +05:30"]),
            ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T10:00:00Z", &["10-04 02:30 +11:00", "10-05 02:15 +11:00"]),
            ("0 0 29 2 *", "UTC", "2026-11-20T00:00:00Z", &["02-29 00:00 +00:00", "02-29 00:00 +00:00"]),
            (
                "0 12 13 * fri",
                "UTC",
                "2026-11-12T12:00:00Z",
                &["11-13 12:00 +00:00", "11-20 12:00 +00:00", "11-27 12:00 +00:00", "12-04 12:00 +00:00", "12-11 12:00 +00:00"],
            ),
        ];
        for (cron, zone, now, expected) in cases {
            assert_eq!(runs(&format!("cron = \"{cron}\""), zone, None, now, expected.len()), expected, "{cron} {zone}");
        }
    }

    #[test]
    fn missed_times_of_a_cron_line_are_one_run() {
        let cron = ship("cron = \"0 */4 * * *\"");
        let (zone, now) = (Zone::utc(), at("2026-11-20T10:00:00Z"));
        let missed = due(&cron, Some(at("2026-11-01T00:00:00Z")), now, &zone);
        assert!(missed <= now);
        assert_eq!(due(&cron, Some(now), now, &zone), at("2026-11-20T12:00:00Z"));
    }

    #[test]
    fn windows_change_the_rate_and_close_the_line() {
        let oslo = Zone::parse("Europe/Oslo").expect("zone");
        let two = schedule("window = [\"19:00-06:00 10 MiB/s\", \"06:00-19:00 32 KiB/s\"]");
        let noon = at("2026-11-20T11:00:00Z");
        assert_eq!(rate_at(&two, noon, &oslo), Some(Rate::BytesPerSec(32 * 1024)));
        assert_eq!(rate_changes(&two, noon, &oslo), Some(at("2026-11-20T18:00:00Z")));
        let night = schedule("window = [\"02:00-03:00 1 MiB/s\"]");
        assert_eq!((rate_at(&night, noon, &oslo), opens(&night, noon, &oslo)), (None, Some(at("2026-11-21T01:00:00Z"))));
        // The window that the clocks skip does not open that night; the one that they show twice is open for two hours.
        assert_eq!(opens(&night, at("2026-03-28T12:00:00Z"), &oslo), Some(at("2026-03-30T00:00:00Z")));
        let doubled = at("2026-10-25T00:00:00Z");
        assert_eq!((opens(&night, doubled, &oslo), rate_changes(&night, doubled, &oslo)), (Some(doubled), Some(at("2026-10-25T02:00:00Z"))));
        let kolkata = Zone::parse("Asia/Kolkata").expect("zone");
        assert_eq!(opens(&night, noon, &kolkata), Some(at("2026-11-20T20:30:00Z")));
        assert_eq!((rate_at(&Schedule::default(), noon, &oslo), rate_changes(&Schedule::default(), noon, &oslo)), (Some(Rate::Unlimited), None));
    }

    #[test]
    fn periods_begin_at_local_midnight() {
        let kathmandu = Zone::parse("Asia/Kathmandu").expect("zone");
        let now = at("2026-11-20T10:00:00Z");
        let said = |text: &str| {
            let allowance = schedule(&format!("allowance = \"5 GB / {text}\"")).allowance.expect("allowance");
            let (from, until) = period(&allowance, now, &kathmandu);
            (rfc3339_utc(from), rfc3339_utc(until))
        };
        assert_eq!(said("day"), ("2026-11-19T18:15:00Z".into(), "2026-11-20T18:15:00Z".into()));
        assert_eq!(said("week"), ("2026-11-15T18:15:00Z".into(), "2026-11-22T18:15:00Z".into()));
        assert_eq!(said("month"), ("2026-10-31T18:15:00Z".into(), "2026-11-30T18:15:00Z".into()));
    }

    proptest! {
        #[test]
        fn runs_go_forward_whatever_the_clocks_do(start in 1_500_000_000i64..2_000_000_000, minute in 0u8..60, hour in 0u8..24, every: bool) {
            let line = if every { format!("cron = \"{minute} * * * *\"") } else { format!("cron = \"{minute} {hour} * * *\"") };
            let zone = Zone::parse("Europe/Oslo").expect("zone");
            let found = upcoming(&ship(&line), None, Timestamp(start * SECOND), &zone, 5);
            prop_assert!(found[0] > Timestamp(start * SECOND));
            for pair in found.windows(2) {
                let hours = (pair[1].0 - pair[0].0) as f64 / (3600.0 * SECOND as f64);
                prop_assert!(if every { hours == 1.0 } else { (22.9..=25.1).contains(&hours) }, "{hours}");
            }
        }
    }
}
