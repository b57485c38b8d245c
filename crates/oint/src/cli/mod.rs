//! The command line: `oint <library> <method> --option value …`.

mod arguments;
mod debug;
mod help;
mod output;
mod values;

use std::ffi::OsString;
use std::io::{self, Write};

use crate::call;
use crate::table::Library;

use arguments::Given;

/// The call ran, also when its result is `"result": false`; help.
pub const OK: u8 = 0;
/// No such library.
pub const BAD_LIBRARY: u8 = 1;
/// The library has no such method, or not on the command line.
pub const BAD_METHOD: u8 = 2;
/// `--strict-exit`, and the result is `"result": false`.
pub const FAILED: u8 = 3;
/// Anything else.
pub const UNEXPECTED: u8 = 99;

/// Runs a command; `words` come behind the program's name. Data goes to `out`, messages to `complaints`. Returns the
/// exit code.
pub fn run(words: impl IntoIterator<Item = OsString>, out: &mut dyn Write, complaints: &mut dyn Write) -> u8 {
    let words: Vec<OsString> = words.into_iter().collect();
    let mut given = match Given::split(&words) {
        Ok(given) => given,
        Err(error) => return unexpected(&error, None, complaints),
    };
    match try_run(&mut given, out, complaints) {
        Ok(code) => code,
        Err(Failure::Message(error)) => unexpected(&error, given.out.as_deref(), complaints),
        Err(Failure::Console(error)) if error.kind() == io::ErrorKind::BrokenPipe => OK,
        Err(Failure::Console(error)) => unexpected(&error.to_string(), None, complaints),
    }
}

/// Why a command went no further.
enum Failure {
    /// For the person.
    Message(String),
    /// The console is gone.
    Console(io::Error),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Message(message)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Console(error)
    }
}

fn try_run(given: &mut Given, out: &mut dyn Write, complaints: &mut dyn Write) -> Result<u8, Failure> {
    let Some(library_word) = given.library.clone() else {
        help::start(out)?;
        return Ok(OK);
    };
    let Some(library) = Library::from_command(&library_word) else {
        writeln!(complaints, "Library '{library_word}' does not exist.")?;
        writeln!(complaints, "hint: the libraries are sftp and ssh, in lower case")?;
        return Ok(BAD_LIBRARY);
    };
    let Some(method_word) = given.method.clone() else {
        help::library(library, out)?;
        return Ok(OK);
    };
    let spec = library.function(&method_word).filter(|spec| spec.on_command_line);
    let Some(spec) = spec else {
        writeln!(
            complaints,
            "Method '{method_word}' does not exist in {}.",
            library.command()
        )?;
        writeln!(complaints, "hint: oint {} lists its methods", library.command())?;
        return Ok(BAD_METHOD);
    };
    if given.help || given.options.is_empty() {
        help::method(library, spec, out)?;
        return Ok(OK);
    }
    let arguments = values::arguments(spec, given)?;
    if given.debug {
        debug::print(library, spec, &arguments, complaints)?;
    }
    if given.test {
        debug::print_call(library, spec, &arguments, out)?;
        return Ok(OK);
    }
    let outcome = call::run(spec, &arguments);
    let failed = outcome.has_failed();
    output::write(&outcome, given.out.as_deref(), out)?;
    Ok(if failed && given.strict_exit { FAILED } else { OK })
}

fn unexpected(error: &str, file: Option<&std::path::Path>, complaints: &mut dyn Write) -> u8 {
    let text = format!("Unexpected Error!: {error}");
    // Nothing more can be done when there is nobody to tell.
    let _ = writeln!(complaints, "{text}");
    if let Some(file) = file.filter(|file| !output::is_console(file))
        && let Err(error) = std::fs::write(file, &text)
    {
        let _ = writeln!(complaints, "{}: {error}", file.display());
    }
    UNEXPECTED
}
