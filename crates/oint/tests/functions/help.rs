//! The command line itself.

use super::*;

#[tokio::test]
async fn help_ends_with_code_0() {
    let (code, out, _) = cli(&[]).await;
    assert_eq!(code, 0);
    assert!(out.contains("sftp") && out.contains("ssh"), "{out}");
    let (code, out, _) = cli(&["sftp"]).await;
    assert_eq!(code, 0);
    for method in ["ListObjects", "UploadFile", "GetSettingsKI"] {
        assert!(out.contains(method), "{out}");
    }
    assert!(!out.contains("CreateConnection"), "a process cannot keep it");
    for words in [
        &["sftp", "listobjects"][..],
        &["sftp", "ListObjects", "--conn", "x", "--help"],
    ] {
        let (code, out, _) = cli(words).await;
        assert_eq!(code, 0);
        assert!(
            out.contains("--conn, -c") && out.contains("--rcv, -r") && out.contains("default: false"),
            "{out}"
        );
    }
}

#[tokio::test]
async fn bad_names_have_codes_of_their_own() {
    assert_eq!(cli(&["SFTP", "ListObjects"]).await.0, 1);
    assert_eq!(cli(&["ftp"]).await.0, 1);
    assert_eq!(cli(&["sftp", "Fly", "--to", "moon"]).await.0, 2);
    assert_eq!(cli(&["sftp", "CreateConnection", "--set", "{}"]).await.0, 2);
    let (code, out, complaints) = cli(&["sftp", "ListObjects", "--colour", "red"]).await;
    assert_eq!((code, out.as_str()), (99, ""));
    assert!(complaints.starts_with("Unexpected Error!: "), "{complaints}");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("out");
    assert_eq!(
        cli(&[
            "sftp",
            "ListObjects",
            "--colour",
            "red",
            "--out",
            file.to_str().unwrap()
        ])
        .await
        .0,
        99
    );
    assert!(
        std::fs::read_to_string(file)
            .unwrap()
            .starts_with("Unexpected Error!: ")
    );
}

#[tokio::test]
async fn the_whole_flow_of_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    let (set, proxy, conn) = (file("set.json"), file("proxy.json"), file("conn.json"));
    let settings = [
        "sftp",
        "GetSettingsLoginPassword",
        "-h",
        "files.example.net",
        "-p",
        "22",
        "-u",
        "robot",
        "-s",
        "s3cret",
        "--out",
        &set,
    ];
    let (code, out, _) = cli(&settings).await;
    assert_eq!(code, 0);
    assert!(out.contains("set.json") && !out.contains("s3cret"), "{out}");
    cli(&[
        "sftp",
        "GetProxySettings",
        "--addr",
        "10.0.0.5",
        "--port=1080",
        "--type",
        "socks5",
        "--out",
        &proxy,
    ])
    .await;
    cli(&[
        "sftp",
        "GetConnectionConfiguration",
        "--set",
        &set,
        "--proxy",
        &proxy,
        "--out",
        &conn,
    ])
    .await;
    let built: Value = serde_json::from_str(&std::fs::read_to_string(conn).unwrap()).unwrap();
    assert_eq!(
        built,
        json!({
            "set": {"auth_type": "password", "host": "files.example.net", "port": 22, "username": "robot",
                "password": "s3cret"},
            "proxy": {"server": "10.0.0.5", "port": 1080, "proxy_type": "socks5"},
        })
    );
}

#[tokio::test]
async fn a_trial_calls_nothing_and_debug_masks_secrets() {
    let conn = "{'set':{'auth_type':'password','host':'h','port':1,'username':'u','password':'s3cret'}}";
    let (code, out, complaints) =
        cli(&["sftp", "DeleteFile", "-c", conn, "-p", "x", "--test", "--debug"]).await;
    assert_eq!(code, 0);
    assert!(out.starts_with("OPI_SFTP.DeleteFile("), "{out}");
    assert!(
        !out.contains("s3cret") && !complaints.contains("s3cret"),
        "{out}{complaints}"
    );
    assert!(complaints.contains("\"host\":\"h\""), "{complaints}");
}
