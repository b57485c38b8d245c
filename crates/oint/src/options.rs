//! From the package's settings to what the client needs to connect.

use std::path::{Path, PathBuf};
use std::time::Duration;

use longshore_client::route::{Login, Proxy as ClientProxy, ProxyKind as ClientProxyKind, Route};
use longshore_client::trust::TrustPolicy;
use longshore_client::{
    AgentKeys, Algorithms, Answers, AuthMethod, ConnectOptions, Endpoint, KeyFile, Timeouts, UserKey,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::error::{OintError, Result};
use crate::settings::{Auth, Extra, KeySource, Proxy, ProxyKind, Settings, Trust};

/// Says what a host key that is not known means to calls without any of the trust keys: `accept-new` remembers it.
pub const TRUST_VARIABLE: &str = "LONGSHORE_OINT_TRUST";

/// Everything that connecting needs.
///
/// # Errors
/// [`OintError::Settings`] for what cannot be used, [`OintError::File`] for keys that cannot be read.
pub(crate) fn connect_options(settings: &Settings, proxy: Option<&Proxy>) -> Result<ConnectOptions> {
    let endpoint = Endpoint::new(settings.host.trim_matches(['[', ']']), settings.port)?;
    let mut options = ConnectOptions::new(endpoint, settings.username.clone(), trust(&settings.trust)?)
        .timeouts(timeouts(&settings.extra))
        .algorithms(algorithms(&settings.extra)?);
    for auth in std::iter::once(&settings.auth).chain(&settings.extra.also) {
        options = options.auth(method(auth, &settings.extra)?);
    }
    let mut way = proxy.map(route).transpose()?;
    let mut over: Option<ConnectOptions> = None;
    for hop in &settings.extra.jump {
        let mut hop = connect_options(hop, None)?;
        hop = match (over.take(), way.take()) {
            (Some(before), _) => hop.jump(before),
            (None, Some(route)) => hop.route(route),
            (None, None) => hop,
        };
        over = Some(hop);
    }
    Ok(match (over, way) {
        (Some(over), _) => options.jump(over),
        (None, Some(route)) => options.route(route),
        (None, None) => options,
    })
}

fn trust(trust: &Trust) -> Result<TrustPolicy> {
    Ok(match trust {
        Trust::Fingerprints(pins) => TrustPolicy::pinned(pins)?,
        Trust::KnownHosts(path) => {
            // A file that is named but missing would refuse every host without saying why.
            std::fs::metadata(path).map_err(|error| crate::data::of_file(Path::new(path), &error))?;
            TrustPolicy::known_hosts([PathBuf::from(path)])
        }
        Trust::Insecure => TrustPolicy::accept_any_host_key_and_trust_whoever_answers(),
        Trust::Default => by_default()?,
    })
}

fn by_default() -> Result<TrustPolicy> {
    let home = std::env::home_dir().ok_or_else(|| {
        OintError::Settings("no home directory, so no known_hosts: set known_hosts or fingerprint".to_owned())
    })?;
    let standard = TrustPolicy::standard(&home);
    match std::env::var(TRUST_VARIABLE).as_deref() {
        Err(_) | Ok("" | "strict") => Ok(standard),
        Ok("accept-new") => Ok(standard.accept_new()),
        Ok(other) => Err(OintError::Settings(format!(
            "{TRUST_VARIABLE} is '{other}': it takes strict or accept-new"
        ))),
    }
}

fn method(auth: &Auth, extra: &Extra) -> Result<AuthMethod> {
    Ok(match auth {
        Auth::Password(password) => AuthMethod::Password(password.clone()),
        Auth::Agent => AuthMethod::Agent(match &extra.agent_socket {
            Some(socket) => AgentKeys::at(socket),
            None => AgentKeys::default(),
        }),
        Auth::KeyboardInteractive(answers) => {
            AuthMethod::KeyboardInteractive(Answers::Given(answers.clone()))
        }
        Auth::PrivateKey {
            key: KeySource::Path(path),
            passphrase,
            certificate,
            ..
        } => {
            let mut file = KeyFile::new(path);
            if let Some(passphrase) = passphrase {
                file = file.passphrase(passphrase.clone());
            }
            if let Some(certificate) = certificate {
                file = file.certificate(certificate);
            }
            AuthMethod::KeyFile(file)
        }
        Auth::PrivateKey {
            key: KeySource::Text(text),
            passphrase,
            certificate,
            ..
        } => AuthMethod::Key(in_memory(text, passphrase.as_ref(), certificate.as_deref())?),
    })
}

fn in_memory(
    text: &SecretString,
    passphrase: Option<&SecretString>,
    certificate: Option<&str>,
) -> Result<UserKey> {
    let unusable = |error: &dyn std::error::Error| OintError::Settings(format!("Auth error: {error}"));
    let passphrase = passphrase.map(SecretString::expose_secret);
    let key =
        UserKey::parse(text.expose_secret().as_bytes(), passphrase).map_err(|error| unusable(&error))?;
    match certificate {
        None => Ok(key),
        Some(path) => {
            let line = std::fs::read_to_string(path)
                .map_err(|error| crate::data::of_file(Path::new(path), &error))?;
            key.with_certificate(&line).map_err(|error| unusable(&error))
        }
    }
}

fn timeouts(extra: &Extra) -> Timeouts {
    let mut timeouts = Timeouts::default();
    if let Some(seconds) = extra.timeout_secs {
        let limit = Duration::from_secs_f64(seconds);
        timeouts.route.resolve = limit;
        timeouts.route.connect = limit;
        timeouts.route.proxy = limit;
        timeouts.handshake = limit;
        timeouts.auth = limit;
        timeouts.channel = limit;
    }
    timeouts
}

fn algorithms(extra: &Extra) -> Result<Algorithms> {
    let mut algorithms = Algorithms::default();
    let supported = Algorithms::supported();
    for (key, text) in &extra.algorithms {
        let (list, all) = match *key {
            "kex" => (&mut algorithms.kex, &supported.kex),
            "ciphers" => (&mut algorithms.ciphers, &supported.ciphers),
            "macs" => (&mut algorithms.macs, &supported.macs),
            _ => (&mut algorithms.host_keys, &supported.host_keys),
        };
        choose(list, all, text)
            .map_err(|name| OintError::Settings(format!("{key}: '{name}' is not supported")))?;
    }
    Ok(algorithms)
}

/// `+` appends, `-` takes away, `^` puts first, anything else replaces. The error is the name that is not known.
fn choose(list: &mut Vec<String>, supported: &[String], text: &str) -> Result<(), String> {
    let (how, names) = match text.chars().next() {
        Some(how @ ('+' | '-' | '^')) => (how, &text[1..]),
        _ => ('=', text),
    };
    let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
    if let Some(unknown) = names.iter().find(|name| !supported.contains(name)) {
        return Err(unknown.clone());
    }
    list.retain(|name| !names.contains(name) && how != '=');
    match how {
        '-' => {}
        '^' => list.splice(0..0, names).for_each(drop),
        _ => list.extend(names),
    }
    Ok(())
}

fn route(proxy: &Proxy) -> Result<Route> {
    let kind = match proxy.kind {
        ProxyKind::Socks5 => ClientProxyKind::Socks5,
        // The name goes to the proxy, as the original did it.
        ProxyKind::Socks4 => ClientProxyKind::Socks4a,
        ProxyKind::Http => ClientProxyKind::Http,
    };
    let mut through = ClientProxy::new(
        kind,
        Endpoint::new(proxy.server.trim_matches(['[', ']']), proxy.port)?,
    );
    match (&proxy.login, &proxy.password, proxy.kind) {
        (Some(login), Some(password), _) => through = through.login(Login::new(login, password.clone())),
        (Some(login), None, ProxyKind::Socks4) => {
            through = through.login(Login::new(login, SecretString::default()));
        }
        _ => {}
    }
    Ok(Route::through([through]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn algorithm_lists_are_changed_as_in_ssh_config() {
        let supported: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        let chosen = |text: &str| {
            let mut list = vec!["a".to_owned(), "b".to_owned()];
            choose(&mut list, &supported, text).map(|()| list.join(","))
        };
        assert_eq!(chosen("+c").unwrap(), "a,b,c");
        assert_eq!(chosen("-a").unwrap(), "b");
        assert_eq!(chosen("^b").unwrap(), "b,a");
        assert_eq!(chosen("c,a").unwrap(), "c,a");
        assert_eq!(chosen("+d").unwrap_err(), "d");
    }

    #[test]
    fn ipv6_literals_may_have_brackets() {
        for host in ["::1", "[::1]"] {
            let settings =
                json!({"auth_type": "agent", "host": host, "port": 22, "username": "u", "insecure": true});
            let options = connect_options(&Settings::from_json(&settings).unwrap(), None).unwrap();
            assert_eq!(options.endpoint.host(), "::1");
        }
    }
}
