//! The command line through the real binary: safety, outside systems, rules, service.

mod support;

mod capture;
mod keys;
mod refs;
mod remotes;
mod safety;
mod service;
