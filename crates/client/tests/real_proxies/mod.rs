//! Real proxies, each with a configuration of the test's own on loopback.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part of this"
)]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use longshore_client::Endpoint;
use longshore_client::route::{Proxy, ProxyKind};
use tempfile::TempDir;

/// Whom proxies with a login let through.
pub const USER: &str = "proxyuser";
/// Its password.
pub const PASSWORD: &str = "s3cret";
/// `PASSWORD` for /etc/shadow: SHA-512 with the salt `longshore`.
const SHADOW: &str =
    "$6$longshore$nwe43wQarE9u0Pl.xV266Fzh/GsHWqmQUEOEfg7fAtGo4kC7B1Epxembzi5sLo5DzixnyDlt6ZWEtcT6TzREd0";

/// A proxy that ends with the test.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
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

    /// What the proxy has written so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    pub fn proxy(&self, kind: ProxyKind) -> Proxy {
        let endpoint = Endpoint::new(self.address.ip().to_string(), self.address.port()).unwrap();
        Proxy::new(kind, endpoint)
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
pub fn dante(login: bool) -> Server {
    Server::start(|dir, address| {
        let method = if login { "username" } else { "none" };
        let config = format!(
            "logoutput: stderr\ninternal: 127.0.0.1 port = {}\nexternal: 127.0.0.1\nclientmethod: none\n\
             socksmethod: {method}\nuser.privileged: root\nuser.unprivileged: root\n\
             client pass {{\n from: 0.0.0.0/0 to: 0.0.0.0/0\n}}\n\
             socks pass {{\n from: 0.0.0.0/0 to: 0.0.0.0/0\n command: connect\n log: connect\n}}\n",
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

pub fn tinyproxy(login: bool) -> Server {
    Server::start(|dir, address| {
        let mut config = format!(
            "Port {}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nLogLevel Connect\n",
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
pub fn squid() -> Server {
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
