//! The data directory: where it is searched for, what lies in it, and opening it for a server.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::config::{Config, Input, Origin, settings};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Folder beside the caller that is taken when it exists.
const LOCAL_NAME: &str = "longshore-data";

/// Where the data directory is when nobody says: `./longshore-data` if it exists, else `/var/lib/longshore` for
/// root and `$XDG_DATA_HOME/longshore` (`~/.local/share/longshore`) for others. `None` without a home.
#[must_use]
pub fn search(input: &Input) -> Option<PathBuf> {
    let local = input.working_dir.join(LOCAL_NAME);
    if local.is_dir() {
        return Some(local);
    }
    if input.is_root {
        return Some(PathBuf::from("/var/lib/longshore"));
    }
    // The XDG base directory specification: relative paths are invalid and must be ignored.
    let xdg = input
        .variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let base = xdg.or_else(|| {
        input
            .variable("HOME")
            .map(|home| Path::new(home).join(".local/share"))
    })?;
    Some(base.join("longshore"))
}

/// A data directory, existing or not.
#[derive(Debug, Clone)]
pub struct DataDir {
    path: PathBuf,
    how: String,
}

impl DataDir {
    /// The one that the configuration names, as an absolute path.
    ///
    /// # Errors
    /// [`ExitCode::DataDir`] when there is no place to search.
    pub fn from_config(config: &Config) -> Result<Self> {
        let Some(path) = config.path(&settings::DATA_DIR) else {
            return Err(CliError::new(
                ExitCode::DataDir,
                "no data directory: neither HOME nor XDG_DATA_HOME is set",
            )
            .hint("name one with --data-dir or LONGSHORE_DATA_DIR"));
        };
        let path = std::path::absolute(path).map_err(|error| {
            CliError::new(
                ExitCode::DataDir,
                format!("cannot use the data directory {}", path.display()),
            )
            .because(error)
        })?;
        let how = match &config.entry(&settings::DATA_DIR).origin {
            Origin::Default => "found by search".to_owned(),
            origin => format!("from {origin}"),
        };
        Ok(Self { path, how })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Held by the one server that uses the directory.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// The catalog's database.
    #[must_use]
    pub fn catalog(&self) -> PathBuf {
        self.path.join("catalog.db")
    }

    /// Host keys.
    #[must_use]
    pub fn host_keys(&self) -> PathBuf {
        self.path.join("host-keys")
    }

    /// Buckets on local disk.
    #[must_use]
    pub fn buckets(&self) -> PathBuf {
        self.path.join("buckets")
    }

    /// What lives only while a server runs.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.path.join("run")
    }

    /// Where a running server says who and where it is.
    #[must_use]
    pub fn server_file(&self) -> PathBuf {
        self.run().join("server.json")
    }

    /// The first API key when it could not be shown on a terminal.
    #[must_use]
    pub fn initial_api_key(&self) -> PathBuf {
        self.path.join("initial-api-key")
    }

    /// Makes the directory and its folders (0700) if they are missing. Returns whether it is new.
    ///
    /// # Errors
    /// [`ExitCode::DataDir`], naming the path that was tried.
    pub fn prepare(&self) -> Result<bool> {
        let is_new = match self.path.metadata() {
            Ok(metadata) if metadata.is_dir() => false,
            Ok(_) => return Err(self.complain("use", &"it is not a directory")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_private_tree(&self.path).map_err(|error| self.complain("make", &error))?;
                true
            }
            Err(error) => return Err(self.complain("use", &error)),
        };
        for folder in [self.run(), self.host_keys(), self.buckets()] {
            make_folder(&folder).map_err(|error| self.complain("write in", &error))?;
        }
        // What is acknowledged later lies below these names.
        sync_names(&self.path).map_err(|error| self.complain("write in", &error))?;
        // A restored backup may have other modes: the socket in it must be out of reach for others.
        fs::set_permissions(self.run(), fs::Permissions::from_mode(0o700))
            .map_err(|error| self.complain("write in", &error))?;
        Ok(is_new)
    }

    /// The directory, which must exist: for commands that only read.
    ///
    /// # Errors
    /// [`ExitCode::DataDir`], naming the path that was tried.
    pub fn existing(self) -> Result<Self> {
        match self.path.metadata() {
            Ok(metadata) if metadata.is_dir() => Ok(self),
            Ok(_) => Err(self.complain("use", &"it is not a directory")),
            Err(error) => Err(self.complain("use", &error)),
        }
    }

    /// An error about this directory, with the next step.
    pub(crate) fn complain(&self, verb: &str, why: &dyn std::fmt::Display) -> CliError {
        let uid = rustix::process::geteuid().as_raw();
        CliError::new(
            ExitCode::DataDir,
            format!("cannot {verb} the data directory {} ({}): {why}", self.path.display(), self.how),
        )
        .hint(format!(
            "it must be a directory that uid {uid} can write; choose another with --data-dir or LONGSHORE_DATA_DIR"
        ))
    }

    /// An error about a part of this directory.
    pub(crate) fn broken(&self, part: &str, why: impl std::error::Error + Send + Sync + 'static) -> CliError {
        CliError::new(
            ExitCode::DataDir,
            format!("cannot open the {part} in {}", self.path.display()),
        )
        .because(why)
        .hint("docs/operations.md tells what belongs there and how to restore it from a backup")
    }
}

/// Makes a folder for us alone, unless it is there; its modes are then the operator's choice.
fn make_folder(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Makes the parents as usual and the directory itself for us alone; each new name is durable.
fn make_private_tree(path: &Path) -> io::Result<()> {
    make_tree(parent_of(path))?;
    DirBuilder::new().mode(0o700).create(path)?;
    sync_names(parent_of(path))
}

fn make_tree(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    make_tree(parent_of(path))?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_names(parent_of(path)),
    }
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

/// Makes the names in a folder survive a power cut. A folder that may be written but not listed cannot be opened for
/// that: its names are left to the file system.
fn sync_names(folder: &Path) -> io::Result<()> {
    match fs::File::open(folder) {
        Ok(folder) => folder.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Flags;

    fn input(working_dir: &Path, is_root: bool, variables: &[(&str, &str)]) -> Input {
        Input {
            flags: Flags::default(),
            variables: variables.iter().map(|(n, v)| (n.into(), v.into())).collect(),
            working_dir: working_dir.to_owned(),
            is_root,
        }
    }

    #[test]
    fn a_folder_beside_the_caller_goes_before_the_usual_places() {
        let dir = tempfile::tempdir().unwrap();
        let home = [("HOME", "/home/a"), ("XDG_DATA_HOME", "/data")];
        assert_eq!(
            search(&input(dir.path(), false, &home)),
            Some(PathBuf::from("/data/longshore"))
        );
        assert_eq!(
            search(&input(dir.path(), false, &home[..1])),
            Some(PathBuf::from("/home/a/.local/share/longshore"))
        );
        assert_eq!(
            search(&input(dir.path(), true, &home)),
            Some(PathBuf::from("/var/lib/longshore"))
        );
        assert_eq!(search(&input(dir.path(), false, &[])), None);
        assert_eq!(
            search(&input(dir.path(), false, &[("XDG_DATA_HOME", "relative")])),
            None
        );
        fs::create_dir(dir.path().join("longshore-data")).unwrap();
        assert_eq!(
            search(&input(dir.path(), true, &home)),
            Some(dir.path().join("longshore-data"))
        );
    }
}
