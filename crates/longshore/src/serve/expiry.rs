//! Throwing away what partners left unfinished for too long.

use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use longshore_storage::Store;

/// How often the store is asked: an upload that waited for days may wait for some minutes more.
const EVERY: Duration = Duration::from_secs(600);

/// Ends parked uploads whose time has come, until the store has gone. The store logs each of them.
pub(super) async fn watch(store: Weak<dyn Store>) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        let Some(store) = store.upgrade() else { return };
        if let Err(error) = expire(&store).await {
            tracing::warn!(%error, "expired uploads stay until the next try");
        }
    }
}

async fn expire(store: &Arc<dyn Store>) -> longshore_storage::Result<()> {
    store.expire_uploads(SystemTime::now()).await.map(drop)
}
