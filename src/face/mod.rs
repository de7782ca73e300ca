//! Floor 6: everything a person sees.

pub mod view;
pub mod metrics;
mod lines;
mod words;
mod http;
mod api;
mod terminal;
mod world;
mod control;
mod web;
pub mod cli;
