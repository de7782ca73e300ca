//! Messages between a client and the agent.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Kind, Result};

/// Name of the socket in the store's directory.
pub(super) const SOCKET: &str = "agent.sock";
/// Version of these messages. The program's version has to be the same as well: both sides know the same verbs then.
pub(super) const PROTOCOL: u32 = 1;
/// Bytes: the longest message. A request has as many words as a command line may have; everything else is cut into pieces.
pub(super) const LINE_BYTES_MAX: usize = 4 << 20;
/// Bytes of a stream in one message.
pub(super) const PIECE_BYTES: usize = 48 * 1024;
/// Bytes: the longest path that fits into the address of a socket everywhere.
const ADDRESS_BYTES_MAX: usize = 100;

/// Bytes as base64: words of a command line and pieces of streams need not be text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::face) struct Bytes(pub(in crate::face) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        STANDARD.decode(text.as_bytes()).map(Bytes).map_err(serde::de::Error::custom)
    }
}

impl From<&std::ffi::OsStr> for Bytes {
    fn from(text: &std::ffi::OsStr) -> Self {
        Bytes(text.as_bytes().to_vec())
    }
}

impl Bytes {
    pub(super) fn into_text(self) -> OsString {
        OsString::from_vec(self.0)
    }
}

/// A command, and where it was given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::face) struct Request {
    /// [`PROTOCOL`].
    pub(in crate::face) protocol: u32,
    /// The version of the client's program.
    pub(in crate::face) program: String,
    /// The words, the first is the program's name.
    pub(in crate::face) words: Vec<Bytes>,
    /// The working directory.
    pub(in crate::face) directory: Bytes,
    /// The variables that commands look at.
    pub(in crate::face) variables: Vec<(String, Bytes)>,
    /// The tenant, from the words or the environment.
    pub(in crate::face) tenant: Option<String>,
    /// The machine's zone.
    pub(in crate::face) zone: String,
    /// Whether standard input, output and error are terminals.
    pub(in crate::face) terminals: [bool; 3],
    /// Columns of the terminal.
    pub(in crate::face) columns: u16,
}

impl Request {
    pub(in crate::face) fn new(words: &[OsString], directory: &Path, tenant: Option<String>, zone: String) -> Self {
        Request {
            protocol: PROTOCOL,
            program: env!("CARGO_PKG_VERSION").into(),
            words: words.iter().map(|w| w.as_os_str().into()).collect(),
            directory: directory.as_os_str().into(),
            variables: Vec::new(),
            tenant,
            zone,
            terminals: [false; 3],
            columns: 80,
        }
    }
}

/// From the agent to the client.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// Bytes for standard output.
    Out(Bytes),
    /// Bytes for standard error.
    Err(Bytes),
    /// The command wants more of standard input.
    Want,
    /// The command wants a secret.
    Secret(String),
    /// The command ended with this code.
    Exit(u8),
    /// The agent does not carry it out: message and hint.
    Refused(String, String),
}

/// From the client to the agent, after the request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum More {
    /// A piece of standard input; an empty one is its end.
    In(Bytes),
    /// A secret, or that there is nobody to ask, or an error as text.
    Secret(Option<String>, Option<String>),
    /// A signal arrived.
    Signal(usize),
}

/// Sends messages, whole, from several threads.
pub(super) struct Sender<W: Write>(Mutex<W>);

impl<W: Write> Sender<W> {
    pub(super) fn new(to: W) -> Self {
        Sender(Mutex::new(to))
    }

    pub(super) fn send(&self, message: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(&line)
    }
}

/// Receives messages. A read that times out loses nothing.
pub(super) struct Receiver<R: Read> {
    from: R,
    kept: Vec<u8>,
    searched: usize,
}

impl<R: Read> Receiver<R> {
    pub(super) fn new(from: R) -> Self {
        Receiver { from, kept: Vec::new(), searched: 0 }
    }

    /// The next message; `None` at the end of the stream, or in the middle of a message that the end cuts off.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let bad = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        loop {
            if let Some(end) = self.kept[self.searched..].iter().position(|b| *b == b'\n').map(|at| at + self.searched) {
                let line: Vec<u8> = self.kept.drain(..=end).collect();
                self.searched = 0;
                return serde_json::from_slice(&line).map(Some).map_err(|e| bad(format!("not a message: {e}")));
            }
            self.searched = self.kept.len();
            if self.kept.len() > LINE_BYTES_MAX {
                return Err(bad(format!("a message longer than {LINE_BYTES_MAX} bytes")));
            }
            let mut piece = [0; 16 * 1024];
            match self.from.read(&mut piece) {
                Ok(0) => return Ok(None),
                Ok(n) => self.kept.extend_from_slice(&piece[..n]),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

/// A path to the socket that is short enough for an address, and what must be kept open while it is used.
pub(super) fn address(dir: &Path, name: &str) -> Result<(PathBuf, Option<std::fs::File>)> {
    let path = dir.join(name);
    if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
        return Ok((path, None));
    }
    use std::os::fd::AsRawFd;
    let open = std::fs::File::open(dir).map_err(|e| Error::io(format_args!("open {}", dir.display()), e))?;
    let short = PathBuf::from(format!("/proc/self/fd/{}/{name}", open.as_raw_fd()));
    if !short.parent().is_some_and(Path::exists) {
        return Err(Error::new(Kind::Failed, "agent.path", format!("the path of the store is too long for a socket: {}", dir.display()))
            .hint("move the store to a directory with a shorter path"));
    }
    Ok((short, Some(open)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn messages_pass_and_long_or_strange_ones_are_refused() {
        let mut line = Vec::new();
        Sender::new(&mut line).send(&Answer::Out(Bytes(vec![0, 255, 10]))).expect("sent");
        Sender::new(&mut line).send(&Answer::Exit(4)).expect("sent");
        let mut receiver = Receiver::new(&line[..]);
        assert!(matches!(receiver.next().expect("message"), Some(Answer::Out(Bytes(bytes))) if bytes == [0, 255, 10]));
        assert!(matches!(receiver.next().expect("message"), Some(Answer::Exit(4))));
        assert!(receiver.next::<Answer>().expect("end").is_none());
        let endless = vec![b'a'; LINE_BYTES_MAX + 100_000];
        assert!(Receiver::new(&endless[..]).next::<Answer>().is_err());
        assert!(Receiver::new(&b"{\"exit\":999}\n"[..]).next::<Answer>().is_err());
        assert!(Receiver::new(&b"{\"out\":\"%\"}\n"[..]).next::<Answer>().is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_received_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut receiver = Receiver::new(&bytes[..]);
            for _ in 0..10 {
                if !matches!(receiver.next::<More>(), Ok(Some(_))) {
                    break;
                }
            }
        }
    }
}
