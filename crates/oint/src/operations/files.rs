//! Files: send, fetch, rename, remove, look at.

use std::io::Cursor;
use std::path::Path;

use longshore_client::sftp::{FileKind, Sftp};
use longshore_client::transfer::{SftpPool, TransferOptions, Transfers};
use longshore_client::{Error, ErrorKind, Stage};
use serde_json::json;

use super::{done, success, with_sftp};
use crate::connector::Connector;
use crate::data::Source;
use crate::entry;
use crate::error::{During as _, OintError, Result};
use crate::value::{Arguments, Outcome};

/// Most bytes that `GetFileData` fetches: they are held in memory.
const MAX_DATA_LEN: u64 = 1 << 30;
/// Bytes fetched at a time, in many requests side by side.
const PIECE_LEN: usize = 8 << 20;

/// `UpdatePath`. With `Overwrite` what is there is replaced in one step where the server can; without, it stays.
pub(super) fn rename(connector: &Connector, arguments: &Arguments<'_>) -> Result<Outcome> {
    let (from, to) = (
        arguments.required_text("Path")?,
        arguments.required_text("NewPath")?,
    );
    let overwrite = arguments.boolean("Overwrite")?;
    with_sftp(connector, |sftp| async move {
        if overwrite {
            Ok(sftp.posix_rename(&from, &to).await?)
        } else if sftp.try_lstat(&to).await?.is_some() {
            // Servers exist whose RENAME overwrites.
            let status = longshore_client::ServerStatus {
                code: 4,
                message: "failure".to_owned(),
            };
            let error = Error::new(ErrorKind::AlreadyExists, Stage::Sftp, "the target exists");
            Err(error
                .path(to)
                .status(status)
                .hint("Overwrite=true replaces it")
                .into())
        } else {
            Ok(sftp.rename(&from, &to).await?)
        }
    })?;
    Ok(done())
}

/// `DeleteFile`
pub(super) fn delete(connector: &Connector, arguments: &Arguments<'_>) -> Result<Outcome> {
    let path = arguments.required_text("Path")?;
    with_sftp(connector, |sftp| async move { Ok(sftp.remove(&path).await?) })?;
    Ok(done())
}

/// `GetFileInformation`: links are followed.
pub(super) fn information(connector: &Connector, arguments: &Arguments<'_>) -> Result<Outcome> {
    let path = arguments.required_text("Path")?;
    let object = with_sftp(connector, |sftp| async move {
        let attrs = sftp.stat(&path).await.during("Remote file access error: ")?;
        Ok(entry::object_of(&path, &attrs))
    })?;
    Ok(success([("data", object)]))
}

/// `GetFileData`
pub(super) fn data(connector: &Connector, arguments: &Arguments<'_>) -> Result<Outcome> {
    let path = arguments.required_text("Path")?;
    let data = with_sftp(connector, |sftp| async move {
        let attrs = sftp.stat(&path).await.during("Remote file access error: ")?;
        if attrs.kind() == Some(FileKind::Directory) {
            let error = Error::new(ErrorKind::IsADirectory, Stage::Sftp, "is a directory").path(path);
            return Err(error).during("Remote file access error: ");
        }
        let file = sftp.open_read(&path).await.during("Remote file access error: ")?;
        let mut data = Vec::new();
        loop {
            let piece = file
                .read_full_at(data.len() as u64, PIECE_LEN)
                .await
                .during("Read error: ")?;
            data.extend_from_slice(&piece);
            if piece.len() < PIECE_LEN {
                break;
            }
            if data.len() as u64 > MAX_DATA_LEN {
                return Err(OintError::State(
                    "the file is too large to be held in memory: use SaveFile",
                ));
            }
        }
        file.close().await.during("Read error: ")?;
        // A file that was cut while it was read must not pass for a whole one.
        match attrs.size {
            Some(size) if size > data.len() as u64 => {
                let text = format!("got {} of {size} bytes", data.len());
                Err(Error::new(ErrorKind::Integrity, Stage::Verify, text)).during("Read error: ")
            }
            _ => Ok(data),
        }
    })?;
    Ok(Outcome::Bytes(data))
}

/// `UploadFile`: under a temporary name first where the server lets us rename, so that nobody sees half of it.
pub(super) fn upload(connector: &Connector, arguments: &Arguments<'_>) -> Result<Outcome> {
    let source = Source::of_data(arguments.get("File"))?;
    let path = arguments.required_text("Path")?;
    let receipt = with_sftp(connector, |sftp| async move {
        let transfers = transfers(sftp);
        let sent = match source {
            Source::File(file) => transfers.upload(&file, &path).await,
            Source::Bytes(bytes) => transfers.upload_from(Cursor::new(bytes), &path).await,
        };
        sent.during("Upload error: ")
    })?;
    Ok(success([("bytes", json!(receipt.size))]))
}

/// `SaveFile`: the local file appears, or is replaced, when all of it is there.
pub(super) fn save(connector: &Connector, arguments: &Arguments<'_>) -> Result<Outcome> {
    let path = arguments.required_text("Path")?;
    let file = arguments.required_text("FileName")?;
    let target = file.clone();
    let receipt = with_sftp(connector, |sftp| async move {
        let transfers = transfers(sftp);
        transfers
            .download(&path, Path::new(&target))
            .await
            .during("Remote file access error: ")
    })?;
    Ok(success([
        ("bytes", json!(receipt.size)),
        ("filepath", json!(file)),
    ]))
}

/// As the original: no times are carried, an existing file is replaced.
fn transfers(sftp: Sftp) -> Transfers {
    let options = TransferOptions {
        keep_times: false,
        ..TransferOptions::default()
    };
    Transfers::new(SftpPool::single(sftp), options)
}
