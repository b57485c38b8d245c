//! Records of uploads.

use sqlx::{QueryBuilder, Row as _};

use super::{Connection, Database, Row, failed};
use crate::error::{CatalogError, Result};
use crate::model::{Timestamp, UserId};
use crate::uploads::{RecordedUpload, UploadDigest, UploadKey, UploadRecord};

/// Records with their last new name, and the given rest of the query.
macro_rules! select_uploads {
    ($tail:literal) => {
        concat!(
            "SELECT u.seq, u.id, u.user_id, u.username, u.bucket, u.path, u.size, u.sha256, u.digest, u.verdict, \
             u.evidence, u.began_ms, u.finished_ms, u.client, u.peer, u.session, e.path, e.at_ms \
             FROM uploads u LEFT JOIN upload_events e ON e.seq = \
             (SELECT MAX(seq) FROM upload_events WHERE upload_id = u.id) ",
            $tail
        )
    };
}

/// Adds records; those that are there already stay as they are.
pub(crate) async fn insert(conn: &mut Connection, account: i64, records: &[UploadRecord]) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let mut query = QueryBuilder::<Database>::new(
        "INSERT INTO uploads (account_id, id, user_id, username, bucket, path, size, sha256, digest, verdict, \
         evidence, began_ms, finished_ms, client, peer, session) ",
    );
    query.push_values(records, |mut row, record| {
        let (sha256, digest) = match &record.digest {
            UploadDigest::Known(sha256) => (Some(sha256.to_vec()), KNOWN),
            UploadDigest::Pending => (None, PENDING),
            UploadDigest::Absent => (None, ABSENT),
        };
        row.push_bind(account)
            .push_bind(record.id.0.to_vec())
            .push_bind(record.user.0)
            .push_bind(record.username.clone())
            .push_bind(record.bucket.clone())
            .push_bind(record.path.clone())
            .push_bind(signed(record.size))
            .push_bind(sha256)
            .push_bind(digest)
            .push_bind(record.verdict.clone())
            .push_bind(record.evidence.clone())
            .push_bind(record.began.0)
            .push_bind(record.finished.0)
            .push_bind(record.client.clone())
            .push_bind(record.peer.clone())
            .push_bind(signed(record.session));
    });
    query.push(" ON CONFLICT (id) DO NOTHING");
    query.build().execute(conn).await.map_err(failed)?;
    Ok(())
}

/// Fills in a digest that was being made.
pub(crate) async fn fill_digest(
    conn: &mut Connection,
    id: UploadKey,
    sha256: Option<[u8; 32]>,
) -> Result<bool> {
    let done =
        sqlx::query("UPDATE uploads SET sha256 = $2, digest = $3 WHERE id = $1 AND digest = 'pending'")
            .bind(id.0.to_vec())
            .bind(sha256.map(|bytes| bytes.to_vec()))
            .bind(if sha256.is_some() { KNOWN } else { ABSENT })
            .execute(conn)
            .await
            .map_err(failed)?;
    Ok(done.rows_affected() > 0)
}

/// Gives up the digests that an earlier run was still making.
pub(crate) async fn give_up_digests(conn: &mut Connection) -> Result<()> {
    sqlx::query("UPDATE uploads SET digest = 'absent' WHERE digest = 'pending'")
        .execute(conn)
        .await
        .map_err(failed)?;
    Ok(())
}

/// Notes a new name of the file that was uploaded last under `from`. `false` without such a record, and when its file got
/// another name before: what has the name now came there by other ways.
pub(crate) async fn rename(
    conn: &mut Connection,
    bucket: &str,
    from: &[u8],
    to: &[u8],
    at: Timestamp,
) -> Result<bool> {
    let done = sqlx::query(
        "INSERT INTO upload_events (upload_id, kind, path, at_ms) \
         SELECT id, 'renamed', $3, $4 FROM uploads WHERE seq = \
         (SELECT seq FROM uploads WHERE bucket = $1 AND path = $2 ORDER BY seq DESC LIMIT 1) \
         AND NOT EXISTS (SELECT 1 FROM upload_events WHERE upload_id = uploads.id AND kind = 'renamed')",
    )
    .bind(bucket)
    .bind(from)
    .bind(to)
    .bind(at.0)
    .execute(conn)
    .await
    .map_err(failed)?;
    Ok(done.rows_affected() > 0)
}

/// One record.
pub(crate) async fn by_id(
    conn: &mut Connection,
    account: i64,
    id: UploadKey,
) -> Result<Option<RecordedUpload>> {
    let row = sqlx::query(select_uploads!("WHERE u.id = $1 AND u.account_id = $2"))
        .bind(id.0.to_vec())
        .bind(account)
        .fetch_optional(conn)
        .await
        .map_err(failed)?;
    row.map(|row| upload(&row).map(|(_, upload)| upload)).transpose()
}

/// At most `limit` records before the row `before`, newest first, of one user or of all.
pub(crate) async fn page(
    conn: &mut Connection,
    account: i64,
    username: Option<&str>,
    before: i64,
    limit: i64,
) -> Result<Vec<(i64, RecordedUpload)>> {
    let rows = sqlx::query(select_uploads!(
        "WHERE u.account_id = $1 AND u.seq < $2 AND ($3 IS NULL OR u.username = $3) ORDER BY u.seq DESC LIMIT $4"
    ))
    .bind(account)
    .bind(before)
    .bind(username)
    .bind(limit)
    .fetch_all(conn)
    .await
    .map_err(failed)?;
    rows.iter().map(upload).collect()
}

/// Deletes at most `limit` records of uploads that were published before `before`; says how many there were.
pub(crate) async fn forget(conn: &mut Connection, before: Timestamp, limit: i64) -> Result<u64> {
    let done = sqlx::query(
        "DELETE FROM uploads WHERE seq IN \
         (SELECT seq FROM uploads WHERE finished_ms < $1 ORDER BY finished_ms LIMIT $2)",
    )
    .bind(before.0)
    .bind(limit)
    .execute(conn)
    .await
    .map_err(failed)?;
    Ok(done.rows_affected())
}

fn upload(row: &Row) -> Result<(i64, RecordedUpload)> {
    let corrupt = || CatalogError::Corrupt {
        what: "upload record",
        source: None,
    };
    let id: Vec<u8> = row.try_get(1).map_err(failed)?;
    let sha256: Option<Vec<u8>> = row.try_get(7).map_err(failed)?;
    let digest = match (row.try_get(8).map_err(failed)?, sha256) {
        (KNOWN, Some(bytes)) => UploadDigest::Known(bytes.try_into().map_err(|_| corrupt())?),
        (PENDING, None) => UploadDigest::Pending,
        (ABSENT, None) => UploadDigest::Absent,
        _ => return Err(corrupt()),
    };
    let unsigned = |index: usize| -> Result<u64> {
        let number: i64 = row.try_get(index).map_err(failed)?;
        u64::try_from(number).map_err(|_| corrupt())
    };
    let record = UploadRecord {
        id: UploadKey(id.try_into().map_err(|_| corrupt())?),
        user: UserId(row.try_get(2).map_err(failed)?),
        username: row.try_get(3).map_err(failed)?,
        bucket: row.try_get(4).map_err(failed)?,
        path: row.try_get(5).map_err(failed)?,
        size: unsigned(6)?,
        digest,
        verdict: row.try_get(9).map_err(failed)?,
        evidence: row.try_get(10).map_err(failed)?,
        began: Timestamp(row.try_get(11).map_err(failed)?),
        finished: Timestamp(row.try_get(12).map_err(failed)?),
        client: row.try_get(13).map_err(failed)?,
        peer: row.try_get(14).map_err(failed)?,
        session: unsigned(15)?,
    };
    let path: Option<Vec<u8>> = row.try_get(16).map_err(failed)?;
    let at: Option<i64> = row.try_get(17).map_err(failed)?;
    let renamed = path.zip(at).map(|(path, at)| (path, Timestamp(at)));
    let seq = row.try_get(0).map_err(failed)?;
    Ok((seq, RecordedUpload { record, renamed }))
}

/// Numbers beyond what SQL holds do not come up: files end at 2^63 bytes.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

const KNOWN: &str = "known";
const PENDING: &str = "pending";
const ABSENT: &str = "absent";
