//! One file over several SFTP channels.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::join_all;
use longshore_sftp::Attrs;
use tokio::sync::Notify;

use super::context::Transfer;
use super::limits::{BYTES_PER_CHANNEL, FAR_ROUND_TRIP, READ_BYTES_PER_CHANNEL};
use super::pool::Reserved;
use crate::error::Result;
use crate::sftp::{File, OpenOptions};

/// The same file, open on one or more channels. Blocks go where the least is under way, so that a full window of one channel
/// holds up nobody.
#[derive(Debug)]
pub(crate) struct Lanes {
    lanes: Mutex<Vec<Lane>>,
    /// Further channels are being opened.
    widening: AtomicBool,
    changed: Notify,
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
            widening: AtomicBool::new(false),
            changed: Notify::new(),
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
        drop(lanes);
        self.changed.notify_waiters();
    }

    /// Opens the file that is written on further channels.
    pub(crate) async fn widen_write(&self, transfer: &Transfer, path: &Bytes, reserved: Option<Reserved>) {
        let Some(reserved) = reserved else { return };
        let options = OpenOptions::new().write();
        for file in transfer.pool().open_on(reserved, path, &options).await {
            self.add(file);
        }
        self.widened();
    }

    /// Opens the file that is read on further channels. What is not the file of `attrs` any more is not read from.
    pub(crate) async fn widen_read(
        &self,
        transfer: &Transfer,
        path: &Bytes,
        reserved: Option<Reserved>,
        attrs: &Attrs,
    ) {
        let Some(reserved) = reserved else { return };
        let files = transfer
            .pool()
            .open_on(reserved, path, &OpenOptions::new().read())
            .await;
        let looks = join_all(files.iter().map(File::stat)).await;
        // the time of access changes by reading
        let modified = |attrs: &Attrs| attrs.times.map(|(_, modified)| modified);
        for (file, found) in files.into_iter().zip(looks) {
            match found {
                Ok(found) if found.size == attrs.size && modified(&found) == modified(attrs) => {
                    self.add(file);
                }
                _ => tracing::debug!("on a further channel it is another file"),
            }
        }
        self.widened();
    }

    fn add(&self, file: File) {
        self.lanes().push(Lane {
            file: Arc::new(file),
            under_way: 0,
        });
    }

    /// Waits until the next `len` bytes need not be put behind a window that is shut while other channels are still being
    /// opened: what is given to a channel stays there.
    pub(crate) async fn room(&self, len: usize) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            {
                let lanes = self.lanes();
                let full = lanes
                    .iter()
                    .all(|lane| lane.under_way > 0 && lane.under_way + len > LANE_LEN);
                if !full || !self.widening.load(Ordering::Relaxed) {
                    return;
                }
            }
            changed.await;
        }
    }

    /// Says that further channels are to come.
    pub(crate) fn expect(&self, reserved: Option<&Reserved>) {
        self.widening.store(reserved.is_some(), Ordering::Relaxed);
    }

    /// All that are open, or as many as there will be.
    fn widened(&self) {
        self.widening.store(false, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// The files of all channels but the first one, to be closed.
    pub(crate) fn into_further(self) -> Vec<File> {
        let mut lanes = self.lanes.into_inner().unwrap_or_else(PoisonError::into_inner);
        let further = lanes.split_off(1);
        further
            .into_iter()
            .filter_map(|lane| Arc::into_inner(lane.file))
            .collect()
    }

    fn lanes(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins to open further channels for `len` bytes to the server.
pub(crate) fn reserve_write(transfer: &Transfer, len: u64) -> Option<Reserved> {
    reserve(transfer, len / BYTES_PER_CHANNEL)
}

/// The same for bytes from the server. One channel is enough for most files: our own window is long.
pub(crate) fn reserve_read(transfer: &Transfer, len: u64) -> Option<Reserved> {
    reserve(transfer, len / READ_BYTES_PER_CHANNEL)
}

/// As many channels as `worth` says at most: none near by, where windows do not matter.
fn reserve(transfer: &Transfer, worth: u64) -> Option<Reserved> {
    if transfer.pool().round_trip() < FAR_ROUND_TRIP {
        return None;
    }
    let worth = usize::try_from(worth).unwrap_or(usize::MAX);
    let wanted = transfer.options().channels.min(worth);
    (wanted > 1).then(|| transfer.pool().reserve(wanted - 1))
}

/// Closes files, side by side.
///
/// # Errors
/// A close fails: what was written there may not have arrived.
pub(crate) async fn close_all(files: Vec<File>) -> Result<()> {
    for closed in join_all(files.into_iter().map(File::close)).await {
        closed?;
    }
    Ok(())
}

/// Bytes given to one channel while others are being opened: somewhat more than the window of OpenSSH's server.
const LANE_LEN: usize = 3 << 20;
