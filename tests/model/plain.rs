//! The plain map with time: what a store should say, kept in the simplest way.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A content and its media type.
pub type Value = (Rc<Vec<u8>>, String);
/// What exists after a batch: each document with the number of its version.
pub type State = BTreeMap<Vec<u8>, (Value, u64)>;
/// References by system and id: the documents that carry it with its state there.
pub type References = BTreeMap<u64, (Vec<u8>, String)>;

/// A put with the number of its version, or a removal, by batch.
pub type Step = (u64, Option<(Value, u64)>);

/// One tenant's history.
#[derive(Clone)]
pub struct Plain {
    /// The state after each batch; the first is before all.
    pub states: Vec<State>,
    /// The time of each batch; the first counts for nothing.
    pub times: Vec<i64>,
    /// Per document all puts (with version number) and removals by batch.
    pub histories: BTreeMap<Vec<u8>, Vec<Step>>,
    /// Marks and references as they are after each batch.
    pub marks: Vec<BTreeMap<u64, u64>>,
    pub references: Vec<References>,
    /// Holds by name as they are after each batch: the folder that each is on.
    pub holds: Vec<BTreeMap<u64, Vec<u8>>>,
    /// Whether the tenant is in use after each batch.
    pub tenancy: Vec<Use>,
    /// The content that a put made or took, by document and batch. Bytes that were forgotten and come again are another one.
    contents: BTreeMap<(Vec<u8>, u64), u64>,
    /// The batch that gave up a content.
    forgotten: BTreeMap<u64, u64>,
}

/// Whether a tenant is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Use {
    #[default]
    Normal,
    /// Until this time it can be brought back.
    Dropped(i64),
    Gone,
}

/// What a batch is to do, in the end: the last word on each document counts.
#[derive(Default, Clone)]
pub struct Changes {
    pub documents: BTreeMap<Vec<u8>, Option<Value>>,
    pub references: Vec<(u64, Vec<u8>, String)>,
    pub marks: Vec<u64>,
    /// Set on a folder, or lifted.
    pub holds: Vec<(u64, Option<Vec<u8>>)>,
    /// Contents given up.
    pub forgets: BTreeSet<u64>,
    pub tenancy: Option<Use>,
}

impl Plain {
    pub fn new() -> Self {
        Plain {
            states: vec![State::new()],
            times: vec![i64::MIN],
            histories: BTreeMap::new(),
            marks: vec![BTreeMap::new()],
            references: vec![References::new()],
            holds: vec![BTreeMap::new()],
            tenancy: vec![Use::Normal],
            contents: BTreeMap::new(),
            forgotten: BTreeMap::new(),
        }
    }

    pub fn seq(&self) -> u64 {
        self.states.len() as u64 - 1
    }

    pub fn now(&self) -> &State {
        &self.states[self.states.len() - 1]
    }

    pub fn versions(&self, key: &[u8]) -> u64 {
        let history = self.histories.get(key).map_or(&[][..], |h| &h[..]);
        history.iter().filter(|(_, put)| put.is_some()).count() as u64
    }

    /// The batch that changed a document last, at or before `seq`.
    pub fn last_change(&self, key: &[u8], seq: u64) -> u64 {
        let history = self.histories.get(key).map_or(&[][..], |h| &h[..]);
        history.iter().map(|(at, _)| *at).filter(|at| *at <= seq).max().unwrap_or(0)
    }

    /// The content that a document has after batch `seq`.
    pub fn content_at(&self, key: &[u8], seq: u64) -> Option<u64> {
        self.value_at(key, seq)?;
        self.contents.get(&(key.to_vec(), self.last_change(key, seq))).copied()
    }

    /// The content of the version that batch `seq` made.
    pub fn content_of(&self, key: &[u8], seq: u64) -> u64 {
        self.contents[&(key.to_vec(), seq)]
    }

    pub fn is_forgotten(&self, content: u64) -> bool {
        self.forgotten.contains_key(&content)
    }

    pub fn tenancy(&self) -> Use {
        self.tenancy[self.tenancy.len() - 1]
    }

    pub fn is_held(&self, key: &[u8]) -> bool {
        self.holds[self.holds.len() - 1].values().any(|prefix| covers(prefix, key))
    }

    /// The contents that may be forgotten when the last `last` versions of each document are kept and batches up to `shipped` are offsite: those
    /// of which every version may go. What ended later than the clock says, because it was put back, is young.
    pub fn forgettable(&self, last: u64, shipped: u64, now: i64) -> BTreeSet<u64> {
        let (mut goes, mut stays) = (BTreeSet::new(), BTreeSet::new());
        let marks = &self.marks[self.marks.len() - 1];
        for (key, history) in &self.histories {
            for (place, (seq, put)) in history.iter().enumerate() {
                let Some(((bytes, _), number)) = put else { continue };
                let content = self.content_of(key, *seq);
                let until = history.get(place + 1).map(|(at, _)| *at);
                let offsite = until.is_some_and(|until| until <= shipped && self.times[until as usize] <= now);
                let marked = marks.values().any(|mark| seq <= mark && until.is_none_or(|until| until > *mark));
                let newest = number + last > self.versions(key);
                let may = offsite && !marked && !newest && !self.is_held(key) && !bytes.is_empty() && !self.is_forgotten(content);
                if may {
                    goes.insert(content)
                } else {
                    stays.insert(content)
                };
            }
        }
        goes.difference(&stays).copied().collect()
    }

    /// Every content that has bytes.
    pub fn kept(&self) -> BTreeSet<u64> {
        let puts = self.histories.iter().flat_map(|(key, history)| history.iter().map(move |(seq, put)| (key, *seq, put)));
        let with_bytes = puts.filter(|(_, _, put)| put.as_ref().is_some_and(|((bytes, _), _)| !bytes.is_empty()));
        with_bytes.map(|(key, seq, _)| self.content_of(key, seq)).filter(|content| !self.is_forgotten(*content)).collect()
    }

    /// The content with these bytes that a new version takes; a new one where there is none any more.
    fn content_with(&self, bytes: &[u8]) -> u64 {
        let puts = self.histories.iter().flat_map(|(key, history)| history.iter().map(move |(seq, put)| (key, *seq, put)));
        let same = puts.filter(|(_, _, put)| put.as_ref().is_some_and(|((known, _), _)| known[..] == *bytes));
        let mut same = same.filter_map(|(key, seq, _)| self.contents.get(&(key.clone(), seq)).copied());
        same.find(|content| !self.is_forgotten(*content)).unwrap_or_else(|| self.contents.values().max().map_or(0, |last| last + 1))
    }

    pub fn value_at(&self, key: &[u8], seq: u64) -> Option<&Value> {
        self.states[seq as usize].get(key).map(|(value, _)| value)
    }

    /// Why a batch is refused, if it is: a document to be removed does not exist, a reference belongs to another document.
    pub fn refuses(&self, changes: &Changes) -> bool {
        let missing = changes.documents.iter().any(|(key, value)| value.is_none() && !self.now().contains_key(key));
        let mut references = self.references[self.references.len() - 1].clone();
        let mut taken = false;
        for (id, key, state) in &changes.references {
            taken |= references.get(id).is_some_and(|(owner, _)| owner != key);
            references.insert(*id, (key.clone(), state.clone()));
        }
        missing || taken
    }

    pub fn commit(&mut self, changes: &Changes, time: i64) {
        let seq = self.states.len() as u64;
        let mut state = self.now().clone();
        for (key, value) in &changes.documents {
            let number = self.versions(key) + 1;
            if let Some((bytes, _)) = value {
                let content = self.content_with(bytes);
                self.contents.insert((key.clone(), seq), content);
            }
            let history = self.histories.entry(key.clone()).or_default();
            match value {
                Some(value) => {
                    state.insert(key.clone(), (value.clone(), number));
                    history.push((seq, Some((value.clone(), number))));
                }
                None => {
                    state.remove(key);
                    history.push((seq, None));
                }
            }
        }
        let (mut marks, mut references) = (self.marks[self.marks.len() - 1].clone(), self.references[self.references.len() - 1].clone());
        marks.extend(changes.marks.iter().map(|name| (*name, seq - 1)));
        references.extend(changes.references.iter().map(|(id, key, state)| (*id, (key.clone(), state.clone()))));
        let mut holds = self.holds[self.holds.len() - 1].clone();
        for (name, prefix) in &changes.holds {
            match prefix {
                Some(prefix) => drop(holds.insert(*name, prefix.clone())),
                None => drop(holds.remove(name)),
            }
        }
        self.forgotten.extend(changes.forgets.iter().map(|content| (*content, seq)));
        self.holds.push(holds);
        self.tenancy.push(changes.tenancy.unwrap_or_else(|| self.tenancy()));
        self.states.push(state);
        self.marks.push(marks);
        self.references.push(references);
        self.times.push(time.max(self.times[self.times.len() - 1]));
    }

    /// Forgets what came after a batch: it was never shipped when the site was rebuilt.
    pub fn cut(&mut self, seq: u64) {
        let keep = seq as usize + 1;
        self.states.truncate(keep);
        self.times.truncate(keep);
        self.marks.truncate(keep);
        self.references.truncate(keep);
        self.holds.truncate(keep);
        self.tenancy.truncate(keep);
        self.contents.retain(|(_, at), _| *at <= seq);
        self.forgotten.retain(|_, at| *at <= seq);
        for history in self.histories.values_mut() {
            history.retain(|(at, _)| *at <= seq);
        }
        self.histories.retain(|_, history| !history.is_empty());
    }
}

/// Whether a document is in a scope: everything where it is empty, all below it where it ends in `/`, otherwise that document and what is below.
fn covers(scope: &[u8], key: &[u8]) -> bool {
    scope.is_empty() || key == scope || key.starts_with(scope) && (scope.ends_with(b"/") || key.get(scope.len()) == Some(&b'/'))
}
