//! Subjects whose contents can be erased: their keys, the tombstones of those that went, and which remote may have which key object.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, Row};

use super::{View, Writer, id, number, sql};
use crate::base::codec::Reader;
use crate::base::error::{Error, Result};
use crate::format::cipher::SecretKey;
use crate::format::keyfile::subjects::{SUBJECTS_MAX, Tombstone, decode_tombstone, encode_tombstone, key_id};
use crate::model::change::KeyId;
use crate::model::subject::Erasable;

/// Facts whose names begin so: a subject of a tenant was erased, and something of it lies around on this machine. The value is its name.
pub const ERASING: &str = "erasing ";

/// One subject of a tenant, or what is left of it.
#[derive(Debug, Clone)]
pub struct SubjectRow {
    /// Number within this store.
    pub id: i64,
    /// The key object that it belongs to.
    pub group: i64,
    /// The part of keys of documents that names it; nothing once it was erased.
    pub name: Option<Vec<u8>>,
    /// Its key; nothing before its contents were first sealed, and once it was erased.
    pub key: Option<SecretKey>,
    /// What stays of it, once it was erased.
    pub tombstone: Option<Tombstone>,
}

/// A key object as it is now.
#[derive(Debug, Clone)]
pub struct KeyObjectRow {
    /// Its name within the tenant's folder.
    pub name: String,
    /// Its bytes.
    pub object: Vec<u8>,
}

/// What a transaction knows of subjects: the declared prefixes, and which subject has which number.
#[derive(Default)]
pub(super) struct Scope {
    erasable: Erasable,
    /// For each log, by name.
    known: HashMap<i64, HashMap<Vec<u8>, i64>>,
    any: Option<bool>,
}

const COLUMNS: &str = "id, place, name, key, tombstone";

fn subject(r: &Row<'_>) -> rusqlite::Result<Result<SubjectRow>> {
    let (id, place, name) = (r.get(0)?, r.get::<_, i64>(1)?, r.get(2)?);
    let (key, tombstone) = (r.get::<_, Option<Vec<u8>>>(3)?, r.get::<_, Option<Vec<u8>>>(4)?);
    Ok((|| {
        let key = key.map(|key| <[u8; 32]>::try_from(key).map(SecretKey::from_bytes).map_err(|_| Error::damaged("the key of a subject")));
        let tombstone = tombstone.map(|bytes| {
            let mut reader = Reader::new(&bytes, "a tombstone");
            let tombstone = decode_tombstone(&mut reader)?;
            reader.finish().map(|()| tombstone)
        });
        Ok(SubjectRow { id, group: place / SUBJECTS_MAX as i64, name, key: key.transpose()?, tombstone: tombstone.transpose()? })
    })())
}

impl View<'_> {
    /// The tenant that a log belongs to: itself, or that of a side log.
    pub fn home_of(&self, tenant: i64) -> Result<i64> {
        let text = "SELECT h.id FROM tenant t JOIN tenant h ON h.name = substr(t.name, 1, instr(t.name || '/', '/') - 1) WHERE t.id = ?";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        Ok(s.query_row([tenant], |r| r.get(0)).optional().map_err(sql)?.unwrap_or(tenant))
    }

    /// Whether there are or were subjects.
    pub fn has_subjects(&self) -> Result<bool> {
        self.sql.prepare_cached("SELECT 1 FROM subject LIMIT 1").map_err(sql)?.exists([]).map_err(sql)
    }

    /// The subjects of a tenant, in the order of their key objects.
    pub fn subjects(&self, tenant: i64) -> Result<Vec<SubjectRow>> {
        let mut s = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM subject WHERE tenant = ? ORDER BY place")).map_err(sql)?;
        let rows = s.query_map([tenant], subject).map_err(sql)?;
        rows.map(|r| r.map_err(sql)?).collect()
    }

    fn one_subject(&self, condition: &str, params: impl rusqlite::Params) -> Result<Option<SubjectRow>> {
        let mut s = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM subject WHERE {condition}")).map_err(sql)?;
        s.query_row(params, subject).optional().map_err(sql)?.transpose()
    }

    /// The subject called `name`, unless it was erased and nothing was recorded of it since.
    pub fn subject_called(&self, tenant: i64, name: &[u8]) -> Result<Option<SubjectRow>> {
        self.one_subject("tenant = ?1 AND name = ?2", (tenant, name))
    }

    /// The subject with this key, or that had it.
    pub fn subject_with_key(&self, tenant: i64, key: &KeyId) -> Result<Option<SubjectRow>> {
        self.one_subject("tenant = ?1 AND key_id = ?2", (tenant, &key[..]))
    }

    /// The subject that a content (id) belongs to.
    pub fn subject_of_content(&self, content: i64) -> Result<Option<i64>> {
        let mut s = self.sql.prepare_cached("SELECT subject FROM content_subject WHERE content = ?").map_err(sql)?;
        s.query_row([content], |r| r.get(0)).optional().map_err(sql)
    }

    /// The subjects of the contents with ids `from..until`, for those that have one.
    pub fn subjects_of_contents(&self, from: i64, until: i64) -> Result<HashMap<i64, SubjectRow>> {
        let text = "SELECT content, subject FROM content_subject WHERE content >= ? AND content < ?";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((from, until), |r| Ok((r.get(0)?, r.get(1)?))).map_err(sql)?;
        let pairs: Vec<(i64, i64)> = rows.map(|r| r.map_err(sql)).collect::<Result<_>>()?;
        let mut known: HashMap<i64, SubjectRow> = HashMap::new();
        let mut out = HashMap::with_capacity(pairs.len());
        for (content, of) in pairs {
            let row = match known.get(&of) {
                Some(row) => row.clone(),
                None => {
                    let row = self.one_subject("id = ?1", [of])?.ok_or_else(|| Error::damaged(format_args!("a content of unknown subject {of}")))?;
                    known.insert(of, row.clone());
                    row
                }
            };
            out.insert(content, row);
        }
        Ok(out)
    }

    /// Numbers of the contents in the log `tenant` that belong to a subject and whose bytes are there, ascending.
    pub fn contents_of_subject(&self, tenant: i64, subject: i64) -> Result<Vec<u64>> {
        let text = "SELECT s.content FROM content_subject s JOIN content c ON c.id = s.content \
                    WHERE s.subject = ?1 AND s.content >= ?2 AND s.content < ?3 AND c.form <> 3 ORDER BY s.content";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((subject, id(tenant, 0), id(tenant + 1, 0)), |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map(number).map_err(sql)).collect()
    }

    /// Numbers of the contents in the log `tenant` whose subject was erased and whose bytes are there, ascending.
    pub fn contents_of_erased(&self, tenant: i64) -> Result<Vec<u64>> {
        let text = "SELECT s.content FROM content_subject s JOIN content c ON c.id = s.content JOIN subject o ON o.id = s.subject \
                    WHERE s.content >= ?1 AND s.content < ?2 AND c.form <> 3 AND o.tombstone IS NOT NULL ORDER BY s.content";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((id(tenant, 0), id(tenant + 1, 0)), |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map(number).map_err(sql)).collect()
    }

    /// Calls `each` with every pair of one of these contents (ids) and a document of the log that has or had it. Looks at every version.
    pub fn each_document_with(&self, tenant: i64, contents: &HashSet<i64>, each: &mut dyn FnMut(i64, &[u8])) -> Result<()> {
        let text = "SELECT v.content, d.key FROM version v JOIN document d ON d.id = v.document \
                    WHERE v.document >= ? AND v.document < ? AND v.content IS NOT NULL";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let mut rows = s.query((id(tenant, 0), id(tenant + 1, 0))).map_err(sql)?;
        while let Some(row) = rows.next().map_err(sql)? {
            let content: i64 = row.get(0).map_err(sql)?;
            if contents.contains(&content) {
                each(content, row.get_ref(1).and_then(|key| Ok(key.as_blob()?)).map_err(sql)?);
            }
        }
        Ok(())
    }

    /// Numbers of all contents in the log `tenant` that belong to a subject, also of those that went, ascending.
    pub fn all_contents_of_subject(&self, tenant: i64, subject: i64) -> Result<Vec<u64>> {
        let text = "SELECT content FROM content_subject WHERE subject = ?1 AND content >= ?2 AND content < ?3 ORDER BY content";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((subject, id(tenant, 0), id(tenant + 1, 0)), |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map(number).map_err(sql)).collect()
    }

    /// Whether the subject of a content (id) was erased.
    pub fn is_of_erased(&self, content: i64) -> Result<bool> {
        let text = "SELECT 1 FROM content_subject s JOIN subject o ON o.id = s.subject WHERE s.content = ? AND o.tombstone IS NOT NULL";
        self.sql.prepare_cached(text).map_err(sql)?.exists([content]).map_err(sql)
    }

    /// What stays of the subjects of a tenant that were erased, in no order.
    pub fn tombstones(&self, tenant: i64) -> Result<Vec<Tombstone>> {
        let mut s = self.sql.prepare_cached(&format!("SELECT {COLUMNS} FROM subject WHERE tenant = ? AND tombstone IS NOT NULL")).map_err(sql)?;
        let rows = s.query_map([tenant], subject).map_err(sql)?;
        rows.map(|r| r.map_err(sql)?.map(|row| row.tombstone)).filter_map(Result::transpose).collect()
    }

    /// How many subjects of a tenant were erased.
    pub fn tombstone_count(&self, tenant: i64) -> Result<u64> {
        let mut s = self.sql.prepare_cached("SELECT count(*) FROM subject WHERE tenant = ? AND tombstone IS NOT NULL").map_err(sql)?;
        s.query_row([tenant], |r| r.get::<_, i64>(0)).map(|n| n as u64).map_err(sql)
    }

    /// Numbers of contents of a tenant that went with a subject and are in no box of it, ascending: sealings from before still have them.
    pub fn erased_bare(&self, tenant: i64) -> Result<Vec<u64>> {
        let mut all: Vec<u64> = self.tombstones(tenant)?.into_iter().flat_map(|t| t.contents).collect();
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// The key object of a group as it was made last, unless the group changed since.
    pub fn key_object(&self, tenant: i64, group: i64) -> Result<Option<KeyObjectRow>> {
        let mut s = self.sql.prepare_cached("SELECT name, object FROM key_object WHERE tenant = ? AND place = ?").map_err(sql)?;
        s.query_row((tenant, group), |r| Ok(KeyObjectRow { name: r.get(0)?, object: r.get(1)? })).optional().map_err(sql)
    }

    /// The key objects of a tenant as they were made last.
    pub fn key_objects(&self, tenant: i64) -> Result<Vec<KeyObjectRow>> {
        let mut s = self.sql.prepare_cached("SELECT name, object FROM key_object WHERE tenant = ? ORDER BY place").map_err(sql)?;
        let rows = s.query_map([tenant], |r| Ok(KeyObjectRow { name: r.get(0)?, object: r.get(1)? })).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The key objects that may lie at a remote, each with whether it was read back there.
    pub fn key_objects_at(&self, remote: &str, tenant: i64) -> Result<Vec<(String, bool)>> {
        let mut s = self.sql.prepare_cached("SELECT name, stored FROM key_held WHERE remote = ? AND tenant = ? ORDER BY name").map_err(sql)?;
        let rows = s.query_map((remote, tenant), |r| Ok((r.get(0)?, r.get(1)?))).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The documents (ids) and keys of a log that are called like a subject or lie below it.
    pub fn documents_of_subject(&self, tenant: i64, name: &[u8]) -> Result<Vec<(i64, Vec<u8>)>> {
        let (below, end) = ([name, b"/"].concat(), [name, b"0"].concat());
        let text = "SELECT id, key FROM document WHERE tenant = ?1 AND (key = ?2 OR key >= ?3 AND key < ?4) ORDER BY key";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((tenant, name, below, end), |r| Ok((r.get(0)?, r.get(1)?))).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// The contents (ids) that a document has or had, each once.
    pub fn contents_of_document(&self, document: i64) -> Result<Vec<i64>> {
        let text = "SELECT DISTINCT content FROM version WHERE document = ? AND content IS NOT NULL ORDER BY content";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map([document], |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }
}

impl Writer<'_> {
    /// Contents of documents under these prefixes belong to subjects, as far as this transaction adds them.
    pub fn set_scope(&self, erasable: &Erasable) {
        self.scope.borrow_mut().erasable.clone_from(erasable);
    }

    /// What was learned of subjects in this transaction may have been taken back.
    pub(super) fn forget_subjects(&self) {
        let mut scope = self.scope.borrow_mut();
        scope.known.clear();
        scope.any = None;
    }

    /// The subject of a document, added where it is new; nothing where its prefix is not declared erasable.
    pub fn subject_for(&self, tenant: i64, key: &[u8]) -> Result<Option<i64>> {
        let mut scope = self.scope.borrow_mut();
        if scope.erasable.is_empty() {
            return Ok(None);
        }
        let Some(name) = scope.erasable.subject_of(key) else { return Ok(None) };
        if let Some(known) = scope.known.get(&tenant).and_then(|known| known.get(name)) {
            return Ok(Some(*known));
        }
        let home = self.home_of(tenant)?;
        let subject = match self.subject_called(home, name)? {
            Some(row) => row.id,
            None => self.add_subject(home, Some(name), None, None)?,
        };
        scope.known.entry(tenant).or_default().insert(name.to_vec(), subject);
        scope.any = Some(true);
        Ok(Some(subject))
    }

    /// Whether a content belongs to this subject (or to none). Contents of several subjects are never one, so that one can go without the other.
    pub fn is_content_of(&self, content: i64, subject: Option<i64>) -> Result<bool> {
        let known = self.scope.borrow().any;
        let any = match known {
            Some(any) => any,
            None => self.has_subjects()?,
        };
        self.scope.borrow_mut().any = Some(any);
        Ok(!any || self.subject_of_content(content)? == subject)
    }

    /// Whether a content that the log has may become one of a document of `subject`. Where nothing is declared erasable, contents stay whose they
    /// are: batches come back from segments so.
    pub fn is_in_scope(&self, content: i64, subject: Option<i64>) -> Result<bool> {
        Ok(self.scope.borrow().erasable.is_empty() || self.is_content_of(content, subject)?)
    }

    /// Says which subject a content (id) belongs to.
    pub fn set_content_subject(&self, content: i64, subject: i64) -> Result<()> {
        self.run("INSERT OR REPLACE INTO content_subject (content, subject) VALUES (?,?)", (content, subject))
    }

    /// No content of a log from number `from` on belongs to a subject.
    pub fn clear_content_subjects(&self, tenant: i64, from: u64) -> Result<()> {
        self.run("DELETE FROM content_subject WHERE content >= ? AND content < ?", (id(tenant, from), id(tenant + 1, 0)))
    }

    fn add_subject(&self, tenant: i64, name: Option<&[u8]>, key: Option<&SecretKey>, tombstone: Option<&Tombstone>) -> Result<i64> {
        let place = "SELECT coalesce(max(place) + 1, 0) FROM subject WHERE tenant = ?";
        let place: i64 = self.sql.prepare_cached(place).map_err(sql)?.query_row([tenant], |r| r.get(0)).map_err(sql)?;
        self.add_subject_at(tenant, place, (name, key, tombstone))
    }

    fn add_subject_at(
        &self,
        tenant: i64,
        place: i64,
        (name, key, tombstone): (Option<&[u8]>, Option<&SecretKey>, Option<&Tombstone>),
    ) -> Result<i64> {
        let key_of = key.map(key_id).or(tombstone.map(|t| t.key));
        self.run(
            "INSERT INTO subject (tenant, place, name, key_id, key, tombstone) VALUES (?,?,?,?,?,?)",
            (tenant, place, name, key_of.map(|k| k.to_vec()), key.map(|k| k.expose().to_vec()), tombstone.map(bytes_of)),
        )?;
        let added = self.sql.last_insert_rowid();
        self.drop_key_object(tenant, place / SUBJECTS_MAX as i64)?;
        Ok(added)
    }

    /// The key object of a group has to be made anew.
    fn drop_key_object(&self, tenant: i64, group: i64) -> Result<()> {
        self.run("DELETE FROM key_object WHERE tenant = ? AND place = ?", (tenant, group))
    }

    /// The subjects called `name`, each with a key of its own, made by `fresh` where it has none. There is at least one.
    pub fn subjects_to_erase(&self, tenant: i64, name: &[u8], fresh: impl Fn() -> SecretKey) -> Result<Vec<(i64, SecretKey)>> {
        if self.subject_called(tenant, name)?.is_none() {
            self.add_subject(tenant, Some(name), None, None)?;
        }
        let called = self.subjects(tenant)?.into_iter().filter(|row| row.name.as_deref() == Some(name));
        let with_key = |row: SubjectRow| match row.key {
            Some(key) => Ok((row.id, key)),
            None => {
                let key = fresh();
                self.give_key(tenant, row.id, &key)?;
                Ok((row.id, key))
            }
        };
        called.map(with_key).collect()
    }

    /// Gives a subject its key.
    pub fn give_key(&self, tenant: i64, subject: i64, key: &SecretKey) -> Result<()> {
        self.run("UPDATE subject SET key = ?, key_id = ? WHERE id = ?", (key.expose().to_vec(), key_id(key).to_vec(), subject))?;
        let text = "SELECT place FROM subject WHERE id = ?";
        let place: i64 = self.sql.prepare_cached(text).map_err(sql)?.query_row([subject], |r| r.get(0)).map_err(sql)?;
        self.drop_key_object(tenant, place / SUBJECTS_MAX as i64)
    }

    /// Puts a tombstone in the place of a subject's key, which is gone from here on. Says whether that is new.
    pub fn bury(&self, tenant: i64, tombstone: &Tombstone) -> Result<bool> {
        self.forget_subjects();
        match self.subject_with_key(tenant, &tombstone.key)? {
            Some(SubjectRow { tombstone: Some(_), .. }) => Ok(false),
            Some(row) => {
                self.note_erasing(tenant, tombstone.seq, row.name.as_deref().unwrap_or_default())?;
                self.run("UPDATE subject SET name = NULL, key = NULL, tombstone = ? WHERE id = ?", (bytes_of(tombstone), row.id))?;
                self.drop_key_object(tenant, row.group)?;
                Ok(true)
            }
            None => {
                self.note_erasing(tenant, tombstone.seq, b"")?;
                self.add_subject(tenant, None, None, Some(tombstone)).map(|_| true)
            }
        }
    }

    /// Notes that something of an erased subject may lie around on this machine.
    pub fn note_erasing(&self, tenant: i64, seq: u64, name: &[u8]) -> Result<()> {
        let fact = format!("{ERASING}{tenant} {seq}");
        if name.is_empty() && self.fact(&fact)?.is_some() { Ok(()) } else { self.set_fact(&fact, name) }
    }

    /// Takes in a key from a key object; says whether it is new. One that was destroyed stays so, and a name has one living key: further ones are
    /// of nobody that can be asked for, and only open what was sealed under them.
    pub fn add_subject_key(&self, tenant: i64, name: &[u8], key: &SecretKey) -> Result<bool> {
        self.forget_subjects();
        if self.subject_with_key(tenant, &key_id(key))?.is_some() {
            return Ok(false);
        }
        match self.subject_called(tenant, name)? {
            None => drop(self.add_subject(tenant, Some(name), Some(key), None)?),
            Some(SubjectRow { id, key: None, .. }) => self.give_key(tenant, id, key)?,
            Some(_) => drop(self.add_subject(tenant, Some(name), Some(key), None)?),
        }
        Ok(true)
    }

    /// Begins a new key object: what is added next belongs to it. Gives its number.
    pub fn next_group(&self, tenant: i64) -> Result<i64> {
        let place = "SELECT coalesce(max(place) / ?2 + 1, 0) FROM subject WHERE tenant = ?1";
        let mut s = self.sql.prepare_cached(place).map_err(sql)?;
        s.query_row((tenant, SUBJECTS_MAX as i64), |r| r.get(0)).map_err(sql)
    }

    /// Takes in a whole key object as a group of its own, where nothing in it is known.
    pub fn add_group(&self, tenant: i64, entries: &[crate::format::keyfile::subjects::Entry], object: &KeyObjectRow) -> Result<()> {
        use crate::format::keyfile::subjects::Entry;
        self.forget_subjects();
        let group = self.next_group(tenant)?;
        for (place, entry) in (group * SUBJECTS_MAX as i64..).zip(entries) {
            match entry {
                Entry::Key { name, key } => self.add_subject_at(tenant, place, (Some(name), Some(key), None))?,
                Entry::Tombstone(tombstone) => self.add_subject_at(tenant, place, (None, None, Some(tombstone)))?,
            };
        }
        self.set_key_object(tenant, group, object)
    }

    /// Notes the key object of a group.
    pub fn set_key_object(&self, tenant: i64, group: i64, object: &KeyObjectRow) -> Result<()> {
        self.run("INSERT OR REPLACE INTO key_object (tenant, place, name, object) VALUES (?,?,?,?)", (tenant, group, &object.name, &object.object))
    }

    /// Notes that a key object may lie at a remote, and whether it was read back there. Before it is sent: what was sent must not be lost sight of.
    pub fn note_key_object(&self, remote: &str, tenant: i64, name: &str, stored: bool) -> Result<()> {
        self.run("INSERT OR REPLACE INTO key_held (remote, tenant, name, stored) VALUES (?,?,?,?)", (remote, tenant, name, stored))
    }

    /// Notes that a key object does not lie at a remote any more.
    pub fn remove_key_object(&self, remote: &str, tenant: i64, name: &str) -> Result<()> {
        self.run("DELETE FROM key_held WHERE remote = ? AND tenant = ? AND name = ?", (remote, tenant, name))
    }

    /// Resemblance features of contents that are gone say something of them.
    pub fn drop_sketches_of_gone(&self, tenant: i64) -> Result<()> {
        self.run(
            "DELETE FROM sketch WHERE tenant = ?1 AND content IN (SELECT id FROM content WHERE id >= ?2 AND id < ?3 AND form = 3)",
            (tenant, id(tenant, 0), id(tenant + 1, 0)),
        )
    }

    /// Takes changes of a subject's documents out of open batches; gives how many.
    pub fn drop_draft_changes(&self, tenant: i64, name: &[u8]) -> Result<u64> {
        let (below, end) = ([name, b"/"].concat(), [name, b"0"].concat());
        let text = "DELETE FROM draft_change WHERE draft IN (SELECT id FROM draft WHERE tenant = ?1) AND (key = ?2 OR key >= ?3 AND key < ?4)";
        self.run(text, (tenant, name, below, end))?;
        Ok(self.sql.changes())
    }
}

fn bytes_of(tombstone: &Tombstone) -> Vec<u8> {
    let mut out = Vec::new();
    encode_tombstone(tombstone, &mut out);
    out
}
