//! To be replaced by its author.
