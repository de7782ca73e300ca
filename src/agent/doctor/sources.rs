//! Captured folders and databases, and how many folders may be watched.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::base::error::Result;
use crate::engine::store::Store;
use crate::model::key::DEFAULT_TENANT;
use crate::storage::config::{Capture, CaptureFrom};

#[cfg(feature = "postgres")]
use super::failed;
use super::{Finding, Surroundings, advice, wrong};

/// Folders counted below one source before it is enough to know that there are very many.
const FOLDERS_MAX: u64 = 2_000_000;
/// Percent of the watches of a user that we may take.
const WATCHES_FULL: u64 = 80;
/// Bytes of a SQLite file's header that hold how it is written and read: 2 is a write-ahead log (sqlite.org/fileformat2.html, 1.3.3).
const SQLITE_FORMS: std::ops::Range<usize> = 18..20;

pub(super) fn look(store: &Store, around: &Surroundings, found: &mut Vec<Finding>) -> Result<()> {
    let captures = &store.config().captures;
    let mut folders = 0;
    for (at, capture) in captures.iter().enumerate() {
        let name = &capture.name;
        if let Some(tenant) = &capture.tenant
            && store.tenant_or_dropped(tenant).is_err()
        {
            let what = format!("capture {name} is for a tenant that does not exist: {tenant}");
            found.push(wrong("capture.tenant", what, "nothing of it is recorded", format!("annals tenant add {tenant}")));
        }
        if let Some(other) = captures[..at].iter().find(|other| place(other) == place(capture)) {
            let what = format!("captures {} and {name} make documents with the same keys", other.name);
            found.push(wrong("capture.twice", what, "each removes what the other recorded", format!("prefix = \"{name}-2/\" in one of the two")));
        }
        match &capture.from {
            CaptureFrom::Folder { path, .. } => {
                folder(name, path, found);
                folders += below(path, FOLDERS_MAX.saturating_sub(folders));
            }
            CaptureFrom::Sqlite { path, .. } => sqlite(name, path, found),
            CaptureFrom::Postgres { .. } => {
                postgres(store, capture, around, found);
                let seen = store.captured_as(capture)?;
                left_out(&capture.name, seen.as_ref().map_or(&[], |seen| &seen.left_out), found);
            }
        }
    }
    if let Some(most) = around.watches_max
        && folders.saturating_mul(100) > most.saturating_mul(WATCHES_FULL)
    {
        let what = format!("{folders} folders are to be watched, a user may watch {most}");
        let wanted = (folders * 2).max(524_288);
        let mend = format!("echo fs.inotify.max_user_watches={wanted} | sudo tee /etc/sysctl.d/60-annals.conf && sudo sysctl --system");
        found.push(wrong("inotify.limit", what, "folders that are not watched are looked at only now and then", mend));
    }
    for tenant in store.config().tenants.keys().filter(|name| *name != DEFAULT_TENANT && store.tenant_or_dropped(name).is_err()) {
        let what = format!("annals.toml has rules for a tenant that does not exist: {tenant}");
        found.push(wrong("tenant.unknown", what, "a misspelt name is no rule", "annals tenant ls; then correct the section's name"));
    }
    for (tenant, rules) in &store.config().tenants {
        let may = store.config().remotes.iter().filter(|r| crate::engine::residency::allows(store.config(), tenant, &r.name, r.region.as_deref()));
        let (may, wanted) = (may.count(), rules.copies_min.unwrap_or(1) as usize);
        if may < wanted {
            let what = format!("tenant {tenant} wants {wanted} copies, its rules allow {may} remotes");
            let why = "its changes count as not offsite for ever";
            found.push(wrong("tenant.copies", what, why, "add a remote that its regions and remotes allow, or lower copies_min"));
        }
    }
    Ok(())
}

/// Tables that the last look at a database left out.
pub(super) fn left_out(name: &str, tables: &[(String, String)], found: &mut Vec<Finding>) {
    for (table, reason) in tables {
        let (why, mend) = reason.split_once(": ").unwrap_or((reason, "annals capture postgres names it"));
        let what = format!("capture {name}: table {table} is left out: {why}");
        found.push(advice("capture.left_out", what, "what happens in it is not in the history, and cannot be brought back", mend.to_owned()));
    }
}

/// Whose documents a capture makes, and what their keys begin with.
fn place(capture: &Capture) -> (&str, &str) {
    let prefix = capture.prefix.as_deref().unwrap_or(&capture.name).trim_end_matches('/');
    (capture.tenant.as_deref().unwrap_or(DEFAULT_TENANT), prefix)
}

fn folder(name: &str, path: &Path, found: &mut Vec<Finding>) {
    if let Err(e) = path.read_dir() {
        let what = format!("capture {name}: {} cannot be read: {e}", path.display());
        let mend = format!("ls -ld {}; it must be there and readable for the user of the agent", path.display());
        found.push(wrong("capture.unreadable", what, "nothing of it is recorded", mend));
    }
}

/// Folders below a path, at most `most`.
fn below(path: &Path, most: u64) -> u64 {
    let (mut count, mut folders) = (0, vec![path.to_owned()]);
    while let Some(folder) = folders.pop() {
        count += 1;
        if count >= most {
            break;
        }
        let entries = folder.read_dir().into_iter().flatten().flatten();
        folders.extend(entries.filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir())).map(|e| e.path()));
    }
    count
}

fn sqlite(name: &str, path: &Path, found: &mut Vec<Finding>) {
    let unreadable = |path: &Path, e: std::io::Error| {
        let what = format!("capture {name}: {} cannot be read: {e}", path.display());
        wrong(
            "capture.unreadable",
            what,
            "nothing of it is recorded",
            format!("ls -l {}*; the user of the agent must be able to read them", path.display()),
        )
    };
    let mut header = Vec::new();
    match File::open(path).and_then(|file| file.take(100).read_to_end(&mut header)) {
        Err(e) => return found.push(unreadable(path, e)),
        Ok(_) if header.is_empty() => return,
        Ok(_) => {}
    }
    if !header.starts_with(b"SQLite format 3\0") {
        let what = format!("capture {name}: {} is no SQLite database", path.display());
        return found.push(wrong("capture.kind", what, "nothing of it is recorded", "name the database's file in annals.toml"));
    }
    if header.get(SQLITE_FORMS).is_some_and(|forms| forms != [2, 2]) {
        let what = format!("capture {name}: {} has no write-ahead log", path.display());
        let why = "transactions between two looks become one version, in no order";
        found.push(advice("capture.wal", what, why, format!("sqlite3 {} 'PRAGMA journal_mode = WAL'", path.display())));
    }
    let wal = path.with_file_name(format!("{}-wal", path.file_name().unwrap_or_default().to_string_lossy()));
    if let Err(e) = File::open(&wal)
        && e.kind() != std::io::ErrorKind::NotFound
    {
        found.push(unreadable(&wal, e));
    }
}

#[cfg(feature = "postgres")]
fn postgres(store: &Store, capture: &Capture, around: &Surroundings, found: &mut Vec<Finding>) {
    use super::super::patience::ask;
    use crate::storage::source::postgres::{Address, checkup};
    let CaptureFrom::Postgres { url, password_file, .. } = &capture.from else { return };
    let name = &capture.name;
    let address = Address { url: url.clone(), password_file: password_file.clone(), passwords: store.inner.passwords().clone() };
    let question = vec![(address, format!("annals_{name}"))];
    let answer = ask(question, around.patience, |(address, slot), _| checkup(&address, &slot)).pop().flatten();
    match answer {
        None => {
            let what = format!("capture {name}: the server gives no answer within {} s", around.patience.as_secs());
            found.push(wrong("postgres.silent", what, "nothing of it is recorded, and its log grows", "pg_isready"));
        }
        Some(Err(e)) => {
            let mut finding = failed("postgres.unreachable", &e, "nothing of it is recorded, and its log grows", "pg_isready");
            finding.what = format!("capture {name}: {}", finding.what);
            found.push(finding);
        }
        Some(Ok(seen)) => judge(name, &seen, found),
    }
}

/// What there is to say about a server's set-up.
#[cfg(feature = "postgres")]
pub(super) fn judge(name: &str, seen: &crate::storage::source::postgres::Checkup, found: &mut Vec<Finding>) {
    use crate::storage::source::postgres::WalStatus;
    if !seen.logical {
        let what = format!("capture {name}: the server's wal_level is not logical");
        found.push(wrong(
            "postgres.wal_level",
            what,
            "its changes cannot be followed",
            "ALTER SYSTEM SET wal_level = logical; then restart the server",
        ));
    }
    if seen.keeps_bytes.is_none() {
        let what = format!("capture {name}: the server sets no max_slot_wal_keep_size");
        let why = "while no agent reads, its log grows until the server's disk is full";
        found.push(advice("postgres.keep", what, why, "ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'; SELECT pg_reload_conf()"));
    }
    if let Some(role) = &seen.logs_reading_of {
        let what = format!("capture {name}: the server logs each time that its changes are read, which is several times a second beside much work");
        let mend = format!("ALTER ROLE \"{}\" SET log_min_messages = fatal; by a superuser", role.replace('"', "\"\""));
        found.push(advice(
            "postgres.log",
            what,
            "a dozen lines each time fill the disk of its log; errors of the capture are told here anyway",
            mend,
        ));
    }
    match &seen.slot {
        Some(slot) if slot.status == WalStatus::Lost => {
            let what = format!("capture {name}: the server threw away log that was not read yet (slot annals_{name})");
            let why = "the next capture compares all rows; what happened between is one interval";
            found.push(wrong("postgres.lost", what, why, "annals jobs retry; and raise max_slot_wal_keep_size"));
        }
        Some(slot) if slot.status == WalStatus::AtRisk => {
            let what = format!("capture {name}: the server may throw away log that was not read yet (slot annals_{name})");
            found.push(wrong("postgres.risk", what, "then the order of what happened is lost", "annals agent status; the agent must run to read it"));
        }
        Some(_) => {}
        None => {
            let what = format!("capture {name}: the server has no slot annals_{name}");
            found.push(advice("postgres.slot", what, "the first capture makes it; until then the server keeps nothing for us", "annals agent run"));
        }
    }
}

#[cfg(not(feature = "postgres"))]
fn postgres(_: &Store, capture: &Capture, _: &Surroundings, found: &mut Vec<Finding>) {
    let what = format!("capture {}: this program was built without PostgreSQL", capture.name);
    found.push(wrong("postgres.unsupported", what, "nothing of it is recorded", "use an annals with the feature postgres"));
}
