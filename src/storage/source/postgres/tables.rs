//! What tables there are, and reading them whole in one snapshot.

use std::collections::HashMap;
use std::io::BufRead;

use super::{Server, failed, quoted};
use crate::base::error::{Error, Result};
use crate::format::pgoutput::Lsn;
use crate::format::pgrow;

/// What the table is called in which an application may say who does a transaction, and why.
const CONTEXT: &str = "annals_context";

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its number, which stays when it is renamed.
    pub number: i32,
    /// Its name.
    pub name: String,
    /// Its type.
    pub type_oid: u32,
    /// The type as SQL has it.
    pub type_name: String,
    /// NULL is refused.
    pub not_null: bool,
    /// Its default, or what it is generated from.
    pub default: Option<String>,
    /// It is computed, and no history of its own.
    pub generated: bool,
    /// `a` or `d` where it is `GENERATED .. AS IDENTITY`, otherwise empty.
    pub identity: String,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its number, which stays when it is renamed.
    pub oid: i64,
    /// The schema.
    pub schema: String,
    /// The name.
    pub name: String,
    /// `REPLICA IDENTITY`: `d` default, `n` nothing, `f` full, `i` index.
    pub identity: String,
    /// It consists of partitions.
    pub partitioned: bool,
    /// The role that captures may publish it.
    pub owned: bool,
    /// The columns in their order.
    pub columns: Vec<Column>,
    /// The columns by which a row is known, in the order of the key; empty where there are none.
    pub key: Vec<String>,
    /// Name and definition of its constraints.
    pub constraints: Vec<(String, String)>,
    /// Definitions of indexes that belong to no constraint.
    pub indexes: Vec<String>,
}

impl Column {
    /// The sequence that its default takes numbers from, as SQL names it.
    pub fn sequence(&self) -> Option<String> {
        let text = self.default.as_deref()?.strip_prefix("nextval('")?;
        Some(text.split_once("'::regclass")?.0.replace("''", "'"))
    }
}

impl Table {
    /// The name in SQL.
    pub fn sql_name(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }

    /// The table without those that inherit from it, for statements.
    pub fn sql_source(&self) -> String {
        let only = if self.partitioned { "" } else { "ONLY " };
        format!("{only}{}", self.sql_name())
    }

    /// The name by which people and the configuration know it.
    pub fn shown(&self) -> String {
        if self.schema == "public" { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }

    /// The name in keys.
    pub fn text(&self) -> String {
        pgrow::table_text(&self.schema, &self.name)
    }

    /// Whether an application may change its rows when it is published. PostgreSQL refuses updates and removals of published tables by
    /// whose changes no row could be found.
    pub fn can_be_published(&self) -> bool {
        self.identity == "f" || !self.key.is_empty() && self.identity != "n"
    }

    /// Whether an application says in it who does a transaction, and why.
    pub fn is_context(&self) -> bool {
        self.name == CONTEXT
    }

    /// The columns whose values are recorded.
    pub fn stored(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|c| !c.generated)
    }
}

/// Which transactions a snapshot sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// `pg_current_snapshot()`: all before the first number are seen, none from the second on, nor those that are listed.
    pub text: String,
    /// What the snapshot sees was committed before this place.
    pub lsn: Lsn,
}

impl Server {
    /// All tables of people in this database: ordinary and partitioned ones, no temporary and unlogged ones, no partitions.
    pub fn tables(&mut self) -> Result<Vec<Table>> {
        let fail = |e| failed("read the catalogue", e);
        let text = "SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relreplident::text, c.relkind = 'p', pg_has_role(c.relowner, 'USAGE') \
                    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p' \
                    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 2, 3";
        let mut tables: Vec<Table> = Vec::new();
        for row in self.client.query(text, &[]).map_err(fail)? {
            tables.push(Table {
                oid: row.get(0),
                schema: row.get(1),
                name: row.get(2),
                identity: row.get(3),
                partitioned: row.get(4),
                owned: row.get(5),
                columns: Vec::new(),
                key: Vec::new(),
                constraints: Vec::new(),
                indexes: Vec::new(),
            });
        }
        let oids: Vec<i64> = tables.iter().map(|t| t.oid).collect();
        let at: HashMap<i64, usize> = oids.iter().enumerate().map(|(i, oid)| (*oid, i)).collect();
        let of = |row: &postgres::Row| at.get(&row.get(0)).copied().ok_or_else(|| Error::damaged("the catalogue of the server"));

        let text = "SELECT a.attrelid::int8, a.attnum::int4, a.attname::text, a.atttypid::int8, format_type(a.atttypid, a.atttypmod), a.attnotnull, \
                    pg_get_expr(d.adbin, d.adrelid), a.attgenerated <> '', a.attidentity::text \
                    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum \
                    WHERE a.attrelid::int8 = ANY($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2";
        for row in self.client.query(text, &[&oids]).map_err(fail)? {
            tables[of(&row)?].columns.push(Column {
                number: row.get(1),
                name: row.get(2),
                type_oid: row.get::<_, i64>(3) as u32,
                type_name: row.get(4),
                not_null: row.get(5),
                default: row.get(6),
                generated: row.get(7),
                identity: row.get(8),
            });
        }
        let text = "SELECT i.indrelid::int8, (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place) \
                    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number WHERE k.place <= i.indnkeyatts) \
                    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE i.indrelid::int8 = ANY($1) \
                    AND (c.relreplident IN ('d', 'f') AND i.indisprimary OR c.relreplident = 'i' AND i.indisreplident)";
        for row in self.client.query(text, &[&oids]).map_err(fail)? {
            tables[of(&row)?].key = row.get(1);
        }
        let text = "SELECT conrelid::int8, conname::text, pg_get_constraintdef(oid) FROM pg_constraint \
                    WHERE conrelid::int8 = ANY($1) AND contype IN ('p', 'u', 'c', 'f', 'x') ORDER BY contype = 'f', contype <> 'p', conname";
        for row in self.client.query(text, &[&oids]).map_err(fail)? {
            tables[of(&row)?].constraints.push((row.get(1), row.get(2)));
        }
        let text = "SELECT i.indrelid::int8, pg_get_indexdef(i.indexrelid) FROM pg_index i WHERE i.indrelid::int8 = ANY($1) \
                    AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid) ORDER BY 1, 2";
        for row in self.client.query(text, &[&oids]).map_err(fail)? {
            tables[of(&row)?].indexes.push(row.get(1));
        }
        Ok(tables)
    }

    /// The enumerations of people: name in SQL and labels in their order.
    pub fn enums(&mut self) -> Result<Vec<(String, Vec<String>)>> {
        let text = "SELECT n.nspname::text, t.typname::text, array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e \
                    JOIN pg_type t ON t.oid = e.enumtypid JOIN pg_namespace n ON n.oid = t.typnamespace \
                    WHERE n.nspname !~ '^pg_' GROUP BY 1, 2 ORDER BY 1, 2";
        let rows = self.client.query(text, &[]).map_err(|e| failed("read the catalogue", e))?;
        Ok(rows.iter().map(|row| (format!("{}.{}", quoted(row.get(0)), quoted(row.get(1))), row.get(2))).collect())
    }

    /// Which transactions a statement sees that begins now.
    pub fn sees_now(&mut self) -> Result<Snapshot> {
        // The snapshot is taken before the statement runs, so the place in the log that it finds is not before anything that the snapshot sees.
        let row = self.client.query_one("SELECT pg_current_snapshot()::text, pg_current_wal_insert_lsn()::text", &[]);
        let row = row.map_err(|e| failed("take a snapshot", e))?;
        Ok(Snapshot { text: row.get(0), lsn: Lsn::parse(row.get(1))? })
    }

    /// Begins to read in one snapshot, which stays until [`Server::end_snapshot`].
    pub fn begin_snapshot(&mut self) -> Result<Snapshot> {
        self.client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").map_err(|e| failed("begin a snapshot", e))?;
        self.sees_now()
    }

    /// Ends the snapshot.
    pub fn end_snapshot(&mut self) -> Result<()> {
        self.client.batch_execute("COMMIT").map_err(|e| failed("end a snapshot", e))
    }

    /// Calls `each` with the values of every row of `table`, in the order of [`Table::stored`]. Memory holds one row.
    pub fn rows(&mut self, table: &Table, each: &mut dyn FnMut(Vec<Option<Vec<u8>>>) -> Result<()>) -> Result<()> {
        let columns: Vec<String> = table.stored().map(|c| quoted(&c.name)).collect();
        let text = format!("COPY (SELECT {} FROM {}) TO STDOUT", columns.join(", "), table.sql_source());
        let what = format!("read table {}", table.sql_name());
        let mut reader = self.client.copy_out(&text).map_err(|e| failed(&what, e))?;
        let mut line = Vec::new();
        loop {
            line.clear();
            reader.read_until(b'\n', &mut line).map_err(|e| Error::io(&what, e))?;
            if line.pop().is_none() {
                return Ok(());
            }
            // A table without columns has empty lines.
            each(if columns.is_empty() { Vec::new() } else { pgrow::copy_values(&line)? })?;
        }
    }
}
