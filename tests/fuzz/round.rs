//! Rounds of one target: each has randomness of its own, so that it can be repeated alone, and tells what it was given when it fails.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use annals::base::random::{Random, SeededRandom};

thread_local! {
    /// What the decoder was last given.
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Bytes of a failing input that are printed.
const SHOWN_BYTES_MAX: usize = 4096;

/// Random choices of one round.
pub struct Dice(SeededRandom);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(SeededRandom::new(seed))
    }

    /// Less than `n`, which is not 0.
    pub fn below(&self, n: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        (u64::from_le_bytes(bytes) % n as u64) as usize
    }

    pub fn pick<'t, T>(&self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len())]
    }

    pub fn bytes(&self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        self.0.fill(&mut bytes);
        bytes
    }

    /// A stream of randomness for code that wants one.
    pub fn random(&self) -> &dyn Random {
        &self.0
    }
}

/// Counts, limits and reports the rounds of one target.
pub struct Rounds {
    target: &'static str,
    seed: u64,
    wanted: u64,
    only: Option<u64>,
    until: Option<Instant>,
    round: u64,
    accepted: u64,
    started: Instant,
    /// The round that took longest.
    slowest: (Duration, u64),
    memory_before: u64,
}

impl Rounds {
    pub fn new(target: &'static str, wanted: u64, seed: u64) -> Self {
        let until = crate::number("ANNALS_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
        Rounds {
            target,
            seed,
            wanted,
            only: crate::number("ANNALS_FUZZ_ROUND"),
            until,
            round: 0,
            accepted: 0,
            started: Instant::now(),
            slowest: Default::default(),
            memory_before: 0,
        }
    }

    /// Runs `round` again and again; it says whether the changed bytes were taken (which it has shown to be right).
    pub fn each(&mut self, mut round: impl FnMut(&Dice) -> bool) {
        let (target, seed) = (self.target, self.seed);
        self.memory_before = memory_kib().unwrap_or(0);
        self.round = self.only.unwrap_or(0);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            INPUT.with_borrow(|input| {
                let shown = &input[..input.len().min(SHOWN_BYTES_MAX)];
                eprintln!("{target}: an input of {} bytes: {}", input.len(), String::from_utf8_lossy(shown).escape_debug());
                eprintln!("in hexadecimal: {}", shown.iter().map(|b| format!("{b:02x}")).collect::<String>());
            });
            before(info);
        }));
        loop {
            match (self.only, self.until) {
                (Some(only), _) if self.round > only => break,
                (None, Some(until)) if Instant::now() >= until => break,
                (None, None) if self.round >= self.wanted => break,
                _ => {}
            }
            let dice = Dice::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.round);
            let number = self.round;
            let began = Instant::now();
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| round(&dice)));
            match outcome {
                Ok(accepted) => self.accepted += u64::from(accepted),
                Err(_) => panic!("{target}: repeat with ANNALS_FUZZ_SEED={seed} ANNALS_FUZZ_ROUND={number}"),
            }
            self.slowest = self.slowest.max((began.elapsed(), number));
            self.round += 1;
        }
    }

    /// Reports, and fails where more memory was needed than is allowed.
    pub fn finish(self, memory_mib: u64) {
        let peak = memory_kib().map(|now| now.saturating_sub(self.memory_before) >> 10);
        println!(
            "fuzz {}: seed {}, {} rounds in {:.1} s (round {} took {:.0} ms), {} changes that changed nothing, {} MiB more than before",
            self.target,
            self.seed,
            self.round,
            self.started.elapsed().as_secs_f64(),
            self.slowest.1,
            self.slowest.0.as_secs_f64() * 1000.0,
            self.accepted,
            peak.map_or("?".to_owned(), |mib| mib.to_string())
        );
        assert!(peak.is_none_or(|mib| mib <= memory_mib), "{} MiB, {memory_mib} are allowed", peak.unwrap_or(0));
        assert!(self.round > 0 && (self.accepted < self.round || self.only.is_some()), "everything was accepted: nothing was tried");
    }
}

/// Remembers what a decoder is about to be given.
pub fn given(input: &[u8]) {
    INPUT.with_borrow_mut(|kept| {
        kept.clear();
        kept.extend_from_slice(input);
    });
}

/// The most memory that this process ever had resident, in KiB (Linux).
fn memory_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
