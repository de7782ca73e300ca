//! Reading a file that others may be writing.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, fstat, openat, readlinkat, statat};
use rustix::io::Errno;

use crate::base::error::{Error, Result};
use crate::model::change::FileKind;
use crate::model::key::show_key;

use super::Folder;
use super::entry::Entry;

/// An open file of a folder. Read it to its end, then ask [`StableFile::finish`] whether what was read is one state of the file.
#[derive(Debug)]
pub struct StableFile<'a> {
    folder: &'a Folder,
    file: File,
    entry: Entry,
    read: u64,
    ended: bool,
}

/// Whether a file stayed the same while it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stability {
    /// What was read is the file as [`StableFile::entry`] describes it.
    Unchanged,
    /// It was written or replaced meanwhile; this is what is there now. Read again, but not for ever: some files never rest.
    Changed(Entry),
    /// Neither a regular file nor a link has that name any more.
    Gone,
}

impl<'a> StableFile<'a> {
    pub(super) fn open(folder: &'a Folder, path: &[u8]) -> Result<Self> {
        let vanished = || {
            Error::missing("source.vanished", format!("no longer a regular file: {}", show_key(path)))
                .hint("it was removed or replaced after the folder was scanned; the next capture sees what is there then")
                .at_key(path)
        };
        let failed = |e: Errno| match e {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::ISDIR => vanished(),
            e => Error::io(format_args!("read {}", show_key(path)), e.into()).at_key(path),
        };
        // Without NONBLOCK, a pipe that took the place of the file would hang the capture.
        let fd = open_below(folder, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY).map_err(failed)?;
        let stat = fstat(&fd).map_err(failed)?;
        let entry = Entry::from_stat(path.to_vec(), &stat).filter(|e| e.kind == FileKind::File).ok_or_else(vanished)?;
        Ok(StableFile { folder, file: File::from(fd), entry, read: 0, ended: false })
    }

    /// The file as it was when it was opened.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Compares size, times, inode and mode of the open file, and of what has its name now, with what they were at the start.
    pub fn finish(self) -> Result<Stability> {
        let path = &self.entry.path;
        let failed = |e: Errno| Error::io(format_args!("read {}", show_key(path)), e.into()).at_key(path);
        let open = Entry::from_stat(path.clone(), &fstat(&self.file).map_err(failed)?);
        let named = match statat(&self.folder.root, &path[..], AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Entry::from_stat(path.clone(), &stat),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => None,
            Err(e) => return Err(failed(e)),
        };
        let Some(mut named) = named.filter(|n| n.kind != FileKind::Directory) else {
            return Ok(Stability::Gone);
        };
        // A shorter or longer read than the size says is a change that the clock was too coarse to show.
        let whole = !self.ended || self.read == self.entry.size;
        if whole && named == self.entry && open.as_ref() == Some(&self.entry) {
            return Ok(Stability::Unchanged);
        }
        if named.kind == FileKind::Link {
            match readlinkat(&self.folder.root, &path[..], Vec::new()) {
                Ok(target) => named.target = target.into_bytes(),
                Err(_) => return Ok(Stability::Gone),
            }
            named.size = named.target.len() as u64;
        }
        Ok(Stability::Changed(named))
    }
}

impl Read for StableFile<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.file.read(buf)?;
        self.read += n as u64;
        self.ended |= n == 0 && !buf.is_empty();
        Ok(n)
    }
}

/// The bytes of a file that is, and stays while it is read, as the scan saw it: then they are one state of it. `None` otherwise, also where it
/// cannot be read; [`Folder::read`] finds out why. Four calls of the system, because most of what is captured are small files.
pub(super) fn read_unchanged(folder: &Folder, entry: &Entry) -> Option<Vec<u8>> {
    let size = usize::try_from(entry.size).ok()?;
    let fd = open_below(folder, &entry.path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY).ok()?;
    // Room for one byte more than there should be: a file that grew is not taken for whole.
    let mut bytes = Vec::with_capacity(size + 1);
    rustix::io::read(&fd, rustix::buffer::spare_capacity(&mut bytes)).ok()?;
    let stat = fstat(&fd).ok()?;
    (bytes.len() == size && entry.is_still(&stat)).then_some(bytes)
}

/// Opens `path` below the folder without following any symbolic link on the way.
fn open_below(folder: &Folder, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{ResolveFlags, openat2};
        match openat2(&folder.root, path, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS) {
            // Older kernels do not have it, some sandboxes forbid it: then name by name.
            Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => {}
            other => return other,
        }
    }
    open_by_names(folder, path, flags)
}

fn open_by_names(folder: &Folder, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut names = path.split(|b| *b == b'/').peekable();
    let mut dir: Option<OwnedFd> = None;
    while let Some(name) = names.next() {
        if matches!(name, b"" | b"." | b"..") {
            return Err(Errno::NOENT);
        }
        let parent = dir.as_ref().map_or(folder.root.as_fd(), |d| d.as_fd());
        let flags = match names.peek() {
            Some(_) => OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            None => flags,
        };
        dir = Some(openat(parent, name, flags, Mode::empty())?);
    }
    dir.ok_or(Errno::NOENT)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().expect("dir");
        fs::create_dir(dir.path().join("a")).expect("dir");
        fs::write(dir.path().join("a/f"), b"one").expect("file");
        let folder = Folder::open(dir.path()).expect("open");
        (dir, folder)
    }

    fn read(file: &mut StableFile<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("read");
        bytes
    }

    #[test]
    fn a_file_at_rest_is_unchanged() {
        let (_dir, folder) = folder();
        let mut file = StableFile::open(&folder, b"a/f").expect("open");
        assert_eq!(read(&mut file), b"one");
        assert_eq!((file.entry().size, file.finish().expect("finish")), (3, Stability::Unchanged));
    }

    #[test]
    fn writing_replacing_and_removing_are_noticed() {
        let (dir, folder) = folder();
        let path = dir.path().join("a/f");
        let mut file = StableFile::open(&folder, b"a/f").expect("open");
        read(&mut file);
        fs::write(&path, b"longer").expect("write");
        assert!(matches!(file.finish().expect("finish"), Stability::Changed(e) if e.size == 6));

        let mut file = StableFile::open(&folder, b"a/f").expect("open");
        read(&mut file);
        fs::write(dir.path().join("new"), b"others").expect("write");
        fs::rename(dir.path().join("new"), &path).expect("rename");
        assert!(matches!(file.finish().expect("finish"), Stability::Changed(e) if e.size == 6), "an atomic save");

        let mut file = StableFile::open(&folder, b"a/f").expect("open");
        read(&mut file);
        fs::remove_file(&path).expect("remove");
        symlink("elsewhere", &path).expect("link");
        assert!(matches!(file.finish().expect("finish"), Stability::Changed(e) if e.kind == FileKind::Link && e.target == b"elsewhere"));

        fs::remove_file(&path).expect("remove");
        fs::write(&path, b"x").expect("write");
        let mut file = StableFile::open(&folder, b"a/f").expect("open");
        read(&mut file);
        fs::remove_dir_all(dir.path().join("a")).expect("remove");
        assert_eq!(file.finish().expect("finish"), Stability::Gone);
    }

    #[test]
    fn only_a_file_as_the_scan_saw_it_is_read_at_once() {
        let (dir, folder) = folder();
        let path = dir.path().join("a/f");
        let entry = StableFile::open(&folder, b"a/f").expect("open").entry().clone();
        assert_eq!(read_unchanged(&folder, &entry).as_deref(), Some(&b"one"[..]));
        let other = |change: &dyn Fn(&mut Entry)| {
            let mut other = entry.clone();
            change(&mut other);
            read_unchanged(&folder, &other)
        };
        let changes: [&dyn Fn(&mut Entry); 6] =
            [&|e| e.size = 2, &|e| e.size = 4, &|e| e.mtime_ns += 1, &|e| e.ctime_ns += 1, &|e| e.inode += 1, &|e| e.path = b"a/g".to_vec()];
        assert!(changes.iter().all(|change| other(change).is_none()));
        fs::remove_file(&path).expect("remove");
        symlink("elsewhere", &path).expect("link");
        assert_eq!(read_unchanged(&folder, &entry), None);
    }

    #[test]
    fn no_link_is_followed_on_the_way() {
        let (dir, folder) = folder();
        symlink("a", dir.path().join("b")).expect("link");
        symlink("a/f", dir.path().join("g")).expect("link");
        for path in [&b"b/f"[..], b"g", b"a", b"none", b"a/../a/f"] {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let by_names = open_by_names(&folder, path, flags);
            assert!(by_names.is_err() || path == b"a", "{}", show_key(path));
            assert!(open_below(&folder, path, OFlags::RDONLY).is_err() || path == b"a" || path == b"a/../a/f");
            if path != b"a/../a/f" {
                assert_eq!(StableFile::open(&folder, path).expect_err("refused").code(), "source.vanished");
            }
        }
        assert!(open_by_names(&folder, b"a/f", OFlags::RDONLY | OFlags::CLOEXEC).is_ok());
    }
}
