//! A connection to a server below its client, for what the client does not speak: protocol 3.0, one message after the other.
//!
//! Source: PostgreSQL documentation, "Frontend/Backend Protocol" (<https://www.postgresql.org/docs/current/protocol.html>). Who is asked, how the
//! connection is protected and which password is used is what the client was told, too.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::BytesMut;
use postgres::config::{Host, SslNegotiation};
use postgres::fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{DataRowBody, ErrorResponseBody, Message};
use postgres_protocol::message::frontend;
use rustix::net::sockopt;
use tokio_rustls::rustls::{ClientConnection, StreamOwned};

use super::{CONNECT_WAIT, Login, needs_password, refused};
use crate::base::error::{Error, Kind, Result};

/// Bytes of a message at most: the server builds none that is larger than what it can hold at once, 1 GiB.
const MESSAGE_BYTES_MAX: u32 = (1 << 30) + (1 << 20);
/// Bytes that are asked of the socket at a time.
const READ_BYTES: usize = 64 << 10;
/// The server goes on sending both ways.
const COPY_BOTH: u8 = b'W';

enum Pipe {
    Tcp(TcpStream),
    Local(UnixStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Pipe {
    fn set_read_timeout(&self, wait: Duration) -> io::Result<()> {
        match self {
            Pipe::Tcp(socket) => socket.set_read_timeout(Some(wait)),
            Pipe::Local(socket) => socket.set_read_timeout(Some(wait)),
            Pipe::Encrypted(stream) => stream.sock.set_read_timeout(Some(wait)),
        }
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Pipe::Tcp(socket) => socket.read(into),
            Pipe::Local(socket) => socket.read(into),
            Pipe::Encrypted(stream) => stream.read(into),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Pipe::Tcp(socket) => socket.write_all(bytes),
            Pipe::Local(socket) => socket.write_all(bytes),
            Pipe::Encrypted(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }
}

/// What went wrong with the connection itself.
pub(super) fn cut(e: io::Error) -> Error {
    Error::new(Kind::Failed, "source.unreachable", format!("the connection to the server was lost: {e}"))
        .hint("check that the server runs, and the address; capture goes on where it was")
        .caused_by(e)
}

/// What the server says of what went wrong.
pub(super) fn said(what: &str, body: &ErrorResponseBody) -> Error {
    let field = |wanted: u8| {
        let found = body.fields().find(|field| Ok(field.type_() == wanted)).ok().flatten();
        found.map_or(String::new(), |field| String::from_utf8_lossy(field.value_bytes()).into_owned())
    };
    refused(what, &field(b'C'), &field(b'M'))
}

/// A connection.
pub(super) struct Wire {
    pipe: Pipe,
    /// What came and was not looked at.
    came: BytesMut,
    piece: Box<[u8]>,
}

impl Wire {
    /// Connects, with parameters of the session besides user and database.
    ///
    /// # Errors
    /// `source.unreachable`, `source.denied`, `source.tls`.
    pub(super) fn connect(login: &Login, parameters: &[(&str, &str)]) -> Result<Wire> {
        let encryption = &login.encryption;
        match Wire::begin(login, parameters, encryption.is_wanted()) {
            // What is only preferred may fail.
            Err(e) if e.code() == "source.tls" && !encryption.is_needed() => Wire::begin(login, parameters, false),
            begun => begun,
        }
    }

    /// One that is begun already.
    #[cfg(test)]
    pub(super) fn over(socket: UnixStream) -> Wire {
        Wire { pipe: Pipe::Local(socket), came: BytesMut::new(), piece: vec![0; READ_BYTES].into() }
    }

    fn begin(login: &Login, parameters: &[(&str, &str)], encrypted: bool) -> Result<Wire> {
        let mut wire = Wire { pipe: pipe(login, encrypted)?, came: BytesMut::new(), piece: vec![0; READ_BYTES].into() };
        let config = &login.config;
        let own = [("client_encoding", "UTF8"), ("application_name", "annals"), ("user", &login.user), ("database", &login.database)];
        let options = config.get_options().map(|options| ("options", options));
        let all = own.iter().chain(parameters).copied().chain(options);
        wire.send(|out| frontend::startup_message(all, out))?;
        wire.prove(login)?;
        loop {
            match wire.next(CONNECT_WAIT)? {
                Some(Message::ReadyForQuery(_)) => return Ok(wire),
                Some(Message::ErrorResponse(body)) => return Err(said("connect", &body)),
                Some(_) => {}
                None => return Err(cut(ErrorKind::TimedOut.into())),
            }
        }
    }

    /// Proves who we are, in the way that the server asks for.
    fn prove(&mut self, login: &Login) -> Result<()> {
        let password = || login.config.get_password().ok_or_else(|| needs_password("connect"));
        let mut scram = None;
        loop {
            let Some(message) = self.next(CONNECT_WAIT)? else { return Err(cut(ErrorKind::TimedOut.into())) };
            match message {
                Message::AuthenticationOk => return Ok(()),
                Message::AuthenticationCleartextPassword => {
                    let password = password()?;
                    self.send(|out| frontend::password_message(password, out))?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let hash = md5_hash(login.user.as_bytes(), password()?, body.salt());
                    self.send(|out| frontend::password_message(hash.as_bytes(), out))?;
                }
                Message::AuthenticationSasl(body) if body.mechanisms().any(|m| Ok(m == SCRAM_SHA_256)).map_err(cut)? => {
                    let begun = scram.insert(ScramSha256::new(password()?, ChannelBinding::unsupported()));
                    self.send(|out| frontend::sasl_initial_response(SCRAM_SHA_256, begun.message(), out))?;
                }
                Message::AuthenticationSaslContinue(body) => {
                    let scram = scram.as_mut().ok_or_else(out_of_turn)?;
                    scram.update(body.data()).map_err(cut)?;
                    self.send(|out| frontend::sasl_response(scram.message(), out))?;
                }
                Message::AuthenticationSaslFinal(body) => scram.as_mut().ok_or_else(out_of_turn)?.finish(body.data()).map_err(cut)?,
                Message::ErrorResponse(body) => return Err(said("connect", &body)),
                Message::NoticeResponse(_) | Message::ParameterStatus(_) => {}
                _ => return Err(out_of_turn()),
            }
        }
    }

    /// Has the server do what a text says, and gives the last row that it answers with.
    pub(super) fn run(&mut self, what: &str, text: &str) -> Result<Option<DataRowBody>> {
        self.send(|out| frontend::query(text, out))?;
        let (mut row, mut failed) = (None, None);
        loop {
            match self.next(CONNECT_WAIT)? {
                Some(Message::DataRow(body)) => row = Some(body),
                Some(Message::ErrorResponse(body)) => failed = Some(said(what, &body)),
                Some(Message::ReadyForQuery(_)) => return failed.map_or(Ok(row), Err),
                Some(_) => {}
                None => return Err(cut(ErrorKind::TimedOut.into())),
            }
        }
    }

    /// Begins what goes on both ways from then on.
    pub(super) fn copy_both(&mut self, what: &str, text: &str) -> Result<()> {
        self.send(|out| frontend::query(text, out))?;
        loop {
            if self.came.first() == Some(&COPY_BOTH)
                && let Some(bytes) = self.whole()?
            {
                drop(self.came.split_to(bytes));
                return Ok(());
            }
            match self.next(CONNECT_WAIT)? {
                Some(Message::ErrorResponse(body)) => return Err(said(what, &body)),
                Some(Message::NoticeResponse(_) | Message::ParameterStatus(_)) => {}
                Some(_) => return Err(out_of_turn()),
                None if self.came.first() == Some(&COPY_BOTH) => {}
                None => return Err(cut(ErrorKind::TimedOut.into())),
            }
        }
    }

    /// Sends what `write` puts into the buffer.
    pub(super) fn send(&mut self, write: impl FnOnce(&mut BytesMut) -> io::Result<()>) -> Result<()> {
        let mut out = BytesMut::new();
        write(&mut out).and_then(|()| self.pipe.write_all(&out)).map_err(cut)
    }

    /// Bytes of the next message, where it is here as a whole.
    fn whole(&self) -> Result<Option<usize>> {
        let Some(head) = self.came.first_chunk::<5>() else { return Ok(None) };
        let bytes = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        if !(4..=MESSAGE_BYTES_MAX).contains(&bytes) {
            return Err(Error::damaged(format_args!("a message of the server: {bytes} bytes")));
        }
        let all = bytes as usize + 1;
        Ok((self.came.len() >= all).then_some(all))
    }

    /// The next message, where it is here already.
    pub(super) fn waiting(&mut self) -> Result<Option<Message>> {
        match self.whole()? {
            Some(_) if self.came[0] != COPY_BOTH => Message::parse(&mut self.came).map_err(cut),
            _ => Ok(None),
        }
    }

    /// Reads what the server sent, for which is waited so long at most; whether anything came.
    pub(super) fn fill(&mut self, wait: Duration) -> Result<bool> {
        // A wait of nothing would be one without an end.
        self.pipe.set_read_timeout(wait.max(Duration::from_millis(1))).map_err(cut)?;
        match self.pipe.read(&mut self.piece) {
            Ok(0) => Err(cut(ErrorKind::UnexpectedEof.into())),
            Ok(bytes) => {
                self.came.extend_from_slice(&self.piece[..bytes]);
                Ok(true)
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => Ok(false),
            Err(e) => Err(cut(e)),
        }
    }

    /// The next message; `None` where nothing came for so long, or what is next is the beginning of [`Wire::copy_both`].
    pub(super) fn next(&mut self, wait: Duration) -> Result<Option<Message>> {
        loop {
            if let Some(message) = self.waiting()? {
                return Ok(Some(message));
            }
            if !self.fill(wait)? || self.came.first() == Some(&COPY_BOTH) {
                return Ok(None);
            }
        }
    }
}

fn out_of_turn() -> Error {
    Error::damaged("what the server says: it is not its turn")
}

/// A connection to the first host that has one.
fn pipe(login: &Login, encrypted: bool) -> Result<Pipe> {
    let config = &login.config;
    let (hosts, numbers, ports) = (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let mut failed = cut(ErrorKind::NotFound.into());
    for i in 0..hosts.len().max(numbers.len()) {
        let port = ports.get(i).or(ports.first()).copied().unwrap_or(5432);
        let opened = match (hosts.get(i), numbers.get(i)) {
            (Some(Host::Unix(directory)), _) => local(&directory.join(format!(".s.PGSQL.{port}"))),
            (Some(Host::Tcp(name)), None) => (&name[..], port).to_socket_addrs().map_err(cut).and_then(|all| tcp(login, all, name, encrypted)),
            (Some(Host::Tcp(name)), Some(number)) => tcp(login, [SocketAddr::new(*number, port)], name, encrypted),
            (None, Some(number)) => tcp(login, [SocketAddr::new(*number, port)], &number.to_string(), encrypted),
            (None, None) => continue,
        };
        match opened {
            Ok(pipe) => return Ok(pipe),
            Err(e) => failed = e,
        }
    }
    Err(failed)
}

fn local(path: &std::path::Path) -> Result<Pipe> {
    let socket = UnixStream::connect(path).map_err(cut)?;
    socket.set_write_timeout(Some(CONNECT_WAIT)).map_err(cut)?;
    Ok(Pipe::Local(socket))
}

fn tcp(login: &Login, addresses: impl IntoIterator<Item = SocketAddr>, host: &str, encrypted: bool) -> Result<Pipe> {
    let mut failed = cut(ErrorKind::NotFound.into());
    for address in addresses {
        let socket = match TcpStream::connect_timeout(&address, CONNECT_WAIT) {
            Ok(socket) => socket,
            Err(e) => {
                failed = cut(e);
                continue;
            }
        };
        let set = socket.set_nodelay(true).and_then(|()| socket.set_write_timeout(Some(CONNECT_WAIT)));
        set.and_then(|()| socket.set_read_timeout(Some(CONNECT_WAIT)))
            .and_then(|()| Ok(sockopt::set_socket_keepalive(&socket, true)?))
            .map_err(cut)?;
        if !encrypted {
            return Ok(Pipe::Tcp(socket));
        }
        return protected(login, socket, host);
    }
    Err(failed)
}

fn protected(login: &Login, mut socket: TcpStream, host: &str) -> Result<Pipe> {
    if login.config.get_ssl_negotiation() != SslNegotiation::Direct {
        let mut ask = BytesMut::new();
        frontend::ssl_request(&mut ask);
        let mut answer = [0];
        socket.write_all(&ask).and_then(|()| socket.read_exact(&mut answer)).map_err(cut)?;
        if answer != *b"S" {
            return match login.encryption.is_needed() {
                true => Err(login.encryption.refused(&io::Error::other("the server does not encrypt connections"))),
                false => Ok(Pipe::Tcp(socket)),
            };
        }
    }
    let mut stream = StreamOwned::new(login.encryption.begin(host)?, socket);
    // The handshake, so that what fails of it is known to be that.
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock).map_err(|e| login.encryption.refused(&e).caused_by(e))?;
    }
    Ok(Pipe::Encrypted(Box::new(stream)))
}
