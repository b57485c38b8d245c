//! Handles of a channel: what OPEN and OPENDIR gave out and CLOSE takes back.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use longshore_sftp::Handle;
use longshore_storage::{DirEntry, EditFile, ErrorKind, Listing, ReadFile, RemotePath, Upload};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::activity::Busy;
use crate::error::OpError;
use crate::limits::DIRECTORIES_PER_SESSION;

/// Names an open handle. Numbers go up and are never given out twice in a channel, so a late request cannot hit
/// a file that was opened after its own was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct HandleId(u64);

impl HandleId {
    /// The handle that a client sent. Bytes that we never gave out name no handle.
    pub(crate) fn from_wire(handle: &Handle) -> Option<Self> {
        handle.to_u64().map(Self)
    }

    /// As it goes to the client.
    pub(crate) fn to_wire(self) -> Handle {
        Handle::from(self.0)
    }

    #[cfg(test)]
    pub(crate) const fn for_tests(number: u64) -> Self {
        Self(number)
    }
}

/// Something open.
#[derive(Clone)]
pub(crate) enum Open {
    /// A file.
    File(Arc<OpenFile>),
    /// A directory.
    Directory(Arc<OpenDirectory>),
}

/// An open file.
pub(crate) struct OpenFile {
    /// The path that was opened; for logs.
    pub(crate) path: RemotePath,
    /// READ was among the flags, or no WRITE.
    pub(crate) readable: bool,
    /// WRITE was among the flags.
    pub(crate) writable: bool,
    pub(crate) content: Content,
    /// Bytes written through this handle.
    pub(crate) written: AtomicU64,
    /// How a write failed, if one did.
    pub(crate) broken: OnceLock<ErrorKind>,
    /// Counts as a transfer while it is open.
    pub(crate) _busy: Busy,
}

/// What stands behind an open file.
pub(crate) enum Content {
    /// READ alone.
    Read(Arc<dyn ReadFile>),
    /// Staged until CLOSE.
    Upload {
        upload: Arc<dyn Upload>,
        /// Each write goes to the end; offsets count otherwise.
        append: bool,
    },
    /// Changed in place.
    Edit {
        file: Arc<dyn EditFile>,
        /// When it was opened.
        began: SystemTime,
        /// The store puts each write at the end.
        append: bool,
    },
}

impl OpenFile {
    /// Whether writes go to the end, whatever their offset: they depend on each other then.
    pub(crate) fn appends(&self) -> bool {
        match &self.content {
            Content::Read(_) => false,
            Content::Upload { append, .. } | Content::Edit { append, .. } => *append,
        }
    }
}

/// An open directory.
pub(crate) struct OpenDirectory {
    pub(crate) path: RemotePath,
    /// Requests of one handle never run at once, so this lock is always free.
    pub(crate) listing: tokio::sync::Mutex<DirectoryListing>,
}

/// How far a directory has been read.
pub(crate) struct DirectoryListing {
    pub(crate) pages: Box<dyn Listing>,
    /// Nothing was read yet.
    pub(crate) at_start: bool,
    /// Entries fetched that did not fit into the last reply.
    pub(crate) left: VecDeque<DirEntry>,
    /// The store has no more.
    pub(crate) ended: bool,
}

/// The handles of one channel. The session's channels share the number of places.
pub(crate) struct Handles {
    open: Mutex<Table>,
    places: Places,
}

/// How many handles a session may still open.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    /// Directories take one of these too: they hold much more memory than files.
    directories: Arc<Semaphore>,
}

impl Places {
    pub(crate) fn new(handles: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(handles)),
            directories: Arc::new(Semaphore::new(DIRECTORIES_PER_SESSION)),
        }
    }
}

#[derive(Default)]
struct Table {
    next: u64,
    open: HashMap<HandleId, Entry>,
}

struct Entry {
    open: Open,
    _place: Place,
}

/// A place for one handle, taken before the store is asked to open anything.
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    _directory: Option<OwnedSemaphorePermit>,
}

impl Handles {
    pub(crate) fn new(places: Places) -> Self {
        Self {
            open: Mutex::default(),
            places,
        }
    }

    /// Takes a place for a file.
    ///
    /// # Errors
    /// `TooManyHandles`.
    pub(crate) fn place(&self) -> Result<Place, OpError> {
        let permit = self.places.all.clone().try_acquire_owned();
        Ok(Place {
            _permit: permit.map_err(|_none_left| OpError::TooManyHandles)?,
            _directory: None,
        })
    }

    /// Takes a place for a directory.
    ///
    /// # Errors
    /// `TooManyHandles`, `TooManyDirectories`.
    pub(crate) fn directory_place(&self) -> Result<Place, OpError> {
        let place = self.place()?;
        let permit = self.places.directories.clone().try_acquire_owned();
        Ok(Place {
            _directory: Some(permit.map_err(|_none_left| OpError::TooManyDirectories)?),
            ..place
        })
    }

    /// Gives out a handle.
    pub(crate) fn insert(&self, place: Place, open: Open) -> HandleId {
        let mut table = self.lock();
        let id = HandleId(table.next);
        table.next += 1;
        table.open.insert(id, Entry { open, _place: place });
        id
    }

    /// What a handle stands for.
    ///
    /// # Errors
    /// `InvalidHandle`.
    pub(crate) fn get(&self, handle: &Handle) -> Result<Open, OpError> {
        let id = HandleId::from_wire(handle).ok_or(OpError::InvalidHandle)?;
        self.lock()
            .open
            .get(&id)
            .map(|entry| entry.open.clone())
            .ok_or(OpError::InvalidHandle)
    }

    /// A handle of a file.
    ///
    /// # Errors
    /// `InvalidHandle`, `DirectoryHandle`.
    pub(crate) fn file(&self, handle: &Handle) -> Result<Arc<OpenFile>, OpError> {
        match self.get(handle)? {
            Open::File(file) => Ok(file),
            Open::Directory(_) => Err(OpError::DirectoryHandle),
        }
    }

    /// A handle of a directory.
    ///
    /// # Errors
    /// `InvalidHandle`, `FileHandle`.
    pub(crate) fn directory(&self, handle: &Handle) -> Result<Arc<OpenDirectory>, OpError> {
        match self.get(handle)? {
            Open::File(_) => Err(OpError::FileHandle),
            Open::Directory(directory) => Ok(directory),
        }
    }

    /// Takes a handle back.
    ///
    /// # Errors
    /// `InvalidHandle`.
    pub(crate) fn remove(&self, handle: &Handle) -> Result<Open, OpError> {
        let id = HandleId::from_wire(handle).ok_or(OpError::InvalidHandle)?;
        self.lock()
            .open
            .remove(&id)
            .map(|entry| entry.open)
            .ok_or(OpError::InvalidHandle)
    }

    /// Takes all handles back.
    pub(crate) fn remove_all(&self) -> Vec<Open> {
        self.lock().open.drain().map(|(_, entry)| entry.open).collect()
    }

    /// Nothing that holds the lock can leave the table half changed.
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
