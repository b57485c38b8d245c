//! `fsync@openssh.com` (OpenSSH PROTOCOL §4.6).

use longshore_sftp::Handle;

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

/// Data written through the handle is durable when this is answered, though not yet visible for an upload.
pub(crate) async fn fsync(context: &Context, handle: &Handle, reply: ReplyTo) -> Replied {
    reply.status(sync(context, handle).await)
}

async fn sync(context: &Context, handle: &Handle) -> Result<(), OpError> {
    context.handles.file(handle)?.sync().await
}
