//! Directories: make, remove, and where a session starts.

use serde_json::json;

use super::{done, success, with_sftp};
use crate::connector::Connector;
use crate::error::{OintError, Result};
use crate::value::{Arguments, Outcome};

/// `CreateNewDirectory`
pub(super) fn create(connector: &Connector, arguments: &Arguments<'_>) -> Result<Outcome> {
    let path = arguments.required_text("Path")?;
    let mode = octal(&arguments.text("Permissions")?.unwrap_or_default())?;
    with_sftp(connector, |sftp| async move {
        Ok(sftp.mkdir(&path, Some(mode)).await?)
    })?;
    Ok(done())
}

/// `DeleteDirectory`
pub(super) fn delete(connector: &Connector, arguments: &Arguments<'_>) -> Result<Outcome> {
    let path = arguments.required_text("Path")?;
    with_sftp(connector, |sftp| async move { Ok(sftp.rmdir(&path).await?) })?;
    Ok(done())
}

/// `GetCurrentDirectory`, by SFTP: a server need not run commands.
pub(super) fn current(connector: &Connector) -> Result<Outcome> {
    let path = with_sftp(connector, |sftp| async move { Ok(sftp.real_path(".").await?) })?;
    Ok(success([("path", json!(String::from_utf8_lossy(&path)))]))
}

/// Digits of chmod, as text or number: `700` is 0o700.
fn octal(digits: &str) -> Result<u32> {
    let wrong = |problem: String| OintError::Parameter {
        name: "Permissions",
        problem,
    };
    let digits = digits.trim();
    let octal = digits.strip_prefix("0o").unwrap_or(digits);
    match u32::from_str_radix(octal, 8) {
        Ok(mode) if mode <= 0o7777 && !octal.starts_with('+') => Ok(mode),
        _ => Err(wrong(format!("must be octal digits like 700, not '{digits}'"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_octal_digits_in_text() {
        assert_eq!(octal("700").unwrap(), 0o700);
        assert_eq!(octal("0755").unwrap(), 0o755);
        assert_eq!(octal("1777").unwrap(), 0o1777);
        for wrong in ["", "8", "79", "rwx", "-1", "+7", "77777"] {
            assert!(octal(wrong).is_err(), "{wrong}");
        }
    }
}
