//! The commands of sftp(1), read from a line.

use super::words::{WordsError, literal, split};

/// A line of a batch file or of the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// A failure of this line does not end the batch (`-`).
    pub(crate) ignore: bool,
    /// The line is not repeated (`@`).
    pub(crate) silent: bool,
    /// What to do; `None`: the line is empty or a comment.
    pub(crate) command: Option<Command>,
}

/// Why a line is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    /// It cannot be split into words.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// No command has this name.
    #[error("there is no command '{0}'; help lists them")]
    Unknown(String),
    /// The command has no such flag.
    #[error("{command}: there is no flag -{flag}")]
    Flag {
        /// The command.
        command: &'static str,
        /// The flag.
        flag: char,
    },
    /// The command needs more words.
    #[error("{command}: give {needs}")]
    Missing {
        /// The command.
        command: &'static str,
        /// What it needs.
        needs: &'static str,
    },
}

/// Flags of `get`, `put`, `reget`, `reput`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moving {
    /// Continue what is there (`-a`, and the commands that begin with `re`).
    pub(crate) resume: bool,
    /// Have the file put onto the disk (`-f`).
    pub(crate) sync: bool,
    /// Keep times and permissions (`-p`, `-P`).
    pub(crate) keep: bool,
    /// Whole trees (`-r`, `-R`).
    pub(crate) tree: bool,
}

/// Flags of `ls`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Listing {
    /// One name a line (`-1`).
    pub(crate) one: bool,
    /// Names that begin with a dot, too (`-a`).
    pub(crate) all: bool,
    /// Sizes with units (`-h`).
    pub(crate) units: bool,
    /// Attributes (`-l`).
    pub(crate) long: bool,
    /// Numbers of users and groups instead of names (`-n`).
    pub(crate) numeric: bool,
    /// In reverse order (`-r`).
    pub(crate) reverse: bool,
    /// By what the entries are sorted.
    pub(crate) sort: Sort,
}

/// By what `ls` sorts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Sort {
    /// By name.
    #[default]
    Name,
    /// By size, the largest first (`-S`).
    Size,
    /// By time, the latest first (`-t`).
    Time,
    /// As the server tells them (`-f`).
    Not,
}

/// What `chmod`, `chown` and `chgrp` change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Permission bits.
    Mode,
    /// The user, as a number.
    Owner,
    /// The group, as a number.
    Group,
}

/// A command. Words that are compared with names are patterns, the others are paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Quit,
    Cd(Option<Vec<u8>>),
    Change {
        what: Change,
        value: u32,
        link: bool,
        pattern: Vec<u8>,
    },
    Copy(Vec<u8>, Vec<u8>),
    Df {
        units: bool,
        inodes: bool,
        path: Option<Vec<u8>>,
    },
    Get {
        flags: Moving,
        pattern: Vec<u8>,
        to: Option<Vec<u8>>,
    },
    Put {
        flags: Moving,
        pattern: Vec<u8>,
        to: Option<Vec<u8>>,
    },
    Help,
    LocalCd(Option<Vec<u8>>),
    LocalLs(Vec<u8>),
    LocalMkdir(Vec<u8>),
    LocalPwd,
    LocalUmask(u32),
    HardLink(Vec<u8>, Vec<u8>),
    SymLink(Vec<u8>, Vec<u8>),
    Ls {
        flags: Listing,
        pattern: Option<Vec<u8>>,
    },
    Mkdir(Vec<u8>),
    Progress,
    Pwd,
    Rename {
        plain: bool,
        from: Vec<u8>,
        to: Vec<u8>,
    },
    Rm(Vec<u8>),
    Rmdir(Vec<u8>),
    Shell(Vec<u8>),
    Version,
}

/// What a name on the command line can be, for completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operand {
    Nothing,
    Remote,
    Local,
}

/// A command's name, and what its first and second operands are.
pub(crate) const COMMANDS: &[(&str, Operand, Operand)] = {
    use Operand::{Local, Nothing, Remote};
    &[
        ("bye", Nothing, Nothing),
        ("cd", Remote, Nothing),
        ("chdir", Remote, Nothing),
        ("chgrp", Nothing, Remote),
        ("chmod", Nothing, Remote),
        ("chown", Nothing, Remote),
        ("copy", Remote, Remote),
        ("cp", Remote, Remote),
        ("df", Remote, Nothing),
        ("dir", Remote, Nothing),
        ("exit", Nothing, Nothing),
        ("get", Remote, Local),
        ("help", Nothing, Nothing),
        ("lcd", Local, Nothing),
        ("lchdir", Local, Nothing),
        ("lls", Local, Nothing),
        ("lmkdir", Local, Nothing),
        ("ln", Remote, Remote),
        ("lpwd", Nothing, Nothing),
        ("ls", Remote, Nothing),
        ("lumask", Nothing, Nothing),
        ("mget", Remote, Local),
        ("mkdir", Remote, Nothing),
        ("mput", Local, Remote),
        ("progress", Nothing, Nothing),
        ("put", Local, Remote),
        ("pwd", Nothing, Nothing),
        ("quit", Nothing, Nothing),
        ("reget", Remote, Local),
        ("rename", Remote, Remote),
        ("reput", Local, Remote),
        ("rm", Remote, Nothing),
        ("rmdir", Remote, Nothing),
        ("symlink", Nothing, Remote),
        ("version", Nothing, Nothing),
        ("!", Nothing, Nothing),
        ("?", Nothing, Nothing),
    ]
};

impl Line {
    /// Reads a line. The prefixes are told also where the rest is no command.
    pub(crate) fn read(line: &[u8]) -> (Self, Option<CommandError>) {
        let mut rest = line.trim_ascii_start();
        let (mut ignore, mut silent) = (false, false);
        while let Some((first, behind)) = rest.split_first() {
            match first {
                b'-' => ignore = true,
                b'@' => silent = true,
                _ => break,
            }
            rest = behind;
        }
        let (command, error) = match command(rest.trim_ascii_start()) {
            Ok(command) => (command, None),
            Err(error) => (None, Some(error)),
        };
        let line = Self {
            ignore,
            silent,
            command,
        };
        (line, error)
    }
}

fn command(text: &[u8]) -> Result<Option<Command>, CommandError> {
    if text.is_empty() || text.starts_with(b"#") {
        return Ok(None);
    }
    let words = split(text)?;
    if let Some(rest) = text.strip_prefix(b"!") {
        return Ok(Some(Command::Shell(rest.trim_ascii().to_vec())));
    }
    let Some(first) = words.first() else {
        return Ok(None);
    };
    let known = COMMANDS
        .iter()
        .find(|known| known.0.as_bytes().eq_ignore_ascii_case(first));
    let Some(&(name, ..)) = known else {
        return Err(CommandError::Unknown(crate::client::shown(first)));
    };
    // what ls gets is its own to read
    if name == "lls" {
        return Ok(Some(Command::LocalLs(text[name.len()..].trim_ascii().to_vec())));
    }
    read(
        name,
        Arguments {
            name,
            words: &words[1..],
        },
    )
    .map(Some)
}

fn read(name: &'static str, mut arguments: Arguments<'_>) -> Result<Command, CommandError> {
    Ok(match name {
        "get" | "mget" | "reget" | "put" | "mput" | "reput" => {
            let flags = arguments.moving(name.starts_with("re"))?;
            let pattern = arguments.pattern("at least one path")?;
            let to = arguments.optional();
            if name.ends_with("get") {
                Command::Get { flags, pattern, to }
            } else {
                Command::Put { flags, pattern, to }
            }
        }
        "ls" | "dir" => Command::Ls {
            flags: arguments.listing()?,
            pattern: arguments.next().map(<[u8]>::to_vec),
        },
        "chmod" | "chown" | "chgrp" => {
            let link = arguments.flags(b"h", |_| {})? > 0;
            let (what, radix) = match name {
                "chmod" => (Change::Mode, Radix::Octal),
                "chown" => (Change::Owner, Radix::Prefix),
                _ => (Change::Group, Radix::Prefix),
            };
            Command::Change {
                what,
                value: arguments.number(radix)?,
                link,
                pattern: arguments.pattern("a number and a path")?,
            }
        }
        "lumask" => {
            arguments.flags(b"h", |_| {})?;
            Command::LocalUmask(arguments.number(Radix::Octal)?)
        }
        "df" => {
            let (mut units, mut inodes) = (false, false);
            arguments.flags(b"hi", |flag| match flag {
                b'h' => units = true,
                _ => inodes = true,
            })?;
            let path = arguments.optional();
            Command::Df { units, inodes, path }
        }
        "ln" => {
            let symbolic = arguments.flags(b"s", |_| {})? > 0;
            let (from, to) = arguments.two_paths()?;
            if symbolic {
                Command::SymLink(from, to)
            } else {
                Command::HardLink(from, to)
            }
        }
        "rename" => {
            let plain = arguments.flags(b"l", |_| {})? > 0;
            let (from, to) = arguments.two_paths()?;
            Command::Rename { plain, from, to }
        }
        _ => return without_flags(name, arguments),
    })
}

fn without_flags(name: &'static str, mut arguments: Arguments<'_>) -> Result<Command, CommandError> {
    if name == "?" {
        return Ok(Command::Help);
    }
    arguments.flags(b"", |_| {})?;
    Ok(match name {
        "copy" | "cp" => {
            let (from, to) = arguments.two_paths()?;
            Command::Copy(from, to)
        }
        "symlink" => {
            let (from, to) = arguments.two_paths()?;
            Command::SymLink(from, to)
        }
        "cd" | "chdir" => Command::Cd(arguments.optional()),
        "lcd" | "lchdir" => Command::LocalCd(arguments.optional()),
        "rm" => Command::Rm(arguments.pattern("a path")?),
        "mkdir" => Command::Mkdir(arguments.path("a path")?),
        "rmdir" => Command::Rmdir(arguments.path("a path")?),
        "lmkdir" => Command::LocalMkdir(arguments.path("a path")?),
        "pwd" => Command::Pwd,
        "lpwd" => Command::LocalPwd,
        "help" => Command::Help,
        "version" => Command::Version,
        "progress" => Command::Progress,
        // bye, exit, quit: all that is left of the table
        _ => Command::Quit,
    })
}

/// The words behind the name.
struct Arguments<'a> {
    name: &'static str,
    words: &'a [Vec<u8>],
}

enum Radix {
    Octal,
    /// `0x` and `0` say it, as in C.
    Prefix,
}

impl Arguments<'_> {
    fn next(&mut self) -> Option<&[u8]> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn missing(&self, needs: &'static str) -> CommandError {
        CommandError::Missing {
            command: self.name,
            needs,
        }
    }

    fn pattern(&mut self, needs: &'static str) -> Result<Vec<u8>, CommandError> {
        let missing = self.missing(needs);
        self.next().map(<[u8]>::to_vec).ok_or(missing)
    }

    fn path(&mut self, needs: &'static str) -> Result<Vec<u8>, CommandError> {
        self.pattern(needs).map(|path| literal(&path))
    }

    fn optional(&mut self) -> Option<Vec<u8>> {
        self.next().map(literal)
    }

    fn two_paths(&mut self) -> Result<(Vec<u8>, Vec<u8>), CommandError> {
        Ok((self.path("two paths")?, self.path("two paths")?))
    }

    fn number(&mut self, radix: Radix) -> Result<u32, CommandError> {
        let missing = self.missing("a number");
        let word = self.next().and_then(|word| str::from_utf8(word).ok());
        let parsed = word.and_then(|word| match (radix, word) {
            (Radix::Octal, word) => u32::from_str_radix(word, 8).ok(),
            (Radix::Prefix, word) => match (word.strip_prefix("0x"), word.strip_prefix('0')) {
                (Some(hex), _) => u32::from_str_radix(hex, 16).ok(),
                (None, Some(octal)) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
                _ => word.parse().ok(),
            },
        });
        parsed.ok_or(missing)
    }

    /// Takes the flags in front of the operands, as getopt(3) does; their number.
    fn flags(&mut self, known: &[u8], mut take: impl FnMut(u8)) -> Result<usize, CommandError> {
        let mut count = 0;
        while let Some(word) = self.words.first() {
            let Some(letters) = word.strip_prefix(b"-").filter(|letters| !letters.is_empty()) else {
                break;
            };
            self.words = &self.words[1..];
            if letters == b"-" {
                break;
            }
            for &letter in letters {
                if !known.contains(&letter) {
                    return Err(CommandError::Flag {
                        command: self.name,
                        flag: char::from(letter),
                    });
                }
                take(letter);
                count += 1;
            }
        }
        Ok(count)
    }

    fn moving(&mut self, resume: bool) -> Result<Moving, CommandError> {
        let mut flags = Moving {
            resume,
            ..Moving::default()
        };
        self.flags(b"afPpRr", |flag| match flag {
            b'a' => flags.resume = true,
            b'f' => flags.sync = true,
            b'p' | b'P' => flags.keep = true,
            _ => flags.tree = true,
        })?;
        Ok(flags)
    }

    fn listing(&mut self) -> Result<Listing, CommandError> {
        let mut flags = Listing::default();
        self.flags(b"1Safhlnrt", |flag| match flag {
            b'1' => {
                flags = Listing {
                    one: true,
                    long: false,
                    numeric: false,
                    units: false,
                    ..flags
                };
            }
            b'S' => flags.sort = Sort::Size,
            b'a' => flags.all = true,
            b'f' => flags.sort = Sort::Not,
            b'h' => flags.units = true,
            b'l' => (flags.one, flags.long) = (false, true),
            b'n' => (flags.one, flags.long, flags.numeric) = (false, true, true),
            b'r' => flags.reverse = true,
            _ => flags.sort = Sort::Time,
        })?;
        Ok(flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Line {
        let (line, error) = Line::read(line.as_bytes());
        assert_eq!(error, None);
        line
    }

    fn command(line: &str) -> Command {
        read(line).command.unwrap_or_else(|| panic!("{line} is nothing"))
    }

    #[test]
    fn prefixes_are_told_apart_from_the_command() {
        for (line, ignore, silent) in [
            ("pwd", false, false),
            ("-pwd", true, false),
            ("@pwd", false, true),
            ("  -@ pwd", true, true),
            ("@-pwd", true, true),
        ] {
            let line = read(line);
            assert_eq!(
                (line.ignore, line.silent, line.command),
                (ignore, silent, Some(Command::Pwd))
            );
        }
        for nothing in ["", "   ", "# comment", "- # comment", "-"] {
            assert_eq!(read(nothing).command, None, "{nothing:?}");
        }
        let (line, error) = Line::read(b"-fly");
        assert!(line.ignore && error == Some(CommandError::Unknown("fly".to_owned())));
    }

    #[test]
    fn every_command_of_the_table_is_read() {
        for (name, first, second) in COMMANDS {
            let operands = if *second == Operand::Nothing { "7" } else { "7 b" };
            let line = match (*name, first) {
                ("!" | "?", _) => (*name).to_owned(),
                _ => format!("{name} {operands}"),
            };
            let (read, error) = Line::read(line.as_bytes());
            assert!(read.command.is_some() && error.is_none(), "{line}: {error:?}");
        }
        assert_eq!(command("BYE"), Command::Quit);
    }

    #[test]
    fn flags_are_read_as_getopt_does() {
        let expected = Moving {
            resume: true,
            sync: true,
            keep: true,
            tree: true,
        };
        for line in ["get -afpr a", "get -a -f -P -R a", "reget -fpr -- a"] {
            let Command::Get { flags, pattern, to } = command(line) else {
                panic!("{line}")
            };
            assert_eq!((flags, pattern, to), (expected, b"a".to_vec(), None), "{line}");
        }
        // behind the first operand a dash is nothing special
        let Command::Put { flags, pattern, to } = command("put - -r") else {
            panic!()
        };
        assert_eq!(
            (flags, pattern, to),
            (Moving::default(), b"-".to_vec(), Some(b"-r".to_vec()))
        );
        let Command::Ls { flags, .. } = command("ls -1l") else {
            panic!()
        };
        assert!(flags.long && !flags.one);
        for (line, flag) in [
            ("get -x a", 'x'),
            ("rm -r a", 'r'),
            ("ls -R", 'R'),
            ("pwd -a", 'a'),
        ] {
            let (_, error) = Line::read(line.as_bytes());
            assert!(
                matches!(error, Some(CommandError::Flag { flag: found, .. }) if found == flag),
                "{line}"
            );
        }
    }

    #[test]
    fn operands_are_patterns_only_where_names_are_looked_for() {
        assert_eq!(command(r#"rm "a*""#), Command::Rm(br"a\*".to_vec()));
        assert_eq!(command(r#"mkdir "a*""#), Command::Mkdir(b"a*".to_vec()));
        assert_eq!(
            command("rename 'a?' b"),
            Command::Rename {
                plain: false,
                from: b"a?".to_vec(),
                to: b"b".to_vec()
            }
        );
        assert_eq!(
            command("!echo 'a  b' # c"),
            Command::Shell(b"echo 'a  b' # c".to_vec())
        );
        assert_eq!(command("lls -l  'a b'"), Command::LocalLs(b"-l  'a b'".to_vec()));
        assert_eq!(command("! "), Command::Shell(Vec::new()));
    }

    #[test]
    fn numbers_are_octal_for_modes_and_decimal_for_owners() {
        let value = |line: &str| match command(line) {
            Command::Change { value, .. } | Command::LocalUmask(value) => value,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            [
                value("chmod 750 a"),
                value("chown 10 a"),
                value("chgrp 010 a"),
                value("chown 0x10 a"),
                value("chown 0 a"),
                value("lumask 022")
            ],
            [0o750, 10, 8, 16, 0, 0o22]
        );
        for line in [
            "chmod u+x a",
            "chmod 9 a",
            "chown root a",
            "chmod -1 a",
            "chmod 777",
            "lumask",
        ] {
            assert!(Line::read(line.as_bytes()).1.is_some(), "{line}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        for line in [
            "get",
            "put -r",
            "rename a",
            "ln -s a",
            "rm",
            "mkdir",
            "rmdir",
            "lmkdir",
            "symlink a",
            "cp a",
        ] {
            let (_, error) = Line::read(line.as_bytes());
            assert!(
                matches!(error, Some(CommandError::Missing { .. })),
                "{line}: {error:?}"
            );
        }
    }
}
