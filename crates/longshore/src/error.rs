//! The error every command ends with: what failed, on what, why, and what to do next.

use std::error::Error;
use std::fmt;

use crate::exit_code::ExitCode;

/// Result of a command.
pub type Result<T, E = CliError> = std::result::Result<T, E>;

/// A failed command.
#[derive(Debug)]
pub struct CliError {
    code: ExitCode,
    status: Option<u8>,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    hint: Option<String>,
}

impl CliError {
    /// What failed and on what, as one lower-case sentence without a period.
    #[must_use]
    pub fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self {
            code,
            status: None,
            message: message.into(),
            source: None,
            hint: None,
        }
    }

    /// Ends the process with this exit status and says nothing, because all has been said: the status of a command that ran
    /// elsewhere.
    #[must_use]
    pub fn silent(status: u8) -> Self {
        Self {
            status: Some(status),
            ..Self::new(ExitCode::Failure, "")
        }
    }

    /// The same failure under another exit code, for commands whose codes mean something else.
    #[must_use]
    pub fn with_code(mut self, code: ExitCode) -> Self {
        self.code = code;
        self
    }

    /// Adds why it failed.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The exit code the process ends with.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        self.code
    }

    /// What the process ends with.
    #[must_use]
    pub fn exit(&self) -> std::process::ExitCode {
        self.status.map_or_else(|| self.code.into(), Into::into)
    }

    /// The text for standard error, nothing for a [`silent`](Self::silent) one: `error:` with the whole chain of causes, then the `hint:` lines.
    #[must_use]
    pub fn render(&self) -> String {
        if self.status.is_some() {
            return String::new();
        }
        let mut text = format!("error: {self}\n");
        for line in self.hint.iter().flat_map(|hint| hint.lines()) {
            text.push_str(&format!("hint: {line}\n"));
        }
        text
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut shown = self.message.clone();
        let mut cause: Option<&(dyn Error + 'static)> = self.source.as_ref().map(|source| &**source as _);
        while let Some(error) = cause {
            let text = error.to_string();
            // Libraries often repeat their cause in their own text.
            if !shown.contains(&text) {
                write!(f, ": {text}")?;
                shown = text;
            }
            cause = error.source();
        }
        Ok(())
    }
}

impl Error for CliError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn the_message_names_every_cause_once_and_ends_with_the_hint() {
        let error = CliError::new(ExitCode::DataDir, "cannot open x")
            .because(Outer(std::io::Error::other("disk is gone")))
            .hint("look at x\nthen try again");
        assert_eq!(
            error.render(),
            "error: cannot open x: outer: disk is gone\nhint: look at x\nhint: then try again\n"
        );
        assert_eq!(error.code(), ExitCode::DataDir);
    }

    #[test]
    fn a_cause_that_is_already_in_the_text_is_not_repeated() {
        let error = CliError::new(ExitCode::Failure, "no: gone").because("gone");
        assert_eq!(error.to_string(), "no: gone");
    }
}
