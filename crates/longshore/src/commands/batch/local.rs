//! Commands on this machine: `lcd`, `lls`, `!` and the like.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::Mode;

use super::paths::as_path;
use crate::client::shown;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::print;

/// `lcd`: without a path home.
pub(super) fn change_directory(path: Option<&[u8]>) -> Result<()> {
    let home = || std::env::home_dir().unwrap_or_default();
    let path = match path {
        None | Some(b"" | b"~") => home(),
        Some([b'~', b'/', rest @ ..]) => home().join(as_path(rest)),
        Some(path) => as_path(path).to_owned(),
    };
    std::env::set_current_dir(&path).map_err(|error| {
        let message = format!("cannot change the local directory to {}", path.display());
        CliError::new(ExitCode::Failure, message).because(error)
    })
}

/// `lmkdir`.
pub(super) fn make_directory(path: &[u8]) -> Result<()> {
    std::fs::create_dir(as_path(path)).map_err(|error| {
        let message = format!("cannot make the local directory {}", shown(path));
        CliError::new(ExitCode::Failure, message).because(error)
    })
}

/// `lpwd`.
pub(super) fn working_directory() -> Result<()> {
    let dir = std::env::current_dir().map_err(|error| {
        CliError::new(ExitCode::Failure, "cannot tell the local directory").because(error)
    })?;
    print(&format!(
        "Local working directory: {}\n",
        shown(dir.as_os_str().as_bytes())
    ))
}

/// `lumask`.
pub(super) fn umask(mask: u32) -> Result<()> {
    rustix::process::umask(Mode::from_bits_truncate(mask & 0o777));
    print(&format!("Local umask: {mask:03o}\n"))
}

/// `lls`: what follows is ls's own.
pub(super) async fn list(rest: &[u8]) -> Result<()> {
    if rest.is_empty() {
        return shell(b"ls").await;
    }
    shell(&[b"ls ", rest].concat()).await
}

/// `!`: a command by the user's shell, or the shell. Its failure is told and is none of ours, as with sftp(1).
pub(super) async fn shell(command: &[u8]) -> Result<()> {
    let shell = std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    let shell = shell.unwrap_or_else(|| "/bin/sh".into());
    let mut process = tokio::process::Command::new(&shell);
    if !command.is_empty() {
        process.arg("-c").arg(OsStr::from_bytes(command));
    }
    let status = process.status().await.map_err(|error| {
        CliError::new(
            ExitCode::Failure,
            format!("cannot run {}", as_path(shell.as_bytes()).display()),
        )
        .because(error)
    })?;
    if !status.success() {
        super::interpreter::complain(&CliError::new(
            ExitCode::Failure,
            format!("the local command: {status}"),
        ));
    }
    Ok(())
}
