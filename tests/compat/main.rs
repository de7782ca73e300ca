//! What was written once is read for ever: golden remotes against today's code, and against a reader in Python that was written from
//! `FORMAT.md` alone.
//!
//! `cargo test --test compat -- --ignored regenerate` writes the golden remote anew. That is for a new format version only: it goes into a
//! directory of its own, and the old one stays.

mod site;
mod facts;
mod python;
mod golden;
mod erased;
mod damaged;
