//! Who may name chunks and who may remove them.
//!
//! A writer holds the gate shared from before it asks whether a chunk exists until the row that names it is committed. Garbage collection
//! removes chunks only while it holds the gate alone, after it has marked everything committed until then. So a chunk that a writer found
//! present cannot be gone when its name is written.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

#[derive(Default)]
struct State {
    writers: usize,
    alone: bool,
}

/// The gate of one store.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

/// Held by a writer between looking chunks up and naming them.
pub(crate) struct WriterPass(Arc<Gate>);

/// Held by garbage collection while it removes.
pub(crate) struct AlonePass<'g>(&'g Gate);

impl Gate {
    /// Waits until nobody removes, then lets a writer in.
    pub(crate) fn enter(self: &Arc<Self>) -> WriterPass {
        let mut state = self.state.lock().unwrap_or_else(|e| e.into_inner());
        while state.alone {
            state = self.changed.wait(state).unwrap_or_else(|e| e.into_inner());
        }
        state.writers += 1;
        WriterPass(self.clone())
    }

    /// Waits at most `patience` until no writer is inside, then keeps them out. `None` when a writer stayed too long.
    pub(crate) fn enter_alone(&self, patience: Duration) -> Option<AlonePass<'_>> {
        let state = self.state.lock().unwrap_or_else(|e| e.into_inner());
        let busy = |s: &mut State| s.writers > 0 || s.alone;
        let (mut state, timeout) = self.changed.wait_timeout_while(state, patience, busy).unwrap_or_else(|e| e.into_inner());
        if timeout.timed_out() {
            return None;
        }
        state.alone = true;
        Some(AlonePass(self))
    }
}

impl Drop for WriterPass {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(|e| e.into_inner()).writers -= 1;
        self.0.changed.notify_all();
    }
}

impl Drop for AlonePass<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(|e| e.into_inner()).alone = false;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_inside_keeps_removal_out() {
        let gate = Arc::new(Gate::default());
        let pass = gate.enter();
        assert!(gate.enter_alone(Duration::ZERO).is_none());
        drop(pass);
        let alone = gate.enter_alone(Duration::ZERO).expect("free");
        assert!(gate.enter_alone(Duration::ZERO).is_none());
        drop(alone);
        drop(gate.enter());
    }
}
