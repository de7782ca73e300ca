//! The damage matrix: every file of a store and of a remote is cut, emptied, turned or lost, and what is said about it is looked at.
//!
//! Two things are never allowed: other bytes than were recorded, and losses that nothing tells of. The one exception is named in `silent`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use annals::base::digest::Digest;
use annals::base::monitor::Silent;
use annals::base::random::{Random, SeededRandom};
use annals::engine::offsite::OpenRemote;
use annals::engine::verify::Level;
use annals::model::change::Meta;
use annals::model::moment::Moment;
use annals::{Store, Tenant};

use crate::support::{Shape, copy_tree, files, folder_remote, noise, number, options, quick, rebuild, seed, shapes};

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    Gone,
    Emptied,
    Halved,
    /// One bit turned, at so many hundredths of what is written.
    Turned(usize),
    /// 16 KiB of zeros in the middle.
    Zeroed,
}

const HARMS: [Harm; 7] = [Harm::Gone, Harm::Emptied, Harm::Halved, Harm::Turned(10), Harm::Turned(50), Harm::Turned(90), Harm::Zeroed];

impl Harm {
    fn name(self) -> String {
        match self {
            Harm::Gone => "gone".into(),
            Harm::Emptied => "emptied".into(),
            Harm::Halved => "cut in half".into(),
            Harm::Turned(at) => format!("a bit turned at {at} %"),
            Harm::Zeroed => "16 KiB zeroed".into(),
        }
    }

    /// The column of the page.
    fn short(self) -> &'static str {
        match self {
            Harm::Gone => "gone",
            Harm::Emptied => "emptied",
            Harm::Halved => "cut in half",
            Harm::Turned(_) => "a bit turned",
            Harm::Zeroed => "16 KiB zeroed",
        }
    }

    /// Does it; `false` where there is nothing to harm.
    fn inflict(self, path: &Path) -> bool {
        let mut bytes = fs::read(path).expect("read");
        // Files may be longer than what was written to them.
        let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1);
        match self {
            Harm::Gone => return fs::remove_file(path).is_ok(),
            Harm::Emptied => bytes.clear(),
            Harm::Halved => bytes.truncate(end / 2),
            Harm::Turned(_) if end == 0 => return false,
            Harm::Turned(at) => bytes[(end - 1) * at / 100] ^= 0x10,
            Harm::Zeroed => {
                let from = (end / 2).saturating_sub(8192);
                bytes[from..end.min(from + 16384)].fill(0);
            }
        }
        fs::write(path, bytes).expect("write");
        true
    }
}

/// A store as a power cut leaves it: tables and blobs, an unflushed journal, a write-ahead log, sealed objects in the outbox; and a remote
/// that holds all of it.
struct Model {
    dir: tempfile::TempDir,
    expected: BTreeMap<String, Shape>,
}

impl Model {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("dir");
        crate::cases::filled(dir.path());
        let store = options().open(&dir.path().join("store")).expect("open");
        let other = store.add_tenant("b").expect("tenant");
        other.put("x", &noise(1, 9000)[..]).expect("put");
        let mut batch = store.batch("refused");
        batch.put_if_version("refused", &mut &noise(2, 50_000)[..], Meta::default(), 7).expect("put");
        batch.commit().expect_err("there is no such version, but the chunks are there");
        store.gc(false, &Silent).expect("gc flushes the chunk store");
        store.ship(&folder_remote(&dir.path().join("remote")), &quick(), &Silent).expect("ship");
        for round in 0..6u64 {
            let mut batch = store.batch("later").actor("anna");
            for i in 0..6 {
                batch.put(format!("case/{i}"), &mut format!("{{\"id\": {i}, \"later\": {round}}}\n").as_bytes()).expect("put");
            }
            batch.put(format!("large/later {round}"), &mut &noise(50 + round, 25_000)[..]).expect("put");
            batch.commit().expect("commit");
        }
        other.put("y", &noise(3, 9000)[..]).expect("put");
        store.seal(&quick().seal, &Silent).expect("seal");
        let expected = shapes(&store);
        // Copied while it is open: nothing is folded in or flushed.
        copy_tree(&dir.path().join("store"), &dir.path().join("torn"));
        store.ship(&folder_remote(&dir.path().join("remote")), &quick(), &Silent).expect("ship");
        drop(store);
        Model { dir, expected }
    }

    fn torn(&self) -> PathBuf {
        self.dir.path().join("torn")
    }

    fn remote(&self) -> OpenRemote {
        folder_remote(&self.dir.path().join("remote"))
    }
}

/// What is seen of a damaged store.
#[derive(Debug, Default)]
struct Seen {
    /// It could not be opened: the code of the error.
    refused: Option<String>,
    /// What verification and the store itself say.
    told: Vec<String>,
    /// Documents named in what is told.
    documents: usize,
    /// Versions that cannot be read or are not there.
    lost: usize,
    /// Versions with other bytes than were recorded.
    wrong: Vec<String>,
}

fn read(tenant: &Tenant, key: &[u8], version: u64) -> Option<Digest> {
    let found = tenant.find_version(key, Some(&Moment::Version(version))).ok()?;
    let mut bytes = Vec::new();
    tenant.open(&found).ok()?.copy_to(&mut bytes).ok()?;
    Some(Digest::of(&bytes))
}

fn look(dir: &Path, expected: &BTreeMap<String, Shape>) -> (Seen, Option<Store>) {
    let mut seen = Seen::default();
    let store = match options().open(dir) {
        Ok(store) => store,
        Err(e) => {
            assert!(e.what_next().is_some(), "an error that does not say what to do: {e:?}");
            seen.refused = Some(e.code().to_owned());
            return (seen, None);
        }
    };
    match store.verify(Level::Full, &Silent) {
        Err(e) => seen.told.push(e.to_string()),
        Ok(report) => {
            seen.documents = report.problems.iter().map(|p| p.documents.len()).sum();
            seen.told.extend(report.problems.into_iter().map(|p| p.what));
        }
    }
    match store.damage() {
        Err(e) => seen.told.push(e.to_string()),
        Ok(damage) if !damage.is_none() => seen.told.push("known since it was opened".into()),
        Ok(_) => {}
    }
    for (name, shape) in expected {
        let Ok(tenant) = store.tenant(name) else {
            seen.lost += shape.versions.len();
            continue;
        };
        seen.lost += usize::from(tenant.position().ok().map(|p| (p.seq, p.digest)) != Some((shape.seq, shape.digest)));
        for ((key, version), digest) in &shape.versions {
            match read(&tenant, key, *version) {
                None => seen.lost += 1,
                Some(found) if found == *digest => {}
                Some(_) => seen.wrong.push(format!("{} v{version}", String::from_utf8_lossy(key))),
            }
        }
        for (key, version) in &shape.now {
            let mut bytes = Vec::new();
            match tenant.get(key).and_then(|mut reader| reader.copy_to(&mut bytes)) {
                Err(_) => seen.lost += 1,
                Ok(_) if Digest::of(&bytes) == shape.versions[&(key.clone(), *version)] => {}
                // The newest versions are gone, which is a loss; an earlier one is still no wrong content.
                Ok(_) if (1..*version).any(|v| shape.versions.get(&(key.clone(), v)) == Some(&Digest::of(&bytes))) => seen.lost += 1,
                Ok(_) => seen.wrong.push(String::from_utf8_lossy(key).into_owned()),
            }
        }
    }
    (seen, Some(store))
}

impl Seen {
    fn text(&self) -> String {
        if let Some(code) = &self.refused {
            return format!("refused: `{code}`");
        }
        let mut text = match (self.told.first(), self.lost) {
            (None, 0) => "harmless".to_owned(),
            (None, n) => format!("SILENT: {n} versions lost"),
            (Some(first), 0) => format!("found, all readable: {first}"),
            (Some(first), n) => format!("found, {n} versions lost, {} documents named: {first}", self.documents),
        };
        if !self.wrong.is_empty() {
            let _ = write!(text, "; WRONG BYTES of {}", self.wrong.join(", "));
        }
        text.replace('|', "/").replace('\n', " ")
    }
}

/// The file by its part in the store, so that the same harm to the same part is told once.
fn part(path: &Path) -> String {
    let text = path.to_string_lossy().into_owned();
    let outbox = text.starts_with("outbox/");
    if outbox { "outbox object".to_owned() } else { text }
}

/// The outcome of one harm in a word or two, for the page and its check.
fn became_of(seen: &Seen, healed: &str) -> &'static str {
    match () {
        () if seen.refused.is_some() => "refused; rebuild",
        () if seen.told.is_empty() && seen.lost > 0 => "silent; the remote knows more",
        () if seen.told.is_empty() => "harmless",
        () if healed.starts_with("whole again") => "found; healed",
        () => "found; rebuild",
    }
}

/// What the page says may become of a file of this kind that is harmed in this way.
fn allowed(page: &str, title: &str, file: &str, harm: &str) -> Vec<String> {
    let section = page.split(&format!("## {title}\n")).nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap_or_default();
    let mut rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let head: Vec<&str> = rows.next().unwrap_or_default().split(" | ").collect();
    let column = head.iter().position(|name| *name == harm).unwrap_or(usize::MAX);
    let row = rows.map(|row| row.split(" | ").collect::<Vec<_>>()).find(|row| row[0] == file);
    row.and_then(|row| row.get(column).map(|cell| cell.split(", or ").map(str::to_owned).collect())).unwrap_or_default()
}

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash/MATRIX.md")).expect("the page")
}

/// The kind of a file of a store, as the page has it.
fn kind_of(path: &Path) -> &'static str {
    let text = path.to_string_lossy();
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    match &*text {
        "annals.store" => "marker `annals.store`",
        "annals.toml" => "configuration `annals.toml`",
        "annals.key" => "key file `annals.key`",
        "catalog.db" => "catalogue",
        "catalog.db-wal" => "catalogue's write-ahead log",
        "catalog.db-shm" | "lock" => "`lock`, `catalog.db-shm`",
        _ if text.starts_with("outbox/") => "outbox object",
        _ if name.ends_with(".jnl") => "chunk store: journal",
        _ if text.contains("/blobs/") => "chunk store: blobs",
        _ if text.contains("/tables/") => "chunk store: tables",
        _ if text.starts_with("chunks/") => "chunk store: the rest",
        _ => "other",
    }
}

/// Losses that nothing can tell of: a write-ahead log without its end is what a crash leaves, too. The remote knows better.
fn silent(path: &Path, harm: Harm) -> bool {
    path == Path::new("catalog.db-wal") && matches!(harm, Harm::Gone | Harm::Emptied | Harm::Halved)
}

fn publish(title: &str, rows: &[String]) {
    let table = format!("### {title}\n\n| file | harm | without help | after `heal` from a remote |\n|---|---|---|---|\n{}\n", rows.join("\n"));
    println!("{table}");
    if let Ok(path) = std::env::var("ANNALS_MATRIX") {
        let before = fs::read_to_string(&path).unwrap_or_default();
        fs::write(path, format!("{before}{table}\n")).expect("write the matrix");
    }
}

#[test]
fn damage_of_the_store_is_found_or_harmless() {
    let model = Model::new();
    let mut rows: Vec<String> = Vec::new();
    let mut bad = Vec::new();
    let (said, mut unsaid, mut classes) = (page(), Vec::new(), Classes::new());
    for path in files(&model.torn()) {
        for harm in HARMS {
            let dir = tempfile::tempdir().expect("dir");
            let copy = dir.path().join("store");
            copy_tree(&model.torn(), &copy);
            if !harm.inflict(&copy.join(&path)) {
                continue;
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                let (seen, store) = look(&copy, &model.expected);
                let healed = store.map(|store| heal(&store, &model, seen.told.is_empty()));
                (seen, healed)
            }));
            let (file, harmed) = (part(&path), harm.name());
            let Ok((seen, healed)) = outcome else {
                bad.push(format!("{file}, {harmed}: a panic"));
                continue;
            };
            if !seen.wrong.is_empty() || seen.lost > 0 && seen.refused.is_none() && seen.told.is_empty() && !silent(&path, harm) {
                bad.push(format!("{file}, {harmed}: {}", seen.text()));
            }
            let healed = healed.unwrap_or_else(|| "rebuild".into());
            let (kind, became) = (kind_of(&path), became_of(&seen, &healed));
            classes.entry(kind).or_default().entry(harm.short()).or_default().insert(became);
            if !allowed(&said, "Files of a store", kind, harm.short()).iter().any(|may| may == became) {
                unsaid.push(format!("{kind}, {}: {became} ({})", harm.short(), path.display()));
            }
            if seen.refused.is_none() && seen.told.is_empty() && seen.lost == 0 {
                continue;
            }
            rows.push(format!("| {file} | {harmed} | {} | {healed} |", seen.text()));
        }
    }
    rows.dedup();
    publish("Files of a store", &rows);
    println!("{}", as_page(&classes));
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    unsaid.sort();
    unsaid.dedup();
    assert!(unsaid.is_empty(), "tests/crash/MATRIX.md does not say:\n{}", unsaid.join("\n"));
}

type Classes = BTreeMap<&'static str, BTreeMap<&'static str, BTreeSet<&'static str>>>;

/// What was seen, in the form of the page.
fn as_page(classes: &Classes) -> String {
    let harms = ["gone", "emptied", "cut in half", "a bit turned", "16 KiB zeroed"];
    let mut out = format!("| file | {} |\n|---|{}\n", harms.join(" | "), "---|".repeat(harms.len()));
    for (kind, seen) in classes {
        let cells = harms.map(|harm| seen.get(harm).map_or("-".to_owned(), |all| all.iter().copied().collect::<Vec<_>>().join(", or ")));
        let _ = writeln!(out, "| {kind} | {} |", cells.join(" | "));
    }
    out
}

fn heal(store: &Store, model: &Model, nothing_told: bool) -> String {
    let report = match store.heal(&[model.remote()], &Silent) {
        Ok(report) => report,
        Err(e) => return format!("rebuild (`{}`)", e.code()),
    };
    let whole = |store: &Store| store.verify(Level::Full, &Silent).is_ok_and(|r| r.problems.is_empty()) && all_there(store, model);
    match (whole(store), nothing_told) {
        (true, true) => "-".to_owned(),
        (true, false) => format!("whole again: {} contents, {} batches", report.healed, report.batches),
        (false, _) => match store.fetch(&[model.remote()], &Silent) {
            Ok(fetched) if whole(store) => format!("whole again after fetch: {} batches", fetched.batches),
            _ => format!("rebuild ({} of {} contents healed)", report.healed, report.damaged),
        },
    }
}

fn all_there(store: &Store, model: &Model) -> bool {
    model.expected.iter().all(|(name, shape)| {
        store.tenant(name).is_ok_and(|tenant| shape.versions.iter().all(|((key, v), digest)| read(&tenant, key, *v) == Some(*digest)))
    })
}

/// The case that fjall itself does not notice (its issue 311), end to end.
#[test]
fn a_cut_journal_is_noticed_at_open_and_healed() {
    let model = Model::new();
    let torn = model.torn();
    let journal = files(&torn).into_iter().find(|p| p.extension().is_some_and(|e| e == "jnl")).expect("a journal");
    assert!(Harm::Halved.inflict(&torn.join(journal)));
    let store = options().open(&torn).expect("fjall opens it as if nothing had happened");
    let damage = store.damage().expect("damage");
    let named: Vec<&String> = damage.lost.iter().flat_map(|p| &p.documents).collect();
    assert!(!damage.log_cut && named.iter().any(|d| d.starts_with("large/later")), "{damage:?}");
    // It is not forgotten when the numbers agree again.
    store.put("large/after", &noise(70, 30_000)[..]).expect("put");
    drop(store);
    let store = options().open(&torn).expect("open");
    assert_eq!(store.damage().expect("damage").lost, damage.lost);
    // Nothing to heal from: all is as it was, and told.
    let _ = fs::remove_dir_all(torn.join("outbox"));
    let report = store.heal(&[], &Silent).expect("heal");
    assert!(!report.left.is_empty(), "{report:?}");
    let report = store.heal(&[model.remote()], &Silent).expect("heal");
    assert!(report.left.is_empty() && report.healed == report.damaged && report.damaged > 0, "{report:?}");
    assert!(store.damage().expect("damage").is_none());
    drop(store);
    let store = options().open(&torn).expect("open");
    crate::support::sound(&store);
    assert!(all_there(&store, &model));
}

/// A write-ahead log with a bad place in its middle: SQLite drops what follows without a word.
#[test]
fn a_cut_write_ahead_log_is_noticed_at_open_and_healed() {
    let model = Model::new();
    let torn = model.torn();
    assert!(Harm::Turned(50).inflict(&torn.join("catalog.db-wal")));
    let store = options().open(&torn).expect("SQLite opens it as if nothing had happened");
    assert!(store.position().expect("position").seq < model.expected["main"].seq, "something was lost");
    assert!(store.damage().expect("damage").log_cut);
    drop(store);
    let store = options().open(&torn).expect("open");
    assert!(store.damage().expect("damage").log_cut, "it is not forgotten");
    let report = store.heal(&[model.remote()], &Silent).expect("heal");
    assert!(report.batches > 0 && report.left.is_empty(), "{report:?}");
    assert_eq!(shapes(&store), model.expected);
    crate::support::sound(&store);
}

/// Bits of the catalogue, one at a time: verification must find whatever changes an answer.
///
/// A bit in a row that says which content a version has leads to the bytes of another document, until verification compares the row with
/// the digest of its batch. Those are counted apart.
#[test]
fn no_turned_bit_of_the_catalogue_goes_unnoticed() {
    let model = Model::new();
    // All folded into one file.
    drop(options().open(&model.torn()).expect("open"));
    let whole = fs::read(model.torn().join("catalog.db")).expect("read");
    let written: Vec<usize> = whole.iter().enumerate().filter(|(_, b)| **b != 0).map(|(at, _)| at).collect();
    println!("seed {}", seed());
    let random = SeededRandom::new(seed());
    let dir = tempfile::tempdir().expect("dir");
    let copy = dir.path().join("store");
    let mut bad = Vec::new();
    let (mut refused, mut told, mut harmless, mut misled) = (0, 0, 0, 0);
    for _ in 0..number("ANNALS_FLIPS", 40) {
        let mut eight = [0; 8];
        random.fill(&mut eight);
        let at = written[u64::from_le_bytes(eight) as usize % written.len()] * 8 + usize::from(eight[7] % 8);
        let _ = fs::remove_dir_all(&copy);
        copy_tree(&model.torn(), &copy);
        let mut bytes = whole.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        fs::write(copy.join("catalog.db"), bytes).expect("write");
        let (seen, store) = look(&copy, &model.expected);
        if let Some(store) = store
            && !seen.told.is_empty()
            && let Some(text) = ships_what_cannot_be_rebuilt(&store, &dir.path().join("again"))
        {
            bad.push(format!("bit {at}: {text}; {}", seen.text()));
        }
        match () {
            () if !seen.wrong.is_empty() && !seen.told.is_empty() => misled += 1,
            () if !seen.wrong.is_empty() => bad.push(format!("bit {at}: {}", seen.text())),
            () if seen.refused.is_some() => refused += 1,
            () if !seen.told.is_empty() => told += 1,
            () if seen.lost == 0 => harmless += 1,
            () => bad.push(format!("bit {at}: {}", seen.text())),
        }
    }
    println!(
        "catalogue bits: {refused} refused at open, {told} found by verify, {misled} found by verify that misled reads before, {harmless} harmless"
    );
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// A damaged store may refuse to ship. What it does ship must be good for a rebuild.
fn ships_what_cannot_be_rebuilt(store: &Store, again: &Path) -> Option<String> {
    let remote = OpenRemote::new("fresh", std::sync::Arc::new(annals::storage::remote::Memory::new()));
    store.ship(&remote, &quick(), &Silent).ok()?.whole().ok()?;
    let _ = fs::remove_dir_all(again);
    match rebuild(store.dir(), &[remote], again) {
        Err(e) => Some(format!("shipped, but the rebuild fails: {e}")),
        Ok((_, report)) => report.gaps.first().map(|gap| format!("shipped, but not to be rebuilt: {:?}", gap.reasons)),
    }
}

#[test]
fn damage_of_a_remote_is_found_and_bridged() {
    let model = Model::new();
    let remote = model.dir.path().join("remote");
    let mut rows = Vec::new();
    let mut bad = Vec::new();
    for path in files(&remote) {
        for harm in HARMS {
            let dir = tempfile::tempdir().expect("dir");
            let copy = dir.path().join("remote");
            copy_tree(&remote, &copy);
            if !harm.inflict(&copy.join(&path)) {
                continue;
            }
            let store = dir.path().join("store");
            copy_tree(&model.dir.path().join("store"), &store);
            let last = path.to_string_lossy().contains("-000000000c-") || path.to_string_lossy().contains("-0000000002-0000000002-");
            let (text, fine) = remote_outcome(&model, &store, &copy, dir.path(), harm == Harm::Gone && last);
            if !fine {
                bad.push(format!("{}, {}: {text}", path.display(), harm.name()));
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let kind = if name.starts_with("key-") {
                "key object"
            } else if name.contains('.') || name.len() > 20 {
                "segment"
            } else {
                "marker"
            };
            rows.push(format!("| {kind} | {} | {text} |", harm.name()));
        }
    }
    rows.sort();
    rows.dedup();
    println!("### Files of a remote\n\n| file | harm | outcome |\n|---|---|---|\n{}", rows.join("\n"));
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// What verification says, whether the store repairs the remote, and what a rebuild from the damaged remote gives.
fn remote_outcome(model: &Model, store_dir: &Path, damaged: &Path, scratch: &Path, gone: bool) -> (String, bool) {
    let remote = folder_remote(damaged);
    let rebuilt = rebuild(store_dir, std::slice::from_ref(&remote), &scratch.join("again"));
    let (what, honest) = match &rebuilt {
        Err(e) => (format!("rebuild refused: `{}`", e.code()), e.what_next().is_some()),
        Ok((again, report)) => {
            let prefix = again.tenants().expect("tenants").iter().all(|tenant| {
                let position = tenant.position().expect("position");
                let ours = model.expected.get(tenant.name());
                let same = |shape: &Shape| shape.seq == position.seq && shape.digest == position.digest;
                position.seq == 0 || ours.is_some_and(|shape| same(shape) || position.seq < shape.seq)
            });
            let all = model.expected.iter().all(|(name, shape)| again.tenant(name).is_ok_and(|t| t.position().expect("end").seq == shape.seq));
            let told = !report.gaps.is_empty();
            let text = if all { "rebuild whole".to_owned() } else { format!("rebuild up to the damage, told: {told}") };
            // Of a last segment that is gone nobody knows who has only the remote; the store that shipped it does.
            (text, prefix && (all || told || gone))
        }
    };
    drop(rebuilt);
    let store = options().open(store_dir).expect("open");
    let before = store.verify_remote(&remote, true, &Silent).map(|r| r.problems.len());
    let repaired = store.ship(&remote, &quick(), &Silent).and_then(|r| r.whole()).map(|r| r.objects);
    let after = store.verify_remote(&remote, true, &Silent).map(|r| r.problems.len());
    let found = match (&before, &repaired) {
        (Ok(0), _) => "verify finds nothing".to_owned(),
        (Ok(n), Ok(_)) => format!("verify finds {n}, the next shipment repairs it"),
        (Ok(n), Err(e)) => format!("verify finds {n}; ship: `{}`", e.code()),
        (Err(e), _) => format!("verify refused: `{}`", e.code()),
    };
    let again = repaired.is_err() || after.is_ok_and(|n| n == 0);
    (format!("{what}; {found}"), honest && again)
}
