//! What is printed: text for people, JSON for programs, errors to stderr with what to do next.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::base::error::{Error, Kind, Result};
use crate::face::view;
use crate::face::world::{self, Stream};

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
    stdout: Arc<Mutex<std::io::BufWriter<world::Stdout>>>,
    /// A list in one JSON object has begun and not ended.
    listing: Arc<AtomicBool>,
}

fn closed(e: std::io::Error) -> Error {
    match e.kind() {
        std::io::ErrorKind::BrokenPipe => Error::new(Kind::Failed, "out.closed", "nobody reads the output any more"),
        _ => Error::io("write the output", e),
    }
}

impl Out {
    pub(crate) fn new(json: Option<Json>, quiet: bool) -> Self {
        let here = world::here();
        let colours = here.is_terminal(Stream::Out) && here.variable("NO_COLOR").is_none_or(|v| v.is_empty());
        Out { json, quiet, colours, stdout: Arc::new(Mutex::new(std::io::BufWriter::new(world::stdout()))), listing: Arc::default() }
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
        self.bytes(world::here().as_typed(text.as_ref()).as_bytes())?;
        self.bytes(b"\n")
    }

    /// Prints a line that only explains; left out by `--quiet`, JSON, and pipes stay clean because it goes to stderr.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet && self.json.is_none() {
            let _ = self.flush();
            world::say(text);
        }
    }

    /// Prints the one JSON object of a command, where JSON was asked for. `schema` is like `annals.log/1`. What is not an object stands under
    /// `value`.
    pub(crate) fn object(&self, schema: &str, value: impl Serialize) -> Result<()> {
        if self.json.is_none() {
            return Ok(());
        }
        let text = view::tagged(schema, &world::here().as_typed_json(&text_of(&value)?));
        self.bytes(format!("{text}\n").as_bytes())
    }

    /// Starts a list: with `--json=lines` each row is an object, with `--json` all rows stand in one object under `rows`. Every row is printed when
    /// it comes, so that a list may be longer than memory; nothing else may be printed before [`List::finish`].
    pub(crate) fn list(&self, schema: &'static str) -> List<'_> {
        List { out: self, schema }
    }

    /// Text in colour on a terminal, plain otherwise. `code` is an ANSI code like `32`.
    pub(crate) fn paint(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Prints an error with its hint to stderr; as JSON to stdout where JSON was asked for.
    pub(crate) fn error(&self, e: &Error) {
        if self.json.is_some() {
            let error = world::here().as_typed(&view::error(e).to_string());
            // A list that had begun ends here; the error is a member of its object.
            let begun = self.listing.swap(false, Ordering::Relaxed);
            let text = if begun { format!("],{}\n", error.trim_start_matches('{')) } else { format!("{error}\n") };
            let _ = self.bytes(text.as_bytes());
        }
        self.complain(e);
    }

    /// Prints an error with its hint to stderr, where the JSON of the command holds it already.
    pub(crate) fn complain(&self, e: &Error) {
        let _ = self.flush();
        world::say(format!("annals: {e}"));
        if let Some(hint) = e.what_next() {
            world::say(format!("  {hint}"));
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
                let row = text_of(&value())?;
                self.begin_or(",")?;
                self.out.bytes(row.as_bytes())
            }
        }
    }

    /// Prints the beginning of the object, or `between` where it is printed already.
    fn begin_or(&self, between: &str) -> Result<()> {
        if self.out.listing.swap(true, Ordering::Relaxed) {
            return self.out.bytes(between.as_bytes());
        }
        self.out.bytes(format!("{{\"schema\":{},\"rows\":[", text_of(&self.schema)?).as_bytes())
    }

    /// Ends the list.
    pub(crate) fn finish(self) -> Result<()> {
        if self.out.json != Some(Json::Object) {
            return Ok(());
        }
        self.begin_or("")?;
        self.out.listing.store(false, Ordering::Relaxed);
        self.out.bytes(b"]}\n")
    }
}
