//! RMDIR (draft-ietf-secsh-filexfer-02 §6.6).

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

pub(crate) async fn rmdir(context: &Context, path: &[u8], reply: ReplyTo) -> Replied {
    reply.status(remove(context, path).await)
}

async fn remove(context: &Context, path: &[u8]) -> Result<(), OpError> {
    let path = context.parse(path)?;
    Ok(context.home.remove_dir(&path).await?)
}
