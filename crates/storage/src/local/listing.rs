//! Listing a directory page by page.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use rustix::fs::{AtFlags, Dir, OFlags, statat};
use rustix::io::Errno;

use super::attrs::stat_of;
use super::blocking::Jobs;
use super::budget::Taken;
use super::fault::Fault;
use super::home::HomeRoot;
use super::look::settle;
use super::resolve::DirId;
use crate::error::{ErrorKind, Result};
use crate::limits;
use crate::path::RemotePath;
use crate::store::Listing;
use crate::types::DirEntry;
use crate::uploads::Staged;

/// Starts a listing of what the viewer sees.
pub(super) fn open(home: &Arc<HomeRoot>, path: &RemotePath) -> Result<Box<dyn Listing>, Fault> {
    settle(|| {
        let place = home.find(path, true)?;
        place.existing()?;
        let taken = home.shared.descriptors.take(1)?;
        let fd = match place.open(OFlags::RDONLY | OFlags::DIRECTORY) {
            Ok(fd) => fd,
            // With O_DIRECTORY a link that came since the look is ENOTDIR; looking again settles it either way.
            Err(Errno::LOOP) => return Err(ErrorKind::Busy.into()),
            Err(errno) => return Err(errno.into()),
        };
        let own = home.shared.uploads.seen_in(DirId::of(&fd)?, home.viewer);
        let walk = Walk {
            dir: Dir::new(fd)?,
            own,
            at_end: false,
            _taken: taken,
        };
        Ok(Box::new(LocalListing {
            walk: Ok(walk),
            path: path.clone(),
            jobs: home.jobs.clone(),
        }) as Box<dyn Listing>)
    })
}

struct LocalListing {
    /// After a failed page its reason: entries read before it are lost, and going on would hide that. `Internal` when
    /// a page was cut off half way: the place in the directory is lost then.
    walk: Result<Walk, Fault>,
    path: RemotePath,
    jobs: Jobs,
}

struct Walk {
    dir: Dir,
    /// Own unfinished uploads whose names have not come up yet.
    own: BTreeMap<Box<[u8]>, Arc<Staged>>,
    at_end: bool,
    _taken: Taken,
}

#[async_trait]
impl Listing for LocalListing {
    async fn next_page(&mut self, max_entries: usize) -> Result<Vec<DirEntry>> {
        let max_entries = max_entries.clamp(1, limits::PAGE_ENTRIES);
        let path = &self.path;
        let cut_off = Err(ErrorKind::Internal.into());
        let mut walk = match std::mem::replace(&mut self.walk, cut_off) {
            Ok(walk) => walk,
            Err(fault) => {
                self.walk = Err(fault);
                return Err(fault.during("list", path.as_bytes()));
            }
        };
        let work = move || {
            Ok(match walk.page(max_entries) {
                Ok(page) => (Ok(walk), page),
                Err(fault) => (Err(fault), Vec::new()),
            })
        };
        let (walk, page) = self.jobs.run("list", work).await?;
        self.walk = walk;
        match &self.walk {
            Ok(_) => Ok(page),
            Err(fault) => Err(fault.during("list", path.as_bytes())),
        }
    }
}

impl Walk {
    fn page(&mut self, max_entries: usize) -> Result<Vec<DirEntry>, Fault> {
        let mut page = Vec::new();
        while page.len() < max_entries && !self.at_end {
            match self.dir.read() {
                Some(entry) => page.extend(self.entry(entry?.file_name().to_bytes())?),
                None => self.at_end = true,
            }
        }
        while page.len() < max_entries {
            // What is left of the own uploads has no published file beside it.
            let Some((name, upload)) = self.own.pop_first() else {
                break;
            };
            if let Ok(stat) = upload.stat() {
                page.push(DirEntry {
                    name: name.into_vec(),
                    stat,
                });
            }
        }
        Ok(page)
    }

    fn entry(&mut self, name: &[u8]) -> Result<Option<DirEntry>, Fault> {
        if matches!(name, b"." | b"..") {
            return Ok(None);
        }
        let own = self.own.remove(name).and_then(|upload| upload.stat().ok());
        let stat = match own {
            Some(stat) => stat,
            None => match statat(self.dir.fd()?, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(raw) => stat_of(&raw),
                Err(Errno::NOENT) => return Ok(None), // removed since
                Err(errno) => return Err(errno.into()),
            },
        };
        Ok(Some(DirEntry {
            name: name.to_vec(),
            stat,
        }))
    }
}
