//! `longshore cp`

use std::ffi::OsString;

use bytes::Bytes;
use clap::Args;
use futures::join;
use futures::stream::{FuturesUnordered, TryStreamExt as _};
use longshore_client::ErrorKind;
use longshore_client::sftp::{Attrs, File, FileKind, OpenOptions, Sftp};
use serde_json::{Map, Value};

use super::destination::Destination;
use super::replace::{name_beside, refuse_same, replace};
use crate::client::stream::each_chunk;
use crate::client::{ConnectArgs, Failures, Place, block_on, name_json, shown};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::limits::READ_CHUNKS;
use crate::output::{OutputArgs, print_json};

/// Copy files on a server; never over another one unless told so
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore cp files.example.net:report.csv :archive/2026-11.csv
  longshore cp -p files.example.net:a.csv :b.csv :archive/

The server copies by itself where it offers copy-data or copy-file; elsewhere the bytes come here and go back. The new name
appears when the copy is whole.")]
pub struct CpArgs {
    /// What to copy, and where to: host:path, then :path on the same server; a directory takes what is copied into it
    #[arg(required = true, num_args = 2.., value_name = "TARGET")]
    targets: Vec<OsString>,
    /// Replace a file that has the new name
    #[arg(short, long)]
    force: bool,
    /// Keep the times
    #[arg(short, long)]
    preserve: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Who copied.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    CopyData,
    CopyFile,
    Us,
}

impl By {
    const fn word(self) -> &'static str {
        match self {
            Self::CopyData => "copy-data",
            Self::CopyFile => "copy-file",
            Self::Us => "read-and-write",
        }
    }
}

impl CpArgs {
    pub(super) fn run(&self) -> Result<()> {
        let mut place = Place::list(&self.targets)?;
        let to = place.paths.pop().unwrap_or_default();
        let (copies, failures) = block_on(async {
            let session = self.connect.open(&place.server).await?;
            let sftp = session.sftp();
            let destination = Destination::look(sftp, &to, place.paths.len()).await?;
            let (mut copies, mut failures) = (Vec::new(), Failures::default());
            for from in &place.paths {
                copies.extend(failures.take(self.copy(sftp, from, &destination).await));
            }
            session.close().await;
            Ok((copies, failures))
        })?;
        if self.output.json {
            print_json(&Value::Array(copies))?;
        }
        failures.finish()
    }

    /// Copies under a name of its own first: nobody sees half a file under the new name.
    async fn copy(&self, sftp: &Sftp, from: &[u8], destination: &Destination) -> Result<Value> {
        let (to, taken) = destination.of(sftp, from).await?;
        if taken && !self.force {
            let message = format!(
                "cannot copy {} to {}: that name is taken",
                shown(from),
                shown(&to)
            );
            return Err(CliError::new(ExitCode::InTheWay, message).hint("--force replaces it"));
        }
        let (by, attrs) = copy(sftp, from, &to, taken, self.preserve).await?;
        let mut object = Map::new();
        name_json(&mut object, "from", from);
        name_json(&mut object, "to", &to);
        object.insert("size".to_owned(), attrs.size.into());
        object.insert("by".to_owned(), by.word().into());
        Ok(object.into())
    }
}

/// Copies a file on the server under a name of its own, which then takes the place of `to`, or of what is there (`taken`).
///
/// # Errors
/// What the server says, a directory, a copy that has not the length of its source: `to` is untouched then.
pub(super) async fn copy(
    sftp: &Sftp,
    from: &[u8],
    to: &[u8],
    taken: bool,
    preserve: bool,
) -> Result<(By, Attrs)> {
    if taken {
        refuse_same(sftp, from, to).await?;
    }
    let (attrs, replaced, source) = join!(sftp.stat(from), sftp.try_stat(to), sftp.open_read(from));
    let attrs = attrs?;
    if attrs.kind() == Some(FileKind::Directory) {
        let message = format!("{} is a directory", shown(from));
        return Err(CliError::new(ExitCode::InTheWay, message).hint("cp copies files"));
    }
    let copying = Copying {
        sftp,
        attrs: &attrs,
        // A file that is replaced keeps its permissions, as one that is written to does.
        mode: replaced.ok().flatten().and_then(|replaced| replaced.permissions),
        preserve,
    };
    let part = name_beside(to);
    let copied = copying.copy_to(from, &source?, &part).await;
    let finished = match copied {
        Ok(by) => publish(sftp, &part, to, taken).await.map(|()| by),
        Err(error) => Err(error),
    };
    match finished {
        Ok(by) => Ok((by, attrs)),
        Err(error) => {
            // the failure is what matters; without a connection there is nothing to tidy up with
            let _ = sftp.remove(&part).await;
            Err(error)
        }
    }
}

/// A copy in the making.
struct Copying<'a> {
    sftp: &'a Sftp,
    /// Of the source.
    attrs: &'a Attrs,
    /// Permission bits of the file that is replaced.
    mode: Option<u32>,
    preserve: bool,
}

impl Copying<'_> {
    async fn copy_to(&self, path: &[u8], source: &File, part: &[u8]) -> Result<By> {
        let Self { sftp, attrs, .. } = self;
        let mut options = OpenOptions::new().write().create_new();
        if let Some(mode) = attrs.permissions {
            options = options.mode(mode & 0o777);
        }
        let by_file = sftp.supports("copy-file") && !sftp.supports("copy-data");
        if by_file {
            match sftp.copy_file(path, part, false).await {
                Ok(()) => {
                    self.finish(part).await?;
                    return Ok(By::CopyFile);
                }
                Err(error) if is_no_way(error.kind()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let target = sftp.open(part, &options).await?;
        let by = match source.copy_data(0, 0, &target, 0).await {
            Ok(()) => By::CopyData,
            Err(error) if is_no_way(error.kind()) => {
                through_us(source, &target).await?;
                By::Us
            }
            Err(error) => return Err(error.into()),
        };
        target.close().await?;
        self.finish(part).await?;
        Ok(by)
    }

    /// Proves the length, sets permissions and, if that is wanted, times.
    async fn finish(&self, part: &[u8]) -> Result<()> {
        let Self { sftp, attrs, .. } = self;
        let found = sftp.stat(part).await?.size;
        if found.is_some() && attrs.size.is_some() && found != attrs.size {
            let message = format!(
                "the copy has {} bytes instead of {}",
                found.unwrap_or_default(),
                attrs.size.unwrap_or_default()
            );
            return Err(CliError::new(ExitCode::Integrity, message)
                .hint("the file may have changed while it was copied: copy it again"));
        }
        let changes = Attrs {
            permissions: self.mode.map(|mode| mode & 0o777),
            times: attrs.times.filter(|_| self.preserve),
            ..Attrs::default()
        };
        if changes.permissions.is_some() || changes.times.is_some() {
            sftp.set_stat(part, &changes).await?;
        }
        Ok(())
    }
}

/// Whether another way may do: servers announce what they then refuse.
fn is_no_way(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unsupported | ErrorKind::Failure)
}

/// Reads and writes, both with many requests under way.
async fn through_us(source: &File, target: &File) -> Result<()> {
    let mut offset = 0;
    let mut writes = FuturesUnordered::new();
    each_chunk(source, async |chunk: Bytes| {
        let at = offset;
        offset += chunk.len() as u64;
        writes.push(target.write_at(at, chunk));
        if writes.len() >= READ_CHUNKS {
            writes.try_next().await?;
        }
        Ok(())
    })
    .await?;
    writes.try_collect::<()>().await?;
    Ok(())
}

/// Gives the copy its name; over another file in one step where the server can.
async fn publish(sftp: &Sftp, part: &[u8], to: &[u8], taken: bool) -> Result<()> {
    if !taken {
        return Ok(sftp.rename(part, to).await?);
    }
    replace(sftp, part, to).await
}
