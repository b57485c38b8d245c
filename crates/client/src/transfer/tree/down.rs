//! A remote tree to this machine.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use longshore_sftp::{Attrs, FileKind};

use super::super::events::{Reason, Report, Step};
use super::super::handles::Place;
use super::super::limits::TREE_DEPTH;
use super::super::local::{LocalDir, LocalKind, LocalStat, blocking, safe_name};
use super::super::naming::{is_temporary, join};
use super::super::partial::LocalTarget;
use super::super::transfers::Transfers;
use super::compare::{Facts, difference};
use super::drive::{Found, Walk, drive};
use super::ledger::Ledger;
use super::options::{Links, TreeOptions};
use super::remove::{Extra, LocalSide, refuse_empty, remove_extras};
use super::up::{DirTimes, facts_of, too_deep};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::sftp::{DirEntry, ReadDir};

/// A remote directory and its counterpart.
pub(super) struct DownDir {
    remote: Vec<u8>,
    /// Below the root; empty for the root.
    path: Vec<u8>,
    depth: usize,
    place: Counterpart,
    times: Option<(u32, u32)>,
    listing: Option<Listing>,
}

/// A listing that has been begun.
struct Listing {
    entries: ReadDir,
    place: Place,
    /// Local names that it has not named yet, if what the server lacks is to be removed.
    unnamed: Option<HashSet<OsString>>,
}

/// Where a directory's entries go.
#[derive(Clone)]
enum Counterpart {
    /// Open.
    There(LocalDir),
    /// To be made in the parent with these permission bits, or opened.
    In(LocalDir, OsString, u32),
    /// Of a dry run, that makes nothing.
    Nowhere,
}

/// A remote file and where it goes.
pub(super) struct DownFile {
    remote: Bytes,
    target: Option<LocalTarget>,
    attrs: Attrs,
}

struct Down<'a> {
    transfers: &'a Transfers,
    options: &'a TreeOptions,
    ledger: &'a Ledger,
    extras: Mutex<Vec<Extra>>,
    /// Local directories, below the root, whose times are set at the end.
    dirs: Mutex<DirTimes>,
    unread: Mutex<bool>,
}

/// What this machine has under a name.
type Ours = HashMap<Vec<u8>, LocalStat>;

impl Transfers {
    /// Downloads everything below a remote directory into a local one, which is made if need be. Names that a server lists lead
    /// nowhere else: those with a slash, `..` and the like are refused, and no link on the way is followed.
    ///
    /// # Errors
    /// The root cannot be listed or made, a guard refuses, or the session ends. What concerns single files stands in the report.
    pub async fn download_tree(
        &self,
        remote: impl AsRef<[u8]>,
        local: &Path,
        options: &TreeOptions,
    ) -> Result<Report> {
        let ledger = Ledger::new(self.transfer.events().clone(), options.dry_run);
        let remote = remote.as_ref().to_vec();
        let sftp = self.transfer.sftp();
        // an unreadable or empty source fails before anything is touched
        let (attrs, listing) = futures::join!(sftp.stat(&remote), self.transfer.read_dir(&remote));
        let (attrs, (mut entries, listing_place)) = (attrs?, listing?);
        if options.delete.is_some() {
            refuse_empty(entries.peek().await?.is_none(), &remote)?;
        }
        let (path, dry_run) = (local.to_owned(), options.dry_run);
        let root = blocking(move || {
            if dry_run {
                return Ok(LocalDir::open(&path).ok());
            }
            LocalDir::open_or_make(&path).map(Some)
        })
        .await?;
        let down = Down {
            transfers: self,
            options,
            ledger: &ledger,
            extras: Mutex::default(),
            dirs: Mutex::default(),
            unread: Mutex::new(false),
        };
        let place = root.clone().map_or(Counterpart::Nowhere, Counterpart::There);
        let unnamed = down.names_for_delete(&place).await?;
        let first = DownDir {
            remote,
            path: Vec::new(),
            depth: 0,
            place,
            times: attrs.times,
            listing: Some(Listing {
                entries,
                place: listing_place,
                unnamed,
            }),
        };
        drive(&self.transfer, &down, first).await?;
        down.finish(root).await?;
        Ok(ledger.into_report())
    }
}

/// Permission bits of a new directory: no more than the source's, and enough to fill it.
fn mode_of(attrs: &Attrs) -> u32 {
    attrs.permissions.map_or(0o777, |mode| mode & 0o777 | 0o700)
}

impl Down<'_> {
    async fn finish(self, root: Option<LocalDir>) -> Result<()> {
        let Some(root) = root else { return Ok(()) };
        let extras = self.extras.into_inner().unwrap_or_else(PoisonError::into_inner);
        let unread = self.unread.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(delete) = self.options.delete {
            let side = LocalSide { root: root.clone() };
            remove_extras(&side, extras, delete, unread, self.options, self.ledger).await?;
        }
        let mut dirs = self.dirs.into_inner().unwrap_or_else(PoisonError::into_inner);
        // the deepest first: nothing below changes them again
        dirs.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        blocking(move || {
            for (path, (accessed, modified)) in dirs {
                if let Ok(dir) = root.descend(&path) {
                    let _ = dir.set_times(modified, accessed);
                }
            }
            Ok(())
        })
        .await
    }

    /// The local names of a directory, if what the server lacks is to be removed.
    async fn names_for_delete(&self, place: &Counterpart) -> Result<Option<HashSet<OsString>>> {
        let (Some(_), Counterpart::There(dir)) = (self.options.delete, place) else {
            return Ok(None);
        };
        let dir = dir.clone();
        blocking(move || {
            let mut names = dir.names()?;
            names.retain(|name| !is_temporary(name.as_bytes()));
            Ok(Some(names.into_iter().collect()))
        })
        .await
    }

    /// Opens or makes the local directory.
    async fn settle(&self, dir: &DownDir) -> Result<Counterpart> {
        let Counterpart::In(parent, name, mode) = dir.place.clone() else {
            return Ok(dir.place.clone());
        };
        let dry_run = self.options.dry_run;
        let (child, made) = blocking(move || {
            if dry_run {
                return Ok(match parent.stat(&name)?.map(|stat| stat.kind) {
                    Some(LocalKind::Directory) => (Some(parent.child(&name)?), false),
                    _ => (None, true),
                });
            }
            let (child, made) = parent.child_or_make(&name, mode)?;
            Ok((Some(child), made))
        })
        .await?;
        if made {
            self.ledger.step(Step::MakeDir {
                path: dir.path.clone(),
            });
        }
        Ok(child.map_or(Counterpart::Nowhere, Counterpart::There))
    }

    /// What is here under the names of a page.
    async fn ours(&self, place: &Counterpart, page: &[DirEntry]) -> Result<Ours> {
        let Counterpart::There(dir) = place else {
            return Ok(Ours::new());
        };
        let dir = dir.clone();
        let names: Vec<_> = page.iter().map(|entry| entry.name.to_vec()).collect();
        blocking(move || {
            let mut ours = Ours::new();
            for name in names {
                if let Ok(safe) = safe_name(&name)
                    && let Some(stat) = dir.stat(safe)?
                {
                    ours.insert(name, stat);
                }
            }
            Ok(ours)
        })
        .await
    }

    async fn sort_entry(
        &self,
        dir: &DownDir,
        place: &Counterpart,
        entry: DirEntry,
        ours: Option<&LocalStat>,
        found: &mut Found<DownDir, DownFile>,
    ) -> Result<()> {
        let name = safe_name(&entry.name)?.to_owned();
        let (path, remote) = (join(&dir.path, &entry.name), join(&dir.remote, &entry.name));
        let mut attrs = entry.attrs;
        let follow = self.options.links == Links::Follow && attrs.kind() == Some(FileKind::SymLink);
        if follow || attrs.kind().is_none() {
            // servers that leave the type out of a listing tell it here
            attrs = self.transfers.transfer.sftp().stat(&remote).await?;
        }
        let directory = attrs.kind() == Some(FileKind::Directory);
        if !self.options.filter.takes(&path, directory) {
            self.ledger.skip(&path, "a filter leaves it out");
            return Ok(());
        }
        match attrs.kind() {
            Some(FileKind::Directory) if dir.depth >= TREE_DEPTH => return Err(too_deep(path)),
            Some(FileKind::Directory) => found.dirs.push(DownDir {
                remote,
                path,
                depth: dir.depth + 1,
                place: match place {
                    Counterpart::There(parent) => Counterpart::In(parent.clone(), name, mode_of(&attrs)),
                    _ => Counterpart::Nowhere,
                },
                times: attrs.times,
                listing: None,
            }),
            // a server that never tells types is believed to have files
            Some(FileKind::Regular) | None => self.sort_file(place, &name, path, remote, attrs, ours, found),
            Some(FileKind::SymLink) if self.options.links == Links::Keep => {
                self.make_link(place, &name, path, &remote, ours).await?;
            }
            Some(FileKind::SymLink) => self.ledger.skip(&path, "it is a symbolic link"),
            Some(_) => self.ledger.skip(&path, "it is no file, directory or link"),
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one entry, and where it goes")]
    fn sort_file(
        &self,
        place: &Counterpart,
        name: &OsStr,
        path: Vec<u8>,
        remote: Vec<u8>,
        attrs: Attrs,
        ours: Option<&LocalStat>,
        found: &mut Found<DownDir, DownFile>,
    ) {
        let reason = match ours {
            Some(stat) if stat.kind != LocalKind::File => Some(Reason::Kind),
            _ => {
                let facts = ours.map(|stat| Facts {
                    size: Some(stat.size),
                    modified: Some(stat.modified_secs()),
                });
                difference(self.options.compare, facts_of(&attrs), facts)
            }
        };
        let Some(reason) = reason else {
            self.ledger.step(Step::Same { path });
            return;
        };
        self.ledger.step(Step::Copy {
            path,
            size: attrs.size.unwrap_or(0),
            reason,
        });
        found.files.push(DownFile {
            remote: remote.into(),
            target: match place {
                Counterpart::There(dir) => Some(LocalTarget {
                    dir: dir.clone(),
                    name: name.to_owned(),
                }),
                _ => None,
            },
            attrs,
        });
    }

    async fn make_link(
        &self,
        place: &Counterpart,
        name: &OsStr,
        path: Vec<u8>,
        remote: &[u8],
        ours: Option<&LocalStat>,
    ) -> Result<()> {
        let says = self.transfers.transfer.sftp().read_link(remote).await?;
        let kind = ours.map(|stat| stat.kind);
        if let Counterpart::There(dir) = place {
            let (dir, name, target) = (dir.clone(), name.to_owned(), says.to_vec());
            let dry_run = self.options.dry_run;
            let same = blocking(move || {
                match kind {
                    Some(LocalKind::Link) if dir.read_link(&name)? == target => return Ok(true),
                    Some(LocalKind::Directory) => {
                        return Err(Error::new(
                            ErrorKind::IsADirectory,
                            Stage::Local,
                            "a directory has the name",
                        )
                        .path(name.as_bytes()));
                    }
                    Some(_) if !dry_run => dir.remove(&name, false)?,
                    _ => {}
                }
                if !dry_run {
                    dir.symlink(OsStr::from_bytes(&target), &name)?;
                }
                Ok(false)
            })
            .await?;
            if same {
                self.ledger.step(Step::Same { path });
                return Ok(());
            }
        }
        self.ledger.step(Step::Link {
            path,
            target: says.to_vec(),
        });
        Ok(())
    }

    /// The listing is at its end: what is left of the local names is not on the server.
    async fn note_extras(&self, dir: &DownDir, place: &Counterpart, left: HashSet<OsString>) -> Result<()> {
        let Counterpart::There(local) = place else {
            return Ok(());
        };
        let local = local.clone();
        let kinds = blocking(move || {
            left.into_iter()
                .map(|name| Ok((local.stat(&name)?, name)))
                .collect::<Result<Vec<_>>>()
        })
        .await?;
        let mut extras = self.extras.lock().unwrap_or_else(PoisonError::into_inner);
        for (stat, name) in kinds {
            if let Some(stat) = stat {
                extras.push(Extra {
                    path: join(&dir.path, name.as_bytes()),
                    directory: stat.kind == LocalKind::Directory,
                });
            }
        }
        Ok(())
    }
}

impl Walk for Down<'_> {
    type Dir = DownDir;
    type File = DownFile;

    /// Looks at a page at a time, so that a directory of any size fits into memory.
    async fn expand(&self, mut dir: DownDir) -> Result<Found<DownDir, DownFile>> {
        let place = self.settle(&dir).await?;
        let mut listing = match dir.listing.take() {
            Some(begun) => begun,
            None => {
                let unnamed = self.names_for_delete(&place).await?;
                let (entries, place) = self.transfers.transfer.read_dir(&dir.remote).await?;
                Listing {
                    entries,
                    place,
                    unnamed,
                }
            }
        };
        let mut page = listing.entries.next_page().await?;
        while !page.is_empty() && self.transfers.pool().handles().scarce() {
            // the handle of this listing is one that the files need
            let more = listing.entries.next_page().await?;
            if more.is_empty() {
                break;
            }
            page.extend(more);
        }
        let mut found = Found {
            dirs: Vec::new(),
            files: Vec::new(),
        };
        if page.is_empty() {
            drop(listing.place);
            if let Some(left) = listing.unnamed {
                self.note_extras(&dir, &place, left).await?;
            }
            if let (true, false, Some(times)) = (
                self.transfers.options().keep_times,
                self.options.dry_run,
                dir.times,
            ) {
                let mut dirs = self.dirs.lock().unwrap_or_else(PoisonError::into_inner);
                dirs.push((dir.path, times));
            }
            return Ok(found);
        }
        let ours = self.ours(&place, &page).await?;
        for entry in page {
            if is_temporary(&entry.name) {
                continue;
            }
            if let Some(names) = &mut listing.unnamed {
                names.remove(OsStr::from_bytes(&entry.name));
            }
            let here = ours.get(&entry.name[..]).copied();
            let failed_path = join(&dir.remote, &entry.name);
            if let Err(error) = self
                .sort_entry(&dir, &place, entry, here.as_ref(), &mut found)
                .await
            {
                let error = if error.failed_operation().is_none() {
                    error.path(failed_path)
                } else {
                    error
                };
                self.ledger
                    .warn(error.failed_path().unwrap_or_default(), error.to_string());
                self.failed(error, false);
            }
        }
        dir.place = place;
        dir.listing = Some(listing);
        // the rest of this directory comes next
        found.dirs.push(dir);
        Ok(found)
    }

    async fn carry(&self, file: DownFile) -> Result<()> {
        let (false, Some(target)) = (self.options.dry_run, file.target) else {
            self.ledger.planned();
            return Ok(());
        };
        let local = target.path();
        let receipt = self
            .transfers
            .download_to_target(&file.remote, Ok(target), &local, Some(&file.attrs))
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
