//! The account that owns everything.

use sqlx::Row as _;

use super::{Connection, failed};
use crate::error::Result;
use crate::model::Timestamp;

/// The account as it is stored.
pub(crate) struct StoredAccount {
    pub(crate) id: i64,
    pub(crate) uuid: String,
    pub(crate) pepper_check: Vec<u8>,
}

/// The installation's account, `None` before the first start.
pub(crate) async fn first(conn: &mut Connection) -> Result<Option<StoredAccount>> {
    let row = sqlx::query("SELECT id, uuid, pepper_check FROM accounts ORDER BY id LIMIT 1")
        .fetch_optional(conn)
        .await
        .map_err(failed)?;
    row.map(|row| {
        Ok(StoredAccount {
            id: row.try_get(0)?,
            uuid: row.try_get(1)?,
            pepper_check: row.try_get(2)?,
        })
    })
    .transpose()
    .map_err(failed)
}

/// Makes the account.
pub(crate) async fn insert(conn: &mut Connection, uuid: &str, check: &[u8], now: Timestamp) -> Result<i64> {
    sqlx::query_scalar(
        "INSERT INTO accounts (uuid, pepper_check, created_ms) VALUES ($1, $2, $3) RETURNING id",
    )
    .bind(uuid)
    .bind(check)
    .bind(now.0)
    .fetch_one(conn)
    .await
    .map_err(failed)
}

/// Counts one user more, unless that makes more than `max`: then `false`.
///
/// In PostgreSQL this also lines up concurrent creates of one account, so that ids become visible in order.
pub(crate) async fn count_up(conn: &mut Connection, account: i64, max: i64) -> Result<bool> {
    let done =
        sqlx::query("UPDATE accounts SET user_count = user_count + 1 WHERE id = $1 AND user_count < $2")
            .bind(account)
            .bind(max)
            .execute(conn)
            .await
            .map_err(failed)?;
    Ok(done.rows_affected() == 1)
}

/// Counts one user less.
pub(crate) async fn count_down(conn: &mut Connection, account: i64) -> Result<()> {
    sqlx::query("UPDATE accounts SET user_count = user_count - 1 WHERE id = $1")
        .bind(account)
        .execute(conn)
        .await
        .map_err(failed)?;
    Ok(())
}
