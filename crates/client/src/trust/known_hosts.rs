//! Known-hosts files: reading them, asking them, and changing them while others do the same.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustix::fs::FlockOperation;

use super::line::{self, Entry, Line, Marker};
use crate::endpoint::{Endpoint, SSH_PORT};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::limits;

/// The entries of several files, in order.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    entries: Vec<Located>,
    malformed: Vec<(PathBuf, usize, &'static str)>,
}

/// An entry and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// What it says.
    pub entry: Entry,
    /// The file.
    pub file: PathBuf,
    /// Counted from one.
    pub line: usize,
}

impl KnownHosts {
    /// Reads the files; one that is not there is empty.
    ///
    /// # Errors
    /// A file that is there and cannot be read, or is longer than 64 MiB: it could hold what forbids a key.
    pub fn load(files: &[PathBuf]) -> Result<Self> {
        let mut known = Self::default();
        for file in files {
            if let Some(text) = read(file).map_err(|error| failed("read", file, error))? {
                known.add(file, &text);
            }
        }
        Ok(known)
    }

    /// Adds the entries of a file's text.
    pub fn add(&mut self, file: &Path, text: &[u8]) {
        for (at, text) in text.split(|byte| *byte == b'\n').enumerate() {
            match line::parse(text) {
                Line::Empty => {}
                Line::Malformed(why) => self.malformed.push((file.to_owned(), at + 1, why)),
                Line::Entry(entry) => self.entries.push(Located {
                    entry,
                    file: file.to_owned(),
                    line: at + 1,
                }),
            }
        }
    }

    /// All entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[Located] {
        &self.entries
    }

    /// The entries about a name, in order.
    pub fn find<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Located> {
        self.entries
            .iter()
            .filter(move |located| located.entry.hosts.matches(name))
    }

    /// Lines that nobody understands: file, line, reason.
    #[must_use]
    pub fn malformed(&self) -> &[(PathBuf, usize, &'static str)] {
        &self.malformed
    }
}

/// How a host is named in these files: in small letters, with its port where that is not 22.
#[must_use]
pub fn name_of(host: &Endpoint) -> String {
    let name = host.host().to_ascii_lowercase();
    if host.port() == SSH_PORT {
        name
    } else {
        format!("[{name}]:{}", host.port())
    }
}

/// Adds a line for a key and returns its number. Writers of all programs that lock the file or append whole lines do
/// not disturb each other; a new file is readable by its owner alone.
///
/// # Errors
/// When the file or its folder cannot be made or written.
pub fn append(file: &Path, name: &str, key_type: &str, key: &[u8], hash: bool) -> Result<usize> {
    let odd = |c: char| c.is_control() || c.is_whitespace() || "*?!,|#@".contains(c);
    if name.is_empty() || name.contains(odd) {
        // written down it would stand for other hosts, or for none
        let message = format!("\"{}\" cannot be written as a host's name", name.escape_debug());
        return Err(Error::new(ErrorKind::InvalidInput, Stage::HostKey, message));
    }
    let hosts = if hash {
        line::hashed(name).map_err(|error| failed("hash a name for", file, io::Error::other(error)))?
    } else {
        name.to_owned()
    };
    let text = format!("{hosts} {key_type} {}\n", BASE64.encode(key));
    append_line(file, &text).map_err(|error| failed("write", file, error))
}

/// Removes the entries that `unwanted` picks and returns them. The new file takes the old one's place in one step, with its mode; the old
/// one stays as `<file>.old`, as `ssh-keygen -R` leaves it.
///
/// # Errors
/// When the file cannot be read or replaced. One that is not there has nothing to remove.
pub fn remove(file: &Path, unwanted: impl Fn(&Entry) -> bool) -> Result<Vec<Located>> {
    remove_lines(file, &unwanted).map_err(|error| failed("change", file, error))
}

fn append_line(file: &Path, text: &str) -> io::Result<usize> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut open = locked(file, true)?;
    let mut before = Vec::new();
    open.seek(SeekFrom::Start(0))?;
    Read::by_ref(&mut open)
        .take(limits::KNOWN_HOSTS_LEN)
        .read_to_end(&mut before)?;
    let lines = before.iter().filter(|byte| **byte == b'\n').count();
    let unfinished = before.last().is_some_and(|byte| *byte != b'\n');
    // one write, so that those who lock nothing see whole lines as well
    let text = if unfinished {
        format!("\n{text}")
    } else {
        text.to_owned()
    };
    open.write_all(text.as_bytes())?;
    open.sync_data()?;
    Ok(lines + 1 + usize::from(unfinished))
}

fn remove_lines(file: &Path, unwanted: &dyn Fn(&Entry) -> bool) -> io::Result<Vec<Located>> {
    // through a link: what it points to is replaced, the link stays
    let file = match file.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        path => path?,
    };
    let open = locked(&file, false)?;
    let text = read(&file)?.unwrap_or_default();
    let (mut kept, mut removed) = (Vec::new(), Vec::new());
    for (at, piece) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match line::parse(piece.strip_suffix(b"\n").unwrap_or(piece)) {
            Line::Entry(entry) if unwanted(&entry) => removed.push(Located {
                entry,
                file: file.clone(),
                line: at + 1,
            }),
            _ => kept.extend_from_slice(piece),
        }
    }
    if !removed.is_empty() {
        replace(&file, &open, &kept)?;
    }
    Ok(removed)
}

fn replace(file: &Path, open: &File, text: &[u8]) -> io::Result<()> {
    let with = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let new = with(&format!(".new-{}", std::process::id()));
    let mode = open.metadata()?.mode() & 0o777;
    let written = (|| {
        let mut out = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&new)?;
        out.write_all(text)?;
        out.set_permissions(PermissionsExt::from_mode(mode))?;
        out.sync_all()?;
        let old = with(".old");
        let _ = std::fs::remove_file(&old);
        std::fs::hard_link(file, &old)?;
        std::fs::rename(&new, file)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&new);
    }
    written
}

/// Opens a file and waits for its lock; again when it was replaced meanwhile.
fn locked(path: &Path, create: bool) -> io::Result<File> {
    loop {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(create)
            .mode(0o600)
            .open(path)?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
        let (ours, there) = (file.metadata()?, std::fs::metadata(path));
        if there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino())) {
            return Ok(file);
        }
    }
}

pub(super) fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    let open = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        open => open?,
    };
    let mut text = Vec::new();
    open.take(limits::KNOWN_HOSTS_LEN + 1).read_to_end(&mut text)?;
    if text.len() as u64 > limits::KNOWN_HOSTS_LEN {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some(text))
}

pub(super) fn failed(verb: &str, file: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
        io::ErrorKind::StorageFull => ErrorKind::NoSpace,
        _ => ErrorKind::Io,
    };
    let message = format!("cannot {verb} {}: {error}", file.display());
    Error::new(kind, Stage::HostKey, message).caused_by(error)
}

/// Which keys of a host are there; for the offer of algorithms.
pub(super) fn key_types<'a>(known: &'a KnownHosts, name: &'a str) -> impl Iterator<Item = (&'a str, Marker)> {
    known
        .find(name)
        .map(|located| (located.entry.key_type.as_str(), located.entry.marker))
}
