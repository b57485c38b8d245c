//! `put` and `get`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::remote::{Remote, content, names};
use crate::support::{Server, finish};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_where_it_is_told_and_comes_back() {
    let remote = Remote::start().await;
    let (place, data) = (&remote.place, content(700_000));
    fs::write(place.path().join("a.bin"), &data).unwrap();
    remote.make_dir("in");
    remote.write("taken", "old");
    // under the name that is given, into a directory, into one that is named as one, over a file
    for (target, file) in [
        ("new", "new"),
        ("in", "in/a.bin"),
        ("in/", "in/a.bin"),
        ("", "a.bin"),
        ("taken", "taken"),
    ] {
        let done = remote.run(&["put", "a.bin", &remote.at(target)]).ok();
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""), "{target}");
        assert_eq!(fs::read(remote.home(file)).unwrap(), data, "{target}");
        fs::remove_file(remote.home(file)).unwrap();
    }
    assert_eq!(names(&remote.home("")), ["in"], "nothing else is left");
    remote.write("b.bin", &data);
    fs::create_dir(place.path().join("down")).unwrap();
    for (args, file) in [(&["here"][..], "here"), (&["down"], "down/b.bin"), (&[], "b.bin")] {
        let target = remote.at("b.bin");
        remote.run(&[&["get", &target], args].concat()).ok();
        assert_eq!(fs::read(place.path().join(file)).unwrap(), data, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_files_patterns_and_trees() {
    let remote = Remote::start().await;
    let place = &remote.place;
    for name in ["a.csv", "b.csv", "c.txt", "tree/d.csv", "tree/deep/e.csv"] {
        place.write(name, name);
    }
    remote.make_dir("in");
    remote
        .run(&["put", "a.csv", "b.csv", "c.txt", &remote.at("in")])
        .ok();
    assert_eq!(names(&remote.home("in")), ["a.csv", "b.csv", "c.txt"]);
    // into what is there, under a new name, what is in it
    remote.run(&["put", "-r", "tree", &remote.at("in")]).ok();
    remote.run(&["put", "-r", "tree", &remote.at("new")]).ok();
    remote.run(&["put", "-r", "tree/.", &remote.at("flat")]).ok();
    for dir in ["in/tree", "new", "flat"] {
        assert_eq!(
            fs::read_to_string(remote.home(dir).join("deep/e.csv")).unwrap(),
            "tree/deep/e.csv"
        );
    }
    remote
        .run(&["put", "tree", &remote.at("in")])
        .fails(2)
        .complains_of(&["tree is a directory", "-r"]);

    let down = place.path().join("down");
    fs::create_dir(&down).unwrap();
    remote
        .run(&["get", &remote.at("in/*.csv"), ":in/c.*", "down"])
        .ok();
    assert_eq!(names(&down), ["a.csv", "b.csv", "c.txt"]);
    remote.run(&["get", "-r", &remote.at("in"), "down"]).ok();
    assert_eq!(
        fs::read_to_string(down.join("in/tree/deep/e.csv")).unwrap(),
        "tree/deep/e.csv"
    );
    remote.run(&["get", "-r", &remote.at("in/[ct]*"), "down"]).ok();
    assert_eq!(names(&down.join("tree")), ["d.csv", "deep"]);
    remote
        .run(&["get", &remote.at("in/*.csv"), "nowhere"])
        .fails(16)
        .complains_of(&["nowhere is no directory"]);
    remote
        .run(&["get", &remote.at("in/*.none"), "down"])
        .fails(6)
        .complains_of(&["nothing matches"]);
    remote
        .run(&["get", &remote.at("in"), "down"])
        .fails(16)
        .complains_of(&["is a directory", "-r"]);
    // a name that looks like a pattern
    remote.write("[x].csv", "x");
    remote
        .run(&["get", "--no-glob", &remote.at("[x].csv"), "down"])
        .ok();
    remote.run(&["get", &remote.at(r"\[x\].csv"), "down/y"]).ok();
    assert_eq!(fs::read_to_string(down.join("[x].csv")).unwrap(), "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_go_through_pipes() {
    let remote = Remote::start().await;
    let data = content(3_000_000);
    let mut command = remote.command(&["put", "-", &remote.at("stream")]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&data).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(fs::read(remote.home("stream")).unwrap(), data);
    let output = remote
        .command(&["get", &remote.at("stream"), "-"])
        .output()
        .unwrap();
    assert!(output.status.success() && output.stdout == data);
    remote.run(&["get", &remote.at("stream"), "/dev/null"]).ok();
    remote
        .run(&["put", "-", &remote.at("")])
        .fails(2)
        .complains_of(&["no name of its own"]);
    remote.run(&["get", "--json", &remote.at("stream"), "-"]).fails(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn times_and_permissions_are_kept_as_far_as_is_asked() {
    let remote = Remote::start().await;
    let place = &remote.place;
    let local = place.write("a", "x");
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000);
    fs::File::options()
        .write(true)
        .open(&local)
        .unwrap()
        .set_modified(then)
        .unwrap();
    fs::set_permissions(&local, fs::Permissions::from_mode(0o641)).unwrap();
    let facts = |path: std::path::PathBuf| {
        let stat = fs::metadata(path).unwrap();
        (
            stat.modified().unwrap() == then,
            stat.permissions().mode() & 0o777,
        )
    };
    remote.run(&["put", "a", &remote.at("times")]).ok();
    remote.run(&["put", "-p", "a", &remote.at("all")]).ok();
    remote.run(&["put", "--no-times", "a", &remote.at("none")]).ok();
    assert!(facts(remote.home("times")).0 && !facts(remote.home("none")).0);
    assert_eq!(facts(remote.home("all")), (true, 0o641));
    remote.run(&["get", "-p", &remote.at("all"), "back"]).ok();
    assert_eq!(facts(place.path().join("back")), (true, 0o641));
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_one_document_or_a_line_for_each_event() {
    let remote = Remote::start().await;
    let place = &remote.place;
    for name in ["a", "b"] {
        place.write(name, "12345");
    }
    remote.make_dir("in");
    let document = remote
        .run(&["put", "--json", "--verify", "a", "b", &remote.at("in")])
        .ok()
        .json();
    assert_eq!(
        (&document["files"], &document["bytes"], &document["failed"]),
        (&2.into(), &10.into(), &0.into())
    );
    let receipt = &document["receipts"][0];
    assert_eq!(receipt["direction"], "upload");
    assert_eq!(
        receipt["verified"]["content"], "command_hash",
        "the test's server has a shell: {receipt}"
    );
    assert_eq!(
        receipt["sha256"],
        "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"
    );

    // some fail, and that is told once for each
    let target = remote.at("in");
    let refused = remote
        .run(&["put", "--json", "--no-clobber", "a", "b", &target])
        .fails(16)
        .json();
    assert_eq!(
        (&refused["failed"], &refused["receipts"]),
        (&2.into(), &json!([]))
    );
    assert_eq!(refused["errors"][0]["kind"], "already_exists");
    fs::remove_file(remote.home("in/b")).unwrap();
    let half = remote.run(&["put", "--no-clobber", "a", "b", &target]).fails(20);
    half.complains_of(&["in/a", "the target exists", "1 of 2 were not moved"]);

    let lines = remote
        .run(&["get", "--jsonl", &remote.at("in/*"), "."])
        .ok()
        .stdout;
    let events: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let count = |word: &str| events.iter().filter(|event| event["event"] == word).count();
    assert_eq!(
        (count("started"), count("finished"), count("failed"), count("end")),
        (2, 2, 0, 1)
    );
    assert_eq!(events.last().unwrap()["files"], 2);
    // a directory that the file goes into is no failure
    let lines = remote.run(&["put", "--jsonl", "a", &remote.at("in")]).ok().stdout;
    assert!(!lines.contains(r#""event":"failed""#), "{lines}");

    let told = remote.run(&["put", "-v", "a", &remote.at("c")]).ok();
    assert!(told.stdout.starts_with("a -> c: 5 B, "), "{}", told.stdout);
    told.complains_of(&["1 file (5 B) moved"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_have_their_exit_codes() {
    let remote = Remote::start().await;
    remote.place.write("a", "x");
    remote.run(&["put", "missing", &remote.at("a")]).fails(6);
    remote
        .run(&["get", &remote.at("missing"), "."])
        .fails(6)
        .complains_of(&["missing"]);
    remote.run(&["put", "a", &remote.at("no/dir/a")]).fails(6);
    fs::create_dir(remote.home("locked")).unwrap();
    fs::set_permissions(remote.home("locked"), fs::Permissions::from_mode(0o755)).unwrap();
    remote.run(&["put", "a", &remote.at("locked/a")]).fails(15);
    remote
        .run(&["put", "a", "b"])
        .fails(2)
        .complains_of(&["b names no server"]);
    remote
        .run(&["get", "a", "b"])
        .fails(2)
        .complains_of(&["a names no server"]);
    remote.run(&["get", &remote.at("a"), "other:b"]).fails(2);
    assert!(!remote.place.path().join("missing").exists());
}

#[test]
fn our_own_server_takes_and_gives() {
    let server = Server::start();
    let login = server.new_login("/mover");
    let keys = server.admin(&["host-key", "show"]).ok().stdout;
    let fingerprint = keys
        .split_whitespace()
        .find(|word| word.starts_with("SHA256:"))
        .unwrap()
        .to_owned();
    let place = &server.place;
    let run = |args: &[&str]| {
        let mut command = place.command([args[0]]);
        command
            .env("PASSWORD", &login.password)
            .args([
                "-F",
                "none",
                "--password-env",
                "PASSWORD",
                "--fingerprint",
                &fingerprint,
            ])
            .args(["-P", &server.address("sftp").port().to_string()])
            .args(&args[1..]);
        finish(command)
    };
    let data = content(600_000);
    fs::create_dir_all(place.path().join("tree/sub")).unwrap();
    fs::write(place.path().join("tree/sub/a"), &data).unwrap();
    place.write("tree/b", "short");
    let at = |path: &str| format!("{}@127.0.0.1:{path}", login.name);
    let put = run(&["put", "-r", "--json", "tree", &at("up")]).ok().json();
    assert_eq!((&put["files"], &put["directories"]), (&2.into(), &1.into()));
    // our own server computes hashes: nobody has to ask for the proof
    for receipt in put["receipts"].as_array().unwrap() {
        assert_eq!(receipt["verified"]["content"], "server_hash", "{receipt}");
    }
    run(&["get", "-r", &at("up"), "down"]).ok();
    assert_eq!(fs::read(place.path().join("down/sub/a")).unwrap(), data);
    assert_eq!(run(&["sync", "--json", "tree", &at("up")]).ok().json()["same"], 2);
    let batch = place.write(
        "batch",
        "cd up\nrename b c\nreget sub/a again\nput tree/b b\ncopy b d\nln -s b soft\nls -l\ndf\n",
    );
    run(&["batch", batch.to_str().unwrap(), &at("")]).ok();
    assert_eq!(fs::read(place.path().join("again")).unwrap(), data);
    run(&["get", "-r", "--links", "keep", &at("up"), "all"]).ok();
    assert_eq!(names(&place.path().join("all")), ["b", "c", "d", "soft", "sub"]);
}
