//! Sends exactly the packets that a test wants, through OpenSSH's transport.

use std::collections::HashMap;
use std::process::Stdio;

use bytes::{Bytes, BytesMut};
use longshore_sftp::{
    Attrs, ExtendedReply, ExtendedRequest, FrameDecoder, Handle, Init, OpenFlags, Reply, Request, RequestId,
    StatusCode, Version,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout};

use super::{Rig, User, within};

/// An SFTP session of a client that does as it is told.
pub struct Raw {
    pub child: Child,
    pub send: Sender,
    pub receive: Receiver,
    /// What the server announced.
    pub version: Version,
}

/// Its sending half.
pub struct Sender {
    stdin: Option<ChildStdin>,
    next_id: u32,
}

/// Its receiving half.
pub struct Receiver {
    stdout: ChildStdout,
    frames: FrameDecoder,
    chunk: Bytes,
    early: HashMap<RequestId, Reply>,
}

impl Rig {
    /// Connects, without INIT.
    pub fn connect(&self, user: &User) -> Raw {
        let mut command = self.client("ssh", user);
        command
            .arg("-s")
            .arg(format!("{}@127.0.0.1", user.name))
            .arg("sftp");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let send = Sender {
            stdin: child.stdin.take(),
            next_id: 0,
        };
        let receive = Receiver {
            stdout: child.stdout.take().unwrap(),
            frames: FrameDecoder::default(),
            chunk: Bytes::new(),
            early: HashMap::new(),
        };
        Raw {
            child,
            send,
            receive,
            version: Version::v3([]),
        }
    }

    /// Connects and greets.
    pub async fn raw(&self, user: &User) -> Raw {
        let mut raw = self.connect(user);
        raw.send.bytes(&Init::v3().to_packet().unwrap()).await;
        let packet = raw.receive.packet().await.expect("a VERSION packet");
        raw.version = Version::decode(packet).unwrap();
        raw
    }
}

impl Raw {
    /// Sends a request and waits for its reply.
    pub async fn call(&mut self, request: Request) -> Reply {
        let id = self.send.request(&request).await;
        self.receive.reply(id).await
    }

    /// As [`Self::call`], for a reply that must be STATUS.
    pub async fn status(&mut self, request: Request) -> StatusCode {
        status_code(&self.call(request).await)
    }

    /// Opens a file, which must work.
    pub async fn open(&mut self, path: &str, flags: OpenFlags) -> Handle {
        match self.call(open(path, flags)).await {
            Reply::Handle(handle) => handle,
            other => panic!("OPEN {path}: {other:?}"),
        }
    }

    /// Closes a handle.
    pub async fn close(&mut self, handle: &Handle) -> StatusCode {
        self.status(Request::Close {
            handle: handle.clone(),
        })
        .await
    }

    /// Reads once.
    pub async fn read(&mut self, handle: &Handle, offset: u64, len: u32) -> Reply {
        self.call(read(handle, offset, len)).await
    }

    /// Writes once.
    pub async fn write(&mut self, handle: &Handle, offset: u64, data: &[u8]) -> StatusCode {
        self.status(write(handle, offset, data)).await
    }

    /// An extended request.
    pub async fn extended(&mut self, request: ExtendedRequest) -> Reply {
        self.call(Request::Extended(request)).await
    }

    /// Attributes of a path.
    pub async fn stat(&mut self, path: &str) -> Result<Attrs, StatusCode> {
        match self.call(Request::Stat { path: bytes(path) }).await {
            Reply::Attrs(attrs) => Ok(attrs),
            other => Err(status_code(&other)),
        }
    }

    /// Says that no more requests come and waits for the end.
    pub async fn finish(mut self) -> std::process::Output {
        self.send.stdin = None;
        within(self.child.wait_with_output()).await.unwrap()
    }

    /// Waits for the server to end the session; what the client wrote to stderr.
    pub async fn ended(self) -> String {
        let Self { child, send, .. } = self;
        let output = within(child.wait_with_output()).await.unwrap();
        drop(send);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

impl Sender {
    /// Sends any bytes.
    pub async fn bytes(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("not finished");
        within(async {
            stdin.write_all(bytes).await.unwrap();
            stdin.flush().await.unwrap();
        })
        .await;
    }

    /// Where the bytes go.
    pub fn stdin(&mut self) -> &mut ChildStdin {
        self.stdin.as_mut().expect("not finished")
    }

    /// Sends a request and does not wait for anything.
    pub async fn request(&mut self, request: &Request) -> RequestId {
        let (id, packet) = self.encode(request);
        self.bytes(&packet).await;
        id
    }

    /// Sends requests back to back.
    pub async fn requests(&mut self, requests: &[Request]) -> Vec<RequestId> {
        let mut all = BytesMut::new();
        let mut ids = Vec::new();
        for request in requests {
            let (id, packet) = self.encode(request);
            all.extend_from_slice(&packet);
            ids.push(id);
        }
        self.bytes(&all).await;
        ids
    }

    /// A packet with an id of its own.
    pub fn encode(&mut self, request: &Request) -> (RequestId, Bytes) {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        (id, request.to_packet(id).unwrap())
    }
}

impl Receiver {
    /// The reply to `id`; those to other requests are kept for later.
    pub async fn reply(&mut self, id: RequestId) -> Reply {
        loop {
            if let Some(reply) = self.early.remove(&id) {
                return reply;
            }
            let (other, reply) = self.next().await.expect("the session goes on");
            assert!(
                self.early.insert(other, reply).is_none(),
                "two replies to one request"
            );
        }
    }

    /// The next reply, whatever it answers; `None` at the end of the session.
    pub async fn next(&mut self) -> Option<(RequestId, Reply)> {
        self.packet().await.map(|packet| Reply::decode(packet).unwrap())
    }

    /// The next packet.
    pub async fn packet(&mut self) -> Option<Bytes> {
        loop {
            if let Some(packet) = self.frames.next_packet(&mut self.chunk).unwrap() {
                return Some(packet);
            }
            let mut chunk = BytesMut::with_capacity(64 * 1024);
            if within(self.stdout.read_buf(&mut chunk)).await.unwrap() == 0 {
                return None;
            }
            self.chunk = chunk.freeze();
        }
    }
}

pub fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

pub fn open(path: &str, flags: OpenFlags) -> Request {
    Request::Open {
        path: bytes(path),
        flags,
        attrs: Attrs::default(),
    }
}

pub fn read(handle: &Handle, offset: u64, len: u32) -> Request {
    Request::Read {
        handle: handle.clone(),
        offset,
        len,
    }
}

pub fn write(handle: &Handle, offset: u64, data: &[u8]) -> Request {
    Request::Write {
        handle: handle.clone(),
        offset,
        data: Bytes::copy_from_slice(data),
    }
}

pub fn close(handle: &Handle) -> Request {
    Request::Close {
        handle: handle.clone(),
    }
}

/// The code of a STATUS reply.
pub fn status_code(reply: &Reply) -> StatusCode {
    match reply {
        Reply::Status(status) => status.code,
        other => panic!("not a status: {other:?}"),
    }
}

/// The text of a STATUS reply.
pub fn status_text(reply: &Reply) -> String {
    match reply {
        Reply::Status(status) => String::from_utf8_lossy(&status.message).into_owned(),
        other => panic!("not a status: {other:?}"),
    }
}

/// The bytes of a DATA reply.
pub fn data(reply: Reply) -> Bytes {
    match reply {
        Reply::Data(data) => data,
        other => panic!("not data: {other:?}"),
    }
}

/// The one name of a NAME reply.
pub fn one_name(reply: &Reply) -> String {
    match reply {
        Reply::Name(names) if names.len() == 1 => String::from_utf8_lossy(&names[0].filename).into_owned(),
        other => panic!("not one name: {other:?}"),
    }
}

/// The body of an extended reply.
pub fn extended_body(reply: Reply) -> Bytes {
    match reply {
        Reply::Extended(ExtendedReply::Raw(body)) => body,
        other => panic!("not an extended reply: {other:?}"),
    }
}

/// Flags as most clients upload with.
pub const UPLOAD: OpenFlags = OpenFlags(OpenFlags::WRITE.0 | OpenFlags::CREAT.0 | OpenFlags::TRUNC.0);
