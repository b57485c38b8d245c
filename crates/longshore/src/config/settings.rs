//! The settings table. `docs/configuration.md` is generated from it (`UPDATE_DOCS=1 cargo test -p longshore
//! --test configuration_docs`).

use super::kind::Kind;
use super::setting::Setting;

/// Where everything is kept.
pub static DATA_DIR: Setting = Setting {
    default_note: "searched, see above",
    summary: "Folder that holds users, keys and files.",
    reason: "A folder `longshore-data` beside you is taken for trying out; a service has one place of its own.",
    flag: Some("--data-dir"),
    ..Setting::new("data_dir", Kind::Path, None)
};

/// SFTP listen address.
pub static SFTP_LISTEN: Setting = Setting {
    summary: "Where SFTP clients connect. `*` takes IPv6 and IPv4.",
    reason: "Port 22 needs a privilege and is usually the machine's own sshd.",
    flag: Some("--sftp-listen"),
    ..Setting::new("sftp.listen", Kind::Listen, Some("*:2022"))
};

/// Host name that partners use.
pub static SFTP_PUBLIC_HOST: Setting = Setting {
    default_note: "the machine's name",
    summary: "Host name that partners connect to: `endpoint` in the API's answers.",
    reason: "The machine's name is the best guess; `serve` warns when it does not resolve.",
    ..Setting::new("sftp.public_host", Kind::Host, None)
};

/// Port that partners use.
pub static SFTP_PUBLIC_PORT: Setting = Setting {
    default_note: "the port of `sftp.listen`",
    summary: "Port that partners connect to, where a forwarder stands in front.",
    reason: "Without a forwarder it is the port that the server listens on.",
    ..Setting::new("sftp.public_port", Kind::Integer { min: 1, max: 65_535 }, None)
};

/// Connections at once.
pub static SFTP_MAX_CONNECTIONS: Setting = Setting {
    unit: "connections",
    summary: "SFTP connections at once, logged in or not. More are refused until others end.",
    reason: "At about 80 KiB for an idle session this is 80 MiB; each takes one file descriptor.",
    ..Setting::new(
        "sftp.max_connections",
        Kind::Integer {
            min: 1,
            max: 1_000_000,
        },
        Some("1000"),
    )
};

/// Connections that have not logged in.
pub static SFTP_MAX_UNAUTHENTICATED: Setting = Setting {
    unit: "connections",
    summary: "Connections at once that have not logged in. More are refused.",
    reason: "What OpenSSH allows (`MaxStartups`).",
    ..Setting::new(
        "sftp.max_unauthenticated",
        Kind::Integer { min: 1, max: 100_000 },
        Some("100"),
    )
};

/// The same from one address.
pub static SFTP_MAX_UNAUTHENTICATED_PER_ADDRESS: Setting = Setting {
    unit: "connections",
    summary: "The same from one address (one /64 for IPv6). Raise it where all partners come through one forwarder.",
    reason: "One host cannot lock out the others.",
    ..Setting::new(
        "sftp.max_unauthenticated_per_address",
        Kind::Integer { min: 1, max: 100_000 },
        Some("32"),
    )
};

/// Failed logins.
pub static SFTP_MAX_AUTH_ATTEMPTS: Setting = Setting {
    unit: "attempts",
    summary: "Failed logins on one connection before it is closed.",
    reason: "What OpenSSH allows (`MaxAuthTries`).",
    ..Setting::new(
        "sftp.max_auth_attempts",
        Kind::Integer { min: 1, max: 100 },
        Some("6"),
    )
};

/// Sessions of one user at once.
pub static SFTP_MAX_SESSIONS_PER_USER: Setting = Setting {
    unit: "sessions",
    summary: "Sessions of one user at once. More are refused until others end.",
    reason: "What the hosted service allowed.",
    ..Setting::new(
        "sftp.max_sessions_per_user",
        Kind::Integer { min: 1, max: 10_000 },
        Some("10"),
    )
};

/// Open handles.
pub static SFTP_MAX_HANDLES_PER_SESSION: Setting = Setting {
    unit: "handles",
    summary: "Files and directories that one session may have open at once.",
    reason: "More than clients use; `limits@openssh.com` names it.",
    ..Setting::new(
        "sftp.max_handles_per_session",
        Kind::Integer { min: 8, max: 65_536 },
        Some("1024"),
    )
};

/// Memory for replies.
pub static SFTP_REPLY_MIB_TOTAL: Setting = Setting {
    unit: "MiB",
    summary: "Memory that replies to all sessions together may take: data that was read and that clients have not \
              taken yet. Beyond it each channel still gets one reply at a time.",
    reason: "Twenty sessions with all of their 12 MiB in use; slow readers among more are served a little slower.",
    ..Setting::new(
        "sftp.reply_mib_total",
        Kind::Integer { min: 1, max: 1 << 20 },
        Some("256"),
    )
};

/// Memory for received data.
pub static SFTP_RECEIVE_MIB_TOTAL: Setting = Setting {
    unit: "MiB",
    summary: "Memory that data from all connections together may take before it is written. Beyond it only \
              connections that the disk keeps up with get leave to send more; windows that were granted are honoured.",
    reason: "What 32 connections hold (16 MiB each) whose uploads the disk does not keep up with.",
    ..Setting::new(
        "sftp.receive_mib_total",
        Kind::Integer { min: 1, max: 1 << 20 },
        Some("512"),
    )
};

/// Time to log in.
pub static SFTP_LOGIN_GRACE_SECS: Setting = Setting {
    unit: "seconds",
    summary: "Time from connecting to being logged in.",
    reason: "OpenSSH gives 120 s to a person who types; programs need far less.",
    ..Setting::new(
        "sftp.login_grace_secs",
        Kind::Integer { min: 1, max: 3600 },
        Some("60"),
    )
};

/// Idle sessions.
pub static SFTP_IDLE_TIMEOUT_SECS: Setting = Setting {
    unit: "seconds",
    summary: "A session without any request for this long is ended.",
    reason: "Long enough for a person in a graphical client, short enough to free dead connections.",
    ..Setting::new(
        "sftp.idle_timeout_secs",
        Kind::Integer {
            min: 10,
            max: 604_800,
        },
        Some("1800"),
    )
};

/// API listen address.
pub static API_LISTEN: Setting = Setting {
    summary: "Where the HTTP API listens. It speaks plain HTTP.",
    reason: "Keys travel in the clear: other machines should come through a TLS proxy.",
    flag: Some("--api-listen"),
    ..Setting::new("api.listen", Kind::Listen, Some("127.0.0.1:8080"))
};

/// Browser origins.
pub static API_CORS_ORIGINS: Setting = Setting {
    summary: "Web origins whose pages may call the API from a browser.",
    reason: "No page of any site can call the API unless you name the site.",
    ..Setting::new("api.cors_origins", Kind::Origins, Some(""))
};

/// Bound on users.
pub static USERS_MAX: Setting = Setting {
    default_note: "no limit",
    unit: "users",
    summary: "How many users there may be. Creating more is refused with `QuotaExceededException`.",
    reason: "The machine is yours.",
    ..Setting::new(
        "users.max",
        Kind::Integer {
            min: 0,
            max: u64::MAX,
        },
        None,
    )
};

/// When a CLOSE is answered.
pub static STORAGE_DURABILITY: Setting = Setting {
    summary: "`close`: an acknowledged CLOSE, rename or mkdir survives a power cut. `none`: the operating system \
              writes it back when it likes.",
    reason: "What was acknowledged is safe; `none` is for data that can be had again.",
    ..Setting::new(
        "storage.durability",
        Kind::Choice(&["close", "none"]),
        Some("close"),
    )
};

/// How paths are kept inside a home.
pub static STORAGE_RESOLVER: Setting = Setting {
    summary: "How paths are kept inside a home. `openat2`: by the kernel (Linux 5.6). `fallback`: part by part, \
              just as safe and slower. `auto`: by the kernel where it can.",
    reason: "Right everywhere; the others are for sandboxes that forbid openat2, and for tests.",
    ..Setting::new(
        "storage.resolver",
        Kind::Choice(&["auto", "openat2", "fallback"]),
        Some("auto"),
    )
};

/// New modes.
pub static STORAGE_UMASK: Setting = Setting {
    summary: "Permission bits, in octal, that new files and directories in buckets never get.",
    reason: "What sshd runs with.",
    ..Setting::new("storage.umask", Kind::Mode, Some("022"))
};

/// Who sees an upload before its CLOSE.
pub static UPLOADS_VISIBLE_TO: Setting = Setting {
    summary: "Who sees an upload that is not closed yet in place of the published file: all sessions of its \
              `owner`, or only its own `session`.",
    reason: "Clients that stat or resume what they are uploading over a second connection work.",
    ..Setting::new(
        "uploads.visible_to",
        Kind::Choice(&["owner", "session"]),
        Some("owner"),
    )
};

/// How long an unfinished upload waits for its owner.
pub static UPLOADS_EXPIRE_AFTER_DAYS: Setting = Setting {
    unit: "days",
    summary: "How long an upload that broke off is kept for its user to go on with. What a client made durable \
              (`fsync@openssh.com`) stays until it is finished or discarded.",
    reason: "A partner's next nightly run, and the one after a long weekend, can go on where the last one broke off.",
    ..Setting::new(
        "uploads.expire_after_days",
        Kind::Integer { min: 1, max: 36_500 },
        Some("7"),
    )
};

/// How many unfinished uploads wait for one user.
pub static UPLOADS_PARKED_PER_USER: Setting = Setting {
    unit: "uploads",
    summary: "How many uploads that broke off are kept for one user. Beyond it the oldest one goes; if a client made \
              all of them durable (`fsync@openssh.com`), no further upload begins until one is finished or removed.",
    reason: "More than any client leaves behind in a week.",
    ..Setting::new(
        "uploads.parked_per_user",
        Kind::Integer {
            min: 1,
            max: 1_000_000,
        },
        Some("256"),
    )
};

/// How many bytes wait in them.
pub static UPLOADS_PARKED_GIB_PER_USER: Setting = Setting {
    unit: "GiB",
    summary: "How much may lie in the uploads that are kept for one user, with the same consequences. The newest one is \
              kept whatever its size.",
    reason: "Several of the largest transfers that break off.",
    ..Setting::new(
        "uploads.parked_gib_per_user",
        Kind::Integer { min: 1, max: 1 << 30 },
        Some("256"),
    )
};

/// Digest of uploads.
pub static UPLOADS_DIGEST: Setting = Setting {
    summary: "Whether the SHA-256 of each upload is computed while it arrives. It is kept with the file and on the \
              record of the upload, and answers `sha256sum` and `check-file` without reading the file again.",
    reason: "It costs about half a second of CPU for each GiB where the processor has SHA extensions.",
    ..Setting::new("uploads.digest", Kind::Switch, Some("true"))
};

/// Uploads that lack bytes.
pub static UPLOADS_ON_SHORT: Setting = Setting {
    summary: "What CLOSE does when a client had announced a larger file than it sent. `refuse`: it fails, and the \
              upload stays parked for its owner. `warn`: the file is published and the record says so.",
    reason: "Half a file that looks whole is the worst that can happen to its reader.",
    ..Setting::new(
        "uploads.on_short",
        Kind::Choice(&["refuse", "warn"]),
        Some("refuse"),
    )
};

/// How long records of uploads are kept.
pub static UPLOADS_KEEP_RECORDS_DAYS: Setting = Setting {
    unit: "days",
    summary: "How long the records of finished uploads are kept. 0 keeps them for ever.",
    reason: "A year of disputes; a record takes some 500 bytes.",
    ..Setting::new(
        "uploads.keep_records_days",
        Kind::Integer { min: 0, max: 36_500 },
        Some("400"),
    )
};

/// Drain time.
pub static SHUTDOWN_GRACE_SECS: Setting = Setting {
    unit: "seconds",
    summary: "After SIGTERM or SIGINT: how long running transfers may go on. A second signal ends at once.",
    reason: "Below the 90 s after which systemd kills.",
    ..Setting::new(
        "shutdown.grace_secs",
        Kind::Integer { min: 0, max: 86_400 },
        Some("30"),
    )
};

/// Log filter.
pub static LOG_LEVEL: Setting = Setting {
    summary: "What is logged: a level, or pairs such as `info,longshore_server=debug`. Logs go to standard error.",
    reason: "One line for each login, refusal and fault.",
    env_override: Some("LONGSHORE_LOG"),
    ..Setting::new("log.level", Kind::Filter, Some("info"))
};

/// Log format.
pub static LOG_FORMAT: Setting = Setting {
    summary: "`text` for people, `json` for collectors (one object a line).",
    reason: "People read it first.",
    ..Setting::new("log.format", Kind::Choice(&["text", "json"]), Some("text"))
};

/// Server that client commands speak to.
pub static CLIENT_URL: Setting = Setting {
    default_note: "the admin socket",
    summary: "API that the `user` and `api-key` commands speak to.",
    reason: "On the server's own machine the admin socket in the data directory needs no key.",
    env_override: Some("LONGSHORE_URL"),
    flag: Some("--url"),
    ..Setting::new("client.url", Kind::Url, None)
};

/// Key of client commands.
pub static CLIENT_API_KEY: Setting = Setting {
    summary: "API key for the `user` and `api-key` commands. There is no flag for it: command lines can be seen \
              by others.",
    reason: "A key is yours to give.",
    env_override: Some("LONGSHORE_API_KEY"),
    ..Setting::new("client.api_key", Kind::Secret, None)
};

/// File with the key of client commands.
pub static CLIENT_API_KEY_FILE: Setting = Setting {
    summary: "File that holds the API key alone. It goes before `client.api_key`.",
    reason: "A key is yours to give.",
    env_override: Some("LONGSHORE_API_KEY_FILE"),
    flag: Some("--api-key-file"),
    ..Setting::new("client.api_key_file", Kind::Path, None)
};

/// All settings, in the order of the reference.
pub static SETTINGS: &[&Setting] = &[
    &DATA_DIR,
    &SFTP_LISTEN,
    &SFTP_PUBLIC_HOST,
    &SFTP_PUBLIC_PORT,
    &SFTP_MAX_CONNECTIONS,
    &SFTP_MAX_UNAUTHENTICATED,
    &SFTP_MAX_UNAUTHENTICATED_PER_ADDRESS,
    &SFTP_MAX_AUTH_ATTEMPTS,
    &SFTP_MAX_SESSIONS_PER_USER,
    &SFTP_MAX_HANDLES_PER_SESSION,
    &SFTP_REPLY_MIB_TOTAL,
    &SFTP_RECEIVE_MIB_TOTAL,
    &SFTP_LOGIN_GRACE_SECS,
    &SFTP_IDLE_TIMEOUT_SECS,
    &API_LISTEN,
    &API_CORS_ORIGINS,
    &USERS_MAX,
    &STORAGE_DURABILITY,
    &STORAGE_RESOLVER,
    &STORAGE_UMASK,
    &UPLOADS_VISIBLE_TO,
    &UPLOADS_EXPIRE_AFTER_DAYS,
    &UPLOADS_PARKED_PER_USER,
    &UPLOADS_PARKED_GIB_PER_USER,
    &UPLOADS_DIGEST,
    &UPLOADS_ON_SHORT,
    &UPLOADS_KEEP_RECORDS_DAYS,
    &SHUTDOWN_GRACE_SECS,
    &LOG_LEVEL,
    &LOG_FORMAT,
    &CLIENT_URL,
    &CLIENT_API_KEY,
    &CLIENT_API_KEY_FILE,
];

/// The setting with this key.
#[must_use]
pub fn by_key(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().copied().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::ffi::OsStr;

    #[test]
    fn every_default_passes_its_own_check() {
        for setting in SETTINGS {
            if let Some(default) = setting.default {
                assert!(
                    setting.kind.parse_os(OsStr::new(default)).is_ok(),
                    "{}",
                    setting.key
                );
            }
        }
    }

    #[test]
    fn keys_and_environment_names_are_unique_and_every_row_is_explained() {
        let keys: HashSet<_> = SETTINGS.iter().map(|s| s.key).collect();
        let names: HashSet<_> = SETTINGS.iter().map(|s| s.env()).collect();
        assert_eq!((keys.len(), names.len()), (SETTINGS.len(), SETTINGS.len()));
        for setting in SETTINGS {
            assert!(
                !setting.summary.is_empty() && !setting.reason.is_empty(),
                "{}",
                setting.key
            );
        }
    }

    #[test]
    fn environment_names_follow_the_key() {
        assert_eq!(SFTP_LISTEN.env(), "LONGSHORE_SFTP_LISTEN");
        assert_eq!(DATA_DIR.env(), "LONGSHORE_DATA_DIR");
        assert_eq!(LOG_LEVEL.env(), "LONGSHORE_LOG");
    }
}
