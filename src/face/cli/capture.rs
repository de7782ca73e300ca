//! Capture of application data.

#[cfg(feature = "postgres")]
mod postgres;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::base::error::Result;
use crate::base::monitor::{Monitor, Progress};
use crate::engine::capture::sqlite::{SqliteCapture, SqliteCaptured};
use crate::engine::capture::{Captured, FolderCapture};
use crate::engine::watch::Pace;
use crate::face::view;
use crate::model::key::{parse_key, show_key};
use crate::model::moment;
use crate::storage::source::folder::Rules;

use super::context::{Context, bytes, counted, grouped, path_bytes};
use super::progress::{How, Shown, exit_of_signal};

/// Exit code of work that is finished with some items not done.
const SKIPPED: u8 = 3;
/// How often a watch looks whether a database was written to.
const POLL_EVERY: Duration = Duration::from_millis(400);

/// Record the state of application data: a folder, or a SQLite or PostgreSQL database that is in use
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals capture folder /srv/letters --prefix letters/ --exclude '*.tmp'\n  annals capture sqlite /var/lib/app/stock.db --watch"
)]
pub(crate) struct Capture {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Folder(Folder),
    Sqlite(Sqlite),
    #[cfg(feature = "postgres")]
    Postgres(postgres::Postgres),
}

impl Capture {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        match self.what {
            What::Folder(args) => args.run(context),
            #[cfg(feature = "postgres")]
            What::Postgres(args) => args.run(context),
            What::Sqlite(args) => args.run(context),
        }
    }
}

/// Make the documents under a prefix equal to a folder, as one batch
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals capture folder /srv/letters --prefix letters/\n  annals capture folder /srv/letters --prefix letters/ --watch --exclude '*.tmp' --exclude /cache/\n\nPatterns are those of .gitignore; files called .annalsignore in the folder hold more of them. What cannot\nbe read keeps its last recorded version and is named (exit code 3). A folder that is missing, empty or has\nlost most of its files is refused (exit code 14): so it looks when a disk is not mounted."
)]
struct Folder {
    /// The folder
    dir: PathBuf,
    /// Put before each path to make the document's key
    #[arg(long, value_name = "PREFIX")]
    prefix: String,
    /// Record it also where the folder is empty, or most of its documents would be removed
    #[arg(long)]
    allow_empty: bool,
    /// Capture once and end; the default
    #[arg(long, conflicts_with = "watch")]
    once: bool,
    /// Go on capturing whenever something changes, until stopped
    #[arg(long)]
    watch: bool,
    /// Leave out what matches
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Take only what matches
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,
    /// With --watch: look at everything this often, whatever the system reports
    #[arg(long, value_name = "TIME", default_value = "10m", requires = "watch")]
    rescan: String,
}

impl Folder {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let mut prefix = parse_key(&self.prefix);
        if !prefix.is_empty() && !prefix.ends_with(b"/") {
            prefix.push(b'/');
        }
        let pace = Pace { rescan_every: Duration::from_secs(moment::parse_duration(&self.rescan)?.max(1)), ..Pace::default() };
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let rules = Rules::new(&self.exclude, &self.include)?.leave_out(store.dir());
        let what = FolderCapture { folder: self.dir, prefix, rules, allow_empty: self.allow_empty };
        let by = context.by();
        if !self.watch {
            let captured = tenant.capture_folder(&what, None, &by, &context.monitor())?;
            show(context, &what, &captured)?;
            return Ok(if captured.skipped.is_empty() { 0 } else { SKIPPED });
        }
        context.out.note(format!("watching {}; Ctrl-C ends it", what.folder.display()));
        tenant.watch_folder(&what, &by, &pace, &Watching::new(context.globals.progress), &mut |captured| {
            show(context, &what, captured)?;
            context.out.flush()
        })?;
        Ok(exit_of_signal().unwrap_or(0))
    }
}

fn show(context: &Context, what: &FolderCapture, c: &Captured) -> Result<()> {
    let out = &context.out;
    for (path, reason) in &c.notes {
        out.note(format!("{path}: {reason}"));
    }
    for (path, reason) in &c.skipped {
        out.note(format!("skipped {path}: {reason}"));
    }
    out.object("annals.capture/1", view::captured(c))?;
    let batch = c.receipt.as_ref().map_or("no batch, nothing changed".to_owned(), |r| format!("batch {}", grouped(r.position.seq)));
    let counts = format!("{} added, {} changed, {} removed, {} unchanged", c.added, c.changed, c.removed, c.unchanged);
    let skipped = if c.skipped.is_empty() { String::new() } else { format!(", {} skipped", c.skipped.len()) };
    out.line(format!("{}: {counts}{skipped} · {} read, {} new · {batch}", show_key(&what.prefix), bytes(c.bytes_read), bytes(c.bytes_new)))
}

/// Record every row of a SQLite database that an application uses, transaction by transaction
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals capture sqlite /var/lib/app/stock.db                    # once: what was committed since the last time\n  annals capture sqlite stock.db --watch                         # go on, each transaction as it is committed\n  annals capture sqlite stock.db --tables 'invoice*' 'item' --prefix shop/\n  annals log stock/invoice/4711 ; annals restore stock/ --at yesterday --into old.db\n\nA row is the document PREFIX/TABLE/KEY, a transaction is a batch. Nothing is written to the database, and its writers wait\nfor nobody. Without its write-ahead log (journal_mode=WAL), or where transactions could not be seen one by one, what changed\nis recorded as one batch, a merged interval. Exit code 14 where the database went back in time: see annals status."
)]
struct Sqlite {
    /// The database file
    file: PathBuf,
    /// Only tables whose names match
    #[arg(long, value_name = "GLOB", num_args = 1..)]
    tables: Vec<String>,
    /// Put before TABLE/KEY to make the document's key [default: the file's name without its extension]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Capture once and end; the default
    #[arg(long, conflicts_with = "watch")]
    once: bool,
    /// Go on capturing each transaction as it is committed, until stopped
    #[arg(long)]
    watch: bool,
    /// Also keep the file as it is at the beginning, so that this moment comes back byte for byte
    #[arg(long)]
    image: bool,
}

impl Sqlite {
    fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let prefix = match &self.prefix {
            Some(prefix) => parse_key(prefix),
            None => path_bytes(Path::new(self.file.file_stem().unwrap_or_default())),
        };
        let what = SqliteCapture::new(&self.file, &prefix).tables(&self.tables).image(self.image);
        let store = context.store()?;
        let tenant = context.tenant(&store)?;
        let by = context.by();
        if !self.watch {
            let captured = tenant.capture_sqlite(&what, &by, &context.monitor())?;
            show_rows(context, &what, &captured)?;
            return Ok(0);
        }
        context.out.note(format!("watching {}; Ctrl-C ends it", self.file.display()));
        tenant.watch_sqlite(&what, &by, POLL_EVERY, &Watching::new(context.globals.progress), &mut |captured| {
            show_rows(context, &what, captured)?;
            context.out.flush()
        })?;
        Ok(exit_of_signal().unwrap_or(0))
    }
}

fn show_rows(context: &Context, what: &SqliteCapture, c: &SqliteCaptured) -> Result<()> {
    let out = &context.out;
    for note in &c.notes {
        out.note(note);
    }
    out.object("annals.capture/1", view::captured_database(c))?;
    let batch = c.receipt.as_ref().map_or("no batch, nothing changed".to_owned(), |r| format!("batch {}", grouped(r.position.seq)));
    let merged = if c.merged_intervals > 0 { ", merged interval" } else { "" };
    let counts =
        format!("{} added, {} changed, {} removed, {} unchanged", grouped(c.added), grouped(c.changed), grouped(c.removed), grouped(c.unchanged));
    let transactions = counted(c.transactions, "transaction");
    let bytes_of = format!("{} read, {} new", bytes(c.bytes_read), bytes(c.bytes_new));
    out.line(format!("{}: {transactions}{merged}: {counts} · {bytes_of} · {batch}", show_key(what.prefix())))
}

/// Shows what a watch tells. Most of the time it waits, and a bar that stands still for days says nothing.
struct Watching {
    how: How,
    shown: Shown,
}

impl Watching {
    fn new(how: How) -> Self {
        Watching { how, shown: Shown::new(if how == How::Auto { How::Off } else { how }) }
    }
}

impl Monitor for Watching {
    fn progress(&self, progress: &Progress) {
        self.shown.progress(progress);
    }

    fn note(&self, message: &str) {
        match self.how {
            How::Auto => crate::face::world::say(message),
            _ => self.shown.note(message),
        }
    }

    fn stopped(&self) -> bool {
        self.shown.stopped()
    }
}
