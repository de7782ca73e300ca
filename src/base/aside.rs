//! Work that gives way. Packing at a high level keeps a processor busy for seconds; on a machine with few of them a commit that comes back from the
//! disk would find all of them taken, and wait for the end of somebody's turn.

use std::panic::resume_unwind;
use std::thread;

use super::error::{Error, Result};
use super::fault;

/// How much such work gives way, on the scale of nice(1) from the process on: at 10 a thread gets about a tenth of what another one gets beside
/// it, and all of a processor that nobody else wants. More would let it starve on a busy machine, and with it whoever waits for its locks.
const GIVES_WAY: i32 = 10;

/// Does `work` on a thread of its own that gives way to all others, and waits for it. For long computing that holds no lock for which a commit
/// waits, or not for long; threads that `work` starts give way too, and work aside within it no more than itself. Where a thread cannot be told
/// to give way (elsewhere than on Linux), it does not.
///
/// # Errors
/// Those of `work`, and that of a system that starts no further thread.
pub fn aside<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|threads| {
        let work = fault::carry(work);
        let quiet = move || {
            give_way();
            work()
        };
        let started = thread::Builder::new().name("annals aside".into()).spawn_scoped(threads, quiet);
        started.map_err(|e| Error::io("start a thread", e))?.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// The calling thread gives way from now on. Linux has a niceness for each thread (setpriority(2), "C library/kernel differences").
fn give_way() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpid, getpriority_process, setpriority_process};
        // Whoever is not allowed to gives no way; the work is done all the same.
        let _ = getpriority_process(Some(getpid())).and_then(|process| setpriority_process(None, (process + GIVES_WAY).min(19)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Kind;

    #[cfg(target_os = "linux")]
    #[test]
    fn work_gives_way_and_who_waits_for_it_does_not() {
        let niceness = || rustix::process::getpriority_process(None).expect("niceness");
        let before = niceness();
        let within = aside(|| Ok([niceness(), std::thread::spawn(niceness).join().expect("no panic"), aside(|| Ok(niceness()))?])).expect("done");
        assert_eq!(within, [(before + GIVES_WAY).min(19); 3], "as much within as beside it");
        assert_eq!(niceness(), before);
    }

    #[test]
    fn an_error_comes_back_and_so_does_a_panic() {
        let failed = aside(|| -> Result<()> { Err(Error::missing("test.missing", "nothing")) });
        assert_eq!(failed.expect_err("an error").kind(), Kind::Missing);
        let panic = std::panic::catch_unwind(|| aside(|| -> Result<()> { panic!("on purpose") })).expect_err("a panic");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
    }
}
