//! How a document is laid out: what stands between its tokens, and writing values of another document in the same way.

use super::tree::{At, Tree};
use super::value::ValueKind;

/// The white space of a document, read from its first containers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Style<'t> {
    /// The line break, empty if the document stands on one line.
    newline: &'t str,
    /// One level of indentation.
    indent: &'t str,
    /// The colon with the space around it.
    colon: &'t str,
    /// What follows a comma where the line goes on.
    gap: &'t str,
}

impl<'t> Style<'t> {
    const COMPACT: Style<'static> = Style { newline: "", indent: "", colon: ":", gap: "" };

    /// `None` if the document shows nothing of it: a scalar or an empty container.
    pub(super) fn of(tree: &'t Tree<'t>) -> Option<Self> {
        let root = tree.root();
        let lead = Gaps::of(root)?.first;
        let newline = ["\r\n", "\n"].into_iter().find(|n| lead.contains(n)).unwrap_or_default();
        let indent = if newline.is_empty() { "" } else { &lead[lead.rfind('\n').map_or(0, |at| at + 1)..] };
        let colon = tree.all().map(At::colon).find(|colon| !colon.is_empty());
        let spaced = !newline.is_empty() || colon.is_some_and(|colon| colon.len() > 1);
        let gap = tree.all().filter(|at| at.kind().is_container()).filter_map(Gaps::of).find_map(|gaps| gaps.second.filter(|g| !g.contains('\n')));
        let colon = colon.unwrap_or(if spaced { ": " } else { ":" });
        Some(Style { newline, indent, colon, gap: gap.unwrap_or(if spaced { " " } else { "" }) })
    }

    /// What stands before an item `level` levels deep: the line break and its indentation, or nothing.
    pub(super) fn lead(&self, level: usize) -> String {
        if self.newline.is_empty() { String::new() } else { format!("{}{}", self.newline, self.indent.repeat(level)) }
    }

    /// What stands after a comma before an item `level` levels deep.
    fn next_lead(&self, level: usize) -> String {
        if self.newline.is_empty() { self.gap.to_owned() } else { self.lead(level) }
    }

    /// Writes a value at `level` in this style; its scalars stay as written.
    pub(super) fn write(&self, at: At<'_>, level: usize, out: &mut String) {
        let Some((open, close)) = brackets(at.kind()) else { return out.push_str(at.text()) };
        out.push(open);
        for (i, child) in at.children().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str(&if i > 0 { self.next_lead(level + 1) } else { self.lead(level + 1) });
            self.write_name(child, out);
            self.write(child, level + 1, out);
        }
        if !at.is_leaf() {
            out.push_str(&self.lead(level));
        }
        out.push(close);
    }

    /// Writes the name of a member and its colon; nothing for an element.
    pub(super) fn write_name(&self, member: At<'_>, out: &mut String) {
        let token = member.name_token();
        if !token.is_empty() {
            out.push_str(token);
            out.push_str(self.colon);
        }
    }

    /// Writes the items of a container that had `gaps`. `kept` tells of an item what stood before and after it in the container, where it was
    /// there before; `write` writes it.
    pub(super) fn write_items<T>(
        &self,
        gaps: Option<&Gaps<'t>>,
        items: &[T],
        level: usize,
        out: &mut String,
        kept: impl Fn(&T) -> Option<Kept<'t>>,
        mut write: impl FnMut(&T, &mut String),
    ) {
        for (i, item) in items.iter().enumerate() {
            let kept = kept(item);
            match (kept.filter(|kept| kept.first == (i == 0)), gaps) {
                (Some(kept), _) => out.push_str(kept.lead),
                (None, Some(gaps)) if i == 0 => out.push_str(gaps.first),
                (None, Some(gaps)) => out.push_str(gaps.second.unwrap_or(if gaps.first.contains('\n') { gaps.first } else { self.gap })),
                (None, None) => out.push_str(&if i == 0 { self.lead(level + 1) } else { self.next_lead(level + 1) }),
            }
            write(item, out);
            if i + 1 < items.len() {
                out.push_str(kept.map_or("", |kept| kept.trail));
                out.push(',');
            }
        }
        match gaps {
            _ if items.is_empty() => {}
            Some(gaps) => out.push_str(gaps.tail),
            None => out.push_str(&self.lead(level)),
        }
    }
}

/// The white space inside one container that is not empty.
pub(super) struct Gaps<'t> {
    /// Before the first item.
    first: &'t str,
    /// Between the first comma and the second item.
    second: Option<&'t str>,
    /// Between the last item and the closing bracket.
    tail: &'t str,
}

impl<'t> Gaps<'t> {
    /// `None` for a scalar or an empty container.
    pub(super) fn of(container: At<'t>) -> Option<Self> {
        let mut children = container.children();
        let first = children.next()?;
        let second = children.next();
        let last = container.children().last()?;
        Some(Gaps {
            first: container.between(container.start() + 1, first.item_start()),
            second: second.map(|second| around_comma(first, second).1),
            tail: container.between(last.end(), container.end() - 1),
        })
    }
}

/// What stands around one item of a container.
#[derive(Clone, Copy)]
pub(super) struct Kept<'t> {
    /// Whether it is the first.
    first: bool,
    /// From the bracket or comma to it.
    lead: &'t str,
    /// From it to the comma; empty for the last.
    trail: &'t str,
}

/// What stands around each item of a container, in order.
pub(super) fn surroundings<'t>(container: At<'t>) -> Vec<Kept<'t>> {
    let children: Vec<At<'t>> = container.children().collect();
    let lead = |i: usize| match i.checked_sub(1) {
        Some(before) => around_comma(children[before], children[i]).1,
        None => container.between(container.start() + 1, children[i].item_start()),
    };
    let trail = |i: usize| children.get(i + 1).map_or("", |next| around_comma(children[i], *next).0);
    (0..children.len()).map(|i| Kept { first: i == 0, lead: lead(i), trail: trail(i) }).collect()
}

fn around_comma<'t>(one: At<'t>, next: At<'t>) -> (&'t str, &'t str) {
    one.between(one.end(), next.item_start()).split_once(',').unwrap_or_default()
}

/// The brackets of a container.
pub(super) fn brackets(kind: ValueKind) -> Option<(char, char)> {
    match kind {
        ValueKind::Object => Some(('{', '}')),
        ValueKind::Array => Some(('[', ']')),
        _ => None,
    }
}

/// A value without white space between its tokens.
pub(super) fn compact(at: At<'_>) -> String {
    let mut out = String::with_capacity(at.text().len());
    Style::COMPACT.write(at, 0, &mut out);
    out
}
