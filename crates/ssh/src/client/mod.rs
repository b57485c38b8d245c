//! The client's end of an SSH connection.

mod error;
mod host_key;

pub use error::ClientError;
pub use host_key::{HostCertificate, HostKey};
