//! `longshore trust add`

use std::io::{IsTerminal as _, Write as _, stderr, stdin};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use clap::Args;
use longshore_client::trust::known_hosts::{KnownHosts, append, name_of};
use longshore_client::{
    ConnectOptions, Connection, Endpoint, Error, ErrorKind, HostKey, HostKeyVerifier, NonInteractive, Stage,
    Trusted,
};
use serde_json::json;

use super::{FileArgs, endpoint, of_file};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::{OutputArgs, print, print_json};

/// Ask a server for its host key, show it, and remember it once you say so
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore trust add files.example.net:2022
  longshore trust add files.example.net --fingerprint SHA256:…   # from the server's operator; asks nothing

The operator of a Longshore server sees its fingerprint with: longshore host-key show")]
pub struct AddArgs {
    /// The server: host, host:port or [address]:port
    host: String,
    /// The fingerprint that its operator told you: the key is remembered only if it is that one
    #[arg(long, value_name = "SHA256:…")]
    fingerprint: Option<String>,
    /// Remember whatever key is shown. Only where nobody can stand in between
    #[arg(long, conflicts_with = "fingerprint")]
    yes: bool,
    /// Write the name as a hash, so that the file does not tell where you connect to
    #[arg(long)]
    hash: bool,
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl AddArgs {
    pub(super) fn run(&self) -> Result<()> {
        let (host, file) = (endpoint(&self.host)?, self.file.path()?);
        let key = shown_by(&host)?;
        let name = name_of(&host);
        let known = KnownHosts::load(std::slice::from_ref(&file)).map_err(of_file)?;
        let before: Vec<_> = known.find(&name).collect();
        let is_known = before.iter().any(|located| located.entry.key == key.blob()[..]);
        if !is_known {
            if before
                .iter()
                .any(|located| located.entry.key_type == key.algorithm())
            {
                return Err(CliError::new(
                    ExitCode::HostKey,
                    format!("another key of {name} is known; it shows {key} now"),
                )
                .hint(format!(
                    "somebody may be in between; if the operator confirms the new one: longshore trust remove {name}"
                )));
            }
            self.decide(&name, &key)?;
            append(&file, &name, key.algorithm(), key.blob(), self.hash).map_err(of_file)?;
        }
        if self.output.json {
            return print_json(&json!({
                "name": name, "type": key.algorithm(), "fingerprint": key.fingerprint(),
                "file": file, "added": !is_known,
            }));
        }
        let what = if is_known {
            "was known already in"
        } else {
            "is now in"
        };
        print(&format!("{name}: {key} {what} {}\n", file.display()))
    }

    fn decide(&self, name: &str, key: &HostKey) -> Result<()> {
        if let Some(fingerprint) = &self.fingerprint {
            if fingerprint == key.fingerprint() {
                return Ok(());
            }
            return Err(CliError::new(
                ExitCode::HostKey,
                format!("{name} shows {key}, not {fingerprint}"),
            )
            .hint("nothing was remembered: compare with the server's operator, somebody may be in between"));
        }
        if self.yes || asked(name, key)? {
            return Ok(());
        }
        Err(CliError::new(
            ExitCode::HostKey,
            format!("the key of {name} was not accepted"),
        ))
    }
}

/// Asks on the terminal.
fn asked(name: &str, key: &HostKey) -> Result<bool> {
    if !stdin().is_terminal() || !stderr().is_terminal() {
        return Err(CliError::new(
            ExitCode::Usage,
            format!("{name} shows {key}, and there is no terminal to ask on"),
        )
        .hint("give the operator's --fingerprint SHA256:…, or --yes where nobody can stand in between"));
    }
    let failed = |error| CliError::new(ExitCode::Failure, "cannot ask on the terminal").because(error);
    let mut terminal = stderr().lock();
    writeln!(terminal, "{name} shows {key}").map_err(failed)?;
    write!(terminal, "Is that what its operator told you? [y/N] ").map_err(failed)?;
    terminal.flush().map_err(failed)?;
    let mut answer = String::new();
    stdin().read_line(&mut answer).map_err(failed)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// The key that the server shows, and proves to hold, before anybody logs in.
fn shown_by(host: &Endpoint) -> Result<HostKey> {
    let looker = Looker::default();
    let options = ConnectOptions::new(host.clone(), "nobody", looker.clone());
    let connecting = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new(ExitCode::Failure, "cannot start the runtime").because(error))?
        .block_on(Connection::connect(&options, &NonInteractive));
    let seen = looker.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (seen, connecting) {
        (Some(key), _) => Ok(key),
        (None, Err(error)) => {
            let hint = error.next_step().map(str::to_owned);
            let error =
                CliError::new(ExitCode::Unreachable, format!("cannot get the key of {host}")).because(error);
            Err(match hint {
                Some(hint) => error.hint(hint),
                None => error,
            })
        }
        (None, Ok(_)) => Err(CliError::new(ExitCode::Failure, format!("{host} showed no key"))),
    }
}

/// Keeps the key and goes no further.
#[derive(Clone, Default)]
struct Looker(Arc<Mutex<Option<HostKey>>>);

#[async_trait]
impl HostKeyVerifier for Looker {
    fn known_algorithms(&self, _host: &Endpoint) -> Vec<String> {
        Vec::new()
    }

    async fn verify(&self, _host: &Endpoint, key: &HostKey) -> longshore_client::Result<Trusted> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
        Err(Error::new(
            ErrorKind::Cancelled,
            Stage::HostKey,
            "only the key was asked for",
        ))
    }
}
