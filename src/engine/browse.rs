//! Looking around page by page, for people: what lies in a folder, what a document has been, what is gone, and what a person or case was.
//!
//! Every page costs what it shows and a bounded amount of looking: a store with a million documents, or a document with a hundred thousand
//! versions, is as quick to look at as a small one. Where the bound was reached, the page says from where to go on.

use std::collections::BTreeSet;

use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::model::moment::Moment;
use crate::storage::catalog::documents::{DocumentRow, VersionRow, after_prefix};
use crate::storage::catalog::{self, View as Rows, number};

use super::find::{FieldIs, Member, Pattern};
use super::history::{Event, Version, View, event, key_of, no_document, version_with};
use super::store::Tenant;

/// Documents fetched from the catalogue at a time.
const PAGE: usize = 128;
/// Documents of a folder that are looked at to see whether any of them exists; behind that many it is listed without being sure.
const PROBED_MAX: usize = 512;
/// Removals that are looked at for one page of them: a document that was put again since is not gone.
const REMOVALS_LOOKED_AT_MAX: usize = 5_000;
/// Documents that a group may have.
pub const GROUP_MAX: usize = 500;
/// Documents that are looked at to find the members of a group.
const GROUP_LOOKED_AT_MAX: usize = 20_000;

/// Some rows of a long list, and from where to go on; `None` at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    /// The rows.
    pub rows: Vec<T>,
    /// What to ask the next page with.
    pub next: Option<C>,
}

/// What happened to a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It got this version.
    Put(Box<Version>),
    /// It was removed.
    Removed {
        /// The version that the removal ended.
        number: u64,
        /// When, who, why.
        event: Event,
    },
}

impl Step {
    /// When, who, why.
    pub fn event(&self) -> &Event {
        match self {
            Step::Put(version) => &version.from,
            Step::Removed { event, .. } => event,
        }
    }

    /// The version that it made or ended.
    pub fn number(&self) -> u64 {
        match self {
            Step::Put(version) => version.number,
            Step::Removed { number, .. } => *number,
        }
    }
}

/// A stop on the line of time of a document: one put or removal, or many that lie near each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The batch of the last of them.
    pub seq: u64,
    /// Time of the last of them.
    pub time: Timestamp,
    /// Versions `first..=last` were made here; where none were, `first` is greater.
    pub first: u64,
    /// See `first`.
    pub last: u64,
    /// After it, the document does not exist.
    pub removed: bool,
}

/// A document in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// How many versions there have been.
    pub versions: u64,
    /// The stops, oldest first.
    pub stops: Vec<Stop>,
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A folder: the beginning of the keys in it, with the final `/`.
    Folder(Vec<u8>),
    /// A document that exists at that moment.
    Document(Box<Version>),
}

/// A person or case with everything attached, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its documents in order of pattern and key.
    pub members: Vec<Member>,
    /// There are more than could be looked at.
    pub cut: bool,
    /// The last batch up to the moment that changed a member.
    pub last: Option<u64>,
    /// The first batch after the moment that changes a member.
    pub next: Option<u64>,
}

impl Tenant {
    /// What happened to `key` before batch `before` (`None`: up to now), newest first, at most `limit`. The page goes on with the batch that it
    /// gives.
    pub fn steps_before(&self, key: &[u8], before: Option<u64>, limit: usize) -> Result<Page<Step, u64>> {
        self.inner.catalog.read(|rows| {
            let Some(document) = rows.document(self.id, key)? else { return Err(no_document(rows, self.id, key)?) };
            let before = before.map_or(i64::MAX, |seq| catalog::id(self.id, seq));
            let found = rows.versions_before(document.id, before, limit + 1)?;
            let mut later = if before == i64::MAX { None } else { rows.version_after(document.id, before - 1)? };
            let mut page = Vec::with_capacity(limit);
            for row in found.iter().take(limit) {
                page.push(step(rows, key, row, later.as_ref())?);
                later = Some(row.clone());
            }
            let next = if found.len() > limit { page.last().map(|step| step.event().seq) } else { None };
            Ok(Page { rows: page, next })
        })
    }

    /// What happened to `key` next after batch `after`.
    pub fn step_after(&self, key: &[u8], after: u64) -> Result<Option<Step>> {
        self.inner.catalog.read(|rows| {
            let Some(document) = rows.document(self.id, key)? else { return Ok(None) };
            let Some(row) = rows.version_after(document.id, catalog::id(self.id, after))? else { return Ok(None) };
            let later = rows.version_after(document.id, row.batch)?;
            step(rows, key, &row, later.as_ref()).map(Some)
        })
    }

    /// The line of time of `key` with at most `most` stops. Where there are more puts and removals, those near each other share a stop.
    pub fn line_of(&self, key: &[u8], most: usize) -> Result<Line> {
        self.inner.catalog.read(|rows| {
            let Some(document) = rows.document(self.id, key)? else { return Err(no_document(rows, self.id, key)?) };
            let mut all = rows.versions_before(document.id, i64::MAX, most + 1)?;
            all.reverse();
            let kept = if all.len() <= most { all } else { self.spread(rows, &document, most)? };
            let mut stops: Vec<Stop> = Vec::with_capacity(kept.len());
            let mut before = 0;
            for row in kept {
                let removed = row.content.is_none();
                stops.push(Stop { seq: number(row.batch), time: event(rows, row.batch)?.time, first: before + 1, last: row.number, removed });
                before = row.number;
            }
            Ok(Line { versions: document.versions, stops })
        })
    }

    /// The last put or removal in each of `most` equal stretches of time, and the first and the last of all.
    fn spread(&self, rows: &Rows<'_>, document: &DocumentRow, most: usize) -> Result<Vec<VersionRow>> {
        let ends = (rows.version_after(document.id, 0)?, rows.version_at(document.id, i64::MAX)?);
        let (Some(first), Some(last)) = ends else { return Ok(Vec::new()) };
        let (from, until) = (event(rows, first.batch)?.time.0, event(rows, last.batch)?.time.0);
        let mut kept = vec![first];
        for i in 1..most as i64 {
            let end = Timestamp(from + (until - from) / (most as i64 - 1) * i);
            let batch = catalog::id(self.id, rows.seq_at_time(self.id, end)?);
            if let Some(row) = rows.version_at(document.id, batch)?.filter(|row| kept.last().is_none_or(|last| last.batch < row.batch)) {
                kept.push(row);
            }
        }
        if kept.last().is_none_or(|row| row.batch < last.batch) {
            kept.push(last);
        }
        Ok(kept)
    }

    /// Documents that were gone after batch `seq`, the one removed last first, below `prefix`, at most `limit`: each as the version that was
    /// its last. `before` goes on from there.
    pub fn removed_before(&self, seq: u64, prefix: &[u8], before: Option<(u64, u64)>, limit: usize) -> Result<Page<Version, (u64, u64)>> {
        self.inner.catalog.read(|rows| {
            let moment = catalog::id(self.id, seq);
            let (mut batch, mut place) = before.map_or((moment + 1, 0), |(seq, place)| (catalog::id(self.id, seq), place));
            let (mut page, mut looked_at) = (Vec::new(), 0);
            loop {
                let found = rows.removals_before(self.id, batch, place, PAGE)?;
                for row in &found {
                    (batch, place, looked_at) = (row.batch, row.place, looked_at + 1);
                    let back = rows.version_after(row.document, row.batch)?.is_some_and(|later| later.batch <= moment);
                    let key = if back { Vec::new() } else { key_of(rows, row.document)? };
                    if back || !key.starts_with(prefix) {
                        continue;
                    }
                    if let Some(last) = rows.last_put(row.document, row.batch)? {
                        page.push(version_with(rows, &key, &last, Some(row), &mut |batch| event(rows, batch))?);
                    }
                    if page.len() == limit || looked_at == REMOVALS_LOOKED_AT_MAX {
                        let more = !rows.removals_before(self.id, batch, place, 1)?.is_empty();
                        return Ok(Page { rows: page, next: more.then_some((number(batch), place)) });
                    }
                }
                if found.len() < PAGE {
                    return Ok(Page { rows: page, next: None });
                }
            }
        })
    }

    /// The documents that match any of `patterns` (with conditions on fields), as they stood after batch `seq`, and which batches around it
    /// changed one of them.
    pub fn group(&self, patterns: &[(Pattern, Vec<FieldIs>)], seq: u64) -> Result<Group> {
        let view = self.at(&Moment::Seq(seq))?;
        let mut group = Group { members: Vec::new(), cut: false, last: None, next: None };
        let (mut seen, mut looked_at) = (BTreeSet::new(), 0);
        for (pattern, fields) in patterns {
            let prefix = pattern.prefix();
            let mut after: Option<Vec<u8>> = None;
            loop {
                let page = self.inner.catalog.read(|rows| rows.documents(self.id, &prefix, after.as_deref(), PAGE))?;
                for document in page.iter().filter(|d| d.versions > 0 && pattern.matches(&d.key)) {
                    if seen.contains(&document.id) {
                        continue;
                    }
                    let member = self.member(&view, &document.key)?;
                    if self.fields_hold(member.version(), fields)? {
                        seen.insert(document.id);
                        group.members.push(member);
                        self.steps_around(document.id, seq, &mut group)?;
                    }
                    group.cut |= group.members.len() >= GROUP_MAX;
                    if group.cut {
                        return Ok(group);
                    }
                }
                looked_at += page.len();
                group.cut = looked_at >= GROUP_LOOKED_AT_MAX;
                match page.last() {
                    Some(last) if page.len() == PAGE && !group.cut => after = Some(last.key.clone()),
                    _ => break,
                }
            }
        }
        Ok(group)
    }

    fn steps_around(&self, document: i64, seq: u64, group: &mut Group) -> Result<()> {
        self.inner.catalog.read(|rows| {
            let batch = catalog::id(self.id, seq);
            group.last = group.last.max(rows.version_at(document, batch)?.map(|row| number(row.batch)));
            let next = rows.version_after(document, batch)?.map(|row| number(row.batch));
            group.next = [group.next, next].into_iter().flatten().min();
            Ok(())
        })
    }
}

fn step(rows: &Rows<'_>, key: &[u8], row: &VersionRow, later: Option<&VersionRow>) -> Result<Step> {
    Ok(match row.content {
        Some(_) => Step::Put(Box::new(version_with(rows, key, row, later, &mut |batch| event(rows, batch))?)),
        None => Step::Removed { number: row.number, event: event(rows, row.batch)? },
    })
}

impl View {
    /// What lies directly in the folder `prefix` (empty, or ending in `/`) at this moment, in order of key, behind `after` (a row of the page
    /// before), at most `limit`.
    pub fn folder(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Page<Entry, Vec<u8>>> {
        let tenant = self.tenant.id;
        self.tenant.inner.catalog.read(|rows| {
            let mut page = Vec::new();
            let mut from =
                after.map_or(Some(prefix.to_vec()), |after| if after.ends_with(b"/") { after_prefix(after) } else { Some([after, b"\0"].concat()) });
            let mut shown: Option<Vec<u8>> = None;
            while let Some(start) = from.take() {
                let found = rows.documents_from(tenant, prefix, &start, PAGE)?;
                for document in &found {
                    let rest = &document.key[prefix.len()..];
                    // A key may end in a slash; then it is a document all the same.
                    let folder =
                        rest.iter().position(|b| *b == b'/').filter(|at| at + 1 < rest.len()).map(|at| &document.key[..prefix.len() + at + 1]);
                    let entry = match folder {
                        Some(folder) if self.any_in(rows, folder)? => Some(Entry::Folder(folder.to_vec())),
                        Some(_) => None,
                        None => self.state_of(rows, document)?.map(|version| Entry::Document(Box::new(version))),
                    };
                    if let Some(entry) = entry {
                        if page.len() == limit {
                            return Ok(Page { rows: page, next: shown });
                        }
                        shown = Some(folder.map_or_else(|| document.key.clone(), <[u8]>::to_vec));
                        page.push(entry);
                    }
                    if let Some(folder) = folder {
                        // Everything else in it is passed over.
                        from = after_prefix(folder);
                        break;
                    }
                    from = (found.len() == PAGE).then(|| [document.key.as_slice(), b"\0"].concat());
                }
            }
            Ok(Page { rows: page, next: None })
        })
    }

    /// Whether anything in a folder exists. Behind [`PROBED_MAX`] documents of which none does, it is taken to.
    fn any_in(&self, rows: &Rows<'_>, folder: &[u8]) -> Result<bool> {
        let (mut after, mut probed): (Option<Vec<u8>>, usize) = (None, 0);
        // Mostly the first one does.
        let mut limit = 4;
        loop {
            let found = rows.documents(self.tenant.id, folder, after.as_deref(), limit)?;
            for document in &found {
                if self.exists(rows, document)? {
                    return Ok(true);
                }
            }
            probed += found.len();
            if found.len() < limit {
                return Ok(false);
            }
            if probed >= PROBED_MAX {
                return Ok(true);
            }
            (after, limit) = (found.last().map(|d| d.key.clone()), PAGE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::store::Store;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().expect("dir");
        let store = Store::init(dir.path().join("s"), "t").expect("init");
        (dir, store)
    }

    fn names(page: &Page<Entry, Vec<u8>>) -> Vec<String> {
        let name = |e: &Entry| match e {
            Entry::Folder(key) => String::from_utf8_lossy(key).into_owned(),
            Entry::Document(v) => format!("{} v{}", String::from_utf8_lossy(&v.key), v.number),
        };
        page.rows.iter().map(name).collect()
    }

    #[test]
    fn a_folder_shows_what_exists_in_it_page_by_page() {
        let (_dir, store) = store();
        let mut batch = store.batch("many");
        for i in 0..400 {
            batch.put(format!("a/{i:03}/x"), &b"1"[..]).expect("put");
        }
        batch.put("a/only", &b"1"[..]).expect("put");
        batch.put("b", &b"1"[..]).expect("put");
        batch.put("c/gone", &b"1"[..]).expect("put");
        batch.put("a\u{ff}z", &b"1"[..]).expect("put");
        batch.put("d/", &b"1"[..]).expect("put");
        batch.commit().expect("commit");
        store.remove("c/gone").expect("remove");
        let (now, then) = (store.now(), store.at(&Moment::Seq(1)).expect("then"));
        assert_eq!(names(&now.folder(b"", None, 10).expect("folder")), ["a/", "aÿz v1", "b v1", "d/ v1"]);
        assert_eq!(names(&then.folder(b"", None, 10).expect("folder")), ["a/", "aÿz v1", "b v1", "c/", "d/ v1"]);
        assert!(names(&store.at(&Moment::Seq(0)).expect("before").folder(b"", None, 10).expect("folder")).is_empty());
        let mut all = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = now.folder(b"a/", after.as_deref(), 7).expect("folder");
            all.extend(names(&page));
            assert!(page.rows.len() <= 7);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let want: Vec<String> = (0..400).map(|i| format!("a/{i:03}/")).chain(["a/only v1".to_owned()]).collect();
        assert_eq!(all, want);
    }

    #[test]
    fn the_steps_of_a_document_come_in_pages_and_say_when_each_version_ended() {
        let (_dir, store) = store();
        for i in 0..10 {
            store.put("k", format!("{i}").as_bytes()).expect("put");
            if i == 4 {
                store.remove("k").expect("remove");
            }
        }
        let told = |step: &Step| match step {
            Step::Put(v) => format!("v{} until {:?}{}", v.number, v.until.as_ref().map(|e| e.seq), if v.removed { " removed" } else { "" }),
            Step::Removed { number, event } => format!("removed v{number} at {}", event.seq),
        };
        let mut all = Vec::new();
        let mut before = None;
        loop {
            let page = store.steps_before(b"k", before, 3).expect("page");
            all.extend(page.rows.iter().map(told));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        let history = store.history("k").expect("history");
        let mut want: Vec<String> = Vec::new();
        for v in history {
            want.push(told(&Step::Put(Box::new(v.clone()))));
            if v.removed {
                want.push(format!("removed v{} at {}", v.number, v.until.expect("end").seq));
            }
        }
        want.reverse();
        assert_eq!(all, want);
        assert_eq!(all.len(), 11);
        for n in 1..=10 {
            assert_eq!(store.find_version("k", Some(&Moment::Version(n))).expect("version").number, n);
        }
        assert_eq!(store.find_version("k", Some(&Moment::Version(11))).expect_err("none").code(), "version.missing");
        assert_eq!(store.step_after(b"k", 5).expect("step").map(|s| told(&s)), Some("removed v5 at 6".to_owned()));
    }

    #[test]
    fn a_line_of_time_has_every_version_in_one_of_its_stops() {
        let (_dir, store) = store();
        for i in 0..90 {
            store.put("k", format!("{i}").as_bytes()).expect("put");
        }
        store.remove("k").expect("remove");
        for most in [200, 40, 5] {
            let line = store.line_of(b"k", most).expect("line");
            assert!(line.stops.len() <= most + 1, "{most}: {}", line.stops.len());
            let mut next = 1;
            for stop in &line.stops {
                assert!(stop.first == next, "{most}");
                next = stop.last + 1;
            }
            let end = line.stops.last().expect("stops");
            assert_eq!((line.versions, end.last, end.removed, end.seq), (90, 90, true, 91));
        }
    }

    #[test]
    fn what_is_gone_is_listed_newest_first_at_every_moment() {
        let (_dir, store) = store();
        for key in ["a", "b", "c"] {
            store.put(key, key.as_bytes()).expect("put");
        }
        let mut batch = store.batch("two");
        batch.remove("a").expect("remove");
        batch.remove("c").expect("remove");
        batch.commit().expect("commit");
        store.put("a", &b"again"[..]).expect("put");
        store.remove("b").expect("remove");
        let gone = |seq, before, limit| {
            let page = store.removed_before(seq, b"", before, limit).expect("page");
            (page.rows.iter().map(|v| String::from_utf8_lossy(&v.key).into_owned()).collect::<Vec<_>>(), page.next)
        };
        assert_eq!(gone(6, None, 10), (vec!["b".into(), "c".into()], None));
        assert_eq!(gone(4, None, 10), (vec!["c".into(), "a".into()], None));
        assert_eq!(gone(3, None, 10), (vec![], None));
        let (first, next) = gone(4, None, 1);
        assert_eq!((first, gone(4, next, 1)), (vec!["c".into()], (vec!["a".into()], None)));
    }

    #[test]
    fn a_group_is_leafed_from_change_to_change() {
        let (_dir, store) = store();
        store.put("person/1", &b"{\"name\":\"A\"}"[..]).expect("put");
        store.put("case/7", &b"{\"client\":1}"[..]).expect("put");
        store.put("case/8", &b"{\"client\":2}"[..]).expect("put");
        store.put("person/1", &b"{\"name\":\"B\"}"[..]).expect("put");
        let patterns = [(Pattern::whole("person/1"), vec![]), (Pattern::whole("case/*"), vec![FieldIs::parse("client=1").expect("condition")])];
        let seen = |seq| {
            let g = store.group(&patterns, seq).expect("group");
            (g.members.iter().map(|m| matches!(m, Member::Exists(_))).collect::<Vec<_>>(), g.last, g.next)
        };
        assert_eq!(seen(4), (vec![true, true], Some(4), None));
        assert_eq!(seen(3), (vec![true, true], Some(2), Some(4)));
        assert_eq!(seen(1), (vec![true, false], Some(1), Some(2)));
        assert_eq!(seen(0), (vec![false, false], None, Some(1)));
    }
}
