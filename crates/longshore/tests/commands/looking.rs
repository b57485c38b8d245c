//! `explain` and `doctor`, and the client commands as a whole.

use crate::remote::{Remote, names};
use crate::support::{Place, Server};

#[test]
fn explain_says_what_won_and_why() {
    let place = Place::new();
    place.write(
        ".ssh/config",
        "Host files\n  HostName files.example.net\n  Port 2022\n  IdentityFile ~/.ssh/files\n  ForwardX11 yes\nHost *\n  User bob\n  Port 22\n",
    );
    let config = place.path().join(".ssh/config").display().to_string();
    let text = place.run(["explain", "files"]).ok().stdout;
    for part in [
        "files.example.net:2022",
        &format!("({config}:2)"),
        "bob",
        "~/.ssh/files",
        "Overruled by an earlier one:",
        &format!("{config}:8"),
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let json = place
        .run([
            "explain",
            "--json",
            "-J",
            "hop,hop2:7",
            "-o",
            "Port=9",
            "ann@files",
        ])
        .ok()
        .json();
    assert_eq!(
        (&json["host"], &json["port"], &json["user"]),
        (&"files.example.net".into(), &9.into(), &"ann".into())
    );
    let settings = json["settings"].as_array().unwrap();
    let origin = |keyword: &str| {
        let found = settings.iter().find(|setting| setting["keyword"] == keyword);
        found.unwrap()["origin"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (origin("Port"), origin("HostName")),
        ("command line".to_owned(), format!("{config}:2"))
    );
    let way: Vec<&str> = json["way"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step.as_str().unwrap())
        .collect();
    assert_eq!(
        way,
        ["the jump host hop:22 as bob", "the jump host hop2:7 as bob"]
    );
    let none = place
        .run(["explain", "-F", "none", "--json", "files"])
        .ok()
        .json();
    assert_eq!((&none["host"], &none["port"]), (&"files".into(), &22.into()));
    place.write(".ssh/config", "Host *\n  Nonsense yes\n");
    place
        .run(["explain", "files"])
        .fails(3)
        .complains_of(&["config:2", "cannot use the settings"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_finds_a_good_server_well_and_leaves_nothing_behind() {
    let remote = Remote::start().await;
    let report = remote.run(&["doctor", "--json", &remote.at("")]).ok().json();
    assert_eq!(report["broken"], 0, "{report:#}");
    let verdict = |what: &str| {
        let findings = report["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["what"] == what).unwrap()["verdict"].clone()
    };
    for works in [
        "write and read back",
        "large packets",
        "deep pipelines",
        "posix-rename",
        "symbolic links",
        "statvfs",
        "fsync",
        "copy-data",
        "rename over a file",
        "exclusive creation",
        "appending",
        "names",
        "hard links",
        "times of links",
    ] {
        assert_eq!(verdict(works), "works", "{works}: {report:#}");
    }
    assert_eq!(verdict("hashes"), "absent");
    assert!(report["facts"]["server"].as_str().unwrap().contains("OpenSSH"));
    assert!(
        report["extensions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|extension| extension["name"] == "limits@openssh.com")
    );
    let text = remote.run(&["doctor", &remote.at("")]).ok().stdout;
    assert!(
        text.contains("VERDICT") && text.contains("deep pipelines"),
        "{text}"
    );
    assert!(names(&remote.home("")).is_empty());
    remote
        .run(&["doctor", &remote.at("/nowhere")])
        .fails(6)
        .complains_of(&["hint: name a directory"]);
    remote
        .run(&[
            "doctor",
            "--sftp-server",
            "/usr/lib/openssh/sftp-server -R",
            &remote.at(""),
        ])
        .fails(15);
}

#[test]
fn doctor_finds_nothing_broken_on_our_own_server() {
    let server = Server::start();
    let login = server.new_login("/home");
    server.place.write("password", &login.password);
    let target = format!("sftp://{}@{}/", login.name, server.address("sftp"));
    let report = server
        .place
        .run([
            "doctor",
            "--json",
            "-F",
            "none",
            "--password-file",
            "password",
            "--accept-new-host-key",
            &target,
        ])
        .ok()
        .json();
    assert_eq!(report["broken"], 0, "{report:#}");
}

#[test]
fn completion_knows_the_client_commands() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.run(["completion", shell]).ok().stdout;
        for word in ["doctor", "explain", "rmdir", "accept-new-host-key", "known-hosts"] {
            assert!(script.contains(word), "{word} is not in the script for {shell}");
        }
    }
}

#[test]
fn secrets_have_no_place_on_the_command_line() {
    for command in longshore::cli::command().get_subcommands() {
        for option in command.get_arguments() {
            let id = option.get_id().as_str();
            let takes_secret = id.contains("pass") && option.get_action().takes_values();
            assert!(
                !takes_secret || id.ends_with("_file") || id.ends_with("_env"),
                "{} --{id}",
                command.get_name()
            );
        }
    }
}
