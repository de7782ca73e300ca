//! The agent's socket in the store: commands of other processes, carried out by the agent as if they ran there. Messages are lines of JSON
//! of bounded length; bytes in them are base64.

mod wire;
mod server;
mod client;

pub(super) use client::{Asked, ask, is_served};
pub(super) use server::{Server, Session};
pub(super) use wire::Request;
