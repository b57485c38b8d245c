//! On which terms a channel is served: where relative paths start, and which requests are taken at all.

use std::collections::BTreeSet;

use longshore_sftp::{ExtendedRequest, OpenFlags, Request, extension};

/// The terms of a channel. The default is that of the managed server: everything is taken, paths start at `/`.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Where relative paths start: an absolute path.
    pub start_directory: Vec<u8>,
    /// What `~` and the home-directory extension say: an absolute path.
    pub home_directory: Vec<u8>,
    /// Which requests are taken.
    pub policy: RequestPolicy,
    /// Notes what is opened, closed and changed in the log, in the words of OpenSSH's server.
    pub log_requests: bool,
}

/// Which requests are taken. What is refused is answered with PERMISSION_DENIED, and an extension that is refused is not
/// announced.
#[derive(Debug, Clone, Default)]
pub struct RequestPolicy {
    /// Refuses all that changes anything.
    pub read_only: bool,
    /// Refuses these, by the names of [`RequestPolicy::names`].
    pub denied: BTreeSet<String>,
    /// Refuses all but these.
    pub allowed: Option<BTreeSet<String>>,
}

/// The name of a kind of request, as OpenSSH's `sftp-server -Q requests` prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    name: &'static str,
    /// As it is announced, if it is an extension.
    extension: Option<&'static str>,
    /// Whether it changes files. OPEN depends on its flags.
    writes: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            start_directory: b"/".to_vec(),
            home_directory: b"/".to_vec(),
            policy: RequestPolicy::default(),
            log_requests: false,
        }
    }
}

impl RequestPolicy {
    /// The names of all requests.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|kind| kind.name)
    }

    /// Whether the request is taken.
    pub(crate) fn permits(&self, request: &Request) -> bool {
        if !self.is_limited() {
            return true;
        }
        let Some(kind) = kind(request) else { return true };
        let writes = match request {
            Request::Open { flags, .. } => opens_for_change(*flags),
            _ => kind.writes,
        };
        self.permits_kind(kind, writes)
    }

    /// Whether an extension is announced.
    pub(crate) fn announces(&self, name: &str) -> bool {
        let name = match name {
            // One kind of request, announced by three names.
            extension::CHECK_FILE_HANDLE | extension::CHECK_FILE_NAME => extension::CHECK_FILE,
            name => name,
        };
        KINDS
            .iter()
            .find(|kind| kind.extension == Some(name))
            .is_none_or(|kind| self.permits_kind(*kind, kind.writes))
    }

    fn permits_kind(&self, kind: Kind, writes: bool) -> bool {
        let denied = |name: &str| self.denied.contains(name);
        let denied =
            (self.read_only && writes) || denied(kind.name) || does(kind).iter().any(|name| denied(name));
        !denied && self.allowed.as_ref().is_none_or(|all| all.contains(kind.name))
    }

    fn is_limited(&self) -> bool {
        self.read_only || !self.denied.is_empty() || self.allowed.is_some()
    }
}

/// What a request does that could be asked for one by one. Lists of refused requests that were written for OpenSSH's
/// server do not know these two, and must not be got round by them.
fn does(kind: Kind) -> &'static [&'static str] {
    match kind.extension {
        Some(extension::CHECK_FILE) => &["open", "read"],
        Some(extension::COPY_FILE) => &["open", "read", "write"],
        _ => &[],
    }
}

/// The name of a request; `None` for extensions that nobody knows, which get their own answer.
pub(crate) fn request_name(request: &Request) -> Option<&'static str> {
    kind(request).map(|kind| kind.name)
}

fn opens_for_change(flags: OpenFlags) -> bool {
    [OpenFlags::WRITE, OpenFlags::CREAT, OpenFlags::TRUNC]
        .into_iter()
        .any(|flag| flags.contains(flag))
}

fn kind(request: &Request) -> Option<Kind> {
    let name = match request {
        Request::Open { .. } => "open",
        Request::Close { .. } => "close",
        Request::Read { .. } => "read",
        Request::Write { .. } => "write",
        Request::LStat { .. } => "lstat",
        Request::FStat { .. } => "fstat",
        Request::SetStat { .. } => "setstat",
        Request::FSetStat { .. } => "fsetstat",
        Request::OpenDir { .. } => "opendir",
        Request::ReadDir { .. } => "readdir",
        Request::Remove { .. } => "remove",
        Request::MkDir { .. } => "mkdir",
        Request::RmDir { .. } => "rmdir",
        Request::RealPath { .. } => "realpath",
        Request::Stat { .. } => "stat",
        Request::Rename { .. } => "rename",
        Request::ReadLink { .. } => "readlink",
        Request::SymLink { .. } => "symlink",
        Request::Extended(request) => extension_name(request)?,
    };
    KINDS.iter().copied().find(|kind| kind.name == name)
}

fn extension_name(request: &ExtendedRequest) -> Option<&'static str> {
    Some(match request {
        ExtendedRequest::PosixRename { .. } => "posix-rename",
        ExtendedRequest::StatVfs { .. } => "statvfs",
        ExtendedRequest::FStatVfs { .. } => "fstatvfs",
        ExtendedRequest::HardLink { .. } => "hardlink",
        ExtendedRequest::FSync { .. } => "fsync",
        ExtendedRequest::LSetStat { .. } => "lsetstat",
        ExtendedRequest::Limits => "limits",
        ExtendedRequest::ExpandPath { .. } => "expand-path",
        ExtendedRequest::CopyData { .. } => "copy-data",
        ExtendedRequest::HomeDirectory { .. } => "home-directory",
        ExtendedRequest::UsersGroupsById { .. } => "users-groups-by-id",
        ExtendedRequest::CheckFile(_) => "check-file",
        ExtendedRequest::CopyFile { .. } => "copy-file",
        ExtendedRequest::SpaceAvailable { .. } => "space-available",
        ExtendedRequest::VendorId(_) => "vendor-id",
        ExtendedRequest::Unknown { .. } => return None,
    })
}

const fn core(name: &'static str, writes: bool) -> Kind {
    Kind {
        name,
        extension: None,
        writes,
    }
}

const fn extended(name: &'static str, extension: &'static str, writes: bool) -> Kind {
    Kind {
        name,
        extension: Some(extension),
        writes,
    }
}

/// All requests, in the order of OpenSSH's server.
const KINDS: &[Kind] = &[
    core("open", false),
    core("close", false),
    core("read", false),
    core("write", true),
    core("lstat", false),
    core("fstat", false),
    core("setstat", true),
    core("fsetstat", true),
    core("opendir", false),
    core("readdir", false),
    core("remove", true),
    core("mkdir", true),
    core("rmdir", true),
    core("realpath", false),
    core("stat", false),
    core("rename", true),
    core("readlink", false),
    core("symlink", true),
    extended("posix-rename", extension::POSIX_RENAME, true),
    extended("statvfs", extension::STATVFS, false),
    extended("fstatvfs", extension::FSTATVFS, false),
    extended("hardlink", extension::HARDLINK, true),
    extended("fsync", extension::FSYNC, true),
    extended("lsetstat", extension::LSETSTAT, true),
    extended("limits", extension::LIMITS, false),
    extended("expand-path", extension::EXPAND_PATH, false),
    extended("copy-data", extension::COPY_DATA, true),
    extended("home-directory", extension::HOME_DIRECTORY, false),
    extended("users-groups-by-id", extension::USERS_GROUPS_BY_ID, false),
    // Those that OpenSSH's server does not have.
    extended("check-file", extension::CHECK_FILE, false),
    extended("copy-file", extension::COPY_FILE, true),
    extended("space-available", extension::SPACE_AVAILABLE, false),
    extended("vendor-id", extension::VENDOR_ID, false),
];

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use longshore_sftp::Attrs;

    use super::*;

    fn open(flags: OpenFlags) -> Request {
        Request::Open {
            path: Bytes::from_static(b"/f"),
            flags,
            attrs: Attrs::default(),
        }
    }

    fn remove() -> Request {
        Request::Remove {
            path: Bytes::from_static(b"/f"),
        }
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn read_only_refuses_what_changes_files_and_announces_none_of_it() {
        let policy = RequestPolicy {
            read_only: true,
            ..RequestPolicy::default()
        };
        assert!(policy.permits(&open(OpenFlags::READ)));
        for flags in [
            OpenFlags::WRITE,
            OpenFlags::READ | OpenFlags::CREAT,
            OpenFlags::READ | OpenFlags::TRUNC,
        ] {
            assert!(!policy.permits(&open(flags)), "{flags:?}");
        }
        assert!(!policy.permits(&remove()));
        assert!(!policy.announces(extension::HARDLINK));
        assert!(policy.announces(extension::STATVFS));
    }

    #[test]
    fn a_denied_request_stays_denied_when_it_is_allowed_too() {
        let policy = RequestPolicy {
            denied: set(&["remove"]),
            allowed: Some(set(&["remove", "open"])),
            ..RequestPolicy::default()
        };
        assert!(!policy.permits(&remove()));
        assert!(policy.permits(&open(OpenFlags::WRITE)));
        assert!(!policy.permits(&Request::Stat {
            path: Bytes::from_static(b"/")
        }));
        assert!(!policy.announces(extension::LIMITS));
    }

    #[test]
    fn what_does_several_things_is_refused_with_any_of_them() {
        let deny = |name| RequestPolicy {
            denied: set(&[name]),
            ..RequestPolicy::default()
        };
        let copy = Request::Extended(ExtendedRequest::CopyFile {
            source_path: Bytes::from_static(b"/f"),
            target_path: Bytes::from_static(b"/g"),
            overwrite: true,
        });
        for name in ["open", "read", "write", "copy-file"] {
            assert!(!deny(name).permits(&copy), "{name}");
            assert!(!deny(name).announces(extension::COPY_FILE), "{name}");
        }
        let of_hashes = [
            extension::CHECK_FILE,
            extension::CHECK_FILE_HANDLE,
            extension::CHECK_FILE_NAME,
        ];
        for announced in of_hashes {
            for name in ["open", "read", "check-file"] {
                assert!(!deny(name).announces(announced), "{name} {announced}");
            }
            assert!(deny("write").announces(announced));
        }
    }
}
