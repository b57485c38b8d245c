//! Lists of names (draft-ietf-secsh-filexfer-02 §7, `SSH_FXP_NAME`).

use bytes::Bytes;

use crate::error::WireError;
use crate::limits::{MAX_NAME_ENTRIES, MAX_PACKET_LEN};
use crate::long_name::write_long_name;
use crate::wire::{Reader, Writer};
use crate::{Attrs, PacketType, RequestId};

/// One entry of a NAME reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameEntry {
    /// Name in the directory, or a path.
    pub filename: Bytes,
    /// The line that `ls -l` shows.
    pub longname: Bytes,
    /// Attributes, as far as known.
    pub attrs: Attrs,
}

/// Builds a NAME reply of bounded length entry by entry, straight into the packet.
#[derive(Debug)]
pub struct NameListBuilder {
    out: Vec<u8>,
    count: u32,
    max_len: usize,
}

impl NameListBuilder {
    /// An empty list for request `id`. `max_len`: most bytes of the packet, at most [`MAX_PACKET_LEN`];
    /// [`NAME_LIST_LEN`](crate::limits::NAME_LIST_LEN) suits all clients.
    #[must_use]
    pub fn new(id: RequestId, max_len: usize) -> Self {
        let mut out = Vec::with_capacity(512);
        // length and count are filled in at the end
        out.extend_from_slice(&[0, 0, 0, 0, PacketType::NAME.0]);
        out.extend_from_slice(&id.0.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        Self {
            out,
            count: 0,
            max_len: max_len.min(MAX_PACKET_LEN),
        }
    }

    /// Adds an entry with the line of `ls -l` (see [`write_long_name`]). `false`: there is no room for it, and the
    /// list is as before.
    #[must_use]
    pub fn push(&mut self, name: &[u8], attrs: &Attrs, links: u64, now: u64) -> bool {
        self.push_with(name, attrs, |out| write_long_name(out, name, attrs, links, now))
    }

    /// As [`Self::push`], with a long name that `long_name` appends.
    #[must_use]
    pub fn push_with(&mut self, name: &[u8], attrs: &Attrs, long_name: impl FnOnce(&mut Vec<u8>)) -> bool {
        let before = self.out.len();
        if before - LENGTH_LEN + name.len() > self.max_len {
            return false;
        }
        let out = &mut self.out;
        push_string_with(out, |out| out.extend_from_slice(name));
        push_string_with(out, long_name);
        let mut attrs_writer = Writer::append(out);
        attrs.write(&mut attrs_writer);
        let complete = attrs_writer.is_complete();
        if !complete || self.out.len() - LENGTH_LEN > self.max_len {
            self.out.truncate(before);
            return false;
        }
        self.count += 1;
        true
    }

    /// Entries so far.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is no entry yet; READDIR answers EOF then, and never an empty list.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The packet with its length.
    #[must_use]
    pub fn finish(mut self) -> Bytes {
        let len = u32::try_from(self.out.len() - LENGTH_LEN).expect("bounded by max_len");
        self.out[..LENGTH_LEN].copy_from_slice(&len.to_be_bytes());
        self.out[COUNT_AT..COUNT_AT + 4].copy_from_slice(&self.count.to_be_bytes());
        self.out.into()
    }
}

pub(crate) fn read(reader: &mut Reader) -> Result<Vec<NameEntry>, WireError> {
    let count = reader.count(MIN_ENTRY_LEN, MAX_NAME_ENTRIES)?;
    let mut entries = Vec::with_capacity(count.min(PREALLOCATED_ENTRIES));
    for _ in 0..count {
        entries.push(NameEntry {
            filename: reader.string()?,
            longname: reader.string()?,
            attrs: Attrs::read(reader)?,
        });
    }
    Ok(entries)
}

pub(crate) fn write(entries: &[NameEntry], writer: &mut Writer<'_>) {
    writer.count(entries.len());
    for entry in entries {
        writer.string(&entry.filename);
        writer.string(&entry.longname);
        entry.attrs.write(writer);
    }
}

fn push_string_with(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    fill(out);
    // a longer string does not fit into any packet and is taken back
    let len = u32::try_from(out.len() - at - 4).unwrap_or(u32::MAX);
    out[at..at + 4].copy_from_slice(&len.to_be_bytes());
}

/// Bytes of the length field in front of a packet.
const LENGTH_LEN: usize = 4;
/// Where the count stands: behind length, type and id.
const COUNT_AT: usize = 9;
/// Two empty strings and a flag word.
const MIN_ENTRY_LEN: usize = 12;
/// Entries that memory is taken for at once: a page of OpenSSH's server. An entry in memory is a dozen times as long
/// as the shortest on the wire, so the count alone is not enough to go by.
const PREALLOCATED_ENTRIES: usize = 100;
