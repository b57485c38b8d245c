//! Who gets in: row 27, and calls from browsers.

use longshore_catalog::KeyStore;

use crate::support::Server;

#[tokio::test]
async fn row_27_without_a_good_key_there_is_401() {
    let server = Server::start().await;
    let (prefix, secret) = server.key.split_once('.').expect("prefix.secret");
    let wrong = [
        String::new(),
        "Key".to_owned(),
        "Key ".to_owned(),
        "Bearer x".to_owned(),
        "Bearer".to_owned(),
        "Key x".to_owned(),
        format!("Key {prefix}.{}", "A".repeat(secret.len())),
        format!("Key {prefix}"),
        format!("Key {prefix}."),
        format!("Key {}x", server.key),
        format!("Key AAAAAAAA.{secret}"),
        format!("Basic {}", server.key),
        server.key.clone(),
        format!("Key {}", "x".repeat(10_000)),
    ];
    for value in wrong {
        let answer = server
            .anonymous("GET", "/users")
            .header("authorization", &value)
            .send()
            .await;
        answer.assert_error(401, "UnauthorizedException");
        assert!(answer.header("www-authenticate").is_some());
    }
    server
        .anonymous("GET", "/users")
        .send()
        .await
        .assert_error(401, "UnauthorizedException");
    let twice = server
        .request("GET", "/users")
        .header("authorization", "Key x")
        .send()
        .await;
    twice.assert_error(401, "UnauthorizedException");
}

#[tokio::test]
async fn a_good_key_counts_in_both_schemes() {
    let server = Server::start().await;
    for scheme in ["Key", "Bearer", "key", "BEARER"] {
        let value = format!("{scheme} {}", server.key);
        let answer = server
            .anonymous("GET", "/users")
            .header("authorization", &value)
            .send()
            .await;
        assert_eq!(answer.status, 200, "{scheme}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once() {
    let server = Server::start().await;
    let prefix = server.key.split('.').next().expect("a prefix");
    server.catalog.revoke_key(prefix).await.expect("the key is there");
    server
        .request("GET", "/users")
        .send()
        .await
        .assert_error(401, "UnauthorizedException");
}

#[tokio::test]
async fn whoever_has_no_key_learns_neither_routes_nor_rules() {
    let server = Server::start().await;
    for (method, path) in [
        ("GET", "/nowhere"),
        ("PATCH", "/users"),
        ("GET", "/users/AAAAAAAA"),
        ("GET", "/users?pageSize=0"),
        ("DELETE", "/admin/api-keys/x"),
        ("OPTIONS", "/users"),
    ] {
        server
            .anonymous(method, path)
            .send()
            .await
            .assert_error(401, "UnauthorizedException");
    }
    for (content_type, body) in [
        ("application/json", "{"),
        ("text/plain", "x"),
        ("application/json", "{}"),
    ] {
        let answer = server
            .anonymous("POST", "/users")
            .text(content_type, body)
            .send()
            .await;
        answer.assert_error(401, "UnauthorizedException");
    }
}

/// Time is made of work: whatever was sent, the catalog is asked exactly once, and it compares unknown,
/// malformed and revoked keys alike.
#[tokio::test]
async fn row_27_every_bad_key_costs_the_same_work() {
    let server = Server::start().await;
    let prefix = server.key.split('.').next().expect("a prefix");
    let long = format!("Key {}", "x".repeat(10_000));
    let known = format!("Key {prefix}.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    for value in [
        None,
        Some("Key"),
        Some("Bearer x"),
        Some("Basic x"),
        Some(&*long),
        Some(&*known),
    ] {
        let before = server.catalog.keys_checked();
        let request = server.anonymous("GET", "/users");
        let request = match value {
            Some(value) => request.header("authorization", value),
            None => request,
        };
        request.send().await.assert_error(401, "UnauthorizedException");
        assert_eq!(server.catalog.keys_checked() - before, 1, "{value:?}");
    }
}

#[tokio::test]
async fn browsers_are_answered_for_allowed_origins_alone() {
    let server = Server::start_with(|settings, _| {
        settings.cors_origins = vec!["https://app.example.com".to_owned()];
    })
    .await;
    let preflight = |origin: &str| {
        let request = server.anonymous("OPTIONS", "/2022-04-01/users");
        request
            .header("origin", origin)
            .header("access-control-request-method", "POST")
    };
    let answer = preflight("https://app.example.com").send().await;
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://app.example.com")
    );
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("GET, POST, PUT, DELETE")
    );
    let allowed = answer
        .header("access-control-allow-headers")
        .expect("allowed headers");
    for header in [
        "authorization",
        "content-type",
        "amz-sdk-invocation-id",
        "amz-sdk-request",
        "x-amz-user-agent",
    ] {
        assert!(allowed.contains(header), "{header}");
    }
    let call = server
        .request("GET", "/users")
        .header("origin", "https://app.example.com")
        .send()
        .await;
    assert_eq!(call.status, 200);
    assert_eq!(
        call.header("access-control-allow-origin"),
        Some("https://app.example.com")
    );
    assert_eq!(
        call.header("access-control-expose-headers"),
        Some("x-amzn-requestid, x-amzn-errortype, retry-after")
    );
    assert_eq!(call.header("vary"), Some("origin"));
    // Errors too, or the page could not read why it was refused.
    let refused = server
        .anonymous("GET", "/users")
        .header("origin", "https://app.example.com")
        .send()
        .await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("access-control-allow-origin").is_some());

    for foreign in [
        "https://evil.example.com",
        "https://app.example.com.evil.com",
        "http://app.example.com",
        "null",
    ] {
        let answer = preflight(foreign).send().await;
        answer.assert_error(401, "UnauthorizedException");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        let call = server
            .request("GET", "/users")
            .header("origin", foreign)
            .send()
            .await;
        assert_eq!(call.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn browsers_are_not_answered_by_default() {
    let server = Server::start().await;
    let answer = server
        .request("GET", "/users")
        .header("origin", "https://app.example.com")
        .send()
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    assert_eq!(answer.header("vary"), None);
}
