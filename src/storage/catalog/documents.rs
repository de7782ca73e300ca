//! Documents and their versions.

use rusqlite::{OptionalExtension, Row};

use super::contents::ContentRow;
use super::{View, Writer, id, sql};
use crate::base::codec::Reader;
use crate::base::digest::Digest;
use crate::base::error::Result;
use crate::format::record;
use crate::model::change::Meta;

/// One document as it is now.
#[derive(Debug, Clone)]
pub struct DocumentRow {
    /// Tenant and number.
    pub id: i64,
    /// The key.
    pub key: Vec<u8>,
    /// How many versions there have been.
    pub versions: u64,
    /// Batch of the last put or removal.
    pub latest: Option<i64>,
    /// Content of the current version, `None` while removed.
    pub content: Option<i64>,
    /// Content of the last put, also when removed since.
    pub last_content: Option<i64>,
}

/// One put or removal.
#[derive(Debug, Clone)]
pub struct VersionRow {
    /// The document.
    pub document: i64,
    /// The batch.
    pub batch: i64,
    /// Place within the batch.
    pub place: u64,
    /// Version number; a removal carries the number it ends.
    pub number: u64,
    /// `None` for a removal.
    pub content: Option<i64>,
    /// What is kept beside the content.
    pub meta: Meta,
}

/// A put or removal that is to be added, see [`VersionRow`].
#[derive(Debug, Clone, Copy)]
pub struct NewVersion<'a> {
    /// The document.
    pub document: i64,
    /// The batch.
    pub batch: i64,
    /// Place within the batch.
    pub place: u64,
    /// Version number; a removal carries the number it ends.
    pub number: u64,
    /// `None` for a removal.
    pub content: Option<i64>,
    /// What is kept beside the content.
    pub meta: &'a Meta,
}

/// What a change must know of the document that it changes.
#[derive(Debug, Clone, Copy)]
pub struct DocumentState {
    /// Tenant and number.
    pub id: i64,
    /// How many versions there have been.
    pub versions: u64,
    /// Whether it is there, and not removed.
    pub exists: bool,
}

/// One document as it was at some moment, with what is restored of it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The key.
    pub key: Vec<u8>,
    /// What is kept beside the content.
    pub meta: Meta,
    /// The content.
    pub content: ContentRow,
}

pub(super) fn document(r: &Row<'_>) -> rusqlite::Result<DocumentRow> {
    Ok(DocumentRow {
        id: r.get(0)?,
        key: r.get(1)?,
        versions: r.get::<_, i64>(2)? as u64,
        latest: r.get(3)?,
        content: r.get(4)?,
        last_content: r.get(5)?,
    })
}

pub(crate) fn meta_from(bytes: Option<&[u8]>) -> Result<Meta> {
    let Some(bytes) = bytes else { return Ok(Meta::default()) };
    let mut r = Reader::new(bytes, "metadata of a version");
    let meta = record::decode_meta(&mut r)?;
    r.finish()?;
    Ok(meta)
}

pub(crate) fn meta_bytes(meta: &Meta) -> Option<Vec<u8>> {
    if *meta == Meta::default() {
        return None;
    }
    let mut out = Vec::new();
    record::encode_meta(meta, &mut out);
    Some(out)
}

pub(super) fn version(r: &Row<'_>) -> rusqlite::Result<Result<VersionRow>> {
    let meta = match r.get_ref(5)? {
        rusqlite::types::ValueRef::Blob(b) => meta_from(Some(b)),
        _ => meta_from(None),
    };
    let (document, batch, place, number, content) = (r.get(0)?, r.get(1)?, r.get::<_, i64>(2)? as u64, r.get::<_, i64>(3)? as u64, r.get(4)?);
    Ok(meta.map(|meta| VersionRow { document, batch, place, number, content, meta }))
}

const DOCUMENT: &str = "id, key, versions, latest, content, last_content";
const VERSION: &str = "document, batch, place, number, content, meta";

/// The first key after all keys with `prefix`; `None` where there is no such key.
pub fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < 0xff {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}

impl View<'_> {
    /// The document called `key`.
    pub fn document(&self, tenant: i64, key: &[u8]) -> Result<Option<DocumentRow>> {
        let mut s = self.sql.prepare_cached(&format!("SELECT {DOCUMENT} FROM document WHERE tenant = ? AND key = ?")).map_err(sql)?;
        s.query_row((tenant, key), document).optional().map_err(sql)
    }

    /// The document with this id.
    pub fn document_by_id(&self, id: i64) -> Result<Option<DocumentRow>> {
        let mut s = self.sql.prepare_cached(&format!("SELECT {DOCUMENT} FROM document WHERE id = ?")).map_err(sql)?;
        s.query_row([id], document).optional().map_err(sql)
    }

    /// Documents whose key starts with `prefix`, from `from` on (or after it), in order of key, at most `limit`.
    pub fn documents(&self, tenant: i64, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<DocumentRow>> {
        self.documents_where(tenant, prefix, if after.is_some() { ">" } else { ">=" }, after.unwrap_or(prefix), limit)
    }

    /// Documents whose key starts with `prefix`, the first of them `from` or behind it, in order of key, at most `limit`.
    pub fn documents_from(&self, tenant: i64, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<DocumentRow>> {
        self.documents_where(tenant, prefix, ">=", from, limit)
    }

    fn documents_where(&self, tenant: i64, prefix: &[u8], compare: &str, from: &[u8], limit: usize) -> Result<Vec<DocumentRow>> {
        let end = after_prefix(prefix);
        let bound = if end.is_some() { "AND key < ?4" } else { "AND ?4 IS NULL" };
        let text = format!("SELECT {DOCUMENT} FROM document WHERE tenant = ?1 AND key {compare} ?2 {bound} ORDER BY key LIMIT ?3");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let rows = s.query_map((tenant, from, limit as i64, end), document).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// Documents whose key starts with `prefix` (after `after`) as they were after batch `batch` (id), in order of key, at most `limit`.
    pub fn standing(&self, tenant: i64, prefix: &[u8], after: Option<&[u8]>, batch: i64, limit: usize) -> Result<Vec<Standing>> {
        let end = after_prefix(prefix);
        let from = after.unwrap_or(prefix);
        let compare = if after.is_some() { ">" } else { ">=" };
        let bound = if end.is_some() { "AND d.key < ?4" } else { "AND ?4 IS NULL" };
        // CROSS JOIN keeps the order of the walk: documents by key, then one row of each of the others.
        let text = format!(
            "SELECT c.id, c.digest, c.size, c.form, c.body, d.key, v.meta FROM document d \
             CROSS JOIN version v ON v.document = d.id AND v.batch = (SELECT max(batch) FROM version WHERE document = d.id AND batch <= ?5) \
             CROSS JOIN content c ON c.id = v.content \
             WHERE d.tenant = ?1 AND d.key {compare} ?2 {bound} ORDER BY d.key LIMIT ?3"
        );
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let mut rows = s.query((tenant, from, limit as i64, end, batch)).map_err(sql)?;
        let mut out = Vec::new();
        while let Some(r) = rows.next().map_err(sql)? {
            let content = self.content_from(r)?;
            let meta = meta_from(r.get_ref(6).and_then(|m| Ok(m.as_blob_or_null()?)).map_err(sql)?)?;
            out.push(Standing { key: r.get(5).map_err(sql)?, meta, content });
        }
        Ok(out)
    }

    /// The newest put or removal of a document at or before `batch`.
    pub fn version_at(&self, document: i64, batch: i64) -> Result<Option<VersionRow>> {
        let text = format!("SELECT {VERSION} FROM version WHERE document = ? AND batch <= ? ORDER BY batch DESC LIMIT 1");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        s.query_row((document, batch), version).optional().map_err(sql)?.transpose()
    }

    /// The first put or removal of a document after `batch`: where the existence of the version before it ends.
    pub fn version_after(&self, document: i64, batch: i64) -> Result<Option<VersionRow>> {
        let text = format!("SELECT {VERSION} FROM version WHERE document = ? AND batch > ? ORDER BY batch LIMIT 1");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        s.query_row((document, batch), version).optional().map_err(sql)?.transpose()
    }

    /// The newest put of a document at or before `batch`, also where it was removed since.
    pub fn last_put(&self, document: i64, batch: i64) -> Result<Option<VersionRow>> {
        let text = format!("SELECT {VERSION} FROM version WHERE document = ? AND batch <= ? AND content IS NOT NULL ORDER BY batch DESC LIMIT 1");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        s.query_row((document, batch), version).optional().map_err(sql)?.transpose()
    }

    /// The put that made version `wanted` of a document. Numbers grow with batches, so it is found by halving.
    pub fn version_numbered(&self, document: i64, wanted: u64) -> Result<Option<VersionRow>> {
        let Some(last) = self.version_at(document, i64::MAX)?.filter(|v| wanted > 0 && v.number >= wanted) else { return Ok(None) };
        // The first batch after which the newest version has the number or a greater one.
        let (mut low, mut high) = (id(super::tenant_of(last.batch), 0), last.batch);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.version_at(document, middle)? {
                Some(found) if found.number >= wanted => high = found.batch,
                _ => low = middle + 1,
            }
        }
        Ok(self.version_at(document, high)?.filter(|v| v.number == wanted && v.content.is_some()))
    }

    /// Puts and removals of a document before `batch`, newest first, at most `limit`.
    pub fn versions_before(&self, document: i64, batch: i64, limit: usize) -> Result<Vec<VersionRow>> {
        let text = format!("SELECT {VERSION} FROM version WHERE document = ? AND batch < ? ORDER BY batch DESC LIMIT ?");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let rows = s.query_map((document, batch, limit as i64), version).map_err(sql)?;
        rows.map(|r| r.map_err(sql)?).collect()
    }

    /// Removals of a tenant before place `place` of batch `batch`, newest first, at most `limit`. Cost follows what is found.
    pub fn removals_before(&self, tenant: i64, batch: i64, place: u64, limit: usize) -> Result<Vec<VersionRow>> {
        let text = format!(
            "SELECT {VERSION} FROM version WHERE content IS NULL AND batch >= ?1 AND (batch, place) < (?2, ?3) ORDER BY batch DESC, place DESC LIMIT ?4"
        );
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let rows = s.query_map((id(tenant, 0), batch, place as i64, limit as i64), version).map_err(sql)?;
        rows.map(|r| r.map_err(sql)?).collect()
    }

    /// Content, digest, size and metadata of version `number` of `key`; `None` where there is no such version.
    pub fn put_numbered(&self, tenant: i64, key: &[u8], number: u64) -> Result<Option<(i64, Digest, u64, Meta)>> {
        let text = "SELECT c.id, c.digest, c.size, v.meta FROM version v JOIN content c ON c.id = v.content \
                    WHERE v.document = (SELECT id FROM document WHERE tenant = ? AND key = ?) AND v.number = ? AND c.form <> 3 \
                    ORDER BY v.batch DESC LIMIT 1";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let mut rows = s.query((tenant, key, number as i64)).map_err(sql)?;
        let Some(r) = rows.next().map_err(sql)? else { return Ok(None) };
        let digest = Digest::from_slice(r.get_ref(1).and_then(|d| Ok(d.as_blob()?)).map_err(sql)?)?;
        let meta = meta_from(r.get_ref(3).and_then(|m| Ok(m.as_blob_or_null()?)).map_err(sql)?)?;
        Ok(Some((r.get(0).map_err(sql)?, digest, r.get::<_, i64>(2).map_err(sql)? as u64, meta)))
    }

    /// All puts and removals of a document, oldest first.
    pub fn versions(&self, document: i64) -> Result<Vec<VersionRow>> {
        let mut s = self.sql.prepare_cached(&format!("SELECT {VERSION} FROM version WHERE document = ? ORDER BY batch")).map_err(sql)?;
        let rows = s.query_map([document], version).map_err(sql)?;
        rows.map(|r| r.map_err(sql)?).collect()
    }

    /// Calls `each` with the puts and removals of the batches `first..=last` (ids) in order.
    pub fn versions_of_batches(&self, first: i64, last: i64, mut each: impl FnMut(VersionRow) -> Result<()>) -> Result<()> {
        let text = format!("SELECT {VERSION} FROM version WHERE batch BETWEEN ? AND ? ORDER BY batch, place");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let mut rows = s.query((first, last)).map_err(sql)?;
        while let Some(r) = rows.next().map_err(sql)? {
            each(version(r).map_err(sql)??)?;
        }
        Ok(())
    }

    /// Puts and removals of one batch (id) from place `from` on, in order, at most `limit`.
    pub fn versions_from(&self, batch: i64, from: u64, limit: usize) -> Result<Vec<VersionRow>> {
        let text = format!("SELECT {VERSION} FROM version WHERE batch = ? AND place >= ? ORDER BY place LIMIT ?");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let rows = s.query_map((batch, from as i64, limit as i64), version).map_err(sql)?;
        rows.map(|r| r.map_err(sql)?).collect()
    }

    /// Documents with a put or removal in batches after `batch` (id) up to `last` (id). Cost follows the changes, not the store.
    pub fn documents_changed(&self, batch: i64, last: i64) -> Result<Vec<i64>> {
        let mut s = self.sql.prepare_cached("SELECT DISTINCT document FROM version WHERE batch > ? AND batch <= ? ORDER BY document").map_err(sql)?;
        let rows = s.query_map((batch, last), |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// Documents of a tenant whose versions are not counted from 1, or whose current state is not what their newest version says. Looks at
    /// every version: for verification only.
    pub fn documents_astray(&self, tenant: i64) -> Result<Vec<Vec<u8>>> {
        let text = "SELECT d.key FROM document d LEFT JOIN version v ON v.document = d.id \
                    AND v.batch = (SELECT max(n.batch) FROM version n WHERE n.document = d.id) \
                    WHERE d.id BETWEEN ?1 AND ?2 AND (d.tenant IS NOT ?3 OR d.latest IS NOT v.batch OR d.content IS NOT v.content \
                    OR d.versions IS NOT coalesce(v.number, 0)) \
                    UNION SELECT d.key FROM document d JOIN (SELECT document, number, \
                    sum(content IS NOT NULL) OVER (PARTITION BY document ORDER BY batch) AS counted FROM version) n ON n.document = d.id \
                    WHERE d.id BETWEEN ?1 AND ?2 AND n.number IS NOT n.counted LIMIT 100";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((id(tenant, 0), id(tenant + 1, 0) - 1, tenant), |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }

    /// What capture saw last under `key`.
    pub fn seen(&self, tenant: i64, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut s = self.sql.prepare_cached("SELECT seen FROM document WHERE tenant = ? AND key = ?").map_err(sql)?;
        s.query_row((tenant, key), |r| r.get(0)).optional().map(Option::flatten).map_err(sql)
    }

    /// Documents with `prefix` after `after` with what capture saw of them, in order of key.
    pub fn documents_seen(&self, tenant: i64, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<(DocumentRow, Option<Vec<u8>>)>> {
        let end = after_prefix(prefix);
        let from = after.unwrap_or(prefix);
        let compare = if after.is_some() { ">" } else { ">=" };
        let bound = if end.is_some() { "AND key < ?4" } else { "AND ?4 IS NULL" };
        let text = format!("SELECT {DOCUMENT}, seen FROM document WHERE tenant = ?1 AND key {compare} ?2 {bound} ORDER BY key LIMIT ?3");
        let mut s = self.sql.prepare_cached(&text).map_err(sql)?;
        let rows = s.query_map((tenant, from, limit as i64, end), |r| Ok((document(r)?, r.get(6)?))).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }
}

impl Writer<'_> {
    /// Adds a document as number `ordinal` of its tenant, before its first version.
    pub fn add_document(&self, tenant: i64, ordinal: u64, key: &[u8]) -> Result<DocumentRow> {
        let document = DocumentRow { id: id(tenant, ordinal), key: key.to_vec(), versions: 0, latest: None, content: None, last_content: None };
        self.run("INSERT INTO document (id, tenant, key, versions) VALUES (?,?,?,0)", (document.id, tenant, key))?;
        self.firsts.0.note(tenant, ordinal, key);
        Ok(document)
    }

    /// What a change must know of the document called `key`.
    pub fn document_state(&self, tenant: i64, key: &[u8]) -> Result<Option<DocumentState>> {
        if self.firsts.0.lack(tenant, key) {
            return Ok(None);
        }
        let text = "SELECT id, versions, content IS NOT NULL FROM document WHERE tenant = ? AND key = ?";
        let mut s = self.hot(&self.hot.document, text)?;
        let mut rows = s.query((tenant, key)).map_err(sql)?;
        let Some(r) = rows.next().map_err(sql)? else { return Ok(None) };
        let state = || Ok(DocumentState { id: r.get(0)?, versions: r.get::<_, i64>(1)? as u64, exists: r.get(2)? });
        state().map(Some).map_err(sql)
    }

    /// Adds a document as number `ordinal` of its tenant, with its first version.
    pub fn add_document_with(&self, tenant: i64, ordinal: u64, key: &[u8], v: &NewVersion<'_>, seen: Option<&[u8]>) -> Result<()> {
        let text = "INSERT INTO document (id, tenant, key, versions, latest, content, last_content, seen) VALUES (?1,?2,?3,?4,?5,?6,?6,?7)";
        let row = (id(tenant, ordinal), tenant, key, v.number as i64, v.batch, v.content, seen);
        self.hot(&self.hot.add_document, text)?.execute(row).map_err(sql)?;
        self.firsts.0.note(tenant, ordinal, key);
        self.add_version_row(v)
    }

    /// Adds a put or removal and moves the document's current state. What capture saw is kept, unless `seen` says otherwise.
    pub fn add_version(&self, v: &NewVersion<'_>, seen: Option<Option<&[u8]>>) -> Result<()> {
        self.add_version_row(v)?;
        let text = "UPDATE document SET versions = ?1, latest = ?2, content = ?3, last_content = coalesce(?3, last_content), \
                    seen = CASE WHEN ?5 THEN ?6 ELSE seen END WHERE id = ?4";
        let row = (v.number as i64, v.batch, v.content, v.document, seen.is_some(), seen.flatten());
        self.hot(&self.hot.move_document, text)?.execute(row).map_err(sql)?;
        Ok(())
    }

    fn add_version_row(&self, v: &NewVersion<'_>) -> Result<()> {
        let text = "INSERT INTO version (document, batch, place, number, content, meta) VALUES (?,?,?,?,?,?)";
        let row = (v.document, v.batch, v.place as i64, v.number as i64, v.content, meta_bytes(v.meta));
        self.hot(&self.hot.add_version, text)?.execute(row).map_err(sql)?;
        self.versions.set(self.versions.get() + 1);
        Ok(())
    }

    /// Notes what capture saw under `key`.
    pub fn set_seen(&self, tenant: i64, key: &[u8], fingerprint: &[u8]) -> Result<()> {
        self.run("UPDATE document SET seen = ? WHERE tenant = ? AND key = ?", (fingerprint, tenant, key))
    }

    /// Forgets what capture saw under `key`.
    pub fn clear_seen(&self, tenant: i64, key: &[u8]) -> Result<()> {
        self.run("UPDATE document SET seen = NULL WHERE tenant = ? AND key = ?", (tenant, key))
    }
}

#[cfg(test)]
mod tests {
    use super::after_prefix;

    #[test]
    fn the_end_of_a_prefix_is_the_next_greater_key() {
        assert_eq!(after_prefix(b"a/"), Some(b"a0".to_vec()));
        assert_eq!(after_prefix(b"a\xff\xff"), Some(b"b".to_vec()));
        assert_eq!(after_prefix(b"\xff"), None);
        assert_eq!(after_prefix(b""), None);
    }
}
