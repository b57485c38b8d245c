//! `first-reply USER PORT KEY KNOWN_HOSTS`: connects to that port of 127.0.0.1, logs in with the key, starts SFTP, and prints
//! the seconds from the beginning to the server's first SFTP packet.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::time::Instant;

use longshore_client::sftp::{Sftp, SftpOptions};
use longshore_client::trust::TrustPolicy;
use longshore_client::{AuthMethod, ConnectOptions, Connection, Endpoint, NonInteractive, SftpChannels as _};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [user, port, key, known_hosts] = <[String; 4]>::try_from(env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: first-reply USER PORT KEY KNOWN_HOSTS")?;
    let started = Instant::now();
    let endpoint = Endpoint::new("127.0.0.1", port.parse()?)?;
    let trust = TrustPolicy::known_hosts([known_hosts.into()]);
    let options = ConnectOptions::new(endpoint, user, trust).auth(AuthMethod::key_file(key));
    let connection = Connection::connect(&options, &NonInteractive).await?;
    let sftp = Sftp::start(connection.open_sftp().await?, SftpOptions::default()).await?;
    let took = started.elapsed();
    writeln!(io::stdout(), "{}", took.as_secs_f64())?;
    sftp.close().await?;
    connection.close().await;
    Ok(())
}
