//! Knowing when to scan: events of the operating system as hints, a timer as the promise.
//!
//! Events never say what changed, only where to look. Directories are watched one by one, and a new one is watched and reported as a whole
//! before the caller scans it: notify 8.2 in its recursive form loses what is created in a new directory before it watches that too
//! (<https://github.com/notify-rs/notify/issues/727>), and it would spend watches on excluded directories.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::base::error::Result;
use crate::base::limits::FOLDER_DIRTY_PATHS_MAX;
use crate::base::monitor::{Monitor, Silent};
use crate::model::key::show_key;

use super::Folder;
use super::entry::Found;
use super::rules::{RULES_FILE, Rules};
use super::scan::{PathSet, Scan};

/// Times the settling time: how long a folder under constant writes may delay the wake.
const SETTLE_MAX: u32 = 10;
/// How often a waiting watcher asks whether it should stop.
const STOP_POLL: Duration = Duration::from_millis(200);

/// Why the watcher woke its caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// Something may have changed here.
    Dirty(Dirty),
    /// It is time for a scan of everything, whatever the events said.
    Periodic,
    /// The monitor wants to stop.
    Stopped,
}

/// Where something may have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dirty {
    /// At or below these paths: [`Folder::scan_only`].
    Paths(PathSet),
    /// Anywhere: events were lost, or too many places changed.
    All,
}

/// Watches a folder. Where the system cannot tell (a limit on watches, a network file system), it says so once in a note and lives from the
/// periodic scan alone.
pub struct Watcher {
    folder: Folder,
    rules: Rules,
    inbox: Arc<Inbox>,
    /// `None` while only the timer works.
    device: Option<RecommendedWatcher>,
    next_periodic: Option<Instant>,
    /// How often in a row the only news was that events were lost.
    losses: u32,
    /// Whether the monitor was told that some directories are not watched.
    told: bool,
}

#[derive(Default)]
struct Inbox {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    paths: PathSet,
    /// Paths that may be new directories.
    appeared: Vec<PathBuf>,
    all: bool,
    lost: bool,
    trouble: Option<String>,
    since: Option<Instant>,
    last: Option<Instant>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Watcher {
    /// Starts to watch. Everything that changes after this returns is reported by a later [`Watcher::wait`], so scan once after starting.
    /// Fails only where the folder itself cannot be opened; everything else is a note and leaves the timer.
    pub fn start(root: &Path, rules: Rules, monitor: &dyn Monitor) -> Result<Self> {
        let folder = Folder::open(root)?;
        if let Some(kind) = network_kind(&folder) {
            monitor.note(&format!("{} is on {kind}: changes made by other machines are seen by the periodic scan only", root.display()));
        }
        let mut watcher = Watcher { folder, rules, inbox: Arc::default(), device: None, next_periodic: None, losses: 0, told: false };
        watcher.arm(monitor);
        Ok(watcher)
    }

    /// The folder that is watched, opened again where it was replaced.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What the watcher goes by, for the scan that follows.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether events arrive; otherwise only the periodic scan finds changes.
    pub fn is_watching(&self) -> bool {
        self.device.is_some()
    }

    /// Waits until something may have changed and nothing more has happened for `settle`; under constant writes at most ten times as long.
    /// At the latest `rescan_every` after the last scan of everything it returns [`Wake::Periodic`].
    pub fn wait(&mut self, settle: Duration, rescan_every: Duration, monitor: &dyn Monitor) -> Wake {
        let periodic = *self.next_periodic.get_or_insert_with(|| Instant::now() + rescan_every);
        loop {
            if monitor.stopped() {
                return Wake::Stopped;
            }
            self.watch_new(monitor);
            self.look_after_root();
            let now = Instant::now();
            let inbox = Arc::clone(&self.inbox);
            let mut state = inbox.lock();
            let mut until = periodic;
            if let (Some(since), Some(last)) = (state.since, state.last) {
                let settle = self.patience(&state, settle, rescan_every);
                until = until.min((last + settle).min(since + settle * SETTLE_MAX));
            }
            if now >= until {
                let appeared = std::mem::take(&mut state.appeared);
                let found = std::mem::replace(&mut *state, State { appeared, ..State::default() });
                drop(state);
                return self.wake(found, now >= periodic, rescan_every, monitor);
            }
            if state.appeared.is_empty() {
                drop(inbox.news.wait_timeout(state, until.saturating_duration_since(now).min(STOP_POLL)));
            }
        }
    }

    /// The system does not tell that a directory is gone as long as somebody has it open, as we do.
    fn look_after_root(&self) {
        if self.device.is_some() && !self.folder.is_in_place() {
            let mut state = self.inbox.lock();
            state.trouble = Some("the folder was moved or removed".to_owned());
            state.mark(Vec::new());
        }
    }

    /// A scan makes events of its own (directories are opened). Where there are so many directories that these overflow the queue, each scan
    /// would cause the next; so losses that nothing real accompanies are waited out longer and longer.
    fn patience(&self, state: &State, settle: Duration, rescan_every: Duration) -> Duration {
        let only_loss = state.lost && !state.all && state.paths.is_empty();
        if only_loss { settle.saturating_mul(1 << self.losses.min(16)).min(rescan_every.max(settle)) } else { settle }
    }

    fn wake(&mut self, found: State, periodic: bool, rescan_every: Duration, monitor: &dyn Monitor) -> Wake {
        let whole = periodic || found.all || found.lost || found.paths.len() > FOLDER_DIRTY_PATHS_MAX;
        self.losses = if found.lost && !found.all && found.paths.is_empty() { self.losses + 1 } else { 0 };
        if whole {
            self.next_periodic = Some(Instant::now() + rescan_every);
        }
        if let Some(trouble) = &found.trouble {
            monitor.note(&format!("watching {} stopped: {trouble}; the periodic scan goes on", self.folder.path().display()));
            self.device = None;
        }
        // A folder that was replaced, or a limit that was raised, is watched again from the next whole scan on.
        if whole && self.device.is_none() && self.reopen() {
            self.arm(monitor);
        }
        match (periodic, whole) {
            (true, _) => Wake::Periodic,
            (false, true) => Wake::Dirty(Dirty::All),
            (false, false) => Wake::Dirty(Dirty::Paths(found.paths)),
        }
    }

    fn reopen(&mut self) -> bool {
        let again = Folder::open(self.folder.path());
        again.map(|folder| self.folder = folder).is_ok()
    }

    fn arm(&mut self, monitor: &dyn Monitor) {
        let inbox = Arc::clone(&self.inbox);
        let root = self.folder.path().to_owned();
        match RecommendedWatcher::new(move |event| inbox.take(&root, event), Config::default()) {
            Ok(device) => {
                self.device = Some(device);
                self.watch_below(b"", monitor);
            }
            Err(e) => monitor.note(&format!("cannot watch {}: {}; the periodic scan goes on", self.folder.path().display(), explain(&e))),
        }
    }

    /// Watches directories that appeared, with all below them, and only then reports them: what is created in them before the watch is found
    /// by the scan that follows, what is created after it makes events.
    fn watch_new(&mut self, monitor: &dyn Monitor) {
        let appeared = std::mem::take(&mut self.inbox.lock().appeared);
        for path in appeared {
            let is_directory = std::fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir());
            if let (true, Some(rel)) = (is_directory, relative(self.folder.path(), &path)) {
                self.watch_below(&rel, monitor);
                self.inbox.lock().mark(rel);
            }
        }
    }

    fn watch_below(&mut self, rel: &[u8], monitor: &dyn Monitor) {
        let Some(device) = self.device.as_mut() else { return };
        let root = self.folder.path();
        let mut only = PathSet::new();
        only.insert(rel.to_vec());
        let (mut missed, mut reason) = (0u64, None);
        // Watch first, list afterwards: a directory created in between is either listed or makes an event.
        let mut watch = |path: &Path| match device.watch(path, RecursiveMode::NonRecursive) {
            Err(e) if !is_gone(&e) => {
                missed += 1;
                reason = Some(explain(&e));
            }
            _ => {}
        };
        watch(&join(root, rel));
        let directories = Scan::directories(&self.folder, &self.rules, &only, &Silent).into_iter().flatten();
        for found in directories.map_while(Result::ok) {
            if let Found::Entry(entry) = found
                && let Some(path) = entry.path.strip_suffix(b"/").filter(|p| only.covers(p))
            {
                watch(&join(root, path));
            }
        }
        if let Some(reason) = reason.filter(|_| !self.told) {
            self.told = true;
            monitor.note(&format!("{missed} directories below /{} are not watched: {reason}; the periodic scan sees them", show_key(rel)));
        }
    }
}

impl State {
    /// Something happened at `path` or below it.
    fn mark(&mut self, path: Vec<u8>) {
        if self.paths.len() >= FOLDER_DIRTY_PATHS_MAX || path.is_empty() {
            self.all = true;
        } else {
            self.paths.insert(path);
        }
        self.since.get_or_insert_with(Instant::now);
        self.last.get_or_insert_with(Instant::now);
    }

    fn lose(&mut self) {
        self.lost = true;
        self.since.get_or_insert_with(Instant::now);
        self.last = Some(Instant::now());
    }
}

impl Inbox {
    /// Takes one event. Runs on the thread that reads them from the system, so it must not wait.
    fn take(&self, root: &Path, event: notify::Result<Event>) {
        let mut state = self.lock();
        match event {
            Err(e) => {
                state.trouble = Some(explain(&e));
                state.lose();
            }
            Ok(event) if event.need_rescan() => state.lose(),
            Ok(event) if says_nothing(event.kind) => return,
            Ok(event) => {
                for path in &event.paths {
                    let Some(rel) = relative(root, path) else { continue };
                    if is_arrival(event.kind) {
                        state.appear(root, path);
                    }
                    state.mark(rules_scope(rel));
                    state.last = Some(Instant::now());
                }
            }
        }
        drop(state);
        self.news.notify_one();
    }
}

impl State {
    fn appear(&mut self, root: &Path, path: &Path) {
        if self.appeared.len() >= FOLDER_DIRTY_PATHS_MAX {
            self.appeared = vec![root.to_owned()];
        } else {
            self.appeared.push(path.to_owned());
        }
    }
}

/// A rules file that changes concerns its whole directory.
fn rules_scope(rel: Vec<u8>) -> Vec<u8> {
    match rel.strip_suffix(RULES_FILE.as_bytes()) {
        Some(b"") => Vec::new(),
        Some([directory @ .., b'/']) => directory.to_vec(),
        _ => rel,
    }
}

/// Opening and reading change nothing, and a scan does both.
fn says_nothing(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

fn is_arrival(kind: EventKind) -> bool {
    match kind {
        EventKind::Create(kind) => kind != CreateKind::File,
        EventKind::Modify(ModifyKind::Name(mode)) => mode != RenameMode::From,
        _ => false,
    }
}

fn is_gone(e: &notify::Error) -> bool {
    match &e.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(e) => matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory),
        _ => false,
    }
}

fn explain(e: &notify::Error) -> String {
    match &e.kind {
        ErrorKind::MaxFilesWatch => "the system's limit on watches is reached (raise fs.inotify.max_user_watches)".to_owned(),
        ErrorKind::Io(e) if e.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            "the system's limit on watchers is reached (raise fs.inotify.max_user_instances)".to_owned()
        }
        ErrorKind::Io(e) => e.to_string(),
        ErrorKind::Generic(text) => text.clone(),
        _ => e.to_string(),
    }
}

fn relative(root: &Path, path: &Path) -> Option<Vec<u8>> {
    path.strip_prefix(root).ok().map(|rel| rel.as_os_str().as_bytes().to_vec())
}

fn join(root: &Path, rel: &[u8]) -> PathBuf {
    if rel.is_empty() { root.to_owned() } else { root.join(std::ffi::OsStr::from_bytes(rel)) }
}

/// The name of a file system whose other users make no events here, by the numbers of statfs(2).
#[cfg(target_os = "linux")]
fn network_kind(folder: &Folder) -> Option<&'static str> {
    let kind = rustix::fs::fstatfs(&folder.root).ok()?.f_type;
    match kind as u32 {
        0x6969 => Some("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("SMB"),
        0x6573_5546 => Some("FUSE"),
        0x0102_1997 => Some("9p"),
        _ => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn network_kind(_: &Folder) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::base::monitor::Progress;

    const SETTLE: Duration = Duration::from_millis(20);
    /// An upper bound that only a failing test reaches.
    const LONG: Duration = Duration::from_secs(30);

    #[derive(Default)]
    struct Listener {
        stop: AtomicBool,
        notes: Mutex<Vec<String>>,
    }

    impl Monitor for Listener {
        fn progress(&self, _: &Progress) {}
        fn note(&self, message: &str) {
            self.notes.lock().expect("notes").push(message.to_owned());
        }
        fn stopped(&self) -> bool {
            self.stop.load(Ordering::SeqCst)
        }
    }

    fn watcher(root: &Path, excludes: &[&str]) -> Watcher {
        Watcher::start(root, Rules::new(excludes, &[]).expect("rules"), &Silent).expect("start")
    }

    /// Wakes until `path` was reported; events of one change may come in two portions.
    fn reported(watcher: &mut Watcher, path: &[u8]) {
        loop {
            match watcher.wait(SETTLE, LONG, &Silent) {
                Wake::Dirty(Dirty::Paths(paths)) if paths.covers(path) => return,
                Wake::Dirty(Dirty::Paths(_)) => {}
                other => panic!("{other:?} instead of {}", show_key(path)),
            }
        }
    }

    #[test]
    fn a_change_wakes_and_names_its_place() {
        let dir = tempfile::tempdir().expect("dir");
        fs::create_dir_all(dir.path().join("a/b")).expect("dir");
        let mut watcher = watcher(dir.path(), &[]);
        assert!(watcher.is_watching());
        fs::write(dir.path().join("a/b/f"), b"x").expect("write");
        reported(&mut watcher, b"a/b/f");
        fs::rename(dir.path().join("a/b/f"), dir.path().join("a/g")).expect("rename");
        reported(&mut watcher, b"a/g");
        fs::remove_file(dir.path().join("a/g")).expect("remove");
        reported(&mut watcher, b"a/g");
    }

    #[test]
    fn nested_new_directories_are_reported_and_watched() {
        let dir = tempfile::tempdir().expect("dir");
        let mut watcher = watcher(dir.path(), &[]);
        fs::create_dir_all(dir.path().join("a/b/c")).expect("dirs");
        fs::write(dir.path().join("a/b/c/f"), b"x").expect("write");
        reported(&mut watcher, b"a/b/c/f");
        fs::write(dir.path().join("a/b/c/later"), b"x").expect("write");
        reported(&mut watcher, b"a/b/c/later");
        fs::rename(dir.path().join("a"), dir.path().join("moved")).expect("rename");
        reported(&mut watcher, b"moved");
        fs::write(dir.path().join("moved/b/c/f"), b"y").expect("write");
        reported(&mut watcher, b"moved/b/c/f");
    }

    #[test]
    fn excluded_directories_are_not_watched() {
        let dir = tempfile::tempdir().expect("dir");
        fs::create_dir_all(dir.path().join("out/deep")).expect("dir");
        let mut watcher = watcher(dir.path(), &["out/"]);
        fs::write(dir.path().join("out/deep/f"), b"x").expect("write");
        fs::write(dir.path().join("in"), b"x").expect("write");
        match watcher.wait(SETTLE, LONG, &Silent) {
            Wake::Dirty(Dirty::Paths(paths)) => assert!(paths.covers(b"in") && !paths.covers(b"out/deep/f")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_timer_wakes_without_events_and_the_monitor_stops_it() {
        let dir = tempfile::tempdir().expect("dir");
        let mut watcher = watcher(dir.path(), &[]);
        assert_eq!(watcher.wait(LONG, Duration::from_millis(1), &Silent), Wake::Periodic);
        let listener = Listener { stop: AtomicBool::new(true), ..Listener::default() };
        assert_eq!(watcher.wait(LONG, LONG, &listener), Wake::Stopped);
    }

    #[test]
    fn lost_events_and_trouble_mean_a_whole_scan() {
        let dir = tempfile::tempdir().expect("dir");
        let mut watcher = watcher(dir.path(), &[]);
        let root = watcher.folder().path().to_owned();
        let lost = || Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        watcher.inbox.take(&root, Ok(lost()));
        assert_eq!(watcher.wait(SETTLE, LONG, &Silent), Wake::Dirty(Dirty::All));
        assert_eq!(watcher.losses, 1, "the next loss alone is waited out twice as long");
        watcher.inbox.take(&root, Ok(lost()));
        let state = watcher.inbox.lock();
        assert_eq!(watcher.patience(&state, SETTLE, LONG), SETTLE * 2);
        assert_eq!(watcher.patience(&state, SETTLE, SETTLE), SETTLE);
        drop(state);
        let listener = Listener::default();
        watcher.inbox.take(&root, Err(notify::Error::new(ErrorKind::MaxFilesWatch)));
        assert_eq!(watcher.wait(SETTLE, LONG, &listener), Wake::Dirty(Dirty::All));
        assert!(listener.notes.lock().expect("notes").iter().any(|n| n.contains("max_user_watches")));
        assert!(watcher.is_watching(), "tried again with the whole scan");
    }

    #[test]
    fn a_flood_is_one_whole_scan_and_reading_is_no_change() {
        let dir = tempfile::tempdir().expect("dir");
        let mut watcher = watcher(dir.path(), &[]);
        let root = watcher.folder().path().to_owned();
        let read = Event::new(EventKind::Access(AccessKind::Open(AccessMode::Any))).add_path(root.join("f"));
        watcher.inbox.take(&root, Ok(read));
        assert!(watcher.inbox.lock().since.is_none());
        for i in 0..=FOLDER_DIRTY_PATHS_MAX {
            let event = Event::new(EventKind::Modify(ModifyKind::Any)).add_path(root.join(i.to_string()));
            watcher.inbox.take(&root, Ok(event));
        }
        assert_eq!(watcher.wait(SETTLE, LONG, &Silent), Wake::Dirty(Dirty::All));
    }

    #[test]
    fn a_folder_that_goes_away_leaves_the_timer_and_comes_back() {
        let dir = tempfile::tempdir().expect("dir");
        let root = dir.path().join("folder");
        fs::create_dir(&root).expect("dir");
        let mut watcher = watcher(&root, &[]);
        let listener = Listener::default();
        fs::remove_dir(&root).expect("remove");
        assert_eq!(watcher.wait(SETTLE, LONG, &listener), Wake::Dirty(Dirty::All));
        assert!(!watcher.is_watching());
        assert!(listener.notes.lock().expect("notes")[0].contains("moved or removed"));
        fs::create_dir(&root).expect("dir");
        watcher.next_periodic = Some(Instant::now());
        assert_eq!(watcher.wait(SETTLE, LONG, &listener), Wake::Periodic);
        assert!(watcher.is_watching());
        fs::write(root.join("f"), b"x").expect("write");
        reported(&mut watcher, b"f");
    }

    #[test]
    fn a_rules_file_concerns_its_directory() {
        assert_eq!(rules_scope(b"a/b/.annalsignore".to_vec()), b"a/b");
        assert_eq!(rules_scope(b".annalsignore".to_vec()), b"");
        assert_eq!(rules_scope(b"a/x.annalsignore".to_vec()), b"a/x.annalsignore");
    }
}
