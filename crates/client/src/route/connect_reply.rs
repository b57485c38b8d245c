//! The header of a proxy's answer to CONNECT (RFC 9112 §4): bytes in, status and length out.

/// The header of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectReply {
    /// The status code, 100 to 999.
    pub status: u16,
    /// The words behind it.
    pub reason: Vec<u8>,
    /// What `Proxy-Authenticate` asks for.
    pub authenticate: Vec<Vec<u8>>,
    /// Bytes of the header, with the empty line; what follows belongs to the server behind the proxy.
    pub len: usize,
}

/// Reads a header; `None` as long as its end is not there.
///
/// # Errors
/// A short sentence about what is no HTTP.
pub fn parse(bytes: &[u8]) -> Result<Option<ConnectReply>, &'static str> {
    let hello = &bytes[..bytes.len().min(PREFIX.len())];
    if !PREFIX.starts_with(hello) {
        return Err("its answer is no HTTP");
    }
    let Some(len) = end(bytes) else {
        return Ok(None);
    };
    let mut lines = bytes[..len]
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let (status, reason) = status_line(lines.next().unwrap_or_default())?;
    let authenticate = lines.filter_map(|line| {
        let (name, value) = line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
        name.eq_ignore_ascii_case(b"proxy-authenticate")
            .then(|| value[1..].trim_ascii().to_vec())
    });
    Ok(Some(ConnectReply {
        status,
        reason,
        authenticate: authenticate.collect(),
        len,
    }))
}

/// Behind the first empty line. Lone line feeds count: some proxies end lines so (RFC 9112 §2.2).
fn end(bytes: &[u8]) -> Option<usize> {
    let mut line_from = 0;
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
        if line_from > 0 && matches!(&bytes[line_from..at], b"" | b"\r") {
            return Some(at + 1);
        }
        line_from = at + 1;
    }
    None
}

fn status_line(line: &[u8]) -> Result<(u16, Vec<u8>), &'static str> {
    let broken = "its status line cannot be read";
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let (_version, code) = (parts.next(), parts.next().ok_or(broken)?);
    if code.len() != 3 || !code.iter().all(u8::is_ascii_digit) {
        return Err(broken);
    }
    let status = code
        .iter()
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    if status < 100 {
        return Err(broken);
    }
    Ok((status, parts.next().unwrap_or_default().to_vec()))
}

const PREFIX: &[u8] = b"HTTP/1.";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_header_ends_at_the_empty_line_and_nothing_behind_it_is_taken() {
        for (text, status, len) in [
            ("HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n", 200, 19),
            ("HTTP/1.0 204 \nA: b\n\nSSH", 204, 20),
            (
                "HTTP/1.1 407\r\nproxy-authenticate: Basic realm=\"x\"\r\n\r\n",
                407,
                53,
            ),
        ] {
            let reply = parse(text.as_bytes()).unwrap().unwrap();
            assert_eq!((reply.status, reply.len), (status, len), "{text}");
        }
        let reply = parse(b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n")
            .unwrap()
            .unwrap();
        assert_eq!(reply.authenticate, [b"Basic"]);
        for unfinished in ["", "HT", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n\r"] {
            assert_eq!(parse(unfinished.as_bytes()), Ok(None), "{unfinished}");
        }
        for bad in [
            "SSH-2.0-x",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 20\r\n\r\n",
            "HTTP/1.1 abc\r\n\r\n",
            "HTTP/1.1\r\n\r\n",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn an_answer_means_the_same_however_it_arrives(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), cut in 0usize..100) {
            if cut % 4 != 0 {
                bytes.splice(0..0, *b"HTTP/1.1 200 OK\r\n");
            }
            if let Ok(Some(whole)) = parse(&bytes) {
                prop_assert_eq!(parse(&bytes[..whole.len]), Ok(Some(whole.clone())));
                let early = parse(&bytes[..cut.min(whole.len - 1)]);
                prop_assert_eq!(early, Ok(None));
            }
        }
    }
}
