//! Host certificates: each case is decided by us and by OpenSSH's `ssh`, over a real connection.

mod sshd;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use longshore_client::trust::TrustPolicy;
use longshore_client::{AuthMethod, ConnectOptions, Connection, ErrorKind, NonInteractive, Stage, TrustedBy};
use sshd::{Sshd, USER, keygen, run};

/// What the case expects of us.
enum Expect {
    /// Trusted by this, and `ssh` trusts it too.
    Trusted(TrustedBy),
    /// Refused with this, and `ssh` refuses it too.
    Refused(ErrorKind),
}
use Expect::{Refused, Trusted};

struct Case {
    name: &'static str,
    /// Further arguments of `ssh-keygen -s`.
    sign: &'static [&'static str],
    /// Lines of known_hosts; `CA`, `KEY`, `NAME` and `PORT` are replaced.
    known_hosts: &'static str,
    /// `-o` of `ssh`, which is also told to us.
    option: Option<(&'static str, &'static str)>,
    expect: Expect,
}

const VALID: &[&str] = &["-n", "127.0.0.1", "-V", "-5m:+1h"];
const FOR_ALL: &str = "@cert-authority * CA\n";

fn cases() -> Vec<Case> {
    let case = |name, sign, known_hosts, expect| Case {
        name,
        sign,
        known_hosts,
        option: None,
        expect,
    };
    let by_certificate = || Trusted(TrustedBy::HostCertificate);
    let unknown = || Refused(ErrorKind::HostKeyUnknown);
    vec![
        case("an authority for all hosts", VALID, FOR_ALL, by_certificate()),
        case(
            "for this host and port",
            VALID,
            "@cert-authority [NAME]:PORT CA\n",
            by_certificate(),
        ),
        case(
            "for this host, no port named",
            VALID,
            "@cert-authority NAME CA\n",
            by_certificate(),
        ),
        case(
            "several principals",
            &["-n", "a.example,127.0.0.1", "-V", "-5m:+1h"],
            FOR_ALL,
            by_certificate(),
        ),
        case("valid for ever", &["-n", "127.0.0.1"], FOR_ALL, by_certificate()),
        case("no authority", VALID, "", unknown()),
        case(
            "an authority for other hosts",
            VALID,
            "@cert-authority *.example CA\n",
            unknown(),
        ),
        case(
            "not for this port",
            VALID,
            "@cert-authority [NAME]:1 CA\n",
            unknown(),
        ),
        case(
            "the authority's key is no authority",
            VALID,
            "[NAME]:PORT CA\n",
            Refused(ErrorKind::HostKeyChanged),
        ),
        case(
            "for another host",
            &["-n", "elsewhere.example", "-V", "-5m:+1h"],
            FOR_ALL,
            Refused(ErrorKind::HostKeyUnknown),
        ),
        case(
            "a principal with a star",
            &["-n", "127.0.0.*", "-V", "-5m:+1h"],
            FOR_ALL,
            Refused(ErrorKind::HostKeyUnknown),
        ),
        case(
            "expired",
            &["-n", "127.0.0.1", "-V", "-2h:-1h"],
            FOR_ALL,
            Refused(ErrorKind::HostKeyUnknown),
        ),
        case(
            "not valid yet",
            &["-n", "127.0.0.1", "-V", "+1h:+2h"],
            FOR_ALL,
            Refused(ErrorKind::HostKeyUnknown),
        ),
        case(
            "the authority is revoked",
            VALID,
            "@cert-authority * CA\n@revoked * CA\n",
            Refused(ErrorKind::HostKeyRevoked),
        ),
        case(
            "the key is revoked",
            VALID,
            "@cert-authority * CA\n@revoked * KEY\n",
            Refused(ErrorKind::HostKeyRevoked),
        ),
        case(
            "an unknown authority, but a known key",
            VALID,
            "[NAME]:PORT KEY\n",
            Trusted(TrustedBy::KnownHosts),
        ),
        Case {
            option: Some(("CASignatureAlgorithms", "ecdsa-sha2-nistp256")),
            ..case(
                "an algorithm that may not sign",
                VALID,
                FOR_ALL,
                Refused(ErrorKind::HostKeyUnknown),
            )
        },
        Case {
            option: Some(("HostKeyAlias", "127.0.0.1")),
            ..case(
                "the alias is named",
                VALID,
                "@cert-authority 127.0.0.1 CA\n",
                by_certificate(),
            )
        },
        Case {
            option: Some(("HostKeyAlias", "other.example")),
            ..case(
                "the alias is not named",
                VALID,
                FOR_ALL,
                Refused(ErrorKind::HostKeyUnknown),
            )
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn we_and_openssh_decide_the_same_on_host_certificates() {
    let server = Sshd::start("").await;
    let folder = server.folder.path();
    keygen(folder, "authority", &["-t", "ed25519"]);
    let config = fs::read_to_string(server.path("sshd_config")).unwrap();
    let certificate = server.path("host-cert.pub").display().to_string();
    fs::write(
        server.path("sshd_config"),
        format!("HostCertificate {certificate}\n{config}"),
    )
    .unwrap();
    let mut wrong = Vec::new();
    for case in cases() {
        sign(folder, case.sign);
        let known_hosts = server.path("known_hosts");
        let text = case
            .known_hosts
            .replace("CA", &public(folder, "authority"))
            .replace("KEY", &public(folder, "host"))
            .replace("NAME", "127.0.0.1")
            .replace("PORT", &server.port.to_string());
        fs::write(&known_hosts, text).unwrap();
        let theirs = openssh_trusts(&server, &known_hosts, case.option).await;
        let ours = Connection::connect(&options(&server, &known_hosts, case.option), &NonInteractive).await;
        let told = ours.as_ref().map_or_else(ToString::to_string, |connection| {
            format!("trusted by {}", connection.info().trusted.by)
        });
        let as_expected = match (case.expect, &ours) {
            (Trusted(by), Ok(connection)) => theirs && connection.info().trusted.by == by,
            (Refused(kind), Err(error)) => !theirs && (error.stage(), error.kind()) == (Stage::HostKey, kind),
            _ => false,
        };
        if !as_expected {
            wrong.push(format!("{}: ssh trusts it: {theirs}; we: {told}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn sign(folder: &Path, arguments: &[&str]) {
    run(Command::new("ssh-keygen")
        .args(["-q", "-h", "-I", "test", "-s"])
        .arg(folder.join("authority"))
        .args(arguments)
        .arg(folder.join("host.pub")));
}

/// Type and key, as in a line of known_hosts.
fn public(folder: &Path, name: &str) -> String {
    let line = fs::read_to_string(folder.join(format!("{name}.pub"))).unwrap();
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn options(server: &Sshd, known_hosts: &Path, option: Option<(&str, &str)>) -> ConnectOptions {
    let mut trust = TrustPolicy::known_hosts([known_hosts.to_owned()]).global_files([]);
    match option {
        Some(("CASignatureAlgorithms", name)) => trust = trust.authority_algorithms(vec![name.to_owned()]),
        Some((_, alias)) => trust = trust.alias(Some(alias.to_owned())),
        None => {}
    }
    ConnectOptions::new(server.endpoint(), USER, trust).auth(AuthMethod::key_file(server.path("user")))
}

/// Whether `ssh` with the same files gets in.
async fn openssh_trusts(server: &Sshd, known_hosts: &Path, option: Option<(&str, &str)>) -> bool {
    let mut command = tokio::process::Command::new("ssh");
    command
        .args([
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=yes",
        ])
        .args([
            "-o",
            "GlobalKnownHostsFile=none",
            "-o",
            "UpdateHostKeys=no",
            "-o",
            "IdentitiesOnly=yes",
        ])
        .arg("-o")
        .arg(format!("UserKnownHostsFile={}", known_hosts.display()))
        .arg("-i")
        .arg(server.path("user"))
        .args(["-p", &server.port.to_string()]);
    if let Some((key, value)) = option {
        command.args(["-o", &format!("{key}={value}")]);
    }
    let output = command
        .args([&format!("{USER}@127.0.0.1"), "true"])
        .stdin(Stdio::null())
        .output();
    let output = output.await.unwrap();
    let refused = String::from_utf8_lossy(&output.stderr).contains("Host key verification failed");
    assert!(
        output.status.success() || refused,
        "ssh failed for another reason: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.status.success()
}
