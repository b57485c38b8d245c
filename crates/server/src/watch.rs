//! Follows the catalog: a deleted user's sessions end at once.

use std::sync::Arc;

use longshore_catalog::{Catalog, UserChange};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::limits::RECHECK_PAUSE;
use crate::log::Causes;
use crate::sessions::{EndReason, Sessions};

/// Follows `changes` until the catalog is gone. The receiver must be older than the first login.
pub(crate) async fn follow(
    mut changes: broadcast::Receiver<UserChange>,
    catalog: Arc<dyn Catalog>,
    sessions: Arc<Sessions>,
) {
    loop {
        match changes.recv().await {
            Ok(UserChange::Deleted(user)) => sessions.end_user(user, EndReason::Deleted),
            // Open sessions keep the root that they were given.
            Ok(UserChange::Remapped(_)) => {}
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "fell behind the changes of users; checking all sessions");
                recheck(&*catalog, &sessions).await;
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Looks up every user who has a session.
async fn recheck(catalog: &dyn Catalog, sessions: &Sessions) {
    for (id, username) in sessions.users() {
        loop {
            match catalog.user(&username).await {
                Ok(Some(user)) if user.id == id => break,
                Ok(_) => {
                    sessions.end_user(id, EndReason::Deleted);
                    break;
                }
                Err(error) => {
                    let cause = Causes(&error);
                    tracing::error!(%cause, "cannot check sessions against the catalog; trying again");
                    tokio::time::sleep(RECHECK_PAUSE).await;
                }
            }
        }
    }
}
