//! How many files a store may hold open: descriptors are the process's, and without them nobody can even connect.

use std::sync::Arc;

use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::fault::Fault;
use crate::error::ErrorKind;
use crate::limits;

/// Descriptors for open files, shared by all homes.
#[derive(Debug)]
pub(crate) struct Descriptors(Arc<Semaphore>);

/// Some of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    _permit: OwnedSemaphorePermit,
}

impl Descriptors {
    /// `wanted`, or what the process may have less what connections and the rest of the program need.
    pub(crate) fn new(wanted: Option<usize>) -> Self {
        let available = wanted.unwrap_or_else(|| {
            let limit = getrlimit(Resource::Nofile).current;
            let limit = limit
                .and_then(|limit| usize::try_from(limit).ok())
                .unwrap_or(usize::MAX);
            limit / 4 * limits::DESCRIPTOR_QUARTERS
        });
        Self(Arc::new(Semaphore::new(available.min(Semaphore::MAX_PERMITS))))
    }

    /// Takes `count` of them.
    ///
    /// # Errors
    /// `TooManyOpen`.
    pub(crate) fn take(&self, count: u32) -> Result<Taken, Fault> {
        match Arc::clone(&self.0).try_acquire_many_owned(count) {
            Ok(permit) => Ok(Taken { _permit: permit }),
            Err(_none_left) => Err(ErrorKind::TooManyOpen.into()),
        }
    }
}
