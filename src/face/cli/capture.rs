//! Capture of application data.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::base::error::Result;
use crate::base::monitor::{Monitor, Progress};
use crate::engine::capture::{Captured, FolderCapture};
use crate::engine::watch::Pace;
use crate::face::view;
use crate::model::key::{parse_key, show_key};
use crate::model::moment;
use crate::storage::source::folder::Rules;

use super::context::{Context, bytes, grouped};
use super::progress::{How, Shown, exit_of_signal};

/// Exit code of work that is finished with some items not done.
const SKIPPED: u8 = 3;

/// Record the state of application data: a folder
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals capture folder /srv/letters --prefix letters/ --exclude '*.tmp'")]
pub(crate) struct Capture {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Folder(Folder),
}

impl Capture {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        match self.what {
            What::Folder(args) => args.run(context),
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
