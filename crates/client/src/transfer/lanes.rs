//! One file over several SFTP channels.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::future::join_all;
use longshore_sftp::Attrs;

use super::context::Transfer;
use super::limits::{BYTES_PER_CHANNEL, FAR_ROUND_TRIP, READ_BYTES_PER_CHANNEL};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::sftp::{File, OpenOptions, Sftp};

/// The same file, open on one or more channels. Blocks go where the least is under way, so that a full window of one channel
/// holds up nobody.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: Mutex<Vec<Lane>>,
}

#[derive(Debug, Clone)]
struct Lane {
    file: Arc<File>,
    under_way: usize,
}

impl Lanes {
    pub(crate) fn new(first: Arc<File>) -> Self {
        Self {
            lanes: Mutex::new(vec![Lane {
                file: first,
                under_way: 0,
            }]),
        }
    }

    /// The lane with the least under way, which has `len` bytes more now.
    pub(crate) fn pick(&self, len: usize) -> (usize, Arc<File>) {
        let mut lanes = self.lanes();
        let mut best = 0;
        for (index, lane) in lanes.iter().enumerate() {
            if lane.under_way < lanes[best].under_way {
                best = index;
            }
        }
        lanes[best].under_way += len;
        (best, Arc::clone(&lanes[best].file))
    }

    /// A request of `len` bytes has been answered.
    pub(crate) fn done(&self, index: usize, len: usize) {
        let mut lanes = self.lanes();
        lanes[index].under_way = lanes[index].under_way.saturating_sub(len);
    }

    /// Opens the file on further channels, where that makes sense for `len` bytes. Channels and opens that the server refuses
    /// are done without.
    pub(crate) async fn widen_write(&self, transfer: &Transfer, path: &[u8], len: u64) {
        let options = OpenOptions::new().write();
        let sessions = further(transfer, len / BYTES_PER_CHANNEL).await;
        self.add(join_all(sessions.iter().map(|session| session.open(path, &options))).await);
    }

    /// As [`Self::widen_write`]. One channel is enough for most files: our own window is long. What is not the file of `attrs`
    /// any more is not read from.
    pub(crate) async fn widen_read(&self, transfer: &Transfer, path: &[u8], len: u64, attrs: &Attrs) {
        let sessions = further(transfer, len / READ_BYTES_PER_CHANNEL).await;
        let opens = sessions.iter().map(|session| async move {
            let file = session.open_read(path).await?;
            let found = file.stat().await?;
            // the time of access changes by reading
            let modified = |attrs: &Attrs| attrs.times.map(|(_, modified)| modified);
            if found.size == attrs.size && modified(&found) == modified(attrs) {
                return Ok(file);
            }
            Err(Error::new(
                ErrorKind::Integrity,
                Stage::Sftp,
                "it is another file",
            ))
        });
        self.add(join_all(opens).await);
    }

    fn add(&self, opened: Vec<Result<File>>) {
        for file in opened {
            match file {
                Ok(file) => self.lanes().push(Lane {
                    file: Arc::new(file),
                    under_way: 0,
                }),
                Err(error) => tracing::debug!(%error, "the file cannot be opened on a further channel"),
            }
        }
    }

    /// Closes all but the first one.
    ///
    /// # Errors
    /// A close fails: what was written there may not have arrived.
    pub(crate) async fn close_further(&self) -> Result<()> {
        let further: Vec<_> = self.lanes().drain(1..).collect();
        let closes = further
            .into_iter()
            .filter_map(|lane| Arc::into_inner(lane.file).map(File::close));
        for closed in join_all(closes).await {
            closed?;
        }
        Ok(())
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sessions besides the first one, as many as `worth` says at most: none near by, where windows do not matter.
async fn further(transfer: &Transfer, worth: u64) -> Vec<Sftp> {
    if transfer.pool().round_trip() < FAR_ROUND_TRIP {
        return Vec::new();
    }
    let worth = usize::try_from(worth).unwrap_or(usize::MAX);
    let wanted = transfer.options().channels.min(worth);
    if wanted <= 1 {
        return Vec::new();
    }
    transfer.pool().further(wanted - 1).await
}
