//! How commands reach, trust and log in: options, `ssh_config`, secrets, exit codes.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::remote::Remote;
use crate::sshd::{PASSWORD, USER};
use crate::support::{BINARY, Outcome, finish};

/// A command without any of the options that make it work, and without a terminal to ask on, wherever the test runs.
fn bare(remote: &Remote, args: &[impl AsRef<OsStr>]) -> Outcome {
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(BINARY).args(args);
    remote.place.clean(&mut command);
    finish(command)
}

fn url(remote: &Remote) -> String {
    format!("sftp://{USER}@127.0.0.1:{}/~/", remote.port)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_trusted_only_by_choice() {
    let remote = Remote::start().await;
    let url = url(&remote);
    let key = remote.sshd.path("user").display().to_string();
    let ls = |more: &[&str]| {
        bare(
            &remote,
            &[&["ls", "-F", "none", "-i", &key], more, &[&url]].concat(),
        )
    };
    let known = remote.place.path().join(".ssh/known_hosts");
    let unknown = ls(&[]).fails(12);
    unknown.complains_of(&[
        "cannot trust the server",
        "is not known",
        "hint: compare",
        "longshore trust add",
    ]);
    assert!(!known.exists());
    ls(&["--fingerprint", &remote.sshd.fingerprint("host")]).ok();
    let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    ls(&["--fingerprint", other])
        .fails(12)
        .complains_of(&["not the pinned one"]);
    assert!(!known.exists(), "a fingerprint writes nothing down");

    let any = "--accept-any-host-key-and-trust-whoever-answers";
    for more in [&[any][..], &[any, "-q"]] {
        ls(more).ok().complains_of(&["warning", "is not looked at"]);
    }
    ls(&[any, "--fingerprint", other]).fails(2);
    assert!(!known.exists());

    let file = remote.place.path().join("keys").display().to_string();
    ls(&["--known-hosts", &file, "--accept-new-host-key"]).ok();
    ls(&["--known-hosts", &file]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
    crate::sshd::keygen(remote.sshd.folder.path(), "stranger", &["-t", "ed25519"]);
    let stranger = fs::read_to_string(remote.sshd.path("stranger.pub")).unwrap();
    fs::write(&file, format!("[127.0.0.1]:{} {stranger}", remote.port)).unwrap();
    ls(&["--known-hosts", &file, "--accept-new-host-key"])
        .fails(12)
        .complains_of(&["has changed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_come_from_files_variables_and_standard_input() {
    let remote = Remote::start().await;
    let url = url(&remote);
    let fingerprint = remote.sshd.fingerprint("host");
    let base = ["-F", "none", "--fingerprint", &fingerprint];
    let file = remote.place.write("password", &format!("{PASSWORD}\n"));
    let file = file.to_str().unwrap();
    let ls = |more: &[&str]| -> Vec<String> {
        let words = [&["ls"], &base[..], more, &[&url]].concat();
        words.into_iter().map(str::to_owned).collect()
    };
    bare(&remote, &ls(&["--password-file", file])).ok();
    let mut command = remote.place.command(ls(&["--password-env", "MINE"]));
    finish({
        command.env("MINE", PASSWORD);
        command
    })
    .ok();
    let mut command = remote.place.command(ls(&["--password-stdin"]));
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    assert!(child.wait().unwrap().success());
    // what comes behind the password is the command's
    let mut command = remote.place.command(["run"]);
    command
        .args(base)
        .args(["-P", &remote.port.to_string(), "--password-stdin"]);
    command.arg(format!("{USER}@127.0.0.1")).arg("cat");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    write!(child.stdin.take().unwrap(), "{PASSWORD}\nrest").unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, b"rest");

    let wrong = remote.place.write("wrong", "another-secret");
    let refused = bare(&remote, &ls(&["--password-file", wrong.to_str().unwrap(), "-vv"])).fails(5);
    refused.complains_of(&["cannot log in", "refused: password"]);
    assert!(!refused.stderr.contains("another-secret"), "{}", refused.stderr);
    let nobody = bare(&remote, &ls(&[])).fails(5);
    nobody.complains_of(&["no terminal to ask on", "--password-file"]);
    bare(&remote, &ls(&["--password-env", "UNSET"]))
        .fails(3)
        .complains_of(&["UNSET"]);
    bare(&remote, &ls(&["--password-file", "nowhere"])).fails(3);
    bare(&remote, &ls(&["--password-file", file, "--password-stdin"])).fails(2);
    bare(&remote, &["ls", &format!("sftp://{USER}:{PASSWORD}@127.0.0.1/")])
        .fails(2)
        .complains_of(&["may not hold a password"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_with_passphrases_are_opened() {
    let remote = Remote::start().await;
    crate::sshd::keygen(
        remote.sshd.folder.path(),
        "locked",
        &["-t", "ed25519", "-N", "open sesame"],
    );
    remote.sshd.authorize("locked");
    let key = remote.sshd.path("locked").display().to_string();
    let fingerprint = remote.sshd.fingerprint("host");
    let url = url(&remote);
    let base = ["ls", "-F", "none", "--fingerprint", &fingerprint, "-i", &key];
    let passphrase = remote
        .place
        .write("passphrase", "open sesame\n")
        .display()
        .to_string();
    bare(
        &remote,
        &[&base[..], &["--passphrase-file", &passphrase, &url]].concat(),
    )
    .ok();
    bare(&remote, &[&base[..], &[&url]].concat())
        .fails(3)
        .complains_of(&["passphrase"]);
    let missing = ["ls", "-F", "none", "-i", "nowhere", &url];
    bare(&remote, &missing)
        .fails(3)
        .complains_of(&["cannot read the key nowhere"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_config_and_jump_hosts_are_honoured() {
    let remote = Remote::start().await;
    let known = remote.place.write(
        "known",
        &format!(
            "[127.0.0.1]:{} {}",
            remote.port,
            fs::read_to_string(remote.sshd.path("host.pub")).unwrap()
        ),
    );
    let config = format!(
        "Host alias hop\n HostName 127.0.0.1\n HostKeyAlias [127.0.0.1]:{port}\n Port {port}\n User {USER}\n IdentityFile {key}\n \
         UserKnownHostsFile {known}\nHost alias\n HashKnownHosts yes\n",
        port = remote.port,
        key = remote.sshd.path("user").display(),
        known = known.display(),
    );
    remote.place.write(".ssh/config", &config);
    remote.write("a", "x");
    assert_eq!(bare(&remote, &["ls", "alias:"]).ok().stdout, "a\n");
    let told = bare(&remote, &["ls", "-v", "-J", "hop", "alias:"]).ok();
    told.complains_of(&[
        "connected to",
        "trusted: known-hosts",
        "logged in as tester by publickey SHA256:",
    ]);
    assert_eq!(told.stderr.matches("connected to").count(), 2, "{}", told.stderr);
    assert_eq!(
        remote.sshd.connections.load(std::sync::atomic::Ordering::SeqCst),
        3
    );
    // the command line goes first
    bare(
        &remote,
        &["ls", "-o", "HostName=127.0.0.1", "-o", "Port=1", "alias:"],
    )
    .fails(4)
    .complains_of(&["cannot reach the server"]);
    bare(&remote, &["ls", "-F", "none", "alias.invalid:"])
        .fails(4)
        .complains_of(&["cannot find the server's address"]);
    bare(&remote, &["ls", "-o", "Nonsense=1", "alias:"])
        .fails(3)
        .complains_of(&["cannot use the settings", "command line"]);
    bare(&remote, &["ls", "-o", "Port", "alias:"]).fails(2);
    bare(
        &remote,
        &["ls", "-J", "alias", "--proxy", "socks5://127.0.0.1:1", "alias:"],
    )
    .fails(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_are_gone_through_and_their_passwords_stay_secret() {
    let remote = Remote::start().await;
    let target = remote.at("");
    // nobody listens there: the way was taken
    let refused = remote
        .run(&["ls", "--proxy", "socks5://me@127.0.0.1:1", &target])
        .fails(4);
    refused.complains_of(&["127.0.0.1:1"]);
    let shown = remote
        .run(&["ls", "--proxy", "socks5://me:s3cret@127.0.0.1:1", &target])
        .fails(2);
    shown.complains_of(&["does not belong on the command line", "--proxy-password-file"]);
    assert!(!shown.stderr.contains("s3cret"));
    let mut command = remote.command(&["ls", &target]);
    command.env("LONGSHORE_PROXY", "http://me:s3cret@127.0.0.1:1");
    let refused = finish(command).fails(4);
    assert!(!refused.stderr.contains("s3cret"), "{}", refused.stderr);
    let mut command = remote.command(&["ls", "--proxy", "none", &target]);
    command.env("LONGSHORE_PROXY", "http://127.0.0.1:1");
    finish(command).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn other_ways_to_start_sftp_and_servers_that_refuse() {
    let remote = Remote::start().await;
    remote
        .run(&[
            "ls",
            "--sftp-server",
            "/usr/lib/openssh/sftp-server",
            &remote.at(""),
        ])
        .ok();
    remote
        .run(&["ls", "--sftp-server", "nonsense", &remote.at("")])
        .fails(7);
    remote
        .run(&["ls", &remote.at("a"), "other:b"])
        .fails(2)
        .complains_of(&["two servers"]);
}
