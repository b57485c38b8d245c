//! An SFTP and SSH client: reach a server (routes, `ssh_config`), decide on its key (trust), log in
//! (auth), run commands (exec), speak SFTP (sftp) and move files and trees (transfer).
//!
//! Everything is asynchronous underneath; the blocking façade is the same in the style of `std::fs`.
//! Errors are one type, [`Error`], which says the stage, the operation, the path and what the peer said.

mod auth;
pub mod blocking;
mod channel;
mod channel_io;
mod connect;
mod endpoint;
mod error;
mod exec;
mod host_key;
mod limits;
pub mod route;
pub mod sftp;
pub mod ssh_config;
pub mod target;
pub mod transfer;
pub mod trust;

pub use auth::{
    AgentKeys, Answers, AuthMethod, Interaction, KeyFile, NonInteractive, Prompt, Questions, UserKey,
};
pub use channel::{ByteReader, ByteWriter, Channel, SftpChannels};
pub use connect::{
    Algorithms, AuthInfo, ConnectOptions, Connection, ConnectionInfo, Keepalive, SftpStart, Timeouts, Via,
};
pub use endpoint::{BoxedStream, Endpoint, SSH_PORT, Stream};
pub use error::{Error, ErrorKind, Result, ServerStatus, Stage};
pub use exec::{ExecOptions, ExecOutput, Exit, Input, Output, Process};
pub use host_key::{HostCertificate, HostKey, HostKeyVerifier, Trusted, TrustedBy};
