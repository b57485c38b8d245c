//! Trees on servers: many directories are listed at a time, links are not followed, and names that are none are not entered.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _, join_all};
use longshore_client::sftp::{DirEntry, FileKind, Sftp};
use longshore_client::{Error, ErrorKind, Stage};
use tokio::sync::Semaphore;

use crate::limits::{WALK_DEPTH, WALK_DIRECTORIES};

/// An entry, and what is in it if it is a directory.
#[derive(Debug)]
pub(crate) struct Node {
    /// The entry itself.
    pub(crate) entry: DirEntry,
    /// Its path.
    pub(crate) path: Vec<u8>,
    /// For directories that were entered: their entries in the order of their names, or why they could not be listed.
    pub(crate) children: Option<Result<Vec<Node>, Error>>,
}

/// A directory with everything in it, down to `depth` levels.
///
/// # Errors
/// The directory itself cannot be listed. What is wrong further down stands there.
pub(crate) async fn walk(sftp: &Sftp, path: &[u8], depth: usize) -> Result<Vec<Node>, Error> {
    let places = Arc::new(Semaphore::new(WALK_DIRECTORIES));
    level(sftp.clone(), places, path.to_vec(), depth.min(WALK_DEPTH)).await
}

fn level(
    sftp: Sftp,
    places: Arc<Semaphore>,
    path: Vec<u8>,
    depth: usize,
) -> BoxFuture<'static, Result<Vec<Node>, Error>> {
    async move {
        let entries = {
            // given back before the directories below are entered
            let _place = places.acquire().await.expect("the semaphore is never closed");
            list(&sftp, &path).await?
        };
        let nodes = entries.into_iter().map(|entry| {
            let path = join(&path, &entry.name);
            let (sftp, places) = (&sftp, &places);
            async move {
                let enter = depth > 1 && entry.kind() == Some(FileKind::Directory) && is_name(&entry.name);
                let children = if enter {
                    Some(level(sftp.clone(), Arc::clone(places), path.clone(), depth - 1).await)
                } else {
                    None
                };
                Node {
                    entry,
                    path,
                    children,
                }
            }
        });
        Ok(join_all(nodes).await)
    }
    .boxed()
}

/// The entries of one directory in the order of their names.
///
/// # Errors
/// What the server says.
pub(crate) async fn list(sftp: &Sftp, path: &[u8]) -> Result<Vec<DirEntry>, Error> {
    let mut entries = sftp.read_dir(path).await?.all().await?;
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Whether a name stands for something in its directory, and for nothing else.
pub(crate) fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

/// The error for a name that is none.
pub(crate) fn no_name(path: &[u8]) -> Error {
    Error::new(
        ErrorKind::Protocol,
        Stage::Sftp,
        "the server lists a name that leads out of its directory",
    )
    .path(path)
}

/// The path of an entry.
pub(crate) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    match directory {
        b"" | b"." => name.to_vec(),
        _ if directory.ends_with(b"/") => [directory, name].concat(),
        _ => [directory, b"/", name].concat(),
    }
}

/// The last name of a path; `None` where it has none.
pub(crate) fn base_name(path: &[u8]) -> Option<&[u8]> {
    path.split(|byte| *byte == b'/')
        .rfind(|part| !part.is_empty())
        .filter(|name| is_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_the_server_reads_them() {
        assert_eq!(join(b".", b"a"), b"a");
        assert_eq!(join(b"/", b"a"), b"/a");
        assert_eq!(join(b"a/b", b"c"), b"a/b/c");
        assert_eq!(base_name(b"a/b/"), Some(&b"b"[..]));
        for none in [&b""[..], b"/", b"a/..", b"."] {
            assert_eq!(base_name(none), None);
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for none in [&b""[..], b".", b"..", b"a/b", b"../x", b"a\0"] {
            assert!(!is_name(none));
        }
        assert!(is_name(b"...") && is_name(b"a b\n"));
    }
}
