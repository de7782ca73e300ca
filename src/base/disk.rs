//! The local disk: writes that are durable when they return, and names that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::{Error, Kind, Result};
use super::fault;

/// Bytes: the largest file of a secret.
const SECRET_BYTES_MAX: u64 = 4096;

/// Makes the names in `dir` durable.
pub fn sync_dir(dir: &Path) -> Result<()> {
    fault::point("disk.sync_dir")?;
    #[cfg(unix)]
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| Error::io(format_args!("sync {}", dir.display()), e))?;
    Ok(())
}

/// Creates `dir` and its missing parents, durably.
pub fn create_dirs(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    create_dirs(parent)?;
    fault::point("disk.create_dir")?;
    match fs::create_dir(dir) {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::io(format_args!("create {}", dir.display()), e));
        }
        _ => {}
    }
    sync_dir(parent)
}

/// Writes a file that appears under `path` whole and durable, or not at all: temporary name, sync, rename, directory sync.
/// `mode` is the Unix permission (0o600 for secrets). Replaces an existing file.
pub fn write_file(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let mut staged = Staged::create(path, mode)?;
    staged.write(bytes)?;
    staged.finish()
}

/// A file being written beside its final name. Dropped without [`Staged::finish`], it leaves nothing.
pub struct Staged {
    file: File,
    temporary: PathBuf,
    target: PathBuf,
    done: bool,
}

impl Staged {
    /// Starts a file that will appear at `target`. The temporary name ends in `.partial` and stands in the same directory.
    pub fn create(target: &Path, mode: u32) -> Result<Self> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let temporary = target.with_file_name(name);
        fault::point("disk.create")?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        #[cfg(not(unix))]
        let _ = mode;
        let file = options.open(&temporary).map_err(|e| Error::io(format_args!("create {}", temporary.display()), e))?;
        Ok(Staged { file, temporary, target: target.to_owned(), done: false })
    }

    /// Appends bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        fault::point("disk.write")?;
        self.file.write_all(bytes).map_err(|e| Error::io(format_args!("write {}", self.temporary.display()), e))
    }

    /// The open file, for reading back what was written before it gets its name.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Syncs, renames to the final name and syncs the directory.
    pub fn finish(mut self) -> Result<()> {
        fault::point("disk.sync")?;
        self.file.sync_all().map_err(|e| Error::io(format_args!("sync {}", self.temporary.display()), e))?;
        fault::point("disk.rename")?;
        fs::rename(&self.temporary, &self.target).map_err(|e| Error::io(format_args!("rename to {}", self.target.display()), e))?;
        self.done = true;
        sync_dir(self.target.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Removes a file if it is there.
pub fn remove_file(path: &Path) -> Result<()> {
    fault::point("disk.remove")?;
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(format_args!("remove {}", path.display()), e)),
        _ => Ok(()),
    }
}

/// What tells a file from a copy of it: its number in the file system and when it came to be. Empty where the system does not tell. A file
/// that was copied, unpacked or brought back from a backup has another one; a block device that was rolled back has the same.
pub fn identity(path: &Path) -> String {
    #[cfg(unix)]
    if let Ok(metadata) = fs::metadata(path) {
        use std::os::unix::fs::MetadataExt;
        let born = metadata.created().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok()).map_or(0, |d| d.as_nanos());
        return format!("{}-{born}", metadata.ino());
    }
    #[cfg(not(unix))]
    let _ = path;
    String::new()
}

/// The number of the device that a path lies on; `None` where it is not there, or the system does not tell.
pub fn device(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).ok().map(|meta| meta.dev())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

/// Bytes that may still be written to the file system of `path` by who is not root.
pub fn free_bytes(path: &Path) -> Result<u64> {
    let stat = rustix::fs::statvfs(path).map_err(|e| Error::io(format_args!("ask for the free space of {}", path.display()), e.into()))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Reads a whole file of at most `max` bytes; a longer one is [`Error::damaged`].
pub fn read_file(path: &Path, max: u64) -> Result<Vec<u8>> {
    let what = || format!("read {}", path.display());
    let file = File::open(path).map_err(|e| Error::io(what(), e))?;
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(|e| Error::io(what(), e))?;
    if bytes.len() as u64 > max {
        return Err(Error::damaged(format_args!("{} is larger than {max} bytes", path.display())));
    }
    Ok(bytes)
}

/// Reads a file with a secret, without its line end. One that others may read is refused: it is no secret any more.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map_err(|e| Error::io(format_args!("read {}", path.display()), e))?.permissions().mode();
        if mode & 0o077 != 0 {
            let text = format!("others may read the file of a secret (mode {:04o}): {}", mode & 0o7777, path.display());
            return Err(Error::new(Kind::Refused, "secret.open", text).hint(format!("chmod 600 {}; and change the secret", path.display())));
        }
    }
    let bytes = Zeroizing::new(read_file(path, SECRET_BYTES_MAX)?);
    match std::str::from_utf8(&bytes) {
        Ok(text) if !text.trim().is_empty() && !text.trim().chars().any(char::is_control) => Ok(Zeroizing::new(text.trim().to_owned())),
        _ => {
            Err(Error::usage("secret.bad", format!("not one line of text: {}", path.display()))
                .hint("write the secret into the file, and nothing else"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_staged_file_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("a");
        drop(Staged::create(&path, 0o600).and_then(|mut s| s.write(b"half").map(|()| s)));
        assert_eq!(fs::read_dir(dir.path()).expect("list").count(), 0);
        write_file(&path, b"whole", 0o600).expect("write");
        assert_eq!(read_file(&path, 5).expect("read"), b"whole");
        assert!(read_file(&path, 4).is_err());
        fs::copy(&path, dir.path().join("b")).expect("copy");
        assert_eq!(identity(&path), identity(&path));
        assert_ne!(identity(&path), identity(&dir.path().join("b")));
    }
}
