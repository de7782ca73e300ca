//! Capture: the state of application data becomes batches of the log. Each source has its way; what is written back into a database, and how two
//! histories of it become one, is the same for all of them.

mod behind;
mod lineage;
mod written;
mod open;
pub mod folder;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(unix)]
pub mod sqlite;
mod databases;
mod giving;
mod realign;

pub use behind::{Behind, CaptureStatus};
pub(crate) use databases::{note_replayed, statuses};
pub use folder::{Captured, FolderCapture};
pub use realign::DatabaseRealigned;
pub use written::RowDifference;
