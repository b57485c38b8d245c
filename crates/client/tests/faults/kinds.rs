//! The faults that servers and lines have.

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fault {
    /// None: a plain server with all extensions that we use.
    Healthy,
    /// No extension at all.
    NoExtensions,
    /// READ returns less than asked for.
    ShortReads,
    /// Replies leave in any order.
    OutOfOrder,
    /// Attributes are refused.
    RefusedSetStat,
    /// The server takes a few hundred bytes at a time and says so.
    TinyPackets,
    /// Handles are up to 256 random bytes.
    BinaryHandles,
    /// Few handles, and no reason when there is none left.
    FewHandles,
    /// READ says that the file ends where it does not.
    EarlyEof,
    /// The line is cut after some bytes to the client.
    ResetSending,
    /// The line is cut after some bytes from the client.
    ResetReceiving,
    /// The server stops taking bytes.
    StalledWindow,
    /// One request is never answered.
    Silence,
    /// Listings hold names that lead elsewhere.
    HostileNames,
    /// DATA says another length than it has.
    WrongLength,
    /// DATA has more bytes than were asked for.
    TooMuchData,
    /// A reply comes twice.
    DuplicateId,
    /// A reply to nothing.
    UnknownId,
    /// READ is answered by STATUS with OK.
    OkForRead,
    /// A reply of another type.
    WrongType,
    /// WRITE fails.
    FailedWrite,
    /// WRITE succeeds, and its end is not there.
    LostWrite,
    /// WRITE succeeds, and other bytes are there; the server computes hashes.
    CorruptWrite,
    /// READ returns other bytes; the server computes hashes.
    CorruptRead,
    /// CLOSE fails.
    FailedClose,
    /// No name can be changed.
    FailedRename,
    /// The remote file changes while it is read.
    MovingSource,
    /// Bytes that are no packets.
    Garbage,
    /// A byte at a time, for ever.
    Trickle,
}

impl Fault {
    pub const ALL: [Self; 29] = [
        Self::Healthy,
        Self::NoExtensions,
        Self::ShortReads,
        Self::OutOfOrder,
        Self::RefusedSetStat,
        Self::TinyPackets,
        Self::BinaryHandles,
        Self::FewHandles,
        Self::EarlyEof,
        Self::ResetSending,
        Self::ResetReceiving,
        Self::StalledWindow,
        Self::Silence,
        Self::HostileNames,
        Self::WrongLength,
        Self::TooMuchData,
        Self::DuplicateId,
        Self::UnknownId,
        Self::OkForRead,
        Self::WrongType,
        Self::FailedWrite,
        Self::LostWrite,
        Self::CorruptWrite,
        Self::CorruptRead,
        Self::FailedClose,
        Self::FailedRename,
        Self::MovingSource,
        Self::Garbage,
        Self::Trickle,
    ];

    /// A good client gets everything done all the same.
    pub fn is_bearable(self) -> bool {
        matches!(
            self,
            Self::Healthy
                | Self::NoExtensions
                | Self::ShortReads
                | Self::OutOfOrder
                | Self::RefusedSetStat
                | Self::TinyPackets
                | Self::BinaryHandles
                | Self::FewHandles
        )
    }

    /// Nothing ever comes that would end a wait.
    pub fn is_silent(self) -> bool {
        matches!(self, Self::StalledWindow | Self::Silence | Self::Trickle)
    }

    /// Whether it can show in a transfer to the server.
    pub fn bites_uploads(self) -> bool {
        !matches!(
            self,
            Self::ShortReads
                | Self::EarlyEof
                | Self::HostileNames
                | Self::WrongLength
                | Self::TooMuchData
                | Self::OkForRead
                | Self::CorruptRead
                | Self::MovingSource
        )
    }

    /// Whether it can show in a transfer from the server.
    pub fn bites_downloads(self) -> bool {
        !matches!(
            self,
            Self::RefusedSetStat
                | Self::FailedWrite
                | Self::LostWrite
                | Self::CorruptWrite
                | Self::FailedRename
                | Self::FailedClose
        )
    }
}
