//! Paths, methods and bodies that no operation takes: rows 28, 30, 31, and JSON for all of them.

use serde_json::{Value, json};

use crate::support::Server;

#[tokio::test]
async fn row_28_an_unknown_path_is_told_in_json() {
    let server = Server::start().await;
    for path in [
        "/",
        "/2022-04-01",
        "/2022-04-01/",
        "/2022-04-01/nothing",
        "/2022-04-01/2022-04-01/users",
        "/2021-11-16/users",
        "/Users",
        "//users",
        "/users/a/b",
        "/users.json",
        "/index.html",
        "/admin",
    ] {
        for method in ["GET", "POST", "BREW"] {
            server
                .request(method, path)
                .send()
                .await
                .assert_error(404, "UnknownOperationException");
        }
    }
}

#[tokio::test]
async fn row_30_no_path_collapses_onto_the_list() {
    let server = Server::start().await;
    server.alice().await;
    for base in ["", "/2022-04-01"] {
        for name in [
            "..",
            "%2e%2e",
            "%2E.",
            ".",
            "%2e",
            "a%2Fb",
            "%2F",
            "%00",
            "%FF",
            "%",
            "%zz",
            "..%2Fusers",
        ] {
            for method in ["GET", "DELETE"] {
                let answer = server
                    .request(method, &format!("{base}/users/{name}"))
                    .send()
                    .await;
                assert_eq!(answer.status, 404, "{method} {name}: {answer:?}");
                answer.assert_error(404, "ResourceNotFoundException");
            }
        }
        for path in ["/users/../users", "/users/./", "/users//", "/users/%2e%2e/users"] {
            let answer = server.request("GET", &format!("{base}{path}")).send().await;
            assert_eq!(answer.status, 404, "{path}: {answer:?}");
        }
    }
    assert_eq!(server.user_count().await, 1);
}

#[tokio::test]
async fn row_31_a_slash_at_the_end_changes_nothing() {
    let server = Server::start().await;
    for base in ["", "/2022-04-01"] {
        let body = json!({"homeDirectory": "/a", "description": "a"});
        let made = server
            .request("POST", &format!("{base}/users/"))
            .json(&body)
            .send()
            .await;
        assert_eq!(made.status, 201);
        let name = made.json()["username"].as_str().expect("a name").to_owned();
        let path = format!("{base}/users/{name}/");
        assert_eq!(server.request("GET", &path).send().await.status, 200);
        let update = json!({"description": "b"});
        assert_eq!(
            server.request("PUT", &path).json(&update).send().await.status,
            200
        );
        let list = server
            .request("GET", &format!("{base}/users/"))
            .send()
            .await
            .json();
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(server.request("DELETE", &path).send().await.status, 204);
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_with_those_allowed() {
    let server = Server::start().await;
    for (method, path, allowed) in [
        ("PUT", "/users", "GET,HEAD,POST"),
        ("DELETE", "/2022-04-01/users/", "GET,HEAD,POST"),
        ("PATCH", "/users/AAAAAAAA", "GET,HEAD,PUT,DELETE"),
        ("POST", "/users/AAAAAAAA/", "GET,HEAD,PUT,DELETE"),
        ("OPTIONS", "/users", "GET,HEAD,POST"),
        ("TRACE", "/users", "GET,HEAD,POST"),
        ("POST", "/healthz", "GET,HEAD"),
        ("GET", "/admin/api-keys/x", "DELETE"),
    ] {
        let answer = server.request(method, path).send().await;
        answer.assert_error(405, "UnknownOperationException");
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[tokio::test]
async fn only_json_is_taken() {
    let server = Server::start().await;
    let body = r#"{"homeDirectory":"/a","description":"a"}"#;
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "",
    ] {
        let answer = server
            .request("POST", "/users")
            .text(content_type, body)
            .send()
            .await;
        answer.assert_error(415, "UnsupportedMediaTypeException");
    }
    let untyped = server
        .request("POST", "/users")
        .header("content-length", &body.len().to_string());
    untyped
        .send_with(body)
        .await
        .assert_error(415, "UnsupportedMediaTypeException");
    let encoded = server
        .request("POST", "/users")
        .text("application/json", body)
        .header("content-encoding", "gzip");
    encoded
        .send()
        .await
        .assert_error(415, "UnsupportedMediaTypeException");
    assert_eq!(server.user_count().await, 0);
    let charset = server
        .request("POST", "/users")
        .text("application/json; charset=utf-8", body);
    assert_eq!(charset.send().await.status, 201);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_before_it_is_parsed() {
    let server = Server::start_with(|settings, _| settings.max_body = 1000).await;
    let filled = |length: usize| {
        let frame = r#"{"homeDirectory":"/a","description":"a","x":""}"#.len();
        format!(
            r#"{{"homeDirectory":"/a","description":"a","x":"{}"}}"#,
            "x".repeat(length - frame)
        )
    };
    let at_limit = server
        .request("POST", "/users")
        .text("application/json", &filled(1000))
        .send()
        .await;
    assert_eq!(at_limit.status, 201);
    for length in [1001, 100_000, 3_000_000] {
        let answer = server
            .request("POST", "/users")
            .text("application/json", &filled(length))
            .send()
            .await;
        answer.assert_error(413, "RequestTooLargeException");
    }
    assert_eq!(server.user_count().await, 1);
}

#[tokio::test]
async fn health_needs_no_key_and_tells_nothing_else() {
    let server = Server::start().await;
    let answer = server.anonymous("GET", "/healthz").send().await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"status":"ok"}"#));
}

#[tokio::test]
async fn the_document_is_served_as_it_is_committed() {
    let server = Server::start().await;
    let answer = server.anonymous("GET", "/openapi.json").send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.body, longshore_api::openapi());
}

#[tokio::test]
async fn every_documented_operation_is_routed() {
    let server = Server::start().await;
    let document: Value = serde_json::from_str(longshore_api::openapi()).expect("the document is JSON");
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let path = path
            .replace("{username}", "AAAAAAAA")
            .replace("{prefix}", "AAAA")
            .replace("{id}", "AAAA");
        for method in item.as_object().expect("methods").keys() {
            let answer = server.request(&method.to_ascii_uppercase(), &path).send().await;
            let code = answer.header("x-amzn-errortype").unwrap_or_default();
            assert_ne!(code, "UnknownOperationException", "{method} {path}");
            operations += 1;
        }
    }
    assert_eq!(operations, 14);
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own_and_is_not_cached() {
    let server = Server::start().await;
    let mut ids = std::collections::HashSet::new();
    for path in [
        "/users",
        "/healthz",
        "/nowhere",
        "/openapi.json",
        "/users/AAAAAAAA",
    ] {
        let answer = server.request("GET", path).send().await;
        ids.insert(answer.header("x-amzn-requestid").expect("an id").to_owned());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    assert_eq!(ids.len(), 5);
}
