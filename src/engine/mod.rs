//! Floor 4: the verbs. Each file holds the options, the plan, the work and the report of one.

pub mod gate;
pub mod content;
pub mod store;
pub mod record;
pub mod history;
pub mod plans;
pub mod capture;
pub mod gc;
pub mod verify;
pub mod seal;
pub mod replay;
pub mod offsite;
pub mod rebuild;
pub mod heal;
