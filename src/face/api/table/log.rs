//! Routes of the log: batches, plans, marks, holds, what is forgotten, references.

use super::{ANSWER, Given, READS, Route, Sent, WRITES, Work};
use crate::face::api::{keeping, log, plans, realign};

pub(super) const ROUTES: &[Route] = &[
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
        ..ANSWER
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
               (409) and nothing is changed. Documents that were left alone because of a conflict are named. One of more than 1,000 documents, or of \
               rows that go back into their database, is carried out by the agent: 202 with the job, and Location says where to ask for it.",
        takes: WRITES,
        later: true,
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
        ..ANSWER
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
        says: "Keeps everything of a prefix, or of all documents, until the hold ends or is lifted. Needs a reason.",
        takes: &["tenant", "actor", "reason"],
        sent: Sent::Json("HoldWanted"),
        status: 201,
        given: Given::Object("annals.hold/1", "HoldSet"),
        fails: &[409],
        work: Work::Answer(log::hold),
        ..ANSWER
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
        ..ANSWER
    },
    Route {
        method: "DELETE",
        path: "/api/v1/holds",
        id: "liftHold",
        group: "log",
        says: "Ends a hold.",
        takes: &["hold", "tenant", "actor", "reason"],
        given: Given::Object("annals.hold.lift/1", "HoldLifted"),
        fails: &[404, 409],
        work: Work::Answer(keeping::lift),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/forget/simulate",
        id: "simulateForget",
        group: "log",
        says: "Says for every version of every document that has any besides the current one what keeps it, or that it may go. Nothing is changed.",
        takes: &["tenant", "after", "limit"],
        sent: Sent::Json("ForgetWanted"),
        given: Given::Rows("annals.policy.simulate/1", "Judged"),
        fails: &[404],
        work: Work::Answer(keeping::simulate),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/forget/plan",
        id: "planForget",
        group: "log",
        says: "What would be forgotten, and what keeps the rest, counted. Nothing is changed.",
        takes: READS,
        sent: Sent::Json("ForgetWanted"),
        given: Given::Object("annals.forget/1", "ForgetPlanned"),
        fails: &[404],
        work: Work::Answer(keeping::plan),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/forget",
        id: "forget",
        group: "log",
        says: "Gives up, for good, the bytes of versions that no rule keeps. seq is where the log ended when it was planned: if anything was \
               recorded since, it is refused (409) and nothing goes. The agent frees the space afterwards.",
        takes: &["tenant", "actor", "reason"],
        sent: Sent::Json("ForgetWanted"),
        given: Given::Object("annals.forget/1", "Forgot"),
        fails: &[404, 409, 507],
        work: Work::Answer(keeping::forget),
        ..ANSWER
    },
    Route {
        path: "/api/v1/erase",
        id: "listErased",
        group: "log",
        says: "What was erased by law, oldest first: when, by whom and why, and the remotes where it is pending. A subject is named by a keyed \
               digest: its name may say who it was.",
        takes: &["tenant", "after", "limit"],
        given: Given::Rows("annals.erase.ls/1", "Grave"),
        work: Work::Answer(keeping::graves),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/erase/plan",
        id: "planErase",
        group: "log",
        says: "What erasing a subject would do. Nothing is changed.",
        takes: READS,
        sent: Sent::Json("EraseWanted"),
        given: Given::Object("annals.erase/1", "ErasePlanned"),
        fails: &[404, 409],
        work: Work::Answer(keeping::plan_erase),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/erase",
        id: "erase",
        group: "log",
        says: "Erases everything of a person or other subject for good: its key is destroyed, a tombstone stays. seq is where the log ended when it \
               was planned: if anything was recorded since, it is refused (409) and nothing goes. confirm repeats the subject. Each remote gets it \
               with its next shipment.",
        takes: WRITES,
        sent: Sent::Json("EraseConfirmed"),
        given: Given::Object("annals.erase/1", "ErasureDone"),
        fails: &[404, 409, 507],
        work: Work::Answer(keeping::erase),
        ..ANSWER
    },
    Route {
        path: "/api/v1/brakes",
        id: "listBrakes",
        group: "log",
        says: "Mass changes that nobody looked at yet: while there is one, nothing is forgotten, compacted or let go.",
        takes: &["after", "limit"],
        given: Given::Rows("annals.brake.ls/1", "Brake"),
        work: Work::Answer(keeping::brakes),
        ..ANSWER
    },
    Route {
        method: "DELETE",
        path: "/api/v1/brakes",
        id: "liftBrake",
        group: "log",
        says: "Lifts the brake of a tenant: somebody has looked. Needs a reason.",
        takes: WRITES,
        given: Given::Object("annals.brake.lift/1", "BrakeLifted"),
        fails: &[404, 409],
        work: Work::Answer(keeping::lift_brake),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/realign/plan",
        id: "planRealign",
        group: "plans",
        says: "Compares this store with its remotes, and where those are in line the captured databases with their histories: what each side has, \
               and what bringing them into line would do. Nothing is changed; remotes are asked.",
        takes: &["actor", "reason"],
        sent: Sent::Json("RealignWanted"),
        given: Given::Object("annals.realign/1", "RealignPlanned"),
        fails: &[404, 409, 502],
        work: Work::Answer(realign::plan),
        ..ANSWER
    },
    Route {
        method: "POST",
        path: "/api/v1/realign",
        id: "realign",
        group: "plans",
        says: "Carries a plan of a realignment out. It is bound to where both sides were: if either moved since, it is refused (409). One that is \
               about more than 1,000 documents or takes longer than two seconds is carried out by the agent: 202 with the job, and Location says \
               where to ask for it.",
        takes: &["actor", "reason"],
        later: true,
        sent: Sent::Json("RealignApplied"),
        given: Given::Object("annals.realign/1", "Realignment"),
        fails: &[404, 409, 413, 502, 507],
        work: Work::Answer(realign::apply),
        ..ANSWER
    },
];
