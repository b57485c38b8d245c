//! Logs: text or JSON on standard error.
//!
//! Only `tracing` events are shown. The transport library logs through the `log` crate, in whose detailed levels
//! whole packets and requests appear; no bridge is installed, so that nothing of it can reach a log. What
//! matters of a connection is logged by our own crates.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::config::{Config, settings};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Installs the log of this process.
///
/// # Errors
/// [`ExitCode::Failure`] when one is installed already.
pub(super) fn install(config: &Config) -> Result<()> {
    let filter = config.text(&settings::LOG_LEVEL).unwrap_or("info");
    let filter = EnvFilter::builder().parse(filter).map_err(|error| {
        CliError::new(
            ExitCode::Config,
            format!("log.level {filter:?} is not a log filter"),
        )
        .because(error)
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    let installed = if config.text(&settings::LOG_FORMAT) == Some("json") {
        builder.json().flatten_event(true).with_ansi(false).try_init()
    } else {
        builder.with_ansi(colour()).try_init()
    };
    installed.map_err(|error| CliError::new(ExitCode::Failure, "cannot start the log").because(error))?;
    log_panics();
    Ok(())
}

/// Colour only on a terminal, and not where <https://no-color.org> asks for none.
fn colour() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A panic ends one task, not the server; the log must say where it was.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map_or_else(|| "unknown place".to_owned(), ToString::to_string);
        let payload = panic.payload();
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        tracing::error!(%place, message, "panic: this is a defect, please report it");
    }));
}
