//! HTTP by hand: what goes out is what the test wrote.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request on a connection of its own.
pub(crate) struct Request {
    address: SocketAddr,
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Request {
    /// `METHOD path HTTP/1.1`, the path as it is.
    pub(crate) fn new(address: SocketAddr, method: &str, path: &str) -> Self {
        Self {
            address,
            line: format!("{method} {path} HTTP/1.1"),
            headers: vec![("host".into(), "x".into()), ("connection".into(), "close".into())],
            body: Vec::new(),
        }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// A JSON body.
    pub(crate) fn json(self, body: &Value) -> Self {
        self.text("application/json", &body.to_string())
    }

    /// Any body, with its length.
    pub(crate) fn text(mut self, content_type: &str, body: &str) -> Self {
        self.body = body.as_bytes().to_vec();
        self.header("content-type", content_type)
            .header("content-length", &body.len().to_string())
    }

    /// Sends it with a body that the headers already announce.
    pub(crate) async fn send_with(mut self, body: &str) -> Answer {
        self.body = body.as_bytes().to_vec();
        self.send().await
    }

    /// Sends it and reads the answer.
    pub(crate) async fn send(self) -> Answer {
        let mut bytes = self.line.into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("\r\n{name}: {value}").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        raw(self.address, &bytes).await
    }
}

/// Sends `bytes` on a new connection and reads the one answer until the server closes.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> Answer {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    exchange(stream, bytes).await
}

/// As [`raw`], on a connection that is there already.
pub(crate) async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Answer {
    stream.write_all(bytes).await.expect("the server reads");
    let mut seen = Vec::new();
    stream
        .read_to_end(&mut seen)
        .await
        .expect("the server closes in order");
    Answer::parse(&seen)
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// Reads an answer; everything after the head is the body.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("answers are UTF-8");
        let (head, body) = text
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        Self {
            status: status.unwrap_or_else(|| panic!("no status: {head:?}")),
            headers: headers
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    /// The first header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// This is an error as the SDK wants it: status, code in header and body, a message, a request id.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("x-amzn-errortype"), Some(code), "{self:?}");
        assert!(
            self.header("x-amzn-requestid").is_some_and(|id| id.len() == 36),
            "{self:?}"
        );
        let body = self.json();
        assert_eq!(body["code"], code, "{self:?}");
        assert!(
            body["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{self:?}"
        );
    }

    /// This is a `ValidationException` with exactly these paths, in this order.
    #[track_caller]
    pub(crate) fn assert_invalid(&self, paths: &[&str]) {
        self.assert_error(400, "ValidationException");
        assert_eq!(self.failed_paths(), paths, "{self:?}");
    }

    /// The paths of `fieldList`.
    pub(crate) fn failed_paths(&self) -> Vec<String> {
        let body = self.json();
        let fields = body["fieldList"].as_array().cloned().unwrap_or_default();
        fields
            .iter()
            .map(|field| field["path"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// This asks to come again at a date that lies ahead, but not far.
    #[track_caller]
    pub(crate) fn assert_retry_after(&self) {
        let value = self
            .header("retry-after")
            .unwrap_or_else(|| panic!("no Retry-After: {self:?}"));
        let date = httpdate::parse_http_date(value).unwrap_or_else(|error| panic!("{value:?}: {error}"));
        let now = std::time::SystemTime::now();
        assert!(
            date + std::time::Duration::from_secs(1) > now,
            "{value} lies in the past"
        );
        assert!(
            date < now + std::time::Duration::from_secs(30),
            "{value} lies far ahead"
        );
    }
}
