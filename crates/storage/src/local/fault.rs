//! The failure of a step, before it is known which operation and path it belongs to; and the one place where
//! an `errno` becomes an [`ErrorKind`].

use rustix::io::Errno;

use crate::error::{ErrorKind, StorageError};

/// Why a step failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    kind: ErrorKind,
    errno: Option<Errno>,
}

impl Fault {
    /// Kind of the failure.
    pub(crate) const fn kind(self) -> ErrorKind {
        self.kind
    }

    /// The `errno` behind it, for those who can tell nothing else.
    pub(crate) fn errno(self) -> Errno {
        self.errno.unwrap_or(Errno::IO)
    }

    /// Completes it to the error of an operation.
    pub(crate) fn during(self, operation: &'static str, path: &[u8]) -> StorageError {
        let error = StorageError::new(self.kind, operation).with_path(path);
        match self.errno {
            Some(errno) => error.with_source(errno.into()),
            None => error,
        }
    }
}

impl From<ErrorKind> for Fault {
    fn from(kind: ErrorKind) -> Self {
        Self { kind, errno: None }
    }
}

impl From<Errno> for Fault {
    fn from(errno: Errno) -> Self {
        Self {
            kind: kind_of(errno),
            errno: Some(errno),
        }
    }
}

/// What an `errno` means for the answer. Numbers that no file operation of ours yields count as `Io`:
/// nothing is known about the data then.
pub(crate) const fn kind_of(errno: Errno) -> ErrorKind {
    match errno {
        Errno::NOENT | Errno::STALE => ErrorKind::NotFound,
        Errno::ACCESS | Errno::PERM | Errno::TXTBSY => ErrorKind::PermissionDenied,
        Errno::EXIST => ErrorKind::AlreadyExists,
        Errno::NOTEMPTY => ErrorKind::NotEmpty,
        Errno::ISDIR => ErrorKind::IsADirectory,
        Errno::NOTDIR => ErrorKind::NotADirectory,
        Errno::LOOP => ErrorKind::LinkLoop,
        // ENXIO: a socket or a device without a driver; ESPIPE: a pipe has no offsets.
        Errno::INVAL
        | Errno::NAMETOOLONG
        | Errno::ILSEQ
        | Errno::NXIO
        | Errno::NODEV
        | Errno::SPIPE
        | Errno::MLINK
        | Errno::OVERFLOW => ErrorKind::InvalidInput,
        Errno::NOSPC => ErrorKind::NoSpace,
        Errno::DQUOT => ErrorKind::QuotaExceeded,
        Errno::ROFS => ErrorKind::ReadOnly,
        Errno::FBIG => ErrorKind::TooLarge,
        // EXDEV: another file system is mounted inside the bucket; names cannot move across its border.
        Errno::NOSYS | Errno::OPNOTSUPP | Errno::XDEV | Errno::NOTTY => ErrorKind::Unsupported,
        Errno::BUSY | Errno::AGAIN | Errno::DEADLK => ErrorKind::Busy,
        Errno::MFILE | Errno::NFILE => ErrorKind::TooManyOpen,
        Errno::NOMEM | Errno::NOBUFS | Errno::TIMEDOUT | Errno::HOSTDOWN | Errno::NOTCONN => {
            ErrorKind::Unavailable
        }
        // A descriptor or an address of ours was wrong.
        Errno::BADF | Errno::FAULT => ErrorKind::Internal,
        _ => ErrorKind::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_errno_of_the_file_calls_has_its_kind() {
        let table = [
            (Errno::NOENT, ErrorKind::NotFound),
            (Errno::STALE, ErrorKind::NotFound),
            (Errno::ACCESS, ErrorKind::PermissionDenied),
            (Errno::PERM, ErrorKind::PermissionDenied),
            (Errno::TXTBSY, ErrorKind::PermissionDenied),
            (Errno::EXIST, ErrorKind::AlreadyExists),
            (Errno::NOTEMPTY, ErrorKind::NotEmpty),
            (Errno::ISDIR, ErrorKind::IsADirectory),
            (Errno::NOTDIR, ErrorKind::NotADirectory),
            (Errno::LOOP, ErrorKind::LinkLoop),
            (Errno::INVAL, ErrorKind::InvalidInput),
            (Errno::NAMETOOLONG, ErrorKind::InvalidInput),
            (Errno::ILSEQ, ErrorKind::InvalidInput),
            (Errno::NXIO, ErrorKind::InvalidInput),
            (Errno::NODEV, ErrorKind::InvalidInput),
            (Errno::SPIPE, ErrorKind::InvalidInput),
            (Errno::MLINK, ErrorKind::InvalidInput),
            (Errno::OVERFLOW, ErrorKind::InvalidInput),
            (Errno::NOSPC, ErrorKind::NoSpace),
            (Errno::DQUOT, ErrorKind::QuotaExceeded),
            (Errno::ROFS, ErrorKind::ReadOnly),
            (Errno::FBIG, ErrorKind::TooLarge),
            (Errno::NOSYS, ErrorKind::Unsupported),
            (Errno::OPNOTSUPP, ErrorKind::Unsupported),
            (Errno::XDEV, ErrorKind::Unsupported),
            (Errno::NOTTY, ErrorKind::Unsupported),
            (Errno::BUSY, ErrorKind::Busy),
            (Errno::AGAIN, ErrorKind::Busy),
            (Errno::DEADLK, ErrorKind::Busy),
            (Errno::MFILE, ErrorKind::TooManyOpen),
            (Errno::NFILE, ErrorKind::TooManyOpen),
            (Errno::NOMEM, ErrorKind::Unavailable),
            (Errno::NOBUFS, ErrorKind::Unavailable),
            (Errno::TIMEDOUT, ErrorKind::Unavailable),
            (Errno::HOSTDOWN, ErrorKind::Unavailable),
            (Errno::NOTCONN, ErrorKind::Unavailable),
            (Errno::BADF, ErrorKind::Internal),
            (Errno::FAULT, ErrorKind::Internal),
            (Errno::IO, ErrorKind::Io),
        ];
        for (errno, kind) in table {
            assert_eq!(kind_of(errno), kind, "{errno:?}");
        }
    }

    #[test]
    fn every_other_errno_counts_as_an_io_failure() {
        let known = 38;
        let named = (1..=133)
            .filter(|raw| kind_of(Errno::from_raw_os_error(*raw)) != ErrorKind::Io)
            .count();
        assert_eq!(
            named, known,
            "an errno was added without a row in the table above"
        );
    }

    #[test]
    fn the_cause_is_kept() {
        let error = Fault::from(Errno::NOSPC).during("write", b"/a");
        let cause = std::error::Error::source(&error).and_then(|e| e.downcast_ref::<std::io::Error>());
        assert_eq!(
            cause.and_then(std::io::Error::raw_os_error),
            Some(Errno::NOSPC.raw_os_error())
        );
    }
}
