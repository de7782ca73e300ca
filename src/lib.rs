//! Annals is an embeddable history store with local-first backup.

pub mod base;
pub mod model;
pub mod format;
pub mod storage;
pub mod engine;
