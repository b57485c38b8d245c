//! Limits of the codec: value, unit, origin, and what happens beyond.

/// Longest packet in bytes that OpenSSH takes on either side, without the four length bytes
/// (`SFTP_MAX_MSG_LENGTH` in its `sftp-common.h`). It is what we announce as `max-packet-length`, and the longest
/// packet that we build: a peer would end the session over a longer one.
pub const MAX_PACKET_LEN: usize = 256 * 1024;

/// Room that OpenSSH leaves for everything but file bytes in a packet, in bytes (`sftp-server.c`:
/// `SFTP_MAX_MSG_LENGTH - 1024`).
pub const PACKET_OVERHEAD: usize = 1024;

/// Longest packet in bytes that [`FrameDecoder::default`](crate::FrameDecoder) takes: [`MAX_PACKET_LEN`] and one
/// overhead more, so that a client that sends 256 KiB of file bytes in one WRITE is understood as well. A longer
/// packet is malformed framing and ends the session before memory is taken.
pub const MAX_INPUT_PACKET_LEN: usize = MAX_PACKET_LEN + PACKET_OVERHEAD;

/// Most file bytes of one READ or WRITE that we announce (`limits@openssh.com`), in bytes: 255 KiB, as OpenSSH does.
pub const MAX_DATA_LEN: usize = MAX_PACKET_LEN - PACKET_OVERHEAD;

/// Longest handle in bytes (draft-ietf-secsh-filexfer-02 §6.2: "MUST NOT be longer than 256 bytes"). A longer one
/// makes the packet's body malformed.
pub const MAX_HANDLE_LEN: usize = 256;

/// Most `extended` pairs that the attributes of one file may carry. No client or server known to us sends one;
/// OpenSSH stops at 1,048,576. More of them make the packet's body malformed.
pub const MAX_EXTENDED_ATTRS: usize = 64;

/// Most extension pairs kept of an INIT or VERSION packet; OpenSSH announces 11. Those beyond are ignored, as
/// unknown extensions are.
pub const MAX_EXTENSIONS: usize = 256;

/// Most entries taken of one NAME reply. OpenSSH sends 100, we some 500 ([`NAME_LIST_LEN`]). More of them make the
/// packet's body malformed.
pub const MAX_NAME_ENTRIES: usize = 16 * 1024;

/// Most ids that one `users-groups-by-id@openssh.com` may ask for, users and groups together. OpenSSH's client asks
/// for those of one READDIR reply (100 names). More of them make the packet's body malformed.
pub const MAX_LOOKUP_IDS: usize = 4096;

/// Longest error message in bytes that [`Status`](crate::Status) keeps when it is built from text; the rest is cut off.
pub const MAX_STATUS_MESSAGE_LEN: usize = 1024;

/// Length in bytes of a page of a directory that suits all clients: below the 80,000 that libssh2 took before it
/// raised its own limit to 256 KiB, and still some 500 names a round trip (OpenSSH sends 100).
pub const NAME_LIST_LEN: usize = 64 * 1024;
