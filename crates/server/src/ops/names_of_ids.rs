//! `users-groups-by-id@openssh.com` (OpenSSH PROTOCOL §4.12).
//!
//! Inside a home all files belong to one user of the machine, whose name is none of the partner's business: whoever asks
//! for it learns the login name that they used. All other ids, and all groups, have no name here; clients show numbers.

use bytes::Bytes;
use longshore_sftp::{ExtendedReply, Reply, UsersGroups};
use longshore_storage::RemotePath;

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

pub(crate) async fn users_groups_by_id(
    context: &Context,
    uids: &[u32],
    gids: &[u32],
    reply: ReplyTo,
) -> Replied {
    let names = names(context, uids, gids).await;
    reply.reply(names.map(|names| Reply::Extended(ExtendedReply::UsersGroups(names))))
}

async fn names(context: &Context, uids: &[u32], gids: &[u32]) -> Result<UsersGroups, OpError> {
    let home = RemotePath::parse(&context.terms.home_directory)?;
    let own = context.home.stat(&home, true).await?.uid;
    let name = Bytes::copy_from_slice(context.session.username.as_bytes());
    let name_of = |uid: &u32| if *uid == own { name.clone() } else { Bytes::new() };
    Ok(UsersGroups {
        users: uids.iter().map(name_of).collect(),
        groups: vec![Bytes::new(); gids.len()],
    })
}
