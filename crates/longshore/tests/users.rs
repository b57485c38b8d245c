//! Users and API keys through a running server: over the admin socket and over HTTP.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;
use support::{NOBODY, Outcome, Place, Server, finish, is_root};

/// The same command once over the admin socket, once over HTTP with a key file.
struct Face<'a> {
    server: &'a Server,
    extra: Vec<String>,
}

impl Face<'_> {
    fn run(&self, args: &[&str]) -> Outcome {
        let mut command = self.server.place.command(args);
        command.args(&self.extra);
        finish(command)
    }
}

fn faces(server: &Server) -> [Face<'_>; 2] {
    let key = server.data_dir.join("initial-api-key").display().to_string();
    [
        Face {
            server,
            extra: vec!["--data-dir".into(), server.data_dir.display().to_string()],
        },
        Face {
            server,
            extra: vec!["--url".into(), server.api_url(), "--api-key-file".into(), key],
        },
    ]
}

#[test]
fn a_user_lives_its_life_over_either_face() {
    let server = Server::start();
    for face in faces(&server) {
        let made = face
            .run(&[
                "user",
                "create",
                "--home",
                "/alice",
                "--description",
                "Partner A",
                "--password-length",
                "32",
                "--json",
            ])
            .ok()
            .json();
        let name = made["username"].as_str().unwrap().to_owned();
        assert_eq!(made["password"].as_str().unwrap().len(), 32);
        assert_eq!(made["homeDirectory"], "/alice");

        let listed = face.run(&["user", "list", "--json"]).ok().json();
        assert_eq!(listed[0]["username"], name.as_str());
        assert_eq!(listed[0].get("password"), None);
        let table = face.run(&["user", "list"]).ok().stdout;
        assert!(
            table.starts_with("USERNAME") && table.contains(&name) && table.contains("never"),
            "{table}"
        );

        let shown = face.run(&["user", "show", &name]).ok().stdout;
        assert!(
            shown.contains("home directory  /alice") && !shown.contains("password"),
            "{shown}"
        );
        assert_eq!(
            face.run(&["user", "show", &name, "--json"]).ok().json()["description"],
            "Partner A"
        );

        let moved = face
            .run(&["user", "update", &name, "--home", "/elsewhere", "--json"])
            .ok()
            .json();
        assert_eq!(
            (&moved["homeDirectory"], &moved["description"]),
            (&Value::from("/elsewhere"), &Value::from("Partner A"))
        );
        let told = face
            .run(&["user", "update", &name, "--description", "Partner B"])
            .ok()
            .stdout;
        assert!(
            told.contains("Partner B") && told.contains("/elsewhere"),
            "{told}"
        );

        let gone = face.run(&["user", "delete", &name, "--json"]).ok().json();
        assert_eq!(
            (&gone["username"], &gone["deleted"]),
            (&Value::from(name.as_str()), &Value::from(true))
        );
        for verb in ["show", "delete"] {
            face.run(&["user", verb, &name])
                .fails(6)
                .complains_of(&[&name, "does not exist"]);
        }
        assert_eq!(
            face.run(&["user", "list", "--json"]).ok().json(),
            serde_json::json!([])
        );
    }
}

#[test]
fn creating_prints_what_the_partner_needs_and_a_line_to_paste() {
    let env = [("LONGSHORE_SFTP_PUBLIC_HOST", "sftp.example.com")];
    let server = Server::start_with(Place::new(), "data", &env, &[]);
    let text = server.admin(&["user", "create", "--home", "/alice"]).ok().stdout;
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_else(|| panic!("{name}: {text}"))
            .trim()
            .to_owned()
    };
    let (user, port) = (field("username"), server.address("sftp").port());
    assert_eq!(user.len(), 8);
    assert_eq!(field("password").len(), 16);
    assert_eq!(field("host "), "sftp.example.com");
    assert_eq!(field("port"), port.to_string());
    assert!(field("host key").starts_with("SHA256:"));
    assert_eq!(
        text.lines().last(),
        Some(format!("sftp -P {port} {user}@sftp.example.com").as_str())
    );
}

#[test]
fn refusals_name_every_wrong_field_and_have_their_exit_code() {
    let server = Server::start_with(Place::new(), "data", &[("LONGSHORE_USERS_MAX", "1")], &[]);
    let bad = server.admin(&[
        "user",
        "create",
        "--home",
        "alice",
        "--description",
        "a&b",
        "--password-length",
        "3",
    ]);
    bad.fails(7)
        .complains_of(&["/homeDirectory", "/description", "/passwordOptions/length"]);
    server.create_user("/alice");
    server
        .admin(&["user", "create", "--home", "/bob"])
        .fails(7)
        .complains_of(&["limit of 1 user"]);
}

#[test]
fn a_list_of_many_users_is_complete_and_in_order() {
    let server = Server::start();
    let made: Vec<Value> = (0..53)
        .map(|number| server.create_user(&format!("/u{number}"))["username"].clone())
        .collect();
    let listed = server.admin(&["user", "list", "--json"]).ok().json();
    let names: Vec<Value> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["username"].clone())
        .collect();
    assert_eq!(names, made);
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let server = Server::start();
    let key = server
        .admin(&["api-key", "create", "--quiet", "--name", "my program"])
        .ok()
        .stdout;
    assert_eq!(key.lines().count(), 1);
    let (prefix, secret) = key.trim().split_once('.').unwrap();
    let listed = server.admin(&["api-key", "list", "--json"]).ok().json();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(
        (&listed[1]["prefix"], &listed[1]["name"]),
        (&Value::from(prefix), &Value::from("my program"))
    );
    let table = server.admin(&["api-key", "list"]).ok().stdout;
    assert!(
        table.contains(prefix) && table.contains("live") && !table.contains(secret),
        "{table}"
    );

    let url = server.api_url();
    let with_key = || {
        server.place.run_with(
            &[("LONGSHORE_API_KEY", key.trim())],
            ["user", "list", "--url", &url],
        )
    };
    with_key().ok();
    let told = server.admin(&["api-key", "revoke", prefix]).ok().stdout;
    assert_eq!(told, format!("API key {prefix} is revoked\n"));
    with_key()
        .fails(5)
        .complains_of(&["key", "hint:", "longshore api-key create"]);
    assert!(server.admin(&["api-key", "list"]).ok().stdout.contains("revoked"));
    server
        .admin(&["api-key", "revoke", "absent"])
        .fails(6)
        .complains_of(&["absent"]);

    let shown = server
        .admin(&["api-key", "create", "--name", "second"])
        .ok()
        .stdout;
    assert!(shown.starts_with("key "), "{shown}");
    let json = server.admin(&["api-key", "create", "--json"]).ok().json();
    assert!(json["key"].as_str().unwrap().contains('.'));
    let third = json["prefix"].as_str().unwrap();
    let revoked = server.admin(&["api-key", "revoke", third, "--json"]).ok().json();
    assert_eq!(revoked["prefix"], third);
    assert!(revoked["revoked"].is_string());
}

#[test]
fn the_key_comes_from_a_file_the_environment_or_the_configuration() {
    let server = Server::start();
    let (place, url) = (&server.place, server.api_url());
    let key = fs::read_to_string(server.data_dir.join("initial-api-key")).unwrap();
    let list = ["user", "list", "--url", &url];
    place.run(list).fails(3).complains_of(&["no API key"]);
    place.run_with(&[("LONGSHORE_API_KEY", key.trim())], list).ok();
    place
        .run_with(&[("LONGSHORE_API_KEY", "wrong.key")], list)
        .fails(5);
    place
        .run_with(
            &[
                ("LONGSHORE_API_KEY_FILE", "data/initial-api-key"),
                ("LONGSHORE_URL", &url),
            ],
            ["user", "list"],
        )
        .ok();
    place.write(
        "longshore.toml",
        &format!(
            "[client]\nurl = \"{url}/2022-04-01/\"\napi_key = \"{}\"\n",
            key.trim()
        ),
    );
    place.run(["user", "list"]).ok();
    place.run(["api-key", "list"]).ok();
    fs::remove_file(place.path().join("longshore.toml")).unwrap();
    // A key file without any address means the server of this machine.
    place
        .run([
            "user",
            "list",
            "--data-dir",
            "data",
            "--api-key-file",
            "data/initial-api-key",
        ])
        .ok();
    let mut from_stdin = place.command(["user", "list", "--url", &url, "--api-key-file", "-"]);
    from_stdin.stdin(fs::File::open(server.data_dir.join("initial-api-key")).unwrap());
    finish(from_stdin).ok();
}

#[test]
fn the_admin_socket_works_below_a_path_longer_than_a_socket_address() {
    let place = Place::new();
    let name = format!("{}/{}", "d".repeat(120), "e".repeat(120));
    let server = Server::start_with(place, &name, &[], &[]);
    assert!(server.data_dir.as_os_str().len() > 240);
    server.create_user("/alice");
    assert!(server.admin(&["user", "list"]).ok().stdout.contains("/alice"));
}

#[test]
fn the_admin_socket_hears_nobody_but_its_owner_and_root() {
    if !is_root() {
        return;
    }
    let server = Server::start();
    fs::set_permissions(server.place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let as_nobody = || {
        let nobody = NOBODY.to_string();
        let mut command = Command::new("setpriv");
        server.place.clean(&mut command);
        command.args([
            "--reuid",
            &nobody,
            "--regid",
            &nobody,
            "--clear-groups",
            support::BINARY,
            "user",
            "list",
        ]);
        command.arg("--data-dir").arg(&server.data_dir);
        finish(command)
    };
    as_nobody()
        .fails(5)
        .complains_of(&["Permission denied", "hint:", "--url"]);
    // Even with every door open the peer's uid counts.
    for (name, mode) in [("", 0o755), ("run", 0o755), ("run/admin.sock", 0o777)] {
        fs::set_permissions(server.data_dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let refused = as_nobody();
    assert!(
        refused.code != Some(0) && !refused.stdout.contains("USERNAME"),
        "{refused:?}"
    );
    server.admin(&["user", "list"]).ok();
}

#[test]
fn a_server_that_is_no_longshore_is_told_apart() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = std::thread::spawn(move || {
        for body in [
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>",
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
            "",
        ] {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
        }
    });
    let place = Place::new();
    let run = || place.run_with(&[("LONGSHORE_API_KEY", "a.b")], ["user", "list", "--url", &url]);
    run().fails(8).complains_of(&["502"]);
    run().fails(8).complains_of(&["not JSON", "hint:"]);
    run().fails(4).complains_of(&["no answer from", &url]);
    answers.join().unwrap();
}
