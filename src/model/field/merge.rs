//! The merge of two descendants of one document, field by field, written into the text of the first.
//!
//! What `theirs` changed since `base` is put into the text of `ours`: every byte of `ours` outside the changed values stays, with its order of
//! members, white space, escapes and digits. New members and elements stand after the neighbour that they follow in `theirs`, laid out as
//! `ours` is.
//!
//! Members of objects merge by name. Elements of arrays merge one by one where they can be told apart (see the module above); elements that
//! cannot are taken from the side that changed the array, and it is a conflict if both did. The order of such elements is that of the side that
//! changed it; if both did, differently, the whole array is a conflict.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::align::{pairs, weave};
use super::layout::{Gaps, Style, brackets, surroundings};
use super::tree::{At, Classes, Tree, identities};
use super::value::ValueKind;
use super::{NotFields, Path, Value, step_to, value_of};

/// One of the two descendants that are merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The document that is kept as it is where nothing else is wanted.
    #[default]
    Ours,
    /// The document whose changes are brought in.
    Theirs,
}

/// A place that both sides changed, to different values. An absent value is `None`, and left out in JSON, where `null` is the value `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// Where: in ours, or where it is absent there in theirs.
    pub path: Path,
    /// The value that both started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<Value>,
    /// The value in ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours: Option<Value>,
    /// The value in theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Value>,
}

/// A merged document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The document; at the conflicts it has the value of the preferred side.
    pub merged: Vec<u8>,
    /// What both sides changed differently, in the order of the document; empty for a clean merge.
    pub conflicts: Vec<Conflict>,
}

/// Merges `ours` and `theirs`, both made from `base`; `prefer` decides the conflicts, which are listed all the same.
///
/// If one side has not changed a byte, or both are the same bytes, the result is the other, of whatever format. A field that one side removed
/// and the other changed is a conflict. Otherwise all three must be JSON: [`NotFields`] means that only a whole document can be chosen.
pub fn merge(base: &[u8], ours: &[u8], theirs: &[u8], prefer: Side) -> Result<Merge, NotFields> {
    merge_by(base, ours, theirs, &|_| prefer)
}

/// Like [`merge`], with a decision for each conflict by where it is.
pub fn merge_by(base: &[u8], ours: &[u8], theirs: &[u8], prefer: &dyn Fn(&Path) -> Side) -> Result<Merge, NotFields> {
    if ours == base || theirs == base || ours == theirs {
        let merged = if ours == base { theirs } else { ours };
        return Ok(Merge { merged: merged.to_vec(), conflicts: Vec::new() });
    }
    let mut classes = Classes::default();
    let (base, ours, theirs) = (Tree::read(base, &mut classes)?, Tree::read(ours, &mut classes)?, Tree::read(theirs, &mut classes)?);
    let mut merger = Merger { classes: &classes, prefer, path: Path::root(), conflicts: Vec::new() };
    // A root is never absent, so neither is its result.
    let root = merger.value(Some(base.root()), Some(ours.root()), Some(theirs.root())).unwrap_or(Out::Ours(ours.root()));
    let (here, there) = (Style::of(&ours), Style::of(&theirs));
    let writer = Writer { verbatim: here.is_none() || here == there, style: here.or(there).unwrap_or_default() };
    let (at, mut merged) = (ours.root(), String::with_capacity(ours.text().len()));
    merged.push_str(at.between(0, at.start()));
    writer.value(&root, 0, &mut merged);
    merged.push_str(at.between(at.end(), ours.text().len()));
    Ok(Merge { merged: merged.into_bytes(), conflicts: merger.conflicts })
}

/// Takes the change from `before` to `after` back out of `current`, which was made from `after`: a merge in which theirs is `before`.
pub fn inverse(before: &[u8], after: &[u8], current: &[u8], prefer: Side) -> Result<Merge, NotFields> {
    merge(after, current, before, prefer)
}

/// Like [`inverse`], with a decision for each conflict by where it is.
pub fn inverse_by(before: &[u8], after: &[u8], current: &[u8], prefer: &dyn Fn(&Path) -> Side) -> Result<Merge, NotFields> {
    merge_by(after, current, before, prefer)
}

/// What the merge decided for one value.
enum Out<'t> {
    /// As in ours, byte for byte.
    Ours(At<'t>),
    /// As in theirs.
    Theirs(At<'t>),
    /// The container of ours with these items.
    Mixed(At<'t>, Vec<Item<'t>>),
}

struct Item<'t> {
    /// Which item of ours it is, from 0, and the item; `None` for a new one.
    ours: Option<(usize, At<'t>)>,
    out: Out<'t>,
}

struct Merger<'c, 't> {
    classes: &'c Classes<'t>,
    prefer: &'c dyn Fn(&Path) -> Side,
    path: Path,
    conflicts: Vec<Conflict>,
}

/// An item of one of the three documents with its place, or nothing where it is absent.
type Place<'t> = Option<(usize, At<'t>)>;

fn same(one: Option<At<'_>>, other: Option<At<'_>>) -> bool {
    one.map(At::class) == other.map(At::class)
}

impl<'t> Merger<'_, 't> {
    /// Merges what stands at one place; `None` is absent.
    fn value(&mut self, base: Option<At<'t>>, ours: Option<At<'t>>, theirs: Option<At<'t>>) -> Option<Out<'t>> {
        if same(ours, theirs) || same(base, theirs) {
            return ours.map(Out::Ours);
        }
        let was = |kind| base.is_none_or(|base| base.kind() == kind);
        let within = match (ours, theirs) {
            (Some(o), Some(t)) if o.kind() == ValueKind::Object && t.kind() == o.kind() && was(o.kind()) => Some(self.objects(base, o, t)),
            (Some(o), Some(t)) if o.kind() == ValueKind::Array && t.kind() == o.kind() && was(o.kind()) => self.arrays(base, o, t),
            _ => None,
        };
        match within {
            Some(out) => Some(out),
            None if same(base, ours) => theirs.map(Out::Theirs),
            None => self.conflict(base, ours, theirs),
        }
    }

    fn conflict(&mut self, base: Option<At<'t>>, ours: Option<At<'t>>, theirs: Option<At<'t>>) -> Option<Out<'t>> {
        let value = |at: Option<At<'t>>| at.map(value_of);
        self.conflicts.push(Conflict { path: self.path.clone(), base: value(base), ours: value(ours), theirs: value(theirs) });
        match (self.prefer)(&self.path) {
            Side::Ours => ours.map(Out::Ours),
            Side::Theirs => theirs.map(Out::Theirs),
        }
    }

    fn objects(&mut self, base: Option<At<'t>>, ours: At<'t>, theirs: At<'t>) -> Out<'t> {
        let names = |at: At<'t>| -> Vec<u32> { at.children().map(At::name_class).collect() };
        let (base_names, our_names, their_names) = (base.map(names).unwrap_or_default(), names(ours), names(theirs));
        let order = weave(&our_names, &their_names);
        self.by_key(base.map(|at| (base_names.as_slice(), at)), (&our_names, ours), (&their_names, theirs), &order)
    }

    fn arrays(&mut self, base: Option<At<'t>>, ours: At<'t>, theirs: At<'t>) -> Option<Out<'t>> {
        let base = base?;
        if let Some([b, o, t]) = identities(&[base, ours, theirs], self.classes).as_deref() {
            let order = order(b, o, t)?;
            return Some(self.by_key(Some((b, base)), (o, ours), (t, theirs), &order));
        }
        same(Some(base), Some(ours)).then(|| self.bring_in(ours, theirs))
    }

    /// Merges the items of containers by their keys, in the given order of keys.
    fn by_key(&mut self, base: Option<(&[u32], At<'t>)>, ours: (&[u32], At<'t>), theirs: (&[u32], At<'t>), order: &[u32]) -> Out<'t> {
        let places =
            |(keys, at): (&[u32], At<'t>)| -> HashMap<u32, (usize, At<'t>)> { keys.iter().copied().zip(at.children().enumerate()).collect() };
        let (b, o, t) = (base.map(places).unwrap_or_default(), places(ours), places(theirs));
        let items = order.iter().filter_map(|key| self.item(b.get(key).copied(), o.get(key).copied(), t.get(key).copied())).collect();
        mixed(ours.1, items)
    }

    /// Makes an array that is as it was into theirs, keeping the text of the elements that stay.
    fn bring_in(&mut self, ours: At<'t>, theirs: At<'t>) -> Out<'t> {
        let (os, ts): (Vec<_>, Vec<_>) = (ours.children().enumerate().collect(), theirs.children().enumerate().collect());
        let classes = |places: &[(usize, At<'t>)]| -> Vec<u32> { places.iter().map(|(_, at)| at.class()).collect() };
        let paired = pairs(&classes(&os), &classes(&ts), false);
        let items = paired.into_iter().filter_map(|(i, j)| {
            let o = i.map(|i| os[i]);
            self.item(o, o, j.map(|j| ts[j]))
        });
        mixed(ours, items.collect())
    }

    fn item(&mut self, base: Place<'t>, ours: Place<'t>, theirs: Place<'t>) -> Option<Item<'t>> {
        let (index, shown) = ours.or(theirs).or(base)?;
        self.path.push(step_to(shown, index));
        let at = |place: Place<'t>| place.map(|(_, at)| at);
        let out = self.value(at(base), at(ours), at(theirs));
        self.path.pop();
        out.map(|out| Item { ours, out })
    }
}

/// The order of the elements that two sides have: that of the side that moved some, with the other's new ones woven in; `None` if both moved
/// some, to different places.
fn order(base: &[u32], ours: &[u32], theirs: &[u32]) -> Option<Vec<u32>> {
    let set = |keys: &[u32]| -> HashSet<u32> { keys.iter().copied().collect() };
    let (in_base, in_ours, in_theirs) = (set(base), set(ours), set(theirs));
    let common = |keys: &[u32]| -> Vec<u32> {
        keys.iter().copied().filter(|key| in_base.contains(key) && in_ours.contains(key) && in_theirs.contains(key)).collect()
    };
    let (was, here, there) = (common(base), common(ours), common(theirs));
    if there == was || there == here { Some(weave(ours, theirs)) } else { (here == was).then(|| weave(theirs, ours)) }
}

/// A container of ours with these items, or itself where they are just its own.
fn mixed<'t>(ours: At<'t>, items: Vec<Item<'t>>) -> Out<'t> {
    let own = |(i, item): (usize, &Item<'t>)| matches!(item.out, Out::Ours(_)) && item.ours.is_some_and(|(index, _)| index == i);
    if items.len() == ours.children().count() && items.iter().enumerate().all(own) { Out::Ours(ours) } else { Out::Mixed(ours, items) }
}

struct Writer<'t> {
    /// Whether text of theirs can be taken as it is.
    verbatim: bool,
    style: Style<'t>,
}

impl<'t> Writer<'t> {
    fn value(&self, out: &Out<'t>, level: usize, text: &mut String) {
        match out {
            Out::Ours(at) => text.push_str(at.text()),
            Out::Theirs(at) if self.verbatim => text.push_str(at.text()),
            Out::Theirs(at) => self.style.write(*at, level, text),
            Out::Mixed(ours, items) => self.mixed(*ours, items, level, text),
        }
    }

    fn mixed(&self, ours: At<'t>, items: &[Item<'t>], level: usize, text: &mut String) {
        let Some((open, close)) = brackets(ours.kind()) else { return };
        let (gaps, around) = (Gaps::of(ours), surroundings(ours));
        text.push(open);
        self.style.write_items(
            gaps.as_ref(),
            items,
            level,
            text,
            |item| item.ours.and_then(|(index, _)| around.get(index).copied()),
            |item, text| {
                match (&item.ours, &item.out) {
                    (Some((_, at)), _) => text.push_str(at.between(at.item_start(), at.start())),
                    (None, Out::Ours(at) | Out::Theirs(at) | Out::Mixed(at, _)) => self.style.write_name(*at, text),
                }
                self.value(&item.out, level + 1, text);
            },
        );
        text.push(close);
    }
}
