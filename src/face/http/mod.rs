//! The agent's HTTP server: it listens, decides who may come in, and gives each request to code that blocks. What is asked for and what the
//! answers look like is the business of `api` and `web`.
//!
//! Only the machine itself is listened to, unless a reverse proxy is said to stand in front. A person comes in with a code that works once
//! (`annals ui` prints it) and has a cookie from then on; a program has the token of the store. Requests for another host, from another site
//! or without the form's own token are refused.

mod door;
mod shelf;
mod desk;
mod ask;
mod body;
mod listen;
mod server;

pub(super) use ask::{Answer, Ask, attachment, encode, field};
pub(super) use body::{Content, Reply};
pub(super) use desk::{Desk, OPEN_FILE};
pub(super) use door::secret;
pub(super) use server::{Routes, Server, act, call, events};
