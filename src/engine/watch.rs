//! Capture of a folder that goes on: whenever something may have changed, one more batch.

use std::time::Duration;

use crate::base::error::{Kind, Result};
use crate::base::monitor::Monitor;
use crate::storage::source::folder::{Dirty, PathSet, Wake, Watcher};

use super::capture::folder::{Captured, EMPTY, FolderCapture, MISSING, MOST_REMOVED};
use super::plans::By;
use super::store::Tenant;

/// How a watch waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Nothing must have happened for so long before a change is captured, so that one save is one batch.
    pub settle: Duration,
    /// At the latest after so long everything is looked at, whatever the system reported.
    pub rescan_every: Duration,
}

impl Default for Pace {
    /// One second, ten minutes.
    fn default() -> Self {
        Pace { settle: Duration::from_secs(1), rescan_every: Duration::from_secs(600) }
    }
}

impl Tenant {
    /// Captures a folder, and again whenever it changes, until the monitor stops it; that is its orderly end. `each` is told of the first
    /// capture, of each that made a batch, and of each that had to skip something.
    ///
    /// A folder that goes away or is suddenly empty (a disk that is taken out) is waited for, and nothing in it counts as removed; the monitor is
    /// told once each time.
    pub fn watch_folder(
        &self,
        what: &FolderCapture,
        by: &By,
        pace: &Pace,
        monitor: &dyn Monitor,
        each: &mut dyn FnMut(&Captured) -> Result<()>,
    ) -> Result<()> {
        // The watcher starts first: what changes during the first capture wakes it afterwards.
        drop(self.open_folder(what)?);
        let mut watcher = Watcher::start(&what.folder, what.rules.clone(), monitor)?;
        let mut only: Option<PathSet> = None;
        let mut first = true;
        let mut told: Option<&str> = None;
        loop {
            let complete = match self.capture_folder(what, only.as_ref(), by, monitor) {
                Ok(captured) => {
                    if first || captured.receipt.is_some() || !captured.skipped.is_empty() {
                        each(&captured)?;
                    }
                    first = false;
                    told = None;
                    true
                }
                Err(e) if e.kind() == Kind::Interrupted => return Ok(()),
                Err(e) if [MISSING, EMPTY, MOST_REMOVED].contains(&e.code()) => {
                    if told != Some(e.code()) {
                        monitor.note(&format!("{e}; waiting for it to come back"));
                    }
                    told = Some(e.code());
                    false
                }
                Err(e) => return Err(e),
            };
            only = match watcher.wait(pace.settle, pace.rescan_every, monitor) {
                Wake::Stopped => return Ok(()),
                // What an incomplete capture should have seen is not among the new paths.
                Wake::Dirty(Dirty::Paths(paths)) if complete => Some(paths),
                Wake::Dirty(_) | Wake::Periodic => None,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::base::monitor::Progress;
    use crate::engine::store::Store;
    use crate::storage::source::folder::Rules;

    #[derive(Default)]
    struct Stop(AtomicBool, Mutex<Vec<String>>);

    impl Monitor for Stop {
        fn progress(&self, _: &Progress) {}
        fn note(&self, message: &str) {
            self.1.lock().expect("notes").push(message.to_owned());
        }
        fn stopped(&self) -> bool {
            self.0.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn each_change_becomes_a_batch_until_the_monitor_stops_it() {
        let dir = tempfile::tempdir().expect("dir");
        let folder = dir.path().join("folder");
        fs::create_dir(&folder).expect("folder");
        fs::write(folder.join("a"), b"1").expect("write");
        let store = Store::init(dir.path().join("store"), "test").expect("init");
        let what = FolderCapture { folder: folder.clone(), prefix: b"f/".to_vec(), rules: Rules::default(), allow_empty: false };
        let pace = Pace { settle: Duration::from_millis(20), rescan_every: Duration::from_secs(3600) };
        let stop = Stop::default();
        let mut added = 0;
        store
            .watch_folder(&what, &By::default(), &pace, &stop, &mut |captured| {
                added += captured.added;
                match added {
                    1 => fs::write(folder.join("b"), b"2").expect("write"),
                    _ => stop.0.store(true, Ordering::SeqCst),
                }
                Ok(())
            })
            .expect("watch");
        let keys: Vec<Vec<u8>> = store.list("").map(|v| v.expect("version").key).collect();
        assert_eq!(keys, [b"f/a".to_vec(), b"f/b".to_vec()]);
    }

    /// A disk that goes away for a while: its folder is empty meanwhile, at several scans.
    #[test]
    fn a_folder_that_is_empty_for_a_while_loses_nothing_and_the_watch_goes_on() {
        let dir = tempfile::tempdir().expect("dir");
        let (folder, away) = (dir.path().join("folder"), dir.path().join("away"));
        fs::create_dir(&folder).expect("folder");
        fs::write(folder.join("a"), b"1").expect("write");
        let store = Store::init(dir.path().join("store"), "test").expect("init");
        let what = FolderCapture { folder: folder.clone(), prefix: b"f/".to_vec(), rules: Rules::default(), allow_empty: false };
        let pace = Pace { settle: Duration::from_millis(5), rescan_every: Duration::from_millis(5) };

        /// Puts the file back once it was told that it is gone and two more scans were made.
        struct Disk<'a>(Stop, Mutex<u32>, &'a (dyn Fn() + Sync));
        impl Monitor for Disk<'_> {
            fn progress(&self, _: &Progress) {}
            fn note(&self, message: &str) {
                self.0.note(message);
            }
            fn stopped(&self) -> bool {
                let told = !self.0.1.lock().expect("notes").is_empty();
                let mut asked = self.1.lock().expect("count");
                *asked += u32::from(told);
                if *asked == 20 {
                    (self.2)();
                }
                self.0.stopped()
            }
        }
        let come_back = || fs::write(folder.join("b"), b"2").and_then(|()| fs::rename(&away, folder.join("a"))).expect("mount");
        let monitor = Disk(Stop::default(), Mutex::new(0), &come_back);
        let mut captures = 0;
        store
            .watch_folder(&what, &By::default(), &pace, &monitor, &mut |captured| {
                captures += 1;
                assert_eq!(captured.removed, 0, "nothing counts as removed");
                match captures {
                    1 => fs::rename(folder.join("a"), &away).expect("unmount"),
                    _ if store.get("f/b").is_ok() => monitor.0.0.store(true, Ordering::SeqCst),
                    _ => {}
                }
                Ok(())
            })
            .expect("watch");
        let notes = monitor.0.1.into_inner().expect("notes");
        assert!(notes.len() == 1 && notes[0].contains("would remove every document"), "it says so once: {notes:?}");
        assert_eq!(store.history("f/a").expect("history").len(), 1);
    }
}
