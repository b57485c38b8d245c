//! OPENDIR and READDIR (draft-ietf-secsh-filexfer-02 §6.7).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use longshore_sftp::limits::NAME_LIST_LEN;
use longshore_sftp::{Handle, NameListBuilder, Reply, RequestId};
use longshore_storage::{DirEntry, RemotePath};
use tokio::sync::Mutex;

use crate::attrs::{seconds, to_wire};
use crate::context::Context;
use crate::error::OpError;
use crate::handles::{DirectoryListing, HandleId, Open, OpenDirectory};
use crate::limits::READDIR_PAGE_ENTRIES;
use crate::replies::{Replied, ReplyTo};

pub(crate) async fn opendir(context: &Context, path: &[u8], reply: ReplyTo) -> Replied {
    let opened = open_directory(context, path).await;
    reply.reply(opened.map(|id| Reply::Handle(id.to_wire())))
}

/// Answers with as many entries as fit; EOF when there are no more.
pub(crate) async fn readdir(context: &Context, handle: &Handle, reply: ReplyTo) -> Replied {
    let page = next_page(context, handle, reply.id()).await;
    reply.packet(page)
}

async fn open_directory(context: &Context, path: &[u8]) -> Result<HandleId, OpError> {
    let place = context.handles.directory_place()?;
    let path = context.parse(path)?;
    let pages = context.home.list(&path).await?;
    let listing = DirectoryListing {
        pages,
        at_start: true,
        left: VecDeque::new(),
        ended: false,
    };
    let directory = OpenDirectory {
        path,
        listing: Mutex::new(listing),
    };
    Ok(context
        .handles
        .insert(place, Open::Directory(Arc::new(directory))))
}

/// `.` and `..`, which the store leaves out and clients of OpenSSH's server are used to. Nothing is above the root.
///
/// Like the others they are looked at when the directory was read, and left out when they are gone by then.
async fn dots(context: &Context, path: &RemotePath) -> Vec<DirEntry> {
    // Above is where the directory lies, not the last link that led there.
    let Ok(path) = context.home.real_path(path).await else {
        return Vec::new();
    };
    let above = path.parent().unwrap_or_else(RemotePath::root);
    let mut dots = Vec::new();
    for (name, path) in [(".", &path), ("..", &above)] {
        if let Ok(stat) = context.home.stat(path, false).await {
            let name = name.into();
            dots.push(DirEntry { name, stat });
        }
    }
    dots
}

async fn next_page(context: &Context, handle: &Handle, id: RequestId) -> Result<Bytes, OpError> {
    let directory = context.handles.directory(handle)?;
    let mut listing = directory.listing.lock().await;
    let now = seconds(SystemTime::now()).into();
    let mut names = NameListBuilder::new(id, NAME_LIST_LEN);
    loop {
        while let Some(entry) = listing.left.front() {
            let fits = names.push(&entry.name, &to_wire(&entry.stat), entry.stat.links, now);
            if !fits && !names.is_empty() {
                return Ok(names.finish());
            }
            // A name that does not even fit alone cannot be told to anybody.
            listing.left.pop_front();
        }
        if listing.ended {
            break;
        }
        let page = listing.pages.next_page(READDIR_PAGE_ENTRIES).await?;
        listing.ended = page.is_empty();
        if std::mem::take(&mut listing.at_start) {
            listing.left.extend(dots(context, &directory.path).await);
        }
        listing.left.extend(page);
    }
    if names.is_empty() {
        return Err(OpError::EndOfFile);
    }
    Ok(names.finish())
}
