//! A command that runs.

use bytes::Bytes;
use longshore_ssh::client::{ChannelStatus, ClientChannel, ClientReader, ClientWriter, Exit};

use crate::connect::{Connection, explain};
use crate::error::{Result, Stage};

/// A command that runs on the server. Read both outputs at once, or drop the one that is not wanted: the connection holds 16 MiB of
/// what nobody reads, and then waits. Dropping all of it closes the channel.
#[derive(Debug)]
#[non_exhaustive]
pub struct Process {
    /// What it reads; gone once it was taken.
    pub stdin: Option<Input>,
    /// What it writes.
    pub stdout: Output,
    /// What it writes as errors.
    pub stderr: Output,
    status: ChannelStatus,
    connection: Connection,
}

/// A command's standard input.
#[derive(Debug)]
pub struct Input {
    writer: ClientWriter,
    host: String,
}

/// One of a command's outputs.
#[derive(Debug)]
pub struct Output {
    reader: ClientReader,
    host: String,
}

impl Process {
    pub(super) fn new(channel: ClientChannel, connection: Connection) -> Self {
        let host = connection.host();
        let output = |reader| Output {
            reader,
            host: host.clone(),
        };
        Self {
            stdout: output(channel.reader),
            stderr: output(channel.errors),
            stdin: Some(Input {
                writer: channel.writer,
                host: host.clone(),
            }),
            status: channel.status,
            connection,
        }
    }

    /// Waits until it has ended; `None` if the server does not tell how. Cancel-safe.
    ///
    /// # Errors
    /// [`Stage::Exec`] if the connection is lost before.
    pub async fn wait(&self) -> Result<Option<Exit>> {
        self.status
            .exit()
            .await
            .map_err(|error| explain(error, Stage::Exec, &self.connection.host()))
    }

    /// The command's input, for another task. The channel is closed when it is dropped: keep it until the command has ended.
    pub fn take_stdin(&mut self) -> Option<Input> {
        self.stdin.take()
    }
}

impl Input {
    /// Asks the server to send the command a signal (`TERM`, `KILL`, …). Many servers ignore that.
    ///
    /// # Errors
    /// [`Stage::Exec`] if it has ended or the connection is lost.
    pub async fn signal(&mut self, name: &str) -> Result<()> {
        self.writer
            .signal(name)
            .await
            .map_err(|error| explain(error, Stage::Exec, &self.host))
    }

    /// Sends all of `data`, waiting while the server takes nothing. Not cancel-safe.
    ///
    /// # Errors
    /// [`Stage::Exec`] if the command or the connection has ended.
    pub async fn write(&mut self, data: Bytes) -> Result<()> {
        self.writer
            .send(data)
            .await
            .map_err(|error| explain(error, Stage::Exec, &self.host))
    }

    /// Says that no more will come.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn finish(&mut self) -> Result<()> {
        self.writer
            .finish()
            .await
            .map_err(|error| explain(error, Stage::Exec, &self.host))
    }
}

impl Output {
    /// The next bytes, never none; `None` at the end. Cancel-safe.
    ///
    /// # Errors
    /// [`Stage::Exec`] if the connection is lost.
    pub async fn read(&mut self) -> Result<Option<Bytes>> {
        self.reader
            .recv()
            .await
            .map_err(|error| explain(error, Stage::Exec, &self.host))
    }
}
