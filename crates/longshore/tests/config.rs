//! Configuration as the binary reads it: sources, precedence, faults, the search for the data directory.

mod support;

use serde_json::Value;
use support::{Outcome, Place};

fn entry(outcome: &Outcome, key: &str) -> Value {
    let all = outcome.json();
    all.as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["key"] == key)
        .unwrap()
        .clone()
}

fn listen(outcome: Outcome) -> (String, String) {
    let entry = entry(&outcome.ok(), "sftp.listen");
    (
        entry["value"].as_str().unwrap().to_owned(),
        entry["origin"]["kind"].as_str().unwrap().to_owned(),
    )
}

#[test]
fn without_anything_every_setting_has_its_default() {
    let place = Place::new();
    let outcome = place.run(["config", "show", "--json"]).ok();
    for entry in outcome.json().as_array().unwrap() {
        assert_eq!(entry["origin"]["kind"], "default", "{entry}");
    }
    assert_eq!(entry(&outcome, "sftp.listen")["value"], "*:2022");
    assert_eq!(entry(&outcome, "api.listen")["value"], "127.0.0.1:8080");
    assert_eq!(entry(&outcome, "users.max")["value"], Value::Null);
    assert!(outcome.stderr.is_empty());
}

#[test]
fn file_environment_and_data_dir_flag_rise_in_precedence() {
    let place = Place::new();
    let show = ["config", "show", "--json"];
    assert_eq!(listen(place.run(show)), ("*:2022".into(), "default".into()));
    place.write("longshore.toml", "[sftp]\nlisten = \"127.0.0.1:1\"\n");
    assert_eq!(listen(place.run(show)), ("127.0.0.1:1".into(), "file".into()));
    let env = [("LONGSHORE_SFTP_LISTEN", "127.0.0.1:2")];
    assert_eq!(
        listen(place.run_with(&env, show)),
        ("127.0.0.1:2".into(), "environment".into())
    );

    place.write("longshore.toml", "data_dir = \"from-file\"\n");
    let data_dir = |outcome: Outcome| entry(&outcome.ok(), "data_dir");
    let from_file = data_dir(place.run(show));
    assert_eq!(
        from_file["value"],
        place.path().join("from-file").to_str().unwrap()
    );
    assert_eq!(from_file["origin"]["line"], 1);
    let env = [("LONGSHORE_DATA_DIR", "/from-env")];
    assert_eq!(data_dir(place.run_with(&env, show))["value"], "/from-env");
    let with_flag = data_dir(place.run_with(&env, ["config", "show", "--json", "--data-dir", "/from-flag"]));
    assert_eq!(with_flag["value"], "/from-flag");
    assert_eq!(with_flag["origin"]["name"], "--data-dir");
}

#[test]
fn one_file_is_read_the_named_one_first() {
    let place = Place::new();
    let show = ["config", "show", "--json"];
    place.write("data/longshore.toml", "[sftp]\nlisten = \"127.0.0.1:1\"\n");
    let in_data_dir = ["config", "show", "--json", "--data-dir", "data"];
    assert_eq!(listen(place.run(in_data_dir)).0, "127.0.0.1:1");
    place.write("longshore.toml", "[sftp]\nlisten = \"127.0.0.1:2\"\n");
    assert_eq!(listen(place.run(in_data_dir)).0, "127.0.0.1:2");
    place.write("env.toml", "[sftp]\nlisten = \"127.0.0.1:3\"\n");
    assert_eq!(
        listen(place.run_with(&[("LONGSHORE_CONFIG", "env.toml")], show)).0,
        "127.0.0.1:3"
    );
    place.write("flag.toml", "[sftp]\nlisten = \"127.0.0.1:4\"\n");
    let by_flag = ["config", "show", "--json", "--config", "flag.toml"];
    assert_eq!(
        listen(place.run_with(&[("LONGSHORE_CONFIG", "env.toml")], by_flag)).0,
        "127.0.0.1:4"
    );
}

#[test]
fn the_text_form_names_value_and_origin() {
    let place = Place::new();
    place.write("longshore.toml", "[users]\nmax = 7\n");
    let text = place.run(["config", "show"]).ok().stdout;
    let line = text.lines().find(|line| line.starts_with("users.max")).unwrap();
    assert!(
        line.contains(" 7 ") && line.ends_with("longshore.toml:2"),
        "{line}"
    );
    assert!(
        text.lines()
            .any(|line| line.starts_with("sftp.listen") && line.ends_with("default")),
        "{text}"
    );
}

#[test]
fn secrets_are_never_shown() {
    let place = Place::new();
    place.write("longshore.toml", "[client]\napi_key = \"prefix.verysecret\"\n");
    for args in [
        vec!["config", "show"],
        vec!["config", "show", "--json"],
        vec!["config", "check"],
    ] {
        let outcome = place.run(args).ok();
        assert!(!outcome.stdout.contains("verysecret") && !outcome.stderr.contains("verysecret"));
    }
    let bad = place
        .run_with(&[("LONGSHORE_API_KEY", "very secret")], ["config", "check"])
        .fails(3);
    bad.complains_of(&["LONGSHORE_API_KEY"]);
    assert!(!bad.stderr.contains("very secret"));
    place.write("longshore.toml", "[client]\napi_key = \"very secret\"\n");
    let bad = place.run(["config", "check"]).fails(3);
    bad.complains_of(&["longshore.toml:2", "client.api_key"]);
    assert!(!bad.stderr.contains("very secret"));
}

#[test]
fn every_fault_is_named_with_file_line_and_suggestion() {
    let place = Place::new();
    place.write(
        "longshore.toml",
        "colour = 1\n[sftp]\nlisen = \"*:1\"\nlogin_grace_secs = 0\n[user]\nmax = 1\n[storage]\ndurability = \"often\"\n\
         [users]\nmax = \"many\"\n",
    );
    let outcome = place.run(["config", "check"]).fails(3);
    outcome.complains_of(&[
        "longshore.toml:1: unknown key colour\n",
        "longshore.toml:3: unknown key sftp.lisen; did you mean sftp.listen?",
        "longshore.toml:4: sftp.login_grace_secs = 0: must be a whole number from 1 to 3600",
        "longshore.toml:5: unknown section user; did you mean [users]?",
        "longshore.toml:8: storage.durability = \"often\": must be one of close, none",
        "longshore.toml:10: users.max = \"many\": must be a whole number of at least 0",
        "hint:",
    ]);
    assert!(outcome.stdout.is_empty());
}

#[test]
fn broken_toml_names_its_line() {
    let place = Place::new();
    place.write("longshore.toml", "[sftp]\nlisten = \n");
    place
        .run(["config", "check"])
        .fails(3)
        .complains_of(&["longshore.toml:2"]);
}

#[test]
fn bad_environment_values_and_names_are_faults() {
    let place = Place::new();
    let outcome = place.run_with(
        &[
            ("LONGSHORE_SHUTDOWN_GRACE_SECS", "soon"),
            ("LONGSHORE_SFTP_LISEN", "*:1"),
        ],
        ["config", "check"],
    );
    outcome.fails(3).complains_of(&[
        "LONGSHORE_SHUTDOWN_GRACE_SECS=soon: must be a whole number",
        "LONGSHORE_SFTP_LISEN; did you mean LONGSHORE_SFTP_LISTEN?",
    ]);
    let stray = place
        .run_with(&[("LONGSHORE_BIN", "x")], ["config", "check"])
        .ok();
    assert!(
        stray.stdout.contains("LONGSHORE_BIN is not a setting"),
        "{}",
        stray.stdout
    );
}

#[test]
fn bad_flags_name_the_flag() {
    let place = Place::new();
    place
        .run(["serve", "--sftp-listen", "2022"])
        .fails(3)
        .complains_of(&["--sftp-listen 2022: must be IP:PORT, or *:PORT", "hint:"]);
}

#[test]
fn a_missing_or_huge_file_is_a_clear_error() {
    let place = Place::new();
    place
        .run(["--config", "absent.toml", "config", "check"])
        .fails(3)
        .complains_of(&["absent.toml", "No such file"]);
    place
        .run(["--config", "/", "config", "check"])
        .fails(3)
        .complains_of(&["cannot read /", "directory"]);
    place
        .run(["--config", "/dev/zero", "config", "check"])
        .fails(3)
        .complains_of(&["/dev/zero", "longer than"]);
}

#[test]
fn the_file_in_the_data_directory_cannot_move_the_data_directory() {
    let place = Place::new();
    place.write("data/longshore.toml", "data_dir = \"elsewhere\"\n");
    place
        .run(["config", "check", "--data-dir", "data"])
        .fails(3)
        .complains_of(&[
            "longshore.toml:1",
            "data_dir cannot be set by the file inside the data directory",
        ]);
}

#[test]
fn a_found_file_of_another_user_is_not_obeyed() {
    if !support::is_root() {
        return;
    }
    let place = Place::new();
    let path = place.write("longshore.toml", "[users]\nmax = 1\n");
    std::os::unix::fs::chown(&path, Some(support::NOBODY), None).unwrap();
    place
        .run(["config", "check"])
        .fails(3)
        .complains_of(&["belongs to uid 65534", "--config"]);
    place.run(["--config", "longshore.toml", "config", "check"]).ok();
}

#[test]
fn config_check_says_which_file_is_good() {
    let place = Place::new();
    assert_eq!(
        place.run(["config", "check"]).ok().stdout,
        "configuration is good: no file, defaults\n"
    );
    let path = place.write("longshore.toml", "[users]\nmax = 1\n");
    let json = place.run(["config", "check", "--json"]).ok().json();
    assert_eq!(json["file"], path.to_str().unwrap());
    assert_eq!(json["warnings"], serde_json::json!([]));
}

#[test]
fn a_key_that_a_key_file_hides_is_a_warning() {
    let place = Place::new();
    place.write(
        "longshore.toml",
        "[client]\napi_key = \"a.b\"\napi_key_file = \"key\"\n",
    );
    let text = place.run(["config", "check"]).ok().stdout;
    assert!(
        text.contains("client.api_key") && text.contains("is not used"),
        "{text}"
    );
}

#[test]
fn the_data_directory_is_searched_in_order() {
    let place = Place::new();
    let data_dir = |outcome: Outcome| {
        entry(&outcome.ok(), "data_dir")["value"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let show = ["config", "show", "--json"];
    let usual = if support::is_root() {
        "/var/lib/longshore".to_owned()
    } else {
        place.path().join(".local/share/longshore").display().to_string()
    };
    assert_eq!(data_dir(place.run(show)), usual);
    std::fs::create_dir(place.path().join("longshore-data")).unwrap();
    assert_eq!(
        data_dir(place.run(show)),
        place.path().join("longshore-data").to_str().unwrap()
    );
    assert_eq!(
        data_dir(place.run_with(&[("LONGSHORE_DATA_DIR", "/env")], show)),
        "/env"
    );
}

#[test]
fn others_than_root_search_their_own_data_home() {
    if !support::is_root() {
        return;
    }
    let place = Place::new();
    let run = |env: &[(&str, &str)]| {
        let mut command = std::process::Command::new("setpriv");
        place.clean(&mut command);
        command.args([
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
            support::BINARY,
        ]);
        command
            .args(["config", "show", "--json"])
            .current_dir("/")
            .envs(env.iter().copied());
        entry(&support::finish(command).ok(), "data_dir")["value"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(run(&[("XDG_DATA_HOME", "/xdg")]), "/xdg/longshore");
    assert_eq!(run(&[("HOME", "/home/a")]), "/home/a/.local/share/longshore");
}
