//! A local tree to the server.

use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use longshore_sftp::{Attrs, FileKind};

use super::super::events::{Reason, Report, Step};
use super::super::limits::TREE_DEPTH;
use super::super::local::{LocalDir, LocalKind, LocalStat, blocking};
use super::super::naming::{is_temporary, join};
use super::super::source::OpenedFile;
use super::super::transfers::Transfers;
use super::compare::{Facts, difference};
use super::drive::{Found, Walk, drive};
use super::ledger::Ledger;
use super::options::{Compare, Links, TreeOptions};
use super::remove::{Extra, RemoteSide, refuse_empty, remove_extras};
use crate::error::{Error, ErrorKind, Result, Stage};

/// A local directory and its counterpart.
pub(super) struct UpDir {
    dir: LocalDir,
    remote: Vec<u8>,
    /// Below the root; empty for the root.
    path: Vec<u8>,
    depth: usize,
    /// Whether the counterpart is known to be there, or not; `None`: nobody has looked.
    exists: Option<bool>,
    modified: Option<(u32, u32)>,
    mode: u32,
}

/// A local file and its remote path.
pub(super) struct UpFile {
    dir: LocalDir,
    name: OsString,
    remote: Vec<u8>,
    follow: bool,
}

/// What the server has under a name.
#[derive(Clone, Copy)]
struct Theirs {
    kind: Option<FileKind>,
    facts: Facts,
}

/// Paths of directories, with the times of access and modification that they get in the end.
pub(super) type DirTimes = Vec<(Vec<u8>, (u32, u32))>;

struct Up<'a> {
    transfers: &'a Transfers,
    options: &'a TreeOptions,
    ledger: &'a Ledger,
    extras: Mutex<Vec<Extra>>,
    /// Remote directories whose times are set at the end.
    dirs: Mutex<DirTimes>,
    /// Whether a directory could not be read: then nothing is removed.
    unread: Mutex<bool>,
}

/// A local entry that takes part.
struct Entry {
    name: OsString,
    stat: LocalStat,
    /// What it leads to, of a link that is followed.
    link: bool,
    says: Option<Vec<u8>>,
}

impl Transfers {
    /// Uploads everything below a local directory into a remote one, which is made if need be.
    ///
    /// # Errors
    /// The root cannot be read or made, a guard refuses, or the session ends. What concerns single files stands in the report.
    pub async fn upload_tree(
        &self,
        local: &Path,
        remote: impl AsRef<[u8]>,
        options: &TreeOptions,
    ) -> Result<Report> {
        let ledger = Ledger::new(self.transfer.events().clone(), options.dry_run);
        let path = local.to_owned();
        let (root, stat) = blocking(move || {
            let root = LocalDir::open(&path)?;
            let stat = root.own_stat()?;
            Ok((root, stat))
        })
        .await?;
        if options.delete.is_some() {
            let dir = root.clone();
            refuse_empty(
                blocking(move || Ok(dir.names()?.is_empty())).await?,
                local.as_os_str().as_bytes(),
            )?;
        }
        let remote = remote.as_ref().to_vec();
        if !options.dry_run {
            let sftp = self.transfer.sftp();
            sftp.create_dir_all_with(&remote, Some(mode_of(&stat))).await?;
        }
        let up = Up {
            transfers: self,
            options,
            ledger: &ledger,
            extras: Mutex::default(),
            dirs: Mutex::default(),
            unread: Mutex::new(false),
        };
        let root = UpDir {
            dir: root,
            remote: remote.clone(),
            path: Vec::new(),
            depth: 0,
            exists: (!options.dry_run).then_some(true),
            modified: Some((stat.accessed_secs(), stat.modified_secs())),
            mode: mode_of(&stat),
        };
        drive(&self.transfer, &up, root).await?;
        up.finish(&remote).await?;
        Ok(ledger.into_report())
    }
}

impl Up<'_> {
    /// What follows when every file is there: removing, then the times of directories, which removing would change.
    async fn finish(self, root: &[u8]) -> Result<()> {
        let extras = self.extras.into_inner().unwrap_or_else(PoisonError::into_inner);
        let unread = self.unread.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(delete) = self.options.delete {
            let side = RemoteSide {
                sftp: self.transfers.transfer.sftp(),
                root,
            };
            remove_extras(&side, extras, delete, unread, self.options, self.ledger).await?;
        }
        let dirs = self.dirs.into_inner().unwrap_or_else(PoisonError::into_inner);
        set_times(self.transfers, dirs, self.ledger).await
    }

    /// What the server has in a directory; empty if it is not there.
    async fn theirs(&self, dir: &UpDir) -> Result<Option<HashMap<Bytes, Theirs>>> {
        let (mut listing, _place) = match self.transfers.transfer.read_dir(&dir.remote).await {
            Ok(listing) => listing,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut theirs = HashMap::new();
        loop {
            let page = listing.next_page().await?;
            if page.is_empty() {
                return Ok(Some(theirs));
            }
            let page = page.into_iter().filter(|entry| !is_temporary(&entry.name));
            theirs.extend(page.map(|entry| {
                let theirs = Theirs {
                    kind: entry.kind(),
                    facts: facts_of(&entry.attrs),
                };
                // its own memory: a name that shares a page would keep all of it
                (Bytes::copy_from_slice(&entry.name), theirs)
            }));
        }
    }

    async fn make_dir(&self, dir: &UpDir) -> Result<()> {
        if dir.exists == Some(true) {
            return Ok(());
        }
        let step = || {
            self.ledger.step(Step::MakeDir {
                path: dir.path.clone(),
            });
        };
        if self.options.dry_run {
            if dir.exists == Some(false) {
                step();
            }
            return Ok(());
        }
        let sftp = self.transfers.transfer.sftp();
        match sftp.mkdir(&dir.remote, Some(dir.mode)).await {
            Ok(()) => step(),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if sftp.stat(&dir.remote).await?.kind() == Some(FileKind::Directory) {
                    return Ok(());
                }
                return Err(error.refined(ErrorKind::NotADirectory, "something else has the name"));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn sort_entry(
        &self,
        dir: &UpDir,
        entry: Entry,
        theirs: Option<Theirs>,
        found: &mut Found<UpDir, UpFile>,
    ) -> Result<()> {
        let path = join(&dir.path, entry.name.as_bytes());
        let remote = join(&dir.remote, entry.name.as_bytes());
        match entry.stat.kind {
            LocalKind::Directory => self.sort_dir(dir, &entry, path, remote, theirs, found).await?,
            LocalKind::File => {
                let same_kind =
                    theirs.is_none_or(|theirs| theirs.kind.is_none_or(|kind| kind == FileKind::Regular));
                let reason = if same_kind {
                    difference(
                        self.options.compare,
                        local_facts(&entry.stat),
                        theirs.map(|theirs| theirs.facts),
                    )
                } else {
                    Some(Reason::Kind)
                };
                let Some(reason) = reason else {
                    self.ledger.step(Step::Same { path });
                    return Ok(());
                };
                self.ledger.step(Step::Copy {
                    path,
                    size: entry.stat.size,
                    reason,
                });
                found.files.push(UpFile {
                    dir: dir.dir.clone(),
                    name: entry.name,
                    remote,
                    follow: entry.link,
                });
            }
            LocalKind::Link => match entry.says {
                Some(says) => self.make_link(path, remote, says, theirs).await?,
                None => self.ledger.skip(&path, "it is a symbolic link"),
            },
            LocalKind::Other => self.ledger.skip(&path, "it is no file, directory or link"),
        }
        Ok(())
    }

    async fn sort_dir(
        &self,
        dir: &UpDir,
        entry: &Entry,
        path: Vec<u8>,
        remote: Vec<u8>,
        theirs: Option<Theirs>,
        found: &mut Found<UpDir, UpFile>,
    ) -> Result<()> {
        if dir.depth >= TREE_DEPTH {
            return Err(too_deep(path));
        }
        let (parent, name, follow) = (dir.dir.clone(), entry.name.clone(), entry.link);
        let child = blocking(move || {
            if follow {
                LocalDir::open(&parent.join(&name))
            } else {
                parent.child(&name)
            }
        })
        .await;
        let child = match child {
            Ok(child) => child,
            Err(error) => {
                self.failed(error, true);
                return Ok(());
            }
        };
        found.dirs.push(UpDir {
            dir: child,
            remote,
            path,
            depth: dir.depth + 1,
            exists: self
                .looks()
                .then(|| theirs.is_some_and(|theirs| theirs.kind == Some(FileKind::Directory))),
            modified: Some((entry.stat.accessed_secs(), entry.stat.modified_secs())),
            mode: mode_of(&entry.stat),
        });
        Ok(())
    }

    async fn make_link(
        &self,
        path: Vec<u8>,
        remote: Vec<u8>,
        says: Vec<u8>,
        theirs: Option<Theirs>,
    ) -> Result<()> {
        let sftp = self.transfers.transfer.sftp();
        let taken = match theirs {
            Some(theirs) => Some(theirs.kind),
            None if self.looks() => None,
            None => sftp.try_lstat(&remote).await?.map(|attrs| attrs.kind()),
        };
        if let Some(kind) = taken {
            if kind == Some(FileKind::SymLink)
                && sftp.read_link(&remote).await.is_ok_and(|found| found == says)
            {
                self.ledger.step(Step::Same { path });
                return Ok(());
            }
            if kind == Some(FileKind::Directory) {
                return Err(
                    Error::new(ErrorKind::IsADirectory, Stage::Sftp, "a directory has the name").path(remote),
                );
            }
            if !self.options.dry_run {
                sftp.remove(&remote).await?;
            }
        }
        if !self.options.dry_run {
            sftp.symlink(&says, &remote).await?;
        }
        self.ledger.step(Step::Link { path, target: says });
        Ok(())
    }

    /// Whether the target is looked at before anything is moved.
    fn looks(&self) -> bool {
        self.options.compare != Compare::Nothing || self.options.delete.is_some()
    }

    fn note_extras(&self, dir: &UpDir, theirs: HashMap<Bytes, Theirs>) {
        let mut extras = self.extras.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, theirs) in theirs {
            extras.push(Extra {
                path: join(&dir.path, &name),
                directory: theirs.kind == Some(FileKind::Directory),
            });
        }
    }
}

impl Walk for Up<'_> {
    type Dir = UpDir;
    type File = UpFile;

    async fn expand(&self, mut dir: UpDir) -> Result<Found<UpDir, UpFile>> {
        let local = {
            let (local, links) = (dir.dir.clone(), self.options.links);
            blocking(move || entries(&local, links))
        };
        let mut theirs = HashMap::new();
        let entries = if self.looks() && dir.exists != Some(false) {
            let (entries, listed) = futures::join!(local, self.theirs(&dir));
            match listed? {
                Some(listed) => {
                    theirs = listed;
                    dir.exists = Some(true);
                }
                None => dir.exists = Some(false),
            }
            entries?
        } else {
            local.await?
        };
        self.make_dir(&dir).await?;
        let mut found = Found {
            dirs: Vec::new(),
            files: Vec::new(),
        };
        for entry in entries {
            let path = join(&dir.path, entry.name.as_bytes());
            let counterpart = theirs.remove(entry.name.as_bytes());
            if !self
                .options
                .filter
                .takes(&path, entry.stat.kind == LocalKind::Directory)
            {
                self.ledger.skip(&path, "a filter leaves it out");
                continue;
            }
            if let Err(error) = self.sort_entry(&dir, entry, counterpart, &mut found).await {
                self.failed(error, false);
            }
        }
        if self.options.delete.is_some() {
            self.note_extras(&dir, theirs);
        }
        if self.transfers.options().keep_times
            && !self.options.dry_run
            && let Some(modified) = dir.modified
        {
            self.dirs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((dir.remote, modified));
        }
        Ok(found)
    }

    async fn carry(&self, file: UpFile) -> Result<()> {
        if self.options.dry_run {
            self.ledger.planned();
            return Ok(());
        }
        let local = file.dir.join(&file.name);
        let opened = {
            let path = local.clone();
            blocking(move || {
                if file.follow {
                    OpenedFile::open(&path)
                } else {
                    OpenedFile::new(file.dir.open_file(&file.name)?, path)
                }
            })
            .await
        };
        let receipt = self
            .transfers
            .upload_opened(opened, &local, &file.remote.into())
            .await?;
        self.ledger.arrived(&receipt);
        Ok(())
    }

    fn failed(&self, error: Error, listing: bool) {
        if listing {
            *self.unread.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.ledger
                .warn(error.failed_path().unwrap_or_default(), error.to_string());
        }
        self.ledger.failed(error);
    }
}

/// The entries of a local directory, with what they are; blocks.
fn entries(dir: &LocalDir, links: Links) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for name in dir.names()? {
        if is_temporary(name.as_bytes()) {
            continue;
        }
        // gone since it was listed
        let Some(stat) = dir.stat(&name)? else { continue };
        let (mut stat, mut says, mut link) = (stat, None, false);
        if stat.kind == LocalKind::Link {
            match links {
                Links::Skip => {}
                Links::Keep => says = Some(dir.read_link(&name)?),
                Links::Follow => {
                    if let Some(target) = dir.stat_followed(&name)? {
                        (stat, link) = (target, true);
                    }
                }
            }
        }
        entries.push(Entry {
            name,
            stat,
            link,
            says,
        });
    }
    Ok(entries)
}

/// Permission bits of a new directory: no more than the source's, and enough to fill it.
fn mode_of(stat: &LocalStat) -> u32 {
    stat.mode & 0o777 | 0o700
}

fn local_facts(stat: &LocalStat) -> Facts {
    Facts {
        size: Some(stat.size),
        modified: Some(stat.modified_secs()),
    }
}

pub(super) fn facts_of(attrs: &Attrs) -> Facts {
    Facts {
        size: attrs.size,
        modified: attrs.times.map(|(_, modified)| modified),
    }
}

pub(super) fn too_deep(path: Vec<u8>) -> Error {
    Error::new(
        ErrorKind::Guarded,
        Stage::Local,
        format!("the tree is deeper than {TREE_DEPTH} directories"),
    )
    .path(path)
}

/// Sets the times of directories, side by side.
async fn set_times(transfers: &Transfers, dirs: Vec<(Vec<u8>, (u32, u32))>, ledger: &Ledger) -> Result<()> {
    use futures::stream::StreamExt;
    let sftp = transfers.transfer.sftp();
    let mut refused = false;
    let mut answers = futures::stream::iter(dirs)
        .map(|(path, times)| async move {
            let attrs = Attrs {
                times: Some(times),
                ..Attrs::default()
            };
            let outcome = sftp.set_stat(&path, &attrs).await;
            (path, outcome)
        })
        .buffer_unordered(SETSTATS);
    while let Some((path, outcome)) = answers.next().await {
        match outcome {
            Ok(()) => {}
            Err(error) if sftp.end_reason().is_some() => return Err(error),
            // a server that refuses one refuses all
            Err(error) if !refused => {
                refused = true;
                ledger.warn(
                    &path,
                    format!("the server does not set the times of directories: {error}"),
                );
            }
            Err(_) => {}
        }
    }
    Ok(())
}

/// SETSTATs under way at a time.
const SETSTATS: usize = 64;
