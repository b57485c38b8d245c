//! Logging in to OpenSSH's server: every kind of key and method, alone and together.

mod sshd;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use async_trait::async_trait;
use longshore_client::{
    AgentKeys, Answers, AuthMethod, ConnectOptions, Connection, Endpoint, ErrorKind, Interaction, KeyFile,
    NonInteractive, Questions, Stage, UserKey,
};
use secrecy::{ExposeSecret as _, SecretString};
use sshd::{PASSWORD, Sshd, keygen, run};

/// Answers everything with one secret.
struct Person(&'static str);

#[async_trait]
impl Interaction for Person {
    async fn password(&self, _user: &str, _host: &Endpoint) -> Option<SecretString> {
        Some(self.0.into())
    }

    async fn passphrase(&self, _key: &str) -> Option<SecretString> {
        Some(self.0.into())
    }

    async fn answers(&self, _host: &Endpoint, questions: &Questions) -> Option<Vec<SecretString>> {
        Some(questions.prompts.iter().map(|_| self.0.into()).collect())
    }
}

async fn connect(options: &ConnectOptions) -> longshore_client::Result<Connection> {
    Connection::connect(options, &NonInteractive).await
}

/// The methods by which a login succeeds.
async fn used(options: &ConnectOptions) -> Vec<String> {
    connect(options).await.unwrap().info().auth.used.clone()
}

fn openssl(arguments: &[&str]) {
    run(Command::new("openssl").args(arguments));
}

fn puttygen(arguments: &[&str]) {
    run(Command::new("puttygen").args(arguments));
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_open_the_door_and_wrong_ones_do_not() {
    let server = Sshd::start("").await;
    assert_eq!(
        used(&server.options().auth(AuthMethod::password(PASSWORD))).await,
        ["password"]
    );
    let asked = server.options().auth(AuthMethod::AskPassword);
    let connection = Connection::connect(&asked, &Person(PASSWORD)).await.unwrap();
    assert_eq!(connection.info().auth.used, ["password"]);
    let error = connect(&server.options().auth(AuthMethod::password("wrong horse")))
        .await
        .unwrap_err();
    assert_eq!(
        (error.stage(), error.kind()),
        (Stage::Auth, ErrorKind::AuthFailed),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("wrong horse"));
    assert!(
        error
            .to_string()
            .contains("the server takes: publickey, password"),
        "{error}"
    );
    let error = connect(&asked).await.unwrap_err();
    assert!(error.to_string().contains("nobody to ask"), "{error}");
    let options = server.options().auth(AuthMethod::password(PASSWORD));
    assert!(!format!("{options:?}").contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_every_kind_and_format_sign() {
    let server = Sshd::start("").await;
    let folder = server.folder.path();
    for (kind, arguments) in [
        ("ed25519", &["-t", "ed25519"][..]),
        ("rsa", &["-t", "rsa", "-b", "2048"]),
        ("ecdsa256", &["-t", "ecdsa", "-b", "256"]),
        ("ecdsa384", &["-t", "ecdsa", "-b", "384"]),
        ("ecdsa521", &["-t", "ecdsa", "-b", "521"]),
    ] {
        keygen(folder, kind, arguments);
        server.authorize(kind);
        let wanted = [format!("publickey {}", server.fingerprint(kind))];
        for file in formats(folder, kind) {
            let mut key = KeyFile::new(server.path(&file));
            if file.ends_with("-locked") {
                key = key.passphrase("pass phrase".into());
            }
            let options = server.options().auth(AuthMethod::KeyFile(key));
            match connect(&options).await {
                Ok(connection) => assert_eq!(connection.info().auth.used, wanted, "{file}"),
                Err(error) => panic!("{file}: {error}"),
            }
        }
        let text = fs::read(server.path(kind)).unwrap();
        let key = UserKey::parse(&text, None).unwrap();
        assert_eq!(
            used(&server.options().auth(AuthMethod::Key(key))).await,
            wanted,
            "{kind} from memory"
        );
    }
    assert!(!server.log().contains("ssh-rsa SHA256"), "no SHA-1 signatures");
}

/// The key in every format that the tools of this machine write: names of files.
fn formats(folder: &Path, kind: &str) -> Vec<String> {
    let path = |suffix: &str| folder.join(format!("{kind}{suffix}")).display().to_string();
    let plain = path("");
    let copy = |suffix: &str| {
        fs::copy(&plain, path(suffix)).unwrap();
    };
    copy("-locked");
    run(Command::new("ssh-keygen").args(["-q", "-p", "-N", "pass phrase", "-f", &path("-locked")]));
    for version in ["2", "3"] {
        let param = format!("version={version}");
        puttygen(&[
            &plain,
            "-O",
            "private",
            "--ppk-param",
            &param,
            "-o",
            &path(&format!("-ppk{version}")),
        ]);
        let passphrase = path("-passphrase");
        fs::write(&passphrase, "pass phrase\n").unwrap();
        let locked = path(&format!("-ppk{version}-locked"));
        puttygen(&[
            &plain,
            "-O",
            "private",
            "--ppk-param",
            &param,
            "--new-passphrase",
            &passphrase,
            "-o",
            &locked,
        ]);
    }
    let mut names = vec!["", "-locked", "-ppk2", "-ppk2-locked", "-ppk3", "-ppk3-locked"];
    // ssh-keygen writes Ed25519 keys in its own format only; they come in PKCS#8 from openssl, see below.
    if kind != "ed25519" {
        copy("-pem");
        run(Command::new("ssh-keygen").args(["-q", "-p", "-N", "", "-m", "PEM", "-f", &path("-pem")]));
        openssl(&[
            "pkcs8",
            "-topk8",
            "-nocrypt",
            "-in",
            &path("-pem"),
            "-out",
            &path("-pkcs8"),
        ]);
        openssl(&[
            "pkcs8",
            "-topk8",
            "-v2",
            "aes-256-cbc",
            "-passout",
            "pass:pass phrase",
            "-in",
            &path("-pem"),
            "-out",
            &path("-pkcs8-locked"),
        ]);
        names.extend(["-pem", "-pkcs8", "-pkcs8-locked"]);
    }
    names
        .into_iter()
        .map(|suffix| format!("{kind}{suffix}"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ed25519_keys_in_pkcs8_sign() {
    let server = Sshd::start("").await;
    let path = |name: &str| server.path(name).display().to_string();
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", &path("plain")]);
    let locking = ["-aes-256-cbc", "-passout", "pass:pass phrase"];
    openssl(
        &[
            &["pkey", "-in", &path("plain"), "-out", &path("locked")],
            &locking[..],
        ]
        .concat(),
    );
    openssl(&[
        "pkey",
        "-in",
        &path("plain"),
        "-pubout",
        "-outform",
        "DER",
        "-out",
        &path("der"),
    ]);
    // the key itself comes last there (RFC 8410)
    let der = fs::read(server.path("der")).unwrap();
    let blob = [
        &[0, 0, 0, 11][..],
        b"ssh-ed25519",
        &[0, 0, 0, 32],
        &der[der.len() - 32..],
    ]
    .concat();
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, blob);
    fs::write(server.path("pkcs8.pub"), format!("ssh-ed25519 {encoded}\n")).unwrap();
    server.authorize("pkcs8");
    let wanted = [format!("publickey {}", server.fingerprint("pkcs8"))];
    let locked = KeyFile::new(server.path("locked")).passphrase("pass phrase".into());
    for key in [KeyFile::new(server.path("plain")), locked] {
        let options = server.options().auth(AuthMethod::KeyFile(key));
        assert_eq!(used(&options).await, wanted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rsa_keys_in_pem_may_be_locked_and_others_say_how_to_rewrite_them() {
    let server = Sshd::start("").await;
    for kind in ["rsa", "ecdsa"] {
        keygen(server.folder.path(), kind, &["-t", kind]);
        server.authorize(kind);
        let locked = ["-q", "-p", "-N", "pass phrase", "-m", "PEM", "-f"];
        run(Command::new("ssh-keygen").args(locked).arg(server.path(kind)));
        let text = fs::read_to_string(server.path(kind)).unwrap();
        assert!(text.contains("DEK-Info: AES-128-CBC"), "{text}");
        let key = KeyFile::new(server.path(kind)).passphrase("pass phrase".into());
        let connected = connect(&server.options().auth(AuthMethod::KeyFile(key))).await;
        if kind == "rsa" {
            let wanted = [format!("publickey {}", server.fingerprint(kind))];
            assert_eq!(connected.unwrap().info().auth.used, wanted);
        } else {
            let error = connected.unwrap_err().to_string();
            assert!(
                error.contains("ssh-keygen -p") && !error.contains("passphrase is wrong"),
                "{error}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passphrases_are_asked_for_and_wrong_ones_told() {
    let server = Sshd::start("").await;
    keygen(
        server.folder.path(),
        "locked",
        &["-t", "ed25519", "-N", "open sesame"],
    );
    server.authorize("locked");
    let options = server.options().auth(AuthMethod::key_file(server.path("locked")));
    let connection = Connection::connect(&options, &Person("open sesame"))
        .await
        .unwrap();
    assert_eq!(connection.info().auth.used.len(), 1);
    let error = Connection::connect(&options, &Person("open barley"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("passphrase is wrong"), "{error}");
    let error = connect(&options).await.unwrap_err();
    assert!(error.to_string().contains("protected by a passphrase"), "{error}");
    assert_eq!(error.stage(), Stage::Auth);
    for (name, text) in [
        ("public", &*fs::read(server.path("user.pub")).unwrap()),
        ("garbage", b"nonsense"),
    ] {
        fs::write(server.path(name), text).unwrap();
        let error = connect(&server.options().auth(AuthMethod::key_file(server.path(name))))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}: {error}");
    }
    let missing = KeyFile::new(server.path("missing"));
    let error = connect(&server.options().auth(AuthMethod::KeyFile(missing.clone())))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let options = server.options().auth(AuthMethod::KeyFile(missing.optional(true)));
    assert_eq!(
        used(&options.auth(AuthMethod::password(PASSWORD))).await,
        ["password"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_stand_for_keys_that_are_not_listed() {
    let server = Sshd::start("").await;
    let folder = server.folder.path();
    keygen(folder, "authority", &["-t", "ed25519"]);
    let config = fs::read_to_string(server.path("sshd_config")).unwrap();
    let authority = server.path("authority.pub").display().to_string();
    fs::write(
        server.path("sshd_config"),
        format!("TrustedUserCAKeys {authority}\n{config}"),
    )
    .unwrap();
    for (kind, arguments) in [
        ("c-ed", &["-t", "ed25519"][..]),
        ("c-rsa", &["-t", "rsa", "-b", "2048"]),
    ] {
        keygen(folder, kind, arguments);
        let options = server.options().auth(AuthMethod::key_file(server.path(kind)));
        assert_eq!(connect(&options).await.unwrap_err().kind(), ErrorKind::AuthFailed);
        run(Command::new("ssh-keygen")
            .args(["-q", "-s"])
            .arg(folder.join("authority"))
            .args(["-I", "test", "-n", sshd::USER, "-V", "-5m:+1h"])
            .arg(folder.join(format!("{kind}.pub"))));
        let wanted = [format!("publickey {} (certificate)", server.fingerprint(kind))];
        assert_eq!(
            used(&options).await,
            wanted,
            "{kind}: the certificate beside the key"
        );
    }
    let other = KeyFile::new(server.path("user")).certificate(server.path("c-ed-cert.pub"));
    let error = connect(&server.options().auth(AuthMethod::KeyFile(other)))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("belongs to another key"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_methods_lead_in_together() {
    let server = Sshd::start("AuthenticationMethods publickey,password").await;
    let key = AuthMethod::key_file(server.path("user"));
    let by_key = format!("publickey {}", server.fingerprint("user"));
    // In either order: what is not wanted yet waits.
    let options = server
        .options()
        .auth(key.clone())
        .auth(AuthMethod::password(PASSWORD));
    assert_eq!(used(&options).await, [by_key.as_str(), "password"]);
    let options = server
        .options()
        .auth(AuthMethod::password(PASSWORD))
        .auth(key.clone());
    assert_eq!(used(&options).await, [by_key.as_str(), "password"]);
    let error = connect(&server.options().auth(key)).await.unwrap_err();
    assert!(error.to_string().contains("accepted: publickey"), "{error}");
    assert_eq!(
        error.next_step(),
        Some("the server takes password, which was not given")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_by_a_person_a_list_or_the_password() {
    let server = Sshd::start("UsePAM yes\nPasswordAuthentication no\nKbdInteractiveAuthentication yes").await;
    let pam = "auth requisite pam_echo.so Look here\nauth required pam_unix.so nodelay\naccount required pam_permit.so\n\
               session required pam_permit.so\n";
    fs::write(server.path("pam"), pam).unwrap();
    let by_person = server
        .options()
        .auth(AuthMethod::KeyboardInteractive(Answers::Ask));
    let connection = Connection::connect(&by_person, &Person(PASSWORD)).await.unwrap();
    let auth = &connection.info().auth;
    assert_eq!(auth.used, ["keyboard-interactive"]);
    let asked: Vec<_> = auth.prompts.iter().flat_map(|round| &round.prompts).collect();
    assert_eq!(asked.len(), 1, "{:?}", auth.prompts);
    assert!(
        !asked[0].echo && asked[0].text == "Look here\nPassword: ",
        "{asked:?}"
    );
    let list = Answers::Given(vec![PASSWORD.into()]);
    let by_list = server.options().auth(AuthMethod::KeyboardInteractive(list));
    assert_eq!(used(&by_list).await, ["keyboard-interactive"]);
    let by_password = server.options().auth(AuthMethod::password(PASSWORD));
    assert_eq!(used(&by_password).await, ["keyboard-interactive"]);
    let error = connect(&by_person).await.unwrap_err();
    assert!(error.to_string().contains("Password:\""), "{error}");
    let wrong = Answers::Given(vec!["wrong".into()]);
    let error = connect(&server.options().auth(AuthMethod::KeyboardInteractive(wrong)))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AuthFailed, "{error}");
}

/// An agent of the test's own.
struct TestAgent {
    process: Child,
    socket: std::path::PathBuf,
}

impl TestAgent {
    fn start(folder: &Path) -> Self {
        let socket = folder.join("agent");
        let process = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..1000 {
            if socket.exists() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Self { process, socket }
    }

    fn add(&self, path: &Path) {
        run(Command::new("ssh-add")
            .arg("-q")
            .arg(path)
            .env("SSH_AUTH_SOCK", &self.socket));
    }
}

impl Drop for TestAgent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agents_keys_are_tried_the_named_one_first_within_the_servers_patience() {
    let server = Sshd::start("MaxAuthTries 3").await;
    let folder = server.folder.path();
    let agent = TestAgent::start(folder);
    let mut names: Vec<String> = (0..6).map(|number| format!("agent{number}")).collect();
    for name in &names {
        keygen(folder, name, &["-t", "ed25519"]);
    }
    keygen(folder, "wanted", &["-t", "rsa", "-b", "2048"]);
    server.authorize("wanted");
    names.push("wanted".to_owned());
    for name in &names {
        agent.add(&server.path(name));
    }
    let keys = || AgentKeys::at(&agent.socket);
    let wanted = [format!("publickey {} (agent)", server.fingerprint("wanted"))];
    let named = server
        .options()
        .auth(AuthMethod::Agent(keys().first(server.fingerprint("wanted"))));
    let connection = connect(&named).await.unwrap();
    let auth = &connection.info().auth;
    assert_eq!(auth.used, wanted);
    assert!(auth.refused.is_empty());
    assert_eq!(auth.agent_identities.len(), 7);
    assert!(
        auth.agent_identities[0].ends_with(" wanted"),
        "{:?}",
        auth.agent_identities
    );

    // Without a name the server's patience ends before the right key's turn.
    let error = connect(&server.options().auth(AuthMethod::Agent(keys())))
        .await
        .unwrap_err();
    assert_eq!(
        (error.stage(), error.kind()),
        (Stage::Auth, ErrorKind::AuthFailed),
        "{error}"
    );
    assert!(
        error.to_string().contains("Too many authentication failures"),
        "{error}"
    );
    assert!(
        error.next_step().unwrap().contains("name the right one"),
        "{error}"
    );

    // Room is kept for what comes behind.
    let mut options = server
        .options()
        .auth(AuthMethod::Agent(keys()))
        .auth(AuthMethod::password(PASSWORD));
    options.auth_attempts = 3;
    assert_eq!(used(&options).await, ["password"]);

    let absent = AgentKeys::at(server.path("nobody"));
    let error = connect(&server.options().auth(AuthMethod::Agent(absent.clone())))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("agent"), "{error}");
    let options = server.options().auth(AuthMethod::Agent(absent.optional(true)));
    assert_eq!(
        used(&options.auth(AuthMethod::password(PASSWORD))).await,
        ["password"]
    );
}

#[test]
fn nothing_secret_shows_in_debug_output() {
    let secret = "s3cr3t-s3cr3t";
    let method = AuthMethod::KeyFile(KeyFile::new("/k").passphrase(secret.into()));
    let answers = AuthMethod::KeyboardInteractive(Answers::Given(vec![secret.into()]));
    for shown in [
        format!("{method:?}"),
        format!("{answers:?}"),
        format!("{:?}", AuthMethod::password(secret)),
        format!("{:?}", Answers::Given(vec![secret.into()])),
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let kept: SecretString = secret.into();
    assert_eq!(kept.expose_secret(), secret);
}
