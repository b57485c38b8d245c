//! SETSTAT and FSETSTAT (draft-ietf-secsh-filexfer-02 §6.9), `lsetstat@openssh.com` (OpenSSH PROTOCOL §4.7).

use longshore_sftp::{Attrs, Handle};

use crate::attrs::to_changes;
use crate::context::Context;
use crate::error::OpError;
use crate::handles::Open;
use crate::replies::{Replied, ReplyTo};

/// Follows links.
pub(crate) async fn setstat(context: &Context, path: &[u8], attrs: &Attrs, reply: ReplyTo) -> Replied {
    reply.status(set_path(context, path, attrs, true).await)
}

/// Does not follow a link at the end, unless a slash stands behind it.
pub(crate) async fn lsetstat(context: &Context, path: &[u8], attrs: &Attrs, reply: ReplyTo) -> Replied {
    reply.status(set_path(context, path, attrs, false).await)
}

/// Of an open handle; on an upload it takes effect with CLOSE.
pub(crate) async fn fsetstat(context: &Context, handle: &Handle, attrs: &Attrs, reply: ReplyTo) -> Replied {
    reply.status(set_handle(context, handle, attrs).await)
}

async fn set_path(context: &Context, path: &[u8], attrs: &Attrs, follow: bool) -> Result<(), OpError> {
    let (path, directory) = context.path(path).await?;
    Ok(context
        .home
        .set_stat(&path, &to_changes(attrs), follow || directory)
        .await?)
}

async fn set_handle(context: &Context, handle: &Handle, attrs: &Attrs) -> Result<(), OpError> {
    let changes = to_changes(attrs);
    match context.handles.get(handle)? {
        Open::File(file) => file.set_stat(&changes).await,
        Open::Directory(directory) => Ok(context.home.set_stat(&directory.path, &changes, true).await?),
    }
}
