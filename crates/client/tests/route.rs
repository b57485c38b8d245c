//! Ways to a server: sockets, proxy commands, and proxies that misbehave.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use longshore_client::route::{
    Direct, Family, FirstStep, Login, Proxy, ProxyKind, ProxyTls, Route, RouteTimeouts,
};
use longshore_client::{Endpoint, Error, ErrorKind, Stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BANNER: &[u8] = b"SSH-2.0-longshore-test\r\n";

/// Generous: these guard against hangs, on a machine with other work.
const TIMEOUTS: RouteTimeouts = RouteTimeouts {
    resolve: Duration::from_secs(60),
    connect: Duration::from_secs(60),
    proxy: Duration::from_secs(60),
};

async fn listen(address: &str) -> (TcpListener, Endpoint) {
    let listener = TcpListener::bind((address, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, Endpoint::new(address, port).unwrap())
}

/// A proxy that reads a request up to the end of its header and answers with these bytes, in these pieces.
async fn scripted(pieces: Vec<Vec<u8>>) -> Endpoint {
    let (listener, endpoint) = listen("127.0.0.1").await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let pieces = pieces.clone();
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                for piece in pieces {
                    if stream.write_all(&piece).await.is_err() {
                        return;
                    }
                    stream.flush().await.unwrap();
                    tokio::task::yield_now().await;
                }
                // stays open until the client goes
                let _ = stream.read_buf(&mut request).await;
            });
        }
    });
    endpoint
}

fn target() -> Endpoint {
    "server.example:2022".parse().unwrap()
}

fn http(endpoint: Endpoint) -> Route {
    Route::through([Proxy::new(ProxyKind::Http, endpoint)])
}

async fn refused(route: Route, timeouts: &RouteTimeouts) -> Error {
    let Err(error) = route.dial(&target(), timeouts).await else {
        panic!("the way is open");
    };
    error
}

#[tokio::test]
async fn bytes_that_come_with_the_answer_are_kept() {
    for status in ["200 Connection established", "201 Created", "299"] {
        let answer = format!("HTTP/1.1 {status}\r\nVia: test\r\n\r\n");
        let glued = [answer.as_bytes(), BANNER].concat();
        let single: Vec<Vec<u8>> = glued.iter().map(|byte| vec![*byte]).collect();
        for pieces in [
            vec![glued.clone()],
            single,
            vec![answer.clone().into_bytes(), BANNER.to_vec()],
        ] {
            let mut stream = http(scripted(pieces).await)
                .dial(&target(), &TIMEOUTS)
                .await
                .unwrap();
            let mut banner = [0; BANNER.len()];
            stream.read_exact(&mut banner).await.unwrap();
            assert_eq!(banner, BANNER);
        }
    }
}

#[tokio::test]
async fn interim_answers_are_stepped_over() {
    let answer = [
        &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"[..],
        BANNER,
    ]
    .concat();
    let mut stream = http(scripted(vec![answer]).await)
        .dial(&target(), &TIMEOUTS)
        .await
        .unwrap();
    let mut banner = [0; BANNER.len()];
    stream.read_exact(&mut banner).await.unwrap();
    assert_eq!(banner, BANNER);
}

#[tokio::test]
async fn refusals_repeat_the_proxys_words_without_its_control_characters() {
    for (answer, kind, words) in [
        (
            "HTTP/1.1 403 Fo\x1b[31mrbidden\r\n\r\n",
            ErrorKind::ProxyRefused,
            "403 Fo [31mrbidden",
        ),
        (
            "HTTP/1.0 502 Bad Gateway\r\n\r\n<html>",
            ErrorKind::ProxyRefused,
            "502 Bad Gateway",
        ),
        (
            "HTTP/1.1 301 Elsewhere\r\n\r\n",
            ErrorKind::ProxyRefused,
            "301 Elsewhere",
        ),
        (
            "HTTP/1.1 407 Who\r\nProxy-Authenticate: Negotiate\r\n\r\n",
            ErrorKind::ProxyAuth,
            "Negotiate",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n", ErrorKind::Protocol, "no HTTP"),
        ("HTTP/1.1 OK\r\n\r\n", ErrorKind::Protocol, "status line"),
    ] {
        let error = refused(http(scripted(vec![answer.into()]).await), &TIMEOUTS).await;
        assert_eq!((error.kind(), error.stage()), (kind, Stage::Proxy), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains('\x1b') && error.next_step().is_some());
    }
}

#[tokio::test]
async fn a_wrong_login_is_told_from_a_missing_one_and_never_repeated() {
    let proxy = Proxy::new(
        ProxyKind::Http,
        scripted(vec![b"HTTP/1.1 407 No\r\n\r\n".to_vec()]).await,
    );
    let proxy = proxy.login(Login::new("me", "s3cret".to_owned().into()));
    let error = refused(Route::through([proxy.clone()]), &TIMEOUTS).await;
    assert_eq!(error.kind(), ErrorKind::ProxyAuth);
    assert!(error.to_string().contains("did not accept"), "{error}");
    assert!(!format!("{error:?} {proxy:?} {:?}", Route::through([proxy.clone()])).contains("s3cret"));
}

#[tokio::test]
async fn an_endless_header_is_cut_off() {
    let filler = vec![b"X-Filler: yes\r\n".repeat(100); 40];
    let pieces = [vec![b"HTTP/1.1 200 OK\r\n".to_vec()], filler].concat();
    let error = refused(http(scripted(pieces).await), &TIMEOUTS).await;
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_proxy_that_says_nothing_meets_its_deadline() {
    let short = RouteTimeouts {
        proxy: Duration::from_millis(200),
        ..TIMEOUTS
    };
    let http_proxy = scripted(vec![b"HTTP/1.1 200".to_vec()]).await;
    // waits for the end of a header that SOCKS has not
    let silent = scripted(vec![]).await;
    for proxy in [
        Proxy::new(ProxyKind::Http, http_proxy),
        Proxy::new(ProxyKind::Socks5, silent.clone()),
        Proxy::new(ProxyKind::Socks4a, silent.clone()),
        Proxy::new(ProxyKind::Https, silent),
    ] {
        let error = refused(Route::through([proxy]), &short).await;
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::TimedOut, Stage::Proxy),
            "{error}"
        );
        assert!(error.is_retryable());
    }
}

#[tokio::test]
async fn a_proxy_that_closes_is_reported_as_such() {
    let (listener, endpoint) = listen("127.0.0.1").await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 1024]).await;
        }
    });
    for kind in [ProxyKind::Http, ProxyKind::Socks4a, ProxyKind::Socks5] {
        let error = refused(Route::through([Proxy::new(kind, endpoint.clone())]), &TIMEOUTS).await;
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::ConnectionLost, Stage::Proxy),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_socks5_answer_may_hold_any_kind_of_address() {
    for address in [
        &b"\x01\x7f\0\0\x01"[..],
        b"\x03\x04name",
        b"\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01",
    ] {
        let (listener, endpoint) = listen("127.0.0.1").await;
        let answer = [b"\x05\0\0", address, b"\x07\xe6", BANNER].concat();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_exact(&mut [0; 3]).await.unwrap();
            stream.write_all(b"\x05\0").await.unwrap();
            stream.read_exact(&mut [0; 4]).await.unwrap();
            stream.write_all(&answer).await.unwrap();
            stream.read_exact(&mut [0; 17]).await.unwrap();
            std::future::pending::<()>().await;
        });
        let route = Route::through([Proxy::new(ProxyKind::Socks5, endpoint)]);
        let mut stream = route.dial(&target(), &TIMEOUTS).await.unwrap();
        let mut banner = [0; BANNER.len()];
        stream.read_exact(&mut banner).await.unwrap();
        assert_eq!(banner, BANNER);
    }
}

#[tokio::test]
async fn socks4a_leaves_names_to_the_proxy_and_keeps_what_follows_the_answer() {
    let (listener, endpoint) = listen("127.0.0.1").await;
    let request = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 26];
        stream.read_exact(&mut request).await.unwrap();
        let answer = [b"\0\x5a\0\0\0\0\0\0", BANNER].concat();
        stream.write_all(&answer).await.unwrap();
        request
    });
    let proxy = Proxy::new(ProxyKind::Socks4a, endpoint).login(Login::new("me", String::new().into()));
    let mut stream = Route::through([proxy]).dial(&target(), &TIMEOUTS).await.unwrap();
    let mut banner = [0; BANNER.len()];
    stream.read_exact(&mut banner).await.unwrap();
    assert_eq!(banner, BANNER);
    assert_eq!(
        &request.await.unwrap(),
        b"\x04\x01\x07\xe6\0\0\0\x01me\0server.example\0"
    );
}

#[tokio::test]
async fn connect_names_targets_as_the_proxy_needs_them() {
    for (host, expected) in [
        (
            "server.example",
            "CONNECT server.example:2022 HTTP/1.1\r\nHost: server.example:2022\r\n\r\n",
        ),
        (
            "2001:db8::7",
            "CONNECT [2001:db8::7]:2022 HTTP/1.1\r\nHost: [2001:db8::7]:2022\r\n\r\n",
        ),
    ] {
        let (listener, endpoint) = listen("127.0.0.1").await;
        let request = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; expected.len()];
            stream.read_exact(&mut request).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            String::from_utf8(request).unwrap()
        });
        let target = Endpoint::new(host, 2022).unwrap();
        http(endpoint).dial(&target, &TIMEOUTS).await.unwrap();
        assert_eq!(request.await.unwrap(), expected);
    }
}

#[tokio::test]
async fn tls_to_a_proxy_needs_a_certificate_that_is_trusted() {
    let (acceptor, authority) = self_signed();
    let (listener, endpoint) = listen("127.0.0.1").await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    stream.read_buf(&mut request).await.unwrap();
                }
                stream
                    .write_all(&[&b"HTTP/1.1 200 OK\r\n\r\n"[..], BANNER].concat())
                    .await
                    .unwrap();
                let _ = stream.read_buf(&mut request).await;
            });
        }
    });
    let proxy = Proxy::new(ProxyKind::Https, endpoint);
    let error = refused(Route::through([proxy.clone()]), &TIMEOUTS).await;
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::ProxyRefused, Stage::Proxy),
        "{error}"
    );
    assert!(error.to_string().contains("TLS"), "{error}");

    let trusting = proxy.tls(ProxyTls::default().authority_file(authority.path().join("cert.pem")));
    let mut stream = Route::through([trusting])
        .dial(&target(), &TIMEOUTS)
        .await
        .unwrap();
    let mut banner = [0; BANNER.len()];
    stream.read_exact(&mut banner).await.unwrap();
    assert_eq!(banner, BANNER);
}

/// A certificate for 127.0.0.1, made by `openssl`, and a server that shows it.
fn self_signed() -> (tokio_rustls::TlsAcceptor, tempfile::TempDir) {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let dir = tempfile::tempdir().unwrap();
    let config = "[req]\ndistinguished_name = name\nx509_extensions = of\n[name]\n[of]\nsubjectAltName = IP:127.0.0.1\n";
    std::fs::write(dir.path().join("config"), config).unwrap();
    let output = std::process::Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-config",
            "config",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args([
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=proxy",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let certificate = CertificateDer::from_pem_file(dir.path().join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(dir.path().join("key.pem")).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    (std::sync::Arc::new(config).into(), dir)
}

#[tokio::test]
async fn direct_connections_reach_literals_and_names_of_either_family() {
    let (listener, v4) = listen("127.0.0.1").await;
    let accept = async { listener.accept().await.unwrap().1 };
    let direct = Direct::default();
    let (stream, _) = tokio::join!(direct.connect(&v4, &TIMEOUTS), accept);
    let stream: TcpStream = stream.unwrap();
    assert!(stream.nodelay().unwrap());
    assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());

    // localhost is ::1 and 127.0.0.1 on most machines; nobody listens on the one, the other one answers
    let name = Endpoint::new("localhost", v4.port()).unwrap();
    Direct::default().connect(&name, &TIMEOUTS).await.unwrap();
    let family = Direct {
        family: Family::V4,
        ..Direct::default()
    };
    family.connect(&name, &TIMEOUTS).await.unwrap();
    let family = Direct {
        family: Family::V6,
        ..Direct::default()
    };
    let error = family.connect(&v4, &TIMEOUTS).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::NameNotFound, Stage::Resolve)
    );

    // machines without IPv6 have no ::1 to try
    if let Ok(listener) = TcpListener::bind((IpAddr::V6(Ipv6Addr::LOCALHOST), 0)).await {
        let v6 = Endpoint::new("::1", listener.local_addr().unwrap().port()).unwrap();
        Direct::default().connect(&v6, &TIMEOUTS).await.unwrap();
    }
}

#[tokio::test]
async fn connections_come_from_where_they_are_bound_to() {
    let (listener, endpoint) = listen("127.0.0.1").await;
    let bound = Direct {
        bind_address: Some("127.0.0.77".into()),
        ..Direct::default()
    };
    let stream = bound.connect(&endpoint, &TIMEOUTS).await.unwrap();
    assert_eq!(stream.local_addr().unwrap().ip().to_string(), "127.0.0.77");
    drop(listener);
    let other = Direct {
        bind_address: Some("::1".into()),
        ..Direct::default()
    };
    let error = other.connect(&endpoint, &TIMEOUTS).await.unwrap_err();
    assert_eq!(error.stage(), Stage::Connect);
}

#[tokio::test]
async fn failures_before_the_server_name_their_stage() {
    let (listener, closed) = listen("127.0.0.1").await;
    drop(listener);
    let error = Direct::default().connect(&closed, &TIMEOUTS).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Unreachable, Stage::Connect)
    );
    assert!(
        error.to_string().contains(&closed.to_string()) && error.next_step().is_some(),
        "{error}"
    );
    // .invalid never exists (RFC 6761)
    let nowhere: Endpoint = "no-such-host.invalid".parse().unwrap();
    let error = Direct::default().connect(&nowhere, &TIMEOUTS).await.unwrap_err();
    assert_eq!(error.stage(), Stage::Resolve, "{error}");
}

#[tokio::test]
async fn a_proxy_command_is_a_stream_both_ways() {
    let route = Route::command("cat");
    let mut stream = route.dial(&target(), &TIMEOUTS).await.unwrap();
    stream.write_all(b"there and back").await.unwrap();
    let mut text = [0; 14];
    stream.read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"there and back");
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut text).await.unwrap(), 0);
}

#[tokio::test]
async fn a_proxy_command_that_fails_says_why() {
    let route = Route::command("sh -c 'head -c 100000 /dev/zero >&2; exit 1'");
    let mut stream = route.dial(&target(), &TIMEOUTS).await.unwrap();
    stream
        .read_u8()
        .await
        .expect_err("a flood of errors ends as well");
    let route = Route::command("sh -c 'echo no route to \\\\033 there >&2; exit 3'");
    let mut stream = route.dial(&target(), &TIMEOUTS).await.unwrap();
    let error = stream.read(&mut [0; 8]).await.unwrap_err().to_string();
    assert!(
        error.contains("exit status: 3") && error.contains("no route to"),
        "{error}"
    );
    assert!(!error.contains('\x1b'));
}

#[tokio::test]
async fn a_proxy_command_ends_with_its_stream() {
    let mut stream = Route::command("sh -c 'echo $$; exec sleep 1000'")
        .dial(&target(), &TIMEOUTS)
        .await
        .unwrap();
    let mut pid = Vec::new();
    while !pid.ends_with(b"\n") {
        stream.read_buf(&mut pid).await.unwrap();
    }
    let process = std::path::Path::new("/proc").join(String::from_utf8(pid).unwrap().trim());
    assert!(process.exists());
    drop(stream);
    // killed at once, reaped by the runtime soon
    let gone = async {
        while process.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone)
        .await
        .expect("the program is still there");
}

#[tokio::test]
async fn a_dropped_dial_closes_the_socket() {
    let (listener, endpoint) = listen("127.0.0.1").await;
    let route = http(endpoint);
    let dial = tokio::spawn(async move { route.dial(&target(), &TIMEOUTS).await.map(drop) });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    stream.read_buf(&mut request).await.unwrap();
    dial.abort();
    let ended = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut request)).await;
    ended.expect("the socket stays open").unwrap();
}

#[tokio::test]
async fn proxies_can_be_reached_through_a_command() {
    let route = Route {
        first: FirstStep::Command(
            "sh -c 'printf \"HTTP/1.1 200 OK\\r\\n\\r\\nSSH\"; exec cat >/dev/null'".into(),
        ),
        proxies: vec![Proxy::new(ProxyKind::Http, "p.example:8080".parse().unwrap())],
    };
    let mut stream = route.dial(&target(), &TIMEOUTS).await.unwrap();
    let mut text = [0; 3];
    stream.read_exact(&mut text).await.unwrap();
    assert_eq!(&text, b"SSH");
}

#[tokio::test]
async fn chains_have_a_limit() {
    let proxy = Proxy::new(ProxyKind::Socks5, "p.example:1080".parse().unwrap());
    let error = refused(Route::through(vec![proxy; 17]), &TIMEOUTS).await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
