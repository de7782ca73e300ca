//! Finding documents by name, by what a field says, by a reference or by who recorded them; and batches by what they touched.
//!
//! Everything walks the catalogue in pages and holds one document at a time.

use std::collections::{BTreeMap, HashMap};

use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::model::field::{self, Path};
use crate::model::key::{parse_key, show_key};
use crate::model::moment::Moment;
use crate::storage::catalog;

use super::history::{BatchInfo, Event, Version, View, Which, event};
use super::store::Tenant;

/// Documents fetched from the catalogue at a time.
const PAGE: usize = 512;
/// What opening a document costs, where looking at a name costs one.
const OPENED: usize = 50;
/// How much is looked at between two calls of the consumer's iterator, so that it can be stopped.
const EFFORT: usize = 50_000;

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    /// This byte.
    Byte(u8),
    /// Any one character but `/`.
    One,
    /// Any run without `/`.
    Run,
    /// Any run.
    Across,
}

/// What a document is called: with `*` (anything but `/`), `**` (anything) or `?` (one character) the whole key must match, or its last part
/// where the pattern has neither `/` nor `**`; without wildcards the text stands somewhere in the key, in upper or lower case. `\xNN` is a
/// byte, as in keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    tokens: Vec<Token>,
    /// The text in lower case, where there is no wildcard.
    inside: Option<String>,
    /// Only the last part of the key is looked at.
    last_part: bool,
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Self {
        if !text.contains(['*', '?']) {
            return Pattern { tokens: Vec::new(), inside: Some(show_key(&parse_key(text)).to_lowercase()), last_part: false };
        }
        Pattern { last_part: !text.contains('/') && !text.contains("**"), ..Self::whole(text) }
    }

    /// Reads a pattern that must match the whole name, also where it has no wildcard.
    pub fn whole(text: &str) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let literal = rest.find(['*', '?']).unwrap_or(rest.len());
            tokens.extend(parse_key(&rest[..literal]).into_iter().map(Token::Byte));
            rest = &rest[literal..];
            if let Some(after) = rest.strip_prefix("**") {
                tokens.push(Token::Across);
                rest = after;
            } else if let Some(after) = rest.strip_prefix('*') {
                tokens.push(Token::Run);
                rest = after;
            } else if let Some(after) = rest.strip_prefix('?') {
                tokens.push(Token::One);
                rest = after;
            }
        }
        Pattern { tokens, inside: None, last_part: false }
    }

    /// What every matching key begins with.
    pub fn prefix(&self) -> Vec<u8> {
        let byte = |token: &Token| match token {
            Token::Byte(b) => Some(*b),
            _ => None,
        };
        if self.last_part { Vec::new() } else { self.tokens.iter().map_while(byte).collect() }
    }

    /// Whether a key matches. Costs at most the length of the key times that of the pattern.
    pub fn matches(&self, key: &[u8]) -> bool {
        if let Some(inside) = &self.inside {
            return show_key(key).to_lowercase().contains(inside);
        }
        let key = if self.last_part { key.rsplit(|b| *b == b'/').next().unwrap_or(key) } else { key };
        // Which tokens could come next, after each byte of the key; the end of the pattern is one more place.
        let (mut places, mut next) = (vec![false; self.tokens.len() + 1], vec![false; self.tokens.len() + 1]);
        places[0] = true;
        self.skip_runs(&mut places);
        for (i, &byte) in key.iter().enumerate() {
            next.fill(false);
            let last_of_character = key.get(i + 1).is_none_or(|b| b & 0xc0 != 0x80);
            for (at, token) in self.tokens.iter().enumerate().filter(|(at, _)| places[*at]) {
                match token {
                    Token::Byte(b) => next[at + 1] |= *b == byte,
                    Token::One if byte == b'/' => {}
                    Token::One => next[if last_of_character { at + 1 } else { at }] = true,
                    Token::Run => next[at] |= byte != b'/',
                    Token::Across => next[at] = true,
                }
            }
            std::mem::swap(&mut places, &mut next);
            self.skip_runs(&mut places);
        }
        places[self.tokens.len()]
    }

    /// A run may be empty.
    fn skip_runs(&self, places: &mut [bool]) {
        for (at, token) in self.tokens.iter().enumerate() {
            if places[at] && matches!(token, Token::Run | Token::Across) {
                places[at + 1] = true;
            }
        }
    }
}

/// A condition on a JSON document: a field that has a value. A path without places in arrays means any element: `lines.qty`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldIs {
    path: Path,
    value: String,
}

impl FieldIs {
    /// Reads `path=value`. The value is the characters of a string or the JSON text of anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let parts = text.match_indices('=').find_map(|(at, _)| Some((text[..at].trim().parse::<Path>().ok()?, &text[at + 1..])));
        match parts {
            Some((path, value)) => Ok(FieldIs { path, value: value.to_owned() }),
            None => Err(Error::usage("find.field", format!("not a condition on a field: {text}")).hint("write path=value, for example status=open")),
        }
    }

    /// Whether a document says so. One that is not JSON says nothing.
    pub fn holds(&self, document: &[u8]) -> bool {
        if !field::has_fields(document) {
            return false;
        }
        let fields = field::fields(document).unwrap_or_default();
        let is_meant = |path: &Path| self.path.concerns(path) && self.path.without_places() == path.without_places();
        fields.iter().any(|f| is_meant(&f.path) && (f.value.plain() == self.value || f.value.json() == self.value))
    }
}

/// What to look for; all that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The name.
    pub name: Option<Pattern>,
    /// Fields of JSON documents.
    pub fields: Vec<FieldIs>,
    /// System and id of a reference. References have no past: their newest state counts at every moment.
    pub reference: Option<(String, String)>,
    /// Who recorded any version up to then, or removed it: the newest such version is the one that is found.
    pub actor: Option<String>,
    /// Also documents that were removed by then, as their last version.
    pub removed: bool,
}

/// Documents that answer a [`Query`], each with the version that does, in order of key.
pub struct Finding {
    view: View,
    query: Query,
    page: std::vec::IntoIter<Version>,
    /// Where the next page begins; `None` behind the last.
    next: Option<Option<Vec<u8>>>,
}

/// Some of the documents that answer a [`Query`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Each with the version that answers, in order of key.
    pub rows: Vec<Version>,
    /// The key after which to go on; `None` where all documents were looked at.
    pub next: Option<Vec<u8>>,
}

impl View {
    /// This moment, fixed also while others record.
    fn pinned(&self) -> Result<View> {
        Ok(View { tenant: self.tenant.clone(), seq: Some(self.seq()?) })
    }

    /// Looks for documents as they were at this moment.
    pub fn find(&self, query: Query) -> Result<Finding> {
        Ok(Finding { view: self.pinned()?, query, page: Vec::new().into_iter(), next: Some(None) })
    }

    /// Looks for documents as they were at this moment, behind the key `after`, until `limit` are found or as much work is done as `effort`
    /// allows: a name that is looked at is one piece of it, a document that is opened fifty.
    pub fn find_page(&self, query: &Query, after: Option<&[u8]>, limit: usize, effort: usize) -> Result<Found> {
        let view = self.pinned()?;
        let which = if query.removed { Which::Both } else { Which::Existing };
        let opens = !query.fields.is_empty() || query.actor.is_some();
        let prefix = query.name.as_ref().map(Pattern::prefix).unwrap_or_default();
        let mut referred = query.reference.as_ref().map(|(system, id)| self.tenant.find_ref(system, id)).transpose()?;
        if let Some(keys) = &mut referred {
            keys.sort();
            keys.retain(|key| after.is_none_or(|after| key.as_slice() > after));
        }
        let (mut found, mut done, mut last) = (Vec::new(), 0, after.map(<[u8]>::to_vec));
        loop {
            let (page, whole) = view.tenant.inner.catalog.read(|rows| {
                let documents = match &referred {
                    Some(keys) => keys.iter().filter_map(|key| rows.document(view.tenant.id, key).transpose()).collect::<Result<Vec<_>>>()?,
                    None => rows.documents(view.tenant.id, &prefix, last.as_deref(), PAGE)?,
                };
                let whole = referred.is_some() || documents.len() < PAGE;
                let mut events: HashMap<i64, Event> = HashMap::new();
                let mut event = |batch| match events.get(&batch) {
                    Some(known) => Ok(known.clone()),
                    None => event(rows, batch).inspect(|found| drop(events.insert(batch, found.clone()))),
                };
                let mut page: Vec<(Vec<u8>, Option<Version>)> = Vec::with_capacity(documents.len());
                for document in documents {
                    let named = query.name.as_ref().is_none_or(|name| name.matches(&document.key));
                    let state = if named { view.state(rows, &document, which, &mut event)? } else { None };
                    page.push((document.key, state));
                }
                Ok((page, whole))
            })?;
            for (key, state) in page {
                done += if opens && state.is_some() { OPENED } else { 1 };
                last = Some(key);
                if let Some(version) = state.map(|version| view.answer(query, version)).transpose()?.flatten() {
                    found.push(version);
                }
                if found.len() >= limit || done >= effort {
                    return Ok(Found { rows: found, next: last });
                }
            }
            if whole {
                return Ok(Found { rows: found, next: None });
            }
        }
    }

    /// The version of the candidate's document that answers: the candidate itself, or with an actor the newest one that this actor had to do with.
    fn answer(&self, query: &Query, candidate: Version) -> Result<Option<Version>> {
        let Some(actor) = &query.actor else { return Ok(self.tenant.fields_hold(&candidate, &query.fields)?.then_some(candidate)) };
        for version in self.history(&candidate.key)?.into_iter().rev() {
            let removed_by = || version.removed_here(self) && version.until.as_ref().is_some_and(|e| e.actor == *actor);
            if (version.from.actor == *actor || removed_by()) && self.tenant.fields_hold(&version, &query.fields)? {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }

    /// The version of `key` at this moment, or its last one where it had been removed; `None` before it existed.
    pub fn last_version(&self, key: &[u8]) -> Result<Option<Version>> {
        self.tenant.inner.catalog.read(|rows| match rows.document(self.tenant.id, key)? {
            Some(document) => self.state(rows, &document, Which::Both, &mut |batch| event(rows, batch)),
            None => Ok(None),
        })
    }
}

impl Iterator for Finding {
    type Item = Result<Version>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(version) = self.page.next() {
                return Some(Ok(version));
            }
            let after = self.next.take()?;
            match self.view.find_page(&self.query, after.as_deref(), PAGE, EFFORT) {
                Err(e) => return Some(Err(e)),
                Ok(found) => {
                    self.page = found.rows.into_iter();
                    self.next = found.next.map(Some);
                }
            }
        }
    }
}

impl Version {
    /// Whether the removal that ended this version had happened by the moment of `view`.
    fn removed_here(&self, view: &View) -> bool {
        let ended = self.until.as_ref().map(|e| e.seq);
        self.removed && ended.is_some_and(|ended| view.seq.is_none_or(|seq| ended <= seq))
    }
}

/// One document of a group that is looked at together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// It existed at that moment.
    Exists(Box<Version>),
    /// It did not exist yet; this became its first version.
    NotYet(Box<Version>),
    /// It had been removed; this was its last version.
    Removed(Box<Version>),
}

impl Member {
    /// The version that is shown for it.
    pub fn version(&self) -> &Version {
        match self {
            Member::Exists(v) | Member::NotYet(v) | Member::Removed(v) => v,
        }
    }
}

impl Tenant {
    /// Whether all `fields` hold in a version. A version too large to be seen as fields says nothing.
    pub fn fields_hold(&self, version: &Version, fields: &[FieldIs]) -> Result<bool> {
        if fields.is_empty() {
            return Ok(true);
        }
        if version.size > limits::JSON_FIELDS_BYTES_MAX as u64 || version.forgotten.is_some() {
            return Ok(false);
        }
        let bytes = self.open(version)?.bytes(limits::JSON_FIELDS_BYTES_MAX)?;
        Ok(fields.iter().all(|f| f.holds(&bytes)))
    }

    /// Calls `each` with the documents whose key matches `pattern`, as they stood after batch `seq` (0: before the first). The conditions
    /// on fields are looked at in the version that is shown.
    pub fn each_member(&self, pattern: &Pattern, fields: &[FieldIs], seq: u64, each: &mut dyn FnMut(Member) -> Result<()>) -> Result<()> {
        let (view, prefix) = (self.at(&Moment::Seq(seq))?, pattern.prefix());
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.inner.catalog.read(|rows| rows.documents(self.id, &prefix, after.as_deref(), PAGE))?;
            for document in page.iter().filter(|d| d.versions > 0 && pattern.matches(&d.key)) {
                let member = self.member(&view, &document.key)?;
                if self.fields_hold(member.version(), fields)? {
                    each(member)?;
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.key.clone()),
                _ => return Ok(()),
            }
        }
    }

    /// A document that has a version, as it is shown at the moment of `view`.
    pub(crate) fn member(&self, view: &View, key: &[u8]) -> Result<Member> {
        Ok(match view.last_version(key)? {
            Some(v) if v.removed_here(view) => Member::Removed(Box::new(v)),
            Some(v) => Member::Exists(Box::new(v)),
            None => Member::NotYet(Box::new(self.find_version(key, Some(&Moment::Version(1)))?)),
        })
    }

    /// Whether any document under `prefix` was ever recorded.
    pub fn has_ever(&self, prefix: &[u8]) -> Result<bool> {
        Ok(!self.inner.catalog.read(|rows| rows.documents(self.id, prefix, None, 1))?.is_empty())
    }

    /// Batches before `before` (0: from the newest on), newest first, at most `limit`.
    pub fn batches_before(&self, before: u64, limit: usize) -> Result<Vec<BatchInfo>> {
        let end = self.position()?.seq;
        let last = if before == 0 { end } else { end.min(before - 1) };
        if last == 0 || limit == 0 {
            return Ok(Vec::new());
        }
        let first = last.saturating_sub(limit as u64 - 1).max(1);
        let mut page = self.batches(first, last, limit)?;
        page.reverse();
        Ok(page)
    }

    /// The batches that put or removed something under `prefix`, newest first, each with how many of its changes did. Costs what ever changed
    /// under the prefix.
    pub fn batches_touching(&self, prefix: &[u8]) -> Result<Vec<(u64, u64)>> {
        let mut found: BTreeMap<u64, u64> = BTreeMap::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.inner.catalog.read(|rows| {
                let page = rows.documents(self.id, prefix, after.as_deref(), PAGE)?;
                for document in &page {
                    for version in rows.versions(document.id)? {
                        *found.entry(catalog::number(version.batch)).or_default() += 1;
                    }
                }
                Ok(page)
            })?;
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.key.clone()),
                _ => return Ok(found.into_iter().rev().collect()),
            }
        }
    }

    /// One batch of the log without its changes.
    pub fn batch_at(&self, seq: u64) -> Result<BatchInfo> {
        let found = if seq == 0 { None } else { self.batches(seq, seq, 1)?.pop() };
        found.ok_or_else(|| Error::missing("batch.missing", format!("there is no batch {seq}")).hint("annals log lists the batches").at_seq(seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn matches(pattern: &str, key: &str) -> bool {
        Pattern::parse(pattern).matches(key.as_bytes())
    }

    #[test]
    fn wildcards_and_substrings() {
        for (pattern, key, want) in [
            ("case/*", "case/1", true),
            ("case/*", "case/1/a", false),
            ("case/**", "case/1/a", true),
            ("*.txt", "a/b/c.txt", true),
            ("b*", "a/b/c.txt", false),
            ("**.txt", "a/b/c.txt", true),
            ("case/?", "case/å", true),
            ("case/?", "case/12", false),
            ("a?c", "a/c", false),
            ("*", "", true),
            ("rapport", "Brev/RAPPORT-1.docx", true),
            ("rapport", "brev/1", false),
            (r"\x2a", "a*b", true),
            (r"*\xff", "a", false),
        ] {
            assert_eq!(matches(pattern, key), want, "{pattern} {key}");
        }
        assert_eq!(Pattern::parse("case/2018-*").prefix(), b"case/2018-");
        assert!(Pattern::whole("case/1").matches(b"case/1") && !Pattern::whole("case/1").matches(b"case/10"));
        assert!(Pattern::whole("").prefix().is_empty());
    }

    #[test]
    fn fields_are_compared_as_people_write_them() {
        let text = br#"{"klient":38754,"note":"","lines":[{"qty":1.0},{"qty":3}],"tags":["red"],"x":null,"deep":{"a":"3"}}"#;
        for (condition, want) in [
            ("klient=38754", true),
            ("note=", true),
            ("klient=3875", false),
            ("lines.qty=3", true),
            ("lines[0].qty=3", false),
            ("lines.qty=1.0", true),
            ("tags=red", true),
            ("x=null", true),
            ("deep=3", false),
            ("missing=", false),
        ] {
            assert_eq!(FieldIs::parse(condition).expect(condition).holds(text), want, "{condition}");
        }
        assert!(!FieldIs::parse("a=b").expect("condition").holds(b"a=b"));
        assert_eq!(FieldIs::parse("nothing").expect_err("no =").code(), "find.field");
    }

    proptest! {
        #[test]
        fn a_name_matches_itself_and_its_prefix_with_a_star(key in "[a-c/*?å]{0,12}", cut in 0usize..12) {
            let escaped: String = key.chars().map(|c| if matches!(c, '*' | '?') { format!("\\x{:02x}", c as u32) } else { c.to_string() }).collect();
            prop_assert!(Pattern::whole(&escaped).matches(key.as_bytes()));
            let head: String = key.chars().take(cut).filter(|c| !matches!(c, '*' | '?')).collect();
            let pattern = format!("{head}**");
            prop_assert_eq!(Pattern::parse(&pattern).matches(key.as_bytes()), key.starts_with(&head));
        }
    }
}
