//! Logging in: several methods in one attempt, each as far as the server takes it.

mod agent;
mod interaction;
mod interactive;
mod key_file;
mod method;

use std::time::Duration;

use longshore_ssh::client::{AuthReply, ClientError, Session};
use secrecy::{ExposeSecret as _, SecretString};

pub use interaction::{Interaction, NonInteractive, Prompt, Questions};
pub use method::{AgentKeys, Answers, AuthMethod, KeyFile, UserKey};

use crate::connect::{AuthInfo, ConnectOptions, explain, timed_out};
use crate::error::{Error, ErrorKind, Result, Stage};

/// Logs in. The first method is tried at once: what the server says to it tells which others it takes.
pub(crate) async fn log_in(
    session: &mut Session,
    options: &ConnectOptions,
    interaction: &dyn Interaction,
) -> Result<AuthInfo> {
    let mut attempt = Attempt {
        session,
        options,
        interaction,
        host: options.endpoint.to_string(),
        info: AuthInfo::default(),
        remaining: None,
        skipped: Vec::new(),
    };
    let mut waiting: Vec<&AuthMethod> = options.auth.iter().collect();
    if waiting.is_empty() {
        waiting.push(&AuthMethod::None);
    }
    // After a partial success, methods that were of no use before may be what is wanted next.
    'again: loop {
        for at in 0..waiting.len() {
            let method = waiting[at];
            if !attempt.is_wanted(method) {
                continue;
            }
            let later = waiting.len() - at - 1;
            match attempt.run(method, later).await? {
                Outcome::Success => return Ok(attempt.info),
                Outcome::Partial => {
                    waiting.remove(at);
                    continue 'again;
                }
                Outcome::Failure => {}
            }
            if attempt.info.refused.len() >= options.auth_attempts {
                break;
            }
        }
        return Err(attempt.gave_up());
    }
}

/// What became of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Success,
    /// It succeeded, and another method is wanted besides.
    Partial,
    Failure,
}

/// One login under way.
struct Attempt<'a> {
    session: &'a mut Session,
    options: &'a ConnectOptions,
    interaction: &'a dyn Interaction,
    host: String,
    info: AuthInfo,
    /// What the server takes; not known before its first answer.
    remaining: Option<Vec<&'static str>>,
    /// Why methods were not even tried.
    skipped: Vec<String>,
}

impl Attempt<'_> {
    /// Whether the server may take the method.
    fn is_wanted(&self, method: &AuthMethod) -> bool {
        let Some(remaining) = &self.remaining else {
            return true;
        };
        let takes = |name| remaining.contains(&name);
        match method {
            AuthMethod::Password(_) | AuthMethod::AskPassword => {
                takes("password") || takes("keyboard-interactive")
            }
            other => takes(other.name()),
        }
    }

    async fn run(&mut self, method: &AuthMethod, later: usize) -> Result<Outcome> {
        match method {
            AuthMethod::Password(password) => self.password(password).await,
            AuthMethod::AskPassword => {
                let asked = self
                    .interaction
                    .password(&self.options.user, &self.options.endpoint);
                match asked.await {
                    Some(password) => self.password(&password).await,
                    None => Ok(self.skip("password: nobody to ask")),
                }
            }
            AuthMethod::Key(key) => self.key(key).await,
            AuthMethod::KeyFile(file) => match key_file::load(file, self.interaction).await? {
                Some(key) => self.key(&key).await,
                None => Ok(self.skip(format!("{}: no key there that opens", file.path.display()))),
            },
            AuthMethod::Agent(keys) => self.agent(keys, later).await,
            AuthMethod::KeyboardInteractive(answers) => self.interactive(answers).await,
            AuthMethod::None => {
                let limit = self.limit();
                let reply = within(limit, &self.host, self.session.auth_none(&self.options.user)).await?;
                self.note("none".to_owned(), reply)
            }
        }
    }

    async fn password(&mut self, password: &SecretString) -> Result<Outcome> {
        let by_questions = self
            .remaining
            .as_ref()
            .is_some_and(|remaining| !remaining.contains(&"password"));
        if by_questions {
            return self.password_by_questions(password).await;
        }
        let limit = self.limit();
        let sent = self
            .session
            .auth_password(&self.options.user, password.expose_secret());
        let reply = within(limit, &self.host, sent).await.map_err(|error| {
            if error.kind() == ErrorKind::TimedOut {
                return error.hint("the server may want a new password first: log in with another client");
            }
            error
        })?;
        let outcome = self.note("password".to_owned(), reply)?;
        let questions = self.remaining.as_ref().is_some_and(|remaining| {
            !remaining.contains(&"password") && remaining.contains(&"keyboard-interactive")
        });
        if outcome == Outcome::Failure && questions {
            return self.password_by_questions(password).await;
        }
        Ok(outcome)
    }

    async fn key(&mut self, key: &UserKey) -> Result<Outcome> {
        let limit = self.limit();
        let name = if key.has_certificate() {
            format!("publickey {} (certificate)", key.fingerprint())
        } else {
            format!("publickey {}", key.fingerprint())
        };
        let sent = self.session.auth_key(&self.options.user, key);
        let reply = within(limit, &self.host, sent).await?;
        self.note(name, reply)
    }

    /// Keeps what the server said.
    fn note(&mut self, name: String, reply: AuthReply) -> Result<Outcome> {
        match reply {
            AuthReply::Success => {
                self.info.used.push(name);
                Ok(Outcome::Success)
            }
            AuthReply::Failure { remaining, partial } => {
                self.info.offered = remaining.iter().map(|method| (*method).to_owned()).collect();
                self.remaining = Some(remaining);
                if self.session.is_closed() {
                    // It said why.
                    let refused = self.session.auth_end();
                    return Err(explain(refused, Stage::Auth, &self.host));
                }
                if partial {
                    self.info.used.push(name);
                    Ok(Outcome::Partial)
                } else {
                    self.info.refused.push(name);
                    Ok(Outcome::Failure)
                }
            }
        }
    }

    fn skip(&mut self, why: impl Into<String>) -> Outcome {
        self.skipped.push(why.into());
        Outcome::Failure
    }

    fn limit(&self) -> Duration {
        self.options.timeouts.auth
    }

    fn gave_up(&self) -> Error {
        let list = |names: &[String]| names.join(", ");
        let mut message = format!(
            "{}: login as {} failed",
            self.host,
            self.options.user.escape_debug()
        );
        if !self.info.used.is_empty() {
            message += &format!("; accepted: {}, but more is wanted", list(&self.info.used));
        }
        if !self.info.refused.is_empty() {
            message += &format!("; refused: {}", list(&self.info.refused));
        }
        if !self.skipped.is_empty() {
            message += &format!("; not tried: {}", list(&self.skipped));
        }
        if !self.info.offered.is_empty() {
            message += &format!("; the server takes: {}", list(&self.info.offered));
        }
        let untried = self.info.offered.iter().find(|offered| {
            !self
                .options
                .auth
                .iter()
                .any(|method| method.name() == offered.as_str())
        });
        let hint = match untried {
            Some(method) => format!("the server takes {method}, which was not given"),
            None => "check the user name and the credentials".to_owned(),
        };
        Error::new(ErrorKind::AuthFailed, Stage::Auth, message).hint(hint)
    }
}

/// One step, under its deadline.
async fn within<T>(
    limit: Duration,
    host: &str,
    step: impl Future<Output = Result<T, ClientError>>,
) -> Result<T> {
    match tokio::time::timeout(limit, step).await {
        Ok(done) => done.map_err(|error| explain(error, Stage::Auth, host)),
        Err(_) => Err(timed_out(Stage::Auth, host, "the answer to a login", limit)),
    }
}
