//! Packets out of a byte stream that arrives in chunks of any size.

use std::mem;

use bytes::{Buf, Bytes};

use crate::error::FrameError;
use crate::limits::MAX_INPUT_PACKET_LEN;

/// Cuts a byte stream into packets (draft-ietf-secsh-filexfer-02 §3): type byte and body, without the length.
///
/// Call [`Self::next_packet`] with each chunk until it returns `None`, which means that the chunk is used up. A packet
/// that lies inside one chunk shares its memory; one that is spread over several is copied together once. After an
/// error the stream cannot be understood any more and every further call returns the error again.
#[derive(Debug)]
pub struct FrameDecoder {
    max_packet_len: usize,
    header: [u8; HEADER_LEN],
    header_filled: usize,
    body: Vec<u8>,
}

impl FrameDecoder {
    /// A decoder that takes packets of up to `max_packet_len` bytes, without the length field.
    #[must_use]
    pub const fn new(max_packet_len: usize) -> Self {
        Self {
            max_packet_len,
            header: [0; HEADER_LEN],
            header_filled: 0,
            body: Vec::new(),
        }
    }

    /// The next packet, taken off the front of `chunk`. `None`: the chunk is used up (and empty), more is needed.
    ///
    /// Memory is taken only after the length has been checked, and never more than eight times what the peer has
    /// really sent of the packet.
    ///
    /// # Errors
    /// [`FrameError`]: an empty or too long packet. The session must end.
    pub fn next_packet(&mut self, chunk: &mut Bytes) -> Result<Option<Bytes>, FrameError> {
        self.fill_header(chunk);
        if self.header_filled < HEADER_LEN {
            release(chunk);
            return Ok(None);
        }
        let len = self.checked_len()?;
        if self.body.is_empty() && chunk.len() >= len {
            self.header_filled = 0;
            let packet = chunk.split_to(len);
            release(chunk);
            return Ok(Some(packet));
        }
        self.assemble(chunk, len);
        release(chunk);
        if self.body.len() < len {
            return Ok(None);
        }
        self.header_filled = 0;
        Ok(Some(mem::take(&mut self.body).into()))
    }

    /// Bytes held of a packet that is not complete yet; zero exactly between two packets.
    #[must_use]
    pub const fn buffered(&self) -> usize {
        self.header_filled + self.body.len()
    }

    /// Bytes of memory held for the packet that is not complete yet.
    #[must_use]
    pub const fn allocated(&self) -> usize {
        self.body.capacity()
    }

    fn fill_header(&mut self, chunk: &mut Bytes) {
        let take = chunk.len().min(HEADER_LEN - self.header_filled);
        chunk.copy_to_slice(&mut self.header[self.header_filled..self.header_filled + take]);
        self.header_filled += take;
    }

    fn checked_len(&self) -> Result<usize, FrameError> {
        let len = u32::from_be_bytes(self.header);
        if len == 0 {
            return Err(FrameError::Empty);
        }
        if len as usize > self.max_packet_len {
            return Err(FrameError::TooLong {
                len,
                max: self.max_packet_len,
            });
        }
        Ok(len as usize)
    }

    fn assemble(&mut self, chunk: &mut Bytes, len: usize) {
        let take = chunk.len().min(len - self.body.len());
        let filled = self.body.len() + take;
        if self.body.capacity() < filled {
            // A peer that only announces a long packet gets little memory for it, and growing eightfold copies at
            // most a seventh of the packet twice. A WRITE that arrives in pieces of 32 KiB gets all its memory with
            // the first piece.
            let capacity = len.min(filled.saturating_mul(GROWTH));
            self.body.reserve_exact(capacity - self.body.len());
        }
        self.body.extend_from_slice(&chunk[..take]);
        chunk.advance(take);
    }
}

impl Default for FrameDecoder {
    /// Takes packets of up to [`MAX_INPUT_PACKET_LEN`] bytes.
    fn default() -> Self {
        Self::new(MAX_INPUT_PACKET_LEN)
    }
}

/// An empty `Bytes` would keep its chunk's memory alive.
fn release(chunk: &mut Bytes) {
    if chunk.is_empty() {
        *chunk = Bytes::new();
    }
}

/// Bytes of the length field.
const HEADER_LEN: usize = 4;
/// How much memory may be taken for each byte that has come.
const GROWTH: usize = 8;
