//! The operations, one file each, and the table that leads to them.

mod attributes;
mod check_file;
mod close;
mod copy_data;
mod expand_path;
mod fsync;
mod hard_link;
mod home_directory;
mod limits;
mod list;
mod make_dir;
mod names_of_ids;
mod open;
mod read;
mod read_link;
mod real_path;
mod remove;
mod remove_dir;
mod rename;
mod set_attributes;
mod space;
mod space_available;
mod symlink;
mod vendor_id;
mod write;

pub(crate) use self::close::close_file;
pub(crate) use self::open::{for_reading as open_for_reading, for_upload as open_for_copy};

use longshore_sftp::limits::{MAX_DATA_LEN, NAME_LIST_LEN};
use longshore_sftp::{CheckFile, CheckSubject, DataReply, ExtendedRequest, Request, extension};
use longshore_storage::Capabilities;

use crate::context::Context;
use crate::error::OpError;
use crate::handles::{HandleId, Handles, Open};
use crate::limits::{MAX_LOOKUP_REPLY, PATH_REPLY, SMALL_REPLY};
use crate::order::{Scope, Span};
use crate::replies::{Replied, ReplyTo};

/// Performs a request and answers it.
pub(crate) async fn perform(context: &Context, request: Request, reply: ReplyTo) -> Replied {
    match request {
        Request::Open { path, flags, attrs } => open::open(context, &path, flags, &attrs, reply).await,
        Request::Close { handle } => close::close(context, &handle, reply).await,
        Request::Read { handle, offset, len } => read::read(context, &handle, offset, len, reply).await,
        Request::Write { handle, offset, data } => write::write(context, &handle, offset, data, reply).await,
        Request::LStat { path } => attributes::lstat(context, &path, reply).await,
        Request::Stat { path } => attributes::stat(context, &path, reply).await,
        Request::FStat { handle } => attributes::fstat(context, &handle, reply).await,
        Request::SetStat { path, attrs } => set_attributes::setstat(context, &path, &attrs, reply).await,
        Request::FSetStat { handle, attrs } => {
            set_attributes::fsetstat(context, &handle, &attrs, reply).await
        }
        Request::OpenDir { path } => list::opendir(context, &path, reply).await,
        Request::ReadDir { handle } => list::readdir(context, &handle, reply).await,
        Request::Remove { path } => remove::remove(context, &path, reply).await,
        Request::MkDir { path, attrs } => make_dir::mkdir(context, &path, &attrs, reply).await,
        Request::RmDir { path } => remove_dir::rmdir(context, &path, reply).await,
        Request::RealPath { path } => real_path::real_path(context, &path, reply).await,
        Request::Rename { old_path, new_path } => rename::rename(context, &old_path, &new_path, reply).await,
        Request::ReadLink { path } => read_link::read_link(context, &path, reply).await,
        Request::SymLink {
            target_path,
            link_path,
        } => symlink::symlink(context, &target_path, &link_path, reply).await,
        Request::Extended(request) => extended(context, request, reply).await,
    }
}

/// The extensions of OpenSSH's PROTOCOL and of the drafts that we speak.
async fn extended(context: &Context, request: ExtendedRequest, reply: ReplyTo) -> Replied {
    match request {
        ExtendedRequest::PosixRename { old_path, new_path } => {
            rename::posix_rename(context, &old_path, &new_path, reply).await
        }
        ExtendedRequest::StatVfs { path } => space::statvfs(context, &path, reply).await,
        ExtendedRequest::FStatVfs { handle } => space::fstatvfs(context, &handle, reply).await,
        ExtendedRequest::HardLink { old_path, new_path } => {
            hard_link::hard_link(context, &old_path, &new_path, reply).await
        }
        ExtendedRequest::FSync { handle } => fsync::fsync(context, &handle, reply).await,
        ExtendedRequest::LSetStat { path, attrs } => {
            set_attributes::lsetstat(context, &path, &attrs, reply).await
        }
        ExtendedRequest::Limits => limits::limits(context, reply),
        ExtendedRequest::ExpandPath { path } => expand_path::expand_path(context, &path, reply).await,
        ExtendedRequest::HomeDirectory { username } => {
            home_directory::home_directory(context, &username, reply)
        }
        ExtendedRequest::CopyData {
            read_from,
            read_offset,
            read_len,
            write_to,
            write_offset,
        } => {
            let wanted = copy_data::CopyData {
                read_from,
                read_offset,
                read_len,
                write_to,
                write_offset,
            };
            copy_data::copy_data(context, &wanted, reply).await
        }
        ExtendedRequest::UsersGroupsById { uids, gids } => {
            names_of_ids::users_groups_by_id(context, &uids, &gids, reply).await
        }
        ExtendedRequest::CheckFile(wanted) => check_file::check_file(context, &wanted, reply).await,
        ExtendedRequest::CopyFile {
            source_path,
            target_path,
            overwrite,
        } => copy_data::copy_file(context, &source_path, &target_path, overwrite, reply).await,
        ExtendedRequest::SpaceAvailable { path } => {
            space_available::space_available(context, &path, reply).await
        }
        ExtendedRequest::VendorId(client) => vendor_id::vendor_id(context, &client, reply),
        ExtendedRequest::Unknown { .. } => reply.status(Err(OpError::Unsupported)),
    }
}

/// The extensions that VERSION announces for a store that can do `can`.
pub(crate) fn extensions(can: Capabilities) -> impl Iterator<Item = &'static str> {
    [
        (extension::POSIX_RENAME, can.atomic_replace),
        (extension::STATVFS, can.space),
        (extension::FSTATVFS, can.space),
        (extension::HARDLINK, can.hard_links),
        (extension::FSYNC, can.sync),
        (extension::LSETSTAT, can.attributes),
        (extension::LIMITS, true),
        (extension::EXPAND_PATH, true),
        (extension::COPY_DATA, true),
        (extension::HOME_DIRECTORY, true),
        (extension::USERS_GROUPS_BY_ID, can.attributes),
        (extension::CHECK_FILE, true),
        (extension::CHECK_FILE_HANDLE, true),
        (extension::CHECK_FILE_NAME, true),
        (extension::COPY_FILE, true),
        (extension::SPACE_AVAILABLE, can.space),
    ]
    .into_iter()
    .filter_map(|(name, possible)| possible.then_some(name))
}

/// What VERSION says of us.
pub(crate) fn vendor() -> longshore_sftp::Extension {
    vendor_id::ours().to_extension()
}

/// What a request touches, which decides what it waits for.
pub(crate) fn scope(request: &Request, handles: &Handles) -> Scope {
    use ExtendedRequest as Ext;
    let on = |handle, span| HandleId::from_wire(handle).map_or(Scope::Nothing, |id| Scope::Handle(id, span));
    match request {
        Request::Read { handle, offset, .. } => on(handle, Span::Read { start: *offset }),
        // Appended bytes go where the write before them ended.
        Request::Write { handle, .. } if appends(handles, handle) => on(handle, Span::Whole),
        Request::Write { handle, offset, data } => on(handle, Span::write(*offset, data.len())),
        Request::Close { handle }
        | Request::FStat { handle }
        | Request::FSetStat { handle, .. }
        | Request::ReadDir { handle }
        | Request::Extended(Ext::FStatVfs { handle } | Ext::FSync { handle }) => on(handle, Span::Whole),
        Request::Extended(Ext::CheckFile(CheckFile {
            subject: CheckSubject::Handle(handle) | CheckSubject::OldHandle(handle),
            ..
        })) => on(handle, Span::Whole),
        Request::Extended(
            Ext::Limits
            | Ext::HomeDirectory { .. }
            | Ext::UsersGroupsById { .. }
            | Ext::VendorId(_)
            | Ext::Unknown { .. },
        ) => Scope::Nothing,
        Request::Open { .. }
        | Request::LStat { .. }
        | Request::SetStat { .. }
        | Request::OpenDir { .. }
        | Request::Remove { .. }
        | Request::MkDir { .. }
        | Request::RmDir { .. }
        | Request::RealPath { .. }
        | Request::Stat { .. }
        | Request::Rename { .. }
        | Request::ReadLink { .. }
        | Request::SymLink { .. }
        | Request::Extended(
            Ext::PosixRename { .. }
            | Ext::StatVfs { .. }
            | Ext::HardLink { .. }
            | Ext::LSetStat { .. }
            | Ext::ExpandPath { .. }
            // Two handles: rare, and simplest alone.
            | Ext::CopyData { .. }
            | Ext::CheckFile(_)
            | Ext::CopyFile { .. }
            | Ext::SpaceAvailable { .. },
        ) => Scope::Everything,
    }
}

/// Most bytes that the reply to a request takes: room for it is set aside before the request runs.
pub(crate) fn worst_reply(request: &Request) -> usize {
    match request {
        Request::Read { len, .. } => DataReply::HEADER_LEN + MAX_DATA_LEN.min(*len as usize).max(SMALL_REPLY),
        Request::ReadDir { .. } => NAME_LIST_LEN,
        Request::RealPath { .. }
        | Request::ReadLink { .. }
        | Request::Extended(ExtendedRequest::ExpandPath { .. }) => PATH_REPLY,
        Request::Extended(ExtendedRequest::CheckFile(wanted)) => check_file::worst_reply(wanted),
        Request::Extended(ExtendedRequest::UsersGroupsById { uids, gids }) => {
            // Each is a length and at most the user's name.
            SMALL_REPLY + (uids.len() + gids.len()) * MAX_LOOKUP_REPLY
        }
        _ => SMALL_REPLY,
    }
}

/// Whether a request does nothing but tell something: for nothing, if nobody hears the reply.
pub(crate) fn only_tells(request: &Request) -> bool {
    use ExtendedRequest as Ext;
    match request {
        Request::Read { .. }
        | Request::LStat { .. }
        | Request::Stat { .. }
        | Request::FStat { .. }
        | Request::OpenDir { .. }
        | Request::ReadDir { .. }
        | Request::RealPath { .. }
        | Request::ReadLink { .. }
        | Request::Extended(
            Ext::StatVfs { .. }
            | Ext::FStatVfs { .. }
            | Ext::Limits
            | Ext::ExpandPath { .. }
            | Ext::HomeDirectory { .. }
            | Ext::UsersGroupsById { .. }
            | Ext::CheckFile(_)
            | Ext::SpaceAvailable { .. }
            | Ext::VendorId(_),
        ) => true,
        Request::Open { .. }
        | Request::Close { .. }
        | Request::Write { .. }
        | Request::SetStat { .. }
        | Request::FSetStat { .. }
        | Request::Remove { .. }
        | Request::MkDir { .. }
        | Request::RmDir { .. }
        | Request::Rename { .. }
        | Request::SymLink { .. }
        | Request::Extended(
            Ext::PosixRename { .. }
            | Ext::HardLink { .. }
            | Ext::FSync { .. }
            | Ext::LSetStat { .. }
            | Ext::CopyData { .. }
            | Ext::CopyFile { .. }
            | Ext::Unknown { .. },
        ) => false,
    }
}

fn appends(handles: &Handles, handle: &longshore_sftp::Handle) -> bool {
    matches!(handles.get(handle), Ok(Open::File(file)) if file.appends())
}
