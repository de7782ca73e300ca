//! The text of a document with the place of every value in it.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde::de::IgnoredAny;

use crate::base::limits;

use super::NotFields;
use super::value::ValueKind;
use crate::base::limits::JSON_VALUES_MAX;

/// Equal values of all trees that are compared have the same number here, and different values have different ones. Exact: no hash is
/// trusted.
#[derive(Default)]
pub(super) struct Classes<'a> {
    known: HashMap<Shape<'a>, u32>,
}

#[derive(PartialEq, Eq, Hash)]
enum Shape<'a> {
    /// `null`, `true`, `false` or a number: as written.
    Word(&'a str),
    /// A string or the name of a member: its characters.
    Text(Cow<'a, str>),
    Array(Box<[u32]>),
    /// Pairs of name and value, sorted.
    Object(Box<[(u32, u32)]>),
}

impl<'a> Classes<'a> {
    fn of(&mut self, shape: Shape<'a>) -> u32 {
        // Three documents of at most JSON_VALUES_MAX values, each with a name, fit well.
        let next = self.known.len() as u32;
        *self.known.entry(shape).or_insert(next)
    }

    /// The class of a string, if one of the trees has it.
    pub(super) fn find_text(&self, text: &'a str) -> Option<u32> {
        self.known.get(&Shape::Text(Cow::Borrowed(text))).copied()
    }
}

#[derive(Clone, Copy)]
struct Node {
    kind: ValueKind,
    /// Bytes of the value in the text.
    start: u32,
    end: u32,
    /// Bytes of the name with its quotes; empty for elements and the root.
    name_start: u32,
    name_end: u32,
    /// Class of the name, meaningless without one.
    name: u32,
    /// Class of the value.
    class: u32,
    /// The first node after this one and all below it.
    next: u32,
}

/// All values of one document in the order of its text.
pub(super) struct Tree<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

impl<'a> Tree<'a> {
    pub(super) fn read(bytes: &'a [u8], classes: &mut Classes<'a>) -> Result<Self, NotFields> {
        if bytes.len() > limits::JSON_FIELDS_BYTES_MAX {
            return Err(NotFields::Large(bytes.len()));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| NotFields::NotUtf8)?;
        let json = text.strip_prefix('\u{feff}').unwrap_or(text);
        // serde_json skips a value without recursion, so this checks the grammar of any depth on a flat stack.
        serde_json::from_str::<IgnoredAny>(json).map_err(|e| NotFields::Syntax { line: e.line(), column: e.column() })?;
        let mut scan = Scan { text, at: text.len() - json.len(), nodes: Vec::new(), classes };
        scan.space();
        scan.value(None, 0)?;
        Ok(Tree { text, nodes: scan.nodes })
    }

    /// The document's own value.
    pub(super) fn root(&self) -> At<'_> {
        At { tree: self, index: 0 }
    }

    /// The whole text, with whatever stands around the root.
    pub(super) fn text(&self) -> &str {
        self.text
    }

    /// All values in the order of the text.
    pub(super) fn all(&self) -> impl Iterator<Item = At<'_>> {
        (0..self.nodes.len()).map(|index| At { tree: self, index })
    }
}

/// Walks text that is known to follow the grammar.
struct Scan<'a, 'c> {
    text: &'a str,
    at: usize,
    nodes: Vec<Node>,
    classes: &'c mut Classes<'a>,
}

/// Bytes and class of a member's name.
#[derive(Clone, Copy)]
struct MemberName {
    start: usize,
    end: usize,
    class: u32,
}

impl<'a> Scan<'a, '_> {
    /// Reads the value at the cursor, below `depth` containers, and gives its class.
    fn value(&mut self, name: Option<MemberName>, depth: usize) -> Result<u32, NotFields> {
        if self.nodes.len() >= JSON_VALUES_MAX {
            return Err(NotFields::Many);
        }
        let (me, start) = (self.nodes.len(), self.at);
        let kind = ValueKind::of_first(self.peek());
        let name = name.unwrap_or(MemberName { start, end: start, class: 0 });
        self.nodes.push(Node {
            kind,
            start: start as u32,
            end: 0,
            name_start: name.start as u32,
            name_end: name.end as u32,
            name: name.class,
            class: 0,
            next: 0,
        });
        if kind.is_container() && depth >= limits::JSON_DEPTH_MAX {
            return Err(NotFields::Deep);
        }
        let class = match kind {
            ValueKind::Object => self.object(depth + 1)?,
            ValueKind::Array => self.array(depth + 1)?,
            ValueKind::String => self.string()?,
            _ => self.word(),
        };
        let next = self.nodes.len() as u32;
        let node = &mut self.nodes[me];
        (node.end, node.class, node.next) = (self.at as u32, class, next);
        Ok(class)
    }

    fn object(&mut self, depth: usize) -> Result<u32, NotFields> {
        let mut members = Vec::new();
        while self.next_item(b'}') {
            let start = self.at;
            let class = self.string()?;
            let name = MemberName { start, end: self.at, class };
            self.space();
            self.at += 1;
            self.space();
            members.push((class, self.value(Some(name), depth)?, start));
        }
        members.sort_unstable();
        if let Some(twice) = members.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[0].2.max(pair[1].2)).min() {
            self.at = twice;
            let line = self.line();
            let end = self.string_end();
            return Err(NotFields::Twice { name: unescaped(&self.text[twice..end]).unwrap_or_default().into_owned(), line });
        }
        Ok(self.classes.of(Shape::Object(members.into_iter().map(|(name, value, _)| (name, value)).collect())))
    }

    fn array(&mut self, depth: usize) -> Result<u32, NotFields> {
        let mut elements = Vec::new();
        while self.next_item(b']') {
            elements.push(self.value(None, depth)?);
        }
        Ok(self.classes.of(Shape::Array(elements.into_boxed_slice())))
    }

    /// Steps over the opening bracket or a comma to the next item, or over the closing bracket.
    fn next_item(&mut self, close: u8) -> bool {
        self.space();
        if self.peek() != close {
            self.at += 1;
            self.space();
            if self.peek() != close {
                return true;
            }
        }
        self.at += 1;
        false
    }

    fn string(&mut self) -> Result<u32, NotFields> {
        let end = self.string_end();
        let text = unescaped(&self.text[self.at..end]).ok_or_else(|| NotFields::NotUnicode { line: self.line() })?;
        self.at = end;
        Ok(self.classes.of(Shape::Text(text)))
    }

    /// The end of the string that begins at the cursor.
    fn string_end(&self) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = self.at + 1;
        while at < bytes.len() && bytes[at] != b'"' {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        (at + 1).min(bytes.len())
    }

    fn word(&mut self) -> u32 {
        let rest = &self.text[self.at..];
        let len = rest.bytes().position(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | b',' | b']' | b'}')).unwrap_or(rest.len());
        self.at += len;
        self.classes.of(Shape::Word(&rest[..len]))
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// The line of the cursor, from 1.
    fn line(&self) -> usize {
        1 + self.text.as_bytes()[..self.at].iter().filter(|&&b| b == b'\n').count()
    }
}

/// The characters of a string token; `None` if they are not Unicode.
fn unescaped(token: &str) -> Option<Cow<'_, str>> {
    if token.contains('\\') { serde_json::from_str::<String>(token).ok().map(Cow::Owned) } else { token.get(1..token.len() - 1).map(Cow::Borrowed) }
}

/// One value in its tree.
#[derive(Clone, Copy)]
pub(super) struct At<'t> {
    tree: &'t Tree<'t>,
    index: usize,
}

impl<'t> At<'t> {
    fn node(self) -> &'t Node {
        &self.tree.nodes[self.index]
    }

    pub(super) fn kind(self) -> ValueKind {
        self.node().kind
    }

    /// Equal values have equal classes, see [`Classes`].
    pub(super) fn class(self) -> u32 {
        self.node().class
    }

    /// The class of the member's name; only meaningful for members.
    pub(super) fn name_class(self) -> u32 {
        self.node().name
    }

    /// The name of a member.
    pub(super) fn name(self) -> Option<Cow<'t, str>> {
        let token = self.name_token();
        if token.is_empty() { None } else { unescaped(token) }
    }

    /// The name with its quotes as written, empty for elements and the root.
    pub(super) fn name_token(self) -> &'t str {
        &self.tree.text[self.node().name_start as usize..self.node().name_end as usize]
    }

    /// From the end of the name to the value: a colon and the space around it, empty without a name.
    pub(super) fn colon(self) -> &'t str {
        if self.name_token().is_empty() { "" } else { &self.tree.text[self.node().name_end as usize..self.node().start as usize] }
    }

    /// The value as written.
    pub(super) fn text(self) -> &'t str {
        &self.tree.text[self.start()..self.end()]
    }

    /// Where the value begins in the text.
    pub(super) fn start(self) -> usize {
        self.node().start as usize
    }

    /// Where the value ends in the text.
    pub(super) fn end(self) -> usize {
        self.node().end as usize
    }

    /// Where the member begins, that is its name, or else the value.
    pub(super) fn item_start(self) -> usize {
        self.node().name_start as usize
    }

    /// The text of the document from one byte to another.
    pub(super) fn between(self, from: usize, to: usize) -> &'t str {
        &self.tree.text[from..to]
    }

    /// A scalar or an empty container.
    pub(super) fn is_leaf(self) -> bool {
        self.node().next as usize == self.index + 1
    }

    /// How many leaves are at or below this value.
    pub(super) fn leaf_count(self) -> usize {
        (self.index..self.node().next as usize).filter(|&index| At { index, ..self }.is_leaf()).count()
    }

    /// Members or elements in order.
    pub(super) fn children(self) -> impl Iterator<Item = At<'t>> {
        let end = self.node().next as usize;
        let mut index = self.index + 1;
        std::iter::from_fn(move || {
            let child = (index < end).then_some(At { tree: self.tree, index })?;
            index = child.node().next as usize;
            Some(child)
        })
    }
}

/// Names of members that may tell elements of an array apart, in order of trust.
const IDENTITIES: [&str; 5] = ["id", "key", "uuid", "nr", "name"];

/// The classes of the members that tell the elements of these arrays apart, one list for each array; `None` if nothing does. Every element
/// of every array must have the member, with a string or a number that is unique in its array.
pub(super) fn identities(arrays: &[At<'_>], classes: &Classes<'_>) -> Option<Vec<Vec<u32>>> {
    if arrays.iter().all(|array| array.is_leaf()) {
        return None;
    }
    IDENTITIES.iter().find_map(|name| {
        let name = classes.find_text(name)?;
        arrays.iter().map(|array| identities_by(*array, name)).collect()
    })
}

fn identities_by(array: At<'_>, name: u32) -> Option<Vec<u32>> {
    let mut seen = HashSet::new();
    array
        .children()
        .map(|element| {
            let member = (element.kind() == ValueKind::Object).then(|| element.children().find(|m| m.name_class() == name))??;
            let tells = matches!(member.kind(), ValueKind::String | ValueKind::Number);
            (tells && seen.insert(member.class())).then(|| member.class())
        })
        .collect()
}
