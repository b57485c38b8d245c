//! What a transfer does beyond moving bytes.

use std::sync::Arc;

use super::hasher::RemoteHasher;
use super::limits::{CHANNELS, FILES_IN_FLIGHT};

/// How files are moved; the default is what most people want: whole files that appear in one step, with their times, checked
/// by size and, where the server can, by hash.
#[derive(Clone, Debug)]
pub struct TransferOptions {
    /// How a file gets its name on the other side.
    pub placing: Placing,
    /// What happens to a file that is there already.
    pub overwrite: Overwrite,
    /// Continue a partial file that an interrupted transfer has left, after proving that it is the beginning of the source.
    pub resume: bool,
    /// How the result is checked, beyond its size.
    pub verify: Verify,
    /// Give the target the source's time of modification. A server that refuses makes a warning.
    pub keep_times: bool,
    /// Give the target the source's permission bits. Without it a new file gets them within the limits of the umask, and a
    /// replaced one keeps its own.
    pub keep_mode: bool,
    /// Have the target put onto the disk before the transfer counts as done: `fsync@openssh.com`, or fsync here.
    pub sync: bool,
    /// SFTP channels that one large file may use, the first one included.
    pub channels: usize,
    /// Files on their way at a time.
    pub files_in_flight: usize,
    /// Computes hashes on the server by other means than SFTP, for servers without check-file: `sha256sum` over exec.
    pub hasher: Option<Arc<dyn RemoteHasher>>,
}

/// How a file gets its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Placing {
    /// Under a temporary name beside it, then renamed: nobody ever sees half a file.
    #[default]
    Atomic,
    /// Written where it belongs at once: for servers that allow no renaming, and for names that somebody watches.
    InPlace,
}

/// What happens to a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Overwrite {
    /// It is replaced.
    #[default]
    Always,
    /// It stays, and the transfer fails with [`AlreadyExists`](crate::ErrorKind::AlreadyExists).
    Never,
}

/// How a result is checked. Its size always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Verify {
    /// By size only.
    Size,
    /// By SHA-256 where the server computes it (check-file, or a [`RemoteHasher`]), by size elsewhere.
    #[default]
    IfOffered,
    /// By SHA-256; where the server computes none, the file is read back and compared.
    Always,
}

impl Default for TransferOptions {
    fn default() -> Self {
        Self {
            placing: Placing::default(),
            overwrite: Overwrite::default(),
            resume: false,
            verify: Verify::default(),
            keep_times: true,
            keep_mode: false,
            sync: false,
            channels: CHANNELS,
            files_in_flight: FILES_IN_FLIGHT,
            hasher: None,
        }
    }
}
