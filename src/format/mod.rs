//! Floor 2: bytes to model and back. Pure; every byte is specified in `FORMAT.md`.

pub mod version;
pub mod chunker;
pub mod list;
pub mod block;
pub mod container;
pub mod json;
pub mod pgoutput;
pub mod pgrow;
pub mod sketch;
pub mod cipher;
pub mod record;
pub mod keyfile;
pub mod wire;
pub mod layout;
pub mod segment;
pub mod sqlite;
