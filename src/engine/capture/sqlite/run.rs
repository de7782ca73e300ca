//! One catch-up: from the captured place to what is committed now.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::base::digest::Digest;
use crate::base::error::{Error, Kind, Result};
use crate::base::monitor::{Monitor, Progress, check_stop};
use crate::engine::capture::behind::{Behind, Replayed};
use crate::engine::capture::lineage::{self, Counter};
use crate::engine::capture::open::{IMAGE, SCHEMA, directory, id_of};
use crate::engine::capture::written::{RowStep, Written};
use crate::engine::plans::By;
use crate::engine::record::{Batch, Receipt};
use crate::engine::store::Tenant;
use crate::format::sqlite::changes::{self, RowChange};
use crate::format::sqlite::header::Header;
use crate::format::sqlite::pages::{Overlay, Pages};
use crate::format::sqlite::schema::{Schema, Table};
use crate::format::sqlite::tree::Database;
use crate::format::sqlite::value::Value;
use crate::model::change::{Cause, Meta};
use crate::storage::source::sqlite::Source;
use crate::storage::source::sqlite::image::{Image, REDOS_LATE};
use crate::storage::source::sqlite::place::Place;
use crate::storage::source::sqlite::tail::{Layers, Run, Step};

use super::document::{self, CONTEXT, is_recorded, row_key};
use super::given::Given;
use super::state::{self, Redos, State};
use super::{SqliteCapture, SqliteCaptured};

/// Bytes of changed pages that a gap may hold in memory; with more, a second image is made.
const GAP_BYTES_HELD: u64 = 64 << 20;
/// Documents fetched from the catalogue at a time.
const PAGE: usize = 1024;
/// Rows in one batch of a first capture; further ones get batches of their own, so that memory is bounded.
const FIRST_ROWS_MAX: usize = 250_000;
/// Why there is a first batch.
const FIRST: &str = "first capture";
/// The log is held where it is for at most so long: its application cannot start it again meanwhile, and it grows.
const HELD_MAX: Duration = Duration::from_secs(2);
/// How long it is let go before it is held again.
const LET_GO: Duration = Duration::from_millis(10);
/// Pages found in one look from which on the database is busy: two fifths of what a log has when SQLite folds it in, unless told otherwise. The log
/// is held while they are recorded, and the next look comes sooner, so that it comes before the log was started again and overtook it. Fewer would
/// mean more looks, and each sync of one is felt by the application.
pub(super) const BUSY_PAGES: usize = 400;
/// Bytes of the log from which on it is not held any longer.
const LOG_BYTES_HELD: u64 = 16 << 20;
/// Stretches of the log that one catch-up takes in, so that it ends beside a writer that never rests: about 16 GiB.
const STRETCHES_MAX: usize = 1000;

/// What is known while a database is captured.
pub(super) struct Work<'w> {
    pub tenant: &'w Tenant,
    pub what: &'w SqliteCapture,
    pub source: Source,
    pub monitor: &'w dyn Monitor,
    /// Rows that were given to the database, or were about to be, and are not recorded yet.
    pub given: Option<Given>,
    /// A realignment that was written into the database, or was about to be, and is not recorded yet.
    pub realigning: Option<Written>,
    /// It goes on: what is committed while this is recorded must not be lost.
    pub follows: bool,
    /// Pages that this catch-up found in the log.
    pub pages_seen: usize,
    held_since: Option<Instant>,
    /// The database lost what was captured: it is known to have gone back.
    lost: bool,
    by: &'w By,
    id: String,
    dir: PathBuf,
    state: Option<State>,
    pub image: Option<Image>,
    /// The schema and the owners of the image's pages; read when they are needed first.
    pub decoded: Option<changes::State>,
    /// The schema document as it was recorded last, without the sequence.
    schema: Option<Vec<u8>>,
    wanted: Option<GlobSet>,
    report: SqliteCaptured,
}

/// Changes of one transaction, on their way into a batch.
struct Draft {
    batch: Batch,
    added: u64,
    changed: u64,
    removed: u64,
    bytes: u64,
    actor: Option<String>,
    reason: Option<String>,
    /// What the rows become; only while something of ours is to be recorded.
    rows: Option<HashMap<Vec<u8>, Option<Vec<u8>>>>,
}

impl<'w> Work<'w> {
    pub(super) fn open(tenant: &'w Tenant, what: &'w SqliteCapture, by: &'w By, monitor: &'w dyn Monitor) -> Result<Work<'w>> {
        let mut source = Source::open(&what.file)?;
        let id = id_of(tenant, &what.prefix);
        let dir = directory(&tenant.inner, &id);
        let mut known = state::load(tenant, &what.prefix)?;
        if let Some(state) = &known {
            refuse_other(state, &source, what)?;
            let boot = tenant.inner.witness.boot();
            source.doubt(!state.boot.is_empty() && !boot.is_empty() && state.boot != boot);
        }
        let mut image = Image::find(&dir);
        let redos = known.as_ref().and_then(State::open_redos);
        let is_ours = match (&mut image, redos) {
            (Some(image), Some(redos)) => image.recover(&redos)?,
            _ => false,
        };
        image = image.filter(|_| is_ours);
        // Without its image a place is of no use. With it the redos were done, and are counted so with the next state.
        known = known.map(|state| if is_ours { state.settled() } else { state.moved(None) });
        let realigning = match &known {
            Some(state) if state.behind.is_some() => Written::find(&dir)?,
            _ => Written::forget(&dir).map(|()| None)?,
        };
        let given = Given::find(&dir, known.as_ref())?;
        Ok(Work {
            tenant,
            what,
            source,
            monitor,
            given,
            realigning,
            follows: false,
            pages_seen: 0,
            held_since: None,
            lost: false,
            by,
            id,
            dir,
            state: known,
            image,
            decoded: None,
            schema: None,
            wanted: patterns(&what.tables)?,
            report: SqliteCaptured::default(),
        })
    }

    /// Whether somebody else moved the capture on since this was opened.
    pub(super) fn is_stale(&self) -> Result<bool> {
        let kept = state::load(self.tenant, &self.what.prefix)?;
        let is_given = self.given.is_none() && Given::is_left(&self.dir);
        Ok(is_given || kept.map(|s| s.step) != self.state.as_ref().map(|s| s.step))
    }

    /// Captures what was committed since. The report is of this catch-up alone.
    pub(super) fn catch_up(&mut self) -> Result<SqliteCaptured> {
        self.report = SqliteCaptured::default();
        self.pages_seen = 0;
        let done = self.go_on();
        self.source.release();
        done?;
        // Whatever was committed is recorded: what is left of it now never was.
        self.given = None;
        Given::forget(&self.dir)?;
        let rows = self.state.as_ref().map_or(0, |s| s.rows);
        self.report.unchanged = rows.saturating_sub(self.report.added + self.report.changed);
        Ok(std::mem::take(&mut self.report))
    }

    fn go_on(&mut self) -> Result<()> {
        if let (Some(replayed), Some(state)) = (self.replayed()?, self.state.clone().filter(|s| !s.begun)) {
            // The pages of the image are not those of the log any more.
            self.begin_again()?;
            replayed.forget(&self.tenant.inner.catalog, &state.status())?;
        }
        let Some(state) = self.state.clone().filter(|s| !s.begun) else { return self.begin() };
        if state.behind.is_some() || state.place()?.is_none() {
            return self.bridge("the image of the database is not at hand");
        }
        for _ in 0..STRETCHES_MAX {
            check_stop(self.monitor)?;
            let Some(place) = self.place()? else { return Ok(()) };
            match self.source.step(&place)? {
                Step::Nothing => return Ok(()),
                Step::Commits(run) => {
                    self.pages_seen += run.pages();
                    match self.hold(&run).and_then(|()| self.record(&place, &run)) {
                        // Somebody removed documents of rows by hand: only a comparison of all rows knows what is missing.
                        Err(e) if e.code() == "document.missing" => self.begin_again()?,
                        // It may be one that its application mended since.
                        Err(e) if e.code() == "sqlite.table" => self.bridge("the definition of a table could not be read in between")?,
                        done => done?,
                    }
                    // What was committed while this was recorded is for the next look: looking on at once beside a busy writer would sync for
                    // every few of its transactions, and each sync makes it wait.
                    if self.follows && run.is_all {
                        return Ok(());
                    }
                }
                Step::Gap(why) => self.bridge(why)?,
                Step::Lost => {
                    self.lost = true;
                    let bridged = self.bridge("the log lost what was captured from it");
                    self.lost = false;
                    bridged?;
                }
            }
        }
        Ok(())
    }

    /// Batches from elsewhere that the rows were not compared with yet.
    fn replayed(&self) -> Result<Option<Replayed>> {
        let Some(state) = &self.state else { return Ok(None) };
        self.tenant.inner.catalog.read(|rows| Replayed::find(rows, &state.status()))
    }

    /// Whether the image is not that of the log's head, so that only the rows themselves can be compared.
    pub(super) fn is_image_elsewhere(&self) -> Result<bool> {
        Ok(self.state.as_ref().is_some_and(|state| state.begun) || self.replayed()?.is_some())
    }

    /// Holds the log where it is while much is recorded, and lets it go before it grows too long.
    fn hold(&mut self, run: &Run) -> Result<()> {
        let short = self.source.log_bytes()? < LOG_BYTES_HELD;
        match self.held_since.filter(|_| self.source.is_pinned()) {
            Some(since) if !short || since.elapsed() > HELD_MAX => {
                self.source.release();
                // Two commits are enough for the application to start its log again; then it is held anew, before this stretch is recorded.
                std::thread::sleep(LET_GO);
                self.source.pin()?;
                self.held_since = Some(Instant::now());
            }
            Some(_) => {}
            None if self.follows && short && run.pages() >= BUSY_PAGES => {
                self.source.pin()?;
                self.held_since = Some(Instant::now());
            }
            None => {}
        }
        Ok(())
    }

    /// Where a second image is made.
    pub(super) fn beside(&self) -> PathBuf {
        self.dir.join("next")
    }

    pub(super) fn is_wanted(&self, table: &Table) -> bool {
        is_wanted(self.wanted.as_ref(), table)
    }

    /// The number of the state that was captured last.
    pub(super) fn step(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.step)
    }

    /// Where the image is.
    pub(super) fn directory(&self) -> &std::path::Path {
        &self.dir
    }

    fn place(&self) -> Result<Option<Place>> {
        self.state.as_ref().map_or(Ok(None), State::place)
    }

    // ---- the first time, and whenever there is nothing to compare pages with ----

    /// Takes a new image, and records where its rows differ from what is recorded.
    fn begin(&mut self) -> Result<()> {
        let known = self.tenant.inner.catalog.read(|rows| rows.documents(self.tenant.id, &self.what.prefix, None, 1))?;
        let state = match self.state.take() {
            Some(state) => state,
            None => {
                // Of a history that came from elsewhere it is not known where it begins.
                let since = if known.is_empty() { self.tenant.position()?.seq } else { 0 };
                state::fresh(self.tenant, self.source.path(), &self.what.prefix, &self.what.tables, since)
            }
        };
        state::save(self.tenant, &self.what.prefix, &state)?;
        self.state = Some(state);
        let place = self.take_image(false)?;
        self.compare_rows(place, (!known.is_empty()).then(HashMap::new))
    }

    /// Copies the database into a new image. With `beside` it is not the image yet.
    pub(super) fn take_image(&mut self, beside: bool) -> Result<Place> {
        let dir = if beside { self.beside() } else { self.dir.clone() };
        let monitor = self.monitor;
        let snapshot = self.source.snapshot()?;
        let page_bytes = snapshot.header().page_size as usize;
        let bytes_total = u64::from(snapshot.count()) * page_bytes as u64;
        let image = Image::create(&dir, &snapshot, page_bytes, &mut |bytes| {
            monitor.progress(&Progress { phase: "copying", bytes, bytes_total, ..Progress::default() });
            check_stop(monitor)
        })?;
        let place = snapshot.place()?;
        drop(snapshot);
        self.source.release();
        self.report.bytes_read += bytes_total;
        if !beside {
            self.image = Some(image);
            self.decoded = None;
        }
        Ok(place)
    }

    /// Records where the rows of the image differ from the documents. `differing` collects what differs, unless nothing was recorded before.
    fn compare_rows(&mut self, place: Place, mut differing: Option<HashMap<Vec<u8>, Option<Digest>>>) -> Result<()> {
        let Some(image) = self.image.take() else { return Err(Error::damaged("the image of a captured database is not there")) };
        let database = Database::open(&image)?;
        let schema = Schema::read(&database)?;
        let mut draft = self.draft();
        let mut items = 0;
        match &mut differing {
            Some(differing) => {
                items = self.each_difference(&image, &mut |key, there, known| {
                    differing.insert(key.clone(), there.as_deref().map(Digest::of));
                    match there {
                        Some(content) => {
                            *if known { &mut draft.changed } else { &mut draft.added } += 1;
                            draft.put(&key, &content)
                        }
                        None => draft.remove(&key),
                    }
                })?;
            }
            None => {
                let wanted: Vec<_> = schema.tables.iter().filter(|t| is_wanted(self.wanted.as_ref(), t)).collect();
                for table in wanted {
                    table.rows(&database, &mut |key, row| {
                        items += 1;
                        self.tell_read(items)?;
                        if draft.batch.len() >= FIRST_ROWS_MAX {
                            let full = std::mem::replace(&mut draft, self.draft());
                            let next = State { begun: true, ..self.next_state(None)? };
                            self.commit_one(full, next, None, FIRST)?;
                        }
                        draft.added += 1;
                        draft.put(&row_key(&self.what.prefix, table, &key), &row.to_json())
                    })?;
                }
            }
        }
        let recorded = document::schema(&schema, database.header());
        self.add_schema(&mut draft, &recorded, &schema, &database, true)?;
        if differing.is_none() && self.what.image {
            draft.bytes += draft.batch.put_sized(&[&self.what.prefix[..], IMAGE].concat(), &mut image.reader()?, None, sqlite_meta())?.1;
        }
        self.image = Some(image);
        if let Some(differing) = &differing {
            self.refuse_behind(&place, differing, &draft)?;
        }
        // The commit counts what it adds and removes.
        let rows = (items + draft.removed).saturating_sub(draft.added);
        let next = State { rows, begun: false, ..self.next_state(Some(&place))? }.settled();
        match differing {
            Some(_) => self.commit_one(draft, next, Some("the image of the database was not at hand"), ""),
            None => {
                let since = self.tenant.position()?.seq;
                self.commit_one(draft, State { since, ..next }, None, FIRST)
            }
        }
    }

    /// Calls `each` with every row of an image that is not as recorded, and whether it is recorded otherwise; then with the recorded rows that are
    /// not in it. Gives the rows of the image.
    pub(super) fn each_difference(&self, image: &Image, each: &mut dyn FnMut(Vec<u8>, Option<Vec<u8>>, bool) -> Result<()>) -> Result<u64> {
        let database = Database::open(image)?;
        let schema = Schema::read(&database)?;
        let (mut seen, mut items) = (Seen::default(), 0);
        for table in schema.tables.iter().filter(|t| self.is_wanted(t)) {
            table.rows(&database, &mut |key, row| {
                items += 1;
                self.tell_read(items)?;
                let (key, content) = (row_key(&self.what.prefix, table, &key), row.to_json());
                let known = self.tenant.inner.catalog.read(|rows| {
                    let document = rows.document(self.tenant.id, &key)?;
                    let held = document.as_ref().and_then(|d| d.content).map(|c| rows.content_digest(c)).transpose()?;
                    Ok(document.map(|d| (d.id, held.map(|(digest, _)| digest))))
                })?;
                let held = known.and_then(|(id, held)| {
                    seen.insert(id);
                    held
                });
                if held == Some(Digest::of(&content)) { Ok(()) } else { each(key, Some(content), held.is_some()) }
            })?;
        }
        self.each_gone(&seen, each)?;
        Ok(items)
    }

    fn tell_read(&self, items: u64) -> Result<()> {
        if items.is_multiple_of(4096) {
            check_stop(self.monitor)?;
            self.monitor.progress(&Progress { phase: "reading", items, ..Progress::default() });
        }
        Ok(())
    }

    /// Documents whose rows are not there any more.
    fn each_gone(&self, seen: &Seen, each: &mut dyn FnMut(Vec<u8>, Option<Vec<u8>>, bool) -> Result<()>) -> Result<()> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.tenant.inner.catalog.read(|rows| rows.documents(self.tenant.id, &self.what.prefix, after.as_deref(), PAGE))?;
            for document in &page {
                let name = &document.key[self.what.prefix.len()..];
                if document.content.is_some() && !seen.contains(document.id) && name != SCHEMA && name != IMAGE {
                    each(document.key.clone(), None, true)?;
                }
            }
            match page.last() {
                Some(last) if page.len() == PAGE => after = Some(last.key.clone()),
                _ => return Ok(()),
            }
        }
    }

    // ---- what lies between two states that are compared page by page ----

    /// Goes on where transactions could not be seen one by one.
    fn bridge(&mut self, why: &'static str) -> Result<()> {
        self.decode()?;
        let Some(image) = self.image.take() else { return self.begin_again() };
        let found = self.compare_pages(&image);
        self.image = Some(image);
        match found? {
            Difference::Small { place, pages } => self.take_over(place, pages, why),
            Difference::Large => {
                let place = self.take_image(true)?;
                self.take_over_image(place, why)
            }
            Difference::Other => self.begin_again(),
        }
    }

    /// Another database than the image is of: only the rows can be compared.
    fn begin_again(&mut self) -> Result<()> {
        // From here until the rows are recorded, the image is that of the file and not that of the log.
        if let Some(state) = self.state.take() {
            let state = State { begun: true, ..state };
            state::save(self.tenant, &self.what.prefix, &state)?;
            self.state = Some(state);
        }
        let place = self.take_image(false)?;
        self.compare_rows(place, Some(HashMap::new()))
    }

    pub(super) fn compare_pages(&mut self, image: &Image) -> Result<Difference> {
        let snapshot = self.source.snapshot()?;
        if snapshot.header().page_size as usize != image.page_bytes() {
            drop(snapshot);
            self.source.release();
            return Ok(Difference::Other);
        }
        let (mut pages, mut held, mut bytes_read) = (BTreeMap::new(), 0, 0);
        for number in 1..=snapshot.count() {
            if number % 1024 == 0 {
                check_stop(self.monitor)?;
                let bytes_total = u64::from(snapshot.count()) * image.page_bytes() as u64;
                self.monitor.progress(&Progress { phase: "comparing", bytes: bytes_read, bytes_total, ..Progress::default() });
            }
            let page = snapshot.page(number)?;
            bytes_read += page.len() as u64;
            let same = number <= image.count() && image.page(number)? == page;
            if !same {
                held += page.len() as u64;
                if held > GAP_BYTES_HELD {
                    drop(snapshot);
                    self.report.bytes_read += bytes_read;
                    self.source.release();
                    return Ok(Difference::Large);
                }
                pages.insert(number, Cow::Owned(page.into_owned()));
            }
        }
        let place = snapshot.place()?;
        drop(snapshot);
        self.source.release();
        self.report.bytes_read += bytes_read;
        Ok(Difference::Small { place, pages })
    }

    /// Records the rows that a few changed pages make different.
    fn take_over(&mut self, place: Place, pages: BTreeMap<u32, Cow<'static, [u8]>>, why: &'static str) -> Result<()> {
        let (Some(mut image), Some(mut decoded)) = (self.image.take(), self.decoded.take()) else { return self.begin_again() };
        let mut draft = self.draft();
        let mut differing = HashMap::new();
        let changed: Vec<u32> = pages.keys().copied().collect();
        let schema = {
            let mut after = Overlay::new(&image, place.page_count);
            for (number, page) in &pages {
                after.put(*number, &page[..]);
            }
            self.collect(&image, &after, &changed, &mut decoded, &mut draft, Some(&mut differing))
        };
        if let Err(e) = schema {
            // What is known of the pages may be half of each; it is read again when it is needed.
            self.image = Some(image);
            return Err(e);
        }
        if let Err(e) = self.refuse_behind(&place, &differing, &draft) {
            self.image = Some(image);
            return Err(e);
        }
        let next = self.next_state(Some(&place))?;
        let (next, long) = write_redo(&image, next, place.page_count, &pages)?;
        let single = self.is_one_transaction(&place)?;
        self.commit_one(draft, next, (!single).then_some(why), "")?;
        self.apply(&mut image, place.page_count, &pages, long)?;
        (self.image, self.decoded) = (Some(image), Some(decoded));
        Ok(())
    }

    /// Records the rows in which a second image differs, and makes it the image.
    fn take_over_image(&mut self, place: Place, why: &'static str) -> Result<()> {
        let beside = self.beside();
        let (Some(image), Some(after), Some(mut decoded)) = (self.image.take(), Image::find(&beside), self.decoded.take()) else {
            return self.begin_again();
        };
        let mut draft = self.draft();
        let mut differing = HashMap::new();
        let changed: Vec<u32> = (1..=place.page_count).collect();
        let collected = self.collect(&image, &after, &changed, &mut decoded, &mut draft, Some(&mut differing));
        let verdict = collected.and_then(|()| self.refuse_behind(&place, &differing, &draft));
        if let Err(e) = verdict {
            self.image = Some(image);
            return Err(e);
        }
        // Until the new image has its name, the state has none: a crash in between costs one comparison of all rows.
        let next = self.next_state(None)?;
        self.commit_one(draft, next, Some(why), "")?;
        drop((image, after));
        self.image = Some(Image::replace(&self.dir, &beside)?);
        self.decoded = Some(decoded);
        let next = self.next_state(Some(&place))?.settled();
        state::save(self.tenant, &self.what.prefix, &next)?;
        self.state = Some(next);
        Ok(())
    }

    /// Writes the pages of a redo into the image, once the log knows of it.
    fn apply(&mut self, image: &mut Image, count: u32, pages: &BTreeMap<u32, Cow<'_, [u8]>>, long: bool) -> Result<()> {
        image.apply(count, pages)?;
        if long {
            image.settle()?;
            if let Some(state) = self.state.take().map(State::settled) {
                state::save(self.tenant, &self.what.prefix, &state)?;
                self.state = Some(state);
            }
            image.forget_long_redo()?;
        }
        Ok(())
    }

    /// Whether exactly one transaction lies between the captured place and `place`: only where the header counts every one of them.
    fn is_one_transaction(&self, place: &Place) -> Result<bool> {
        let before = self.place()?;
        Ok(before.is_some_and(|b| !b.is_wal && !place.is_wal && place.change_counter == b.change_counter.wrapping_add(1)))
    }

    // ---- transactions one by one ----

    /// Records the commits of a stretch of the log, each as its batch, with one durable commit for all.
    fn record(&mut self, place: &Place, run: &Run) -> Result<()> {
        self.decode()?;
        let (Some(mut image), Some(mut decoded)) = (self.image.take(), self.decoded.take()) else { return self.begin_again() };
        let (mut settled, mut count) = (HashMap::new(), place.page_count);
        let mut drafts = Vec::new();
        for commit in &run.commits {
            let mut draft = self.draft();
            let before = Layers::new(&image, run, &settled, count);
            let after = before.with(commit);
            let changed: Vec<u32> = commit.pages.iter().map(|(page, _)| *page).collect();
            if let Err(e) = self.collect(&before, &after, &changed, &mut decoded, &mut draft, None) {
                self.image = Some(image);
                return Err(e);
            }
            count = commit.page_count;
            settled.extend(commit.pages.iter().copied());
            settled.retain(|page, _| *page <= count);
            if !draft.batch.is_empty() {
                drafts.push(draft);
            }
        }
        let mut pages = BTreeMap::new();
        for (number, at) in &settled {
            if decoded.owners.keeps(*number) {
                pages.insert(*number, run.page(*at)?);
            }
        }
        let header = match pages.get(&1) {
            Some(page) => Header::parse(page)?,
            None => Header::parse(&image.page(1)?)?,
        };
        let place = Place {
            wal: Some(run.end),
            stamp: self.source.stamp()?,
            is_wal: header.is_wal(),
            change_counter: header.change_counter,
            schema_cookie: header.schema_cookie,
            page_count: count,
        };
        let next = self.next_state(Some(&place))?;
        let (next, long) = if pages.is_empty() { (next, false) } else { write_redo(&image, next, count, &pages)? };
        self.report.bytes_read += run.bytes();
        self.report.transactions += drafts.len() as u64;
        self.commit(drafts, next)?;
        if !pages.is_empty() {
            self.apply(&mut image, count, &pages, long)?;
        }
        (self.image, self.decoded) = (Some(image), Some(decoded));
        Ok(())
    }

    // ---- common to all ----

    /// Reads the schema and the owners of the image's pages, where they are not known.
    pub(super) fn decode(&mut self) -> Result<()> {
        if self.decoded.is_none()
            && let Some(image) = &self.image
        {
            let decoded = changes::State::read(image)?;
            let header = Header::parse(&image.page(1)?)?;
            self.schema = Some(document::text(&document::schema(&decoded.schema, &header))?);
            self.decoded = Some(decoded);
        }
        Ok(())
    }

    /// Adds the rows in which two states differ to a batch.
    fn collect(
        &mut self,
        before: &dyn Pages,
        after: &dyn Pages,
        changed: &[u32],
        decoded: &mut changes::State,
        draft: &mut Draft,
        mut differing: Option<&mut HashMap<Vec<u8>, Option<Digest>>>,
    ) -> Result<()> {
        let prefix = &self.what.prefix;
        let wanted = self.wanted.as_ref();
        changes::each_change(before, after, changed, decoded, &|table| is_wanted(wanted, table), &mut |change| {
            draft.hear(&change);
            let RowChange { table, key, before, after } = change;
            let key = row_key(prefix, &table, &key);
            let content = after.map(|row| row.to_json());
            if let Some(differing) = &mut differing {
                differing.insert(key.clone(), content.as_deref().map(Digest::of));
            }
            match content {
                Some(content) => {
                    *if before.is_some() { &mut draft.changed } else { &mut draft.added } += 1;
                    draft.put(&key, &content)?;
                }
                None => draft.remove(&key)?,
            }
            Ok(())
        })?;
        if changed.contains(&1) {
            let database = Database::open(after)?;
            let recorded = document::schema(&decoded.schema, database.header());
            self.add_schema(draft, &recorded, &decoded.schema, &database, false)?;
        }
        Ok(())
    }

    /// Adds the schema to a batch where it is not the recorded one. `anew`: what is recorded is not known.
    fn add_schema(&mut self, draft: &mut Draft, recorded: &serde_json::Value, schema: &Schema, database: &Database<'_>, anew: bool) -> Result<()> {
        let bare = document::text(recorded)?;
        if self.schema.as_ref() == Some(&bare) {
            return Ok(());
        }
        let mut whole = recorded.clone();
        if let Some(sequence) = document::sequence(schema, database)? {
            whole["sequence"] = sequence;
        }
        let key = [&self.what.prefix[..], SCHEMA].concat();
        if !(anew && self.same_schema(&key, recorded)?) {
            draft.put_with(&key, &document::text(&whole)?, Meta { media: "application/json".into(), ..Meta::default() })?;
        }
        self.schema = Some(bare);
        Ok(())
    }

    /// Whether the recorded schema says the same, apart from its sequence.
    fn same_schema(&self, key: &[u8], now: &serde_json::Value) -> Result<bool> {
        let recorded = match self.tenant.get(key) {
            Err(e) if e.kind() == Kind::Missing => return Ok(false),
            reader => reader?.bytes(crate::base::limits::JSON_FIELDS_BYTES_MAX)?,
        };
        let mut recorded: serde_json::Value = serde_json::from_slice(&recorded).unwrap_or_default();
        if let Some(object) = recorded.as_object_mut() {
            object.shift_remove("sequence");
        }
        Ok(recorded == *now)
    }

    /// From where the changes are. The name alone: the whole path would be shipped with every batch.
    fn origin(&self) -> String {
        format!("sqlite:{}", self.source.path().file_name().unwrap_or_default().to_string_lossy())
    }

    fn draft(&self) -> Draft {
        let origin = self.origin();
        Draft {
            batch: self.tenant.batch("").origin(&origin),
            added: 0,
            changed: 0,
            removed: 0,
            bytes: 0,
            actor: None,
            reason: None,
            rows: (self.realigning.is_some() || self.given.is_some()).then(HashMap::new),
        }
    }

    fn next_state(&self, place: Option<&Place>) -> Result<State> {
        let state = self.state.as_ref().ok_or_else(|| Error::damaged("a capture without a state"))?;
        Ok(State { behind: None, boot: self.tenant.inner.witness.boot().to_owned(), ..state.moved(place) })
    }

    /// Refuses to record on top of a database that went back in time, and keeps in mind that it did.
    fn refuse_behind(&mut self, place: &Place, differing: &HashMap<Vec<u8>, Option<Digest>>, draft: &Draft) -> Result<()> {
        let Some(state) = self.state.clone() else { return Ok(()) };
        // What we wrote back ourselves looks like an older state, and is none.
        let ours = self.given.as_ref().zip(draft.rows.as_ref()).filter(|(given, rows)| given.is_in(rows));
        let others = |key: &Vec<u8>| ours.is_none_or(|(given, _)| !given.has(key));
        let differing: &HashMap<_, _> = &differing.iter().filter(|(key, _)| others(key)).map(|(key, digest)| (key.clone(), *digest)).collect();
        if differing.is_empty() || self.realigning.as_ref().is_some_and(|w| w.is_done(&|key| differing.get(key).copied())) {
            return Ok(());
        }
        let counter = match state.place()? {
            _ if self.lost => Counter::Lower,
            Some(before) if place.change_counter < before.change_counter => Counter::Lower,
            Some(before) if place.change_counter > before.change_counter && !before.is_wal && !place.is_wal => Counter::Higher,
            _ => Counter::Silent,
        };
        let lack = self.replayed()?.map(|replayed| lineage::find_lack(self.tenant, &self.what.prefix, replayed, differing)).transpose()?;
        let fork = match lack.flatten() {
            None => lineage::find_fork(self.tenant, &self.what.prefix, state.since, counter, differing)?,
            lack => lack,
        };
        let behind = match (fork, &state.behind) {
            (Some(fork), _) => Behind {
                seq: fork.seq,
                head: self.tenant.position()?.seq,
                transactions: fork.transactions,
                rows: fork.rows,
                only_here: fork.only_here,
                noticed: state.behind.as_ref().map_or_else(|| self.tenant.inner.clock().now().micros(), |b| b.noticed),
            },
            // Whatever happened to it since: until it is realigned, nothing is recorded on top.
            (None, Some(behind)) => Behind { only_here: behind.only_here.max(1), ..behind.clone() },
            (None, None) => return Ok(()),
        };
        let refusal = behind.refusal(state.shown_name());
        let next = State { behind: Some(behind), ..state };
        state::save(self.tenant, &self.what.prefix, &next)?;
        self.state = Some(next);
        Err(refusal)
    }

    /// Whether a transaction is the one that we wrote into the database.
    fn is_ours(&self, draft: &Draft) -> bool {
        self.given.as_ref().zip(draft.rows.as_ref()).is_some_and(|(given, rows)| given.is(rows))
    }

    /// Commits one batch. `merged` says why it stands for more than one transaction.
    fn commit_one(&mut self, mut draft: Draft, next: State, merged: Option<&str>, reason: &str) -> Result<()> {
        if let Some(written) = self.realigning.take() {
            let rows = draft.rows.take().unwrap_or_default();
            if written.is_done(&|key| rows.get(key).map(|row| row.as_deref().map(Digest::of))) {
                return self.commit_realignment(&written, &rows, next);
            }
        }
        let ours = self.is_ours(&draft);
        if draft.batch.is_empty() {
            return self.commit(Vec::new(), next);
        }
        match merged {
            Some(why) if !ours => {
                self.report.merged_intervals += 1;
                let origin = format!("{} (merged interval)", self.origin());
                draft.batch = draft.batch.origin(&origin);
                draft.reason = Some(format!("merged interval: {why}"));
                draft.actor = None;
            }
            _ => self.report.transactions += 1,
        }
        if !reason.is_empty() {
            draft.reason = Some(if self.by.reason.is_empty() { reason.to_owned() } else { self.by.reason.clone() });
            draft.actor = Some(self.by.actor.clone());
        }
        self.commit(vec![draft], next)
    }

    /// Records a realignment as two batches: the database as it was found, and what was made of that.
    fn commit_realignment(&mut self, written: &Written, rows: &HashMap<Vec<u8>, Option<Vec<u8>>>, next: State) -> Result<()> {
        let (mut found, mut made) = (self.draft(), self.draft());
        found.batch = found.batch.origin(&format!("{} (as found)", self.origin()));
        found.batch = found.batch.cause(Cause::Realign(written.fork));
        made.batch = made.batch.cause(Cause::Realign(written.fork));
        let [request_found, request_made] = written.requests();
        (found.batch, made.batch) = (found.batch.request_id(&request_found), made.batch.request_id(&request_made));
        found.reason = Some(written.found_reason.clone());
        made.reason = Some(written.reason.clone());
        (found.actor, made.actor) = (Some(written.actor.clone()), Some(written.actor.clone()));
        let [as_found, as_made] = written.steps(&self.tenant.now(), rows)?;
        as_found.iter().try_for_each(|step| found.step(step))?;
        as_made.iter().try_for_each(|step| made.step(step))?;
        let drafts = [found, made].into_iter().filter(|draft| !draft.batch.is_empty()).collect();
        self.commit(drafts, next)?;
        Written::forget(&self.dir)
    }

    /// Makes drafts part of the log and the next state ours, in one step.
    fn commit(&mut self, drafts: Vec<Draft>, mut next: State) -> Result<()> {
        for draft in &drafts {
            self.report.added += draft.added;
            self.report.changed += draft.changed;
            self.report.removed += draft.removed;
            self.report.bytes_new += draft.bytes;
        }
        let (added, removed): (u64, u64) = (drafts.iter().map(|d| d.added).sum(), drafts.iter().map(|d| d.removed).sum());
        next.rows = (next.rows + added).saturating_sub(removed);
        let Some(last) = drafts.len().checked_sub(1) else {
            state::save(self.tenant, &self.what.prefix, &next)?;
            self.state = Some(next);
            return Ok(());
        };
        let (name, value) = (state::fact_name(&self.id), next.to_bytes()?);
        let mut batches = Vec::with_capacity(drafts.len());
        for (i, draft) in drafts.into_iter().enumerate() {
            let mut batch = self.signed(draft);
            if i == last {
                batch = batch.fact(&name, value.clone());
            }
            batches.push(batch);
        }
        let receipts: Vec<Receipt> = Batch::commit_all(batches)?;
        self.report.receipt = receipts.into_iter().next_back();
        self.state = Some(next);
        Ok(())
    }

    /// The batch with who did it and why: what the application says, or what we know because we did it.
    fn signed(&mut self, draft: Draft) -> Batch {
        let Draft { mut batch, actor, reason, rows, .. } = draft;
        if let Some(given) = self.given.take_if(|given| rows.is_some_and(|rows| given.is(&rows))) {
            return given.sign(batch);
        }
        // A capture that is told who and why says so of what it cannot know better.
        let actor = actor.unwrap_or_default();
        let reason = reason.unwrap_or_else(|| self.by.reason.clone());
        batch = batch.actor(&actor);
        batch.because(&reason)
    }
}

/// Writes a redo for the pages that lead to a state, and counts it there. Whether it is a long one, after which the image is settled.
fn write_redo(image: &Image, next: State, count: u32, pages: &BTreeMap<u32, Cow<'_, [u8]>>) -> Result<(State, bool)> {
    let Redos { written, settled } = next.redos.unwrap_or_default();
    let settled = if written - settled >= REDOS_LATE {
        image.settle()?;
        written
    } else {
        settled
    };
    let long = image.write_redo(written + 1, &next.redo_name(written + 1), count, pages)?;
    Ok((State { redos: Some(Redos { written: written + 1, settled }), ..next }, long))
}

/// What a comparison of pages found.
pub(super) enum Difference {
    /// These pages, and the place that they lead to.
    Small { place: Place, pages: BTreeMap<u32, Cow<'static, [u8]>> },
    /// More than fits in memory.
    Large,
    /// Pages of another size.
    Other,
}

impl Draft {
    /// Adds a change of a row.
    fn step(&mut self, step: &RowStep) -> Result<()> {
        let Some(is) = &step.is else { return self.remove(&step.key) };
        *if step.was.is_some() { &mut self.changed } else { &mut self.added } += 1;
        self.put(&step.key, is)
    }

    fn put(&mut self, key: &[u8], content: &[u8]) -> Result<()> {
        if let Some(rows) = &mut self.rows {
            rows.insert(key.to_vec(), Some(content.to_vec()));
        }
        // What a row is, is in its content: no metadata, which would cost bytes with every version.
        self.put_with(key, content, Meta::default())
    }

    fn put_with(&mut self, key: &[u8], content: &[u8], meta: Meta) -> Result<()> {
        self.bytes += content.len() as u64;
        self.batch.put_sized(key, &mut &content[..], Some(content.len() as u64), meta).map(|_| ())
    }

    fn remove(&mut self, key: &[u8]) -> Result<()> {
        self.removed += 1;
        if let Some(rows) = &mut self.rows {
            rows.insert(key.to_vec(), None);
        }
        self.batch.remove(key)
    }

    /// Takes who and why from the context row of the same transaction.
    fn hear(&mut self, change: &RowChange) {
        let Some(row) = change.after.as_ref().filter(|_| change.table.name.eq_ignore_ascii_case(CONTEXT)) else { return };
        let text = |column: &str| match row.get(column) {
            Some(Value::Text(text)) => Some(cut(text)),
            _ => None,
        };
        self.actor = text("actor").or(self.actor.take());
        self.reason = text("reason").or(self.reason.take());
    }
}

/// A text of the application, not longer than a batch may carry.
fn cut(text: &str) -> String {
    let mut end = text.len().min(crate::base::limits::TEXT_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// Numbers of documents that were met: one bit each.
#[derive(Default)]
struct Seen(Vec<u64>);

impl Seen {
    fn insert(&mut self, id: i64) {
        let number = crate::storage::catalog::number(id) as usize;
        if self.0.len() <= number / 64 {
            self.0.resize(number / 64 + 1, 0);
        }
        self.0[number / 64] |= 1 << (number % 64);
    }

    fn contains(&self, id: i64) -> bool {
        let number = crate::storage::catalog::number(id) as usize;
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }
}

fn is_wanted(wanted: Option<&GlobSet>, table: &Table) -> bool {
    is_recorded(table) && wanted.is_none_or(|set| set.is_match(&*table.name))
}

fn patterns(tables: &[String]) -> Result<Option<GlobSet>> {
    if tables.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for text in tables {
        let bad = |e| Error::usage("tables.pattern", format!("not a pattern: {text}: {e}")).hint("* stands for any text, ? for one character");
        set.add(Glob::new(text).map_err(bad)?);
    }
    let built = set.build().map_err(|e| Error::usage("tables.pattern", format!("these patterns are too many: {e}")))?;
    Ok(Some(built))
}

fn refuse_other(state: &State, source: &Source, what: &SqliteCapture) -> Result<()> {
    let path = source.path().display().to_string();
    if state.source != path {
        return Err(Error::new(Kind::Refused, "capture.other", format!("{} is the history of another file: {}", state.prefix, state.source))
            .hint("use another --prefix for another database; put the file back where it was if it is the same one"));
    }
    if state.tables != what.tables {
        let tables = if state.tables.is_empty() { "all tables".to_owned() } else { state.tables.join(" ") };
        return Err(Error::new(Kind::Refused, "capture.tables", format!("{} was captured with other tables: {tables}", state.prefix))
            .hint("name the same tables again, or use another --prefix"));
    }
    Ok(())
}

fn sqlite_meta() -> Meta {
    Meta { media: "application/vnd.sqlite3".into(), ..Meta::default() }
}
