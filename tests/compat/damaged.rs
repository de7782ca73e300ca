//! Damaged remotes.
