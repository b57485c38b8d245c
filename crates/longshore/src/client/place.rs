//! Targets: `alias:path`, `user@host:path`, `sftp://user@host:port/path`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use longshore_client::target::{Remote, Target};

use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Paths on one server.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The server; its path is that of the first target.
    pub(crate) server: Remote,
    /// The path of each target, as bytes. Relative ones start where the server does.
    pub(crate) paths: Vec<Vec<u8>>,
}

impl Place {
    /// One target; a host alone means the directory where the server starts.
    ///
    /// # Errors
    /// [`ExitCode::Usage`].
    pub(crate) fn one(text: &OsStr) -> Result<Self> {
        Self::all([text])
    }

    /// Targets on one server. Behind the first one `:path` means the same server.
    ///
    /// # Errors
    /// [`ExitCode::Usage`], also for targets on several servers.
    pub(crate) fn all<'a>(texts: impl IntoIterator<Item = &'a OsStr>) -> Result<Self> {
        let mut texts = texts.into_iter();
        let first = texts.next().unwrap_or_default();
        let server = remote(first)?;
        let mut paths = vec![path_of(&server)];
        for text in texts {
            if let Some(path) = text.as_bytes().strip_prefix(b":") {
                paths.push(from_start(path));
                continue;
            }
            let other = match Target::parse(text).map_err(|error| usage(&error))? {
                Target::Remote(other) => other,
                Target::Local(path) => {
                    let message = format!("{} is no path on a server", path.display());
                    return Err(CliError::new(ExitCode::Usage, message)
                        .hint("write host:path, or :path for the server of the first target"));
                }
            };
            if (&other.host, &other.user, other.port) != (&server.host, &server.user, server.port) {
                let message = format!("{} and {} are two servers", server.host, other.host);
                return Err(CliError::new(ExitCode::Usage, message)
                    .hint("run the command once for each, or write the first target's host again"));
            }
            paths.push(path_of(&other));
        }
        Ok(Self { server, paths })
    }

    /// As [`Self::all`], for lists of arguments.
    ///
    /// # Errors
    /// As [`Self::all`].
    pub(crate) fn list(texts: &[OsString]) -> Result<Self> {
        Self::all(texts.iter().map(OsString::as_os_str))
    }

    /// The path of the first target, `.` for the directory where the server starts.
    pub(crate) fn path(&self) -> &[u8] {
        match self.paths.first() {
            Some(path) if !path.is_empty() => path,
            _ => b".",
        }
    }
}

/// A target on a server.
///
/// # Errors
/// [`ExitCode::Usage`].
pub(crate) fn remote(text: &OsStr) -> Result<Remote> {
    Target::parse_remote(text).map_err(|error| usage(&error))
}

/// A target that makes no sense is the command line's fault, not the configuration's.
fn usage(error: &longshore_client::Error) -> CliError {
    let complaint = CliError::new(ExitCode::Usage, error.to_string());
    match error.next_step() {
        Some(hint) => complaint.hint(hint),
        None => complaint,
    }
}

fn path_of(remote: &Remote) -> Vec<u8> {
    from_start(&remote.path)
}

/// `~` and `~/x` as people write them: the directory where the server starts is the home directory.
fn from_start(path: &[u8]) -> Vec<u8> {
    match path {
        b"~" => Vec::new(),
        [b'~', b'/', rest @ ..] => rest.to_vec(),
        _ => path.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(texts: &[&str]) -> Result<Place> {
        Place::all(texts.iter().map(OsStr::new))
    }

    #[test]
    fn several_targets_are_of_one_server() {
        let place = all(&["me@h:a", ":/b", "me@h:~/c"]).unwrap();
        assert_eq!(place.paths, [b"a".to_vec(), b"/b".to_vec(), b"c".to_vec()]);
        for wrong in [&["h:a", "i:a"][..], &["me@h:a", "h:a"], &["h:a", "b"], &[":a"]] {
            assert_eq!(all(wrong).unwrap_err().code(), ExitCode::Usage, "{wrong:?}");
        }
    }

    #[test]
    fn a_host_alone_is_where_the_server_starts() {
        for text in ["h", "h:", "h:~", "sftp://h"] {
            assert_eq!(all(&[text]).unwrap().path(), b".", "{text}");
        }
        assert_eq!(all(&["sftp://h/"]).unwrap().path(), b"/");
    }
}
