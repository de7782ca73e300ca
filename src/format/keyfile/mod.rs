//! Keys at rest: the key file, the recovery sheet and the keyring object.
//!
//! A site has one random secret. It lies in the key file, open or wrapped, and on the printed recovery sheet. Each tenant has a random key
//! of its own; the keyring object holds that key, sealed under the site secret, and is shipped beside the tenant's segments. Destroying a
//! tenant's keyring objects is therefore erasure of the tenant, wherever its segments lie. Subjects whose contents can be erased have keys of
//! their own, sealed under their tenant's key in subject key objects.

mod text;
mod secret;
mod identity;
mod slots;
mod file;
pub mod sheet;
pub mod keyring;
pub mod attestation;
pub mod subjects;
#[cfg(test)]
mod golden;

pub use file::{KeyFile, Unlock};
pub use identity::{Identity, Recipient};
pub use secret::SiteSecret;
