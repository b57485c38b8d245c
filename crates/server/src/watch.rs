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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use longshore_catalog::{
        BucketStore as _, NewUser, Secrets, SqliteCatalog, SqliteOptions, User, UserStore as _,
    };

    use super::*;
    use crate::ServerConfig;

    async fn user(catalog: &SqliteCatalog) -> User {
        let new = NewUser {
            home_directory: "/alice".to_owned(),
            description: String::new(),
            bucket: catalog.default_bucket().await.unwrap(),
            password_length: 16,
        };
        catalog.create_user(new, None, None).await.unwrap().user
    }

    #[tokio::test]
    async fn falling_behind_the_changes_misses_no_deletion() {
        let dir = tempfile::tempdir().unwrap();
        let secrets = Secrets::load_or_create(dir.path()).unwrap();
        let database = dir.path().join("catalog.db");
        let catalog = SqliteCatalog::open(&database, secrets, SqliteOptions::default())
            .await
            .unwrap();
        let (gone, stays) = (user(&catalog).await, user(&catalog).await);
        let sessions = Arc::new(Sessions::new(ServerConfig::default()));
        let ended = sessions.register(gone.id, &gone.username, 1).unwrap();
        let open = sessions.register(stays.id, &stays.username, 2).unwrap();
        catalog.delete_user(&gone.username, None).await.unwrap();
        // The news of the deletion is pushed out by others before it is read.
        let (send, changes) = broadcast::channel(1);
        send.send(UserChange::Deleted(gone.id)).unwrap();
        send.send(UserChange::Remapped(stays.id)).unwrap();
        send.send(UserChange::Remapped(stays.id)).unwrap();
        drop(send);
        let following = follow(changes, catalog, sessions.clone());
        tokio::time::timeout(Duration::from_secs(60), following)
            .await
            .unwrap();
        assert_eq!(ended.session().end_reason(), Some(EndReason::Deleted));
        assert_eq!(open.session().end_reason(), None);
    }
}
