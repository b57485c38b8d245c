//! STAT, LSTAT and FSTAT (draft-ietf-secsh-filexfer-02 §6.8).

use longshore_sftp::{Handle, Reply};
use longshore_storage::Stat;

use crate::attrs::to_wire;
use crate::context::Context;
use crate::error::OpError;
use crate::handles::Open;
use crate::replies::{Replied, ReplyTo};

/// Follows links.
pub(crate) async fn stat(context: &Context, path: &[u8], reply: ReplyTo) -> Replied {
    answer(reply, stat_path(context, path, true).await)
}

/// Does not follow a link at the end, unless a slash stands behind it.
pub(crate) async fn lstat(context: &Context, path: &[u8], reply: ReplyTo) -> Replied {
    answer(reply, stat_path(context, path, false).await)
}

/// Of an open file or directory; an unfinished upload shows what it would publish now.
pub(crate) async fn fstat(context: &Context, handle: &Handle, reply: ReplyTo) -> Replied {
    answer(reply, stat_handle(context, handle).await)
}

async fn stat_path(context: &Context, path: &[u8], follow: bool) -> Result<Stat, OpError> {
    let (path, directory) = context.path(path).await?;
    Ok(context.home.stat(&path, follow || directory).await?)
}

async fn stat_handle(context: &Context, handle: &Handle) -> Result<Stat, OpError> {
    match context.handles.get(handle)? {
        Open::File(file) => file.stat().await,
        Open::Directory(directory) => Ok(context.home.stat(&directory.path, true).await?),
    }
}

fn answer(reply: ReplyTo, stat: Result<Stat, OpError>) -> Replied {
    reply.reply(stat.map(|stat| Reply::Attrs(to_wire(&stat))))
}
