//! What a server's STATUS means. Version 3 knows nine codes, and servers put everything else into words.

use longshore_sftp::{Status, StatusCode};

use super::limits::STATUS_MESSAGE_LEN;
use crate::error::{Error, ErrorKind, ServerStatus, Stage};

/// The error for a status that is no success.
pub(crate) fn error(status: &Status, operation: &'static str, path: &[u8]) -> Error {
    let message = readable(&status.message);
    let kind = kind(status.code, &message);
    let text = if message.is_empty() {
        status.code.message().to_lowercase()
    } else {
        message.clone()
    };
    Error::new(kind, Stage::Sftp, format!("the server says: {text}"))
        .operation(operation)
        .path(path)
        .retryable(matches!(kind, ErrorKind::ConnectionLost))
        .status(ServerStatus {
            code: status.code.0,
            message,
        })
}

/// Whether nothing but "it failed" is known, so that looking at the path may tell more.
pub(crate) fn is_vague(error: &Error) -> bool {
    error.kind() == ErrorKind::Failure
}

/// What a code, and for `SSH_FX_FAILURE` the words, mean. Codes from 9 on are those of later drafts (version 4 to 6), which
/// some servers send to everybody.
fn kind(code: StatusCode, message: &str) -> ErrorKind {
    match code {
        StatusCode::NO_SUCH_FILE => ErrorKind::NotFound,
        StatusCode::PERMISSION_DENIED => by_words(message, ErrorKind::PermissionDenied),
        StatusCode::BAD_MESSAGE => ErrorKind::Protocol,
        StatusCode::NO_CONNECTION | StatusCode::CONNECTION_LOST => ErrorKind::ConnectionLost,
        StatusCode::OP_UNSUPPORTED => ErrorKind::Unsupported,
        // SSH_FX_INVALID_HANDLE, SSH_FX_NO_MATCHING_BYTE_RANGE_LOCK and the like stay failures
        StatusCode(10) => ErrorKind::NotFound,
        StatusCode(11) => ErrorKind::AlreadyExists,
        StatusCode(12) => ErrorKind::PermissionDenied,
        StatusCode(14 | 15) => ErrorKind::NoSpace,
        StatusCode(18) => ErrorKind::NotEmpty,
        StatusCode(19) => ErrorKind::NotADirectory,
        StatusCode(20 | 23) => ErrorKind::InvalidInput,
        StatusCode(24) => ErrorKind::IsADirectory,
        StatusCode(29 | 30) => ErrorKind::PermissionDenied,
        _ => by_words(message, ErrorKind::Failure),
    }
}

/// `strerror` in the words of Linux, the BSDs, Java, Windows and the libraries that servers are made of.
fn by_words(message: &str, otherwise: ErrorKind) -> ErrorKind {
    let message = message.to_lowercase();
    let table: [(&[&str], ErrorKind); 7] = [
        (
            &["already exist", "file exists", "eexist"],
            ErrorKind::AlreadyExists,
        ),
        (&["not empty", "notempty", "contains files"], ErrorKind::NotEmpty),
        (
            &["no space", "disk full", "quota", "not enough space", "enospc"],
            ErrorKind::NoSpace,
        ),
        (&["not a directory", "enotdir"], ErrorKind::NotADirectory),
        (&["is a directory", "eisdir"], ErrorKind::IsADirectory),
        (
            &["no such file", "not found", "does not exist", "enoent"],
            ErrorKind::NotFound,
        ),
        (
            &[
                "permission denied",
                "not permitted",
                "read-only",
                "access denied",
                "access is denied",
                "eacces",
            ],
            ErrorKind::PermissionDenied,
        ),
    ];
    table
        .iter()
        .find(|(words, _)| words.iter().any(|word| message.contains(word)))
        .map_or(otherwise, |(_, kind)| *kind)
}

/// A server's words for a terminal: text, one line, of bounded length.
pub(crate) fn readable(message: &[u8]) -> String {
    String::from_utf8_lossy(message)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(STATUS_MESSAGE_LEN)
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(code: StatusCode, message: &str) -> ErrorKind {
        error(&Status::new(code, message), "open", b"/p").kind()
    }

    #[test]
    fn codes_and_words_name_the_kind() {
        for (code, message, expected) in [
            (StatusCode::NO_SUCH_FILE, "", ErrorKind::NotFound),
            (StatusCode::PERMISSION_DENIED, "x", ErrorKind::PermissionDenied),
            (StatusCode::FAILURE, "Failure", ErrorKind::Failure),
            (StatusCode::FAILURE, "File exists", ErrorKind::AlreadyExists),
            (StatusCode::FAILURE, "Directory not empty", ErrorKind::NotEmpty),
            (StatusCode::FAILURE, "No space left on device", ErrorKind::NoSpace),
            (StatusCode::FAILURE, "Disk quota exceeded", ErrorKind::NoSpace),
            (StatusCode::FAILURE, "Is a directory", ErrorKind::IsADirectory),
            (StatusCode(11), "", ErrorKind::AlreadyExists),
            (StatusCode(18), "", ErrorKind::NotEmpty),
            (StatusCode::OP_UNSUPPORTED, "", ErrorKind::Unsupported),
        ] {
            assert_eq!(kind_of(code, message), expected, "{code} {message}");
        }
    }

    #[test]
    fn the_servers_words_come_without_control_characters() {
        let status = Status::new(StatusCode::FAILURE, "a\x1b[31m\nb");
        let error = error(&status, "open", b"/p");
        let words = &error.server_status().expect("kept").message;
        assert!(!words.chars().any(char::is_control), "{words:?}");
    }
}
