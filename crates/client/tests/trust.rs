//! Decisions on host keys: the matcher is asked what `ssh-keygen -F` is asked, the policy what OpenSSH would decide.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use base64::Engine as _;
use longshore_client::trust::known_hosts::{self, KnownHosts};
use longshore_client::trust::line::{Line, hashed, parse};
use longshore_client::trust::{AskAboutHostKey, TrustPolicy, UnknownHostKey};
use longshore_client::{Endpoint, ErrorKind, HostKey, HostKeyVerifier, Stage, Trusted, TrustedBy};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

/// An Ed25519 key whose bytes are all `n`: enough for files, nobody signs with it.
fn blob(n: u8) -> Vec<u8> {
    [&[0, 0, 0, 11][..], b"ssh-ed25519", &[0, 0, 0, 32], &[n; 32]].concat()
}

fn encoded(n: u8) -> String {
    base64::engine::general_purpose::STANDARD.encode(blob(n))
}

fn key(n: u8) -> HostKey {
    HostKey::from_blob(&blob(n)).unwrap()
}

/// Keys that are points on the curve, so that they parse everywhere.
const KEYS: [u8; 4] = [1, 3, 4, 5];

fn host(text: &str) -> Endpoint {
    text.parse().unwrap()
}

/// What `ssh-keygen -F` prints: line number and marker.
fn keygen_finds(file: &Path, name: &str) -> BTreeSet<(usize, String)> {
    let output = Command::new("ssh-keygen")
        .arg("-F")
        .arg(name)
        .arg("-f")
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = text.lines().filter_map(|line| {
        let rest = line.strip_prefix("# Host ")?.split_once(" found: line ")?.1;
        let (number, marker) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
        Some((number.parse().unwrap(), marker.trim().to_owned()))
    });
    found.collect()
}

fn we_find(file: &Path, name: &str) -> BTreeSet<(usize, String)> {
    use longshore_client::trust::line::Marker;
    let known = KnownHosts::load(&[file.to_owned()]).unwrap();
    let found = known.find(name).map(|located| {
        let marker = match located.entry.marker {
            Marker::None => "",
            Marker::CertAuthority => "CA",
            Marker::Revoked => "REVOKED",
        };
        (located.line, marker.to_owned())
    });
    found.collect()
}

const NAMES: [&str; 9] = [
    "host.example",
    "other.example",
    "host",
    "192.0.2.7",
    "2001:db8::7",
    "[host.example]:2022",
    "[192.0.2.7]:22022",
    "[2001:db8::7]:2222",
    "h",
];

fn patterns() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        6 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
        4 => prop::sample::select(vec![
            "*.example", "host*", "*", "?ost", "HOST.Example", "192.0.2.*", "[*]:2022", "[host.example]:*", "*:*", "h?st.*", "nobody",
        ]).prop_map(str::to_owned),
    ];
    let signed =
        (one, 0..5u8).prop_map(|(pattern, sign)| if sign == 0 { format!("!{pattern}") } else { pattern });
    prop_oneof![
        3 => prop::collection::vec(signed, 1..4).prop_map(|list| list.join(",")),
        1 => prop::sample::select(NAMES.to_vec()).prop_map(|name| hashed(name).unwrap()),
    ]
}

fn entry_line() -> impl Strategy<Value = String> {
    let marker = prop::sample::select(vec!["", "", "", "@cert-authority ", "@revoked "]);
    let comment = prop::sample::select(vec!["", " a comment", "  # x", "\r", " \t"]);
    let entry = (
        marker,
        patterns(),
        prop::sample::select(KEYS.to_vec()),
        comment,
        0..6u8,
    );
    let entry = entry.prop_map(|(marker, hosts, n, comment, space)| {
        let (front, between) = match space {
            0 => ("  ", "\t"),
            1 => ("\t", "  "),
            _ => ("", " "),
        };
        format!(
            "{front}{marker}{hosts}{between}ssh-ed25519{between}{}{comment}",
            encoded(n)
        )
    });
    prop_oneof![
        12 => entry,
        1 => Just(String::new()),
        1 => Just("# host.example ssh-ed25519 AAAA".to_owned()),
        1 => Just("   \t".to_owned()),
    ]
}

#[test]
fn the_matcher_finds_what_ssh_keygen_finds_in_a_thousand_cases() {
    let file_text = (prop::collection::vec(entry_line(), 0..9), any::<bool>())
        .prop_map(|(lines, end)| lines.join("\n") + if end { "\n" } else { "" });
    let case = (file_text, prop::sample::select(NAMES.to_vec()));
    let mut runner = TestRunner::new(Config::default());
    let dir = tempfile::tempdir().unwrap();
    let (mut found, mut nothing) = (0, 0);
    for at in 0..1000 {
        let (text, name) = case.new_tree(&mut runner).unwrap().current();
        let file = dir.path().join(format!("known_hosts_{at}"));
        std::fs::write(&file, &text).unwrap();
        let theirs = keygen_finds(&file, name);
        assert_eq!(we_find(&file, name), theirs, "-F {name} in\n{text}");
        if theirs.is_empty() {
            nothing += 1;
        } else {
            found += 1;
        }
    }
    // a generator that finds always or never would compare nothing
    assert!(found > 200 && nothing > 100, "{found} found, {nothing} not");
}

struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn policy(&self, text: &str) -> TrustPolicy {
        TrustPolicy::known_hosts([self.put("known_hosts", text)]).global_files([])
    }
}

fn line(hosts: &str, n: u8) -> String {
    format!("{hosts} ssh-ed25519 {}\n", encoded(n))
}

async fn kind(policy: &TrustPolicy, host_text: &str, n: u8) -> ErrorKind {
    let error = policy.verify(&host(host_text), &key(n)).await.unwrap_err();
    assert_eq!(error.stage(), Stage::HostKey);
    assert!(error.next_step().is_some());
    error.kind()
}

async fn trusted(policy: &TrustPolicy, host_text: &str, n: u8) -> Trusted {
    policy.verify(&host(host_text), &key(n)).await.unwrap()
}

#[tokio::test]
async fn strictness_is_the_default_and_the_answer_names_the_line() {
    let files = Files::new();
    let policy = files.policy(&format!(
        "# mine\n{}{}",
        line("host.example,*.lan", 1),
        line("[p.example]:2022", 3)
    ));
    let got = trusted(&policy, "HOST.example", 1).await;
    assert_eq!((got.by, got.line), (TrustedBy::KnownHosts, Some(2)));
    assert_eq!(got.file, Some(files.path("known_hosts")));
    assert_eq!(got.fingerprint, key(1).fingerprint());
    assert_eq!(trusted(&policy, "p.example:2022", 3).await.line, Some(3));
    assert_eq!(kind(&policy, "p.example", 3).await, ErrorKind::HostKeyUnknown);
    assert_eq!(kind(&policy, "host.example", 3).await, ErrorKind::HostKeyChanged);
    // an entry without port says yes for any port, but never no
    assert_eq!(trusted(&policy, "host.example:2022", 1).await.line, Some(2));
    assert_eq!(
        kind(&policy, "host.example:2022", 3).await,
        ErrorKind::HostKeyUnknown
    );
}

#[tokio::test]
async fn a_changed_key_is_refused_with_places_and_fingerprints_whatever_else_is_wished() {
    let files = Files::new();
    let policy = files.policy(&line("host.example", 1));
    for policy in [
        policy.clone(),
        policy.clone().accept_new(),
        policy.clone().ask(Arc::new(Says::new(true))),
    ] {
        let error = policy.verify(&host("host.example"), &key(3)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HostKeyChanged);
        let text = error.to_string();
        let place = format!("{}:1", files.path("known_hosts").display());
        for part in [key(1).fingerprint(), key(3).fingerprint(), &place] {
            assert!(text.contains(part), "{text}");
        }
        assert!(error.next_step().unwrap().contains("longshore trust"));
    }
    assert_eq!(
        std::fs::read_to_string(files.path("known_hosts")).unwrap(),
        line("host.example", 1)
    );
}

#[tokio::test]
async fn a_revoked_key_is_refused_even_when_it_is_known_or_pinned() {
    let files = Files::new();
    let policy = files.policy(&format!(
        "{}@revoked * ssh-ed25519 {}\n",
        line("host.example", 1),
        encoded(1)
    ));
    assert_eq!(kind(&policy, "host.example", 1).await, ErrorKind::HostKeyRevoked);
    let pinned = policy.clone().pin(key(1).fingerprint()).unwrap();
    assert_eq!(kind(&pinned, "host.example", 1).await, ErrorKind::HostKeyRevoked);

    let list = files.put("revoked", &format!("# gone\nssh-ed25519 {} old\n", encoded(3)));
    let policy = files
        .policy(&line("host.example", 3))
        .revoked_file(Some(list.clone()));
    assert_eq!(kind(&policy, "host.example", 3).await, ErrorKind::HostKeyRevoked);
    for unusable in ["SSHKRL\n\0binary", "nonsense\n"] {
        files.put("revoked", unusable);
        assert_eq!(kind(&policy, "host.example", 3).await, ErrorKind::InvalidInput);
    }
    std::fs::remove_file(list).unwrap();
    assert_eq!(kind(&policy, "host.example", 3).await, ErrorKind::InvalidInput);
}

#[tokio::test]
async fn pins_alone_decide_where_there_are_some() {
    let files = Files::new();
    let policy = files
        .policy(&line("host.example", 1))
        .pin(key(3).fingerprint())
        .unwrap();
    assert_eq!(trusted(&policy, "host.example", 3).await.by, TrustedBy::Pinned);
    assert_eq!(kind(&policy, "host.example", 1).await, ErrorKind::HostKeyChanged);
    let padded = format!("{}=", key(3).fingerprint());
    let policy = TrustPolicy::pinned([padded]).unwrap();
    assert_eq!(trusted(&policy, "other", 3).await.by, TrustedBy::Pinned);
    for bad in ["", "SHA256:", "MD5:00:11", "SHA256:short"] {
        TrustPolicy::pinned([bad]).expect_err(bad);
    }
}

struct Says {
    answer: bool,
    asked: AtomicUsize,
}

impl Says {
    fn new(answer: bool) -> Self {
        Self {
            answer,
            asked: AtomicUsize::new(0),
        }
    }
}

#[async_trait]
impl AskAboutHostKey for Says {
    async fn trust(&self, question: &UnknownHostKey) -> bool {
        assert!(question.fingerprint.starts_with("SHA256:"));
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.answer
    }
}

#[tokio::test]
async fn new_keys_are_added_by_choice_or_on_a_yes_and_are_known_then() {
    let files = Files::new();
    let file = files.path("ssh/known_hosts");
    let base = TrustPolicy::known_hosts([file.clone()]).global_files([]);
    let no = Arc::new(Says::new(false));
    assert_eq!(
        kind(&base.clone().ask(no.clone()), "a.example", 1).await,
        ErrorKind::HostKeyUnknown
    );
    assert!(!file.exists() && no.asked.load(Ordering::Relaxed) == 1);

    let yes = Arc::new(Says::new(true));
    let ask = base.clone().ask(yes.clone());
    assert_eq!(trusted(&ask, "a.example:2022", 1).await.by, TrustedBy::Asked);
    assert_eq!(trusted(&ask, "a.example:2022", 1).await.by, TrustedBy::KnownHosts);
    assert_eq!(yes.asked.load(Ordering::Relaxed), 1);

    let new = base.clone().accept_new().hash_names(true);
    let got = trusted(&new, "b.example", 3).await;
    assert_eq!((got.by, got.line), (TrustedBy::AcceptedNew, Some(2)));
    assert_eq!(trusted(&base, "b.example", 3).await.line, Some(2));
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        text.starts_with("[a.example]:2022 ssh-ed25519 ") && !text.contains("b.example"),
        "{text}"
    );
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        std::fs::metadata(file.parent().unwrap())
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
    assert_eq!(keygen_finds(&file, "b.example").len(), 1);
}

#[tokio::test]
async fn an_alias_takes_the_place_of_name_and_port() {
    let files = Files::new();
    let policy = files.policy(&line("Alias", 1)).alias(Some("ALIAS".to_owned()));
    assert_eq!(trusted(&policy, "10.0.0.9:2222", 1).await.line, Some(1));
    assert_eq!(kind(&policy, "10.0.0.9:2222", 3).await, ErrorKind::HostKeyChanged);
}

#[tokio::test]
async fn only_a_long_name_takes_any_key() {
    let policy = TrustPolicy::accept_any_host_key_and_trust_whoever_answers();
    assert_eq!(trusted(&policy, "x", 5).await.by, TrustedBy::Unchecked);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_no_empty_file() {
    let files = Files::new();
    let folder = files.path("folder");
    std::fs::create_dir(&folder).unwrap();
    let policy = TrustPolicy::known_hosts([folder]).global_files([]).accept_new();
    let error = policy.verify(&host("x"), &key(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[test]
fn known_kinds_of_keys_are_offered_first() {
    let files = Files::new();
    let policy = files.policy(&line("host.example", 1));
    assert_eq!(policy.known_algorithms(&host("host.example")), ["ssh-ed25519"]);
    assert!(policy.known_algorithms(&host("other.example")).is_empty());
    let policy = files.policy(&format!("@cert-authority *.example ssh-ed25519 {}\n", encoded(1)));
    assert_eq!(
        policy.known_algorithms(&host("host.example"))[0],
        "ssh-ed25519-cert-v01@openssh.com"
    );
    let policy = files.policy(&format!("@revoked *.example ssh-ed25519 {}\n", encoded(1)));
    assert!(policy.known_algorithms(&host("host.example")).is_empty());
}

#[test]
fn many_writers_lose_no_line() {
    let files = Files::new();
    let file = files.put("known_hosts", "# without an end");
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let file = &file;
            scope.spawn(move || {
                for at in 0..20 {
                    let name = format!("w{writer}-{at}.example");
                    known_hosts::append(file, &name, "ssh-ed25519", &blob(1), false).unwrap();
                    if at % 5 == 4 {
                        let gone = format!("w{writer}-{}.example", at - 1);
                        let removed = known_hosts::remove(file, |entry| entry.hosts.matches(&gone)).unwrap();
                        assert_eq!(removed.len(), 1, "{gone}");
                    }
                }
            });
        }
    });
    let text = std::fs::read(&file).unwrap();
    let lines: Vec<Line> = text.split(|byte| *byte == b'\n').map(parse).collect();
    let entries = lines.iter().filter(|line| matches!(line, Line::Entry(_))).count();
    assert_eq!(entries, 8 * 20 - 8 * 4);
    assert!(!lines.iter().any(|line| matches!(line, Line::Malformed(_))));
    let left: Vec<_> = std::fs::read_dir(files.dir.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "the file and its .old: {left:?}");
}

#[test]
fn removing_keeps_mode_link_and_the_other_lines() {
    let files = Files::new();
    let text = format!(
        "# top\r\n{}garbage\n{}",
        line("a.example", 1),
        line("b.example", 3)
    );
    let real = files.put("real", &text);
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o640)).unwrap();
    let link = files.path("link");
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let removed = known_hosts::remove(&link, |entry| entry.hosts.matches("a.example")).unwrap();
    assert_eq!(removed.len(), 1);
    assert_eq!(removed[0].line, 2);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(
        std::fs::read_to_string(&real).unwrap(),
        format!("# top\r\ngarbage\n{}", line("b.example", 3))
    );
    assert_eq!(std::fs::read_to_string(files.path("real.old")).unwrap(), text);
    assert_eq!(
        std::fs::metadata(&real).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert!(
        known_hosts::remove(&files.path("none"), |_| true)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_name_that_would_stand_for_others_is_never_written() {
    let files = Files::new();
    for name in ["*", "a,b", "!a", "a b", "a\nb", "#a", "|1|x", "@revoked", ""] {
        let file = files.path("known_hosts");
        known_hosts::append(&file, name, "ssh-ed25519", &blob(1), false).expect_err(name);
        assert!(!file.exists());
    }
}
