//! A remote file from its beginning to its end, many reads under way, the bytes in order.

use bytes::Bytes;
use futures::stream::{FuturesOrdered, StreamExt as _};
use longshore_client::sftp::File;

use crate::error::Result;
use crate::limits::{READ_CHUNK, READ_CHUNKS};

/// Hands the whole content to `take`, piece by piece; returns how much there was.
///
/// # Errors
/// What the server says, and what `take` fails with.
pub(crate) async fn each_chunk(file: &File, mut take: impl AsyncFnMut(Bytes) -> Result<()>) -> Result<u64> {
    let mut asked = 0;
    let mut under_way = FuturesOrdered::new();
    let mut total = 0;
    // a short file is one request or two, a long one soon fills the line
    let mut ahead = 1;
    loop {
        while under_way.len() < ahead {
            under_way.push_back(file.read_full_at(asked, READ_CHUNK));
            asked += READ_CHUNK as u64;
        }
        let Some(chunk) = under_way.next().await else {
            return Ok(total);
        };
        let chunk = chunk?;
        ahead = (ahead * 2).min(READ_CHUNKS);
        let ended = chunk.len() < READ_CHUNK;
        total += chunk.len() as u64;
        if !chunk.is_empty() {
            take(chunk).await?;
        }
        // the first short piece is the last one: those behind it were asked for in vain
        if ended {
            return Ok(total);
        }
    }
}
