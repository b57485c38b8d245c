//! Putting a file in another one's place on a server, so that at no moment neither of them is there.

use std::time::{SystemTime, UNIX_EPOCH};

use futures::join;
use longshore_client::ErrorKind;
use longshore_client::sftp::Sftp;

use crate::client::shown;
use crate::client::walk::{base_name, join as join_path};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Renames `from` to `to`, which is taken: in one step where the server can; elsewhere what is there is put aside, and gets
/// its name back if `from` cannot have it.
///
/// # Errors
/// What the server says; both files are there then, under names that the error tells if they are not their own.
pub(super) async fn replace(sftp: &Sftp, from: &[u8], to: &[u8]) -> Result<()> {
    match sftp.posix_rename(from, to).await {
        Err(error) if error.kind() == ErrorKind::Unsupported => {}
        moved => return moved.map_err(CliError::from),
    }
    let aside = name_beside(to);
    sftp.rename(to, &aside).await?;
    if let Err(error) = sftp.rename(from, to).await {
        let back = sftp.rename(&aside, to).await;
        let error = CliError::from(error);
        return Err(match back {
            Ok(()) => error,
            Err(_) => error.hint(format!("what was there is called {} now", shown(&aside))),
        });
    }
    Ok(sftp.remove(&aside).await?)
}

/// Refuses two names of one place: what is removed for the other would be the thing itself.
///
/// # Errors
/// [`ExitCode::InTheWay`].
pub(super) async fn refuse_same(sftp: &Sftp, from: &[u8], to: &[u8]) -> Result<()> {
    let (one, other) = join!(sftp.real_path(from), sftp.real_path(to));
    // A server that cannot tell will say at the operation itself what is wrong.
    if let (Ok(one), Ok(other)) = (one, other)
        && one == other
    {
        let message = format!("{} and {} are the same file", shown(from), shown(to));
        return Err(CliError::new(ExitCode::InTheWay, message));
    }
    Ok(())
}

/// A name beside `path` that nobody has.
pub(super) fn name_beside(path: &[u8]) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = format!(".longshore-copy-{}-{:x}", std::process::id(), now.as_nanos());
    let end = base_name(path).map_or(0, <[u8]>::len);
    let folder = &path[..path.len() - end.min(path.len())];
    join_path(folder, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_beside_lies_in_the_same_directory() {
        assert!(name_beside(b"a/b").starts_with(b"a/.longshore-copy-"));
        assert!(name_beside(b"/b").starts_with(b"/.longshore-copy-"));
        assert!(name_beside(b"b").starts_with(b".longshore-copy-"));
    }
}
