//! Lineage: whether two copies of one history still are one, where they parted, and what becomes of what changed on either side.
//!
//! Everything here is a function of values. Witnesses (a catalogue, a file elsewhere, the names at a remote) are read by others; any
//! disagreement between them is evidence. Clocks never are.

use serde::{Deserialize, Serialize};

use crate::base::digest::Digest;
use crate::base::id::SiteId;

use super::timeline::Position;

/// What comparing our history with that of a witness says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Both end at the same batch.
    Equal,
    /// We have what they have, and more: it may be shipped.
    Ahead,
    /// They have what we have, and more, and nothing was recorded here since: it can be caught up with.
    BehindClean,
    /// Both have more than what they have in common.
    Forked,
    /// Another copy of this very store writes the same line of history.
    Clone,
    /// We have nothing at all, and they have a history of this site.
    Amnesia,
    /// They belong to another site.
    Foreign,
}

impl Verdict {
    /// Whether what is here may be shipped on top of what is there.
    pub fn may_ship(self) -> bool {
        matches!(self, Verdict::Equal | Verdict::Ahead)
    }

    /// The code of the refusal.
    pub fn code(self) -> &'static str {
        match self {
            Verdict::Equal | Verdict::Ahead => "lineage.well",
            Verdict::BehindClean | Verdict::Amnesia => "lineage.behind",
            Verdict::Forked => "lineage.forked",
            Verdict::Clone => "lineage.clone",
            Verdict::Foreign => "lineage.foreign",
        }
    }

    /// One word for people and programs.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Equal => "equal",
            Verdict::Ahead => "ahead",
            Verdict::BehindClean => "behind",
            Verdict::Forked => "forked",
            Verdict::Clone => "clone",
            Verdict::Amnesia => "amnesia",
            Verdict::Foreign => "foreign",
        }
    }
}

/// Where a copy of a store lives. Empty texts are unknown and say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// Which machine, see `base::machine`.
    pub machine: String,
    /// Its name, for people.
    pub host: String,
    /// The directory, absolute.
    pub directory: String,
    /// What tells the store's files from copies of them, see `base::disk::identity`.
    pub file: String,
}

impl Place {
    /// Whether the two are surely not the same place. What is unknown is no evidence.
    pub fn is_elsewhere(&self, other: &Place) -> bool {
        let differ = |a: &str, b: &str| !a.is_empty() && !b.is_empty() && a != b;
        differ(&self.machine, &other.machine)
            || (!self.machine.is_empty() && self.machine == other.machine && differ(&self.directory, &other.directory))
    }

    /// The place in words: `clinic-17 (/srv/annals)`.
    pub fn words(&self) -> String {
        match (self.host.as_str(), self.directory.as_str()) {
            ("", "") if self.machine.is_empty() => "an unknown machine".into(),
            ("", "") => format!("machine {}", self.machine),
            (host, "") => host.into(),
            ("", directory) => directory.into(),
            (host, directory) => format!("{host} ({directory})"),
        }
    }
}

/// What the place that a store remembers says about the place where it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The very files, where they were.
    Same,
    /// The very files, elsewhere: a directory that was renamed, a disk that was moved.
    Moved,
    /// Copied files, and the original is not there any more: brought back from a backup, or moved to another disk. They may be old.
    Replaced,
    /// Copied files, and the original may go on: only a person knows which of the two is the site.
    Copied,
}

/// Compares the place that a store remembers with where it is now. `original_lives`: a store of the same site still is where this one says
/// that it was, as seen from the same machine.
pub fn standing(remembered: &Place, here: &Place, original_lives: bool) -> Standing {
    let same_files = !here.file.is_empty() && remembered.file == here.file;
    let elsewhere = remembered.is_elsewhere(here);
    match (same_files, elsewhere) {
        (true, false) => Standing::Same,
        (true, true) => Standing::Moved,
        (false, false) if here.file.is_empty() && remembered.file.is_empty() => Standing::Same,
        (false, false) => Standing::Replaced,
        // From another machine nobody can see whether the original lives.
        (false, true) if remembered.machine != here.machine || original_lives => Standing::Copied,
        (false, true) => Standing::Replaced,
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The site.
    pub site: SiteId,
    /// Where its log ends.
    pub position: Position,
    /// Where it was written, where that is known.
    pub place: Place,
}

/// Judges our side against that of a witness. `common` is the last sequence number on which both have the same digest, 0 where there is none.
pub fn judge(ours: &Side, theirs: &Side, common: u64) -> Verdict {
    let (here, there) = (ours.position.seq, theirs.position.seq);
    if ours.site != theirs.site {
        return Verdict::Foreign;
    }
    match (here > common, there > common) {
        (false, false) => Verdict::Equal,
        (true, false) => Verdict::Ahead,
        (false, true) if here == 0 => Verdict::Amnesia,
        (false, true) => Verdict::BehindClean,
        (true, true) if ours.position.timeline == theirs.position.timeline && ours.place.is_elsewhere(&theirs.place) => Verdict::Clone,
        (true, true) => Verdict::Forked,
    }
}

/// Sequence numbers at which a witness keeps digests: the end, and 1, 2, 4, 8, ... before it. So a fork is bracketed without the whole log.
pub fn rungs(end: u64) -> Vec<u64> {
    let before = (0..u64::BITS).map_while(|n| end.checked_sub(1 << n).filter(|seq| *seq > 0));
    std::iter::once(end).filter(|seq| *seq > 0).chain(before).collect()
}

/// The last sequence number up to which a witness's digests (the highest first, as [`rungs`] gives them) are known to be ours, where our
/// log ends at `end`. Where no rung contradicts us, all of our log is taken to be theirs too: nothing says otherwise.
pub fn common(end: u64, ladder: &[(u64, Digest)], ours: impl Fn(u64) -> Option<Digest>) -> u64 {
    let mut contradicted = false;
    for (seq, digest) in ladder.iter().filter(|(seq, _)| *seq <= end) {
        if ours(*seq) == Some(*digest) {
            let whole = !contradicted && ladder.first().is_some_and(|(last, _)| *last > end);
            return if whole { end } else { *seq };
        }
        contradicted = true;
    }
    match ladder.first() {
        Some((last, _)) if !contradicted && *last > end => end,
        _ => 0,
    }
}

/// What became of one key or row that was changed after the fork, compared with what it was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Changed there only: it comes back.
    Recovered,
    /// Changed here only: it stays.
    Kept,
    /// Changed to the same on both sides.
    Same,
    /// Changed differently on both sides.
    Conflict,
    /// Deleted on one side, changed on the other: it exists again.
    Resurrected,
}

/// Classifies a key by its state at the fork, here and there; `None` is "does not exist". `None` as a result: it is as it was.
pub fn classify<T: PartialEq>(base: Option<&T>, ours: Option<&T>, theirs: Option<&T>) -> Option<Fate> {
    match (ours == base, theirs == base) {
        (true, true) => None,
        (true, false) => Some(Fate::Recovered),
        (false, true) => Some(Fate::Kept),
        (false, false) if ours == theirs => Some(Fate::Same),
        (false, false) if ours.is_none() || theirs.is_none() => Some(Fate::Resurrected),
        (false, false) => Some(Fate::Conflict),
    }
}

/// What a table (or a prefix of documents) is, which decides what happens to what changed on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Rows are only ever added: the union by key.
    Append,
    /// Computed from other rows: never merged, always computed anew.
    Derived,
    /// The other side (usually the centre) decides.
    TheirsDecide,
    /// This site decides.
    OursDecide,
    /// Merged column by column; what both changed goes to a person.
    Field,
    /// Carries numbers from a counter: what is only here gets new numbers.
    Serial,
    /// Carries ids of outside systems: what is there really happened.
    External,
    /// Both states are kept as versions.
    Documents,
}

/// What to do with one key or row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// As it is there.
    Theirs,
    /// As it is here.
    Ours,
    /// Both: as two versions of one document, or as the row that exists.
    Both,
    /// Merged by field against the state at the fork.
    Merge,
    /// Computed anew from the united rows.
    Recompute,
    /// As it is here, under a new number.
    Renumber,
    /// A person decides.
    Ask,
}

impl Policy {
    /// All of them with the words by which configurations and plans know them.
    pub const WORDS: [(&'static str, Policy); 8] = [
        ("append", Policy::Append),
        ("derived", Policy::Derived),
        ("authority", Policy::TheirsDecide),
        ("site", Policy::OursDecide),
        ("field", Policy::Field),
        ("serial", Policy::Serial),
        ("external", Policy::External),
        ("documents", Policy::Documents),
    ];

    /// The policy of that word.
    pub fn parse(word: &str) -> Option<Policy> {
        Policy::WORDS.iter().find(|(known, _)| *known == word).map(|(_, policy)| *policy)
    }

    /// One word for people and programs.
    pub fn word(self) -> &'static str {
        Policy::WORDS.iter().find(|(_, policy)| *policy == self).map_or("", |(word, _)| word)
    }

    /// What happens to a key of this fate.
    pub fn resolve(self, fate: Fate) -> Resolution {
        use Fate::*;
        match (self, fate) {
            (Policy::Derived, _) => Resolution::Recompute,
            (Policy::Serial, Kept | Conflict) => Resolution::Renumber,
            (_, Recovered | Same) => Resolution::Theirs,
            (_, Kept) => Resolution::Ours,
            (Policy::TheirsDecide | Policy::External, Conflict | Resurrected) => Resolution::Theirs,
            (Policy::OursDecide, Conflict | Resurrected) => Resolution::Ours,
            (Policy::Field, Conflict) => Resolution::Merge,
            (Policy::Append, Conflict) | (Policy::Field, Resurrected) => Resolution::Ask,
            (Policy::Documents, Conflict | Resurrected) | (Policy::Append | Policy::Serial, Resurrected) => Resolution::Both,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::TimelineId;
    use crate::base::random::SeededRandom;

    fn place(machine: &str, directory: &str, file: &str) -> Place {
        Place { machine: machine.into(), host: machine.into(), directory: directory.into(), file: file.into() }
    }

    fn side(seq: u64, line: u64, machine: &str) -> Side {
        let position = Position { timeline: TimelineId::new(&SeededRandom::new(line)), seq, digest: Digest::of(&seq.to_le_bytes()) };
        Side { site: SiteId::new(&SeededRandom::new(1)), position, place: place(machine, "/s", "1") }
    }

    #[test]
    fn every_verdict_of_two_positions() {
        use Verdict::*;
        let table = [
            // ours, theirs, common, theirs on the same timeline, machine of theirs
            (7, 7, 7, true, "a", Equal),
            (0, 0, 0, true, "a", Equal),
            (9, 7, 7, true, "a", Ahead),
            (9, 0, 0, true, "a", Ahead),
            (7, 9, 7, true, "a", BehindClean),
            (7, 9, 7, true, "b", BehindClean),
            (7, 9, 7, false, "b", BehindClean),
            (0, 9, 0, true, "a", Amnesia),
            (0, 9, 0, false, "", Amnesia),
            (9, 9, 7, true, "a", Forked),
            (8, 20, 7, true, "", Forked),
            (9, 9, 7, false, "b", Forked),
            (9, 9, 0, false, "a", Forked),
            (9, 9, 7, true, "b", Clone),
            (8, 12, 7, true, "b", Clone),
        ];
        for (ours, theirs, common, same_line, machine, wanted) in table {
            let there = side(theirs, if same_line { 5 } else { 6 }, machine);
            let found = judge(&side(ours, 5, "a"), &there, common);
            assert_eq!(found, wanted, "{ours} {theirs} {common} {same_line} {machine}");
            assert_eq!(found.may_ship(), matches!(wanted, Equal | Ahead));
            let foreign = Side { site: SiteId::new(&SeededRandom::new(2)), ..there };
            assert_eq!(judge(&side(ours, 5, "a"), &foreign, common), Foreign);
        }
        let codes: Vec<&str> = [BehindClean, Amnesia, Forked, Clone, Foreign].map(Verdict::code).to_vec();
        assert_eq!(codes, ["lineage.behind", "lineage.behind", "lineage.forked", "lineage.clone", "lineage.foreign"]);
    }

    #[test]
    fn every_standing_of_a_store() {
        use Standing::*;
        let was = place("m", "/a", "1");
        let table = [
            (place("m", "/a", "1"), false, Same),
            (place("m", "/b", "1"), false, Moved),
            (place("n", "/a", "1"), false, Moved),
            (place("m", "/a", "2"), false, Replaced),
            (place("m", "/b", "2"), false, Replaced),
            (place("m", "/b", "2"), true, Copied),
            (place("n", "/a", "2"), false, Copied),
            (place("", "/b", "2"), true, Replaced),
            (place("m", "/a", ""), true, Replaced),
        ];
        for (here, lives, wanted) in table {
            assert_eq!(standing(&was, &here, lives), wanted, "{here:?} {lives}");
        }
        assert_eq!(standing(&Place::default(), &Place::default(), false), Same);
        assert_eq!((was.words(), Place::default().words()), ("m (/a)".into(), "an unknown machine".into()));
    }

    #[test]
    fn a_ladder_brackets_the_fork() {
        let digest = |line: u8, seq: u64| Digest::of(&[&[line][..], &seq.to_le_bytes()].concat());
        let ladder =
            |end: u64, fork: u64| -> Vec<(u64, Digest)> { rungs(end).into_iter().map(|seq| (seq, digest(u8::from(seq > fork), seq))).collect() };
        assert_eq!(rungs(9), [9, 8, 7, 5, 1]);
        assert_eq!((rungs(0), rungs(1)), (vec![], vec![1]));
        let of = |end: u64, theirs: u64, fork: u64| common(end, &ladder(theirs, fork), |seq| (seq <= end).then(|| digest(0, seq)));
        assert_eq!(of(9, 9, 9), 9);
        assert_eq!(of(12, 9, 9), 9);
        assert_eq!(of(6, 9, 9), 6, "behind, and nothing says that we left");
        assert_eq!(of(9, 9, 7), 7);
        assert_eq!(of(9, 9, 6), 5, "the next rung down");
        assert_eq!(of(6, 9, 4), 1);
        assert_eq!(of(9, 9, 0), 0);
        assert_eq!(of(0, 9, 0), 0);
        assert_eq!(common(5, &[], |_| None), 0);
    }

    #[test]
    fn every_fate_of_a_key() {
        let table = [
            (Some(1), Some(1), Some(1), None),
            (None, None, None, None),
            (Some(1), Some(1), Some(2), Some(Fate::Recovered)),
            (Some(1), Some(1), None, Some(Fate::Recovered)),
            (None, None, Some(1), Some(Fate::Recovered)),
            (Some(1), Some(2), Some(1), Some(Fate::Kept)),
            (Some(1), None, Some(1), Some(Fate::Kept)),
            (Some(1), Some(2), Some(2), Some(Fate::Same)),
            (Some(1), None, None, Some(Fate::Same)),
            (None, Some(2), Some(2), Some(Fate::Same)),
            (Some(1), Some(2), Some(3), Some(Fate::Conflict)),
            (None, Some(2), Some(3), Some(Fate::Conflict)),
            (Some(1), None, Some(3), Some(Fate::Resurrected)),
            (Some(1), Some(2), None, Some(Fate::Resurrected)),
        ];
        for (base, ours, theirs, wanted) in table {
            assert_eq!(classify(base.as_ref(), ours.as_ref(), theirs.as_ref()), wanted, "{base:?} {ours:?} {theirs:?}");
        }
    }

    #[test]
    fn every_policy_has_an_answer_for_every_fate() {
        use Resolution::*;
        let fates = [Fate::Recovered, Fate::Kept, Fate::Same, Fate::Conflict, Fate::Resurrected];
        let table = [
            (Policy::Append, [Theirs, Ours, Theirs, Ask, Both]),
            (Policy::Derived, [Recompute; 5]),
            (Policy::TheirsDecide, [Theirs, Ours, Theirs, Theirs, Theirs]),
            (Policy::OursDecide, [Theirs, Ours, Theirs, Ours, Ours]),
            (Policy::Field, [Theirs, Ours, Theirs, Merge, Ask]),
            (Policy::Serial, [Theirs, Renumber, Theirs, Renumber, Both]),
            (Policy::External, [Theirs, Ours, Theirs, Theirs, Theirs]),
            (Policy::Documents, [Theirs, Ours, Theirs, Both, Both]),
        ];
        for (policy, wanted) in table {
            assert_eq!(fates.map(|fate| policy.resolve(fate)), wanted, "{policy:?}");
            assert_eq!(Policy::parse(policy.word()), Some(policy));
        }
    }
}
