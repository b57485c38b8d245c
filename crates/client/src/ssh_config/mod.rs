//! `ssh_config(5)`: what OpenSSH would do for a host, and where each value comes from.
//!
//! [`connect_options`] yields what a connection needs. [`evaluate`] reads the [`Sources`] for one [`Query`] and yields a [`HostConfig`]: typed accessors for what the client
//! uses, [`HostConfig::settings`] for `longshore explain`. The first value of a keyword wins, as there. Settings that
//! have no bearing on files and commands are stepped over; those that bear on security and cannot be honoured are errors.

mod algorithms;
mod eval;
mod host;
mod include;
mod keywords;
mod lexer;
mod matching;
mod options;
pub(crate) mod pattern;
mod sources;
mod tokens;
mod value;

use std::path::PathBuf;

pub use algorithms::AlgorithmList;
pub use eval::evaluate;
pub use host::{AddressFamily, HostConfig, Setting, StrictHostKeyChecking};
pub use options::{Resolved, connect_options};
pub use sources::{Origin, Sources};
pub use tokens::{Environment, Tokens};

/// For which host, by whom.
#[derive(Debug, Clone)]
pub struct Query {
    /// The host as the user wrote it: an alias, a name, an address without brackets.
    pub host: String,
    /// What goes before every file: keyword and arguments, as with `ssh -o`. A user or port of the target belongs here.
    pub given: Vec<(String, String)>,
    /// Whether `Match exec` may run its commands. Without it such blocks do not count.
    pub allow_exec: bool,
    /// The user's home directory.
    pub home: PathBuf,
    /// The user's name on this machine.
    pub local_user: String,
    /// The user's number on this machine.
    pub uid: u32,
    /// This machine's name.
    pub local_host: String,
    /// What `${VARIABLE}` looks up.
    pub environment: Environment,
}

impl Query {
    /// A query by the user of this process.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        let user = LocalUser::of_this_process();
        let name = rustix::system::uname();
        Self {
            host: host.into(),
            given: Vec::new(),
            allow_exec: false,
            home: user.home,
            local_user: user.name,
            uid: user.uid,
            local_host: name.nodename().to_string_lossy().into_owned(),
            environment: Environment::Process,
        }
    }

    /// Adds a setting that goes before every file.
    #[must_use]
    pub fn given(mut self, keyword: impl Into<String>, arguments: impl Into<String>) -> Self {
        self.given.push((keyword.into(), arguments.into()));
        self
    }
}

/// Who runs this process, by `/etc/passwd`, else by the environment.
struct LocalUser {
    name: String,
    uid: u32,
    home: PathBuf,
}

impl LocalUser {
    fn of_this_process() -> Self {
        let uid = rustix::process::getuid().as_raw();
        let passwd = std::fs::read("/etc/passwd").unwrap_or_default();
        let passwd = String::from_utf8_lossy(&passwd);
        let mut entries = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let entry = entries.find(|fields| fields.len() >= 6 && fields[2].parse() == Ok(uid));
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (name, home) = entry.map_or_else(
            || (variable("USER").unwrap_or_else(|| uid.to_string()), None),
            |fields| (fields[0].to_owned(), Some(fields[5].to_owned())),
        );
        let home = variable("HOME").or(home).unwrap_or_else(|| "/".to_owned());
        Self {
            name,
            uid,
            home: home.into(),
        }
    }
}
