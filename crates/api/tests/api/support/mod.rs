//! A server of its own for each test, and a client that sends exactly what it is told.

mod faulty;
mod http;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use longshore_api::{ApiSettings, ApiState, ServeOptions, router, serve_with};
use longshore_catalog::{Catalog, KeyStore, Secrets, SqliteCatalog, SqliteOptions, UserStore};
use longshore_storage::{LocalOptions, LocalStore, Store};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use faulty::{Fault, FaultyCatalog, FaultyStore};
pub(crate) use http::{Answer, Request, exchange, raw};

/// A running API with one key.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    pub(crate) state: ApiState,
    pub(crate) catalog: Arc<FaultyCatalog>,
    pub(crate) store: Arc<FaultyStore>,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
    // Last: the files outlive whoever has them open.
    pub(crate) dir: TempDir,
}

impl Server {
    /// With default settings.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_, _| {}).await
    }

    /// With settings changed by `change`.
    pub(crate) async fn start_with(change: impl FnOnce(&mut ApiSettings, &mut ServeOptions)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (catalog, store) = open(dir.path()).await;
        let catalog = Arc::new(FaultyCatalog::new(catalog));
        let store = Arc::new(FaultyStore::new(store));
        let mut settings = ApiSettings::new("sftp.example.com".to_owned(), 2022, "SHA256:abc".to_owned());
        let mut options = ServeOptions::default();
        change(&mut settings, &mut options);
        let state = ApiState::new(catalog.clone(), store.clone(), settings);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let task = tokio::spawn(serve_with(listener, router(state.clone()), options, stopped));
        let made = catalog.create_key("tests").await.expect("a key");
        let key = made.secret.expose_secret().to_owned();
        Self {
            address,
            key,
            state,
            catalog,
            store,
            stop,
            task,
            dir,
        }
    }

    /// A request with the server's key.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.address, method, path).header("authorization", &format!("Key {}", self.key))
    }

    /// A request without a key.
    pub(crate) fn anonymous(&self, method: &str, path: &str) -> Request {
        Request::new(self.address, method, path)
    }

    /// CreateUser with `body`.
    pub(crate) async fn create(&self, body: &Value) -> Answer {
        self.request("POST", "/2022-04-01/users").json(body).send().await
    }

    /// A user with home `/alice`: the body of the 201.
    pub(crate) async fn alice(&self) -> Value {
        let answer = self
            .create(&json!({"homeDirectory": "/alice", "description": "Alice"}))
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    /// Where the files of a bucket lie on disk.
    pub(crate) fn files(&self, bucket: &str) -> PathBuf {
        self.dir.path().join("buckets").join(bucket).join("files")
    }

    /// How many users there are.
    pub(crate) async fn user_count(&self) -> usize {
        let page = self.catalog.list_users(50, None).await.expect("a page");
        assert_eq!(page.next_page_token, None);
        page.users.len()
    }
}

/// The real catalog and the real store below `dir`; opened again, they are the same ones.
pub(crate) async fn open(dir: &Path) -> (Arc<dyn Catalog>, Arc<dyn Store>) {
    let secrets = Secrets::load_or_create(dir).expect("a pepper");
    let (database, buckets) = (dir.join("catalog.db"), dir.join("buckets"));
    let catalog = SqliteCatalog::open(&database, secrets, SqliteOptions::default()).await;
    let store = LocalStore::open(&buckets, LocalOptions::default());
    (catalog.expect("a catalog"), store.expect("a store"))
}
