//! Buckets.

use super::{Connection, failed};
use crate::error::Result;
use crate::model::Timestamp;

/// Row id of a bucket of the account.
pub(crate) async fn id_of(conn: &mut Connection, account: i64, name: &str) -> Result<Option<i64>> {
    sqlx::query_scalar("SELECT id FROM buckets WHERE account_id = $1 AND name = $2")
        .bind(account)
        .bind(name)
        .fetch_optional(conn)
        .await
        .map_err(failed)
}

/// Makes a bucket if there is none of that name.
pub(crate) async fn ensure(conn: &mut Connection, account: i64, name: &str, now: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO buckets (account_id, name, created_ms) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
    )
    .bind(account)
    .bind(name)
    .bind(now.0)
    .execute(conn)
    .await
    .map_err(failed)?;
    Ok(())
}
