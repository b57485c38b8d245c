//! The remote name of an upload: the temporary file, and how it gets its name.

use bytes::Bytes;
use longshore_sftp::{Attrs, FileKind, extension};

use super::context::Transfer;
use super::events::Placed;
use super::handles::Place;
use super::limits::TEMPORARY_NAMES;
use super::naming::{aside_name, join, split, temporary_name};
use super::options::{Overwrite, Placing};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::sftp::{File, OpenOptions, Sftp};

/// Where an upload goes.
#[derive(Debug)]
pub(crate) struct RemoteTarget {
    /// The name that it shall have.
    pub(crate) target: Bytes,
    /// The name that it is written under; the same when it is written in place.
    pub(crate) working: Bytes,
    /// Whether a later transfer finds the working name again.
    pub(crate) resumable: bool,
    /// What has the name now.
    pub(crate) existing: Option<Attrs>,
}

/// An open file to write to.
pub(crate) struct OpenTarget {
    pub(crate) target: RemoteTarget,
    pub(crate) file: File,
    pub(crate) place: Place,
}

/// Opens the file that the upload is written into; at the same time looks at what has its name.
pub(crate) async fn open_target(transfer: &Transfer, target: &Bytes, mode: u32) -> Result<OpenTarget> {
    let existing = transfer.sftp().try_stat(target);
    let opened = open_working(transfer, target, mode);
    let (existing, opened) = futures::join!(existing, opened);
    let (working, resumable, file, place) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            if let Ok(Some(attrs)) = &existing {
                check_replaceable(transfer, attrs, target)?;
            }
            return Err(explain(transfer, error));
        }
    };
    let opened = OpenTarget {
        target: RemoteTarget {
            target: target.clone(),
            working,
            resumable,
            existing: existing.ok().flatten(),
        },
        file,
        place,
    };
    if let Some(attrs) = &opened.target.existing
        && opened.target.is_temporary()
        && let Err(error) = check_replaceable(transfer, attrs, target)
    {
        discard(transfer, opened).await;
        return Err(error);
    }
    Ok(opened)
}

async fn open_working(transfer: &Transfer, target: &Bytes, mode: u32) -> Result<(Bytes, bool, File, Place)> {
    let options = OpenOptions::new().write().mode(mode);
    if transfer.options().placing == Placing::InPlace {
        let options = match transfer.options().overwrite {
            Overwrite::Always => options.create().truncate(),
            Overwrite::Never => options.create_new(),
        };
        let (file, place) = transfer.open(target, &options).await?;
        return Ok((target.clone(), true, file, place));
    }
    let (dir, name) = split(target);
    let options = options.create_new();
    let mut attempt = 0;
    loop {
        let working = Bytes::from(join(dir, &temporary_name(name, attempt)?));
        match transfer.open(&working, &options).await {
            Ok((file, place)) => return Ok((working, attempt == 0, file, place)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && attempt + 1 < TEMPORARY_NAMES => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn check_replaceable(transfer: &Transfer, existing: &Attrs, target: &[u8]) -> Result<()> {
    if existing.kind() == Some(FileKind::Directory) {
        return Err(
            Error::new(ErrorKind::IsADirectory, Stage::Sftp, "the target is a directory")
                .operation("upload")
                .path(target),
        );
    }
    if transfer.options().overwrite == Overwrite::Never {
        return Err(taken(target));
    }
    Ok(())
}

fn taken(target: &[u8]) -> Error {
    Error::new(ErrorKind::AlreadyExists, Stage::Sftp, "the target exists")
        .operation("upload")
        .path(target)
}

fn explain(transfer: &Transfer, error: Error) -> Error {
    if transfer.options().placing == Placing::Atomic && error.kind() == ErrorKind::PermissionDenied {
        return error.hint(
            "the file is first written under a temporary name in the same directory; write it in place if \
             the server allows no other names",
        );
    }
    error
}

/// Throws away what has been opened; failures do not matter any more.
pub(crate) async fn discard(transfer: &Transfer, opened: OpenTarget) {
    let _ = opened.file.close().await;
    if opened.target.is_temporary() {
        let _ = transfer.sftp().remove(&opened.target.working).await;
    }
}

impl RemoteTarget {
    pub(crate) fn is_temporary(&self) -> bool {
        self.working != self.target
    }

    /// Gives the finished file its name.
    pub(crate) async fn publish(&self, transfer: &Transfer) -> Result<Placed> {
        if !self.is_temporary() {
            return Ok(Placed::InPlace);
        }
        let sftp = transfer.sftp();
        if transfer.options().overwrite == Overwrite::Never {
            return match sftp.rename(&self.working, &self.target).await {
                Ok(()) => Ok(Placed::Atomically),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(taken(&self.target)),
                Err(error) => Err(error),
            };
        }
        if sftp.supports(extension::POSIX_RENAME) {
            match sftp.posix_rename(&self.working, &self.target).await {
                Ok(()) => return Ok(Placed::Atomically),
                // announced and not there: seen with gateways that repeat another server's list
                Err(error) if error.kind() == ErrorKind::Unsupported => {}
                Err(error) => return Err(error),
            }
        }
        self.exchange(sftp).await
    }

    /// Without posix-rename: a name that is free is taken in one step; otherwise what has it is put aside first, and gets it
    /// back if the new file cannot take its place.
    async fn exchange(&self, sftp: &Sftp) -> Result<Placed> {
        let first = match sftp.rename(&self.working, &self.target).await {
            Ok(()) => return Ok(Placed::Atomically),
            Err(error) => error,
        };
        match sftp.try_lstat(&self.target).await {
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return Err(first),
        }
        let (dir, name) = split(&self.target);
        let aside = join(dir, &aside_name(name)?);
        sftp.rename(&self.target, &aside).await?;
        if let Err(error) = sftp.rename(&self.working, &self.target).await {
            return Err(match sftp.rename(&aside, &self.target).await {
                Ok(()) => error,
                Err(_) => error.hint(format!(
                    "the old file is now called {}; the new one is {}",
                    aside.escape_ascii(),
                    self.working.escape_ascii()
                )),
            });
        }
        if let Err(error) = sftp.remove(&aside).await {
            tracing::warn!(%error, "the replaced file cannot be removed");
        }
        Ok(Placed::ByExchange)
    }
}
