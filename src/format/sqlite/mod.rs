//! The SQLite database file and its write-ahead log, read without SQLite: pages in, rows and row changes out. Pure and read-only.
//!
//! Source: <https://www.sqlite.org/fileformat2.html>, and for what it leaves open the source of SQLite 3.54.1. Why this exists: whoever reads the
//! pages that a commit wrote sees every change of every transaction of another program, without a trigger, a lock or a write in its database.
//! Pages come in through [`pages::Pages`]; nothing here opens a file. Everything that is read is doubted: lengths, page numbers, depths and chains
//! are bounded, and damage is an error that names the page.

pub mod header;
pub mod value;
pub mod record;
pub mod pages;
pub mod tree;
pub mod sql;
pub mod schema;
pub mod row;
pub mod owners;
pub mod wal;
mod delta;
pub mod changes;
