//! `<data-dir>/run/server.json`: who runs here and where it listens, for commands and tests.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::data_dir::DataDir;

/// A running server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFile {
    /// Its process.
    pub pid: u32,
    /// An address at which this machine reaches SFTP.
    pub sftp: SocketAddr,
    /// An address at which this machine reaches the API.
    pub api: SocketAddr,
    /// The admin socket.
    pub admin_socket: PathBuf,
    /// When it started, seconds since 1970.
    pub started: u64,
}

impl ServerFile {
    /// What the server of this directory says; `None` when none is running.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn read(dir: &DataDir) -> io::Result<Option<Self>> {
        match fs::read(dir.server_file()) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Removes what a server that was killed left behind. The caller holds the lock.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_stale(dir: &DataDir) -> io::Result<()> {
        match fs::remove_file(dir.server_file()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Writes the file in one step (0600); it is removed when the returned guard is dropped.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn publish(&self, dir: &DataDir) -> io::Result<Published> {
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        let path = dir.server_file();
        write_private(&path, &text)?;
        Ok(Published(path))
    }
}

/// Removes the file when dropped.
#[derive(Debug)]
pub struct Published(PathBuf);

impl Drop for Published {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Puts a file in place in one step, readable by its owner alone, and makes it durable.
///
/// # Errors
/// Those of the file system; nothing is left behind then.
pub(super) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        match path.parent() {
            Some(folder) => fs::File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}
