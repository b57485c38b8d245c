//! `home-directory` (OpenSSH PROTOCOL §4.11): a managed user's is always `/`, and nobody learns of other users.

use bytes::Bytes;
use longshore_sftp::Reply;

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

pub(crate) fn home_directory(context: &Context, username: &[u8], reply: ReplyTo) -> Replied {
    let home = if is_own_name(context, username) {
        Ok(Bytes::copy_from_slice(&context.terms.home_directory))
    } else {
        Err(OpError::UnknownUser)
    };
    reply.reply(home.map(Reply::path))
}

/// Whether `name` is the session's user; empty means so too.
pub(super) fn is_own_name(context: &Context, name: &[u8]) -> bool {
    name.is_empty() || name == context.session.username.as_bytes()
}
