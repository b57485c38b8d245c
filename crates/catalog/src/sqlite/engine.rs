//! What only SQLite understands: how connections are set up, how its errors read, the schema's migrations.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt, TryFutureExt};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection as _};

use crate::error::{CatalogError, Result};
use crate::limits::{BUSY_TIMEOUT, READER_WAIT};
use crate::secrets::{failed as file_failed, sync_dir};

/// This engine.
pub(crate) type Database = sqlx::Sqlite;
/// A connection of this engine.
pub(crate) type Connection = SqliteConnection;
/// A row of this engine.
pub(crate) type Row = SqliteRow;
/// Reading connections of this engine.
pub(crate) type Pool = SqlitePool;
/// How to connect again.
pub(crate) type ConnectPlan = SqliteConnectOptions;

/// The schema, a step each.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// Statements that frame the writer's work.
pub(crate) const BEGIN: &str = "BEGIN IMMEDIATE";
pub(crate) const COMMIT: &str = "COMMIT";
pub(crate) const SAVEPOINT: &str = "SAVEPOINT job";
pub(crate) const RELEASE: &str = "RELEASE job";
pub(crate) const ROLLBACK_TO: &str = "ROLLBACK TO job";

/// Makes an empty database file that only its owner may read; SQLite gives its log the same mode.
pub(crate) fn create_file(path: &Path) -> Result<()> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(_) => match path.parent() {
            Some(dir) if !dir.as_os_str().is_empty() => sync_dir(dir),
            _ => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(file_failed("create", path)(error)),
    }
}

/// How the writer connects.
pub(crate) fn writing(path: &Path) -> ConnectPlan {
    common(path)
        .journal_mode(SqliteJournalMode::Wal)
        // NORMAL would lose acknowledged commits when the power goes.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // What is deleted (verifiers, sealed passwords) is overwritten in the file.
        .pragma("secure_delete", "ON")
        // After a burst the log shrinks again.
        .pragma("journal_size_limit", "16777216")
        .thread_name(|_| "catalog-writer".to_owned())
}

/// A pool of connections that cannot write.
pub(crate) async fn readers(path: &Path, max: u32) -> Result<Pool> {
    let plan = common(path)
        .read_only(true)
        .thread_name(|id| format!("catalog-read-{id}"));
    SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(max)
        .acquire_timeout(READER_WAIT)
        .max_lifetime(None)
        .idle_timeout(Duration::from_secs(300))
        // A file does not hang up, and the question would double the cost of a read.
        .test_before_acquire(false)
        .connect_with(plan)
        .await
        .map_err(failed)
}

fn common(path: &Path) -> ConnectPlan {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(64)
        .disable_statement_logging()
}

/// Opens a connection. Boxed, because the compiler cannot prove the futures of callers `Send` when this body
/// is part of them.
pub(crate) fn connect(plan: &ConnectPlan) -> BoxFuture<'_, Result<Connection>> {
    plan.connect().map_err(failed).boxed()
}

/// Closes a connection; the last one to close also folds the log into the file.
pub(crate) async fn close(conn: Connection) {
    if let Err(error) = conn.close().await {
        tracing::warn!(%error, "the catalog's database did not close cleanly; its log is read at the next start");
    }
}

/// Brings the schema up to date.
///
/// # Errors
/// `SchemaTooNew`; `Corrupt` when a step that ran once reads differently now.
pub(crate) async fn migrate(conn: &mut Connection, path: &Path) -> Result<()> {
    // `run` on a connection makes a future that the compiler cannot prove `Send`; this is what it calls.
    match MIGRATIONS.run_direct(None, conn, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(_)) => {
            let found = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
                .fetch_one(conn)
                .await
                .map_err(failed)?;
            let known = MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0);
            Err(CatalogError::SchemaTooNew {
                path: path.to_owned(),
                found,
                known,
            })
        }
        Err(error @ MigrateError::VersionMismatch(_)) => Err(CatalogError::Corrupt {
            what: "database schema",
            source: Some(error.into()),
        }),
        Err(MigrateError::Execute(error)) => Err(failed(error)),
        Err(error) => Err(CatalogError::Unavailable(error.into())),
    }
}

/// The catalog's error for one of the database.
pub(crate) fn failed(error: sqlx::Error) -> CatalogError {
    let what = match &error {
        sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::Decode(_) => Some("row"),
        sqlx::Error::Database(database) => {
            // The low byte is the primary code; the rest refines it.
            let code = database
                .code()
                .and_then(|code| code.parse::<i32>().ok())
                .unwrap_or(0)
                & 0xff;
            matches!(code, SQLITE_CORRUPT | SQLITE_NOTADB).then_some("database file")
        }
        _ => None,
    };
    match what {
        Some(what) => CatalogError::Corrupt {
            what,
            source: Some(error.into()),
        },
        None => CatalogError::Unavailable(error.into()),
    }
}

const SQLITE_CORRUPT: i32 = 11;
const SQLITE_NOTADB: i32 = 26;
