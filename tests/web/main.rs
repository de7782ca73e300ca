//! The agent's HTTP interface and its pages: the real program on a scratch store, asked by programs, by attackers, and by people in a real
//! browser.
#![cfg(feature = "cli")]

mod site;
mod client;
mod browser;

mod attacks;
mod attacks_everywhere;
mod contract;
mod documents;
mod first;
mod live;
mod session;
mod streams;
mod works;
mod restores;
mod upkeep;
