//! What this machine does: speed and bytes on documents made for it, in a scratch store.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::base::error::{Error, Result};
use crate::base::random::{Random, SeededRandom};
use crate::engine::offsite::{OpenRemote, ShipOptions};
use crate::engine::rebuild::Rebuild;
use crate::engine::store::{KEY_FILE, Options, Store, read_key_file};
use crate::engine::verify::Level;
use crate::format::keyfile::Unlock;
use crate::storage::remote;

use super::context::{Context, bytes, counted};

/// Single puts and gets that are timed.
const SAMPLES: usize = 200;

/// Measure speed and bytes on this machine
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  annals bench\n  annals bench --documents 100000 --json\n\nThe documents are made from a seed, so the bytes are the same on every machine; the times are this machine's.\nWorks in a scratch directory; your store is not touched."
)]
pub(crate) struct Bench {
    /// How many documents
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1000..=1_000_000))]
    documents: u32,
    /// Make the scratch store in this directory, to measure the disk it is on
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

/// Case documents of a few hundred bytes, as a seed makes them.
struct Cases {
    random: SeededRandom,
    bodies: Vec<String>,
}

impl Cases {
    fn new(count: usize) -> Self {
        let mut cases = Cases { random: SeededRandom::new(2026), bodies: Vec::with_capacity(count) };
        for _ in 0..count {
            let entries: String = (0..2 + cases.number(8)).map(|_| cases.entry()).collect();
            cases.bodies.push(entries);
        }
        cases
    }

    fn number(&self, below: u64) -> u64 {
        let mut bytes = [0; 8];
        self.random.fill(&mut bytes);
        u64::from_le_bytes(bytes) % below
    }

    fn entry(&self) -> String {
        let what = ["referral", "meeting", "letter", "decision", "appeal", "visit", "report", "payment"][self.number(8) as usize];
        format!(
            "    {{\"day\": {}, \"by\": {}, \"what\": \"{what}\", \"note\": \"{:x}\"}},\n",
            self.number(3650),
            self.number(900),
            self.number(1 << 40)
        )
    }

    fn text(&self, i: usize, status: &str) -> String {
        format!("{{\n  \"id\": {i},\n  \"status\": \"{status}\",\n  \"log\": [\n{}    null\n  ]\n}}\n", self.bodies[i])
    }
}

struct Figures<'a> {
    context: &'a Context,
    fields: Map<String, Value>,
}

impl Figures<'_> {
    fn say(&mut self, name: &str, value: impl Into<Value>, text: String) -> Result<()> {
        self.fields.insert(name.to_owned(), value.into());
        self.context.out.line(text)
    }
}

/// The value below which `share` of the sorted times lie.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    sorted.get(((sorted.len() as f64 - 1.0) * share).round() as usize).copied().unwrap_or(0.0)
}

fn timed(mut work: impl FnMut(usize) -> Result<()>) -> Result<(f64, f64)> {
    let mut times = Vec::with_capacity(SAMPLES);
    for i in 0..SAMPLES {
        let started = Instant::now();
        work(i)?;
        times.push(started.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok((percentile(&times, 0.5), percentile(&times, 0.99)))
}

impl Bench {
    pub(crate) fn run(self, context: &Context) -> Result<u8> {
        let made = match &self.scratch {
            Some(dir) => tempfile::tempdir_in(dir),
            None => tempfile::tempdir(),
        };
        let scratch = made.map_err(|e| Error::io("make a scratch directory", e))?;
        let (place, offsite, again) = (scratch.path().join("store"), scratch.path().join("offsite"), scratch.path().join("again"));
        std::fs::create_dir(&offsite).map_err(|e| Error::io("make a scratch directory", e))?;
        let mut figures = Figures { context, fields: Map::new() };
        let monitor = context.monitor();

        let count = self.documents as usize;
        let cases = Cases::new(count);
        let key = |i: usize| format!("case/{:04}/{i:07}", i / 100);
        let store = Store::init(&place, "bench")?;
        let plain: u64 = (0..count).map(|i| cases.text(i, "open").len() as u64).sum();
        context.out.line(format!("{}, {}", counted(count as u64, "document"), bytes(plain)))?;
        figures.fields.insert("documents".into(), count.into());
        figures.fields.insert("document_bytes".into(), plain.into());

        let started = Instant::now();
        let mut batch = store.batch("bench");
        for i in 0..count {
            batch.put(key(i), &mut cases.text(i, "open").as_bytes())?;
        }
        batch.commit()?;
        let seconds = started.elapsed().as_secs_f64();
        figures.say(
            "batch_seconds",
            seconds,
            format!("one batch of all              {seconds:8.2} s   {:.0} documents/s", count as f64 / seconds),
        )?;

        let (p50, p99) = timed(|i| store.put(key(i), cases.text(i, "seen").as_bytes()).map(drop))?;
        figures.say(
            "put_us",
            json!({ "p50": p50, "p99": p99 }),
            format!("one durable put               {:8.2} ms  p99 {:.2} ms", p50 / 1e3, p99 / 1e3),
        )?;
        let (p50, p99) = timed(|i| store.get(key((i * 7919) % count))?.bytes(1 << 20).map(drop))?;
        figures.say("get_us", json!({ "p50": p50, "p99": p99 }), format!("one get                       {p50:8.0} us  p99 {p99:.0} us"))?;

        let remote = OpenRemote::at(&format!("dir:{}", offsite.display()), &remote::Options::default())?;
        let ship = |store: &Store| store.ship(&remote, &ShipOptions::default(), &monitor);
        let first = ship(&store)?;
        let text = format!("first shipment                {:8.2} s   {} of {}", first.seconds, bytes(first.bytes), bytes(plain));
        figures.say("first_shipment", json!({ "bytes": first.bytes, "seconds": first.seconds }), text)?;
        for changed in [1, 10, 100, 1000] {
            let mut batch = store.batch("bench");
            for n in 0..changed {
                let i = (n * 8641 + changed) % count;
                batch.put(key(i), &mut cases.text(i, &format!("closed {changed}")).as_bytes())?;
            }
            batch.commit()?;
            let small = ship(&store)?;
            let text = format!("{changed:5} changed, shipped        {:8} B   in {} object", small.bytes, small.objects);
            figures.say(&format!("changed_{changed}_bytes"), small.bytes, text)?;
        }

        let started = Instant::now();
        let key_file = read_key_file(&place.join(KEY_FILE))?;
        let secret = key_file.open(&Unlock::default())?;
        let remotes = [remote.clone()];
        let (rebuilt, _) =
            Rebuild { remotes: &remotes, into: &again, key_file, secret, site_name: "bench", at: None }.run(Options::new(), &monitor)?;
        let seconds = started.elapsed().as_secs_f64();
        figures.say("rebuild_seconds", seconds, format!("rebuild                       {seconds:8.2} s"))?;
        let started = Instant::now();
        let checked = rebuilt.verify(Level::Full, &monitor)?;
        let seconds = started.elapsed().as_secs_f64();
        let sound = checked.problems.is_empty() && rebuilt.position()? == store.position()?;
        let verdict = if sound { "the same, digest for digest" } else { "NOT the same" };
        figures.say("verify_seconds", seconds, format!("full verification             {seconds:8.2} s   {verdict}"))?;
        figures.fields.insert("sound".into(), sound.into());
        context.out.object("annals.bench/1", Value::Object(figures.fields))?;
        Ok(if sound { 0 } else { 4 })
    }
}
