//! Hashes of remote files by other means than SFTP.

use async_trait::async_trait;

use crate::error::Result;

/// Computes SHA-256 on the server, for servers without check-file: over exec, or by an interface of its own.
#[async_trait]
pub trait RemoteHasher: Send + Sync + std::fmt::Debug {
    /// SHA-256 of the first `len` bytes of the file at `path`; `None`: it cannot be told here, and other means are used.
    ///
    /// # Errors
    /// Only those that end the transfer; a server without the means is `None`.
    async fn sha256(&self, path: &[u8], len: u64) -> Result<Option<[u8; 32]>>;
}
