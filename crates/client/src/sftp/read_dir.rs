//! Listing a directory.

use std::collections::VecDeque;

use bytes::Bytes;
use futures::Stream;
use longshore_sftp::{Attrs, FileKind, Reply, Request, StatusCode};

use super::limits::READ_DIR_AHEAD;
use super::link::{Answering, Cost, OpenHandle, ReplyFuture};
use super::operations::refusal;
use super::session::Sftp;
use crate::error::Result;

/// A directory that is being listed; a page is in memory at a time, and the next ones are under way.
#[derive(Debug)]
pub struct ReadDir {
    sftp: Sftp,
    handle: Option<OpenHandle>,
    path: Bytes,
    asked: VecDeque<ReplyFuture>,
    page: VecDeque<DirEntry>,
    done: bool,
}

/// An entry of a directory, as the server tells it: the name may be anything, also one that no file should get here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name.
    pub name: Bytes,
    /// The line of `ls -l` that the server made.
    pub long_name: Bytes,
    /// Its attributes, of the link itself when it is one.
    pub attrs: Attrs,
}

impl DirEntry {
    /// What it is, if the server says so.
    #[must_use]
    pub fn kind(&self) -> Option<FileKind> {
        self.attrs.kind()
    }
}

impl ReadDir {
    pub(super) fn new(sftp: Sftp, handle: OpenHandle, path: Bytes) -> Self {
        Self {
            sftp,
            handle: Some(handle),
            path,
            asked: VecDeque::new(),
            page: VecDeque::new(),
            done: false,
        }
    }

    /// The next entry, in the server's order.
    ///
    /// # Errors
    /// What the server says.
    pub async fn next(&mut self) -> Result<Option<DirEntry>> {
        loop {
            if let Some(entry) = self.page.pop_front() {
                return Ok(Some(entry));
            }
            if self.done {
                return Ok(None);
            }
            self.fetch().await?;
        }
    }

    /// The next entry, which stays the next one.
    ///
    /// # Errors
    /// What the server says.
    pub async fn peek(&mut self) -> Result<Option<&DirEntry>> {
        while self.page.is_empty() && !self.done {
            self.fetch().await?;
        }
        Ok(self.page.front())
    }

    /// Some hundred entries at a time; empty at the end.
    ///
    /// # Errors
    /// What the server says.
    pub async fn next_page(&mut self) -> Result<Vec<DirEntry>> {
        while self.page.is_empty() && !self.done {
            self.fetch().await?;
        }
        Ok(self.page.drain(..).collect())
    }

    /// Everything, in the server's order: for directories of a size that fits into memory.
    ///
    /// # Errors
    /// What the server says.
    pub async fn all(mut self) -> Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        while !self.done || !self.page.is_empty() {
            entries.extend(self.next_page().await?);
        }
        Ok(entries)
    }

    /// The entries as a stream; it ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<DirEntry>> + Send {
        futures::stream::try_unfold(self, |mut listing| async move {
            Ok(listing.next().await?.map(|entry| (entry, listing)))
        })
    }

    async fn fetch(&mut self) -> Result<()> {
        self.ask();
        let Some(reply) = self.asked.front_mut() else {
            self.done = true;
            return Ok(());
        };
        // stays in the queue when this future is dropped
        let outcome = reply.await;
        self.asked.pop_front();
        match outcome.map_err(|failure| failure.error("readdir", &self.path)) {
            Ok(answered) => match answered.reply {
                Answering::Other(Reply::Name(entries)) => {
                    self.page.extend(
                        entries
                            .into_iter()
                            .filter(|entry| entry.filename != b"."[..] && entry.filename != b".."[..])
                            .map(|entry| DirEntry {
                                name: entry.filename,
                                long_name: entry.longname,
                                attrs: entry.attrs,
                            }),
                    );
                    Ok(())
                }
                Answering::Other(Reply::Status(status)) if status.code == StatusCode::EOF => {
                    self.end();
                    Ok(())
                }
                other => {
                    self.done = true;
                    Err(refusal(other, "readdir", &self.path))
                }
            },
            Err(error) => {
                self.done = true;
                Err(error)
            }
        }
    }

    fn ask(&mut self) {
        let Some(handle) = &self.handle else { return };
        let request = Request::ReadDir {
            handle: handle.get().clone(),
        };
        while self.asked.len() < READ_DIR_AHEAD {
            self.asked
                .push_back(self.sftp.inner.link.send(&request, Cost::default()));
        }
    }

    /// The server has no more. Pages that were asked for as well are taken: a server that answers side by side may still have
    /// entries in them.
    fn end(&mut self) {
        if let Some(handle) = self.handle.take() {
            // the answer tells nothing that matters for a listing
            drop(handle.close(false));
        }
        if self.asked.is_empty() {
            self.done = true;
        }
    }
}
