//! CLOSE (draft-ietf-secsh-filexfer-02 §6.3): an upload becomes visible here.

use longshore_sftp::Handle;

use crate::context::Context;
use crate::error::OpError;
use crate::handles::{Open, OpenFile};
use crate::replies::{Replied, ReplyTo};

/// The handle is gone whatever the answer, as with close(2).
pub(crate) async fn close(context: &Context, handle: &Handle, reply: ReplyTo) -> Replied {
    let closed = match context.handles.remove(handle) {
        Ok(Open::File(file)) => close_file(context, &file).await,
        Ok(Open::Directory(_)) => Ok(()),
        Err(error) => Err(error),
    };
    reply.status(closed)
}

pub(crate) async fn close_file(context: &Context, file: &OpenFile) -> Result<(), OpError> {
    let Some(verdict) = file.close(&context.session).await? else {
        return Ok(());
    };
    tracing::info!(
        connection = context.session.connection_id,
        user = &*context.session.username,
        path = ?file.path,
        bytes = file.written(),
        verdict = verdict.word(),
        "upload"
    );
    Ok(())
}
