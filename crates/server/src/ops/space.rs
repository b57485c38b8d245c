//! `statvfs@openssh.com` and `fstatvfs@openssh.com` (OpenSSH PROTOCOL §4.4).

use longshore_sftp::{ExtendedReply, Handle, Reply, StatVfs};
use longshore_storage::SpaceInfo;

use crate::context::Context;
use crate::error::OpError;
use crate::handles::Open;
use crate::replies::{Replied, ReplyTo};

pub(crate) async fn statvfs(context: &Context, path: &[u8], reply: ReplyTo) -> Replied {
    answer(reply, path_space(context, path).await)
}

pub(crate) async fn fstatvfs(context: &Context, handle: &Handle, reply: ReplyTo) -> Replied {
    answer(reply, handle_space(context, handle).await)
}

async fn path_space(context: &Context, path: &[u8]) -> Result<SpaceInfo, OpError> {
    let (path, _) = context.path(path).await?;
    Ok(context.home.space(&path).await?)
}

async fn handle_space(context: &Context, handle: &Handle) -> Result<SpaceInfo, OpError> {
    match context.handles.get(handle)? {
        Open::File(file) => file.space().await,
        Open::Directory(directory) => Ok(context.home.space(&directory.path).await?),
    }
}

fn answer(reply: ReplyTo, space: Result<SpaceInfo, OpError>) -> Replied {
    reply.reply(space.map(|space| Reply::Extended(ExtendedReply::StatVfs(to_wire(&space)))))
}

fn to_wire(space: &SpaceInfo) -> StatVfs {
    StatVfs {
        block_size: space.block_size,
        fragment_size: space.fragment_size,
        blocks: space.blocks,
        blocks_free: space.blocks_free,
        blocks_available: space.blocks_available,
        files: space.files,
        files_free: space.files_free,
        files_available: space.files_available,
        filesystem_id: space.filesystem_id,
        flags: space.flags,
        name_max: space.name_max,
    }
}
