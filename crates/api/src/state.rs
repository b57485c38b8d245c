//! What every handler works with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use longshore_catalog::Catalog;
use longshore_storage::Store;
use tokio::sync::Semaphore;

use crate::buckets::Buckets;
use crate::limits;

/// Settings of the API.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApiSettings {
    /// `sftp.public_host`: returned as `endpoint`. A bare host.
    pub public_host: String,
    /// Port of the SFTP server, returned as `port`.
    pub sftp_port: u16,
    /// Fingerprint of the SFTP server's host key (`SHA256:…`), returned as `hostKeyFingerprint`.
    pub host_key_fingerprint: String,
    /// `users.max`: how many users there may be; `None`: no limit.
    pub max_users: Option<u64>,
    /// Origins (`https://host[:port]`) whose pages may call the API from a browser; none by default.
    pub cors_origins: Vec<String>,
    /// Longest request body in bytes.
    pub max_body: usize,
    /// Time for a request body to arrive.
    pub body_read_timeout: Duration,
    /// Requests at work at once; more are answered with 503.
    pub max_requests: usize,
    /// What callers are told to wait after a 503.
    pub retry_after: Duration,
}

impl ApiSettings {
    /// The defaults for a server that SFTP clients reach at `public_host`:`sftp_port`.
    #[must_use]
    pub fn new(public_host: String, sftp_port: u16, host_key_fingerprint: String) -> Self {
        Self {
            public_host,
            sftp_port,
            host_key_fingerprint,
            max_users: None,
            cors_origins: Vec::new(),
            max_body: limits::MAX_BODY,
            body_read_timeout: limits::BODY_READ_TIMEOUT,
            max_requests: limits::MAX_REQUESTS,
            retry_after: limits::RETRY_AFTER,
        }
    }
}

/// Catalog, store and settings; cheap to clone, all clones are one.
#[derive(Clone)]
pub struct ApiState {
    inner: Arc<Inner>,
}

struct Inner {
    catalog: Arc<dyn Catalog>,
    store: Arc<dyn Store>,
    settings: ApiSettings,
    buckets: Buckets,
    requests: Arc<Semaphore>,
    draining: AtomicBool,
}

impl ApiState {
    /// Joins a catalog and a store.
    #[must_use]
    pub fn new(catalog: Arc<dyn Catalog>, store: Arc<dyn Store>, settings: ApiSettings) -> Self {
        let requests = Arc::new(Semaphore::new(settings.max_requests.min(Semaphore::MAX_PERMITS)));
        Self {
            inner: Arc::new(Inner {
                catalog,
                store,
                settings,
                buckets: Buckets::default(),
                requests,
                draining: AtomicBool::new(false),
            }),
        }
    }

    /// From now on every request gets 503 with `Retry-After`: the server is about to stop. Call it when the
    /// drain begins and keep serving until it ends, so that callers hear why.
    pub fn begin_drain(&self) {
        self.inner.draining.store(true, Ordering::Release);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Acquire)
    }

    pub(crate) fn catalog(&self) -> &dyn Catalog {
        &*self.inner.catalog
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.inner.store
    }

    pub(crate) fn settings(&self) -> &ApiSettings {
        &self.inner.settings
    }

    pub(crate) fn buckets(&self) -> &Buckets {
        &self.inner.buckets
    }

    pub(crate) fn requests(&self) -> &Arc<Semaphore> {
        &self.inner.requests
    }
}
