//! What can happen to a store, drawn from a seed.

use annals::base::random::{Random, SeededRandom};

/// Small random numbers.
pub struct Dice(SeededRandom);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(SeededRandom::new(seed))
    }

    /// A number below `n`.
    pub fn below(&mut self, n: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % n
    }
}

/// A new content.
#[derive(Debug, Clone)]
pub enum Bytes {
    Empty,
    /// A line of text; few different ones, so that contents repeat.
    Small(u64),
    /// Random bytes: length and seed.
    Random(u64, u64),
    /// What the document has now with some bytes changed: where and how.
    Edited(u64, u64),
}

/// One change of a batch.
#[derive(Debug, Clone)]
pub enum Item {
    Put(u64, Bytes),
    Remove(u64),
    Refer(u64, u64),
    Mark(u64),
}

#[derive(Debug, Clone)]
pub enum Op {
    Put(u64, Bytes),
    PutIfVersion(u64, Bytes, u64),
    Remove(u64),
    Batch(Vec<Item>),
    /// The same request twice, and once with another content.
    Request(u64, Bytes),
    Draft(Vec<Item>),
    Mark(u64),
    Refer(u64, u64),
    /// Back to a moment (of a hundred parts of the log), all or one folder.
    Rollback(u64, u64),
    Restore(u64, u64),
    /// Takes back a batch; with `true` over later changes.
    Undo(u64, bool),
    Clock(i64),
    Reopen,
    Ship(u64),
    Fetch,
    Rebuild,
    Gc,
    Verify,
    /// From now on the other tenant.
    Tenant,
    /// Forgets all but the last versions.
    Forget(u64),
    /// Takes what was forgotten off a remote.
    Compact(u64),
    /// Holds a folder, or lifts the hold of that name.
    Hold(u64, u64),
    Lift(u64),
    /// Drops the other tenant for some days, brings it back, lets it go where its time is over.
    Drop(u64),
    Undrop,
    LetGo,
}

fn bytes(d: &mut Dice) -> Bytes {
    match d.below(12) {
        0 => Bytes::Empty,
        1..=6 => Bytes::Small(d.below(40)),
        7 => Bytes::Random(d.below(6000), d.below(1000)),
        8 => Bytes::Random(20_000 + d.below(150_000), d.below(1000)),
        _ => Bytes::Edited(d.below(1000), d.below(256)),
    }
}

fn items(d: &mut Dice) -> Vec<Item> {
    let one = |d: &mut Dice| match d.below(10) {
        0..=5 => Item::Put(d.below(24), bytes(d)),
        6..=7 => Item::Remove(d.below(24)),
        8 => Item::Refer(d.below(24), d.below(5)),
        _ => Item::Mark(d.below(3)),
    };
    (0..1 + d.below(8)).map(|_| one(d)).collect()
}

pub fn draw(d: &mut Dice) -> Op {
    match d.below(120) {
        0..=21 => Op::Put(d.below(24), bytes(d)),
        22..=27 => Op::PutIfVersion(d.below(24), bytes(d), d.below(4)),
        28..=35 => Op::Remove(d.below(24)),
        36..=47 => Op::Batch(items(d)),
        48..=50 => Op::Request(d.below(24), bytes(d)),
        51..=54 => Op::Draft(items(d)),
        55..=56 => Op::Mark(d.below(3)),
        57..=59 => Op::Refer(d.below(24), d.below(5)),
        60..=64 => Op::Rollback(d.below(100), d.below(5)),
        65..=68 => Op::Restore(d.below(100), d.below(5)),
        69..=74 => Op::Undo(d.below(100), d.below(2) == 0),
        75..=79 => Op::Clock((d.below(7_200_000_000) as i64) - 1_800_000_000),
        80..=83 => Op::Reopen,
        84..=88 => Op::Ship(d.below(2)),
        89..=90 => Op::Fetch,
        91..=93 => Op::Rebuild,
        94..=95 => Op::Gc,
        96..=97 => Op::Verify,
        98..=99 => Op::Tenant,
        100..=105 => Op::Forget(1 + d.below(3)),
        106..=108 => Op::Compact(d.below(2)),
        109..=110 => Op::Hold(d.below(2), d.below(5)),
        111..=112 => Op::Lift(d.below(2)),
        113..=114 => Op::Drop(d.below(40)),
        115..=116 => Op::Undrop,
        _ => Op::LetGo,
    }
}
