//! How many file bytes may be on their way over a connection, and how that follows the line.
//!
//! The pace starts with a few mebibytes and doubles while the rate grows with it, so that a long fast line is filled within
//! some round trips; where more in flight only means longer queues, it goes back to twice what the line holds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::limits::{FIRST_IN_FLIGHT, MIN_IN_FLIGHT};

/// The byte budget of one connection, shared by its SFTP channels. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pace {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    free: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Bytes that may be in flight now.
    window: usize,
    max: usize,
    /// Permits to swallow when they come back, since the window has become smaller.
    debt: usize,
    /// Whether somebody had to wait since the round began: only then the window is what limits us.
    waited: bool,
    round_started: Option<Instant>,
    round_bytes: usize,
    /// Bytes per second of the round before.
    last_rate: f64,
    /// The shortest time from request to reply.
    min_rtt: Option<Duration>,
    /// The shortest of the current round.
    round_rtt: Option<Duration>,
    /// Rounds in which the rate did not grow.
    flat_rounds: u32,
}

/// Bytes taken out of the budget; they go back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    pace: Pace,
    bytes: usize,
    since: Instant,
}

impl Pace {
    /// A budget of at most `max` bytes.
    #[must_use]
    pub fn new(max: usize) -> Self {
        let max = max.max(MIN_IN_FLIGHT);
        let window = FIRST_IN_FLIGHT.min(max);
        Self {
            shared: Arc::new(Shared {
                free: Semaphore::new(window),
                state: Mutex::new(State {
                    window,
                    max,
                    debt: 0,
                    waited: false,
                    round_started: None,
                    round_bytes: 0,
                    last_rate: 0.0,
                    min_rtt: None,
                    round_rtt: None,
                    flat_rounds: 0,
                }),
            }),
        }
    }

    /// Waits until `bytes` more may be in flight.
    pub(crate) async fn take(&self, bytes: usize) -> Permit {
        // no request is longer than the smallest window
        let bytes = bytes.min(MIN_IN_FLIGHT);
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let permit = match self.shared.free.try_acquire_many(permits) {
            Ok(permit) => permit,
            Err(_) => {
                self.state().waited = true;
                self.shared
                    .free
                    .acquire_many(permits)
                    .await
                    .expect("the semaphore is never closed")
            }
        };
        permit.forget();
        Permit {
            pace: self.clone(),
            bytes,
            since: Instant::now(),
        }
    }

    /// The shortest time that a request for file bytes took, once there was one.
    #[must_use]
    pub fn round_trip(&self) -> Option<Duration> {
        self.state().min_rtt
    }

    /// Tells a round trip that was measured elsewhere. Before anything has been moved, it says how much to begin with: what
    /// a fast line of that length holds.
    pub(crate) fn observe_round_trip(&self, rtt: Duration) {
        let grown = {
            let mut state = self.state();
            let first = state.min_rtt.is_none();
            state.min_rtt = Some(state.min_rtt.map_or(rtt, |known| known.min(rtt)));
            let holds = usize::try_from(rtt.as_millis())
                .unwrap_or(usize::MAX)
                .saturating_mul(FAST_LINE);
            let target = holds.clamp(state.window, state.max);
            let grown = if first { target - state.window } else { 0 };
            state.window += grown;
            grown
        };
        self.shared.free.add_permits(grown);
    }

    /// Bytes that may be in flight now.
    #[must_use]
    pub fn window(&self) -> usize {
        self.state().window
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, bytes: usize) {
        let swallowed = {
            let mut state = self.state();
            let swallowed = state.debt.min(bytes);
            state.debt -= swallowed;
            swallowed
        };
        self.shared.free.add_permits(bytes - swallowed);
    }

    fn answered(&self, bytes: usize, since: Instant) {
        let grown = self.state().answered(bytes, since, Instant::now());
        if grown > 0 {
            self.shared.free.add_permits(grown);
        }
    }
}

impl Permit {
    /// The reply has come: the rate and the round trip are measured here, and not when the bytes have been used.
    pub(crate) fn answered(&self) {
        self.pace.answered(self.bytes, self.since);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pace.give_back(self.bytes);
    }
}

impl State {
    /// Returns by how much the window grows.
    fn answered(&mut self, bytes: usize, since: Instant, now: Instant) -> usize {
        let rtt = now.saturating_duration_since(since);
        self.min_rtt = Some(self.min_rtt.map_or(rtt, |known| known.min(rtt)));
        self.round_rtt = Some(self.round_rtt.map_or(rtt, |known| known.min(rtt)));
        let started = *self.round_started.get_or_insert(since);
        self.round_bytes += bytes;
        if self.round_bytes < self.window {
            return 0;
        }
        let elapsed = now.saturating_duration_since(started).as_secs_f64().max(1e-6);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let rate = self.round_bytes as f64 / elapsed;
        let grown = self.end_round(rate);
        self.round_started = Some(now);
        self.round_bytes = 0;
        self.round_rtt = None;
        self.waited = false;
        grown
    }

    fn end_round(&mut self, rate: f64) -> usize {
        let faster = rate > self.last_rate * FASTER;
        self.last_rate = rate.max(self.last_rate * FORGET);
        if faster {
            self.flat_rounds = 0;
        } else {
            self.flat_rounds = self.flat_rounds.saturating_add(1);
        }
        // the first flat round may be one that the growth has not reached yet
        let most = self.max.min(self.most_of_use());
        if self.waited && self.flat_rounds <= 1 && self.window < most {
            let target = (self.window * 2).min(most);
            let mut grown = target - self.window;
            self.window = target;
            let settled = grown.min(self.debt);
            self.debt -= settled;
            grown -= settled;
            return grown;
        }
        self.shrink_queue(rate);
        0
    }

    /// What the fastest lines there are hold: near by, more would only be more memory, beyond the processor's caches.
    fn most_of_use(&self) -> usize {
        let Some(rtt) = self.min_rtt else {
            return self.max;
        };
        usize::try_from(rtt.as_micros())
            .unwrap_or(usize::MAX)
            .saturating_mul(FASTEST_LINE)
            .max(FIRST_IN_FLIGHT)
    }

    /// Where replies take several times the line's own round trip, the window stands in a queue somewhere.
    fn shrink_queue(&mut self, rate: f64) {
        let (Some(min), Some(round)) = (self.min_rtt, self.round_rtt) else {
            return;
        };
        if self.flat_rounds < FLAT_ROUNDS || round < min * QUEUED {
            return;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate, clamped"
        )]
        let line = (rate * min.as_secs_f64() * 2.0) as usize;
        let target = line.max(self.window / 2).clamp(MIN_IN_FLIGHT, self.window);
        self.debt += self.window - target;
        self.window = target;
    }
}

/// Bytes per millisecond of a line that is fast.
const FAST_LINE: usize = 200_000;
/// Bytes per microsecond of the fastest line that is reckoned with: 16 Gbit/s.
const FASTEST_LINE: usize = 2_000;
/// A round counts as faster by this factor.
const FASTER: f64 = 1.2;
/// How much of the best rate is remembered a round later: a line that slows down for good may be tried again.
const FORGET: f64 = 0.95;
/// Rounds without gain before the window is made smaller.
const FLAT_ROUNDS: u32 = 4;
/// Replies that take this many round trips of the empty line have stood in a queue.
const QUEUED: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: usize = 256 * 1024;

    /// A line that holds `line_bytes`: rounds on it end after one round trip, or later when the window is longer.
    fn run_rounds(pace: &Pace, line_bytes: usize, rtt: Duration, rounds: usize) {
        let mut now = Instant::now();
        let mut state = pace.state();
        for _ in 0..rounds {
            let window = state.window;
            let full = window.max(line_bytes);
            let took = rtt.mul_f64(full as f64 / line_bytes as f64);
            state.waited = true;
            for _ in 0..window.div_ceil(BLOCK) {
                state.answered(BLOCK, now, now + took);
            }
            now += took;
        }
    }

    #[test]
    fn a_long_line_is_filled_within_some_round_trips() {
        let pace = Pace::new(64 << 20);
        run_rounds(&pace, 64 << 20, Duration::from_millis(50), 8);
        assert!(pace.window() >= 32 << 20, "{}", pace.window());
    }

    #[test]
    fn a_short_line_gets_no_long_queue() {
        let pace = Pace::new(64 << 20);
        run_rounds(&pace, 256 << 10, Duration::from_millis(1), 40);
        assert!(pace.window() <= 8 << 20, "{}", pace.window());
    }

    #[test]
    fn near_by_the_window_stays_what_it_was() {
        let pace = Pace::new(64 << 20);
        run_rounds(&pace, 64 << 20, Duration::from_micros(500), 40);
        assert_eq!(pace.window(), FIRST_IN_FLIGHT);
    }

    fn try_take(pace: &Pace, bytes: usize) -> Option<Permit> {
        futures::FutureExt::now_or_never(pace.take(bytes))
    }

    #[tokio::test]
    async fn the_budget_holds_and_comes_back() {
        let pace = Pace::new(MIN_IN_FLIGHT);
        let all = pace.take(MIN_IN_FLIGHT).await;
        assert!(try_take(&pace, 1).is_none());
        drop(all);
        assert!(try_take(&pace, MIN_IN_FLIGHT).is_some());
    }

    #[tokio::test]
    async fn a_smaller_window_swallows_what_comes_back() {
        let pace = Pace::new(8 << 20);
        let all = [pace.take(MIN_IN_FLIGHT).await, pace.take(MIN_IN_FLIGHT).await];
        {
            let mut state = pace.state();
            state.debt = MIN_IN_FLIGHT;
            state.window -= MIN_IN_FLIGHT;
        }
        drop(all);
        let half = try_take(&pace, MIN_IN_FLIGHT);
        assert!(half.is_some());
        assert!(try_take(&pace, 1).is_none());
    }
}
