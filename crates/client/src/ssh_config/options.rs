//! From a configuration to what a connection needs: way, trust, logins, algorithms, jump hosts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Query;
use super::eval::{at, evaluate};
use super::host::{AddressFamily, HostConfig, StrictHostKeyChecking};
use super::sources::Sources;
use crate::auth::{AgentKeys, Answers, AuthMethod, KeyFile};
use crate::connect::{Algorithms, ConnectOptions};
use crate::endpoint::{Endpoint, SSH_PORT};
use crate::error::Result;
use crate::host_key::HostKey;
use crate::limits;
use crate::route::{Direct, Family, FirstStep, Route};
use crate::trust::{AskAboutHostKey, TrustPolicy};

/// A host's configuration and the connection that follows from it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Resolved {
    /// What was configured, and where.
    pub config: HostConfig,
    /// What to connect with; change it before connecting.
    pub options: ConnectOptions,
}

/// Evaluates the configuration of a host and of the jump hosts in front of it. `ask` is whom to ask about unknown host
/// keys, where the configuration lets anybody be asked.
///
/// # Errors
/// As [`evaluate`]; algorithms of which none is known here; jump hosts without end.
pub fn connect_options(
    query: &Query,
    sources: &Sources,
    ask: Option<&Arc<dyn AskAboutHostKey>>,
) -> Result<Resolved> {
    resolve(query, sources, ask, 0)
}

fn resolve(
    query: &Query,
    sources: &Sources,
    ask: Option<&Arc<dyn AskAboutHostKey>>,
    depth: usize,
) -> Result<Resolved> {
    let config = evaluate(query, sources)?;
    let mut options = config.without_jumps(ask)?;
    if let Some(jump) = config.proxy_jump()? {
        if depth == limits::JUMPS {
            let problem = format!("more than {} jump hosts stand in a row", limits::JUMPS);
            return Err(at(&config.origin("ProxyJump"), &problem));
        }
        let last = jump_query(query, &jump).map_err(|problem| at(&config.origin("ProxyJump"), &problem))?;
        options = options.jump(resolve(&last, sources, ask, depth + 1)?.options);
    }
    Ok(Resolved { config, options })
}

/// The last hop of `a,b,c`; those before it are its own way, as with `ssh -J a,b c`.
fn jump_query(query: &Query, jump: &str) -> Result<Query, String> {
    let (before, last) = match jump.rsplit_once(',') {
        Some((before, last)) => (Some(before), last),
        None => (None, jump),
    };
    let text = last.trim();
    let rest = text.strip_prefix("ssh://").unwrap_or(text).trim_end_matches('/');
    let (user, host) = rest
        .rsplit_once('@')
        .map_or((None, rest), |(user, host)| (Some(user), host));
    // whether a port was written shows in two readings with different defaults
    let read = |port| Endpoint::parse(host, port).map_err(|error| format!("ProxyJump {text}: {error}"));
    let endpoint = read(SSH_PORT)?;
    let mut hop = Query {
        host: endpoint.host().to_owned(),
        given: Vec::new(),
        ..query.clone()
    };
    if let Some(user) = user {
        hop = hop.given("User", format!("\"{user}\""));
    }
    if endpoint == read(SSH_PORT + 1)? {
        hop = hop.given("Port", endpoint.port().to_string());
    }
    if let Some(before) = before {
        hop = hop.given("ProxyJump", before);
    }
    Ok(hop)
}

impl HostConfig {
    /// Which host keys to trust.
    ///
    /// # Errors
    /// Paths with unknown tokens, algorithms of which none is known.
    pub fn trust_policy(&self, ask: Option<&Arc<dyn AskAboutHostKey>>) -> Result<TrustPolicy> {
        let mut policy = TrustPolicy::known_hosts(self.user_known_hosts_files()?)
            .global_files(self.global_known_hosts_files())
            .revoked_file(self.revoked_host_keys()?)
            .alias(self.host_key_alias())
            .hash_names(self.hash_known_hosts())
            .minimum_rsa_bits(self.required_rsa_size());
        if let Some(list) = self.algorithms("CASignatureAlgorithms") {
            let all = [
                "ssh-ed25519",
                "ecdsa-sha2-nistp256",
                "ecdsa-sha2-nistp384",
                "ecdsa-sha2-nistp521",
                "rsa-sha2-512",
                "rsa-sha2-256",
            ];
            policy = policy.authority_algorithms(list.resolve(&all, &all));
        }
        Ok(match (self.strict_host_key_checking(), ask) {
            (StrictHostKeyChecking::AcceptNew | StrictHostKeyChecking::No, _) => policy.accept_new(),
            (StrictHostKeyChecking::Ask, Some(ask)) if !self.batch_mode() => policy.ask(Arc::clone(ask)),
            _ => policy,
        })
    }

    /// The connection, without the jump hosts.
    fn without_jumps(&self, ask: Option<&Arc<dyn AskAboutHostKey>>) -> Result<ConnectOptions> {
        let endpoint = Endpoint::new(self.host(), self.port())?;
        let mut options = ConnectOptions::new(endpoint, self.user(), self.trust_policy(ask)?)
            .route(self.route()?)
            .algorithms(self.algorithms_offered()?);
        options.auth = self.auth_methods()?;
        if let Some(timeout) = self.connect_timeout().filter(|timeout| !timeout.is_zero()) {
            options.timeouts.route.resolve = timeout;
            options.timeouts.route.connect = timeout;
            options.timeouts.route.proxy = timeout;
            options.timeouts.handshake = timeout;
        }
        if self.has("ServerAliveInterval") {
            options.keepalive.interval = self.server_alive_interval();
        }
        if self.has("ServerAliveCountMax") {
            options.keepalive.count = usize::try_from(self.server_alive_count_max()).unwrap_or(usize::MAX);
        }
        Ok(options)
    }

    fn route(&self) -> Result<Route> {
        if let Some(command) = self.proxy_command()? {
            return Ok(Route::command(command));
        }
        let family = match self.address_family() {
            AddressFamily::Any => Family::Any,
            AddressFamily::Inet => Family::V4,
            AddressFamily::Inet6 => Family::V6,
        };
        let direct = Direct {
            family,
            bind_address: self.bind_address().map(str::to_owned),
            bind_interface: self.bind_interface().map(str::to_owned),
            without_tcp_keep_alive: !self.tcp_keep_alive(),
        };
        Ok(Route {
            first: FirstStep::Direct(direct),
            proxies: Vec::new(),
        })
    }

    fn algorithms_offered(&self) -> Result<Algorithms> {
        let (mut offered, supported) = (Algorithms::default(), Algorithms::supported());
        for (keyword, offered, supported) in [
            ("KexAlgorithms", &mut offered.kex, &supported.kex),
            ("HostKeyAlgorithms", &mut offered.host_keys, &supported.host_keys),
            ("Ciphers", &mut offered.ciphers, &supported.ciphers),
            ("MACs", &mut offered.macs, &supported.macs),
        ] {
            let Some(list) = self.algorithms(keyword) else {
                continue;
            };
            let default: Vec<&str> = offered.iter().map(String::as_str).collect();
            let supported: Vec<&str> = supported.iter().map(String::as_str).collect();
            let names = list.resolve(&default, &supported);
            if names.is_empty() {
                let problem = format!("{keyword} leaves nothing that is known here");
                return Err(
                    at(&self.origin(keyword), &problem).hint(format!("known are: {}", supported.join(",")))
                );
            }
            *offered = names;
        }
        Ok(offered)
    }

    /// In the order of `PreferredAuthentications`, by default keys, questions, a password.
    fn auth_methods(&self) -> Result<Vec<AuthMethod>> {
        let preferred = self.preferred_authentications();
        let preferred = preferred.unwrap_or_else(|| {
            ["publickey", "keyboard-interactive", "password"]
                .map(str::to_owned)
                .to_vec()
        });
        let asks = !self.batch_mode();
        let mut methods = Vec::new();
        for name in preferred {
            match name.as_str() {
                "publickey" if self.pubkey_authentication() => methods.extend(self.key_methods()?),
                "keyboard-interactive" if asks && self.kbd_interactive_authentication() => {
                    methods.push(AuthMethod::KeyboardInteractive(Answers::Ask));
                }
                "password" if asks && self.password_authentication() => methods.push(AuthMethod::AskPassword),
                "none" => methods.push(AuthMethod::None),
                _ => {}
            }
        }
        Ok(methods)
    }

    /// The agent's keys, those that are named first, then the files. What is not there is skipped, as in OpenSSH.
    fn key_methods(&self) -> Result<Vec<AuthMethod>> {
        let files = self.identity_files()?;
        let mut methods = Vec::new();
        if let Some(socket) = self.identity_agent()? {
            let mut agent = AgentKeys::at(socket)
                .optional(true)
                .only_first(self.identities_only());
            agent.first = files.iter().filter_map(|file| fingerprint_beside(file)).collect();
            methods.push(AuthMethod::Agent(agent));
        }
        let certificates = self.certificate_files()?;
        for certificate in &certificates {
            let key = KeyFile::new(self.key_of(certificate, &files)?);
            methods.push(AuthMethod::KeyFile(key.certificate(certificate).optional(true)));
        }
        methods.extend(
            files
                .into_iter()
                .map(|file| AuthMethod::KeyFile(KeyFile::new(file).optional(true))),
        );
        Ok(methods)
    }

    /// The key file that a certificate belongs to, by its name, or because there is one only.
    fn key_of(&self, certificate: &Path, files: &[PathBuf]) -> Result<PathBuf> {
        let name = certificate.as_os_str().as_encoded_bytes();
        let named = files
            .iter()
            .find(|file| name.starts_with(file.as_os_str().as_encoded_bytes()));
        match (named, files) {
            (Some(file), _) => Ok(file.clone()),
            (None, [only]) => Ok(only.clone()),
            _ => {
                let problem = format!("nobody can tell which key {} belongs to", certificate.display());
                Err(at(&self.origin("CertificateFile"), &problem)
                    .hint("name it after its key: KEY-cert.pub, or give a single IdentityFile"))
            }
        }
    }
}

/// The fingerprint in `<file>.pub`, or in the file itself where that is a public key.
fn fingerprint_beside(file: &Path) -> Option<String> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".pub");
    let read = |path: &Path| {
        let text = std::fs::read_to_string(path).ok()?;
        let blob = BASE64.decode(text.split_ascii_whitespace().nth(1)?).ok()?;
        HostKey::from_blob(&blob).ok()
    };
    let key = read(Path::new(&beside)).or_else(|| read(file))?;
    Some(key.fingerprint().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hops_are_cut_from_behind() {
        let query = Query::new("server").given("Port", "7");
        let last = jump_query(&query, "a,me@[::1]:2222").unwrap();
        assert_eq!(last.host, "::1");
        let expected = [("User", "\"me\""), ("Port", "2222"), ("ProxyJump", "a")];
        assert_eq!(
            last.given,
            expected.map(|(key, value)| (key.to_owned(), value.to_owned()))
        );
        let first = jump_query(&last, "ssh://a:22/").unwrap();
        assert_eq!((first.host.as_str(), first.given.len()), ("a", 1));
        assert!(jump_query(&query, "a b").is_err());
        assert!(jump_query(&query, "").is_err());
    }
}
