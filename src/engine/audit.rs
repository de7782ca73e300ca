//! Who did what, when: the log as people read it, the newest first, with what each document was before and after.
//!
//! Nothing here costs what the store holds. A look goes through a bounded number of batches and changes; where it ends before enough was
//! found, the answer says where to look on.

use std::collections::BTreeSet;

use crate::base::error::Result;
use crate::base::limits::{AUDIT_BATCHES_LOOKED_MAX, AUDIT_CHANGES_LOOKED_MAX, SHOWN_BYTES_MAX};
use crate::base::time::Timestamp;
use crate::model::change::{Cause, Change, Tenancy};
use crate::model::field::{History, Row};
use crate::model::moment;
use crate::model::reference::Reference;
use crate::model::text::{self, Comparison};
use crate::storage::catalog::batches::BatchRow;
use crate::storage::catalog::documents::VersionRow;
use crate::storage::catalog::{self, View as Rows, number};

use super::history::{BatchInfo, Version, event, is_under, key_of, version_with};
use super::store::Tenant;

/// Batches read from the catalogue at a time.
const PAGE: u64 = 256;
/// Changes read from the catalogue at a time.
const CHANGES_PAGE: usize = 256;
/// Documents under a prefix up to which their own batches are looked up, instead of looking through all batches.
const FEW_DOCUMENTS: usize = 1_000;
/// Lines of equal text around a change.
const CONTEXT: usize = 1;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditKind {
    /// Documents that were added, or brought back.
    Added,
    /// Documents that got another content.
    Changed,
    /// Documents that were removed.
    Removed,
    /// References to outside systems.
    Referred,
    /// Marks.
    Marked,
    /// Batches that took others back.
    Undo,
    /// Batches that brought a prefix back to a moment.
    Rollback,
    /// Batches that put documents back.
    Restore,
}

impl AuditKind {
    /// All of them.
    pub const ALL: [AuditKind; 8] = [
        AuditKind::Added,
        AuditKind::Changed,
        AuditKind::Removed,
        AuditKind::Referred,
        AuditKind::Marked,
        AuditKind::Undo,
        AuditKind::Rollback,
        AuditKind::Restore,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            AuditKind::Added => "added",
            AuditKind::Changed => "changed",
            AuditKind::Removed => "removed",
            AuditKind::Referred => "referred",
            AuditKind::Marked => "marked",
            AuditKind::Undo => "undo",
            AuditKind::Rollback => "rollback",
            AuditKind::Restore => "restore",
        }
    }

    /// The inverse of [`AuditKind::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        AuditKind::ALL.into_iter().find(|kind| kind.word() == word)
    }

    fn is_of_batches(self) -> bool {
        matches!(self, AuditKind::Undo | AuditKind::Rollback | AuditKind::Restore)
    }

    fn is_of_batch(self, batch: &BatchRow) -> bool {
        match self {
            AuditKind::Undo => matches!(batch.head.cause, Cause::Undo(_)),
            AuditKind::Rollback => matches!(batch.head.cause, Cause::Rollback(_)),
            AuditKind::Restore => matches!(batch.head.cause, Cause::Restore),
            _ => true,
        }
    }
}

/// Which part of the log is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Part of the name of who did it, in whatever case; empty is anybody.
    pub actor: String,
    /// What was done; `None` is anything.
    pub kind: Option<AuditKind>,
    /// Documents in this scope (see `rollback`); empty is all.
    pub prefix: Vec<u8>,
    /// Not before then.
    pub from: Option<Timestamp>,
    /// Not after then.
    pub until: Option<Timestamp>,
    /// Batches of at least so many changes; 0 and 1 are all.
    pub changes_min: u64,
}

/// What happened to one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly all changes are of documents, and they are shown page by page")]
pub enum AuditWhat {
    /// A document: as it was before and as it is after, `None` where it did not exist.
    Document {
        /// The document.
        key: Vec<u8>,
        /// Before.
        old: Option<Version>,
        /// After.
        new: Option<Version>,
    },
    /// A reference to an outside system.
    Reference {
        /// The document.
        key: Vec<u8>,
        /// As it was said to be.
        reference: Reference,
    },
    /// A mark.
    Mark {
        /// Its name.
        name: String,
    },
    /// What is kept from now on: a hold, its end, or bytes that were given up.
    Rule {
        /// `held`, `lifted` or `forgotten`.
        what: &'static str,
        /// The name of the hold; or how many contents, and by which rule.
        name: String,
    },
}

/// One change of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditChange {
    /// Its place within the batch, from 0.
    pub place: u64,
    /// What it is.
    pub what: AuditWhat,
}

impl AuditChange {
    /// The word for it, as [`AuditKind::word`]; `returned` for a document that had been removed.
    pub fn word(&self) -> &'static str {
        match &self.what {
            AuditWhat::Document { old: Some(_), new: Some(_), .. } => "changed",
            AuditWhat::Document { new: Some(new), .. } if new.number > 1 => "returned",
            AuditWhat::Document { new: Some(_), .. } => "added",
            AuditWhat::Document { .. } => "removed",
            AuditWhat::Reference { .. } => "referred",
            AuditWhat::Mark { .. } => "marked",
            AuditWhat::Rule { what, .. } => what,
        }
    }

    /// The document, where it is about one.
    pub fn key(&self) -> Option<&[u8]> {
        match &self.what {
            AuditWhat::Document { key, .. } | AuditWhat::Reference { key, .. } => Some(key),
            AuditWhat::Mark { .. } | AuditWhat::Rule { .. } => None,
        }
    }

    fn is(&self, kind: AuditKind) -> bool {
        kind.is_of_batches() || self.word() == kind.word() || (kind == AuditKind::Added && self.word() == "returned")
    }
}

/// One batch with those of its changes that were looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// The batch.
    pub batch: BatchInfo,
    /// The first of them.
    pub changes: Vec<AuditChange>,
    /// Whether there are more of them, or may be.
    pub more: bool,
}

/// What a look through the log found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// The newest first.
    pub entries: Vec<AuditEntry>,
    /// Look on before this batch; `None` where the log was looked through to its beginning.
    pub next: Option<u64>,
}

/// How a document differs before and after, as far as it is worth showing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It does not.
    Same,
    /// In these fields.
    Fields(Vec<Row>),
    /// In these lines.
    Text {
        /// Lines that are new.
        added: usize,
        /// Lines that are gone.
        removed: usize,
        /// The lines, each with its sign (a blank, `-` or `+`).
        lines: Vec<(char, String)>,
    },
    /// Too large, or nothing that people read.
    Unseen,
}

/// How two states of a document differ; `None` is that it does not exist.
pub fn told(old: Option<&[u8]>, new: Option<&[u8]>) -> Told {
    if old == new {
        return Told::Same;
    }
    if [old, new].into_iter().flatten().any(|bytes| bytes.len() > SHOWN_BYTES_MAX) {
        return Told::Unseen;
    }
    let mut history = History::new(None);
    let before = old.map_or(Ok(Vec::new()), |bytes| history.push(Some(bytes)));
    if let (Ok(_), Ok(rows)) = (before, history.push(new)) {
        return Told::Fields(rows);
    }
    match text::compare(old.unwrap_or_default(), new.unwrap_or_default(), false, CONTEXT) {
        Comparison::Same => Told::Same,
        Comparison::Fields(fields) => Told::Fields(fields.rows),
        Comparison::Text(text) => {
            let lines = text.hunks.iter().flat_map(|hunk| &hunk.lines);
            let lines = lines.map(|line| (line.mark.sign(), line.text().into_owned())).collect();
            Told::Text { added: text.added, removed: text.removed, lines }
        }
        Comparison::Binary { .. } => Told::Unseen,
    }
}

impl Tenant {
    /// How two versions differ, as far as it is worth showing in a list; `None` is that the document does not exist.
    pub fn inline(&self, old: Option<&Version>, new: Option<&Version>) -> Result<Told> {
        if [old, new].into_iter().flatten().any(|version| version.size > SHOWN_BYTES_MAX as u64 || version.forgotten.is_some()) {
            return Ok(Told::Unseen);
        }
        let bytes = |version: Option<&Version>| version.map(|v| self.open(v)?.bytes(SHOWN_BYTES_MAX)).transpose();
        Ok(told(bytes(old)?.as_deref(), bytes(new)?.as_deref()))
    }

    /// Changes of batch `seq` from place `from` on, in order, at most `limit`.
    pub fn changes(&self, seq: u64, from: u64, limit: usize) -> Result<Vec<AuditChange>> {
        self.inner.catalog.read(|rows| changes(rows, catalog::id(self.id, seq), from, limit))
    }

    /// Looks through the log for batches before `before` (0: from the newest on) that `filter` lets through, the newest first, at most `limit`,
    /// each with at most `changes_max` of its changes.
    pub fn audit(&self, filter: &AuditFilter, before: u64, limit: usize, changes_max: usize) -> Result<AuditPage> {
        self.inner.catalog.read(|rows| self.look(rows, filter, before, limit, changes_max))
    }

    fn look(&self, rows: &Rows<'_>, filter: &AuditFilter, before: u64, limit: usize, changes_max: usize) -> Result<AuditPage> {
        let end = rows.tenant_by_id(self.id)?.position.seq;
        let mut last = if before == 0 { end } else { end.min(before - 1) };
        if let Some(until) = filter.until {
            last = last.min(rows.seq_at_time(self.id, until)?);
        }
        let first = match filter.from {
            Some(from) => rows.seq_at_time(self.id, Timestamp(from.0.saturating_sub(1)))? + 1,
            None => 1,
        };
        let few = self.batches_of_few(rows, &filter.prefix, first, last)?;
        let mut page = AuditPage::default();
        let (mut batches_left, mut changes_left) = (AUDIT_BATCHES_LOOKED_MAX, AUDIT_CHANGES_LOOKED_MAX);
        while last >= first {
            let lowest = last.saturating_sub(PAGE - 1).max(first);
            for batch in rows.batches(catalog::id(self.id, lowest), catalog::id(self.id, last), PAGE as usize)?.into_iter().rev() {
                let seq = batch.head.seq;
                if page.entries.len() >= limit || batches_left == 0 || changes_left == 0 {
                    page.next = Some(seq + 1);
                    return Ok(page);
                }
                // Those that the catalogue named already cost nothing to pass over.
                if few.as_ref().is_some_and(|few| !few.contains(&seq)) {
                    continue;
                }
                batches_left -= 1;
                if batch.changes < filter.changes_min || !is_by(&batch, &filter.actor) || filter.kind.is_some_and(|kind| !kind.is_of_batch(&batch)) {
                    continue;
                }
                page.entries.extend(self.entry(rows, batch, filter, changes_max, &mut changes_left)?);
            }
            last = lowest - 1;
        }
        Ok(page)
    }

    /// The batches that touch the documents of a scope, where these are few; `None` where they are many, or all.
    fn batches_of_few(&self, rows: &Rows<'_>, prefix: &[u8], first: u64, last: u64) -> Result<Option<BTreeSet<u64>>> {
        if prefix.is_empty() {
            return Ok(None);
        }
        let documents = rows.documents(self.id, prefix, None, FEW_DOCUMENTS + 1)?;
        if documents.len() > FEW_DOCUMENTS {
            return Ok(None);
        }
        let documents: BTreeSet<i64> = documents.into_iter().filter(|d| is_under(prefix, &d.key)).map(|d| d.id).collect();
        let mut found = BTreeSet::new();
        for document in &documents {
            found.extend(rows.versions(*document)?.iter().map(|v| number(v.batch)));
        }
        rows.remarked(catalog::id(self.id, first), catalog::id(self.id, last), |batch, document| {
            if documents.contains(&document) {
                found.insert(number(batch));
            }
        })?;
        Ok(Some(found))
    }

    /// A batch with what was looked for in it; `None` where nothing was.
    fn entry(&self, rows: &Rows<'_>, batch: BatchRow, filter: &AuditFilter, most: usize, left: &mut u64) -> Result<Option<AuditEntry>> {
        let all = filter.prefix.is_empty() && filter.kind.is_none_or(AuditKind::is_of_batches);
        let (id, total) = (batch.id, batch.changes);
        let (mut found, mut from, mut more) = (Vec::new(), 0, false);
        // One more than are shown tells whether there are more.
        while !more && from < total {
            let page = changes(rows, id, from, if all { most + 1 } else { CHANGES_PAGE })?;
            let Some(end) = page.last().map(|change| change.place + 1) else { break };
            *left = left.saturating_sub(page.len() as u64);
            let wanted = |c: &AuditChange| {
                let there = filter.prefix.is_empty() || c.key().is_some_and(|key| is_under(&filter.prefix, key));
                there && filter.kind.is_none_or(|kind| c.is(kind))
            };
            found.extend(page.into_iter().filter(wanted));
            from = end;
            more = found.len() > most || (*left == 0 && from < total);
        }
        found.truncate(most);
        // What was not looked at may hold what is looked for: better named than passed over.
        let nothing = found.is_empty() && !more;
        if nothing && (total > 0 || !all) { Ok(None) } else { Ok(Some(AuditEntry { batch: self.batch_info(rows, batch)?, changes: found, more })) }
    }
}

fn is_by(batch: &BatchRow, actor: &str) -> bool {
    actor.is_empty() || batch.head.actor.to_lowercase().contains(&actor.to_lowercase())
}

/// Changes of a batch (id) from a place on, in order, at most `limit`.
fn changes(rows: &Rows<'_>, batch: i64, from: u64, limit: usize) -> Result<Vec<AuditChange>> {
    let mut remarks = rows.remarks_from(batch, from, limit)?.into_iter().peekable();
    let mut out = Vec::new();
    for row in rows.versions_from(batch, from, limit)? {
        while let Some((place, change)) = remarks.next_if(|(place, _)| *place < row.place) {
            out.extend(remark(place, change));
        }
        out.push(document(rows, &row)?);
    }
    out.extend(remarks.filter_map(|(place, change)| remark(place, change)));
    out.truncate(limit);
    Ok(out)
}

fn remark(place: u64, change: Change) -> Option<AuditChange> {
    let what = match change {
        Change::Refer { key, reference } => AuditWhat::Reference { key, reference },
        Change::Mark { name } | Change::MarkAt { name, .. } => AuditWhat::Mark { name },
        Change::Tenant(Tenancy::Dropped { until }) => {
            AuditWhat::Rule { what: "dropped", name: format!("the tenant, until {}", moment::rfc3339_utc(until)) }
        }
        Change::Tenant(Tenancy::Back) => AuditWhat::Rule { what: "undropped", name: "the tenant".to_owned() },
        Change::Tenant(Tenancy::Gone) => AuditWhat::Rule { what: "gone", name: "the tenant".to_owned() },
        Change::Hold { name, .. } => AuditWhat::Rule { what: "held", name },
        Change::Lift { name } => AuditWhat::Rule { what: "lifted", name },
        Change::Forget { rule, contents } => AuditWhat::Rule { what: "forgotten", name: format!("{} ({rule})", contents.len()) },
        Change::Erase { contents, .. } => AuditWhat::Rule { what: "erased", name: contents.len().to_string() },
        Change::Put { .. } | Change::Remove { .. } => return None,
    };
    Some(AuditChange { place, what })
}

fn document(rows: &Rows<'_>, row: &VersionRow) -> Result<AuditChange> {
    let key = key_of(rows, row.document)?;
    let before = rows.version_at(row.document, row.batch - 1)?;
    let (old, new) = (state(rows, &key, before.as_ref(), Some(row))?, state(rows, &key, Some(row), None)?);
    Ok(AuditChange { place: row.place, what: AuditWhat::Document { key, old, new } })
}

fn state(rows: &Rows<'_>, key: &[u8], row: Option<&VersionRow>, next: Option<&VersionRow>) -> Result<Option<Version>> {
    let put = row.filter(|row| row.content.is_some());
    put.map(|put| version_with(rows, key, put, next, &mut |batch| event(rows, batch))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::store::Store;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().expect("dir");
        let store = Store::init(dir.path().join("s"), "t").expect("init");
        let mut first = store.batch("import").actor("import");
        for n in 0..5 {
            first.put(format!("case/{n}"), format!(r#"{{"n":{n},"state":"new"}}"#).as_bytes()).expect("put");
        }
        first.commit().expect("commit");
        let mut second = store.batch("").actor("Inga Dahl");
        second.put("case/1", &br#"{"n":1,"state":"closed"}"#[..]).expect("put");
        second.remove("case/2").expect("remove");
        second.put("letter/1", &b"one\ntwo\n"[..]).expect("put");
        second.commit().expect("commit");
        let reference = Reference { system: "svarut".into(), id: "7".into(), state: "sent".into(), irrevocable: true, expires: None };
        store.add_ref("case/1", reference).expect("ref");
        store.mark("release").expect("mark");
        (dir, store)
    }

    fn found(store: &Store, filter: &AuditFilter) -> Vec<(u64, Vec<&'static str>)> {
        let page = store.audit(filter, 0, 50, 10).expect("audit");
        assert_eq!(page.next, None);
        page.entries.iter().map(|e| (e.batch.event.seq, e.changes.iter().map(AuditChange::word).collect())).collect()
    }

    #[test]
    fn who_what_where_and_when_narrow_the_log_down() {
        let (_dir, store) = store();
        let all = found(&store, &AuditFilter::default());
        assert_eq!(all[..2], [(4, vec!["marked"]), (3, vec!["referred"])]);
        assert_eq!((all[2].0, all[2].1.len(), all[3].0, all[3].1.len()), (2, 3, 1, 5));
        assert_eq!(found(&store, &AuditFilter { actor: "dahl".into(), ..AuditFilter::default() }).len(), 1);
        assert_eq!(found(&store, &AuditFilter { changes_min: 3, ..AuditFilter::default() }).len(), 2);
        let one = |prefix: &str| found(&store, &AuditFilter { prefix: prefix.into(), ..AuditFilter::default() });
        assert_eq!(one("case/1"), [(3, vec!["referred"]), (2, vec!["changed"]), (1, vec!["added"])]);
        assert_eq!(one("letter/"), [(2, vec!["added"])]);
        let kind = |kind| found(&store, &AuditFilter { kind: Some(kind), ..AuditFilter::default() });
        assert_eq!(kind(AuditKind::Removed), [(2, vec!["removed"])]);
        assert!(kind(AuditKind::Undo).is_empty());
        let times: Vec<Timestamp> = store.batches(1, 0, 9).expect("batches").iter().map(|b| b.event.time).collect();
        assert_eq!(found(&store, &AuditFilter { until: Some(times[0]), ..AuditFilter::default() }).len(), 1);
        assert_eq!(found(&store, &AuditFilter { from: Some(times[2]), ..AuditFilter::default() }).len(), 2);
    }

    #[test]
    fn a_batch_is_read_in_pages_and_a_look_goes_on_where_it_ended() {
        let (_dir, store) = store();
        let page = store.audit(&AuditFilter::default(), 0, 3, 2).expect("audit");
        assert_eq!((page.entries.len(), page.next), (3, Some(2)));
        assert!(page.entries[2].more && page.entries[2].changes.len() == 2);
        let rest = store.audit(&AuditFilter::default(), 2, 3, 2).expect("audit");
        assert_eq!((rest.entries[0].batch.event.seq, rest.next), (1, None));
        let places = |from| store.changes(1, from, 2).expect("changes").iter().map(|c| c.place).collect::<Vec<_>>();
        assert_eq!((places(0), places(2), places(4), places(5)), (vec![0, 1], vec![2, 3], vec![4], vec![]));
    }

    #[test]
    fn old_and_new_are_told_as_fields_or_lines() {
        let (_dir, store) = store();
        let all = store.changes(2, 0, 9).expect("changes");
        let tell = |c: &AuditChange| match &c.what {
            AuditWhat::Document { old, new, .. } => store.inline(old.as_ref(), new.as_ref()).expect("told"),
            other => panic!("{other:?}"),
        };
        assert!(matches!(tell(&all[0]), Told::Fields(rows) if rows.len() == 1 && rows[0].path.to_string() == "state"));
        assert!(matches!(tell(&all[1]), Told::Fields(rows) if rows.len() == 2 && rows.iter().all(|r| r.new.is_none())));
        assert!(matches!(tell(&all[2]), Told::Text { added: 2, removed: 0, .. }));
        assert_eq!(told(Some(b"x"), Some(b"x")), Told::Same);
        assert_eq!(told(None, Some(&vec![b'a'; SHOWN_BYTES_MAX + 1])), Told::Unseen);
    }
}
