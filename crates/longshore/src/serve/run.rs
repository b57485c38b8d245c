//! A server's life: start, serve, drain, end.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use longshore_api::{AdminListener, ApiSettings, ApiState, admin_router, router};
use longshore_catalog::SqliteCatalog;
use longshore_server::SftpServer;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::admin_socket::{self, AdminSocketFile};
use super::banner::Banner;
use super::expiry;
use super::first_start::first_key;
use super::listen::{ListenAddress, reachable};
use super::lock::Lock;
use super::notify::notify;
use super::parts::Parts;
use super::public_host::{public_host, warn_unless_it_resolves};
use super::server_file::{Published, ServerFile};
use super::signals::Signals;
use super::{clock, logging, process};
use crate::config::{Config, Setting, settings};
use crate::data_dir::DataDir;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::print;

/// Runs a server until a signal ends it.
///
/// # Errors
/// Why it could not start, or which part of it ended by itself.
pub fn run(config: &Config) -> Result<()> {
    logging::install(config)?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    clock::check(SystemTime::now())?;
    process::raise_open_files();
    let runtime = process::runtime()?;
    let result = runtime.block_on(async {
        let mut signals = Signals::install()
            .map_err(|error| CliError::new(ExitCode::Failure, "cannot take signals").because(error))?;
        let running = Running::start(config).await?;
        running.until_told(&mut signals).await
    });
    // Blocking work that hangs (a dead network disk) must not hold up the end.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// A started server and everything that is undone when it ends, in the order of the fields: first the names
/// by which others find it, last the lock.
struct Running {
    sftp: SftpServer,
    api: ApiState,
    catalog: Arc<SqliteCatalog>,
    faces: Faces,
    grace: Duration,
    _server_file: Published,
    _admin_socket: AdminSocketFile,
    _lock: Lock,
}

/// The tasks that answer HTTP.
struct Faces {
    api: JoinHandle<()>,
    admin: JoinHandle<()>,
    stop: CancellationToken,
}

/// Sockets that are bound before anything is opened: a taken port must not leave half a start behind.
struct Listeners {
    sftp: TcpListener,
    api: TcpListener,
    admin: UnixListener,
}

impl Running {
    async fn start(config: &Config) -> Result<Self> {
        let dir = DataDir::from_config(config)?;
        let is_new = dir.prepare()?;
        if is_new {
            tracing::info!(path = %dir.path().display(), "made a new data directory");
        }
        let lock = Lock::take(&dir)?;
        ServerFile::remove_stale(&dir).map_err(|error| dir.complain("write in", &error))?;
        warn_about_the_owner(&dir);
        let (listeners, admin_socket) = Listeners::bind(config, &dir)?;
        let (sftp_address, api_address) = listeners.addresses()?;

        let parts = Parts::open(config, &dir).await?;
        let fingerprint = parts.host_keys.fingerprint();
        let host = public_host(config);
        let port = config
            .integer(&settings::SFTP_PUBLIC_PORT)
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or(sftp_address.port());
        let api = ApiState::new(
            parts.catalog.clone(),
            parts.store.clone(),
            api_settings(config, &host, port, &fingerprint),
        );
        let first_key = first_key(&*parts.catalog, &dir).await?;
        let faces = Faces::start(&api, listeners.api, listeners.admin);
        let sftp = parts.serve_sftp(config, listeners.sftp)?;

        let server_file = ServerFile {
            pid: std::process::id(),
            sftp: reachable(sftp_address),
            api: reachable(api_address),
            admin_socket: admin_socket.path().to_owned(),
            started: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
        }
        .publish(&dir)
        .map_err(|error| dir.complain("write in", &error))?;
        tracing::info!(sftp = %sftp_address, api = %api_address, "accepting connections");
        let banner = Banner {
            data_dir: dir.path(),
            is_new,
            sftp: sftp_address,
            public: &format!("{host}:{port}"),
            api: api_address,
            fingerprint: &fingerprint,
            first_key,
        };
        if let Err(error) = print(&banner.render()) {
            // Partners do not care whether anybody reads along.
            tracing::warn!(%error, "the start message is lost");
        }
        tokio::spawn(warn_unless_it_resolves(host));
        tokio::spawn(expiry::watch(Arc::downgrade(&parts.store)));
        notify("READY=1");
        let grace = Duration::from_secs(config.integer(&settings::SHUTDOWN_GRACE_SECS).unwrap_or(0));
        Ok(Self {
            catalog: parts.catalog,
            sftp,
            api,
            faces,
            grace,
            _server_file: server_file,
            _admin_socket: admin_socket,
            _lock: lock,
        })
    }

    /// Serves until a signal comes, then drains. A second signal ends the process at once.
    async fn until_told(mut self, signals: &mut Signals) -> Result<()> {
        let told = tokio::select! {
            (name, _) = signals.next() => Ok(name),
            face = self.faces.ended() => Err(face),
        };
        notify("STOPPING=1");
        match &told {
            Ok(name) => tracing::info!(signal = name, grace_secs = self.grace.as_secs(), "draining"),
            Err(face) => tracing::error!(face, "a part of the server ended by itself: stopping"),
        }
        self.api.begin_drain();
        tokio::select! {
            () = self.drain() => {}
            (name, status) = signals.next() => {
                tracing::warn!(signal = name, "told again: ending at once");
                drop(self);
                std::process::exit(status.into());
            }
        }
        drop(self);
        tracing::info!("stopped");
        told.map(drop).map_err(|face| {
            CliError::new(
                ExitCode::Failure,
                format!("the server had to stop: its {face} ended by itself"),
            )
            .hint("this is a defect; the log above says more")
        })
    }

    async fn drain(&mut self) {
        self.sftp.drain(self.grace).await;
        self.faces.stop().await;
        self.catalog.close().await;
    }
}

impl Listeners {
    fn bind(config: &Config, dir: &DataDir) -> Result<(Self, AdminSocketFile)> {
        let sftp = listen(config, &settings::SFTP_LISTEN, "SFTP")?;
        let api = listen(config, &settings::API_LISTEN, "the API")?;
        let (admin, file) = admin_socket::bind(&dir.run())
            .map_err(|error| dir.complain("make the admin socket in", &error))?;
        Ok((Self { sftp, api, admin }, file))
    }

    fn addresses(&self) -> Result<(SocketAddr, SocketAddr)> {
        let failed =
            |error| CliError::new(ExitCode::Listen, "cannot tell where the server listens").because(error);
        Ok((
            self.sftp.local_addr().map_err(failed)?,
            self.api.local_addr().map_err(failed)?,
        ))
    }
}

fn listen(config: &Config, setting: &'static Setting, what: &str) -> Result<TcpListener> {
    let address: ListenAddress = config
        .text(setting)
        .and_then(|text| text.parse().ok())
        .expect("checked when the configuration was read");
    if setting.key == settings::API_LISTEN.key && !address.is_loopback() {
        tracing::warn!(%address, "the API speaks plain HTTP beyond this machine: put a TLS proxy in front");
    }
    let names = format!("{} ({})", setting.flag.unwrap_or(setting.key), setting.key);
    address.bind(what, &names)
}

/// Root may run a server on somebody else's directory, but what it makes there is then root's.
fn warn_about_the_owner(dir: &DataDir) {
    let me = rustix::process::geteuid().as_raw();
    if let Ok(owner) = dir.path().metadata().map(|metadata| metadata.uid())
        && owner != me
    {
        tracing::warn!(
            owner,
            uid = me,
            "the data directory belongs to another user, who may not read what this server makes"
        );
    }
}

fn api_settings(config: &Config, host: &str, port: u16, fingerprint: &str) -> ApiSettings {
    let mut api = ApiSettings::new(host.to_owned(), port, fingerprint.to_owned());
    api.max_users = config.integer(&settings::USERS_MAX);
    api.cors_origins = config.list(&settings::API_CORS_ORIGINS).to_vec();
    api
}

impl Faces {
    fn start(state: &ApiState, api: TcpListener, admin: UnixListener) -> Self {
        let stop = CancellationToken::new();
        let uid = rustix::process::geteuid().as_raw();
        let admin = AdminListener::new(admin, uid);
        Self {
            api: tokio::spawn(longshore_api::serve(
                api,
                router(state.clone()),
                stop.clone().cancelled_owned(),
            )),
            admin: tokio::spawn(longshore_api::serve(
                admin,
                admin_router(state.clone()),
                stop.clone().cancelled_owned(),
            )),
            stop,
        }
    }

    /// Completes when one of them ends without being told, with its name.
    async fn ended(&mut self) -> &'static str {
        tokio::select! {
            _ = &mut self.api => "API",
            _ = &mut self.admin => "admin socket",
        }
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        for task in [&mut self.api, &mut self.admin] {
            if !task.is_finished() {
                let _ = task.await;
            }
        }
    }
}
