//! Commands on the same account: `md5sum` and its like, `scp -f` and `scp -t`. There is no shell and no program behind
//! them: a command line is split into words (`words`), the first word names one of the commands below, and everything
//! else is refused.

mod glob;
mod hash_command;
mod io;
mod scp;
mod words;

use std::pin::pin;
use std::sync::Arc;

use longshore_ssh::Channel;
use longshore_storage::Home;
use tokio_util::sync::CancellationToken;

use self::io::Io;
use crate::activity::Doing;
use crate::context::Context;
use crate::error::OpError;
use crate::handles::Handles;
use crate::limits::ServerConfig;
use crate::sessions::Session;
use crate::status::person_text;
use crate::terms::Terms;

/// Runs a command line on its channel and ends that with the command's exit status. `lost`: the connection is gone.
pub(crate) async fn run(
    channel: Channel,
    command: &[u8],
    home: Arc<dyn Home>,
    session: Arc<Session>,
    config: &ServerConfig,
    lost: CancellationToken,
) {
    // Not a request: a client that has stopped reading or sending is idle in the end.
    let _busy = session.activity.begin(Doing::File);
    let context = Context {
        home,
        handles: Handles::new(session.handles.clone()),
        session: session.clone(),
        max_handles: config.handles_per_session,
        terms: Terms::default(),
        gone: lost.clone(),
    };
    let (mut io, pump) = io::split(channel, session.activity.clone());
    let work = async {
        let status = perform(&context, &mut io, command).await;
        drop(io);
        status
    };
    let (mut work, mut pump) = (pin!(work), pin!(pump.run()));
    tokio::select! {
        biased;
        // The session says goodbye for all its channels.
        _ = session.ended() => {}
        () = lost.cancelled() => {}
        status = &mut work => {
            // What it wrote last is still on its way.
            if let Some(writer) = pump.await {
                writer.finish(status).await;
            }
        }
        _ = &mut pump => {}
    }
}

/// The exit status.
async fn perform(context: &Context, io: &mut Io, command: &[u8]) -> u32 {
    let words = match words::split(command) {
        Ok(words) => words,
        Err(error) => return refuse(context, io, command, &error.to_string()).await,
    };
    let Some((name, arguments)) = words.split_first() else {
        return refuse(context, io, command, "no command").await;
    };
    log(context, command, "command");
    if let Some(hash) = hash_command::Command::of(&name.bytes) {
        return hash_command::run(context, io, hash, arguments).await;
    }
    match &*name.bytes {
        b"scp" | b"/usr/bin/scp" => scp::run(context, io, arguments).await,
        _ => refuse(context, io, command, "not a command of this server").await,
    }
}

/// Says that there is no such thing here, as a shell would, and what there is.
async fn refuse(context: &Context, io: &mut Io, command: &[u8], why: &str) -> u32 {
    log(context, command, "command refused");
    io.complain(&format!(
        "longshore: {why}; this server offers SFTP, scp, md5sum, sha1sum, sha256sum and sha512sum, and no shell"
    ))
    .await;
    1
}

fn log(context: &Context, command: &[u8], what: &str) {
    const LOGGED: usize = 200;
    let command = &command[..command.len().min(LOGGED)];
    tracing::info!(
        connection = context.session.connection_id,
        user = &*context.session.username,
        command = %command.escape_ascii(),
        "{what}"
    );
}

/// Why something failed, in the words of the system's own commands.
fn reason(error: &OpError) -> String {
    person_text(error)
}

/// A name as a message may carry it: without anything that a terminal acts on.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name)
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}
