//! Which sessions are open: how many a user has, and how to end them from elsewhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use longshore_catalog::UserId;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use crate::activity::Activity;
use crate::budget::{SessionBudget, TotalBudget};
use crate::handles::Places;
use crate::limits::{HEAVY_WORK_PER_SESSION, HEAVY_WORK_PER_USER, ServerConfig};
use crate::records::Records;
use crate::verdict::OnShort;

/// Why a session was ended by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// The user was deleted: unfinished uploads go with it.
    Deleted,
    /// Nothing happened for too long.
    Idle,
    /// The server is shutting down.
    Shutdown,
    /// A task of the session panicked.
    Defect,
}

/// Why a login with good credentials gets no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The user has as many sessions as allowed.
    TooMany {
        /// How many that is.
        limit: usize,
    },
    /// No new sessions are taken.
    ShuttingDown,
}

/// What all parts of one session share.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) user: UserId,
    pub(crate) username: Arc<str>,
    pub(crate) connection_id: u64,
    /// What becomes of uploads that lack announced bytes.
    pub(crate) on_short: OnShort,
    /// Where its uploads are put on record; nowhere for `sftp-server`.
    records: OnceLock<Records>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) reply_bytes: SessionBudget,
    pub(crate) handles: Places,
    heavy: Semaphore,
    /// Of all sessions of the user.
    heavy_of_user: Arc<Semaphore>,
    reason: OnceLock<EndReason>,
    ended: CancellationToken,
}

impl Session {
    /// A session that nobody counts or ends: the only one of its process.
    pub(crate) fn alone(username: &str, config: &ServerConfig) -> Self {
        let replies = TotalBudget::new(config.reply_bytes_total);
        let heavy = Arc::new(Semaphore::new(HEAVY_WORK_PER_USER));
        Self::new(UserId(0), username, 0, config, replies, heavy)
    }

    fn new(
        user: UserId,
        username: &str,
        connection_id: u64,
        config: &ServerConfig,
        replies: TotalBudget,
        heavy_of_user: Arc<Semaphore>,
    ) -> Self {
        Self {
            user,
            username: username.into(),
            connection_id,
            on_short: config.on_short,
            records: OnceLock::new(),
            activity: Arc::new(Activity::new()),
            reply_bytes: SessionBudget::new(config.reply_bytes_per_session, replies),
            handles: Places::new(config.handles_per_session),
            heavy: Semaphore::new(HEAVY_WORK_PER_SESSION),
            heavy_of_user,
            reason: OnceLock::new(),
            ended: CancellationToken::new(),
        }
    }

    /// Waits for a turn at work that reads whole files: hashing and copying. Cancel-safe.
    pub(crate) async fn heavy_work(&self) -> HeavyWork<'_> {
        let turn = self.heavy.acquire().await;
        HeavyWork {
            // Only with a turn in the session: those who wait for that keep nobody else of the user waiting.
            _turn: turn.expect("the semaphore is never closed"),
            _of_user: self.heavy_of_user.acquire().await.expect("nor is this one"),
        }
    }

    /// From now on its uploads are put on record.
    pub(crate) fn keep_records(&self, records: Records) {
        // Set once, before the first channel.
        let _ = self.records.set(records);
    }

    /// Where its uploads are put on record.
    pub(crate) fn records(&self) -> Option<&Records> {
        self.records.get()
    }

    /// Ends the session; the first reason counts.
    pub(crate) fn end(&self, reason: EndReason) {
        let _ = self.reason.set(reason);
        self.ended.cancel();
    }

    /// Ends when [`Self::end`] was called. Cancel-safe.
    pub(crate) async fn ended(&self) -> EndReason {
        self.ended.cancelled().await;
        self.end_reason().unwrap_or(EndReason::Shutdown)
    }

    /// Why the session was ended, if it was.
    pub(crate) fn end_reason(&self) -> Option<EndReason> {
        self.reason.get().copied()
    }
}

/// A turn at heavy work, given back on drop.
#[derive(Debug)]
pub(crate) struct HeavyWork<'s> {
    _turn: SemaphorePermit<'s>,
    _of_user: SemaphorePermit<'s>,
}

/// All open sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    open: Mutex<Open>,
    /// Woken whenever a session has gone.
    gone: Notify,
    replies: TotalBudget,
    config: ServerConfig,
}

#[derive(Debug, Default)]
struct Open {
    by_user: HashMap<UserId, Vec<Arc<Session>>>,
    count: usize,
    closed: bool,
}

impl Sessions {
    pub(crate) fn new(config: ServerConfig) -> Self {
        Self {
            open: Mutex::default(),
            gone: Notify::new(),
            replies: TotalBudget::new(config.reply_bytes_total),
            config,
        }
    }

    /// Adds a session of `user`. From now on [`Self::end_user`] finds it.
    ///
    /// # Errors
    /// [`Refusal`] when it is one too many, or after [`Self::close`].
    pub(crate) fn register(
        self: &Arc<Self>,
        user: UserId,
        username: &str,
        connection_id: u64,
    ) -> Result<Registration, Refusal> {
        let mut open = self.lock();
        if open.closed {
            return Err(Refusal::ShuttingDown);
        }
        let limit = self.config.sessions_per_user;
        if open.by_user.get(&user).is_some_and(|own| own.len() >= limit) {
            return Err(Refusal::TooMany { limit });
        }
        let own = open.by_user.get(&user).and_then(|own| own.first());
        let heavy = own.map_or_else(
            || Arc::new(Semaphore::new(HEAVY_WORK_PER_USER)),
            |own| own.heavy_of_user.clone(),
        );
        let session = Arc::new(Session::new(
            user,
            username,
            connection_id,
            &self.config,
            self.replies.clone(),
            heavy,
        ));
        open.by_user.entry(user).or_default().push(session.clone());
        open.count += 1;
        Ok(Registration {
            session,
            sessions: self.clone(),
        })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().count
    }

    /// Users that have sessions, by id and name.
    pub(crate) fn users(&self) -> Vec<(UserId, Arc<str>)> {
        let open = self.lock();
        open.by_user
            .values()
            .filter_map(|own| own.first())
            .map(|s| (s.user, s.username.clone()))
            .collect()
    }

    /// Ends all sessions of `user`.
    pub(crate) fn end_user(&self, user: UserId, reason: EndReason) {
        for session in self.lock().by_user.get(&user).into_iter().flatten() {
            session.end(reason);
        }
    }

    /// Ends all sessions.
    pub(crate) fn end_all(&self, reason: EndReason) {
        for session in self.lock().by_user.values().flatten() {
            session.end(reason);
        }
    }

    /// Takes no further sessions.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Ends when no session is left. Cancel-safe.
    pub(crate) async fn empty(&self) {
        loop {
            let gone = self.gone.notified();
            if self.count() == 0 {
                return;
            }
            gone.await;
        }
    }

    fn remove(&self, session: &Arc<Session>) {
        let mut open = self.lock();
        if let Some(own) = open.by_user.get_mut(&session.user) {
            own.retain(|other| !Arc::ptr_eq(other, session));
            if own.is_empty() {
                open.by_user.remove(&session.user);
            }
        }
        open.count -= 1;
        drop(open);
        self.gone.notify_waiters();
    }

    /// Nothing that holds the lock can leave the table half changed.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place among the open ones; given up on drop.
#[derive(Debug)]
pub(crate) struct Registration {
    session: Arc<Session>,
    sessions: Arc<Sessions>,
}

impl Registration {
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.sessions.remove(&self.session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(limit: usize) -> Arc<Sessions> {
        Arc::new(Sessions::new(ServerConfig {
            sessions_per_user: limit,
            ..ServerConfig::default()
        }))
    }

    #[test]
    fn the_cap_counts_open_sessions_of_one_user() {
        let sessions = sessions(2);
        let first = sessions.register(UserId(1), "A", 1).expect("first");
        let _second = sessions.register(UserId(1), "A", 2).expect("second");
        assert_eq!(
            sessions.register(UserId(1), "A", 3).err(),
            Some(Refusal::TooMany { limit: 2 })
        );
        let _other = sessions.register(UserId(2), "B", 4).expect("another user");
        drop(first);
        let _third = sessions
            .register(UserId(1), "A", 5)
            .expect("a place is free again");
        assert_eq!(sessions.count(), 3);
    }

    #[tokio::test]
    async fn the_sessions_of_a_user_share_the_turns_at_heavy_work() {
        let sessions = sessions(10);
        let own: Vec<_> = (0..5)
            .map(|number| sessions.register(UserId(1), "A", number).expect("registers"))
            .collect();
        let mut held = Vec::new();
        for registration in &own[..4] {
            held.push(registration.session().heavy_work().await);
        }
        let fifth = own[4].session().heavy_work();
        tokio::pin!(fifth);
        assert!(futures::poll!(&mut fifth).is_pending());
        let other = sessions.register(UserId(2), "B", 9).expect("another user");
        assert!(futures::poll!(std::pin::pin!(other.session().heavy_work())).is_ready());
        held.pop();
        fifth.await;
    }

    #[tokio::test]
    async fn ending_a_user_leaves_the_others_open() {
        let sessions = sessions(2);
        let gone = sessions.register(UserId(1), "A", 1).expect("registers");
        let stays = sessions.register(UserId(2), "B", 2).expect("registers");
        sessions.end_user(UserId(1), EndReason::Deleted);
        assert_eq!(gone.session().ended().await, EndReason::Deleted);
        assert_eq!(stays.session().end_reason(), None);
        gone.session().end(EndReason::Shutdown);
        assert_eq!(gone.session().end_reason(), Some(EndReason::Deleted));
    }

    #[tokio::test]
    async fn closed_means_no_new_session_and_empty_waits_for_the_last() {
        let sessions = sessions(2);
        let last = sessions.register(UserId(1), "A", 1).expect("registers");
        sessions.close();
        assert_eq!(
            sessions.register(UserId(2), "B", 2).err(),
            Some(Refusal::ShuttingDown)
        );
        let waiting = tokio::spawn({
            let sessions = sessions.clone();
            async move { sessions.empty().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(last);
        waiting.await.expect("ends");
    }
}
