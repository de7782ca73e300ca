//! The agent's end of the socket: each connection is one command, carried out on a thread of its own.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::agent::daemon::Handle;
use crate::base::error::{Error, Kind, Result};
use crate::face::http::Desk;
use crate::face::world::{Stream, World};

use super::wire::{Answer, Bytes, More, PIECE_BYTES, PROTOCOL, Receiver, Request, SOCKET, Sender, address};

/// Commands that may be connected at once: two threads each. More are told to come again.
const SESSIONS_MAX: usize = 512;
/// Commands that read or write much and are carried out at once; others of their kind wait for their turn, small ones never do.
const LARGE_MAX: usize = 8;
/// How often a command that waits for its turn looks whether it is still wanted.
const TURN_POLL: Duration = Duration::from_millis(200);
/// How long commands may take to come to an end when the agent does.
const GRACE: Duration = Duration::from_secs(5);
/// How long a client may take to say what it wants.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Signal that a client that hangs up counts as.
const HANGUP: usize = signal_hook::consts::SIGTERM as usize;

/// Carries out the words of a request in a world, and gives the exit code.
pub(in crate::face) type Runner = Arc<dyn Fn(Vec<OsString>, Option<String>, Arc<Session>) -> u8 + Send + Sync>;

/// The open socket. Dropped, it is gone, and commands that it carried out have ended or were stopped.
pub(in crate::face) struct Server {
    dir: PathBuf,
    closing: Arc<AtomicBool>,
    sessions: Arc<Sessions>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Sessions {
    running: Mutex<Vec<Arc<Session>>>,
    ended: Condvar,
    large: Mutex<usize>,
    turn: Condvar,
}

/// The turn of a command that reads or writes much.
pub(in crate::face) struct Turn(Arc<Sessions>);

impl Drop for Turn {
    fn drop(&mut self) {
        *lock(&self.0.large) -= 1;
        self.0.turn.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until fewer than [`LARGE_MAX`] large commands run, and says so before; `None` where this one is wanted no longer.
fn turn(sessions: &Arc<Sessions>, wanted: impl Fn() -> bool, tell: impl FnOnce()) -> Option<Turn> {
    let mut large = lock(&sessions.large);
    if *large >= LARGE_MAX {
        // Whoever is told may read slowly: nobody else waits for that.
        drop(large);
        tell();
        large = lock(&sessions.large);
    }
    while *large >= LARGE_MAX {
        if !wanted() {
            return None;
        }
        large = sessions.turn.wait_timeout(large, TURN_POLL).unwrap_or_else(PoisonError::into_inner).0;
    }
    *large += 1;
    Some(Turn(sessions.clone()))
}

impl Server {
    /// Opens the socket in the store's directory, for its owner only. The caller holds the store's lock: a socket that is there was left by
    /// an agent that is gone.
    pub(in crate::face) fn start(dir: &Path, agent: Handle, desk: Option<Arc<Desk>>, runner: Runner) -> Result<Self> {
        let listener = listen(dir)?;
        let closing = Arc::new(AtomicBool::new(false));
        let sessions = Arc::new(Sessions::default());
        let (closed, all) = (closing.clone(), sessions.clone());
        let accept = move || {
            for stream in listener.incoming().flatten() {
                if closed.load(Ordering::SeqCst) {
                    return;
                }
                let (agent, desk, runner, all) = (agent.clone(), desk.clone(), runner.clone(), all.clone());
                let serve = move || serve(stream, agent, desk, &runner, &all);
                // Without a thread the client is hung up on, and says so.
                drop(std::thread::Builder::new().name("annals session".into()).spawn(serve));
            }
        };
        let accepting = std::thread::Builder::new().name("annals socket".into()).spawn(accept).map_err(|e| Error::io("start a thread", e))?;
        Ok(Server { dir: dir.to_owned(), closing, sessions, accepting: Some(accepting) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        if let Ok((path, _open)) = address(&self.dir, SOCKET) {
            drop(UnixStream::connect(path));
        }
        let _ = fs::remove_file(self.dir.join(SOCKET));
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
        let mut running = lock(&self.sessions.running);
        running.iter().for_each(|session| session.hang_up());
        let until = Instant::now() + GRACE;
        while !running.is_empty() && Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            running = self.sessions.ended.wait_timeout(running, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Binds in a directory that only we can enter and renames it into place: at no moment can anybody else connect.
fn listen(dir: &Path) -> Result<UnixListener> {
    let fail = |e| Error::io(format_args!("open the socket {}", dir.join(SOCKET).display()), e);
    let staging = tempfile::Builder::new().prefix("agent-").suffix(".partial").tempdir_in(dir).map_err(fail)?;
    let (path, _open) = address(staging.path(), SOCKET)?;
    let listener = UnixListener::bind(path).map_err(fail)?;
    let made = staging.path().join(SOCKET);
    fs::set_permissions(&made, fs::Permissions::from_mode(0o600)).map_err(fail)?;
    fs::rename(&made, dir.join(SOCKET)).map_err(fail)?;
    Ok(listener)
}

fn serve(stream: UnixStream, agent: Handle, desk: Option<Arc<Desk>>, runner: &Runner, sessions: &Arc<Sessions>) {
    // A client that goes away before it asked, or does not speak our language, is nobody's concern.
    let _ = try_serve(stream, agent, desk, runner, sessions);
}

fn try_serve(stream: UnixStream, agent: Handle, desk: Option<Arc<Desk>>, runner: &Runner, sessions: &Arc<Sessions>) -> io::Result<()> {
    let sender = Arc::new(Sender::new(stream.try_clone()?));
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    let mut receiver = Receiver::new(stream.try_clone()?);
    let Some(request) = receiver.next::<Request>()? else { return Ok(()) };
    stream.set_read_timeout(None)?;
    let own = env!("CARGO_PKG_VERSION");
    if request.protocol != PROTOCOL || request.program != own {
        let text = format!("the agent is annals {own}, this command is annals {}", request.program);
        return sender.send(&Answer::Refused(text, "use the same version for both: restart the agent with the new one".into()));
    }
    let session = Arc::new(Session {
        sender: sender.clone(),
        agent,
        desk,
        directory: request.directory.clone().into_text().into(),
        request,
        heard: Mutex::default(),
        news: Condvar::new(),
        signal: AtomicUsize::new(0),
        typed: Mutex::default(),
        sessions: sessions.clone(),
    });
    {
        let mut running = lock(&sessions.running);
        if running.len() >= SESSIONS_MAX {
            let text = format!("the agent carries out {SESSIONS_MAX} commands already");
            return sender.send(&Answer::Refused(text, "wait for one of them to end, and try again".into()));
        }
        running.push(session.clone());
    }
    let listening = session.clone();
    let hearing = std::thread::Builder::new().name("annals hearing".into()).spawn(move || listening.listen(receiver));
    let words = session.request.words.iter().map(|w| w.clone().into_text()).collect();
    let code = runner(words, session.request.tenant.clone(), session.clone());
    session.agent.poke();
    let sent = sender.send(&Answer::Exit(code));
    let _ = stream.shutdown(std::net::Shutdown::Both);
    if let Ok(hearing) = hearing {
        let _ = hearing.join();
    }
    lock(&sessions.running).retain(|other| !Arc::ptr_eq(other, &session));
    sessions.ended.notify_all();
    sent
}

/// What the client sent and the command did not take yet.
#[derive(Default)]
struct Heard {
    input: Vec<u8>,
    at: usize,
    ended: bool,
    secret: Option<(Option<String>, Option<String>)>,
}

/// A command of a client: its world is the client's process.
pub(in crate::face) struct Session {
    sender: Arc<Sender<UnixStream>>,
    agent: Handle,
    desk: Option<Arc<Desk>>,
    request: Request,
    directory: PathBuf,
    heard: Mutex<Heard>,
    news: Condvar,
    signal: AtomicUsize,
    /// Whole paths, and how they were typed.
    typed: Mutex<Vec<(String, String)>>,
    sessions: Arc<Sessions>,
}

impl Session {
    fn listen(&self, mut receiver: Receiver<UnixStream>) {
        while let Ok(Some(more)) = receiver.next::<More>() {
            let mut heard = lock(&self.heard);
            match more {
                More::In(Bytes(piece)) if piece.is_empty() => heard.ended = true,
                More::In(Bytes(piece)) => {
                    heard.input = piece;
                    heard.at = 0;
                }
                More::Secret(secret, error) => heard.secret = Some((secret, error)),
                More::Signal(number) => self.signal.store(number, Ordering::SeqCst),
            }
            self.news.notify_all();
        }
        self.hang_up();
    }

    /// Waits for the turn of a command that reads or writes much; `None` where it is no longer wanted.
    pub(in crate::face) fn turn(&self, quiet: bool) -> Option<Turn> {
        let tell = || {
            if !quiet {
                self.complain(&format!("waits: {LARGE_MAX} large commands run at once; this one goes on when one of them ends (Ctrl-C gives up)\n"));
            }
        };
        turn(&self.sessions, || self.signal.load(Ordering::SeqCst) == 0, tell)
    }

    /// Nobody listens any more, or the agent ends: the command comes to its next safe place.
    fn hang_up(&self) {
        let _ = self.signal.compare_exchange(0, HANGUP, Ordering::SeqCst, Ordering::SeqCst);
        lock(&self.heard).ended = true;
        self.news.notify_all();
    }

    /// The whole path of one that was typed; remembered, so that people read what they typed.
    pub(in crate::face) fn whole(&self, typed: &Path) -> PathBuf {
        if typed.as_os_str().is_empty() || typed.as_os_str() == "-" || typed.is_absolute() {
            return typed.to_owned();
        }
        let joined = self.directory.join(typed);
        let whole = std::path::absolute(&joined).unwrap_or(joined);
        if let (Some(whole), Some(typed)) = (whole.to_str(), typed.to_str()) {
            lock(&self.typed).push((whole.to_owned(), typed.trim_end_matches('/').to_owned()));
        }
        whole
    }
}

impl World for Session {
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        bytes.chunks(PIECE_BYTES).try_for_each(|piece| self.sender.send(&Answer::Out(Bytes(piece.to_vec()))))
    }

    fn complain(&self, text: &str) {
        let _ = self.sender.send(&Answer::Err(Bytes(text.as_bytes().to_vec())));
    }

    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        let mut heard = lock(&self.heard);
        if heard.at == heard.input.len() && !heard.ended {
            self.sender.send(&Answer::Want)?;
            while heard.at == heard.input.len() && !heard.ended {
                heard = self.news.wait(heard).unwrap_or_else(PoisonError::into_inner);
            }
        }
        let n = into.len().min(heard.input.len() - heard.at);
        into[..n].copy_from_slice(&heard.input[heard.at..heard.at + n]);
        heard.at += n;
        if n == 0 && !into.is_empty() && self.signal.load(Ordering::SeqCst) != 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the client has gone"));
        }
        Ok(n)
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        self.request.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone().into_text())
    }

    fn directory(&self) -> Result<PathBuf> {
        Ok(self.directory.clone())
    }

    fn is_terminal(&self, stream: Stream) -> bool {
        self.request.terminals[stream as usize]
    }

    fn columns(&self) -> u16 {
        self.request.columns
    }

    fn secret(&self, question: &str) -> Result<Option<Zeroizing<String>>> {
        let gone = || Error::new(Kind::Interrupted, "stopped", "stopped at the question; nothing was changed");
        self.sender.send(&Answer::Secret(question.to_owned())).map_err(|_| gone())?;
        let mut heard = lock(&self.heard);
        loop {
            match heard.secret.take() {
                Some((secret, None)) => return Ok(secret.map(Zeroizing::new)),
                Some((_, Some(_))) => return Err(gone()),
                None if heard.ended => return Err(gone()),
                None => heard = self.news.wait(heard).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    fn signal(&self) -> usize {
        self.signal.load(Ordering::SeqCst)
    }

    fn zone(&self) -> Option<String> {
        Some(self.request.zone.clone())
    }

    fn agent(&self) -> Option<&Handle> {
        Some(&self.agent)
    }

    fn desk(&self) -> Option<&Desk> {
        self.desk.as_deref()
    }

    fn as_typed_json(&self, json: &str) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        lock(&self.typed).iter().fold(json.to_owned(), |json, (whole, typed)| json.replace(&quoted(whole), &quoted(typed)))
    }

    fn as_typed(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (whole, typed) in lock(&self.typed).iter() {
            text = text.replace(whole, typed);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_large_commands_run_and_the_ninth_waits_for_its_turn() {
        let sessions = Arc::new(Sessions::default());
        let mut running: Vec<Turn> = (0..LARGE_MAX).map(|_| turn(&sessions, || true, || unreachable!("nobody waits")).expect("a turn")).collect();
        let mut said = 0;
        assert!(turn(&sessions, || false, || said += 1).is_none(), "one that nobody waits for any more gives up");
        assert_eq!(said, 1, "whoever has to wait is told so");
        let (all, (tell, told)) = (sessions.clone(), std::sync::mpsc::channel());
        // It says each time that it looks; then the turn of another one ends.
        let (look, looked) = std::sync::mpsc::channel();
        let ninth = std::thread::spawn(move || tell.send(turn(&all, || look.send(()).is_ok(), || ()).is_some()));
        looked.recv().expect("it looks");
        assert!(told.try_recv().is_err() && *lock(&sessions.large) == LARGE_MAX, "it waits");
        running.pop();
        assert_eq!(told.recv(), Ok(true), "then it is its turn");
        ninth.join().expect("ends").expect("told");
        drop(running);
        assert_eq!(*lock(&sessions.large), 0);
    }
}
