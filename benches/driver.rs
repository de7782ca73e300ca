//! In-process measurements: what an embedding program pays, beside SQLite doing the same. `benches/speed.py` runs these and makes the tables;
//! each prints one JSON object.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use annals::base::monitor::{Monitor, Progress, Silent};
use annals::engine::compact::CompactOptions;
use annals::engine::offsite::{OpenRemote, ShipOptions};
use annals::engine::plans::By;
use annals::engine::rebuild::Rebuild;
use annals::engine::store::read_key_file;
use annals::format::keyfile::Unlock;
use annals::model::moment::Moment;
use annals::model::plan::OnConflict;
use annals::model::retention::Rules;
use annals::storage::remote;
use annals::{Store, Tenant};
use rusqlite::{Connection, params};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const USAGE: &str = "cargo bench --bench driver -- WHAT DIR [NUMBER]
  batch DIR [DOCUMENTS]      documents in one batch, and the same rows in one SQLite transaction
  puts DIR [PUTS]            durable single puts, and a durable SQLite insert plus one synced file each; then 8 threads
  fill DIR [DOCUMENTS]       makes the store that the next four read
  gets DIR [GETS]            reads of current and past versions
  history DIR                all versions of the document that has 5,000
  rollback DIR               1,000 changes and their rollback (makes the store longer)
  idle DIR                   opens the store, reads a little, tells the resident memory
  writers DIR [SECONDS]      200 durable puts a second, alone and while the same process seals, ships, forgets and compacts, in turns
  big-put DIR [MIB], big-put-text DIR [MIB], big-get DIR, big-ship DIR, big-rebuild DIR
                             one large document through each verb, with the peak of resident memory
  walk FOLDER                a bare recursive walk with one stat for each entry";

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|w| w != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (what, dir, number) = match words.as_slice() {
        [what, dir] => (*what, PathBuf::from(dir), None),
        [what, dir, number] => (*what, PathBuf::from(dir), Some(number.parse::<usize>()?)),
        _ => {
            println!("{USAGE}");
            return Ok(());
        }
    };
    let found = match what {
        "batch" => batch(&dir, number.unwrap_or(100_000))?,
        "puts" => puts(&dir, number.unwrap_or(500))?,
        "fill" => fill(&dir, number.unwrap_or(1_000_000))?,
        "gets" => gets(&dir, number.unwrap_or(20_000))?,
        "history" => history(&dir)?,
        "rollback" => rollback(&dir)?,
        "idle" => idle(&dir)?,
        "writers" => writers(&dir, number.unwrap_or(10))?,
        "big-put" => big_put(&dir, Stream::new(number.unwrap_or(1024) as u64))?,
        "big-put-text" => big_put(&dir, Stream::text(number.unwrap_or(128) as u64))?,
        "big-get" => big_get(&dir)?,
        "big-ship" => big_ship(&dir)?,
        "big-rebuild" => big_rebuild(&dir)?,
        "walk" => walk(&dir)?,
        _ => return Err(format!("no such measurement: {what}\n{USAGE}").into()),
    };
    println!("{found}");
    Ok(())
}

/// Numbers from a seed (splitmix64).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// A JSON document of about 400 bytes.
fn document(i: usize, round: u64) -> String {
    const WORDS: [&str; 16] =
        ["letter", "stock", "moved", "paid", "north", "urgent", "ward", "copy", "renewed", "by", "the", "of", "twice", "again", "returned", "and"];
    let mut r = Seeded((i as u64) << 20 | round);
    let text: Vec<&str> = (0..24).map(|_| WORDS[r.below(WORDS.len())]).collect();
    json!({"id": format!("{:016x}", r.next()), "number": i, "round": round, "quantity": r.below(5000), "price": r.below(100_000) as f64 / 100.0,
        "customer": format!("c{}", r.below(40_000)), "notes": text.join(" ")})
    .to_string()
}

fn key(i: usize) -> String {
    format!("orders/{:04}/{i:07}", i / 1000)
}

/// The p50 and p99 in microseconds.
fn spread(mut times: Vec<Duration>) -> Value {
    times.sort();
    let at = |share: f64| times.get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1))).copied().unwrap_or_default();
    let us = |d: Duration| (d.as_nanos() as f64 / 100.0).round() / 10.0;
    json!({"p50_us": us(at(0.5)), "p99_us": us(at(0.99)), "max_us": us(at(1.0))})
}

/// Nanoseconds of processor that this thread has had. What others do on the machine is in the wall times above, and not in these.
fn processor() -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().ok_or("an empty schedstat")?.parse()?)
}

/// Microseconds of processor for each of `count` things since `before`.
fn processor_each(before: u64, count: usize) -> Outcome<f64> {
    Ok(((processor()? - before) as f64 / count as f64 / 100.0).round() / 10.0)
}

/// A line of /proc/self/status in bytes.
fn memory(name: &str) -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(':')).ok_or("no such line in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

fn sqlite(path: &Path) -> Outcome<Connection> {
    let db = Connection::open(path)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.execute_batch("CREATE TABLE documents (key TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT")?;
    Ok(db)
}

fn batch(dir: &Path, documents: usize) -> Outcome<Value> {
    let texts: Vec<(String, String)> = (0..documents).map(|i| (key(i), document(i, 0))).collect();
    let store = Store::init(dir.join("store"), "bench")?;
    let mut db = sqlite(&dir.join("plain.db"))?;
    let started = Instant::now();
    let transaction = db.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO documents (key, body) VALUES (?1, ?2)")?;
        for (key, text) in &texts {
            insert.execute(params![key, text.as_bytes()])?;
        }
    }
    transaction.commit()?;
    let plain = started.elapsed();
    let started = Instant::now();
    let mut batch = store.batch("import");
    for (key, text) in &texts {
        batch.put(key, &mut text.as_bytes())?;
    }
    let collected = started.elapsed();
    batch.commit()?;
    let ours = started.elapsed();
    Ok(json!({"documents": documents, "annals_s": ours.as_secs_f64(), "of_that_collecting_s": collected.as_secs_f64(),
        "sqlite_s": plain.as_secs_f64(), "peak_bytes": memory("VmHWM")?}))
}

/// One durable insert and one file that is written and synced, as a program without a history store would keep a record and its attachment.
fn plain_put(db: &Connection, dir: &Path, i: usize, text: &str) -> Outcome<()> {
    let mut file = File::create(dir.join(format!("{i}.json")))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    db.execute("INSERT INTO documents (key, body) VALUES (?1, ?2)", params![key(i), text.as_bytes()])?;
    Ok(())
}

fn puts(dir: &Path, count: usize) -> Outcome<Value> {
    let store = Store::init(dir.join("store"), "bench")?;
    let files = dir.join("files");
    std::fs::create_dir_all(&files)?;
    let db = sqlite(&dir.join("plain.db"))?;
    let (mut plain, mut ours, mut larger) = (Vec::new(), Vec::new(), Vec::new());
    let body: Vec<u8> = std::iter::repeat_with({
        let mut r = Seeded(5);
        move || r.next() as u8
    })
    .take(20_000)
    .collect();
    // Turn by turn, so that both meet the same disk.
    for i in 0..count {
        let text = document(i, 0);
        let started = Instant::now();
        plain_put(&db, &files, i, &text)?;
        plain.push(started.elapsed());
        let started = Instant::now();
        store.put(key(i), text.as_bytes())?;
        ours.push(started.elapsed());
        let started = Instant::now();
        store.put(format!("letters/{i}"), &body[i % 1000..])?;
        larger.push(started.elapsed());
    }
    let alone = Instant::now();
    for i in 0..count {
        store.put(key(count + i), document(i, 1).as_bytes())?;
    }
    let alone = count as f64 / alone.elapsed().as_secs_f64();
    let together = Instant::now();
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..8)
            .map(|thread| {
                let store = &store;
                scope.spawn(move || (0..count / 2).try_for_each(|i| store.put(format!("t{thread}/{i}"), document(i, 2).as_bytes()).map(|_| ())))
            })
            .collect();
        handles.into_iter().try_for_each(|h| h.join().map_err(|_| "a thread failed")?.map_err(|e| e.to_string()))
    })?;
    let together = (count / 2 * 8) as f64 / together.elapsed().as_secs_f64();
    Ok(
        json!({"plain": spread(plain), "annals": spread(ours), "annals_20_kb": spread(larger), "one_thread_puts_s": alone, "eight_threads_puts_s": together}),
    )
}

fn fill(dir: &Path, documents: usize) -> Outcome<Value> {
    let store = Store::init(dir.join("store"), "bench")?;
    let started = Instant::now();
    let step = documents.div_ceil(10);
    for first in (0..documents).step_by(step) {
        let mut batch = store.batch("import");
        for i in first..(first + step).min(documents) {
            batch.put(key(i), &mut document(i, 0).as_bytes())?;
        }
        batch.commit()?;
    }
    store.mark("imported")?;
    // One document with a long history, and a tenth of the others with a second version.
    let rounds = if documents >= 100_000 { 5000 } else { 50 };
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..8u64)
            .map(|thread| {
                let store = &store;
                scope.spawn(move || (0..rounds / 8).try_for_each(|i| store.put("busy", document(0, 10 + i * 8 + thread).as_bytes()).map(|_| ())))
            })
            .collect();
        handles.into_iter().try_for_each(|h| h.join().map_err(|_| "a thread failed")?.map_err(|e| e.to_string()))
    })?;
    let mut batch = store.batch("changes");
    for i in (0..documents).step_by(10) {
        batch.put(key(i), &mut document(i, 1).as_bytes())?;
    }
    batch.commit()?;
    Ok(json!({"documents": documents, "seconds": started.elapsed().as_secs_f64(), "peak_bytes": memory("VmHWM")?}))
}

fn documents_of(tenant: &Tenant) -> Outcome<usize> {
    // The last import batch tells how many there are without a walk.
    let (info, _) = (tenant.batches(1, 1, 1)?.pop().ok_or("an empty store")?, ());
    Ok(info.changes as usize * 10)
}

fn gets(dir: &Path, count: usize) -> Outcome<Value> {
    let store = Store::open(dir.join("store"))?;
    let documents = documents_of(&store)?;
    let mut r = Seeded(9);
    let mut measure = |read: &dyn Fn(&str) -> Outcome<usize>| -> Outcome<Value> {
        let mut times = Vec::with_capacity(count);
        let mut before = 0;
        for i in 0..count + count / 10 {
            if i == count / 10 {
                before = processor()?;
            }
            let name = key(r.below(documents / 10) * 10);
            let started = Instant::now();
            let bytes = read(&name)?;
            if i >= count / 10 {
                times.push(started.elapsed());
            }
            if bytes == 0 {
                return Err("an empty document".into());
            }
        }
        let mut found = spread(times);
        found["cpu_us"] = json!(processor_each(before, count)?);
        Ok(found)
    };
    let current = measure(&|name| Ok(store.get(name)?.bytes(1 << 20)?.len()))?;
    let past = store.at(&Moment::Mark("imported".into()))?;
    let as_of = measure(&|name| Ok(past.get(name)?.bytes(1 << 20)?.len()))?;
    let found = measure(&|name| Ok(store.at(&Moment::Mark("imported".into()))?.get(name)?.bytes(1 << 20)?.len()))?;
    Ok(json!({"current": current, "as_of": as_of, "as_of_with_finding_the_moment": found, "peak_bytes": memory("VmHWM")?}))
}

fn history(dir: &Path) -> Outcome<Value> {
    let store = Store::open(dir.join("store"))?;
    let mut times = Vec::new();
    let mut versions = 0;
    let before = processor()?;
    for _ in 0..200 {
        let started = Instant::now();
        versions = store.history("busy")?.len();
        times.push(started.elapsed());
    }
    let cpu = processor_each(before, 200)?;
    let documents = documents_of(&store)?;
    let mut r = Seeded(10);
    let mut short = Vec::new();
    for _ in 0..5000 {
        let name = key(r.below(documents));
        let started = Instant::now();
        store.history(name)?;
        short.push(started.elapsed());
    }
    let mut history = spread(times);
    history["cpu_us"] = json!(cpu);
    Ok(json!({"versions": versions, "history": history, "of_an_ordinary_document": spread(short)}))
}

fn rollback(dir: &Path) -> Outcome<Value> {
    let store = Store::open(dir.join("store"))?;
    let documents = documents_of(&store)?;
    let (mut changing, mut planning, mut applying, mut plain) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut cpu = 0;
    let mut db = plain_rows(dir, documents)?;
    for round in 0..5 {
        let before = store.position()?.seq;
        plain.push(plain_updates(&mut db, documents, round)?);
        let mut r = Seeded(1000 + round);
        let started = Instant::now();
        let mut batch = store.batch("a bad import");
        for _ in 0..1000 {
            let i = r.below(documents);
            batch.put(key(i), &mut document(i, 100 + round).as_bytes())?;
        }
        batch.commit()?;
        changing.push(started.elapsed());
        let cpu_before = processor()?;
        let started = Instant::now();
        let plan = store.rollback("", &Moment::Seq(before))?;
        planning.push(started.elapsed());
        let applied = store.apply(&plan, OnConflict::Skip, &By { actor: "bench".into(), reason: String::new(), origin: String::new() })?;
        applying.push(started.elapsed());
        cpu += processor()? - cpu_before;
        if applied.done < 900 {
            return Err(format!("only {} documents were rolled back", applied.done).into());
        }
    }
    Ok(json!({"documents": documents, "change": spread(changing), "plan": spread(planning), "plan_and_apply": spread(applying),
        "plan_and_apply_cpu_ms": cpu as f64 / 5e6, "plain_updates": spread(plain)}))
}

/// A plain table with a row for each document.
fn plain_rows(dir: &Path, documents: usize) -> Outcome<Connection> {
    let path = dir.join("plain.db");
    if path.exists() {
        return Ok(Connection::open(path)?);
    }
    let mut db = sqlite(&path)?;
    let transaction = db.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO documents (key, body) VALUES (?1, ?2)")?;
        for i in 0..documents {
            insert.execute(params![key(i), document(i, 0).as_bytes()])?;
        }
    }
    transaction.commit()?;
    Ok(db)
}

/// How long a thousand spread rows take to be updated in one transaction: what the places cost wherever rows lie in a tree.
fn plain_updates(db: &mut Connection, documents: usize, round: u64) -> Outcome<Duration> {
    let mut r = Seeded(1000 + round);
    let started = Instant::now();
    let transaction = db.transaction()?;
    {
        let mut update = transaction.prepare("UPDATE documents SET body = ?2 WHERE key = ?1")?;
        for _ in 0..1000 {
            let i = r.below(documents);
            update.execute(params![key(i), document(i, 100 + round).as_bytes()])?;
        }
    }
    transaction.commit()?;
    Ok(started.elapsed())
}

fn idle(dir: &Path) -> Outcome<Value> {
    let started = Instant::now();
    let store = Store::open(dir.join("store"))?;
    let opened = started.elapsed();
    let at_open = memory("VmRSS")?;
    let documents = documents_of(&store)?;
    let mut r = Seeded(11);
    for _ in 0..1000 {
        store.get(key(r.below(documents)))?.bytes(1 << 20)?;
    }
    Ok(json!({"documents": documents, "open_ms": opened.as_millis() as u64, "rss_at_open_bytes": at_open, "rss_bytes": memory("VmRSS")?}))
}

/// Puts a second of the writer that is watched, and pairs of turns of it: alone, and beside the upkeep of the store. A disk that stands still for
/// 40 ms is 8 slow puts: of few turns the slowest hundredth says more of the disk's moods than of the store.
const WRITER: (u32, usize) = (200, 24);
/// Documents of one tenant that wait to be sealed, each with two versions, and such tenants for each turn.
const WAITING: (usize, usize) = (10_000, 4);

/// What the upkeep beside a writer did.
#[derive(Default)]
struct Upkeep {
    rounds: usize,
    objects: u64,
    forgotten: u64,
    slices: u64,
}

fn writers(dir: &Path, seconds: usize) -> Outcome<Value> {
    drop(Store::init(dir.join("store"), "bench")?);
    std::fs::create_dir_all(dir.join("remote"))?;
    let config = format!("[store]\nsite = \"bench\"\n[[remote]]\nname = \"dir\"\ndirectory = \"{}\"\n", dir.join("remote").display());
    std::fs::write(dir.join("store/annals.toml"), config)?;
    let store = Store::open(dir.join("store"))?;
    let mut waiting = Vec::new();
    for n in 0..WRITER.1 * WAITING.1 {
        let tenant = store.add_tenant(&format!("load{n}"))?;
        for round in 0..2 {
            let mut batch = tenant.batch("load");
            for i in 0..WAITING.0 {
                batch.put(key(i), &mut document(i, (n as u64) << 8 | round).as_bytes())?;
            }
            batch.commit()?;
        }
        waiting.push(tenant);
    }
    let (mut alone, mut beside, mut done) = (Vec::new(), Vec::new(), Upkeep::default());
    for turn in 0..WRITER.1 {
        alone.extend(paced(&store, turn as u64, seconds)?);
        let load = waiting.split_off(waiting.len() - WAITING.1);
        let over = Over::default();
        let (times, kept) = std::thread::scope(|scope| -> Outcome<_> {
            let upkeep = scope.spawn(|| upkeep(&store, &load, &over).map_err(|e| e.to_string()));
            let times = paced(&store, 1_000 + turn as u64, seconds);
            over.0.store(true, std::sync::atomic::Ordering::SeqCst);
            Ok((times?, upkeep.join().map_err(|_| "a thread failed")??))
        })?;
        beside.extend(times);
        done.rounds += kept.rounds;
        done.objects += kept.objects;
        done.forgotten += kept.forgotten;
        done.slices += kept.slices;
    }
    let (alone, beside) = (spread(alone), spread(beside));
    let ratio = |what: &str| beside[what].as_f64().unwrap_or_default() / alone[what].as_f64().unwrap_or(1.0);
    Ok(json!({"alone": alone, "beside": beside, "p50_ratio": ratio("p50_us"), "p99_ratio": ratio("p99_us"), "upkeep": {"rounds": done.rounds,
        "objects_shipped": done.objects, "contents_forgotten": done.forgotten, "slices_sealed_again": done.slices}}))
}

/// Puts at a steady pace, each from the moment at which it was due: what one waits for another counts.
fn paced(store: &Store, round: u64, seconds: usize) -> Outcome<Vec<Duration>> {
    let step = Duration::from_secs(1) / WRITER.0;
    let started = Instant::now();
    (0..WRITER.0 * seconds as u32)
        .map(|n| {
            let due = started + step * n;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            store.put(key(n as usize), document(n as usize, round).as_bytes())?;
            Ok(due.elapsed())
        })
        .collect()
}

/// Says when the turn is over.
#[derive(Default)]
struct Over(std::sync::atomic::AtomicBool);

impl Monitor for Over {
    fn progress(&self, _: &Progress) {}

    fn note(&self, _: &str) {}

    fn stopped(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

/// Seals, ships, forgets, looks for garbage and compacts until the turn is over, as the agent does it, only without a pause.
fn upkeep(store: &Store, load: &[Tenant], over: &Over) -> Outcome<Upkeep> {
    let mut done = Upkeep::default();
    for tenant in load.iter().chain(std::iter::repeat(&**store)) {
        match one_round(store, tenant, over, &mut done) {
            _ if over.stopped() => break,
            // Somebody recorded between plan and deed, as the agent has it too: the next round sees it.
            Err(e) if e.code() == "plan.stale" => {}
            round => round?,
        }
        done.rounds += 1;
    }
    Ok(done)
}

fn one_round(store: &Store, tenant: &Tenant, over: &Over, done: &mut Upkeep) -> annals::base::error::Result<()> {
    let remote = store.remote("dir", None)?;
    done.objects += store.ship_tenant(tenant, &remote, &ShipOptions::default(), over)?.objects;
    let last = Rules { last: Some(1), ..Rules::default() };
    done.forgotten += tenant.forget(&tenant.plan_forget("", &last, over)?, &By::default(), over)?.contents;
    store.gc(false, over)?;
    done.slices += store.compact(&remote, &CompactOptions { all: true, ..CompactOptions::default() }, over)?.slices;
    Ok(())
}

/// Bytes from a seed, as many as wanted, without a file: noise that does not compress, or lines of JSON that do.
struct Stream {
    random: Seeded,
    left: u64,
    lines: Option<Vec<u8>>,
}

impl Stream {
    fn new(mib: u64) -> Self {
        Stream { random: Seeded(77), left: mib << 20, lines: None }
    }

    fn text(mib: u64) -> Self {
        Stream { lines: Some(Vec::new()), ..Stream::new(mib) }
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = (out.len() as u64).min(self.left) as usize;
        if let Some(line) = &mut self.lines {
            if line.is_empty() {
                *line = document(self.random.next() as usize, 0).into_bytes();
                line.push(b'\n');
            }
            let n = n.min(line.len());
            out[..n].copy_from_slice(&line[..n]);
            line.drain(..n);
            self.left -= n as u64;
            return Ok(n);
        }
        for piece in out[..n].chunks_mut(8) {
            let bytes = self.random.next().to_le_bytes();
            piece.copy_from_slice(&bytes[..piece.len()]);
        }
        self.left -= n as u64;
        Ok(n)
    }
}

fn phase(started: Instant, bytes: u64) -> Outcome<Value> {
    let seconds = started.elapsed().as_secs_f64();
    Ok(json!({"bytes": bytes, "seconds": seconds, "mb_s": bytes as f64 / 1e6 / seconds, "peak_bytes": memory("VmHWM")?}))
}

fn big_put(dir: &Path, stream: Stream) -> Outcome<Value> {
    let store = Store::init(dir.join("store"), "bench")?;
    let bytes = stream.left;
    let started = Instant::now();
    store.put("big", stream)?;
    phase(started, bytes)
}

fn big_get(dir: &Path) -> Outcome<Value> {
    let store = Store::open(dir.join("store"))?;
    let started = Instant::now();
    let bytes = store.get("big")?.copy_to(&mut std::io::sink())?;
    phase(started, bytes)
}

fn big_ship(dir: &Path) -> Outcome<Value> {
    let store = Store::open(dir.join("store"))?;
    let started = Instant::now();
    let report = store.ship(&offsite(dir)?, &ShipOptions::default(), &Silent)?;
    phase(started, report.bytes)
}

fn offsite(dir: &Path) -> Outcome<OpenRemote> {
    std::fs::create_dir_all(dir.join("remote"))?;
    Ok(OpenRemote::at(&format!("dir:{}", dir.join("remote").display()), &remote::Options::default())?)
}

fn big_rebuild(dir: &Path) -> Outcome<Value> {
    let key_file = read_key_file(&dir.join("store/annals.key"))?;
    let secret = key_file.open(&Unlock::default())?;
    let started = Instant::now();
    let rebuild = Rebuild { remotes: &[offsite(dir)?], into: &dir.join("again"), key_file, secret, site_name: "bench", at: None };
    let (store, report) = rebuild.run(Store::builder(), &Silent)?;
    if !report.gaps.is_empty() || store.position()?.seq != 1 {
        return Err("the rebuilt store lacks something".into());
    }
    phase(started, store.get("big")?.size())
}

fn walk(folder: &Path) -> Outcome<Value> {
    let started = Instant::now();
    let (mut waiting, mut entries, mut bytes) = (vec![folder.to_owned()], 0u64, 0u64);
    while let Some(dir) = waiting.pop() {
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let info = entry.metadata()?;
            entries += 1;
            bytes += info.size();
            if info.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    Ok(json!({"entries": entries, "bytes": bytes, "seconds": started.elapsed().as_secs_f64()}))
}
