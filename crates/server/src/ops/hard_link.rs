//! `hardlink@openssh.com` (OpenSSH PROTOCOL §4.5).

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

pub(crate) async fn hard_link(context: &Context, existing: &[u8], link: &[u8], reply: ReplyTo) -> Replied {
    reply.status(make_link(context, existing, link).await)
}

async fn make_link(context: &Context, existing: &[u8], link: &[u8]) -> Result<(), OpError> {
    let (existing, _) = context.path(existing).await?;
    let link = context.new_name(link, &existing, false).await?;
    Ok(context.home.hard_link(&existing, &link).await?)
}
