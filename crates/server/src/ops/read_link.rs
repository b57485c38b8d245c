//! READLINK (draft-ietf-secsh-filexfer-02 §6.10).

use longshore_sftp::Reply;

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

pub(crate) async fn read_link(context: &Context, path: &[u8], reply: ReplyTo) -> Replied {
    let target = target(context, path).await;
    reply.reply(target.map(|target| Reply::path(target.into())))
}

async fn target(context: &Context, path: &[u8]) -> Result<Vec<u8>, OpError> {
    let (path, _) = context.path(path).await?;
    Ok(context.home.read_link(&path).await?)
}
