//! `longshore serve`

use clap::Args;

use crate::cli::CommonArgs;
use crate::config::{Config, settings};
use crate::error::Result;

/// Run the server: SFTP for partners, the HTTP API for programs
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore serve
  longshore serve --data-dir /srv/longshore --sftp-listen 0.0.0.0:22
  LONGSHORE_LOG=debug longshore serve --sftp-listen 127.0.0.1:0 --api-listen 127.0.0.1:0

The first start makes the data directory, host keys and one API key, and prints the next command.
SIGTERM, SIGINT or SIGHUP drains: no new sessions, running transfers get shutdown.grace_secs, then it ends; a second
signal ends it at once.")]
pub struct ServeArgs {
    /// Where SFTP clients connect: IP:PORT, or *:PORT for all addresses [env: LONGSHORE_SFTP_LISTEN; default: *:2022]
    #[arg(long, value_name = "ADDRESS")]
    sftp_listen: Option<String>,
    /// Where the HTTP API listens [env: LONGSHORE_API_LISTEN; default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    api_listen: Option<String>,
}

impl ServeArgs {
    pub(super) fn run(&self, common: &CommonArgs) -> Result<()> {
        let mut flags = common.flags();
        flags.set(&settings::SFTP_LISTEN, self.sftp_listen.as_deref());
        flags.set(&settings::API_LISTEN, self.api_listen.as_deref());
        let config = Config::from_process(flags)?;
        crate::serve::run(&config)
    }
}
