//! A line to a server on this machine: it counts what is sent, remembers what is asked for, and can be cut or stand still.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

/// Methods of HTTP that begin a request.
const METHODS: [&str; 8] = ["GET", "HEAD", "PUT", "POST", "DELETE", "MKCOL", "PROPFIND", "MOVE"];

/// What the proxy has seen, and when it is to cut.
#[derive(Default)]
struct Line {
    /// Bytes sent to the server so far.
    sent: u64,
    /// At how many bytes it is cut; `None` for never.
    cut_at: Option<u64>,
    down: bool,
    /// Nothing passes towards the server, and nobody is told.
    still: bool,
    /// When the last byte was sent.
    last: Option<Instant>,
    /// Connections over which something was put last.
    puts: usize,
    /// Connections that were made so far.
    connections: usize,
    /// Methods of the HTTP requests so far.
    requests: Vec<&'static str>,
    /// Both ends of all connections, to be closed when it is cut.
    ends: Vec<TcpStream>,
}

/// See the module.
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    line: Arc<(Mutex<Line>, Condvar)>,
}

fn lock(line: &(Mutex<Line>, Condvar)) -> MutexGuard<'_, Line> {
    line.0.lock().unwrap_or_else(|e| e.into_inner())
}

impl Proxy {
    /// Listens for as long as the process lives.
    pub fn to(server: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = listener.local_addr().expect("address").port();
        let line = Arc::new((Mutex::new(Line::default()), Condvar::new()));
        let shared = line.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if lock(&shared).down {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                let (Ok(from_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else { continue };
                lock(&shared).connections += 1;
                if let (Ok(one), Ok(other)) = (client.try_clone(), server.try_clone()) {
                    lock(&shared).ends.extend([one, other]);
                }
                let counted = shared.clone();
                std::thread::spawn(move || carry(from_client, server, Some(&counted)));
                std::thread::spawn(move || carry(from_server, client, None));
            }
        });
        Proxy { port, line }
    }

    pub fn up(&self, cut_after: Option<u64>) {
        let mut line = lock(&self.line);
        line.down = false;
        line.cut_at = cut_after.map(|more| line.sent + more);
    }

    pub fn is_down(&self) -> bool {
        lock(&self.line).down
    }

    pub fn sent(&self) -> u64 {
        lock(&self.line).sent
    }

    /// From now on nothing passes any more, or everything again.
    pub fn stand_still(&self, still: bool) {
        lock(&self.line).still = still;
        self.line.1.notify_all();
    }

    /// When the last byte was sent.
    pub fn last(&self) -> Option<Instant> {
        lock(&self.line).last
    }

    /// Waits until more than so many bytes were sent.
    pub fn until_sent(&self, bytes: u64) {
        drop(self.line.1.wait_while(lock(&self.line), |line| line.sent <= bytes));
    }

    /// Waits until nothing is being put: each such connection has ended or asks for something else.
    pub fn until_nothing_is_put(&self) {
        drop(self.line.1.wait_while(lock(&self.line), |line| line.puts > 0));
    }

    /// Connections that were made so far.
    pub fn connections(&self) -> usize {
        lock(&self.line).connections
    }

    /// The methods of the HTTP requests since this was asked last, in the order in which they were made.
    pub fn take_requests(&self) -> Vec<&'static str> {
        std::mem::take(&mut lock(&self.line).requests)
    }
}

/// Carries bytes one way until either end is gone, counting and cutting where there is a counter.
fn carry(mut from: TcpStream, mut to: TcpStream, counter: Option<&(Mutex<Line>, Condvar)>) {
    let mut block = vec![0; 16 << 10];
    let mut puts = false;
    while let Ok(n @ 1..) = from.read(&mut block) {
        let mut pass = n;
        if let Some(counter) = counter {
            let still = |line: &mut Line| line.still && !line.down;
            let mut line = counter.1.wait_while(lock(counter), still).unwrap_or_else(|e| e.into_inner());
            if line.down {
                break;
            }
            if let Some(at) = line.cut_at.filter(|at| line.sent + n as u64 >= *at) {
                pass = (at - line.sent) as usize;
                line.down = true;
            }
            line.sent += pass as u64;
            line.last = Some(Instant::now());
            // A client waits for an answer before it asks again, so that a request begins a block.
            let begins = |method: &&&str| block[..n].strip_prefix(method.as_bytes()).is_some_and(|rest| rest.starts_with(b" /"));
            if let Some(method) = METHODS.iter().find(begins) {
                line.requests.push(method);
                line.puts -= usize::from(puts);
                puts = *method == "PUT";
                line.puts += usize::from(puts);
            }
            counter.1.notify_all();
        }
        if to.write_all(&block[..pass]).is_err() {
            break;
        }
        if pass < n {
            break;
        }
    }
    let mut cut = Vec::new();
    if let Some(counter) = counter {
        let mut line = lock(counter);
        line.puts -= usize::from(puts);
        if line.down {
            cut = std::mem::take(&mut line.ends);
        }
        counter.1.notify_all();
    }
    for end in cut.into_iter().chain([from, to]) {
        // Closed already, which is as good.
        let _ = end.shutdown(Shutdown::Both);
    }
}
