//! REMOVE (draft-ietf-secsh-filexfer-02 §6.5): files and links, never directories.

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

pub(crate) async fn remove(context: &Context, path: &[u8], reply: ReplyTo) -> Replied {
    reply.status(remove_path(context, path).await)
}

async fn remove_path(context: &Context, path: &[u8]) -> Result<(), OpError> {
    let (path, directory) = context.path(path).await?;
    if directory {
        // What stands there leads to a directory, as was demanded. A link that does is none itself, and stays.
        context.expect_directory(&path, false).await?;
    }
    Ok(context.home.remove_file(&path).await?)
}
