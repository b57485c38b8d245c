//! The conformance suite on SQLite.

use std::path::PathBuf;
use std::sync::Arc;

use longshore_catalog::suite::Fixture;
use longshore_catalog::{ManualClock, Secrets, SqliteCatalog, SqliteOptions, Timestamp};
use tempfile::TempDir;

/// A data directory with a clock.
struct Installation {
    dir: TempDir,
    clock: Arc<ManualClock>,
}

impl Installation {
    fn database(&self) -> PathBuf {
        self.dir.path().join("catalog.db")
    }
}

#[async_trait::async_trait]
impl Fixture for Installation {
    type Store = SqliteCatalog;

    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1_795_237_800_000)));
        Self {
            dir: tempfile::tempdir().expect("tempdir"),
            clock,
        }
    }

    async fn open(&self) -> Arc<SqliteCatalog> {
        let secrets = Secrets::load_or_create(self.dir.path()).expect("secrets");
        let options = SqliteOptions {
            clock: self.clock.clone(),
            ..SqliteOptions::default()
        };
        SqliteCatalog::open(&self.database(), secrets, options)
            .await
            .expect("open")
    }

    async fn close(&self, store: Arc<SqliteCatalog>) {
        store.close().await;
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }
}

longshore_catalog::catalog_suite!(Installation);
