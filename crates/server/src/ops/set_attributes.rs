//! SETSTAT and FSETSTAT (draft-ietf-secsh-filexfer-02 §6.9), `lsetstat@openssh.com` (OpenSSH PROTOCOL §4.7).

use longshore_sftp::{Attrs, Handle};
use longshore_storage::{ErrorKind, SetStat, Stat};

use crate::attrs::to_changes;
use crate::context::Context;
use crate::error::OpError;
use crate::handles::Open;
use crate::replies::{Replied, ReplyTo};

/// Follows links.
pub(crate) async fn setstat(context: &Context, path: &[u8], attrs: &Attrs, reply: ReplyTo) -> Replied {
    reply.status(set_path(context, path, attrs, true).await)
}

/// Does not follow a link at the end, unless a slash stands behind it. A size is refused: a link has none to set.
pub(crate) async fn lsetstat(context: &Context, path: &[u8], attrs: &Attrs, reply: ReplyTo) -> Replied {
    reply.status(set_path(context, path, attrs, false).await)
}

/// Of an open handle; on an upload it takes effect with CLOSE.
pub(crate) async fn fsetstat(context: &Context, handle: &Handle, attrs: &Attrs, reply: ReplyTo) -> Replied {
    reply.status(set_handle(context, handle, attrs).await)
}

async fn set_path(context: &Context, path: &[u8], attrs: &Attrs, follow: bool) -> Result<(), OpError> {
    if !follow && attrs.size.is_some() {
        return Err(OpError::SizeOfLink);
    }
    let (path, directory) = context.path(path).await?;
    let follow = follow || directory;
    let changes = to_changes(attrs);
    let mut set = context.home.set_stat(&path, &changes, follow).await;
    if set.is_err() {
        for change in one_by_one(&changes) {
            if let Err(error) = context.home.set_stat(&path, &change, follow).await {
                set = Err(error);
            }
        }
    }
    if attrs.owner.is_some() {
        expect_owner(attrs, &context.home.stat(&path, follow).await?)?;
    }
    match set {
        Err(error) if !follow && error.kind() == ErrorKind::Unsupported => Err(OpError::ModeOfLink),
        set => Ok(set?),
    }
}

/// OpenSSH's server goes on after an attribute that cannot be set, and answers with the last failure: clients that send
/// all they know of a file count on the others. Nothing to do when there is only one.
fn one_by_one(changes: &SetStat) -> Vec<SetStat> {
    let none = SetStat::default;
    let each = [
        changes.size.map(|size| SetStat {
            size: Some(size),
            ..none()
        }),
        changes.mode.map(|mode| SetStat {
            mode: Some(mode),
            ..none()
        }),
        changes.times.map(|times| SetStat {
            times: Some(times),
            ..none()
        }),
        changes.owner.map(|owner| SetStat {
            owner: Some(owner),
            ..none()
        }),
    ];
    let each: Vec<_> = each.into_iter().flatten().collect();
    if each.len() > 1 { each } else { Vec::new() }
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
