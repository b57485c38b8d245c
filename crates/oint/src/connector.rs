//! A connection that many calls share: what `CreateConnection` gives back. SFTP and SSH functions use the same one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longshore_client::sftp::{Sftp, SftpOptions};
use longshore_client::{Connection, ConnectionInfo, Error, NonInteractive, SftpChannels as _, Stage};
use serde_json::{Value, json};

use crate::error::{OintError, Result};
use crate::log::Log;
use crate::options::connect_options;
use crate::runtime;
use crate::settings::{Logging, Proxy, Settings};

/// The type's name in 1C:Enterprise; a handle is printed so.
pub const TYPE_NAME: &str = "AddIn.OPI_SSH.Main";

/// A connection object. Settings are given before it connects; after it has disconnected it may connect again.
#[derive(Default)]
pub struct Connector {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    settings: Option<(Settings, Value)>,
    proxy: Option<(Proxy, Value)>,
    log: Option<Arc<Log>>,
    connection: Option<Connection>,
    sftp: Option<Sftp>,
}

impl Connector {
    /// `SetSettings`
    ///
    /// # Errors
    /// [`OintError::State`] when connected, [`OintError::Settings`].
    pub fn set_settings(&self, value: &Value) -> Result<()> {
        let mut state = self.unconnected("Settings can only be set before the connection is established")?;
        state.settings = Some((Settings::from_json(value)?, value.clone()));
        Ok(())
    }

    /// `SetProxy`
    ///
    /// # Errors
    /// As [`Self::set_settings`].
    pub fn set_proxy(&self, value: &Value) -> Result<()> {
        let mut state = self.unconnected("Proxy can only be set before the connection is established")?;
        state.proxy = Proxy::from_json(value)?.map(|proxy| (proxy, value.clone()));
        Ok(())
    }

    /// `SetLogger`
    ///
    /// # Errors
    /// As [`Self::set_settings`]; [`OintError::File`] when its file cannot be written.
    pub fn set_logger(&self, value: &Value) -> Result<()> {
        let mut state = self.unconnected("Logger can only be set before the connection is established")?;
        state.log = Logging::from_json(value)?
            .map(Log::start)
            .transpose()?
            .map(Arc::new);
        Ok(())
    }

    /// `Connect`: the component's answer, which tells what the server is and offers.
    ///
    /// # Errors
    /// With the stage's prefix.
    pub fn connect(&self) -> Result<Value> {
        let (options, log, asks, proxy) = {
            let state = self.unconnected("Connection already initialized")?;
            let (settings, _) = state
                .settings
                .as_ref()
                .ok_or(OintError::State("No settings found"))?;
            let proxy = state.proxy.as_ref().map(|(proxy, _)| proxy);
            let asks = match &settings.auth {
                crate::settings::Auth::KeyboardInteractive(answers) => Some(answers.len()),
                _ => None,
            };
            let options = connect_options(settings, proxy)?;
            (options, state.log.clone(), asks, proxy.map(|proxy| proxy.kind))
        };
        note(log.as_deref(), "Connecting to SSH server");
        match runtime::block_on(Connection::connect(&options, &NonInteractive)) {
            Ok(connection) => {
                note(log.as_deref(), "Connected to SSH server");
                let answer = describe(connection.info(), asks);
                self.lock().connection = Some(connection);
                Ok(answer)
            }
            Err(error) => {
                let error = match proxy {
                    Some(kind) if is_of_proxy(&error) => OintError::Proxy {
                        kind: kind.name(),
                        source: error,
                    },
                    _ => OintError::from(error),
                };
                note(log.as_deref(), &format!("Connect failed: {error}"));
                Err(error)
            }
        }
    }

    /// `Disconnect`. What was queued is sent before.
    ///
    /// # Errors
    /// [`OintError::State`] when there is no connection.
    pub fn disconnect(&self) -> Result<()> {
        let (connection, sftp, log) = {
            let mut state = self.lock();
            let connection = state.connection.take().ok_or(OintError::State("No session"))?;
            (connection, state.sftp.take(), state.log.clone())
        };
        note(log.as_deref(), "Disconnecting from SSH server");
        runtime::block_on(async {
            if let Some(sftp) = sftp {
                // The connection ends next: what the session has to say about its end is of no more use.
                let _ = sftp.close().await;
            }
            connection.close().await;
        });
        Ok(())
    }

    /// `IsSFTP`
    #[must_use]
    pub fn is_sftp(&self) -> bool {
        self.lock().sftp.is_some()
    }

    /// `GetConfiguration`: what it was made with, secrets included.
    #[must_use]
    pub fn configuration(&self) -> Value {
        let state = self.lock();
        let mut configuration = json!({});
        if let Some((_, settings)) = &state.settings {
            configuration["set"] = settings.clone();
        }
        if let Some((_, proxy)) = &state.proxy {
            configuration["proxy"] = proxy.clone();
        }
        configuration
    }

    /// The connection.
    ///
    /// # Errors
    /// [`OintError::State`] when there is none.
    pub(crate) fn connection(&self) -> Result<Connection> {
        self.lock()
            .connection
            .clone()
            .ok_or(OintError::State("No session"))
    }

    /// The SFTP session, started if it is not there yet: `ToSFTP`.
    ///
    /// # Errors
    /// [`OintError::State`] when there is no connection; that the server has no SFTP.
    pub(crate) async fn sftp(&self) -> Result<Sftp> {
        if let Some(sftp) = self.running_sftp() {
            return Ok(sftp);
        }
        let channel = self.connection()?.open_sftp().await?;
        let sftp = Sftp::start(channel, SftpOptions::default()).await?;
        self.lock().sftp = Some(sftp.clone());
        Ok(sftp)
    }

    /// The log.
    ///
    /// # Errors
    /// [`OintError::State`] when nothing is logged.
    pub(crate) fn log(&self) -> Result<Arc<Log>> {
        self.lock()
            .log
            .clone()
            .ok_or(OintError::State("Logger not initialized"))
    }

    /// Notes an event if there is a log.
    pub(crate) fn note(&self, event: &str) {
        let log = self.lock().log.clone();
        note(log.as_deref(), event);
    }

    fn running_sftp(&self) -> Option<Sftp> {
        let mut state = self.lock();
        // A session that has ended is started anew; the connection may live on.
        state.sftp = state.sftp.take().filter(|sftp| sftp.end_reason().is_none());
        state.sftp.clone()
    }

    fn unconnected(&self, otherwise: &'static str) -> Result<MutexGuard<'_, State>> {
        let state = self.lock();
        match state.connection {
            Some(_) => Err(OintError::State(otherwise)),
            None => Ok(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(TYPE_NAME)
    }
}

/// Not of a jump host, whose error is the cause of one at the same stage.
fn is_of_proxy(error: &Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<Error>());
    error.stage() == Stage::Proxy && cause.is_none()
}

fn note(log: Option<&Log>, event: &str) {
    if let Some(log) = log {
        log.event(event);
    }
}

/// `asks`: how many answers were given, for keyboard-interactive.
fn describe(info: &ConnectionInfo, asks: Option<usize>) -> Value {
    let prompts: Vec<Value> = info
        .auth
        .prompts
        .iter()
        .flat_map(|round| &round.prompts)
        .map(|prompt| json!({"text": prompt.text, "echo": prompt.echo}))
        .collect();
    json!({
        "result": true,
        "identities": info.auth.agent_identities,
        "methods": info.auth.offered.join(","),
        "banner": info.server,
        "kex_methods": info.kex,
        "keyboard_prompts": asks.map(|_| &prompts),
        "keyboard_callback_count": asks.map(|_| info.auth.prompts.len()),
        "keyboard_responses_provided": asks,
        // Ours: who the server is, and why that was believed.
        "fingerprint": info.trusted.fingerprint,
        "trusted_by": info.trusted.by.to_string(),
    })
}
