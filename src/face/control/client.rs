//! The client's end of the socket: a command that another process carries out looks as if it ran here.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::base::error::{Error, Kind, Result};
use crate::face::world::{Stdin, Stream, here, stdin};

use super::wire::{Answer, Bytes, More, PIECE_BYTES, Receiver, Request, SOCKET, Sender, address};

/// How often a client that waits looks whether a signal arrived.
const SIGNAL_POLL: Duration = Duration::from_millis(100);
/// Variables that commands look at.
const VARIABLES: [&str; 9] = [
    "ANNALS_PASSPHRASE",
    "ANNALS_NEW_PASSPHRASE",
    "ANNALS_IDENTITY",
    "ANNALS_CONFIG",
    "HOSTNAME",
    "LOGNAME",
    "NO_COLOR",
    "RCLONE_CONFIG_PASS",
    "USER",
];

/// Whether anybody answers.
pub(in crate::face) enum Asked {
    /// An agent carried the command out; its exit code.
    Done(u8),
    /// Nobody is there.
    Nobody,
}

fn connect(dir: &Path) -> Option<UnixStream> {
    let (path, _open) = address(dir, SOCKET).ok()?;
    // A socket without an agent behind it was left by one that was killed.
    UnixStream::connect(path).ok()
}

/// Whether an agent serves the store in `dir`.
pub(in crate::face) fn is_served(dir: &Path) -> bool {
    connect(dir).is_some()
}

/// Lets the agent of the store in `dir` carry out a command.
pub(in crate::face) fn ask(dir: &Path, mut request: Request) -> Result<Asked> {
    let Some(stream) = connect(dir) else { return Ok(Asked::Nobody) };
    let world = here();
    request.variables = VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), world.variable(name)?.as_os_str().into()))).collect();
    request.terminals = [Stream::In, Stream::Out, Stream::Err].map(|stream| world.is_terminal(stream));
    request.columns = world.columns();
    let lost = |e: io::Error| {
        Error::new(Kind::Failed, "agent.lost", format!("the agent went away before the command ended: {e}"))
            .hint("annals status shows what was done; without an agent the same command runs by itself")
    };
    stream.set_read_timeout(Some(SIGNAL_POLL)).map_err(lost)?;
    let sender = Arc::new(Sender::new(stream.try_clone().map_err(lost)?));
    sender.send(&request).map_err(lost)?;
    let mut receiver = Receiver::new(stream);
    let (feeder, mut signalled) = (feed(sender.clone(), stdin()), 0);
    let mut closed = false;
    loop {
        let number = world.signal();
        if number != signalled {
            signalled = number;
            // Where it cannot be sent, the agent is gone, and the next read says so.
            let _ = sender.send(&More::Signal(number));
        }
        match receiver.next::<Answer>() {
            Ok(Some(Answer::Out(Bytes(bytes)))) => {
                if !closed && world.write(&bytes).is_err() {
                    // Whoever read our output has gone, as when a pipe is closed: the command need not go on.
                    closed = true;
                    let _ = sender.send(&More::Signal(signal_hook::consts::SIGTERM as usize));
                }
            }
            // What the command says of being ended is no news to whoever went.
            Ok(Some(Answer::Err(_))) if closed => {}
            Ok(Some(Answer::Err(Bytes(bytes)))) => world.complain(&String::from_utf8_lossy(&bytes)),
            Ok(Some(Answer::Want)) => drop(feeder.send(())),
            Ok(Some(Answer::Secret(question))) => {
                let answer = match world.secret(&question) {
                    Ok(secret) => More::Secret(secret.as_deref().cloned(), None),
                    Err(e) => More::Secret(None, Some(e.to_string())),
                };
                sender.send(&answer).map_err(lost)?;
            }
            Ok(Some(Answer::Exit(_))) if closed => return Ok(Asked::Done(0)),
            Ok(Some(Answer::Exit(code))) => return Ok(Asked::Done(code)),
            Ok(Some(Answer::Refused(message, hint))) => return Err(Error::new(Kind::Refused, "agent.refused", message).hint(hint)),
            Ok(None) => return Err(lost(io::Error::from(io::ErrorKind::UnexpectedEof))),
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(e) => return Err(lost(e)),
        }
    }
}

/// Sends a piece of standard input for each time that it is asked to: what nobody wants stays with whoever reads it next.
fn feed(sender: Arc<Sender<UnixStream>>, mut input: Stdin) -> mpsc::Sender<()> {
    let (wanted, wants) = mpsc::channel();
    std::thread::spawn(move || {
        let mut piece = Zeroizing::new(vec![0; PIECE_BYTES]);
        while wants.recv().is_ok() {
            // What cannot be read is the end; the command then finds its input short.
            let n = input.read(&mut piece).unwrap_or(0);
            if sender.send(&More::In(Bytes(piece[..n].to_vec()))).is_err() {
                return;
            }
        }
    });
    wanted
}
