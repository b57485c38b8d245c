//! `scp -f`: sends files and trees.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use longshore_storage::{DirEntry, ErrorKind, FileType, Listing, RemotePath, Stat, StorageError};

use super::lines::{self, Answer};
use super::{Options, glob, reason, shown};
use crate::context::Context;
use crate::error::OpError;
use crate::exec::io::{Gone, Io};
use crate::exec::words::Word;
use crate::handles::{OpenFile, Place};
use crate::limits::{COPY_CHUNK, READDIR_PAGE_ENTRIES, SCP_DEPTH};
use crate::ops::open_for_reading;

/// Sends what the words name; the exit status.
pub(super) async fn run(context: &Context, io: &mut Io, options: Options, names: &[Word]) -> u32 {
    let mut source = Source {
        context,
        io,
        options,
        status: 0,
    };
    match source.send_all(names).await {
        Ok(()) => source.status,
        Err(Over) => 1,
    }
}

struct Source<'a> {
    context: &'a Context,
    io: &'a mut Io,
    options: Options,
    status: u32,
}

/// The sink has given up or is gone.
struct Over;

impl From<Gone> for Over {
    fn from(_: Gone) -> Self {
        Self
    }
}

/// A directory that is being sent. It takes a place among the session's open directories.
struct Level {
    path: RemotePath,
    listing: Box<dyn Listing>,
    left: VecDeque<DirEntry>,
    _place: Place,
}

impl Source<'_> {
    async fn send_all(&mut self, words: &[Word]) -> Result<(), Over> {
        if lines::answer(self.io).await != Answer::Yes {
            return Err(Over);
        }
        for word in words {
            match glob::expand(self.context, word).await {
                Ok(names) => {
                    for name in names {
                        self.send(&name).await?;
                    }
                }
                Err(error) => self.object(&word.bytes, &error).await?,
            }
        }
        Ok(())
    }

    async fn object(&mut self, name: &[u8], error: &OpError) -> Result<(), Over> {
        self.status = 1;
        Ok(lines::object(self.io, &format!("{}: {}", shown(name), reason(error))).await?)
    }

    /// Sends a file, or a tree.
    async fn send(&mut self, bytes: &[u8]) -> Result<(), Over> {
        let found = async {
            let (path, _) = self.context.path(bytes).await?;
            let stat = self.context.home.stat(&path, true).await?;
            Ok::<_, OpError>((path, stat))
        };
        let (path, stat) = match found.await {
            Ok(found) => found,
            Err(error) => return self.object(bytes, &error).await,
        };
        let name = last_part(&path).to_vec();
        match stat.file_type {
            FileType::Directory if self.options.recursive => self.send_tree(path, &name, &stat).await,
            FileType::Directory => {
                let error = StorageError::new(ErrorKind::IsADirectory, "send").into();
                self.object(bytes, &error).await
            }
            _ => self.send_file(path, &name).await,
        }
    }

    async fn send_tree(&mut self, path: RemotePath, name: &[u8], stat: &Stat) -> Result<(), Over> {
        let mut levels = Vec::new();
        levels.extend(self.enter(path, name, stat, 0).await?);
        while let Some(level) = levels.last_mut() {
            let entry = match next_entry(level).await {
                Ok(Some(entry)) => entry,
                Ok(None) => {
                    levels.pop();
                    self.line(b"E\n".to_vec()).await?;
                    continue;
                }
                Err(error) => {
                    let path = level.path.clone();
                    level.left.clear();
                    levels.pop();
                    self.object(path.as_bytes(), &error).await?;
                    self.line(b"E\n".to_vec()).await?;
                    continue;
                }
            };
            let path = match child(&level.path, &entry.name) {
                Ok(path) => path,
                Err(error) => {
                    self.object(&entry.name, &error).await?;
                    continue;
                }
            };
            match entry.stat.file_type {
                FileType::Directory => {
                    let depth = levels.len();
                    levels.extend(self.enter(path, &entry.name, &entry.stat, depth).await?);
                }
                _ => self.send_file(path, &entry.name).await?,
            }
        }
        Ok(())
    }

    /// Announces a directory; `None` if it cannot be read or the sink does not want it.
    async fn enter(
        &mut self,
        path: RemotePath,
        name: &[u8],
        stat: &Stat,
        depth: usize,
    ) -> Result<Option<Level>, Over> {
        let opened = async {
            if depth == SCP_DEPTH {
                return Err(OpError::TooManyDirectories);
            }
            let place = self.context.handles.directory_place()?;
            Ok((place, self.context.home.list(&path).await?))
        };
        let (place, listing) = match opened.await {
            Ok(opened) => opened,
            Err(error) => {
                self.object(path.as_bytes(), &error).await?;
                return Ok(None);
            }
        };
        if !self.times(stat).await? || !self.line(header(b'D', stat.mode, 0, name)).await? {
            return Ok(None);
        }
        Ok(Some(Level {
            path,
            listing,
            left: VecDeque::new(),
            _place: place,
        }))
    }

    /// Links to files are sent as the files; those to directories are left out, for they may lead in circles.
    async fn send_file(&mut self, path: RemotePath, name: &[u8]) -> Result<(), Over> {
        let opened = async {
            let file = open_for_reading(self.context, path.clone()).await?;
            let stat = file.stat().await?;
            Ok::<_, OpError>((file, stat))
        };
        let (file, stat) = match opened.await {
            Ok(opened) => opened,
            Err(error) => return self.object(path.as_bytes(), &error).await,
        };
        let announced =
            self.times(&stat).await? && self.line(header(b'C', stat.mode, stat.size, name)).await?;
        if !announced {
            return Ok(());
        }
        match self.bytes(&file, stat.size).await? {
            Ok(()) => {
                if !self.line(vec![0]).await? {
                    self.status = 1;
                }
            }
            Err(error) => {
                self.object(path.as_bytes(), &error).await?;
                self.answer().await?;
            }
        }
        Ok(())
    }

    /// Exactly `size` bytes, as announced; zeros for those that cannot be read.
    async fn bytes(&mut self, file: &OpenFile, size: u64) -> Result<Result<(), OpError>, Over> {
        let mut failed = None;
        let mut at = 0;
        while at < size {
            let want = usize::try_from(size - at).map_or(COPY_CHUNK, |left| left.min(COPY_CHUNK));
            let piece = match &failed {
                None => file.read_at(at, want, Vec::with_capacity(want)).await,
                Some(_) => Ok(vec![0; want]),
            };
            match piece {
                Ok(piece) if !piece.is_empty() => {
                    at += piece.len() as u64;
                    self.io.write(Bytes::from(piece)).await?;
                }
                Ok(_) => failed = Some(OpError::EndOfFile),
                Err(error) => failed = Some(error),
            }
        }
        Ok(failed.map_or(Ok(()), Err))
    }

    /// With `-p`: the times of what comes next.
    async fn times(&mut self, stat: &Stat) -> Result<bool, Over> {
        if !self.options.preserve {
            return Ok(true);
        }
        let (modified, accessed) = (seconds(stat.modified), seconds(stat.accessed));
        self.line(format!("T{modified} 0 {accessed} 0\n").into_bytes())
            .await
    }

    /// Says something and waits for the answer: whether it was yes.
    async fn line(&mut self, line: Vec<u8>) -> Result<bool, Over> {
        self.io.write(line).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<bool, Over> {
        match lines::answer(self.io).await {
            Answer::Yes => Ok(true),
            Answer::No => {
                self.status = 1;
                Ok(false)
            }
            Answer::Over => Err(Over),
        }
    }
}

async fn next_entry(level: &mut Level) -> Result<Option<DirEntry>, OpError> {
    if level.left.is_empty() {
        level.left = level.listing.next_page(READDIR_PAGE_ENTRIES).await?.into();
    }
    Ok(level.left.pop_front())
}

fn child(parent: &RemotePath, name: &[u8]) -> Result<RemotePath, OpError> {
    Ok(RemotePath::parse(&[parent.as_bytes(), b"/", name].concat())?)
}

/// `.` for the home itself, as OpenSSH's scp calls it.
fn last_part(path: &RemotePath) -> &[u8] {
    match path.as_bytes().rsplit(|byte| *byte == b'/').next() {
        Some(name) if !name.is_empty() => name,
        _ => b".",
    }
}

/// `C<mode> <size> <name>`. A line break in a name would end the line: OpenSSH writes `\^J` for it.
fn header(kind: u8, mode: u32, size: u64, name: &[u8]) -> Vec<u8> {
    let mut line = vec![kind];
    line.extend_from_slice(format!("{:04o} {size} ", mode & 0o7777).as_bytes());
    for byte in name {
        match byte {
            b'\n' => line.extend_from_slice(b"\\^J"),
            _ => line.push(*byte),
        }
    }
    line.push(b'\n');
    line
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_one_line_each() {
        assert_eq!(header(b'C', 0o100_644, 7, b"a b"), b"C0644 7 a b\n");
        assert_eq!(header(b'D', 0o755, 0, b"a\nb"), b"D0755 0 a\\^Jb\n");
    }

    #[test]
    fn the_home_is_called_dot() {
        assert_eq!(last_part(&RemotePath::parse(b"/").unwrap()), b".");
        assert_eq!(last_part(&RemotePath::parse(b"/a/b/").unwrap()), b"b");
    }
}
