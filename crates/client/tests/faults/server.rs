//! An SFTP server over a stream in memory, with one fault.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use longshore_sftp::{
    Attrs, CheckSubject, ExtendedReply, ExtendedRequest, FileHashes, FileKind, FrameDecoder, Handle, Limits,
    NameEntry, OpenFlags, Reply, Request, RequestId, Status, StatusCode, Version, extension,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::chance::Chance;
use crate::files::{Files, Node, normal, parent};
use crate::kinds::Fault;

/// The server, for one channel.
pub struct Server {
    pub files: Files,
    pub fault: Fault,
    pub chance: Chance,
    /// How often the fault has shown.
    pub fired: Arc<AtomicU64>,
    /// Files that hold true names for `HostileNames`.
    pub hostile: Vec<Vec<u8>>,
    handles: HashMap<Vec<u8>, Open>,
    next_handle: u64,
    handle_limit: usize,
    data_limit: u32,
    sent: u64,
    received: u64,
    cut_at: u64,
    held: Vec<Bytes>,
    answered: u64,
    fault_at: u64,
}

struct Open {
    path: Vec<u8>,
    listing: Option<Vec<NameEntry>>,
    flags: OpenFlags,
}

/// What to do with the line after a packet.
enum Next {
    Go,
    Cut,
    Stop,
}

impl Server {
    pub fn new(files: Files, fault: Fault, mut chance: Chance, fired: Arc<AtomicU64>, size: u64) -> Self {
        Self {
            files,
            fault,
            fired,
            hostile: Vec::new(),
            handles: HashMap::new(),
            next_handle: 1,
            handle_limit: match fault {
                Fault::FewHandles => 1 + chance.index(4),
                _ => usize::MAX,
            },
            data_limit: match fault {
                Fault::TinyPackets => 512 + u32::try_from(chance.below(4096)).expect("small"),
                _ => 255 * 1024,
            },
            sent: 0,
            received: 0,
            cut_at: 40 + chance.below(size + 400),
            held: Vec::new(),
            answered: 0,
            fault_at: chance.below(8),
            chance,
        }
    }

    /// Serves until the client goes or the fault ends it.
    pub async fn serve(mut self, mut stream: DuplexStream) {
        let mut decoder = FrameDecoder::default();
        let mut greeted = false;
        loop {
            let mut buffer = vec![0; 64 * 1024];
            let read = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut buffer)).await;
            let len = match read {
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(len)) => len,
                Err(_) => {
                    if self.flush_held(&mut stream).await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            buffer.truncate(len);
            self.received += len as u64;
            if matches!(self.fault, Fault::ResetReceiving | Fault::StalledWindow)
                && self.received >= self.cut_at
            {
                self.fire();
                if self.fault == Fault::StalledWindow {
                    std::future::pending::<()>().await;
                }
                return;
            }
            let mut chunk = Bytes::from(buffer);
            while let Some(packet) = decoder.next_packet(&mut chunk).expect("the client sends packets") {
                if !greeted {
                    greeted = true;
                    let version = self.version().to_packet().expect("short");
                    if stream.write_all(&version).await.is_err() {
                        return;
                    }
                    continue;
                }
                let (id, request) = Request::decode(packet).expect("the client sends requests");
                match self.answer(&mut stream, id, request).await {
                    Ok(Next::Go) => {}
                    Ok(Next::Cut) | Err(_) => return,
                    Ok(Next::Stop) => std::future::pending().await,
                }
            }
        }
    }

    fn version(&self) -> Version {
        let mut names = vec![extension::POSIX_RENAME, extension::LIMITS, extension::FSYNC];
        match self.fault {
            Fault::NoExtensions => names.clear(),
            Fault::CorruptRead | Fault::CorruptWrite => names.push(extension::CHECK_FILE_NAME),
            _ => {}
        }
        Version::v3(names)
    }

    fn fire(&self) {
        self.fired.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the fault shows now: not with the first request that it could show with, and not with every later one.
    fn now(&mut self) -> bool {
        self.answered += 1;
        if self.answered > self.fault_at {
            self.fire();
            return true;
        }
        false
    }

    async fn answer(
        &mut self,
        stream: &mut DuplexStream,
        id: RequestId,
        request: Request,
    ) -> std::io::Result<Next> {
        let is_read = matches!(request, Request::Read { .. });
        let asked = match &request {
            Request::Read { len, .. } => *len,
            _ => 0,
        };
        if self.fault == Fault::Silence && self.now() {
            return Ok(Next::Stop);
        }
        let mut reply = self.reply(request);
        let fault = self.fault;
        match fault {
            Fault::Garbage if self.now() => {
                let noise = self.chance.bytes(300);
                stream.write_all(&noise).await?;
                return Ok(Next::Go);
            }
            Fault::Trickle if self.now() => return self.trickle(stream).await,
            Fault::UnknownId if self.now() => {
                let other = RequestId(id.0.wrapping_add(1_000_000));
                self.send(stream, encode(&reply, other)).await?;
            }
            Fault::WrongType if self.now() => {
                reply = match reply {
                    Reply::Handle(_) => Reply::Attrs(Attrs::default()),
                    Reply::Attrs(_) => Reply::Handle(Handle::from(7)),
                    Reply::Data(_) => Reply::Name(Vec::new()),
                    _ => Reply::Data(Bytes::from_static(b"?")),
                };
            }
            Fault::OkForRead if is_read && self.now() => reply = Reply::status(StatusCode::OK),
            Fault::TooMuchData if is_read && self.now() => {
                reply = Reply::Data(self.chance.bytes(asked as usize + 1).into());
            }
            Fault::WrongLength if is_read && self.now() => {
                let mut packet = encode(&reply, id).to_vec();
                if packet[4] == 103 {
                    packet[9..13].copy_from_slice(&0x7fff_ffff_u32.to_be_bytes());
                }
                self.send(stream, packet.into()).await?;
                return Ok(Next::Go);
            }
            _ => {}
        }
        let packet = encode(&reply, id);
        if self.fault == Fault::OutOfOrder {
            self.held.push(packet);
            if self.held.len() > 6 {
                self.flush_held(stream).await?;
            }
            return Ok(Next::Go);
        }
        if self.fault == Fault::ResetSending && self.sent + packet.len() as u64 >= self.cut_at {
            self.fire();
            let left = usize::try_from(self.cut_at.saturating_sub(self.sent)).expect("short");
            stream.write_all(&packet[..left.min(packet.len())]).await?;
            return Ok(Next::Cut);
        }
        self.send(stream, packet.clone()).await?;
        if self.fault == Fault::DuplicateId && self.now() {
            self.send(stream, packet).await?;
        }
        Ok(Next::Go)
    }

    async fn send(&mut self, stream: &mut DuplexStream, packet: Bytes) -> std::io::Result<()> {
        self.sent += packet.len() as u64;
        stream.write_all(&packet).await
    }

    async fn flush_held(&mut self, stream: &mut DuplexStream) -> std::io::Result<()> {
        if self.held.len() > 1 {
            self.fire();
        }
        while !self.held.is_empty() {
            let index = self.chance.index(self.held.len());
            let packet = self.held.swap_remove(index);
            stream.write_all(&packet).await?;
        }
        Ok(())
    }

    /// A packet that never ends.
    async fn trickle(&mut self, stream: &mut DuplexStream) -> std::io::Result<Next> {
        stream.write_all(&200_000_u32.to_be_bytes()).await?;
        loop {
            stream.write_all(b"g").await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn reply(&mut self, request: Request) -> Reply {
        match request {
            Request::Open { path, flags, attrs } => self.open(&path, flags, &attrs),
            Request::Close { handle } => self.close(&handle),
            Request::Read { handle, offset, len } => self.read(&handle, offset, len),
            Request::Write { handle, offset, data } => self.write(&handle, offset, &data),
            Request::LStat { path } | Request::Stat { path } => self.look(&normal(&path)),
            Request::FStat { handle } => match self.handles.get(&handle.as_bytes()[..]) {
                Some(open) => self.look(&open.path.clone()),
                None => failure(),
            },
            Request::SetStat { path, attrs } => self.set_stat(&normal(&path), &attrs),
            Request::FSetStat { handle, attrs } => match self.handles.get(&handle.as_bytes()[..]) {
                Some(open) => self.set_stat(&open.path.clone(), &attrs),
                None => failure(),
            },
            Request::OpenDir { path } => self.open_dir(&normal(&path)),
            Request::ReadDir { handle } => self.read_dir(&handle),
            Request::Remove { path } => match self.files.lock().remove(&normal(&path)) {
                Some(_) => Reply::status(StatusCode::OK),
                None => Reply::status(StatusCode::NO_SUCH_FILE),
            },
            Request::MkDir { path, .. } => {
                let mut files = self.files.lock();
                if files.contains_key(&normal(&path)) {
                    return failure();
                }
                files.insert(normal(&path), Node::directory());
                Reply::status(StatusCode::OK)
            }
            Request::RealPath { path } => Reply::path(path),
            Request::Rename { old_path, new_path } => self.rename(&old_path, &new_path, false),
            Request::Extended(ExtendedRequest::PosixRename { old_path, new_path }) => {
                self.rename(&old_path, &new_path, true)
            }
            Request::Extended(ExtendedRequest::Limits) => Reply::Extended(ExtendedReply::Limits(Limits {
                max_packet_len: u64::from(self.data_limit) + 1024,
                max_read_len: u64::from(self.data_limit),
                max_write_len: u64::from(self.data_limit),
                max_open_handles: 0,
            })),
            Request::Extended(ExtendedRequest::FSync { .. }) => Reply::status(StatusCode::OK),
            Request::Extended(ExtendedRequest::CheckFile(check)) => self.check_file(&check),
            _ => Reply::status(StatusCode::OP_UNSUPPORTED),
        }
    }

    fn open(&mut self, path: &[u8], flags: OpenFlags, attrs: &Attrs) -> Reply {
        let path = normal(path);
        if self.handles.len() >= self.handle_limit {
            self.fire();
            return failure();
        }
        {
            let mut files = self.files.lock();
            let there = files.get(&path).map(|node| node.kind);
            match there {
                Some(FileKind::Directory) => return failure(),
                Some(_) if flags.contains(OpenFlags::CREAT | OpenFlags::EXCL) => return failure(),
                Some(_) if flags.contains(OpenFlags::TRUNC) => {
                    files.get_mut(&path).expect("there").data.clear();
                }
                Some(_) => {}
                None if flags.contains(OpenFlags::CREAT) => {
                    let mut node = Node::file(Vec::new());
                    node.mode = attrs.permissions.unwrap_or(0o644) & 0o777;
                    files.insert(path.clone(), node);
                }
                None => return Reply::status(StatusCode::NO_SUCH_FILE),
            }
        }
        self.new_handle(Open {
            path,
            listing: None,
            flags,
        })
    }

    fn new_handle(&mut self, open: Open) -> Reply {
        let number = self.next_handle;
        self.next_handle += 1;
        let bytes = if self.fault == Fault::BinaryHandles {
            self.fire();
            let mut bytes = number.to_be_bytes().to_vec();
            let more = self.chance.index(249);
            bytes.extend(self.chance.bytes(more));
            bytes
        } else {
            number.to_string().into_bytes()
        };
        self.handles.insert(bytes.clone(), open);
        Reply::Handle(Handle::new(bytes).expect("short"))
    }

    fn close(&mut self, handle: &Handle) -> Reply {
        let Some(open) = self.handles.remove(&handle.as_bytes()[..]) else {
            return failure();
        };
        if self.fault == Fault::FailedClose && open.flags.contains(OpenFlags::WRITE) {
            self.fire();
            return failure();
        }
        Reply::status(StatusCode::OK)
    }

    fn read(&mut self, handle: &Handle, offset: u64, len: u32) -> Reply {
        let Some(open) = self.handles.get(&handle.as_bytes()[..]) else {
            return failure();
        };
        let path = open.path.clone();
        if self.fault == Fault::EarlyEof && self.now() {
            return Reply::status(StatusCode::EOF);
        }
        if self.fault == Fault::MovingSource && self.now() {
            // once: a file that grows with every look never ends
            self.fault_at = u64::MAX;
            if let Some(node) = self.files.lock().get_mut(&path) {
                node.data.push(b'!');
                node.times.1 += 1;
            }
        }
        let mut data = {
            let files = self.files.lock();
            let Some(node) = files.get(&path) else {
                return failure();
            };
            let start = usize::try_from(offset).expect("small").min(node.data.len());
            let end = (start + len.min(self.data_limit) as usize).min(node.data.len());
            node.data[start..end].to_vec()
        };
        if data.is_empty() {
            return Reply::status(StatusCode::EOF);
        }
        let fault = self.fault;
        match fault {
            Fault::ShortReads if data.len() > 1 => {
                self.fire();
                let keep = 1 + self.chance.index(data.len() - 1);
                data.truncate(keep);
            }
            Fault::CorruptRead if self.now() => {
                let at = self.chance.index(data.len());
                data[at] ^= 1;
            }
            _ => {}
        }
        Reply::Data(data.into())
    }

    fn write(&mut self, handle: &Handle, offset: u64, data: &[u8]) -> Reply {
        let Some(open) = self.handles.get(&handle.as_bytes()[..]) else {
            return failure();
        };
        let path = open.path.clone();
        if data.len() > self.data_limit as usize {
            return Reply::status(StatusCode::BAD_MESSAGE);
        }
        if self.fault == Fault::FailedWrite && self.now() {
            return Reply::status(Status::new(StatusCode::FAILURE, "No space left on device"));
        }
        let mut data = data.to_vec();
        let fault = self.fault;
        match fault {
            Fault::CorruptWrite if self.now() => {
                let at = self.chance.index(data.len());
                data[at] ^= 1;
            }
            Fault::LostWrite => {
                // the end of every write is not there
                self.fire();
                data.pop();
            }
            _ => {}
        }
        let mut files = self.files.lock();
        let Some(node) = files.get_mut(&path) else {
            return failure();
        };
        let start = usize::try_from(offset).expect("small");
        if node.data.len() < start + data.len() {
            node.data.resize(start + data.len(), 0);
        }
        node.data[start..start + data.len()].copy_from_slice(&data);
        Reply::status(StatusCode::OK)
    }

    fn look(&self, path: &[u8]) -> Reply {
        if path.is_empty() {
            return Reply::Attrs(Node::directory().attrs());
        }
        match self.files.lock().get(path) {
            Some(node) => Reply::Attrs(node.attrs()),
            None => Reply::status(StatusCode::NO_SUCH_FILE),
        }
    }

    fn set_stat(&mut self, path: &[u8], attrs: &Attrs) -> Reply {
        if self.fault == Fault::RefusedSetStat {
            self.fire();
            return match self.chance.below(3) {
                0 => Reply::status(StatusCode::OP_UNSUPPORTED),
                1 => Reply::status(StatusCode::PERMISSION_DENIED),
                _ => failure(),
            };
        }
        let mut files = self.files.lock();
        let Some(node) = files.get_mut(path) else {
            return Reply::status(StatusCode::NO_SUCH_FILE);
        };
        if let Some(size) = attrs.size {
            node.data.resize(usize::try_from(size).expect("small"), 0);
        }
        node.times = attrs.times.unwrap_or(node.times);
        node.mode = attrs.permissions.unwrap_or(node.mode) & 0o7777;
        Reply::status(StatusCode::OK)
    }

    fn open_dir(&mut self, path: &[u8]) -> Reply {
        let entries: Vec<_> = {
            let files = self.files.lock();
            if !path.is_empty()
                && files
                    .get(path)
                    .is_none_or(|node| node.kind != FileKind::Directory)
            {
                return Reply::status(StatusCode::NO_SUCH_FILE);
            }
            files
                .iter()
                .filter(|(name, _)| parent(name) == path && !name.is_empty())
                .map(|(name, node)| (name[path.len()..].to_vec(), node.attrs()))
                .collect()
        };
        let mut names: Vec<_> = entries
            .into_iter()
            .map(|(name, attrs)| entry(name.strip_prefix(b"/").unwrap_or(&name), attrs))
            .collect();
        if self.fault == Fault::HostileNames {
            self.fire();
            for name in &self.hostile {
                let attrs = if self.chance.one_in(3) {
                    Node::directory().attrs()
                } else {
                    Node::file(vec![b'x'; 10]).attrs()
                };
                let at = self.chance.index(names.len() + 1);
                names.insert(at, entry(name, attrs));
            }
        }
        self.new_handle(Open {
            path: path.to_vec(),
            listing: Some(names),
            flags: OpenFlags::default(),
        })
    }

    fn read_dir(&mut self, handle: &Handle) -> Reply {
        let most = 1 + self.chance.index(20);
        let Some(Open {
            listing: Some(listing),
            ..
        }) = self.handles.get_mut(&handle.as_bytes()[..])
        else {
            return failure();
        };
        if listing.is_empty() {
            return Reply::status(StatusCode::EOF);
        }
        let rest = listing.split_off(most.min(listing.len()));
        Reply::Name(std::mem::replace(listing, rest))
    }

    fn rename(&mut self, from: &[u8], to: &[u8], replace: bool) -> Reply {
        if self.fault == Fault::FailedRename {
            self.fire();
            return Reply::status(StatusCode::PERMISSION_DENIED);
        }
        let mut files = self.files.lock();
        if !replace && files.contains_key(&normal(to)) {
            return failure();
        }
        match files.remove(&normal(from)) {
            Some(node) => {
                files.insert(normal(to), node);
                Reply::status(StatusCode::OK)
            }
            None => Reply::status(StatusCode::NO_SUCH_FILE),
        }
    }

    fn check_file(&self, check: &longshore_sftp::CheckFile) -> Reply {
        let CheckSubject::Path(path) = &check.subject else {
            return Reply::status(StatusCode::OP_UNSUPPORTED);
        };
        let files = self.files.lock();
        let Some(node) = files.get(&normal(path)) else {
            return Reply::status(StatusCode::NO_SUCH_FILE);
        };
        let len = usize::try_from(check.len).expect("small");
        let end = if len == 0 {
            node.data.len()
        } else {
            len.min(node.data.len())
        };
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &node.data[..end]);
        Reply::Extended(ExtendedReply::FileHashes(FileHashes {
            old: false,
            algorithm: Bytes::from_static(b"sha256"),
            hashes: Bytes::copy_from_slice(digest.as_ref()),
        }))
    }
}

fn entry(name: &[u8], attrs: Attrs) -> NameEntry {
    NameEntry {
        filename: Bytes::copy_from_slice(name),
        longname: Bytes::new(),
        attrs,
    }
}

fn failure() -> Reply {
    Reply::status(StatusCode::FAILURE)
}

fn encode(reply: &Reply, id: RequestId) -> Bytes {
    reply.to_packet(id).expect("short")
}
