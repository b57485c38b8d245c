//! `space-available` (draft-ietf-secsh-filexfer-extensions-00 §4).

use longshore_sftp::{ExtendedReply, Reply, SpaceAvailable};
use longshore_storage::SpaceInfo;

use crate::context::Context;
use crate::error::OpError;
use crate::replies::{Replied, ReplyTo};

pub(crate) async fn space_available(context: &Context, path: &[u8], reply: ReplyTo) -> Replied {
    let space = space(context, path).await;
    reply.reply(space.map(|space| Reply::Extended(ExtendedReply::SpaceAvailable(to_wire(&space)))))
}

async fn space(context: &Context, path: &[u8]) -> Result<SpaceInfo, OpError> {
    let (path, _) = context.path(path).await?;
    Ok(context.home.space(&path).await?)
}

/// What is set aside for the superuser is not the user's, used or not.
fn to_wire(space: &SpaceInfo) -> SpaceAvailable {
    let bytes = |blocks: u64| blocks.saturating_mul(space.fragment_size);
    let reserved = space.blocks_free.saturating_sub(space.blocks_available);
    SpaceAvailable {
        bytes_on_device: bytes(space.blocks),
        unused_bytes_on_device: bytes(space.blocks_free),
        bytes_available_to_user: bytes(space.blocks.saturating_sub(reserved)),
        unused_bytes_available_to_user: bytes(space.blocks_available),
        bytes_per_allocation_unit: u32::try_from(space.block_size).unwrap_or(u32::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_the_superuser_are_not_the_users() {
        let space = SpaceInfo {
            block_size: 4096,
            fragment_size: 1024,
            blocks: 100,
            blocks_free: 30,
            blocks_available: 25,
            ..SpaceInfo::default()
        };
        let expected = SpaceAvailable {
            bytes_on_device: 100 * 1024,
            unused_bytes_on_device: 30 * 1024,
            bytes_available_to_user: 95 * 1024,
            unused_bytes_available_to_user: 25 * 1024,
            bytes_per_allocation_unit: 4096,
        };
        assert_eq!(to_wire(&space), expected);
    }
}
