//! What a server may make a client hold: each number with its unit, its origin, and what happens beyond it.

/// Bytes that the server may send on a channel before it hears from us (`initial_window_size`, RFC 4254 §5.1). OpenSSH takes
/// 2 MiB, which caps downloads at 40 MiB/s with 50 ms round trip; this lets 320 MiB/s through.
pub(super) const WINDOW: u32 = 16 << 20;

/// Bytes of a channel that were received and not yet taken. The transport library grants credit when data arrives, not when it
/// is taken, so beyond this the connection is not read until the channel's owner has taken some.
pub(super) const HELD: usize = 16 << 20;

/// Largest CHANNEL_DATA payload that we take (`maximum_packet_size`); the transport library's largest.
pub(super) const PACKET: u32 = 65_535;

/// Bytes that a server may send before the key exchange is done: the largest packets of a key exchange (some
/// 10 KiB) and a page of greetings before it, many times over. Beyond it the connection is cut.
pub(super) const BEFORE_KEYS: usize = 256 << 10;

/// Bytes that are read ahead of the packet being received: enough for many small replies in one system call.
pub(super) const READ_AHEAD: usize = 4096;

/// Bytes of an identification string (RFC 4253 §4.2), and of the first line of what is none.
pub(super) const IDENTIFICATION: usize = 255;

/// Bytes of a server's words (disconnect, refusals) that are kept.
pub(super) const WORDS: usize = 1 << 10;

/// Bytes of banners (RFC 4252 §5.4) that are kept. The rest is dropped.
pub(super) const BANNERS: usize = 16 << 10;

/// Prompts of one round of keyboard-interactive. OpenSSH's client has no limit beyond the packet; more is an error.
pub(super) const PROMPTS: usize = 64;

/// Bytes of one prompt or instruction that are kept.
pub(super) const PROMPT: usize = 4 << 10;

/// Bytes of a private key or certificate file. RSA with 16384 bits needs 13 KiB.
pub(super) const KEY_FILE: usize = 64 << 10;

/// Identities that an agent may list. More are left aside.
pub(super) const IDENTITIES: usize = 256;
