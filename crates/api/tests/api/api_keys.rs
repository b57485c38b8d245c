//! API keys over the API and over the admin socket.

use std::os::unix::fs::MetadataExt;

use longshore_api::{AdminListener, admin_router, serve};
use serde_json::json;
use tokio::net::{UnixListener, UnixStream};

use crate::support::{Answer, Server, exchange};

#[tokio::test]
async fn a_key_is_made_shown_once_listed_and_revoked() {
    let server = Server::start().await;
    let body = json!({"name": "billing"});
    let made = server.request("POST", "/admin/api-keys").json(&body).send().await;
    assert_eq!(made.status, 201, "{made:?}");
    let made = made.json();
    let (key, prefix) = (
        made["key"].as_str().expect("a key"),
        made["prefix"].as_str().expect("a prefix"),
    );
    assert!(
        key.starts_with(&format!("{prefix}.")) && key.len() > prefix.len() + 20,
        "{key}"
    );
    assert_eq!(made["name"], "billing");
    let created = made["created"].as_str().expect("a time");
    assert!(
        created.len() == 20 && created.starts_with("20") && created.ends_with('Z'),
        "{created}"
    );

    let with_new = |method: &str, path: &str| {
        let request = server.anonymous(method, path);
        request.header("authorization", &format!("Key {key}"))
    };
    let listed = with_new("GET", "/admin/api-keys/").send().await;
    assert!(!listed.body.contains(key), "a list shows no secret");
    let items = listed.json()["items"].as_array().expect("items").clone();
    assert_eq!(items.len(), 2);
    assert_eq!(
        items[1],
        json!({"prefix": prefix, "name": "billing", "created": created})
    );

    let path = format!("/admin/api-keys/{prefix}");
    let revoked = server.request("DELETE", &path).send().await;
    assert_eq!(revoked.status, 200);
    assert!(revoked.json()["revoked"].is_string());
    with_new("GET", "/users")
        .send()
        .await
        .assert_error(401, "UnauthorizedException");
    let listed = server.request("GET", "/admin/api-keys").send().await.json();
    assert!(listed["items"][1]["revoked"].is_string());
}

#[tokio::test]
async fn keys_have_rules_too() {
    let server = Server::start().await;
    for name in [json!(null), json!(""), json!("a&b"), json!("x".repeat(257))] {
        let answer = server
            .request("POST", "/admin/api-keys")
            .json(&json!({"name": name}))
            .send()
            .await;
        answer.assert_invalid(&["/name"]);
    }
    for prefix in ["nobody", "%FF", ".."] {
        let answer = server
            .request("DELETE", &format!("/admin/api-keys/{prefix}"))
            .send()
            .await;
        answer.assert_error(404, "ResourceNotFoundException");
    }
}

#[tokio::test]
async fn the_admin_socket_needs_no_key() {
    let server = Server::start().await;
    let path = server.dir.path().join("admin.sock");
    let listener = UnixListener::bind(&path).expect("a socket");
    let own_uid = std::fs::metadata(server.dir.path()).expect("our directory").uid();
    let listener = AdminListener::new(listener, own_uid);
    let stopped = server.stop.clone().cancelled_owned();
    let task = tokio::spawn(serve(listener, admin_router(server.state.clone()), stopped));

    let call = async |head: &str, body: &str| -> Answer {
        let stream = UnixStream::connect(&path).await.expect("the socket answers");
        let length = body.len();
        let request = format!(
            "{head} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        );
        exchange(stream, request.as_bytes()).await
    };
    assert_eq!(
        call("POST /admin/api-keys", r#"{"name":"first"}"#).await.status,
        201
    );
    let made = call("POST /users", r#"{"homeDirectory":"/a","description":"a"}"#).await;
    assert_eq!(made.status, 201);
    assert_eq!(
        call("GET /users", "").await.json()["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    call("GET /nowhere", "")
        .await
        .assert_error(404, "UnknownOperationException");
    call("PATCH /users", "")
        .await
        .assert_error(405, "UnknownOperationException");

    server.stop.cancel();
    task.await.expect("it stops in order");
}
