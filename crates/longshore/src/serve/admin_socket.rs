//! The admin socket: `<data-dir>/run/admin.sock`, however long that path is.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use tokio::net::UnixListener;

use crate::limits::SOCKET_PATH_MAX;

const NAME: &str = "admin.sock";

/// A name for the socket that fits into a `sockaddr_un`. Long paths go through `/proc/self/fd/<directory>`, so
/// the value must live until bind(2) or connect(2) has returned.
#[derive(Debug)]
pub struct AdminSocketPath {
    address: PathBuf,
    _directory: Option<OwnedFd>,
}

impl AdminSocketPath {
    /// The socket in the folder `run`.
    ///
    /// # Errors
    /// When a long path is needed and the folder cannot be opened.
    pub fn open(run: &Path) -> io::Result<Self> {
        let direct = run.join(NAME);
        if direct.as_os_str().as_bytes().len() < SOCKET_PATH_MAX {
            return Ok(Self {
                address: direct,
                _directory: None,
            });
        }
        let directory = rustix::fs::open(
            run,
            OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        let address = PathBuf::from(format!("/proc/self/fd/{}/{NAME}", directory.as_raw_fd()));
        Ok(Self {
            address,
            _directory: Some(directory),
        })
    }

    /// What to give to bind(2) or connect(2).
    #[must_use]
    pub fn address(&self) -> &Path {
        &self.address
    }
}

/// The bound socket's file, removed when the server ends.
#[derive(Debug)]
pub(super) struct AdminSocketFile(PathBuf);

impl AdminSocketFile {
    /// Where it lies.
    #[must_use]
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for AdminSocketFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Binds the socket in `run`. The caller holds the data directory's lock, so a file that is already there
/// belongs to a server that is gone.
///
/// # Errors
/// Those of unlink(2), bind(2) and chmod(2).
pub(super) fn bind(run: &Path) -> io::Result<(UnixListener, AdminSocketFile)> {
    let file = run.join(NAME);
    match fs::remove_file(&file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(AdminSocketPath::open(run)?.address())?;
    let file = AdminSocketFile(file);
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600))?;
    Ok((listener, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_path_longer_than_a_socket_address_can_be_bound_and_connected() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("d".repeat(120)).join("e".repeat(120));
        fs::create_dir_all(&run).unwrap();
        let (listener, file) = bind(&run).unwrap();
        let path = AdminSocketPath::open(&run).unwrap();
        let (client, server) =
            tokio::join!(tokio::net::UnixStream::connect(path.address()), listener.accept());
        client.unwrap();
        server.unwrap();
        assert_eq!(
            fs::metadata(file.path()).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[tokio::test]
    async fn a_socket_left_by_a_dead_server_is_replaced_and_removed_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        drop(std::os::unix::net::UnixListener::bind(dir.path().join(NAME)).unwrap());
        let (_listener, file) = bind(dir.path()).unwrap();
        let path = file.path().to_owned();
        assert!(path.exists());
        drop(file);
        assert!(!path.exists());
    }
}
