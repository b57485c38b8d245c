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
        vendor = %shown(&client.vendor),
        product = %shown(&client.product),
        version = %shown(&client.version),
        "the client names itself"
    );
    reply.status(Ok(()))
}

/// As much of a word of the client as belongs into a line of the log.
fn shown(word: &[u8]) -> std::slice::EscapeAscii<'_> {
    const LOGGED: usize = 64;
    word[..word.len().min(LOGGED)].escape_ascii()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_are_cut_for_the_log() {
        assert_eq!(shown(b"ok\n").to_string(), "ok\\n");
        assert_eq!(shown(&[b'x'; 100_000]).to_string().len(), 64);
    }
}
