//! The files that an `Include` names: patterns in every part of a path, in order of their names.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use globset::GlobBuilder;

use crate::limits;

/// The files that match, sorted; those that are not there are left out. A dot in front is matched only by a dot.
pub(super) fn glob(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        found = match part {
            Component::Normal(name) if is_pattern(name) => {
                found.iter().flat_map(|folder| entries(folder, name)).collect()
            }
            part => found.into_iter().map(|path| path.join(part)).collect(),
        };
        found.truncate(limits::CONFIG_FILES);
    }
    found.retain(|path| path.exists());
    found.sort();
    found
}

fn is_pattern(name: &OsStr) -> bool {
    name.as_bytes()
        .iter()
        .any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'\\'))
}

fn entries(folder: &Path, pattern: &OsStr) -> Vec<PathBuf> {
    let Some(text) = pattern.to_str() else {
        return Vec::new();
    };
    // braces mean nothing to glob(3) as OpenSSH calls it
    let escaped = text.replace('{', "[{]").replace('}', "[}]");
    let Ok(glob) = GlobBuilder::new(&escaped)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
    else {
        return Vec::new();
    };
    let matcher = glob.compile_matcher();
    let Ok(listing) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = listing.flatten().map(|entry| entry.file_name());
    names
        .filter(|name| text.starts_with('.') || !name.as_bytes().starts_with(b"."))
        .filter(|name| matcher.is_match(name))
        .map(|name| folder.join(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_the_files_in_order() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("d1")).unwrap();
        std::fs::create_dir(dir.path().join("d2")).unwrap();
        for name in ["d1/b.conf", "d1/a.conf", "d1/.h.conf", "d2/a.conf", "d2/x"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        let names = |pattern: &str| -> Vec<String> {
            let found = glob(&dir.path().join(pattern));
            let relative = found.iter().map(|path| path.strip_prefix(dir.path()).unwrap());
            relative.map(|path| path.display().to_string()).collect()
        };
        assert_eq!(names("d*/*.conf"), ["d1/a.conf", "d1/b.conf", "d2/a.conf"]);
        assert_eq!(names("d1/.h*"), ["d1/.h.conf"]);
        assert_eq!(names("d2/[xy]"), ["d2/x"]);
        assert_eq!(names("d2/a.conf"), ["d2/a.conf"]);
        assert!(names("d3/*").is_empty());
    }
}
