//! Through real proxies: dante (SOCKS4, SOCKS4a, SOCKS5 with and without login), tinyproxy and squid (CONNECT with
//! Basic), each with a configuration of the test's own on loopback, and chains of them.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use longshore_client::route::{Login, Proxy, ProxyKind, Route, RouteTimeouts};
use longshore_client::{Endpoint, ErrorKind, Stage};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const BANNER: &[u8] = b"SSH-2.0-longshore-test\r\n";
const USER: &str = "proxyuser";
const PASSWORD: &str = "s3cret";
/// `PASSWORD` for /etc/shadow: SHA-512 with the salt `longshore`.
const SHADOW: &str =
    "$6$longshore$nwe43wQarE9u0Pl.xV266Fzh/GsHWqmQUEOEfg7fAtGo4kC7B1Epxembzi5sLo5DzixnyDlt6ZWEtcT6TzREd0";

/// A proxy that ends with the test.
struct Server {
    child: Child,
    address: SocketAddr,
    dir: TempDir,
}

impl Server {
    /// Starts a proxy that listens on a port which nobody used a moment ago; tries another one when somebody does now.
    fn start(configure: impl Fn(&Path, SocketAddr) -> Command) -> Self {
        let mut log = String::new();
        for _ in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            // readable for those who give up being root
            std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let output = std::fs::File::create(dir.path().join("log")).unwrap();
            let child = configure(dir.path(), address)
                .stdin(Stdio::null())
                .stdout(output.try_clone().unwrap())
                .stderr(output)
                .spawn()
                .unwrap();
            let mut server = Self { child, address, dir };
            if server.answers() {
                return server;
            }
            log = std::fs::read_to_string(server.dir.path().join("log")).unwrap();
        }
        panic!("no proxy came up in five attempts: {log}");
    }

    fn answers(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if TcpStream::connect(self.address).is_ok() {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        false
    }

    fn proxy(&self, kind: ProxyKind) -> Proxy {
        Proxy::new(kind, endpoint(self.address))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program so that all its processes end with the first one; as root of a name space of its own.
fn contained(script: &str) -> Command {
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child=KILL",
        "--mount-proc",
        "sh",
        "-ec",
        script,
    ]);
    command
}

/// dante; with a login it reads accounts from files that lie over the machine's own in its mount name space.
fn dante(login: bool) -> Server {
    Server::start(|dir, address| {
        let method = if login { "username" } else { "none" };
        let config = format!(
            "logoutput: stderr\ninternal: 127.0.0.1 port = {}\nexternal: 127.0.0.1\nclientmethod: none\n\
             socksmethod: {method}\nuser.privileged: root\nuser.unprivileged: root\n\
             client pass {{\n from: 0.0.0.0/0 to: 0.0.0.0/0\n}}\n\
             socks pass {{\n from: 0.0.0.0/0 to: 0.0.0.0/0\n command: connect\n}}\n",
            address.port()
        );
        put(dir, "danted.conf", &config);
        put(
            dir,
            "passwd",
            &format!("root:x:0:0::/:/bin/false\n{USER}:x:2000:0::/:/bin/false\n"),
        );
        put(dir, "shadow", &format!("{USER}:{SHADOW}:19000:0:99999:7:::\n"));
        let mut command = contained(
            "mount --bind passwd /etc/passwd; mount --bind shadow /etc/shadow; PATH=$PATH:/usr/sbin exec danted -f danted.conf",
        );
        command.current_dir(dir);
        command
    })
}

fn tinyproxy(login: bool) -> Server {
    Server::start(|dir, address| {
        let mut config = format!(
            "Port {}\nListen 127.0.0.1\nTimeout 60\nMaxClients 10\n",
            address.port()
        );
        if login {
            config += &format!("BasicAuth {USER} {PASSWORD}\n");
        }
        put(dir, "tinyproxy.conf", &config);
        let mut command = contained("exec tinyproxy -d -c tinyproxy.conf");
        command.current_dir(dir);
        command
    })
}

/// squid, which refuses to be root.
fn squid() -> Server {
    Server::start(|dir, address| {
        let path = dir.display();
        let config = format!(
            "http_port {address}\npid_filename none\naccess_log none\ncache_log {path}/squid.log\ncache deny all\n\
             cache_store_log none\ncoredump_dir {path}\nshutdown_lifetime 0 seconds\nvisible_hostname longshore.test\n\
             auth_param basic program /usr/lib/squid/basic_ncsa_auth {path}/users\nauth_param basic children 1\n\
             acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all\n"
        );
        put(dir, "squid.conf", &config);
        put(dir, "users", &format!("{USER}:{SHADOW}\n"));
        put(dir, "squid.log", "");
        let nobody = std::os::unix::fs::chown(dir.join("squid.log"), Some(65534), Some(65534)).is_ok();
        let user = if nobody {
            "setpriv --reuid 65534 --regid 65534 --clear-groups "
        } else {
            ""
        };
        let mut command = Command::new("setpriv");
        let script = format!("PATH=$PATH:/usr/sbin exec {user}squid -N -f squid.conf");
        command.args(["--pdeathsig", "KILL", "sh", "-c", &script]);
        command.current_dir(dir);
        command
    })
}

fn put(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).unwrap();
}

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
