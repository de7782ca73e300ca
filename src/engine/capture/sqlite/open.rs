//! A captured SQLite database that is open for writing. Its write lock is held from the beginning: what is recorded then is what it holds.
//! What is written is captured like any other transaction, with who did it and why, and so can be undone like it.

use std::collections::HashMap;
use std::path::Path;

use crate::base::error::{Error, Kind, Result};
use crate::base::limits;
use crate::base::monitor::Monitor;
use crate::engine::capture::behind::Behind;
use crate::engine::capture::open::{
    Credit, ForeignKey, Granted, OpenDatabase, RealignedBatches, SCHEMA, TableFacts, Wish, forbidden, gifts, other_schema, settle, split,
};
use crate::engine::capture::written::{RowDifference, Written};
use crate::engine::plans::By;
use crate::engine::record::Receipt;
use crate::engine::store::Tenant;
use crate::format::sqlite::row::{Key, Row};
use crate::format::sqlite::schema::{PrimaryKey, Table};
use crate::format::sqlite::value::Value;
use crate::model::key::{parse_key, show_key};
use crate::storage::source::outcome::Outcome;
use crate::storage::source::sqlite::writer::{Place, Writer};

use super::SqliteCapture;
use super::document::row_key;
use super::given::Given;
use super::rebuild::{Recorded, rowid_name, written};
use super::run::Work;
use super::state::{self, State};

/// One row on its way into the database.
struct Gift {
    place: Place,
    /// `None`: it goes.
    columns: Option<Vec<(String, Value)>>,
}

/// How the capture of a state is gone on with.
pub(super) fn capture_of(state: &State) -> SqliteCapture {
    SqliteCapture::new(&state.source, &parse_key(&state.prefix)).tables(&state.tables)
}

/// Lets `act` write to the database.
pub(in crate::engine::capture) fn open<T>(
    tenant: &Tenant,
    state: &State,
    by: &By,
    monitor: &dyn Monitor,
    act: impl FnOnce(&mut dyn OpenDatabase) -> Result<T>,
) -> Result<T> {
    let what = capture_of(state);
    // First, so that nobody else records what is written here, as if the application had done it.
    let turn = state::capturing(tenant, what.prefix());
    let _held = state::hold(&turn);
    let writer = Some(Writer::begin(Path::new(&state.source))?);
    let mut open = Open { work: Work::open(tenant, &what, by, monitor)?, writer, recorded: None };
    act(&mut open)
}

/// What a history says of the tables.
struct Definitions {
    recorded: Recorded,
    tables: HashMap<Vec<u8>, Table>,
}

struct Open<'w> {
    work: Work<'w>,
    writer: Option<Writer>,
    recorded: Option<Definitions>,
}

impl Open<'_> {
    fn definitions(&mut self) -> Result<&Definitions> {
        let read = match self.recorded.take() {
            Some(known) => known,
            None => {
                let key = [self.work.what.prefix(), SCHEMA].concat();
                let recorded = Recorded::parse(&self.work.tenant.get(key)?.bytes(limits::JSON_FIELDS_BYTES_MAX)?)?;
                Definitions { tables: recorded.tables(), recorded }
            }
        };
        Ok(self.recorded.insert(read))
    }

    fn writer(&self) -> Result<&Writer> {
        self.writer.as_ref().ok_or_else(|| Error::new(Kind::Failed, "source.closed", "the transaction in the database is over"))
    }

    /// The row of a wish as it is written; the reason where it cannot be.
    fn gift(&mut self, wish: &Wish) -> Result<std::result::Result<Gift, String>> {
        let prefix = self.work.what.prefix().len();
        let (table, text) = split(&wish.key[prefix..]);
        let Some(table) = self.definitions()?.tables.get(table) else { return Ok(Err("its table does not exist any more".into())) };
        let text = String::from_utf8_lossy(text);
        let parsed = |json: &Option<Vec<u8>>| json.as_deref().map(Row::from_json).transpose();
        let (wanted, known) = (parsed(&wish.wanted)?, parsed(&wish.known)?);
        let gift = place(table, &text, wanted.as_ref().or(known.as_ref())).and_then(|place| {
            let columns = match &wanted {
                None => None,
                Some(row) => {
                    let (columns, values) = written(table, &text, row)?;
                    Some(columns.into_iter().map(str::to_owned).zip(values).collect())
                }
            };
            Ok(Gift { place, columns })
        });
        Ok(gift.map_err(|e| e.to_string()))
    }
}

impl OpenDatabase for Open<'_> {
    fn catch_up(&mut self) -> Result<()> {
        self.work.catch_up().map(drop)
    }

    fn give(&mut self, wishes: Vec<Wish>) -> Result<Granted> {
        let (gifts, refused) = gifts(wishes, &mut |wish| self.gift(wish))?;
        let writer = self.writer()?;
        let mut granted = settle(gifts, &mut |gift: &Gift| match &gift.columns {
            Some(columns) => writer.put(&gift.place, columns),
            None => writer.remove(&gift.place),
        })?;
        granted.forbidden.extend(refused);
        Ok(granted)
    }

    fn commit(&mut self, credit: Credit) -> Result<std::result::Result<Option<Receipt>, String>> {
        self.writer()?;
        let given = Given::new(self.work.step(), credit);
        // Before the commit: from then on the next look at the database has it, whoever looks.
        given.keep(self.work.directory())?;
        if let Some(writer) = self.writer.take()
            && let Outcome::Forbidden(why) = writer.commit()?
        {
            Given::forget(self.work.directory())?;
            return Ok(Err(why));
        }
        self.work.given = Some(given);
        Ok(Ok(self.work.catch_up()?.receipt))
    }

    fn hold(&mut self, _: bool) -> Result<Option<Behind>> {
        match self.work.catch_up() {
            Err(e) if e.code().starts_with("lineage.") => Ok(state::load(self.work.tenant, self.work.what.prefix())?.and_then(|s| s.behind)),
            done => done.map(|_| None),
        }
    }

    fn differences(&mut self) -> Result<Vec<RowDifference>> {
        let found = self.work.differences();
        self.work.source.release();
        let mut found = found?;
        if found.is_empty() {
            return Err(Error::new(Kind::Failed, "capture.image", "the image of the database is not at hand, so the rows cannot be compared")
                .hint("write the history into a new file instead: annals restore PREFIX --into FILE, and put that in its place"));
        }
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    fn refuse_other_schema(&mut self, fork: u64) -> Result<()> {
        let objects = self.definitions()?.recorded.objects.iter().filter(|o| !o.name.starts_with("sqlite_"));
        let mut known: Vec<_> = objects.map(|o| (o.kind.clone(), o.name.clone(), o.sql.clone())).collect();
        known.sort();
        let mut here = self.writer()?.definitions()?;
        here.sort();
        if known == here {
            return Ok(());
        }
        let differs = known.iter().find(|o| !here.contains(o)).or_else(|| here.iter().find(|o| !known.contains(o)));
        let name = differs.map_or_else(String::new, |(kind, name, _)| format!(", for example {kind} {name}"));
        Err(other_schema(fork, &name))
    }

    fn tables(&mut self) -> Result<Vec<TableFacts>> {
        let facts = |(key, table): (&Vec<u8>, &Table)| {
            let key_column = match &table.key {
                PrimaryKey::Alias(column) => Some(*column),
                PrimaryKey::Columns(columns) if columns.len() == 1 => columns.first().copied(),
                _ => None,
            };
            let key_column = key_column.map(|column| table.columns[column].name.to_string());
            TableFacts { key: key.clone(), name: table.name.to_string(), key_column }
        };
        Ok(self.definitions()?.tables.iter().map(facts).collect())
    }

    fn highest(&mut self, table: &TableFacts, column: &str) -> Result<i64> {
        self.writer()?.highest(&table.name, column)
    }

    fn foreign_keys(&mut self, table: &TableFacts) -> Result<Vec<ForeignKey>> {
        let all = self.writer()?.foreign_keys(&table.name)?;
        Ok(all.into_iter().map(|(column, parent, to)| ForeignKey { column, parent, to }).collect())
    }

    fn numbered_key(&mut self, table: &TableFacts, number: i64) -> Result<Vec<u8>> {
        let prefix = self.work.what.prefix().to_vec();
        let known = self.definitions()?.tables.get(&table.key).ok_or_else(|| Error::damaged("the schema of a captured database"))?;
        Ok(row_key(&prefix, known, &Key::Columns(vec![Value::Integer(number)])))
    }

    fn answer(&mut self, sql: &str) -> Result<String> {
        self.writer()?.answer(sql)
    }

    fn change(&mut self, sql: &str) -> Result<u64> {
        self.writer()?.change(sql)
    }

    fn realign(&mut self, mut written: Written, write: bool) -> Result<RealignedBatches> {
        let before = self.work.tenant.position()?.seq;
        self.writer()?;
        if let (Some(writer), true) = (self.writer.take(), write) {
            written.keep(self.work.directory())?;
            if let Outcome::Forbidden(why) = writer.commit()? {
                Written::forget(self.work.directory())?;
                return Err(forbidden(&format!("all of it together: {why}")));
            }
        }
        written.sure = true;
        self.work.realigning = Some(written);
        let last = self.work.catch_up()?.receipt.map(|r| r.position.seq);
        Ok(match (write, self.work.tenant.position()?.seq - before) {
            (false, _) => RealignedBatches { found: last, made: None },
            (true, 0 | 1) => RealignedBatches { found: None, made: last },
            (true, _) => RealignedBatches { found: last.map(|seq| seq - 1), made: last },
        })
    }
}

/// Where a row is in its table: by the text of its key, or by its own values where the key is too long to be text.
fn place(table: &Table, key: &str, row: Option<&Row>) -> Result<Place> {
    let missing = || Error::damaged(format_args!("the key of a row of {}: {}", table.name, show_key(key.as_bytes())));
    let columns: Vec<&str> = match &table.key {
        PrimaryKey::Rowid => Vec::new(),
        PrimaryKey::Alias(column) => vec![&*table.columns[*column].name],
        PrimaryKey::Columns(columns) => columns.iter().map(|c| &*table.columns[*c].name).collect(),
    };
    let values: Vec<Value> = match key.starts_with('#') {
        true => columns.iter().map(|c| row.and_then(|r| r.get(c)).cloned().ok_or_else(missing)).collect::<Result<_>>()?,
        false => match Key::parse(key, table)? {
            Key::Rowid(rowid) => {
                return Ok(Place { table: table.name.to_string(), key: vec![(rowid_name(table)?.to_owned(), Value::Integer(rowid))] });
            }
            Key::Columns(values) => values,
        },
    };
    Ok(Place { table: table.name.to_string(), key: columns.into_iter().map(str::to_owned).zip(values).collect() })
}
