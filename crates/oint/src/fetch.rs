//! Data and settings that are given as an address.

use std::time::Duration;

use crate::error::{OintError, Result};
use crate::runtime;

/// Most bytes that are fetched: they are held in memory.
const MAX_LEN: usize = 256 * 1024 * 1024;
/// Time for connecting, and for the whole answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(600);

/// The body that the address answers with.
///
/// # Errors
/// [`OintError::Download`] for anything but a complete answer with a status of 2xx. The text does not repeat the
/// address, which may hold a password.
pub(crate) fn get(address: &str) -> Result<Vec<u8>> {
    runtime::block_on(body(address))
}

async fn body(address: &str) -> Result<Vec<u8>> {
    let client = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .build()
        .map_err(failed)?;
    let mut answer = client
        .get(address)
        .send()
        .await
        .and_then(reqwest::Response::error_for_status)
        .map_err(failed)?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if body.len() + chunk.len() > MAX_LEN {
            return Err(OintError::Download(format!("more than {MAX_LEN} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn failed(error: reqwest::Error) -> OintError {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    OintError::Download(text)
}
