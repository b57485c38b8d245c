//! The host name that partners use.

use crate::config::{Config, settings};

/// `sftp.public_host`, or the machine's name.
pub(crate) fn public_host(config: &Config) -> String {
    config
        .text(&settings::SFTP_PUBLIC_HOST)
        .map_or_else(machine_name, str::to_owned)
}

/// The node name, with `localhost` for a machine that has none.
fn machine_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if name.is_empty() || name == "(none)" {
        "localhost".to_owned()
    } else {
        name
    }
}

/// Warns when partners could not resolve the name. Runs beside the start: a name server may take seconds.
pub(super) async fn warn_unless_it_resolves(host: String) {
    let Err(error) = tokio::net::lookup_host((host.as_str(), 0)).await else {
        return;
    };
    tracing::warn!(
        host,
        %error,
        "sftp.public_host does not resolve: the API returns it as `endpoint`, so set it to the name that partners use"
    );
}
