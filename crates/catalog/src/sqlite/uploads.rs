//! Records of uploads in SQLite.

use async_trait::async_trait;
use futures::FutureExt;

use super::SqliteCatalog;
use crate::error::Result;
use crate::limits::{FORGET_BATCH, MAX_PAGE_SIZE, RECORD_ROWS};
use crate::model::Timestamp;
use crate::sql::uploads;
use crate::store::UploadStore;
use crate::uploads::{RecordedUpload, UploadKey, UploadPage, UploadRecord};

#[async_trait]
impl UploadStore for SqliteCatalog {
    async fn record_uploads(&self, records: Vec<UploadRecord>) -> Result<()> {
        let account = self.account.id;
        let write = self.writer.write(move |tx| {
            async move {
                for rows in records.chunks(RECORD_ROWS) {
                    uploads::insert(&mut tx.conn, account, rows).await?;
                }
                Ok(())
            }
            .boxed()
        });
        write.await
    }

    async fn fill_digest(&self, id: UploadKey, sha256: Option<[u8; 32]>) -> Result<bool> {
        let write = self
            .writer
            .write(move |tx| async move { uploads::fill_digest(&mut tx.conn, id, sha256).await }.boxed());
        write.await
    }

    async fn record_rename(&self, bucket: &str, from: &[u8], to: &[u8]) -> Result<bool> {
        let (bucket, from, to) = (bucket.to_owned(), from.to_vec(), to.to_vec());
        let now = self.clock.now();
        let write = self.writer.write(move |tx| {
            async move { uploads::rename(&mut tx.conn, &bucket, &from, &to, now).await }.boxed()
        });
        write.await
    }

    async fn upload(&self, id: UploadKey) -> Result<Option<RecordedUpload>> {
        let mut conn = self.reader().await?;
        uploads::by_id(&mut conn, self.account.id, id).await
    }

    async fn list_uploads(
        &self,
        username: Option<&str>,
        page_size: u32,
        page_token: Option<&str>,
    ) -> Result<UploadPage> {
        let before = match self.upload_pages.decode(page_token)? {
            0 => i64::MAX,
            row => row,
        };
        let size = page_size.clamp(1, MAX_PAGE_SIZE) as usize;
        let mut conn = self.reader().await?;
        // One more than the page holds tells whether another page follows.
        let limit = i64::try_from(size).unwrap_or(i64::MAX - 1) + 1;
        let mut rows = uploads::page(&mut conn, self.account.id, username, before, limit).await?;
        let more = rows.len() > size;
        rows.truncate(size);
        let last = rows.last().filter(|_| more).map(|(row, _)| *row);
        Ok(UploadPage {
            next_page_token: last.map(|row| self.upload_pages.encode(row)),
            uploads: rows.into_iter().map(|(_, upload)| upload).collect(),
        })
    }

    async fn forget_uploads(&self, before: Timestamp) -> Result<u64> {
        let mut forgotten = 0;
        loop {
            // In pieces: who waits for the writer does not wait long.
            let write = self.writer.write(move |tx| {
                async move { uploads::forget(&mut tx.conn, before, FORGET_BATCH).await }.boxed()
            });
            match write.await? {
                0 => return Ok(forgotten),
                some => forgotten += some,
            }
        }
    }
}
