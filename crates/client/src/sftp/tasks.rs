//! The two tasks of a session: one takes what the server sends, one sends what is queued.

use std::sync::Arc;

use bytes::Bytes;
use longshore_sftp::FrameDecoder;
use tokio::sync::mpsc;
use tokio::time::sleep_until;

use super::limits::{BATCH_LEN, BATCH_PACKETS, CLOSE_TIMEOUT, PROGRESS_LEN};
use super::link::{Outgoing, SessionEnd, State};
use crate::channel::{ByteReader, ByteWriter};

/// Takes replies until the stream ends, a packet cannot be understood or the server is silent for too long.
pub(super) async fn receive(
    mut reader: Box<dyn ByteReader>,
    mut decoder: FrameDecoder,
    first: Bytes,
    state: Arc<State>,
) {
    let ended = state.ended.clone();
    let end = tokio::select! {
        end = take_replies(&mut *reader, &mut decoder, first, &state) => end,
        timed_out = watch(&state) => timed_out,
        () = ended.cancelled() => return,
    };
    state.end(end);
}

async fn take_replies(
    reader: &mut dyn ByteReader,
    decoder: &mut FrameDecoder,
    first: Bytes,
    state: &Arc<State>,
) -> SessionEnd {
    let mut chunk = first;
    let mut since_progress = 0;
    loop {
        loop {
            match decoder.next_packet(&mut chunk) {
                Ok(Some(packet)) => {
                    if let Err(end) = state.dispatch(packet) {
                        return end;
                    }
                    since_progress = 0;
                }
                Ok(None) => break,
                Err(error) => return SessionEnd::protocol(format!("the server sent a {error}")),
            }
        }
        chunk = match reader.read().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return SessionEnd::lost("the server ended the SFTP session"),
            Err(error) => return SessionEnd::lost(&format!("the connection was lost: {error}")),
        };
        since_progress += chunk.len() as u64;
        if since_progress >= PROGRESS_LEN {
            since_progress = 0;
            state.progress();
        }
    }
}

/// Ends when requests are under way and nothing has happened for as long as the session allows.
async fn watch(state: &State) -> SessionEnd {
    loop {
        let Some(deadline) = state.deadline() else {
            state.armed.notified().await;
            continue;
        };
        sleep_until(deadline).await;
        match state.deadline() {
            Some(now_due) if now_due <= deadline => return SessionEnd::silent(state.patience()),
            _ => {}
        }
    }
}

/// Sends what is queued, many packets at a time.
pub(super) async fn transmit(
    mut writer: Box<dyn ByteWriter>,
    mut queue: mpsc::UnboundedReceiver<Outgoing>,
    state: Arc<State>,
) {
    let ended = state.ended.clone();
    let end = tokio::select! {
        end = send_queue(&mut *writer, &mut queue, &state) => end,
        () = ended.cancelled() => return,
    };
    match end {
        Some(end) => state.end(end),
        None => {
            // the server's end usually follows at once; replies that are under way are still taken
            tokio::select! {
                () = ended.cancelled() => {}
                () = tokio::time::sleep(CLOSE_TIMEOUT) => state.end(SessionEnd::closed()),
            }
        }
    }
}

/// `None`: everything that will ever come is sent.
async fn send_queue(
    writer: &mut dyn ByteWriter,
    queue: &mut mpsc::UnboundedReceiver<Outgoing>,
    state: &State,
) -> Option<SessionEnd> {
    let mut parts = Vec::with_capacity(2 * BATCH_PACKETS);
    let mut done = false;
    while !done {
        let mut len = 0;
        let mut next = queue.recv().await;
        done = loop {
            match next {
                Some(Outgoing::Packet(header, payload)) => {
                    len += header.len() + payload.as_ref().map_or(0, Bytes::len);
                    parts.push(header);
                    parts.extend(payload);
                }
                Some(Outgoing::Finish) | None => break true,
            }
            if len >= BATCH_LEN || parts.len() >= 2 * BATCH_PACKETS {
                break false;
            }
            match queue.try_recv() {
                Ok(more) => next = Some(more),
                Err(mpsc::error::TryRecvError::Empty) => break false,
                Err(mpsc::error::TryRecvError::Disconnected) => break true,
            }
        };
        if !parts.is_empty() {
            if let Err(error) = writer.write(&mut parts).await {
                return Some(SessionEnd::lost(&format!("the connection was lost: {error}")));
            }
            parts.clear();
            state.progress();
        }
    }
    match writer.finish().await {
        Ok(()) => None,
        Err(error) => Some(SessionEnd::lost(&format!("the connection was lost: {error}"))),
    }
}
