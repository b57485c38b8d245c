//! `check-file-handle` and `check-file-name` (draft-ietf-secsh-filexfer-extensions-00 §3): hashes of files.

use bytes::Bytes;
use longshore_sftp::{CheckFile, CheckSubject, ExtendedReply, FileHashes, Reply};
use longshore_storage::{ErrorKind, FileType, StorageError};

use super::open;
use crate::context::Context;
use crate::error::OpError;
use crate::file_hash::{Part, hash_blocks};
use crate::hashing::Algorithm;
use crate::limits::{MIN_HASH_BLOCK, SMALL_REPLY, WORST_REPLY};
use crate::replies::{Replied, ReplyTo};

pub(crate) async fn check_file(context: &Context, wanted: &CheckFile, reply: ReplyTo) -> Replied {
    let hashes = hashes(context, wanted).await;
    reply.reply(hashes.map(|hashes| Reply::Extended(ExtendedReply::FileHashes(hashes))))
}

/// Room for the reply: unknown before the size of the file is, unless there is one hash only.
pub(crate) fn worst_reply(wanted: &CheckFile) -> usize {
    if wanted.block_len == 0 {
        SMALL_REPLY
    } else {
        WORST_REPLY
    }
}

async fn hashes(context: &Context, wanted: &CheckFile) -> Result<FileHashes, OpError> {
    let algorithm = Algorithm::choose(&wanted.algorithms).ok_or(OpError::UnknownHash)?;
    if wanted.block_len != 0 && wanted.block_len < MIN_HASH_BLOCK {
        return Err(OpError::SmallHashBlock);
    }
    let part = Part {
        start: wanted.start,
        len: wanted.len,
        block_len: wanted.block_len.into(),
    };
    let hashes = match &wanted.subject {
        CheckSubject::Handle(handle) | CheckSubject::OldHandle(handle) => {
            let file = context.handles.file(handle)?;
            hash_blocks(context, &file, algorithm, part).await?
        }
        CheckSubject::Path(path) => {
            let (path, _) = context.path(path).await?;
            if context.home.stat(&path, true).await?.file_type == FileType::Directory {
                return Err(StorageError::new(ErrorKind::IsADirectory, "hash").into());
            }
            let file = open::for_reading(context, path).await?;
            hash_blocks(context, &file, algorithm, part).await?
        }
    };
    Ok(FileHashes {
        old: matches!(wanted.subject, CheckSubject::OldHandle(_)),
        algorithm: Bytes::from_static(algorithm.name().as_bytes()),
        hashes: hashes.into(),
    })
}
