//! Things that belong to a session for a while: plans that somebody looks at and decides about before they are carried out.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::door::secret;

/// How long a thing is kept that nobody looks at.
const KEPT: Duration = Duration::from_secs(3_600);
/// Things that are kept; the ones that were not looked at for longest go first.
const KEPT_MAX: usize = 64;
/// What they may weigh together: two million documents of plans are some hundred megabytes. One alone may weigh more.
const WEIGHT_MAX: usize = 2_000_000;

struct Thing {
    id: String,
    owner: String,
    weight: usize,
    used: Instant,
    what: Arc<dyn Any + Send + Sync>,
}

/// Where they are kept.
#[derive(Default)]
pub(in crate::face) struct Shelf(Mutex<Vec<Thing>>);

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, Vec<Thing>> {
        let mut things = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        things.retain(|thing| thing.used.elapsed() < KEPT);
        things
    }

    /// Keeps a thing for the session with this form token. The name under which only that session finds it.
    pub(in crate::face) fn put(&self, owner: &str, weight: usize, what: Arc<dyn Any + Send + Sync>) -> String {
        let id = secret();
        let mut things = self.lock();
        things.push(Thing { id: id.clone(), owner: owner.to_owned(), weight, used: Instant::now(), what });
        while things.len() > KEPT_MAX || (things.len() > 1 && things.iter().map(|thing| thing.weight).sum::<usize>() > WEIGHT_MAX) {
            let oldest = things.iter().take(things.len() - 1).enumerate().min_by_key(|(_, thing)| thing.used).map(|(at, _)| at);
            things.remove(oldest.unwrap_or(0));
        }
        id
    }

    /// The thing of that name, where it is of this kind and this session's.
    pub(in crate::face) fn get<T: Any + Send + Sync>(&self, owner: &str, id: &str) -> Option<Arc<T>> {
        let mut things = self.lock();
        let thing = things.iter_mut().find(|thing| thing.id == id && thing.owner == owner)?;
        let what = thing.what.clone().downcast().ok()?;
        thing.used = Instant::now();
        Some(what)
    }

    /// All things of this kind that are this session's, the newest first, with their names.
    pub(in crate::face) fn all<T: Any + Send + Sync>(&self, owner: &str) -> Vec<(String, Arc<T>)> {
        let things = self.lock();
        let mine = things.iter().rev().filter(|thing| thing.owner == owner);
        mine.filter_map(|thing| Some((thing.id.clone(), thing.what.clone().downcast().ok()?))).collect()
    }

    /// Forgets it.
    pub(in crate::face) fn remove(&self, owner: &str, id: &str) {
        self.lock().retain(|thing| thing.id != id || thing.owner != owner);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_found_by_its_owner_and_by_its_kind_only() {
        let shelf = Shelf::default();
        let id = shelf.put("one", 1, Arc::new(7u32));
        assert_eq!(shelf.get::<u32>("one", &id).as_deref(), Some(&7));
        assert!(shelf.get::<u32>("two", &id).is_none() && shelf.get::<u64>("one", &id).is_none() && shelf.get::<u32>("one", "x").is_none());
        shelf.remove("two", &id);
        assert_eq!(shelf.all::<u32>("one").len(), 1);
        shelf.remove("one", &id);
        assert!(shelf.all::<u32>("one").is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded_in_number_and_in_weight() {
        let shelf = Shelf::default();
        let first = shelf.put("one", 1, Arc::new(0usize));
        for n in 0..KEPT_MAX {
            shelf.put("one", 1, Arc::new(n));
        }
        assert!(shelf.get::<usize>("one", &first).is_none());
        assert_eq!(shelf.all::<usize>("one").len(), KEPT_MAX);
        let heavy = shelf.put("one", WEIGHT_MAX + 1, Arc::new(9usize));
        assert_eq!(shelf.all::<usize>("one").len(), 1, "one alone may weigh more");
        assert!(shelf.get::<usize>("one", &heavy).is_some());
    }
}
