//! The agent: its queue, what it does on schedule under a clock that the tests turn, and the program as a service.

mod support;
#[cfg(feature = "cli")]
mod alerts;
mod brake;
mod erasures;
mod lines;
#[cfg(feature = "cli")]
mod metrics;
mod orders;
mod preflight;
mod pruning;
mod queue;
mod schedule;
mod service;
mod sources;
