//! Why a request is not answered with success.

use longshore_sftp::{DecodeError, EncodeError};
use longshore_storage::{ErrorKind, InvalidBucketName, PathError, StorageError};

/// A request that failed. [`status`](crate::status) turns it into the answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpError {
    /// The store said no.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The bytes are not a path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// End of a file or a listing: not a fault.
    #[error("end of file")]
    EndOfFile,
    /// No such handle in this session.
    #[error("invalid handle")]
    InvalidHandle,
    /// A file operation on a directory handle.
    #[error("handle is a directory")]
    DirectoryHandle,
    /// A directory operation on a file handle.
    #[error("handle is not a directory")]
    FileHandle,
    /// READ on a handle opened without READ.
    #[error("handle is not open for reading")]
    NotReadable,
    /// WRITE on a handle opened without WRITE.
    #[error("handle is not open for writing")]
    NotWritable,
    /// The session has as many handles open as it may.
    #[error("too many open handles, close some first")]
    TooManyHandles,
    /// The session has as many directories open as it may.
    #[error("too many open directories, close some first")]
    TooManyDirectories,
    /// A new name with a trailing slash for something that is no directory, where there is one already.
    #[error("already exists")]
    NameTaken,
    /// A path with a trailing slash that names no directory.
    #[error("not a directory")]
    TrailingSlash,
    /// CLOSE of an upload that lost bytes before.
    #[error("upload discarded, an earlier write failed: {}", crate::status::message(*.kind))]
    BrokenUpload {
        /// How the write failed.
        kind: ErrorKind,
    },
    /// CLOSE of an upload that lacks bytes of the size that was announced.
    #[error(
        "upload incomplete, {size} of {declared} announced bytes were received; it is kept for you to go on"
    )]
    ShortUpload {
        /// What the client announced.
        declared: u64,
        /// What came.
        size: u64,
    },
    /// `lsetstat@openssh.com` with a mode for a link, which Linux does not keep.
    #[error("the mode of a link cannot be set")]
    ModeOfLink,
    /// `lsetstat@openssh.com` with a size.
    #[error("the size of a link cannot be set")]
    SizeOfLink,
    /// The terms of the channel rule the request out.
    #[error("request is not permitted here")]
    NotPermitted,
    /// A copy of a file into itself.
    #[error("source and target are the same file")]
    SameFile,
    /// None of the hashes that the client knows.
    #[error("none of these hashes is supported")]
    UnknownHash,
    /// A hash of less than 256 bytes.
    #[error("blocks of less than 256 bytes are not hashed")]
    SmallHashBlock,
    /// More hashes than a reply takes.
    #[error("too many blocks for one reply, ask for larger ones")]
    TooManyBlocks,
    /// A part that starts behind the end of the file.
    #[error("offset is behind the end of the file")]
    BeyondEnd,
    /// A pattern that too many names match.
    #[error("too many matching names")]
    TooManyNames,
    /// The other side of an scp says that what it sent is wrong.
    #[error("upload discarded, the sender could not read all of it")]
    SourceFailed,
    /// Nobody is there any more to hear the answer.
    #[error("the client has gone")]
    ClientGone,
    /// Somebody else's home.
    #[error("no such user")]
    UnknownUser,
    /// An extension that we do not know.
    #[error("operation unsupported")]
    Unsupported,
    /// A packet that is no request, or one whose body breaks the rules.
    #[error("{}", crate::log::Causes(.0))]
    Malformed(#[from] DecodeError),
    /// Our reply does not fit into a packet.
    #[error("reply is too long")]
    ReplyTooLong(#[from] EncodeError),
}

/// Why a user's home cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenHomeError {
    /// The catalog names a bucket that cannot exist.
    #[error(transparent)]
    Bucket(#[from] InvalidBucketName),
    /// The catalog names a home that is no path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The store said no.
    #[error(transparent)]
    Storage(#[from] StorageError),
}
