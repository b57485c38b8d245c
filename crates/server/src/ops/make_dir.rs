//! MKDIR (draft-ietf-secsh-filexfer-02 §6.6).

use longshore_sftp::Attrs;

use crate::attrs::mode;
use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

/// A trailing slash is fine here: what is made is a directory.
pub(crate) async fn mkdir(context: &Context, path: &[u8], attrs: &Attrs, reply: ReplyTo) -> Replied {
    reply.status(make(context, path, mode(attrs)).await)
}

async fn make(context: &Context, path: &[u8], mode: Option<u32>) -> Result<(), OpError> {
    let path = context.parse(path)?;
    Ok(context.home.make_dir(&path, mode).await?)
}
