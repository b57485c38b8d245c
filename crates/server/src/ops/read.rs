//! READ (draft-ietf-secsh-filexfer-02 §6.4).

use bytes::Bytes;
use longshore_sftp::limits::MAX_DATA_LEN;
use longshore_sftp::{DataReply, Handle};

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

/// Answers with up to `len` bytes, at most [`MAX_DATA_LEN`]. Fewer come only at the end of the file or of that
/// limit; none at all is EOF. The store reads straight behind the reply's header.
pub(crate) async fn read(
    context: &Context,
    handle: &Handle,
    offset: u64,
    len: u32,
    reply: ReplyTo,
) -> Replied {
    let len = MAX_DATA_LEN.min(len as usize);
    let packet = read_packet(context, handle, offset, len, &reply).await;
    reply.packet(packet)
}

async fn read_packet(
    context: &Context,
    handle: &Handle,
    offset: u64,
    len: usize,
    reply: &ReplyTo,
) -> Result<Bytes, OpError> {
    let file = context.handles.file(handle)?;
    let buffer = file.read_at(offset, len, reply.data_buffer(len)).await?;
    if len > 0 && DataReply::payload_len(&buffer) == 0 {
        return Err(OpError::EndOfFile);
    }
    Ok(DataReply::finish(buffer)?)
}
