//! Routes of the change feed and of events.

use super::{ANSWER, Given, Route, Sent, Work};
use crate::face::api::{feed, site};

pub(super) const ROUTES: &[Route] = &[
    Route {
        path: "/api/v1/feed",
        id: "listConsumers",
        group: "feed",
        says: "The consumers of the change feed, and how far they are.",
        takes: &["tenant", "after", "limit"],
        given: Given::Rows("annals.feed/1", "Cursor"),
        work: Work::Answer(feed::consumers),
        ..ANSWER
    },
    Route {
        path: "/api/v1/feed/{consumer}",
        id: "readFeed",
        group: "feed",
        says: "Changes that this consumer has not acknowledged, in their order and without a gap. A consumer that is new is made. What was not \
               acknowledged comes again. As a member of a group: those of the partitions that it holds, in the order of each key; asking again \
               renews its lease, and nothing but acknowledging gets it further.",
        takes: &["consumer", "tenant", "from", "after", "limit", "group", "member", "partitions", "lease"],
        given: Given::Rows("annals.feed/1", "FeedEvent"),
        fails: &[404, 409],
        work: Work::Answer(feed::read),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/feed/{consumer}/ack",
        id: "acknowledgeFeed",
        group: "feed",
        says: "Everything up to and with this batch, or this change of it, is done. A cursor never moves back. Of a group: everything of the \
               partition of this change up to and with it; refused (409) where that is another member's by now.",
        takes: &["consumer", "tenant", "group", "member", "partitions", "lease"],
        sent: Sent::Json("Acknowledged"),
        given: Given::Object("annals.feed/1", "Consumer"),
        fails: &[404, 409],
        work: Work::Answer(feed::acknowledge),
        ..ANSWER
    },
    Route {
        method: "DELETE",
        path: "/api/v1/feed/{consumer}/member",
        id: "leaveFeed",
        group: "feed",
        says: "A member leaves its group: what it held is free for the others at once.",
        takes: &["consumer", "tenant", "group", "member", "partitions", "lease"],
        given: Given::Object("annals.feed/1", "Consumer"),
        fails: &[404, 409],
        work: Work::Answer(feed::leave),
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
        work: Work::Answer(feed::forget),
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
];
