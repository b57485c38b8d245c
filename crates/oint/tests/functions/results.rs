//! What each function gives back: its keys are pinned here.

use std::fs;

use super::*;

/// The keys of a good result, sorted.
#[track_caller]
fn keys(result: &Value) -> Vec<&str> {
    good(result);
    result.as_object().unwrap().keys().map(String::as_str).collect()
}

const FILE_OBJECT: [&str; 11] = [
    "accessed",
    "extension",
    "gid",
    "is_directory",
    "is_symlink",
    "modified",
    "name",
    "path",
    "permissions",
    "size",
    "uid",
];

/// A day's work over one connection (`handle`), or with one for each call.
async fn a_days_work(server: &Sshd, connection: Argument, closes: bool) {
    let home = server.path("home");
    let with = |arguments: &[Value]| {
        let mut all = vec![connection.clone()];
        all.extend(arguments.iter().cloned().map(Argument::from));
        all
    };
    let pinned = |result: &Value, expected: &[&str]| {
        let mut expected: Vec<&str> = expected.to_vec();
        expected.push("result");
        if closes {
            expected.push("close_connection");
            assert_eq!(result["close_connection"], json!({"result": true}));
        }
        expected.sort_unstable();
        assert_eq!(keys(result), expected, "{result}");
    };
    pinned(
        &sftp("CreateNewDirectory", with(&[json!("inbox"), json!("750")])).await,
        &[],
    );
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(home.join("inbox")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o750);

    let local = server.path("report.csv");
    fs::write(&local, vec![7; 1_000_000]).unwrap();
    let sent = sftp("UploadFile", with(&[json!(local), json!("inbox/report.csv")])).await;
    pinned(&sent, &["bytes"]);
    assert_eq!(sent["bytes"], 1_000_000);
    assert_eq!(
        fs::read(home.join("inbox/report.csv")).unwrap(),
        fs::read(&local).unwrap()
    );

    let listed = sftp("ListObjects", with(&[json!("inbox")])).await;
    pinned(&listed, &["data"]);
    let object = &listed["data"][0];
    assert_eq!(
        object.as_object().unwrap().keys().collect::<Vec<_>>(),
        FILE_OBJECT
    );
    assert_eq!(
        (&object["name"], &object["path"]),
        (&json!("report.csv"), &json!("inbox/report.csv"))
    );
    assert_eq!(
        (&object["extension"], &object["size"]),
        (&json!("csv"), &json!(1_000_000))
    );

    let seen = sftp("GetFileInformation", with(&[json!("inbox/report.csv")])).await;
    pinned(&seen, &["data"]);
    assert_eq!(
        seen["data"].as_object().unwrap().keys().collect::<Vec<_>>(),
        FILE_OBJECT
    );

    let back = server.path("back.csv");
    let saved = sftp("SaveFile", with(&[json!("inbox/report.csv"), json!(back)])).await;
    pinned(&saved, &["bytes", "filepath"]);
    assert_eq!(
        (&saved["bytes"], &saved["filepath"]),
        (&json!(1_000_000), &json!(back))
    );
    assert_eq!(fs::read(&back).unwrap(), fs::read(&local).unwrap());

    let data = outcome(Library::Sftp, "GetFileData", with(&[json!("inbox/report.csv")])).await;
    assert!(matches!(data, Outcome::Bytes(bytes) if bytes == fs::read(&local).unwrap()));

    pinned(
        &sftp(
            "UpdatePath",
            with(&[json!("inbox/report.csv"), json!("inbox/done.csv")]),
        )
        .await,
        &[],
    );
    let here = sftp("GetCurrentDirectory", with(&[])).await;
    pinned(&here, &["path"]);
    assert_eq!(here["path"], json!(home));
    let ran = ssh("ExecuteCommand", with(&[json!("whoami; echo oops >&2; exit 3")])).await;
    pinned(&ran, &["exit_code", "stdout", "stderr"]);
    assert_eq!(ran["stdout"], USER);
    assert_eq!(
        (&ran["stderr"], &ran["exit_code"]),
        (&json!("oops\n"), &json!("3"))
    );
    pinned(&sftp("DeleteFile", with(&[json!("inbox/done.csv")])).await, &[]);
    pinned(&sftp("DeleteDirectory", with(&[json!("inbox")])).await, &[]);
    assert!(!home.join("inbox").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_over_one_connection() {
    let server = Sshd::start("").await;
    let handle = open(Library::Sftp, by_password(&server)).await;
    a_days_work(&server, handle.clone(), false).await;
    assert_eq!(server.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert_eq!(
        json_of(Library::Ssh, "IsConnector", vec![handle.clone()]).await,
        true
    );
    assert_eq!(
        json_of(Library::Ssh, "IsConnector", vec![json!("text").into()]).await,
        false
    );
    // the same handle again
    let again = outcome(Library::Ssh, "CreateConnection", vec![handle.clone()]).await;
    assert!(matches!(again, Outcome::Handle(_)));
    assert_eq!(
        ssh("CloseConnection", vec![handle.clone()]).await,
        json!({"result": true})
    );
    assert_eq!(
        bad(&ssh("ExecuteCommand", vec![handle, json!("true").into()]).await),
        "No session"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_works_with_a_connection_for_each_call() {
    let server = Sshd::start("").await;
    a_days_work(&server, configuration(&by_key(&server)).into(), true).await;
    // and given as text, and in Russian
    let text = configuration(&by_key(&server)).to_string();
    let listed = sftp("ПолучитьСписокОбъектов", vec![json!(text).into()]).await;
    assert_eq!(listed["data"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_keep_their_words_and_close_the_connection() {
    let server = Sshd::start("").await;
    let missing = sftp(
        "DeleteFile",
        vec![configuration(&by_key(&server)).into(), json!("nothing").into()],
    )
    .await;
    assert_eq!(bad(&missing), "[SFTP(2)] no such file");
    assert_eq!(missing["close_connection"], json!({"result": true}));

    let nothing = sftp("ListObjects", vec![json!({"proxy": {}}).into()]).await;
    assert_eq!(
        bad(&nothing),
        "Incorrect connection configuration provided: missing main connection parameters"
    );
    let broken = sftp("ListObjects", vec![json!("{broken").into()]).await;
    assert!(
        bad(&broken).starts_with("Incorrect connection configuration provided: "),
        "{broken}"
    );

    let mut wrong = by_password(&server);
    wrong["password"] = json!("wrong");
    let refused = sftp("ListObjects", vec![configuration(&wrong).into()]).await;
    assert!(bad(&refused).starts_with("Auth error: "), "{refused}");
    assert_eq!(refused.get("close_connection"), None, "nothing was opened");

    let mut nowhere = by_password(&server);
    nowhere["port"] = json!(1);
    let unreachable = sftp("ListObjects", vec![configuration(&nowhere).into()]).await;
    assert!(
        bad(&unreachable).starts_with("TCP error: Direct connection error: "),
        "{unreachable}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_are_listed_whole_and_unreadable_branches_say_why() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let server = Sshd::start("").await;
    let home = server.path("home");
    fs::create_dir_all(home.join("a/b")).unwrap();
    fs::write(home.join("a/b/deep.txt"), "x").unwrap();
    fs::create_dir(home.join("closed")).unwrap();
    fs::set_permissions(home.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink(home.join("a"), home.join("link")).unwrap();
    let configuration = configuration(&by_key(&server));
    let listed = sftp(
        "ListObjects",
        vec![configuration.into(), json!("").into(), json!("true").into()],
    )
    .await;
    good(&listed);
    let named = |list: &Value, name: &str| {
        let found = list
            .as_array()
            .unwrap()
            .iter()
            .find(|object| object["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {list}")).clone()
    };
    let a = named(&listed["data"], "a");
    let deep = named(&named(&a["objects"], "b")["objects"], "deep.txt");
    assert_eq!(deep["path"], "a/b/deep.txt");
    let closed = named(&listed["data"], "closed");
    assert_eq!(closed["objects"], json!([]));
    assert_eq!(closed["error"], "[SFTP(3)] permission denied");
    let link = named(&listed["data"], "link");
    assert_eq!(
        (&link["is_symlink"], &link["is_directory"]),
        (&json!(true), &json!(false))
    );
    assert!(link["permissions"].as_str().unwrap().starts_with("120"), "{link}");
    assert_eq!(link.get("objects"), None, "links are not descended into");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_tell_what_happened_to_a_connection() {
    let server = Sshd::start("").await;
    let file = server.path("oint.log");
    let logging = ssh(
        "GetLoggingSettings",
        vec![json!(true).into(), json!(50).into(), json!(file).into()],
    )
    .await;
    assert_eq!(
        logging,
        json!({"mode": "both", "max_entries": 50, "file_path": file})
    );
    let arguments = vec![by_key(&server).into(), Argument::Missing, logging.into()];
    let Outcome::Handle(handle) = outcome(Library::Ssh, "CreateConnection", arguments).await else {
        panic!("no connection")
    };
    let handle = Argument::Handle(handle);
    good(&ssh("ExecuteCommand", vec![handle.clone(), json!("true").into()]).await);
    let log = ssh(
        "GetLog",
        vec![handle.clone(), json!(false).into(), json!(0).into()],
    )
    .await;
    assert_eq!(keys(&log), ["logs", "result", "returned", "total"]);
    let lines: Vec<&str> = log["logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    let events = [
        "Logger initialized",
        "Connecting to SSH server",
        "Connected to SSH server",
        "Execute command: true",
    ];
    assert_eq!(lines.len(), events.len(), "{lines:?}");
    for (line, event) in lines.iter().zip(events) {
        assert!(line.ends_with(event), "{line}");
    }
    let text = ssh(
        "GetLog",
        vec![handle.clone(), json!(true).into(), json!(1).into()],
    )
    .await;
    assert!(text["logs"].as_str().unwrap().ends_with("Execute command: true"));
    assert_eq!((&text["returned"], &text["total"]), (&json!(1), &json!(4)));
    good(&ssh("CloseConnection", vec![handle]).await);
    assert!(
        fs::read_to_string(file)
            .unwrap()
            .contains("Disconnecting from SSH server")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn builders_leave_out_what_is_empty() {
    let text = |text: &str| Argument::from(json!(text));
    let common = || vec![text("h"), json!(22).into(), text("u")];
    assert_eq!(
        sftp("GetSettingsLoginPassword", common()).await,
        json!({"auth_type": "password", "host": "h", "port": 22, "username": "u"})
    );
    assert_eq!(
        sftp("GetSettingsViaAgent", common()).await,
        json!({"auth_type": "agent", "host": "h", "port": 22, "username": "u"})
    );
    let mut key = common();
    key.push(text("/keys/id"));
    assert_eq!(
        sftp("GetSettingsPrivateKey", key).await,
        json!({"auth_type": "private_key", "host": "h", "port": 22, "username": "u", "key_path": "/keys/id"})
    );
    let mut answers = common();
    answers.push(json!(["yes", "s3cret"]).into());
    assert_eq!(
        sftp("GetSettingsKI", answers).await["keyboard_responses"],
        json!(["yes", "s3cret"])
    );
    assert_eq!(
        sftp("GetProxySettings", vec![text("10.0.0.5"), text("1080")]).await,
        json!({"server": "10.0.0.5", "port": 1080, "proxy_type": "socks5"})
    );
    let memory = ssh("GetLoggingSettings", vec![]).await;
    assert_eq!(memory, json!({"mode": "memory", "max_entries": 300}));
    assert_eq!(
        ssh("GetLoggingSettings", vec![json!(false).into()]).await,
        json!({})
    );
    let set = json!({"auth_type": "agent", "host": "h", "port": 22, "username": "u"});
    assert_eq!(
        ssh(
            "GetConnectionConfiguration",
            vec![set.clone().into(), json!("").into()]
        )
        .await,
        json!({"set": set})
    );
}
