//! `longshore batch`: OpenSSH's batch files. The [`Interpreter`] is that of `longshore shell`, too.

pub(crate) mod command;
pub(crate) mod expand;
mod files;
mod interpreter;
mod listing;
mod local;
mod moves;
pub(crate) mod paths;
pub(crate) mod pattern;
pub(crate) mod words;

use std::ffi::OsString;
use std::path::Path;

use clap::Args;
pub(crate) use interpreter::{Done, Interpreter, Manner, commands_beginning_with};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, BufReader};

use crate::client::interrupt::{Interrupt, interrupted};
use crate::client::{ConnectArgs, Place, block_on_threads};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::limits::BATCH_LINE_LEN;

/// Run a batch file of OpenSSH's sftp
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore batch upload.sftp partner:inbox
  printf 'put report.csv\\nrename report.csv done.csv\\n' | longshore batch - partner:

The commands are those of sftp(1). The first one that fails ends the batch with exit code 1; a line that begins with - may fail,
one that begins with @ is not repeated on standard output.")]
pub struct BatchArgs {
    /// File with a command on each line; - is standard input
    file: OsString,
    /// The server, and the directory to begin in: host:path, user@host:path or sftp://…
    target: OsString,
    /// Write files where they belong instead of under a temporary name first: for servers that allow no renaming
    #[arg(long)]
    in_place: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl BatchArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::one(&self.target)?;
        block_on_threads(async {
            let interrupt = Interrupt::listen()?;
            let lines = open(&self.file).await?;
            let session = Box::pin(interrupt.unless(self.connect.open(&place.server))).await?;
            let manner = Manner {
                batch: true,
                echo: true,
                quiet: true,
                in_place: self.in_place,
            };
            let mut interpreter = Interpreter::new(session, interrupt, manner);
            let path = place.paths.first().cloned().unwrap_or_default();
            let outcome = run(&mut interpreter, lines, path).await;
            interpreter.close().await;
            outcome
        })
    }
}

async fn run(interpreter: &mut Interpreter, lines: Lines, path: Vec<u8>) -> Result<()> {
    interpreter.begin(&path).await?;
    read_lines(interpreter, lines).await
}

/// Where lines come from.
pub(crate) type Lines = Box<dyn AsyncBufRead + Send + Unpin>;

async fn open(file: &OsString) -> Result<Lines> {
    if file == "-" {
        return Ok(standard_input());
    }
    let opened = tokio::fs::File::open(file).await.map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => ExitCode::NotFound,
            _ => ExitCode::Failure,
        };
        CliError::new(code, format!("cannot open {}", Path::new(file).display())).because(error)
    })?;
    Ok(Box::new(BufReader::new(opened)))
}

pub(crate) fn standard_input() -> Lines {
    Box::new(BufReader::new(tokio::io::stdin()))
}

/// Runs line by line.
///
/// # Errors
/// In a batch that of the first line that fails, with its number; otherwise of what ends the session.
pub(crate) async fn read_lines(interpreter: &mut Interpreter, mut lines: Lines) -> Result<()> {
    let mut number = 0u64;
    loop {
        let token = interpreter.interrupt().token();
        let line = tokio::select! {
            biased;
            () = token.cancelled() => return Err(interrupted()),
            line = next_line(&mut lines) => line?,
        };
        let Some(line) = line else { return Ok(()) };
        number += 1;
        match interpreter.line(&line).await {
            Ok(Done::Next) => {}
            Ok(Done::Quit) => return Ok(()),
            Err(error) => return Err(ended(&error, number)),
        }
    }
}

/// The error of the batch: that of its line has been told. What ends the session keeps its code.
fn ended(error: &CliError, number: u64) -> CliError {
    let code = match error.code() {
        code @ (ExitCode::Interrupted | ExitCode::Lost) => code,
        _ => ExitCode::Failure,
    };
    CliError::new(code, format!("line {number} ended the batch"))
}

/// The next line without its end; `None` at the end of the input.
async fn next_line(lines: &mut Lines) -> Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let most = BATCH_LINE_LEN as u64 + 1;
    let len = lines
        .take(most)
        .read_until(b'\n', &mut line)
        .await
        .map_err(|error| CliError::new(ExitCode::Failure, "cannot read the commands").because(error))?;
    if len == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if len > BATCH_LINE_LEN {
        let message = format!("a line is longer than {BATCH_LINE_LEN} bytes");
        return Err(CliError::new(ExitCode::Usage, message));
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_have_a_longest_length() {
        let long = [vec![b'x'; BATCH_LINE_LEN], b"\ny".to_vec()].concat();
        let mut lines: Lines = Box::new(std::io::Cursor::new(long));
        assert_eq!(
            next_line(&mut lines).await.unwrap().map(|line| line.len()),
            Some(BATCH_LINE_LEN)
        );
        assert_eq!(next_line(&mut lines).await.unwrap(), Some(b"y".to_vec()));
        assert_eq!(next_line(&mut lines).await.unwrap(), None);
        let mut lines: Lines = Box::new(std::io::Cursor::new(vec![b'x'; BATCH_LINE_LEN + 1]));
        assert_eq!(next_line(&mut lines).await.unwrap_err().code(), ExitCode::Usage);
    }
}
