//! The shapes of what is sent and given, for the OpenAPI document. They say what `face/view` writes; the tests hold every answer against them,
//! and a field that is missing here or there fails.

use serde_json::{Map, Value, json};

/// Name, meaning, fields. A field is `name:type`; `?` behind the type says that it may be null, `[]` that it is a list, `~` before the name
/// that it may be absent. Types are JSON's, `time`, `any`, or the name of another shape.
const SHAPES: &[(&str, &str, &str)] = &[
    ("Position", "A place in a log that can be proved.", "timeline:string seq:integer digest:string"),
    ("Cause", "Why a batch came to be, where it was computed from older ones.", "~undo:integer ~rollback:integer"),
    ("Event", "When, who, why.", "seq:integer time:time actor:string reason:string origin:string cause:cause"),
    ("Meta", "What is kept beside a version.", "~kind:string ~media:string ~mode:string ~mtime:time ~valid_from:time ~valid_until:time"),
    (
        "Forgotten",
        "Why the bytes of a version are not there: since when and by whom, null where the log does not say it, and by which rule; \
         erased where they went by law and nobody has them.",
        "since:time? seq:integer? actor:string? reason:string? rule:string erased:boolean",
    ),
    (
        "Version",
        "One state of a document with its existence: from one batch until another.",
        "key:string version:integer size:integer digest:string from:time until:time? removed:boolean actor:string reason:string seq:integer \
         meta:Meta recorded:Event ended:Event? forgotten:Forgotten?",
    ),
    (
        "About",
        "A version and what belongs to it.",
        "key:string version:integer size:integer digest:string from:time until:time? removed:boolean actor:string reason:string seq:integer \
         meta:Meta recorded:Event ended:Event? forgotten:Forgotten? versions:integer references:DocumentReference[] batch:Batch",
    ),
    ("DocumentReference", "A thing in an outside system.", "system:string id:string state:string irrevocable:boolean expires:time?"),
    (
        "Reference",
        "A thing in an outside system, with its document.",
        "key:string system:string id:string state:string irrevocable:boolean expires:time? seq:integer",
    ),
    ("Receipt", "What was recorded.", "batch:integer seq:integer position:Position time:time changes:integer repeated:boolean"),
    (
        "Put",
        "The batch and the version that it made.",
        "batch:integer seq:integer position:Position time:time changes:integer repeated:boolean key:string version:integer size:integer \
         digest:string",
    ),
    (
        "Removed",
        "The batch and what it removed.",
        "batch:integer seq:integer position:Position time:time changes:integer repeated:boolean removed:integer keys:string[]",
    ),
    (
        "Batch",
        "Changes that were recorded together.",
        "batch:integer seq:integer time:time actor:string reason:string origin:string cause:cause request:string changes:integer digest:string \
         clock_behind_us:integer undone_by:integer[] ~touched:integer",
    ),
    (
        "Change",
        "One change of a batch: op is put, remove, refer, mark, hold, lift, forget or erase, and of the tenant itself drop, undrop or gone.",
        "op:string ~key:string ~digest:string ~size:integer ~meta:Meta ~reference:DocumentReference ~name:string \
         ~prefix:string ~until:time? ~rule:string ~contents:integer ~seq:integer ~subject:string",
    ),
    ("Mark", "A name of a moment.", "mark:string seq:integer time:time?"),
    (
        "Marked",
        "The batch, and the moment that has the name now.",
        "batch:integer seq:integer position:Position time:time changes:integer repeated:boolean mark:string marked_seq:integer",
    ),
    (
        "FieldChange",
        "One change of one field. A side that is absent is left out; null is a value.",
        "version:integer removed:boolean path:string ~label:string change:string ~old:any ~new:any time:time actor:string reason:string seq:integer",
    ),
    ("FieldDifference", "A field on both sides.", "path:string ~label:string change:string ~old:any ~new:any"),
    ("Line", "A line of a text: sign is a blank, - or +.", "sign:string text:string"),
    ("Hunk", "Lines that differ, with those around them.", "old_start:integer old_lines:integer new_start:integer new_lines:integer lines:Line[]"),
    ("TextDifference", "Lines that differ.", "added:integer removed:integer hunks:Hunk[]"),
    ("Fingerprint", "Bytes that are not compared.", "size:integer digest:string"),
    ("BinaryDifference", "Sizes and digests.", "old:Fingerprint new:Fingerprint"),
    (
        "Difference",
        "How two versions differ: kind is same, fields, text or binary.",
        "kind:string old:Version new:Version fields:FieldDifference[] ~unchanged:integer ~layout_only:boolean ~text:TextDifference \
         ~unified:string ~binary:BinaryDifference",
    ),
    (
        "PlanWanted",
        "What to plan: verb is undo (of batch), redo, rollback (of prefix, or everything, to a moment) or restore (of a document or a prefix, as it \
         was at a moment; without one, what was removed). where keeps only documents with these fields: PATH=VALUE.",
        "verb:string ~batch:integer ~prefix:string ~to:string ~at:string ~where:string[]",
    ),
    (
        "Summary",
        "How many documents go which way.",
        "put:integer remove:integer merge:integer conflicts:integer already:integer lost:integer references:integer irrevocable:integer",
    ),
    (
        "Plan",
        "What would happen to each document, bound to the history that it was made for. Sent back as it is to be carried out.",
        "schema:string tenant:string verb:string ~batch:integer ~prefix:string ~to_seq:integer ~at_seq:integer timeline:string seq:integer \
         digest:string items:object[] references:object[] already:integer *",
    ),
    ("Planned", "A plan and its counts.", "summary:Summary applied:boolean plan:Plan"),
    (
        "PlanApplied",
        "The plan, as it came; on_conflict is skip, override or merge, for documents that were changed since in the same place.",
        "plan:Plan ~on_conflict:string",
    ),
    ("Pending", "A row that the database does not take.", "key:string reason:string"),
    (
        "Applied",
        "What a plan did; receipt is null where there was nothing to do.",
        "summary:Summary applied:boolean done:integer earlier_batches:integer[] skipped:string[] pending:Pending[] batch:integer? seq:integer? \
         receipt:Receipt?",
    ),
    ("Hold", "What keeps documents.", "name:string prefix:string until:time? in_force:boolean set:Event"),
    (
        "HoldWanted",
        "A hold: on a prefix, or on everything where there is none; until a time, or until it is lifted.",
        "name:string ~prefix:string ~until:string?",
    ),
    ("HoldNamed", "A hold.", "name:string prefix:string until:time?"),
    (
        "HoldSet",
        "The batch, and the hold that it set.",
        "batch:integer seq:integer position:Position time:time changes:integer repeated:boolean hold:HoldNamed",
    ),
    (
        "HoldLifted",
        "The batch, and the hold that it lifted.",
        "batch:integer seq:integer position:Position time:time changes:integer repeated:boolean hold:string",
    ),
    (
        "KeepWanted",
        "Rules in place of those of the configuration: a time like 90d, and for how many versions, days, weeks, months, years.",
        "~within:string? ~last:integer? ~daily:integer? ~weekly:integer? ~monthly:integer? ~yearly:integer?",
    ),
    (
        "ForgetWanted",
        "What of: all documents, those of a prefix, or one. seq is where the log ended when it was planned; only to carry it out.",
        "~prefix:string ~keep:KeepWanted? ~seq:integer?",
    ),
    (
        "Rules",
        "What rules keep; null is no such rule.",
        "words:string floor_secs:integer within_secs:integer? last:integer? daily:integer? weekly:integer? monthly:integer? yearly:integer?",
    ),
    (
        "Judged",
        "One version: goes, or what keeps it, as a word and in words.",
        "key:string version:integer seq:integer size:integer from:time until:time? goes:boolean kept_by:string? why:string?",
    ),
    (
        "ForgetPlanned",
        "What would go, and what keeps the rest, by the word for it.",
        "tenant:string prefix:string rules:Rules position:Position documents:integer versions:integer contents:integer bytes:integer kept:object \
         applied:boolean",
    ),
    ("Gone", "What was forgotten.", "contents:integer bytes:integer batches:Receipt[]"),
    (
        "Forgot",
        "What went, and what kept the rest.",
        "tenant:string prefix:string rules:Rules position:Position documents:integer versions:integer contents:integer bytes:integer kept:object \
         applied:boolean outcome:Gone",
    ),
    ("EraseWanted", "A subject: what has a key of its own under a prefix that [erasable] declares, like person/38754.", "subject:string"),
    (
        "EraseConfirmed",
        "A subject; seq is where the log ended when it was planned, confirm the subject once more.",
        "subject:string seq:integer confirm:string",
    ),
    ("BareObjects", "Objects of a remote that hold some of it in no box of its own.", "remote:string bare_objects:integer"),
    (
        "ErasePlanned",
        "What would go, what stays because others have it too, and captures that record it again.",
        "tenant:string subject:string position:Position documents:integer existing:integer contents:integer bytes:integer bare:integer \
         shared:integer outside:string[] open_changes:integer remotes:BareObjects[] sources:string[] applied:boolean",
    ),
    (
        "Erased",
        "What went; left_here says why something still lies around on this machine.",
        "batch:Receipt contents:integer bytes:integer left_here:string?",
    ),
    (
        "ErasureDone",
        "What was erased.",
        "tenant:string subject:string position:Position documents:integer existing:integer contents:integer bytes:integer bare:integer \
         shared:integer outside:string[] open_changes:integer remotes:BareObjects[] sources:string[] applied:boolean outcome:Erased",
    ),
    (
        "Grave",
        "What is left of a subject; pending names the remotes that still have some of it.",
        "subject:string time:time seq:integer actor:string reason:string bare:integer pending:string[]",
    ),
    (
        "BrakeLifted",
        "The batch, and the brake that it lifted.",
        "batch:integer seq:integer position:Position time:time changes:integer repeated:boolean brake:Brake",
    ),
    (
        "RealignWanted",
        "keep says which side stays in effect: both, ours or theirs. prefix: only this captured database.",
        "~keep:string ~prefix:string?",
    ),
    ("RealignApplied", "The plan, as it came.", "plan:object"),
    ("SideAmount", "What one side has that the other lacks.", "batches:integer changes:integer documents:integer"),
    ("OurSide", "Where the log here ends.", "seq:integer digest:string time:time?"),
    ("TheirSide", "Where the log there ends, and how far it can be read.", "seq:integer readable:integer line:string time:time?"),
    ("Fate", "What becomes of a document.", "key:string fate:string"),
    (
        "TenantSides",
        "A tenant on both sides, and what would become of it.",
        "tenant:string verdict:string remote:string keep:string ours:OurSide theirs:TheirSide common:integer missing:SideAmount \
         only_here:SideAmount recovered:integer kept:integer same:integer conflicts:integer resurrected:integer items:Fate[] references:object[] \
         bytes:integer seconds:number",
    ),
    (
        "TenantRealigned",
        "What realigning a tenant did.",
        "tenant:string verdict:string keep:string common:integer fetched:integer again:integer already:integer conflicts:string[] \
         resurrected:string[] references:object[] line:string? undo:string? bytes:integer gaps:object[] position:Position",
    ),
    (
        "DatabaseSides",
        "A captured database and its history, and what would become of its rows.",
        "tenant:string prefix:string source:string verdict:string keep:string common:object head:object transactions:integer recovered:integer \
         kept:integer same:integer conflicts:integer resurrected:integer tables:object[] items:object[] renumbered:object[] recomputed:integer \
         invariants:object[] references:object[] forbidden:object[] bytes:integer",
    ),
    (
        "DatabaseRealigned",
        "What realigning a database did.",
        "prefix:string source:string keep:string found:integer? undo:string? written:integer recomputed:integer renumbered:object[] open:string[] \
         position:Position",
    ),
    (
        "RealignPlanned",
        "Both sides, and the plan to be sent back. Everything is in line where both lists are empty.",
        "applied:boolean saved:string? tenants:TenantSides[] done:TenantRealigned[] databases:DatabaseSides[] \
         databases_done:DatabaseRealigned[] plan:object",
    ),
    (
        "Realignment",
        "Both sides as they were, and what was done.",
        "applied:boolean saved:string? tenants:TenantSides[] done:TenantRealigned[] databases:DatabaseSides[] \
         databases_done:DatabaseRealigned[]",
    ),
    (
        "RemoteWanted",
        "A place offsite: url is dir:/path or rclone:REMOTE:PATH; expected is how often it is there.",
        "name:string url:string ~rclone_config:string? ~region:string? ~operator_country:string? ~expected:string?",
    ),
    ("RemoteAdded", "A place offsite.", "name:string url:string region:string? operator_country:string?"),
    ("RemoteRemoved", "A place that is used no longer.", "name:string"),
    ("CheckWanted", "Whether something is written and read back as well.", "~write:boolean"),
    ("RemoteChecked", "What lies there.", "name:string url:string reachable:boolean objects:integer bytes:integer written:boolean requests:integer"),
    ("MarkWanted", "The name for the present moment.", "name:string"),
    (
        "ReferenceWanted",
        "A reference; expires is a time. shared lets several documents carry the same id.",
        "key:string system:string id:string ~state:string ~irrevocable:boolean ~expires:string? ~shared:boolean",
    ),
    ("TenantWanted", "The name of a new tenant.", "name:string"),
    ("DropWanted", "confirm is the name of the tenant once more; keep is how long it can be brought back, like 30d.", "confirm:string ~keep:string?"),
    (
        "TenantDropped",
        "The batch, until when the tenant can be brought back, and the remotes that must be shipped to so that they know.",
        "batch:integer seq:integer position:Position time:time changes:integer repeated:boolean tenant:string kept_until:time remotes:string[]",
    ),
    (
        "TenantBack",
        "The batch, and the tenant that it brought back.",
        "batch:integer seq:integer position:Position time:time changes:integer repeated:boolean tenant:string",
    ),
    ("TenantAdded", "A new tenant.", "tenant:string id:string position:Position"),
    (
        "Tenant",
        "A tenant: state is in_use, dropped or gone.",
        "tenant:string id:string position:Position documents:integer unshipped_batches:integer state:string kept_until:time?",
    ),
    (
        "Cursor",
        "How far a consumer is.",
        "name:string group:string partition:integer partitions:integer seq:integer within:integer behind:integer member:string? lease_until:time? \
         moved:time",
    ),
    (
        "FeedEvent",
        "One change: kind is put, delete, reference, mark, hold, lift or forget, and of the tenant itself drop, undrop or gone; what does not apply is null.",
        "position:Position seq:integer index:integer changes:integer key:string? kind:string version:integer? size:integer? digest:string? \
         reference:DocumentReference? mark:string? hold:string? prefix:string? rule:string? contents:integer? \
         time:time actor:string reason:string origin:string cause:cause request_id:string",
    ),
    ("Acknowledged", "What is done: a batch, or everything up to and with one change of it.", "seq:integer ~index:integer"),
    ("Consumer", "A consumer.", "name:string ~seq:integer ~group:string? ~removed:boolean"),
    (
        "Progress",
        "How far a job is.",
        "phase:string items:integer items_total:integer bytes:integer bytes_total:integer bytes_per_sec:integer moved:time?",
    ),
    (
        "Job",
        "A piece of the agent's work: state is waiting, running, paused, done, failed, dead or cancelled; wish is pause or cancel where a running one \
         is to stop.",
        "job:integer kind:string subject:string state:string wish:string? attempts:integer said:string code:string? not_before:time \
         created:time started:time? ended:time? progress:Progress",
    ),
    (
        "JobEnded",
        "A job; outcome is what came of a plan that the agent carried out: kind is plan or realign.",
        "job:integer kind:string subject:string state:string wish:string? attempts:integer said:string code:string? not_before:time \
         created:time started:time? ended:time? progress:Progress outcome:Outcome?",
    ),
    (
        "Outcome",
        "Of a plan its batch and how many documents were changed and left alone, with the first of them; of a realignment what was done for each \
         tenant and database.",
        "kind:string ~batch:integer? ~done:integer ~skipped:integer ~skipped_keys:string[] ~pending:Pending[] ~tenants:object[] ~databases:object[]",
    ),
    (
        "Health",
        "How a remote is: good, waiting, stale or broken.",
        "health:string said:string answered:time? trouble_since:time? paused_job:integer?",
    ),
    ("Held", "How far a tenant is at a remote.", "tenant:string held_seq:integer behind_batches:integer"),
    (
        "Remote",
        "A place offsite.",
        "name:string url:string region:string? operator_country:string? state:string held_seq:integer? behind_batches:integer last_shipped:time? \
         objects:integer erasure_pending:ErasurePending? tenants:Held[] health:Health last_drill:LastDrill?",
    ),
    (
        "ErasurePending",
        "What of erased subjects a remote still has: key objects that the next shipment replaces, and objects that compaction replaces.",
        "keys:boolean objects:integer",
    ),
    (
        "LastDrill",
        "What the last rehearsed rebuild showed: seconds to be back, seconds of changes that would have been lost.",
        "time:time ok:boolean sample:boolean rto_secs:number rpo_secs:integer problems:string[]",
    ),
    (
        "PolicyPlace",
        "A remote, and which tenants' data lie there. Everything is sealed before it leaves.",
        "name:string url:string region:string? operator_country:string? encryption:string tenants:string[]",
    ),
    ("Refused", "Shipments that a rule refused.", "times:integer first:time last:time why:string"),
    (
        "Placement",
        "One tenant at one remote; forbidden_by is not_listed, no_region or region where its data must not lie there.",
        "remote:string allowed:boolean forbidden_by:string? why:string? objects:integer bytes:integer since:time? refused:Refused?",
    ),
    (
        "TenantPlaces",
        "Where a tenant's data may lie, and where they lie.",
        "tenant:string id:string regions:string[] remotes:string[] copies_min:integer? places:Placement[] ok:boolean",
    ),
    ("LeftTenant", "What a remote held of a tenant.", "tenant:string objects:integer"),
    ("LeftBehind", "A remote that was taken out while it held something.", "name:string region:string? time:time tenants:LeftTenant[]"),
    ("Violation", "A rule that is not kept.", "tenant:string remote:string? said:string hint:string"),
    (
        "PolicyReport",
        "Whether the rules of all tenants are kept.",
        "ok:boolean time:time remotes:PolicyPlace[] tenants:TenantPlaces[] left:LeftBehind[] violations:Violation[]",
    ),
    ("Unshipped", "What is only here.", "batches:integer changes:integer bytes:integer oldest:time? ~age_secs:integer"),
    (
        "TenantStatus",
        "How a tenant is.",
        "tenant:string id:string position:Position documents:integer state:string kept_until:time? unshipped:Unshipped",
    ),
    ("Upcoming", "What is done on schedule, and its next runs.", "kind:string subject:string at:time[]"),
    ("Agent", "The agent.", "running:boolean next:Upcoming[]"),
    ("WouldFree", "What the rules would free, as it was seen last.", "rules:string versions:integer bytes:integer time:time"),
    (
        "Brake",
        "A mass change that nobody looked at yet: before is the last batch before it, mark has the state of then.",
        "tenant:string time:time before:integer changed:integer documents:integer mark:string said:string",
    ),
    ("Problem", "What people should know.", "problem:string said:string"),
    (
        "Status",
        "How the store is.",
        "site:string? site_id:string safe:boolean summary:string stale:boolean damaged:boolean position:Position? tenants:TenantStatus[] \
         documents:integer unshipped:Unshipped stale_after_secs:integer? remotes:Remote[] lineage:object[] captures:object[] open_batches:integer \
         erasure_left_here:boolean would_free:WouldFree? brakes:Brake[] disk_bytes:integer quota_bytes:integer? time:time waiting:string? \
         agent:Agent problems:Problem[] *",
    ),
    ("News", "Batches after a batch, jobs that are not over, and where to go on.", "batches:Batch[] jobs:Job[] next:string"),
    ("ErrorPlace", "Where it happened: a document, a batch, a field of what was sent.", "~key:string ~seq:integer ~field:string"),
    (
        "ErrorText",
        "What failed: a stable code, the exit code of the command line for it, a message, and what to do next.",
        "code:string exit:integer message:string hint:string? at:ErrorPlace",
    ),
    ("Error", "A failure.", "error:ErrorText"),
];

/// Shapes that are sent, not given.
const SENT: [&str; 16] = [
    "HoldWanted",
    "KeepWanted",
    "ForgetWanted",
    "EraseWanted",
    "EraseConfirmed",
    "DropWanted",
    "RealignWanted",
    "RealignApplied",
    "RemoteWanted",
    "CheckWanted",
    "PlanWanted",
    "PlanApplied",
    "MarkWanted",
    "ReferenceWanted",
    "TenantWanted",
    "Acknowledged",
];

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A reference to a shape.
pub(super) fn of(name: &str) -> Value {
    reference(name)
}

/// The schema of a type as it stands in [`SHAPES`].
fn kind(text: &str) -> Value {
    if let Some(text) = text.strip_suffix('?') {
        let value = kind(text);
        return match value.get("type").and_then(Value::as_str) {
            Some(word) => {
                let mut value = value.clone();
                value["type"] = json!([word, "null"]);
                value
            }
            None => json!({ "anyOf": [value, { "type": "null" }] }),
        };
    }
    if let Some(text) = text.strip_suffix("[]") {
        return json!({ "type": "array", "items": kind(text) });
    }
    match text {
        "string" | "integer" | "number" | "boolean" | "object" => json!({ "type": text }),
        "time" => json!({ "type": "string", "format": "date-time" }),
        "any" => json!({}),
        "cause" => json!({ "anyOf": [{ "type": "string", "enum": ["recorded", "restore"] }, reference("Cause")] }),
        name => reference(name),
    }
}

/// All shapes by name.
pub(super) fn all() -> Value {
    let mut out = Map::new();
    for (name, says, fields) in SHAPES {
        let (mut properties, mut required, mut open) = (Map::new(), Vec::new(), false);
        for field in fields.split_whitespace() {
            let Some((name, text)) = field.split_once(':') else {
                // Objects of other parts of the contract may have more.
                open = true;
                continue;
            };
            let absent = name.strip_prefix('~');
            if absent.is_none() {
                required.push(name);
            }
            properties.insert(absent.unwrap_or(name).to_owned(), kind(text));
        }
        let mut shape = json!({ "type": "object", "description": says, "properties": properties, "required": required });
        // What is sent has no other fields; what is given may get more of them one day, and an open one has them already.
        let is_sent = SENT.contains(name);
        if open || is_sent {
            shape["additionalProperties"] = (!is_sent).into();
        }
        out.insert((*name).to_owned(), shape);
    }
    out.into()
}
