//! Floor 6: everything a person sees.

pub mod view;
pub mod cli;
