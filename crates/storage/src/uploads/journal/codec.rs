//! Bytes of journal entries: numbers big-endian, everything of varying length behind its length.

use std::time::{Duration, SystemTime};

use crate::path::RemotePath;
use crate::upload_types::UploadId;

/// Writes values one behind the other.
#[derive(Debug, Default)]
pub(super) struct Put(pub(super) Vec<u8>);

impl Put {
    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn id(&mut self, id: UploadId) {
        self.0.extend_from_slice(&id.0);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.u32(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            put(self, value);
        }
    }

    /// Nanoseconds since the epoch; what does not fit is 1970.
    pub(super) fn time(&mut self, time: SystemTime) {
        let nanos = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(0),
            Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap_or(0),
        };
        self.0.extend_from_slice(&nanos.to_be_bytes());
    }
}

/// Reads what [`Put`] wrote; `None` when the bytes end too early or make no sense.
#[derive(Debug)]
pub(super) struct Take<'a>(pub(super) &'a [u8]);

impl<'a> Take<'a> {
    pub(super) fn raw(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.raw(N)?.try_into().ok()
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        Some(self.array::<1>()?[0])
    }

    pub(super) fn bool(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.array()?))
    }

    pub(super) fn i64(&mut self) -> Option<i64> {
        Some(i64::from_be_bytes(self.array()?))
    }

    pub(super) fn id(&mut self) -> Option<UploadId> {
        Some(UploadId(self.array()?))
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.u32()?).ok()?;
        self.raw(len)
    }

    pub(super) fn path(&mut self) -> Option<RemotePath> {
        RemotePath::parse(self.bytes()?).ok()
    }

    // An absent value and a bad one are different things here.
    #[allow(
        clippy::option_option,
        reason = "the outer one says whether the bytes make sense"
    )]
    pub(super) fn option<T>(&mut self, take: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.bool()? {
            Some(Some(take(self)?))
        } else {
            Some(None)
        }
    }

    pub(super) fn time(&mut self) -> Option<SystemTime> {
        let nanos = i128::from_be_bytes(self.array()?);
        let length = nanos.unsigned_abs();
        let length = Duration::new(
            u64::try_from(length / 1_000_000_000).ok()?,
            u32::try_from(length % 1_000_000_000).ok()?,
        );
        if nanos < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(length)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(length)
        }
    }
}
