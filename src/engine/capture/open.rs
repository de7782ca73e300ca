//! A captured database that is open for writing, whatever database it is: what giving rows back and realigning ask of it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::engine::plans::By;
use crate::engine::record::Receipt;
use crate::engine::store::{Inner, Tenant};
use crate::format::json::put_string;
use crate::model::change::Cause;
use crate::model::key::show_key;
use crate::storage::source::outcome::Outcome;

use super::behind::Behind;
use super::written::{RowDifference, Written};

/// Key of the schema below a prefix.
pub(super) const SCHEMA: &[u8] = b".schema";
/// Key of the base image below a prefix.
pub(super) const IMAGE: &[u8] = b".image";
/// Name of the directory of the store where is what captures keep beside the log.
const CAPTURES: &str = "captures";

/// A row on its way into the database.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// The document.
    pub key: Vec<u8>,
    /// The row as JSON that it is to be; `None`: it goes.
    pub wanted: Option<Vec<u8>>,
    /// The row as JSON that the database should have now.
    pub known: Option<Vec<u8>>,
}

/// Rows that a rule of the database forbids, by key, with its words.
pub(super) type Forbidden = Vec<(Vec<u8>, String)>;

/// What became of wishes.
#[derive(Debug, Default)]
pub(super) struct Granted {
    /// The documents whose rows are as they should be now.
    pub done: HashSet<Vec<u8>>,
    /// Those that stay as they are.
    pub forbidden: Forbidden,
}

/// Whose work a transaction is that we wrote ourselves.
#[derive(Debug, Clone)]
pub(super) struct Credit {
    /// Who and why.
    pub by: By,
    /// What the batch is.
    pub cause: Cause,
    /// The caller's id of the request, by which the batch is found again; empty: none.
    pub request: String,
    /// The documents that it changes, with the rows as JSON that they become; `None`: it goes.
    pub rows: HashMap<Vec<u8>, Option<Vec<u8>>>,
}

/// What a realignment has to know of a table.
#[derive(Debug, Clone)]
pub(super) struct TableFacts {
    /// The beginning of its rows' keys below the prefix, with the slash.
    pub key: Vec<u8>,
    /// The name by which people and the configuration know it.
    pub name: String,
    /// Its key, where that is one column.
    pub key_column: Option<String>,
}

/// A column that names a row of another table.
#[derive(Debug, Clone)]
pub(super) struct ForeignKey {
    /// The column.
    pub column: String,
    /// The other table, named as in [`TableFacts::name`].
    pub parent: String,
    /// The column there; empty: its key.
    pub to: String,
}

/// The batches that a realignment became.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct RealignedBatches {
    /// The database as it was found.
    pub found: Option<u64>,
    /// What was made of it.
    pub made: Option<u64>,
}

/// A captured database that one transaction of ours may change. Dropped before a commit, nothing happened to it.
pub(super) trait OpenDatabase {
    /// Brings the history up to what is committed in the database.
    fn catch_up(&mut self) -> Result<()>;

    /// Writes rows: as many as the rules of the database allow.
    fn give(&mut self, wishes: Vec<Wish>) -> Result<Granted>;

    /// Commits, and records what was given as the work of `credit`. Where a rule that is checked at the end is violated, nothing has happened.
    fn commit(&mut self, credit: Credit) -> Result<std::result::Result<Option<Receipt>, String>>;

    /// Brings the history up to now, and says where the database stands if it is no continuation of it. From then on nobody else writes to it.
    /// `to_write` says that it will be realigned, and not only looked at.
    fn hold(&mut self, to_write: bool) -> Result<Option<Behind>>;

    /// The rows that differ from the history, in order of key.
    fn differences(&mut self) -> Result<Vec<RowDifference>>;

    /// Refuses where the tables are defined otherwise than in the history.
    fn refuse_other_schema(&mut self, fork: u64) -> Result<()>;

    /// The tables of the history.
    fn tables(&mut self) -> Result<Vec<TableFacts>>;

    /// The highest number in a column, or that its counter gave out; 0 where there is none.
    fn highest(&mut self, table: &TableFacts, column: &str) -> Result<i64>;

    /// Columns of a table that name rows of others.
    fn foreign_keys(&mut self, table: &TableFacts) -> Result<Vec<ForeignKey>>;

    /// The document of the row of `table` whose key is the number.
    fn numbered_key(&mut self, table: &TableFacts, number: i64) -> Result<Vec<u8>>;

    /// The answer to a statement of an administrator that reads: the first column of the first row, as text.
    fn answer(&mut self, sql: &str) -> Result<String>;

    /// Runs one statement of an administrator that changes rows. Gives how many it changed.
    fn change(&mut self, sql: &str) -> Result<u64>;

    /// Records a realignment as two batches; with `write`, after what was given and changed is committed in the database.
    fn realign(&mut self, written: Written, write: bool) -> Result<RealignedBatches>;
}

/// What wishes mean in a database, by key, and those that cannot be written, as `gift` says it of each.
#[expect(clippy::type_complexity, reason = "a pair of lists, which nobody keeps")]
pub(super) fn gifts<G>(
    wishes: Vec<Wish>,
    gift: &mut dyn FnMut(&Wish) -> Result<std::result::Result<G, String>>,
) -> Result<(Vec<(Vec<u8>, G)>, Forbidden)> {
    let (mut fit, mut unfit) = (Vec::with_capacity(wishes.len()), Vec::new());
    for wish in wishes {
        match gift(&wish)? {
            Ok(gift) => fit.push((wish.key, gift)),
            Err(why) => unfit.push((wish.key, why)),
        }
    }
    Ok((fit, unfit))
}

/// Writes rows one by one. A row may need another one that comes later: as long as something succeeds, the rest is tried again.
pub(super) fn settle<G>(gifts: Vec<(Vec<u8>, G)>, write: &mut dyn FnMut(&G) -> Result<Outcome>) -> Result<Granted> {
    let mut granted = Granted::default();
    let mut gifts = gifts;
    loop {
        let before = gifts.len();
        let mut left = Vec::new();
        for (key, gift) in gifts {
            match write(&gift)? {
                Outcome::Done => drop(granted.done.insert(key)),
                Outcome::Forbidden(why) => left.push((key, gift, why)),
            }
        }
        if left.is_empty() || left.len() == before {
            granted.forbidden = left.into_iter().map(|(key, _, why)| (key, why)).collect();
            return Ok(granted);
        }
        gifts = left.into_iter().map(|(key, gift, _)| (key, gift)).collect();
    }
}

/// Splits the name of a row below its prefix into that of its table, with the slash, and the text of its key.
pub(super) fn split(name: &[u8]) -> (&[u8], &[u8]) {
    name.split_at(name.iter().position(|b| *b == b'/').map_or(name.len(), |at| at + 1))
}

/// What the capture under `prefix` is called where people do not look.
pub(super) fn id_of(tenant: &Tenant, prefix: &[u8]) -> String {
    Digest::of(&[tenant.public.as_bytes(), prefix].concat()).short(32)
}

/// The directory in which a capture keeps what is not in the log.
pub(super) fn directory(inner: &Inner, id: &str) -> PathBuf {
    inner.dir.join(CAPTURES).join(id)
}

/// Why nothing can be given or realigned.
pub(super) fn no_capture(prefix: &[u8]) -> Error {
    Error::missing("capture.none", format!("no database was captured under {}", show_key(prefix))).hint("annals status shows the captured databases")
}

/// A realignment that a rule of the database does not allow.
pub(super) fn forbidden(what: &str) -> Error {
    Error::new(Kind::Refused, "realign.forbidden", format!("the database does not allow {what}"))
        .hint("nothing was changed; save the plan with --plan FILE and decide about such rows (resolution ours or theirs), or choose --keep")
}

/// Tables that are defined otherwise than in the history; `example` names one, where one is known.
pub(super) fn other_schema(fork: u64, example: &str) -> Error {
    Error::new(Kind::Refused, "realign.schema", format!("the database and its history are defined differently{example}"))
        .hint("let the application bring this database to the version that it had (its own migration), then realign; nothing was changed")
        .at_seq(fork)
}

/// The fields of a row in their order, each as its JSON.
struct Fields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a row")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        from.deserialize_map(InOrder)
    }
}

/// Whether a row is what is wanted of it. A column that the wanted row does not know came later, and may hold anything.
pub(super) fn is_so(row: Option<&[u8]>, wanted: Option<&[u8]>) -> bool {
    let (Some(row), Some(wanted)) = (row, wanted) else { return row.is_none() && wanted.is_none() };
    let (Ok(Fields(has)), Ok(Fields(wants))) = (serde_json::from_slice(row), serde_json::from_slice(wanted)) else { return row == wanted };
    let has: HashMap<&str, &str> = has.iter().map(|(name, value)| (name.as_str(), value.get())).collect();
    wants.iter().all(|(name, value)| has.get(name.as_str()) == Some(&value.get()))
}

/// The whole number in a column of a row; `None` where there is no such column, or something else in it.
pub(super) fn number_in(json: &[u8], column: &str) -> Option<i64> {
    let Fields(fields) = serde_json::from_slice(json).ok()?;
    fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(column))?.1.get().parse().ok()
}

/// The row with another number in a column; the rest of its text stays as it is.
pub(super) fn with_number(json: &[u8], column: &str, number: i64) -> Result<Vec<u8>> {
    let Fields(fields) = serde_json::from_slice(json).map_err(|e| Error::damaged("a recorded row").caused_by(e))?;
    let mut out = String::from("{");
    for (i, (name, value)) in fields.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        put_string(&mut out, name);
        out.push(':');
        match name.eq_ignore_ascii_case(column) {
            true => out.push_str(&number.to_string()),
            false => out.push_str(value.get()),
        }
    }
    out.push('}');
    Ok(out.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_changed_and_nothing_else() {
        let row = br#"{"z":1.50,"Id":7,"a\n":{"$blob":"AA=="}}"#;
        assert_eq!((number_in(row, "id"), number_in(row, "z"), number_in(row, "no")), (Some(7), None, None));
        assert_eq!(with_number(row, "id", -8).expect("row"), br#"{"z":1.50,"Id":-8,"a\n":{"$blob":"AA=="}}"#);
        assert!(with_number(b"[]", "id", 1).is_err());
    }

    #[test]
    fn a_row_is_so_whatever_stands_in_columns_that_came_later() {
        let wanted = br#"{"id":1,"name":"pear"}"#;
        let is = |row: &[u8]| is_so(Some(row), Some(wanted));
        assert!(is(wanted) && is(br#"{"id":1,"extra":7,"name":"pear"}"#));
        assert!(!is(br#"{"id":1,"name":"plum"}"#) && !is(br#"{"id":1}"#));
        assert!(is_so(None, None) && !is_so(None, Some(wanted)) && !is_so(Some(wanted), None));
    }

    #[test]
    fn what_needs_another_row_is_tried_again_and_the_rest_is_named() {
        let mut there = HashSet::from([0]);
        let gifts = [3, 9, 2, 1].map(|n| (vec![n], n)).to_vec();
        let granted = settle(gifts, &mut |n| {
            let fits = there.contains(&(n - 1));
            there.extend(fits.then_some(*n));
            Ok(if fits { Outcome::Done } else { Outcome::Forbidden(format!("{n} hangs in the air")) })
        });
        let granted = granted.expect("settled");
        assert_eq!(granted.done, HashSet::from([vec![1], vec![2], vec![3]]));
        assert_eq!(granted.forbidden, [(vec![9], "9 hangs in the air".to_owned())]);
    }

    #[test]
    fn names_of_rows_have_a_table_and_a_key() {
        assert_eq!((split(b"item/4711"), split(b".schema")), ((&b"item/"[..], &b"4711"[..]), (&b".schema"[..], &b""[..])));
    }
}
