//! `longshore shell`: the commands of sftp(1), typed.

mod complete;
mod editor;

use std::ffi::OsString;
use std::io::IsTerminal as _;

use clap::Args;

use super::batch::{Done, Interpreter, Manner, read_lines, standard_input};
use crate::client::interrupt::Interrupt;
use crate::client::{ConnectArgs, Place, block_on_threads, shown};
use crate::error::Result;
use crate::output::print;

/// Work on a server by hand: the commands of OpenSSH's sftp, with history and completion
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore shell partner:
  longshore shell me@files.example.net:inbox

help lists the commands; Tab completes commands and names of both sides. Where standard input is no terminal, commands are
read from it line by line, and one that fails ends nothing (see longshore batch).")]
pub struct ShellArgs {
    /// The server, and the directory to begin in: host:path, user@host:path or sftp://…
    target: OsString,
    /// Write files where they belong instead of under a temporary name first: for servers that allow no renaming
    #[arg(long)]
    in_place: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl ShellArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::one(&self.target)?;
        block_on_threads(async {
            let typed = std::io::stdin().is_terminal();
            let interrupt = Interrupt::listen()?;
            let session = Box::pin(interrupt.unless(self.connect.open(&place.server))).await?;
            let manner = Manner {
                batch: false,
                echo: !typed,
                quiet: self.connect.is_quiet(),
                in_place: self.in_place,
            };
            let mut interpreter = Interpreter::new(session, interrupt, manner);
            let path = place.paths.first().cloned().unwrap_or_default();
            let outcome = self.work(&mut interpreter, &path, typed).await;
            interpreter.close().await;
            outcome
        })
    }

    async fn work(&self, interpreter: &mut Interpreter, path: &[u8], typed: bool) -> Result<()> {
        interpreter.begin(path).await?;
        if !typed {
            return read_lines(interpreter, standard_input()).await;
        }
        if !self.connect.is_quiet() {
            let cwd = shown(&interpreter.cwd());
            print(&format!(
                "Remote working directory: {cwd}; help lists the commands\n"
            ))?;
        }
        let mut editor = editor::Editor::start(complete::Remote::of(interpreter))?;
        while let Some(line) = editor.read().await? {
            interpreter.interrupt().renew();
            if interpreter.line(line.as_bytes()).await? == Done::Quit {
                break;
            }
        }
        Ok(())
    }
}
