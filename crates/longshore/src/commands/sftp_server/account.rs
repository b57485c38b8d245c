//! Who runs the server.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// The user of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    /// Absolute.
    pub(super) home: Vec<u8>,
}

impl Account {
    /// By `/etc/passwd`; for users that are kept elsewhere, by the environment that sshd and login(1) set.
    pub(super) fn of_process() -> Self {
        let uid = rustix::process::getuid().as_raw();
        let passwd = std::fs::read("/etc/passwd").unwrap_or_default();
        Self::in_passwd(&passwd, uid).unwrap_or_else(|| Self::of_environment(uid))
    }

    /// passwd(5): `name:password:uid:gid:comment:home:shell`.
    fn in_passwd(passwd: &[u8], uid: u32) -> Option<Self> {
        let uid = uid.to_string();
        passwd.split(|byte| *byte == b'\n').find_map(|line| {
            let fields: Vec<_> = line.split(|byte| *byte == b':').collect();
            let [name, _, number, _, _, home, ..] = fields.as_slice() else {
                return None;
            };
            (*number == uid.as_bytes()).then(|| Self {
                name: String::from_utf8_lossy(name).into_owned(),
                home: absolute(home.to_vec()),
            })
        })
    }

    fn of_environment(uid: u32) -> Self {
        let name = ["LOGNAME", "USER"]
            .iter()
            .find_map(|variable| std::env::var(variable).ok())
            .filter(|name| !name.is_empty());
        let home = std::env::var_os("HOME").unwrap_or_default();
        Self {
            name: name.unwrap_or_else(|| uid.to_string()),
            home: absolute(home.into_encoded_bytes()),
        }
    }

    /// `%u`, `%d` and `%%` of a start directory; anything else stays as it is written.
    pub(super) fn expand(&self, template: &str) -> PathBuf {
        let mut expanded = Vec::new();
        let mut rest = template.chars();
        while let Some(char) = rest.next() {
            match (char, rest.as_str().chars().next()) {
                ('%', Some('u')) => expanded.extend_from_slice(self.name.as_bytes()),
                ('%', Some('d')) => expanded.extend_from_slice(&self.home),
                ('%', Some('%')) => expanded.push(b'%'),
                _ => {
                    expanded.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                    continue;
                }
            }
            rest.next();
        }
        OsString::from_vec(expanded).into()
    }
}

fn absolute(path: Vec<u8>) -> Vec<u8> {
    if path.starts_with(b"/") {
        path
    } else {
        b"/".to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwd_is_searched_by_uid() {
        let passwd = b"root:x:0:0:root:/root:/bin/sh\n+::::::\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\n";
        let ann = Account::in_passwd(passwd, 1000).unwrap();
        assert_eq!(
            (ann.name.as_str(), ann.home.as_slice()),
            ("ann", b"/home/ann".as_slice())
        );
        assert_eq!(Account::in_passwd(passwd, 7), None);
    }

    #[test]
    fn start_directories_know_name_home_and_percent() {
        let ann = Account {
            name: "ann".to_owned(),
            home: b"/home/ann".to_vec(),
        };
        assert_eq!(ann.expand("/srv/%u/in"), PathBuf::from("/srv/ann/in"));
        assert_eq!(ann.expand("%d/%%u"), PathBuf::from("/home/ann/%u"));
        assert_eq!(ann.expand("é%x%"), PathBuf::from("é%x%"));
    }
}
