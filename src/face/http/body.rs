//! Bodies between a line that waits and code that blocks: pieces pass one by one, whatever the whole has.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;

use crate::base::error::{Error, Result};

/// How long a sender may take over the next piece of a body.
const PIECE_WITHIN: Duration = Duration::from_secs(30);
/// Pieces on their way: with the buffers of the connection less than a megabyte for each stream.
const PIECES: usize = 2;

/// What a request sends, as something to read from. A body that ends too early is an error, never a shorter body: its end is told, and where
/// nothing more comes without it, the connection, or the agent, has gone.
pub(in crate::face) struct Upload {
    pieces: mpsc::Receiver<io::Result<Piece>>,
    now: Bytes,
    ended: bool,
    /// Why no more came, where that was not its end.
    broken: Option<String>,
}

enum Piece {
    More(Bytes),
    End,
}

impl Upload {
    /// Takes the body in on this runtime, as fast as it is read; all of it within so long, where that is said.
    pub(super) fn of(body: Body, within: Option<Duration>) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES);
        tokio::spawn(async move {
            let mut body = std::pin::pin!(body);
            let until = within.map(|within| tokio::time::Instant::now() + within);
            loop {
                let next = std::future::poll_fn(|task| body.as_mut().poll_frame(task));
                let late = tokio::time::Instant::now() + PIECE_WITHIN;
                let piece = match tokio::time::timeout_at(until.map_or(late, |until| until.min(late)), next).await {
                    Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it came too slowly")),
                    Ok(None) => Ok(Piece::End),
                    Ok(Some(Err(e))) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, e)),
                    Ok(Some(Ok(frame))) => match frame.into_data() {
                        Ok(piece) => Ok(Piece::More(piece)),
                        // Trailers say nothing to us.
                        Err(_) => continue,
                    },
                };
                let ended = !matches!(piece, Ok(Piece::More(_)));
                if sender.send(piece).await.is_err() || ended {
                    return;
                }
            }
        });
        Upload { pieces, now: Bytes::new(), ended: false, broken: None }
    }

    /// The failure of a request whose body broke off, whatever came of that.
    pub(super) fn broken(&self) -> Option<Error> {
        let why = self.broken.as_ref()?;
        Some(Error::usage("http.body", format!("the body broke off or is not one: {why}")).hint("nothing was changed; send it again"))
    }
}

impl Read for Upload {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.now.is_empty() && !self.ended {
            let gone = || Err(io::Error::new(io::ErrorKind::UnexpectedEof, "whoever took it in has gone"));
            match self.pieces.blocking_recv().unwrap_or_else(gone) {
                Ok(Piece::More(piece)) => self.now = piece,
                Ok(Piece::End) => self.ended = true,
                Err(e) => {
                    self.broken = Some(e.to_string());
                    return Err(e);
                }
            }
        }
        let n = into.len().min(self.now.len());
        into[..n].copy_from_slice(&self.now.split_to(n));
        Ok(n)
    }
}

/// The pieces of an answer, one after the other; an empty one is the end.
type Pieces = Box<dyn FnMut() -> Result<Vec<u8>> + Send>;

/// What an answer holds.
pub(in crate::face) enum Content {
    /// A text, whole.
    Text(String),
    /// This many bytes, piece by piece.
    Pieces(u64, Pieces),
}

/// An answer to a program.
pub(in crate::face) struct Reply {
    /// The status.
    pub(in crate::face) status: u16,
    /// Headers beside the media type.
    pub(in crate::face) headers: Vec<(HeaderName, String)>,
    /// The media type.
    pub(in crate::face) media: String,
    /// The body.
    pub(in crate::face) content: Content,
}

impl Reply {
    /// A JSON text.
    pub(in crate::face) fn json(status: u16, text: String) -> Self {
        Reply { status, headers: Vec::new(), media: "application/json".into(), content: Content::Text(text) }
    }

    /// The same with one more header.
    pub(in crate::face) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// Whether there are pieces still to be sent, for which the caller keeps its turn.
pub(super) fn is_stream(reply: &Reply) -> bool {
    matches!(reply.content, Content::Pieces(..))
}

/// The response; `keep` is dropped when its body was sent or given up.
pub(super) fn respond(reply: Reply, keep: impl Send + 'static) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (len, body) = match reply.content {
        Content::Text(text) => (None, Body::from(text)),
        Content::Pieces(len, mut next) => {
            let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(PIECES);
            tokio::task::spawn_blocking(move || {
                let _keep = keep;
                loop {
                    let piece = match next() {
                        Ok(piece) if piece.is_empty() => return,
                        Ok(piece) => Ok(Bytes::from(piece)),
                        // The connection is cut: the receiver sees that it is not all.
                        Err(e) => Err(io::Error::other(e)),
                    };
                    let ended = piece.is_err();
                    if sender.blocking_send(piece).is_err() || ended {
                        return;
                    }
                }
            });
            (Some(len), Body::new(Download(receiver)))
        }
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&reply.media).unwrap_or(octets));
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    if let Some(len) = len {
        headers.insert(header::CONTENT_LENGTH, len.into());
    }
    response
}

/// Pieces that come from code that blocks, or that waits, as the body of an answer.
pub(super) struct Download(pub(super) mpsc::Receiver<io::Result<Bytes>>);

impl HttpBody for Download {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        task: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<io::Result<http_body::Frame<Bytes>>>> {
        self.0.poll_recv(task).map(|piece| piece.map(|piece| piece.map(http_body::Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime")
    }

    /// A body of which `abc` came, and what the rest of it would be sent with.
    fn begun(runtime: &tokio::runtime::Runtime) -> (Upload, mpsc::Sender<io::Result<Bytes>>) {
        let (sender, receiver) = mpsc::channel(1);
        let _within = runtime.enter();
        let mut upload = Upload::of(Body::new(Download(receiver)), None);
        sender.blocking_send(Ok(Bytes::from_static(b"abc"))).expect("sent");
        let mut begin = [0; 3];
        upload.read_exact(&mut begin).expect("the beginning");
        assert_eq!(&begin, b"abc");
        (upload, sender)
    }

    #[test]
    fn only_the_end_of_a_body_is_its_end() {
        let (whole, broken) = (runtime(), runtime());
        let (mut upload, sender) = begun(&whole);
        drop(sender);
        assert_eq!(upload.read(&mut [0; 8]).expect("the end"), 0);
        assert!(upload.broken().is_none());
        let (mut upload, sender) = begun(&broken);
        sender.blocking_send(Err(io::Error::other("cut"))).expect("sent");
        assert!(upload.read(&mut [0; 8]).is_err());
        assert_eq!(upload.broken().expect("a reason").code(), "http.body");
        // Where whoever took it in is gone, as when the agent ends, nothing says that it was all.
        let (mut upload, _sender) = begun(&broken);
        drop(broken);
        assert!(upload.read(&mut [0; 8]).is_err());
    }
}
