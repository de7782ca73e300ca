//! What differs between two documents, field by field.

use std::collections::HashMap;

use serde::Serialize;

use super::align::{pairs, weave};
use super::tree::{At, Classes, Tree, identities};
use super::value::ValueKind;
use super::{NotFields, Path, Value, leaves, step_to, value_of};

/// What happened to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldChange {
    /// It was absent.
    Added,
    /// It is absent now.
    Removed,
    /// It was there and is there, with another value.
    Changed,
    /// It is what it was.
    Same,
}

/// One field, before and after. As JSON: `{"path", "change", "old", "new"}`; an absent side is `null` there, and `change` tells it from a field
/// that holds `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Where it stands: in the new document, or for a removed one in the old.
    pub path: Path,
    /// What happened to it.
    pub change: FieldChange,
    /// The value before, `None` where it was absent.
    pub old: Option<Value>,
    /// The value after, `None` where it is absent.
    pub new: Option<Value>,
}

impl Row {
    fn new(path: &Path, old: Option<Value>, new: Option<Value>) -> Self {
        let change = match (&old, &new) {
            (None, _) => FieldChange::Added,
            (_, None) => FieldChange::Removed,
            _ => FieldChange::Changed,
        };
        Row { path: path.clone(), change, old, new }
    }
}

/// What differs between two documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldDiff {
    /// The fields, in the order of the new document with removed ones at their old places; those that are the same only if asked for.
    #[serde(rename = "fields")]
    pub rows: Vec<Row>,
    /// How many fields are the same.
    pub unchanged: usize,
    /// Whether the bytes differ although every field is the same: white space, order of members, escapes.
    pub layout_only: bool,
}

/// Compares two documents. `all` gives a row for every field, otherwise only for those that differ.
///
/// Where a field stands against an object or array that is not empty, or where the kinds differ, there is one row with both whole values:
/// emptying a list shows `[1,2]` and `[]`. Objects and arrays that came or went whole show each of their fields.
pub fn diff(old: &[u8], new: &[u8], all: bool) -> Result<FieldDiff, NotFields> {
    between(Some(old), Some(new), all)
}

/// As [`diff`], where a side may be absent as a whole: then all fields of the other came or went.
pub(super) fn between(old: Option<&[u8]>, new: Option<&[u8]>, all: bool) -> Result<FieldDiff, NotFields> {
    let mut classes = Classes::default();
    let before = old.map(|old| Tree::read(old, &mut classes)).transpose()?;
    let after = new.map(|new| Tree::read(new, &mut classes)).transpose()?;
    let mut differ = Differ { classes: &classes, all, path: Path::root(), rows: Vec::new(), unchanged: 0 };
    differ.either(before.as_ref().map(Tree::root), after.as_ref().map(Tree::root));
    let layout_only = old != new && differ.rows.iter().all(|row| row.change == FieldChange::Same);
    Ok(FieldDiff { layout_only, rows: differ.rows, unchanged: differ.unchanged })
}

struct Differ<'c, 't> {
    classes: &'c Classes<'t>,
    all: bool,
    path: Path,
    rows: Vec<Row>,
    unchanged: usize,
}

impl<'t> Differ<'_, 't> {
    fn pair(&mut self, old: At<'t>, new: At<'t>) {
        if old.class() == new.class() {
            return self.same(new);
        }
        // A root cannot be absent, so its first members can be told one by one without confusion.
        let both_filled = self.path.steps().is_empty() || !(old.is_leaf() || new.is_leaf());
        match (old.kind(), new.kind()) {
            (ValueKind::Object, ValueKind::Object) if both_filled => self.objects(old, new),
            (ValueKind::Array, ValueKind::Array) if both_filled => self.arrays(old, new),
            _ => self.rows.push(Row::new(&self.path, Some(value_of(old)), Some(value_of(new)))),
        }
    }

    fn same(&mut self, new: At<'t>) {
        self.unchanged += new.leaf_count();
        if self.all {
            let rows = &mut self.rows;
            leaves(new, &mut self.path, &mut |path, leaf| {
                let value = Some(value_of(leaf));
                rows.push(Row { path: path.clone(), change: FieldChange::Same, old: value.clone(), new: value });
            });
        }
    }

    fn objects(&mut self, old: At<'t>, new: At<'t>) {
        let members = |at: At<'t>| -> HashMap<u32, At<'t>> { at.children().map(|member| (member.name_class(), member)).collect() };
        let names = |at: At<'t>| -> Vec<u32> { at.children().map(At::name_class).collect() };
        let (olds, news) = (members(old), members(new));
        for name in weave(&names(new), &names(old)) {
            self.child(olds.get(&name).copied(), news.get(&name).copied(), 0);
        }
    }

    fn arrays(&mut self, old: At<'t>, new: At<'t>) {
        let (olds, news): (Vec<_>, Vec<_>) = (old.children().collect(), new.children().collect());
        let values = |elements: &[At<'t>]| -> Vec<u32> { elements.iter().map(|e| e.class()).collect() };
        let paired = match identities(&[old, new], self.classes).as_deref() {
            Some([old, new]) => pairs(old, new, true),
            _ => pairs(&values(&olds), &values(&news), false),
        };
        for (i, j) in paired {
            self.child(i.map(|i| olds[i]), j.map(|j| news[j]), j.or(i).unwrap_or_default());
        }
    }

    fn child(&mut self, old: Option<At<'t>>, new: Option<At<'t>>, index: usize) {
        let Some(shown) = new.or(old) else { return };
        self.path.push(step_to(shown, index));
        self.either(old, new);
        self.path.pop();
    }

    fn either(&mut self, old: Option<At<'t>>, new: Option<At<'t>>) {
        let rows = &mut self.rows;
        match (old, new) {
            (Some(old), Some(new)) => self.pair(old, new),
            (Some(old), None) => leaves(old, &mut self.path, &mut |path, leaf| rows.push(Row::new(path, Some(value_of(leaf)), None))),
            (None, Some(new)) => leaves(new, &mut self.path, &mut |path, leaf| rows.push(Row::new(path, None, Some(value_of(leaf))))),
            (None, None) => {}
        }
    }
}
