//! Standard input, output and error of a command.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use longshore_ssh::{Channel, ChannelReader, ChannelWriter};
use tokio::sync::mpsc;

use crate::activity::Activity;
use crate::limits::EXEC_OUTPUT_QUEUE;

/// What the command holds.
pub(crate) struct Io {
    reader: ChannelReader,
    /// Received and not yet taken.
    held: Bytes,
    output: mpsc::Sender<Output>,
    activity: Arc<Activity>,
}

/// The half that sends.
pub(crate) struct Pump {
    writer: ChannelWriter,
    queue: mpsc::Receiver<Output>,
    activity: Arc<Activity>,
}

enum Output {
    Data(Bytes),
    Error(Bytes),
}

/// The client is gone, or has ended its side where more must come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

pub(crate) fn split(channel: Channel, activity: Arc<Activity>) -> (Io, Pump) {
    let (output, queue) = mpsc::channel(EXEC_OUTPUT_QUEUE);
    let io = Io {
        reader: channel.reader,
        held: Bytes::new(),
        output,
        activity: activity.clone(),
    };
    let pump = Pump {
        writer: channel.writer,
        queue,
        activity,
    };
    (io, pump)
}

impl Pump {
    /// Sends what the command writes until it is done; `None` when the client is gone before.
    pub(crate) async fn run(mut self) -> Option<ChannelWriter> {
        loop {
            let output = tokio::select! {
                biased;
                output = self.queue.recv() => output,
                // The command may be at work for long before it has anything to say.
                () = self.writer.closed() => return None,
            };
            match output {
                Some(output) => self.send(output).await.ok()?,
                None => return Some(self.writer),
            }
        }
    }

    async fn send(&mut self, output: Output) -> Result<(), longshore_ssh::ChannelClosed> {
        match output {
            Output::Data(data) => self.writer.send(data).await?,
            Output::Error(line) => self.writer.send_stderr(line).await?,
        }
        self.activity.touch();
        Ok(())
    }
}

impl Io {
    /// Up to `most` bytes of input; `None` at its end.
    pub(crate) async fn read(&mut self, most: usize) -> Option<Bytes> {
        if !self.fill().await {
            return None;
        }
        let taken = self.held.split_to(self.held.len().min(most));
        self.reader.consumed(taken.len());
        Some(taken)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`Gone`] at the end.
    pub(crate) async fn byte(&mut self) -> Result<u8, Gone> {
        let byte = self.read(1).await.ok_or(Gone)?;
        byte.first().copied().ok_or(Gone)
    }

    /// A line without its end; `None` at the end of the input before any byte of it.
    ///
    /// # Errors
    /// The line is longer than `most`, or cut off by the end.
    pub(crate) async fn line(&mut self, most: usize) -> Result<Option<Vec<u8>>, LineError> {
        let mut line = BytesMut::new();
        loop {
            if !self.fill().await {
                return if line.is_empty() {
                    Ok(None)
                } else {
                    Err(LineError::Cut)
                };
            }
            let end = self.held.iter().position(|byte| *byte == b'\n');
            let piece = self.held.split_to(end.unwrap_or(self.held.len()));
            self.reader.consumed(piece.len());
            if line.len() + piece.len() > most {
                return Err(LineError::TooLong);
            }
            line.extend_from_slice(&piece);
            if end.is_some() {
                let _ = self.held.split_to(1);
                self.reader.consumed(1);
                return Ok(Some(line.to_vec()));
            }
        }
    }

    /// Writes to standard output. Waits while the client does not read.
    ///
    /// # Errors
    /// [`Gone`]
    pub(crate) async fn write(&mut self, data: impl Into<Bytes>) -> Result<(), Gone> {
        self.output
            .send(Output::Data(data.into()))
            .await
            .map_err(|_closed| Gone)
    }

    /// Writes a line to standard error.
    pub(crate) async fn complain(&mut self, line: &str) {
        // If nobody is there, nobody misses it.
        let _ = self
            .output
            .send(Output::Error(Bytes::from(format!("{line}\n"))))
            .await;
    }

    /// Makes sure that bytes are held; `false` at the end of the input.
    async fn fill(&mut self) -> bool {
        while self.held.is_empty() {
            match self.reader.recv().await {
                Some(bytes) => {
                    self.activity.touch();
                    self.held = bytes;
                }
                None => return false,
            }
        }
        true
    }
}

/// Why there is no line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineError {
    TooLong,
    Cut,
}
