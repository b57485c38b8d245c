//! Symbolic links, whose request two families of servers read in opposite ways.
//!
//! The draft (§6.10) sends the link's own path first, OpenSSH the target. Most servers do as OpenSSH; some decide by the
//! client's name. So the new link is read back in the same breath, and a link that turned out the wrong way round is taken
//! away and made again.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use longshore_sftp::{Reply, Request};

use super::link::Answering;
use super::operations::{bytes_of, take, take_ok};
use super::session::Sftp;
use crate::error::{Error, ErrorKind, Result, Stage};

impl Sftp {
    /// Makes a link at `link` that says `target`.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`], or what the server says.
    pub async fn symlink(&self, target: impl AsRef<[u8]>, link: impl AsRef<[u8]>) -> Result<()> {
        let (target, link) = (bytes_of(target), bytes_of(link));
        let reversed = self.inner.symlink_reversed.load(Ordering::Relaxed);
        let (made, found) = self.make_and_read(&target, &link, reversed).await;
        if let Err(error) = made {
            let taken = error.kind() == ErrorKind::Failure && self.lstat(&link).await.is_ok();
            return Err(if taken {
                error.refined(ErrorKind::AlreadyExists, "the name is taken")
            } else {
                error
            });
        }
        if found.is_none_or(|found| found == target) {
            return Ok(());
        }
        self.turn_round(&target, &link, reversed).await
    }

    /// Whether the server has turned out to take the link's own path first, as the draft has it and OpenSSH has not. Known after
    /// the first link.
    #[must_use]
    pub fn symlinks_reversed(&self) -> bool {
        self.inner.symlink_reversed.load(Ordering::Relaxed)
    }

    /// The answer to SYMLINK, and what the link says. `None`: the server cannot tell.
    async fn make_and_read(
        &self,
        target: &Bytes,
        link: &Bytes,
        reversed: bool,
    ) -> (Result<()>, Option<Bytes>) {
        let (first, second) = if reversed { (link, target) } else { (target, link) };
        let make = Request::SymLink {
            target_path: first.clone(),
            link_path: second.clone(),
        };
        let read = Request::ReadLink { path: link.clone() };
        let (make_cost, read_cost) = (self.place().await, self.place().await);
        let made = self.inner.link.send(&make, make_cost);
        let read = self.inner.link.send(&read, read_cost);
        let (made, read) = futures::join!(take_ok(made, "symlink", link), take(read, "readlink", link));
        let found = match read {
            Ok(Answering::Other(Reply::Name(entries))) => {
                entries.into_iter().next().map(|entry| entry.filename)
            }
            Ok(Answering::Other(Reply::Status(status)))
                if status.code == longshore_sftp::StatusCode::NO_SUCH_FILE =>
            {
                Some(Bytes::new())
            }
            _ => None,
        };
        (made, found)
    }

    /// The link is not where it should be. If it is the other way round, it is moved, and the server is known from now on.
    async fn turn_round(&self, target: &Bytes, link: &Bytes, reversed: bool) -> Result<()> {
        let misplaced = self.read_link(target).await.is_ok_and(|found| found == *link);
        if !misplaced {
            // a server that rewrites targets (a jail that makes them absolute) has made the link all the same
            return match self.lstat(link).await {
                Ok(_) => Ok(()),
                Err(error) => Err(Error::new(
                    ErrorKind::Failure,
                    Stage::Sftp,
                    "the server says that it made the link, which is not there",
                )
                .operation("symlink")
                .path(&link[..])
                .caused_by(error)),
            };
        }
        self.remove(target).await?;
        self.inner.symlink_reversed.store(!reversed, Ordering::Relaxed);
        self.make_and_read(target, link, !reversed).await.0
    }
}
