//! Tests of what only SQLite has: the file, its schema, its pepper, its writer.

mod file;
mod schema;
mod writing;

use std::path::PathBuf;

use tempfile::TempDir;

use super::{NameSource, SqliteCatalog, SqliteOptions};
use crate::clock::ManualClock;
use crate::error::Result;
use crate::model::{CreatedUser, Invocation, NewUser, Timestamp};
use crate::secrets::Secrets;
use crate::store::{BucketStore, UserStore};
use std::sync::Arc;

/// A data directory with a clock.
struct Installation {
    dir: TempDir,
    clock: Arc<ManualClock>,
}

impl Installation {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp(1_795_237_800_000)));
        Self {
            dir: tempfile::tempdir().expect("tempdir"),
            clock,
        }
    }

    fn database(&self) -> PathBuf {
        self.dir.path().join("catalog.db")
    }

    fn options(&self) -> SqliteOptions {
        SqliteOptions {
            clock: self.clock.clone(),
            ..SqliteOptions::default()
        }
    }

    async fn try_open(&self) -> Result<Arc<SqliteCatalog>> {
        SqliteCatalog::open(
            &self.database(),
            Secrets::load_or_create(self.dir.path())?,
            self.options(),
        )
        .await
    }

    async fn open(&self) -> Arc<SqliteCatalog> {
        self.try_open().await.expect("open")
    }

    async fn open_with_names(&self, usernames: NameSource) -> SqliteCatalog {
        let secrets = Secrets::load_or_create(self.dir.path()).expect("secrets");
        SqliteCatalog::open_with_names(&self.database(), secrets, self.options(), usernames)
            .await
            .expect("open")
    }

    /// Names and bytes of all files of the database.
    fn files(&self) -> Vec<(String, Vec<u8>)> {
        let list = std::fs::read_dir(self.dir.path()).expect("list");
        let files = list
            .map(|entry| entry.expect("entry"))
            .filter(|e| e.path().is_file());
        files
            .map(|e| {
                (
                    e.file_name().to_string_lossy().into_owned(),
                    std::fs::read(e.path()).expect("read"),
                )
            })
            .collect()
    }
}

async fn create(catalog: &SqliteCatalog, invocation: Option<Invocation>) -> Result<CreatedUser> {
    let bucket = catalog.default_bucket().await?;
    let (home_directory, description) = ("/alice".to_owned(), "Alice".to_owned());
    let new = NewUser {
        home_directory,
        description,
        bucket,
        password_length: 16,
    };
    catalog.create_user(new, invocation, None).await
}

fn call(id: &str) -> Invocation {
    Invocation {
        caller: None,
        id: id.to_owned(),
        fingerprint: [7; 32],
    }
}
