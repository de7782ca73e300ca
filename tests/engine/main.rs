//! The engine through its public door: recording, history, undo, rollback, restore.

mod support;

mod feed;
mod history;
mod plans;
mod offsite;
mod forget;
mod erase;
mod gc;
mod lines;
mod refusals;
mod upkeep;
mod sizes;
mod tenants;
mod ahead;
