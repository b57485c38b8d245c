//! Secrets from files, the environment and standard input; never from the command line, which others can read.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::limits::SECRET_LINE_MAX;

/// The first line of a file.
///
/// # Errors
/// [`ExitCode::Config`]: the file cannot be read, is empty, or its line is too long.
pub(super) fn of_file(what: &str, path: &Path) -> Result<SecretString> {
    let cannot = |error| {
        let message = format!("cannot read the {what} in {}", path.display());
        CliError::new(ExitCode::Config, message).because(error)
    };
    let file = File::open(path).map_err(cannot)?;
    first_line(BufReader::new(file)).map_err(cannot)
}

/// A variable of the environment.
///
/// # Errors
/// [`ExitCode::Config`]: it is not set, empty or not text.
pub(super) fn of_variable(what: &str, name: &str) -> Result<SecretString> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Ok(value.into()),
        // the variable's content is in the error of a value that is no text: it is not repeated
        _ => Err(CliError::new(
            ExitCode::Config,
            format!("the environment variable {name} holds no {what}"),
        )),
    }
}

/// The first line of standard input; what comes behind it stays there for who reads it next.
///
/// # Errors
/// [`ExitCode::Config`], as [`of_file`].
pub(super) fn of_stdin(what: &str) -> Result<SecretString> {
    first_line(io::stdin().lock()).map_err(|error| {
        let message = format!("cannot read the {what} from standard input");
        CliError::new(ExitCode::Config, message).because(error)
    })
}

fn first_line(mut from: impl BufRead) -> io::Result<SecretString> {
    // room for all of it from the start: a buffer that grows would leave copies behind
    let mut line = Zeroizing::new(Vec::with_capacity(SECRET_LINE_MAX + 1));
    let limit = u64::try_from(SECRET_LINE_MAX + 1).unwrap_or(u64::MAX);
    from.by_ref().take(limit).read_until(b'\n', &mut line)?;
    let invalid = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    if line.len() > SECRET_LINE_MAX {
        return invalid("the line is too long for one");
    }
    let text = line.strip_suffix(b"\n").unwrap_or(&line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    match std::str::from_utf8(text) {
        Ok("") => invalid("there is none"),
        Ok(text) => Ok(text.into()),
        Err(_) => invalid("it is not UTF-8"),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn the_first_line_alone_is_the_secret() {
        for text in ["s3cret", "s3cret\n", "s3cret\r\n", "s3cret\nmore"] {
            assert_eq!(first_line(text.as_bytes()).unwrap().expose_secret(), "s3cret");
        }
        assert_eq!(first_line(&b" a b \n"[..]).unwrap().expose_secret(), " a b ");
        let long = vec![b'a'; SECRET_LINE_MAX + 1];
        for wrong in [&b""[..], b"\n", b"\xff\n", &long] {
            first_line(wrong).unwrap_err();
        }
        assert!(first_line(&long[1..]).is_ok());
    }

    #[test]
    fn what_comes_behind_the_secret_stays() {
        let mut input = &b"s3cret\ndata"[..];
        first_line(&mut input).unwrap();
        assert_eq!(input, b"data");
    }
}
