//! The small client commands against OpenSSH's server: text, JSON, exit codes, and what must not happen.

mod connecting;
mod files;
mod listing;
mod looking;
mod pasted;
mod running;
mod terminal;

#[path = "../transfers/remote.rs"]
#[allow(dead_code, reason = "it has more than these tests need")]
mod remote;
#[path = "../../../client/tests/sshd/mod.rs"]
mod sshd;
#[path = "../support/mod.rs"]
mod support;
