//! Uploads, finished and not.

use bytes::Bytes;
use longshore_catalog::{Timestamp, UploadDigest, UploadKey, UploadRecord, UploadStore, UserId};
use longshore_storage::{BucketName, OwnerId, Precondition, RemotePath, Store, UploadBase, UploadOptions};
use serde_json::{Value, json};

use crate::support::{Fault, Server};

const ID: &str = "0101010101010101010101010101010a";

fn record(last: u8) -> UploadRecord {
    let mut id = [1; 16];
    id[15] = last;
    UploadRecord {
        id: UploadKey(id),
        user: UserId(7),
        username: "WL9F11A9".to_owned(),
        bucket: "some-sftp".to_owned(),
        path: b"/alice/f.part".to_vec(),
        size: 4,
        digest: UploadDigest::Known([0xab; 32]),
        verdict: "closed".to_owned(),
        evidence: r#"{"received":4}"#.to_owned(),
        began: Timestamp(1_795_237_000_000),
        finished: Timestamp(1_795_237_001_000),
        client: "OpenSSH_9.9".to_owned(),
        peer: "192.0.2.1:4711".to_owned(),
        session: 42,
    }
}

/// An unfinished upload; it lives as long as its handle.
async fn begin(server: &Server) -> std::sync::Arc<dyn longshore_storage::Upload> {
    let bucket = BucketName::parse("unfinished-bucket").expect("a name");
    server.store.create_bucket(&bucket).await.expect("a bucket");
    let home = RemotePath::parse(b"/alice").expect("a path");
    let home = server
        .store
        .open_home(&bucket, &home, OwnerId(7))
        .await
        .expect("a home");
    let options = UploadOptions {
        precondition: Precondition::None,
        base: UploadBase::Empty,
        mode: None,
        readable: false,
    };
    let path = RemotePath::parse(b"/new").expect("a path");
    let upload = home.begin_upload(&path, options).await.expect("an upload");
    upload
        .write_at(0, Bytes::from_static(b"abc"))
        .await
        .expect("a write");
    upload
}

#[tokio::test]
async fn a_record_is_shown_with_verdict_evidence_and_digest() {
    let server = Server::start().await;
    server
        .catalog
        .record_uploads(vec![record(10)])
        .await
        .expect("record");
    let answer = server
        .request("GET", &format!("/admin/uploads/{ID}"))
        .send()
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let expected = json!({
        "id": ID, "state": "published", "username": "WL9F11A9", "userId": 7, "bucketName": "some-sftp",
        "path": "/alice/f.part", "size": 4, "sha256": "ab".repeat(32), "digest": "known", "verdict": "closed",
        "evidence": {"received": 4}, "began": "2026-11-21T04:56:40Z", "finished": "2026-11-21T04:56:41Z",
        "client": "OpenSSH_9.9", "peer": "192.0.2.1:4711", "session": 42,
    });
    assert_eq!(answer.json(), expected);
    let moved = server
        .catalog
        .record_rename("some-sftp", b"/alice/f.part", b"/alice/f");
    assert!(moved.await.expect("rename"));
    let answer = server
        .request("GET", &format!("/admin/uploads/{ID}/"))
        .send()
        .await
        .json();
    assert_eq!(
        (&answer["verdict"], &answer["renamedTo"]),
        (&json!("renamed"), &json!("/alice/f"))
    );
}

/// A new name does not make good what is wrong with the file.
#[tokio::test]
async fn a_grave_verdict_stays_whatever_the_file_is_called() {
    let server = Server::start().await;
    let short = UploadRecord {
        verdict: "short".to_owned(),
        path: b"/\xff.part".to_vec(),
        digest: UploadDigest::Pending,
        ..record(10)
    };
    server.catalog.record_uploads(vec![short]).await.expect("record");
    let moved = server.catalog.record_rename("some-sftp", b"/\xff.part", b"/f");
    assert!(moved.await.expect("rename"));
    let answer = server
        .request("GET", &format!("/admin/uploads/{ID}"))
        .send()
        .await
        .json();
    assert_eq!(
        (&answer["verdict"], &answer["renamedTo"]),
        (&json!("short"), &json!("/f"))
    );
    assert_eq!(
        (&answer["path"], &answer["pathHex"]),
        (&json!("/\u{fffd}.part"), &json!("2fff2e70617274"))
    );
    assert_eq!(
        (&answer["digest"], &answer["sha256"]),
        (&json!("pending"), &Value::Null)
    );
}

#[tokio::test]
async fn records_come_page_by_page_and_by_user() {
    let server = Server::start().await;
    let other = UploadRecord {
        username: "OTHER".to_owned(),
        ..record(3)
    };
    let records = vec![record(1), record(2), other];
    server.catalog.record_uploads(records).await.expect("record");
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().expect("items");
        items
            .iter()
            .map(|item| item["id"].as_str().expect("an id")[30..].to_owned())
            .collect()
    };
    let first = server
        .request("GET", "/admin/uploads?pageSize=2")
        .send()
        .await
        .json();
    assert_eq!(ids(&first), ["03", "02"]);
    let token = first["nextPageToken"].as_str().expect("another page");
    let path = format!("/admin/uploads/?pageSize=2&pageToken={token}");
    let second = server.request("GET", &path).send().await.json();
    assert_eq!(ids(&second), ["01"]);
    assert_eq!(second.get("nextPageToken"), None);
    let own = server
        .request("GET", "/admin/uploads?username=OTHER")
        .send()
        .await
        .json();
    assert_eq!(ids(&own), ["03"]);
    for query in ["pageSize=0", "pageSize=51", "pageToken=forged"] {
        let answer = server
            .request("GET", &format!("/admin/uploads?{query}"))
            .send()
            .await;
        answer.assert_error(400, "ValidationException");
    }
}

#[tokio::test]
async fn an_unfinished_upload_is_listed_read_and_discarded() {
    let server = Server::start().await;
    let upload = begin(&server).await;
    let id = upload.id().to_string();
    let listed = server
        .request("GET", "/admin/unfinished-uploads")
        .send()
        .await
        .json();
    let item = &listed["items"][0];
    assert_eq!(
        (&item["id"], &item["state"], &item["verdict"]),
        (&json!(id), &json!("open"), &json!("open"))
    );
    assert_eq!(
        (&item["userId"], &item["path"], &item["size"]),
        (&json!(7), &json!("/alice/new"), &json!(3))
    );
    assert_eq!(
        (&item["unfinished"]["handles"], &item["unfinished"]["gapFree"]),
        (&json!(1), &json!(3))
    );
    let path = format!("/admin/uploads/{id}");
    assert_eq!(&server.request("GET", &path).send().await.json(), item);

    assert_eq!(server.request("DELETE", &path).send().await.status, 204);
    let late = upload.write_at(3, Bytes::from_static(b"d")).await;
    assert_eq!(
        late.expect_err("gone").kind(),
        longshore_storage::ErrorKind::UploadGone
    );
    let listed = server
        .request("GET", "/admin/unfinished-uploads")
        .send()
        .await
        .json();
    assert_eq!(listed["items"], json!([]));
    for method in ["GET", "DELETE"] {
        let answer = server.request(method, &path).send().await;
        answer.assert_error(404, "ResourceNotFoundException");
    }
}

#[tokio::test]
async fn a_published_upload_cannot_be_discarded_and_odd_ids_name_nothing() {
    let server = Server::start().await;
    server
        .catalog
        .record_uploads(vec![record(10)])
        .await
        .expect("record");
    for id in [ID, "0", "../users", "%ff", "0101010101010101010101010101010A"] {
        let answer = server
            .request("DELETE", &format!("/admin/uploads/{id}"))
            .send()
            .await;
        assert_eq!(answer.status, 404, "{id}");
    }
    assert_eq!(
        server
            .request("GET", &format!("/admin/uploads/{ID}"))
            .send()
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn strangers_learn_nothing_and_faults_are_told() {
    let server = Server::start().await;
    for path in ["/admin/uploads", "/admin/unfinished-uploads"] {
        let answer = server.anonymous("GET", path).send().await;
        answer.assert_error(401, "UnauthorizedException");
    }
    server.catalog.gate.set(Fault::Broken);
    let answer = server.request("GET", "/admin/uploads").send().await;
    answer.assert_error(500, "InternalFailureException");
    server.store.gate.set(Fault::Away);
    let answer = server.request("GET", "/admin/unfinished-uploads").send().await;
    answer.assert_error(503, "ServiceUnavailableException");
}
