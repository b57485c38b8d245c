//! What must never be removed, however it is asked for.

use crate::client::shown;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Refuses the root, the directory where the server starts, and all that ends in `.` or `..`: an empty variable in a script
/// must not cost a server's files.
///
/// # Errors
/// [`ExitCode::Guarded`].
pub(super) fn removable(path: &[u8]) -> Result<()> {
    let mut parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty());
    let why = match parts.next_back() {
        None if path.is_empty() => "an empty path stands for the directory where the server starts",
        None => "it is the root of the server",
        Some(b"." | b"..") => "it ends in . or ..",
        Some(_) => return Ok(()),
    };
    let message = format!("refusing to remove \"{}\": {why}", shown(path));
    Err(CliError::new(ExitCode::Guarded, message).hint("name the directory itself, or what is in it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_the_start_and_dots_stay() {
        for kept in [
            "", "/", "//", ".", "./", "..", "a/..", "a/../", "a/.", "/.", "../..",
        ] {
            let error = removable(kept.as_bytes()).unwrap_err();
            assert_eq!(error.code(), ExitCode::Guarded, "{kept}");
        }
        for gone in ["a", "/a", "a/", "../a", "./a", "...", "a/b/..c"] {
            removable(gone.as_bytes()).unwrap_or_else(|error| panic!("{gone}: {error}"));
        }
    }
}
