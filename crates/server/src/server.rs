//! The SFTP server as a whole: started on a listener, drained at the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use longshore_catalog::Catalog;
use longshore_ssh::{HostKeys, ServerHandle};
use longshore_storage::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::limits::{CLOSING_TIME, ServerConfig};
use crate::login::{SftpService, Shared};
use crate::recorder::{Keeping, Recorder};
use crate::session::SHUTDOWN_TEXT;
use crate::sessions::{EndReason, Sessions};
use crate::watch;

/// A running SFTP server. [`Self::drain`] ends it politely; dropping it ends its connections at once.
pub struct SftpServer {
    local_addr: SocketAddr,
    ssh: ServerHandle,
    shared: Arc<Shared>,
    _accept: AbortOnDropHandle<()>,
    _watch: AbortOnDropHandle<()>,
    _records: AbortOnDropHandle<()>,
}

impl SftpServer {
    /// Starts to accept connections on `listener`. Must be called inside a runtime.
    ///
    /// # Panics
    /// When `listener` has no address, which the system gives to every listener.
    #[must_use]
    pub fn start(
        listener: TcpListener,
        host_keys: HostKeys,
        catalog: Arc<dyn Catalog>,
        store: Arc<dyn Store>,
        config: ServerConfig,
    ) -> Self {
        let local_addr = listener.local_addr().expect("a listener has an address");
        let sessions = Arc::new(Sessions::new(config.clone()));
        // Subscribed before the first login can happen, so that no deletion is missed.
        let watch = watch::follow(catalog.changes(), catalog.clone(), sessions.clone());
        let mut settings = longshore_ssh::ServerConfig::new(host_keys);
        settings.limits = config.ssh.clone();
        settings.login_grace = config.login_grace;
        settings.workers = config.workers.clone();
        let keeping = Keeping {
            before_answer: config.record_before_answer,
            keep: config.keep_records,
        };
        let (recorder, records) = Recorder::start(catalog.clone(), store.clone(), keeping);
        let shared = Arc::new(Shared {
            catalog,
            store,
            recorder,
            sessions,
            draining: CancellationToken::new(),
            config,
        });
        let ssh = longshore_ssh::Server::new(listener, settings, Arc::new(SftpService(shared.clone())));
        Self {
            local_addr,
            ssh: ssh.handle(),
            shared,
            _accept: AbortOnDropHandle::new(tokio::spawn(ssh.run())),
            _watch: AbortOnDropHandle::new(tokio::spawn(watch)),
            _records: records,
        }
    }

    /// The address that it listens on, or did until it was drained.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Sessions open now.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.sessions.count()
    }

    /// Takes no further connections and ends the sessions: at once where no request is under way and no file open,
    /// otherwise as soon as that is so, all after `grace` at the latest. Uploads that are not closed by then are
    /// parked where the store can do that, and discarded elsewhere.
    pub async fn drain(&self, grace: Duration) {
        self.ssh.stop_accepting();
        let sessions = &self.shared.sessions;
        sessions.close();
        self.shared.draining.cancel();
        if tokio::time::timeout(grace, sessions.empty()).await.is_err() {
            tracing::info!(
                sessions = sessions.count(),
                "grace time is over, ending the remaining sessions"
            );
            sessions.end_all(EndReason::Shutdown);
            if tokio::time::timeout(2 * CLOSING_TIME, sessions.empty())
                .await
                .is_err()
            {
                tracing::warn!(sessions = sessions.count(), "gave up waiting for sessions to end");
            }
        }
        // What the sessions published is on record before the catalog is closed.
        let _ = tokio::time::timeout(CLOSING_TIME, self.shared.recorder.close()).await;
        // Who has not logged in by now will not any more.
        self.ssh.disconnect_all(SHUTDOWN_TEXT);
    }
}

impl Drop for SftpServer {
    fn drop(&mut self) {
        self.ssh.stop_accepting();
        self.ssh.disconnect_all(SHUTDOWN_TEXT);
    }
}

impl std::fmt::Debug for SftpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SftpServer")
            .field("local_addr", &self.local_addr)
            .field("sessions", &self.sessions())
            .finish_non_exhaustive()
    }
}
