//! The walk through a folder.
//!
//! Speed: a directory's names are read at once, their attributes in the order of inode numbers (the order on a spinning disk, as rsync and
//! e2fsprogs do), then sorted by name. Safety: every directory is opened relative to its parent and never through a symbolic link.

use std::collections::{BTreeSet, VecDeque};
use std::io::Read;
use std::ops::Bound;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use ignore::gitignore::Gitignore;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, readlinkat, statat};
use rustix::io::Errno;

use crate::base::error::{Error, Result};
use crate::base::limits::{FOLDER_DEPTH_MAX, FOLDER_RULES_BYTES_MAX};
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::model::change::FileKind;
use crate::model::key::show_key;

use super::Folder;
use super::entry::{Entry, Found, Skip, Skipped, kind_of};
use super::rules::{RULES_FILE, Rules, Verdict, parse, verdict};

/// Entries: how often the monitor is asked.
const ENTRIES_PER_PROGRESS: u64 = 1024;

/// A set of paths in a folder, each standing for itself and all below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathSet(BTreeSet<Vec<u8>>);

impl PathSet {
    /// No path.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a path, without a `/` at its end.
    pub fn insert(&mut self, path: Vec<u8>) {
        self.0.insert(path);
    }

    /// The paths of both.
    pub fn union(mut self, mut other: PathSet) -> PathSet {
        self.0.append(&mut other.0);
        self
    }

    /// How many paths.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a scan of only these paths tells the truth about the document at `path`: it is one of them, below one of them, or a directory
    /// (ends in `/`) above one of them, because directories are recorded by themselves only while they are empty.
    pub fn covers(&self, path: &[u8]) -> bool {
        let own = path.strip_suffix(b"/").unwrap_or(path);
        let ends = own.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(i, _)| i);
        ends.chain([0, own.len()]).any(|end| self.0.contains(&own[..end])) || (path.ends_with(b"/") && self.below(path))
    }

    fn below(&self, directory: &[u8]) -> bool {
        self.0.range::<[u8], _>((Bound::Included(directory), Bound::Unbounded)).next().is_some_and(|p| p.starts_with(directory))
    }
}

/// How far the walk may go in one directory.
#[derive(Clone, Copy)]
struct Scope {
    /// All in it is included, not only what matches an include pattern.
    included: bool,
    /// All in it is wanted, not only what a [`PathSet`] names.
    whole: bool,
}

struct Child {
    /// The name; that of a directory with `/` at its end, so that sorting gives the order of whole paths.
    name: Vec<u8>,
    entry: Entry,
    scope: Scope,
}

struct Level {
    dir: OwnedFd,
    /// Length of the path of this directory, with its `/`.
    path_len: usize,
    children: std::vec::IntoIter<Child>,
    rules: bool,
}

/// A walk under way: yields what it finds in path order. An error ends it: the monitor wants to stop, or the folder itself cannot be read.
pub struct Scan<'a> {
    rules: &'a Rules,
    only: Option<&'a PathSet>,
    monitor: &'a dyn Monitor,
    /// Every directory is yielded, and read only afterwards; files are not looked at.
    directories_only: bool,
    /// A directory that was yielded and is to be read next.
    next: Option<Child>,
    levels: Vec<Level>,
    /// Patterns of rules files on the way down, with the length of the path they belong to.
    patterns: Vec<(usize, Gitignore)>,
    path: Vec<u8>,
    ready: VecDeque<Found>,
    seen: u64,
    ended: bool,
}

impl<'a> Scan<'a> {
    pub(super) fn start(folder: &Folder, rules: &'a Rules, only: Option<&'a PathSet>, monitor: &'a dyn Monitor) -> Result<Self> {
        Self::begin(folder, rules, only, monitor, false)
    }

    /// Yields every directory instead of what is to be recorded, and reads each only when asked for the next: what the caller does with a
    /// directory happens before its names are listed.
    pub(super) fn directories(folder: &Folder, rules: &'a Rules, only: &'a PathSet, monitor: &'a dyn Monitor) -> Result<Self> {
        Self::begin(folder, rules, Some(only), monitor, true)
    }

    fn begin(folder: &Folder, rules: &'a Rules, only: Option<&'a PathSet>, monitor: &'a dyn Monitor, directories_only: bool) -> Result<Self> {
        let mut scan = Scan {
            rules,
            only,
            monitor,
            directories_only,
            next: None,
            levels: Vec::new(),
            patterns: Vec::new(),
            path: Vec::new(),
            ready: VecDeque::new(),
            seen: 0,
            ended: false,
        };
        let scope = Scope { included: rules.includes_all(), whole: only.is_none_or(|o| o.0.contains(&b""[..])) };
        let failed = |e: Errno| Error::io(format_args!("read {}", folder.path.display()), e.into());
        let root = open_directory(folder.root.as_fd(), b".").map_err(failed)?;
        let (level, _, broken) = scan.load(root, scope).map_err(failed)?;
        if let Some(e) = broken {
            return Err(failed(e));
        }
        scan.levels.push(level);
        Ok(scan)
    }

    fn advance(&mut self) -> Result<Option<Found>> {
        loop {
            if let Some(found) = self.ready.pop_front() {
                return Ok(Some(found));
            }
            if let Some(child) = self.next.take() {
                self.enter(child);
                continue;
            }
            let Some(level) = self.levels.last_mut() else {
                return Ok(None);
            };
            self.path.truncate(level.path_len);
            let Some(child) = level.children.next() else {
                if level.rules {
                    self.patterns.pop();
                }
                self.levels.pop();
                continue;
            };
            self.path.extend_from_slice(&child.name);
            self.tick()?;
            match child.entry.kind {
                FileKind::File => return Ok(Some(Found::Entry(Entry { path: self.path.clone(), ..child.entry }))),
                FileKind::Link => self.link(child.entry),
                FileKind::Directory if self.directories_only => {
                    let entry = Entry { path: self.path.clone(), ..child.entry.clone() };
                    self.next = Some(child);
                    return Ok(Some(Found::Entry(entry)));
                }
                FileKind::Directory => self.enter(child),
            }
        }
    }

    fn tick(&mut self) -> Result<()> {
        self.seen += 1;
        if self.seen.is_multiple_of(ENTRIES_PER_PROGRESS) {
            check_stop(self.monitor)?;
            self.monitor.progress(&Progress { phase: "scanning", items: self.seen, ..Progress::default() });
        }
        Ok(())
    }

    fn link(&mut self, entry: Entry) {
        let Some(level) = self.levels.last() else { return };
        match readlinkat(&level.dir, &self.path[level.path_len..], Vec::new()) {
            Ok(target) => {
                let target = target.into_bytes();
                let entry = Entry { path: self.path.clone(), size: target.len() as u64, target, ..entry };
                self.ready.push_back(Found::Entry(entry));
            }
            Err(Errno::NOENT) => {}
            Err(e) => self.unreadable(e),
        }
    }

    fn enter(&mut self, child: Child) {
        let Some(level) = self.levels.last() else { return };
        let place = self.ready.len();
        let name = &child.name[..child.name.len() - 1];
        let opened = match self.levels.len() {
            FOLDER_DEPTH_MAX.. => Err(Errno::MFILE),
            _ => open_directory(level.dir.as_fd(), name),
        };
        let mut alone = child.entry.mode != 0o755;
        match opened.and_then(|dir| self.load(dir, child.scope)) {
            Ok((level, inhabited, broken)) => {
                alone |= !inhabited && broken.is_none();
                if let Some(e) = broken {
                    self.unreadable(e);
                }
                self.levels.push(level);
            }
            Err(Errno::NOENT) => return,
            Err(e) => self.unreadable(e),
        }
        // A directory on the way to what is included is not itself included.
        if alone && child.scope.included && !self.directories_only {
            self.ready.insert(place, Found::Entry(Entry { path: self.path.clone(), ..child.entry }));
        }
    }

    fn unreadable(&mut self, e: Errno) {
        let reason = match e {
            Errno::MFILE if self.levels.len() >= FOLDER_DEPTH_MAX => format!("more than {FOLDER_DEPTH_MAX} directories deep"),
            Errno::NOTDIR | Errno::LOOP => "replaced while it was read".to_owned(),
            e => std::io::Error::from(e).to_string(),
        };
        self.skip(self.path.clone(), Skip::Unreadable, reason);
    }

    fn skip(&mut self, path: Vec<u8>, skip: Skip, reason: String) {
        if !self.directories_only {
            self.ready.push_back(Found::Skipped(Skipped { path, skip, reason }));
        }
    }

    /// Reads the directory at `self.path`. Says whether anything in it is captured, and what stopped the reading before its end.
    fn load(&mut self, fd: OwnedFd, scope: Scope) -> Result<(Level, bool, Option<Errno>), Errno> {
        let (mut names, broken) = list(&fd)?;
        let path_len = self.path.len();
        let rules = names.iter().any(|n| n.name == RULES_FILE.as_bytes());
        if rules {
            let patterns = self.read_rules(fd.as_fd());
            self.patterns.push((path_len, patterns));
        }
        names.sort_unstable_by_key(|n| n.inode);
        let mut children = Vec::with_capacity(names.len());
        let mut inhabited = false;
        let mut path = std::mem::take(&mut self.path);
        for name in names {
            path.truncate(path_len);
            path.extend_from_slice(&name.name);
            inhabited |= self.child(fd.as_fd(), name, &path, scope, &mut children);
        }
        path.truncate(path_len);
        self.path = path;
        children.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok((Level { dir: fd, path_len, children: children.into_iter(), rules }, inhabited, broken))
    }

    /// Takes one name of a directory where it is to be captured; says whether it is, also where it is not wanted this time.
    fn child(&mut self, dir: BorrowedFd<'_>, name: Name, path: &[u8], scope: Scope, children: &mut Vec<Child>) -> bool {
        let mut kind = name.kind;
        let mut stat = None;
        if kind == FileType::Unknown {
            match statat(dir, &name.name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(s) => (kind, stat) = (FileType::from_raw_mode(s.st_mode), Some(s)),
                Err(Errno::NOENT) => return false,
                Err(e) => {
                    self.skip(path.to_vec(), Skip::Unreadable, std::io::Error::from(e).to_string());
                    return true;
                }
            }
        }
        let directory = kind == FileType::Directory;
        if self.directories_only && !directory {
            return false;
        }
        if !self.accepts(path, directory) {
            return false;
        }
        let included = scope.included || self.rules.includes(path, directory);
        if !included && !directory {
            return false;
        }
        let whole = scope.whole || self.only.is_some_and(|o| o.0.contains(path));
        let mut name = name.name;
        if directory {
            name.push(b'/');
        }
        let wanted = whole || (directory && self.only.is_some_and(|o| o.below(&[path, b"/"].concat())));
        if !wanted {
            return kind_of(kind).is_some();
        }
        if kind_of(kind).is_none() {
            let what = match kind {
                FileType::Socket => "a socket",
                FileType::Fifo => "a pipe",
                _ => "a device",
            };
            self.skip(path.to_vec(), Skip::Special, format!("{what} has no content to record"));
            return false;
        }
        let bare = name.strip_suffix(b"/").unwrap_or(&name);
        let found = stat.map_or_else(|| statat(dir, bare, AtFlags::SYMLINK_NOFOLLOW), Ok);
        // The path is filled in when the entry is yielded: children wait for their turn without one.
        match found.map(|s| Entry::from_stat(Vec::new(), &s)) {
            Ok(Some(entry)) if (entry.kind == FileKind::Directory) == directory => {
                if directory && self.rules.leaves_out(entry.device, entry.inode) {
                    return false;
                }
                children.push(Child { name, entry, scope: Scope { included, whole } });
            }
            Ok(_) => self.skip(path.to_vec(), Skip::Unreadable, "replaced while it was read".to_owned()),
            Err(Errno::NOENT) => return false,
            Err(e) => self.skip(path.to_vec(), Skip::Unreadable, std::io::Error::from(e).to_string()),
        }
        true
    }

    fn accepts(&self, path: &[u8], directory: bool) -> bool {
        let of_files = || self.patterns.iter().rev().map(|(base, patterns)| verdict(patterns, &path[*base..], directory));
        let given = [self.rules.given(path, directory)];
        given.into_iter().chain(of_files()).find(|v| *v != Verdict::Silent) != Some(Verdict::Exclude)
    }

    fn read_rules(&mut self, dir: BorrowedFd<'_>) -> Gitignore {
        let path = [&self.path[..], RULES_FILE.as_bytes()].concat();
        let (patterns, wrong) = match read_rules(dir) {
            Ok(Some(bytes)) => parse(&bytes),
            Ok(None) => (Gitignore::empty(), vec![format!("longer than {FOLDER_RULES_BYTES_MAX} bytes, or not a file")]),
            Err(e) => (Gitignore::empty(), vec![e.to_string()]),
        };
        for reason in wrong {
            self.monitor.note(&format!("{}: {reason}", show_key(&path)));
            self.skip(path.clone(), Skip::Rule, reason);
        }
        patterns
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.advance().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

struct Name {
    name: Vec<u8>,
    inode: u64,
    kind: FileType,
}

/// All names of a directory, and the error that ended the list early.
fn list(fd: &OwnedFd) -> Result<(Vec<Name>, Option<Errno>), Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(fd)? {
        match entry {
            Ok(entry) => match entry.file_name().to_bytes() {
                b"." | b".." => {}
                name => names.push(Name { name: name.to_vec(), inode: entry.ino(), kind: entry.file_type() }),
            },
            Err(e) => return Ok((names, Some(e))),
        }
    }
    Ok((names, None))
}

fn open_directory(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// The bytes of the rules file; `None` when it is too long or not a regular file.
fn read_rules(dir: BorrowedFd<'_>) -> std::io::Result<Option<Vec<u8>>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = openat(dir, RULES_FILE, flags, Mode::empty())?;
    if FileType::from_raw_mode(fstat(&fd)?.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    std::fs::File::from(fd).take(FOLDER_RULES_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= FOLDER_RULES_BYTES_MAX).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::base::error::Kind;
    use crate::base::monitor::Silent;

    fn make(root: &Path, paths: &[&str]) {
        for path in paths {
            let full = root.join(path);
            match path.strip_suffix('/') {
                Some(_) => fs::create_dir_all(&full).expect("dir"),
                None => {
                    fs::create_dir_all(full.parent().expect("parent")).expect("dir");
                    fs::write(&full, path).expect("file");
                }
            }
        }
    }

    fn shown(scan: Scan<'_>) -> Vec<String> {
        let show = |found: Result<Found>| match found.expect("found") {
            Found::Entry(e) => show_key(&e.path),
            Found::Skipped(s) => format!("{:?} {}", s.skip, show_key(&s.path)),
        };
        scan.map(show).collect()
    }

    fn all(root: &Path, rules: &Rules) -> Vec<String> {
        shown(Folder::open(root).expect("open").scan(rules, &Silent).expect("scan"))
    }

    #[test]
    fn entries_come_in_the_byte_order_of_whole_paths() {
        let dir = tempfile::tempdir().expect("dir");
        make(dir.path(), &["a/b", "a.txt", "a-b", "a0", "empty/", "full/empty/", "z"]);
        fs::write(dir.path().join(OsStr::from_bytes(b"\xff\xfe")), b"").expect("file");
        symlink("a/b", dir.path().join("link")).expect("link");
        symlink("a", dir.path().join("to-dir")).expect("link");
        let found = all(dir.path(), &Rules::default());
        assert_eq!(found, ["a-b", "a.txt", "a/b", "a0", "empty/", "full/empty/", "link", "to-dir", "z", "\\xff\\xfe"]);
    }

    #[test]
    fn an_entry_says_what_the_file_is() {
        let dir = tempfile::tempdir().expect("dir");
        make(dir.path(), &["d/f"]);
        symlink("far/away", dir.path().join("l")).expect("link");
        fs::set_permissions(dir.path().join("d"), fs::Permissions::from_mode(0o2750)).expect("mode");
        let file = fs::File::open(dir.path().join("d/f")).expect("open");
        file.set_permissions(fs::Permissions::from_mode(0o604)).expect("mode");
        file.set_modified(std::time::UNIX_EPOCH - std::time::Duration::from_nanos(1)).expect("time");
        symlink(dir.path(), dir.path().join("way")).expect("link");
        let folder = Folder::open(&dir.path().join("way")).expect("the folder itself may be a link");
        fs::remove_file(dir.path().join("way")).expect("remove");
        let found: Vec<_> = folder.scan(&Rules::default(), &Silent).expect("scan").map(|f| f.expect("found")).collect();
        let [Found::Entry(d), Found::Entry(f), Found::Entry(l)] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&d.path[..], d.kind, d.mode, d.size), (&b"d/"[..], FileKind::Directory, 0o2750, 0));
        assert_eq!((&f.path[..], f.kind, f.mode, f.size, f.mtime_ns), (&b"d/f"[..], FileKind::File, 0o604, 3, -1));
        assert_eq!((l.kind, l.size, &l.target[..]), (FileKind::Link, 8, &b"far/away"[..]));
        assert_eq!(folder.read(f).expect("read").entry(), f);
    }

    #[test]
    fn what_cannot_be_recorded_is_said() {
        let dir = tempfile::tempdir().expect("dir");
        make(dir.path(), &["a/f", "b"]);
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("a/socket")).expect("socket");
        assert_eq!(all(dir.path(), &Rules::default()), ["Special a/socket", "a/f", "b"]);
        if !rustix::process::geteuid().is_root() {
            fs::set_permissions(dir.path().join("a"), fs::Permissions::from_mode(0o000)).expect("mode");
            assert_eq!(all(dir.path(), &Rules::default()), ["a/", "Unreadable a/", "b"]);
            fs::set_permissions(dir.path().join("a"), fs::Permissions::from_mode(0o700)).expect("mode");
        }
        assert_eq!(Folder::open(&dir.path().join("none")).expect_err("missing").kind(), Kind::Missing);
        assert_eq!(Folder::open(&dir.path().join("b")).expect_err("a file").code(), "source.not_folder");
    }

    #[test]
    fn directories_that_nest_too_deep_are_said_not_dropped() {
        let dir = tempfile::tempdir().expect("dir");
        let path = "d/".repeat(FOLDER_DEPTH_MAX + 3);
        make(dir.path(), &[&format!("{path}f"), "e"]);
        let found = all(dir.path(), &Rules::default());
        assert_eq!(found, [format!("Unreadable {}", "d/".repeat(FOLDER_DEPTH_MAX)), "e".to_owned()]);
    }

    #[test]
    fn rules_of_the_caller_come_before_those_of_files_and_the_deepest_file_first() {
        let dir = tempfile::tempdir().expect("dir");
        make(dir.path(), &["a/x.log", "a/y.tmp", "a/b/x.log", "a/b/y.tmp", "out/f", "kept/f", "only/x.log"]);
        fs::write(dir.path().join(RULES_FILE), "*.log\nout/\n").expect("rules");
        fs::write(dir.path().join("a/b").join(RULES_FILE), "!x.log\n").expect("rules");
        let rules = Rules::new(&["*.tmp"], &[]).expect("rules");
        assert_eq!(all(dir.path(), &rules), [".annalsignore", "a/b/.annalsignore", "a/b/x.log", "kept/f", "only/"]);
        let rules = Rules::new(&["!out/", "kept"], &[]).expect("rules").leave_out(&dir.path().join("a"));
        assert_eq!(all(dir.path(), &rules), [".annalsignore", "only/", "out/f"]);
        fs::write(dir.path().join("kept").join(RULES_FILE), "x\n\\xff{\n").expect("rules");
        fs::write(dir.path().join("kept").join(RULES_FILE), b"x\n\xff\n").expect("rules");
        assert!(all(dir.path(), &Rules::default()).contains(&"Rule kept/.annalsignore".to_owned()));
    }

    #[test]
    fn includes_take_only_what_matches() {
        let dir = tempfile::tempdir().expect("dir");
        make(dir.path(), &["a/x.doc", "a/y", "a/empty/", "docs/y", "docs/empty/", "docs/x.tmp", "z.doc"]);
        let rules = Rules::new(&["*.tmp"], &["*.doc", "docs/"]).expect("rules");
        assert_eq!(all(dir.path(), &rules), ["a/x.doc", "docs/empty/", "docs/y", "z.doc"]);
    }

    #[test]
    fn a_part_is_scanned_as_the_whole_is() {
        let dir = tempfile::tempdir().expect("dir");
        make(dir.path(), &["a/b/c/f", "a/b/g", "a/h", "a.b", "e/gone/", "e2/", "z/q"]);
        fs::write(dir.path().join("a").join(RULES_FILE), "g\n").expect("rules");
        fs::remove_dir(dir.path().join("e/gone")).expect("remove");
        let mut only = PathSet::new();
        for path in [&b"a/b"[..], b"e/gone", b"z/none"] {
            only.insert(path.to_vec());
        }
        let folder = Folder::open(dir.path()).expect("open");
        let found = shown(folder.scan_only(&only, &Rules::default(), &Silent).expect("scan"));
        assert_eq!(found, ["a/b/c/f", "e/"]);
        let covered = [&b"a/b"[..], b"a/b/c/f", b"a/b/", b"a/", b"e/", b"e/gone/", b"e/gone", b"z/"];
        let beside = [&b"a/h"[..], b"a", b"a/bb", b"e", b"e2/", b"z/q", b"a.b"];
        assert!(covered.iter().all(|p| only.covers(p)) && !beside.iter().any(|p| only.covers(p)));
    }

    #[test]
    fn a_scan_stops_when_the_monitor_wants_it() {
        struct Stop;
        impl Monitor for Stop {
            fn progress(&self, _: &Progress) {}
            fn note(&self, _: &str) {}
            fn stopped(&self) -> bool {
                true
            }
        }
        let dir = tempfile::tempdir().expect("dir");
        for i in 0..1100 {
            fs::write(dir.path().join(i.to_string()), b"").expect("file");
        }
        let rules = Rules::default();
        let mut scan = Folder::open(dir.path()).expect("open").scan(&rules, &Stop).expect("scan");
        let stopped = scan.find_map(|f| f.err()).expect("stopped");
        assert_eq!(stopped.kind(), Kind::Interrupted);
        assert!(scan.next().is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn every_file_is_found_once_in_order(paths in proptest::collection::btree_set("([a.\\-0]{1,2}/){0,3}f[a.\\-0]{0,2}", 1..20)) {
            let dir = tempfile::tempdir().expect("dir");
            make(dir.path(), &paths.iter().map(String::as_str).filter(|p| !p.split('/').any(|n| matches!(n, "." | ".."))).collect::<Vec<_>>());
            let kept: Vec<_> = paths.iter().filter(|p| !p.split('/').any(|n| matches!(n, "." | ".."))).cloned().collect();
            prop_assert_eq!(all(dir.path(), &Rules::default()), kept);
        }
    }
}
