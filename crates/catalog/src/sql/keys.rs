//! API keys.

use sqlx::Row as _;

use super::{Connection, Row, failed};
use crate::error::Result;
use crate::model::{ApiKey, ApiKeyId, Timestamp};

/// What `check` needs of a key.
pub(crate) struct StoredKey {
    pub(crate) id: ApiKeyId,
    pub(crate) verifier: String,
    pub(crate) revoked: bool,
}

/// Writes a new key; `None` if the prefix is taken.
pub(crate) async fn insert(
    conn: &mut Connection,
    account: i64,
    prefix: &str,
    verifier: &str,
    name: &str,
    now: Timestamp,
) -> Result<Option<ApiKeyId>> {
    let id = sqlx::query_scalar(
        "INSERT INTO api_keys (account_id, prefix, verifier, name, created_ms) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (prefix) DO NOTHING RETURNING id",
    )
    .bind(account)
    .bind(prefix)
    .bind(verifier)
    .bind(name)
    .bind(now.0)
    .fetch_optional(conn)
    .await
    .map_err(failed)?;
    Ok(id.map(ApiKeyId))
}

/// All keys in creation order.
pub(crate) async fn all(conn: &mut Connection, account: i64) -> Result<Vec<ApiKey>> {
    let rows = sqlx::query(
        "SELECT id, prefix, name, created_ms, revoked_ms FROM api_keys WHERE account_id = $1 ORDER BY id",
    )
    .bind(account)
    .fetch_all(conn)
    .await
    .map_err(failed)?;
    rows.iter().map(key).collect()
}

/// Revokes a key; the time of the first revocation stays. `None` if there is no such key.
pub(crate) async fn revoke(
    conn: &mut Connection,
    account: i64,
    prefix: &str,
    now: Timestamp,
) -> Result<Option<ApiKey>> {
    let row = sqlx::query(
        "UPDATE api_keys SET revoked_ms = COALESCE(revoked_ms, $3) WHERE prefix = $1 AND account_id = $2 \
         RETURNING id, prefix, name, created_ms, revoked_ms",
    )
    .bind(prefix)
    .bind(account)
    .bind(now.0)
    .fetch_optional(conn)
    .await
    .map_err(failed)?;
    row.map(|row| key(&row)).transpose()
}

/// The key behind a prefix.
pub(crate) async fn by_prefix(
    conn: &mut Connection,
    account: i64,
    prefix: &str,
) -> Result<Option<StoredKey>> {
    let row =
        sqlx::query("SELECT id, verifier, revoked_ms FROM api_keys WHERE prefix = $1 AND account_id = $2")
            .bind(prefix)
            .bind(account)
            .fetch_optional(conn)
            .await
            .map_err(failed)?;
    row.map(|row| {
        let revoked: Option<i64> = row.try_get(2)?;
        Ok(StoredKey {
            id: ApiKeyId(row.try_get(0)?),
            verifier: row.try_get(1)?,
            revoked: revoked.is_some(),
        })
    })
    .transpose()
    .map_err(failed)
}

fn key(row: &Row) -> Result<ApiKey> {
    let revoked: Option<i64> = row.try_get(4).map_err(failed)?;
    Ok(ApiKey {
        id: ApiKeyId(row.try_get(0).map_err(failed)?),
        prefix: row.try_get(1).map_err(failed)?,
        name: row.try_get(2).map_err(failed)?,
        created: Timestamp(row.try_get(3).map_err(failed)?),
        revoked: revoked.map(Timestamp),
    })
}
