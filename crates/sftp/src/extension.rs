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

/// File hashing by handle or name, draft-ietf-secsh-filexfer-extensions-00 §3: the name under which servers announce
/// both (WinSCP looks for it). Its data lists the hashes. paramiko also asks by this name.
pub const CHECK_FILE: &str = "check-file";
/// draft-ietf-secsh-filexfer-extensions-00 §3, version "1".
pub const CHECK_FILE_HANDLE: &str = "check-file-handle";
/// draft-ietf-secsh-filexfer-extensions-00 §3, version "1".
pub const CHECK_FILE_NAME: &str = "check-file-name";
/// draft-ietf-secsh-filexfer-extensions-00 §6, version "1".
pub const COPY_FILE: &str = "copy-file";
/// draft-ietf-secsh-filexfer-extensions-00 §4, version "1".
pub const SPACE_AVAILABLE: &str = "space-available";
/// draft-ietf-secsh-filexfer-13 §4.4. Its data is a [`VendorId`](crate::VendorId), not a version.
pub const VENDOR_ID: &str = "vendor-id";

/// Every extension with the version that this crate speaks, in the order in which OpenSSH announces them; then those of
/// the drafts that OpenSSH does not have. [`VENDOR_ID`] is not among them: each program says something else there.
pub const ALL: [(&str, &str); 16] = [
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
    (CHECK_FILE, "md5,sha1,sha224,sha256,sha384,sha512,crc32"),
    (CHECK_FILE_HANDLE, "1"),
    (CHECK_FILE_NAME, "1"),
    (COPY_FILE, "1"),
    (SPACE_AVAILABLE, "1"),
];

/// The version of the extension `name` that this crate speaks.
#[must_use]
pub fn version(name: &str) -> Option<&'static str> {
    ALL.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, version)| *version)
}
