//! Answers, without what may differ: inode-bound sizes of directories, times that nobody set, prefixes of the other tree.

use longshore_sftp::{Attrs, ExtendedReply, Reply};

/// An answer to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Status(u32),
    Handle,
    Data(Vec<u8>),
    Attrs(Facts),
    Path(Vec<u8>),
    /// Names of a directory with what is said of them, sorted.
    Listing(Vec<(Vec<u8>, Facts)>),
    Space {
        name_max: u64,
        block_size: u64,
    },
    Limits,
    Other(String),
}

/// Attributes. Times count only where a client set them: all that it sets lie long ago.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Of directories a matter of the file system.
    size: Option<u64>,
    mode: u32,
    owner: Option<(u32, u32)>,
    accessed: u32,
    modified: u32,
}

/// No test sets a later time, and no clock shows an earlier one.
const LONG_AGO: u32 = 1_500_000_000;

impl PartialEq for Facts {
    fn eq(&self, other: &Self) -> bool {
        let set = |a: u32, b: u32| a < LONG_AGO || b < LONG_AGO;
        self.size == other.size
            && self.mode == other.mode
            && self.owner == other.owner
            && (!set(self.modified, other.modified)
                || self.modified == other.modified
                // An upload changes its directory when it is published, not when it begins.
                || self.size.is_none() && (self.modified >= LONG_AGO || other.modified >= LONG_AGO))
            // The kernel notes reading when it sees fit: only if both still show what was set.
            && (self.accessed >= LONG_AGO || other.accessed >= LONG_AGO || self.accessed == other.accessed)
    }
}

impl Eq for Facts {}

impl Facts {
    /// `prefix` is how much longer the target of an absolute link is in that tree.
    pub fn of(attrs: &Attrs, prefix: usize) -> Self {
        let mode = attrs.permissions.expect("permissions");
        let (accessed, modified) = attrs.times.expect("times");
        let size = attrs.size.expect("size");
        let size = match mode & 0o170_000 {
            0o040_000 => None,
            0o120_000 if size >= prefix as u64 => Some((size - prefix as u64).max(1)),
            _ => Some(size),
        };
        Self {
            size,
            mode,
            owner: attrs.owner,
            accessed,
            modified,
        }
    }
}

impl Answer {
    /// `prefix` stands in front of absolute paths of that server.
    pub fn of(reply: Reply, prefix: &[u8]) -> Self {
        match reply {
            Reply::Status(status) => Self::Status(status.code.0),
            Reply::Handle(_) => Self::Handle,
            Reply::Data(data) => Self::Data(data.to_vec()),
            Reply::Attrs(attrs) => Self::Attrs(Facts::of(&attrs, prefix.len())),
            Reply::Name(names) if names.len() == 1 => Self::Path(strip(&names[0].filename, prefix)),
            Reply::Name(names) => Self::Other(format!("{} names", names.len())),
            Reply::Extended(ExtendedReply::Raw(body)) if body.len() == 11 * 8 => {
                let word = |at: usize| u64::from_be_bytes(body[at * 8..at * 8 + 8].try_into().unwrap());
                Self::Space {
                    name_max: word(10),
                    block_size: word(0),
                }
            }
            // limits@openssh.com: four numbers, of each server its own.
            Reply::Extended(ExtendedReply::Raw(body)) if body.len() == 4 * 8 => Self::Limits,
            Reply::Extended(other) => Self::Other(format!("{other:?}")),
        }
    }

    pub fn is_ok(&self) -> bool {
        !matches!(self, Self::Status(code) if *code != 0)
    }
}

fn strip(path: &[u8], prefix: &[u8]) -> Vec<u8> {
    match path.strip_prefix(prefix) {
        Some(b"") if !prefix.is_empty() => b"/".to_vec(),
        Some(rest) => rest.to_vec(),
        None => path.to_vec(),
    }
}
