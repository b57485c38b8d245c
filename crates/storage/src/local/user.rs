//! The files of this machine as the user of this process sees them: the [`Home`] of `longshore sftp-server`.
//!
//! There is no bucket and no staging directory. An upload is staged in the directory of its target, under a name that
//! listings of this home leave out (`STAGED_PREFIX`): there it is on the same file system, the user may write there,
//! and the disk quota is the one of the target. Who may do what is for the kernel to say.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, chownat, openat};

use super::blocking;
use super::fault::Fault;
use super::home::{HomeRoot, LocalHome};
use super::io::Medium;
use super::options::{LocalOptions, ResolverChoice};
use super::resolve::{self, DirId, Place};
use super::shared::{Bucket, Shared};
use super::store::LocalStore;
use crate::error::{ErrorKind, Result, StorageError};
use crate::path::{BucketName, RemotePath};
use crate::store::{EditFile, Home, Listing, ReadFile, Upload};
use crate::types::{
    Capabilities, DirEntry, Durability, EditMode, OwnerId, Precondition, SetStat, SpaceInfo, Stat,
    UploadOptions,
};
use crate::upload_types::{UploadEnd, UploadId};
use crate::uploads::{self, Journal};

/// Settings of [`LocalStore::user_files`].
#[derive(Debug, Clone, Copy)]
pub struct UserFilesOptions {
    /// Permission bits that new files and directories never get: the umask of the process.
    pub umask: u32,
}

impl LocalStore {
    /// The files below `root` as the user of this process sees them. Changes are as durable as the kernel makes them
    /// by itself, which is what OpenSSH's server promises too; [`Upload::sync`] asks for more. Blocks.
    ///
    /// # Errors
    /// Of the file system, with `root` as the path.
    pub fn user_files(root: &Path, options: UserFilesOptions) -> Result<Arc<dyn Home>> {
        let shown = root.as_os_str().as_encoded_bytes();
        let open = || -> Result<UserHome, Fault> {
            let dir = openat(rustix::fs::CWD, root, DIR_FLAGS, Mode::empty())?;
            let resolver =
                resolve::choose(ResolverChoice::Auto, dir.as_fd()).ok_or(ErrorKind::Unsupported)?;
            let options = LocalOptions {
                durability: Durability::None,
                // The files belong to the one who runs it: no marks of ours on them.
                digest: false,
                umask: options.umask,
                ..LocalOptions::default()
            };
            UserHome::new(dir, Arc::new(Shared::new(options, resolver)))
        };
        match open() {
            Ok(home) => Ok(Arc::new(home)),
            Err(fault) => Err(fault.during("open root", shown)),
        }
    }
}

/// The whole file system, or what lies below one directory of it.
#[derive(Debug)]
struct UserHome {
    root: Arc<HomeRoot>,
    /// Does all that needs no staging.
    home: LocalHome,
}

impl UserHome {
    fn new(dir: OwnedFd, shared: Arc<Shared>) -> Result<Self, Fault> {
        let root = Arc::new(HomeRoot {
            bucket: Arc::new(bucket(&dir, openat(&dir, ".", DIR_FLAGS, Mode::empty())?)?),
            dir,
            path: RemotePath::root(),
            viewer: shared.viewer(OwnerId(0)),
            jobs: shared.jobs(OwnerId(0)),
            shared,
        });
        Ok(Self {
            home: LocalHome::new(Arc::clone(&root)),
            root,
        })
    }
}

/// A bucket of everything, whose uploads lie in `staging`.
fn bucket(files: &OwnedFd, staging: OwnedFd) -> Result<Bucket, Fault> {
    Ok(Bucket {
        name: BucketName::parse("machine").expect("a valid name"),
        files: rustix::io::fcntl_dupfd_cloexec(files, 0)?,
        staging_id: DirId::of(&staging)?,
        medium: Medium::of(staging.as_fd())?,
        staging,
        // What outlives this process tells by its name what it is (`uploads::beside`).
        journal: Journal::none(),
        staged_prefix: STAGED_PREFIX,
    })
}

impl HomeRoot {
    /// The same home, with uploads staged beside the target at `place`.
    pub(crate) fn beside(&self, place: &Place) -> Result<Self, Fault> {
        let parent = rustix::io::fcntl_dupfd_cloexec(&place.parent, 0)?;
        Ok(Self {
            dir: rustix::io::fcntl_dupfd_cloexec(&self.dir, 0)?,
            bucket: Arc::new(bucket(&self.dir, parent)?),
            path: self.path.clone(),
            viewer: self.viewer,
            jobs: self.jobs.clone(),
            shared: Arc::clone(&self.shared),
        })
    }
}

impl Drop for UserHome {
    /// What was found parked and not taken up is left for the next process again.
    fn drop(&mut self) {
        for staged in self.root.shared.uploads.all_parked() {
            if !staged.leave_beside().unwrap_or(false) {
                staged.end_if_parked(UploadEnd::Discarded);
            }
        }
        self.root.shared.uploads.let_go();
    }
}

/// Gives a file away, as far as the kernel lets this user. An upload keeps its owner until it is published.
fn change_owner(root: &HomeRoot, path: &RemotePath, follow: bool, owner: (u32, u32)) -> Result<(), Fault> {
    let place = root.find(path, follow)?;
    if root.own_upload(&place)?.is_some() {
        return Ok(());
    }
    let (uid, gid) = (Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)));
    Ok(chownat(
        &place.parent,
        place.name.as_slice(),
        uid,
        gid,
        AtFlags::SYMLINK_NOFOLLOW,
    )?)
}

#[async_trait]
impl Home for UserHome {
    fn capabilities(&self) -> Capabilities {
        self.home.capabilities()
    }

    async fn stat(&self, path: &RemotePath, follow: bool) -> Result<Stat> {
        self.home.stat(path, follow).await
    }

    async fn set_stat(&self, path: &RemotePath, changes: &SetStat, follow: bool) -> Result<()> {
        // Mode after owner would be lost the other way round: chown(2) clears the setuid bit.
        if let Some(owner) = changes.owner {
            let (root, path) = (Arc::clone(&self.root), path.clone());
            blocking::run("change owner", move || {
                change_owner(&root, &path, follow, owner)
                    .map_err(|fault| fault.during("change owner", path.as_bytes()))
            })
            .await?;
        }
        self.home.set_stat(path, changes, follow).await
    }

    async fn open_read(&self, path: &RemotePath) -> Result<Arc<dyn ReadFile>> {
        self.home.open_read(path).await
    }

    async fn begin_upload(&self, path: &RemotePath, mut options: UploadOptions) -> Result<Arc<dyn Upload>> {
        // open(2) and mkdir(2) leave it to the umask.
        options.mode = options.mode.or(Some(0o666));
        let (root, target) = (Arc::clone(&self.root), path.clone());
        let exclusive = options.precondition == Precondition::Absent;
        let home = blocking::run("begin upload", move || {
            root.find(&target, !exclusive)
                .and_then(|place| root.beside(&place))
                .map_err(|fault| fault.during("begin upload", target.as_bytes()))
        })
        .await?;
        LocalHome::new(Arc::new(home)).begin_upload(path, options).await
    }

    async fn resume(&self, path: &RemotePath) -> Result<Option<Arc<dyn Upload>>> {
        Err(StorageError::new(ErrorKind::Unsupported, "resume").with_path(path.as_bytes()))
    }

    async fn edit(&self, path: &RemotePath, mode: EditMode) -> Result<Arc<dyn EditFile>> {
        self.home.edit(path, mode).await
    }

    async fn list(&self, path: &RemotePath) -> Result<Box<dyn Listing>> {
        let listing = self.home.list(path).await?;
        Ok(Box::new(WithoutStaged {
            listing,
            root: Arc::clone(&self.root),
            path: path.clone(),
        }))
    }

    async fn make_dir(&self, path: &RemotePath, mode: Option<u32>) -> Result<()> {
        self.home.make_dir(path, mode.or(Some(0o777))).await
    }

    async fn remove_dir(&self, path: &RemotePath) -> Result<()> {
        self.home.remove_dir(path).await
    }

    async fn remove_file(&self, path: &RemotePath) -> Result<()> {
        self.home.remove_file(path).await
    }

    async fn rename(&self, from: &RemotePath, to: &RemotePath, replace: bool) -> Result<()> {
        self.home.rename(from, to, replace).await
    }

    async fn symlink(&self, target: &[u8], link: &RemotePath) -> Result<()> {
        self.home.symlink(target, link).await
    }

    async fn read_link(&self, path: &RemotePath) -> Result<Vec<u8>> {
        self.home.read_link(path).await
    }

    async fn hard_link(&self, existing: &RemotePath, link: &RemotePath) -> Result<()> {
        self.home.hard_link(existing, link).await
    }

    async fn real_path(&self, path: &RemotePath) -> Result<RemotePath> {
        self.home.real_path(path).await
    }

    async fn space(&self, path: &RemotePath) -> Result<SpaceInfo> {
        self.home.space(path).await
    }
}

/// A listing without the staged files of this and other processes; parked ones stand under the names that they are for.
struct WithoutStaged {
    listing: Box<dyn Listing>,
    root: Arc<HomeRoot>,
    path: RemotePath,
}

#[async_trait]
impl Listing for WithoutStaged {
    async fn next_page(&mut self, max_entries: usize) -> Result<Vec<DirEntry>> {
        loop {
            let mut page = self.listing.next_page(max_entries).await?;
            let at_end = page.is_empty();
            page.retain(|entry| !is_staged(&entry.name));
            if page
                .iter()
                .any(|entry| uploads::parked_for(&entry.name).is_some())
            {
                let (root, path) = (Arc::clone(&self.root), self.path.clone());
                page = blocking::run("list", move || {
                    Ok(page
                        .into_iter()
                        .filter_map(|entry| in_its_place(&root, &path, entry))
                        .collect())
                })
                .await?;
            }
            if at_end || !page.is_empty() {
                return Ok(page);
            }
        }
    }
}

/// A parked file under the name that it is for, unless that is listed itself.
fn in_its_place(root: &HomeRoot, dir: &RemotePath, entry: DirEntry) -> Option<DirEntry> {
    let Some(name) = uploads::parked_for(&entry.name) else {
        return Some(entry);
    };
    let path = RemotePath::parse(&[dir.as_bytes(), b"/", name].concat()).ok()?;
    let place = root.find(&path, false).ok()?;
    if place.found.is_some() {
        return None;
    }
    let own = root.own_upload(&place).ok()??;
    let stat = own.stat().ok()?;
    Some(DirEntry {
        name: name.to_vec(),
        stat,
    })
}

/// Whether a name is one that staged files get: all others are somebody's own, however they begin.
fn is_staged(name: &[u8]) -> bool {
    let id = name
        .strip_prefix(STAGED_PREFIX.as_bytes())
        .and_then(|id| std::str::from_utf8(id).ok());
    id.is_some_and(|id| id.parse::<UploadId>().is_ok())
}

const DIR_FLAGS: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// What names of staged files begin with: listings know them by it.
const STAGED_PREFIX: &str = ".longshore-upload-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_are_not_taken_for_staged_files() {
        let id = "0123456789abcdef0123456789abcdef";
        assert!(is_staged(format!("{STAGED_PREFIX}{id}").as_bytes()));
        for own in ["", "notes", &id[1..], &format!("{id}0"), &id.to_uppercase()] {
            assert!(!is_staged(format!("{STAGED_PREFIX}{own}").as_bytes()), "{own}");
        }
        assert!(!is_staged(id.as_bytes()));
    }
}
