//! Questions to the outside that may never be answered.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Asks all at once, each on a thread of its own, and waits so long for the answers. Where none came there is `None`; its thread ends when the
/// outside lets it.
pub(super) fn ask<Q: Send + 'static, A: Send + 'static>(questions: Vec<Q>, patience: Duration, answer: fn(Q) -> A) -> Vec<Option<A>> {
    let waiting: Vec<mpsc::Receiver<A>> = questions
        .into_iter()
        .map(|question| {
            let (give, take) = mpsc::channel();
            let work = move || drop(give.send(answer(question)));
            // Without a thread there is no answer.
            drop(thread::Builder::new().name("annals question".into()).spawn(work));
            take
        })
        .collect();
    let until = Instant::now() + patience;
    waiting.iter().map(|take| take.recv_timeout(until.saturating_duration_since(Instant::now())).ok()).collect()
}
