//! Sites that went back in time, that were copied, that parted from their remotes: noticed before they do harm, and brought into line.

mod support;
mod older;
mod copies;
mod forks;
mod erased;
mod program;
mod cuts;
mod databases;
