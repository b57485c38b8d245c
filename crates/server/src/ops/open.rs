//! OPEN (draft-ietf-secsh-filexfer-02 §6.3): flags → what is opened in the store.
//!
//! | flags | file exists | file is missing |
//! |---|---|---|
//! | no WRITE | read | CREAT: upload of an empty file, else no such file |
//! | CREAT + EXCL | taken | upload, name reserved |
//! | TRUNC | upload from nothing | CREAT: upload, else no such file |
//! | APPEND | edit in place at the end | CREAT: upload that grows at its end |
//! | READ + WRITE | edit in place | CREAT: upload |
//! | WRITE alone | upload over the published bytes | CREAT: upload |
//!
//! The last three continue an upload that its owner left parked. EXCL without CREAT means nothing, as in POSIX.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use longshore_sftp::{Attrs, OpenFlags, Reply};
use longshore_storage::{
    EditMode, ErrorKind, Precondition, RemotePath, StorageError, Upload, UploadBase, UploadOptions,
};

use crate::activity::Doing;
use crate::attrs::mode;
use crate::context::Context;
use crate::error::OpError;
use crate::handles::{Content, HandleId, Open, OpenFile};
use crate::replies::{Replied, ReplyTo};

pub(crate) async fn open(
    context: &Context,
    path: &[u8],
    flags: OpenFlags,
    attrs: &Attrs,
    reply: ReplyTo,
) -> Replied {
    let opened = open_file(context, path, flags, attrs).await;
    reply.reply(opened.map(|id| Reply::Handle(id.to_wire())))
}

async fn open_file(
    context: &Context,
    path: &[u8],
    flags: OpenFlags,
    attrs: &Attrs,
) -> Result<HandleId, OpError> {
    let place = context.handles.place()?;
    let (path, _) = context.path(path).await?;
    let file = open_path(context, path, flags, mode(attrs)).await?;
    if let Some(size) = attrs.size {
        file.declare(size);
    }
    Ok(context.handles.insert(place, Open::File(Arc::new(file))))
}

/// Opens a file for reading, without a handle for the client.
pub(crate) async fn for_reading(context: &Context, path: RemotePath) -> Result<OpenFile, OpError> {
    open_path(context, path, OpenFlags::READ, None).await
}

/// Begins an upload that replaces whatever has the name, without a handle for the client.
pub(crate) async fn for_upload(context: &Context, path: RemotePath, mode: u32) -> Result<OpenFile, OpError> {
    for_copy(context, path, true, mode).await
}

/// Opens the target of a copy, without a handle for the client.
pub(crate) async fn for_copy(
    context: &Context,
    path: RemotePath,
    overwrite: bool,
    mode: u32,
) -> Result<OpenFile, OpError> {
    let flags = OpenFlags::WRITE | OpenFlags::CREAT;
    let what_stands_there = if overwrite {
        OpenFlags::TRUNC
    } else {
        OpenFlags::EXCL
    };
    open_path(context, path, flags | what_stands_there, Some(mode)).await
}

/// Opens a file as the flags say.
async fn open_path(
    context: &Context,
    path: RemotePath,
    flags: OpenFlags,
    mode: Option<u32>,
) -> Result<OpenFile, OpError> {
    let busy = context.session.activity.begin(Doing::File);
    let wanted = Wanted {
        context,
        path: &path,
        flags: Flags::of(flags),
        mode,
    };
    let content = wanted.open().await?;
    let Flags { read, write, .. } = wanted.flags;
    Ok(OpenFile {
        path,
        readable: read,
        writable: write,
        content,
        written: AtomicU64::new(0),
        broken: OnceLock::new(),
        _busy: busy,
    })
}

/// The flags, one by one.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "they are the protocol's flags")]
struct Flags {
    read: bool,
    write: bool,
    append: bool,
    create: bool,
    truncate: bool,
    exclusive: bool,
}

impl Flags {
    /// Without READ and WRITE a file is opened for reading, as OpenSSH's server does.
    fn of(flags: OpenFlags) -> Self {
        let write = flags.contains(OpenFlags::WRITE);
        Self {
            read: flags.contains(OpenFlags::READ) || !write,
            write,
            append: flags.contains(OpenFlags::APPEND),
            create: flags.contains(OpenFlags::CREAT),
            truncate: flags.contains(OpenFlags::TRUNC),
            exclusive: flags.contains(OpenFlags::CREAT | OpenFlags::EXCL),
        }
    }
}

/// One OPEN: what is wanted of which path.
struct Wanted<'a> {
    context: &'a Context,
    path: &'a RemotePath,
    flags: Flags,
    mode: Option<u32>,
}

impl Wanted<'_> {
    async fn open(&self) -> Result<Content, StorageError> {
        let flags = self.flags;
        if flags.exclusive {
            return self.upload(Precondition::Absent, UploadBase::Empty).await;
        }
        if flags.write && flags.truncate {
            let precondition = if flags.create {
                Precondition::None
            } else {
                Precondition::Present
            };
            return self.upload(precondition, UploadBase::Empty).await;
        }
        let existing = if flags.write {
            self.existing_for_writing().await
        } else {
            self.for_reading().await
        };
        match existing {
            Err(error) if error.kind() == ErrorKind::NotFound && flags.create => {
                // Another session may have begun it, or published it, since: never cut that off.
                self.upload(Precondition::None, UploadBase::Published).await
            }
            other => other,
        }
    }

    async fn for_reading(&self) -> Result<Content, StorageError> {
        Ok(Content::Read(self.context.home.open_read(self.path).await?))
    }

    async fn existing_for_writing(&self) -> Result<Content, StorageError> {
        let home = &self.context.home;
        if let Some(upload) = self.parked().await? {
            return Ok(self.staged(upload));
        }
        let mode = match self.flags {
            Flags {
                append: true, read, ..
            } => EditMode::Append { readable: read },
            Flags { read: true, .. } => EditMode::ReadWrite,
            _ => return self.upload(Precondition::Present, UploadBase::Published).await,
        };
        let file = home.edit(self.path, mode).await?;
        // It joined an upload that its owner has there.
        if let Some(upload) = file.upload() {
            return Ok(self.staged(upload));
        }
        Ok(Content::Edit {
            file,
            began: SystemTime::now(),
            append: self.flags.append,
        })
    }

    async fn parked(&self) -> Result<Option<Arc<dyn Upload>>, StorageError> {
        match self.context.home.resume(self.path).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
            other => other,
        }
    }

    async fn upload(&self, precondition: Precondition, base: UploadBase) -> Result<Content, StorageError> {
        let options = UploadOptions {
            precondition,
            base,
            mode: self.mode,
            readable: self.flags.read,
        };
        Ok(self.staged(self.context.home.begin_upload(self.path, options).await?))
    }

    fn staged(&self, upload: Arc<dyn Upload>) -> Content {
        Content::Upload {
            upload,
            append: self.flags.append,
        }
    }
}
