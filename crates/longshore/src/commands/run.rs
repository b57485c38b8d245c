//! `longshore run`

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use clap::Args;
use longshore_client::{Connection, ExecOptions, ExecOutput, Exit, Input, Output};
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::client::{ConnectArgs, Place, block_on, name_json};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::limits::RUN_CHUNK;
use crate::output::print_json;

/// Run a command on a server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore run files.example.net sha256sum inbox/report.csv
  tar c reports | longshore run files.example.net 'tar x -C inbox'
  longshore run --json files.example.net uptime | jq -r .stdout

Words are joined by blanks, and the server's shell reads the line, as with ssh. Its standard input, output and error are those
of this command, its exit status is the exit code; a signal gives 128 and its number. 255: it could not be run.")]
pub struct RunArgs {
    /// The server: host, user@host, sftp://…
    #[arg(value_name = "HOST")]
    target: OsString,
    /// The command
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
    /// The command reads nothing
    #[arg(short = 'n', long)]
    no_stdin: bool,
    /// How long it may take, its start included
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: Option<u32>,
    /// Print {stdout, stderr, exit_status, signal} when it has ended; 16 MiB of output at most
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl RunArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::one(&self.target)?;
        if !place.paths.iter().all(Vec::is_empty) {
            let message = "a command runs on a server, not in a path";
            return Err(CliError::new(ExitCode::Usage, message)
                .hint("leave the path away: longshore run host 'cd path && command'"));
        }
        let exit = block_on(async {
            let connection = self.connect.connect(&place.server).await?;
            let limit = self.timeout.map(|seconds| Duration::from_secs(seconds.into()));
            let running = self.attend(&connection);
            let exit = match limit {
                None => running.await?,
                Some(limit) => tokio::time::timeout(limit, running).await.map_err(|_| {
                    let message = format!("the command took longer than {} s", limit.as_secs());
                    CliError::new(ExitCode::Lost, message)
                })??,
            };
            connection.close().await;
            Ok(exit)
        })
        .map_err(|error| error.with_code(ExitCode::NotRun))?;
        match exit {
            Some(Exit::Status(0)) => Ok(()),
            // exit statuses have eight bits; nonzero ones beyond stay a failure
            Some(Exit::Status(status)) => Err(CliError::silent(u8::try_from(status).unwrap_or(255))),
            Some(Exit::Signal { name, .. }) => Err(CliError::silent(128 + signal_number(&name))),
            _ => Err(CliError::new(
                ExitCode::NotRun,
                "the server does not tell how the command ended",
            )),
        }
    }

    fn line(&self) -> Vec<u8> {
        let words: Vec<&[u8]> = self.command.iter().map(|word| word.as_bytes()).collect();
        words.join(&b' ')
    }

    async fn attend(&self, connection: &Connection) -> Result<Option<Exit>> {
        if self.json {
            return self.collect(connection).await;
        }
        let mut process = connection.spawn(self.line()).await?;
        // kept until the command has ended: the channel closes with it
        let mut stdin = process.take_stdin();
        {
            let feed = async {
                match &mut stdin {
                    Some(stdin) => feed(stdin, self.no_stdin).await,
                    None => Ok(()),
                }
            };
            let outputs = async {
                tokio::try_join!(
                    pass_on(&mut process.stdout, tokio::io::stdout()),
                    pass_on(&mut process.stderr, tokio::io::stderr())
                )
            };
            let (mut feed, mut outputs) = (std::pin::pin!(feed), std::pin::pin!(outputs));
            // when the command has ended nobody is left to read its input
            tokio::select! {
                ended = &mut outputs => { ended?; }
                fed = &mut feed => {
                    fed?;
                    outputs.await?;
                }
            }
        }
        Ok(process.wait().await?)
    }

    async fn collect(&self, connection: &Connection) -> Result<Option<Exit>> {
        let mut input = Vec::new();
        if !self.no_stdin {
            let mut stdin = tokio::io::stdin();
            stdin.read_to_end(&mut input).await.map_err(|error| {
                CliError::new(ExitCode::Failure, "cannot read standard input").because(error)
            })?;
        }
        let options = ExecOptions::default().stdin(input);
        let output = connection.exec(self.line(), options).await?;
        print_json(&to_json(&output))?;
        Ok(output.exit)
    }
}

/// Standard input to its end, or nothing. A command that does not read all of its input is no error.
async fn feed(to: &mut Input, nothing: bool) -> Result<()> {
    if !nothing {
        copy_stdin(to).await?;
    }
    let _ = to.finish().await;
    Ok(())
}

async fn copy_stdin(to: &mut Input) -> Result<()> {
    let mut stdin = tokio::io::stdin();
    loop {
        let mut chunk = BytesMut::with_capacity(RUN_CHUNK);
        let count = stdin
            .read_buf(&mut chunk)
            .await
            .map_err(|error| CliError::new(ExitCode::Failure, "cannot read standard input").because(error))?;
        if count == 0 || to.write(chunk.freeze()).await.is_err() {
            return Ok(());
        }
    }
}

/// One output to its end. When nobody reads it here any more it is still taken, so that the command can end.
async fn pass_on(from: &mut Output, mut to: impl AsyncWrite + Unpin) -> Result<()> {
    let mut gone = false;
    while let Some(chunk) = from.read().await? {
        if gone {
            continue;
        }
        match write(&mut to, chunk).await {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => gone = true,
            Err(error) => {
                return Err(
                    CliError::new(ExitCode::Failure, "cannot pass on what the command says").because(error),
                );
            }
            Ok(()) => {}
        }
    }
    Ok(())
}

async fn write(to: &mut (impl AsyncWrite + Unpin), chunk: Bytes) -> io::Result<()> {
    to.write_all(&chunk).await?;
    to.flush().await
}

fn to_json(output: &ExecOutput) -> Value {
    let mut object = Map::new();
    name_json(&mut object, "stdout", &output.stdout);
    name_json(&mut object, "stderr", &output.stderr);
    let (status, signal) = match &output.exit {
        Some(Exit::Status(status)) => (Some(*status), None),
        Some(Exit::Signal { name, .. }) => (None, Some(name.clone())),
        _ => (None, None),
    };
    object.insert("exit_status".to_owned(), status.into());
    object.insert("signal".to_owned(), signal.into());
    object.into()
}

/// The number of a signal that RFC 4254 §6.10 names, as on Linux; 0 for others, as nobody can say which it is.
fn signal_number(name: &str) -> u8 {
    match name {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "ILL" => 4,
        "ABRT" => 6,
        "FPE" => 8,
        "KILL" => 9,
        "USR1" => 10,
        "SEGV" => 11,
        "USR2" => 12,
        "PIPE" => 13,
        "ALRM" => 14,
        "TERM" => 15,
        _ => 0,
    }
}
