//! Where the store lives: disk, file system, key, clock, witness, and what else lies there.

use std::path::Path;

use crate::base::disk;
use crate::base::error::Result;
use crate::engine::store::{CONFIG, KEY_FILE, MARKER, Store};
use crate::model::key::show_key;
use crate::model::moment;

use super::super::health::late_erasures;
use super::{Finding, Surroundings, advice, failed, wrong};

/// Bytes that must be free at least, and the share of the store that must be.
const FREE_BYTES: u64 = 256 << 20;
const FREE_SHARE: u64 = 10;
/// Shares of a quota in percent from which on it is nearly used up.
const QUOTA_FULL: u64 = 90;
/// Seconds that the clock may be behind the last batch.
const BEHIND_SECS: i64 = 300;
/// Seconds since 1970 before which no clock is right: 2026.
const EARLIEST: i64 = 1_767_225_600;
/// File systems on another machine: locks and syncs there are promises of somebody else.
const SHARES: [&str; 12] = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "fuse.sshfs", "fuse.rclone", "davfs"];
/// File systems whose contents are gone with the machine's power, or with the container.
const PASSING: [&str; 4] = ["tmpfs", "ramfs", "overlay", "aufs"];
/// What stands in a store's directory; names that begin so.
const OURS: [&str; 17] = [
    MARKER,
    CONFIG,
    KEY_FILE,
    "catalog.db",
    "chunks",
    "outbox",
    "incoming",
    "orders",
    "captures",
    "drill",
    "lock",
    "agent.sock",
    "annals.new",
    "annals.access",
    "web.token",
    "web.open.html",
    "labels.json",
];

pub(super) fn look(store: &Store, around: &Surroundings, found: &mut Vec<Finding>) -> Result<()> {
    space(store, found)?;
    file_system(store.dir(), &around.mounts, found);
    key(store, found)?;
    clock(store, around, found)?;
    witness(store, around, found);
    look_at_files(store.dir(), found);
    for brake in store.brakes()? {
        let why = "it may be ransomware, or an import; until somebody says so no rule takes anything away";
        found.push(wrong("brake.on", brake.said(), why, format!("annals brake ls; annals brake lift {} --reason TEXT", brake.tenant)));
    }
    for (remote, said) in late_erasures(store)? {
        let why = "the law that wanted it gone counts days there too; nothing more of it is sealed, but what lies there can still be read";
        found.push(wrong("erasure.late", said, why, format!("annals ship --to {remote}; annals compact --remote {remote}")));
    }
    erasable(store, found)
}

/// Subjects have keys of their own, and what is recorded of them now would not be sealed with them: a rebuilt store knows the keys, and not the
/// configuration that its old machine had.
fn erasable(store: &Store, found: &mut Vec<Finding>) -> Result<()> {
    let inner = &*store.inner;
    for tenant in store.tenants()? {
        let subjects = inner.catalog.read(|rows| if rows.has_subjects()? { rows.subjects(tenant.id) } else { Ok(Vec::new()) })?;
        let outside = subjects.iter().filter_map(|s| s.name.as_deref()).find(|name| inner.config.erasable.subject_of(name).is_none());
        if let Some(name) = outside {
            let name = show_key(name);
            let what = format!("{name} has a key of its own, and no prefix in [erasable] of annals.toml declares it");
            let why = "what is recorded of it from now on cannot be erased at the remotes without compaction";
            let prefix = name.rsplit_once('/').map_or(name.as_str(), |(prefix, _)| prefix);
            found.push(wrong("erasable.undeclared", what, why, format!("write the prefix again: [erasable] prefixes = [\"{prefix}/\"]")));
        }
    }
    Ok(())
}

fn space(store: &Store, found: &mut Vec<Finding>) -> Result<()> {
    let status = store.status()?;
    found.extend(low(disk::free_bytes(store.dir())?, status.disk_bytes));
    if let Some(quota) = status.quota_bytes
        && status.disk_bytes.saturating_mul(100) > quota.saturating_mul(QUOTA_FULL)
    {
        let what = format!("the store takes {} MB of its quota of {} MB", status.disk_bytes / 1_000_000, quota / 1_000_000);
        found.push(wrong("quota.near", what, "it grows with every change", "raise quota in [store] of annals.toml"));
    }
    Ok(())
}

/// What there is to say where `free` bytes are left beside a store of `used` ones.
pub(super) fn low(free: u64, used: u64) -> Option<Finding> {
    let needed = (used / FREE_SHARE).max(FREE_BYTES);
    let what = format!("only {} MB are free on the store's disk, {} MB are wanted", free / 1_000_000, needed / 1_000_000);
    let why = "a full disk means that nothing is recorded until there is space";
    (free < needed).then(|| wrong("space.low", what, why, "df -h; annals gc; then free some space"))
}

/// The type of the file system that holds a path, as `/proc/self/mountinfo` tells (proc_pid_mountinfo(5)).
pub(super) fn kind_of<'m>(path: &Path, mounts: &'m str) -> Option<&'m str> {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut best: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let mut fields = line.split(' ');
        let (Some(point), Some((_, after))) = (fields.nth(4), line.split_once(" - ")) else { continue };
        let point = point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
        // Of mounts on one point the last is the one that is seen.
        if whole.starts_with(&point) && best.is_none_or(|(len, _)| point.len() >= len) {
            best = after.split(' ').next().map(|kind| (point.len(), kind));
        }
    }
    best.map(|(_, kind)| kind)
}

fn file_system(dir: &Path, mounts: &str, found: &mut Vec<Finding>) {
    let Some(kind) = kind_of(dir, mounts) else { return };
    let at = dir.display();
    let mend = "annals agent stop; mv the store to a disk of this machine; start again with -C";
    if SHARES.contains(&kind) {
        let what = format!("the store lies on a network share ({kind}): {at}");
        found.push(wrong(
            "filesystem.share",
            what,
            "locks and syncs there are promises of another machine: two writers, or a power cut, can damage it",
            mend,
        ));
    }
    if PASSING.contains(&kind) {
        let what = format!("the store lies on a file system that does not outlive a restart, or the container ({kind}): {at}");
        found.push(wrong("filesystem.passing", what, "what is not offsite is gone then", mend));
    }
}

fn key(store: &Store, found: &mut Vec<Finding>) -> Result<()> {
    let info = match store.key_info() {
        Ok(info) => info,
        Err(e) => {
            found.push(failed(
                "key.missing",
                &e,
                "nothing can be sealed or shipped without it, and nothing offsite read",
                "annals rebuild --sheet FILE",
            ));
            return Ok(());
        }
    };
    let path = info.path.display();
    if info.site != store.site() {
        let why = "recording goes on, but nothing can be sealed or shipped with it, and nothing that is offsite opens";
        let mend = format!(
            "put back the file that annals init made here; or: annals rebuild --from URL --sheet FILE --into DIR, and its {KEY_FILE} in place of {path}"
        );
        found.push(wrong("key.wrong", format!("the key file belongs to another site: {path}"), why, mend));
        return Ok(());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = info.path.metadata().map_or(0o600, |meta| meta.permissions().mode());
        if mode & 0o077 != 0 && info.plain {
            let what = format!("others on this machine may read the key file (mode {:04o}): {path}", mode & 0o7777);
            found.push(wrong("key.open", what, "whoever has it can read everything that is offsite", format!("chmod 600 {path}")));
        }
    }
    if store.sheet_shown()?.is_none() {
        let why = "the key file lies on this disk; when it is lost, only the sheet (or a copy of the file elsewhere) opens what is offsite";
        found.push(wrong("key.sheet", "the recovery sheet was never shown", why, "annals key show --sheet | lpr"));
    }
    Ok(())
}

fn clock(store: &Store, around: &Surroundings, found: &mut Vec<Finding>) -> Result<()> {
    let now = store.now_is();
    let mut newest = i64::MIN;
    for tenant in store.tenants()? {
        let seq = tenant.position()?.seq;
        if seq > 0 {
            newest = newest.max(tenant.batch_at(seq)?.event.time.secs());
        }
    }
    let mend = "timedatectl set-ntp true";
    if now.secs() < EARLIEST {
        let what = format!("the clock shows {}", moment::rfc3339_utc(now));
        found.push(wrong("clock.wrong", what, "versions would be found under wrong times, and schedules come at the wrong time", mend));
    } else if newest.saturating_sub(now.secs()) > BEHIND_SECS {
        let what = format!("the clock is {} behind the last change", moment::age(newest - now.secs()));
        found.push(wrong("clock.behind", what, "new versions get the time of the last change until the clock has caught up", mend));
    } else if around.clock_synced == Some(false) {
        found.push(advice("clock.unsynced", "no time service keeps the clock right", "it drifts, and with it the times of all versions", mend));
    }
    let schedule = &store.config().schedule;
    let by_the_clock = !schedule.windows.is_empty() || matches!(schedule.ship, Some(crate::storage::config::Ship::Cron(_)));
    if store.config().store.zone.is_none() && by_the_clock {
        let what = format!("windows and times of day are read in the machine's zone ({})", store.zone().name());
        found.push(advice(
            "zone.unset",
            what,
            "they move when the machine's zone does, as on a server that is set up anew",
            "zone = \"Europe/Oslo\" in [store] of annals.toml",
        ));
    }
    Ok(())
}

fn witness(store: &Store, around: &Surroundings, found: &mut Vec<Finding>) {
    let why = "with it a store that was brought back from an old backup is noticed at once, also offline";
    let Some(dir) = &around.state_dir else {
        found.push(advice(
            "witness.none",
            "there is no witness outside of the store",
            why,
            "set ANNALS_STATE to a directory that is not restored with the store",
        ));
        return;
    };
    let (own, theirs) = (store.dir().canonicalize(), dir.canonicalize());
    if own.as_ref().is_ok_and(|own| theirs.as_ref().is_ok_and(|dir| dir.starts_with(own))) {
        let what = format!("the witness lies inside the store: {}", dir.display());
        found.push(wrong(
            "witness.inside",
            what,
            "it goes back in time together with the store, and notices nothing",
            "set ANNALS_STATE to a directory elsewhere",
        ));
        return;
    }
    if let Err(e) = disk::create_dirs(dir).and_then(|()| disk::write_file(&dir.join("doctor.partial"), b"", 0o600)) {
        found.push(failed("witness.unwritable", &e, why, "make the directory writable, or set ANNALS_STATE"));
    }
    // What is left behind is empty, and written over by the next look.
    let _ = std::fs::remove_file(dir.join("doctor.partial"));
}

/// What lies in a store's directory and is not ours.
pub(super) fn look_at_files(dir: &Path, found: &mut Vec<Finding>) {
    let Ok(entries) = dir.read_dir() else { return };
    let mut foreign: Vec<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    foreign.retain(|name| !OURS.iter().any(|ours| name.starts_with(ours)) && !name.ends_with(".partial"));
    foreign.sort();
    if !foreign.is_empty() {
        let shown: Vec<&str> = foreign.iter().take(5).map(String::as_str).collect();
        let more = if foreign.len() > shown.len() { format!(" and {} more", foreign.len() - shown.len()) } else { String::new() };
        let what = format!("files that are not the store's lie in its directory: {}{more}", shown.join(", "));
        let why = "nothing here keeps them: a rebuild makes the directory anew";
        found.push(advice("files.foreign", what, why, format!("move them out of {}", dir.display())));
    }
}
