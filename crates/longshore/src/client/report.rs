//! What `-v` tells of a connection.

use longshore_client::Connection;

use super::connect_args::tell;

/// Says how a connection came about, on standard error.
pub(super) fn connection(connection: &Connection) {
    let info = connection.info();
    for hop in info.jumps.iter().chain([info]) {
        let place = match (&hop.trusted.file, hop.trusted.line) {
            (Some(file), Some(line)) => format!(" ({}:{line})", file.display()),
            _ => String::new(),
        };
        tell(&format!("connected to {} ({})", hop.endpoint, hop.server));
        tell(&format!(
            "  key exchange {}, cipher {}, host key {}",
            hop.kex, hop.cipher, hop.host_key_algorithm
        ));
        tell(&format!(
            "  host key {} {}, trusted: {}{place}",
            hop.host_key_type, hop.trusted.fingerprint, hop.trusted.by
        ));
        tell(&format!(
            "  logged in as {} by {}",
            hop.user,
            hop.auth.used.join(", ")
        ));
    }
}
