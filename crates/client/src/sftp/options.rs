//! How a session behaves, and how a file is opened.

use std::time::Duration;

use longshore_sftp::{Attrs, OpenFlags};

use super::limits::{IDLE_TIMEOUT, IN_FLIGHT, SLOW_TIMEOUT};
use super::pace::Pace;

/// How a session behaves; the default suits everybody.
#[derive(Debug, Clone)]
pub struct SftpOptions {
    /// Silence of the server, in the face of requests, that ends the session. Starts anew with everything that arrives.
    pub idle_timeout: Duration,
    /// The same while the server hashes, copies or syncs a file.
    pub slow_timeout: Duration,
    /// The byte budget; sessions on one connection share it by sharing this.
    pub pace: Pace,
    /// Longest READ and WRITE in bytes, when the server would take longer ones.
    pub max_data_len: Option<u32>,
    /// How many handles may be open at a time, when the server would take more or announces nothing.
    pub max_open_handles: Option<usize>,
}

impl Default for SftpOptions {
    fn default() -> Self {
        Self {
            idle_timeout: IDLE_TIMEOUT,
            slow_timeout: SLOW_TIMEOUT,
            pace: Pace::new(IN_FLIGHT),
            max_data_len: None,
            max_open_handles: None,
        }
    }
}

/// How a file is opened, in the style of [`std::fs::OpenOptions`].
#[derive(Debug, Clone, Default)]
pub struct OpenOptions {
    flags: OpenFlags,
    attrs: Attrs,
}

impl OpenOptions {
    /// Nothing is allowed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// For reading.
    #[must_use]
    pub fn read(self) -> Self {
        self.with(OpenFlags::READ)
    }

    /// For writing.
    #[must_use]
    pub fn write(self) -> Self {
        self.with(OpenFlags::WRITE)
    }

    /// Every write goes to the end, whatever its offset.
    #[must_use]
    pub fn append(self) -> Self {
        self.with(OpenFlags::WRITE).with(OpenFlags::APPEND)
    }

    /// Makes the file if it is not there.
    #[must_use]
    pub fn create(self) -> Self {
        self.with(OpenFlags::CREAT)
    }

    /// Makes the file, and fails if it is there.
    #[must_use]
    pub fn create_new(self) -> Self {
        self.with(OpenFlags::CREAT).with(OpenFlags::EXCL)
    }

    /// Empties an existing file. Some servers want `create` with it, as the draft does.
    #[must_use]
    pub fn truncate(self) -> Self {
        self.with(OpenFlags::TRUNC)
    }

    /// Permission bits of a new file; the server's umask applies.
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.attrs.permissions = Some(mode & 0o7777);
        self
    }

    pub(crate) fn flags(&self) -> OpenFlags {
        self.flags
    }

    pub(crate) fn attrs(&self) -> &Attrs {
        &self.attrs
    }

    fn with(mut self, flag: OpenFlags) -> Self {
        self.flags = self.flags | flag;
        self
    }
}
