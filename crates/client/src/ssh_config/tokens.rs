//! `%h` and its like, `${VARIABLE}`, and `~` in front of a path.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What the tokens stand for.
#[derive(Debug, Clone, Default)]
pub struct Tokens {
    /// `%d`: the user's home directory, here.
    pub home: PathBuf,
    /// `%i`: the user's number, here.
    pub uid: u32,
    /// `%u`: the user's name, here.
    pub local_user: String,
    /// `%l`: this machine's name, with its domain; `%L` is the first label of it.
    pub local_host: String,
    /// `%n`: the host as it was asked for.
    pub original_host: String,
    /// `%h`: the host that is connected to.
    pub host: String,
    /// `%p`.
    pub port: u16,
    /// `%r`: the user on the server.
    pub user: String,
    /// `%k`: the host key's alias, else the host as it was asked for.
    pub key_alias: String,
    /// `%j`: the jump host, else nothing.
    pub jump: String,
    /// What `${…}` looks up.
    pub environment: Environment,
}

/// The variables that `${…}` may name.
#[derive(Debug, Clone, Default)]
pub enum Environment {
    /// Those of this process.
    #[default]
    Process,
    /// These.
    Given(HashMap<String, String>),
}

impl Environment {
    fn get(&self, name: &str) -> Option<String> {
        match self {
            Self::Process => std::env::var_os(name).map(OsString::into_string)?.ok(),
            Self::Given(variables) => variables.get(name).cloned(),
        }
    }
}

/// The tokens that most keywords take.
pub(super) const ALL: &str = "CdhijkLlnpru";
/// Those of `ProxyCommand` and `ProxyJump`.
pub(super) const PROXY: &str = "hnpr";
/// The one of `HostName`.
pub(super) const HOST_NAME: &str = "h";

impl Tokens {
    /// Puts the meaning in place of each `%` token in `allowed`.
    ///
    /// # Errors
    /// A sentence, when another token stands there.
    pub(super) fn percent(&self, text: &str, allowed: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some('%') => out.push('%'),
                Some(token) if allowed.contains(token) => out.push_str(&self.meaning(token)),
                Some(token) => return Err(format!("%{token} has no meaning here")),
                None => return Err("a % stands at the end".to_owned()),
            }
        }
        Ok(out)
    }

    /// As [`Tokens::percent`], and `${VARIABLE}` as well.
    pub(super) fn percent_dollar(&self, text: &str, allowed: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        // what a variable holds is not looked at again
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after
                .split_once('}')
                .ok_or_else(|| "a ${ is not closed".to_owned())?;
            let value = self
                .environment
                .get(name)
                .ok_or_else(|| format!("the environment has no {name}"))?;
            out.push_str(&self.percent(before, allowed)?);
            out.push_str(&value);
            rest = after;
        }
        out.push_str(&self.percent(rest, allowed)?);
        Ok(out)
    }

    /// Only `${VARIABLE}`.
    pub(super) fn dollar(&self, text: &str) -> Result<String, String> {
        let escaped = text.replace('%', "%%");
        self.percent_dollar(&escaped, "")
    }

    /// `~` and `~/…`: this user's home. `~other` needs that user's home directory.
    pub(super) fn tilde(&self, text: &str) -> Result<PathBuf, String> {
        let Some(rest) = text.strip_prefix('~') else {
            return Ok(text.into());
        };
        let (user, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let home = if user.is_empty() || user == self.local_user {
            self.home.clone()
        } else {
            home_of(user).ok_or_else(|| format!("there is no user {user} here"))?
        };
        let rest = rest.trim_start_matches('/');
        Ok(if rest.is_empty() { home } else { home.join(rest) })
    }

    fn meaning(&self, token: char) -> String {
        match token {
            'C' => self.connection_hash(),
            'd' => self.home.to_string_lossy().into_owned(),
            'h' => self.host.clone(),
            'i' => self.uid.to_string(),
            'j' => self.jump.clone(),
            'k' => self.key_alias.clone(),
            'L' => self.local_host.split('.').next().unwrap_or_default().to_owned(),
            'l' => self.local_host.clone(),
            'n' => self.original_host.clone(),
            'p' => self.port.to_string(),
            'r' => self.user.clone(),
            'u' => self.local_user.clone(),
            other => format!("%{other}"),
        }
    }

    /// `%C`: SHA-1 over `%l%h%p%r%j`, in hex.
    fn connection_hash(&self) -> String {
        let parts = [
            &self.local_host,
            &self.host,
            &self.port.to_string(),
            &self.user,
            &self.jump,
        ];
        let all = parts.map(String::as_str).concat();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, all.as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The home directory that `/etc/passwd` names.
fn home_of(user: &str) -> Option<PathBuf> {
    let passwd = std::fs::read(Path::new("/etc/passwd")).ok()?;
    let passwd = String::from_utf8_lossy(&passwd);
    let mut users = passwd.lines().map(|line| line.split(':'));
    users.find_map(|mut fields| (fields.next()? == user).then(|| fields.nth(4).map(PathBuf::from))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens {
            home: "/home/me".into(),
            uid: 7,
            local_user: "me".into(),
            local_host: "here.example".into(),
            original_host: "alias".into(),
            host: "there.example".into(),
            port: 2022,
            user: "you".into(),
            key_alias: "key".into(),
            jump: String::new(),
            environment: Environment::Given([("VAR".to_owned(), "50%h".to_owned())].into()),
        }
    }

    #[test]
    fn tokens_and_variables_are_replaced_once() {
        let expand = |text| tokens().percent_dollar(text, ALL);
        assert_eq!(
            expand("%d/%h-%p-%r-%u-%i-%n-%k-%L-%l-%%h-%j"),
            Ok("/home/me/there.example-2022-you-me-7-alias-key-here-here.example-%h-".into())
        );
        assert_eq!(expand("${VAR}/%h"), Ok("50%h/there.example".into()));
        for bad in ["%z", "%", "${NONE}", "${VAR"] {
            assert!(expand(bad).is_err(), "{bad}");
        }
        assert!(tokens().percent("%r", HOST_NAME).is_err());
    }

    #[test]
    fn a_tilde_is_the_home_of_whoever_it_names() {
        let tilde = |text| tokens().tilde(text).unwrap();
        assert_eq!(tilde("~/.ssh/id"), Path::new("/home/me/.ssh/id"));
        assert_eq!(tilde("~me/x"), Path::new("/home/me/x"));
        assert_eq!(tilde("~"), Path::new("/home/me"));
        assert_eq!(tilde("/a/~b"), Path::new("/a/~b"));
        assert_eq!(tilde("~root/x"), Path::new("/root/x"));
        assert!(tokens().tilde("~no-such-user/x").is_err());
    }
}
