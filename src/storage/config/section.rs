//! Tables of the file: known keys, types, and errors that name the line.

use std::ops::Range;

use toml_edit::{Document, Item, TableLike};

use crate::base::error::{Error, Result};

use super::place::check_name;
use super::words::{nearest, shown};

/// The sections and their keys: all that the file may hold.
pub(super) const SECTIONS: [(&str, &[&str]); 13] = [
    ("store", &["site", "zone", "quota", "contact"]),
    ("schedule", &["ship", "cron", "window", "allowance", "drill"]),
    ("keep", &["floor", "within", "last", "daily", "weekly", "monthly", "yearly", "after_tenant_drop"]),
    ("erasable", &["prefixes"]),
    ("remote", &["name", "rclone", "directory", "rclone_config", "region", "operator_country", "domain", "expected"]),
    (
        "capture",
        &["name", "folder", "include", "exclude", "sqlite", "postgres", "password_file", "tables", "image", "prefix", "tenant", "table", "invariant"],
    ),
    ("capture.table", &["policy", "recompute", "counter"]),
    ("capture.invariant", &["name", "sql", "expect"]),
    ("tenant", &["regions", "remotes", "copies_min"]),
    ("alert", &["stale_after", "command", "email", "webhook", "webhook_secret_file"]),
    ("alert.email", &["to", "from", "server", "user", "password_file", "ca_file"]),
    ("preflight", &["name", "command", "timeout"]),
    ("web", &["enabled", "listen", "hosts", "proxy"]),
];

/// One table of the file, and where it stands.
pub(super) struct Section<'a> {
    text: &'a str,
    table: &'a dyn TableLike,
    /// The word of [`SECTIONS`].
    word: &'a str,
    pub(super) at: usize,
}

impl<'a> Section<'a> {
    /// `[word]`.
    pub(super) fn one(text: &'a str, at: usize, word: &'a str, item: &'a Item) -> Result<Self> {
        let table = item.as_table_like().ok_or_else(|| type_error(at, word, &format!("a section: [{word}]"), item))?;
        Section { text, table, word, at }.checked()
    }

    /// All of `[[word]]`.
    pub(super) fn list(text: &'a str, at: usize, word: &'a str, item: &'a Item) -> Result<Vec<Self>> {
        let tables = item.as_array_of_tables().ok_or_else(|| type_error(at, word, &format!("sections with two brackets: [[{word}]]"), item))?;
        tables.iter().map(|table| Section { text, table, word, at: line_of(text, table.span()) }.checked()).collect()
    }

    fn checked(self) -> Result<Self> {
        let known = known_keys(self.word);
        for (name, _) in self.table.iter() {
            if !known.contains(&name) {
                let error =
                    Error::usage("config.unknown", format!("annals.toml line {}: unknown key {} in {}", self.line(name), shown(name), self.title()));
                return Err(match (nearest(name, known.iter().copied()), home_of(name)) {
                    (Some(near), _) => error.hint(format!("did you mean {near}?")),
                    (None, Some(home)) => error.hint(format!("{name} belongs in [{home}]")),
                    (None, None) => error.hint(format!("known keys here: {}", known.join(", "))),
                });
            }
        }
        Ok(self)
    }

    /// The section as a person finds it in the file.
    pub(super) fn title(&self) -> String {
        match self.word {
            "remote" | "capture" | "capture.invariant" | "preflight" => format!("[[{}]]", self.word),
            word => format!("[{word}]"),
        }
    }

    pub(super) fn line(&self, key: &str) -> usize {
        line_of(self.text, self.table.key(key).and_then(|k| k.span()))
    }

    fn wrong_type(&self, key: &str, expected: &str, item: &Item) -> Error {
        type_error(self.line(key), &format!("{} {key}", self.title()), expected, item)
    }

    /// Gives an error of a value its line and key.
    pub(super) fn located<T>(&self, key: &str, value: Result<T>) -> Result<T> {
        locate(self.line(key), &format!("{} {key}", self.title()), value)
    }

    /// The table below a key, for sections within this one.
    pub(super) fn below(&self, key: &str) -> Option<(usize, &'a Item)> {
        self.table.get(key).map(|item| (self.line(key), item))
    }

    /// The text of the file that the section is in.
    pub(super) fn file(&self) -> &'a str {
        self.text
    }

    /// A text that `read` understands.
    pub(super) fn parsed<T>(&self, key: &str, read: impl FnOnce(&str) -> Result<T>) -> Result<Option<T>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        let text = item.as_str().ok_or_else(|| self.wrong_type(key, &format!("a text in quotes, {}", example_of(key)), item))?;
        self.located(key, read(text)).map(Some)
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        let wrong = || self.wrong_type(key, &format!("a list of texts, {}", example_of(key)), item);
        let array = item.as_array().ok_or_else(wrong)?;
        if array.is_empty() {
            // An empty list could mean none as well as all, and for regions that is not a thing to guess.
            return Err(value_error(self.line(key), format!("{} {key} is an empty list", self.title()))
                .hint(format!("write {}, or take the line away", example_of(key))));
        }
        array.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>().ok_or_else(wrong).map(Some)
    }

    /// A whole number from 1 to `max`.
    pub(super) fn count(&self, key: &str, max: u32) -> Result<Option<u32>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        let wrong = || self.wrong_type(key, &format!("a whole number from 1 to {max}, {}", example_of(key)), item);
        let number = item.as_integer().ok_or_else(wrong)?;
        match u32::try_from(number).ok().filter(|n| (1..=max).contains(n)) {
            Some(n) => Ok(Some(n)),
            None => Err(value_error(self.line(key), format!("{} {key}: {number} is not from 1 to {max}", self.title()))
                .hint(format!("write {}; to keep everything take the line away", example_of(key)))),
        }
    }

    /// Yes or no.
    pub(super) fn switch(&self, key: &str) -> Result<Option<bool>> {
        let Some(item) = self.table.get(key) else { return Ok(None) };
        item.as_bool().map(Some).ok_or_else(|| self.wrong_type(key, "true or false, without quotes", item))
    }

    /// The section's name, which none of `earlier` has.
    pub(super) fn name<'b>(&self, mut earlier: impl Iterator<Item = &'b str>) -> Result<String> {
        let Some(name) = self.parsed("name", |text| check_name(text).map(|()| text.to_owned()))? else {
            return Err(value_error(self.at, format!("{} has no name", self.title())).hint(format!("add a line: name = {}", example_of("name"))));
        };
        if earlier.any(|other| other == name) {
            return Err(Error::usage("config.twice", format!("annals.toml line {}: two {} have the name {name}", self.line("name"), self.title()))
                .hint("give one of them another name"));
        }
        Ok(name)
    }
}

pub(super) fn document(text: &str) -> Result<Document<&str>> {
    Document::parse(text).map_err(|e| {
        let why = e.message().lines().next().unwrap_or("not TOML").to_owned();
        Error::usage("config.syntax", format!("annals.toml line {}: {why}", line_of(text, e.span())))
            .hint("texts stand in double quotes, sections in brackets: [store] and then site = \"clinic-17\"")
    })
}

/// The line, counted from 1, on which a span starts.
pub(super) fn line_of(text: &str, span: Option<Range<usize>>) -> usize {
    let start = span.map_or(0, |s| s.start).min(text.len());
    1 + text.as_bytes()[..start].iter().filter(|b| **b == b'\n').count()
}

pub(super) fn known_keys(word: &str) -> &'static [&'static str] {
    SECTIONS.iter().find(|(section, _)| *section == word).map_or(&[], |(_, keys)| keys)
}

/// The section in which a key is known.
pub(super) fn home_of(key: &str) -> Option<&'static str> {
    SECTIONS.iter().find(|(_, keys)| keys.contains(&key)).map(|(section, _)| *section)
}

/// A right value for the right-hand side, as in the manual.
pub(super) fn example_of(key: &str) -> &'static str {
    match key {
        "site" => "\"clinic-17\"",
        "zone" => "\"Europe/Oslo\"",
        "quota" => "\"1 GiB\"",
        "prefixes" => "[\"person/\"]",
        "contact" => "\"Ingrid Dahl, +47 555 01 234\"",
        "domain" => "\"the cellar\"",
        "webhook" => "\"https://example.org/hooks/annals\"",
        "ca_file" => "\"/etc/annals/ca.crt\"",
        "webhook_secret_file" | "password_file" => "\"/etc/annals/secret\"",
        "to" => "[\"admin@example.org\"]",
        "from" => "\"annals@example.org\"",
        "server" => "\"smtps://mail.example.org\"",
        "user" => "\"annals\"",
        "timeout" => "\"30s\"",
        "ship" => "\"every 2h\"",
        "cron" => "\"0 */4 * * *\"",
        "window" => "[\"19:00-06:00 10 MiB/s\"]",
        "allowance" => "\"5 GB / month\"",
        "drill" => "\"every 180d\"",
        "floor" | "within" | "after_tenant_drop" => "\"30d\"",
        "daily" => "30",
        "monthly" => "12",
        "last" | "weekly" => "8",
        "yearly" => "10",
        "copies_min" => "2",
        "name" => "\"offsite-eu\"",
        "rclone" => "\"s3eu:hist/clinic-17\"",
        "directory" => "\"/media/backup/hist\"",
        "rclone_config" => "\"/etc/rclone.conf\"",
        "region" | "operator_country" => "\"se\"",
        "expected" => "\"weekly\"",
        "folder" => "\"/srv/letters\"",
        "sqlite" => "\"/var/lib/app/stock.db\"",
        "postgres" => "\"postgresql://annals@localhost/shop\"",
        "image" => "true",
        "tables" | "include" => "[\"*\"]",
        "exclude" => "[\"*.tmp\"]",
        "prefix" => "\"letters/\"",
        "tenant" => "\"agency-x\"",
        "regions" => "[\"se\"]",
        "remotes" => "[\"offsite-eu\"]",
        "stale_after" => "\"4h\"",
        "enabled" => "false",
        "proxy" => "true",
        "listen" => "\"127.0.0.1:7717\"",
        "hosts" => "[\"annals.example.org\"]",
        "policy" => "\"append\"",
        "recompute" => "[\"UPDATE stock SET n = (SELECT sum(n) FROM movement WHERE item = stock.id)\"]",
        "counter" => "\"number\"",
        "sql" => "\"SELECT count(*) FROM stock WHERE n < 0\"",
        "expect" => "\"0\"",
        _ => "[\"notify.cmd\"]",
    }
}

pub(super) fn unknown_section(name: &str, at: usize) -> Error {
    let error = |what: &str| Error::usage("config.unknown", format!("annals.toml line {at}: unknown {what}: {}", shown(name)));
    if let Some(home) = home_of(name) {
        return error("key outside all sections").hint(format!("{name} belongs in [{home}]"));
    }
    let words: Vec<&str> = SECTIONS.iter().map(|(word, _)| *word).collect();
    match nearest(name, words.iter().copied()) {
        Some(near) => error("section").hint(format!("did you mean [{near}]?")),
        None => error("section").hint(format!("known sections: {}", words.join(", "))),
    }
}

pub(super) fn value_error(at: usize, message: String) -> Error {
    Error::usage("config.value", format!("annals.toml line {at}: {message}"))
}

pub(super) fn type_error(at: usize, key: &str, expected: &str, found: &Item) -> Error {
    Error::usage("config.type", format!("annals.toml line {at}: {key} is {}", kind_of(found))).hint(format!("write {expected}"))
}

pub(super) fn kind_of(item: &Item) -> &'static str {
    match item.type_name() {
        "string" => "a text",
        "integer" => "a whole number",
        "float" => "a number with a fraction",
        "boolean" => "true or false",
        "datetime" => "a date or time",
        "array" => "a list",
        _ => "a section",
    }
}

pub(super) fn locate<T>(at: usize, place: &str, value: Result<T>) -> Result<T> {
    value.map_err(|e| {
        let error = value_error(at, format!("{place}: {e}"));
        match e.what_next() {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })
}
