//! The command line as people and scripts meet it: the real program in temporary directories.
#![cfg(feature = "cli")]

mod support;

mod batch;
mod everyday;
mod dry;
mod help;
mod plans;
mod restore;

mod words;

mod capture;
mod keys;
mod offsite;
mod refs;
mod remotes;
mod safety;
mod service;
mod signals;
