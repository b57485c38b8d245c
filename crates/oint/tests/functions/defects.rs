//! The known defects of the original, each absent here. The numbers are those of its list.

use std::fs;
use std::time::Duration;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn defect_1_an_empty_path_is_where_the_session_starts() {
    let server = Sshd::start("").await;
    fs::write(server.path("home").join("here"), "x").unwrap();
    for path in [Argument::Missing, json!("").into(), json!(".").into()] {
        let listed = sftp("ListObjects", vec![configuration(&by_key(&server)).into(), path]).await;
        assert_eq!(listed["data"][0]["path"], "here", "{listed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_2_overwriting_works_and_not_overwriting_refuses() {
    let server = Sshd::start("").await;
    let home = server.path("home");
    fs::write(home.join("new"), "new").unwrap();
    fs::write(home.join("old"), "old").unwrap();
    let given = || {
        vec![
            configuration(&by_key(&server)).into(),
            json!("new").into(),
            json!("old").into(),
        ]
    };
    assert!(bad(&sftp("UpdatePath", given()).await).starts_with("[SFTP(4)] failure"));
    assert_eq!(fs::read(home.join("old")).unwrap(), b"old");
    let mut overwrite = given();
    overwrite.push(json!(true).into());
    good(&sftp("UpdatePath", overwrite).await);
    assert_eq!(fs::read(home.join("old")).unwrap(), b"new");
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_3_links_are_told_by_the_server_not_by_the_local_disk() {
    let server = Sshd::start("").await;
    std::os::unix::fs::symlink("nowhere", server.path("home").join("link")).unwrap();
    let listed = sftp("ListObjects", vec![configuration(&by_key(&server)).into()]).await;
    assert_eq!(listed["data"][0]["is_symlink"], true, "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn defects_4_5_and_14_commands_may_say_much_in_any_bytes_and_be_killed() {
    let server = Sshd::start("").await;
    let handle = open(Library::Ssh, by_key(&server)).await;
    let run = |command: &str| ssh("ExecuteCommand", vec![handle.clone(), json!(command).into()]);
    let flood = run("head -c 5000000 /dev/zero | tr '\\0' e >&2; echo done").await;
    assert_eq!(flood["stdout"], "done", "{}", flood["error"]);
    assert_eq!(flood["stderr"].as_str().unwrap().len(), 5_000_000);
    let bytes = run("printf '\\377ok\\n'").await;
    good(&bytes);
    assert_eq!(bytes["stdout"], "\u{fffd}ok");
    assert_eq!(bytes["stdout_base64"], "/29rCg==");
    let killed = run("kill -TERM $$").await;
    assert_eq!(
        (&killed["signal"], &killed["exit_code"]),
        (&json!("TERM"), &json!(""))
    );
    assert_eq!(
        run("printf 'two\\n\\n'").await["stdout"],
        "two\n",
        "exactly one line end is taken away"
    );
    good(&ssh("CloseConnection", vec![handle]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_6_a_silent_server_does_not_hang_the_caller() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let settings = json!({"auth_type": "password", "host": "127.0.0.1", "port": port, "username": "u",
        "insecure": true, "timeout": 1});
    let call = sftp("ListObjects", vec![configuration(&settings).into()]);
    let result = tokio::time::timeout(Duration::from_secs(60), call).await.unwrap();
    assert!(bad(&result).starts_with("Handshake error: "), "{result}");
}

/// An HTTP proxy that answers with 204 and sends what the server says first in the same piece.
async fn gluing_proxy(target: u16) -> u16 {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(client.read_u8().await?);
                }
                let mut server = tokio::net::TcpStream::connect(("127.0.0.1", target)).await?;
                let mut glued = b"HTTP/1.1 204 Fine\r\nVia: test\r\n\r\n".to_vec();
                while !glued.ends_with(b"\n") || !glued.windows(4).any(|w| w == b"SSH-") {
                    glued.push(server.read_u8().await?);
                }
                client.write_all(&glued).await?;
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_7_a_banner_glued_to_the_proxys_reply_is_kept() {
    let server = Sshd::start("").await;
    let proxy = json!({"server": "127.0.0.1", "port": gluing_proxy(server.port).await, "proxy_type": "HTTP"});
    let given = json!({"set": by_key(&server), "proxy": proxy});
    good(&sftp("ListObjects", vec![given.clone().into()]).await);
    // and a slow command over it is not cut
    good(
        &ssh(
            "ExecuteCommand",
            vec![given.into(), json!("sleep 2; echo late").into()],
        )
        .await,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_8_strangers_are_refused_with_the_next_step() {
    let server = Sshd::start("").await;
    let empty = server.path("known_hosts");
    fs::write(&empty, "").unwrap();
    let with = |key: &str, value: Value| {
        let mut settings = by_key(&server);
        settings["fingerprint"] = Value::Null;
        settings[key] = value;
        configuration(&settings)
    };
    let unknown = sftp("ListObjects", vec![with("known_hosts", json!(empty)).into()]).await;
    let text = bad(&unknown);
    assert!(
        text.contains("longshore trust add") && text.contains("LONGSHORE_OINT_TRUST=accept-new"),
        "{text}"
    );
    let other = json!("SHA256:/mnVuEzVTEaqq7dyXH8aBwZsxGIDYFSWfSyqnIV4Buw");
    bad(&sftp("ListObjects", vec![with("fingerprint", other).into()]).await);
    good(&sftp("ListObjects", vec![with("insecure", json!(true)).into()]).await);
    let public = fs::read_to_string(server.path("host.pub")).unwrap();
    fs::write(&empty, format!("[127.0.0.1]:{} {public}", server.port)).unwrap();
    good(&sftp("ListObjects", vec![with("known_hosts", json!(empty)).into()]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_9_modes_from_the_command_line_are_octal() {
    use std::os::unix::fs::PermissionsExt as _;
    let server = Sshd::start("").await;
    let conn = configuration(&by_key(&server)).to_string();
    good(
        &cli_json(&[
            "sftp",
            "CreateNewDirectory",
            "-c",
            &conn,
            "-p",
            "made",
            "-m",
            "750",
        ])
        .await,
    );
    let mode = fs::metadata(server.path("home").join("made"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o750);
    good(&cli_json(&["sftp", "CreateNewDirectory", "-c", &conn, "-p", "plain"]).await);
    let mode = fs::metadata(server.path("home").join("plain"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    let wrong = cli_json(&[
        "sftp",
        "CreateNewDirectory",
        "-c",
        &conn,
        "-p",
        "nine",
        "-m",
        "799",
    ])
    .await;
    assert!(bad(&wrong).contains("799"), "{wrong}");
    assert!(!server.path("home").join("nine").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_10_ipv6_literals_are_dialled() {
    let Ok(listener) = tokio::net::TcpListener::bind("[::1]:0").await else {
        panic!("the test needs IPv6 on loopback");
    };
    let port = listener.local_addr().unwrap().port();
    let server = Sshd::start("").await;
    let target = server.port;
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = tokio::net::TcpStream::connect(("127.0.0.1", target))
                .await
                .unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    for host in ["::1", "[::1]"] {
        let mut settings = by_key(&server);
        settings["host"] = json!(host);
        settings["port"] = json!(port);
        good(&sftp("ListObjects", vec![configuration(&settings).into()]).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_11_data_from_a_configuration_closes_its_connection() {
    let server = Sshd::start("").await;
    fs::write(server.path("home").join("f"), "data").unwrap();
    let given = vec![configuration(&by_key(&server)).into(), json!("f").into()];
    let got = outcome(Library::Sftp, "GetFileData", given).await;
    assert!(matches!(got, Outcome::Bytes(bytes) if bytes == b"data"));
    let closed = async {
        while !server.log().contains("Closing connection to") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let closed = tokio::time::timeout(Duration::from_secs(30), closed).await;
    assert!(closed.is_ok(), "the connection is still open: {}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_12_keys_given_as_text_touch_no_file() {
    let server = Sshd::start("").await;
    let key = fs::read_to_string(server.path("user")).unwrap();
    let before: Vec<_> = fs::read_dir(std::env::temp_dir())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    let common = vec![
        json!("127.0.0.1").into(),
        json!(server.port).into(),
        json!(USER).into(),
        json!(key).into(),
    ];
    let mut settings = sftp("GetSettingsPrivateKey", common).await;
    assert_eq!(settings.get("key_path"), None);
    settings["fingerprint"] = json!(server.fingerprint("host"));
    good(&sftp("ListObjects", vec![configuration(&settings).into()]).await);
    let is_new = |name: &OsString| !before.contains(name);
    for entry in fs::read_dir(std::env::temp_dir()).unwrap().map(Result::unwrap) {
        if is_new(&entry.file_name()) && entry.path().is_file() {
            let text = fs::read(entry.path()).unwrap_or_default();
            assert!(
                !text.windows(20).any(|w| w == &key.as_bytes()[60..80]),
                "{:?} holds the key",
                entry.path()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_15_strict_exit_shows_failures_and_debug_shows_no_secrets() {
    let server = Sshd::start("").await;
    let conn = configuration(&by_password(&server)).to_string();
    let words = [
        "sftp",
        "DeleteFile",
        "--conn",
        &conn,
        "--path",
        "nothing",
        "--debug",
    ];
    let (code, out, complaints) = cli(&words).await;
    assert_eq!(code, 0, "the call ran");
    assert!(out.contains("[SFTP(2)] no such file"), "{out}");
    assert!(
        !complaints.contains(PASSWORD) && !out.contains(PASSWORD),
        "{complaints}"
    );
    let mut strict = words.to_vec();
    strict.push("--strict-exit");
    assert_eq!(cli(&strict).await.0, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn defects_16_and_17_large_data_goes_both_ways_in_large_pieces() {
    let server = Sshd::start("").await;
    let data: Vec<u8> = (0..20_000_000u32).map(|n| (n % 251) as u8).collect();
    let handle = open(Library::Sftp, by_key(&server)).await;
    let sent = sftp(
        "UploadFile",
        vec![handle.clone(), Argument::Bytes(data.clone()), json!("big").into()],
    )
    .await;
    assert_eq!(sent["bytes"], 20_000_000, "{sent}");
    let back = outcome(
        Library::Sftp,
        "GetFileData",
        vec![handle.clone(), json!("big").into()],
    )
    .await;
    assert!(matches!(back, Outcome::Bytes(bytes) if bytes == data));
    good(&sftp("CloseConnection", vec![handle]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_upload_or_download_leaves_what_was_there() {
    let server = Sshd::start("").await;
    let local = server.path("keep");
    fs::write(&local, "mine").unwrap();
    let handle = open(Library::Sftp, by_key(&server)).await;
    let missing = sftp(
        "SaveFile",
        vec![handle.clone(), json!("nothing").into(), json!(local).into()],
    )
    .await;
    assert!(bad(&missing).contains("[SFTP(2)] no such file"), "{missing}");
    assert_eq!(fs::read(&local).unwrap(), b"mine");
    let nowhere = sftp(
        "UploadFile",
        vec![handle.clone(), json!(local).into(), json!("no/such/place").into()],
    )
    .await;
    assert!(bad(&nowhere).starts_with("Upload error: "), "{nowhere}");
    let empty = sftp(
        "UploadFile",
        vec![handle.clone(), Argument::Bytes(Vec::new()), json!("empty").into()],
    )
    .await;
    assert_eq!(empty["bytes"], 0, "{empty}");
    assert_eq!(fs::metadata(server.path("home").join("empty")).unwrap().len(), 0);
    good(&sftp("CloseConnection", vec![handle]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_19_settings_have_a_place_for_the_rest() {
    let jump = Sshd::start("").await;
    let server = Sshd::start("AuthenticationMethods publickey,password").await;
    let mut settings = by_key(&server);
    settings["jump"] = json!([by_key(&jump)]);
    settings["ciphers"] = json!("aes256-ctr");
    settings["also"] = json!([{"auth_type": "password", "password": PASSWORD}]);
    good(&sftp("ListObjects", vec![configuration(&settings).into()]).await);
    assert!(server.log().contains("aes256-ctr"), "{}", server.log());
    settings["ciphers"] = json!("rot13");
    assert!(bad(&sftp("ListObjects", vec![configuration(&settings).into()]).await).contains("rot13"));
}
