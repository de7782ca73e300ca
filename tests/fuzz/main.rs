//! Damaged and hostile bytes for every decoder of what is stored, shipped or typed.
//!
//! Each target takes samples that today's code or the golden remote wrote, changes them, and asks for three things: no panic, memory within a
//! bound, and no changed bytes taken for true. Where a checksum or a seal would stop a change at the door, the change is made inside and the
//! bytes are sealed again.
//!
//! A target runs in a process of its own, so that its memory can be limited and measured. Without settings it does a fixed number of rounds
//! from seed 1. `ANNALS_FUZZ_SECONDS=600` runs each target that long from a seed of the day; `ANNALS_FUZZ_SEED=n` repeats a run and
//! `ANNALS_FUZZ_ROUND=n` one round of it. A failure prints both, and the input.

mod change;
mod round;
mod samples;
mod formats;
mod texts;
mod whole;

use std::process::{Command, Stdio};

use annals::base::random::{OsRandom, Random};

use round::Rounds;

/// One decoder, or one way in.
struct Target {
    name: &'static str,
    /// Rounds of the short run.
    rounds: u64,
    /// MiB that it may take at most on top of its samples.
    memory_mib: u64,
    run: fn(&mut Rounds),
}

const CHILD: &str = "ANNALS_FUZZ_TARGET";

macro_rules! targets {
    ($($name:ident: $rounds:literal, $memory_mib:literal, $run:path;)*) => {
        const TARGETS: &[Target] = &[$(Target { name: stringify!($name), rounds: $rounds, memory_mib: $memory_mib, run: $run }),*];

        $(#[test]
        fn $name() {
            alone(stringify!($name));
        })*
    };
}

targets! {
    wire: 6000, 64, formats::wire;
    sealed_objects: 6000, 64, formats::sealed_objects;
    tails_sealed_again: 6000, 64, formats::tails_sealed_again;
    blocks: 20000, 64, formats::blocks;
    chunks: 20000, 32, formats::chunks;
    chunk_lists: 20000, 32, formats::chunk_lists;
    records: 20000, 32, formats::records;
    containers: 2000, 256, formats::containers;
    key_objects: 2000, 32, formats::key_objects;
    subject_keys: 4000, 32, formats::subject_keys;
    object_names: 20000, 32, formats::object_names;
    key_files: 3000, 32, texts::key_files;
    sheets: 1500, 32, texts::sheets;
    attestations: 3000, 32, texts::attestations;
    configurations: 6000, 32, texts::configurations;
    plans: 10000, 32, texts::plans;
    moments: 3000, 32, texts::moments;
    keys_and_addresses: 5000, 32, texts::keys_and_addresses;
    fields: 4000, 64, texts::fields;
    remotes: 40, 128, whole::remotes;
    stores: 150, 128, whole::stores;
    batch_lines: 80, 128, whole::batch_lines;
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs one target in a process of its own, which may take 4 GiB of addresses and no more: an absurd claim ends it.
fn alone(name: &str) {
    let seconds = number("ANNALS_FUZZ_SECONDS");
    let seed = number("ANNALS_FUZZ_SEED").unwrap_or_else(|| if seconds.is_some() { of_the_day() } else { 1 });
    let program = std::env::current_exe().expect("this program");
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -v 4194304; exec \"$0\" \"$@\""]).arg(program).args(["--exact", "child", "--nocapture", "--test-threads=1"]);
    let output = shell.env(CHILD, name).env("ANNALS_FUZZ_SEED", seed.to_string()).stdin(Stdio::null()).output().expect("a process");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // The harness has written the name of the test before it.
    out.lines().filter_map(|line| line.split_once("fuzz ")).for_each(|(_, said)| println!("fuzz {said}"));
    assert!(output.status.success(), "{name} with ANNALS_FUZZ_SEED={seed}: {}\n{out}\n{err}", output.status);
    assert!(out.contains("fuzz "), "{name} did not run: {out}");
}

fn of_the_day() -> u64 {
    let mut bytes = [0; 4];
    OsRandom.fill(&mut bytes);
    u64::from(u32::from_le_bytes(bytes))
}

/// Not a test: what [`alone`] runs as a process of its own.
#[test]
fn child() {
    let Ok(name) = std::env::var(CHILD) else { return };
    let target = TARGETS.iter().find(|t| t.name == name).expect("a target");
    let mut rounds = Rounds::new(target.name, target.rounds, number("ANNALS_FUZZ_SEED").expect("a seed"));
    (target.run)(&mut rounds);
    rounds.finish(target.memory_mib);
}
