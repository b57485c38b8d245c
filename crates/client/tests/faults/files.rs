//! The files of the fault server, in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use longshore_sftp::{Attrs, FileKind};

/// One file or directory.
#[derive(Debug, Clone)]
pub struct Node {
    pub kind: FileKind,
    pub data: Vec<u8>,
    pub times: (u32, u32),
    pub mode: u32,
}

/// All files by their whole path, shared with whoever judges.
#[derive(Debug, Clone, Default)]
pub struct Files {
    nodes: Arc<Mutex<BTreeMap<Vec<u8>, Node>>>,
}

impl Node {
    pub fn file(data: Vec<u8>) -> Self {
        Self {
            kind: FileKind::Regular,
            data,
            times: (1_000_000_000, 1_000_000_000),
            mode: 0o644,
        }
    }

    pub fn directory() -> Self {
        Self {
            kind: FileKind::Directory,
            data: Vec::new(),
            times: (1_000_000_000, 1_000_000_000),
            mode: 0o755,
        }
    }

    pub fn attrs(&self) -> Attrs {
        Attrs {
            size: Some(self.data.len() as u64),
            owner: Some((1000, 1000)),
            permissions: Some(self.kind.mode_bits() | self.mode),
            times: Some(self.times),
            extended: Vec::new(),
        }
    }
}

impl Files {
    pub fn lock(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Node>> {
        self.nodes.lock().expect("lock")
    }

    pub fn put(&self, path: &[u8], node: Node) {
        self.lock().insert(normal(path), node);
    }

    /// The content of a file.
    pub fn read(&self, path: &[u8]) -> Option<Vec<u8>> {
        self.lock().get(&normal(path)).map(|node| node.data.clone())
    }
}

/// Without a slash at either end.
pub fn normal(path: &[u8]) -> Vec<u8> {
    let text = path.strip_prefix(b"./").unwrap_or(path);
    let start = text.iter().position(|byte| *byte != b'/').unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|byte| *byte != b'/')
        .map_or(start, |at| at + 1);
    let text = &text[start..end.max(start)];
    if text == b"." { Vec::new() } else { text.to_vec() }
}

/// The directory that a path lies in, and its name there.
pub fn parent(path: &[u8]) -> Vec<u8> {
    let at = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
    path[..at].to_vec()
}
