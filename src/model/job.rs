//! Work that is done by itself: what it is, and how far it is.

use crate::base::error::{Error, Result};
use crate::base::time::Timestamp;

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Task {
    /// Records the state of a source, by its name in the configuration.
    Capture(String),
    /// Seals what no segment holds.
    Seal,
    /// Ships to a remote what it lacks, by the remote's name.
    Ship(String),
    /// Reads back and compares the next part of what the local store holds.
    Verify,
    /// Rebuilds from a remote in a scratch directory and compares.
    Drill(String),
    /// Removes what nothing names.
    Gc,
    /// Gives up the bytes of versions that no rule keeps.
    Forget,
    /// Takes what was forgotten off a remote, by the remote's name.
    Compact(String),
    /// Carries out what a person decided, by the order's id.
    Apply(String),
}

impl Task {
    /// The word for it.
    pub fn kind(&self) -> &'static str {
        match self {
            Task::Capture(_) => "capture",
            Task::Seal => "seal",
            Task::Ship(_) => "ship",
            Task::Verify => "verify",
            Task::Drill(_) => "drill",
            Task::Gc => "gc",
            Task::Forget => "forget",
            Task::Compact(_) => "compact",
            Task::Apply(_) => "apply",
        }
    }

    /// Which source, remote or order it is about; empty where it is the store itself.
    pub fn subject(&self) -> &str {
        match self {
            Task::Capture(name) | Task::Ship(name) | Task::Drill(name) | Task::Compact(name) | Task::Apply(name) => name,
            Task::Seal | Task::Verify | Task::Gc | Task::Forget => "",
        }
    }

    /// The inverse of [`Task::kind`] and [`Task::subject`].
    pub fn from_parts(kind: &str, subject: &str) -> Result<Self> {
        Ok(match kind {
            "capture" => Task::Capture(subject.to_owned()),
            "seal" => Task::Seal,
            "ship" => Task::Ship(subject.to_owned()),
            "verify" => Task::Verify,
            "drill" => Task::Drill(subject.to_owned()),
            "gc" => Task::Gc,
            "forget" => Task::Forget,
            "compact" => Task::Compact(subject.to_owned()),
            "apply" => Task::Apply(subject.to_owned()),
            _ => return Err(Error::damaged(format_args!("a job of an unknown kind: {kind}"))),
        })
    }

    /// Jobs of one lane are done one after the other, lanes beside each other. Each remote and each source has its own, so that one that is
    /// slow or away keeps nobody waiting; what people wait for waits for no upkeep.
    pub fn lane(&self) -> String {
        match self {
            Task::Capture(name) => format!("capture {name}"),
            Task::Ship(name) | Task::Compact(name) => format!("remote {name}"),
            Task::Drill(_) => "drill".to_owned(),
            Task::Apply(_) => "apply".to_owned(),
            Task::Seal | Task::Verify | Task::Gc | Task::Forget => "local".to_owned(),
        }
    }

    /// Lower goes first within a lane.
    pub fn priority(&self) -> i64 {
        match self {
            Task::Apply(_) => 5,
            Task::Capture(_) => 10,
            Task::Seal => 20,
            Task::Ship(_) => 30,
            Task::Forget => 40,
            Task::Gc => 50,
            Task::Verify => 60,
            Task::Drill(_) => 70,
            Task::Compact(_) => 80,
        }
    }
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.subject() {
            "" => f.write_str(self.kind()),
            subject => write!(f, "{} {subject}", self.kind()),
        }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// It will be done when its time has come and its lane is free.
    Waiting,
    /// It is being done.
    Running,
    /// A person holds it back.
    Paused,
    /// It was done.
    Done,
    /// The last try failed; it will be tried again.
    Failed,
    /// It failed as often as is sensible, and waits for a person.
    Dead,
    /// A person does not want it any more.
    Cancelled,
}

impl State {
    /// All of them.
    pub const ALL: [State; 7] = [State::Waiting, State::Running, State::Paused, State::Done, State::Failed, State::Dead, State::Cancelled];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Running => "running",
            State::Paused => "paused",
            State::Done => "done",
            State::Failed => "failed",
            State::Dead => "dead",
            State::Cancelled => "cancelled",
        }
    }

    /// The inverse of [`State::word`].
    pub fn from_word(word: &str) -> Result<Self> {
        State::ALL.into_iter().find(|s| s.word() == word).ok_or_else(|| Error::damaged(format_args!("a job in an unknown state: {word}")))
    }

    /// Whether nothing will happen to it by itself any more.
    pub fn is_over(self) -> bool {
        matches!(self, State::Done | State::Dead | State::Cancelled)
    }
}

/// What a person wants of a job that is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// That it goes on.
    #[default]
    None,
    /// That it stops at the next safe place and waits.
    Pause,
    /// That it stops at the next safe place and is forgotten.
    Cancel,
}

impl Wish {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Wish::None => "",
            Wish::Pause => "pause",
            Wish::Cancel => "cancel",
        }
    }

    /// The inverse of [`Wish::word`].
    pub fn from_word(word: &str) -> Self {
        match word {
            "pause" => Wish::Pause,
            "cancel" => Wish::Cancel,
            _ => Wish::None,
        }
    }
}

/// How far a job is. Totals are zero while unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advance {
    /// What is being done.
    pub phase: String,
    /// Things done.
    pub items: u64,
    /// Things to do.
    pub items_total: u64,
    /// Bytes done.
    pub bytes: u64,
    /// Bytes to do.
    pub bytes_total: u64,
    /// Bytes in a second, over the last 30 seconds of work.
    pub bytes_per_sec: u64,
    /// When it last got further.
    pub moved: Option<Timestamp>,
    /// What holds it up, a sentence; empty while it gets further. Read back as [`Job::said`].
    pub held_up: String,
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// What it does.
    pub task: Task,
    /// Where it stands.
    pub state: State,
    /// Not done before then.
    pub not_before: Timestamp,
    /// When it was asked for.
    pub created: Timestamp,
    /// When its last try began.
    pub started: Option<Timestamp>,
    /// When it was over.
    pub ended: Option<Timestamp>,
    /// Tries that count. One that found the remote away or the disk full does not.
    pub attempts: u32,
    /// Who runs it, or ran it last.
    pub holder: String,
    /// Grows while the holder lives.
    pub beat: i64,
    /// What a person wants of it.
    pub wish: Wish,
    /// Why it waits, what it failed of, or what it did: a sentence.
    pub said: String,
    /// The stable code of the error in `said`, empty where it is none.
    pub code: String,
    /// How far it is.
    pub advance: Advance,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lead_back() {
        for state in State::ALL {
            assert_eq!(State::from_word(state.word()).expect("state"), state);
        }
        for task in [
            Task::Capture("a".into()),
            Task::Seal,
            Task::Ship("b".into()),
            Task::Verify,
            Task::Drill("b".into()),
            Task::Gc,
            Task::Forget,
            Task::Compact("b".into()),
            Task::Apply("c".into()),
        ] {
            assert_eq!(Task::from_parts(task.kind(), task.subject()).expect("task"), task);
        }
        for wish in [Wish::None, Wish::Pause, Wish::Cancel] {
            assert_eq!(Wish::from_word(wish.word()), wish);
        }
        assert!(Task::from_parts("dance", "").is_err() && State::from_word("lost").is_err());
        assert_ne!(Task::Ship("a".into()).lane(), Task::Ship("b".into()).lane());
    }
}
