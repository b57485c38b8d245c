//! SETSTAT and FSETSTAT (draft-ietf-secsh-filexfer-02 §6.9), `lsetstat@openssh.com` (OpenSSH PROTOCOL §4.7).

use longshore_sftp::{Attrs, Handle};
use longshore_storage::Stat;

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
    let follow = follow || directory;
    context.home.set_stat(&path, &to_changes(attrs), follow).await?;
    if attrs.owner.is_some() {
        expect_owner(attrs, &context.home.stat(&path, follow).await?)?;
    }
    Ok(())
}

async fn set_handle(context: &Context, handle: &Handle, attrs: &Attrs) -> Result<(), OpError> {
    let changes = to_changes(attrs);
    match context.handles.get(handle)? {
        Open::File(file) => {
            file.set_stat(&changes).await?;
            if attrs.owner.is_some() {
                expect_owner(attrs, &file.stat().await?)?;
            }
        }
        Open::Directory(directory) => {
            context.home.set_stat(&directory.path, &changes, true).await?;
            if attrs.owner.is_some() {
                expect_owner(attrs, &context.home.stat(&directory.path, true).await?)?;
            }
        }
    }
    Ok(())
}

/// Clients that keep owners send them with every file (`cp -p`, `put -p` of some): fine as long as that changes nothing.
/// A store that gives files away does so in `set_stat`; in all others an owner that is not there now was refused. As with
/// OpenSSH's server the other changes stand.
fn expect_owner(attrs: &Attrs, stat: &Stat) -> Result<(), OpError> {
    match attrs.owner {
        Some(owner) if owner != (stat.uid, stat.gid) => Err(OpError::NotPermitted),
        _ => Ok(()),
    }
}
