//! Annals is an embeddable history store with local-first backup: it keeps every version of every document in one directory, answers what a
//! document was, when it changed and by whom, takes batches of changes back, and ships the history offsite in few bytes.
//!
//! The nouns: a [`Store`] is one directory with one owner process; it holds one or more [`Tenant`]s (a `Store` used directly is its default
//! tenant). A [`Batch`] of changes becomes part of the tenant's log at one commit and gives a [`Receipt`]. A [`Version`] is one state of a
//! document with its existence, from one batch until another. A [`View`] shows all documents as they were at a [`Moment`]. A [`Plan`] says
//! what an undo, a rollback or a restore would do; [`Tenant::apply`] does it, as a new batch. Nothing recorded is ever overwritten.
//!
//! Everything blocks; [`Store`] and [`Tenant`] are `Clone + Send + Sync`; there is no async runtime. Every failure is an [`Error`] with a
//! [`Kind`] and, where something can be done about it, a hint.
//!
//! ```
//! use annals::{By, Moment, OnConflict, OpenRemote, RemoteOptions, ShipOptions, Silent, Store};
//!
//! # fn main() -> annals::Result<()> {
//! # let dir = tempfile::tempdir().expect("a temporary directory");
//! # let (path, usb) = (dir.path().join("store"), dir.path().join("usb"));
//! # std::fs::create_dir(&usb).expect("a directory");
//! // A new store; `Store::open` from then on.
//! let store = Store::init(&path, "clinic-17")?;
//!
//! // Several changes become one batch. When `commit` returns, it survives power loss.
//! let mut batch = store.batch("new prices").actor("806");
//! batch.put("price/apple", &b"{\"nok\": 10}"[..])?;
//! batch.put("price/pear", &b"{\"nok\": 12}"[..])?;
//! batch.commit()?;
//!
//! // A mistake, seen and taken back.
//! let mistake = store.put("price/apple", &b"{\"nok\": 1000}"[..])?;
//! assert_eq!(store.history("price/apple")?.len(), 2);
//! let plan = store.undo(mistake.position.seq)?;
//! assert_eq!(plan.summary().put, 1);
//! store.apply(&plan, OnConflict::Skip, &By::default())?;
//! assert_eq!(store.get("price/apple")?.bytes(1024)?, b"{\"nok\": 10}");
//!
//! // The mistake stays in the history.
//! let then = store.at(&Moment::Seq(mistake.position.seq))?;
//! assert_eq!(then.get("price/apple")?.bytes(1024)?, b"{\"nok\": 1000}");
//!
//! // Offsite (a directory that exists, or `rclone:REMOTE:PATH`), and back from there.
//! let offsite = OpenRemote::at(&format!("dir:{}", usb.display()), &RemoteOptions::default())?;
//! store.ship(&offsite, &ShipOptions::default(), &Silent)?.whole()?;
//! let (again, report) = Store::rebuild(&[offsite], path.join("annals.key"), dir.path().join("again"), None)?;
//! assert!(report.gaps.is_empty());
//! assert_eq!(again.position()?, store.position()?);
//! # Ok(())
//! # }
//! ```
//!
//! The modules are floors, in the order in which they can be read: each imports only from those above it in this list.

pub mod base;
pub mod model;
pub mod format;
pub mod storage;
pub mod engine;
pub mod agent;
#[cfg(feature = "cli")]
pub mod face;

pub use agent::daemon::Agent;
pub use base::digest::Digest;
pub use base::error::{Error, Kind, Result};
pub use base::monitor::{Monitor, Progress, Silent};
pub use base::time::{Clock, Timestamp};
pub use engine::compare::{FieldHistory, FieldStep, Pair};
pub use engine::content::ContentReader;
pub use engine::history::{Event, Listing, Version, View};
pub use engine::offsite::{FetchReport, OpenRemote, ShipOptions, ShipReport};
pub use engine::plans::{Applied, By};
pub use engine::rebuild::Rebuild;
pub use engine::record::{Batch, Receipt};
pub use engine::seal::{SealOptions, SealReport};
pub use engine::status::Status;
pub use engine::store::{Options, Store, Tenant};
pub use engine::verify::{Level, VerifyReport};
pub use model::change::Meta;
pub use model::moment::Moment;
pub use model::plan::{OnConflict, Plan};
pub use model::reference::Reference;
pub use model::timeline::Position;
pub use storage::remote::Options as RemoteOptions;

/// The README's example is compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
