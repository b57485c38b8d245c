//! `scp` as the far end of a copy with the old protocol: `scp -O`, PuTTY's `pscp -scp`, and programs that speak it
//! themselves. `-f` sends files (`source`), `-t` takes them (`sink`).
//!
//! There is no specification; OpenSSH's `scp.c` is what all others follow. Each side says one thing at a time, and the
//! other answers with a byte: 0 for yes, 1 and a line for "no, but go on", 2 and a line for "no, and that is the end".

mod lines;
mod sink;
mod source;

use super::io::Io;
use super::words::Word;
use super::{glob, reason, shown};
use crate::context::Context;

/// What the arguments ask for.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::struct_excessive_bools, reason = "they are the command's flags")]
struct Options {
    /// `-f`: send.
    from: bool,
    /// `-t`: take.
    to: bool,
    /// `-r`: whole trees.
    recursive: bool,
    /// `-p`: times and modes.
    preserve: bool,
    /// `-d`: the target must be a directory.
    directory: bool,
}

/// Runs it; the exit status.
pub(super) async fn run(context: &Context, io: &mut Io, arguments: &[Word]) -> u32 {
    let (options, names) = match parse(arguments) {
        Ok(parsed) => parsed,
        Err(option) => {
            io.complain(&format!("scp: option '{}' is not supported", shown(&option)))
                .await;
            return 1;
        }
    };
    match (options.from, options.to, names) {
        (true, false, [_, ..]) => source::run(context, io, options, names).await,
        (false, true, [target]) => sink::run(context, io, options, target).await,
        _ => {
            io.complain("scp: only -f with files or -t with one target is served here")
                .await;
            1
        }
    }
}

/// Options come first. `-v` and `-q` are for the other side.
fn parse(arguments: &[Word]) -> Result<(Options, &[Word]), Vec<u8>> {
    let mut options = Options::default();
    let mut rest = arguments;
    while let Some((word, others)) = rest.split_first() {
        match &word.bytes[..] {
            b"--" => return Ok((options, others)),
            [b'-', letters @ ..] if !letters.is_empty() => {
                for letter in letters {
                    match letter {
                        b'f' => options.from = true,
                        b't' => options.to = true,
                        b'r' => options.recursive = true,
                        b'p' => options.preserve = true,
                        b'd' => options.directory = true,
                        b'v' | b'q' => {}
                        _ => return Err(word.bytes.clone()),
                    }
                }
                rest = others;
            }
            _ => break,
        }
    }
    Ok((options, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::words::split;

    #[test]
    fn flags_come_alone_and_together() {
        let words = split(b"-v -rp -d -t -- -x").unwrap();
        let (options, names) = parse(&words).unwrap();
        assert!(options.to && options.recursive && options.preserve && options.directory);
        assert!(!options.from);
        assert_eq!(names.len(), 1);
        assert_eq!(names[0].bytes, b"-x");
        assert_eq!(parse(&split(b"-S x").unwrap()).unwrap_err(), b"-S");
    }
}
