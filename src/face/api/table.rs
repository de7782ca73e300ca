//! Every route of the interface for programs: what it takes, what it gives, what does it. The router and the OpenAPI document are made from
//! this table, so neither can know of something that the other does not.

use std::io::Read;

use crate::base::error::Result;
use crate::face::http::{Ask, Reply};

use super::{documents, log, plans, site};

/// What a route does.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// Answers, maybe with what was sent.
    Answer(fn(&Ask, &mut dyn Read) -> Result<Reply>),
    /// Goes on telling what happens.
    Watch,
    /// Gives the description of all routes.
    Describe,
}

/// What is sent with a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Nothing,
    /// The bytes of a document.
    Bytes,
    /// One JSON object a line.
    Lines,
    /// A JSON object of this schema.
    Json(&'static str),
}

/// What comes back.
#[derive(Clone, Copy)]
pub(super) enum Given {
    /// An object of this schema, with its `schema` word.
    Object(&'static str, &'static str),
    /// A list of objects of this schema under `rows`, and `next`.
    Rows(&'static str, &'static str),
    /// The bytes of a document.
    Bytes,
    /// Events.
    Events,
    /// The OpenAPI document.
    Description,
    /// Numbers in the text format of Prometheus.
    Metrics,
}

/// One route.
pub(super) struct Route {
    pub(super) method: &'static str,
    /// Parts in braces have a name.
    pub(super) path: &'static str,
    /// The operation's name in generated clients.
    pub(super) id: &'static str,
    pub(super) group: &'static str,
    pub(super) says: &'static str,
    /// Names of [`PARAMETERS`].
    pub(super) takes: &'static [&'static str],
    pub(super) sent: Sent,
    pub(super) status: u16,
    pub(super) given: Given,
    /// Statuses of errors beside those that every route may have.
    pub(super) fails: &'static [u16],
    pub(super) work: Work,
}

/// Where a parameter stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Query,
    Path,
    Header,
}

/// A parameter: name, where, its type in JSON Schema, whether it must be given, what it means.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) kind: &'static str,
    pub(super) required: bool,
    pub(super) says: &'static str,
}

const fn query(name: &'static str, kind: &'static str, says: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, kind, required: false, says }
}

const fn header(name: &'static str, says: &'static str) -> Parameter {
    Parameter { name, place: Place::Header, kind: "string", required: false, says }
}

const fn path(name: &'static str, kind: &'static str, says: &'static str) -> Parameter {
    Parameter { name, place: Place::Path, kind, required: true, says }
}

pub(super) const PARAMETERS: [Parameter; 36] = [
    Parameter {
        name: "key",
        place: Place::Query,
        kind: "string",
        required: true,
        says: "The document's name. Bytes that are not UTF-8 and control characters are written as \\xNN, a backslash as \\\\.",
    },
    query("of", "string", "Only of this document."),
    query("tenant", "string", "The tenant; the default one where absent."),
    query(
        "at",
        "string",
        "As it was at that moment: RFC 3339, 2018-09-18 14:02 in the site's zone, 2 days ago, seq:812, mark:NAME; for one document also v7.",
    ),
    query("prefix", "string", "Only keys that begin with this."),
    query("deleted", "boolean", "In a list: only documents that were removed. In a search: those as well."),
    query("since", "integer", "Only what was recorded after this batch."),
    query("limit", "integer", "At most this many rows, 1 to 1000; 100 where absent."),
    query("after", "string", "Go on after this place: what next was in the answer before."),
    query("before", "integer", "Only what has a lower number: what next was in the answer before."),
    query("name", "string", "A part of the key, or a pattern: * stands for anything but /, ** for anything, ? for one character."),
    query("field", "string", "PATH=VALUE in a search, may be repeated; PATH in a history of fields."),
    query("ref", "string", "SYSTEM:ID of a thing in an outside system."),
    query("by", "string", "Who recorded any version, or removed it."),
    query("range", "string", "Only what changed in this time: A..B, as moments are written."),
    query("old", "string", "The older side: a moment or v7; the version before the newer one where absent."),
    query("new", "string", "The newer side: a moment or v7; what is current where absent."),
    query("all", "boolean", "Also what is the same; of jobs, all that are remembered."),
    query("system", "string", "An outside system."),
    query("id", "string", "An id that it gave."),
    query("actor", "string", "Who does this, as it will stand in the history. Of a person with a session it is that person."),
    query("reason", "string", "Why, as it will stand in the history."),
    query("from", "string", "Where a consumer that is new begins: start, now or seq:N."),
    query("group", "string", "Only this group of the consumer."),
    header("Idempotency-Key", "An id of this request: sent again, it is recorded once; the same id with other changes is refused (409)."),
    header("If-Match", "The version that must be current, as the ETag of GET has it: \"v7\". Another one: 412, nothing is recorded."),
    header("If-None-Match", "To put: * where the document must not exist. To get: the version that is known; 304 where it is still that one."),
    header("Content-Type", "The media type that is kept with the document."),
    header("Range", "bytes=FROM-TO: only this part."),
    header("If-Range", "The version that the part is wanted of; of another one the whole comes."),
    header("Last-Event-ID", "The last batch that was told, after a connection was lost."),
    path("batch", "integer", "The number of a batch."),
    path("job", "integer", "The number of a job."),
    path("what", "string", "pause, resume, cancel or retry."),
    path("remote", "string", "The name of a remote."),
    path("consumer", "string", "The name of a consumer of the change feed."),
];

const READS: &[&str] = &["tenant"];
const PUTS: &[&str] = &["key", "tenant", "actor", "reason", "Idempotency-Key", "If-Match", "If-None-Match", "Content-Type"];
const WRITES: &[&str] = &["tenant", "actor", "reason", "Idempotency-Key"];

const ANSWER: Route = Route {
    method: "GET",
    path: "",
    id: "",
    group: "",
    says: "",
    takes: READS,
    sent: Sent::Nothing,
    status: 200,
    given: Given::Bytes,
    fails: &[],
    work: Work::Describe,
};

/// All of them.
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
    Route {
        path: "/api/v1/batches",
        id: "listBatches",
        group: "log",
        says: "The batches of the log, the newest first; with a prefix those that changed something below it.",
        takes: &["tenant", "prefix", "before", "limit"],
        given: Given::Rows("annals.log/1", "Batch"),
        work: Work::Answer(log::batches),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/batches",
        id: "recordBatch",
        group: "log",
        says: "Records many changes as one batch: one JSON object a line, {\"op\":\"put\",\"key\":..,\"json\":..|\"text\":..|\"base64\":..} or \
               {\"op\":\"remove\",\"key\":..}. One bad line, and nothing is recorded.",
        takes: WRITES,
        sent: Sent::Lines,
        status: 201,
        given: Given::Object("annals.batch/1", "Receipt"),
        fails: &[404, 409, 507],
        work: Work::Answer(log::record),
    },
    Route {
        path: "/api/v1/batches/{batch}",
        id: "getBatch",
        group: "log",
        says: "One batch.",
        takes: &["batch", "tenant"],
        given: Given::Object("annals.batch/1", "Batch"),
        fails: &[404],
        work: Work::Answer(log::one),
        ..ANSWER
    },
    Route {
        path: "/api/v1/batches/{batch}/changes",
        id: "batchChanges",
        group: "log",
        says: "The changes of a batch in their order.",
        takes: &["batch", "tenant", "after", "limit"],
        given: Given::Rows("annals.batch.changes/1", "Change"),
        fails: &[404],
        work: Work::Answer(log::changes),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/plans",
        id: "makePlan",
        group: "plans",
        says: "Computes what an undo, a redo, a rollback or a restore would do. Nothing is changed.",
        takes: READS,
        sent: Sent::Json("PlanWanted"),
        given: Given::Object("annals.undo/1", "Planned"),
        fails: &[404, 409],
        work: Work::Answer(plans::make),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/plans/apply",
        id: "applyPlan",
        group: "plans",
        says: "Carries a plan out, as a new batch. A plan is bound to the history it was made for: if anything was recorded since, it is refused \
               (409) and nothing is changed. Documents that were left alone because of a conflict are named.",
        takes: &["tenant", "actor", "reason"],
        sent: Sent::Json("PlanApplied"),
        given: Given::Object("annals.apply/1", "Applied"),
        fails: &[404, 409, 413, 507],
        work: Work::Answer(plans::apply),
        ..ANSWER
    },
    Route {
        path: "/api/v1/marks",
        id: "listMarks",
        group: "log",
        says: "Names of moments, by name.",
        takes: &["tenant", "after", "limit"],
        given: Given::Rows("annals.mark/1", "Mark"),
        work: Work::Answer(log::marks),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/marks",
        id: "addMark",
        group: "log",
        says: "Gives the present moment a name. The same name again moves the mark.",
        takes: WRITES,
        sent: Sent::Json("MarkWanted"),
        status: 201,
        given: Given::Object("annals.mark/1", "Marked"),
        fails: &[409],
        work: Work::Answer(log::mark),
    },
    Route {
        path: "/api/v1/holds",
        id: "listHolds",
        group: "log",
        says: "What keeps documents whatever the rules say, by name.",
        takes: &["tenant", "after", "limit"],
        given: Given::Rows("annals.hold.ls/1", "Hold"),
        work: Work::Answer(log::holds),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/holds",
        id: "setHold",
        group: "log",
        says: "Keeps everything of a prefix, or of all documents, until the hold ends or is lifted. Needs a reason. \
               Lifting one is for the command line.",
        takes: &["tenant", "actor", "reason"],
        sent: Sent::Json("HoldWanted"),
        status: 201,
        given: Given::Object("annals.hold/1", "HoldSet"),
        fails: &[409],
        work: Work::Answer(log::hold),
    },
    Route {
        path: "/api/v1/references",
        id: "listReferences",
        group: "log",
        says: "References to things in outside systems: of one document, of a system, with an id, or all.",
        takes: &["tenant", "of", "system", "id", "after", "limit"],
        given: Given::Rows("annals.refs/1", "Reference"),
        fails: &[404],
        work: Work::Answer(log::references),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/references",
        id: "addReference",
        group: "log",
        says: "Adds a reference to a document, or changes its state.",
        takes: WRITES,
        sent: Sent::Json("ReferenceWanted"),
        status: 201,
        given: Given::Object("annals.refs.add/1", "Reference"),
        fails: &[404, 409],
        work: Work::Answer(log::refer),
    },
    Route {
        path: "/api/v1/feed",
        id: "listConsumers",
        group: "feed",
        says: "The consumers of the change feed, and how far they are.",
        takes: &["tenant", "after", "limit"],
        given: Given::Rows("annals.feed/1", "Cursor"),
        work: Work::Answer(log::consumers),
        ..ANSWER
    },
    Route {
        path: "/api/v1/feed/{consumer}",
        id: "readFeed",
        group: "feed",
        says: "Changes that this consumer has not acknowledged, in their order and without a gap. A consumer that is new is made. What was not \
               acknowledged comes again.",
        takes: &["consumer", "tenant", "from", "after", "limit"],
        given: Given::Rows("annals.feed/1", "FeedEvent"),
        fails: &[404, 409],
        work: Work::Answer(log::feed),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/feed/{consumer}/ack",
        id: "acknowledgeFeed",
        group: "feed",
        says: "Everything up to and with this batch, or this change of it, is done. A cursor never moves back.",
        takes: &["consumer", "tenant"],
        sent: Sent::Json("Acknowledged"),
        given: Given::Object("annals.feed/1", "Consumer"),
        fails: &[404, 409],
        work: Work::Answer(log::acknowledge),
        ..ANSWER
    },
    Route {
        method: "DELETE",
        path: "/api/v1/feed/{consumer}",
        id: "forgetConsumer",
        group: "feed",
        says: "Forgets a consumer; one of the same name begins anew.",
        takes: &["consumer", "tenant", "group"],
        given: Given::Object("annals.feed/1", "Consumer"),
        fails: &[404],
        work: Work::Answer(log::forget),
        ..ANSWER
    },
    Route {
        path: "/api/v1/events",
        id: "watch",
        group: "feed",
        says: "A stream of server-sent events: batch for each batch that is recorded from now on, with its number as id, and job for each job that \
               is not as it was told. After a lost connection it goes on after Last-Event-ID.",
        takes: &["tenant", "after", "Last-Event-ID"],
        given: Given::Events,
        fails: &[503],
        work: Work::Watch,
        ..ANSWER
    },
    Route {
        path: "/api/v1/news",
        id: "news",
        group: "feed",
        says: "What events tells, for those who ask again and again: batches after a batch, and all jobs that are not over.",
        takes: &["tenant", "after"],
        given: Given::Object("annals.news/1", "News"),
        work: Work::Answer(site::news),
        ..ANSWER
    },
    Route {
        path: "/api/v1/status",
        id: "status",
        group: "site",
        says: "Whether what the store holds is safe, and everything that this verdict rests on.",
        takes: READS,
        given: Given::Object("annals.status/1", "Status"),
        work: Work::Answer(site::status),
        ..ANSWER
    },
    Route {
        path: "/api/v1/tenants",
        id: "listTenants",
        group: "site",
        says: "The tenants.",
        takes: &["after", "limit"],
        given: Given::Rows("annals.tenant.ls/1", "Tenant"),
        work: Work::Answer(site::tenants),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/tenants",
        id: "addTenant",
        group: "site",
        says: "Adds a tenant with documents, a log and a key of its own.",
        takes: &[],
        sent: Sent::Json("TenantWanted"),
        status: 201,
        given: Given::Object("annals.tenant.add/1", "TenantAdded"),
        fails: &[409],
        work: Work::Answer(site::add_tenant),
    },
    Route {
        path: "/api/v1/remotes",
        id: "listRemotes",
        group: "site",
        says: "Places offsite, how far each is, and how it is.",
        takes: &["tenant", "after", "limit"],
        given: Given::Rows("annals.remote.ls/1", "Remote"),
        work: Work::Answer(site::remotes),
        ..ANSWER
    },
    Route {
        path: "/api/v1/policy",
        id: "reportPolicy",
        group: "site",
        says: "Where the data of each tenant may lie and where they lie, what was refused, and which rules are not kept.",
        takes: &[],
        given: Given::Object("annals.policy.report/1", "PolicyReport"),
        work: Work::Answer(site::policy),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/remotes/{remote}/ship",
        id: "ship",
        group: "site",
        says: "Ships now what this remote lacks. The answer is the job that does it.",
        takes: &["remote"],
        status: 202,
        given: Given::Object("annals.job/1", "Job"),
        fails: &[404],
        work: Work::Answer(site::ship),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/remotes/{remote}/drill",
        id: "drill",
        group: "site",
        says: "Rehearses a rebuild from this remote. The answer is the job that does it.",
        takes: &["remote"],
        status: 202,
        given: Given::Object("annals.job/1", "Job"),
        fails: &[404],
        work: Work::Answer(site::drill),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/verify",
        id: "verify",
        group: "site",
        says: "Checks that the history is what it was. The answer is the job that does it.",
        takes: &[],
        status: 202,
        given: Given::Object("annals.job/1", "Job"),
        work: Work::Answer(site::verify),
        ..ANSWER
    },
    Route {
        path: "/api/v1/jobs",
        id: "listJobs",
        group: "site",
        says: "What the agent has to do and does, and the last things that it did.",
        takes: &["all", "after", "limit"],
        given: Given::Rows("annals.jobs/1", "Job"),
        work: Work::Answer(site::jobs),
        ..ANSWER
    },
    Route {
        path: "/api/v1/jobs/{job}",
        id: "getJob",
        group: "site",
        says: "One job.",
        takes: &["job"],
        given: Given::Object("annals.job/1", "Job"),
        fails: &[404],
        work: Work::Answer(site::job),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/jobs/{job}/{what}",
        id: "steerJob",
        group: "site",
        says: "Holds a job back, lets it go on, gives it up, or tries it now. One that runs stops at its next safe place.",
        takes: &["job", "what"],
        given: Given::Object("annals.job/1", "Job"),
        fails: &[404, 409],
        work: Work::Answer(site::steer),
        ..ANSWER
    },
    Route {
        path: "/metrics",
        id: "metrics",
        group: "site",
        says: "The store and its agent as numbers, in the text format of Prometheus.",
        takes: &[],
        given: Given::Metrics,
        work: Work::Answer(site::metrics),
        ..ANSWER
    },
    Route {
        path: "/api/v1/openapi.json",
        id: "openapi",
        group: "site",
        says: "This description.",
        takes: &[],
        given: Given::Description,
        work: Work::Describe,
        ..ANSWER
    },
];
