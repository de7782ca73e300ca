//! A small HTTP/1.1 client (RFC 9112) for one server: the rclone child on the loopback interface, behind basic authentication (RFC 7617).
//!
//! Written here because that is less to trust than a general client: no TLS, redirects, proxies, cookies or compression, and every part of
//! an answer is bounded. Connections are kept and used again; one request is never sent twice.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use base64::Engine;

use crate::base::monitor::Monitor;

/// Bytes: the longest head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes: the longest size line of a chunk, extensions included.
const CHUNK_LINE_BYTES_MAX: usize = 1024;
/// An idle connection older than this is not used again: the server may be closing it.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Connections kept open while idle.
const IDLE_KEPT: usize = 8;
/// How long may pass until somebody who wants to stop is heard.
const HEAR_WITHIN: Duration = Duration::from_millis(200);
/// How long the loopback interface may take to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long each wait for bytes may take, and who may end it before.
#[derive(Clone, Copy)]
pub struct Wait<'a> {
    /// The longest wait.
    pub at_most: Duration,
    /// Ends it when it wants to stop.
    pub monitor: &'a dyn Monitor,
}

/// Says that somebody wanted to stop while an answer was waited for.
#[derive(Debug)]
struct Stopped;

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("stopped while waiting for an answer")
    }
}

impl std::error::Error for Stopped {}

/// Whether a conversation ended because its monitor wanted to stop.
pub fn is_stopped(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Stopped>())
}

/// A connection whose reads wait as a [`Wait`] says.
struct Waiting<'a> {
    stream: BufReader<TcpStream>,
    wait: Wait<'a>,
}

impl Waiting<'_> {
    /// Reads again and again until there is something, the time is over, or somebody wants to stop. A read that got nothing took nothing.
    fn patiently<T>(&mut self, mut read: impl FnMut(&mut BufReader<TcpStream>) -> io::Result<T>) -> io::Result<T> {
        use io::ErrorKind::{TimedOut, WouldBlock};
        let started = Instant::now();
        loop {
            match read(&mut self.stream) {
                Err(e) if matches!(e.kind(), TimedOut | WouldBlock) => {
                    if self.wait.monitor.stopped() {
                        return Err(io::Error::other(Stopped));
                    }
                    if started.elapsed() >= self.wait.at_most {
                        return Err(TimedOut.into());
                    }
                }
                done => return done,
            }
        }
    }
}

impl Read for Waiting<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.patiently(|stream| stream.read(out))
    }
}

impl BufRead for Waiting<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.patiently(|stream| stream.fill_buf().map(drop))?;
        self.stream.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.stream.consume(n);
    }
}

/// Speaks to one server.
pub struct Client {
    server: SocketAddr,
    authorization: String,
    idle: Mutex<Vec<(Instant, BufReader<TcpStream>)>>,
}

impl Client {
    /// A client of `server` with a user and a password.
    pub fn new(server: SocketAddr, user: &str, password: &str) -> Self {
        let authorization = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Client { server, authorization, idle: Mutex::default() }
    }

    /// Asks for `path`, all of it or the bytes from the first to the last of `range`.
    pub fn get<'a>(&'a self, path: &str, range: Option<(u64, u64)>, wait: Wait<'a>) -> io::Result<Answer<'a>> {
        let range = range.map(|(first, last)| format!("Range: bytes={first}-{last}\r\n")).unwrap_or_default();
        self.request(&format!("GET {path} HTTP/1.1\r\n{range}"), &[], wait)
    }

    /// Sends a JSON text to `path`.
    pub fn post<'a>(&'a self, path: &str, json: &[u8], wait: Wait<'a>) -> io::Result<Answer<'a>> {
        let head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", json.len());
        self.request(&head, json, wait)
    }

    fn request<'a>(&'a self, head: &str, body: &[u8], wait: Wait<'a>) -> io::Result<Answer<'a>> {
        let mut stream = self.connection()?;
        stream.get_ref().set_read_timeout(Some(wait.at_most.min(HEAR_WITHIN)))?;
        stream.get_ref().set_write_timeout(Some(wait.at_most))?;
        let server = self.server;
        let mut bytes = format!("{head}Host: {server}\r\nAuthorization: Basic {}\r\n\r\n", self.authorization).into_bytes();
        bytes.extend_from_slice(body);
        stream.get_mut().write_all(&bytes)?;
        let mut stream = Waiting { stream, wait };
        let head = read_head(&mut stream)?;
        Ok(Answer {
            status: head.status,
            length: head.length(),
            whole: head.whole,
            keep: head.keep,
            body: Body::new(stream, head.framing),
            client: self,
        })
    }

    fn connection(&self) -> io::Result<BufReader<TcpStream>> {
        let mut idle = self.idle.lock().unwrap_or_else(|e| e.into_inner());
        idle.retain(|(since, _)| since.elapsed() < IDLE_MAX);
        if let Some((_, stream)) = idle.pop() {
            return Ok(stream);
        }
        drop(idle);
        let stream = TcpStream::connect_timeout(&self.server, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        Ok(BufReader::with_capacity(64 * 1024, stream))
    }

    fn keep(&self, stream: BufReader<TcpStream>) {
        let mut idle = self.idle.lock().unwrap_or_else(|e| e.into_inner());
        if idle.len() < IDLE_KEPT && stream.buffer().is_empty() {
            idle.push((Instant::now(), stream));
        }
    }
}

/// An answer whose body is still to be read, through [`Read`].
pub struct Answer<'a> {
    /// The status code, 200 and so on.
    pub status: u16,
    /// The length of the body in bytes, where the server says it.
    pub length: Option<u64>,
    /// For a range: the length in bytes of the whole, where the server says it.
    pub whole: Option<u64>,
    keep: bool,
    body: Body<Waiting<'a>>,
    client: &'a Client,
}

impl Answer<'_> {
    /// The whole body, of at most `max` bytes, and gives the connection back.
    pub fn bytes(mut self, max: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&mut self).take(max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > max {
            return Err(io::Error::other("an answer is longer than it may be"));
        }
        self.finish();
        Ok(bytes)
    }

    /// Gives the connection back if the body was read to its end. Not after a refusal: rclone closes some of those connections afterwards, and
    /// the next request on one would be lost.
    pub fn finish(self) {
        if self.keep && self.status < 300 && self.body.ended() {
            self.client.keep(self.body.stream.stream);
        }
    }
}

impl Read for Answer<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.body.read(out)
    }
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    UntilClose,
}

#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    whole: Option<u64>,
    framing: Framing,
    keep: bool,
}

impl Head {
    fn length(&self) -> Option<u64> {
        if let Framing::Length(n) = self.framing { Some(n) } else { None }
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not an HTTP answer: {what}"))
}

/// One line without its end; fails when it is longer than `max` or the stream ends within it.
fn read_line(from: &mut impl BufRead, max: usize) -> io::Result<String> {
    let mut line = Vec::new();
    from.take(max as u64 + 1).read_until(b'\n', &mut line)?;
    match line.pop() {
        Some(b'\n') => {}
        None => return Err(io::ErrorKind::UnexpectedEof.into()),
        Some(_) if line.len() >= max => return Err(bad("a line is too long")),
        Some(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|_| bad("a line is not text"))
}

fn read_head(from: &mut impl BufRead) -> io::Result<Head> {
    loop {
        let head = read_one_head(from)?;
        // 1xx answers are followed by the real one.
        if head.status >= 200 {
            return Ok(head);
        }
    }
}

fn read_one_head(from: &mut impl BufRead) -> io::Result<Head> {
    let first = read_line(from, HEAD_BYTES_MAX)?;
    let mut left = HEAD_BYTES_MAX - first.len().min(HEAD_BYTES_MAX);
    let mut words = first.split(' ');
    let version = words.next().filter(|v| v.starts_with("HTTP/1.")).ok_or_else(|| bad("no version"))?;
    let code = words.next().filter(|c| c.len() == 3).and_then(|c| c.parse().ok());
    let status: u16 = code.filter(|c| (100..600).contains(c)).ok_or_else(|| bad("no status"))?;
    let (mut length, mut whole, mut chunked, mut keep) = (None, None, false, version != "HTTP/1.0");
    loop {
        let line = read_line(from, left)?;
        if line.is_empty() {
            break;
        }
        left -= line.len().min(left);
        let (name, value) = line.split_once(':').ok_or_else(|| bad("a header without a colon"))?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            let new: u64 = value.parse().map_err(|_| bad("a length that is no number"))?;
            if length.is_some_and(|old| old != new) {
                return Err(bad("two lengths"));
            }
            length = Some(new);
        } else if name.eq_ignore_ascii_case("content-range") {
            // "bytes 0-9/100". Only the whole is of use: the ends are nonsense when rclone was asked for bytes past the end.
            whole = value.rsplit('/').next().and_then(|n| n.parse().ok());
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            if !value.eq_ignore_ascii_case("chunked") {
                return Err(bad("an unknown transfer encoding"));
            }
            chunked = true;
        } else if name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close") {
            keep = false;
        }
    }
    let framing = match (status, chunked, length) {
        (204 | 304, _, _) | (100..200, _, _) => Framing::Length(0),
        (_, true, _) => Framing::Chunked,
        (_, false, Some(n)) => Framing::Length(n),
        (_, false, None) => Framing::UntilClose,
    };
    Ok(Head { status, whole, keep: keep && framing != Framing::UntilClose, framing })
}

/// Reads a body to its end and not a byte further.
struct Body<R> {
    stream: R,
    framing: Framing,
    /// Bytes left of the body (by length) or of the present chunk.
    left: u64,
    /// Chunked: the last chunk was seen.
    last: bool,
    /// Chunked: a chunk was read, so that a line end comes before the next size.
    between: bool,
}

impl<R: BufRead> Body<R> {
    fn new(stream: R, framing: Framing) -> Self {
        let left = if let Framing::Length(n) = framing { n } else { 0 };
        Body { stream, framing, left, last: false, between: false }
    }

    fn ended(&self) -> bool {
        match self.framing {
            Framing::Length(_) => self.left == 0,
            Framing::Chunked => self.last,
            Framing::UntilClose => false,
        }
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        if self.between && !read_line(&mut self.stream, 2)?.is_empty() {
            return Err(bad("a chunk without its end"));
        }
        let line = read_line(&mut self.stream, CHUNK_LINE_BYTES_MAX)?;
        let digits = line.split(';').next().unwrap_or_default().trim();
        if digits.is_empty() || digits.len() > 15 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad("a chunk without a size"));
        }
        self.left = u64::from_str_radix(digits, 16).map_err(|_| bad("a chunk without a size"))?;
        self.between = true;
        if self.left == 0 {
            let mut trailers = HEAD_BYTES_MAX;
            loop {
                let line = read_line(&mut self.stream, trailers)?;
                if line.is_empty() {
                    break;
                }
                trailers -= line.len().min(trailers);
            }
            self.last = true;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.framing == Framing::UntilClose {
            return self.stream.read(out);
        }
        if self.framing == Framing::Chunked && self.left == 0 && !self.last {
            self.next_chunk()?;
        }
        if self.left == 0 || out.is_empty() {
            return Ok(0);
        }
        let room = (out.len() as u64).min(self.left) as usize;
        let n = self.stream.read(&mut out[..room])?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::monitor::{Progress, Silent};
    use proptest::prelude::*;
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn answer(text: &str) -> io::Result<(u16, String, usize)> {
        let mut from = text.as_bytes();
        let head = read_head(&mut from)?;
        let mut body = Body::new(from, head.framing);
        let mut bytes = String::new();
        body.read_to_string(&mut bytes)?;
        Ok((head.status, bytes, body.stream.len()))
    }

    #[test]
    fn bodies_end_where_they_say() {
        let ok = |text: &str| answer(text).expect(text);
        assert_eq!(ok("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP"), (200, "abc".into(), 4));
        assert_eq!(ok("HTTP/1.1 206 OK\nTransfer-Encoding: chunked\n\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nT: 1\r\n\r\nHTTP"), (206, "abc".into(), 4));
        assert_eq!(ok("HTTP/1.0 404 Not Found\r\n\r\nall of it"), (404, "all of it".into(), 0));
        assert_eq!(ok("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nContent-Length: 9\r\n\r\nrest"), (204, "".into(), 4));
    }

    #[test]
    fn cut_and_twisted_answers_are_errors() {
        let long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(HEAD_BYTES_MAX));
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(HEAD_BYTES_MAX / 4));
        for bad in [
            "",
            "HTTP/1.1 200",
            "HTTP/2 200 OK\r\n\r\n",
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            &long,
            &many,
        ] {
            assert!(answer(bad).is_err(), "{}", &bad[..bad.len().min(90)]);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(
            start in "(HTTP/1.1 200 OK\r\n(Content-Length: [0-9]{1,20}\r\n|Transfer-Encoding: chunked\r\n)?\r\n)?",
            rest in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let mut bytes = start.into_bytes();
            bytes.extend(rest);
            let mut from = &bytes[..];
            if let Ok(head) = read_head(&mut from) {
                let mut out = Vec::new();
                let _ = Body::new(from, head.framing).read_to_end(&mut out);
                prop_assert!(out.len() <= bytes.len());
            }
        }
    }

    #[test]
    fn one_connection_serves_many_requests_and_the_password_is_sent() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind");
        let server = listener.local_addr().expect("address");
        let serving = std::thread::spawn(move || {
            let (stream, _) = listener.accept().expect("accept");
            let mut reader = BufReader::new(stream);
            let mut heads = Vec::new();
            for _ in 0..2 {
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    reader.read_line(&mut head).expect("line");
                }
                if head.starts_with("POST") {
                    reader.read_exact(&mut [0; 2]).expect("body");
                }
                reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").expect("write");
                heads.push(head);
            }
            heads
        });
        let client = Client::new(server, "Aladdin", "open sesame");
        let wait = Wait { at_most: Duration::from_secs(20), monitor: &Silent };
        assert_eq!(client.post("/rc/noop", b"{}", wait).and_then(|a| a.bytes(2)).expect("post"), b"ok");
        assert!(client.get("/x", Some((2, 5)), wait).and_then(|a| a.bytes(1)).is_err());
        let heads = serving.join().expect("server");
        assert!(heads[0].contains("Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
        assert!(heads[1].starts_with("GET /x HTTP/1.1\r\nRange: bytes=2-5\r\n"));
    }

    #[test]
    fn a_server_that_says_nothing_is_left_when_somebody_wants_to_stop() {
        /// Wants to stop when it is asked for the third time.
        struct Third(AtomicU32);
        impl Monitor for Third {
            fn progress(&self, _: &Progress) {}
            fn note(&self, _: &str) {}
            fn stopped(&self) -> bool {
                self.0.fetch_add(1, Ordering::SeqCst) >= 2
            }
        }
        // Connections are made by the system and never answered; the second one gets half an answer.
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind");
        let client = Client::new(listener.local_addr().expect("address"), "a", "b");
        let monitor = Third(AtomicU32::new(0));
        let wait = Wait { at_most: Duration::from_secs(3_600), monitor: &monitor };
        assert!(client.post("/x", b"{}", wait).is_err_and(|e| is_stopped(&e)));
        assert_eq!(monitor.0.load(Ordering::SeqCst), 3);
        drop(listener.accept().expect("the first"));
        let half = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accept");
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").expect("write");
            stream
        });
        let monitor = Third(AtomicU32::new(0));
        let mut answer = client.get("/x", None, Wait { at_most: Duration::from_secs(3_600), monitor: &monitor }).expect("a head");
        let mut bytes = Vec::new();
        assert!(answer.read_to_end(&mut bytes).is_err_and(|e| is_stopped(&e)));
        assert_eq!(bytes, b"half");
        drop(half.join().expect("server"));
        // Nobody wants to stop: the time is over.
        let silent = TcpListener::bind(("127.0.0.1", 0)).expect("bind");
        let client = Client::new(silent.local_addr().expect("address"), "a", "b");
        let short = Wait { at_most: Duration::from_millis(20), monitor: &Silent };
        assert!(client.get("/x", None, short).is_err_and(|e| e.kind() == io::ErrorKind::TimedOut));
    }
}
