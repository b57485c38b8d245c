//! `longshore sftp-server`: the engine on standard input and output, in the place of OpenSSH's `sftp-server(8)`.

mod account;
mod args;
mod log;
mod stdio;
mod until;

use std::path::Path;

use longshore_server::{RequestPolicy, ServerConfig, StreamEnd, Terms, serve_stream};
use longshore_storage::{LocalStore, UserFilesOptions};
use rustix::fs::Mode;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

pub(super) use args::SftpServerArgs;

use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::limits::SFTP_SERVER_THREADS;
use crate::output::print;
use crate::serve::Signals;
use account::Account;
use stdio::Stdio;
use until::Until;

impl SftpServerArgs {
    pub(super) fn run(&self) -> Result<()> {
        if self.query.is_some() {
            let names: Vec<_> = RequestPolicy::names().collect();
            return print(&(names.join("\n") + "\n"));
        }
        log::install(self)?;
        let account = Account::of_process();
        let umask = set_umask(self.umask);
        if let Some(template) = &self.start_directory {
            change_directory(&account.expand(template));
        }
        let runtime = runtime()?;
        let peer = peer_address();
        tracing::info!("session opened for local user {} from [{peer}]", account.name);
        let end = runtime.block_on(self.serve(&account, umask));
        tracing::info!("session closed for local user {} from [{peer}]", account.name);
        // Requests that the client did not wait for have run to their end; a thread that hangs on a dead file server
        // must not hold up the exit.
        runtime.shutdown_background();
        end
    }

    async fn serve(&self, account: &Account, umask: u32) -> Result<()> {
        let terms = Terms {
            start_directory: start_directory(),
            home_directory: account.home.clone(),
            policy: self.policy(),
            log_requests: true,
        };
        let options = UserFilesOptions { umask };
        let home = LocalStore::user_files(Path::new("/"), options)
            .map_err(|error| failure("cannot open the root directory", error))?;
        let mut signals = Signals::install().map_err(|error| failure("cannot take signals", error))?;
        let stdio = Stdio::open().map_err(|error| failure("cannot use standard input and output", error))?;
        let (reader, writer, _restore) = stdio.split();
        let config = ServerConfig::default();
        let told = CancellationToken::new();
        let (reader, writer) = (Until::new(reader, &told), Until::new(writer, &told));
        let serving = serve_stream(reader, writer, home, &account.name, terms, &config);
        tokio::pin!(serving);
        let end = tokio::select! {
            end = &mut serving => end,
            (name, _) = signals.next() => {
                tracing::info!("{name}: the session ends");
                told.cancel();
                tokio::select! {
                    end = serving => end,
                    // What it waits for does not come.
                    _ = signals.next() => StreamEnd::Done,
                }
            }
        };
        match end {
            StreamEnd::Done => Ok(()),
            StreamEnd::Refused { complaint } => Err(CliError::new(ExitCode::Failure, complaint)),
        }
    }

    fn policy(&self) -> RequestPolicy {
        let set = |names: &[String]| names.iter().cloned().collect();
        RequestPolicy {
            read_only: self.read_only,
            denied: set(&self.denied),
            allowed: self.allowed.as_deref().map(set),
        }
    }
}

/// One thread runs the session; disk work goes to a few more, which are started when there is some.
fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(SFTP_SERVER_THREADS)
        .build()
        .map_err(|error| failure("cannot start the runtime", error))
}

fn failure(what: &str, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CliError {
    CliError::new(ExitCode::Failure, what).because(error)
}

/// Sets the umask of the process, or finds out what it is. No other thread runs yet.
fn set_umask(wanted: Option<u32>) -> u32 {
    let mode = Mode::from_raw_mode(wanted.unwrap_or(0o077));
    let inherited = rustix::process::umask(mode);
    match wanted {
        Some(wanted) => wanted,
        None => {
            rustix::process::umask(inherited);
            inherited.as_raw_mode()
        }
    }
}

/// Like OpenSSH's server, goes on where it is when the directory is not there.
fn change_directory(directory: &Path) {
    if let Err(error) = std::env::set_current_dir(directory) {
        tracing::error!(
            "chdir to \"{}\" failed: {error}",
            directory.as_os_str().as_encoded_bytes().escape_ascii()
        );
    }
}

fn start_directory() -> Vec<u8> {
    // A directory that was removed, or lies outside of what this process sees, has no name.
    std::env::current_dir().map_or_else(
        |_nameless| b"/".to_vec(),
        |path| path.into_os_string().into_encoded_bytes(),
    )
}

/// The client's address, as sshd tells it.
fn peer_address() -> String {
    let connection = std::env::var("SSH_CONNECTION").unwrap_or_default();
    connection
        .split(' ')
        .next()
        .filter(|address| !address.is_empty())
        .unwrap_or("UNKNOWN")
        .to_owned()
}
