//! What single kinds of authentication do beyond letting in (`every_function` has all four).

use std::fs;
use std::process::{Child, Command, Stdio};

use super::*;
use sshd::run;

/// An agent of the test's own, with these keys in this order.
pub(super) struct Agent {
    process: Child,
    pub(super) socket: String,
}

impl Agent {
    pub(super) fn start(server: &Sshd, keys: &[&str]) -> Self {
        let socket = server.path("agent").display().to_string();
        let process = Command::new("ssh-agent")
            .args(["-D", "-a", &socket])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut waited = 0;
        while !server.path("agent").exists() {
            assert!(waited < 1000, "the agent does not start");
            waited += 1;
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        for key in keys {
            run(Command::new("ssh-add")
                .arg("-q")
                .arg(server.path(key))
                .env("SSH_AUTH_SOCK", &socket));
        }
        Self { process, socket }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a function of each library with these settings, from a program and from the command line.
async fn gets_in(server: &Sshd, settings: Value) {
    let given = configuration(&settings);
    let listed = sftp("ListObjects", vec![given.clone().into(), json!(".").into()]).await;
    good(&listed);
    let file = server.path("conn.json");
    fs::write(&file, given.to_string()).unwrap();
    let ran = cli_json(&[
        "ssh",
        "executecommand",
        "--conn",
        file.to_str().unwrap(),
        "--comm",
        "echo hi",
    ])
    .await;
    good(&ran);
    assert_eq!((&ran["stdout"], &ran["exit_code"]), (&json!("hi"), &json!("0")));
}

#[tokio::test(flavor = "multi_thread")]
async fn keyboard_interactive() {
    let server = Sshd::start("UsePAM yes\nPasswordAuthentication no\nKbdInteractiveAuthentication yes").await;
    let pam =
        "auth required pam_unix.so nodelay\naccount required pam_permit.so\nsession required pam_permit.so\n";
    fs::write(server.path("pam"), pam).unwrap();
    let mut settings = by_password(&server);
    settings["auth_type"] = json!("keyboard_interactive");
    settings["keyboard_responses"] = json!([PASSWORD]);
    gets_in(&server, settings.clone()).await;

    let connector = longshore_oint::Connector::default();
    connector.set_settings(&settings).unwrap();
    let (connected, again) = tokio::task::spawn_blocking(move || {
        let connected = connector.connect().unwrap();
        let again = connector.set_settings(&settings).unwrap_err().to_string();
        connector.disconnect().unwrap();
        (connected, again)
    })
    .await
    .unwrap();
    assert_eq!(connected["keyboard_responses_provided"], 1);
    // PAM closes with a round that asks nothing.
    assert!(
        connected["keyboard_callback_count"].as_u64().unwrap() >= 1,
        "{connected}"
    );
    assert_eq!(connected["keyboard_prompts"].as_array().unwrap().len(), 1);
    let prompt = &connected["keyboard_prompts"][0];
    assert!(
        prompt["text"].as_str().unwrap().starts_with("Password"),
        "{connected}"
    );
    assert_eq!(prompt["echo"], false);
    assert!(
        connected["banner"]
            .as_str()
            .unwrap()
            .starts_with("SSH-2.0-OpenSSH"),
        "{connected}"
    );
    assert_eq!(
        again,
        "Settings can only be set before the connection is established"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_offers_all_its_keys() {
    let server = Sshd::start("").await;
    sshd::keygen(server.folder.path(), "other", &["-t", "ed25519"]);
    let agent = Agent::start(&server, &["other", "user"]);
    let mut settings = by_key(&server);
    settings["auth_type"] = json!("agent");
    settings["agent_socket"] = json!(agent.socket);
    gets_in(&server, settings).await;
}
