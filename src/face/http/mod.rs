//! The agent's HTTP server: it listens, decides who may come in, and gives each request to code that blocks. What is asked for and what the
//! answers look like is the business of `api` and `web`.
//!
//! Only the machine itself is listened to. A person comes in with a code that works once (`annals ui` prints it) and has a cookie from then
//! on; a program has the token of the store. Requests for another host, from another site or without the form's own token are refused.

mod door;
mod desk;
mod ask;
mod server;

pub(super) use ask::{Answer, Ask, encode};
pub(super) use desk::Desk;
pub(super) use door::{Session, secret};
pub(super) use server::{Server, WEB_PORT, act};
