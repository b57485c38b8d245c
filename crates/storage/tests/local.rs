//! The local store passes the conformance suite, with either resolver, on a disk and in memory.

use std::path::Path;
use std::sync::Arc;

use longshore_storage::{LocalOptions, LocalStore, ResolverChoice, Store};
use tempfile::TempDir;

fn store(resolver: ResolverChoice) -> (Arc<dyn Store>, TempDir) {
    store_in(tempfile::tempdir().unwrap(), resolver)
}

fn store_in(dir: TempDir, resolver: ResolverChoice) -> (Arc<dyn Store>, TempDir) {
    let options = LocalOptions {
        resolver,
        ..LocalOptions::default()
    };
    let store = LocalStore::open(&dir.path().join("buckets"), options).unwrap();
    (store, dir)
}

mod openat2 {
    use super::*;
    longshore_storage::storage_suite!(|| store(ResolverChoice::OpenAt2));
}

mod fallback {
    use super::*;
    longshore_storage::storage_suite!(|| store(ResolverChoice::Fallback));
}

/// Where small uploads take other ways.
mod memory {
    use super::*;
    longshore_storage::storage_suite!(|| {
        let dir = tempfile::tempdir_in(Path::new("/dev/shm")).unwrap();
        store_in(dir, ResolverChoice::OpenAt2)
    });
}
