//! What a session is doing just now: for the idle timeout, and for knowing when a draining session may be ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Counts of a session, shared by its channels.
#[derive(Debug)]
pub(crate) struct Activity {
    started: Instant,
    /// Milliseconds from `started` to the last sign of life.
    last: AtomicU64,
    counts: [AtomicUsize; 3],
    changed: Notify,
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Doing {
    /// A request runs or waits for others: the session is not idle.
    Request = 0,
    /// A reply has not left yet.
    Reply = 1,
    /// A file is open.
    File = 2,
}

impl Activity {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            last: AtomicU64::new(0),
            counts: Default::default(),
            changed: Notify::new(),
        }
    }

    /// Notes a sign of life from the client: a request came, or an answer was taken.
    pub(crate) fn touch(&self) {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(millis, Ordering::Relaxed);
    }

    /// Counts one up until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>, doing: Doing) -> Busy {
        self.count(doing).fetch_add(1, Ordering::Relaxed);
        Busy {
            activity: self.clone(),
            doing,
        }
    }

    /// Ends when the session has been idle for `timeout`. Cancel-safe.
    pub(crate) async fn idle(&self, timeout: Duration) {
        loop {
            let running = self.count(Doing::Request).load(Ordering::Relaxed) > 0;
            let last = self.started + Duration::from_millis(self.last.load(Ordering::Relaxed));
            let deadline = if running { Instant::now() } else { last } + timeout;
            if deadline <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }

    /// Ends when nothing is in progress: no request, no reply on its way, no open file. Cancel-safe.
    pub(crate) async fn quiet(&self) {
        loop {
            let changed = self.changed.notified();
            if self.counts.iter().all(|count| count.load(Ordering::Acquire) == 0) {
                return;
            }
            changed.await;
        }
    }

    /// Ends when nothing is in progress and the last sign of life is at least `settle` ago. Cancel-safe.
    pub(crate) async fn settled(&self, settle: Duration) {
        loop {
            self.quiet().await;
            let last = self.started + Duration::from_millis(self.last.load(Ordering::Relaxed));
            // `last` is cut to whole milliseconds; without the one more the time could be short by a part of it.
            let deadline = last + settle + Duration::from_millis(1);
            if deadline <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }

    fn count(&self, doing: Doing) -> &AtomicUsize {
        &self.counts[doing as usize]
    }
}

/// One thing in progress; done when dropped.
#[derive(Debug)]
pub(crate) struct Busy {
    activity: Arc<Activity>,
    doing: Doing,
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.activity.count(self.doing).fetch_sub(1, Ordering::Release) == 1 {
            self.activity.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_running_request_keeps_a_session_alive_and_an_unread_reply_does_not() {
        let activity = Arc::new(Activity::new());
        let request = activity.begin(Doing::Request);
        let reply = activity.begin(Doing::Reply);
        assert!(
            tokio::time::timeout(10 * MINUTE, activity.idle(MINUTE))
                .await
                .is_err()
        );
        drop(request);
        assert!(
            tokio::time::timeout(2 * MINUTE, activity.idle(MINUTE))
                .await
                .is_ok()
        );
        drop(reply);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sign_of_life_restarts_the_idle_time() {
        let activity = Activity::new();
        for _ in 0..5 {
            tokio::time::sleep(MINUTE / 2).await;
            activity.touch();
        }
        let begin = Instant::now();
        activity.idle(MINUTE).await;
        assert_eq!(begin.elapsed(), MINUTE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_settles_some_time_after_its_last_answer() {
        let activity = Arc::new(Activity::new());
        tokio::time::sleep(MINUTE).await;
        let begin = Instant::now();
        activity.settled(MINUTE / 2).await;
        assert_eq!(
            begin.elapsed(),
            Duration::ZERO,
            "nothing happened for long enough"
        );
        activity.touch();
        let file = activity.begin(Doing::File);
        tokio::spawn(async move {
            tokio::time::sleep(MINUTE).await;
            file.activity.touch();
            drop(file);
        });
        activity.settled(MINUTE / 2).await;
        assert!(begin.elapsed() >= MINUTE + MINUTE / 2);
        assert!(begin.elapsed() < 2 * MINUTE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_quiet_once_files_are_closed_and_replies_have_left() {
        let activity = Arc::new(Activity::new());
        let file = activity.begin(Doing::File);
        let reply = activity.begin(Doing::Reply);
        drop(file);
        assert!(tokio::time::timeout(MINUTE, activity.quiet()).await.is_err());
        let waiting = tokio::spawn({
            let activity = activity.clone();
            async move { activity.quiet().await }
        });
        tokio::task::yield_now().await;
        drop(reply);
        tokio::time::timeout(MINUTE, waiting)
            .await
            .expect("wakes")
            .expect("no panic");
    }
}
