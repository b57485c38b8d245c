//! `ls`, `stat`, `tree`, `df`.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use crate::remote::Remote;

fn set_time(path: &std::path::Path, seconds: u64) {
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    fs::File::open(path).unwrap().set_modified(then).unwrap();
}

/// A home with files of known sizes and times, a link, a directory and a hidden file.
async fn with_files() -> Remote {
    let remote = Remote::start().await;
    for (name, len, time) in [
        ("b.csv", 10, 1_000_000_000),
        ("a.csv", 2000, 1_100_000_000),
        (".hidden", 1, 0),
    ] {
        set_time(&remote.write(name, vec![b'x'; len]), time);
    }
    remote.make_dir("in/deep");
    remote.write("in/deep/leaf", "1");
    symlink("a.csv", remote.home("link")).unwrap();
    remote
}

#[tokio::test(flavor = "multi_thread")]
async fn ls_lists_names_in_the_order_that_was_asked_for() {
    let remote = with_files().await;
    let listed = |args: &[&str]| {
        let target = remote.at("");
        let out = remote.run(&[&["ls"], args, &[&target]].concat()).ok();
        assert_eq!(out.stderr, "");
        out.stdout
    };
    assert_eq!(listed(&[]), "a.csv\nb.csv\nin\nlink\n");
    assert_eq!(listed(&["-1a"]), ".hidden\na.csv\nb.csv\nin\nlink\n");
    assert_eq!(listed(&["-r"]), "link\nin\nb.csv\na.csv\n");
    assert!(listed(&["-t"]).ends_with("a.csv\nb.csv\n"));
    assert!(listed(&["-tr"]).starts_with("b.csv\na.csv\n"));
    assert!(listed(&["-d"]).starts_with('.'));
    let long = listed(&["-l"]);
    let line = |end: &str| long.lines().find(|line| line.ends_with(end)).unwrap().to_owned();
    assert!(line(" a.csv").starts_with("-rw-rw-rw- 1 "), "{long}");
    assert!(
        line(" a.csv").contains(" 2000 ") && line(" a.csv").contains(" 2004 "),
        "{long}"
    );
    assert!(line(" link -> a.csv").starts_with('l'), "{long}");
    assert!(line(" in").starts_with("drwx"), "{long}");
    assert!(listed(&["-lh"]).contains(" 1.9K "));
    assert_eq!(
        listed(&["-R"]),
        ".:\na.csv\nb.csv\nin\nlink\n\nin:\ndeep\n\nin/deep:\nleaf\n"
    );
    // a file, several targets, one that is not there
    let out = remote
        .run(&["ls", &remote.at("a.csv"), ":in", ":nothing"])
        .fails(20);
    assert_eq!(out.stdout, "a.csv\n\nin:\ndeep\n");
    out.complains_of(&["nothing", "No such file"]);
    remote
        .run(&["ls", &remote.at("nothing")])
        .fails(6)
        .complains_of(&["opendir nothing"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_for_programs_tell_everything() {
    let remote = with_files().await;
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9\n");
    fs::write(remote.home("in").join(odd), "12345").unwrap();
    let listed = remote
        .run(&["ls", "--json", "-a", &remote.at(""), ":in"])
        .ok()
        .json();
    assert_eq!(
        (&listed[0]["path"], &listed[1]["path"]),
        (&".".into(), &"in".into())
    );
    let entries = listed[0]["entries"].as_array().unwrap();
    let entry = |name: &str| entries.iter().find(|entry| entry["name"] == name).unwrap();
    assert_eq!(entries.len(), 5);
    let file = entry("b.csv");
    assert_eq!(
        (&file["type"], &file["size"], &file["mode"], &file["modified"]),
        (
            &"file".into(),
            &10.into(),
            &"0666".into(),
            &"2001-09-09T01:46:40Z".into()
        )
    );
    assert!(file["uid"].is_u64() && file["gid"].is_u64());
    assert_eq!(
        (&entry("link")["type"], &entry("link")["target"]),
        (&"symlink".into(), &"a.csv".into())
    );
    let strange = &listed[1]["entries"][0];
    assert_eq!(
        (&strange["name_hex"], &strange["size"]),
        (&"636166e90a".into(), &5.into())
    );
    // not on a terminal: the bytes as they are
    let output = remote.command(&["ls", &remote.at("in")]).output().unwrap();
    assert_eq!(output.stdout, b"caf\xe9\n\ndeep\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn stat_shows_links_themselves_unless_told_otherwise() {
    let remote = with_files().await;
    let text = remote.run(&["stat", &remote.at("a.csv")]).ok().stdout;
    for part in [
        "a.csv",
        "file",
        "2000",
        "0666 (-rw-rw-rw-)",
        "2004-11-09T11:33:20Z",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let found = remote
        .run(&["stat", "--json", &remote.at("link"), ":in"])
        .ok()
        .json();
    assert_eq!(
        (&found[0]["type"], &found[0]["target"]),
        (&"symlink".into(), &"a.csv".into())
    );
    assert_eq!(found[1]["type"], "directory");
    assert_eq!(found[1]["absolute_path"], remote.home("in").to_str().unwrap());
    let followed = remote
        .run(&["stat", "--json", "-L", &remote.at("link")])
        .ok()
        .json();
    assert_eq!(
        (&followed[0]["type"], &followed[0]["size"]),
        (&"file".into(), &2000.into())
    );
    remote
        .run(&["stat", &remote.at("no")])
        .fails(6)
        .complains_of(&["lstat no: the server says"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_is_drawn() {
    let remote = with_files().await;
    let drawn = remote.run(&["tree", &remote.at("")]).ok().stdout;
    assert_eq!(
        drawn,
        ".\n├── a.csv\n├── b.csv\n├── in\n│   └── deep\n│       └── leaf\n└── link\n\n2 directories, 4 files\n"
    );
    let shallow = remote.run(&["tree", "-dL", "1", &remote.at("")]).ok().stdout;
    assert_eq!(shallow, ".\n└── in\n\n1 directories, 0 files\n");
    let json = remote.run(&["tree", "--json", &remote.at("in")]).ok().json();
    assert_eq!(json["entries"][0]["entries"][0]["name"], "leaf");
    remote
        .run(&["tree", &remote.at("a.csv")])
        .fails(16)
        .complains_of(&["no directory"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn df_tells_the_space() {
    let remote = Remote::start().await;
    let found = remote.run(&["df", "--json", &remote.at("")]).ok().json();
    let number = |name: &str| found[0][name].as_u64().unwrap();
    assert!(
        number("size") >= number("available") && number("available") > 0,
        "{found}"
    );
    assert_eq!(
        (&found[0]["path"], &found[0]["read_only"]),
        (&".".into(), &false.into())
    );
    let text = remote.run(&["df", "-h", &remote.at("")]).ok().stdout;
    assert!(text.starts_with("SIZE") && text.lines().count() == 2, "{text}");
    let inodes = remote.run(&["df", "--inodes", &remote.at("")]).ok().stdout;
    assert!(inodes.starts_with("INODES"), "{inodes}");
    let help = remote.place.run(["df", "--help"]).ok().stdout;
    assert!(help.contains("statvfs@openssh.com"));
}
