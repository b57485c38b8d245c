//! Connecting, for the examples: with the agent and the usual keys, or with `KEY=<file>`; trusting the user's known hosts, or
//! those of `KNOWN_HOSTS=<file>`.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;

use longshore_client::sftp::SftpOptions;
use longshore_client::target::{Remote, Target};
use longshore_client::transfer::SftpPool;
use longshore_client::trust::TrustPolicy;
use longshore_client::{
    AgentKeys, AuthMethod, ConnectOptions, Connection, Endpoint, KeyFile, NonInteractive,
};

/// What examples fail with.
pub(crate) type AnyError = Box<dyn std::error::Error>;

/// The two arguments of an example.
pub(crate) fn arguments(usage: &str) -> Result<[OsString; 2], AnyError> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    Ok(<[OsString; 2]>::try_from(arguments).map_err(|_| format!("usage: {usage}"))?)
}

/// Connects to `user@host:path` or `sftp://user@host:port/path` and starts SFTP.
pub(crate) async fn connect(target: &OsStr) -> Result<(Connection, SftpPool, Remote), AnyError> {
    let remote = Target::parse_remote(target)?;
    let home = PathBuf::from(env::var_os("HOME").ok_or("HOME is not set")?);
    let trust = match env::var_os("KNOWN_HOSTS") {
        Some(file) => TrustPolicy::known_hosts([file.into()]),
        None => TrustPolicy::standard(&home),
    };
    let user = remote
        .user
        .clone()
        .or_else(|| env::var("USER").ok())
        .ok_or("say which user")?;
    let endpoint = Endpoint::new(&remote.host, remote.port.unwrap_or(22))?;
    let mut options = ConnectOptions::new(endpoint, user, trust);
    if let Some(file) = env::var_os("KEY") {
        options = options.auth(AuthMethod::key_file(file));
    } else {
        options = options.auth(AuthMethod::Agent(AgentKeys::default().optional(true)));
        for name in ["id_ed25519", "id_ecdsa", "id_rsa"] {
            let file = KeyFile::new(home.join(".ssh").join(name)).optional(true);
            options = options.auth(AuthMethod::KeyFile(file));
        }
    }
    let connection = Connection::connect(&options, &NonInteractive).await?;
    let pool = SftpPool::open(Arc::new(connection.clone()), SftpOptions::default()).await?;
    Ok((connection, pool, remote))
}
