//! Every bound of the client: its value, its unit, where it comes from, and what happens beyond it.

use std::time::Duration;

/// Bytes of one `ssh_config` file. OpenSSH has no limit; a longer file is an error.
pub(crate) const CONFIG_FILE_LEN: u64 = 4 << 20;

/// How deep `Include` may nest (OpenSSH: `READCONF_MAX_DEPTH`). Deeper is an error.
pub(crate) const CONFIG_INCLUDE_DEPTH: usize = 16;

/// Files that one evaluation of `ssh_config` may read, with all includes. More is an error.
pub(crate) const CONFIG_FILES: usize = 1024;

/// `IdentityFile` and `CertificateFile` entries of one host (OpenSSH: `SSH_MAX_IDENTITY_FILES`). More is an error.
pub(crate) const CONFIG_IDENTITIES: usize = 100;

/// Bytes of one `known_hosts` file. OpenSSH has no limit; a longer file is an error.
pub(crate) const KNOWN_HOSTS_LEN: u64 = 64 << 20;

/// Bytes of the header of a proxy's answer to CONNECT. A longer one is an error.
pub(crate) const CONNECT_REPLY_LEN: usize = 16 << 10;

/// Bytes of a refusing proxy's words that an error repeats, and of a proxy command's standard error.
pub(crate) const PEER_WORDS_LEN: usize = 1 << 10;

/// Between two attempts at the addresses of one name (RFC 8305 §5: 250 ms).
pub(crate) const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// Addresses of one name that are tried. The rest is left aside.
pub(crate) const ADDRESSES: usize = 16;

/// Proxies one behind the other. More is an error.
pub(crate) const PROXY_CHAIN: usize = 16;

/// Bytes of a host name (RFC 1035 §2.3.4: 255). A longer one is refused.
pub(crate) const HOST_LEN: usize = 255;

/// SSH servers on the way, one behind the other. More is an error.
pub(crate) const JUMPS: usize = 16;

/// Bytes of a file with a private key or a certificate. RSA with 16384 bits needs 13 KiB. A longer one is an error.
pub(crate) const KEY_FILE_LEN: usize = 64 << 10;

/// Rounds of questions in one keyboard-interactive login. More is an error.
pub(crate) const INTERACTIVE_ROUNDS: usize = 32;

/// Bytes of each output of a command that are kept unless the caller says otherwise. More is an error.
pub(crate) const EXEC_OUTPUT_LEN: usize = 64 << 20;
