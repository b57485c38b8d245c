//! One proxy: its kind, where it is, who we are to it.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{RouteTimeouts, http, socks4, socks5, tls::ProxyTls};
use crate::endpoint::{BoxedStream, Endpoint};
use crate::error::{Error, ErrorKind, Result, Stage};

/// A proxy that opens streams on our behalf.
#[derive(Debug, Clone)]
pub struct Proxy {
    kind: ProxyKind,
    endpoint: Endpoint,
    login: Option<Login>,
    tls: ProxyTls,
}

/// The language of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyKind {
    /// SOCKS4: IPv4 only, names are looked up here.
    Socks4,
    /// SOCKS4a: the proxy looks names up.
    Socks4a,
    /// SOCKS5 (RFC 1928, RFC 1929): the proxy looks names up.
    Socks5,
    /// HTTP CONNECT (RFC 9110 §9.3.6).
    Http,
    /// HTTP CONNECT over TLS.
    Https,
}

/// Who we are to a proxy.
#[derive(Clone)]
pub struct Login {
    pub(super) user: String,
    pub(super) password: SecretString,
}

impl Login {
    /// A user name and a password. SOCKS4 sends the name alone.
    #[must_use]
    pub fn new(user: impl Into<String>, password: SecretString) -> Self {
        Self {
            user: user.into(),
            password,
        }
    }

    pub(super) fn password(&self) -> &str {
        self.password.expose_secret()
    }
}

impl Proxy {
    /// A proxy without login.
    #[must_use]
    pub fn new(kind: ProxyKind, endpoint: Endpoint) -> Self {
        Self {
            kind,
            endpoint,
            login: None,
            tls: ProxyTls::default(),
        }
    }

    /// Adds a login.
    #[must_use]
    pub fn login(mut self, login: Login) -> Self {
        self.login = Some(login);
        self
    }

    /// Which certificates to trust, for [`ProxyKind::Https`].
    #[must_use]
    pub fn tls(mut self, tls: ProxyTls) -> Self {
        self.tls = tls;
        self
    }

    /// Reads `socks4://`, `socks4a://`, `socks5://`, `socks5h://`, `http://` or `https://`, with `user:password@` if need
    /// be (percent-encoded). SOCKS ports default to 1080, HTTP's to 8080 and HTTPS's to 443.
    ///
    /// # Errors
    /// What is no such URL. The message does not repeat it: it may hold a password.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = |what: &str| {
            Error::new(
                ErrorKind::InvalidInput,
                Stage::Config,
                format!("the proxy's URL {what}"),
            )
            .hint("write scheme://[user:password@]host[:port] with socks4, socks4a, socks5, http or https")
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| invalid("has no scheme"))?;
        let (kind, port) = match scheme.to_ascii_lowercase().as_str() {
            "socks4" => (ProxyKind::Socks4, 1080),
            "socks4a" => (ProxyKind::Socks4a, 1080),
            // socks5 resolves through the proxy too: the name may mean something there only
            "socks" | "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            "http" => (ProxyKind::Http, 8080),
            "https" => (ProxyKind::Https, 443),
            _ => return Err(invalid("has an unknown scheme")),
        };
        // a scheme that url knows no default port of, so that an explicit one is never dropped
        let url = Url::parse(&format!("proxy://{rest}"))
            .map_err(|error| invalid("cannot be read").caused_by(error))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("has a path"));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| invalid("has no host"))?;
        let proxy = Self::new(kind, Endpoint::new(host, url.port().unwrap_or(port))?);
        let decode =
            |text: &str| crate::target::percent_decode(text).and_then(|bytes| String::from_utf8(bytes).ok());
        if url.username().is_empty() && url.password().is_none() {
            return Ok(proxy);
        }
        let user = decode(url.username()).ok_or_else(|| invalid("has a broken user name"))?;
        let password = decode(url.password().unwrap_or_default());
        let password = password.ok_or_else(|| invalid("has a broken password"))?;
        Ok(proxy.login(Login::new(user, password.into())))
    }

    /// Where it is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its language.
    #[must_use]
    pub fn kind(&self) -> ProxyKind {
        self.kind
    }

    pub(super) fn credentials(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    /// Has the proxy open a stream to `target`.
    pub(super) async fn tunnel(
        &self,
        stream: BoxedStream,
        target: &Endpoint,
        timeouts: &RouteTimeouts,
    ) -> Result<BoxedStream> {
        match self.kind {
            ProxyKind::Socks4 | ProxyKind::Socks4a => socks4::tunnel(self, stream, target, timeouts).await,
            ProxyKind::Socks5 => socks5::tunnel(self, stream, target).await,
            ProxyKind::Http => http::tunnel(self, stream, target).await,
            ProxyKind::Https => {
                let stream = self.tls.wrap(self, stream).await?;
                http::tunnel(self, stream, target).await
            }
        }
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ProxyKind::Socks4 => "SOCKS4",
            ProxyKind::Socks4a => "SOCKS4a",
            ProxyKind::Socks5 => "SOCKS5",
            ProxyKind::Http => "HTTP",
            ProxyKind::Https => "HTTPS",
        };
        write!(f, "the {kind} proxy {}", self.endpoint)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxy_urls_are_read() {
        for (text, kind, endpoint, login) in [
            ("socks5://p", ProxyKind::Socks5, "p:1080", None),
            ("SOCKS5H://p:9/", ProxyKind::Socks5, "p:9", None),
            ("socks4://192.0.2.1", ProxyKind::Socks4, "192.0.2.1:1080", None),
            ("socks4a://me@p:1", ProxyKind::Socks4a, "p:1", Some(("me", ""))),
            ("http://[::1]:80", ProxyKind::Http, "[::1]:80", None),
            (
                "https://u%40d:p%3A%2F@p",
                ProxyKind::Https,
                "p:443",
                Some(("u@d", "p:/")),
            ),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!(
                (proxy.kind(), proxy.endpoint().to_string().as_str()),
                (kind, endpoint),
                "{text}"
            );
            let got = proxy
                .credentials()
                .map(|login| (login.user.as_str(), login.password()));
            assert_eq!(got, login, "{text}");
        }
        for bad in [
            "p:1080",
            "ftp://p",
            "socks5://",
            "http://p/x",
            "http://u:%zz@p",
            "http://p:0",
        ] {
            Proxy::parse(bad).expect_err(bad);
        }
    }

    #[test]
    fn a_password_shows_nowhere() {
        let proxy = Proxy::parse("http://u:s3cret@p").unwrap();
        assert!(!format!("{proxy:?}{proxy}").contains("s3cret"));
        let error = Proxy::parse("http://u:s3cret@p/x").unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}
