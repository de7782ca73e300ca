//! The store: one directory, one owner process, several tenants.

use std::any::Any;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use crate::base::digest::Digest;
use crate::base::disk;
use crate::base::error::{Error, Kind, Result};
use crate::base::id::{SiteId, TenantId};
use crate::base::machine::Machine;
use crate::base::random::{OsRandom, Random};
use crate::base::time::{Clock, SystemClock, Timestamp};
use crate::format::cipher::SecretKey;
use crate::format::keyfile::{Identity, KeyFile, SiteSecret, Unlock, keyring};
use crate::format::segment::ObjectName;
use crate::format::version;
use crate::model::key::{self, DEFAULT_TENANT};
use crate::model::moment::{Zone, show_short};
use crate::model::timeline::Position;
use crate::storage::catalog::keeping::DroppedRow;
use crate::storage::catalog::tenants::TenantRow;
use crate::storage::catalog::{Catalog, LOG_CUT, View};
use crate::storage::chunks::Chunks;
use crate::storage::config::Config;
use crate::storage::source::password::Passwords;

use super::gate::Gate;
use super::queue::CommitQueue;
use super::witness::Witness;

/// Name of the file that makes a directory a store.
pub const MARKER: &str = "annals.store";
/// Name of the configuration file.
pub const CONFIG: &str = "annals.toml";
/// Name of the key file inside the store's directory.
pub const KEY_FILE: &str = "annals.key";
/// Name of the file that the owner process locks. It holds how many times something was recorded.
const LOCK: &str = "lock";
/// Name of the directory where fetched objects are read from.
pub(crate) const INCOMING: &str = "incoming";
/// What follows the name of a tenant in that of the side log where a realignment puts the other side together.
pub(crate) const SCRATCH: &str = "/realigning";
/// Name of the directory where drills rebuild.
pub(crate) const DRILL: &str = "drill";
/// Name of the directory where sealed objects wait to be shipped.
pub(crate) const OUTBOX: &str = "outbox";

/// Name of the file that stands in a directory while a store is made there.
const BEGUN: &str = "annals.new";

/// Fact: the chunk store once came back shorter than the catalogue relied on.
pub(crate) const CHUNKS_CUT: &str = "chunks_cut";
/// Fact: a rebuild is under way and has not ended.
pub(crate) const REBUILDING: &str = "rebuilding";
/// What that fact says where the rebuild came to its end and something was missing. Before, it says nothing.
pub(crate) const REBUILT_WITH_GAPS: &[u8] = b"gaps";
/// Fact: the number of the last chunk sync that a committed batch relied on.
pub(crate) const CHUNK_NUMBER: &str = "chunk_number";

/// A fact of the catalogue: what it is called, and what it says.
type Fact<'f> = (&'f str, &'f [u8]);

/// How a store is opened or made.
#[derive(Clone)]
pub struct Options {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    lock_wait: Duration,
    key_file: Option<PathBuf>,
    passphrase: Option<String>,
    identity: Option<Arc<Identity>>,
    passwords: Passwords,
    machine: Machine,
    state_dir: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            lock_wait: Duration::ZERO,
            key_file: None,
            passphrase: None,
            identity: None,
            passwords: Passwords::default(),
            machine: Machine::here(),
            state_dir: None,
        }
    }
}

impl Options {
    /// The machine's clock and randomness, no more waiting than a moment, the key file in the store's directory, no witness outside of it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the time from `clock`.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Takes randomness from `random`. For tests and fixtures only.
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// Waits this long, at least a quarter of a second, for another process to let go of the store before it fails with [`Kind::Locked`].
    pub fn lock_wait(mut self, wait: Duration) -> Self {
        self.lock_wait = wait;
        self
    }

    /// Uses a key file elsewhere.
    pub fn key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.key_file = Some(path.into());
        self
    }

    /// The passphrase of the key file, where it has one.
    pub fn passphrase(mut self, passphrase: Option<String>) -> Self {
        self.passphrase = passphrase;
        self
    }

    /// The identity of a recipient of the key file.
    pub fn identity(mut self, identity: Option<Identity>) -> Self {
        self.identity = identity.map(Arc::new);
        self
    }

    /// Passwords of captured database servers that stand neither in an address nor in a file of their own.
    pub fn passwords(mut self, passwords: Passwords) -> Self {
        self.passwords = passwords;
        self
    }

    /// Takes it to run on `machine`; [`Machine::unknown`] draws no conclusions from where the store is. By default it is this one.
    pub fn machine(mut self, machine: Machine) -> Self {
        self.machine = machine;
        self
    }

    /// Keeps a witness file in `dir`, which must not be restored together with the store: with it a store that went back in time is noticed
    /// offline. It is made where it is not there; where it cannot be written, the other witnesses must do.
    pub fn state_dir(mut self, dir: Option<PathBuf>) -> Self {
        self.state_dir = dir;
        self
    }

    /// A tenant with an empty log, a fresh key and timeline.
    pub(crate) fn fresh_tenant(&self, id: i64, name: &str, site: SiteId, secret: &SiteSecret) -> Result<TenantRow> {
        let random = &*self.random;
        let public = TenantId::new(random);
        let created = self.clock.now();
        let entry = keyring::KeyringEntry { site, tenant: public, tenant_name: name.to_owned(), key: SecretKey::new(random), created };
        Ok(TenantRow {
            id,
            public,
            name: name.to_owned(),
            keyring: keyring::seal(secret, &entry, random)?,
            position: Position { timeline: self.machine.new_line(random), seq: 0, digest: Digest::ZERO },
            parent: None,
            time: Timestamp(i64::MIN),
            documents: 0,
            contents: 0,
        })
    }

    /// Makes a new store in `dir`, which must be empty or absent. `site_name` is what people call the place.
    ///
    /// # Errors
    /// [`Kind::Refused`] where there is a store or other files already.
    pub fn init(self, dir: &Path, site_name: &str) -> Result<Store> {
        self.init_with(dir, site_name, None)
    }

    /// The same, with a fact that the store has from its first moment on.
    pub(crate) fn init_with(self, dir: &Path, site_name: &str, fact: Option<Fact<'_>>) -> Result<Store> {
        let random = self.random.clone();
        let site = SiteId::new(&*random);
        let (mut key_file, secret) = KeyFile::create(site, &*random);
        if let Some(passphrase) = &self.passphrase {
            key_file.set_passphrase(&secret, Some(passphrase), &*random)?;
        }
        let main = self.fresh_tenant(0, DEFAULT_TENANT, site, &secret)?;
        self.create(dir, site_name, site, key_file, secret, vec![main], fact)
    }

    /// Makes a store with these tenants, and with a fact where there is one; `key_file` opens to `secret`.
    #[expect(clippy::too_many_arguments, reason = "all of it is one store, and it has two callers")]
    pub(crate) fn create(
        self,
        dir: &Path,
        site_name: &str,
        site: SiteId,
        key_file: KeyFile,
        secret: SiteSecret,
        tenants: Vec<TenantRow>,
        fact: Option<Fact<'_>>,
    ) -> Result<Store> {
        if dir.join(MARKER).exists() {
            return Err(Error::new(Kind::Refused, "store.exists", format!("there is a store already in {}", dir.display()))
                .hint("use it as it is, or choose another directory with -C"));
        }
        clear_begun(dir)?;
        let occupied = dir.read_dir().is_ok_and(|mut entries| entries.next().is_some());
        if occupied {
            return Err(Error::new(Kind::Refused, "store.occupied", format!("the directory {} is not empty", dir.display()))
                .hint("choose an empty or new directory with -C"));
        }
        let mut config = toml_text(site_name);
        config.push_str("\n# Remotes, schedules and rules: see the README. `annals remote add` writes here too.\n");
        disk::create_dirs(dir)?;
        disk::write_file(&dir.join(BEGUN), b"annals began to make a store here and has not ended\n", 0o644)?;
        disk::write_file(&dir.join(KEY_FILE), key_file.to_text().as_bytes(), 0o600)?;
        disk::write_file(&dir.join(CONFIG), config.as_bytes(), 0o644)?;
        let marker = format!("annals store\nformat {}\nsite {}\n", version::STORE, site);
        let catalog = Catalog::create(&dir.join("catalog.db"))?;
        Chunks::open(&dir.join("chunks"))?;
        catalog.write(|w| {
            if let Some((name, value)) = fact {
                w.set_fact(name, value)?;
            }
            tenants.iter().try_for_each(|tenant| w.add_tenant(tenant))
        })?;
        drop(catalog);
        // The marker comes last: without it the directory is not a store, and the next attempt starts anew.
        disk::write_file(&dir.join(MARKER), marker.as_bytes(), 0o644)?;
        disk::remove_file(&dir.join(BEGUN))?;
        let store = self.open_unfinished(dir)?;
        *store.inner.secret.lock().unwrap_or_else(|e| e.into_inner()) = Some(secret);
        Ok(store)
    }

    /// Opens the store in `dir`.
    ///
    /// # Errors
    /// [`Kind::NoStore`], [`Kind::Newer`], [`Kind::Locked`]; [`Kind::Refused`] where a rebuild was interrupted: such a store is a beginning
    /// without a timeline, on which nothing may be recorded.
    pub fn open(self, dir: &Path) -> Result<Store> {
        let store = self.open_unfinished(dir)?;
        if store.inner.catalog.read(|rows| rows.fact(REBUILDING))?.is_some_and(|state| state != REBUILT_WITH_GAPS) {
            let text = format!("the store in {} was not rebuilt to its end", dir.display());
            return Err(Error::new(Kind::Refused, "rebuild.unfinished", text).hint("run the same annals rebuild again: it goes on where it was"));
        }
        Ok(store)
    }

    /// Removes a store that [`Options::open_unfinished`] opens and in which nothing was recorded: what it was rebuilt from is elsewhere.
    pub(crate) fn discard(store: Store) -> Result<()> {
        let dir = store.dir().to_owned();
        // From then on it is the beginning of a store, and whoever makes one there clears it away: this may be interrupted.
        disk::write_file(&dir.join(BEGUN), b"annals removes what was rebuilt here in part\n", 0o644)?;
        disk::remove_file(&dir.join(MARKER))?;
        drop(store);
        clear_begun(&dir)
    }

    /// Opens a store also where a rebuild has not come to its end.
    pub(crate) fn open_unfinished(self, dir: &Path) -> Result<Store> {
        let site = read_marker(dir)?;
        let lock = lock(&dir.join(LOCK), self.lock_wait)?;
        let mut turn = Vec::new();
        let own = || format!("read the lock in {}", dir.display());
        (&lock).take(64).read_to_end(&mut turn).map_err(|e| Error::io(own(), e))?;
        let turn = turn_in(&turn);
        if turn.is_none() {
            lock.set_len(0).map_err(|e| Error::io(own(), e))?;
        }
        let config = Config::load(&dir.join(CONFIG))?;
        let catalog = Catalog::open(&dir.join("catalog.db"))?;
        let chunks = Chunks::open(&dir.join("chunks"))?;
        let relied_on = catalog.read(|v| v.fact_number(CHUNK_NUMBER))?;
        // Noted for good before anything is written, because the next write makes the numbers agree again.
        if relied_on > chunks.number() {
            catalog.write(|w| w.set_fact(CHUNKS_CUT, b""))?;
        }
        if relied_on < chunks.named() {
            catalog.write(|w| w.set_fact(LOG_CUT, b""))?;
        }
        chunks.skip_to(relied_on);
        sweep(dir, &catalog)?;
        let main = catalog.read(|v| v.tenant_by_id(0))?;
        let now = self.clock.now();
        let witness = Witness::open(dir, site, &catalog, self.machine.clone(), self.state_dir.as_deref(), now)?;
        if catalog.read(|v| v.fact(REBUILDING))?.is_none() {
            witness.check(&catalog, &*self.random, now)?;
        }
        let core = Core {
            dir: dir.to_owned(),
            site,
            catalog,
            chunks,
            gate: Arc::default(),
            queue: CommitQueue::default(),
            upkeep: Mutex::default(),
            witness,
            sealing: Mutex::default(),
            captures: Mutex::default(),
            calm: Mutex::default(),
            secret: Mutex::default(),
            options: self,
            turn: Mutex::new(turn.unwrap_or(0)),
            lock,
        };
        let inner = Arc::new(Inner { config, core: Arc::new(core) });
        let main = Tenant::new(&inner, &main);
        Ok(Store { inner, main })
    }
}

fn toml_text(site_name: &str) -> String {
    let quoted = site_name.replace('\\', "\\\\").replace('"', "\\\"");
    format!("[store]\nsite = \"{quoted}\"\n")
}

/// Removes what an interrupted attempt to make a store left. Nothing is touched unless its first file says that it was one.
fn clear_begun(dir: &Path) -> Result<()> {
    let Ok(entries) = dir.read_dir() else { return Ok(()) };
    let names: Vec<String> = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    let ours = |name: &String| {
        let known = [BEGUN, KEY_FILE, CONFIG, MARKER, LOCK, OUTBOX, INCOMING, "catalog.db", "chunks"];
        known.iter().any(|k| name.strip_prefix(k).is_some_and(|rest| ["", "-wal", "-shm", "-journal"].contains(&rest) || rest.ends_with(".partial")))
    };
    let begun = names.iter().any(|n| n.starts_with(BEGUN));
    if !begun || !names.iter().all(ours) {
        return Ok(());
    }
    // The file that says so goes last: this too may be interrupted.
    for name in names.iter().filter(|n| *n != BEGUN).chain(names.iter().filter(|n| *n == BEGUN)) {
        let path = dir.join(name);
        let removed = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(|e| Error::io(format_args!("remove {}", path.display()), e))?;
    }
    Ok(())
}

/// Removes what a process left that died: files that never got their names, sealed objects that were never recorded.
fn sweep(dir: &Path, catalog: &Catalog) -> Result<()> {
    let remove = |path: &Path| match path.is_dir() {
        // What cannot be removed now is removed when the store is opened next.
        true => drop(std::fs::remove_dir_all(path)),
        false => drop(std::fs::remove_file(path)),
    };
    let files = |dir: &Path| dir.read_dir().into_iter().flatten().flatten().map(|e| e.path()).collect::<Vec<_>>();
    let is_partial = |path: &Path| path.extension().is_some_and(|e| e == "partial");
    files(dir).iter().filter(|path| is_partial(path) || [BEGUN, INCOMING, DRILL].iter().any(|n| path.ends_with(n))).for_each(|path| remove(path));
    // Where the newest rows were lost, sealed objects that no row names are the copy that heals it.
    if catalog.read(|rows| rows.fact(LOG_CUT))?.is_some() {
        return Ok(());
    }
    for tenant in catalog.read(|rows| rows.tenants())? {
        for path in files(&dir.join(OUTBOX).join(tenant.public.to_hex())) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let orphan = match ObjectName::parse(&name) {
                Some(object) => !catalog.read(|rows| rows.is_sealed(tenant.id, object.first, &name))?,
                None => is_partial(&path),
            };
            if orphan {
                remove(&path);
            }
        }
    }
    Ok(())
}

fn read_marker(dir: &Path) -> Result<SiteId> {
    let path = dir.join(MARKER);
    if !path.exists() {
        return Err(Error::new(Kind::NoStore, "store.none", format!("there is no store in {}", dir.display()))
            .hint(format!("make one with annals init -C {}, or point at one with -C DIR or ANNALS_STORE", dir.display())));
    }
    let damaged = || {
        let text = "the same file of another copy of this store will do; without one, rebuild from a remote: annals rebuild --from URL --into DIR";
        Error::damaged(path.display()).hint(text)
    };
    let text = String::from_utf8(disk::read_file(&path, 4096)?).map_err(|_| damaged())?;
    let field = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(' ')).ok_or_else(damaged);
    let format = field("format")?.parse().ok().filter(|format| *format > 0).ok_or_else(damaged)?;
    version::check(&format!("the store in {}", dir.display()), format, version::STORE)?;
    SiteId::from_hex(field("site")?).map_err(|_| damaged())
}

/// A program that this process is just starting has all its open files for a moment, the lock of a store that was closed meanwhile too.
const LOCK_WAIT_MIN: Duration = Duration::from_millis(250);

fn lock(path: &Path, wait: Duration) -> Result<File> {
    let fail = |e| Error::io(format_args!("open {}", path.display()), e);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(fail)?;
    let until = Instant::now() + wait.max(LOCK_WAIT_MIN);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::Error(e)) => return Err(fail(e)),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(Duration::from_millis(20)),
            Err(fs::TryLockError::WouldBlock) => {
                return Err(Error::new(Kind::Locked, "store.locked", "another process holds the store")
                    .hint("wait for the other annals command to end, or stop it; nothing was changed"));
            }
        }
    }
}

/// How many times something was recorded in the store in `dir`, as its owner processes counted; `None` where that is not known. Takes no
/// lock: who follows a store that other processes write to looks here whether there is something new since [`Store::turn`].
pub fn turn_of(dir: &Path) -> Option<u64> {
    turn_in(&disk::read_file(&dir.join(LOCK), 64).ok()?)
}

fn turn_in(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.trim().parse().ok()
}

/// An open store as one configuration sees it.
pub(crate) struct Inner {
    pub(crate) config: Config,
    core: Arc<Core>,
}

impl std::ops::Deref for Inner {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.core
    }
}

/// What an open store has whatever its configuration says.
pub(crate) struct Core {
    pub(crate) dir: PathBuf,
    pub(crate) site: SiteId,
    pub(crate) catalog: Catalog,
    pub(crate) chunks: Chunks,
    pub(crate) gate: Arc<Gate>,
    pub(crate) queue: CommitQueue,
    /// Held by garbage collection and by healing, see [`Inner::upkeep`].
    upkeep: Mutex<()>,
    pub(crate) witness: Witness,
    /// Held while a tenant is sealed, so that two remotes that are shipped to at once do not seal the same batches twice.
    pub(crate) sealing: Mutex<()>,
    captures: Mutex<HashMap<String, Turn>>,
    /// By tenant: up to where the agent saw no mass change.
    pub(crate) calm: Mutex<HashMap<i64, Position>>,
    secret: Mutex<Option<SiteSecret>>,
    options: Options,
    turn: Mutex<u64>,
    lock: File,
}

/// Held while a capture is looked at. In it is what a look left open for the next, which ends when it is dropped.
pub(crate) type Turn = Arc<Mutex<Option<Box<dyn Any + Send>>>>;

impl Core {
    /// What is held while the capture called `name` is looked at: one that is followed and a person who looks meanwhile do not meet in it.
    pub(crate) fn capturing(&self, name: &str) -> Turn {
        self.captures.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().clone()
    }
}

impl Inner {
    /// Counts that something was recorded, for processes that follow the store. They look once in a while anyway, so a full disk here is no
    /// reason to fail what is recorded already.
    pub(crate) fn count_turn(&self) {
        let mut turn = self.turn.lock().unwrap_or_else(|e| e.into_inner());
        *turn = turn.wrapping_add(1);
        let mut file = &self.lock;
        // Over what stands there, which is never longer: to cut it off first would give its block back and take one anew, each time.
        let _ = file.rewind().and_then(|()| file.write_all(format!("{turn}\n").as_bytes()));
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.options.clock
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn passwords(&self) -> &Passwords {
        &self.options.passwords
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.options.random
    }

    /// Lets one of garbage collection and healing in. They exclude each other: healing gives contents that are marked already another list of
    /// chunks, which garbage collection would take for chunks that nothing names.
    pub(crate) fn upkeep(&self, code: &'static str) -> Result<MutexGuard<'_, ()>> {
        match self.upkeep.try_lock() {
            Ok(guard) => Ok(guard),
            // Whoever panicked left nothing in this lock that could be wrong.
            Err(TryLockError::Poisoned(e)) => Ok(e.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Error::new(Kind::Locked, code, "healing or garbage collection of this store is under way")
                .hint("wait until it has ended, then try again; nothing was changed")),
        }
    }

    /// Opens the key file, once per process.
    pub(crate) fn secret(&self) -> Result<SiteSecret> {
        let mut kept = self.secret.lock().unwrap_or_else(|e| e.into_inner());
        if let Some(secret) = &*kept {
            return Ok(secret.clone());
        }
        let key_file = self.key_file()?;
        if key_file.site() != self.site {
            return Err(Error::new(Kind::Denied, "key.wrong", "the key file belongs to another site")
                .hint("use the key file that annals init made for this store (ANNALS_KEYFILE or --key)"));
        }
        let unlock = Unlock { passphrase: self.options.passphrase.as_deref(), identity: self.options.identity.as_deref() };
        let secret = key_file.open(&unlock)?;
        *kept = Some(secret.clone());
        Ok(secret)
    }

    pub(crate) fn key_path(&self) -> PathBuf {
        self.options.key_file.clone().unwrap_or_else(|| self.dir.join(KEY_FILE))
    }

    pub(crate) fn key_file(&self) -> Result<KeyFile> {
        read_key_file(&self.key_path())
    }
}

/// Reads a key file; missing is [`Kind::Denied`] with a hint.
pub fn read_key_file(path: &Path) -> Result<KeyFile> {
    if !path.exists() {
        return Err(Error::new(Kind::Denied, "key.missing", format!("no key file at {}", path.display()))
            .hint("name it with --key FILE or ANNALS_KEYFILE, or use the recovery sheet with annals rebuild --sheet FILE"));
    }
    let bytes = disk::read_file(path, 1 << 20)?;
    let text = String::from_utf8(bytes).map_err(|_| Error::damaged(path.display()))?;
    KeyFile::from_text(&text)
}

/// An open store. Cheap to clone; closed when the last clone and the last tenant are dropped. Used directly, it is its default tenant.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
    pub(crate) main: Tenant,
}

impl std::ops::Deref for Store {
    type Target = Tenant;

    fn deref(&self) -> &Tenant {
        &self.main
    }
}

impl Store {
    /// Opens the store in `dir` with the usual options.
    pub fn open(dir: impl AsRef<Path>) -> Result<Store> {
        Options::new().open(dir.as_ref())
    }

    /// Makes a new store in `dir` with the usual options.
    pub fn init(dir: impl AsRef<Path>, site_name: &str) -> Result<Store> {
        Options::new().init(dir.as_ref(), site_name)
    }

    /// Options to open or make a store with.
    pub fn builder() -> Options {
        Options::new()
    }

    /// Where witness files are kept outside of the store; nowhere where absent.
    pub fn state_dir(&self) -> Option<&Path> {
        self.inner.options.state_dir.as_deref()
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// The id of this site.
    pub fn site(&self) -> SiteId {
        self.inner.site
    }

    /// How many times something was recorded, counted over all processes; see [`turn_of`].
    pub fn turn(&self) -> u64 {
        *self.inner.turn.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The configuration as it was when the store was opened.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The same open store with the configuration as it stands in the file now.
    pub fn reread(&self) -> Result<Store> {
        let config = Config::load(&self.inner.dir.join(CONFIG))?;
        let inner = Arc::new(Inner { config, core: self.inner.core.clone() });
        let main = inner.catalog.read(|view| view.tenant_by_id(0))?;
        Ok(Store { main: Tenant::new(&inner, &main), inner })
    }

    /// The time of day, from where the store takes it.
    pub fn now_is(&self) -> Timestamp {
        self.inner.clock().now()
    }

    /// The zone in which people of this site read the clock.
    pub fn zone(&self) -> Zone {
        self.inner.config.store.zone.clone().unwrap_or_else(Zone::system)
    }

    /// The tenant called `name`.
    ///
    /// # Errors
    /// [`Kind::Missing`] with the nearest names; for one that was dropped with what brings it back.
    pub fn tenant(&self, name: &str) -> Result<Tenant> {
        let tenant = self.tenant_or_dropped(name)?;
        self.inner.catalog.read(|view| match view.dropped(tenant.id)? {
            Some(dropped) => Err(dropped_error(view, &view.tenant_by_id(tenant.id)?, &dropped, &self.zone())?),
            None => Ok(tenant),
        })
    }

    /// The tenant called `name`, also where it was dropped: to see after what keeps it.
    ///
    /// # Errors
    /// [`Kind::Missing`] with the nearest names.
    pub fn tenant_or_dropped(&self, name: &str) -> Result<Tenant> {
        self.inner.catalog.read(|view| match view.tenant(name)? {
            Some(row) => Ok(Tenant::new(&self.inner, &row)),
            None => Err(no_tenant(view, name)?),
        })
    }

    /// Adds a tenant with a key and a log of its own.
    pub fn add_tenant(&self, name: &str) -> Result<Tenant> {
        key::check_tenant(name)?;
        let secret = self.inner.secret()?;
        let row = self.inner.catalog.write(|w| {
            if w.tenant(name)?.is_some() {
                return Err(Error::new(Kind::Refused, "tenant.exists", format!("there is a tenant already called {name}"))
                    .hint("annals tenant ls shows them"));
            }
            let id = w.tenants()?.last().map_or(0, |t| t.id + 1);
            let row = self.inner.options.fresh_tenant(id, name, self.inner.site, &secret)?;
            w.add_tenant(&row)?;
            Ok(row)
        })?;
        Ok(Tenant::new(&self.inner, &row))
    }

    /// All tenants, the default one first.
    pub fn tenants(&self) -> Result<Vec<Tenant>> {
        self.logs(|row| !row.is_side())
    }

    /// The lines of history that a realignment left, each named `TENANT/LINE`: to be read like a tenant, never written to or shipped.
    pub fn lines(&self) -> Result<Vec<Tenant>> {
        // One that a realignment is still putting together is none yet.
        self.logs(|row| row.is_side() && !row.name.ends_with(SCRATCH))
    }

    fn logs(&self, wanted: impl Fn(&TenantRow) -> bool) -> Result<Vec<Tenant>> {
        let rows = self.inner.catalog.read(|view| view.tenants())?;
        Ok(rows.iter().filter(|row| wanted(row)).map(|row| Tenant::new(&self.inner, row)).collect())
    }
}

/// What whoever wants to read a dropped tenant is told.
pub(crate) fn dropped_error(view: &View<'_>, row: &TenantRow, dropped: &DroppedRow, zone: &Zone) -> Result<Error> {
    let said = |batch: i64| -> Result<(String, String)> {
        let head = view.batch(batch)?.ok_or_else(|| Error::damaged("a tenant that no batch dropped"))?.head;
        let who = if head.actor.is_empty() { String::new() } else { format!(" by {}", head.actor) };
        Ok((show_short(head.time, zone), format!("{who} ({})", head.reason)))
    };
    let (when, who) = said(dropped.batch)?;
    let name = &row.name;
    Ok(match dropped.gone {
        None => {
            let text = format!("{name} was dropped {when}{who}; it is kept until {}", show_short(dropped.until, zone));
            Error::missing("tenant.dropped", text).hint(format!("annals tenant undrop {name} brings it back as it was"))
        }
        Some(batch) => {
            let text = format!("{name} was dropped {when}{who}, and its bytes were given up {}", said(batch)?.0);
            Error::missing("tenant.gone", text).hint("what is recorded of it stays; a new tenant needs another name")
        }
    })
}

fn no_tenant(view: &View<'_>, name: &str) -> Result<Error> {
    let mut names: Vec<String> = view.tenants()?.into_iter().map(|t| t.name).collect();
    names.sort_by_key(|known| strsim::damerau_levenshtein(known, name));
    names.truncate(3);
    Ok(Error::missing("tenant.missing", format!("there is no tenant called {name}"))
        .hint(format!("nearest names: {}; annals tenant add {name} makes one", names.join(", "))))
}

/// One tenant of an open store: its documents, its log, its key. Cheap to clone.
#[derive(Clone)]
pub struct Tenant {
    pub(crate) inner: Arc<Inner>,
    pub(crate) id: i64,
    pub(crate) public: TenantId,
    pub(crate) name: Arc<str>,
}

impl Tenant {
    pub(crate) fn new(inner: &Arc<Inner>, row: &TenantRow) -> Self {
        Tenant { inner: inner.clone(), id: row.id, public: row.public, name: row.name.as_str().into() }
    }

    /// The name people use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id that the outside sees.
    pub fn public_id(&self) -> TenantId {
        self.public
    }

    /// Where the log ends.
    pub fn position(&self) -> Result<Position> {
        Ok(self.inner.catalog.read(|view| view.tenant_by_id(self.id))?.position)
    }

    /// The tenant's key, opened with the site secret.
    pub(crate) fn key(&self) -> Result<SecretKey> {
        let secret = self.inner.secret()?;
        let row = self.inner.catalog.read(|view| view.tenant_by_id(self.id))?;
        Ok(keyring::open(&secret, &row.keyring)?.key)
    }
}
