//! Attestation: a signed statement of what the site holds, where its copies are and how old they are; and what of an earlier one can still be
//! proved.

use serde::{Deserialize, Serialize};

use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::Monitor;
use crate::base::time::Timestamp;
use crate::format::keyfile::attestation;
use crate::model::moment;
use crate::storage::catalog::ledger::Proof;
use crate::storage::remote::RemoteUrl;

use super::offsite::OpenRemote;
use super::proof::ProofKind;
use super::store::Store;

/// The schema line of a statement.
const SCHEMA: &str = "annals.attestation.statement/1";

/// When something was looked at, and what that showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Looked {
    /// When, RFC 3339.
    pub time: String,
    /// `verify`, `patrol`, `remote` or `drill`.
    pub kind: String,
    /// Whether every byte was read.
    pub deep: bool,
    /// Whether all was well.
    pub well: bool,
    /// What was wrong, in a sentence.
    pub said: String,
}

impl From<Proof> for Looked {
    fn from(p: Proof) -> Self {
        Looked { time: moment::rfc3339_utc(p.at), kind: p.kind.word().to_owned(), deep: p.deep, well: p.well, said: p.said }
    }
}

/// A tenant's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantHeld {
    /// The tenant.
    pub tenant: String,
    /// Its id outside.
    pub id: String,
    /// The line of history.
    pub timeline: String,
    /// The last batch.
    pub seq: u64,
    /// Its digest, which vouches for everything before it.
    pub digest: String,
    /// When it was recorded; nothing where there is none.
    pub newest: Option<String>,
    /// Documents that exist.
    pub documents: u64,
}

/// How far a copy is with a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantCopied {
    /// The tenant.
    pub tenant: String,
    /// Everything up to this batch is there.
    pub seq: u64,
    /// When that batch was recorded: how old the copy is.
    pub newest: Option<String>,
    /// Objects that are there.
    pub objects: u64,
}

/// A copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// Its name in the configuration.
    pub remote: String,
    /// Where, without secrets.
    pub place: String,
    /// The region where the bytes lie.
    pub region: Option<String>,
    /// The country whose law the operator is under.
    pub operator_country: Option<String>,
    /// When it last received something.
    pub last_shipped: Option<String>,
    /// How far it is.
    pub tenants: Vec<TenantCopied>,
    /// When it was last asked what it holds.
    pub checked: Option<Looked>,
    /// When a rebuild from it was last rehearsed.
    pub drilled: Option<Looked>,
}

/// What a site says of itself at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    schema: String,
    /// The site's name.
    pub site: Option<String>,
    /// Its id.
    pub site_id: String,
    /// When this was said.
    pub time: String,
    /// What lies here.
    pub tenants: Vec<TenantHeld>,
    /// When that was last verified.
    pub verified: Option<Looked>,
    /// What lies elsewhere.
    pub copies: Vec<Copy>,
}

/// What became of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was said.
    pub statement: Statement,
    /// What of it cannot be proved now, a sentence each.
    pub unprovable: Vec<String>,
}

impl Store {
    /// What is held, where, and how old it is, from what is known without asking a remote.
    ///
    /// # Errors
    /// Where the catalogue cannot be read.
    pub fn statement(&self) -> Result<Statement> {
        let status = self.status()?;
        let newest = |tenant: &str, seq: u64| -> Result<Option<String>> {
            if seq == 0 {
                return Ok(None);
            }
            Ok(Some(moment::rfc3339_utc(self.tenant_or_dropped(tenant)?.batch_at(seq)?.event.time)))
        };
        let mut tenants = Vec::new();
        for t in &status.tenants {
            tenants.push(TenantHeld {
                tenant: t.name.clone(),
                id: t.public.to_hex(),
                timeline: t.position.timeline.to_hex(),
                seq: t.position.seq,
                digest: t.position.digest.to_hex(),
                newest: newest(&t.name, t.position.seq)?,
                documents: t.documents,
            });
        }
        let mut copies = Vec::new();
        for remote in &status.remotes {
            let mut held = Vec::new();
            for h in &remote.held {
                held.push(TenantCopied { tenant: h.tenant.clone(), seq: h.seq, newest: newest(&h.tenant, h.seq)?, objects: h.objects });
            }
            let name = &remote.place.name;
            copies.push(Copy {
                remote: name.clone(),
                place: RemoteUrl::parse(&remote.place.url)?.to_string(),
                region: remote.place.region.clone(),
                operator_country: remote.place.operator_country.clone(),
                last_shipped: remote.last_shipped.map(moment::rfc3339_utc),
                tenants: held,
                checked: self.last_proof(ProofKind::Remote, name)?.map(Looked::from),
                drilled: self.last_proof(ProofKind::Drill, name)?.map(Looked::from),
            });
        }
        let verified = [self.last_proof(ProofKind::Verify, "")?, self.last_proof(ProofKind::Patrol, "")?];
        Ok(Statement {
            schema: SCHEMA.into(),
            site: self.config().store.site.clone(),
            site_id: self.site().to_hex(),
            time: moment::rfc3339_utc(self.now_is()),
            tenants,
            verified: verified.into_iter().flatten().max_by_key(|p| p.at).map(Looked::from),
            copies,
        })
    }

    /// The statement of now, signed: the text of a file.
    ///
    /// # Errors
    /// [`Kind::Denied`] where the key file is closed.
    pub fn attest(&self) -> Result<String> {
        let fail = |e: serde_json::Error| Error::new(Kind::Failed, "attestation.write", format!("the attestation cannot be written: {e}"));
        attestation::sign(&self.inner.secret()?, &serde_json::to_string(&self.statement()?).map_err(fail)?)
    }

    /// Checks what an earlier attestation said: that this site signed it, that the log still is what it was then, and that the copies hold what
    /// they held. `open` opens a remote by its name; with `full` everything there is read back.
    ///
    /// # Errors
    /// [`Kind::Usage`] where the text is no attestation, [`Kind::Found`] where its signature does not fit or is another site's.
    pub fn check_attestation(&self, text: &str, full: bool, open: impl Fn(&str) -> Result<OpenRemote>, monitor: &dyn Monitor) -> Result<Checked> {
        let attested = attestation::open(text)?;
        if attested.public_key != attestation::public_key(&self.inner.secret()?) {
            return Err(Error::new(Kind::Found, "attestation.other", "the signature is right, but not this site's: it was made with another key")
                .hint("check it with the store of the site that it names, or one that was rebuilt with its key"));
        }
        let statement: Statement = serde_json::from_str(&attested.statement)
            .map_err(|e| Error::usage("attestation.bad", format!("its statement cannot be read: {e}")).hint("it is from another version"))?;
        let mut unprovable = Vec::new();
        if statement.site_id != self.site().to_hex() {
            unprovable.push(format!("it is of site {}, this is {}", statement.site_id, self.site().to_hex()));
        }
        for tenant in &statement.tenants {
            unprovable.extend(self.unproven(tenant)?);
        }
        for copy in &statement.copies {
            self.unproven_copy(copy, full, &open, monitor, &mut unprovable)?;
        }
        Ok(Checked { statement, unprovable })
    }

    /// What of a tenant's log cannot be proved.
    fn unproven(&self, said: &TenantHeld) -> Result<Option<String>> {
        let tenant = match self.tenant_or_dropped(&said.tenant) {
            Ok(tenant) => tenant,
            Err(e) if e.kind() == Kind::Missing => return Ok(Some(format!("{}: there is no such tenant any more", said.tenant))),
            Err(e) => return Err(e),
        };
        let ends = tenant.position()?.seq;
        if said.seq > ends {
            return Ok(Some(format!("{}: batches {} to {} are not in the log, which ends at {ends}", said.tenant, ends + 1, said.seq)));
        }
        let digest = if said.seq == 0 { None } else { Some(tenant.batch_at(said.seq)?.digest.to_hex()) };
        Ok(digest.filter(|now| *now != said.digest).map(|_| format!("{}: the log up to batch {} is not the one of then", said.tenant, said.seq)))
    }

    /// What of a copy cannot be proved.
    fn unproven_copy(
        &self,
        said: &Copy,
        full: bool,
        open: &impl Fn(&str) -> Result<OpenRemote>,
        monitor: &dyn Monitor,
        unprovable: &mut Vec<String>,
    ) -> Result<()> {
        if said.tenants.iter().all(|t| t.seq == 0) {
            return Ok(());
        }
        if self.config().remote(&said.remote).is_err() {
            unprovable.push(format!("{}: it is not in the configuration any more", said.remote));
            return Ok(());
        }
        let looked = open(&said.remote).and_then(|remote| self.verify_remote(&remote, full, monitor));
        let report = match looked {
            Ok(report) => report,
            Err(e) if e.kind() == Kind::Remote => {
                unprovable.push(format!("{}: it cannot be asked: {e}", said.remote));
                return Ok(());
            }
            Err(e) => return Err(e),
        };
        self.note_verification(ProofKind::Remote, &said.remote, full, &report)?;
        for problem in &report.problems {
            let of = said.tenants.iter().find(|t| t.tenant == problem.tenant);
            if of.is_some_and(|t| problem.seq.is_none_or(|seq| seq <= t.seq)) {
                let documents = if problem.documents.is_empty() { String::new() } else { format!(" ({})", problem.documents.join(", ")) };
                unprovable.push(format!("{}: {}: {}{documents}", said.remote, problem.tenant, problem.what));
            }
        }
        let held = self.remote_statuses()?.into_iter().find(|r| r.place.name == said.remote).map(|r| r.held).unwrap_or_default();
        for then in &said.tenants {
            let now = held.iter().find(|h| h.tenant == then.tenant).map_or(0, |h| h.seq);
            if now == 0 && then.seq > 0 {
                unprovable.push(format!("{}: {}: what it holds is not known here; annals ship --to {0} looks", said.remote, then.tenant));
            } else if now < then.seq {
                unprovable.push(format!("{}: {}: it holds everything up to batch {now}, not up to {}", said.remote, then.tenant, then.seq));
            }
        }
        Ok(())
    }
}

/// How long ago a statement was made, in seconds; a clock that was put back makes none.
pub fn age_secs(statement: &Statement, now: Timestamp) -> u64 {
    let then = moment::parse_rfc3339(&statement.time).map_or(now, |at| at);
    u64::try_from(now.secs() - then.secs()).unwrap_or(0)
}
