//! The catalog in one SQLite file.

mod account;
mod buckets;
pub(crate) mod engine;
mod keys;
#[path = "uploads.rs"]
mod upload_records;
mod users;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Sqlite;
use sqlx::pool::PoolConnection;
use tokio::sync::broadcast;

use self::account::Account;
use self::writer::{Sweep, Writer};
use crate::clock::{Clock, SystemClock};
use crate::error::Result;
use crate::limits::{CHANGE_BACKLOG, READERS, SWEEP_INTERVAL, USERNAME_LEN};
use crate::model::UserChange;
use crate::page_token::PageTokens;
use crate::random;
use crate::sealer::Sealer;
use crate::secrets::Secrets;
use crate::sql::{invocations, uploads};
use crate::store::Catalog;
use crate::verifier::Verifiers;

/// How a [`SqliteCatalog`] is run.
#[derive(Clone)]
pub struct SqliteOptions {
    /// Reading connections at most.
    pub readers: u32,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// How often answers past the replay window are deleted while nothing else is written.
    pub sweep_interval: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            readers: READERS,
            clock: Arc::new(SystemClock),
            sweep_interval: SWEEP_INTERVAL,
        }
    }
}

/// The catalog in one SQLite file with a write-ahead log beside it.
///
/// A write is on stable storage when its call returns; writes that wait together are committed together. Reads
/// see every write that was answered before they began. When a call is cancelled, its write may still happen.
///
/// Two processes must not open one file this way: the lock on the data directory keeps them apart.
pub struct SqliteCatalog {
    account: Account,
    readers: engine::Pool,
    writer: Writer,
    changes: broadcast::Sender<UserChange>,
    verifiers: Verifiers,
    sealer: Sealer,
    pages: PageTokens,
    upload_pages: PageTokens,
    clock: Arc<dyn Clock>,
    /// Draws user names; only tests draw others.
    usernames: NameSource,
}

type NameSource = Arc<dyn Fn() -> Result<String> + Send + Sync>;

impl SqliteCatalog {
    /// Opens the database at `path`, making it if there is none, and brings its schema up to date. On the
    /// first start the account gets its id and a new pepper is written.
    ///
    /// # Errors
    /// `PepperMissing` and `PepperMismatch` when the database was made with another pepper than `secrets`;
    /// `SchemaTooNew`; `Corrupt` when the file is no database; `File`; `Unavailable`.
    pub async fn open(path: &Path, secrets: Secrets, options: SqliteOptions) -> Result<Arc<Self>> {
        let usernames = Arc::new(|| random::text(random::UPPER_DIGITS, USERNAME_LEN));
        Self::open_with_names(path, secrets, options, usernames)
            .await
            .map(Arc::new)
    }

    async fn open_with_names(
        path: &Path,
        mut secrets: Secrets,
        options: SqliteOptions,
        usernames: NameSource,
    ) -> Result<Self> {
        let SqliteOptions {
            readers,
            clock,
            sweep_interval,
        } = options;
        engine::create_file(path)?;
        let plan = engine::writing(path);
        let mut conn = engine::connect(&plan).await?;
        engine::migrate(&mut conn, path).await?;
        let account = account::load_or_create(&mut conn, &mut secrets, clock.now()).await?;
        invocations::sweep(&mut conn, clock.now()).await?;
        uploads::give_up_digests(&mut conn).await?;
        let (changes, _) = broadcast::channel(CHANGE_BACKLOG);
        Ok(Self {
            readers: engine::readers(path, readers).await?,
            writer: Writer::start(
                plan,
                conn,
                changes.clone(),
                Sweep {
                    clock: Arc::clone(&clock),
                    interval: sweep_interval,
                },
            ),
            changes,
            verifiers: Verifiers::new(&secrets)?,
            sealer: Sealer::new(&secrets)?,
            pages: PageTokens::new(&secrets, &account.uuid, "users")?,
            upload_pages: PageTokens::new(&secrets, &account.uuid, "uploads")?,
            clock,
            account,
            usernames,
        })
    }

    /// The account's id: a UUID in lower case, made at the first start.
    #[must_use]
    pub fn account_id(&self) -> &str {
        &self.account.uuid
    }

    /// Finishes the writes that are queued and closes the database. Later calls fail with `Unavailable`.
    /// Without it nothing is lost either; only the next start reads the log.
    pub async fn close(&self) {
        // Readers first: the last connection folds the log into the file, and readers cannot.
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn reader(&self) -> Result<PoolConnection<Sqlite>> {
        self.readers.acquire().await.map_err(engine::failed)
    }
}

impl Catalog for SqliteCatalog {
    fn changes(&self) -> broadcast::Receiver<UserChange> {
        self.changes.subscribe()
    }
}

#[cfg(test)]
mod tests;
