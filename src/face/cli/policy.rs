//! Where the data of each tenant may lie, and where they lie.

use clap::Args;

use crate::base::error::Result;
use crate::base::time::Timestamp;
use crate::engine::residency::{ENCRYPTION, Placement, PolicyReport, TenantPlaces};
use crate::face::view;
use crate::model::moment::{self, Zone};
use crate::storage::config::Remote;

use super::context::{Context, bytes, counted};

/// Exit code of a check that found something.
const FOUND: u8 = 4;

/// Prove where the data of each tenant may lie and where they lie; asks no remote
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals policy report\n  annals policy report --json\n\nThe rules are regions, remotes and copies_min in [tenant.\"NAME\"] of annals.toml. Shipping keeps to them; a remote that does not say\nin which region it is gets nothing of a tenant with regions. The report names what lies where it must not, also where a rule or a remote was\nchanged since, and which shipments were refused. Exit code 4 where a rule is not kept."
)]
pub(super) struct Report {}

impl Report {
    pub(super) fn run(self, context: &Context) -> Result<u8> {
        let store = context.store_as_configured()?;
        let report = store.policy_report()?;
        context.out.object("annals.policy.report/1", view::policy_report(&report))?;
        show(context, &report, &context.zone(&store))?;
        Ok(if report.violations.is_empty() { 0 } else { FOUND })
    }
}

fn show(context: &Context, report: &PolicyReport, zone: &Zone) -> Result<()> {
    let out = &context.out;
    match report.violations.len() {
        0 => out.line(format!("{}: every tenant's data lie only where they may", out.paint("32", "Rules kept")))?,
        n => out.line(format!("{}: {}", out.paint("31", "Rules broken"), counted(n, "finding")))?,
    }
    for violation in &report.violations {
        out.line(format!("  {}: {}", violation.tenant, violation.said))?;
        out.line(format!("    {}", violation.hint))?;
    }
    out.line("Remotes")?;
    for place in &report.remotes {
        out.line(format!("  {}  {}", place.name, remote(report, place)))?;
    }
    if report.remotes.is_empty() {
        out.line("  none: nothing leaves this machine")?;
    }
    for left in &report.left {
        let held: Vec<String> = left.tenants.iter().map(|t| format!("{} ({})", t.tenant, counted(t.objects, "object"))).collect();
        let region = left.region.as_deref().unwrap_or("not said");
        let since = moment::show_short(Timestamp(left.at), zone);
        out.line(format!("  {}  not used since {since}, region {region}; held {}; nobody looks there any more", left.remote, held.join(", ")))?;
    }
    out.line("Tenants")?;
    for tenant in &report.tenants {
        out.line(format!("  {}  {}", tenant.name, rules(tenant)))?;
        for place in tenant.places.iter().filter(|p| p.objects > 0 || p.forbidden.is_some()) {
            out.line(format!("    {}", placement(tenant, place, zone)))?;
        }
    }
    Ok(())
}

fn remote(report: &PolicyReport, place: &Remote) -> String {
    let said = |word: &Option<String>| word.clone().unwrap_or_else(|| "not said".to_owned());
    let here = report.tenants.iter().filter(|t| t.places.iter().any(|p| p.remote == place.name && p.objects > 0));
    let here: Vec<&str> = here.map(|t| t.name.as_str()).collect();
    let holds = if here.is_empty() { "holds nothing".to_owned() } else { format!("holds {}", here.join(", ")) };
    let (region, operator) = (said(&place.region), said(&place.operator_country));
    format!("{}, region {region}, operator {operator}, sealed before it leaves ({ENCRYPTION}); {holds}", view::remote_url(place))
}

fn rules(tenant: &TenantPlaces) -> String {
    let rules = &tenant.rules;
    let mut said = Vec::new();
    if !rules.regions.is_empty() {
        said.push(format!("only in {}", rules.regions.join(", ")));
    }
    if !rules.remotes.is_empty() {
        said.push(format!("only at {}", rules.remotes.join(", ")));
    }
    if let Some(copies) = rules.copies_min {
        said.push(format!("at least {copies} copies"));
    }
    if said.is_empty() { "no rules: anywhere".to_owned() } else { said.join(", ") }
}

fn placement(tenant: &TenantPlaces, place: &Placement, zone: &Zone) -> String {
    let may = match &place.forbidden {
        None => "may lie here".to_owned(),
        Some(forbidden) => format!("must not lie here: {}", forbidden.why(&tenant.rules)),
    };
    let since = place.since.map_or_else(String::new, |at| format!(" since {}", moment::show_short(at, zone)));
    let holds = match place.objects {
        0 => "holds nothing".to_owned(),
        n => format!("holds {}, {}{since}", counted(n, "object"), bytes(place.bytes)),
    };
    let refused = place.refusal.as_ref().map_or_else(String::new, |refusal| {
        format!("; refused {}, the last time {}", counted(refusal.times, "time"), moment::show_short(Timestamp(refusal.last), zone))
    });
    format!("{}: {may}; {holds}{refused}", place.remote)
}
