//! For tests of every floor above: a remote in memory, and a wrapper that counts and remembers calls and makes any remote misbehave.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::contract::{self, Check, Object, Outcome, Remote, Stored, Upload};
use crate::base::digest::Digest;
use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::limits;
use crate::base::monitor::{Monitor, Progress, check_stop};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// A remote that lives in memory. Nothing in it is ever slow or refused; see [`Recording`] for that.
#[derive(Default)]
pub struct Memory {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    requests: AtomicU64,
    far: AtomicBool,
}

impl Memory {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every request to it crosses a line ([`Remote::is_far`]).
    pub fn move_far(&self) {
        self.far.store(true, Ordering::Relaxed);
    }

    /// Puts an object there behind everybody's back.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        lock(&self.objects).insert(name.to_owned(), bytes.to_vec());
    }

    /// The bytes of an object.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        lock(&self.objects).get(name).cloned()
    }

    /// Changes the bytes of an object in place, or takes it away: damage for tests. Returns whether it was there.
    pub fn damage(&self, name: &str, harm: impl FnOnce(&mut Vec<u8>)) -> bool {
        lock(&self.objects).get_mut(name).map(harm).is_some()
    }

    /// The names of all objects, in order.
    pub fn names(&self) -> Vec<String> {
        lock(&self.objects).keys().cloned().collect()
    }

    fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn whole(&self, name: &str) -> Result<Vec<u8>> {
        self.bytes(name).ok_or_else(|| contract::object_missing(name, &self.describe()))
    }
}

impl Remote for Memory {
    fn list(&self, prefix: &str, monitor: &dyn Monitor) -> Result<Vec<Object>> {
        contract::check_prefix(prefix)?;
        check_stop(monitor)?;
        self.count();
        let objects = lock(&self.objects);
        let found = objects.iter().filter(|(name, _)| name.starts_with(prefix) && contract::is_name(name));
        Ok(found.map(|(name, bytes)| Object { name: name.clone(), size: bytes.len() as u64 }).collect())
    }

    fn read(&self, name: &str, offset: u64, len: u64, monitor: &dyn Monitor) -> Result<Vec<u8>> {
        contract::check_range(name, offset, len)?;
        check_stop(monitor)?;
        self.count();
        let bytes = self.whole(name)?;
        let end = offset + len;
        let short = || contract::object_short(name, &self.describe(), end, bytes.len() as u64);
        if end > bytes.len() as u64 { Err(short()) } else { Ok(bytes[offset as usize..end as usize].to_vec()) }
    }

    fn fetch(&self, name: &str, into: &Path, size: u64, monitor: &dyn Monitor) -> Result<()> {
        contract::check_name(name)?;
        check_stop(monitor)?;
        self.count();
        let bytes = self.whole(name)?;
        if bytes.len() as u64 != size {
            return Err(contract::object_short(name, &self.describe(), size, bytes.len() as u64));
        }
        disk::write_file(into, &bytes, 0o600)
    }

    fn store(&self, objects: &[Upload], monitor: &dyn Monitor) -> Result<Vec<Outcome>> {
        contract::check_uploads(objects)?;
        let mut outcomes = Vec::with_capacity(objects.len());
        for (done, object) in objects.iter().enumerate() {
            outcomes.push(check_stop(monitor).and_then(|()| {
                self.count();
                let bytes = disk::read_file(&object.from, limits::SEGMENT_BYTES_MAX)?;
                let before = lock(&self.objects).insert(object.name.clone(), bytes.clone());
                Ok(match before {
                    None => Stored::Written,
                    Some(old) if old == bytes => Stored::Existed,
                    Some(_) => Stored::Repaired,
                })
            }));
            let bytes = objects[..=done].iter().map(|o| o.size).sum();
            let bytes_total = objects.iter().map(|o| o.size).sum();
            let items = done as u64 + 1;
            monitor.progress(&Progress { phase: "uploading", items, items_total: objects.len() as u64, bytes, bytes_total });
        }
        Ok(outcomes)
    }

    fn verify(&self, name: &str, size: u64, digest: Option<Digest>, monitor: &dyn Monitor) -> Result<Check> {
        contract::check_name(name)?;
        check_stop(monitor)?;
        self.count();
        let Some(bytes) = self.bytes(name) else { return Ok(Check::Missing) };
        if bytes.len() as u64 != size {
            return Ok(Check::Size(bytes.len() as u64));
        }
        let found = Digest::of(&bytes);
        Ok(if digest.is_some_and(|d| d != found) { Check::Bytes(found) } else { Check::Right })
    }

    fn remove(&self, names: &[String], monitor: &dyn Monitor) -> Result<()> {
        for name in names {
            contract::check_name(name)?;
            check_stop(monitor)?;
            self.count();
            lock(&self.objects).remove(name);
        }
        Ok(())
    }

    fn limit(&self, _: Option<u64>) -> Result<()> {
        Ok(())
    }

    fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn is_far(&self) -> bool {
        self.far.load(Ordering::Relaxed)
    }

    fn describe(&self) -> String {
        "memory".to_owned()
    }
}

/// The verbs of a remote, as calls are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// [`Remote::list`].
    List,
    /// [`Remote::read`].
    Read,
    /// [`Remote::fetch`].
    Fetch,
    /// One object of [`Remote::store`].
    Store,
    /// [`Remote::verify`].
    Verify,
    /// One name of [`Remote::remove`].
    Remove,
}

/// One call that was made, whether it was let through or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was asked for.
    pub verb: Verb,
    /// The name of the object, or the prefix of a listing.
    pub name: String,
    /// Bytes asked for (read, fetch) or offered (store); otherwise 0.
    pub bytes: u64,
}

/// How a call goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The line drops: an error that may be retried, nothing done.
    Drop,
    /// The line drops after the work was done: an error, and yet the object is stored, or removed.
    DropAfter,
    /// Nothing moves until a timeout: an error that may be retried.
    Stall,
    /// The remote refuses: an error that stays.
    Deny,
    /// No space left on the remote.
    Full,
    /// Store: only so many bytes arrive, and stand at the final name; then the line drops. Read: so many bytes arrive, which is an error.
    Truncate(u64),
    /// Store: only so many bytes arrive, and the remote says that all is well. A remote that lies.
    TruncateSilently(u64),
    /// Read and fetch: the bytes come with one bit turned, without an error.
    Flip,
    /// List: this answer, whatever is there now. A listing from before, for instance.
    Listing(Vec<Object>),
    /// List: only so many of the first names, without an error.
    ShortListing(usize),
    /// List: nothing, without an error.
    EmptyListing,
    /// List and verify: sizes are told too large by so many bytes.
    LyingSizes(u64),
    /// An error mistaken for absence: listings are empty, objects are missing, without an error.
    Absent,
}

struct Planned {
    verb: Verb,
    skip: u64,
    times: u64,
    fault: Fault,
}

/// A remote that remembers what it was asked, and goes wrong where a test says so.
pub struct Recording<R> {
    inner: R,
    calls: Mutex<Vec<Call>>,
    planned: Mutex<Vec<Planned>>,
}

impl<R: Remote> Recording<R> {
    /// Wraps `inner` and lets everything through.
    pub fn new(inner: R) -> Self {
        Recording { inner, calls: Mutex::default(), planned: Mutex::default() }
    }

    /// The remote inside.
    pub fn inner(&self) -> &R {
        &self.inner
    }

    /// Makes calls of `verb` go wrong: from now on, `skip` of them are let through, then `times` of them fail (`u64::MAX`: all).
    pub fn inject(&self, verb: Verb, skip: u64, times: u64, fault: Fault) {
        lock(&self.planned).push(Planned { verb, skip, times, fault });
    }

    /// Forgets all faults that have not happened yet.
    pub fn heal(&self) {
        lock(&self.planned).clear();
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.calls).clone()
    }

    /// How many calls of `verb` were made.
    pub fn count(&self, verb: Verb) -> usize {
        lock(&self.calls).iter().filter(|call| call.verb == verb).count()
    }

    /// Bytes of all calls of `verb`.
    pub fn bytes(&self, verb: Verb) -> u64 {
        lock(&self.calls).iter().filter(|call| call.verb == verb).map(|call| call.bytes).sum()
    }

    fn called(&self, verb: Verb, name: &str, bytes: u64) -> Option<Fault> {
        lock(&self.calls).push(Call { verb, name: name.to_owned(), bytes });
        let mut planned = lock(&self.planned);
        let mut hit = None;
        for plan in planned.iter_mut().filter(|plan| plan.verb == verb) {
            if plan.skip > 0 {
                plan.skip -= 1;
            } else if hit.is_none() {
                plan.times = plan.times.saturating_sub(u64::from(plan.times != u64::MAX));
                hit = Some(plan.fault.clone());
            }
        }
        planned.retain(|plan| plan.times > 0);
        hit
    }

    fn failure(&self, fault: &Fault) -> Error {
        let remote = self.inner.describe();
        match fault {
            Fault::Stall => Error::new(Kind::Remote, "remote.timeout", format!("injected: nothing moves on {remote}")),
            Fault::Deny => Error::new(Kind::Denied, "remote.denied", format!("injected: refused by {remote}")),
            Fault::Full => Error::new(Kind::Space, "remote.full", format!("injected: no space left on {remote}")),
            _ => Error::new(Kind::Remote, "remote.cut", format!("injected: the line to {remote} dropped")),
        }
    }

    /// Stores the first `len` bytes of an upload under its final name.
    fn store_cut(&self, upload: &Upload, len: u64, monitor: &dyn Monitor) -> Result<()> {
        let mut bytes = disk::read_file(&upload.from, limits::SEGMENT_BYTES_MAX)?;
        bytes.truncate(len as usize);
        let dir = tempfile::tempdir().map_err(|e| Error::io("create a temporary directory", e))?;
        let path = dir.path().join("cut");
        disk::write_file(&path, &bytes, 0o600)?;
        let cut = Upload::new(upload.name.clone(), path, bytes.len() as u64);
        self.store_one(&cut, monitor).map(drop)
    }

    fn store_one(&self, upload: &Upload, monitor: &dyn Monitor) -> Outcome {
        let outcome = self.inner.store(std::slice::from_ref(upload), monitor)?.pop();
        outcome.unwrap_or_else(|| Err(Error::new(Kind::Failed, "remote.failed", "a remote answered for fewer objects than it was given")))
    }
}

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
}

impl<R: Remote> Remote for Recording<R> {
    fn list(&self, prefix: &str, monitor: &dyn Monitor) -> Result<Vec<Object>> {
        match self.called(Verb::List, prefix, 0) {
            None => self.inner.list(prefix, monitor),
            Some(Fault::Listing(objects)) => Ok(objects.into_iter().filter(|o| o.name.starts_with(prefix)).collect()),
            Some(Fault::ShortListing(n)) => self.inner.list(prefix, monitor).map(|all| all.into_iter().take(n).collect()),
            Some(Fault::EmptyListing | Fault::Absent) => Ok(Vec::new()),
            Some(Fault::LyingSizes(by)) => {
                self.inner.list(prefix, monitor).map(|all| all.into_iter().map(|o| Object { size: o.size + by, ..o }).collect())
            }
            Some(fault) => Err(self.failure(&fault)),
        }
    }

    fn read(&self, name: &str, offset: u64, len: u64, monitor: &dyn Monitor) -> Result<Vec<u8>> {
        match self.called(Verb::Read, name, len) {
            None => self.inner.read(name, offset, len, monitor),
            Some(Fault::Absent) => Err(contract::object_missing(name, &self.describe())),
            Some(Fault::Flip) => {
                let mut bytes = self.inner.read(name, offset, len, monitor)?;
                flip(&mut bytes);
                Ok(bytes)
            }
            Some(fault) => Err(self.failure(&fault)),
        }
    }

    fn fetch(&self, name: &str, into: &Path, size: u64, monitor: &dyn Monitor) -> Result<()> {
        match self.called(Verb::Fetch, name, size) {
            None => self.inner.fetch(name, into, size, monitor),
            Some(Fault::Absent) => Err(contract::object_missing(name, &self.describe())),
            Some(Fault::Flip) => {
                self.inner.fetch(name, into, size, monitor)?;
                let mut bytes = disk::read_file(into, size)?;
                flip(&mut bytes);
                disk::write_file(into, &bytes, 0o600)
            }
            Some(fault) => Err(self.failure(&fault)),
        }
    }

    /// Objects are passed on one by one, so that each can go wrong for itself.
    fn store(&self, objects: &[Upload], monitor: &dyn Monitor) -> Result<Vec<Outcome>> {
        contract::check_uploads(objects)?;
        let one = |upload: &Upload| {
            check_stop(monitor)?;
            match self.called(Verb::Store, &upload.name, upload.size) {
                None => self.store_one(upload, monitor),
                Some(Fault::TruncateSilently(len)) => self.store_cut(upload, len, monitor).map(|()| Stored::Written),
                Some(fault @ Fault::Truncate(len)) => self.store_cut(upload, len, monitor).and(Err(self.failure(&fault))),
                Some(fault @ Fault::DropAfter) => self.store_one(upload, monitor).and(Err(self.failure(&fault))),
                Some(fault) => Err(self.failure(&fault)),
            }
        };
        Ok(objects.iter().map(one).collect())
    }

    fn verify(&self, name: &str, size: u64, digest: Option<Digest>, monitor: &dyn Monitor) -> Result<Check> {
        match self.called(Verb::Verify, name, 0) {
            None => self.inner.verify(name, size, digest, monitor),
            Some(Fault::Absent) => Ok(Check::Missing),
            Some(Fault::LyingSizes(by)) => Ok(match self.inner.verify(name, size, digest, monitor)? {
                Check::Right | Check::Bytes(_) => Check::Size(size + by),
                Check::Size(found) => Check::Size(found + by),
                Check::Missing => Check::Missing,
            }),
            Some(fault) => Err(self.failure(&fault)),
        }
    }

    fn remove(&self, names: &[String], monitor: &dyn Monitor) -> Result<()> {
        for name in names {
            match self.called(Verb::Remove, name, 0) {
                None => self.inner.remove(std::slice::from_ref(name), monitor)?,
                Some(fault @ Fault::DropAfter) => {
                    self.inner.remove(std::slice::from_ref(name), monitor)?;
                    return Err(self.failure(&fault));
                }
                Some(fault) => return Err(self.failure(&fault)),
            }
        }
        Ok(())
    }

    fn limit(&self, bytes_per_sec: Option<u64>) -> Result<()> {
        self.inner.limit(bytes_per_sec)
    }

    fn requests(&self) -> u64 {
        self.inner.requests()
    }

    fn retries(&self) -> u64 {
        self.inner.retries()
    }

    fn is_far(&self) -> bool {
        self.inner.is_far()
    }

    fn describe(&self) -> String {
        self.inner.describe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::monitor::Silent;

    fn filled() -> Recording<Memory> {
        let memory = Memory::new();
        for (name, bytes) in [("t/1", &b"one"[..]), ("t/2", b"three"), ("u", b"")] {
            memory.put(name, bytes);
        }
        Recording::new(memory)
    }

    #[test]
    fn listings_can_be_stale_short_empty_and_lie() {
        let remote = filled();
        let before = remote.list("", &Silent).expect("list");
        remote.inner().put("t/3", b"new");
        let names = |fault: Option<Fault>| -> Vec<String> {
            if let Some(fault) = fault {
                remote.inject(Verb::List, 0, 1, fault);
            }
            remote.list("t/", &Silent).expect("list").into_iter().map(|o| format!("{}:{}", o.name, o.size)).collect()
        };
        assert_eq!(names(Some(Fault::Listing(before))), ["t/1:3", "t/2:5"]);
        assert_eq!(names(Some(Fault::ShortListing(1))), ["t/1:3"]);
        assert_eq!(names(Some(Fault::EmptyListing)), [""; 0]);
        assert_eq!(names(Some(Fault::LyingSizes(2))), ["t/1:5", "t/2:7", "t/3:5"]);
        assert_eq!(names(None), ["t/1:3", "t/2:5", "t/3:3"]);
        assert_eq!(remote.count(Verb::List), 6);
    }

    #[test]
    fn faults_wait_for_their_call_and_end() {
        let remote = filled();
        remote.inject(Verb::Read, 1, 2, Fault::Drop);
        let ok: Vec<bool> = (0..4).map(|_| remote.read("u", 0, 0, &Silent).is_ok()).collect();
        assert_eq!(ok, [true, false, false, true]);
        remote.inject(Verb::Read, 0, u64::MAX, Fault::Absent);
        for _ in 0..3 {
            assert_eq!(remote.read("u", 0, 0, &Silent).expect_err("absent").kind(), Kind::Missing);
        }
        remote.heal();
        assert!(remote.read("u", 0, 0, &Silent).is_ok());
    }

    #[test]
    fn a_lying_remote_says_that_a_cut_upload_is_well() {
        let remote = filled();
        let dir = tempfile::tempdir().expect("dir");
        let file = dir.path().join("f");
        std::fs::write(&file, b"0123456789").expect("write");
        let upload = [Upload::new("t/9", &file, 10)];
        remote.inject(Verb::Store, 0, 1, Fault::TruncateSilently(3));
        assert!(remote.store(&upload, &Silent).expect("store")[0].is_ok());
        assert_eq!(remote.verify("t/9", 10, None, &Silent).expect("verify"), Check::Size(3));
        remote.inject(Verb::Store, 0, 1, Fault::DropAfter);
        assert!(remote.store(&upload, &Silent).expect("store")[0].is_err());
        assert_eq!(remote.verify("t/9", 10, Some(Digest::of(b"0123456789")), &Silent).expect("verify"), Check::Right);
        remote.inject(Verb::Read, 0, 1, Fault::Flip);
        assert_eq!(remote.read("t/9", 0, 3, &Silent).expect("read"), b"002");
        assert_eq!((remote.bytes(Verb::Store), remote.bytes(Verb::Read)), (20, 3));
    }
}
