//! SYMLINK (draft-ietf-secsh-filexfer-02 §6.10) with the arguments in OpenSSH's order, which all clients send.

use longshore_storage::{PathError, RemotePath};

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

/// The target is kept as written; it means what its user sees, and may name nothing.
pub(crate) async fn symlink(context: &Context, target: &[u8], link: &[u8], reply: ReplyTo) -> Replied {
    reply.status(make_link(context, target, link).await)
}

async fn make_link(context: &Context, target: &[u8], link: &[u8]) -> Result<(), OpError> {
    if target.contains(&0) {
        return Err(PathError::Nul.into());
    }
    if target.len() > RemotePath::MAX_LEN {
        return Err(PathError::TooLong { len: target.len() }.into());
    }
    let link = context.name_of_no_directory(link).await?;
    Ok(context.home.symlink(target, &link).await?)
}
