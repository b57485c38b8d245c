//! Buckets in SQLite.

use async_trait::async_trait;
use futures::FutureExt;

use super::SqliteCatalog;
use crate::error::Result;
use crate::sql::buckets;
use crate::store::BucketStore;

#[async_trait]
impl BucketStore for SqliteCatalog {
    async fn default_bucket(&self) -> Result<String> {
        let name = format!("{}-sftp", self.account.uuid);
        if !self.bucket_exists(&name).await? {
            let (account, now, name) = (self.account.id, self.clock.now(), name.clone());
            self.writer
                .write(move |tx| {
                    async move { buckets::ensure(&mut tx.conn, account, &name, now).await }.boxed()
                })
                .await?;
        }
        Ok(name)
    }

    async fn bucket_exists(&self, name: &str) -> Result<bool> {
        let mut conn = self.reader().await?;
        Ok(buckets::id_of(&mut conn, self.account.id, name).await?.is_some())
    }
}
