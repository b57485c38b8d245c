//! Makes a tree the same on the other side: `cargo run --example sync -- reports user@host:inbox/reports`, or with the two
//! exchanged. What differs in size or time is moved; nothing is removed.
//!
//! The agent and the usual keys log in, or the key of the file in `KEY`.

mod shared;

use std::path::Path;
use std::sync::Arc;

use longshore_client::target::Target;
use longshore_client::transfer::{CancellationToken, Event, TransferOptions, Transfers, TreeOptions};
use shared::{AnyError, arguments, connect};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "it is what the example is for")]
async fn main() -> Result<(), AnyError> {
    let [source, target] = arguments("sync LOCAL USER@HOST:PATH, or USER@HOST:PATH LOCAL")?;
    let up = matches!(Target::parse(&target)?, Target::Remote(_));
    let (connection, pool, remote) = connect(if up { &target } else { &source }).await?;
    let told = Arc::new(|event: &Event| {
        if let Event::Step(step) = event {
            println!("{step:?}");
        }
    });
    let transfers = Transfers::with_events(pool, TransferOptions::default(), told, CancellationToken::new());
    let report = if up {
        transfers
            .upload_tree(Path::new(&source), &remote.path, &TreeOptions::sync())
            .await?
    } else {
        transfers
            .download_tree(&remote.path, Path::new(&target), &TreeOptions::sync())
            .await?
    };
    println!(
        "{} files moved, {} were the same, {} failed, {:.3} s",
        report.files,
        report.same,
        report.failed,
        report.duration.as_secs_f64()
    );
    connection.close().await;
    if report.is_complete() {
        return Ok(());
    }
    Err("not everything was moved".into())
}
