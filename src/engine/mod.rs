//! Floor 4: the verbs. Each file holds the options, the plan, the work and the report of one.

pub mod gate;
pub mod content;
pub mod queue;
pub mod store;
pub mod draft;
pub mod record;
pub mod history;
pub mod find;
pub mod compare;
pub mod plans;
pub mod restore;
pub mod capture;
pub mod gc;
pub mod verify;
pub mod references;
pub mod remotes;
pub mod seal;
pub mod replay;
pub mod offsite;
pub mod rebuild;
pub mod heal;
pub mod drill;
pub mod patrol;
pub mod status;
pub mod keys;
pub mod watch;
