//! The one task that writes.
//!
//! SQLite has one writer at a time, and a durable commit costs a flush of the disk. So one task owns the only
//! writing connection and commits whatever waits for it in one transaction. Each job runs in a savepoint: one
//! that fails is undone alone. Nobody gets an answer, and no change is announced, before the COMMIT.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::engine::{self, ConnectPlan, Connection, failed};
use crate::clock::Clock;
use crate::error::{CatalogError, Result};
use crate::limits::{WRITE_BATCH, WRITE_QUEUE};
use crate::model::UserChange;
use crate::sql::invocations;

/// What a job works on.
pub(crate) struct Transaction {
    /// The writing connection, inside the job's savepoint.
    pub(crate) conn: Connection,
    /// Changes to announce once they are committed.
    pub(crate) changes: Vec<UserChange>,
}

/// When old answers are forgotten although nobody writes.
pub(crate) struct Sweep {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) interval: Duration,
}

/// Hands jobs to the writing task.
pub(crate) struct Writer {
    queue: mpsc::Sender<Command>,
}

impl Writer {
    /// Starts the task on a connection that was opened by `plan`.
    pub(crate) fn start(
        plan: ConnectPlan,
        conn: Connection,
        announce: broadcast::Sender<UserChange>,
        sweep: Sweep,
    ) -> Self {
        let (queue, commands) = mpsc::channel(WRITE_QUEUE);
        let tx = Transaction {
            conn,
            changes: Vec::new(),
        };
        let task = Task {
            plan,
            tx,
            broken: false,
            announce,
            sweep,
        };
        tokio::spawn(task.run(commands));
        Self { queue }
    }

    /// Runs `work` in a savepoint of its own; returns after the commit. When the caller goes away
    /// meanwhile, the work is done all the same.
    pub(crate) async fn write<T, W>(&self, work: W) -> Result<T>
    where
        T: Send + 'static,
        W: for<'t> FnOnce(&'t mut Transaction) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Job {
            work: Some(work),
            outcome: None,
            reply,
        };
        self.queue
            .send(Command::Job(Box::new(job)))
            .await
            .map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Finishes what is queued, then closes the connection. Later writes fail.
    pub(crate) async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.queue.send(Command::Close(reply)).await.is_ok() {
            // An error means that the task is gone already, which is what we want.
            let _ = answer.await;
        }
    }
}

enum Command {
    Job(Box<dyn Pending>),
    Close(oneshot::Sender<()>),
}

/// The writing task's own things.
struct Task {
    plan: ConnectPlan,
    tx: Transaction,
    /// The connection is in an unknown state: open another one first.
    broken: bool,
    announce: broadcast::Sender<UserChange>,
    sweep: Sweep,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        let mut sweep = interval_at(Instant::now() + self.sweep.interval, self.sweep.interval);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut commands = Vec::with_capacity(WRITE_BATCH);
        let mut closers = Vec::new();
        loop {
            tokio::select! {
                count = queue.recv_many(&mut commands, WRITE_BATCH) => if count == 0 { break },
                _ = sweep.tick() => self.sweep().await,
            }
            let mut jobs = Vec::with_capacity(commands.len());
            for command in commands.drain(..) {
                match command {
                    Command::Job(job) => jobs.push(job),
                    Command::Close(reply) => closers.push(reply),
                }
            }
            self.commit(jobs).await;
            if !closers.is_empty() {
                // Takes no more jobs; those already queued still come out.
                queue.close();
            }
        }
        engine::close(self.tx.conn).await;
        for reply in closers {
            let _ = reply.send(());
        }
    }

    /// Runs the jobs in one transaction, then answers all of them.
    async fn commit(&mut self, mut jobs: Vec<Box<dyn Pending>>) {
        if jobs.is_empty() {
            return;
        }
        match self.transact(&mut jobs).await {
            Ok(()) => {
                for change in self.tx.changes.drain(..) {
                    // Fails when nobody listens.
                    let _ = self.announce.send(change);
                }
                jobs.into_iter().for_each(Pending::committed);
            }
            Err(error) => {
                tracing::error!(%error, jobs = jobs.len(), "the catalog could not commit");
                self.broken = true;
                self.tx.changes.clear();
                let error = Arc::new(error);
                for job in jobs {
                    job.lost(&error);
                }
            }
        }
    }

    async fn transact(&mut self, jobs: &mut [Box<dyn Pending>]) -> Result<()> {
        if self.broken {
            self.tx.conn = engine::connect(&self.plan).await?;
            self.broken = false;
        }
        self.execute(engine::BEGIN).await?;
        for job in jobs {
            self.execute(engine::SAVEPOINT).await?;
            let announced = self.tx.changes.len();
            if !job.run(&mut self.tx).await {
                self.tx.changes.truncate(announced);
                // Fails if SQLite undid the whole transaction, as it does when the disk is full: then
                // the jobs before this one are undone too, and all of them must hear of it.
                self.execute(engine::ROLLBACK_TO).await?;
            }
            self.execute(engine::RELEASE).await?;
        }
        self.execute(engine::COMMIT).await
    }

    async fn execute(&mut self, statement: &'static str) -> Result<()> {
        sqlx::query(statement)
            .execute(&mut self.tx.conn)
            .await
            .map_err(failed)?;
        Ok(())
    }

    /// Forgets old answers also when nobody writes. Without any, nothing is written to disk.
    async fn sweep(&mut self) {
        if self.broken {
            return;
        }
        if let Err(error) = invocations::sweep(&mut self.tx.conn, self.sweep.clock.now()).await {
            tracing::warn!(%error, "old invocations could not be forgotten; the next write tries again");
        }
    }
}

/// A job of any result type, waiting in the queue or for the commit.
trait Pending: Send {
    /// Runs the work; whether it succeeded.
    fn run<'a>(&'a mut self, tx: &'a mut Transaction) -> BoxFuture<'a, bool>;
    /// The transaction is on stable storage: hand over the outcome.
    fn committed(self: Box<Self>);
    /// The transaction was lost as a whole.
    fn lost(self: Box<Self>, error: &Arc<CatalogError>);
}

struct Job<T, W> {
    work: Option<W>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, W> Pending for Job<T, W>
where
    T: Send,
    W: for<'t> FnOnce(&'t mut Transaction) -> BoxFuture<'t, Result<T>> + Send,
{
    fn run<'a>(&'a mut self, tx: &'a mut Transaction) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let work = self.work.take().expect("a job is run once");
            let outcome = work(tx).await;
            self.outcome.insert(outcome).is_ok()
        })
    }

    fn committed(self: Box<Self>) {
        let outcome = self
            .outcome
            .expect("every job of a committed transaction has run");
        // Fails when the caller went away.
        let _ = self.reply.send(outcome);
    }

    fn lost(self: Box<Self>, error: &Arc<CatalogError>) {
        let outcome = match self.outcome {
            // The database's own words to this job say more.
            Some(Err(own @ (CatalogError::Unavailable(_) | CatalogError::Corrupt { .. }))) => Err(own),
            // A success is none any more, and a refusal may rest on a job that never happened.
            Some(_) | None => Err(CatalogError::Unavailable(Box::new(CommitLost(Arc::clone(error))))),
        };
        let _ = self.reply.send(outcome);
    }
}

/// Several callers hear of one lost transaction.
#[derive(Debug, thiserror::Error)]
#[error("the transaction was lost")]
struct CommitLost(#[source] Arc<CatalogError>);

fn stopped() -> CatalogError {
    CatalogError::Unavailable("the catalog was closed".into())
}
