//! Where a command runs: its streams, its environment, its directory. Mostly this process; for a command that the agent carries out for a
//! client, the client's process at the other end of a socket. The only door to standard streams, the environment and signals.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use zeroize::Zeroizing;

use crate::agent::daemon::Handle;
use crate::base::error::{Error, Result};
use crate::face::http::Desk;

use super::terminal;

/// A standard stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    In,
    Out,
    Err,
}

/// What a command sees of the world. Calls are made from the thread of the command and from threads that it starts.
pub(crate) trait World: Send + Sync {
    /// Writes all of it to standard output.
    fn write(&self, bytes: &[u8]) -> io::Result<()>;

    /// Writes all of it to standard error; a reader that has gone is nobody's business.
    fn complain(&self, text: &str);

    /// Reads from standard input; 0 at its end.
    fn read(&self, into: &mut [u8]) -> io::Result<usize>;

    /// A variable of the environment.
    fn variable(&self, name: &str) -> Option<OsString>;

    /// The working directory, from which relative paths are meant.
    fn directory(&self) -> Result<PathBuf>;

    /// Whether people look at the stream, or type on it.
    fn is_terminal(&self, stream: Stream) -> bool;

    /// Columns of the terminal.
    fn columns(&self) -> u16;

    /// Asks for a secret without showing it; `None` where there is no terminal.
    fn secret(&self, question: &str) -> Result<Option<Zeroizing<String>>>;

    /// The signal that wants the command to stop, 0 for none.
    fn signal(&self) -> usize;

    /// The zone of the machine where the command was given.
    fn zone(&self) -> Option<String> {
        None
    }

    /// The agent that carries the command out, where one does.
    fn agent(&self) -> Option<&Handle> {
        None
    }

    /// The server of pages of that agent.
    fn desk(&self) -> Option<&Desk> {
        None
    }

    /// JSON with paths as they were typed, where a path is a whole text.
    fn as_typed_json(&self, json: &str) -> String {
        json.to_owned()
    }

    /// Text for people with paths as they were typed.
    fn as_typed(&self, text: &str) -> String {
        text.to_owned()
    }
}

thread_local! {
    static HERE: RefCell<Option<Arc<dyn World>>> = const { RefCell::new(None) };
}

/// The world of the command that runs on this thread.
pub(crate) fn here() -> Arc<dyn World> {
    HERE.with_borrow(Clone::clone).unwrap_or_else(|| Arc::new(Process))
}

/// Runs a command in another world.
pub(crate) fn within<T>(world: Arc<dyn World>, command: impl FnOnce() -> T) -> T {
    struct Back(Option<Arc<dyn World>>);
    impl Drop for Back {
        fn drop(&mut self) {
            HERE.set(self.0.take());
        }
    }
    let _back = Back(HERE.replace(Some(world)));
    command()
}

/// A line on standard error.
pub(crate) fn say(text: impl AsRef<str>) {
    let here = here();
    here.complain(&format!("{}\n", here.as_typed(text.as_ref())));
}

/// A variable of the environment as text, where it is not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    here().variable(name)?.into_string().ok().filter(|value| !value.is_empty())
}

/// The whole path of what was typed.
pub(crate) fn whole(path: &Path) -> Result<PathBuf> {
    let joined = here().directory()?.join(path);
    std::path::absolute(&joined).map_err(|e| Error::io(format_args!("find {}", path.display()), e))
}

/// Standard input, as something to read from.
pub(crate) struct Stdin(Arc<dyn World>);

/// Standard input.
pub(crate) fn stdin() -> Stdin {
    Stdin(here())
}

impl Read for Stdin {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

/// Standard output, as something to write to.
pub(crate) struct Stdout(Arc<dyn World>);

/// Standard output.
pub(crate) fn stdout() -> Stdout {
    Stdout(here())
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// This process.
pub(crate) struct Process;

impl World for Process {
    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush())
    }

    fn complain(&self, text: &str) {
        let mut err = io::stderr().lock();
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }

    fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        io::stdin().lock().read(into)
    }

    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn directory(&self) -> Result<PathBuf> {
        std::env::current_dir().map_err(|e| Error::io("find the current directory", e))
    }

    fn is_terminal(&self, stream: Stream) -> bool {
        match stream {
            Stream::In => io::stdin().is_terminal(),
            Stream::Out => io::stdout().is_terminal(),
            Stream::Err => io::stderr().is_terminal(),
        }
    }

    fn columns(&self) -> u16 {
        terminal::columns()
    }

    fn secret(&self, question: &str) -> Result<Option<Zeroizing<String>>> {
        terminal::ask_secret(question)
    }

    fn signal(&self) -> usize {
        signal().load(Ordering::Relaxed)
    }
}

static SIGNAL: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// The number of the signal that this process got. Asked for the first time, it takes signals over.
fn signal() -> &'static Arc<AtomicUsize> {
    SIGNAL.get_or_init(|| {
        let number = Arc::new(AtomicUsize::new(0));
        let again = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // A second signal ends the process at once, for people who cannot wait for a safe place. The order of the three matters.
            let _ = signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, again.clone());
            let _ = signal_hook::flag::register(signal, again.clone());
            let _ = signal_hook::flag::register_usize(signal, number.clone(), signal as usize);
        }
        number
    })
}

/// Exit code of the signal that wants the command to stop, 130 or 143.
pub(crate) fn exit_of_signal() -> Option<u8> {
    match here().signal() {
        0 => None,
        number => Some(128 + number as u8),
    }
}

/// Where witness files are kept: `ANNALS_STATE` (empty: nowhere), or the user's directory for state
/// (<https://specifications.freedesktop.org/basedir-spec/latest/>).
pub(crate) fn state_dir() -> Option<PathBuf> {
    let named = |name: &str| here().variable(name).map(PathBuf::from);
    if let Some(dir) = named("ANNALS_STATE") {
        return Some(dir).filter(|dir| !dir.as_os_str().is_empty());
    }
    let absolute = |dir: &PathBuf| dir.is_absolute();
    let home = || Some(named("HOME").filter(absolute)?.join(".local/state"));
    named("XDG_STATE_HOME").filter(absolute).or_else(home).map(|dir| dir.join("annals"))
}
