//! Which remotes a store has, and whether they can be used.

use std::io::Write;

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Monitor;
use crate::storage::config::{self, Remote as Place};
use crate::storage::remote::{self, Check, Object, Options, Remote, RemoteUrl, Upload};

use super::residency::note_left;
use super::store::{CONFIG, Store};

/// Bytes: what a check writes and reads back. Longer than the inline thresholds of the stores that rclone reaches.
const PROBE_BYTES: usize = 4096;

/// What a check of a remote found. That there is one means that the remote answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCheck {
    /// Which place it is, without secrets.
    pub place: String,
    /// Objects that lie there.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Whether a small object was written, read back and removed.
    pub written: bool,
    /// Names that no store writes, of the first objects of their kind.
    pub foreign: Vec<String>,
    /// Requests that this took.
    pub requests: u64,
}

/// Names of foreign objects that are kept.
const FOREIGN_MAX: usize = 100;

/// Whether an object may be one of a store: below the folder of a tenant, with an ending of ours.
fn is_ours(name: &str) -> bool {
    let Some((tenant, object)) = name.split_once('/') else { return name.starts_with("annals-probe-") };
    tenant.len() == 32 && tenant.bytes().all(|b| b.is_ascii_hexdigit()) && (object.ends_with(".seg") || object.ends_with(".key"))
}

impl Store {
    /// Adds a remote to the store's configuration file. The open store goes on with the configuration it was opened with.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a name that is taken or a place inside the store itself.
    pub fn add_remote(&self, place: &Place) -> Result<()> {
        let url = RemoteUrl::parse(&place.url)?;
        let own = std::fs::canonicalize(&self.inner.dir).map_err(|e| Error::io(format_args!("find {}", self.inner.dir.display()), e))?;
        if let RemoteUrl::Directory(path) = &url
            && (path.starts_with(&own) || path.starts_with(&self.inner.dir))
        {
            return Err(Error::usage("remote.inside", format!("the remote would lie inside the store itself: {}", path.display()))
                .hint("a remote is for the day when this directory is lost; name a directory on another disk"));
        }
        config::add_remote(&self.inner.dir.join(CONFIG), place)?;
        // What an earlier remote of this name held says nothing about the new one.
        self.leave(&place.name)
    }

    /// Takes a remote out of the configuration file and forgets what it is known to hold. Nothing at the remote itself is touched.
    ///
    /// # Errors
    /// [`Kind::Missing`] with the nearest name; [`Kind::Refused`] where a tenant's rules name it.
    pub fn remove_remote(&self, name: &str) -> Result<()> {
        config::remove_remote(&self.inner.dir.join(CONFIG), name)?;
        self.leave(name)
    }

    /// Forgets what a remote is known to hold, after noting for [`Store::policy_report`] that it held something.
    fn leave(&self, name: &str) -> Result<()> {
        let inner = &*self.inner;
        inner.catalog.write(|w| {
            let region = inner.config.remotes.iter().find(|place| place.name == name).and_then(|place| place.region.as_deref());
            note_left(w, name, region, inner.clock().now())?;
            w.remove_remote(name)
        })
    }

    /// Opens a remote of the configuration; `options` say what the configuration does not.
    pub(crate) fn open_remote(&self, name: &str, mut options: Options) -> Result<Box<dyn Remote>> {
        let place = self.inner.config.remote(name)?;
        options.rclone_config.clone_from(&place.rclone_config);
        self.know_place(name, &place.url)?;
        options.used_before = self.inner.catalog.read(|rows| rows.remote_used(name))?;
        remote::open(&RemoteUrl::parse(&place.url)?, &options)
    }

    /// Forgets what a remote is known to hold when the configuration has come to say that it is somewhere else: nothing is known of that place.
    fn know_place(&self, name: &str, url: &str) -> Result<()> {
        let fact = format!("place {name}");
        let known = self.inner.catalog.read(|rows| rows.fact(&fact))?;
        if known.as_deref() == Some(url.as_bytes()) {
            return Ok(());
        }
        self.inner.catalog.write(|w| {
            if known.is_some() {
                // Where the old place was is not what the configuration says now.
                note_left(w, name, None, self.inner.clock().now())?;
                w.remove_remote(name)?;
            }
            w.set_fact(&fact, url.as_bytes())
        })
    }

    /// Asks a remote what lies there. With `write` it also stores a small object, reads it back and removes it.
    pub fn check_remote(&self, name: &str, write: bool, options: Options, monitor: &dyn Monitor) -> Result<RemoteCheck> {
        self.check_device(&*self.open_remote(name, options)?, write, monitor)
    }

    /// Like [`Store::check_remote`], of a remote that is open.
    pub(crate) fn check_device(&self, remote: &dyn Remote, write: bool, monitor: &dyn Monitor) -> Result<RemoteCheck> {
        let found = remote.list("", monitor)?;
        if write {
            self.probe(remote, monitor)?;
        }
        Ok(RemoteCheck {
            place: remote.describe(),
            objects: found.len() as u64,
            bytes: found.iter().map(|Object { size, .. }| size).sum(),
            written: write,
            foreign: found.iter().filter(|o| !is_ours(&o.name)).take(FOREIGN_MAX).map(|o| o.name.clone()).collect(),
            requests: remote.requests(),
        })
    }

    fn probe(&self, remote: &dyn Remote, monitor: &dyn Monitor) -> Result<()> {
        let mut bytes = [0; PROBE_BYTES];
        self.inner.random().fill(&mut bytes);
        let digest = Digest::of(&bytes);
        // It is made here and sent there.
        let failed = |e| Error::io(format_args!("write a probe file beside the store, in {}", self.inner.dir.display()), e);
        let mut file = tempfile::NamedTempFile::new_in(&self.inner.dir).map_err(failed)?;
        file.write_all(&bytes).map_err(failed)?;
        let name = format!("annals-probe-{}", digest.short(16));
        let stored = remote.store(&[Upload::new(&name, file.path(), PROBE_BYTES as u64)], monitor)?;
        stored.into_iter().collect::<Result<Vec<_>>>()?;
        let read = remote.verify(&name, PROBE_BYTES as u64, Some(digest), monitor);
        remote.remove(&[name], monitor)?;
        match read? {
            Check::Right => Ok(()),
            _ => Err(Error::new(Kind::Remote, "remote.probe", format!("what was written does not read back the same: {}", remote.describe()))
                .hint("do not trust this place; look at its disk, or at what stands between")),
        }
    }
}
