//! What a command works with: the store, the tenant, the zone, the monitor.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::error::{Error, Kind, Result};
use crate::base::time::{Clock, SystemClock, Timestamp};
use crate::engine::history::{Version, View};
use crate::engine::keys::read_identity;
use crate::engine::plans::By;
use crate::engine::store::{MARKER, Options, Store, Tenant};
use crate::face::control;
pub(crate) use crate::face::view::{bytes, counted, grouped};
use crate::face::world::{self, Stream};
use crate::model::key::{DEFAULT_TENANT, parse_key, show_key};
use crate::model::moment::{self, Address, Moment, Zone};
use crate::storage::source::password::Passwords;

use super::Globals;
use super::out::Out;
use super::progress::Shown;

/// The directory of a store that is not named.
const USUAL: &str = ".annals";
/// How long a command waits for another one to let go of the store. Commands are short; scripts run several at once.
const LOCK_WAIT: Duration = Duration::from_secs(10);
/// How often it looks meanwhile whether an agent took the store.
const LOCK_LOOK: Duration = Duration::from_millis(250);

/// Everything global of one command.
pub(crate) struct Context {
    pub(crate) globals: Globals,
    pub(crate) out: Out,
    zone: Option<Zone>,
}

impl Context {
    pub(crate) fn new(globals: Globals, out: Out) -> Result<Self> {
        let zone = globals.tz.as_deref().map(Zone::parse).transpose()?;
        Ok(Context { globals, out, zone })
    }

    /// The directory to make a store in.
    pub(crate) fn new_dir(&self) -> PathBuf {
        self.globals.store.clone().unwrap_or_else(|| PathBuf::from(USUAL))
    }

    /// The store's directory: named, or the nearest `.annals` here or above.
    pub(crate) fn dir(&self) -> Result<PathBuf> {
        if let Some(dir) = &self.globals.store {
            return Ok(dir.clone());
        }
        let here = world::here().directory()?;
        let found = here.ancestors().flat_map(|dir| [dir.join(USUAL), dir.to_owned()]).find(|dir| dir.join(MARKER).exists());
        Ok(found.unwrap_or_else(|| PathBuf::from(USUAL)))
    }

    /// Options for opening or making a store.
    pub(crate) fn options(&self) -> Options {
        let mut options = self.options_without_key();
        if let Some(path) = &self.globals.key_file {
            options = options.key_file(path);
        }
        options
    }

    /// Options for a store that brings its own key file.
    pub(crate) fn options_without_key(&self) -> Options {
        Store::builder().lock_wait(LOCK_WAIT).passphrase(self.passphrase()).state_dir(world::state_dir()).passwords(passwords())
    }

    /// The passphrase of the key file, from the environment.
    pub(crate) fn passphrase(&self) -> Option<String> {
        world::variable("ANNALS_PASSPHRASE")
    }

    /// Opens the store.
    pub(crate) fn store(&self) -> Result<Store> {
        self.store_within(LOCK_WAIT)
    }

    /// Opens the store with `annals.toml` as it is now, for what says or does what stands there. An agent goes on with the last good one.
    pub(crate) fn store_as_configured(&self) -> Result<Store> {
        self.store()?.reread()
    }

    /// Opens the store, waiting so long for another process to let go of it.
    pub(crate) fn store_within(&self, wait: Duration) -> Result<Store> {
        // An agent that carries the command out has the store.
        if let Some(agent) = world::here().agent() {
            return Ok(agent.store());
        }
        let identity = world::here().variable("ANNALS_IDENTITY").filter(|path| !path.is_empty());
        let read = |path: &Option<std::ffi::OsString>| path.as_ref().map(|path| read_identity(Path::new(path))).transpose();
        let dir = self.dir()?;
        // Other commands are short; an agent that starts while we wait is not, but carries the command out.
        let mut waited = Duration::ZERO;
        loop {
            match self.options().lock_wait(LOCK_LOOK.min(wait)).identity(read(&identity)?).open(&dir) {
                Err(e) if e.code() == "store.locked" && control::is_served(&dir) => {
                    return Err(Error::new(Kind::Locked, "agent.has_store", e.to_string()).hint("annals agent status shows what the agent does"));
                }
                Err(e) if e.code() == "store.locked" && waited < wait => waited += LOCK_LOOK,
                other => return other,
            }
        }
    }

    /// The tenant that was named, or the default one.
    pub(crate) fn tenant(&self, store: &Store) -> Result<Tenant> {
        store.tenant(self.globals.tenant.as_deref().unwrap_or(DEFAULT_TENANT))
    }

    /// The zone in which times are read and shown.
    pub(crate) fn zone(&self, store: &Store) -> Zone {
        let machine = || world::here().zone().and_then(|name| Zone::parse(&name).ok());
        let own = || store.config().store.zone.clone().or_else(machine);
        self.zone.clone().or_else(own).unwrap_or_else(|| store.zone())
    }

    pub(crate) fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    /// Reads a time expression.
    pub(crate) fn moment(&self, store: &Store, text: &str) -> Result<Moment> {
        moment::parse(text, self.now(), &self.zone(store))
    }

    /// Reads an address. Where nothing was ever called what stands before its `@`, a document that is called all of it is meant.
    pub(crate) fn address(&self, tenant: &Tenant, text: &str) -> Result<Address> {
        let (address, whole) = (Address::parse(text), parse_key(text));
        let is_known = |key: &[u8]| -> Result<bool> { Ok(tenant.now().last_version(key)?.is_some()) };
        match address {
            Ok(Address { when: None, .. }) => address,
            _ if !is_known(&whole)? => address,
            Ok(address) if is_known(&address.key)? => {
                self.out.note(format!("there is a document called {} too: {} means that one", show_key(&whole), Address::show(&whole, None)));
                Ok(address)
            }
            _ => Ok(Address { key: whole, when: None }),
        }
    }

    /// The version that an address like `KEY@WHEN` means; the resolved moment is said on stderr.
    pub(crate) fn version(&self, store: &Store, tenant: &Tenant, address: &Address) -> Result<Version> {
        let Some(text) = &address.when else { return tenant.find_version(&address.key, None) };
        let when = self.moment(store, text)?;
        let version = tenant.find_version(&address.key, Some(&when))?;
        if !matches!(when, Moment::Version(_)) {
            self.echo(store, tenant, &when)?;
        }
        Ok(version)
    }

    /// As [`Context::view`], without saying anything.
    pub(crate) fn view_of(&self, store: &Store, tenant: &Tenant, at: Option<&str>) -> Result<View> {
        match at {
            None => Ok(tenant.now()),
            Some(text) => tenant.at(&self.moment(store, text)?),
        }
    }

    /// The documents as they were at `at`, or as they are now; the resolved moment is said on stderr.
    pub(crate) fn view(&self, store: &Store, tenant: &Tenant, at: Option<&str>) -> Result<View> {
        let Some(text) = at else { return Ok(tenant.now()) };
        let when = self.moment(store, text)?;
        let view = tenant.at(&when)?;
        self.echo(store, tenant, &when)?;
        Ok(view)
    }

    /// The last batch that `text` includes; 0 where it lies before the first.
    pub(crate) fn seq_since(&self, store: &Store, tenant: &Tenant, text: &str) -> Result<u64> {
        match tenant.resolve(&self.moment(store, text)?) {
            Err(e) if e.code() == "moment.early" => Ok(0),
            other => other,
        }
    }

    /// Whether there is somebody to ask.
    pub(crate) fn can_ask(&self) -> bool {
        let here = world::here();
        here.is_terminal(Stream::In) && here.is_terminal(Stream::Err)
    }

    /// Asks a question that is answered with yes or no; anything but yes is no. Only where [`Context::can_ask`].
    pub(crate) fn confirm(&self, question: &str) -> Result<bool> {
        self.out.flush()?;
        world::here().complain(&format!("{question} [y/N] "));
        let mut answer = String::new();
        BufReader::with_capacity(1, world::stdin()).read_line(&mut answer).map_err(|e| Error::io("read the answer", e))?;
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Says which moment is meant: `as of 2018-09-18 23:59:59 +02:00 (Europe/Oslo), seq 4,118`.
    pub(crate) fn echo(&self, store: &Store, tenant: &Tenant, when: &Moment) -> Result<()> {
        let seq = tenant.resolve(when)?;
        let at = match when {
            Moment::Instant(at) => *at,
            _ if seq == 0 => {
                self.out.note("as of the beginning, before seq 1");
                return Ok(());
            }
            _ => match tenant.batches(seq, seq, 1)?.first() {
                Some(batch) => batch.event.time,
                None => return Ok(()),
            },
        };
        self.out.note(format!("as of {}, seq {}", moment::show(at, &self.zone(store)), grouped(seq)));
        Ok(())
    }

    /// For verbs that change something and cannot say beforehand what: refuses `--dry-run` and `--plan` rather than ignoring them.
    pub(crate) fn refuse_dry_run(&self) -> Result<()> {
        if self.globals.dry_run || self.globals.plan.is_some() {
            return Err(Error::usage("usage.dry_run", "this verb has no dry run and no plan; nothing was changed")
                .hint("leave -n and --plan away; verbs that plan first are undo, rollback and restore"));
        }
        Ok(())
    }

    /// For verbs that can say beforehand what they would do, but make no plan that could be carried out later.
    pub(crate) fn refuse_plan(&self) -> Result<()> {
        if self.globals.plan.is_some() {
            return Err(Error::usage("plan.none", "this verb has no plan to save; nothing was changed")
                .hint("use -n to see what it would do; verbs that plan are undo, redo, rollback and restore"));
        }
        Ok(())
    }

    /// Watches long work and shows it.
    pub(crate) fn monitor(&self) -> Shown {
        Shown::new(self.globals.progress)
    }

    /// Who does this and why.
    pub(crate) fn by(&self) -> By {
        By { actor: self.actor(), reason: self.globals.reason.clone().unwrap_or_default(), origin: "annals command line".into() }
    }

    /// Who does this: named, or the login name.
    pub(crate) fn actor(&self) -> String {
        let login = || world::variable("USER").or_else(|| world::variable("LOGNAME")).unwrap_or_default();
        self.globals.actor.clone().unwrap_or_else(login)
    }
}

/// Where PostgreSQL's own programs look for passwords.
fn passwords() -> Passwords {
    let list = world::variable("PGPASSFILE").map(PathBuf::from);
    let own = || Some(PathBuf::from(world::variable("HOME")?).join(".pgpass"));
    Passwords::new(world::variable("PGPASSWORD"), list.or_else(own))
}

/// The path as a key's bytes: for files named on the command line.
pub(crate) fn path_bytes(path: &Path) -> Vec<u8> {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()).to_vec()
}
