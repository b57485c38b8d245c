//! `longshore chmod`

use std::ffi::OsString;
use std::str::FromStr;

use clap::Args;
use longshore_client::sftp::{Attrs, FileKind, Sftp};

use crate::client::{ConnectArgs, Failures, Place, block_on};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Change permissions on a server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore chmod 640 files.example.net:inbox/report.csv
  longshore chmod go-w,u+x files.example.net:run.sh")]
pub struct ChmodArgs {
    /// Octal permissions, or changes as in chmod(1): [ugoa][+-=][rwxXst], commas between them
    #[arg(allow_hyphen_values = true)]
    mode: Mode,
    /// Files and directories: host:path, user@host:path, sftp://…; behind the first one :path is enough
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<OsString>,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl ChmodArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::list(&self.targets)?;
        block_on(async {
            let session = self.connect.open(&place.server).await?;
            let mut failures = Failures::default();
            for path in &place.paths {
                let path = if path.is_empty() { b"." } else { path.as_slice() };
                failures.take(self.change(session.sftp(), path).await);
            }
            session.close().await;
            failures.finish()
        })
    }

    async fn change(&self, sftp: &Sftp, path: &[u8]) -> Result<()> {
        let permissions = match &self.mode {
            Mode::Octal(mode) => *mode,
            Mode::Changes(changes) => {
                let attrs = sftp.stat(path).await?;
                let directory = attrs.kind() == Some(FileKind::Directory);
                let before = attrs.permissions.ok_or_else(|| {
                    CliError::new(
                        ExitCode::Refused,
                        "the server does not tell the permissions to change",
                    )
                    .hint("give all of them as an octal number")
                })?;
                let change = |mode, change: &Change| change.apply(mode, directory);
                changes.iter().fold(before & 0o7777, change)
            }
        };
        let attrs = Attrs {
            permissions: Some(permissions),
            ..Attrs::default()
        };
        Ok(sftp.set_stat(path, &attrs).await?)
    }
}

/// What becomes of permissions.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mode {
    Octal(u32),
    Changes(Vec<Change>),
}

/// `go-w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    /// The bits of those whom it is about, special ones included.
    who: u32,
    operator: char,
    bits: u32,
    /// `X`: execution for directories and for what somebody may execute already.
    conditional: bool,
}

impl Change {
    fn apply(self, mode: u32, directory: bool) -> u32 {
        let mut bits = self.bits;
        if self.conditional && (directory || mode & 0o111 != 0) {
            bits |= 0o111 & self.who;
        }
        match self.operator {
            '+' => mode | bits,
            '-' => mode & !bits,
            _ => (mode & !self.who) | bits,
        }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            return super::mkdir::octal(text).map(Self::Octal);
        }
        let changes: Option<Vec<Change>> = text.split(',').map(change).collect();
        changes
            .map(Self::Changes)
            .ok_or_else(|| "write an octal number such as 640, or changes such as u+x,go-w".to_owned())
    }
}

/// One change; `None` for what is none.
fn change(text: &str) -> Option<Change> {
    let at = text.find(['+', '-', '='])?;
    let (who, rest) = text.split_at(at);
    let mut masks = 0;
    for c in who.chars() {
        masks |= match c {
            'u' => 0o4700,
            'g' => 0o2070,
            'o' => 0o1007,
            'a' => 0o7777,
            _ => return None,
        };
    }
    if who.is_empty() {
        masks = 0o7777;
    }
    let mut letters = rest.chars();
    let operator = letters.next()?;
    let (mut bits, mut conditional) = (0, false);
    for c in letters {
        bits |= match c {
            'r' => 0o444,
            'w' => 0o222,
            'x' => 0o111,
            's' => 0o6000,
            't' => 0o1000,
            'X' => {
                conditional = true;
                0
            }
            _ => return None,
        };
    }
    // the sticky bit belongs to nobody in particular
    let sticky = bits & 0o1000;
    Some(Change {
        who: masks,
        operator,
        bits: (bits & masks) | sticky,
        conditional,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str, before: u32, directory: bool) -> u32 {
        match text.parse().unwrap() {
            Mode::Octal(mode) => mode,
            Mode::Changes(changes) => changes
                .iter()
                .fold(before, |mode, change: &Change| change.apply(mode, directory)),
        }
    }

    #[test]
    fn changes_are_those_of_chmod() {
        for (text, before, expected) in [
            ("640", 0, 0o640),
            ("4755", 0, 0o4755),
            ("u+x", 0o644, 0o744),
            ("+x", 0o644, 0o755),
            ("go-w", 0o666, 0o644),
            ("go=", 0o777, 0o700),
            ("a=r", 0o777, 0o444),
            ("u=rw,go=r", 0o777, 0o644),
            ("ug+s", 0o755, 0o6755),
            ("+t", 0o755, 0o1755),
            ("a+X", 0o644, 0o644),
            ("a+X", 0o744, 0o755),
            ("-x", 0o755, 0o644),
        ] {
            assert_eq!(after(text, before, false), expected, "{text}");
        }
        assert_eq!(after("go+X", 0o700, true), 0o711);
        for wrong in ["", "8", "77777", "u", "z+x", "u+q", "u+x,"] {
            wrong.parse::<Mode>().unwrap_err();
        }
    }
}
