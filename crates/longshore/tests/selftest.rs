//! `longshore selftest`: against the store of a server, running or not; and where a store cannot work.

mod support;

use std::fs;

use support::{Place, Server};

#[test]
fn it_passes_beside_a_running_server_and_leaves_nothing_behind() {
    let server = Server::start();
    let login = server.new_login("/alice");
    drop(login);
    let files = server.find(&[]);
    let outcome = server.admin(&["selftest"]).ok();
    assert!(outcome.stdout.contains("copy-data"), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains("BROKEN"), "{}", outcome.stdout);
    let json = server.admin(&["selftest", "--json"]).ok().json();
    assert_eq!(json[0]["passed"], true);
    let checks = json[0]["checks"].as_array().unwrap();
    assert!(checks.len() >= 20);
    assert!(checks.iter().all(|check| check["result"] == "works"), "{json}");
    assert_eq!(server.find(&[]), files);
    server.admin(&["selftest", "--bucket", "nosuch"]).fails(6);
}

/// A file system that cannot take a file of 5 GiB: the check that needs one fails, and nothing else.
#[test]
fn it_fails_when_the_file_system_does_not_do_what_is_announced() {
    let place = Place::new();
    fs::create_dir_all(place.path().join("data/buckets/default/files")).unwrap();
    let binary = env!("CARGO_BIN_EXE_longshore");
    let data = place.path().join("data");
    // RLIMIT_FSIZE in blocks of 512 or 1024 bytes; SIGXFSZ is ignored so that the limit is an error and not the end.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1000000; exec {binary} selftest --json --data-dir {}",
        data.display()
    );
    let mut shell = std::process::Command::new("sh");
    place.clean(&mut shell);
    let outcome = support::finish({
        shell.args(["-c", &script]);
        shell
    })
    .fails(1);
    let json = outcome.json();
    assert_eq!(json[0]["passed"], false);
    let broken: Vec<_> = json[0]["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["result"] == "broken")
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    assert_eq!(broken, ["writes in any order, large offsets"], "{json}");
    assert_eq!(fs::read_dir(data.join("buckets/default")).unwrap().count(), 1);
}
