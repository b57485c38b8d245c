//! Parked uploads: what is kept of an upload whose handle died, who sees it, and how it ends.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::{Bench, begin, entries, exclusive, fresh, get, kind, listed, over, p, put, write};
use crate::{EditMode, ErrorKind, Home, SetStat, Store, Upload, UploadEnd, UploadId, UploadInfo};

type Made = Arc<dyn Store>;

/// Begins a file, writes `data` and lets the handle die.
async fn leave(home: &Arc<dyn Home>, path: &str, data: &[u8]) -> UploadId {
    let upload = begin(home, path, fresh()).await;
    write(&upload, 0, data).await;
    let id = upload.id();
    upload.park().await.unwrap();
    id
}

async fn resume(home: &Arc<dyn Home>, path: &str) -> Arc<dyn Upload> {
    home.resume(&p(path)).await.unwrap().expect("a parked upload")
}

async fn info(store: &Made, id: UploadId) -> Option<UploadInfo> {
    let all = store.uploads().await.unwrap();
    all.into_iter().find(|info| info.id == id)
}

async fn end_of(store: &Made, id: UploadId) -> Option<UploadEnd> {
    let ended = store.ended_uploads().await.unwrap();
    ended.iter().find(|ended| ended.id == id).map(|ended| ended.end)
}

pub async fn a_dead_handle_leaves_its_upload_to_the_owner(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, other_session, colleague) =
        (bench.alice().await, bench.alice().await, bench.colleague().await);
    put(&alice, "/f", b"the old one").await;
    leave(&alice, "/f", b"new").await;
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"the old one");
    assert_eq!(colleague.stat(&p("/f"), true).await.unwrap().size, 11);
    for home in [&alice, &other_session] {
        assert_eq!(home.stat(&p("/f"), true).await.unwrap().size, 3);
        assert_eq!(get(home, "/f").await.unwrap(), b"new");
        assert_eq!(entries(home, "/").await.unwrap()[0].stat.size, 3);
    }
    assert!(
        colleague.resume(&p("/f")).await.unwrap().is_none(),
        "it is not theirs"
    );
    let upload = resume(&other_session, "/f").await;
    write(&upload, 3, b"er one").await;
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"the old one");
    upload.publish().await.unwrap();
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"newer one");
    assert!(alice.resume(&p("/f")).await.unwrap().is_none());
}

pub async fn only_the_gap_free_front_is_kept(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let upload = begin(&alice, "/f", fresh()).await;
    write(&upload, 0, b"0123").await;
    write(&upload, 100, b"far away").await;
    write(&upload, 4, b"4567").await;
    upload.park().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"01234567");
    let upload = resume(&alice, "/f").await;
    write(&upload, 10, b"ab").await;
    upload.publish().await.unwrap();
    assert_eq!(
        get(&alice, "/f").await.unwrap(),
        b"01234567\0\0ab",
        "no trace of what was far away"
    );
}

pub async fn what_comes_from_the_published_version_is_no_front(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    put(&alice, "/f", b"the published version").await;
    let upload = begin(&alice, "/f", over()).await;
    write(&upload, 0, b"THE").await;
    write(&upload, 10, b"SHED").await;
    upload.park().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"THE");
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"the published version");
}

pub async fn nothing_written_leaves_nothing(store: Made) {
    let bench = Bench::new(store.clone()).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"old").await;
    for options in [fresh(), over()] {
        let upload = begin(&alice, "/f", options).await;
        upload.park().await.unwrap();
        assert_eq!(get(&alice, "/f").await.unwrap(), b"old");
    }
    let upload = begin(&alice, "/g", fresh()).await;
    write(&upload, 5, b"no front").await;
    upload.park().await.unwrap();
    assert_eq!(listed(&alice, "/").await, ["f"]);
    assert!(store.uploads().await.unwrap().is_empty());
}

pub async fn opening_for_writing_takes_a_parked_upload_up(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    leave(&alice, "/over", b"0123").await;
    let upload = begin(&alice, "/over", over()).await;
    write(&upload, 4, b"45").await;
    upload.publish().await.unwrap();
    assert_eq!(get(&colleague, "/over").await.unwrap(), b"012345");

    leave(&alice, "/append", b"0123").await;
    let file = alice
        .edit(&p("/append"), EditMode::Append { readable: false })
        .await
        .unwrap();
    file.write_at(0, Bytes::from_static(b"45")).await.unwrap();
    assert_eq!(kind(get(&colleague, "/append").await), ErrorKind::NotFound);
    file.close().await.unwrap();
    assert_eq!(get(&colleague, "/append").await.unwrap(), b"012345");

    leave(&alice, "/edit", b"0123").await;
    let file = alice.edit(&p("/edit"), EditMode::ReadWrite).await.unwrap();
    file.write_at(1, Bytes::from_static(b"xx")).await.unwrap();
    file.close().await.unwrap();
    assert_eq!(get(&colleague, "/edit").await.unwrap(), b"0xx3");
}

pub async fn it_can_die_and_be_taken_up_again_and_again(store: Made) {
    let bench = Bench::new(store.clone()).await;
    let alice = bench.alice().await;
    let id = leave(&alice, "/f", b"0").await;
    for at in 1..10 {
        let upload = resume(&alice, "/f").await;
        assert_eq!(upload.id(), id);
        write(&upload, at, at.to_string().as_bytes()).await;
        upload.park().await.unwrap();
    }
    let facts = info(&store, id).await.unwrap().facts;
    assert_eq!((facts.dropped, facts.resumed, facts.received), (10, 9, 10));
    let closed = resume(&alice, "/f").await.close(b"note").await.unwrap();
    let published = closed.published.unwrap();
    assert_eq!(
        (published.id, published.size, published.facts.resumed),
        (id, 10, 10)
    );
    assert_eq!(get(&alice, "/f").await.unwrap(), b"0123456789");
}

pub async fn removing_and_truncating_end_it(store: Made) {
    let bench = Bench::new(store.clone()).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    let removed = leave(&alice, "/removed", b"x").await;
    let restarted = leave(&alice, "/restarted", b"x").await;
    assert_eq!(
        kind(colleague.remove_file(&p("/removed")).await),
        ErrorKind::NotFound
    );
    alice.remove_file(&p("/removed")).await.unwrap();
    assert!(alice.resume(&p("/removed")).await.unwrap().is_none());
    let again = begin(&alice, "/restarted", fresh()).await;
    again.discard().await.unwrap();
    assert_eq!(end_of(&store, removed).await, Some(UploadEnd::Removed));
    assert_eq!(end_of(&store, restarted).await, Some(UploadEnd::Restarted));
    assert!(listed(&alice, "/").await.is_empty());
}

pub async fn a_newer_publish_ends_it(store: Made) {
    let bench = Bench::new(store.clone()).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    let id = leave(&alice, "/f", b"mine").await;
    let theirs = begin(&colleague, "/f", exclusive()).await;
    write(&theirs, 0, b"theirs").await;
    assert_eq!(get(&alice, "/f").await.unwrap(), b"mine");
    theirs.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"theirs");
    assert!(alice.resume(&p("/f")).await.unwrap().is_none());
    assert_eq!(end_of(&store, id).await, Some(UploadEnd::Superseded));
    assert!(store.uploads().await.unwrap().is_empty());
}

pub async fn a_newer_publish_under_another_name_does_not_end_it(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    leave(&alice, "/f", b"mine").await;
    put(&colleague, "/g", b"theirs").await;
    put(&alice, "/h", b"also mine").await;
    assert_eq!(get(&alice, "/f").await.unwrap(), b"mine");
}

pub async fn renames_take_it_along(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    alice.make_dir(&p("/a"), None).await.unwrap();
    leave(&alice, "/a/f", b"0123").await;
    assert_eq!(kind(colleague.remove_dir(&p("/a")).await), ErrorKind::NotEmpty);
    alice.rename(&p("/a/f"), &p("/a/g"), false).await.unwrap();
    alice.rename(&p("/a"), &p("/b"), false).await.unwrap();
    assert_eq!(listed(&alice, "/b").await, ["g"]);
    assert_eq!(listed(&colleague, "/b").await, [""; 0]);
    let upload = resume(&alice, "/b/g").await;
    let closed = upload.close(&[]).await.unwrap();
    let published = closed.published.unwrap();
    assert_eq!(published.path, p("/alice/b/g"));
    assert!(published.facts.renamed);
    assert_eq!(get(&colleague, "/b/g").await.unwrap(), b"0123");
}

pub async fn something_renamed_onto_it_ends_it(store: Made) {
    let bench = Bench::new(store.clone()).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    let own = leave(&alice, "/own", b"x").await;
    let theirs = leave(&alice, "/theirs", b"x").await;
    put(&alice, "/a", b"a").await;
    put(&colleague, "/b", b"b").await;
    alice.rename(&p("/a"), &p("/own"), true).await.unwrap();
    colleague.rename(&p("/b"), &p("/theirs"), false).await.unwrap();
    assert_eq!(get(&alice, "/own").await.unwrap(), b"a");
    assert_eq!(get(&alice, "/theirs").await.unwrap(), b"b");
    assert_eq!(end_of(&store, own).await, Some(UploadEnd::Removed));
    assert_eq!(end_of(&store, theirs).await, Some(UploadEnd::Superseded));
}

pub async fn its_attributes_are_the_owners_to_change(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    leave(&alice, "/f", b"0123456789").await;
    let changes = SetStat {
        size: Some(4),
        mode: Some(0o600),
        ..SetStat::default()
    };
    alice.set_stat(&p("/f"), &changes, true).await.unwrap();
    assert_eq!(
        kind(colleague.set_stat(&p("/f"), &changes, true).await),
        ErrorKind::NotFound
    );
    let stat = alice.stat(&p("/f"), true).await.unwrap();
    assert_eq!((stat.size, stat.mode), (4, 0o600));
    resume(&alice, "/f").await.publish().await.unwrap();
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"0123");
    assert_eq!(colleague.stat(&p("/f"), true).await.unwrap().mode, 0o600);
}

pub async fn names_with_a_parked_upload_are_taken_for_the_owner(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    leave(&alice, "/f", b"x").await;
    assert_eq!(
        kind(alice.begin_upload(&p("/f"), exclusive()).await),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        kind(alice.make_dir(&p("/f"), None).await),
        ErrorKind::AlreadyExists
    );
    let theirs = begin(&colleague, "/f", exclusive()).await;
    theirs.discard().await.unwrap();
}

pub async fn two_parked_uploads_of_one_name_are_not_mixed(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague, root) = (bench.alice().await, bench.colleague().await, bench.root().await);
    leave(&alice, "/f", b"aaaa").await;
    leave(&colleague, "/f", b"bb").await;
    assert_eq!(get(&alice, "/f").await.unwrap(), b"aaaa");
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"bb");
    let (a, b) = (resume(&alice, "/f").await, resume(&colleague, "/f").await);
    write(&b, 2, b"BB").await;
    write(&a, 4, b"AA").await;
    a.publish().await.unwrap();
    assert_eq!(get(&root, "/alice/f").await.unwrap(), b"aaaaAA");
    b.publish().await.unwrap();
    assert_eq!(get(&root, "/alice/f").await.unwrap(), b"bbBB");
}

pub async fn an_acknowledged_close_survives_the_death_of_the_other_handle(store: Made) {
    let bench = Bench::new(store.clone()).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    let first = begin(&alice, "/f", fresh()).await;
    write(&first, 0, b"0123").await;
    write(&first, 8, b"89").await;
    let second = begin(&alice, "/f", over()).await;
    assert!(first.close(&[]).await.unwrap().published.is_none());
    write(&second, 20, b"not acknowledged").await;
    // Neither dying nor giving up takes what was acknowledged away.
    second.discard().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"0123\0\0\0\089");
    let [only] = <[UploadInfo; 1]>::try_from(store.uploads().await.unwrap()).unwrap();
    assert!(only.synced && only.expires.is_none());
    assert_eq!((only.handles, only.gap_free), (0, 4));
    let upload = resume(&alice, "/f").await;
    write(&upload, 4, b"4567").await;
    upload.publish().await.unwrap();
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"0123456789");
}

pub async fn whoever_takes_over_from_a_dead_handle_publishes(store: Made) {
    let bench = Bench::new(store.clone()).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    // The client's network goes away; it comes back and continues while the server has not noticed.
    let dead = begin(&alice, "/f", fresh()).await;
    write(&dead, 0, b"first ").await;
    let next = begin(&alice, "/f", over()).await;
    write(&next, 6, b"second").await;
    assert!(next.close(&[]).await.unwrap().published.is_none());
    assert!(get(&colleague, "/f").await.is_err());
    dead.park().await.unwrap();
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"first second");
    assert!(store.uploads().await.unwrap().is_empty());
}

pub async fn a_handle_that_was_in_use_beside_the_closed_one_leaves_the_upload_parked(store: Made) {
    let bench = Bench::new(store.clone()).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    // Two handles carry one half each; the second half stays incomplete.
    let second = begin(&alice, "/f", fresh()).await;
    let first = begin(&alice, "/f", over()).await;
    write(&first, 0, b"first half").await;
    write(&second, 10, b"sec").await;
    first.close(&[]).await.unwrap();
    second.park().await.unwrap();
    assert!(get(&colleague, "/f").await.is_err());
    assert_eq!(get(&alice, "/f").await.unwrap(), b"first halfsec");
}

pub async fn an_acknowledged_empty_file_survives_too(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let first = begin(&alice, "/f", fresh()).await;
    let second = begin(&alice, "/f", over()).await;
    first.publish().await.unwrap();
    second.park().await.unwrap();
    assert_eq!(listed(&alice, "/").await, ["f"]);
    resume(&alice, "/f").await.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"");
}

pub async fn what_was_synced_is_kept_and_never_expires(store: Made) {
    let bench = Bench::new(store.clone()).await;
    let alice = bench.alice().await;
    let upload = begin(&alice, "/synced", fresh()).await;
    write(&upload, 6, b"behind a gap").await;
    upload.sync().await.unwrap();
    write(&upload, 100, b"not synced").await;
    let synced = upload.id();
    upload.park().await.unwrap();
    let left = leave(&alice, "/left", b"x").await;
    let expires = info(&store, left).await.unwrap().expires.unwrap();
    assert!(info(&store, synced).await.unwrap().expires.is_none());

    let before = expires - Duration::from_secs(1);
    assert!(store.expire_uploads(before).await.unwrap().is_empty());
    let ended = store.expire_uploads(expires).await.unwrap();
    assert_eq!(ended.iter().map(|ended| ended.id).collect::<Vec<_>>(), [left]);
    assert_eq!(end_of(&store, left).await, Some(UploadEnd::Expired));
    let far = SystemTime::now() + Duration::from_secs(400 * 24 * 3600);
    assert!(store.expire_uploads(far).await.unwrap().is_empty());
    assert_eq!(listed(&alice, "/").await, ["synced"]);
    assert_eq!(get(&alice, "/synced").await.unwrap(), b"\0\0\0\0\0\0behind a gap");
}

pub async fn the_operator_sees_and_discards_uploads(store: Made) {
    let bench = Bench::new(store.clone()).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    let parked = leave(&alice, "/parked", b"0123").await;
    let upload = begin(&colleague, "/open", fresh()).await;
    write(&upload, 0, b"01").await;
    write(&upload, 5, b"56789").await;
    upload.declare(20);
    let all = store.uploads().await.unwrap();
    assert_eq!(
        all.iter().map(|info| info.id).collect::<Vec<_>>(),
        [parked, upload.id()]
    );
    let (first, second) = (&all[0], &all[1]);
    assert_eq!(
        (first.path.clone(), first.owner.0, first.handles),
        (p("/alice/parked"), 1, 0)
    );
    assert_eq!((first.size, first.gap_free, first.synced), (4, 4, false));
    assert!(first.parked.is_some() && first.expires > first.parked);
    assert_eq!(
        (second.path.clone(), second.owner.0, second.handles),
        (p("/alice/open"), 2, 1)
    );
    assert_eq!(
        (second.size, second.gap_free, second.facts.declared),
        (10, 2, Some(20))
    );
    assert!(second.parked.is_none() && second.expires.is_none());
    assert_eq!(second.bucket.as_str(), "suite-bucket");

    for id in [parked, upload.id()] {
        store.discard_upload(id).await.unwrap();
        assert_eq!(kind(store.discard_upload(id).await), ErrorKind::NotFound);
        assert_eq!(end_of(&store, id).await, Some(UploadEnd::Discarded));
    }
    assert!(store.uploads().await.unwrap().is_empty());
    assert_eq!(kind(upload.publish().await), ErrorKind::UploadGone);
    assert!(listed(&alice, "/").await.is_empty());
}

pub async fn each_published_upload_waits_for_its_record_once(store: Made) {
    let bench = Bench::new(store.clone()).await;
    let alice = bench.alice().await;
    put(&alice, "/old", b"old").await;
    let earlier: Vec<_> = store.unrecorded().await.unwrap().iter().map(|p| p.id).collect();
    store.recorded(&earlier).await.unwrap();
    assert!(store.unrecorded().await.unwrap().is_empty());

    let upload = begin(&alice, "/old", over()).await;
    write(&upload, 1, b"LD and more").await;
    let published = upload.close(b"evidence").await.unwrap().published.unwrap();
    let gone = begin(&alice, "/gone", fresh()).await;
    write(&gone, 0, b"x").await;
    gone.discard().await.unwrap();
    let reserved = begin(&alice, "/taken", exclusive()).await;
    put(&bench.colleague().await, "/taken", b"first").await;
    assert_eq!(kind(reserved.publish().await), ErrorKind::AlreadyExists);
    reserved.discard().await.unwrap();

    let waiting = store.unrecorded().await.unwrap();
    assert_eq!(waiting.len(), 2);
    assert_eq!(waiting[0], *published);
    assert_eq!((published.path.clone(), published.size), (p("/alice/old"), 12));
    assert_eq!(
        (published.note.as_slice(), published.replaced),
        (b"evidence".as_slice(), true)
    );
    assert_eq!((published.facts.received, published.facts.carried), (11, 1));
    assert_eq!(waiting[1].owner.0, 2);
    store.recorded(&[published.id, gone.id()]).await.unwrap();
    store.recorded(&[published.id]).await.unwrap();
    let waiting = store.unrecorded().await.unwrap();
    assert_eq!(waiting.iter().map(|p| p.owner.0).collect::<Vec<_>>(), [2]);
}

pub async fn what_has_no_name_yet_cannot_be_linked(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    put(&alice, "/f", b"old").await;
    let upload = begin(&alice, "/f", fresh()).await;
    let created = begin(&alice, "/new", fresh()).await;
    for name in ["/f", "/new"] {
        let linked = alice.hard_link(&p(name), &p("/link")).await;
        assert_eq!(kind(linked), ErrorKind::Busy, "{name}");
    }
    colleague.hard_link(&p("/f"), &p("/theirs")).await.unwrap();
    upload.publish().await.unwrap();
    created.publish().await.unwrap();
    alice.hard_link(&p("/f"), &p("/link")).await.unwrap();
    assert_eq!(get(&alice, "/link").await.unwrap(), b"");
    assert_eq!(get(&alice, "/theirs").await.unwrap(), b"old");
}
