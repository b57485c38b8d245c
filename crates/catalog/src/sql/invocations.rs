//! Answers kept for the replay window.

use sqlx::Row as _;

use super::{Connection, Row, failed};
use crate::error::{CatalogError, Result};
use crate::limits::REPLAY_WINDOW;
use crate::model::{Invocation, Timestamp, User, UserId};

/// The answer of an earlier call.
pub(crate) enum Answer {
    /// A user was made; the password is sealed for `context`.
    Created { user: User, sealed_password: Vec<u8> },
    /// A user was deleted.
    Deleted,
}

/// Forgets the answers that left the window. Runs before every look at the table, so that what `find` finds is
/// young enough. Answers from the future (the clock was set back) leave it as well.
pub(crate) async fn sweep(conn: &mut Connection, now: Timestamp) -> Result<()> {
    let window = i64::try_from(REPLAY_WINDOW.as_millis()).unwrap_or(i64::MAX);
    sqlx::query("DELETE FROM invocations WHERE created_ms <= $1 OR created_ms >= $2")
        .bind(now.0.saturating_sub(window))
        .bind(now.0.saturating_add(window))
        .execute(conn)
        .await
        .map_err(failed)?;
    Ok(())
}

/// The answer to an earlier call with the same id.
///
/// # Errors
/// `InvocationConflict` if that was another request.
pub(crate) async fn find(conn: &mut Connection, invocation: &Invocation) -> Result<Option<Answer>> {
    let row = sqlx::query(
        "SELECT fingerprint, operation, user_id, username, home_directory, description, bucket, created_ms, \
         sealed_password FROM invocations WHERE caller = $1 AND id = $2",
    )
    .bind(caller(invocation))
    .bind(&invocation.id)
    .fetch_optional(conn)
    .await
    .map_err(failed)?;
    let Some(row) = row else { return Ok(None) };
    let fingerprint: Vec<u8> = row.try_get(0).map_err(failed)?;
    if fingerprint != invocation.fingerprint {
        return Err(CatalogError::InvocationConflict);
    }
    answer(&row).map(Some)
}

/// Keeps an answer.
pub(crate) async fn insert(
    conn: &mut Connection,
    invocation: &Invocation,
    answer: &Answer,
    now: Timestamp,
) -> Result<()> {
    let (operation, user, sealed) = match answer {
        Answer::Created {
            user,
            sealed_password,
        } => ("create_user", Some(user), Some(sealed_password)),
        Answer::Deleted => ("delete_user", None, None),
    };
    sqlx::query(
        "INSERT INTO invocations (caller, id, operation, fingerprint, created_ms, user_id, username, \
         home_directory, description, bucket, sealed_password) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(caller(invocation))
    .bind(&invocation.id)
    .bind(operation)
    .bind(invocation.fingerprint.as_slice())
    .bind(now.0)
    .bind(user.map(|u| u.id.0))
    .bind(user.map(|u| &u.username))
    .bind(user.map(|u| &u.home_directory))
    .bind(user.map(|u| &u.description))
    .bind(user.map(|u| &u.bucket))
    .bind(sealed)
    .execute(conn)
    .await
    .map_err(failed)?;
    Ok(())
}

/// What a sealed password is bound to: caller and id of the call.
pub(crate) fn context(invocation: &Invocation) -> Vec<u8> {
    let mut context = caller(invocation).to_be_bytes().to_vec();
    context.extend_from_slice(invocation.id.as_bytes());
    context
}

/// Keys count from 1, so 0 is free for the admin socket.
fn caller(invocation: &Invocation) -> i64 {
    invocation.caller.map_or(0, |key| key.0)
}

fn answer(row: &Row) -> Result<Answer> {
    let operation: &str = row.try_get(1).map_err(failed)?;
    match operation {
        "create_user" => Ok(Answer::Created {
            user: User {
                id: UserId(row.try_get(2).map_err(failed)?),
                username: row.try_get(3).map_err(failed)?,
                home_directory: row.try_get(4).map_err(failed)?,
                description: row.try_get(5).map_err(failed)?,
                bucket: row.try_get(6).map_err(failed)?,
                last_connected: None,
                created: Timestamp(row.try_get(7).map_err(failed)?),
            },
            sealed_password: row.try_get(8).map_err(failed)?,
        }),
        "delete_user" => Ok(Answer::Deleted),
        _ => Err(CatalogError::Corrupt {
            what: "invocation",
            source: None,
        }),
    }
}
