//! As much of an HTTP/1.1 client as timing an API takes: one kept connection, bodies with a length.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// A kept connection to an API.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    head: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The body as text.
    pub body: String,
}

impl Connection {
    /// Connects; every request carries this API key.
    ///
    /// # Errors
    /// Those of the socket.
    pub fn open(address: SocketAddr, key: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            head: format!("host: {address}\r\nauthorization: Key {key}\r\n"),
        })
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// Those of the socket, and `InvalidData` for an answer without status or length.
    pub fn request(&mut self, method: &str, path: &str, body: Option<&str>) -> io::Result<Answer> {
        let head = &self.head;
        let request = match body {
            Some(body) => format!(
                "{method} {path} HTTP/1.1\r\n{head}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
            None => format!("{method} {path} HTTP/1.1\r\n{head}\r\n"),
        };
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut len = None;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                len = value.trim().parse().ok();
            }
        }
        let (Some(status), Some(len)) = (status, len) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "answer without status or length",
            ));
        };
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body)?;
        let body = String::from_utf8(body).map_err(io::Error::other)?;
        Ok(Answer { status, body })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Answer {
    /// The text members of this name, in the order in which they stand. Good for the generated values that contain no
    /// escapes, and no more than that.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let key = format!("\"{name}\":\"");
        self.body
            .split(key.as_str())
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect()
    }
}
