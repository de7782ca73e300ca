//! `annals.toml`: what an administrator decides for a store. The only door to the TOML library.
//!
//! Everything is optional; an empty file keeps everything for ever, here. All values are checked when the file is read, so that a slip is
//! found by the command that reads it and not at three in the morning. A key that is not known is an error, since a misspelt rule would
//! otherwise be no rule. Edits change the lines they must and leave all others byte for byte: comments, order and line ends are the
//! administrator's.

mod words;
mod amount;
mod cron;
mod window;
mod place;
mod section;
mod rules;
mod load;
mod edit;
#[cfg(test)]
mod tests;

pub use amount::{Rate, parse_rate, parse_size};
pub use cron::Cron;
pub use edit::{Setting, add_remote, remove_remote, set_values, setting};
pub use place::{MailServer, is_here, mail_server};
pub use rules::{
    Alert, Capture, CaptureFrom, Config, Email, Invariant, Keep, Preflight, Remote, Schedule, Ship, StoreRules, TableRule, TenantRules, Web,
};
pub use window::{Allowance, Period, Window};
