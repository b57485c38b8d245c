//! Starting a server: what it makes, what it says, and when it refuses.

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use support::{Guarded, NOBODY, Outcome, Place, Server, finish, http, is_root, wait_for};

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .mode()
        & 0o7777
}

#[test]
fn the_first_start_makes_everything_private() {
    let server = Server::start();
    let dir = &server.data_dir;
    for (name, bits) in [
        ("", 0o700),
        ("run", 0o700),
        ("host-keys", 0o700),
        ("secrets", 0o700),
        ("buckets", 0o700),
        ("lock", 0o600),
        ("initial-api-key", 0o600),
        ("run/server.json", 0o600),
        ("run/admin.sock", 0o600),
        ("host-keys/ssh_host_ed25519_key", 0o600),
        ("host-keys/ssh_host_ecdsa_key", 0o600),
        ("secrets/pepper", 0o600),
    ] {
        assert_eq!(mode(&dir.join(name)), bits, "{name}");
    }
    assert!(dir.join("catalog.db").is_file());
    assert_eq!(
        fs::read_to_string(dir.join("lock")).unwrap(),
        format!("{}\n", server.child.id())
    );
    assert!(
        server.log().contains("made a new data directory"),
        "{}",
        server.log()
    );
}

#[test]
fn the_first_start_prints_addresses_fingerprint_key_file_and_the_next_command() {
    let server = Server::start();
    let banner = wait_for("the banner", || {
        Some(server.banner()).filter(|text| text.contains("next"))
    });
    let fingerprint = finish(keygen(&server.data_dir.join("host-keys/ssh_host_ed25519_key")))
        .ok()
        .stdout;
    let fingerprint = fingerprint.split_whitespace().nth(1).unwrap().to_owned();
    for word in [
        server.data_dir.to_str().unwrap(),
        "(new)",
        &server.address("sftp").to_string(),
        &server.api_url(),
        &fingerprint,
        server.data_dir.join("initial-api-key").to_str().unwrap(),
    ] {
        assert!(banner.contains(word), "{word} is not in {banner}");
    }
    // The next command, pasted, makes a user.
    let next = banner
        .lines()
        .find_map(|line| line.strip_prefix("next"))
        .unwrap()
        .trim();
    let mut shell = Command::new("sh");
    server.place.clean(&mut shell);
    let bin = Path::new(support::BINARY).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    shell.env("PATH", path).args(["-c", next]);
    assert!(finish(shell).ok().stdout.contains("password"), "{next}");
}

fn keygen(key: &Path) -> Command {
    let mut command = Command::new("ssh-keygen");
    command.arg("-lf").arg(key);
    command
}

#[test]
fn the_initial_key_opens_the_api_and_a_second_start_makes_no_other() {
    let mut server = Server::start();
    let key = fs::read_to_string(server.data_dir.join("initial-api-key")).unwrap();
    let request = |server: &Server| {
        let head = format!(
            "GET /users HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Key {}\r\n\r\n",
            key.trim()
        );
        http(server.address("api"), &head)
    };
    assert!(request(&server).starts_with("HTTP/1.1 200"));
    assert!(!server.banner().contains(key.trim()) && !server.log().contains(key.trim()));
    assert_eq!(server.stop(), Some(0));
    fs::remove_file(server.data_dir.join("initial-api-key")).unwrap();

    let place = std::mem::replace(&mut server.place, Place::new());
    let again = Server::start_with(place, "data", &[], &[]);
    assert!(request(&again).starts_with("HTTP/1.1 200"));
    assert!(!again.data_dir.join("initial-api-key").exists());
    assert!(!again.banner().contains("(new)"));
    assert_eq!(
        again
            .admin(&["api-key", "list", "--json"])
            .ok()
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_first_key_that_cannot_be_handed_over_does_not_count() {
    let place = Place::new();
    // A directory stands where the file should go.
    let taken = place.path().join("data/initial-api-key");
    fs::create_dir_all(taken.join("x")).unwrap();
    let listen = ["--sftp-listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"];
    let failed = place.run(["serve", "--data-dir", "data"].iter().chain(&listen));
    failed
        .fails(9)
        .complains_of(&["cannot write in", "hint:", "longshore api-key create"]);
    let server = Server::start_with(place, "data", &[], &[]);
    let keys = server.admin(&["api-key", "list", "--json"]).ok().json();
    assert!(keys[0]["revoked"].is_string(), "{keys}");
}

#[test]
fn on_a_terminal_the_first_key_is_shown_and_not_written() {
    let place = Place::new();
    let mut script = Command::new("script");
    place.clean(&mut script);
    let serve = format!(
        "{} serve --data-dir data --sftp-listen 127.0.0.1:0 --api-listen 127.0.0.1:0 2>log",
        support::BINARY
    );
    // script(1) gives the command a terminal, and ends when it does.
    script
        .args(["-q", "-e", "-f", "-c", &serve, "typescript"])
        .stdout(std::process::Stdio::null());
    let mut child = Guarded(script.spawn().unwrap());
    let shown = wait_for("the banner", || {
        let text = fs::read_to_string(place.path().join("typescript")).ok()?;
        text.contains("next").then_some(text)
    });
    let file = place.path().join("data/run/server.json");
    let info: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    Command::new("kill")
        .arg(info["pid"].to_string())
        .status()
        .unwrap();
    wait_for("the end", || child.0.try_wait().unwrap());
    assert!(shown.contains("(shown this once)"), "{shown}");
    let key = shown
        .lines()
        .find_map(|line| line.strip_prefix("first API key"))
        .unwrap();
    let key = key.split_whitespace().next().unwrap();
    assert!(key.contains('.'), "{key}");
    assert!(!place.path().join("data/initial-api-key").exists());
    assert!(
        !fs::read_to_string(place.path().join("log"))
            .unwrap()
            .contains(key)
    );
}

#[test]
fn the_server_file_tells_where_it_listens_and_goes_with_the_server() {
    let mut server = Server::start();
    let info = server.info();
    assert_eq!(info["pid"], server.child.id());
    assert_eq!(
        info["admin_socket"],
        server.data_dir.join("run/admin.sock").to_str().unwrap()
    );
    assert!(info["started"].as_u64().unwrap() > 1_700_000_000);
    std::net::TcpStream::connect(server.address("sftp")).unwrap();
    std::net::TcpStream::connect(server.address("api")).unwrap();
    assert_eq!(server.stop(), Some(0));
    assert!(!server.file().exists() && !server.data_dir.join("run/admin.sock").exists());
}

#[test]
fn all_addresses_are_shown_as_one_that_can_be_reached() {
    let server = Server::start_with(Place::new(), "data", &[], &["--sftp-listen", "*:0"]);
    assert_eq!(
        server.address("sftp").ip(),
        std::net::IpAddr::from([127, 0, 0, 1])
    );
    std::net::TcpStream::connect(server.address("sftp")).unwrap();
}

fn serve_on(place: &Place, data_dir: &str, extra: &[&str]) -> Outcome {
    let mut args = vec![
        "serve",
        "--data-dir",
        data_dir,
        "--sftp-listen",
        "127.0.0.1:0",
        "--api-listen",
        "127.0.0.1:0",
    ];
    args.extend(extra);
    place.run(args)
}

#[test]
fn a_second_server_on_the_directory_is_refused_and_names_the_first() {
    let server = Server::start();
    let second = serve_on(&server.place, "data", &[]).fails(10);
    second.complains_of(&[
        server.data_dir.to_str().unwrap(),
        &format!("process {}", server.child.id()),
        "hint:",
        "--data-dir",
    ]);
    // The first one is unharmed.
    server.admin(&["user", "list"]).ok();
    assert!(server.file().exists());
}

#[test]
fn a_killed_server_leaves_nothing_that_stops_the_next_one() {
    let mut server = Server::start();
    server.signal("KILL");
    server.wait();
    assert!(server.file().exists());
    let place = std::mem::replace(&mut server.place, Place::new());
    let orphan = finish({
        let mut command = place.command(["user", "list", "--data-dir"]);
        command.arg(&server.data_dir);
        command
    });
    orphan.fails(4).complains_of(&["longshore serve"]);
    fs::remove_file(server.file()).unwrap();
    let again = Server::start_with(place, "data", &[], &[]);
    again.admin(&["user", "list"]).ok();
}

#[test]
fn a_taken_port_is_named_with_the_setting_that_changes_it() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let sftp = place.run([
        "serve",
        "--data-dir",
        "data",
        "--api-listen",
        "127.0.0.1:0",
        "--sftp-listen",
        &address,
    ]);
    sftp.fails(11)
        .complains_of(&["SFTP", &address, "in use", "hint:", "--sftp-listen"]);
    let api = place.run([
        "serve",
        "--data-dir",
        "data",
        "--sftp-listen",
        "127.0.0.1:0",
        "--api-listen",
        &address,
    ]);
    api.fails(11)
        .complains_of(&["API", &address, "in use", "hint:", "--api-listen"]);
    let foreign = place.run(["serve", "--data-dir", "data", "--sftp-listen", "192.0.2.1:2022"]);
    foreign
        .fails(11)
        .complains_of(&["192.0.2.1:2022", "does not have that address"]);
    // Nothing was half started: no key is waiting in a file.
    assert!(!place.path().join("data/initial-api-key").exists());
}

/// A command as somebody without rights.
fn unprivileged(place: &Place, args: &[&str]) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        let nobody = NOBODY.to_string();
        command.args([
            "--reuid",
            &nobody,
            "--regid",
            &nobody,
            "--clear-groups",
            support::BINARY,
        ]);
        command
    } else {
        Command::new(support::BINARY)
    };
    place.clean(&mut command);
    command.args(args);
    command
}

#[test]
fn a_directory_that_cannot_be_written_is_named_with_the_path_and_the_way_out() {
    let place = Place::new();
    let closed = place.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    for dir in [closed.clone(), closed.join("below")] {
        let args = [
            "serve",
            "--sftp-listen",
            "127.0.0.1:0",
            "--api-listen",
            "127.0.0.1:0",
            "--data-dir",
        ];
        let mut command = unprivileged(&place, &args);
        command.arg(&dir);
        finish(command).fails(9).complains_of(&[
            dir.to_str().unwrap(),
            "from flag --data-dir",
            "Permission denied",
            "hint:",
            "LONGSHORE_DATA_DIR",
        ]);
    }
    place.write("file", "");
    serve_on(&place, "file", &[])
        .fails(9)
        .complains_of(&["file", "not a directory"]);
}

#[test]
fn a_searched_directory_is_named_too_when_it_cannot_be_used() {
    let place = Place::new();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = unprivileged(&place, &["serve"]);
    command.env("XDG_DATA_HOME", "/proc/longshore-test");
    finish(command)
        .fails(9)
        .complains_of(&["/proc/longshore-test/longshore", "found by search", "hint:"]);
    let mut homeless = unprivileged(&place, &["serve"]);
    homeless.env_remove("HOME");
    finish(homeless)
        .fails(9)
        .complains_of(&["neither HOME nor XDG_DATA_HOME", "--data-dir"]);
}

#[test]
fn host_keys_are_shown_offline_in_the_forms_that_ssh_knows() {
    let mut server = Server::start();
    assert_eq!(server.stop(), Some(0));
    let key = server.data_dir.join("host-keys/ssh_host_ed25519_key");
    let fingerprint = finish(keygen(&key))
        .ok()
        .stdout
        .split_whitespace()
        .nth(1)
        .unwrap()
        .to_owned();
    let text = server.admin(&["host-key", "show"]).ok().stdout;
    assert!(
        text.contains(&fingerprint) && text.contains(" IN SSHFP 4 2 "),
        "{text}"
    );

    let json = server.admin(&["host-key", "show", "--json"]).ok().json();
    assert_eq!(json["keys"][0]["fingerprint"], fingerprint.as_str());
    assert_eq!(json["keys"][0]["algorithm"], "ssh-ed25519");
    assert!(json["keys"].as_array().unwrap().len() >= 2);

    let lines = server
        .admin(&["host-key", "show", "--known-hosts", "127.0.0.1:2022"])
        .ok()
        .stdout;
    assert!(
        lines.lines().all(|line| line.starts_with("[127.0.0.1]:2022 ")),
        "{lines}"
    );
    server.place.write("known_hosts", &lines);
    let mut find = Command::new("ssh-keygen");
    find.args(["-lF", "[127.0.0.1]:2022", "-f"])
        .arg(server.place.path().join("known_hosts"));
    assert!(finish(find).ok().stdout.contains(&fingerprint));
    server
        .admin(&["host-key", "show", "--known-hosts", "a b"])
        .fails(2)
        .complains_of(&["HOST:PORT"]);
}

#[test]
fn without_host_keys_nothing_is_made_by_showing_them() {
    let place = Place::new();
    fs::create_dir(place.path().join("data")).unwrap();
    place
        .run(["host-key", "show", "--data-dir", "data"])
        .fails(9)
        .complains_of(&["no host keys", "longshore serve"]);
    assert_eq!(fs::read_dir(place.path().join("data")).unwrap().count(), 0);
    place
        .run(["host-key", "show", "--data-dir", "absent"])
        .fails(9)
        .complains_of(&["absent"]);
}

#[test]
fn broken_parts_of_the_directory_are_named() {
    let mut server = Server::start();
    assert_eq!(server.stop(), Some(0));
    let key = server.data_dir.join("host-keys/ssh_host_ed25519_key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    serve_on(&server.place, "data", &[]).fails(9).complains_of(&[
        "host keys",
        key.to_str().unwrap(),
        "hint:",
    ]);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(server.data_dir.join("secrets/pepper"), "short").unwrap();
    serve_on(&server.place, "data", &[])
        .fails(9)
        .complains_of(&["pepper", "hint:"]);
}

#[test]
fn the_manager_is_told_when_the_server_is_ready_and_when_it_stops() {
    let place = Place::new();
    let socket = std::os::unix::net::UnixDatagram::bind(place.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(support::PATIENCE)).unwrap();
    let name = place.path().join("notify").display().to_string();
    let mut server = Server::start_with(place, "data", &[("NOTIFY_SOCKET", &name)], &[]);
    let heard = || {
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(heard(), "READY=1");
    assert_eq!(server.stop(), Some(0));
    assert_eq!(heard(), "STOPPING=1");
}

#[test]
fn logs_are_json_where_asked() {
    let env = [
        ("LONGSHORE_LOG_FORMAT", "json"),
        ("LONGSHORE_LOG", "longshore=debug"),
    ];
    let mut server = Server::start_with(Place::new(), "data", &env, &[]);
    assert_eq!(server.stop(), Some(0));
    let log = server.log();
    assert!(log.lines().count() > 1);
    for line in log.lines() {
        let event: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            event["level"].is_string() && event["message"].is_string(),
            "{line}"
        );
    }
}

#[test]
fn the_soft_limit_on_open_files_is_raised_to_the_hard_one() {
    let place = Place::new();
    let mut command = Command::new("prlimit");
    place.clean(&mut command);
    command.args([
        "--nofile=256:2048",
        support::BINARY,
        "serve",
        "--data-dir",
        "data",
    ]);
    command.args(["--sftp-listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0"]);
    command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let child = Guarded(command.spawn().unwrap());
    let file = place.path().join("data/run/server.json");
    wait_for("the start", || file.exists().then_some(()));
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.0.id())).unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap();
    let numbers: Vec<&str> = files.split_whitespace().skip(3).take(2).collect();
    assert_eq!(numbers, ["2048", "2048"]);
}

#[test]
fn an_idle_server_is_small() {
    let server = Server::start();
    let status = fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let rss: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap();
    assert!(rss < 40 * 1024, "{rss} KiB resident");
}

#[test]
fn a_public_name_that_does_not_resolve_is_a_warning() {
    let env = [("LONGSHORE_SFTP_PUBLIC_HOST", "nowhere.invalid")];
    let server = Server::start_with(Place::new(), "data", &env, &[]);
    wait_for("the warning", || {
        server.log().contains("does not resolve").then_some(())
    });
    assert!(server.log().contains("nowhere.invalid"));
    let good = [("LONGSHORE_SFTP_PUBLIC_HOST", "localhost")];
    let mut server = Server::start_with(Place::new(), "data", &good, &[]);
    server.create_user("/alice");
    assert_eq!(server.stop(), Some(0));
    assert!(!server.log().contains("does not resolve"), "{}", server.log());
}

#[test]
fn an_api_beyond_this_machine_is_a_warning() {
    let server = Server::start_with(Place::new(), "data", &[], &["--api-listen", "*:0"]);
    assert!(
        server.log().contains("plain HTTP beyond this machine"),
        "{}",
        server.log()
    );
}

#[test]
fn a_directory_of_another_user_is_a_warning() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    let dir = place.path().join("data");
    fs::create_dir(&dir).unwrap();
    std::os::unix::fs::chown(&dir, Some(NOBODY), None).unwrap();
    let server = Server::start_with(place, "data", &[], &[]);
    assert!(
        server.log().contains("belongs to another user"),
        "{}",
        server.log()
    );
}
