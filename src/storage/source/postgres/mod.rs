//! A PostgreSQL server whose rows are captured. The door to `postgres`.
//!
//! Changes are looked at with `pg_logical_slot_peek_binary_changes`, or sent by the server as they are committed, and the slot is moved when they
//! are recorded, so nothing that is not durable here is ever forgotten there. The application's tables are only read.

mod tls;
pub mod tables;
mod slot;
mod wire;
mod sender;
mod glance;
mod checkup;
pub mod writer;

use std::path::PathBuf;
use std::time::Duration;

use postgres::config::Host;
use postgres::{Client, Config, Statement};

use crate::base::error::{Error, Kind, Result};
use crate::format::pgoutput::Lsn;
use crate::storage::source::password::{self, Account, Passwords};

pub use checkup::{Checkup, checkup};
pub use glance::Glance;
pub use sender::Sender;
pub use slot::{Slot, WalStatus};
pub use tables::{Column, Snapshot, Table};
use tls::Encryption;

/// The oldest major version that is understood: `wal_status` and `safe_wal_size` of slots came with it.
const VERSION_MIN: i32 = 130_000;
/// The version from which on `pgoutput` passes on what programs say in a transaction.
const VERSION_MESSAGES: i32 = 140_000;
/// How long a connection may take.
const CONNECT_WAIT: Duration = Duration::from_secs(10);
/// How values are printed, so that the same value is always the same text.
const SESSION: &str = "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET extra_float_digits = 1; \
                       SET bytea_output = 'hex'; SET standard_conforming_strings = on; \
                       SET xmloption = 'content'; SET client_encoding = 'UTF8'; SET lock_timeout = '10s'";

/// Which server, and how far its write-ahead log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The cluster, made by `initdb`; a physical copy has the same.
    pub system: String,
    /// The timeline: a new one with every restore from an archive and every promotion.
    pub timeline: i64,
    /// How far the log is written.
    pub lsn: Lsn,
    /// The number that the server gave the database.
    pub database: i64,
}

/// A connection.
pub struct Server {
    client: Client,
    /// A connection of its own for reading the slot.
    decoding: Option<Client>,
    /// The connection that reads the slot is kept out of the server's log, where that may be.
    hushed: bool,
    /// The question of [`Server::glance`], which the server has read and planned.
    glance: Option<Statement>,
    /// That of [`Server::log_end`].
    log_end: Option<Statement>,
    version: i32,
    place: String,
    number: i64,
    /// There is a publication of tables of which only what is inserted is published.
    hears_inserts: bool,
}

/// What a role needs that is denied something.
const RIGHTS: &str = "the role needs REPLICATION, the ownership of the tables, and CREATE on the database for the publication: ALTER ROLE name REPLICATION; \
                      ALTER TABLE .. OWNER TO name; GRANT CREATE ON DATABASE .. TO name";

/// Turns an error of the server or of the connection into ours.
fn failed(what: &str, e: postgres::Error) -> Error {
    let Some(db) = e.as_db_error() else {
        if std::error::Error::source(&e).is_some_and(|why| why.to_string() == "password missing") {
            return needs_password(what).caused_by(e);
        }
        return Error::new(Kind::Failed, "source.unreachable", format!("{what}: the server cannot be reached: {}", reason(&e)))
            .hint("check that the server runs, and the address; capture goes on where it was")
            .caused_by(e);
    };
    refused(what, db.code().code(), db.message())
}

/// The innermost reason of an error, as it stands in a sentence: the outer ones only say that there was one.
fn reason(e: &(dyn std::error::Error + 'static)) -> String {
    let text = std::iter::successors(Some(e), |e| e.source()).last().map_or(String::new(), ToString::to_string);
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_lowercase().chain(chars).collect())
}

fn needs_password(what: &str) -> Error {
    Error::new(Kind::Denied, "source.denied", format!("{what}: the server asks for a password, and none is known"))
        .hint("put it into PGPASSWORD, into the file of PGPASSFILE (~/.pgpass), or into the password_file of annals.toml")
}

/// What the server says of what it did not do.
fn refused(what: &str, code: &str, message: &str) -> Error {
    let error = |kind, name, hint: &str| Error::new(kind, name, format!("{what}: {message} (SQLSTATE {code})")).hint(hint);
    match code {
        "42501" => error(Kind::Denied, "source.denied", RIGHTS),
        c if c.starts_with("28") => error(Kind::Denied, "source.denied", "check the user and the password in the address"),
        "42704" => error(Kind::Failed, "source.lost", "capture makes again what is missing"),
        "55000" => error(Kind::Failed, "source.lost", "see the server's log"),
        "55006" => error(Kind::Locked, "source.busy", "another capture reads this slot; end it, or give this one another --name"),
        "55P03" => error(Kind::Locked, "source.busy", "a table is locked by somebody for long; try again"),
        "53400" => error(
            Kind::Refused,
            "source.slots",
            "remove a slot that nobody reads (pg_drop_replication_slot), or raise max_replication_slots and restart the server",
        ),
        c if c.starts_with("08") || c.starts_with("57P") => error(Kind::Failed, "source.unreachable", "wait until the server runs again"),
        _ => error(Kind::Failed, "source.failed", "see the server's log"),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Which database, and how its password is found where it does not stand in the address.
#[derive(Debug, Clone, Default)]
pub struct Address {
    /// `postgresql://user@host/db`, or `host=.. dbname=..`.
    pub url: String,
    /// A file that holds the password alone.
    pub password_file: Option<PathBuf>,
    /// What else says passwords.
    pub passwords: Passwords,
}

fn parsed(url: &str) -> Result<(Config, Encryption)> {
    let (url, encryption) = tls::split(url)?;
    let config = url.parse().map_err(|e| {
        Error::usage("source.url", format!("not the address of a PostgreSQL database: {e}")).hint("like postgresql://user@localhost/shop")
    });
    Ok((config?, encryption))
}

/// Host and port that are tried first, as people and lists of passwords name them.
fn host_of(config: &Config) -> (String, u16) {
    let host = config.get_hosts().first().map_or(String::new(), |host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(_) => "localhost".into(),
    });
    (host, config.get_ports().first().copied().unwrap_or(5432))
}

/// Host and database of an address, for people; without a password.
///
/// # Errors
/// Where it is none.
pub fn place_of(url: &str) -> Result<String> {
    let (config, _) = parsed(url)?;
    Ok(format!("{}/{}", host_of(&config).0, config.get_dbname().or(config.get_user()).unwrap_or_default()))
}

/// What connecting is called in an error: where to.
fn connecting(config: &Config) -> String {
    let ports = config.get_ports();
    let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
    let place = |(at, host): (usize, &Host)| match host {
        Host::Tcp(name) => format!("{name}:{}", port(at)),
        Host::Unix(path) => format!("{}/.s.PGSQL.{}", path.display(), port(at)),
    };
    let places: Vec<String> = config.get_hosts().iter().enumerate().map(place).collect();
    if places.is_empty() { "connect".into() } else { format!("connect to {}", places.join(", ")) }
}

/// The address in the form `host=.. dbname=..`, without a password, so that it can be kept.
///
/// # Errors
/// Where it is none.
pub fn without_password(url: &str) -> Result<String> {
    let (config, encryption) = parsed(url)?;
    let mut out = String::new();
    let mut add = |key: &str, value: &str| {
        let joint = if out.is_empty() { "" } else { " " };
        out.push_str(&format!("{joint}{key}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'")));
    };
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let hosts: Vec<String> = hosts.collect();
    let ports: Vec<String> = config.get_ports().iter().map(u16::to_string).collect();
    let addresses: Vec<String> = config.get_hostaddrs().iter().map(ToString::to_string).collect();
    let lists = [("host", hosts.join(",")), ("hostaddr", addresses.join(",")), ("port", ports.join(","))];
    lists.iter().filter(|(_, list)| !list.is_empty()).for_each(|(key, list)| add(key, list));
    let words = [("user", config.get_user()), ("dbname", config.get_dbname()), ("options", config.get_options())];
    words.iter().filter_map(|(key, word)| Some((key, (*word)?))).for_each(|(key, word)| add(key, word));
    encryption.words().iter().for_each(|(key, word)| add(key, word));
    Ok(out)
}

/// How a session is begun.
struct Login {
    config: Config,
    encryption: Encryption,
    /// The host that is asked first.
    host: String,
    user: String,
    database: String,
}

impl Login {
    fn of(address: &Address) -> Result<Login> {
        let (mut config, encryption) = parsed(&address.url)?;
        let (host, port) = host_of(&config);
        let user = config.get_user().unwrap_or_default().to_owned();
        let database = config.get_dbname().unwrap_or(&user).to_owned();
        if config.get_password().is_none() {
            let found = match &address.password_file {
                Some(path) => Some(password::read(path)?),
                None => address.passwords.find(Account { host: &host, port, database: &database, user: &user })?,
            };
            if let Some(word) = found {
                config.password(word.as_bytes());
            }
        }
        config.application_name("annals").connect_timeout(CONNECT_WAIT).keepalives(true);
        Ok(Login { config, encryption, host, user, database })
    }
}

/// A session with the server, and the host that was asked.
fn session(address: &Address) -> Result<(Client, String)> {
    let mut login = Login::of(address)?;
    let mut client = login.encryption.connect(&mut login.config)?;
    client.batch_execute(SESSION).map_err(|e| failed("set up the session", e))?;
    Ok((client, login.host))
}

impl Server {
    /// Connects.
    ///
    /// # Errors
    /// `source.unreachable`, `source.denied`, `source.tls`; [`Kind::Refused`] where the server cannot be captured: too old, a standby, or
    /// `wal_level` too low.
    pub fn connect(address: &Address) -> Result<Self> {
        let (mut client, host) = session(address)?;
        let text = "SELECT current_setting('server_version_num')::int4, pg_is_in_recovery(), current_setting('wal_level'), current_database()::text, \
                    (SELECT oid::int8 FROM pg_database WHERE datname = current_database())";
        let row = client.query_one(text, &[]).map_err(|e| failed("ask for the version", e))?;
        let (version, standby, level): (i32, bool, String) = (row.get(0), row.get(1), row.get(2));
        let refuse = |text: String, hint: &str| Err(Error::new(Kind::Refused, "source.unfit", text).hint(hint));
        if version < VERSION_MIN {
            return refuse(format!("the server is PostgreSQL {}", version / 10_000), "PostgreSQL 13 or newer can be captured");
        }
        if standby {
            return refuse("the server is a standby".into(), "capture its primary");
        }
        if level != "logical" {
            return refuse(
                format!("the server writes its log with wal_level {level}"),
                "ALTER SYSTEM SET wal_level = logical, and restart the server",
            );
        }
        let place = format!("{host}/{}", row.get::<_, String>(3));
        Ok(Server { client, decoding: None, hushed: false, glance: None, log_end: None, version, place, number: row.get(4), hears_inserts: false })
    }

    /// Reads the slot over a connection of its own from now on. Whoever reads a slot makes the server forget what it keeps of the catalogue for
    /// that connection, so every question after it is dear.
    pub fn read_slot_apart(&mut self, address: &Address) -> Result<()> {
        if self.decoding.is_none() {
            self.decoding = Some(session(address)?.0);
            self.hushed = false;
        }
        Ok(())
    }

    /// Host and database, for people; without a password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The number that the server gave the database.
    pub fn number(&self) -> i64 {
        self.number
    }

    /// Whether messages of programs can be captured.
    pub fn has_messages(&self) -> bool {
        self.version >= VERSION_MESSAGES
    }

    /// Which server this is and how far it is.
    pub fn identity(&mut self) -> Result<Identity> {
        let text = "SELECT (SELECT system_identifier::text FROM pg_control_system()), (SELECT timeline_id::int8 FROM pg_control_checkpoint()), \
                    pg_current_wal_flush_lsn()::text";
        let row = self.client.query_one(text, &[]).map_err(|e| failed("ask who the server is", e))?;
        Ok(Identity { system: row.get(0), timeline: row.get(1), lsn: Lsn::parse(row.get(2))?, database: self.number })
    }
}
