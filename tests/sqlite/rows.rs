//! Rows and row changes read from pages, compared with SQLite.
//!
//! A seed makes a database (page size, encoding, auto_vacuum, reserved bytes), tables of many kinds and transactions of many kinds. After each commit
//! the write-ahead log is read, `changes` is asked, what it says is applied to rows that we keep, and these must be what `SELECT` gives.
//!
//! A run of 12 seeds by default; `ANNALS_SEEDS=2000` for a long one, `ANNALS_SEED=17` for one alone. A failure prints the seed and the statements.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use annals::format::sqlite::changes::{Changes, State, changes};
use annals::format::sqlite::header::Encoding;
use annals::format::sqlite::pages::{Bytes, Overlay, Pages};
use annals::format::sqlite::row::{Key, Row};
use annals::format::sqlite::schema::{Generated, PrimaryKey, Role, Table};
use annals::format::sqlite::value::Value;
use annals::format::sqlite::wal::{Commits, End, WalHeader, WalPosition};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, MAIN_DB};

/// Transactions of one seed.
const STEPS: usize = 45;

/// Numbers that a seed repeats (xorshift64*).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// A database, the image of it that a capture would keep, and the rows that we believe are in it.
pub struct World {
    pub db: Connection,
    path: PathBuf,
    image: Vec<u8>,
    pub state: State,
    position: Option<WalPosition>,
    /// Rows by table and key text.
    pub rows: BTreeMap<(String, String), Row>,
    /// What was said to SQLite.
    log: Vec<String>,
    pub changed: u64,
    pub commits: u64,
}

fn recorded(table: &Table) -> bool {
    table.role == Role::Plain
}

impl World {
    /// Begins to watch a database in WAL mode.
    pub fn watch(db: Connection, path: &Path, log: Vec<String>) -> World {
        db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
        let image = std::fs::read(path).expect("the file");
        let pages = Bytes::new(&image).expect("pages");
        let state = State::read(&pages).expect("a state");
        let mut rows = BTreeMap::new();
        for table in state.schema.tables.iter().filter(|t| recorded(t)) {
            let database = annals::format::sqlite::tree::Database::open(&pages).expect("a database");
            let each = &mut |key: Key, row| {
                rows.insert((table.name.to_string(), key.text(table, usize::MAX)), row);
                Ok(())
            };
            table.rows(&database, each).expect("rows");
        }
        let world = World { db, path: path.to_owned(), image, state, position: None, rows, log, changed: 0, commits: 0 };
        world.compare();
        world
    }

    pub fn run(&mut self, sql: &str) -> bool {
        self.log.push(sql.to_owned());
        self.db.execute_batch(sql).map_err(|e| self.log.push(format!("-- {e}"))).is_ok()
    }

    fn fail(&self, what: &str) -> ! {
        let tail = self.log.len().saturating_sub(60);
        let schema: Vec<&str> = self.state.schema.objects.iter().filter_map(|o| o.sql.as_deref()).collect();
        panic!("{what}\nschema:\n{}\nstatements:\n{}", schema.join(";\n"), self.log[tail..].join(";\n"));
    }

    /// Reads what was committed since the last time, commit by commit, and compares with SQLite at the end.
    pub fn follow(&mut self) {
        let mut name = self.path.clone().into_os_string();
        name.push("-wal");
        let wal = std::fs::read(name).unwrap_or_default();
        let position = match self.position {
            Some(position) => position,
            None => match WalHeader::read(&wal[..]).expect("a header") {
                Some(header) => header.start(),
                None => return,
            },
        };
        let mut commits = Commits::from(&wal[..], position);
        loop {
            while let Some(commit) = commits.next().expect("a commit") {
                let size = commit.end.page_size as usize;
                let pages: Vec<(u32, Vec<u8>)> =
                    commit.pages.iter().map(|(page, at)| (*page, wal[*at as usize..*at as usize + size].to_vec())).collect();
                self.take(pages, commit.page_count);
                self.position = Some(commit.end);
            }
            match commits.end().expect("an end") {
                End::Current | End::Torn => break,
                End::Reset(start) => commits = Commits::from(&wal[..], start),
                // Restarted, and written beyond where we were: a capture compares the pages then.
                End::Overtaken => return self.gap(),
            }
        }
        self.compare();
    }

    /// Compares the whole file with the image, as after a gap.
    pub fn gap(&mut self) {
        self.db.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("a checkpoint");
        let file = std::fs::read(&self.path).expect("the file");
        let size = self.state.schema.header.page_size as usize;
        if Bytes::new(&file).expect("pages").page(1).expect("page 1").len() != size {
            self.fail("the page size changed");
        }
        // Pages that a capture does not keep count as changed: it cannot know.
        let kept = |i: usize| self.state.owners.keeps(i as u32 + 1);
        let different = file.chunks(size).enumerate().filter(|(i, page)| !kept(*i) || self.image.chunks(size).nth(*i) != Some(page));
        let pages = different.map(|(i, page)| (i as u32 + 1, page.to_vec())).collect();
        self.take(pages, (file.len() / size) as u32);
        self.position = None;
        self.compare();
    }

    fn take(&mut self, pages: Vec<(u32, Vec<u8>)>, count: u32) {
        let before_image = std::mem::take(&mut self.image);
        let before = Bytes::new(&before_image).expect("pages");
        let mut after = Overlay::new(&before, count);
        pages.iter().for_each(|(page, bytes)| after.put(*page, bytes.clone()));
        let numbers: Vec<u32> = pages.iter().map(|(page, _)| *page).collect();
        let holes = Holes { inner: &before, state: self.state.clone() };
        let mut after_with_holes = Overlay::new(&holes, count);
        pages.iter().for_each(|(page, bytes)| after_with_holes.put(*page, bytes.clone()));
        match changes(&holes, &after_with_holes, &numbers, &mut self.state, &recorded) {
            Ok(found) => self.apply(found),
            Err(e) => self.fail(&format!("changes: {e}")),
        }
        let whole = State::read(&after).unwrap_or_else(|e| self.fail(&format!("state: {e}")));
        if whole.owners != self.state.owners {
            let of = |state: &State| (1..=count).map(|p| (state.owners.usage(p), state.owners.parent(p))).collect::<Vec<_>>();
            let (a, b) = (of(&whole), of(&self.state));
            let wrong: Vec<_> = (0..count as usize).filter(|i| a[*i] != b[*i]).map(|i| (i + 1, a[i], b[i])).collect();
            self.fail(&format!("owners (page, is, believed): {wrong:?}"));
        }
        if whole.schema.objects != self.state.schema.objects || whole.schema.tables != self.state.schema.tables {
            self.fail("schema");
        }
        let size = self.state.schema.header.page_size as usize;
        let mut image = before_image;
        image.resize(count as usize * size, 0);
        for (page, bytes) in pages {
            image[(page as usize - 1) * size..][..size].copy_from_slice(&bytes);
        }
        self.image = image;
        self.commits += 1;
    }

    fn apply(&mut self, found: Changes) {
        let mut last = None;
        for change in found.rows {
            self.changed += 1;
            let text = change.key.text(&change.table, usize::MAX);
            let parsed = Key::parse(&text, &change.table).unwrap_or_else(|e| self.fail(&format!("key: {e}")));
            if parsed != change.key {
                self.fail(&format!("key {text} became {parsed:?}"));
            }
            let place = (change.table.name.to_string(), text);
            if last.replace(place.clone()).as_ref() == Some(&place) || change.before == change.after {
                self.fail(&format!("said twice, or no change: {place:?}"));
            }
            for row in [&change.before, &change.after].into_iter().flatten() {
                if Row::from_json(&row.to_json()).ok().as_ref() != Some(row) {
                    self.fail(&format!("json of {row:?}"));
                }
            }
            let was = match change.after {
                Some(row) => self.rows.insert(place.clone(), row),
                None => self.rows.remove(&place),
            };
            if was != change.before {
                self.fail(&format!("before of {place:?}: {was:?} is not {:?}", change.before));
            }
        }
    }

    /// Compares the rows that we believe in with those that SQLite gives.
    fn compare(&self) {
        let mut seen = 0;
        let encoding = self.state.schema.header.encoding;
        for table in self.state.schema.tables.iter().filter(|t| recorded(t)) {
            let list = |columns: &[String]| columns.join(", ");
            let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
            let columns: Vec<String> = table.columns.iter().map(|c| quote(&c.name)).collect();
            // Text as the bytes in the file: SQLite shows UTF-16 that is not valid as something else.
            let raw: Vec<String> = columns.iter().map(|c| format!("{c}, CASE typeof({c}) WHEN 'text' THEN CAST({c} AS BLOB) END")).collect();
            let rowid = if table.without_rowid { "0" } else { "_rowid_" };
            let sql = format!("SELECT {rowid}, {} FROM {}", list(&raw), quote(&table.name));
            let mut statement = self.db.prepare(&sql).unwrap_or_else(|e| self.fail(&format!("{sql}: {e}")));
            self.compare_keys(table);
            let mut found = statement.query([]).expect("a query");
            while let Some(row) = found.next().unwrap_or_else(|e| self.fail(&format!("{sql}: {e}"))) {
                seen += 1;
                let rowid: i64 = row.get(0).expect("a rowid");
                let values: Vec<Value> = (0..columns.len()).map(|i| value(row, 1 + 2 * i, encoding)).collect();
                let key = match &table.key {
                    PrimaryKey::Columns(key) if table.without_rowid || key.iter().all(|c| values[*c] != Value::Null) => {
                        Key::Columns(key.iter().map(|c| values[*c].clone()).collect())
                    }
                    PrimaryKey::Alias(_) => Key::Columns(vec![Value::Integer(rowid)]),
                    _ => Key::Rowid(rowid),
                };
                let place = (table.name.to_string(), key.text(table, usize::MAX));
                let Some(own) = self.rows.get(&place) else { self.fail(&format!("missing {place:?}")) };
                for (i, (column, theirs)) in table.columns.iter().zip(&values).enumerate() {
                    let ours = match own.get(&column.name) {
                        _ if column.generated == Some(Generated::Virtual) => continue,
                        Some(ours) => ours.clone(),
                        None => table.default_for(i).unwrap_or_else(|e| self.fail(&format!("default: {e}"))),
                    };
                    if ours != *theirs {
                        self.fail(&format!("{place:?} column {}: {ours:?} is not {theirs:?}", column.name));
                    }
                }
            }
        }
        if seen != self.rows.len() {
            self.fail(&format!("{} rows are believed, {seen} are there", self.rows.len()));
        }
    }

    /// Compares what we know of the key and the columns with what SQLite knows.
    fn compare_keys(&self, table: &Table) {
        let mut statement = self.db.prepare("SELECT name, pk, hidden FROM pragma_table_xinfo(?1)").expect("a query");
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let infos: Vec<(String, i64, i64)> = statement.query_map([&*table.name], read).expect("rows").map(|r| r.expect("a row")).collect();
        let names: Vec<&str> = infos.iter().map(|(name, _, _)| name.as_str()).collect();
        assert_eq!(names, table.columns.iter().map(|c| &*c.name).collect::<Vec<_>>());
        let mut key: Vec<(i64, usize)> = infos.iter().enumerate().filter(|(_, i)| i.1 > 0).map(|(at, i)| (i.1, at)).collect();
        key.sort_unstable();
        let key: Vec<usize> = key.into_iter().map(|(_, at)| at).collect();
        match &table.key {
            PrimaryKey::Rowid => assert!(key.is_empty(), "{}", table.name),
            PrimaryKey::Alias(column) => assert_eq!(key, [*column], "{}", table.name),
            PrimaryKey::Columns(columns) => assert_eq!(&key, columns, "{}", table.name),
        }
        let hidden = |generated| match generated {
            None => 0,
            Some(Generated::Virtual) => 2,
            Some(Generated::Stored) => 3,
        };
        assert!(infos.iter().zip(&table.columns).all(|(info, column)| info.2 == hidden(column.generated)), "{}", table.name);
    }
}

/// A state of which only those pages can be read that a capture keeps.
struct Holes<'a> {
    inner: &'a Bytes<'a>,
    state: State,
}

impl Pages for Holes<'_> {
    fn page(&self, number: u32) -> annals::Result<std::borrow::Cow<'_, [u8]>> {
        assert!(self.state.owners.keeps(number) || number > self.count(), "page {number} is read, which is of no table");
        self.inner.page(number)
    }

    fn count(&self) -> u32 {
        self.inner.count()
    }
}

/// The value in column `at`, whose bytes are in the next one if it is text.
fn value(row: &rusqlite::Row<'_>, at: usize, encoding: Encoding) -> Value {
    match row.get_ref(at).expect("a value") {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Integer(n),
        ValueRef::Real(n) => Value::Real(n),
        ValueRef::Text(_) => Value::text(&row.get::<_, Vec<u8>>(at + 1).expect("bytes"), encoding),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

/// Makes databases and says things to them.
struct Writer {
    dice: Dice,
    names: u64,
    /// Tables that statements name, with their columns that can be written.
    tables: Vec<(String, Vec<String>)>,
}

const TYPES: [&str; 14] = [
    "INTEGER",
    "INT",
    "TEXT",
    "REAL",
    "BLOB",
    "",
    "NUMERIC",
    "VARCHAR(20)",
    "DOUBLE PRECISION",
    "BOOLEAN",
    "DECIMAL(10, 2)",
    "\"INTEGER\"",
    "FLOATING POINT",
    "CLOB",
];

impl Writer {
    fn literal(&mut self) -> String {
        let dice = &mut self.dice;
        match dice.below(20) {
            0 => "NULL".into(),
            1..=4 => (dice.below(300) as i64 - 100).to_string(),
            5 => dice.pick(&["9223372036854775807", "-9223372036854775808", "2147483648", "-32769", "140737488355328"]).into(),
            6 => dice.pick(&["1.5", "-0.25", "3.0", "1e300", "9e999", "-9e999", "0.1", "1e-7", "123456789012345680.0", "-0.0"]).into(),
            7 => format!("zeroblob({})", dice.below(40)),
            8 => format!("randomblob({})", dice.below(30)),
            9 => format!("zeroblob({})", [900, 5_000, 70_000][dice.below(3) as usize]),
            10 => format!("printf('%.*c', {}, '{}')", dice.below(9_000), dice.pick(&["x", "å", "𝄞"])),
            11 => dice
                .pick(&["CAST(x'ff41' AS TEXT)", "CAST(x'00d84100' AS TEXT)", "CAST(x'414243' AS TEXT)", "x''", "''", "char(0)", "'a'||char(0)||'b'"])
                .into(),
            12 => dice
                .pick(&["'12'", "'1.5'", "'null'", "'rowid:3'", "'x''00'''", "'#a'", "'=1'", "'''q'", "'a/b,c%d'", "'1e5'", "'inf'", "' 7'"])
                .into(),
            _ => format!("'{}{}'", dice.pick(&["apple", "Pear", "æøå", "日本", "row"]), dice.below(1000)),
        }
    }

    fn name(&mut self, what: &str) -> String {
        self.names += 1;
        let n = self.names;
        match self.dice.below(6) {
            0 => format!("\"{what} {n}\""),
            1 => format!("[{what}'{n}]"),
            2 => format!("`{}{n}`", what.to_uppercase()),
            _ => format!("{what}{n}"),
        }
    }

    /// A statement that makes a table; what it is goes to `tables`.
    fn create(&mut self) -> String {
        let table = self.name("t");
        let strict = self.dice.chance(15);
        let mut columns = Vec::new();
        let mut definitions = Vec::new();
        for _ in 0..1 + self.dice.below(6) {
            let name = self.name("c");
            let kind = if strict { self.dice.pick(&["INTEGER", "INT", "TEXT", "REAL", "BLOB", "ANY"]) } else { self.dice.pick(&TYPES) };
            let extra = match self.dice.below(12) {
                0 if !strict => " DEFAULT 7",
                1 => " COLLATE NOCASE",
                2 if !strict => " DEFAULT 'x y' CHECK (1)",
                3 => " /* , */ NULL",
                4 => " CONSTRAINT \"named\" CHECK (length('),') > 0)",
                5 => " REFERENCES other(a, b) ON DELETE SET DEFAULT ON UPDATE NO ACTION DEFERRABLE INITIALLY DEFERRED",
                _ => "",
            };
            definitions.push(format!("{name} {kind}{extra}"));
            columns.push(name);
        }
        let mut without = "";
        let mut constraint = String::new();
        match self.dice.below(9) {
            0 => {}
            1 | 2 => {
                let how = self.dice.pick(&[
                    "INTEGER PRIMARY KEY",
                    "INTEGER PRIMARY KEY AUTOINCREMENT",
                    "integer PRIMARY KEY ASC",
                    "INTEGER PRIMARY KEY DESC",
                    "INT PRIMARY KEY",
                ]);
                let name = self.name("id");
                definitions.insert(self.dice.below(definitions.len() as u64 + 1) as usize, format!("{name} {how}"));
                if how.starts_with("INT ") || how.ends_with("DESC") {
                    columns.push(name);
                }
            }
            3 => {
                let name = self.name("id");
                definitions.push(format!("{name} INTEGER"));
                constraint = format!(", CONSTRAINT pk PRIMARY KEY ({name} {})", self.dice.pick(&["DESC", "ASC", "COLLATE NOCASE", ""]));
            }
            4 => {
                let name = self.name("k");
                definitions.insert(0, format!("{name} {} PRIMARY KEY", self.dice.pick(&["TEXT", "BLOB", "REAL"])));
                columns.insert(0, name);
            }
            kind => {
                let mut key = Vec::new();
                for _ in 0..1 + self.dice.below(3) {
                    let column = columns[self.dice.below(columns.len() as u64) as usize].clone();
                    key.push(format!("{column} {}", self.dice.pick(&["", "DESC", "COLLATE NOCASE", "COLLATE RTRIM DESC", "ASC"])));
                }
                constraint = format!(", PRIMARY KEY ({})", key.join(", "));
                if kind > 5 {
                    without = "WITHOUT ROWID";
                }
            }
        }
        for _ in 0..self.dice.below(3) {
            let name = self.name("g");
            let source = columns[self.dice.below(columns.len() as u64) as usize].clone();
            let how = self.dice.pick(&["VIRTUAL", "STORED", "", "VIRTUAL"]);
            let kind = if strict { "ANY" } else { self.dice.pick(&["", "TEXT", "REAL", "INT"]) };
            let words = self.dice.pick(&["AS", "GENERATED ALWAYS AS"]);
            let at = self.dice.below(definitions.len() as u64 + 1) as usize;
            definitions.insert(at, format!("{name} {kind} {words} (coalesce({source}, 1)) {how}"));
        }
        let options = [without, if strict { "STRICT" } else { "" }].iter().filter(|o| !o.is_empty()).copied().collect::<Vec<_>>().join(", ");
        let sql = format!("CREATE TABLE {table} ({}{constraint}) {options}", definitions.join(", -- a comment, with (\n"));
        self.tables.push((table, columns));
        sql
    }

    fn table(&mut self) -> Option<(String, Vec<String>)> {
        let n = self.dice.below(self.tables.len() as u64) as usize;
        self.tables.get(n).cloned()
    }

    fn insert(&mut self, rows: u64) -> Option<String> {
        let (table, columns) = self.table()?;
        let how = self.dice.pick(&["INSERT OR IGNORE", "INSERT OR REPLACE", "INSERT OR IGNORE"]);
        let rows: Vec<String> = (0..rows).map(|_| format!("({})", columns.iter().map(|_| self.literal()).collect::<Vec<_>>().join(", "))).collect();
        Some(format!("{how} INTO {table} ({}) VALUES {}", columns.join(", "), rows.join(", ")))
    }

    /// A condition that holds for some rows.
    fn some(&mut self) -> String {
        let part = [2, 5, 20][self.dice.below(3) as usize];
        format!("abs(random()) % {part} = 0")
    }

    fn change(&mut self) -> Option<String> {
        let (table, columns) = self.table()?;
        let column = columns[self.dice.below(columns.len() as u64) as usize].clone();
        let value = self.literal();
        let some = self.some();
        Some(match self.dice.below(13) {
            // Enough rows for trees of several levels.
            12 => {
                let value =
                    |dice: &mut Dice| dice.pick(&["i", "'k' || i", "random()", "hex(randomblob(9))", "i / 3.0", "i % 50", "zeroblob(i % 30)"]);
                let values: Vec<&str> = columns.iter().map(|_| value(&mut self.dice)).collect();
                let n = [300, 1500, 4000][self.dice.below(3) as usize];
                let numbers = format!("WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {n})");
                format!("{numbers} INSERT OR REPLACE INTO {table} ({}) SELECT {} FROM n", columns.join(", "), values.join(", "))
            }
            0..=4 => format!("UPDATE OR IGNORE {table} SET {column} = {value} WHERE {some}"),
            5 => format!("UPDATE OR REPLACE {table} SET {column} = {value} || random() WHERE {some}"),
            6..=8 => format!("DELETE FROM {table} WHERE {some}"),
            9 => format!("DELETE FROM {table}"),
            _ => {
                let n = [3, 60, 250][self.dice.below(3) as usize];
                return self.insert(n);
            }
        })
    }

    /// One statement of the schema.
    fn define(&mut self) -> Option<String> {
        let choice = self.dice.below(14);
        if choice < 3 || self.tables.is_empty() {
            return Some(self.create());
        }
        let at = self.dice.below(self.tables.len() as u64) as usize;
        let (table, columns) = self.tables[at].clone();
        let column = columns[self.dice.below(columns.len() as u64) as usize].clone();
        let fresh = self.name("n");
        Some(match choice {
            3 if self.tables.len() > 2 => {
                self.tables.remove(at);
                format!("DROP TABLE {table}")
            }
            4..=6 => {
                let kind = self.dice.pick(&[
                    "TEXT DEFAULT 5",
                    "REAL DEFAULT 5",
                    "INT DEFAULT '12'",
                    "DEFAULT x'0102'",
                    "TEXT DEFAULT (-3)",
                    "",
                    "NUMERIC DEFAULT 1.0",
                    "TEXT DEFAULT red",
                    "INT DEFAULT TRUE",
                ]);
                let strict = self.dice.pick(&["TEXT", "INTEGER DEFAULT 3"]);
                self.tables[at].1.push(fresh.clone());
                format!("ALTER TABLE {table} ADD COLUMN {fresh} {}", if self.dice.chance(20) { strict } else { kind })
            }
            7 => format!("ALTER TABLE {table} ADD COLUMN {fresh} AS (1 + 1) VIRTUAL"),
            8 => {
                self.tables[at].1.retain(|c| *c != column);
                if self.tables[at].1.is_empty() {
                    self.tables.remove(at);
                }
                format!("ALTER TABLE {table} DROP COLUMN {column}")
            }
            9 => {
                self.tables[at].1.iter_mut().filter(|c| **c == column).for_each(|c| c.clone_from(&fresh));
                format!("ALTER TABLE {table} RENAME COLUMN {column} TO {fresh}")
            }
            10 => {
                self.tables[at].0.clone_from(&fresh);
                format!("ALTER TABLE {table} RENAME TO {fresh}")
            }
            11 => format!("CREATE INDEX {fresh} ON {table} ({column})"),
            12 => format!("CREATE UNIQUE INDEX {fresh} ON {table} ({column} COLLATE NOCASE DESC)"),
            // The rebuild of the documentation of ALTER TABLE, in short.
            _ => {
                let list = columns.join(", ");
                let definitions = columns.iter().map(|c| format!("{c} {}", TYPES[self.dice.below(11) as usize])).collect::<Vec<_>>().join(", ");
                let key = self.dice.pick(&["", ", extra INTEGER PRIMARY KEY"]);
                format!(
                    "CREATE TABLE {fresh} ({definitions}{key}); INSERT INTO {fresh} ({list}) SELECT {list} FROM {table}; DROP TABLE {table}; ALTER TABLE {fresh} RENAME TO {table}"
                )
            }
        })
    }
}

/// Tables that statements may name: what SQLite refused is taken back by asking it.
fn refresh(world: &World, writer: &mut Writer) {
    let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    writer.tables.clear();
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    let mut statement = world.db.prepare(sql).expect("a query");
    let names: Vec<String> = statement.query_map([], |row| row.get(0)).expect("names").map(|n| n.expect("a name")).collect();
    for name in names {
        let mut columns =
            world.db.prepare("SELECT name FROM pragma_table_xinfo(?1) WHERE hidden = 0 AND NOT (pk = 1 AND type LIKE 'integer')").expect("a query");
        let columns: Vec<String> =
            columns.query_map([&name], |row| row.get::<_, String>(0)).expect("columns").map(|n| quote(&n.expect("a name"))).collect();
        if !columns.is_empty() {
            writer.tables.push((quote(&name), columns));
        }
    }
}

/// Makes SQLite leave 32 bytes of each page alone, as extensions that keep a checksum or a nonce there do.
pub fn reserve(db: Connection, path: &Path, log: &mut Vec<String>) -> Connection {
    db.execute_batch("PRAGMA user_version = 1").expect("page 1");
    drop(db);
    let mut bytes = std::fs::read(path).expect("the file");
    let usable = (bytes.len() - 32) as u16;
    bytes[20] = 32;
    // Where the cells of the empty page begin.
    bytes[105..107].copy_from_slice(&usable.to_be_bytes());
    std::fs::write(path, bytes).expect("the file");
    log.push("-- with 32 reserved bytes".into());
    let db = Connection::open(path).expect("the database");
    db.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA cache_size = 10").expect("settings");
    db
}

/// Runs one seed; gives row changes and commits.
fn play(seed: u64) -> (u64, u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("app.db");
    let mut writer = Writer { dice: Dice::new(seed), names: 0, tables: Vec::new() };
    let db = Connection::open(&path).expect("a database");
    let dice = &mut writer.dice;
    let page_size = [512u64, 1024, 4096, 512, 8192, 65_536][dice.below(6) as usize];
    let setup = format!(
        "PRAGMA page_size = {page_size}; PRAGMA encoding = '{}'; PRAGMA auto_vacuum = {}; PRAGMA foreign_keys = OFF; PRAGMA cache_size = {};",
        dice.pick(&["UTF-8", "UTF-8", "UTF-16le", "UTF-16be"]),
        dice.pick(&["NONE", "NONE", "FULL", "INCREMENTAL"]),
        dice.pick(&["10", "2000"]),
    );
    let mut log = vec![format!("-- seed {seed}"), setup.clone()];
    db.execute_batch(&setup).expect("settings");
    let db = if writer.dice.chance(25) { reserve(db, &path, &mut log) } else { db };
    for _ in 0..2 + writer.dice.below(3) {
        let sql = writer.create();
        if let Err(e) = db.execute_batch(&sql) {
            log.push(format!("-- {e}: {sql}"));
        } else {
            log.push(sql);
        }
    }
    db.execute_batch("CREATE TABLE always (a, b TEXT); PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF")
        .expect("WAL");
    let mut world = World::watch(db, &path, log);
    for _ in 0..STEPS {
        refresh(&world, &mut writer);
        step(&mut world, &mut writer);
    }
    (world.changed, world.commits)
}

fn step(world: &mut World, writer: &mut Writer) {
    match writer.dice.below(40) {
        0..=5 => {
            let sql = writer.define().expect("a statement");
            world.run(&format!("BEGIN; {sql}; COMMIT"));
            world.run("ROLLBACK");
        }
        6 => {
            let sql = writer.dice.pick(&["VACUUM", "PRAGMA incremental_vacuum(3)", "ANALYZE", "REINDEX", "PRAGMA user_version = 9"]);
            world.run(sql);
        }
        7 => {
            world.run("PRAGMA wal_checkpoint(RESTART)");
        }
        8 => blob_write(world, writer),
        // Spills to the log and is rolled back, in part or whole.
        9 | 10 => {
            let statements: Vec<String> = (0..4).filter_map(|_| writer.change()).collect();
            let big = writer.insert(300).unwrap_or_default();
            let keep = writer.change().unwrap_or_default();
            world.run("BEGIN");
            world.run(&keep);
            world.run("SAVEPOINT a");
            statements.iter().for_each(|sql| {
                world.run(sql);
            });
            world.run(&big);
            world.run("ROLLBACK TO a");
            world.run(writer.dice.pick(&["COMMIT", "ROLLBACK"]));
        }
        11 => {
            let statements: Vec<String> = (0..3).filter_map(|_| writer.change()).collect();
            statements.iter().for_each(|sql| {
                world.run(sql);
            });
            return world.gap();
        }
        // Several kinds of work in one transaction.
        12..=16 => {
            world.run("BEGIN");
            for _ in 0..2 + writer.dice.below(4) {
                let sql = if writer.dice.chance(25) { writer.define() } else { writer.change() };
                world.run(&sql.unwrap_or_default());
            }
            world.run("COMMIT");
        }
        _ => {
            let sql = writer.change().unwrap_or_default();
            world.run(&sql);
        }
    }
    if !world.db.is_autocommit() {
        world.run("ROLLBACK");
    }
    world.follow();
}

/// Writes into a large value in place: only overflow pages change.
fn blob_write(world: &mut World, writer: &mut Writer) {
    let (db, state) = (&world.db, &world.state);
    for table in state.schema.tables.iter().filter(|t| recorded(t) && !t.without_rowid) {
        for column in &table.columns {
            let quote = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
            let (name, of) = (quote(&column.name), quote(&table.name));
            let sql = format!("SELECT _rowid_ FROM {of} WHERE typeof({name}) = 'blob' AND length({name}) > 600 LIMIT 1");
            let Ok(rowid) = db.query_row(&sql, [], |row| row.get::<_, i64>(0)) else { continue };
            let Ok(mut blob) = db.blob_open(MAIN_DB, &*table.name, &*column.name, rowid, false) else { continue };
            let at = writer.dice.below(blob.len() as u64 - 20) as usize;
            blob.write_at(b"written in place", at).expect("a write");
            world.log.push(format!("-- wrote into {of}.{name} of {rowid} at {at}"));
            return;
        }
    }
}

#[test]
fn changes_of_random_transactions_are_those_of_sqlite() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds: Vec<u64> = match number("ANNALS_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("ANNALS_SEEDS").unwrap_or(12)).collect(),
    };
    let (mut changed, mut commits) = (0, 0);
    for seed in seeds {
        let (rows, transactions) = play(seed);
        changed += rows;
        commits += transactions;
    }
    println!("{changed} row changes in {commits} commits, no mismatch");
    assert!(commits > 5, "only {commits} commits were seen");
}
