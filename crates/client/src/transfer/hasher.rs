//! Hashes of remote files by other means than SFTP.

use std::time::Duration;

use async_trait::async_trait;

use crate::connect::Connection;
use crate::error::{ErrorKind, Result};
use crate::exec::ExecOptions;

/// Computes SHA-256 on the server, for servers without check-file: over exec, or by an interface of its own.
#[async_trait]
pub trait RemoteHasher: Send + Sync + std::fmt::Debug {
    /// SHA-256 of the first `len` bytes of the file at `path`; `None`: it cannot be told here, and other means are used.
    ///
    /// # Errors
    /// Only those that end the transfer; a server without the means is `None`.
    async fn sha256(&self, path: &[u8], len: u64) -> Result<Option<[u8; 32]>>;
}

/// Runs `head` and `sha256sum` on the server, where the user has a shell. Where SFTP and the shell see different trees, what
/// it says differs, and the file is read back instead.
#[derive(Debug, Clone)]
pub struct ExecHasher {
    connection: Connection,
}

impl ExecHasher {
    /// Runs commands over `connection`, beside SFTP.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl RemoteHasher for ExecHasher {
    async fn sha256(&self, path: &[u8], len: u64) -> Result<Option<[u8; 32]>> {
        let options = ExecOptions::default()
            .timeout(PATIENCE)
            .max_output(OUTPUT_LEN, true);
        match self.connection.exec(command(path, len), options).await {
            Ok(output) if output.success() => Ok(parse(&output.stdout)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::ConnectionLost => Err(error),
            Err(error) => {
                tracing::debug!(%error, "no hash by command");
                Ok(None)
            }
        }
    }
}

/// The status of a pipe is that of its last part, so a file that `head` cannot read is noticed by its hash only.
fn command(path: &[u8], len: u64) -> Vec<u8> {
    let mut command = format!("head -c {len} -- ").into_bytes();
    command.push(b'\'');
    for byte in path {
        match byte {
            b'\'' => command.extend_from_slice(b"'\\''"),
            byte => command.push(*byte),
        }
    }
    command.extend_from_slice(b"' | sha256sum");
    command
}

/// Sixty-four hexadecimal digits, and a name behind them.
fn parse(output: &[u8]) -> Option<[u8; 32]> {
    let digits = output.get(..64)?;
    if output.get(64).is_some_and(|byte| !byte.is_ascii_whitespace()) {
        return None;
    }
    let text = std::str::from_utf8(digits).ok()?;
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// How long a hash may take.
const PATIENCE: Duration = Duration::from_secs(30 * 60);
/// Bytes of output that are looked at.
const OUTPUT_LEN: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_the_shell() {
        assert_eq!(
            command(b"-it's; $(x)\n", 7),
            b"head -c 7 -- '-it'\\''s; $(x)\n' | sha256sum"
        );
    }

    #[test]
    fn only_a_hash_is_a_hash() {
        let digits = "00ff".repeat(16);
        let expected: Vec<u8> = [0, 0xff].repeat(16);
        assert_eq!(
            parse(format!("{digits}  -\n").as_bytes()).map(|hash| hash.to_vec()),
            Some(expected)
        );
        for wrong in [
            String::new(),
            digits[..63].to_owned(),
            format!("{digits}0"),
            "zz".repeat(32),
            "sha256sum: command not found".to_owned(),
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
