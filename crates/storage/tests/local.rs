//! The local store passes the conformance suite, with either resolver.

use std::sync::Arc;

use longshore_storage::{LocalOptions, LocalStore, ResolverChoice, Store};
use tempfile::TempDir;

fn store(resolver: ResolverChoice) -> (Arc<dyn Store>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
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
