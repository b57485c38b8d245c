//! `cat`, `mv`, `cp`, `rm`, `mkdir`, `rmdir`, `ln`, `chmod`, `touch`, `hash`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::process::Stdio;

use crate::remote::{Remote, content, names};

const MODE: u32 = 0o7777;

#[tokio::test(flavor = "multi_thread")]
async fn cat_prints_the_bytes_in_order() {
    let remote = Remote::start().await;
    let data = content(5_000_000);
    remote.write("big", &data);
    remote.write("empty", "");
    remote.write("small", "small\n");
    let mut command = remote.command(&["cat", &remote.at("big"), ":empty", "-", ":small"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"between\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stdout == [&data[..], b"between\nsmall\n"].concat());
    // a reader that has enough
    let mut child = remote
        .command(&["cat", &remote.at("big")])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    remote
        .run(&["cat", &remote.at("no")])
        .fails(6)
        .complains_of(&["open no", "No such file"]);
    remote.run(&["cat", "-"]).fails(2);
    remote.run(&["cat", "local"]).fails(4);
}

#[tokio::test(flavor = "multi_thread")]
async fn mv_never_goes_over_a_file_unless_told_so() {
    let remote = Remote::start().await;
    remote.write("a", "new");
    remote.write("b", "old");
    remote
        .run(&["mv", &remote.at("a"), ":b"])
        .fails(16)
        .complains_of(&["name is taken", "--force"]);
    assert_eq!(fs::read_to_string(remote.home("b")).unwrap(), "old");
    // a link that leads nowhere is a name that is taken
    symlink("nowhere", remote.home("dangling")).unwrap();
    remote.run(&["mv", &remote.at("a"), ":dangling"]).fails(16);
    remote.run(&["mv", "--force", &remote.at("a"), ":b"]).ok();
    assert_eq!(fs::read_to_string(remote.home("b")).unwrap(), "new");
    // into a directory, several at a time, whole directories
    remote.make_dir("in");
    remote.make_dir("dir");
    remote.write("c", "c");
    remote.run(&["mv", &remote.at("b"), ":c", ":dir", ":in"]).ok();
    assert_eq!(names(&remote.home("in")), ["b", "c", "dir"]);
    remote
        .run(&["mv", &remote.at("in/b"), ":in/c", ":nowhere"])
        .fails(16)
        .complains_of(&["is no directory"]);
    remote
        .run(&["mv", &remote.at("no"), ":in"])
        .fails(6)
        .complains_of(&["rename no"]);
    remote.run(&["mv", &remote.at("no"), ":in", ":in/b"]).fails(16);
    remote.run(&["mv", &remote.at(""), ":in"]).fails(18);
    remote
        .run(&["mv", &remote.at("in/b"), "b"])
        .fails(2)
        .complains_of(&["no path on a server", ":path"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_copies_whole_files_under_free_names() {
    let remote = Remote::start().await;
    let data = content(3_000_000);
    let source = remote.write("a", &data);
    fs::set_permissions(&source, fs::Permissions::from_mode(0o604)).unwrap();
    let copied = remote
        .run(&["cp", "--json", "-p", &remote.at("a"), ":b"])
        .ok()
        .json();
    assert_eq!(
        (&copied[0]["size"], &copied[0]["by"]),
        (&3_000_000.into(), &"copy-data".into())
    );
    assert!(fs::read(remote.home("b")).unwrap() == data);
    let (a, b) = (
        fs::metadata(&source).unwrap(),
        fs::metadata(remote.home("b")).unwrap(),
    );
    assert_eq!((a.mtime(), a.mode()), (b.mtime(), b.mode()));
    remote.write("c", "other");
    remote
        .run(&["cp", &remote.at("a"), ":c"])
        .fails(16)
        .complains_of(&["name is taken"]);
    remote.run(&["cp", "--force", &remote.at("a"), ":c"]).ok();
    assert!(fs::read(remote.home("c")).unwrap() == data);
    remote.make_dir("in");
    remote
        .run(&["cp", &remote.at("in"), ":d"])
        .fails(16)
        .complains_of(&["is a directory"]);
    remote.run(&["cp", &remote.at("a"), ":no", ":in"]).fails(20);
    assert_eq!(names(&remote.home("in")), ["a"]);
    assert_eq!(
        names(&remote.home("")),
        ["a", "b", "c", "in"],
        "no halves are left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_goes_through_us_where_the_server_does_not_copy() {
    let remote = Remote::start().await;
    let data = content(3_000_000);
    remote.write("a", &data);
    let server = "/usr/lib/openssh/sftp-server -P copy-data";
    let copied = remote
        .run(&["cp", "--json", "--sftp-server", server, &remote.at("a"), ":b"])
        .ok()
        .json();
    assert_eq!(copied[0]["by"], "read-and-write");
    assert!(fs::read(remote.home("b")).unwrap() == data);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_server_copies_and_hashes_by_itself() {
    let server = crate::support::Server::start();
    let login = server.new_login("/home");
    let remote = OwnServer::new(&server, &login);
    let data = content(2_500_000);
    let made = server.find(&["-type", "d", "-name", "home"]);
    fs::write(made[0].join("a"), &data).unwrap();
    let copied = remote.run(&["cp", "--json", &remote.at("a"), ":b"]).ok().json();
    assert_eq!(copied[0]["by"], "copy-data");
    let hashed = remote.run(&["hash", "--json", &remote.at("a"), ":b"]).ok().json();
    assert_eq!(hashed[0]["by"], "server");
    let read = remote
        .run(&["hash", "--json", "--read", &remote.at("a"), ":b"])
        .ok()
        .json();
    assert_eq!(read[0]["by"], "reading");
    for one in [&hashed[0], &hashed[1], &read[1]] {
        assert_eq!(one["hash"], read[0]["hash"]);
    }
}

/// Our own server, by password.
struct OwnServer<'a> {
    server: &'a crate::support::Server,
    name: String,
}

impl<'a> OwnServer<'a> {
    fn new(server: &'a crate::support::Server, login: &crate::support::Login) -> Self {
        server.place.write("password", &login.password);
        Self {
            server,
            name: login.name.clone(),
        }
    }

    fn at(&self, path: &str) -> String {
        let address = self.server.address("sftp");
        format!("sftp://{}@{address}/{path}", self.name)
    }

    fn run(&self, args: &[&str]) -> crate::support::Outcome {
        let base = [
            "-F",
            "none",
            "--password-file",
            "password",
            "--accept-new-host-key",
        ];
        let mut all = vec![args[0]];
        all.extend(base);
        all.extend(&args[1..]);
        self.server.place.run(all)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rm_removes_what_it_is_told_and_nothing_else() {
    let remote = Remote::start().await;
    let outside = remote.make_dir("outside");
    remote.write("outside/kept", "1");
    for dir in ["tree/a/b", "tree/c"] {
        remote.make_dir(dir);
    }
    for at in 0..150 {
        remote.write(&format!("tree/a/{at}"), "x");
    }
    symlink(&outside, remote.home("tree/link")).unwrap();
    symlink(&outside, remote.home("link")).unwrap();
    crate::remote::open_up(&remote.home("tree"));
    crate::remote::open_up(&remote.home("tree/a"));
    remote
        .run(&["rm", &remote.at("tree")])
        .fails(16)
        .complains_of(&["-r removes directories"]);
    for kept in ["", "/", ".", "tree/..", "tree/."] {
        remote
            .run(&["rm", "-rf", &remote.at(kept)])
            .fails(18)
            .complains_of(&["refusing to remove"]);
    }
    remote.run(&["rmdir", &remote.at("/")]).fails(18);
    remote.run(&["rm", "-r", &remote.at("tree"), ":link/"]).ok();
    assert_eq!(names(&remote.home("")), ["outside"]);
    assert_eq!(names(&outside), ["kept"]);
    remote
        .run(&["rm", &remote.at("no")])
        .fails(6)
        .complains_of(&["remove no"]);
    remote.run(&["rm", "-f", &remote.at("no")]).ok();
    remote.run(&["rm", "-rf", &remote.at("no")]).ok();
    remote.write("yes", "");
    remote.run(&["rm", &remote.at("no"), ":yes"]).fails(20);
    assert_eq!(names(&remote.home("")), ["outside"]);
    // what cannot be removed keeps what it lies in, and the rest goes
    remote.make_dir("half/locked");
    remote.write("half/locked/file", "");
    remote.write("half/free", "");
    crate::remote::open_up(&remote.home("half"));
    fs::set_permissions(remote.home("half/locked"), fs::Permissions::from_mode(0o755)).unwrap();
    remote
        .run(&["rm", "-r", &remote.at("half")])
        .fails(15)
        .complains_of(&["half/locked/file", "Permission denied"]);
    assert_eq!(names(&remote.home("half")), ["locked"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_are_made_and_removed() {
    let remote = Remote::start().await;
    remote.run(&["mkdir", &remote.at("a"), ":b"]).ok();
    remote
        .run(&["mkdir", &remote.at("a")])
        .fails(16)
        .complains_of(&["mkdir a"]);
    remote.run(&["mkdir", &remote.at("x/y/z")]).fails(6);
    remote.run(&["mkdir", "-p", &remote.at("x/y/z"), ":a"]).ok();
    assert!(remote.home("x/y/z").is_dir());
    remote.run(&["mkdir", "-m", "2750", &remote.at("mode")]).ok();
    assert_eq!(fs::metadata(remote.home("mode")).unwrap().mode() & MODE, 0o2750);
    remote.run(&["mkdir", "-m", "9", &remote.at("c")]).fails(2);
    remote.run(&["mkdir", &remote.at("")]).fails(2);
    remote.run(&["rmdir", &remote.at("a"), ":b", ":mode"]).ok();
    remote
        .run(&["rmdir", &remote.at("x")])
        .fails(16)
        .complains_of(&["not empty"]);
    assert_eq!(names(&remote.home("")), ["x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_permissions_and_times() {
    let remote = Remote::start().await;
    remote.run(&["touch", &remote.at("a")]).ok();
    let a = remote.home("a");
    remote.run(&["ln", &remote.at("a"), ":b"]).ok();
    assert_eq!(fs::metadata(&a).unwrap().nlink(), 2);
    remote.run(&["ln", "-s", "../x y", &remote.at("s")]).ok();
    assert_eq!(fs::read_link(remote.home("s")).unwrap().to_str(), Some("../x y"));
    remote
        .run(&["ln", "-s", "a", &remote.at("s")])
        .fails(16)
        .complains_of(&["symlink s"]);
    remote.run(&["ln", "-sf", "a", &remote.at("s")]).ok();
    assert_eq!(fs::read_link(remote.home("s")).unwrap().to_str(), Some("a"));
    remote
        .run(&["ln", "-s", &remote.at("a"), &remote.at("t")])
        .fails(2)
        .complains_of(&["without a host"]);

    let mode = || fs::metadata(&a).unwrap().mode() & MODE;
    remote.run(&["chmod", "640", &remote.at("a")]).ok();
    assert_eq!(mode(), 0o640);
    remote.run(&["chmod", "go+r,u+x", &remote.at("a")]).ok();
    assert_eq!(mode(), 0o744);
    remote.run(&["chmod", "-x", &remote.at("a")]).ok();
    assert_eq!(mode(), 0o644);
    remote.run(&["chmod", "u+q", &remote.at("a")]).fails(2);
    remote.run(&["chmod", "600", &remote.at("no")]).fails(6);

    remote
        .run(&["touch", "-d", "2001-09-09T01:46:40Z", &remote.at("a"), ":new"])
        .ok();
    for name in ["a", "new"] {
        assert_eq!(fs::metadata(remote.home(name)).unwrap().mtime(), 1_000_000_000);
    }
    remote.run(&["touch", "-c", &remote.at("none")]).ok();
    assert!(!remote.home("none").exists());
    remote.run(&["touch", &remote.at("a")]).ok();
    assert!(fs::metadata(&a).unwrap().mtime() > 1_700_000_000);
    remote
        .run(&["touch", "-d", "yesterday", &remote.at("a")])
        .fails(2);
    remote
        .run(&["touch", "-d", "1969-01-01T00:00:00Z", &remote.at("a")])
        .fails(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn hashes_say_who_computed_them() {
    let remote = Remote::start().await;
    remote.write("a", "12345");
    let out = remote.run(&["hash", &remote.at("a")]).ok();
    let expected = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5";
    assert_eq!(out.stdout, format!("{expected}  a\n"));
    out.complains_of(&["a: computed from the bytes read"]);
    let quiet = remote.run(&["hash", "-q", &remote.at("a")]).ok();
    assert_eq!(quiet.stderr, "");
    let long = remote
        .run(&["hash", "-a", "sha512", "--json", &remote.at("a")])
        .ok()
        .json();
    assert_eq!(
        (&long[0]["algorithm"], &long[0]["by"]),
        (&"sha512".into(), &"reading".into())
    );
    assert_eq!(long[0]["hash"].as_str().unwrap().len(), 128);
    remote
        .run(&["hash", "-a", "md5", &remote.at("a")])
        .fails(7)
        .complains_of(&["sha256"]);
    remote.run(&["hash", &remote.at("no")]).fails(6);
}

/// Whatever cannot be done, nothing that was there is lost for it.
#[tokio::test(flavor = "multi_thread")]
async fn replacing_loses_nothing() {
    let remote = Remote::start().await;
    remote.write("good", "good");
    remote.write("other", "other");
    let same: [&[&str]; 3] = [
        &["mv", "--force", &remote.at("good"), ":./good"],
        &["mv", "--force", &remote.at("good"), ":"],
        &["cp", "--force", &remote.at("good"), ":good"],
    ];
    for args in same {
        remote.run(args).fails(16).complains_of(&["the same file"]);
        assert_eq!(
            fs::read_to_string(remote.home("good")).unwrap(),
            "good",
            "{args:?}"
        );
    }
    // the old name goes only when the new link is there
    remote.run(&["ln", "-f", &remote.at("missing"), ":good"]).fails(6);
    assert_eq!(fs::read_to_string(remote.home("good")).unwrap(), "good");
    remote.run(&["ln", "-f", &remote.at("good"), ":good"]).ok();
    remote.run(&["ln", "-f", &remote.at("good"), ":other"]).ok();
    assert_eq!(fs::read_to_string(remote.home("other")).unwrap(), "good");
    remote.run(&["ln", "-sf", "good", &remote.at("other")]).ok();
    assert_eq!(fs::read_link(remote.home("other")).unwrap().as_os_str(), "good");
    let names = names(&remote.home(""));
    assert!(
        !names.iter().any(|name| name.starts_with(".longshore")),
        "{names:?}"
    );
}
