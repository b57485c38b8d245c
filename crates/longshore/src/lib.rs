//! The `longshore` program: `serve`, and the commands around it.
//!
//! Each command is a file `commands/<noun>/<verb>.rs`: parse, call, render. Data goes to standard output, logs
//! and errors to standard error, and the exit codes are those of [`ExitCode`].

pub mod cli;
pub mod client;
mod commands;
pub mod config;
pub mod data_dir;
mod error;
mod exit_code;
mod limits;
mod output;
pub mod serve;

pub use cli::run;
pub use error::{CliError, Result};
pub use exit_code::ExitCode;
