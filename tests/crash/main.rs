//! What a store must survive: power cuts at every write, kills at any moment, damaged files, lying remotes, odd names, hostile trees.
//!
//! `ANNALS_KILLS=200` for a longer kill loop, `ANNALS_FLIPS=5000` for more turned bits, `ANNALS_VERSIONS=100000` for a longer history,
//! `ANNALS_MATRIX=FILE` to keep the damage matrix.

mod cases;
mod cuts;
mod damage;
mod edges;
mod kills;
mod lies;
mod support;
