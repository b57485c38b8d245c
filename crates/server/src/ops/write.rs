//! WRITE (draft-ietf-secsh-filexfer-02 §6.4).

use bytes::Bytes;
use longshore_sftp::Handle;

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

/// Writes all of `data`, which shares the memory of its packet.
pub(crate) async fn write(
    context: &Context,
    handle: &Handle,
    offset: u64,
    data: Bytes,
    reply: ReplyTo,
) -> Replied {
    reply.status(write_data(context, handle, offset, data).await)
}

async fn write_data(context: &Context, handle: &Handle, offset: u64, data: Bytes) -> Result<(), OpError> {
    context.handles.file(handle)?.write_at(offset, data).await
}
