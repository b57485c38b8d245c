//! SFTP over two byte streams, without SSH around it: `longshore sftp-server`, and tests that compare engines.

use std::sync::Arc;

use longshore_storage::Home;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::channel;
use crate::limits::ServerConfig;
use crate::pipe::Pipe;
use crate::sessions::Session;
use crate::terms::Terms;

/// How a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamEnd {
    /// The client was done, or went away.
    Done,
    /// We ended it, because of what the client did.
    Refused {
        /// What that was.
        complaint: String,
    },
}

/// Serves SFTP for `username` on `reader` and `writer` until either ends. What is still open then is parked. There is no
/// idle limit: whoever made the streams decides how long they live.
pub async fn serve_stream<R, W>(
    reader: R,
    writer: W,
    home: Arc<dyn Home>,
    username: &str,
    terms: Terms,
    config: &ServerConfig,
) -> StreamEnd
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let session = Arc::new(Session::alone(username, config));
    match channel::run(Pipe::over(reader, writer), home, session, terms, config).await {
        None => StreamEnd::Done,
        Some(complaint) => StreamEnd::Refused { complaint },
    }
}
