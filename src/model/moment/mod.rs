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

mod words;
mod zone;
mod day;
mod show;
mod duration;
mod shape;
mod refusal;
mod expression;
mod address;
#[cfg(test)]
mod tests;

pub use address::Address;
pub use day::{Day, Wall};
pub use duration::{duration_text, parse_duration};
pub use expression::{Moment, MomentRange, parse, parse_range, parse_rfc3339};
pub use show::{age, age_unit, rfc3339_utc, show, show_short};
pub use zone::{Local, Zone, local};
