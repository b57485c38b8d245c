//! CreateUser: rows 1–9, 11–13.

use longshore_catalog::{BucketStore, UserStore};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::support::Server;

fn body(changes: &Value) -> Value {
    let mut body = json!({"homeDirectory": "/alice", "description": "Trading partner Alice"});
    let members = body.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        members.insert(name.clone(), value.clone());
    }
    body
}

#[tokio::test]
async fn a_new_user_can_log_in_at_once_with_what_the_answer_says() {
    let server = Server::start().await;
    let answer = server.create(&body(&json!({}))).await;
    assert_eq!(answer.status, 201);
    let user = answer.json();
    let username = user["username"].as_str().expect("a name");
    let password = user["password"].as_str().expect("a password");
    assert!(
        username.len() == 8
            && username
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    );
    assert!(password.len() == 16 && password.bytes().all(|b| b.is_ascii_alphanumeric()));
    assert_eq!(user["homeDirectory"], "/alice");
    assert_eq!(user["description"], "Trading partner Alice");
    assert_eq!(
        user["bucketName"],
        server.catalog.default_bucket().await.expect("a bucket")
    );
    assert_eq!(user["endpoint"], "sftp.example.com");
    assert_eq!(user["port"], 2022);
    assert_eq!(user["hostKeyFingerprint"], "SHA256:abc");
    assert_eq!(user.as_object().expect("an object").len(), 8, "{user}");
    let logged_in = server
        .catalog
        .authenticate(username, &SecretString::from(password))
        .await;
    assert!(logged_in.expect("the catalog answers").is_some());
}

#[tokio::test]
async fn row_01_a_missing_field_must_not_be_null() {
    let server = Server::start().await;
    for missing in ["homeDirectory", "description"] {
        for absent in [json!({missing: null}), json!({})] {
            let mut sent = body(&absent);
            if sent[missing].is_string() {
                sent.as_object_mut().expect("an object").remove(missing);
            }
            let answer = server.create(&sent).await;
            answer.assert_invalid(&[&format!("/{missing}")]);
            let text = format!("Value at '/{missing}' failed to satisfy constraint: Member must not be null");
            let parsed = answer.json();
            assert_eq!(parsed["fieldList"][0]["message"], text);
            assert_eq!(parsed["message"], format!("1 validation error detected. {text}"));
        }
    }
}

#[tokio::test]
async fn row_02_a_home_directory_is_absolute_and_plain() {
    let server = Server::start().await;
    for home in [
        "alice", "/a b", "/a/../b", "", "/..", "/.", "/a/./b", "/é", "/a\u{0}b", "/a\\b", "/a\n",
    ] {
        server
            .create(&body(&json!({"homeDirectory": home})))
            .await
            .assert_invalid(&["/homeDirectory"]);
    }
    let long = format!("/{}", "a/".repeat(512));
    let answer = server.create(&body(&json!({"homeDirectory": long}))).await;
    answer.assert_invalid(&["/homeDirectory"]);
    assert_eq!(
        answer.json()["fieldList"][0]["message"],
        "Value with length 1025 at '/homeDirectory' failed to satisfy constraint: \
         Member must have length less than or equal to 1024"
    );
    assert_eq!(server.user_count().await, 0);
}

#[tokio::test]
async fn row_03_the_root_is_a_home_and_gets_no_marker() {
    let server = Server::start().await;
    let answer = server.create(&body(&json!({"homeDirectory": "/"}))).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["homeDirectory"], "/");
    assert_eq!(names_in_bucket(&server).await, Vec::<String>::new());
}

#[tokio::test]
async fn row_04_a_home_is_echoed_as_sent_and_resolves_normalised() {
    let server = Server::start().await;
    for home in ["/alice/", "//alice", "/alice"] {
        let answer = server.create(&body(&json!({"homeDirectory": home}))).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        assert_eq!(answer.json()["homeDirectory"], home);
    }
    assert_eq!(names_in_bucket(&server).await, ["alice"]);
}

#[tokio::test]
async fn row_05_password_lengths_are_integers_from_16_to_128() {
    let server = Server::start().await;
    for length in [
        json!(15),
        json!(129),
        json!(16.5),
        json!("20"),
        json!(-1),
        json!(1e300),
        json!([20]),
    ] {
        let answer = server
            .create(&body(&json!({"passwordOptions": {"length": length}})))
            .await;
        answer.assert_invalid(&["/passwordOptions/length"]);
        assert_eq!(
            answer.json()["fieldList"][0]["message"],
            "Value at '/passwordOptions/length' failed to satisfy constraint: \
             Member must be between 16 and 128, inclusive"
        );
    }
    for length in [16, 20, 128] {
        let answer = server
            .create(&body(&json!({"passwordOptions": {"length": length}})))
            .await;
        assert_eq!(
            answer.json()["password"].as_str().map(str::len),
            Some(length),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn row_06_password_options_may_be_empty_or_null() {
    let server = Server::start().await;
    for options in [json!({}), json!(null), json!({"length": null})] {
        let answer = server.create(&body(&json!({"passwordOptions": options}))).await;
        assert_eq!(answer.status, 201);
        assert_eq!(answer.json()["password"].as_str().map(str::len), Some(16));
    }
}

#[tokio::test]
async fn row_07_a_description_is_plain_and_not_empty() {
    let server = Server::start().await;
    for description in ["A & B", "Café", "", "a\tb"] {
        let answer = server.create(&body(&json!({"description": description}))).await;
        answer.assert_invalid(&["/description"]);
        assert_eq!(
            answer.json()["fieldList"][0]["message"],
            "Value at '/description' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: ^[A-Za-z0-9\\-_ /]+$"
        );
    }
    server
        .create(&body(&json!({"description": "a".repeat(257)})))
        .await
        .assert_invalid(&["/description"]);
    assert_eq!(
        server
            .create(&body(&json!({"description": "a".repeat(256)})))
            .await
            .status,
        201
    );
}

#[tokio::test]
async fn row_08_all_faults_are_reported_at_once() {
    let server = Server::start().await;
    let answer = server
        .create(&json!({
            "homeDirectory": "alice", "description": "é", "bucketName": "nobodys-bucket",
            "passwordOptions": {"length": 15},
        }))
        .await;
    answer.assert_invalid(&[
        "/homeDirectory",
        "/description",
        "/passwordOptions/length",
        "/bucketName",
    ]);
    let message = answer.json()["message"].as_str().expect("a message").to_owned();
    assert!(
        message.starts_with(
            "4 validation errors at 4 paths detected. First failure: Value at '/homeDirectory' failed"
        ),
        "{message}"
    );
}

#[tokio::test]
async fn row_09_unknown_members_are_ignored() {
    let server = Server::start().await;
    let answer = server
        .create(&body(
            &json!({"color": "red", "username": "ALICE001", "password": "x"}),
        ))
        .await;
    assert_eq!(answer.status, 201);
    assert_ne!(answer.json()["username"], "ALICE001");
}

#[tokio::test]
async fn row_11_an_unknown_bucket_is_refused_and_the_own_one_taken() {
    let server = Server::start().await;
    for bucket in [
        "nobodys-bucket",
        "565460e4-4c6f-4a55-87f1-a9d27616f8aa-sftp",
        "No Bucket",
        "",
        "../x",
    ] {
        server
            .create(&body(&json!({"bucketName": bucket})))
            .await
            .assert_invalid(&["/bucketName"]);
    }
    let own = server.alice().await["bucketName"].clone();
    let answer = server.create(&body(&json!({"bucketName": own}))).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["bucketName"], own);
}

#[tokio::test]
async fn row_12_beyond_the_user_limit_there_is_no_retry() {
    let server = Server::start_with(|settings, _| settings.max_users = Some(2)).await;
    let first = server.alice().await;
    server.alice().await;
    let answer = server.create(&body(&json!({}))).await;
    answer.assert_error(403, "QuotaExceededException");
    assert_eq!(answer.json()["message"], "The limit of 2 users is reached.");
    let name = first["username"].as_str().expect("a name");
    assert_eq!(
        server
            .request("DELETE", &format!("/users/{name}"))
            .send()
            .await
            .status,
        204
    );
    server.alice().await;
}

#[tokio::test]
async fn row_13_a_body_that_is_no_object_is_told_so() {
    let server = Server::start().await;
    let deep = "[".repeat(10_000);
    for text in [
        "",
        "{",
        "[]",
        "null",
        "5",
        "\"x\"",
        "{\"a\":1}x",
        "\u{feff}{}",
        "{'a':1}",
        &deep,
    ] {
        let request = server.request("POST", "/users").text("application/json", text);
        request.send().await.assert_error(400, "SerializationException");
    }
    let bare = server.request("POST", "/users").send().await;
    bare.assert_error(400, "SerializationException");
    assert_eq!(server.user_count().await, 0);
}

#[tokio::test]
async fn members_of_the_wrong_type_are_named() {
    let server = Server::start().await;
    let wrong = json!({"homeDirectory": 5, "description": ["x"], "bucketName": true, "passwordOptions": 20});
    let answer = server.create(&wrong).await;
    answer.assert_error(400, "SerializationException");
    assert_eq!(
        answer.failed_paths(),
        [
            "/homeDirectory",
            "/description",
            "/bucketName",
            "/passwordOptions"
        ]
    );
}

#[tokio::test]
async fn a_file_in_the_way_of_the_home_is_a_conflict() {
    let server = Server::start().await;
    let bucket = server.alice().await["bucketName"]
        .as_str()
        .expect("a bucket")
        .to_owned();
    let files = server.files(&bucket);
    std::fs::write(files.join("report"), b"x").expect("a writable bucket");
    for home in ["/report", "/report/below"] {
        let answer = server.create(&body(&json!({"homeDirectory": home}))).await;
        answer.assert_error(409, "ResourceConflictException");
    }
}

/// Names in the root of the account's bucket.
async fn names_in_bucket(server: &Server) -> Vec<String> {
    let bucket = server.catalog.default_bucket().await.expect("a bucket");
    let files = std::fs::read_dir(server.files(&bucket)).expect("the bucket is there");
    files
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect()
}
