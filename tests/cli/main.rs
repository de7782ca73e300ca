//! The command line as people and scripts meet it: the real program in temporary directories.
#![cfg(feature = "cli")]

mod support;

mod attest;
mod batch;
mod capture;
mod counts;
mod dry;
mod erase;
mod everyday;
mod help;
mod feed;
mod keys;
mod offsite;
mod plans;
mod policy;
mod refs;
mod remotes;
mod restore;
mod rules;
mod safety;
mod service;
mod signals;
mod tenants;
