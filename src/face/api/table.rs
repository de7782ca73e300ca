//! Every route of the interface for programs: what it takes, what it gives, what does it. The router and the OpenAPI document are made from
//! this table, so neither can know of something that the other does not.

mod documents;
mod feed;
mod log;
mod site;

use std::io::Read;

use crate::base::error::Result;
use crate::face::http::{Ask, Reply};

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
    /// What is large is done later: 202 with the job.
    pub(super) later: bool,
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

pub(super) const PARAMETERS: [Parameter; 41] = [
    Parameter {
        name: "key",
        place: Place::Query,
        kind: "string",
        required: true,
        says: "The document's name. Bytes that are not UTF-8 and control characters are written as \\xNN, a backslash as \\\\.",
    },
    query("of", "string", "Only of this document."),
    Parameter { name: "hold", place: Place::Query, kind: "string", required: true, says: "The name of a hold." },
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
    query("group", "string", "The group of the consumer, whose members share its work; to forget, only this group."),
    query("member", "string", "The name of a member of the group. Reading as one joins it, and says that it lives."),
    query("partitions", "integer", "To how many partitions the keys of a group are shared out; 8 where absent."),
    query("lease", "string", "How long a member may be silent before the others take over; 30s where absent."),
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
    path("named", "string", "The name of a tenant."),
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
    later: false,
    fails: &[],
    work: Work::Describe,
};

/// All of them.
pub(super) fn routes() -> impl Iterator<Item = &'static Route> {
    [documents::ROUTES, log::ROUTES, feed::ROUTES, site::ROUTES].into_iter().flatten()
}
