//! Removing from the target what the source does not have, with guards in front.
//!
//! Everything is found before anything is removed, so that the number is known: too many, an empty source or a directory
//! that could not be read, and nothing is removed at all.

use std::future::Future;
use std::os::unix::ffi::OsStrExt;

use longshore_sftp::FileKind;

use super::super::events::Step;
use super::super::local::{LocalDir, LocalKind, blocking, safe_name};
use super::super::naming::{join, split};
use super::ledger::Ledger;
use super::options::{Delete, TreeOptions};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::sftp::Sftp;

/// An entry that the source does not have, below the root.
#[derive(Debug, Clone)]
pub(super) struct Extra {
    pub(super) path: Vec<u8>,
    pub(super) directory: bool,
}

/// The side that is removed from.
pub(super) trait Side: Sync {
    /// What a directory holds.
    fn list(&self, path: &[u8]) -> impl Future<Output = Result<Vec<Extra>>> + Send;

    /// Removes one entry.
    fn remove(&self, extra: &Extra) -> impl Future<Output = Result<()>> + Send;
}

pub(super) struct RemoteSide<'a> {
    pub(super) sftp: &'a Sftp,
    pub(super) root: &'a [u8],
}

pub(super) struct LocalSide {
    pub(super) root: LocalDir,
}

/// An empty source would empty the target: more likely it is not mounted.
pub(super) fn refuse_empty(empty: bool, path: &[u8]) -> Result<()> {
    if !empty {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Guarded,
        Stage::Local,
        "the source is empty, and removing everything from the target is hardly meant",
    )
    .operation("sync")
    .path(path)
    .hint("remove the target's files by a command of their own if it is"))
}

/// Removes what the source does not have, entries of directories first.
pub(super) async fn remove_extras<S: Side>(
    side: &S,
    extras: Vec<Extra>,
    delete: Delete,
    unread: bool,
    options: &TreeOptions,
    ledger: &Ledger,
) -> Result<()> {
    if unread {
        ledger.warn(
            b"",
            "nothing is removed, since not everything could be read".to_owned(),
        );
        return Ok(());
    }
    let doomed = find_all(side, extras, options, ledger).await?;
    if let Some(max) = delete.max
        && doomed.len() as u64 > max
    {
        return Err(Error::new(
            ErrorKind::Guarded,
            Stage::Local,
            format!("{} entries would be removed, and {max} may be", doomed.len()),
        )
        .operation("sync")
        .hint("allow more removals if they are meant"));
    }
    for extra in doomed.into_iter().rev() {
        if !options.dry_run
            && let Err(error) = side.remove(&extra).await
        {
            ledger.warn(&extra.path, error.to_string());
            ledger.failed(error);
            continue;
        }
        ledger.step(Step::Remove {
            path: extra.path,
            directory: extra.directory,
        });
    }
    Ok(())
}

/// All that is to be removed, directories before what is in them. What a filter leaves out stays, and so does the directory
/// that it is in.
async fn find_all<S: Side>(
    side: &S,
    extras: Vec<Extra>,
    options: &TreeOptions,
    ledger: &Ledger,
) -> Result<Vec<Extra>> {
    let mut found = Vec::new();
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut open = extras;
    while let Some(extra) = open.pop() {
        if !options.filter.takes(&extra.path, extra.directory) {
            ledger.skip(&extra.path, "a filter leaves it out");
            kept.push(extra.path);
            continue;
        }
        if extra.directory {
            open.extend(side.list(&extra.path).await?);
        }
        found.push(extra);
    }
    found.retain(|extra| {
        !kept.iter().any(|path| {
            path.strip_prefix(&extra.path[..])
                .is_some_and(|rest| rest.starts_with(b"/"))
        })
    });
    // a path is longer than those of the directories around it
    found.sort_by(|one, other| {
        one.path
            .len()
            .cmp(&other.path.len())
            .then(one.path.cmp(&other.path))
    });
    Ok(found)
}

impl Side for RemoteSide<'_> {
    async fn list(&self, path: &[u8]) -> Result<Vec<Extra>> {
        let entries = self.sftp.read_dir(join(self.root, path)).await?.all().await?;
        Ok(entries
            .into_iter()
            // a name that leads elsewhere is not followed there
            .filter(|entry| safe_name(&entry.name).is_ok())
            .map(|entry| Extra {
                path: join(path, &entry.name),
                directory: entry.kind() == Some(FileKind::Directory),
            })
            .collect())
    }

    async fn remove(&self, extra: &Extra) -> Result<()> {
        let path = join(self.root, &extra.path);
        if split(&extra.path).1.is_empty() || safe_name(split(&extra.path).1).is_err() {
            return Err(Error::new(ErrorKind::Guarded, Stage::Sftp, "the name leads elsewhere").path(path));
        }
        if extra.directory {
            self.sftp.rmdir(path).await
        } else {
            self.sftp.remove(path).await
        }
    }
}

impl Side for LocalSide {
    async fn list(&self, path: &[u8]) -> Result<Vec<Extra>> {
        let (root, path) = (self.root.clone(), path.to_vec());
        blocking(move || {
            let dir = root.descend(&path)?;
            let mut entries = Vec::new();
            for name in dir.names()? {
                if let Some(stat) = dir.stat(&name)? {
                    entries.push(Extra {
                        path: join(&path, name.as_bytes()),
                        directory: stat.kind == LocalKind::Directory,
                    });
                }
            }
            Ok(entries)
        })
        .await
    }

    async fn remove(&self, extra: &Extra) -> Result<()> {
        let (root, extra) = (self.root.clone(), extra.clone());
        blocking(move || {
            let (parent, name) = split(&extra.path);
            root.descend(parent)?.remove(safe_name(name)?, extra.directory)
        })
        .await
    }
}
