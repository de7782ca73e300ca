//! Writing a tree of files: staged beside the target, verified, then switched by one rename.
//!
//! Nothing is ever seen at the target but the finished tree. Everything below the stage is opened relative to an open directory, created
//! exclusively and never through a symbolic link, so neither a key nor a link that was restored before can lead outside. The stage is
//! readable by its owner only until all is there. A tree of a few files is synced file by file; of a larger one a single `syncfs` before the
//! rename makes everything durable, where a sync for each would take many times as long. It pays for what others wrote as well.
#![cfg(unix)]

mod place;
mod single;

pub use single::{SingleWriter, write_single};

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, FlockOperation, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, chmodat, fchmod, fchown, flock, fstat,
    futimens, mkdirat, openat, renameat, statat, symlinkat, unlinkat, utimensat,
};
use rustix::io::Errno;

use crate::base::digest::{Digest, Hasher};
use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::fault;
use crate::model::change::Meta;
use crate::model::key::show_key;

use place::{failed, refused, split};

/// Directories: how many are kept open. Keys that come in path order need as many as they are deep.
const OPEN_DIRECTORIES_MAX: usize = 64;
/// Files and directories that are synced one by one.
const SYNCED_ALONE_MAX: usize = 16;
/// Times: how often a stage is made anew when other processes take it away.
const STAGE_TRIES: u32 = 5;
/// Bits of a file that let it run as its owner. The owner of a restored file is whoever restores.
const SET_ID: u32 = 0o6000;

/// What a finished tree holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Regular files.
    pub files: u64,
    /// Symbolic links.
    pub links: u64,
    /// Directories that were recorded by themselves.
    pub directories: u64,
    /// Bytes of content.
    pub bytes: u64,
    /// Files that lost their set-user-id and set-group-id bits because root restored them: they would run as root.
    pub set_id_dropped: u64,
}

/// Writes one tree. Dropped without [`TreeWriter::commit`], it leaves nothing at the target and removes its stage.
///
/// A key that cannot be a path (see [`TreeWriter::file`]) is refused by itself; the caller reports it and goes on with the others.
#[derive(Debug)]
pub struct TreeWriter {
    parent: OwnedFd,
    target: PathBuf,
    name: OsString,
    stage_name: OsString,
    /// Open for as long as the writer lives: it carries the lock.
    stage: Arc<OwnedFd>,
    /// Mode and owner of the finished top directory.
    mode: u32,
    owner: Option<(Uid, Gid)>,
    /// Permission bits that the process takes from what it creates.
    umask: u32,
    root: bool,
    /// Recently used directories, the last used last.
    open: Vec<(Vec<u8>, Arc<OwnedFd>)>,
    directories: BTreeMap<Vec<u8>, (Option<u32>, Option<i64>)>,
    /// Directories that were made, as long as few files and directories were.
    made: Vec<Arc<OwnedFd>>,
    /// Files that are synced, each by itself.
    synced: usize,
    written: Written,
    committed: bool,
}

impl TreeWriter {
    /// Starts a tree that will appear at `target`, which must be absent or an empty directory; its missing parents are created. What an
    /// interrupted writer left beside the target is removed. Codes: `restore.exists`, `restore.mount`, `restore.busy`.
    pub fn begin(target: &Path) -> Result<Self> {
        let (target, existing) = resolve(target)?;
        let name = target.file_name().map(OsStr::to_owned).ok_or_else(|| exists(&target))?;
        let parent_path = parent_of(&target);
        let io = |e: Errno| Error::io(format_args!("open {}", parent_path.display()), e.into());
        let parent = openat(CWD, parent_path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(io)?;
        if let Some(existing) = &existing
            && existing.dev() != fstat(&parent).map_err(io)?.st_dev
        {
            return Err(Error::new(Kind::Refused, "restore.mount", format!("is a mount point, which cannot be switched: {}", target.display()))
                .hint("name a directory inside it that does not exist yet"));
        }
        let stage_name = stage_name(&name);
        let (stage, mask) = make_stage(&parent, &stage_name, &target)?;
        Ok(TreeWriter {
            parent,
            name,
            stage_name,
            stage: Arc::new(stage),
            mode: existing.as_ref().map_or(0o777 & !mask, |m| m.mode() & 0o7777),
            owner: existing.map(|m| (Uid::from_raw(m.uid()), Gid::from_raw(m.gid()))),
            umask: mask,
            root: rustix::process::geteuid().is_root(),
            open: Vec::new(),
            directories: BTreeMap::new(),
            made: Vec::new(),
            synced: 0,
            written: Written::default(),
            committed: false,
            target,
        })
    }

    /// The target as an absolute path, symbolic links resolved.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Starts the file at `key`, with the missing directories above it. Code `restore.path` when the key cannot be a path: an empty name, `.`,
    /// `..`, a leading or final `/`, a name over 255 bytes, or another document where it needs a directory or its own name.
    pub fn file(&mut self, key: &[u8], meta: &Meta) -> Result<FileWriter<'_>> {
        let file = self.place(key, meta)?.create()?;
        Ok(FileWriter { tree: self, file })
    }

    /// The place for a file at `key`, with the directories above it made: another thread may write it, see [`Place::write`], and what it gives
    /// must be told to [`TreeWriter::count`]. Codes as [`TreeWriter::file`].
    pub fn place(&mut self, key: &[u8], meta: &Meta) -> Result<Place> {
        let (dir, name) = split(key)?;
        let dir = self.directory_at(dir, key)?;
        let sync = self.is_small();
        self.synced += usize::from(sync);
        Ok(Place {
            dir,
            name: key.len() - name.len(),
            key: key.to_vec(),
            mode: meta.mode.unwrap_or(0o666 & !self.umask) & 0o7777,
            mtime_ns: meta.mtime_ns,
            umask: self.umask,
            root: self.root,
            sync,
        })
    }

    /// Counts a file that was written.
    pub fn count(&mut self, file: WrittenFile) {
        self.written.files += 1;
        self.written.bytes += file.bytes;
        self.written.set_id_dropped += u64::from(file.set_id_dropped);
    }

    /// Makes the symbolic link at `key`. Its modification time is kept where the file system can.
    pub fn link(&mut self, key: &[u8], target: &[u8], meta: &Meta) -> Result<()> {
        let (dir, name) = split(key)?;
        if target.is_empty() || target.contains(&0) {
            return Err(refused(key, "a link cannot have such a target"));
        }
        let dir = self.directory_at(dir, key)?;
        fault::point("tree.link")?;
        symlinkat(target, &dir, name).map_err(|e| failed("link", key, e))?;
        if let Some(mtime_ns) = meta.mtime_ns {
            match utimensat(&dir, name, &times(mtime_ns), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS | Errno::INVAL) => {}
                Err(e) => return Err(failed("set the time of", key, e)),
            }
        }
        self.written.links += 1;
        Ok(())
    }

    /// Makes the directory at `key`, with or without its final `/`. Its mode and time are set at the end, so that it can be filled first.
    pub fn directory(&mut self, key: &[u8], meta: &Meta) -> Result<()> {
        let path = key.strip_suffix(b"/").unwrap_or(key);
        split(path).map_err(|_| split(key).err().unwrap_or_else(|| refused(key, "it has an empty name in it")))?;
        self.directory_at(path, key)?;
        if self.directories.insert(path.to_vec(), (meta.mode, meta.mtime_ns)).is_none() {
            self.written.directories += 1;
        }
        Ok(())
    }

    /// Sets modes and times of directories, makes everything durable and switches: from now on the tree is at the target.
    pub fn commit(mut self) -> Result<Written> {
        // Deepest first, because a directory may be closed to its owner.
        for (path, (mode, mtime_ns)) in std::mem::take(&mut self.directories).into_iter().rev() {
            let dir = self.directory_at(&path, &path)?;
            fault::point("tree.directory")?;
            if let Some(mode) = mode {
                fchmod(&dir, Mode::from_raw_mode(mode & 0o7777)).map_err(|e| failed("set the mode of", &path, e))?;
            }
            if let Some(mtime_ns) = mtime_ns {
                futimens(&dir, &times(mtime_ns)).map_err(|e| failed("set the time of", &path, e))?;
            }
        }
        let io = |what: &str, e: Errno| Error::io(format_args!("{what} {}", self.target.display()), e.into());
        if let Some((uid, gid)) = self.owner {
            // A service's own empty directory stays the service's; only root can see to that, and only root needs it.
            match fchown(&*self.stage, Some(uid), Some(gid)) {
                Ok(()) | Err(Errno::PERM) => {}
                Err(e) => return Err(io("set the owner of", e)),
            }
        }
        fault::point("tree.sync")?;
        // A link cannot be synced by itself.
        if self.is_small() && self.written.links == 0 {
            self.made.iter().try_for_each(rustix::fs::fsync).map_err(|e| io("sync", e))?;
        } else {
            sync_all(&self.stage).map_err(|e| io("sync", e))?;
        }
        fault::point("tree.open")?;
        fchmod(&*self.stage, Mode::from_raw_mode(self.mode)).map_err(|e| io("set the mode of", e))?;
        rustix::fs::fsync(&*self.stage).map_err(|e| io("sync", e))?;
        fault::point("tree.rename")?;
        // A rename of a directory replaces nothing but an empty directory.
        renameat(&self.parent, &self.stage_name, &self.parent, &self.name).map_err(|e| match e {
            Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR => exists(&self.target),
            e => io("rename to", e),
        })?;
        self.committed = true;
        fault::point("disk.sync_dir")?;
        rustix::fs::fsync(&self.parent).map_err(|e| io("sync the directory of", e))?;
        Ok(self.written)
    }

    /// Whether all is synced one by one.
    fn is_small(&self) -> bool {
        self.synced + self.made.len() <= SYNCED_ALONE_MAX
    }

    /// The open directory at `path` of the stage, made where it is missing. `key` is what it is needed for.
    fn directory_at(&mut self, path: &[u8], key: &[u8]) -> Result<Arc<OwnedFd>> {
        if path.is_empty() {
            return Ok(Arc::clone(&self.stage));
        }
        if let Some(i) = self.open.iter().rposition(|(p, _)| p == path) {
            let held = self.open.remove(i);
            let dir = Arc::clone(&held.1);
            self.open.push(held);
            return Ok(dir);
        }
        // The nearest directory above that is open, and from there down name by name.
        let mut start = path.len();
        let mut dir = loop {
            match path[..start].iter().rposition(|b| *b == b'/') {
                None => {
                    start = 0;
                    break Arc::clone(&self.stage);
                }
                Some(i) => start = i,
            }
            if let Some((_, held)) = self.open.iter().rfind(|(p, _)| p == &path[..start]) {
                break Arc::clone(held);
            }
        };
        while start < path.len() {
            let from = if start == 0 { 0 } else { start + 1 };
            let end = path[from..].iter().position(|b| *b == b'/').map_or(path.len(), |i| from + i);
            let (below, is_new) = self.step(&dir, &path[from..end], key)?;
            dir = Arc::new(below);
            if is_new && self.is_small() {
                self.made.push(Arc::clone(&dir));
            }
            if self.open.len() >= OPEN_DIRECTORIES_MAX {
                self.open.remove(0);
            }
            self.open.push((path[..end].to_vec(), Arc::clone(&dir)));
            start = end;
        }
        Ok(dir)
    }

    /// Opens the directory called `name`, or makes it where it is missing; says whether it did.
    fn step(&self, dir: &OwnedFd, name: &[u8], key: &[u8]) -> Result<(OwnedFd, bool)> {
        match open_directory(dir.as_fd(), name) {
            Err(Errno::NOENT) => {}
            other => return other.map(|dir| (dir, false)).map_err(|e| failed("open the directory of", key, e)),
        }
        fault::point("tree.create_dir")?;
        mkdirat(dir, name, Mode::from_raw_mode(0o755)).map_err(|e| failed("create the directory of", key, e))?;
        let made = open_directory(dir.as_fd(), name).map_err(|e| failed("open the directory of", key, e))?;
        if self.umask & 0o755 != 0 {
            fchmod(&made, Mode::from_raw_mode(0o755)).map_err(|e| failed("set the mode of the directory of", key, e))?;
        }
        Ok((made, true))
    }
}

impl Drop for TreeWriter {
    fn drop(&mut self) {
        if !self.committed {
            self.open.clear();
            // What cannot be removed now is removed by the next writer to the same target.
            let _ = remove_below(self.parent.as_fd(), self.stage_name.as_bytes());
        }
    }
}

/// Where a file of the tree is to be.
#[derive(Debug)]
pub struct Place {
    dir: Arc<OwnedFd>,
    key: Vec<u8>,
    /// Where in the key the name begins.
    name: usize,
    mode: u32,
    mtime_ns: Option<i64>,
    umask: u32,
    root: bool,
    /// It is synced by itself.
    sync: bool,
}

/// A file that was written.
#[derive(Debug, Clone, Copy)]
pub struct WrittenFile {
    bytes: u64,
    set_id_dropped: bool,
}

impl Place {
    fn name(&self) -> &[u8] {
        &self.key[self.name..]
    }

    fn create(self) -> Result<OpenFile> {
        fault::point("tree.create")?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.dir, self.name(), flags, Mode::from_raw_mode(self.mode & 0o777)).map_err(|e| failed("create", &self.key, e))?;
        Ok(OpenFile { place: self, file: fd.into(), hasher: Hasher::new(), bytes: 0, finished: false })
    }

    /// Writes the whole file. Code `restore.content` where `bytes` are not what was meant.
    pub fn write(self, bytes: &[u8], expected: Digest) -> Result<WrittenFile> {
        let mut file = self.create()?;
        file.append(bytes)?;
        file.finish(expected)
    }
}

/// A file that is being written. Dropped before it is finished, it is removed again.
struct OpenFile {
    place: Place,
    file: fs::File,
    hasher: Hasher,
    bytes: u64,
    finished: bool,
}

impl OpenFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        fault::point("tree.write")?;
        let key = &self.place.key;
        self.file.write_all(bytes).map_err(|e| Error::io(format_args!("write {}", show_key(key)), e).at_key(key))?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn finish(mut self, expected: Digest) -> Result<WrittenFile> {
        let Place { key, umask, root, mtime_ns, sync, .. } = &self.place;
        let mut mode = self.place.mode;
        if self.hasher.finish() != expected {
            return Err(Error::new(Kind::Failed, "restore.content", format!("the content is not what was recorded: {}", show_key(key)))
                .hint("run annals verify --full; annals verify --remote NAME shows whether a remote holds it whole")
                .at_key(key));
        }
        fault::point("tree.finish")?;
        let dropped = *root && mode & SET_ID != 0;
        if dropped {
            mode &= !SET_ID;
        }
        // Creation already gave what the umask let through.
        if mode & (umask | 0o7000) != 0 {
            fchmod(&self.file, Mode::from_raw_mode(mode)).map_err(|e| failed("set the mode of", key, e))?;
        }
        if let Some(mtime_ns) = mtime_ns {
            futimens(&self.file, &times(*mtime_ns)).map_err(|e| failed("set the time of", key, e))?;
        }
        if *sync {
            fault::point("tree.sync_file")?;
            rustix::fs::fsync(&self.file).map_err(|e| failed("sync", key, e))?;
        }
        self.finished = true;
        Ok(WrittenFile { bytes: self.bytes, set_id_dropped: dropped })
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if !self.finished {
            let _ = unlinkat(&self.place.dir, self.place.name(), AtFlags::empty());
        }
    }
}

/// A file of the tree being written. Dropped without [`FileWriter::finish`], it is removed again.
pub struct FileWriter<'a> {
    tree: &'a mut TreeWriter,
    file: OpenFile,
}

impl FileWriter<'_> {
    /// Appends bytes.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.append(bytes)
    }

    /// Checks that what was written is what was meant, then sets mode and time. Code `restore.content` when it is not: the file is removed.
    pub fn finish(self, expected: Digest) -> Result<()> {
        let done = self.file.finish(expected)?;
        self.tree.count(done);
        Ok(())
    }
}

impl Write for FileWriter<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.append(buf).map_err(into_io)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// For callers that write through [`Write`]: a full disk stays a full disk when [`Error::io`] reads it again.
fn into_io(e: Error) -> std::io::Error {
    let kind = match e.kind() {
        Kind::Space => std::io::ErrorKind::StorageFull,
        Kind::Denied => std::io::ErrorKind::PermissionDenied,
        _ => std::io::ErrorKind::Other,
    };
    std::io::Error::new(kind, e)
}

fn exists(target: &Path) -> Error {
    Error::new(Kind::Refused, "restore.exists", format!("there is something already, and nothing is overwritten: {}", target.display()))
        .hint("name a directory that does not exist or is empty")
}

/// The absolute target with its parents made, and what is there already: nothing or an empty directory.
fn resolve(target: &Path) -> Result<(PathBuf, Option<fs::Metadata>)> {
    let io = |e: std::io::Error| Error::io(format_args!("open {}", target.display()), e);
    match fs::symlink_metadata(target) {
        Ok(_) => {
            let real = fs::canonicalize(target).map_err(|_| exists(target))?;
            let meta = fs::metadata(&real).map_err(io)?;
            if !meta.is_dir() || fs::read_dir(&real).map_err(io)?.next().is_some() {
                return Err(exists(target));
            }
            Ok((real, Some(meta)))
        }
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let name = target.file_name().ok_or_else(|| {
                Error::usage("restore.target", format!("not a name for a directory: {}", target.display())).hint("name the directory to create")
            })?;
            let parent = parent_of(target);
            disk::create_dirs(parent)?;
            Ok((fs::canonicalize(parent).map_err(io)?.join(name), None))
        }
        Err(e) => Err(io(e)),
    }
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `.NAME.annals-partial`, with a long name cut so that it stays a name.
fn stage_name(name: &OsStr) -> OsString {
    let name = name.as_bytes();
    OsString::from_vec([b".", &name[..name.len().min(200)], b".annals-partial"].concat())
}

/// Makes an empty, locked stage that only its owner can enter; also says which permission bits the process takes from what it creates.
fn make_stage(parent: &OwnedFd, name: &OsStr, target: &Path) -> Result<(OwnedFd, u32)> {
    let io = |e: Errno| Error::io(format_args!("prepare beside {}", target.display()), e.into());
    let busy = || {
        Error::new(Kind::Locked, "restore.busy", format!("another restore is writing to {}", target.display()))
            .hint("wait until it has finished, or name another directory")
    };
    for _ in 0..STAGE_TRIES {
        remove_leftover(parent, name).map_err(|e| if e == Errno::WOULDBLOCK { busy() } else { io(e) })?;
        fault::point("tree.stage")?;
        match mkdirat(parent, name, Mode::from_raw_mode(0o777)) {
            Err(Errno::EXIST) => continue,
            made => made.map_err(io)?,
        }
        let stage = match open_directory(parent.as_fd(), name.as_bytes()) {
            Err(Errno::NOENT) => continue,
            opened => opened.map_err(io)?,
        };
        lock(&stage).map_err(|e| if e == Errno::WOULDBLOCK { busy() } else { io(e) })?;
        let made = fstat(&stage).map_err(io)?;
        fchmod(&stage, Mode::from_raw_mode(0o700)).map_err(io)?;
        // Somebody who came before the lock may have taken it for a leftover.
        if statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|s| (s.st_dev, s.st_ino) == (made.st_dev, made.st_ino)) {
            return Ok((stage, 0o777 & !Mode::from_raw_mode(made.st_mode).as_raw_mode()));
        }
    }
    Err(busy())
}

/// Takes the lock that marks a stage as in use. File systems without locks have none to give.
fn lock(stage: &OwnedFd) -> Result<(), Errno> {
    match flock(stage, FlockOperation::NonBlockingLockExclusive) {
        Err(e) if e != Errno::WOULDBLOCK => Ok(()),
        other => other,
    }
}

/// Removes a stage that nobody is using. Afterwards there may still be one: somebody else's new one.
fn remove_leftover(parent: &OwnedFd, name: &OsStr) -> Result<(), Errno> {
    let stage = match open_own(parent.as_fd(), name.as_bytes()) {
        Err(Errno::NOENT) => return Ok(()),
        // A stage is a directory; this is something of somebody else's.
        Err(Errno::NOTDIR | Errno::LOOP) => return Err(Errno::EXIST),
        opened => opened?,
    };
    lock(&stage)?;
    let locked = fstat(&stage)?;
    match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        // Only who holds the lock of the directory that has the name now may remove it.
        Ok(named) if (named.st_dev, named.st_ino) == (locked.st_dev, locked.st_ino) => remove_below(parent.as_fd(), name.as_bytes()),
        Ok(_) | Err(Errno::NOENT) => Ok(()),
        Err(e) => Err(e),
    }
}

/// Opens a directory of ours, also one that already got a mode that closes it to us.
fn open_own(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    match open_directory(parent, name) {
        Err(Errno::ACCESS) => {
            chmodat(parent, name, Mode::from_raw_mode(0o700), AtFlags::empty())?;
            open_directory(parent, name)
        }
        other => other,
    }
}

/// Removes a directory of ours and all below it, without following links.
fn remove_below(parent: BorrowedFd<'_>, name: &[u8]) -> Result<(), Errno> {
    let dir = open_own(parent, name)?;
    fchmod(&dir, Mode::from_raw_mode(0o700))?;
    // All names first: removing while listing may skip some.
    let entries: Vec<_> = Dir::read_from(&dir)?.collect::<Result<_, _>>()?;
    for entry in entries {
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        let directory = match entry.file_type() {
            FileType::Unknown => FileType::from_raw_mode(statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode) == FileType::Directory,
            kind => kind == FileType::Directory,
        };
        match directory {
            true => remove_below(dir.as_fd(), name)?,
            false => unlinkat(&dir, name, AtFlags::empty())?,
        }
    }
    unlinkat(parent, name, AtFlags::REMOVEDIR)
}

fn open_directory(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    openat(parent, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Makes everything written so far durable.
fn sync_all(stage: &OwnedFd) -> Result<(), Errno> {
    #[cfg(target_os = "linux")]
    return rustix::fs::syncfs(stage);
    #[cfg(not(target_os = "linux"))]
    {
        rustix::fs::sync();
        rustix::fs::fsync(stage)
    }
}

fn times(mtime_ns: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: mtime_ns.div_euclid(1_000_000_000), tv_nsec: mtime_ns.rem_euclid(1_000_000_000) },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    #[cfg(debug_assertions)]
    use crate::base::fault::Fault;

    fn meta(mode: u32, mtime_ns: i64) -> Meta {
        Meta { mode: Some(mode), mtime_ns: Some(mtime_ns), ..Meta::default() }
    }

    fn put(tree: &mut TreeWriter, key: &[u8], bytes: &[u8]) -> Result<()> {
        let mut file = tree.file(key, &meta(0o640, 1_500_000_000_123_456_789))?;
        file.append(bytes)?;
        file.finish(Digest::of(bytes))
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(dir).expect("list").map(|e| e.expect("entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_tree_is_exact() {
        let dir = tempfile::tempdir().expect("dir");
        let target = dir.path().join("new/out");
        let mut tree = TreeWriter::begin(&target).expect("begin");
        put(&mut tree, b"a/b/f", b"content").expect("file");
        put(&mut tree, b"a/na\xffme", b"").expect("a name that is not UTF-8");
        tree.link(b"a/l", b"/no/where", &meta(0o777, -1)).expect("link");
        tree.directory(b"a/b/", &meta(0o500, 1_000_000_000)).expect("directory");
        tree.directory(b"empty/", &Meta::default()).expect("directory");
        assert!(!target.exists(), "nothing at the target before the end");
        let written = tree.commit().expect("commit");
        assert_eq!(written, Written { files: 2, links: 1, directories: 2, bytes: 7, set_id_dropped: 0 });
        let file = fs::metadata(target.join("a/b/f")).expect("file");
        assert_eq!((file.mode() & 0o7777, file.mtime(), file.mtime_nsec()), (0o640, 1_500_000_000, 123_456_789));
        assert_eq!(fs::read(target.join("a/b/f")).expect("read"), b"content");
        assert!(target.join(OsStr::from_bytes(b"a/na\xffme")).exists());
        assert_eq!(fs::read_link(target.join("a/l")).expect("link"), Path::new("/no/where"));
        let link = fs::symlink_metadata(target.join("a/l")).expect("link");
        assert_eq!((link.mtime(), link.mtime_nsec()), (-1, 999_999_999));
        let closed = fs::metadata(target.join("a/b")).expect("directory");
        assert_eq!((closed.mode() & 0o7777, closed.mtime()), (0o500, 1));
        assert_eq!(fs::metadata(target.join("a")).expect("directory").mode() & 0o7777, 0o755);
        assert_eq!(names(dir.path().join("new").as_path()), ["out"]);
        fs::set_permissions(target.join("a/b"), fs::Permissions::from_mode(0o700)).expect("so that it can be removed");
    }

    #[test]
    fn an_empty_directory_is_taken_over_with_its_mode_and_a_full_one_is_refused() {
        let dir = tempfile::tempdir().expect("dir");
        let target = dir.path().join("out");
        fs::create_dir(&target).expect("dir");
        fs::set_permissions(&target, fs::Permissions::from_mode(0o750)).expect("mode");
        symlink(&target, dir.path().join("way")).expect("link");
        let mut tree = TreeWriter::begin(&dir.path().join("way")).expect("begin");
        put(&mut tree, b"f", b"x").expect("file");
        tree.commit().expect("commit");
        assert_eq!((names(&target), fs::metadata(&target).expect("dir").mode() & 0o7777), (vec!["f".to_owned()], 0o750));
        let e = TreeWriter::begin(&target).expect_err("refused");
        assert_eq!((e.code(), e.kind(), e.what_next().is_some()), ("restore.exists", Kind::Refused, true));
        assert_eq!(TreeWriter::begin(&target.join("f")).expect_err("a file").code(), "restore.exists");
        assert_eq!(TreeWriter::begin(Path::new("..")).expect_err("full").code(), "restore.exists");

        let late = dir.path().join("late");
        let tree = TreeWriter::begin(&late).expect("begin");
        fs::create_dir_all(late.join("mine")).expect("somebody else");
        assert_eq!(tree.commit().expect_err("refused").code(), "restore.exists");
        assert_eq!((names(&late), names(dir.path())), (vec!["mine".to_owned()], ["late", "out", "way"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn keys_that_do_not_fit_together_are_refused_one_by_one() {
        let dir = tempfile::tempdir().expect("dir");
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).expect("dir");
        let mut tree = TreeWriter::begin(&dir.path().join("out")).expect("begin");
        put(&mut tree, b"a", b"file").expect("file");
        put(&mut tree, b"d/f", b"file").expect("file");
        tree.link(b"l", outside.as_os_str().as_bytes(), &Meta::default()).expect("link");
        tree.link(b"d/up", b"..", &Meta::default()).expect("link");
        for key in [&b"a/b"[..], b"d", b"l/f", b"l", b"d/up/f", b"a", b"../f", b"/f", b"d//f"] {
            let e = put(&mut tree, key, b"bad").expect_err("refused");
            assert_eq!((e.code(), e.at().key.as_deref()), ("restore.path", Some(&*String::from_utf8_lossy(key))));
            assert!(tree.link(key, b"t", &Meta::default()).is_err());
        }
        for key in [&b"a/"[..], b"l/", b"l", b"..", b"/", b"", b"d/../e/"] {
            assert_eq!(tree.directory(key, &Meta::default()).expect_err("refused").code(), "restore.path", "{}", show_key(key));
        }
        assert_eq!(tree.link(b"n", b"", &Meta::default()).expect_err("refused").code(), "restore.path");
        assert_eq!(tree.commit().expect("commit"), Written { files: 2, links: 2, bytes: 8, ..Written::default() });
        assert_eq!((names(&outside).len(), names(&dir.path().join("out"))), (0, ["a", "d", "l"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn content_that_is_not_what_was_recorded_does_not_stay() {
        let dir = tempfile::tempdir().expect("dir");
        let mut tree = TreeWriter::begin(&dir.path().join("out")).expect("begin");
        let mut file = tree.file(b"f", &Meta::default()).expect("file");
        file.write_all(b"other").expect("write");
        assert_eq!(file.finish(Digest::of(b"recorded")).expect_err("found out").code(), "restore.content");
        drop(tree.file(b"g", &Meta::default()).expect("file"));
        put(&mut tree, b"f", b"right").expect("the name is free again");
        tree.commit().expect("commit");
        assert_eq!(names(&dir.path().join("out")), ["f"]);
    }

    #[test]
    fn a_leftover_is_removed_and_a_running_restore_is_not() {
        let dir = tempfile::tempdir().expect("dir");
        let target = dir.path().join("out");
        let closed = dir.path().join(".out.annals-partial/closed");
        fs::create_dir_all(closed.join("deep")).expect("leftover");
        symlink("/", closed.join("link")).expect("leftover");
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).expect("mode");
        let mut tree = TreeWriter::begin(&target).expect("begin");
        assert!(!closed.exists());
        let e = TreeWriter::begin(&target).expect_err("busy");
        assert_eq!((e.code(), e.kind()), ("restore.busy", Kind::Locked));
        put(&mut tree, b"f", b"x").expect("still there");
        drop(tree);
        assert!(names(dir.path()).is_empty(), "dropped: nothing is left");
        fs::write(dir.path().join(".out.annals-partial"), b"somebody's").expect("file");
        assert!(TreeWriter::begin(&target).is_err());
        assert_eq!(names(dir.path()), [".out.annals-partial"], "a file of that name is not ours");
    }

    #[test]
    fn what_root_restores_does_not_run_as_root() {
        let dir = tempfile::tempdir().expect("dir");
        let target = dir.path().join("out");
        let mut tree = TreeWriter::begin(&target).expect("begin");
        let root = tree.root;
        tree.file(b"f", &meta(0o4755, 0)).expect("file").finish(Digest::of(b"")).expect("finish");
        tree.directory(b"d", &meta(0o2775, 0)).expect("directory");
        assert_eq!(tree.commit().expect("commit").set_id_dropped, u64::from(root));
        assert_eq!(fs::metadata(target.join("f")).expect("file").mode() & 0o7777, if root { 0o755 } else { 0o4755 });
        assert_eq!(fs::metadata(target.join("d")).expect("directory").mode() & 0o7777, 0o2775, "on a directory it is only about groups");
    }

    #[test]
    fn many_directories_in_any_order() {
        let dir = tempfile::tempdir().expect("dir");
        let target = dir.path().join("out");
        let mut tree = TreeWriter::begin(&target).expect("begin");
        for i in 0..500u32 {
            let i = i * 7919 % 500;
            put(&mut tree, format!("d{}/e{}/f{i}", i % 100, i % 3).as_bytes(), &i.to_le_bytes()).expect("file");
        }
        assert_eq!(tree.commit().expect("commit").files, 500);
        assert_eq!(fs::read(target.join("d99/e1/f499")).expect("read"), 499u32.to_le_bytes());
    }

    #[cfg(debug_assertions)]
    #[test]
    fn a_fault_anywhere_leaves_the_tree_whole_or_absent() {
        let dir = tempfile::tempdir().expect("dir");
        let target = dir.path().join("out");
        let work = || {
            let mut tree = TreeWriter::begin(&target)?;
            put(&mut tree, b"a/f", b"one")?;
            put(&mut tree, b"g", b"two")?;
            tree.link(b"l", b"g", &Meta::default())?;
            tree.directory(b"e/", &meta(0o700, 5))?;
            tree.commit()
        };
        let (first, places) = fault::count(work);
        assert_eq!(first.expect("no fault").files, 2);
        assert!(places.len() >= 14, "{places:?}");
        for n in 0..places.len() as u64 {
            fs::remove_dir_all(&target).expect("remove");
            for fault in [Fault::Error, Fault::Full] {
                let e = fault::arm(n, fault, work).expect_err("a fault");
                assert_eq!(e.kind() == Kind::Space, fault == Fault::Full);
                match target.exists() {
                    true => assert_eq!(names(&target), ["a", "e", "g", "l"], "only the last sync came after the rename"),
                    false => assert!(names(dir.path()).is_empty(), "the stage is removed"),
                }
                if target.exists() {
                    fs::remove_dir_all(&target).expect("remove");
                }
            }
            work().expect("the next one succeeds");
        }
    }
}
