//! Capture of PostgreSQL against Debian's server, started in a temporary directory. Without it the tests say so and pass.
#![cfg(feature = "postgres")]

mod server;

mod capture;
mod context;
mod follow;
mod kills;
mod lineage;
mod agent;
mod back;
mod doctor;
mod giving;
mod realign;
mod tls;
