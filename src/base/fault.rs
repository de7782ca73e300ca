//! Named places where a test may cut the power. In release builds they are nothing.
//!
//! Every write, sync, rename and commit of the store passes one of these places. A test counts them in a run without faults, then repeats
//! the run once per place with [`arm`]; the binary does the same when `ANNALS_FAULT=place:n` (or `*:n`) is set, and dies there as if killed.

use super::error::Result;

/// What happens at the armed place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails with an I/O error, and so does every one after it: a disk that went away.
    Error,
    /// The operation fails with "no space left", and so does every one after it.
    Full,
    /// The process dies at once, without unwinding.
    Kill,
}

#[cfg(debug_assertions)]
mod armed {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

    use super::Fault;
    use crate::base::error::{Error, Result};

    #[derive(Default)]
    struct State {
        counting: bool,
        seen: Vec<&'static str>,
        arm: Option<(u64, Fault)>,
        passed: u64,
        broken: Option<Fault>,
    }

    thread_local! {
        static STATE: RefCell<Arc<Mutex<State>>> = RefCell::default();
    }

    fn state_of(shared: &Mutex<State>) -> MutexGuard<'_, State> {
        shared.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn set(state: State) {
        STATE.with_borrow(|shared| *state_of(shared) = state);
    }

    /// `work` for another thread, which passes its places as a part of what this one does.
    pub fn carry<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
        let shared = STATE.with_borrow(Arc::clone);
        move || {
            STATE.with_borrow_mut(|own| *own = shared);
            work()
        }
    }

    fn failure(fault: Fault, place: &str) -> Result<()> {
        let kind = match fault {
            Fault::Kill => std::process::abort(),
            Fault::Full => std::io::ErrorKind::StorageFull,
            Fault::Error => std::io::ErrorKind::Other,
        };
        Err(Error::io(place, std::io::Error::from(kind)))
    }

    fn from_environment(place: &str) {
        static ARMED: OnceLock<Option<(String, u64)>> = OnceLock::new();
        static PASSED: AtomicU64 = AtomicU64::new(0);
        let armed = ARMED.get_or_init(|| {
            let text = std::env::var("ANNALS_FAULT").ok()?;
            let (name, n) = text.rsplit_once(':')?;
            Some((name.to_owned(), n.parse().ok()?))
        });
        if let Some((name, n)) = armed
            && (name == "*" || name == place)
            && PASSED.fetch_add(1, Ordering::Relaxed) == *n
        {
            std::process::abort();
        }
    }

    pub(super) fn point(place: &'static str) -> Result<()> {
        from_environment(place);
        STATE.with_borrow(|shared| {
            let mut state = state_of(shared);
            if let Some(fault) = state.broken {
                return failure(fault, place);
            }
            if state.counting {
                state.seen.push(place);
            }
            if let Some((n, fault)) = state.arm {
                if state.passed == n {
                    state.broken = Some(fault);
                    return failure(fault, place);
                }
                state.passed += 1;
            }
            Ok(())
        })
    }

    /// Runs `work` on this thread and lists the places it passed.
    pub fn count<T>(work: impl FnOnce() -> T) -> (T, Vec<&'static str>) {
        set(State { counting: true, ..State::default() });
        let out = work();
        let seen = STATE.with_borrow(|shared| std::mem::take(&mut *state_of(shared)).seen);
        (out, seen)
    }

    /// Runs `work` on this thread with `fault` at the `n`-th place (from 0) that it passes.
    pub fn arm<T>(n: u64, fault: Fault, work: impl FnOnce() -> T) -> T {
        set(State { arm: Some((n, fault)), ..State::default() });
        let out = work();
        set(State::default());
        out
    }
}

#[cfg(debug_assertions)]
pub use armed::{arm, carry, count};

/// `work` for another thread.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn carry<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    work
}

/// Passes the place called `place`; fails or dies there when a test wants it.
#[cfg(debug_assertions)]
pub fn point(place: &'static str) -> Result<()> {
    armed::point(place)
}

/// Passes the place called `place`.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn point(_place: &'static str) -> Result<()> {
    Ok(())
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn the_armed_place_and_all_after_it_fail() {
        let work = || [point("a").is_ok(), point("b").is_ok(), point("c").is_ok()];
        let (ok, seen) = count(work);
        assert_eq!((ok, seen), ([true; 3], vec!["a", "b", "c"]));
        assert_eq!(arm(1, Fault::Error, work), [true, false, false]);
        assert_eq!(work(), [true; 3]);
    }

    #[test]
    fn a_thread_that_works_for_another_passes_its_places() {
        let work = || {
            let first = point("a").is_ok();
            let other = std::thread::spawn(carry(|| point("b").is_ok())).join().expect("no panic");
            [first, other, point("c").is_ok(), std::thread::spawn(|| point("d").is_ok()).join().expect("no panic")]
        };
        assert_eq!(count(work).1, ["a", "b", "c"]);
        assert_eq!(arm(1, Fault::Full, work), [true, false, false, true]);
    }
}
