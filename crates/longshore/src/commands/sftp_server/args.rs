//! The flags of OpenSSH's `sftp-server(8)`.

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use longshore_server::RequestPolicy;

/// Serve SFTP on standard input and output, in the place of OpenSSH's sftp-server
#[derive(Debug, Args)]
#[command(
    long_about = "\
Serve SFTP on standard input and output, in the place of OpenSSH's sftp-server

Serves the files of this machine as the user who runs it sees them, with the same engine as the managed server: a file \
appears under its name when its upload is complete. Usually started by sshd:

  Subsystem sftp /usr/bin/longshore sftp-server

The flags are those of sftp-server(8).",
    after_help = "\
Examples:
  longshore sftp-server -e -l debug3            log everything to standard error
  longshore sftp-server -R -d /srv/%u           read only, starting in the user's own directory
  longshore sftp-server -P remove,rmdir         take everything but these requests
  sftp -D '/usr/bin/longshore sftp-server'      a session without SSH, to try it"
)]
pub struct SftpServerArgs {
    /// Start in this directory instead of the current one; %u is the user's name, %d the home directory, %% a percent
    /// sign
    #[arg(short = 'd', value_name = "DIRECTORY")]
    pub(super) start_directory: Option<String>,
    /// Log to standard error instead of syslog
    #[arg(short = 'e')]
    pub(super) stderr: bool,
    /// Syslog facility
    #[arg(
        short = 'f',
        value_name = "FACILITY",
        value_enum,
        ignore_case = true,
        default_value = "AUTH"
    )]
    pub(super) facility: Facility,
    /// What is logged; INFO and above name each file
    #[arg(
        short = 'l',
        value_name = "LEVEL",
        value_enum,
        ignore_case = true,
        default_value = "ERROR"
    )]
    pub(super) level: Level,
    /// Refuse these requests, separated by commas
    #[arg(short = 'P', value_name = "REQUESTS", value_delimiter = ',', value_parser = request_names())]
    pub(super) denied: Vec<String>,
    /// Refuse all but these requests, separated by commas
    #[arg(short = 'p', value_name = "REQUESTS", value_delimiter = ',', value_parser = request_names())]
    pub(super) allowed: Option<Vec<String>>,
    /// Print the names of requests that -p and -P take
    #[arg(short = 'Q', value_name = "FEATURE", value_enum)]
    pub(super) query: Option<Query>,
    /// Refuse everything that changes files
    #[arg(short = 'R')]
    pub(super) read_only: bool,
    /// Umask of the session, octal
    #[arg(short = 'u', value_name = "UMASK", value_parser = umask)]
    pub(super) umask: Option<u32>,
}

/// What can be asked for with `-Q`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Query {
    /// Names of requests
    Requests,
}

/// Log levels of OpenSSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(super) enum Level {
    Quiet,
    Fatal,
    Error,
    Info,
    Verbose,
    Debug,
    Debug1,
    Debug2,
    Debug3,
}

/// Facilities of syslog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub(super) enum Facility {
    Daemon,
    User,
    Auth,
    Local0,
    Local1,
    Local2,
    Local3,
    Local4,
    Local5,
    Local6,
    Local7,
}

/// A mistyped name that were passed over would leave open what was meant to be shut.
fn request_names() -> PossibleValuesParser {
    PossibleValuesParser::new(RequestPolicy::names())
}

fn umask(text: &str) -> Result<u32, String> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mask| *mask <= 0o777)
        .ok_or_else(|| "not an octal number from 0 to 777".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn umasks_are_octal() {
        assert_eq!(umask("027"), Ok(0o027));
        for wrong in ["8", "1000", "-1", "", "0x1"] {
            assert!(umask(wrong).is_err(), "{wrong}");
        }
    }
}
