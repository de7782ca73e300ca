//! Rows written into an application's own database, because a person asked for it: one transaction, a savepoint for each row.
//!
//! The application's triggers do not fire, because what they did is among the rows already; its constraint triggers do. Its foreign keys and
//! constraints hold: a row that violates one stays undone and is named. So does a row whose foreign key would change other rows, and one that
//! is not as it was recorded last.

use std::collections::HashMap;

use postgres::SimpleQueryMessage;

use super::{Server, Snapshot, Table, failed, quoted};
use crate::base::error::{Error, Kind, Result};
use crate::base::fault;
use crate::storage::source::outcome::{Outcome, refused};

/// Names of columns with what the input functions of their types read; `None` is NULL.
pub type Texts = Vec<(String, Option<String>)>;

/// Fields of a row by their names.
fn field<'t>(row: &'t Texts, name: &str) -> Option<&'t Option<String>> {
    row.iter().find(|(column, _)| column == name).map(|(_, value)| value)
}

/// One row on its way into the database.
#[derive(Debug, Clone)]
pub struct Gift {
    /// The table.
    pub table: Table,
    /// What it is to be; columns that are not named stay, or get their default. `None`: it goes.
    pub wanted: Option<Texts>,
    /// What it should be now.
    pub known: Option<Texts>,
}

/// A foreign key of another table that changes rows there when a row here changes.
struct Cascade {
    child: String,
    /// The column there, and the one here.
    columns: Vec<(String, String)>,
    on_delete: bool,
    on_update: bool,
}

/// What is known of a table that rows are written into.
struct Touched {
    cascades: Vec<Cascade>,
    /// Triggers that were put to silence, with the words that wake them again.
    quiet: Vec<String>,
}

/// The transaction. Dropped without [`Writer::commit`], nothing happened.
pub struct Writer {
    server: Server,
    touched: HashMap<i64, Touched>,
    tables: HashMap<i64, Table>,
}

fn literal(value: &Option<String>) -> String {
    value.as_ref().map_or("NULL".into(), |text| format!("'{}'", text.replace('\'', "''")))
}

/// The server's words where a rule of the database forbids a statement; otherwise the statement failed for another reason.
fn forbidden(what: &str, e: postgres::Error) -> Result<String> {
    let rule = |code: &str| code != "42501" && ["21", "22", "23", "27", "38", "42", "44", "P0", "0A"].iter().any(|class| code.starts_with(class));
    match e.as_db_error() {
        Some(db) if rule(db.code().code()) => Ok(match db.detail() {
            Some(detail) => format!("{}: {detail}", db.message()),
            None => db.message().to_owned(),
        }),
        Some(db) if db.code().code() == "40P01" => {
            Err(Error::new(Kind::Locked, "source.busy", "the application and this change waited for each other")
                .hint("nothing was changed; try again"))
        }
        _ => Err(failed(what, e)),
    }
}

impl Writer {
    /// Begins over a connection of its own.
    pub fn begin(mut server: Server) -> Result<Writer> {
        // What is committed must be in the log that is read right after it.
        server.client.batch_execute("BEGIN; SET LOCAL synchronous_commit = on").map_err(|e| failed("begin a transaction", e))?;
        Ok(Writer { server, touched: HashMap::new(), tables: HashMap::new() })
    }

    /// Keeps everybody else from writing to these tables until the end; reading goes on.
    pub fn hold(&mut self, tables: &[&Table]) -> Result<()> {
        if tables.is_empty() {
            return Ok(());
        }
        // All in one order, so that two of us cannot wait for each other.
        let names: Vec<String> = tables.iter().map(|t| t.sql_source()).collect();
        let text = format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", names.join(", "));
        self.server.client.batch_execute(&text).map_err(|e| failed("hold the tables", e))?;
        tables.iter().try_for_each(|table| self.touch(table).map(drop))
    }

    /// The connection, to read what the transaction sees.
    pub fn server(&mut self) -> &mut Server {
        &mut self.server
    }

    /// Which transactions are seen now.
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        self.server.sees_now()
    }

    /// The number of the transaction, by which the server's log knows it.
    pub fn number(&mut self) -> Result<u64> {
        let row = self.server.client.query_one("SELECT pg_current_xact_id()::text", &[]).map_err(|e| failed("number the transaction", e))?;
        row.get::<_, String>(0).parse().map_err(|_| Error::damaged("the number of a transaction"))
    }

    /// Learns what a table's rows set off, and silences the application's triggers.
    fn touch(&mut self, table: &Table) -> Result<&Touched> {
        if !self.touched.contains_key(&table.oid) {
            let fail = |e| failed("look at the table's triggers", e);
            let text = "SELECT tgname::text, tgenabled = 'A' FROM pg_trigger WHERE tgrelid::int8 = $1 AND NOT tgisinternal AND tgconstraint = 0 \
                        AND tgenabled IN ('O', 'A') ORDER BY 1";
            let mut quiet = Vec::new();
            for row in self.server.client.query(text, &[&table.oid]).map_err(fail)? {
                let (name, always) = (quoted(row.get(0)), row.get::<_, bool>(1));
                self.server
                    .client
                    .batch_execute(&format!("ALTER TABLE {} DISABLE TRIGGER {name}", table.sql_name()))
                    .map_err(|e| failed("silence the table's triggers", e))?;
                quiet.push(format!("ALTER TABLE {} ENABLE {}TRIGGER {name}", table.sql_name(), if always { "ALWAYS " } else { "" }));
            }
            let cascades = self.cascades(table)?;
            self.touched.insert(table.oid, Touched { cascades, quiet });
            self.tables.insert(table.oid, table.clone());
        }
        self.touched.get(&table.oid).ok_or_else(|| Error::damaged("a table that was looked at"))
    }

    fn cascades(&mut self, table: &Table) -> Result<Vec<Cascade>> {
        let names = |side: &str| {
            format!(
                "(SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(f.con{side}key) WITH ORDINALITY k(number, place) \
                 JOIN pg_attribute a ON a.attrelid = f.con{side}relid AND a.attnum = k.number)"
            )
        };
        let text = format!(
            "SELECT n.nspname::text, c.relname::text, {}, {}, f.confdeltype IN ('c', 'n', 'd'), f.confupdtype IN ('c', 'n', 'd') \
             FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
             WHERE f.contype = 'f' AND f.confrelid::int8 = $1 AND f.conparentid = 0 \
             AND (f.confdeltype IN ('c', 'n', 'd') OR f.confupdtype IN ('c', 'n', 'd'))",
            names(""),
            names("f"),
        );
        let rows = self.server.client.query(&text, &[&table.oid]).map_err(|e| failed("look at the table's foreign keys", e))?;
        Ok(rows
            .iter()
            .map(|row| {
                let (there, here): (Vec<String>, Vec<String>) = (row.get(2), row.get(3));
                Cascade {
                    child: format!("{}.{}", quoted(row.get(0)), quoted(row.get(1))),
                    columns: there.into_iter().zip(here).collect(),
                    on_delete: row.get(4),
                    on_update: row.get(5),
                }
            })
            .collect())
    }

    /// Runs a statement without an answer that only fails if the session does.
    fn step(&mut self, text: &str) -> Result<()> {
        self.server.client.batch_execute(text).map_err(|e| failed("write rows", e))
    }

    /// Makes all rows so far count as checked, also by constraints that wait for the end.
    ///
    /// # Errors
    /// The transaction is of no use then, but for [`Writer::back`].
    pub fn check(&mut self) -> Result<Outcome> {
        match self.server.client.batch_execute("SET CONSTRAINTS ALL IMMEDIATE") {
            Ok(()) => Ok(Outcome::Done),
            Err(e) => forbidden("check the rows", e).map(Outcome::Forbidden),
        }
    }

    /// A place in the transaction to which [`Writer::back`] returns.
    pub fn mark(&mut self) -> Result<()> {
        self.step("SAVEPOINT annals_all")
    }

    /// Returns to the mark; from then on constraints are checked with each row.
    pub fn back(&mut self) -> Result<()> {
        self.step("ROLLBACK TO annals_all; SET CONSTRAINTS ALL IMMEDIATE")
    }

    /// Writes one row, in a savepoint that is given up where a rule forbids it.
    pub fn write(&mut self, gift: &Gift) -> Result<Outcome> {
        self.touch(&gift.table)?;
        self.step("SAVEPOINT annals_row")?;
        let outcome = match self.try_write(gift) {
            Ok(outcome) => outcome?,
            Err(e) => Outcome::Forbidden(forbidden("write a row", e)?),
        };
        self.step(if outcome == Outcome::Done { "RELEASE annals_row" } else { "ROLLBACK TO annals_row; RELEASE annals_row" })?;
        Ok(outcome)
    }

    fn try_write(&mut self, gift: &Gift) -> std::result::Result<Result<Outcome>, postgres::Error> {
        let Gift { table, wanted, known } = gift;
        let no = |why: &str| Ok(Ok(Outcome::Forbidden(why.to_owned())));
        let found = match locate(gift) {
            Ok(found) => found,
            Err(e) => return Ok(Err(e)),
        };
        let current = match &found {
            Some(found) => self.current(table, found)?,
            None => None,
        };
        match (&current, known) {
            (None, Some(_)) => return no("it was removed meanwhile, and that is not recorded yet"),
            (Some(now), Some(known)) if now.differs(known) => return no("it was changed meanwhile, and that is not recorded yet"),
            (Some(_), None) => return no("a row with this key was added meanwhile, and that is not recorded yet"),
            _ => {}
        }
        let text = match (wanted, &current) {
            (None, None) => return Ok(Ok(Outcome::Done)),
            (None, Some(now)) => {
                if let Some(why) = self.sets_off(table, now, None)? {
                    return no(&why);
                }
                format!("DELETE FROM {} WHERE {}", table.sql_source(), now.place)
            }
            (Some(wanted), Some(now)) => {
                let changed: Vec<&(String, Option<String>)> =
                    wanted.iter().filter(|(name, value)| field(&now.values, name).is_some_and(|current| current != value)).collect();
                if changed.is_empty() {
                    return Ok(Ok(Outcome::Done));
                }
                if let Some(why) = self.sets_off(table, now, Some(&changed))? {
                    return no(&why);
                }
                let set: Vec<String> = changed.iter().map(|(name, value)| format!("{} = {}", quoted(name), literal(value))).collect();
                format!("UPDATE {} SET {} WHERE {}", table.sql_source(), set.join(", "), now.place)
            }
            (Some(wanted), None) if wanted.is_empty() => format!("INSERT INTO {} DEFAULT VALUES", table.sql_name()),
            (Some(wanted), None) => {
                let (names, values): (Vec<String>, Vec<String>) = wanted.iter().map(|(name, value)| (quoted(name), literal(value))).unzip();
                let (names, values) = (names.join(", "), values.join(", "));
                format!("INSERT INTO {} ({names}) OVERRIDING SYSTEM VALUE VALUES ({values})", table.sql_name())
            }
        };
        let done = self.server.client.simple_query(&text)?;
        let count = done.iter().find_map(|m| if let SimpleQueryMessage::CommandComplete(n) = m { Some(*n) } else { None });
        match count {
            Some(1) => Ok(Ok(Outcome::Done)),
            other => no(&format!("the database changed {} rows instead of 1", other.unwrap_or_default())),
        }
    }

    /// The row that a condition finds, held until the end.
    fn current(&mut self, table: &Table, found: &str) -> std::result::Result<Option<Current>, postgres::Error> {
        let names: Vec<&str> = table.stored().map(|c| &c.name[..]).collect();
        let mut list: Vec<String> = vec!["ctid".into(), "tableoid".into()];
        list.extend(names.iter().map(|name| quoted(name)));
        let text = format!("SELECT {} FROM {} WHERE {found} LIMIT 1 FOR UPDATE", list.join(", "), table.sql_source());
        let messages = self.server.client.simple_query(&text)?;
        let row = messages.iter().find_map(|m| if let SimpleQueryMessage::Row(row) = m { Some(row) } else { None });
        Ok(row.map(|row| Current {
            place: format!("ctid = '{}' AND tableoid = {}", row.get(0).unwrap_or_default(), row.get(1).unwrap_or_default()),
            values: names.iter().enumerate().map(|(i, name)| ((*name).to_owned(), row.get(i + 2).map(str::to_owned))).collect(),
        }))
    }

    /// Why a removal (`changed` is `None`) or a change of a row would change rows of other tables.
    fn sets_off(
        &mut self,
        table: &Table,
        now: &Current,
        changed: Option<&[&(String, Option<String>)]>,
    ) -> std::result::Result<Option<String>, postgres::Error> {
        let Some(touched) = self.touched.get(&table.oid) else { return Ok(None) };
        let touches = |cascade: &&Cascade| match changed {
            None => cascade.on_delete,
            Some(changed) => cascade.on_update && cascade.columns.iter().any(|(_, here)| changed.iter().any(|(name, _)| name == here)),
        };
        let mut more = 0;
        for cascade in touched.cascades.iter().filter(touches) {
            let values = cascade.columns.iter().map(|(there, here)| Some(format!("{} = {}", quoted(there), literal(field(&now.values, here)?))));
            let Some(found) = values.collect::<Option<Vec<_>>>() else { continue };
            let text = format!("SELECT count(*) FROM {} WHERE {}", cascade.child, found.join(" AND "));
            for message in self.server.client.simple_query(&text)? {
                if let SimpleQueryMessage::Row(row) = message {
                    more += row.get(0).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
                }
            }
        }
        Ok((more > 0).then(|| format!("a foreign key would change {more} more {}", if more == 1 { "row" } else { "rows" })))
    }

    /// Runs one statement of an administrator that changes rows. Gives how many it changed.
    ///
    /// # Errors
    /// [`Kind::Usage`] for what is no such statement; in the database's words.
    pub fn change(&mut self, text: &str) -> Result<u64> {
        let word = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        if !["insert", "update", "delete", "merge", "with"].contains(&&word[..]) {
            return Err(refused(text, &"it changes no rows"));
        }
        self.server.client.execute(text, &[]).map_err(|e| refused(text, &words(&e)))
    }

    /// The answer to a statement of an administrator that reads: the first column of the first row, as text.
    ///
    /// # Errors
    /// As of [`Writer::change`].
    pub fn answer(&mut self, text: &str) -> Result<String> {
        let fail = |e: postgres::Error| refused(text, &words(&e));
        // What ends a transaction has no columns; what writes is refused by the server.
        let prepared = self.server.client.prepare(text).map_err(fail)?;
        if prepared.columns().is_empty() {
            return Err(refused(text, &"it asks nothing"));
        }
        self.step("SAVEPOINT annals_ask; SET LOCAL transaction_read_only = on")?;
        let messages = self.server.client.simple_query(text).map_err(fail)?;
        self.step("ROLLBACK TO annals_ask; RELEASE annals_ask")?;
        let row = messages.iter().find_map(|m| if let SimpleQueryMessage::Row(row) = m { Some(row) } else { None });
        Ok(row.map_or("nothing".into(), |row| row.get(0).unwrap_or("null").to_owned()))
    }

    /// The highest number in a column, or that its sequence gave out; 0 where there is none.
    pub fn highest(&mut self, table: &Table, column: &str) -> Result<i64> {
        let fail = |e| failed("look for the highest number", e);
        let text = format!("SELECT coalesce(max({}), 0)::int8 FROM {}", quoted(column), table.sql_name());
        let mut highest: i64 = self.server.client.query_one(&text, &[]).map_err(fail)?.get(0);
        if let Some(sequence) = self.sequence(table, column)? {
            let row = self.server.client.query_one(&format!("SELECT last_value::int8, is_called FROM {sequence}"), &[]).map_err(fail)?;
            highest = highest.max(row.get::<_, i64>(0) - i64::from(!row.get::<_, bool>(1)));
        }
        Ok(highest)
    }

    /// The sequence that a column takes its numbers from, as SQL names it.
    fn sequence(&mut self, table: &Table, column: &str) -> Result<Option<String>> {
        let text = "SELECT pg_get_serial_sequence($1, $2)";
        let row = self.server.client.query_one(text, &[&table.sql_name(), &column]).map_err(|e| failed("look for a sequence", e))?;
        let own = row.get::<_, Option<String>>(0);
        Ok(own.or_else(|| table.columns.iter().find(|c| c.name == column)?.sequence()))
    }

    /// Columns of `table` that name a row of another table: its own column, schema and name of the other, and the column there.
    pub fn foreign_keys(&mut self, table: &Table) -> Result<Vec<(String, String, String, String)>> {
        let text = "SELECT a.attname::text, n.nspname::text, c.relname::text, b.attname::text FROM pg_constraint f \
                    JOIN pg_class c ON c.oid = f.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                    JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1] \
                    JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = f.confkey[1] \
                    WHERE f.contype = 'f' AND f.conrelid::int8 = $1 AND cardinality(f.conkey) = 1";
        let rows = self.server.client.query(text, &[&table.oid]).map_err(|e| failed("look at the table's foreign keys", e))?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2), row.get(3))).collect())
    }

    /// Raises the sequences of all tables that were written to above the numbers that are taken. Sequences know no transactions: what is not
    /// committed afterwards has cost numbers, nothing else.
    fn raise_sequences(&mut self) -> Result<()> {
        let tables: Vec<Table> = self.tables.values().cloned().collect();
        for table in &tables {
            for column in table.columns.iter().filter(|c| !c.identity.is_empty() || c.sequence().is_some()) {
                let Some(sequence) = self.sequence(table, &column.name)? else { continue };
                let (name, source) = (quoted(&column.name), table.sql_name());
                let text = format!(
                    "SELECT setval('{}', m) FROM (SELECT max({name})::int8 m FROM {source}) t, {sequence} s \
                     WHERE m > s.last_value OR m = s.last_value AND NOT s.is_called",
                    sequence.replace('\'', "''")
                );
                self.server.client.batch_execute(&text).map_err(|e| failed("raise a sequence", e))?;
            }
        }
        Ok(())
    }

    /// Commits. `Forbidden` where the whole violates a rule that is checked at the end; nothing has happened then.
    pub fn commit(mut self) -> Result<Outcome> {
        if let Outcome::Forbidden(why) = self.check()? {
            return Ok(Outcome::Forbidden(why));
        }
        let wake: Vec<String> = self.touched.values().flat_map(|t| t.quiet.iter().cloned()).collect();
        wake.iter().try_for_each(|text| self.step(text))?;
        self.raise_sequences()?;
        fault::point("source.commit")?;
        if let Err(e) = self.server.client.batch_execute("COMMIT") {
            return forbidden("commit", e).map(Outcome::Forbidden);
        }
        fault::point("source.committed")?;
        Ok(Outcome::Done)
    }
}

/// A row as it is, and how the database finds it again.
struct Current {
    place: String,
    values: Texts,
}

impl Current {
    /// Whether it is not what was recorded. Columns that came later are not part of what was recorded.
    fn differs(&self, known: &Texts) -> bool {
        known.iter().any(|(name, value)| field(&self.values, name).is_some_and(|now| now != value))
    }
}

/// The condition that finds the row of a gift; `None` where there can be none: a row without a key that is added.
fn locate(gift: &Gift) -> Result<Option<String>> {
    let Gift { table, wanted, known } = gift;
    if table.key.is_empty() {
        // By what the output functions print, which every type has; not every type has an equality.
        let equal = |(name, value): &(String, Option<String>)| match value {
            None => format!("{} IS NULL", quoted(name)),
            Some(_) => format!("{0} IS NOT NULL AND format('%s', {0}) = {1}", quoted(name), literal(value)),
        };
        return Ok(known.as_ref().map(|row| row.iter().map(equal).collect::<Vec<_>>().join(" AND ")));
    }
    let row = wanted.as_ref().or(known.as_ref());
    let missing = || Error::damaged(format_args!("the key of a row of {}", table.shown()));
    let equal = |name: &String| {
        let value = row.and_then(|row| field(row, name)).filter(|value| value.is_some()).ok_or_else(missing)?;
        Ok(format!("{} = {}", quoted(name), literal(value)))
    };
    Ok(Some(table.key.iter().map(equal).collect::<Result<Vec<_>>>()?.join(" AND ")))
}

fn words(e: &postgres::Error) -> String {
    e.as_db_error().map_or_else(|| e.to_string(), |db| db.message().to_owned())
}

impl Server {
    /// What became of a transaction: `Some(true)` where it was committed, `Some(false)` where it was not, `None` where the server does not know it.
    ///
    /// # Errors
    /// [`Kind::Locked`] while it is still running.
    pub fn became_of(&mut self, number: u64) -> Result<Option<bool>> {
        let text = "SELECT CASE WHEN $1::text::xid8 < pg_snapshot_xmax(pg_current_snapshot()) THEN pg_xact_status($1::text::xid8) END";
        let row = self.client.query_one(text, &[&number.to_string()]).map_err(|e| failed("ask for a transaction", e))?;
        match row.get::<_, Option<&str>>(0) {
            Some("committed") => Ok(Some(true)),
            Some("aborted") => Ok(Some(false)),
            Some(_) => Err(Error::new(Kind::Locked, "source.busy", "the server has not ended a transaction of ours yet").hint("try again")),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_value_stays_in_it() {
        assert_eq!((literal(&Some("it's \\ '".into())), literal(&None)), ("'it''s \\ '''".into(), "NULL".into()));
    }
}
