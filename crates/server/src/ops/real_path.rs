//! REALPATH (draft-ietf-secsh-filexfer-02 §6.11).

use bytes::Bytes;
use longshore_sftp::Reply;

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

/// What does not exist stays as it is written: clients ask before they create.
pub(crate) async fn real_path(context: &Context, path: &[u8], reply: ReplyTo) -> Replied {
    reply.reply(resolve(context, path).await.map(Reply::path))
}

/// The canonical path. `/` needs no store: every client asks for it at the start.
pub(super) async fn resolve(context: &Context, path: &[u8]) -> Result<Bytes, OpError> {
    let path = context.parse(path)?;
    let real = if path.is_root() {
        path
    } else {
        context.home.real_path(&path).await?
    };
    Ok(Bytes::copy_from_slice(real.as_bytes()))
}
