//! No secret reaches a log, an error, an argument list or a world-readable file.

mod support;

use support::{Login, Place, Server, finish};

#[test]
fn at_the_loudest_log_level_no_password_key_or_pepper_is_written() {
    let env = [("LONGSHORE_LOG", "trace")];
    let mut server = Server::start_with(Place::new(), "data", &env, &[]);
    let initial = std::fs::read_to_string(server.data_dir.join("initial-api-key")).unwrap();
    let login = server.new_login("/alice");
    let key = server.admin(&["api-key", "create", "--quiet"]).ok().stdout;
    let url = server.api_url();
    server
        .place
        .run_with(
            &[("LONGSHORE_API_KEY", key.trim())],
            ["user", "list", "--url", &url],
        )
        .ok();
    server.place.write("file", "content-of-a-partner");
    finish(server.sftp(&login, &[], "put file\nget file back\n")).ok();
    let wrong = Login {
        name: login.name.clone(),
        password: "a-wrong-password".into(),
    };
    assert_ne!(finish(server.sftp(&wrong, &[], "ls\n")).code, Some(0));
    assert_eq!(server.stop(), Some(0));

    let log = server.log();
    assert!(
        log.contains("TRACE") || log.contains("DEBUG"),
        "the log is not loud: {log}"
    );
    assert!(log.contains(&login.name), "the log does not name the user");
    let secrets = [
        &login.password,
        "a-wrong-password",
        initial.trim(),
        initial.trim().split_once('.').unwrap().1,
        key.trim(),
        key.trim().split_once('.').unwrap().1,
        "content-of-a-partner",
    ];
    for secret in secrets {
        for text in [&log, &server.banner()] {
            assert!(!text.contains(secret), "{secret} was written");
        }
    }
}

#[test]
fn the_password_is_nowhere_in_the_data_directory() {
    let mut server = Server::start();
    let login = server.new_login("/alice");
    let key = std::fs::read_to_string(server.data_dir.join("initial-api-key")).unwrap();
    let secret = key.trim().split_once('.').unwrap().1;
    assert_eq!(server.stop(), Some(0));
    std::fs::remove_file(server.data_dir.join("initial-api-key")).unwrap();
    for needle in [login.password.as_str(), secret] {
        let found = std::process::Command::new("grep")
            .args(["-rlaF", needle])
            .arg(&server.data_dir)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{needle}");
    }
}
