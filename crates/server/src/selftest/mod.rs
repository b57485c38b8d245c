//! The self-test: a session of the real engine on a home of the real store, and a client that tries everything that
//! VERSION announces, and what partners rely on beyond it.

mod basics;
mod client;
mod extensions;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::BoxFuture;
use longshore_storage::Home;

use self::client::Client;
use crate::limits::ServerConfig;
use crate::stream::serve_stream;
use crate::terms::Terms;

/// What the test of a store found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfTest {
    /// One entry for each thing that was tried, in the order of the tries.
    pub checks: Vec<Check>,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What: the name of an extension, or a few words.
    pub name: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It works.
    Works,
    /// The store cannot do it, and VERSION does not announce it.
    NotAnnounced,
    /// It does not do what it should.
    Broken {
        /// What happened instead.
        why: String,
    },
}

impl SelfTest {
    /// Tries everything on `home`, which should be empty and is left with a few test files in it.
    pub async fn run(home: Arc<dyn Home>) -> Self {
        const USER: &str = "selftest";
        let (ours, theirs) = tokio::io::duplex(DUPLEX_LEN);
        let (reader, writer) = tokio::io::split(theirs);
        let config = ServerConfig {
            handles_per_session: HANDLES,
            ..ServerConfig::default()
        };
        let server = async move { serve_stream(reader, writer, home, USER, Terms::default(), &config).await };
        let tests = async {
            match Client::connect(ours).await {
                Ok(mut client) => try_all(&mut client).await,
                Err(why) => vec![Check::new("version", Err(why))],
            }
        };
        // The client is dropped when its tests are done, which ends the server.
        let (_, checks) = futures::join!(server, tests);
        Self { checks }
    }

    /// Whether nothing is broken.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.checks
            .iter()
            .all(|check| !matches!(check.outcome, Outcome::Broken { .. }))
    }
}

impl Check {
    fn new(name: &str, result: Result<(), String>) -> Self {
        let outcome = match result {
            Ok(()) => Outcome::Works,
            Err(why) => Outcome::Broken { why },
        };
        Self {
            name: name.to_owned(),
            outcome,
        }
    }
}

/// One check.
type Try = fn(&mut Client) -> BoxFuture<'_, Result>;

/// What a check returns: why it failed.
type Result<T = (), E = String> = std::result::Result<T, E>;

async fn try_all(client: &mut Client) -> Vec<Check> {
    let mut checks = basics::try_all(client).await;
    let announced: BTreeSet<String> = client.announced().collect();
    let mut tried = BTreeSet::new();
    for (name, check) in extensions::CHECKS {
        tried.insert((*name).to_owned());
        if announced.contains(*name) {
            checks.push(Check::new(name, check(client).await));
            client.tidy().await;
        } else {
            checks.push(Check {
                name: (*name).to_owned(),
                outcome: Outcome::NotAnnounced,
            });
        }
    }
    // Whoever announces something new has to add its test.
    let untried = announced.difference(&tried);
    checks.extend(untried.map(|name| Check::new(name, Err("is announced and has no test".to_owned()))));
    checks
}

/// Bytes between client and server: less than a large request, so that both wait for each other now and then.
const DUPLEX_LEN: usize = 64 * 1024;

/// Handles that the test's session may open. Fewer than a real one's: the test opens all of them.
const HANDLES: usize = 100;
