//! Sources of the configuration: how their state is recorded, and how the agent learns that it changed.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::base::error::{Error, Result};
use crate::base::monitor::Monitor;
use crate::engine::capture::{Captured, FolderCapture};
use crate::engine::plans::By;
use crate::engine::store::{Store, Tenant};
use crate::engine::watch::Pace;
use crate::model::job::Task;
use crate::model::key::{DEFAULT_TENANT, parse_key};
use crate::storage::config::{Capture, CaptureFrom};
use crate::storage::source::folder::{Rules, Wake, Watcher};

use super::live::Leash;
use super::site::{News, Site};

/// How long a source that is not there is left alone before it is looked for again.
const AWAY: Duration = Duration::from_secs(60);

/// Application data whose state can be recorded, and that can be watched.
pub(super) trait Source: Send {
    /// Records its state, as one batch; `news` says where it may have changed.
    fn capture(&self, tenant: &Tenant, news: &News, by: &By, monitor: &dyn Monitor) -> Result<Captured>;

    /// Waits until it may have changed, and says where; `None` when the monitor stops it. The first call starts to watch and returns at once.
    fn wait(&mut self, monitor: &dyn Monitor) -> Result<Option<News>>;
}

/// The source that a section of the configuration describes.
pub(super) fn source(store: &Store, capture: &Capture) -> Result<Box<dyn Source>> {
    match &capture.from {
        CaptureFrom::Folder { path, include, exclude } => {
            let mut prefix = parse_key(capture.prefix.as_deref().unwrap_or(&capture.name));
            if !prefix.is_empty() && !prefix.ends_with(b"/") {
                prefix.push(b'/');
            }
            let rules = Rules::new(exclude, include)?.leave_out(store.dir());
            Ok(Box::new(FolderSource { what: FolderCapture { folder: path.clone(), prefix, rules, allow_empty: false }, watcher: None }))
        }
        CaptureFrom::Sqlite { path, .. } => {
            Err(Error::usage("capture.unsupported", format!("this program does not capture SQLite databases yet: {}", path.display()))
                .hint("take the section out of annals.toml, or use a newer annals"))
        }
    }
}

/// The tenant whose documents a capture makes.
pub(super) fn tenant(store: &Store, capture: &Capture) -> Result<Tenant> {
    store.tenant(capture.tenant.as_deref().unwrap_or(DEFAULT_TENANT))
}

struct FolderSource {
    what: FolderCapture,
    watcher: Option<Watcher>,
}

impl Source for FolderSource {
    fn capture(&self, tenant: &Tenant, news: &News, by: &By, monitor: &dyn Monitor) -> Result<Captured> {
        let only = match news {
            News::All => None,
            News::Paths(paths) => Some(paths),
        };
        tenant.capture_folder(&self.what, only, by, monitor)
    }

    fn wait(&mut self, monitor: &dyn Monitor) -> Result<Option<News>> {
        let pace = Pace::default();
        match &mut self.watcher {
            // Watch first, capture afterwards: what changes in between is seen by one of the two.
            None => {
                self.watcher = Some(Watcher::start(&self.what.folder, self.what.rules.clone(), monitor)?);
                Ok(Some(News::All))
            }
            Some(watcher) => Ok(match watcher.wait(pace.settle, pace.rescan_every, monitor) {
                Wake::Stopped => None,
                Wake::Dirty(dirty) => Some(dirty.into()),
                Wake::Periodic => Some(News::All),
            }),
        }
    }
}

/// Watches one source until the agent stops or `cut` is set, and asks for a capture whenever it may have changed.
pub(super) fn follow(site: &Site, capture: &Capture, cut: &Arc<AtomicBool>) {
    let leash = Leash { stopping: site.stopping.clone(), cut: cut.clone() };
    let store = site.store();
    let mut watched = source(&store, capture).ok();
    let mut asked = false;
    while !leash.stopped() {
        let news = match &mut watched {
            Some(source) => source.wait(&leash),
            // What cannot be watched is asked for once, so that the job says why.
            None if !asked => Ok(Some(News::All)),
            None => Err(Error::usage("capture.unsupported", "cannot be watched")),
        };
        match news {
            Ok(None) => return,
            Ok(Some(news)) => {
                asked = true;
                site.add_news(&capture.name, news);
                if let Err(e) = store.add_job(&Task::Capture(capture.name.clone())) {
                    site.note_error(&e);
                }
                site.poke();
            }
            Err(_) => {
                if !asked {
                    asked = true;
                    drop(store.add_job(&Task::Capture(capture.name.clone())).inspect_err(|e| site.note_error(e)));
                    site.poke();
                }
                let until = site.elapsed() + AWAY;
                while site.elapsed() < until && !leash.stopped() {
                    site.wait(site.pulse(), until.saturating_sub(site.elapsed()));
                }
            }
        }
    }
}
