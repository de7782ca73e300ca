//! The child: how it is started, what it says, and how a conversation with it ends.

use std::collections::VecDeque;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::loopback::{self, Answer, Client, Wait};
use super::super::wording;
use super::reach::{Reach, Section};
use super::{ANSWER_BYTES_MAX, LISTING_BYTES_MAX, LOCAL_TIMEOUT, POLL, RCLONE_OLDEST, Rclone, lock};
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Silent, stop};
use crate::base::process::{Child, Command};

/// How long rclone may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the end of a child that broke a conversation may take to be seen.
const EXIT_TIMEOUT: Duration = Duration::from_millis(300);
/// How an answer is waited for that needs no line.
const LOCAL: Wait<'static> = Wait { at_most: LOCAL_TIMEOUT, monitor: &Silent };
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

/// A running child.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) child: Mutex<Child>,
    /// Verbs that touched the line.
    pub(super) operations: AtomicU64,
    /// How the remote is spoken to.
    pub(super) reach: Reach,
    /// HTTP requests on the line, as rclone counted them when it was last asked.
    requests: AtomicU64,
}

impl Session {
    pub(super) fn known_requests(&self) -> u64 {
        match self.requests.load(Ordering::Relaxed) {
            0 => self.operations.load(Ordering::Relaxed),
            counted => counted,
        }
    }

    /// rclone counts HTTP requests by itself and tells in Prometheus' text format; other protocols are counted by our own operations.
    pub(super) fn count_requests(&self) -> u64 {
        let metrics = self.client.get("/metrics", None, LOCAL).and_then(|answer| answer.bytes(ANSWER_BYTES_MAX));
        if let Ok(bytes) = metrics {
            self.requests.store(http_requests(&String::from_utf8_lossy(&bytes)), Ordering::Relaxed);
        }
        self.known_requests()
    }
}

impl Rclone {
    pub(super) fn start(&self) -> Result<Session> {
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
        let reach = Reach::plain(&self.remote, &self.path);
        let mut session = Session { client, child: Mutex::new(child), operations: AtomicU64::new(0), reach, requests: AtomicU64::new(0) };
        let version: Version = self.local(&session, "core/version", &json!({}))?;
        let (major, minor) = (version.decomposed.first().copied().unwrap_or(0), version.decomposed.get(1).copied().unwrap_or(0));
        if (major, minor) < RCLONE_OLDEST {
            return Err(too_old(&version.version));
        }
        session.reach = self.look_at_backend(&session, (major, minor));
        Ok(session)
    }

    /// Asks a child what the remote is. One that does not say is spoken to as any other.
    fn look_at_backend(&self, session: &Session, version: (u64, u64)) -> Reach {
        let name = self.remote.split(',').next().unwrap_or_default();
        let section = match name.strip_prefix(':') {
            Some(kind) => Section::kind(kind),
            None => self.local(session, "config/get", &json!({"name": name})).unwrap_or_default(),
        };
        Reach::of(&self.remote, &self.path, &section, version)
    }

    pub(super) fn cannot_start(&self, error: Error) -> Error {
        if error.code() != "process.missing" {
            return error;
        }
        let text = format!("the rclone program is missing: {}", self.options.rclone_program.display());
        Error::new(Kind::Remote, "remote.rclone_missing", text)
            .hint("install rclone 1.60 or newer (apt install rclone; https://rclone.org/install), or name it in ANNALS_RCLONE")
    }

    pub(super) fn ended_at_start(&self, complaints: &Mutex<VecDeque<String>>) -> Error {
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
    pub(super) fn broken(&self, session: &Arc<Session>, error: std::io::Error) -> Error {
        if loopback::is_stopped(&error) {
            return stop();
        }
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
    pub(super) fn local<T: DeserializeOwned>(&self, session: &Session, method: &str, params: &Value) -> Result<T> {
        let unclear = |e: std::io::Error| Error::new(Kind::Remote, "remote.rclone_died", format!("rclone does not answer: {e}"));
        let answer = session.client.post(&format!("/{method}"), params.to_string().as_bytes(), LOCAL).map_err(unclear)?;
        let bytes = answer.bytes(ANSWER_BYTES_MAX).map_err(unclear)?;
        serde_json::from_slice(&bytes).map_err(|e| unclear(e.into()))
    }

    /// A method of rclone's that it answers by itself: where it does not, rclone is to blame.
    pub(super) fn ask<T: DeserializeOwned>(&self, session: &Arc<Session>, method: &str, params: &Value) -> Result<T> {
        self.converse(session, method, params, LOCAL, |e| self.broken(session, e))
    }

    /// A method of rclone's that it answers when the remote has: where it does not, the line is to blame.
    pub(super) fn ask_remote<T: DeserializeOwned>(&self, session: &Arc<Session>, method: &str, params: &Value, monitor: &dyn Monitor) -> Result<T> {
        let wait = Wait { at_most: self.options.answer_timeout, monitor };
        self.converse(session, method, params, wait, |e| self.cut(session, e))
    }

    fn converse<T: DeserializeOwned>(
        &self,
        session: &Arc<Session>,
        method: &str,
        params: &Value,
        wait: Wait<'_>,
        failed: impl Fn(std::io::Error) -> Error,
    ) -> Result<T> {
        let mut answer = session.client.post(&format!("/{method}"), params.to_string().as_bytes(), wait).map_err(&failed)?;
        if answer.status != 200 {
            return Err(self.refused(session, answer));
        }
        // From a reader, so that a long listing is never held twice.
        let parsed = serde_json::from_reader(std::io::BufReader::new((&mut answer).take(LISTING_BYTES_MAX)));
        let parsed = parsed.map_err(|e| if e.is_io() { failed(e.into()) } else { self.garbled(&e.to_string()) })?;
        answer.finish();
        Ok(parsed)
    }

    pub(super) fn refused(&self, session: &Arc<Session>, answer: Answer<'_>) -> Error {
        match answer.bytes(ANSWER_BYTES_MAX) {
            Err(e) => self.broken(session, e),
            Ok(bytes) => self.translate(&words_of(&bytes)),
        }
    }

    pub(super) fn translate(&self, words: &str) -> Error {
        if wording::says_missing(words) {
            return Error::missing("remote.object_missing", format!("the remote {} has no such object", self.described));
        }
        wording::translate(&self.described, words, &self.secrets)
    }

    pub(super) fn garbled(&self, what: &str) -> Error {
        Error::new(Kind::Remote, "remote.failed", format!("rclone answered something else than was asked: {what}"))
            .hint("try another version of rclone")
    }
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    version: String,
    #[serde(default)]
    decomposed: Vec<u64>,
}

/// One line of rclone's JSON log.
#[derive(Deserialize)]
struct LogLine {
    #[serde(default)]
    level: String,
    #[serde(default)]
    msg: String,
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

pub(super) fn rate_text(bytes_per_sec: Option<u64>) -> String {
    bytes_per_sec.map_or("off".to_owned(), |rate| format!("{}B", rate.max(1)))
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
}
