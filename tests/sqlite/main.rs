//! SQLite databases of applications: what this house reads from their pages, against what SQLite itself says; captured, restored, noticed when
//! they go back in time, given rows back.

mod support;

mod back;
mod damage;
mod follow;
mod giving;
mod images;
mod kills;
mod kinds;
mod large;
mod program;
mod realign;
mod rows;
mod tables;
mod trouble;
