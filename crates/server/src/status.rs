//! The answer to a failed request: error → SSH_FX code of version 3 and a short text for people.
//!
//! Version 3 has few codes. Clients decide by them ("no such file" makes some create it), so each kind gets the
//! code that OpenSSH's server gives for the same errno, and the text carries the rest.

use longshore_sftp::{Status, StatusCode};
use longshore_storage::ErrorKind;

use crate::error::OpError;

/// The STATUS for `error`.
pub(crate) fn status(error: &OpError) -> Status {
    let code = match error {
        OpError::Storage(error) => return Status::new(code(error.kind()), message(error.kind())),
        OpError::EndOfFile => return StatusCode::EOF.into(),
        OpError::Unsupported => return StatusCode::OP_UNSUPPORTED.into(),
        OpError::Path(_) | OpError::SizeOfLink => StatusCode::BAD_MESSAGE,
        OpError::Malformed(error) => error.answer().map_or(StatusCode::BAD_MESSAGE, |(_, code)| code),
        OpError::NotReadable | OpError::NotWritable | OpError::NotPermitted => StatusCode::PERMISSION_DENIED,
        OpError::TrailingSlash => StatusCode::NO_SUCH_FILE,
        OpError::InvalidHandle
        | OpError::DirectoryHandle
        | OpError::ShortUpload { .. }
        | OpError::FileHandle
        | OpError::TooManyHandles
        | OpError::TooManyDirectories
        | OpError::BrokenUpload { .. }
        | OpError::ModeOfLink
        | OpError::NameTaken
        | OpError::UnknownUser
        | OpError::SameFile
        | OpError::UnknownHash
        | OpError::SmallHashBlock
        | OpError::TooManyBlocks
        | OpError::BeyondEnd
        | OpError::TooManyNames
        | OpError::SourceFailed
        | OpError::ClientGone
        | OpError::ReplyTooLong(_) => StatusCode::FAILURE,
    };
    Status::new(code, &error.to_string())
}

/// Why a command failed, in the words of the system's own commands where they have some.
pub(crate) fn person_text(error: &OpError) -> String {
    let text = match error {
        OpError::Storage(error) => match error.kind() {
            ErrorKind::NotFound => "No such file or directory",
            ErrorKind::PermissionDenied => "Permission denied",
            ErrorKind::IsADirectory => "Is a directory",
            ErrorKind::NotADirectory => "Not a directory",
            ErrorKind::AlreadyExists => "File exists",
            ErrorKind::NoSpace => "No space left on device",
            ErrorKind::QuotaExceeded => "Disk quota exceeded",
            ErrorKind::LinkLoop => "Too many levels of symbolic links",
            ErrorKind::InvalidInput => "Invalid argument",
            kind => message(kind),
        },
        OpError::TrailingSlash => "Not a directory",
        OpError::NotPermitted => "Operation not permitted",
        other => return other.to_string(),
    };
    text.to_owned()
}

/// Storage kind → `SSH_FX_*`.
fn code(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::LinkLoop => StatusCode::NO_SUCH_FILE,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnly => StatusCode::PERMISSION_DENIED,
        ErrorKind::InvalidInput => StatusCode::BAD_MESSAGE,
        ErrorKind::Unsupported => StatusCode::OP_UNSUPPORTED,
        ErrorKind::AlreadyExists
        | ErrorKind::NotEmpty
        | ErrorKind::IsADirectory
        | ErrorKind::NoSpace
        | ErrorKind::QuotaExceeded
        | ErrorKind::TooLarge
        | ErrorKind::Busy
        | ErrorKind::TooManyOpen
        | ErrorKind::TooManyParked
        | ErrorKind::PreconditionFailed
        | ErrorKind::UploadGone
        | ErrorKind::Unavailable
        | ErrorKind::Io
        | ErrorKind::Internal => StatusCode::FAILURE,
        // A kind that is younger than this face.
        _ => StatusCode::FAILURE,
    }
}

/// What a person reads.
pub(crate) fn message(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::NotFound => "no such file or directory",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::AlreadyExists => "the name is already taken",
        ErrorKind::NotEmpty => "directory is not empty",
        ErrorKind::IsADirectory => "is a directory",
        ErrorKind::NotADirectory => "not a directory",
        ErrorKind::LinkLoop => "too many symbolic links",
        ErrorKind::InvalidInput => "invalid path or argument",
        ErrorKind::NoSpace => "no space left on device",
        ErrorKind::QuotaExceeded => "quota exceeded",
        ErrorKind::ReadOnly => "read-only storage",
        ErrorKind::TooLarge => "file too large",
        ErrorKind::Unsupported => "operation unsupported",
        ErrorKind::Busy => "in use, try again later",
        ErrorKind::TooManyOpen => "too many open files",
        ErrorKind::TooManyParked => {
            "too much is kept of your unfinished uploads: finish, overwrite or remove some of them first"
        }
        ErrorKind::PreconditionFailed => "the file was changed meanwhile",
        ErrorKind::UploadGone => "the upload no longer exists",
        ErrorKind::Unavailable => "storage is unavailable, try again later",
        ErrorKind::Io => "input/output error",
        ErrorKind::Internal => "internal error",
        _ => "failure",
    }
}

#[cfg(test)]
mod tests {
    use longshore_storage::{RemotePath, StorageError};

    use super::*;

    #[test]
    fn every_storage_kind_has_its_code_and_a_text_of_its_own() {
        use StatusCode as S;
        let table = [
            (ErrorKind::NotFound, S::NO_SUCH_FILE),
            (ErrorKind::PermissionDenied, S::PERMISSION_DENIED),
            (ErrorKind::AlreadyExists, S::FAILURE),
            (ErrorKind::NotEmpty, S::FAILURE),
            (ErrorKind::IsADirectory, S::FAILURE),
            (ErrorKind::NotADirectory, S::NO_SUCH_FILE),
            (ErrorKind::LinkLoop, S::NO_SUCH_FILE),
            (ErrorKind::InvalidInput, S::BAD_MESSAGE),
            (ErrorKind::NoSpace, S::FAILURE),
            (ErrorKind::QuotaExceeded, S::FAILURE),
            (ErrorKind::ReadOnly, S::PERMISSION_DENIED),
            (ErrorKind::TooLarge, S::FAILURE),
            (ErrorKind::Unsupported, S::OP_UNSUPPORTED),
            (ErrorKind::Busy, S::FAILURE),
            (ErrorKind::TooManyOpen, S::FAILURE),
            (ErrorKind::TooManyParked, S::FAILURE),
            (ErrorKind::PreconditionFailed, S::FAILURE),
            (ErrorKind::UploadGone, S::FAILURE),
            (ErrorKind::Unavailable, S::FAILURE),
            (ErrorKind::Io, S::FAILURE),
            (ErrorKind::Internal, S::FAILURE),
        ];
        let mut texts = std::collections::HashSet::new();
        for (kind, expected) in table {
            let answer = status(&StorageError::new(kind, "test").into());
            assert_eq!(answer.code, expected, "{kind:?}");
            assert!(texts.insert(answer.message.clone()), "{kind:?} shares its text");
            assert_ne!(answer.message.as_ref(), b"failure", "{kind:?} has no text");
        }
    }

    #[test]
    fn answers_never_carry_the_path_or_the_cause() {
        let error = StorageError::new(ErrorKind::Io, "open")
            .with_path(b"/secret")
            .with_source(std::io::Error::other("/var/lib/longshore/secret"));
        let answer = status(&error.into());
        assert!(!answer.message.windows(6).any(|w| w == b"secret"));
    }

    #[test]
    fn a_nul_in_a_path_is_named() {
        let error = RemotePath::parse(b"a\0b").expect_err("refused");
        let answer = status(&error.into());
        assert_eq!(answer.code, StatusCode::BAD_MESSAGE);
        assert_eq!(answer.message.as_ref(), b"path contains a NUL byte");
    }
}
