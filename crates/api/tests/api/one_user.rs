//! ReadUser, UpdateUser, DeleteUser: rows 14–16, 18–20 as far as they need no SFTP login.

use longshore_catalog::{Date, UserStore};
use serde_json::json;

use crate::support::Server;

#[tokio::test]
async fn row_14_an_unknown_user_is_not_found() {
    let server = Server::start().await;
    server.alice().await;
    let update = json!({"description": "x"});
    for path in ["/users/AAAAAAAA", "/2022-04-01/users/AAAAAAAA"] {
        for request in [
            server.request("GET", path),
            server.request("PUT", path).json(&update),
            server.request("DELETE", path),
        ] {
            let answer = request.send().await;
            answer.assert_error(404, "ResourceNotFoundException");
            assert_eq!(answer.json()["message"], "User AAAAAAAA does not exist.");
        }
    }
}

#[tokio::test]
async fn row_15_names_match_exactly() {
    let server = Server::start().await;
    let user = server.alice().await;
    let name = user["username"].as_str().expect("a name");
    // Only digits: the lower-case name is the same one.
    let lower = name.to_ascii_lowercase();
    let expected = if lower == name { 200 } else { 404 };
    assert_eq!(
        server
            .request("GET", &format!("/users/{lower}"))
            .send()
            .await
            .status,
        expected
    );
    for odd in [
        format!("{name}%20"),
        format!("%20{name}"),
        format!("{name}%00"),
        format!("{name}."),
    ] {
        let answer = server.request("GET", &format!("/users/{odd}")).send().await;
        answer.assert_error(404, "ResourceNotFoundException");
    }
    assert_eq!(
        server
            .request("GET", &format!("/users/{name}?x=y"))
            .send()
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn row_16_a_user_never_connected_has_no_date() {
    let server = Server::start().await;
    let made = server.alice().await;
    let name = made["username"].as_str().expect("a name");
    let answer = server.request("GET", &format!("/users/{name}")).send().await;
    assert_eq!(answer.status, 200);
    let user = answer.json();
    assert_eq!(user.get("lastConnectedDate"), None);
    assert_eq!(user.get("password"), None);
    for member in [
        "username",
        "homeDirectory",
        "description",
        "bucketName",
        "endpoint",
        "port",
        "hostKeyFingerprint",
    ] {
        assert_eq!(user[member], made[member], "{member}");
    }
}

#[tokio::test]
async fn a_login_shows_as_a_day() {
    let server = Server::start().await;
    let made = server.alice().await;
    let name = made["username"].as_str().expect("a name");
    let user = server
        .catalog
        .user(name)
        .await
        .expect("the catalog answers")
        .expect("a user");
    server
        .catalog
        .record_login(user.id, Date { days: 20_778 })
        .await
        .expect("it is recorded");
    let read = server
        .request("GET", &format!("/users/{name}"))
        .send()
        .await
        .json();
    assert_eq!(read["lastConnectedDate"], "2026-11-21");
    let listed = server.request("GET", "/users").send().await.json();
    assert_eq!(listed["items"][0]["lastConnectedDate"], "2026-11-21");
    let update = json!({"description": "Alice again"});
    let updated = server
        .request("PUT", &format!("/users/{name}"))
        .json(&update)
        .send()
        .await
        .json();
    assert_eq!(updated["lastConnectedDate"], "2026-11-21");
}

#[tokio::test]
async fn row_18_absent_members_stay_as_they_are() {
    let server = Server::start().await;
    let made = server.alice().await;
    let path = format!("/2022-04-01/users/{}", made["username"].as_str().expect("a name"));
    let update = json!({"description": "Alice and Sons", "homeDirectory": null});
    let answer = server.request("PUT", &path).json(&update).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let user = answer.json();
    assert_eq!(user["description"], "Alice and Sons");
    assert_eq!(user["homeDirectory"], "/alice");
    assert_eq!(user["bucketName"], made["bucketName"]);
    assert_eq!(user.get("password"), None);
    assert_eq!(server.request("GET", &path).send().await.json(), user);
}

#[tokio::test]
async fn an_update_moves_the_home_and_keeps_the_password() {
    let server = Server::start().await;
    let made = server.alice().await;
    let name = made["username"].as_str().expect("a name");
    let update = json!({"description": "Alice", "homeDirectory": "/partners//alice/", "bucketName": made["bucketName"]});
    let answer = server
        .request("PUT", &format!("/users/{name}"))
        .json(&update)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["homeDirectory"], "/partners//alice/");
    let password = made["password"].as_str().expect("a password").into();
    let user = server
        .catalog
        .authenticate(name, &password)
        .await
        .expect("the catalog answers");
    assert_eq!(
        user.expect("the password still counts").home_directory,
        "/partners//alice/"
    );
}

#[tokio::test]
async fn row_19_an_update_needs_a_description() {
    let server = Server::start().await;
    let made = server.alice().await;
    let path = format!("/users/{}", made["username"].as_str().expect("a name"));
    for body in [
        json!({}),
        json!({"description": null}),
        json!({"homeDirectory": "/b"}),
    ] {
        server
            .request("PUT", &path)
            .json(&body)
            .send()
            .await
            .assert_invalid(&["/description"]);
    }
    assert_eq!(
        server.request("GET", &path).send().await.json()["homeDirectory"],
        "/alice"
    );
}

#[tokio::test]
async fn an_update_follows_the_rules_of_create() {
    let server = Server::start().await;
    let made = server.alice().await;
    let path = format!("/users/{}", made["username"].as_str().expect("a name"));
    let body = json!({"description": "&", "homeDirectory": "/..", "bucketName": "nobodys-bucket"});
    let answer = server.request("PUT", &path).json(&body).send().await;
    answer.assert_invalid(&["/description", "/homeDirectory", "/bucketName"]);
    let body = json!({"description": 5});
    server
        .request("PUT", &path)
        .json(&body)
        .send()
        .await
        .assert_error(400, "SerializationException");
    // The rules come before the user: whether a name exists does not change what is told about a body.
    let unknown = server
        .request("PUT", "/users/AAAAAAAA")
        .json(&json!({}))
        .send()
        .await;
    unknown.assert_invalid(&["/description"]);
}

#[tokio::test]
async fn row_20_after_a_delete_files_stay_and_names_are_new() {
    let server = Server::start().await;
    let made = server.alice().await;
    let name = made["username"].as_str().expect("a name").to_owned();
    let bucket = made["bucketName"].as_str().expect("a bucket");
    let file = server
        .dir
        .path()
        .join("buckets")
        .join(bucket)
        .join("files/alice/kept.txt");
    std::fs::write(&file, b"kept").expect("the home is there");
    let answer = server.request("DELETE", &format!("/users/{name}")).send().await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(answer.header("content-type"), None);
    server
        .request("GET", &format!("/users/{name}"))
        .send()
        .await
        .assert_error(404, "ResourceNotFoundException");
    let password = made["password"].as_str().expect("a password").into();
    assert_eq!(
        server
            .catalog
            .authenticate(&name, &password)
            .await
            .expect("the catalog answers"),
        None
    );
    let again = server.alice().await;
    assert_ne!(again["username"], name.as_str());
    assert_eq!(again["bucketName"], bucket);
    assert_eq!(std::fs::read(&file).expect("the file stayed"), b"kept");
}
