//! The tables of a database: what their rows look like on pages, and by what a row is known.

use std::sync::Arc;

use super::header::Header;
use super::record;
use super::sql::{self, Token, TokenKind};
use super::tree::Database;
use super::value::{Name, Value};
use crate::base::error::{Error, Kind, Result};

/// Tables, indexes, views and triggers: the most that are read. The largest schema that we know has 2,000.
pub(crate) const OBJECTS_MAX: usize = 200_000;

/// A row of `sqlite_schema`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// `table`, `index`, `view` or `trigger`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The table that it belongs to.
    pub table: String,
    /// The root page; 0 for what has none.
    pub root: u32,
    /// The statement that made it; none for indexes that SQLite makes for constraints.
    pub sql: Option<String>,
}

/// What SQLite turns values into before it stores them in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// Whole numbers where that loses nothing.
    Integer,
    /// Text; numbers become text.
    Text,
    /// Values stay what they are.
    Blob,
    /// Floating point; whole numbers are stored as integers and read as reals.
    Real,
    /// Numbers where that loses nothing.
    Numeric,
}

impl Affinity {
    /// The affinity of a declared type (<https://www.sqlite.org/datatype3.html>, 3.1).
    fn of(declared: &str) -> Affinity {
        let upper = declared.to_ascii_uppercase();
        let has = |word: &&str| upper.contains(*word);
        if has(&"INT") {
            Affinity::Integer
        } else if ["CHAR", "CLOB", "TEXT"].iter().any(has) {
            Affinity::Text
        } else if upper.is_empty() || has(&"BLOB") {
            Affinity::Blob
        } else if ["REAL", "FLOA", "DOUB"].iter().any(has) {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }
}

/// How a generated column gets its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generated {
    /// Computed when it is read; not in the file.
    Virtual,
    /// Computed when the row is written, and stored.
    Stored,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Name,
    /// The declared type as it is written, without quotes; empty without one.
    pub declared: String,
    /// What values become.
    pub affinity: Affinity,
    /// The text of the default: a literal or an expression.
    pub default: Option<String>,
    /// Set for a generated column.
    pub generated: Option<Generated>,
    /// The collation, where one is named.
    pub collation: Option<String>,
    /// Whether it is declared NOT NULL.
    pub not_null: bool,
}

/// By what a row of a table is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrimaryKey {
    /// There is no key: the rowid.
    Rowid,
    /// One column that is another name of the rowid (INTEGER PRIMARY KEY).
    Alias(usize),
    /// These columns, in the order of the key.
    Columns(Vec<usize>),
}

/// Why a table is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The application's own.
    Plain,
    /// SQLite's own (`sqlite_sequence`, `sqlite_stat1`, ..).
    Internal,
    /// A virtual table keeps its data in it.
    Shadow {
        /// The virtual table.
        of: String,
        /// Whether it holds the text itself (the `_content` of a full-text table), which an index could not be built again without.
        content: bool,
    },
    /// A virtual table; it has no pages.
    Virtual {
        /// The module that implements it.
        module: String,
    },
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: Name,
    /// Its root page; 0 for a virtual table.
    pub root: u32,
    /// Why it is there.
    pub role: Role,
    /// The columns, in the order of their declaration.
    pub columns: Vec<Column>,
    /// By what its rows are known.
    pub key: PrimaryKey,
    /// Whether its rows lie in an index b-tree, by key.
    pub without_rowid: bool,
    /// Whether types are enforced.
    pub strict: bool,
    /// For each value of a record the column that it belongs to.
    pub stored: Vec<usize>,
    /// Why its statement could not be understood; its rows cannot be read then.
    pub unclear: Option<String>,
}

impl Table {
    /// Fails for a table whose statement was not understood, with its name.
    pub fn check(&self) -> Result<()> {
        match &self.unclear {
            None => Ok(()),
            Some(why) => Err(Error::new(Kind::Failed, "sqlite.table", format!("the definition of a table cannot be read: {why}: {}", self.name))
                .hint("leave the table out, or capture a copy of the database as a file")),
        }
    }

    /// Whether records of `self`, read as records of `later`, mean the same: `later` is `self` or has more columns at its end.
    pub fn reads_as(&self, later: &Table) -> bool {
        let meaning = |table: &Table, column: usize| {
            let column = &table.columns[column];
            (column.name.clone(), column.affinity == Affinity::Real, column.affinity == Affinity::Text)
        };
        let key = |table: &Table| match &table.key {
            PrimaryKey::Rowid => None,
            PrimaryKey::Alias(column) => Some((true, vec![meaning(table, *column)])),
            PrimaryKey::Columns(columns) => Some((false, columns.iter().map(|c| meaning(table, *c)).collect())),
        };
        let alias = |table: &Table, column: usize| table.key == PrimaryKey::Alias(column);
        self.unclear.is_none()
            && later.unclear.is_none()
            && self.without_rowid == later.without_rowid
            && key(self) == key(later)
            && self.stored.len() <= later.stored.len()
            && self.stored.iter().zip(&later.stored).all(|(a, b)| meaning(self, *a) == meaning(later, *b) && alias(self, *a) == alias(later, *b))
    }

    /// The value that rows written before `ALTER TABLE .. ADD COLUMN` have in this column: its default, with the column's affinity. NULL without
    /// a default. Fails for a default that is no constant, which ADD COLUMN does not allow.
    pub fn default_for(&self, column: usize) -> Result<Value> {
        let unclear = || Error::damaged(format!("the default of a column of the SQLite table {}", self.name));
        let column = self.columns.get(column).ok_or_else(unclear)?;
        let Some(default) = &column.default else { return Ok(Value::Null) };
        let value = constant(default).ok_or_else(unclear)?;
        Ok(apply(value, column.affinity))
    }
}

/// The table that lists the others.
fn schema_table() -> Table {
    parse("CREATE TABLE sqlite_schema(type TEXT, name TEXT, tbl_name TEXT, rootpage INT, sql TEXT)", "sqlite_schema", 1)
}

/// Everything that a database consists of, at one moment.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The header at that moment.
    pub header: Header,
    /// The rows of `sqlite_schema`, in the order of their rowids.
    pub objects: Vec<Object>,
    /// The tables among them, and `sqlite_schema` itself as the first.
    pub tables: Vec<Arc<Table>>,
}

impl Schema {
    /// Reads the schema. Fails where the pages of `sqlite_schema` are damaged; a table whose statement is not understood is there with
    /// [`Table::unclear`].
    pub fn read(database: &Database<'_>) -> Result<Schema> {
        let own = schema_table();
        let mut objects = Vec::new();
        database.walk(1, &mut |page, _| {
            for index in 0..if page.kind().is_leaf() { page.cells() } else { 0 } {
                let values = record::parse(&database.payload(&page.cell(index)?)?, database.header().encoding)?;
                objects.push(object(values)?);
            }
            if objects.len() > OBJECTS_MAX { Err(Error::damaged("the schema of a SQLite database (too many objects)")) } else { Ok(()) }
        })?;
        let tables = std::iter::once(own).chain(tables(&objects)).map(Arc::new).collect();
        Ok(Schema { header: database.header().clone(), objects, tables })
    }

    /// The table with this name; as in SQLite, the case of ASCII letters does not matter.
    pub fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.iter().find(|table| table.name.eq_ignore_ascii_case(name))
    }
}

fn object(values: Vec<Value>) -> Result<Object> {
    let [kind, name, table, root, sql, ..] = &values[..] else {
        return Err(Error::damaged("the schema of a SQLite database"));
    };
    let text = |value: &Value| value.as_text().map(str::to_owned).ok_or_else(|| Error::damaged("the schema of a SQLite database"));
    let root = root.as_integer().map_or(Ok(0), u32::try_from).map_err(|_| Error::damaged("the schema of a SQLite database (root page)"))?;
    Ok(Object { kind: text(kind)?, name: text(name)?, table: text(table)?, root, sql: sql.as_text().map(str::to_owned) })
}

fn tables(objects: &[Object]) -> Vec<Table> {
    let made = objects.iter().filter(|o| o.kind == "table");
    let mut tables: Vec<Table> = made.map(|o| parse(o.sql.as_deref().unwrap_or_default(), &o.name, o.root)).collect();
    let virtuals: Vec<(Name, String)> = tables
        .iter()
        .filter_map(|t| match &t.role {
            Role::Virtual { module } => Some((t.name.clone(), module.clone())),
            _ => None,
        })
        .collect();
    for table in tables.iter_mut().filter(|t| t.role == Role::Plain) {
        if let Some(role) = virtuals.iter().find_map(|(of, module)| shadow(&table.name, of, module)) {
            table.role = role;
        }
    }
    tables
}

/// What the modules that come with SQLite, and the most used others, call the tables in which they keep their data.
fn shadow(name: &str, of: &str, module: &str) -> Option<Role> {
    let suffix = name.get(..of.len()).filter(|front| front.eq_ignore_ascii_case(of)).and_then(|_| name[of.len()..].strip_prefix('_'))?;
    let suffix = suffix.to_ascii_lowercase();
    let known: &[&str] = match module.to_ascii_lowercase().as_str() {
        "fts3" | "fts4" => &["content", "docsize", "segdir", "segments", "stat"],
        "fts5" => &["config", "content", "data", "docsize", "idx"],
        "rtree" | "rtree_i32" | "geopoly" => &["node", "parent", "rowid"],
        "spellfix1" => &["vocab"],
        "vec0" => &["chunks", "rowids", "info", "auxiliary"],
        _ => &[],
    };
    let numbered = module.eq_ignore_ascii_case("vec0") && (suffix.starts_with("vector_chunks") || suffix.starts_with("metadata"));
    (known.contains(&suffix.as_str()) || numbered).then(|| Role::Shadow { of: of.to_owned(), content: suffix == "content" })
}

/// Reads the statement of a table. What is not understood is said in [`Table::unclear`].
pub fn parse(sql: &str, name: &str, root: u32) -> Table {
    let internal = name.get(..7).is_some_and(|front| front.eq_ignore_ascii_case("sqlite_"));
    let mut table = Table {
        name: name.into(),
        root,
        role: if internal { Role::Internal } else { Role::Plain },
        columns: Vec::new(),
        key: PrimaryKey::Rowid,
        without_rowid: false,
        strict: false,
        stored: Vec::new(),
        unclear: None,
    };
    let read = sql::tokens(sql).map_err(|e| e.to_string()).and_then(|tokens| Parser { sql, tokens: &tokens, at: 0 }.statement(&mut table));
    if let Err(why) = read {
        table.unclear = Some(why);
    }
    table
}

/// A column of a PRIMARY KEY: its index and the collation that the key names.
struct KeyColumn {
    column: usize,
    collation: Option<String>,
}

/// What has been read of the primary key.
struct KeyClause {
    columns: Vec<KeyColumn>,
    /// `PRIMARY KEY DESC` behind a column, which keeps an INTEGER from being the rowid. (In a clause of its own it does not: a quirk of SQLite.)
    descending: bool,
}

struct Parser<'s> {
    sql: &'s str,
    tokens: &'s [Token],
    at: usize,
}

impl<'s> Parser<'s> {
    fn peek(&self) -> Option<&'s Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&'s Token> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    /// Takes the keyword if it comes next.
    fn take(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|t| t.is(keyword));
        self.at += usize::from(found);
        found
    }

    fn take_sign(&mut self, sign: char) -> bool {
        let found = self.peek().is_some_and(|t| t.is_sign(sign));
        self.at += usize::from(found);
        found
    }

    fn name(&mut self) -> Result<&'s str, String> {
        self.next().and_then(Token::name).ok_or_else(|| "a name is missing".to_owned())
    }

    fn need(&mut self, keyword: &str) -> Result<(), String> {
        if self.take(keyword) { Ok(()) } else { Err(format!("{keyword} is missing")) }
    }

    /// What is between the parenthesis that comes next and the one that closes it.
    fn group(&mut self) -> Result<&'s [Token], String> {
        if !self.take_sign('(') {
            return Err("a parenthesis is missing".to_owned());
        }
        let start = self.at;
        let mut depth = 1u32;
        while let Some(token) = self.next() {
            depth += u32::from(token.is_sign('('));
            depth -= u32::from(token.is_sign(')'));
            if depth == 0 {
                return Ok(&self.tokens[start..self.at - 1]);
            }
        }
        Err("a parenthesis is not closed".to_owned())
    }

    fn statement(&mut self, table: &mut Table) -> Result<(), String> {
        self.need("CREATE")?;
        if self.take("VIRTUAL") {
            self.need("TABLE")?;
            self.name_of_table()?;
            self.need("USING")?;
            table.role = Role::Virtual { module: self.name()?.to_owned() };
            return Ok(());
        }
        self.need("TABLE")?;
        self.name_of_table()?;
        let body = self.group()?;
        while let Some(option) = self.next() {
            if option.is("WITHOUT") {
                self.need("ROWID")?;
                table.without_rowid = true;
            } else if option.is("STRICT") {
                table.strict = true;
            } else if !option.is_sign(',') && !option.is_sign(';') {
                return Err("an option is not known".to_owned());
            }
        }
        let key = self.body(body, table)?;
        finish(table, key)
    }

    fn name_of_table(&mut self) -> Result<(), String> {
        if self.take("IF") {
            self.need("NOT")?;
            self.need("EXISTS")?;
        }
        self.name()?;
        if self.take_sign('.') {
            self.name()?;
        }
        Ok(())
    }

    fn body(&self, body: &'s [Token], table: &mut Table) -> Result<Option<KeyClause>, String> {
        let mut key = None;
        let mut constraints = false;
        for item in split(body) {
            let mut part = Parser { sql: self.sql, tokens: item, at: 0 };
            let begins = |word: &str| item.first().is_some_and(|t| t.is(word));
            if constraints || ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"].iter().any(|word| begins(word)) {
                constraints = true;
                part.table_constraints(table, &mut key)?;
            } else {
                part.column(table, &mut key)?;
            }
        }
        if table.columns.is_empty() || table.columns.len() > record::COLUMNS_MAX {
            return Err(format!("it has {} columns", table.columns.len()));
        }
        Ok(key)
    }

    fn table_constraints(&mut self, table: &Table, key: &mut Option<KeyClause>) -> Result<(), String> {
        while let Some(token) = self.next() {
            if token.is("CONSTRAINT") {
                self.name()?;
            } else if token.is("PRIMARY") {
                self.need("KEY")?;
                let group = self.group()?;
                let columns = split(group).map(|term| key_column(table, term)).collect::<Result<_, _>>()?;
                set_key(key, KeyClause { columns, descending: false })?;
                self.on_conflict()?;
            } else if token.is("UNIQUE") || token.is("CHECK") {
                self.group()?;
                self.on_conflict()?;
            } else if token.is("FOREIGN") {
                self.need("KEY")?;
                self.group()?;
                self.need("REFERENCES")?;
                self.references()?;
            } else {
                return Err("a constraint is not known".to_owned());
            }
        }
        Ok(())
    }

    fn column(&mut self, table: &mut Table, key: &mut Option<KeyClause>) -> Result<(), String> {
        let name = self.name()?;
        let declared = self.declared_type()?;
        let mut column = Column {
            name: name.into(),
            affinity: if table.strict && declared.eq_ignore_ascii_case("ANY") { Affinity::Blob } else { Affinity::of(&declared) },
            declared,
            default: None,
            generated: None,
            collation: None,
            not_null: false,
        };
        while let Some(token) = self.next() {
            if token.is("CONSTRAINT") {
                self.name()?;
            } else if token.is("NOT") && self.take("NULL") {
                column.not_null = true;
                self.on_conflict()?;
            } else if token.is("NULL") || token.is("UNIQUE") {
                self.on_conflict()?;
            } else if token.is("PRIMARY") {
                self.need("KEY")?;
                let descending = self.take("DESC");
                let _ = !descending && self.take("ASC");
                self.on_conflict()?;
                self.take("AUTOINCREMENT");
                let columns = vec![KeyColumn { column: table.columns.len(), collation: None }];
                set_key(key, KeyClause { columns, descending })?;
            } else if token.is("CHECK") {
                self.group()?;
                self.on_conflict()?;
            } else if token.is("DEFAULT") {
                column.default = Some(self.default()?);
            } else if token.is("COLLATE") {
                column.collation = Some(self.name()?.to_owned());
            } else if token.is("REFERENCES") {
                self.references()?;
            } else if token.is("GENERATED") || token.is("AS") {
                if token.is("GENERATED") {
                    self.need("ALWAYS")?;
                    self.need("AS")?;
                }
                self.group()?;
                let stored = self.take("STORED");
                let _ = !stored && self.take("VIRTUAL");
                column.generated = Some(if stored { Generated::Stored } else { Generated::Virtual });
            } else if token.is("NOT") || token.is("DEFERRABLE") {
                self.deferrable(token)?;
            } else {
                return Err(format!("column {name} is not understood"));
            }
        }
        table.columns.push(column);
        Ok(())
    }

    /// The type: names up to the first constraint, and up to two numbers in parentheses.
    fn declared_type(&mut self) -> Result<String, String> {
        const ENDS: [&str; 11] = ["CONSTRAINT", "NOT", "NULL", "PRIMARY", "UNIQUE", "CHECK", "DEFAULT", "COLLATE", "REFERENCES", "AS", "DEFERRABLE"];
        let first = self.at;
        while let Some(token) = self.peek() {
            let generated = token.is("GENERATED") && self.tokens.get(self.at + 1).is_some_and(|t| t.is("ALWAYS"));
            if token.name().is_none() || generated || ENDS.iter().any(|word| token.is(word)) {
                break;
            }
            self.at += 1;
        }
        if self.at > first && self.peek().is_some_and(|t| t.is_sign('(')) {
            self.group()?;
        }
        match &self.tokens[first..self.at] {
            [] => Ok(String::new()),
            [only] => Ok(only.name().unwrap_or_default().to_owned()),
            [start, .., end] => Ok(self.sql[start.start..end.end].to_owned()),
        }
    }

    fn on_conflict(&mut self) -> Result<(), String> {
        if self.take("ON") {
            self.need("CONFLICT")?;
            self.name()?;
        }
        Ok(())
    }

    /// What stands behind REFERENCES.
    fn references(&mut self) -> Result<(), String> {
        self.name()?;
        if self.peek().is_some_and(|t| t.is_sign('(')) {
            self.group()?;
        }
        while let Some(token) = self.peek() {
            if token.is("ON") {
                self.at += 2;
                let first = self.name()?;
                if first.eq_ignore_ascii_case("SET") || first.eq_ignore_ascii_case("NO") {
                    self.name()?;
                }
            } else if token.is("MATCH") {
                self.at += 1;
                self.name()?;
            } else if token.is("DEFERRABLE") || (token.is("NOT") && self.tokens.get(self.at + 1).is_some_and(|t| t.is("DEFERRABLE"))) {
                self.at += 1;
                self.deferrable(token)?;
            } else {
                break;
            }
        }
        Ok(())
    }

    /// `[NOT] DEFERRABLE [INITIALLY ..]`, whose first word has been taken.
    fn deferrable(&mut self, first: &Token) -> Result<(), String> {
        if first.is("NOT") {
            self.need("DEFERRABLE")?;
        }
        if self.take("INITIALLY") {
            self.name()?;
        }
        Ok(())
    }

    /// The text of a default.
    fn default(&mut self) -> Result<String, String> {
        let first = self.at;
        if self.peek().is_some_and(|t| t.is_sign('(')) {
            self.group()?;
        } else {
            let _ = self.take_sign('-') || self.take_sign('+');
            self.next().filter(|t| !matches!(t.kind, TokenKind::Sign(_))).ok_or("a default is missing")?;
        }
        Ok(self.sql[self.tokens[first].start..self.tokens[self.at - 1].end].to_owned())
    }
}

fn set_key(key: &mut Option<KeyClause>, found: KeyClause) -> Result<(), String> {
    if key.is_some() || found.columns.is_empty() {
        return Err("its primary key is not understood".to_owned());
    }
    *key = Some(found);
    Ok(())
}

/// One term of `PRIMARY KEY (..)`.
fn key_column(table: &Table, term: &[Token]) -> Result<KeyColumn, String> {
    let mut bare = term.iter().filter(|t| !t.is_sign('(') && !t.is_sign(')'));
    let name = bare.next().and_then(Token::name).ok_or("its primary key is not understood")?;
    let column = table.columns.iter().position(|c| c.name.eq_ignore_ascii_case(name)).ok_or_else(|| format!("its key names {name}"))?;
    let mut collation = None;
    while let Some(token) = bare.next() {
        if token.is("COLLATE") {
            collation = bare.next().and_then(Token::name).map(str::to_owned);
        }
    }
    Ok(KeyColumn { column, collation })
}

/// Cuts at the commas that are in no parentheses.
fn split(tokens: &[Token]) -> impl Iterator<Item = &[Token]> {
    let mut depth = 0i64;
    tokens
        .split(move |token| {
            depth += i64::from(token.is_sign('(')) - i64::from(token.is_sign(')'));
            depth == 0 && token.is_sign(',')
        })
        .filter(|part| !part.is_empty())
}

/// Decides what the key is and in which order values are stored.
fn finish(table: &mut Table, key: Option<KeyClause>) -> Result<(), String> {
    let in_file = |table: &Table, column: usize| table.columns[column].generated != Some(Generated::Virtual);
    let all = 0..table.columns.len();
    let Some(key) = key else {
        if table.without_rowid {
            return Err("it has neither rowids nor a key".to_owned());
        }
        table.stored = all.filter(|c| in_file(table, *c)).collect();
        return Ok(());
    };
    let mut columns: Vec<usize> = Vec::new();
    for part in &key.columns {
        if !columns.contains(&part.column) {
            columns.push(part.column);
        }
    }
    if table.without_rowid {
        // A column may be stored twice, if the key names it with two collations.
        let collation = |part: &KeyColumn| {
            let named = part.collation.as_deref().or(table.columns[part.column].collation.as_deref());
            named.unwrap_or("BINARY").to_ascii_uppercase()
        };
        let mut front: Vec<(usize, String)> = Vec::new();
        for part in &key.columns {
            let entry = (part.column, collation(part));
            if !front.contains(&entry) {
                front.push(entry);
            }
        }
        let rest = all.filter(|c| !columns.contains(c) && in_file(table, *c));
        table.stored = front.iter().map(|(c, _)| *c).chain(rest).collect();
        table.key = PrimaryKey::Columns(columns);
        return Ok(());
    }
    let integer = |column: usize| table.columns[column].declared.eq_ignore_ascii_case("INTEGER");
    table.key = match key.columns[..] {
        [KeyColumn { column, .. }] if integer(column) && !key.descending => PrimaryKey::Alias(column),
        _ => PrimaryKey::Columns(columns),
    };
    table.stored = all.filter(|c| in_file(table, *c)).collect();
    Ok(())
}

/// The value of a constant expression: a literal, with signs and parentheses.
fn constant(text: &str) -> Option<Value> {
    let tokens = sql::tokens(text).ok()?;
    let mut rest = &tokens[..];
    let mut negative = false;
    loop {
        match rest {
            [first, inner @ .., last] if first.is_sign('(') && last.is_sign(')') => rest = inner,
            [first, inner @ ..] if first.is_sign('-') => (rest, negative) = (inner, !negative),
            [first, inner @ ..] if first.is_sign('+') => rest = inner,
            _ => break,
        }
    }
    let [only] = rest else { return None };
    let value = match &only.kind {
        TokenKind::Number(number) => return numeric(number, negative),
        TokenKind::Text(text) | TokenKind::Quoted(text) => Value::Text(text.clone()),
        TokenKind::Blob(digits) => Value::Blob(unhex(digits)?),
        TokenKind::Word(word) => match word.to_ascii_uppercase().as_str() {
            "NULL" => Value::Null,
            "TRUE" => Value::Integer(if negative { -1 } else { 1 }),
            "FALSE" => Value::Integer(0),
            "CURRENT_TIME" | "CURRENT_DATE" | "CURRENT_TIMESTAMP" => return None,
            // A bare word is a string here (`DEFAULT red`).
            _ => Value::Text(word.clone()),
        },
        TokenKind::Sign(_) => return None,
    };
    match (negative, &value) {
        (true, Value::Text(_) | Value::Blob(_)) => None,
        _ => Some(value),
    }
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

fn numeric(number: &str, negative: bool) -> Option<Value> {
    let number = number.replace('_', "");
    if let Some(hex) = number.strip_prefix("0x").or(number.strip_prefix("0X")) {
        let value = u64::from_str_radix(hex, 16).ok()? as i64;
        return Some(Value::Integer(if negative { value.wrapping_neg() } else { value }));
    }
    let signed = if negative { format!("-{number}") } else { number };
    match signed.parse() {
        Ok(integer) => Some(Value::Integer(integer)),
        Err(_) => signed.parse().ok().map(Value::Real),
    }
}

/// Turns a default into what the column holds.
fn apply(value: Value, affinity: Affinity) -> Value {
    match (affinity, value) {
        (Affinity::Text, Value::Integer(n)) => Value::Text(n.to_string()),
        (Affinity::Text, Value::Real(n)) => Value::Text(format!("{n:?}")),
        (Affinity::Real, Value::Integer(n)) => Value::Real(n as f64),
        (Affinity::Real, Value::Text(text)) => match text.trim().parse::<f64>() {
            Ok(n) if n.is_finite() => Value::Real(n),
            _ => Value::Text(text),
        },
        (Affinity::Integer | Affinity::Numeric, Value::Text(text)) => match (text.trim().parse(), text.trim().parse::<f64>()) {
            (Ok(n), _) => Value::Integer(n),
            (_, Ok(n)) if n.is_finite() => whole(n),
            _ => Value::Text(text),
        },
        (Affinity::Integer | Affinity::Numeric, Value::Real(n)) => whole(n),
        (_, value) => value,
    }
}

/// A real as an integer where that loses nothing.
fn whole(n: f64) -> Value {
    let limit = (1i64 << 53) as f64;
    if n.fract() == 0.0 && n.abs() < limit { Value::Integer(n as i64) } else { Value::Real(n) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(sql: &str) -> Table {
        let table = parse(sql, "t", 2);
        assert_eq!(table.unclear, None, "{sql}");
        table
    }

    fn names(table: &Table) -> Vec<&str> {
        table.columns.iter().map(|c| &*c.name).collect()
    }

    #[test]
    fn names_types_and_constraints_are_told_apart() {
        let t = table(
            r#"CREATE TABLE main.t("a b" VARCHAR (10, 2) NOT NULL ON CONFLICT FAIL,
               [c,d] LONG INTEGER DEFAULT -1.5e3 CHECK (x IN ('),(')),
               `e` COLLATE nocase /* , */ DEFAULT (1 + (2)),
               'f' "REAL" REFERENCES o(p) ON DELETE SET NULL MATCH full NOT DEFERRABLE INITIALLY DEFERRED CONSTRAINT n UNIQUE,
               key, generated always as (1) stored, h INT GENERATED ALWAYS AS (2),
               CHECK (1) CONSTRAINT p FOREIGN KEY (f) REFERENCES q)"#,
        );
        assert_eq!(names(&t), ["a b", "c,d", "e", "f", "key", "generated", "h"]);
        let affinities: Vec<Affinity> = t.columns.iter().map(|c| c.affinity).collect();
        use Affinity::{Blob, Integer, Numeric, Real, Text};
        // The last but one is a column named "generated" of the type "always".
        assert_eq!(affinities, [Text, Integer, Blob, Real, Blob, Numeric, Integer]);
        assert_eq!((t.columns[0].declared.as_str(), t.columns[0].not_null), ("VARCHAR (10, 2)", true));
        let defaults: Vec<Option<&str>> = t.columns.iter().map(|c| c.default.as_deref()).collect();
        assert_eq!(defaults, [None, Some("-1.5e3"), Some("(1 + (2))"), None, None, None, None]);
        assert_eq!(t.columns[2].collation.as_deref(), Some("nocase"));
        assert_eq!(t.columns[6].generated, Some(Generated::Virtual));
        assert_eq!((t.stored.len(), t.key), (6, PrimaryKey::Rowid));
    }

    #[test]
    fn which_integer_is_the_rowid() {
        let key = |sql: &str| table(sql).key;
        let alias = PrimaryKey::Alias(1);
        let column = PrimaryKey::Columns(vec![1]);
        assert_eq!(key("CREATE TABLE t(a, b INTEGER PRIMARY KEY AUTOINCREMENT)"), alias);
        assert_eq!(key("CREATE TABLE t(a, b integer CONSTRAINT x PRIMARY KEY ASC ON CONFLICT REPLACE)"), alias);
        assert_eq!(key("CREATE TABLE t(a, b \"INTEGER\" PRIMARY KEY)"), alias);
        assert_eq!(key("CREATE TABLE t(a, b INTEGER, PRIMARY KEY ((b) COLLATE nocase DESC))"), alias);
        assert_eq!(key("CREATE TABLE t(a, b INTEGER, PRIMARY KEY ('B' AUTOINCREMENT))"), alias);
        assert_eq!(key("CREATE TABLE t(a, b INTEGER PRIMARY KEY DESC)"), column);
        assert_eq!(key("CREATE TABLE t(a, b INT PRIMARY KEY)"), column);
        assert_eq!(key("CREATE TABLE t(a, b INTEGER(4) PRIMARY KEY)"), column);
        assert_eq!(key("CREATE TABLE t(a, b INTEGER PRIMARY KEY) WITHOUT ROWID"), column);
        assert_eq!(key("CREATE TABLE t(a, b INTEGER, PRIMARY KEY (b, a))"), PrimaryKey::Columns(vec![1, 0]));
    }

    #[test]
    fn without_rowids_the_key_is_stored_first() {
        let t =
            table("CREATE TABLE t(a, b AS (a) VIRTUAL, c, d AS (c) STORED, e, PRIMARY KEY (e DESC, c, e, c COLLATE nocase)) STRICT, WITHOUT ROWID");
        assert_eq!(t.stored, [4, 2, 2, 0, 3]);
        assert_eq!((t.key, t.strict, t.without_rowid), (PrimaryKey::Columns(vec![4, 2]), true, true));
    }

    #[test]
    fn defaults_have_the_affinity_of_their_column() {
        let value = |kind: &str| table(&format!("CREATE TABLE t(a {kind})")).default_for(0).ok();
        assert_eq!(value("TEXT DEFAULT 5"), Some(Value::Text("5".into())));
        assert_eq!(value("REAL DEFAULT '5'"), Some(Value::Real(5.0)));
        assert_eq!(value("INT DEFAULT '12'"), Some(Value::Integer(12)));
        assert_eq!(value("NUMERIC DEFAULT 1.0"), Some(Value::Integer(1)));
        assert_eq!(value("DEFAULT -0x10"), Some(Value::Integer(-16)));
        assert_eq!(value("DEFAULT (- (- 3))"), Some(Value::Integer(3)));
        assert_eq!(value("DEFAULT x'0aFF'"), Some(Value::Blob(vec![10, 255])));
        assert_eq!(value("DEFAULT TRUE"), Some(Value::Integer(1)));
        assert_eq!(value("DEFAULT 'a''b'"), Some(Value::Text("a'b".into())));
        assert_eq!(value("DEFAULT red"), Some(Value::Text("red".into())));
        assert_eq!(value(""), Some(Value::Null));
        assert_eq!(value("DEFAULT CURRENT_TIMESTAMP"), None);
        assert_eq!(value("DEFAULT (random())"), None);
    }

    #[test]
    fn what_is_not_understood_names_the_table() {
        for sql in [
            "",
            "CREATE TABLE t",
            "CREATE TABLE t()",
            "CREATE TABLE t(a, PRIMARY KEY (b))",
            "CREATE TABLE t(a) WITHOUT ROWID",
            "CREATE TABLE t(a) NEW",
        ] {
            let table = parse(sql, "t", 2);
            let e = table.check().expect_err(sql);
            assert!(e.to_string().ends_with(": t") && e.what_next().is_some(), "{e}");
        }
    }

    #[test]
    fn tables_that_virtual_tables_keep_their_data_in_are_found() {
        let object = |name: &str, sql: &str| Object { kind: "table".into(), name: name.into(), table: name.into(), root: 2, sql: Some(sql.into()) };
        let made = [
            object("s", "CREATE VIRTUAL TABLE s USING fts5(body)"),
            object("s_content", "CREATE TABLE s_content(id INTEGER PRIMARY KEY, c0)"),
            object("s_idx", "CREATE TABLE s_idx(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID"),
            object("s_own", "CREATE TABLE s_own(a)"),
            object("sqlite_sequence", "CREATE TABLE sqlite_sequence(name,seq)"),
        ];
        let roles: Vec<Role> = tables(&made).into_iter().map(|t| t.role).collect();
        let shadow = |content| Role::Shadow { of: "s".into(), content };
        assert_eq!(roles, [Role::Virtual { module: "fts5".into() }, shadow(true), shadow(false), Role::Plain, Role::Internal]);
    }

    #[test]
    fn more_columns_at_the_end_leave_stored_rows_as_they_are() {
        let t = table("CREATE TABLE t(a TEXT PRIMARY KEY, b REAL)");
        assert!(t.reads_as(&table("CREATE TABLE t(a TEXT PRIMARY KEY, v AS (b) VIRTUAL, b DOUBLE, c)")));
        for other in [
            "t(a TEXT PRIMARY KEY, c REAL)",
            "t(a TEXT PRIMARY KEY)",
            "t(a TEXT, b REAL)",
            "t(a TEXT PRIMARY KEY, b INT)",
            "t(a PRIMARY KEY, b REAL)",
        ] {
            assert!(!t.reads_as(&table(&format!("CREATE TABLE {other}"))), "{other}");
        }
    }
}
