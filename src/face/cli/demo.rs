//! The whole story on real documents, in a scratch directory, in a few seconds: for people who meet Annals for the first time.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::json;

use crate::base::disk;
use crate::base::error::{Error, Result};
use crate::base::monitor::Silent;
use crate::engine::capture::FolderCapture;
use crate::engine::offsite::{OpenRemote, ShipOptions};
use crate::engine::plans::By;
use crate::engine::rebuild::Rebuild;
use crate::engine::store::{KEY_FILE, Options, Store, read_key_file};
use crate::engine::verify::Level;
use crate::format::keyfile::Unlock;
use crate::model::key::show_key;
use crate::model::moment::Moment;
use crate::model::text;
use crate::storage::remote;
use crate::storage::source::folder::Rules;

use super::context::{Context, bytes, counted};

/// Documents taken from the machine, at most.
const FILES_MAX: usize = 2000;
/// Bytes taken from the machine, at most.
const BYTES_MAX: u64 = 24 << 20;
/// Bytes of one document that is taken.
const FILE_BYTES_MAX: u64 = 2 << 20;
/// Where documents are looked for when no folder is named.
const USUAL: [&str; 4] = ["/usr/share/doc", "/usr/share/common-licenses", "/usr/share", "."];
/// Copies that get a line more.
const EDITS: usize = 10;

/// See it work on real documents: capture, change, ship, destroy, rebuild, verify
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals demo                 on documents found on this machine\n  annals demo ~/letters       on copies of your own\n\nWorks on copies in a scratch directory; nothing of yours is changed. No server and no account."
)]
pub(crate) struct Demo {
    /// A folder with documents [default: package documentation of this machine]
    folder: Option<PathBuf>,
    /// Work in this new directory and leave everything there to look at
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

struct Stage<'a> {
    context: &'a Context,
    step: u32,
}

impl Stage<'_> {
    fn step(&mut self, title: &str) -> Result<()> {
        self.step += 1;
        self.context.out.line(format!("\n{}", self.context.out.paint("1", &format!("{}. {title}", self.step))))
    }

    fn say(&self, text: impl AsRef<str>) -> Result<()> {
        self.context.out.line(format!("   {}", text.as_ref()))
    }
}

fn io(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let what = format!("{what} {}", path.display());
    move |e| Error::io(what, e)
}

impl Demo {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let scratch = match &self.keep {
            Some(dir) => {
                if dir.exists() {
                    return Err(Error::usage("demo.exists", format!("{} exists already", dir.display())).hint("name a new directory with --keep"));
                }
                disk::create_dirs(dir)?;
                None
            }
            None => Some(tempfile::tempdir().map_err(|e| Error::io("make a scratch directory", e))?),
        };
        let home = scratch.as_ref().map_or_else(|| self.keep.clone().unwrap_or_default(), |d| d.path().to_owned());
        let done = self.story(context, &home);
        if self.keep.is_some() {
            context.out.line(format!("\nEverything is left in {} to look at.", home.display()))?;
        }
        done
    }

    fn story(&self, context: &Context, home: &Path) -> Result<u8> {
        let mut stage = Stage { context, step: 0 };
        let (folder, place, offsite) = (home.join("documents"), home.join("store"), home.join("offsite"));
        let key_kept = home.join("key-kept-elsewhere");
        disk::create_dirs(&folder)?;
        disk::create_dirs(&offsite)?;

        stage.step("Real documents")?;
        let (source, copied, size) = self.collect(&folder)?;
        stage.say(format!("{}, {}, copied from {}", counted(copied.len() as u64, "file"), bytes(size), source.display()))?;

        stage.step("A store, and a first capture")?;
        let store = Store::init(&place, "demo")?;
        fs::copy(place.join(KEY_FILE), &key_kept).map_err(io("copy", &key_kept))?;
        let capture = FolderCapture { folder: folder.clone(), prefix: b"docs/".to_vec(), rules: Rules::default(), allow_empty: false };
        let by = By { actor: "you".into(), reason: "first capture".into(), origin: "annals demo".into() };
        let started = Instant::now();
        let first = store.capture_folder(&capture, None, &by, &Silent)?;
        stage.say(format!("{} recorded as one batch in {:.2} s", counted(first.added, "document"), started.elapsed().as_secs_f64()))?;

        stage.step("Offsite: sealed, encrypted, shipped to a directory that stands for a place far away")?;
        let remote = OpenRemote::at(&format!("dir:{}", offsite.display()), &remote::Options::default())?;
        let shipped = store.ship(&remote, &ShipOptions::default(), &Silent)?;
        stage.say(format!("{} became {} in {}, {:.2} s", bytes(size), bytes(shipped.bytes), counted(shipped.objects, "object"), shipped.seconds))?;

        stage.step("A day's work: a line more in some documents, one renamed, one deleted")?;
        let changed = change(&folder, &copied)?;
        let by = By { reason: "a day's work".into(), ..by };
        let started = Instant::now();
        let second = store.capture_folder(&capture, None, &by, &Silent)?;
        let what = format!("{} changed, {} added, {} removed, {} unchanged", second.changed, second.added, second.removed, second.unchanged);
        stage.say(format!("{what}; seen and recorded in {:.2} s", started.elapsed().as_secs_f64()))?;
        let day = store.ship(&remote, &ShipOptions::default(), &Silent)?;
        let line = day.bytes as f64 * 8.0 / 64_000.0;
        stage.say(format!("shipped as {} in {}: {line:.1} s on a 64 kbit/s line", bytes(day.bytes), counted(day.objects, "object")))?;

        stage.step("History, and what differs")?;
        let key = [&b"docs/"[..], &changed.edited].concat();
        for v in store.history(&key)? {
            stage.say(format!("{} v{}  {}  {}  {}", show_key(&key), v.number, bytes(v.size), v.from.actor, v.from.reason))?;
        }
        let old = store.open(&store.find_version(&key, Some(&Moment::Version(1)))?)?.bytes(FILE_BYTES_MAX as usize)?;
        let new = store.get(&key)?.bytes(2 * FILE_BYTES_MAX as usize)?;
        for row in String::from_utf8_lossy(&text::diff(&old, &new, 1)?.unified("v1", "v2")).lines() {
            let colour = if row.starts_with('+') {
                "32"
            } else if row.starts_with('-') {
                "31"
            } else {
                "0"
            };
            stage.say(context.out.paint(colour, row))?;
        }

        stage.step("The deleted document comes back")?;
        let deleted = [&b"docs/"[..], &changed.deleted].concat();
        let error = store.get(&deleted).err().map_or_else(String::new, |e| e.to_string());
        stage.say(error)?;
        let plan = store.restore_at(&deleted, &Moment::Seq(store.position()?.seq))?;
        store.apply(&plan, crate::model::plan::OnConflict::Skip, &By { actor: "you".into(), ..By::default() })?;
        let back = store.find_version(&deleted, None)?;
        stage.say(format!("{} is back as v{}, {}", show_key(&deleted), back.number, bytes(back.size)))?;
        store.ship(&remote, &ShipOptions::default(), &Silent)?.whole()?;

        stage.step("The machine burns down")?;
        let before = digests(&store)?;
        let position = store.position()?;
        drop(store);
        fs::remove_dir_all(&place).map_err(io("remove", &place))?;
        stage.say("the store is gone; left are the offsite copy and the key that was kept elsewhere")?;

        stage.step("Rebuilt from offsite, and compared digest for digest")?;
        let key_file = read_key_file(&key_kept)?;
        let secret = key_file.open(&Unlock::default())?;
        let started = Instant::now();
        let remotes = [remote];
        let rebuild = Rebuild { remotes: &remotes, into: &place, key_file, secret, site_name: "demo", at: None };
        let (store, report) = rebuild.run(Options::new(), &Silent)?;
        let seconds = started.elapsed().as_secs_f64();
        stage.say(format!(
            "{}, {}, {} read, {seconds:.2} s",
            counted(report.batches, "batch"),
            counted(report.changes, "change"),
            bytes(report.bytes)
        ))?;
        let checked = store.verify(Level::Full, &Silent)?;
        let same = digests(&store)? == before && store.position()? == position && checked.problems.is_empty() && report.gaps.is_empty();
        stage.say(format!("log position: seq {}, digest {}", position.seq, position.digest.short(16)))?;
        stage.say(format!("{} compared, {} verified", counted(before.len() as u64, "document"), bytes(checked.bytes)))?;
        let verdict = if same { context.out.paint("32", "the same, digest for digest") } else { context.out.paint("31", "NOT the same") };
        stage.say(verdict)?;
        context.out.object(
            "annals.demo/1",
            json!({
                "files": copied.len(), "bytes": size, "first_shipment_bytes": shipped.bytes, "changed": second.changed, "added": second.added,
                "removed": second.removed, "second_shipment_bytes": day.bytes, "rebuild_seconds": seconds, "documents": before.len(), "same": same,
            }),
        )?;
        Ok(if same { 0 } else { 4 })
    }

    /// Copies documents into `into` and gives where from, their paths and their size.
    fn collect(&self, into: &Path) -> Result<(PathBuf, Vec<PathBuf>, u64)> {
        let sources: Vec<PathBuf> = match &self.folder {
            Some(folder) => vec![folder.clone()],
            None => USUAL.iter().map(PathBuf::from).collect(),
        };
        for source in sources {
            if !source.is_dir() {
                continue;
            }
            let (mut copied, mut size) = (Vec::new(), 0);
            copy_some(&source, Path::new(""), into, &mut copied, &mut size)?;
            if copied.len() >= 3 {
                return Ok((source, copied, size));
            }
        }
        Err(Error::usage("demo.empty", "no folder with documents was found").hint("name one: annals demo ~/letters"))
    }
}

fn copy_some(source: &Path, below: &Path, into: &Path, copied: &mut Vec<PathBuf>, size: &mut u64) -> Result<()> {
    let dir = source.join(below);
    // What this user may not read is not for a demonstration.
    let Ok(entries) = fs::read_dir(&dir) else { return Ok(()) };
    let mut names: Vec<_> = entries.flatten().map(|e| e.file_name()).collect();
    names.sort();
    for name in names {
        let path = below.join(&name);
        let Ok(found) = fs::symlink_metadata(source.join(&path)) else { continue };
        if found.is_dir() {
            copy_some(source, &path, into, copied, size)?;
        } else if found.is_file() && found.len() <= FILE_BYTES_MAX && found.len() > 0 && *size + found.len() <= BYTES_MAX {
            let target = into.join(&path);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent).map_err(io("create", parent))?;
            }
            if fs::copy(source.join(&path), &target).is_ok() {
                *size += found.len();
                copied.push(path);
            }
        }
        if copied.len() >= FILES_MAX {
            return Ok(());
        }
    }
    Ok(())
}

struct Changed {
    edited: Vec<u8>,
    deleted: Vec<u8>,
}

fn change(folder: &Path, copied: &[PathBuf]) -> Result<Changed> {
    let key = |path: &Path| super::context::path_bytes(path);
    let is_text = |path: &PathBuf| {
        let mut head = Vec::new();
        let read = fs::File::open(folder.join(path)).and_then(|f| f.take(4096).read_to_end(&mut head));
        read.is_ok() && text::is_text(&head)
    };
    let texts: Vec<&PathBuf> = copied.iter().filter(|p| is_text(p)).collect();
    let [first, .., renamed, deleted] = &texts[..] else {
        return Err(Error::usage("demo.texts", "fewer than three texts were found").hint("name a folder with more texts: annals demo DIR"));
    };
    let room = texts.len() - 2;
    for path in texts.iter().take(room).step_by((room / EDITS).max(1)).take(EDITS) {
        let full = folder.join(path);
        let mut content = fs::read(&full).map_err(io("read", &full))?;
        let middle = content.iter().skip(content.len() / 2).position(|b| *b == b'\n').map_or(content.len(), |at| content.len() / 2 + at + 1);
        content.splice(middle..middle, *b"This line was added today.\n");
        fs::write(&full, content).map_err(io("write", &full))?;
    }
    let moved = folder.join(renamed.with_file_name("renamed by the demo"));
    fs::rename(folder.join(renamed), &moved).map_err(io("rename to", &moved))?;
    fs::remove_file(folder.join(deleted)).map_err(io("remove", deleted))?;
    Ok(Changed { edited: key(first), deleted: key(deleted) })
}

fn digests(store: &Store) -> Result<Vec<(Vec<u8>, u64, crate::base::digest::Digest)>> {
    store.list("").map(|v| v.map(|v| (v.key, v.number, v.digest))).collect()
}
