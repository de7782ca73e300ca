//! The verbs that reach over the line: seal, ship, fetch, rebuild.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::agent::{health, schedule, worker};
use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::SiteId;
use crate::base::limits::SHEET_BYTES_MAX;
use crate::base::time::Timestamp;
use crate::engine::offsite::{FetchReport, LineRate, OpenRemote, OtherLine, ShipOptions, ShipReport};
use crate::engine::rebuild::Rebuild as Rebuilding;
use crate::engine::seal::{SealOptions, SealReport};
use crate::engine::store::{Store, Tenant, read_key_file};
use crate::engine::verify::Level;
use crate::face::view;
use crate::format::keyfile::{KeyFile, SiteSecret, Unlock, sheet};
use crate::model::moment::{self, Moment, Zone};
use crate::storage::config::{Rate, parse_rate};
use crate::storage::remote;

use super::context::{Context, bytes, counted, grouped};

/// Seal what is pending, without shipping it
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  annals seal\n\nSealed objects wait in the store's outbox. `annals ship` seals by itself.")]
pub(crate) struct Seal {}

fn seal_json(name: &str, r: &SealReport) -> Value {
    json!({ "tenant": name, "slices": r.slices, "batches": r.batches, "objects": r.objects, "bytes": r.bytes, "content_bytes": r.content_bytes })
}

impl Seal {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let monitor = context.monitor();
        let mut tenants = Vec::new();
        for tenant in chosen(context, &store)? {
            let report = tenant.seal(&SealOptions::default(), &monitor)?;
            context.out.line(if report.batches == 0 {
                format!("{}: nothing to seal", tenant.name())
            } else {
                {
                    let (batches, objects) = (counted(report.batches, "batch"), counted(report.objects, "object"));
                    format!("{}: {batches} sealed into {objects} of {}", tenant.name(), bytes(report.bytes))
                }
            })?;
            tenants.push(seal_json(tenant.name(), &report));
        }
        let total = |field: &str| tenants.iter().filter_map(|t| t[field].as_u64()).sum::<u64>();
        let value = json!({ "objects": total("objects"), "bytes": total("bytes"), "batches": total("batches"), "tenants": tenants });
        context.out.object("annals.seal/1", value)?;
        Ok(0)
    }
}

/// The tenant that was named, or all of them.
fn chosen(context: &Context, store: &Store) -> Result<Vec<Tenant>> {
    match &context.globals.tenant {
        Some(name) => Ok(vec![store.tenant(name)?]),
        None => store.tenants(),
    }
}

/// Ship what a remote lacks: seal, upload, read back
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals ship\n  annals ship --to usb\n  annals ship --dry-run        how many bytes, and how long at which rate\n\nAn interrupted shipment goes on where it was; what arrived is not sent again. Where one remote or one\ntenant fails, the others are shipped all the same, and the exit code is 3."
)]
pub(crate) struct Ship {
    /// Only to this remote [default: every one in the configuration]
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
}

impl Ship {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_plan()?;
        let store = context.store()?;
        let limit_rate = rate(context)?;
        let names: Vec<String> = match self.to {
            Some(name) => vec![name],
            None => store.config().remotes.iter().map(|r| r.name.clone()).collect(),
        };
        if names.is_empty() {
            return Err(Error::new(Kind::Remote, "remote.none", "no remote is configured").hint("annals remote add usb dir:/media/usb/annals"));
        }
        if let Some(tenant) = &context.globals.tenant {
            store.refuse_forbidden(&store.tenant(tenant)?, &names)?;
        }
        let options = ShipOptions { dry_run: context.globals.dry_run, limit_rate, seal: SealOptions::default(), turn_bytes: None };
        let monitor = context.monitor();
        let mut reports = Vec::new();
        let (mut failed, mut failures) = (None, Vec::new());
        for name in &names {
            // One remote that is away must not keep the others from their copy.
            let done = store.remote(name, limit_rate).and_then(|remote| store.ship(&remote, &options, &monitor));
            if !options.dry_run {
                health::note_answer(&store, name, done.as_ref().err())?;
            }
            match done {
                Ok(report) => {
                    if report.bytes > 0 && !options.dry_run {
                        worker::note_traffic(&store, name, report.bytes)?;
                    }
                    context.out.line(ship_line(&report, options.dry_run))?;
                    if !report.kept_away.is_empty() {
                        context.out.line(format!("  kept away by their rules: {}", report.kept_away.join(", ")))?;
                    }
                    for f in &report.failed {
                        context.out.line(format!("  not shipped: tenant {}: {}", f.tenant, f.message))?;
                        f.hint.iter().try_for_each(|hint| context.out.line(format!("    {hint}")))?;
                    }
                    failures.extend(report.failed.iter().map(|f| failure_json(name, Some(&f.tenant), f.code, &f.message, f.hint.as_deref())));
                    reports.push(report);
                }
                Err(e) if e.kind() == Kind::Interrupted => return Err(e),
                Err(e) => {
                    if names.len() > 1 {
                        context.out.note(format!("{name}: {e}"));
                        e.what_next().iter().for_each(|hint| context.out.note(format!("  {hint}")));
                    }
                    failures.push(failure_json(name, None, e.code(), &e.to_string(), e.what_next()));
                    failed = Some(e);
                }
            }
        }
        if let Some(e) = failed
            && reports.is_empty()
        {
            return Err(e);
        }
        let outlook = if options.dry_run { Some(Outlook::of(&store)?) } else { None };
        let partial = !failures.is_empty();
        let mut value = reports.first().map_or_else(|| json!({}), |r| ship_json(r, options.dry_run));
        value["remotes"] = reports.iter().map(|r| ship_json(r, options.dry_run)).collect();
        value["failed"] = failures.into();
        if let Some(outlook) = &outlook {
            outlook.tell(context, &context.zone(&store), &mut value)?;
        }
        context.out.object("annals.ship/1", value)?;
        Ok(if partial { Kind::Partial.exit() } else { 0 })
    }
}

/// What the schedule says about a shipment that is only looked at.
struct Outlook {
    allowance: Option<(u64, Timestamp)>,
    opens: Option<Timestamp>,
    now: Timestamp,
}

impl Outlook {
    fn of(store: &Store) -> Result<Self> {
        let now = store.now_is();
        Ok(Outlook { allowance: worker::allowance_left(store)?, opens: schedule::opens(&store.config().schedule, now, &store.zone()), now })
    }

    fn tell(&self, context: &Context, zone: &Zone, value: &mut Value) -> Result<()> {
        if let Some((left, until)) = self.allowance {
            value["allowance"] = json!({ "left_bytes": left, "until": view::time(until) });
            context.out.line(format!("allowance: {} left until {}", bytes(left), moment::show_short(until, zone)))?;
        }
        value["window_opens"] = self.opens.map(view::time).into();
        match self.opens {
            Some(at) if at > self.now => context.out.line(format!("the window is closed until {}", moment::show_short(at, zone))),
            _ => Ok(()),
        }
    }
}

/// What was not shipped: one tenant to a remote, or nothing to it.
fn failure_json(remote: &str, tenant: Option<&str>, code: &str, message: &str, hint: Option<&str>) -> Value {
    json!({ "remote": remote, "tenant": tenant, "code": code, "message": message, "hint": hint })
}

pub(super) fn rate(context: &Context) -> Result<Option<u64>> {
    match context.globals.limit_rate.as_deref().map(parse_rate).transpose()? {
        Some(Rate::BytesPerSec(bytes)) => Ok(Some(bytes)),
        _ => Ok(None),
    }
}

/// Requests that were made, or will be: each object is stored, and looked at once.
fn requests(r: &ShipReport, dry_run: bool) -> u64 {
    if dry_run { 2 * r.objects } else { r.requests }
}

fn ship_line(r: &ShipReport, dry_run: bool) -> String {
    if r.objects == 0 {
        return format!("{}: holds everything already", r.remote);
    }
    let (verb, time) = if dry_run { ("would ship", "about ") } else { ("shipped", "") };
    let rate = match r.rate {
        None => String::new(),
        Some(LineRate::Measured(rate)) => format!(" at {}/s as measured", bytes(rate as u64)),
        Some(LineRate::Assumed(rate)) => format!(" at {}/s, assumed until this line is measured", bytes(rate as u64)),
        Some(LineRate::Limit(rate)) => format!(" at {}/s, the limit", bytes(rate as u64)),
    };
    let (objects, requests) = (counted(r.objects, "object"), counted(requests(r, dry_run), "request"));
    format!("{}: {verb} {} in {objects}, {time}{:.1} s{rate}, {requests}", r.remote, bytes(r.bytes), r.seconds)
}

fn rate_json(rate: LineRate) -> Value {
    let from = match rate {
        LineRate::Measured(_) => "measured",
        LineRate::Assumed(_) => "assumed",
        LineRate::Limit(_) => "limit",
    };
    json!({ "bytes_per_sec": rate.bytes_per_sec(), "from": from })
}

fn ship_json(r: &ShipReport, dry_run: bool) -> Value {
    json!({
        "remote": r.remote,
        "dry_run": dry_run,
        "objects": r.objects,
        "bytes": r.bytes,
        "requests": requests(r, dry_run),
        "seconds": r.seconds,
        "rate": r.rate.map(rate_json),
        "position": r.positions.first().map(|(_, p)| view::position(p)),
        "positions": r.positions.iter().map(|(name, p)| json!({ "tenant": name, "position": view::position(p) })).collect::<Vec<_>>(),
        "kept_away": r.kept_away,
    })
}

/// Add what remotes have beyond this store's history
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  annals fetch --from offsite\n\nFor a store that is an older copy of itself. Nothing is changed when both sides have moved on."
)]
pub(crate) struct Fetch {
    /// Only from this remote [default: every one in the configuration]
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
}

impl Fetch {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let store = context.store()?;
        let names: Vec<String> = match self.from {
            Some(name) => vec![name],
            None => store.config().remotes.iter().map(|r| r.name.clone()).collect(),
        };
        let remotes = names.iter().map(|name| store.remote(name, None)).collect::<Result<Vec<_>>>()?;
        if remotes.is_empty() {
            return Err(Error::new(Kind::Remote, "remote.none", "no remote is configured").hint("annals remote add usb dir:/media/usb/annals"));
        }
        let report = store.fetch(&remotes, &context.monitor())?;
        context.out.object("annals.fetch/1", fetch_json(&report))?;
        context.out.line(format!("{} added ({} read)", counted(report.batches, "batch"), bytes(report.bytes)))?;
        tell_trouble(context, &report)?;
        Ok(if report.gaps.is_empty() { 0 } else { Kind::Partial.exit() })
    }
}

fn fetch_json(r: &FetchReport) -> Value {
    let gap = |g: &crate::engine::offsite::Gap| json!({ "tenant": g.tenant, "first": g.first, "last": g.last, "reasons": g.reasons, "documents": g.documents });
    let line = |l: &OtherLine| json!({ "tenant": l.tenant, "timeline": l.timeline, "first": l.first, "last": l.last });
    json!({
        "batches": r.batches,
        "changes": r.changes,
        "objects": r.objects,
        "bytes": r.bytes,
        "bridged": r.bridged,
        "gaps": r.gaps.iter().map(gap).collect::<Vec<_>>(),
        "other_lines": r.other_lines.iter().map(line).collect::<Vec<_>>(),
    })
}

fn tell_trouble(context: &Context, report: &FetchReport) -> Result<()> {
    for note in &report.bridged {
        context.out.note(format!("bridged: {note}"));
    }
    for line in &report.other_lines {
        let OtherLine { tenant, timeline, first, last } = line;
        context
            .out
            .note(format!("{tenant}: an older line of history ({timeline}, batches {first} to {last}) was left aside, as a later one branched off"));
    }
    for gap in &report.gaps {
        context.out.line(format!("{}: batches {} to {} are missing", gap.tenant, gap.first, gap.last))?;
        for reason in &gap.reasons {
            context.out.line(format!("  {reason}"))?;
        }
        for document in gap.documents.iter().take(20) {
            context.out.line(format!("  not up to date: {document}"))?;
        }
        if gap.documents.len() > 20 {
            context.out.line(format!("  and {} more", counted(gap.documents.len() - 20, "document")))?;
        }
        context.out.line("  name another remote that has a copy with a further --from, and run the same command again")?;
    }
    Ok(())
}

/// Build the store anew from what is offsite
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals rebuild --from dir:/media/usb/annals --into ./store --key annals.key\n  annals rebuild --from rclone:s3eu:hist/clinic-17 --into ./store --sheet sheet.txt\n  annals rebuild --from dir:/a --from dir:/b --into ./then --key annals.key --at '2026-11-19 08:00'\n\nSeveral --from bridge each other's damage. An interrupted rebuild goes on when the same command is run again."
)]
pub(crate) struct Rebuild {
    /// Where the copy is: dir:/path or rclone:REMOTE:PATH; may be given several times
    #[arg(long, value_name = "URL", required = true)]
    from: Vec<String>,
    /// The directory of the new store
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// The key file of the site
    #[arg(long, value_name = "FILE", env = "ANNALS_KEYFILE", required_unless_present = "sheet")]
    key: Option<PathBuf>,
    /// The recovery sheet of the site, as a text file
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    sheet: Option<PathBuf>,
    /// Only what was recorded until then; the new store starts a history of its own there
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Configuration file for rclone
    #[arg(long, value_name = "FILE")]
    rclone_config: Option<PathBuf>,
    /// What people call the place [default: the name of the directory]
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
}

impl Rebuild {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        context.refuse_dry_run()?;
        let zone = context.globals.tz.as_deref().map_or_else(|| Ok(Zone::system()), Zone::parse)?;
        let at = match self.at.as_deref().map(|text| moment::parse(text, context.now(), &zone)).transpose()? {
            None => None,
            Some(Moment::Instant(at)) => Some(at),
            Some(_) => return Err(Error::usage("rebuild.at", "--at takes a time here").hint("for example --at '2026-11-19 08:00'")),
        };
        let (key_file, secret) = self.unlock(context)?;
        let limit_rate = rate(context)?;
        let options = remote::Options { rclone_config: self.rclone_config.clone(), limit_rate, ..remote::Options::default() };
        let remotes = self.from.iter().map(|url| OpenRemote::at(&absolute(url)?, &options)).collect::<Result<Vec<_>>>()?;
        let name = self.into.file_name().map_or_else(|| "site".into(), |n| n.to_string_lossy().into_owned());
        let site_name = self.site.unwrap_or(name);
        let rebuilding = Rebuilding { remotes: &remotes, into: &self.into, key_file, secret, site_name: &site_name, at };
        let monitor = context.monitor();
        let (store, report) = rebuilding.run(context.options_without_key(), &monitor)?;
        let checked = store.verify(Level::Quick, &monitor)?;
        let unsound = (!checked.problems.is_empty()).then(|| {
            Error::new(Kind::Found, "rebuild.unsound", format!("the rebuilt store has {}", counted(checked.problems.len(), "problem")))
                .hint(format!("annals -C {} verify --full", self.into.display()))
        });
        let mut value = fetch_json(&report);
        value["store"] = self.into.display().to_string().into();
        value["position"] = view::position(&store.position()?);
        let tenants = store.tenants()?;
        let tenants = tenants.iter().map(|t| Ok(json!({ "tenant": t.name(), "position": view::position(&t.position()?) })));
        value["tenants"] = tenants.collect::<Result<Vec<_>>>()?.into();
        if let Some(e) = &unsound {
            value["error"] = view::error(e)["error"].take();
        }
        context.out.object("annals.rebuild/1", value)?;
        let position = store.position()?;
        context.out.line(format!(
            "Rebuilt in {}: {} up to seq {}, digest {}",
            self.into.display(),
            counted(report.batches, "batch"),
            grouped(position.seq),
            position.digest.short(16)
        ))?;
        context.out.line(format!("{}, {} read", counted(report.objects, "object"), bytes(report.bytes)))?;
        tell_trouble(context, &report)?;
        if let Some(e) = unsound {
            context.out.complain(&e);
            return Ok(e.kind().exit());
        }
        context.out.note(format!("To ship from here, add the remote: annals -C {} remote add NAME {}", self.into.display(), self.from[0]));
        Ok(if report.gaps.is_empty() { 0 } else { Kind::Partial.exit() })
    }

    fn unlock(&self, context: &Context) -> Result<(KeyFile, SiteSecret)> {
        if let Some(path) = &self.sheet {
            let text = disk::read_file(path, SHEET_BYTES_MAX)?;
            let text = String::from_utf8(text).map_err(|_| Error::usage("sheet.text", format!("{} is not text", path.display())))?;
            let (site, secret): (SiteId, SiteSecret) = sheet::parse(&text)?;
            return Ok((KeyFile::holding(site, &secret), secret));
        }
        let path = self.key.as_deref().unwrap_or(std::path::Path::new("annals.key"));
        let key_file = read_key_file(path)?;
        let secret = key_file.open(&Unlock { passphrase: context.passphrase().as_deref(), identity: None })?;
        Ok((key_file, secret))
    }
}

/// A directory's address with its whole path, so that it means the same from everywhere.
fn absolute(url: &str) -> Result<String> {
    let Some(path) = url.strip_prefix("dir:") else { return Ok(url.to_owned()) };
    let path = crate::face::world::whole(std::path::Path::new(path))?;
    Ok(format!("dir:{}", path.display()))
}
