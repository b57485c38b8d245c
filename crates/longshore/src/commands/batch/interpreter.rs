//! Runs the commands of sftp(1) on a session: what is remembered from one to the next, and what a failure means.

use std::sync::{Arc, Mutex, PoisonError};

use longshore_client::sftp::Sftp;

use super::command::{COMMANDS, Command, Line};
use super::paths::below;
use crate::client::interrupt::{Interrupt, interrupted};
use crate::client::{Session, shown};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::print;

/// How commands are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Manner {
    /// The first failure is the last line, unless the line begins with `-`.
    pub(crate) batch: bool,
    /// Each line is repeated, unless it begins with `@`.
    pub(crate) echo: bool,
    /// What is under way is not told, only what was asked for.
    pub(crate) quiet: bool,
    /// Files are written where they belong.
    pub(crate) in_place: bool,
}

/// What follows a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Next,
    Quit,
}

/// A session and what commands remember.
pub(crate) struct Interpreter {
    pub(super) session: Session,
    pub(super) manner: Manner,
    /// The remote working directory; completion reads it, too.
    cwd: Arc<Mutex<Vec<u8>>>,
    start: Vec<u8>,
    interrupt: Interrupt,
    pub(super) progress: bool,
    /// Whether a failure of the line under way ends the batch.
    pub(super) abort: bool,
}

impl Interpreter {
    /// Nothing is asked of the server yet.
    pub(crate) fn new(session: Session, interrupt: Interrupt, manner: Manner) -> Self {
        Self {
            session,
            manner,
            cwd: Arc::default(),
            start: Vec::new(),
            interrupt,
            progress: !manner.quiet,
            abort: manner.batch,
        }
    }

    /// Asks where the session starts, and goes to `path` if it is not empty.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) async fn begin(&mut self, path: &[u8]) -> Result<()> {
        let asked = async { Ok(self.session.sftp().real_path(".").await?) };
        self.start = self.interrupt.unless(asked).await?.to_vec();
        *self.cwd.lock().unwrap_or_else(PoisonError::into_inner) = self.start.clone();
        if !path.is_empty() && path != b"." {
            self.change_directory(Some(path)).await?;
        }
        Ok(())
    }

    /// Who listens to Ctrl-C.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    /// SFTP.
    pub(crate) fn sftp(&self) -> &Sftp {
        self.session.sftp()
    }

    /// The remote working directory.
    pub(crate) fn cwd(&self) -> Vec<u8> {
        self.cwd.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The remote working directory, to be read while commands run.
    pub(crate) fn shared_cwd(&self) -> Arc<Mutex<Vec<u8>>> {
        Arc::clone(&self.cwd)
    }

    /// A path seen from the remote working directory.
    pub(super) fn absolute(&self, path: &[u8]) -> Vec<u8> {
        below(&self.cwd(), path)
    }

    /// Says good-bye.
    pub(crate) async fn close(self) {
        self.session.close().await;
    }

    /// Runs a line. A failure is told here.
    ///
    /// # Errors
    /// Only failures that end everything: of the session, an interruption, and in a batch any that is not to be ignored.
    pub(crate) async fn line(&mut self, text: &[u8]) -> Result<Done> {
        let (line, error) = Line::read(text);
        if self.manner.echo && !line.silent {
            print(&format!("sftp> {}\n", shown(text)))?;
        }
        self.abort = self.manner.batch && !line.ignore;
        let quit = line.command == Some(Command::Quit);
        let outcome = match (line.command, error) {
            (_, Some(error)) => Err(CliError::new(ExitCode::Usage, error.to_string())),
            (None, None) => Ok(()),
            (Some(command), None) => Box::pin(self.run(command)).await,
        };
        match outcome {
            Ok(()) if quit => Ok(Done::Quit),
            Ok(()) => Ok(Done::Next),
            Err(error) => {
                complain(&error);
                if let Some(reason) = self.sftp().end_reason() {
                    return Err(reason.into());
                }
                // in the shell an interruption ends the command only
                let ends = self.abort || (self.manner.batch && error.code() == ExitCode::Interrupted);
                if ends { Err(error) } else { Ok(Done::Next) }
            }
        }
    }

    async fn run(&mut self, command: Command) -> Result<()> {
        match command {
            // these end in good order by themselves
            Command::Get { flags, pattern, to } => self.get(flags, &pattern, to.as_deref()).await,
            Command::Put { flags, pattern, to } => self.put(flags, &pattern, to.as_deref()).await,
            Command::LocalLs(rest) => super::local::list(&rest).await,
            Command::Shell(command) => super::local::shell(&command).await,
            command => {
                let token = self.interrupt.token();
                tokio::select! {
                    biased;
                    () = token.cancelled() => Err(interrupted()),
                    outcome = self.run_short(command) => outcome,
                }
            }
        }
    }

    async fn run_short(&mut self, command: Command) -> Result<()> {
        match command {
            Command::Cd(path) => self.change_directory(path.as_deref()).await,
            Command::Pwd => print(&format!("Remote working directory: {}\n", shown(&self.cwd()))),
            Command::Ls { flags, pattern } => self.list(flags, pattern.as_deref()).await,
            Command::Df { units, inodes, path } => self.space(units, inodes, path.as_deref()).await,
            Command::Change {
                what,
                value,
                link,
                pattern,
            } => self.change(what, value, link, &pattern).await,
            Command::Copy(from, to) => self.copy(&from, &to).await,
            Command::HardLink(from, to) => self.hard_link(&from, &to).await,
            Command::SymLink(says, link) => self.symbolic_link(&says, &link).await,
            Command::Mkdir(path) => self.make_directory(&path).await,
            Command::Rename { plain, from, to } => self.rename(plain, &from, &to).await,
            Command::Rm(pattern) => self.remove(&pattern).await,
            Command::Rmdir(path) => self.remove_directory(&path).await,
            Command::LocalCd(path) => super::local::change_directory(path.as_deref()),
            Command::LocalMkdir(path) => super::local::make_directory(&path),
            Command::LocalPwd => super::local::working_directory(),
            Command::LocalUmask(mask) => super::local::umask(mask),
            Command::Help => print(HELP),
            Command::Version => print("SFTP protocol version 3\n"),
            Command::Progress => {
                self.progress = !self.progress;
                let state = if self.progress { "enabled" } else { "disabled" };
                print(&format!("Progress meter {state}\n"))
            }
            Command::Quit
            | Command::Get { .. }
            | Command::Put { .. }
            | Command::LocalLs(_)
            | Command::Shell(_) => Ok(()),
        }
    }

    async fn change_directory(&mut self, path: Option<&[u8]>) -> Result<()> {
        let path = match path {
            None | Some(b"") => self.start.clone(),
            Some(path) => self.absolute(path),
        };
        let (real, attrs) = tokio::join!(self.sftp().real_path(&path), self.sftp().stat(&path));
        let (real, attrs) = (real?, attrs?);
        if attrs.kind() != Some(longshore_client::sftp::FileKind::Directory) {
            let message = format!("{} is no directory", shown(&real));
            return Err(CliError::new(ExitCode::InTheWay, message));
        }
        *self.cwd.lock().unwrap_or_else(PoisonError::into_inner) = real.to_vec();
        Ok(())
    }

    /// Says what goes on, where somebody wants to know.
    pub(super) fn tell(&self, text: &str) -> Result<()> {
        if self.manner.quiet {
            return Ok(());
        }
        print(&format!("{text}\n"))
    }

    /// A failure of one of several things: the end of a batch, otherwise told and left behind.
    pub(super) fn one_failed(&self, error: CliError) -> Result<()> {
        if self.abort || self.sftp().end_reason().is_some() {
            return Err(error);
        }
        complain(&error);
        Ok(())
    }
}

/// Names of commands that begin so, for completion.
pub(crate) fn commands_beginning_with(beginning: &str) -> impl Iterator<Item = &'static str> {
    COMMANDS
        .iter()
        .map(|known| known.0)
        .filter(move |name| name.starts_with(beginning))
}

/// Tells a failure.
pub(crate) fn complain(error: &CliError) {
    use std::io::Write as _;
    let _ = std::io::stderr().lock().write_all(error.render().as_bytes());
}

const HELP: &str = "\
bye, exit, quit                    end
cd [path]                          change the remote directory
chgrp [-h] number path             change the group of files
chmod [-h] mode path               change the permissions of files, octal
chown [-h] number path             change the owner of files
copy, cp from to                   copy a remote file
df [-hi] [path]                    show the space of the file system
get [-afpR] remote [local]         download
help, ?                            show this
lcd [path]                         change the local directory
lls [arguments of ls]              list a local directory
lmkdir path                        make a local directory
ln [-s] from to                    link a remote file
lpwd                               show the local directory
ls [-1afhlnrSt] [path]             list a remote directory
lumask mask                        set the local umask, octal
mkdir path                         make a remote directory
progress                           show progress or not
put [-afpR] local [remote]         upload
pwd                                show the remote directory
reget [-fpR] remote [local]        continue a download
rename [-l] from to                rename a remote file
reput [-fpR] local [remote]        continue an upload
rm path                            remove remote files
rmdir path                         remove a remote directory
symlink from to                    make a symbolic link
version                            show the version of SFTP
!command                           run a command here
!                                  start a shell here
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_command() {
        // aliases that sftp(1) does not tell either
        for (name, ..) in COMMANDS {
            if matches!(*name, "chdir" | "dir" | "lchdir" | "mget" | "mput") {
                continue;
            }
            let mut words = HELP.split([' ', ',', '\n', '!']);
            assert!(*name == "!" || words.any(|word| word == *name), "{name}");
        }
    }

    #[test]
    fn names_of_commands_are_completed() {
        assert_eq!(
            commands_beginning_with("re").collect::<Vec<_>>(),
            ["reget", "rename", "reput"]
        );
    }
}
