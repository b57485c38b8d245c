//! The SFTP channels of one connection.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Mutex;

use super::handles::Handles;
use crate::channel::SftpChannels;
use crate::error::Result;
use crate::sftp::{Sftp, SftpOptions};

/// SFTP over one connection: a first session, and further channels where they speed a large file up. Clones are the same.
#[derive(Clone)]
pub struct SftpPool {
    inner: Arc<Inner>,
}

struct Inner {
    first: Sftp,
    channels: Option<Arc<dyn SftpChannels>>,
    options: SftpOptions,
    more: Mutex<More>,
    pub(super) handles: Handles,
}

/// Channels beyond the first one; once opened they stay.
#[derive(Default)]
struct More {
    sessions: Vec<Sftp>,
    /// The server has refused one: it is not asked again.
    refused: bool,
}

impl SftpPool {
    /// Starts SFTP on a connection.
    ///
    /// # Errors
    /// The server refuses the channel, or speaks no SFTP on it.
    pub async fn open(channels: Arc<dyn SftpChannels>, options: SftpOptions) -> Result<Self> {
        let channel = channels.open_sftp().await?;
        let first = Sftp::start(channel, options.clone()).await?;
        Ok(Self::new(first, Some(channels), options))
    }

    /// A pool of one session that there is already.
    #[must_use]
    pub fn single(sftp: Sftp) -> Self {
        Self::new(sftp, None, SftpOptions::default())
    }

    fn new(first: Sftp, channels: Option<Arc<dyn SftpChannels>>, options: SftpOptions) -> Self {
        Self {
            inner: Arc::new(Inner {
                first,
                channels,
                options,
                more: Mutex::default(),
                handles: Handles::default(),
            }),
        }
    }

    /// The first session, for everything besides large files.
    #[must_use]
    pub fn sftp(&self) -> &Sftp {
        &self.inner.first
    }

    /// Ends all sessions. The connection stays.
    ///
    /// # Errors
    /// The first session had ended before.
    pub async fn close(self) -> Result<()> {
        let more = std::mem::take(&mut self.inner.more.lock().await.sessions);
        join_all(more.into_iter().map(Sftp::close)).await;
        self.inner.first.clone().close().await
    }

    /// The shortest time that an answer took.
    pub(crate) fn round_trip(&self) -> Duration {
        let first = self.inner.first.round_trip();
        self.inner
            .first
            .pace()
            .round_trip()
            .map_or(first, |rtt| rtt.min(first))
    }

    pub(crate) fn handles(&self) -> &Handles {
        &self.inner.handles
    }

    /// Up to `count` sessions besides the first one, opened now if need be. A server that refuses gives fewer.
    pub(crate) async fn further(&self, count: usize) -> Vec<Sftp> {
        let mut more = self.inner.more.lock().await;
        more.sessions.retain(|session| session.end_reason().is_none());
        let wanted = count.saturating_sub(more.sessions.len());
        if let (Some(channels), false) = (&self.inner.channels, more.refused)
            && wanted > 0
        {
            let opened = join_all((0..wanted).map(|_| self.open_one(channels))).await;
            for session in opened {
                match session {
                    Ok(session) => more.sessions.push(session),
                    Err(error) => {
                        tracing::debug!(%error, "the server refuses a further SFTP channel");
                        more.refused = true;
                    }
                }
            }
        }
        more.sessions.iter().take(count).cloned().collect()
    }

    async fn open_one(&self, channels: &Arc<dyn SftpChannels>) -> Result<Sftp> {
        let channel = channels.open_sftp().await?;
        Sftp::start(channel, self.inner.options.clone()).await
    }
}

impl std::fmt::Debug for SftpPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SftpPool")
            .field("first", &self.inner.first)
            .finish_non_exhaustive()
    }
}
