//! RENAME (draft-ietf-secsh-filexfer-02 §6.5), which never replaces, and `posix-rename@openssh.com` (OpenSSH
//! PROTOCOL §4.3), which does.

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

pub(crate) async fn rename(context: &Context, old: &[u8], new: &[u8], reply: ReplyTo) -> Replied {
    reply.status(rename_path(context, old, new, false).await)
}

pub(crate) async fn posix_rename(context: &Context, old: &[u8], new: &[u8], reply: ReplyTo) -> Replied {
    reply.status(rename_path(context, old, new, true).await)
}

async fn rename_path(context: &Context, old: &[u8], new: &[u8], replace: bool) -> Result<(), OpError> {
    let (old, _) = context.path(old).await?;
    let new = context.new_name(new, &old, replace).await?;
    context.home.rename(&old, &new, replace).await?;
    if let Some(records) = context.session.records() {
        records.renamed(&old, &new).await;
    }
    Ok(())
}
