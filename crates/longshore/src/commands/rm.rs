//! `longshore rm`

use std::ffi::OsString;

use clap::Args;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, StreamExt as _};
use longshore_client::sftp::{FileKind, Sftp};
use longshore_client::{Error, ErrorKind};

use super::guard;
use crate::client::walk::{Node, is_name, no_name, walk};
use crate::client::{ConnectArgs, Failures, Place, block_on};
use crate::error::Result;
use crate::limits::REQUESTS_AHEAD;

/// Remove files on a server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore rm files.example.net:inbox/old.csv :inbox/older.csv
  longshore rm -r files.example.net:inbox/2024

Links are removed, not what they lead to. The root, the directory where the server starts, and all that ends in . or .. are
refused.")]
pub struct RmArgs {
    /// Files: host:path, user@host:path, sftp://…; behind the first one :path is enough
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<OsString>,
    /// Directories too, with everything in them
    #[arg(short, long)]
    recursive: bool,
    /// Be content when there is nothing to remove
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl RmArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::list(&self.targets)?;
        place.paths.iter().try_for_each(|path| guard::removable(path))?;
        block_on(async {
            let session = self.connect.open(&place.server).await?;
            let mut failures = Failures::default();
            for path in &place.paths {
                let errors = self.remove(session.sftp(), path).await;
                if errors.is_empty() {
                    failures.take(Ok(()));
                }
                for error in errors {
                    failures.note(&error.into());
                }
            }
            session.close().await;
            failures.finish()
        })
    }

    /// What could not be removed.
    async fn remove(&self, sftp: &Sftp, path: &[u8]) -> Vec<Error> {
        // a slash behind a link would lead to what it leads to
        let end = path
            .iter()
            .rposition(|byte| *byte != b'/')
            .map_or(0, |last| last + 1);
        let path = &path[..end];
        let errors = if self.recursive {
            match sftp.lstat(path).await.map(|attrs| attrs.kind()) {
                Ok(Some(FileKind::Directory)) => tree(sftp, path).await,
                Ok(_) => sftp.remove(path).await.err().into_iter().collect(),
                Err(error) => vec![error],
            }
        } else {
            let hint = |error: Error| match error.kind() {
                ErrorKind::IsADirectory => error.hint("-r removes directories with everything in them"),
                _ => error,
            };
            sftp.remove(path).await.map_err(hint).err().into_iter().collect()
        };
        let matters = |error: &Error| !(self.force && error.kind() == ErrorKind::NotFound);
        errors.into_iter().filter(matters).collect()
    }
}

/// Removes a directory with everything in it; many requests are under way at a time.
async fn tree(sftp: &Sftp, path: &[u8]) -> Vec<Error> {
    let nodes = match walk(sftp, path, usize::MAX).await {
        Ok(nodes) => nodes,
        Err(error) => return vec![error],
    };
    contents(sftp, path.to_vec(), nodes).await
}

/// Removes what is in a directory and then the directory itself, unless something in it stayed.
fn contents(sftp: &Sftp, path: Vec<u8>, nodes: Vec<Node>) -> BoxFuture<'_, Vec<Error>> {
    async move {
        let mut errors: Vec<Error> = stream::iter(nodes)
            .map(|node| one(sftp, node))
            .buffer_unordered(REQUESTS_AHEAD)
            .flat_map(stream::iter)
            .collect()
            .await;
        if errors.is_empty() {
            errors.extend(sftp.rmdir(&path).await.err());
        }
        errors
    }
    .boxed()
}

async fn one(sftp: &Sftp, node: Node) -> Vec<Error> {
    if !is_name(&node.entry.name) {
        return vec![no_name(&node.path)];
    }
    match node.children {
        Some(Ok(children)) => contents(sftp, node.path, children).await,
        Some(Err(error)) => vec![error],
        None => sftp.remove(&node.path).await.err().into_iter().collect(),
    }
}
