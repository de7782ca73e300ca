//! The plain map with time: what a store should say, kept in the simplest way.

use std::collections::BTreeMap;
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
}

/// What a batch is to do, in the end: the last word on each document counts.
#[derive(Default, Clone)]
pub struct Changes {
    pub documents: BTreeMap<Vec<u8>, Option<Value>>,
    pub references: Vec<(u64, Vec<u8>, String)>,
    pub marks: Vec<u64>,
}

impl Plain {
    pub fn new() -> Self {
        Plain {
            states: vec![State::new()],
            times: vec![i64::MIN],
            histories: BTreeMap::new(),
            marks: vec![BTreeMap::new()],
            references: vec![References::new()],
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
        for history in self.histories.values_mut() {
            history.retain(|(at, _)| *at <= seq);
        }
        self.histories.retain(|_, history| !history.is_empty());
    }
}
