//! The SFTP channels of one connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use tokio::sync::Mutex;
use tokio::task::{JoinError, JoinHandle};

use super::handles::Handles;
use crate::channel::{Channel, SftpChannels};
use crate::error::Result;
use crate::sftp::{File, OpenOptions, Sftp, SftpOptions};

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

    /// Begins to open channels for up to `count` further sessions, beside whatever else goes on.
    pub(crate) fn reserve(&self, count: usize) -> Reserved {
        let pool = self.clone();
        Reserved {
            task: tokio::spawn(async move { pool.open_channels(count).await }),
        }
    }

    /// Opens the file at `path` on what has been reserved. Channels, sessions and opens that the server refuses are done
    /// without.
    pub(crate) async fn open_on(&self, reserved: Reserved, path: &Bytes, options: &OpenOptions) -> Vec<File> {
        let Ok((sessions, channels)) = reserved.opened().await else {
            return Vec::new();
        };
        let on_sessions = join_all(sessions.iter().map(|session| session.open(path, options)));
        let on_channels = join_all(channels.into_iter().map(|channel| {
            let sftp = self.inner.options.clone();
            Sftp::start_and_open(channel, sftp, path, options)
        }));
        let (files, started) = futures::join!(on_sessions, on_channels);
        let mut more = self.inner.more.lock().await;
        let mut all = files;
        for outcome in started {
            match outcome {
                Ok((session, file)) => {
                    more.sessions.push(session);
                    all.push(file);
                }
                Err(error) => {
                    tracing::debug!(%error, "the server speaks no SFTP on a further channel");
                    more.refused = true;
                }
            }
        }
        all.into_iter()
            .filter_map(|file| {
                file.inspect_err(
                    |error| tracing::debug!(%error, "the file is not opened on a further channel"),
                )
                .ok()
            })
            .collect()
    }

    /// Sessions that there are, and channels for the rest.
    async fn open_channels(&self, count: usize) -> (Vec<Sftp>, Vec<Channel>) {
        let (sessions, wanted) = {
            let mut more = self.inner.more.lock().await;
            more.sessions.retain(|session| session.end_reason().is_none());
            let sessions: Vec<_> = more.sessions.iter().take(count).cloned().collect();
            let wanted = if more.refused { 0 } else { count - sessions.len() };
            (sessions, wanted)
        };
        let Some(channels) = &self.inner.channels else {
            return (sessions, Vec::new());
        };
        let outcomes = join_all((0..wanted).map(|_| channels.open_sftp())).await;
        let mut opened = Vec::new();
        for outcome in outcomes {
            match outcome {
                Ok(channel) => opened.push(channel),
                Err(error) => {
                    tracing::debug!(%error, "the server refuses a further channel");
                    self.inner.more.lock().await.refused = true;
                }
            }
        }
        (sessions, opened)
    }
}

/// Channels that are being opened; dropped, they are closed again.
#[derive(Debug)]
pub(crate) struct Reserved {
    task: JoinHandle<(Vec<Sftp>, Vec<Channel>)>,
}

impl Reserved {
    async fn opened(mut self) -> Result<(Vec<Sftp>, Vec<Channel>), JoinError> {
        (&mut self.task).await
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl std::fmt::Debug for SftpPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SftpPool")
            .field("first", &self.inner.first)
            .finish_non_exhaustive()
    }
}
