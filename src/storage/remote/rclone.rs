//! Everything that rclone can reach, through one long-lived `rclone rcd` child per session (<https://rclone.org/rc/>).
//!
//! One process that stays keeps its connections, and makes a shipment two requests on S3 and WebDAV: one that writes, one that reads the size back.
//! Both ends of the conversation are on the loopback interface, at a port the system chose, behind a password that was drawn for this child
//! and is passed in its environment. The child gets no other secret of ours and no setting of the user's but the configuration file.

mod answers;
mod reach;
mod session;
mod upload;

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use answers::{Entry, Listing, Started, Stat, Status};
use session::{Session, rate_text};
use upload::Uploading;

use super::contract::{self, Check, Object, Outcome, Remote, Upload};
use super::loopback::{Answer, Wait};
use super::place::{Options, RemoteUrl};
use super::retry::{pause, worth_retrying};
use crate::base::digest::{Digest, Hasher};
use crate::base::disk::Staged;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress, check_stop};

/// The oldest rclone that is tested (Debian 12 and 13). Older ones are refused.
pub const RCLONE_OLDEST: (u64, u64) = (1, 60);

/// How long rclone may take for an answer that needs no line.
const LOCAL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a stopped transfer may take to clean up after itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Waits between looks at a running job: from the first to the second, doubling.
const POLL: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(200));
/// Bytes: the longest answer that is no listing.
const ANSWER_BYTES_MAX: u64 = 4 << 20;
/// Bytes: the longest listing, about four million objects.
const LISTING_BYTES_MAX: u64 = 1 << 30;
/// Bytes handled at a time while an object is streamed.
const BLOCK_BYTES: usize = 128 * 1024;

/// See the module.
pub struct Rclone {
    /// The name of the remote, without the colon at its end.
    remote: String,
    /// The path on it. A slash at its end keeps rclone from looking for a file of that name.
    path: String,
    described: String,
    secrets: Vec<String>,
    config: PathBuf,
    options: Options,
    rate: Mutex<Option<u64>>,
    session: Mutex<Option<Arc<Session>>>,
    /// Names whose upload was begun in this session of ours.
    begun: Mutex<HashSet<String>>,
    /// Folders that were found to be there, or not to be.
    folders: Mutex<HashMap<String, bool>>,
    /// Whether the root was seen to be there, so that a missing object is just that.
    root_seen: AtomicBool,
    /// Requests of children that are gone.
    past_requests: AtomicU64,
}

impl Rclone {
    /// A remote at `url`, which must be one of rclone's. The child is started by the first verb.
    pub fn new(url: &RemoteUrl, options: &Options) -> Result<Self> {
        let RemoteUrl::Rclone { remote, path } = url else {
            return Err(Error::usage("remote.bad_url", format!("not an rclone remote: {url}")));
        };
        let slash = if path.is_empty() || path.ends_with('/') { "" } else { "/" };
        let mut secrets = url.secrets();
        secrets.extend(options.rclone_config_password.clone());
        Ok(Rclone {
            remote: remote.clone(),
            path: format!("{path}{slash}"),
            described: url.to_string(),
            secrets,
            config: config_file(options.rclone_config.as_deref()),
            options: options.clone(),
            rate: Mutex::new(options.limit_rate),
            session: Mutex::default(),
            begun: Mutex::default(),
            folders: Mutex::default(),
            root_seen: AtomicBool::new(false),
            past_requests: AtomicU64::new(0),
        })
    }

    /// The process group of the running child, if there is one.
    pub fn process(&self) -> Option<u32> {
        lock(&self.session).as_ref().map(|session| lock(&session.child).id())
    }

    fn session(&self) -> Result<Arc<Session>> {
        let mut session = lock(&self.session);
        if let Some(running) = &*session {
            if lock(&running.child).exited()?.is_none() {
                return Ok(Arc::clone(running));
            }
            // It ended while nobody spoke to it.
            self.past_requests.fetch_add(running.known_requests(), Ordering::Relaxed);
            *session = None;
        }
        let fresh = Arc::new(self.start()?);
        *session = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    fn operation(&self, session: &Session) {
        session.operations.fetch_add(1, Ordering::Relaxed);
    }

    /// The size of an object, `None` if the remote says that there is none.
    fn size(&self, session: &Arc<Session>, name: &str, monitor: &dyn Monitor) -> Result<Option<u64>> {
        self.operation(session);
        let params = json!({"fs": session.reach.fs, "remote": name, "opt": {"filesOnly": true, "noModTime": true, "noMimeType": true}});
        let stat: Stat = self.ask_remote(session, "operations/stat", &params, monitor)?;
        // A size of -1 is how some backends of 1.60 say that there is nothing.
        let size = stat.item.and_then(|item| u64::try_from(item.size).ok());
        match size {
            Some(_) => self.root_seen.store(true, Ordering::Relaxed),
            None => self.check_root(session, monitor)?,
        }
        Ok(size)
    }

    /// Fails unless the root of the remote is there. rclone says "no such object" for objects in buckets that do not exist.
    fn check_root(&self, session: &Arc<Session>, monitor: &dyn Monitor) -> Result<()> {
        if !self.root_seen.load(Ordering::Relaxed) {
            self.operation(session);
            let params = json!({"fs": session.reach.fs, "remote": "", "opt": {"noModTime": true, "noMimeType": true}});
            let _: Listing = self.ask_remote(session, "operations/list", &params, monitor)?;
            self.root_seen.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Starts a method of rclone's in the background.
    fn begin(&self, session: &Arc<Session>, method: &str, mut params: Value) -> Result<u64> {
        self.operation(session);
        params["_async"] = Value::Bool(true);
        let started: Started = self.ask(session, method, &params)?;
        Ok(started.jobid)
    }

    /// How a job in the background stands: `None` while it runs.
    fn look<T: DeserializeOwned + Default>(&self, session: &Arc<Session>, job: u64) -> Result<Option<Result<T>>> {
        let status: Status<T> = self.ask(session, "job/status", &json!({"jobid": job}))?;
        Ok(match (status.finished, status.success) {
            (false, _) => None,
            (true, true) => Some(Ok(status.output.unwrap_or_default())),
            (true, false) => Some(Err(self.translate(&status.error))),
        })
    }

    /// Stops a job and waits until rclone has taken away what it left.
    fn stop(&self, session: &Arc<Session>, job: u64) {
        // Failures mean that the job, or rclone itself, has ended already.
        let _: Result<Value> = self.ask(session, "job/stop", &json!({"jobid": job}));
        let start = self.options.sleeper.elapsed();
        while let Ok(None) = self.look::<Value>(session, job) {
            if self.options.sleeper.elapsed().saturating_sub(start) > STOP_TIMEOUT {
                break;
            }
            self.options.sleeper.sleep(POLL.1);
        }
    }

    fn listing(&self, session: &Arc<Session>, folder: &str, monitor: &dyn Monitor) -> Result<Listing> {
        let opt = json!({"recurse": true, "filesOnly": true, "noModTime": true, "noMimeType": true});
        let job = self.begin(session, "operations/list", json!({"fs": session.reach.fs, "remote": folder, "opt": opt}))?;
        let start = self.options.sleeper.elapsed();
        let mut poll = POLL.0;
        loop {
            if let Some(done) = self.look(session, job)? {
                return done;
            }
            if let Err(e) = check_stop(monitor) {
                self.stop(session, job);
                return Err(e);
            }
            if self.options.sleeper.elapsed().saturating_sub(start) > self.options.answer_timeout {
                self.stop(session, job);
                return Err(self.timeout("did not finish a listing"));
            }
            self.options.sleeper.sleep(poll);
            poll = (poll * 2).min(POLL.1);
        }
    }

    fn timeout(&self, what: &str) -> Error {
        Error::new(Kind::Remote, "remote.timeout", format!("the remote {what} in time: {}", self.described))
            .hint("check the line; it will be tried again")
    }

    /// Opens an object for reading, all of it or a range given as first and last byte.
    fn get<'a>(&self, session: &'a Arc<Session>, name: &str, range: Option<(u64, u64)>, monitor: &'a dyn Monitor) -> Result<Answer<'a>> {
        self.operation(session);
        let path = format!("/{}/{name}", escape(&format!("[{}]", session.reach.fs)));
        let wait = Wait { at_most: self.options.stall_timeout, monitor };
        let answer = session.client.get(&path, range, wait).map_err(|e| self.cut(session, e))?;
        if matches!(answer.status, 200 | 206) {
            self.root_seen.store(true, Ordering::Relaxed);
            return Ok(answer);
        }
        match self.refused(session, answer) {
            e if e.kind() == Kind::Missing => self.check_root(session, monitor).and(Err(contract::object_missing(name, &self.described))),
            e => Err(e),
        }
    }

    /// A conversation with the remote that ended before its time.
    fn cut(&self, session: &Arc<Session>, error: std::io::Error) -> Error {
        use std::io::ErrorKind::{TimedOut, WouldBlock};
        if matches!(error.kind(), TimedOut | WouldBlock) { self.timeout("sent nothing") } else { self.broken(session, error) }
    }

    /// Streams an object from byte `from` of `size` on into `take`, which may stop it.
    fn stream(
        &self,
        session: &Arc<Session>,
        name: &str,
        (from, size): (u64, u64),
        monitor: &dyn Monitor,
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let range = (from > 0).then(|| (from, size.saturating_sub(1)));
        let mut answer = self.get(session, name, range, monitor)?;
        let whole = answer.whole.or(answer.length.map(|left| from + left)).unwrap_or(size);
        if whole != size || (from > 0 && answer.status != 206) {
            return Err(contract::object_short(name, &self.described, size, whole));
        }
        let mut left = size - from;
        let mut block = vec![0; BLOCK_BYTES];
        while left > 0 {
            let room = left.min(BLOCK_BYTES as u64) as usize;
            let n = answer.read(&mut block[..room]).map_err(|e| self.cut(session, e))?;
            if n == 0 {
                return Err(contract::object_short(name, &self.described, size, size - left));
            }
            take(&block[..n])?;
            left -= n as u64;
        }
        answer.finish();
        Ok(())
    }

    fn read_range(&self, session: &Arc<Session>, name: &str, (offset, len): (u64, u64), monitor: &dyn Monitor) -> Result<Vec<u8>> {
        let mut answer = self.get(session, name, Some((offset, offset + len - 1)), monitor)?;
        if answer.status != 206 && offset > 0 {
            return Err(self.garbled("all of an object instead of a range"));
        }
        let whole = answer.whole.or(answer.length.map(|length| offset + length));
        if let Some(found) = whole.filter(|whole| *whole < offset + len) {
            return Err(contract::object_short(name, &self.described, offset + len, found));
        }
        let mut bytes = vec![0; len as usize];
        answer.read_exact(&mut bytes).map_err(|e| self.cut(session, e))?;
        answer.finish();
        Ok(bytes)
    }

    fn digest(&self, session: &Arc<Session>, name: &str, size: u64, monitor: &dyn Monitor) -> Result<Digest> {
        let mut hasher = Hasher::new();
        self.stream(session, name, (0, size), monitor, &mut |block| {
            hasher.update(block);
            check_stop(monitor)
        })?;
        Ok(hasher.finish())
    }
}

impl Remote for Rclone {
    fn list(&self, prefix: &str, monitor: &dyn Monitor) -> Result<Vec<Object>> {
        contract::check_prefix(prefix)?;
        let session = self.session()?;
        let folder = contract::folder_of(prefix);
        let listing = match self.listing(&session, folder, monitor) {
            // A folder that is not there holds no objects, if what it should be in is there.
            Err(e) if e.code() == "remote.absent" && !folder.is_empty() => {
                self.check_root(&session, monitor)?;
                Listing::default()
            }
            listing => listing?,
        };
        self.root_seen.store(true, Ordering::Relaxed);
        let ours = |entry: Entry| {
            let size = u64::try_from(entry.size).ok().filter(|_| !entry.is_dir)?;
            (entry.path.starts_with(prefix) && contract::is_name(&entry.path)).then_some(Object { name: entry.path, size })
        };
        let mut objects: Vec<Object> = listing.list.into_iter().filter_map(ours).collect();
        objects.sort();
        Ok(objects)
    }

    fn read(&self, name: &str, offset: u64, len: u64, monitor: &dyn Monitor) -> Result<Vec<u8>> {
        contract::check_range(name, offset, len)?;
        if len == 0 {
            return Ok(Vec::new());
        }
        let session = self.session()?;
        match self.read_range(&session, name, (offset, len), monitor) {
            Err(e) if matches!(e.code(), "remote.failed" | "remote.cut") => {
                // A range past the end is refused in words that differ by protocol, or not in words at all; the size tells what it was.
                let found = self.size(&session, name, monitor).ok().flatten().filter(|size| *size < offset + len);
                Err(found.map_or(e, |size| contract::object_short(name, &self.described, offset + len, size)))
            }
            read => read,
        }
    }

    /// A transfer that is cut goes on where it was as long as every attempt brings some bytes.
    fn fetch(&self, name: &str, into: &Path, size: u64, monitor: &dyn Monitor) -> Result<()> {
        contract::check_name(name)?;
        let mut staged = Staged::create(into, 0o600)?;
        let mut progress = Progress { phase: "fetching", items: 0, items_total: 1, bytes: 0, bytes_total: size };
        loop {
            let session = self.session()?;
            let from = progress.bytes;
            let done = self.stream(&session, name, (from, size), monitor, &mut |block| {
                check_stop(monitor)?;
                staged.write(block)?;
                progress.bytes += block.len() as u64;
                monitor.progress(&progress);
                Ok(())
            });
            match done {
                Err(e) if worth_retrying(&e) && progress.bytes > from => {
                    monitor.note(&format!("{e}; going on from byte {} of {name}", progress.bytes));
                    pause(&*self.options.sleeper, self.options.retry.delay(1, &*self.options.random), monitor)?;
                }
                Err(e) => return Err(e),
                Ok(()) => return staged.finish(),
            }
        }
    }

    fn store(&self, objects: &[Upload], monitor: &dyn Monitor) -> Result<Vec<Outcome>> {
        contract::check_uploads(objects)?;
        Uploading::new(self, self.session()?, objects, monitor).run()
    }

    fn verify(&self, name: &str, size: u64, digest: Option<Digest>, monitor: &dyn Monitor) -> Result<Check> {
        contract::check_name(name)?;
        let session = self.session()?;
        match self.size(&session, name, monitor)? {
            None => return Ok(Check::Missing),
            Some(found) if found != size => return Ok(Check::Size(found)),
            Some(_) => {}
        }
        let Some(right) = digest else { return Ok(Check::Right) };
        let found = self.digest(&session, name, size, monitor)?;
        Ok(if found == right { Check::Right } else { Check::Bytes(found) })
    }

    fn remove(&self, names: &[String], monitor: &dyn Monitor) -> Result<()> {
        names.iter().try_for_each(|name| contract::check_name(name))?;
        let session = self.session()?;
        for name in names {
            self.operation(&session);
            let params = json!({"fs": session.reach.fs, "remote": name});
            match self.ask_remote::<Value>(&session, "operations/deletefile", &params, monitor) {
                Err(e) if e.kind() == Kind::Missing => self.check_root(&session, monitor)?,
                removed => drop(removed?),
            }
        }
        Ok(())
    }

    fn limit(&self, bytes_per_sec: Option<u64>) -> Result<()> {
        *lock(&self.rate) = bytes_per_sec;
        let Some(session) = lock(&self.session).clone() else { return Ok(()) };
        match self.ask::<Value>(&session, "core/bwlimit", &json!({"rate": rate_text(bytes_per_sec)})) {
            // The next child starts with the new rate.
            Err(e) if e.code() == "remote.rclone_died" => Ok(()),
            limited => limited.map(drop),
        }
    }

    fn requests(&self) -> u64 {
        let session = lock(&self.session).clone();
        let current = session.map_or(0, |session| session.count_requests());
        self.past_requests.load(Ordering::Relaxed) + current
    }

    fn is_far(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        self.described.clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// The configuration file of rclone's that is used where `named` is the one that was named, if any.
pub fn config_file(named: Option<&Path>) -> PathBuf {
    named.map_or_else(default_config, Path::to_owned)
}

/// rclone's own default: <https://rclone.org/docs/#config-string>.
fn default_config() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = from("HOME").unwrap_or_default();
    let usual = from("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("rclone/rclone.conf");
    let old = home.join(".rclone.conf");
    if !usual.exists() && old.exists() { old } else { usual }
}

/// Percent-encodes all but what RFC 3986 leaves unreserved.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::reach::Reach;
    use super::*;
    use crate::base::monitor::Silent;

    #[test]
    fn a_missing_rclone_is_told_with_what_to_do() {
        let url = RemoteUrl::parse("rclone:x:y").expect("url");
        let options = Options { rclone_program: "annals-no-rclone".into(), ..Options::default() };
        let e = Rclone::new(&url, &options).expect("new").list("", &Silent).expect_err("missing");
        assert_eq!((e.kind(), e.code()), (Kind::Remote, "remote.rclone_missing"));
        assert!(e.what_next().is_some_and(|hint| hint.contains("install")));
    }

    /// A program that says what it is told and ends.
    #[cfg(unix)]
    fn impostor(script: &str) -> (tempfile::TempDir, Options) {
        let dir = tempfile::tempdir().expect("dir");
        let program = dir.path().join("rclone");
        crate::base::disk::write_file(&program, format!("#!/bin/sh\n{script}\n").as_bytes(), 0o755).expect("write");
        (dir, Options { rclone_program: program, ..Options::default() })
    }

    #[cfg(unix)]
    #[test]
    fn an_rclone_that_cannot_start_is_explained() {
        let url = RemoteUrl::parse("rclone::s3,secret_access_key=hunter2:y").expect("url");
        let cases = [
            ("echo 'Error: unknown flag: --rc-serve' >&2; exit 1", "remote.rclone_old"),
            (
                "echo '{\"level\":\"critical\",\"msg\":\"unable to decrypt configuration and not allowed to ask for password\"}' >&2; exit 1",
                "remote.config_locked",
            ),
            ("echo 'no idea about hunter2' >&2; exit 3", "remote.rclone_died"),
            ("exit 0", "remote.rclone_died"),
        ];
        for (script, code) in cases {
            let (_dir, options) = impostor(script);
            let e = Rclone::new(&url, &options).expect("new").list("", &Silent).expect_err("no server");
            assert_eq!(e.code(), code);
            assert!(!e.to_string().contains("hunter2"), "{e}");
        }
    }

    #[test]
    fn names_reach_rclone_unchanged() {
        assert_eq!(escape("[:s3,a='b c':x/é]/"), "%5B%3As3%2Ca%3D%27b%20c%27%3Ax/%C3%A9%5D/");
        let fs = |text: &str| {
            let rclone = Rclone::new(&RemoteUrl::parse(text).expect("url"), &Options::default()).expect("new");
            Reach::plain(&rclone.remote, &rclone.path).fs
        };
        assert_eq!((fs("rclone:a:"), fs("rclone:a:b"), fs("rclone:a:b/")), ("a:".into(), "a:b/".into(), "a:b/".into()));
        assert_eq!((rate_text(None), rate_text(Some(0)), rate_text(Some(2048))), ("off".into(), "1B".into(), "2048B".into()));
    }
}
