//! What the client commands share: of the HTTP API ([`api`]), and of SFTP and SSH servers everywhere else.
//!
//! A command over SFTP flattens `ConnectArgs` into its arguments, reads its targets with `Place`, and does its work on a
//! `Session` inside `block_on`. Errors of the client become those of the program with `?` (the module `failure`).

pub mod api;
mod ask;
mod connect_args;
pub(crate) mod entry;
mod failure;
pub(crate) mod interrupt;
pub(crate) mod moving;
mod names;
mod place;
pub(crate) mod progress;
mod proxy;
pub(crate) mod receipts;
mod report;
mod secret;
mod session;
pub(crate) mod stream;
pub(crate) mod walk;

pub use api::{Answer, ApiKey, Client, ClientArgs, InvalidUrl, Target, Url};

pub(crate) use connect_args::ConnectArgs;
pub(crate) use failure::Failures;
pub(crate) use names::{name_json, shown};
pub(crate) use place::Place;
pub(crate) use session::{Session, block_on, block_on_threads};
