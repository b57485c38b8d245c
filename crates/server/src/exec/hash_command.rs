//! `md5sum`, `sha1sum`, `sha256sum`, `sha512sum` (and those of the other sizes), with the output of GNU coreutils:
//! rclone, scripts and people compare with them.

use bytes::Bytes;
use longshore_storage::{ErrorKind, FileType, StorageError};

use super::io::{Gone, Io};
use super::words::Word;
use super::{glob, reason, shown};
use crate::activity::Doing;
use crate::context::Context;
use crate::error::OpError;
use crate::file_hash::hash_file;
use crate::hashing::{Algorithm, Hasher, hex};
use crate::limits::COPY_CHUNK;
use crate::ops::open_for_reading;

/// One of the commands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command {
    name: &'static str,
    /// As `--tag` writes it.
    tag: &'static str,
    algorithm: Algorithm,
}

impl Command {
    /// The command of that name, with or without the directory that some programs ask for it in.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        let name = name.strip_prefix(b"/usr/bin/").unwrap_or(name);
        COMMANDS.into_iter().find(|known| known.name.as_bytes() == name)
    }
}

const COMMANDS: [Command; 6] = [
    command("md5sum", "MD5", Algorithm::Md5),
    command("sha1sum", "SHA1", Algorithm::Sha1),
    command("sha224sum", "SHA224", Algorithm::Sha224),
    command("sha256sum", "SHA256", Algorithm::Sha256),
    command("sha384sum", "SHA384", Algorithm::Sha384),
    command("sha512sum", "SHA512", Algorithm::Sha512),
];

const fn command(name: &'static str, tag: &'static str, algorithm: Algorithm) -> Command {
    Command { name, tag, algorithm }
}

/// How the lines look.
#[derive(Debug, Clone, Copy, Default)]
struct Style {
    binary: bool,
    tag: bool,
    zero: bool,
}

/// Hashes what the arguments name, or standard input; the exit status.
pub(super) async fn run(context: &Context, io: &mut Io, command: Command, arguments: &[Word]) -> u32 {
    let (style, words) = match parse(arguments) {
        Ok(parsed) => parsed,
        Err(option) => {
            let option = shown(&option);
            io.complain(&format!("{}: option '{option}' is not supported", command.name))
                .await;
            return 1;
        }
    };
    let mut status = 0;
    let standard_input = Word {
        bytes: b"-".to_vec(),
        wild: Vec::new(),
        tilde: false,
    };
    let words = if words.is_empty() {
        vec![&standard_input]
    } else {
        words
    };
    for word in words {
        let names = match glob::expand(context, word).await {
            Ok(names) => names,
            Err(error) => {
                complain(io, command, &word.bytes, &error).await;
                status = 1;
                continue;
            }
        };
        for name in names {
            match hash(context, io, command, &name).await {
                Ok(hash) => {
                    if io.write(line(command, style, &hash, &name)).await == Err(Gone) {
                        return 1;
                    }
                }
                Err(error) => {
                    complain(io, command, &name, &error).await;
                    status = 1;
                }
            }
        }
    }
    status
}

async fn complain(io: &mut Io, command: Command, name: &[u8], error: &OpError) {
    io.complain(&format!("{}: {}: {}", command.name, shown(name), reason(error)))
        .await;
}

/// Options and names; options may stand anywhere before `--`.
fn parse(arguments: &[Word]) -> Result<(Style, Vec<&Word>), Vec<u8>> {
    let mut style = Style::default();
    let mut names = Vec::new();
    let mut rest = arguments.iter();
    while let Some(word) = rest.next() {
        match &word.bytes[..] {
            b"--" => {
                names.extend(rest);
                break;
            }
            b"--binary" => style.binary = true,
            b"--text" => style.binary = false,
            b"--tag" => style.tag = true,
            b"--zero" => style.zero = true,
            [b'-', letters @ ..] if !letters.is_empty() && letters[0] != b'-' => {
                for letter in letters {
                    match letter {
                        b'b' => style.binary = true,
                        b't' => style.binary = false,
                        b'z' => style.zero = true,
                        _ => return Err(word.bytes.clone()),
                    }
                }
            }
            [b'-', b'-', ..] => return Err(word.bytes.clone()),
            _ => names.push(word),
        }
    }
    Ok((style, names))
}

async fn hash(context: &Context, io: &mut Io, command: Command, name: &[u8]) -> Result<Vec<u8>, OpError> {
    if name == b"-" {
        return Ok(hash_input(io, command.algorithm).await);
    }
    let (path, _) = context.path(name).await?;
    if context.home.stat(&path, true).await?.file_type == FileType::Directory {
        return Err(StorageError::new(ErrorKind::IsADirectory, "hash").into());
    }
    let file = open_for_reading(context, path).await?;
    // However long it takes: the client cannot do anything meanwhile.
    let _busy = context.session.activity.begin(Doing::Request);
    hash_file(context, &file, command.algorithm).await
}

async fn hash_input(io: &mut Io, algorithm: Algorithm) -> Vec<u8> {
    let mut hasher = Hasher::new(algorithm);
    while let Some(bytes) = io.read(COPY_CHUNK).await {
        hasher.update(&bytes);
        // The client may send as fast as we hash: others have their turn too.
        tokio::task::yield_now().await;
    }
    hasher.finish()
}

/// `<hash>  <name>`, with a backslash in front if the name had to be escaped.
fn line(command: Command, style: Style, hash: &[u8], name: &[u8]) -> Bytes {
    let hash = hex(hash);
    let (escaped, name) = if style.zero {
        (false, name.to_vec())
    } else {
        escape(name)
    };
    let mut line = Vec::new();
    if escaped {
        line.push(b'\\');
    }
    if style.tag {
        line.extend_from_slice(format!("{} (", command.tag).as_bytes());
        line.extend_from_slice(&name);
        line.extend_from_slice(format!(") = {hash}").as_bytes());
    } else {
        line.extend_from_slice(hash.as_bytes());
        line.extend_from_slice(if style.binary { b" *" } else { b"  " });
        line.extend_from_slice(&name);
    }
    line.push(if style.zero { 0 } else { b'\n' });
    line.into()
}

/// The three characters that coreutils escapes.
fn escape(name: &[u8]) -> (bool, Vec<u8>) {
    let mut escaped = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'\\' => escaped.extend_from_slice(b"\\\\"),
            b'\n' => escaped.extend_from_slice(b"\\n"),
            b'\r' => escaped.extend_from_slice(b"\\r"),
            _ => escaped.push(*byte),
        }
    }
    (escaped.len() != name.len(), escaped)
}
