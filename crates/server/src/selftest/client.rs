//! The client of the self-test: one request at a time, every answer looked at.

use bytes::{Bytes, BytesMut};
use longshore_sftp::{
    Attrs, ExtendedReply, ExtendedRequest, FrameDecoder, Handle, Init, NameEntry, OpenFlags, Reply, Request,
    RequestId, StatusCode, Version,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::Result;

/// Flags as most clients upload with.
pub(super) const UPLOAD: OpenFlags = OpenFlags(OpenFlags::WRITE.0 | OpenFlags::CREAT.0 | OpenFlags::TRUNC.0);

pub(super) struct Client {
    stream: DuplexStream,
    frames: FrameDecoder,
    chunk: Bytes,
    next_id: u32,
    version: Version,
    /// Handles that are open.
    open: Vec<Handle>,
}

impl Client {
    /// Greets the server.
    pub(super) async fn connect(stream: DuplexStream) -> Result<Self> {
        let mut client = Self {
            stream,
            frames: FrameDecoder::default(),
            chunk: Bytes::new(),
            next_id: 0,
            version: Version::v3([]),
            open: Vec::new(),
        };
        let init = Init::v3().to_packet().map_err(text)?;
        client.stream.write_all(&init).await.map_err(text)?;
        let packet = client.packet().await?;
        client.version = Version::decode(packet).map_err(text)?;
        match client.version.version {
            3 => Ok(client),
            other => Err(format!("the server speaks version {other}")),
        }
    }

    /// Names of the extensions in VERSION.
    pub(super) fn announced(&self) -> impl Iterator<Item = String> + use<> {
        let names = self.version.extensions.iter();
        let names: Vec<_> = names
            .map(|e| String::from_utf8_lossy(&e.name).into_owned())
            .collect();
        names.into_iter()
    }

    /// The data of an extension in VERSION.
    pub(super) fn announcement(&self, name: &str) -> Option<Bytes> {
        let mut all = self.version.extensions.iter();
        all.find(|e| e.name == name.as_bytes()).map(|e| e.data.clone())
    }

    pub(super) async fn call(&mut self, request: Request) -> Result<Reply> {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        let packet = request.to_packet(id).map_err(text)?;
        self.stream.write_all(&packet).await.map_err(text)?;
        let (answered, reply) = Reply::decode(self.packet().await?).map_err(text)?;
        if let Reply::Handle(handle) = &reply {
            self.open.push(handle.clone());
        }
        if answered == id {
            Ok(reply)
        } else {
            Err(format!("request {} was answered as {}", id.0, answered.0))
        }
    }

    async fn packet(&mut self) -> Result<Bytes> {
        loop {
            if let Some(packet) = self.frames.next_packet(&mut self.chunk).map_err(text)? {
                return Ok(packet);
            }
            let mut chunk = BytesMut::with_capacity(64 * 1024);
            if self.stream.read_buf(&mut chunk).await.map_err(text)? == 0 {
                return Err("the server ended the session".to_owned());
            }
            self.chunk = chunk.freeze();
        }
    }

    /// The code of a reply that must be STATUS.
    pub(super) async fn status(&mut self, request: Request) -> Result<StatusCode> {
        match self.call(request).await? {
            Reply::Status(status) => Ok(status.code),
            other => Err(format!("STATUS expected, got {other:?}")),
        }
    }

    /// A request that must succeed.
    pub(super) async fn ok(&mut self, what: &str, request: Request) -> Result {
        match self.call(request).await? {
            Reply::Status(status) if status.code == StatusCode::OK => Ok(()),
            Reply::Status(status) => Err(format!("{what}: {}", status.message.escape_ascii())),
            other => Err(format!("{what}: {other:?}")),
        }
    }

    /// A request that must be refused.
    pub(super) async fn refused(&mut self, what: &str, request: Request) -> Result {
        match self.call(request).await? {
            Reply::Status(status) if status.code != StatusCode::OK => Ok(()),
            other => Err(format!("{what} was not refused: {other:?}")),
        }
    }

    pub(super) async fn extended_ok(&mut self, what: &str, request: ExtendedRequest) -> Result {
        self.ok(what, Request::Extended(request)).await
    }

    /// The body of an extended reply.
    pub(super) async fn extended_body(&mut self, request: ExtendedRequest) -> Result<Bytes> {
        match self.call(Request::Extended(request)).await? {
            Reply::Extended(ExtendedReply::Raw(body)) => Ok(body),
            other => Err(format!("EXTENDED_REPLY expected, got {other:?}")),
        }
    }

    pub(super) async fn open(&mut self, name: &str, flags: OpenFlags) -> Result<Handle> {
        match self.call(open(name, flags)).await? {
            Reply::Handle(handle) => Ok(handle),
            other => Err(format!("OPEN {name}: {other:?}")),
        }
    }

    /// Closes what a check that failed has left open, so that the next one is not its victim.
    pub(super) async fn tidy(&mut self) {
        for handle in std::mem::take(&mut self.open) {
            // Whether it can be closed is the affair of the check that failed.
            let _ = self.call(Request::Close { handle }).await;
        }
    }

    pub(super) async fn close(&mut self, handle: Handle) -> Result {
        self.open.retain(|open| *open != handle);
        self.ok("CLOSE", Request::Close { handle }).await
    }

    pub(super) async fn write(&mut self, handle: &Handle, offset: u64, data: &[u8]) -> Result {
        let (handle, data) = (handle.clone(), Bytes::copy_from_slice(data));
        self.ok("WRITE", Request::Write { handle, offset, data }).await
    }

    /// One READ; empty at the end.
    pub(super) async fn read_once(&mut self, handle: &Handle, offset: u64, len: u32) -> Result<Bytes> {
        let handle = handle.clone();
        match self.call(Request::Read { handle, offset, len }).await? {
            Reply::Data(data) => Ok(data),
            Reply::Status(status) if status.code == StatusCode::EOF => Ok(Bytes::new()),
            other => Err(format!("READ: {other:?}")),
        }
    }

    /// Makes a file with this content.
    pub(super) async fn put(&mut self, name: &str, content: &[u8]) -> Result {
        let handle = self.open(name, UPLOAD).await?;
        self.write(&handle, 0, content).await?;
        self.close(handle).await
    }

    /// The content of a small file.
    pub(super) async fn get(&mut self, name: &str) -> Result<Vec<u8>> {
        let handle = self.open(name, OpenFlags::READ).await?;
        let mut content = Vec::new();
        loop {
            let piece = self.read_once(&handle, content.len() as u64, 32 * 1024).await?;
            if piece.is_empty() {
                break;
            }
            content.extend_from_slice(&piece);
        }
        self.close(handle).await?;
        Ok(content)
    }

    /// A file that must have this content.
    pub(super) async fn holds(&mut self, name: &str, expected: &[u8]) -> Result {
        let content = self.get(name).await?;
        if content == expected {
            return Ok(());
        }
        Err(format!(
            "{name} holds {} bytes that were not expected",
            content.len()
        ))
    }

    /// A name that must be free.
    pub(super) async fn is_missing(&mut self, name: &str) -> Result {
        match self.status(Request::LStat { path: bytes(name) }).await {
            Ok(StatusCode::NO_SUCH_FILE) => Ok(()),
            Ok(other) => Err(format!("{name}: {other:?}")),
            Err(_) => Err(format!("{name} is there")),
        }
    }

    pub(super) async fn stat(&mut self, name: &str) -> Result<Attrs> {
        attrs(self.call(Request::Stat { path: bytes(name) }).await?)
    }

    pub(super) async fn lstat(&mut self, name: &str) -> Result<Attrs> {
        attrs(self.call(Request::LStat { path: bytes(name) }).await?)
    }

    /// The one path of a NAME reply.
    pub(super) async fn one_path(&mut self, request: Request) -> Result<Bytes> {
        match self.call(request).await? {
            Reply::Name(names) if names.len() == 1 => Ok(names[0].filename.clone()),
            other => Err(format!("one name expected, got {other:?}")),
        }
    }

    /// All entries of a directory.
    pub(super) async fn list(&mut self, name: &str) -> Result<Vec<NameEntry>> {
        let handle = match self.call(Request::OpenDir { path: bytes(name) }).await? {
            Reply::Handle(handle) => handle,
            other => return Err(format!("OPENDIR: {other:?}")),
        };
        let mut entries = Vec::new();
        loop {
            let handle = handle.clone();
            match self.call(Request::ReadDir { handle }).await? {
                Reply::Name(names) => entries.extend(names),
                Reply::Status(status) if status.code == StatusCode::EOF => break,
                other => return Err(format!("READDIR: {other:?}")),
            }
        }
        self.close(handle).await?;
        Ok(entries)
    }
}

pub(super) fn open(name: &str, flags: OpenFlags) -> Request {
    Request::Open {
        path: bytes(name),
        flags,
        attrs: Attrs::default(),
    }
}

pub(super) fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn attrs(reply: Reply) -> Result<Attrs> {
    match reply {
        Reply::Attrs(attrs) => Ok(attrs),
        other => Err(format!("ATTRS expected, got {other:?}")),
    }
}

/// An error as a reason.
pub(super) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Why, unless it holds.
pub(super) fn ensure(holds: bool, why: &str) -> Result {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}
