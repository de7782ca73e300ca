//! What the names at a remote say about our history: whether somebody else goes on with it, from which batch on, and how far.
//!
//! Names carry timeline and sequence numbers, so a listing shows objects that are not ours; the records in their tails tell where they join
//! our log. Nothing else is read, and nothing is written here or there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::TimelineId;
use crate::base::machine::Machine;
use crate::base::monitor::Monitor;
use crate::base::time::Timestamp;
use crate::format::segment::{ObjectName, ObjectRead, Tail};
use crate::format::wire::{Known, Slice, TimelinePrefix, WireChange};
use crate::model::change::Meta;
use crate::model::lineage::{Place, Side, Verdict, judge};
use crate::model::timeline::Position;
use crate::storage::catalog::{self, View, Writer};
use crate::storage::remote::Remote;

use super::seal::Before;
use super::store::{Store, Tenant};
use super::witness::{self, Fence};

/// The log as somebody else continues it: ours up to a batch, then the records of slices that were read but not taken in.
pub(crate) struct Records<'a> {
    before: Before<'a>,
    /// Of documents that the slices put: the newest content and what was kept beside it.
    documents: HashMap<u64, (u64, Meta)>,
    /// Sizes of contents that the slices introduce.
    sizes: Vec<u64>,
}

impl<'a> Records<'a> {
    /// Our log of `tenant` up to batch `seq`.
    pub(crate) fn from(tenant: &'a Tenant, seq: u64) -> Result<Self> {
        let contents = tenant.inner.catalog.read(|rows| rows.log_end(tenant.id, seq))?.contents;
        let before = Before { inner: &tenant.inner, tenant: tenant.id, first_seq: seq + 1, contents };
        Ok(Records { before, documents: HashMap::new(), sizes: Vec::new() })
    }

    /// Goes on with a slice.
    pub(crate) fn push(&mut self, slice: &Slice) {
        for change in slice.batches.iter().flat_map(|b| &b.changes) {
            if let WireChange::Put { document, content, meta } = change {
                self.documents.insert(*document, (*content, meta.clone()));
            }
        }
        self.sizes.extend(slice.contents.iter().map(|c| c.size));
    }
}

impl Known for Records<'_> {
    fn content_of(&self, document: u64) -> Result<Option<u64>> {
        self.documents.get(&document).map_or_else(|| self.before.content_of(document), |(content, _)| Ok(Some(*content)))
    }

    fn content_size(&self, content: u64) -> Result<u64> {
        match content.checked_sub(self.before.contents) {
            None => self.before.content_size(content),
            Some(own) => self.sizes.get(own as usize).copied().ok_or_else(|| Error::damaged("a slice that names an unknown content")),
        }
    }

    fn meta_of(&self, document: u64) -> Result<Option<Meta>> {
        self.documents.get(&document).map_or_else(|| self.before.meta_of(document), |(_, meta)| Ok(Some(meta.clone())))
    }
}

/// Objects of a tenant, read in place.
pub(crate) struct InPlace<'a> {
    pub(crate) remote: &'a dyn Remote,
    pub(crate) folder: String,
    pub(crate) monitor: &'a dyn Monitor,
}

impl ObjectRead for InPlace<'_> {
    fn read(&self, object: &ObjectName, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.remote.read(&format!("{}/{object}", self.folder), offset, len, self.monitor)
    }
}

/// What the names at a remote say.
#[derive(Debug, Clone)]
pub(crate) struct Looked {
    pub verdict: Verdict,
    /// The line that goes on without us, by the first half of its id.
    pub line: Option<TimelinePrefix>,
    /// The last batch that its objects name.
    pub theirs: u64,
    /// Time of the last of its batches that was read.
    pub theirs_time: Option<Timestamp>,
    /// Where their line was begun, where it tells.
    pub place: Option<Place>,
    /// The last batch that both have.
    pub common: u64,
    /// Objects that are recorded here as ours, beyond the last common batch.
    pub own: BTreeSet<String>,
    /// Tail objects that are not recorded here as ours but hold our batches.
    pub same: BTreeSet<String>,
    /// Lines that were passed over because they do not join our log, or were left aside before.
    pub aside: BTreeSet<TimelinePrefix>,
    /// All lines with the last batch that each names.
    pub lines: BTreeMap<TimelinePrefix, u64>,
}

/// Objects of one line that are not known to be ours.
#[derive(Default)]
struct Group {
    tails: Vec<ObjectName>,
    first: u64,
    last: u64,
    /// Where it leaves our log.
    joins: Option<u64>,
    time: Option<Timestamp>,
    machine: Option<String>,
}

fn same_fact(tenant: i64) -> String {
    format!("same {tenant}")
}

/// Names of tail objects that were found to hold our batches.
fn known_same(rows: &View<'_>, tenant: i64) -> Result<BTreeSet<String>> {
    let text = rows.fact(&same_fact(tenant))?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&text).lines().map(str::to_owned).collect())
}

fn note_same(w: &Writer<'_>, tenant: i64, same: &BTreeSet<String>) -> Result<()> {
    let mut all = known_same(w, tenant)?;
    let before = all.len();
    all.extend(same.iter().cloned());
    if all.len() == before { Ok(()) } else { w.set_fact(&same_fact(tenant), all.into_iter().collect::<Vec<_>>().join("\n").as_bytes()) }
}

/// Compares a tenant's log with what lies at a remote. One listing; where it shows strange objects, their tails.
pub(crate) fn look(tenant: &Tenant, remote: &dyn Remote, monitor: &dyn Monitor) -> Result<Looked> {
    let inner = &*tenant.inner;
    let folder = tenant.public.to_hex();
    let listed = remote.list(&format!("{folder}/"), monitor)?;
    let names: Vec<(ObjectName, bool)> =
        listed.iter().filter_map(|o| ObjectName::parse(o.name.rsplit('/').next()?).map(|name| (name, name.size == o.size))).collect();
    let (row, left, known) = inner.catalog.read(|rows| {
        let row = rows.tenant_by_id(tenant.id)?;
        Ok((row, witness::known_lines(rows, tenant.id)?, known_same(rows, tenant.id)?))
    })?;
    let mut looked = Looked {
        verdict: Verdict::Ahead,
        line: None,
        theirs: 0,
        theirs_time: None,
        place: None,
        common: 0,
        own: BTreeSet::new(),
        same: known,
        aside: BTreeSet::new(),
        lines: BTreeMap::new(),
    };
    let mut groups: BTreeMap<TimelinePrefix, Group> = BTreeMap::new();
    for (name, whole) in names {
        let reach = looked.lines.entry(name.timeline).or_default();
        *reach = name.last.max(*reach);
        let text = name.to_string();
        let own = inner.catalog.read(|rows| rows.is_sealed(tenant.id, name.first, &text))?;
        if own || looked.same.contains(&text) {
            looked.theirs = name.last.max(looked.theirs);
            if own {
                looked.own.insert(text);
            }
            continue;
        }
        let group = groups.entry(name.timeline).or_insert_with(|| Group { first: u64::MAX, ..Group::default() });
        (group.first, group.last) = (name.first.min(group.first), name.last.max(group.last));
        if name.is_tail && whole {
            group.tails.push(name);
        }
    }
    let end = row.position.seq;
    let agreed = looked.theirs.min(end);
    let mut foreign = false;
    for (line, group) in &mut groups {
        if left.get(line).is_some_and(|reach| *reach >= group.last) {
            looked.aside.insert(*line);
            continue;
        }
        group.tails.sort_by_key(|n| (n.first, n.last));
        let mut held_to = 0;
        for tail in group.tails.iter().filter(|n| n.first <= end + 1) {
            match join(tenant, remote, tail, end, monitor) {
                Ok(Join::Same) => {
                    held_to = tail.last.max(held_to);
                    looked.same.insert(tail.to_string());
                }
                Ok(Join::Leaves(at, slice)) => {
                    group.joins = Some(group.joins.map_or(at, |known| known.min(at)));
                    group.time = group.time.max(slice.batches.last().map(|b| b.time));
                    group.machine = Machine::of_line(slice.timeline);
                }
                Ok(Join::Elsewhere) => {}
                Err(e) if e.kind() == Kind::Denied => foreign = true,
                Err(e) if matches!(e.kind(), Kind::Newer | Kind::Interrupted) || e.code().starts_with("disk.") => return Err(e),
                // What cannot be read says no more than its name.
                Err(_) => {}
            }
        }
        let own = *line == row.position.timeline.prefix() || row.parent.is_some_and(|p| *line == p.timeline.prefix());
        // Half a shipment, or tails beyond what we can read: our own line was written to by somebody who is not us.
        let agreed = agreed.max(held_to);
        if group.joins.is_none() && own && group.last > agreed {
            group.joins = Some((group.first - 1).min(end).max(agreed));
        }
        if group.joins.is_none() && group.first <= end + 1 {
            looked.aside.insert(*line);
        }
    }
    let target = groups.iter().filter_map(|(line, g)| g.joins.map(|at| (g.last, *line, at, g.time))).max();
    let Some((_, line, common, time)) = target else {
        let verdict = if foreign { Verdict::Foreign } else { own_verdict(tenant, &row.position, agreed) };
        return Ok(Looked { verdict, common: agreed, ..looked });
    };
    // Lines that join nowhere may continue the one that does: they leave it further on than our log reaches.
    let further = groups.iter().filter(|(l, g)| **l != line && g.joins.is_none() && !looked.aside.contains(*l));
    let last = further.map(|(_, g)| g.last).chain([groups[&line].last]).max().unwrap_or_default();
    let mut id = [0; 16];
    id[..8].copy_from_slice(&line);
    // A remote tells the first half of a line's id, which is all that comparing needs.
    let same_line = line == row.position.timeline.prefix();
    let timeline = if same_line { row.position.timeline } else { TimelineId::from_bytes(id) };
    let ours = inner.witness.side(row.position);
    // A line of our own that somebody else wrote to says where it was begun, not who that was.
    let machine = groups[&line].machine.clone().filter(|_| !same_line);
    let here = machine.as_ref().is_some_and(|m| *m == ours.place.machine);
    let place = machine.map(|machine| Place { host: if here { ours.place.host.clone() } else { String::new() }, machine, ..Place::default() });
    let position = Position { timeline, seq: last, digest: Digest::ZERO };
    let theirs = Side { position, place: place.clone().unwrap_or_default(), site: ours.site };
    let verdict = judge(&ours, &theirs, common);
    Ok(Looked { verdict, line: Some(line), theirs: last, theirs_time: time, place, common, ..looked })
}

fn own_verdict(tenant: &Tenant, ours: &Position, agreed: u64) -> Verdict {
    let side = tenant.inner.witness.side(*ours);
    let theirs = Side { position: Position { seq: agreed, ..*ours }, ..side.clone() };
    judge(&side, &theirs, agreed)
}

enum Join {
    /// It holds batches of ours, and no others.
    Same,
    /// It has our batches up to this one, and goes on otherwise.
    Leaves(u64, Box<Slice>),
    /// What is before its first batch is not ours.
    Elsewhere,
}

/// Where a slice that begins within our log, or right after it, leaves it.
fn join(tenant: &Tenant, remote: &dyn Remote, tail: &ObjectName, end: u64, monitor: &dyn Monitor) -> Result<Join> {
    let source = InPlace { remote, folder: tenant.public.to_hex(), monitor };
    let opened = Tail::read(&tenant.key()?, tenant.public, tail, &source)?;
    let slice = opened.decode(tenant.public, &Records::from(tenant, tail.first - 1)?)?.into_slice();
    tenant.inner.catalog.read(|rows| {
        if rows.log_end(tenant.id, slice.first_seq - 1)?.digest != slice.prev {
            return Ok(Join::Elsewhere);
        }
        let last = slice.last_seq().min(end);
        let here = rows.batches(catalog::id(tenant.id, slice.first_seq), catalog::id(tenant.id, last), slice.batches.len())?;
        let differs = here.iter().zip(&slice.batches).find(|(ours, theirs)| {
            let head = &ours.head;
            (head.time, &head.actor, &head.reason, &head.request) != (theirs.time, &theirs.actor, &theirs.reason, &theirs.request)
                || ours.changes != theirs.changes.len() as u64
        });
        Ok(match differs {
            Some((ours, _)) => Join::Leaves(ours.head.seq - 1, Box::new(slice)),
            None if slice.last_seq() > end => Join::Leaves(end, Box::new(slice)),
            None if here.last().is_some_and(|b| b.digest == slice.head) => Join::Same,
            // The same heads over other contents: it is known only that what is before the slice is the same.
            None => Join::Leaves(slice.first_seq - 1, Box::new(slice)),
        })
    })
}

impl Looked {
    /// The fence that this asks for.
    pub(crate) fn fence(&self, tenant: &Tenant, remote: &str) -> Result<Option<Fence>> {
        if self.verdict.may_ship() {
            return Ok(None);
        }
        let row = tenant.inner.catalog.read(|rows| rows.tenant_by_id(tenant.id))?;
        let now = tenant.inner.clock().now();
        Ok(Some(Fence {
            verdict: self.verdict,
            witness: remote.to_owned(),
            ours: row.position.seq,
            ours_time: if row.position.seq == 0 { now.micros() } else { row.time.micros() },
            theirs: self.theirs,
            theirs_time: self.theirs_time.map(Timestamp::micros),
            common: self.common,
            place: self.place.clone(),
            found: now.micros(),
        }))
    }
}

/// Refuses to ship a tenant to a remote where it would be written beside somebody else's history. A near remote is asked each time; one behind a
/// line only where nothing here proves that we were its last writer. `ask` false never asks.
pub(crate) fn before_shipment(tenant: &Tenant, name: &str, remote: &dyn Remote, ask: bool, monitor: &dyn Monitor) -> Result<()> {
    let inner = &*tenant.inner;
    let now = inner.clock().now();
    inner.witness.check(&inner.catalog, inner.random(), now)?;
    inner.witness.pass(&inner.catalog, tenant.id)?;
    let must = || inner.catalog.read(|rows| inner.witness.must_look(rows, name, tenant.id, now));
    if !ask || (remote.is_far() && !must()?) {
        return Ok(());
    }
    let looked = match look(tenant, remote, monitor) {
        // A new remote behind a line: its folder is made by the first upload.
        Err(e) if e.code() == "remote.absent" && remote.is_far() && !inner.catalog.read(|rows| rows.remote_used(name))? => return Ok(()),
        looked => looked?,
    };
    match looked.fence(tenant, name)? {
        None => inner.catalog.write(|w| {
            note_same(w, tenant.id, &looked.same)?;
            inner.witness.note_look(w, name, tenant.id, now)
        }),
        Some(fence) => {
            inner.catalog.write(|w| inner.witness.raise(w, &w.tenant_by_id(tenant.id)?, &fence, inner.random()))?;
            Err(fence.refusal(tenant.name()))
        }
    }
}

/// How a tenant stands towards its witnesses, as far as it is known without asking a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The tenant.
    pub tenant: String,
    /// Why nothing of it is shipped; `None` where all is well as far as anybody knows.
    pub fence: Option<Fence>,
    /// Lines of history that it left and that can still be read, as names of tenants.
    pub lines: Vec<String>,
}

impl Store {
    /// How each tenant stands towards its witnesses.
    pub fn lineage(&self) -> Result<Vec<Standing>> {
        let sides: Vec<String> = self.lines()?.iter().map(|line| line.name().to_owned()).collect();
        let standing = |tenant: Tenant| {
            let fence = self.inner.catalog.read(|rows| self.inner.witness.fence(rows, &rows.tenant_by_id(tenant.id)?))?;
            let own = format!("{}/", tenant.name());
            let lines = sides.iter().filter(|side| side.starts_with(&own)).cloned().collect();
            Ok(Standing { tenant: tenant.name().to_owned(), fence, lines })
        };
        self.tenants()?.into_iter().map(standing).collect()
    }
}
