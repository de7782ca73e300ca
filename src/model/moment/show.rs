//! Times for people and machines.

use jiff::civil::{Date, DateTime};

use crate::base::time::Timestamp;

use super::zone::{EARLIEST, LATEST, Zone, offset_text, zoned};

/// `2018-09-18 23:59:59 +02:00 (Europe/Oslo)`. Fractions of a second are not shown; [`parse`](super::parse) reads this form back.
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
pub fn age(seconds: i64) -> String {
    let (n, unit) = age_unit(seconds);
    let plural = if n == 1 { "" } else { "s" };
    let before = if seconds < 0 { "in " } else { "" };
    format!("{before}{n} {unit}{plural}")
}

/// A length of time, whatever its sign, as a number of `second`, `minute`, `hour`, `day`, `month` or `year`. Rounded down; months and years are
/// 30.44 and 365.25 days.
pub fn age_unit(seconds: i64) -> (u64, &'static str) {
    let secs = seconds.unsigned_abs();
    match secs {
        0..120 => (secs, "second"),
        120..7_200 => (secs / 60, "minute"),
        7_200..172_800 => (secs / 3_600, "hour"),
        172_800..5_184_000 => (secs / 86_400, "day"),
        5_184_000..63_115_200 => (secs / 2_630_016, "month"),
        _ => (secs / 31_557_600, "year"),
    }
}

pub(super) fn date_text(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day())
}

pub(super) fn wall_text(wall: DateTime) -> String {
    let seconds = if wall.second() == 0 { String::new() } else { format!(":{:02}", wall.second()) };
    format!("{} {:02}:{:02}{seconds}", date_text(wall.date()), wall.hour(), wall.minute())
}
