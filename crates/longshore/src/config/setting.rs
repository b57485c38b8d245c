//! What a setting is: its key, kind, default and reason. The table itself is in [`super::settings`].

use super::kind::Kind;

/// One row of the settings table. `config show`, `docs/configuration.md`, environment names and validation all
/// come from here.
#[derive(Debug)]
pub struct Setting {
    /// Dotted key as in `longshore.toml`: `sftp.listen`.
    pub key: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Default in the notation of the environment; `None` when it is unset or worked out at start.
    pub default: Option<&'static str>,
    /// What stands in for the default in the reference when there is no constant.
    pub default_note: &'static str,
    /// Unit of a number, or empty.
    pub unit: &'static str,
    /// What it does, one or two sentences.
    pub summary: &'static str,
    /// Why the default is what it is.
    pub reason: &'static str,
    /// Environment variable where it differs from the derived name.
    pub env_override: Option<&'static str>,
    /// Flag of `serve` (or of the client commands) that sets it.
    pub flag: Option<&'static str>,
}

impl Setting {
    /// Row with nothing optional; the table fills in the rest with struct update syntax.
    pub(super) const fn new(key: &'static str, kind: Kind, default: Option<&'static str>) -> Self {
        Self {
            key,
            kind,
            default,
            default_note: "not set",
            unit: "",
            summary: "",
            reason: "",
            env_override: None,
            flag: None,
        }
    }

    /// Name of the environment variable: `LONGSHORE_` and the key in capitals, `_` for `.`, unless the table
    /// says otherwise.
    #[must_use]
    pub fn env(&self) -> String {
        self.env_override.map_or_else(
            || format!("LONGSHORE_{}", self.key.replace('.', "_").to_ascii_uppercase()),
            str::to_owned,
        )
    }

    /// Whether the value must never be shown.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret)
    }
}
