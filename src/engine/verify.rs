//! Verification of the local store: is the log what it was, are the bytes there that it names.

use std::collections::HashSet;

use crate::base::aside::aside;
use crate::base::digest::Digest;
use crate::base::error::{Error, Result};
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::format::record::RecordHasher;
use crate::model::key::show_key;
use crate::storage::catalog::batches::BatchRow;
use crate::storage::catalog::contents::{Body, ContentRow};
use crate::storage::catalog::tenants::TenantRow;
use crate::storage::catalog::{self, LOG_CUT, View as Rows, number};

use super::content::{ContentReader, Entries, forgotten};
use super::history::{each_change, wanted_among};
use super::store::{Inner, Store};

/// Contents and batches looked at in one view of the catalogue.
const PAGE: usize = 500;

/// Documents named for one problem.
const DOCUMENTS_TOLD: usize = 100;

/// How a damaged write-ahead log is told.
pub(crate) const LOG_CUT_TOLD: &str = "the catalogue's write-ahead log was damaged: the newest changes may be missing";

/// How deep to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// The catalogue's file, every record against its digest, and that every named chunk exists.
    #[default]
    Quick,
    /// The same, and every byte of every content against its digest.
    Full,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The tenant, empty where it concerns the whole store.
    pub tenant: String,
    /// What is wrong.
    pub what: String,
    /// The batch it is about.
    pub seq: Option<u64>,
    /// The documents that are affected.
    pub documents: Vec<String>,
}

/// What verification saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Batches whose digest was recomputed.
    pub batches: u64,
    /// Contents looked at.
    pub contents: u64,
    /// Bytes read and hashed.
    pub bytes: u64,
    /// Contents whose bytes were given up by the rules; their records stay.
    pub forgotten: u64,
    /// What is wrong, empty when all is well.
    pub problems: Vec<Problem>,
}

impl Store {
    /// Verifies the local store. It gives way to whoever writes.
    pub fn verify(&self, level: Level, monitor: &dyn Monitor) -> Result<VerifyReport> {
        let inner = &*self.inner;
        aside(|| {
            let mut report = VerifyReport::default();
            self.verify_log(level, &mut report, monitor)?;
            for tenant in inner.catalog.read(|rows| rows.tenants())? {
                contents(inner, &tenant, level, &mut report, monitor)?;
            }
            Ok(report)
        })
    }

    /// Verifies the catalogue and its records, not the contents.
    pub(crate) fn verify_log(&self, level: Level, report: &mut VerifyReport, monitor: &dyn Monitor) -> Result<()> {
        let inner = &*self.inner;
        for complaint in inner.catalog.check(level == Level::Full)? {
            report.problem("", format!("the catalogue file: {complaint}"), None, Vec::new());
        }
        if inner.catalog.read(|rows| rows.fact(LOG_CUT))?.is_some() {
            report.problem("", LOG_CUT_TOLD.to_owned(), None, Vec::new());
        }
        inner.catalog.read(|rows| rows.tenants())?.iter().try_for_each(|tenant| whole_log(inner, tenant, report, monitor))
    }
}

impl VerifyReport {
    pub(crate) fn problem(&mut self, tenant: &str, what: String, seq: Option<u64>, documents: Vec<String>) {
        self.problems.push(Problem { tenant: tenant.to_owned(), what, seq, documents });
    }
}

fn end_of_log(inner: &Inner, tenant: &TenantRow, report: &mut VerifyReport) -> Result<()> {
    let last = inner.catalog.read(|rows| rows.digest_of_batch(catalog::id(tenant.id, tenant.position.seq)))?;
    if last.unwrap_or(Digest::ZERO) != tenant.position.digest {
        let what = "the end of the log is not the batch that the tenant's record names".to_owned();
        report.problem(&tenant.name, what, Some(tenant.position.seq), Vec::new());
    }
    Ok(())
}

fn whole_log(inner: &Inner, tenant: &TenantRow, report: &mut VerifyReport, monitor: &dyn Monitor) -> Result<()> {
    let mut next = 1;
    let mut prev = Digest::ZERO;
    while next <= tenant.position.seq {
        check_stop(monitor)?;
        let page = inner.catalog.read(|rows| rows.batches(catalog::id(tenant.id, next), catalog::id(tenant.id, tenant.position.seq), PAGE))?;
        if page.first().is_none_or(|b| b.head.seq != next) {
            let found = page.first().map_or(tenant.position.seq + 1, |b| b.head.seq);
            report.problem(&tenant.name, format!("batches {next} to {} are not there", found - 1), Some(next), Vec::new());
            next = found;
            prev = page.first().map_or(prev, |b| b.head.prev);
            if page.is_empty() {
                break;
            }
        }
        for mut batch in page {
            if batch.head.seq != next {
                break;
            }
            batch.head.prev = prev;
            let matches = inner.catalog.read(|rows| is_as_recorded(rows, &batch));
            let seq = Some(batch.head.seq);
            match matches {
                Err(e) => {
                    // Which documents they were may be damaged as well.
                    let documents = documents_between(inner, tenant.id, batch.head.seq, batch.head.seq).unwrap_or_default();
                    report.problem(&tenant.name, format!("batch {} cannot be read: {e}", batch.head.seq), seq, documents);
                }
                Ok(false) => {
                    let what = format!("batch {} does not match its digest: its record was changed after it was written", batch.head.seq);
                    report.problem(&tenant.name, what, seq, documents_between(inner, tenant.id, batch.head.seq, batch.head.seq)?);
                }
                Ok(true) => {}
            }
            prev = batch.digest;
            next += 1;
            report.batches += 1;
        }
        monitor.progress(&Progress { phase: "checking records", items: next - 1, items_total: tenant.position.seq, ..Progress::default() });
    }
    let astray = inner.catalog.read(|rows| rows.documents_astray(tenant.id))?;
    if !astray.is_empty() {
        let what = "documents whose versions are not counted from 1, or whose current state is not what their newest version says".to_owned();
        report.problem(&tenant.name, what, None, astray.iter().map(|k| show_key(k)).collect());
    }
    end_of_log(inner, tenant, report)
}

/// Whether the rows of a batch, whose `prev` is filled in, add up to its digest.
pub(crate) fn is_as_recorded(rows: &Rows<'_>, batch: &BatchRow) -> Result<bool> {
    let mut hasher = RecordHasher::new(&batch.head, batch.changes);
    let mut count = 0;
    each_change(rows, batch.id, batch.id, &mut |_, change| {
        hasher.push(&change);
        count += 1;
        Ok(())
    })?;
    Ok(count == batch.changes && hasher.finish() == batch.digest)
}

/// Documents that the batches `first..=last` of a tenant changed; at most [`DOCUMENTS_TOLD`].
pub(crate) fn documents_between(inner: &Inner, tenant: i64, first: u64, last: u64) -> Result<Vec<String>> {
    let mut keys = Vec::new();
    inner.catalog.read(|rows| {
        rows.versions_of_batches(catalog::id(tenant, first), catalog::id(tenant, last), |v| {
            if keys.len() < DOCUMENTS_TOLD {
                keys.push(rows.document_by_id(v.document)?.map_or_else(|| format!("document {}", number(v.document)), |d| show_key(&d.key)));
            }
            Ok(())
        })
    })?;
    Ok(keys)
}

fn contents(inner: &Inner, tenant: &TenantRow, level: Level, report: &mut VerifyReport, monitor: &dyn Monitor) -> Result<()> {
    let end = catalog::id(tenant.id, tenant.contents);
    // What was given up is not there and not damaged, unless a document is that now and it was not erased.
    let gone: HashSet<i64> = inner.catalog.read(|rows| rows.gone(tenant.id))?.into_iter().map(|n| catalog::id(tenant.id, n)).collect();
    let wanted = inner.catalog.read(|rows| wanted_among(rows, tenant.id, &gone))?;
    report.forgotten += gone.len() as u64;
    let mut next = catalog::id(tenant.id, 0);
    let mut known = HashSet::new();
    loop {
        let page = inner.catalog.read(|rows| rows.contents(next, end, PAGE))?;
        let Some(last) = page.last() else { return Ok(()) };
        next = last.id + 1;
        for content in &page {
            check_stop(monitor)?;
            if gone.contains(&content.id) && !wanted.contains(&content.id) {
                continue;
            }
            let result = match level {
                Level::Full => read_whole(inner, content).map(|bytes| report.bytes += bytes),
                Level::Quick => all_there(inner, content, &mut known),
            };
            report.contents += 1;
            if let Err(e) = result {
                let documents = inner.catalog.read(|rows| rows.documents_with(content.id))?;
                let documents = documents.iter().map(|k| show_key(k)).collect();
                report.problem(&tenant.name, content_damaged(&content.digest, &e), None, documents);
            }
        }
        let progress =
            Progress { phase: "checking contents", items: number(next), items_total: tenant.contents, bytes: report.bytes, bytes_total: 0 };
        monitor.progress(&progress);
    }
}

/// How a content that cannot be read is told.
pub(crate) fn content_damaged(digest: &Digest, reason: &Error) -> String {
    format!("content {} is damaged: {reason}", digest.short(16))
}

pub(crate) fn read_whole(inner: &Inner, content: &ContentRow) -> Result<u64> {
    let mut reader = ContentReader::open(&inner.chunks, content)?;
    let mut bytes = 0;
    loop {
        match reader.next_run()?.len() as u64 {
            0 => return Ok(bytes),
            n => bytes += n,
        }
    }
}

pub(crate) fn all_there(inner: &Inner, content: &ContentRow, known: &mut HashSet<u64>) -> Result<()> {
    let root = match &content.body {
        Body::List(root) => root,
        Body::Gone(_) => return Err(forgotten(content)),
        Body::Inline(_) | Body::Plain(_) => return Ok(()),
    };
    let mut entries = Entries::new(&inner.chunks, root)?;
    while let Some(entry) = entries.next_entry(&mut |_| {})? {
        let mut first = [0; 8];
        first.copy_from_slice(&entry.digest.as_bytes()[..8]);
        // Chunks shared by many contents are looked up once.
        if known.insert(u64::from_be_bytes(first)) && !inner.chunks.has(&entry.digest)? {
            return Err(Error::damaged(format_args!("chunk {} is not in the store", entry.digest.short(16))));
        }
    }
    Ok(())
}
