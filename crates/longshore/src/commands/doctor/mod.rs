//! `longshore doctor`

mod finding;
mod probes;

use std::ffi::OsString;

use clap::Args;
use longshore_client::sftp::Sftp;
use serde_json::{Map, Value, json};

use finding::{Finding, Verdict};

use crate::client::walk::join;
use crate::client::{ConnectArgs, Failures, Place, Session, block_on, name_json, shown};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::{OutputArgs, fields, print, print_json, table};

/// Find out what an SFTP server can do, and where it is odd
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore doctor files.example.net:
  longshore doctor alice@files.example.net:inbox --json | jq '.findings[] | select(.verdict != \"works\")'

It makes a directory of its own in the one that is named, tries things there, and removes it. works: as it should. absent: not
offered, clients do without. odd: allowed, but other than most servers. broken: offered and does not work. The exit code is 1
if something is broken.")]
pub struct DoctorArgs {
    /// A directory in which files may be made: host:path, user@host:path, sftp://…
    target: OsString,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// What is known of a server.
struct Report {
    facts: Vec<(&'static str, String)>,
    extensions: Vec<(Vec<u8>, Vec<u8>)>,
    findings: Vec<Finding>,
}

impl DoctorArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::one(&self.target)?;
        let (report, failures) = block_on(async {
            let session = self.connect.open(&place.server).await?;
            let mut failures = Failures::default();
            let scratch = join(place.path(), scratch_name().as_bytes());
            session
                .sftp()
                .mkdir(&scratch, Some(0o700))
                .await
                .map_err(|error| {
                    CliError::from(error).hint("name a directory in which this user may make files")
                })?;
            let user = &session.connection.info().user;
            let findings = probes::all(session.sftp(), &scratch, user).await;
            let facts = facts(&session).await;
            if let Err(error) = remove(session.sftp(), &scratch).await {
                failures.note(&error.hint(format!("remove {} yourself", shown(&scratch))));
            }
            let extensions = session
                .sftp()
                .extensions()
                .map(|(name, data)| (name.to_vec(), data.to_vec()))
                .collect();
            session.close().await;
            let report = Report {
                facts,
                extensions,
                findings,
            };
            Ok((report, failures))
        })?;
        if self.output.json {
            print_json(&to_json(&report))?;
        } else {
            print(&to_text(&report))?;
        }
        failures.finish()?;
        match count(&report, Verdict::Broken) {
            0 => Ok(()),
            broken => Err(CliError::new(
                ExitCode::Failure,
                format!("{broken} of what the server offers does not work"),
            )
            .hint("its operator should know")),
        }
    }
}

async fn facts(session: &Session) -> Vec<(&'static str, String)> {
    let info = session.connection.info();
    let mut facts = vec![
        ("server", info.server.clone()),
        (
            "host key",
            format!("{} {}", info.host_key_type, info.trusted.fingerprint),
        ),
        ("trusted", info.trusted.by.to_string()),
        ("key exchange", info.kex.clone()),
        ("cipher", info.cipher.clone()),
        ("login", info.auth.used.join(", ")),
    ];
    if let Ok(limits) = session.sftp().limits().await {
        let unlimited = |limit: u64| match limit {
            0 => "any".to_owned(),
            _ => limit.to_string(),
        };
        facts.push((
            "limits",
            limits.announced.map_or_else(
                || "not announced".to_owned(),
                |announced| {
                    format!(
                        "packet {}, read {}, write {}, handles {}",
                        unlimited(announced.max_packet_len),
                        unlimited(announced.max_read_len),
                        unlimited(announced.max_write_len),
                        unlimited(announced.max_open_handles)
                    )
                },
            ),
        ));
        facts.push((
            "used here",
            format!(
                "read {}, write {}, handles {}",
                limits.read_len, limits.write_len, limits.open_handles
            ),
        ));
    }
    facts.push((
        "round trip",
        format!("{:.1} ms", session.sftp().round_trip().as_secs_f64() * 1000.0),
    ));
    facts
}

/// Everything that the probes made, whatever became of them.
async fn remove(sftp: &Sftp, scratch: &[u8]) -> Result<()> {
    let entries = sftp.read_dir(scratch).await?.all().await?;
    for entry in entries {
        let path = join(scratch, &entry.name);
        if sftp.remove(&path).await.is_err() {
            sftp.rmdir(&path).await?;
        }
    }
    Ok(sftp.rmdir(scratch).await?)
}

fn scratch_name() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let nanos = now.unwrap_or_default().as_nanos();
    format!(".longshore-doctor-{}-{nanos:x}", std::process::id())
}

fn count(report: &Report, verdict: Verdict) -> usize {
    let findings = report.findings.iter();
    findings.filter(|finding| finding.verdict == verdict).count()
}

fn to_text(report: &Report) -> String {
    let mut text = fields(&report.facts);
    let names: Vec<String> = report
        .extensions
        .iter()
        .map(|(name, data)| format!("{} {}", shown(name), shown(data)).trim_end().to_owned())
        .collect();
    text += &fields(&[("extensions", names.join(", "))]);
    let rows: Vec<Vec<String>> = report
        .findings
        .iter()
        .map(|finding| {
            vec![
                finding.verdict.word().to_owned(),
                finding.what.to_owned(),
                finding.detail.clone(),
            ]
        })
        .collect();
    text.push('\n');
    text += &table(&["VERDICT", "WHAT", "DETAIL"], &rows);
    text
}

fn to_json(report: &Report) -> Value {
    let facts: Map<String, Value> = report
        .facts
        .iter()
        .map(|(name, value)| (name.replace(' ', "_"), value.clone().into()))
        .collect();
    let extension = |(name, data): &(Vec<u8>, Vec<u8>)| {
        let mut object = Map::new();
        name_json(&mut object, "name", name);
        name_json(&mut object, "data", data);
        Value::from(object)
    };
    let finding = |finding: &Finding| json!({"what": finding.what, "verdict": finding.verdict.word(), "detail": finding.detail});
    json!({
        "facts": facts,
        "extensions": report.extensions.iter().map(extension).collect::<Vec<_>>(),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
        "broken": count(report, Verdict::Broken),
    })
}
