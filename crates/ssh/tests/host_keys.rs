//! Host keys: made once, kept safe, and shown as `ssh-keygen` shows them.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use common::{TestServer, text};
use longshore_ssh::{HostKeyError, HostKeys};

fn keygen(args: &[&str], file: &Path) -> String {
    let output = Command::new("ssh-keygen")
        .args(args)
        .arg("-f")
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn files(dir: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn the_first_start_makes_keys_and_the_second_keeps_them() {
    let dir = tempfile::tempdir().unwrap();
    let first = HostKeys::load_or_generate(dir.path()).unwrap();
    assert_eq!(files(dir.path()), ["ssh_host_ecdsa_key", "ssh_host_ed25519_key"]);
    for name in files(dir.path()) {
        let mode = fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }
    let second = HostKeys::load_or_generate(dir.path()).unwrap();
    assert_eq!(first.fingerprints(), second.fingerprints());
    let other = tempfile::tempdir().unwrap();
    let third = HostKeys::load_or_generate(other.path()).unwrap();
    assert_ne!(first.fingerprints(), third.fingerprints());
    let debug = format!("{first:?}");
    assert!(debug.contains("SHA256:") && !debug.contains("PRIVATE"), "{debug}");
}

#[test]
fn all_forms_agree_with_ssh_keygen() {
    let dir = tempfile::tempdir().unwrap();
    let rsa = dir.path().join("ssh_host_rsa_key");
    keygen(&["-q", "-t", "rsa", "-b", "2048", "-N", ""], &rsa);
    let keys = HostKeys::load_or_generate(dir.path()).unwrap();
    let names = ["ssh_host_ed25519_key", "ssh_host_ecdsa_key", "ssh_host_rsa_key"];
    let fingerprints = keys.fingerprints();
    assert_eq!(fingerprints.len(), 3);
    assert_eq!(keys.fingerprint(), fingerprints[0].1);
    let records = keys.sshfp("files.example.com");
    let lines = keys.known_hosts_lines("files.example.com", 2022);
    for (index, name) in names.iter().enumerate() {
        let path = dir.path().join(name);
        let public = keygen(&["-y"], &path);
        let public_file = dir.path().join(format!("{name}.pub"));
        fs::write(&public_file, &public).unwrap();
        assert!(keygen(&["-l"], &path).contains(&fingerprints[index].1));
        let wanted: Vec<_> = public.split_whitespace().take(2).collect();
        assert_eq!(
            lines[index],
            format!("[files.example.com]:2022 {}", wanted.join(" "))
        );
        assert!(public.starts_with(&fingerprints[index].0));
        let listed = keygen(&["-r", "files.example.com"], &public_file);
        assert!(
            listed.lines().any(|line| line == records[index]),
            "{} in {listed}",
            records[index]
        );
    }
    assert_eq!(
        keys.known_hosts_line("a.example", 22),
        lines[0].replace("[files.example.com]:2022", "a.example")
    );
}

#[test]
fn keys_that_others_can_read_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    HostKeys::load_or_generate(dir.path()).unwrap();
    let path = dir.path().join("ssh_host_ecdsa_key");
    for bad in [0o640, 0o604, 0o660] {
        fs::set_permissions(&path, fs::Permissions::from_mode(bad)).unwrap();
        match HostKeys::load_or_generate(dir.path()) {
            Err(HostKeyError::Readable { path: found, mode }) => {
                assert_eq!((found, mode), (path.clone(), bad));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_no_usable_key_is_neither_used_nor_replaced() {
    let dir = tempfile::tempdir().unwrap();
    HostKeys::load_or_generate(dir.path()).unwrap();
    let path = dir.path().join("ssh_host_ed25519_key");
    let ecdsa = fs::read(dir.path().join("ssh_host_ecdsa_key")).unwrap();
    let whole = fs::read(&path).unwrap();
    for content in [&b""[..], b"garbage", &whole[..whole.len() / 2], &ecdsa] {
        fs::write(&path, content).unwrap();
        let error = HostKeys::load_or_generate(dir.path()).unwrap_err();
        assert!(
            matches!(&error, HostKeyError::Invalid { path: found, .. } if *found == path),
            "{error:?}"
        );
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    fs::write(&path, vec![b'x'; 70_000]).unwrap();
    assert!(matches!(
        HostKeys::load_or_generate(dir.path()),
        Err(HostKeyError::TooLarge { len: 70_000, .. })
    ));
    fs::remove_file(&path).unwrap();
    keygen(&["-q", "-t", "ed25519", "-N", "a passphrase"], &path);
    let error = HostKeys::load_or_generate(dir.path()).unwrap_err();
    assert!(error.to_string().contains("passphrase"), "{error}");
}

#[test]
fn a_start_that_was_cut_off_does_not_stop_the_next() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("ssh_host_ed25519_key.new"), "half a k").unwrap();
    HostKeys::load_or_generate(dir.path()).unwrap();
    assert_eq!(files(dir.path()), ["ssh_host_ecdsa_key", "ssh_host_ed25519_key"]);
    let missing = dir.path().join("missing");
    assert!(matches!(
        HostKeys::load_or_generate(&missing),
        Err(HostKeyError::Io { action: "create", .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rsa_key_serves_with_sha2_only() {
    let dir = tempfile::tempdir().unwrap();
    keygen(
        &["-q", "-t", "rsa", "-b", "2048", "-N", ""],
        &dir.path().join("ssh_host_rsa_key"),
    );
    let keys = HostKeys::load_or_generate(dir.path()).unwrap();
    let server =
        TestServer::start_with(common::State::default(), |config| config.host_keys = keys.clone()).await;
    let lines = keys
        .known_hosts_lines("127.0.0.1", server.address.port())
        .join("\n");
    fs::write(server.known_hosts(), lines + "\n").unwrap();
    for (algorithm, works) in [("rsa-sha2-512", true), ("rsa-sha2-256", true), ("ssh-rsa", false)] {
        let option = format!("HostKeyAlgorithms={algorithm}");
        let output = server.exec(&[&option], "digest", Vec::new()).await;
        assert_eq!(
            output.status.success(),
            works,
            "{algorithm}: {}",
            text(&output.stderr)
        );
    }
}
