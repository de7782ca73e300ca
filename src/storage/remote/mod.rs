//! Places offsite. One trait, [`Remote`], and what stands behind it: a directory, anything that rclone reaches, or memory for tests.
//!
//! Objects are immutable and named by their contents. Nothing here trusts an exit code, a final name or an empty listing: what was stored is
//! read back, and an answer that could be an error is treated as one.

mod contract;
mod retry;
mod throttle;
mod place;
mod directory;
mod loopback;
mod wording;
mod rclone;
mod recording;

pub use contract::{Check, Object, Outcome, Remote, Stored, UNSENT, Upload, check_name, is_name};
pub use directory::{Directory, MARKER};
pub use place::{Options, RemoteUrl};
pub use rclone::{RCLONE_OLDEST, Rclone, config_file};
pub use recording::{Call, Fault, Memory, Recording, Verb};
pub use retry::{Policy, Retrying, Sleeper, SystemSleeper, passes, worth_retrying};
pub use throttle::Throttle;

use std::sync::Arc;

use crate::base::error::Result;

/// Opens the remote at `url`; its failed verbs are tried again as the options say. Nothing is read, written or started before the first verb.
pub fn open(url: &RemoteUrl, options: &Options) -> Result<Box<dyn Remote>> {
    let (policy, random, sleeper) = (options.retry, Arc::clone(&options.random), Arc::clone(&options.sleeper));
    Ok(match url {
        RemoteUrl::Directory(root) => Box::new(Retrying::new(Directory::new(root, options), policy, random, sleeper)),
        RemoteUrl::Rclone { .. } => Box::new(Retrying::new(Rclone::new(url, options)?, policy, random, sleeper)),
    })
}
