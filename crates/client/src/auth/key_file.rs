//! Private keys in files.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncReadExt as _;
use zeroize::Zeroizing;

use longshore_ssh::client::{ClientError, UserKey};

use super::interaction::Interaction;
use super::method::KeyFile;
use crate::connect::explain;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::limits::KEY_FILE_LEN;

/// Reads the key, and its certificate if it has one. `None` for an optional file that is not there, and when nobody
/// knows the passphrase of an optional one.
pub(super) async fn load(file: &KeyFile, interaction: &dyn Interaction) -> Result<Option<UserKey>> {
    let Some(text) = read(&file.path, file.optional).await? else {
        return Ok(None);
    };
    let name = file.path.display().to_string();
    let failed = |error| explain(error, Stage::Auth, &name).path(path_bytes(&file.path));
    let key = match parse(text.clone(), file.passphrase.clone()).await? {
        Err(ClientError::PassphraseNeeded) if file.passphrase.is_none() => {
            let Some(passphrase) = interaction.passphrase(&name).await else {
                return if file.optional {
                    Ok(None)
                } else {
                    Err(failed(ClientError::PassphraseNeeded))
                };
            };
            parse(text, Some(passphrase)).await?.map_err(failed)?
        }
        parsed => parsed.map_err(failed)?,
    };
    let beside = || {
        let mut path = file.path.clone().into_os_string();
        path.push("-cert.pub");
        PathBuf::from(path)
    };
    let (certificate, optional) = match &file.certificate {
        Some(path) => (path.clone(), false),
        None => (beside(), true),
    };
    let Some(line) = read(&certificate, optional).await? else {
        return Ok(Some(key));
    };
    let line = std::str::from_utf8(&line).map_err(|cause| {
        Error::new(
            ErrorKind::InvalidInput,
            Stage::Auth,
            "the certificate is not text",
        )
        .path(path_bytes(&certificate))
        .caused_by(cause)
    })?;
    key.with_certificate(line).map(Some).map_err(|error| {
        explain(error, Stage::Auth, &certificate.display().to_string()).path(path_bytes(&certificate))
    })
}

/// Opening a protected key takes as long as its owner chose: not on the runtime's threads.
async fn parse(
    text: Zeroizing<Vec<u8>>,
    passphrase: Option<SecretString>,
) -> Result<Result<UserKey, ClientError>> {
    let parse = move || UserKey::parse(&text, passphrase.as_ref().map(ExposeSecret::expose_secret));
    tokio::task::spawn_blocking(parse)
        .await
        .map_err(|cause| Error::new(ErrorKind::Io, Stage::Auth, "reading a key failed").caused_by(cause))
}

async fn read(path: &Path, optional: bool) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let failed = |cause: io::Error| {
        let kind = match cause.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Io,
        };
        Error::new(kind, Stage::Auth, format!("cannot read the key: {cause}"))
            .path(path_bytes(path))
            .caused_by(cause)
    };
    let file = match tokio::fs::File::open(path).await {
        Ok(file) => file,
        Err(cause) if optional && cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(failed(cause)),
    };
    // Room for all of it from the start: a buffer that grows would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(KEY_FILE_LEN + 1));
    let limit = u64::try_from(KEY_FILE_LEN + 1).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut text).await.map_err(failed)?;
    if text.len() > KEY_FILE_LEN {
        let message = format!("no key: it has more than {KEY_FILE_LEN} bytes");
        return Err(Error::new(ErrorKind::InvalidInput, Stage::Auth, message).path(path_bytes(path)));
    }
    Ok(Some(text))
}

fn path_bytes(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt as _;
    path.as_os_str().as_bytes().to_vec()
}
