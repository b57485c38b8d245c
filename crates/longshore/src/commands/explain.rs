//! `longshore explain`

use std::ffi::OsString;

use clap::Args;
use longshore_client::route::FirstStep;
use longshore_client::ssh_config::{Resolved, Setting};
use longshore_client::{AuthMethod, ConnectOptions, SftpStart, Via};
use serde_json::{Value, json};

use crate::client::{ConnectArgs, Place};
use crate::error::Result;
use crate::output::{OutputArgs, fields, print, print_json, table, visible};

/// Show how a server would be connected to, and which setting came from where
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore explain files.example.net
  longshore explain -J bastion alice@files.example.net --json | jq '.settings'

Nothing is connected to. Settings that lost against an earlier one are listed as overruled, those that have no meaning here as
warnings.")]
pub struct ExplainArgs {
    /// The server: host or alias, user@host, sftp://…
    #[arg(value_name = "HOST")]
    target: OsString,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl ExplainArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::one(&self.target)?;
        let resolved = self.connect.resolve(&place.server)?;
        if self.output.json {
            return print_json(&to_json(&resolved)?);
        }
        print(&to_text(&resolved)?)
    }
}

fn to_text(resolved: &Resolved) -> Result<String> {
    let (config, options) = (&resolved.config, &resolved.options);
    let mut rows = vec![
        ("asked for", config.original_host().to_owned()),
        (
            "connects to",
            format!("{} ({})", options.target(), config.origin("HostName")),
        ),
        ("as", format!("{} ({})", options.user, config.origin("User"))),
    ];
    let way = way(options);
    rows.extend(way.iter().map(|step| ("by way of", step.clone())));
    let files = config.user_known_hosts_files()?;
    for file in files.into_iter().chain(config.global_known_hosts_files()) {
        rows.push(("host keys", file.display().to_string()));
    }
    rows.push((
        "unknown key",
        format!(
            "{} ({})",
            strictness(resolved),
            config.origin("StrictHostKeyChecking")
        ),
    ));
    for method in &options.auth {
        rows.push(("logs in by", method_text(method)));
    }
    rows.push(("starts", start(&options.sftp)));
    let mut text = fields(&rows);
    for (title, settings) in [
        ("Settings", config.settings().collect::<Vec<_>>()),
        ("Overruled by an earlier one", config.overruled().collect()),
    ] {
        if settings.is_empty() {
            continue;
        }
        let rows: Vec<Vec<String>> = settings
            .iter()
            .map(|setting| {
                vec![
                    setting.keyword.to_owned(),
                    setting.words.join(" "),
                    setting.origin.to_string(),
                ]
            })
            .collect();
        text += &format!("\n{title}:\n{}", table(&["KEYWORD", "VALUE", "FROM"], &rows));
    }
    if !config.warnings().is_empty() {
        text += "\nWarnings:\n";
        for warning in config.warnings() {
            text += &format!("{}\n", visible(warning));
        }
    }
    Ok(text)
}

fn to_json(resolved: &Resolved) -> Result<Value> {
    let (config, options) = (&resolved.config, &resolved.options);
    let setting = |setting: &Setting| {
        json!({
            "keyword": setting.keyword,
            "words": setting.words,
            "origin": setting.origin.to_string(),
        })
    };
    Ok(json!({
        "asked_for": config.original_host(),
        "host": options.target().host(),
        "port": options.target().port(),
        "user": options.user,
        "way": way(options),
        "known_hosts": config.user_known_hosts_files()?,
        "global_known_hosts": config.global_known_hosts_files(),
        "unknown_host_key": strictness(resolved),
        "auth": options.auth.iter().map(method_text).collect::<Vec<_>>(),
        "sftp": start(&options.sftp),
        "settings": config.settings().map(setting).collect::<Vec<_>>(),
        "overruled": config.overruled().map(setting).collect::<Vec<_>>(),
        "warnings": config.warnings(),
    }))
}

/// What stands between here and the server, the nearest first.
fn way(options: &ConnectOptions) -> Vec<String> {
    match &options.via {
        Via::Jump(next) => {
            let mut steps = way(next);
            steps.push(format!("the jump host {} as {}", next.target(), next.user));
            steps
        }
        Via::Route(route) => {
            let first = match &route.first {
                FirstStep::Direct(_) => None,
                FirstStep::Command(command) => Some(format!("the command {command}")),
            };
            let proxies = route.proxies.iter().map(ToString::to_string);
            first.into_iter().chain(proxies).collect()
        }
    }
}

fn strictness(resolved: &Resolved) -> &'static str {
    use longshore_client::ssh_config::StrictHostKeyChecking;
    match resolved.config.strict_host_key_checking() {
        StrictHostKeyChecking::Yes => "refused",
        StrictHostKeyChecking::Ask => "asked about on a terminal, else refused",
        StrictHostKeyChecking::AcceptNew | StrictHostKeyChecking::No => "remembered",
    }
}

fn method_text(method: &AuthMethod) -> String {
    match method {
        AuthMethod::Password(_) => "the password that was given".to_owned(),
        AuthMethod::AskPassword => "a password that is asked for".to_owned(),
        AuthMethod::Key(_) => "a key".to_owned(),
        AuthMethod::KeyFile(file) => {
            let there = if file.path.exists() { "" } else { " (not there)" };
            format!("the key {}{there}", file.path.display())
        }
        AuthMethod::Agent(agent) => {
            let socket = agent.socket.as_ref();
            let socket = socket.map_or_else(String::new, |path| format!(" at {}", path.display()));
            let which = if agent.only_first {
                ", keys that are named only"
            } else {
                ""
            };
            format!("the agent{socket}{which}")
        }
        AuthMethod::KeyboardInteractive(_) => "answers to the server's questions".to_owned(),
        _ => "nothing".to_owned(),
    }
}

fn start(start: &SftpStart) -> String {
    match start {
        SftpStart::Subsystem(name) => format!("the subsystem {name}"),
        SftpStart::Command(command) => format!("the command {}", String::from_utf8_lossy(command)),
    }
}
