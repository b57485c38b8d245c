//! The pages in `docs/` that must agree with the program: settings, commands, exit codes.

mod support;

use std::fs;
use std::path::PathBuf;

use longshore::ExitCode;

fn page(name: &str) -> (PathBuf, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(name);
    let text = fs::read_to_string(&path).unwrap();
    (path, text)
}

/// Everything from `marker` on must be `generated`; `UPDATE_DOCS=1` writes it.
fn compare_tail(name: &str, marker: &str, generated: &str) {
    let (path, text) = page(name);
    let start = text
        .find(marker)
        .unwrap_or_else(|| panic!("{name} has no {marker:?}"))
        + marker.len();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, format!("{}{generated}", &text[..start])).unwrap();
        return;
    }
    assert_eq!(
        &text[start..],
        generated,
        "{name} is out of date: UPDATE_DOCS=1 cargo test -p longshore --test docs"
    );
}

#[test]
fn the_reference_of_settings_is_that_of_the_table() {
    let generated = format!("\n{}\n", longshore::config::reference().trim_end());
    compare_tail("configuration.md", "--test docs -->\n", &generated);
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let rows: String = ExitCode::ALL
        .iter()
        .map(|(code, meaning)| format!("| {} | {meaning} |\n", *code as u8))
        .collect();
    let tail = format!(
        "{rows}\n`serve` that is ended by a second signal exits with 128 and the number of the signal.\n"
    );
    compare_tail("cli.md", "| code | meaning |\n| --- | --- |\n", &tail);
}

#[test]
fn every_command_has_its_row() {
    let (_, text) = page("cli.md");
    let mut expected = Vec::new();
    for command in longshore::cli::command().get_subcommands() {
        let verbs: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
        if verbs.is_empty() {
            expected.push(format!("longshore {}", command.get_name()));
        }
        expected.extend(
            verbs
                .iter()
                .map(|verb| format!("longshore {} {verb}", command.get_name())),
        );
    }
    let rows: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let documented: Vec<&str> = rows
        .into_iter()
        .filter(|row| row.starts_with("longshore "))
        .collect();
    assert_eq!(documented, expected);
}

#[test]
fn the_systemd_unit_is_one_that_systemd_understands() {
    let (_, text) = page("operations.md");
    let unit = text
        .split("```ini\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let mut section = "";
    for line in unit
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        assert!(
            line.split_once('=')
                .is_some_and(|(name, _)| name.chars().all(char::is_alphanumeric)),
            "{line}"
        );
        assert!(["[Unit]", "[Service]", "[Install]"].contains(&section), "{line}");
    }
    for name in unit
        .lines()
        .filter_map(|line| line.strip_prefix("Environment=")?.split('=').next())
    {
        let known = longshore::config::settings::SETTINGS
            .iter()
            .any(|setting| setting.env() == name);
        assert!(known, "{name} is not a setting");
    }
}
