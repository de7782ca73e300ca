//! Routes of documents.

use super::{ANSWER, Given, PUTS, Route, Sent, Work};
use crate::face::api::documents;

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/api/v1/document",
        id: "getDocument",
        group: "documents",
        says: "The bytes of a document, now or as it was. HEAD gives the headers alone. Annals-Digest is the BLAKE3 of the whole.",
        takes: &["key", "tenant", "at", "Range", "If-Range", "If-None-Match"],
        fails: &[304, 404, 416],
        work: Work::Answer(documents::get),
        ..ANSWER
    },
    Route {
        method: "PUT",
        path: "/api/v1/document",
        id: "putDocument",
        group: "documents",
        says: "Records the body as a new version. 201 where it was recorded now, 200 where this request was recorded before. However large: it is \
               never held in memory.",
        takes: PUTS,
        sent: Sent::Bytes,
        status: 201,
        given: Given::Object("annals.put/1", "Put"),
        fails: &[409, 412, 507],
        work: Work::Answer(documents::put),
        ..ANSWER
    },
    Route {
        method: "DELETE",
        path: "/api/v1/document",
        id: "removeDocument",
        group: "documents",
        says: "Ends the existence of a document. Its versions stay, and undo brings it back.",
        takes: &["key", "tenant", "actor", "reason", "Idempotency-Key", "If-Match"],
        given: Given::Object("annals.rm/1", "Removed"),
        fails: &[404, 409, 412],
        work: Work::Answer(documents::remove),
        ..ANSWER
    },
    Route {
        path: "/api/v1/document/about",
        id: "aboutDocument",
        group: "documents",
        says: "Everything about one version: its existence, who recorded it and why, references, batch.",
        takes: &["key", "tenant", "at"],
        given: Given::Object("annals.show/1", "About"),
        fails: &[404],
        work: Work::Answer(documents::about),
        ..ANSWER
    },
    Route {
        path: "/api/v1/document/history",
        id: "documentHistory",
        group: "documents",
        says: "Every version of a document, the newest first.",
        takes: &["key", "tenant", "at", "before", "limit"],
        given: Given::Rows("annals.log/1", "Version"),
        fails: &[404],
        work: Work::Answer(documents::history),
        ..ANSWER
    },
    Route {
        path: "/api/v1/document/fields",
        id: "documentFields",
        group: "documents",
        says: "Which field changed when, from what to what, by whom; the newest change first.",
        takes: &["key", "tenant", "field", "range", "after", "limit"],
        given: Given::Rows("annals.fields/1", "FieldChange"),
        fails: &[404],
        work: Work::Answer(documents::fields),
        ..ANSWER
    },
    Route {
        path: "/api/v1/document/diff",
        id: "documentDiff",
        group: "documents",
        says: "How two versions of a document differ: fields of JSON, lines of text, sizes and digests of bytes.",
        takes: &["key", "tenant", "old", "new", "all"],
        given: Given::Object("annals.diff/1", "Difference"),
        fails: &[404],
        work: Work::Answer(documents::diff),
        ..ANSWER
    },
    Route {
        path: "/api/v1/documents",
        id: "listDocuments",
        group: "documents",
        says: "Documents in order of key, now or as they were.",
        takes: &["tenant", "prefix", "at", "deleted", "since", "after", "limit"],
        given: Given::Rows("annals.ls/1", "Version"),
        work: Work::Answer(documents::list),
        ..ANSWER
    },
    Route {
        path: "/api/v1/find",
        id: "findDocuments",
        group: "documents",
        says: "Documents by name, by a field, by a reference or by who recorded them. All conditions must hold. An answer may \
               have few rows, or none, and go on all the same: where next is not null, not everything was looked at.",
        takes: &["tenant", "name", "field", "ref", "by", "at", "deleted", "after", "limit"],
        given: Given::Rows("annals.find/1", "Version"),
        work: Work::Answer(documents::find),
        ..ANSWER
    },
];
