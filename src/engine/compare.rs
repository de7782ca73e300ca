//! Comparing two versions, and the history of fields.

use crate::base::error::Result;
use crate::base::limits;
use crate::model::field::{History, NotFields, Path, Row};
use crate::model::text::{Comparison, Fingerprint, compare};

use super::browse::{Page, Step};
use super::history::{Event, Version};
use super::store::Tenant;

/// Bytes: what is looked into at all; above it only sizes and digests are compared.
const COMPARED_BYTES_MAX: usize =
    if limits::JSON_FIELDS_BYTES_MAX > limits::TEXT_DIFF_BYTES_MAX { limits::JSON_FIELDS_BYTES_MAX } else { limits::TEXT_DIFF_BYTES_MAX };

/// Versions that cannot be seen as fields and are passed over to find the one before that a step is compared with.
const PASSED_OVER_MAX: usize = 8;

/// Two versions with their bytes, where these are small enough to be looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The older one, or the first that was named.
    pub old: Version,
    /// The other one.
    pub new: Version,
    bytes: Option<(Vec<u8>, Vec<u8>)>,
}

impl Pair {
    /// How the two compare: as fields, as text or as bytes. `all` shows fields that are the same as well; `context` is the number of equal
    /// lines around a change of text.
    pub fn compare(&self, all: bool, context: usize) -> Comparison<'_> {
        let fingerprint = |v: &Version| Fingerprint { size: v.size, digest: v.digest };
        match &self.bytes {
            Some((old, new)) => compare(old, new, all, context),
            None if self.old.digest == self.new.digest => Comparison::Same,
            None => Comparison::Binary { old: fingerprint(&self.old), new: fingerprint(&self.new) },
        }
    }
}

/// What one version, or the removal of a document, did to its fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldStep {
    /// The version that made the change; for a removal the one that it ended.
    pub version: u64,
    /// The document was removed: all its fields went.
    pub removed: bool,
    /// Who, when and why.
    pub event: Event,
    /// The fields before and after; or why this version cannot be seen as fields, and was passed over.
    pub rows: Result<Vec<Row>, NotFields>,
}

/// What a document was after one put or removal.
struct State {
    /// `None` for a removal.
    version: Option<Version>,
    number: u64,
    event: Event,
}

/// The steps of a document's fields, newest first. Holds two versions at a time.
pub struct FieldHistory {
    tenant: Tenant,
    filter: Option<Path>,
    states: Vec<State>,
    kept: Option<(usize, Vec<u8>)>,
}

impl Tenant {
    /// Two versions (of one document or of two), ready to be compared.
    pub fn diff(&self, old: Version, new: Version) -> Result<Pair> {
        let small = |v: &Version| v.size <= COMPARED_BYTES_MAX as u64;
        let bytes = match small(&old) && small(&new) {
            true => Some((self.open(&old)?.bytes(COMPARED_BYTES_MAX)?, self.open(&new)?.bytes(COMPARED_BYTES_MAX)?)),
            false => None,
        };
        Ok(Pair { old, new, bytes })
    }

    /// What each version of `key` did to its fields, newest first; only to those that `filter` concerns.
    pub fn fields(&self, key: impl AsRef<[u8]>, filter: Option<Path>) -> Result<FieldHistory> {
        let mut states = Vec::new();
        for version in self.history(key)? {
            let (number, end) = (version.number, version.until.clone().filter(|_| version.removed));
            states.push(State { number, event: version.from.clone(), version: Some(version) });
            states.extend(end.map(|event| State { version: None, number, event }));
        }
        Ok(FieldHistory { tenant: self.clone(), filter, states, kept: None })
    }
}

impl Tenant {
    /// As [`Tenant::fields`], for people who page through a long history: the steps before batch `before` (`None`: up to now), newest first, of
    /// which at most `limit` are looked at. A step without rows did nothing to the fields that `filter` concerns.
    pub fn fields_before(&self, key: &[u8], filter: Option<Path>, before: Option<u64>, limit: usize) -> Result<Page<FieldStep, u64>> {
        let page = self.steps_before(key, before, limit + PASSED_OVER_MAX)?;
        let shown = page.rows.len().min(limit);
        let next = if page.rows.len() > limit { page.rows.get(limit - 1).map(|step| step.event().seq) } else { None };
        let state = |step: Step| match step {
            Step::Put(version) => State { number: version.number, event: version.from.clone(), version: Some(*version) },
            Step::Removed { number, event } => State { number, event, version: None },
        };
        let states: Vec<State> = page.rows.into_iter().rev().map(state).collect();
        let history = FieldHistory { tenant: self.clone(), filter, states, kept: None };
        Ok(Page { rows: history.take(shown).collect::<Result<_>>()?, next })
    }
}

impl FieldHistory {
    /// Keeps only the steps that `wanted` (version number, removal, event) lets through. Versions outside are read where they are needed for
    /// comparison only.
    pub fn only<'f>(self, wanted: impl Fn(u64, &Event) -> bool + 'f) -> impl Iterator<Item = Result<FieldStep>> + 'f {
        let mut steps = self;
        std::iter::from_fn(move || {
            while steps.states.last().is_some_and(|s| !wanted(s.number, &s.event)) {
                steps.states.pop();
            }
            steps.next()
        })
    }

    /// The bytes of a state: `None` where the document does not exist.
    fn bytes(&mut self, at: usize) -> Result<Result<Option<Vec<u8>>, NotFields>> {
        let Some(version) = &self.states[at].version else { return Ok(Ok(None)) };
        if version.size > limits::JSON_FIELDS_BYTES_MAX as u64 {
            return Ok(Err(NotFields::Large(version.size as usize)));
        }
        if let Some(forgotten) = &version.forgotten {
            return Ok(Err(if forgotten.erased { NotFields::Erased } else { NotFields::Forgotten }));
        }
        match self.kept.take() {
            Some((kept, bytes)) if kept == at => Ok(Ok(Some(bytes))),
            _ => Ok(Ok(Some(self.tenant.open(version)?.bytes(limits::JSON_FIELDS_BYTES_MAX)?))),
        }
    }

    fn rows(&mut self, at: usize) -> Result<Result<Vec<Row>, NotFields>> {
        let after = match self.bytes(at)? {
            Ok(after) => after,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut history = History::new(self.filter.clone());
        // The nearest earlier state that can be compared; a version that cannot be seen as fields is passed over.
        for before in (0..at).rev() {
            let Ok(bytes) = self.bytes(before)? else { continue };
            if history.push(bytes.as_deref()).is_ok() {
                self.kept = bytes.map(|bytes| (before, bytes));
                break;
            }
        }
        Ok(history.push(after.as_deref()))
    }
}

impl Iterator for FieldHistory {
    type Item = Result<FieldStep>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.states.len().checked_sub(1)?;
        let rows = self.rows(at);
        let state = self.states.pop()?;
        Some(rows.map(|rows| FieldStep { version: state.number, removed: state.version.is_none(), event: state.event, rows }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::store::Store;
    use crate::model::moment::Moment;

    fn store(texts: &[Option<&str>]) -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().expect("dir");
        let store = Store::init(dir.path().join("s"), "t").expect("init");
        for text in texts {
            match text {
                Some(text) => store.put("k", text.as_bytes()).expect("put"),
                None => store.remove("k").expect("remove"),
            };
        }
        (dir, store)
    }

    fn told(steps: impl Iterator<Item = Result<FieldStep>>) -> Vec<String> {
        let side = |v: &Option<crate::model::field::Value>| v.as_ref().map_or("-".to_owned(), ToString::to_string);
        let step = |s: FieldStep| match s.rows {
            Err(_) => format!("v{} passed over", s.version),
            Ok(rows) => {
                let rows: Vec<String> = rows.iter().map(|r| format!("{} {}>{}", r.path, side(&r.old), side(&r.new))).collect();
                format!("v{}{} {}", s.version, if s.removed { " removed" } else { "" }, rows.join(", "))
            }
        };
        steps.map(|s| step(s.expect("step"))).collect()
    }

    #[test]
    fn fields_newest_first_past_what_is_no_json_and_removals() {
        let all = [Some(r#"{"a":1,"b":""}"#), Some("not json"), Some(r#"{"a":2,"b":""}"#), None, Some(r#"{"a":2}"#)];
        let (_dir, store) = store(&all);
        let want = ["v4 a ->2", r#"v3 removed a 2>-, b "">-"#, "v3 a 1>2", "v2 passed over", r#"v1 a ->1, b ->"""#];
        assert_eq!(told(store.fields("k", None).expect("fields")), want);
        let page = |before| store.fields_before(b"k", None, before, 2).expect("page");
        assert_eq!(told(page(None).rows.into_iter().map(Ok)), want[..2]);
        assert_eq!(told(page(page(None).next).rows.into_iter().map(Ok)), want[2..4]);
        let last = page(page(page(None).next).next);
        assert_eq!((told(last.rows.into_iter().map(Ok)), last.next), (vec![want[4].to_owned()], None));
        let only = store.fields("k", Some("b".parse().expect("path"))).expect("fields").only(|n, _| n == 1 || n == 3);
        assert_eq!(told(only), [r#"v3 removed b "">-"#, "v3 ", r#"v1 b ->"""#]);
    }

    #[test]
    fn a_pair_compares_in_the_most_telling_way() {
        let (_dir, store) = store(&[Some(r#"{"a":1}"#), Some(r#"{"a":2}"#), Some("text\n"), Some("text\n")]);
        let version = |n| store.find_version("k", Some(&Moment::Version(n))).expect("version");
        let pair = |a, b| store.diff(version(a), version(b)).expect("pair");
        assert!(matches!(pair(1, 2).compare(false, 3), Comparison::Fields(f) if f.rows.len() == 1));
        assert!(matches!(pair(2, 3).compare(false, 3), Comparison::Text(_)));
        assert_eq!(pair(3, 4).compare(false, 3), Comparison::Same);
    }
}
