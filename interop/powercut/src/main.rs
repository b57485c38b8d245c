//! A file system for tests that forgets whatever was not synced.
//!
//! `longshore-powercut MOUNTPOINT [SEED]` mounts an empty file system kept in memory. It holds everything twice: as the
//! programs see it, and as it would be found after a power cut. `fsync` of a file carries its data over, `fsync` of a
//! directory its names. Commands are read from standard input, one a line, each answered by one line; the end of
//! input unmounts. They are listed at [`control::Command`].

mod chance;
mod control;
mod fs;
mod inode;
mod names;
mod pattern;
mod survive;
mod sync;
mod volume;

use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(mountpoint) = arguments.next().map(PathBuf::from) else {
        return complain("usage: longshore-powercut MOUNTPOINT [SEED]");
    };
    let seed = arguments
        .next()
        .map_or(Some(1), |seed| seed.to_str().and_then(|seed| seed.parse().ok()));
    let Some(seed) = seed else {
        return complain("the seed is a number");
    };
    match serve(mountpoint, seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => complain(&error.to_string()),
    }
}

fn serve(mountpoint: PathBuf, seed: u64) -> io::Result<()> {
    let mut machine = control::Machine::start(mountpoint, seed)?;
    let mut out = io::stdout().lock();
    writeln!(out, "ready")?;
    out.flush()?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let answer = match control::Command::parse(&line) {
            Some(command) => machine.obey(command)?,
            None => format!("error: no such command: {line}"),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    machine.unmount();
    Ok(())
}

fn complain(what: &str) -> ExitCode {
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(io::stderr(), "longshore-powercut: {what}");
    ExitCode::FAILURE
}
