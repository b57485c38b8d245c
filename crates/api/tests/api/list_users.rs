//! ListUsers: rows 22–26.

use serde_json::{Value, json};

use crate::support::{Answer, Server};

async fn create(server: &Server, description: &str) -> String {
    let answer = server
        .create(&json!({"homeDirectory": "/shared", "description": description}))
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["username"].as_str().expect("a name").to_owned()
}

async fn page(server: &Server, size: u32, token: Option<&str>) -> Answer {
    let token = token
        .map(|token| format!("&pageToken={}", encode(token)))
        .unwrap_or_default();
    server
        .request("GET", &format!("/users?pageSize={size}{token}"))
        .send()
        .await
}

/// Percent-encodes everything.
fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn names(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items are always there");
    items
        .iter()
        .map(|item| item["username"].as_str().expect("a name").to_owned())
        .collect()
}

#[tokio::test]
async fn row_22_a_page_size_is_an_integer_from_1_to_50() {
    let server = Server::start().await;
    for size in ["0", "51", "-1", "abc", "", "1.5", "99999999999999999999"] {
        let answer = server
            .request("GET", &format!("/users?pageSize={size}"))
            .send()
            .await;
        answer.assert_invalid(&["/pageSize"]);
        assert_eq!(
            answer.json()["fieldList"][0]["message"],
            "Value at '/pageSize' failed to satisfy constraint: Member must be between 1 and 50, inclusive"
        );
    }
    for size in [1, 50] {
        assert_eq!(page(&server, size, None).await.status, 200);
    }
}

#[tokio::test]
async fn row_23_a_full_last_page_names_no_next_one() {
    let server = Server::start().await;
    let mut made = Vec::new();
    for index in 0..4 {
        made.push(create(&server, &format!("user {index}")).await);
    }
    let first = page(&server, 2, None).await.json();
    let token = first["nextPageToken"].as_str().expect("two more users follow");
    let last = page(&server, 2, Some(token)).await.json();
    assert_eq!([names(&first), names(&last)].concat(), made);
    assert_eq!(last.get("nextPageToken"), None);
    assert_eq!(page(&server, 4, None).await.json().get("nextPageToken"), None);
}

#[tokio::test]
async fn row_24_no_users_is_an_empty_list() {
    let server = Server::start().await;
    for path in ["/users", "/2022-04-01/users?pageToken="] {
        let answer = server.request("GET", path).send().await;
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"items":[]}"#));
    }
}

#[tokio::test]
async fn row_25_a_forged_token_is_refused() {
    let server = Server::start().await;
    for index in 0..3 {
        create(&server, &format!("user {index}")).await;
    }
    let first = page(&server, 1, None).await.json();
    let token = first["nextPageToken"].as_str().expect("two more users follow");
    let mut altered = token.as_bytes().to_vec();
    let middle = altered.len() / 2;
    altered[middle] = if altered[middle] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).expect("ASCII");
    let cut = &token[..token.len() - 1];
    for forged in ["x", "AAAA", "1", "é", "\u{0}", &altered, cut, &"A".repeat(5000)] {
        page(&server, 1, Some(forged))
            .await
            .assert_invalid(&["/pageToken"]);
    }
    let both = server
        .request("GET", "/users?pageSize=0&pageToken=x")
        .send()
        .await;
    both.assert_invalid(&["/pageSize", "/pageToken"]);
}

#[tokio::test]
async fn row_26_a_walk_neither_skips_nor_repeats_while_users_come_and_go() {
    let server = Server::start().await;
    let mut made = Vec::new();
    for index in 0..12 {
        made.push(create(&server, &format!("user {index}")).await);
    }
    // Every third one goes during the walk, new ones come after each page.
    let stays = |index: usize| !index.is_multiple_of(3);
    let (mut walked, mut token, mut pages) = (Vec::new(), None, 0_usize);
    loop {
        let answer = page(&server, 2, token.as_deref()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        walked.extend(names(&body));
        for index in [3 * pages, 3 * (3 - pages.min(3))] {
            if index < made.len() && !stays(index) {
                server
                    .request("DELETE", &format!("/users/{}", made[index]))
                    .send()
                    .await;
            }
        }
        if pages < 4 {
            create(&server, &format!("late {pages}")).await;
        }
        pages += 1;
        match body.get("nextPageToken").and_then(Value::as_str) {
            Some(next) => token = Some(next.to_owned()),
            None => break,
        }
    }
    let throughout = made
        .iter()
        .enumerate()
        .filter(|(index, _)| stays(*index))
        .map(|(_, name)| name.clone());
    let seen: Vec<String> = walked
        .iter()
        .filter(|name| made.contains(name))
        .cloned()
        .collect();
    let kept: Vec<String> = throughout.collect();
    assert_eq!(
        seen.iter()
            .filter(|name| kept.contains(name))
            .cloned()
            .collect::<Vec<_>>(),
        kept
    );
    let mut unique = walked.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), walked.len(), "somebody came twice");
}

#[tokio::test]
async fn the_default_page_has_25_users() {
    let server = Server::start().await;
    for index in 0..26 {
        create(&server, &format!("user {index}")).await;
    }
    let body = server.request("GET", "/2022-04-01/users/").send().await.json();
    assert_eq!(names(&body).len(), 25);
    assert!(
        body["nextPageToken"]
            .as_str()
            .is_some_and(|token| !token.is_empty())
    );
}
