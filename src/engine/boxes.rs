//! The keys of subjects at remotes: objects that hold them are shipped before what is sealed under them, written anew when a subject goes, and the
//! old ones removed, with proof.

use std::collections::{BTreeMap, HashSet};

use crate::base::digest::Digest;
use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::limits::SUBJECT_OBJECT_BYTES_MAX;
use crate::format::cipher::SecretKey;
use crate::format::keyfile::subjects::{self, Entry, key_id};
use crate::storage::catalog::Writer;
use crate::storage::catalog::subjects::KeyObjectRow;
use crate::storage::remote::{Check, Upload};

use super::offsite::{Copies, Fetch, FetchReport, ShipReport, Shipment};
use super::remains::swept;
use super::store::Tenant;

impl Tenant {
    /// The key objects as they are now; those of groups that changed are made anew. A subject has a key once its contents are sealed.
    fn key_objects(&self, key: &SecretKey) -> Result<Vec<KeyObjectRow>> {
        let inner = &*self.inner;
        let mut groups: BTreeMap<i64, Vec<Entry>> = BTreeMap::new();
        for row in inner.catalog.read(|rows| rows.subjects(self.id))? {
            let entry = match (row.tombstone, row.name, row.key) {
                (Some(tombstone), _, _) => Entry::Tombstone(tombstone),
                (None, Some(name), Some(key)) => Entry::Key { name, key },
                _ => continue,
            };
            groups.entry(row.group).or_default().push(entry);
        }
        let mut out = Vec::with_capacity(groups.len());
        for (group, entries) in groups {
            if let Some(known) = inner.catalog.read(|rows| rows.key_object(self.id, group))? {
                out.push(known);
                continue;
            }
            let object = subjects::seal(key, self.public, &entries, inner.random())?;
            let row = KeyObjectRow { name: subjects::object_name(self.public, &object), object };
            inner.catalog.write(|w| w.set_key_object(self.id, group, &row))?;
            out.push(row);
        }
        Ok(out)
    }
}

/// Takes in what a key object says. Keys that were destroyed stay so.
fn take_in(w: &Writer<'_>, home: i64, row: &KeyObjectRow, entries: &[Entry]) -> Result<()> {
    let mut strange = true;
    for entry in entries {
        strange &= match entry {
            Entry::Key { name, key } => w.subject_with_key(home, &key_id(key))?.is_none() && w.subject_called(home, name)?.is_none(),
            Entry::Tombstone(tombstone) => w.subject_with_key(home, &tombstone.key)?.is_none(),
        };
    }
    if strange {
        return w.add_group(home, entries, row);
    }
    entries.iter().try_for_each(|entry| match entry {
        Entry::Key { name, key } => w.add_subject_key(home, name, key).map(drop),
        Entry::Tombstone(tombstone) => w.bury(home, tombstone).map(drop),
    })
}

impl Shipment<'_> {
    /// Sees to it that the remote has the key objects as they are now, and none with a key that was destroyed.
    pub(super) fn ship_subject_keys(&self, report: &mut ShipReport) -> Result<()> {
        let (inner, id) = (&*self.tenant.inner, self.tenant.id);
        if !inner.catalog.read(|rows| rows.has_subjects())? {
            return Ok(());
        }
        let key = self.tenant.key()?;
        let current = self.tenant.key_objects(&key)?;
        self.store_key_objects(&current, report)?;
        if self.options.dry_run {
            return Ok(());
        }
        let buried = inner.catalog.read(|rows| rows.tombstone_count(id))?;
        let mark = swept(&self.remote.name, id);
        let clean = inner.catalog.read(|rows| rows.fact_number(&mark))? >= buried;
        let mut stale = self.stale(&current)?;
        if clean && stale.is_empty() {
            return Ok(());
        }
        let mut current = current;
        if !clean {
            // What an upload left whose end nobody saw, or another copy of this store wrote, is found by looking.
            stale.extend(self.strange(&key, &current, &stale)?);
            current = self.tenant.key_objects(&key)?;
            self.store_key_objects(&current, report)?;
            stale.extend(self.stale(&current)?);
        }
        let keep: HashSet<&str> = current.iter().map(|row| row.name.as_str()).collect();
        stale.retain(|name| !keep.contains(name.as_str()));
        stale.sort_unstable();
        stale.dedup();
        self.replace(&current, &stale)?;
        inner.catalog.write(|w| w.set_fact(&mark, &buried.to_be_bytes()))
    }

    /// Key objects that the remote may have and that are not as they are now.
    fn stale(&self, current: &[KeyObjectRow]) -> Result<Vec<String>> {
        let there = self.tenant.inner.catalog.read(|rows| rows.key_objects_at(&self.remote.name, self.tenant.id))?;
        Ok(there.into_iter().map(|(name, _)| name).filter(|name| current.iter().all(|row| row.name != *name)).collect())
    }

    fn store_key_objects(&self, current: &[KeyObjectRow], report: &mut ShipReport) -> Result<()> {
        let (inner, id, remote) = (&*self.tenant.inner, self.tenant.id, &self.remote.name);
        let there = inner.catalog.read(|rows| rows.key_objects_at(remote, id))?;
        let lacking: Vec<&KeyObjectRow> = current.iter().filter(|row| !there.iter().any(|(name, stored)| *stored && *name == row.name)).collect();
        if lacking.is_empty() {
            return Ok(());
        }
        report.objects += lacking.len() as u64;
        report.bytes += lacking.iter().map(|row| row.object.len() as u64).sum::<u64>();
        if self.options.dry_run {
            return Ok(());
        }
        // Noted before they are sent: one that arrived and of which nobody heard has keys in it all the same.
        inner.catalog.write(|w| lacking.iter().try_for_each(|row| w.note_key_object(remote, id, &row.name, false)))?;
        let mut uploads = Vec::with_capacity(lacking.len());
        for row in &lacking {
            let path = self.on_its_way(&row.name)?;
            disk::write_file(&path, &row.object, 0o600)?;
            uploads.push(Upload::new(self.name_of(&row.name), &path, row.object.len() as u64).again());
        }
        let outcomes = self.remote.device().store(&uploads, self.monitor)?;
        for ((row, upload), outcome) in lacking.iter().zip(&uploads).zip(outcomes) {
            outcome?;
            self.confirm(&upload.name, row.object.len() as u64, Digest::of(&row.object))?;
            inner.catalog.write(|w| w.note_key_object(remote, id, &row.name, true))?;
            disk::remove_file(&upload.from)?;
        }
        Ok(())
    }

    /// Key objects at the remote that this store does not know of: their keys are taken in, so that they can go.
    fn strange(&self, key: &SecretKey, current: &[KeyObjectRow], stale: &[String]) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for object in self.remote.device().list(&self.name_of(""), self.monitor)? {
            let name = object.name.rsplit('/').next().unwrap_or(&object.name).to_owned();
            if !subjects::is_name(&name) || current.iter().any(|row| row.name == name) || stale.contains(&name) {
                continue;
            }
            let bytes = self.remote.device().read(&object.name, 0, object.size.min(SUBJECT_OBJECT_BYTES_MAX), self.monitor)?;
            // What does not open under this tenant's key opens for nobody who has it.
            let Ok(entries) = subjects::open(key, self.tenant.public, &bytes) else { continue };
            let row = KeyObjectRow { name: name.clone(), object: bytes };
            self.tenant.inner.catalog.write(|w| {
                take_in(w, self.tenant.id, &row, &entries)?;
                w.note_key_object(&self.remote.name, self.tenant.id, &name, true)
            })?;
            found.push(name);
        }
        Ok(found)
    }

    /// Removes key objects, after those that take their place were seen there, and sees that they are gone.
    fn replace(&self, current: &[KeyObjectRow], stale: &[String]) -> Result<()> {
        let (inner, device) = (&*self.tenant.inner, self.remote.device());
        for row in current.iter().filter(|_| !stale.is_empty()) {
            let name = self.name_of(&row.name);
            if device.verify(&name, row.object.len() as u64, Some(Digest::of(&row.object)), self.monitor)? != Check::Right {
                inner.catalog.write(|w| w.note_key_object(&self.remote.name, self.tenant.id, &row.name, false))?;
                let text = format!("{} does not have {} whole, so the key objects that it takes the place of stay", self.remote.name, row.name);
                return Err(Error::new(Kind::Failed, "erase.lost", text).hint("run annals ship again"));
            }
        }
        for name in stale {
            let full = self.name_of(name);
            device.remove(std::slice::from_ref(&full), self.monitor)?;
            if device.verify(&full, 0, None, self.monitor)? != Check::Missing {
                let text = format!("{} said it removed {name} and still has it: a key that was destroyed here can be read there", self.remote.name);
                return Err(Error::new(Kind::Failed, "remote.lied", text)
                    .hint("run annals ship again; if it stays so, remove the object by hand, and older versions of it that the remote keeps"));
            }
            inner.catalog.write(|w| w.remove_key_object(&self.remote.name, self.tenant.id, name))?;
        }
        Ok(())
    }
}

impl Fetch<'_> {
    /// Takes in the keys and tombstones of subjects that remotes hold. What cannot be read is noted; another remote may have it.
    pub(crate) fn subject_keys(&self, key: &SecretKey, copies: &Copies, report: &mut FetchReport) -> Result<()> {
        let inner = &*self.tenant.inner;
        let home = inner.catalog.read(|rows| rows.home_of(self.tenant.id))?;
        for (name, (size, remotes)) in &copies.keys {
            let known = inner.catalog.read(|rows| {
                let noted = |remote: &str| Ok::<_, Error>(rows.key_objects_at(remote, home)?.iter().any(|(known, stored)| *stored && known == name));
                remotes.iter().try_fold(true, |all, remote| Ok(all && noted(&remote.name)?))
            })?;
            if known {
                continue;
            }
            for remote in remotes {
                let full = format!("{}/{name}", self.tenant.public.to_hex());
                let read = remote.device().read(&full, 0, (*size).min(SUBJECT_OBJECT_BYTES_MAX), self.monitor).and_then(|bytes| {
                    if subjects::object_name(self.tenant.public, &bytes) != *name {
                        return Err(Error::damaged(format_args!("the key object {name}")));
                    }
                    let entries = subjects::open(key, self.tenant.public, &bytes)?;
                    Ok((bytes, entries))
                });
                let (object, entries) = match read {
                    Ok(read) => read,
                    Err(e) if matches!(e.kind(), Kind::Interrupted | Kind::Newer) => return Err(e),
                    Err(e) => {
                        report.bridged.push(format!("{}: {name}: {e}", remote.name));
                        continue;
                    }
                };
                report.objects += 1;
                report.bytes += object.len() as u64;
                let row = KeyObjectRow { name: name.clone(), object };
                inner.catalog.write(|w| {
                    take_in(w, home, &row, &entries)?;
                    w.note_key_object(&remote.name, home, name, true)
                })?;
                break;
            }
        }
        Ok(())
    }
}
