//! The messages of PostgreSQL's logical decoding plugin `pgoutput`, protocol version 1, as `pg_logical_slot_peek_binary_changes` gives them.
//!
//! Source: PostgreSQL documentation, "Logical Replication Message Formats"
//! (<https://www.postgresql.org/docs/current/protocol-logicalrep-message-formats.html>). Integers are big-endian. Values travel as text in the
//! form of the type's output function. Everything is bounded by the message it stands in; nothing is believed.

use std::fmt;

use crate::base::codec::Reader;
use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::base::time::Timestamp;

/// Microseconds from 1970 to 2000, where PostgreSQL's times begin.
const EPOCH_2000: i64 = 946_684_800_000_000;
const WHAT: &str = "a message of pgoutput";
/// Begins a Relation message.
const RELATION: u8 = b'R';

/// A place in PostgreSQL's write-ahead log, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lsn(pub u64);

impl Lsn {
    /// Reads PostgreSQL's form, two hexadecimal numbers: `16/B374D848`.
    pub fn parse(text: &str) -> Result<Self> {
        let parts = text.split_once('/').and_then(|(high, low)| Some((u32::from_str_radix(high, 16).ok()?, u32::from_str_radix(low, 16).ok()?)));
        let (high, low) = parts.ok_or_else(|| Error::damaged(format_args!("a place in the write-ahead log: {text:?}")))?;
        Ok(Lsn(u64::from(high) << 32 | u64::from(low)))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 as u32)
    }
}

/// A column as a Relation message describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// It is part of the replica identity.
    pub key: bool,
    /// Its name.
    pub name: String,
    /// The type.
    pub type_oid: u32,
    /// The type's modifier (`atttypmod`), -1 where none.
    pub modifier: i32,
}

/// A table as it was when the rows that follow were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// What row messages call it.
    pub id: u32,
    /// The schema; empty stands for `pg_catalog`.
    pub namespace: String,
    /// The table.
    pub name: String,
    /// `REPLICA IDENTITY`: `d` default, `n` nothing, `f` full, `i` index.
    pub identity: u8,
    /// The columns that are published.
    pub columns: Vec<Column>,
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// NULL.
    Null,
    /// A large value that was not changed and therefore is not here.
    Unchanged,
    /// As the type's output function prints it, in the encoding of the connection.
    Text(Vec<u8>),
}

/// The values of a row in the order of the relation's columns.
pub type Tuple = Vec<Value>;

/// What an update or a deletion says of the row before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Before {
    /// Only the columns of the replica identity; the others are NULL.
    Key(Tuple),
    /// The whole row (`REPLICA IDENTITY FULL`).
    Full(Tuple),
}

impl Before {
    /// The values.
    pub fn tuple(&self) -> &Tuple {
        match self {
            Before::Key(tuple) | Before::Full(tuple) => tuple,
        }
    }
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A transaction begins.
    Begin {
        /// Where its commit record stands.
        commit: Lsn,
        /// When it was committed.
        time: Timestamp,
        /// Its number.
        xid: u32,
    },
    /// The transaction that began is complete.
    Commit {
        /// Where its commit record stands.
        commit: Lsn,
        /// Where that record ends: what may be forgotten when the transaction is recorded.
        end: Lsn,
        /// When it was committed.
        time: Timestamp,
    },
    /// The transaction was replicated to this server from elsewhere.
    Origin {
        /// Where it came from.
        name: String,
    },
    /// What a table is, before its first row and after it changed.
    Relation(Relation),
    /// What a type is called, before the first table that uses it.
    Type {
        /// The type.
        oid: u32,
        /// The schema.
        namespace: String,
        /// The name.
        name: String,
    },
    /// A row was added.
    Insert {
        /// The table.
        relation: u32,
        /// The row.
        row: Tuple,
    },
    /// A row was changed.
    Update {
        /// The table.
        relation: u32,
        /// The row before; `None` where its identity did not change.
        before: Option<Before>,
        /// The row after.
        row: Tuple,
    },
    /// A row was removed.
    Delete {
        /// The table.
        relation: u32,
        /// The row.
        before: Before,
    },
    /// Tables were emptied.
    Truncate {
        /// The tables.
        relations: Vec<u32>,
    },
    /// A program spoke: `pg_logical_emit_message`.
    Logical {
        /// It is part of the transaction.
        transactional: bool,
        /// Whom it is for.
        prefix: String,
        /// What it says.
        content: Vec<u8>,
    },
}

fn u16_of(r: &mut Reader<'_>) -> Result<u16> {
    Ok(u16::from_be_bytes(r.array()?))
}

fn u32_of(r: &mut Reader<'_>) -> Result<u32> {
    Ok(u32::from_be_bytes(r.array()?))
}

fn lsn(r: &mut Reader<'_>) -> Result<Lsn> {
    Ok(Lsn(u64::from_be_bytes(r.array()?)))
}

fn time(r: &mut Reader<'_>) -> Result<Timestamp> {
    Ok(Timestamp(i64::from_be_bytes(r.array()?).saturating_add(EPOCH_2000)))
}

/// Text up to a byte 0. Names of PostgreSQL are at most 63 bytes; prefixes of messages may be longer.
fn text(r: &mut Reader<'_>) -> Result<String> {
    let mut bytes = Vec::new();
    loop {
        match r.byte()? {
            0 => break,
            _ if bytes.len() >= limits::TEXT_BYTES_MAX => return Err(Error::damaged(WHAT)),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| Error::damaged("text of pgoutput that is not UTF-8"))
}

fn tuple(r: &mut Reader<'_>) -> Result<Tuple> {
    let count = usize::from(u16_of(r)?);
    // Each value takes at least a byte, so the count cannot make us reserve more than the message is long.
    let mut values = Vec::with_capacity(count.min(r.remaining()));
    for _ in 0..count {
        values.push(match r.byte()? {
            b'n' => Value::Null,
            b'u' => Value::Unchanged,
            b't' => {
                let len = u32_of(r)? as usize;
                Value::Text(r.take(len)?.to_vec())
            }
            _ => return Err(Error::damaged("a value of pgoutput that is neither NULL, unchanged nor text")),
        });
    }
    Ok(values)
}

fn before(kind: u8, r: &mut Reader<'_>) -> Result<Before> {
    match kind {
        b'K' => Ok(Before::Key(tuple(r)?)),
        b'O' => Ok(Before::Full(tuple(r)?)),
        _ => Err(Error::damaged(WHAT)),
    }
}

fn expect(r: &mut Reader<'_>, byte: u8) -> Result<()> {
    if r.byte()? == byte { Ok(()) } else { Err(Error::damaged(WHAT)) }
}

fn relation(r: &mut Reader<'_>) -> Result<Relation> {
    let (id, namespace, name, identity) = (u32_of(r)?, text(r)?, text(r)?, r.byte()?);
    if !b"dnfi".contains(&identity) {
        return Err(Error::damaged(WHAT));
    }
    let count = usize::from(u16_of(r)?);
    let mut columns = Vec::with_capacity(count.min(r.remaining()));
    for _ in 0..count {
        let (flags, name, type_oid) = (r.byte()?, text(r)?, u32_of(r)?);
        columns.push(Column { key: flags & 1 != 0, name, type_oid, modifier: i32::from_be_bytes(r.array()?) });
    }
    Ok(Relation { id, namespace, name, identity, columns })
}

/// Whether a message describes a table.
pub fn is_relation(message: &[u8]) -> bool {
    message.first() == Some(&RELATION)
}

impl Message {
    /// Reads one message; all of `bytes` must be used up.
    ///
    /// # Errors
    /// [`Error::damaged`] for anything that protocol version 1 does not have.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let mut r = Reader::new(bytes, WHAT);
        let message = match r.byte()? {
            b'B' => Message::Begin { commit: lsn(&mut r)?, time: time(&mut r)?, xid: u32_of(&mut r)? },
            b'C' => {
                expect(&mut r, 0)?;
                Message::Commit { commit: lsn(&mut r)?, end: lsn(&mut r)?, time: time(&mut r)? }
            }
            b'O' => {
                lsn(&mut r)?;
                Message::Origin { name: text(&mut r)? }
            }
            RELATION => Message::Relation(relation(&mut r)?),
            b'Y' => Message::Type { oid: u32_of(&mut r)?, namespace: text(&mut r)?, name: text(&mut r)? },
            b'I' => {
                let relation = u32_of(&mut r)?;
                expect(&mut r, b'N')?;
                Message::Insert { relation, row: tuple(&mut r)? }
            }
            b'U' => {
                let relation = u32_of(&mut r)?;
                let before = match r.byte()? {
                    b'N' => None,
                    kind => {
                        let before = before(kind, &mut r)?;
                        expect(&mut r, b'N')?;
                        Some(before)
                    }
                };
                Message::Update { relation, before, row: tuple(&mut r)? }
            }
            b'D' => {
                let (relation, kind) = (u32_of(&mut r)?, r.byte()?);
                Message::Delete { relation, before: before(kind, &mut r)? }
            }
            b'T' => {
                let (count, _options) = (u32_of(&mut r)? as usize, r.byte()?);
                if count > r.remaining() / 4 {
                    return Err(Error::damaged(WHAT));
                }
                Message::Truncate { relations: (0..count).map(|_| u32_of(&mut r)).collect::<Result<_>>()? }
            }
            b'M' => {
                let transactional = r.byte()? & 1 != 0;
                lsn(&mut r)?;
                let prefix = text(&mut r)?;
                let len = u32_of(&mut r)? as usize;
                Message::Logical { transactional, prefix, content: r.take(len)?.to_vec() }
            }
            _ => return Err(Error::damaged(WHAT)),
        };
        r.finish()?;
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cstr(out: &mut Vec<u8>, text: &str) {
        out.extend_from_slice(text.as_bytes());
        out.push(0);
    }

    fn put_tuple(out: &mut Vec<u8>, tuple: &Tuple) {
        out.extend_from_slice(&(tuple.len() as u16).to_be_bytes());
        for value in tuple {
            match value {
                Value::Null => out.push(b'n'),
                Value::Unchanged => out.push(b'u'),
                Value::Text(text) => {
                    out.push(b't');
                    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
                    out.extend_from_slice(text);
                }
            }
        }
    }

    fn put_before(out: &mut Vec<u8>, before: &Before) {
        out.push(if matches!(before, Before::Key(_)) { b'K' } else { b'O' });
        put_tuple(out, before.tuple());
    }

    /// What PostgreSQL would send.
    fn bytes_of(message: &Message) -> Vec<u8> {
        let mut out = Vec::new();
        let time = |t: &Timestamp| (t.0 - EPOCH_2000).to_be_bytes();
        match message {
            Message::Begin { commit, time: at, xid } => {
                out.push(b'B');
                out.extend([&commit.0.to_be_bytes()[..], &time(at), &xid.to_be_bytes()].concat());
            }
            Message::Commit { commit, end, time: at } => {
                out.extend([&b"C\0"[..], &commit.0.to_be_bytes(), &end.0.to_be_bytes(), &time(at)].concat());
            }
            Message::Origin { name } => {
                out.extend([&b"O"[..], &[0; 8]].concat());
                cstr(&mut out, name);
            }
            Message::Relation(r) => {
                out.push(b'R');
                out.extend(r.id.to_be_bytes());
                cstr(&mut out, &r.namespace);
                cstr(&mut out, &r.name);
                out.push(r.identity);
                out.extend((r.columns.len() as u16).to_be_bytes());
                for c in &r.columns {
                    out.push(u8::from(c.key));
                    cstr(&mut out, &c.name);
                    out.extend(c.type_oid.to_be_bytes());
                    out.extend(c.modifier.to_be_bytes());
                }
            }
            Message::Type { oid, namespace, name } => {
                out.push(b'Y');
                out.extend(oid.to_be_bytes());
                cstr(&mut out, namespace);
                cstr(&mut out, name);
            }
            Message::Insert { relation, row } => {
                out.push(b'I');
                out.extend(relation.to_be_bytes());
                out.push(b'N');
                put_tuple(&mut out, row);
            }
            Message::Update { relation, before, row } => {
                out.push(b'U');
                out.extend(relation.to_be_bytes());
                before.iter().for_each(|b| put_before(&mut out, b));
                out.push(b'N');
                put_tuple(&mut out, row);
            }
            Message::Delete { relation, before } => {
                out.push(b'D');
                out.extend(relation.to_be_bytes());
                put_before(&mut out, before);
            }
            Message::Truncate { relations } => {
                out.push(b'T');
                out.extend((relations.len() as u32).to_be_bytes());
                out.push(1);
                relations.iter().for_each(|r| out.extend(r.to_be_bytes()));
            }
            Message::Logical { transactional, prefix, content } => {
                out.extend([&[b'M', u8::from(*transactional)][..], &[0; 8]].concat());
                cstr(&mut out, prefix);
                out.extend((content.len() as u32).to_be_bytes());
                out.extend_from_slice(content);
            }
        }
        out
    }

    fn any_tuple() -> impl Strategy<Value = Tuple> {
        let value = prop_oneof![Just(Value::Null), Just(Value::Unchanged), proptest::collection::vec(any::<u8>(), 0..20).prop_map(Value::Text)];
        proptest::collection::vec(value, 0..6)
    }

    fn any_before() -> impl Strategy<Value = Before> {
        prop_oneof![any_tuple().prop_map(Before::Key), any_tuple().prop_map(Before::Full)]
    }

    fn any_message() -> impl Strategy<Value = Message> {
        let time = (0i64..4_000_000_000_000_000).prop_map(Timestamp);
        let column = (any::<bool>(), "[a-zæ]{1,8}", any::<u32>(), any::<i32>()).prop_map(|(key, name, type_oid, modifier)| Column {
            key,
            name,
            type_oid,
            modifier,
        });
        let relation = (any::<u32>(), "[a-z]{0,8}", "[a-z ]{1,8}", 0..4usize, proptest::collection::vec(column, 0..5))
            .prop_map(|(id, namespace, name, identity, columns)| Relation { id, namespace, name, identity: b"dnfi"[identity], columns });
        prop_oneof![
            (any::<u64>(), time.clone(), any::<u32>()).prop_map(|(l, time, xid)| Message::Begin { commit: Lsn(l), time, xid }),
            (any::<u64>(), any::<u64>(), time).prop_map(|(l, e, time)| Message::Commit { commit: Lsn(l), end: Lsn(e), time }),
            "[a-z]{0,9}".prop_map(|name| Message::Origin { name }),
            relation.prop_map(Message::Relation),
            (any::<u32>(), "[a-z]{0,5}", "[a-z]{0,5}").prop_map(|(oid, namespace, name)| Message::Type { oid, namespace, name }),
            (any::<u32>(), any_tuple()).prop_map(|(relation, row)| Message::Insert { relation, row }),
            (any::<u32>(), proptest::option::of(any_before()), any_tuple()).prop_map(|(relation, before, row)| Message::Update {
                relation,
                before,
                row
            }),
            (any::<u32>(), any_before()).prop_map(|(relation, before)| Message::Delete { relation, before }),
            proptest::collection::vec(any::<u32>(), 0..5).prop_map(|relations| Message::Truncate { relations }),
            (any::<bool>(), "[a-z]{0,5}", proptest::collection::vec(any::<u8>(), 0..20))
                .prop_map(|(transactional, prefix, content)| Message::Logical { transactional, prefix, content }),
        ]
    }

    proptest! {
        #[test]
        fn messages_round_trip_and_cut_ones_are_damage(message in any_message(), cut in any::<prop::sample::Index>()) {
            let bytes = bytes_of(&message);
            prop_assert_eq!(Message::parse(&bytes).expect("parsed"), message);
            prop_assert!(Message::parse(&bytes[..cut.index(bytes.len())]).is_err());
            prop_assert!(Message::parse(&[&bytes[..], b"x"].concat()).is_err());
        }

        #[test]
        fn any_bytes_are_read_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 1..80), kind in 0..10usize) {
            bytes[0] = b"BCORYIUDTM"[kind];
            let _ = Message::parse(&bytes);
        }

        #[test]
        fn places_round_trip(n in any::<u64>()) {
            prop_assert_eq!(Lsn::parse(&Lsn(n).to_string()).expect("parsed"), Lsn(n));
        }
    }

    #[test]
    fn claims_of_great_lengths_are_refused_before_memory_is_taken() {
        assert!(Message::parse(b"T\xff\xff\xff\xff\0").is_err());
        assert!(Message::parse(b"I\0\0\0\x01N\0\x01t\xff\xff\xff\xff").is_err());
        assert!(Lsn::parse("16").is_err());
        assert!(Lsn::parse("100000000/0").is_err());
    }
}
