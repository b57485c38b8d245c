//! `vendor-id` (draft-ietf-secsh-filexfer-13 §4.4): who we are, and who the client says that it is.

use bytes::Bytes;
use longshore_sftp::VendorId;

use crate::context::Context;
use crate::replies::{Replied, ReplyTo};

/// The client told what it is: worth a line in the log.
pub(crate) fn vendor_id(context: &Context, client: &VendorId, reply: ReplyTo) -> Replied {
    tracing::debug!(
        connection = context.session.connection_id,
        user = &*context.session.username,
        vendor = %client.vendor.escape_ascii(),
        product = %client.product.escape_ascii(),
        version = %client.version.escape_ascii(),
        "the client names itself"
    );
    reply.status(Ok(()))
}

/// What VERSION announces.
pub(crate) fn ours() -> VendorId {
    VendorId {
        vendor: Bytes::from_static(b"Longshore"),
        product: Bytes::from_static(b"longshore"),
        version: Bytes::from_static(env!("CARGO_PKG_VERSION").as_bytes()),
        build: 0,
    }
}
