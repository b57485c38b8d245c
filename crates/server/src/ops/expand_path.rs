//! `expand-path@openssh.com` (OpenSSH PROTOCOL §4.9): REALPATH that knows `~`.

use bytes::Bytes;
use longshore_sftp::Reply;

use crate::context::Context;
use crate::error::OpError;
use crate::ops::home_directory::is_own_name;
use crate::ops::real_path;
use crate::replies::{Replied, ReplyTo};

pub(crate) async fn expand_path(context: &Context, path: &[u8], reply: ReplyTo) -> Replied {
    reply.reply(expand(context, path).await.map(Reply::path))
}

async fn expand(context: &Context, path: &[u8]) -> Result<Bytes, OpError> {
    let Some(after_tilde) = path.strip_prefix(b"~") else {
        return real_path::resolve(context, path).await;
    };
    let name_len = after_tilde
        .iter()
        .position(|b| *b == b'/')
        .unwrap_or(after_tilde.len());
    let (name, rest) = after_tilde.split_at(name_len);
    if !is_own_name(context, name) {
        return Err(OpError::UnknownUser);
    }
    let home = context.terms.home_directory.as_slice();
    real_path::resolve(context, &[home, rest].concat()).await
}
