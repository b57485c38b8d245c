//! The command line as a whole: parsing, dispatch, and how a failure leaves the process.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process;

use clap::{Args, CommandFactory, Parser};

use crate::commands::{Command, oint};
use crate::config::{Config, Flags, settings};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Longshore: a managed SFTP service that you run yourself
///
/// Partners are created by an HTTP call or a command, each with a generated user name and password and a home
/// directory that nobody else can reach.
#[derive(Debug, Parser)]
#[command(
    name = "longshore",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "\
Examples:
  longshore serve                                    start a server; nothing has to be set up before
  longshore user create --home /alice                make a user on this machine's server
  longshore host-key show                            what partners compare when they first connect
  longshore config show                              what is in effect, and where each value came from

Data goes to standard output, messages to standard error; docs/cli.md lists the exit codes."
)]
pub struct Cli {
    /// Which command.
    #[command(subcommand)]
    pub command: Command,
    /// What all commands take.
    #[command(flatten)]
    pub common: CommonArgs,
}

/// Flags that every command takes.
#[derive(Debug, Args, Clone, Default)]
pub struct CommonArgs {
    /// Folder that holds users, keys and files [env: LONGSHORE_DATA_DIR; default: ./longshore-data if it exists,
    /// else /var/lib/longshore for root, else $XDG_DATA_HOME/longshore]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Configuration")]
    pub data_dir: Option<PathBuf>,
    /// Configuration file [env: LONGSHORE_CONFIG; default: ./longshore.toml, else longshore.toml in the data
    /// directory]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Configuration")]
    pub config: Option<PathBuf>,
}

impl CommonArgs {
    /// The flags of these arguments, to which a command adds its own.
    #[must_use]
    pub fn flags(&self) -> Flags {
        let mut flags = Flags {
            config: self.config.clone(),
            ..Flags::default()
        };
        flags.set(&settings::DATA_DIR, self.data_dir.as_deref());
        flags
    }

    /// The configuration with these flags alone.
    ///
    /// # Errors
    /// [`ExitCode::Config`].
    pub fn load(&self) -> Result<Config> {
        Config::from_process(self.flags())
    }
}

/// The parser, for completion scripts and for comparing the documentation.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program with these arguments, the first being its own name.
pub fn run(args: impl IntoIterator<Item = OsString>) -> process::ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(words) = oint::words(&args) {
        return oint::run(words);
    }
    let cli = match Cli::try_parse_from(with_command(args)) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are data, everything else is a complaint; clap knows the stream.
            let code = if error.use_stderr() {
                ExitCode::Usage
            } else {
                ExitCode::Ok
            };
            let _ = error.print();
            return code.into();
        }
    };
    match cli.command.run(&cli.common) {
        Ok(()) => ExitCode::Ok.into(),
        Err(error) => {
            complain(&error);
            error.exit()
        }
    }
}

/// The arguments; under the name `sftp-server` (a link to the program) that is the command.
fn with_command(mut args: Vec<OsString>) -> Vec<OsString> {
    const SFTP_SERVER: &str = "sftp-server";
    let name = args.first().and_then(|program| Path::new(program).file_name());
    if name.is_some_and(|name| name == SFTP_SERVER) {
        args.insert(1, SFTP_SERVER.into());
    }
    args
}

fn complain(error: &CliError) {
    let _ = std::io::stderr().lock().write_all(error.render().as_bytes());
}

#[cfg(test)]
mod tests {
    #[test]
    fn under_the_name_of_openssh_s_server_the_program_is_one() {
        let args = |list: &[&str]| list.iter().map(Into::into).collect::<Vec<_>>();
        assert_eq!(
            super::with_command(args(&["/opt/sftp-server", "-R"])),
            args(&["/opt/sftp-server", "sftp-server", "-R"])
        );
        assert_eq!(
            super::with_command(args(&["/opt/longshore"])),
            args(&["/opt/longshore"])
        );
        assert_eq!(super::with_command(Vec::new()), args(&[]));
    }

    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }
}
