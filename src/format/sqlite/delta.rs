//! Which pages of a table must be compared after a commit, and which page belongs to what from then on.
//!
//! Two trees are walked from their roots at once, but only into interior pages that the commit wrote or that have such pages below them; a subtree
//! that is the same in both is one step. The pages to compare are those that the commit wrote, those that left the tree and those that joined it. A
//! page that leaves need not have been written: a truncated table gives all its pages back by writing its root alone.

use std::collections::{HashMap, HashSet};

use super::owners::{Owners, Use};
use super::tree::{DEPTH_MAX, Database};
use crate::base::error::{Error, Result};

/// What a commit wrote of the pages that tables own.
#[derive(Default)]
pub(super) struct Touch {
    /// All pages that it wrote.
    changed: HashSet<u32>,
    /// Interior pages that it wrote, and all above them.
    dirty: HashSet<u32>,
    /// First pages of overflow chains of which it wrote a page.
    heads: HashSet<u32>,
    /// By root: pages whose cells it wrote, on the page itself or in their overflow chains.
    trees: HashMap<u32, Touched>,
}

#[derive(Default)]
struct Touched {
    /// Leaf and interior pages that it wrote.
    pages: Vec<u32>,
    /// Pages with a cell whose overflow chain it wrote to.
    spilled: HashSet<u32>,
}

impl Touch {
    /// Sorts the pages that a commit wrote by what they were used for before it.
    pub(super) fn of(changed: &[u32], owners: &Owners) -> Result<Touch> {
        let mut touch = Touch { changed: changed.iter().copied().collect(), ..Touch::default() };
        let mut heads_of: HashMap<u32, u32> = HashMap::new();
        for page in touch.changed.iter().copied().collect::<Vec<_>>() {
            match owners.usage(page) {
                Use::Other => {}
                Use::Overflow => touch.spill(page, owners, &mut heads_of)?,
                usage => {
                    touch.tree(page, owners)?.pages.push(page);
                    if usage == Use::Interior {
                        touch.soil(page, owners);
                    }
                }
            }
        }
        touch.trees.values_mut().for_each(|tree| tree.pages.sort_unstable());
        Ok(touch)
    }

    /// Marks an interior page and all above it as dirty.
    fn soil(&mut self, page: u32, owners: &Owners) {
        let mut at = page;
        while at != 0 && self.dirty.insert(at) {
            at = owners.parent(at);
        }
    }

    fn tree(&mut self, page: u32, owners: &Owners) -> Result<&mut Touched> {
        let root = owners.root_of(page).ok_or_else(|| Error::damaged(format!("the owner of page {page} of a SQLite database")))?;
        Ok(self.trees.entry(root).or_default())
    }

    /// Climbs an overflow chain to its first page, remembering what was passed so that no page is passed twice.
    fn spill(&mut self, page: u32, owners: &Owners, heads_of: &mut HashMap<u32, u32>) -> Result<()> {
        let mut passed = vec![page];
        let mut at = page;
        let head = loop {
            if let Some(head) = heads_of.get(&at) {
                break *head;
            }
            let above = owners.parent(at);
            if owners.usage(above) != Use::Overflow {
                break at;
            }
            at = above;
            passed.push(at);
        };
        heads_of.extend(passed.into_iter().map(|link| (link, head)));
        self.heads.insert(head);
        let owner = owners.parent(head);
        if owners.usage(owner) == Use::Interior {
            // A row on an interior page, as tables without rowids have them.
            self.soil(owner, owners);
        }
        self.tree(owner, owners)?.spilled.insert(owner);
        Ok(())
    }

    /// Whether anything of the tree with this root was written.
    pub(super) fn root(&self, root: u32) -> bool {
        self.trees.contains_key(&root)
    }

    /// Whether only the root of the tree was written.
    pub(super) fn root_only(&self, root: u32) -> bool {
        self.trees.get(&root).is_some_and(|tree| tree.pages == [root] && tree.spilled.is_empty())
    }

    /// Whether the commit wrote to an overflow chain that begins here.
    pub(super) fn head(&self, head: u32) -> bool {
        self.heads.contains(&head)
    }
}

/// What became of one tree.
#[derive(Default)]
pub(super) struct Delta {
    /// Pages whose cells are compared, before the commit.
    pub(super) before: Vec<u32>,
    /// Pages whose cells are compared, after it.
    pub(super) after: Vec<u32>,
}

/// Changes of the owner map, kept until all trees are done: a page may leave one tree and join another.
#[derive(Default)]
pub(super) struct Moves {
    released: Vec<u32>,
    claimed: Vec<(u32, Use, u32)>,
}

impl Moves {
    /// Writes the changes into the map. Fails, with the map as it was, where a page would be used twice.
    pub(super) fn apply(self, owners: &mut Owners, count: u32) -> Result<()> {
        let mut next: HashMap<u32, (Use, u32)> = self.released.into_iter().map(|page| (page, (Use::Other, 0))).collect();
        for (page, usage, parent) in self.claimed {
            let now = next.get(&page).map_or_else(|| owners.usage(page), |(usage, _)| *usage);
            if now != Use::Other {
                return Err(Error::damaged(format!("a SQLite database that uses page {page} twice")));
            }
            next.insert(page, (usage, parent));
        }
        next.into_iter().for_each(|(page, (usage, parent))| owners.set(page, usage, parent));
        owners.truncate(count);
        Ok(())
    }
}

/// A page that a walk came by.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Unit {
    usage: Use,
    /// An interior page that stands for everything below it.
    whole: bool,
}

/// Both states of a tree.
pub(super) struct Trees<'c, 'a> {
    pub(super) old: &'c Database<'a>,
    pub(super) new: &'c Database<'a>,
    pub(super) owners: &'c Owners,
    pub(super) touch: &'c Touch,
}

#[derive(Default)]
struct Walked {
    order: Vec<u32>,
    units: HashMap<u32, Unit>,
}

impl Walked {
    fn put(&mut self, page: u32, unit: Unit) -> Result<()> {
        if self.units.insert(page, unit).is_some() {
            return Err(Error::damaged(format!("a tree of a SQLite database that names page {page} twice")));
        }
        self.order.push(page);
        Ok(())
    }
}

impl Trees<'_, '_> {
    /// What became of the tree with root `before`, which now has the root `after`; `None` for a tree that is not there. With `all`, every page is
    /// compared. What pages are used for from now on goes to `moves`.
    pub(super) fn delta(&self, before: Option<u32>, after: Option<u32>, all: bool, moves: &mut Moves) -> Result<Delta> {
        let none = Touched::default();
        let touched = before.and_then(|root| self.touch.trees.get(&root)).unwrap_or(&none);
        let mut delta = Delta::default();
        let inside = |root: u32| self.touch.dirty.contains(&root) || self.touch.changed.contains(&root);
        let walk = all || before != after || before.is_some_and(inside);
        let (mut was, mut is) = (Walked::default(), Walked::default());
        if walk {
            if let Some(root) = before {
                self.walk_before(root, all, &mut was)?;
            }
            if let Some(root) = after {
                self.walk_after(root, &was, &mut is, moves)?;
            }
            // What left as a whole: what was below it may have stayed.
            let left: Vec<u32> = was.order.extract_if(.., |page| was.units[page].whole && !is.units.contains_key(page)).collect();
            for page in left {
                was.units.remove(&page);
                self.walk_before(page, true, &mut was)?;
            }
            moves.released.extend(&was.order);
        }
        let compared = |page: &u32, own: &Walked, other: &Walked| {
            let unit = own.units[page];
            let moved = other.units.get(page) != Some(&unit);
            !unit.whole && (all || moved || self.touch.changed.contains(page) || touched.spilled.contains(page))
        };
        delta.before.extend(was.order.iter().filter(|page| compared(page, &was, &is)));
        delta.after.extend(is.order.iter().filter(|page| compared(page, &is, &was)));
        // Leaves below subtrees that were passed as a whole: still where they were.
        let mut inner: Vec<u32> = touched.pages.iter().chain(&touched.spilled).copied().filter(|page| !was.units.contains_key(page)).collect();
        inner.sort_unstable();
        inner.dedup();
        delta.before.extend(&inner);
        delta.after.extend(&inner);
        self.chains(&delta, moves)?;
        Ok(delta)
    }

    fn walk_before(&self, root: u32, all: bool, was: &mut Walked) -> Result<()> {
        let mut stack = vec![root];
        while let Some(page) = stack.pop() {
            let usage = self.owners.usage(page);
            match usage {
                Use::Leaf => was.put(page, Unit { usage, whole: false })?,
                Use::Interior => {
                    let whole = !all && !self.touch.dirty.contains(&page);
                    was.put(page, Unit { usage, whole })?;
                    if !whole {
                        stack.extend(self.old.page(page)?.children()?.into_iter().rev());
                    }
                }
                Use::Other | Use::Overflow => return Err(Error::damaged(format!("the owner of page {page} of a SQLite database"))),
            }
        }
        Ok(())
    }

    fn walk_after(&self, root: u32, was: &Walked, is: &mut Walked, moves: &mut Moves) -> Result<()> {
        let mut stack = vec![(root, 0, 0)];
        while let Some((page, parent, depth)) = stack.pop() {
            if depth > DEPTH_MAX {
                return Err(Error::damaged(format!("the tree at page {root} of a SQLite database (its depth)")));
            }
            let same = !self.touch.changed.contains(&page);
            let mut unit = Unit { usage: Use::Leaf, whole: false };
            if same && was.units.get(&page).is_some_and(|unit| unit.whole) {
                unit = Unit { usage: Use::Interior, whole: true };
            } else if !same || self.owners.usage(page) != Use::Leaf {
                let read = self.new.page(page)?;
                if !read.kind().is_leaf() {
                    unit.usage = Use::Interior;
                    stack.extend(read.children()?.into_iter().rev().map(|child| (child, page, depth + 1)));
                }
            }
            is.put(page, unit)?;
            moves.claimed.push((page, unit.usage, parent));
        }
        Ok(())
    }

    /// Overflow chains of the cells on the compared pages: those that are gone, those that are new, and those whose cell is on another page now.
    fn chains(&self, delta: &Delta, moves: &mut Moves) -> Result<()> {
        let mut kept: HashMap<u32, (u64, u32)> = HashMap::new();
        for number in &delta.after {
            let page = self.new.page(*number)?;
            for index in 0..page.cells() {
                let cell = page.cell(index)?;
                if let Some(head) = cell.overflow {
                    kept.insert(head, (cell.payload_bytes, *number));
                }
            }
        }
        let mut same: HashSet<u32> = HashSet::new();
        for number in &delta.before {
            let page = self.old.page(*number)?;
            for index in 0..page.cells() {
                let cell = page.cell(index)?;
                let Some(head) = cell.overflow else { continue };
                match kept.get(&head) {
                    Some((bytes, owner)) if *bytes == cell.payload_bytes && !self.touch.head(head) => {
                        same.insert(head);
                        moves.released.push(head);
                        moves.claimed.push((head, Use::Overflow, *owner));
                    }
                    _ => moves.released.extend(self.old.chain(&cell)?),
                }
            }
        }
        for number in &delta.after {
            let page = self.new.page(*number)?;
            for index in 0..page.cells() {
                let cell = page.cell(index)?;
                if cell.overflow.is_some_and(|head| !same.contains(&head)) {
                    let mut above = *number;
                    for link in self.new.chain(&cell)? {
                        moves.claimed.push((link, Use::Overflow, above));
                        above = link;
                    }
                }
            }
        }
        Ok(())
    }
}
