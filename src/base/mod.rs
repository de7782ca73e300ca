//! Floor 0: knows nothing of history. Errors, limits, digests, ids, time, randomness, bytes on the local disk, child processes.

pub mod error;
pub mod limits;
pub mod digest;
pub mod random;
pub mod id;
pub mod time;
pub mod codec;
pub mod fault;
pub mod aside;
pub mod disk;
pub mod machine;
pub mod monitor;
pub mod process;
