//! Which account this is, and whether the pepper belongs to it.

use aws_lc_rs::constant_time;

use super::engine::Connection;
use crate::error::{CatalogError, Result};
use crate::model::Timestamp;
use crate::random;
use crate::secrets::Secrets;
use crate::sql::accounts;

/// The installation's account.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) id: i64,
    pub(super) uuid: String,
}

/// Reads the account, or makes it on the first start. The pepper is on stable storage before anything in the
/// database depends on it.
pub(super) async fn load_or_create(
    conn: &mut Connection,
    secrets: &mut Secrets,
    now: Timestamp,
) -> Result<Account> {
    // Stored beside the account: nothing about the pepper can be computed from it.
    let check = secrets.derive("pepper check")?;
    if let Some(stored) = accounts::first(conn).await? {
        let path = || secrets.path().to_owned();
        return match constant_time::verify_slices_are_equal(&stored.pepper_check, check.as_ref()) {
            Ok(()) => Ok(Account {
                id: stored.id,
                uuid: stored.uuid,
            }),
            Err(_) if secrets.on_disk() => Err(CatalogError::PepperMismatch { path: path() }),
            Err(_) => Err(CatalogError::PepperMissing { path: path() }),
        };
    }
    secrets.persist()?;
    let uuid = random::uuid()?;
    let id = accounts::insert(conn, &uuid, check.as_ref(), now).await?;
    Ok(Account { id, uuid })
}
