//! Through real proxies: dante (SOCKS4, SOCKS4a, SOCKS5 with and without login), tinyproxy and squid (CONNECT with
//! Basic), and chains of them.

mod real_proxies;

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use longshore_client::route::{Login, ProxyKind, Route, RouteTimeouts};
use longshore_client::{Endpoint, ErrorKind, Stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use real_proxies::{PASSWORD, USER, dante, squid, tinyproxy};

const BANNER: &[u8] = b"SSH-2.0-longshore-test\r\n";
fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::new(address.ip().to_string(), address.port()).unwrap()
}

/// Something like an SSH server: says its banner at once and sends back every line.
fn server() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                use std::io::Write;
                let mut out = stream.try_clone().unwrap();
                let _ = out.write_all(BANNER);
                let mut line = String::new();
                let mut lines = BufReader::new(stream);
                while lines.read_line(&mut line).is_ok_and(|count| count > 0) {
                    let _ = out.write_all(line.as_bytes());
                    line.clear();
                }
            });
        }
    });
    endpoint(address)
}

/// Generous: these guard against hangs, on a machine with other work.
const TIMEOUTS: RouteTimeouts = RouteTimeouts {
    resolve: Duration::from_secs(60),
    connect: Duration::from_secs(60),
    proxy: Duration::from_secs(60),
};

async fn works(route: &Route, target: &Endpoint) {
    let mut stream = route
        .dial(target, &TIMEOUTS)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    let mut banner = [0; BANNER.len()];
    stream.read_exact(&mut banner).await.unwrap();
    assert_eq!(banner, BANNER);
    stream.write_all(b"there and back\n").await.unwrap();
    let mut line = [0; 15];
    stream.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"there and back\n");
}

async fn fails(route: Route, target: &Endpoint) -> (ErrorKind, String) {
    let Err(error) = route.dial(target, &TIMEOUTS).await else {
        panic!("the proxy let us through");
    };
    assert_eq!(error.stage(), Stage::Proxy);
    assert!(error.next_step().is_some(), "{error}");
    assert!(!error.to_string().contains(PASSWORD));
    (error.kind(), error.to_string())
}

fn login(password: &str) -> Login {
    Login::new(USER, password.to_owned().into())
}

/// The same server by name; the proxy looks it up.
fn by_name(target: &Endpoint) -> Endpoint {
    Endpoint::new("localhost", target.port()).unwrap()
}

/// A port that nobody listens on.
fn closed() -> Endpoint {
    endpoint(TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

#[tokio::test]
async fn dante_without_login_speaks_socks4_4a_and_5() {
    let (dante, target) = (dante(false), server());
    for kind in [ProxyKind::Socks4, ProxyKind::Socks4a, ProxyKind::Socks5] {
        works(&Route::through([dante.proxy(kind)]), &target).await;
        // dante 1.4 takes the names of SOCKS4a for addresses
        if kind != ProxyKind::Socks4a {
            works(&Route::through([dante.proxy(kind)]), &by_name(&target)).await;
        }
        let (failure, words) = fails(Route::through([dante.proxy(kind)]), &closed()).await;
        assert_eq!(failure, ErrorKind::ProxyRefused, "{words}");
    }
    // a login that nobody asks for does no harm
    works(
        &Route::through([dante.proxy(ProxyKind::Socks5).login(login("x"))]),
        &target,
    )
    .await;
}

#[tokio::test]
async fn dante_with_login_takes_the_right_one_only() {
    let (dante, target) = (dante(true), server());
    let proxy = dante.proxy(ProxyKind::Socks5);
    works(&Route::through([proxy.clone().login(login(PASSWORD))]), &target).await;
    let (kind, words) = fails(Route::through([proxy.clone().login(login("wrong"))]), &target).await;
    assert_eq!(kind, ErrorKind::ProxyAuth, "{words}");
    let (kind, words) = fails(Route::through([proxy]), &target).await;
    assert_eq!(kind, ErrorKind::ProxyAuth, "{words}");
}

#[tokio::test]
async fn tinyproxy_with_and_without_basic() {
    let (open, basic, target) = (tinyproxy(false), tinyproxy(true), server());
    works(&Route::through([open.proxy(ProxyKind::Http)]), &target).await;
    works(&Route::through([open.proxy(ProxyKind::Http)]), &by_name(&target)).await;
    let (kind, words) = fails(Route::through([open.proxy(ProxyKind::Http)]), &closed()).await;
    assert_eq!(kind, ErrorKind::ProxyRefused, "{words}");
    works(
        &Route::through([basic.proxy(ProxyKind::Http).login(login(PASSWORD))]),
        &target,
    )
    .await;
    for proxy in [
        basic.proxy(ProxyKind::Http),
        basic.proxy(ProxyKind::Http).login(login("wrong")),
    ] {
        let (kind, words) = fails(Route::through([proxy]), &target).await;
        // older ones answer 401
        assert!(
            matches!(kind, ErrorKind::ProxyAuth | ErrorKind::ProxyRefused),
            "{words}"
        );
    }
}

#[tokio::test]
async fn squid_with_basic() {
    let (squid, target) = (squid(), server());
    let proxy = squid.proxy(ProxyKind::Http);
    works(&Route::through([proxy.clone().login(login(PASSWORD))]), &target).await;
    works(
        &Route::through([proxy.clone().login(login(PASSWORD))]),
        &by_name(&target),
    )
    .await;
    let (kind, words) = fails(Route::through([proxy.clone().login(login("wrong"))]), &target).await;
    assert_eq!(kind, ErrorKind::ProxyAuth, "{words}");
    let (kind, words) = fails(Route::through([proxy.clone()]), &target).await;
    assert_eq!(kind, ErrorKind::ProxyAuth);
    assert!(words.contains("Basic"), "{words}");
    let (kind, words) = fails(Route::through([proxy.login(login(PASSWORD))]), &closed()).await;
    assert_eq!(kind, ErrorKind::ProxyRefused, "{words}");
}

#[tokio::test]
async fn proxies_stand_one_behind_the_other() {
    let (dante, tinyproxy, target) = (dante(true), tinyproxy(true), server());
    let socks = dante.proxy(ProxyKind::Socks5).login(login(PASSWORD));
    let http = tinyproxy.proxy(ProxyKind::Http).login(login(PASSWORD));
    works(&Route::through([socks.clone(), http.clone()]), &target).await;
    works(&Route::through([http, socks]), &by_name(&target)).await;
}
