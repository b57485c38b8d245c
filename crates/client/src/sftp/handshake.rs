//! INIT and VERSION.

use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use longshore_sftp::{FrameDecoder, FrameError, Init, Version};
use tokio::time::timeout;

use super::status::readable;
use crate::channel::Channel;
use crate::error::{Error, ErrorKind, Result, Stage};

/// What the handshake found out, and what had arrived behind it.
#[derive(Debug)]
pub(super) struct Greeting {
    pub(super) version: Version,
    pub(super) decoder: FrameDecoder,
    pub(super) rest: Bytes,
    pub(super) round_trip: Duration,
}

/// Says INIT and waits for VERSION. `first` goes out in the same breath: servers take requests in order, so that it is
/// answered behind VERSION.
pub(super) async fn greet(
    channel: &mut Channel,
    patience: Duration,
    first: Option<Bytes>,
) -> Result<Greeting> {
    match timeout(patience, exchange(channel, first)).await {
        Ok(greeting) => greeting,
        Err(_) => Err(fault(
            ErrorKind::TimedOut,
            format!(
                "the server did not start SFTP within {} s",
                patience.as_secs_f32()
            ),
        )),
    }
}

async fn exchange(channel: &mut Channel, first: Option<Bytes>) -> Result<Greeting> {
    let started = Instant::now();
    let init = Init::v3()
        .to_packet()
        .map_err(|error| fault(ErrorKind::Protocol, error.to_string()))?;
    let mut parts = vec![init];
    parts.extend(first);
    // A server that refuses the subsystem may leave the window shut: what it says is heard while we wait to be let write.
    let mut answer = {
        let mut writing = pin!(channel.writer.write(&mut parts));
        let mut reading = pin!(channel.reader.read());
        tokio::select! {
            biased;
            read = &mut reading => {
                if matches!(read, Ok(Some(_))) {
                    writing.await.map_err(lost)?;
                }
                Some(read)
            }
            written = &mut writing => {
                written.map_err(lost)?;
                Some(reading.await)
            }
        }
    };
    let mut decoder = FrameDecoder::default();
    let mut seen = Vec::new();
    loop {
        let read = match answer.take() {
            Some(read) => read,
            None => channel.reader.read().await,
        };
        let Some(mut chunk) = read.map_err(lost)? else {
            return Err(no_sftp(&seen));
        };
        if seen.len() < SEEN_LEN {
            seen.extend_from_slice(&chunk[..chunk.len().min(SEEN_LEN - seen.len())]);
        }
        match decoder.next_packet(&mut chunk) {
            Ok(Some(packet)) => {
                let version = Version::decode(packet).map_err(|error| {
                    fault(
                        ErrorKind::Protocol,
                        format!("the server's first packet is no VERSION: {error}"),
                    )
                    .caused_by(error)
                })?;
                check(&version)?;
                return Ok(Greeting {
                    version,
                    decoder,
                    rest: chunk,
                    round_trip: started.elapsed(),
                });
            }
            Ok(None) => {}
            Err(FrameError::Empty) => {
                return Err(fault(ErrorKind::Protocol, "the server sent an empty packet"));
            }
            Err(_) => return Err(no_packet(&seen)),
        }
    }
}

/// What ended the channel: in the words of who knows, where the reason travels inside.
fn lost(error: io::Error) -> Error {
    let kind = error.kind();
    let Some(inner) = error.into_inner() else {
        return fault(
            ErrorKind::ConnectionLost,
            format!("the connection was lost: {kind}"),
        );
    };
    match inner.downcast::<Error>() {
        Ok(told) => *told,
        Err(inner) => fault(
            ErrorKind::ConnectionLost,
            format!("the connection was lost: {inner}"),
        )
        .caused_by(inner),
    }
}

/// We speak version 3; servers that know more go down to it, and older ones are not in use.
fn check(version: &Version) -> Result<()> {
    if version.version == 3 {
        return Ok(());
    }
    Err(fault(
        ErrorKind::Unsupported,
        format!("the server speaks SFTP version {}, not 3", version.version),
    ))
}

fn no_sftp(seen: &[u8]) -> Error {
    if seen.is_empty() {
        return fault(
            ErrorKind::ChannelRefused,
            "the server ended the channel before SFTP began",
        )
        .hint("check that the server has an SFTP subsystem and that this user may use it");
    }
    no_packet(seen)
}

/// What a login shell prints comes before the first packet; read as a length, text is gigabytes.
fn no_packet(seen: &[u8]) -> Error {
    let words = readable(&seen[..seen.len().min(SHOWN_LEN)]);
    fault(
        ErrorKind::Protocol,
        format!("the server sent something else than SFTP: {words:?}"),
    )
    .hint("on the server, keep start-up files of the shell from printing when nobody is at a terminal")
}

fn fault(kind: ErrorKind, message: impl Into<String>) -> Error {
    Error::new(kind, Stage::Sftp, message).operation("start SFTP")
}

/// Bytes kept of what comes before a first packet, for an error message.
const SEEN_LEN: usize = 256;
/// Bytes of it that are shown.
const SHOWN_LEN: usize = 120;
