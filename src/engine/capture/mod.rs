//! Capture: the state of application data becomes batches of the log. Each source has its way.

pub mod folder;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(unix)]
pub mod sqlite;

pub use folder::{Captured, FolderCapture};
