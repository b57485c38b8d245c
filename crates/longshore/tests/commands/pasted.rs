//! Each snippet of `docs/client.md`, pasted, works.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::remote::{Remote, names};
use crate::sshd::{PASSWORD, USER};
use crate::support::{BINARY, finish};

/// The blocks of shell commands that are not marked to be skipped.
fn snippets(page: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().peekable();
    let mut skip = false;
    while let Some(line) = lines.next() {
        if line.starts_with("<!-- test: skip") {
            skip = true;
        } else if line == "```sh" {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if !skip {
                blocks.push(block.join("\n"));
            }
            skip = false;
        }
    }
    blocks
}

/// The folder in which the examples of the client lie, built if nobody has yet.
fn examples() -> PathBuf {
    let folder = Path::new(BINARY).parent().unwrap().join("examples");
    if !["upload", "download", "sync"]
        .iter()
        .all(|name| folder.join(name).exists())
    {
        let target = folder.parent().unwrap().parent().unwrap();
        crate::sshd::run(
            Command::new(env!("CARGO"))
                .args([
                    "build",
                    "--locked",
                    "--offline",
                    "-p",
                    "longshore-client",
                    "--examples",
                    "--target-dir",
                ])
                .arg(target),
        );
    }
    folder
}

fn program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_snippets_of_the_page_work_in_order() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/client.md");
    let blocks = snippets(&fs::read_to_string(page).unwrap());
    assert!(blocks.len() >= 7, "{blocks:?}");
    let remote = Remote::start().await;
    let place = &remote.place;
    let host_key = fs::read_to_string(remote.sshd.path("host.pub")).unwrap();
    let known = place.write("known", &format!("[127.0.0.1]:{} {host_key}", remote.port));
    let key = remote.sshd.path("user");
    place.write(
        ".ssh/config",
        &format!(
            "Host files.example.net\n HostName 127.0.0.1\n HostKeyAlias [127.0.0.1]:{port}\n Port {port}\n User {USER}\n \
             IdentityFile {key}\n UserKnownHostsFile {known}\n",
            port = remote.port,
            key = key.display(),
            known = known.display(),
        ),
    );
    let tools = place.path().join("tools");
    fs::create_dir(&tools).unwrap();
    symlink(BINARY, tools.join("longshore")).unwrap();
    // building again what was just built would show nothing new
    program(
        &tools.join("cargo"),
        &format!(
            "#!/bin/sh\n[ \"$1 $2 $3 $4\" = 'run -p longshore-client --example' ] && [ \"$6\" = -- ] || exit 9\n\
             name=$5\nshift 6\nexec '{}'/\"$name\" \"$@\"\n",
            examples().display()
        ),
    );
    let script = blocks
        .join("\n")
        .replace("correct horse battery staple", PASSWORD);
    let script = place.write("script", &format!("set -euo pipefail\n{script}\n"));
    let mut command = Command::new("bash");
    place.clean(&mut command);
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    command
        .arg("-x")
        .arg(script)
        .env("PATH", path)
        .env("SERVER", format!("sftp://{USER}@127.0.0.1:{}", remote.port))
        .env("KEY", key)
        .env("KNOWN_HOSTS", known);
    finish(command).ok();
    assert_eq!(
        fs::read_to_string(remote.home("greeting.txt")).unwrap(),
        "hello\n"
    );
    let left = names(&remote.home("inbox"));
    for name in ["first.txt", "second.txt", "report.csv", "reports"] {
        assert!(left.iter().any(|left| left == name), "{name} is not in {left:?}");
    }
}

#[test]
fn a_snippet_is_skipped_only_if_it_says_so() {
    let page = "<!-- test: skip, why -->\n```sh\nfalse\n```\ntext\n```sh\ntrue\n```\n```toml\nx\n```\n";
    assert_eq!(snippets(page), ["true"]);
}
