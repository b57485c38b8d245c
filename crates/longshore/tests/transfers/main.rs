//! `get`, `put`, `sync`, `batch` and `shell` against OpenSSH's server and our own.

mod batch;
mod endings;
mod files;
mod remote;
mod shell;
#[path = "../../../client/tests/sshd/mod.rs"]
mod sshd;
#[path = "../support/mod.rs"]
mod support;
mod sync;
