//! `limits@openssh.com` (OpenSSH PROTOCOL §4.8).

use longshore_sftp::{ExtendedReply, Limits, Reply};

use crate::context::Context;
use crate::replies::{Replied, ReplyTo};

/// Names the limits that really hold.
pub(crate) fn limits(context: &Context, reply: ReplyTo) -> Replied {
    let limits = Limits::ours(context.max_handles as u64);
    reply.reply(Ok(Reply::Extended(ExtendedReply::Limits(limits))))
}
