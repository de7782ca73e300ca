//! Contents: what versions consist of, once per tenant and digest.

use rusqlite::{OptionalExtension, Row};

use super::{View, Writer, id, number, sql, tenant_of};
use crate::base::digest::Digest;
use crate::base::error::{Error, Result};

/// Where the bytes of a content are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Here, as `format::block::compress_chunk` made them.
    Inline(Vec<u8>),
    /// In the chunk store; the encoded root node of the chunk list.
    List(Vec<u8>),
}

/// One content.
#[derive(Debug, Clone)]
pub struct ContentRow {
    /// Tenant and number.
    pub id: i64,
    /// BLAKE3 of all bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Where they are.
    pub body: Body,
}

fn lookup(digest: &Digest) -> i64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    i64::from_be_bytes(first)
}

fn row(r: &Row<'_>) -> rusqlite::Result<Result<ContentRow>> {
    let digest: Vec<u8> = r.get(1)?;
    let bytes: Vec<u8> = r.get(4)?;
    let (id, size, form) = (r.get(0)?, r.get::<_, i64>(2)? as u64, r.get::<_, u8>(3)?);
    Ok((|| {
        let body = match form {
            0 => Body::Inline(bytes),
            1 => Body::List(bytes),
            _ => return Err(Error::damaged("a content's form")),
        };
        Ok(ContentRow { id, digest: Digest::from_slice(&digest)?, size, body })
    })())
}

impl View<'_> {
    /// The id of the tenant's content with `digest`.
    pub fn find_content(&self, tenant: i64, digest: &Digest) -> Result<Option<i64>> {
        let mut s = self.sql.prepare_cached("SELECT id, digest FROM content WHERE lookup = ?").map_err(sql)?;
        let mut rows = s.query([lookup(digest)]).map_err(sql)?;
        while let Some(r) = rows.next().map_err(sql)? {
            let id: i64 = r.get(0).map_err(sql)?;
            if tenant_of(id) == tenant && r.get_ref(1).and_then(|d| Ok(d.as_blob()?)).map_err(sql)? == digest.as_bytes() {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// A content of any tenant with `digest`: its chunks need not be written again.
    pub fn content_anywhere(&self, digest: &Digest) -> Result<Option<ContentRow>> {
        let mut s = self.sql.prepare_cached("SELECT id, digest, size, form, body FROM content WHERE lookup = ?").map_err(sql)?;
        let rows = s.query_map([lookup(digest)], row).map_err(sql)?;
        for r in rows {
            let content = r.map_err(sql)??;
            if content.digest == *digest {
                return Ok(Some(content));
            }
        }
        Ok(None)
    }

    /// The content with this id.
    pub fn content(&self, id: i64) -> Result<ContentRow> {
        let mut s = self.sql.prepare_cached("SELECT id, digest, size, form, body FROM content WHERE id = ?").map_err(sql)?;
        let found = s.query_row([id], row).optional().map_err(sql)?;
        found.transpose()?.ok_or_else(|| Error::damaged(format_args!("the catalogue names content {id}, which it does not have")))
    }

    /// Digest and size of a content.
    pub fn content_digest(&self, id: i64) -> Result<(Digest, u64)> {
        let mut s = self.sql.prepare_cached("SELECT digest, size FROM content WHERE id = ?").map_err(sql)?;
        let found = s.query_row([id], |r| Ok((r.get::<_, Vec<u8>>(0)?, r.get::<_, i64>(1)? as u64))).optional().map_err(sql)?;
        let (digest, size) = found.ok_or_else(|| Error::damaged(format_args!("the catalogue names content {id}, which it does not have")))?;
        Ok((Digest::from_slice(&digest)?, size))
    }

    /// Contents with ids `from..until`, at most `limit`, in order of id.
    pub fn contents(&self, from: i64, until: i64, limit: usize) -> Result<Vec<ContentRow>> {
        let text = "SELECT id, digest, size, form, body FROM content WHERE id >= ? AND id < ? ORDER BY id LIMIT ?";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map((from, until, limit as i64), row).map_err(sql)?;
        rows.map(|r| r.map_err(sql)?).collect()
    }

    /// Bytes of the contents with ids `from..until` together.
    pub fn contents_bytes(&self, from: i64, until: i64) -> Result<u64> {
        let mut s = self.sql.prepare_cached("SELECT coalesce(sum(size), 0) FROM content WHERE id >= ? AND id < ?").map_err(sql)?;
        s.query_row((from, until), |r| r.get::<_, i64>(0)).map(|n| n as u64).map_err(sql)
    }

    /// The keys of documents that have or had this content. Looks at every version: for reports of damage only.
    pub fn documents_with(&self, content: i64) -> Result<Vec<Vec<u8>>> {
        let text = "SELECT DISTINCT d.key FROM version v JOIN document d ON d.id = v.document WHERE v.content = ? ORDER BY d.key";
        let mut s = self.sql.prepare_cached(text).map_err(sql)?;
        let rows = s.query_map([content], |r| r.get(0)).map_err(sql)?;
        rows.map(|r| r.map_err(sql)).collect()
    }
}

impl Writer<'_> {
    /// Adds a content as number `ordinal` of its tenant.
    pub fn add_content(&self, tenant: i64, ordinal: u64, digest: &Digest, size: u64, body: &Body) -> Result<i64> {
        let (form, bytes) = match body {
            Body::Inline(bytes) => (0, bytes),
            Body::List(bytes) => (1, bytes),
        };
        let id = id(tenant, ordinal);
        self.run(
            "INSERT INTO content (id, lookup, digest, size, form, body) VALUES (?,?,?,?,?,?)",
            (id, lookup(digest), &digest.as_bytes()[..], size as i64, form, bytes),
        )?;
        debug_assert_eq!(number(id), ordinal);
        Ok(id)
    }

    /// Names other places for the bytes of a content, after they were taken in again.
    pub fn set_body(&self, id: i64, body: &Body) -> Result<()> {
        let (form, bytes) = match body {
            Body::Inline(bytes) => (0, bytes),
            Body::List(bytes) => (1, bytes),
        };
        self.run("UPDATE content SET form = ?, body = ? WHERE id = ?", (form, bytes, id))
    }
}
