//! Calls that are sent again: row 10.

use longshore_api::{ApiSettings, ApiState, router};
use serde_json::{Value, json};

use crate::support::{Answer, Server, open};

const ID: &str = "amz-sdk-invocation-id";

fn alice() -> Value {
    json!({"homeDirectory": "/alice", "description": "Alice"})
}

async fn create(server: &Server, id: &str, body: &Value) -> Answer {
    server
        .request("POST", "/users")
        .header(ID, id)
        .json(body)
        .send()
        .await
}

#[tokio::test]
async fn row_10_a_repeated_create_gets_the_same_answer_and_makes_one_user() {
    let server = Server::start().await;
    let first = create(&server, "one", &alice()).await;
    assert_eq!(first.status, 201);
    let second = create(&server, "one", &alice()).await;
    assert_eq!((second.status, second.json()), (201, first.json()));
    assert_eq!(server.user_count().await, 1);
    assert_ne!(
        create(&server, "two", &alice()).await.json()["username"],
        first.json()["username"]
    );
    assert_eq!(server.user_count().await, 2);
}

#[tokio::test]
async fn row_10_repeats_at_the_same_time_make_one_user() {
    let server = Server::start().await;
    let calls = (0..16).map(|_| {
        let request = server.request("POST", "/users").header(ID, "one").json(&alice());
        tokio::spawn(request.send())
    });
    let calls: Vec<_> = calls.collect();
    let mut answers = Vec::new();
    for call in calls {
        let answer = call.await.expect("no panic");
        assert_eq!(answer.status, 201, "{answer:?}");
        answers.push(answer.json());
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    assert_eq!(server.user_count().await, 1);
}

#[tokio::test]
async fn the_same_id_for_another_request_is_a_conflict() {
    let server = Server::start().await;
    let made = create(&server, "one", &alice()).await.json();
    let other = json!({"homeDirectory": "/bob", "description": "Bob"});
    create(&server, "one", &other)
        .await
        .assert_error(409, "ResourceConflictException");
    let path = format!("/users/{}", made["username"].as_str().expect("a name"));
    let delete = server.request("DELETE", &path).header(ID, "one").send().await;
    delete.assert_error(409, "ResourceConflictException");
    assert_eq!(server.user_count().await, 1);
}

#[tokio::test]
async fn ids_of_different_keys_are_different_calls() {
    let server = Server::start().await;
    let first = create(&server, "one", &alice()).await.json();
    let key = server
        .request("POST", "/admin/api-keys")
        .json(&json!({"name": "other"}))
        .send()
        .await
        .json();
    let other = server
        .anonymous("POST", "/users")
        .header(
            "authorization",
            &format!("Key {}", key["key"].as_str().expect("a key")),
        )
        .header(ID, "one")
        .json(&alice());
    let second = other.send().await;
    assert_eq!(second.status, 201);
    assert_ne!(second.json()["username"], first["username"]);
}

#[tokio::test]
async fn a_repeated_delete_gets_the_same_answer() {
    let server = Server::start().await;
    let made = server.alice().await;
    let path = format!("/users/{}", made["username"].as_str().expect("a name"));
    for _ in 0..3 {
        let answer = server.request("DELETE", &path).header(ID, "gone").send().await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    let new_call = server.request("DELETE", &path).header(ID, "again").send().await;
    new_call.assert_error(404, "ResourceNotFoundException");
    let no_id = server.request("DELETE", &path).send().await;
    no_id.assert_error(404, "ResourceNotFoundException");
}

#[tokio::test]
async fn without_an_id_each_create_is_a_call_of_its_own() {
    let server = Server::start().await;
    server.alice().await;
    server.alice().await;
    assert_eq!(server.user_count().await, 2);
}

#[tokio::test]
async fn an_id_that_cannot_be_kept_is_refused() {
    let server = Server::start().await;
    for id in ["", "a b", &"x".repeat(129)] {
        create(&server, id, &alice())
            .await
            .assert_invalid(&["/amz-sdk-invocation-id"]);
    }
    assert_eq!(server.user_count().await, 0);
    assert_eq!(create(&server, &"x".repeat(128), &alice()).await.status, 201);
}

#[tokio::test]
async fn a_refused_create_leaves_its_id_free() {
    let server = Server::start().await;
    let wrong = json!({"homeDirectory": "alice", "description": "Alice"});
    create(&server, "one", &wrong)
        .await
        .assert_invalid(&["/homeDirectory"]);
    assert_eq!(create(&server, "one", &alice()).await.status, 201);
}

#[tokio::test]
async fn the_same_answer_comes_after_a_restart_too() {
    let server = Server::start().await;
    let first = create(&server, "one", &alice()).await.json();
    let Server {
        dir,
        key,
        stop,
        task,
        state,
        catalog,
        store,
        ..
    } = server;
    stop.cancel();
    task.await.expect("it stops in order");
    drop((state, catalog, store));

    let (catalog, store) = open(dir.path()).await;
    let settings = ApiSettings::new("sftp.example.com".to_owned(), 2022, "SHA256:abc".to_owned());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    let router = router(ApiState::new(catalog, store, settings));
    let served = tokio::spawn(longshore_api::serve(listener, router, std::future::pending()));
    let request = crate::support::Request::new(address, "POST", "/users")
        .header("authorization", &format!("Key {key}"))
        .header(ID, "one")
        .json(&alice());
    let second = request.send().await;
    assert_eq!((second.status, second.json()), (201, first));
    served.abort();
}
