//! Why a function failed, in the words that programs of the original look for.

use std::fmt::Write as _;

use longshore_client::route::HttpRefusal;
use longshore_client::{Error, ErrorKind, Stage};

use crate::options::TRUST_VARIABLE;

/// A failure; displays as the text of the result's `error`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OintError {
    /// The settings lack something or hold something unusable.
    #[error("{0}")]
    Settings(String),
    /// The argument that should be a configuration is none.
    #[error("Incorrect connection configuration provided: {0}")]
    Configuration(String),
    /// An argument is missing or of another type.
    #[error("Parameter {name}: {problem}")]
    Parameter {
        /// Its name in the signature.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of this machine.
    #[error("File error: {0}")]
    File(String),
    /// Something that was to be fetched from an address.
    #[error("Download error: {0}")]
    Download(String),
    /// The call came at the wrong time in a handle's life.
    #[error("{0}")]
    State(&'static str),
    /// The proxy.
    #[error("TCP error: {}{}", proxy_prefix(.kind, .source), with_next_step(.source.to_string(), .source))]
    Proxy {
        /// `proxy_type`.
        kind: &'static str,
        /// What happened.
        source: Error,
    },
    /// The connection or the server.
    #[error("{}", describe(.prefix, .source))]
    Client {
        /// What was under way, as a prefix of the text: `Upload error: `, or nothing.
        prefix: &'static str,
        /// What happened.
        source: Error,
    },
}

/// [`std::result::Result`] with [`OintError`].
pub type Result<T, E = OintError> = std::result::Result<T, E>;

impl From<Error> for OintError {
    fn from(source: Error) -> Self {
        Self::Client { prefix: "", source }
    }
}

/// Names what was under way.
pub(crate) trait During<T> {
    fn during(self, prefix: &'static str) -> Result<T>;
}

impl<T> During<T> for std::result::Result<T, Error> {
    fn during(self, prefix: &'static str) -> Result<T> {
        self.map_err(|source| OintError::Client { prefix, source })
    }
}

fn describe(prefix: &str, error: &Error) -> String {
    let text = match error.server_status() {
        Some(status) => format!(
            "{prefix}[SFTP({})] {}",
            status.code,
            words(status.code, &status.message)
        ),
        None => format!("{}{error}", stage_prefix(prefix, error)),
    };
    with_next_step(text, error)
}

fn with_next_step(mut text: String, error: &Error) -> String {
    if let Some(hint) = error.next_step() {
        text.push_str(". ");
        text.push_str(hint);
    }
    if error.kind() == ErrorKind::HostKeyUnknown {
        let _ = write!(
            text,
            "; for scripts from before keys were checked: {TRUST_VARIABLE}=accept-new"
        );
    }
    text
}

/// The original's words for each kind of proxy, in front of ours.
fn proxy_prefix(kind: &str, error: &Error) -> String {
    let refusal = std::error::Error::source(error).and_then(|source| source.downcast_ref::<HttpRefusal>());
    match (kind, refusal) {
        (_, Some(HttpRefusal { status: 407 })) => "Proxy authentication required (HTTP 407): ".to_owned(),
        (_, Some(HttpRefusal { status })) => format!("Proxy error: HTTP {status}: "),
        ("socks5", None) => "SOCKS5 error: ".to_owned(),
        ("socks4", None) => "SOCKS4 error: ".to_owned(),
        _ => "Proxy error: ".to_owned(),
    }
}

/// The stage speaks louder than the operation: a connection that breaks during an upload is no upload error.
fn stage_prefix<'a>(prefix: &'a str, error: &Error) -> &'a str {
    match error.stage() {
        Stage::Resolve | Stage::Connect => "TCP error: Direct connection error: ",
        Stage::Proxy if error.kind() == ErrorKind::Unsupported => "",
        Stage::Proxy => "TCP error: ",
        Stage::Handshake | Stage::HostKey => "Handshake error: ",
        Stage::Auth => "Auth error: ",
        Stage::Channel | Stage::Exec => "Session error: ",
        Stage::Local => "File error: ",
        _ => prefix,
    }
}

/// The texts that the original gives for the statuses that programs compare.
fn words(code: u32, message: &str) -> String {
    match code {
        2 => "no such file".to_owned(),
        3 => "permission denied".to_owned(),
        // OpenSSH's answer for "exists", "not empty", "is a directory": its own word says no more.
        4 if message.is_empty() || message.eq_ignore_ascii_case("failure") => "failure".to_owned(),
        _ => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use longshore_client::ServerStatus;

    use super::*;

    fn status(code: u32, message: &str) -> Error {
        let status = ServerStatus {
            code,
            message: message.to_owned(),
        };
        Error::new(ErrorKind::Failure, Stage::Sftp, "refused").status(status)
    }

    #[test]
    fn server_statuses_have_the_words_that_programs_know() {
        let text = |error: Error| OintError::from(error).to_string();
        assert_eq!(text(status(2, "No such file")), "[SFTP(2)] no such file");
        assert_eq!(
            text(status(3, "Permission denied")),
            "[SFTP(3)] permission denied"
        );
        assert_eq!(text(status(4, "Failure")), "[SFTP(4)] failure");
        assert_eq!(
            text(status(4, "Disk quota exceeded")),
            "[SFTP(4)] Disk quota exceeded"
        );
    }

    #[test]
    fn a_stage_before_the_operation_names_itself() {
        let lost = Error::new(ErrorKind::Unreachable, Stage::Connect, "connection refused");
        let error = Err::<(), _>(lost).during("Upload error: ").unwrap_err();
        assert_eq!(
            error.to_string(),
            "TCP error: Direct connection error: connection refused"
        );
        let error = Err::<(), _>(status(4, "Failure"))
            .during("Upload error: ")
            .unwrap_err();
        assert_eq!(error.to_string(), "Upload error: [SFTP(4)] failure");
    }

    #[test]
    fn proxies_are_named_as_programs_know_them() {
        let text = |kind, error| OintError::Proxy { kind, source: error }.to_string();
        let refused = || Error::new(ErrorKind::ProxyRefused, Stage::Proxy, "no").hint("ask");
        let http = |status| refused().caused_by(HttpRefusal { status });
        assert_eq!(
            text("http", http(407)),
            "TCP error: Proxy authentication required (HTTP 407): no. ask"
        );
        assert_eq!(
            text("http", http(503)),
            "TCP error: Proxy error: HTTP 503: no. ask"
        );
        assert_eq!(text("socks5", refused()), "TCP error: SOCKS5 error: no. ask");
        assert_eq!(text("socks4", refused()), "TCP error: SOCKS4 error: no. ask");
    }

    #[test]
    fn the_next_step_is_part_of_the_text() {
        let error = Error::new(
            ErrorKind::HostKeyUnknown,
            Stage::HostKey,
            "the key of h is not known",
        )
        .hint("Run longshore trust add h");
        assert_eq!(
            OintError::from(error).to_string(),
            "Handshake error: the key of h is not known. Run longshore trust add h; for scripts from before keys were \
             checked: LONGSHORE_OINT_TRUST=accept-new"
        );
    }
}
