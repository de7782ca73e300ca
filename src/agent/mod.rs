//! Floor 5: where time passes by itself. The agent captures, seals, ships, verifies and rehearses on schedule; its work is a durable queue.

pub mod schedule;
pub mod queue;
mod live;
pub mod tally;
mod lines;
pub mod site;
pub mod proof;
mod watch;
pub mod order;
pub mod worker;
pub mod health;
pub mod telling;
mod patience;
pub mod preflight;
pub mod doctor;
pub mod daemon;
