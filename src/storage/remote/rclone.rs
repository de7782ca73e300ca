//! Everything that rclone can reach, through one long-lived `rclone rcd` child per session (<https://rclone.org/rc/>).
//!
//! One process that stays keeps its connections, and makes a shipment two requests on S3: one that writes and one that reads the size back.
//! Both ends of the conversation are on the loopback interface, at a port the system chose, behind a password that was drawn for this child
//! and is passed in its environment. The child gets no other secret of ours and no setting of the user's but the configuration file.

use std::collections::{HashSet, VecDeque};
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::contract::{self, Check, Object, Outcome, Remote, Stored, Upload};
use super::loopback::{Answer, Client};
use super::place::{Options, RemoteUrl};
use super::retry::{pause, worth_retrying};
use super::wording;
use crate::base::digest::{Digest, Hasher};
use crate::base::disk::Staged;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress, Silent, check_stop};
use crate::base::process::{Child, Command};

/// The oldest rclone that is tested (Debian 12 and 13). Older ones are refused.
pub const RCLONE_OLDEST: (u64, u64) = (1, 60);

/// How long rclone may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long rclone may take for an answer that needs no line.
const LOCAL_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a stopped transfer may take to clean up after itself.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the end of a child that broke a conversation may take to be seen.
const EXIT_TIMEOUT: Duration = Duration::from_millis(300);
/// Waits between looks at a running job: from the first to the second, doubling.
const POLL: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(200));
/// Uploads run side by side while less than so many bytes are on the way: small objects hide each other's round trips, large ones go alone so
/// that a cut line loses one.
const SIDE_BY_SIDE_BYTES: u64 = 256 << 10;
/// Uploads that run side by side at most.
const SIDE_BY_SIDE_MAX: usize = 4;
/// Bytes: the longest answer that is no listing.
const ANSWER_BYTES_MAX: u64 = 4 << 20;
/// Bytes: the longest listing, about four million objects.
const LISTING_BYTES_MAX: u64 = 1 << 30;
/// Bytes handled at a time while an object is streamed.
const BLOCK_BYTES: usize = 128 * 1024;
/// Complaints of rclone that are kept to explain its end.
const COMPLAINTS_KEPT: usize = 8;

/// Settings of rclone's backends that leave out requests we do not need, since we look for ourselves: no HEAD after each PUT and no look at
/// the bucket before (S3), one PUT for the largest segment, no shells for checksums and no setting of times (sftp).
const LEAN: [(&str, &str); 6] = [
    ("RCLONE_S3_NO_HEAD", "true"),
    ("RCLONE_S3_NO_CHECK_BUCKET", "true"),
    ("RCLONE_S3_UPLOAD_CUTOFF", "300M"),
    ("RCLONE_SFTP_DISABLE_HASHCHECK", "true"),
    ("RCLONE_SFTP_SHELL_TYPE", "none"),
    ("RCLONE_SFTP_SET_MODTIME", "false"),
];

/// See the module.
pub struct Rclone {
    /// `REMOTE:PATH/` as rclone wants it: the slash at the end keeps it from looking for a file of that name.
    fs: String,
    described: String,
    secrets: Vec<String>,
    config: PathBuf,
    options: Options,
    rate: Mutex<Option<u64>>,
    session: Mutex<Option<Arc<Session>>>,
    /// Names whose upload was begun in this session of ours.
    begun: Mutex<HashSet<String>>,
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
            fs: format!("{remote}:{path}{slash}"),
            described: url.to_string(),
            secrets,
            config: options.rclone_config.clone().unwrap_or_else(default_config),
            options: options.clone(),
            rate: Mutex::new(options.limit_rate),
            session: Mutex::default(),
            begun: Mutex::default(),
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
            return Ok(Arc::clone(running));
        }
        let fresh = Arc::new(self.start()?);
        *session = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    fn start(&self) -> Result<Session> {
        let mut password = [0; 32];
        self.options.random.fill(&mut password);
        let password: String = password.iter().map(|byte| format!("{byte:02x}")).collect();
        let secs = |time: Duration| format!("{}ms", time.as_millis());
        let mut command = Command::new(&self.options.rclone_program)
            .tethered()
            .args(["rcd", "--rc-addr", "127.0.0.1:0", "--rc-serve", "--rc-enable-metrics", "--ask-password=false", "--use-json-log"])
            .args(["--stats", "0", "--retries", "1", "--low-level-retries", "2", "--fs-cache-expire-duration", "1h"])
            .args(["--contimeout".to_owned(), secs(self.options.connect_timeout), "--timeout".to_owned(), secs(self.options.stall_timeout)])
            .args(["--bwlimit".to_owned(), rate_text(*lock(&self.rate))])
            .arg("--config")
            .arg(&self.config)
            .env("RCLONE_RC_USER", "annals")
            .env("RCLONE_RC_PASS", &password);
        for (name, value) in LEAN {
            command = command.env(name, value);
        }
        if let Some(secret) = &self.options.rclone_config_password {
            command = command.env("RCLONE_CONFIG_PASS", secret);
        }
        for (name, value) in &self.options.environment {
            command = command.env(name, value);
        }
        let complaints = Arc::new(Mutex::new(VecDeque::new()));
        let (told, listening) = mpsc::channel();
        let kept = Arc::clone(&complaints);
        // Everything rclone says comes through the callback; a second copy would only cost memory.
        let mut child = command.keep(0).on_line(move |_, line| hear(line, &kept, &told)).spawn().map_err(|e| self.cannot_start(e))?;
        let start = self.options.sleeper.elapsed();
        let server = loop {
            match listening.recv_timeout(Duration::from_millis(50)) {
                Ok(server) => break server,
                Err(_) if child.exited()?.is_some() => return Err(self.ended_at_start(&complaints)),
                Err(_) if self.options.sleeper.elapsed().saturating_sub(start) > START_TIMEOUT => {
                    let text = format!("rclone did not start within {} s", START_TIMEOUT.as_secs());
                    return Err(Error::new(Kind::Remote, "remote.rclone_died", text).hint("try: rclone version"));
                }
                // Both readers are gone: the exit is seen in a moment.
                Err(mpsc::RecvTimeoutError::Disconnected) => self.options.sleeper.sleep(POLL.0),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        };
        let client = Client::new(server, "annals", &password);
        let session = Session { client, child: Mutex::new(child), operations: AtomicU64::new(0), requests: AtomicU64::new(0) };
        let version: Version = self.local(&session, "core/version", &json!({}))?;
        let (major, minor) = (version.decomposed.first().copied().unwrap_or(0), version.decomposed.get(1).copied().unwrap_or(0));
        if (major, minor) < RCLONE_OLDEST { Err(too_old(&version.version)) } else { Ok(session) }
    }

    fn cannot_start(&self, error: Error) -> Error {
        if error.code() != "process.missing" {
            return error;
        }
        let text = format!("the rclone program is missing: {}", self.options.rclone_program.display());
        Error::new(Kind::Remote, "remote.rclone_missing", text)
            .hint("install rclone 1.60 or newer (apt install rclone; https://rclone.org/install), or name it in ANNALS_RCLONE")
    }

    fn ended_at_start(&self, complaints: &Mutex<VecDeque<String>>) -> Error {
        let words = lock(complaints).iter().cloned().collect::<Vec<_>>().join("; ");
        if words.contains("unknown flag") || words.contains("unknown command") {
            return too_old("unknown");
        }
        match wording::translate(&self.described, &words, &self.secrets) {
            e if e.code() == "remote.failed" => {
                let text = format!("rclone ended at its start ({})", wording::scrub(&words, &self.secrets));
                Error::new(Kind::Remote, "remote.rclone_died", text).hint("try: rclone version")
            }
            e => e,
        }
    }

    /// A conversation with the child that broke. One that still runs has dropped this answer only, which it does when its own line drops;
    /// any other is forgotten, so that the next verb starts another.
    fn broken(&self, session: &Arc<Session>, error: std::io::Error) -> Error {
        use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        let dropped = matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof);
        if dropped && lock(&session.child).wait(EXIT_TIMEOUT).is_ok_and(|exit| exit.is_none()) {
            return Error::new(Kind::Remote, "remote.cut", format!("the line dropped: {}", self.described))
                .hint("check the line; it will be tried again");
        }
        let mut running = lock(&self.session);
        if running.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
            self.past_requests.fetch_add(session.known_requests(), Ordering::Relaxed);
            *running = None;
        }
        drop(running);
        let text = format!("rclone stopped answering ({error})");
        Error::new(Kind::Remote, "remote.rclone_died", text).hint("it will be started again; if this repeats, look at the memory of this machine")
    }

    /// A method of rclone's that does not touch the line.
    fn local<T: DeserializeOwned>(&self, session: &Session, method: &str, params: &Value) -> Result<T> {
        let unclear = |e: std::io::Error| Error::new(Kind::Remote, "remote.rclone_died", format!("rclone does not answer: {e}"));
        let answer = session.client.post(&format!("/{method}"), params.to_string().as_bytes(), LOCAL_TIMEOUT).map_err(unclear)?;
        let bytes = answer.bytes(ANSWER_BYTES_MAX).map_err(unclear)?;
        serde_json::from_slice(&bytes).map_err(|e| unclear(e.into()))
    }

    /// A method of rclone's, answered at once or within `timeout`.
    fn ask<T: DeserializeOwned>(&self, session: &Arc<Session>, method: &str, params: &Value, timeout: Duration) -> Result<T> {
        let path = format!("/{method}");
        let mut answer = session.client.post(&path, params.to_string().as_bytes(), timeout).map_err(|e| self.broken(session, e))?;
        if answer.status != 200 {
            return Err(self.refused(session, answer));
        }
        // From a reader, so that a long listing is never held twice.
        let parsed = serde_json::from_reader(std::io::BufReader::new((&mut answer).take(LISTING_BYTES_MAX)));
        let parsed = parsed.map_err(|e| if e.is_io() { self.broken(session, e.into()) } else { self.garbled(&e.to_string()) })?;
        answer.finish();
        Ok(parsed)
    }

    fn refused(&self, session: &Arc<Session>, answer: Answer<'_>) -> Error {
        match answer.bytes(ANSWER_BYTES_MAX) {
            Err(e) => self.broken(session, e),
            Ok(bytes) => self.translate(&words_of(&bytes)),
        }
    }

    fn translate(&self, words: &str) -> Error {
        if wording::says_missing(words) {
            return Error::missing("remote.object_missing", format!("the remote {} has no such object", self.described));
        }
        wording::translate(&self.described, words, &self.secrets)
    }

    fn garbled(&self, what: &str) -> Error {
        Error::new(Kind::Remote, "remote.failed", format!("rclone answered something else than was asked: {what}"))
            .hint("try another version of rclone")
    }

    fn operation(&self, session: &Session) {
        session.operations.fetch_add(1, Ordering::Relaxed);
    }

    /// The size of an object, `None` if the remote says that there is none.
    fn size(&self, session: &Arc<Session>, name: &str) -> Result<Option<u64>> {
        self.operation(session);
        let params = json!({"fs": self.fs, "remote": name, "opt": {"filesOnly": true, "noModTime": true, "noMimeType": true}});
        let stat: Stat = self.ask(session, "operations/stat", &params, self.options.answer_timeout)?;
        // A size of -1 is how some backends of 1.60 say that there is nothing.
        let size = stat.item.and_then(|item| u64::try_from(item.size).ok());
        match size {
            Some(_) => self.root_seen.store(true, Ordering::Relaxed),
            None => self.check_root(session)?,
        }
        Ok(size)
    }

    /// Fails unless the root of the remote is there. rclone says "no such object" for objects in buckets that do not exist.
    fn check_root(&self, session: &Arc<Session>) -> Result<()> {
        if !self.root_seen.load(Ordering::Relaxed) {
            self.operation(session);
            let params = json!({"fs": self.fs, "remote": "", "opt": {"noModTime": true, "noMimeType": true}});
            let _: Listing = self.ask(session, "operations/list", &params, self.options.answer_timeout)?;
            self.root_seen.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Starts a method of rclone's in the background.
    fn begin(&self, session: &Arc<Session>, method: &str, mut params: Value) -> Result<u64> {
        self.operation(session);
        params["_async"] = Value::Bool(true);
        let started: Started = self.ask(session, method, &params, LOCAL_TIMEOUT)?;
        Ok(started.jobid)
    }

    /// How a job in the background stands: `None` while it runs.
    fn look<T: DeserializeOwned + Default>(&self, session: &Arc<Session>, job: u64) -> Result<Option<Result<T>>> {
        let status: Status<T> = self.ask(session, "job/status", &json!({"jobid": job}), LOCAL_TIMEOUT)?;
        Ok(match (status.finished, status.success) {
            (false, _) => None,
            (true, true) => Some(Ok(status.output.unwrap_or_default())),
            (true, false) => Some(Err(self.translate(&status.error))),
        })
    }

    /// Stops a job and waits until rclone has taken away what it left.
    fn stop(&self, session: &Arc<Session>, job: u64) {
        // Failures mean that the job, or rclone itself, has ended already.
        let _: Result<Value> = self.ask(session, "job/stop", &json!({"jobid": job}), LOCAL_TIMEOUT);
        let start = self.options.sleeper.elapsed();
        while let Ok(None) = self.look::<Value>(session, job) {
            if self.options.sleeper.elapsed().saturating_sub(start) > STOP_TIMEOUT {
                break;
            }
            self.options.sleeper.sleep(POLL.1);
        }
    }

    fn listing(&self, session: &Arc<Session>, folder: &str) -> Result<Listing> {
        let opt = json!({"recurse": true, "filesOnly": true, "noModTime": true, "noMimeType": true});
        let job = self.begin(session, "operations/list", json!({"fs": self.fs, "remote": folder, "opt": opt}))?;
        let start = self.options.sleeper.elapsed();
        let mut poll = POLL.0;
        loop {
            if let Some(done) = self.look(session, job)? {
                return done;
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
    fn get<'a>(&self, session: &'a Arc<Session>, name: &str, range: Option<(u64, u64)>) -> Result<Answer<'a>> {
        self.operation(session);
        let path = format!("/{}/{name}", escape(&format!("[{}]", self.fs)));
        let answer = session.client.get(&path, range, self.options.stall_timeout).map_err(|e| self.broken(session, e))?;
        if matches!(answer.status, 200 | 206) {
            self.root_seen.store(true, Ordering::Relaxed);
            return Ok(answer);
        }
        match self.refused(session, answer) {
            e if e.kind() == Kind::Missing => self.check_root(session).and(Err(contract::object_missing(name, &self.described))),
            e => Err(e),
        }
    }

    /// A transfer that ended within the body.
    fn cut(&self, session: &Arc<Session>, error: std::io::Error) -> Error {
        use std::io::ErrorKind::{TimedOut, WouldBlock};
        if matches!(error.kind(), TimedOut | WouldBlock) { self.timeout("sent nothing") } else { self.broken(session, error) }
    }

    /// Streams an object of `size` bytes from `from` on into `take`, which may stop it.
    fn stream(&self, session: &Arc<Session>, name: &str, from: u64, size: u64, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let range = (from > 0).then(|| (from, size.saturating_sub(1)));
        let mut answer = self.get(session, name, range)?;
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

    fn read_range(&self, session: &Arc<Session>, name: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
        let mut answer = self.get(session, name, Some((offset, offset + len - 1)))?;
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
        self.stream(session, name, 0, size, &mut |block| {
            hasher.update(block);
            check_stop(monitor)
        })?;
        Ok(hasher.finish())
    }

    /// What stands at the name of an upload: `None` for nothing, otherwise whether it is right.
    fn look_first(&self, session: &Arc<Session>, upload: &Upload, monitor: &dyn Monitor) -> Result<Option<bool>> {
        let size = match self.size(session, &upload.name) {
            // A new remote: its folder is made by the first upload, also by one that was tried before or sent elsewhere.
            Err(e) if e.code() == "remote.absent" => return Ok(None),
            size => size?,
        };
        let Some(size) = size else { return Ok(None) };
        let right = size == upload.size && self.digest(session, &upload.name, size, monitor)? == file_digest(&upload.from)?;
        Ok(Some(right))
    }

    /// Begins one upload, unless it is there already.
    fn begin_upload(&self, session: &Arc<Session>, upload: &Upload, monitor: &dyn Monitor) -> Result<Begun> {
        check_stop(monitor)?;
        let begun_before = !lock(&self.begun).insert(upload.name.clone());
        let goal = if upload.tried || begun_before {
            match self.look_first(session, upload, monitor)? {
                Some(true) => return Ok(Begun::Existed),
                Some(false) => Stored::Repaired,
                None => Stored::Written,
            }
        } else {
            Stored::Written
        };
        let (folder, file) = split(&upload.from)?;
        let config = json!({"NoCheckDest": true, "IgnoreChecksum": true});
        let params = json!({"srcFs": folder, "srcRemote": file, "dstFs": self.fs, "dstRemote": upload.name, "_config": config});
        let job = self.begin(session, "operations/copyfile", params)?;
        Ok(Begun::Running(job, goal))
    }

    /// Reads back what an upload left. Neither its end without an error nor the name on the remote proves anything.
    fn read_back(&self, session: &Arc<Session>, upload: &Upload, monitor: &dyn Monitor) -> Result<()> {
        let found = self.size(session, &upload.name)?;
        let right = found == Some(upload.size);
        if right && (!self.options.read_back || self.digest(session, &upload.name, upload.size, monitor)? == file_digest(&upload.from)?) {
            return Ok(());
        }
        let what = found.map_or("nothing".to_owned(), |size| format!("{size} bytes"));
        let text = format!("an upload of {} bytes left {what} on {}: {}", upload.size, self.described, upload.name);
        Err(Error::new(Kind::Remote, "remote.cut", text).hint("it will be tried again; if this repeats, the remote loses what it is given"))
    }
}

impl Remote for Rclone {
    fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        contract::check_prefix(prefix)?;
        let session = self.session()?;
        let folder = contract::folder_of(prefix);
        let listing = match self.listing(&session, folder) {
            // A folder that is not there holds no objects, if what it should be in is there.
            Err(e) if e.code() == "remote.absent" && !folder.is_empty() => {
                self.check_root(&session)?;
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

    fn read(&self, name: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
        contract::check_range(name, offset, len)?;
        if len == 0 {
            return Ok(Vec::new());
        }
        let session = self.session()?;
        match self.read_range(&session, name, offset, len) {
            Err(e) if matches!(e.code(), "remote.failed" | "remote.cut") => {
                // A range past the end is refused in words that differ by protocol, or not in words at all; the size tells what it was.
                let found = self.size(&session, name).ok().flatten().filter(|size| *size < offset + len);
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
            let done = self.stream(&session, name, from, size, &mut |block| {
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

    fn verify(&self, name: &str, size: u64, digest: Option<Digest>) -> Result<Check> {
        contract::check_name(name)?;
        let session = self.session()?;
        match self.size(&session, name)? {
            None => return Ok(Check::Missing),
            Some(found) if found != size => return Ok(Check::Size(found)),
            Some(_) => {}
        }
        let Some(right) = digest else { return Ok(Check::Right) };
        let found = self.digest(&session, name, size, &Silent)?;
        Ok(if found == right { Check::Right } else { Check::Bytes(found) })
    }

    fn remove(&self, names: &[String]) -> Result<()> {
        names.iter().try_for_each(|name| contract::check_name(name))?;
        let session = self.session()?;
        for name in names {
            self.operation(&session);
            let params = json!({"fs": self.fs, "remote": name});
            match self.ask::<Value>(&session, "operations/deletefile", &params, self.options.answer_timeout) {
                Err(e) if e.kind() == Kind::Missing => self.check_root(&session)?,
                removed => drop(removed?),
            }
        }
        Ok(())
    }

    fn limit(&self, bytes_per_sec: Option<u64>) -> Result<()> {
        *lock(&self.rate) = bytes_per_sec;
        let Some(session) = lock(&self.session).clone() else { return Ok(()) };
        match self.ask::<Value>(&session, "core/bwlimit", &json!({"rate": rate_text(bytes_per_sec)}), LOCAL_TIMEOUT) {
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

/// A running child.
struct Session {
    client: Client,
    child: Mutex<Child>,
    /// Verbs that touched the line.
    operations: AtomicU64,
    /// HTTP requests on the line, as rclone counted them when it was last asked.
    requests: AtomicU64,
}

impl Session {
    fn known_requests(&self) -> u64 {
        match self.requests.load(Ordering::Relaxed) {
            0 => self.operations.load(Ordering::Relaxed),
            counted => counted,
        }
    }

    /// rclone counts HTTP requests by itself and tells in Prometheus' text format; other protocols are counted by our own operations.
    fn count_requests(&self) -> u64 {
        let metrics = self.client.get("/metrics", None, LOCAL_TIMEOUT).and_then(|answer| answer.bytes(ANSWER_BYTES_MAX));
        if let Ok(bytes) = metrics {
            self.requests.store(http_requests(&String::from_utf8_lossy(&bytes)), Ordering::Relaxed);
        }
        self.known_requests()
    }
}

enum Begun {
    Existed,
    Running(u64, Stored),
}

struct Running {
    index: usize,
    job: u64,
    goal: Stored,
    bytes: u64,
    moved_at: Duration,
}

/// One call of [`Remote::store`].
struct Uploading<'a> {
    rclone: &'a Rclone,
    session: Arc<Session>,
    objects: &'a [Upload],
    monitor: &'a dyn Monitor,
    outcomes: Vec<Option<Outcome>>,
    running: Vec<Running>,
    /// The line was lost: nothing more is begun, since every try would wait for a line that is not there.
    lost: bool,
}

impl<'a> Uploading<'a> {
    fn new(rclone: &'a Rclone, session: Arc<Session>, objects: &'a [Upload], monitor: &'a dyn Monitor) -> Self {
        let outcomes = objects.iter().map(|_| None).collect();
        Uploading { rclone, session, objects, monitor, outcomes, running: Vec::new(), lost: false }
    }

    fn run(mut self) -> Result<Vec<Outcome>> {
        let mut next = 0;
        let mut poll = POLL.0;
        while next < self.objects.len() || !self.running.is_empty() {
            while next < self.objects.len() && self.has_room(self.objects[next].size) {
                self.begin(next);
                next += 1;
                poll = POLL.0;
            }
            if self.look() {
                poll = POLL.0;
            }
            self.show();
            if self.monitor.stopped() {
                for running in std::mem::take(&mut self.running) {
                    self.rclone.stop(&self.session, running.job);
                    let text = format!("stopped while uploading: {}", self.objects[running.index].name);
                    let error = Error::new(Kind::Interrupted, "stopped", text).hint("run the same command again to go on");
                    self.outcomes[running.index] = Some(Err(error));
                }
            } else if !self.running.is_empty() {
                self.rclone.options.sleeper.sleep(poll);
                poll = (poll * 2).min(POLL.1);
            }
        }
        Ok(self.outcomes.into_iter().flatten().collect())
    }

    fn has_room(&self, size: u64) -> bool {
        let on_the_way: u64 = self.running.iter().map(|running| self.objects[running.index].size).sum();
        self.running.is_empty() || (self.running.len() < SIDE_BY_SIDE_MAX && on_the_way + size <= SIDE_BY_SIDE_BYTES)
    }

    fn begin(&mut self, index: usize) {
        if self.lost {
            let text = format!("not sent, because the line was lost before: {}", self.objects[index].name);
            let error = Error::new(Kind::Remote, "remote.unreachable", text).hint("check the line; it will be tried again");
            self.outcomes[index] = Some(Err(error));
            return;
        }
        match self.rclone.begin_upload(&self.session, &self.objects[index], self.monitor) {
            Ok(Begun::Existed) => self.outcomes[index] = Some(Ok(Stored::Existed)),
            Ok(Begun::Running(job, goal)) => {
                let moved_at = self.rclone.options.sleeper.elapsed();
                self.running.push(Running { index, job, goal, bytes: 0, moved_at });
            }
            Err(e) => self.failed(index, e),
        }
    }

    fn failed(&mut self, index: usize, error: Error) {
        self.lost |= matches!(error.code(), "remote.unreachable" | "remote.name_lookup" | "remote.timeout");
        self.outcomes[index] = Some(Err(error));
    }

    /// Looks at all running uploads; says whether one ended.
    fn look(&mut self) -> bool {
        let mut still = Vec::new();
        let mut any = false;
        for mut running in std::mem::take(&mut self.running) {
            let upload = &self.objects[running.index];
            let ended = match self.rclone.look::<Value>(&self.session, running.job) {
                Ok(None) => self.stalled(&mut running).map(Err),
                Ok(Some(Ok(_))) => Some(self.rclone.read_back(&self.session, upload, self.monitor).map(|()| running.goal)),
                Ok(Some(Err(e))) | Err(e) => Some(Err(e)),
            };
            match ended {
                None => still.push(running),
                Some(outcome) => {
                    match outcome {
                        Ok(stored) => self.outcomes[running.index] = Some(Ok(stored)),
                        Err(e) => self.failed(running.index, e),
                    }
                    any = true;
                }
            }
        }
        self.running = still;
        any
    }

    /// Notes how far an upload is; stops it when nothing has moved for too long.
    fn stalled(&self, running: &mut Running) -> Option<Error> {
        let params = json!({"group": format!("job/{}", running.job)});
        let stats: Stats = self.rclone.ask(&self.session, "core/stats", &params, LOCAL_TIMEOUT).unwrap_or_default();
        let now = self.rclone.options.sleeper.elapsed();
        if stats.bytes > running.bytes {
            (running.bytes, running.moved_at) = (stats.bytes, now);
        }
        if now.saturating_sub(running.moved_at) < self.rclone.options.stall_timeout {
            return None;
        }
        self.rclone.stop(&self.session, running.job);
        Some(self.rclone.timeout("took nothing"))
    }

    fn show(&self) {
        let all = self.objects.len() as u64;
        let mut progress = Progress { phase: "uploading", items_total: all, ..Progress::default() };
        for (upload, outcome) in self.objects.iter().zip(&self.outcomes) {
            progress.bytes_total += upload.size;
            if matches!(outcome, Some(Ok(_))) {
                progress.items += 1;
                progress.bytes += upload.size;
            }
        }
        progress.bytes += self.running.iter().map(|running| running.bytes.min(self.objects[running.index].size)).sum::<u64>();
        self.monitor.progress(&progress);
    }
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    version: String,
    #[serde(default)]
    decomposed: Vec<u64>,
}

#[derive(Deserialize)]
struct Started {
    jobid: u64,
}

#[derive(Deserialize)]
struct Status<T> {
    finished: bool,
    #[serde(default)]
    success: bool,
    #[serde(default)]
    error: String,
    output: Option<T>,
}

#[derive(Deserialize, Default)]
struct Stats {
    #[serde(default)]
    bytes: u64,
}

#[derive(Deserialize)]
struct Stat {
    item: Option<Entry>,
}

#[derive(Deserialize, Default)]
struct Listing {
    #[serde(default)]
    list: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    path: String,
    size: i64,
    #[serde(default)]
    is_dir: bool,
}

/// One line of rclone's JSON log.
#[derive(Deserialize)]
struct LogLine {
    #[serde(default)]
    level: String,
    #[serde(default)]
    msg: String,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// Takes a line of the log: the address that is served, or a complaint to be kept.
fn hear(line: &str, complaints: &Mutex<VecDeque<String>>, told: &mpsc::Sender<SocketAddr>) {
    let (level, text) = match serde_json::from_str::<LogLine>(line) {
        Ok(log) => (log.level, log.msg),
        // Before its log is set up, rclone complains in plain text.
        Err(_) => ("error".to_owned(), line.to_owned()),
    };
    if let Some(server) = served_address(&text) {
        // Nobody listens any more when a second address is served; the first is enough.
        let _ = told.send(server);
    } else if matches!(level.as_str(), "error" | "critical" | "fatal" | "panic") && !text.trim().is_empty() {
        let mut complaints = lock(complaints);
        if complaints.len() == COMPLAINTS_KEPT {
            complaints.pop_front();
        }
        complaints.push_back(text);
    }
}

fn served_address(text: &str) -> Option<SocketAddr> {
    let rest = text.strip_prefix("Serving remote control on http://")?;
    rest.split('/').next()?.parse().ok().filter(|server: &SocketAddr| server.ip().is_loopback())
}

fn words_of(bytes: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    match serde_json::from_slice::<Refusal>(bytes) {
        Ok(refusal) => refusal.error,
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn too_old(version: &str) -> Error {
    let (major, minor) = RCLONE_OLDEST;
    Error::new(Kind::Remote, "remote.rclone_old", format!("this rclone is too old: {version}"))
        .hint(format!("install rclone {major}.{minor} or newer (https://rclone.org/install), or name it in ANNALS_RCLONE"))
}

/// rclone's own default: <https://rclone.org/docs/#config-string>.
fn default_config() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = from("HOME").unwrap_or_default();
    let usual = from("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("rclone/rclone.conf");
    let old = home.join(".rclone.conf");
    if !usual.exists() && old.exists() { old } else { usual }
}

fn rate_text(bytes_per_sec: Option<u64>) -> String {
    bytes_per_sec.map_or("off".to_owned(), |rate| format!("{}B", rate.max(1)))
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

/// Folder and file as rclone wants them: absolute, without links.
fn split(path: &Path) -> Result<(String, String)> {
    let real = path.canonicalize().map_err(|e| Error::io(format_args!("read {}", path.display()), e))?;
    let text = |part: Option<&std::ffi::OsStr>| part.and_then(|p| p.to_str()).map(str::to_owned);
    match (text(real.parent().map(Path::as_os_str)), text(real.file_name())) {
        (Some(folder), Some(file)) => Ok((folder, file)),
        _ => Err(Error::usage("remote.source_name", format!("rclone cannot be told this file name: {}", path.display()))),
    }
}

fn file_digest(path: &Path) -> Result<Digest> {
    let mut hasher = Hasher::new();
    let copied = std::fs::File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut hasher));
    copied.map_err(|e| Error::io(format_args!("read {}", path.display()), e))?;
    Ok(hasher.finish())
}

/// The sum of rclone's counter of HTTP requests.
fn http_requests(metrics: &str) -> u64 {
    let counts = metrics.lines().filter(|line| line.starts_with("rclone_http_status_code{"));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).map(|n| n as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_rclone_is_told_with_what_to_do() {
        let url = RemoteUrl::parse("rclone:x:y").expect("url");
        let options = Options { rclone_program: "annals-no-rclone".into(), ..Options::default() };
        let e = Rclone::new(&url, &options).expect("new").list("").expect_err("missing");
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
            let e = Rclone::new(&url, &options).expect("new").list("").expect_err("no server");
            assert_eq!(e.code(), code);
            assert!(!e.to_string().contains("hunter2"), "{e}");
        }
    }

    #[test]
    fn only_a_loopback_address_is_believed() {
        let told = |text: &str| served_address(text).map(|server| server.to_string());
        assert_eq!(told("Serving remote control on http://127.0.0.1:46221/").as_deref(), Some("127.0.0.1:46221"));
        assert_eq!(told("Serving remote control on http://10.0.0.1:46221/"), None);
        assert_eq!(told("anything else"), None);
    }

    #[test]
    fn requests_are_read_from_the_metrics() {
        let text = "# TYPE rclone_http_status_code counter\n\
                    rclone_http_status_code{code=\"200\",host=\"h\",method=\"PUT\"} 2\n\
                    rclone_http_status_code{code=\"404\",host=\"\",method=\"HEAD\"} 1e+01\nrclone_bytes 7\n";
        assert_eq!(http_requests(text), 12);
    }

    #[test]
    fn names_reach_rclone_unchanged() {
        assert_eq!(escape("[:s3,a='b c':x/é]/"), "%5B%3As3%2Ca%3D%27b%20c%27%3Ax/%C3%A9%5D/");
        let fs = |text: &str| Rclone::new(&RemoteUrl::parse(text).expect("url"), &Options::default()).expect("new").fs;
        assert_eq!((fs("rclone:a:"), fs("rclone:a:b"), fs("rclone:a:b/")), ("a:".into(), "a:b/".into(), "a:b/".into()));
        assert_eq!((rate_text(None), rate_text(Some(0)), rate_text(Some(2048))), ("off".into(), "1B".into(), "2048B".into()));
    }
}
