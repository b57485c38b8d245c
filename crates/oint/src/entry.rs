//! The file object of listings and file information.

use longshore_client::sftp::{Attrs, FileKind};
use serde_json::{Value, json};

/// The object of `name` in `directory` with what the server says of it.
pub(crate) fn object(directory: &str, name: &str, attrs: &Attrs) -> Value {
    json!({
        "name": name,
        "path": join(directory, name),
        "extension": extension(name),
        "size": attrs.size,
        "permissions": attrs.permissions.map(|mode| format!("{mode:o}")),
        "is_directory": attrs.kind() == Some(FileKind::Directory),
        "is_symlink": attrs.kind() == Some(FileKind::SymLink),
        "modified": attrs.times.map(|(_, modified)| modified),
        "accessed": attrs.times.map(|(accessed, _)| accessed),
        "uid": attrs.owner.map(|(uid, _)| uid),
        "gid": attrs.owner.map(|(_, gid)| gid),
    })
}

/// The object of a path.
pub(crate) fn object_of(path: &str, attrs: &Attrs) -> Value {
    let trimmed = match path.trim_end_matches('/') {
        "" => path,
        trimmed => trimmed,
    };
    let (directory, name) = trimmed.rsplit_once('/').unwrap_or(("", trimmed));
    let mut value = object(directory, name, attrs);
    value["path"] = Value::String(path.to_owned());
    value
}

/// Always with `/`; relative stays relative.
pub(crate) fn join(directory: &str, name: &str) -> String {
    match directory {
        "" | "." => name.to_owned(),
        _ if directory.ends_with('/') => format!("{directory}{name}"),
        _ => format!("{directory}/{name}"),
    }
}

/// Without the dot; empty for none and for names like `.bashrc`.
fn extension(name: &str) -> &str {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_keep_their_form() {
        assert_eq!(join("inbox", "3.txt"), "inbox/3.txt");
        assert_eq!(join("/", "a"), "/a");
        assert_eq!(join("", "a"), "a");
        assert_eq!(join(".", "a"), "a");
        assert_eq!(object_of("inbox/", &Attrs::default())["name"], "inbox");
        assert_eq!(object_of("/", &Attrs::default())["path"], "/");
    }

    #[test]
    fn what_the_server_leaves_out_is_null() {
        let value = object("inbox", "x", &Attrs::default());
        for key in ["size", "permissions", "modified", "accessed", "uid", "gid"] {
            assert_eq!(value[key], Value::Null, "{key}");
        }
        assert_eq!(value["is_symlink"], false);
    }

    #[test]
    fn extensions() {
        for (name, expected) in [
            ("3.txt", "txt"),
            (".bashrc", ""),
            ("a.tar.gz", "gz"),
            ("none", ""),
            ("a.", ""),
        ] {
            assert_eq!(extension(name), expected, "{name}");
        }
    }

    #[test]
    fn links_are_recognised_by_their_mode() {
        let attrs = Attrs {
            permissions: Some(0o120_777),
            ..Attrs::default()
        };
        let value = object("", "link", &attrs);
        assert_eq!(value["is_symlink"], true);
        assert_eq!(value["is_directory"], false);
        assert_eq!(value["permissions"], "120777");
    }
}
