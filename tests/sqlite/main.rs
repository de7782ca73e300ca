//! SQLite databases: what this house reads from their pages, against what SQLite itself says.

mod damage;
mod kinds;
mod rows;
