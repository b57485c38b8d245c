//! OpenSSH's `sftp-server` behind pipes, near by or far away.

#![allow(dead_code, unreachable_pub, reason = "each test uses another part")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use longshore_client::{ByteReader, ByteWriter, Channel, Error, ErrorKind, Result, SftpChannels, Stage};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Where Debian has it.
const SFTP_SERVER: &str = "/usr/lib/openssh/sftp-server";

/// Channels to servers of their own that work in one directory.
pub struct Servers {
    dir: PathBuf,
    /// From here to there.
    delay: Duration,
    /// Channels that are opened at most.
    most: usize,
    pub opened: AtomicUsize,
    children: Mutex<Vec<Child>>,
}

impl Servers {
    pub fn new(dir: &Path, delay: Duration, most: usize) -> Self {
        Self {
            dir: dir.to_owned(),
            delay,
            most,
            opened: AtomicUsize::new(0),
            children: Mutex::default(),
        }
    }

    /// Ends all servers at once.
    pub fn kill(&self) {
        for child in &mut *self.children.lock().expect("lock") {
            child.start_kill().expect("killed");
        }
    }
}

#[async_trait]
impl SftpChannels for Servers {
    async fn open_sftp(&self) -> Result<Channel> {
        if self.opened.fetch_add(1, Ordering::Relaxed) >= self.most {
            return Err(Error::new(
                ErrorKind::ChannelRefused,
                Stage::Channel,
                "no more channels",
            ));
        }
        let mut child = Command::new(SFTP_SERVER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .current_dir(&self.dir)
            .kill_on_drop(true)
            .spawn()
            .expect("sftp-server");
        let channel = Channel::over(
            child.stdout.take().expect("stdout"),
            child.stdin.take().expect("stdin"),
        );
        self.children.lock().expect("lock").push(child);
        Ok(delayed(channel, self.delay))
    }
}

/// Puts `delay` into both ways of a channel; bytes under way are not limited.
pub fn delayed(channel: Channel, delay: Duration) -> Channel {
    if delay.is_zero() {
        return channel;
    }
    let Channel {
        mut reader,
        mut writer,
    } = channel;
    let (to_us, from_server) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(chunk)) = reader.read().await {
            if to_us.send((Instant::now() + delay, chunk)).is_err() {
                break;
            }
        }
    });
    let (to_server, mut from_us) = mpsc::unbounded_channel::<(Instant, Vec<Bytes>)>();
    tokio::spawn(async move {
        while let Some((at, mut parts)) = from_us.recv().await {
            tokio::time::sleep_until(at).await;
            if writer.write(&mut parts).await.is_err() {
                break;
            }
        }
        let _ = writer.finish().await;
    });
    Channel {
        reader: Box::new(LateReader { from_server }),
        writer: Box::new(LateWriter {
            to_server: Some(to_server),
            delay,
        }),
    }
}

struct LateReader {
    from_server: mpsc::UnboundedReceiver<(Instant, Bytes)>,
}

struct LateWriter {
    to_server: Option<mpsc::UnboundedSender<(Instant, Vec<Bytes>)>>,
    delay: Duration,
}

#[async_trait]
impl ByteReader for LateReader {
    async fn read(&mut self) -> std::io::Result<Option<Bytes>> {
        let Some((at, chunk)) = self.from_server.recv().await else {
            return Ok(None);
        };
        tokio::time::sleep_until(at).await;
        Ok(Some(chunk))
    }
}

#[async_trait]
impl ByteWriter for LateWriter {
    async fn write(&mut self, parts: &mut Vec<Bytes>) -> std::io::Result<()> {
        let sender = self.to_server.as_ref().ok_or(std::io::ErrorKind::BrokenPipe)?;
        let at = Instant::now() + self.delay;
        sender
            .send((at, std::mem::take(parts)))
            .map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }

    async fn finish(&mut self) -> std::io::Result<()> {
        self.to_server = None;
        Ok(())
    }
}

/// Bytes that look like noise, the same for each seed.
pub fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ seed;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
