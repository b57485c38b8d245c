//! A server for measuring the transport alone: `sink` takes and `source N` gives bytes, to any user and password.
//!
//! `cargo run --release -p longshore-ssh --example transfer -- 127.0.0.1:2022 DIRECTORY` serves until it is ended, and
//! prints after each connection what it cost in processor time and how much memory the process has.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use longshore_ssh::{
    AuthAnswer, Channel, ChannelRequest, ChannelStart, Connection, HostKeys, Password, Peer, Server,
    ServerConfig, Service,
};

struct Transfer;

#[async_trait]
impl Service for Transfer {
    type Identity = ();

    async fn password(&self, _peer: &Peer, _user: &str, _password: Password) -> AuthAnswer<()> {
        AuthAnswer::Accept(())
    }

    #[expect(clippy::print_stdout, reason = "this is what the example is for")]
    async fn serve(&self, mut connection: Connection<()>) {
        let before = processor_time();
        while let Some(start) = connection.next_channel().await {
            tokio::spawn(run(start));
        }
        println!(
            "processor time {:.2} s, memory {} KiB",
            processor_time() - before,
            memory_kib()
        );
    }
}

async fn run(start: ChannelStart) {
    let ChannelRequest::Exec(command) = start.request() else {
        return;
    };
    let command = String::from_utf8_lossy(command).into_owned();
    let Channel {
        mut reader,
        mut writer,
    } = start.accept();
    if let Some(bytes) = command.strip_prefix("source ") {
        let mut left: usize = bytes.parse().unwrap_or(0);
        let block = Bytes::from(vec![0x5a; 255 * 1024]);
        while left > 0 {
            let part = block.slice(..left.min(block.len()));
            left -= part.len();
            if writer.send(part).await.is_err() {
                return;
            }
        }
    } else {
        while let Some(data) = reader.recv().await {
            let len = data.len();
            drop(data);
            reader.consumed(len);
        }
    }
    writer.finish(0).await;
}

/// Seconds that this process has used (proc(5)); Linux counts hundredths.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}

/// Resident memory in KiB.
fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    line.split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(address), Some(directory)) = (arguments.next(), arguments.next()) else {
        return Err("usage: transfer ADDRESS HOST_KEY_DIRECTORY".into());
    };
    let host_keys = HostKeys::load_or_generate(Path::new(&directory))?;
    let listener = tokio::net::TcpListener::bind(&address).await?;
    Server::new(listener, ServerConfig::new(host_keys), Arc::new(Transfer))
        .run()
        .await;
    Ok(())
}
