//! Sessions: authentication, the SFTP engine, uploads, limits. Drives `ssh`, asks `storage` and `catalog`.
//!
//! [`SftpServer::start`] serves SFTP on a listener, [`serve_stream`] on two byte streams. The walk of a request: [`longshore_ssh`] hands a channel to
//! `session::run`; `channel::run` greets the client; `engine::Engine` cuts packets, orders them (`order`), sets room
//! for their replies aside (`budget`) and runs the operations in `ops`; `replies::send_replies` is the one writer.

mod activity;
mod attrs;
mod budget;
mod channel;
mod closing;
mod content;
mod context;
mod engine;
mod error;
mod exec;
mod file_hash;
mod handles;
mod hashing;
mod limits;
mod log;
mod login;
mod ops;
mod order;
mod origin;
mod pipe;
mod recorder;
mod records;
mod replies;
mod reply_order;
mod request_log;
mod selftest;
mod server;
mod session;
mod sessions;
mod status;
mod stream;
mod terms;
mod verdict;
mod watch;

pub use limits::ServerConfig;
pub use selftest::{Check, Outcome, SelfTest};
pub use server::SftpServer;
pub use stream::{StreamEnd, serve_stream};
pub use terms::{RequestPolicy, Terms};
pub use verdict::OnShort;
