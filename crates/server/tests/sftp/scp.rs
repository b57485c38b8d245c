//! The old scp protocol: OpenSSH's `scp -O`, and a peer that does as it is told.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout};

use longshore_catalog::UserStore as _;

use crate::support::twisted::Twist;
use crate::support::{Rig, User, errors, eventually, success, within};

/// Runs `scp -O`; `@:` in an argument stands for the user's side.
async fn scp(rig: &Rig, user: &User, arguments: &[&str]) -> Output {
    let mut command = rig.client("scp", user);
    command.arg("-O");
    for argument in arguments {
        command.arg(argument.replace("@:", &format!("{}@127.0.0.1:", user.name)));
    }
    within(command.stdin(Stdio::null()).output()).await.unwrap()
}

fn set_time(path: &Path, seconds: u64) {
    let file = std::fs::File::open(path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds))
        .unwrap();
}

fn modified(path: &Path) -> SystemTime {
    path.metadata().unwrap().modified().unwrap()
}

/// A tree with what people have: nesting, odd names, an empty file, a large one.
fn make_tree(root: &Path) {
    std::fs::create_dir_all(root.join("a b/deep/er")).unwrap();
    std::fs::create_dir(root.join("empty")).unwrap();
    std::fs::write(root.join("zero"), b"").unwrap();
    std::fs::write(root.join("a b/$x;`y`'z'"), b"odd").unwrap();
    let large: Vec<u8> = (0..900_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(root.join("a b/deep/er/large"), large).unwrap();
    for name in ["zero", "a b/deep/er/large", "a b/deep", "empty"] {
        set_time(&root.join(name), 1_000_000_007);
    }
}

fn assert_same(left: &Path, right: &Path) {
    let output = std::process::Command::new("diff")
        .arg("-r")
        .args([left, right])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_go_up_and_come_back_with_their_times() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let local = rig.dir.path().join("tree");
    make_tree(&local);
    let back = rig.dir.path().join("back");
    success(&scp(&rig, &user, &["-r", "-p", "-q", local.to_str().unwrap(), "@:/up"]).await);
    assert_same(&local, &user.home.join("up"));
    success(&scp(&rig, &user, &["-rp", "@:/up", back.to_str().unwrap()]).await);
    assert_same(&local, &back);
    for name in ["zero", "a b/deep/er/large", "a b/deep", "empty"] {
        for copy in [user.home.join("up"), back.clone()] {
            assert_eq!(
                modified(&copy.join(name)),
                UNIX_EPOCH + Duration::from_secs(1_000_000_007),
                "{name}"
            );
        }
    }
    assert_eq!(rig.staged(), 0);
    // Once more: into the directory that is there now.
    success(&scp(&rig, &user, &["-r", local.to_str().unwrap(), "@:/up"]).await);
    assert_same(&local, &user.home.join("up/tree"));
}

#[tokio::test(flavor = "multi_thread")]
async fn single_files_are_copied_replaced_and_found_by_pattern() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let local = rig.dir.path().join("local");
    std::fs::create_dir_all(&local).unwrap();
    let (one, two) = (local.join("one.txt"), local.join("two.txt"));
    std::fs::write(&one, b"1").unwrap();
    std::fs::write(&two, b"22").unwrap();
    success(&scp(&rig, &user, &[one.to_str().unwrap(), two.to_str().unwrap(), "@:"]).await);
    success(&scp(&rig, &user, &[two.to_str().unwrap(), "@:one.txt"]).await);
    assert_eq!(std::fs::read(user.home.join("one.txt")).unwrap(), b"22");
    success(&scp(&rig, &user, &[one.to_str().unwrap(), "@:'a name'"]).await);
    assert_eq!(std::fs::read(user.home.join("a name")).unwrap(), b"1");
    let back = rig.dir.path().join("back");
    std::fs::create_dir(&back).unwrap();
    success(&scp(&rig, &user, &["@:*.txt", back.to_str().unwrap()]).await);
    assert_eq!(std::fs::read_dir(&back).unwrap().count(), 2);
    assert_eq!(std::fs::read(back.join("two.txt")).unwrap(), b"22");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_copied_is_named_and_the_rest_is_copied() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(user.home.join("d")).unwrap();
    std::fs::write(user.home.join("f"), b"f").unwrap();
    let local = rig.dir.path().join("local");
    std::fs::create_dir(&local).unwrap();
    std::fs::write(local.join("x"), b"x").unwrap();
    let (into, x) = (local.to_str().unwrap().to_owned(), local.join("x"));
    let output = scp(&rig, &user, &["@:no", "@:d", "@:f", &into]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("no: No such file or directory"),
        "{}",
        errors(&output)
    );
    assert!(
        errors(&output).contains("d: Is a directory"),
        "{}",
        errors(&output)
    );
    assert_eq!(std::fs::read(local.join("f")).unwrap(), b"f");
    let output = scp(&rig, &user, &[x.to_str().unwrap(), "@:no/x"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("No such file or directory"),
        "{}",
        errors(&output)
    );
    let output = scp(&rig, &user, &[x.to_str().unwrap(), x.to_str().unwrap(), "@:f"]).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("Not a directory"), "{}", errors(&output));
    assert_eq!(std::fs::read(user.home.join("f")).unwrap(), b"f");
}

/// What a sink answers to `input`, and its exit status.
async fn sink(rig: &Rig, user: &User, command: &str, input: &[u8]) -> (Vec<u8>, Option<i32>) {
    let mut ssh = rig.client("ssh", user);
    ssh.arg(format!("{}@127.0.0.1", user.name)).arg(command);
    ssh.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    let mut child = ssh.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input).await.unwrap();
    stdin.shutdown().await.unwrap();
    drop(stdin);
    let output = within(child.wait_with_output()).await.unwrap();
    (output.stdout, output.status.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_source_gets_nowhere() {
    let rig = Rig::start().await;
    let user = rig.user("alice/in").await;
    std::fs::create_dir_all(&user.home).unwrap();
    let outside = user.home.parent().unwrap().to_owned();
    let long = format!("C0644 1 {}\n", "x".repeat(10_000));
    let deep = "D0755 0 d\n".repeat(100);
    let table: [(&str, &[u8]); 9] = [
        ("scp -t /", b"C0644 1 ../escaped\nx\0"),
        ("scp -t /", b"C0644 1 ..\nx\0"),
        ("scp -rt /", b"D0755 0 ..\nC0644 1 escaped\nx\0E\n"),
        ("scp -t /", b"C0644 99999999999999999999 f\n"),
        ("scp -t /", b"E\n"),
        ("scp -t /", b"\n"),
        ("scp -t /", long.as_bytes()),
        ("scp -t /", b"D0755 0 d\n"),
        ("scp -rt /", deep.as_bytes()),
    ];
    for (command, input) in table {
        let (answer, status) = sink(&rig, &user, command, input).await;
        let input = String::from_utf8_lossy(&input[..input.len().min(60)]).into_owned();
        assert_eq!(status, Some(1), "{input:?}");
        assert!(
            answer.iter().any(|byte| matches!(byte, 1 | 2)),
            "{input:?}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    assert_eq!(
        std::fs::read_dir(&outside).unwrap().count(),
        1,
        "nothing beside the home"
    );
    assert!(!user.home.join("f").exists());
}

/// The file is seen when all of it has come and the source says that it was right, and not before.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_seen_when_it_is_whole() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), b"old").unwrap();
    let (answer, status) = sink(&rig, &user, "scp -t /f", b"C0644 5 f\nhal").await;
    assert_eq!((&answer[..], status), (&b"\0\0"[..], Some(1)));
    assert_eq!(std::fs::read(user.home.join("f")).unwrap(), b"old");
    let other = rig.user("bob").await;
    std::fs::create_dir_all(&other.home).unwrap();
    std::fs::write(other.home.join("f"), b"old").unwrap();
    // The source could not read it to the end and says so: it has filled up with zeros.
    let input = b"C0644 5 f\nhal\0\0\x01scp: f: Input/output error\n";
    let (answer, status) = sink(&rig, &other, "scp -t /f", input).await;
    assert_eq!(status, Some(1));
    assert!(
        answer.starts_with(b"\0\0\x01scp: f: upload discarded"),
        "{answer:?}"
    );
    assert_eq!(std::fs::read(other.home.join("f")).unwrap(), b"old");
    let (answer, status) = sink(&rig, &other, "scp -t /f", b"C0644 5 f\nwhole\0").await;
    assert_eq!((&answer[..], status), (&b"\0\0\0"[..], Some(0)));
    assert_eq!(std::fs::read(other.home.join("f")).unwrap(), b"whole");
}

/// A sink that says no to one file gets the others; one that gives up or talks nonsense ends it.
#[tokio::test(flavor = "multi_thread")]
async fn the_answers_of_a_sink_are_heeded() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(user.home.join("d")).unwrap();
    for name in ["d/a", "d/b"] {
        std::fs::write(user.home.join(name), b"xyz").unwrap();
    }
    let (sent, status) = sink(&rig, &user, "scp -f /d/a /d/b", b"\0\x01no\n\0\0\0").await;
    assert_eq!(sent, b"C0644 3 a\nC0644 3 b\nxyz\0");
    assert_eq!(status, Some(1));
    for answers in [&b"\0\x02enough\n\0\0\0\0"[..], b"hello\n", b"\0", b""] {
        let (sent, status) = sink(&rig, &user, "scp -f /d/a /d/b", answers).await;
        assert!(!sent.ends_with(b"xyz\0"), "{answers:?}");
        assert_eq!(status, Some(1), "{answers:?}");
    }
}

/// A copy to `/f` whose first line is sent and agreed to, and what follows it in `input`.
async fn begun(rig: &Rig, user: &User, input: &[u8]) -> (Child, ChildStdin, ChildStdout) {
    let mut ssh = rig.client("ssh", user);
    ssh.arg(format!("{}@127.0.0.1", user.name)).arg("scp -t /f");
    ssh.stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = ssh.spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    stdin.write_all(input).await.unwrap();
    let mut answers = [1; 2];
    within(stdout.read_exact(&mut answers)).await.unwrap();
    assert_eq!(answers, [0, 0]);
    (child, stdin, stdout)
}

/// A source that stops sending is ended as any idle session, and one that is slow is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_copy_ends_and_a_slow_one_does_not() {
    let rig = Rig::start_with(|config| config.idle_timeout = Duration::from_secs(3)).await;
    let user = rig.user("alice").await;
    let (mut child, mut stdin, mut stdout) = begun(&rig, &user, b"C0644 100 f\n").await;
    for _ in 0..10 {
        stdin.write_all(b"x").await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(rig.server.sessions(), 1, "five seconds, and still at work");
    let mut rest = Vec::new();
    within(stdout.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty(), "{rest:?}");
    assert!(!within(child.wait()).await.unwrap().success());
    assert!(!user.home.join("f").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_only_lacks_its_times_is_kept_with_a_warning() {
    let rig = Rig::start_twisted(Twist::AttributesRefused, |_| {}).await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(&user.home).unwrap();
    let input = b"T1000000007 0 1000000007 0\nC0644 5 f\nwhole\0";
    let (answer, status) = sink(&rig, &user, "scp -p -t /f", input).await;
    assert_eq!(status, Some(1));
    assert!(
        answer.starts_with(b"\0\0\0\x01scp: f: set mode and times: Permission denied"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
    assert_eq!(std::fs::read(user.home.join("f")).unwrap(), b"whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deleted_user_was_copying_is_thrown_away() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let (mut child, _stdin, _stdout) = begun(&rig, &user, b"C0644 100 f\nhalf").await;
    eventually("the upload has begun", || rig.staged() == 1).await;
    rig.catalog.delete_user(&user.name, None).await.unwrap();
    assert!(!within(child.wait()).await.unwrap().success());
    eventually("its bytes are gone", || rig.staged() == 0).await;
    assert!(!user.home.join("f").exists());
}
