//! What the log tells, and what it must not.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::support::{Fault, Server};

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panicked").clone()).expect("logs are text")
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The log holds what the tests beside this one cause as well; everything looked for is of this test alone. (A
/// subscriber for one thread would miss call sites that other threads met first.)
#[tokio::test]
async fn the_log_names_requests_and_causes_but_no_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(log.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("no other test sets one");

    let server = Server::start().await;
    let made = server.alice().await;
    let password = made["password"].as_str().expect("a password");
    let username = made["username"].as_str().expect("a name");
    let read = server.request("GET", &format!("/users/{username}")).send().await;
    let body = json!({"name": "second"});
    let second = server
        .request("POST", "/admin/api-keys")
        .json(&body)
        .send()
        .await
        .json();
    let second = second["key"]
        .as_str()
        .expect("a key")
        .split('.')
        .next_back()
        .expect("a secret")
        .to_owned();
    let wrong = "Key lsk_aaaaaaaaaaaa.hunter2hunter2";
    server
        .anonymous("GET", "/users")
        .header("authorization", wrong)
        .send()
        .await
        .assert_error(401, "UnauthorizedException");
    server.catalog.gate.set(Fault::Away);
    let failed = server.request("GET", "/users").send().await;

    let text = log.text();
    for answer in [&read, &failed] {
        let id = answer.header("x-amzn-requestid").expect("an id");
        assert!(text.contains(id), "{id} is missing");
    }
    for expected in [
        "method=GET",
        "route=/users/{username}",
        "status=200",
        "status=503",
        "the database is locked",
    ] {
        assert!(text.contains(expected), "{expected} is missing: {text}");
    }
    let secret = server.key.split('.').next_back().expect("a secret");
    for hidden in [password, secret, &second, "hunter2", username] {
        assert!(!text.contains(hidden), "{hidden} stands in the log");
    }
}
