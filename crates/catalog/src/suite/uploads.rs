//! Records of uploads.

use super::{Fixture, assert_err, create};
use crate::{
    CatalogError, RecordedUpload, Timestamp, UploadDigest, UploadKey, UploadRecord, UploadStore, UserId,
    UserStore,
};

fn record(number: u16) -> UploadRecord {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    UploadRecord {
        id: UploadKey(id),
        user: UserId(7),
        username: "WL9F11A9".to_owned(),
        bucket: "some-sftp".to_owned(),
        path: format!("/alice/{number}").into_bytes(),
        size: u64::from(number),
        digest: UploadDigest::Absent,
        verdict: "closed".to_owned(),
        evidence: r#"{"received":3}"#.to_owned(),
        began: Timestamp(1_795_237_000_000),
        finished: Timestamp(1_795_237_000_000 + i64::from(number)),
        client: "SSH-2.0-OpenSSH_9.9".to_owned(),
        peer: "192.0.2.1:4711".to_owned(),
        session: 42,
    }
}

async fn numbers<S: UploadStore>(store: &S, username: Option<&str>, size: u32) -> Vec<u64> {
    let (mut all, mut token) = (Vec::new(), None);
    loop {
        let page = store
            .list_uploads(username, size, token.as_deref())
            .await
            .expect("list");
        assert!(page.uploads.len() <= size as usize);
        all.extend(page.uploads.into_iter().map(|upload| upload.record.size));
        assert!(all.len() < 10_000, "the walk goes in circles");
        token = page.next_page_token;
        if token.is_none() {
            return all;
        }
    }
}

/// Also bytes that are no text, a digest, and the largest numbers.
pub async fn a_record_reads_back_as_written<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let odd = UploadRecord {
        path: b"/a\xff\n'".to_vec(),
        size: i64::MAX.unsigned_abs(),
        digest: UploadDigest::Known([0xab; 32]),
        session: i64::MAX.unsigned_abs(),
        ..record(1)
    };
    store.record_uploads(vec![odd.clone()]).await.expect("record");
    let expected = RecordedUpload {
        record: odd,
        renamed: None,
    };
    assert_eq!(
        store.upload(expected.record.id).await.expect("read"),
        Some(expected)
    );
    assert_eq!(store.upload(record(2).id).await.expect("read"), None);
}

/// The second writing changes nothing, alone and among others.
pub async fn an_upload_is_on_record_once<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    store.record_uploads(vec![record(1)]).await.expect("record");
    let again = UploadRecord {
        size: 99,
        ..record(1)
    };
    store
        .record_uploads(vec![again.clone(), record(2), again])
        .await
        .expect("record");
    assert_eq!(numbers(&*store, None, 10).await, [2, 1]);
    store.record_uploads(Vec::new()).await.expect("nothing");
}

/// As everything that was acknowledged.
pub async fn records_survive_a_restart<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    store.record_uploads(vec![record(1)]).await.expect("record");
    let store = fixture.restart(store).await;
    assert_eq!(numbers(&*store, None, 10).await, [1]);
}

/// And never changed again.
pub async fn a_pending_digest_is_filled_in_once<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let pending = |number| UploadRecord {
        digest: UploadDigest::Pending,
        ..record(number)
    };
    store
        .record_uploads(vec![pending(1), pending(2), record(3)])
        .await
        .expect("record");
    let digest = async |number| {
        let upload = store.upload(record(number).id).await.expect("read");
        upload.expect("on record").record.digest
    };
    assert_eq!(digest(1).await, UploadDigest::Pending);
    assert!(
        store
            .fill_digest(record(1).id, Some([1; 32]))
            .await
            .expect("fill")
    );
    assert!(
        !store
            .fill_digest(record(1).id, Some([2; 32]))
            .await
            .expect("fill")
    );
    assert_eq!(digest(1).await, UploadDigest::Known([1; 32]));
    assert!(store.fill_digest(record(2).id, None).await.expect("fill"));
    assert_eq!(digest(2).await, UploadDigest::Absent);
    assert!(
        !store
            .fill_digest(record(3).id, Some([3; 32]))
            .await
            .expect("fill")
    );
    assert_eq!(digest(3).await, UploadDigest::Absent);
    assert!(
        !store
            .fill_digest(record(4).id, Some([4; 32]))
            .await
            .expect("fill")
    );
}

/// Nobody is making it any more.
pub async fn a_digest_that_nobody_finished_is_absent_after_a_restart<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let pending = UploadRecord {
        digest: UploadDigest::Pending,
        ..record(1)
    };
    store.record_uploads(vec![pending]).await.expect("record");
    let store = fixture.restart(store).await;
    let upload = store
        .upload(record(1).id)
        .await
        .expect("read")
        .expect("on record");
    assert_eq!(upload.record.digest, UploadDigest::Absent);
}

/// Whatever the page size; what is added during a walk does not disturb it.
pub async fn records_come_newest_first_page_by_page<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    for number in 1..=7 {
        store.record_uploads(vec![record(number)]).await.expect("record");
    }
    for size in [1, 2, 3, 6, 7, 8] {
        assert_eq!(
            numbers(&*store, None, size).await,
            [7, 6, 5, 4, 3, 2, 1],
            "{size}"
        );
    }
    let first = store.list_uploads(None, 3, None).await.expect("list");
    store.record_uploads(vec![record(8)]).await.expect("record");
    let second = store
        .list_uploads(None, 3, first.next_page_token.as_deref())
        .await
        .expect("list");
    let sizes: Vec<_> = second.uploads.iter().map(|upload| upload.record.size).collect();
    assert_eq!(sizes, [4, 3, 2]);
}

/// By the name at that time.
pub async fn records_of_one_user_alone<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    for number in 1..=6 {
        let username = if number % 2 == 0 { "EVEN" } else { "ODD" }.to_owned();
        let record = UploadRecord {
            username,
            ..record(number)
        };
        store.record_uploads(vec![record]).await.expect("record");
    }
    assert_eq!(numbers(&*store, Some("EVEN"), 2).await, [6, 4, 2]);
    assert!(numbers(&*store, Some("NOBODY"), 2).await.is_empty());
}

/// A token belongs to its list.
pub async fn a_page_token_of_users_is_none_of_uploads<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    create(&*store).await;
    create(&*store).await;
    let users = store.list_users(1, None).await.expect("list");
    let token = users.next_page_token.expect("another page");
    assert_err!(
        store.list_uploads(None, 1, Some(&token)).await,
        CatalogError::InvalidPageToken
    );
}

/// A partner uploads under one temporary name again and again.
pub async fn a_new_name_goes_to_the_last_upload_of_the_old_one<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let named = |number| UploadRecord {
        path: b"/alice/x.part".to_vec(),
        ..record(number)
    };
    let rename = async |to: &[u8]| {
        store
            .record_rename("some-sftp", b"/alice/x.part", to)
            .await
            .expect("rename")
    };
    assert!(!rename(b"/alice/x").await, "nothing was uploaded yet");
    store.record_uploads(vec![named(1)]).await.expect("record");
    assert!(rename(b"/alice/x").await);
    assert!(!rename(b"/alice/other").await, "it is not called so any more");
    store.record_uploads(vec![named(2)]).await.expect("record");
    fixture.clock().advance(std::time::Duration::from_secs(5));
    let later = crate::Clock::now(fixture.clock());
    assert!(rename(b"/alice/y").await);
    let new_name = async |number| {
        let upload = store.upload(record(number).id).await.expect("read");
        upload.expect("on record").renamed
    };
    assert_eq!(new_name(1).await.expect("renamed").0, b"/alice/x");
    assert_eq!(new_name(2).await, Some((b"/alice/y".to_vec(), later)));
    assert!(
        !store
            .record_rename("other-sftp", b"/alice/x.part", b"/z")
            .await
            .expect("rename")
    );
}

/// They are evidence.
pub async fn records_outlive_their_user<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = create(&*store).await.user;
    let record = UploadRecord {
        user: made.id,
        username: made.username.clone(),
        ..record(1)
    };
    store.record_uploads(vec![record]).await.expect("record");
    store.delete_user(&made.username, None).await.expect("delete");
    assert_eq!(numbers(&*store, Some(&made.username), 10).await, [1]);
}

/// With their events; the row numbers of those that go do not come back.
pub async fn old_records_are_forgotten_and_no_others<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    store
        .record_uploads((1..=5).map(record).collect())
        .await
        .expect("record");
    assert!(
        store
            .record_rename("some-sftp", b"/alice/2", b"/alice/new")
            .await
            .expect("rename")
    );
    assert_eq!(store.forget_uploads(record(4).finished).await.expect("forget"), 3);
    assert_eq!(numbers(&*store, None, 10).await, [5, 4]);
    assert_eq!(store.forget_uploads(record(4).finished).await.expect("forget"), 0);
    store.record_uploads(vec![record(6)]).await.expect("record");
    assert_eq!(numbers(&*store, None, 10).await, [6, 5, 4]);
}

/// More than one statement takes, and more than one transaction deletes.
pub async fn a_thousand_records_at_once<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    store
        .record_uploads((1..=1100).map(record).collect())
        .await
        .expect("record");
    let expected: Vec<u64> = (1..=1100).rev().collect();
    assert_eq!(numbers(&*store, None, 1000).await, expected);
    assert_eq!(
        store.forget_uploads(Timestamp(i64::MAX)).await.expect("forget"),
        1100
    );
    assert!(numbers(&*store, None, 10).await.is_empty());
}
