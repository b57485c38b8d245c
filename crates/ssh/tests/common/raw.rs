//! A client that does exactly what a test says, right or wrong: curve25519-sha256, aes256-gcm, and no manners.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub const DISCONNECT: u8 = 1;
pub const USERAUTH_FAILURE: u8 = 51;
pub const USERAUTH_SUCCESS: u8 = 52;
pub const USERAUTH_PK_OK: u8 = 60;
pub const USERAUTH_INFO_REQUEST: u8 = 60;
pub const REQUEST_FAILURE: u8 = 82;
pub const CHANNEL_OPEN_CONFIRMATION: u8 = 91;
pub const CHANNEL_OPEN_FAILURE: u8 = 92;
pub const CHANNEL_WINDOW_ADJUST: u8 = 93;
pub const CHANNEL_DATA: u8 = 94;
pub const CHANNEL_EOF: u8 = 96;
pub const CHANNEL_CLOSE: u8 = 97;
pub const CHANNEL_REQUEST: u8 = 98;
pub const CHANNEL_SUCCESS: u8 = 99;
pub const CHANNEL_FAILURE: u8 = 100;

/// Builds a packet.
#[derive(Default, Clone)]
pub struct Packet(pub Vec<u8>);

impl Packet {
    pub fn new(kind: u8) -> Self {
        Self(vec![kind])
    }

    pub fn byte(mut self, byte: u8) -> Self {
        self.0.push(byte);
        self
    }

    pub fn u32(mut self, number: u32) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    pub fn string(self, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref();
        let mut this = self.u32(u32::try_from(bytes.len()).unwrap());
        this.0.extend_from_slice(bytes);
        this
    }

    fn mpint(self, number: &[u8]) -> Self {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let mut bytes = number[zeros..].to_vec();
        if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
            bytes.insert(0, 0);
        }
        self.string(bytes)
    }
}

/// Reads a number at `offset` of a packet.
pub fn number(packet: &[u8], offset: usize) -> u32 {
    u32::from_be_bytes(packet[offset..offset + 4].try_into().unwrap())
}

/// Reads a string at `offset` of a packet.
pub fn string(packet: &[u8], offset: usize) -> &[u8] {
    let len = number(packet, offset) as usize;
    &packet[offset + 4..offset + 4 + len]
}

struct Cipher {
    key: LessSafeKey,
    nonce: [u8; 12],
}

impl Cipher {
    fn new(key: &[u8], nonce: &[u8]) -> Self {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
        Self {
            key,
            nonce: nonce[..12].try_into().unwrap(),
        }
    }

    fn next_nonce(&mut self) -> Nonce {
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let count = u64::from_be_bytes(self.nonce[4..].try_into().unwrap()).wrapping_add(1);
        self.nonce[4..].copy_from_slice(&count.to_be_bytes());
        nonce
    }
}

/// A connection with keys exchanged.
pub struct Raw {
    tcp: TcpStream,
    ciphers: Option<(Cipher, Cipher)>,
}

impl Raw {
    /// Connects and exchanges keys; the host key is not looked at.
    pub async fn connect(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let mut this = Self { tcp, ciphers: None };
        this.tcp.write_all(b"SSH-2.0-raw\r\n").await.unwrap();
        let mut server_id = Vec::new();
        while !server_id.ends_with(b"\r\n") {
            server_id.push(this.tcp.read_u8().await.unwrap());
        }
        server_id.truncate(server_id.len() - 2);
        let kexinit = Self::kexinit();
        this.send(&kexinit).await;
        let server_kexinit = this.recv().await.unwrap();
        assert_eq!(server_kexinit[0], 20);
        let private = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).unwrap();
        let public = private.compute_public_key().unwrap();
        this.send(&Packet::new(30).string(&public)).await;
        let reply = this.recv().await.unwrap();
        assert_eq!(reply[0], 31);
        let host_key = string(&reply, 1);
        let server_public = string(&reply, 5 + host_key.len());
        let peer = UnparsedPublicKey::new(&X25519, server_public);
        let secret = agree_ephemeral(private, peer, (), |secret| Ok(secret.to_vec())).unwrap();
        let exchange = Packet::default()
            .string("SSH-2.0-raw")
            .string(&server_id)
            .string(&kexinit.0)
            .string(&server_kexinit)
            .string(host_key)
            .string(&public)
            .string(server_public)
            .mpint(&secret);
        let hash = digest(&SHA256, &exchange.0);
        let derive = |letter: u8| {
            let mut input = Packet::default().mpint(&secret).0;
            input.extend_from_slice(hash.as_ref());
            input.push(letter);
            input.extend_from_slice(hash.as_ref());
            digest(&SHA256, &input).as_ref().to_vec()
        };
        this.send(&Packet::new(21)).await;
        assert_eq!(this.recv().await.unwrap()[0], 21);
        let ours = Cipher::new(&derive(b'C'), &derive(b'A'));
        let theirs = Cipher::new(&derive(b'D'), &derive(b'B'));
        this.ciphers = Some((ours, theirs));
        this
    }

    fn kexinit() -> Packet {
        let mut packet = Packet::new(20);
        packet.0.extend_from_slice(&[7; 16]);
        let lists = [
            "curve25519-sha256",
            "ssh-ed25519",
            "aes256-gcm@openssh.com",
            "aes256-gcm@openssh.com",
            "hmac-sha2-256",
            "hmac-sha2-256",
            "none",
            "none",
            "",
            "",
        ];
        lists.into_iter().fold(packet, Packet::string).byte(0).u32(0)
    }

    /// Connects and logs in as `alice`.
    pub async fn login(address: SocketAddr) -> Self {
        let mut this = Self::authenticating(address).await;
        this.send(&password("alice", "secret")).await;
        assert_eq!(this.recv().await.unwrap(), [USERAUTH_SUCCESS]);
        this
    }

    /// Connects and asks for logins.
    pub async fn authenticating(address: SocketAddr) -> Self {
        let mut this = Self::connect(address).await;
        this.send(&Packet::new(5).string("ssh-userauth")).await;
        assert_eq!(this.recv().await.unwrap()[0], 6);
        this
    }

    pub async fn send(&mut self, packet: &Packet) {
        let _ = self.try_send(packet).await;
    }

    /// Sends a packet; an error if the server has closed.
    pub async fn try_send(&mut self, packet: &Packet) -> std::io::Result<()> {
        let payload = &packet.0;
        let padding = 16 - (payload.len() + 1 + if self.ciphers.is_some() { 0 } else { 4 }) % 16;
        let padding = if padding < 4 { padding + 16 } else { padding };
        let len = u32::try_from(1 + payload.len() + padding).unwrap();
        let mut body = vec![u8::try_from(padding).unwrap()];
        body.extend_from_slice(payload);
        body.resize(len as usize, 0);
        let mut wire = len.to_be_bytes().to_vec();
        if let Some((cipher, _)) = &mut self.ciphers {
            let nonce = cipher.next_nonce();
            cipher
                .key
                .seal_in_place_append_tag(nonce, Aad::from(len.to_be_bytes()), &mut body)
                .unwrap();
        }
        wire.extend_from_slice(&body);
        self.tcp.write_all(&wire).await
    }

    /// The next packet; `None` if the server has closed.
    pub async fn recv(&mut self) -> Option<Vec<u8>> {
        tokio::time::timeout(Duration::from_secs(20), self.read_packet())
            .await
            .expect("the server says nothing")
            .ok()
    }

    /// The next packet if it comes within `time`. Not to be used again after a timeout in the middle of a packet,
    /// which loopback does not produce.
    pub async fn recv_within(&mut self, time: Duration) -> Option<Vec<u8>> {
        // `readable` would say so after the last byte was read, too.
        let waited = tokio::time::timeout(time, self.tcp.peek(&mut [0])).await;
        if waited.is_err() { None } else { self.recv().await }
    }

    async fn read_packet(&mut self) -> std::io::Result<Vec<u8>> {
        let len = self.tcp.read_u32().await?;
        let tag = if self.ciphers.is_some() { 16 } else { 0 };
        let mut body = vec![0; len as usize + tag];
        self.tcp.read_exact(&mut body).await?;
        if let Some((_, cipher)) = &mut self.ciphers {
            let nonce = cipher.next_nonce();
            cipher
                .key
                .open_in_place(nonce, Aad::from(len.to_be_bytes()), &mut body)
                .unwrap();
        }
        let padding = usize::from(body[0]);
        Ok(body[1..len as usize - padding].to_vec())
    }

    /// The next packet of one of `kinds`; others are dropped.
    pub async fn recv_one_of(&mut self, kinds: &[u8]) -> Vec<u8> {
        loop {
            let packet = self.recv().await.expect("the server has closed");
            if kinds.contains(&packet[0]) {
                return packet;
            }
        }
    }

    /// Opens a session channel as number `ours`; the server's number, window and packet size.
    pub async fn open(&mut self, ours: u32, window: u32) -> (u32, u32, u32) {
        self.send(
            &Packet::new(90)
                .string("session")
                .u32(ours)
                .u32(window)
                .u32(32 * 1024),
        )
        .await;
        let reply = self
            .recv_one_of(&[CHANNEL_OPEN_CONFIRMATION, CHANNEL_OPEN_FAILURE])
            .await;
        assert_eq!(
            (reply[0], number(&reply, 1)),
            (CHANNEL_OPEN_CONFIRMATION, ours),
            "{reply:?}"
        );
        (number(&reply, 5), number(&reply, 9), number(&reply, 13))
    }

    /// Runs a command on the server's channel `channel`.
    pub async fn exec(&mut self, channel: u32, command: &str) {
        self.send(&exec(channel, command)).await;
        let reply = self.recv_one_of(&[CHANNEL_SUCCESS, CHANNEL_FAILURE]).await;
        assert_eq!(reply[0], CHANNEL_SUCCESS);
    }
}

pub fn password(user: &str, password: &str) -> Packet {
    Packet::new(50)
        .string(user)
        .string("ssh-connection")
        .string("password")
        .byte(0)
        .string(password)
}

pub fn exec(channel: u32, command: &str) -> Packet {
    Packet::new(CHANNEL_REQUEST)
        .u32(channel)
        .string("exec")
        .byte(1)
        .string(command)
}

pub fn data(channel: u32, data: &[u8]) -> Packet {
    Packet::new(CHANNEL_DATA).u32(channel).string(data)
}
