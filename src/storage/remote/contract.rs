//! What every place offsite can do, and how it says what happened. Blocking, and safe to use from many threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::limits;
use crate::base::monitor::Monitor;

/// Bytes: the longest object name. S3 allows 1024; what is left is room for the path of the remote itself.
pub const NAME_BYTES_MAX: usize = 512;
/// Bytes: the longest part of a name between slashes. Every file system we know allows 255, less the ending of a file being written.
pub const NAME_PART_BYTES_MAX: usize = 200;

/// The code of an error that says so: nothing of the object can be at the remote.
pub const UNSENT: &str = "remote.unsent";

/// One object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its name, relative to the root of the remote, with `/` between parts.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
}

/// One local file to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The final name on the remote. Names come from contents: one name never stands for two contents.
    pub name: String,
    /// The file to read.
    pub from: PathBuf,
    /// The size of that file in bytes; a file of another size is refused.
    pub size: u64,
    /// Whether an earlier attempt may have left something at that name. The remote then looks before it writes, which costs one request more
    /// on a line and keeps a right object from being written again. Attempts within one session are remembered by the remote itself.
    pub tried: bool,
    /// Whether nothing else should be on its way beside it: what is, is lost with it when the line is cut.
    pub alone: bool,
}

impl Upload {
    /// A first attempt to store `from` as `name`.
    pub fn new(name: impl Into<String>, from: impl Into<PathBuf>, size: u64) -> Self {
        Upload { name: name.into(), from: from.into(), size, tried: false, alone: false }
    }

    /// The same, after an attempt whose end is not known.
    pub fn again(mut self) -> Self {
        self.tried = true;
        self
    }

    /// The same, with nothing else on its way beside it.
    pub fn alone(mut self) -> Self {
        self.alone = true;
        self
    }
}

/// How an object came to be right on the remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It was written, and its size was read back.
    Written,
    /// It was there already, with the right size and the right bytes; nothing was written.
    Existed,
    /// Something else stood at its name, a cut upload most likely, and was replaced.
    Repaired,
}

/// What became of one [`Upload`].
pub type Outcome = Result<Stored>;

/// What a check of one object found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The size is right, and so are the bytes if they were asked for.
    Right,
    /// The remote answers and says that there is no such object.
    Missing,
    /// The object has this size instead, in bytes.
    Size(u64),
    /// The object has the right size and bytes with this digest instead.
    Bytes(Digest),
}

/// One place offsite: a tree of immutable objects. An error is never a statement about what is there. Every verb may wait for a line that says
/// nothing; when the monitor wants to stop, it ends within seconds with [`Kind::Interrupted`], unless the operating system itself waits (a share
/// that hangs).
pub trait Remote: Send + Sync {
    /// All objects whose names start with `prefix`, in order of name. A prefix that ends in `/` is the cheap way to ask for one folder.
    /// Names that we could not have given (see [`check_name`]) and files being written are left out. An empty answer means that the root
    /// was reached and said so, never that it could not be read; it is still no evidence that objects are gone.
    fn list(&self, prefix: &str, monitor: &dyn Monitor) -> Result<Vec<Object>>;

    /// Exactly `len` bytes from `offset` on. No such object: [`Kind::Missing`], code `remote.object_missing`. An object that ends before:
    /// code `remote.object_short`.
    fn read(&self, name: &str, offset: u64, len: u64, monitor: &dyn Monitor) -> Result<Vec<u8>>;

    /// Copies an object of exactly `size` bytes to the file `into`, which appears whole and durable, or not at all.
    fn fetch(&self, name: &str, into: &Path, size: u64, monitor: &dyn Monitor) -> Result<()>;

    /// Stores many files in one go and says for each, in their order, what became of it. A success means that the size was read back from
    /// the remote after the write. An object that is right already is not written again (see [`Upload::tried`]); one of another size is a
    /// cut upload and is repaired. When the monitor stops the work, what is not done has outcome [`Kind::Interrupted`].
    /// Fails as a whole only for what is wrong before the first byte: bad names, files that cannot be read, an absent remote.
    fn store(&self, objects: &[Upload], monitor: &dyn Monitor) -> Result<Vec<Outcome>>;

    /// Compares an object with what it should be: its size always, its bytes, read back in full, when a digest is given.
    fn verify(&self, name: &str, size: u64, digest: Option<Digest>, monitor: &dyn Monitor) -> Result<Check>;

    /// Removes objects one by one; one that is not there counts as removed. Stops at the first failure.
    fn remove(&self, names: &[String], monitor: &dyn Monitor) -> Result<()>;

    /// Changes the allowed rate in bytes a second, from now on; `None` is no limit.
    fn limit(&self, bytes_per_sec: Option<u64>) -> Result<()>;

    /// Requests made on the line since the remote was opened. HTTP requests where the protocol is HTTP, operations elsewhere.
    fn requests(&self) -> u64;

    /// Verbs that failed and were tried again since the remote was opened.
    fn retries(&self) -> u64 {
        0
    }

    /// Whether every request crosses a line. Reading back the bytes of each upload would double what a thin line carries and the time of a
    /// small shipment, so there the size that [`Remote::store`] reads back must do until the next verification.
    fn is_far(&self) -> bool {
        false
    }

    /// Which place this is, for people. Never holds a secret.
    fn describe(&self) -> String;
}

impl<R: Remote + ?Sized> Remote for Arc<R> {
    fn list(&self, prefix: &str, monitor: &dyn Monitor) -> Result<Vec<Object>> {
        (**self).list(prefix, monitor)
    }

    fn read(&self, name: &str, offset: u64, len: u64, monitor: &dyn Monitor) -> Result<Vec<u8>> {
        (**self).read(name, offset, len, monitor)
    }

    fn fetch(&self, name: &str, into: &Path, size: u64, monitor: &dyn Monitor) -> Result<()> {
        (**self).fetch(name, into, size, monitor)
    }

    fn store(&self, objects: &[Upload], monitor: &dyn Monitor) -> Result<Vec<Outcome>> {
        (**self).store(objects, monitor)
    }

    fn verify(&self, name: &str, size: u64, digest: Option<Digest>, monitor: &dyn Monitor) -> Result<Check> {
        (**self).verify(name, size, digest, monitor)
    }

    fn remove(&self, names: &[String], monitor: &dyn Monitor) -> Result<()> {
        (**self).remove(names, monitor)
    }

    fn limit(&self, bytes_per_sec: Option<u64>) -> Result<()> {
        (**self).limit(bytes_per_sec)
    }

    fn requests(&self) -> u64 {
        (**self).requests()
    }

    fn retries(&self) -> u64 {
        (**self).retries()
    }

    fn is_far(&self) -> bool {
        (**self).is_far()
    }

    fn describe(&self) -> String {
        (**self).describe()
    }
}

/// Whether `name` can be the name of an object of ours: parts of ASCII letters, digits, `.`, `_` and `-` between slashes, none starting with a
/// dot, none ending in `.partial`. Such names pass unchanged through every protocol and file system.
pub fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        let plain = part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        plain && !part.is_empty() && part.len() <= NAME_PART_BYTES_MAX && !part.starts_with('.') && !part.ends_with(".partial")
    };
    name.len() <= NAME_BYTES_MAX && name.split('/').all(part)
}

/// Refuses a name that [`is_name`] does not allow.
pub fn check_name(name: &str) -> Result<()> {
    if is_name(name) { Ok(()) } else { Err(Error::usage("remote.bad_name", format!("not a name for an object on a remote: {name:?}"))) }
}

/// Refuses a prefix that no name could start with.
pub fn check_prefix(prefix: &str) -> Result<()> {
    let fits = prefix.is_empty() || is_name(prefix.strip_suffix('/').unwrap_or(prefix));
    if fits { Ok(()) } else { Err(Error::usage("remote.bad_name", format!("not a prefix of objects on a remote: {prefix:?}"))) }
}

/// The folder in which everything that starts with `prefix` lies, without a slash at its end.
pub fn folder_of(prefix: &str) -> &str {
    prefix.rfind('/').map_or("", |end| &prefix[..end])
}

/// Refuses a read that would not fit in memory.
pub fn check_range(name: &str, offset: u64, len: u64) -> Result<()> {
    check_name(name)?;
    if len > limits::SEGMENT_BYTES_MAX || offset.checked_add(len).is_none() {
        return Err(Error::usage("remote.bad_range", format!("cannot read {len} bytes from {offset} on of {name}")));
    }
    Ok(())
}

/// Refuses uploads with bad or doubled names, and files that cannot be read or have another size than was said.
pub fn check_uploads(objects: &[Upload]) -> Result<()> {
    let mut names = std::collections::HashSet::new();
    for object in objects {
        check_name(&object.name)?;
        if !names.insert(object.name.as_str()) {
            return Err(Error::usage("remote.bad_name", format!("the same object is stored twice in one go: {}", object.name)));
        }
        let metadata = object.from.metadata().map_err(|e| Error::io(format_args!("read {}", object.from.display()), e))?;
        if !metadata.is_file() || metadata.len() != object.size {
            let text = format!("a file to be shipped has {} bytes instead of {}: {}", metadata.len(), object.size, object.from.display());
            return Err(Error::usage("remote.source_size", text));
        }
    }
    Ok(())
}

/// The error of a read of an object that is not there.
pub fn object_missing(name: &str, remote: &str) -> Error {
    Error::missing("remote.object_missing", format!("the remote {remote} has no object {name}"))
        .hint("run: annals verify --remote NAME, which finds the documents concerned and other copies of them")
}

/// The error of a read past the end of an object, or of an object of another size than expected.
pub fn object_short(name: &str, remote: &str, expected: u64, found: u64) -> Error {
    Error::new(Kind::Failed, "remote.object_short", format!("an object on {remote} has {found} bytes instead of {expected}: {name}"))
        .hint("an upload was cut or the remote lost bytes; run: annals ship, which repairs it from the local store")
}

/// The error of a remote whose root is not there.
pub fn absent(remote: &str) -> Error {
    Error::new(Kind::Remote, "remote.absent", format!("the remote is not there: {remote}"))
}

/// The error of an object that was not begun, because the line was lost before.
pub fn unsent(name: &str) -> Error {
    Error::new(Kind::Remote, UNSENT, format!("not sent, because the line was lost before: {name}")).hint("check the line; it will be tried again")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_no_remote_may_twist() {
        for good in ["a", "seg/0a-1_2.annals", "t/1/2/3"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "/a", "a/", "a//b", "..", "a/../b", ".hidden", "a b", "a:b", "é", "a.partial", "a.1.partial", "[a]", "a%20"] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(!is_name(&"a".repeat(NAME_PART_BYTES_MAX + 1)));
        assert!(check_prefix("").is_ok() && check_prefix("a/").is_ok() && check_prefix("a/b").is_ok());
        assert!(check_prefix("/").is_err() && check_prefix("../a").is_err());
        assert_eq!((folder_of(""), folder_of("a"), folder_of("a/"), folder_of("a/b/c")), ("", "", "a", "a/b"));
    }

    proptest! {
        #[test]
        fn a_name_is_a_plain_relative_path(name in "[a-z./_%-]{0,12}") {
            if is_name(&name) {
                let path = Path::new(&name);
                prop_assert!(path.is_relative());
                prop_assert!(path.components().all(|c| matches!(c, std::path::Component::Normal(_))));
                prop_assert!(check_prefix(&name).is_ok());
            }
        }
    }

    #[test]
    fn uploads_are_checked_before_the_first_byte() {
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("f");
        std::fs::write(&file, b"12345").expect("write");
        let code = |uploads: &[Upload]| check_uploads(uploads).expect_err("refused").code();
        assert!(check_uploads(&[Upload::new("a", &file, 5)]).is_ok());
        assert_eq!(code(&[Upload::new("a", &file, 4)]), "remote.source_size");
        assert_eq!(code(&[Upload::new("a", &file, 5), Upload::new("a", &file, 5)]), "remote.bad_name");
        assert_eq!(code(&[Upload::new("a", dir.path().join("none"), 5)]), "disk.io");
    }
}
