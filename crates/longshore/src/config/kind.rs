//! The kinds of values that settings take, and how text becomes a value.

use std::ffi::OsStr;
use std::path::PathBuf;

use tracing_subscriber::EnvFilter;

use crate::client::Url;
use crate::serve::ListenAddress;

/// What values a setting takes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `IP:PORT`, or `*:PORT` for all addresses.
    Listen,
    /// A bare host name or address: no scheme, no port.
    Host,
    /// A whole number within bounds, both included.
    Integer {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// Permission bits in octal.
    Mode,
    /// Web origins (`https://app.example.com`); a list.
    Origins,
    /// A log filter: a level, or `target=level` pairs.
    Filter,
    /// A path; relative ones start at the working directory, in a file at the folder of the file.
    Path,
    /// Address of an API: `http://host:port`.
    Url,
    /// Text that is never shown.
    Secret,
}

/// A checked value.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// No value.
    Unset,
    /// A number.
    Integer(u64),
    /// Text.
    Text(String),
    /// A path, kept as bytes.
    Path(PathBuf),
    /// Several texts.
    List(Vec<String>),
}

/// Secrets are texts too, so no value is ever shown by `Debug`.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Unset => "Unset",
            Self::Integer(_) => "Integer(…)",
            Self::Text(_) => "Text(…)",
            Self::Path(_) => "Path(…)",
            Self::List(_) => "List(…)",
        })
    }
}

impl Kind {
    /// Reads a value as it stands in the environment or on the command line. Lists are separated by commas.
    ///
    /// # Errors
    /// What the value must look like, as text that follows "… must be".
    pub fn parse_os(&self, text: &OsStr) -> Result<Value, String> {
        if matches!(self, Self::Path) {
            return if text.is_empty() {
                Err(self.expectation())
            } else {
                Ok(Value::Path(PathBuf::from(text)))
            };
        }
        let text = text.to_str().ok_or("UTF-8 text")?;
        match self {
            Self::Integer { .. } => self.check_integer(text.trim().parse().map_err(|_| self.expectation())?),
            Self::Origins => self.check_list(
                text.split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty())
                    .map(str::to_owned)
                    .collect(),
            ),
            _ => self.check_text(text),
        }
    }

    /// Checks a number from a file.
    ///
    /// # Errors
    /// As [`Self::parse_os`].
    pub fn check_integer(&self, number: u64) -> Result<Value, String> {
        match *self {
            Self::Integer { min, max } if (min..=max).contains(&number) => Ok(Value::Integer(number)),
            _ => Err(self.expectation()),
        }
    }

    /// Checks a list from a file.
    ///
    /// # Errors
    /// As [`Self::parse_os`].
    pub fn check_list(&self, items: Vec<String>) -> Result<Value, String> {
        match self {
            Self::Origins if items.iter().all(|item| is_origin(item)) => Ok(Value::List(items)),
            _ => Err(self.expectation()),
        }
    }

    /// Checks a truth value from a file.
    ///
    /// # Errors
    /// As [`Self::parse_os`].
    pub fn check_switch(&self, on: bool) -> Result<Value, String> {
        match self {
            Self::Switch => Ok(Value::Text(on.to_string())),
            _ => Err(self.expectation()),
        }
    }

    /// Checks a text from a file.
    ///
    /// # Errors
    /// As [`Self::parse_os`].
    pub fn check_text(&self, text: &str) -> Result<Value, String> {
        let good = match self {
            Self::Listen => text.parse::<ListenAddress>().is_ok(),
            Self::Host => is_host(text),
            Self::Choice(words) => words.contains(&text),
            Self::Switch => matches!(text, "true" | "false"),
            Self::Mode => parse_mode(text).is_some(),
            Self::Filter => !text.is_empty() && EnvFilter::builder().parse(text).is_ok(),
            Self::Url => text.parse::<Url>().is_ok(),
            Self::Secret => !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()),
            Self::Path if !text.is_empty() => return Ok(Value::Path(PathBuf::from(text))),
            Self::Integer { .. } | Self::Origins | Self::Path => false,
        };
        if good {
            Ok(Value::Text(text.to_owned()))
        } else {
            Err(self.expectation())
        }
    }

    /// What a value must be, as text that follows "must be".
    #[must_use]
    pub fn expectation(&self) -> String {
        match self {
            Self::Listen => "IP:PORT, or *:PORT for all addresses".to_owned(),
            Self::Host => "a bare host name or address, without scheme and port".to_owned(),
            Self::Integer { min, max: u64::MAX } => format!("a whole number of at least {min}"),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::Switch => "true or false".to_owned(),
            Self::Mode => "permission bits in octal, as text: \"022\"".to_owned(),
            Self::Origins => "a list of origins such as https://app.example.com".to_owned(),
            Self::Filter => {
                "a level (error, warn, info, debug, trace) or pairs such as info,longshore_server=debug"
                    .to_owned()
            }
            Self::Path => "a path".to_owned(),
            Self::Url => "an address such as http://127.0.0.1:8080".to_owned(),
            Self::Secret => "an API key in one line of visible ASCII".to_owned(),
        }
    }

    /// The type as it stands in the reference.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Listen => "address",
            Self::Host => "host name",
            Self::Integer { .. } => "integer",
            Self::Choice(_) => "choice",
            Self::Switch => "true or false",
            Self::Mode => "text",
            Self::Origins => "list of texts",
            Self::Filter => "log filter",
            Self::Path => "path",
            Self::Url => "URL",
            Self::Secret => "text, secret",
        }
    }
}

/// Permission bits from three or four octal digits; fewer are more likely a slip than a wish.
#[must_use]
pub(crate) fn parse_mode(text: &str) -> Option<u32> {
    let good = (3..=4).contains(&text.len()) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    good.then(|| u32::from_str_radix(text, 8).ok())
        .flatten()
        .filter(|&mode| mode <= 0o777)
}

fn is_host(text: &str) -> bool {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return true;
    }
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

fn is_origin(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.contains(['/', '?', '#', '@', ','])
            && rest.chars().all(|c| c.is_ascii_graphic())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: Kind, text: &str) -> Result<Value, String> {
        kind.parse_os(OsStr::new(text))
    }

    #[test]
    fn integers_keep_their_bounds() {
        let kind = Kind::Integer { min: 1, max: 10 };
        assert_eq!(parse(kind, "1"), Ok(Value::Integer(1)));
        assert_eq!(parse(kind, "10"), Ok(Value::Integer(10)));
        for bad in ["0", "11", "-1", "1.5", "ten", ""] {
            assert!(parse(kind, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn hosts_have_neither_scheme_nor_port() {
        for good in [
            "sftp.example.com",
            "localhost",
            "192.0.2.1",
            "2001:db8::1",
            "my_host",
        ] {
            assert!(parse(Kind::Host, good).is_ok(), "{good}");
        }
        for bad in ["", "sftp://x", "x:22", "a..b", "a b", "x/"] {
            assert!(parse(Kind::Host, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn origins_are_scheme_host_port_only() {
        assert_eq!(
            parse(Kind::Origins, "https://a.example, http://localhost:3000"),
            Ok(Value::List(vec![
                "https://a.example".to_owned(),
                "http://localhost:3000".to_owned()
            ]))
        );
        assert_eq!(parse(Kind::Origins, ""), Ok(Value::List(Vec::new())));
        for bad in ["a.example", "https://", "https://a.example/", "ftp://a"] {
            assert!(parse(Kind::Origins, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn filters_choices_and_secrets_are_checked() {
        assert!(parse(Kind::Filter, "info,longshore_server=debug").is_ok());
        assert!(parse(Kind::Filter, "info,x=loud").is_err());
        assert_eq!(parse_mode("027"), Some(0o027));
        assert_eq!(parse_mode("0022"), Some(0o022));
        for bad in ["", "22", "028", "1777", "+22", "00022"] {
            assert!(parse(Kind::Mode, bad).is_err(), "{bad}");
        }
        assert!(parse(Kind::Choice(&["close", "none"]), "none").is_ok());
        assert!(parse(Kind::Choice(&["close", "none"]), "None").is_err());
        assert!(parse(Kind::Switch, "false").is_ok());
        for bad in ["", "off", "True", "1"] {
            assert!(parse(Kind::Switch, bad).is_err(), "{bad}");
        }
        assert_eq!(Kind::Switch.check_switch(true), parse(Kind::Switch, "true"));
        assert!(parse(Kind::Secret, "abc.def").is_ok());
        assert!(parse(Kind::Secret, "abc def").is_err());
    }
}
