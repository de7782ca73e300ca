//! The sections as values.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use toml_edit::Value;

use crate::base::error::{Error, Result};
use crate::model::lineage::Policy;
use crate::model::moment::{Local, Zone, duration_text};
use crate::model::subject::Erasable;

use super::amount::Rate;
use super::cron::Cron;
use super::place::{check_name, check_path, check_url, country, region};
use super::window::{Allowance, DAY, HOUR, Window, interval};

/// All of `annals.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// `[store]`
    pub store: StoreRules,
    /// `[schedule]`
    pub schedule: Schedule,
    /// `[keep]`
    pub keep: Keep,
    /// `[erasable]`
    pub erasable: Erasable,
    /// `[[remote]]`, in the order of the file.
    pub remotes: Vec<Remote>,
    /// `[[capture]]`, in the order of the file.
    pub captures: Vec<Capture>,
    /// `[tenant."NAME"]` by name.
    pub tenants: BTreeMap<String, TenantRules>,
    /// `[alert]`
    pub alert: Alert,
    /// `[[preflight]]`, in the order of the file.
    pub preflight: Vec<Preflight>,
    /// `[web]`
    pub web: Web,
}

/// `[store]`: what the store is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreRules {
    /// The name of this installation for people.
    pub site: Option<String>,
    /// Where wall clocks are read; the machine's zone where absent.
    pub zone: Option<Zone>,
    /// Bytes that the store may take on the local disk.
    pub quota_bytes: Option<u64>,
    /// Who is called when this site has to be brought back; stands on the recovery card.
    pub contact: Option<String>,
}

/// `[web]`: where the agent serves its pages and its interface for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Whether it serves them at all.
    pub enabled: bool,
    /// Where it listens; the usual port, or any where that is taken, where absent. Anything but the machine itself only with `proxy`.
    pub listen: Option<SocketAddr>,
    /// Names, with a port where it is not the scheme's, under which a reverse proxy passes requests on. Lower case.
    pub hosts: Vec<String>,
    /// A reverse proxy in front of the agent sees to encryption, and to who may reach it at all.
    pub proxy: bool,
}

impl Default for Web {
    fn default() -> Self {
        Web { enabled: true, listen: None, hosts: Vec::new(), proxy: false }
    }
}

/// `[schedule]`: when the agent works, and how fast.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schedule {
    /// When changes are shipped; only on request where absent.
    pub ship: Option<Ship>,
    /// When the line may be used and how fast. Without windows always and at full speed; with windows, shipping pauses outside them all.
    pub windows: Vec<Window>,
    /// How many bytes may be shipped in a day, week or month.
    pub allowance: Option<Allowance>,
    /// Seconds between rehearsals of a rebuild.
    pub drill_secs: Option<u64>,
}

impl Schedule {
    /// How fast may be shipped while the wall clock shows `at`; `None` is not at all now.
    pub fn rate_at(&self, at: &Local) -> Option<Rate> {
        if self.windows.is_empty() {
            return Some(Rate::Unlimited);
        }
        let minute = u16::from(at.hour) * 60 + u16::from(at.minute);
        self.windows.iter().find(|w| w.contains(minute)).map(|w| w.rate)
    }
}

/// When changes are shipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ship {
    /// `ship = "every 2h"`, in seconds.
    EverySecs(u64),
    /// `cron = "0 */4 * * *"`.
    Cron(Cron),
}

/// `[keep]`: what may be forgotten. Absent fields forget nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Keep {
    /// Seconds: nothing younger is ever forgotten, whatever a command says.
    pub floor_secs: Option<u64>,
    /// Seconds: everything younger is kept.
    pub within_secs: Option<u64>,
    /// So many last versions of each document are kept.
    pub last: Option<u32>,
    /// For so many days the version at the end of the day is kept.
    pub daily: Option<u32>,
    /// The same for weeks, which end with Sunday.
    pub weekly: Option<u32>,
    /// The same for months.
    pub monthly: Option<u32>,
    /// The same for years.
    pub yearly: Option<u32>,
    /// Seconds that a dropped tenant's history is kept.
    pub after_tenant_drop_secs: Option<u64>,
}

/// `[[remote]]`: a place offsite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// 1 to 64 of `a-z 0-9 - _ .`; the first is not `-` or `.`.
    pub name: String,
    /// `dir:/absolute/path` or `rclone:REMOTE:PATH`.
    pub url: String,
    /// rclone's configuration file, an absolute path; rclone's own default where absent.
    pub rclone_config: Option<PathBuf>,
    /// Where the bytes lie, in the words that tenants' `regions` use. Lower case.
    pub region: Option<String>,
    /// The country whose law the operator is under: two letters of ISO 3166, lower case.
    pub operator_country: Option<String>,
    /// What fails together with it, in a word: remotes of one domain count as one copy. Guessed from where it is where absent.
    pub domain: Option<String>,
    /// Seconds: how often the remote is expected to be there. Until then absence is waiting, not failure. Absent: always.
    pub expected_secs: Option<u64>,
}

impl Remote {
    /// A remote with a name and a url; the rest is absent.
    pub fn new(name: &str, url: &str) -> Result<Self> {
        check_name(name)?;
        check_url(url)?;
        Ok(Remote {
            name: name.to_owned(),
            url: url.to_owned(),
            rclone_config: None,
            region: None,
            operator_country: None,
            domain: None,
            expected_secs: None,
        })
    }

    /// The same with all fields checked and in the form that [`Config::parse`] gives them.
    pub(super) fn checked(&self) -> Result<Self> {
        check_name(&self.name)?;
        check_url(&self.url)?;
        let by_rclone = self.url.starts_with("rclone:");
        if let Some(path) = &self.rclone_config {
            check_path(&path.to_string_lossy())?;
            if !by_rclone {
                return Err(Error::usage("remote.url", format!("a directory has no use for rclone's configuration: {}", self.url))
                    .hint("leave the rclone configuration away, or use rclone:REMOTE:PATH"));
            }
        }
        let expected = self.expected_secs.map(|secs| interval(&duration_text(secs), HOUR, 3_650 * DAY));
        Ok(Remote {
            region: self.region.as_deref().map(region).transpose()?,
            operator_country: self.operator_country.as_deref().map(country).transpose()?,
            expected_secs: expected.transpose()?,
            ..self.clone()
        })
    }

    /// The section as it stands in the file.
    pub(super) fn section(&self, newline: &str) -> String {
        let mut out = format!("[[remote]]{newline}");
        let mut line = |key: &str, value: &str| out.push_str(&format!("{key} = {}{newline}", Value::from(value)));
        line("name", &self.name);
        match self.url.split_once(':') {
            Some(("dir", path)) => line("directory", path),
            Some((_, path)) => line("rclone", path),
            None => {}
        }
        if let Some(path) = &self.rclone_config {
            line("rclone_config", &path.to_string_lossy());
        }
        if let Some(region) = &self.region {
            line("region", region);
        }
        if let Some(country) = &self.operator_country {
            line("operator_country", country);
        }
        if let Some(domain) = &self.domain {
            line("domain", domain);
        }
        if let Some(secs) = self.expected_secs {
            line("expected", &duration_text(secs));
        }
        out
    }
}

/// `[[capture]]`: application data whose history is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// Named like a remote.
    pub name: String,
    /// What is captured.
    pub from: CaptureFrom,
    /// What stands before the keys; `NAME/` where absent.
    pub prefix: Option<String>,
    /// Whose documents they are; the default tenant's where absent.
    pub tenant: Option<String>,
    /// `[capture.table.NAME]` by name: what its tables are, for a realignment.
    pub rules: BTreeMap<String, TableRule>,
    /// `[[capture.invariant]]`, in the order of the file: what must be so after a realignment.
    pub invariants: Vec<Invariant>,
}

/// `[capture.table.NAME]`: what a table of a captured database is, which decides how two histories of it become one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableRule {
    /// What it is; merged field by field where absent.
    pub policy: Option<Policy>,
    /// Statements that compute its rows anew from other tables; of a derived table only.
    pub recompute: Vec<String>,
    /// The column with the numbers of a serial table; its key where absent.
    pub counter: Option<String>,
}

/// `[[capture.invariant]]`: a question to the database with the only right answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invariant {
    /// Named like a remote.
    pub name: String,
    /// A statement that reads; the first column of its first row is the answer.
    pub sql: String,
    /// The right answer, as text.
    pub expect: String,
}

/// What is captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptureFrom {
    /// The files below a directory.
    Folder {
        /// Absolute path.
        path: PathBuf,
        /// Patterns of what is captured; all where empty.
        include: Vec<String>,
        /// Patterns of what is left out.
        exclude: Vec<String>,
    },
    /// The rows of an SQLite database.
    Sqlite {
        /// Absolute path.
        path: PathBuf,
        /// Names or patterns of tables; all where empty.
        tables: Vec<String>,
        /// Whether the file is kept as it is at the first capture, byte for byte.
        image: bool,
    },
    /// The rows of a PostgreSQL database.
    Postgres {
        /// `postgresql://user@host/db`, or `host=.. dbname=..`.
        url: String,
        /// Names or patterns of tables, `table` or `schema.table`; all where empty.
        tables: Vec<String>,
        /// Absolute path of a file that holds the password alone.
        password_file: Option<PathBuf>,
    },
}

/// `[tenant."NAME"]`: where one tenant's data may go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TenantRules {
    /// Regions in which its data may lie; anywhere where empty. Lower case.
    pub regions: Vec<String>,
    /// Remotes it is shipped to; all that the regions allow where empty.
    pub remotes: Vec<String>,
    /// How many places must hold its history before the local copy may be thinned.
    pub copies_min: Option<u32>,
}

/// `[alert]`: who is told.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Alert {
    /// Seconds: how old the oldest change not yet offsite may grow before that is a problem.
    pub stale_after_secs: Option<u64>,
    /// Program and arguments, run once for each problem and never for success.
    pub command: Vec<String>,
    /// `[alert.email]`: who gets a mail.
    pub email: Option<Email>,
    /// An address that is told over HTTP.
    pub webhook: Option<String>,
    /// The file with what the address wants to see as bearer token.
    pub webhook_secret_file: Option<PathBuf>,
}

impl Alert {
    /// Whether anybody is told.
    pub fn is_told(&self) -> bool {
        !self.command.is_empty() || self.email.is_some() || self.webhook.is_some()
    }
}

/// `[alert.email]`: a mail for each problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// Who gets it.
    pub to: Vec<String>,
    /// Who it is from; the first of `to` where absent.
    pub from: Option<String>,
    /// `smtps://host[:port]`, or `smtp://host[:port]`, which becomes encrypted before anything is said, except on this machine.
    pub server: String,
    /// The name to log in with.
    pub user: Option<String>,
    /// The file with the password, readable by its owner only.
    pub password_file: Option<PathBuf>,
    /// The file with the certificates of the authorities that may vouch for the server; those that browsers trust where there is none.
    pub ca_file: Option<PathBuf>,
}

/// `[[preflight]]`: a check of somebody else's before a planned event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// Named like a remote.
    pub name: String,
    /// Program and arguments; exit code 0 is green.
    pub command: Vec<String>,
    /// Seconds after which it is red.
    pub timeout_secs: u64,
}
