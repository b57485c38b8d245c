//! Opening what a server is made of: host keys, catalog, store.

use std::sync::Arc;
use std::time::Duration;

use longshore_catalog::{Secrets, SqliteCatalog, SqliteOptions};
use longshore_server::{OnShort, ServerConfig, SftpServer};
use longshore_ssh::{HostKeys, ReceivedTotal};
use longshore_storage::{Durability, LocalOptions, LocalStore, ResolverChoice, Store, VisibleTo};
use tokio::net::TcpListener;

use super::process;
use crate::config::{Config, parse_mode, settings};
use crate::data_dir::DataDir;
use crate::error::Result;

/// Everything below the faces.
pub(super) struct Parts {
    pub(super) host_keys: HostKeys,
    pub(super) catalog: Arc<SqliteCatalog>,
    pub(super) store: Arc<dyn Store>,
}

impl Parts {
    /// Opens them, making what a first start lacks.
    ///
    /// # Errors
    /// [`ExitCode::DataDir`](crate::ExitCode::DataDir), naming the part.
    pub(super) async fn open(config: &Config, dir: &DataDir) -> Result<Self> {
        let host_keys =
            HostKeys::load_or_generate(&dir.host_keys()).map_err(|error| dir.broken("host keys", error))?;
        let secrets = Secrets::load_or_create(dir.path()).map_err(|error| dir.broken("secrets", error))?;
        let catalog = SqliteCatalog::open(&dir.catalog(), secrets, SqliteOptions::default())
            .await
            .map_err(|error| dir.broken("catalog", error))?;
        let store = LocalStore::open(&dir.buckets(), local_options(config))
            .map_err(|error| dir.broken("buckets", error))?;
        Ok(Self {
            host_keys,
            catalog,
            store,
        })
    }

    /// Starts the SFTP server on `listener`.
    ///
    /// # Errors
    /// [`ExitCode::Failure`] when no threads can be made.
    pub(super) fn serve_sftp(&self, config: &Config, listener: TcpListener) -> Result<SftpServer> {
        let (host_keys, catalog) = (self.host_keys.clone(), self.catalog.clone());
        let mut server = server_config(config);
        server.workers = Some(process::workers()?);
        Ok(SftpServer::start(
            listener,
            host_keys,
            catalog,
            self.store.clone(),
            server,
        ))
    }
}

/// How the local store is opened by these settings.
pub(crate) fn local_options(config: &Config) -> LocalOptions {
    LocalOptions {
        durability: match config.text(&settings::STORAGE_DURABILITY) {
            Some("none") => Durability::None,
            _ => Durability::Close,
        },
        visible_to: match config.text(&settings::UPLOADS_VISIBLE_TO) {
            Some("session") => VisibleTo::Session,
            _ => VisibleTo::Owner,
        },
        resolver: match config.text(&settings::STORAGE_RESOLVER) {
            Some("openat2") => ResolverChoice::OpenAt2,
            Some("fallback") => ResolverChoice::Fallback,
            _ => ResolverChoice::Auto,
        },
        expire_after: config
            .integer(&settings::UPLOADS_EXPIRE_AFTER_DAYS)
            .map_or(LocalOptions::default().expire_after, |days| {
                Duration::from_secs(days.saturating_mul(24 * 3600))
            }),
        parked_uploads: config
            .integer(&settings::UPLOADS_PARKED_PER_USER)
            .and_then(|count| count.try_into().ok())
            .unwrap_or(LocalOptions::default().parked_uploads),
        parked_bytes: config
            .integer(&settings::UPLOADS_PARKED_GIB_PER_USER)
            .map_or(LocalOptions::default().parked_bytes, |gib| gib << 30),
        digest: config.is_on(&settings::UPLOADS_DIGEST),
        umask: config
            .text(&settings::STORAGE_UMASK)
            .and_then(parse_mode)
            .unwrap_or(LocalOptions::default().umask),
        ..LocalOptions::default()
    }
}

fn server_config(config: &Config) -> ServerConfig {
    let mut server = ServerConfig::default();
    let counts = [
        (
            &settings::SFTP_MAX_SESSIONS_PER_USER,
            &mut server.sessions_per_user,
        ),
        (
            &settings::SFTP_MAX_HANDLES_PER_SESSION,
            &mut server.handles_per_session,
        ),
        (&settings::SFTP_MAX_CONNECTIONS, &mut server.ssh.connections),
        (
            &settings::SFTP_MAX_UNAUTHENTICATED,
            &mut server.ssh.unauthenticated,
        ),
        (
            &settings::SFTP_MAX_UNAUTHENTICATED_PER_ADDRESS,
            &mut server.ssh.unauthenticated_per_address,
        ),
        (&settings::SFTP_MAX_AUTH_ATTEMPTS, &mut server.ssh.auth_attempts),
    ];
    for (setting, field) in counts {
        if let Some(number) = config
            .integer(setting)
            .and_then(|number| usize::try_from(number).ok())
        {
            *field = number;
        }
    }
    let mib = |setting| {
        let number = config.integer(setting)?;
        usize::try_from(number).ok()?.checked_mul(1 << 20)
    };
    if let Some(bytes) = mib(&settings::SFTP_REPLY_MIB_TOTAL) {
        server.reply_bytes_total = bytes;
    }
    if let Some(bytes) = mib(&settings::SFTP_RECEIVE_MIB_TOTAL) {
        server.ssh.received_total = ReceivedTotal::new(bytes);
    }
    server.on_short = match config.text(&settings::UPLOADS_ON_SHORT) {
        Some("warn") => OnShort::Warn,
        _ => OnShort::Refuse,
    };
    // Without the promise there is nothing to wait for.
    server.record_before_answer = config.text(&settings::STORAGE_DURABILITY) != Some("none");
    server.keep_records = match config.integer(&settings::UPLOADS_KEEP_RECORDS_DAYS) {
        None | Some(0) => None,
        Some(days) => Some(Duration::from_secs(days * 24 * 60 * 60)),
    };
    let times = [
        (&settings::SFTP_LOGIN_GRACE_SECS, &mut server.login_grace),
        (&settings::SFTP_IDLE_TIMEOUT_SECS, &mut server.idle_timeout),
    ];
    for (setting, field) in times {
        if let Some(secs) = config.integer(setting) {
            *field = Duration::from_secs(secs);
        }
    }
    server
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, Input, load};

    fn config(variables: &[(&str, &str)]) -> Config {
        let input = Input {
            flags: Flags::default(),
            variables: variables
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            working_dir: "/nonexistent".into(),
            is_root: true,
        };
        load(&input).unwrap()
    }

    #[test]
    fn the_defaults_of_the_table_are_those_of_the_crates() {
        let (from_table, own) = (server_config(&config(&[])), ServerConfig::default());
        assert_eq!(format!("{from_table:?}"), format!("{own:?}"));
        let (from_table, own) = (local_options(&config(&[])), LocalOptions::default());
        assert_eq!(format!("{from_table:?}"), format!("{own:?}"));
    }

    #[test]
    fn every_setting_of_a_session_arrives_where_it_counts() {
        let server = server_config(&config(&[
            ("LONGSHORE_SFTP_MAX_SESSIONS_PER_USER", "1"),
            ("LONGSHORE_SFTP_MAX_HANDLES_PER_SESSION", "12"),
            ("LONGSHORE_SFTP_MAX_CONNECTIONS", "3"),
            ("LONGSHORE_SFTP_MAX_UNAUTHENTICATED", "4"),
            ("LONGSHORE_SFTP_MAX_UNAUTHENTICATED_PER_ADDRESS", "5"),
            ("LONGSHORE_SFTP_MAX_AUTH_ATTEMPTS", "6"),
            ("LONGSHORE_SFTP_LOGIN_GRACE_SECS", "7"),
            ("LONGSHORE_SFTP_IDLE_TIMEOUT_SECS", "18"),
            ("LONGSHORE_SFTP_REPLY_MIB_TOTAL", "3"),
            ("LONGSHORE_SFTP_RECEIVE_MIB_TOTAL", "5"),
        ]));
        assert_eq!(server.reply_bytes_total, 3 << 20);
        assert_eq!(
            format!("{:?}", server.ssh.received_total),
            format!("{:?}", ReceivedTotal::new(5 << 20))
        );
        assert_eq!((server.sessions_per_user, server.handles_per_session), (1, 12));
        let ssh = &server.ssh;
        assert_eq!((ssh.connections, ssh.unauthenticated), (3, 4));
        assert_eq!((ssh.unauthenticated_per_address, ssh.auth_attempts), (5, 6));
        assert_eq!(
            (server.login_grace.as_secs(), server.idle_timeout.as_secs()),
            (7, 18)
        );
        let local = local_options(&config(&[
            ("LONGSHORE_STORAGE_DURABILITY", "none"),
            ("LONGSHORE_UPLOADS_VISIBLE_TO", "session"),
            ("LONGSHORE_UPLOADS_EXPIRE_AFTER_DAYS", "3"),
            ("LONGSHORE_UPLOADS_PARKED_PER_USER", "5"),
            ("LONGSHORE_UPLOADS_PARKED_GIB_PER_USER", "2"),
            ("LONGSHORE_UPLOADS_DIGEST", "false"),
            ("LONGSHORE_STORAGE_RESOLVER", "fallback"),
            ("LONGSHORE_STORAGE_UMASK", "027"),
        ]));
        assert_eq!((local.resolver, local.umask), (ResolverChoice::Fallback, 0o027));
        assert_eq!(local.expire_after, Duration::from_secs(3 * 24 * 3600));
        assert_eq!((local.parked_uploads, local.parked_bytes), (5, 2 << 30));
        assert_eq!(
            (local.durability, local.visible_to, local.digest),
            (Durability::None, VisibleTo::Session, false)
        );
        let server = server_config(&config(&[
            ("LONGSHORE_STORAGE_DURABILITY", "none"),
            ("LONGSHORE_UPLOADS_ON_SHORT", "warn"),
            ("LONGSHORE_UPLOADS_KEEP_RECORDS_DAYS", "0"),
        ]));
        assert_eq!(
            (server.on_short, server.record_before_answer, server.keep_records),
            (OnShort::Warn, false, None)
        );
    }
}
