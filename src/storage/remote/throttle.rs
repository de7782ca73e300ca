//! A rate that is not exceeded: a token bucket, kept as the moment at which it will be full again (the generic cell rate algorithm of
//! ITU-T I.371: the same behaviour with one number of state).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::retry::{Sleeper, pause};
use crate::base::error::Result;
use crate::base::monitor::Monitor;

/// Seconds of the rate that may pass at once after a silence.
const BURST: Duration = Duration::from_millis(250);

/// Lets bytes pass at a limited rate, shared by all threads that use it.
pub struct Throttle {
    state: Mutex<State>,
    sleeper: Arc<dyn Sleeper>,
}

struct State {
    bytes_per_sec: Option<u64>,
    full_at: Duration,
}

impl Throttle {
    /// A throttle of so many bytes a second; `None` lets everything pass at once.
    pub fn new(bytes_per_sec: Option<u64>, sleeper: Arc<dyn Sleeper>) -> Self {
        Throttle { state: Mutex::new(State { bytes_per_sec, full_at: Duration::ZERO }), sleeper }
    }

    /// Changes the rate for all bytes from now on.
    pub fn set(&self, bytes_per_sec: Option<u64>) {
        *self.lock() = State { bytes_per_sec, full_at: Duration::ZERO };
    }

    /// Waits until `bytes` may pass. Fails only when the monitor stops the work.
    pub fn pass(&self, bytes: u64, monitor: &dyn Monitor) -> Result<()> {
        let wait = {
            let mut state = self.lock();
            let Some(rate) = state.bytes_per_sec else { return Ok(()) };
            let now = self.sleeper.elapsed();
            let cost = Duration::try_from_secs_f64(bytes as f64 / rate.max(1) as f64).unwrap_or(Duration::MAX);
            state.full_at = state.full_at.max(now).saturating_add(cost);
            state.full_at.saturating_sub(now).saturating_sub(BURST)
        };
        pause(&*self.sleeper, wait, monitor)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::monitor::Silent;
    use crate::storage::remote::retry::tests::Skipping;

    #[test]
    fn the_rate_is_kept_after_a_short_burst() {
        let time = Arc::new(Skipping::default());
        let throttle = Throttle::new(Some(1000), time.clone());
        for _ in 0..100 {
            throttle.pass(100, &Silent).expect("pass");
        }
        let spent = time.elapsed();
        assert!(spent >= Duration::from_millis(9700) && spent <= Duration::from_millis(10_000), "{spent:?}");
        throttle.set(None);
        throttle.pass(u64::MAX, &Silent).expect("pass");
        assert_eq!(time.elapsed(), spent);
    }

    #[test]
    fn silence_does_not_save_up_more_than_a_burst() {
        let time = Arc::new(Skipping::default());
        let throttle = Throttle::new(Some(1000), time.clone());
        time.sleep(Duration::from_secs(3600));
        throttle.pass(1000, &Silent).expect("pass");
        assert_eq!(time.elapsed(), Duration::from_millis(3_600_750));
    }
}
