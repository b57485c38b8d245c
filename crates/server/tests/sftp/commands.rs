//! Commands over `ssh`: md5sum and its like, and the refusal of everything else.

use std::process::{Output, Stdio};

use bytes::{Bytes, BytesMut};
use longshore_sftp::{CheckFile, CheckSubject, ExtendedRequest, Init, Request, RequestId};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

use crate::support::{Rig, User, errors, eventually, success, within};

const ABC: [(&str, &str); 4] = [
    ("md5sum", "900150983cd24fb0d6963f7d28e17f72"),
    ("sha1sum", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (
        "sha256sum",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ),
    (
        "sha512sum",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
];

async fn with_input(rig: &Rig, user: &User, command: &str, input: &[u8]) -> Output {
    let mut ssh = rig.client("ssh", user);
    ssh.arg(format!("{}@127.0.0.1", user.name)).arg(command);
    ssh.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = ssh.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input).await.unwrap();
    drop(stdin);
    within(child.wait_with_output()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_input_are_hashed() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), b"abc").unwrap();
    for (command, hash) in ABC {
        let output = rig.ssh(&user, &[command, "f"]).await;
        assert_eq!(success(&output), format!("{hash}  f\n"));
        let output = with_input(&rig, &user, command, b"abc").await;
        assert_eq!(success(&output), format!("{hash}  -\n"));
    }
    let output = with_input(&rig, &user, "md5sum -b - -- /f", b"abc").await;
    let md5 = ABC[0].1;
    assert_eq!(success(&output), format!("{md5} *-\n{md5} */f\n"));
}

/// Two names that coreutils escapes, one that needs quotes, one that starts with a dash: compared with its own output.
#[tokio::test(flavor = "multi_thread")]
async fn the_output_is_that_of_coreutils() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(&user.home).unwrap();
    for name in [
        "a b",
        "back\\slash",
        "line\nbreak",
        "-dash",
        "car\rriage",
        "it's $HOME; `x`",
    ] {
        std::fs::write(user.home.join(name), name).unwrap();
    }
    let quoted = "'a b' 'back\\slash' 'line\nbreak' -- -dash $'x'";
    let quoted = quoted.replace("$'x'", "'it'\\''s $HOME; `x`' 'car\rriage'");
    for flags in ["", "-b", "-t", "--tag", "-z"] {
        let command = format!("sha256sum {flags} {quoted}");
        let ours = rig.ssh(&user, &[&command]).await;
        let theirs = Command::new("sh")
            .current_dir(&user.home)
            .env("LC_ALL", "C")
            .args(["-c", &command])
            .output()
            .await
            .unwrap();
        assert_eq!(success(&ours), success(&theirs), "{flags}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_and_the_rest_is_done() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(user.home.join("d")).unwrap();
    std::fs::write(user.home.join("f"), b"abc").unwrap();
    let output = rig
        .ssh(&user, &["md5sum", "no", "d", "f", "../../../etc/passwd"])
        .await;
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        format!("{}  f\n", ABC[0].1)
    );
    let expected = "md5sum: no: No such file or directory\n\
                    md5sum: d: Is a directory\n\
                    md5sum: ../../../etc/passwd: No such file or directory\n";
    assert_eq!(errors(&output), expected);
    let output = rig.ssh(&user, &["md5sum", "--check", "f"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("'--check' is not supported"),
        "{}",
        errors(&output)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_found_by_pattern() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(user.home.join("d")).unwrap();
    for name in ["d/a.csv", "d/b.csv", "d/c.txt", "d/.x.csv"] {
        std::fs::write(user.home.join(name), b"abc").unwrap();
    }
    let md5 = ABC[0].1;
    let output = success(&rig.ssh(&user, &["md5sum '/d/'*.csv"]).await);
    assert_eq!(output, format!("{md5}  /d/a.csv\n{md5}  /d/b.csv\n"));
    let output = success(&rig.ssh(&user, &["md5sum ~/d/[ab].csv"]).await);
    assert_eq!(output, format!("{md5}  /d/a.csv\n{md5}  /d/b.csv\n"));
    let output = success(&rig.ssh(&user, &["md5sum ~/d/c.txt"]).await);
    assert_eq!(output, format!("{md5}  /d/c.txt\n"));
    let output = rig.ssh(&user, &["md5sum 'd/*.csv'"]).await;
    assert_eq!(errors(&output), "md5sum: d/*.csv: No such file or directory\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_shell() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let witness = rig.dir.path().join("witness");
    let attempts = [
        "id".to_owned(),
        "sh -c id".to_owned(),
        format!("md5sum; touch {}", witness.display()),
        format!("md5sum $(touch {})", witness.display()),
        format!("md5sum `touch {}`", witness.display()),
        format!("md5sum > {}", witness.display()),
        format!("md5sum\ntouch {}", witness.display()),
        "scp -S sh -t /".to_owned(),
        "echo ${ShellId}%ComSpec%".to_owned(),
        "'unclosed".to_owned(),
        "scp".to_owned(),
        "scp -f".to_owned(),
        "scp -f -t /".to_owned(),
    ];
    for attempt in attempts {
        let output = rig.ssh(&user, &[&attempt]).await;
        assert_eq!(output.status.code(), Some(1), "{attempt}");
        assert!(!output.stderr.is_empty(), "{attempt}");
        assert!(
            !String::from_utf8_lossy(&output.stdout).contains("uid="),
            "{attempt}"
        );
    }
    assert!(!witness.exists());
}

/// A connection that several clients share, as OpenSSH's `ControlMaster` does: they come and go without it.
struct Shared<'a> {
    rig: &'a Rig,
    user: &'a User,
    control: String,
    _master: Child,
}

impl<'a> Shared<'a> {
    async fn new(rig: &'a Rig, user: &'a User) -> Self {
        let path = rig.dir.path().join("control");
        let control = format!("ControlPath={}", path.display());
        let mut master = rig.client("ssh", user);
        master
            .args(["-o", "ControlMaster=yes", "-o", &control, "-N"])
            .arg(format!("{}@127.0.0.1", user.name));
        let master = master.spawn().unwrap();
        eventually("the connection is up", || path.exists()).await;
        Self {
            rig,
            user,
            control,
            _master: master,
        }
    }

    fn ssh(&self, arguments: &[&str]) -> Command {
        let mut ssh = self.rig.client("ssh", self.user);
        ssh.args(["-o", &self.control]).args(["-T", "-x"]);
        ssh.args(&arguments[..arguments.len() - 1])
            .arg(format!("{}@127.0.0.1", self.user.name))
            .args(&arguments[arguments.len() - 1..]);
        ssh.stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        ssh
    }
}

/// A file that takes hours to hash and no room, and a small one.
fn huge_and_small(user: &User) {
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("small"), b"abc").unwrap();
    let huge = std::fs::File::create(user.home.join("huge")).unwrap();
    huge.set_len(8 << 40).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_ends_with_its_channel() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    huge_and_small(&user);
    let shared = Shared::new(&rig, &user).await;
    // As many as may run at once. That they run shows in the line before.
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = shared.ssh(&["md5sum small huge"]).spawn().unwrap();
        let mut line = [0; 40];
        let stdout = client.stdout.as_mut().unwrap();
        within(tokio::io::AsyncReadExt::read_exact(stdout, &mut line))
            .await
            .unwrap();
        clients.push(client);
    }
    for client in &mut clients {
        client.kill().await.unwrap();
    }
    let output = within(shared.ssh(&["md5sum small"]).output()).await.unwrap();
    assert_eq!(success(&output), format!("{}  small\n", ABC[0].1));
}

/// The queue of the channel is full, so nothing more is read from it.
#[tokio::test(flavor = "multi_thread")]
async fn hashes_that_were_asked_for_by_sftp_end_with_their_channel() {
    let rig = Rig::start_with(|config| config.requests_in_flight = 2).await;
    let user = rig.user("alice").await;
    huge_and_small(&user);
    let shared = Shared::new(&rig, &user).await;
    let mut client = shared.ssh(&["-s", "sftp"]).spawn().unwrap();
    let mut packets = BytesMut::from(&Init::v3().to_packet().unwrap()[..]);
    for id in 0..2 {
        let wanted = CheckFile {
            subject: CheckSubject::Path(Bytes::from_static(b"huge")),
            algorithms: Bytes::from_static(b"md5"),
            start: 0,
            len: 0,
            block_len: 0,
        };
        let request = Request::Extended(ExtendedRequest::CheckFile(wanted));
        packets.extend_from_slice(&request.to_packet(RequestId(id)).unwrap());
    }
    let stdin = client.stdin.as_mut().unwrap();
    stdin.write_all(&packets).await.unwrap();
    let mut version = [0; 5];
    let stdout = client.stdout.as_mut().unwrap();
    within(tokio::io::AsyncReadExt::read_exact(stdout, &mut version))
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    client.kill().await.unwrap();
    let output = within(shared.ssh(&["md5sum small"]).output()).await.unwrap();
    assert_eq!(success(&output), format!("{}  small\n", ABC[0].1));
}
