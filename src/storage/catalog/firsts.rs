//! What a transaction that began a tenant's numbering knows without asking: such a tenant has nothing but what this transaction added.
//!
//! The first intake of a tenant is the largest, and nearly everything in it is new. To find that out in the indexes took a sixth of its instructions.

use std::cell::RefCell;
use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};

/// Additions that are remembered: 5 MiB. Where there are more, the indexes are asked again.
const REMEMBERED_MAX: usize = 250_000;

/// Hashes are not hashed again.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.0 = self.0.rotate_left(8) ^ u64::from(*b));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

type Hashes = HashSet<u64, BuildHasherDefault<Hashed>>;

/// Documents or contents of one tenant, from its first on.
#[derive(Default)]
pub(super) struct Firsts(RefCell<Option<(i64, Hashes)>>, RandomState);

impl Firsts {
    /// Notes that `name` was added as number `ordinal` of `tenant`.
    pub(super) fn note(&self, tenant: i64, ordinal: u64, name: impl Hash) {
        let mut known = self.0.borrow_mut();
        if ordinal == 0 {
            *known = Some((tenant, Hashes::default()));
        }
        match &mut *known {
            Some((of, names)) if *of == tenant && names.len() < REMEMBERED_MAX => drop(names.insert(self.1.hash_one(name))),
            Some((of, _)) if *of == tenant => *known = None,
            _ => {}
        }
    }

    /// Whether `tenant` surely has nothing of this name. Otherwise it may have.
    pub(super) fn lack(&self, tenant: i64, name: impl Hash) -> bool {
        self.0.borrow().as_ref().is_some_and(|(of, names)| *of == tenant && !names.contains(&self.1.hash_one(name)))
    }

    /// Rows are added in another way: nothing is known any more.
    pub(super) fn forget(&self) {
        self.0.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_there_from_the_first_on_is_known_to_lack_something() {
        let firsts = Firsts::default();
        assert!(!firsts.lack(3, "a"), "nothing was added");
        firsts.note(3, 7, "a");
        assert!(!firsts.lack(3, "b"), "there are seven that were not seen");
        firsts.note(3, 0, "a");
        firsts.note(3, 1, "b");
        assert!(!firsts.lack(3, "a") && !firsts.lack(3, "b") && firsts.lack(3, "c") && !firsts.lack(4, "c"));
        firsts.note(4, 9, "d");
        assert!(firsts.lack(3, "d"), "another tenant's");
        firsts.note(4, 0, "e");
        assert!(!firsts.lack(3, "c") && firsts.lack(4, "a"));
        firsts.forget();
        assert!(!firsts.lack(4, "a"));
    }

    #[test]
    fn where_there_are_too_many_nothing_is_known() {
        let firsts = Firsts::default();
        (0..REMEMBERED_MAX as u64).for_each(|n| firsts.note(0, n, n));
        assert!(firsts.lack(0, u64::MAX));
        firsts.note(0, REMEMBERED_MAX as u64, u64::MAX);
        assert!(!firsts.lack(0, u64::MAX) && !firsts.lack(0, u64::MAX - 1));
    }
}
