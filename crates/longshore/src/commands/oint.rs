//! `longshore oint …`, and the program under the name `oint`: the OpenIntegrations functions.

use std::ffi::OsString;
use std::io::{stderr, stdout};
use std::path::Path;
use std::process;

use clap::Args;

use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Arguments of `oint`; its own parser reads them, because `-h` is `--host` there.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct OintArgs {
    /// Library, method and options: `sftp ListObjects --conn conn.json`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORD")]
    words: Vec<OsString>,
}

/// The words behind `oint`, if that is how the program was called: by its name, or as `longshore oint`. They are taken
/// before the usual parser sees them.
#[must_use]
pub(crate) fn words(args: &[OsString]) -> Option<&[OsString]> {
    let (program, rest) = args.split_first()?;
    if Path::new(program).file_name().is_some_and(|name| name == "oint") {
        return Some(rest);
    }
    match rest.split_first() {
        Some((first, words)) if first == "oint" => Some(words),
        _ => None,
    }
}

/// Runs the command; its exit codes are those of the original.
#[must_use]
pub(crate) fn run(words: &[OsString]) -> process::ExitCode {
    longshore_oint::cli::run(words.iter().cloned(), &mut stdout().lock(), &mut stderr().lock()).into()
}

impl OintArgs {
    /// Reached only where flags of other commands stand before `oint`, which knows none of them.
    ///
    /// # Errors
    /// [`ExitCode::Usage`].
    pub(super) fn run(&self) -> Result<()> {
        let words: Vec<_> = self.words.iter().map(|word| word.to_string_lossy()).collect();
        Err(CliError::new(
            ExitCode::Usage,
            "oint must be the first word: it takes no options before it",
        )
        .hint(format!("longshore oint {}", words.join(" "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_and_the_word_lead_here() {
        let args = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
        assert_eq!(
            words(&args(&["/usr/bin/oint", "sftp"])),
            Some(&args(&["sftp"])[..])
        );
        assert_eq!(
            words(&args(&["longshore", "oint", "ssh", "-h"])),
            Some(&args(&["ssh", "-h"])[..])
        );
        assert_eq!(words(&args(&["longshore", "serve"])), None);
    }
}
