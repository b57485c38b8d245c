//! Logins: who it is, whether there is a place for the session, and what the catalog notes.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use longshore_catalog::{Catalog, Date, User};
use longshore_ssh::{AuthAnswer, Connection, Password, Peer, Service};
use longshore_storage::Store;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::limits::ServerConfig;
use crate::log::Causes;
use crate::origin::Origin;
use crate::recorder::Recorder;
use crate::records::Records;
use crate::session;
use crate::sessions::{Refusal, Registration, Sessions};

/// What all sessions share.
pub(crate) struct Shared {
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) recorder: Recorder,
    pub(crate) draining: CancellationToken,
    pub(crate) config: ServerConfig,
}

/// The service that the SSH server asks.
pub(crate) struct SftpService(pub(crate) Arc<Shared>);

/// A user whose password was right, and a place for the session, if there is one. The place is given up when the
/// connection ends, whether it was served or not.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) user: User,
    pub(crate) place: Result<Registration, Refusal>,
}

#[async_trait]
impl Service for SftpService {
    type Identity = Login;

    async fn password(&self, peer: &Peer, user: &str, password: Password) -> AuthAnswer<Login> {
        match self.0.login(peer, user, &password).await {
            Some(login) => AuthAnswer::Accept(login),
            None => AuthAnswer::Reject,
        }
    }

    async fn serve(&self, connection: Connection<Login>) {
        session::run(connection, self.0.clone()).await;
    }
}

impl Shared {
    /// Checks a password and takes a place.
    ///
    /// The order matters: the place is taken first and the user looked up once more afterwards, so that a user who
    /// is deleted in between is either found here to be gone, or found among the sessions by the one who deletes.
    async fn login(&self, peer: &Peer, username: &str, password: &Password) -> Option<Login> {
        let secret = SecretString::from(password.expose());
        let user = match self.catalog.authenticate(username, &secret).await {
            Ok(Some(user)) => user,
            Ok(None) => {
                let (connection, address) = (peer.connection_id, peer.address);
                tracing::info!(connection, %address, user = username, "login refused");
                return None;
            }
            Err(error) => return self.unavailable(peer, username, &error),
        };
        let place = self
            .sessions
            .register(user.id, &user.username, peer.connection_id);
        match self.catalog.user(&user.username).await {
            Ok(Some(now)) if now.id == user.id => {}
            Ok(_) => return None,
            Err(error) => return self.unavailable(peer, username, &error),
        }
        match &place {
            Ok(registration) => {
                let origin = Origin {
                    username: user.username.clone(),
                    client: peer.software.to_string(),
                    peer: peer.address.to_string(),
                    session: peer.connection_id,
                };
                let records = Records::new(self.recorder.clone(), &user, origin);
                registration.session().keep_records(records);
                self.note(peer, &user).await;
            }
            Err(refusal) => tracing::info!(
                connection = peer.connection_id,
                address = %peer.address,
                user = user.username,
                ?refusal,
                "session refused"
            ),
        }
        Some(Login { user, place })
    }

    /// Notes a good login; the session goes on if that fails.
    async fn note(&self, peer: &Peer, user: &User) {
        let (connection, username) = (peer.connection_id, &*user.username);
        tracing::info!(
            connection,
            address = %peer.address,
            user = username,
            client = &*peer.software,
            "login"
        );
        let today = today();
        if user.last_connected == Some(today) {
            return;
        }
        if let Err(error) = self.catalog.record_login(user.id, today).await {
            let cause = Causes(&error);
            tracing::warn!(connection, user = username, %cause, "cannot note the login");
        }
    }

    fn unavailable(
        &self,
        peer: &Peer,
        username: &str,
        error: &longshore_catalog::CatalogError,
    ) -> Option<Login> {
        let cause = Causes(error);
        tracing::error!(connection = peer.connection_id, user = username, %cause, "cannot check a login");
        None
    }
}

/// The day in UTC.
fn today() -> Date {
    const DAY_SECS: u64 = 24 * 60 * 60;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date {
        days: i32::try_from(since.as_secs() / DAY_SECS).unwrap_or(i32::MAX),
    }
}
