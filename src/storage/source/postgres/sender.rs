//! A slot that the server sends as it is committed: every change is decoded once, and the server keeps what it knows of the catalogue.
//!
//! Source: PostgreSQL documentation, "Streaming Replication Protocol" (<https://www.postgresql.org/docs/current/protocol-replication.html>). What
//! was sent is kept by the server until it is confirmed, as for [`Server::peek`]; a connection that is lost begins again from there.

use std::time::{Duration, Instant};

use bytes::{BufMut, BytesMut};
use postgres::fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::{DataRowBody, Message};
use postgres_protocol::message::frontend::{self, CopyData};

use super::wire::{Wire, cut, said};
use super::{Address, Login, SESSION, Server, failed, quoted};
use crate::base::codec::Reader;
use crate::base::error::{Error, Kind, Result};
use crate::base::fault;
use crate::format::pgoutput::Lsn;

/// A change, with where it stands in the log and the server's time before it.
const CHANGE: u8 = b'w';
const CHANGE_HEAD: usize = 1 + 3 * 8;
/// What is done with it, for people.
const WHAT: &str = "read the replication slot";
/// How far the server is.
const ALIVE: u8 = b'k';
/// How far we are.
const CONFIRMED: u8 = b'r';
/// How often the server hears from us, at least; it lets go of who is silent for a minute, unless it was told otherwise.
const HEARD_EVERY: Duration = Duration::from_secs(1);
/// How long the server may take to end what it sends.
const END_WAIT: Duration = Duration::from_secs(2);

/// A slot that is being sent.
pub struct Sender {
    wire: Wire,
    /// Every transaction that was committed before this place was sent.
    sent: Lsn,
    confirmed: Lsn,
    frames: u64,
    /// When the server heard from us last.
    heard: Instant,
}

impl Server {
    /// Has the server send what is committed and not confirmed, and what is committed from now on. Nobody else can read the slot meanwhile.
    ///
    /// # Errors
    /// `source.unreachable`, `source.denied`, `source.busy`; others where the server does not do this, for example because something stands between
    /// that passes on questions only.
    pub fn send(&mut self, address: &Address, slot: &str, publication: &str) -> Result<Sender> {
        let text = "SELECT session_user::text, current_database()::text, (SELECT system_identifier::text FROM pg_control_system())";
        let row = self.client.query_one(text, &[]).map_err(|e| failed("ask who the server is", e))?;
        let mut login = Login::of(address)?;
        (login.user, login.database) = (row.get(0), row.get(1));
        let mut wire = Wire::connect(&login, &[("replication", "database")])?;
        // An address can name several servers.
        let system = wire.run("ask who the server is", "IDENTIFY_SYSTEM")?;
        if system.as_ref().and_then(first_of) != Some(row.get::<_, &str>(2).as_bytes()) {
            return Err(Error::new(Kind::Failed, "source.unfit", "the address leads to several servers"));
        }
        wire.run("set up the session", SESSION)?;
        let messages = if self.has_messages() { ", messages 'true'" } else { "" };
        let publications = self.publications(publication).replace('\'', "''");
        let text = format!("START_REPLICATION SLOT {} LOGICAL 0/0 (proto_version '1', publication_names '{publications}'{messages})", quoted(slot));
        wire.copy_both("have the replication slot sent", &text)?;
        Ok(Sender { wire, sent: Lsn(0), confirmed: Lsn(0), frames: 0, heard: Instant::now() })
    }
}

/// The first value of a row.
fn first_of(row: &DataRowBody) -> Option<&[u8]> {
    let range = row.ranges().next().ok().flatten().flatten()?;
    row.buffer().get(range)
}

impl Sender {
    /// Every transaction that was committed before this place was sent.
    pub fn sent(&self) -> Lsn {
        self.sent
    }

    /// How many messages came, among them those that only say how far the server is: it sends at least one each time that it is woken.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Calls `each` with the messages that are here, whole transactions in the order of their commits; where none is, waits so long at most.
    /// Whether anything came.
    ///
    /// # Errors
    /// `source.unreachable`, [`Kind::Failed`] for what no server sends, those of `each`. No more can be read after one.
    pub fn read(&mut self, wait: Duration, each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<bool> {
        let mut came = false;
        loop {
            while let Some(message) = self.wire.waiting()? {
                came = true;
                match message {
                    Message::CopyData(body) => self.take(body.data(), each)?,
                    Message::ErrorResponse(body) => return Err(said(WHAT, &body)),
                    Message::NoticeResponse(_) | Message::ParameterStatus(_) => {}
                    _ => return Err(cut(std::io::ErrorKind::UnexpectedEof.into())),
                }
            }
            if came || !self.wire.fill(wait)? {
                return Ok(came);
            }
        }
    }

    fn take(&mut self, data: &[u8], each: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.frames += 1;
        match data.first() {
            Some(&CHANGE) if data.len() >= CHANGE_HEAD => each(&data[CHANGE_HEAD..]),
            Some(&ALIVE) => {
                let mut reader = Reader::new(&data[1..], "how far the server is");
                let (sent, _, asks) = (Lsn(u64::from_be_bytes(reader.array()?)), reader.take(8)?, reader.byte()?);
                self.sent = self.sent.max(sent);
                if asks != 0 { self.tell(false) } else { Ok(()) }
            }
            _ => Err(Error::damaged("what the server sends of a replication slot")),
        }
    }

    /// Lets the server forget what comes before `to`, and tells it that we are there.
    pub fn confirm(&mut self, to: Lsn) -> Result<()> {
        if to > self.confirmed {
            fault::point("postgres.advance")?;
            self.confirmed = to;
            return self.tell(false);
        }
        if self.heard.elapsed() >= HEARD_EVERY { self.tell(false) } else { Ok(()) }
    }

    /// Asks the server how far it is; it says so among what it sends.
    pub fn ask(&mut self) -> Result<()> {
        self.tell(true)
    }

    fn tell(&mut self, asks: bool) -> Result<()> {
        let mut text = BytesMut::new();
        text.put_u8(CONFIRMED);
        // Written, durable, applied: for us it is the same.
        (0..3).for_each(|_| text.put_u64(self.confirmed.0));
        // Our time, which the server only shows to people.
        text.put_i64(0);
        text.put_u8(u8::from(asks));
        self.heard = Instant::now();
        self.wire.send(|out| {
            CopyData::new(text)?.write(out);
            Ok(())
        })
    }

    /// Ends it, and waits until the slot can be read by others.
    fn end(&mut self) -> Result<()> {
        self.wire.send(|out| {
            frontend::copy_done(out);
            Ok(())
        })?;
        let until = Instant::now() + END_WAIT;
        while Instant::now() < until {
            // What was on its way is sent again to whoever reads next.
            if let Some(Message::ReadyForQuery(_)) = self.wire.next(END_WAIT)? {
                break;
            }
        }
        self.wire.send(|out| {
            frontend::terminate(out);
            Ok(())
        })
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // A server that is away has ended it.
        let _ = self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;
    use proptest::prelude::*;

    /// A message of the server.
    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        [&[tag][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
    }

    fn alive(sent: u64, asks: u8) -> Vec<u8> {
        message(b'd', &[&[ALIVE][..], &sent.to_be_bytes(), &[0; 8], &[asks]].concat())
    }

    fn change(bytes: &[u8]) -> Vec<u8> {
        message(b'd', &[&[CHANGE][..], &[0; 24], bytes].concat())
    }

    /// What comes of a server that sends these bytes and goes away: the changes, how far it said to be, and the error in the end.
    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Lsn, Error) {
        let (here, mut there) = UnixStream::pair().expect("a pair");
        let mut sender = Sender { wire: Wire::over(here), sent: Lsn(0), confirmed: Lsn(0), frames: 0, heard: Instant::now() };
        there.write_all(bytes).expect("sent");
        drop(there);
        let mut changes = Vec::new();
        loop {
            let read = sender.read(Duration::from_secs(60), &mut |change| {
                changes.push(change.to_vec());
                Ok(())
            });
            if let Err(e) = read {
                return (changes, sender.sent(), e);
            }
        }
    }

    #[test]
    fn changes_come_in_their_order_and_a_server_that_goes_away_is_told() {
        let bytes = [alive(5, 0), change(b"one"), message(b'S', b"a\0b\0"), change(b""), alive(9, 0), alive(7, 0)].concat();
        let (changes, sent, e) = read(&bytes);
        assert_eq!((changes, sent, e.code()), (vec![b"one".to_vec(), Vec::new()], Lsn(9), "source.unreachable"));
        let (changes, _, e) = read(&[&change(b"one")[..], &change(b"two")[..20]].concat());
        assert_eq!((changes.len(), e.code()), (1, "source.unreachable"), "half of one is none");
        let (_, _, e) = read(&message(b'E', b"SERROR\0C57P01\0Mterminating connection\0\0"));
        assert!(e.code() == "source.unreachable" && e.to_string().contains("terminating connection"), "{e}");
        assert_eq!(read(&message(b'c', b"")).2.code(), "source.unreachable", "it ended");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for bytes in [message(b'd', b""), message(b'd', b"x"), message(b'd', b"w12"), message(b'd', &[ALIVE; 9]), vec![b'd', 0, 0, 0, 3]] {
            let (changes, _, e) = read(&bytes);
            assert!(changes.is_empty() && e.kind() == Kind::Failed && e.code() != "source.unreachable", "{bytes:?}: {e}");
        }
        // Nothing is made ready for what is said to come.
        assert!(read(&[b'd', 0xff, 0xff, 0xff, 0xff]).2.code() != "source.unreachable");
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_no_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            whole in any::<bool>(),
            tag in proptest::sample::select(&b"dEcSNwkRZ"[..]),
        ) {
            let bytes = if whole { message(tag, &bytes) } else { bytes };
            let (changes, _, _) = read(&bytes);
            prop_assert!(changes.len() <= 1 + bytes.len() / CHANGE_HEAD);
        }
    }
}
