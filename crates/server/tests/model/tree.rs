//! What lies on the disk.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// Path to what is there.
pub type Tree = BTreeMap<String, Entry>;

#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    mode: u32,
    /// Of files.
    links: Option<u64>,
    /// Length and a sum of the bytes of a file; the target of a link.
    content: String,
    /// If a client set it.
    modified: Option<i64>,
}

/// Everything below `root`. Directories and files that nobody may read are made readable first, after their modes were
/// noted.
pub fn tree(root: &Path, prefix: &[u8]) -> Tree {
    let mut tree = Tree::new();
    std::fs::set_permissions(root, std::fs::Permissions::from_mode(0o700)).unwrap();
    walk(root, root, prefix, &mut tree);
    tree
}

fn walk(root: &Path, dir: &Path, prefix: &[u8], tree: &mut Tree) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let found = std::fs::symlink_metadata(&path).unwrap();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .as_os_str()
            .as_bytes()
            .escape_ascii()
            .to_string();
        if !found.is_symlink() {
            let open = if found.is_dir() { 0o700 } else { 0o600 };
            std::fs::set_permissions(
                &path,
                std::fs::Permissions::from_mode(found.mode() & 0o7777 | open),
            )
            .unwrap();
        }
        let content = if found.is_symlink() {
            let target = std::fs::read_link(&path).unwrap();
            let target = target.as_os_str().as_bytes();
            match target.strip_prefix(prefix) {
                Some(b"") if !prefix.is_empty() => "/".to_owned(),
                Some(rest) => rest.escape_ascii().to_string(),
                None => target.escape_ascii().to_string(),
            }
        } else if found.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            format!("{} bytes, {:016x}", bytes.len(), sum(&bytes))
        } else {
            String::new()
        };
        let set = found.mtime() < 1_500_000_000;
        tree.insert(
            name,
            Entry {
                mode: found.mode(),
                links: (!found.is_dir()).then_some(found.nlink()),
                content,
                modified: (set && !found.is_dir()).then_some(found.mtime()),
            },
        );
        if found.is_dir() {
            walk(root, &path, prefix, tree);
        }
    }
}

/// FNV-1a.
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
