//! `longshore trust` and `longshore oint` against a server of the test's own.

mod support;

use support::Server;

/// A server, its address as `host:port`, and its fingerprint.
fn server() -> (Server, String, String) {
    let server = Server::start();
    let address = server.address("sftp").to_string();
    let keys = server.admin(&["host-key", "show"]).ok().stdout;
    let fingerprint = keys
        .split_whitespace()
        .find(|word| word.starts_with("SHA256:"))
        .unwrap()
        .to_owned();
    (server, address, fingerprint)
}

#[test]
fn a_key_is_remembered_only_if_it_is_the_one_that_was_told() {
    let (server, address, fingerprint) = server();
    let file = server.place.path().join("known").display().to_string();
    let trust = |verb: &str, more: &[&str]| {
        let mut args = vec!["trust", verb];
        args.extend(more);
        args.extend(["--known-hosts", &file]);
        server.place.run(args)
    };
    // nobody to ask
    let asked = trust("add", &[&address]).fails(2);
    asked.complains_of(&[&fingerprint, "--fingerprint"]);
    let other = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    trust("add", &[&address, "--fingerprint", other]).fails(12);
    assert!(
        !std::path::Path::new(&file).exists(),
        "a refused key is not written"
    );

    let added = trust("add", &[&address, "--fingerprint", &fingerprint, "--json"])
        .ok()
        .json();
    assert_eq!(
        (&added["added"], &added["fingerprint"]),
        (&true.into(), &fingerprint.clone().into())
    );
    let again = trust("add", &[&address, "--yes", "--json"]).ok().json();
    assert_eq!(again["added"], false);
    let listed = trust("list", &[&address, "--json"]).ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert!(trust("list", &[]).ok().stdout.contains(&fingerprint));
    trust("remove", &[&address]).ok();
    trust("remove", &[&address])
        .fails(6)
        .complains_of(&["longshore trust list"]);
    trust("add", &["127.0.0.1:1", "--yes"]).fails(4);
}

#[test]
fn another_key_of_a_known_server_is_not_added_over_it() {
    let (server, address, _) = server();
    let (known_as, port) = address.rsplit_once(':').unwrap();
    let key = "AAAAC3NzaC1lZDI1NTE5AAAAIJxg1FRyfyFbHrP3vcPnDBhWzNyPAqLRdH0VG5cRa3Bd";
    let file = server
        .place
        .write("known", &format!("[{known_as}]:{port} ssh-ed25519 {key}\n"));
    let file = file.to_str().unwrap();
    let refused = server
        .place
        .run(["trust", "add", &address, "--yes", "--known-hosts", file])
        .fails(12);
    refused.complains_of(&["another key", "trust remove"]);
    assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 1);
}

#[test]
fn oint_works_as_a_word_and_as_a_name() {
    let (server, address, fingerprint) = server();
    let user = server.create_user("/robot");
    let set = serde_json::json!({"set": {
        "auth_type": "password", "host": "127.0.0.1", "port": address.rsplit_once(':').unwrap().1,
        "username": user["username"], "password": user["password"], "fingerprint": fingerprint,
    }});
    let conn = server.place.write("conn.json", &set.to_string());
    let link = server.place.path().join("oint");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_longshore"), &link).unwrap();
    let mut by_name = std::process::Command::new(link);
    server.place.clean(&mut by_name);
    by_name
        .args([
            "sftp",
            "UploadFile",
            "-f",
            "the text itself",
            "-p",
            "note.txt",
            "-c",
        ])
        .arg(&conn);
    assert_eq!(support::finish(by_name).ok().json()["bytes"], 15);
    let conn = conn.to_str().unwrap();
    let listed = server
        .place
        .run(["oint", "sftp", "ListObjects", "--conn", conn])
        .ok()
        .json();
    assert_eq!(
        (&listed["data"][0]["name"], &listed["data"][0]["size"]),
        (&"note.txt".into(), &15.into())
    );
    let missing = [
        "oint",
        "sftp",
        "DeleteFile",
        "--conn",
        conn,
        "--path",
        "nothing",
        "--strict-exit",
    ];
    assert_eq!(
        server.place.run(missing).fails(3).json()["error"],
        "[SFTP(2)] no such file"
    );
    server.place.run(["oint", "ftp"]).fails(1);
    server.place.run(["oint", "sftp", "Fly"]).fails(2);
    server
        .place
        .run(["oint", "sftp", "ListObjects", "--colour", "red"])
        .fails(99);
}
