//! How long work tells its caller how far it is, and learns that it should stop. The library never prints.

use super::error::{Error, Kind, Result};

/// What is being done now and how far it is. Totals are zero while unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The phase in a word or two: "reading", "sealing", "uploading".
    pub phase: &'static str,
    /// Things done (documents, segments, chunks).
    pub items: u64,
    /// Things to do.
    pub items_total: u64,
    /// Bytes done.
    pub bytes: u64,
    /// Bytes to do.
    pub bytes_total: u64,
}

/// Watches long work. Called often; must return quickly.
pub trait Monitor: Send + Sync {
    /// Work got further.
    fn progress(&self, progress: &Progress);

    /// Something worth a line in a log, never an error.
    fn note(&self, message: &str);

    /// Whether the work should stop at the next safe place.
    fn stopped(&self) -> bool;
}

/// Fails with [`Kind::Interrupted`] when the monitor wants to stop. Call between items.
pub fn check_stop(monitor: &dyn Monitor) -> Result<()> {
    if monitor.stopped() {
        return Err(stop());
    }
    Ok(())
}

/// The error of work that was stopped because its monitor wanted so.
pub fn stop() -> Error {
    Error::new(Kind::Interrupted, "stopped", "stopped before the end").hint("run the same command again to go on")
}

/// Watches nothing and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn progress(&self, _: &Progress) {}
    fn note(&self, _: &str) {}
    fn stopped(&self) -> bool {
        false
    }
}
