//! The conformance suite: what every store must do, whatever it is built on.
//!
//! Each case takes a fresh, empty store. A backend calls [`storage_suite!`](crate::storage_suite) with a function
//! that makes one; wrappers call it too. Cases assert, so a failure is a panic that names the case.

pub mod attributes;
pub mod escape;
pub mod names;
pub mod parking;
pub mod uploads;
pub mod view;

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    BucketName, DirEntry, ErrorKind, Home, OwnerId, Precondition, RemotePath, Result, Store, Upload,
    UploadBase, UploadOptions, Version,
};

/// Makes a test of each case. `$make` is a function without arguments that returns `(store, guard)`: a fresh
/// `Arc<dyn Store>` and whatever must live as long as it (a temporary directory).
#[macro_export]
macro_rules! storage_suite {
    ($make:expr) => {
        $crate::storage_suite!(@module uploads $make;
            an_upload_is_invisible_to_others_until_it_is_published
            publishing_replaces_the_whole_file
            a_discarded_upload_leaves_the_old_file
            a_dead_handle_leaves_the_old_file
            a_dropped_handle_leaves_the_old_file_and_frees_its_name
            a_reserved_name_refuses_the_second_at_once
            a_reservation_refuses_whatever_stands_there
            publishing_a_reserved_name_never_replaces
            present_asks_for_a_file
            of_two_publishers_the_last_one_wins_whole
            unwritten_ranges_come_from_the_published_version
            a_size_set_on_the_upload_cuts_the_published_version_off
            writing_nothing_does_not_grow_the_file
            what_others_publish_is_no_part_of_a_new_file
            thousands_of_scattered_writes_arrive
            a_reader_of_the_upload_sees_what_would_be_published
            gaps_read_as_zeros
            publishing_keeps_the_mode_of_the_file_it_replaces
            a_mode_set_on_the_upload_wins
            publishing_writes_through_a_link
            publishing_through_a_dangling_link_makes_its_target
            publishing_breaks_hard_links
            a_read_only_target_is_honoured
            an_upload_needs_its_directory
            reading_an_upload_needs_the_right
            readers_see_the_version_that_publish_returned
            an_open_reader_keeps_its_version
            times_set_on_the_upload_survive_publishing
            offsets_beyond_all_files_are_refused
            an_ended_upload_takes_no_more_writes
            the_publish_follows_a_renamed_directory
        );
        $crate::storage_suite!(@module view $make;
            the_owner_sees_the_upload_in_every_session
            removing_the_name_discards_the_upload
            removing_the_name_discards_all_uploads_of_it
            renaming_moves_the_target_of_the_upload
            renaming_takes_the_published_file_along
            a_rename_onto_the_upload_asks_for_replace
            a_second_open_joins_and_the_last_close_publishes
            an_edit_joins_the_owners_upload
            an_append_joins_at_the_end_of_the_upload
            appends_of_two_handles_never_meet
            sessions_that_open_a_new_file_at_once_share_one_upload
            attributes_of_the_name_go_to_the_upload
            a_directory_with_a_live_upload_is_not_empty
            a_new_truncating_open_takes_the_view_over
            names_with_an_upload_are_taken_for_the_owner
        );
        $crate::storage_suite!(@module parking $make;
            a_dead_handle_leaves_its_upload_to_the_owner
            only_the_gap_free_front_is_kept
            what_comes_from_the_published_version_is_no_front
            nothing_written_leaves_nothing
            opening_for_writing_takes_a_parked_upload_up
            it_can_die_and_be_taken_up_again_and_again
            removing_and_truncating_end_it
            a_newer_publish_ends_it
            a_newer_publish_under_another_name_does_not_end_it
            renames_take_it_along
            something_renamed_onto_it_ends_it
            its_attributes_are_the_owners_to_change
            names_with_a_parked_upload_are_taken_for_the_owner
            two_parked_uploads_of_one_name_are_not_mixed
            an_acknowledged_close_survives_the_death_of_the_other_handle
            whoever_takes_over_from_a_dead_handle_publishes
            a_handle_that_was_in_use_beside_the_closed_one_leaves_the_upload_parked
            an_acknowledged_empty_file_survives_too
            what_was_synced_is_kept_and_never_expires
            the_operator_sees_and_discards_uploads
            each_published_upload_waits_for_its_record_once
            what_has_no_name_yet_cannot_be_linked
        );
        $crate::storage_suite!(@module names $make;
            directories_are_made_and_removed
            home_and_bucket_can_be_made_twice
            homes_are_not_reached_through_links
            rename_without_replace_refuses_a_taken_name
            rename_with_replace_takes_the_name_over
            a_directory_does_not_move_into_itself
            links_keep_their_text
            links_mean_what_the_user_sees
            link_loops_are_told
            hard_links_share_the_content_and_do_not_follow
            removing_a_link_leaves_its_target
            real_path_resolves_links_and_keeps_what_is_missing
            names_are_bytes
            too_long_names_are_refused
            the_root_cannot_be_moved_or_removed
            listings_come_in_pages
            kinds_that_do_not_fit_are_told
        );
        $crate::storage_suite!(@module attributes $make;
            set_stat_changes_size_mode_and_times
            set_stat_takes_a_foreign_owner_quietly
            special_mode_bits_are_dropped
            links_have_attributes_of_their_own
            edits_change_the_file_in_place
            appends_go_to_the_end
            edits_need_a_writable_file
            reads_return_whole_ranges_and_keep_the_front
            space_is_told
        );
        $crate::storage_suite!(@module escape $make;
            nothing_resolves_outside_the_home
            nothing_resolves_outside_a_deeper_home
        );
    };
    (@module $module:ident $make:expr; $($case:ident)*) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test]
                async fn $case() {
                    let (store, _guard) = ($make)();
                    $crate::suite::$module::$case(store).await;
                }
            )*
        }
    };
}

/// A bucket with some homes.
pub struct Bench {
    store: Arc<dyn Store>,
    bucket: BucketName,
}

impl Bench {
    /// A new bucket in `store`.
    pub async fn new(store: Arc<dyn Store>) -> Self {
        let bucket = BucketName::parse("suite-bucket").unwrap();
        store.create_bucket(&bucket).await.unwrap();
        Self { store, bucket }
    }

    /// The home `path`, opened for user number `owner`.
    pub async fn home(&self, path: &str, owner: i64) -> Arc<dyn Home> {
        self.store
            .open_home(&self.bucket, &p(path), OwnerId(owner))
            .await
            .unwrap()
    }

    /// Alice in `/alice`.
    pub async fn alice(&self) -> Arc<dyn Home> {
        self.home("/alice", 1).await
    }

    /// Another user of the same directory.
    pub async fn colleague(&self) -> Arc<dyn Home> {
        self.home("/alice", 2).await
    }

    /// A user whose home is the whole bucket.
    pub async fn root(&self) -> Arc<dyn Home> {
        self.home("/", 3).await
    }
}

/// A path.
#[must_use]
pub fn p(path: &str) -> RemotePath {
    RemotePath::parse(path.as_bytes()).unwrap()
}

/// `CREAT | TRUNC`.
#[must_use]
pub const fn fresh() -> UploadOptions {
    UploadOptions {
        precondition: Precondition::None,
        base: UploadBase::Empty,
        mode: None,
        readable: false,
    }
}

/// `CREAT` without `TRUNC`, readable.
#[must_use]
pub const fn over() -> UploadOptions {
    UploadOptions {
        base: UploadBase::Published,
        readable: true,
        ..fresh()
    }
}

/// `CREAT | EXCL`.
#[must_use]
pub const fn exclusive() -> UploadOptions {
    UploadOptions {
        precondition: Precondition::Absent,
        ..fresh()
    }
}

/// Uploads a whole file.
pub async fn put(home: &Arc<dyn Home>, path: &str, data: &[u8]) -> Version {
    let upload = begin(home, path, fresh()).await;
    write(&upload, 0, data).await;
    upload.publish().await.unwrap()
}

/// Begins an upload that must work.
pub async fn begin(home: &Arc<dyn Home>, path: &str, options: UploadOptions) -> Arc<dyn Upload> {
    home.begin_upload(&p(path), options).await.unwrap()
}

/// Writes where it must work.
pub async fn write(upload: &Arc<dyn Upload>, offset: u64, data: &[u8]) {
    upload
        .write_at(offset, Bytes::copy_from_slice(data))
        .await
        .unwrap();
}

/// Reads a whole file.
///
/// # Errors
/// Those of opening and reading.
pub async fn get(home: &Arc<dyn Home>, path: &str) -> Result<Vec<u8>> {
    let file = home.open_read(&p(path)).await?;
    file.read_at(0, 1 << 20, Vec::new()).await
}

/// All entries of a directory, sorted by name.
///
/// # Errors
/// Those of listing.
pub async fn entries(home: &Arc<dyn Home>, path: &str) -> Result<Vec<DirEntry>> {
    let mut listing = home.list(&p(path)).await?;
    let mut all = Vec::new();
    loop {
        let page = listing.next_page(100).await?;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// The names in a directory, sorted.
pub async fn listed(home: &Arc<dyn Home>, path: &str) -> Vec<String> {
    let all = entries(home, path).await.unwrap();
    all.iter()
        .map(|entry| String::from_utf8_lossy(&entry.name).into_owned())
        .collect()
}

/// The kind of a failure that must be one.
#[track_caller]
pub fn kind<T>(result: Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("it worked, but must not"),
        Err(error) => error.kind(),
    }
}
