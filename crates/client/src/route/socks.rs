//! What the SOCKS versions share.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::error;
use super::proxy::Proxy;
use crate::endpoint::BoxedStream;
use crate::error::Result;

/// Sends a message whole.
pub(super) async fn send(proxy: &Proxy, stream: &mut BoxedStream, message: &[u8]) -> Result<()> {
    let sent = async {
        stream.write_all(message).await?;
        stream.flush().await
    };
    sent.await.map_err(|error| error::lost(proxy, error))
}

/// Takes exactly `N` bytes, so that what the server sends behind the answer stays in the stream.
pub(super) async fn take<const N: usize>(proxy: &Proxy, stream: &mut BoxedStream) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let taken = stream.read_exact(&mut bytes).await;
    taken.map_err(|error| error::lost(proxy, error))?;
    Ok(bytes)
}
