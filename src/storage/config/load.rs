//! From the text of the file to its values.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use toml_edit::{Item, Table};

use crate::base::error::{Error, Result};
use crate::base::limits::CONFIG_BYTES_MAX;
use crate::model::key::{self, check_scope, parse_key, show_key};
use crate::model::lineage::Policy;
use crate::model::moment::{Zone, parse_duration};
use crate::model::subject::Erasable;

use super::amount::positive_size;
use super::cron::Cron;
use super::place::{absolute, check_url, country, mail_address, mail_server, region, server, slot_name, web_address};
use super::rules::{
    Alert, Capture, CaptureFrom, Config, Email, Invariant, Keep, Preflight, Remote, Schedule, Ship, StoreRules, TableRule, TenantRules, Web,
};
use super::section::{Section, document, line_of, locate, type_error, unknown_section, value_error};
use super::window::{DAY, HOUR, MINUTE, Window, interval, parse_allowance, parse_window};
use super::words::{NAME_BYTES_MAX, nearest, shown};

impl Config {
    /// Reads the file at `path`. A missing file is of kind [`Kind::Missing`](crate::base::error::Kind::Missing), code `config.missing`.
    pub fn load(path: &Path) -> Result<Self> {
        match read(path)? {
            Some(text) => Self::parse(&text),
            None => Err(Error::missing("config.missing", format!("no configuration file: {}", path.display()))
                .hint("bring it back from a copy; an empty one is valid, but the remotes, schedules and rules of the old one hold no longer")),
        }
    }

    /// Reads the file at `path`; the defaults where there is none.
    pub fn load_if_present(path: &Path) -> Result<Self> {
        read(path)?.map_or_else(|| Ok(Self::default()), |text| Self::parse(&text))
    }

    /// Reads the text of a file. Every failure is of kind [`Kind::Usage`](crate::base::error::Kind::Usage) with a code `config.*` and names the line.
    pub fn parse(text: &str) -> Result<Self> {
        let document = document(text)?;
        let root = document.as_table();
        let mut config = Config::default();
        for (name, item) in root.iter() {
            let at = line_of(text, root.key(name).and_then(|k| k.span()));
            match name {
                "store" => config.store = store(&Section::one(text, at, name, item)?)?,
                "schedule" => config.schedule = schedule(&Section::one(text, at, name, item)?)?,
                "keep" => config.keep = keep(&Section::one(text, at, name, item)?)?,
                "erasable" => config.erasable = erasable(&Section::one(text, at, name, item)?)?,
                "alert" => config.alert = alert(&Section::one(text, at, name, item)?)?,
                "preflight" => {
                    for section in Section::list(text, at, name, item)? {
                        config.preflight.push(preflight(&section, &config.preflight)?);
                    }
                }
                "web" => config.web = web(&Section::one(text, at, name, item)?)?,
                "remote" => {
                    for section in Section::list(text, at, name, item)? {
                        config.remotes.push(remote(&section, &config.remotes)?);
                    }
                }
                "capture" => {
                    for section in Section::list(text, at, name, item)? {
                        config.captures.push(capture(&section, &config.captures)?);
                    }
                }
                "tenant" => config.tenants = tenants(text, at, item)?,
                _ => return Err(unknown_section(name, at)),
            }
        }
        config.check_tenant_remotes(text, root)?;
        Ok(config)
    }

    /// The remote of that name; [`Kind::Missing`](crate::base::error::Kind::Missing) with the nearest name otherwise.
    pub fn remote(&self, name: &str) -> Result<&Remote> {
        self.remotes.iter().find(|r| r.name == name).ok_or_else(|| {
            let error = Error::missing("remote.unknown", format!("no such remote: {}", shown(name)));
            match nearest(name, self.remotes.iter().map(|r| r.name.as_str())) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error.hint("add it first: annals remote add NAME dir:/path"),
            }
        })
    }

    pub(super) fn check_tenant_remotes(&self, text: &str, root: &Table) -> Result<()> {
        for (tenant, rules) in &self.tenants {
            let Some(wrong) = rules.remotes.iter().find(|name| !self.remotes.iter().any(|r| r.name == **name)) else { continue };
            let table = root.get("tenant").and_then(|t| t.get(tenant)).and_then(Item::as_table_like);
            let at = line_of(text, table.and_then(|t| t.get("remotes")).and_then(Item::span));
            let error = value_error(at, format!("tenant {} names a remote that is not in this file: {}", shown(tenant), shown(wrong)));
            return Err(match nearest(wrong, self.remotes.iter().map(|r| r.name.as_str())) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error.hint("add a [[remote]] of that name, or take the name off the list"),
            });
        }
        Ok(())
    }
}

pub(super) fn store(section: &Section<'_>) -> Result<StoreRules> {
    Ok(StoreRules {
        site: section.parsed("site", |text| {
            if text.trim().is_empty() || text.len() > NAME_BYTES_MAX || text.chars().any(char::is_control) {
                return Err(Error::usage("config.value", format!("not a name for a site: {}", shown(text)))
                    .hint("write 1 to 64 bytes, for example \"clinic-17\""));
            }
            Ok(text.to_owned())
        })?,
        zone: section.parsed("zone", Zone::parse)?,
        quota_bytes: section.parsed("quota", positive_size)?,
        contact: section.parsed("contact", |text| line(text, "a line about whom to call"))?,
    })
}

pub(super) fn schedule(section: &Section<'_>) -> Result<Schedule> {
    let every = section.parsed("ship", |text| match Cron::parse(text) {
        Ok(_) => Err(Error::usage("config.value", format!("not a length of time but times of day, as cron has them: {}", shown(text)))
            .hint(format!("write cron = {} in place of ship", shown(text)))),
        Err(_) => interval(text, MINUTE, 31 * DAY),
    })?;
    let cron = section.parsed("cron", Cron::parse)?;
    let ship = match (every, cron) {
        (Some(_), Some(_)) => {
            return Err(value_error(section.line("cron"), format!("{} has both ship and cron", section.title())).hint("keep one of the two"));
        }
        (Some(secs), None) => Some(Ship::EverySecs(secs)),
        (None, cron) => cron.map(Ship::Cron),
    };
    let mut windows: Vec<Window> = Vec::new();
    for text in section.texts("window")?.unwrap_or_default() {
        let window = section.located("window", parse_window(&text))?;
        if let Some(minute) = (0..1_440).find(|m| window.contains(*m) && windows.iter().any(|w| w.contains(*m))) {
            let message = format!("{} window: two windows both hold {:02}:{:02}", section.title(), minute / 60, minute % 60);
            return Err(value_error(section.line("window"), message).hint("let one window begin where the other ends: 19:00-06:00 and 06:00-19:00"));
        }
        windows.push(window);
    }
    Ok(Schedule {
        ship,
        windows,
        allowance: section.parsed("allowance", parse_allowance)?,
        drill_secs: section.parsed("drill", |text| interval(text, HOUR, 3_650 * DAY))?,
    })
}

pub(super) fn keep(section: &Section<'_>) -> Result<Keep> {
    Ok(Keep {
        floor_secs: section.parsed("floor", parse_duration)?,
        within_secs: section.parsed("within", parse_duration)?,
        last: section.count("last", 100_000)?,
        daily: section.count("daily", 100_000)?,
        weekly: section.count("weekly", 100_000)?,
        monthly: section.count("monthly", 100_000)?,
        yearly: section.count("yearly", 100_000)?,
        after_tenant_drop_secs: section.parsed("after_tenant_drop", parse_duration)?,
    })
}

fn erasable(section: &Section<'_>) -> Result<Erasable> {
    let prefixes: Vec<Vec<u8>> = section.texts("prefixes")?.unwrap_or_default().iter().map(|text| parse_key(text)).collect();
    match prefixes.iter().find(|prefix| prefix.len() < 2 || !prefix.ends_with(b"/") || check_scope(prefix).is_err()) {
        Some(bad) => Err(value_error(section.line("prefixes"), format!("[erasable] prefixes has {}, which names no folder", shown(&show_key(bad))))
            .hint("write prefixes = [\"person/\"]: each ends in /, and the part of a key after it is the subject, like person/38754")),
        None => Ok(Erasable::new(prefixes)),
    }
}

/// A line of text for people, at most 200 characters.
fn line(text: &str, what: &str) -> Result<String> {
    if text.trim().is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
        return Err(Error::usage("config.value", format!("not {what}: {}", shown(text))).hint("write one line of at most 200 characters"));
    }
    Ok(text.to_owned())
}

fn command(section: &Section<'_>) -> Result<Vec<String>> {
    let command = section.texts("command")?.unwrap_or_default();
    if command.first().is_some_and(|program| program.trim().is_empty()) {
        return Err(
            value_error(section.line("command"), format!("{} command names no program", section.title())).hint("write command = [\"notify.cmd\"]")
        );
    }
    Ok(command)
}

pub(super) fn alert(section: &Section<'_>) -> Result<Alert> {
    let email = section.below("email").map(|(at, item)| email(&Section::one(section.file(), at, "alert.email", item)?)).transpose()?;
    let webhook = section.parsed("webhook", |text| web_address(text).map(|()| text.to_owned()))?;
    let webhook_secret_file = section.parsed("webhook_secret_file", absolute)?;
    if webhook.is_none() && webhook_secret_file.is_some() {
        let message = format!("{} webhook_secret_file belongs to a webhook", section.title());
        return Err(value_error(section.line("webhook_secret_file"), message).hint("add webhook = \"https://...\", or take the line away"));
    }
    Ok(Alert {
        stale_after_secs: section.parsed("stale_after", |text| interval(text, MINUTE, 3_650 * DAY))?,
        command: command(section)?,
        email,
        webhook,
        webhook_secret_file,
    })
}

fn email(section: &Section<'_>) -> Result<Email> {
    let missing = |key: &str| {
        let example = super::section::example_of(key);
        value_error(section.at, format!("{} has no {key}", section.title())).hint(format!("add a line: {key} = {example}"))
    };
    let to = section.texts("to")?.ok_or_else(|| missing("to"))?;
    section.located("to", to.iter().try_for_each(|text| mail_address(text)))?;
    let from = section.parsed("from", |text| mail_address(text).map(|()| text.to_owned()))?;
    let server = section.parsed("server", |text| mail_server(text).map(|_| text.to_owned()))?.ok_or_else(|| missing("server"))?;
    let (user, password_file) = (section.parsed("user", |text| line(text, "a name to log in with"))?, section.parsed("password_file", absolute)?);
    if user.is_some() != password_file.is_some() {
        let message = format!("{}: user and password_file belong together", section.title());
        return Err(value_error(section.at, message).hint("write both, or neither where the server asks for no password"));
    }
    Ok(Email { to, from, server, user, password_file, ca_file: section.parsed("ca_file", absolute)? })
}

pub(super) fn preflight(section: &Section<'_>, earlier: &[Preflight]) -> Result<Preflight> {
    let name = section.name(earlier.iter().map(|p| p.name.as_str()))?;
    let command = command(section)?;
    if command.is_empty() {
        return Err(value_error(section.at, format!("preflight {} has no command", shown(&name))).hint("add a line: command = [\"check-it\"]"));
    }
    let timeout_secs = section.parsed("timeout", |text| interval(text, 1, HOUR))?.unwrap_or(MINUTE);
    Ok(Preflight { name, command, timeout_secs })
}

pub(super) fn web(section: &Section<'_>) -> Result<Web> {
    let listen = section.parsed("listen", |text| {
        text.parse::<SocketAddr>().map_err(|_| {
            Error::usage("config.value", format!("not an address with a port: {}", shown(text))).hint("write for example \"127.0.0.1:7717\"")
        })
    })?;
    let proxy = section.switch("proxy")?.unwrap_or(false);
    if listen.is_some_and(|at| !at.ip().is_loopback()) && !proxy {
        return Err(value_error(section.line("listen"), "[web] listen: others than this machine could reach it, unencrypted".into())
            .hint("listen to 127.0.0.1 and let a reverse proxy with TLS pass requests on; or write proxy = true where one stands in front already"));
    }
    let mut hosts = section.texts("hosts")?.unwrap_or_default();
    for host in &mut hosts {
        host.make_ascii_lowercase();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b);
        if host.is_empty() || host.len() > 255 || !host.bytes().all(plain) {
            return Err(value_error(section.line("hosts"), format!("[web] hosts: not the name of a host: {}", shown(host)))
                .hint("write names as they stand in the address, [\"annals.example.org\"]; with a port where there is one"));
        }
    }
    Ok(Web { enabled: section.switch("enabled")?.unwrap_or(true), listen, hosts, proxy })
}

pub(super) fn remote(section: &Section<'_>, earlier: &[Remote]) -> Result<Remote> {
    let name = section.name(earlier.iter().map(|r| r.name.as_str()))?;
    let url_of = |scheme: &'static str| {
        move |path: &str| {
            let url = format!("{scheme}:{path}");
            check_url(&url).map(|()| url)
        }
    };
    let directory = section.parsed("directory", url_of("dir"))?;
    let rclone = section.parsed("rclone", url_of("rclone"))?;
    let by_rclone = rclone.is_some();
    let url = match (directory, rclone) {
        (Some(url), None) | (None, Some(url)) => url,
        (one, _) => {
            let problem = if one.is_some() { "has both rclone and directory" } else { "has neither rclone nor directory" };
            return Err(value_error(section.at, format!("remote {} {problem}", shown(&name)))
                .hint("write one of rclone = \"REMOTE:PATH\" and directory = \"/path\""));
        }
    };
    let rclone_config = section.parsed("rclone_config", absolute)?;
    if rclone_config.is_some() && !by_rclone {
        return Err(value_error(section.line("rclone_config"), format!("remote {} has rclone_config but is a directory", shown(&name)))
            .hint("take rclone_config away, or use rclone instead of directory"));
    }
    Ok(Remote {
        name,
        url,
        rclone_config,
        region: section.parsed("region", region)?,
        operator_country: section.parsed("operator_country", country)?,
        domain: section.parsed("domain", |text| line(text, "a word for what fails together"))?,
        expected_secs: section.parsed("expected", |text| interval(text, HOUR, 3_650 * DAY))?,
    })
}

pub(super) fn capture(section: &Section<'_>, earlier: &[Capture]) -> Result<Capture> {
    let name = section.name(earlier.iter().map(|c| c.name.as_str()))?;
    let folder = section.parsed("folder", absolute)?;
    let sqlite = section.parsed("sqlite", absolute)?;
    let (include, exclude) = (section.texts("include")?, section.texts("exclude")?);
    let postgres = section.parsed("postgres", server)?;
    let password_file = section.parsed("password_file", absolute)?;
    let (tables, image) = (section.texts("tables")?, section.switch("image")?);
    let stray = |key: &str, of: &str| {
        Err(value_error(section.line(key), format!("capture {} has {key}, which belongs to {of}", shown(&name))).hint(format!("take {key} away")))
    };
    let of_database = ["table", "invariant"].into_iter().find(|key| section.below(key).is_some());
    if let Some(key) = of_database.filter(|_| sqlite.is_none() && postgres.is_none()) {
        return stray(key, "sqlite and postgres");
    }
    if folder.is_none() && include.is_some() {
        return stray("include", "folder");
    }
    if folder.is_none() && exclude.is_some() {
        return stray("exclude", "folder");
    }
    if folder.is_some() && tables.is_some() {
        return stray("tables", "sqlite and postgres");
    }
    if sqlite.is_none() && image.is_some() {
        return stray("image", "sqlite");
    }
    if postgres.is_none() && password_file.is_some() {
        return stray("password_file", "postgres");
    }
    let from = match (folder, sqlite, postgres) {
        (Some(path), None, None) => CaptureFrom::Folder { path, include: include.unwrap_or_default(), exclude: exclude.unwrap_or_default() },
        (None, Some(path), None) => CaptureFrom::Sqlite { path, tables: tables.unwrap_or_default(), image: image.unwrap_or(false) },
        (None, None, Some(url)) => {
            section.located("name", slot_name(&name))?;
            CaptureFrom::Postgres { url, tables: tables.unwrap_or_default(), password_file }
        }
        (None, None, None) => {
            return Err(value_error(section.at, format!("capture {} has neither folder nor sqlite nor postgres", shown(&name)))
                .hint("write one of folder = \"/path\", sqlite = \"/path/app.db\" and postgres = \"postgresql://user@host/db\""));
        }
        _ => {
            return Err(value_error(section.at, format!("capture {} has two of folder, sqlite and postgres", shown(&name)))
                .hint("make a [[capture]] with a name of its own for each"));
        }
    };
    let prefix = section.parsed("prefix", |text| key::check_key(&key::parse_key(text)).map(|()| text.to_owned()))?;
    let tenant = section.parsed("tenant", |text| key::check_tenant(text).map(|()| text.to_owned()))?;
    Ok(Capture { name, from, prefix, tenant, rules: table_rules(section)?, invariants: invariants(section)? })
}

fn table_rules(section: &Section<'_>) -> Result<BTreeMap<String, TableRule>> {
    let mut rules = BTreeMap::new();
    let Some((at, item)) = section.below("table") else { return Ok(rules) };
    let form = "a section of its own for each table: [capture.table.NAME]";
    let tables = item.as_table_like().ok_or_else(|| type_error(at, "[[capture]] table", form, item))?;
    for (name, item) in tables.iter() {
        if item.as_table_like().is_none() {
            return Err(type_error(at, &format!("[capture.table] {name}"), form, item));
        }
        let at = line_of(section.file(), tables.key(name).and_then(|k| k.span()));
        let rule = Section::one(section.file(), at, "capture.table", item)?;
        let policy = rule.parsed("policy", |text| {
            Policy::parse(text).ok_or_else(|| {
                let words: Vec<&str> = Policy::WORDS.iter().map(|(word, _)| *word).collect();
                Error::usage("config.value", format!("not a policy: {}", shown(text))).hint(format!("write one of {}", words.join(", ")))
            })
        })?;
        let (recompute, counter) = (rule.texts("recompute")?.unwrap_or_default(), rule.parsed("counter", |text| Ok(text.to_owned()))?);
        if recompute.is_empty() == (policy == Some(Policy::Derived)) {
            let message = format!("table {}: policy derived and recompute belong together", shown(name));
            return Err(value_error(at, message).hint("write policy = \"derived\" and recompute = [\"UPDATE ...\"], or neither"));
        }
        if counter.is_some() && policy != Some(Policy::Serial) {
            return Err(value_error(rule.line("counter"), format!("table {} has a counter, but its policy is not serial", shown(name)))
                .hint("write policy = \"serial\", or take counter away"));
        }
        rules.insert(name.to_owned(), TableRule { policy, recompute, counter });
    }
    Ok(rules)
}

fn invariants(section: &Section<'_>) -> Result<Vec<Invariant>> {
    let Some((at, item)) = section.below("invariant") else { return Ok(Vec::new()) };
    let mut out: Vec<Invariant> = Vec::new();
    for invariant in Section::list(section.file(), at, "capture.invariant", item)? {
        let name = invariant.name(out.iter().map(|i| i.name.as_str()))?;
        let Some(sql) = invariant.parsed("sql", |text| Ok(text.to_owned()))? else {
            return Err(value_error(invariant.at, format!("invariant {} asks nothing", shown(&name))).hint("add a line: sql = \"SELECT ...\""));
        };
        let expect = invariant.parsed("expect", |text| Ok(text.to_owned()))?.unwrap_or_else(|| "0".to_owned());
        out.push(Invariant { name, sql, expect });
    }
    Ok(out)
}

pub(super) fn tenants(text: &str, at: usize, item: &Item) -> Result<BTreeMap<String, TenantRules>> {
    let form = "a section of its own for each tenant: [tenant.\"NAME\"]";
    let Some(table) = item.as_table_like() else { return Err(type_error(at, "tenant", form, item)) };
    let mut tenants = BTreeMap::new();
    for (name, item) in table.iter() {
        let at = line_of(text, table.key(name).and_then(|k| k.span()));
        if item.as_table_like().is_none() {
            return Err(type_error(at, &format!("[tenant] {name}"), form, item));
        }
        let section = Section::one(text, at, "tenant", item)?;
        locate(at, "[tenant]", key::check_tenant(name))?;
        let regions = section.texts("regions")?.unwrap_or_default();
        let rules = TenantRules {
            regions: section.located("regions", regions.iter().map(|r| region(r)).collect())?,
            remotes: section.texts("remotes")?.unwrap_or_default(),
            copies_min: section.count("copies_min", 16)?,
        };
        tenants.insert(name.to_owned(), rules);
    }
    Ok(tenants)
}

/// The text of the file; `None` where there is no file.
pub(super) fn read(path: &Path) -> Result<Option<String>> {
    let bytes = match fs::metadata(path) {
        Ok(meta) if meta.len() > CONFIG_BYTES_MAX => {
            return Err(Error::usage(
                "config.long",
                format!("the file has {} bytes, the most is {CONFIG_BYTES_MAX}: {}", meta.len(), path.display()),
            )
            .hint("is this the right file? name it with ANNALS_CONFIG"));
        }
        Ok(_) => fs::read(path),
        Err(e) => Err(e),
    };
    match bytes {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| Error::usage("config.syntax", format!("not UTF-8 text: {}", path.display())).hint("save the file as UTF-8 in your editor")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(format_args!("read {}", path.display()), e)),
    }
}
