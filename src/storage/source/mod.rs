//! Sources: application data that is captured. Each is read without disturbing the application and says what it could not read.

pub mod outcome;
pub mod password;
#[cfg(unix)]
pub mod folder;
#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(unix)]
pub mod sqlite;
