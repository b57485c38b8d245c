//! Every function from a program: with each kind of authentication, directly and through proxies, over one connection
//! and with one for each call.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use longshore_oint::FUNCTIONS;

use super::every_auth::Agent;
use super::real_proxies::{self, dante, tinyproxy};
use super::*;

const REPORT: &[u8] = b"one;two;three\n";
/// Connections of [`operations`] with a configuration.
const OPERATIONS: usize = 11;
/// Connections of a whole round: those, and one handle of each library.
const CONNECTIONS: usize = OPERATIONS + 2;

/// `auth_type`, and what sshd notes of a login.
const KINDS: [(&str, &str); 4] = [
    ("password", "Accepted password for"),
    ("private_key", "Accepted publickey for"),
    ("agent", "Accepted publickey for"),
    ("keyboard_interactive", "Accepted keyboard-interactive/pam for"),
];

/// Calls functions and remembers which.
#[derive(Default)]
struct Caller {
    called: Mutex<BTreeSet<(&'static str, &'static str)>>,
}

impl Caller {
    async fn outcome(&self, library: Library, name: &'static str, arguments: &[Argument]) -> Outcome {
        let spec = library.function(name).unwrap();
        self.called
            .lock()
            .unwrap()
            .insert((library.module(), spec.english));
        outcome(library, name, arguments.to_vec()).await
    }

    async fn json(&self, library: Library, name: &'static str, arguments: &[Argument]) -> Value {
        match self.outcome(library, name, arguments).await {
            Outcome::Json(value) => value,
            other => panic!("{name} gave {other:?}"),
        }
    }

    /// A function that both libraries have and that only builds something. They agree.
    async fn built(&self, name: &'static str, arguments: &[Argument]) -> Value {
        let built = self.json(Library::Sftp, name, arguments).await;
        assert_eq!(self.json(Library::Ssh, name, arguments).await, built);
        built
    }

    /// An operation that must succeed.
    async fn done(&self, library: Library, name: &'static str, on: &Argument, more: &[Value]) -> Value {
        let mut arguments = vec![on.clone()];
        arguments.extend(more.iter().cloned().map(Argument::from));
        let result = self.json(library, name, &arguments).await;
        assert_eq!(result["result"], true, "{name}: {result}");
        result
    }

    /// Everything that the table holds was called.
    fn saw_all(&self) {
        let table = FUNCTIONS.iter().flat_map(|spec| {
            let name = |library: &Library| (library.module(), spec.english);
            spec.libraries.iter().map(name)
        });
        assert_eq!(*self.called.lock().unwrap(), table.collect::<BTreeSet<_>>());
    }
}

/// All builders of settings; gives those for this kind.
async fn settings(caller: &Caller, server: &Sshd, kind: &str, agent: &Agent) -> Value {
    let common: [Argument; 3] = [json!("127.0.0.1"), json!(server.port), json!(USER)].map(Argument::from);
    let with = |more: Value| [&common[..], &[more.into()]].concat();
    let builders = [
        ("GetSettingsLoginPassword", with(json!(PASSWORD))),
        ("GetSettingsPrivateKey", with(json!(server.path("user")))),
        ("GetSettingsViaAgent", common.to_vec()),
        ("GetSettingsKI", with(json!([PASSWORD]))),
    ];
    let mut wanted = Value::Null;
    for (name, arguments) in &builders {
        let built = caller.built(name, arguments).await;
        if built["auth_type"] == kind {
            wanted = built;
        }
    }
    wanted["fingerprint"] = json!(server.fingerprint("host"));
    wanted["agent_socket"] = json!(agent.socket);
    wanted
}

/// All that works on a connection, whichever way it is given.
async fn operations(caller: &Caller, server: &Sshd, on: &Argument) {
    let home = server.path("home");
    let sftp = |name, more: Vec<Value>| async move { caller.done(Library::Sftp, name, on, &more).await };
    assert_eq!(sftp("GetCurrentDirectory", vec![]).await["path"], json!(home));
    sftp("CreateNewDirectory", vec![json!("inbox")]).await;
    let local = server.path("report.csv");
    fs::write(&local, REPORT).unwrap();
    let sent = sftp("UploadFile", vec![json!(local), json!("inbox/report.csv")]).await;
    assert_eq!(sent["bytes"], REPORT.len());
    assert_eq!(fs::read(home.join("inbox/report.csv")).unwrap(), REPORT);
    let listed = sftp("ListObjects", vec![json!("inbox")]).await;
    assert_eq!(listed["data"][0]["path"], "inbox/report.csv");
    sftp(
        "UpdatePath",
        vec![json!("inbox/report.csv"), json!("inbox/done.csv")],
    )
    .await;
    let seen = sftp("GetFileInformation", vec![json!("inbox/done.csv")]).await;
    assert_eq!(seen["data"]["size"], REPORT.len());
    let back = server.path("back.csv");
    let saved = sftp("SaveFile", vec![json!("inbox/done.csv"), json!(back)]).await;
    assert_eq!(saved["bytes"], REPORT.len());
    assert_eq!(fs::read(&back).unwrap(), REPORT);
    let arguments = [on.clone(), json!("inbox/done.csv").into()];
    let data = caller.outcome(Library::Sftp, "GetFileData", &arguments).await;
    assert!(matches!(data, Outcome::Bytes(bytes) if bytes == REPORT));
    let ran = caller
        .done(Library::Ssh, "ExecuteCommand", on, &[json!("whoami")])
        .await;
    assert_eq!((&ran["stdout"], &ran["exit_code"]), (&json!(USER), &json!("0")));
    sftp("DeleteFile", vec![json!("inbox/done.csv")]).await;
    sftp("DeleteDirectory", vec![json!("inbox")]).await;
    assert_eq!(fs::read_dir(&home).unwrap().count(), 0);
}

/// A handle that logs, opened by one library and closed by it.
async fn over_a_handle(caller: &Caller, server: &Sshd, library: Library, settings: &Value, proxy: &Value) {
    let logging = caller.json(Library::Ssh, "GetLoggingSettings", &[]).await;
    let arguments = [settings, proxy, &logging].map(|value| Argument::from(value.clone()));
    let opened = caller.outcome(library, "CreateConnection", &arguments).await;
    let Outcome::Handle(connector) = opened else {
        panic!("no connection: {opened:?}")
    };
    let handle = [Argument::Handle(connector)];
    assert_eq!(caller.json(library, "IsConnector", &handle).await, true);
    if library == Library::Sftp {
        operations(caller, server, &handle[0]).await;
    } else {
        caller
            .done(Library::Ssh, "ExecuteCommand", &handle[0], &[json!("true")])
            .await;
        let log = caller.done(Library::Ssh, "GetLog", &handle[0], &[]).await;
        let last = log["logs"].as_array().unwrap().last().unwrap();
        assert!(last.as_str().unwrap().ends_with("Execute command: true"), "{log}");
    }
    caller.done(library, "CloseConnection", &handle[0], &[]).await;
}

/// A round for each kind of authentication. `proxy` gives arguments for `GetProxySettings`.
async fn every_round(server: &Sshd, proxy: &[Value]) {
    let agent = Agent::start(server, &["user"]);
    for (kind, _) in KINDS {
        let caller = Caller::default();
        let set = settings(&caller, server, kind, &agent).await;
        assert_eq!(set["auth_type"], kind);
        let given: Vec<Argument> = proxy.iter().cloned().map(Argument::from).collect();
        let proxy = match &given[..] {
            [] => {
                let unused = ["10.0.0.5", "1080"].map(|text| json!(text).into());
                caller.built("GetProxySettings", &unused).await;
                Value::Null
            }
            given => caller.built("GetProxySettings", given).await,
        };
        let both = [set.clone().into(), proxy.clone().into()];
        let configuration = caller.built("GetConnectionConfiguration", &both).await;
        assert_eq!(configuration.get("proxy").is_some(), !given.is_empty());
        operations(&caller, server, &configuration.into()).await;
        for library in Library::ALL {
            over_a_handle(&caller, server, library, &set, &proxy).await;
        }
        caller.saw_all();
    }
    for (kind, words) in KINDS {
        // keys are let in from a file and from the agent
        let rounds = KINDS.iter().filter(|(_, other)| *other == words).count();
        let logins = server.log().matches(words).count();
        assert_eq!(logins, rounds * CONNECTIONS, "{kind}: {}", server.log());
    }
}

async fn server() -> Sshd {
    let server = Sshd::start("UsePAM yes\nKbdInteractiveAuthentication yes").await;
    let pam =
        "auth required pam_unix.so nodelay\naccount required pam_permit.so\nsession required pam_permit.so\n";
    fs::write(server.path("pam"), pam).unwrap();
    server
}

/// All connections went through the proxy, which notes each with these words.
async fn all_through(proxy: &real_proxies::Server, words: &str) {
    let count = || proxy.log().matches(words).count();
    let noted = async {
        // what it writes comes a little later
        while count() < KINDS.len() * CONNECTIONS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let noted = tokio::time::timeout(Duration::from_secs(60), noted).await;
    assert!(noted.is_ok(), "{} of them: {}", count(), proxy.log());
    assert_eq!(count(), KINDS.len() * CONNECTIONS);
}

fn login_at(proxy: &real_proxies::Server, kind: &str) -> [Value; 5] {
    let port = proxy.address.port();
    [
        json!("127.0.0.1"),
        json!(port),
        json!(kind),
        json!(real_proxies::USER),
        json!(real_proxies::PASSWORD),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn directly() {
    every_round(&server().await, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_socks5() {
    let proxy = dante(true);
    every_round(&server().await, &login_at(&proxy, "socks5")).await;
    all_through(&proxy, "pass(1): tcp/connect [").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn through_http() {
    let proxy = tinyproxy(true);
    every_round(&server().await, &login_at(&proxy, "http")).await;
    all_through(&proxy, "Established connection to host").await;
}
