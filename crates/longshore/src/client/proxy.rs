//! Proxies of the command line and of the environment.

use longshore_client::route::{FirstStep, Proxy, Route};
use longshore_client::{ConnectOptions, Via};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Proxies, whose URLs may hold passwords because the environment is not for all to see.
pub(super) const VARIABLE: &str = "LONGSHORE_PROXY";

/// The proxies to go through, the nearest first: those of the command line, else those of the environment.
///
/// # Errors
/// [`ExitCode::Usage`] for a password on the command line, [`ExitCode::Config`] for what is no URL of a proxy.
pub(super) fn chain(given: &[String], password: Option<&SecretString>) -> Result<Vec<Proxy>> {
    if given.iter().any(|url| url == "none") {
        return Ok(Vec::new());
    }
    if given.is_empty() {
        let urls = Zeroizing::new(std::env::var(VARIABLE).unwrap_or_default());
        return urls.split_whitespace().map(read).collect();
    }
    given
        .iter()
        .map(|url| match login(url) {
            Some((_, Some(_))) => Err(CliError::new(
                ExitCode::Usage,
                "a proxy's password does not belong on the command line, which others can read",
            )
            .hint(format!(
                "give it with --proxy-password-file, or the whole URL in {VARIABLE}"
            ))),
            Some((at, None)) => match password {
                Some(password) => {
                    let password = Zeroizing::new(percent(password.expose_secret()));
                    let (front, rest) = url.split_at(at);
                    read(&Zeroizing::new(format!("{front}:{}{rest}", password.as_str())))
                }
                None => read(url),
            },
            None => read(url),
        })
        .collect()
}

/// Sends the connection, or the first of its jump hosts, through the proxies.
pub(super) fn go_through(options: &mut ConnectOptions, proxies: Vec<Proxy>) {
    match &mut options.via {
        Via::Jump(next) => go_through(next, proxies),
        Via::Route(route) => {
            let first = match std::mem::take(&mut route.first) {
                direct @ FirstStep::Direct(_) => direct,
                // a ProxyCommand is another way to the same place
                FirstStep::Command(_) => FirstStep::default(),
            };
            *route = Route { first, proxies };
        }
    }
}

fn read(url: &str) -> Result<Proxy> {
    Proxy::parse(url).map_err(CliError::from)
}

/// Where the user name ends, and whether a password follows, if the URL has a login.
fn login(url: &str) -> Option<(usize, Option<()>)> {
    let start = url.find("://")? + 3;
    let authority = &url[start..];
    let authority = &authority[..authority.find(['/', '?', '#']).unwrap_or(authority.len())];
    let at = authority.rfind('@')?;
    let user = &authority[..at];
    match user.find(':') {
        Some(colon) if colon + 1 < user.len() => Some((start + colon, Some(()))),
        Some(colon) => Some((start + colon, None)),
        None => Some((start + at, None)),
    }
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_on_the_command_line_are_refused_and_not_repeated() {
        let error = chain(&["socks5://me:s3cret@p".to_owned()], None).unwrap_err();
        assert_eq!(error.code(), ExitCode::Usage);
        assert!(!error.render().contains("s3cret"));
        assert!(chain(&["socks5://me@p".to_owned()], None).is_ok());
        assert!(chain(&["socks5://me@p".to_owned()], Some(&"a@b/:".into())).is_ok());
    }

    #[test]
    fn the_login_of_a_url_is_found() {
        assert_eq!(login("socks5://p:1080"), None);
        assert_eq!(login("socks5://me@p"), Some((11, None)));
        assert_eq!(login("http://u:p@q"), Some((8, Some(()))));
        assert_eq!(login("http://u:p@ss@q/x@y"), Some((8, Some(()))));
    }

    #[test]
    fn none_takes_no_proxy() {
        assert!(chain(&["none".to_owned()], None).unwrap().is_empty());
    }
}
