//! Connections: how many, how long their heads may be and may take, what happens to readers that stall, and the end.

use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;

/// Connections at once; others wait until they are accepted. Browsers open six each.
const CONNECTIONS_MAX: u32 = 256;
/// Bytes: the request line and all headers.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Headers of a request.
const HEADERS_MAX: usize = 64;
/// How long a request's head may take, and how long a connection may wait for its next request.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// How long nothing may be taken of an answer that is being sent.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
/// How long answers may take to come to their end when the agent ends.
pub(super) const GRACE: Duration = Duration::from_secs(2);
/// After a connection could not be accepted, because there are no descriptors left: others end meanwhile.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves `app` until `closing` says that it is over; then requests under way have [`GRACE`] to end.
pub(super) async fn listen(listener: TcpListener, app: Router, mut closing: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX as usize));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN).max_header_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX).half_close(false);
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closed(&mut closing) => break,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (http, app, closing) = (http.clone(), app.clone(), closing.clone());
        tokio::spawn(async move {
            serve(&http, stream, app, closing).await;
            drop(place);
        });
    }
    // New connections are refused from here on.
    drop(listener);
    let _ = timeout(GRACE, places.acquire_many(CONNECTIONS_MAX)).await;
}

/// Waits until it is over.
pub(super) async fn closed(closing: &mut watch::Receiver<bool>) {
    // Whoever would say it being gone says the same.
    let _ = closing.wait_for(|closing| *closing).await;
}

async fn serve(http: &http1::Builder, stream: TcpStream, app: Router, mut closing: watch::Receiver<bool>) {
    // Answers are small or many pieces at once: nothing is gained by waiting for more of them.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(TAKEN_WITHIN));
    let connection = http.serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(app));
    let mut connection = std::pin::pin!(connection);
    // A connection that breaks is its client's business.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = closed(&mut closing) => connection.as_mut().graceful_shutdown(),
    }
    let _ = timeout(GRACE, connection).await;
}
