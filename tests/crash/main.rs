//! What a store must survive: power cuts at every write, kills at any moment, damaged files, lying remotes, odd names, hostile trees.
//!
//! `ANNALS_KILLS=2000` for longer kill loops (100 in each of two otherwise), `ANNALS_FLIPS=5000` for more turned bits, `ANNALS_SEED=n` for other
//! random choices, `ANNALS_VERSIONS=1000000` for a longer history, `ANNALS_MATRIX=FILE` to keep the damage matrix in full.

mod cases;
mod cuts;
mod damage;
mod edges;
mod kills;
mod lies;
mod support;
