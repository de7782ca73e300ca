//! Questions to the outside that may never be answered.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::base::monitor::{Monitor, Progress};

/// Wants to stop when a moment has come.
struct Until(Instant);

impl Monitor for Until {
    fn progress(&self, _: &Progress) {}

    fn note(&self, _: &str) {}

    fn stopped(&self) -> bool {
        Instant::now() >= self.0
    }
}

/// Asks all at once, each on a thread of its own, and waits so long for the answers. Where none came there is `None`; its thread is told to end
/// by the monitor that it was given.
pub(super) fn ask<Q: Send + 'static, A: Send + 'static>(questions: Vec<Q>, patience: Duration, answer: fn(Q, &dyn Monitor) -> A) -> Vec<Option<A>> {
    let until = Instant::now() + patience;
    let waiting: Vec<mpsc::Receiver<A>> = questions
        .into_iter()
        .map(|question| {
            let (give, take) = mpsc::channel();
            let work = move || drop(give.send(answer(question, &Until(until))));
            // Without a thread there is no answer.
            drop(thread::Builder::new().name("annals question".into()).spawn(work));
            take
        })
        .collect();
    waiting.iter().map(|take| take.recv_timeout(until.saturating_duration_since(Instant::now())).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_answered_is_told_to_stop() {
        let (give, take) = mpsc::channel();
        let answers = ask(vec![Some(give), None], Duration::from_millis(20), |give: Option<mpsc::Sender<()>>, monitor| {
            let Some(give) = give else { return "at once" };
            while !monitor.stopped() {
                thread::yield_now();
            }
            let _ = give.send(());
            thread::park_timeout(Duration::from_secs(60));
            "late"
        });
        assert_eq!(answers, [None, Some("at once")]);
        take.recv_timeout(Duration::from_secs(60)).expect("it was told");
    }
}
