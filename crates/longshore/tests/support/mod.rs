//! Runs the real binary in a place of its own.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary includes this file and uses a part of it"
)]

use std::ffi::OsStr;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_longshore");

/// How long anything may take before a test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a command left behind.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(
            self.code,
            Some(0),
            "stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        self
    }

    #[track_caller]
    pub fn fails(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout: {}\nstderr: {}",
            self.stdout,
            self.stderr
        );
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// Every word is somewhere in standard error.
    #[track_caller]
    pub fn complains_of(&self, words: &[&str]) {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in: {}", self.stderr);
        }
    }
}

/// A working directory with a home, and nothing of the caller's environment.
pub struct Place {
    pub dir: TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn command<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(BINARY);
        command.args(args);
        self.clean(&mut command);
        command
    }

    /// Takes the caller's environment away from a command.
    pub fn clean(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
            .env("HOME", self.path())
            .current_dir(self.path())
            .stdin(Stdio::null());
    }

    pub fn run<I: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = I>) -> Outcome {
        finish(self.command(args))
    }

    pub fn run_with<I: AsRef<OsStr>>(
        &self,
        env: &[(&str, &str)],
        args: impl IntoIterator<Item = I>,
    ) -> Outcome {
        let mut command = self.command(args);
        command.envs(env.iter().copied());
        finish(command)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

/// Runs a command to its end.
pub fn finish(mut command: Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Asks again and again until there is an answer.
#[track_caller]
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A child process that does not outlive its test, however that ends.
pub struct Guarded(pub Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running server on ports of its own. Its output goes to files, so that nothing blocks.
pub struct Server {
    pub place: Place,
    pub data_dir: PathBuf,
    pub child: Child,
}

impl Server {
    /// Starts one on a new data directory.
    pub fn start() -> Self {
        Self::start_with(Place::new(), "data", &[], &[])
    }

    /// Starts one in `place` on its folder `name`, and waits until it serves.
    pub fn start_with(place: Place, name: &str, env: &[(&str, &str)], args: &[&str]) -> Self {
        let mut server = Self::launch(place, name, env, args);
        server.wait_until_ready();
        server
    }

    /// Starts one without waiting.
    pub fn launch(place: Place, name: &str, env: &[(&str, &str)], args: &[&str]) -> Self {
        let data_dir = place.path().join(name);
        let mut command = place.command(["serve"]);
        for flag in ["--sftp-listen", "--api-listen"]
            .iter()
            .filter(|flag| !args.contains(flag))
        {
            command.args([flag, "127.0.0.1:0"]);
        }
        command
            .args(args)
            .arg("--data-dir")
            .arg(&data_dir)
            .envs(env.iter().copied());
        let file = |name: &str| std::fs::File::create(place.path().join(name)).unwrap();
        command.stdout(file("stdout")).stderr(file("stderr"));
        let child = command.spawn().unwrap();
        Self {
            place,
            data_dir,
            child,
        }
    }

    pub fn wait_until_ready(&mut self) {
        wait_for("the start of the server", || {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the server ended with {status}: {}", self.log());
            }
            self.file().exists().then_some(())
        });
    }

    pub fn file(&self) -> PathBuf {
        self.data_dir.join("run/server.json")
    }

    pub fn info(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.file()).unwrap()).unwrap()
    }

    pub fn address(&self, which: &str) -> SocketAddr {
        self.info()[which].as_str().unwrap().parse().unwrap()
    }

    pub fn api_url(&self) -> String {
        format!("http://{}", self.address("api"))
    }

    pub fn log(&self) -> String {
        self.output("stderr")
    }

    pub fn banner(&self) -> String {
        self.output("stdout")
    }

    fn output(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.place.path().join(name)).unwrap()).into_owned()
    }

    /// Runs a command against this server through its admin socket.
    pub fn admin(&self, args: &[&str]) -> Outcome {
        let mut command = self.place.command(args);
        command.arg("--data-dir").arg(&self.data_dir);
        finish(command)
    }

    pub fn create_user(&self, home: &str) -> Value {
        self.admin(&["user", "create", "--home", home, "--json"])
            .ok()
            .json()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Waits for the end of the process; its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let child = &mut self.child;
        wait_for("the end of the server", || child.try_wait().unwrap()).code()
    }

    pub fn stop(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.wait()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends one plain HTTP request and reads the whole answer.
pub fn http(address: SocketAddr, request: &str) -> String {
    use std::io::Write;
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A user's name and password.
pub struct Login {
    pub name: String,
    pub password: String,
}

impl Server {
    pub fn new_login(&self, home: &str) -> Login {
        let user = self.create_user(home);
        let text = |member: &str| user[member].as_str().unwrap().to_owned();
        Login {
            name: text("username"),
            password: text("password"),
        }
    }

    /// OpenSSH's `sftp` with a batch, the password given by an askpass program.
    pub fn sftp(&self, login: &Login, options: &[&str], batch: &str) -> Command {
        use std::os::unix::fs::PermissionsExt;
        let askpass = self
            .place
            .write("askpass", "#!/bin/sh\nprintf '%s\\n' \"$SFTP_PASSWORD\"\n");
        std::fs::set_permissions(&askpass, std::fs::Permissions::from_mode(0o700)).unwrap();
        let batch = self.place.write("batch", batch);
        let mut command = Command::new("sftp");
        self.place.clean(&mut command);
        command
            .env("SSH_ASKPASS", askpass)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("SFTP_PASSWORD", &login.password)
            .args([
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
                "-o",
                "LogLevel=ERROR",
            ])
            .args([
                "-o",
                "PreferredAuthentications=password",
                "-o",
                "NumberOfPasswordPrompts=1",
            ])
            // Before -b, which would set it to yes and so ask nobody for the password.
            .args(["-o", "BatchMode=no"])
            .args(options)
            .arg("-P")
            .arg(self.address("sftp").port().to_string())
            .arg("-b")
            .arg(batch)
            .arg(format!("{}@127.0.0.1", login.name));
        command
    }

    /// Files in the buckets that match these conditions of find(1).
    pub fn find(&self, conditions: &[&str]) -> Vec<PathBuf> {
        let output = Command::new("find")
            .arg(self.data_dir.join("buckets"))
            .args(conditions)
            .output()
            .unwrap();
        String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(PathBuf::from)
            .collect()
    }
}

/// Root can write everywhere, so some tests act as somebody else.
pub const NOBODY: u32 = 65534;

/// Whether the tests run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
