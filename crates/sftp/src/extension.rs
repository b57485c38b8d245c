//! Names and versions of the extensions (OpenSSH PROTOCOL §4, draft-ietf-secsh-filexfer-extensions-00).

/// PROTOCOL §4.3, version "1".
pub const POSIX_RENAME: &str = "posix-rename@openssh.com";
/// PROTOCOL §4.4, version "2".
pub const STATVFS: &str = "statvfs@openssh.com";
/// PROTOCOL §4.4, version "2".
pub const FSTATVFS: &str = "fstatvfs@openssh.com";
/// PROTOCOL §4.5, version "1".
pub const HARDLINK: &str = "hardlink@openssh.com";
/// PROTOCOL §4.6, version "1".
pub const FSYNC: &str = "fsync@openssh.com";
/// PROTOCOL §4.7, version "1".
pub const LSETSTAT: &str = "lsetstat@openssh.com";
/// PROTOCOL §4.8, version "1".
pub const LIMITS: &str = "limits@openssh.com";
/// PROTOCOL §4.9, version "1".
pub const EXPAND_PATH: &str = "expand-path@openssh.com";
/// PROTOCOL §4.10 and draft-ietf-secsh-filexfer-extensions-00 §7, version "1".
pub const COPY_DATA: &str = "copy-data";
/// PROTOCOL §4.11 and draft-ietf-secsh-filexfer-extensions-00 §5, version "1".
pub const HOME_DIRECTORY: &str = "home-directory";
/// PROTOCOL §4.12, version "1".
pub const USERS_GROUPS_BY_ID: &str = "users-groups-by-id@openssh.com";

/// Every extension with the version that this crate speaks, in the order in which OpenSSH announces them.
pub const ALL: [(&str, &str); 11] = [
    (POSIX_RENAME, "1"),
    (STATVFS, "2"),
    (FSTATVFS, "2"),
    (HARDLINK, "1"),
    (FSYNC, "1"),
    (LSETSTAT, "1"),
    (LIMITS, "1"),
    (EXPAND_PATH, "1"),
    (COPY_DATA, "1"),
    (HOME_DIRECTORY, "1"),
    (USERS_GROUPS_BY_ID, "1"),
];

/// The version of the extension `name` that this crate speaks.
#[must_use]
pub fn version(name: &str) -> Option<&'static str> {
    ALL.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, version)| *version)
}
