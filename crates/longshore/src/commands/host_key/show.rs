//! `longshore host-key show`

use clap::Args;
use longshore_ssh::HostKeys;
use serde_json::json;

use crate::cli::CommonArgs;
use crate::config::{Config, settings};
use crate::data_dir::DataDir;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::{OutputArgs, print, print_json};
use crate::serve::{ListenAddress, ServerFile, public_host};

/// Print the fingerprint, known_hosts lines and SSHFP records of the host keys
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore host-key show
  longshore host-key show --known-hosts sftp.example.com:2022 >> ~/.ssh/known_hosts
  longshore host-key show --json | jq -r '.sshfp[]'

Reads the data directory itself: the server need not run. Give partners the fingerprint over another channel than
the address, a signed e-mail or a telephone call.")]
pub struct ShowArgs {
    /// Print known_hosts lines for this host alone [default port: 22]
    #[arg(long, value_name = "HOST[:PORT]", conflicts_with = "json")]
    known_hosts: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

impl ShowArgs {
    pub(in crate::commands) fn run(&self, common: &CommonArgs) -> Result<()> {
        let config = common.load()?;
        let dir = DataDir::from_config(&config)?.existing()?;
        let keys = load(&dir)?;
        if let Some(place) = &self.known_hosts {
            let (host, port) = split(place)?;
            return print(&lines(&keys.known_hosts_lines(&host, port)));
        }
        let (host, port) = public_place(&config, &dir);
        let known_hosts = keys.known_hosts_lines(&host, port);
        let sshfp = keys.sshfp(&format!("{}.", host.trim_end_matches('.')));
        if self.output.json {
            let keys: Vec<_> = keys
                .fingerprints()
                .into_iter()
                .map(|(algorithm, fingerprint)| json!({"algorithm": algorithm, "fingerprint": fingerprint}))
                .collect();
            return print_json(&json!({
                "host": host, "port": port, "keys": keys, "knownHosts": known_hosts, "sshfp": sshfp,
            }));
        }
        let fingerprints: Vec<String> = keys
            .fingerprints()
            .into_iter()
            .map(|(algorithm, fingerprint)| format!("{fingerprint} {algorithm}"))
            .collect();
        print(&format!(
            "fingerprints:\n{}\nknown_hosts:\n{}\nSSHFP records:\n{}",
            lines(&fingerprints),
            lines(&known_hosts),
            lines(&sshfp)
        ))
    }
}

fn lines(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The keys of a directory on which a server ran before; showing must not make new ones.
fn load(dir: &DataDir) -> Result<HostKeys> {
    let folder = dir.host_keys();
    let is_empty = folder
        .read_dir()
        .map_or(true, |mut entries| entries.next().is_none());
    if is_empty {
        return Err(CliError::new(
            ExitCode::DataDir,
            format!("there are no host keys in {}", folder.display()),
        )
        .hint("the first start of `longshore serve` makes them; or name another directory with --data-dir"));
    }
    HostKeys::load_or_generate(&folder).map_err(|error| dir.broken("host keys", error))
}

/// Host and port as partners use them: the running server knows its port best.
fn public_place(config: &Config, dir: &DataDir) -> (String, u16) {
    let configured = config
        .integer(&settings::SFTP_PUBLIC_PORT)
        .and_then(|port| u16::try_from(port).ok());
    let running = || {
        ServerFile::read(dir)
            .ok()
            .flatten()
            .map(|server| server.sftp.port())
    };
    let listening = || match config.text(&settings::SFTP_LISTEN)?.parse().ok()? {
        ListenAddress::Any(port) => Some(port),
        ListenAddress::One(address) => Some(address.port()),
    };
    (
        public_host(config),
        configured.or_else(running).or_else(listening).unwrap_or(22),
    )
}

/// `host`, `host:port`, `[v6]:port` or a bare IPv6 address.
fn split(place: &str) -> Result<(String, u16)> {
    let wrong = || {
        CliError::new(
            ExitCode::Usage,
            format!("cannot use --known-hosts {place}: it must be HOST or HOST:PORT"),
        )
        .hint("IPv6 addresses with a port look like [2001:db8::1]:2022")
    };
    let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (bare(host), port.parse().map_err(|_| wrong())?)
        }
        _ => (bare(place), 22),
    };
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if host.is_empty() || port == 0 || !host.chars().all(good) {
        Err(wrong())
    } else {
        Ok((host, port))
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        let ok = |place: &str| split(place).unwrap();
        assert_eq!(ok("h.example"), ("h.example".to_owned(), 22));
        assert_eq!(ok("127.0.0.1:2022"), ("127.0.0.1".to_owned(), 2022));
        assert_eq!(ok("[::1]:2022"), ("::1".to_owned(), 2022));
        assert_eq!(ok("2001:db8::1"), ("2001:db8::1".to_owned(), 22));
        for bad in ["", ":22", "h:", "h:x", "h:0", "a b", "h,*:22", "h\nx"] {
            assert!(split(bad).is_err(), "{bad:?}");
        }
    }
}
