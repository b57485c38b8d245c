//! When things break: row 29, panics, a catalog or store that is away.

use std::time::Duration;

use serde_json::json;

use crate::support::{Fault, Server};

#[tokio::test]
async fn row_29_a_server_that_stops_says_when_to_come_again() {
    let server = Server::start().await;
    let made = server.alice().await;
    server.state.begin_drain();
    let path = format!("/users/{}", made["username"].as_str().expect("a name"));
    for path in ["/users", &path, "/nowhere", "/healthz"] {
        let answer = server.request("GET", path).send().await;
        answer.assert_error(503, "ServiceUnavailableException");
        answer.assert_retry_after();
    }
    let anonymous = server.anonymous("GET", "/users").send().await;
    anonymous.assert_error(503, "ServiceUnavailableException");
}

#[tokio::test]
async fn row_29_more_requests_than_can_be_worked_on_are_refused_at_once() {
    let server = Server::start_with(|settings, _| settings.max_requests = 2).await;
    server.catalog.gate.set(Fault::Stall);
    let stalled: Vec<_> = (0..2)
        .map(|_| tokio::spawn(server.request("GET", "/users").send()))
        .collect();
    while server.catalog.gate.waiting() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let refused = server.request("GET", "/users").send().await;
    refused.assert_error(503, "ServiceUnavailableException");
    refused.assert_retry_after();
    server.catalog.gate.release();
    for call in stalled {
        assert_eq!(call.await.expect("no panic").status, 200);
    }
    assert_eq!(
        server.request("GET", "/users").send().await.status,
        200,
        "the place is free again"
    );
}

#[tokio::test]
async fn row_29_a_store_or_catalog_that_is_away_is_told_as_503() {
    let server = Server::start().await;
    let body = json!({"homeDirectory": "/alice", "description": "Alice"});
    for fault in [Fault::Away, Fault::Broken] {
        server.store.gate.set(fault);
        let answer = server.create(&body).await;
        answer.assert_error(503, "ServiceUnavailableException");
        answer.assert_retry_after();
        let health = server.anonymous("GET", "/healthz").send().await;
        health.assert_error(503, "ServiceUnavailableException");
    }
    server.store.gate.set(Fault::None);
    server.catalog.gate.set(Fault::Away);
    for request in [
        server.request("GET", "/users"),
        server.request("GET", "/users/AAAAAAAA"),
        server.request("POST", "/users").json(&body),
        server.request("DELETE", "/users/AAAAAAAA"),
        server.anonymous("GET", "/healthz"),
    ] {
        let answer = request.send().await;
        answer.assert_error(503, "ServiceUnavailableException");
        answer.assert_retry_after();
        assert!(
            !answer.body.contains("locked"),
            "causes are for the log: {answer:?}"
        );
    }
    server.catalog.gate.set(Fault::None);
    assert_eq!(server.user_count().await, 0);
    assert_eq!(server.create(&body).await.status, 201);
}

#[tokio::test]
async fn what_no_retry_can_heal_is_500() {
    let server = Server::start().await;
    server.catalog.gate.set(Fault::Broken);
    let answer = server.request("GET", "/users").send().await;
    answer.assert_error(500, "InternalFailureException");
    assert_eq!(answer.header("retry-after"), None);
}

#[tokio::test]
async fn a_panic_is_an_answer_and_hurts_nobody_else() {
    let server = Server::start().await;
    server.catalog.gate.set(Fault::Panic);
    let answer = server.request("GET", "/users/AAAAAAAA").send().await;
    answer.assert_error(500, "InternalFailureException");
    assert!(!answer.body.contains("defect"), "{answer:?}");
    server.catalog.gate.set(Fault::None);
    assert_eq!(server.request("GET", "/users").send().await.status, 200);
}

#[tokio::test]
async fn a_refused_create_makes_no_user() {
    let server = Server::start().await;
    server.store.gate.set(Fault::Away);
    let body = json!({"homeDirectory": "/alice", "description": "Alice"});
    let create = |id: &str| {
        server
            .request("POST", "/users")
            .header("amz-sdk-invocation-id", id)
            .json(&body)
    };
    create("one")
        .send()
        .await
        .assert_error(503, "ServiceUnavailableException");
    server.store.gate.set(Fault::None);
    assert_eq!(
        create("one").send().await.status,
        201,
        "the retry of the same call"
    );
    assert_eq!(server.user_count().await, 1);
}
