//! Ctrl-C: the first one ends what is under way in good order, the second one ends the program.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::future::Future;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::{Arc, Mutex, PoisonError};

use longshore_client::transfer::CancellationToken;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::shell_word;

/// Listens to SIGINT and SIGTERM. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    current: Arc<Mutex<CancellationToken>>,
}

impl Interrupt {
    /// Begins to listen, as long as the runtime lives.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn listen() -> Result<Self> {
        let failed = |error| CliError::new(ExitCode::Failure, "cannot listen to signals").because(error);
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let listener = Self {
            current: Arc::default(),
        };
        let own = listener.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                let token = own.token();
                if token.is_cancelled() {
                    // what is under way may wait for a peer or a disk: not for them
                    std::process::exit(i32::from(ExitCode::Interrupted as u8));
                }
                token.cancel();
            }
        });
        Ok(listener)
    }

    /// Cancelled by the next signal.
    pub(crate) fn token(&self) -> CancellationToken {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A token that no signal has cancelled yet, for the next of several pieces of work.
    pub(crate) fn renew(&self) -> CancellationToken {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.is_cancelled() {
            *current = CancellationToken::new();
        }
        current.clone()
    }

    /// Does the work unless a signal comes first; then it is dropped where it stands.
    ///
    /// # Errors
    /// Those of the work; [`ExitCode::Interrupted`].
    pub(crate) async fn unless<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let token = self.token();
        tokio::select! {
            biased;
            () = token.cancelled() => Err(interrupted()),
            outcome = work => outcome,
        }
    }
}

/// What an interrupted command ends with.
pub(crate) fn interrupted() -> CliError {
    CliError::new(ExitCode::Interrupted, "interrupted")
}

/// The command line of this process as a shell takes it, with `flag` behind the command `verb` unless it is there already.
pub(crate) fn command_again(verb: &str, flag: Option<&str>) -> String {
    again(std::env::args_os(), verb, flag)
}

fn again(args: impl IntoIterator<Item = OsString>, verb: &str, flag: Option<&str>) -> String {
    let mut words: Vec<OsString> = args.into_iter().collect();
    if let Some(flag) = flag.filter(|flag| !words.iter().any(|word| word == flag))
        && let Some(at) = words.iter().position(|word| word == verb)
    {
        words.insert(at + 1, flag.into());
    }
    let words: Vec<String> = words.iter().map(|word| for_shell(word)).collect();
    words.join(" ")
}

/// A word as shells take it; what is no text in the way of `$'…'`, which POSIX has since 2024.
fn for_shell(word: &OsStr) -> String {
    match word.to_str() {
        Some(text) if !text.chars().any(char::is_control) => shell_word(text),
        _ => {
            let mut out = String::from("$'");
            for &byte in word.as_bytes() {
                match byte {
                    b'\'' | b'\\' => drop(write!(out, "\\{}", char::from(byte))),
                    b' '..=b'~' => out.push(char::from(byte)),
                    byte => drop(write!(out, "\\{byte:03o}")),
                }
            }
            out.push('\'');
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    fn words(words: &[&[u8]]) -> Vec<OsString> {
        words
            .iter()
            .map(|word| OsString::from_vec(word.to_vec()))
            .collect()
    }

    #[test]
    fn the_command_that_resumes_can_be_pasted() {
        let args = words(&[b"longshore", b"put", b"a b", b"it's", b"me@h:x"]);
        assert_eq!(
            again(args, "put", Some("--resume")),
            r"longshore put --resume 'a b' 'it'\''s' me@h:x"
        );
        let args = words(&[b"longshore", b"get", b"h:a", b"--resume", b"b"]);
        assert_eq!(
            again(args, "get", Some("--resume")),
            "longshore get h:a --resume b"
        );
        let args = words(&[b"longshore", b"sync", b"\xff\n'", b"h:"]);
        assert_eq!(again(args, "sync", None), r"longshore sync $'\377\012\'' h:");
    }

    #[test]
    fn what_is_pasted_is_what_was_given() {
        for word in [
            &b"plain"[..],
            b"a b",
            b"it's",
            b"$(x) `y` \\",
            b"\xff\x01'\\",
            b"",
            b"~",
            b"*",
        ] {
            let quoted = for_shell(OsStr::from_bytes(word));
            let script = format!("printf %s {quoted}");
            let said = std::process::Command::new("bash")
                .args(["-c", &script])
                .output()
                .unwrap();
            assert_eq!(said.stdout, word, "{quoted}");
        }
    }

    #[tokio::test]
    async fn work_is_dropped_when_a_signal_comes() {
        let interrupt = Interrupt::listen().unwrap();
        assert_eq!(interrupt.unless(async { Ok(1) }).await.unwrap(), 1);
        interrupt.token().cancel();
        let stopped = interrupt.unless(std::future::pending::<Result<()>>()).await;
        assert_eq!(stopped.unwrap_err().code(), ExitCode::Interrupted);
        assert!(!interrupt.renew().is_cancelled() && !interrupt.token().is_cancelled());
    }
}
