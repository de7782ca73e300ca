//! What a reader expects next. Writer and reader run the same predictor over the same changes, so what it guesses right costs nothing.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::base::error::Result;
use crate::model::change::Meta;

use super::{Known, damaged};

/// Metadata without the part that differs from version to version: the modification time is only there or not.
pub(super) fn without_time(meta: &Meta) -> Meta {
    Meta { mtime_ns: meta.mtime_ns.map(|_| 0), ..meta.clone() }
}

/// Follows the changes of a slice.
pub(super) struct Predictor<'a> {
    known: &'a dyn Known,
    documents_before: u64,
    documents: u64,
    contents: u64,
    current: HashMap<u64, (u64, Meta)>,
    previous_put: Option<Meta>,
}

impl<'a> Predictor<'a> {
    pub(super) fn new(known: &'a dyn Known, documents_before: u64, contents_before: u64) -> Self {
        Predictor { known, documents_before, documents: documents_before, contents: contents_before, current: HashMap::new(), previous_put: None }
    }

    /// The ordinal that the next new document gets.
    pub(super) fn next_document(&self) -> u64 {
        self.documents
    }

    /// The ordinal that the next new content gets.
    pub(super) fn next_content(&self) -> u64 {
        self.contents
    }

    /// A document is named; whether it is new. A number beyond the next new one is damage.
    pub(super) fn name_document(&mut self, document: u64) -> Result<bool> {
        if document > self.documents {
            return Err(damaged("a document out of order"));
        }
        let new = document == self.documents;
        self.documents += u64::from(new);
        Ok(new)
    }

    /// The content that the document has now, where it has one.
    pub(super) fn content_of(&self, document: u64) -> Result<Option<u64>> {
        match self.current.get(&document) {
            Some((content, _)) => Ok(Some(*content)),
            None if document < self.documents_before => self.known.content_of(document),
            None => Ok(None),
        }
    }

    /// The metadata without time that the document has now, where it has some.
    pub(super) fn meta_of(&self, document: u64) -> Result<Option<Meta>> {
        match self.current.get(&document) {
            Some((_, meta)) => Ok(Some(meta.clone())),
            None if document < self.documents_before => Ok(self.known.meta_of(document)?.as_ref().map(without_time)),
            None => Ok(None),
        }
    }

    /// The metadata without time of the put before this one.
    pub(super) fn previous_put(&self) -> Option<&Meta> {
        self.previous_put.as_ref()
    }

    /// A put happens; whether its content is new. `meta` is without time.
    pub(super) fn put(&mut self, document: u64, content: u64, meta: Meta) -> Result<bool> {
        if content > self.contents {
            return Err(damaged("a content out of order"));
        }
        let new = content == self.contents;
        self.contents += u64::from(new);
        self.current.insert(document, (content, meta.clone()));
        self.previous_put = Some(meta);
        Ok(new)
    }
}

/// Remembers answers, because a reader asks twice: to decode, and to prove that the bytes are the canonical ones.
pub(super) struct Memo<'a> {
    known: &'a dyn Known,
    contents: RefCell<HashMap<u64, Option<u64>>>,
    sizes: RefCell<HashMap<u64, u64>>,
    metas: RefCell<HashMap<u64, Option<Meta>>>,
}

impl<'a> Memo<'a> {
    pub(super) fn new(known: &'a dyn Known) -> Self {
        Memo { known, contents: RefCell::default(), sizes: RefCell::default(), metas: RefCell::default() }
    }
}

fn remember<T: Clone>(memory: &RefCell<HashMap<u64, T>>, id: u64, ask: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(answer) = memory.borrow().get(&id) {
        return Ok(answer.clone());
    }
    let answer = ask()?;
    memory.borrow_mut().insert(id, answer.clone());
    Ok(answer)
}

impl Known for Memo<'_> {
    fn content_of(&self, document: u64) -> Result<Option<u64>> {
        remember(&self.contents, document, || self.known.content_of(document))
    }

    fn content_size(&self, content: u64) -> Result<u64> {
        remember(&self.sizes, content, || self.known.content_size(content))
    }

    fn meta_of(&self, document: u64) -> Result<Option<Meta>> {
        remember(&self.metas, document, || self.known.meta_of(document))
    }
}
