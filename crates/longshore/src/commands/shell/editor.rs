//! The line that is typed: editing, history, completion. It lives on a thread of its own, for it waits for keys.

use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Helper};
use tokio::sync::oneshot;

use super::complete::{Remote, candidates};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::limits::SHELL_HISTORY;

/// Asks the thread for lines.
pub(super) struct Editor {
    asks: mpsc::Sender<oneshot::Sender<Result<Option<String>>>>,
}

impl Editor {
    /// Starts the thread.
    ///
    /// # Errors
    /// There is no terminal, or no thread.
    pub(super) fn start(remote: Remote) -> Result<Self> {
        let failed =
            |error: ReadlineError| CliError::new(ExitCode::Failure, "cannot use the terminal").because(error);
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(SHELL_HISTORY)
            .and_then(|config| config.history_ignore_dups(true))
            .map_err(failed)?
            // a password typed by mistake can be kept out
            .history_ignore_space(true)
            .auto_add_history(true)
            .build();
        let (asks, asked) = mpsc::channel::<oneshot::Sender<Result<Option<String>>>>();
        let work = move || {
            let mut editor = match rustyline::Editor::<Completion, FileHistory>::with_config(config) {
                Ok(editor) => editor,
                Err(error) => {
                    if let Ok(answer) = asked.recv() {
                        let _ = answer.send(Err(failed(error)));
                    }
                    return;
                }
            };
            editor.set_helper(Some(Completion { remote }));
            let history = history_file();
            if let Some(file) = &history {
                let _ = editor.load_history(file);
            }
            for answer in asked {
                let line = read(&mut editor);
                if let (Some(file), Ok(Some(_))) = (&history, &line) {
                    let _ = editor.append_history(file);
                }
                let _ = answer.send(line);
            }
        };
        std::thread::Builder::new()
            .name("editor".to_owned())
            .spawn(work)
            .map_err(|error| CliError::new(ExitCode::Failure, "cannot start a thread").because(error))?;
        Ok(Self { asks })
    }

    /// The next line; `None` at the end (Ctrl-D).
    ///
    /// # Errors
    /// The terminal is gone.
    pub(super) async fn read(&mut self) -> Result<Option<String>> {
        let gone = || CliError::new(ExitCode::Failure, "cannot read from the terminal");
        let (answer, line) = oneshot::channel();
        self.asks.send(answer).map_err(|_| gone())?;
        line.await.map_err(|_| gone())?
    }
}

fn read(editor: &mut rustyline::Editor<Completion, FileHistory>) -> Result<Option<String>> {
    loop {
        match editor.readline("longshore> ") {
            Ok(line) => return Ok(Some(line)),
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(None),
            Err(error) => {
                return Err(CliError::new(ExitCode::Failure, "cannot read from the terminal").because(error));
            }
        }
    }
}

/// Where lines are remembered, made for its owner alone: names of files can be secrets.
fn history_file() -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state = state
        .filter(|dir| dir.is_absolute())
        .or_else(|| Some(std::env::home_dir()?.join(".local/state")))?;
    make_private(&state.join("longshore"))
}

fn make_private(dir: &Path) -> Option<PathBuf> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .ok()?;
    let file = dir.join("shell_history");
    fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&file)
        .ok()?;
    Some(file)
}

struct Completion {
    remote: Remote,
}

impl Completer for Completion {
    type Candidate = Pair;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(candidates(&line[..at], &self.remote))
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}

impl Validator for Completion {}

impl Helper for Completion {}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn history_is_its_owner_s_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = make_private(&dir.path().join("deep/longshore")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    }
}
