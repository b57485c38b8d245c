//! One SFTP channel from INIT to its end.

use std::sync::Arc;
use std::time::Duration;

use longshore_sftp::{Init, Version};
use longshore_storage::Home;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::activity::Doing;
use crate::context::Context;
use crate::engine::{Ending, Engine, Input, LENGTH_FIELD};
use crate::handles::{Handles, Open};
use crate::limits::{CLOSING_TIME, GOODBYE_TIME, SMALL_REPLY, ServerConfig};
use crate::log::Causes;
use crate::ops;
use crate::pipe::Pipe;
use crate::replies::{Outgoing, send_replies};
use crate::sessions::{EndReason, Session};
use crate::terms::Terms;

/// Serves SFTP on `pipe` until it ends; what is still open then is parked, or discarded if its user was deleted.
/// Returns what the client did wrong, if that was the end.
pub(crate) async fn run(
    pipe: Pipe,
    home: Arc<dyn Home>,
    session: Arc<Session>,
    terms: Terms,
    config: &ServerConfig,
) -> Option<String> {
    let Pipe { reader, writer } = pipe;
    let mut input = Input::new(reader);
    let (replies, queue) = mpsc::unbounded_channel();
    let activity = session.activity.clone();
    let context = Arc::new(Context {
        home,
        handles: Handles::new(session.handles.clone()),
        session,
        max_handles: config.handles_per_session,
        terms,
        gone: CancellationToken::new(),
    });
    let serve = serve(&mut input, replies, &context, config);
    let (complaint, writer) = futures::join!(serve, send_replies(queue, writer, activity));
    if context.session.end_reason().is_some() {
        // The session says goodbye for all its channels. Closing this one first would look like an orderly end.
        let _ = tokio::time::timeout(GOODBYE_TIME, input.until_gone()).await;
    } else if let Ok(writer) = writer {
        writer.finish(complaint.clone()).await;
    }
    complaint
}

/// Greets the client, runs its requests and puts aside what it leaves open. Returns what it did wrong, if it did.
async fn serve(
    input: &mut Input,
    replies: mpsc::UnboundedSender<Outgoing>,
    context: &Arc<Context>,
    config: &ServerConfig,
) -> Option<String> {
    let greeting = tokio::select! {
        greeting = tokio::time::timeout(config.init_timeout, greet(input)) => greeting,
        reason = context.session.ended() => Ok(Err(Ending::Ended(reason))),
    };
    match greeting {
        Err(_) => return Some(late(config.init_timeout)),
        Ok(Err(ending)) => return explain(context, &ending),
        Ok(Ok(())) => {}
    }
    let budget = context.session.reply_bytes.channel();
    let version = Version::v3(
        ops::extensions(context.home.capabilities()).filter(|name| context.terms.policy.announces(name)),
    )
    .with(ops::vendor());
    // The queue's other end lives as long as this future: both are joined.
    let _ = replies.send(Outgoing {
        packet: version
            .to_packet()
            .expect("the announced extensions fit into a packet"),
        _room: budget.reserve(SMALL_REPLY).await,
        _busy: context.session.activity.begin(Doing::Reply),
    });
    let engine = Engine::new(context.clone(), input, budget, replies, config.requests_in_flight);
    let ending = engine.run().await;
    close_handles(context, &ending).await;
    explain(context, &ending)
}

/// Waits for INIT.
async fn greet(input: &mut Input) -> Result<(), Ending> {
    loop {
        match input.next_packet() {
            Ok(Some(packet)) => {
                let received = LENGTH_FIELD + packet.len();
                Init::decode(packet).map_err(|error| Ending::Broken(error.into()))?;
                input.consumed(received);
                return Ok(());
            }
            Ok(None) => input.receive().await?,
            Err(error) => return Err(Ending::Broken(error.into())),
        }
    }
}

/// Parks or discards what was not closed.
async fn close_handles(context: &Context, ending: &Ending) {
    let session = &context.session;
    let deleted = matches!(ending, Ending::Ended(EndReason::Deleted))
        || session.end_reason() == Some(EndReason::Deleted);
    for open in context.handles.remove_all() {
        let Open::File(file) = open else { continue };
        let left = tokio::time::timeout(CLOSING_TIME, file.abandon(deleted)).await;
        let (connection, user, path) = (session.connection_id, &*session.username, &file.path);
        match left {
            Ok(Ok(())) => tracing::debug!(connection, user, ?path, deleted, "left open"),
            Ok(Err(error)) => {
                let cause = Causes(&error);
                tracing::warn!(connection, user, ?path, %cause, "cannot put an unfinished file aside");
            }
            Err(_) => tracing::warn!(
                connection,
                user,
                ?path,
                "gave up putting an unfinished file aside"
            ),
        }
    }
}

/// What a client whose channel we end is told, if it did something wrong.
fn explain(context: &Context, ending: &Ending) -> Option<String> {
    let Ending::Broken(violation) = ending else {
        return None;
    };
    let session = &context.session;
    let cause = Causes(violation);
    tracing::info!(
        connection = session.connection_id,
        user = &*session.username,
        %cause,
        "channel ended after a breach of the protocol"
    );
    Some(format!("protocol error: {violation}"))
}

fn late(after: Duration) -> String {
    format!("no SFTP request came within {} seconds", after.as_secs())
}
