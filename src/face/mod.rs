//! Floor 6: everything a person sees.

pub mod view;
mod terminal;
mod world;
mod control;
pub mod cli;
