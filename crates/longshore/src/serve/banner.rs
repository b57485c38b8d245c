//! What `serve` prints on standard output once it accepts connections.

use std::net::SocketAddr;
use std::path::Path;

use secrecy::ExposeSecret;

use super::first_start::FirstKey;
use crate::output::{fields, shell_word};

/// Everything worth knowing about a server that has just started.
pub(super) struct Banner<'a> {
    pub(super) data_dir: &'a Path,
    pub(super) is_new: bool,
    pub(super) sftp: SocketAddr,
    pub(super) public: &'a str,
    pub(super) api: SocketAddr,
    pub(super) fingerprint: &'a str,
    pub(super) first_key: Option<FirstKey>,
}

impl Banner<'_> {
    /// Lines for people; the first key among them if it is to be shown.
    pub(super) fn render(&self) -> String {
        let new = if self.is_new { " (new)" } else { "" };
        let mut rows = vec![
            ("data directory", format!("{}{new}", self.data_dir.display())),
            ("SFTP", format!("{} (partners: {})", self.sftp, self.public)),
            ("host key", self.fingerprint.to_owned()),
            ("API", format!("http://{}", self.api)),
        ];
        match &self.first_key {
            Some(FirstKey::Show(key)) => {
                rows.push((
                    "first API key",
                    format!("{} (shown this once)", key.expose_secret()),
                ));
            }
            Some(FirstKey::File(path)) => rows.push(("first API key", format!("in {}", path.display()))),
            None => {}
        }
        let next = format!(
            "longshore user create --data-dir {} --home /alice",
            shell_word(&self.data_dir.to_string_lossy())
        );
        rows.push(("next", next));
        format!("longshore {}\n{}", env!("CARGO_PKG_VERSION"), fields(&rows))
    }
}
