//! What is printed: text for people, JSON for programs, errors to stderr with what to do next.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::base::error::{Error, Kind, Result};
use crate::face::view;

/// The forms of JSON output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Json {
    /// One object.
    Object,
    /// One object a line.
    Lines,
}

/// Standard output and error of one command. Buffered; flushed at the end.
#[derive(Clone)]
pub(crate) struct Out {
    json: Option<Json>,
    quiet: bool,
    colours: bool,
    stdout: Arc<Mutex<std::io::BufWriter<std::io::Stdout>>>,
}

fn closed(e: std::io::Error) -> Error {
    match e.kind() {
        std::io::ErrorKind::BrokenPipe => Error::new(Kind::Failed, "out.closed", "nobody reads the output any more"),
        _ => Error::io("write the output", e),
    }
}

impl Out {
    pub(crate) fn new(json: Option<Json>, quiet: bool) -> Self {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Out { json, quiet, colours, stdout: Arc::new(Mutex::new(std::io::BufWriter::new(std::io::stdout()))) }
    }

    /// Whether text is painted, because people read it on a terminal.
    pub(crate) fn colours(&self) -> bool {
        self.colours
    }

    /// Which JSON was asked for.
    pub(crate) fn json(&self) -> Option<Json> {
        self.json
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Result<()> {
        self.stdout.lock().unwrap_or_else(|e| e.into_inner()).write_all(bytes).map_err(closed)
    }

    /// Prints a line for people; nothing where JSON was asked for.
    pub(crate) fn line(&self, text: impl AsRef<str>) -> Result<()> {
        if self.json.is_some() {
            return Ok(());
        }
        self.bytes(text.as_ref().as_bytes())?;
        self.bytes(b"\n")
    }

    /// Prints a line that only explains; left out by `--quiet`, JSON, and pipes stay clean because it goes to stderr.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet && self.json.is_none() {
            let _ = self.flush();
            eprintln!("{}", text.as_ref());
        }
    }

    /// Prints the one JSON object of a command, where JSON was asked for. `schema` is like `annals.log/1`. What is not an object stands under
    /// `value`.
    pub(crate) fn object(&self, schema: &str, value: impl Serialize) -> Result<()> {
        if self.json.is_none() {
            return Ok(());
        }
        let (schema, value) = (text_of(&schema)?, text_of(&value)?);
        match value.strip_prefix('{') {
            Some("}") => self.bytes(format!("{{\"schema\":{schema}}}\n").as_bytes()),
            Some(members) => self.bytes(format!("{{\"schema\":{schema},{members}\n").as_bytes()),
            None => self.bytes(format!("{{\"schema\":{schema},\"value\":{value}}}\n").as_bytes()),
        }
    }

    /// Starts a list: with `--json=lines` each row is printed when it comes, with `--json` all rows in one object under `rows`.
    pub(crate) fn list(&self, schema: &'static str) -> List<'_> {
        List { out: self, schema, rows: Vec::new() }
    }

    /// Text in colour on a terminal, plain otherwise. `code` is an ANSI code like `32`.
    pub(crate) fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints an error with its hint to stderr; as JSON to stdout where JSON was asked for.
    pub(crate) fn error(&self, e: &Error) {
        if self.json.is_some() {
            let _ = self.bytes(format!("{}\n", view::error(e)).as_bytes());
        }
        self.complain(e);
    }

    /// Prints an error with its hint to stderr, where the JSON of the command holds it already.
    pub(crate) fn complain(&self, e: &Error) {
        let _ = self.flush();
        eprintln!("annals: {e}");
        if let Some(hint) = e.what_next() {
            eprintln!("  {hint}");
        }
    }

    /// Hands everything printed to the system.
    pub(crate) fn flush(&self) -> Result<()> {
        self.stdout.lock().unwrap_or_else(|e| e.into_inner()).flush().map_err(closed)
    }
}

/// Rows on their way out.
pub(crate) struct List<'o> {
    out: &'o Out,
    schema: &'static str,
    rows: Vec<Box<RawValue>>,
}

/// A value as JSON text: numbers and strings of documents stay as they were written, which `serde_json::Value` would not keep.
fn text_of(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(unwritable)
}

fn unwritable(e: serde_json::Error) -> Error {
    Error::new(Kind::Failed, "out.json", format!("the result cannot be written as JSON: {e}"))
}

impl List<'_> {
    /// One more row: `text` for people, `value` for programs.
    pub(crate) fn row<V: Serialize>(&mut self, text: impl FnOnce() -> String, value: impl FnOnce() -> V) -> Result<()> {
        match self.out.json {
            None => self.out.line(text()),
            Some(Json::Lines) => self.out.bytes(format!("{}\n", text_of(&value())?).as_bytes()),
            Some(Json::Object) => {
                self.rows.push(serde_json::value::to_raw_value(&value()).map_err(unwritable)?);
                Ok(())
            }
        }
    }

    /// Ends the list.
    pub(crate) fn finish(self) -> Result<()> {
        #[derive(Serialize)]
        struct Rows {
            rows: Vec<Box<RawValue>>,
        }
        match self.out.json {
            Some(Json::Object) => self.out.object(self.schema, Rows { rows: self.rows }),
            _ => Ok(()),
        }
    }
}
