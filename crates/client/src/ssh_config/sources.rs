//! Where configuration comes from: files of the user and of the machine, and what was given on the command line.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::limits;

/// Where one setting stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The caller gave it; it goes before every file.
    Given,
    /// A line of a file.
    File {
        /// The file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
    },
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Given => f.write_str("command line"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
        }
    }
}

/// The files to read, in order.
#[derive(Debug, Clone)]
pub struct Sources {
    pub(super) files: Vec<Source>,
}

/// One file, and how strictly it is taken.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// Relative includes start here.
    pub(super) include_from: PathBuf,
    /// Whether it is an error that it is not there.
    pub(super) required: bool,
    /// Whether it must belong to the user and be writable by nobody else.
    pub(super) check_owner: bool,
}

impl Sources {
    /// What `ssh` reads: `~/.ssh/config`, then `/etc/ssh/ssh_config`. Files that are not there are empty.
    #[must_use]
    pub fn standard(home: &Path) -> Self {
        let user = home.join(".ssh");
        let files = vec![
            Source {
                path: user.join("config"),
                include_from: user,
                required: false,
                check_owner: true,
            },
            Source {
                path: "/etc/ssh/ssh_config".into(),
                include_from: "/etc/ssh".into(),
                required: false,
                check_owner: false,
            },
        ];
        Self { files }
    }

    /// One file only, as with `ssh -F`. Its relative includes start in `~/.ssh`.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>, home: &Path) -> Self {
        let files = vec![Source {
            path: path.into(),
            include_from: home.join(".ssh"),
            required: true,
            check_owner: false,
        }];
        Self { files }
    }

    /// No file at all, as with `ssh -F none`.
    #[must_use]
    pub fn none() -> Self {
        Self { files: Vec::new() }
    }
}

/// Reads a file, bounded. `None` when it is not there.
pub(super) fn read(path: &Path, check_owner: bool) -> Result<Option<Vec<u8>>> {
    let failed = |error: io::Error| {
        Error::new(
            ErrorKind::InvalidInput,
            Stage::Config,
            format!("cannot read {}", path.display()),
        )
        .caused_by(error)
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    let uid = rustix::process::getuid().as_raw();
    let foreign = metadata.uid() != 0 && metadata.uid() != uid;
    if check_owner && (foreign || metadata.mode() & 0o022 != 0) {
        let message = format!("{} could have been written by somebody else", path.display());
        let hint = format!("give it to yourself and run: chmod go-w {}", path.display());
        return Err(Error::new(ErrorKind::InvalidInput, Stage::Config, message).hint(hint));
    }
    let mut text = Vec::new();
    let limit = limits::CONFIG_FILE_LEN;
    file.take(limit + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > limit {
        let message = format!("{} is longer than {limit} bytes", path.display());
        return Err(Error::new(ErrorKind::InvalidInput, Stage::Config, message));
    }
    Ok(Some(text))
}
