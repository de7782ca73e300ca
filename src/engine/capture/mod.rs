//! Capture: the state of application data becomes batches of the log. Each source has its way.

pub mod folder;
#[cfg(feature = "postgres")]
pub mod postgres;

pub use folder::{Captured, FolderCapture};
