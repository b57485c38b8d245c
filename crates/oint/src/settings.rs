//! The settings of a connection, of a proxy and of logging: JSON in, checked values out.
//!
//! Unknown keys are ignored, and `null` equals absent: configurations with all keys present and many nulls are common.

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::error::{OintError, Result};

/// `set`: where to connect, as whom, and how far to trust.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Name or address; IPv6 with or without brackets.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
    /// User name.
    pub(crate) username: String,
    /// How to prove it.
    pub(crate) auth: Auth,
    /// Who the server must be.
    pub(crate) trust: Trust,
    /// What the original had no place for.
    pub(crate) extra: Extra,
}

/// `auth_type` and the keys that belong to it.
#[derive(Debug, Clone)]
pub(crate) enum Auth {
    /// `password`.
    Password(SecretString),
    /// `private_key`. `pub_path` is accepted and not needed: the public part follows from the private one.
    PrivateKey {
        /// The key.
        key: KeySource,
        /// `passphrase`.
        passphrase: Option<SecretString>,
        /// `certificate`: path of an OpenSSH certificate. Ours.
        certificate: Option<String>,
    },
    /// `agent`.
    Agent,
    /// `keyboard_interactive`: the answers, in order over all rounds.
    KeyboardInteractive(Vec<SecretString>),
}

/// Where a private key comes from. The original wrote keys given as text into a temporary file and left it there; here
/// they stay in the settings.
#[derive(Debug, Clone)]
pub(crate) enum KeySource {
    /// `key_path`.
    Path(String),
    /// `key_data`: the text of the key. Ours.
    Text(SecretString),
}

/// Ours: the original never checked who it spoke to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The user's known_hosts, and what `LONGSHORE_OINT_TRUST` says.
    #[default]
    Default,
    /// `known_hosts`: a path.
    KnownHosts(String),
    /// `fingerprint`: one or several `SHA256:…`.
    Fingerprints(Vec<String>),
    /// `insecure: true`: whoever answers.
    Insecure,
}

/// Ours: keys for what the original cannot express.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extra {
    /// `jump`: settings of the hosts in between, nearest first.
    pub(crate) jump: Vec<Settings>,
    /// `agent_socket`: where the agent listens; otherwise `SSH_AUTH_SOCK`.
    pub(crate) agent_socket: Option<String>,
    /// `timeout`: seconds for connecting and for an answer to each request.
    pub(crate) timeout_secs: Option<f64>,
    /// `kex`, `ciphers`, `macs`, `host_key_algorithms`: comma-separated, as in `ssh_config` with `+ - ^`.
    pub(crate) algorithms: Vec<(&'static str, String)>,
    /// `also`: further kinds of authentication for servers that ask for several, as objects with `auth_type`.
    pub(crate) also: Vec<Auth>,
}

/// `proxy`.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    /// `server`.
    pub(crate) server: String,
    /// `port`.
    pub(crate) port: u16,
    /// `proxy_type`.
    pub(crate) kind: ProxyKind,
    /// `login`.
    pub(crate) login: Option<String>,
    /// `password`.
    pub(crate) password: Option<SecretString>,
}

/// `proxy_type`, in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub(crate) enum ProxyKind {
    Socks5,
    Socks4,
    Http,
}

/// Logging of a handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logging {
    /// How many events are kept in memory; `None`: none are.
    pub(crate) max_entries: Option<usize>,
    /// `file_path`.
    pub(crate) file_path: Option<String>,
}

impl Settings {
    /// # Errors
    /// [`OintError::Settings`] naming the key.
    pub(crate) fn from_json(value: &Value) -> Result<Self> {
        let keys = Keys::of(value, "No settings found")?;
        Ok(Self {
            host: keys.required("host")?,
            port: keys.port()?,
            username: keys.required("username")?,
            auth: Auth::from_keys(&keys)?,
            trust: Trust::from_keys(&keys)?,
            extra: Extra::from_keys(&keys)?,
        })
    }
}

impl Auth {
    fn from_keys(keys: &Keys<'_>) -> Result<Self> {
        let kind = keys.required("auth_type")?.to_lowercase();
        match kind.as_str() {
            "password" => Ok(Self::Password(keys.secret("password")?.unwrap_or_default())),
            "private_key" => Ok(Self::PrivateKey {
                key: match (keys.secret("key_data")?, keys.text("key_path")?) {
                    (Some(text), _) => KeySource::Text(text),
                    (None, Some(path)) => KeySource::Path(path),
                    (None, None) => return Err(settings("No key path provided with PK auth type")),
                },
                passphrase: keys.secret("passphrase")?,
                certificate: keys.text("certificate")?,
            }),
            "agent" => Ok(Self::Agent),
            "keyboard_interactive" => Ok(Self::KeyboardInteractive(answers(keys)?)),
            other => Err(settings(format!(
                "Unknown auth_type '{other}' (password, private_key, agent, keyboard_interactive)"
            ))),
        }
    }
}

fn answers(keys: &Keys<'_>) -> Result<Vec<SecretString>> {
    let list = match keys.get("keyboard_responses") {
        None => {
            return Err(settings(
                "No keyboard_responses provided with keyboard_interactive auth type",
            ));
        }
        Some(Value::Array(list)) => list,
        Some(_) => return Err(settings("keyboard_responses must be an array")),
    };
    if list.is_empty() {
        return Err(settings("keyboard_responses array is empty"));
    }
    list.iter()
        .map(|answer| scalar_text(answer).map(SecretString::from))
        .collect::<Option<_>>()
        .ok_or_else(|| settings("keyboard_responses must hold strings"))
}

impl Trust {
    fn from_keys(keys: &Keys<'_>) -> Result<Self> {
        let fingerprints = match keys.get("fingerprint") {
            None => Vec::new(),
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(list)) => list.iter().filter_map(scalar_text).collect(),
            Some(_) => return Err(settings("fingerprint must be a string or an array of strings")),
        };
        if let Some(wrong) = fingerprints.iter().find(|text| !text.starts_with("SHA256:")) {
            return Err(settings(format!(
                "fingerprint '{wrong}' does not start with SHA256:"
            )));
        }
        if !fingerprints.is_empty() {
            return Ok(Self::Fingerprints(fingerprints));
        }
        if let Some(path) = keys.text("known_hosts")? {
            return Ok(Self::KnownHosts(path));
        }
        Ok(match keys.boolean("insecure")? {
            true => Self::Insecure,
            false => Self::Default,
        })
    }
}

impl Extra {
    fn from_keys(keys: &Keys<'_>) -> Result<Self> {
        let algorithms = ["kex", "ciphers", "macs", "host_key_algorithms"];
        Ok(Self {
            jump: keys
                .list("jump")?
                .into_iter()
                .map(Settings::from_json)
                .collect::<Result<_>>()?,
            agent_socket: keys.text("agent_socket")?,
            timeout_secs: keys.timeout()?,
            algorithms: algorithms
                .into_iter()
                .filter_map(|key| {
                    keys.text(key)
                        .transpose()
                        .map(|text| text.map(|text| (key, text)))
                })
                .collect::<Result<_>>()?,
            also: keys
                .list("also")?
                .into_iter()
                .map(|value| Auth::from_keys(&Keys::of(value, "also must hold objects")?))
                .collect::<Result<_>>()?,
        })
    }
}

impl Proxy {
    /// `None` for an absent or empty proxy: a direct connection.
    ///
    /// # Errors
    /// [`OintError::Settings`] naming the key.
    pub(crate) fn from_json(value: &Value) -> Result<Option<Self>> {
        match value {
            Value::Null => return Ok(None),
            Value::String(text) if text.is_empty() => return Ok(None),
            Value::Object(map) if map.values().all(Value::is_null) => return Ok(None),
            _ => {}
        }
        let keys = Keys::of(value, "Proxy settings must be an object")?;
        let field = |key: &str| {
            keys.text(key)?
                .ok_or_else(|| settings(format!("Proxy field '{key}' is required")))
        };
        Ok(Some(Self {
            server: field("server")?,
            port: port_of(keys.get("port"))?.ok_or_else(|| settings("Proxy field 'port' is required"))?,
            kind: ProxyKind::named(&field("proxy_type")?)?,
            login: keys.text("login")?,
            password: keys.secret("password")?,
        }))
    }
}

impl ProxyKind {
    /// As in `proxy_type`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Socks5 => "socks5",
            Self::Socks4 => "socks4",
            Self::Http => "http",
        }
    }

    fn named(name: &str) -> Result<Self> {
        match name.to_lowercase().as_str() {
            "socks5" => Ok(Self::Socks5),
            "socks4" => Ok(Self::Socks4),
            "http" => Ok(Self::Http),
            _ => Err(settings("TCP error: Unsupported proxy type")),
        }
    }
}

impl Logging {
    /// `None` for absent or empty settings: nothing is logged.
    ///
    /// # Errors
    /// [`OintError::Settings`] naming the key.
    pub(crate) fn from_json(value: &Value) -> Result<Option<Self>> {
        let keys = match value {
            Value::Null => return Ok(None),
            Value::Object(map) if map.is_empty() => return Ok(None),
            _ => Keys::of(value, "Logging settings must be an object")?,
        };
        let mode = keys.required("mode")?.to_lowercase();
        let file_path = keys.text("file_path")?;
        let (memory, file) = match mode.as_str() {
            "memory" => (true, false),
            "file" => (false, true),
            "both" => (true, true),
            other => {
                return Err(settings(format!(
                    "Unknown logging mode '{other}' (memory, file, both)"
                )));
            }
        };
        if file && file_path.is_none() {
            return Err(settings("Logging field 'file_path' is required"));
        }
        let entries = match keys.get("max_entries") {
            None => DEFAULT_LOG_ENTRIES,
            Some(value) => whole_number(value).ok_or_else(|| settings("max_entries must be a number ≥ 0"))?,
        };
        let entries = usize::try_from(entries)
            .unwrap_or(usize::MAX)
            .min(MAX_LOG_ENTRIES);
        Ok(Some(Self {
            max_entries: memory.then_some(entries),
            file_path: file_path.filter(|_| file),
        }))
    }
}

/// Events kept when nothing else is said, as in the original.
pub(crate) const DEFAULT_LOG_ENTRIES: u64 = 300;
/// Most events that are kept: a line is some 100 bytes.
const MAX_LOG_ENTRIES: usize = 1_000_000;

/// An object's keys, with null as absent.
struct Keys<'a>(&'a Map<String, Value>);

impl<'a> Keys<'a> {
    fn of(value: &'a Value, otherwise: &str) -> Result<Self> {
        value.as_object().map(Self).ok_or_else(|| settings(otherwise))
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// Empty equals absent.
    fn text(&self, key: &str) -> Result<Option<String>> {
        let Some(value) = self.get(key) else {
            return Ok(None);
        };
        let text = scalar_text(value).ok_or_else(|| settings(format!("{key} must be a string")))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    fn secret(&self, key: &str) -> Result<Option<SecretString>> {
        Ok(self.text(key)?.map(SecretString::from))
    }

    fn required(&self, key: &str) -> Result<String> {
        self.text(key)?
            .ok_or_else(|| settings(format!("Settings field '{key}' is required")))
    }

    fn port(&self) -> Result<u16> {
        port_of(self.get("port"))?.ok_or_else(|| settings("Settings field 'port' is required"))
    }

    fn boolean(&self, key: &str) -> Result<bool> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") || text.is_empty() => Ok(false),
            Some(_) => Err(settings(format!("{key} must be true or false"))),
        }
    }

    fn list(&self, key: &str) -> Result<Vec<&'a Value>> {
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => Ok(list.iter().collect()),
            Some(one @ Value::Object(_)) => Ok(vec![one]),
            Some(_) => Err(settings(format!(
                "{key} must be an object or an array of objects"
            ))),
        }
    }

    fn timeout(&self) -> Result<Option<f64>> {
        let Some(value) = self.get("timeout") else {
            return Ok(None);
        };
        scalar_text(value)
            .and_then(|text| text.parse::<f64>().ok())
            .filter(|seconds| seconds.is_finite() && *seconds > 0.0 && *seconds <= 86_400.0)
            .map(Some)
            .ok_or_else(|| settings("timeout must be a number of seconds above 0, at most 86400"))
    }
}

/// A port as a number or as digits: command lines pass `'2222'`.
fn port_of(value: Option<&Value>) -> Result<Option<u16>> {
    let Some(value) = value else { return Ok(None) };
    whole_number(value)
        .and_then(|number| u16::try_from(number).ok())
        .filter(|port| *port != 0)
        .map(Some)
        .ok_or_else(|| settings(format!("port must be a number from 1 to 65535, not {value}")))
}

/// A whole number given as number (`22`, `22.0`) or as text.
pub(crate) fn whole_number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64()?;
            // Programs that know one type of number send 22.0.
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked to be whole and small"
            )]
            (float.fract() == 0.0 && (0.0..1e15).contains(&float)).then_some(float as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

fn settings(text: impl Into<String>) -> OintError {
    OintError::Settings(text.into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;

    fn password(extra: &Value) -> Value {
        let mut value = json!({"auth_type": "password", "host": "h", "port": 22, "username": "u"});
        value
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        value
    }

    fn complaint(value: &Value) -> String {
        Settings::from_json(value).unwrap_err().to_string()
    }

    #[test]
    fn ports_may_be_text_and_nulls_are_absent() {
        let all = password(
            &json!({"auth_type": "PASSWORD", "port": "2222", "password": null, "key_path": null,
            "pub_path": null, "passphrase": null, "keyboard_responses": null, "unknown": [1]}),
        );
        let settings = Settings::from_json(&all).unwrap();
        assert_eq!(settings.port, 2222);
        assert!(matches!(&settings.auth, Auth::Password(empty) if empty.expose_secret().is_empty()));
        assert_eq!(settings.trust, Trust::Default);
        assert_eq!(
            Settings::from_json(&password(&json!({"port": 22.0})))
                .unwrap()
                .port,
            22
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(complaint(&json!("text")), "No settings found");
        assert!(complaint(&password(&json!({"host": null}))).contains("'host'"));
        assert!(complaint(&password(&json!({"port": 0}))).contains("port"));
        assert!(complaint(&password(&json!({"port": "70000"}))).contains("port"));
        assert!(complaint(&password(&json!({"auth_type": "magic"}))).contains("magic"));
        let text = complaint(&password(&json!({"auth_type": "private_key"})));
        assert_eq!(text, "No key path provided with PK auth type");
        let ki = |answers: Value| {
            password(&json!({"auth_type": "keyboard_interactive", "keyboard_responses": answers}))
        };
        assert_eq!(
            complaint(&ki(Value::Null)),
            "No keyboard_responses provided with keyboard_interactive auth type"
        );
        assert_eq!(complaint(&ki(json!([]))), "keyboard_responses array is empty");
    }

    #[test]
    fn trust_is_checked_unless_insecurity_is_asked_for() {
        let trust = |extra: Value| Settings::from_json(&password(&extra)).unwrap().trust;
        assert_eq!(trust(json!({"insecure": true})), Trust::Insecure);
        assert_eq!(trust(json!({"insecure": "false"})), Trust::Default);
        assert_eq!(
            trust(json!({"known_hosts": "/k"})),
            Trust::KnownHosts("/k".to_owned())
        );
        // the stricter one wins
        let both = trust(json!({"insecure": true, "fingerprint": "SHA256:abc"}));
        assert_eq!(both, Trust::Fingerprints(vec!["SHA256:abc".to_owned()]));
        assert!(complaint(&password(&json!({"fingerprint": "MD5:00"}))).contains("SHA256:"));
    }

    #[test]
    fn proxies() {
        let proxy = |value: Value| Proxy::from_json(&value);
        assert!(proxy(json!("")).unwrap().is_none());
        assert!(proxy(json!({})).unwrap().is_none());
        let socks = proxy(json!({"server": "p", "port": "1080", "proxy_type": "SOCKS5"}))
            .unwrap()
            .unwrap();
        assert_eq!((socks.port, socks.kind), (1080, ProxyKind::Socks5));
        for key in ["server", "port", "proxy_type"] {
            let mut value = json!({"server": "p", "port": 1080, "proxy_type": "http"});
            value[key] = Value::Null;
            assert_eq!(
                proxy(value).unwrap_err().to_string(),
                format!("Proxy field '{key}' is required")
            );
        }
        let unknown = proxy(json!({"server": "p", "port": 1, "proxy_type": "carrier pigeon"}));
        assert!(
            unknown
                .unwrap_err()
                .to_string()
                .contains("Unsupported proxy type")
        );
    }

    #[test]
    fn logging() {
        let logging = |value: Value| Logging::from_json(&value);
        assert_eq!(logging(json!({})).unwrap(), None);
        let both = logging(json!({"mode": "both", "max_entries": 5, "file_path": "/l"}))
            .unwrap()
            .unwrap();
        assert_eq!(
            (both.max_entries, both.file_path.as_deref()),
            (Some(5), Some("/l"))
        );
        assert!(logging(json!({"mode": "file"})).is_err());
        assert!(logging(json!({"mode": "memory", "max_entries": -1})).is_err());
    }

    #[test]
    fn secrets_do_not_show_in_debug() {
        let value = password(&json!({"auth_type": "password", "password": "hunter2"}));
        assert!(!format!("{:?}", Settings::from_json(&value).unwrap()).contains("hunter2"));
    }
}
