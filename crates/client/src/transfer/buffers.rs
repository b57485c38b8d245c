//! Memory for the blocks of an upload, used again and again: fresh memory has to be mapped and cleared by the kernel, which
//! costs as much as encrypting what is read into it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

/// Buffers that are free at the moment. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// A buffer that comes back when the last slice of it is dropped.
struct Lent {
    bytes: Vec<u8>,
    home: Buffers,
}

impl Buffers {
    /// An empty buffer with room for `len` bytes.
    pub(crate) fn take(&self, len: usize) -> Vec<u8> {
        let mut buffer = self.free().pop().unwrap_or_default();
        buffer.clear();
        buffer.reserve(len);
        buffer
    }

    /// Lends out what a buffer holds; it is free again when nobody uses any of it.
    pub(crate) fn lend(&self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent {
            bytes,
            home: self.clone(),
        })
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut free = self.home.free();
        if free.len() < KEPT {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// Buffers that are kept free, in pieces: what is read ahead at a time, and as much again on its way to the socket.
const KEPT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_back_when_the_last_slice_is_gone() {
        let buffers = Buffers::default();
        let mut buffer = buffers.take(1000);
        buffer.extend_from_slice(b"some bytes");
        let place = buffer.as_ptr();
        let whole = buffers.lend(buffer);
        let part = whole.slice(5..);
        drop(whole);
        assert_eq!(buffers.free().len(), 0);
        assert_eq!(&part[..], b"bytes");
        drop(part);
        let again = buffers.take(1000);
        assert_eq!(again.as_ptr(), place);
        assert!(again.is_empty());
    }

    #[test]
    fn few_are_kept() {
        let buffers = Buffers::default();
        let lent: Vec<Bytes> = (0..2 * KEPT).map(|_| buffers.lend(buffers.take(10))).collect();
        drop(lent);
        assert_eq!(buffers.free().len(), KEPT);
    }
}
