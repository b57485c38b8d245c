//! What OpenSSH's client sees: transfers, refusals, logins.

mod common;

use common::{State, TestServer, pattern, sha256, text};

#[tokio::test(flavor = "multi_thread")]
async fn echoes_64_mib_both_ways() {
    let server = TestServer::start().await;
    let input = pattern(64 << 20);
    let wanted = sha256(&input);
    let output = server.exec(&[], "echo", input).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(sha256(&output.stdout), wanted);
    server
        .wait_for("the service to end", |server| {
            server.state.ended.load(std::sync::atomic::Ordering::SeqCst) == 1
        })
        .await;
}
