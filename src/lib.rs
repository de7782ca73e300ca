//! Annals is an embeddable history store with local-first backup.

pub mod base;
pub mod model;
pub mod format;
pub mod storage;
pub mod engine;
#[cfg(feature = "cli")]
pub mod face;

pub use base::error::{Error, Kind, Result};
pub use engine::content::ContentReader;
pub use engine::history::{Listing, Version, View};
pub use engine::record::{Batch, Receipt};
pub use engine::store::{Store, Tenant};
