//! Clients that are broken on purpose, to see that the judge sees it.

use std::path::Path;

use async_trait::async_trait;
use longshore_client::Result;
use longshore_client::sftp::OpenOptions;
use longshore_client::transfer::{SftpPool, TransferOptions};

use crate::run::Subject;

/// How a client is broken.
#[derive(Debug, Clone, Copy)]
pub enum Broken {
    /// A short answer to READ counts as the end of the file.
    TakesShortReadsForTheEnd,
    /// It does not look at the answers to WRITE.
    IgnoresFailedWrites,
    /// It goes wherever a listing says.
    TrustsNames,
    /// It writes the target itself, and leaves half of it when the line is cut.
    WritesInPlace,
}

#[async_trait]
impl Subject for Broken {
    async fn upload(&self, pool: SftpPool, _: TransferOptions, local: &Path, remote: &[u8]) -> Result<u64> {
        let content = std::fs::read(local).expect("file");
        let file = pool
            .sftp()
            .open(remote, &OpenOptions::new().write().create().truncate())
            .await?;
        for (number, block) in content.chunks(20_000).enumerate() {
            let written = file.write_at(number as u64 * 20_000, block.to_vec()).await;
            if !matches!(self, Self::IgnoresFailedWrites) {
                written?;
            }
        }
        let closed = file.close().await;
        if !matches!(self, Self::IgnoresFailedWrites) {
            closed?;
        }
        Ok(content.len() as u64)
    }

    async fn download(&self, pool: SftpPool, _: TransferOptions, remote: &[u8], local: &Path) -> Result<u64> {
        let file = pool.sftp().open_read(remote).await?;
        let mut content = Vec::new();
        loop {
            let block = file.read_at(content.len() as u64, 20_000).await?;
            content.extend_from_slice(&block);
            if block.is_empty() || (block.len() < 20_000 && matches!(self, Self::TakesShortReadsForTheEnd)) {
                break;
            }
        }
        std::fs::write(local, &content).expect("written");
        Ok(content.len() as u64)
    }

    async fn download_tree(
        &self,
        pool: SftpPool,
        options: TransferOptions,
        remote: &[u8],
        local: &Path,
    ) -> Result<(u64, Vec<String>)> {
        let mut files = 0;
        let mut dirs = vec![(remote.to_vec(), local.to_owned())];
        while let Some((remote, local)) = dirs.pop() {
            std::fs::create_dir_all(&local).expect("directory");
            for entry in pool.sftp().read_dir(&remote).await?.all().await? {
                let Ok(name) = std::str::from_utf8(&entry.name) else {
                    continue;
                };
                // Never an absolute name and never far up: the damage stays on the ground of the run.
                if name.is_empty()
                    || name.contains('\0')
                    || name.starts_with('/')
                    || name.matches("..").count() > 1
                {
                    continue;
                }
                if matches!(self, Self::TrustsNames) && name == "../new" {
                    std::fs::write(local.join(name), b"elsewhere").expect("written");
                    continue;
                }
                if name.contains("..") || name.contains('/') {
                    continue;
                }
                let path = [&remote[..], b"/", &entry.name].concat();
                if entry.kind() == Some(longshore_client::sftp::FileKind::Directory) {
                    dirs.push((path, local.join(name)));
                } else if self
                    .download(pool.clone(), options.clone(), &path, &local.join(name))
                    .await
                    .is_ok()
                {
                    files += 1;
                }
            }
        }
        Ok((files, Vec::new()))
    }
}
