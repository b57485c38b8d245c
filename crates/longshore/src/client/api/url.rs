//! Address of an API: `http://host[:port][/base]`.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;

/// Where an API is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    authority: String,
    host: String,
    port: u16,
    base: String,
}

/// Why a text is not the address of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// We speak plain HTTP only.
    #[error(
        "https is not spoken by this command: reach the server through the admin socket, an SSH tunnel or a local TLS forwarder, and name it as http://…"
    )]
    Https,
    /// User names, passwords and keys have no place in an address.
    #[error("an address must not hold a user name or password")]
    UserInfo,
    /// Anything else.
    #[error("an address looks like http://127.0.0.1:8080")]
    Malformed,
}

impl FromStr for Url {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| InvalidUrl::Malformed)?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(InvalidUrl::Https),
            _ => return Err(InvalidUrl::Malformed),
        }
        let authority = uri.authority().ok_or(InvalidUrl::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(InvalidUrl::UserInfo);
        }
        if uri.query().is_some() || text.contains('#') || authority.host().is_empty() {
            return Err(InvalidUrl::Malformed);
        }
        let bracketless = authority.host().trim_start_matches('[').trim_end_matches(']');
        Ok(Self {
            authority: authority.to_string(),
            host: bracketless.to_owned(),
            port: authority.port_u16().unwrap_or(80),
            base: base(uri.path()).to_owned(),
        })
    }
}

impl Url {
    /// Value of the `Host` header.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Host and port to connect to.
    #[must_use]
    pub fn host_and_port(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Path in front of every operation; empty or without a slash at its end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }
}

/// The users API answers under both spellings of its base, the key operations only under the short one.
fn base(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.strip_suffix("/2022-04-01").unwrap_or(path)
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_host_port_and_base() {
        let url: Url = "http://[::1]:8080/files/2022-04-01/".parse().unwrap();
        assert_eq!((url.host_and_port(), url.base()), (("::1", 8080), "/files"));
        assert_eq!(url.to_string(), "http://[::1]:8080/files");
        assert_eq!("http://a".parse::<Url>().unwrap().host_and_port(), ("a", 80));
    }

    #[test]
    fn other_schemes_and_secrets_are_refused() {
        assert_eq!("https://a".parse::<Url>(), Err(InvalidUrl::Https));
        assert_eq!("http://u:p@a".parse::<Url>(), Err(InvalidUrl::UserInfo));
        for bad in [
            "",
            "a",
            "127.0.0.1:8080",
            "ftp://a",
            "http://",
            "http://a?x=1",
            "http://a b",
        ] {
            assert_eq!(bad.parse::<Url>(), Err(InvalidUrl::Malformed), "{bad}");
        }
    }
}
