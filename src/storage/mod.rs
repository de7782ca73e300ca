//! Floor 3: one device each. Siblings are strangers.

pub mod chunks;
pub mod catalog;
pub mod config;
pub mod remote;
pub mod notice;
pub mod source;
pub mod tree;
