//! Floor 1: the nouns. Pure values without input or output.

pub mod key;
pub mod subject;
pub mod moment;
pub mod reference;
pub mod change;
pub mod timeline;
pub mod lineage;
pub mod field;
pub mod text;
pub mod plan;
pub mod realign;
pub mod retention;
pub mod job;
