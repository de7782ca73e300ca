//! The engine through its public door: recording, history, undo, rollback, restore.

mod support;

mod history;
mod plans;
mod offsite;
mod lines;
mod refusals;
