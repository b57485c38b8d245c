//! The outcome for one host: every setting with its place, and typed accessors for those that the client uses.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Query;
use super::algorithms::AlgorithmList;
use super::eval::at;
use super::keywords::{self, Use};
use super::sources::Origin;
use super::tokens::{self, Tokens};
use crate::error::Result;

/// One keyword with its value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The keyword as the manual writes it.
    pub keyword: &'static str,
    /// Its arguments: flags are `yes` or `no`, times are seconds, tokens stand as written.
    pub words: Vec<String>,
    /// Where it stands.
    pub origin: Origin,
}

/// Which addresses to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AddressFamily {
    /// Both.
    #[default]
    Any,
    /// IPv4 only.
    Inet,
    /// IPv6 only.
    Inet6,
}

/// What to do about a host key that is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StrictHostKeyChecking {
    /// Refuse.
    Yes,
    /// Ask the person at the terminal; where there is none, refuse.
    #[default]
    Ask,
    /// Add it; refuse a changed one.
    AcceptNew,
    /// OpenSSH would go on even with a changed key; here it means the same as [`StrictHostKeyChecking::AcceptNew`].
    No,
}

/// What the configuration says about one host.
#[derive(Debug, Clone)]
pub struct HostConfig {
    pub(super) host: String,
    pub(super) settings: Vec<Setting>,
    pub(super) overruled: Vec<Setting>,
    pub(super) tokens: Tokens,
    warnings: Vec<String>,
}

/// OpenSSH's list, less what we have no code for (security keys behind an agent work all the same).
const DEFAULT_IDENTITIES: [&str; 3] = ["~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519"];

impl HostConfig {
    pub(super) fn new(query: &Query) -> Self {
        Self {
            host: query.host.clone(),
            settings: Vec::new(),
            overruled: Vec::new(),
            tokens: Tokens::default(),
            warnings: Vec::new(),
        }
    }

    /// Every setting that counts, in the order in which they were met.
    pub fn settings(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter()
    }

    /// Settings that came too late: an earlier one had won.
    pub fn overruled(&self) -> impl Iterator<Item = &Setting> {
        self.overruled.iter()
    }

    /// Sentences about what was stepped over, each with its place.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Where the value of a keyword comes from.
    #[must_use]
    pub fn origin(&self, keyword: &str) -> Origin {
        let mut settings = self.settings.iter();
        settings
            .find(|setting| setting.keyword.eq_ignore_ascii_case(keyword))
            .map_or(Origin::Default, |setting| setting.origin.clone())
    }

    /// What the tokens stand for on this host.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The name or address to connect to (`HostName`).
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The name that was asked for.
    #[must_use]
    pub fn original_host(&self) -> &str {
        &self.tokens.original_host
    }

    /// `Port`, else 22.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.number("Port").unwrap_or(22)
    }

    /// `User`, else the local user.
    #[must_use]
    pub fn user(&self) -> &str {
        self.first("User").unwrap_or(&self.tokens.local_user)
    }

    /// `AddressFamily`.
    #[must_use]
    pub fn address_family(&self) -> AddressFamily {
        match self.first("AddressFamily") {
            Some("inet") => AddressFamily::Inet,
            Some("inet6") => AddressFamily::Inet6,
            _ => AddressFamily::Any,
        }
    }

    /// `BindAddress`.
    #[must_use]
    pub fn bind_address(&self) -> Option<&str> {
        self.first("BindAddress")
    }

    /// `BindInterface`.
    #[must_use]
    pub fn bind_interface(&self) -> Option<&str> {
        self.first("BindInterface")
    }

    /// `ConnectTimeout`.
    #[must_use]
    pub fn connect_timeout(&self) -> Option<Duration> {
        self.seconds("ConnectTimeout")
    }

    /// `ConnectionAttempts`, at least one.
    #[must_use]
    pub fn connection_attempts(&self) -> u32 {
        self.number("ConnectionAttempts").unwrap_or(1).max(1)
    }

    /// `TCPKeepAlive`, by default on.
    #[must_use]
    pub fn tcp_keep_alive(&self) -> bool {
        self.flag("TCPKeepAlive").unwrap_or(true)
    }

    /// `ServerAliveInterval`, unless zero.
    #[must_use]
    pub fn server_alive_interval(&self) -> Option<Duration> {
        self.seconds("ServerAliveInterval").filter(|time| !time.is_zero())
    }

    /// `ServerAliveCountMax`, else 3.
    #[must_use]
    pub fn server_alive_count_max(&self) -> u32 {
        self.number("ServerAliveCountMax").unwrap_or(3)
    }

    /// `ProxyCommand` with its tokens replaced; `None` for `none`.
    ///
    /// # Errors
    /// An unknown token, or a host or user name that a shell would not take as one word.
    pub fn proxy_command(&self) -> Result<Option<String>> {
        self.rest_of_line("ProxyCommand")
    }

    /// `ProxyJump` with its tokens replaced: hops separated by commas; `None` for `none`.
    ///
    /// # Errors
    /// As [`HostConfig::proxy_command`].
    pub fn proxy_jump(&self) -> Result<Option<String>> {
        self.rest_of_line("ProxyJump")
    }

    /// `Compression`.
    #[must_use]
    pub fn compression(&self) -> Option<bool> {
        self.flag("Compression")
    }

    /// `Ciphers`, `MACs`, `KexAlgorithms`, `HostKeyAlgorithms`, `PubkeyAcceptedAlgorithms`, `CASignatureAlgorithms`.
    #[must_use]
    pub fn algorithms(&self, keyword: &str) -> Option<AlgorithmList> {
        self.first(keyword).map(AlgorithmList::parse)
    }

    /// `RequiredRSASize`, else 1024 bits as in OpenSSH.
    #[must_use]
    pub fn required_rsa_size(&self) -> u32 {
        self.number("RequiredRSASize").unwrap_or(1024)
    }

    /// `RekeyLimit`: bytes and time, `None` where the default holds.
    #[must_use]
    pub fn rekey_limit(&self) -> (Option<u64>, Option<Duration>) {
        let words = self.words("RekeyLimit");
        let number = |at: usize| words.get(at)?.parse::<u64>().ok().filter(|number| *number != 0);
        (number(0), number(1).map(Duration::from_secs))
    }

    /// `HostKeyAlias`, in small letters.
    #[must_use]
    pub fn host_key_alias(&self) -> Option<String> {
        self.first("HostKeyAlias").map(str::to_ascii_lowercase)
    }

    /// `StrictHostKeyChecking`.
    #[must_use]
    pub fn strict_host_key_checking(&self) -> StrictHostKeyChecking {
        match self.first("StrictHostKeyChecking") {
            Some("yes") => StrictHostKeyChecking::Yes,
            Some("no") => StrictHostKeyChecking::No,
            Some("accept-new") => StrictHostKeyChecking::AcceptNew,
            _ => StrictHostKeyChecking::Ask,
        }
    }

    /// `UserKnownHostsFile`, else `~/.ssh/known_hosts` and `known_hosts2`; empty for `none`.
    ///
    /// # Errors
    /// An unknown token, variable or user.
    pub fn user_known_hosts_files(&self) -> Result<Vec<PathBuf>> {
        let words = self.words("UserKnownHostsFile");
        if words
            .first()
            .is_some_and(|word| word.eq_ignore_ascii_case("none"))
        {
            return Ok(Vec::new());
        }
        if words.is_empty() {
            let folder = self.tokens.home.join(".ssh");
            return Ok(vec![folder.join("known_hosts"), folder.join("known_hosts2")]);
        }
        let expand = |word: &String| self.path("UserKnownHostsFile", word);
        words.iter().map(expand).collect()
    }

    /// `GlobalKnownHostsFile` as written, without tokens or tilde (as OpenSSH takes it), else those in `/etc/ssh`; empty for `none`.
    #[must_use]
    pub fn global_known_hosts_files(&self) -> Vec<PathBuf> {
        let words = self.words("GlobalKnownHostsFile");
        if words
            .first()
            .is_some_and(|word| word.eq_ignore_ascii_case("none"))
        {
            return Vec::new();
        }
        if words.is_empty() {
            let folder = Path::new("/etc/ssh");
            return vec![folder.join("ssh_known_hosts"), folder.join("ssh_known_hosts2")];
        }
        words.iter().map(PathBuf::from).collect()
    }

    /// `HashKnownHosts`.
    #[must_use]
    pub fn hash_known_hosts(&self) -> bool {
        self.flag("HashKnownHosts").unwrap_or(false)
    }

    /// `RevokedHostKeys`: a file of keys that are never trusted.
    ///
    /// # Errors
    /// An unknown token or user.
    pub fn revoked_host_keys(&self) -> Result<Option<PathBuf>> {
        self.optional_path("RevokedHostKeys")
    }

    /// `BatchMode`: nobody is asked anything.
    #[must_use]
    pub fn batch_mode(&self) -> bool {
        self.flag("BatchMode").unwrap_or(false)
    }

    /// `PreferredAuthentications` in order, if set.
    #[must_use]
    pub fn preferred_authentications(&self) -> Option<Vec<String>> {
        let list = self.first("PreferredAuthentications")?;
        Some(list.split(',').map(str::to_owned).collect())
    }

    /// `PubkeyAuthentication`, by default on.
    #[must_use]
    pub fn pubkey_authentication(&self) -> bool {
        self.first("PubkeyAuthentication") != Some("no")
    }

    /// `PasswordAuthentication`, by default on.
    #[must_use]
    pub fn password_authentication(&self) -> bool {
        self.flag("PasswordAuthentication").unwrap_or(true)
    }

    /// `KbdInteractiveAuthentication`, by default on.
    #[must_use]
    pub fn kbd_interactive_authentication(&self) -> bool {
        self.flag("KbdInteractiveAuthentication").unwrap_or(true)
    }

    /// `NumberOfPasswordPrompts`, else 3.
    #[must_use]
    pub fn number_of_password_prompts(&self) -> u32 {
        self.number("NumberOfPasswordPrompts").unwrap_or(3)
    }

    /// Whether `IdentityFile` was set: files that were named are missed when they are not there, default ones are not.
    #[must_use]
    pub fn has_identity_files(&self) -> bool {
        self.has("IdentityFile")
    }

    /// `IdentityFile` in order, else the usual names in `~/.ssh`; `none` stands for no file.
    ///
    /// # Errors
    /// An unknown token, variable or user.
    pub fn identity_files(&self) -> Result<Vec<PathBuf>> {
        if !self.has_identity_files() {
            let expand = |name: &str| self.path("IdentityFile", name);
            return DEFAULT_IDENTITIES.into_iter().map(expand).collect();
        }
        self.appended_paths("IdentityFile")
    }

    /// `CertificateFile` in order.
    ///
    /// # Errors
    /// An unknown token, variable or user.
    pub fn certificate_files(&self) -> Result<Vec<PathBuf>> {
        self.appended_paths("CertificateFile")
    }

    /// `IdentitiesOnly`: of an agent's keys only those that are named.
    #[must_use]
    pub fn identities_only(&self) -> bool {
        self.flag("IdentitiesOnly").unwrap_or(false)
    }

    /// The agent's socket: `IdentityAgent`, else `SSH_AUTH_SOCK`; `None` when there is none or it is not to be asked.
    ///
    /// # Errors
    /// An unknown token or user.
    pub fn identity_agent(&self) -> Result<Option<PathBuf>> {
        let variable = |name: &str| {
            let value = self.tokens.dollar(&format!("${{{name}}}"));
            Ok(value.ok().filter(|value| !value.is_empty()).map(PathBuf::from))
        };
        match self.first("IdentityAgent") {
            None | Some("SSH_AUTH_SOCK") => variable("SSH_AUTH_SOCK"),
            Some(name) if name.starts_with('$') && !name.starts_with("${") => variable(&name[1..]),
            Some(_) => self.optional_path("IdentityAgent"),
        }
    }

    /// `SendEnv`: patterns of variables, in order; `-pattern` takes back.
    #[must_use]
    pub fn send_env(&self) -> Vec<String> {
        self.all("SendEnv")
            .flat_map(|setting| setting.words.clone())
            .collect()
    }

    /// `SetEnv`: `NAME=value`.
    #[must_use]
    pub fn set_env(&self) -> &[String] {
        self.words("SetEnv")
    }

    pub(super) fn warn(&mut self, origin: &Origin, problem: &str) {
        let warning = format!("{origin}: {problem}");
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    pub(super) fn has(&self, keyword: &str) -> bool {
        self.all(keyword).next().is_some()
    }

    pub(super) fn all(&self, keyword: &str) -> impl Iterator<Item = &Setting> + Clone {
        self.settings
            .iter()
            .filter(move |setting| setting.keyword.eq_ignore_ascii_case(keyword))
    }

    pub(super) fn first(&self, keyword: &str) -> Option<&str> {
        self.words(keyword).first().map(String::as_str)
    }

    pub(super) fn first_mut(&mut self, keyword: &str) -> Option<&mut Setting> {
        self.settings
            .iter_mut()
            .find(|setting| setting.keyword == keyword)
    }

    pub(super) fn tokens_for(&self, query: &Query) -> Tokens {
        Tokens {
            home: query.home.clone(),
            uid: query.uid,
            local_user: query.local_user.clone(),
            local_host: query.local_host.clone(),
            original_host: query.host.clone(),
            host: self.host.clone(),
            port: self.number("Port").unwrap_or(22),
            user: self.first("User").unwrap_or(&query.local_user).to_owned(),
            key_alias: self.host_key_alias().unwrap_or_else(|| query.host.clone()),
            jump: self
                .first("ProxyJump")
                .filter(|jump| *jump != "none")
                .unwrap_or_default()
                .to_owned(),
            environment: query.environment.clone(),
        }
    }

    /// The fail-closed half of the table of keywords.
    pub(super) fn refuse_what_cannot_be_honoured(&mut self) -> Result<()> {
        for setting in self.settings.clone() {
            let value = setting.words[0].as_str();
            let is = |quiet: &str| value.eq_ignore_ascii_case(quiet);
            match keywords::find(setting.keyword).map(|keyword| keyword.becomes) {
                Some(Use::Only(values, why)) if !values.iter().any(|quiet| is(quiet)) => {
                    let problem = format!("{} {value} cannot be honoured: {why}", setting.keyword);
                    let hint = format!(
                        "change it for this host, or give {} on the command line",
                        setting.keyword
                    );
                    return Err(at(&setting.origin, &problem).hint(hint));
                }
                Some(Use::Warned(quiet, why)) if !is(quiet) => {
                    self.warn(
                        &setting.origin,
                        &format!("{} is stepped over: {why}", setting.keyword),
                    );
                }
                _ => {}
            }
        }
        if self.strict_host_key_checking() == StrictHostKeyChecking::No {
            let warning = "StrictHostKeyChecking no means accept-new here: a changed key is refused";
            self.warn(&self.origin("StrictHostKeyChecking"), warning);
        }
        Ok(())
    }

    fn words(&self, keyword: &str) -> &[String] {
        self.all(keyword).next().map_or(&[], |setting| &setting.words)
    }

    fn flag(&self, keyword: &str) -> Option<bool> {
        self.first(keyword).map(|value| value == "yes")
    }

    fn number<T: std::str::FromStr>(&self, keyword: &str) -> Option<T> {
        self.first(keyword)?.parse().ok()
    }

    fn seconds(&self, keyword: &str) -> Option<Duration> {
        self.number(keyword).map(Duration::from_secs)
    }

    fn rest_of_line(&self, keyword: &str) -> Result<Option<String>> {
        let Some(text) = self
            .first(keyword)
            .filter(|text| !text.eq_ignore_ascii_case("none"))
        else {
            return Ok(None);
        };
        let words = [&self.host, &self.tokens.original_host, &self.tokens.user];
        if let Some(word) = words.iter().find(|word| text.contains('%') && !is_plain(word)) {
            let problem = format!("{} is no name to hand to a command", word.escape_debug());
            return Err(at(&self.origin(keyword), &problem));
        }
        self.wrap(keyword, self.tokens.percent(text, tokens::PROXY))
            .map(Some)
    }

    fn appended_paths(&self, keyword: &str) -> Result<Vec<PathBuf>> {
        let names = self.all(keyword).map(|setting| &setting.words[0]);
        names
            .filter(|name| !name.eq_ignore_ascii_case("none"))
            .map(|name| self.path(keyword, name))
            .collect()
    }

    fn optional_path(&self, keyword: &str) -> Result<Option<PathBuf>> {
        let name = self
            .first(keyword)
            .filter(|name| !name.eq_ignore_ascii_case("none"));
        name.map(|name| self.path(keyword, name)).transpose()
    }

    fn path(&self, keyword: &str, name: &str) -> Result<PathBuf> {
        let expanded = self.tokens.percent_dollar(name, tokens::ALL);
        self.wrap(keyword, expanded.and_then(|name| self.tokens.tilde(&name)))
    }

    fn wrap<T>(&self, keyword: &str, result: Result<T, String>) -> Result<T> {
        result.map_err(|problem| at(&self.origin(keyword), &format!("{keyword}: {problem}")))
    }
}

/// Whether a shell takes a name as one word and a program does not take it as an option.
pub(super) fn is_plain(name: &str) -> bool {
    let odd = |c: char| c.is_control() || c.is_whitespace() || "'`\"$\\;&<>|(){}*?[]!#~".contains(c);
    !name.starts_with('-') && !name.contains(odd)
}
