//! Users and the names they have had.

use sqlx::Row as _;

use super::{Connection, Row, failed};
use crate::error::{CatalogError, Result};
use crate::model::{Date, Timestamp, User, UserId};

/// The columns that `user` reads, in its order.
macro_rules! user_columns {
    () => {
        "u.id, u.username, u.home_directory, u.description, b.name, u.last_connected_day, u.created_ms"
    };
}

/// Users with the given rest of the query.
macro_rules! select_users {
    ($tail:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            " FROM users u JOIN buckets b ON b.id = u.bucket_id ",
            $tail
        )
    };
}

/// A user row about to be written.
pub(crate) struct UserDraft<'a> {
    pub(crate) account: i64,
    pub(crate) username: &'a str,
    pub(crate) verifier: &'a str,
    pub(crate) home_directory: &'a str,
    pub(crate) description: &'a str,
    pub(crate) bucket_id: i64,
    pub(crate) created: Timestamp,
}

/// A user by name.
pub(crate) async fn by_name(conn: &mut Connection, account: i64, username: &str) -> Result<Option<User>> {
    let row = sqlx::query(select_users!("WHERE u.username = $1 AND u.account_id = $2"))
        .bind(username)
        .bind(account)
        .fetch_optional(conn)
        .await
        .map_err(failed)?;
    row.map(|row| user(&row)).transpose()
}

/// What a login is checked against. There is always a row, and the user in it is read only after the password
/// was right: names that do not exist cost what those with a wrong password cost.
pub(crate) struct LoginRow(Row);

impl LoginRow {
    /// The stored form of the password, `None` without such a user.
    pub(crate) fn verifier(&self) -> Result<Option<&str>> {
        self.0.try_get(7).map_err(failed)
    }

    /// The user.
    pub(crate) fn user(&self) -> Result<User> {
        user(&self.0)
    }
}

/// The row for a login.
pub(crate) async fn for_login(conn: &mut Connection, account: i64, username: &str) -> Result<LoginRow> {
    sqlx::query(concat!(
        "SELECT ",
        user_columns!(),
        ", u.verifier FROM accounts a LEFT JOIN users u ON u.username = $1 AND u.account_id = a.id \
         LEFT JOIN buckets b ON b.id = u.bucket_id WHERE a.id = $2",
    ))
    .bind(username)
    .bind(account)
    .fetch_one(conn)
    .await
    .map(LoginRow)
    .map_err(failed)
}

/// At most `limit` users after the row `after`, in creation order.
pub(crate) async fn page(conn: &mut Connection, account: i64, after: i64, limit: i64) -> Result<Vec<User>> {
    let rows = sqlx::query(select_users!(
        "WHERE u.account_id = $1 AND u.id > $2 ORDER BY u.id LIMIT $3"
    ))
    .bind(account)
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await
    .map_err(failed)?;
    rows.iter().map(user).collect()
}

/// Takes a name for ever; `false` if it was taken before.
pub(crate) async fn claim_name(conn: &mut Connection, username: &str) -> Result<bool> {
    let done =
        sqlx::query("INSERT INTO used_usernames (username) VALUES ($1) ON CONFLICT (username) DO NOTHING")
            .bind(username)
            .execute(conn)
            .await
            .map_err(failed)?;
    Ok(done.rows_affected() == 1)
}

/// Writes a new user.
pub(crate) async fn insert(conn: &mut Connection, draft: &UserDraft<'_>) -> Result<UserId> {
    sqlx::query_scalar(
        "INSERT INTO users (account_id, username, verifier, home_directory, description, bucket_id, created_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
    )
    .bind(draft.account)
    .bind(draft.username)
    .bind(draft.verifier)
    .bind(draft.home_directory)
    .bind(draft.description)
    .bind(draft.bucket_id)
    .bind(draft.created.0)
    .fetch_one(conn)
    .await
    .map(UserId)
    .map_err(failed)
}

/// Writes the fields of a user that can change.
pub(crate) async fn update(conn: &mut Connection, user: &User, bucket_id: i64) -> Result<()> {
    sqlx::query("UPDATE users SET description = $2, home_directory = $3, bucket_id = $4 WHERE id = $1")
        .bind(user.id.0)
        .bind(&user.description)
        .bind(&user.home_directory)
        .bind(bucket_id)
        .execute(conn)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Deletes a user; `None` if there is none of that name.
pub(crate) async fn delete(conn: &mut Connection, account: i64, username: &str) -> Result<Option<UserId>> {
    let id = sqlx::query_scalar("DELETE FROM users WHERE username = $1 AND account_id = $2 RETURNING id")
        .bind(username)
        .bind(account)
        .fetch_optional(conn)
        .await
        .map_err(failed)?;
    Ok(id.map(UserId))
}

/// Day of the last login: `None` without such a user, `Some(None)` if it never logged in.
pub(crate) async fn last_connected(conn: &mut Connection, user: UserId) -> Result<Option<Option<Date>>> {
    let row = sqlx::query("SELECT last_connected_day FROM users WHERE id = $1")
        .bind(user.0)
        .fetch_optional(conn)
        .await
        .map_err(failed)?;
    row.map(|row| date(row.try_get(0).map_err(failed)?)).transpose()
}

/// Notes the day of a login.
pub(crate) async fn set_last_connected(conn: &mut Connection, user: UserId, day: Date) -> Result<()> {
    sqlx::query("UPDATE users SET last_connected_day = $2 WHERE id = $1")
        .bind(user.0)
        .bind(i64::from(day.days))
        .execute(conn)
        .await
        .map_err(failed)?;
    Ok(())
}

fn user(row: &Row) -> Result<User> {
    Ok(User {
        id: UserId(row.try_get(0).map_err(failed)?),
        username: row.try_get(1).map_err(failed)?,
        home_directory: row.try_get(2).map_err(failed)?,
        description: row.try_get(3).map_err(failed)?,
        bucket: row.try_get(4).map_err(failed)?,
        last_connected: date(row.try_get(5).map_err(failed)?)?,
        created: Timestamp(row.try_get(6).map_err(failed)?),
    })
}

fn date(days: Option<i64>) -> Result<Option<Date>> {
    days.map(i32::try_from)
        .transpose()
        .map(|days| days.map(|days| Date { days }))
        .map_err(|error| CatalogError::Corrupt {
            what: "login day",
            source: Some(error.into()),
        })
}
