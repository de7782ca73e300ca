//! Where the data of each tenant may lie and where they lie: the rules, what each remote is known to hold, what was refused and when. Asks no
//! remote.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Kind, Result};
use crate::base::id::TenantId;
use crate::base::time::Timestamp;
use crate::format::segment::ObjectName;
use crate::storage::catalog::{View as Rows, Writer};
use crate::storage::config::{Config, Remote as Place, TenantRules};

use super::store::{Inner, Store, Tenant};

/// What facts about refused shipments begin with; then come the remote's name and the tenant's id.
const REFUSED: &str = "refused ";
/// What facts about remotes begin with that were taken out while they held something.
const LEFT: &str = "left behind ";

/// A tenant whose rules let fewer remotes have its data than they ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplaceable {
    /// The tenant.
    pub tenant: String,
    /// Copies that its rules ask for.
    pub copies: u32,
    /// Remotes that may have its data.
    pub remotes: usize,
}

/// Shipments that a rule refused: one tenant's to one remote. Nothing of it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// When the first one was refused, microseconds since 1970.
    pub first: i64,
    /// When the last one was.
    pub last: i64,
    /// How many were.
    pub times: u64,
    /// Why the last one was.
    pub why: String,
}

/// One tenant at one remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The remote by name.
    pub remote: String,
    /// What keeps the tenant away from it; nothing where it may be shipped there.
    pub forbidden: Option<Forbidden>,
    /// Objects that the remote is known to hold of it.
    pub objects: u64,
    /// Their bytes, without the small one with the sealed key.
    pub bytes: u64,
    /// Since when it holds the oldest of them.
    pub since: Option<Timestamp>,
    /// What was refused.
    pub refusal: Option<Refusal>,
}

/// One tenant: what its rules are and where its data lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantPlaces {
    /// The name people use.
    pub name: String,
    /// The id that the outside sees: the name of its folder at remotes.
    pub public: TenantId,
    /// Its rules; empty ones where there are none.
    pub rules: TenantRules,
    /// Every remote of the configuration, in its order.
    pub places: Vec<Placement>,
}

/// A tenant's data at a remote that was taken out of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftTenant {
    /// The tenant by name.
    pub tenant: String,
    /// Objects that lay there.
    pub objects: u64,
}

/// A remote that was taken out of the configuration, or is somewhere else now, while it held something. What became of that nobody here knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftBehind {
    /// Its name then.
    pub remote: String,
    /// Where it was under the law, as far as it was said.
    pub region: Option<String>,
    /// When it was taken out, microseconds since 1970.
    pub at: i64,
    /// What it held.
    pub tenants: Vec<LeftTenant>,
}

/// A rule that is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The tenant by name.
    pub tenant: String,
    /// The remote, where it is about one.
    pub remote: Option<String>,
    /// What is so.
    pub said: String,
    /// What to do about it.
    pub hint: String,
}

/// Whether the rules of all tenants are kept, and what that is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyReport {
    /// When this was seen.
    pub at: Timestamp,
    /// The remotes of the configuration.
    pub remotes: Vec<Place>,
    /// All tenants, the default one first.
    pub tenants: Vec<TenantPlaces>,
    /// Remotes that are not used any more.
    pub left: Vec<LeftBehind>,
    /// Rules that are not kept; none where all is well.
    pub violations: Vec<Violation>,
}

/// With what everything is sealed before it leaves; a remote never has a key.
pub const ENCRYPTION: &str = "XChaCha20-Poly1305";

/// Why the rules of a tenant keep its data away from a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forbidden {
    /// The rules name the remotes, and this is none of them.
    NotListed,
    /// The rules name regions, and the remote does not say where it is.
    Unknown,
    /// The remote is in a region that the rules do not name.
    Region(String),
}

impl Forbidden {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Forbidden::NotListed => "not_listed",
            Forbidden::Unknown => "no_region",
            Forbidden::Region(_) => "region",
        }
    }

    /// Why, for people; `rules` are those of the tenant.
    pub fn why(&self, rules: &TenantRules) -> String {
        match self {
            Forbidden::NotListed => format!("its rules name other remotes: {}", rules.remotes.join(", ")),
            Forbidden::Unknown => format!("it does not say in which region it is, and the data may lie only in {}", rules.regions.join(", ")),
            Forbidden::Region(region) => format!("it is in {region}, and the data may lie only in {}", rules.regions.join(", ")),
        }
    }
}

/// What keeps a tenant's data away from a remote; nothing where it may be shipped there: the remote is on the tenant's list, and in one of its
/// regions. A remote that does not say where it is counts as forbidden for a tenant with regions.
pub(crate) fn forbidden(config: &Config, tenant: &str, remote: &str, region: Option<&str>) -> Option<Forbidden> {
    let rules = config.tenants.get(tenant)?;
    if !rules.remotes.is_empty() && rules.remotes.iter().all(|name| name != remote) {
        return Some(Forbidden::NotListed);
    }
    if rules.regions.is_empty() {
        return None;
    }
    match region {
        None => Some(Forbidden::Unknown),
        Some(region) => rules.regions.iter().all(|r| r != region).then(|| Forbidden::Region(region.to_owned())),
    }
}

/// Whether a tenant's data may be shipped to a remote.
pub(crate) fn allows(config: &Config, tenant: &str, remote: &str, region: Option<&str>) -> bool {
    forbidden(config, tenant, remote, region).is_none()
}

fn fact_of(remote: &str, tenant: TenantId) -> String {
    format!("{REFUSED}{remote} {}", tenant.to_hex())
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|_| Error::damaged("a note about where data may lie"))
}

fn text(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|e| Error::new(Kind::Failed, "policy.note", e.to_string()))
}

/// Notes that a tenant was not shipped to a remote because of its rules.
pub(crate) fn note_refusal(tenant: &Tenant, remote: &str, why: &Forbidden) -> Result<()> {
    let inner = &*tenant.inner;
    let (now, name) = (inner.clock().now().micros(), fact_of(remote, tenant.public));
    let why = inner.config.tenants.get(tenant.name()).map_or_else(String::new, |rules| why.why(rules));
    inner.catalog.write(|w| {
        let known: Option<Refusal> = w.fact(&name)?.map(|bytes| read(&bytes)).transpose()?;
        let (first, times) = known.map_or((now, 0), |known| (known.first, known.times));
        w.set_fact(&name, &text(&Refusal { first, last: now, times: times.saturating_add(1), why })?)
    })
}

/// Notes what a remote held that is being taken out. Called before that is forgotten.
pub(crate) fn note_left(w: &Writer<'_>, remote: &str, region: Option<&str>, now: Timestamp) -> Result<()> {
    let mut tenants = Vec::new();
    for tenant in w.tenants()?.into_iter().filter(|t| !t.is_side()) {
        let objects = w.holding(remote, tenant.id)?.objects;
        if objects > 0 {
            tenants.push(LeftTenant { tenant: tenant.name, objects });
        }
    }
    if tenants.is_empty() {
        return Ok(());
    }
    let note = LeftBehind { remote: remote.to_owned(), region: region.map(str::to_owned), at: now.micros(), tenants };
    w.set_fact(&format!("{LEFT}{remote} {}", now.micros()), &text(&note)?)
}

/// The refusal to ship a tenant to a remote, which is noted.
pub(crate) fn refuse(tenant: &Tenant, remote: &str, why: &Forbidden) -> Result<Error> {
    note_refusal(tenant, remote, why)?;
    let rules = tenant.inner.config.tenants.get(tenant.name()).map_or_else(String::new, |rules| format!(": {}", why.why(rules)));
    Ok(Error::new(Kind::Refused, "rule.residency", format!("{} may not be shipped to {remote}{rules}", tenant.name()))
        .hint("see [tenant] regions and remotes in annals.toml; nothing was sent. annals policy report shows where everything lies"))
}

impl Store {
    /// Refuses where a tenant's rules keep it away from each of these remotes of the configuration.
    ///
    /// # Errors
    /// [`Kind::Refused`] (code `rule.residency`); it is noted for the report.
    pub fn refuse_forbidden(&self, tenant: &Tenant, remotes: &[String]) -> Result<()> {
        let mut refused = None;
        for name in remotes {
            let region = self.config().remote(name)?.region.as_deref();
            match forbidden(self.config(), tenant.name(), name, region) {
                None => return Ok(()),
                Some(why) => refused = Some((name, why)),
            }
        }
        refused.map_or(Ok(()), |(name, why)| Err(refuse(tenant, name, &why)?))
    }

    /// Tenants with the remotes that are known to hold something of them although they must not: the part of [`Store::policy_report`] that costs
    /// little however much lies there.
    pub fn misplaced(&self) -> Result<Vec<(String, String)>> {
        let inner = &*self.inner;
        inner.catalog.read(|rows| {
            let mut found = Vec::new();
            for tenant in rows.tenants()?.into_iter().filter(|t| inner.config.tenants.contains_key(&t.name)) {
                for place in &inner.config.remotes {
                    let forbidden = !allows(&inner.config, &tenant.name, &place.name, place.region.as_deref());
                    if forbidden && rows.holding(&place.name, tenant.id)?.objects > 0 {
                        found.push((tenant.name.clone(), place.name.clone()));
                    }
                }
            }
            Ok(found)
        })
    }

    /// Tenants with something recorded that fewer of the remotes may have than their rules ask for: it goes nowhere, or not often enough, however
    /// long it waits. None where there is no remote at all.
    pub fn unplaceable(&self) -> Result<Vec<Unplaceable>> {
        let inner = &*self.inner;
        if inner.config.remotes.is_empty() {
            return Ok(Vec::new());
        }
        inner.catalog.read(|rows| {
            let mut found = Vec::new();
            for tenant in rows.tenants()?.into_iter().filter(|t| !t.is_side() && t.position.seq > 0) {
                let copies = inner.config.tenants.get(&tenant.name).and_then(|rules| rules.copies_min).unwrap_or(1);
                let may = inner.config.remotes.iter().filter(|p| allows(&inner.config, &tenant.name, &p.name, p.region.as_deref())).count();
                if may < copies as usize && rows.dropped(tenant.id)?.is_none_or(|dropped| dropped.gone.is_none()) {
                    found.push(Unplaceable { tenant: tenant.name, copies, remotes: may });
                }
            }
            Ok(found)
        })
    }

    /// Whether the rules of all tenants are kept by where their data are known to lie.
    ///
    /// # Errors
    /// Where the catalogue cannot be read.
    pub fn policy_report(&self) -> Result<PolicyReport> {
        let inner = &*self.inner;
        inner.catalog.read(|rows| {
            let mut tenants = Vec::new();
            for tenant in rows.tenants()?.into_iter().filter(|t| !t.is_side()) {
                let rules = inner.config.tenants.get(&tenant.name).cloned().unwrap_or_default();
                let placed = |place: &Place| placement(inner, rows, (tenant.id, tenant.public, &tenant.name), place);
                let places = inner.config.remotes.iter().map(placed).collect::<Result<Vec<_>>>()?;
                tenants.push(TenantPlaces { name: tenant.name, public: tenant.public, rules, places });
            }
            let left = rows.facts(LEFT)?.iter().map(|(_, bytes)| read(bytes)).collect::<Result<Vec<_>>>()?;
            let violations = tenants.iter().flat_map(violations).collect();
            Ok(PolicyReport { at: inner.clock().now(), remotes: inner.config.remotes.clone(), tenants, left, violations })
        })
    }
}

fn placement(inner: &Inner, rows: &Rows<'_>, (id, public, name): (i64, TenantId, &str), place: &Place) -> Result<Placement> {
    let held = rows.held(&place.name, id)?;
    Ok(Placement {
        remote: place.name.clone(),
        forbidden: forbidden(&inner.config, name, &place.name, place.region.as_deref()),
        objects: held.len() as u64,
        bytes: held.iter().filter_map(|(name, _)| ObjectName::parse(name)).map(|name| name.size).sum(),
        since: held.iter().map(|(_, at)| *at).min(),
        refusal: rows.fact(&fact_of(&place.name, public))?.map(|bytes| read(&bytes)).transpose()?,
    })
}

fn violations(tenant: &TenantPlaces) -> Vec<Violation> {
    let mut found = Vec::new();
    for place in tenant.places.iter().filter(|place| place.objects > 0) {
        let Some(forbidden) = &place.forbidden else { continue };
        let objects = if place.objects == 1 { "1 object lies".to_owned() } else { format!("{} objects lie", place.objects) };
        found.push(Violation {
            tenant: tenant.name.clone(),
            remote: Some(place.remote.clone()),
            said: format!("{objects} at {}, where they must not: {}", place.remote, forbidden.why(&tenant.rules)),
            hint: format!("remove the folder {} there, then run annals verify --remote {}", tenant.public.to_hex(), place.remote),
        });
    }
    let may = tenant.places.iter().filter(|place| place.forbidden.is_none()).count() as u64;
    if let Some(copies) = tenant.rules.copies_min.filter(|copies| u64::from(*copies) > may) {
        found.push(Violation {
            tenant: tenant.name.clone(),
            remote: None,
            said: format!("copies_min is {copies}, and {may} of the remotes may have its data"),
            hint: "add a remote that its regions and remotes allow, or lower copies_min".to_owned(),
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remote_without_region_is_forbidden_for_a_tenant_with_regions() {
        let text = "[[remote]]\nname = \"a\"\ndirectory = \"/a\"\nregion = \"se\"\n[[remote]]\nname = \"b\"\ndirectory = \"/b\"\n\
                    [tenant.x]\nregions = [\"se\"]\n[tenant.y]\nremotes = [\"b\"]\n";
        let config = Config::parse(text).expect("config");
        let may = |tenant: &str| config.remotes.iter().map(|r| allows(&config, tenant, &r.name, r.region.as_deref())).collect::<Vec<_>>();
        assert_eq!((may("x"), may("y"), may("main")), (vec![true, false], vec![false, true], vec![true, true]));
    }
}
