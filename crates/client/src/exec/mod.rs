//! Commands on the server, on the same connection as SFTP.

mod process;

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
pub use longshore_ssh::client::Exit;
pub use process::{Input, Output, Process};

use crate::connect::{Connection, explain, timed_out};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::limits::EXEC_OUTPUT_LEN;

/// How a command is run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExecOptions {
    /// What it reads as standard input, which ends behind it.
    pub stdin: Bytes,
    /// How long it may take, its start included. `None`: as long as it likes.
    pub timeout: Option<Duration>,
    /// Bytes of each of its two outputs that are kept; more is an error, unless `truncate`.
    pub max_output: usize,
    /// Whether what goes beyond `max_output` is thrown away and marked instead of being an error.
    pub truncate: bool,
}

impl Default for ExecOptions {
    fn default() -> Self {
        Self {
            stdin: Bytes::new(),
            timeout: None,
            max_output: EXEC_OUTPUT_LEN,
            truncate: false,
        }
    }
}

/// What a command left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExecOutput {
    /// Standard output, as bytes.
    pub stdout: Vec<u8>,
    /// Standard error, as bytes.
    pub stderr: Vec<u8>,
    /// How it ended; `None` if the server did not tell.
    pub exit: Option<Exit>,
    /// Whether output was thrown away.
    pub truncated: bool,
}

impl ExecOutput {
    /// Whether it ended with status 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.exit == Some(Exit::Status(0))
    }
}

impl ExecOptions {
    /// Gives the command something to read.
    #[must_use]
    pub fn stdin(mut self, stdin: impl Into<Bytes>) -> Self {
        self.stdin = stdin.into();
        self
    }

    /// Limits its time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Limits its output.
    #[must_use]
    pub fn max_output(mut self, bytes: usize, truncate: bool) -> Self {
        self.max_output = bytes;
        self.truncate = truncate;
        self
    }
}

impl Connection {
    /// Runs a command to its end: both outputs are read at once. The server's shell splits the words.
    ///
    /// Dropping the future closes the channel; most servers then end the command with SIGHUP or a closed pipe.
    ///
    /// # Errors
    /// [`Stage::Channel`] if it cannot be started, [`Stage::Exec`] if it takes too long, says too much or the
    /// connection is lost. A command that fails is no error: see [`ExecOutput::exit`].
    pub async fn exec(&self, command: impl Into<Vec<u8>>, options: ExecOptions) -> Result<ExecOutput> {
        let running = self.run(command.into(), &options);
        match options.timeout {
            None => running.await,
            Some(limit) => tokio::time::timeout(limit, running)
                .await
                .unwrap_or_else(|_| Err(timed_out(Stage::Exec, &self.host(), "the command", limit))),
        }
    }

    /// Starts a command, whose streams are the caller's to read and write.
    ///
    /// # Errors
    /// [`Stage::Channel`] if it cannot be started.
    pub async fn spawn(&self, command: impl Into<Vec<u8>>) -> Result<Process> {
        let channel = self.start(Bytes::from(command.into())).await?;
        let limit = self.channel_timeout();
        match tokio::time::timeout(limit, channel.status.started()).await {
            Ok(Ok(())) => Ok(Process::new(channel, self.clone())),
            Ok(Err(error)) => Err(explain(error, Stage::Channel, &self.host())),
            Err(_) => Err(timed_out(
                Stage::Channel,
                &self.host(),
                "starting the command",
                limit,
            )),
        }
    }

    async fn run(&self, command: Vec<u8>, options: &ExecOptions) -> Result<ExecOutput> {
        let host = self.host();
        let mut process = self.spawn(command).await?;
        let mut stdin = process.take_stdin();
        let feed = async {
            if let Some(stdin) = &mut stdin {
                // A command that does not read all of its input is no error.
                let _ = stdin.write(options.stdin.clone()).await;
                let _ = stdin.finish().await;
            }
        };
        let collect = process.collect(options, &host);
        let mut feed = pin!(feed);
        let mut collect = pin!(collect);
        // When the command has ended nobody is left to read its input.
        tokio::select! {
            ended = &mut collect => ended,
            () = &mut feed => collect.await,
        }
    }
}

impl Process {
    /// Both outputs, at once, and then the end.
    async fn collect(&mut self, options: &ExecOptions, host: &str) -> Result<ExecOutput> {
        let mut stdout = Collector::new(options);
        let mut stderr = Collector::new(options);
        tokio::try_join!(
            stdout.all(&mut self.stdout, host),
            stderr.all(&mut self.stderr, host)
        )?;
        Ok(ExecOutput {
            truncated: stdout.truncated || stderr.truncated,
            stdout: stdout.bytes,
            stderr: stderr.bytes,
            exit: self.wait().await?,
        })
    }
}

/// Keeps one output, within its limit.
struct Collector {
    bytes: Vec<u8>,
    max: usize,
    truncate: bool,
    truncated: bool,
}

impl Collector {
    fn new(options: &ExecOptions) -> Self {
        Self {
            bytes: Vec::new(),
            max: options.max_output,
            truncate: options.truncate,
            truncated: false,
        }
    }

    async fn all(&mut self, from: &mut Output, host: &str) -> Result<()> {
        while let Some(chunk) = from.read().await? {
            let room = self.max - self.bytes.len();
            if chunk.len() > room && !self.truncate {
                let message = format!("{host}: the command writes more than {} bytes", self.max);
                return Err(Error::new(ErrorKind::Guarded, Stage::Exec, message)
                    .hint("allow more output, or send it to a file"));
            }
            self.truncated |= chunk.len() > room;
            self.bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
        }
        Ok(())
    }
}
