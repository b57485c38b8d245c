//! Writes the seed corpus: one packet of each kind, and streams of several. Run it in this directory after adding a
//! packet: `cargo run --example seeds`.

use std::path::Path;
use std::{fs, io};

use bytes::Bytes;
use longshore_sftp::{
    Attrs, ExtendedReply, ExtendedRequest, Handle, Init, Limits, NameEntry, OpenFlags, Reply, Request,
    RequestId, StatVfs, StatusCode, UsersGroups, Version, extension,
};

const ID: RequestId = RequestId(0x0102_0304);

fn main() -> io::Result<()> {
    let mut requests = vec![("init".to_owned(), Init::v3().to_packet().expect("short"))];
    for request in plain_requests().into_iter().chain(extended_requests()) {
        requests.push((request_name(&request), request.to_packet(ID).expect("short")));
    }
    let version = Version::v3(extension::ALL.map(|(name, _)| name)).to_packet();
    let mut replies = vec![("version".to_owned(), version.expect("short"))];
    for (name, reply) in all_replies() {
        replies.push((name.to_owned(), reply.to_packet(ID).expect("short")));
    }
    // the decoders take packets without their length
    write(
        "request_decode",
        requests
            .iter()
            .map(|(name, packet)| (name.as_str(), packet.slice(4..))),
    )?;
    write(
        "reply_decode",
        replies
            .iter()
            .map(|(name, packet)| (name.as_str(), packet.slice(4..))),
    )?;
    write("session", sessions())?;
    write("client_decode", client_texts())?;
    write("frames", streams(&requests))
}

/// What a client reads of files and proxies, behind the byte that says as what.
fn client_texts() -> Vec<(&'static str, Bytes)> {
    vec![
        ("connect", Bytes::from_static(b"\x00HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\nSSH-2.0-x\r\n")),
        ("connect_refused", Bytes::from_static(b"\x00HTTP/1.0 407 Login\nProxy-Authenticate: Basic realm=\"x\"\n\n")),
        ("known_hosts", Bytes::from_static(KNOWN_HOSTS)),
        ("target_url", Bytes::from_static(b"\x02sftp://user@[2001:db8::1]:2222/%7Ea%20b")),
        ("target_scp", Bytes::from_static(b"\x02user@host.example:path/to")),
        ("proxy", Bytes::from_static(b"\x02socks5h://name:secret@proxy.example:1080")),
        ("key_openssh", Bytes::from_static(b"\x03-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n")),
        ("key_ppk", Bytes::from_static(b"\x03PuTTY-User-Key-File-3: ssh-ed25519\r\nEncryption: none\r\nComment: x\r\nPublic-Lines: 1\r\nAAAA\r\n")),
    ]
}

const KNOWN_HOSTS: &[u8] = b"\x01# comment\nhost.example,192.0.2.* ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\
    |1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-rsa AAAA\n\
    @cert-authority !bad.example,*.example ssh-ed25519 AAAA\n@revoked * ssh-ed25519 AAAA\n[host.example]:2222 ecdsa-sha2-nistp256 AAAA\n";

/// What clients do, as the stream behind INIT. A session's first handle is 0, the next one 1.
fn sessions() -> Vec<(&'static str, Bytes)> {
    let name = Bytes::from_static;
    let open = |path, flags| Request::Open {
        path: name(path),
        flags,
        attrs: Attrs::default(),
    };
    let write = |handle, offset, data| Request::Write {
        handle: Handle::from(handle),
        offset,
        data: name(data),
    };
    let read = |handle, offset| Request::Read {
        handle: Handle::from(handle),
        offset,
        len: 32_768,
    };
    let close = |handle| Request::Close {
        handle: Handle::from(handle),
    };
    let upload = OpenFlags::WRITE | OpenFlags::CREAT | OpenFlags::TRUNC;
    vec![
        // OpenSSH's sftp: put, then get
        (
            "put-get",
            stream(&[
                Request::RealPath { path: name(b".") },
                open(b"/new", upload),
                write(0, 0, b"first "),
                write(0, 6, b"second"),
                close(0),
                Request::Stat { path: name(b"/new") },
                open(b"/new", OpenFlags::READ),
                read(1, 0),
                read(1, 12),
                close(1),
            ]),
        ),
        // WinSCP: upload under a temporary name, delete, rename
        (
            "filepart",
            stream(&[
                open(b"/a.filepart", upload),
                write(0, 0, b"new"),
                close(0),
                Request::Remove { path: name(b"/a") },
                Request::Rename {
                    old_path: name(b"/a.filepart"),
                    new_path: name(b"/a"),
                },
            ]),
        ),
        // sshfs: edits in place, through a link
        (
            "edit",
            stream(&[
                open(b"/root", OpenFlags::READ | OpenFlags::WRITE),
                write(0, 100, b"hole"),
                read(0, 0),
                Request::FStat {
                    handle: Handle::from(0),
                },
                close(0),
            ]),
        ),
        (
            "list",
            stream(&[
                Request::OpenDir { path: name(b"/dir") },
                Request::ReadDir {
                    handle: Handle::from(0),
                },
                Request::ReadDir {
                    handle: Handle::from(0),
                },
                close(0),
                Request::ReadLink { path: name(b"/up") },
                Request::Stat { path: name(b"/up") },
            ]),
        ),
        // both of one name, one left open
        (
            "join",
            stream(&[
                open(b"/x", OpenFlags::WRITE | OpenFlags::CREAT),
                open(b"/x", OpenFlags::WRITE | OpenFlags::APPEND),
                write(1, 0, b"tail"),
                write(0, 0, b"head"),
                close(0),
            ]),
        ),
    ]
}

fn stream(requests: &[Request]) -> Bytes {
    requests
        .iter()
        .flat_map(|request| request.to_packet(ID).expect("short"))
        .collect()
}

fn write(target: &str, seeds: impl IntoIterator<Item = (impl AsRef<str>, Bytes)>) -> io::Result<()> {
    let folder = Path::new("corpus").join(target);
    fs::create_dir_all(&folder)?;
    seeds
        .into_iter()
        .try_for_each(|(name, bytes)| fs::write(folder.join(name.as_ref()), bytes))
}

fn streams(requests: &[(String, Bytes)]) -> Vec<(&'static str, Bytes)> {
    let stream: Vec<u8> = requests.iter().flat_map(|(_, packet)| packet.to_vec()).collect();
    let with_chunks = |lens: &[u8], stream: &[u8]| {
        let count = [u8::try_from(lens.len()).expect("few")];
        Bytes::from([&count, lens, stream].concat())
    };
    vec![
        ("whole", with_chunks(&[], &stream)),
        ("chunks", with_chunks(&[1, 2, 3, 60, 0, 255, 17], &stream)),
        ("bytes", with_chunks(&[1; 40], &stream[..60])),
        ("unfinished", with_chunks(&[3], &stream[..30])),
        ("empty-packet", with_chunks(&[2], &[0, 0, 0, 0])),
        ("too-long", with_chunks(&[2], &[0, 0, 3, 0xe9])),
        (
            "at-limit",
            with_chunks(&[200], &[&[0, 0, 3, 0xe8][..], &[7; 1000]].concat()),
        ),
    ]
}

fn request_name(request: &Request) -> String {
    match request {
        Request::Extended(extended) => String::from_utf8_lossy(extended.name()).into_owned(),
        plain => plain.packet_type().to_string().to_lowercase(),
    }
}

fn path() -> Bytes {
    Bytes::from_static(b"/dir/file")
}

fn attrs() -> Attrs {
    Attrs {
        size: Some(7),
        owner: Some((1000, 1000)),
        permissions: Some(0o100_644),
        times: Some((1, 2)),
        extended: vec![(Bytes::from_static(b"a@b"), Bytes::from_static(b"data"))],
    }
}

fn plain_requests() -> Vec<Request> {
    let (handle, attrs) = (|| Handle::from(1), attrs());
    vec![
        Request::Open {
            path: path(),
            flags: OpenFlags::WRITE | OpenFlags::CREAT,
            attrs: attrs.clone(),
        },
        Request::Close { handle: handle() },
        Request::Read {
            handle: handle(),
            offset: 1,
            len: 32768,
        },
        Request::Write {
            handle: handle(),
            offset: 1,
            data: Bytes::from_static(b"data"),
        },
        Request::LStat { path: path() },
        Request::FStat { handle: handle() },
        Request::SetStat {
            path: path(),
            attrs: attrs.clone(),
        },
        Request::FSetStat {
            handle: handle(),
            attrs: attrs.clone(),
        },
        Request::OpenDir { path: path() },
        Request::ReadDir { handle: handle() },
        Request::Remove { path: path() },
        Request::MkDir { path: path(), attrs },
        Request::RmDir { path: path() },
        Request::RealPath { path: path() },
        Request::Stat { path: path() },
        Request::Rename {
            old_path: path(),
            new_path: path(),
        },
        Request::ReadLink { path: path() },
        Request::SymLink {
            target_path: path(),
            link_path: path(),
        },
    ]
}

fn extended_requests() -> Vec<Request> {
    let handle = || Handle::from(1);
    let extended = vec![
        ExtendedRequest::PosixRename {
            old_path: path(),
            new_path: path(),
        },
        ExtendedRequest::StatVfs { path: path() },
        ExtendedRequest::FStatVfs { handle: handle() },
        ExtendedRequest::HardLink {
            old_path: path(),
            new_path: path(),
        },
        ExtendedRequest::FSync { handle: handle() },
        ExtendedRequest::LSetStat {
            path: path(),
            attrs: attrs(),
        },
        ExtendedRequest::Limits,
        ExtendedRequest::ExpandPath { path: path() },
        ExtendedRequest::CopyData {
            read_from: handle(),
            read_offset: 1,
            read_len: 2,
            write_to: handle(),
            write_offset: 3,
        },
        ExtendedRequest::HomeDirectory {
            username: Bytes::new(),
        },
        ExtendedRequest::UsersGroupsById {
            uids: vec![0, 1],
            gids: vec![2],
        },
        ExtendedRequest::Unknown {
            name: Bytes::from_static(b"unknown"),
            data: Bytes::from_static(b"data"),
        },
    ];
    extended.into_iter().map(Request::Extended).collect()
}

fn all_replies() -> Vec<(&'static str, Reply)> {
    let entry = NameEntry {
        filename: path(),
        longname: path(),
        attrs: attrs(),
    };
    let users_groups = UsersGroups {
        users: vec![path()],
        groups: vec![Bytes::new(), path()],
    };
    vec![
        ("status", Reply::status(StatusCode::OK)),
        ("handle", Reply::Handle(Handle::from(1))),
        ("data", Reply::Data(Bytes::from_static(b"data"))),
        ("name", Reply::Name(vec![entry.clone(), entry])),
        ("attrs", Reply::Attrs(attrs())),
        (
            "statvfs",
            Reply::Extended(ExtendedReply::StatVfs(StatVfs::default())),
        ),
        (
            "limits",
            Reply::Extended(ExtendedReply::Limits(Limits::ours(100))),
        ),
        (
            "users-groups",
            Reply::Extended(ExtendedReply::UsersGroups(users_groups)),
        ),
    ]
}
