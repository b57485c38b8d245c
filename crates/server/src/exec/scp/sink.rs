//! `scp -t`: takes files and trees. Each file is an upload as any other: nobody sees it before it is whole.

use std::sync::Arc;
use std::time::SystemTime;

use longshore_storage::{ErrorKind, FileType, RemotePath, SetStat};

use super::lines::{self, Answer, Entry, Line};
use super::{Options, glob, reason, shown};
use crate::context::Context;
use crate::error::OpError;
use crate::exec::io::{Gone, Io, LineError};
use crate::exec::words::Word;
use crate::handles::{Content, OpenFile};
use crate::limits::{COPY_CHUNK, SCP_DEPTH, SCP_LINE};
use crate::ops::{close_file, open_for_copy};
use crate::sessions::{EndReason, Session};

/// Takes what comes; the exit status.
pub(super) async fn run(context: &Context, io: &mut Io, options: Options, target: &Word) -> u32 {
    match Sink::start(context, io, options, target).await {
        // If the source is gone, its uploads are parked and nobody reads the status.
        Ok(mut sink) => sink.take().await.unwrap_or(1),
        Err(why) => {
            lines::give_up(io, &why).await;
            1
        }
    }
}

struct Sink<'a> {
    context: &'a Context,
    io: &'a mut Io,
    options: Options,
    target: RemotePath,
    target_is_directory: bool,
    /// Directories that were announced and not ended.
    open: Vec<OpenDirectory>,
    status: u32,
}

/// A directory that files are put into.
struct OpenDirectory {
    path: RemotePath,
    /// Set when it ends: what is put into it changes its times.
    changes: SetStat,
}

type Times = (SystemTime, SystemTime);

/// A file that is being taken. A command that is cut off leaves it for its owner to continue; it goes when there is no
/// owner any more.
struct Unfinished {
    file: Arc<OpenFile>,
    session: Arc<Session>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.session.end_reason() != Some(EndReason::Deleted) {
            return;
        }
        let file = Arc::clone(&self.file);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            // Quiet when it was published or thrown away before.
            runtime.spawn(async move { file.abandon(true).await });
        }
    }
}

impl<'a> Sink<'a> {
    async fn start(
        context: &'a Context,
        io: &'a mut Io,
        options: Options,
        target: &Word,
    ) -> Result<Sink<'a>, String> {
        let name = shown(&target.bytes);
        let failed = |error: &OpError| format!("{name}: {}", reason(error));
        let names = glob::expand(context, target)
            .await
            .map_err(|error| failed(&error))?;
        let [bytes] = &names[..] else {
            return Err(format!("{name}: more than one target"));
        };
        let path = context.parse(bytes).map_err(|error| failed(&error.into()))?;
        let target_is_directory = match context.home.stat(&path, true).await {
            Ok(stat) => stat.file_type == FileType::Directory,
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(failed(&error.into())),
        };
        if options.directory && !target_is_directory {
            return Err(format!("{name}: Not a directory"));
        }
        Ok(Sink {
            context,
            io,
            options,
            target: path,
            target_is_directory,
            open: Vec::new(),
            status: 0,
        })
    }

    async fn take(&mut self) -> Result<u32, Gone> {
        lines::agree(self.io).await?;
        let mut times = None;
        loop {
            let line = match self.io.line(SCP_LINE).await {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(self.status),
                Err(LineError::TooLong | LineError::Cut) => {
                    lines::give_up(self.io, &lines::Breach::Line.to_string()).await;
                    return Ok(1);
                }
            };
            match Line::parse(&line) {
                Ok(Line::Times(announced)) => {
                    times = self.options.preserve.then_some(announced);
                    lines::agree(self.io).await?;
                }
                Ok(Line::File(entry)) => self.file(&entry, times.take()).await?,
                Ok(Line::Directory(entry)) => self.directory(&entry, times.take()).await?,
                Ok(Line::End) => match self.open.pop() {
                    Some(directory) => self.end(directory).await?,
                    None => {
                        lines::give_up(self.io, &lines::Breach::Unknown.to_string()).await;
                        return Ok(1);
                    }
                },
                Ok(Line::Complaint { fatal }) => {
                    self.status = 1;
                    if fatal {
                        return Ok(1);
                    }
                }
                // Whoever sends such a thing is not believed anything else either.
                Err(breach) => {
                    lines::give_up(self.io, &breach.to_string()).await;
                    return Ok(1);
                }
            }
        }
    }

    /// Where an announced name goes.
    fn place(&self, entry: &Entry) -> Result<RemotePath, OpError> {
        let parent = match self.open.last() {
            Some(directory) => &directory.path,
            None if self.target_is_directory => &self.target,
            None => return Ok(self.target.clone()),
        };
        Ok(RemotePath::parse(
            &[parent.as_bytes(), b"/", &entry.name].concat(),
        )?)
    }

    async fn object(&mut self, entry: &Entry, error: &OpError) -> Result<(), Gone> {
        self.status = 1;
        let why = format!("{}: {}", shown(&entry.name), reason(error));
        lines::object(self.io, &why).await
    }

    async fn file(&mut self, entry: &Entry, times: Option<Times>) -> Result<(), Gone> {
        let file = match self.begin(entry).await {
            Ok(file) => Arc::new(file),
            Err(error) => return self.object(entry, &error).await,
        };
        let _unless_deleted = Unfinished {
            file: Arc::clone(&file),
            session: Arc::clone(&self.context.session),
        };
        lines::agree(self.io).await?;
        let received = match self.receive(&file, entry.size).await {
            Ok(received) => received,
            Err(gone) => {
                // For its owner to continue.
                let _ = file.abandon(false).await;
                return Err(gone);
            }
        };
        let done = match received {
            Ok(()) => self.finish(&file, entry, times).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(None) => lines::agree(self.io).await,
            // The file is there, and whole.
            Ok(Some(warning)) => {
                self.status = 1;
                let why = format!("{}: set mode and times: {}", shown(&entry.name), reason(&warning));
                lines::object(self.io, &why).await
            }
            Err(error) => {
                let _ = file.give_up().await;
                self.object(entry, &error).await
            }
        }
    }

    async fn begin(&self, entry: &Entry) -> Result<OpenFile, OpError> {
        let file = open_for_copy(self.context, self.place(entry)?, self.mode(entry)).await?;
        if let Content::Upload { upload, .. } = &file.content {
            upload.declare(entry.size);
        }
        Ok(file)
    }

    /// The announced mode; without `-p` less what the usual umask takes away.
    fn mode(&self, entry: &Entry) -> u32 {
        if self.options.preserve {
            entry.mode & 0o777
        } else {
            entry.mode & 0o755
        }
    }

    /// Takes the bytes, all of them even when they cannot be kept: the source sends them in any case. Then the source
    /// says whether they were right.
    async fn receive(&mut self, file: &OpenFile, size: u64) -> Result<Result<(), OpError>, Gone> {
        let mut failed = None;
        let mut at = 0;
        while at < size {
            let want = usize::try_from(size - at).map_or(COPY_CHUNK, |left| left.min(COPY_CHUNK));
            let bytes = self.io.read(want).await.ok_or(Gone)?;
            let len = bytes.len() as u64;
            if failed.is_none()
                && let Err(error) = file.write_at(at, bytes).await
            {
                failed = Some(error);
            }
            at += len;
        }
        let verdict = match (lines::answer(self.io).await, failed) {
            (Answer::Over, _) => return Err(Gone),
            (_, Some(error)) => Err(error),
            (Answer::No, None) => Err(OpError::SourceFailed),
            (Answer::Yes, None) => Ok(()),
        };
        Ok(verdict)
    }

    /// Publishes the file; why it has not got its mode and times, if so.
    async fn finish(
        &self,
        file: &OpenFile,
        entry: &Entry,
        times: Option<Times>,
    ) -> Result<Option<OpError>, OpError> {
        let changes = SetStat {
            mode: self.options.preserve.then_some(entry.mode & 0o777),
            times,
            ..SetStat::default()
        };
        let mut warning = None;
        if changes != SetStat::default() {
            warning = file.set_stat(&changes).await.err();
        }
        close_file(self.context, file).await?;
        Ok(warning)
    }

    async fn directory(&mut self, entry: &Entry, times: Option<Times>) -> Result<(), Gone> {
        match self.enter(entry, times).await {
            Ok(directory) => {
                self.open.push(directory);
                lines::agree(self.io).await
            }
            Err(error) => self.object(entry, &error).await,
        }
    }

    async fn enter(&self, entry: &Entry, times: Option<Times>) -> Result<OpenDirectory, OpError> {
        if !self.options.recursive || self.open.len() == SCP_DEPTH {
            return Err(OpError::NotPermitted);
        }
        let path = self.place(entry)?;
        let home = &self.context.home;
        let mode = self.mode(entry);
        match home.make_dir(&path, Some(mode | 0o700)).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if home.stat(&path, true).await?.file_type != FileType::Directory {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
        let changes = SetStat {
            mode: self.options.preserve.then_some(mode),
            times,
            ..SetStat::default()
        };
        Ok(OpenDirectory { path, changes })
    }

    async fn end(&mut self, directory: OpenDirectory) -> Result<(), Gone> {
        let OpenDirectory { path, changes } = directory;
        if changes == SetStat::default() {
            return lines::agree(self.io).await;
        }
        match self.context.home.set_stat(&path, &changes, true).await {
            Ok(()) => lines::agree(self.io).await,
            Err(error) => {
                self.status = 1;
                let why = format!("{}: {}", shown(path.as_bytes()), reason(&error.into()));
                lines::object(self.io, &why).await
            }
        }
    }
}
