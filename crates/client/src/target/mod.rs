//! What people write to name a file on a server: `alias:path`, `user@host:path`, `[v6]:path`, `sftp://user@host:port/path`.

mod percent;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

pub(crate) use percent::decode as percent_decode;

use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result, Stage};

/// A local path or one on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A path of this machine.
    Local(PathBuf),
    /// A path of a server.
    Remote(Remote),
}

/// A path of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Remote {
    /// Host, address (without brackets) or alias of the configuration.
    pub host: String,
    /// The user, where one is named.
    pub user: Option<String>,
    /// The port, where one is named.
    pub port: Option<u16>,
    /// The path as bytes; empty for the directory where the server starts, relative to it without a leading slash.
    pub path: Vec<u8>,
}

impl Target {
    /// Reads a target as `scp` does: a colon before the first slash means a server. `./a:b` and `/a:b` are local.
    ///
    /// # Errors
    /// An empty target or host, a URL that is none, a user or host that would pass for an option.
    pub fn parse(text: &OsStr) -> Result<Self> {
        let bytes = text.as_bytes();
        if bytes.is_empty() {
            return Err(invalid("a target is empty"));
        }
        if let Some(rest) = strip_scheme(bytes) {
            return url(rest).map(Self::Remote);
        }
        match colon(bytes) {
            None => Ok(Self::Local(PathBuf::from(text))),
            Some(at) => {
                let (host, path) = (&bytes[..at], &bytes[at + 1..]);
                let (user, host) = authority(host)?;
                let host = unbracket(host)?;
                Ok(Self::Remote(Remote {
                    host: checked_host(host)?,
                    user,
                    port: None,
                    path: path.to_vec(),
                }))
            }
        }
    }

    /// As [`Target::parse`], for commands that take servers only: `host` alone means its start directory.
    ///
    /// # Errors
    /// As [`Target::parse`], and for local paths.
    pub fn parse_remote(text: &OsStr) -> Result<Remote> {
        match Self::parse(text)? {
            Self::Remote(remote) => Ok(remote),
            Self::Local(path) if path.as_os_str().as_bytes().contains(&b'/') => {
                let message = format!("{} is a local path", path.display());
                Err(invalid(message).hint("write host:path"))
            }
            Self::Local(path) => {
                let (user, host) = authority(path.as_os_str().as_bytes())?;
                Ok(Remote {
                    host: checked_host(unbracket(host)?)?,
                    user,
                    port: None,
                    path: Vec::new(),
                })
            }
        }
    }
}

/// Where the colon stands that ends the host; `None` for a local path.
fn colon(bytes: &[u8]) -> Option<usize> {
    if bytes[0] == b':' {
        return None; // scp takes it for a file
    }
    let mut bracket = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'/' if !bracket => return None,
            b'[' if at == 0 || bytes[at - 1] == b'@' => bracket = true,
            b']' if bracket => {
                return (bytes.get(at + 1) == Some(&b':')).then_some(at + 1);
            }
            b':' if !bracket => return Some(at),
            _ => {}
        }
    }
    None
}

fn strip_scheme(bytes: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = bytes.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// `[user[;parameters]@]host[:port][/path]`, percent-encoded. `/path` is absolute; `/~/path` starts where the server does.
fn url(rest: &[u8]) -> Result<Remote> {
    let slash = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    let (front, path) = rest.split_at(slash);
    let front =
        str::from_utf8(front).map_err(|error| invalid("the URL's host is no text").caused_by(error))?;
    let (user, host) = match front.rsplit_once('@') {
        None => (None, front),
        Some((user, _)) if user.contains(':') => {
            return Err(invalid("a URL may not hold a password")
                .hint("give it by prompt, file, environment or standard input"));
        }
        Some((user, host)) => (
            Some(decoded_text(user.split(';').next().unwrap_or_default(), "user")?),
            host,
        ),
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let port = port
        .filter(|port| !port.is_empty())
        .map(|port| {
            let number = port.parse::<u16>().ok().filter(|port| *port != 0);
            number.ok_or_else(|| invalid(format!("\"{}\" is not a port", port.escape_debug())))
        })
        .transpose()?;
    let name = unbracket(name.as_bytes())?;
    let path = percent_decode(path_text(path)?).ok_or_else(|| invalid("the URL's path holds a broken %"))?;
    Ok(Remote {
        host: checked_host(decoded_text(name, "host")?.as_str())?,
        user: user.filter(|user| !user.is_empty()),
        port,
        path: start_relative(path),
    })
}

/// `/~/a` is `a`, `/~` and nothing are the start directory; `/a` stays.
fn start_relative(path: Vec<u8>) -> Vec<u8> {
    match path.as_slice() {
        b"/~" => Vec::new(),
        [b'/', b'~', b'/', rest @ ..] => rest.to_vec(),
        _ => path,
    }
}

fn path_text(path: &[u8]) -> Result<&str> {
    str::from_utf8(path).map_err(|error| {
        invalid("the URL's path is no text")
            .caused_by(error)
            .hint("write bytes as %XX, or host:path instead of a URL")
    })
}

fn decoded_text(text: &str, what: &str) -> Result<String> {
    let bytes = percent_decode(text).ok_or_else(|| invalid(format!("the URL's {what} holds a broken %")))?;
    String::from_utf8(bytes).map_err(|error| invalid(format!("the URL's {what} is no text")).caused_by(error))
}

/// `user@host`; the last `@` counts, user names may hold one.
fn authority(bytes: &[u8]) -> Result<(Option<String>, &[u8])> {
    let Some(at) = bytes.iter().rposition(|byte| *byte == b'@') else {
        return Ok((None, bytes));
    };
    let user = String::from_utf8(bytes[..at].to_vec());
    let user = user.map_err(|error| invalid("the user name is no text").caused_by(error))?;
    if user.is_empty() || user.starts_with('-') {
        return Err(invalid(format!("\"{}\" is no user name", user.escape_debug())));
    }
    Ok((Some(user), &bytes[at + 1..]))
}

fn unbracket(host: &[u8]) -> Result<&str> {
    let host = str::from_utf8(host).map_err(|error| invalid("the host is no text").caused_by(error))?;
    Ok(host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host))
}

/// What an endpoint takes for a host.
fn checked_host(host: &str) -> Result<String> {
    Endpoint::new(host, crate::endpoint::SSH_PORT).map(|endpoint| endpoint.host().to_owned())
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, Stage::Config, message)
}

const SCHEME: &[u8] = b"sftp://";

#[cfg(test)]
mod tests;
