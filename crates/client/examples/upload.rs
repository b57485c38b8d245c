//! Uploads a file: `cargo run --example upload -- report.csv user@host:inbox/report.csv`.
//!
//! The agent and the usual keys log in, or the key of the file in `KEY`.

mod shared;

use std::path::Path;

use longshore_client::transfer::{TransferOptions, Transfers};
use shared::{AnyError, arguments, connect};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "it is what the example is for")]
async fn main() -> Result<(), AnyError> {
    let [local, target] = arguments("upload LOCAL USER@HOST:PATH")?;
    let (connection, pool, remote) = connect(&target).await?;
    let options = TransferOptions {
        resume: true,
        ..TransferOptions::default()
    };
    let transfers = Transfers::new(pool, options);
    let receipt = transfers.upload(Path::new(&local), &remote.path).await?;
    println!(
        "{} bytes in {:.3} s, content checked by {:?}",
        receipt.size,
        receipt.duration.as_secs_f64(),
        receipt.verified.content
    );
    connection.close().await;
    Ok(())
}
