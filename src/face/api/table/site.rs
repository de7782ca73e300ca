//! Routes of the site: how it is, tenants, remotes, jobs.

use super::{ANSWER, Given, READS, Route, Sent, Work};
use crate::face::api::{places, site};

pub(super) const ROUTES: &[Route] = &[
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
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/tenants/{named}/drop",
        id: "dropTenant",
        group: "site",
        says: "Drops a tenant: from then on nothing is recorded to it or read from it, and after a while, until which it can be brought back, its bytes \
               go. Needs a reason. confirm repeats the name.",
        takes: &["named", "actor", "reason", "Idempotency-Key"],
        sent: Sent::Json("DropWanted"),
        given: Given::Object("annals.tenant.drop/1", "TenantDropped"),
        fails: &[404, 409],
        work: Work::Answer(site::drop_tenant),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/tenants/{named}/undrop",
        id: "undropTenant",
        group: "site",
        says: "Brings a dropped tenant back as it was.",
        takes: &["named", "actor", "reason", "Idempotency-Key"],
        given: Given::Object("annals.tenant.undrop/1", "TenantBack"),
        fails: &[404, 409],
        work: Work::Answer(site::undrop_tenant),
        ..ANSWER
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
        path: "/api/v1/remotes/{remote}/compact",
        id: "compact",
        group: "site",
        says: "Takes what was forgotten off this remote, within the windows and the allowance of the line. The answer is the job that does it.",
        takes: &["remote"],
        status: 202,
        given: Given::Object("annals.job/1", "Job"),
        fails: &[404],
        work: Work::Answer(site::compact),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/gc",
        id: "gc",
        group: "site",
        says: "Removes bytes that nothing names from the store. The answer is the job that does it.",
        takes: &[],
        status: 202,
        given: Given::Object("annals.job/1", "Job"),
        work: Work::Answer(site::gc),
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
        says: "One job, and of a plan that the agent carried out what came of it.",
        takes: &["job"],
        given: Given::Object("annals.job/1", "JobEnded"),
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
    Route {
        method: "POST",
        path: "/api/v1/remotes",
        id: "addRemote",
        group: "site",
        says: "Adds a place offsite to the configuration. Nothing is shipped by that; the agent does it on schedule.",
        takes: &[],
        sent: Sent::Json("RemoteWanted"),
        status: 201,
        given: Given::Object("annals.remote.add/1", "RemoteAdded"),
        fails: &[409],
        work: Work::Answer(places::add),
        ..ANSWER
    },
    Route {
        method: "DELETE",
        path: "/api/v1/remotes/{remote}",
        id: "removeRemote",
        group: "site",
        says: "Takes a place offsite out of the configuration. What lies there stays.",
        takes: &["remote"],
        given: Given::Object("annals.remote.rm/1", "RemoteRemoved"),
        fails: &[404],
        work: Work::Answer(places::remove),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/remotes/{remote}/check",
        id: "checkRemote",
        group: "site",
        says: "Asks a place offsite whether it is there: lists it, and with write stores a small object, reads it back and removes it.",
        takes: &["remote"],
        sent: Sent::Json("CheckWanted"),
        given: Given::Object("annals.remote.check/1", "RemoteChecked"),
        fails: &[404, 502],
        work: Work::Answer(places::check),
        ..ANSWER
    },
];
